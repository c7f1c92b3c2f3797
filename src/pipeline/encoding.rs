//! Between flow and encoder: takes the newest picture when the viewers have room, and talks to the sink. The encode
//! thread does so in a loop; [`super::Stepped`] turn by turn.

use super::shared::{Filmed, News, Picture, Shared, SourceLife, State, Watch};
use super::{Audience, Output};
use crate::capture::{CursorUpdate, Damage};
use crate::codec::{CameraEncoder, HeldTiles, Update, UpdateKind};
use crate::error::Result;
use crate::frame::{Rect, Timestamp};
use crate::session::{Place, StreamState, ViewerId};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// Where the encoder has found nothing to refine though some was due, it is asked again after this long.
const REFINE_AGAIN: Duration = Duration::from_millis(100);

/// Runs until the pipeline stops or the source has ended and its last picture is sent. Moving pictures take at most
/// `bitrate`.
pub(super) fn run(
    shared: &Arc<Shared>,
    encoder: CameraEncoder,
    bitrate: Option<u64>,
    sink: impl FnMut(Output),
) {
    let _watch = Watch { shared, thread: "encode" };
    shared.lock().encode_thread = Some(thread::current().id());
    let mut encoding = Encoding::new(shared.clone(), encoder, bitrate, sink);
    loop {
        let work = {
            let mut state = shared.lock();
            loop {
                match encoding.work(&mut state, shared.now()) {
                    Ok(work) => break work,
                    Err(until) => state = shared.wait(state, until),
                }
            }
        };
        if !encoding.carry_out(work) {
            return;
        }
    }
}

/// What there is to do.
pub(super) enum Work {
    Stop,
    /// All that was taken is to be forgotten; so many times by now.
    Forget(u64),
    End(Result<()>),
    Tell(StreamState),
    /// A picture, if there is a new one, for those who follow; then snapshots for those who wait, or what they lack.
    Show {
        news: Option<News>,
        joiners: Vec<ViewerId>,
        returning: Vec<(ViewerId, HeldTiles)>,
        cursor: Option<CursorUpdate>,
    },
    /// Nothing is new, and the lines have room for so many bytes that make lossy places exact.
    Refine {
        bytes: usize,
        focus: Option<Rect>,
    },
}

pub(super) struct Encoding<S> {
    shared: Arc<Shared>,
    encoder: CameraEncoder,
    /// Most bits a second for moving pictures.
    bitrate: Option<u64>,
    sink: S,
    has_picture: bool,
    /// Timestamps never go back, whatever the source says.
    latest: Timestamp,
    /// When that was, by the pipeline's clock: a source may count time in its own way.
    latest_at: Timestamp,
    /// Before then, by the pipeline's clock, the encoder has nothing to refine.
    refine_from: Timestamp,
    /// The purges that it knows of.
    purges: u64,
}

impl<S: FnMut(Output)> Encoding<S> {
    pub(super) fn new(shared: Arc<Shared>, encoder: CameraEncoder, bitrate: Option<u64>, sink: S) -> Self {
        let start = Timestamp(0);
        Self {
            shared,
            encoder,
            bitrate,
            sink,
            has_picture: false,
            latest: start,
            latest_at: start,
            refine_from: start,
            purges: 0,
        }
    }

    /// Does what is to be done. False: that was the last.
    pub(super) fn carry_out(&mut self, work: Work) -> bool {
        let done = match work {
            Work::Stop => return false,
            Work::Forget(purges) => {
                self.encoder.forget();
                (self.purges, self.has_picture) = (purges, false);
                Ok(())
            }
            Work::End(how) => {
                (self.sink)(Output::Ended(how));
                return false;
            }
            Work::Tell(state) => {
                (self.sink)(Output::State(state));
                Ok(())
            }
            Work::Show { news, joiners, returning, cursor } => self.show(news, joiners, returning, cursor),
            Work::Refine { bytes, focus } => self.refine(bytes, focus),
        };
        if let Err(e) = done {
            self.shared.update(|s, _| s.stop = true);
            (self.sink)(Output::Ended(Err(e)));
            return false;
        }
        true
    }

