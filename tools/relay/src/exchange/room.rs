//! One room: a host that may be away for a while, and its joiners.

use super::secret::{RoomId, RoomSecret};
use super::to_host::{HostQueue, allowance};
use super::to_joiner::{JoinerQueue, Pushed, Standing};
use crate::cluster::Near;
use crate::config::RelayLimits;
use crate::refusal::{random, refusal};
use axum::body::Bytes;
use panecast_protocol::{
    Door, Ended, Parcel, ParcelKind, Place, Refusal, RefusalKind, RefuseReason, RelayToHost, RelayToJoiner,
    Who,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Most that knock at one room at a time.
const MOST_KNOCKING: usize = 8;

/// What a message that waits costs beside its bytes.
pub(super) const MESSAGE_COSTS: usize = 64;

/// Control of so many bytes or fewer is copied.
const SHORT_CONTROL: usize = 4 << 10;

/// One room.
#[derive(Debug)]
pub(crate) struct Room {
    id: RoomId,
    secret: RoomSecret,
    tenant: Arc<str>,
    limits: RelayLimits,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    host: Option<Arc<HostQueue>>,
    /// When the host came last, in milliseconds since 1970: of two relays that have a room, the newer one does.
    stamp: u64,
    /// When the host was cut off last.
    lost_at: Option<Instant>,
    /// Counts the host's connections: an old one that ends late must not touch the new one.
    connection: u64,
    seats: BTreeMap<u32, Seat>,
    /// Counts the joiners' connections.
    entries: u64,
    /// Until when joiners come back that this relay has not known: the host brought the room from another.
    strangers_until: Option<Instant>,
    ended: bool,
}

/// A joiner's place.
#[derive(Debug)]
struct Seat {
    entry: u64,
    /// None while it is away.
    queue: Option<Arc<JoinerQueue>>,
    /// Until when it may come back.
    away_until: Option<Instant>,
    door: Option<Door>,
    who: Option<Who>,
    /// Which return the newest token is for; the one before is good until that was shown.
    count: u64,
    let_in: bool,
}

/// Which of a host's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Connection(u64);

/// Milliseconds since 1970, by this machine's clock.
pub(super) fn stamp() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// What became of a host's bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Passed {
    /// Joiners that fell behind.
    pub(crate) behind: u64,
    /// The most bytes that wait for one of them now.
    pub(crate) waiting: usize,
}

/// A joiner's connection to its room.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) tenant: Arc<str>,
    pub(crate) queue: Arc<JoinerQueue>,
    way: Way,
}

/// Where the room is.
#[derive(Debug)]
enum Way {
    Here {
        room: Arc<Room>,
        joiner: u32,
        number: u64,
        allowance: Arc<Semaphore>,
    },
    /// At another relay.
    There(Arc<Near>),
}

