//! The visitor's word.

use super::PanecastError;
use super::held::{Held, guarded};
use crate::consent::{self, Decision};
use crate::ffi;
use std::sync::Arc;

/// What a person is asked to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Purpose {
    /// The visitor's screen, or one of the monitors.
    Screen,
    /// One of the visitor's windows.
    Window,
    /// The visitor's camera.
    Camera,
    /// The agent's own screen or window, shown to the visitor.
    AgentScreen,
    /// Nothing of a person's: the built-in desktop, a file.
    Prepared,
}

impl From<Purpose> for consent::Purpose {
    fn from(purpose: Purpose) -> Self {
        match purpose {
            Purpose::Screen => Self::Screen,
            Purpose::Window => Self::Window,
            Purpose::Camera => Self::Camera,
            Purpose::AgentScreen => Self::AgentScreen,
            Purpose::Prepared => Self::Prepared,
        }
    }
}

/// A question to the visitor: may agents see this source? It is answered once.
#[derive(Debug, uniffi::Object)]
pub struct Consent(Held<Option<consent::Consent>>);

/// Proof that the visitor said yes, for one source and one share.
#[derive(Debug, uniffi::Object)]
pub struct Grant(pub(super) ffi::Grant);

#[uniffi::export]
impl Consent {
    /// The question about `source`, an id of `sources` or `push:WIDTHxHEIGHT`.
    ///
    /// # Errors
    /// - `InvalidInput` if `source` names none.
    #[uniffi::constructor]
    pub fn new(purpose: Purpose, source: String) -> Result<Arc<Self>, PanecastError> {
        guarded(|| Ok(Arc::new(Self(Held::new(Some(ffi::ask(purpose.into(), &source)?))))))
    }

    /// Takes the visitor's answer.
    ///
    /// # Errors
    /// - `Denied` if it is no.
    /// - `InvalidInput` if it has been answered before.
    pub fn answer(&self, allow: bool) -> Result<Arc<Grant>, PanecastError> {
        let question = self.0.take("this question has been answered; ask anew")?;
        guarded(|| {
            let word = question.answer(if allow { Decision::Allow } else { Decision::Deny })?;
            Ok(Arc::new(Grant(ffi::Grant::new(word))))
        })
    }
}

#[uniffi::export]
impl Grant {
    /// Takes it back, for good: the share that runs on it ends, and nothing of it is sent once this returns.
    ///
    /// # Errors
    /// Only `Panicked`.
    pub fn revoke(&self) -> Result<(), PanecastError> {
        guarded(|| {
            self.0.revoke();
            Ok(())
        })
    }

    /// Whether it was taken back.
    ///
    /// # Errors
    /// Only `Panicked`.
    pub fn is_revoked(&self) -> Result<bool, PanecastError> {
        guarded(|| Ok(self.0.is_revoked()))
    }

    /// What the visitor allowed.
    ///
    /// # Errors
    /// Only `Panicked`.
    pub fn source(&self) -> Result<String, PanecastError> {
        guarded(|| Ok(self.0.source().to_owned()))
    }
}
