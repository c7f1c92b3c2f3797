//! One session: a visitor that may be away for a while, and its agents.

use crate::config::RelayLimits;
use crate::queue::{AgentQueue, Pushed, VisitorQueue};
use axum::body::Bytes;
use panecast_protocol::{EndReason, Envelope, Holds, RelayToAgent, RelayToVisitor, SessionKey, StreamState};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One session.
#[derive(Debug)]
pub(crate) struct Room {
    key: SessionKey,
    secret: Secret,
    limits: RelayLimits,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    visitor: Option<Arc<VisitorQueue>>,
    /// Counts the visitor's connections: an old one that ends late must not touch the new one.
    connection: u64,
    agents: BTreeMap<u32, Arc<AgentQueue>>,
    /// What agents hold, told while the visitor is away: nothing reaches them before it is back.
    held: BTreeMap<u32, Holds>,
    last_agent: u32,
    /// What the visitor last said, for agents that come later.
    picture: Option<(StreamState, String)>,
    ended: bool,
}

/// Which of a visitor's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Connection(u64);

/// Why an agent cannot join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JoinError {
    Full,
    Ended,
}

impl Room {
    pub(crate) fn new(key: SessionKey, secret: Secret, limits: RelayLimits) -> Self {
        Self { key, secret, limits, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn key(&self) -> SessionKey {
        self.key
    }

    pub(crate) fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The visitor came, or came back: its earlier connection ends, and every agent needs a snapshot. `None`
    /// if the room has ended.
    pub(crate) fn visitor_came(&self, queue: &Arc<VisitorQueue>) -> Option<Connection> {
        let mut state = self.lock();
        if state.ended {
            return None;
        }
        if let Some(old) = state.visitor.replace(queue.clone()) {
            old.close();
        }
        state.connection += 1;
        queue.text(RelayToVisitor::Room { key: self.key.to_string(), secret: self.secret.to_string() });
        let mut held = std::mem::take(&mut state.held);
        for (agent, waiting) in &state.agents {
            waiting.desync();
            queue.text(RelayToVisitor::AgentJoined { agent: *agent, holds: held.remove(agent) });
        }
        Some(Connection(state.connection))
    }

    /// A connection of the visitor is gone. True if it was the newest and the room waits for the next.
    pub(crate) fn visitor_lost(&self, connection: Connection) -> bool {
        let mut state = self.lock();
        if state.ended || state.connection != connection.0 {
            return false;
        }
        state.visitor = None;
        for agent in state.agents.values() {
            agent.text(RelayToAgent::VisitorLost {});
        }
        true
    }

    /// Whether `connection` is the visitor's newest.
    pub(crate) fn is_current(&self, connection: Connection) -> bool {
        self.lock().connection == connection.0
    }

    /// Whether the visitor has not come back since `connection` was lost.
    pub(crate) fn still_lost(&self, connection: Connection) -> bool {
        let state = self.lock();
        state.connection == connection.0 && state.visitor.is_none()
    }

    /// The visitor tells how the picture lives.
    pub(crate) fn picture(&self, connection: Connection, picture: StreamState, source: String) {
        let mut state = self.lock();
        if state.connection != connection.0 {
            return;
        }
        for agent in state.agents.values() {
            agent.text(RelayToAgent::State { state: picture, source: source.clone() });
        }
        state.picture = Some((picture, source));
    }

    /// The visitor sends a packet. False if the message is none.
    pub(crate) fn envelope(&self, connection: Connection, message: &Bytes) -> bool {
        let Some(to) = Envelope::parse(message).map(|e| e.agent) else { return false };
        let packet = message.slice(Envelope::HEADER_BYTES..);
        let state = self.lock();
        if state.connection != connection.0 {
            return true;
        }
        match to {
            // An agent that has just left is no fault of the visitor's.
            Some(number) => {
                if let Some(agent) = state.agents.get(&number) {
                    agent.snapshot(packet);
                }
            }
            None => {
                for (number, agent) in &state.agents {
                    if agent.packet(packet.clone()) == Pushed::Overflowed {
                        tell(&state, RelayToVisitor::AgentBehind { agent: *number });
                    }
                }
            }
        }
        true
    }

    /// An agent came, which still holds something if it was here before: its number and its queue.
    pub(crate) fn agent_came(&self, holds: Option<Holds>) -> Result<(u32, Arc<AgentQueue>), JoinError> {
        let mut state = self.lock();
        if state.ended {
            return Err(JoinError::Ended);
        }
        if state.agents.len() >= self.limits.agents {
            return Err(JoinError::Full);
        }
        let number = state.last_agent.checked_add(1).ok_or(JoinError::Full)?;
        state.last_agent = number;
        let queue = Arc::new(AgentQueue::new(&self.limits));
        queue.text(RelayToAgent::Joined { agent: number });
        if let Some((picture, source)) = &state.picture {
            queue.text(RelayToAgent::State { state: *picture, source: source.clone() });
        }
        if state.visitor.is_none() {
            queue.text(RelayToAgent::VisitorLost {});
        }
        state.agents.insert(number, queue.clone());
        match (&state.visitor, holds) {
            (None, Some(holds)) => drop(state.held.insert(number, holds)),
            (_, holds) => tell(&state, RelayToVisitor::AgentJoined { agent: number, holds }),
        }
        Ok((number, queue))
    }

    /// An agent left.
    pub(crate) fn agent_left(&self, agent: u32) {
        let mut state = self.lock();
        state.held.remove(&agent);
        if state.agents.remove(&agent).is_some() {
            tell(&state, RelayToVisitor::AgentLeft { agent });
        }
    }

    /// An agent has painted an update.
    pub(crate) fn agent_acked(&self, agent: u32, sequence: u64, held_us: u64) {
        tell(&self.lock(), RelayToVisitor::Ack { agent, sequence, held_us });
    }

    /// An agent tells what it holds. With the visitor there, packets are on their way and it is out of date.
    pub(crate) fn agent_holds(&self, agent: u32, picture: Holds) {
        let mut state = self.lock();
        if state.visitor.is_none() && state.agents.contains_key(&agent) {
            state.held.insert(agent, picture);
        }
    }

    /// An agent lost the thread. Asking again before the snapshot came changes nothing.
    pub(crate) fn agent_lost_thread(&self, agent: u32) {
        let mut state = self.lock();
        state.held.remove(&agent);
        if state.agents.get(&agent).is_some_and(|a| a.desync()) {
            tell(&state, RelayToVisitor::AgentJoined { agent, holds: None });
        }
    }

    /// An agent whose queue was dropped has taken all that was on its way.
    pub(crate) fn agent_drained(&self, agent: u32) {
        tell(&self.lock(), RelayToVisitor::AgentJoined { agent, holds: None });
    }

    /// The session is over: all connections are told and closed.
    pub(crate) fn end(&self, reason: EndReason) {
        let mut state = self.lock();
        if std::mem::replace(&mut state.ended, true) {
            return;
        }
        for agent in state.agents.values() {
            agent.text(RelayToAgent::End { reason });
            agent.close();
        }
        if let Some(visitor) = state.visitor.take() {
            visitor.close();
        }
    }
}

/// Tells the visitor, if it is there; one that comes back hears of all agents anew.
fn tell(state: &State, text: RelayToVisitor) {
    if let Some(visitor) = &state.visitor {
        visitor.text(text);
    }
}

/// Rounds of PBKDF2-HMAC-SHA-256 from a secret to its key: some milliseconds for the relay, 2^54 hashes for who
/// wants another secret of a key.
const KEY_ROUNDS: u32 = 10_000;

/// What proves that a visitor owns a room: 128 random bits.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn from_random(bits: [u8; 16]) -> Self {
        Self(bits.iter().map(|b| format!("{b:02x}")).collect())
    }

