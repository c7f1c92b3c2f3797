//! What waits to be written to a host.

use panecast_protocol::{FromJoiner, RelayToHost};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Most texts that wait for a host. They are few and small; one that leaves this many unread is gone.
const MOST_TEXTS: usize = 1024;

/// Bytes of one joiner that wait for the host before no more are read from that joiner. What it sends then
/// waits on its own side, where the newest may still win.
pub(crate) const MOST_OF_ONE_JOINER: usize = 1 << 20;

/// What a joiner may have waiting for its host.
pub(crate) fn allowance() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MOST_OF_ONE_JOINER))
}

/// What a host's writer does next.
#[derive(Debug)]
pub(crate) enum ForHost {
    Text(RelayToHost),
    /// Bytes of a joiner, with its number before them. The permits go back when it is written.
    Bytes(Vec<u8>, OwnedSemaphorePermit),
}

/// The queue of one connection of a host.
#[derive(Debug, Default)]
pub(crate) struct HostQueue {
    inner: Mutex<Inner>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    items: VecDeque<ForHost>,
    texts: usize,
    closed: bool,
}

impl HostQueue {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a text.
    pub(crate) fn text(&self, text: RelayToHost) {
        let mut inner = self.lock();
        if inner.closed {
            return;
        }
        if inner.texts >= MOST_TEXTS {
            inner.items.clear();
            inner.texts = 0;
            inner.closed = true;
        } else {
            inner.texts += 1;
            inner.items.push_back(ForHost::Text(text));
        }
        self.wake.notify_one();
    }

    /// Queues a joiner's bytes; `room` is the part of its [`allowance`] that they take.
    pub(crate) fn bytes(&self, joiner: u32, bytes: &[u8], room: OwnedSemaphorePermit) {
        let mut inner = self.lock();
        if !inner.closed {
            inner.items.push_back(ForHost::Bytes(FromJoiner { joiner, bytes }.to_bytes(), room));
            self.wake.notify_one();
        }
    }

    /// Ends the queue; what waits is still written.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_one();
    }

    /// Drops what waits and ends the queue: nobody writes it any more.
    pub(crate) fn abandon(&self) {
        let mut inner = self.lock();
        inner.items.clear();
        inner.closed = true;
        self.wake.notify_one();
    }

    /// Waits for what to write next; `None` at the end. For one writer; dropping the future loses nothing.
    pub(crate) async fn next(&self) -> Option<ForHost> {
        loop {
            {
                let mut inner = self.lock();
                if let Some(item) = inner.items.pop_front() {
                    if matches!(item, ForHost::Text(_)) {
                        inner.texts -= 1;
                    }
                    return Some(item);
                }
                if inner.closed {
                    return None;
                }
            }
            self.wake.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_host_that_never_reads_is_closed() {
        let q = HostQueue::default();
        for joiner in 0..2 * MOST_TEXTS as u32 {
            q.text(RelayToHost::Left { joiner });
        }
        assert!(q.next().await.is_none());
    }

    #[tokio::test]
    async fn a_joiners_allowance_comes_back_when_its_bytes_are_written_or_abandoned() {
        let (q, allowance) = (HostQueue::default(), allowance());
        let take = |n| allowance.clone().try_acquire_many_owned(n).unwrap();
        q.bytes(7, b"abc", take(3));
        q.bytes(7, b"de", take(2));
        assert_eq!(allowance.available_permits(), MOST_OF_ONE_JOINER - 5);
        match q.next().await {
            Some(ForHost::Bytes(bytes, _)) => assert_eq!(bytes, b"\x07\0\0\0abc"),
            other => panic!("{other:?}"),
        }
        assert_eq!(allowance.available_permits(), MOST_OF_ONE_JOINER - 2);
        q.abandon();
        assert_eq!(allowance.available_permits(), MOST_OF_ONE_JOINER);
        q.bytes(7, b"late", take(4));
        assert_eq!(allowance.available_permits(), MOST_OF_ONE_JOINER);
        assert!(q.next().await.is_none());
    }
}
