//! The capture thread: asks the source at the right times, keeps the mailbox newest.

use super::PipelineConfig;
use super::shared::{Buffer, Filmed, Picture, Shared, SourceLife, State, Watch};
use crate::capture::mask::{MaskSet, Masked};
use crate::capture::{Captured, Capturer, Damage, Shot};
use crate::codec::CameraEncoder;
use crate::error::{ErrorKind, Result};
use crate::frame::{FrameBuf, Planes, Region, Timestamp};
use crate::session::Place;
use std::sync::MutexGuard;
use std::time::Duration;

/// Longest that one call of the source waits for a change: so long a pause or a stop may take.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// While something moved this recently, the cursor is asked for at the full rate.
const LIVELY: Duration = Duration::from_secs(2);

/// Time between two tries of a source that does not answer.
const STALL_PAUSE: Duration = Duration::from_millis(100);

/// Runs until the pipeline stops or the source ends.
pub(super) fn run(shared: &Shared, source: Box<dyn Capturer>, config: PipelineConfig) {
    let _watch = Watch { shared, thread: "capture" };
    let interval = Duration::from_secs(1) / config.fps;
    let mut capturing = Capturing {
        shared,
        source: Masked::new(source, MaskSet::new()),
        masks: MaskSet::new(),
        config,
        interval,
        buffer: None,
        untaken: None,
        planes: None,
        moved: Timestamp(0),
        purges: 0,
    };
    if let Err(e) = capturing.run() {
        shared.source_ended(Err(e));
    }
}

struct Capturing<'a> {
    shared: &'a Shared,
    source: Masked,
    /// What the source has on.
    masks: MaskSet,
    config: PipelineConfig,
    interval: Duration,
    /// What the next picture is captured into; `None` while it is in the mailbox or at the encoder.
    buffer: Option<Buffer>,
    /// `buffer` is the picture of this time, which the encoder has not taken yet: where there is none that is newer,
    /// it goes back into the mailbox.
    untaken: Option<Timestamp>,
    /// What a camera's next picture is written into.
    planes: Option<Planes>,
    /// When the picture or the cursor changed last.
    moved: Timestamp,
    /// The purges that it knows of.
    purges: u64,
}

