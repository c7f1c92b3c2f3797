//! The visitor's side: a pipeline, a session with whoever is let in, and a room at a relay that survives cuts.

use crate::access::Access;
use crate::consent::{Answers, Ask, COMMANDS, Prompt, Said};
use crate::desk::{Desk, DeskArgs};
use crate::ending::{NoRoom, refused};
use crate::failure::Failure;
use crate::link::{Link, text};
use crate::mask_args::MaskArgs;
use crate::show::Shown;
use crate::sources::printable;
use crate::status::{Rates, Reporter, TICK, tenth};
use panecast::capture::{self, SourceSpec};
use panecast::frame::Timestamp;
use panecast::pipeline::{Audience, Output, Pipeline, PipelineConfig, PipelineStats, StreamState};
use panecast::session::relay::{Doors, Presence, Retry, told};
use panecast::session::seal::LinkSecret;
use panecast::session::{
    CaptureGrant, Consent, Decision, EndReason, Lane, Purpose, Question, Sharer, SharerOutput, ViewerId,
};
use panecast::{Error, ErrorKind, Limits};
use panecast_protocol::{
    Door as DoorName, DoorEnd, FromJoiner, HostSays, MAX_BINARY_BYTES, OpenDoor, PROTOCOL_VERSION, Parcel,
    ParcelKind, Refusal, RefusalKind, RefuseReason, RelayToHost, RoomProof,
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
    pub(crate) relay: Access,
    /// What is shown; `None`: the visitor chooses when somebody asks.
    pub(crate) source: Option<SourceSpec>,
    pub(crate) ask: Ask,
    pub(crate) masks: MaskArgs,
    pub(crate) config: PipelineConfig,
    /// Whether keys are told to agents.
    pub(crate) keys: bool,
    /// Whether agents with a pass may ask.
    pub(crate) presence: Option<Presence>,
    /// What is shown on the visitor's own screen, where there is one.
    pub(crate) desk: DeskArgs,
    /// The visitor may pause, resume and end on standard input.
    pub(crate) commands: bool,
    /// What is shown is one's own, to others who have a link.
    pub(crate) shown: Option<Shown>,
    /// A link that was sent here: its sender may ask, and nobody else.
    pub(crate) link: Option<LinkSecret>,
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
    /// Nobody can come in any more, and nobody is in.
    Useless(Failure),
}

