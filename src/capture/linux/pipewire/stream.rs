//! A stream of pictures from a node.
#![allow(unsafe_code)]

use super::PipePixels;
use super::connection::{ANSWERS_WITHIN, Connection, pod_bytes, text};
use super::format::{self, META_CROP, META_CURSOR, META_DAMAGE, META_HEADER, PipeFormat, Wanted};
use super::library::{Buffer, Dict, DictItem, Functions, Hook, Object, SpaBuffer, StreamEvents};
use super::meta::{self, PipeCursor};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::Rect;
use crate::limits::Limits;
use std::ffi::{c_char, c_int, c_void};
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Any node: whoever links streams chooses.
pub const ANY_NODE: u32 = u32::MAX;

/// A stream that has given nothing for so long is stalled.
const STALLED_AFTER: Duration = Duration::from_secs(1);
/// A link that brought no format within this long is asked for again, so many times.
const LINK_AGAIN: Duration = Duration::from_millis(250);
const MOST_LINKS: u32 = 20;
/// Most rectangles of damage that are kept; more are anywhere.
const MOST_DAMAGE: usize = 64;
/// Largest JPEG that is taken.
const MOST_JPEG: usize = 64 << 20;

/// `autoconnect`, `map buffers`, `don't reconnect` of `enum pw_stream_flags`.
const FLAGS: c_int = 1 | 1 << 2 | 1 << 7;
const INPUT: c_int = 0;
const STATE_ERROR: c_int = -1;
const STATE_UNCONNECTED: c_int = 0;
const STATE_PAUSED: c_int = 2;
const STATE_STREAMING: c_int = 3;
const CORRUPTED_CHUNK: i32 = 1;
const CORRUPTED_HEADER: u32 = 2;
const MEMORY: [u32; 2] = [1, 2];

/// One picture of a stream, or what came beside it.
#[derive(Clone, Debug, Default)]
pub struct PipeFrame {
    /// How its bytes are laid out; `None` before the first picture.
    pub format: Option<PipeFormat>,
    /// Bytes from one row to the next, of the first plane.
    pub stride: usize,
    /// The newest picture, of its own; what is below a stream's shared memory changes at any time.
    pub bytes: Vec<u8>,
    /// Whether `bytes` are newer than at the last call; otherwise only the cursor is.
    pub fresh: bool,
    /// When it was taken, in nanoseconds of the source's clock.
    pub taken_ns: Option<i64>,
    /// The part of the picture that counts, if not all.
    pub crop: Option<Rect>,
    /// Where it may differ from the picture given before; `None` for anywhere.
    pub damage: Option<Vec<Rect>>,
    /// The cursor, where it was told anew.
    pub cursor: Option<PipeCursor>,
}

/// What the callbacks write.
struct Inbox {
    functions: &'static Functions,
    wanted: Wanted,
    state: Mutex<Inner>,
    changed: Condvar,
}

struct Inner {
    /// Null until the stream is made.
    stream: Handle,
    state: c_int,
    was_streaming: bool,
    format: Option<PipeFormat>,
    /// The newest frame, until it is taken.
    frame: PipeFrame,
    waits: bool,
    failure: Option<Error>,
    gave: Instant,
}

struct Handle(Object);

// SAFETY: it is used with the library's loop locked, or on its thread.
unsafe impl Send for Handle {}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream from a node, with the newest picture in a mailbox of one.
///
/// # Examples
/// ```no_run
/// use panecast::capture::camera::Layout;
/// use panecast::capture::linux::pipewire::{PipeFrame, PipePixels, PipeStream, Wanted};
/// use std::time::Duration;
/// # fn portal() -> (std::os::fd::OwnedFd, u32) { unimplemented!() }
/// let (fd, node) = portal();
/// let wanted = Wanted { pixels: vec![PipePixels::Raw(Layout::Bgrx)], size: None, fps: None, cursor: true };
/// let mut stream = PipeStream::connect(Some(fd), node, wanted)?;
/// let format = stream.wait_format(Duration::from_secs(5))?;
/// let mut frame = PipeFrame::default();
/// while stream.next(&mut frame, Duration::from_millis(100))? {
///     println!("{} of {} bytes, damage {:?}", format.size, frame.bytes.len(), frame.damage);
/// }
/// # Ok::<(), panecast::Error>(())
/// ```
pub struct PipeStream {
    inbox: Arc<Inbox>,
    /// *Safety invariant*: alive until `drop`, which destroys it before `connection` goes.
    stream: Object,
    /// Linked into a list of the stream's: boxed, and alive as long.
    _hook: Box<Hook>,
    connection: Connection,
    node: u32,
    /// The node has been seen, so that it can be seen to be gone.
    seen: bool,
    links: bool,
}

