//! Streams of this version, kept: whoever changes the format without a new version breaks these.

use panecast::Limits;
use panecast::codec::{Decoded, Decoder};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// The built-in desktop, two seconds at 320 × 200: a snapshot, copies and coded rectangles.
#[test]
fn the_desktop_of_version_2_is_still_read() {
    let stream = include_bytes!("vectors/desktop-v2.pcast");
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
    assert_eq!((count, end), (59, Some((61, 30))));
    assert_eq!(pictures.digest(), PICTURES_XXH3);
}

const STREAM_XXH3: u64 = 9_293_832_822_302_679_245;
const PICTURES_XXH3: u64 = 17_962_897_811_032_823_715;
