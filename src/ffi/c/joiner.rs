//! The watching end at a relay; the app carries its WebSocket's messages and paints.

use super::boundary::{free, give, message, on, optional, optional_text, plain, slice, text, wants};
use super::codes;
use super::decoder::{c_cursor, c_picture, copy_rows, panecast_cursor, panecast_picture};
use super::events::{Told, panecast_session_callback, panecast_session_event};
use super::frame::{self, panecast_rect};
use super::handle::{handled, is_calling_back};
use super::packet::{Packet, panecast_packet, panecast_point};
use super::pump::{self, Pump};
use super::settings::panecast_limits;
use super::sized::{self, Sized32};
use crate::error::{Error, Result};
use crate::ffi::{Joiner, Status};
use crate::session::relay::{DEFAULT_TENANT, Way};
use crate::session::{MOST_POINTS, Mark};
use std::ffi::{c_char, c_void};
use std::sync::Arc;
use std::time::Duration;

/// The watching end at a relay. All its functions may be called from any thread.
#[derive(Debug)]
pub struct panecast_joiner {
    _opaque: [u8; 0],
}

/// What its handle stands for.
#[derive(Debug)]
pub struct JoinerObject {
    joiner: Arc<Joiner>,
    pump: Option<Pump>,
}

handled!(JoinerObject, 9, "joiner");

/// How to come in. One way: `visitor` with `credential`, `link` (with `key` where it asks for one), `sent_link`, or `key`. A
/// field of 0 or NULL is not used.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct panecast_joiner_config {
    /// sizeof(panecast_joiner_config).
    pub struct_size: u32,
    /// What is to be seen: a panecast_purpose.
    pub purpose: u32,
    /// Whose visitors and agents these are; "default" if NULL.
    pub tenant: *const c_char,
    /// How the other end is told who asks; a pass knows better.
    pub who: *const c_char,
    /// Nine digits that were read out; spaces in between are fine.
    pub key: *const c_char,
    /// What stands behind the # of a link.
    pub link: *const c_char,
    /// A link that was drawn here and sent to somebody else.
    pub sent_link: *const c_char,
    /// The visitor's id in the app.
    pub visitor: *const c_char,
    /// A pass of the tenant's with the agent's key.
    pub credential: *const c_char,
    /// What a stream may cost; NULL is all defaults.
    pub limits: *const panecast_limits,
    /// Told what happens. NULL: panecast_joiner_next is asked.
    pub on_event: panecast_session_callback,
    /// Handed to `on_event`; it must be good on another thread.
    pub user: *mut c_void,
}

// SAFETY: numbers, pointers and a function that may be NULL, the first of them the size.
unsafe impl Sized32 for panecast_joiner_config {}

/// # Safety
/// Its texts have a NUL at their end.
unsafe fn way(given: &panecast_joiner_config) -> Result<Way> {
    let told = |at: *const c_char, what| {
        // SAFETY: as this function's contract says.
        if at.is_null() { Ok(None) } else { unsafe { text(at, what) }.map(Some) }
    };
    let key = told(given.key, "key")?.map(str::parse).transpose()?;
    let (link, sent) = (told(given.link, "link")?, told(given.sent_link, "sent_link")?);
    let visitor = (told(given.visitor, "visitor")?, told(given.credential, "credential")?);
    match (visitor, link, sent, key) {
        ((Some(visitor), Some(pass)), None, None, None) => {
            Ok(Way::Visitor(visitor.to_owned(), Box::new(pass.parse()?)))
        }
        ((None, None), Some(link), None, key) => Ok(Way::Link(link.parse()?, key)),
        ((None, None), None, Some(sent), None) => Ok(Way::Sent(sent.parse()?)),
        ((None, None), None, None, Some(key)) => Ok(Way::Key(key)),
        _ => Err(Error::input(
            "one way in is needed: a key, a link, a sent link, or a visitor with a credential",
        )),
    }
}

/// Makes a joiner, which knocks. The first event asks for a connection.
///
/// Fails with INVALID_INPUT for a key, link or pass that cannot be one.
///
/// # Safety
/// `config` is a struct as its text says; `joiner` is good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_joiner_new(
    config: *const panecast_joiner_config,
    joiner: *mut *mut panecast_joiner,
) -> Status {
    plain(|| {
        wants(joiner, "joiner")?;
        wants(config, "the configuration")?;
        // SAFETY: as this function's contract says.
        let (given, limits) = unsafe {
            let given = sized::read(config, "the configuration")?;
            (given, sized::read(given.limits, "the limits")?.limits())
        };
        let or = |at: *const c_char, other, what| {
            // SAFETY: as this function's contract says.
            unsafe { optional_text(at, what) }.map(|given| given.unwrap_or(other))
        };
        let (tenant, who) = (or(given.tenant, DEFAULT_TENANT, "tenant")?, or(given.who, "", "who")?);
        let purpose = codes::purpose(given.purpose)?;
        // SAFETY: as this function's contract says.
        let made = Arc::new(Joiner::new(tenant, unsafe { way(&given)? }, who, purpose, limits));
        let asked = Arc::clone(&made);
        let pump =
            Pump::of(given.on_event, given.user, move |timeout| Ok(asked.next(timeout)?.map(Told::from)))?;
        let start = pump.as_ref().map(Pump::start);
        // SAFETY: as this function's contract says.
        unsafe { pump::give_and_start(JoinerObject { joiner: made, pump }, start, joiner)? };
        Ok(Status::Ok)
    })
}

