//! The agent's side without a window: knocks, decodes, acknowledges.

use crate::access::Access;
use crate::ending::refused;
use crate::failure::Failure;
use crate::link::Link;
use crate::lookout::{self, Awaited};
use crate::recording::Recording;
use crate::sources::printable;
use crate::status::{Rate, Reporter, TICK, tenth};
use panecast::Limits;
use panecast::codec::{Decoded, Decoder};
use panecast::frame::Timestamp;
use panecast::session::relay::{Retry, Way, reason_of};
use panecast::session::{self, EndReason, Purpose, StreamState, WatcherOutput};
use panecast_protocol::{
    JoinerSays, MAX_BINARY_BYTES, PROTOCOL_VERSION, Place, Refusal, RefusalKind, RelayToJoiner,
};
use serde_json::json;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::{Instant, interval_at, sleep, sleep_until};
use tokio_tungstenite::tungstenite::Message;

/// Whom who comes this way waits for.
fn awaited(way: &Way) -> Option<Awaited> {
    let name = match way {
        Way::Key(_) | Way::Link(..) => return None,
        Way::Visitor(visitor, _) => visitor.clone(),
        Way::Sent(_) => "the phone".to_owned(),
    };
    Some(Awaited { door: way.door(), name })
}

fn is_pass(way: &Way) -> bool {
    matches!(way, Way::Visitor(..))
}

/// Whether a refusal means that the link lets in nobody any more.
fn is_dead(way: &Way, refusal: &Refusal) -> bool {
    let dead = matches!(refusal.kind, RefusalKind::Unavailable | RefusalKind::WrongKey | RefusalKind::Spent);
    dead && matches!(way, Way::Link(_, None))
}

/// Where to knock, how, and what for.
pub(crate) struct Knock {
    pub(crate) relay: Access,
    pub(crate) way: Way,
    /// How the visitor is told who asks; a pass knows better.
    pub(crate) name: String,
    pub(crate) purpose: Purpose,
}

/// What is watched, and what becomes of it.
pub(crate) struct Watcher<'a> {
    knock: Knock,
    limits: Limits,
    began: Instant,
    /// There is none before the first connection.
    session: Option<session::Watcher>,
    place: Option<Place>,
    pub(crate) decoder: Decoder,
    /// The decoder lost the thread: everything up to the next snapshot is skipped.
    lost: bool,
    /// The last picture was one that it held, brought up to date.
    resumed: bool,
    recording: Option<Recording>,
    reporter: &'a mut Reporter,
    state: Option<StreamState>,
    pub(crate) pictures: u64,
    bytes: u64,
    rates: (Rate, Rate),
}

/// Why watching a connection ended.
enum Left {
    Cut(Duration),
    Stopped,
    End(EndReason),
    Refused(Refusal),
    Failed(Failure),
}

impl<'a> Watcher<'a> {
    pub(crate) fn new(knock: Knock, recording: Option<Recording>, reporter: &'a mut Reporter) -> Self {
        let limits =
            Limits { packet_bytes: MAX_BINARY_BYTES, record_bytes: MAX_BINARY_BYTES, ..Limits::default() };
        Self {
            knock,
            limits,
            began: Instant::now(),
            session: None,
            place: None,
            decoder: Decoder::new(limits),
            lost: true,
            resumed: false,
            recording,
            reporter,
            state: None,
            pictures: 0,
            bytes: 0,
            rates: (Rate::new(), Rate::new()),
        }
    }

    /// Watches until `stop` is ready or the session ends; gives the recording back.
    pub(crate) async fn watch(
        &mut self,
        stop: impl Future<Output = ()>,
    ) -> Result<Option<Recording>, Failure> {
        let result = self.watch_through_cuts(&mut Box::pin(stop)).await;
        self.reporter.end_line();
        result.map(|()| self.recording.take())
    }

    fn now(&self) -> Timestamp {
        Timestamp::from(self.began.elapsed())
    }

