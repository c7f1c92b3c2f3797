//! The boundary: a lock around what an object holds, and no panic beyond it.

use super::PanecastError;
use crate::error::{Error, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// Runs `work`; a panic in it becomes an error.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T>) -> std::result::Result<T, PanecastError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(outcome) => outcome.map_err(PanecastError::from),
        Err(cause) => {
            let text = cause.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| cause.downcast_ref::<String>().cloned()).unwrap_or_default();
            Err(PanecastError::Panicked { reason: format!("a bug of the library's was caught: {text}") })
        }
    }
}

/// What an object holds. A panic while it is held retires it: what it left half done is never seen.
#[derive(Debug)]
pub(super) struct Held<T>(Mutex<T>);

impl<T> Held<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// Runs `work` on the value, one thread at a time.
    pub(super) fn with<R>(
        &self,
        work: impl FnOnce(&mut T) -> Result<R>,
    ) -> std::result::Result<R, PanecastError> {
        if self.0.is_poisoned() {
            return Err(retired());
        }
        // The lock is taken within, so that a panic poisons it.
        let outcome = guarded(|| match self.0.lock() {
            Ok(mut value) => work(&mut value).map(Some),
            Err(_) => Ok(None),
        });
        outcome?.ok_or_else(retired)
    }
}

impl<T> Held<Option<T>> {
    /// Takes the value out, once.
    pub(super) fn take(&self, gone: &str) -> std::result::Result<T, PanecastError> {
        self.with(|value| value.take().ok_or_else(|| Error::input(gone)))
    }
}

/// What an object holds that any thread may call at the same time. A panic retires it.
#[derive(Debug)]
pub(super) struct Shared<T> {
    value: T,
    retired: AtomicBool,
}

impl<T> Shared<T> {
    pub(super) fn new(value: T) -> Self {
        Self { value, retired: AtomicBool::new(false) }
    }

    /// Runs `work` on the value.
    pub(super) fn call<R>(
        &self,
        work: impl FnOnce(&T) -> Result<R>,
    ) -> std::result::Result<R, PanecastError> {
        if self.retired.load(Ordering::SeqCst) {
            return Err(retired());
        }
        self.last(work)
    }

    /// As [`Shared::call`], of a retired object, too: for what ends it.
    pub(super) fn last<R>(
        &self,
        work: impl FnOnce(&T) -> Result<R>,
    ) -> std::result::Result<R, PanecastError> {
        let outcome = guarded(|| work(&self.value));
        if matches!(outcome, Err(PanecastError::Panicked { .. })) {
            self.retired.store(true, Ordering::SeqCst);
        }
        outcome
    }
}

fn retired() -> PanecastError {
    PanecastError::Panicked {
        reason: "this object was retired when a bug of the library's was caught".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_and_retires_the_object() {
        let held = Held::new(1);
        assert_eq!(held.with(|n| Ok(*n)), Ok(1));
        let caught = held.with(|_| -> Result<i32> { panic!("half done") });
        assert!(matches!(&caught, Err(PanecastError::Panicked { reason }) if reason.contains("half done")));
        let after = held.with(|n| Ok(*n));
        assert!(matches!(&after, Err(PanecastError::Panicked { reason }) if reason.contains("retired")));
    }

    #[test]
    fn a_shared_object_is_retired_but_can_be_ended() {
        let shared = Shared::new(7);
        assert_eq!(shared.call(|n| Ok(*n)), Ok(7));
        assert!(matches!(shared.call(|_| -> Result<i32> { panic!() }), Err(PanecastError::Panicked { .. })));
        assert!(matches!(shared.call(|n| Ok(*n)), Err(PanecastError::Panicked { .. })));
        assert_eq!(shared.last(|n| Ok(*n)), Ok(7));
    }

    #[test]
    fn what_is_taken_once_is_gone() {
        let held = Held::new(Some("grant"));
        assert_eq!(held.take("used up"), Ok("grant"));
        assert!(
            matches!(held.take("used up"), Err(PanecastError::InvalidInput { reason }) if reason == "used up")
        );
    }
}
