import Foundation
import Testing

@testable import Panecast

/// Two ends and the relay between them, made of docs/protocol.md alone: it keeps the order and reads nothing.
private final class Room {
    static let joinerNumber: UInt32 = 7

    let host: Panecast.Host
    let joiner: Joiner
    var told: [HostEvent] = []
    var seen: [JoinerEvent] = []
    /// What the relay was told of an end.
    var ended: String?
    private var joined = false
    private var returns = 0

    /// Starts the host, and the joiner by what the host told.
    init(_ config: HostConfig = HostConfig(), prepare: (Panecast.Host) throws -> Void = { _ in }, way: (HostEvent) -> Way?) throws {
        host = try Panecast.Host(config)
        try prepare(host)
        var found: Way?
        while found == nil {
            switch try #require(try host.next(timeoutMs: 30_000)) {
            case .connection(.connect(let afterMs)):
                #expect(afterMs == 0)
                try host.connected()
            case .connection(.send(.text(let text))):
                try Room.answer(host, try Room.json(text))
            case let event:
                found = way(event)
                if found == nil { told.append(event) }
            }
        }
        joiner = try Joiner(found!, who: "Ann")
    }

    convenience init() throws {
        try self.init { event in
            if case .key(let key, let lastsMs) = event, lastsMs > 0 { .key(key: key) } else { nil }
        }
    }

    /// Carries messages until `done`; against hangs, not for ever.
    func until(_ what: String, _ done: (Room) throws -> Bool) throws {
        let end = ContinuousClock.now + .seconds(60)
        while try !done(self) {
            guard ContinuousClock.now < end else {
                Issue.record("no \(what): \(told) \(seen)")
                throw CancellationError()
            }
            try carry()
        }
    }

    func carry() throws {
        // After their end they say closed, and have said all.
        if let event = try? host.next(timeoutMs: 1) {
            switch event {
            case .connection(.send(.text(let text))):
                let says = try Room.json(text)
                switch says["type"] as? String {
                case "admit": try join()
                case "refuse":
                    try? joiner.receive(Room.text(["type": "refused", "kind": says["reason"]!, "message": "no"]))
                case "end": ended = says["reason"] as? String
                default: try Room.answer(host, says)
                }
            case .connection(.send(.binary(let parcel))):
                let to = parcel.prefix(4).reversed().reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
                #expect(to == 0 || to == Room.joinerNumber)
                // A slice, whose indices do not begin at 0.
                try? joiner.receive(.binary(parcel.dropFirst(5)))
            default: told.append(event)
            }
        }
        if let event = try? joiner.next(timeoutMs: 1) {
            switch event {
            case .connection(.connect): try joiner.connected()
            case .connection(.send(.text(let text))):
                let says = try Room.json(text)
                #expect(says["type"] as? String == "hello" && says["protocol"] as? Int == 3)
                if let place = says["resume"] as? [String: Any] {
                    #expect(place["token"] as? String == "token \(returns)")
                    try join()
                    try host.receive(Room.text(["type": "came", "joiner": Room.joinerNumber, "resumed": true]))
                } else {
                    try host.receive(Room.text(["type": "came", "joiner": Room.joinerNumber, "door": says["door"]!]))
                }
            case .connection(.send(.binary(let bytes))):
                try? host.receive(.binary(Data([UInt8(Room.joinerNumber), 0, 0, 0]) + bytes))
            default: seen.append(event)
            }
        }
    }

    private func join() throws {
        guard !joined || returns > 0 else { return }
        joined = true
        returns += 1
        try joiner.receive(
            Room.text(["type": "joined", "room": "r", "joiner": Room.joinerNumber, "token": "token \(returns)"]))
    }

    var asked: Bool {
        told.contains {
            if case .ask(Room.joinerNumber, "Ann", nil, .screen) = $0 { true } else { false }
        }
    }

    /// Lets the joiner see pushed frames.
    func allow() throws {
        try until("question", \.asked)
        try host.allow(Room.joinerNumber, purpose: .screen, source: "push:96x64")
        try until("word") { $0.seen.contains { if case .allowed = $0 { true } else { false } } }
    }

    func push(_ index: UInt32) throws {
        try Picture(96, 64, index: index).lend { try host.push($0, timestampUs: UInt64(index)) }
    }

    func shows(_ index: UInt32) throws -> Bool {
        try joiner.picture()?.pixels == Picture(96, 64, index: index).planes[0].bytes
    }

    private static func answer(_ host: Panecast.Host, _ says: [String: Any]) throws {
        if says["type"] as? String == "hello" {
            try host.receive(text(["type": "room", "room": "r", "secret": "s"]))
        } else if let door = says["door"] as? [String: Any], says["type"] as? String == "open" {
            if let link = door["link"] as? [String: Any] {
                try host.receive(
                    text(["type": "opened", "door": ["link": ["id": link["id"]!, "expires_in_s": 60]]]))
            } else {
                try host.receive(
                    text(["type": "opened", "door": ["key": ["number": "4829", "expires_in_s": 600] as [String: Any]]]))
            }
        }
    }

    private static func json(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    private static func text(_ object: [String: Any]) throws -> RelayMessage {
        .text(String(decoding: try JSONSerialization.data(withJSONObject: object), as: UTF8.self))
    }
}

