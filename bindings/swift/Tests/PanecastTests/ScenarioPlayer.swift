import Foundation
import Testing

@testable import Panecast

/// What each verb of a scenario is in Swift; facts are compared as texts.
final class ScenarioPlayer {
    typealias Step = [String: Any]
    typealias Facts = [String: String]

    private struct NothingNow: Error {}

    private var frames: [String: Picture] = [:]
    private var packets: [String: Data] = [:]
    private var encoders: [String: Panecast.Encoder] = [:]
    private var decoders: [String: Panecast.Decoder] = [:]
    private var questions: [String: (purpose: Purpose, source: String)] = [:]
    private var grants: [String: Grant] = [:]
    private var shares: [String: Share] = [:]
    private let rooms = ScenarioRooms()

    func play(_ step: Step) throws -> (status: String, facts: Facts) {
        do {
            return ("ok", try facts(step))
        } catch let error as PanecastError {
            return (error.kind.name, [:])
        } catch is NothingNow {
            return ("nothing-now", [:])
        }
    }

    private func facts(_ step: Step) throws -> Facts {
        let verb = try text(step, "do")
        switch verb.prefix(while: { $0 != "." }) {
        case "pattern": return try pattern(step)
        case "encoder": return try encoding(verb, step)
        case "decoder": return try decoding(verb, step)
        case "consent", "grant": return try consent(verb, step)
        case "share": return try sharing(verb, step)
        case "room", "host", "joiner": return try rooms.play(verb, step, frames)
        default: return try unknown(verb)
        }
    }

    private func unknown(_ verb: String) throws -> Facts {
        Issue.record("no verb \(verb)")
        return [:]
    }

    private func pattern(_ step: Step) throws -> Facts {
        let formats: [String: PixelFormat] = ["bgra": .bgra, "rgba": .rgba, "i420": .i420, "nv12": .nv12]
        let (width, height) = try size(step["size"])
        let picture = Picture(
            width, height, index: UInt32(try number(step, "index")), format: try #require(formats[text(step, "format")]),
            pad: optional(step, "pad") ?? 0)
        frames[try text(step, "as")] = picture
        return ["bytes": fnv(picture.planes[0].bytes)]
    }

    private func config(_ step: Step) throws -> EncoderConfig {
        let modes: [String: Mode] = ["lossless": .lossless, "auto": .auto]
        var config = EncoderConfig()
        config.mode = try #require(modes[step["mode"] as? String ?? "lossless"])
        config.quality = optional(step, "quality") ?? config.quality
        config.av1 = step["no_av1"] as? Bool != true
        return config
    }

    private func keep(_ step: Step, _ name: String, _ bytes: Data) -> Facts {
        if let name = step[name] as? String { packets[name] = bytes }
        return ["length": "\(bytes.count)", "bytes": fnv(bytes)]
    }

    private func lend<T>(_ step: Step, _ body: (Frame) throws -> T) throws -> T {
        let picture = try #require(frames[text(step, "frame")])
        return try picture.lend(
            stride: optional(step, "stride_bytes"), length: optional(step, "length"),
            size: step["size"] == nil ? nil : size(step["size"]), body)
    }

    private func encoding(_ verb: String, _ step: Step) throws -> Facts {
        if verb == "encoder.new" {
            encoders[try text(step, "as")] = try Panecast.Encoder(try config(step))
            return [:]
        }
        let encoder = try #require(encoders[text(step, "on")])
        switch verb {
        case "encoder.encode":
            let encoded = try lend(step) {
                try encoder.encode($0, damage: try damage(step), timestampUs: try number(step, "timestamp_us"))
            }
            return keep(step, "as", encoded.bytes).merging([
                "kind": "\(encoded.kind)", "sequence": "\(encoded.sequence)", "dirty_px": "\(encoded.dirtyPx)",
                "lossy_px": "\(encoded.lossyPx)",
            ]) { $1 }
        case "encoder.late_join":
            guard let join = try encoder.lateJoin(timestampUs: try number(step, "timestamp_us")) else { throw NothingNow() }
            _ = keep(step, "others", join.others)
            return keep(step, "as", join.joiner)
        case "encoder.refine":
            let refined = try encoder.refine(
                timestampUs: try number(step, "timestamp_us"), bytes: Int(try number(step, "bytes")))
            return keep(step, "as", refined?.bytes ?? Data())
        case "encoder.finish":
            return keep(step, "as", try encoder.finish(frames: try number(step, "frames"), fps: Int(try number(step, "fps"))))
        case "encoder.forget": try encoder.forget()
        case "encoder.set_bitrate": try encoder.setBitrate(try number(step, "bitrate"))
        default: return try unknown(verb)
        }
        return [:]
    }

    private func decoding(_ verb: String, _ step: Step) throws -> Facts {
        if verb == "decoder.new" {
            decoders[try text(step, "as")] = try Panecast.Decoder(sidePx: optional(step, "side_px"))
            return [:]
        }
        let decoder = try #require(decoders[text(step, "on")])
        switch verb {
        case "decoder.feed":
            var bytes: Data
            if let name = step["packet"] as? String {
                bytes = try #require(packets[name])
            } else {
                bytes = Data(try text(step, "text").utf8)
            }
            if let at = optional(step, "flip") { bytes[at] ^= 0xFF }
            try decoder.feed(bytes[(optional(step, "from") ?? 0)..<(optional(step, "to") ?? bytes.count)])
        case "decoder.next":
            guard let decoded = try decoder.next() else { throw NothingNow() }
            return told(decoded)
        case "decoder.drain":
            var pictures = 0
            while let decoded = try decoder.next() {
                if case .picture = decoded { pictures += 1 }
            }
            return ["pictures": "\(pictures)"]
        case "decoder.picture":
            guard let (size, pixels) = try decoder.picture() else { throw NothingNow() }
            return [
                "size": "[\(size.width),\(size.height)]", "pixels": fnv(pixels), "lossy_px": "\(try decoder.lossyPixels)",
            ]
        case "decoder.reset": try decoder.reset()
        default: return try unknown(verb)
        }
        return [:]
    }

