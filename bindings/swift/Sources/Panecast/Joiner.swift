import Dispatch
import Foundation
import PanecastGenerated

/// What a joiner tells, in order.
public enum JoinerEvent: Hashable, Sendable {
    /// What to do for the connection; the WebSocket is at the relay's `/ws/join`.
    case connection(Connection)
    /// The key was right: nobody between can read what follows.
    case sealed
    /// The person at the other end is being asked.
    case asking
    /// Allowed; pictures follow.
    case allowed(source: String)
    /// How the picture lives. While it is paused there is no picture.
    case state(ShareState, source: String)
    /// There is a newer picture: paint it (``Joiner/copyPicture(to:strideBytes:)``). Asking for the next event says that it
    /// is painted.
    case picture(PictureSize, dirty: [Rect], resized: Bool)
    /// The cursor moved or has another shape.
    case cursor
    /// The relay does not let it in; ``JoinerEvent/ended(_:)`` follows.
    case refused(RefusalKind, String)
    /// All is over; nothing follows.
    case ended(EndReason)
}

/// The watching end at a relay, with its decoder and without its WebSocket. Any thread may call it. After the end every call
/// throws `closed`.
public final class Joiner: RelayEnd {
    public static let path = "/ws/join"

    private let own: PanecastGenerated.Joiner
    private let newest = Newest<ShareState>()
    private let queue = DispatchQueue(label: "dev.panecast.joiner")

    /// Knocks by `way`. `who` is what the other end is told of this person; a pass knows better.
    ///
    /// Throws `invalidInput` if the key, the link or the credential is none, or a link needs a key and has none.
    public init(
        _ way: Way, who: String, purpose: Purpose = .screen, tenant: String = "default"
    ) throws(PanecastError) {
        own = try native { try PanecastGenerated.Joiner(tenant: tenant, way: way, who: who, purpose: purpose) }
    }

    deinit {
        newest.finish()
    }

    /// How the picture lives, newest wins. The states come with the events, so that somebody must read ``events`` or call
    /// ``next(timeoutMs:)``.
    public var states: AsyncStream<ShareState> { newest.stream() }

    /// All that happens, for one reader. It ends after ``JoinerEvent/ended(_:)``, and when the joiner is stopped.
    public var events: AsyncStream<JoinerEvent> {
        pulled(on: queue) { timeoutMs throws(PanecastError) in try self.next(timeoutMs: timeoutMs) }
    }

    /// What happened next, in order; `nil` if nothing does within the time. It blocks; ``events`` suspends.
    public func next(timeoutMs: UInt32) throws(PanecastError) -> JoinerEvent? {
        guard let event = try native({ try own.next(timeoutMs: timeoutMs) }) else { return nil }
        let told = JoinerEvent(event)
        switch told {
        case .state(let state, _): newest.tell(state)
        case .ended: newest.finish()
        default: break
        }
        return told
    }

    public func early(token: String? = nil) throws(PanecastError) -> [String] {
        try native { try own.early(token: token) }
    }

    public func opened(protocol picked: String?) throws(PanecastError) {
        try native { try own.opened(protocol: picked) }
    }

    public func alive() throws(PanecastError) {
        try native { try own.alive() }
    }

    public func connected(token: String? = nil) throws(PanecastError) {
        try native { try own.connected(token: token) }
    }

    public func disconnected() throws(PanecastError) {
        try native { try own.disconnected() }
    }

    public func receive(_ message: RelayMessage) throws(PanecastError) {
        switch message {
        case .text(let text): try native { try own.text(text: text) }
        case .binary(let bytes): try native { try own.binary(bytes: try whole(bytes)) }
        }
    }

    /// The newest picture's size; `nil` while there is none.
    public var pictureSize: PictureSize? {
        get throws(PanecastError) { try native { try own.pictureSize() } }
    }

    /// As ``Decoder/copyPicture(to:strideBytes:)``.
    @discardableResult
    public func copyPicture(
        to target: UnsafeMutableRawBufferPointer, strideBytes: Int
    ) throws(PanecastError) -> PictureSize {
        let stride = try number(strideBytes, "a stride of bytes")
        let address = UInt64(UInt(bitPattern: target.baseAddress))
        return try native {
            try own.copyPicture(address: address, length: UInt64(target.count), strideBytes: stride)
        }
    }

    /// As ``Decoder/picture()``.
    public func picture() throws(PanecastError) -> (size: PictureSize, pixels: [UInt8])? {
        try wholePicture(size: { () throws(PanecastError) in try self.pictureSize }) {
            room, stride throws(PanecastError) in try self.copyPicture(to: room, strideBytes: stride)
        }
    }

    /// Pixels of the newest picture that are not exact yet; 0 while there is none.
    public var lossyPixels: UInt64 {
        get throws(PanecastError) { try native { try own.lossyPx() } }
    }

    /// Where the cursor's hotspot is; `nil` where it is hidden.
    public var cursorPlace: Point? {
        get throws(PanecastError) { try native { try own.cursorPlace() } }
    }

    /// The cursor's shape, once one has been sent.
    public var cursorShape: CursorShape? {
        get throws(PanecastError) { try native { try own.cursorShape() } }
    }

    /// Where the person looks: it is made exact first. `nil` if everywhere.
    public func focus(_ rect: Rect?) throws(PanecastError) {
        try native { try own.focus(rect: rect) }
    }

    /// The person points there; `nil`: no more.
    public func point(_ at: Point?) throws(PanecastError) {
        try native { try own.point(at: at) }
    }

    /// The person draws: a line begins or, with the same number, goes on. The colour is 0xRRGGBB.
    public func draw(line: UInt32, tool: MarkTool, colour: UInt32, points: [Point]) throws(PanecastError) {
        try native { try own.draw(number: line, tool: tool, colour: colour, points: points) }
    }

    /// All lines of this person go away.
    public func clear() throws(PanecastError) {
        try native { try own.clear() }
    }

    /// The person wants no pictures for now, or wants them again.
    public func pause(_ paused: Bool) throws(PanecastError) {
        try native { try own.pause(paused: paused) }
    }

    /// The person leaves; the events that are left tell the other end.
    public func leave() throws(PanecastError) {
        try native { try own.leave() }
    }

    /// Ends all at once, without a word to anybody.
    public func stop() throws(PanecastError) {
        try native { try own.stop() }
        newest.finish()
    }
}

extension JoinerEvent {
    init(_ event: PanecastGenerated.JoinerEvent) {
        self =
            switch event {
            case .connect(let afterMs): .connection(.connect(afterMs: afterMs))
            case .sendText(let text): .connection(.send(.text(text)))
            case .sendBinary(let bytes): .connection(.send(.binary(bytes)))
            case .disconnect: .connection(.disconnect)
            case .sealed: .sealed
            case .asking: .asking
            case .allowed(let source): .allowed(source: source)
            case .state(let state, let source): .state(state, source: source)
            case .picture(let width, let height, let dirty, let resized):
                .picture(PictureSize(width: width, height: height), dirty: dirty, resized: resized)
            case .cursor: .cursor
            case .refused(let kind, let reason): .refused(kind, reason)
            case .ended(let reason): .ended(reason)
            }
    }
}
