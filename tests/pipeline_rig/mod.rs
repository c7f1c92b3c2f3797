//! A scripted source and viewers with real decoders, for the pipeline's tests.
#![allow(dead_code, unreachable_pub, reason = "each test program uses its part")]

use panecast::capture::{Captured, Capturer, CursorUpdate, Damage, SourceInfo, SourceKind};
use panecast::codec::{Decoded, Decoder, EncoderConfig, Mode};
use panecast::frame::{FrameBuf, Rect, Region, Size};
use panecast::pipeline::{Audience, Output, Pipeline, PipelineConfig, StreamState, ViewerId};
use panecast::session::{CaptureGrant, Consent, Decision, Purpose};
use panecast::{Error, ErrorKind, Limits, Result};
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// Only a hang takes this long.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// So long a test looks for something that must not happen.
pub const GLANCE: Duration = Duration::from_millis(200);

pub const SIZE: Size = Size::new(150, 100);

pub fn granted() -> CaptureGrant {
    Consent::ask(Purpose::Screen, "scripted").answer(Decision::Allow).unwrap()
}

/// What the scripted source shows; the test changes it while the pipeline runs.
#[derive(Clone)]
pub struct Script(Arc<(Mutex<Scene>, Condvar)>);

pub struct Scene {
    pub picture: FrameBuf,
    /// Where the picture differs from what `next` gave last.
    damage: Region,
    version: u64,
    /// Hide the damage: hints are unknown.
    pub no_hints: bool,
    pub failure: Option<Error>,
    pub ended: bool,
    pub panics: bool,
    /// It does not return from a question, whatever its timeout.
    pub hangs: bool,
    cursor: Option<CursorUpdate>,
    /// All that was told of the cursor.
    told: Option<CursorUpdate>,
    /// How often the source was told to forget.
    pub forgets: u64,
    /// The next question for the cursor fails.
    pub cursor_failure: Option<Error>,
    /// Calls of `next`.
    pub calls: u64,
}

impl Script {
    pub fn new() -> Self {
        let picture = FrameBuf::new(SIZE, &Limits::default()).unwrap();
        let scene = Scene {
            picture,
            damage: Region::full(SIZE),
            version: 1,
            no_hints: false,
            failure: None,
            ended: false,
            panics: false,
            hangs: false,
            cursor: None,
            told: None,
            forgets: 0,
            cursor_failure: None,
            calls: 0,
        };
        Self(Arc::new((Mutex::new(scene), Condvar::new())))
    }

    pub fn change<T>(&self, change: impl FnOnce(&mut Scene) -> T) -> T {
        let result = change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
        result
    }

    /// Fills a rectangle with a colour that depends on `seed` and the place.
    pub fn paint(&self, rect: Rect, seed: u32) {
        self.change(|s| {
            for y in rect.y..rect.bottom() {
                for (x, px) in s.picture.row_of_mut(&rect, y).chunks_exact_mut(4).enumerate() {
                    let v = seed.wrapping_mul(2_654_435_761).wrapping_add(x as u32 * 7 + y * 131);
                    px[..3].copy_from_slice(&v.to_le_bytes()[1..]);
                }
            }
            s.damage.add(rect);
            s.version += 1;
        });
    }

    /// Fills the picture with waves and grain: a photograph as far as a coder can tell.
    pub fn photograph(&self) {
        self.change(|s| {
            let size = s.picture.size();
            for y in 0..size.height {
                for (x, px) in s.picture.row_of_mut(&size.rect(), y).chunks_exact_mut(4).enumerate() {
                    let grain = (x as u32 * 7919 + y * 104_729) % 251 % 9;
                    let wave = (x as f64 / 9.0).sin() * 50.0 + (f64::from(y) / 13.0).cos() * 40.0;
                    for (c, value) in (0..).zip(&mut px[..3]) {
                        *value = (120.0 + wave + f64::from(grain * (c + 1))) as u8;
                    }
                }
            }
            s.damage = Region::full(size);
            s.version += 1;
        });
    }

    pub fn resize(&self, size: Size) {
        self.change(|s| {
            s.picture = FrameBuf::new(size, &Limits::default()).unwrap();
            s.damage = Region::full(size);
            s.version += 1;
        });
    }

    pub fn move_cursor(&self, update: CursorUpdate) {
        self.change(|s| s.cursor = Some(update));
    }