impl Capturing<'_> {
    fn run(&mut self) -> Result<()> {
        let mut due = Timestamp(0);
        while self.wait_for_turn(due)? {
            let now = self.shared.now();
            due = Timestamp(now.0 + Timestamp::from(self.interval).0);
            let answer = self.capture();
            match answer {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(e) if e.kind() == ErrorKind::Stalled => {
                    // It may have written half a picture.
                    if let Some(buffer) = &mut self.buffer {
                        buffer.stale = Region::full(buffer.frame.size());
                    }
                    self.shared.update(|s, _| {
                        s.source = SourceLife::Stalled;
                        s.life.stalled();
                        s.fresh = false;
                    });
                    due = Timestamp(now.0 + Timestamp::from(STALL_PAUSE).0);
                }
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Waits until a picture is wanted, its time has come and there is a buffer for it. False to stop.
    fn wait_for_turn(&mut self, due: Timestamp) -> Result<bool> {
        let mut state = self.shared.lock();
        loop {
            if state.stop || state.revoked {
                return Ok(false);
            }
            if state.purges != self.purges {
                self.purges = state.purges;
                let masks = (state.masks != self.masks).then(|| state.masks.clone());
                drop(state);
                (self.buffer, self.untaken, self.planes) = (None, None, None);
                match masks {
                    Some(masks) => {
                        self.masks.clone_from(&masks);
                        self.source.set_masks(masks);
                    }
                    None => self.source.forget(),
                }
                state = self.shared.lock();
                continue;
            }
            if !state.captures() {
                state.fresh = false;
                state = self.shared.wait(state, None);
                continue;
            }
            let films = self.films();
            if self.buffer.is_none() && !films {
                self.buffer = state.spare.take();
            }
            if self.buffer.is_none() && state.lent && !films {
                state = self.shared.wait(state, None);
                continue;
            }
            // A viewer that waits for its first picture is not made to wait for the clock.
            let waiting = !state.fresh && state.flow.any(Place::Waiting) && self.answers(&state);
            if !waiting && self.shared.now() < due {
                state = self.shared.wait(state, Some(due));
                continue;
            }
            if films {
                return Ok(true);
            }
            break;
        }
        if self.buffer.is_none()
            && let Some(Picture { buffer, timestamp }) = state.newest.take()
        {
            (self.buffer, self.untaken) = (Some(buffer), Some(timestamp));
        }
        drop(state);
        if self.buffer.is_none() {
            let size = self.source.info().size;
            let frame = FrameBuf::new(size, &self.config.encoder.limits)?;
            self.buffer = Some(Buffer { frame, stale: Region::full(size) });
        }
        Ok(true)
    }

    fn answers(&self, state: &MutexGuard<'_, State>) -> bool {
        matches!(state.source, SourceLife::Running)
    }

    /// Whether the source is a camera whose planes become a film. Masks are painted on pixels.
    fn films(&mut self) -> bool {
        CameraEncoder::films(&self.config.encoder) && self.source.camera().is_some()
    }

    /// Asks a camera once. False at its end.
    fn film(&mut self) -> Result<bool> {
        let mut planes = self.planes.take().unwrap_or_default();
        let Some(camera) = self.source.camera() else { return Ok(true) };
        let shot = camera.next(&mut planes, LONGEST_WAIT)?;
        let (now, purges) = (self.shared.now(), self.purges);
        self.planes = match shot {
            Shot::Taken { timestamp, colour } => {
                let filmed = Filmed { planes, colour, timestamp: timestamp.unwrap_or(now) };
                self.shared.update(|s, _| answered(s).publish_filmed(filmed, purges))
            }
            Shot::None => Some(planes),
            Shot::Ended => {
                self.shared.source_ended(Ok(()));
                return Ok(false);
            }
        };
        Ok(true)
    }

    /// Asks the source once. False at its end.
    fn capture(&mut self) -> Result<bool> {
        if self.films() {
            return self.film();
        }
        let Some(buffer) = &mut self.buffer else { return Ok(true) };
        let size = self.source.info().size;
        if buffer.frame.size() != size {
            buffer.frame.reset(size, &self.config.encoder.limits)?;
            buffer.stale = Region::full(size);
        }
        // A source that never returns is noticed by the encode thread.
        let fresh = self.shared.update(|s, now| {
            s.life.asked(now);
            s.fresh
        });
        let timeout = if !fresh || self.untaken.is_some() {
            // Somebody waits, or may at any moment: whatever there is, now.
            Duration::ZERO
        } else if self.shared.now().since(self.moved) < LIVELY {
            self.interval.min(LONGEST_WAIT)
        } else {
            LONGEST_WAIT
        };
        let captured = self.source.next(&mut buffer.frame, &buffer.stale, timeout)?;
        // Where the cursor is not to be had, what was captured still counts.
        let (cursor, told) = match self.source.cursor() {
            Ok(cursor) => (cursor, Ok(true)),
            Err(e) => (None, Err(e)),
        };
        if self.source.take_anew() {
            // What was shown of a window before it was hidden is forgotten, too.
            self.purges = self.shared.update(|s, _| {
                if s.purges == self.purges {
                    s.purge();
                    return s.purges;
                }
                self.purges
            });
        }
        let hidden_px = self.source.hidden_px();
        let now = self.shared.now();
        let cursor_moved = cursor.is_some();
        let purges = self.purges;
        if let Some(update) = cursor {
            self.shared.update(|s, _| {
                if s.purges == purges {
                    s.cursor_changed(update);
                }
            });
        }
        match captured {
            Captured::Frame { timestamp, damage } => {
                let timestamp = timestamp.unwrap_or(now);
                self.untaken = None;
                if let Some(mut buffer) = self.buffer.take() {
                    buffer.stale.clear();
                    let picture = Picture { buffer, timestamp };
                    self.buffer = self.shared.update(|s, _| {
                        s.stats.masked_ratio = (hidden_px as f64 / size.area().max(1) as f64) as f32;
                        answered(s).publish(picture, &damage, purges)
                    });
                }
                self.moved = now;
            }
            Captured::Unchanged => {
                let untaken = self.untaken();
                self.shared.update(|s, _| {
                    let state = answered(s);
                    if state.purges != purges {
                        return;
                    }
                    state.fresh = true;
                    if untaken.is_some() {
                        state.newest = untaken;
                    }
                });
                if cursor_moved {
                    self.moved = now;
                }
            }
            Captured::Resized(size) => {
                buffer.frame.reset(size, &self.config.encoder.limits)?;
                buffer.stale = Region::full(size);
                self.untaken = None;
                self.shared.update(|s, _| answered(s).damage = Damage::Unknown);
            }
            Captured::Ended => {
                if let Some(untaken) = self.untaken() {
                    self.shared.update(|s, _| {
                        if s.purges == purges {
                            s.newest = Some(untaken);
                        }
                    });
                }
                self.shared.source_ended(Ok(()));
                return Ok(false);
            }
        }
        told
    }

    /// The picture that the encoder has not taken, if `buffer` holds one. A source that stalled while it wrote would
    /// have given a newer one.
    fn untaken(&mut self) -> Option<Picture> {
        let timestamp = self.untaken.take()?;
        let mut buffer = self.buffer.take()?;
        buffer.stale.clear();
        Some(Picture { buffer, timestamp })
    }
}

fn answered(state: &mut State) -> &mut State {
    if matches!(state.source, SourceLife::Stalled) {
        state.source = SourceLife::Running;
    }
    state.life.answered();
    state
}
