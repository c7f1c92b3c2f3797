//! What a tenant may use: bytes a day, and a rate for each room.

use crate::refusal::refusal;
use panecast_protocol::{Refusal, RefusalKind};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// A day, from the first byte of it.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What a room that was quiet may send at once, as time at its rate.
const BURST: Duration = Duration::from_secs(1);

/// Bytes a day of one tenant, at this relay.
#[derive(Debug)]
pub(crate) struct Quota {
    bytes_a_day: u64,
    day: Mutex<Option<(Instant, u64)>>,
}

impl Quota {
    pub(crate) fn new(bytes_a_day: u64) -> Self {
        Self { bytes_a_day, day: Mutex::new(None) }
    }

    /// Counts bytes that were passed on.
    ///
    /// # Errors
    /// A refusal once the day's are used up; with no bytes, it only asks.
    pub(crate) fn spend(&self, bytes: u64, now: Instant) -> Result<(), Refusal> {
        let mut day = self.day.lock().unwrap_or_else(PoisonError::into_inner);
        let (start, used) = day.filter(|(start, _)| now.duration_since(*start) < DAY).unwrap_or((now, 0));
        let used = used.saturating_add(bytes);
        *day = (used > 0).then_some((start, used));
        if used < self.bytes_a_day {
            return Ok(());
        }
        let message = "the tenant has used up its bytes of this day; try again tomorrow";
        Err(refusal(RefusalKind::NotAllowed, message))
    }
}

/// Holds a host's bytes to its room's rate: what is too early is read later, so that the host notices and sends less.
#[derive(Debug)]
pub(crate) struct Pace {
    bytes_a_second: f64,
    free_at: Option<Instant>,
}

impl Pace {
    /// Of so many bits a second.
    pub(crate) fn new(bits_a_second: f64) -> Self {
        Self { bytes_a_second: bits_a_second / 8.0, free_at: None }
    }

    /// Waits until so many bytes are due.
    pub(crate) async fn take(&mut self, bytes: usize) {
        let now = Instant::now();
        let earliest = now.checked_sub(BURST).unwrap_or(now);
        let from = self.free_at.map_or(earliest, |at| at.max(earliest));
        let takes = Duration::try_from_secs_f64(bytes as f64 / self.bytes_a_second).unwrap_or(DAY);
        let free_at = from + takes.min(DAY);
        self.free_at = Some(free_at);
        if free_at > now {
            sleep_until(free_at).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_its_bytes_and_the_next_one_has_them_anew() {
        let (quota, now) = (Quota::new(1000), Instant::now());
        assert!(quota.spend(0, now).is_ok() && quota.spend(999, now).is_ok());
        assert_eq!(quota.spend(1, now + DAY / 2).unwrap_err().kind, RefusalKind::NotAllowed);
        assert!(quota.spend(0, now + DAY - Duration::from_millis(1)).is_err());
        assert!(quota.spend(999, now + DAY).is_ok());
        assert!(quota.spend(u64::MAX, now + DAY).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_room_keeps_to_its_rate_after_a_burst() {
        let (mut pace, start) = (Pace::new(8000.0), Instant::now());
        for _ in 0..100 {
            pace.take(100).await;
        }
        // 10,000 bytes at 1,000 a second, a second's worth of them at once.
        assert_eq!(start.elapsed().as_secs(), 9);
        tokio::time::sleep(Duration::from_secs(100)).await;
        let quiet = Instant::now();
        pace.take(1000).await;
        assert_eq!(quiet.elapsed(), Duration::ZERO);
        pace.take(1000).await;
        assert_eq!(quiet.elapsed().as_secs(), 1);
    }
}
