//! A viewer that comes back is told what it lacks and no more.

mod scene;
mod stranger;

use panecast::bitstream::{HEADER_BYTES, Packet, Piece, ResumeBody, Splitter};
use panecast::capture::Damage;
use panecast::codec::{Decoded, Decoder, Encoder, EncoderConfig, HeldTiles, Mode};
use panecast::frame::{FrameBuf, Rect, Size, Timestamp};
use panecast::{ErrorKind, Limits};
use scene::{Random, black, fill, photographed};
use stranger::Stranger;

const SIZE: Size = Size { width: 960, height: 600 };

fn text(picture: &mut FrameBuf, rect: &Rect, seed: u64) {
    fill(picture, rect, |x, y| {
        let glyph = Random(seed ^ u64::from(x / 8) << 20 ^ u64::from(y / 13)).next() % 26;
        let dot = Random(glyph << 16 ^ u64::from(x % 8) << 8 ^ u64::from(y % 13)).next().is_multiple_of(3);
        if dot { [230, 230, 220] } else { [20, 24, 30] }
    });
}

/// An encoder, a viewer that is in all the time, and one that comes and goes.
struct Rig {
    encoder: Encoder,
    stays: Decoder,
    returns: Decoder,
    picture: FrameBuf,
    away: bool,
    now: u64,
}

impl Rig {
    fn new(mode: Mode) -> Self {
        let config = EncoderConfig { mode, ..EncoderConfig::default() };
        Self {
            encoder: Encoder::new(config).expect("an encoder"),
            stays: Decoder::new(Limits::default()),
            returns: Decoder::new(Limits::default()),
            picture: black(SIZE),
            away: false,
            now: 0,
        }
    }

    fn send(&mut self) -> usize {
        self.now += 33_333;
        let mut out = Vec::new();
        let now = Timestamp(self.now);
        self.encoder.encode(&mut self.picture.clone(), &Damage::Unknown, now, &mut out).expect("an update");
        self.deliver(&out);
        out.len()
    }

    fn deliver(&mut self, bytes: &[u8]) {
        feed(&mut self.stays, bytes).expect("a sound stream");
        if !self.away {
            feed(&mut self.returns, bytes).expect("a sound stream");
        }
        self.compare();
    }

    fn compare(&self) {
        for viewer in [Some(&self.stays), (!self.away).then_some(&self.returns)].into_iter().flatten() {
            assert!(viewer.frame() == self.encoder.shown(), "a viewer sees another picture");
            assert!(viewer.exactness() == self.encoder.exactness(), "a viewer has another map");
        }
        let shown = self.encoder.shown().expect("a picture");
        for y in 0..shown.size().height {
            let pixels = shown.row(y).chunks_exact(4).zip(self.picture.row(y).chunks_exact(4));
            for (x, (shown, source)) in pixels.enumerate() {
                assert!(shown == source || !self.encoder.exactness().is_exact_at(x as u32, y), "{x}, {y}");
            }
        }
    }

    /// The viewer is back. Returns what it and what the other one was sent.
    fn come_back(&mut self) -> (usize, usize) {
        let held = self.returns.held().expect("it holds a picture");
        let (mut resumer, mut others) = (Vec::new(), Vec::new());
        let now = Timestamp(self.now);
        self.encoder.resume(&held, now, &mut resumer, &mut others).expect("a resumption").expect("a picture");
        feed(&mut self.stays, &others).expect("a sound stream");
        self.returns.restart();
        feed(&mut self.returns, &resumer).expect("a sound stream");
        self.away = false;
        self.compare();
        (resumer.len(), others.len())
    }

    fn refine(&mut self) {
        while let Some(due) = self.encoder.refine_due() {
            self.now = due.micros().max(self.now + 100_000);
            let mut out = Vec::new();
            self.encoder.refine(Timestamp(self.now), 1 << 20, None, &mut out).expect("a refinement");
            self.deliver(&out);
        }
    }

