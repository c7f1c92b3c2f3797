//! Lossy at first, exact later: both sides agree on every pixel and on which of them are exact.

mod scene;

use panecast::Limits;
use panecast::capture::Damage;
use panecast::codec::av1::Av1Choice;
use panecast::codec::{Decoded, Decoder, Encoder, EncoderConfig, Mode, Refine, Tool, ToolUse, UpdateKind};
use panecast::frame::{FrameBuf, Rect, Size, Timestamp};
use scene::{Random, black, change, chart, fill, photographed};

const SIZE: Size = Size { width: 640, height: 400 };

/// An encoder and a decoder that are compared after every packet.
struct Rig {
    encoder: Encoder,
    decoder: Decoder,
    /// Microseconds.
    now: u64,
    bytes: usize,
    /// The last packets.
    last: Vec<u8>,
}

impl Rig {
    fn new(av1: Av1Choice) -> Self {
        let config = EncoderConfig { mode: Mode::Auto, av1, ..EncoderConfig::default() };
        let encoder = Encoder::new(config).expect("an encoder");
        Self { encoder, decoder: Decoder::new(Limits::default()), now: 0, bytes: 0, last: Vec::new() }
    }

    /// Sends one picture, a thirtieth of a second later.
    fn send(&mut self, picture: &FrameBuf) -> UpdateKind {
        self.now += 33_333;
        let (mut frame, mut out) = (picture.clone(), Vec::new());
        let update = self
            .encoder
            .encode(&mut frame, &Damage::Unknown, Timestamp(self.now), &mut out)
            .expect("an update");
        self.take(&out, picture);
        update.kind
    }

    /// Refines until everything is exact and returns how many packets that took.
    fn refine(&mut self, picture: &FrameBuf, bytes: usize) -> usize {
        let mut packets = 0;
        while let Some(due) = self.encoder.refine_due() {
            self.now = self.now.max(due.micros());
            let mut out = Vec::new();
            let update =
                self.encoder.refine(Timestamp(self.now), bytes, None, &mut out).expect("a refinement");
            if update.is_none() {
                // A film that has just stood still is not over yet.
                self.now += 100_000;
            }
            self.take(&out, picture);
            packets += 1;
            assert!(packets < 5000, "it never becomes exact");
        }
        packets
    }

    fn take(&mut self, bytes: &[u8], picture: &FrameBuf) {
        self.bytes += bytes.len();
        feed(&mut self.decoder, bytes);
        self.last = bytes.to_vec();
        self.compare(picture);
    }

    /// Both sides hold the same picture and the same map, and what the map calls exact is the source's.
    fn compare(&self, picture: &FrameBuf) {
        assert!(self.decoder.frame() == self.encoder.shown(), "the pictures differ");
        assert!(self.decoder.exactness() == self.encoder.exactness(), "the maps differ");
        let shown = self.decoder.frame().expect("a picture");
        let size = picture.size();
        for y in 0..size.height {
            let pixels = shown.row(y).chunks_exact(4).zip(picture.row(y).chunks_exact(4));
            for (x, (shown, source)) in pixels.enumerate() {
                let exact = self.decoder.exactness().is_exact_at(x as u32, y);
                assert!(!exact || shown == source, "{x}, {y} is called exact");
            }
        }
    }

    fn is_exact_in(&self, rect: &Rect) -> bool {
        self.decoder.exactness().lossy_px_in(rect) == 0
    }
}

fn feed(decoder: &mut Decoder, bytes: &[u8]) {
    decoder.feed(bytes).expect("room");
    while decoder.next().expect("a sound stream").is_some() {}
}

/// The AV1 encoders that are built in, and none.
fn choices() -> impl Iterator<Item = Av1Choice> {
    Av1Choice::ALL.into_iter().filter(|choice| choice.available())
}

