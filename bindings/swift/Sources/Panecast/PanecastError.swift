import Foundation
import PanecastGenerated

/// What went wrong. `kind` is for programs, `reason` is a sentence for people.
public struct PanecastError: Error, Hashable, Sendable {
    /// The kinds, with the status numbers that all languages share.
    public enum Kind: UInt32, CaseIterable, Sendable {
        /// The caller broke a documented rule: a wrong stride, a size of zero, an unknown name.
        case invalidInput = 1
        /// Bytes from outside break the format.
        case invalidData = 2
        /// The bytes are sound, but were made by a newer version or need a feature that is not built in.
        case unsupported = 3
        /// A cap would be exceeded.
        case limitExceeded = 4
        /// The source, display, window or file does not exist.
        case notFound = 5
        /// The visitor or the operating system said no.
        case denied = 6
        /// The visitor took back what had been allowed.
        case revoked = 7
        /// The source has ended, or this object was stopped.
        case closed = 8
        /// The source is there, but has not answered within its time.
        case stalled = 9
        /// Decoder and encoder no longer hold the same picture; a fresh snapshot is needed.
        case desync = 10
        /// Reading or writing failed.
        case io = 11
        /// Who wants to come in did not prove that it may.
        case untrusted = 12
        /// A key, a link or a pass is no longer good.
        case expired = 13
        /// Sealed bytes were changed, left out, repeated or reordered on their way.
        case tampered = 14
        /// A bug of the library's was caught; the object is of no use any more.
        case panicked = 15

        /// The name that all languages share, as `invalid-input`.
        public var name: String {
            switch self {
            case .invalidInput: "invalid-input"
            case .invalidData: "invalid-data"
            case .unsupported: "unsupported"
            case .limitExceeded: "limit-exceeded"
            case .notFound: "not-found"
            case .denied: "denied"
            case .revoked: "revoked"
            case .closed: "closed"
            case .stalled: "stalled"
            case .desync: "desync"
            case .io: "io"
            case .untrusted: "untrusted"
            case .expired: "expired"
            case .tampered: "tampered"
            case .panicked: "panicked"
            }
        }
    }

    public let kind: Kind
    public let reason: String

    /// The number that all languages share.
    public var status: UInt32 { kind.rawValue }

    init(_ kind: Kind, _ reason: String) {
        self.kind = kind
        self.reason = reason
    }

    init(_ error: PanecastGenerated.PanecastError) {
        switch error {
        case .InvalidInput(let reason): self.init(.invalidInput, reason)
        case .InvalidData(let reason): self.init(.invalidData, reason)
        case .Unsupported(let reason): self.init(.unsupported, reason)
        case .LimitExceeded(let reason): self.init(.limitExceeded, reason)
        case .NotFound(let reason): self.init(.notFound, reason)
        case .Denied(let reason): self.init(.denied, reason)
        case .Revoked(let reason): self.init(.revoked, reason)
        case .Closed(let reason): self.init(.closed, reason)
        case .Stalled(let reason): self.init(.stalled, reason)
        case .Desync(let reason): self.init(.desync, reason)
        case .Io(let reason): self.init(.io, reason)
        case .Untrusted(let reason): self.init(.untrusted, reason)
        case .Expired(let reason): self.init(.expired, reason)
        case .Tampered(let reason): self.init(.tampered, reason)
        case .Panicked(let reason): self.init(.panicked, reason)
        }
    }
}

extension PanecastError: LocalizedError {
    public var errorDescription: String? { reason }
}

/// Runs a call of the library's; whatever it throws is a ``PanecastError``.
func native<T>(_ call: () throws -> T) throws(PanecastError) -> T {
    do {
        return try call()
    } catch let error as PanecastGenerated.PanecastError {
        throw PanecastError(error)
    } catch let error as PanecastError {
        throw error
    } catch {
        throw PanecastError(.panicked, "a bug of the library's was caught: \(error)")
    }
}
