//! What a desktop's portal gives, so that it asks its question once.

use std::sync::{Arc, Mutex, PoisonError};

/// A word of the desktop's portal that stands for the visitor's choice of what to show. The app keeps it, and hands it in
/// the next time: the desktop then asks nothing.
///
/// Clones are one and the same. It is of use on Wayland desktops that capture through their portal; others leave it as it is.
/// It opens nothing without a [`crate::consent::CaptureGrant`].
#[derive(Clone, Debug, Default)]
pub struct RestoreToken(Arc<Mutex<Option<String>>>);

impl RestoreToken {
    /// What was kept of an earlier time; `None` for the first one.
    #[must_use]
    pub fn new(kept: Option<String>) -> Self {
        Self(Arc::new(Mutex::new(kept)))
    }

    /// What to keep now: each one is good for one time.
    #[must_use]
    pub fn kept(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    #[cfg_attr(
        not(all(target_os = "linux", feature = "portal")),
        allow(dead_code, reason = "told by the portal")
    )]
    pub(crate) fn set(&self, token: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = token;
    }
}
