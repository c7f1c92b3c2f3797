//! What the canvas would show is what was encoded, though only dirty rectangles are copied to it.

use panecast::capture::{CursorShape, CursorUpdate, Damage};
use panecast::codec::{Encoder, EncoderConfig};
use panecast::frame::{FrameBuf, Size, Timestamp};
use panecast::{ErrorKind, Limits};
use panecast_web_decoder::{CHUNK_BYTES, Step, Viewer, limits};

/// A picture whose pixels all differ from step to step within a block that moves.
fn picture(size: Size, step: u32) -> FrameBuf {
    let mut frame = FrameBuf::new(size, &Limits::default()).unwrap();
    for y in 0..size.height {
        for x in 0..size.width {
            let at = (y * size.width + x) as usize * 4;
            let in_block = x.abs_diff(step * 7) < 20 && y.abs_diff(step * 3) < 15;
            let value = if in_block { x * 31 + y * 17 + step } else { x / 9 + y / 5 };
            frame.pixels_mut()[at..at + 3].copy_from_slice(&value.to_le_bytes()[..3]);
            frame.pixels_mut()[at + 1] ^= (x * y) as u8;
        }
    }
    frame
}

fn as_canvas(frame: &FrameBuf) -> Vec<u8> {
    frame.pixels().as_chunks::<4>().0.iter().flat_map(|&[b, g, r, a]| [r, g, b, a]).collect()
}

fn feed(viewer: &mut Viewer, bytes: &[u8], chunk: usize) -> Vec<Step> {
    let mut steps = Vec::new();
    for piece in bytes.chunks(chunk) {
        viewer.feed(piece).unwrap();
        loop {
            match viewer.step().unwrap() {
                Step::NeedsBytes => break,
                step => steps.push(step),
            }
        }
    }
    steps
}

#[test]
fn the_canvas_holds_every_picture_whatever_the_chunks() {
    for chunk in [1, 7, CHUNK_BYTES] {
        let mut encoder = Encoder::new(EncoderConfig::default()).unwrap();
        let mut viewer = Viewer::new(limits());
        for step in 0..24 {
            // A resolution change on the way, and back.
            let size = if (8..16).contains(&step) { Size::new(131, 77) } else { Size::new(203, 99) };
            let original = picture(size, step);
            let mut bytes = Vec::new();
            encoder
                .encode(&mut original.clone(), &Damage::Unknown, Timestamp(u64::from(step)), &mut bytes)
                .unwrap();
            let steps = feed(&mut viewer, &bytes, chunk);
            assert!(
                matches!(steps.last(), Some(Step::Picture { timestamp_us, .. }) if *timestamp_us == u64::from(step))
            );
            assert_eq!(viewer.size(), size);
            assert!(viewer.rgba() == as_canvas(&original), "chunks of {chunk}, step {step}");
            if step % 8 > 0 {
                let dirty: u64 = viewer.dirty().iter().map(|r| r.area()).sum();
                assert!(dirty < size.area(), "step {step}: only the block moved, {dirty} px are dirty");
            }
        }
    }
}

#[test]
fn the_cursor_comes_apart_from_the_picture() {
    let mut encoder = Encoder::new(EncoderConfig::default()).unwrap();
    let mut viewer = Viewer::new(limits());
    let size = Size::new(80, 60);
    let mut bytes = Vec::new();
    encoder.encode(&mut picture(size, 0), &Damage::Unknown, Timestamp(0), &mut bytes).unwrap();
    let shape =
        CursorShape { size: Size::new(1, 2), hotspot: (0, 1), pixels: vec![0, 0, 128, 128, 9, 8, 7, 255] };
    let update = CursorUpdate { position: Some((-3, 59)), shape: Some(shape) };
    encoder.cursor(&update, Timestamp(1), &mut bytes).unwrap();
    assert_eq!(feed(&mut viewer, &bytes, CHUNK_BYTES).last(), Some(&Step::Cursor));
    assert_eq!(viewer.cursor_position(), Some((-3, 59)));
    assert_eq!(viewer.cursor().pixels, [255, 0, 0, 128, 7, 8, 9, 255]);
    assert_eq!((viewer.cursor().hotspot, viewer.cursor_version()), ((0, 1), 1));
    assert!(viewer.rgba() == as_canvas(&picture(size, 0)), "the picture has no cursor in it");

    let mut hidden = Vec::new();
    encoder.cursor(&CursorUpdate { position: None, shape: None }, Timestamp(2), &mut hidden).unwrap();
    feed(&mut viewer, &hidden, CHUNK_BYTES);
    assert_eq!((viewer.cursor_position(), viewer.cursor_version()), (None, 1), "hidden, its picture kept");
}

#[test]
fn a_broken_stream_is_an_error_and_a_snapshot_heals_it() {
    let mut encoder = Encoder::new(EncoderConfig::default()).unwrap();
    let mut viewer = Viewer::new(limits());
    let size = Size::new(128, 64);
    for step in 0..2 {
        let mut bytes = Vec::new();
        encoder.encode(&mut picture(size, step), &Damage::Unknown, Timestamp(0), &mut bytes).unwrap();
        // The second update is lost on its way.
        if step == 0 {
            feed(&mut viewer, &bytes, CHUNK_BYTES);
        }
    }
    let mut third = Vec::new();
    encoder.encode(&mut picture(size, 2), &Damage::Unknown, Timestamp(2), &mut third).unwrap();
    viewer.feed(&third).unwrap();
    assert_eq!(viewer.step().unwrap_err().kind(), ErrorKind::Desync);
    assert!(viewer.rgba() == as_canvas(&picture(size, 0)), "the last good picture stays");
    assert!(viewer.step().is_err(), "until it is reset");

    viewer.reset();
    let (mut joiner, mut others) = (Vec::new(), Vec::new());
    encoder.late_join(Timestamp(3), &mut joiner, &mut others).unwrap();
    feed(&mut viewer, &joiner, CHUNK_BYTES);
    assert!(viewer.rgba() == as_canvas(&picture(size, 2)));
}

#[test]
fn the_canvas_goes_on_from_what_it_holds() {
    let size = Size::new(203, 199);
    let mut encoder = Encoder::new(EncoderConfig::default()).unwrap();
    let mut viewer = Viewer::new(limits());
    assert_eq!(viewer.held(), None);
    let mut send = |step| {
        let mut bytes = Vec::new();
        let (mut frame, now) = (picture(size, step), Timestamp(u64::from(step)));
        encoder.encode(&mut frame, &Damage::Unknown, now, &mut bytes).unwrap();
        bytes
    };
    feed(&mut viewer, &send(1), CHUNK_BYTES);
    send(2);
    // Half a packet is all that came of the next.
    let cut = send(3);
    viewer.feed(&cut[..cut.len() / 2]).unwrap();
    viewer.restart();
    let held = viewer.held().expect("a picture");
    let (mut resumed, mut others) = (Vec::new(), Vec::new());
    encoder.resume(&held, Timestamp(3), &mut resumed, &mut others).unwrap().unwrap();
    let steps = feed(&mut viewer, &resumed, CHUNK_BYTES);
    assert!(matches!(steps[..], [Step::Header, Step::Picture { .. }]), "{steps:?}");
    assert!(viewer.dirty().iter().map(|r| r.area()).sum::<u64>() < size.area() / 2, "{:?}", viewer.dirty());
    assert!(viewer.rgba() == as_canvas(&picture(size, 3)));
}
