//! The raw ABI for JavaScript: integers in, integers out, no pointer that Rust would follow.
//!
//! An instance has one host, which [`panecast_host_new`] makes. Texts and messages go in by [`panecast_host_input`],
//! pictures by [`panecast_host_frame`]. What is to be done comes out of [`panecast_host_poll`] until it is 0. Results that
//! are addresses are good until the next call; the caller makes its typed arrays anew when the memory grew. A negative
//! result means that [`panecast_host_told`] says what happened. Times are microseconds of any clock that does not go back.
#![allow(unsafe_code)] // `no_mangle` alone, in WebAssembly alone: elsewhere the C library has such names.

pub mod film;

use crate::host::{Host, MOST_MESSAGE_BYTES, Told, limits};
use panecast::frame::{FrameView, PixelFormat, Size, Timestamp};
use panecast::session::{Decision, EndReason, Purpose};
use panecast::{Error, ErrorKind, Result};
use std::cell::RefCell;
use std::time::Duration;

/// The result of a call that failed.
const FAILED: i32 = -1;

/// Most bytes of the input that are kept for the next message.
const KEPT_BYTES: usize = 1 << 20;

#[derive(Default)]
struct Slot {
    host: Option<Host>,
    input: Vec<u8>,
    frame: Vec<u8>,
    size: Size,
    told: Vec<u8>,
    subject: u32,
}

thread_local! {
    static SLOT: RefCell<Slot> = RefCell::default();
}

fn bad(message: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}

fn with<T>(f: impl FnOnce(&mut Slot) -> T) -> T {
    SLOT.with_borrow_mut(f)
}

fn hosted<T>(absent: T, f: impl FnOnce(&mut Host) -> T) -> T {
    with(|s| s.host.as_mut().map_or(absent, f))
}

impl Slot {
    fn text(&self, len: usize) -> Result<&str> {
        let bytes = self.input.get(..len).ok_or_else(|| bad("longer than the input"))?;
        std::str::from_utf8(bytes).map_err(|_| bad("not UTF-8"))
    }

    fn tell(&mut self, text: &str) {
        self.told.clear();
        self.told.extend(text.bytes());
    }

    fn answer(&mut self, result: Result<i32>) -> i32 {
        match result {
            Ok(number) => number,
            Err(e) => {
                self.tell(e.message());
                FAILED
            }
        }
    }
}

/// Where the next text or message of `len` bytes is to be written; null if it is too long or there is no memory.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_host_input(len: usize) -> *mut u8 {
    with(|s| {
        s.input.clear();
        if len > KEPT_BYTES.max(s.input.capacity())
            && (len > MOST_MESSAGE_BYTES || s.input.try_reserve_exact(len).is_err())
        {
            return std::ptr::null_mut();
        }
        s.input.resize(len, 0);
        s.input.as_mut_ptr()
    })
}

/// Hands in the first `len` bytes of the input as randomness; what is too much is dropped. 512 are enough for each event.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_host_entropy(len: usize) {
    with(|s| {
        if let Some(bytes) = s.input.get_mut(..len) {
            #[cfg(target_family = "wasm")]
            panecast::session::seal::supply(bytes);
            bytes.fill(0);
        }
    });
}

/// Makes the host, in place of one before: the first `len` bytes of the input are the tenant, a zero, and what is shown as
/// watchers are told. `began_s` is the second since 1970 at which the clock was 0. Returns 0, or a negative number.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_host_new(len: usize, began_s: u64) -> i32 {
    with(|s| {
        let made = s.text(len).and_then(|text| {
            let (tenant, source) = text.split_once('\0').ok_or_else(|| bad("not two texts"))?;
            Host::new(tenant, source, began_s)
        });
        let made = made.map(|host| {
            s.host = Some(host);
            0
        });
        s.answer(made)
    })
}

fn opened(open: impl FnOnce(&mut Host) -> Result<(String, i32)>) -> i32 {
    with(|s| {
        let result = match &mut s.host {
            Some(host) => open(host),
            None => Err(bad("there is no host")),
        };
        match result {
            Ok((text, number)) => {
                s.tell(&text);
                number
            }
            Err(e) => s.answer(Err(e)),
        }
    })
}

