//! The watching end for JavaScript, in the manner of [`crate::exports`]: the same handles, one seat for each.
//!
//! Text and lists go in by the input, [`crate::exports::panecast_input`]. What is to be done comes out of
//! [`panecast_poll`] until it is 0. Times are microseconds of any clock that does not go back.
#![allow(unsafe_code)] // `no_mangle` alone, in WebAssembly alone: elsewhere the C library has such names.

use crate::exports::{FAILED, Slot, with};
use crate::seat::{Knocked, Seat, Told};
use crate::viewer::limits;
use panecast::frame::{Rect, Timestamp};
use panecast::session::seal::Credential;
use panecast::session::{MOST_POINTS, Mark, Purpose, Tool};
use panecast::{Error, ErrorKind};

/// Most bytes of one message: a picture that does not compress, and its seal.
const MOST_MESSAGE_BYTES: usize = (64 << 20) + 64;

/// Most bytes of a message's buffer that is kept for the next.
const KEPT_BYTES: usize = 1 << 20;

fn seated(handle: u32, f: impl FnOnce(&mut Seat)) {
    with(handle, (), |s| s.seat.as_mut().map_or((), f));
}

fn texts<const N: usize>(slot: &Slot, len: usize) -> panecast::Result<[String; N]> {
    let bad = || Error::new(ErrorKind::InvalidInput, "not so many texts");
    let bytes = slot.input.get(..len).ok_or_else(bad)?;
    let texts = std::str::from_utf8(bytes).map_err(|_| bad())?.split('\0').map(str::to_owned);
    texts.collect::<Vec<String>>().try_into().map_err(|_| bad())
}

/// Wipes what was typed.
fn wipe(slot: &mut Slot, len: usize) {
    if let Some(bytes) = slot.input.get_mut(..len) {
        bytes.fill(0);
    }
}

/// Hands in the first `len` bytes of the input as randomness, 256 before a knock and before each
/// [`panecast_back`]. They are wiped.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_entropy(handle: u32, len: usize) {
    with(handle, (), |s| {
        if let Some(bytes) = s.input.get_mut(..len) {
            #[cfg(target_family = "wasm")]
            panecast::session::seal::supply(bytes);
            bytes.fill(0);
        }
    });
}

/// Takes a seat: the first `len` bytes of the input are the typed key, the person's name and the tenant, each but the
/// last followed by a zero. They are wiped. Returns the key's number, to be asked for at the relay, or a negative
/// number on an error.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_knock(handle: u32, len: usize, now_us: u64) -> i32 {
    with(handle, FAILED, |s| {
        let taken = texts(s, len)
            .and_then(|[key, who, tenant]| Seat::knock(&key, &who, &tenant, Timestamp(now_us), limits()));
        wipe(s, len);
        match taken {
            Ok((seat, number)) => {
                s.seat = Some(seat);
                number.into()
            }
            Err(e) => s.failed(&e),
        }
    })
}

/// Takes a seat by a link: the first `len` bytes of the input are what stands behind the URL's `#`, the typed key or
/// nothing, the person's name and the tenant, each but the last followed by a zero. They are wiped. `purpose`: 0 a screen,
/// 2 a camera, 3 what the agent shows. Returns the key's number, 10,000 where the relay is to be asked for the link
/// whose id [`panecast_told`] is until the next call, or a negative number on an error.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_knock_by_link(handle: u32, len: usize, purpose: u32, now_us: u64) -> i32 {
    let purpose = match purpose {
        2 => Purpose::Camera,
        3 => Purpose::AgentScreen,
        _ => Purpose::Screen,
    };
    with(handle, FAILED, |s| {
        let taken = texts(s, len).and_then(|[link, key, who, tenant]| {
            Seat::knock_by_link((&link, &key), &who, &tenant, purpose, Timestamp(now_us), limits())
        });
        wipe(s, len);
        match taken {
            Ok((seat, knocked)) => {
                s.seat = Some(seat);
                match knocked {
                    Knocked::Key(number) => number.into(),
                    Knocked::Link(id) => {
                        s.told = id.into_bytes();
                        10_000
                    }
                }
            }
            Err(e) => s.failed(&e),
        }
    })
}

