//! The one error type of the library.

use std::fmt;

/// Result with the library's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Who is at fault and what can be done about it. Closed: a new kind is a new major version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The caller broke a documented rule: a wrong stride, a size of zero, an unknown name.
    InvalidInput,
    /// Bytes from outside (network, file, another process) break the format.
    InvalidData,
    /// The bytes are sound, but were made by a newer version or need a feature that is not built in.
    Unsupported,
    /// A cap of [`crate::Limits`] would be exceeded.
    LimitExceeded,
    /// The source, display, window or file does not exist.
    NotFound,
    /// The visitor or the operating system said no.
    Denied,
    /// The visitor took back what had been allowed.
    Revoked,
    /// The source has ended: its window was closed or its server is gone.
    Closed,
    /// The source is there, but has not answered within its time.
    Stalled,
    /// Decoder and encoder no longer hold the same picture; a fresh snapshot is needed.
    Desync,
    /// Reading or writing failed.
    Io,
    /// Who wants to come in did not prove that it may: a wrong key, a forged pass.
    Untrusted,
    /// A key, a link or a pass is no longer good: its time is over, or it has been used.
    Expired,
    /// Sealed bytes were changed, left out, repeated or reordered on their way.
    Tampered,
}

impl ErrorKind {
    /// The kind's stable name, as logs and `--json` show it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid-input",
            Self::InvalidData => "invalid-data",
            Self::Unsupported => "unsupported",
            Self::LimitExceeded => "limit-exceeded",
            Self::NotFound => "not-found",
            Self::Denied => "denied",
            Self::Revoked => "revoked",
            Self::Closed => "closed",
            Self::Stalled => "stalled",
            Self::Desync => "desync",
            Self::Io => "io",
            Self::Untrusted => "untrusted",
            Self::Expired => "expired",
            Self::Tampered => "tampered",
        }
    }
}

/// What went wrong: a closed [`ErrorKind`] for programs, a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

impl Error {
    /// An error of `kind`; `message` says what happened and, where it can, what to do next.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// What kind of error this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The sentence without the kind.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidInput, message)
    }

    pub(crate) fn data(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidData, message)
    }

    pub(crate) fn limit(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::LimitExceeded, message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<std::io::Error> for Error {
    fn from(e: std::io::Error) -> Self {
        let kind = match e.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            std::io::ErrorKind::PermissionDenied => ErrorKind::Denied,
            std::io::ErrorKind::UnexpectedEof => ErrorKind::InvalidData,
            _ => ErrorKind::Io,
        };
        Self::new(kind, e.to_string())
    }
}
