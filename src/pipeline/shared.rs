//! What both threads and the host app share: the mailbox, the viewers, the switches.

use super::PipelineStats;
use crate::capture::mask::MaskSet;
use crate::capture::{CursorUpdate, Damage};
use crate::codec::HeldTiles;
use crate::consent::{Revoke, revoked};
use crate::error::{Error, Result};
use crate::frame::{FilmColour, FrameBuf, Planes, Rect, Region, Timestamp};
use crate::session::{Flow, Liveness, ViewerEvent, ViewerId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

/// A picture buffer and where it differs from the source's newest picture.
#[derive(Debug)]
pub(super) struct Buffer {
    pub(super) frame: FrameBuf,
    pub(super) stale: Region,
}

impl Buffer {
    /// Notes that the source's picture changed while this buffer stayed as it is.
    fn age(&mut self, damage: &Damage) {
        match damage {
            Damage::Unknown => self.stale = Region::full(self.frame.size()),
            Damage::Within(region) => self.stale.add_region(region),
        }
    }
}

/// A picture on its way from capture to encoder.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) buffer: Buffer,
    pub(super) timestamp: Timestamp,
}

/// A camera's picture on its way to the encoder.
#[derive(Debug)]
pub(super) struct Filmed {
    pub(super) planes: Planes,
    pub(super) colour: FilmColour,
    pub(super) timestamp: Timestamp,
}

/// What the encoder takes.
pub(super) enum News {
    /// A picture, with where it may differ from the one taken last.
    Picture(Picture, Damage),
    Filmed(Filmed),
}

/// How the source does.
#[derive(Debug)]
pub(super) enum SourceLife {
    Running,
    Stalled,
    Ended(Result<()>),
}

/// Everything under the lock.
#[derive(Debug)]
pub(super) struct State {
    pub(super) stop: bool,
    pub(super) paused: bool,
    /// The visitor took the consent back.
    pub(super) revoked: bool,
    /// What is hidden of the source.
    pub(super) masks: MaskSet,
    /// How often all was to be forgotten. Whoever knows of fewer forgets what it has before anything else, and what it
    /// has made meanwhile goes nowhere.
    pub(super) purges: u64,
    /// Viewers that were sent a snapshot since the last purge: only they may hold something to go on from.
    since_purge: BTreeSet<ViewerId>,
    pub(super) flow: Flow,
    /// What viewers hold that came back and have been sent nothing since.
    pub(super) held: BTreeMap<ViewerId, HeldTiles>,
    pub(super) life: Liveness,
    pub(super) source: SourceLife,
    /// The mailbox: the newest picture, until the encoder takes it.
    pub(super) newest: Option<Picture>,
    /// The mailbox of a camera.
    pub(super) filmed: Option<Filmed>,
    /// Planes that nobody uses.
    pub(super) spare_planes: Option<Planes>,
    /// A buffer that nobody uses, for the capture thread to go on with.
    pub(super) spare: Option<Buffer>,
    /// Whether the encode thread has a buffer that it will give back as `spare`.
    pub(super) lent: bool,
    /// Where the newest picture may differ from the one that the encoder took last.
    pub(super) damage: Damage,
    /// What the encoder has not been told about the cursor.
    pub(super) cursor: Option<CursorUpdate>,
    /// What is refined first.
    pub(super) focus: Option<Rect>,
    /// Whether the newest picture is the source's picture of now: it has been asked since the first viewer came
    /// or the visitor went on.
    pub(super) fresh: bool,
    /// The encode thread is about to call the sink, or is in it, with a packet.
    pub(super) emitting: bool,
    /// After how many purges the packets were made that went to the sink last.
    emitted_after: u64,
    pub(super) encode_thread: Option<ThreadId>,
    /// The capture thread has let go of the source.
    capture_over: bool,
    pub(super) stats: PipelineStats,
}

impl State {
    /// Whether pictures are wanted at all.
    pub(super) fn captures(&self) -> bool {
        !self.paused && !self.revoked && !self.flow.is_empty()
    }

