//! Cameras: what becomes of their planes, against other programs' conversions and decoders, and what a pipeline makes of
//! them.

use panecast::bitstream::{FilmCodec, Packet, Piece, Splitter};
use panecast::capture::camera::Layout;
use panecast::capture::{Camera, CameraCapturer, Captured, Capturer, Shot, SourceInfo, SourceKind};
use panecast::codec::av1::{Chroma, Planes, film_to_picture};
use panecast::codec::{CameraEncoder, Decoder, EncoderConfig, Mode, UpdateKind};
use panecast::frame::{FilmColour, FrameBuf, Rect, Region, Size, Timestamp};
use panecast::pipeline::{Output, Pipeline, PipelineConfig, ViewerId};
use panecast::session::{Consent, Decision, Purpose};
use panecast::{Error, ErrorKind, Limits, Result};
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// Only a hang takes this long.
const DEADLINE: Duration = Duration::from_secs(60);
const SIZE: Size = Size::new(96, 64);
const COLOUR: FilmColour = FilmColour { bt709: true, full_range: false };

fn auto() -> EncoderConfig {
    EncoderConfig { mode: Mode::Auto, quality: 80, ..EncoderConfig::default() }
}

/// Waves that move with `time`.
fn waves(size: Size, time: u32) -> Planes {
    let mut planes = Planes::new(size, Chroma::Half, &Limits::default()).expect("planes");
    for plane in 0..3 {
        let width = planes.plane_size(plane).width as usize;
        for (i, v) in planes.plane_mut(plane).iter_mut().enumerate() {
            let (x, y) = ((i % width) as f64, (i / width) as f64);
            let t = f64::from(time) * 0.9;
            *v = (125.0 + 50.0 * ((x + t) / 7.0).sin() + 40.0 * ((y - t) / 9.0).cos()) as u8;
        }
    }
    planes
}

/// Bytes without a pattern.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 7_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..bytes).map(|_| next()).collect()
}

/// What another program makes of `input`; the tests' machines have it.
fn output(program: &str, words: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|e| panic!("{program}: {e}"));
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_vec();
    let writes = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("it runs");
    writes.join().expect("no panic").expect("it reads all");
    assert!(output.status.success(), "{program} {words:?}");
    output.stdout
}