/// Draws a link that lets in `uses` joiners within `lasts_s` seconds. Returns the door's number, with the URL's text, a
/// zero and the id for the relay in [`panecast_host_told`]; or a negative number.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_host_link(uses: u32, lasts_s: u32, now_us: u64) -> i32 {
    opened(|host| {
        let lasts = Duration::from_secs(lasts_s.into());
        let (text, id, door) = host.open_link(uses, lasts, Timestamp(now_us))?;
        Ok((format!("{text}\0{id}"), door as i32))
    })
}

/// Draws a link to which the keys from now on belong. Returns 0, with the URL's text in [`panecast_host_told`], or a
/// negative number.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_host_link_for_keys() -> i32 {
    opened(|host| Ok((host.link_for_keys()?, 0)))
}

/// The relay has opened a key of this number, which is the door's too. Returns 0, with the key in [`panecast_host_told`],
/// or a negative number.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_host_key(number: u32, now_us: u64) -> i32 {
    opened(|host| {
        let number = u16::try_from(number).map_err(|_| bad("a key's number has four digits"))?;
        Ok((host.open_key(number, Timestamp(now_us))?, 0))
    })
}

/// Nobody is let in by this door any more.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_host_close(door: u32) {
    hosted((), |host| host.close(door));
}

/// Somebody stands in a door.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_host_came(joiner: u32, door: u32, now_us: u64) {
    hosted((), |host| host.came(joiner, door, Timestamp(now_us)));
}

/// A joiner that was cut off is back.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_host_came_back(joiner: u32, now_us: u64) {
    hosted((), |host| host.came_back(joiner, Timestamp(now_us)));
}

/// The input is a message of this joiner.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_host_received(joiner: u32, now_us: u64) {
    with(|s| {
        if let Some(host) = &mut s.host {
            host.received(joiner, &mut s.input, Timestamp(now_us));
        }
        if s.input.capacity() > KEPT_BYTES {
            s.input = Vec::new();
        }
    });
}

/// The connection to one joiner is cut.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_host_away(joiner: u32, now_us: u64) {
    hosted((), |host| host.away(joiner, Timestamp(now_us)));
}

/// The relay dropped what was on its way to a joiner (1), or it takes bytes again (0).
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_host_behind(joiner: u32, behind: u32) {
    hosted((), |host| host.behind(joiner, behind != 0));
}

/// The connection to the relay is cut.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_host_cut(now_us: u64) {
    hosted((), |host| host.cut(Timestamp(now_us)));
}

/// The person's word about a joiner's question: 1 allow, 0 decline. `purpose`: 0 a screen, 2 a camera, 3 what the agent
/// shows. Returns 0, or a negative number where nothing was allowed.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_host_answer(joiner: u32, allow: u32, purpose: u32, now_us: u64) -> i32 {
    let decision = if allow == 1 { Decision::Allow } else { Decision::Deny };
    let purpose = match purpose {
        2 => Purpose::Camera,
        3 => Purpose::AgentScreen,
        _ => Purpose::Screen,
    };
    opened(|host| host.answer(joiner, decision, purpose, Timestamp(now_us)).map(|()| (String::new(), 0)))
}

/// Sends a joiner away.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_host_dismiss(joiner: u32) {
    hosted((), |host| host.dismiss(joiner));
}

/// Whether a picture is of use now: 1 or 0. With `news` 1, there is one that has not been pushed.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_host_wants(news: u32, now_us: u64) -> u32 {
    hosted(0, |host| host.wants(news == 1, Timestamp(now_us)).into())
}

/// Whether the source is to be asked for its picture of now, changed or not: 1 or 0.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_host_needs_picture() -> u32 {
    hosted(0, |host| host.needs_picture().into())
}

