//! Streams that are truncated, changed, reordered or absurd: a typed error, never a panic, never another picture.

mod scene;

use panecast::bitstream::{HEADER_BYTES, Piece, Splitter, write_header};
use panecast::capture::Damage;
use panecast::codec::{Decoder, Encoder, EncoderConfig};
use panecast::frame::{FrameBuf, Size, Timestamp};
use panecast::{ErrorKind, Limits};
use scene::{Random, black, change};

/// Header and packets of a stream, each with the picture it leads to.
fn packets() -> Vec<(Vec<u8>, FrameBuf)> {
    let mut random = Random(21);
    let mut picture = black(Size::new(140, 100));
    let mut encoder = Encoder::new(EncoderConfig::default()).expect("an encoder");
    let mut all = Vec::new();
    for i in 0..10 {
        let mut bytes = Vec::new();
        let mut frame = picture.clone();
        encoder
            .encode(&mut frame, &Damage::Unknown, Timestamp::of_frame(i, 30), &mut bytes)
            .expect("an update");
        if !bytes.is_empty() {
            all.push((bytes, picture.clone()));
        }
        change(&mut picture, &mut random);
    }
    assert!(all.len() > 6);
    all
}

/// Decodes until the end or an error; every picture on the way must be one of `allowed`.
fn run(bytes: &[u8], limits: Limits, allowed: &[(Vec<u8>, FrameBuf)]) -> Result<usize, ErrorKind> {
    let mut decoder = Decoder::new(limits);
    let mut pictures = 0;
    decoder.feed(bytes).map_err(|e| e.kind())?;
    loop {
        match decoder.next() {
            Ok(None) => return Ok(pictures),
            Ok(Some(decoded)) => {
                if let panecast::codec::Decoded::Picture { .. } = decoded {
                    let frame = decoder.frame().expect("a picture");
                    assert!(allowed.iter().any(|(_, p)| p == frame), "a picture that was never sent");
                    pictures += 1;
                }
            }
            Err(e) => {
                assert!(decoder.frame().is_none(), "a failed decoder holds no picture");
                assert_eq!(
                    decoder.next().map_err(|e| e.kind()),
                    Err(e.kind()),
                    "a failed decoder stays failed"
                );
                return Err(e.kind());
            }
        }
    }
}

#[test]
fn truncated_streams_wait_for_more() {
    let packets = packets();
    let whole: Vec<u8> = packets.iter().flat_map(|(b, _)| b.clone()).collect();
    for len in (0..whole.len()).step_by(7) {
        let pictures = run(&whole[..len], Limits::default(), &packets).expect("a cut stream is no error");
        assert!(pictures < packets.len());
    }
    assert_eq!(run(&whole, Limits::default(), &packets), Ok(packets.len()));
}

#[test]
fn changed_streams_never_show_a_picture_that_was_not_sent() {
    let packets = packets();
    let whole: Vec<u8> = packets.iter().flat_map(|(b, _)| b.clone()).collect();
    let mut random = Random(1);
    let mut failed = 0;
    for round in 0..3000 {
        let mut bytes = whole.clone();
        for _ in 0..1 + random.below(3) {
            let at = random.below(bytes.len() as u32) as usize;
            match random.below(4) {
                0 => bytes[at] ^= 1 << random.below(8),
                1 => bytes[at] = random.next() as u8,
                2 => {
                    bytes.remove(at);
                }
                _ => bytes.insert(at, random.next() as u8),
            }
        }
        // A changed timestamp or a longer payload of the same pixels is not an error; another picture is.
        failed += usize::from(run(&bytes, Limits::default(), &packets).is_err());
        assert!(round < 3000);
    }
    assert!(failed > 2000, "only {failed} of 3000 changes were noticed");
}

#[test]
fn noise_is_no_stream() {
    let mut random = Random(77);
    for _ in 0..2000 {
        let len = random.below(300) as usize;
        let mut bytes: Vec<u8> = (0..len).map(|_| random.next() as u8).collect();
        assert_ne!(run(&bytes, Limits::default(), &[]), Ok(1));
        // The same behind a sound header.
        let mut stream = Vec::new();
        write_header(0, &mut stream);
        stream.append(&mut bytes);
        assert!(!matches!(run(&stream, Limits::default(), &[]), Ok(1..)));
    }
}

#[test]
fn lost_repeated_and_reordered_packets_are_noticed() {
    let packets = packets();
    let join = |order: &[usize]| -> Vec<u8> { order.iter().flat_map(|i| packets[*i].0.clone()).collect() };
    for order in [&[0, 2][..], &[0, 1, 1], &[0, 2, 1], &[0, 1, 3, 2]] {
        assert_eq!(run(&join(order), Limits::default(), &packets), Err(ErrorKind::Desync), "{order:?}");
    }
    // Without the keyframe's header there is no stream at all.
    assert_eq!(run(&join(&[1, 2]), Limits::default(), &packets), Err(ErrorKind::InvalidData));
    let mut no_snapshot = packets[0].0[..HEADER_BYTES].to_vec();
    no_snapshot.extend_from_slice(&packets[1].0);
    assert_eq!(run(&no_snapshot, Limits::default(), &packets), Err(ErrorKind::Desync));
}

