//! What waits to be written to one joiner: control in order, packets that may be dropped, both bounded.

use super::room::MESSAGE_COSTS;
use crate::config::RelayLimits;
use axum::body::Bytes;
use panecast_protocol::{Ended, Refusal, RelayToJoiner};
use std::collections::VecDeque;
use std::mem::discriminant;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::time::Instant;

/// What may wait for a joiner whose host is at another relay, beside one message: more than is ever sent ahead.
const AHEAD_OF_ANOTHER_RELAY: usize = 2 << 20;

/// What a joiner's writer does next.
#[derive(Debug, PartialEq)]
pub(crate) enum ForJoiner {
    Text(RelayToJoiner),
    Control(Bytes),
    /// A packet, and since when it waited.
    Packet(Bytes, Instant),
    /// Packets were dropped earlier and all that was on its way is written: time to start over.
    Ready,
    Close,
}

/// What became of bytes for a joiner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    Queued,
    /// The joiner does not follow, or is gone.
    Skipped,
    /// Too much waited: all packets are dropped, and the joiner waits to be started over.
    Overflowed,
    /// Too much control waited: the joiner is closed.
    Closed,
}

/// How a joiner stands with its host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// At the door.
    Knocking,
    /// Let in.
    In,
    /// Not let in.
    Refused(Refusal),
}

/// The queue of one joiner.
#[derive(Debug)]
pub(crate) struct JoinerQueue {
    inner: Mutex<Inner>,
    wake: Notify,
    limits: RelayLimits,
}

#[derive(Debug)]
struct Inner {
    items: VecDeque<ForJoiner>,
    standing: Standing,
    /// Since when each packet waits, oldest first.
    since: VecDeque<Instant>,
    packet_bytes: usize,
    control_bytes: usize,
    /// It has been started over and follows.
    follows: bool,
    /// Packets were dropped and the writer has not come round since.
    dropped: bool,
    closed: bool,
}

impl Inner {
    fn drop_packets(&mut self) {
        self.items.retain(|i| !matches!(i, ForJoiner::Packet(..)));
        self.since.clear();
        self.packet_bytes = 0;
    }

    fn push_packet(&mut self, packet: Bytes, now: Instant) {
        self.packet_bytes += packet.len();
        self.since.push_back(now);
        self.items.push_back(ForJoiner::Packet(packet, now));
    }

    fn pop(&mut self) -> Option<ForJoiner> {
        let item = self.items.pop_front()?;
        match &item {
            ForJoiner::Packet(p, _) => {
                self.packet_bytes -= p.len();
                self.since.pop_front();
            }
            ForJoiner::Control(c) => self.control_bytes -= c.len() + MESSAGE_COSTS,
            _ => {}
        }
        Some(item)
    }
}

