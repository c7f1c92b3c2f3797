//! The visitor's side: a pipeline, a session with whoever is let in, and a room at a relay that survives cuts.

use crate::consent::{Answers, Ask};
use crate::failure::Failure;
use crate::link::{Backoff, Link, RelayUrl, text};
use crate::sources::printable;
use crate::status::{Rate, Reporter, TICK, tenth};
use panecast::capture::mask::MaskSet;
use panecast::capture::{self, SourceSpec};
use panecast::frame::Timestamp;
use panecast::pipeline::{Audience, Output, Pipeline, PipelineConfig, PipelineStats, StreamState};
use panecast::session::seal::{KeyOffer, TypedKey};
use panecast::session::{
    CaptureGrant, Consent, Decision, Door, DoorId, EndReason, Lane, Question, Sharer, SharerOutput, ViewerId,
};
use panecast::{Error, ErrorKind, Limits};
use panecast_protocol::{
    DEFAULT_TENANT, Door as DoorName, Ended, FromJoiner, HostSays, MAX_BINARY_BYTES, NewDoor, OpenDoor,
    PROTOCOL_VERSION, Parcel, ParcelKind, Refusal, RefusalKind, RefuseReason, RelayToHost, RoomProof,
};
use serde_json::json;
use std::collections::{BTreeSet, VecDeque};
use std::pin::Pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;
use tokio::time::{Instant, interval_at, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;

/// Outputs between pipeline and socket. The pipeline sends a few updates and waits; the rest is cursors.
const MOST_QUEUED: usize = 64;

/// How long a relay may take to give a room.
const ROOM_WITHIN: Duration = Duration::from_secs(10);

/// How long the last words may take.
const GOODBYE_WITHIN: Duration = Duration::from_secs(2);

/// What is shared, with whom, how fast.
pub(crate) struct Share {
    pub(crate) relay: RelayUrl,
    pub(crate) source: SourceSpec,
    pub(crate) ask: Ask,
    pub(crate) masks: MaskSet,
    pub(crate) config: PipelineConfig,
}

/// Why a connection ended.
enum Left {
    /// The relay is gone; come back, after so long at least.
    Cut(Duration),
    /// The visitor stopped.
    Stopped,
    /// The source ended or failed.
    Ended(panecast::Result<()>),
    /// The relay turned the visitor away.
    Refused(Refusal),
}

/// Shares until `stop` is ready, the source ends, or the relay refuses. `on_key` is told of each link for agents.
pub(crate) async fn share(
    share: Share,
    reporter: &mut Reporter,
    stop: impl Future<Output = ()>,
    on_key: impl FnMut(&str),
) -> Result<(), Failure> {
    let (sink, outputs) = mpsc::channel(MOST_QUEUED);
    let Share { relay, source, ask, masks, mut config } = share;
    // What seals a packet and what names whom it is for must fit beside it.
    config.encoder.limits.packet_bytes = MAX_BINARY_BYTES - 1024;
    let limits = Limits { record_bytes: MAX_BINARY_BYTES - 64, ..config.encoder.limits };
    let began_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut visitor = Visitor {
        relay,
        source,
        ask,
        masks,
        config,
        limits,
        sharer: Sharer::new(began_s, limits)?,
        began: Instant::now(),
        pipeline: None,
        sink: Some(sink),
        outputs,
        reporter,
        room: None,
        key: None,
        admitted: BTreeSet::new(),
        questions: VecDeque::new(),
        answers: Answers::default(),
        queue: VecDeque::new(),
        state: None,
        ended: None,
        rates: Rates::new(),
        on_key,
    };
    if ask == Ask::AlreadyAllowed {
        // The word was given on the command line; a source that cannot be opened is told of at once.
        let grant =
            Consent::ask(visitor.source.purpose(), visitor.source.to_string()).answer(Decision::Allow)?;
        visitor.start(grant).await?;
    }
    let result = visitor.run(Box::pin(stop)).await;
    visitor.reporter.end_line();
    let Visitor { pipeline, outputs, .. } = visitor;
    // With nobody to take its outputs the pipeline cannot be stuck in one.
    drop(outputs);
    let _ = tokio::task::spawn_blocking(move || drop(pipeline)).await;
    result
}

struct Rates {
    updates: Rate,
    bytes: Rate,
}

impl Rates {
    fn new() -> Self {
        Self { updates: Rate::new(), bytes: Rate::new() }
    }
}

struct Visitor<'a, R> {
    relay: RelayUrl,
    source: SourceSpec,
    ask: Ask,
    masks: MaskSet,
    config: PipelineConfig,
    limits: Limits,
    sharer: Sharer,
    /// When the session's clock began.
    began: Instant,
    /// There is none before the first Allow.
    pipeline: Option<Pipeline>,
    sink: Option<mpsc::Sender<Output>>,
    outputs: mpsc::Receiver<Output>,
    reporter: &'a mut Reporter,
    room: Option<RoomProof>,
    /// The door of the key that is shown.
    key: Option<DoorId>,
    admitted: BTreeSet<ViewerId>,
    questions: VecDeque<Question>,
    answers: Answers,
    /// What goes to the relay next.
    queue: VecDeque<Message>,
    /// What the pipeline said last.
    state: Option<StreamState>,
    ended: Option<panecast::Result<()>>,
    rates: Rates,
    on_key: R,
}

