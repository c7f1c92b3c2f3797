#if canImport(Darwin)
import Foundation

/// An end's WebSocket to its relay, by `URLSession`: hand it every `connection` event, in their order.
public final class RelaySocket: @unchecked Sendable {
    /// How long the last messages may take.
    private static let goodbye = DispatchTimeInterval.seconds(2)

    // What follows is touched on this queue alone.
    private let queue = DispatchQueue(label: "dev.panecast.relay")
    private let url: URL
    private let token: String?
    private let end: any RelayEnd
    private let listener = Listener()
    private let session: URLSession
    private var task: URLSessionWebSocketTask?
    private var outgoing: AsyncStream<RelayMessage>.Continuation?

    /// - Parameters:
    ///   - relay: as `https://relay.example`.
    ///   - token: who this is, where the tenant asks for it.
    public init<End: RelayEnd>(_ end: End, relay: URL, token: String? = nil) {
        self.end = end
        var place = URLComponents(url: relay.appendingPathComponent(End.path), resolvingAgainstBaseURL: false)
        place?.scheme = relay.scheme == "https" || relay.scheme == "wss" ? "wss" : "ws"
        self.url = place?.url ?? relay
        self.token = token
        session = URLSession(configuration: .default, delegate: listener, delegateQueue: nil)
        listener.socket = self
    }

    deinit {
        task?.cancel(with: .goingAway, reason: nil)
        session.finishTasksAndInvalidate()
    }

    /// Does what the end asks for. It returns at once.
    public func carry(_ connection: Connection) {
        queue.async { [self] in
            switch connection {
            case .connect(let afterMs):
                queue.asyncAfter(deadline: .now() + .milliseconds(Int(min(afterMs, 3_600_000)))) { [weak self] in
                    self?.connect()
                }
            case .send(let message):
                outgoing?.yield(message)
            case .disconnect:
                // What came before is sent first; a line that is dead is not waited for.
                outgoing?.finish()
                if let task {
                    queue.asyncAfter(deadline: .now() + Self.goodbye) { task.cancel(with: .normalClosure, reason: nil) }
                }
                (task, outgoing) = (nil, nil)
            }
        }
    }

    /// Cuts the line, as a bad network does: the end asks for another one.
    public func cut() {
        queue.async { [self] in
            if let task { lost(task) }
        }
    }

    private func connect() {
        task?.cancel(with: .goingAway, reason: nil)
        // An end that has ended says so in its events.
        guard let early = try? end.early(token: token) else { return }
        let task = early.isEmpty ? session.webSocketTask(with: url) : session.webSocketTask(with: url, protocols: early)
        // The largest message of a relay's.
        task.maximumMessageSize = 64 << 20
        self.task = task
        task.resume()
    }

    fileprivate func opened(_ task: URLSessionWebSocketTask, _ picked: String?) {
        queue.async { [self] in
            guard task === self.task else { return }
            let (messages, outgoing) = AsyncStream.makeStream(of: RelayMessage.self)
            self.outgoing = outgoing
            try? end.opened(protocol: picked)
            send(messages, by: task)
            receive(from: task)
        }
    }

    private func send(_ messages: AsyncStream<RelayMessage>, by task: URLSessionWebSocketTask) {
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
    }

    private func receive(from task: URLSessionWebSocketTask) {
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

    fileprivate func hasLost(_ task: URLSessionTask) {
        queue.async { [self] in
            if let task = task as? URLSessionWebSocketTask { lost(task) }
        }
    }

    private func lost(_ task: URLSessionWebSocketTask) {
        guard task === self.task else { return }
        outgoing?.finish()
        (self.task, outgoing) = (nil, nil)
        task.cancel(with: .goingAway, reason: nil)
        try? end.disconnected()
    }
}

/// A session keeps its delegate; this one does not keep the socket.
private final class Listener: NSObject, URLSessionWebSocketDelegate, @unchecked Sendable {
    // Set once, before there is a task.
    weak var socket: RelaySocket?

    func urlSession(
        _ session: URLSession, webSocketTask: URLSessionWebSocketTask, didOpenWithProtocol picked: String?
    ) {
        socket?.opened(webSocketTask, picked)
    }

    func urlSession(
        _ session: URLSession, webSocketTask: URLSessionWebSocketTask,
        didCloseWith closeCode: URLSessionWebSocketTask.CloseCode, reason: Data?
    ) {
        socket?.hasLost(webSocketTask)
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        socket?.hasLost(task)
    }
}
#endif
