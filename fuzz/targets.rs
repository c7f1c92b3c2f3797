//! What is fuzzed: any bytes must end in a result or a typed error, within the limits, and a failed decoder must say
//! the same again. Shared by the fuzz targets and by tests/fuzz_replay.rs.
#![allow(dead_code)] // Each target runs one of them.

use panecast::bitstream::{Packet, Piece, Splitter, write_header};
use panecast::codec::av1::{self, Planes, to_picture};
use panecast::codec::{Decoded, Decoder, photo};
use panecast::frame::{BYTES_PER_PIXEL, FrameBuf, Rect, Size};
use panecast::{ErrorKind, Limits};

/// Small enough that a run takes no time.
fn limits() -> Limits {
    Limits {
        side_px: 512,
        pixels: 1 << 16,
        packet_bytes: 1 << 20,
        rects: 1 << 10,
        copies: 64,
        ..Limits::default()
    }
}

/// A whole stream through the decoder: with its own AV1 decoder, and with planes from outside.
pub(crate) fn stream(data: &[u8]) {
    let mut own = Decoder::new(limits());
    drain(&mut own, data);
    let mut outside = Decoder::with_external_av1(limits());
    drain(&mut outside, data);
}

fn drain(decoder: &mut Decoder, data: &[u8]) {
    // In two parts, as a socket gives them.
    let (first, second) = data.split_at(data.len() / 3);
    for part in [first, second] {
        if decoder.feed(part).is_err() {
            return;
        }
        loop {
            match decoder.next() {
                Ok(None) => break,
                Ok(Some(Decoded::NeedsPlanes)) => {
                    let Some(request) = decoder.plane_request() else { panic!("nothing is asked for") };
                    let Ok(planes) = Planes::new(request.size, request.chroma, &limits()) else { return };
                    decoder.supply(&planes).expect("what was asked for");
                }
                Ok(Some(Decoded::Picture { .. })) => {
                    let frame = decoder.frame().expect("the picture that was announced");
                    assert!(frame.size().area() <= limits().pixels, "over the limit");
                    assert!(frame.pixels().iter().skip(3).step_by(BYTES_PER_PIXEL).all(|x| *x == 255));
                }
                Ok(Some(_)) => {}
                Err(e) => {
                    assert!(decoder.frame().is_none(), "a failed decoder holds no picture");
                    assert_eq!(decoder.next().map_err(|e| e.kind()), Err(e.kind()), "it stays failed");
                    return;
                }
            }
        }
    }
}

/// The packets alone: what is read and written again is the same to the next reader.
pub(crate) fn packets(data: &[u8]) {
    let mut splitter = Splitter::new();
    splitter.feed(data);
    while let Ok(Some(piece)) = splitter.next(&limits()) {
        let Piece::Packet(kind, body) = piece else { continue };
        let Ok(packet) = Packet::read(kind, body, &limits()) else { continue };
        let mut written = Vec::new();
        write_header(0, &mut written);
        packet.write(&mut written);
        let mut again = Splitter::new();
        again.feed(&written);
        assert_eq!(again.next(&limits()), Ok(Some(Piece::Header(0))));
        match again.next(&limits()) {
            Ok(Some(Piece::Packet(kind_again, body_again))) => {
                assert_eq!((kind, body), (kind_again, body_again), "it is written in another way");
            }
            other => panic!("{other:?} of a packet that was written"),
        }
    }
}

/// A photo layer: near, two rectangles, then its bytes.
pub(crate) fn photo(data: &[u8]) {
    let Some((&[near, width, height, left, top], data)) = data.split_first_chunk() else { return };
    let size = Size::new(u32::from(width) + 1, u32::from(height) + 1);
    let (left, top) = (u32::from(left) % size.width, u32::from(top) % size.height);
    let rects =
        [Rect::from_edges(0, 0, size.width, top), Rect::from_edges(left, top, size.width, size.height)];
    let rects = if top == 0 { &rects[1..] } else { &rects };
    let mut picture = FrameBuf::new(size, &Limits::default()).expect("a small picture");
    if let Err(e) = photo::decode(data, &mut picture, rects, near % 17) {
        assert_eq!(e.kind(), ErrorKind::InvalidData);
    }
    assert!(picture.pixels().iter().skip(3).step_by(BYTES_PER_PIXEL).all(|x| *x == 255));
}

/// AV1 units, each after its length in two bytes, through one decoder.
pub(crate) fn av1(data: &[u8]) {
    let Ok(mut decoder) = av1::decoder(&limits()) else { return };
    let mut planes = Planes::default();
    let mut rest = data;
    while let Some((length, after)) = rest.split_first_chunk() {
        let (unit, after) = after.split_at(after.len().min(usize::from(u16::from_le_bytes(*length))));
        rest = after;
        if decoder.decode(unit, &mut planes).is_err() {
            continue;
        }
        let size = planes.size();
        assert!(size.area() <= limits().pixels && size.width.max(size.height) <= limits().side_px);
        let mut picture = FrameBuf::new(size, &limits()).expect("a picture within the limits");
        to_picture(&planes, &size.rect(), &mut picture, (0, 0)).expect("planes that fit");
    }
}
