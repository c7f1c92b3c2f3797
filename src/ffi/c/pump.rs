//! A thread that asks a host or a joiner for what happens, and tells a callback.

use super::boundary::give;
use super::events::{Told, panecast_session_event};
use super::handle::calling_back;
use super::sized;
use crate::error::Result;
use crate::ffi::Status;
use std::ffi::c_void;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle, ThreadId};
use std::time::Duration;

/// How long one question lasts; an end wakes it.
const LONG: Duration = Duration::from_secs(3600);

/// A caller's function and its argument.
#[derive(Clone, Copy)]
pub(super) struct Listener {
    pub(super) callback: extern "C" fn(*const panecast_session_event, *mut c_void),
    pub(super) user: *mut c_void,
}

// SAFETY: the header says that another thread calls it with `user`.
unsafe impl Send for Listener {}

impl Listener {
    fn tell(&self, told: &Told) {
        (self.callback)(std::ptr::from_ref(told.event()), self.user);
    }
}

/// The thread, while it runs.
#[derive(Debug)]
pub(super) struct Pump {
    thread: Mutex<Option<JoinHandle<()>>>,
    id: ThreadId,
    handle: Arc<AtomicUsize>,
}

impl Pump {
    /// Asks `next` until it says that all is over. It begins once [`Pump::begin`] says whose events they are.
    pub(super) fn new(
        listener: Listener,
        next: impl Fn(Duration) -> Result<Option<Told>> + Send + 'static,
    ) -> Result<Self> {
        let handle = Arc::new(AtomicUsize::new(0));
        let own = Arc::clone(&handle);
        let run = move || {
            // Taken whole, so that its reason to be sent counts.
            let listener = listener;
            while own.load(Ordering::Acquire) == 0 {
                thread::park();
            }
            let own = own.load(Ordering::Acquire);
            while let Ok(told) = next(LONG) {
                if let Some(told) = told {
                    calling_back(own, || listener.tell(&told));
                }
            }
        };
        let thread = thread::Builder::new().name("panecast-events".into()).spawn(run)?;
        let id = thread.thread().id();
        Ok(Self { thread: Mutex::new(Some(thread)), id, handle })
    }

    /// Lets it begin, on behalf of this handle.
    pub(super) fn begin(&self, handle: usize) {
        self.handle.store(handle, Ordering::Release);
        if let Some(thread) = &*self.thread.lock().unwrap_or_else(PoisonError::into_inner) {
            thread.thread().unpark();
        }
    }

    /// Waits for its end, which has been asked for; from within the callback it does not wait.
    pub(super) fn join(&self) {
        if thread::current().id() == self.id {
            return;
        }
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take() {
            // A caller's function does not unwind, and nothing else there panics.
            let _ = thread.join();
        }
    }
}

/// Writes what happened for who asks.
///
/// # Safety
/// `event` is an accepted struct.
pub(super) unsafe fn answer(told: Option<Told>, event: *mut panecast_session_event) -> Result<Status> {
    let Some(told) = told else { return Ok(Status::NothingNow) };
    let (mut out, held) = told.into_parts();
    if let Some(held) = held {
        // SAFETY: a pointer of this function's own.
        unsafe { give(held, &raw mut out.held)? };
    }
    // SAFETY: as this function's contract says.
    unsafe { sized::write(event, &out, "the event")? };
    Ok(Status::Ok)
}
