//! A connection to a compositor that never blocks for ever.
//!
//! A compositor that is stopped or hangs leaves a client waiting in `poll` without end. Here every wait has an end of
//! its own. Requests are never cut off half way: what the socket does not take stays in the buffer of the connection. So
//! a connection outlives a stall.

use super::registry::State;
use crate::error::{Error, ErrorKind, Result};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use wayland_client::backend::WaylandError;
use wayland_client::{DispatchError, EventQueue, QueueHandle};

/// How long a compositor may be silent while an answer is due. With [`PROBE`] it stays below the second within which a
/// stalled one is to be reported.
pub(super) const ANSWER: Duration = Duration::from_millis(650);
/// A compositor that was not heard for this long is asked for a sign of life.
pub(super) const PROBE: Duration = Duration::from_millis(250);
/// How long one answer may take in all, however much the compositor says meanwhile.
const CONVERSATION: Duration = Duration::from_secs(5);

/// Most times that bytes are taken in at once, without waiting.
const MOST_READS: u32 = 256;

/// A connection and what the compositor told on it.
pub(super) struct Connection {
    connection: wayland_client::Connection,
    queue: EventQueue<State>,
    pub(super) state: State,
    heard: Instant,
}

impl Connection {
    /// Connects to `display`, or the one that `WAYLAND_DISPLAY` names, and learns what it has.
    pub(super) fn open(display: Option<&str>) -> Result<Self> {
        let path = socket_path(display)?;
        let connection = wayland_client::Connection::from_socket(connect(&path)?)
            .map_err(|e| Error::new(ErrorKind::NotFound, format!("no display: {e}")))?;
        let queue = connection.new_event_queue();
        let state = State::new(&connection.display(), &queue.handle());
        let mut c = Self { connection, queue, state, heard: Instant::now() };
        // The globals; then what each of them says when it is bound.
        c.roundtrip()?;
        c.state.describe_outputs(&c.queue.handle());
        c.roundtrip()?;
        Ok(c)
    }

    pub(super) fn handle(&self) -> QueueHandle<State> {
        self.queue.handle()
    }

    /// When bytes last came from the compositor.
    pub(super) fn heard(&self) -> Instant {
        self.heard
    }

    /// Takes in what came already, without waiting.
    pub(super) fn dispatch(&mut self) -> Result<()> {
        // Who talks without end is heard again the next time.
        for _ in 0..MOST_READS {
            if !self.wait(Instant::now())? {
                break;
            }
        }
        Ok(())
    }

    /// Sends what there is to send and waits for bytes from the compositor; false if none came by `until`.
    pub(super) fn wait(&mut self, until: Instant) -> Result<bool> {
        loop {
            if self.queue.dispatch_pending(&mut self.state).map_err(undispatched)? > 0 {
                return Ok(true);
            }
            let mut flags = PollFlags::IN;
            match self.connection.flush() {
                Ok(()) => {}
                Err(WaylandError::Io(e)) if e.kind() == std::io::ErrorKind::WouldBlock => {
                    flags |= PollFlags::OUT
                }
                // What it said before it went explains more than that it is gone.
                Err(WaylandError::Io(e)) if e.kind() == std::io::ErrorKind::BrokenPipe => {}
                Err(e) => return Err(lost(e)),
            }
            let Some(guard) = self.queue.prepare_read() else { continue };
            let ready = poll(guard.connection_fd(), flags, until)?;
            if ready.is_empty() {
                return Ok(false);
            }
            if !ready.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
                continue;
            }
            match guard.read() {
                Ok(_) => self.heard = Instant::now(),
                Err(WaylandError::Io(e)) if e.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(e) => return Err(lost(e)),
            }
            self.queue.dispatch_pending(&mut self.state).map_err(undispatched)?;
            return Ok(true);
        }
    }

    /// Waits until the compositor has answered all that was sent.
    pub(super) fn roundtrip(&mut self) -> Result<()> {
        let answered = Arc::new(AtomicBool::new(false));
        let q = self.queue.handle();
        self.connection.display().sync(&q, Arc::clone(&answered));
        self.until(|_| Ok(answered.load(Ordering::SeqCst)))
    }

    /// Waits until `done` of what the compositor told, as long as it keeps telling.
    pub(super) fn until(&mut self, mut done: impl FnMut(&mut State) -> Result<bool>) -> Result<()> {
        let begun = Instant::now();
        while !done(&mut self.state)? {
            let end = begun.max(self.heard) + ANSWER;
            if !self.wait(end.min(begun + CONVERSATION))? {
                return Err(stalled());
            }
        }
        Ok(())
    }
}

