//! A session through the C ABI, with a relay that is made of docs/protocol.md alone: what its log tells, and what its joiner
//! says of lossy pixels.

use super::codes::{panecast_log_level, panecast_session_event_kind as Kind};
use super::consent::panecast_consent_ask;
use super::decoder::panecast_picture;
use super::error::panecast_last_error;
use super::events::panecast_session_event;
use super::frame::panecast_frame;
use super::host::*;
use super::joiner::*;
use super::log::panecast_log_set;
use super::masks::panecast_mask;
use super::packet::{panecast_packet, panecast_packet_free};
use crate::ffi::Status;
use serde_json::{Value, json};
use std::ffi::{CStr, CString, c_char, c_void};
use std::mem::zeroed;
use std::ptr::{null, null_mut};
use std::sync::Mutex;
use std::time::{Duration, Instant};

const JOINER: u32 = 7;
const SIDE: usize = 256;
/// Against hangs only.
const LONG: Duration = Duration::from_secs(60);

/// An event with its pointers followed.
#[derive(Debug, Default)]
struct Event {
    kind: u32,
    text: String,
    bytes: Vec<u8>,
}

fn asked(next: impl FnOnce(*mut panecast_session_event) -> Status) -> Option<Event> {
    // SAFETY: numbers and pointers.
    let mut event: panecast_session_event = unsafe { zeroed() };
    event.struct_size = size_of::<panecast_session_event>() as u32;
    if next(&raw mut event) != Status::Ok {
        return None;
    }
    // SAFETY: the event's pointers are good until `held` is freed.
    let (text, bytes) = unsafe {
        let text = if event.text.is_null() { c"" } else { CStr::from_ptr(event.text) };
        let bytes = if event.length == 0 {
            Vec::new()
        } else {
            std::slice::from_raw_parts(event.bytes, event.length).to_vec()
        };
        (text.to_str().expect("UTF-8").to_owned(), bytes)
    };
    assert_eq!(panecast_packet_free(event.held.cast::<panecast_packet>()), Status::Ok);
    Some(Event { kind: event.kind, text, bytes })
}

fn c(text: &str) -> CString {
    CString::new(text).expect("no NUL")
}

/// A joiner's configuration in which one text is set.
fn joiner(set: impl FnOnce(&mut panecast_joiner_config)) -> (Status, *mut panecast_joiner) {
    // SAFETY: numbers, pointers and a function that may be NULL.
    let mut config: panecast_joiner_config = unsafe { zeroed() };
    config.struct_size = size_of::<panecast_joiner_config>() as u32;
    set(&mut config);
    let mut made = null_mut();
    // SAFETY: the texts outlive this call.
    (unsafe { panecast_joiner_new(&raw const config, &raw mut made) }, made)
}

/// Both ends and the relay between them.
struct Room {
    host: *mut panecast_host,
    joiner: *mut panecast_joiner,
    key: String,
    link: String,
    asked: bool,
    kinds: Vec<u32>,
}

impl Room {
    /// A host whose key and link, either of which lets in, are known.
    fn new(mode: u32, token: &str) -> Self {
        // SAFETY: numbers, pointers and a function that may be NULL.
        let mut config: panecast_host_config = unsafe { zeroed() };
        config.struct_size = size_of::<panecast_host_config>() as u32;
        (config.mode, config.quality) = (mode, 20);
        let mut host = null_mut();
        // SAFETY: pointers of this function's own.
        assert_eq!(unsafe { panecast_host_new(&raw const config, &raw mut host) }, Status::Ok);
        assert_eq!(panecast_host_open_link(host, 0, 1, 60), Status::Ok);
        let (key, link) = (String::new(), String::new());
        let mut room = Self { host, joiner: null_mut(), key, link, asked: false, kinds: Vec::new() };
        let token = c(token);
        room.until("key and link", |room| {
            room.carry_host(&token);
            !room.key.is_empty() && !room.link.is_empty()
        });
        room
    }

