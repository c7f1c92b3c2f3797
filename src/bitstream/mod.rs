//! Stage 4 of 6. In: payloads of the codec. Out: bytes, and back. Stateless: no picture, no context, no I/O.
//!
//! `docs/bitstream.md` describes every byte that this module reads and writes.
#![forbid(unsafe_code)]

mod film;
mod header;
mod layer;
mod packet;
mod reader;
mod resume;
mod splitter;
mod writer;

pub use crate::frame::FilmColour;
pub use film::{FilmBody, FilmCodec};
pub use header::{
    FEATURE_AV1, FEATURE_FADES, FEATURE_FILM, HEADER_BYTES, MAGIC, VERSION, read_header, write_header,
};
pub use layer::{Av1Layer, FadeLayer, Layer, Patch, PhotoLayer};
pub use packet::{CursorBody, EndBody, EpochBody, Packet, PacketKind, PayloadKind, SnapshotBody, UpdateBody};
pub use reader::Reader;
pub use resume::ResumeBody;
pub use splitter::{Piece, Splitter};
pub use writer::Writer;
