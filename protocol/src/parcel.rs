//! A host's binary message: for whom, of which kind, and bytes that are sealed between the ends.

/// What the relay does with a host's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParcelKind {
    /// Delivered in order, whatever else is dropped.
    Control,
    /// Part of the stream: for a joiner that follows. When too much of it waits, all of it is dropped.
    Packet,
    /// The stream starts over with this: it takes the place of packets that wait, and its joiner follows from here.
    StartsOver,
}

/// A host's binary message.
///
/// Bytes: `u32` little-endian joiner (0: all that were let in; packets go to those that follow), `u8` kind
/// (0 control, 1 packet, 2 starts over), then at least one byte for the joiner, which gets that part alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parcel<'a> {
    /// The joiner's number; `None` for all. Never `None` for [`ParcelKind::StartsOver`].
    pub joiner: Option<u32>,
    /// What it is.
    pub kind: ParcelKind,
    /// The sealed bytes.
    pub bytes: &'a [u8],
}

impl<'a> Parcel<'a> {
    /// Bytes before the sealed ones.
    pub const HEADER_BYTES: usize = 5;

    /// Reads a binary message; `None` if it is none.
    #[must_use]
    pub fn parse(message: &'a [u8]) -> Option<Self> {
        let (number, rest): (&[u8; 4], _) = message.split_first_chunk()?;
        let (&kind, bytes) = rest.split_first()?;
        let kind = match kind {
            0 => ParcelKind::Control,
            1 => ParcelKind::Packet,
            2 => ParcelKind::StartsOver,
            _ => return None,
        };
        let joiner = u32::from_le_bytes(*number);
        let joiner = (joiner != 0).then_some(joiner);
        let names_one = joiner.is_some() || kind != ParcelKind::StartsOver;
        (names_one && !bytes.is_empty()).then_some(Self { joiner, kind, bytes })
    }

    /// The binary message.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut message = Vec::with_capacity(Self::HEADER_BYTES + self.bytes.len());
        message.extend_from_slice(&self.joiner.unwrap_or(0).to_le_bytes());
        message.push(match self.kind {
            ParcelKind::Control => 0,
            ParcelKind::Packet => 1,
            ParcelKind::StartsOver => 2,
        });
        message.extend_from_slice(self.bytes);
        message
    }
}

/// What a joiner sent, as its host gets it: `u32` little-endian joiner, then the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FromJoiner<'a> {
    /// The joiner's number.
    pub joiner: u32,
    /// The sealed bytes.
    pub bytes: &'a [u8],
}

impl<'a> FromJoiner<'a> {
    /// Bytes before the joiner's own.
    pub const HEADER_BYTES: usize = 4;

    /// Reads a binary message; `None` if it is too short.
    #[must_use]
    pub fn parse(message: &'a [u8]) -> Option<Self> {
        let (number, bytes): (&[u8; 4], _) = message.split_first_chunk()?;
        Some(Self { joiner: u32::from_le_bytes(*number), bytes })
    }

    /// The binary message.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut message = Vec::with_capacity(4 + self.bytes.len());
        message.extend_from_slice(&self.joiner.to_le_bytes());
        message.extend_from_slice(self.bytes);
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for kind in [ParcelKind::Control, ParcelKind::Packet, ParcelKind::StartsOver] {
            for joiner in [None, Some(1), Some(u32::MAX)] {
                let parcel = Parcel { joiner, kind, bytes: b"sealed" };
                let sound = joiner.is_some() || kind != ParcelKind::StartsOver;
                assert_eq!(Parcel::parse(&parcel.to_bytes()), sound.then_some(parcel));
            }
        }
        let from = FromJoiner { joiner: 7, bytes: b"x" };
        assert_eq!(from.to_bytes(), b"\x07\0\0\0x");
        assert_eq!(FromJoiner::parse(b"\x07\0\0\0x"), Some(from));
    }

    #[test]
    fn what_is_no_parcel_is_none() {
        for bad in [&[][..], &[1, 0, 0], &[1, 0, 0, 0], &[1, 0, 0, 0, 1], &[1, 0, 0, 0, 3, 9]] {
            assert_eq!(Parcel::parse(bad), None, "{bad:?}");
        }
        assert_eq!(FromJoiner::parse(&[1, 2, 3]), None);
    }
}