fn text(picture: &mut FrameBuf, rect: &Rect, seed: u64) {
    fill(picture, rect, |x, y| {
        let glyph = Random(seed ^ u64::from(x / 8) << 20 ^ u64::from(y / 13)).next() % 26;
        let dot = Random(glyph << 16 ^ u64::from(x % 8) << 8 ^ u64::from(y % 13)).next().is_multiple_of(3);
        if dot { [230, 230, 220] } else { [20, 24, 30] }
    });
}

fn film(picture: &mut FrameBuf, rect: &Rect, moment: u32) {
    fill(picture, rect, |x, y| photographed(x - rect.x, y - rect.y, moment));
}

#[test]
fn a_wallpaper_is_lossy_at_once_and_exact_later_and_text_is_exact_always() {
    for av1 in choices() {
        let mut rig = Rig::new(av1);
        let mut picture = black(SIZE);
        film(&mut picture, &SIZE.rect(), 0);
        let window = Rect::new(101, 67, 300, 200);
        text(&mut picture, &window, 1);
        assert_eq!(rig.send(&picture), UpdateKind::Keyframe);
        let first = rig.bytes;
        assert!(rig.encoder.exactness().lossy_px() > SIZE.area() / 3, "{av1}: the wallpaper is lossy");
        // Tiles that the window covers to the most are drawn; the text within them is exact at once.
        assert!(rig.is_exact_in(&Rect::new(128, 128, 256, 64)), "{av1}: the text is exact");
        assert_eq!(rig.send(&picture), UpdateKind::Unchanged);
        assert!(rig.refine(&picture, 20_000) > 1, "{av1}");
        assert!(rig.decoder.frame() == Some(&picture), "{av1}: exact at last");
        let exact = lossless_bytes(&picture);
        assert!(first * 2 < exact, "{av1}: {first} bytes at first, {exact} for exact ones");
    }
}

/// What a dashboard does: charts that never rest are nearly exact, all that is written is exact in every picture.
#[test]
fn a_restless_chart_is_nearly_exact_and_the_text_around_it_is_exact_always() {
    for av1 in choices() {
        let mut rig = Rig::new(av1);
        let mut picture = black(SIZE);
        fill(&mut picture, &SIZE.rect(), |_, _| [29, 33, 24]);
        let lines = Rect::new(40, 100, 400, 60);
        let (still, counter, log) =
            (Rect::new(40, 60, 400, 26), Rect::new(480, 104, 80, 13), Rect::new(40, 290, 400, 65));
        text(&mut picture, &still, 1);
        let mut nearly = 0;
        for moment in 0..60 {
            chart(&mut picture, &lines, moment);
            // A counter beside the chart changes with each picture, a log below it now and then.
            text(&mut picture, &counter, u64::from(moment));
            if moment % 10 == 0 {
                text(&mut picture, &log, u64::from(moment / 10));
            }
            rig.send(&picture);
            for written in [&still, &counter, &log] {
                assert!(rig.is_exact_in(written), "{av1}: text in picture {moment}");
            }
            let shown = rig.decoder.frame().expect("a picture");
            assert!(
                shown.pixels().iter().zip(picture.pixels()).all(|(a, b)| a.abs_diff(*b) <= 16),
                "{av1}: picture {moment} is too far from exact"
            );
            nearly += u32::from(rig.encoder.exactness().lossy_px_in(&lines) > 0);
        }
        assert!(nearly > 40, "{av1}: {nearly} pictures of a restless chart are nearly exact");
        assert!(rig.refine(&picture, 20_000) > 0, "{av1}");
        assert!(rig.decoder.frame() == Some(&picture), "{av1}: exact at last");
    }
}

fn lossless_bytes(picture: &FrameBuf) -> usize {
    let mut encoder = Encoder::new(EncoderConfig::default()).expect("an encoder");
    let mut out = Vec::new();
    encoder.encode(&mut picture.clone(), &Damage::Unknown, Timestamp(0), &mut out).expect("an update");
    out.len()
}

