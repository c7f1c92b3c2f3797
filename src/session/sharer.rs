//! The sharing end: who knocks, who is asked about, who watches, what is told to whom. No socket, no clock.
//!
//! ```text
//! came ─▶ shaking hands ─▶ sealed ─▶ asks ─▶ (the person decides) ─▶ watching ─▶ left
//!                                                     │                 │  ▲
//!                                                     └─▶ declined      ▼  │ cut, back
//!                                                                      away
//! ```
//!
//! Everything that happens is told by a method; what is to be done comes out of [`Sharer::poll`] until it is `None`.

use super::door::{self, Answered, Door, DoorId};
use super::message::{SharerSays, WatcherSays};
use super::record;
use super::seal::{AgentPublic, Pair, RESUME_LASTS, ResumeOffer, Resumed, SealError, StreamSealer};
use super::{CaptureGrant, Consent, Decision, EndReason, Mark, Purpose, StreamState, ViewerId};
use crate::error::{Error, Result};
use crate::frame::{Rect, Size, Timestamp};
use crate::limits::Limits;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// How long shaking hands may take.
pub const SHAKE_WITHIN: Duration = Duration::from_secs(30);

/// How long a question may stay unanswered.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(120);

/// How long a watcher that was cut off may stay away.
pub const BACK_WITHIN: Duration = RESUME_LASTS;

/// How long who asks may stay away before the question is withdrawn: the person must not be left before a question that
/// nobody asks any more. Long enough for a short cut, since a key that was used is used up.
pub const ASKER_BACK_WITHIN: Duration = Duration::from_secs(10);

/// Most watchers at a time, those that only shake hands included.
pub const MOST_WATCHERS: usize = 64;

/// How bytes for a watcher wait at a transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// In order, never dropped.
    Control,
    /// A packet for all that follow: a transport that cannot keep it drops all that wait, and says so.
    Stream,
    /// A snapshot: it replaces all packets that still wait for this watcher, and from it on it follows.
    StartsOver,
}

/// What the sharing end wants done.
#[derive(Debug)]
pub enum SharerOutput {
    /// Bytes for the transport; `None` for all watchers that follow.
    Send {
        /// Whom they are for.
        to: Option<ViewerId>,
        /// How they wait.
        lane: Lane,
        /// Opaque to everybody but that end.
        bytes: Vec<u8>,
    },
    /// The watcher proved itself: the transport may let it stay.
    Admit(ViewerId),
    /// Nobody comes in by this door any more.
    Close(DoorId),
    /// The transport shall send it away, after what was sent.
    Dismiss(ViewerId, EndReason),
    /// To the person who decides: shall this be shared? [`Sharer::answer`] takes the word.
    Ask(Question),
    /// For the pipeline.
    Viewer(ViewerEvent),
    /// A watcher points or draws.
    Mark(ViewerId, Mark),
    /// A watcher's part is over. All its marks go.
    Left {
        /// Which.
        viewer: ViewerId,
        /// What it called itself.
        who: String,
        /// Why.
        reason: EndReason,
    },
    /// All is over; nothing follows.
    Ended(EndReason),
}

/// A question to the person whose pixels they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Who asks, as the transport counts them.
    pub viewer: ViewerId,
    /// Who asks.
    pub who: String,
    /// Whether a pass of the tenant proves the name. Otherwise it is what the asker calls itself.
    pub proven: bool,
    /// The key of the pass, by which two agents of one name can be told apart; `None` without a pass.
    pub agent: Option<AgentPublic>,
    /// What it wants to see.
    pub purpose: Purpose,
}

/// What the pipeline is to be told; the pipeline takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViewerEvent {
    /// It needs a snapshot.
    Joined(ViewerId),
    /// It is back, and says what picture it holds: its size, and a hash for each tile.
    Resumed(ViewerId, Size, Vec<u32>),
    /// What was on its way to it was dropped.
    Behind(ViewerId),
    /// It watches no more.
    Left(ViewerId),
    /// It has painted an update.
    Painted {
        /// Which viewer.
        viewer: ViewerId,
        /// The update.
        sequence: u64,
        /// How long it took from the update's last byte.
        held: Duration,
    },
    /// What the watchers look at.
    Focus(Option<Rect>),
}