    /// What a snapshot takes, to a newcomer.
    fn snapshot(&self) -> usize {
        let mut out = Vec::new();
        let config = EncoderConfig { mode: Mode::Lossless, ..EncoderConfig::default() };
        let mut encoder = Encoder::new(config).expect("an encoder");
        encoder
            .encode(&mut self.picture.clone(), &Damage::Unknown, Timestamp(0), &mut out)
            .expect("an update");
        out.len()
    }
}

fn feed(decoder: &mut Decoder, bytes: &[u8]) -> panecast::Result<Vec<Decoded>> {
    decoder.feed(bytes)?;
    let mut all = Vec::new();
    while let Some(decoded) = decoder.next()? {
        all.push(decoded);
    }
    Ok(all)
}

#[test]
fn one_changed_tile_takes_the_bytes_of_a_tile() {
    let mut rig = Rig::new(Mode::Lossless);
    text(&mut rig.picture, &SIZE.rect(), 1);
    rig.send();
    rig.away = true;
    text(&mut rig.picture, &Rect::new(130, 70, 40, 26), 2);
    rig.send();
    text(&mut rig.picture, &Rect::new(140, 80, 40, 26), 3);
    rig.send();
    let (resumed, others) = rig.come_back();
    let mut alone = Encoder::new(EncoderConfig::default()).expect("an encoder");
    let mut tile = FrameBuf::new(Size::new(64, 64), &Limits::default()).expect("room");
    for y in 0..64 {
        let from = rig.picture.row_of(&Rect::new(128, 64, 64, 64), 64 + y).to_vec();
        tile.row_of_mut(&Rect::new(0, 0, 64, 64), y).copy_from_slice(&from);
    }
    let mut out = Vec::new();
    alone.encode(&mut tile, &Damage::Unknown, Timestamp(0), &mut out).expect("an update");
    assert!(resumed < out.len() + 100, "{resumed} bytes; the tile alone {}", out.len());
    assert!(others < 40, "{others} bytes for who was there");
    assert!(resumed * 20 < rig.snapshot(), "{resumed} of {}", rig.snapshot());
    // The same stream goes on for both.
    text(&mut rig.picture, &Rect::new(300, 200, 400, 130), 4);
    rig.send();
}

#[test]
fn a_viewer_that_missed_nothing_is_told_nothing() {
    let mut rig = Rig::new(Mode::Lossless);
    text(&mut rig.picture, &SIZE.rect(), 1);
    rig.send();
    rig.away = true;
    let (resumed, _) = rig.come_back();
    assert!(resumed < 60, "{resumed} bytes");
}

#[test]
fn lossy_photographs_that_it_holds_are_not_sent_again() {
    let mut rig = Rig::new(Mode::Auto);
    fill(&mut rig.picture, &SIZE.rect(), |x, y| photographed(x, y, 0));
    text(&mut rig.picture, &Rect::new(64, 64, 384, 256), 1);
    rig.send();
    assert!(rig.encoder.exactness().lossy_px() > SIZE.area() / 4);
    rig.away = true;
    text(&mut rig.picture, &Rect::new(70, 70, 200, 39), 2);
    rig.send();
    let (resumed, others) = rig.come_back();
    assert!(resumed * 10 < rig.snapshot(), "{resumed} of {}", rig.snapshot());
    assert!(others < 40, "{others} bytes for who was there");
    rig.refine();
    assert!(rig.returns.frame() == Some(&rig.picture), "exact at last");
}

#[test]
fn lossy_photographs_that_it_lacks_come_with_a_loss_and_no_text_does() {
    let mut rig = Rig::new(Mode::Auto);
    text(&mut rig.picture, &SIZE.rect(), 1);
    rig.send();
    rig.away = true;
    let photo = Rect::new(320, 192, 256, 256);
    fill(&mut rig.picture, &photo, |x, y| photographed(x, y, 0));
    let sent = rig.send();
    let lossy = rig.encoder.exactness().lossy_px();
    assert!(lossy > photo.area() / 2);
    let (resumed, _) = rig.come_back();
    assert_eq!(rig.encoder.exactness().lossy_px(), lossy, "nothing else is lossy now");
    assert!(resumed < sent * 2, "{resumed} bytes; the update had {sent}");
    rig.refine();
    assert!(rig.returns.frame() == Some(&rig.picture), "exact at last");
}

