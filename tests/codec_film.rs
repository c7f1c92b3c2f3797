//! Films that were encoded elsewhere: what a decoder shows of them, what it refuses, and their bytes.

mod scene;

use panecast::bitstream::{
    EpochBody, FEATURE_FILM, FilmBody, FilmCodec, FilmColour, Packet, PayloadKind, UpdateBody, write_header,
};
use panecast::capture::Damage;
use panecast::codec::av1::{Av1Choice, Av1Encoder, Chroma, Planes, film_to_picture, to_picture, to_planes};
use panecast::codec::{Decoded, Decoder, Encoder, EncoderConfig};
use panecast::frame::{FrameBuf, Rect, Size, Timestamp};
use panecast::session::{FilmFeed, FilmUnit, ViewerEvent, ViewerId};
use panecast::{Error, ErrorKind, Limits};
use scene::{black, fill, photographed};

const SIZE: Size = Size { width: 160, height: 120 };
const BT601: FilmColour = FilmColour { bt709: false, full_range: false };

/// A camera whose encoder is libaom: units, and what they show.
struct Camera {
    encoder: Box<dyn Av1Encoder>,
    planes: Planes,
    taken: u32,
    size: Size,
}

impl Camera {
    fn new(size: Size) -> Self {
        let encoder = Av1Choice::best().video(size, Chroma::Half, 24).expect("an encoder");
        Self { encoder, planes: Planes::default(), taken: 0, size }
    }

    fn unit(&mut self, keyframe: bool) -> (Vec<u8>, FrameBuf) {
        let mut picture = black(self.size);
        let time = self.taken;
        fill(&mut picture, &self.size.rect(), |x, y| photographed(x, y, time));
        self.taken += 1;
        let limits = Limits::default();
        to_planes(&picture, &self.size.rect(), &mut self.planes, Chroma::Half, &limits).expect("planes");
        let mut unit = Vec::new();
        self.encoder.encode(&self.planes, 60, keyframe, &mut unit).expect("a unit");
        self.encoder.reconstruction(&mut self.planes).expect("what it shows");
        to_picture(&self.planes, &self.size.rect(), &mut picture, (0, 0)).expect("a picture");
        (unit, picture)
    }
}

fn body(sequence: u64, keyframe: bool, data: &[u8]) -> FilmBody<'_> {
    let epoch = 1;
    let timestamp = Timestamp::of_frame(sequence, 24);
    FilmBody { epoch, sequence, timestamp, size: SIZE, codec: FilmCodec::Av1, keyframe, colour: BT601, data }
}

fn decoder() -> Decoder {
    let mut decoder = Decoder::new(Limits::default());
    let mut header = Vec::new();
    write_header(FEATURE_FILM, &mut header);
    decoder.feed(&header).expect("a header");
    assert_eq!(decoder.next(), Ok(Some(Decoded::Header)));
    decoder
}

fn feed(decoder: &mut Decoder, packet: &Packet<'_>) -> Result<Option<Decoded>, Error> {
    let mut bytes = Vec::new();
    packet.write(&mut bytes);
    decoder.feed(&bytes)?;
    decoder.next()
}

#[test]
fn a_film_is_shown_as_its_encoder_shows_it() {
    let (mut camera, mut decoder) = (Camera::new(SIZE), decoder());
    for i in 0..6 {
        let (unit, shown) = camera.unit(i == 0);
        let decoded = feed(&mut decoder, &Packet::Film(body(i + 1, i == 0, &unit)));
        let Ok(Some(Decoded::Picture { sequence, keyframe, resized, facts, .. })) = decoded else {
            panic!("{decoded:?}")
        };
        assert_eq!((sequence, keyframe, resized, facts.film_bytes), (i + 1, i == 0, i == 0, unit.len()));
        assert!(decoder.frame() == Some(&shown), "picture {i}");
        assert_eq!(decoder.exactness().lossy_px(), SIZE.area(), "a camera's picture is never exact");
    }
}