/// Somebody at the other end of the transport.
#[derive(Debug)]
struct Watcher {
    standing: Standing,
    part: Part,
    who: String,
    /// Whom its pass names; without a pass the name is what it calls itself.
    agent: Option<AgentPublic>,
    /// What it was allowed to see.
    source: String,
    /// When it came to where it stands.
    since: Timestamp,
    /// It is away because this end was cut off, with no fault of its own.
    cut_from_here: bool,
}

#[derive(Debug)]
enum Standing {
    /// In a door.
    Shaking(DoorId, Option<Answered>),
    Sealed(Box<Pair>),
    /// Cut off.
    Away(Box<ResumeOffer>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// It has not asked yet.
    Silent,
    Asking(Purpose),
    /// Allowed. `follows`: the pipeline counts it; otherwise it paused or is away.
    Watching {
        follows: bool,
    },
}

/// The sharing end of a session.
#[derive(Debug)]
pub struct Sharer {
    limits: Limits,
    /// The second since 1970 at which its clock began.
    began_s: u64,
    doors: BTreeMap<DoorId, Door>,
    watchers: BTreeMap<ViewerId, Watcher>,
    stream: StreamSealer,
    /// How the picture lives and what is shown, for those who come later.
    told: Option<(StreamState, String)>,
    ended: bool,
    outputs: VecDeque<SharerOutput>,
    scratch: Vec<u8>,
}

impl Sharer {
    /// Nobody is there. `began_s`: the second since 1970 at which the caller's clock was 0, for passes that expire.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::Io`] if the system gives no randomness.
    pub fn new(began_s: u64, limits: Limits) -> Result<Self> {
        Ok(Self {
            limits,
            began_s,
            doors: BTreeMap::new(),
            watchers: BTreeMap::new(),
            stream: StreamSealer::new(&limits)?,
            told: None,
            ended: false,
            outputs: VecDeque::new(),
            scratch: Vec::new(),
        })
    }

    /// Lets others in by `door` from now on.
    pub fn open(&mut self, id: DoorId, door: Door) {
        self.doors.insert(id, door);
    }

    /// Nobody is let in by this door any more; who came by it stays.
    pub fn close(&mut self, id: DoorId) {
        self.doors.remove(&id);
    }

    /// What is to be done next; `None` until something happens.
    pub fn poll(&mut self) -> Option<SharerOutput> {
        self.outputs.pop_front()
    }

    /// Somebody stands in a door.
    pub fn came(&mut self, viewer: ViewerId, door: DoorId, now: Timestamp) {
        // A number that is taken belongs to somebody who has left without a word.
        self.leave(viewer, EndReason::Lost);
        if self.ended {
            return;
        }
        if self.watchers.len() >= MOST_WATCHERS {
            return self.outputs.push_back(SharerOutput::Dismiss(viewer, EndReason::BrokeRules));
        }
        let standing = Standing::Shaking(door, None);
        let watcher = Watcher {
            standing,
            part: Part::Silent,
            who: String::new(),
            agent: None,
            source: String::new(),
            since: now,
            cut_from_here: false,
        };
        self.watchers.insert(viewer, watcher);
    }

    /// A watcher that was cut off is back; its first message proves it, before anything is sent.
    pub fn came_back(&mut self, viewer: ViewerId, now: Timestamp) {
        self.away(viewer, now);
        if !self.ended && !self.watchers.contains_key(&viewer) {
            self.outputs.push_back(SharerOutput::Dismiss(viewer, EndReason::Lost));
        }
    }

    /// Bytes from a watcher. They are opened where they lie.
    pub fn received(&mut self, viewer: ViewerId, bytes: &mut [u8], now: Timestamp) {
        if let Err(reason) = self.receive(viewer, bytes, now) {
            self.dismiss(viewer, reason);
        }
    }

