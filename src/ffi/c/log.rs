//! What the library does, in lines, for those who want them.

use super::boundary;
use super::codes;
use crate::error::Error;
use crate::ffi::Status;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::ffi::{CString, c_char, c_void};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Told a line: how grave it is (`panecast_log_level`), and the line, which is good until it returns. It is called on any
/// thread, on several at once, and no lock of the library's is held meanwhile: it may call every function. What these calls
/// would log is not told. Lines have no key, link, token, name or title in them: what an error quotes of a caller's text is
/// told by `panecast_last_error` alone. It must not unwind.
pub type panecast_log_callback = Option<extern "C" fn(level: u32, line: *const c_char, user: *mut c_void)>;

/// Who is told.
#[derive(Clone, Copy)]
struct Listener {
    callback: extern "C" fn(u32, *const c_char, *mut c_void),
    user: *mut c_void,
    level: u32,
}

// SAFETY: the header says that any thread may call it with `user`.
unsafe impl Send for Listener {}

struct Log {
    listener: Option<Listener>,
    /// Counts the listeners.
    generation: u64,
    /// How many calls are under way of the listeners that have any.
    calls: BTreeMap<u64, usize>,
}

/// The listener's level, for those who need not ask further.
static LEVEL: AtomicU32 = AtomicU32::new(0);
static LOG: Mutex<Log> = Mutex::new(Log { listener: None, generation: 0, calls: BTreeMap::new() });
static RETURNED: Condvar = Condvar::new();

thread_local! {
    /// Whether this thread is in a call.
    static WITHIN: Cell<bool> = const { Cell::new(false) };
}

fn lock() -> MutexGuard<'static, Log> {
    LOG.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has `callback` told what happens, up to `level` (`panecast_log_level`); NULL ends it. Once this returns, no call of a
/// callback that was there before is under way, and none begins. From within a log callback it does not wait: calls that
/// are under way go on, the one at hand and those of other threads.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_log_set(level: u32, callback: panecast_log_callback, user: *mut c_void) -> Status {
    boundary::plain(|| {
        if level > codes::panecast_log_level::Debug as u32 {
            return Err(codes::unknown("log level", level));
        }
        let mut log = lock();
        LEVEL.store(if callback.is_some() { level } else { 0 }, Ordering::Relaxed);
        log.listener = callback.map(|callback| Listener { callback, user, level });
        log.generation += 1;
        let own = log.generation;
        // Two callbacks that waited for each other here would wait for ever.
        while !WITHIN.get() && log.calls.first_key_value().is_some_and(|(oldest, _)| *oldest < own) {
            log = RETURNED.wait(log).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(Status::Ok)
    })
}

fn tell(level: codes::panecast_log_level, line: impl FnOnce() -> String) {
    let level = level as u32;
    // A callback whose own calls fail is not told of them.
    if level > LEVEL.load(Ordering::Relaxed) || WITHIN.get() {
        return;
    }
    let Ok(line) = CString::new(line().replace('\0', " ")) else { return };
    let mut log = lock();
    let Some(Listener { callback, user, .. }) = log.listener.filter(|now| level <= now.level) else { return };
    let generation = log.generation;
    *log.calls.entry(generation).or_default() += 1;
    drop(log);
    WITHIN.set(true);
    callback(level, line.as_ptr(), user);
    WITHIN.set(false);
    let mut log = lock();
    if let Some(calls) = log.calls.get_mut(&generation) {
        *calls -= 1;
        if *calls == 0 {
            log.calls.remove(&generation);
        }
    }
    drop(log);
    RETURNED.notify_all();
}

/// An error as a line. What its message quotes, which may be a title, a name or a key in the wrong place, is left out: all
/// from the first quotation mark to the last, because what is quoted may have some of its own.
pub(super) fn line_of(error: &Error) -> String {
    let message = error.message();
    let bare = match (message.find('`'), message.rfind('`')) {
        (Some(first), Some(last)) if first < last => {
            format!("{}…{}", &message[..=first], &message[last..])
        }
        _ => message.to_owned(),
    };
    format!("{}: {bare}", error.kind().name())
}

pub(super) fn failed(error: &Error) {
    tell(codes::panecast_log_level::Debug, || line_of(error));
}

pub(super) fn panicked(what: &str) {
    tell(codes::panecast_log_level::Error, || format!("a bug was caught in {what}"));
}

pub(super) fn info(line: impl FnOnce() -> String) {
    tell(codes::panecast_log_level::Info, line);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_error_quotes_stays_out_of_its_line() {
        let line = |text: &str| line_of(&Error::input(text));
        assert_eq!(line("`titel:Ann's pay` names no window"), "invalid-input: `…` names no window");
        assert_eq!(line("`a`b` is none; write `c` there"), "invalid-input: `…` there");
        assert_eq!(line("which ` one?"), "invalid-input: which ` one?");
        assert_eq!(line("damage without a rectangle"), "invalid-input: damage without a rectangle");
    }
}
