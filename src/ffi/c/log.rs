//! What the library does, in lines, for those who want them.

use super::boundary;
use super::codes;
use crate::error::Error;
use crate::ffi::Status;
use std::cell::Cell;
use std::ffi::{CString, c_char, c_void};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Told a line: how grave it is (`panecast_log_level`), and the line, which is good until it returns. May be called from
/// any thread, several at once; no lock is held.
pub type panecast_log_callback = Option<extern "C" fn(level: u32, line: *const c_char, user: *mut c_void)>;

/// Who is told.
#[derive(Clone, Copy)]
struct Listener {
    callback: extern "C" fn(u32, *const c_char, *mut c_void),
    user: *mut c_void,
}

// SAFETY: the header says that any thread may call it with `user`.
unsafe impl Send for Listener {}

struct Log {
    listener: Option<Listener>,
    /// Calls under way.
    calls: usize,
}

static LEVEL: AtomicU32 = AtomicU32::new(0);
static LOG: Mutex<Log> = Mutex::new(Log { listener: None, calls: 0 });
static RETURNED: Condvar = Condvar::new();

thread_local! {
    /// Calls that this thread is in.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

fn lock() -> MutexGuard<'static, Log> {
    LOG.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has `callback` told what happens, up to `level` (`panecast_log_level`); NULL ends it. Once this returns, the callback
/// that was there before is not called any more, except the call from within which this was called.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_log_set(level: u32, callback: panecast_log_callback, user: *mut c_void) -> Status {
    boundary::plain(|| {
        if level > codes::panecast_log_level::Debug as u32 {
            return Err(codes::unknown("log level", level));
        }
        let mut log = lock();
        LEVEL.store(if callback.is_some() { level } else { 0 }, Ordering::Relaxed);
        log.listener = callback.map(|callback| Listener { callback, user });
        while log.calls > DEPTH.get() {
            log = RETURNED.wait(log).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(Status::Ok)
    })
}

fn tell(level: codes::panecast_log_level, line: impl FnOnce() -> String) {
    let level = level as u32;
    // A callback whose own calls fail is not told of them.
    if level > LEVEL.load(Ordering::Relaxed) || DEPTH.get() > 0 {
        return;
    }
    let Ok(line) = CString::new(line().replace('\0', " ")) else { return };
    let mut log = lock();
    let Some(Listener { callback, user }) = log.listener else { return };
    log.calls += 1;
    drop(log);
    DEPTH.set(DEPTH.get() + 1);
    callback(level, line.as_ptr(), user);
    DEPTH.set(DEPTH.get() - 1);
    lock().calls -= 1;
    RETURNED.notify_all();
}

pub(super) fn failed(error: &Error) {
    tell(codes::panecast_log_level::Debug, || format!("{}: {error}", error.kind().name()));
}

pub(super) fn panicked(what: &str) {
    tell(codes::panecast_log_level::Error, || format!("a bug was caught in {what}"));
}

pub(super) fn info(line: impl FnOnce() -> String) {
    tell(codes::panecast_log_level::Info, line);
}
