//! Fixed work on fixed pictures, for `kernels` (time) and `counts` (instructions). Whatever is not counted happens
//! in the constructors.

use panecast::Limits;
use panecast::capture::{Damage, Pattern};
use panecast::codec::{Decoder, Encoder, EncoderConfig};
use panecast::damage::{DirtyRows, compare};
use panecast::frame::{FrameBuf, Size, Timestamp};

const SIZE: Size = Size { width: 640, height: 360 };
const FPS: u32 = 30;
/// Far enough for text to scroll, windows to move and the film to run.
const FRAMES: u64 = 12;

/// The first pictures of the built-in desktop.
pub fn pictures() -> Vec<FrameBuf> {
    let pattern = Pattern::new(SIZE, FPS).expect("a pattern");
    let blank = FrameBuf::new(SIZE, &Limits::default()).expect("a picture");
    let paint = |index| {
        let mut picture = blank.clone();
        pattern.paint(index, &mut picture).expect("a painted picture");
        picture
    };
    (0..FRAMES).map(paint).collect()
}

/// The damage pass over pictures that differ in some tiles, and over equal ones.
pub struct DamagePass {
    pictures: Vec<FrameBuf>,
    dirty: DirtyRows,
}

impl DamagePass {
    pub fn new() -> Self {
        Self { pictures: pictures(), dirty: DirtyRows::default() }
    }

    #[inline(never)]
    pub fn count_damage(&mut self) {
        for pair in self.pictures.windows(2) {
            for newer in [&pair[0], &pair[1]] {
                compare(&pair[0], newer, &Damage::Unknown, &mut self.dirty).expect("one size");
            }
        }
    }
}

/// Encoding: a first picture, or the updates after it.
pub struct Encoding {
    encoder: Encoder,
    pictures: Vec<FrameBuf>,
    out: Vec<u8>,
}

impl Encoding {
    fn new() -> Self {
        Self {
            encoder: Encoder::new(EncoderConfig::default()).expect("an encoder"),
            pictures: pictures(),
            out: Vec::new(),
        }
    }

    /// Before the first picture.
    pub fn of_first() -> Self {
        let mut all = Self::new();
        all.pictures.truncate(1);
        all
    }

    /// After the first picture.
    pub fn of_updates() -> Self {
        let mut all = Self::new();
        let mut first = all.pictures.remove(0);
        all.encode(&mut first, 0);
        all.out.clear();
        all
    }

    fn encode(&mut self, picture: &mut FrameBuf, index: u64) {
        let time = Timestamp::of_frame(index, FPS);
        self.encoder.encode(picture, &Damage::Unknown, time, &mut self.out).expect("an update");
    }

    #[inline(never)]
    pub fn count_encode(&mut self) {
        for (i, mut picture) in std::mem::take(&mut self.pictures).into_iter().enumerate() {
            self.encode(&mut picture, 1 + i as u64);
        }
    }
}

/// Decoding the first picture, or the updates after it.
pub struct Decoding {
    decoder: Decoder,
    bytes: Vec<u8>,
}

impl Decoding {
    /// Before the first picture.
    pub fn of_first() -> Self {
        let mut encoding = Encoding::of_first();
        encoding.count_encode();
        Self { decoder: Decoder::new(Limits::default()), bytes: encoding.out }
    }

    /// After the first picture.
    pub fn of_updates() -> Self {
        let mut encoding = Encoding::new();
        let mut first = encoding.pictures.remove(0);
        encoding.encode(&mut first, 0);
        let mut decoding =
            Self { decoder: Decoder::new(Limits::default()), bytes: std::mem::take(&mut encoding.out) };
        decoding.decode();
        encoding.count_encode();
        decoding.bytes = encoding.out;
        decoding
    }

    #[inline(never)]
    pub fn count_decode(&mut self) {
        self.decode();
    }

    fn decode(&mut self) {
        self.decoder.feed(&self.bytes).expect("a stream");
        while self.decoder.next().expect("a packet").is_some() {}
    }
}
