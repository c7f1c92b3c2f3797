//! The watching end, which knocks at a relay.

use super::first::{First, Opened};
use super::pulse::{Pulse, Silence};
use super::{Message, Refusal, RefusalKind, Retry, fitting, reason_of};
use crate::error::Result;
use crate::frame::{Rect, Size, Timestamp};
use crate::limits::Limits;
use crate::session::seal::{self, Credential, LinkSecret, LinkText, TypedKey};
use crate::session::{EndReason, Mark, Purpose, StreamState, Watcher, WatcherOutput};
use panecast_protocol::{
    Door, JoinerSays, MAX_BINARY_BYTES, MAX_TEXT_BYTES, PROTOCOL_VERSION, Place, RelayToJoiner,
};
use std::collections::VecDeque;
use std::time::Duration;

/// How long a relay may take to let in who comes back: a line that went dead meanwhile is not waited for.
const JOINED_WITHIN: Duration = Duration::from_secs(10);

/// The way in.
#[derive(Debug)]
pub enum Way {
    /// A key that was read out.
    Key(TypedKey),
    /// A link by which somebody shows a screen, with the key if it needs one.
    Link(LinkText, Option<TypedKey>),
    /// The visitor's id in the app, and a pass of the tenant's.
    Visitor(String, Box<Credential>),
    /// A link that was drawn here and sent to somebody else.
    Sent(LinkSecret),
}

impl Way {
    /// The door at the relay.
    #[must_use]
    pub fn door(&self) -> Door {
        match self {
            Self::Key(key) | Self::Link(_, Some(key)) => Door::Key { number: format!("{:04}", key.number()) },
            Self::Link(link, None) => Door::Link { id: link.secret.door_id() },
            Self::Visitor(visitor, _) => Door::Presence { visitor: visitor.clone() },
            Self::Sent(link) => Door::Link { id: link.door_id() },
        }
    }

    /// The beginning of the handshake.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::Io`] where there is no randomness.
    pub fn handshake(&self, tenant: &str, limits: &Limits) -> Result<(seal::Joiner, Vec<u8>)> {
        Ok(match self {
            Self::Key(key) => seal::Joiner::by_key(key, tenant, limits)?,
            Self::Link(link, Some(key)) => seal::Joiner::by_key_and_link(key, &link.secret, tenant, limits)?,
            Self::Link(link, None) => seal::Joiner::by_link(&link.secret, tenant, limits)?,
            Self::Visitor(visitor, has) => seal::Joiner::by_pass(has.pass(), has.key(), visitor, limits)?,
            Self::Sent(link) => seal::Joiner::by_link(link, tenant, limits)?,
        })
    }

    /// What a refusal at the door means to who knocks this way.
    fn reason_of(&self, kind: RefusalKind) -> EndReason {
        match kind {
            // To the relay whoever is not let in has a wrong key.
            RefusalKind::WrongKey if matches!(self, Self::Visitor(..)) => EndReason::Untrusted,
            RefusalKind::WrongKey if matches!(self, Self::Link(_, None)) => EndReason::Spent,
            RefusalKind::WrongKey => EndReason::WrongKey,
            RefusalKind::Declined => EndReason::Declined,
            RefusalKind::Unavailable => EndReason::Lost,
            RefusalKind::Spent => EndReason::Spent,
            _ => EndReason::Failed,
        }
    }
}

/// What a joiner wants done, or has learnt.
#[derive(Debug)]
pub enum JoinerOutput {
    /// Connect to the relay's [`super::JOIN_PATH`] after so long, then call [`Joiner::connected`], or [`Joiner::early`] before and
    /// [`Joiner::opened`] then; where that fails, [`Joiner::disconnected`].
    Connect {
        /// How long to wait before.
        after: Duration,
    },
    /// For the connection.
    Send(Message),
    /// Close the connection, once what came before is sent.
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
    /// How the picture lives.
    State {
        /// The state.
        state: StreamState,
        /// What is shown.
        source: String,
    },
    /// Bytes for the decoder.
    Packet {
        /// Whether a decoder begins anew with them ([`crate::codec::Decoder::restart`]).
        starts_over: bool,
        /// One packet, or a header and a packet.
        bytes: Vec<u8>,
    },
    /// Bytes go through again after a cut: say what the decoder holds by [`Joiner::holds`], and what it lacks follows.
    Back,
    /// The relay does not let it in; [`JoinerOutput::Ended`] follows.
    Refused(Refusal),
    /// All is over; nothing follows.
    Ended(EndReason),
}