#[test]
fn a_keyframe_may_have_another_size_and_a_screen_may_follow() {
    let mut decoder = decoder();
    let (unit, _) = Camera::new(SIZE).unit(true);
    feed(&mut decoder, &Packet::Film(body(1, true, &unit))).expect("a picture");
    let size = Size::new(80, 64);
    let (unit, shown) = Camera::new(size).unit(true);
    let smaller = FilmBody { epoch: 2, size, ..body(2, true, &unit) };
    let decoded = feed(&mut decoder, &Packet::Film(smaller)).expect("a picture");
    assert!(matches!(decoded, Some(Decoded::Picture { resized: true, keyframe: true, .. })));
    assert!(decoder.frame() == Some(&shown));

    let mut encoder = Encoder::new(EncoderConfig::default()).expect("an encoder");
    let mut screen = black(SIZE);
    fill(&mut screen, &Rect::new(3, 3, 40, 40), |x, y| [x as u8, y as u8, 9]);
    let (expected, mut bytes) = (screen.clone(), Vec::new());
    encoder.encode(&mut screen, &Damage::Unknown, Timestamp(0), &mut bytes).expect("a snapshot");
    decoder.feed(&bytes).expect("a stream");
    assert_eq!(decoder.next(), Ok(Some(Decoded::Header)));
    assert!(matches!(decoder.next(), Ok(Some(Decoded::Picture { .. }))));
    assert!(decoder.frame() == Some(&expected) && decoder.exactness().is_exact());
}

#[test]
fn somebody_else_may_decode_and_every_codec_is_asked_for() {
    for codec in FilmCodec::ALL {
        let mut decoder = Decoder::with_external_av1(Limits::default());
        let mut bytes = Vec::new();
        write_header(FEATURE_FILM, &mut bytes);
        let colour = FilmColour { bt709: true, full_range: false };
        for (sequence, keyframe) in [(1, true), (2, false)] {
            Packet::Film(FilmBody { codec, colour, ..body(sequence, keyframe, b"bytes") }).write(&mut bytes);
        }
        decoder.feed(&bytes).expect("a stream");
        assert_eq!(decoder.next(), Ok(Some(Decoded::Header)));
        for keyframe in [true, false] {
            assert_eq!(decoder.next(), Ok(Some(Decoded::NeedsPlanes)));
            let request = decoder.plane_request().expect("a request");
            assert_eq!((request.codec, request.colour, request.keyframe), (codec, Some(colour), keyframe));
            assert_eq!((request.size, request.chroma, request.data), (SIZE, Chroma::Half, &b"bytes"[..]));
            let (surface, mut planes) =
                (request.surface, Planes::new(SIZE, Chroma::Half, &Limits::default()).expect("planes"));
            planes.data_mut().iter_mut().enumerate().for_each(|(i, v)| *v = (i * 7) as u8);
            decoder.supply(&planes).expect("what was asked for");
            assert!(matches!(decoder.next(), Ok(Some(Decoded::Picture { .. }))));
            let mut shown = black(SIZE);
            film_to_picture(&planes, colour, &mut shown).expect("a picture");
            assert!(decoder.frame() == Some(&shown));
            assert_eq!(decoder.surfaces().collect::<Vec<_>>(), [surface]);
        }
    }
}

#[test]
fn what_cannot_be_decoded_here_is_said() {
    for codec in [FilmCodec::H264, FilmCodec::Vp9, FilmCodec::Vp8] {
        let film = FilmBody { codec, ..body(1, true, b"bytes") };
        let e = feed(&mut decoder(), &Packet::Film(film)).expect_err("there is no decoder");
        assert_eq!(e.kind(), ErrorKind::Unsupported);
        assert!(e.message().contains(codec.name()), "{}", e.message());
    }
}

