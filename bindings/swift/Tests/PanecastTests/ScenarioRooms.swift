import Foundation
import Testing

@testable import Panecast

/// Hosts, joiners and the relay between them, as the README of the scenarios describes it; facts are texts.
final class ScenarioRooms {
    typealias Step = [String: Any]
    typealias Facts = [String: String]

    /// One of the two ends, its room and what it has told.
    private class End {
        var room: String?
        var told: [(kind: String, facts: Facts)] = []
    }

    private final class HostEnd: End {
        let host: Panecast.Host
        /// The newest key that no joiner has used.
        var key: String?
        var link: String?
        /// Keys that the relay has given a number.
        var keys = 0

        init(_ host: Panecast.Host) { self.host = host }
    }

    private final class JoinerEnd: End {
        let joiner: Joiner
        /// By which the relay knows it; 0 before it has knocked.
        var number: UInt32 = 0
        /// How often the relay has let it in.
        var joined = 0
        var connected = false

        init(_ joiner: Joiner) { self.joiner = joiner }
    }

    private var names: [String: End] = [:]
    private var ends: [End] = []
    private var knocks: UInt32 = 0

    func play(_ verb: String, _ step: Step, _ frames: [String: Picture]) throws -> Facts {
        switch verb.prefix(while: { $0 != "." }) {
        case "host": return try host(verb, step, frames)
        case "joiner": return try joiner(verb, step, frames)
        default:
            switch verb {
            case "room.new": try end(step, "host").room = try text(step, "as")
            case "room.cut": try cut(try end(step, "end"))
            default: Issue.record("no verb \(verb)")
            }
            return [:]
        }
    }

    private func cut(_ end: End) throws {
        if let end = end as? JoinerEnd {
            try gone(end)
            try end.joiner.disconnected()
        } else if let end = end as? HostEnd {
            for joiner in inside(end) { try say(joiner, ["type": "host-lost"]) }
            try end.host.disconnected()
        }
    }

    /// A joiner's line is no longer there.
    private func gone(_ end: JoinerEnd) throws {
        guard end.connected else { return }
        end.connected = false
        try say(hostOf(end), ["type": "left", "joiner": end.number])
    }

    private func keep(_ step: Step, _ end: End) throws {
        names[try text(step, "as")] = end
        ends.append(end)
    }

    private func host(_ verb: String, _ step: Step, _ frames: [String: Picture]) throws -> Facts {
        if verb == "host.new" {
            var config = HostConfig(tenant: step["tenant"] as? String ?? "default")
            config.keys = step["no_keys"] as? Bool != true
            config.share.fps = 1000
            try keep(step, HostEnd(try Panecast.Host(config)))
            return [:]
        }
        let end = try #require(try end(step, "on") as? HostEnd)
        let joiner = { UInt32(try self.number(step, "joiner")) }
        switch verb {
        case "host.next": return try next(end, step)
        case "host.allow": try end.host.allow(try joiner(), purpose: try purpose(step), source: try text(step, "source"))
        case "host.decline": try end.host.decline(try joiner())
        case "host.dismiss": try end.host.dismiss(try joiner())
        case "host.push":
            let picture = try #require(frames[text(step, "frame")])
            let at = try number(step, "timestamp_us")
            try picture.lend(
                stride: (step["stride_bytes"] as? NSNumber)?.intValue, length: (step["length"] as? NSNumber)?.intValue,
                size: nil
            ) { try end.host.push($0, timestampUs: at) }
        case "host.pause": try end.host.pause()
        case "host.resume": try end.host.resume()
        case "host.end": try end.host.end()
        case "host.stop": try end.host.stop()
        case "host.open_link": try end.host.openLink(.alone(uses: UInt32(try number(step, "uses")), lastsS: 60))
        case "host.take_link": try end.host.takeLink(try text(step, "text"))
        default: Issue.record("no verb \(verb)")
        }
        return [:]
    }