    /// The secret that `told` writes out; `None` if it cannot be one of a relay's.
    pub(crate) fn from_text(told: &str) -> Option<Self> {
        let sound = told.len() == 32 && told.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        sound.then(|| Self(told.to_owned()))
    }

    /// The key of the room that the secret proves.
    ///
    /// Keys follow from secrets, so that a relay that keeps nothing on disk can tell the visitor whose room it
    /// was from somebody who merely knows its key. A key has 40 bits; [`KEY_ROUNDS`] make trying secrets until one
    /// fits hopeless within the time in which rooms are opened again.
    pub(crate) fn key(&self) -> SessionKey {
        let mut bits = [0; 5];
        pbkdf2::pbkdf2_hmac::<pbkdf2::sha2::Sha256>(
            self.0.as_bytes(),
            b"panecast room key",
            KEY_ROUNDS,
            &mut bits,
        );
        SessionKey::from_random(bits)
    }

    /// Whether `told` is the secret, in a time that does not depend on where they differ.
    pub(crate) fn matches(&self, told: &str) -> bool {
        let (own, told) = (self.0.as_bytes(), told.as_bytes());
        own.len() == told.len() && own.iter().zip(told).fold(0, |d, (a, b)| d | (a ^ b)) == 0
    }
}

impl std::fmt::Display for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::ForAgent;

    fn room() -> Room {
        let limits = RelayLimits { agents: 2, queue_packets: 2, ..RelayLimits::default() };
        Room::new(SessionKey::from_random([1; 5]), Secret::from_random([2; 16]), limits)
    }

    fn envelope(agent: u32, packet: &[u8]) -> Bytes {
        Envelope { agent: (agent != 0).then_some(agent), packet }.to_bytes().into()
    }

    async fn texts(queue: &VisitorQueue) -> Vec<RelayToVisitor> {
        queue.close();
        let mut all = Vec::new();
        while let Some(t) = queue.next().await {
            all.push(t);
        }
        all
    }

    #[test]
    fn only_the_whole_secret_matches() {
        let secret = Secret::from_random([0xab; 16]);
        assert!(secret.matches(&secret.to_string()));
        assert!(!secret.matches(&secret.to_string()[1..]));
        assert!(!secret.matches(&secret.to_string().replace('a', "b")));
        assert!(!secret.matches(""));
    }

    #[tokio::test]
    async fn a_visitor_that_comes_back_is_told_of_all_agents() {
        let room = room();
        let (first, second) = (Arc::new(VisitorQueue::default()), Arc::new(VisitorQueue::default()));
        let old = room.visitor_came(&first).unwrap();
        room.agent_came(None).unwrap();
        room.agent_came(None).unwrap();
        assert_eq!(room.agent_came(None).unwrap_err(), JoinError::Full);
        room.agent_left(1);
        let new = room.visitor_came(&second).unwrap();
        assert!(!room.is_current(old) && room.is_current(new));
        assert!(!room.visitor_lost(old), "the old connection's end is no loss");
        assert_eq!(first.next().await.map(|_| ()), Some(()), "what waited is written");
        let told = texts(&second).await;
        assert!(matches!(told[0], RelayToVisitor::Room { .. }));
        assert_eq!(told[1..], [RelayToVisitor::AgentJoined { agent: 2, holds: None }]);
        assert!(room.visitor_lost(new) && room.still_lost(new));
    }

    #[tokio::test]
    async fn what_agents_hold_is_kept_for_a_visitor_that_is_away_and_told_once() {
        let holds = |n| Holds { width: 64, height: 64, tiles: vec![n] };
        let room = room();
        let (first, second, third) =
            (VisitorQueue::default(), VisitorQueue::default(), VisitorQueue::default());
        let [first, second, third] = [first, second, third].map(Arc::new);
        let connection = room.visitor_came(&first).unwrap();
        room.agent_came(Some(holds(1))).unwrap();
        room.agent_holds(1, holds(2));
        let told = texts(&first).await;
        assert_eq!(told[1..], [RelayToVisitor::AgentJoined { agent: 1, holds: Some(holds(1)) }]);
        assert!(room.visitor_lost(connection));
        room.agent_holds(1, holds(3));
        room.agent_holds(7, holds(4));
        room.agent_came(Some(holds(5))).unwrap();
        room.visitor_came(&second).unwrap();
        let told = texts(&second).await;
        assert_eq!(
            told[1..],
            [(1, 3), (2, 5)].map(|(agent, n)| RelayToVisitor::AgentJoined { agent, holds: Some(holds(n)) })
        );
        room.visitor_came(&third).unwrap();
        let told = texts(&third).await;
        assert_eq!(told[1..], [1, 2].map(|agent| RelayToVisitor::AgentJoined { agent, holds: None }));
    }

    #[tokio::test]
    async fn an_agent_that_falls_behind_is_named_once_and_again_when_it_reads() {
        let room = room();
        let visitor = Arc::new(VisitorQueue::default());
        let connection = room.visitor_came(&visitor).unwrap();
        let (slow, queue) = room.agent_came(None).unwrap();
        room.envelope(connection, &envelope(slow, b"snapshot"));
        for _ in 0..100 {
            room.envelope(connection, &envelope(0, b"update"));
        }
        assert!(matches!(queue.next().await, ForAgent::Text(RelayToAgent::Joined { .. })));
        assert_eq!(queue.next().await, ForAgent::Drained);
        room.agent_drained(slow);
        let told = texts(&visitor).await;
        assert_eq!(
            told[1..],
            [
                RelayToVisitor::AgentJoined { agent: slow, holds: None },
                RelayToVisitor::AgentBehind { agent: slow },
                RelayToVisitor::AgentJoined { agent: slow, holds: None },
            ]
        );
    }

    #[tokio::test]
    async fn asking_for_snapshots_over_and_over_gives_one() {
        let room = room();
        let visitor = Arc::new(VisitorQueue::default());
        let connection = room.visitor_came(&visitor).unwrap();
        let (agent, _queue) = room.agent_came(None).unwrap();
        room.envelope(connection, &envelope(agent, b"snapshot"));
        for _ in 0..100 {
            room.agent_lost_thread(agent);
        }
        let joined = RelayToVisitor::AgentJoined { agent, holds: None };
        assert_eq!(texts(&visitor).await[1..], [joined.clone(), joined]);
    }

    #[tokio::test]
    async fn the_end_is_told_and_nothing_follows() {
        let room = room();
        let visitor = Arc::new(VisitorQueue::default());
        let connection = room.visitor_came(&visitor).unwrap();
        let (agent, queue) = room.agent_came(None).unwrap();
        room.end(EndReason::VisitorStopped);
        room.end(EndReason::RelayStopped);
        room.envelope(connection, &envelope(agent, b"snapshot"));
        assert!(matches!(queue.next().await, ForAgent::Text(RelayToAgent::Joined { .. })));
        let end = RelayToAgent::End { reason: EndReason::VisitorStopped };
        assert_eq!(queue.next().await, ForAgent::Text(end));
        assert_eq!(queue.next().await, ForAgent::Close);
        assert_eq!(room.agent_came(None).unwrap_err(), JoinError::Ended);
        assert!(room.visitor_came(&visitor).is_none() && !room.visitor_lost(connection));
    }
}
