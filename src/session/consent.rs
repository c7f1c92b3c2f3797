//! The visitor's word, as a value that the pipeline demands.

use crate::error::{Error, ErrorKind, Result};

/// What the visitor answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The visitor lets the agents see the source.
    Allow,
    /// The visitor does not.
    Deny,
}

/// A question to the visitor: may agents see this source?
#[derive(Debug)]
pub struct Consent {
    source: String,
}

/// Proof that the visitor said Allow. Only [`Consent::answer`] makes one, and capture opens only against it.
#[derive(Debug)]
pub struct Allowed {
    source: String,
}

impl Consent {
    /// The question about the source with this name.
    pub fn ask(source: impl Into<String>) -> Self {
        Self { source: source.into() }
    }

    /// What the question is about, as the visitor is told.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Takes the visitor's answer.
    ///
    /// # Errors
    /// - [`ErrorKind::Denied`] for [`Decision::Deny`].
    pub fn answer(self, decision: Decision) -> Result<Allowed> {
        match decision {
            Decision::Allow => Ok(Allowed { source: self.source }),
            Decision::Deny => {
                Err(Error::new(ErrorKind::Denied, format!("the visitor did not allow {}", self.source)))
            }
        }
    }
}

impl Allowed {
    /// What the visitor allowed.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }
}
