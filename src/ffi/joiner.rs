//! The watching end at a relay, with its decoder: all but the WebSocket and the window.
#![forbid(unsafe_code)]

use super::bell::Bell;
use crate::codec::{Decoded, Decoder, Exactness};
use crate::consent::Purpose;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{FrameBuf, Rect, Region, Size, Timestamp};
use crate::limits::Limits;
use crate::session::relay::{self, JoinerOutput, Message, Refusal, Way, fitting};
use crate::session::{EndReason, Mark, StreamState};
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What the app is told, in the order in which it happens.
#[derive(Debug)]
pub enum JoinerEvent {
    /// Connect a WebSocket to the relay's `/ws/join` after so long, then call [`Joiner::connected`], or [`Joiner::early`] before
    /// and [`Joiner::opened`] then; where it fails, [`Joiner::disconnected`].
    Connect {
        /// How long to wait before.
        after: Duration,
    },
    /// For the WebSocket.
    Send(Message),
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
    /// How the picture lives. While it is paused there is no picture: what the other side took back is not kept.
    State {
        /// The state.
        state: StreamState,
        /// What is shown.
        source: String,
    },
    /// There is a newer picture: paint it ([`Joiner::picture`]). The next call of [`Joiner::next`] says that it is painted.
    Picture {
        /// Its size.
        size: Size,
        /// Where it differs from the one before; a superset.
        dirty: Region,
        /// Whether its size changed.
        resized: bool,
    },
    /// The cursor moved or has another shape: [`Joiner::cursor`].
    Cursor,
    /// The relay does not let it in; [`JoinerEvent::Ended`] follows.
    Refused(Refusal),
    /// All is over; nothing follows.
    Ended(EndReason),
}

/// The watching end at a relay. All methods may be called from any thread.
pub struct Joiner {
    began: Instant,
    inner: Mutex<Inner>,
    bell: Bell,
}

struct Inner {
    relay: relay::Joiner,
    decoder: Decoder,
    /// The decoder lost the thread: everything up to what starts over is skipped.
    lost: bool,
    events: VecDeque<JoinerEvent>,
    /// What counts as painted once the next event is asked for: the update, and when it came.
    shown: Vec<(u64, Instant)>,
    stopped: bool,
}

impl fmt::Debug for Joiner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joiner").finish_non_exhaustive()
    }
}