impl JoinerQueue {
    pub(crate) fn new(limits: &RelayLimits) -> Self {
        Self {
            inner: Mutex::new(Inner {
                items: VecDeque::new(),
                standing: Standing::Knocking,
                since: VecDeque::new(),
                packet_bytes: 0,
                control_bytes: 0,
                follows: false,
                dropped: false,
                closed: false,
            }),
            wake: Notify::new(),
            limits: *limits,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the joiner in with this message. False if it is in, refused or gone.
    pub(crate) fn admit(&self, joined: RelayToJoiner) -> bool {
        let mut inner = self.lock();
        if inner.closed || inner.standing != Standing::Knocking {
            return false;
        }
        inner.standing = Standing::In;
        inner.items.push_back(ForJoiner::Text(joined));
        self.wake.notify_one();
        true
    }

    /// Does not let the joiner in. Nothing happens if it is in.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        let mut inner = self.lock();
        if inner.standing == Standing::Knocking {
            inner.standing = Standing::Refused(refusal);
            self.wake.notify_one();
        }
    }

    /// Queues a text; it replaces one of the same kind that still waits.
    pub(crate) fn text(&self, text: RelayToJoiner) {
        let mut inner = self.lock();
        if inner.closed {
            return;
        }
        let kind = discriminant(&text);
        inner.items.retain(|i| !matches!(i, ForJoiner::Text(t) if discriminant(t) == kind));
        inner.items.push_back(ForJoiner::Text(text));
        self.wake.notify_one();
    }

    /// Queues bytes that must not be lost. A joiner that lets too many of them wait is closed.
    pub(crate) fn control(&self, bytes: Bytes) -> Pushed {
        let mut inner = self.lock();
        if inner.closed {
            return Pushed::Skipped;
        }
        let most = match inner.standing {
            Standing::In => self.limits.control_bytes,
            _ => self.limits.knock_bytes,
        };
        if inner.control_bytes + bytes.len() + MESSAGE_COSTS > most {
            drop(inner);
            self.end(Ended::TooFarBehind);
            return Pushed::Closed;
        }
        inner.control_bytes += bytes.len() + MESSAGE_COSTS;
        inner.items.push_back(ForJoiner::Control(bytes));
        self.wake.notify_one();
        Pushed::Queued
    }

    /// Queues a packet of the stream.
    pub(crate) fn packet(&self, packet: Bytes, now: Instant) -> Pushed {
        let mut inner = self.lock();
        if inner.closed || !inner.follows {
            return Pushed::Skipped;
        }
        let stale = inner.since.front().is_some_and(|s| now.duration_since(*s) > self.limits.queue_age);
        if stale
            || inner.since.len() >= self.limits.queue_packets.max(1)
            || inner.packet_bytes + packet.len() > self.limits.joiner_queue_bytes
        {
            inner.drop_packets();
            inner.follows = false;
            inner.dropped = true;
            self.wake.notify_one();
            return Pushed::Overflowed;
        }
        inner.push_packet(packet, now);
        self.wake.notify_one();
        Pushed::Queued
    }

    /// Queues what the stream starts over with, in place of all packets that still wait.
    pub(crate) fn starts_over(&self, packet: Bytes, now: Instant) -> Pushed {
        let mut inner = self.lock();
        if inner.closed || inner.standing != Standing::In {
            return Pushed::Skipped;
        }
        inner.drop_packets();
        inner.push_packet(packet, now);
        inner.follows = true;
        inner.dropped = false;
        self.wake.notify_one();
        Pushed::Queued
    }

    /// Drops the packets and skips more until the stream starts over.
    pub(crate) fn stops_following(&self) {
        let mut inner = self.lock();
        inner.drop_packets();
        inner.dropped = false;
        inner.follows = false;
    }

    /// Tells the joiner that it is over, and closes.
    pub(crate) fn end(&self, reason: Ended) {
        self.text(RelayToJoiner::End { reason });
        self.close();
    }

    /// Ends the queue: what is not a packet is still written.
    pub(crate) fn close(&self) {
        let mut inner = self.lock();
        if !inner.closed {
            inner.drop_packets();
            inner.items.push_back(ForJoiner::Close);
            inner.closed = true;
            self.wake.notify_one();
        }
    }

    /// How the joiner stands.
    pub(crate) fn standing(&self) -> Standing {
        self.lock().standing.clone()
    }

    /// The next bytes for one that knocks, if there are any.
    pub(crate) fn answer(&self) -> Option<Bytes> {
        let mut inner = self.lock();
        match inner.items.front() {
            Some(ForJoiner::Control(_)) => match inner.pop() {
                Some(ForJoiner::Control(bytes)) => Some(bytes),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether the relay has closed this queue.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Waits until something may have changed. For one that knocks; see [`JoinerQueue::next`] for the rest.
    pub(crate) async fn changed(&self) {
        self.wake.notified().await;
    }

    /// Queues what another relay's queue has given out: nothing of it is dropped here. That relay sends little ahead; one
    /// that does not keep to it is cut off.
    pub(crate) fn passes(&self, item: ForJoiner) {
        let mut inner = self.lock();
        let most = self.limits.message_bytes.saturating_add(AHEAD_OF_ANOTHER_RELAY);
        if inner.closed || inner.packet_bytes.saturating_add(inner.control_bytes) > most {
            drop(inner);
            return self.close();
        }
        match item {
            ForJoiner::Packet(packet, since) => inner.push_packet(packet, since),
            ForJoiner::Control(bytes) => {
                inner.control_bytes += bytes.len() + MESSAGE_COSTS;
                inner.items.push_back(ForJoiner::Control(bytes));
            }
            other => inner.items.push_back(other),
        }
        self.wake.notify_one();
    }

    /// As [`JoinerQueue::next`], or why the joiner is not let in.
    pub(crate) async fn next_or_refused(&self) -> Result<ForJoiner, Refusal> {
        loop {
            {
                let mut inner = self.lock();
                if let Some(item) = inner.pop() {
                    return Ok(item);
                }
                if let Standing::Refused(refusal) = &inner.standing {
                    return Err(refusal.clone());
                }
                if std::mem::take(&mut inner.dropped) {
                    return Ok(ForJoiner::Ready);
                }
                if inner.closed {
                    return Ok(ForJoiner::Close);
                }
            }
            self.wake.notified().await;
        }
    }

    /// Waits for what to write next. For one writer; dropping the future loses nothing.
    pub(crate) async fn next(&self) -> ForJoiner {
        loop {
            {
                let mut inner = self.lock();
                if let Some(item) = inner.pop() {
                    return item;
                }
                if std::mem::take(&mut inner.dropped) {
                    return ForJoiner::Ready;
                }
                if inner.closed {
                    return ForJoiner::Close;
                }
            }
            self.wake.notified().await;
        }
    }

    /// Bytes that wait: control, packets.
    pub(crate) fn bytes(&self) -> (usize, usize) {
        let inner = self.lock();
        (inner.control_bytes, inner.packet_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use panecast_protocol::Place;
    use std::time::Duration;

    fn limits() -> RelayLimits {
        RelayLimits {
            joiner_queue_bytes: 100,
            queue_packets: 10,
            control_bytes: 50 + MESSAGE_COSTS,
            knock_bytes: 20 + MESSAGE_COSTS,
            queue_age: Duration::from_secs(1),
            ..RelayLimits::default()
        }
    }

    fn joined() -> RelayToJoiner {
        RelayToJoiner::Joined(Place { room: String::new(), joiner: 1, token: String::new() })
    }

    /// A queue of one that was let in and follows.
    async fn following() -> (JoinerQueue, Instant) {
        let (q, now) = (JoinerQueue::new(&limits()), Instant::now());
        assert!(q.admit(joined()) && !q.admit(joined()));
        assert_eq!(q.packet(Bytes::from_static(b"early"), now), Pushed::Skipped);
        assert_eq!(q.starts_over(Bytes::from_static(b"start"), now), Pushed::Queued);
        assert_eq!(q.next().await, ForJoiner::Text(joined()));
        assert_eq!(q.next().await, ForJoiner::Packet(Bytes::from_static(b"start"), now));
        (q, now)
    }

    #[tokio::test]
    async fn one_that_knocks_gets_control_alone_and_little_of_it() {
        let (q, now) = (JoinerQueue::new(&limits()), Instant::now());
        assert_eq!(q.starts_over(Bytes::from_static(b"start"), now), Pushed::Skipped);
        assert_eq!(q.packet(Bytes::from_static(b"packet"), now), Pushed::Skipped);
        assert_eq!(q.control(Bytes::from(vec![1; 20])), Pushed::Queued);
        assert_eq!(q.answer(), Some(Bytes::from(vec![1; 20])));
        assert_eq!(q.answer(), None);
        assert_eq!(q.control(Bytes::from(vec![1; 21])), Pushed::Closed);
        assert!(q.is_closed() && !q.admit(joined()));
    }

    #[tokio::test]
    async fn too_many_too_large_or_too_old_packets_are_dropped_and_control_is_not() {
        for (size, count, later) in [(60, 1, 0), (1, 10, 0), (1, 1, 1001)] {
            let (q, now) = following().await;
            for _ in 0..count {
                assert_eq!(q.packet(Bytes::from(vec![7; size]), now), Pushed::Queued);
            }
            assert_eq!(q.control(Bytes::from_static(b"keep")), Pushed::Queued);
            let later = now + Duration::from_millis(later);
            assert_eq!(q.packet(Bytes::from(vec![8; size]), later), Pushed::Overflowed);
            assert_eq!(q.packet(Bytes::from_static(b"more"), later), Pushed::Skipped);
            assert_eq!(q.bytes(), (4 + MESSAGE_COSTS, 0));
            assert_eq!(q.next().await, ForJoiner::Control(Bytes::from_static(b"keep")));
            assert_eq!(q.next().await, ForJoiner::Ready);
            assert_eq!(
                q.starts_over(Bytes::from(vec![9; 5000]), later),
                Pushed::Queued,
                "alone it may be large"
            );
            assert!(matches!(q.next().await, ForJoiner::Packet(..)));
            assert_eq!(q.packet(Bytes::from_static(b"1"), later), Pushed::Queued);
        }
    }

    #[tokio::test]
    async fn starting_over_takes_the_place_of_packets_and_keeps_the_order_of_control() {
        let (q, now) = following().await;
        q.packet(Bytes::from_static(b"old"), now);
        q.control(Bytes::from_static(b"key"));
        q.starts_over(Bytes::from_static(b"new"), now);
        q.packet(Bytes::from_static(b"next"), now);
        assert_eq!(q.next().await, ForJoiner::Control(Bytes::from_static(b"key")));
        assert_eq!(q.next().await, ForJoiner::Packet(Bytes::from_static(b"new"), now));
        assert_eq!(q.next().await, ForJoiner::Packet(Bytes::from_static(b"next"), now));
        assert_eq!(q.bytes(), (0, 0));
    }

    #[tokio::test]
    async fn too_much_control_closes_and_says_why() {
        let (q, _) = following().await;
        assert_eq!(q.control(Bytes::from(vec![1; 50])), Pushed::Queued);
        assert_eq!(q.control(Bytes::from_static(b"1")), Pushed::Closed);
        assert_eq!(q.control(Bytes::from_static(b"1")), Pushed::Skipped);
        assert!(matches!(q.next().await, ForJoiner::Control(_)));
        assert_eq!(q.next().await, ForJoiner::Text(RelayToJoiner::End { reason: Ended::TooFarBehind }));
        assert_eq!(q.next().await, ForJoiner::Close);
        assert_eq!(q.next().await, ForJoiner::Close);
    }
}
