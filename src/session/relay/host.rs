//! The sharing end with a room at a relay.

use super::first::{First, Opened};
use super::pulse::{Pulse, Silence};
use super::{Doors, LinkKind, Message, Presence, Refusal, RefusalKind, Retry, fitting, told};
use crate::error::{Error, Result};
use crate::frame::Timestamp;
use crate::limits::Limits;
use crate::session::seal::LinkSecret;
use crate::session::{
    CaptureGrant, Decision, DoorId, EndReason, Lane, Mark, Purpose, Question, Sharer, SharerOutput,
    StreamState, ViewerEvent, ViewerId,
};
use panecast_protocol::{
    Door as DoorName, DoorEnd, FromJoiner, HostSays, MAX_BINARY_BYTES, MAX_TEXT_BYTES, OpenDoor,
    PROTOCOL_VERSION, Parcel, ParcelKind, RefuseReason, RelayToHost, RoomProof, is_tenant_name,
};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// How long a relay may take to give a room.
const ROOM_WITHIN: Duration = Duration::from_secs(10);

/// What a host wants done, or has learnt.
#[derive(Debug)]
pub enum HostOutput {
    /// Connect to the relay's [`super::HOST_PATH`] after so long, then call [`Host::connected`], or [`Host::early`] before and
    /// [`Host::opened`] then; where that fails, [`Host::disconnected`].
    Connect {
        /// How long to wait before.
        after: Duration,
    },
    /// For the connection.
    Send(Message),
    /// Close the connection, once what came before is sent.
    Disconnect,
    /// A key is open: show it to the visitor, who reads it out to an agent. The one before is of no use any more.
    Key {
        /// Nine digits in groups of three.
        key: String,
        /// How long the relay keeps it.
        lasts: Duration,
    },
    /// A link is open: what stands behind the `#` of its URL.
    Link {
        /// The link's text.
        text: String,
        /// Who has it needs a key besides, the one that was told last.
        with_key: bool,
    },
    /// The relay knows the link that somebody else has drawn: that one is waited for.
    Waiting,
    /// Agents with a pass may ask by the visitor's id.
    Present {
        /// The id.
        visitor: String,
    },
    /// Another device is this visitor now.
    TakenOver {
        /// The id.
        visitor: String,
    },
    /// Shall this be shown? [`Host::answer`] takes the word.
    Ask(Question),
    /// For the pipeline.
    Viewer(ViewerEvent),
    /// A watcher points or draws.
    Mark(ViewerId, Mark),
    /// A watcher's part is over, or nobody needs to be asked any more about one who asked.
    Left {
        /// Which.
        viewer: ViewerId,
        /// What it called itself.
        who: String,
        /// Why.
        reason: EndReason,
    },
    /// The relay does not take this host; [`HostOutput::Ended`] follows.
    Refused(Refusal),
    /// All is over; nothing follows.
    Ended(EndReason),
}

/// How the connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// A connection was asked for.
    Waiting,
    /// It is there since then, and the relay has not answered.
    Greeted(Timestamp),
    /// The room is there.
    Served,
    Over,
}

/// The sharing end with a room at a relay. Outputs come out of [`Host::poll`] until it is `None`; time is an argument.
#[derive(Debug)]
pub struct Host {
    tenant: String,
    sharer: Sharer,
    doors: Doors,
    line: Line,
    retry: Retry,
    first: First,
    pulse: Pulse,
    room: Option<RoomProof>,
    admitted: BTreeSet<ViewerId>,
    outputs: VecDeque<HostOutput>,
}

impl Host {
    /// With `keys`, an agent may come by a key, which is told as [`HostOutput::Key`] and replaced when it is used or too old;
    /// with `presence`, agents with a pass may ask. `began_s`: the second since 1970 at which the caller's clock was 0.
    /// `limits` are made to fit what relays carry ([`fitting`]).
    ///
    /// # Errors
    /// - [`crate::ErrorKind::Io`] where there is no randomness.
    /// - [`crate::ErrorKind::InvalidInput`] if `tenant` is empty or too long.
    pub fn new(
        tenant: &str,
        keys: bool,
        presence: Option<Presence>,
        began_s: u64,
        limits: Limits,
    ) -> Result<Self> {
        if !is_tenant_name(tenant) {
            return Err(Error::input("a tenant's name has 1 to 255 bytes and no control characters"));
        }
        let limits = fitting(limits);
        let mut sharer = Sharer::new(began_s, limits)?;
        let doors = Doors::new(tenant.to_owned(), limits, keys, presence);
        doors.open_presence(&mut sharer).map_err(Error::from)?;
        Ok(Self {
            tenant: tenant.to_owned(),
            sharer,
            doors,
            line: Line::Waiting,
            retry: Retry::default(),
            first: First::default(),
            pulse: Pulse::default(),
            room: None,
            admitted: BTreeSet::new(),
            outputs: VecDeque::from([HostOutput::Connect { after: Duration::ZERO }]),
        })
    }

