import PanecastGenerated

/// What a link lets its reader do.
public typealias LinkGoal = PanecastGenerated.LinkGoal

/// Where a relay is.
public typealias RelayAddress = PanecastGenerated.RelayAddress

/// A link to a relay, as an app is opened with. All of it but the relay and the tenant is secret.
public typealias Link = PanecastGenerated.Link

/// Reads a link such as `https://RELAY/camera?tenant=NAME#…`. `appScheme`: the app's own scheme, if such links open it too; it
/// stands for `https`.
///
/// Throws `invalidInput` if it is none, or not whole.
public func readLink(_ url: String, appScheme: String? = nil) throws(PanecastError) -> Link {
    try native { try PanecastGenerated.readLink(url: url, appScheme: appScheme) }
}

/// Writes a link for somebody else. `secret`: what ``HostEvent/link(_:withKey:)`` told, what ``drawLink()`` gave, or a key.
///
/// Throws `invalidInput` if one of them cannot be.
public func writeLink(
    _ goal: LinkGoal, relay: String, secret: String, tenant: String = "default"
) throws(PanecastError) -> Link {
    try native { try PanecastGenerated.writeLink(goal: goal, relay: relay, tenant: tenant, secret: secret) }
}

/// Reads a relay's address as people write it; no scheme at all is `http`.
///
/// Throws `invalidInput` if it is none.
public func readRelay(_ address: String) throws(PanecastError) -> RelayAddress {
    try native { try PanecastGenerated.readRelay(address: address) }
}

extension Link {
    /// The way in for a ``Joiner``; `key` where ``needsKey``.
    ///
    /// Throws `invalidInput` if the link is for a camera, which a ``Host`` takes.
    public func way(key: String? = nil) throws(PanecastError) -> Way {
        switch goal {
        case .see: .link(text: secret, key: key)
        case .key: .key(key: secret)
        case .camera: throw PanecastError(.invalidInput, "this link asks for a camera: a host takes it")
        }
    }
}
