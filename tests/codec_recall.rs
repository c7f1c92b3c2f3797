//! What tiles held before comes back: both sides keep the same through films, losses, joins and cuts.

mod scene;

use panecast::Limits;
use panecast::capture::Damage;
use panecast::codec::{Decoded, Decoder, Encoder, EncoderConfig, Mode};
use panecast::frame::{FrameBuf, Rect, Size, Timestamp};
use scene::{Random, black, change, fill, photographed};

const SIZE: Size = Size { width: 500, height: 340 };
const FILM: Rect = Rect { x: 200, y: 120, width: 160, height: 130 };

struct Rig {
    encoder: Encoder,
    viewers: Vec<Decoder>,
    /// Rectangles that came back, at all viewers.
    recalled: usize,
    bytes: usize,
    now: u64,
}

impl Rig {
    fn new(mode: Mode, recall_px: u64) -> Self {
        let limits = Limits { recall_px, ..Limits::default() };
        let encoder = Encoder::new(EncoderConfig { mode, limits, ..EncoderConfig::default() });
        Self {
            encoder: encoder.expect("an encoder"),
            viewers: vec![Decoder::new(Limits::default())],
            recalled: 0,
            bytes: 0,
            now: 0,
        }
    }

    /// Hands `bytes` to the viewers from `first` on, and compares all of them with what the encoder knows.
    fn take(&mut self, first: usize, bytes: &[u8]) {
        self.bytes += bytes.len();
        for viewer in &mut self.viewers[first..] {
            viewer.feed(bytes).expect("room for a packet");
            while let Some(decoded) = viewer.next().expect("a sound stream") {
                if let Decoded::Picture { facts, .. } = decoded {
                    self.recalled += facts.recalled_rects;
                }
            }
        }
    }

    fn compare(&self) {
        for (i, viewer) in self.viewers.iter().enumerate() {
            assert!(viewer.frame() == self.encoder.shown(), "viewer {i} sees another picture");
            assert!(viewer.exactness() == self.encoder.exactness(), "viewer {i} has another map");
        }
    }

    fn send(&mut self, picture: &FrameBuf, later_ms: u64) {
        self.now += later_ms * 1000;
        let mut out = Vec::new();
        let now = Timestamp(self.now);
        self.encoder.encode(&mut picture.clone(), &Damage::Unknown, now, &mut out).expect("an update");
        self.take(0, &out);
        self.compare();
    }

    fn refine(&mut self, later_ms: u64, bytes: usize) {
        self.now += later_ms * 1000;
        let mut out = Vec::new();
        self.encoder.refine(Timestamp(self.now), bytes, None, &mut out).expect("a refinement");
        self.take(0, &out);
        self.compare();
    }

    /// A viewer comes in, or the first one comes back.
    fn join(&mut self, back: bool) {
        let (mut own, mut others) = (Vec::new(), Vec::new());
        let now = Timestamp(self.now);
        if back {
            self.viewers[0].restart();
            let held = self.viewers[0].held().expect("a picture");
            self.encoder.resume(&held, now, &mut own, &mut others).expect("a resumption");
            let mut rest = self.viewers.split_off(1);
            self.take(0, &own);
            self.viewers.append(&mut rest);
            self.take(1, &others);
        } else {
            self.encoder.late_join(now, &mut own, &mut others).expect("a snapshot");
            self.take(0, &others);
            self.viewers.push(Decoder::new(Limits::default()));
            self.take(self.viewers.len() - 1, &own);
        }
        self.compare();
    }
}

/// A page of text with a photograph somewhere.
fn page(seed: u64) -> FrameBuf {
    let mut random = Random(seed);
    let mut picture = black(SIZE);
    fill(&mut picture, &SIZE.rect(), |_, _| [250, 250, 250]);
    for _ in 0..3 {
        change(&mut picture, &mut random);
    }
    let photo = Rect::new(random.below(250), random.below(150), 180, 150);
    fill(&mut picture, &photo, |x, y| photographed(x, y, seed as u32));
    picture
}

/// Somebody who goes from page to page, back and forth, sometimes in a hurry.
fn read_pages(mode: Mode, recall_px: u64, seed: u64) -> Rig {
    let pages: Vec<FrameBuf> = (0..4).map(|i| page(seed * 10 + i)).collect();
    let mut random = Random(seed);
    let mut rig = Rig::new(mode, recall_px);
    for step in 0..60_u32 {
        let mut picture = pages[random.below(4) as usize].clone();
        if random.below(4) == 0 {
            let small = Rect::new(random.below(400), random.below(300), 40, 20);
            fill(&mut picture, &small, |x, y| [(x * y) as u8, 30, 90]);
        }
        if random.below(6) == 0 {
            for moment in 0..8 {
                fill(&mut picture, &FILM, |x, y| photographed(x, y, step * 100 + moment));
                rig.send(&picture, 33);
            }
        }
        rig.send(&picture, [10, 40, 300, 700, 2500][random.below(5) as usize]);
        match random.below(12) {
            0 => rig.join(true),
            1 if rig.viewers.len() < 3 => rig.join(false),
            2..6 => rig.refine(1600, 20_000),
            _ => {}
        }
    }
    rig
}

#[test]
fn pages_come_back_through_films_refinement_joins_and_cuts() {
    for mode in [Mode::Lossless, Mode::Auto] {
        for seed in 1..5 {
            let rig = read_pages(mode, 1 << 24, seed);
            assert!(rig.recalled > 10, "{mode:?} {seed}: {} rectangles", rig.recalled);
        }
    }
}

#[test]
fn what_comes_back_takes_hardly_any_bytes_and_nothing_kept_is_allowed() {
    let flip = |recall_px| {
        let pages = [page(77), page(78)];
        let mut rig = Rig::new(Mode::Lossless, recall_px);
        rig.send(&pages[0], 0);
        rig.send(&pages[1], 1000);
        let before = rig.bytes;
        for i in 0..10 {
            rig.send(&pages[i % 2], 1000);
        }
        rig.bytes - before
    };
    let (without, with) = (flip(0), flip(1 << 24));
    assert!(with < 10 * 100, "{with} bytes for ten flips");
    assert!(without > with * 20, "{without} bytes without, {with} with");
}
