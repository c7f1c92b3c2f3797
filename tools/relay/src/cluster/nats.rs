//! The connection to NATS: what comes in is opened, read and handed on; what waits is sent.

use super::message::{
    Arrived, CLAIMS_A_PART, Claim, Goal, MOST_BYTES, Name, OldTry, Opened, RelayId, Said, Tally, ToAll,
    ToOne, arrived, json, parse,
};
use super::replica::{BEACON, Effect, Part};
use super::seal::SEAL_BYTES;
use super::{Cluster, Out};
use crate::exchange::Exchange;
use async_nats::{Client, ConnectOptions, Event, Message, ServerAddr, Subscriber};
use futures_util::StreamExt;
use panecast_protocol::Place as Return;
use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// Messages of one subscription that wait for this relay; what comes on top is lost, and noticed.
const MOST_ARRIVED: usize = 16_384;

/// Longest wait between two tries to reach NATS.
const MOST_BETWEEN_TRIES: Duration = Duration::from_secs(2);

/// How long a relay that starts waits for NATS and the others, before it serves without them.
const STARTS_WITHIN: Duration = Duration::from_secs(2);

/// How long it waits for others to show that they are there.
const OTHERS_ANSWER_WITHIN: Duration = Duration::from_millis(250);

/// What is heard of the connection.
enum Heard {
    Connected,
    Disconnected,
    Lossy,
}

/// Connects and serves the cluster's messages from here on; back once the others are known, or after a moment.
///
/// # Errors
/// If the address, the credentials or the certificate are no use. NATS that is not there is none: it is tried again.
pub(crate) async fn start(cluster: Arc<Cluster>, exchange: Arc<Exchange>) -> io::Result<()> {
    let (heard, events) = mpsc::unbounded_channel();
    let config = &cluster.config;
    let servers = config.url.split(',').map(str::parse).collect::<Result<Vec<ServerAddr>, _>>()?;
    let mut options = match &config.credentials {
        Some(file) => ConnectOptions::with_credentials_file(file).await.map_err(|e| named(file, &e))?,
        None => ConnectOptions::new(),
    };
    let by_password = servers.iter().find_map(|s| Some((s.username()?.to_owned(), s.password()?.to_owned())));
    if let Some((user, password)) = by_password {
        options = options.user_and_password(user, password);
    }
    if let Some(ca) = &config.ca {
        std::fs::metadata(ca).map_err(|e| named(ca, &e))?;
        options = options.add_root_certificates(ca.clone());
    }
    let options = options
        .name("panecast-relay")
        .no_echo()
        .retry_on_initial_connect()
        .subscription_capacity(MOST_ARRIVED)
        .reconnect_delay_callback(|tries| {
            MOST_BETWEEN_TRIES.min(Duration::from_millis(50) * 2u32.saturating_pow(tries.min(10) as u32))
        })
        .event_callback(move |event| {
            let told = match event {
                Event::Connected => Some(Heard::Connected),
                Event::Disconnected | Event::Closed => Some(Heard::Disconnected),
                Event::SlowConsumer(_) => Some(Heard::Lossy),
                // The client logs these itself.
                _ => None,
            };
            if let Some(told) = told {
                let _ = heard.send(told);
            }
            async {}
        });
    let client = options.connect(servers).await.map_err(io::Error::other)?;
    let subscribe = async |subject: String| client.subscribe(subject).await.map_err(io::Error::other);
    let (all, inbox) =
        (subscribe(cluster.subject_of_all()).await?, subscribe(cluster.inbox_of(cluster.me)).await?);
    let _ = cluster.client.set(client.clone());
    let waiting = cluster.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(waiting) = waiting {
        tokio::spawn(send(cluster.clone(), client.clone(), waiting));
    }
    let dispatcher = Dispatcher { cluster: cluster.clone(), exchange, client };
    tokio::spawn(dispatcher.run(all, inbox, events));
    if timeout(STARTS_WITHIN, cluster.settled()).await.is_err() {
        tracing::warn!("NATS or other relays do not answer yet; starting without them");
    }
    Ok(())
}

fn named(file: &Path, e: &io::Error) -> io::Error {
    io::Error::new(e.kind(), format!("{}: {e}", file.display()))
}

impl Cluster {
    /// Ready once NATS is there and the others have told what they have.
    async fn settled(&self) {
        let mut look = interval(Duration::from_millis(10));
        while !self.is_connected() {
            look.tick().await;
        }
        let since = Instant::now();
        while since.elapsed() < OTHERS_ANSWER_WITHIN || !self.replica().complete() {
            look.tick().await;
        }
    }