    /// Drops all pictures that wait, and what was noted of them: the next packet is a snapshot for each viewer.
    pub(super) fn purge(&mut self) {
        self.purges += 1;
        self.since_purge.clear();
        (self.newest, self.spare, self.cursor) = (None, None, None);
        (self.filmed, self.spare_planes) = (None, None);
        self.damage = Damage::Unknown;
        self.fresh = false;
        self.held.clear();
        self.flow.all_lost_place();
    }

    /// What a viewer says that it holds, unless that may be from before a purge.
    pub(super) fn note_held(&mut self, viewer: ViewerId, held: Option<HeldTiles>) {
        match held.filter(|_| self.purges == 0 || self.since_purge.contains(&viewer)) {
            Some(held) => drop(self.held.insert(viewer, held)),
            None => drop(self.held.remove(&viewer)),
        }
    }

    /// A snapshot of so many bytes goes to `viewer`.
    pub(super) fn snapshot_sent(&mut self, viewer: ViewerId, sequence: u64, bytes: usize, now: Timestamp) {
        self.flow.snapshot_sent(viewer, sequence, bytes, now);
        if self.purges > 0 {
            self.since_purge.insert(viewer);
        }
    }

    /// Puts a new picture into the mailbox. Gives back what the capture thread goes on with: the picture that
    /// nobody took, or the spare buffer, or nothing yet. A picture from before a purge is dropped.
    pub(super) fn publish(&mut self, picture: Picture, damage: &Damage, purges: u64) -> Option<Buffer> {
        if purges != self.purges {
            return None;
        }
        merge(&mut self.damage, damage);
        if let Some(spare) = &mut self.spare {
            spare.age(damage);
        }
        self.fresh = true;
        self.stats.frames_captured += 1;
        match self.newest.replace(picture) {
            Some(mut old) => {
                old.buffer.age(damage);
                Some(old.buffer)
            }
            None => self.spare.take(),
        }
    }

    /// Puts a camera's new picture into the mailbox, as [`State::publish`] does. Gives back planes to go on with.
    pub(super) fn publish_filmed(&mut self, filmed: Filmed, purges: u64) -> Option<Planes> {
        if purges != self.purges {
            return None;
        }
        self.fresh = true;
        self.stats.frames_captured += 1;
        self.filmed.replace(filmed).map(|old| old.planes).or_else(|| self.spare_planes.take())
    }

    /// The encoder gives planes back that it took after so many `purges`.
    pub(super) fn give_back_planes(&mut self, planes: Planes, purges: u64) {
        if purges == self.purges {
            self.spare_planes = Some(planes);
        }
    }

    /// Whether there is a picture in a mailbox.
    pub(super) fn waits(&self) -> bool {
        self.newest.is_some() || self.filmed.is_some()
    }

    /// Whether there is a picture that the encoder may take.
    pub(super) fn has_news(&self) -> bool {
        self.fresh && self.waits()
    }

    /// Hands the newest picture to the encoder, with where it may differ from the last one handed out.
    pub(super) fn take(&mut self) -> Option<News> {
        if let Some(filmed) = self.filmed.take() {
            return Some(News::Filmed(filmed));
        }
        let picture = self.newest.take()?;
        self.lent = true;
        Some(News::Picture(picture, std::mem::replace(&mut self.damage, Damage::Within(Region::empty()))))
    }

    /// The encoder gives a buffer back; `stale` is where it differs from the picture that it took, which was after so
    /// many `purges`.
    pub(super) fn give_back(&mut self, frame: FrameBuf, stale: Region, purges: u64) {
        self.lent = false;
        if purges != self.purges {
            return;
        }
        let mut buffer = Buffer { frame, stale };
        // What the capture thread has seen meanwhile counts on top.
        buffer.age(&self.damage);
        self.spare = Some(buffer);
    }

    /// Adds what changed about the cursor to what the encoder has not been told.
    pub(super) fn cursor_changed(&mut self, update: CursorUpdate) {
        match &mut self.cursor {
            Some(waiting) => {
                waiting.position = update.position;
                if update.shape.is_some() {
                    waiting.shape = update.shape;
                }
            }
            None => self.cursor = Some(update),
        }
    }

