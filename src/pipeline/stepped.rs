//! A share without threads and without a clock, for places that have neither, such as a browser's worker.

use super::encoding::Encoding;
use super::shared::{Buffer, Clock, Picture, Shared, State};
use super::{Output, PipelineConfig, PipelineStats, ViewerEvent};
use crate::capture::Damage;
use crate::codec::CameraEncoder;
use crate::consent::{CaptureGrant, Revoke};
use crate::error::Result;
use crate::frame::{FrameBuf, FrameView, Region, Timestamp};
use std::collections::VecDeque;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Sink = Box<dyn FnMut(Output) + Send>;

/// A running share whose pictures are pushed and whose work is done turn by turn, by the caller's clock.
///
/// It shows the newest picture when the viewers have room, as [`super::Pipeline`] does, with the same rules for who gets
/// what; masks it has none. After each call, [`Stepped::poll`] is due until it is `None`.
pub struct Stepped {
    shared: Arc<Shared>,
    encoding: Encoding<Sink>,
    outputs: Arc<Mutex<VecDeque<Output>>>,
    /// What the next picture is written into.
    buffer: Option<Buffer>,
    config: PipelineConfig,
    revoke: Revoke,
    /// The purges that it knows of.
    purges: u64,
    over: bool,
}

impl std::fmt::Debug for Stepped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stepped")
            .field("config", &self.config)
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}

impl Stepped {
    /// Begins to share, now that it is allowed. `now` is by any clock that does not go back; all calls have the same.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::Revoked`] if `grant` was taken back.
    /// - as [`crate::codec::EncoderConfig::check`].
    pub fn start(grant: &CaptureGrant, config: PipelineConfig, now: Timestamp) -> Result<Self> {
        let encoder = CameraEncoder::new(config.encoder)?;
        let revoke = grant.revoke_handle();
        revoke.check()?;
        let shared = Arc::new(Shared::new(Clock::Told(AtomicU64::new(now.0))));
        shared.ends_with(&revoke);
        let outputs: Arc<Mutex<VecDeque<Output>>> = Arc::default();
        let told = outputs.clone();
        let sink: Sink =
            Box::new(move |output| told.lock().unwrap_or_else(PoisonError::into_inner).push_back(output));
        let encoding = Encoding::new(shared.clone(), encoder, config.bitrate, sink);
        Ok(Self { shared, encoding, outputs, buffer: None, config, revoke, purges: 0, over: false })
    }

    /// What to send, or to know; `None` until something happens.
    pub fn poll(&mut self, now: Timestamp) -> Option<Output> {
        self.shared.tell(now);
        loop {
            if let Some(output) = self.outputs.lock().unwrap_or_else(PoisonError::into_inner).pop_front() {
                return Some(output);
            }
            if self.over {
                return None;
            }
            let work = self.encoding.work(&mut state_of(&self.shared), now);
            self.over = !self.encoding.carry_out(work.ok()?);
        }
    }

    /// When [`Stepped::poll`] has something to do next, if nothing happens before.
    #[must_use]
    pub fn next_turn(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.shared.tell(now);
        match self.encoding.work(&mut state_of(&self.shared), now) {
            _ if self.over => None,
            Ok(_) => Some(now),
            Err(until) => until,
        }
    }

    /// Whether a picture that is pushed now is of use: somebody waits for one, or the viewers have room for news.
    /// With `news`, there is one that they have not seen.
    #[must_use]
    pub fn wants(&mut self, news: bool, now: Timestamp) -> bool {
        self.shared.tell(now);
        let mut state = state_of(&self.shared);
        if self.over || !state.captures() || state.newest.is_some() {
            return false;
        }
        if !state.fresh {
            return true;
        }
        let room = news && state.flow.may_send(now);
        if news && !room {
            // It lives, though the viewers have no room to be shown.
            state.life.changed(now);
        }
        room
    }

    /// Whether the source is to be asked for its picture of now, changed or not.
    #[must_use]
    pub fn needs_picture(&self) -> bool {
        let state = state_of(&self.shared);
        !self.over && state.captures() && !state.fresh
    }

    /// Takes the source's newest picture, which differs from the one before within `damage`. Without viewers, or while
    /// paused, it is dropped.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::Revoked`] once the consent was taken back.
    /// - [`crate::ErrorKind::InvalidInput`], [`crate::ErrorKind::LimitExceeded`] as [`crate::Limits::check_size`] says.
    pub fn push(
        &mut self,
        view: &FrameView<'_>,
        damage: &Damage,
        timestamp: Timestamp,
        now: Timestamp,
    ) -> Result<()> {
        self.shared.tell(now);
        self.revoke.check()?;
        let size = view.size();
        let limits = self.config.encoder.limits;
        limits.check_size(size)?;
        let untaken = {
            let mut state = state_of(&self.shared);
            if std::mem::replace(&mut self.purges, state.purges) != state.purges {
                self.buffer = None;
            }
            if self.over || !state.captures() {
                return Ok(());
            }
            let spare = self.buffer.take().or_else(|| state.spare.take());
            spare.or_else(|| state.newest.take().map(|picture| picture.buffer))
        };
        let mut buffer = match untaken {
            Some(buffer) => buffer,
            None => Buffer { frame: FrameBuf::new(size, &limits)?, stale: Region::full(size) },
        };
        let mut damage = damage.clone();
        if buffer.frame.size() != size {
            buffer.frame.reset(size, &limits)?;
            buffer.stale = Region::full(size);
            damage = Damage::Unknown;
        }
        let packed = !view.format().shares_colour();
        match &mut damage {
            Damage::Within(region) if packed => {
                region.clip(size);
                for rect in region.rects().iter().chain(buffer.stale.rects()) {
                    buffer.frame.copy_from(view, rect)?;
                }
            }
            // Pixels that share their colour are converted together.
            _ => buffer.frame.copy_from(view, &size.rect())?,
        }
        buffer.stale.clear();
        let purges = self.purges;
        self.buffer = self.shared.update(|s, _| {
            s.life.answered();
            s.publish(Picture { buffer, timestamp }, &damage, purges)
        });
        Ok(())
    }

    /// Takes what a [`crate::session::Sharer`] has learnt of its watchers.
    pub fn viewer(&mut self, event: ViewerEvent, now: Timestamp) {
        self.shared.tell(now);
        self.shared.viewer(event);
    }

    /// As [`super::Pipeline::pause`].
    pub fn pause(&mut self, now: Timestamp) {
        self.shared.tell(now);
        self.buffer = None;
        self.shared.pause();
    }

    /// As [`super::Pipeline::resume`].
    pub fn resume(&mut self, now: Timestamp) {
        self.shared.tell(now);
        self.shared.update(State::resume);
    }

    /// Figures since the start.
    #[must_use]
    pub fn stats(&self) -> PipelineStats {
        self.shared.stats()
    }
}

/// The state, once it is sure whether what was pushed last is still of now: without viewers nobody looks.
fn state_of(shared: &Shared) -> MutexGuard<'_, State> {
    let mut state = shared.lock();
    if !state.captures() {
        state.fresh = false;
    }
    state
}
