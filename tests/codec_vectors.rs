//! Streams of this version, kept: whoever changes the format without a new version breaks these.

use panecast::Limits;
use panecast::capture::{Damage, Pattern};
use panecast::codec::{Decoded, Decoder, Encoder, EncoderConfig};
use panecast::frame::{FrameBuf, Size, Timestamp};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// The built-in desktop, two seconds at 320 × 200: a snapshot, copies and coded rectangles.
#[test]
fn the_desktop_of_version_3_is_still_read() {
    let stream = include_bytes!("vectors/desktop-v3.pcast");
    assert_eq!(xxh3_64(stream), STREAM_XXH3, "the vector itself was changed");
    let mut decoder = Decoder::new(Limits::default());
    decoder.feed(stream).expect("a stream");
    let mut pictures = Xxh3::new();
    let (mut count, mut end) = (0, None);
    while let Some(decoded) = decoder.next().expect("a packet") {
        match decoded {
            Decoded::Picture { timestamp, .. } => {
                pictures.update(&timestamp.micros().to_le_bytes());
                pictures.update(decoder.frame().expect("a picture").pixels());
                count += 1;
            }
            Decoded::End { frames, fps } => end = Some((frames, fps)),
            Decoded::Header | Decoded::NeedsPlanes | Decoded::Epoch { .. } | Decoded::Cursor => {}
        }
    }
    assert_eq!((count, end), (61, Some((61, 30))));
    assert_eq!(pictures.digest(), PICTURES_XXH3);
}

const STREAM_XXH3: u64 = 9_718_645_864_713_742_923;
const PICTURES_XXH3: u64 = 7_750_901_337_380_278_907;

/// For a new version of the format: writes the vector and its hash. Its pictures then hash as before.
#[test]
#[ignore = "writes a file"]
fn write_the_desktop() {
    let size = Size::new(320, 200);
    let desktop = Pattern::new(size, 30).expect("a desktop");
    let mut encoder = Encoder::new(EncoderConfig::default()).expect("an encoder");
    let mut stream = Vec::new();
    for index in 0..61 {
        let mut frame = FrameBuf::new(size, &Limits::default()).expect("a buffer");
        desktop.paint(index, &mut frame).expect("a picture");
        encoder
            .encode(&mut frame, &Damage::Unknown, Timestamp::of_frame(index, 30), &mut stream)
            .expect("an update");
    }
    encoder.finish(61, 30, &mut stream);
    std::fs::write("tests/vectors/desktop-v3.pcast", &stream).expect("room on the disk");
    println!("{}", xxh3_64(&stream));
}
