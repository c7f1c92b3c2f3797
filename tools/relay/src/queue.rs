//! What waits to be written to one connection: always bounded.

use crate::config::RelayLimits;
use axum::body::Bytes;
use panecast_protocol::{RelayToAgent, RelayToVisitor};
use std::collections::VecDeque;
use std::mem::discriminant;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Most messages that wait for a visitor. It gets small texts only, and acknowledgements replace each other;
/// one that leaves this many unread is gone.
const MOST_FOR_VISITOR: usize = 1024;

/// Behind so many texts an agent is named without what it holds, the only thing that is large: it gets a snapshot.
const MOST_BEFORE_HOLDS: usize = 32;

/// What an agent's writer does next.
#[derive(Debug, PartialEq)]
pub(crate) enum ForAgent {
    Text(RelayToAgent),
    Packet(Bytes),
    /// The queue was dropped earlier and all that was on its way is written: time for a snapshot.
    Drained,
    Close,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    Queued,
    /// The agent waits for its snapshot.
    Skipped,
    /// The queue was full and has been dropped; the agent now waits for a snapshot.
    Overflowed,
}

/// The queue of one agent: packets within both bounds, one text of each kind.
#[derive(Debug)]
pub(crate) struct AgentQueue {
    inner: Mutex<AgentInner>,
    wake: Notify,
    most_bytes: usize,
    most_packets: usize,
}

#[derive(Debug, Default)]
struct AgentInner {
    items: VecDeque<ForAgent>,
    bytes: usize,
    packets: usize,
    /// It has had a snapshot and follows.
    synced: bool,
    /// Its queue was dropped and the writer has not come round since.
    dropped: bool,
    closed: bool,
}

impl AgentInner {
    fn drop_packets(&mut self) {
        self.items.retain(|i| !matches!(i, ForAgent::Packet(_)));
        (self.bytes, self.packets) = (0, 0);
    }

    fn push_packet(&mut self, packet: Bytes) {
        self.bytes += packet.len();
        self.packets += 1;
        self.items.push_back(ForAgent::Packet(packet));
    }
}

impl AgentQueue {
    pub(crate) fn new(limits: &RelayLimits) -> Self {
        Self {
            inner: Mutex::default(),
            wake: Notify::new(),
            most_bytes: limits.queue_bytes,
            most_packets: limits.queue_packets.max(1),
        }
    }

    fn lock(&self) -> MutexGuard<'_, AgentInner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a text; it replaces one of the same kind that still waits.
    pub(crate) fn text(&self, text: RelayToAgent) {
        let mut inner = self.lock();
        if inner.closed {
            return;
        }
        let kind = discriminant(&text);
        inner.items.retain(|i| !matches!(i, ForAgent::Text(t) if discriminant(t) == kind));
        inner.items.push_back(ForAgent::Text(text));
        self.wake.notify_one();
    }

    /// Queues a packet for all.
    pub(crate) fn packet(&self, packet: Bytes) -> Pushed {
        let mut inner = self.lock();
        if inner.closed || !inner.synced {
            return Pushed::Skipped;
        }
        if inner.packets >= self.most_packets || inner.bytes + packet.len() > self.most_bytes {
            inner.drop_packets();
            inner.synced = false;
            inner.dropped = true;
            self.wake.notify_one();
            return Pushed::Overflowed;
        }
        inner.push_packet(packet);
        self.wake.notify_one();
        Pushed::Queued
    }

    /// Queues a snapshot in place of all packets that still wait: it holds what they would have led to.
    pub(crate) fn snapshot(&self, packet: Bytes) {
        let mut inner = self.lock();
        if inner.closed {
            return;
        }
        inner.drop_packets();
        inner.push_packet(packet);
        inner.synced = true;
        inner.dropped = false;
        self.wake.notify_one();
    }

    /// Drops the packets and skips more until a snapshot comes. False if that was so already.
    pub(crate) fn desync(&self) -> bool {
        let mut inner = self.lock();
        inner.drop_packets();
        inner.dropped = false;
        std::mem::replace(&mut inner.synced, false)
    }

    /// Ends the queue: texts that wait are still written, packets are not.
    pub(crate) fn close(&self) {
        let mut inner = self.lock();
        if !inner.closed {
            inner.drop_packets();
            inner.items.push_back(ForAgent::Close);
            inner.closed = true;
            self.wake.notify_one();
        }
    }

