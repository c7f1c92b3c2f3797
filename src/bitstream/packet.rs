//! Packets: a kind, a length, a body.

use super::film::FilmBody;
use super::layer::Layer;
use super::resume::ResumeBody;
use super::{Reader, Writer};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{Rect, Size, Timestamp};
use crate::limits::Limits;

/// What a packet holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PacketKind {
    /// A whole picture; begins an epoch.
    Snapshot,
    /// What changed.
    Update,
    /// Begins an epoch for those who already hold the picture.
    Epoch,
    /// The cursor's position or shape.
    Cursor,
    /// The end of a recording.
    End,
    /// What differs from a picture that the viewer still holds; begins an epoch.
    Resume,
    /// One picture of a film that somebody else encodes.
    Film,
}

impl PacketKind {
    /// The kind's byte on the wire.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Snapshot => 1,
            Self::Update => 2,
            Self::Epoch => 3,
            Self::Cursor => 4,
            Self::End => 5,
            Self::Resume => 6,
            Self::Film => 7,
        }
    }

    /// The kind with this byte.
    ///
    /// # Errors
    /// - [`ErrorKind::InvalidData`] if there is none.
    pub fn from_code(code: u8) -> Result<Self> {
        [Self::Snapshot, Self::Update, Self::Epoch, Self::Cursor, Self::End, Self::Resume, Self::Film]
            .into_iter()
            .find(|k| k.code() == code)
            .ok_or_else(|| Error::data(format!("there is no packet of kind {code}")))
    }

    /// The kind's name, as `inspect` shows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Update => "update",
            Self::Epoch => "epoch",
            Self::Cursor => "cursor",
            Self::End => "end",
            Self::Resume => "resume",
            Self::Film => "film",
        }
    }
}

/// How a payload's pixels are coded. Further kinds (AV1) take further numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PayloadKind {
    /// Rectangles of exact pixels in the epoch's zstd stream.
    Lossless,
}

impl PayloadKind {
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Lossless => 0,
        }
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self> {
        match r.u8()? {
            0 => Ok(Self::Lossless),
            code => Err(Error::new(
                ErrorKind::Unsupported,
                format!("payloads of kind {code} need a newer decoder; update it"),
            )),
        }
    }
}

/// A whole picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotBody<'a> {
    /// The epoch that it begins.
    pub epoch: u64,
    /// Its place in the stream.
    pub sequence: u64,
    /// When the picture was taken.
    pub timestamp: Timestamp,
    /// The picture's size.
    pub size: Size,
    /// Hash of the picture.
    pub hash: u32,
    /// Pixels that are kept of what tiles held before.
    pub recall_px: u64,
    /// What is laid down before the payload's pixels.
    pub layers: Vec<Layer<'a>>,
    /// How `data` is coded.
    pub payload: PayloadKind,
    /// Bytes of the payload once decompressed.
    pub plain_bytes: u64,
    /// The coded pixels.
    pub data: &'a [u8],
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateBody<'a> {
    /// The epoch whose contexts it uses.
    pub epoch: u64,
    /// Its place in the stream.
    pub sequence: u64,
    /// When the picture was taken.
    pub timestamp: Timestamp,
    /// Hash of the picture once the update is carried out.
    pub hash: u32,
    /// Whether nothing moved or changed: it only brings pixels closer to the source's.
    pub refines: bool,
    /// Copies within the picture, in order: source corner, destination.
    pub copies: Vec<((u32, u32), Rect)>,
    /// What is laid over the picture after the copies and before the payload's pixels.
    pub layers: Vec<Layer<'a>>,
    /// How `data` is coded.
    pub payload: PayloadKind,
    /// Bytes of the payload once decompressed; 0 where the copies say it all.
    pub plain_bytes: u64,
    /// The coded pixels.
    pub data: &'a [u8],
}

/// A new epoch over the same picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochBody {
    /// The epoch that begins.
    pub epoch: u64,
    /// Its place in the stream.
    pub sequence: u64,
    /// When it was made.
    pub timestamp: Timestamp,
    /// Hash of the picture that both sides hold.
    pub hash: u32,
}

/// The cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CursorBody<'a> {
    /// When it was read.
    pub timestamp: Timestamp,
    /// Where the hotspot is; `None` where the cursor is hidden or elsewhere.
    pub position: Option<(i32, i32)>,
    /// A new shape: size, hotspot, one zstd frame of B, G, R, A pixels with premultiplied alpha.
    pub shape: Option<(Size, (u32, u32), &'a [u8])>,
}

/// The end of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndBody {
    /// Pictures of the recording, unchanged ones included.
    pub frames: u64,
    /// Pictures a second.
    pub fps: u32,
}

