#if canImport(Darwin)
import Foundation

/// An end's WebSocket to its relay, by `URLSession`: hand it every `connection` event, in their order.
public final class RelaySocket: @unchecked Sendable {
    // What follows is touched on this queue alone.
    private let queue = DispatchQueue(label: "dev.panecast.relay")
    private let url: URL
    private let token: String?
    private let end: any RelayEnd
    private var task: URLSessionWebSocketTask?
    private var outgoing: AsyncStream<RelayMessage>.Continuation?

    /// - Parameters:
    ///   - relay: as `wss://relay.example`.
    ///   - token: who this is, where the tenant asks for it.
    public init<End: RelayEnd>(_ end: End, relay: URL, token: String? = nil) {
        self.end = end
        self.url = relay.appendingPathComponent(End.path)
        self.token = token
    }

    deinit {
        task?.cancel(with: .goingAway, reason: nil)
    }

    /// Does what the end asks for. It returns at once.
    public func carry(_ connection: Connection) {
        queue.async { [self] in
            switch connection {
            case .connect(let afterMs):
                queue.asyncAfter(deadline: .now() + .milliseconds(Int(min(afterMs, 3_600_000)))) { [self] in connect() }
            case .send(let message):
                outgoing?.yield(message)
            case .disconnect:
                // What came before is sent first.
                outgoing?.finish()
                (task, outgoing) = (nil, nil)
            }
        }
    }

    private func connect() {
        task?.cancel(with: .goingAway, reason: nil)
        let task = URLSession.shared.webSocketTask(with: url)
        // The largest message of a relay's.
        task.maximumMessageSize = 64 << 20
        let (messages, outgoing) = AsyncStream.makeStream(of: RelayMessage.self)
        (self.task, self.outgoing) = (task, outgoing)
        task.resume()
        // A ping is answered once the connection stands.
        task.sendPing { [weak self] error in
            guard let self else { return }
            let stands = error == nil
            self.queue.async { self.opened(task, messages, stands) }
        }
    }

    private func opened(_ task: URLSessionWebSocketTask, _ messages: AsyncStream<RelayMessage>, _ stands: Bool) {
        guard task === self.task else { return }
        guard stands else { return lost(task) }
        // An end that has ended says so in its events.
        try? end.connected(token: token)
        Task { [weak self] in
            for await message in messages {
                do {
                    switch message {
                    case .text(let text): try await task.send(.string(text))
                    case .binary(let bytes): try await task.send(.data(bytes))
                    }
                } catch {
                    self?.hasLost(task)
                    return
                }
            }
            task.cancel(with: .normalClosure, reason: nil)
        }
        Task { [weak self] in
            while let message = try? await task.receive() {
                let received: RelayMessage
                switch message {
                case .string(let text): received = .text(text)
                case .data(let bytes): received = .binary(bytes)
                @unknown default: continue
                }
                guard let self else { return }
                self.queue.async {
                    if task === self.task { try? self.end.receive(received) }
                }
            }
            self?.hasLost(task)
        }
    }

    private func hasLost(_ task: URLSessionWebSocketTask) {
        queue.async { [self] in lost(task) }
    }

    private func lost(_ task: URLSessionWebSocketTask) {
        guard task === self.task else { return }
        outgoing?.finish()
        (self.task, outgoing) = (nil, nil)
        task.cancel(with: .goingAway, reason: nil)
        try? end.disconnected()
    }
}
#endif
