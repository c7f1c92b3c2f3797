//! The sharing end at a relay, with its pipeline: all but the WebSocket.
#![forbid(unsafe_code)]

use super::bell::Bell;
use super::grant::{Grant, Source};
use super::share::Share;
use crate::capture::Damage;
use crate::capture::mask::MaskSet;
use crate::consent::{Decision, Purpose};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{FrameView, Timestamp};
use crate::pipeline::{Audience, Output, PipelineConfig, PipelineStats};
use crate::session::relay::{self, HostOutput, LinkKind, Message, Presence, Refusal, fitting};
use crate::session::seal::LinkSecret;
use crate::session::{EndReason, Mark, StreamState, ViewerId};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Whom a host lets in, and how it encodes.
#[derive(Debug)]
pub struct HostConfig {
    /// Whose visitors and agents these are; `default` where the relay serves one.
    pub tenant: String,
    /// Whether agents may come by a key.
    pub keys: bool,
    /// Whether agents with a pass may ask.
    pub presence: Option<Presence>,
    /// How pictures are coded; its limits are made to fit what relays carry.
    pub pipeline: PipelineConfig,
}

impl Default for HostConfig {
    fn default() -> Self {
        Self {
            tenant: relay::DEFAULT_TENANT.to_owned(),
            keys: true,
            presence: None,
            pipeline: PipelineConfig::default(),
        }
    }
}

/// What the app is told, in the order in which it happens.
#[derive(Debug)]
pub enum HostEvent {
    /// Connect a WebSocket to the relay's `/ws/host` after so long, then call [`Host::connected`], or [`Host::early`] before and
    /// [`Host::opened`] then; where it fails, [`Host::disconnected`].
    Connect {
        /// How long to wait before.
        after: Duration,
    },
    /// For the WebSocket.
    Send(Message),
    /// Close the WebSocket, once what came before is sent.
    Disconnect,
    /// Show this key to the visitor, in place of the one before.
    Key {
        /// Nine digits in groups of three.
        key: String,
        /// How long it is good.
        lasts: Duration,
    },
    /// A link is open: `https://RELAY/see#` and its text.
    Link {
        /// What stands behind the `#`.
        text: String,
        /// Who has it needs a key besides, the one that was told last.
        with_key: bool,
    },
    /// Who sent the link that was taken is waited for.
    Waiting,
    /// Agents with a pass may ask by this visitor's id.
    Present {
        /// The id.
        visitor: String,
    },
    /// Another device is this visitor now.
    TakenOver {
        /// The id.
        visitor: String,
    },
    /// Ask the visitor, then call [`Host::allow`] or [`Host::decline`].
    Ask {
        /// Who asks, by its number.
        joiner: u32,
        /// What it calls itself.
        who: String,
        /// The short form of the key of its pass, where a pass of the tenant's proves the name.
        agent: Option<String>,
        /// What it wants to see.
        purpose: Purpose,
    },
    /// A watcher points or draws.
    Mark {
        /// Which.
        joiner: u32,
        /// What.
        mark: Mark,
    },
    /// A watcher's part is over, or the question about it.
    Left {
        /// Which.
        joiner: u32,
        /// What it called itself.
        who: String,
        /// Why.
        reason: EndReason,
    },
    /// How the picture lives.
    State(StreamState),
    /// Nothing is captured any more: the last watcher left, or the source is gone. The next question is about anything again.
    Stopped {
        /// Why; `None` if nobody watches any more.
        error: Option<Error>,
    },
    /// The relay does not take this host; [`HostEvent::Ended`] follows.
    Refused(Refusal),
    /// All is over; nothing follows.
    Ended(EndReason),
}

/// The sharing end at a relay. All methods may be called from any thread.
///
/// Nothing is captured before [`Host::allow`]. [`Host::next`] is to be asked again and again: pictures wait in it, and its
/// caller's pace is theirs.
pub struct Host {
    began: Instant,
    config: PipelineConfig,
    inner: Mutex<Inner>,
    /// Beside the rest, so that a frame is copied without waiting for a packet to be sealed.
    share: RwLock<Option<Arc<Share>>>,
    bell: Bell,
}

struct Inner {
    relay: relay::Host,
    /// What is shown, as those who watch are told.
    source: String,
    masks: MaskSet,
    state: Option<StreamState>,
    paused: bool,
    stopped: bool,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").finish_non_exhaustive()
    }
}

