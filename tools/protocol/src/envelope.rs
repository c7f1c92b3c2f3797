//! Whom a packet is for.

/// A visitor's binary message: whom a packet is for, then the packet.
///
/// Bytes: `u32` little-endian agent number, 0 for all that have had their snapshot; then the bytes of one call
/// of the encoder. An envelope for one agent starts that agent over: it holds a stream header and a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// The agent's number; `None` for all that have had their snapshot.
    pub agent: Option<u32>,
    /// The bytes to pass on.
    pub packet: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// Bytes before the packet.
    pub const HEADER_BYTES: usize = 4;

    /// Reads a binary message; `None` if it is too short to hold a packet.
    #[must_use]
    pub fn parse(message: &'a [u8]) -> Option<Self> {
        let (number, packet): (&[u8; 4], _) = message.split_first_chunk()?;
        let agent = u32::from_le_bytes(*number);
        (!packet.is_empty()).then_some(Self { agent: (agent != 0).then_some(agent), packet })
    }

    /// The binary message.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut message = Vec::with_capacity(Self::HEADER_BYTES + self.packet.len());
        message.extend_from_slice(&self.agent.unwrap_or(0).to_le_bytes());
        message.extend_from_slice(self.packet);
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for agent in [None, Some(1), Some(u32::MAX)] {
            let bytes = Envelope { agent, packet: b"packet" }.to_bytes();
            assert_eq!(Envelope::parse(&bytes), Some(Envelope { agent, packet: b"packet" }));
        }
    }

    #[test]
    fn a_message_without_a_packet_is_none() {
        for short in [&[][..], &[1], &[1, 0, 0], &[1, 0, 0, 0]] {
            assert_eq!(Envelope::parse(short), None);
        }
    }
}