impl Joiner {
    /// Knocks by `way`. `who` is how the other end is told who asks; a pass knows better. The first event asks for a
    /// connection.
    #[must_use]
    pub fn new(tenant: &str, way: Way, who: &str, purpose: Purpose, limits: Limits) -> Self {
        let limits = fitting(limits);
        let inner = Inner {
            relay: relay::Joiner::new(tenant, way, who, purpose, limits),
            decoder: Decoder::new(limits),
            lost: true,
            events: VecDeque::new(),
            shown: Vec::new(),
            stopped: false,
        };
        Self { began: Instant::now(), inner: Mutex::new(inner), bell: Bell::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        Timestamp::from(self.began.elapsed())
    }

    fn with<T>(&self, act: impl FnOnce(&mut relay::Joiner, Timestamp) -> T) -> Result<T> {
        let mut inner = self.lock();
        if inner.stopped {
            return Err(closed());
        }
        let done = act(&mut inner.relay, self.now());
        drop(inner);
        self.bell.ring();
        Ok(done)
    }

    /// The WebSocket is there. `token`: who this is, where the tenant asks for it.
    ///
    /// # Errors
    /// - [`ErrorKind::Closed`] after the end, like every method below.
    /// - [`ErrorKind::Io`] where there is no randomness.
    pub fn connected(&self, token: Option<String>) -> Result<()> {
        self.with(|relay, now| relay.connected(token, now))?
    }

    /// Before a WebSocket is opened: the sub-protocols that its request is to name, with the first messages among them; none if it is
    /// to name none. Then [`Joiner::opened`] takes the place of [`Joiner::connected`]. It saves a round trip.
    ///
    /// # Errors
    /// - [`ErrorKind::Closed`] after the end.
    /// - [`ErrorKind::Io`] where there is no randomness.
    pub fn early(&self, token: Option<String>) -> Result<Vec<String>> {
        let mut inner = self.lock();
        if inner.stopped {
            return Err(closed());
        }
        let held = if inner.relay.returns() { inner.held() } else { None };
        let entries = inner.relay.early(token, held, self.now());
        drop(inner);
        self.bell.ring();
        entries
    }

    /// The WebSocket that [`Joiner::early`] was asked for is there; the answer named this sub-protocol.
    ///
    /// # Errors
    /// - [`ErrorKind::Closed`] after the end.
    /// - [`ErrorKind::Io`] where there is no randomness.
    pub fn opened(&self, protocol: Option<&str>) -> Result<()> {
        self.with(|relay, now| relay.opened(protocol, now))?
    }

    /// Bytes come or go that are no whole message yet: the relay is there. For apps whose WebSocket tells.
    ///
    /// # Errors
    /// - [`ErrorKind::Closed`] after the end.
    pub fn alive(&self) -> Result<()> {
        self.with(relay::Joiner::alive)
    }

    /// The WebSocket is gone, or could not be had.
    ///
    /// # Errors
    /// - [`ErrorKind::Closed`] after the end.
    pub fn disconnected(&self) -> Result<()> {
        self.with(relay::Joiner::disconnected)
    }

    /// A text message came.
    ///
    /// # Errors
    /// - [`ErrorKind::Closed`] after the end.
    pub fn text(&self, text: &str) -> Result<()> {
        self.with(|relay, now| relay.text(text, now))
    }

    /// A binary message came. It is opened where it lies.
    ///
    /// # Errors
    /// - [`ErrorKind::Closed`] after the end.
    pub fn binary(&self, bytes: &mut [u8]) -> Result<()> {
        self.with(|relay, now| relay.binary(bytes, now))
    }

    /// Where the person looks: it is made exact first. `None` if everywhere.
    ///
    /// # Errors
    /// - [`ErrorKind::Closed`] after the end.
    pub fn focus(&self, rect: Option<Rect>) -> Result<()> {
        self.with(|relay, _| relay.focus(rect))
    }

    /// The person points or draws.
    ///
    /// # Errors
    /// - [`ErrorKind::Closed`] after the end.
    pub fn mark(&self, mark: Mark) -> Result<()> {
        self.with(|relay, _| relay.mark(mark))
    }

    /// The person wants no pictures for now, or wants them again.
    ///
    /// # Errors
    /// - [`ErrorKind::Closed`] after the end.
    pub fn pause(&self, paused: bool) -> Result<()> {
        self.with(|relay, _| relay.pause(paused))
    }

    /// The person leaves; what is left in [`Joiner::next`] tells the other end.
    ///
    /// # Errors
    /// - [`ErrorKind::Closed`] after the end.
    pub fn leave(&self) -> Result<()> {
        self.with(|relay, _| relay.leave())
    }

    /// What happened next, in order; `None` if nothing does within `timeout`. Pictures that were told of before count as
    /// painted.
    ///
    /// # Errors
    /// - [`ErrorKind::Closed`] after [`JoinerEvent::Ended`] and [`Joiner::stop`].
    pub fn next(&self, timeout: Duration) -> Result<Option<JoinerEvent>> {
        let deadline = Instant::now().checked_add(timeout);
        loop {
            let seen = self.bell.count();
            let mut inner = self.lock();
            if inner.stopped {
                return Err(closed());
            }
            inner.relay.tick(self.now());
            if let Some(event) = inner.event() {
                inner.stopped = matches!(event, JoinerEvent::Ended(_));
                return Ok(Some(event));
            }
            let due = inner.relay.next_tick().map(|at| self.began + Duration::from_micros(at.micros()));
            drop(inner);
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Ok(None);
            }
            self.bell.wait(seen, due.into_iter().chain(deadline).min());
        }
    }

    /// Shows the newest picture to `look`, BGRA of which A means nothing. Nothing is decoded meanwhile.
    ///
    /// # Errors
    /// - [`ErrorKind::NotFound`] while there is none.
    /// - [`ErrorKind::Closed`] after [`Joiner::stop`].
    pub fn picture<T>(&self, look: impl FnOnce(&FrameBuf) -> T) -> Result<T> {
        self.picture_and_exactness(|frame, _| look(frame))
    }

