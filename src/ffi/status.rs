//! The numbers that calls answer with, the same behind every door and fixed for ever.

use crate::error::ErrorKind;

/// What a call came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Status {
    /// It did what it says.
    Ok = 0,
    /// The caller broke a documented rule: a wrong stride, a size of zero, an unknown name, a handle that is none.
    InvalidInput = 1,
    /// Bytes from outside break the format.
    InvalidData = 2,
    /// The bytes are sound, but need a newer version or a feature that is not built in.
    Unsupported = 3,
    /// A cap would be exceeded.
    LimitExceeded = 4,
    /// The source, display, window or file does not exist.
    NotFound = 5,
    /// The visitor or the operating system said no.
    Denied = 6,
    /// The visitor took back what had been allowed.
    Revoked = 7,
    /// The source has ended, or the object was stopped.
    Closed = 8,
    /// The source is there, but has not answered within its time.
    Stalled = 9,
    /// Decoder and encoder no longer hold the same picture; a fresh snapshot is needed.
    Desync = 10,
    /// Reading or writing failed.
    Io = 11,
    /// Who wants to come in did not prove that it may.
    Untrusted = 12,
    /// A key, a link or a pass is no longer good.
    Expired = 13,
    /// Sealed bytes were changed, left out, repeated or reordered on their way.
    Tampered = 14,
    /// A bug of the library was caught; the object refuses everything from now on and can only be freed.
    Panicked = 15,
    /// Nothing has happened within the time; ask again.
    NothingNow = 16,
}

impl Status {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 17] = [
        Self::Ok,
        Self::InvalidInput,
        Self::InvalidData,
        Self::Unsupported,
        Self::LimitExceeded,
        Self::NotFound,
        Self::Denied,
        Self::Revoked,
        Self::Closed,
        Self::Stalled,
        Self::Desync,
        Self::Io,
        Self::Untrusted,
        Self::Expired,
        Self::Tampered,
        Self::Panicked,
        Self::NothingNow,
    ];

    /// Its number.
    #[must_use]
    pub fn code(self) -> u32 {
        self as u32
    }

    /// The status with this number.
    #[must_use]
    pub fn of_code(code: u32) -> Option<Self> {
        Self::ALL.get(code as usize).copied()
    }

    /// Its stable name; those of errors are [`ErrorKind::name`]'s.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
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
            Self::Panicked => "panicked",
            Self::NothingNow => "nothing-now",
        }
    }
}

impl From<ErrorKind> for Status {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::InvalidInput => Self::InvalidInput,
            ErrorKind::InvalidData => Self::InvalidData,
            ErrorKind::Unsupported => Self::Unsupported,
            ErrorKind::LimitExceeded => Self::LimitExceeded,
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::Denied => Self::Denied,
            ErrorKind::Revoked => Self::Revoked,
            ErrorKind::Closed => Self::Closed,
            ErrorKind::Stalled => Self::Stalled,
            ErrorKind::Desync => Self::Desync,
            ErrorKind::Io => Self::Io,
            ErrorKind::Untrusted => Self::Untrusted,
            ErrorKind::Expired => Self::Expired,
            ErrorKind::Tampered => Self::Tampered,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_stay() {
        let fixed = "0 ok, 1 invalid-input, 2 invalid-data, 3 unsupported, 4 limit-exceeded, 5 not-found, 6 denied, \
                     7 revoked, 8 closed, 9 stalled, 10 desync, 11 io, 12 untrusted, 13 expired, 14 tampered, \
                     15 panicked, 16 nothing-now";
        let now: Vec<String> = Status::ALL.iter().map(|s| format!("{} {}", s.code(), s.name())).collect();
        assert_eq!(now.join(", "), fixed);
        for (code, status) in Status::ALL.into_iter().enumerate() {
            assert_eq!(Status::of_code(code as u32), Some(status));
        }
        assert_eq!(Status::of_code(17), None);
    }

    #[test]
    fn errors_keep_their_names() {
        for kind in [
            ErrorKind::InvalidInput,
            ErrorKind::InvalidData,
            ErrorKind::Unsupported,
            ErrorKind::LimitExceeded,
            ErrorKind::NotFound,
            ErrorKind::Denied,
            ErrorKind::Revoked,
            ErrorKind::Closed,
            ErrorKind::Stalled,
            ErrorKind::Desync,
            ErrorKind::Io,
            ErrorKind::Untrusted,
            ErrorKind::Expired,
            ErrorKind::Tampered,
        ] {
            assert_eq!(Status::from(kind).name(), kind.name());
        }
    }
}