#[test]
fn a_film_gets_a_surface_that_ends_with_it_and_is_repaired() {
    for av1 in choices() {
        let mut rig = Rig::new(av1);
        let mut picture = black(SIZE);
        text(&mut picture, &SIZE.rect(), 3);
        rig.send(&picture);
        let screen = Rect::new(150, 90, 256, 144);
        let mut surfaces = Vec::new();
        for moment in 0..30 {
            film(&mut picture, &screen, moment);
            text(&mut picture, &Rect::new(8, 13, 40, 13), u64::from(moment));
            rig.send(&picture);
            let around = Rect::new(0, 0, SIZE.width, 60);
            assert!(rig.is_exact_in(&around), "{av1}: the text beside the film is exact");
            surfaces.extend(rig.decoder.surfaces());
        }
        surfaces.dedup();
        if av1 == Av1Choice::Off {
            assert!(surfaces.is_empty(), "without AV1 there are no surfaces");
        } else {
            assert_eq!(surfaces.len(), 1, "{av1}: one surface from the beginning to the end");
        }
        rig.refine(&picture, 100_000);
        assert_eq!(rig.decoder.surfaces().count(), 0, "{av1}");
        assert!(rig.decoder.frame() == Some(&picture), "{av1}: repaired");
    }
}

#[test]
fn a_surface_moves_with_the_page_that_it_is_on() {
    let av1 = Av1Choice::best();
    let mut rig = Rig::new(av1);
    let mut page = black(Size::new(640, 1200));
    text(&mut page, &Rect::new(0, 0, 640, 1200), 9);
    let screen = Rect::new(64, 300, 320, 180);
    let mut top = 40;
    for moment in 0..40 {
        film(&mut page, &screen, moment);
        if moment % 8 == 7 {
            top += 24;
        }
        let mut picture = black(SIZE);
        for y in 0..SIZE.height {
            let row = page.row(y + top).to_vec();
            picture.row_of_mut(&SIZE.rect(), y).copy_from_slice(&row);
        }
        rig.send(&picture);
    }
    assert!(rig.is_exact_in(&Rect::new(0, 0, 640, 100)), "what is above the film is exact");
}

#[test]
fn a_film_that_turns_into_a_scrolled_page_rests_meanwhile() {
    let mut rig = Rig::new(Av1Choice::best());
    let pane = Rect::new(0, 40, 640, 360);
    let mut picture = black(SIZE);
    rig.send(&picture);
    for moment in 0..10 {
        film(&mut picture, &pane, moment);
        rig.send(&picture);
    }
    let surfaces: Vec<_> = rig.decoder.surfaces().collect();
    assert_eq!(surfaces.len(), 1);
    for top in 1..4 {
        fill(&mut picture, &pane, |x, y| photographed(x, y - pane.y + top * 40, 9));
        rig.send(&picture);
        let is_film = |used: &&ToolUse| used.tool == Tool::Av1Video;
        assert_eq!(rig.decoder.tools().iter().filter(is_film).count(), 0, "copies and a strip");
        let strip: u64 =
            rig.decoder.tools().iter().filter(|used| used.tool != Tool::Copy).map(|u| u.rect.area()).sum();
        assert!(strip < 640 * 60, "{strip} pixels are new");
    }
    for moment in 10..14 {
        film(&mut picture, &pane, moment);
        rig.send(&picture);
        assert!(rig.decoder.tools().iter().any(|used| used.tool == Tool::Av1Video));
    }
    assert_eq!(
        rig.decoder.surfaces().collect::<Vec<_>>(),
        surfaces,
        "the film went on, it did not begin anew"
    );
}

/// `page` under a black veil that lets `light` 256ths through, with `lit` coming to light on it.
fn veiled(page: &FrameBuf, light: u32, lit: &Rect) -> FrameBuf {
    let mut picture = page.clone();
    for y in 0..SIZE.height {
        for (x, px) in picture.row_of_mut(&SIZE.rect(), y).chunks_exact_mut(4).enumerate() {
            let x = x as u32;
            let over = lit.contains(&Rect::new(x, y, 1, 1)).then(|| photographed(x * 2, y * 2, 3));
            for c in 0..3 {
                let through = u32::from(px[c]) * light;
                px[c] =
                    ((through + over.map_or(0, |over| u32::from(over[c]) * (256 - light)) + 128) >> 8) as u8;
            }
        }
    }
    picture
}

