//! A joiner at one relay and its host at another: what goes between the two, frame by frame.
//!
//! ```text
//! joiner ─ /ws/join ─ queue ◀─ [`Near`] ◀── frames of one bridge ──▶ [`Far`] ◀─ queue of the room ─ host
//!                     (passes)      ───── bytes, what was taken ────▶            (keeps, drops, tells `behind`)
//! ```
//! The far end has the place in the room, and the queue that decides what is dropped. The near end only passes on.

use super::Cluster;
use super::message::{FRAME_BYTES, Frame, Kind, RelayId};
use super::window::{FRAME_COSTS, Window};
use crate::exchange::room::{Entry, is_in};
use crate::exchange::to_joiner::{ForJoiner, JoinerQueue};
use axum::body::Bytes;
use panecast_protocol::{Refusal, RelayToJoiner};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;

/// Costs of a joiner's frames that are on their way to its host's relay.
const AHEAD_OF_JOINER: usize = 256 << 10;

/// Frames of a joiner that wait at its host's relay: no more than fit [`AHEAD_OF_JOINER`] are ever sent.
const FRAMES_OF_JOINER: usize = AHEAD_OF_JOINER / FRAME_COSTS + 1;

/// What the last frame of a message of so many bytes costs.
pub(crate) fn last_frame_costs(bytes: usize) -> usize {
    FRAME_COSTS + if bytes == 0 { 0 } else { (bytes - 1) % FRAME_BYTES + 1 }
}

/// Cuts a message into frames, at least one.
fn frames(bytes: &[u8]) -> impl Iterator<Item = (&[u8], bool)> {
    let count = bytes.len().div_ceil(FRAME_BYTES).max(1);
    (0..count).map(move |n| {
        let end = bytes.len().min((n + 1) * FRAME_BYTES);
        (&bytes[n * FRAME_BYTES..end], n + 1 < count)
    })
}

/// One end of a bridge: whom it speaks to, and what came so far.
pub(crate) struct End {
    pub(crate) bridge: u64,
    pub(crate) peer: RelayId,
    cluster: Arc<Cluster>,
    sent: Mutex<u32>,
    came: Mutex<Came>,
}

#[derive(Default)]
struct Came {
    frames: u32,
    partial: Vec<u8>,
    partial_kind: Option<Kind>,
}

/// A frame that broke the rules ends the bridge.
pub(crate) struct Broken;

impl End {
    pub(crate) fn new(cluster: &Arc<Cluster>, bridge: u64, peer: RelayId) -> Self {
        Self { bridge, peer, cluster: cluster.clone(), sent: Mutex::new(0), came: Mutex::default() }
    }

    /// Sends a frame; waits while NATS takes no more.
    async fn send(&self, kind: Kind, more: bool, bytes: &[u8]) {
        if let Some(place) = self.cluster.place_to_send().await {
            let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
            place.send(self.sealed(&mut sent, kind, more, bytes));
        }
    }

    /// Sends a frame at once. False if there is no room, which breaks the bridge.
    fn send_now(&self, kind: Kind, bytes: &[u8]) -> bool {
        let Some(place) = self.cluster.place_to_send_now() else { return false };
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        place.send(self.sealed(&mut sent, kind, false, bytes));
        true
    }

    fn sealed(&self, sent: &mut MutexGuard<'_, u32>, kind: Kind, more: bool, bytes: &[u8]) -> super::Out {
        let frame = Frame { bridge: self.bridge, number: **sent, kind, more, bytes };
        **sent = sent.wrapping_add(1);
        self.cluster.out(self.cluster.inbox_of(self.peer), &[&frame.header(), bytes])
    }

    /// Says that a frame of this cost was taken.
    fn took(&self, costs: usize) -> bool {
        self.send_now(Kind::Taken, &u32::try_from(costs).unwrap_or(u32::MAX).to_le_bytes())
    }