    fn receive(
        &mut self,
        viewer: ViewerId,
        bytes: &mut [u8],
        now: Timestamp,
    ) -> std::result::Result<(), EndReason> {
        let Some(watcher) = self.watchers.get_mut(&viewer) else { return Ok(()) };
        match &mut watcher.standing {
            Standing::Shaking(id, answered) => {
                let (id, door) = (*id, self.doors.get_mut(id).ok_or(EndReason::Spent)?);
                let Some(before) = answered.take() else {
                    let (now_answered, bytes) = door.answer(bytes, now).map_err(door::reason)?;
                    *answered = Some(now_answered);
                    self.outputs.push_back(control(viewer, bytes));
                    return Ok(());
                };
                let now_s = self.began_s + now.0 / 1_000_000;
                let (pair, pass) = door.complete(before, bytes, now, now_s).map_err(door::reason)?;
                if let Some(pass) = pass {
                    (watcher.who, watcher.agent) = (pass.name().to_owned(), Some(pass.agent()));
                }
                (watcher.standing, watcher.since) = (Standing::Sealed(Box::new(pair)), now);
                self.outputs.push_back(SharerOutput::Admit(viewer));
                self.close_if_spent(id);
                Ok(())
            }
            Standing::Sealed(pair) => {
                let (kind, plain) = pair.open(bytes).map_err(door::reason)?;
                if kind != record::CONTROL {
                    return Err(EndReason::BrokeRules);
                }
                let says = WatcherSays::read(plain).map_err(|_| EndReason::BrokeRules)?;
                self.hear(viewer, says, now)
            }
            Standing::Away(offer) => match offer.accept(bytes, now) {
                Ok(Resumed { pair, words, answer }) => {
                    (watcher.standing, watcher.since) = (Standing::Sealed(Box::new(pair)), now);
                    self.outputs.push_back(control(viewer, answer));
                    self.outputs.push_back(SharerOutput::Admit(viewer));
                    let says = WatcherSays::read(&words).map_err(|_| EndReason::BrokeRules)?;
                    self.hear(viewer, says, now)
                }
                Err(SealError::Expired | SealError::Spent) => Err(EndReason::Lost),
                // What was still on its way when the connection was cut comes first and proves nothing.
                Err(_) => Ok(()),
            },
        }
    }

    /// Closes a door by which nobody can come in, once nobody stands in it.
    fn close_if_spent(&mut self, id: DoorId) {
        let stands = |w: &Watcher| matches!(w.standing, Standing::Shaking(door, _) if door == id);
        if self.doors.get(&id).is_some_and(Door::is_spent) && !self.watchers.values().any(stands) {
            self.doors.remove(&id);
            self.outputs.push_back(SharerOutput::Close(id));
        }
    }

    /// A watcher is told how the picture lives.
    fn greet(&mut self, viewer: ViewerId) {
        let Some((state, source)) = self.told.clone() else { return };
        if self.watchers.get(&viewer).is_some_and(|w| matches!(w.part, Part::Watching { .. })) {
            self.say(viewer, &SharerSays::State { state, source });
        }
    }

    fn hear(
        &mut self,
        viewer: ViewerId,
        says: WatcherSays,
        now: Timestamp,
    ) -> std::result::Result<(), EndReason> {
        let Some(watcher) = self.watchers.get_mut(&viewer) else { return Ok(()) };
        match (says, watcher.part) {
            (WatcherSays::Leave(_), _) => self.leave(viewer, EndReason::WatcherLeft),
            (WatcherSays::Ask { who, purpose }, Part::Silent) => {
                if watcher.agent.is_none() {
                    watcher.who = who;
                }
                (watcher.part, watcher.since) = (Part::Asking(purpose), now);
                let (who, agent) = (watcher.who.clone(), watcher.agent);
                self.say(viewer, &SharerSays::Asking);
                let question = Question { viewer, who, proven: agent.is_some(), agent, purpose };
                self.outputs.push_back(SharerOutput::Ask(question));
            }
            // Asked before a cut: the answer, or that there is none yet, was lost on its way.
            (WatcherSays::Ask { .. }, Part::Asking(_)) => self.say(viewer, &SharerSays::Asking),
            (WatcherSays::Ask { .. }, Part::Watching { follows: false }) => self.welcome(viewer),
            (says, Part::Watching { follows }) => self.watches(viewer, says, follows)?,
            _ => return Err(EndReason::BrokeRules),
        }
        Ok(())
    }