    /// Draws a link, in place of one before; it is told as [`HostOutput::Link`] once the relay has it, and drawn anew when it is
    /// used up or too old. With [`LinkKind::WithKeys`], keys from now on are good together with the link alone.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::Io`] where there is no randomness.
    /// - [`crate::ErrorKind::InvalidInput`] for [`LinkKind::Taken`], which [`Host::take_link`] is for.
    pub fn open_link(&mut self, kind: LinkKind, now: Timestamp) -> Result<()> {
        if matches!(kind, LinkKind::Taken) {
            return Err(Error::input("a link that somebody else has drawn is taken, not opened"));
        }
        if let Some(door) = self.doors.draw_link(kind, &mut self.sharer, now).map_err(Error::from)? {
            self.say_served(&HostSays::Open { door });
        }
        Ok(())
    }

    /// Lets in the one who has drawn this link and sent it here, once.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::Io`] where there is no randomness.
    pub fn take_link(&mut self, link: LinkSecret, now: Timestamp) -> Result<()> {
        self.doors.take_link(link, &mut self.sharer, now).map_err(Error::from)?;
        if let Some(door) = self.doors.link_door(now) {
            self.say_served(&HostSays::Open { door });
        }
        Ok(())
    }

    /// Before a connection is opened: the entries of `Sec-WebSocket-Protocol` that its request is to have, with the first message
    /// among them; none if it is to have no such header. Then call [`Host::opened`] in place of [`Host::connected`]. `token`: who
    /// this is, where the tenant asks for it.
    pub fn early(&mut self, token: Option<String>) -> Vec<String> {
        if self.line != Line::Waiting {
            return Vec::new();
        }
        if self.first.is_offered() {
            return self.first.entries();
        }
        let says = self.hello(token);
        // What is made of strings and numbers can be written.
        serde_json::to_string(&says).map_or_else(|_| Vec::new(), |hello| self.first.offer(hello, None))
    }

    /// The connection that [`Host::early`] was asked for is there, by the sub-protocol that the answer names.
    pub fn opened(&mut self, protocol: Option<&str>, now: Timestamp) {
        if self.line != Line::Waiting {
            return;
        }
        if !self.first.is_offered() {
            return self.connected(None, now);
        }
        self.line = Line::Greeted(now);
        self.retry.connected(now);
        match self.first.opened(protocol) {
            Opened::Rest(messages) => self.outputs.extend(messages.into_iter().map(HostOutput::Send)),
            Opened::NotTaken => {
                self.come_back(Duration::ZERO, now);
                // That happens once; it says nothing about the relay's health.
                self.retry = Retry::default();
            }
        }
    }

    /// The connection is there. `token`: who this is, where the tenant asks for it.
    pub fn connected(&mut self, token: Option<String>, now: Timestamp) {
        if self.line != Line::Waiting {
            return;
        }
        if self.first.is_offered() {
            return self.opened(None, now);
        }
        self.line = Line::Greeted(now);
        self.retry.connected(now);
        let says = self.hello(token);
        self.say(&says);
    }

    fn hello(&self, token: Option<String>) -> HostSays {
        HostSays::Hello {
            protocol: PROTOCOL_VERSION,
            tenant: self.tenant.clone(),
            token,
            resume: self.room.clone(),
        }
    }

    /// Bytes come or go that are no whole message yet: the relay is there. For apps whose WebSocket tells.
    pub fn alive(&mut self, now: Timestamp) {
        self.pulse.beat(now);
    }

    /// The connection is gone, or there was none to be had. Another one is asked for.
    pub fn disconnected(&mut self, now: Timestamp) {
        self.come_back(Duration::ZERO, now);
    }