    async fn watch_through_cuts(
        &mut self,
        stop: &mut Pin<Box<impl Future<Output = ()>>>,
    ) -> Result<(), Failure> {
        let mut retry = Retry::default();
        loop {
            if let (None, Some(awaited)) = (&self.place, awaited(&self.knock.way)) {
                let there = lookout::wait_for(&self.knock.relay, &awaited, self.reporter);
                tokio::select! {
                    () = stop.as_mut() => return Ok(()),
                    there = there => there?,
                }
            }
            let connected = tokio::select! {
                () = stop.as_mut() => return Ok(()),
                connected = self.connect() => connected,
            };
            let mut at_least = Duration::ZERO;
            match connected {
                Ok(mut link) => match self.serve(&mut link, stop, &mut retry).await {
                    Left::Stopped => {
                        if let Some(session) = &mut self.session {
                            session.leave();
                        }
                        let _ = self.drain(&link).await;
                        link.close().await;
                        return Ok(());
                    }
                    Left::End(reason) => {
                        let facts = json!({ "event": "end", "reason": reason.name() });
                        self.reporter.event(&format!("the session is over: {reason}"), facts);
                        return over(reason);
                    }
                    // Another try may be let in: a relay that has just started knows a room only once its host is back.
                    Left::Refused(refusal) if self.place.is_some() && refusal.kind.may_pass() => {}
                    // It left between being seen and being knocked at.
                    Left::Refused(refusal) if self.waits_for(&refusal) => self.session = None,
                    // To the relay whoever is not let in has a wrong key.
                    Left::Refused(refusal)
                        if refusal.kind == RefusalKind::WrongKey && is_pass(&self.knock.way) =>
                    {
                        return over(EndReason::Untrusted);
                    }
                    Left::Refused(refusal) if is_dead(&self.knock.way, &refusal) => {
                        return Err(Failure::new(
                            "the link does not work: it is too old, used up, or nobody shows a screen by it now",
                            "ask for a new link",
                        ));
                    }
                    Left::Refused(refusal) => return Err(refused(&self.knock.relay, &refusal)),
                    Left::Failed(failure) => return Err(failure),
                    Left::Cut(wait) => {
                        at_least = wait;
                        retry.cut(self.now());
                        if self.place.is_none() && is_pass(&self.knock.way) {
                            // Nobody was asked yet, and a pass can be shown again.
                            self.session = None;
                        }
                        self.reporter.event(
                            "the relay is gone; trying to come back",
                            json!({ "event": "relay-lost" }),
                        );
                    }
                },
                Err(e) if self.place.is_none() => return Err(e),
                Err(_) => {}
            }
            let now = self.now();
            if let Some(session) = &mut self.session {
                session.cut(now);
                session.tick(now);
                while let Some(output) = session.poll() {
                    if let WatcherOutput::Ended(reason) = output {
                        let facts = json!({ "event": "end", "reason": reason.name() });
                        self.reporter.event(&format!("the session is over: {reason}"), facts);
                        return over(reason);
                    }
                }
            }
            tokio::select! {
                () = stop.as_mut() => return Ok(()),
                () = sleep(retry.next_wait().max(at_least)) => {}
            }
        }
    }

    /// Whether the relay says that the visitor is not there, which can change.
    fn waits_for(&self, refusal: &Refusal) -> bool {
        refusal.kind == RefusalKind::Unavailable && awaited(&self.knock.way).is_some()
    }

    /// Connects and knocks, or comes back.
    async fn connect(&mut self) -> Result<Link, Failure> {
        let Knock { relay, way, name, purpose } = &self.knock;
        let (door, token) = match self.place {
            None => (Some(way.door()), relay.token()?),
            // A place has a token of its own.
            Some(_) => (None, None),
        };
        let hello = JoinerSays::Hello {
            protocol: PROTOCOL_VERSION,
            tenant: relay.tenant.clone(),
            token,
            door,
            resume: self.place.clone(),
        };
        if self.place.is_none() {
            let link = Link::connect(relay, "/ws/join", &hello, None).await?;
            let joiner = way.handshake(&relay.tenant, &self.limits)?;
            let session = session::Watcher::knock(joiner, name.clone(), *purpose, self.now(), self.limits);
            self.session = Some(session);
            return Ok(link);
        }
        // The proof goes along: a place that is given up or a host that is away is told soon enough.
        self.back();
        let proof = self.session.as_mut().and_then(session::Watcher::poll).and_then(|output| match output {
            WatcherOutput::Send(bytes) => Some(bytes),
            _ => None,
        });
        Ok(Link::connect(&self.knock.relay, "/ws/join", &hello, proof.as_deref()).await?)
    }