#[test]
fn a_page_goes_dark_and_comes_back_in_a_few_bytes() {
    for av1 in choices() {
        let mut rig = Rig::new(av1);
        let mut page = black(SIZE);
        fill(&mut page, &SIZE.rect(), |_, _| [250; 3]);
        text(&mut page, &Rect::new(20, 20, 320, 338), 5);
        film(&mut page, &Rect::new(340, 0, 300, 400), 0);
        rig.send(&page);
        rig.refine(&page, 1_000_000);
        let lit = Rect::new(350, 60, 260, 260);
        let dark = [250, 220, 160, 110, 80, 60, 52, 48];
        for light in dark.into_iter().chain(dark.into_iter().rev()) {
            let before = rig.bytes;
            let picture = veiled(&page, light, &lit);
            rig.send(&picture);
            let tools = rig.decoder.tools();
            if light != 48 {
                let of =
                    |tool| tools.iter().filter(move |u| u.tool == tool).map(|u| u.rect.area()).sum::<u64>();
                assert!(of(Tool::Fade) * 10 > SIZE.area() * 9, "{av1}: {light} is no fade");
                assert_eq!(of(Tool::Av1Video), 0, "{av1}");
            }
            assert!(rig.bytes - before < 8_000, "{av1}: {} bytes at {light}", rig.bytes - before);
            assert!(
                off(&rig.decoder, &picture, &Rect::new(20, 20, 100, 338)) <= 12,
                "{av1}: text at {light}"
            );
        }
        rig.refine(&veiled(&page, 250, &lit), 100_000);
        assert!(rig.decoder.frame() == Some(&veiled(&page, 250, &lit)), "{av1}: repaired");
    }
}

/// How far the worst channel of `rect` is from `picture`.
fn off(decoder: &Decoder, picture: &FrameBuf, rect: &Rect) -> u8 {
    let shown = decoder.frame().expect("a picture");
    let rows = (rect.y..rect.bottom()).map(|y| shown.row_of(rect, y).iter().zip(picture.row_of(rect, y)));
    rows.flatten().map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
}

#[test]
fn late_joiners_see_the_same_with_films_and_stills_alive() {
    for av1 in choices() {
        let mut rig = Rig::new(av1);
        let mut picture = black(SIZE);
        film(&mut picture, &Rect::new(0, 0, 640, 200), 0);
        let screen = Rect::new(100, 220, 256, 144);
        let mut late = None;
        for moment in 0..24 {
            film(&mut picture, &screen, moment);
            rig.send(&picture);
            if let Some(late) = &mut late {
                feed(late, &rig.last);
                assert!(late.frame() == rig.decoder.frame() && late.exactness() == rig.decoder.exactness());
            }
            if moment == 12 {
                let (mut joiner, mut others) = (Vec::new(), Vec::new());
                let now = Timestamp(rig.now);
                rig.encoder.late_join(now, &mut joiner, &mut others).expect("a snapshot").expect("a picture");
                rig.take(&others, &picture);
                let mut decoder = Decoder::new(Limits::default());
                feed(&mut decoder, &joiner);
                assert!(decoder.frame() == rig.encoder.shown());
                assert!(decoder.exactness() == rig.encoder.exactness());
                late = Some(decoder);
            }
        }
        assert!(late.is_some());
    }
}

