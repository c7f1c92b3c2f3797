//! A running share behind a door: over a captured source or pushed frames, with a queue that is asked or a callback.
#![forbid(unsafe_code)]

use super::grant::{Grant, Source};
use crate::capture::mask::MaskSet;
use crate::capture::{self, Capturer, Damage, PushHandle, push_source};
use crate::consent::CaptureGrant;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{FrameView, Rect, Timestamp};
use crate::pipeline::{Kept, Output, Pipeline, PipelineConfig, PipelineStats, ViewerId};
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// Most outputs that wait in the queue. Unacknowledged packets are few; it is cursors that nobody fetches for an hour.
pub const MOST_WAITING: usize = 1 << 16;

/// Most bytes that wait in the queue: two packets of the largest kind.
pub const MOST_WAITING_BYTES: usize = 512 << 20;

/// A running share. Dropping it stops it.
///
/// It tells what happens in one of two ways, chosen when it starts: [`Share::next`] is asked, or a callback is called.
/// All methods may be called from any thread, from within the callback too.
pub struct Share {
    pipeline: Pipeline,
    pusher: RwLock<Option<PushHandle>>,
    pushes: bool,
    queue: Option<Arc<Queue>>,
    stopped: AtomicBool,
}

impl Share {
    /// Starts to share `source`, which `grant` must be for; the grant is used up. [`Share::next`] tells what happens.
    ///
    /// # Errors
    /// - [`ErrorKind::InvalidInput`] if `source` names none, or for a size or a configuration that cannot be.
    /// - [`ErrorKind::Denied`] if `grant` is for something else or used up; [`ErrorKind::Revoked`] if it was taken back.
    /// - as [`capture::open`] and [`Pipeline::start`].
    pub fn start(grant: &Grant, source: &str, config: PipelineConfig) -> Result<Self> {
        let queue = Arc::new(Queue::default());
        let sink = Arc::clone(&queue);
        let mut share = Self::run(grant, source, config, move |output| sink.put(output))?;
        // Before the first viewer there is no packet, so that nothing was put that needs it.
        let _ = queue.kept.set(share.pipeline.kept());
        share.queue = Some(queue);
        Ok(share)
    }

    /// As [`Share::start`], but `told` is called with what happens, in order, on a thread of the library that holds no
    /// lock. While it runs, nothing is encoded. After [`Share::stop`] has returned it is not called any more.
    ///
    /// # Errors
    /// As [`Share::start`].
    pub fn start_with(
        grant: &Grant,
        source: &str,
        config: PipelineConfig,
        told: impl FnMut(Output) + Send + 'static,
    ) -> Result<Self> {
        Self::run(grant, source, config, told)
    }

    fn run(
        grant: &Grant,
        source: &str,
        config: PipelineConfig,
        sink: impl FnMut(Output) + Send + 'static,
    ) -> Result<Self> {
        let source: Source = source.parse()?;
        config.encoder.check()?;
        let word = grant.take(&source)?;
        let mut pusher = None;
        let open: Open = match source {
            Source::Push(size) => {
                let (handle, capturer) = push_source(&word, size.to_string(), size)?;
                pusher = Some(handle);
                Box::new(move |_| Ok(Box::new(capturer)))
            }
            Source::Captured(spec) => Box::new(move |word| capture::open(&spec, word)),
        };
        let pipeline = Pipeline::start(word, open, config, sink)?;
        let pushes = pusher.is_some();
        Ok(Self {
            pipeline,
            pusher: RwLock::new(pusher),
            pushes,
            queue: None,
            stopped: AtomicBool::new(false),
        })
    }

    /// The next output, in order; `None` if there is none within `timeout`. What was captured before a pause, a change
    /// of masks or the consent's end is never given after it.
    ///
    /// # Errors
    /// - [`ErrorKind::Closed`] after [`Share::stop`], and after [`Output::Ended`] was given.
    /// - [`ErrorKind::InvalidInput`] if it was started with a callback.
    pub fn next(&self, timeout: Duration) -> Result<Option<Output>> {
        match &self.queue {
            Some(queue) => queue.next(timeout),
            None => Err(Error::input("this share tells its callback what happens")),
        }
    }

