//! Cuts a stream of bytes, however it is chunked, into its header and packets.

use super::{HEADER_BYTES, MAGIC, PacketKind, read_header};
use crate::error::{Error, Result};
use crate::limits::Limits;

/// One piece of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A stream header: a snapshot follows. Holds the bits of the features that the stream asks for.
    Header(u8),
    /// A packet's kind and body.
    Packet(PacketKind, &'a [u8]),
}

/// Collects bytes until a whole piece is there. Holds at most one packet and one chunk.
#[derive(Debug, Default)]
pub struct Splitter {
    buffer: Vec<u8>,
    taken: usize,
    begun: bool,
}

impl Splitter {
    /// An empty one, before a stream's header.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends `bytes` of any length.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.taken > 0 {
            self.buffer.drain(..self.taken);
            self.taken = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes that have been fed and not yet returned.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.buffer.len() - self.taken
    }

    /// The next whole piece; `None` until more bytes are fed.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::InvalidData`] if the bytes are no stream or no packet.
    /// - [`crate::ErrorKind::Unsupported`] for another version.
    /// - [`crate::ErrorKind::LimitExceeded`] if a packet announces more than [`Limits::packet_bytes`].
    pub fn next(&mut self, limits: &Limits) -> Result<Option<Piece<'_>>> {
        let rest = &self.buffer[self.taken..];
        let Some(&first) = rest.first() else { return Ok(None) };
        if first == MAGIC[0] {
            let seen = rest.len().min(MAGIC.len());
            if rest[..seen] != MAGIC[..seen] {
                return Err(Error::data("this is not a panecast stream"));
            }
            let Some(header) = rest.first_chunk::<HEADER_BYTES>() else { return Ok(None) };
            let features = read_header(header)?;
            self.begun = true;
            self.taken += HEADER_BYTES;
            return Ok(Some(Piece::Header(features)));
        }
        if !self.begun {
            return Err(Error::data("this is not a panecast stream"));
        }
        let kind = PacketKind::from_code(first)?;
        let Some((len, prefix)) = length(&rest[1..])? else { return Ok(None) };
        if len > limits.packet_bytes as u64 {
            return Err(Error::limit(format!(
                "a packet of {len} bytes; {} are allowed",
                limits.packet_bytes
            )));
        }
        let start = self.taken + 1 + prefix;
        let end = start + len as usize;
        if self.buffer.len() < end {
            return Ok(None);
        }
        self.taken = end;
        Ok(Some(Piece::Packet(kind, &self.buffer[start..end])))
    }
}

/// The length of a packet and the bytes that it takes; `None` while it is cut off.
fn length(bytes: &[u8]) -> Result<Option<(u64, usize)>> {
    // Five groups of seven bits hold more than any cap.
    let shown = &bytes[..bytes.len().min(5)];
    match shown.iter().position(|b| b & 0x80 == 0) {
        None if shown.len() < 5 => Ok(None),
        None => Err(Error::data("a packet's length has too many bytes")),
        Some(last) => Ok(Some((super::Reader::new(&shown[..=last]).varint()?, last + 1))),
    }
}
