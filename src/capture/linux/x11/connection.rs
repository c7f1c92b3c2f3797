//! A connection to an X server that never blocks for ever.
//!
//! A server that is stopped or hangs leaves a client waiting in `poll` without end. A watchdog thread could only
//! close the socket under the conversation, and then the stream would be lost. Instead every wait of the
//! conversation goes through [`TimedStream::poll`], which gives up after [`ANSWER`]: x11rb then reports the
//! error with the connection intact, and an answer that comes late is dropped by its sequence number. Only where
//! a request was cut off half way the connection is broken, and the caller opens a new one.

use crate::error::{Error, ErrorKind, Result};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use std::cell::Cell;
use std::io::IoSlice;
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};
use x11rb::errors::{ConnectError, ConnectionError, DisplayParsingError, ReplyError, ReplyOrIdError};
use x11rb::protocol::xproto::Screen;
use x11rb::reexports::x11rb_protocol::parse_display::{ConnectAddress, parse_display};
use x11rb::reexports::x11rb_protocol::xauth;
use x11rb::rust_connection::{DefaultStream, PollMode, RustConnection, Stream};
use x11rb::utils::RawFdContainer;

/// How long a server may be silent while an answer is due. With [`PROBE`] it stays below the second within which
/// a stalled server is to be reported.
pub(super) const ANSWER: Duration = Duration::from_millis(650);
/// A server that was not heard for this long is asked for a sign of life.
pub(super) const PROBE: Duration = Duration::from_millis(250);
/// How long one conversation may take in all, however much the server says.
const CONVERSATION: Duration = Duration::from_secs(5);

/// Display `n` listens on port 6000 + `n`: a higher number names no port, and x11rb 0.14 does not check the sum.
const HIGHEST_DISPLAY: u16 = u16::MAX - 6000;

/// A connection and the screen it is for.
pub(super) struct Connection {
    pub(super) x: RustConnection<TimedStream>,
    screen: usize,
    local: bool,
}

impl Connection {
    /// Connects to `display`, or the one that `DISPLAY` names.
    pub(super) fn open(display: Option<&str>) -> Result<Self> {
        let parsed = parse_display(display).map_err(|e| no_display(&e))?;
        let shown = display.map_or_else(|| std::env::var("DISPLAY").unwrap_or_default(), str::to_owned);
        let screen = usize::from(parsed.screen);
        let mut last = Error::new(ErrorKind::NotFound, format!("no display: `{shown}` names no server"));
        if parsed.display > HIGHEST_DISPLAY {
            return Err(last);
        }
        for address in parsed.connect_instruction() {
            let (stream, (family, peer)) = match connect(&address) {
                Ok(connected) => connected,
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {
                    last = stalled();
                    continue;
                }
                Err(e) => {
                    let text = format!("no display: no X server answers at `{shown}` ({e})");
                    last = Error::new(ErrorKind::NotFound, text);
                    continue;
                }
            };
            let (name, data) =
                xauth::get_auth(family, &peer, parsed.display).ok().flatten().unwrap_or_default();
            let stream = TimedStream::new(stream);
            let x = RustConnection::connect_to_stream_with_auth_info(stream, screen, name, data)
                .map_err(|e| not_connected(&shown, e))?;
            let local = matches!(address, ConnectAddress::Socket(_));
            return Ok(Self { x, screen, local });
        }
        Err(last)
    }

    pub(super) fn screen(&self) -> &Screen {
        // The number was checked when the connection was made.
        &x11rb::connection::Connection::setup(&self.x).roots[self.screen]
    }

    /// Whether file descriptors can be handed to the server.
    pub(super) fn is_local(&self) -> bool {
        self.local
    }

    /// Starts a conversation: from now on it has its time.
    pub(super) fn begin(&self) {
        self.x.stream().end.set(Instant::now() + CONVERSATION);
    }

    /// Waits for bytes from the server; false if none came by `until`.
    pub(super) fn wait(&self, until: Instant) -> Result<bool> {
        Ok(wait(self.x.stream().inner.as_fd(), PollFlags::IN, until)?)
    }

    /// When bytes last came from the server.
    pub(super) fn heard(&self) -> Instant {
        self.x.stream().heard.get()
    }

    /// Whether a request was cut off, so that nothing more can be said on this connection.
    pub(super) fn is_broken(&self) -> bool {
        self.x.stream().broken.get()
    }
}

/// x11rb's own stream with an end to every wait.
pub(super) struct TimedStream {
    inner: DefaultStream,
    heard: Cell<Instant>,
    end: Cell<Instant>,
    broken: Cell<bool>,
}

impl TimedStream {
    fn new(inner: DefaultStream) -> Self {
        let now = Instant::now();
        let end = Cell::new(now + CONVERSATION);
        Self { inner, heard: Cell::new(now), end, broken: Cell::new(false) }
    }