// SAFETY: the stream is used with the loop locked alone.
unsafe impl Send for PipeStream {}

static EVENTS: StreamEvents = StreamEvents {
    version: 2,
    destroy: None,
    state_changed: Some(on_state),
    control_info: None,
    io_changed: None,
    param_changed: Some(on_param),
    add_buffer: None,
    remove_buffer: None,
    process: Some(on_process),
    drained: None,
    command: None,
    trigger_done: None,
};

impl PipeStream {
    /// Asks for pictures of `node`, through a portal's `fd` or the session's own daemon. Where there is no session manager
    /// to link the two (a container, a test), the stream asks for the link itself.
    ///
    /// # Errors
    /// - [`ErrorKind::Unsupported`] if PipeWire is not installed.
    /// - [`ErrorKind::NotFound`] if no daemon runs, or it has no such node.
    /// - [`ErrorKind::Stalled`] if it does not answer within 1 s.
    pub fn connect(fd: Option<OwnedFd>, node: u32, wanted: Wanted) -> Result<Self> {
        let portal = fd.is_some();
        let connection = Connection::open(fd)?;
        connection.round_trip()?;
        let (seen, manager) = {
            let world = connection.shared.lock();
            (world.nodes.contains_key(&node), world.manager)
        };
        if !seen && node != ANY_NODE && !portal {
            return Err(Error::new(ErrorKind::NotFound, format!("PipeWire has no node {node}")));
        }
        let offers = wanted.offers();
        let inner = Inner {
            stream: Handle(null_mut()),
            state: STATE_UNCONNECTED,
            was_streaming: false,
            format: None,
            frame: PipeFrame::default(),
            waits: false,
            failure: None,
            gave: Instant::now(),
        };
        let functions = connection.functions;
        let inbox = Arc::new(Inbox { functions, wanted, state: Mutex::new(inner), changed: Condvar::new() });
        let (stream, hook) = connection.locked(|f| open(f, &connection, &inbox, node, &offers))?;
        let links = !manager && !portal && node != ANY_NODE;
        Ok(Self { inbox, stream, _hook: hook, connection, node, seen, links })
    }

    /// What was agreed on; `None` until then.
    #[must_use]
    pub fn format(&self) -> Option<PipeFormat> {
        self.inbox.lock().format
    }

    /// Waits until a format is agreed on.
    ///
    /// # Errors
    /// - [`ErrorKind::Stalled`] if none is within `timeout`; a later call may succeed.
    /// - as [`PipeStream::next`].
    pub fn wait_format(&self, timeout: Duration) -> Result<PipeFormat> {
        let begun = Instant::now();
        let (mut link, mut linked) = (null_mut(), 0);
        loop {
            if self.links && linked < MOST_LINKS {
                link = self.link(link);
                linked += 1;
            }
            let turn = Instant::now();
            let mut inner = self.inbox.lock();
            loop {
                if let Some(format) = inner.format {
                    return Ok(format);
                }
                self.check(&inner)?;
                let left =
                    LINK_AGAIN.saturating_sub(turn.elapsed()).min(timeout.saturating_sub(begun.elapsed()));
                if left.is_zero() {
                    break;
                }
                inner =
                    self.inbox.changed.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
            }
            if begun.elapsed() >= timeout {
                return Err(Error::new(ErrorKind::Stalled, "the PipeWire node agrees on no format"));
            }
        }
    }

    /// Links the node to the stream, in place of `before`, once the stream has a number.
    fn link(&self, before: Object) -> Object {
        // SAFETY: the invariant of `stream`; `before` is a proxy of this connection's, or null.
        let own = self.connection.locked(|f| unsafe {
            if !before.is_null() {
                (f.pw_proxy_destroy)(before);
            }
            (f.pw_stream_get_node_id)(self.stream)
        });
        if own == ANY_NODE { null_mut() } else { self.connection.link(self.node, own) }
    }

    fn check(&self, inner: &Inner) -> Result<()> {
        let closed = |what: &str| Err(Error::new(ErrorKind::Closed, what.to_owned()));
        if let Some(failure) = &inner.failure {
            return Err(failure.clone());
        }
        let world = self.connection.shared.lock();
        if let Some(why) = &world.failure {
            return closed(&format!("the PipeWire daemon is gone: {why}"));
        }
        if self.seen && !world.nodes.contains_key(&self.node) {
            return closed("the PipeWire node is gone: it was unplugged or closed");
        }
        if inner.was_streaming && inner.state == STATE_UNCONNECTED {
            return closed("the PipeWire stream was closed");
        }
        Ok(())
    }