    fn join(&mut self, who: &str) {
        let (key, who) = (c(&self.key), c(who));
        let (status, joiner) = joiner(|config| (config.key, config.who) = (key.as_ptr(), who.as_ptr()));
        assert_eq!(status, Status::Ok);
        self.joiner = joiner;
    }

    fn until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let end = Instant::now() + LONG;
        while !done(self) {
            assert!(Instant::now() < end, "no {what}: {:?}", self.kinds);
        }
    }

    fn carry_host(&mut self, token: &CStr) {
        let host = self.host;
        // SAFETY: a struct as its text says.
        let Some(event) = asked(|event| unsafe { panecast_host_next(host, 1, event) }) else { return };
        match event.kind {
            // SAFETY: a text with a NUL at its end.
            kind if kind == Kind::Connect as u32 => unsafe {
                assert_eq!(panecast_host_connected(host, token.as_ptr()), Status::Ok);
            },
            kind if kind == Kind::SendText as u32 => {
                self.answer(&serde_json::from_str(&event.text).expect("JSON"));
            }
            kind if kind == Kind::SendBinary as u32 => {
                // SAFETY: bytes of this function's own.
                unsafe {
                    panecast_joiner_binary(self.joiner, event.bytes[5..].as_ptr(), event.bytes.len() - 5);
                }
            }
            kind if kind == Kind::Key as u32 => self.key = event.text,
            kind if kind == Kind::Link as u32 => self.link = event.text,
            kind if kind == Kind::Ask as u32 => self.asked = true,
            kind => self.kinds.push(kind),
        }
    }

    /// What the relay answers a host.
    fn answer(&self, says: &Value) {
        match says["type"].as_str().expect("a type") {
            "hello" => self.tell_host(&json!({ "type": "room", "room": "r", "secret": "room-secret" })),
            "open" if says["door"].get("key").is_some() => self.tell_host(
                &json!({ "type": "opened", "door": { "key": { "number": "4829", "expires_in_s": 600 } } }),
            ),
            "open" => {
                let id = &says["door"]["link"]["id"];
                let door = json!({ "link": { "id": id, "expires_in_s": 60 } });
                self.tell_host(&json!({ "type": "opened", "door": door }));
            }
            "admit" => {
                let token = "place-token";
                let joined = json!({ "type": "joined", "room": "r", "joiner": JOINER, "token": token });
                self.tell_joiner(&joined);
            }
            _ => {}
        }
    }

    fn tell_host(&self, says: &Value) {
        let text = says.to_string();
        // SAFETY: a text of this function's own.
        let status = unsafe { panecast_host_text(self.host, text.as_ptr().cast(), text.len()) };
        assert_eq!(status, Status::Ok);
    }

    fn tell_joiner(&self, says: &Value) {
        let text = says.to_string();
        // SAFETY: a text of this function's own.
        unsafe { panecast_joiner_text(self.joiner, text.as_ptr().cast(), text.len()) };
    }

    fn carry(&mut self) {
        self.carry_host(c"again");
        let joiner = self.joiner;
        // SAFETY: a struct as its text says.
        let Some(event) = asked(|event| unsafe { panecast_joiner_next(joiner, 1, event) }) else { return };
        match event.kind {
            // SAFETY: a text with a NUL at its end.
            kind if kind == Kind::Connect as u32 => unsafe {
                assert_eq!(panecast_joiner_connected(joiner, c"joiner-token".as_ptr()), Status::Ok);
            },
            kind if kind == Kind::SendText as u32 => {
                let says: Value = serde_json::from_str(&event.text).expect("JSON");
                self.tell_host(&json!({ "type": "came", "joiner": JOINER, "door": says["door"] }));
            }
            kind if kind == Kind::SendBinary as u32 => {
                let parcel = [&JOINER.to_le_bytes()[..], &event.bytes].concat();
                // SAFETY: bytes of this function's own.
                unsafe { panecast_host_binary(self.host, parcel.as_ptr(), parcel.len()) };
            }
            kind => self.kinds.push(kind),
        }
    }

    /// The visitor allows pushed frames.
    fn allow(&mut self) {
        self.until("question", |room| {
            room.carry();
            room.asked
        });
        let source = c(&format!("push:{SIDE}x{SIDE}"));
        // SAFETY: a text with a NUL at its end.
        assert_eq!(unsafe { panecast_host_allow(self.host, JOINER, 0, source.as_ptr()) }, Status::Ok);
        self.until("word", |room| {
            room.carry();
            room.kinds.contains(&(Kind::Allowed as u32))
        });
    }

    fn push(&self, pixels: &[u8], at: u64) -> Status {
        // SAFETY: numbers and pointers.
        let mut frame: panecast_frame = unsafe { zeroed() };
        frame.struct_size = size_of::<panecast_frame>() as u32;
        (frame.width, frame.height, frame.timestamp_us) = (SIDE as u32, SIDE as u32, at);
        (frame.planes[0].bytes, frame.planes[0].length) = (pixels.as_ptr(), pixels.len());
        frame.planes[0].stride_bytes = SIDE * 4;
        // SAFETY: the pixels are the frame's.
        unsafe { panecast_host_push(self.host, &raw const frame) }
    }

    /// How many pixels the joiner calls lossy, and how many differ from `pixels`.
    fn loss(&self, pixels: &[u8]) -> Option<(u64, u64)> {
        // SAFETY: numbers and pointers.
        let mut picture: panecast_picture = unsafe { zeroed() };
        picture.struct_size = size_of::<panecast_picture>() as u32;
        // SAFETY: a struct as its text says; its pixels are good until the next call.
        let shown = unsafe {
            if panecast_joiner_picture(self.joiner, &raw mut picture) != Status::Ok {
                return None;
            }
            std::slice::from_raw_parts(picture.pixels, picture.length)
        };
        let differ = shown.chunks(4).zip(pixels.chunks(4)).filter(|(a, b)| a[..3] != b[..3]).count();
        Some((picture.lossy_px, differ as u64))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        assert_eq!(panecast_joiner_free(self.joiner), Status::Ok);
        assert_eq!(panecast_host_free(self.host), Status::Ok);
    }
}