/// The watching end, which knocks at a relay. Outputs come out of [`Joiner::poll`] until it is `None`; time is an argument.
#[derive(Debug)]
pub struct Joiner {
    tenant: String,
    way: Way,
    who: String,
    purpose: Purpose,
    limits: Limits,
    /// There is none before the first connection.
    watcher: Option<Watcher>,
    place: Option<Place>,
    connected: bool,
    /// By when a relay that is come back to has to say so.
    join_due: Option<Timestamp>,
    over: bool,
    retry: Retry,
    first: First,
    pulse: Pulse,
    outputs: VecDeque<JoinerOutput>,
}

impl Joiner {
    /// Knocks by `way`. `who` is how the other end is told who asks; a pass knows better.
    #[must_use]
    pub fn new(tenant: &str, way: Way, who: &str, purpose: Purpose, limits: Limits) -> Self {
        Self {
            tenant: tenant.to_owned(),
            way,
            who: who.to_owned(),
            purpose,
            limits: fitting(limits),
            watcher: None,
            place: None,
            connected: false,
            join_due: None,
            over: false,
            retry: Retry::default(),
            first: First::default(),
            pulse: Pulse::default(),
            outputs: VecDeque::from([JoinerOutput::Connect { after: Duration::ZERO }]),
        }
    }

    /// Whether it was let in before, so that the next connection begins with a proof, which says what the decoder holds.
    #[must_use]
    pub fn returns(&self) -> bool {
        self.place.is_some() && !self.connected && !self.over
    }

    /// Before a connection is opened: the entries of `Sec-WebSocket-Protocol` that its request is to have, with the first messages
    /// among them; none if it is to have no such header. Then call [`Joiner::opened`] in place of [`Joiner::connected`]. `token`:
    /// who this is, where the tenant asks for it. `held`: where [`Joiner::returns`], what the decoder holds, as [`Joiner::holds`]
    /// takes it.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::Io`] where there is no randomness.
    pub fn early(
        &mut self,
        token: Option<String>,
        held: Option<(Size, Vec<u32>)>,
        now: Timestamp,
    ) -> Result<Vec<String>> {
        if self.over || self.connected {
            return Ok(Vec::new());
        }
        if self.first.is_offered() {
            return Ok(self.first.entries());
        }
        self.knock(now)?;
        if self.place.is_some() {
            self.with(|watcher| watcher.back(held));
        }
        let mut proof = None;
        while let Some(output) = self.watcher.as_mut().and_then(Watcher::poll) {
            if let WatcherOutput::Send(bytes) = output {
                proof = Some(bytes);
                break;
            }
            if let Some(output) = self.told(output) {
                self.outputs.push_back(output);
            }
        }
        // What is made of strings and numbers can be written.
        let hello = serde_json::to_string(&self.hello(token)).unwrap_or_default();
        Ok(if self.over { Vec::new() } else { self.first.offer(hello, proof) })
    }

    /// The connection that [`Joiner::early`] was asked for is there, by the sub-protocol that the answer names.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::Io`] where there is no randomness.
    pub fn opened(&mut self, protocol: Option<&str>, now: Timestamp) -> Result<()> {
        if self.over || self.connected {
            return Ok(());
        }
        if !self.first.is_offered() {
            return self.connected(None, now);
        }
        self.begin(now);
        match self.first.opened(protocol) {
            Opened::Rest(messages) => self.outputs.extend(messages.into_iter().map(JoinerOutput::Send)),
            Opened::NotTaken => {
                // It was not heard here; the next connection knocks anew.
                self.watcher = self.watcher.take().filter(|_| self.place.is_some());
                self.come_back(Duration::ZERO, now);
                // That happens once; it says nothing about the relay's health.
                self.retry = Retry::default();
            }
        }
        Ok(())
    }

    /// The connection is there. `token`: who this is, where the tenant asks for it.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::Io`] where there is no randomness.
    pub fn connected(&mut self, token: Option<String>, now: Timestamp) -> Result<()> {
        if self.over || self.connected {
            return Ok(());
        }
        if self.first.is_offered() {
            return self.opened(None, now);
        }
        self.knock(now)?;
        self.begin(now);
        // What is made of strings and numbers can be written.
        let text = serde_json::to_string(&self.hello(token)).ok().map(Message::Text);
        self.outputs.extend(text.map(JoinerOutput::Send));
        if self.place.is_some() {
            // The proof goes along, with what is held.
            self.outputs.push_back(JoinerOutput::Back);
        }
        Ok(())
    }