    fn watches(
        &mut self,
        viewer: ViewerId,
        says: WatcherSays,
        follows: bool,
    ) -> std::result::Result<(), EndReason> {
        let event = match says {
            WatcherSays::Painted { sequence, held_us } => {
                ViewerEvent::Painted { viewer, sequence, held: Duration::from_micros(held_us) }
            }
            WatcherSays::Focus(rect) => ViewerEvent::Focus(rect),
            WatcherSays::Resync => {
                self.follow(viewer, true);
                self.greet(viewer);
                ViewerEvent::Joined(viewer)
            }
            WatcherSays::Holds(..) if follows => return Err(EndReason::BrokeRules),
            WatcherSays::Holds(size, tiles) => {
                self.follow(viewer, true);
                self.greet(viewer);
                ViewerEvent::Resumed(viewer, size, tiles)
            }
            WatcherSays::Pause(paused) => {
                self.follow(viewer, !paused);
                if paused { ViewerEvent::Left(viewer) } else { ViewerEvent::Joined(viewer) }
            }
            WatcherSays::Mark(mark) => {
                self.outputs.push_back(SharerOutput::Mark(viewer, mark));
                return Ok(());
            }
            WatcherSays::Ask { .. } | WatcherSays::Leave(_) => return Err(EndReason::BrokeRules),
        };
        self.outputs.push_back(SharerOutput::Viewer(event));
        Ok(())
    }

    fn follow(&mut self, viewer: ViewerId, follows: bool) {
        if let Some(watcher) = self.watchers.get_mut(&viewer) {
            watcher.part = Part::Watching { follows };
        }
    }

    /// A watcher that was allowed begins to watch.
    fn welcome(&mut self, viewer: ViewerId) {
        let Some(watcher) = self.watchers.get(&viewer) else { return };
        let source = watcher.source.clone();
        self.follow(viewer, true);
        self.say(viewer, &SharerSays::Allowed { source });
        self.greet(viewer);
        self.outputs.push_back(SharerOutput::Viewer(ViewerEvent::Joined(viewer)));
    }

    /// The person's word about a question, and what the person chose to show: `source` is an id as
    /// [`crate::capture::SourceInfo::id`] has it. Allowing gives the grant that capture needs; whoever shares that source
    /// already and allows one watcher more may drop it.
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
        let Some(watcher) = self.watchers.get_mut(&viewer).filter(|w| matches!(w.part, Part::Asking(_)))
        else {
            return Err(Error::input(format!("viewer {} asks nothing", viewer.0)));
        };
        match Consent::ask(purpose, source).answer(decision) {
            Ok(grant) => {
                watcher.source = source.to_owned();
                watcher.part = Part::Watching { follows: false };
                match watcher.standing {
                    Standing::Sealed(_) => self.welcome(viewer),
                    // It is told when it is back.
                    Standing::Away(..) | Standing::Shaking(..) => {}
                }
                Ok(grant)
            }
            Err(e) => {
                self.dismiss(viewer, EndReason::Declined);
                Err(e)
            }
        }
    }

    /// A packet of the pipeline for one viewer: a snapshot, or what it lacks.
    pub fn packet_for(&mut self, viewer: ViewerId, packet: &[u8]) {
        let Some(watcher) = self.watchers.get_mut(&viewer) else { return };
        let (Part::Watching { follows: true }, Standing::Sealed(pair)) =
            (watcher.part, &mut watcher.standing)
        else {
            return;
        };
        self.scratch.clear();
        self.scratch.extend_from_slice(&*self.stream.key().to_bytes());
        self.scratch.extend_from_slice(packet);
        let mut bytes = vec![record::REPLACEABLE];
        match pair.seal_replaceable(record::SNAPSHOT, &self.scratch, &mut bytes) {
            Ok(()) => {
                let to = Some(viewer);
                self.outputs.push_back(SharerOutput::Send { to, lane: Lane::StartsOver, bytes });
            }
            Err(e) => self.dismiss(viewer, door::reason(e)),
        }
        self.scratch.fill(0);
    }

    /// A packet of the pipeline for all viewers that have had their snapshot.
    pub fn packet(&mut self, packet: &[u8]) {
        let follows = |w: &Watcher| w.part == (Part::Watching { follows: true });
        if self.ended || !self.watchers.values().any(follows) {
            return;
        }
        let mut bytes = vec![record::STREAM];
        match self.stream.seal(record::PACKET, packet, &mut bytes) {
            Ok(()) => self.outputs.push_back(SharerOutput::Send { to: None, lane: Lane::Stream, bytes }),
            Err(_) => self.end(EndReason::Failed),
        }
    }