    /// What is to be done now; or nothing before then, unless the state changes.
    pub(super) fn work(
        &self,
        state: &mut State,
        now: Timestamp,
    ) -> std::result::Result<Work, Option<Timestamp>> {
        if state.stop {
            return Ok(Work::Stop);
        }
        if state.revoked
            && let SourceLife::Ended(how) = &state.source
        {
            return Ok(Work::End(how.clone()));
        }
        if state.purges != self.purges {
            return Ok(Work::Forget(state.purges));
        }
        let joiners = if state.fresh && !state.paused && (self.has_picture || state.waits()) {
            state.flow.snapshots_due(now)
        } else {
            Vec::new()
        };
        let room = state.flow.may_send(now) && !state.paused;
        // With nobody to send it to, a picture only has to be there for the snapshots that follow.
        let for_joiners = !joiners.is_empty() && !state.flow.any(Place::Following);
        let takes = state.has_news() && (room || for_joiners);
        if state.has_news() && !takes {
            // It lives, though the viewers have no room to be shown.
            state.life.changed(now);
        }
        if !state.flow.is_empty()
            && let Some(news) = state.life.news(now)
        {
            return Ok(Work::Tell(news));
        }
        if takes || !joiners.is_empty() || (room && self.has_picture && state.cursor.is_some()) {
            let news = if takes { state.take() } else { None };
            // Before the first packet of a stream there is no header, and a cursor needs one.
            let cursor = if self.has_picture { state.cursor.take() } else { None };
            let held = joiners.iter().filter_map(|v| state.held.remove(v).map(|held| (*v, held)));
            let returning = held.collect();
            return Ok(Work::Show { news, joiners, returning, cursor });
        }
        if let Some(how) = self.over(state) {
            return Ok(Work::End(how));
        }
        let refine_at = self.refine_at(state, now);
        if room && refine_at.is_some_and(|at| at <= now) {
            let bytes = state.flow.refine_budget(now);
            if bytes > 0 {
                return Ok(Work::Refine { bytes, focus: state.focus });
            }
        }
        let refine_at =
            refine_at.and_then(|at| if at <= now { state.flow.refines_at(now) } else { Some(at) });
        let changes = [state.flow.next_change(now), state.life.next_change(now), refine_at];
        Err(changes.into_iter().flatten().min())
    }

    /// From when on, by the pipeline's clock, something may be refined: the viewers hold the source's picture of now,
    /// and some of it is not exact.
    fn refine_at(&self, state: &State, now: Timestamp) -> Option<Timestamp> {
        if !state.fresh || state.paused || state.has_news() || !state.flow.any(Place::Following) {
            return None;
        }
        let wait = self.encoder.refine_due()?.since(self.stream_time(now));
        Some(Timestamp(now.0 + Timestamp::from(wait).0).max(self.refine_from))
    }

    /// The time of `now` as the stream counts it.
    fn stream_time(&self, now: Timestamp) -> Timestamp {
        Timestamp(self.latest.0 + Timestamp::from(now.since(self.latest_at)).0)
    }

    /// How the source ended, once everybody who waits for its last picture and keeps up has it.
    fn over(&self, state: &State) -> Option<Result<()>> {
        let SourceLife::Ended(how) = &state.source else { return None };
        let joiners = state.flow.any(Place::Waiting) && (self.has_picture || state.waits());
        let follows = state.flow.any(Place::Following);
        // What was shown last becomes exact before the end, unless the source failed.
        let refines = how.is_ok() && self.has_picture && self.encoder.refine_due().is_some();
        let waited_for = joiners || (follows && (refines || state.has_news()));
        let shows = state.fresh && !state.paused;
        (!(waited_for && shows)).then(|| how.clone())
    }

    fn show(
        &mut self,
        news: Option<News>,
        mut joiners: Vec<ViewerId>,
        returning: Vec<(ViewerId, HeldTiles)>,
        cursor: Option<CursorUpdate>,
    ) -> Result<()> {
        if let Some(news) = news {
            let first = !self.has_picture;
            let encoded = match news {
                News::Picture(picture, damage) => self.encode(picture, &damage)?,
                News::Filmed(filmed) => self.film(filmed)?,
            };
            if let Some((sequence, bytes)) = encoded {
                if first {
                    // The stream's first packet has a header and a whole picture: it is a snapshot.
                    self.send_snapshots(&joiners, sequence, &bytes);
                    return Ok(());
                }
                self.send_all(Some(sequence), bytes);
            }
        }
        if let Some(update) = cursor {
            let mut bytes = Vec::new();
            self.encoder.cursor(&update, self.latest, &mut bytes)?;
            self.send_all(None, bytes);
        }
        joiners.retain(|joiner| returning.iter().all(|(viewer, _)| viewer != joiner));
        if !joiners.is_empty() {
            self.let_in(&joiners)?;
        }
        for (viewer, held) in returning {
            let (mut for_viewer, mut for_others) = (Vec::new(), Vec::new());
            let resumed = self.encoder.resume(&held, self.latest, &mut for_viewer, &mut for_others)?;
            if let Some(sequence) = resumed {
                self.send_all(Some(sequence), for_others);
                self.send_snapshots(&[viewer], sequence, &for_viewer);
            }
        }
        Ok(())
    }

    /// Sends snapshots.
    fn let_in(&mut self, joiners: &[ViewerId]) -> Result<()> {
        let (mut for_joiner, mut for_others) = (Vec::new(), Vec::new());
        if let Some(sequence) = self.encoder.late_join(self.latest, &mut for_joiner, &mut for_others)? {
            // Those who are in come first: the joiners are not among them yet.
            self.send_all(Some(sequence), for_others);
            self.send_snapshots(joiners, sequence, &for_joiner);
        }
        Ok(())
    }

