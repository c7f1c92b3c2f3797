//! The app's own windows, which are left out of what is captured.

use std::sync::{Arc, Mutex, PoisonError};

/// Windows that are no part of a captured screen: what is drawn over it for the visitor alone, a mirror of what the
/// agent sees, the app's own controls.
///
/// The picture keeps what was in their place before they came, and gets what is there now once they go. So it never
/// shows them, not even for a moment: add a window before it is shown. Clones are one and the same list; a source that
/// was opened with it follows every change. X11 knows how (with XFixes); other sources show all windows.
#[derive(Clone, Debug, Default)]
pub struct Excluded(Arc<Mutex<List>>);

#[derive(Debug, Default)]
struct List {
    windows: Vec<u64>,
    version: u64,
}

impl Excluded {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves out the window with this id, as [`crate::capture::SourceSpec::Window`] has it, from now on.
    pub fn add(&self, window: u64) {
        self.change(|windows| windows.push(window));
    }

    /// Takes `window` as any other again. Call it after the window is gone.
    pub fn remove(&self, window: u64) {
        self.change(|windows| windows.retain(|w| *w != window));
    }

    /// How often it was changed, and the windows if that is not `version`.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "asked by the sources that know how"))]
    pub(crate) fn since(&self, version: u64) -> Option<(u64, Vec<u64>)> {
        let list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (list.version != version).then(|| (list.version, list.windows.clone()))
    }

    fn change(&self, how: impl FnOnce(&mut Vec<u64>)) {
        // A list is whole whoever panicked beside it.
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        how(&mut list.windows);
        list.version += 1;
    }
}