impl Host {
    /// Nobody is there. The first event asks for a connection.
    ///
    /// # Errors
    /// - [`ErrorKind::InvalidInput`] as [`crate::codec::EncoderConfig::check`] says, or if the tenant's name cannot be.
    /// - [`ErrorKind::Io`] where there is no randomness.
    pub fn new(config: HostConfig) -> Result<Self> {
        let HostConfig { tenant, keys, presence, mut pipeline } = config;
        pipeline.encoder.limits = fitting(pipeline.encoder.limits);
        pipeline.encoder.check()?;
        let began_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let relay = relay::Host::new(&tenant, keys, presence, began_s, pipeline.encoder.limits)?;
        let inner = Inner {
            relay,
            source: String::new(),
            masks: MaskSet::default(),
            state: None,
            paused: false,
            stopped: false,
        };
        Ok(Self {
            began: Instant::now(),
            config: pipeline,
            inner: Mutex::new(inner),
            share: RwLock::default(),
            bell: Bell::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sharing(&self) -> Option<Arc<Share>> {
        self.share.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace_share(&self, share: Option<Arc<Share>>) -> Option<Arc<Share>> {
        std::mem::replace(&mut *self.share.write().unwrap_or_else(PoisonError::into_inner), share)
    }

    fn now(&self) -> Timestamp {
        Timestamp::from(self.began.elapsed())
    }

    /// Does something with the relay's end, and wakes who waits for what comes of it.
    fn with<T>(&self, act: impl FnOnce(&mut relay::Host, Timestamp) -> T) -> Result<T> {
        let mut inner = self.lock();
        if inner.stopped {
            return Err(closed());
        }
        let done = act(&mut inner.relay, self.now());
        drop(inner);
        self.bell.ring();
        Ok(done)
    }

    /// Draws a link, in place of one before, as [`relay::Host::open_link`].
    ///
    /// # Errors
    /// - [`ErrorKind::Closed`] after the end, like every method below.
    /// - as [`relay::Host::open_link`].
    pub fn open_link(&self, kind: LinkKind) -> Result<()> {
        self.with(|relay, now| relay.open_link(kind, now))?
    }

    /// Lets in the one who drew this link and sent it here, once: a deep link that asks for a camera.
    ///
    /// # Errors
    /// As [`relay::Host::take_link`].
    pub fn take_link(&self, link: LinkSecret) -> Result<()> {
        self.with(|relay, now| relay.take_link(link, now))?
    }

    /// The WebSocket is there. `token`: who this is, where the tenant asks for it.
    ///
    /// # Errors
    /// - [`ErrorKind::Closed`] after the end.
    pub fn connected(&self, token: Option<String>) -> Result<()> {
        self.with(|relay, now| relay.connected(token, now))
    }

    /// Before a WebSocket is opened: the sub-protocols that its request is to name, with the first message among them; none if it is
    /// to name none. Then [`Host::opened`] takes the place of [`Host::connected`]. It saves a round trip.
    ///
    /// # Errors
    /// - [`ErrorKind::Closed`] after the end.
    pub fn early(&self, token: Option<String>) -> Result<Vec<String>> {
        self.with(|relay, _| relay.early(token))
    }

    /// The WebSocket that [`Host::early`] was asked for is there; the answer named this sub-protocol.
    ///
    /// # Errors
    /// - [`ErrorKind::Closed`] after the end.
    pub fn opened(&self, protocol: Option<&str>) -> Result<()> {
        self.with(|relay, now| relay.opened(protocol, now))
    }

    /// Bytes come or go that are no whole message yet: the relay is there. For apps whose WebSocket tells.
    ///
    /// # Errors
    /// - [`ErrorKind::Closed`] after the end.
    pub fn alive(&self) -> Result<()> {
        self.with(relay::Host::alive)
    }

    /// The WebSocket is gone, or could not be had.
    ///
    /// # Errors
    /// - [`ErrorKind::Closed`] after the end.
    pub fn disconnected(&self) -> Result<()> {
        self.with(relay::Host::disconnected)
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

    /// The visitor allows `joiner` to see `source`, as [`Source`] reads it. While others watch already, it is what they see.
    ///
    /// # Errors
    /// - [`ErrorKind::InvalidInput`] if this joiner asks nothing (any more), if `source` names none or no size that can be, or
    ///   if something else is shown already; the question stands in the last cases.
    /// - as [`Share::start`]: the joiner is told that the source failed.
    pub fn allow(&self, joiner: u32, purpose: Purpose, source: &str) -> Result<()> {
        let source: Source = source.parse()?;
        if let Source::Push(size) = source {
            self.config.encoder.limits.check_size(size)?;
        }
        let purpose = match &source {
            Source::Captured(spec) if purpose != Purpose::AgentScreen => spec.purpose(),
            _ => purpose,
        };
        let name = source.to_string();
        let mut inner = self.lock();
        if inner.stopped {
            return Err(closed());
        }
        let sharing = self.sharing().is_some();
        if sharing && inner.source != name {
            return Err(Error::input(format!(
                "{} is shown already; all who watch see the same",
                inner.source
            )));
        }
        let word = inner.relay.answer(ViewerId(joiner), Decision::Allow, purpose, &name)?;
        if !sharing {
            inner.source = name;
            match Share::start(&Grant::new(word), &inner.source, self.config) {
                Ok(share) => self.begin(&mut inner, share)?,
                Err(e) => {
                    inner.relay.dismiss(ViewerId(joiner), EndReason::SourceFailed);
                    self.bell.ring();
                    return Err(e);
                }
            }
        }
        if let Some(state) = inner.state {
            let Inner { relay, source, .. } = &mut *inner;
            relay.state(state, source);
        }
        drop(inner);
        self.bell.ring();
        Ok(())
    }

    fn begin(&self, inner: &mut Inner, share: Share) -> Result<()> {
        // Nothing is captured before a watcher is told of, so both hold from the first picture.
        share.set_masks(inner.masks.clone())?;
        if inner.paused {
            share.pause()?;
        }
        let bell = self.bell.clone();
        share.on_news(Box::new(move || bell.ring()));
        self.replace_share(Some(Arc::new(share)));
        Ok(())
    }

    /// The visitor does not let `joiner` see anything.
    ///
    /// # Errors
    /// - [`ErrorKind::InvalidInput`] if this joiner asks nothing (any more).
    pub fn decline(&self, joiner: u32) -> Result<()> {
        let declined =
            self.with(|relay, _| relay.answer(ViewerId(joiner), Decision::Deny, Purpose::Prepared, ""))?;
        match declined {
            Err(e) if e.kind() != ErrorKind::Denied => Err(e),
            _ => Ok(()),
        }
    }

    /// Hands over a frame of the app's own, where `push:WIDTHxHEIGHT` is what is shown.
    ///
    /// # Errors
    /// - [`ErrorKind::Denied`] while nobody was allowed to see anything.
    /// - as [`Share::push`].
    ///
    /// # Threads and cost
    /// Any thread. One copy of the damaged pixels.
    pub fn push(&self, view: &FrameView<'_>, damage: &Damage, timestamp: Timestamp) -> Result<()> {
        match self.sharing() {
            Some(share) => share.push(view, damage, timestamp),
            None => Err(Error::new(ErrorKind::Denied, "nobody was allowed to see a picture")),
        }
    }

    /// Shows nothing from here on, and forgets what was shown: once it returns, no picture comes out of [`Host::next`].
    ///
    /// # Errors
    /// - [`ErrorKind::Closed`] after the end.
    pub fn pause(&self) -> Result<()> {
        self.set_paused(true)
    }

    /// Goes on after [`Host::pause`], with a picture taken after this call.
    ///
    /// # Errors
    /// - [`ErrorKind::Closed`] after the end.
    pub fn resume(&self) -> Result<()> {
        self.set_paused(false)
    }

    fn set_paused(&self, paused: bool) -> Result<()> {
        let mut inner = self.lock();
        if inner.stopped {
            return Err(closed());
        }
        inner.paused = paused;
        match self.sharing() {
            Some(share) if paused => share.pause(),
            Some(share) => share.resume(),
            None => Ok(()),
        }
    }

    /// Hides what `masks` says from now on, whatever is shown.
    ///
    /// # Errors
    /// - [`ErrorKind::Closed`] after the end.
    pub fn set_masks(&self, masks: MaskSet) -> Result<()> {
        let mut inner = self.lock();
        if inner.stopped {
            return Err(closed());
        }
        inner.masks = masks.clone();
        self.sharing().map_or(Ok(()), |share| share.set_masks(masks))
    }

    /// Figures of what is shown; zeros where nothing is.
    ///
    /// # Errors
    /// - [`ErrorKind::Closed`] after the end.
    pub fn stats(&self) -> Result<PipelineStats> {
        self.sharing().map_or_else(|| Ok(PipelineStats::default()), |share| share.stats())
    }

    /// Sends a watcher away.
    ///
    /// # Errors
    /// - [`ErrorKind::Closed`] after the end.
    pub fn dismiss(&self, joiner: u32) -> Result<()> {
        self.with(|relay, _| relay.dismiss(ViewerId(joiner), EndReason::Dismissed))
    }

    /// The visitor ends it and takes the consent back. Capture stops before this returns; what is left in [`Host::next`] tells
    /// the others.
    ///
    /// # Errors
    /// - [`ErrorKind::Closed`] after the end.
    pub fn end(&self) -> Result<()> {
        let mut inner = self.lock();
        if inner.stopped {
            return Err(closed());
        }
        if let Some(share) = self.replace_share(None) {
            share.stop();
        }
        inner.relay.end(EndReason::SharerStopped);
        drop(inner);
        self.bell.ring();
        Ok(())
    }

    /// What happened next, in order; `None` if nothing does within `timeout`.
    ///
    /// # Errors
    /// - [`ErrorKind::Closed`] after [`HostEvent::Ended`] and [`Host::stop`].
    pub fn next(&self, timeout: Duration) -> Result<Option<HostEvent>> {
        let deadline = Instant::now().checked_add(timeout);
        loop {
            let seen = self.bell.count();
            let mut inner = self.lock();
            if inner.stopped {
                return Err(closed());
            }
            let now = self.now();
            inner.relay.tick(now);
            if let Some(event) = self.event(&mut inner, now) {
                inner.stopped = matches!(event, HostEvent::Ended(_));
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

    fn event(&self, inner: &mut Inner, now: Timestamp) -> Option<HostEvent> {
        loop {
            while let Some(output) = inner.relay.poll(now) {
                if let Some(event) = self.told(inner, output) {
                    return Some(event);
                }
            }
            let share = self.sharing()?;
            if inner.relay.watchers().next().is_none() {
                self.replace_share(None);
                share.stop();
                self.nothing_shown(inner);
                return Some(HostEvent::Stopped { error: None });
            }
            match share.next(Duration::ZERO).ok()?? {
                Output::Packet { to: Audience::All, bytes, .. } => inner.relay.packet(&bytes),
                Output::Packet { to: Audience::One(viewer), bytes, .. } => {
                    inner.relay.packet_for(viewer, &bytes);
                }
                Output::State(state) => {
                    inner.state = Some(state);
                    inner.relay.state(state, &inner.source);
                    return Some(HostEvent::State(state));
                }
                Output::Ended(how) => {
                    self.replace_share(None);
                    let reason = how.as_ref().map_or_else(EndReason::of_source, |()| EndReason::SourceEnded);
                    let watching: Vec<ViewerId> = inner.relay.watchers().collect();
                    watching.into_iter().for_each(|viewer| inner.relay.dismiss(viewer, reason));
                    self.nothing_shown(inner);
                    let ended = || Error::new(ErrorKind::Closed, "what was shown has ended");
                    return Some(HostEvent::Stopped { error: Some(how.err().unwrap_or_else(ended)) });
                }
            }
        }
    }

    fn nothing_shown(&self, inner: &mut Inner) {
        inner.source.clear();
        inner.state = None;
        inner.relay.nothing_shown();
    }

    fn told(&self, inner: &mut Inner, output: HostOutput) -> Option<HostEvent> {
        Some(match output {
            HostOutput::Connect { after } => HostEvent::Connect { after },
            HostOutput::Send(message) => HostEvent::Send(message),
            HostOutput::Disconnect => HostEvent::Disconnect,
            HostOutput::Key { key, lasts } => HostEvent::Key { key, lasts },
            HostOutput::Link { text, with_key } => HostEvent::Link { text, with_key },
            HostOutput::Waiting => HostEvent::Waiting,
            HostOutput::Present { visitor } => HostEvent::Present { visitor },
            HostOutput::TakenOver { visitor } => HostEvent::TakenOver { visitor },
            HostOutput::Ask(question) => HostEvent::Ask {
                joiner: question.viewer.0,
                who: question.who,
                agent: question.agent.filter(|_| question.proven).map(|agent| agent.short()),
                purpose: question.purpose,
            },
            HostOutput::Viewer(event) => {
                if let Some(share) = self.sharing() {
                    // One that has ended says so itself.
                    let _ = share.viewer(event);
                }
                return None;
            }
            HostOutput::Mark(viewer, mark) => HostEvent::Mark { joiner: viewer.0, mark },
            HostOutput::Left { viewer, who, reason } => HostEvent::Left { joiner: viewer.0, who, reason },
            HostOutput::Refused(refusal) => HostEvent::Refused(refusal),
            HostOutput::Ended(reason) => {
                if let Some(share) = self.replace_share(None) {
                    share.stop();
                }
                self.nothing_shown(inner);
                HostEvent::Ended(reason)
            }
        })
    }

    /// Ends all at once, without a word to anybody: who waits in [`Host::next`] is told [`ErrorKind::Closed`].
    pub fn stop(&self) {
        let mut inner = self.lock();
        inner.stopped = true;
        if let Some(share) = self.replace_share(None) {
            share.stop();
        }
        drop(inner);
        self.bell.ring();
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.stop();
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "this host has ended")
}
