//! What can be shared, by name, and the visitor's word about it as an object that several hands hold.
#![forbid(unsafe_code)]

use crate::capture::SourceSpec;
use crate::consent::{CaptureGrant, Consent, Purpose, Revoke};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::Size;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

/// A source by name: those of [`SourceSpec`], and `push:WIDTHxHEIGHT` for frames that the app pushes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Frames that the app pushes, of this size until one of another size is pushed.
    Push(Size),
    /// What the library captures itself.
    Captured(SourceSpec),
}

impl FromStr for Source {
    type Err = Error;

    fn from_str(s: &str) -> Result<Self> {
        match s.strip_prefix("push:") {
            Some(size) => Ok(Self::Push(size.parse()?)),
            None => Ok(Self::Captured(s.parse()?)),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Push(size) => write!(f, "push:{size}"),
            Self::Captured(spec) => spec.fmt(f),
        }
    }
}

/// The question to the visitor about `source`, as [`Source`] reads it.
///
/// # Errors
/// - [`ErrorKind::InvalidInput`] if `source` names none.
pub fn ask(purpose: Purpose, source: &str) -> Result<Consent> {
    Ok(Consent::ask(purpose, source.parse::<Source>()?.to_string()))
}

/// A [`CaptureGrant`] that one share uses up; who holds this can still take it back.
#[derive(Debug)]
pub struct Grant {
    word: Mutex<Option<CaptureGrant>>,
    revoke: Revoke,
    purpose: Purpose,
    source: String,
}

impl Grant {
    /// What the visitor's answer gave.
    #[must_use]
    pub fn new(word: CaptureGrant) -> Self {
        let (revoke, purpose, source) = (word.revoke_handle(), word.purpose(), word.source().to_owned());
        Self { word: Mutex::new(Some(word)), revoke, purpose, source }
    }

    /// What kind of thing the visitor allowed.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// What the visitor allowed.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Takes it back, for good: as [`Revoke::revoke`], also after a share has used it up.
    pub fn revoke(&self) {
        self.revoke.revoke();
    }

    /// Whether it was taken back.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.revoke.is_revoked()
    }

    /// The handle that takes it back.
    #[must_use]
    pub fn revoke_handle(&self) -> Revoke {
        self.revoke.clone()
    }

    /// Uses it up for `source`.
    ///
    /// # Errors
    /// - [`ErrorKind::Revoked`] if it was taken back.
    /// - [`ErrorKind::Denied`] if it is for something else, or was used up; in the first case it is still there.
    pub fn take(&self, source: &Source) -> Result<CaptureGrant> {
        self.revoke.check()?;
        let mut word = self.word.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(grant) = word.take() else {
            return Err(Error::new(
                ErrorKind::Denied,
                format!("the consent to {} was for one share: ask again", self.source),
            ));
        };
        let covered = match source {
            // What the app's own frames show, the app alone knows.
            Source::Push(_) => grant.covers(self.purpose, &source.to_string()),
            // The built-in desktop and files show nothing of a person's.
            Source::Captured(spec) if spec.purpose() == Purpose::Prepared => Ok(()),
            Source::Captured(spec) => grant.covers(spec.purpose(), &source.to_string()),
        };
        if let Err(e) = covered {
            *word = Some(grant);
            return Err(e);
        }
        Ok(grant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::Decision;

    fn granted(purpose: Purpose, source: &str) -> Grant {
        Grant::new(ask(purpose, source).and_then(|q| q.answer(Decision::Allow)).expect("allowed"))
    }

    fn taken(grant: &Grant, source: &str) -> Option<ErrorKind> {
        grant.take(&source.parse().expect("a source")).err().map(|e| e.kind())
    }

    #[test]
    fn names_are_read_and_written_alike() {
        for name in ["push:640x360", "screen", "screen:1", "window:0x7", "pattern:640x360@15"] {
            assert_eq!(name.parse::<Source>().expect("sound").to_string(), name);
        }
        assert_eq!(granted(Purpose::Window, "window:7").source(), "window:0x7");
        for name in ["", "push", "push:", "push:640", "push:-1x2", "camera:0"] {
            assert_eq!(ask(Purpose::Camera, name).map(drop).expect_err(name).kind(), ErrorKind::InvalidInput);
        }
    }

    #[test]
    fn a_grant_is_for_one_source_and_one_share() {
        let grant = granted(Purpose::Camera, "push:64x48");
        assert_eq!(taken(&grant, "push:64x49"), Some(ErrorKind::Denied));
        assert_eq!(taken(&grant, "screen"), Some(ErrorKind::Denied));
        assert_eq!(taken(&grant, "push:64x48"), None);
        assert_eq!(taken(&grant, "push:64x48"), Some(ErrorKind::Denied));
        let grant = granted(Purpose::Screen, "screen");
        grant.revoke();
        assert_eq!(taken(&grant, "screen"), Some(ErrorKind::Revoked));
    }
}