    /// Hands over a frame, as [`PushHandle::push`] does.
    ///
    /// # Errors
    /// - [`ErrorKind::InvalidInput`] if the share captures its source itself.
    /// - [`ErrorKind::Closed`] after [`Share::stop`], [`Share::end`] or the share's own end.
    /// - as [`PushHandle::push`].
    pub fn push(&self, view: &FrameView<'_>, damage: &Damage, timestamp: Timestamp) -> Result<()> {
        self.pushes()?;
        match &*self.pusher.read().unwrap_or_else(PoisonError::into_inner) {
            Some(pusher) => pusher.push(view, damage, timestamp),
            None => Err(closed()),
        }
    }

    /// No more frames will be pushed: what was pushed last still goes out, then comes [`Output::Ended`].
    ///
    /// # Errors
    /// - [`ErrorKind::InvalidInput`] if the share captures its source itself.
    /// - [`ErrorKind::Closed`] after [`Share::stop`].
    pub fn end(&self) -> Result<()> {
        self.pushes()?;
        self.pusher.write().unwrap_or_else(PoisonError::into_inner).take();
        Ok(())
    }

    fn pushes(&self) -> Result<()> {
        self.running()?;
        if self.pushes { Ok(()) } else { Err(Error::input("this share captures its source itself")) }
    }

    /// `bell` is called whenever an output waits that did not before, on a thread of the library; at once, too, as some may
    /// wait already. It is called from within a lock and must only wake somebody who then asks [`Share::next`].
    pub(super) fn on_news(&self, bell: Bell) {
        if let Some(queue) = &self.queue {
            let mut waiting = queue.lock();
            bell();
            waiting.bell = Some(bell);
        }
    }

    /// Takes what a session has learnt of its watchers.
    ///
    /// # Errors
    /// As [`Share::viewer_joined`].
    pub(super) fn viewer(&self, event: crate::pipeline::ViewerEvent) -> Result<()> {
        self.running()?;
        self.pipeline.viewer(event);
        Ok(())
    }

    /// As [`Pipeline::viewer_joined`].
    ///
    /// # Errors
    /// - [`ErrorKind::Closed`] after [`Share::stop`], like every method below.
    pub fn viewer_joined(&self, viewer: ViewerId) -> Result<()> {
        self.running()?;
        self.pipeline.viewer_joined(viewer);
        Ok(())
    }

    /// As [`Pipeline::viewer_behind`].
    ///
    /// # Errors
    /// As [`Share::viewer_joined`].
    pub fn viewer_behind(&self, viewer: ViewerId) -> Result<()> {
        self.running()?;
        self.pipeline.viewer_behind(viewer);
        Ok(())
    }

    /// As [`Pipeline::viewer_left`].
    ///
    /// # Errors
    /// As [`Share::viewer_joined`].
    pub fn viewer_left(&self, viewer: ViewerId) -> Result<()> {
        self.running()?;
        self.pipeline.viewer_left(viewer);
        Ok(())
    }

    /// As [`Pipeline::ack`].
    ///
    /// # Errors
    /// As [`Share::viewer_joined`].
    pub fn viewer_ack(&self, viewer: ViewerId, sequence: u64, held: Duration) -> Result<()> {
        self.running()?;
        self.pipeline.ack(viewer, sequence, held);
        Ok(())
    }

    /// As [`Pipeline::set_focus`].
    ///
    /// # Errors
    /// As [`Share::viewer_joined`].
    pub fn set_focus(&self, focus: Option<Rect>) -> Result<()> {
        self.running()?;
        self.pipeline.set_focus(focus);
        Ok(())
    }

    /// As [`Pipeline::pause`]. Packets that wait in the queue are dropped, too.
    ///
    /// # Errors
    /// As [`Share::viewer_joined`].
    pub fn pause(&self) -> Result<()> {
        self.running()?;
        self.pipeline.pause();
        Ok(())
    }