/// Reads a pass with its key: the first `len` bytes of the input are the text of its file. They are wiped. Returns 0, and
/// [`panecast_told`] is then the agent's name, the tenant, the agent's short id and the second since 1970 after which the
/// pass is too old, each but the last followed by a zero; a negative number on an error.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_pass(handle: u32, len: usize) -> i32 {
    with(handle, FAILED, |s| {
        let read = texts(s, len).and_then(|[file]| credential(&file));
        wipe(s, len);
        match read {
            Ok(has) => {
                let pass = has.pass();
                let (name, tenant, until) = (pass.name(), pass.tenant(), pass.not_after());
                s.told = format!("{name}\0{tenant}\0{}\0{until}", pass.agent().short()).into_bytes();
                0
            }
            Err(e) => s.failed(&e),
        }
    })
}

/// Takes a seat by a pass: the first `len` bytes of the input are the text of its file, a zero and the id of a visitor, who
/// is to show a screen (`purpose` 0) or a window (1). They are wiped. Returns 0, or a negative number on an error.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_ask(handle: u32, len: usize, purpose: u32, now_us: u64) -> i32 {
    with(handle, FAILED, |s| {
        let purpose = if purpose == 1 { Purpose::Window } else { Purpose::Screen };
        let taken = texts(s, len).and_then(|[file, visitor]| {
            Seat::ask(&credential(&file)?, &visitor, purpose, Timestamp(now_us), limits())
        });
        wipe(s, len);
        match taken {
            Ok(seat) => {
                s.seat = Some(seat);
                0
            }
            Err(e) => s.failed(&e),
        }
    })
}

fn credential(file: &str) -> panecast::Result<Credential> {
    Ok(file.parse()?)
}

/// Where a message of `len` bytes is to be written; null if it is too long or there is no memory.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_message(handle: u32, len: usize) -> *mut u8 {
    with(handle, std::ptr::null_mut(), |s| {
        s.message.clear();
        if len > MOST_MESSAGE_BYTES || s.message.try_reserve_exact(len).is_err() {
            return std::ptr::null_mut();
        }
        s.message.resize(len, 0);
        s.message.as_mut_ptr()
    })
}

/// The message has come.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_received(handle: u32, now_us: u64) {
    with(handle, (), |s| {
        if let Some(seat) = &mut s.seat {
            seat.received(&mut s.message, Timestamp(now_us));
        }
        if s.message.capacity() > KEPT_BYTES {
            s.message = Vec::new();
        }
    });
}

/// What is to be done next: 0 nothing, 1 send [`panecast_told`], 2 sealed, 3 asking, 4 allowed, 5 a state, 6 a packet
/// waits, 7 one that starts over, 8 too many waited and are gone, 9 back, 10 ended.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_poll(handle: u32) -> i32 {
    with(handle, 0, |s| {
        let Some(told) = s.seat.as_mut().and_then(Seat::poll) else { return 0 };
        s.told.clear();
        match told {
            Told::Send(bytes) => {
                s.told = bytes;
                1
            }
            Told::Sealed => 2,
            Told::Asking => 3,
            Told::Allowed(source) => {
                s.told.extend(source.bytes());
                4
            }
            Told::State(name, source) => {
                s.told.extend(name.bytes().chain([0]).chain(source.bytes()));
                5
            }
            Told::Packet { starts_over: false } => 6,
            Told::Packet { starts_over: true } => 7,
            Told::Overflow => 8,
            Told::Back => 9,
            Told::Ended(name) => {
                s.told.extend(name.bytes());
                10
            }
        }
    })
}

/// What belongs to it: bytes to send; what is shown; a state's name, a zero and what is shown; a reason's name.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_told(handle: u32) -> *const u8 {
    with(handle, std::ptr::null(), |s| s.told.as_ptr())
}

/// Bytes of [`panecast_told`].
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_told_len(handle: u32) -> usize {
    with(handle, 0, |s| s.told.len())
}

