//! Frames that the app hands over: screens of phones, cameras, anything with its own capture.

use super::{Captured, Capturer, Damage, SourceInfo, SourceKind};
use crate::consent::{CaptureGrant, Revoke};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{FrameBuf, FrameView, Rect, Region, Size, Timestamp};
use crate::limits::Limits;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A pair of ends: the app pushes frames into one, the pipeline captures them from the other.
///
/// Between them stands one picture, the newest. Frames that are pushed faster than they are captured replace
/// one another; what they damaged adds up. Memory is one picture, whatever the speeds.
///
/// The frames are of a screen, a window or a camera, so the visitor's word is needed as for any capture. Once it is taken
/// back, nothing is pushed or captured any more.
///
/// # Errors
/// - [`ErrorKind::Revoked`] if `grant` was taken back.
/// - [`ErrorKind::InvalidInput`] or [`ErrorKind::LimitExceeded`] if `size` is no picture's size.
pub fn push_source(
    grant: &CaptureGrant,
    name: impl Into<String>,
    size: Size,
) -> Result<(PushHandle, PushCapturer)> {
    let revoke = grant.revoke_handle();
    revoke.check()?;
    let slot = Slot {
        picture: FrameBuf::new(size, &Limits::default())?,
        fresh: None,
        pushed_any: false,
        last: Timestamp(0),
        handle_gone: false,
        capturer_gone: false,
    };
    let shared = Arc::new(Shared { slot: Mutex::new(slot), pushed: Condvar::new() });
    let handle = PushHandle { shared: Arc::clone(&shared), revoke: revoke.clone() };
    Ok((handle, PushCapturer { shared, name: name.into(), revoke }))
}

#[derive(Debug)]
struct Shared {
    slot: Mutex<Slot>,
    pushed: Condvar,
}

impl Shared {
    /// The slot. A panic while it was held leaves nothing worse than a picture half copied, which the next push
    /// repairs.
    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Slot {
    /// The newest picture.
    picture: FrameBuf,
    /// Set while `picture` is newer than what was captured: its time, and all that changed since.
    fresh: Option<(Timestamp, Damage)>,
    pushed_any: bool,
    /// The time of what was captured last.
    last: Timestamp,
    handle_gone: bool,
    capturer_gone: bool,
}

/// The app's end of a push source. Dropping it closes the source.
#[derive(Debug)]
pub struct PushHandle {
    shared: Arc<Shared>,
    revoke: Revoke,
}

impl PushHandle {
    /// Hands over a frame; it replaces one that was not captured yet. Returns at once, `view` is not kept.
    ///
    /// # Shapes and units
    /// - `view`: of any size; another size than before resizes the source.
    /// - `damage`: where it may differ from the frame pushed before. Pixels elsewhere are not read.
    ///
    /// # Errors
    /// - [`ErrorKind::Closed`] if the other end is gone.
    /// - [`ErrorKind::Revoked`] if the visitor took the consent back.
    /// - [`ErrorKind::LimitExceeded`] if the size is over the default [`Limits`].
    ///
    /// # Threads and cost
    /// Any thread. One copy of the damaged pixels.
    pub fn push(&self, view: &FrameView<'_>, damage: &Damage, timestamp: Timestamp) -> Result<()> {
        self.revoke.check()?;
        let mut slot = self.shared.lock();
        let slot = &mut *slot;
        if slot.capturer_gone {
            return Err(Error::new(ErrorKind::Closed, "nobody captures these frames any more"));
        }
        let size = view.size();
        let mut damage = damage.clone();
        if slot.picture.size() != size {
            slot.picture.reset(size, &Limits::default())?;
            damage = Damage::Within(Region::full(size));
        }
        if !slot.pushed_any {
            damage = Damage::Within(Region::full(size));
        }
        match &mut damage {
            Damage::Unknown => slot.picture.copy_from(view, &size.rect())?,
            Damage::Within(region) => {
                if view.format().shares_colour() {
                    // Two by two pixels share their colour: a change of one is a change of all four.
                    *region = region.rects().iter().map(Rect::even).collect();
                }
                region.clip(size);
                for rect in region.rects() {
                    slot.picture.copy_from(view, rect)?;
                }
            }
        }
        let damage = match slot.fresh.take() {
            Some((_, before)) => joined(before, damage),
            None => damage,
        };
        slot.fresh = Some((timestamp, damage));
        slot.pushed_any = true;
        self.shared.pushed.notify_one();
        Ok(())
    }

    /// Ends the source: what was pushed last is still captured, then comes [`Captured::Ended`].
    pub fn close(self) {
        drop(self);
    }
}

impl Drop for PushHandle {
    fn drop(&mut self) {
        self.shared.lock().handle_gone = true;
        self.shared.pushed.notify_one();
    }
}

/// The pipeline's end of a push source.
///
/// Until the first push there is no picture, so [`Capturer::next`] says [`Captured::Unchanged`] until then.
#[derive(Debug)]
pub struct PushCapturer {
    shared: Arc<Shared>,
    name: String,
    revoke: Revoke,
}

impl Capturer for PushCapturer {
    fn info(&self) -> SourceInfo {
        let size = self.shared.lock().picture.size();
        SourceInfo::new(format!("push:{}", self.name), self.name.clone(), SourceKind::Push, size)
    }

    fn next(&mut self, frame: &mut FrameBuf, stale: &Region, timeout: Duration) -> Result<Captured> {
        self.revoke.check()?;
        let start = Instant::now();
        let mut slot = self.shared.lock();
        while slot.fresh.is_none() && !slot.handle_gone {
            let left = timeout.saturating_sub(start.elapsed());
            if left.is_zero() {
                break;
            }
            slot = self.shared.pushed.wait_timeout(slot, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let slot = &mut *slot;
        if slot.fresh.is_some() && frame.size() != slot.picture.size() {
            return Ok(Captured::Resized(slot.picture.size()));
        }
        let Some((timestamp, damage)) = slot.fresh.take() else {
            return Ok(if slot.handle_gone { Captured::Ended } else { Captured::Unchanged });
        };
        match &damage {
            Damage::Unknown => frame.pixels_mut().copy_from_slice(slot.picture.pixels()),
            Damage::Within(region) => {
                for rect in region.rects().iter().chain(stale.rects()) {
                    let Some(rect) = rect.intersection(&slot.picture.size().rect()) else { continue };
                    frame.copy_rect(&slot.picture, &rect);
                }
            }
        }
        slot.last = timestamp;
        Ok(Captured::Frame { timestamp: Some(timestamp), damage })
    }

    fn forget(&mut self) {
        let mut slot = self.shared.lock();
        if slot.pushed_any {
            let timestamp = slot.fresh.as_ref().map_or(slot.last, |(timestamp, _)| *timestamp);
            slot.fresh = Some((timestamp, Damage::Within(Region::full(slot.picture.size()))));
        }
    }
}

impl Drop for PushCapturer {
    fn drop(&mut self) {
        let mut slot = self.shared.lock();
        slot.capturer_gone = true;
        // The app may keep its handle.
        slot.picture.pixels_mut().fill(0);
    }
}

/// What two frames in a row damaged.
fn joined(before: Damage, after: Damage) -> Damage {
    match (before, after) {
        (Damage::Within(mut all), Damage::Within(more)) => {
            all.add_region(&more);
            Damage::Within(all)
        }
        _ => Damage::Unknown,
    }
}