impl Room {
    pub(crate) fn new(secret: RoomSecret, tenant: Arc<str>, limits: RelayLimits) -> Self {
        Self { id: secret.room(), secret, tenant, limits, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn id(&self) -> RoomId {
        self.id
    }

    pub(crate) fn tenant(&self) -> &Arc<str> {
        &self.tenant
    }

    /// The room came from another relay: until then its joiners may come after it.
    pub(crate) fn take_strangers_until(&self, until: Instant) {
        self.lock().strangers_until = Some(until);
    }

    /// The host came, or came back: its earlier connection ends. `None` if the room has ended.
    pub(crate) fn host_came(&self, queue: &Arc<HostQueue>, stamp: u64) -> Option<Connection> {
        let mut state = self.lock();
        if state.ended {
            return None;
        }
        let back = state.connection > 0;
        if let Some(old) = state.host.replace(queue.clone()) {
            old.close();
        }
        state.connection += 1;
        state.stamp = stamp;
        queue.text(RelayToHost::Room { room: self.id.to_string(), secret: self.secret.reveal() });
        // Who was at the door of the old connection was asked there.
        let knocking: Vec<u32> = state.seats.iter().filter(|(_, s)| !s.let_in).map(|(n, _)| *n).collect();
        for joiner in knocking {
            turn_away(&mut state, joiner);
        }
        for (joiner, seat) in &state.seats {
            let Some(waiting) = &seat.queue else { continue };
            waiting.stops_following();
            if back {
                waiting.text(RelayToJoiner::HostBack {});
            }
            queue.text(RelayToHost::Came {
                joiner: *joiner,
                door: None,
                who: seat.who.clone(),
                resumed: true,
            });
        }
        Some(Connection(state.connection))
    }

    /// A connection of the host is gone. True if it was the newest and the room waits for the next.
    pub(crate) fn host_lost(&self, connection: Connection, now: Instant) -> bool {
        let mut state = self.lock();
        if state.ended || state.connection != connection.0 {
            return false;
        }
        if let Some(host) = state.host.take() {
            host.abandon();
        }
        state.lost_at = Some(now);
        for seat in state.seats.values().filter(|s| s.let_in) {
            if let Some(queue) = &seat.queue {
                queue.text(RelayToJoiner::HostLost {});
            }
        }
        true
    }

    /// Whether the host has not come back since `connection` was lost.
    pub(crate) fn still_lost(&self, connection: Connection) -> bool {
        let state = self.lock();
        state.connection == connection.0 && state.host.is_none() && !state.ended
    }

    /// Whether the host is there, or was until a `blink` ago.
    pub(crate) fn is_here(&self, blink: Duration, now: Instant) -> bool {
        let state = self.lock();
        let blinks = || state.lost_at.is_some_and(|at| now.duration_since(at) < blink);
        !state.ended && (state.host.is_some() || blinks())
    }

    /// When the host came last, and whether it is there, or was until a `blink` ago.
    pub(crate) fn claim(&self, blink: Duration, now: Instant) -> (u64, bool) {
        let here = self.is_here(blink, now);
        (self.lock().stamp, here)
    }

    /// Whether `connection` is the host's newest.
    pub(crate) fn is_current(&self, connection: Connection) -> bool {
        self.lock().connection == connection.0
    }

    /// The host sends bytes. `None` if the message is no parcel.
    pub(crate) fn parcel(&self, connection: Connection, message: &Bytes, now: Instant) -> Option<Passed> {
        let Parcel { joiner, kind, .. } = Parcel::parse(message)?;
        let mut bytes = message.slice(Parcel::HEADER_BYTES..);
        if kind == ParcelKind::Control && bytes.len() <= SHORT_CONTROL {
            // A slice would keep the whole buffer that was read with it.
            bytes = Bytes::copy_from_slice(&bytes);
        }
        let state = self.lock();
        if state.connection != connection.0 {
            return Some(Passed::default());
        }
        let mut passed = Passed::default();
        let mut push = |number: u32, seat: &Seat| {
            // A joiner that has just left is no fault of the host's.
            let Some(queue) = &seat.queue else { return };
            let pushed = match kind {
                ParcelKind::Control => queue.control(bytes.clone()),
                ParcelKind::Packet => queue.packet(bytes.clone(), now),
                ParcelKind::StartsOver => queue.starts_over(bytes.clone(), now),
            };
            let (control, packets) = queue.bytes();
            passed.waiting = passed.waiting.max(control + packets);
            if pushed == Pushed::Overflowed {
                passed.behind += 1;
                tell(&state, RelayToHost::Behind { joiner: number });
            }
        };
        match joiner {
            Some(number) => {
                if let Some(seat) = state.seats.get(&number) {
                    push(number, seat);
                }
            }
            None => state.seats.iter().filter(|(_, s)| s.let_in).for_each(|(n, s)| push(*n, s)),
        }
        Some(passed)
    }

    /// Somebody knocks at `door`. `None` if nobody can be asked.
    pub(crate) fn knock(self: &Arc<Self>, door: &Door, who: Option<Who>) -> Option<Entry> {
        let mut state = self.lock();
        let knocking = state.seats.values().filter(|s| !s.let_in).count();
        if state.ended || state.host.is_none() || knocking >= MOST_KNOCKING {
            return None;
        }
        let joiner = loop {
            let number = u32::from_le_bytes(random().ok()?);
            if number != 0 && !state.seats.contains_key(&number) {
                break number;
            }
        };
        let seat = Seat {
            entry: 0,
            queue: None,
            away_until: None,
            door: Some(door.clone()),
            who: who.clone(),
            count: 0,
            let_in: false,
        };
        let entry = self.sit(&mut state, joiner, seat);
        tell(&state, RelayToHost::Came { joiner, door: Some(door.clone()), who, resumed: false });
        Some(entry)
    }

    /// Gives a seat a new connection.
    fn sit(self: &Arc<Self>, state: &mut State, joiner: u32, seat: Seat) -> Entry {
        state.entries += 1;
        let number = state.entries;
        let queue = Arc::new(JoinerQueue::new(&self.limits));
        let seat = Seat { entry: number, queue: Some(queue.clone()), away_until: None, ..seat };
        state.seats.insert(joiner, seat);
        let way = Way::Here { room: self.clone(), joiner, number, allowance: allowance() };
        Entry { tenant: self.tenant.clone(), queue, way }
    }

    fn joined(&self, joiner: u32, count: u64) -> RelayToJoiner {
        RelayToJoiner::Joined(Place {
            room: self.id.to_string(),
            joiner,
            token: self.secret.token(joiner, count),
        })
    }

    /// The host lets a joiner in. The door it came by, if it was still waiting there.
    pub(crate) fn admit(&self, connection: Connection, joiner: u32) -> Option<Door> {
        let mut state = self.lock();
        if state.connection != connection.0 {
            return None;
        }
        if state.seats.get(&joiner).is_none_or(|s| s.let_in) {
            return None;
        }
        if state.seats.values().filter(|s| s.let_in).count() >= self.limits.agents {
            let seat = state.seats.remove(&joiner)?;
            let message = "as many as the relay allows are in this session already";
            if let Some(queue) = seat.queue {
                queue.refuse(refusal(RefusalKind::Full, message));
            }
            tell(&state, RelayToHost::Left { joiner });
            return None;
        }
        let text = self.joined(joiner, 0);
        let seat = state.seats.get_mut(&joiner)?;
        if !seat.queue.as_ref().is_some_and(|q| q.admit(text)) {
            return None;
        }
        seat.let_in = true;
        seat.door.clone()
    }

    /// The host does not let a joiner in.
    pub(crate) fn refuse(&self, connection: Connection, joiner: u32, reason: RefuseReason) {
        let mut state = self.lock();
        let waits = state.seats.get(&joiner).is_some_and(|s| !s.let_in);
        if state.connection == connection.0
            && waits
            && let Some(Seat { queue: Some(queue), .. }) = state.seats.remove(&joiner)
        {
            queue.refuse(because(reason));
        }
    }

    /// The host sends a joiner away; it cannot come back.
    pub(crate) fn dismiss(&self, connection: Connection, joiner: u32, reason: Ended) {
        let mut state = self.lock();
        let is_in = state.seats.get(&joiner).is_some_and(|s| s.let_in);
        if state.connection == connection.0
            && is_in
            && let Some(seat) = state.seats.remove(&joiner)
        {
            // Another relay's room would take the token of one that this one has not known.
            state.strangers_until = None;
            if let Some(queue) = seat.queue {
                queue.end(reason);
            }
        }
    }

    /// A joiner that was in comes back with the newest token that it has.
    pub(crate) fn resume(
        self: &Arc<Self>,
        joiner: u32,
        token: &str,
        who: Option<Who>,
        now: Instant,
    ) -> Option<Entry> {
        let count = self.secret.count_of(joiner, token)?;
        let mut state = self.lock();
        if state.ended || joiner == 0 {
            return None;
        }
        let known = match state.seats.get(&joiner) {
            Some(seat) => {
                let late = seat.away_until.is_some_and(|until| until <= now);
                // The answer to a return may be lost: a token is good until the next one was shown.
                if !seat.let_in || count.checked_add(1)? < seat.count || late {
                    return None;
                }
                seat.who.clone()
            }
            None if state.strangers_until.is_some_and(|until| now < until) => None,
            None => return None,
        };
        let count = count.checked_add(1)?;
        let full = state.seats.values().filter(|s| s.let_in).count() >= self.limits.agents;
        match state.seats.remove(&joiner) {
            Some(old) => {
                if let Some(queue) = old.queue {
                    queue.close();
                }
            }
            None if full => return None,
            None => {}
        }
        let who = who.or(known);
        let seat = Seat {
            entry: 0,
            queue: None,
            away_until: None,
            door: None,
            who: who.clone(),
            count,
            let_in: true,
        };
        let entry = self.sit(&mut state, joiner, seat);
        entry.queue.admit(self.joined(joiner, count));
        if state.host.is_none() {
            entry.queue.text(RelayToJoiner::HostLost {});
        }
        tell(&state, RelayToHost::Came { joiner, door: None, who, resumed: true });
        Some(entry)
    }

    /// Forgets joiners that have been away for too long.
    pub(crate) fn sweep(&self, now: Instant) {
        self.lock().seats.retain(|_, s| s.away_until.is_none_or(|until| now < until));
    }

    /// Tells the host, if it is there; one that comes back hears of all joiners anew.
    pub(crate) fn tell_host(&self, text: RelayToHost) {
        tell(&self.lock(), text);
    }

    /// The session is over: all connections are told and closed.
    pub(crate) fn end(&self, reason: Ended) {
        let mut state = self.lock();
        state.ended = true;
        for (_, seat) in std::mem::take(&mut state.seats) {
            match seat.queue {
                Some(queue) if seat.let_in => queue.end(reason),
                Some(queue) => queue.refuse(gone()),
                None => {}
            }
        }
        if let Some(host) = state.host.take() {
            host.close();
        }
    }

    /// The relay stops: both sides are told to come back elsewhere.
    pub(crate) fn go_away(&self, after_ms: impl Fn() -> u32) {
        let mut state = self.lock();
        state.ended = true;
        for (_, seat) in std::mem::take(&mut state.seats) {
            let Some(queue) = seat.queue else { continue };
            queue.text(RelayToJoiner::GoingAway { after_ms: after_ms() });
            queue.close();
        }
        if let Some(host) = state.host.take() {
            host.text(RelayToHost::GoingAway { after_ms: after_ms() });
            host.close();
        }
    }
}

impl Entry {
    /// To a room at another relay.
    pub(crate) fn there(tenant: Arc<str>, near: Arc<Near>) -> Self {
        Self { tenant, queue: near.queue.clone(), way: Way::There(near) }
    }

    /// Passes bytes on to the host; waits while too much of this joiner waits there. False if nobody reads them.
    pub(crate) async fn send(&self, bytes: &[u8]) -> bool {
        let (room, joiner, number, allowance) = match &self.way {
            Way::Here { room, joiner, number, allowance } => (room, *joiner, *number, allowance),
            Way::There(near) => return near.send(bytes).await,
        };
        let most = super::to_host::MOST_OF_ONE_JOINER;
        // Each message costs some memory however short it is.
        let part = u32::try_from((bytes.len() + MESSAGE_COSTS).min(most)).unwrap_or(u32::MAX);
        let Ok(permit) = allowance.clone().acquire_many_owned(part).await else { return false };
        let state = room.lock();
        let current = state.seats.get(&joiner).is_some_and(|s| s.entry == number);
        match &state.host {
            Some(host) if current => {
                host.bytes(joiner, bytes, permit);
                true
            }
            _ => false,
        }
    }

    /// So many bytes of the host's were written to the joiner.
    pub(crate) fn wrote(&self, bytes: usize) {
        if let Way::There(near) = &self.way {
            near.wrote(bytes);
        }
    }

    /// All that was on its way after packets were dropped is written.
    pub(crate) fn drained(&self) {
        let Way::Here { room, joiner, number, .. } = &self.way else { return };
        let state = room.lock();
        if state.seats.get(joiner).is_some_and(|s| s.entry == *number) {
            tell(&state, RelayToHost::Ready { joiner: *joiner });
        }
    }

    /// The connection is gone. One that was in may be back until `until`.
    pub(crate) fn left(&self, until: Instant) {
        let (room, joiner, number) = match &self.way {
            Way::Here { room, joiner, number, .. } => (room, *joiner, *number),
            Way::There(near) => return near.left(),
        };
        let mut state = room.lock();
        let Some(seat) = state.seats.get_mut(&joiner).filter(|s| s.entry == number) else { return };
        seat.queue = None;
        seat.away_until = Some(until);
        if !seat.let_in {
            state.seats.remove(&joiner);
        }
        tell(&state, RelayToHost::Left { joiner });
    }
}

fn tell(state: &State, text: RelayToHost) {
    if let Some(host) = &state.host {
        host.text(text);
    }
}

fn turn_away(state: &mut State, joiner: u32) {
    if let Some(Seat { queue: Some(queue), .. }) = state.seats.remove(&joiner) {
        queue.refuse(gone());
    }
}

fn gone() -> Refusal {
    refusal(RefusalKind::Unavailable, "the other side is not there any more")
}

fn because(reason: RefuseReason) -> Refusal {
    let message = match reason {
        RefuseReason::WrongKey => super::WRONG_KEY,
        RefuseReason::Declined => "the other side said no",
        RefuseReason::Full => "the other side takes nobody more",
    };
    refusal(reason.into(), message)
}

/// Whether a joiner's queue says that it is in.
pub(crate) fn is_in(queue: &JoinerQueue) -> bool {
    queue.standing() == Standing::In
}