    private func told(_ decoded: Decoded) -> Facts {
        switch decoded {
        case .header: ["kind": "header", "sequence": "0"]
        case .picture(let sequence, let timestampUs, let keyframe, let resized, _):
            [
                "kind": "picture", "sequence": "\(sequence)", "timestamp_us": "\(timestampUs)",
                "keyframe": keyframe ? "1" : "0", "resized": resized ? "1" : "0",
            ]
        case .epoch(let sequence): ["kind": "epoch", "sequence": "\(sequence)"]
        case .cursor: ["kind": "cursor", "sequence": "0"]
        case .end(let frames, let fps): ["kind": "end", "sequence": "0", "frames": "\(frames)", "fps": "\(fps)"]
        }
    }

    /// An answer is given where it is asked: a question that names nothing is refused when it is asked.
    private func consent(_ verb: String, _ step: Step) throws -> Facts {
        let purposes: [String: Purpose] = [
            "screen": .screen, "window": .window, "camera": .camera, "agent-screen": .agentScreen, "prepared": .prepared,
        ]
        switch verb {
        case "consent.ask":
            let (purpose, source) = (try #require(purposes[text(step, "purpose")]), try text(step, "source"))
            _ = try Grant.answered(purpose, source: source, allow: true)
            questions[try text(step, "as")] = (purpose, source)
        case "consent.answer":
            let question = questions.removeValue(forKey: try text(step, "on"))
            let asked = try #require(question)
            let allow = try #require(step["allow"] as? Bool)
            grants[try text(step, "as")] = try Grant.answered(asked.purpose, source: asked.source, allow: allow)
        case "grant.revoke": try #require(grants[text(step, "on")]).revoke()
        default: return try unknown(verb)
        }
        return [:]
    }

    private func sharing(_ verb: String, _ step: Step) throws -> Facts {
        if verb == "share.start" {
            let config = ShareConfig(fps: 1000, encoder: try config(step))
            let grant = try #require(grants[text(step, "grant")])
            shares[try text(step, "as")] = try Share(grant, source: try text(step, "source"), config: config)
            return [:]
        }
        let share = try #require(shares[text(step, "on")])
        let viewer = { UInt32(try self.number(step, "viewer")) }
        switch verb {
        case "share.push":
            try lend(step) {
                try share.push($0, damage: try damage(step), timestampUs: try number(step, "timestamp_us"))
            }
        case "share.viewer_joined": try share.viewerJoined(try viewer())
        case "share.viewer_left": try share.viewerLeft(try viewer())
        case "share.viewer_ack": try share.viewerAck(try viewer(), sequence: try number(step, "sequence"))
        case "share.pause": try share.pause()
        case "share.resume": try share.resume()
        case "share.end": try share.end()
        case "share.stop": try share.stop()
        case "share.set_masks":
            try share.setMasks(Masks(rects: try #require(step["rects"] as? [[Any]]).map(rect)))
        case "share.next_packet":
            while true {
                switch try share.next(timeoutMs: 60_000) {
                case .packet(let viewer, let sequence, let bytes):
                    packets[try text(step, "as")] = bytes
                    return [
                        "for_all": viewer == nil ? "1" : "0", "viewer": "\(viewer ?? 0)", "sequence": "\(sequence ?? 0)",
                    ]
                case .state: continue
                case let other: return try #require(nil, "\(step): \(other as Any)")
                }
            }
        case "share.no_packet":
            while let output = try share.next(timeoutMs: 0) {
                if case .packet = output { Issue.record("\(step): a packet") }
            }
        case "share.next_end":
            while true {
                switch try share.next(timeoutMs: 60_000) {
                case .ended(let error): return ["reason": error?.kind.name ?? "ok"]
                case .state: continue
                case let other: return try #require(nil, "\(step): \(other as Any)")
                }
            }
        default: return try unknown(verb)
        }
        return [:]
    }

    private func text(_ step: Step, _ name: String) throws -> String {
        try #require(step[name] as? String, "\(name) of \(step)")
    }

    private func number(_ step: Step, _ name: String) throws -> UInt64 {
        try #require((step[name] as? NSNumber)?.uint64Value, "\(name) of \(step)")
    }

    private func optional(_ step: Step, _ name: String) -> Int? {
        (step[name] as? NSNumber)?.intValue
    }

    private func size(_ value: Any?) throws -> (Int, Int) {
        let pair = try #require((value as? [Any])?.compactMap { ($0 as? NSNumber)?.intValue })
        return (pair[0], pair[1])
    }

    private func rect(_ value: [Any]) throws -> Rect {
        let edges = value.compactMap { ($0 as? NSNumber)?.uint32Value }
        try #require(edges.count == 4)
        return Rect(x: edges[0], y: edges[1], width: edges[2], height: edges[3])
    }

    private func damage(_ step: Step) throws -> [Rect]? {
        guard let rects = step["damage"] else { return nil }
        return try #require(rects as? [[Any]]).map(rect)
    }
}
