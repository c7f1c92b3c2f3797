//! The visitor's side: a pipeline, and a room at a relay that survives cuts.

use crate::failure::Failure;
use crate::link::{Backoff, Link, RelayUrl, text};
use crate::status::{Rate, Reporter, TICK, tenth};
use panecast::capture::mask::MaskSet;
use panecast::capture::{self, SourceSpec};
use panecast::codec::HeldTiles;
use panecast::frame::Size;
use panecast::pipeline::{Audience, Output, Pipeline, PipelineConfig, PipelineStats, StreamState, ViewerId};
use panecast::session::CaptureGrant;
use panecast::{Error, ErrorKind};
use panecast_protocol::{
    EndReason, Envelope, MAX_BINARY_BYTES, MOST_TILES, PROTOCOL_VERSION, Refusal, RefusalKind,
    RelayToVisitor, Resume, StreamState as WireState, VisitorSays,
};
use serde_json::json;
use std::collections::BTreeSet;
use std::pin::Pin;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval_at, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

/// The relay passes on what the library can take.
const _: () = assert!(MOST_TILES == HeldTiles::MOST);

/// Outputs between pipeline and socket. The pipeline sends a few updates and waits; the rest is cursors.
const MOST_QUEUED: usize = 64;

/// How long a relay may take to give a room.
const ROOM_WITHIN: Duration = Duration::from_secs(10);

/// What is shared, with whom, how fast.
pub(crate) struct Share {
    pub(crate) relay: RelayUrl,
    pub(crate) source: SourceSpec,
    pub(crate) grant: CaptureGrant,
    pub(crate) masks: MaskSet,
    pub(crate) config: PipelineConfig,
}

/// Why a connection ended.
enum Left {
    /// The relay is gone; come back.
    Cut,
    /// The visitor stopped.
    Stopped,
    /// The source ended or failed.
    Ended(panecast::Result<()>),
    /// The relay turned the visitor away.
    Refused(Refusal),
}