    /// Takes a frame in its turn; gives a message when it is whole, with the cost of its last frame.
    fn take(&self, frame: &Frame<'_>, most: usize) -> Result<Option<(Vec<u8>, usize)>, Broken> {
        let mut came = self.came.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody sends an old one again: the seal cannot tell.
        if frame.number.wrapping_sub(came.frames) > u32::MAX / 2 {
            return Ok(None);
        }
        let odd = frame.number != came.frames || came.partial_kind.is_some_and(|kind| kind != frame.kind);
        // Between the parts of a message only what was taken may come.
        let between = frame.number == came.frames && matches!(frame.kind, Kind::Taken | Kind::Over);
        if (odd && !between) || came.partial.len() + frame.bytes.len() > most {
            return Err(Broken);
        }
        came.frames = came.frames.wrapping_add(1);
        if between {
            return Ok(Some((frame.bytes.to_vec(), 0)));
        }
        came.partial.extend_from_slice(frame.bytes);
        let costs = frame.bytes.len() + FRAME_COSTS;
        if frame.more {
            came.partial_kind = Some(frame.kind);
            drop(came);
            return if self.took(costs) { Ok(None) } else { Err(Broken) };
        }
        came.partial_kind = None;
        Ok(Some((std::mem::take(&mut came.partial), costs)))
    }
}

fn read_costs(bytes: &[u8]) -> Result<usize, Broken> {
    bytes.try_into().map(|b| u32::from_le_bytes(b) as usize).map_err(|_| Broken)
}

/// The end at the joiner's relay.
pub(crate) struct Near {
    end: End,
    room: [u8; 16],
    pub(crate) queue: Arc<JoinerQueue>,
    ahead: Semaphore,
    most_bytes: usize,
}

impl Near {
    pub(crate) fn new(end: End, room: [u8; 16], queue: Arc<JoinerQueue>, most_bytes: usize) -> Self {
        Self { end, room, queue, ahead: Semaphore::new(AHEAD_OF_JOINER), most_bytes }
    }

    pub(crate) fn peer(&self) -> RelayId {
        self.end.peer
    }

    pub(crate) fn room(&self) -> [u8; 16] {
        self.room
    }

    /// Passes the joiner's bytes on; waits while too much of it is on its way. False if the bridge is over.
    pub(crate) async fn send(&self, bytes: &[u8]) -> bool {
        for (part, more) in frames(bytes) {
            let costs = u32::try_from(part.len() + FRAME_COSTS).unwrap_or(u32::MAX);
            let Ok(permit) = self.ahead.acquire_many(costs).await else { return false };
            permit.forget();
            self.end.send(Kind::FromJoiner, more, part).await;
        }
        !self.queue.is_closed()
    }

    /// A message of the host's of so many bytes was written to the joiner.
    pub(crate) fn wrote(&self, bytes: usize) {
        if !self.end.took(last_frame_costs(bytes)) {
            self.broke();
        }
    }

    /// The joiner is gone.
    pub(crate) fn left(&self) {
        self.end.send_now(Kind::Over, &[]);
        self.broke();
        self.end.cluster.forget_bridge(self.end.bridge);
    }

    /// Nothing more comes from the host: the joiner is cut off, and may come back by its token.
    pub(crate) fn broke(&self) {
        self.ahead.close();
        self.queue.close();
    }

    /// Takes a frame from the host's relay.
    pub(crate) fn frame(&self, frame: &Frame<'_>) -> Result<(), Broken> {
        let Some((bytes, _)) = self.end.take(frame, self.most_bytes)? else { return Ok(()) };
        match frame.kind {
            Kind::Text => match serde_json::from_slice(&bytes).map_err(|_| Broken)? {
                joined @ RelayToJoiner::Joined(_) => drop(self.queue.admit(joined)),
                told => self.queue.text(told),
            },
            Kind::Refused => {
                let refusal: Refusal = serde_json::from_slice(&bytes).map_err(|_| Broken)?;
                self.queue.refuse(refusal);
            }
            Kind::Control => self.queue.passes(ForJoiner::Control(Bytes::from(bytes))),
            Kind::Packet => self.queue.passes(ForJoiner::Packet(Bytes::from(bytes), Instant::now())),
            Kind::Taken => {
                let costs = read_costs(&bytes)?;
                if self.ahead.available_permits() + costs > AHEAD_OF_JOINER {
                    return Err(Broken);
                }
                self.ahead.add_permits(costs);
            }
            Kind::Over => self.queue.close(),
            Kind::FromJoiner => return Err(Broken),
        }
        Ok(())
    }
}

/// The end at the host's relay.
pub(crate) struct Far {
    end: End,
    window: Window,
    most_bytes: usize,
}

