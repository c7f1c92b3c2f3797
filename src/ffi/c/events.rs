//! What hosts and joiners tell, in one struct.

use super::codes::{self, panecast_mark_kind, panecast_session_event_kind as Kind};
use super::frame::{c_rect, panecast_rect};
use super::packet::{Packet, panecast_packet, panecast_point};
use super::sized::Sized32;
use crate::ffi::{HostEvent, JoinerEvent, Status};
use crate::session::relay::{Message, Refusal};
use crate::session::{EndReason, Mark};
use std::ffi::{c_char, c_void};
use std::time::Duration;

/// What a host or a joiner tells. Which fields count, panecast_session_event_kind says; the others are 0.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct panecast_session_event {
    /// sizeof(panecast_session_event).
    pub struct_size: u32,
    /// A panecast_session_event_kind.
    pub kind: u32,
    /// A joiner's number.
    pub joiner: u32,
    /// A panecast_purpose.
    pub purpose: u32,
    /// A panecast_state.
    pub state: u32,
    /// A panecast_end_reason.
    pub reason: u32,
    /// A panecast_status.
    pub status: u32,
    /// 1 or 0.
    pub flag: u32,
    /// Milliseconds.
    pub after_ms: u64,
    /// Columns of the picture.
    pub width: u32,
    /// Rows of the picture.
    pub height: u32,
    /// Where the picture differs from the one before.
    pub dirty: panecast_rect,
    /// A panecast_mark_kind.
    pub mark: u32,
    /// A line's number.
    pub line: u32,
    /// A panecast_tool.
    pub tool: u32,
    /// A line's colour, 0xRRGGBB.
    pub colour: u32,
    /// Of a line or the pointer. All pointers are good until `held` is freed; in a callback until it returns.
    pub points: *const panecast_point,
    /// How many points.
    pub point_count: usize,
    /// With a NUL at its end; NULL without one.
    pub text: *const c_char,
    /// With a NUL at its end; NULL without one.
    pub agent: *const c_char,
    /// For the WebSocket.
    pub bytes: *const u8,
    /// How many bytes.
    pub length: usize,
    /// A panecast_refusal.
    pub refusal: u32,
    /// Always 0.
    pub reserved: u32,
    /// Whose memory the pointers are in; it becomes the caller's, who frees it. NULL without any, and in a callback.
    pub held: *mut panecast_packet,
}

// SAFETY: numbers and pointers, the first of them the size.
unsafe impl Sized32 for panecast_session_event {}

/// Told what happens, in order, on a thread of the library that holds no lock. `event` and what it points to are good until
/// it returns. It may call every function; ..._free of its own host or joiner is refused, and ..._stop makes the call at
/// hand the last. It must not unwind.
pub type panecast_session_callback =
    Option<extern "C" fn(event: *const panecast_session_event, user: *mut c_void)>;

/// An event, and what its pointers point to.
pub(super) struct Told {
    event: panecast_session_event,
    held: Packet,
}

impl Told {
    fn new(kind: Kind) -> Self {
        let event = panecast_session_event {
            struct_size: size_of::<panecast_session_event>() as u32,
            kind: kind as u32,
            joiner: 0,
            purpose: 0,
            state: 0,
            reason: 0,
            status: 0,
            flag: 0,
            after_ms: 0,
            width: 0,
            height: 0,
            dirty: panecast_rect { x: 0, y: 0, width: 0, height: 0 },
            mark: 0,
            line: 0,
            tool: 0,
            colour: 0,
            points: std::ptr::null(),
            point_count: 0,
            text: std::ptr::null(),
            agent: std::ptr::null(),
            bytes: std::ptr::null(),
            length: 0,
            refusal: 0,
            reserved: 0,
            held: std::ptr::null_mut(),
        };
        Self { event, held: Packet(Vec::new(), Vec::new()) }
    }

    /// With texts, the second of which is the agent's.
    fn texts(mut self, text: &str, agent: Option<&str>) -> Self {
        let bytes = &mut self.held.0;
        for text in std::iter::once(text).chain(agent) {
            bytes.extend(text.bytes().map(|byte| if byte == 0 { b' ' } else { byte }));
            bytes.push(0);
        }
        self.event.text = bytes.as_ptr().cast();
        if agent.is_some() {
            self.event.agent = bytes[text.len() + 1..].as_ptr().cast();
        }
        self
    }

    fn text(self, text: &str) -> Self {
        self.texts(text, None)
    }

    fn reason(mut self, reason: EndReason) -> Self {
        self.event.reason = reason.code().into();
        self
    }

    fn message(message: Message) -> Self {
        match message {
            Message::Text(text) => Self::new(Kind::SendText).text(&text),
            Message::Binary(bytes) => {
                let mut told = Self::new(Kind::SendBinary);
                told.held.0 = bytes;
                (told.event.bytes, told.event.length) = (told.held.0.as_ptr(), told.held.0.len());
                told
            }
        }
    }