impl<R: FnMut(&str)> Visitor<'_, R> {
    async fn run(&mut self, mut stop: Pin<Box<impl Future<Output = ()>>>) -> Result<(), Failure> {
        let entered = tokio::select! {
            () = &mut stop => return Ok(()),
            entered = self.enter() => entered,
        };
        let mut link = match entered {
            Ok(link) => link,
            Err(NoRoom::Unreachable(e)) => return Err(e.into()),
            Err(NoRoom::Refused(refusal)) => return Err(refused(&self.relay, &refusal)),
        };
        let mut backoff = Backoff::default();
        loop {
            let left = self.serve(&mut link, &mut stop).await;
            let (at_least, end) = match left {
                Left::Cut(at_least) => (at_least, None),
                Left::Refused(refusal) if refusal.kind == RefusalKind::TooManyTries => (Duration::ZERO, None),
                Left::Refused(refusal) => return Err(refused(&self.relay, &refusal)),
                Left::Stopped => (Duration::ZERO, Some((EndReason::SharerStopped, Ok(())))),
                Left::Ended(Ok(())) => (Duration::ZERO, Some((EndReason::SourceEnded, Ok(())))),
                Left::Ended(Err(e)) => (Duration::ZERO, Some((end_reason(&e), Err(e)))),
            };
            if let Some((reason, how)) = end {
                self.say_goodbye(link, reason).await;
                return Ok(how?);
            }
            self.sharer.cut(self.now());
            self.queue.clear();
            self.drain().await?;
            self.queue.clear();
            self.reporter.event("the relay is gone; trying to come back", json!({ "event": "relay-lost" }));
            link = loop {
                let wait = sleep(backoff.next_wait().max(at_least));
                tokio::pin!(wait);
                loop {
                    tokio::select! {
                        () = &mut stop => return Ok(()),
                        () = &mut wait => break,
                        // What was on its way to the lost connection is for nobody.
                        output = self.outputs.recv() => match output {
                            Some(Output::State(state)) => self.state = Some(state),
                            Some(Output::Ended(how)) => return Ok(how?),
                            Some(Output::Packet { .. }) => {}
                            None => return Ok(()),
                        },
                    }
                }
                self.sharer.tick(self.now());
                self.drain().await?;
                self.queue.clear();
                let entered = tokio::select! {
                    () = &mut stop => return Ok(()),
                    entered = self.enter() => entered,
                };
                match entered {
                    Ok(link) => break link,
                    Err(NoRoom::Unreachable(_)) => {}
                    // The room is gone, and with it everybody's place.
                    Err(NoRoom::Refused(r)) if r.kind == RefusalKind::Unavailable => self.room = None,
                    Err(NoRoom::Refused(r)) if r.kind == RefusalKind::Version => {
                        return Err(refused(&self.relay, &r));
                    }
                    Err(NoRoom::Refused(_)) => {}
                }
            };
            backoff = Backoff::default();
        }
    }

    /// Tells everybody that it is over.
    async fn say_goodbye(&mut self, link: Link, reason: EndReason) {
        if let Some(pipeline) = &self.pipeline {
            pipeline.pause();
        }
        self.sharer.end(reason);
        let _ = self.drain().await;
        let words = async {
            while let Some(message) = self.queue.pop_front() {
                if link.outgoing.send(message).await.is_err() {
                    return;
                }
            }
        };
        let _ = timeout(GOODBYE_WITHIN, words).await;
        link.say(&HostSays::End { reason: told(reason) }).await;
        link.close().await;
        let name = reason.name();
        self.reporter.event(&reason.to_string(), json!({ "event": "end", "reason": name }));
    }

    fn now(&self) -> Timestamp {
        Timestamp::from(self.began.elapsed())
    }

    /// Opens the source, now that it is allowed.
    async fn start(&mut self, grant: CaptureGrant) -> Result<(), Failure> {
        let Some(sink) = self.sink.take() else { return Ok(()) };
        let (source, config) = (self.source.clone(), self.config);
        let starting = tokio::task::spawn_blocking(move || {
            Pipeline::start(
                grant,
                move |grant| capture::open(&source, grant),
                config,
                move |output| {
                    // Once the receiver is gone the share is over.
                    let _ = sink.blocking_send(output);
                },
            )
        });
        let started = starting.await.map_err(|e| Failure::new(e.to_string(), "see the message above"))?;
        let pipeline = started?;
        // Nothing is captured before an agent watches, so they are on from the first picture.
        pipeline.set_masks(std::mem::take(&mut self.masks));
        self.pipeline = Some(pipeline);
        Ok(())
    }

    /// Connects and gets a room: the old one if there was one and a relay still knows it or takes it.
    async fn enter(&mut self) -> Result<Link, NoRoom> {
        let mut link = Link::connect(&self.relay, "/ws/host").await.map_err(NoRoom::Unreachable)?;
        link.say(&HostSays::Hello {
            protocol: PROTOCOL_VERSION,
            tenant: DEFAULT_TENANT.to_owned(),
            token: None,
            resume: self.room.clone(),
        })
        .await;
        let answer = timeout(ROOM_WITHIN, link.incoming.next()).await.ok().flatten();
        let room = match answer.as_ref().and_then(parse) {
            Some(RelayToHost::Room { room, secret }) => RoomProof { room, secret },
            Some(RelayToHost::Refused(refusal)) => return Err(NoRoom::Refused(refusal)),
            _ => return Err(NoRoom::Unreachable(self.relay.no_relay())),
        };
        if self.room.as_ref() == Some(&room) {
            self.reporter.event("the relay is back", json!({ "event": "relay-back" }));
        }
        self.room = Some(room);
        // A relay that was started anew knows no earlier key.
        self.ask_for_key();
        Ok(link)
    }

    fn ask_for_key(&mut self) {
        self.key = None;
        self.tell_relay(&HostSays::Open { door: NewDoor::Key {} });
    }

    fn tell_relay(&mut self, says: &HostSays) {
        self.queue.extend(text(says));
    }

    /// Serves one connection until it ends, whoever ends it.
    async fn serve(&mut self, link: &mut Link, stop: &mut Pin<Box<impl Future<Output = ()>>>) -> Left {
        let mut ticks = interval_at(Instant::now() + TICK, TICK);
        loop {
            if let Err(e) = self.drain().await {
                self.reporter.event(e.message(), json!({ "event": "failure", "message": e.message() }));
                return Left::Ended(Err(Error::new(ErrorKind::Io, e.message())));
            }
            if let Some(how) = self.ended.take() {
                return Left::Ended(how);
            }
            let due = self.sharer.next_tick().map(|at| self.began + Duration::from_micros(at.micros()));
            tokio::select! {
                () = stop.as_mut() => return Left::Stopped,
                message = link.incoming.next() => match message {
                    Some(message) => {
                        if let Some(left) = self.hear(message) {
                            return left;
                        }
                    }
                    None => return Left::Cut(Duration::ZERO),
                },
                slot = link.outgoing.reserve(), if !self.queue.is_empty() => match (slot, self.queue.pop_front()) {
                    (Ok(slot), Some(message)) => slot.send(message),
                    _ => return Left::Cut(Duration::ZERO),
                },
                // What is new waits where it can still be replaced by what is newer.
                output = self.outputs.recv(), if self.queue.is_empty() => match output {
                    Some(Output::Packet { to: Audience::All, bytes, .. }) => self.sharer.packet(&bytes),
                    Some(Output::Packet { to: Audience::One(viewer), bytes, .. }) => {
                        self.sharer.packet_for(viewer, &bytes);
                    }
                    Some(Output::State(state)) => {
                        self.state = Some(state);
                        self.sharer.state(state, &self.source.to_string());
                    }
                    Some(Output::Ended(how)) => return Left::Ended(how),
                    None => return Left::Ended(Err(Error::new(ErrorKind::Io, "the pipeline is gone"))),
                },
                decision = self.answers.next(), if !self.questions.is_empty() => self.answer(decision).await,
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.sharer.tick(self.now()),
                _ = ticks.tick() => self.tell(),
            }
        }
    }

    fn hear(&mut self, message: Message) -> Option<Left> {
        let now = self.now();
        if let Message::Binary(bytes) = &message {
            let FromJoiner { joiner, bytes } = FromJoiner::parse(bytes)?;
            self.sharer.received(ViewerId(joiner), &mut bytes.to_vec(), now);
            return None;
        }
        // What this version does not know, a newer relay may say: it changes nothing.
        match parse(&message)? {
            RelayToHost::Opened { door: OpenDoor::Key { number, .. } } => self.show_key(&number, now),
            RelayToHost::Closed { door: DoorName::Key { number }, .. } => {
                if let Some(id) = door_id(&number) {
                    self.sharer.close(id);
                    self.closed(id);
                }
            }
            RelayToHost::Came { joiner, resumed: true, .. } => self.sharer.came_back(ViewerId(joiner), now),
            RelayToHost::Came { joiner, door: Some(DoorName::Key { number }), .. } => {
                if let Some(id) = door_id(&number) {
                    self.sharer.came(ViewerId(joiner), id, now);
                }
            }
            RelayToHost::Left { joiner } => self.sharer.away(ViewerId(joiner), now),
            RelayToHost::Behind { joiner } => self.sharer.behind(ViewerId(joiner)),
            RelayToHost::Ready { joiner } => self.sharer.ready(ViewerId(joiner)),
            RelayToHost::GoingAway { after_ms } => {
                return Some(Left::Cut(Duration::from_millis(after_ms.into())));
            }
            RelayToHost::NotOpened { kind, message } => {
                return Some(Left::Refused(Refusal { kind, message }));
            }
            RelayToHost::Refused(refusal) => return Some(Left::Refused(refusal)),
            RelayToHost::Room { .. }
            | RelayToHost::Opened { .. }
            | RelayToHost::Closed { .. }
            | RelayToHost::Came { .. } => {}
        }
        None
    }

    /// Adds to the relay's number the digits that it never sees, and shows the key.
    fn show_key(&mut self, number: &str, now: Timestamp) {
        let Some(id) = door_id(number) else { return };
        let offer = TypedKey::draw(id.0 as u16)
            .and_then(|key| KeyOffer::new(key, None, DEFAULT_TENANT, now, &self.limits));
        match offer {
            Ok(offer) => {
                let key = offer.key().to_string();
                let url = self.relay.agent_url(&key.replace(' ', ""));
                self.sharer.open(id, Door::Key(offer));
                self.key = Some(id);
                let text = format!("key       {key}\nagent     {url}");
                self.reporter.event(&text, json!({ "event": "key", "key": key, "url": url }));
                (self.on_key)(&url);
            }
            Err(e) => self.ended = Some(Err(e.into())),
        }
    }

    /// One key is open at a time; the next is for the next agent.
    fn closed(&mut self, id: DoorId) {
        if self.key == Some(id) {
            self.ask_for_key();
        }
    }

    /// Carries out what the session wants.
    async fn drain(&mut self) -> Result<(), Failure> {
        while let Some(output) = self.sharer.poll() {
            match output {
                SharerOutput::Send { to, lane, bytes } => {
                    let kind = match lane {
                        Lane::Control => ParcelKind::Control,
                        Lane::Stream => ParcelKind::Packet,
                        Lane::StartsOver => ParcelKind::StartsOver,
                    };
                    let parcel = Parcel { joiner: to.map(|viewer| viewer.0), kind, bytes: &bytes };
                    self.queue.push_back(Message::binary(parcel.to_bytes()));
                }
                SharerOutput::Admit(viewer) => {
                    // One that is back has never been sent away.
                    if self.admitted.insert(viewer) {
                        self.tell_relay(&HostSays::Admit { joiner: viewer.0 });
                    }
                }
                SharerOutput::Close(id) => {
                    self.tell_relay(&HostSays::Close { door: DoorName::Key { number: number(id) } });
                    self.closed(id);
                }
                SharerOutput::Dismiss(viewer, reason) => {
                    let says = match self.admitted.contains(&viewer) {
                        true => HostSays::Dismiss { joiner: viewer.0, reason: told(reason) },
                        false => HostSays::Refuse { joiner: viewer.0, reason: RefuseReason::WrongKey },
                    };
                    self.tell_relay(&says);
                }
                SharerOutput::Ask(question) => self.question(question).await?,
                SharerOutput::Viewer(event) => {
                    if let Some(pipeline) = &self.pipeline {
                        pipeline.viewer(event);
                    }
                }
                SharerOutput::Mark(viewer, mark) => {
                    let mark = format!("{mark:?}");
                    self.reporter.fact(json!({ "event": "mark", "agent": viewer.0, "mark": mark }));
                }
                SharerOutput::Left { viewer, who, reason } => {
                    self.admitted.remove(&viewer);
                    self.questions.retain(|question| question.viewer != viewer);
                    let facts = json!({ "event": "agent-left", "agent": viewer.0, "name": who, "reason": reason.name() });
                    let who = if who.is_empty() { "somebody" } else { &who };
                    self.reporter.event(&format!("{} left: {reason}", printable(who)), facts);
                }
                SharerOutput::Ended(_) => {}
            }
        }
        Ok(())
    }

    /// An agent asks; the visitor is told who and what.
    async fn question(&mut self, question: Question) -> Result<(), Failure> {
        let known = if question.proven { "" } else { " (the name is not proven)" };
        let text = format!("{}{known} asks to see {}", printable(&question.who), question.purpose);
        let facts = json!({
            "event": "question",
            "agent": question.viewer.0,
            "name": question.who,
            "proven": question.proven,
        });
        self.reporter.event(&text, facts);
        self.questions.push_back(question);
        match self.ask {
            Ask::AlreadyAllowed => self.answer(Decision::Allow).await,
            Ask::Terminal => self.answers.prompt(&self.source),
        }
        Ok(())
    }

    /// The visitor's word about the oldest question.
    async fn answer(&mut self, decision: Decision) {
        let Some(question) = self.questions.pop_front() else { return };
        let (purpose, source) = (self.source.purpose(), self.source.to_string());
        match self.sharer.answer(question.viewer, decision, purpose, &source) {
            Ok(grant) => {
                if let Err(e) = self.start(grant).await {
                    self.ended = Some(Err(Error::new(ErrorKind::Io, e.message())));
                }
                if let Some(state) = self.state {
                    self.sharer.state(state, &source);
                }
            }
            Err(e) if e.kind() == ErrorKind::Denied => {
                self.reporter.event("declined", json!({ "event": "declined", "agent": question.viewer.0 }));
            }
            // It left meanwhile.
            Err(_) => {}
        }
        if !self.questions.is_empty() {
            self.answers.prompt(&self.source);
        }
    }

    fn tell(&mut self) {
        if self.ask == Ask::Terminal && !self.questions.is_empty() {
            // The line is the question's.
            return;
        }
        let stats = self.pipeline.as_ref().map_or_else(PipelineStats::default, Pipeline::stats);
        let fps = self.rates.updates.look(stats.updates_sent);
        let kbits = self.rates.bytes.look(stats.bytes_sent) * 8.0 / 1000.0;
        let state = match self.state {
            _ if stats.viewers == 0 => "waiting",
            Some(state) => state.name(),
            None => "live",
        };
        let (dirty, exact) = (stats.dirty_ratio * 100.0, stats.exact_ratio * 100.0);
        let masked = stats.masked_ratio * 100.0;
        let hidden = if masked > 0.0 { format!("{masked:5.1} % masked  ") } else { String::new() };
        let text = format!(
            "{state:<8}{fps:4.1} fps {kbits:7.0} kbit/s {dirty:5.1} % dirty {exact:5.1} % exact  {hidden}encode {:.1} ms  \
             round trip {:.0} ms  agents {}",
            stats.encode_ms, stats.round_trip_ms, stats.viewers
        );
        let facts = json!({
            "event": "status",
            "state": state,
            "fps": tenth(fps),
            "kbit_per_s": tenth(kbits),
            "dirty_percent": tenth(dirty),
            "exact_percent": tenth(exact),
            "masked_percent": tenth(masked),
            "target_kbit_per_s": tenth(stats.target_bitrate as f32 / 1000.0),
            "queueing_ms": tenth(stats.queueing_ms),
            "encode_ms": tenth(stats.encode_ms),
            "round_trip_ms": tenth(stats.round_trip_ms),
            "agents": stats.viewers,
            "frames_captured": stats.frames_captured,
            "updates_sent": stats.updates_sent,
            "refinements_sent": stats.refinements_sent,
            "bytes_sent": stats.bytes_sent,
        });
        self.reporter.status(&text, facts);
    }
}