#[test]
fn a_film_goes_on_for_both() {
    let mut rig = Rig::new(Mode::Auto);
    let film = Rect::new(192, 128, 320, 192);
    text(&mut rig.picture, &SIZE.rect(), 1);
    for moment in 0..12 {
        fill(&mut rig.picture, &film, |x, y| photographed(x, y, moment));
        rig.send();
    }
    rig.away = true;
    for moment in 12..20 {
        fill(&mut rig.picture, &film, |x, y| photographed(x, y, moment));
        text(&mut rig.picture, &Rect::new(640, 448, 80, 26), moment.into());
        rig.send();
    }
    assert!(rig.stays.surfaces().count() > 0, "a film is alive");
    let (resumed, _) = rig.come_back();
    assert!(resumed * 2 < rig.snapshot(), "{resumed} of {}", rig.snapshot());
    for moment in 20..30 {
        fill(&mut rig.picture, &film, |x, y| photographed(x, y, moment));
        rig.send();
    }
    assert!(rig.returns.surfaces().count() > 0, "the film is alive for both");
    rig.refine();
    assert!(rig.returns.frame() == Some(&rig.picture), "exact at last");
}

#[test]
fn another_size_and_another_picture_take_a_snapshot() {
    for other in [Size::new(600, 960), SIZE] {
        let mut rig = Rig::new(Mode::Lossless);
        text(&mut rig.picture, &SIZE.rect(), 1);
        rig.send();
        rig.away = true;
        rig.picture = black(other);
        text(&mut rig.picture, &other.rect(), 2);
        rig.send();
        let (resumed, _) = rig.come_back();
        assert!(resumed * 2 > rig.snapshot(), "{resumed} of {}", rig.snapshot());
        text(&mut rig.picture, &Rect::new(100, 100, 100, 100), 3);
        rig.send();
    }
}

#[test]
fn lies_show_no_wrong_picture() {
    let mut rig = Rig::new(Mode::Lossless);
    text(&mut rig.picture, &SIZE.rect(), 1);
    rig.send();
    rig.away = true;
    text(&mut rig.picture, &Rect::new(0, 0, 64, 64), 2);
    rig.send();
    // It says that it holds what it has never seen.
    let held = HeldTiles::of(&rig.picture).expect("few tiles");
    let (mut resumer, mut others) = (Vec::new(), Vec::new());
    rig.encoder.resume(&held, Timestamp(rig.now), &mut resumer, &mut others).expect("a resumption");
    rig.deliver(&others);
    rig.returns.restart();
    let error = feed(&mut rig.returns, &resumer).expect_err("another picture");
    assert_eq!(error.kind(), ErrorKind::Desync);
    assert!(rig.returns.frame().is_none() && rig.returns.held().is_none(), "nothing to go on from");
    // So it asks for a snapshot.
    rig.returns.restart();
    let (mut joiner, mut others) = (Vec::new(), Vec::new());
    rig.encoder.late_join(Timestamp(rig.now), &mut joiner, &mut others).expect("a snapshot");
    rig.deliver(&others);
    feed(&mut rig.returns, &joiner).expect("a sound stream");
    rig.away = false;
    rig.compare();
    // Random hashes are tiles that differ: a snapshot, as nothing is held.
    let held = HeldTiles::new(SIZE, (0..150).collect()).expect("as many as tiles");
    let (mut resumer, mut others) = (Vec::new(), Vec::new());
    rig.encoder.resume(&held, Timestamp(rig.now), &mut resumer, &mut others).expect("a resumption");
    rig.deliver(&others);
    let mut fresh = Decoder::new(Limits::default());
    feed(&mut fresh, &resumer).expect("a snapshot needs nothing");
    assert!(fresh.frame() == rig.encoder.shown());
}