    fn after(kind: Kind, after: Duration) -> Self {
        let mut told = Self::new(kind);
        told.event.after_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        told
    }

    fn refused(refusal: &Refusal) -> Self {
        let mut told = Self::new(Kind::Refused).text(&refusal.message);
        told.event.refusal = codes::refusal_code(refusal.kind);
        told
    }

    fn marked(joiner: u32, mark: Mark) -> Self {
        let mut told = Self::new(Kind::Mark);
        told.event.joiner = joiner;
        let point = |(x, y): (i32, i32)| panecast_point { x, y };
        let kind = match mark {
            Mark::Pointer(at) => {
                told.held.1 = at.into_iter().map(point).collect();
                panecast_mark_kind::Pointer
            }
            Mark::Line { line, tool, colour, points } => {
                (told.event.line, told.event.tool, told.event.colour) = (line, tool as u32, colour);
                told.held.1 = points.into_iter().map(point).collect();
                panecast_mark_kind::Line
            }
            Mark::Clear => panecast_mark_kind::Clear,
        };
        told.event.mark = kind as u32;
        (told.event.points, told.event.point_count) = (told.held.1.as_ptr(), told.held.1.len());
        told
    }

    /// The event as a callback is told it; it owns what it points to.
    pub(super) fn event(&self) -> &panecast_session_event {
        &self.event
    }

    /// The event, and what is to live as long as its pointers. Moving vectors leaves their memory where it is.
    pub(super) fn into_parts(self) -> (panecast_session_event, Option<Packet>) {
        let holds = !self.held.0.is_empty() || !self.held.1.is_empty();
        (self.event, holds.then_some(self.held))
    }
}

impl From<HostEvent> for Told {
    fn from(event: HostEvent) -> Self {
        match event {
            HostEvent::Connect { after } => Self::after(Kind::Connect, after),
            HostEvent::Send(message) => Self::message(message),
            HostEvent::Disconnect => Self::new(Kind::Disconnect),
            HostEvent::Key { key, lasts } => Self::after(Kind::Key, lasts).text(&key),
            HostEvent::Link { text, with_key } => {
                let mut told = Self::new(Kind::Link).text(&text);
                told.event.flag = u32::from(with_key);
                told
            }
            HostEvent::Waiting => Self::new(Kind::Waiting),
            HostEvent::Present { visitor } => Self::new(Kind::Present).text(&visitor),
            HostEvent::TakenOver { visitor } => Self::new(Kind::TakenOver).text(&visitor),
            HostEvent::Ask { joiner, who, agent, purpose } => {
                let mut told = Self::new(Kind::Ask).texts(&who, agent.as_deref());
                (told.event.joiner, told.event.purpose) = (joiner, codes::purpose_code(purpose));
                told
            }
            HostEvent::Mark { joiner, mark } => Self::marked(joiner, mark),
            HostEvent::Left { joiner, who, reason } => {
                let mut told = Self::new(Kind::Left).text(&who).reason(reason);
                told.event.joiner = joiner;
                told
            }
            HostEvent::State(state) => {
                let mut told = Self::new(Kind::State);
                told.event.state = state.code().into();
                told
            }
            HostEvent::Stopped { error } => match error {
                Some(error) => {
                    let mut told = Self::new(Kind::Stopped).text(error.message());
                    told.event.status = Status::from(error.kind()).code();
                    told
                }
                None => Self::new(Kind::Stopped),
            },
            HostEvent::Refused(refusal) => Self::refused(&refusal),
            HostEvent::Ended(reason) => Self::new(Kind::Ended).reason(reason),
        }
    }
}

impl From<JoinerEvent> for Told {
    fn from(event: JoinerEvent) -> Self {
        match event {
            JoinerEvent::Connect { after } => Self::after(Kind::Connect, after),
            JoinerEvent::Send(message) => Self::message(message),
            JoinerEvent::Disconnect => Self::new(Kind::Disconnect),
            JoinerEvent::Sealed => Self::new(Kind::Sealed),
            JoinerEvent::Asking => Self::new(Kind::Asking),
            JoinerEvent::Allowed { source } => Self::new(Kind::Allowed).text(&source),
            JoinerEvent::State { state, source } => {
                let mut told = Self::new(Kind::State).text(&source);
                told.event.state = state.code().into();
                told
            }
            JoinerEvent::Picture { size, dirty, resized } => {
                let mut told = Self::new(Kind::Picture);
                (told.event.width, told.event.height) = (size.width, size.height);
                (told.event.dirty, told.event.flag) = (c_rect(dirty.bounds()), u32::from(resized));
                told
            }
            JoinerEvent::Cursor => Self::new(Kind::Cursor),
            JoinerEvent::Refused(refusal) => Self::refused(&refusal),
            JoinerEvent::Ended(reason) => Self::new(Kind::Ended).reason(reason),
        }
    }
}