    /// Waits up to `timeout` for something newer than what was given last, and moves it into `frame`. False if nothing
    /// came; `frame` is then as it was but for `fresh`.
    ///
    /// # Errors
    /// - [`ErrorKind::Closed`] if the node or the daemon is gone.
    /// - [`ErrorKind::Stalled`] if it streamed and has paused, or has never streamed, for 1 s. One that streams may give
    ///   nothing for as long as nothing changes.
    /// - [`ErrorKind::InvalidData`], [`ErrorKind::LimitExceeded`], [`ErrorKind::Unsupported`] for a format or a buffer that
    ///   cannot be.
    pub fn next(&mut self, frame: &mut PipeFrame, timeout: Duration) -> Result<bool> {
        let begun = Instant::now();
        frame.fresh = false;
        let mut inner = self.inbox.lock();
        loop {
            if inner.waits {
                break;
            }
            self.check(&inner)?;
            if inner.state != STATE_STREAMING && inner.gave.elapsed() >= STALLED_AFTER {
                return Err(Error::new(ErrorKind::Stalled, "the PipeWire stream has paused"));
            }
            let left = timeout.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Ok(false);
            }
            // The registry's news come without a bell of this mailbox's.
            let left = left.min(ANSWERS_WITHIN / 4);
            inner = self.inbox.changed.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        inner.waits = false;
        if inner.frame.fresh {
            std::mem::swap(frame, &mut inner.frame);
        } else {
            frame.cursor = inner.frame.cursor.take();
        }
        inner.frame.fresh = false;
        (inner.frame.cursor, inner.frame.damage) = (None, Some(Vec::new()));
        Ok(true)
    }

    /// When something came last.
    #[must_use]
    pub fn gave(&self) -> Instant {
        self.inbox.lock().gave
    }

    /// Forgets what waits.
    pub fn forget(&mut self) {
        let mut inner = self.inbox.lock();
        inner.frame.bytes.fill(0);
        (inner.waits, inner.frame) = (false, PipeFrame::default());
    }

    /// Has the source rest, or go on; a camera that rests is off.
    pub fn set_active(&self, active: bool) {
        // SAFETY: the invariant of `stream`.
        self.connection.locked(|f| unsafe { (f.pw_stream_set_active)(self.stream, active) });
    }
}

impl Drop for PipeStream {
    fn drop(&mut self) {
        // SAFETY: the invariant of `stream`; its hook and what its callbacks write are dropped after it.
        self.connection.locked(|f| unsafe { (f.pw_stream_destroy)(self.stream) });
        self.inbox.lock().frame.bytes.fill(0);
    }
}

impl std::fmt::Debug for PipeStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PipeStream(node {}, {:?})", self.node, self.format())
    }
}

/// Makes a stream, with the loop locked.
fn open(
    f: &Functions,
    connection: &Connection,
    inbox: &Arc<Inbox>,
    node: u32,
    offers: &[Vec<u64>],
) -> Result<(Object, Box<Hook>)> {
    let items = [
        DictItem { key: c"media.type".as_ptr(), value: c"Video".as_ptr() },
        DictItem { key: c"media.category".as_ptr(), value: c"Capture".as_ptr() },
        DictItem { key: c"media.role".as_ptr(), value: c"Camera".as_ptr() },
        DictItem { key: c"node.name".as_ptr(), value: c"panecast".as_ptr() },
    ];
    let dict = Dict { flags: 0, n_items: items.len() as u32, items: items.as_ptr() };
    let params: Vec<*const c_void> = offers.iter().map(|pod| pod.as_ptr().cast()).collect();
    let mut hook = Box::new(Hook::EMPTY);
    // SAFETY: the core is alive and the loop locked; the stream takes the properties; strings and pods are copied; hook,
    // events and inbox live until the stream is destroyed.
    unsafe {
        let properties = (f.pw_properties_new_dict)(&dict);
        let stream = (f.pw_stream_new)(connection.core, c"panecast".as_ptr(), properties);
        if stream.is_null() {
            return Err(Error::new(ErrorKind::Io, "PipeWire makes no stream"));
        }
        inbox.lock().stream = Handle(stream);
        (f.pw_stream_add_listener)(stream, &raw mut *hook, &EVENTS, Arc::as_ptr(inbox).cast_mut().cast());
        let count = params.len() as u32;
        if (f.pw_stream_connect)(stream, INPUT, node, FLAGS, params.as_ptr(), count) < 0 {
            (f.pw_stream_destroy)(stream);
            return Err(Error::new(ErrorKind::Closed, "PipeWire does not connect the stream"));
        }
        Ok((stream, hook))
    }
}

