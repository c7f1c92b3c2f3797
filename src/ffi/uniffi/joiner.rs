//! The watching end at a relay, with its decoder: the app carries the WebSocket's messages and paints.

use super::held::{Shared, guarded};
use super::picture::{CursorShape, PictureSize, Point, copy_to};
use super::relay::{EndReason, MarkTool, RefusalKind, line, message, millis};
use super::{PanecastError, Purpose, Rect, ShareState};
use crate::error::ErrorKind;
use crate::ffi::joiner as own;
use crate::limits::Limits;
use crate::session::Mark;
use crate::session::relay::{self, Message};
use std::sync::Arc;
use std::time::Duration;

/// The way in.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Way {
    /// A key that was read out.
    Key {
        /// Nine digits.
        key: String,
    },
    /// A link by which somebody shows a screen.
    Link {
        /// What stands behind its `#`.
        text: String,
        /// The key, if it needs one.
        key: Option<String>,
    },
    /// A visitor's id in the app, and a pass of the tenant's.
    Visitor {
        /// The id.
        visitor: String,
        /// The credential, as its file has it.
        credential: String,
    },
    /// A link that was drawn here (`draw_link`) and sent to somebody else.
    Sent {
        /// Its text.
        text: String,
    },
}

/// What the app is told, in the order in which it happens.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum JoinerEvent {
    /// Connect a WebSocket to the relay's `/ws/join` after so long, then call `connected`; where it fails, `disconnected`.
    Connect {
        /// Milliseconds to wait before.
        after_ms: u64,
    },
    /// A text message for the WebSocket.
    SendText {
        /// The message.
        text: String,
    },
    /// A binary message for the WebSocket.
    SendBinary {
        /// The message.
        bytes: Vec<u8>,
    },
    /// Close the WebSocket, once what came before is sent.
    Disconnect,
    /// The key was right: nobody between can read what follows.
    Sealed,
    /// The person at the other end is being asked.
    Asking,
    /// Allowed; pictures follow.
    Allowed {
        /// What is shown.
        source: String,
    },
    /// How the picture lives. While it is paused there is no picture.
    State {
        /// The state.
        state: ShareState,
        /// What is shown.
        source: String,
    },
    /// There is a newer picture: paint it (`copy_picture`). The next call of `next` says that it is painted.
    Picture {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// Where it differs from the one before; a superset.
        dirty: Vec<Rect>,
        /// Whether its size changed.
        resized: bool,
    },
    /// The cursor moved or has another shape.
    Cursor,
    /// The relay does not let it in; `Ended` follows.
    Refused {
        /// Why.
        kind: RefusalKind,
        /// The same as a sentence.
        reason: String,
    },
    /// All is over; nothing follows.
    Ended {
        /// Why.
        reason: EndReason,
    },
}

/// The watching end at a relay, without its WebSocket. Any thread may call it.
#[derive(uniffi::Object)]
pub struct Joiner(Shared<own::Joiner>);

#[uniffi::export]
impl Joiner {
    /// A joiner before its connection; the first event asks for one. `who` is what the other end is told of this person.
    ///
    /// # Errors
    /// - `InvalidInput` if the key, the link or the credential is none, or a link needs a key and has none.
    #[uniffi::constructor]
    pub fn new(tenant: String, way: Way, who: String, purpose: Purpose) -> Result<Arc<Self>, PanecastError> {
        guarded(|| {
            let way = match way {
                Way::Key { key } => relay::Way::Key(key.parse()?),
                Way::Link { text, key } => {
                    relay::Way::Link(text.parse()?, key.map(|key| key.parse()).transpose()?)
                }
                Way::Visitor { visitor, credential } => {
                    relay::Way::Visitor(visitor, Box::new(credential.parse()?))
                }
                Way::Sent { text } => relay::Way::Sent(text.trim().parse()?),
            };
            let own = own::Joiner::new(&tenant, way, &who, purpose.into(), Limits::default());
            Ok(Arc::new(Self(Shared::new(own))))
        })
    }

