//! The built-in desktop: the same everywhere, and its hints tell where it changes.

use panecast::ErrorKind;
use panecast::capture::{Captured, Capturer, Damage, Pattern};
use panecast::frame::{FrameBuf, Region, Size, Timestamp};
use panecast::limits::Limits;
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

fn blank(size: Size) -> FrameBuf {
    FrameBuf::new(size, &Limits::default()).unwrap()
}

fn hint(captured: Captured) -> Region {
    match captured {
        Captured::Frame { damage: Damage::Within(region), .. } => region,
        other => panic!("expected a frame with hints, got {other:?}"),
    }
}

/// A buffer that is kept up to date by hints alone holds the whole picture, frame for frame, and so do three
/// buffers that take turns and are told what is stale.
#[test]
fn hints_and_stale_regions_give_every_frame_whole() {
    for size in [Size::new(640, 360), Size::new(333, 251), Size::new(1280, 720)] {
        let mut source = Pattern::new(size, 10).unwrap().unpaced();
        let reference = Pattern::new(size, 10).unwrap();
        let mut turns: Vec<(FrameBuf, Region)> = (0..3).map(|_| (blank(size), Region::full(size))).collect();
        let mut whole = blank(size);
        let mut changed = 0;
        for index in 0..150 {
            let (frame, stale) = &mut turns[index as usize % 3];
            let damage = hint(source.next(frame, stale, Duration::ZERO).unwrap());
            stale.clear();
            let before = whole.clone();
            reference.paint(index, &mut whole).unwrap();
            assert!(*frame == whole, "{size}, frame {index}: the hints missed a change");
            for (other, (_, stale)) in turns.iter_mut().enumerate() {
                if other as u64 != index % 3 {
                    stale.add_region(&damage);
                }
            }
            changed += u32::from(before != whole);
            if index > 0 {
                assert!(damage.bounds().area() < size.area(), "frame {index} claims that all changed");
            }
        }
        assert!(changed > 140, "{size}: only {changed} of 150 frames differ");
    }
}

/// The picture does not depend on what was captured before it, nor on the machine: the hash was written down.
#[test]
fn the_picture_is_a_function_of_size_and_index() {
    let size = Size::new(320, 180);
    let mut hashes = Vec::new();
    for index in [0, 17, 400] {
        let mut frame = blank(size);
        Pattern::new(size, 30).unwrap().paint(index, &mut frame).unwrap();
        assert!(frame.pixels().iter().skip(3).step_by(4).all(|a| *a == 255));
        hashes.push(xxh3_64(frame.pixels()));
    }
    assert_eq!(hashes, GOLDEN, "if the desktop was redrawn on purpose, write down these: {hashes:#x?}");
}

const GOLDEN: [u64; 3] = [0x4a80_2cfd_298e_3cb9, 0x5c65_022e_7ead_bca6, 0xf2cf_0397_8114_bcbc];

#[test]
fn every_size_is_painted() {
    for (w, h) in [(1, 1), (1, 700), (700, 1), (2, 3), (31, 33), (120, 80), (3840, 2160)] {
        let size = Size::new(w, h);
        let mut source = Pattern::new(size, 30).unwrap().unpaced();
        let mut frame = blank(size);
        for _ in 0..5 {
            hint(source.next(&mut frame, &Region::full(size), Duration::ZERO).unwrap());
        }
    }
}

#[test]
fn absurd_shapes_are_refused() {
    for (w, h, fps, kind) in [
        (0, 10, 30, ErrorKind::InvalidInput),
        (10, 0, 30, ErrorKind::InvalidInput),
        (10, 10, 0, ErrorKind::InvalidInput),
        (10, 10, 1001, ErrorKind::InvalidInput),
        (16_385, 10, 30, ErrorKind::LimitExceeded),
        (1 << 31, 1 << 31, 30, ErrorKind::LimitExceeded),
    ] {
        assert_eq!(Pattern::new(Size::new(w, h), fps).unwrap_err().kind(), kind, "{w}x{h}@{fps}");
    }
}

#[test]
fn a_buffer_of_another_size_is_left_alone() {
    let size = Size::new(64, 48);
    let mut source = Pattern::new(size, 30).unwrap();
    let mut frame = blank(Size::new(48, 64));
    let before = frame.clone();
    let stale = Region::empty();
    assert_eq!(source.next(&mut frame, &stale, Duration::ZERO).unwrap(), Captured::Resized(size));
    assert!(frame == before);
}

#[test]
fn timestamps_are_those_of_the_frames() {
    let size = Size::new(64, 48);
    let mut source = Pattern::new(size, 24).unwrap().unpaced();
    let mut frame = blank(size);
    for index in 0..50 {
        match source.next(&mut frame, &Region::full(size), Duration::ZERO).unwrap() {
            Captured::Frame { timestamp, .. } => assert_eq!(timestamp, Some(Timestamp::of_frame(index, 24))),
            other => panic!("{other:?}"),
        }
    }
}

/// In real time, a frame that is not due yet is not given, and one that was waited for is.
#[test]
fn paced_frames_keep_to_the_clock() {
    let size = Size::new(320, 180);
    let mut source = Pattern::new(size, 1).unwrap();
    let (mut frame, stale) = (blank(size), Region::full(size));
    let first = source.next(&mut frame, &stale, Duration::ZERO).unwrap();
    assert!(matches!(first, Captured::Frame { .. }));
    // A frame a second: nothing is due at once, even on a slow machine's first calls.
    let at_once = source.next(&mut frame, &stale, Duration::ZERO).unwrap();
    let waited = source.next(&mut frame, &stale, Duration::from_secs(30)).unwrap();
    let time = |c: &Captured| match c {
        Captured::Frame { timestamp, .. } => *timestamp,
        _ => None,
    };
    assert!(at_once == Captured::Unchanged || time(&at_once) > time(&first));
    assert!(time(&waited) > time(&first));
}