    /// The picture lives differently, or something else is shown.
    pub fn state(&mut self, state: StreamState, source: &str) {
        let told = (state, source.to_owned());
        if self.ended || self.told.as_ref() == Some(&told) {
            return;
        }
        self.told = Some(told);
        let watching: Vec<ViewerId> = self.watching().collect();
        watching.into_iter().for_each(|viewer| self.greet(viewer));
    }

    /// Nothing is shown any more: who comes later hears nothing of it.
    pub fn nothing_shown(&mut self) {
        self.told = None;
    }

    /// The transport has dropped what was on its way to a viewer.
    pub fn behind(&mut self, viewer: ViewerId) {
        self.tell(viewer, ViewerEvent::Behind(viewer));
    }

    /// After [`Sharer::behind`], it takes bytes again.
    pub fn ready(&mut self, viewer: ViewerId) {
        self.tell(viewer, ViewerEvent::Joined(viewer));
    }

    fn tell(&mut self, viewer: ViewerId, event: ViewerEvent) {
        if self.watchers.get(&viewer).is_some_and(|w| w.part == (Part::Watching { follows: true })) {
            self.outputs.push_back(SharerOutput::Viewer(event));
        }
    }

    /// The connection to one watcher is cut; it may come back.
    pub fn away(&mut self, viewer: ViewerId, now: Timestamp) {
        let Some(watcher) = self.watchers.get_mut(&viewer) else { return };
        watcher.cut_from_here &= matches!(watcher.standing, Standing::Away(..));
        let broken = Standing::Shaking(DoorId(u32::MAX), None);
        let offer = match std::mem::replace(&mut watcher.standing, broken) {
            Standing::Sealed(pair) => pair
                .into_ticket()
                .and_then(|ticket| ResumeOffer::new(ticket, now, &self.limits))
                .map(Box::new)
                .map_err(door::reason),
            Standing::Shaking(..) => Err(EndReason::Lost),
            Standing::Away(offer) => {
                watcher.standing = Standing::Away(offer);
                return;
            }
        };
        let offer = match offer {
            Ok(offer) => offer,
            Err(reason) => return self.leave(viewer, reason),
        };
        (watcher.standing, watcher.since) = (Standing::Away(offer), now);
        if let Part::Watching { follows: true } = watcher.part {
            watcher.part = Part::Watching { follows: false };
            self.outputs.push_back(SharerOutput::Viewer(ViewerEvent::Left(viewer)));
            self.rekey();
        }
    }

    /// The connection to the relay is cut, and so to everybody.
    pub fn cut(&mut self, now: Timestamp) {
        let all: Vec<ViewerId> = self.watchers.keys().copied().collect();
        all.into_iter().for_each(|viewer| self.away(viewer, now));
        self.watchers.values_mut().for_each(|watcher| watcher.cut_from_here = true);
    }

    /// Sends a watcher away.
    pub fn dismiss(&mut self, viewer: ViewerId, reason: EndReason) {
        let Some(watcher) = self.watchers.get(&viewer) else { return };
        // Who has proved nothing learns nothing: wrong, too old and used up look alike.
        let told =
            if matches!(watcher.standing, Standing::Shaking(..)) { EndReason::WrongKey } else { reason };
        self.say(viewer, &SharerSays::End(told));
        self.outputs.push_back(SharerOutput::Dismiss(viewer, told));
        self.leave(viewer, reason);
    }

    /// A watcher is gone for good.
    pub fn left(&mut self, viewer: ViewerId) {
        self.leave(viewer, EndReason::WatcherLeft);
    }

    fn leave(&mut self, viewer: ViewerId, reason: EndReason) {
        let Some(watcher) = self.watchers.remove(&viewer) else { return };
        if let Standing::Shaking(id, _) = watcher.standing {
            self.close_if_spent(id);
        }
        if let Part::Watching { follows } = watcher.part {
            if follows {
                self.outputs.push_back(SharerOutput::Viewer(ViewerEvent::Left(viewer)));
            }
            // Who left reads nothing that comes after, whatever still reaches it.
            self.rekey();
        }
        self.outputs.push_back(SharerOutput::Left { viewer, who: watcher.who, reason });
    }