    /// As [`Pipeline::resume`].
    ///
    /// # Errors
    /// As [`Share::viewer_joined`].
    pub fn resume(&self) -> Result<()> {
        self.running()?;
        self.pipeline.resume();
        Ok(())
    }

    /// As [`Pipeline::set_masks`]. Packets that wait in the queue are dropped, too.
    ///
    /// # Errors
    /// As [`Share::viewer_joined`].
    pub fn set_masks(&self, masks: MaskSet) -> Result<()> {
        self.running()?;
        self.pipeline.set_masks(masks);
        Ok(())
    }

    /// As [`Pipeline::stats`].
    ///
    /// # Errors
    /// As [`Share::viewer_joined`].
    pub fn stats(&self) -> Result<PipelineStats> {
        self.running()?;
        Ok(self.pipeline.stats())
    }

    /// Stops capturing and encoding, and waits for both threads; who waits in [`Share::next`] is told
    /// [`ErrorKind::Closed`]. From within the callback it only asks for the end: the call at hand is the last.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        if let Some(queue) = &self.queue {
            queue.close();
        }
        self.pipeline.halt();
    }

    fn running(&self) -> Result<()> {
        if self.stopped.load(Ordering::SeqCst) { Err(closed()) } else { Ok(()) }
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Share").field("pushes", &self.pushes).finish_non_exhaustive()
    }
}

/// Wakes who waits for something else besides.
pub(super) type Bell = Box<dyn Fn() + Send + Sync>;

/// How a source is opened, on the thread that captures from it.
type Open = Box<dyn FnOnce(&CaptureGrant) -> Result<Box<dyn Capturer>> + Send>;

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "this share has ended")
}

/// What waits to be fetched.
#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    came: Condvar,
    kept: OnceLock<Kept>,
}

#[derive(Default)]
struct Waiting {
    /// Each with how often all had been forgotten before it was made.
    outputs: VecDeque<(u64, Output)>,
    bytes: usize,
    /// Nothing comes after what waits.
    full: bool,
    closed: bool,
    bell: Option<Bell>,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, output: Output) {
        let made_after = self.kept.get().map_or(0, Kept::made_after);
        let mut waiting = self.lock();
        if waiting.full || waiting.closed {
            return;
        }
        waiting.bytes += weight(&output);
        waiting.outputs.push_back((made_after, output));
        if waiting.outputs.len() > MOST_WAITING || waiting.bytes > MOST_WAITING_BYTES {
            waiting.full = true;
            waiting.outputs.clear();
            let error =
                Error::limit("what this share gave was not fetched: next must be called again and again");
            waiting.outputs.push_back((made_after, Output::Ended(Err(error))));
        }
        let full = waiting.full;
        if let Some(bell) = &waiting.bell {
            bell();
        }
        drop(waiting);
        self.came.notify_all();
        if let (true, Some(kept)) = (full, self.kept.get()) {
            kept.stop();
        }
    }

    fn next(&self, timeout: Duration) -> Result<Option<Output>> {
        // Longer than any program runs is for ever.
        let deadline = Instant::now().checked_add(timeout);
        let mut waiting = self.lock();
        loop {
            if waiting.closed {
                return Err(closed());
            }
            while let Some((made_after, output)) = waiting.outputs.pop_front() {
                waiting.bytes = waiting.bytes.saturating_sub(weight(&output));
                let stands = self.kept.get().is_none_or(|kept| kept.purges() == made_after);
                match &output {
                    Output::Packet { .. } if !stands => {}
                    Output::Ended(_) => {
                        waiting.closed = true;
                        return Ok(Some(output));
                    }
                    _ => return Ok(Some(output)),
                }
            }
            waiting = match deadline {
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Ok(None);
                    }
                    self.came.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.came.wait(waiting).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn close(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        waiting.outputs.clear();
        drop(waiting);
        self.came.notify_all();
    }
}

fn weight(output: &Output) -> usize {
    match output {
        Output::Packet { bytes, .. } => bytes.len(),
        Output::State(_) | Output::Ended(_) => 0,
    }
}

#[cfg(test)]
#[path = "share_tests.rs"]
mod tests;