/// What happened next, in order; waits up to `timeout_ms`. NOTHING_NOW if nothing has. Pictures that were told before count
/// as painted.
///
/// Fails with CLOSED after ENDED was given and after panecast_joiner_stop, INVALID_INPUT if the joiner has a callback.
///
/// # Safety
/// `event` is a struct as its text says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_joiner_next(
    joiner: *mut panecast_joiner,
    timeout_ms: u32,
    event: *mut panecast_session_event,
) -> Status {
    on(joiner, |object: &JoinerObject| {
        // SAFETY: as this function's contract says.
        unsafe { sized::accept(event, "the event")? };
        if object.pump.is_some() {
            return Err(Error::input("this joiner tells its callback what happens"));
        }
        let told = object.joiner.next(Duration::from_millis(timeout_ms.into()))?;
        // SAFETY: accepted above.
        unsafe { pump::answer(told.map(Told::from), event) }
    })
}

fn call(joiner: *mut panecast_joiner, body: impl FnOnce(&Joiner) -> Result<()>) -> Status {
    on(joiner, |object: &JoinerObject| body(&object.joiner).map(|()| Status::Ok))
}

/// The WebSocket is there. `token`: who this is, where the tenant asks for it; NULL without one.
///
/// # Safety
/// `token` is NULL or a text with a NUL at its end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_joiner_connected(
    joiner: *mut panecast_joiner,
    token: *const c_char,
) -> Status {
    call(joiner, |joiner| {
        // SAFETY: as this function's contract says.
        joiner.connected(unsafe { optional_text(token, "token")? }.map(str::to_owned))
    })
}

/// Before a WebSocket is opened: what its request is to have as Sec-WebSocket-Protocol, names with commas in between, with the
/// first messages among them; NOTHING_NOW if it is to have no such header. Then panecast_joiner_opened takes the place of
/// panecast_joiner_connected. It saves a round trip. The packet is a text with a NUL at its end. `token`: who this is, where
/// the tenant asks for it; NULL without one.
///
/// # Safety
/// `token` is NULL or a text with a NUL at its end; `early` is good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_joiner_early(
    joiner: *mut panecast_joiner,
    token: *const c_char,
    early: *mut *mut panecast_packet,
) -> Status {
    on(joiner, |object: &JoinerObject| {
        wants(early, "early")?;
        // SAFETY: as this function's contract says.
        let token = unsafe { optional_text(token, "token")? }.map(str::to_owned);
        let entries = object.joiner.early(token)?;
        if entries.is_empty() {
            return Ok(Status::NothingNow);
        }
        // SAFETY: as this function's contract says.
        unsafe { give(Packet::of_text(&entries.join(", ")), early)? };
        Ok(Status::Ok)
    })
}

/// The WebSocket that panecast_joiner_early was asked for is there; `protocol` is the Sec-WebSocket-Protocol of the answer, NULL
/// without one.
///
/// # Safety
/// `protocol` is NULL or a text with a NUL at its end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_joiner_opened(
    joiner: *mut panecast_joiner,
    protocol: *const c_char,
) -> Status {
    call(joiner, |joiner| {
        // SAFETY: as this function's contract says.
        joiner.opened(unsafe { optional_text(protocol, "protocol")? })
    })
}

/// Bytes come or go that are no whole message yet: the relay is there. For apps whose WebSocket tells.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_joiner_alive(joiner: *mut panecast_joiner) -> Status {
    call(joiner, Joiner::alive)
}

/// The WebSocket is gone, or could not be had.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_joiner_disconnected(joiner: *mut panecast_joiner) -> Status {
    call(joiner, Joiner::disconnected)
}

/// A text message came; it needs no NUL at its end.
///
/// # Safety
/// `bytes` is good for reading `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_joiner_text(
    joiner: *mut panecast_joiner,
    bytes: *const c_char,
    length: usize,
) -> Status {
    call(joiner, |joiner| {
        // SAFETY: as this function's contract says.
        joiner.text(unsafe { message(bytes, length)? })
    })
}

/// A binary message came.
///
/// # Safety
/// `bytes` is good for reading `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_joiner_binary(
    joiner: *mut panecast_joiner,
    bytes: *const u8,
    length: usize,
) -> Status {
    call(joiner, |joiner| {
        // SAFETY: as this function's contract says.
        let mut bytes = unsafe { slice(bytes, length, "the message")? }.to_vec();
        joiner.binary(&mut bytes)
    })
}