#[test]
fn a_resumption_without_a_picture_is_refused() {
    let mut rig = Rig::new(Mode::Lossless);
    rig.send();
    let held = rig.stays.held().expect("a picture");
    let (mut resumer, mut others) = (Vec::new(), Vec::new());
    rig.encoder.resume(&held, Timestamp(rig.now), &mut resumer, &mut others).expect("a resumption");
    let mut fresh = Decoder::new(Limits::default());
    assert_eq!(feed(&mut fresh, &resumer).expect_err("nothing is held").kind(), ErrorKind::Desync);
}

/// A stream, a cut, and the resumption, in a small picture; with what the viewer holds after each.
fn resumed() -> (Vec<u8>, Vec<u8>, [FrameBuf; 2]) {
    let mut encoder = Encoder::new(EncoderConfig::default()).expect("an encoder");
    let mut picture = black(Size::new(200, 140));
    text(&mut picture, &Rect::new(0, 0, 200, 140), 1);
    let first = picture.clone();
    let (mut stream, mut missed) = (Vec::new(), Vec::new());
    encoder.encode(&mut picture.clone(), &Damage::Unknown, Timestamp(0), &mut stream).expect("a snapshot");
    text(&mut picture, &Rect::new(70, 70, 30, 39), 2);
    fill(&mut picture, &Rect::new(100, 0, 90, 60), |x, y| photographed(x, y, 0));
    encoder.encode(&mut picture.clone(), &Damage::Unknown, Timestamp(1), &mut missed).expect("an update");
    let held = HeldTiles::of(&first).expect("few tiles");
    let (mut resumption, mut others) = (Vec::new(), Vec::new());
    encoder.resume(&held, Timestamp(2), &mut resumption, &mut others).expect("a resumption");
    (stream, resumption, [first, picture])
}

#[test]
fn broken_resumptions_show_no_picture_that_was_not_sent() {
    let (stream, resumption, [first, second]) = resumed();
    let mut random = Random(5);
    for round in 0..1000 {
        let mut bytes = resumption.clone();
        if round > 0 {
            let at = random.below(bytes.len() as u32) as usize;
            match random.below(3) {
                0 => bytes[at] ^= 1 << random.below(8),
                1 => bytes[at] = random.next() as u8,
                _ => bytes.truncate(at),
            }
        }
        let mut decoder = Decoder::new(Limits::default());
        feed(&mut decoder, &stream).expect("a sound stream");
        decoder.restart();
        match feed(&mut decoder, &bytes) {
            Ok(_) => {
                let shown = decoder.frame().expect("a picture");
                assert!(shown == &first || shown == &second, "round {round}");
            }
            Err(_) => assert!(decoder.frame().is_none(), "round {round}"),
        }
        if round == 0 {
            assert!(decoder.frame() == Some(&second));
        }
    }
}

#[test]
fn a_recording_goes_on_through_a_cut() {
    let (stream, resumption, [first, second]) = resumed();
    let mut decoder = Decoder::new(Limits::default());
    feed(&mut decoder, &stream).expect("a sound stream");
    assert!(decoder.frame() == Some(&first));
    feed(&mut decoder, &resumption).expect("a header may come again");
    assert!(decoder.frame() == Some(&second));
}

