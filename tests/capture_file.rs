//! Files as a source, sound and hostile.

use panecast::ErrorKind;
use panecast::capture::{Captured, Capturer, FileSource};
use panecast::frame::{FrameBuf, FrameView, PixelFormat, Plane, Region, Size, Timestamp};
use panecast::limits::Limits;
use std::io::{Cursor, Read};
use std::time::Duration;

fn noise(len: usize, seed: u32) -> Vec<u8> {
    let mut state = seed | 1;
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as u8
    };
    (0..len).map(|_| byte()).collect()
}

fn blank(size: Size) -> FrameBuf {
    FrameBuf::new(size, &Limits::default()).unwrap()
}

fn next(source: &mut FileSource, frame: &mut FrameBuf) -> panecast::Result<Captured> {
    source.next(frame, &Region::empty(), Duration::ZERO)
}

/// Hands out a few bytes at a time, as a pipe may.
struct Drip(Cursor<Vec<u8>>, usize);

impl Read for Drip {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let most = buf.len().min(self.1);
        self.0.read(&mut buf[..most])
    }
}

fn y4m(head: &str, frames: &[&[u8]]) -> Vec<u8> {
    let mut file = head.as_bytes().to_vec();
    for f in frames {
        file.extend_from_slice(b"FRAME\n");
        file.extend_from_slice(f);
    }
    file
}

#[test]
fn raw_frames_come_back_opaque() {
    let size = Size::new(37, 21);
    let bytes = noise(37 * 21 * 4 * 3, 7);
    for step in [1, 13, usize::MAX] {
        let reader = Drip(Cursor::new(bytes.clone()), step);
        let mut source = FileSource::raw(reader, size, 25).unwrap();
        let mut frame = blank(size);
        for (i, expected) in bytes.chunks(37 * 21 * 4).enumerate() {
            let captured = next(&mut source, &mut frame).unwrap();
            let Captured::Frame { timestamp, .. } = captured else { panic!("{captured:?}") };
            assert_eq!(timestamp, Some(Timestamp::of_frame(i as u64, 25)));
            let opaque: Vec<u8> =
                expected.iter().enumerate().map(|(i, b)| if i % 4 == 3 { 255 } else { *b }).collect();
            assert!(frame.pixels() == opaque, "frame {i} with reads of {step}");
        }
        assert_eq!(next(&mut source, &mut frame).unwrap(), Captured::Ended);
        assert_eq!(next(&mut source, &mut frame).unwrap(), Captured::Ended);
    }
}

/// Larger than what is read at once, so that the parts' seams are covered.
#[test]
fn a_large_raw_frame_is_whole() {
    let size = Size::new(501, 333);
    let mut bytes = noise(size.area() as usize * 4, 99);
    let mut source = FileSource::raw(Cursor::new(bytes.clone()), size, 25).unwrap();
    let mut frame = blank(size);
    assert!(matches!(next(&mut source, &mut frame).unwrap(), Captured::Frame { .. }));
    bytes.iter_mut().skip(3).step_by(4).for_each(|a| *a = 255);
    assert!(frame.pixels() == bytes);
}

#[test]
fn a_cut_off_frame_is_named() {
    let size = Size::new(16, 16);
    let mut source = FileSource::raw(Cursor::new(noise(16 * 16 * 4 * 2 - 1, 3)), size, 30).unwrap();
    let mut frame = blank(size);
    next(&mut source, &mut frame).unwrap();
    let error = next(&mut source, &mut frame).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(error.message().contains("frame 2"), "{error}");

    let file = y4m("YUV4MPEG2 W4 H4 F30:1\n", &[&[16; 24], &[16; 23]]);
    let mut source = FileSource::y4m(Cursor::new(file)).unwrap();
    let mut frame = blank(Size::new(4, 4));
    next(&mut source, &mut frame).unwrap();
    let error = next(&mut source, &mut frame).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(error.message().contains("frame 2"), "{error}");
}

#[test]
fn y4m_planes_are_converted_as_a_view_would_be() {
    let (w, h) = (35usize, 19usize);
    let (luma, half) = (noise(w * h, 5), 18 * 10);
    let (u, v) = (noise(half, 6), noise(half, 8));
    let coded = [&luma[..], &u, &v].concat();
    let file = y4m("YUV4MPEG2 W35 H19 F30000:1001 Ip A1:1 C420jpeg XYSCSS=420JPEG\n", &[&coded, &coded]);
    let mut source = FileSource::y4m(Drip(Cursor::new(file), 7)).unwrap();
    let size = Size::new(w as u32, h as u32);
    assert_eq!(source.info().size, size);
    let planes = [
        Plane { bytes: &luma, stride_bytes: w },
        Plane { bytes: &u, stride_bytes: 18 },
        Plane { bytes: &v, stride_bytes: 18 },
    ];
    let view = FrameView::new(PixelFormat::I420, size, &planes).unwrap();
    let (mut expected, mut frame) = (blank(size), blank(size));
    expected.copy_from(&view, &size.rect()).unwrap();
    next(&mut source, &mut frame).unwrap();
    assert!(frame == expected);
    let Captured::Frame { timestamp, .. } = next(&mut source, &mut frame).unwrap() else { panic!() };
    assert_eq!(timestamp, Some(Timestamp(33_366)));
    assert_eq!(next(&mut source, &mut frame).unwrap(), Captured::Ended);
}