/// Where the person looks: it is made exact first. NULL if everywhere.
///
/// # Safety
/// `rect` is NULL or a rectangle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_joiner_focus(
    joiner: *mut panecast_joiner,
    rect: *const panecast_rect,
) -> Status {
    call(joiner, |joiner| {
        // SAFETY: as this function's contract says.
        joiner.focus(unsafe { optional(rect, "rect")? }.map(frame::rect))
    })
}

/// The laser pointer is at `at`, in pixels of the picture; NULL: it is gone.
///
/// # Safety
/// `at` is NULL or a point.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_joiner_point(
    joiner: *mut panecast_joiner,
    at: *const panecast_point,
) -> Status {
    call(joiner, |joiner| {
        // SAFETY: as this function's contract says.
        joiner.mark(Mark::Pointer(unsafe { optional(at, "at")? }.map(|p| (p.x, p.y))))
    })
}

/// A line begins or, with the same number, goes on by 1 to 512 points. `tool` is a panecast_tool, `colour` 0xRRGGBB.
///
/// # Safety
/// `points` is good for reading `count` points.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_joiner_draw(
    joiner: *mut panecast_joiner,
    line: u32,
    tool: u32,
    colour: u32,
    points: *const panecast_point,
    count: usize,
) -> Status {
    call(joiner, |joiner| {
        if count == 0 || count > MOST_POINTS || colour > 0xFF_FFFF {
            return Err(Error::input(format!(
                "a line of {count} points in the colour {colour:#x}; 1 to {MOST_POINTS}, and 0xRRGGBB"
            )));
        }
        // SAFETY: as this function's contract says.
        let points = unsafe { slice(points, count, "points")? }.iter().map(|p| (p.x, p.y)).collect();
        joiner.mark(Mark::Line { line, tool: codes::tool(tool)?, colour, points })
    })
}

/// All lines that were drawn here go away.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_joiner_clear(joiner: *mut panecast_joiner) -> Status {
    call(joiner, |joiner| joiner.mark(Mark::Clear))
}

/// The person wants no pictures for now (1), or wants them again (0).
#[unsafe(no_mangle)]
pub extern "C" fn panecast_joiner_pause(joiner: *mut panecast_joiner, paused: u32) -> Status {
    call(joiner, |joiner| joiner.pause(codes::truth(paused, "answer")?))
}

/// The person leaves; the events that follow tell the other end.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_joiner_leave(joiner: *mut panecast_joiner) -> Status {
    call(joiner, Joiner::leave)
}

/// The newest picture, without a copy: its pixels are good until the next call of panecast_joiner_next, _stop or _free; with a
/// callback, within it alone. NOT_FOUND while there is none.
///
/// # Safety
/// `picture` is a struct as its text says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_joiner_picture(
    joiner: *mut panecast_joiner,
    picture: *mut panecast_picture,
) -> Status {
    call(joiner, |joiner| {
        // SAFETY: as this function's contract says.
        unsafe { sized::accept(picture, "the picture")? };
        let out = joiner.picture_and_exactness(|frame, exact| c_picture(frame, exact.lossy_px()))?;
        // SAFETY: as this function's contract says.
        unsafe { sized::write(picture, &out, "the picture") }
    })
}

/// Copies the newest picture, as panecast_decoder_copy_picture; from any thread at any time. NOT_FOUND while there is none.
///
/// # Safety
/// `pixels` is good for writing `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_joiner_copy_picture(
    joiner: *mut panecast_joiner,
    width: u32,
    height: u32,
    pixels: *mut u8,
    length: usize,
    stride_bytes: usize,
) -> Status {
    call(joiner, |joiner| {
        wants(pixels, "pixels")?;
        // SAFETY: as this function's contract says.
        joiner.picture(|frame| unsafe { copy_rows(frame, width, height, pixels, length, stride_bytes) })?
    })
}

/// Where the cursor is; its pixels are good as long as a picture's.
///
/// # Safety
/// `cursor` is a struct as its text says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_joiner_cursor(
    joiner: *mut panecast_joiner,
    cursor: *mut panecast_cursor,
) -> Status {
    call(joiner, |joiner| {
        let out = joiner.cursor(c_cursor);
        // SAFETY: as this function's contract says.
        unsafe { sized::write(cursor, &out, "the cursor") }
    })
}

fn stop(object: &JoinerObject) {
    object.joiner.stop();
    if let Some(pump) = &object.pump {
        pump.join();
    }
}

/// Ends all at once, without a word to anybody. After it returned, the callback is not called any more; from within the
/// callback it does not wait, and the call at hand is the last.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_joiner_stop(joiner: *mut panecast_joiner) -> Status {
    on(joiner, |object: &JoinerObject| {
        stop(object);
        Ok(Status::Ok)
    })
}

/// Stops a joiner as panecast_joiner_stop and frees it; NULL is fine. INVALID_INPUT from within its own callback, and nothing
/// happens.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_joiner_free(joiner: *mut panecast_joiner) -> Status {
    free(joiner, |object: &JoinerObject| {
        if is_calling_back(joiner.addr()) {
            return Err(Error::input("a joiner cannot be freed from within its own callback; stop it there"));
        }
        stop(object);
        Ok(())
    })
}