    /// Waits for what to write next. For one writer; dropping the future loses nothing.
    pub(crate) async fn next(&self) -> ForAgent {
        loop {
            {
                let mut inner = self.lock();
                if let Some(item) = inner.items.pop_front() {
                    if let ForAgent::Packet(p) = &item {
                        inner.bytes -= p.len();
                        inner.packets -= 1;
                    }
                    return item;
                }
                if std::mem::take(&mut inner.dropped) {
                    return ForAgent::Drained;
                }
                if inner.closed {
                    return ForAgent::Close;
                }
            }
            self.wake.notified().await;
        }
    }

    /// Bytes of the packets that wait.
    #[cfg(test)]
    fn bytes(&self) -> usize {
        self.lock().bytes
    }
}

/// The queue of one visitor.
#[derive(Debug, Default)]
pub(crate) struct VisitorQueue {
    inner: Mutex<VisitorInner>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct VisitorInner {
    texts: VecDeque<RelayToVisitor>,
    closed: bool,
}

impl VisitorQueue {
    fn lock(&self) -> MutexGuard<'_, VisitorInner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a text. A newer acknowledgement replaces an older one of the same agent; a visitor that lets
    /// [`MOST_FOR_VISITOR`] texts pile up is closed.
    pub(crate) fn text(&self, mut text: RelayToVisitor) {
        let mut inner = self.lock();
        if inner.closed {
            return;
        }
        if let RelayToVisitor::Ack { agent, sequence, .. } = text {
            let of_agent = inner.texts.iter_mut().rev().find(|t| names(t) == Some(agent));
            if let Some(waiting @ RelayToVisitor::Ack { .. }) = of_agent {
                if !matches!(waiting, RelayToVisitor::Ack { sequence: newer, .. } if *newer > sequence) {
                    *waiting = text;
                }
                return;
            }
        }
        if let RelayToVisitor::AgentJoined { holds, .. } = &mut text
            && inner.texts.len() >= MOST_BEFORE_HOLDS
        {
            *holds = None;
        }
        if inner.texts.len() >= MOST_FOR_VISITOR {
            inner.texts.clear();
            inner.closed = true;
        } else {
            inner.texts.push_back(text);
        }
        self.wake.notify_one();
    }

    /// Ends the queue; texts that wait are still written.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_one();
    }

    /// Waits for what to write next; `None` at the end. For one writer; dropping the future loses nothing.
    pub(crate) async fn next(&self) -> Option<RelayToVisitor> {
        loop {
            {
                let mut inner = self.lock();
                if let Some(text) = inner.texts.pop_front() {
                    return Some(text);
                }
                if inner.closed {
                    return None;
                }
            }
            self.wake.notified().await;
        }
    }
}