    /// The WebSocket is there. `token`: who this is, where the tenant asks for it.
    ///
    /// # Errors
    /// - `Closed` after the end, as every method below.
    /// - `Io` where there is no randomness.
    pub fn connected(&self, token: Option<String>) -> Result<(), PanecastError> {
        self.0.call(|joiner| joiner.connected(token))
    }

    /// Before a WebSocket is opened: the sub-protocols that its request is to name, with the first messages among them; none if it
    /// is to name none. Then `opened` takes the place of `connected`. It saves a round trip.
    ///
    /// # Errors
    /// - `Closed` after the end; `Io` where there is no randomness.
    pub fn early(&self, token: Option<String>) -> Result<Vec<String>, PanecastError> {
        self.0.call(|joiner| joiner.early(token))
    }

    /// The WebSocket that `early` was asked for is there; the answer named this sub-protocol.
    ///
    /// # Errors
    /// - `Closed` after the end.
    pub fn opened(&self, protocol: Option<String>) -> Result<(), PanecastError> {
        self.0.call(|joiner| joiner.opened(protocol.as_deref()))
    }

    /// Bytes come or go that are no whole message yet: the relay is there. For apps whose WebSocket tells.
    ///
    /// # Errors
    /// - `Closed` after the end.
    pub fn alive(&self) -> Result<(), PanecastError> {
        self.0.call(own::Joiner::alive)
    }

    /// The WebSocket is gone, or could not be had.
    ///
    /// # Errors
    /// - `Closed` after the end.
    pub fn disconnected(&self) -> Result<(), PanecastError> {
        self.0.call(own::Joiner::disconnected)
    }

    /// A text message came.
    ///
    /// # Errors
    /// - `Closed` after the end.
    pub fn text(&self, text: String) -> Result<(), PanecastError> {
        self.0.call(|joiner| joiner.text(&text))
    }

    /// A binary message came.
    ///
    /// # Errors
    /// - `LimitExceeded` if no relay sends one so large; `Closed` after the end.
    pub fn binary(&self, bytes: &[u8]) -> Result<(), PanecastError> {
        self.0.call(|joiner| joiner.binary(&mut message(bytes)?))
    }

    /// Where the person looks: it is made exact first. Nothing: everywhere.
    ///
    /// # Errors
    /// - `Closed` after the end.
    pub fn focus(&self, rect: Option<Rect>) -> Result<(), PanecastError> {
        self.0.call(|joiner| joiner.focus(rect.map(Into::into)))
    }

    /// The person points here; nothing: no more.
    ///
    /// # Errors
    /// - `Closed` after the end.
    pub fn point(&self, at: Option<Point>) -> Result<(), PanecastError> {
        self.0.call(|joiner| joiner.mark(Mark::Pointer(at.map(|p| (p.x, p.y)))))
    }

    /// The person draws: a line begins or, with the same number, goes on. `colour` is 0xRRGGBB.
    ///
    /// # Errors
    /// - `InvalidInput` for no points or more than 512; a longer line goes on with the next call.
    /// - `Closed` after the end.
    pub fn draw(
        &self,
        number: u32,
        tool: MarkTool,
        colour: u32,
        points: Vec<Point>,
    ) -> Result<(), PanecastError> {
        self.0.call(|joiner| joiner.mark(line(number, tool, colour, &points)?))
    }

    /// All lines of this person go away.
    ///
    /// # Errors
    /// - `Closed` after the end.
    pub fn clear(&self) -> Result<(), PanecastError> {
        self.0.call(|joiner| joiner.mark(Mark::Clear))
    }

    /// The person wants no pictures for now, or wants them again.
    ///
    /// # Errors
    /// - `Closed` after the end.
    pub fn pause(&self, paused: bool) -> Result<(), PanecastError> {
        self.0.call(|joiner| joiner.pause(paused))
    }

    /// The person leaves; what is left in `next` tells the other end.
    ///
    /// # Errors
    /// - `Closed` after the end.
    pub fn leave(&self) -> Result<(), PanecastError> {
        self.0.call(own::Joiner::leave)
    }