/// Soft everywhere, as a photograph is.
fn photograph() -> Vec<u8> {
    let wave = |x: usize, y: usize| (x * x / 40 + y * y / 50 + (x * 31 + y * 17) % 5) as u8;
    let pixel = |at: usize| {
        let wave = wave(at % SIDE, at / SIDE);
        [wave, wave / 2, wave / 3, 255]
    };
    (0..SIDE * SIDE).flat_map(pixel).collect()
}

#[test]
fn a_joiner_says_how_much_of_its_picture_is_lossy() {
    let mut room = Room::new(1, "");
    room.join("Ann");
    room.allow();
    let pixels = photograph();
    assert_eq!(room.push(&pixels, 1), Status::Ok);
    room.until("lossy picture", |room| {
        room.carry();
        room.loss(&pixels).is_some()
    });
    let (lossy, differ) = room.loss(&pixels).expect("a picture");
    assert!(differ > 0 && lossy >= differ, "{differ} pixels differ, {lossy} are said to be lossy");
    room.until("exact picture", |room| {
        room.carry();
        room.loss(&pixels) == Some((0, 0))
    });
}

/// What was logged, by whatever runs beside the test, too.
static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

extern "C" fn keep(_level: u32, line: *const c_char, _user: *mut c_void) {
    // SAFETY: the line is good during this call.
    let line = unsafe { CStr::from_ptr(line) };
    LINES.lock().expect("no panic").push(line.to_string_lossy().into_owned());
}

/// What the last failure said to the caller alone.
fn last_error(handle: *const c_void) -> String {
    let mut text = [0u8; 512];
    // SAFETY: as much room as is said.
    unsafe { panecast_last_error(handle, text.as_mut_ptr().cast(), text.len()) };
    CStr::from_bytes_until_nul(&text).expect("an end").to_string_lossy().into_owned()
}

