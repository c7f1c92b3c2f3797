//! The packet of a film that somebody else encodes: a camera's, by a phone's own encoder.

use super::packet::as_data;
use super::{Reader, Writer};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{FilmColour, Size, Timestamp};
use crate::limits::Limits;

/// What a film is coded with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FilmCodec {
    /// Temporal units of AV1 in the low-overhead format.
    Av1,
    /// Access units of H.264 with start codes (Annex B); keyframes carry their parameter sets.
    H264,
    /// Frames of VP9, superframes included.
    Vp9,
    /// Frames of VP8.
    Vp8,
}

impl FilmCodec {
    /// All of them, the one that is best for its bytes first.
    pub const ALL: [Self; 4] = [Self::Av1, Self::H264, Self::Vp9, Self::Vp8];

    /// Its byte on the wire.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Av1 => 1,
            Self::H264 => 2,
            Self::Vp9 => 3,
            Self::Vp8 => 4,
        }
    }

    /// The codec with this byte.
    ///
    /// # Errors
    /// - [`ErrorKind::Unsupported`] if there is none: a newer version may have more.
    pub fn from_code(code: u8) -> Result<Self> {
        Self::ALL.into_iter().find(|codec| codec.code() == code).ok_or_else(|| {
            let message = format!("films of codec {code} need a newer decoder; update it");
            Error::new(ErrorKind::Unsupported, message)
        })
    }

    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Av1 => "AV1",
            Self::H264 => "H.264",
            Self::Vp9 => "VP9",
            Self::Vp8 => "VP8",
        }
    }
}

/// One picture of a film that is all there is to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilmBody<'a> {
    /// A keyframe begins it, all others are in it.
    pub epoch: u64,
    /// Its place in the stream.
    pub sequence: u64,
    /// When the picture was taken.
    pub timestamp: Timestamp,
    /// The picture's size.
    pub size: Size,
    /// What `data` is coded with.
    pub codec: FilmCodec,
    /// Whether it needs nothing from before.
    pub keyframe: bool,
    /// How its planes become colours.
    pub colour: FilmColour,
    /// What the codec's encoder gave for this picture.
    pub data: &'a [u8],
}

const KEYFRAME: u8 = 1;
const BT709: u8 = 2;
const FULL_RANGE: u8 = 4;

impl<'a> FilmBody<'a> {
    /// Appends all but `data`.
    pub(super) fn write_head(&self, out: &mut Vec<u8>) {
        let mut w = Writer::new(out);
        for n in [self.epoch, self.sequence, self.timestamp.0] {
            w.varint(n);
        }
        w.varint(self.size.width.into());
        w.varint(self.size.height.into());
        w.u8(self.codec.code());
        let flags =
            [(self.keyframe, KEYFRAME), (self.colour.bt709, BT709), (self.colour.full_range, FULL_RANGE)];
        w.u8(flags.iter().filter(|(set, _)| *set).map(|(_, bit)| bit).sum());
    }

    /// Parses all of the body.
    pub(super) fn read(r: &mut Reader<'a>, limits: &Limits) -> Result<Self> {
        let (epoch, sequence, timestamp) = (r.varint()?, r.varint()?, Timestamp(r.varint()?));
        let size = Size::new(r.varint_u32()?, r.varint_u32()?);
        limits.check_size(size).map_err(as_data)?;
        let codec = FilmCodec::from_code(r.u8()?)?;
        let flags = r.u8()?;
        if flags & !(KEYFRAME | BT709 | FULL_RANGE) != 0 {
            return Err(Error::data("unknown flags of a film's picture"));
        }
        let data = r.rest();
        if data.is_empty() {
            return Err(Error::data("a film's picture has no bytes"));
        }
        let colour = FilmColour { bt709: flags & BT709 != 0, full_range: flags & FULL_RANGE != 0 };
        let keyframe = flags & KEYFRAME != 0;
        Ok(Self { epoch, sequence, timestamp, size, codec, keyframe, colour, data })
    }
}