    /// All is over, for this reason.
    pub fn end(&mut self, reason: EndReason) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let all: Vec<ViewerId> = self.watchers.keys().copied().collect();
        for viewer in all {
            self.dismiss(viewer, reason);
        }
        self.outputs.push_back(SharerOutput::Ended(reason));
    }

    /// A new key for the stream, told to those who follow.
    fn rekey(&mut self) {
        if self.stream.rotate().is_err() {
            return self.end(EndReason::Failed);
        }
        let key = self.stream.key().to_bytes();
        let following: Vec<ViewerId> = self.watching().collect();
        for viewer in following {
            self.seal_for(viewer, record::KEY, &*key);
        }
    }

    /// Who was allowed and has not left, those that were cut off included.
    pub fn watchers(&self) -> impl Iterator<Item = ViewerId> + '_ {
        let allowed = |w: &Watcher| matches!(w.part, Part::Watching { .. });
        self.watchers.iter().filter(move |(_, w)| allowed(w)).map(|(viewer, _)| *viewer)
    }

    fn watching(&self) -> impl Iterator<Item = ViewerId> + '_ {
        let present =
            |w: &Watcher| matches!((&w.standing, w.part), (Standing::Sealed(_), Part::Watching { .. }));
        self.watchers.iter().filter(move |(_, w)| present(w)).map(|(viewer, _)| *viewer)
    }

    fn say(&mut self, viewer: ViewerId, says: &SharerSays) {
        let mut plain = Vec::new();
        says.write(&mut plain);
        self.seal_for(viewer, record::CONTROL, &plain);
    }

    fn seal_for(&mut self, viewer: ViewerId, kind: u8, plain: &[u8]) {
        let Some(Watcher { standing: Standing::Sealed(pair), .. }) = self.watchers.get_mut(&viewer) else {
            return;
        };
        let mut bytes = vec![record::PAIR];
        // A pair that has failed is told of where it failed.
        if pair.seal(kind, plain, &mut bytes).is_ok() {
            self.outputs.push_back(control(viewer, bytes));
        }
    }

    /// Time passes: who took too long is sent away.
    pub fn tick(&mut self, now: Timestamp) {
        let late: Vec<(ViewerId, EndReason)> = self
            .watchers
            .iter()
            .filter(|(_, w)| due(w).is_some_and(|due| due <= now))
            .map(|(viewer, w)| (*viewer, overdue(w)))
            .collect();
        for (viewer, reason) in late {
            self.dismiss(viewer, reason);
        }
    }

    /// When [`Sharer::tick`] has something to do next.
    #[must_use]
    pub fn next_tick(&self) -> Option<Timestamp> {
        self.watchers.values().filter_map(due).min()
    }
}

fn control(viewer: ViewerId, bytes: Vec<u8>) -> SharerOutput {
    SharerOutput::Send { to: Some(viewer), lane: Lane::Control, bytes }
}

/// Until when a watcher may stay where it stands.
fn due(watcher: &Watcher) -> Option<Timestamp> {
    let within = match (&watcher.standing, watcher.part) {
        (Standing::Shaking(..), _) => SHAKE_WITHIN,
        (Standing::Away(..), Part::Silent | Part::Asking(_)) if !watcher.cut_from_here => ASKER_BACK_WITHIN,
        (Standing::Away(..), _) => BACK_WITHIN,
        (Standing::Sealed(_), Part::Silent) => SHAKE_WITHIN,
        (Standing::Sealed(_), Part::Asking(_)) => ANSWER_WITHIN,
        (Standing::Sealed(_), Part::Watching { .. }) => return None,
    };
    Some(watcher.since + within)
}

fn overdue(watcher: &Watcher) -> EndReason {
    match (&watcher.standing, watcher.part) {
        (Standing::Away(..), _) => EndReason::Lost,
        (Standing::Sealed(_), Part::Asking(_)) => EndReason::NoAnswer,
        _ => EndReason::TimedOut,
    }
}