    fn come_back(&mut self, at_least: Duration, now: Timestamp) {
        if self.line == Line::Over {
            return;
        }
        let lost = self.line != Line::Waiting;
        self.line = Line::Waiting;
        self.retry.cut(now);
        self.first.cut();
        self.pulse.end();
        self.sharer.cut(now);
        // What was on its way to the lost connection is for nobody.
        self.outputs.retain(|output| !matches!(output, HostOutput::Send(_) | HostOutput::Connect { .. }));
        if lost {
            self.outputs.push_back(HostOutput::Disconnect);
        }
        self.outputs.push_back(HostOutput::Connect { after: self.retry.next_wait().max(at_least) });
    }

    /// A text message came.
    pub fn text(&mut self, text: &str, now: Timestamp) {
        self.pulse.beat(now);
        if text.len() > MAX_TEXT_BYTES {
            return self.come_back(Duration::ZERO, now);
        }
        // What this version does not know, a newer relay may say: it changes nothing.
        let Ok(says) = serde_json::from_str::<RelayToHost>(text) else { return };
        match (self.line, says) {
            (Line::Greeted(_), RelayToHost::Room { room, secret }) => {
                self.settle(RoomProof { room, secret }, now)
            }
            (Line::Greeted(_) | Line::Served, RelayToHost::Refused(refusal)) => self.refused(refusal, now),
            (Line::Greeted(_) | Line::Served, RelayToHost::GoingAway { after_ms }) => {
                self.come_back(Duration::from_millis(after_ms.into()), now);
            }
            (Line::Served, says) => self.hear(says, now),
            _ => {}
        }
    }

    /// A binary message came. It is opened where it lies.
    pub fn binary(&mut self, bytes: &mut [u8], now: Timestamp) {
        if bytes.len() > MAX_BINARY_BYTES {
            return self.come_back(Duration::ZERO, now);
        }
        self.pulse.beat(now);
        let Some(FromJoiner { joiner, .. }) = FromJoiner::parse(bytes) else { return };
        if self.line == Line::Served {
            self.sharer.received(ViewerId(joiner), &mut bytes[FromJoiner::HEADER_BYTES..], now);
        }
    }

    fn settle(&mut self, room: RoomProof, now: Timestamp) {
        self.line = Line::Served;
        self.pulse.begin(now);
        self.room = Some(room);
        // A relay that was started anew knows no earlier door.
        for door in self.doors.all(now) {
            self.say(&HostSays::Open { door });
        }
    }

    fn refused(&mut self, refusal: Refusal, now: Timestamp) {
        let passes = match (refusal.kind, &self.room) {
            // A link that was sent here and is used up stays so.
            (
                RefusalKind::Version | RefusalKind::BadMessage | RefusalKind::NotAllowed | RefusalKind::Spent,
                _,
            ) => false,
            // The room is gone, and with it everybody's place.
            (RefusalKind::Unavailable, Some(_)) => {
                self.room = None;
                true
            }
            (RefusalKind::TooManyTries, _) => true,
            (_, room) => room.is_some(),
        };
        if passes {
            return self.come_back(Duration::ZERO, now);
        }
        self.give_up(refusal);
    }

    fn give_up(&mut self, refusal: Refusal) {
        self.line = Line::Waiting;
        self.pulse.end();
        let spent = refusal.kind == RefusalKind::Spent;
        self.outputs.extend([HostOutput::Refused(refusal), HostOutput::Disconnect]);
        self.sharer.end(if spent { EndReason::Spent } else { EndReason::Failed });
    }