/// Connects to the compositor that `WAYLAND_DISPLAY` names, and hangs up.
pub(super) fn try_connect() -> Result<()> {
    connect(&socket_path(None)?).map(drop)
}

/// Where the socket of `display` is: a path, or a name in `XDG_RUNTIME_DIR`.
fn socket_path(display: Option<&str>) -> Result<PathBuf> {
    let none = |text: &str| Error::new(ErrorKind::NotFound, format!("no display: {text}"));
    let named = std::env::var_os("WAYLAND_DISPLAY").filter(|name| !name.is_empty());
    let name = match display {
        Some(name) => PathBuf::from(name),
        None => PathBuf::from(named.ok_or_else(|| none("WAYLAND_DISPLAY is not set"))?),
    };
    if name.is_absolute() {
        return Ok(name);
    }
    let folder = std::env::var_os("XDG_RUNTIME_DIR").ok_or_else(|| none("XDG_RUNTIME_DIR is not set"))?;
    Ok(Path::new(&folder).join(name))
}

fn connect(path: &Path) -> Result<UnixStream> {
    let shown = path.display();
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    // Non-blocking from the start: the queue of a stalled compositor may be full, and `connect` would wait.
    let socket: OwnedFd = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
        .map_err(std::io::Error::from)?;
    match SocketAddrUnix::new(path).and_then(|address| rustix::net::connect(&socket, &address)) {
        Ok(()) => Ok(UnixStream::from(socket)),
        Err(Errno::AGAIN) => Err(stalled()),
        Err(Errno::ACCESS | Errno::PERM) => {
            Err(Error::new(ErrorKind::Denied, format!("the compositor at `{shown}` does not let us in")))
        }
        Err(e) => {
            let text = format!("no display: no compositor answers at `{shown}` ({e})");
            Err(Error::new(ErrorKind::NotFound, text))
        }
    }
}

/// Waits until `fd` is ready for one of `flags`; for which, or none by `until`.
fn poll(fd: std::os::fd::BorrowedFd<'_>, flags: PollFlags, until: Instant) -> Result<PollFlags> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        };
        let mut fds = [PollFd::from_borrowed_fd(fd.as_fd(), flags)];
        match rustix::event::poll(&mut fds, Some(&timeout)) {
            Ok(_) => return Ok(fds[0].revents()),
            Err(Errno::INTR) => {}
            Err(e) => return Err(std::io::Error::from(e).into()),
        }
    }
}

/// The compositor does not answer.
pub(super) fn stalled() -> Error {
    Error::new(ErrorKind::Stalled, format!("the compositor has not answered for {} ms", ANSWER.as_millis()))
}

/// What a failed send or receive means.
fn lost(e: WaylandError) -> Error {
    match e {
        WaylandError::Io(e) => Error::new(ErrorKind::Closed, format!("the compositor is gone ({e})")),
        WaylandError::Protocol(e) => Error::new(ErrorKind::Io, format!("the compositor refused: {e}")),
    }
}

fn undispatched(e: DispatchError) -> Error {
    match e {
        DispatchError::Backend(e) => lost(e),
        bad @ DispatchError::BadMessage { .. } => {
            Error::data(format!("the compositor sent what makes no sense: {bad}"))
        }
    }
}