/// A parsed packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// A whole picture.
    Snapshot(SnapshotBody<'a>),
    /// What changed.
    Update(UpdateBody<'a>),
    /// A new epoch over the same picture.
    Epoch(EpochBody),
    /// The cursor.
    Cursor(CursorBody<'a>),
    /// The end of a recording.
    End(EndBody),
    /// What differs from a picture that the viewer still holds.
    Resume(ResumeBody<'a>),
    /// One picture of a film that somebody else encodes.
    Film(FilmBody<'a>),
}

const UPDATE_REFINES: u8 = 1;
const UPDATE_HAS_LAYERS: u8 = 2;

const CURSOR_HAS_POSITION: u8 = 1;
const CURSOR_HAS_SHAPE: u8 = 2;

impl<'a> Packet<'a> {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> PacketKind {
        match self {
            Self::Snapshot(_) => PacketKind::Snapshot,
            Self::Update(_) => PacketKind::Update,
            Self::Epoch(_) => PacketKind::Epoch,
            Self::Cursor(_) => PacketKind::Cursor,
            Self::End(_) => PacketKind::End,
            Self::Resume(_) => PacketKind::Resume,
            Self::Film(_) => PacketKind::Film,
        }
    }

    /// Appends the packet.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut body = Vec::new();
        let mut w = Writer::new(&mut body);
        let has = |yes: bool, bit: u8| if yes { bit } else { 0 };
        let data: &[u8] = match self {
            Self::Snapshot(b) => {
                w.varint(b.epoch);
                w.varint(b.sequence);
                w.varint(b.timestamp.0);
                w.varint(b.size.width.into());
                w.varint(b.size.height.into());
                w.u32_le(b.hash);
                w.varint(b.recall_px);
                Layer::write_all(&b.layers, &mut body);
                let mut w = Writer::new(&mut body);
                w.u8(b.payload.code());
                w.varint(b.plain_bytes);
                b.data
            }
            Self::Update(b) => {
                w.varint(b.epoch);
                w.varint(b.sequence);
                w.varint(b.timestamp.0);
                w.u32_le(b.hash);
                w.u8(has(b.refines, UPDATE_REFINES) | has(!b.layers.is_empty(), UPDATE_HAS_LAYERS));
                w.varint(b.copies.len() as u64);
                for ((x, y), to) in &b.copies {
                    for v in [*x, *y, to.x, to.y, to.width, to.height] {
                        w.varint(v.into());
                    }
                }
                if !b.layers.is_empty() {
                    Layer::write_all(&b.layers, &mut body);
                }
                let mut w = Writer::new(&mut body);
                w.u8(b.payload.code());
                w.varint(b.plain_bytes);
                b.data
            }
            Self::Epoch(b) => {
                w.varint(b.epoch);
                w.varint(b.sequence);
                w.varint(b.timestamp.0);
                w.u32_le(b.hash);
                &[]
            }
            Self::Cursor(b) => {
                w.varint(b.timestamp.0);
                w.u8(
                    has(b.position.is_some(), CURSOR_HAS_POSITION) | has(b.shape.is_some(), CURSOR_HAS_SHAPE)
                );
                if let Some((x, y)) = b.position {
                    w.zigzag_i32(x);
                    w.zigzag_i32(y);
                }
                match b.shape {
                    Some((size, hotspot, data)) => {
                        for v in [size.width, size.height, hotspot.0, hotspot.1] {
                            w.varint(v.into());
                        }
                        data
                    }
                    None => &[],
                }
            }
            Self::Resume(b) => {
                b.write_head(&mut body);
                b.data
            }
            Self::Film(b) => {
                b.write_head(&mut body);
                b.data
            }
            Self::End(b) => {
                w.varint(b.frames);
                w.varint(b.fps.into());
                &[]
            }
        };
        let mut w = Writer::new(out);
        w.u8(self.kind().code());
        w.varint((body.len() + data.len()) as u64);
        w.bytes(&body);
        w.bytes(data);
    }

    /// Parses the body of a packet of `kind`.
    ///
    /// # Errors
    /// - [`ErrorKind::InvalidData`] if the body breaks the format.
    /// - [`ErrorKind::LimitExceeded`] if it asks for more than `limits`.
    /// - [`ErrorKind::Unsupported`] for a payload kind of a newer version.
    pub fn read(kind: PacketKind, body: &'a [u8], limits: &Limits) -> Result<Self> {
        let mut r = Reader::new(body);
        let packet = match kind {
            PacketKind::Snapshot => {
                let (epoch, sequence, timestamp) = (r.varint()?, r.varint()?, Timestamp(r.varint()?));
                let size = Size::new(r.varint_u32()?, r.varint_u32()?);
                limits.check_size(size).map_err(as_data)?;
                let hash = r.u32_le()?;
                let recall_px = recall_px(&mut r, limits)?;
                let layers = Layer::read_all(&mut r, limits)?;
                let payload = PayloadKind::read(&mut r)?;
                let plain_bytes = r.varint()?;
                let data = r.rest();
                return Ok(Self::Snapshot(SnapshotBody {
                    epoch,
                    sequence,
                    timestamp,
                    size,
                    hash,
                    recall_px,
                    layers,
                    payload,
                    plain_bytes,
                    data,
                }));
            }
            PacketKind::Update => {
                let (epoch, sequence, timestamp) = (r.varint()?, r.varint()?, Timestamp(r.varint()?));
                let hash = r.u32_le()?;
                let flags = r.u8()?;
                if flags & !(UPDATE_REFINES | UPDATE_HAS_LAYERS) != 0 {
                    return Err(Error::data("unknown flags of an update"));
                }
                let count = r.varint()?;
                if count > limits.copies as u64 {
                    return Err(Error::limit(format!(
                        "{count} copies in a packet; {} are allowed",
                        limits.copies
                    )));
                }
                let mut copies = Vec::with_capacity(count as usize);
                for _ in 0..count {
                    let from = (r.varint_u32()?, r.varint_u32()?);
                    let to = Rect::new(r.varint_u32()?, r.varint_u32()?, r.varint_u32()?, r.varint_u32()?);
                    copies.push((from, to));
                }
                let layers = match flags & UPDATE_HAS_LAYERS {
                    0 => Vec::new(),
                    _ => Layer::read_all(&mut r, limits)?,
                };
                if layers.is_empty() && flags & UPDATE_HAS_LAYERS != 0 {
                    return Err(Error::data("an update that says it has layers has none"));
                }
                let payload = PayloadKind::read(&mut r)?;
                let plain_bytes = r.varint()?;
                let data = r.rest();
                return Ok(Self::Update(UpdateBody {
                    epoch,
                    sequence,
                    timestamp,
                    hash,
                    refines: flags & UPDATE_REFINES != 0,
                    copies,
                    layers,
                    payload,
                    plain_bytes,
                    data,
                }));
            }
            PacketKind::Epoch => Self::Epoch(EpochBody {
                epoch: r.varint()?,
                sequence: r.varint()?,
                timestamp: Timestamp(r.varint()?),
                hash: r.u32_le()?,
            }),
            PacketKind::Cursor => {
                let timestamp = Timestamp(r.varint()?);
                let flags = r.u8()?;
                if flags & !(CURSOR_HAS_POSITION | CURSOR_HAS_SHAPE) != 0 {
                    return Err(Error::data("unknown flags in a cursor packet"));
                }
                let position = match flags & CURSOR_HAS_POSITION {
                    0 => None,
                    _ => Some((r.zigzag_i32()?, r.zigzag_i32()?)),
                };
                let shape = if flags & CURSOR_HAS_SHAPE == 0 {
                    None
                } else {
                    let size = Size::new(r.varint_u32()?, r.varint_u32()?);
                    let side = limits.cursor_side_px;
                    if size.width > side || size.height > side || size.area() == 0 {
                        return Err(Error::limit(format!("a cursor of {size}; {side}x{side} is allowed")));
                    }
                    let hotspot = (r.varint_u32()?, r.varint_u32()?);
                    let data = r.bytes(r.rest().len())?;
                    Some((size, hotspot, data))
                };
                Self::Cursor(CursorBody { timestamp, position, shape })
            }
            PacketKind::Resume => return Ok(Self::Resume(ResumeBody::read(&mut r, limits)?)),
            PacketKind::Film => return Ok(Self::Film(FilmBody::read(&mut r, limits)?)),
            PacketKind::End => Self::End(EndBody { frames: r.varint()?, fps: r.varint_u32()? }),
        };
        if !r.is_at_end() {
            return Err(Error::data(format!("bytes left over in a packet of kind {}", kind.name())));
        }
        Ok(packet)
    }
}

/// How many pixels are to be kept of what tiles held before.
pub(super) fn recall_px(r: &mut Reader<'_>, limits: &Limits) -> Result<u64> {
    match r.varint()? {
        px if px > limits.recall_px => Err(Error::limit(format!(
            "{px} pixels are to be kept of what was before; {} are allowed",
            limits.recall_px
        ))),
        px => Ok(px),
    }
}

/// On the wire a wrong size is the sender's fault, not the caller's.
pub(super) fn as_data(e: Error) -> Error {
    match e.kind() {
        ErrorKind::InvalidInput => Error::data(e.message()),
        _ => e,
    }
}