    /// The relay stops: nobody is to be sent here any more.
    pub(crate) async fn go_away(&self) {
        self.going.store(true, Ordering::Release);
        self.beacon();
        if let Some(client) = self.client.get().filter(|_| self.is_connected()) {
            // The sending task has to have had its turn; then NATS has to have taken it.
            let _ = timeout(Duration::from_millis(500), async {
                while self.out.capacity() < self.out.max_capacity() {
                    tokio::task::yield_now().await;
                }
                let _ = client.flush().await;
            })
            .await;
        }
    }
}

/// Sends what waits. Without NATS it is lost: what it was about is over, or told anew.
async fn send(cluster: Arc<Cluster>, client: Client, mut waiting: mpsc::Receiver<Out>) {
    while let Some(Out { subject, bytes }) = waiting.recv().await {
        if cluster.is_connected() {
            cluster.metrics.bytes_out.inc_by(bytes.len() as u64);
            if let Err(e) = client.publish(subject, bytes.into()).await {
                tracing::debug!("not sent to NATS: {e}");
            }
        }
    }
}

struct Dispatcher {
    cluster: Arc<Cluster>,
    exchange: Arc<Exchange>,
    client: Client,
}

impl Dispatcher {
    async fn run(
        self,
        mut all: Subscriber,
        mut inbox: Subscriber,
        mut events: mpsc::UnboundedReceiver<Heard>,
    ) {
        let mut beacons = interval(BEACON);
        beacons.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                heard = events.recv() => match heard {
                    Some(heard) => self.heard(heard),
                    None => return,
                },
                _ = beacons.tick() => {
                    self.cluster.beacon();
                    let effects = self.cluster.replica().sweep(Instant::now());
                    self.follow(effects);
                }
                Some(message) = inbox.next() => self.to_one(message),
                Some(message) = all.next() => self.to_all(&message),
            }
        }
    }

    fn heard(&self, heard: Heard) {
        let cluster = &self.cluster;
        match heard {
            Heard::Connected => {
                cluster.epoch.fetch_add(1, Ordering::AcqRel);
                cluster.connected.store(true, Ordering::Release);
                cluster.metrics.connected.set(1);
                tracing::info!(relay = %cluster.me, "connected to NATS");
                cluster.beacon();
            }
            Heard::Disconnected => {
                if cluster.connected.swap(false, Ordering::AcqRel) {
                    cluster.metrics.connected.set(0);
                    tracing::error!("NATS is away: other relays' hosts cannot be reached until it is back");
                    cluster.cut_bridges(None);
                }
            }
            Heard::Lossy => {
                tracing::warn!(
                    "more came from NATS than this relay takes; bridges to other relays start anew"
                );
                cluster.metrics.broken.inc();
                cluster.cut_bridges(None);
            }
        }
    }

    /// What arrived, opened.
    fn opened(&self, message: &Message) -> Option<Vec<u8>> {
        let fits = message.payload.len() <= MOST_BYTES + SEAL_BYTES;
        let opened = fits.then(|| self.cluster.seal.open(&message.subject, &message.payload)).flatten();
        self.cluster.metrics.bytes_in.inc_by(message.payload.len() as u64);
        if opened.is_none() {
            self.cluster.metrics.not_opened.inc();
        }
        opened
    }

    fn to_all(&self, message: &Message) {
        let Some(ToAll { from, epoch, said }) = self.opened(message).and_then(|bytes| parse(&bytes)) else {
            return;
        };
        let now = Instant::now();
        let effects = match said {
            Said::Beacon { changes, going } => {
                self.cluster.replica().beacon(from, epoch, changes, going, now)
            }
            Said::Change { number, name, claim } => {
                self.cluster.replica().change(from, epoch, number, name, claim, now)
            }
            Said::Ended { room } => {
                self.exchange.directory.ended_elsewhere(room);
                return;
            }
            Said::Spent { link, left_s } => {
                let left = Duration::from_secs(left_s.into());
                self.exchange.directory.spent_elsewhere(link, left, now);
                return;
            }
            Said::Tried { id, tenant, network } => {
                self.exchange.tried_elsewhere(id, &tenant, network, now);
                return;
            }
            Said::GivenBack { id } => {
                self.exchange.given_back_elsewhere(id);
                return;
            }
        };
        self.follow(effects);
    }

    fn to_one(&self, message: Message) {
        let Some(bytes) = self.opened(&message) else { return };
        let told = match arrived(&bytes) {
            Some(Arrived::Frame(frame)) => return self.cluster.frame(&frame),
            Some(Arrived::Told(told)) => *told,
            None => return,
        };
        match told {
            ToOne::Ask { from } => self.tell_claims(from),
            ToOne::Snapshot { from, epoch, changes, part, last, claims, tries } => {
                let now = Instant::now();
                for OldTry { id, tenant, network, age_ms } in tries {
                    if let Some(then) = now.checked_sub(Duration::from_millis(age_ms)) {
                        self.exchange.tried_elsewhere(id, &tenant, network, then);
                    }
                }
                let part = Part { epoch, changes, part, last, claims };
                let effects = self.cluster.replica().part(from, part, now);
                self.follow(effects);
            }
            ToOne::Try { tenant, network } => {
                let granted = self.exchange.try_for_another(&tenant, network, Instant::now());
                self.answer(message, &Tally { granted });
            }
            ToOne::Open { from, epoch, bridge, to, who } => {
                // Its bridges of before are cut before this one is there.
                let effects = self.cluster.replica().speaks(from, epoch, Instant::now());
                self.follow(effects);
                let opened = self.open(from, bridge, to, who);
                self.answer(message, &opened);
            }
        }
    }

    fn open(&self, from: RelayId, bridge: u64, to: Goal, who: Option<panecast_protocol::Who>) -> Opened {
        let (directory, now) = (&self.exchange.directory, Instant::now());
        if self.cluster.has_bridge(bridge) {
            // Somebody sends an old question again.
            return Opened::No(None);
        }
        let entry = match to {
            Goal::Door(place) => {
                directory.behind(&place, now).and_then(|(room, door)| room.knock(&door, who))
            }
            Goal::Return(Return { room, joiner, token }) => {
                directory.room(&room).and_then(|room| room.resume(joiner, &token, who, now))
            }
        };
        match entry {
            Some(entry) => self.cluster.serve_far(from, bridge, entry, directory.timing()),
            None => Opened::No(None),
        }
    }

    fn answer(&self, question: Message, answer: &impl serde::Serialize) {
        let Some(reply) = question.reply else { return };
        // Answers go where NATS says, not where a relay listens for anything else.
        if reply.starts_with(&self.cluster.prefix) {
            return;
        }
        let sealed = self.cluster.seal.seal(&reply, &[&json(answer)]);
        let client = self.client.clone();
        tokio::spawn(async move { client.publish(reply, sealed.into()).await });
    }

    /// Tells one relay all that this one has.
    fn tell_claims(&self, to: RelayId) {
        let cluster = &self.cluster;
        let changes = cluster.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let (claims, tries) = (self.exchange.directory.claims(), self.exchange.tries_so_far(Instant::now()));
        let (from, epoch) = (cluster.me, cluster.epoch.load(Ordering::Acquire));
        let mut parts: Vec<(Vec<Claim>, Vec<OldTry>)> = Vec::new();
        let mut tries = tries.into_iter().peekable();
        while tries.peek().is_some() {
            parts.push((Vec::new(), tries.by_ref().take(CLAIMS_A_PART).collect()));
        }
        parts.extend(claims.chunks(CLAIMS_A_PART).map(|claims| (claims.to_vec(), Vec::new())));
        // Having nothing is told, too.
        parts.push((Vec::new(), Vec::new()));
        let count = parts.len();
        for (n, (claims, tries)) in parts.into_iter().enumerate() {
            let (part, last) = (u32::try_from(n).unwrap_or(u32::MAX), n + 1 == count);
            cluster
                .tell_one(to, &ToOne::Snapshot { from, epoch, changes: *changes, part, last, claims, tries });
        }
    }

    fn follow(&self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Greet(relay) => {
                    tracing::info!(%relay, "another relay is there");
                    self.cluster.beacon();
                }
                Effect::Ask(relay) => self.cluster.tell_one(relay, &ToOne::Ask { from: self.cluster.me }),
                Effect::Lost(relay) => {
                    tracing::info!(%relay, "another relay is gone, or has lost its connection meanwhile");
                    self.cluster.cut_bridges(Some(relay));
                }
                Effect::Changed(name) => self.changed(&name),
            }
        }
        self.cluster.metrics.relays.set(self.cluster.replica().relays() as i64);
    }

    /// Another relay has something, or has it no more. Where its claim of what this relay has is newer, this one yields.
    fn changed(&self, name: &Name) {
        let directory = &self.exchange.directory;
        if let Some(claim) = directory.claim(name)
            && let Some(newer) = self.cluster.newer(&claim)
        {
            directory.yield_to(name, newer.room, Instant::now());
        }
        match name {
            Name::Door(place) => directory.watched().changed(place),
            Name::Room(room) => {
                if let Some(newest) = self.cluster.find(name) {
                    self.cluster.room_moved(*room, Some(newest.relay));
                }
            }
        }
    }
}
