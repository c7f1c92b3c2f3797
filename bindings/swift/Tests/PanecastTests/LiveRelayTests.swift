import Foundation
import Testing

@testable import Panecast

/// A host and a joiner at a real relay, whose address `PANECAST_RELAY` says: `cargo xtask door swift` starts one.
@Suite(.timeLimit(.minutes(3))) struct LiveRelayTests {
    static let address = ProcessInfo.processInfo.environment["PANECAST_RELAY"]

    @Test(.enabled(if: address != nil, "there is no PANECAST_RELAY"))
    func aWholeSessionWithCuts() async throws {
        let relay = try readRelay(try #require(Self.address))
        let address = try #require(URL(string: relay.url))
        let host = try Panecast.Host()
        let hostSocket = BareSocket(host, relay: address)
        let (keys, key) = AsyncStream.makeStream(of: String.self)
        let (asks, asked) = AsyncStream.makeStream(of: String.self)
        let hosting = Task {
            var end: EndReason?
            for await event in host.events {
                switch event {
                case .connection(let connection): hostSocket.carry(connection)
                case .key(let text, _): key.yield(text)
                case .ask(let joiner, let who, _, let purpose):
                    asked.yield(who)
                    try host.allow(joiner, purpose: purpose, source: pushSource(width: 96, height: 64))
                    asked.yield("allowed")
                case .ended(let reason): end = reason
                default: break
                }
            }
            asked.finish()
            return end
        }
        let typed = try #require(await keys.first { _ in true })
        let link = try writeLink(.key, relay: relay.url, secret: typed)
        let joiner = try Joiner(try link.way(), who: "Ann")
        let joinerSocket = BareSocket(joiner, relay: address)
        let (pictures, seen) = AsyncStream.makeStream(of: [UInt8].self)
        let joining = Task {
            var end: EndReason?
            for await event in joiner.events {
                switch event {
                case .connection(let connection): joinerSocket.carry(connection)
                case .picture:
                    if let picture = try joiner.picture() { seen.yield(picture.pixels) }
                case .ended(let reason): end = reason
                default: break
                }
            }
            seen.finish()
            return end
        }
        var answers = asks.makeAsyncIterator()
        #expect(await answers.next() == "Ann")
        #expect(await answers.next() == "allowed")
        let cuts: [() -> Void] = [
            {}, { joinerSocket.cut() }, { hostSocket.cut() },
            {
                joinerSocket.cut()
                hostSocket.cut()
            },
        ]
        for (index, cut) in cuts.enumerated() {
            cut()
            let picture = Picture(96, 64, index: UInt32(index))
            try picture.lend { try host.push($0, timestampUs: UInt64(index) * 1000) }
            let wanted = picture.planes[0].bytes
            #expect(await pictures.first { $0 == wanted } != nil, "picture \(index)")
        }
        try joiner.leave()
        #expect(try await joining.value == .watcherLeft)
        try host.end()
        #expect(try await hosting.value == .sharerStopped)
        // Each line was cut twice, and its first messages went along each time.
        #expect(hostSocket.counted == (3, 3) && joinerSocket.counted == (3, 3))
        // One question for all of it.
        #expect(await answers.next() == nil)
    }
}
