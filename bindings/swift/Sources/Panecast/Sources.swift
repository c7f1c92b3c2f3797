import PanecastGenerated

/// What kind of thing a source shows.
public typealias SourceKind = PanecastGenerated.SourceKind

/// A source as a person would choose it; its `id` is what ``consent(_:source:isolation:dialog:)`` takes.
public typealias SourceInfo = PanecastGenerated.SourceInfo

/// The sources that are there now. Names and titles are for the visitor's own choice.
///
/// Throws `stalled` if the display does not answer.
public func sources() throws(PanecastError) -> [SourceInfo] {
    try native { try PanecastGenerated.sources() }
}

/// What the operating system says about capturing; not the visitor's consent.
public typealias PermissionState = PanecastGenerated.PermissionState

/// The system's word, and what the person at the machine can do next.
public typealias Permission = PanecastGenerated.Permission

/// What the operating system says about capturing for `purpose`, as it is now; nothing is opened and nobody is asked.
public func permission(_ purpose: Purpose) throws(PanecastError) -> Permission {
    try native { try PanecastGenerated.permission(purpose: purpose) }
}

/// The source that stands for frames which the app pushes, of this size until one of another size is pushed.
public func pushSource(width: Int, height: Int) -> String {
    "push:\(width)x\(height)"
}

/// The library's version, as `0.1.0`.
public var libraryVersion: String {
    get throws(PanecastError) { try native { try PanecastGenerated.version() } }
}