#[test]
fn no_line_of_the_log_holds_a_secret() {
    const TITLE: &str = "Payroll of Ada Lovelace";
    const TOKEN: &str = "host-token-5e1f";
    let level = panecast_log_level::Debug as u32;
    assert_eq!(panecast_log_set(level, Some(keep), null_mut()), Status::Ok);
    let mut room = Room::new(0, TOKEN);
    room.join("Visitor Bea");
    // Keys, links and passes with a slip, where they belong and where they do not.
    let (key, link) = (room.key.clone(), room.link.clone());
    for wrong in [format!("{key}0"), format!("{key} {link}"), format!("{link}x"), TITLE.to_owned()] {
        let text = c(&wrong);
        let fields: [fn(&mut panecast_joiner_config, *const c_char); 4] = [
            |config, text| config.key = text,
            |config, text| config.link = text,
            |config, text| config.sent_link = text,
            |config, text| (config.visitor, config.credential) = (text, text),
        ];
        for field in fields {
            assert_ne!(joiner(|config| field(config, text.as_ptr())).0, Status::Ok, "{wrong}");
        }
        let (mut consent, host) = (null_mut(), room.host);
        // SAFETY: texts with a NUL at their ends, pointers of this function's own.
        unsafe {
            assert_ne!(panecast_host_take_link(host, text.as_ptr()), Status::Ok);
            assert_ne!(panecast_host_allow(host, JOINER, 0, text.as_ptr()), Status::Ok);
            let window = c(&format!("window:{wrong}"));
            assert_ne!(panecast_consent_ask(1, window.as_ptr(), &raw mut consent), Status::Ok);
            let told = c(&format!("titel:`{wrong}` and `{wrong}`"));
            let mut mask: panecast_mask = zeroed();
            (mask.kind, mask.window) = (1, told.as_ptr());
            assert_ne!(panecast_host_set_masks(host, &raw const mask, 1), Status::Ok);
        }
        // The caller is told what was wrong with what: this is not for want of a secret in the message.
        assert!(last_error(host.cast()).contains(&wrong));
    }
    room.allow();
    let title = c(&format!("title:{TITLE}"));
    // SAFETY: numbers and pointers; the text has a NUL at its end.
    unsafe {
        let mut mask: panecast_mask = zeroed();
        (mask.kind, mask.window) = (1, title.as_ptr());
        // Pushed frames have no windows to be hidden.
        let _ = panecast_host_set_masks(room.host, &raw const mask, 1);
        assert_eq!(panecast_host_set_masks(room.host, null(), 0), Status::Ok);
    }
    let pixels = photograph();
    assert_eq!(room.push(&pixels, 1), Status::Ok);
    room.until("picture", |room| {
        room.carry();
        room.loss(&pixels) == Some((0, 0))
    });
    // A relay that says what no relay does.
    room.tell_joiner(&json!({ "type": TITLE, "token": TOKEN }));
    room.tell_host(&json!({ "type": "left", "joiner": TITLE }));
    assert_eq!(panecast_host_decline(room.host, 99), Status::InvalidInput);
    assert_eq!(panecast_host_end(room.host), Status::Ok);
    room.until("end", |room| {
        room.carry();
        room.kinds.iter().filter(|kind| **kind == Kind::Ended as u32).count() == 2
    });
    assert_eq!(room.push(&pixels, 2), Status::Denied);
    drop(room);
    assert_eq!(panecast_log_set(0, None, null_mut()), Status::Ok);

    let lines = LINES.lock().expect("no panic").clone();
    assert!(lines.len() > 20, "{lines:?}");
    let digits: String = key.chars().filter(char::is_ascii_digit).collect();
    assert_eq!(digits.len(), 9);
    let secrets = [
        &key,
        &digits,
        &digits[4..],
        &link,
        TITLE,
        "Payroll",
        "Visitor Bea",
        "Bea",
        TOKEN,
        "joiner-token",
        "room-secret",
        "place-token",
    ];
    for line in &lines {
        assert!(!secrets.iter().any(|secret| line.contains(secret)), "{line}");
    }
}