/// Where the next picture of `width` × `height` is to be written: R, G, B, A, rows without padding; null if it is larger
/// than pictures may be, or there is no memory.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_host_frame(width: u32, height: u32) -> *mut u8 {
    with(|s| {
        let size = Size { width, height };
        if limits().check_size(size).is_err() {
            return std::ptr::null_mut();
        }
        let bytes = size.area() as usize * 4;
        if s.size != size {
            s.frame = Vec::new();
        }
        if s.frame.try_reserve_exact(bytes.saturating_sub(s.frame.len())).is_err() {
            return std::ptr::null_mut();
        }
        s.frame.resize(bytes, 0);
        s.size = size;
        s.frame.as_mut_ptr()
    })
}

/// The picture is written: it is the newest. Returns 0, or a negative number.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_host_push(now_us: u64) -> i32 {
    with(|s| {
        let pushed = match &mut s.host {
            None => Err(bad("there is no host")),
            Some(host) => FrameView::packed(PixelFormat::Rgba8, s.size, &s.frame, s.size.width as usize * 4)
                .and_then(|view| host.push(&view, Timestamp(now_us))),
        };
        s.answer(pushed.map(|()| 0))
    })
}

/// Shows nothing and forgets what was shown (1), or goes on (0).
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_host_pause(paused: u32, now_us: u64) {
    with(|s| {
        s.frame.fill(0);
        if let Some(host) = &mut s.host {
            host.pause(paused == 1, Timestamp(now_us));
        }
    });
}

/// All is over, for the reason whose name is the first `len` bytes of the input.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_host_end(len: usize, now_us: u64) {
    with(|s| {
        s.frame.fill(0);
        let name = s.text(len).unwrap_or_default();
        let known = EndReason::ALL.into_iter().find(|r| r.name() == name);
        let reason = known.unwrap_or(EndReason::SharerStopped);
        if let Some(host) = &mut s.host {
            host.end(reason, Timestamp(now_us));
        }
    });
}

/// Time passes.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_host_tick(now_us: u64) {
    hosted((), |host| host.tick(Timestamp(now_us)));
}

/// In how many microseconds [`panecast_host_tick`] and [`panecast_host_poll`] have something to do, if nothing happens
/// before; negative: not until something happens.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_host_next_turn(now_us: u64) -> i64 {
    let now = Timestamp(now_us);
    hosted(None, |host| host.next_turn(now)).map_or(-1, |at| at.since(now).as_micros() as i64)
}

/// What is to be done next: 0 nothing, 1 send [`panecast_host_told`], 2 admit [`panecast_host_subject`], 3 its door is
/// closed, 4 dismiss it for the reason that is told, 5 it asks and its name is told, 6 it left for the reason that is told,
/// 7 the state by its name, 8 ended for the reason that is told.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_host_poll(now_us: u64) -> i32 {
    with(|s| {
        let Some(told) = s.host.as_mut().and_then(|host| host.poll(Timestamp(now_us))) else { return 0 };
        s.subject = 0;
        let (code, text) = match told {
            Told::Send(bytes) => {
                s.told = bytes;
                return 1;
            }
            Told::Admit(joiner) => {
                s.subject = joiner;
                (2, String::new())
            }
            Told::Close(door) => {
                s.subject = door;
                (3, String::new())
            }
            Told::Dismiss(joiner, reason) => {
                s.subject = joiner;
                (4, reason.name().to_owned())
            }
            Told::Ask { joiner, who } => {
                s.subject = joiner;
                (5, who)
            }
            Told::Left { joiner, reason } => {
                s.subject = joiner;
                (6, reason.name().to_owned())
            }
            Told::State(state) => (7, state.name().to_owned()),
            Told::Ended(reason) => (8, reason.name().to_owned()),
        };
        s.tell(&text);
        code
    })
}

/// What belongs to it: bytes to send, or a text.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_host_told() -> *const u8 {
    with(|s| s.told.as_ptr())
}

/// Bytes of [`panecast_host_told`].
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_host_told_len() -> usize {
    with(|s| s.told.len())
}

/// Whom it is about: a joiner or a door.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_host_subject() -> u32 {
    with(|s| s.subject)
}