#[test]
fn what_does_not_follow_is_refused() {
    let mut camera = Camera::new(SIZE);
    let (first, second) = (camera.unit(true).0, camera.unit(false).0);
    let after = |packet: Packet<'_>| {
        let mut decoder = decoder();
        feed(&mut decoder, &Packet::Film(body(1, true, &first))).expect("a keyframe");
        let result = feed(&mut decoder, &packet);
        assert_eq!(decoder.frame().is_none(), result.is_err());
        result.map(|_| ()).map_err(|e| e.kind())
    };
    let delta = body(2, false, &second);
    assert_eq!(after(Packet::Film(delta)), Ok(()));
    assert_eq!(after(Packet::Film(FilmBody { sequence: 3, ..delta })), Err(ErrorKind::Desync));
    assert_eq!(after(Packet::Film(FilmBody { epoch: 2, ..delta })), Err(ErrorKind::Desync));
    assert_eq!(
        after(Packet::Film(FilmBody { keyframe: true, data: &first, ..delta })),
        Err(ErrorKind::Desync)
    );
    let other = Size::new(SIZE.width, SIZE.height + 2);
    assert_eq!(after(Packet::Film(FilmBody { size: other, ..delta })), Err(ErrorKind::InvalidData));
    assert_eq!(after(Packet::Film(FilmBody { codec: FilmCodec::Vp8, ..delta })), Err(ErrorKind::InvalidData));
    assert_eq!(after(Packet::Film(FilmBody { data: b"", ..delta })), Err(ErrorKind::InvalidData));
    assert_eq!(after(Packet::Film(FilmBody { data: b"garbage", ..delta })), Err(ErrorKind::InvalidData));
    let wrong_size = FilmBody { size: other, epoch: 2, keyframe: true, data: &first, ..delta };
    assert_eq!(after(Packet::Film(wrong_size)), Err(ErrorKind::InvalidData));
    let epoch = EpochBody { epoch: 2, sequence: 2, timestamp: Timestamp(9), hash: 0 };
    assert_eq!(after(Packet::Epoch(epoch)), Err(ErrorKind::InvalidData));
    let update = UpdateBody {
        epoch: 1,
        sequence: 2,
        timestamp: Timestamp(9),
        hash: 0,
        refines: false,
        copies: vec![((0, 0), Rect::new(8, 8, 8, 8))],
        layers: Vec::new(),
        payload: PayloadKind::Lossless,
        plain_bytes: 0,
        data: &[],
    };
    assert_eq!(after(Packet::Update(update)), Err(ErrorKind::InvalidData));
    let lone = feed(&mut decoder(), &Packet::Film(FilmBody { epoch: 0, ..body(1, false, &first) }));
    assert_eq!(lone.map_err(|e| e.kind()), Err(ErrorKind::Desync), "it begins with no keyframe");
    let huge = FilmBody { size: Size::new(16_000, 16_000), ..body(1, true, &first) };
    let huge = feed(&mut decoder(), &Packet::Film(huge));
    assert_eq!(huge.map_err(|e| e.kind()), Err(ErrorKind::LimitExceeded));
}

/// A reader of docs/bitstream.md §3 that shares nothing with the library.
#[test]
fn a_stranger_reads_the_packet() {
    let mut feed = FilmFeed::new(Limits::default());
    feed.viewer(&ViewerEvent::Joined(ViewerId(4)), Timestamp(0));
    let unit = FilmUnit {
        codec: FilmCodec::Vp9,
        size: Size::new(640, 360),
        colour: FilmColour { bt709: true, full_range: true },
        keyframe: true,
        timestamp: Timestamp(300),
        data: b"a frame",
    };
    let packets = feed.encoded(&unit, Timestamp(400)).expect("a packet");
    let bytes = &packets[0].bytes;
    assert_eq!(&bytes[..8], b"PCST\x03\x04\0\0");
    let mut rest = bytes[8..].iter().copied();
    assert_eq!(rest.next(), Some(7));
    let mut varint = || {
        let mut value = 0_u64;
        for shift in (0..).step_by(7) {
            let byte = rest.next().expect("a byte");
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                break;
            }
        }
        value
    };
    let length = varint();
    let [epoch, sequence, timestamp, width, height] = [(); 5].map(|()| varint());
    assert_eq!([epoch, sequence, timestamp, width, height], [1, 1, 300, 640, 360]);
    let left: Vec<u8> = rest.collect();
    assert_eq!(left, b"\x03\x07a frame");
    assert_eq!(length as usize, left.len() + 8);
}
