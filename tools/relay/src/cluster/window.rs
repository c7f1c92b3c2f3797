//! How much of one joiner is on its way between two relays.
//!
//! What waits for a slow joiner has to wait at its host's relay, where the newest can take its place. So little is sent
//! ahead: as much as is taken within a moment, and one frame at least.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// What a frame costs beside its bytes.
pub(crate) const FRAME_COSTS: usize = 64;

/// Sent ahead at first, at least and at most.
const FIRST: usize = 64 << 10;
const LEAST: usize = 16 << 10;
const MOST: usize = 512 << 10;

/// Taken later than this, less is sent ahead.
const MOMENT: Duration = Duration::from_millis(100);

/// The window of one direction. For one sender.
pub(crate) struct Window {
    state: Mutex<State>,
    wake: Notify,
}

struct State {
    size: usize,
    in_flight: usize,
    sent: VecDeque<Instant>,
}

impl Default for Window {
    fn default() -> Self {
        let state = State { size: FIRST, in_flight: 0, sent: VecDeque::new() };
        Self { state: Mutex::new(state), wake: Notify::new() }
    }
}

impl Window {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a frame that costs so much may be sent, and counts it.
    pub(crate) async fn enter(&self, costs: usize) {
        loop {
            {
                let mut state = self.lock();
                if state.in_flight == 0 || state.in_flight + costs <= state.size {
                    state.in_flight += costs;
                    state.sent.push_back(Instant::now());
                    return;
                }
            }
            self.wake.notified().await;
        }
    }

    /// Waits until all is taken.
    pub(crate) async fn empty(&self) {
        while self.lock().in_flight > 0 {
            self.wake.notified().await;
        }
    }

    /// The oldest frame is taken. False if nothing of this cost was on its way.
    pub(crate) fn taken(&self, costs: usize, now: Instant) -> bool {
        let mut state = self.lock();
        let Some(sent) = state.sent.pop_front() else { return false };
        let Some(left) = state.in_flight.checked_sub(costs) else { return false };
        state.in_flight = left;
        let quick = now.duration_since(sent) < MOMENT;
        state.size = if quick { (state.size + costs).min(MOST) } else { (state.size / 2).max(LEAST) };
        self.wake.notify_one();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[tokio::test(start_paused = true)]
    async fn a_quick_line_gets_more_and_a_slow_one_a_frame_at_a_time() {
        let (window, now) = (Window::default(), Instant::now());
        let fill = |costs| {
            let mut frames = 0;
            while window.enter(costs).now_or_never().is_some() {
                frames += 1;
            }
            frames
        };
        assert_eq!(fill(8 << 10), 8);
        for _ in 0..200 {
            window.enter(0).await;
            window.lock().sent.pop_back();
            assert!(window.taken(8 << 10, now));
            window.enter(8 << 10).await;
        }
        assert_eq!(fill(8 << 10), 56, "up to the most");
        for _ in 0..64 {
            assert!(window.taken(8 << 10, now + MOMENT));
        }
        window.empty().await;
        assert_eq!(fill(8 << 10), 2, "down to the least");
        assert!(!window.taken(17 << 10, now), "more than was sent");
    }

    #[tokio::test(start_paused = true)]
    async fn one_frame_goes_however_large() {
        let window = Window::default();
        window.enter(10 * MOST).await;
        assert!(window.enter(1).now_or_never().is_none());
        assert!(window.taken(10 * MOST, Instant::now()));
        window.enter(1).await;
        assert!(window.empty().now_or_never().is_none());
        assert!(window.taken(1, Instant::now()));
        window.empty().await;
        assert!(!window.taken(1, Instant::now()));
    }
}
