//! Several relays that act as one, over NATS.
//!
//! ```text
//! joiner ── relay J ── NATS ── relay H ── host          the room is at the relay of its host
//!            │  [`replica`]: what all others have        beacons, changes and snapshots, for all relays
//!            └─ [`bridge`]: one joiner's bytes, both ways   frames, for one relay
//! ```
//! NATS only passes messages on and keeps nothing. Each is sealed ([`seal`]), typed and bounded ([`message`]). What a relay
//! has holds while its beacons come; after a partition the newest host has a room or a presence. Without NATS each
//! relay goes on with what it has itself.

mod bridge;
pub(crate) mod message;
pub(crate) mod nats;
pub(crate) mod replica;
pub(crate) mod seal;
mod window;

use crate::config::Timing;
use crate::exchange::directory::Directory;
use crate::exchange::room::Entry;
use crate::exchange::to_joiner::JoinerQueue;
use crate::metrics::ClusterMetrics;
use crate::refusal::{random, refusal};
pub(crate) use bridge::Near;
use bridge::{End, Far, ToFar};
use message::{Claim, Frame, Goal, Name, Opened, RelayId, Said, Tally, ToAll, ToOne, json, parse};
use panecast_protocol::{Refusal, RefusalKind, Who};
use replica::{Held, Replica};
pub use seal::ClusterSecret;
use seal::Seal;
use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

/// Messages that wait for NATS.
const MOST_WAITING: usize = 4096;

/// How long another relay has to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// Links of one relay, both kinds: as many as it may have sockets, and as many hosts' joiners from elsewhere.
const MOST_BRIDGES: usize = 16_384;

/// How a relay reaches the others.
#[derive(Clone, Debug)]
pub struct ClusterConfig {
    /// Where NATS is: `nats://host:4222`, or `tls://…`; several of one NATS cluster with commas
    /// between them. `user:password@` may stand before the host.
    pub url: String,
    /// What all relays of the cluster share.
    pub secret: ClusterSecret,
    /// A file with NATS credentials (a JWT and its key).
    pub credentials: Option<PathBuf>,
    /// A PEM file with the certificate of who signed that of NATS, beside the system's.
    pub ca: Option<PathBuf>,
}

/// A message on its way to NATS.
pub(crate) struct Out {
    subject: String,
    bytes: Vec<u8>,
}

/// The end of a bridge that this relay has.
enum Bridge {
    Near(Arc<Near>),
    Far(ToFar),
}

/// One relay's part in a cluster.
pub(crate) struct Cluster {
    me: RelayId,
    config: ClusterConfig,
    /// What all subjects begin with: relays of another secret do not hear each other.
    prefix: String,
    seal: Seal,
    replica: Mutex<Replica>,
    /// Counts the changes that were told; held while one is.
    changes: Mutex<u64>,
    epoch: AtomicU64,
    connected: AtomicBool,
    going: AtomicBool,
    out: mpsc::Sender<Out>,
    waiting: Mutex<Option<mpsc::Receiver<Out>>>,
    client: OnceLock<async_nats::Client>,
    bridges: Mutex<HashMap<u64, Bridge>>,
    message_bytes: usize,
    joiner_message_bytes: usize,
    pub(crate) metrics: ClusterMetrics,
}

impl Cluster {
    pub(crate) fn new(
        config: &ClusterConfig,
        limits: &crate::config::RelayLimits,
        metrics: ClusterMetrics,
    ) -> Result<Self, Refusal> {
        let me = RelayId(u64::from_le_bytes(random()?));
        let (out, waiting) = mpsc::channel(MOST_WAITING);
        let subject: String = config.secret.key("subject")[..8].iter().map(|b| format!("{b:02x}")).collect();
        Ok(Self {
            me,
            prefix: format!("panecast.{subject}"),
            seal: Seal::new(&config.secret, random()?),
            config: config.clone(),
            replica: Mutex::new(Replica::new(me)),
            changes: Mutex::new(0),
            epoch: AtomicU64::new(0),
            connected: AtomicBool::new(false),
            going: AtomicBool::new(false),
            out,
            waiting: Mutex::new(Some(waiting)),
            client: OnceLock::new(),
            bridges: Mutex::default(),
            message_bytes: limits.message_bytes,
            joiner_message_bytes: limits.joiner_message_bytes,
            metrics,
        })
    }

    fn replica(&self) -> MutexGuard<'_, Replica> {
        self.replica.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bridges(&self) -> MutexGuard<'_, HashMap<u64, Bridge>> {
        self.bridges.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn subject_of_all(&self) -> String {
        format!("{}.all", self.prefix)
    }

    fn inbox_of(&self, relay: RelayId) -> String {
        format!("{}.relay.{relay}", self.prefix)
    }

    fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Acquire)
    }

    fn out(&self, subject: String, parts: &[&[u8]]) -> Out {
        let bytes = self.seal.seal(&subject, parts);
        Out { subject, bytes }
    }

    /// A place among what waits for NATS, once there is one; `None` without NATS.
    async fn place_to_send(&self) -> Option<mpsc::Permit<'_, Out>> {
        if self.is_connected() { self.out.reserve().await.ok() } else { None }
    }

    fn place_to_send_now(&self) -> Option<mpsc::Permit<'_, Out>> {
        if self.is_connected() { self.out.try_reserve().ok() } else { None }
    }

    /// Tells all others, or nobody if too much waits: they notice by the numbers of what they hear.
    fn tell_all(&self, said: Said) {
        if let Some(place) = self.place_to_send_now() {
            let told = ToAll { from: self.me, epoch: self.epoch.load(Ordering::Acquire), said };
            place.send(self.out(self.subject_of_all(), &[&json(&told)]));
        }
    }

    fn tell_one(&self, relay: RelayId, told: &ToOne) {
        if let Some(place) = self.place_to_send_now() {
            place.send(self.out(self.inbox_of(relay), &[&json(told)]));
        }
    }

    fn beacon(&self) {
        let changes = *self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        self.tell_all(Said::Beacon { changes, going: self.going.load(Ordering::Acquire) });
    }

    /// Tells all others what this relay has by `name` now. Only the newest counts, so that it does not matter in which order
    /// changes come here.
    pub(crate) fn tell(&self, name: &Name, directory: &Directory) {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let claim = directory.claim(name);
        *changes += 1;
        self.tell_all(Said::Change { number: *changes, name: name.clone(), claim });
    }

    /// Asks a relay, and waits for its answer. `None` if it does not come.
    async fn ask<T: serde::de::DeserializeOwned>(&self, relay: RelayId, question: &ToOne) -> Option<T> {
        let client = self.client.get().filter(|_| self.is_connected())?;
        let subject = self.inbox_of(relay);
        let sealed = self.seal.seal(&subject, &[&json(question)]);
        match timeout(ANSWERS_WITHIN, client.request(subject, sealed.into())).await {
            Ok(Ok(answer)) => parse(&self.seal.open(&answer.subject, &answer.payload)?),
            Ok(Err(e)) if e.kind() == async_nats::client::RequestErrorKind::NoResponders => {
                tracing::info!(%relay, "another relay does not listen any more");
                self.replica().does_not_answer(relay);
                None
            }
            Ok(Err(_)) | Err(_) => None,
        }
    }

    /// Who else has this, and can be reached.
    pub(crate) fn find(&self, name: &Name) -> Option<Held> {
        if self.is_connected() { self.replica().find(name) } else { None }
    }

    /// Whether another relay's host is behind this.
    pub(crate) fn available(&self, name: &Name) -> bool {
        self.replica().newest(name).is_some_and(|held| held.here)
    }

    /// The newest stamp of a name at another relay, or 0.
    pub(crate) fn newest(&self, name: &Name) -> u64 {
        self.replica().newest(name).map_or(0, |held| held.stamp)
    }

    /// Tells all that a room has ended.
    pub(crate) fn ended(&self, room: [u8; 16]) {
        self.tell_all(Said::Ended { room });
    }

    /// Tells all that a link is used up or closed.
    pub(crate) fn spent(&self, link: [u8; 16], left: Duration) {
        let left_s = u32::try_from(left.as_secs()).unwrap_or(u32::MAX);
        self.tell_all(Said::Spent { link, left_s });
    }

    /// The newest claim of another relay, if it is newer than this one.
    pub(crate) fn newer(&self, claim: &Claim) -> Option<Held> {
        let held = self.replica().newest(&claim.name)?;
        ((held.stamp, held.relay) > (claim.stamp, self.me)).then_some(held)
    }

    /// Whether this relay may give out a key's number: each is one relay's, and what another has is taken.
    pub(crate) fn may_give(&self, name: &Name, subject: &[u8]) -> bool {
        let replica = self.replica();
        replica.decides(subject) == self.me && replica.newest(name).is_none()
    }

    /// Which relay counts for `tenant`, if it is another one; and how many there are.
    pub(crate) fn counts_for(&self, tenant: &str) -> (Option<RelayId>, usize) {
        let replica = self.replica();
        let by = replica.decides(tenant.as_bytes());
        ((by != self.me).then_some(by), replica.relays())
    }

    /// Whether all relays can be told of a knock.
    pub(crate) fn together(&self) -> bool {
        self.is_connected()
    }

    /// Asks the relay that counts for a tenant whether a knock may be answered. `None` if it does not say.
    pub(crate) async fn ask_to_try(
        &self,
        relay: RelayId,
        tenant: &str,
        network: IpAddr,
    ) -> Option<Option<u64>> {
        let question = ToOne::Try { tenant: tenant.to_owned(), network };
        self.ask::<Tally>(relay, &question).await.map(|tally| tally.granted)
    }

    /// Tells all that a knock is answered.
    pub(crate) fn tried(&self, id: u64, tenant: &str, network: IpAddr) {
        self.tell_all(Said::Tried { id, tenant: tenant.to_owned(), network });
    }

    /// Tells all that a knock does not count.
    pub(crate) fn given_back(&self, id: u64) {
        self.tell_all(Said::GivenBack { id });
    }

    /// Leads a joiner to a host at another relay.
    pub(crate) async fn enter(
        self: &Arc<Self>,
        held: Held,
        to: Goal,
        who: Option<Who>,
        queue: Arc<JoinerQueue>,
    ) -> Result<Arc<Near>, Option<Refusal>> {
        let bridge = u64::from_le_bytes(random().map_err(Some)?);
        let epoch = self.epoch.load(Ordering::Acquire);
        let near =
            Arc::new(Near::new(End::new(self, bridge, held.relay), held.room, queue, self.message_bytes));
        if !self.add_bridge(bridge, Bridge::Near(near.clone())) {
            return Err(None);
        }
        let question = ToOne::Open { from: self.me, epoch, bridge, to, who };
        match self.ask::<Opened>(held.relay, &question).await {
            Some(Opened::Yes) => Ok(near),
            answer => {
                self.forget_bridge(bridge);
                Err(if let Some(Opened::No(refusal)) = answer { refusal } else { None })
            }
        }
    }

    fn add_bridge(&self, bridge: u64, end: Bridge) -> bool {
        let mut bridges = self.bridges();
        let fits = bridges.len() < MOST_BRIDGES && !bridges.contains_key(&bridge);
        if fits {
            bridges.insert(bridge, end);
            self.metrics.bridges.set(bridges.len() as i64);
        }
        fits
    }

    fn has_bridge(&self, bridge: u64) -> bool {
        self.bridges().contains_key(&bridge)
    }

    fn forget_bridge(&self, bridge: u64) {
        let mut bridges = self.bridges();
        let gone = bridges.remove(&bridge);
        self.metrics.bridges.set(bridges.len() as i64);
        drop(bridges);
        drop(gone);
    }

    /// Ends all bridges with a relay, or all.
    fn cut_bridges(&self, with: Option<RelayId>) {
        self.cut_where(|bridge| {
            let peer = match bridge {
                Bridge::Near(near) => near.peer(),
                Bridge::Far(far) => far.peer(),
            };
            with.is_none_or(|with| with == peer)
        });
    }

    /// The host of a room is at `relay` now, or at this one: joiners that were led elsewhere come back to it.
    pub(crate) fn room_moved(&self, room: [u8; 16], relay: Option<RelayId>) {
        self.cut_where(
            |bridge| matches!(bridge, Bridge::Near(n) if n.room() == room && Some(n.peer()) != relay),
        );
    }

    fn cut_where(&self, cut: impl Fn(&Bridge) -> bool) {
        let mut bridges = self.bridges();
        bridges.retain(|_, bridge| {
            let cut = cut(bridge);
            if cut && let Bridge::Near(near) = bridge {
                near.broke();
            }
            !cut
        });
        self.metrics.bridges.set(bridges.len() as i64);
    }

    /// A frame came for one of this relay's bridges.
    fn frame(&self, frame: &Frame<'_>) {
        let mut bridges = self.bridges();
        let done = match bridges.get(&frame.bridge) {
            Some(Bridge::Near(near)) => near.frame(frame),
            Some(Bridge::Far(far)) => far.frame(frame),
            None => return,
        };
        if done.is_err() || frame.kind == message::Kind::Over {
            if done.is_err() && frame.kind != message::Kind::Over {
                tracing::info!("a bridge to another relay broke");
                self.metrics.broken.inc();
            }
            if let Some(Bridge::Near(near)) = bridges.remove(&frame.bridge) {
                near.broke();
            }
            self.metrics.bridges.set(bridges.len() as i64);
        }
    }

    /// Serves a joiner of another relay, at a host of this one.
    fn serve_far(self: &Arc<Self>, from: RelayId, bridge: u64, entry: Entry, timing: &Timing) -> Opened {
        let (far, to_far, came) = Far::new(End::new(self, bridge, from), self.joiner_message_bytes);
        if !self.add_bridge(bridge, Bridge::Far(to_far)) {
            entry.left(Instant::now());
            let full = refusal(RefusalKind::Full, "the relay has too many connections");
            return Opened::No(Some(full));
        }
        // The other relay gives a knock up by itself; this is for one that does not.
        let (gives_up, grace) = (timing.handshake + ANSWERS_WITHIN, timing.grace);
        tokio::spawn(async move {
            far.serve(&entry, came, gives_up).await;
            entry.left(Instant::now() + grace);
        });
        Opened::Yes
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("me", &self.me).finish_non_exhaustive()
    }
}