#[test]
fn layouts_become_the_planes_that_ffmpeg_makes() {
    let size = Size::new(34, 18);
    let layouts = [
        (Layout::I420, "yuv420p", 0),
        (Layout::Nv12, "nv12", 0),
        // ffmpeg cuts off where here is rounded.
        (Layout::Yuy2, "yuyv422", 1),
        (Layout::Uyvy, "uyvy422", 1),
    ];
    for (layout, name, off) in layouts {
        let stride = layout.row_bytes(size);
        let bytes = noise(layout.bytes(size, stride).expect("it fits"));
        let (from, to) = (["-f", "rawvideo", "-pix_fmt", name, "-s", "34x18", "-i", "-"], "yuv420p");
        let words = [&from[..], &["-f", "rawvideo", "-pix_fmt", to, "-"]].concat();
        let expected = output("ffmpeg", &words, &bytes);
        let mut planes = Planes::default();
        let colour = layout.unpack(size, stride, &bytes, COLOUR, &mut planes).expect("planes");
        assert_eq!(colour, COLOUR);
        assert_eq!(planes.data().len(), expected.len(), "{layout:?}");
        let most = planes.data().iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(most <= Some(off), "{layout:?}: {most:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn jpegs_become_the_planes_that_ffmpeg_makes() {
    use panecast::capture::camera::unpack_jpeg;
    let size = Size::new(96, 64);
    let planes = waves(size, 3);
    let words = "-f rawvideo -pix_fmt yuvj420p -s 96x64 -i - -q:v 2 -f mjpeg -";
    let jpeg = output("ffmpeg", &words.split(' ').collect::<Vec<_>>(), planes.data());
    let words = "-f mjpeg -i - -f rawvideo -pix_fmt yuvj420p -";
    let expected = output("ffmpeg", &words.split(' ').collect::<Vec<_>>(), &jpeg);
    let (mut buffer, mut unpacked) = (Vec::new(), Planes::default());
    let colour = unpack_jpeg(size, &jpeg, &mut buffer, &mut unpacked).expect("planes");
    assert_eq!(colour, FilmColour { bt709: false, full_range: true });
    // Two inverse transforms that round differently; colour was spread over four pixels and gathered again.
    let off = |plane: usize, from: usize| {
        let pairs = unpacked.plane(plane).iter().zip(&expected[from..]);
        pairs.map(|(a, b)| a.abs_diff(*b)).max()
    };
    assert!(off(0, 0) <= Some(2), "{:?}", off(0, 0));
    assert!(off(1, 96 * 64) <= Some(4) && off(2, 96 * 64 + 48 * 32) <= Some(4), "{:?}", off(1, 96 * 64));

    let mut kind =
        |size, bytes: &[u8]| unpack_jpeg(size, bytes, &mut buffer, &mut unpacked).map_err(|e| e.kind());
    assert_eq!(kind(Size::new(64, 96), &jpeg), Err(ErrorKind::InvalidData));
    assert_eq!(kind(Size::new(1 << 20, 96), &jpeg), Err(ErrorKind::LimitExceeded));
    let mut state = 9_u32;
    for cut in (0..jpeg.len()).step_by(97) {
        // Cut off, or with wrong bytes: planes or an error, and no panic.
        let _ = kind(size, &jpeg[..cut]);
        let mut bad = jpeg.clone();
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        bad[cut] ^= (state >> 24) as u8 | 1;
        let _ = kind(size, &bad);
    }
}

#[test]
fn rows_may_be_padded_and_sides_odd() {
    let size = Size::new(7, 5);
    for layout in
        [Layout::I420, Layout::Yv12, Layout::Nv12, Layout::Yuy2, Layout::Uyvy, Layout::Bgrx, Layout::Rgbx]
    {
        // The differences of three planes have half the stride: it is even, and so is what they need.
        let tight = layout.row_bytes(size).next_multiple_of(2);
        let bytes = noise(layout.bytes(size, tight).expect("it fits"));
        let mut plain = Planes::default();
        layout.unpack(size, tight, &bytes, COLOUR, &mut plain).expect("planes");
        // The same rows, further apart.
        let (wide, mut padded) = (tight + 10, Vec::new());
        let half =
            |stride: usize| if matches!(layout, Layout::I420 | Layout::Yv12) { stride / 2 } else { stride };
        let luma = 5 * tight;
        for row in bytes[..luma].chunks(tight) {
            padded.extend_from_slice(row);
            padded.resize(padded.len() + 10, 0xEE);
        }
        for row in bytes[luma..].chunks(half(tight)) {
            padded.extend_from_slice(row);
            padded.resize(padded.len() + half(wide) - half(tight), 0xEE);
        }
        let mut other = Planes::default();
        layout.unpack(size, wide, &padded, COLOUR, &mut other).expect("planes");
        assert!(plain == other, "{layout:?}");
        for wrong in [0, bytes.len() / 2] {
            let e = layout
                .unpack(size, tight, &bytes[..wrong], COLOUR, &mut other)
                .expect_err("bytes are missing");
            assert_eq!(e.kind(), ErrorKind::InvalidData, "{layout:?}");
        }
        let e = layout.unpack(size, tight / 4, &bytes, COLOUR, &mut other).expect_err("a short stride");
        assert_eq!(e.kind(), ErrorKind::InvalidInput, "{layout:?}");
        let huge = Size::new(1 << 20, 1);
        let e = layout.unpack(huge, usize::MAX, &bytes, COLOUR, &mut other).expect_err("no such picture");
        assert_eq!(e.kind(), ErrorKind::LimitExceeded, "{layout:?}");
    }
}

/// The packets of a stream.
fn pieces(bytes: &[u8], mut each: impl FnMut(&Packet<'_>)) {
    let (mut splitter, limits) = (Splitter::new(), Limits::default());
    splitter.feed(bytes);
    while let Some(piece) = splitter.next(&limits).expect("a stream") {
        if let Piece::Packet(kind, body) = piece {
            each(&Packet::read(kind, body, &limits).expect("a packet"));
        }
    }
}

/// The container that dav1d reads.
fn ivf(size: Size, units: &[Vec<u8>]) -> Vec<u8> {
    let mut file = b"DKIF\0\0\x20\0AV01".to_vec();
    file.extend((size.width as u16).to_le_bytes());
    file.extend((size.height as u16).to_le_bytes());
    for word in [30, 1, units.len() as u32, 0] {
        file.extend(word.to_le_bytes());
    }
    for (time, unit) in units.iter().enumerate() {
        file.extend((unit.len() as u32).to_le_bytes());
        file.extend((time as u64).to_le_bytes());
        file.extend(unit);
    }
    file
}

#[test]
fn planes_go_to_av1_as_they_are() {
    let mut encoder = CameraEncoder::new(EncoderConfig { quality: 100, ..auto() }).expect("an encoder");
    let (mut bytes, mut shown, mut units) = (Vec::new(), Vec::new(), Vec::new());
    let mut decoder = Decoder::new(Limits::default());
    for time in 0..5_u32 {
        let mut planes = waves(SIZE, time);
        let start = bytes.len();
        let at = Timestamp::of_frame(time.into(), 30);
        let update = encoder.film(&mut planes, COLOUR, at, &mut bytes).expect("a packet");
        let kind = if time == 0 { UpdateKind::Keyframe } else { UpdateKind::Delta };
        assert_eq!((update.kind, update.sequence, update.lossy_px), (kind, u64::from(time) + 1, SIZE.area()));
        decoder.feed(&bytes[start..]).expect("a stream");
        while decoder.next().expect("a packet").is_some() {}
        shown.push(decoder.frame().expect("a picture").clone());
    }
    pieces(&bytes, |packet| {
        let Packet::Film(film) = packet else { panic!("{packet:?}") };
        assert_eq!((film.codec, film.size, film.colour), (FilmCodec::Av1, SIZE, COLOUR));
        units.push(film.data.to_vec());
    });
    let file = std::env::temp_dir().join(format!("panecast-camera-{}.ivf", std::process::id()));
    std::fs::write(&file, ivf(SIZE, &units)).expect("a file");
    let words = ["-q", "-i", file.to_str().expect("a path"), "--muxer", "yuv", "-o", "-"];
    let decoded = output("dav1d", &words, &[]);
    std::fs::remove_file(&file).expect("it was there");
    let mut planes = Planes::new(SIZE, Chroma::Half, &Limits::default()).expect("planes");
    assert_eq!(decoded.len(), shown.len() * planes.data().len());
    for ((time, shown), samples) in (0..).zip(&shown).zip(decoded.chunks(planes.data().len())) {
        planes.data_mut().copy_from_slice(samples);
        let mut picture = FrameBuf::new(SIZE, &Limits::default()).expect("a picture");
        film_to_picture(&planes, COLOUR, &mut picture).expect("a picture");
        assert!(picture == *shown, "picture {time}");
        // Through colours and back, more would be lost than this.
        let squares = |(a, b): (&u8, &u8)| u64::from(a.abs_diff(*b)).pow(2);
        let error: u64 = waves(SIZE, time).data().iter().zip(samples).map(squares).sum();
        assert!(error < 4 * samples.len() as u64, "picture {time} is off by {error}");
    }
}

#[test]
fn what_stands_still_is_followed_by_what_is_exact() {
    let mut encoder = CameraEncoder::new(auto()).expect("an encoder");
    let mut decoder = Decoder::new(Limits::default());
    let ms = |ms: u64| Timestamp(ms * 1000);
    let mut film = |encoder: &mut CameraEncoder, planes: &Planes, at: u64| {
        let mut bytes = Vec::new();
        let update = encoder.film(&mut planes.clone(), COLOUR, ms(at), &mut bytes).expect("a picture");
        decode(&mut decoder, &bytes);
        update.kind
    };
    let page = waves(SIZE, 9);
    assert_eq!(film(&mut encoder, &waves(SIZE, 0), 0), UpdateKind::Keyframe);
    assert_eq!(film(&mut encoder, &page, 100), UpdateKind::Delta);
    let mut at = 100;
    while encoder.refine_due().is_none_or(|due| due > ms(at)) {
        at += 100;
        assert_eq!(film(&mut encoder, &page, at), UpdateKind::Delta);
        assert!(at < 2000, "it never stands still");
    }
    // The still picture, and then all of it.
    let mut packets = 0;
    while let Some(due) = encoder.refine_due() {
        let mut bytes = Vec::new();
        let update = encoder.refine(due.max(ms(at)), 4000, None, &mut bytes).expect("a packet");
        assert!(update.is_some() || due > ms(at), "it was due");
        at += 100;
        decode(&mut decoder, &bytes);
        packets += 1;
        assert!(packets < 100, "it never becomes exact");
    }
    let mut exact = FrameBuf::new(SIZE, &Limits::default()).expect("a picture");
    film_to_picture(&page, COLOUR, &mut exact).expect("a picture");
    assert!(decoder.frame() == Some(&exact) && decoder.exactness().is_exact());

    // A sensor's noise changes nothing, and a hand does.
    let mut noisy = page.clone();
    noisy.data_mut().iter_mut().enumerate().for_each(|(i, v)| *v += (i % 3) as u8);
    let (mut bytes, mut planes) = (Vec::new(), noisy);
    let update = encoder.film(&mut planes, COLOUR, ms(at + 100), &mut bytes).expect("nothing");
    assert_eq!((update.kind, update.lossy_px, bytes.len()), (UpdateKind::Unchanged, 0, 0));
    let (mut joiner, mut others) = (Vec::new(), Vec::new());
    encoder.late_join(ms(at + 110), &mut joiner, &mut others).expect("a snapshot").expect("a picture");
    decode(&mut decoder, &others);
    let mut late = Decoder::new(Limits::default());
    decode(&mut late, &joiner);
    assert!(late.frame() == Some(&exact), "who comes late sees the still picture");
    let mut planes = waves(SIZE, 40);
    let update = encoder.film(&mut planes, COLOUR, ms(at + 200), &mut bytes).expect("a keyframe");
    assert_eq!(update.kind, UpdateKind::Keyframe);
    for decoder in [&mut decoder, &mut late] {
        decode(decoder, &bytes);
        assert_eq!(decoder.exactness().lossy_px(), SIZE.area());
    }
}

/// Decodes all of `bytes`.
fn decode(decoder: &mut Decoder, bytes: &[u8]) {
    decoder.feed(bytes).expect("a stream");
    while decoder.next().expect("a packet").is_some() {}
}

/// A camera that shows what is sent to it; after it was told to forget, the last of it again.
struct Scripted {
    shown: Receiver<Result<Planes>>,
    last: Option<Planes>,
    again: bool,
}

impl Scripted {
    fn new(shown: Receiver<Result<Planes>>) -> Self {
        Self { shown, last: None, again: false }
    }
}

impl Camera for Scripted {
    fn info(&self) -> SourceInfo {
        SourceInfo::new("camera", "scripted", SourceKind::Push, SIZE)
    }

    fn next(&mut self, planes: &mut Planes, timeout: Duration) -> Result<Shot> {
        if let (Some(last), true) = (&self.last, std::mem::take(&mut self.again)) {
            planes.clone_from(last);
            return Ok(Shot::Taken { timestamp: None, colour: COLOUR });
        }
        match self.shown.recv_timeout(timeout) {
            Ok(shown) => *planes = shown?,
            Err(RecvTimeoutError::Timeout) => return Ok(Shot::None),
            Err(RecvTimeoutError::Disconnected) => return Ok(Shot::Ended),
        }
        self.last = Some(planes.clone());
        Ok(Shot::Taken { timestamp: None, colour: COLOUR })
    }

    fn forget(&mut self) {
        self.again = true;
    }
}

/// A pipeline on a scripted camera, with one viewer.
struct Rig {
    shows: Sender<Result<Planes>>,
    outputs: Receiver<Output>,
    pipeline: Pipeline,
    decoder: Decoder,
    packets: Vec<u8>,
}

impl Rig {
    fn new(encoder: EncoderConfig) -> Self {
        let (shows, shown) = channel();
        let (sink, outputs) = channel();
        let grant = Consent::ask(Purpose::Camera, "camera").answer(Decision::Allow).expect("allowed");
        let config = PipelineConfig { fps: 200, encoder, bitrate: None };
        let open = move |_: &_| Ok(Box::new(CameraCapturer::new(Scripted::new(shown))) as Box<dyn Capturer>);
        let pipeline =
            Pipeline::start(grant, open, config, move |output| drop(sink.send(output))).expect("it starts");
        Self { shows, outputs, pipeline, decoder: Decoder::new(Limits::default()), packets: Vec::new() }
    }

    fn show(&self, planes: Planes) {
        self.shows.send(Ok(planes)).expect("the camera is open");
    }

    /// Decodes and acknowledges until `done`, or the end of the stream.
    fn until(&mut self, mut done: impl FnMut(&Decoder) -> bool) -> Option<Result<()>> {
        let begun = Instant::now();
        while !done(&self.decoder) {
            assert!(begun.elapsed() < DEADLINE, "it hangs");
            match self.outputs.recv_timeout(DEADLINE).expect("an output") {
                Output::Packet { bytes, sequence, .. } => {
                    decode(&mut self.decoder, &bytes);
                    self.packets.extend_from_slice(&bytes);
                    if let Some(sequence) = sequence {
                        self.pipeline.ack(ViewerId(1), sequence, Duration::ZERO);
                    }
                }
                Output::State(_) => {}
                Output::Ended(how) => return Some(how),
            }
        }
        None
    }
}

fn picture(planes: &Planes) -> FrameBuf {
    let mut picture = FrameBuf::new(planes.size(), &Limits::default()).expect("a picture");
    film_to_picture(planes, COLOUR, &mut picture).expect("a picture");
    picture
}

#[test]
fn a_pipeline_films_and_ends_with_what_is_exact() {
    let mut rig = Rig::new(auto());
    rig.pipeline.viewer_joined(ViewerId(1));
    for time in 0..4 {
        rig.show(waves(SIZE, time));
        let mut pictures = 0;
        rig.until(|decoder| {
            pictures += 1;
            pictures > 1 && decoder.frame().is_some()
        });
    }
    let mut films = 0;
    pieces(&rig.packets, |packet| films += u32::from(matches!(packet, Packet::Film(_))));
    assert!(films > 0 && rig.decoder.exactness().lossy_px() == SIZE.area());
    rig.show(waves(SIZE, 9));
    let exact = picture(&waves(SIZE, 9));
    // What ends in its natural way is made exact before the end.
    let (gone, _) = channel();
    drop(std::mem::replace(&mut rig.shows, gone));
    assert_eq!(rig.until(|_| false), Some(Ok(())));
    assert!(rig.decoder.frame() == Some(&exact) && rig.decoder.exactness().is_exact());
}

#[test]
fn without_a_loss_and_with_masks_a_camera_is_pixels() {
    let mut rig = Rig::new(EncoderConfig::default());
    rig.pipeline.viewer_joined(ViewerId(1));
    rig.show(waves(SIZE, 3));
    let exact = picture(&waves(SIZE, 3));
    rig.until(|decoder| decoder.frame() == Some(&exact));

    let mut rig = Rig::new(auto());
    let hidden = Rect::new(10, 10, 30, 20);
    rig.pipeline.set_masks(panecast::capture::mask::MaskSet::new().with_rect(hidden));
    rig.pipeline.viewer_joined(ViewerId(1));
    rig.show(waves(SIZE, 3));
    rig.until(|decoder| decoder.frame().is_some() && decoder.exactness().is_exact());
    pieces(&rig.packets, |packet| assert!(!matches!(packet, Packet::Film(_)), "a film has no mask"));
    let shown = rig.decoder.frame().expect("a picture");
    let colour = panecast::capture::mask::MASK_COLOUR;
    let masked = |x: u32, y: u32| shown.row_of(&Rect::new(x, y, 1, 1), y) == colour;
    assert!((10..40).all(|x| (10..30).all(|y| masked(x, y))));
}

#[test]
fn an_unplugged_camera_ends_the_share_and_one_that_stalls_does_not() {
    let mut rig = Rig::new(auto());
    rig.pipeline.viewer_joined(ViewerId(1));
    rig.shows.send(Err(Error::new(ErrorKind::Stalled, "it gives nothing"))).expect("it is open");
    rig.show(waves(SIZE, 1));
    assert_eq!(rig.until(|decoder| decoder.frame().is_some()), None);
    rig.shows.send(Err(Error::new(ErrorKind::Closed, "unplugged"))).expect("it is open");
    let ended = rig.until(|_| false).expect("an end");
    assert_eq!(ended.map_err(|e| e.kind()), Err(ErrorKind::Closed));
}

#[test]
fn as_a_capturer_it_has_the_decoders_colours() {
    let (shows, shown) = channel();
    let mut capturer = CameraCapturer::new(Scripted::new(shown));
    let mut frame = FrameBuf::new(Size::new(8, 8), &Limits::default()).expect("a picture");
    let mut next = |frame: &mut FrameBuf| capturer.next(frame, &Region::empty(), Duration::ZERO);
    assert_eq!(next(&mut frame), Ok(Captured::Unchanged));
    shows.send(Ok(waves(SIZE, 5))).expect("it is open");
    assert_eq!(next(&mut frame), Ok(Captured::Resized(SIZE)));
    frame.reset(SIZE, &Limits::default()).expect("a picture");
    assert!(matches!(next(&mut frame), Ok(Captured::Frame { timestamp: None, .. })));
    assert!(frame == picture(&waves(SIZE, 5)));
    drop(shows);
    assert_eq!(next(&mut frame), Ok(Captured::Ended));
}