#[test]
fn packets_of_another_stream_are_noticed() {
    let packets = packets();
    let mut other = Encoder::new(EncoderConfig::default()).expect("an encoder");
    let mut picture = black(Size::new(140, 100));
    scene::fill(&mut picture, &Size::new(140, 100).rect(), |x, _| [x as u8, 1, 2]);
    let mut second = Vec::new();
    for i in 0..2 {
        second.clear();
        let mut frame = picture.clone();
        other.encode(&mut frame, &Damage::Unknown, Timestamp(i), &mut second).expect("an update");
        scene::fill(&mut picture, &panecast::frame::Rect::new(3, 3, 20, 20), |x, y| [x as u8, y as u8, 9]);
    }
    let mut mixed = packets[0].0.clone();
    mixed.extend_from_slice(&second);
    assert!(matches!(
        run(&mixed, Limits::default(), &packets),
        Err(ErrorKind::Desync | ErrorKind::InvalidData)
    ));
}

#[test]
fn limits_hold_before_memory_is_spent() {
    let packets = packets();
    let tight = |limits: Limits| run(&packets[0].0, limits, &packets);
    let default = Limits::default();
    assert_eq!(tight(Limits { side_px: 139, ..default }), Err(ErrorKind::LimitExceeded));
    assert_eq!(tight(Limits { pixels: 13_999, ..default }), Err(ErrorKind::LimitExceeded));
    assert_eq!(tight(Limits { packet_bytes: 10, ..default }), Err(ErrorKind::LimitExceeded));
    assert_eq!(tight(Limits { recall_px: 27_999, ..default }), Err(ErrorKind::LimitExceeded));
    assert_eq!(tight(Limits { recall_px: 28_000, ..default }), Ok(1));
    assert_eq!(tight(Limits { side_px: 140, pixels: 14_000, ..default }), Ok(1));
}

/// A snapshot of `width` × `height` that holds next to nothing.
fn snapshot(width: u64, height: u64) -> Vec<u8> {
    let mut body = Vec::new();
    let mut w = panecast::bitstream::Writer::new(&mut body);
    for v in [1, 1, 0, width, height] {
        w.varint(v);
    }
    w.u32_le(0);
    // Nothing is kept; no layers; kind and plain bytes of the payload.
    w.varint(0);
    w.u8(0);
    w.u8(0);
    w.varint(10);
    let mut stream = Vec::new();
    write_header(0, &mut stream);
    let mut w = panecast::bitstream::Writer::new(&mut stream);
    w.u8(1);
    w.varint(body.len() as u64);
    w.bytes(&body);
    stream
}

#[test]
fn absurd_sizes_are_refused() {
    for (w, h, kind) in [
        (0, 0, ErrorKind::InvalidData),
        (0, 5, ErrorKind::InvalidData),
        (16_385, 1, ErrorKind::LimitExceeded),
        (1, 16_385, ErrorKind::LimitExceeded),
        (16_384, 16_384, ErrorKind::LimitExceeded),
        (1 << 31, 1 << 31, ErrorKind::LimitExceeded),
        (1 << 40, 1, ErrorKind::InvalidData),
        (1, 1, ErrorKind::InvalidData),
    ] {
        assert_eq!(run(&snapshot(w, h), Limits::default(), &[]), Err(kind), "{w}x{h}");
    }
    let mut encoder = Encoder::new(EncoderConfig::default()).expect("an encoder");
    let limits = Limits { side_px: 1 << 20, ..Limits::default() };
    let mut wide = FrameBuf::new(Size::new(16_385, 1), &limits).expect("a buffer");
    let mut out = Vec::new();
    let error = encoder.encode(&mut wide, &Damage::Unknown, Timestamp(0), &mut out).expect_err("too wide");
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert!(out.is_empty());
}

#[test]
fn other_versions_and_features_are_named() {
    let (mut bytes, _) = packets().swap_remove(0);
    for version in [1, 2, 4] {
        bytes[4] = version;
        assert_eq!(run(&bytes, Limits::default(), &[]), Err(ErrorKind::Unsupported));
    }
    bytes[4] = 3;
    bytes[5] = 0x80;
    assert_eq!(run(&bytes, Limits::default(), &[]), Err(ErrorKind::Unsupported));
    bytes[5] = 0;
    bytes[7] = 1;
    assert_eq!(run(&bytes, Limits::default(), &[]), Err(ErrorKind::InvalidData));
}

#[test]
fn a_failed_decoder_starts_again_after_reset() {
    let packets = packets();
    let mut decoder = Decoder::new(Limits::default());
    decoder.feed(b"GIF89a").expect("bytes");
    assert_eq!(decoder.next().map_err(|e| e.kind()), Err(ErrorKind::InvalidData));
    assert!(decoder.feed(&packets[0].0).is_err(), "still failed");
    decoder.reset();
    for (bytes, picture) in &packets {
        decoder.feed(bytes).expect("bytes");
        while decoder.next().expect("a packet").is_some() {}
        assert_eq!(decoder.frame(), Some(picture));
    }
}

#[test]
fn the_splitter_keeps_no_more_than_it_needs() {
    let packets = packets();
    let mut splitter = Splitter::new();
    for (bytes, _) in &packets {
        splitter.feed(bytes);
        while let Some(piece) = splitter.next(&Limits::default()).expect("a piece") {
            assert!(matches!(piece, Piece::Header(_) | Piece::Packet(..)));
        }
        assert_eq!(splitter.pending_bytes(), 0);
    }
}