    pub fn picture(&self) -> FrameBuf {
        self.change(|s| s.picture.clone())
    }

    pub fn calls(&self) -> u64 {
        self.change(|s| s.calls)
    }

    pub fn source(&self) -> Box<dyn Capturer> {
        Box::new(Scripted { script: self.clone(), given: 0 })
    }
}

/// Writes exactly what the contract asks for, what changed and what is stale, and leaves the rest of the buffer
/// alone: wrong bookkeeping of buffers shows as wrong pixels.
struct Scripted {
    script: Script,
    given: u64,
}

impl Capturer for Scripted {
    fn info(&self) -> SourceInfo {
        let size = self.script.change(|s| s.picture.size());
        SourceInfo::new("scripted", "scripted", SourceKind::Push, size)
    }

    fn next(&mut self, frame: &mut FrameBuf, stale: &Region, timeout: Duration) -> Result<Captured> {
        let (scene, changed) = &*self.script.0;
        let mut scene = scene.lock().unwrap();
        scene.calls += 1;
        assert!(!scene.panics, "the script says so");
        while scene.hangs {
            scene = changed.wait(scene).unwrap();
        }
        let until = Instant::now() + timeout;
        while scene.version == self.given && scene.failure.is_none() && !scene.ended {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Captured::Unchanged);
            }
            scene = changed.wait_timeout(scene, left).unwrap().0;
        }
        if let Some(failure) = &scene.failure {
            return Err(failure.clone());
        }
        if frame.size() != scene.picture.size() {
            return Ok(Captured::Resized(scene.picture.size()));
        }
        if scene.version == self.given {
            return Ok(Captured::Ended);
        }
        self.given = scene.version;
        let damage = std::mem::take(&mut scene.damage);
        let view = scene.picture.view();
        for rect in damage.rects().iter().chain(stale.rects()) {
            frame.copy_from(&view, rect)?;
        }
        let damage = if scene.no_hints { Damage::Unknown } else { Damage::Within(damage) };
        Ok(Captured::Frame { timestamp: None, damage })
    }

    fn cursor(&mut self) -> Result<Option<CursorUpdate>> {
        self.script.change(|s| match s.cursor_failure.take() {
            Some(failure) => Err(failure),
            None => {
                if let Some(update) = &s.cursor {
                    let before = s.told.take().unwrap_or_default();
                    let shape = update.shape.clone().or(before.shape);
                    s.told = Some(CursorUpdate { position: update.position, shape });
                }
                Ok(s.cursor.take())
            }
        })
    }

    fn forget(&mut self) {
        self.given = 0;
        self.script.change(|s| {
            s.damage = Region::full(s.picture.size());
            s.forgets += 1;
            if s.cursor.is_none() {
                s.cursor.clone_from(&s.told);
            }
        });
    }
}

/// A running pipeline, and what came out of it.
pub struct Rig {
    pub script: Script,
    pub pipeline: Pipeline,
    outputs: Receiver<Output>,
    pub viewers: BTreeMap<u32, Viewer>,
}

/// A viewer behind a transport that keeps the relay's rules.
#[derive(Default)]
pub struct Viewer {
    pub decoder: Option<Decoder>,
    /// What was decoded and not acknowledged yet.
    pub owes: Vec<u64>,
    /// It was cut off, and packets for all pass it by until it gets its own.
    away: bool,
}

impl Viewer {
    pub fn picture(&self) -> Option<&FrameBuf> {
        self.decoder.as_ref().and_then(Decoder::frame)
    }

    fn take(&mut self, bytes: &[u8]) {
        let decoder = self.decoder.as_mut().expect("a packet for one that has had no snapshot");
        decoder.feed(bytes).unwrap();
        while let Some(decoded) = decoder.next().unwrap() {
            if let Decoded::Picture { sequence, .. } | Decoded::Epoch { sequence } = decoded {
                self.owes.push(sequence);
            }
        }
    }
}

impl Rig {
    pub fn start() -> Self {
        Self::coding(Mode::Lossless)
    }

    pub fn coding(mode: Mode) -> Self {
        let script = Script::new();
        let (sink, outputs) = channel();
        let source = script.clone();
        let encoder = EncoderConfig { mode, ..EncoderConfig::default() };
        let config = PipelineConfig { fps: 1000, encoder, ..PipelineConfig::default() };
        let pipeline = Pipeline::start(
            granted(),
            move |_| Ok(source.source()),
            config,
            move |output| {
                let _ = sink.send(output);
            },
        )
        .unwrap();
        Self { script, pipeline, outputs, viewers: BTreeMap::new() }
    }