    /// Begins the handshake anew, unless it is in already.
    fn knock(&mut self, now: Timestamp) -> Result<()> {
        if self.place.is_none() {
            let knocks = self.way.handshake(&self.tenant, &self.limits)?;
            let watcher = Watcher::knock(knocks, self.who.clone(), self.purpose, now, self.limits);
            self.watcher = Some(watcher);
        }
        Ok(())
    }

    fn begin(&mut self, now: Timestamp) {
        self.connected = true;
        self.retry.connected(now);
        self.join_due = self.place.is_some().then(|| now + JOINED_WITHIN);
    }

    fn hello(&self, token: Option<String>) -> JoinerSays {
        JoinerSays::Hello {
            protocol: PROTOCOL_VERSION,
            tenant: self.tenant.clone(),
            // A place has a token of its own.
            token: token.filter(|_| self.place.is_none()),
            door: self.place.is_none().then(|| self.way.door()),
            resume: self.place.clone(),
        }
    }

    /// Bytes come or go that are no whole message yet: the relay is there. For apps whose WebSocket tells.
    pub fn alive(&mut self, now: Timestamp) {
        self.pulse.beat(now);
    }

    /// The connection is gone, or there was none to be had. Another one is asked for, unless it has become of no use.
    pub fn disconnected(&mut self, now: Timestamp) {
        self.come_back(Duration::ZERO, now);
    }

    fn come_back(&mut self, at_least: Duration, now: Timestamp) {
        if self.over {
            return;
        }
        self.retry.cut(now);
        self.first.cut();
        self.pulse.end();
        self.join_due = None;
        self.outputs.retain(|output| {
            !matches!(output, JoinerOutput::Send(_) | JoinerOutput::Connect { .. } | JoinerOutput::Back)
        });
        let was_connected = std::mem::take(&mut self.connected);
        if was_connected {
            self.outputs.push_back(JoinerOutput::Disconnect);
        }
        if self.place.is_none() && (!was_connected || matches!(self.way, Way::Visitor(..))) {
            // Nobody was asked yet, and a pass can be shown again; so can all else that has not come to a relay.
            self.watcher = None;
        }
        if let Some(watcher) = &mut self.watcher {
            watcher.cut(now);
        }
        self.outputs.push_back(JoinerOutput::Connect { after: self.retry.next_wait().max(at_least) });
    }

    /// A text message came.
    pub fn text(&mut self, text: &str, now: Timestamp) {
        if !self.connected || self.over {
            return;
        }
        self.pulse.beat(now);
        if text.len() > MAX_TEXT_BYTES {
            return self.come_back(Duration::ZERO, now);
        }
        // What this version does not know, a newer relay may say: it changes nothing.
        let Ok(says) = serde_json::from_str::<RelayToJoiner>(text) else { return };
        match says {
            RelayToJoiner::Joined(place) => {
                self.place = Some(place);
                self.join_due = None;
                self.pulse.begin(now);
            }
            RelayToJoiner::GoingAway { after_ms } => {
                self.come_back(Duration::from_millis(after_ms.into()), now);
            }
            RelayToJoiner::Refused(refusal) => self.refused(refusal, now),
            RelayToJoiner::HostLost {} => self.with(|watcher| watcher.cut(now)),
            RelayToJoiner::HostBack {} => self.outputs.push_back(JoinerOutput::Back),
            RelayToJoiner::Pong {} => {}
            // What the sharing end said of it, within the seal, came before.
            RelayToJoiner::End { reason } => self.with(|watcher| watcher.ended(reason_of(reason))),
        }
    }

    /// A binary message came. It is opened where it lies.
    pub fn binary(&mut self, bytes: &mut [u8], now: Timestamp) {
        if bytes.len() > MAX_BINARY_BYTES {
            return self.come_back(Duration::ZERO, now);
        }
        if self.connected {
            self.pulse.beat(now);
            self.with(|watcher| watcher.received(bytes, now));
        }
    }