    fn hear(&mut self, says: RelayToHost, now: Timestamp) {
        match says {
            RelayToHost::Opened { door: OpenDoor::Key { number, expires_in_s } } => {
                match self.doors.open_key(&number, &mut self.sharer, now) {
                    Ok(Some(key)) => {
                        let lasts = Duration::from_secs(expires_in_s.into());
                        self.outputs.push_back(HostOutput::Key { key, lasts });
                        if self.doors.keys_need_link() {
                            self.tell_link();
                        }
                    }
                    Ok(None) => {}
                    Err(_) => self.sharer.end(EndReason::Failed),
                }
            }
            RelayToHost::Opened { door: OpenDoor::Presence { visitor } } => {
                self.outputs.push_back(HostOutput::Present { visitor });
            }
            RelayToHost::Opened { door: OpenDoor::Link { .. } } if self.doors.takes_link() => {
                self.outputs.push_back(HostOutput::Waiting);
            }
            RelayToHost::Opened { door: OpenDoor::Link { id, .. } } => {
                if self.doors.shows_link(&id) {
                    self.tell_link();
                }
            }
            RelayToHost::NotOpened { kind: RefusalKind::TooManyTries, .. } => {
                self.come_back(Duration::ZERO, now);
            }
            // Another host has it, or it is used up: asking again changes nothing.
            RelayToHost::NotOpened { kind, message } => self.give_up(Refusal { kind, message }),
            RelayToHost::Closed { door: DoorName::Presence { visitor }, reason: DoorEnd::TakenOver } => {
                self.doors.give_presence_up(&mut self.sharer);
                self.outputs.push_back(HostOutput::TakenOver { visitor });
                self.end_if_useless(EndReason::Dismissed);
            }
            RelayToHost::Closed { door, .. } => {
                if let Some(id) = self.doors.id(&door) {
                    self.sharer.close(id);
                    self.replace(id, now);
                    self.end_if_useless(EndReason::Expired);
                }
            }
            RelayToHost::Came { joiner, resumed: true, .. } => self.sharer.came_back(ViewerId(joiner), now),
            RelayToHost::Came { joiner, door: Some(door), .. } => {
                if let Some(id) = self.doors.id(&door) {
                    self.sharer.came(ViewerId(joiner), id, now);
                }
            }
            RelayToHost::Left { joiner } => self.sharer.away(ViewerId(joiner), now),
            RelayToHost::Behind { joiner } => self.sharer.behind(ViewerId(joiner)),
            RelayToHost::Ready { joiner } => self.sharer.ready(ViewerId(joiner)),
            RelayToHost::Room { .. }
            | RelayToHost::Pong {}
            | RelayToHost::Came { .. }
            | RelayToHost::GoingAway { .. }
            | RelayToHost::Refused(_) => {}
        }
    }

    fn tell_link(&mut self) {
        if let Some(text) = self.doors.link_text() {
            let with_key = self.doors.keys_need_link();
            self.outputs.push_back(HostOutput::Link { text, with_key });
        }
    }

    /// Opens another door in place of one that is closed.
    fn replace(&mut self, closed: DoorId, now: Timestamp) {
        let next = match self.doors.link_at(closed) {
            Some(kind) => match self.doors.draw_link(kind, &mut self.sharer, now) {
                Ok(door) => door,
                Err(_) => return self.sharer.end(EndReason::Failed),
            },
            None => self.doors.after(closed),
        };
        if let Some(door) = next {
            self.say_served(&HostSays::Open { door });
        }
    }

    /// Where nobody can come in any more and nobody is in, it is over.
    fn end_if_useless(&mut self, reason: EndReason) {
        if !self.doors.any() && self.admitted.is_empty() {
            self.sharer.end(reason);
        }
    }

    /// The person's word about a question, as [`Sharer::answer`] takes it.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::Denied`] for [`Decision::Deny`]; the watcher is told and sent away.
    /// - [`crate::ErrorKind::InvalidInput`] if this watcher asks nothing (any more).
    pub fn answer(
        &mut self,
        viewer: ViewerId,
        decision: Decision,
        purpose: Purpose,
        source: &str,
    ) -> Result<CaptureGrant> {
        self.sharer.answer(viewer, decision, purpose, source)
    }

    /// A packet of the pipeline for all viewers that have had their snapshot.
    pub fn packet(&mut self, packet: &[u8]) {
        self.sharer.packet(packet);
    }

    /// A packet of the pipeline for one viewer.
    pub fn packet_for(&mut self, viewer: ViewerId, packet: &[u8]) {
        self.sharer.packet_for(viewer, packet);
    }

    /// The picture lives differently, or something else is shown.
    pub fn state(&mut self, state: StreamState, source: &str) {
        self.sharer.state(state, source);
    }

    /// Nothing is shown any more: who comes later hears nothing of it.
    pub fn nothing_shown(&mut self) {
        self.sharer.nothing_shown();
    }

    /// Sends a watcher away.
    pub fn dismiss(&mut self, viewer: ViewerId, reason: EndReason) {
        self.sharer.dismiss(viewer, reason);
    }

