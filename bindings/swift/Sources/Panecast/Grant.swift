import PanecastGenerated

/// What a person is asked to show.
public typealias Purpose = PanecastGenerated.Purpose

/// A question to the visitor: may agents see this source?
public struct Question: Hashable, Sendable {
    public let purpose: Purpose
    /// What would be shown: an id of ``sources()``, or `push:WIDTHxHEIGHT`.
    public let source: String
}

/// Proof that the visitor said yes, for one source and one share. Only the visitor's answer gives one.
public final class Grant: Sendable {
    let own: PanecastGenerated.Grant

    init(_ own: PanecastGenerated.Grant) {
        self.own = own
    }

    /// What the visitor allowed.
    public var source: String {
        get throws(PanecastError) { try native { try own.source() } }
    }

    /// Whether it was taken back.
    public var isRevoked: Bool {
        get throws(PanecastError) { try native { try own.isRevoked() } }
    }

    /// Takes it back, for good: the share that runs on it ends, and nothing of it is sent once this returns.
    public func revoke() throws(PanecastError) {
        try native { try own.revoke() }
    }

    /// The grant of a visitor who has been asked already, by a dialog of the app's own or the system's.
    ///
    /// Throws `denied` if the answer was no, `invalidInput` if `source` names none.
    public static func answered(_ purpose: Purpose, source: String, allow: Bool) throws(PanecastError) -> Grant {
        try native { Grant(try PanecastGenerated.Consent(purpose: purpose, source: source).answer(allow: allow)) }
    }
}

/// Asks the visitor by `dialog`, which returns true for Allow, takes as long as the visitor does, and runs where the caller
/// runs. If it throws, or its task is cancelled meanwhile, nothing is allowed.
///
/// Throws `denied` if the visitor says no, `invalidInput` if `source` names none; nobody is asked then.
public func consent(
    _ purpose: Purpose, source: String, isolation: isolated (any Actor)? = #isolation,
    dialog: (Question) async throws -> Bool
) async throws -> Grant {
    let question = try native { try PanecastGenerated.Consent(purpose: purpose, source: source) }
    let allow = try await dialog(Question(purpose: purpose, source: source))
    try Task.checkCancellation()
    return try native { Grant(try question.answer(allow: allow)) }
}
