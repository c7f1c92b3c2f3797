//! Whether the operating system lets this program capture, and what a person can do where it does not.
//!
//! That is not the visitor's consent: see [`crate::consent`].

use super::select;
use crate::consent::Purpose;
use std::fmt;

/// What the operating system says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PermissionState {
    /// Capture opens without a question.
    Granted,
    /// Somebody said no, and nobody is asked again: settings have to be changed.
    Denied,
    /// Opening a source makes the system ask.
    Ask,
    /// It cannot be had here, whatever this person says: a policy, no display, a system that has no such thing.
    Restricted,
}

impl PermissionState {
    /// Its stable name, as `--json` shows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Denied => "denied",
            Self::Ask => "ask",
            Self::Restricted => "restricted",
        }
    }
}

impl fmt::Display for PermissionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The system's word, and the way on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// What the system says.
    pub state: PermissionState,
    /// What the person at the machine can do next, as a sentence to show; empty where nothing is to be done.
    pub next: String,
}

impl Permission {
    pub(super) fn granted() -> Self {
        Self { state: PermissionState::Granted, next: String::new() }
    }

    pub(super) fn new(state: PermissionState, next: impl Into<String>) -> Self {
        Self { state, next: next.into() }
    }
}

/// What the system says about capturing for `purpose`, as it is now; nothing is opened and nobody is asked.
/// Prepared sources need nobody's permission.
///
/// # Examples
/// ```
/// use panecast::capture::{PermissionState, permission};
/// use panecast::session::Purpose;
/// assert_eq!(permission(Purpose::Prepared).state, PermissionState::Granted);
/// let screen = permission(Purpose::Screen);
/// if screen.state != PermissionState::Granted {
///     println!("{}", screen.next);
/// }
/// ```
///
/// # Threads and cost
/// May wait up to 1 s for a display that does not answer.
#[must_use]
pub fn permission(purpose: Purpose) -> Permission {
    match purpose {
        Purpose::Prepared => Permission::granted(),
        Purpose::AgentScreen => select::system_permission(Purpose::Screen),
        Purpose::Screen | Purpose::Window | Purpose::Camera => select::system_permission(purpose),
    }
}
