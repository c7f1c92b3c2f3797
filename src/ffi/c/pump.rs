//! A thread that asks a host or a joiner for what happens, and tells a callback.

use super::boundary::give;
use super::events::{Told, panecast_session_callback, panecast_session_event};
use super::handle::{Handled, calling_back};
use super::sized;
use crate::error::Result;
use crate::ffi::Status;
use std::ffi::c_void;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

/// How long one question lasts; an end wakes it.
const LONG: Duration = Duration::from_secs(3600);

/// A caller's function and its argument.
#[derive(Clone, Copy)]
struct Listener {
    callback: extern "C" fn(*const panecast_session_event, *mut c_void),
    user: *mut c_void,
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
    start: Start,
}

/// Lets a pump begin.
#[derive(Clone, Debug)]
pub(super) struct Start {
    thread: Thread,
    handle: Arc<AtomicUsize>,
}

impl Pump {
    /// Asks `next` until it says that all is over, and tells `callback`; none where there is no callback. It begins once
    /// [`give_and_start`] knows whose events they are.
    pub(super) fn of(
        callback: panecast_session_callback,
        user: *mut c_void,
        next: impl Fn(Duration) -> Result<Option<Told>> + Send + 'static,
    ) -> Result<Option<Self>> {
        let Some(callback) = callback else { return Ok(None) };
        let listener = Listener { callback, user };
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
        let start = Start { thread: thread.thread().clone(), handle };
        Ok(Some(Self { thread: Mutex::new(Some(thread)), start }))
    }

    /// What lets it begin.
    pub(super) fn start(&self) -> Start {
        self.start.clone()
    }

    /// Waits for its end, which has been asked for; from within the callback it does not wait.
    pub(super) fn join(&self) {
        if thread::current().id() == self.start.thread.id() {
            return;
        }
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take() {
            // A caller's function does not unwind, and nothing else there panics.
            let _ = thread.join();
        }
    }
}

/// Takes an object in and writes its handle; its events begin when its maker knows the handle.
///
/// # Safety
/// `out` is NULL or good for writing a pointer.
pub(super) unsafe fn give_and_start<T: Handled, O>(
    object: T,
    start: Option<Start>,
    out: *mut *mut O,
) -> Result<()> {
    // SAFETY: as this function's contract says; what was given was written.
    let handle = unsafe {
        give(object, out)?;
        out.read().addr()
    };
    if let Some(Start { thread, handle: own }) = start {
        own.store(handle, Ordering::Release);
        thread.unpark();
    }
    Ok(())
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