    private func joiner(_ verb: String, _ step: Step, _ frames: [String: Picture]) throws -> Facts {
        if verb == "joiner.new" {
            let made = JoinerEnd(
                try Joiner(try way(step), who: step["who"] as? String ?? "Ann", purpose: try purpose(step)))
            made.room = try text(step, "room")
            try keep(step, made)
            return [:]
        }
        let end = try #require(try end(step, "on") as? JoinerEnd)
        let points = (step["points"] as? [NSNumber] ?? []).map(\.int32Value)
        let places = stride(from: 0, to: points.count, by: 2).map { Point(x: points[$0], y: points[$0 + 1]) }
        switch verb {
        case "joiner.next": return try next(end, step)
        case "joiner.picture":
            if let seen = try end.joiner.picture() { return facts(seen) }
            // The copy says that there is none.
            try withUnsafeTemporaryAllocation(byteCount: 16, alignment: 4) { _ = try end.joiner.copyPicture(to: $0, strideBytes: 4) }
        case "joiner.shows":
            let wanted = try #require(frames[text(step, "frame")]).planes[0].bytes
            var seen: (size: PictureSize, pixels: [UInt8])?
            try until("\(step)") {
                seen = try end.joiner.picture()
                return seen?.pixels == wanted
            }
            return facts(try #require(seen))
        case "joiner.point": try end.joiner.point(places.first)
        case "joiner.draw":
            try end.joiner.draw(line: UInt32(try number(step, "line")), tool: .pen, colour: 0xFF0000, points: places)
        case "joiner.clear": try end.joiner.clear()
        case "joiner.pause": try end.joiner.pause(true)
        case "joiner.resume": try end.joiner.pause(false)
        case "joiner.leave": try end.joiner.leave()
        case "joiner.stop": try end.joiner.stop()
        default: Issue.record("no verb \(verb)")
        }
        return [:]
    }

    private func facts(_ seen: (size: PictureSize, pixels: [UInt8])) -> Facts {
        ["size": "[\(seen.size.width),\(seen.size.height)]", "pixels": fnv(seen.pixels)]
    }

    private func way(_ step: Step) throws -> Way {
        if let key = step["key"] as? String { return .key(key: key) }
        if let link = step["link"] as? String { return .link(text: link, key: nil) }
        if step["link_of"] != nil {
            let host = try #require(try end(step, "link_of") as? HostEnd)
            try until("a link") { host.link != nil }
            return .link(text: host.link!, key: nil)
        }
        let host = try #require(try end(step, "key_of") as? HostEnd)
        try until("a key") { host.key != nil }
        let key = host.key!
        if step["wrong"] as? Bool == true { return .key(key: key.dropLast() + (key.hasSuffix("0") ? "1" : "0")) }
        host.key = nil
        return .key(key: key)
    }

    /// The next event of this kind; others are passed over.
    private func next(_ end: End, _ step: Step) throws -> Facts {
        let kind = try text(step, "event")
        let state = step["state"] as? String
        var found: Facts?
        try until("\(step)") {
            while found == nil, !end.told.isEmpty {
                let told = end.told.removeFirst()
                if told.kind == kind && (state == nil || told.facts["state"] == state) {
                    found = told.facts
                } else {
                    try #require(told.kind != "ended", "\(step): \(told.facts)")
                }
            }
            return found != nil
        }
        return try #require(found)
    }

    /// Carries messages until `done`; a minute is against hangs only.
    private func until(_ what: String, _ done: () throws -> Bool) throws {
        for _ in 0..<30_000 {
            if try done() { return }
            try carry()
        }
        try #require(Bool(false), "\(what): nothing came")
    }

    private func carry() throws {
        for end in ends where end.room != nil {
            // After their end they say closed, and have said all.
            if let end = end as? HostEnd, let event = try? end.host.next(timeoutMs: 1) {
                try tells(end, event)
            } else if let end = end as? JoinerEnd, let event = try? end.joiner.next(timeoutMs: 1) {
                try tells(end, event)
            }
        }
    }

    private func tells(_ end: HostEnd, _ event: HostEvent) throws {
        switch event {
        case .connection(.connect): try end.host.connected()
        case .connection(.send(.text(let text))): try says(end, try json(text))
        case .connection(.send(.binary(let parcel))):
            let to = parcel.prefix(4).reversed().reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
            for joiner in inside(end, to) { try? joiner.joiner.receive(.binary(parcel.dropFirst(5))) }
        case .connection(.disconnect), .waiting, .present, .takenOver: break
        case .key(let key, _): end.key = key
        case .link(let link, _): end.link = link
        case .ask(let joiner, let who, _, let purpose):
            end.told.append(("ask", ["joiner": "\(joiner)", "who": who, "purpose": kebab(purpose)]))
        case .mark(let joiner, let mark):
            let (kind, points): (String, [Point]) =
                switch mark {
                case .pointer(let at): ("pointer", at.map { [$0] } ?? [])
                case .line(_, _, _, let points): ("line", points)
                case .clear: ("clear", [])
                }
            let flat = points.flatMap { ["\($0.x)", "\($0.y)"] }.joined(separator: ",")
            end.told.append(("mark", ["joiner": "\(joiner)", "kind": kind, "points": "[\(flat)]"]))
        case .left(let joiner, let who, let reason):
            end.told.append(("left", ["joiner": "\(joiner)", "who": who, "reason": kebab(reason)]))
        case .state(let state): end.told.append(("state", ["state": kebab(state)]))
        case .stopped(let error): end.told.append(("stopped", ["reason": error?.kind.name ?? "ok"]))
        case .refused(let kind, _): end.told.append(("refused", ["refusal": kebab(kind)]))
        case .ended(let reason): end.told.append(("ended", ["reason": kebab(reason)]))
        }
    }

    private func tells(_ end: JoinerEnd, _ event: JoinerEvent) throws {
        switch event {
        case .connection(.connect):
            end.connected = true
            try end.joiner.connected()
        case .connection(.send(.text(let text))): try says(end, try json(text))
        case .connection(.send(.binary(let bytes))):
            let number = (0..<4).map { UInt8(truncatingIfNeeded: end.number >> (8 * $0)) }
            try? hostOf(end).host.receive(.binary(Data(number) + bytes))
        case .connection(.disconnect): try gone(end)
        case .picture, .cursor: break
        case .sealed: end.told.append(("sealed", [:]))
        case .asking: end.told.append(("asking", [:]))
        case .allowed(let source): end.told.append(("allowed", ["source": source]))
        case .state(let state, _): end.told.append(("state", ["state": kebab(state)]))
        case .refused(let kind, _): end.told.append(("refused", ["refusal": kebab(kind)]))
        case .ended(let reason): end.told.append(("ended", ["reason": kebab(reason)]))
        }
    }

    private func says(_ end: HostEnd, _ says: Step) throws {
        let to = (says["joiner"] as? NSNumber)?.uint32Value ?? 0
        switch try text(says, "type") {
        case "hello":
            try say(end, ["type": "room", "room": "r", "secret": "s"])
            guard says["resume"] is Step else { return }
            for joiner in inside(end) { try say(end, ["type": "came", "joiner": joiner.number, "resumed": true]) }
            for joiner in inside(end) { try say(joiner, ["type": "host-back"]) }
        case "open":
            let door = try #require(says["door"] as? Step)
            if let link = door["link"] as? Step {
                let opened: Step = ["id": try text(link, "id"), "expires_in_s": 600]
                try say(end, ["type": "opened", "door": ["link": opened]])
            } else {
                end.keys += 1
                let opened: Step = ["number": String(format: "%04d", end.keys), "expires_in_s": 600]
                try say(end, ["type": "opened", "door": ["key": opened]])
            }
        case "admit": for joiner in inside(end, to) { try letIn(joiner) }
        case "refuse":
            for joiner in inside(end, to) {
                try say(joiner, ["type": "refused", "kind": try text(says, "reason"), "message": "no"])
            }
        case "dismiss", "end":
            for joiner in inside(end, to) { try say(joiner, ["type": "end", "reason": try text(says, "reason")]) }
        case "ping": try say(end, ["type": "pong"])
        case "close": break
        case let other: Issue.record("a host says \(other)")
        }
    }

    private func says(_ end: JoinerEnd, _ says: Step) throws {
        if try text(says, "type") == "ping" { return try say(end, ["type": "pong"]) }
        if let place = says["resume"] as? Step {
            #expect(try text(place, "token") == "token \(end.joined)")
            try letIn(end)
            try say(hostOf(end), ["type": "came", "joiner": end.number, "resumed": true])
        } else {
            knocks += 1
            end.number = knocks
            try say(hostOf(end), ["type": "came", "joiner": end.number, "door": try #require(says["door"])])
        }
    }

    private func letIn(_ end: JoinerEnd) throws {
        end.joined += 1
        try say(end, ["type": "joined", "room": "r", "joiner": end.number, "token": "token \(end.joined)"])
    }

    private func hostOf(_ end: JoinerEnd) throws -> HostEnd {
        try #require(ends.lazy.compactMap { $0 as? HostEnd }.first { $0.room == end.room })
    }

    /// Who is in a host's room: all (0), or one, which may be knocking yet.
    private func inside(_ host: HostEnd, _ to: UInt32 = 0) -> [JoinerEnd] {
        ends.compactMap { $0 as? JoinerEnd }
            .filter { $0.connected && $0.room == host.room && (to == 0 ? $0.joined > 0 : $0.number == to) }
    }

    /// Who has ended hears nothing.
    private func say(_ end: End, _ says: Step) throws {
        let words = RelayMessage.text(String(decoding: try JSONSerialization.data(withJSONObject: says), as: UTF8.self))
        if let end = end as? HostEnd {
            try? end.host.receive(words)
        } else if let end = end as? JoinerEnd {
            try? end.joiner.receive(words)
        }
    }

    private func json(_ text: String) throws -> Step {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? Step)
    }

    private func end(_ step: Step, _ name: String) throws -> End {
        try #require(names[text(step, name)], "no such end: \(step)")
    }

    private func text(_ step: Step, _ name: String) throws -> String {
        try #require(step[name] as? String, "\(name) of \(step)")
    }

    private func number(_ step: Step, _ name: String) throws -> UInt64 {
        try #require((step[name] as? NSNumber)?.uint64Value, "\(name) of \(step)")
    }

    private func purpose(_ step: Step) throws -> Purpose {
        let purposes: [String: Purpose] = [
            "screen": .screen, "window": .window, "camera": .camera, "agent-screen": .agentScreen, "prepared": .prepared,
        ]
        return try #require(purposes[step["purpose"] as? String ?? "screen"])
    }

    /// `sharerStopped` as `sharer-stopped`.
    private func kebab(_ value: Any) -> String {
        "\(value)".reduce(into: "") { $0 += $1.isUppercase ? "-" + $1.lowercased() : String($1) }
    }
}
