//! The agent's side without a window: joins a room, decodes, acknowledges.

use crate::failure::Failure;
use crate::link::{Backoff, Link, RelayUrl};
use crate::recording::Recording;
use crate::sources::printable;
use crate::status::{Rate, Reporter, TICK, tenth};
use crate::visitor::refused;
use panecast::Limits;
use panecast::bitstream::MAGIC;
use panecast::codec::{Decoded, Decoder};
use panecast_protocol::{
    AgentSays, EndReason, Holds, MAX_BINARY_BYTES, PROTOCOL_VERSION, Refusal, RefusalKind, RelayToAgent,
    SessionKey, StreamState,
};
use serde_json::json;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::{Instant, interval_at, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

/// How long a relay may take to let an agent in.
const JOIN_WITHIN: Duration = Duration::from_secs(10);

/// How long a visitor has to come back to a relay that was cut off or started anew.
const VISITOR_BACK_WITHIN: Duration = Duration::from_secs(60);

/// What is watched, and what becomes of it.
pub(crate) struct Watcher<'a> {
    relay: RelayUrl,
    key: SessionKey,
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
    Cut,
    Stopped,
    End(EndReason),
    Refused(Refusal),
    Failed(Failure),
}

impl<'a> Watcher<'a> {
    pub(crate) fn new(
        relay: RelayUrl,
        key: SessionKey,
        recording: Option<Recording>,
        reporter: &'a mut Reporter,
    ) -> Self {
        let limits = Limits { packet_bytes: MAX_BINARY_BYTES, ..Limits::default() };
        Self {
            relay,
            key,
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

    async fn watch_through_cuts(
        &mut self,
        stop: &mut Pin<Box<impl Future<Output = ()>>>,
    ) -> Result<(), Failure> {
        let mut backoff = Backoff::default();
        // When the connection that there was last was cut.
        let mut cut: Option<Instant> = None;
        loop {
            let joined = tokio::select! {
                () = stop.as_mut() => return Ok(()),
                joined = self.join() => joined,
            };
            match joined {
                Ok(mut link) => {
                    backoff = Backoff::default();
                    let left = self.serve(&mut link, stop).await;
                    match left {
                        Left::Stopped => {
                            link.close().await;
                            return Ok(());
                        }
                        Left::End(reason) => {
                            let text = format!("the session is over: {reason}");
                            self.reporter.event(&text, json!({ "event": "end", "reason": reason }));
                            return Ok(());
                        }
                        Left::Refused(refusal) => return Err(refused(&self.relay, &refusal)),
                        Left::Failed(failure) => return Err(failure),
                        Left::Cut => {}
                    }
                    cut = Some(Instant::now());
                    self.reporter
                        .event("the relay is gone; trying to come back", json!({ "event": "relay-lost" }));
                }
                Err(NotIn::Unreachable(e)) if cut.is_none() => return Err(e.into()),
                Err(NotIn::Refused(r)) if !may_pass(&r, cut) => return Err(refused(&self.relay, &r)),
                Err(_) => {}
            }
            tokio::select! {
                () = stop.as_mut() => return Ok(()),
                () = sleep(backoff.next_wait()) => {}
            }
        }
    }

    async fn join(&mut self) -> Result<Link, NotIn> {
        let mut link = Link::connect(&self.relay, "/ws/agent").await.map_err(NotIn::Unreachable)?;
        link.say(&AgentSays::Hello {
            protocol: PROTOCOL_VERSION,
            key: self.key.to_string(),
            holds: self.holds(),
        })
        .await;
        let answer = timeout(JOIN_WITHIN, link.incoming.next()).await.ok().flatten();
        match answer.as_ref().and_then(parse) {
            Some(RelayToAgent::Joined { agent }) => {
                self.lost = true;
                self.reporter.event("joined", json!({ "event": "joined", "agent": agent }));
                Ok(link)
            }
            Some(RelayToAgent::Refused(refusal)) => Err(NotIn::Refused(refusal)),
            _ => Err(NotIn::Unreachable(self.relay.no_relay())),
        }
    }

    async fn serve(&mut self, link: &mut Link, stop: &mut Pin<Box<impl Future<Output = ()>>>) -> Left {
        let mut ticks = interval_at(Instant::now() + TICK, TICK);
        loop {
            tokio::select! {
                () = stop.as_mut() => return Left::Stopped,
                message = link.incoming.next() => {
                    let left = match message {
                        Some(Message::Binary(packet)) => self.packet(&packet, link).await,
                        Some(message) => self.hear(&message, link).await,
                        None => Some(Left::Cut),
                    };
                    if let Some(left) = left {
                        return left;
                    }
                }
                _ = ticks.tick() => self.tell(),
            }
        }
    }

    async fn packet(&mut self, packet: &[u8], link: &Link) -> Option<Left> {
        self.bytes += packet.len() as u64;
        let begins = packet.starts_with(&MAGIC);
        if begins {
            self.decoder.restart();
            self.lost = false;
        }
        self.resumed = false;
        if self.lost {
            return None;
        }
        let arrived = Instant::now();
        match self.decode(packet) {
            Ok(sequences) => {
                if begins && self.resumed {
                    let text = format!("going on with the picture that is there, {} bytes", packet.len());
                    self.reporter.event(&text, json!({ "event": "resumed", "bytes": packet.len() }));
                }
                if let Err(e) = self.recording.as_mut().map_or(Ok(()), |r| r.write(packet)) {
                    return Some(Left::Failed(e));
                }
                for sequence in sequences {
                    let held_us = u64::try_from(arrived.elapsed().as_micros()).unwrap_or(u64::MAX);
                    if !link.say(&AgentSays::Ack { sequence, held_us }).await {
                        return Some(Left::Cut);
                    }
                }
            }
            Err(e) => {
                self.lost = true;
                let text = format!("the picture was lost ({e}); asking for a new one");
                self.reporter.event(&text, json!({ "event": "resync", "error": e.kind().name() }));
                if !link.say(&AgentSays::Resync {}).await {
                    return Some(Left::Cut);
                }
            }
        }
        None
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

    /// What the decoder holds, for the visitor to go on from.
    fn holds(&self) -> Option<Holds> {
        let held = self.decoder.held()?;
        let size = held.size();
        Some(Holds { width: size.width, height: size.height, tiles: held.hashes().to_vec() })
    }

    async fn hear(&mut self, message: &Message, link: &Link) -> Option<Left> {
        // What this version does not know, a newer relay may say: it changes nothing.
        match parse(message)? {
            RelayToAgent::State { state, source } => {
                self.state = Some(state);
                if state == StreamState::Paused {
                    // The visitor wants nothing kept. What follows begins with a snapshot.
                    self.decoder.reset();
                    self.lost = true;
                }
                let text = format!("{}: {}", printable(&source), state_name(state));
                self.reporter.event(&text, json!({ "event": "state", "state": state, "source": source }));
            }
            RelayToAgent::VisitorLost {} => {
                self.reporter.event(
                    "the visitor's connection was cut; waiting for it",
                    json!({ "event": "visitor-lost" }),
                );
                if let Some(picture) = self.holds()
                    && !link.say(&AgentSays::Holds { picture }).await
                {
                    return Some(Left::Cut);
                }
            }
            RelayToAgent::End { reason } => return Some(Left::End(reason)),
            RelayToAgent::Refused(refusal) => return Some(Left::Refused(refusal)),
            RelayToAgent::Joined { .. } => {}
        }
        None
    }

    fn tell(&mut self) {
        let fps = self.rates.0.look(self.pictures);
        let kbits = self.rates.1.look(self.bytes) * 8.0 / 1000.0;
        let size = self.decoder.frame().map(|f| f.size());
        let state = self.state.map_or("waiting", state_name);
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

/// Why an agent is not let in.
enum NotIn {
    Unreachable(crate::link::Unreachable),
    Refused(Refusal),
}

/// Whether another try may be let in: a relay that has just started knows a room only once its visitor is back.
fn may_pass(refusal: &Refusal, cut: Option<Instant>) -> bool {
    match refusal.kind {
        RefusalKind::TooManyTries => cut.is_some(),
        RefusalKind::WrongKey => cut.is_some_and(|at| at.elapsed() < VISITOR_BACK_WITHIN),
        RefusalKind::Full
        | RefusalKind::Version
        | RefusalKind::BadMessage
        | RefusalKind::Declined
        | RefusalKind::Unavailable
        | RefusalKind::NotAllowed => false,
    }
}

fn parse(message: &Message) -> Option<RelayToAgent> {
    serde_json::from_str(message.to_text().ok()?).ok()
}

fn state_name(state: StreamState) -> &'static str {
    match state {
        StreamState::Live => "live",
        StreamState::Idle => "idle",
        StreamState::Paused => "paused",
        StreamState::Stalled => "stalled",
    }
}
