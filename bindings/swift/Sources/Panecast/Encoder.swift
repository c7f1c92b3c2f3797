import Foundation
import PanecastGenerated

/// What an encoder may lose.
public typealias Mode = PanecastGenerated.Mode

/// When what was lost is made good.
public typealias Refine = PanecastGenerated.Refine

/// A packet, and what is in it.
public typealias Encoded = PanecastGenerated.Encoded

/// What an encoder wrote.
public typealias UpdateKind = PanecastGenerated.UpdateKind

/// What brings a late joiner in.
public typealias LateJoin = PanecastGenerated.LateJoin

/// How an encoder works.
public struct EncoderConfig: Hashable, Sendable {
    /// What may be lost.
    public var mode: Mode
    /// Of films and photographs, from 1 (smallest) to 100 (best).
    public var quality: Int
    /// When lossy places become exact.
    public var refine: Refine
    /// Most bytes that the encoder keeps.
    public var memoryBytes: UInt64
    /// Whether films may be coded with AV1, in the mode `auto`.
    public var av1: Bool

    public init(
        mode: Mode = .lossless, quality: Int = 60, refine: Refine = .idle, memoryBytes: UInt64 = 512 << 20,
        av1: Bool = true
    ) {
        self.mode = mode
        self.quality = quality
        self.refine = refine
        self.memoryBytes = memoryBytes
        self.av1 = av1
    }

    func lowered() throws(PanecastError) -> PanecastGenerated.EncoderConfig {
        guard let quality = UInt8(exactly: quality) else {
            throw PanecastError(.invalidInput, "a quality of \(quality); it goes from 1 to 100")
        }
        return .init(mode: mode, quality: quality, refine: refine, memoryBytes: memoryBytes, av1: av1)
    }
}

/// Turns frames into packets of a stream. Calls from several threads take turns.
public final class Encoder: Sendable {
    private let own: PanecastGenerated.Encoder

    public init(_ config: EncoderConfig = EncoderConfig()) throws(PanecastError) {
        own = try native { try PanecastGenerated.Encoder(config: try config.lowered()) }
    }

    /// Encodes what changed since the last call.
    ///
    /// - Parameters:
    ///   - damage: where the frame may differ from the one before; `nil`: anywhere.
    ///   - timestampUs: microseconds since the stream began.
    public func encode(_ frame: Frame, damage: [Rect]? = nil, timestampUs: UInt64) throws(PanecastError) -> Encoded {
        try native {
            try frame.lowered { layout, a, b, c in
                try own.encode(
                    layout: layout, plane0: a, plane1: b, plane2: c, damaged: damage, timestampUs: timestampUs)
            }
        }
    }

    /// What brings a late joiner in; `nil` if there has been no picture yet.
    public func lateJoin(timestampUs: UInt64) throws(PanecastError) -> LateJoin? {
        try native { try own.lateJoin(timestampUs: timestampUs) }
    }

    /// Makes lossy places that are quiet exact: a packet of about `bytes`, what is in `focus` first; `nil` if none is due.
    public func refine(timestampUs: UInt64, bytes: Int, focus: Rect? = nil) throws(PanecastError) -> Encoded? {
        try native { try own.refine(timestampUs: timestampUs, bytes: try number(bytes, "bytes"), focus: focus) }
    }

    /// How many bits a second films may be coded for; `nil` for as many as the quality asks for.
    public func setBitrate(_ bitsASecond: UInt64?) throws(PanecastError) {
        try native { try own.setBitrate(bitsASecond: bitsASecond) }
    }

    /// Forgets all pictures and what it has learnt of them; the next frame is a keyframe after a stream header.
    public func forget() throws(PanecastError) {
        try native { try own.forget() }
    }

    /// The end of a recording of so many pictures, unchanged ones included.
    public func finish(frames: UInt64, fps: Int) throws(PanecastError) -> Data {
        try native { try own.finish(frames: frames, fps: try number(fps, "pictures a second")) }
    }
}
