//! Notices a line that went dead without closing. Bytes that come in are a sign of life, whether or not they are a whole
//! message yet, and so are bytes that go out after having had to wait: a snapshot on a thin line takes its time.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// So long no sign of life may come before the relay is asked for one.
pub(crate) const ASK_AFTER: Duration = Duration::from_secs(5);

/// So long the answer may take.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(6);

/// An answer waits behind what is already on a thin line, so whoever was given up on and comes back is given twice as long,
/// so many times at most.
const MOST_DOUBLINGS: u32 = 3;

/// A connection that held so long is as good as any.
const STEADY: Duration = Duration::from_secs(60);

/// What has been learnt of the way to a relay, from one connection to the next.
#[derive(Debug, Default)]
pub(crate) struct Learnt {
    /// It lets no first messages pass with a request.
    pub(crate) never_early: AtomicBool,
    /// Connections in a row that were given up for their silence.
    silences: AtomicU32,
}

/// When a line gave its last sign of life.
#[derive(Clone, Debug)]
pub(crate) struct Pulse {
    began: Instant,
    /// Milliseconds since then.
    last: Arc<AtomicU64>,
    learnt: Arc<Learnt>,
}

impl Pulse {
    pub(crate) fn new(learnt: Arc<Learnt>) -> Self {
        Self { began: Instant::now(), last: Arc::default(), learnt }
    }

    pub(crate) fn last(&self) -> Instant {
        self.began + Duration::from_millis(self.last.load(Relaxed))
    }

    fn beat(&self) {
        let since = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.fetch_max(since, Relaxed);
    }

    /// How long the answer to a question may take.
    pub(crate) fn patience(&self) -> Duration {
        let steady = self.began.elapsed() >= STEADY;
        let doublings = if steady { 0 } else { self.learnt.silences.load(Relaxed).min(MOST_DOUBLINGS) };
        ANSWER_WITHIN * 2u32.pow(doublings)
    }

    /// The line is given up.
    pub(crate) fn silent(&self) {
        if self.began.elapsed() >= STEADY {
            self.learnt.silences.store(1, Relaxed);
        } else {
            self.learnt.silences.fetch_add(1, Relaxed);
        }
    }
}

/// A line whose signs of life are noted.
pub(crate) struct Noted<T> {
    line: T,
    pulse: Pulse,
    /// What is to be written had to wait.
    waits: bool,
}

impl<T> Noted<T> {
    pub(crate) fn new(line: T, pulse: Pulse) -> Self {
        Self { line, pulse, waits: false }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Noted<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.line).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.pulse.beat();
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Noted<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.line).poll_write(cx, buf);
        match &written {
            Poll::Pending => self.waits = true,
            Poll::Ready(Ok(1..)) if self.waits => {
                self.waits = false;
                self.pulse.beat();
            }
            Poll::Ready(_) => {}
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.line).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.line).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn bytes_that_come_and_bytes_that_had_to_wait_are_signs_of_life() {
        let (mut far, near) = duplex(8);
        let pulse = Pulse::new(Arc::default());
        let mut line = Noted::new(near, pulse.clone());
        let since = |pulse: &Pulse| pulse.last().duration_since(pulse.began);
        advance(Duration::from_secs(1)).await;
        line.write_all(b"12345678").await.unwrap();
        assert_eq!(since(&pulse), Duration::ZERO, "what the system takes at once nobody may have got");
        advance(Duration::from_secs(1)).await;
        tokio::join!(async { line.write_all(b"more").await.unwrap() }, async {
            far.read_exact(&mut [0; 12]).await.unwrap()
        },);
        assert_eq!(since(&pulse), Duration::from_secs(2));
        advance(Duration::from_secs(1)).await;
        far.write_all(b"a").await.unwrap();
        line.read_exact(&mut [0; 1]).await.unwrap();
        assert_eq!(since(&pulse), Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_given_up_on_is_given_longer_until_a_connection_has_held() {
        let learnt = Arc::new(Learnt::default());
        let waits: Vec<u64> = (0..5)
            .map(|_| {
                let pulse = Pulse::new(learnt.clone());
                let patience = pulse.patience().as_secs();
                pulse.silent();
                patience
            })
            .collect();
        assert_eq!(waits, [6, 12, 24, 48, 48]);
        let pulse = Pulse::new(learnt.clone());
        advance(STEADY).await;
        assert_eq!(pulse.patience(), ANSWER_WITHIN);
        pulse.silent();
        assert_eq!(Pulse::new(learnt).patience(), 2 * ANSWER_WITHIN);
    }
}