    fn send(&self, bufs: &[IoSlice<'_>], fds: &mut Vec<RawFdContainer>) -> std::io::Result<usize> {
        let borrowed: Vec<_> = fds.iter().map(AsFd::as_fd).collect();
        let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !borrowed.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&borrowed)) {
            return Err(std::io::Error::other("too many file descriptors at once"));
        }
        loop {
            // NOSIGNAL: a server that died must not kill the app that we are part of.
            match rustix::net::sendmsg(&self.inner, bufs, &mut control, SendFlags::NOSIGNAL) {
                Ok(n) => {
                    fds.clear();
                    return Ok(n);
                }
                Err(Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }
}

impl Stream for TimedStream {
    fn poll(&self, mode: PollMode) -> std::io::Result<()> {
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, mode.readable());
        flags.set(PollFlags::OUT, mode.writable());
        let (now, end) = (Instant::now(), self.end.get());
        if now < end && wait(self.inner.as_fd(), flags, end.min(now + ANSWER))? {
            return Ok(());
        }
        // While a request is being written, or where the server talks without end, the stream is lost.
        if mode.writable() || Instant::now() >= end {
            self.broken.set(true);
        }
        Err(std::io::ErrorKind::TimedOut.into())
    }

    fn read(&self, buf: &mut [u8], fds: &mut Vec<RawFdContainer>) -> std::io::Result<usize> {
        let n = self.inner.read(buf, fds)?;
        self.heard.set(Instant::now());
        Ok(n)
    }

    fn write(&self, buf: &[u8], fds: &mut Vec<RawFdContainer>) -> std::io::Result<usize> {
        self.send(&[IoSlice::new(buf)], fds)
    }

    fn write_vectored(&self, bufs: &[IoSlice<'_>], fds: &mut Vec<RawFdContainer>) -> std::io::Result<usize> {
        self.send(bufs, fds)
    }
}

/// Waits until `fd` is ready for one of `flags`; false if it is not by `until`.
fn wait(fd: std::os::fd::BorrowedFd<'_>, flags: PollFlags, until: Instant) -> std::io::Result<bool> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        };
        match rustix::event::poll(&mut [PollFd::from_borrowed_fd(fd, flags)], Some(&timeout)) {
            Ok(n) => return Ok(n > 0),
            Err(Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
}

type Connected = (DefaultStream, (xauth::Family, Vec<u8>));

fn connect(address: &ConnectAddress<'_>) -> std::io::Result<Connected> {
    match address {
        ConnectAddress::Hostname(host, port) => {
            let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
            for address in (*host, *port).to_socket_addrs()? {
                match TcpStream::connect_timeout(&address, ANSWER) {
                    Ok(stream) => {
                        stream.set_nodelay(true)?;
                        return DefaultStream::from_tcp_stream(stream);
                    }
                    Err(e) => last = e,
                }
            }
            Err(last)
        }
        ConnectAddress::Socket(path) => {
            use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
            // Non-blocking from the start: the queue of a stalled server may be full, and `connect` would wait.
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let socket: OwnedFd =
                rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
            rustix::net::connect(&socket, &SocketAddrUnix::new(path.as_str())?)?;
            DefaultStream::from_unix_stream(UnixStream::from(socket))
        }
        _ => Err(std::io::ErrorKind::Unsupported.into()),
    }
}

fn no_display(e: &DisplayParsingError) -> Error {
    let text = match e {
        DisplayParsingError::DisplayNotSet => {
            "no display: DISPLAY is not set; start this from a desktop session, or use the source `pattern`"
                .into()
        }
        other => format!("no display: {other}"),
    };
    Error::new(ErrorKind::NotFound, text)
}

fn not_connected(display: &str, e: ConnectError) -> Error {
    match e {
        ConnectError::IoError(e) if e.kind() == std::io::ErrorKind::TimedOut => stalled(),
        ConnectError::IoError(e) => {
            Error::new(ErrorKind::NotFound, format!("no display: `{display}` hung up ({e})"))
        }
        ConnectError::SetupFailed(e) => {
            let reason = e.reason.escape_ascii();
            Error::new(ErrorKind::Denied, format!("the X server at `{display}` refused: {reason}"))
        }
        ConnectError::SetupAuthenticate(_) => {
            Error::new(ErrorKind::Denied, format!("the X server at `{display}` wants a login"))
        }
        ConnectError::InvalidScreen => Error::new(
            ErrorKind::NotFound,
            format!("no display: `{display}` names a screen that is not there"),
        ),
        other => Error::data(format!("the X server at `{display}` makes no sense: {other}")),
    }
}

/// The server does not answer.
pub(super) fn stalled() -> Error {
    Error::new(ErrorKind::Stalled, format!("the X server has not answered for {} ms", ANSWER.as_millis()))
}

/// What a failed send or receive means.
pub(super) fn lost(e: ConnectionError) -> Error {
    match e {
        ConnectionError::IoError(e) if e.kind() == std::io::ErrorKind::TimedOut => stalled(),
        ConnectionError::IoError(e) => Error::new(ErrorKind::Closed, format!("the X server is gone ({e})")),
        ConnectionError::ParseError(e) => Error::data(format!("the X server sent what makes no sense: {e}")),
        other => Error::new(ErrorKind::Unsupported, format!("the X server cannot do this: {other}")),
    }
}

/// What a failed request means; `what` is what was asked for.
pub(super) fn refused(what: &str, e: ReplyError) -> Error {
    match e {
        ReplyError::ConnectionError(e) => lost(e),
        ReplyError::X11Error(e) => {
            Error::new(ErrorKind::Io, format!("the X server refused {what}: {:?}", e.error_kind))
        }
    }
}

/// A new resource id.
pub(super) fn new_id(connection: &Connection) -> Result<u32> {
    x11rb::connection::Connection::generate_id(&connection.x).map_err(|e| match e {
        ReplyOrIdError::IdsExhausted => {
            Error::new(ErrorKind::LimitExceeded, "the X server has no resource ids left")
        }
        ReplyOrIdError::ConnectionError(e) => lost(e),
        ReplyOrIdError::X11Error(e) => refused("a resource id", ReplyError::X11Error(e)),
    })
}
