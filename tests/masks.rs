//! What is under a mask does not show: not in a picture, not in a byte, not in when bytes come.

mod scene;

use panecast::capture::mask::{MASK_COLOUR, MaskSet, MaskSource, Masked, Resolved, WindowMatch};
use panecast::capture::{Captured, Capturer, CursorShape, CursorUpdate, Damage, SourceInfo, SourceKind};
use panecast::codec::{Decoder, Encoder, EncoderConfig, Mode};
use panecast::frame::{FrameBuf, Rect, Region, Size, Timestamp};
use panecast::{Error, ErrorKind, Limits};
use proptest::prelude::*;
use scene::{Random, black, change, fill, photographed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SIZE: Size = Size::new(320, 240);

/// A desktop that the test paints on.
#[derive(Clone)]
struct Desk(Arc<Mutex<Scene>>);

struct Scene {
    picture: FrameBuf,
    /// What changed since it was captured.
    damage: Option<Region>,
    /// Hints are unknown.
    no_hints: bool,
    cursor: Option<CursorUpdate>,
    places: Option<Places>,
}

/// What the next questions for windows' places give.
#[derive(Clone)]
enum Places {
    At(Vec<Rect>),
    /// For the picture before.
    Late(Vec<Rect>),
    Fails,
    Anew(Vec<Rect>),
}

impl Desk {
    fn new() -> Self {
        let scene = Scene {
            picture: black(SIZE),
            damage: Some(Region::full(SIZE)),
            no_hints: false,
            cursor: None,
            places: None,
        };
        Self(Arc::new(Mutex::new(scene)))
    }

    fn with<T>(&self, f: impl FnOnce(&mut Scene) -> T) -> T {
        f(&mut self.0.lock().unwrap())
    }

    /// Paints and hints at `hint` besides what was painted.
    fn paint(&self, rect: Rect, hint: Rect, pixel: impl FnMut(u32, u32) -> [u8; 3]) {
        self.with(|s| {
            fill(&mut s.picture, &rect, pixel);
            let damage = s.damage.get_or_insert_with(Region::empty);
            damage.add(rect);
            damage.add(hint);
        });
    }

    fn source(&self) -> Box<dyn Capturer> {
        Box::new(self.clone())
    }
}

/// Writes what the contract asks for and nothing else, so that wrong bookkeeping shows.
impl Capturer for Desk {
    fn info(&self) -> SourceInfo {
        SourceInfo::new("desk", "desk", SourceKind::Screen, SIZE)
    }

    fn next(&mut self, frame: &mut FrameBuf, stale: &Region, _: Duration) -> panecast::Result<Captured> {
        self.with(|s| {
            let Some(damage) = s.damage.take() else { return Ok(Captured::Unchanged) };
            for rect in damage.rects().iter().chain(stale.rects()) {
                frame.copy_from(&s.picture.view(), rect)?;
            }
            let damage = if s.no_hints { Damage::Unknown } else { Damage::Within(damage) };
            Ok(Captured::Frame { timestamp: None, damage })
        })
    }

    fn cursor(&mut self) -> panecast::Result<Option<CursorUpdate>> {
        Ok(self.with(|s| s.cursor.take()))
    }

    fn forget(&mut self) {
        self.with(|s| s.damage = Some(Region::full(SIZE)));
    }

    fn windows(&self) -> Option<Box<dyn MaskSource>> {
        self.with(|s| s.places.is_some()).then(|| Box::new(self.clone()) as Box<dyn MaskSource>)
    }
}

impl MaskSource for Desk {
    fn resolve(&mut self, _: &MaskSet, picture: u64, _: Size) -> panecast::Result<Resolved> {
        let found = |picture, rects, anew| Ok(Resolved { picture, rects, anew });
        match self.with(|s| s.places.clone()) {
            Some(Places::At(rects)) => found(picture, rects, false),
            Some(Places::Late(rects)) => found(picture.wrapping_sub(1), rects, false),
            Some(Places::Anew(rects)) => found(picture, rects, true),
            Some(Places::Fails) | None => Err(Error::new(ErrorKind::Stalled, "nobody knows")),
        }
    }
}

/// Whoever captures, with two buffers in turn as the pipeline has.
struct Eye {
    masked: Masked,
    buffers: [(FrameBuf, Region); 2],
}

impl Eye {
    fn new(desk: &Desk, masks: MaskSet) -> Self {
        let buffer = || (black(SIZE), Region::full(SIZE));
        Self { masked: Masked::new(desk.source(), masks), buffers: [buffer(), buffer()] }
    }

    fn look(&mut self) -> Option<(FrameBuf, Damage)> {
        self.buffers.swap(0, 1);
        let [(frame, stale), (_, other)] = &mut self.buffers;
        match self.masked.next(frame, stale, Duration::ZERO).unwrap() {
            Captured::Frame { damage, .. } => {
                stale.clear();
                match &damage {
                    Damage::Within(region) => other.add_region(region),
                    Damage::Unknown => *other = Region::full(SIZE),
                }
                Some((frame.clone(), damage))
            }
            Captured::Unchanged => None,
            other => panic!("{other:?}"),
        }
    }
}

/// `picture` with `rects` hidden.
fn hidden(picture: &FrameBuf, rects: &[Rect]) -> FrameBuf {
    let mut picture = picture.clone();
    let [b, g, r, _] = MASK_COLOUR;
    for rect in rects {
        if let Some(rect) = rect.intersection(&SIZE.rect()) {
            fill(&mut picture, &rect, |_, _| [b, g, r]);
        }
    }
    picture
}

/// What happens in plain sight, and where the masks are, in one step of a run.
#[derive(Clone, Debug)]
struct Step {
    visible: u64,
    masks: Option<Vec<Rect>>,
}

fn step() -> impl Strategy<Value = Step> {
    let rect =
        (0_u32..300, 0_u32..220, 8_u32..160, 8_u32..160).prop_map(|(x, y, w, h)| Rect::new(x, y, w, h));
    let masks = prop::option::weighted(0.25, prop::collection::vec(rect, 1..4));
    (any::<u64>(), masks).prop_map(|(visible, masks)| Step { visible, masks })
}

/// Runs `steps` with the secrets of `seed` under the masks. Gives each packet with its time, and all pictures that a
/// viewer saw. The places of masks are known beforehand as window positions are: bound to the picture.
fn run(steps: &[Step], seed: u64, mode: Mode, windows: bool) -> (Vec<(usize, Vec<u8>)>, Vec<FrameBuf>) {
    let desk = Desk::new();
    desk.with(|s| {
        s.places = Some(Places::At(Vec::new()));
        s.no_hints = !windows;
    });
    let set = |rects: &[Rect]| {
        let named = MaskSet::new().with_window(WindowMatch::Id(1));
        rects
            .iter()
            .filter(|_| !windows)
            .fold(if windows { named } else { MaskSet::new() }, |m, r| m.with_rect(*r))
    };
    let mut eye = Eye::new(&desk, set(&[]));
    let mut encoder = Encoder::new(EncoderConfig { mode, ..EncoderConfig::default() }).unwrap();
    let mut decoder = Decoder::new(Limits::default());
    let (mut packets, mut pictures) = (Vec::new(), Vec::new());
    let mut secret = Random(seed);
    let mut masks: Vec<Rect> = Vec::new();
    // What is in plain sight, the same in all runs: the desktop as it would be without secrets.
    let mut sight = black(SIZE);
    for (i, step) in steps.iter().enumerate() {
        if let Some(changed) = &step.masks {
            masks.clone_from(changed);
            desk.with(|s| s.places = Some(Places::At(changed.clone())));
            if !windows {
                eye.masked.set_masks(set(changed));
                // As the pipeline does where the visitor changes them.
                encoder.forget();
                decoder.reset();
            }
        }
        let mut random = Random(step.visible);
        for _ in 0..random.below(3) {
            change(&mut sight, &mut random);
        }
        let moment = i as u32;
        if step.visible.is_multiple_of(3) {
            fill(&mut sight, &Rect::new(120, 80, 128, 96), |x, y| photographed(x, y, moment));
        }
        desk.with(|s| {
            if s.picture != sight || step.masks.is_some() {
                s.damage.get_or_insert_with(Region::empty).add(SIZE.rect());
            }
            s.picture.clone_from(&sight);
        });
        // Under the masks each run has its own: noise, photographs, films, what scrolls through, what blinks, nothing.
        for rect in masks.iter().filter_map(|r| r.intersection(&SIZE.rect())) {
            let hint = Rect::new(rect.x, rect.y, 1 + secret.below(rect.width), 1 + secret.below(rect.height));
            match secret.below(5) {
                0 => desk.paint(rect, hint, |_, _| [secret.next() as u8, secret.next() as u8, 7]),
                1 => desk.paint(rect, hint, |x, y| photographed(x, y, (seed as u32).wrapping_add(moment))),
                2 => desk.paint(rect, hint, |x, y| [(x + moment * 3) as u8, (y + seed as u32) as u8, 99]),
                3 => desk
                    .paint(rect, hint, |_, _| [if moment.is_multiple_of(2) { 255 } else { seed as u8 }; 3]),
                _ => {}
            }
        }
        let at = Timestamp(i as u64 * 40_000);
        let mut bytes = Vec::new();
        if let Some((frame, damage)) = eye.look() {
            assert!(frame == hidden(&sight, &masks), "step {i}: a masked pixel left, or another was touched");
            encoder.encode(&mut frame.clone(), &damage, at, &mut bytes).unwrap();
        }
        if bytes.is_empty() {
            encoder.refine(at, 20_000, None, &mut bytes).unwrap();
        }
        if !bytes.is_empty() {
            decoder.feed(&bytes).unwrap();
            while decoder.next().unwrap().is_some() {}
            pictures.push(decoder.frame().unwrap().clone());
            packets.push((i, bytes));
            if mode == Mode::Lossless {
                assert!(
                    decoder.frame() == Some(&hidden(&sight, &masks)),
                    "step {i}: the viewer sees another"
                );
            }
        }
    }
    (packets, pictures)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Two sessions with different secrets under the mask: the same bytes at the same times.
    #[test]
    fn secrets_under_masks_do_not_show_in_the_bytes(
        steps in prop::collection::vec(step(), 4..40),
        seeds in any::<(u64, u64)>(),
        windows in any::<bool>(),
    ) {
        for mode in [Mode::Lossless, Mode::Auto] {
            let (one, _) = run(&steps, seeds.0, mode, windows);
            let (other, _) = run(&steps, seeds.1, mode, windows);
            let times = |packets: &[(usize, Vec<u8>)]| packets.iter().map(|p| p.0).collect::<Vec<_>>();
            prop_assert_eq!(times(&one), times(&other), "{:?}: when packets come tells of the secret", mode);
            prop_assert!(one == other, "{:?}: the secret shows in the bytes", mode);
        }
    }
}

/// The test above can fail: with the mask off it does.
#[test]
fn the_proof_sees_a_secret_that_is_not_masked() {
    let steps: Vec<Step> = (0..6)
        .map(|i| Step { visible: i * 31, masks: Some(vec![Rect::new(0, 0, 200, 200)]).filter(|_| i == 0) })
        .collect();
    let bytes = |seed: u64| {
        let desk = Desk::new();
        let mut eye = Eye::new(&desk, MaskSet::new());
        desk.paint(Rect::new(5, 5, 90, 90), Rect::default(), |x, y| photographed(x, y, seed as u32));
        let mut out = Vec::new();
        let (mut frame, damage) = eye.look().unwrap();
        let mut encoder = Encoder::new(EncoderConfig::default()).unwrap();
        encoder.encode(&mut frame, &damage, Timestamp(0), &mut out).unwrap();
        out
    };
    assert!(bytes(1) != bytes(2));
    assert!(run(&steps, 1, Mode::Auto, false) == run(&steps, 2, Mode::Auto, false));
}

#[test]
fn what_happens_under_a_mask_alone_is_no_frame() {
    let desk = Desk::new();
    let mask = Rect::new(64, 0, 100, 240);
    let mut eye = Eye::new(&desk, MaskSet::new().with_rect(mask).with_rect(Rect::new(300, 200, 900, 900)));
    assert!(eye.look().is_some());
    for i in 0..20 {
        desk.paint(Rect::new(70 + i, 10, 50, 200), mask, |x, y| photographed(x, y, i));
        desk.paint(Rect::new(305, 210, 10, 10), Rect::default(), |_, _| [i as u8; 3]);
        assert!(eye.look().is_none(), "a frame tells that something happened");
    }
    desk.paint(Rect::new(160, 10, 10, 10), Rect::default(), |_, _| [1, 2, 3]);
    let (_, damage) = eye.look().unwrap();
    assert!(matches!(damage, Damage::Within(_)));
    assert_eq!(eye.masked.hidden_px(), 100 * 240 + 20 * 40);
}

#[test]
fn without_a_certain_mask_all_is_blank() {
    let place = Rect::new(10, 10, 50, 50);
    let blank = hidden(&black(SIZE), &[SIZE.rect()]);
    let named = || MaskSet::new().with_window(WindowMatch::Title("secret".into()));
    let see = |places: Option<Places>, masks: MaskSet| {
        let desk = Desk::new();
        desk.paint(SIZE.rect(), SIZE.rect(), |x, y| photographed(x, y, 1));
        desk.with(|s| s.places = places);
        let picture = Eye::new(&desk, masks).look().unwrap().0;
        (picture, desk.with(|s| s.picture.clone()))
    };
    let (seen, picture) = see(Some(Places::At(vec![place])), named());
    assert!(seen == hidden(&picture, &[place]));
    assert!(see(None, named()).0 == blank, "nobody knows where windows are");
    assert!(see(Some(Places::Fails), named()).0 == blank, "it failed");
    assert!(see(Some(Places::Late(vec![place])), named()).0 == blank, "it is of the picture before");
    assert!(see(Some(Places::At(vec![place; 400])), named()).0 == blank, "too many");
    let many = (0..400).fold(MaskSet::new(), |m, i| m.with_rect(Rect::new(i % 300, i / 2, 4, 4)));
    assert!(see(None, many).0 == blank, "too many");
}

#[test]
fn a_mask_that_comes_goes_or_moves_shows_without_any_change_of_the_source() {
    let desk = Desk::new();
    desk.paint(SIZE.rect(), SIZE.rect(), |x, y| photographed(x, y, 1));
    let picture = desk.with(|s| s.picture.clone());
    let places = [vec![], vec![Rect::new(10, 10, 60, 60)], vec![Rect::new(30, 20, 60, 60)], vec![]];
    desk.with(|s| s.places = Some(Places::At(Vec::new())));
    let mut eye = Eye::new(&desk, MaskSet::new().with_window(WindowMatch::Id(3)));
    for rects in places {
        desk.with(|s| s.places = Some(Places::At(rects.clone())));
        assert!(eye.look().unwrap().0 == hidden(&picture, &rects));
        assert!(eye.look().is_none());
    }
    desk.with(|s| s.places = Some(Places::Fails));
    assert!(eye.look().unwrap().0 == hidden(&picture, &[SIZE.rect()]));
    assert!(!eye.masked.take_anew());
    desk.with(|s| s.places = Some(Places::Anew(vec![Rect::new(0, 0, 9, 9)])));
    assert!(eye.look().is_some() && eye.masked.take_anew() && !eye.masked.take_anew());
    eye.masked.set_masks(MaskSet::new());
    assert!(eye.look().unwrap().0 == picture);
}

#[test]
fn a_cursor_over_a_mask_is_hidden_with_its_shapes() {
    let desk = Desk::new();
    let mut eye = Eye::new(&desk, MaskSet::new().with_rect(Rect::new(100, 0, 50, 240)));
    let shape = |v: u8| Some(CursorShape { size: Size::new(1, 1), hotspot: (0, 0), pixels: vec![v; 4] });
    let point = |position, shape, eye: &mut Eye| {
        desk.with(|s| s.cursor = Some(CursorUpdate { position, shape }));
        eye.masked.cursor().unwrap()
    };
    let nowhere = Some(CursorUpdate::default());
    assert_eq!(point(Some((5, 5)), shape(1), &mut eye), None, "no mask is certain before a picture");
    eye.look();
    let told = |position, shape| Some(CursorUpdate { position, shape });
    assert_eq!(eye.masked.cursor().unwrap(), told(Some((5, 5)), shape(1)));
    assert_eq!(point(Some((100, 9)), None, &mut eye), nowhere);
    assert_eq!(point(Some((120, 9)), shape(2), &mut eye), None, "it moves and changes under the mask");
    assert_eq!(point(Some((149, 99)), shape(3), &mut eye), None);
    assert_eq!(point(Some((150, 99)), None, &mut eye), told(Some((150, 99)), shape(3)));
    assert_eq!(point(Some((-1, 3)), None, &mut eye), told(Some((-1, 3)), None));
    assert_eq!(point(None, None, &mut eye), nowhere);
}