/// Feeds the oldest packet that waits to the decoder: its bytes' number, 0 if there is none, a negative number on an
/// error. [`crate::exports::panecast_step`] goes on.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_take(handle: u32) -> i32 {
    with(handle, FAILED, |s| {
        let Some((starts_over, bytes)) = s.seat.as_mut().and_then(Seat::take) else { return 0 };
        if starts_over {
            s.viewer.restart();
        }
        match s.viewer.feed(&bytes) {
            Ok(()) => bytes.len() as i32,
            Err(e) => s.failed(&e),
        }
    })
}

/// Forgets all packets that wait, and those that come before the stream starts over.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_drop_packets(handle: u32) {
    seated(handle, Seat::drop_packets);
}

/// An update was painted, which took so long from its last byte's arrival.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_painted(handle: u32, sequence: u64, held_us: u64) {
    seated(handle, |seat| seat.painted(sequence, held_us));
}

/// The decoder lost the thread.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_resync(handle: u32) {
    seated(handle, Seat::resync);
}

/// Where the person looks, in pixels of the picture; everywhere with a width of 0.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_focus(handle: u32, x: u32, y: u32, width: u32, height: u32) {
    with(handle, (), |s| {
        let rect = Rect::new(x, y, width, height);
        let rect = (width > 0 && height > 0 && rect.fits(s.viewer.size())).then_some(rect);
        if let Some(seat) = &mut s.seat {
            seat.focus(rect);
        }
    });
}

/// The laser pointer is at a pixel of the picture (`shown` 1), or gone (0).
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_pointer(handle: u32, shown: u32, x: i32, y: i32) {
    seated(handle, |seat| seat.mark(Mark::Pointer((shown != 0).then_some((x, y)))));
}

/// A line begins or goes on: `tool` 0 pen, 1 highlight, 2 arrow; `colour` 0xRRGGBB; the input holds `count` pairs of
/// 32-bit numbers, little-endian. More than 512 points are cut off, what cannot be drawn is left out.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_line(handle: u32, line: u32, tool: u32, colour: u32, count: usize) {
    with(handle, (), |s| {
        let tool = match tool {
            0 => Tool::Pen,
            1 => Tool::Highlight,
            2 => Tool::Arrow,
            _ => return,
        };
        let points: Vec<(i32, i32)> = s.input.as_chunks::<8>().0[..]
            .iter()
            .take(count.min(MOST_POINTS))
            .map(|&[a, b, c, d, e, f, g, h]| {
                (i32::from_le_bytes([a, b, c, d]), i32::from_le_bytes([e, f, g, h]))
            })
            .collect();
        if let Some(seat) = s.seat.as_mut().filter(|_| !points.is_empty()) {
            seat.mark(Mark::Line { line, tool, colour: colour & 0xFF_FFFF, points });
        }
    });
}

/// All lines of this person go away.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_clear(handle: u32) {
    seated(handle, |seat| seat.mark(Mark::Clear));
}

/// The person wants no pictures for now (1), or wants them again (0).
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_pause(handle: u32, paused: u32) {
    seated(handle, |seat| seat.pause(paused != 0));
}

/// The person leaves.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_leave(handle: u32) {
    seated(handle, Seat::leave);
}

/// The connection is cut, here or at the other end.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_cut(handle: u32, now_us: u64) {
    seated(handle, |seat| seat.cut(Timestamp(now_us)));
}

/// The connection is there again: says who this is and what the decoder holds.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_back(handle: u32) {
    with(handle, (), |s| {
        let held = s.viewer.held().map(|held| (s.viewer.size(), held.hashes().to_vec()));
        if let Some(seat) = &mut s.seat {
            seat.back(held);
        }
    });
}

/// The relay says that it is over; the first `len` bytes of the input are the reason's name.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_ended(handle: u32, len: usize) {
    with(handle, (), |s| {
        let reason = s.input.get(..len).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or("");
        if let Some(seat) = &mut s.seat {
            seat.ended(reason);
        }
    });
}

/// Time passes; twice a second is often enough.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_tick(handle: u32, now_us: u64) {
    seated(handle, |seat| seat.tick(Timestamp(now_us)));
}