    fn refused(&mut self, refusal: Refusal, now: Timestamp) {
        if self.place.is_some() && refusal.kind.may_pass() {
            return self.come_back(Duration::ZERO, now);
        }
        let reason = self.way.reason_of(refusal.kind);
        self.outputs.push_back(JoinerOutput::Refused(refusal));
        self.end(reason);
    }

    fn with(&mut self, act: impl FnOnce(&mut Watcher)) {
        if let Some(watcher) = &mut self.watcher {
            act(watcher);
        }
    }

    /// An update was painted, which took so long from its last byte's arrival.
    pub fn painted(&mut self, sequence: u64, held_us: u64) {
        self.with(|watcher| watcher.painted(sequence, held_us));
    }

    /// The decoder lost the thread.
    pub fn resync(&mut self) {
        self.with(Watcher::resync);
    }

    /// What the decoder holds, after [`JoinerOutput::Back`], as [`Watcher::back`] takes it.
    pub fn holds(&mut self, held: Option<(Size, Vec<u32>)>) {
        if self.connected {
            self.with(|watcher| watcher.back(held));
        }
    }

    /// Where the person looks.
    pub fn focus(&mut self, rect: Option<Rect>) {
        self.with(|watcher| watcher.focus(rect));
    }

    /// The person points or draws.
    pub fn mark(&mut self, mark: Mark) {
        self.with(|watcher| watcher.mark(mark));
    }

    /// The person wants no pictures for now, or wants them again.
    pub fn pause(&mut self, paused: bool) {
        self.with(|watcher| watcher.pause(paused));
    }

    /// The person leaves.
    pub fn leave(&mut self) {
        match &mut self.watcher {
            Some(watcher) => watcher.leave(),
            None => self.end(EndReason::WatcherLeft),
        }
    }

    /// Time passes.
    pub fn tick(&mut self, now: Timestamp) {
        self.with(|watcher| watcher.tick(now));
        if self.join_due.is_some_and(|due| due <= now) {
            self.come_back(Duration::ZERO, now);
        }
        match self.pulse.tick(now) {
            Silence::Ask => {
                let text = serde_json::to_string(&JoinerSays::Ping {}).ok().map(Message::Text);
                self.outputs.extend(text.map(JoinerOutput::Send));
            }
            Silence::Dead => self.come_back(Duration::ZERO, now),
            Silence::Short => {}
        }
    }

    /// When [`Joiner::tick`] has something to do next.
    #[must_use]
    pub fn next_tick(&self) -> Option<Timestamp> {
        let watcher = self.watcher.as_ref().filter(|_| !self.over).and_then(Watcher::next_tick);
        watcher.into_iter().chain(self.join_due).chain(self.pulse.next_tick()).min()
    }

    /// What is to be done next; `None` until something happens.
    pub fn poll(&mut self) -> Option<JoinerOutput> {
        loop {
            if let Some(output) = self.outputs.pop_front() {
                return Some(output);
            }
            if self.over {
                return None;
            }
            let output = self.watcher.as_mut()?.poll()?;
            if let Some(output) = self.told(output) {
                return Some(output);
            }
        }
    }

    fn told(&mut self, output: WatcherOutput) -> Option<JoinerOutput> {
        Some(match output {
            WatcherOutput::Send(bytes) if self.connected => JoinerOutput::Send(Message::Binary(bytes)),
            WatcherOutput::Send(_) => return None,
            WatcherOutput::Sealed => JoinerOutput::Sealed,
            WatcherOutput::Asking => JoinerOutput::Asking,
            WatcherOutput::Allowed { source } => JoinerOutput::Allowed { source },
            WatcherOutput::State { state, source } => JoinerOutput::State { state, source },
            WatcherOutput::Packet { starts_over, bytes } => JoinerOutput::Packet { starts_over, bytes },
            // What it holds was said with its proof.
            WatcherOutput::Back => return None,
            WatcherOutput::Ended(reason) => {
                self.end(reason);
                return None;
            }
        })
    }

    fn end(&mut self, reason: EndReason) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        self.pulse.end();
        self.join_due = None;
        self.outputs.retain(|output| !matches!(output, JoinerOutput::Connect { .. }));
        if std::mem::take(&mut self.connected) {
            self.outputs.push_back(JoinerOutput::Disconnect);
        }
        self.outputs.push_back(JoinerOutput::Ended(reason));
    }
}