/// The agent that `text` is about.
fn names(text: &RelayToVisitor) -> Option<u32> {
    match text {
        RelayToVisitor::AgentJoined { agent, .. }
        | RelayToVisitor::AgentLeft { agent }
        | RelayToVisitor::AgentBehind { agent }
        | RelayToVisitor::Ack { agent, .. } => Some(*agent),
        RelayToVisitor::Room { .. } | RelayToVisitor::Refused(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use panecast_protocol::{Holds, StreamState};

    fn queue(bytes: usize, packets: usize) -> AgentQueue {
        AgentQueue::new(&RelayLimits { queue_bytes: bytes, queue_packets: packets, ..RelayLimits::default() })
    }

    fn state(source: &str) -> RelayToAgent {
        RelayToAgent::State { state: StreamState::Live, source: source.into() }
    }

    #[tokio::test]
    async fn packets_before_the_snapshot_are_skipped() {
        let q = queue(100, 10);
        assert_eq!(q.packet(Bytes::from_static(b"early")), Pushed::Skipped);
        q.snapshot(Bytes::from_static(b"snap"));
        assert_eq!(q.packet(Bytes::from_static(b"next")), Pushed::Queued);
        assert_eq!(q.next().await, ForAgent::Packet(Bytes::from_static(b"snap")));
        assert_eq!(q.next().await, ForAgent::Packet(Bytes::from_static(b"next")));
        assert_eq!(q.bytes(), 0);
    }

    #[tokio::test]
    async fn a_full_queue_is_dropped_and_stays_empty_until_a_snapshot() {
        for (q, fits) in [(queue(10, 100), 2), (queue(1000, 4), 4)] {
            q.snapshot(Bytes::from_static(b""));
            q.next().await;
            for _ in 0..fits {
                assert_eq!(q.packet(Bytes::from_static(b"12345")), Pushed::Queued);
            }
            assert_eq!(q.packet(Bytes::from_static(b"12345")), Pushed::Overflowed);
            for _ in 0..100 {
                assert_eq!(q.packet(Bytes::from_static(b"12345")), Pushed::Skipped);
            }
            assert_eq!(q.bytes(), 0);
            assert_eq!(q.next().await, ForAgent::Drained);
            q.snapshot(Bytes::from(vec![0; 5000]));
            assert_eq!(q.bytes(), 5000, "a snapshot always fits");
            assert!(matches!(q.next().await, ForAgent::Packet(_)));
            assert_eq!(q.packet(Bytes::from_static(b"1")), Pushed::Queued);
        }
    }

    #[tokio::test]
    async fn a_snapshot_takes_the_place_of_what_waits() {
        let q = queue(100, 10);
        q.snapshot(Bytes::from_static(b"old"));
        q.packet(Bytes::from_static(b"update"));
        q.text(state("a"));
        q.snapshot(Bytes::from_static(b"new"));
        assert_eq!(q.next().await, ForAgent::Text(state("a")));
        assert_eq!(q.next().await, ForAgent::Packet(Bytes::from_static(b"new")));
    }

    #[tokio::test]
    async fn texts_of_a_kind_replace_each_other() {
        let q = queue(100, 10);
        for i in 0..1000 {
            q.text(state(&i.to_string()));
            q.text(RelayToAgent::VisitorLost {});
        }
        q.close();
        q.text(state("late"));
        assert_eq!(q.next().await, ForAgent::Text(state("999")));
        assert_eq!(q.next().await, ForAgent::Text(RelayToAgent::VisitorLost {}));
        assert_eq!(q.next().await, ForAgent::Close);
        assert_eq!(q.next().await, ForAgent::Close);
    }

    #[tokio::test]
    async fn acknowledgements_replace_each_other_but_not_across_a_join() {
        let q = VisitorQueue::default();
        for sequence in 1..5000 {
            q.text(RelayToVisitor::Ack { agent: 1, sequence, held_us: sequence });
            q.text(RelayToVisitor::Ack { agent: 2, sequence, held_us: 0 });
        }
        q.text(RelayToVisitor::AgentJoined { agent: 1, holds: None });
        q.text(RelayToVisitor::Ack { agent: 1, sequence: 7, held_us: 0 });
        q.close();
        assert_eq!(q.next().await, Some(RelayToVisitor::Ack { agent: 1, sequence: 4999, held_us: 4999 }));
        assert_eq!(q.next().await, Some(RelayToVisitor::Ack { agent: 2, sequence: 4999, held_us: 0 }));
        assert_eq!(q.next().await, Some(RelayToVisitor::AgentJoined { agent: 1, holds: None }));
        assert_eq!(q.next().await, Some(RelayToVisitor::Ack { agent: 1, sequence: 7, held_us: 0 }));
        assert_eq!(q.next().await, None);
    }

    #[tokio::test]
    async fn a_visitor_that_never_reads_is_closed() {
        let q = VisitorQueue::default();
        for agent in 0..2 * MOST_FOR_VISITOR as u32 {
            q.text(RelayToVisitor::AgentJoined { agent, holds: None });
        }
        assert_eq!(q.next().await, None);
    }

    #[tokio::test]
    async fn what_agents_hold_does_not_pile_up() {
        let q = VisitorQueue::default();
        for agent in 0..100 {
            let holds = Some(Holds { width: 64, height: 64, tiles: vec![agent] });
            q.text(RelayToVisitor::AgentJoined { agent, holds });
        }
        for agent in 0..100 {
            let Some(RelayToVisitor::AgentJoined { agent: named, holds }) = q.next().await else {
                panic!("{agent} is not named")
            };
            assert_eq!((named, holds.is_some()), (agent, agent < MOST_BEFORE_HOLDS as u32));
        }
    }
}