    /// Goes on after a pause, with pictures that are taken from now on.
    pub(super) fn resume(&mut self, now: Timestamp) {
        self.paused = false;
        self.life.paused(false);
        self.life.changed(now);
    }
}

/// Adds `more` to `damage`.
fn merge(damage: &mut Damage, more: &Damage) {
    match (&mut *damage, more) {
        (Damage::Within(all), Damage::Within(region)) => all.add_region(region),
        _ => *damage = Damage::Unknown,
    }
}

/// The state, its lock and its clock.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    clock: Clock,
}

/// Where the time comes from.
#[derive(Debug)]
pub(super) enum Clock {
    /// It runs since then.
    Running(Instant),
    /// It stands where the caller has put it, in microseconds.
    Told(AtomicU64),
}

impl Shared {
    pub(super) fn new(clock: Clock) -> Self {
        let state = State {
            stop: false,
            paused: false,
            revoked: false,
            masks: MaskSet::new(),
            purges: 0,
            since_purge: BTreeSet::new(),
            flow: Flow::new(),
            held: BTreeMap::new(),
            life: Liveness::new(),
            source: SourceLife::Running,
            newest: None,
            filmed: None,
            spare_planes: None,
            spare: None,
            lent: false,
            damage: Damage::Unknown,
            cursor: None,
            focus: None,
            fresh: false,
            emitting: false,
            emitted_after: 0,
            encode_thread: None,
            capture_over: false,
            stats: PipelineStats { exact_ratio: 1.0, ..PipelineStats::default() },
        };
        Self { state: Mutex::new(state), changed: Condvar::new(), clock }
    }

    /// Time since the start.
    pub(super) fn now(&self) -> Timestamp {
        match &self.clock {
            Clock::Running(start) => start.elapsed().into(),
            Clock::Told(micros) => Timestamp(micros.load(Ordering::Relaxed)),
        }
    }