    /// What happened next, in order; nothing if nothing does within `timeout_ms`.
    ///
    /// # Errors
    /// - `Closed` after `Ended` and `stop`.
    pub fn next(&self, timeout_ms: u32) -> Result<Option<JoinerEvent>, PanecastError> {
        self.0.call(|joiner| Ok(joiner.next(Duration::from_millis(timeout_ms.into()))?.map(told)))
    }

    /// The newest picture's size; nothing while there is none.
    ///
    /// # Errors
    /// Only `Panicked`.
    pub fn picture_size(&self) -> Result<Option<PictureSize>, PanecastError> {
        self.0.call(|joiner| match joiner.picture(|frame| PictureSize::from(frame)) {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            size => size.map(Some),
        })
    }

    /// Pixels of the newest picture that are not exact yet; 0 while there is none.
    ///
    /// # Errors
    /// Only `Panicked`.
    pub fn lossy_px(&self) -> Result<u64, PanecastError> {
        self.0.call(|joiner| match joiner.picture_and_exactness(|_, exact| exact.lossy_px()) {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(0),
            lossy => lossy,
        })
    }

    /// Copies the newest picture to memory of the caller's, as `Decoder.copy_picture`.
    ///
    /// # Errors
    /// As `Decoder.copy_picture`.
    pub fn copy_picture(
        &self,
        address: u64,
        length: u64,
        stride_bytes: u32,
    ) -> Result<PictureSize, PanecastError> {
        self.0.call(|joiner| {
            // SAFETY: what this method asks of its caller, the layers over the generated code.
            joiner.picture(|frame| unsafe { copy_to(frame, address, length, stride_bytes) })?
        })
    }

    /// Where the cursor's hotspot is; nothing where it is hidden.
    ///
    /// # Errors
    /// Only `Panicked`.
    pub fn cursor_place(&self) -> Result<Option<Point>, PanecastError> {
        self.0.call(|joiner| Ok(joiner.cursor(|place, _| place.map(Point::from))))
    }

    /// The cursor's shape, once one has been sent.
    ///
    /// # Errors
    /// Only `Panicked`.
    pub fn cursor_shape(&self) -> Result<Option<CursorShape>, PanecastError> {
        self.0.call(|joiner| Ok(joiner.cursor(|_, shape| shape.map(CursorShape::from))))
    }

    /// Ends all at once, without a word to anybody. Who waits in `next` is told `Closed`.
    ///
    /// # Errors
    /// Only `Panicked`.
    pub fn stop(&self) -> Result<(), PanecastError> {
        self.0.last(|joiner| {
            joiner.stop();
            Ok(())
        })
    }
}

fn told(event: own::JoinerEvent) -> JoinerEvent {
    match event {
        own::JoinerEvent::Connect { after } => JoinerEvent::Connect { after_ms: millis(after) },
        own::JoinerEvent::Send(Message::Text(text)) => JoinerEvent::SendText { text },
        own::JoinerEvent::Send(Message::Binary(bytes)) => JoinerEvent::SendBinary { bytes },
        own::JoinerEvent::Disconnect => JoinerEvent::Disconnect,
        own::JoinerEvent::Sealed => JoinerEvent::Sealed,
        own::JoinerEvent::Asking => JoinerEvent::Asking,
        own::JoinerEvent::Allowed { source } => JoinerEvent::Allowed { source },
        own::JoinerEvent::State { state, source } => JoinerEvent::State { state: state.into(), source },
        own::JoinerEvent::Picture { size, dirty, resized } => JoinerEvent::Picture {
            width: size.width,
            height: size.height,
            dirty: dirty.rects().iter().map(|r| Rect::from(*r)).collect(),
            resized,
        },
        own::JoinerEvent::Cursor => JoinerEvent::Cursor,
        own::JoinerEvent::Refused(refusal) => {
            JoinerEvent::Refused { kind: refusal.kind.into(), reason: refusal.message }
        }
        own::JoinerEvent::Ended(reason) => JoinerEvent::Ended { reason: reason.into() },
    }
}