/// Shares until `stop` is ready, the source ends, or the relay refuses. `on_key` is told of each link for agents.
pub(crate) async fn share(
    share: Share,
    reporter: &mut Reporter,
    stop: impl Future<Output = ()>,
    on_key: impl FnMut(&str),
) -> Result<(), Failure> {
    let (sink, outputs) = mpsc::channel(MOST_QUEUED);
    let Share { relay, source, ask, masks, mut config, keys, presence, desk, commands, shown, link } = share;
    // What seals a packet and what names whom it is for must fit beside it.
    config.encoder.limits.packet_bytes = MAX_BINARY_BYTES - 1024;
    let limits = Limits { record_bytes: MAX_BINARY_BYTES - 64, ..config.encoder.limits };
    let began_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut visitor = Visitor {
        doors: Doors::new(relay.tenant.clone(), limits, keys, presence),
        relay,
        chooses: source.is_none(),
        source,
        shown,
        ask,
        masks,
        config,
        sharer: Sharer::new(began_s, limits)?,
        began: Instant::now(),
        pipeline: None,
        desk: Desk::new(desk),
        sink: Some(sink),
        outputs,
        reporter,
        room: None,
        admitted: BTreeSet::new(),
        questions: VecDeque::new(),
        answers: Answers::default(),
        queue: VecDeque::new(),
        state: None,
        ended: None,
        rates: Rates::new(),
        on_key,
    };
    if commands {
        visitor.answers.listen();
    }
    visitor.doors.open_presence(&mut visitor.sharer).map_err(Error::from)?;
    if let Some(link) = link {
        visitor.doors.take_link(link, &mut visitor.sharer, Timestamp(0)).map_err(Error::from)?;
    }
    if let Some(shown) = &visitor.shown {
        visitor.doors.draw_link(shown.link, &mut visitor.sharer, Timestamp(0)).map_err(Error::from)?;
    }
    // Whoever shows the own screen has said so; who may come in is another question.
    let said = ask == Ask::AlreadyAllowed || visitor.shown.is_some();
    if let (true, Some(source)) = (said, &visitor.source) {
        // The word was given on the command line; a source that cannot be opened is told of at once.
        let grant = Consent::ask(source.purpose(), source.to_string()).answer(Decision::Allow)?;
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

struct Visitor<'a, R> {
    relay: Access,
    /// What is shown.
    source: Option<SourceSpec>,
    /// Whose it is, where it is shown to others who have a link.
    shown: Option<Shown>,
    /// The visitor chooses it anew whenever nobody watches any more.
    chooses: bool,
    ask: Ask,
    masks: MaskArgs,
    config: PipelineConfig,
    sharer: Sharer,
    doors: Doors,
    /// When the session's clock began.
    began: Instant,
    /// There is none before the first Allow.
    pipeline: Option<Pipeline>,
    desk: Desk,
    sink: Option<mpsc::Sender<Output>>,
    outputs: mpsc::Receiver<Output>,
    reporter: &'a mut Reporter,
    room: Option<RoomProof>,
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
            Err(NoRoom::NoToken(failure)) => return Err(failure),
        };
        let mut retry = Retry::default();
        loop {
            retry.connected(self.now());
            let left = self.serve(&mut link, &mut stop).await;
            retry.cut(self.now());
            let (at_least, end) = match left {
                Left::Cut(at_least) => (at_least, None),
                Left::Refused(refusal) if refusal.kind == RefusalKind::TooManyTries => (Duration::ZERO, None),
                Left::Refused(refusal) => return Err(refused(&self.relay, &refusal)),
                Left::Useless(failure) => {
                    self.say_goodbye(link, EndReason::SharerStopped).await;
                    return Err(failure);
                }
                Left::Stopped => (Duration::ZERO, Some((EndReason::SharerStopped, Ok(())))),
                Left::Ended(Ok(())) => (Duration::ZERO, Some((EndReason::SourceEnded, Ok(())))),
                Left::Ended(Err(e)) => (Duration::ZERO, Some((EndReason::of_source(&e), Err(e)))),
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
                let wait = sleep(retry.next_wait().max(at_least));
                tokio::pin!(wait);
                loop {
                    tokio::select! {
                        () = &mut stop => return Ok(()),
                        () = &mut wait => break,
                        said = self.answers.next() => match said {
                            Said::Pause => self.pause(),
                            Said::Resume => self.resume(),
                            Said::End => return Ok(()),
                            // Who asked is not there.
                            Said::Allow(_) | Said::Decline => {}
                        },
                        // What was on its way to the lost connection is for nobody.
                        output = self.outputs.recv() => match output {
                            Some(Output::State(state)) => self.state = Some(state),
                            Some(Output::Ended(how)) if self.chooses => self.source_ended(how).await,
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
                    Err(NoRoom::Unreachable(_) | NoRoom::NoToken(_)) => {}
                    // The room is gone, and with it everybody's place.
                    Err(NoRoom::Refused(r)) if r.kind == RefusalKind::Unavailable => self.room = None,
                    Err(NoRoom::Refused(r)) if r.kind == RefusalKind::Version => {
                        return Err(refused(&self.relay, &r));
                    }
                    Err(NoRoom::Refused(_)) => {}
                }
            };
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
        let Some(source) = self.source.clone() else { return Ok(()) };
        let masks = self.masks.masks(&source)?;
        let Some(sink) = self.sink.take() else { return Ok(()) };
        let config = self.config;
        let options = self.desk.options();
        let starting = tokio::task::spawn_blocking(move || {
            Pipeline::start(
                grant,
                move |grant| capture::open_with(&source, grant, &options),
                config,
                move |output| {
                    // Once the receiver is gone the share is over.
                    let _ = sink.blocking_send(output);
                },
            )
        });
        let started = starting.await.map_err(|e| Failure::new(e.to_string(), "see the message above"))?;
        let pipeline = match started {
            Ok(pipeline) => pipeline,
            Err(e) => {
                self.renew_sink();
                return Err(e.into());
            }
        };
        // Nothing is captured before an agent watches, so they are on from the first picture.
        pipeline.set_masks(masks);
        self.pipeline = Some(pipeline);
        if let Some(source) = &self.source {
            self.desk.open(source, self.reporter).await;
        }
        Ok(())
    }

    /// The next pipeline, if there is one, writes to a queue of its own.
    fn renew_sink(&mut self) {
        let (sink, outputs) = mpsc::channel(MOST_QUEUED);
        (self.sink, self.outputs) = (Some(sink), outputs);
    }

    /// Stops showing what the visitor chose, so that the next agent's question is about anything again.
    async fn stop_showing(&mut self) {
        let pipeline = self.pipeline.take();
        self.renew_sink();
        (self.source, self.state) = (None, None);
        self.sharer.nothing_shown();
        let _ = tokio::task::spawn_blocking(move || drop(pipeline)).await;
    }

    /// Connects and gets a room: the old one if there was one and a relay still knows it or takes it.
    async fn enter(&mut self) -> Result<Link, NoRoom> {
        let token = self.relay.token().map_err(NoRoom::NoToken)?;
        let hello = HostSays::Hello {
            protocol: PROTOCOL_VERSION,
            tenant: self.relay.tenant.clone(),
            token,
            resume: self.room.clone(),
        };
        let connected = Link::connect(&self.relay, "/ws/host", &hello, None).await;
        let mut link = connected.map_err(NoRoom::Unreachable)?;
        let answer = timeout(ROOM_WITHIN, link.incoming.next()).await.ok().flatten();
        let room = match answer.as_ref().and_then(parse) {
            Some(RelayToHost::Room { room, secret }) => RoomProof { room, secret },
            Some(RelayToHost::Refused(refusal)) => return Err(NoRoom::Refused(refusal)),
            _ => return Err(NoRoom::Unreachable(self.relay.url.no_relay())),
        };
        if self.room.as_ref() == Some(&room) {
            self.reporter.event("the relay is back", json!({ "event": "relay-back" }));
        }
        self.room = Some(room);
        // A relay that was started anew knows no earlier door.
        for door in self.doors.all(self.now()) {
            self.tell_relay(&HostSays::Open { door });
        }
        Ok(link)
    }

    /// What is shown, as those who watch are told.
    fn what(&self) -> Option<String> {
        let source = self.source.as_ref()?;
        Some(
            self.shown
                .as_ref()
                .map_or_else(|| source.to_string(), |shown| format!("{}'s screen", shown.name)),
        )
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
                    Some(Output::Packet { to, bytes, .. }) => {
                        self.desk.sent(to, &bytes);
                        match to {
                            Audience::All => self.sharer.packet(&bytes),
                            Audience::One(viewer) => self.sharer.packet_for(viewer, &bytes),
                        }
                    }
                    Some(Output::State(state)) => self.state_is(state),
                    Some(Output::Ended(how)) if self.chooses => self.source_ended(how).await,
                    Some(Output::Ended(how)) => return Left::Ended(how),
                    None => return Left::Ended(Err(Error::new(ErrorKind::Io, "the pipeline is gone"))),
                },
                said = self.answers.next() => match said {
                    Said::Allow(source) => self.answer(Some(source)).await,
                    Said::Decline => self.answer(None).await,
                    Said::Pause => self.pause(),
                    Said::Resume => self.resume(),
                    Said::End => return Left::Stopped,
                },
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
            RelayToHost::Opened { door: OpenDoor::Presence { visitor } } => {
                let text = format!("present   as {}: agents with a pass may ask", printable(&visitor));
                self.reporter.event(&text, json!({ "event": "present", "visitor": visitor }));
            }
            RelayToHost::Opened { door: OpenDoor::Link { .. } } if self.shown.is_none() => {
                let text = "waiting   for who has sent the link";
                self.reporter.event(text, json!({ "event": "waiting" }));
            }
            RelayToHost::Opened { door: OpenDoor::Link { id, .. } } if self.doors.shows_link(&id) => {
                self.show_link(None);
            }
            RelayToHost::Closed { door: DoorName::Presence { visitor }, reason: DoorEnd::TakenOver } => {
                return self.taken_over(&visitor);
            }
            RelayToHost::Closed { door: door @ (DoorName::Key { .. } | DoorName::Link { .. }), .. } => {
                if let Some(id) = self.doors.id(&door) {
                    self.sharer.close(id);
                    self.replace(id);
                    if !self.doors.any() && self.admitted.is_empty() {
                        let what = "nobody came by the link in time";
                        return Some(Left::Useless(Failure::new(what, "ask for a new link")));
                    }
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
            | RelayToHost::Came { .. }
            | RelayToHost::Pong {} => {}
        }
        None
    }

    /// Adds to the relay's number the digits that it never sees, and shows the key.
    fn show_key(&mut self, number: &str, now: Timestamp) {
        match self.doors.open_key(number, &mut self.sharer, now) {
            Ok(Some(key)) if self.shown.is_some() => self.show_link(Some(key)),
            Ok(Some(key)) => {
                let url = self.relay.url.agent_url(&self.relay.tenant, &key.replace(' ', ""));
                let text = format!("key       {key}\nagent     {url}");
                self.reporter.event(&text, json!({ "event": "key", "key": key, "url": url }));
                (self.on_key)(&url);
            }
            Ok(None) => {}
            Err(e) => self.ended = Some(Err(e.into())),
        }
    }

    /// Shows the URL for those who are to see the screen, and the key that the next of them needs.
    fn show_link(&mut self, key: Option<String>) {
        let Some(text) = self.doors.link_text() else { return };
        let url = self.relay.url.link_url(&self.relay.tenant, &text);
        let told = key.as_ref().map_or(String::new(), |key| format!("\nkey       {key}  (for the next one)"));
        self.reporter
            .event(&format!("link      {url}{told}"), json!({ "event": "link", "url": url, "key": key }));
        (self.on_key)(&url);
    }

    /// Another device has announced itself by this visitor's id.
    fn taken_over(&mut self, visitor: &str) -> Option<Left> {
        self.doors.give_presence_up(&mut self.sharer);
        let what = format!("{} is present on another device now", printable(visitor));
        self.reporter.event(&what, json!({ "event": "taken-over", "visitor": visitor }));
        let nobody = !self.doors.any() && self.admitted.is_empty();
        let next = "end the other one, or start with another --visitor-id";
        nobody.then(|| Left::Useless(Failure::new(what, next)))
    }

    fn replace(&mut self, closed: panecast::session::DoorId) {
        let now = self.now();
        let link = self.doors.link_at(closed);
        let next = match link.map(|kind| self.doors.draw_link(kind, &mut self.sharer, now)) {
            Some(Ok(door)) => door,
            Some(Err(e)) => return self.ended = Some(Err(e.into())),
            None => self.doors.after(closed),
        };
        if let Some(door) = next {
            self.tell_relay(&HostSays::Open { door });
        }
    }

    /// What the visitor chose is gone; everybody who saw it is told, and may ask again.
    async fn source_ended(&mut self, how: panecast::Result<()>) {
        let reason = how.as_ref().map_or_else(EndReason::of_source, |()| EndReason::SourceEnded);
        let watching: Vec<ViewerId> = self.sharer.watchers().collect();
        for viewer in watching {
            self.sharer.dismiss(viewer, reason);
        }
        let why = how.err().map_or_else(|| reason.to_string(), |e| e.message().to_owned());
        self.reporter.event(&why, json!({ "event": "source-ended", "reason": reason.name() }));
        self.stop_showing().await;
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
                    if let Some(door) = self.doors.name(id) {
                        self.tell_relay(&HostSays::Close { door });
                    }
                    self.replace(id);
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
                    let facts = json!({ "event": "mark", "agent": viewer.0, "mark": format!("{mark:?}") });
                    self.reporter.fact(facts);
                    self.desk.mark(viewer, mark);
                }
                SharerOutput::Left { viewer, who, reason } => {
                    self.admitted.remove(&viewer);
                    self.desk.left(viewer);
                    let stood = self.questions.front().is_some_and(|question| question.viewer == viewer);
                    self.questions.retain(|question| question.viewer != viewer);
                    let facts = json!({ "event": "agent-left", "agent": viewer.0, "name": who, "reason": reason.name() });
                    let who = if who.is_empty() { "somebody" } else { &who };
                    if stood {
                        self.answers.withdraw();
                    }
                    self.reporter.event(&format!("{} left: {reason}", printable(who)), facts);
                    if stood && !self.questions.is_empty() {
                        self.prompt();
                    }
                    if self.chooses && self.source.is_some() && self.sharer.watchers().next().is_none() {
                        self.stop_showing().await;
                    }
                    // A link that was used up lets in nobody else.
                    if !self.doors.any() && self.admitted.is_empty() && self.ended.is_none() {
                        self.ended = Some(Ok(()));
                    }
                }
                SharerOutput::Ended(_) => {}
            }
        }
        Ok(())
    }

    /// An agent asks; the visitor is told who and what.
    async fn question(&mut self, question: Question) -> Result<(), Failure> {
        let id = question.agent.map(|agent| agent.short());
        let known = match &id {
            Some(id) => format!(" ({id}, by a pass of {})", printable(&self.relay.tenant)),
            None => " (the name is not proven)".to_owned(),
        };
        let text = format!("{}{known} asks to see {}", printable(&question.who), question.purpose);
        let facts = json!({
            "event": "request",
            "agent": question.viewer.0,
            "name": question.who,
            "id": id,
            "purpose": question.purpose.name(),
            "proven": question.proven,
        });
        self.reporter.event(&text, facts);
        self.questions.push_back(question);
        match (self.ask, &self.source) {
            (Ask::AlreadyAllowed, Some(source)) => self.answer(Some(source.clone())).await,
            // One question at a time.
            _ if self.questions.len() == 1 => self.prompt(),
            _ => {}
        }
        Ok(())
    }

    /// Puts the oldest question.
    fn prompt(&mut self) {
        let Some(question) = self.questions.front() else { return };
        let prompt = match &self.source {
            Some(source) => Prompt::Whether(source.clone()),
            None => {
                let mut sources = tokio::task::block_in_place(capture::sources).unwrap_or_default();
                sources.retain(|s| s.id.parse().is_ok_and(|spec| self.masks.masks(&spec).is_ok()));
                Prompt::which(sources, question.purpose)
            }
        };
        for said in self.answers.take_typed() {
            match said {
                Said::Pause => self.pause(),
                Said::Resume => self.resume(),
                _ => {}
            }
        }
        self.answers.ask(prompt);
    }

    /// Nothing leaves from here on, and what was captured and not yet sent is dropped.
    fn pause(&mut self) {
        let Some(pipeline) = &self.pipeline else { return };
        pipeline.pause();
        while let Ok(output) = self.outputs.try_recv() {
            match output {
                Output::Packet { .. } => {}
                Output::State(state) => self.state_is(state),
                Output::Ended(how) => self.ended = Some(how),
            }
        }
        self.reporter.event("paused; type r and Enter to go on", json!({ "event": "paused" }));
    }

    fn resume(&mut self) {
        let Some(pipeline) = &self.pipeline else { return };
        pipeline.resume();
        self.reporter.event("shared again", json!({ "event": "resumed" }));
    }

    fn state_is(&mut self, state: StreamState) {
        self.state = Some(state);
        self.desk.state(state);
        if let Some(what) = self.what() {
            self.sharer.state(state, &what);
        }
    }

    /// The visitor's word about the oldest question: what is shown, or nothing.
    async fn answer(&mut self, allowed: Option<SourceSpec>) {
        let Some(question) = self.questions.pop_front() else { return };
        let decision = if allowed.is_some() { Decision::Allow } else { Decision::Deny };
        let (purpose, id) = match (&allowed, self.what()) {
            (Some(_), Some(what)) if self.shown.is_some() => (Purpose::AgentScreen, what),
            (Some(source), _) => (source.purpose(), source.to_string()),
            (None, _) => (question.purpose, String::new()),
        };
        match self.sharer.answer(question.viewer, decision, purpose, &id) {
            Ok(grant) => {
                self.source = allowed;
                if self.answers.listens() {
                    self.reporter.event(COMMANDS, json!({ "event": "shared" }));
                } else {
                    self.reporter.fact(json!({ "event": "shared" }));
                }
                if let Err(e) = self.start(grant).await {
                    let failed = Err(Error::new(ErrorKind::Io, e.message()));
                    if self.chooses {
                        self.source_ended(failed).await;
                    } else {
                        self.ended = Some(failed);
                    }
                }
                if let (Some(state), Some(_)) = (self.state, &self.source) {
                    self.sharer.state(state, &id);
                }
            }
            Err(e) if e.kind() == ErrorKind::Denied => {
                self.reporter.event("declined", json!({ "event": "declined", "agent": question.viewer.0 }));
            }
            // It left meanwhile.
            Err(_) => {}
        }
        self.prompt();
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

fn parse(message: &Message) -> Option<RelayToHost> {
    serde_json::from_str(message.to_text().ok()?).ok()
}