@Suite(.timeLimit(.minutes(3))) struct RelayTests {
    @Test func whatIsPushedIsSeenAndWhatIsPausedIsGone() throws {
        let room = try Room()
        try room.until("question", \.asked)
        #expect(kind { try room.push(1) } == .denied)
        #expect(try room.joiner.picture() == nil)
        try room.allow()
        for index in 1...4 as ClosedRange<UInt32> {
            try room.push(index)
            try room.until("picture") { try $0.shows(index) }
        }
        #expect(try room.joiner.pictureSize == PictureSize(width: 96, height: 64))
        #expect(try room.host.stats.viewers == 1)
        try room.host.pause()
        try room.until("pause") { $0.seen.contains { if case .state(.paused, _) = $0 { true } else { false } } }
        #expect(try room.joiner.picture() == nil)
        try room.host.resume()
        try room.push(6)
        try room.until("picture after the pause") { try $0.shows(6) }

        try room.joiner.point(Point(x: 3, y: 4))
        try room.joiner.draw(line: 1, tool: .arrow, colour: 0xFF0000, points: [Point(x: 1, y: 2), Point(x: 30, y: 40)])
        try room.joiner.clear()
        let marks: [Mark] = [
            .pointer(at: Point(x: 3, y: 4)),
            .line(line: 1, tool: .arrow, colour: 0xFF0000, points: [Point(x: 1, y: 2), Point(x: 30, y: 40)]), .clear,
        ]
        try room.until("marks") { room in
            marks.allSatisfy { room.told.contains(.mark(joiner: Room.joinerNumber, $0)) }
        }

        try room.host.end()
        try room.until("end") { $0.seen.contains(.ended(.sharerStopped)) }
        try room.until("the host's own end") { $0.told.contains(.ended(.sharerStopped)) }
        #expect(room.ended == "host-stopped")
        #expect(kind { _ = try room.host.next(timeoutMs: 0) } == .closed)
        #expect(kind { _ = try room.joiner.next(timeoutMs: 0) } == .closed)
    }

    @Test func aCutAsksNobodyAgain() throws {
        let room = try Room()
        try room.allow()
        try room.push(1)
        try room.until("picture") { try $0.shows(1) }
        try room.joiner.disconnected()
        try room.host.receive(.text(#"{"type":"left","joiner":7}"#))
        try room.push(2)
        try room.until("picture after the cut") { try $0.shows(2) }
        #expect(room.told.filter { if case .ask = $0 { true } else { false } }.count == 1)
    }

    @Test func aNoAndAWrongKeyAreTold() throws {
        let room = try Room()
        try room.until("question", \.asked)
        #expect(kind { try room.host.allow(7, purpose: .screen, source: "push:0x0") } == .invalidInput)
        try room.host.decline(7)
        try room.until("no") { $0.seen.contains(.ended(.declined)) }
        #expect(kind { try room.host.decline(7) } == .invalidInput)

        let other = try Room { event in
            guard case .key(let key, _) = event else { return nil }
            return .key(key: key.dropLast() + (key.hasSuffix("0") ? "1" : "0"))
        }
        try other.until("refusal") { $0.seen.contains(.ended(.wrongKey)) }
        #expect(!other.asked)
        #expect(kind { _ = try Joiner(.key(key: "12"), who: "Ann") } == .invalidInput)
        #expect(kind { _ = try Joiner(.link(text: "nonsense", key: nil), who: "Ann") } == .invalidInput)
    }

    @Test func aLinkLetsIn() throws {
        var config = HostConfig()
        config.keys = false
        let room = try Room(config, prepare: { try $0.openLink(.alone(uses: 1, lastsS: 60)) }) { event in
            if case .link(let text, false) = event { .link(text: text, key: nil) } else { nil }
        }
        for word in ["", "{}", "[1]", #"{"type":"shout"}"#, #"{"type":"came"}"#] {
            try room.host.receive(.text(word))
            try room.joiner.receive(.text(word))
        }
        try room.host.receive(.binary(Data()))
        try room.host.receive(.binary(Data([1, 2, 3, 4, 5])))
        try room.allow()
        try room.push(1)
        try room.until("picture") { try $0.shows(1) }
    }

    @Test func linksThatOpenAnAppAreRead() throws {
        let secret = try drawLink()
        let link = try readLink("shop://relay.example/camera?tenant=a%20b#\(secret)", appScheme: "shop")
        #expect(link.goal == .camera && link.tenant == "a b" && link.secret == secret)
        #expect(link.url == "https://relay.example/camera?tenant=a%20b#\(secret)")
        #expect(link.relay.hostSocket == "wss://relay.example/ws/host" && link.relay.secure)
        #expect(kind { _ = try link.way() } == .invalidInput)
        let key = try writeLink(.key, relay: "127.0.0.1:7700", secret: "482 913 507")
        #expect(key.url == "http://127.0.0.1:7700/#482913507")
        #expect(try key.way() == .key(key: "482913507"))
        let see = try readLink("https://relay.example/see#\(secret).key")
        #expect(try see.needsKey && see.way(key: "123456789") == .link(text: "\(secret).key", key: "123456789"))
        #expect(try readRelay("host").joinerSocket == "ws://host/ws/join")
        for bad in ["", "#", secret, "https://relay.example/camera", "ftp://relay.example/see#\(secret)"] {
            #expect(kind { _ = try readLink(bad) } == .invalidInput)
        }
        #expect(kind { _ = try readRelay("ftp://host") } == .invalidInput)
    }

    @Test func eventsAndStatesAreStreamsThatEnd() async throws {
        let host = try Panecast.Host()
        try host.connected()
        try host.receive(.text(#"{"type":"refused","kind":"not-allowed","message":"who are you"}"#))
        var told: [HostEvent] = []
        for await event in host.events { told.append(event) }
        guard case .refused(.notAllowed, _)? = told.dropLast(2).last else {
            Issue.record("\(told)")
            return
        }
        #expect(told.suffix(2) == [.connection(.disconnect), .ended(.failed)])
        for await _ in host.states {}
        // Who waits is told when it is stopped.
        let other = try Panecast.Host()
        let reader = Task { for await _ in other.events {} }
        try other.stop()
        await reader.value
        #expect(kind { try other.pause() } == .closed)
        #expect(try drawLink().count > 20)
    }
}