    async fn serve(
        &mut self,
        link: &mut Link,
        stop: &mut Pin<Box<impl Future<Output = ()>>>,
        retry: &mut Retry,
    ) -> Left {
        retry.connected(self.now());
        let mut ticks = interval_at(Instant::now() + TICK, TICK);
        loop {
            if let Some(left) = self.drain(link).await {
                return left;
            }
            let Some(session) = &mut self.session else { return Left::Cut(Duration::ZERO) };
            let due = session.next_tick().map(|at| self.began + Duration::from_micros(at.micros()));
            tokio::select! {
                () = stop.as_mut() => return Left::Stopped,
                message = link.incoming.next() => match message {
                    Some(Message::Binary(bytes)) => {
                        self.bytes += bytes.len() as u64;
                        let now = Timestamp::from(self.began.elapsed());
                        session.received(&mut bytes.to_vec(), now);
                    }
                    Some(message) => {
                        if let Some(left) = self.hear(&message) {
                            return left;
                        }
                    }
                    None => return Left::Cut(Duration::ZERO),
                },
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    let now = Timestamp::from(self.began.elapsed());
                    session.tick(now);
                }
                _ = ticks.tick() => self.tell(),
            }
        }
    }

    /// Bytes go through again: the session says who it is, and what is held.
    fn back(&mut self) {
        let held = self.decoder.held().map(|held| (held.size(), held.hashes().to_vec()));
        if let Some(session) = &mut self.session {
            session.back(held);
        }
    }

    /// Carries out what the session wants.
    async fn drain(&mut self, link: &Link) -> Option<Left> {
        while let Some(output) = self.session.as_mut()?.poll() {
            match output {
                WatcherOutput::Send(bytes) => {
                    if link.outgoing.send(Message::binary(bytes)).await.is_err() {
                        return Some(Left::Cut(Duration::ZERO));
                    }
                }
                WatcherOutput::Sealed => {
                    self.reporter.event("sealed: nobody between can read it", json!({ "event": "sealed" }));
                }
                WatcherOutput::Asking => {
                    self.reporter.event("waiting for the visitor's answer", json!({ "event": "asking" }));
                }
                WatcherOutput::Allowed { source } => {
                    let text = format!("allowed: {}", printable(&source));
                    self.reporter.event(&text, json!({ "event": "allowed", "source": source }));
                }
                WatcherOutput::State { state, source } => {
                    self.state = Some(state);
                    if state == StreamState::Paused {
                        // What the visitor took back is not kept, either.
                        self.decoder.reset();
                        self.lost = true;
                    }
                    let text = format!("{}: {}", printable(&source), state.name());
                    let facts = json!({ "event": "state", "state": state.name(), "source": source });
                    self.reporter.event(&text, facts);
                }
                WatcherOutput::Packet { starts_over, bytes } => {
                    if let Err(failure) = self.packet(starts_over, &bytes) {
                        return Some(Left::Failed(failure));
                    }
                }
                WatcherOutput::Back => {
                    self.lost = true;
                    self.reporter.event("back", json!({ "event": "back" }));
                }
                WatcherOutput::Ended(reason) => return Some(Left::End(reason)),
            }
        }
        None
    }

    fn packet(&mut self, starts_over: bool, packet: &[u8]) -> Result<(), Failure> {
        if starts_over {
            self.decoder.restart();
            self.lost = false;
        }
        self.resumed = false;
        if self.lost {
            return Ok(());
        }
        let arrived = Instant::now();
        match self.decode(packet) {
            Ok(sequences) => {
                if starts_over && self.resumed {
                    let text = format!("going on with the picture that is there, {} bytes", packet.len());
                    self.reporter.event(&text, json!({ "event": "resumed", "bytes": packet.len() }));
                }
                if let Some(recording) = &mut self.recording {
                    recording.write(packet)?;
                }
                let held_us = u64::try_from(arrived.elapsed().as_micros()).unwrap_or(u64::MAX);
                if let Some(session) = &mut self.session {
                    sequences.into_iter().for_each(|sequence| session.painted(sequence, held_us));
                }
            }
            Err(e) if e.kind() == panecast::ErrorKind::Unsupported => {
                let next = "watch in the agent page, or have the phone use another codec";
                return Err(Failure::new(e.message(), next));
            }
            Err(e) => {
                self.lost = true;
                let text = format!("the picture was lost ({e}); asking for a new one");
                self.reporter.event(&text, json!({ "event": "resync", "error": e.kind().name() }));
                if let Some(session) = &mut self.session {
                    session.resync();
                }
            }
        }
        Ok(())
    }

    /// Decodes one message; gives what is to be acknowledged.
    fn decode(&mut self, packet: &[u8]) -> panecast::Result<Vec<u64>> {
        self.decoder.feed(packet)?;
        let mut sequences = Vec::new();
        while let Some(decoded) = self.decoder.next()? {
            sequences.extend(decoded.sequence());
            if let Decoded::Picture { timestamp, keyframe, .. } = decoded {
                self.pictures += 1;
                self.resumed = !keyframe;
                if let Some(recording) = &mut self.recording {
                    recording.picture(timestamp);
                }
            }
        }
        Ok(sequences)
    }

    fn hear(&mut self, message: &Message) -> Option<Left> {
        let now = self.now();
        let session = self.session.as_mut()?;
        // What this version does not know, a newer relay may say: it changes nothing.
        match parse(message)? {
            RelayToJoiner::Joined(place) => {
                self.place = Some(place);
                self.reporter.event("joined", json!({ "event": "joined" }));
            }
            RelayToJoiner::HostLost {} => {
                self.reporter.event(
                    "the visitor's connection was cut; waiting for it",
                    json!({ "event": "visitor-lost" }),
                );
                session.cut(now);
            }
            RelayToJoiner::HostBack {} => self.back(),
            RelayToJoiner::Pong {} => {}
            // What the sharing end said of it, within the seal, came before.
            RelayToJoiner::End { reason } => session.ended(reason_of(reason)),
            RelayToJoiner::GoingAway { after_ms } => {
                return Some(Left::Cut(Duration::from_millis(after_ms.into())));
            }
            RelayToJoiner::Refused(refusal) => return Some(Left::Refused(refusal)),
        }
        None
    }

    fn tell(&mut self) {
        let fps = self.rates.0.look(self.pictures);
        let kbits = self.rates.1.look(self.bytes) * 8.0 / 1000.0;
        let size = self.decoder.frame().map(|f| f.size());
        let state = self.state.map_or("waiting", StreamState::name);
        let shown = size.map_or("no picture yet".into(), |s| s.to_string());
        let text = format!("{state:<8}{fps:5.1} fps {kbits:9.0} kbit/s  {shown}  {} pictures", self.pictures);
        let facts = json!({
            "event": "status",
            "state": state,
            "fps": tenth(fps),
            "kbit_per_s": tenth(kbits),
            "width": size.map(|s| s.width),
            "height": size.map(|s| s.height),
            "pictures": self.pictures,
            "bytes": self.bytes,
        });
        self.reporter.status(&text, facts);
    }
}

/// A session that ended as sessions do is no failure; one that never began is.
fn over(reason: EndReason) -> Result<(), Failure> {
    let next = match reason {
        EndReason::WrongKey => "ask the visitor for the key that is shown now; each is good for one agent",
        EndReason::Declined | EndReason::NoAnswer => {
            return Err(Failure::declined(reason.to_string(), "talk to the visitor, then ask again"));
        }
        EndReason::Untrusted => "ask whoever issues the passes for one that this visitor's app knows",
        EndReason::Expired => "ask for a new key, or for a new pass",
        EndReason::Tampered => {
            "somebody between the two may have changed it; try another network, and report it"
        }
        EndReason::BrokeRules => "install the same version of panecast on both sides",
        _ => return Ok(()),
    };
    Err(Failure::new(reason.to_string(), next))
}

fn parse(message: &Message) -> Option<RelayToJoiner> {
    serde_json::from_str(message.to_text().ok()?).ok()
}