    /// Who was allowed and has not left, those that were cut off included.
    pub fn watchers(&self) -> impl Iterator<Item = ViewerId> + '_ {
        self.sharer.watchers()
    }

    /// All is over: everybody is told, and the room is given up.
    pub fn end(&mut self, reason: EndReason) {
        self.sharer.end(reason);
    }

    /// Time passes.
    pub fn tick(&mut self, now: Timestamp) {
        self.sharer.tick(now);
        if let Line::Greeted(since) = self.line
            && since + ROOM_WITHIN <= now
        {
            self.come_back(Duration::ZERO, now);
        }
        match self.pulse.tick(now) {
            Silence::Ask => self.say(&HostSays::Ping {}),
            Silence::Dead => self.come_back(Duration::ZERO, now),
            Silence::Short => {}
        }
    }

    /// When [`Host::tick`] has something to do next.
    #[must_use]
    pub fn next_tick(&self) -> Option<Timestamp> {
        let room = match self.line {
            Line::Greeted(since) => Some(since + ROOM_WITHIN),
            Line::Waiting | Line::Served | Line::Over => None,
        };
        self.sharer.next_tick().into_iter().chain(room).chain(self.pulse.next_tick()).min()
    }

    /// What is to be done next; `None` until something happens.
    pub fn poll(&mut self, now: Timestamp) -> Option<HostOutput> {
        loop {
            if let Some(output) = self.outputs.pop_front() {
                return Some(output);
            }
            let output = self.sharer.poll()?;
            self.carry_out(output, now);
        }
    }

    fn carry_out(&mut self, output: SharerOutput, now: Timestamp) {
        match output {
            SharerOutput::Send { to, lane, bytes } => {
                let kind = match lane {
                    Lane::Control => ParcelKind::Control,
                    Lane::Stream => ParcelKind::Packet,
                    Lane::StartsOver => ParcelKind::StartsOver,
                };
                let parcel = Parcel { joiner: to.map(|viewer| viewer.0), kind, bytes: &bytes };
                if self.line == Line::Served {
                    self.outputs.push_back(HostOutput::Send(Message::Binary(parcel.to_bytes())));
                }
            }
            SharerOutput::Admit(viewer) => {
                // One that is back has never been sent away.
                if self.admitted.insert(viewer) {
                    self.say_served(&HostSays::Admit { joiner: viewer.0 });
                }
            }
            SharerOutput::Close(id) => {
                if let Some(door) = self.doors.name(id) {
                    self.say_served(&HostSays::Close { door });
                }
                self.replace(id, now);
            }
            SharerOutput::Dismiss(viewer, reason) => {
                let says = match self.admitted.contains(&viewer) {
                    true => HostSays::Dismiss { joiner: viewer.0, reason: told(reason) },
                    false => HostSays::Refuse { joiner: viewer.0, reason: RefuseReason::WrongKey },
                };
                self.say_served(&says);
            }
            SharerOutput::Ask(question) => self.outputs.push_back(HostOutput::Ask(question)),
            SharerOutput::Viewer(event) => self.outputs.push_back(HostOutput::Viewer(event)),
            SharerOutput::Mark(viewer, mark) => self.outputs.push_back(HostOutput::Mark(viewer, mark)),
            SharerOutput::Left { viewer, who, reason } => {
                self.admitted.remove(&viewer);
                self.outputs.push_back(HostOutput::Left { viewer, who, reason });
                self.end_if_useless(EndReason::WatcherLeft);
            }
            SharerOutput::Ended(reason) => {
                if matches!(self.line, Line::Served | Line::Greeted(_)) {
                    self.say(&HostSays::End { reason: told(reason) });
                    self.outputs.push_back(HostOutput::Disconnect);
                }
                self.line = Line::Over;
                self.pulse.end();
                self.outputs.retain(|output| !matches!(output, HostOutput::Connect { .. }));
                self.outputs.push_back(HostOutput::Ended(reason));
            }
        }
    }

    fn say_served(&mut self, says: &HostSays) {
        if self.line == Line::Served {
            self.say(says);
        }
    }

    fn say(&mut self, says: &HostSays) {
        // What is made of strings and numbers can be written.
        let text = serde_json::to_string(says).ok().map(Message::Text);
        self.outputs.extend(text.map(HostOutput::Send));
    }
}