    pub fn join(&mut self, viewer: u32) {
        self.viewers.insert(viewer, Viewer::default());
        self.pipeline.viewer_joined(ViewerId(viewer));
    }

    /// The viewer is cut off and holds what it holds. Give it back to [`Rig::come_back`].
    pub fn cut(&mut self, viewer: u32) -> Viewer {
        self.pipeline.viewer_left(ViewerId(viewer));
        Viewer { away: true, owes: Vec::new(), ..self.viewers.remove(&viewer).expect("it is there") }
    }

    pub fn come_back(&mut self, viewer: u32, was: Viewer) {
        let held = was.decoder.as_ref().and_then(Decoder::held).expect("it holds a picture");
        self.viewers.insert(viewer, was);
        self.pipeline.viewer_resumed(ViewerId(viewer), held);
    }

    /// Delivers the next output as the relay would, and returns it.
    pub fn next(&mut self) -> Output {
        let output = self.outputs.recv_timeout(DEADLINE).expect("no output in time");
        if let Output::Packet { to, sequence, bytes } = &output {
            match to {
                Audience::One(id) => {
                    // A viewer may have left while its snapshot was on the way.
                    let Some(viewer) = self.viewers.get_mut(&id.0) else { return output };
                    assert!(bytes.starts_with(b"PCST"), "a snapshot begins with the stream header");
                    viewer.decoder.get_or_insert_with(|| Decoder::new(Limits::default())).restart();
                    viewer.owes.clear();
                    viewer.away = false;
                    viewer.take(bytes);
                    assert_eq!(viewer.owes, [sequence.unwrap()]);
                }
                Audience::All => {
                    for viewer in self.viewers.values_mut().filter(|v| v.decoder.is_some() && !v.away) {
                        viewer.take(bytes);
                    }
                }
            }
        }
        output
    }

    /// The next output within a moment, if there is one.
    pub fn glance(&mut self) -> Option<Output> {
        self.outputs.recv_timeout(GLANCE).ok()
    }

    /// The next packet; states before it are passed over.
    pub fn packet(&mut self) -> (Audience, Option<u64>) {
        loop {
            match self.next() {
                Output::Packet { to, sequence, .. } => return (to, sequence),
                Output::State(_) => {}
                Output::Ended(how) => panic!("ended: {how:?}"),
            }
        }
    }

    /// The next state; packets before it are delivered and acknowledged.
    pub fn state(&mut self) -> StreamState {
        loop {
            match self.next() {
                Output::State(state) => return state,
                Output::Packet { .. } => self.ack_all(),
                Output::Ended(how) => panic!("ended: {how:?}"),
            }
        }
    }

    /// How it ended; everything before is delivered and acknowledged.
    pub fn ended(&mut self) -> Result<()> {
        loop {
            match self.next() {
                Output::Ended(how) => return how,
                _ => self.ack_all(),
            }
        }
    }

    pub fn ack(&mut self, viewer: u32) {
        for sequence in self.viewers.get_mut(&viewer).unwrap().owes.drain(..) {
            self.pipeline.ack(ViewerId(viewer), sequence, Duration::ZERO);
        }
    }

    pub fn ack_all(&mut self) {
        for viewer in self.viewers.keys().copied().collect::<Vec<_>>() {
            self.ack(viewer);
        }
    }

    /// Delivers and acknowledges until all viewers see the source's picture.
    pub fn settle(&mut self) {
        let picture = self.script.picture();
        self.ack_all();
        while !self.viewers.values().all(|v| v.picture() == Some(&picture)) {
            assert!(!matches!(self.next(), Output::Ended(_)), "ended before all saw the newest picture");
            self.ack_all();
        }
    }

    /// Waits until the pipeline has captured so many pictures.
    pub fn captured(&self, frames: u64) {
        let start = Instant::now();
        while self.pipeline.stats().frames_captured < frames {
            assert!(start.elapsed() < DEADLINE, "no capture in time");
            std::thread::yield_now();
        }
    }
}

pub fn stalled() -> Error {
    Error::new(ErrorKind::Stalled, "the script does not answer")
}
