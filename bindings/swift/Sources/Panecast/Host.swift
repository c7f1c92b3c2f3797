import Dispatch
import Foundation
import PanecastGenerated

/// Whom a host lets in, and how it encodes.
public struct HostConfig: Hashable, Sendable {
    /// Whose visitors and agents these are; `default` where the relay serves one.
    public var tenant: String
    /// Whether agents may come by a key.
    public var keys: Bool
    /// Whether agents with a pass may ask.
    public var presence: Presence?
    /// How pictures are shared.
    public var share: ShareConfig

    public init(
        tenant: String = "default", keys: Bool = true, presence: Presence? = nil, share: ShareConfig = ShareConfig()
    ) {
        self.tenant = tenant
        self.keys = keys
        self.presence = presence
        self.share = share
    }

    func lowered() throws(PanecastError) -> PanecastGenerated.HostConfig {
        .init(tenant: tenant, keys: keys, presence: presence, share: try share.lowered())
    }
}

/// What a host tells, in order.
public enum HostEvent: Hashable, Sendable {
    /// What to do for the connection; the WebSocket is at the relay's `/ws/host`.
    case connection(Connection)
    /// Show this key to the visitor, in place of the one before: nine digits in groups of three.
    case key(String, lastsMs: UInt64)
    /// A link is open: `https://RELAY/see#` and this text. `withKey`: who has it needs the newest key besides.
    case link(String, withKey: Bool)
    /// Who sent the link that was taken is waited for.
    case waiting
    /// Agents with a pass may ask by this visitor's id.
    case present(visitor: String)
    /// Another device is this visitor now.
    case takenOver(visitor: String)
    /// Ask the visitor, then call ``Host/allow(_:purpose:source:)`` or ``Host/decline(_:)``. `agent`: the short form of the
    /// key of its pass, where a pass of the tenant's proves the name.
    case ask(joiner: UInt32, who: String, agent: String?, purpose: Purpose)
    /// A watcher points or draws.
    case mark(joiner: UInt32, Mark)
    /// A watcher's part is over, or the question about it.
    case left(joiner: UInt32, who: String, EndReason)
    /// How the picture lives.
    case state(ShareState)
    /// Nothing is captured any more: the last watcher left (`nil`), or the source is gone.
    case stopped(PanecastError?)
    /// The relay does not take this host; ``HostEvent/ended(_:)`` follows.
    case refused(RefusalKind, String)
    /// All is over; nothing follows.
    case ended(EndReason)
}

/// The sharing end at a relay, without its WebSocket. Any thread may call it. Nothing is captured before
/// ``allow(_:purpose:source:)``. After the end every call throws `closed`.
public final class Host: RelayEnd {
    public static let path = "/ws/host"

    private let own: PanecastGenerated.Host
    private let newest = Newest<ShareState>()
    private let queue = DispatchQueue(label: "dev.panecast.host")

    /// Nobody is there yet. The first event asks for a connection.
    public init(_ config: HostConfig = HostConfig()) throws(PanecastError) {
        own = try native { try PanecastGenerated.Host(config: try config.lowered()) }
    }

    deinit {
        newest.finish()
    }

    /// How the picture lives, newest wins. The states come with the events, so that somebody must read ``events`` or call
    /// ``next(timeoutMs:)``.
    public var states: AsyncStream<ShareState> { newest.stream() }

    /// All that happens, for one reader, whose pace is that of the pictures too. It ends after ``HostEvent/ended(_:)``, and
    /// when the host is stopped.
    public var events: AsyncStream<HostEvent> {
        pulled(on: queue) { timeoutMs throws(PanecastError) in try self.next(timeoutMs: timeoutMs) }
    }

