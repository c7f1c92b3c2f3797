import Foundation
import PanecastGenerated

/// Why a session is over.
public typealias EndReason = PanecastGenerated.EndReason

/// Why the relay does not let an end in.
public typealias RefusalKind = PanecastGenerated.RefusalKind

/// What a watcher points at or draws. It is drawn over the shared screen, never part of the picture.
public typealias Mark = PanecastGenerated.Mark

/// What a line looks like.
public typealias MarkTool = PanecastGenerated.MarkTool

/// Whom a link lets in.
public typealias LinkKind = PanecastGenerated.LinkKind

/// Who a visitor is to the app's tenant.
public typealias Presence = PanecastGenerated.Presence

/// The way in to a host.
public typealias Way = PanecastGenerated.Way

/// A message of the WebSocket's.
public enum RelayMessage: Hashable, Sendable {
    case text(String)
    case binary(Data)
}

/// What the app does for an end's connection to the relay; ``RelaySocket`` does all of it on Apple's systems.
public enum Connection: Hashable, Sendable {
    /// Connect a WebSocket after so long, then call `connected`, or `early` before and `opened` then; where it fails,
    /// `disconnected`.
    case connect(afterMs: UInt64)
    /// Send this.
    case send(RelayMessage)
    /// Close the WebSocket, once what came before is sent.
    case disconnect
}

/// Draws a link's secret to send to somebody: `https://RELAY/camera#` and this text.
public func drawLink() throws(PanecastError) -> String {
    try native { try PanecastGenerated.drawLink() }
}

/// An end at a relay, as far as its connection goes.
public protocol RelayEnd: AnyObject, Sendable {
    /// Where its WebSocket belongs at the relay.
    static var path: String { get }
    /// Before a WebSocket is opened: the sub-protocols that its request is to name, with the first messages among them; none if it
    /// is to name none. Then `opened` takes the place of `connected`. It saves a round trip.
    func early(token: String?) throws(PanecastError) -> [String]
    /// The WebSocket that `early` was asked for is there; the answer named this sub-protocol.
    func opened(protocol: String?) throws(PanecastError)
    /// Bytes come or go that are no whole message yet: the relay is there. For WebSockets that tell.
    func alive() throws(PanecastError)
    /// The WebSocket is there. `token`: who this is, where the tenant asks for it.
    func connected(token: String?) throws(PanecastError)
    /// The WebSocket is gone, or could not be had.
    func disconnected() throws(PanecastError)
    /// A message came.
    func receive(_ message: RelayMessage) throws(PanecastError)
}
