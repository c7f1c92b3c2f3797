import Dispatch
import Foundation
import PanecastGenerated

/// The truth about the picture.
public typealias ShareState = PanecastGenerated.ShareState

/// Figures of a running share; totals since the start.
public typealias ShareStats = PanecastGenerated.ShareStats

/// How a share runs.
public struct ShareConfig: Hashable, Sendable {
    /// Most pictures a second.
    public var fps: Int
    /// Most bits a second for moving pictures; `nil` for as many as the lines take.
    public var bitrate: UInt64?
    /// How pictures are coded.
    public var encoder: EncoderConfig

    public init(fps: Int = 30, bitrate: UInt64? = nil, encoder: EncoderConfig = EncoderConfig()) {
        self.fps = fps
        self.bitrate = bitrate
        self.encoder = encoder
    }

    func lowered() throws(PanecastError) -> PanecastGenerated.ShareConfig {
        .init(fps: try number(fps, "pictures a second"), bitrate: bitrate, encoder: try encoder.lowered())
    }
}

/// What is hidden. Windows are written `0x1200003`, `title:TEXT` or `class:TEXT`.
public struct Masks: Hashable, Sendable {
    /// In pixels of the source.
    public var rects: [Rect]
    /// Hidden windows.
    public var windows: [String]
    /// All but these windows are hidden; if there is none, this hides nothing.
    public var onlyWindows: [String]

    public init(rects: [Rect] = [], windows: [String] = [], onlyWindows: [String] = []) {
        self.rects = rects
        self.windows = windows
        self.onlyWindows = onlyWindows
    }

    func lowered() -> PanecastGenerated.Masks {
        .init(rects: rects, windows: windows, onlyWindows: onlyWindows)
    }
}

/// What a share tells, in order.
public enum ShareOutput: Hashable, Sendable {
    /// Bytes of the stream, for the app's transport: for one viewer or, without one, for all. Viewers acknowledge the
    /// sequence number, if there is one.
    case packet(viewer: UInt32?, sequence: UInt64?, bytes: Data)
    /// The state changed.
    case state(ShareState)
    /// The last output: the source ended in its natural way (`nil`), failed, or the consent was taken back.
    case ended(PanecastError?)
}

/// A running share over a captured source or pushed frames. Any thread may call it. Nothing is captured before the first
/// viewer joins. After ``stop()`` every call throws `closed`. The last reference to go stops it.
public final class Share: Sendable {
    private let own: PanecastGenerated.Share
    private let newest = Newest<ShareState>()
    private let queue = DispatchQueue(label: "dev.panecast.share")

    /// Starts to share `source`: an id of ``sources()``, or `push:WIDTHxHEIGHT` for frames that the app pushes; without
    /// one, what the visitor allowed. The grant must be for it, and is used up.
    ///
    /// Throws `denied` if the grant is for something else or used up, `revoked` if it was taken back.
    public init(
        _ grant: Grant, source: String? = nil, config: ShareConfig = ShareConfig()
    ) throws(PanecastError) {
        let source = if let source { source } else { try grant.source }
        own = try native {
            try PanecastGenerated.Share.start(grant: grant.own, source: source, config: try config.lowered())
        }
    }

    deinit {
        newest.finish()
    }

    /// The states, newest wins: who is slow misses those in between. They come with the outputs, so that somebody must
    /// read ``outputs`` or call ``next(timeoutMs:)``.
    public var states: AsyncStream<ShareState> { newest.stream() }

    /// All that happens, for one reader, which decides the pace: while it is busy nothing more is fetched. It ends after
    /// ``ShareOutput/ended(_:)``, and when the share is stopped.
    public var outputs: AsyncStream<ShareOutput> {
        pulled(on: queue) { timeoutMs throws(PanecastError) in try self.next(timeoutMs: timeoutMs) }
    }

    /// What happened next, in order; `nil` if there is nothing within the time. It blocks; ``outputs`` suspends.
    public func next(timeoutMs: UInt32) throws(PanecastError) -> ShareOutput? {
        switch try native({ try own.next(timeoutMs: timeoutMs) }) {
        case nil:
            return nil
        case .packet(let viewer, let sequence, let bytes):
            return .packet(viewer: viewer, sequence: sequence, bytes: bytes)
        case .state(let state):
            newest.tell(state)
            return .state(state)
        case .ended(let error):
            newest.finish()
            return .ended(error.map { PanecastError($0) })
        }
    }

    /// Hands over a frame; it replaces one that was not captured yet. The frame is read in place and not kept.
    ///
    /// - Parameters:
    ///   - damage: where it may differ from the frame before; `nil`: anywhere.
    ///   - timestampUs: microseconds since the stream began.
    public func push(_ frame: Frame, damage: [Rect]? = nil, timestampUs: UInt64) throws(PanecastError) {
        try native {
            try frame.lowered { layout, a, b, c in
                try own.push(
                    layout: layout, plane0: a, plane1: b, plane2: c, damaged: damage, timestampUs: timestampUs)
            }
        }
    }

    /// No more frames will be pushed: what was pushed last still goes out, then comes ``ShareOutput/ended(_:)``.
    public func end() throws(PanecastError) {
        try native { try own.end() }
    }

    /// A viewer joined, or lost its place: it gets a snapshot, then what follows.
    public func viewerJoined(_ viewer: UInt32) throws(PanecastError) {
        try native { try own.viewerJoined(viewer: viewer) }
    }

    /// The transport has dropped what was on its way to a viewer. It holds up nobody until it joins anew.
    public func viewerBehind(_ viewer: UInt32) throws(PanecastError) {
        try native { try own.viewerBehind(viewer: viewer) }
    }

    /// A viewer left.
    public func viewerLeft(_ viewer: UInt32) throws(PanecastError) {
        try native { try own.viewerLeft(viewer: viewer) }
    }

    /// A viewer has painted the update `sequence`; it held it for `heldUs` before it told so, 0 if it does not say.
    public func viewerAck(_ viewer: UInt32, sequence: UInt64, heldUs: UInt64 = 0) throws(PanecastError) {
        try native { try own.viewerAck(viewer: viewer, sequence: sequence, heldUs: heldUs) }
    }

    /// What the agents look at: it is refined first. `nil` if nobody says.
    public func setFocus(_ focus: Rect?) throws(PanecastError) {
        try native { try own.setFocus(focus: focus) }
    }

    /// Stops capturing until ``resume()``, and forgets all pictures. Once it returns, no picture from before is given.
    public func pause() throws(PanecastError) {
        try native { try own.pause() }
    }

    /// Goes on after ``pause()``, with a picture taken after this call.
    public func resume() throws(PanecastError) {
        try native { try own.resume() }
    }

    /// Hides what `masks` says from now on, in place of what was hidden before. Once it returns, no picture without them is
    /// given.
    public func setMasks(_ masks: Masks) throws(PanecastError) {
        try native { try own.setMasks(masks: masks.lowered()) }
    }

    /// Figures since the start.
    public var stats: ShareStats {
        get throws(PanecastError) { try native { try own.stats() } }
    }

    /// Stops capturing and encoding, and waits for it. Stopping twice is harmless.
    public func stop() throws(PanecastError) {
        try native { try own.stop() }
        newest.finish()
    }
}