#[test]
fn absurd_resumptions_are_refused_before_memory_is_spent() {
    let (stream, resumption, _) = resumed();
    let mut splitter = Splitter::new();
    splitter.feed(&resumption);
    assert!(matches!(splitter.next(&Limits::default()), Ok(Some(Piece::Header(0)))));
    let Ok(Some(Piece::Packet(kind, body))) = splitter.next(&Limits::default()) else { panic!("a packet") };
    let Ok(Packet::Resume(sound)) = Packet::read(kind, body, &Limits::default()) else {
        panic!("of its kind")
    };
    let size = sound.size;
    let all = size.rect();
    let absurd = [
        ResumeBody { blank: vec![Rect::new(0, 0, size.width + 1, 1)], ..sound.clone() },
        ResumeBody { blank: vec![Rect::new(u32::MAX, 0, 2, 1)], ..sound.clone() },
        ResumeBody { blank: vec![Rect::new(0, 0, 0, 1)], ..sound.clone() },
        ResumeBody { lossy: vec![all, Rect::new(0, 0, 1, 1)], ..sound.clone() },
        ResumeBody { size: Size::new(size.height, size.width), ..sound.clone() },
        ResumeBody { epoch: 1, ..sound.clone() },
        ResumeBody { sequence: 0, ..sound.clone() },
        ResumeBody { data: &[], plain_bytes: 0, ..sound.clone() },
        ResumeBody { hash: sound.hash ^ 1, ..sound.clone() },
    ];
    for (i, body) in absurd.into_iter().enumerate() {
        // Without a header between them the decoder knows its epoch and place.
        let mut bytes = Vec::new();
        Packet::Resume(body).write(&mut bytes);
        let mut decoder = Decoder::new(Limits::default());
        feed(&mut decoder, &stream).expect("a sound stream");
        let error = feed(&mut decoder, &bytes).expect_err("absurd");
        assert!(matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::Desync), "{i}: {error:?}");
    }
    let mut bytes = stream[..HEADER_BYTES].to_vec();
    Packet::Resume(ResumeBody { blank: vec![all], ..sound }).write(&mut bytes);
    for limits in [Limits { rects: 0, ..Limits::default() }, Limits { packet_bytes: 10, ..Limits::default() }]
    {
        let error = feed(&mut Decoder::new(limits), &bytes).expect_err("over the limits");
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    }
}

#[test]
fn a_stranger_reads_a_resumption() {
    let mut encoder = Encoder::new(EncoderConfig::default()).expect("an encoder");
    let size = Size::new(200, 140);
    let mut picture = black(size);
    text(&mut picture, &size.rect(), 1);
    let colours = |picture: &FrameBuf| -> Vec<u32> {
        let (pixels, _) = picture.pixels().as_chunks();
        pixels.iter().map(|[b, g, r, _]| u32::from_le_bytes([*b, *g, *r, 0])).collect()
    };
    let mut stranger = Stranger::new(size.width.into(), size.height.into());
    stranger.pixels = colours(&picture);
    let held = HeldTiles::of(&picture).expect("few tiles");
    let mut out = Vec::new();
    encoder.encode(&mut picture.clone(), &Damage::Unknown, Timestamp(0), &mut out).expect("a snapshot");
    text(&mut picture, &Rect::new(70, 60, 100, 39), 2);
    encoder.encode(&mut picture.clone(), &Damage::Unknown, Timestamp(1), &mut out).expect("an update");
    let (mut resumption, mut others) = (Vec::new(), Vec::new());
    encoder.resume(&held, Timestamp(2), &mut resumption, &mut others).expect("a resumption");
    let mut splitter = Splitter::new();
    splitter.feed(&resumption);
    assert!(matches!(splitter.next(&Limits::default()), Ok(Some(Piece::Header(0)))));
    let Ok(Some(Piece::Packet(kind, body))) = splitter.next(&Limits::default()) else { panic!("a packet") };
    let Ok(Packet::Resume(body)) = Packet::read(kind, body, &Limits::default()) else {
        panic!("of its kind")
    };
    assert!(body.layers.is_empty() && body.lossy.is_empty() && !body.blank.is_empty());
    for r in &body.blank {
        for y in r.y..r.bottom() {
            let row = y as usize * size.width as usize;
            stranger.pixels[row + r.x as usize..row + r.right() as usize].fill(0);
        }
    }
    assert_eq!(body.data[..2], [0, 0], "the model is forgotten; no zstd");
    stranger.read(&body.data[2..]);
    assert!(stranger.pixels == colours(&picture));
}