/// Shares until `stop` is ready, the source ends, or the relay refuses.
pub(crate) async fn share(
    share: Share,
    reporter: &mut Reporter,
    stop: impl Future<Output = ()>,
    on_room: impl FnMut(&str),
) -> Result<(), Failure> {
    let (sink, outputs) = mpsc::channel(MOST_QUEUED);
    let Share { relay, source, grant, masks, mut config } = share;
    let name = grant.source().to_owned();
    // The envelope's head and the packet's own must fit beside the payload.
    config.encoder.limits.packet_bytes = MAX_BINARY_BYTES - 1024;
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
    let pipeline = starting.await.map_err(|e| Failure::new(e.to_string(), "see the message above"))??;
    // Nothing is captured before an agent joins, so they are on from the first picture.
    pipeline.set_masks(masks);
    let mut visitor = Visitor {
        relay,
        name,
        pipeline,
        outputs,
        reporter,
        room: None,
        viewers: BTreeSet::new(),
        state: None,
        rates: Rates::new(),
        on_room,
    };
    let result = visitor.run(Box::pin(stop)).await;
    visitor.reporter.end_line();
    let Visitor { pipeline, outputs, .. } = visitor;
    // With nobody to take its outputs the pipeline cannot be stuck in one.
    drop(outputs);
    let _ = tokio::task::spawn_blocking(move || pipeline.stop()).await;
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
    name: String,
    pipeline: Pipeline,
    outputs: mpsc::Receiver<Output>,
    reporter: &'a mut Reporter,
    room: Option<Resume>,
    viewers: BTreeSet<ViewerId>,
    /// What the pipeline said last.
    state: Option<StreamState>,
    rates: Rates,
    on_room: R,
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
            for viewer in std::mem::take(&mut self.viewers) {
                self.pipeline.viewer_left(viewer);
            }
            let reason = match left {
                Left::Cut => None,
                Left::Refused(refusal) if refusal.kind == RefusalKind::TooManyTries => None,
                Left::Refused(refusal) => return Err(refused(&self.relay, &refusal)),
                Left::Stopped => Some((EndReason::VisitorStopped, Ok(()))),
                Left::Ended(Ok(())) => Some((EndReason::SourceEnded, Ok(()))),
                Left::Ended(Err(e)) => Some((end_reason(&e), Err(e))),
            };
            if let Some((reason, how)) = reason {
                self.pipeline.pause();
                link.say(&VisitorSays::End { reason }).await;
                link.close().await;
                self.reporter.event(&reason.to_string(), json!({ "event": "end", "reason": reason }));
                return Ok(how?);
            }
            self.reporter.event("the relay is gone; trying to come back", json!({ "event": "relay-lost" }));
            link = loop {
                let wait = sleep(backoff.next_wait());
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
                let entered = tokio::select! {
                    () = &mut stop => return Ok(()),
                    entered = self.enter() => entered,
                };
                match entered {
                    Ok(link) => break link,
                    Err(NoRoom::Unreachable(_)) => {}
                    Err(NoRoom::Refused(r)) if r.kind == RefusalKind::WrongKey => self.room = None,
                    Err(NoRoom::Refused(r)) if r.kind == RefusalKind::Version => {
                        return Err(refused(&self.relay, &r));
                    }
                    Err(NoRoom::Refused(_)) => {}
                }
            };
            backoff = Backoff::default();
        }
    }

    /// Connects and gets a room: the old one if there was one and the relay still knows it.
    async fn enter(&mut self) -> Result<Link, NoRoom> {
        let mut link = Link::connect(&self.relay, "/ws/visitor").await.map_err(NoRoom::Unreachable)?;
        link.say(&VisitorSays::Hello { protocol: PROTOCOL_VERSION, resume: self.room.clone() }).await;
        let answer = timeout(ROOM_WITHIN, link.incoming.next()).await.ok().flatten();
        let room = match answer.as_ref().and_then(parse) {
            Some(RelayToVisitor::Room { key, secret }) => Resume { key, secret },
            Some(RelayToVisitor::Refused(refusal)) => return Err(NoRoom::Refused(refusal)),
            _ => return Err(NoRoom::Unreachable(self.relay.no_relay())),
        };
        let url = self.relay.agent_url(&room.key);
        if self.room.as_ref() == Some(&room) {
            self.reporter.event("the relay is back", json!({ "event": "relay-back" }));
        } else {
            let text = format!("key       {}\nagent     {url}", room.key);
            self.reporter.event(&text, json!({ "event": "room", "key": room.key, "url": url }));
            (self.on_room)(&url);
        }
        self.room = Some(room);
        if let Some(state) = self.state {
            link.say(&self.state_message(state)).await;
        }
        Ok(link)
    }

    /// Serves one connection until it ends, whoever ends it.
    async fn serve(&mut self, link: &mut Link, stop: &mut Pin<Box<impl Future<Output = ()>>>) -> Left {
        let mut ticks = interval_at(Instant::now() + TICK, TICK);
        let mut next: Option<Message> = None;
        loop {
            tokio::select! {
                () = stop.as_mut() => return Left::Stopped,
                message = link.incoming.next() => match message {
                    Some(message) => {
                        if let Some(left) = self.hear(&message) {
                            return left;
                        }
                    }
                    None => return Left::Cut,
                },
                slot = link.outgoing.reserve(), if next.is_some() => match (slot, next.take()) {
                    (Ok(slot), Some(message)) => slot.send(message),
                    _ => return Left::Cut,
                },
                output = self.outputs.recv(), if next.is_none() => match output {
                    Some(Output::Packet { to, bytes, .. }) => next = Some(envelope(to, &bytes)),
                    Some(Output::State(state)) => {
                        self.state = Some(state);
                        next = text(&self.state_message(state));
                    }
                    Some(Output::Ended(how)) => return Left::Ended(how),
                    None => return Left::Ended(Err(Error::new(ErrorKind::Io, "the pipeline is gone"))),
                },
                _ = ticks.tick() => self.tell(),
            }
        }
    }

    fn hear(&mut self, message: &Message) -> Option<Left> {
        // What this version does not know, a newer relay may say: it changes nothing.
        match parse(message)? {
            RelayToVisitor::AgentJoined { agent, holds } => {
                self.viewers.insert(ViewerId(agent));
                // What makes no sense is no worse than nothing.
                let held = holds.and_then(|h| HeldTiles::new(Size::new(h.width, h.height), h.tiles).ok());
                match held {
                    Some(held) => self.pipeline.viewer_resumed(ViewerId(agent), held),
                    None => self.pipeline.viewer_joined(ViewerId(agent)),
                }
            }
            RelayToVisitor::AgentLeft { agent } => {
                self.viewers.remove(&ViewerId(agent));
                self.pipeline.viewer_left(ViewerId(agent));
            }
            RelayToVisitor::AgentBehind { agent } => self.pipeline.viewer_behind(ViewerId(agent)),
            RelayToVisitor::Ack { agent, sequence, held_us } => {
                self.pipeline.ack(ViewerId(agent), sequence, Duration::from_micros(held_us));
            }
            RelayToVisitor::Refused(refusal) => return Some(Left::Refused(refusal)),
            RelayToVisitor::Room { .. } => {}
        }
        None
    }

    fn state_message(&self, state: StreamState) -> VisitorSays {
        let state = match state {
            StreamState::Live => WireState::Live,
            StreamState::Idle => WireState::Idle,
            StreamState::Paused => WireState::Paused,
            // This version of the messages has no other word for a source that gives nothing.
            StreamState::Stalled | StreamState::Blocked | StreamState::Secure | StreamState::Reconnecting => {
                WireState::Stalled
            }
        };
        VisitorSays::State { state, source: self.name.clone() }
    }

    fn tell(&mut self) {
        let stats: PipelineStats = self.pipeline.stats();
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

fn parse(message: &Message) -> Option<RelayToVisitor> {
    serde_json::from_str(message.to_text().ok()?).ok()
}

fn envelope(to: Audience, packet: &[u8]) -> Message {
    let agent = match to {
        Audience::All => None,
        Audience::One(viewer) => Some(viewer.0),
    };
    Message::binary(Envelope { agent, packet }.to_bytes())
}

/// A closed window is the source's end; everything else is a failure.
fn end_reason(e: &Error) -> EndReason {
    match e.kind() {
        ErrorKind::Closed => EndReason::SourceEnded,
        ErrorKind::Revoked => EndReason::VisitorStopped,
        _ => EndReason::SourceFailed,
    }
}

/// The relay's refusal as this command's failure.
pub(crate) fn refused(relay: &RelayUrl, refusal: &Refusal) -> Failure {
    let next = match refusal.kind {
        RefusalKind::WrongKey => "ask the visitor for the key; it changes with every session",
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
    Failure::new(format!("{} refuses: {}", relay.name(), crate::sources::printable(&refusal.message)), next)
}