/// Calls `work`. No panic reaches the library.
fn called(data: Object, work: impl FnOnce(&Inbox)) {
    // SAFETY: the listener was added with a pointer to an inbox that outlives it.
    let inbox = unsafe { &*data.cast::<Inbox>() };
    let _ = catch_unwind(AssertUnwindSafe(|| work(inbox)));
    inbox.changed.notify_all();
}

extern "C" fn on_state(data: Object, _: c_int, state: c_int, why: *const c_char) {
    called(data, |inbox| {
        let mut inner = inbox.lock();
        inner.state = state;
        inner.was_streaming |= state == STATE_STREAMING;
        if state == STATE_STREAMING || state == STATE_PAUSED {
            inner.gave = Instant::now();
        }
        if state == STATE_ERROR {
            let why = text(why).unwrap_or_default();
            inner.failure = Some(Error::new(ErrorKind::Closed, format!("the PipeWire stream failed: {why}")));
        }
    });
}

extern "C" fn on_param(data: Object, id: u32, param: *const c_void) {
    called(data, |inbox| {
        if id != format::PARAM_FORMAT || param.is_null() {
            return;
        }
        let read = pod_bytes(param).ok_or_else(|| Error::data("PipeWire gave an endless format"));
        let stream = match read.and_then(format::read) {
            Ok(format) => {
                let mut inner = inbox.lock();
                inner.format = Some(format);
                inner.stream.0
            }
            Err(e) => {
                inbox.lock().failure = Some(e);
                return;
            }
        };
        let pods = inbox.wanted.buffers();
        let params: Vec<*const c_void> = pods.iter().map(|pod| pod.as_ptr().cast()).collect();
        // SAFETY: this is the stream's own callback; the pods are copied.
        unsafe { (inbox.functions.pw_stream_update_params)(stream, params.as_ptr(), params.len() as u32) };
    });
}

extern "C" fn on_process(data: Object) {
    called(data, |inbox| {
        let stream = inbox.lock().stream.0;
        let mut last: *mut Buffer = null_mut();
        loop {
            // SAFETY: this is the stream's own callback, where buffers are taken and given back.
            let next = unsafe { (inbox.functions.pw_stream_dequeue_buffer)(stream) };
            if next.is_null() {
                break;
            }
            if !last.is_null() {
                take(inbox, last, false);
                // SAFETY: it was taken from this stream, and nothing of it is used any more.
                unsafe { (inbox.functions.pw_stream_queue_buffer)(stream, last) };
            }
            last = next;
        }
        if !last.is_null() {
            take(inbox, last, true);
            // SAFETY: as above.
            unsafe { (inbox.functions.pw_stream_queue_buffer)(stream, last) };
        }
    });
}

/// Takes what a buffer has; its pixels only if it is the newest.
fn take(inbox: &Inbox, buffer: *mut Buffer, newest: bool) {
    // SAFETY: a buffer that was dequeued is valid until it is queued again.
    let buffer = unsafe { (*buffer).buffer.as_ref() };
    let Some(buffer) = buffer else { return };
    let mut inner = inbox.lock();
    let inner = &mut *inner;
    let Some(format) = inner.format else { return };
    inner.gave = Instant::now();
    let metas = Metas(buffer);
    if let Some(cursor) = metas.of(META_CURSOR).and_then(|bytes| meta::cursor(&bytes)) {
        // A shape that was not fetched yet still counts.
        let before = inner.frame.cursor.take().and_then(|c| c.shape);
        inner.frame.cursor = Some(PipeCursor { shape: cursor.shape.or(before), ..cursor });
        inner.waits = true;
    }
    let header = metas.of(META_HEADER).and_then(|bytes| meta::header(&bytes));
    if header.is_some_and(|(flags, _)| flags & CORRUPTED_HEADER != 0) {
        return;
    }
    let damage = metas.of(META_DAMAGE).and_then(|bytes| meta::damage(&bytes, format.size));
    match (&mut inner.frame.damage, damage) {
        (Some(all), Some(more)) if all.len() + more.len() <= MOST_DAMAGE => all.extend(more),
        (damage, _) => *damage = None,
    }
    if !newest {
        return;
    }
    match pixels(buffer, &format, &mut inner.frame) {
        Ok(true) => {
            inner.frame.format = Some(format);
            inner.frame.taken_ns = header.map(|(_, pts)| pts).filter(|pts| *pts >= 0);
            inner.frame.crop = metas.of(META_CROP).and_then(|bytes| meta::crop(&bytes, format.size));
            (inner.frame.fresh, inner.waits) = (true, true);
        }
        Ok(false) => {}
        Err(e) => inner.failure = Some(e),
    }
}