    /// Encodes a picture and gives its buffer back. `None` if it is what the viewers hold.
    fn encode(&mut self, picture: Picture, damage: &Damage) -> Result<Option<(u64, Vec<u8>)>> {
        let Picture { buffer, timestamp } = picture;
        let mut frame = buffer.frame;
        let area = frame.size().area();
        self.advance(timestamp);
        self.aim();
        let (mut bytes, begun) = (Vec::new(), self.shared.now());
        let update = self.encoder.encode(&mut frame, damage, self.latest, &mut bytes)?;
        let encode_ms = self.shared.now().since(begun).as_secs_f32() * 1000.0;
        self.has_picture = true;
        let purges = self.purges;
        let changed = (update.kind != UpdateKind::Unchanged).then_some((update.sequence, bytes));
        self.shared.update(|s, now| {
            note(s, &update, area, encode_ms, now);
            s.give_back(frame, update.stale, purges);
        });
        Ok(changed)
    }

    /// As [`Encoding::encode`], for a camera's picture.
    fn film(&mut self, filmed: Filmed) -> Result<Option<(u64, Vec<u8>)>> {
        let Filmed { mut planes, colour, timestamp } = filmed;
        let area = planes.size().area();
        self.advance(timestamp);
        self.aim();
        let (mut bytes, begun) = (Vec::new(), self.shared.now());
        let update = self.encoder.film(&mut planes, colour, self.latest, &mut bytes)?;
        let encode_ms = self.shared.now().since(begun).as_secs_f32() * 1000.0;
        self.has_picture = true;
        let purges = self.purges;
        self.shared.update(|s, now| {
            note(s, &update, area, encode_ms, now);
            s.give_back_planes(planes, purges);
        });
        Ok((update.kind != UpdateKind::Unchanged).then_some((update.sequence, bytes)))
    }

    /// Tells the encoder what the lines take.
    fn aim(&mut self) {
        let target = self.shared.update(|s, _| {
            let target = s.flow.target_bitrate().into_iter().chain(self.bitrate).min();
            s.stats.target_bitrate = target.unwrap_or(0);
            target
        });
        self.encoder.set_bitrate(target);
    }

    /// Makes some of what is lossy exact.
    fn refine(&mut self, budget: usize, focus: Option<Rect>) -> Result<()> {
        let now = self.shared.now();
        self.advance(self.stream_time(now));
        let mut bytes = Vec::new();
        match self.encoder.refine(self.latest, budget, focus, &mut bytes)? {
            Some(update) => {
                let area = self.encoder.size().map_or(1, |size| size.area());
                self.shared.lock().stats.exact_ratio = exact_ratio(update.lossy_px, area);
                self.send(Some(update.sequence), bytes, true);
            }
            None => self.refine_from = Timestamp(now.0 + Timestamp::from(REFINE_AGAIN).0),
        }
        Ok(())
    }

    /// The stream has come to `timestamp`.
    fn advance(&mut self, timestamp: Timestamp) {
        if timestamp >= self.latest {
            (self.latest, self.latest_at) = (timestamp, self.shared.now());
        }
    }

    /// Sends a packet to those who have had their snapshot, if anybody has.
    fn send_all(&mut self, sequence: Option<u64>, bytes: Vec<u8>) {
        self.send(sequence, bytes, false);
    }

    fn send(&mut self, sequence: Option<u64>, bytes: Vec<u8>, refines: bool) {
        if !self.shared.lock().flow.reaches_anyone() {
            return;
        }
        let may = self.shared.begin_emitting(self.purges, |s, now| {
            s.stats.bytes_sent += bytes.len() as u64;
            match sequence {
                Some(sequence) if refines => {
                    s.stats.refinements_sent += 1;
                    s.flow.refined(sequence, bytes.len(), now);
                }
                Some(sequence) => {
                    s.stats.updates_sent += 1;
                    s.flow.sent(sequence, bytes.len(), now);
                }
                None => s.flow.sent_beside(bytes.len()),
            }
        });
        if may {
            (self.sink)(Output::Packet { to: Audience::All, sequence, bytes });
            self.shared.end_emitting();
        }
    }

    fn send_snapshots(&mut self, joiners: &[ViewerId], sequence: u64, bytes: &[u8]) {
        for &viewer in joiners {
            let may = self.shared.begin_emitting(self.purges, |s, now| {
                s.stats.bytes_sent += bytes.len() as u64;
                s.snapshot_sent(viewer, sequence, bytes.len(), now);
            });
            if !may {
                return;
            }
            let (to, sequence) = (Audience::One(viewer), Some(sequence));
            (self.sink)(Output::Packet { to, sequence, bytes: bytes.to_vec() });
            self.shared.end_emitting();
        }
    }
}

/// Takes the figures of an update.
fn note(state: &mut State, update: &Update, area: u64, encode_ms: f32, now: Timestamp) {
    state.stats.exact_ratio = exact_ratio(update.lossy_px, area);
    if update.kind != UpdateKind::Unchanged {
        state.stats.encode_ms = encode_ms;
        state.stats.dirty_ratio = (update.dirty_px as f64 / area as f64) as f32;
        state.life.changed(now);
    }
}

fn exact_ratio(lossy_px: u64, area: u64) -> f32 {
    (1.0 - lossy_px as f64 / area.max(1) as f64) as f32
}