/// Why there is no room.
enum NoRoom {
    Unreachable(crate::link::Unreachable),
    Refused(Refusal),
}

fn parse(message: &Message) -> Option<RelayToHost> {
    serde_json::from_str(message.to_text().ok()?).ok()
}

/// A door is numbered as the relay numbers its key.
fn door_id(number: &str) -> Option<DoorId> {
    let digits =
        number.len() == panecast_protocol::NUMBER_DIGITS && number.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| number.parse().ok().map(DoorId))?
}

fn number(id: DoorId) -> String {
    format!("{:04}", id.0)
}

/// What the relay is told of an end; the agent is told more, within the seal.
fn told(reason: EndReason) -> Ended {
    match reason {
        EndReason::SharerStopped => Ended::HostStopped,
        EndReason::SourceEnded => Ended::SourceEnded,
        EndReason::SourceFailed | EndReason::Failed => Ended::SourceFailed,
        EndReason::Tampered => Ended::Tampered,
        _ => Ended::Dismissed,
    }
}

/// A closed window is the source's end; everything else is a failure.
fn end_reason(e: &Error) -> EndReason {
    match e.kind() {
        ErrorKind::Closed => EndReason::SourceEnded,
        ErrorKind::Revoked => EndReason::SharerStopped,
        _ => EndReason::SourceFailed,
    }
}

/// The relay's refusal as this command's failure.
pub(crate) fn refused(relay: &RelayUrl, refusal: &Refusal) -> Failure {
    let next = match refusal.kind {
        RefusalKind::WrongKey => "ask the visitor for the key that is shown now; each is good for one agent",
        RefusalKind::Full => "try again later, or start the relay with higher limits",
        RefusalKind::Version => "install the same version of panecast on both sides",
        RefusalKind::BadMessage => {
            "install the same version of panecast on both sides, and report it if they are"
        }
        RefusalKind::TooManyTries => "wait a minute, then check the key",
        RefusalKind::Declined => "ask the other side whether it wants to",
        RefusalKind::Unavailable => "try again once the other side is there",
        RefusalKind::NotAllowed => "check the tenant and its token",
    };
    Failure::new(format!("{} refuses: {}", relay.name(), printable(&refusal.message)), next)
}