    /// As [`Joiner::picture`], with which of its pixels are the source's own.
    ///
    /// # Errors
    /// As [`Joiner::picture`].
    pub fn picture_and_exactness<T>(&self, look: impl FnOnce(&FrameBuf, &Exactness) -> T) -> Result<T> {
        let inner = self.lock();
        match inner.decoder.frame() {
            Some(frame) => Ok(look(frame, inner.decoder.exactness())),
            None => Err(Error::new(ErrorKind::NotFound, "there is no picture yet")),
        }
    }

    /// Shows to `look` where the cursor's hotspot is, if it is to be seen, and its shape.
    pub fn cursor<T>(
        &self,
        look: impl FnOnce(Option<(i32, i32)>, Option<&crate::capture::CursorShape>) -> T,
    ) -> T {
        let inner = self.lock();
        look(inner.decoder.cursor_position(), inner.decoder.cursor_shape())
    }

    /// Ends all at once, without a word to anybody: who waits in [`Joiner::next`] is told [`ErrorKind::Closed`].
    pub fn stop(&self) {
        let mut inner = self.lock();
        inner.stopped = true;
        inner.decoder.reset();
        drop(inner);
        self.bell.ring();
    }
}

impl Inner {
    fn event(&mut self) -> Option<JoinerEvent> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            for (sequence, arrived) in std::mem::take(&mut self.shown) {
                let held_us = u64::try_from(arrived.elapsed().as_micros()).unwrap_or(u64::MAX);
                self.relay.painted(sequence, held_us);
            }
            let event = match self.relay.poll()? {
                JoinerOutput::Connect { after } => JoinerEvent::Connect { after },
                JoinerOutput::Send(message) => JoinerEvent::Send(message),
                JoinerOutput::Disconnect => JoinerEvent::Disconnect,
                JoinerOutput::Sealed => JoinerEvent::Sealed,
                JoinerOutput::Asking => JoinerEvent::Asking,
                JoinerOutput::Allowed { source } => JoinerEvent::Allowed { source },
                JoinerOutput::State { state, source } => {
                    if state == StreamState::Paused {
                        // What the visitor took back is not kept, either.
                        self.decoder.reset();
                        self.lost = true;
                    }
                    JoinerEvent::State { state, source }
                }
                JoinerOutput::Packet { starts_over, bytes } => {
                    self.packet(starts_over, &bytes);
                    continue;
                }
                JoinerOutput::Back => {
                    let held = self.held();
                    self.relay.holds(held);
                    continue;
                }
                JoinerOutput::Refused(refusal) => JoinerEvent::Refused(refusal),
                JoinerOutput::Ended(reason) => JoinerEvent::Ended(reason),
            };
            return Some(event);
        }
    }

    /// What the decoder holds, to be told; what is on its way no longer counts.
    fn held(&mut self) -> Option<(Size, Vec<u32>)> {
        self.lost = true;
        self.decoder.held().map(|held| (held.size(), held.hashes().to_vec()))
    }

    fn packet(&mut self, starts_over: bool, bytes: &[u8]) {
        if starts_over {
            self.decoder.restart();
            self.lost = false;
        }
        if !self.lost && self.decode(bytes).is_err() {
            self.lost = true;
            self.relay.resync();
        }
    }

    fn decode(&mut self, bytes: &[u8]) -> Result<()> {
        let arrived = Instant::now();
        self.decoder.feed(bytes)?;
        while let Some(decoded) = self.decoder.next()? {
            self.shown.extend(decoded.sequence().map(|sequence| (sequence, arrived)));
            match decoded {
                Decoded::Picture { dirty, resized, .. } => {
                    if let Some(frame) = self.decoder.frame() {
                        self.events.push_back(JoinerEvent::Picture { size: frame.size(), dirty, resized });
                    }
                }
                Decoded::Cursor => self.events.push_back(JoinerEvent::Cursor),
                Decoded::Header | Decoded::NeedsPlanes | Decoded::Epoch { .. } | Decoded::End { .. } => {}
            }
        }
        Ok(())
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "this joiner has ended")
}