/// What came from the joiner, and what its last frame cost.
type FromNear = (Vec<u8>, usize);

/// How the dispatcher reaches a far end; without it the bridge is over.
pub(crate) struct ToFar {
    far: Arc<Far>,
    bytes: mpsc::Sender<FromNear>,
}

impl ToFar {
    pub(crate) fn peer(&self) -> RelayId {
        self.far.end.peer
    }

    /// Takes a frame from the joiner's relay.
    pub(crate) fn frame(&self, frame: &Frame<'_>) -> Result<(), Broken> {
        let Some(whole) = self.far.end.take(frame, self.far.most_bytes)? else { return Ok(()) };
        match frame.kind {
            Kind::FromJoiner => self.bytes.try_send(whole).map_err(|_| Broken),
            Kind::Taken => {
                let taken = self.far.window.taken(read_costs(&whole.0)?, Instant::now());
                taken.then_some(()).ok_or(Broken)
            }
            _ => Err(Broken),
        }
    }
}

impl Far {
    /// A far end, how it is reached, and what comes in that way.
    pub(crate) fn new(end: End, most_bytes: usize) -> (Arc<Self>, ToFar, mpsc::Receiver<FromNear>) {
        let far = Arc::new(Self { end, window: Window::default(), most_bytes });
        let (bytes, came) = mpsc::channel(FRAMES_OF_JOINER);
        (far.clone(), ToFar { far, bytes }, came)
    }

    /// Passes bytes to and fro until either side is gone, or until `gives_up` if the joiner is not let in by then.
    pub(crate) async fn serve(&self, entry: &Entry, mut came: mpsc::Receiver<FromNear>, gives_up: Duration) {
        let too_late = async {
            tokio::time::sleep(gives_up).await;
            if is_in(&entry.queue) {
                std::future::pending::<()>().await;
            }
        };
        let inward = async {
            while let Some((bytes, costs)) = came.recv().await {
                // What comes while the host is away is lost, as it is from a joiner of this relay.
                entry.send(&bytes).await;
                if !self.end.took(costs) {
                    break;
                }
            }
        };
        tokio::select! {
            () = inward => {}
            () = self.outward(entry) => {}
            () = too_late => {}
        }
        self.end.send_now(Kind::Over, &[]);
        self.end.cluster.forget_bridge(self.end.bridge);
    }

    async fn outward(&self, entry: &Entry) {
        loop {
            match entry.queue.next_or_refused().await {
                Ok(ForJoiner::Text(text)) => {
                    let text = serde_json::to_vec(&text).unwrap_or_default();
                    self.end.send(Kind::Text, false, &text).await;
                }
                Ok(ForJoiner::Control(bytes)) => self.message(Kind::Control, &bytes).await,
                Ok(ForJoiner::Packet(bytes, _)) => self.message(Kind::Packet, &bytes).await,
                Ok(ForJoiner::Ready) => {
                    self.window.empty().await;
                    entry.drained();
                }
                Ok(ForJoiner::Close) => return,
                Err(refusal) => {
                    let refusal = serde_json::to_vec(&refusal).unwrap_or_default();
                    return self.end.send(Kind::Refused, false, &refusal).await;
                }
            }
        }
    }

    async fn message(&self, kind: Kind, bytes: &[u8]) {
        for (part, more) in frames(bytes) {
            self.window.enter(part.len() + FRAME_COSTS).await;
            self.end.send(kind, more, part).await;
        }
    }
}

impl std::fmt::Debug for Near {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Near").field("peer", &self.end.peer).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_cut_into_frames_and_its_last_one_costs_what_it_holds() {
        for bytes in [0, 1, FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 1, 3 * FRAME_BYTES] {
            let message: Vec<u8> = (0..bytes).map(|n| n as u8).collect();
            let cut: Vec<_> = frames(&message).collect();
            assert_eq!(cut.iter().map(|(part, _)| *part).collect::<Vec<_>>().concat(), message);
            let (last, others) = cut.split_last().unwrap();
            assert!(!last.1 && others.iter().all(|(part, more)| *more && part.len() == FRAME_BYTES));
            assert_eq!(last_frame_costs(bytes), last.0.len() + FRAME_COSTS);
        }
    }
}