    /// What happened next, in order; `nil` if nothing does within the time. It blocks; ``events`` suspends.
    public func next(timeoutMs: UInt32) throws(PanecastError) -> HostEvent? {
        guard let event = try native({ try own.next(timeoutMs: timeoutMs) }) else { return nil }
        let told = HostEvent(event)
        switch told {
        case .state(let state): newest.tell(state)
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

    /// Draws a link, in place of one before.
    public func openLink(_ kind: LinkKind) throws(PanecastError) {
        try native { try own.openLink(kind: kind) }
    }

    /// Lets in the one who drew this link and sent it here, once: a deep link that asks for a camera.
    public func takeLink(_ text: String) throws(PanecastError) {
        try native { try own.takeLink(text: text) }
    }

    /// The visitor allows `joiner` to see `source`: an id of ``sources()``, or `push:WIDTHxHEIGHT`. While others watch
    /// already, it is what they see.
    ///
    /// Throws `invalidInput` if this joiner asks nothing (any more), or something else is shown already.
    public func allow(_ joiner: UInt32, purpose: Purpose, source: String) throws(PanecastError) {
        try native { try own.allow(joiner: joiner, purpose: purpose, source: source) }
    }

    /// The visitor does not let `joiner` see anything.
    public func decline(_ joiner: UInt32) throws(PanecastError) {
        try native { try own.decline(joiner: joiner) }
    }

    /// Hands over a frame of the app's own, as ``Share/push(_:damage:timestampUs:)``.
    ///
    /// Throws `denied` while nobody was allowed to see anything.
    public func push(_ frame: Frame, damage: [Rect]? = nil, timestampUs: UInt64) throws(PanecastError) {
        try native {
            try frame.lowered { layout, a, b, c in
                try own.push(
                    layout: layout, plane0: a, plane1: b, plane2: c, damaged: damage, timestampUs: timestampUs)
            }
        }
    }

    /// Shows nothing from here on, and forgets what was shown: once it returns, no picture is given to anybody.
    public func pause() throws(PanecastError) {
        try native { try own.pause() }
    }

    /// Goes on after ``pause()``, with a picture taken after this call.
    public func resume() throws(PanecastError) {
        try native { try own.resume() }
    }

    /// Hides what `masks` says from now on, whatever is shown.
    public func setMasks(_ masks: Masks) throws(PanecastError) {
        try native { try own.setMasks(masks: masks.lowered()) }
    }

    /// Figures of what is shown; zeros where nothing is.
    public var stats: ShareStats {
        get throws(PanecastError) { try native { try own.stats() } }
    }

    /// Sends a watcher away.
    public func dismiss(_ joiner: UInt32) throws(PanecastError) {
        try native { try own.dismiss(joiner: joiner) }
    }

    /// The visitor ends it and takes the consent back. Capture stops before this returns; the events that are left tell the
    /// others.
    public func end() throws(PanecastError) {
        try native { try own.end() }
    }

    /// Ends all at once, without a word to anybody.
    public func stop() throws(PanecastError) {
        try native { try own.stop() }
        newest.finish()
    }
}

/// What the generated code can take in one piece.
func whole(_ bytes: Data) throws(PanecastError) -> Data {
    guard bytes.count <= Int(Int32.max) else {
        throw PanecastError(.limitExceeded, "\(bytes.count) bytes in one piece; \(Int32.max) are allowed")
    }
    return bytes
}

extension HostEvent {
    init(_ event: PanecastGenerated.HostEvent) {
        self =
            switch event {
            case .connect(let afterMs): .connection(.connect(afterMs: afterMs))
            case .sendText(let text): .connection(.send(.text(text)))
            case .sendBinary(let bytes): .connection(.send(.binary(bytes)))
            case .disconnect: .connection(.disconnect)
            case .key(let key, let lastsMs): .key(key, lastsMs: lastsMs)
            case .link(let text, let withKey): .link(text, withKey: withKey)
            case .waiting: .waiting
            case .present(let visitor): .present(visitor: visitor)
            case .takenOver(let visitor): .takenOver(visitor: visitor)
            case .ask(let joiner, let who, let agent, let purpose):
                .ask(joiner: joiner, who: who, agent: agent, purpose: purpose)
            case .mark(let joiner, let mark): .mark(joiner: joiner, mark)
            case .left(let joiner, let who, let reason): .left(joiner: joiner, who: who, reason)
            case .state(let state): .state(state)
            case .stopped(let error): .stopped(error.map { PanecastError($0) })
            case .refused(let kind, let reason): .refused(kind, reason)
            case .ended(let reason): .ended(reason)
            }
    }
}