#[test]
fn grey_y4m_has_no_colour() {
    let file = y4m("YUV4MPEG2 W2 H2 F1:1 Cmono\n", &[&[16, 235, 16, 235]]);
    let mut source = FileSource::y4m(Cursor::new(file)).unwrap();
    let mut frame = blank(Size::new(2, 2));
    next(&mut source, &mut frame).unwrap();
    assert_eq!(frame.pixels()[..8], [0, 0, 0, 255, 255, 255, 255, 255]);
}

#[test]
fn hostile_headers_give_typed_errors() {
    use ErrorKind::{InvalidData, LimitExceeded, Unsupported};
    let long = format!("YUV4MPEG2 W4 H4 X{}\n", "x".repeat(5000));
    for (head, kind) in [
        ("", InvalidData),
        ("\n", InvalidData),
        ("RIFF....WAVE\n", InvalidData),
        ("YUV4MPEG2", InvalidData),
        ("YUV4MPEG2\n", InvalidData),
        ("YUV4MPEG23 W4 H4\n", InvalidData),
        ("YUV4MPEG2 W4\n", InvalidData),
        ("YUV4MPEG2 W0 H4\n", InvalidData),
        ("YUV4MPEG2 W-4 H4\n", InvalidData),
        ("YUV4MPEG2 W4 H4x\n", InvalidData),
        ("YUV4MPEG2 W99999999999 H4\n", InvalidData),
        ("YUV4MPEG2 W4 H4 F0:1\n", InvalidData),
        ("YUV4MPEG2 W4 H4 F30\n", InvalidData),
        ("YUV4MPEG2 W4 H4 F30:0\n", InvalidData),
        ("YUV4MPEG2 W4294967295 H4294967295\n", LimitExceeded),
        ("YUV4MPEG2 W16385 H1\n", LimitExceeded),
        ("YUV4MPEG2 W4 H4 C444\n", Unsupported),
        ("YUV4MPEG2 W4 H4 C420p10\n", Unsupported),
        ("YUV4MPEG2 W4 H4 It\n", Unsupported),
        ("YUV4MPEG2 W4 H4 XCOLORRANGE=FULL\n", Unsupported),
        (&long, InvalidData),
    ] {
        let error = FileSource::y4m(Cursor::new(head.as_bytes().to_vec())).unwrap_err();
        assert_eq!(error.kind(), kind, "{:?} gave {error}", &head[..head.len().min(60)]);
    }
    let bytes = b"YUV4MPEG2 W\xE4 H4\n".to_vec();
    assert_eq!(FileSource::y4m(Cursor::new(bytes)).unwrap_err().kind(), InvalidData);
}

#[test]
fn hostile_frames_give_typed_errors() {
    for frame_head in ["FRAMES\n", "frame\n", "\n", "FRAME", "garbage without an end"] {
        let mut file = b"YUV4MPEG2 W4 H4\n".to_vec();
        file.extend_from_slice(frame_head.as_bytes());
        let mut source = FileSource::y4m(Cursor::new(file)).unwrap();
        let error = next(&mut source, &mut blank(Size::new(4, 4))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{frame_head:?}");
        assert!(error.message().contains("frame 1"), "{error}");
    }
}

#[test]
fn what_cannot_be_opened_says_why() {
    let missing = std::path::Path::new("no/such/file.y4m");
    let error = FileSource::open(missing).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.message().contains("no/such/file.y4m"), "{error}");
    let raw = std::path::Path::new("frames.bgra");
    assert_eq!(FileSource::open(raw).unwrap_err().kind(), ErrorKind::Unsupported);
    for (w, h, fps) in [(0, 1, 1), (1, 0, 1), (1, 1, 0)] {
        let error = FileSource::raw(std::io::empty(), Size::new(w, h), fps).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}

#[test]
fn paced_frames_wait_for_their_time() {
    let size = Size::new(2, 2);
    let mut source = FileSource::raw(Cursor::new(vec![9; 32]), size, 1).unwrap().paced();
    let mut frame = blank(size);
    assert!(matches!(next(&mut source, &mut frame).unwrap(), Captured::Frame { .. }));
    let captured = source.next(&mut frame, &Region::empty(), Duration::from_secs(30)).unwrap();
    assert!(
        matches!(captured, Captured::Frame { timestamp: Some(Timestamp(1_000_000)), .. }),
        "{captured:?}"
    );
}