    /// Puts a told clock forward; one that runs needs no telling, and none goes back.
    pub(super) fn tell(&self, now: Timestamp) {
        if let Clock::Told(micros) = &self.clock {
            micros.fetch_max(now.0, Ordering::Relaxed);
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // No code that holds the lock panics half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and wakes both threads.
    pub(super) fn update<T>(&self, change: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        let result = change(&mut self.lock(), self.now());
        self.changed.notify_all();
        result
    }

    /// Waits until somebody changes the state, or until `deadline`.
    pub(super) fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        deadline: Option<Timestamp>,
    ) -> MutexGuard<'a, State> {
        match deadline {
            Some(at) => {
                // Rounded up, so that the deadline has come when the wait ends.
                let left = at.since(self.now()) + Duration::from_micros(1);
                self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
            }
            None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Pauses, and waits for a packet that is on its way to the sink.
    pub(super) fn pause(&self) {
        self.purge(|state| {
            state.paused = true;
            state.life.paused(true);
        });
    }

    /// Ends the share because the visitor took the consent back, and waits as [`Shared::pause`].
    pub(super) fn revoke(&self) {
        self.purge(|state| {
            state.revoked = true;
            state.source = SourceLife::Ended(Err(revoked()));
        });
    }

    /// Changes the state, forgets all, and waits for a packet that is on its way to the sink.
    pub(super) fn purge(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        state.purge();
        self.changed.notify_all();
        while state.emitting && state.encode_thread != Some(thread::current().id()) {
            state = self.wait(state, None);
        }
    }

    /// Asks for leave to hand packets to the sink that were made after so many `purges`. Without it (the visitor paused,
    /// the pipeline stops, all was to be forgotten) they are dropped, and all viewers need snapshots.
    pub(super) fn begin_emitting(&self, purges: u64, note: impl FnOnce(&mut State, Timestamp)) -> bool {
        let mut state = self.lock();
        if state.paused || state.revoked || state.stop || state.purges != purges {
            state.flow.all_lost_place();
            return false;
        }
        note(&mut state, self.now());
        state.emitting = true;
        state.emitted_after = purges;
        true
    }

    /// How often all was to be forgotten, and after how many of these the packet was made that the sink has at hand.
    #[cfg(any(feature = "capi", feature = "uniffi"))]
    pub(super) fn purges(&self) -> (u64, u64) {
        let state = self.lock();
        (state.purges, state.emitted_after)
    }

    /// The sink has returned.
    pub(super) fn end_emitting(&self) {
        self.update(|s, _| s.emitting = false);
    }

    /// Ends the share once `revoke` takes the consent back.
    pub(super) fn ends_with(self: &Arc<Self>, revoke: &Revoke) {
        let told = Arc::downgrade(self);
        revoke.on_revoke(move || {
            if let Some(shared) = told.upgrade() {
                shared.revoke();
            }
        });
    }

    /// A viewer joined, lost its place, or is back and says what it holds.
    pub(super) fn come(&self, viewer: ViewerId, held: Option<HeldTiles>) {
        self.update(|s, now| {
            if s.flow.is_empty() {
                // Capture begins: that nothing has changed so far says nothing about the source.
                s.life.changed(now);
            }
            s.note_held(viewer, held);
            s.flow.joined(viewer, now);
        });
    }

    /// Takes what a session has learnt of its watchers.
    pub(super) fn viewer(&self, event: ViewerEvent) {
        match event {
            ViewerEvent::Joined(viewer) => self.come(viewer, None),
            // Who holds what no picture has needs a snapshot.
            ViewerEvent::Resumed(viewer, size, tiles) => self.come(viewer, HeldTiles::new(size, tiles).ok()),
            ViewerEvent::Behind(viewer) => self.update(|s, _| {
                s.held.remove(&viewer);
                s.flow.fell_behind(viewer);
            }),
            ViewerEvent::Left(viewer) => self.update(|s, _| {
                s.held.remove(&viewer);
                s.flow.left(viewer);
            }),
            ViewerEvent::Painted { viewer, sequence, held } => {
                self.update(|s, now| s.flow.acked(viewer, sequence, held, now));
            }
            ViewerEvent::Focus(rect) => self.update(|s, _| s.focus = rect),
        }
    }

    /// The source ended or failed.
    pub(super) fn source_ended(&self, how: Result<()>) {
        self.update(|s, _| {
            if !matches!(s.source, SourceLife::Ended(_)) {
                // Nothing newer will come: the last picture is the picture of now.
                s.fresh |= how.is_ok();
                s.source = SourceLife::Ended(how);
            }
        });
    }

    /// Waits until the capture thread has let go of the source. False if it will not: the source does not return.
    pub(super) fn capture_ends(&self) -> bool {
        let mut state = self.lock();
        while !state.capture_over {
            let silent_at = state.life.silent_at();
            if silent_at.is_some_and(|at| at <= self.now()) {
                return false;
            }
            state = self.wait(state, silent_at);
        }
        true
    }

    pub(super) fn stats(&self) -> PipelineStats {
        let state = self.lock();
        PipelineStats {
            round_trip_ms: state.flow.round_trip().map_or(0.0, |d| d.as_secs_f32() * 1000.0),
            queueing_ms: state.flow.queueing_delay().as_secs_f32() * 1000.0,
            viewers: u32::try_from(state.flow.len()).unwrap_or(u32::MAX),
            ..state.stats
        }
    }
}

/// Tells that the capture thread lets go of the source, when it is dropped.
pub(super) struct Captures<'a>(pub(super) &'a Shared);

impl Drop for Captures<'_> {
    fn drop(&mut self) {
        self.0.update(|s, _| s.capture_over = true);
    }
}

/// Tells the other thread when this one ends by a panic.
pub(super) struct Watch<'a> {
    pub(super) shared: &'a Shared,
    pub(super) thread: &'static str,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let message = format!("the {} thread panicked", self.thread);
            self.shared.source_ended(Err(Error::new(crate::ErrorKind::Io, message)));
            self.shared.update(|s, _| {
                s.emitting = false;
                s.lent = false;
            });
        }
    }
}