/// What stands beside a buffer's pixels.
struct Metas<'a>(&'a SpaBuffer);

impl Metas<'_> {
    /// A copy of the first one of `kind`: another process may write what is copied.
    fn of(&self, kind: u32) -> Option<Vec<u8>> {
        if self.0.metas.is_null() || self.0.n_metas > 64 {
            return None;
        }
        // SAFETY: a buffer has so many.
        let metas = unsafe { std::slice::from_raw_parts(self.0.metas, self.0.n_metas as usize) };
        let meta =
            metas.iter().find(|m| m.kind == kind && !m.data.is_null() && m.size <= meta::MOST_BYTES)?;
        // SAFETY: it has so many bytes, readable until the buffer is queued again.
        Some(unsafe { copied(meta.data.cast(), meta.size as usize, Vec::new()) })
    }
}

/// Copies bytes that another process may be writing into a vector of ours.
///
/// # Safety
/// `from` has `count` readable bytes.
unsafe fn copied(from: *const u8, count: usize, mut into: Vec<u8>) -> Vec<u8> {
    into.clear();
    into.reserve(count);
    // SAFETY: there is room for `count` bytes, which the copy fills; no reference is made to what it reads.
    unsafe {
        std::ptr::copy_nonoverlapping(from, into.as_mut_ptr(), count);
        into.set_len(count);
    }
    into
}

/// Copies a buffer's pixels into `frame`. False if it has none that count.
fn pixels(buffer: &SpaBuffer, format: &PipeFormat, frame: &mut PipeFrame) -> Result<bool> {
    let broken = |what: &str| Error::data(format!("a PipeWire buffer {what}"));
    if buffer.n_datas == 0 || buffer.n_datas > 16 || buffer.datas.is_null() {
        return Err(broken("without memory"));
    }
    // SAFETY: a buffer has so many.
    let datas = unsafe { std::slice::from_raw_parts(buffer.datas, buffer.n_datas as usize) };
    let first = &datas[0];
    if first.data.is_null() || first.chunk.is_null() || !MEMORY.contains(&first.kind) {
        return Err(Error::new(ErrorKind::Unsupported, "a PipeWire buffer whose memory cannot be read"));
    }
    // SAFETY: the chunk is shared with another process: each word is read once.
    let chunk = unsafe { first.chunk.read_volatile() };
    if chunk.flags & CORRUPTED_CHUNK != 0 || chunk.size == 0 || first.max_size == 0 {
        return Ok(false);
    }
    if datas.len() > 1 && datas.iter().skip(1).any(|d| !d.data.is_null()) {
        return Err(Error::new(ErrorKind::Unsupported, "a PipeWire buffer of several parts"));
    }
    let offset = chunk.offset % first.max_size;
    let count = chunk.size.min(first.max_size - offset) as usize;
    let (stride, most) = match format.pixels {
        PipePixels::Jpeg => (0, MOST_JPEG),
        PipePixels::Raw(layout) => {
            let stride = match chunk.stride {
                0 => layout.row_bytes(format.size),
                stride => usize::try_from(stride).map_err(|_| broken("upside down"))?,
            };
            let most = Limits::default().pixels as usize * 8;
            (
                stride,
                layout
                    .bytes(format.size, stride)
                    .filter(|n| *n <= most)
                    .ok_or_else(|| broken("of a wrong stride"))?,
            )
        }
    };
    if format.pixels == PipePixels::Jpeg && count > most {
        return Err(Error::limit(format!("a JPEG of {count} bytes")));
    }
    frame.stride = stride;
    let into = std::mem::take(&mut frame.bytes);
    // SAFETY: `data` is mapped with `max_size` bytes until the buffer is queued again, and `offset` + `count` are within.
    frame.bytes = unsafe { copied(first.data.cast::<u8>().add(offset as usize), count.min(most), into) };
    Ok(true)
}