#[test]
fn storms_of_films_windows_and_resizes_stay_in_step() {
    for seed in 0..6 {
        let mut random = Random(seed);
        let av1 = choices().nth(seed as usize % choices().count()).expect("a choice");
        let mut rig = Rig::new(av1);
        let mut size = SIZE;
        let mut picture = black(size);
        let mut films: Vec<Rect> = Vec::new();
        for moment in 0..80 {
            match random.below(12) {
                0 => films.push(random.rect(size)),
                1 => {
                    films.pop();
                }
                2 => drop(change(&mut picture, &mut random)),
                3 if random.below(4) == 0 => {
                    size = Size::new(200 + random.below(500), 100 + random.below(300));
                    picture = black(size);
                    films.clear();
                }
                4 => {
                    let mut out = Vec::new();
                    rig.now += u64::from(random.below(3_000_000));
                    let focus = random.rect(size);
                    let now = Timestamp(rig.now);
                    rig.encoder.refine(now, 5000, Some(focus), &mut out).expect("a refinement");
                    // The picture may have been drawn upon since it was sent: only the two sides are compared.
                    feed(&mut rig.decoder, &out);
                    assert!(rig.decoder.frame() == rig.encoder.shown());
                }
                5 => rig.encoder.set_bitrate(Some(u64::from(random.below(2_000_000)))),
                _ => {}
            }
            for screen in &films {
                film(&mut picture, screen, moment);
            }
            rig.send(&picture);
        }
        rig.refine(&picture, 1 << 20);
        assert!(rig.decoder.frame() == Some(&picture), "seed {seed}");
    }
}

#[test]
fn nothing_is_refined_where_that_is_off() {
    let config = EncoderConfig { mode: Mode::Auto, refine: Refine::Off, ..EncoderConfig::default() };
    let mut encoder = Encoder::new(config).expect("an encoder");
    let mut picture = black(SIZE);
    film(&mut picture, &SIZE.rect(), 0);
    let mut out = Vec::new();
    encoder.encode(&mut picture, &Damage::Unknown, Timestamp(0), &mut out).expect("an update");
    assert!(!encoder.exactness().is_exact());
    assert_eq!(encoder.refine_due(), None);
    let later = Timestamp(60_000_000);
    assert_eq!(encoder.refine(later, 1 << 20, None, &mut out).expect("no error"), None);
}

/// Somebody else decodes AV1, as in a browser; here it is the decoder that is built in.
#[test]
fn planes_from_outside_give_the_same_pictures() {
    if Av1Choice::best() == Av1Choice::Off || !panecast::codec::av1::can_decode() {
        eprintln!("no AV1 is built in");
        return;
    }
    let mut rig = Rig::new(Av1Choice::best());
    let mut outside = Decoder::with_external_av1(Limits::default());
    let mut decoders = std::collections::BTreeMap::new();
    let mut picture = black(SIZE);
    film(&mut picture, &Rect::new(0, 0, 640, 180), 0);
    let (mut asked, mut units) = (0, 0);
    for moment in 0..20 {
        film(&mut picture, &Rect::new(100, 200, 256, 144), moment);
        rig.now += 33_333;
        let mut out = Vec::new();
        let now = Timestamp(rig.now);
        rig.encoder.encode(&mut picture.clone(), &Damage::Unknown, now, &mut out).expect("an update");
        rig.take(&out, &picture);
        outside.feed(&out).expect("room");
        while let Some(decoded) = outside.next().expect("a sound stream") {
            if decoded != Decoded::NeedsPlanes {
                continue;
            }
            asked += 1;
            while let Some(request) = outside.plane_request() {
                if request.keyframe {
                    let fresh = panecast::codec::av1::decoder(&Limits::default()).expect("a decoder");
                    decoders.insert(request.surface, fresh);
                }
                let mut planes = panecast::codec::av1::Planes::default();
                let decoder = decoders.get_mut(&request.surface).expect("a keyframe came first");
                decoder.decode(request.data, &mut planes).expect("a temporal unit");
                outside.supply(&planes).expect("wanted planes");
                units += 1;
            }
        }
        assert!(outside.frame() == rig.decoder.frame(), "picture {moment}");
        assert!(outside.exactness() == rig.decoder.exactness());
    }
    assert!(asked >= 15 && units >= asked, "{asked} packets, {units} units");
}
