//! Wakes who waits for the next thing to happen.
#![forbid(unsafe_code)]

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

/// Counts what happened. Who remembers the count before looking cannot miss what comes after.
#[derive(Clone, Debug, Default)]
pub(super) struct Bell(Arc<(Mutex<u64>, Condvar)>);

impl Bell {
    pub(super) fn ring(&self) {
        let (count, rung) = &*self.0;
        let mut count = count.lock().unwrap_or_else(PoisonError::into_inner);
        *count = count.wrapping_add(1);
        rung.notify_all();
    }

    /// How often it has rung.
    pub(super) fn count(&self) -> u64 {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it has rung since it was `seen`, at most until then; `None` is for ever.
    pub(super) fn wait(&self, seen: u64, until: Option<Instant>) {
        let (count, rung) = &*self.0;
        let mut count = count.lock().unwrap_or_else(PoisonError::into_inner);
        while *count == seen {
            count = match until {
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return;
                    }
                    rung.wait_timeout(count, left).unwrap_or_else(PoisonError::into_inner).0
                }
                None => rung.wait(count).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}
