//! The visitor's word, as a value that capture demands and that can be taken back.
//!
//! It stands beside the shared nouns, not in a stage: the first stage opens nothing without a [`CaptureGrant`], and
//! [`crate::session`] is where people ask for one.

use crate::error::{Error, ErrorKind, Result};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What the visitor answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The visitor lets the agents see the source.
    Allow,
    /// The visitor does not.
    Deny,
}

/// What a person is asked to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

impl Purpose {
    /// Its stable name, as logs and `--json` show it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Screen => "screen",
            Self::Window => "window",
            Self::Camera => "camera",
            Self::AgentScreen => "agent-screen",
            Self::Prepared => "prepared",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Screen => "a screen",
            Self::Window => "a window",
            Self::Camera => "a camera",
            Self::AgentScreen => "what the agent shows",
            Self::Prepared => "nothing of a person's",
        })
    }
}

/// A question to the visitor: may agents see this source?
#[derive(Debug)]
pub struct Consent {
    purpose: Purpose,
    source: String,
}

/// Proof that the visitor said Allow. Only [`Consent::answer`] makes one, and no capturer opens without it.
///
/// It is for one source and cannot be copied. Dropping it takes nothing back; [`Revoke`] does, from any thread.
///
/// ```compile_fail
/// use panecast::session::{CaptureGrant, Purpose};
/// let forged = CaptureGrant { purpose: Purpose::Screen, source: "screen".into() };
/// ```
#[derive(Debug)]
pub struct CaptureGrant {
    purpose: Purpose,
    source: String,
    revoke: Revoke,
}

/// Takes a grant back, from any thread.
#[derive(Clone, Debug)]
pub struct Revoke(Arc<Word>);

type Listener = Arc<dyn Fn() + Send + Sync>;

/// What all handles of one grant share.
#[derive(Default)]
struct Word {
    revoked: AtomicBool,
    listeners: Mutex<Vec<Listener>>,
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.revoked.load(Ordering::SeqCst) { "revoked" } else { "stands" })
    }
}

impl Consent {
    /// The question about `source`, an id as [`crate::capture::SourceInfo::id`] has it: the grant opens that one alone.
    pub fn ask(purpose: Purpose, source: impl Into<String>) -> Self {
        Self { purpose, source: source.into() }
    }

    /// What is asked for.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        self.purpose
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
    pub fn answer(self, decision: Decision) -> Result<CaptureGrant> {
        let Self { purpose, source } = self;
        match decision {
            Decision::Allow => Ok(CaptureGrant { purpose, source, revoke: Revoke(Arc::default()) }),
            Decision::Deny => {
                Err(Error::new(ErrorKind::Denied, format!("the visitor did not allow {source}")))
            }
        }
    }
}

impl CaptureGrant {
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

    /// The handle that takes it back.
    #[must_use]
    pub fn revoke_handle(&self) -> Revoke {
        self.revoke.clone()
    }

    /// As [`Revoke::revoke`].
    pub fn revoke(&self) {
        self.revoke.revoke();
    }

    /// Whether it opens the source `id` of `purpose`. The agent's word is for a screen or a window of theirs.
    ///
    /// # Errors
    /// - [`ErrorKind::Revoked`] if it was taken back.
    /// - [`ErrorKind::Denied`] if it is for something else.
    pub fn covers(&self, purpose: Purpose, id: &str) -> Result<()> {
        self.revoke.check()?;
        let agents =
            self.purpose == Purpose::AgentScreen && matches!(purpose, Purpose::Screen | Purpose::Window);
        if !agents && self.purpose != purpose {
            let text = format!("{} was allowed, not {purpose}: ask for {id}", self.purpose);
            return Err(Error::new(ErrorKind::Denied, text));
        }
        if self.source != id {
            return Err(Error::new(
                ErrorKind::Denied,
                format!("{} was allowed, not {id}: ask for it", self.source),
            ));
        }
        Ok(())
    }
}

impl Revoke {
    /// Takes the grant back, for good. Once it returns no packet goes to the sink of a pipeline that ran on it; called
    /// from within that sink, none after the one at hand. Capture stops, and what was captured is forgotten.
    pub fn revoke(&self) {
        self.0.revoked.store(true, Ordering::SeqCst);
        // Called without the lock: a listener waits for a sink, which may revoke, too.
        let listeners = self.listeners().clone();
        listeners.iter().for_each(|told| told());
    }

    /// Whether it was taken back.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.0.revoked.load(Ordering::SeqCst)
    }

    /// # Errors
    /// - [`ErrorKind::Revoked`] if it was taken back.
    pub(crate) fn check(&self) -> Result<()> {
        if self.is_revoked() { Err(revoked()) } else { Ok(()) }
    }

    /// Calls `told` when it is taken back, or at once if it was. May be called more than once.
    pub(crate) fn on_revoke(&self, told: impl Fn() + Send + Sync + 'static) {
        let told: Listener = Arc::new(told);
        self.listeners().push(Arc::clone(&told));
        if self.is_revoked() {
            told();
        }
    }

    fn listeners(&self) -> std::sync::MutexGuard<'_, Vec<Listener>> {
        self.0.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn revoked() -> Error {
    Error::new(ErrorKind::Revoked, "the visitor took the consent back")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(purpose: Purpose, source: &str) -> CaptureGrant {
        Consent::ask(purpose, source).answer(Decision::Allow).expect("allowed")
    }

    fn kind(result: Result<()>) -> Option<ErrorKind> {
        result.err().map(|e| e.kind())
    }

    #[test]
    fn a_grant_opens_what_it_was_asked_for_and_nothing_else() {
        let screen = granted(Purpose::Screen, "screen:0");
        assert_eq!(kind(screen.covers(Purpose::Screen, "screen:0")), None);
        assert_eq!(kind(screen.covers(Purpose::Screen, "screen:1")), Some(ErrorKind::Denied));
        assert_eq!(kind(screen.covers(Purpose::Window, "screen:0")), Some(ErrorKind::Denied));
        let agents = granted(Purpose::AgentScreen, "window:0x7");
        assert_eq!(kind(agents.covers(Purpose::Window, "window:0x7")), None);
        assert_eq!(kind(agents.covers(Purpose::Camera, "window:0x7")), Some(ErrorKind::Denied));
        let prepared = granted(Purpose::Prepared, "screen");
        assert_eq!(kind(prepared.covers(Purpose::Screen, "screen")), Some(ErrorKind::Denied));
    }

    #[test]
    fn taking_it_back_is_told_to_all_and_lasts() {
        use std::sync::atomic::AtomicU32;
        let grant = granted(Purpose::Screen, "screen");
        let told = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&told);
        let handle = grant.revoke_handle();
        handle.on_revoke(move || count.store(count.load(Ordering::SeqCst) + 1, Ordering::SeqCst));
        assert!(!handle.is_revoked() && told.load(Ordering::SeqCst) == 0);
        std::thread::scope(|scope| {
            scope.spawn(|| handle.revoke());
        });
        assert_eq!(told.load(Ordering::SeqCst), 1);
        assert_eq!(kind(grant.covers(Purpose::Screen, "screen")), Some(ErrorKind::Revoked));
        let count = Arc::clone(&told);
        handle.on_revoke(move || count.store(count.load(Ordering::SeqCst) + 1, Ordering::SeqCst));
        assert_eq!(told.load(Ordering::SeqCst), 2, "who comes late is told at once");
    }
}
