//! What relays of a cluster tell each other. Whatever arrives is typed and bounded before it is believed.

use crate::exchange::doors::Place;
use panecast_protocol::{Refusal, Who};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;

/// Most bytes of one message of any kind, before it is sealed.
pub(crate) const MOST_BYTES: usize = 192 << 10;

/// Bytes of a bridge's message that go in one frame; longer ones are cut.
pub(crate) const FRAME_BYTES: usize = 128 << 10;

/// Most claims in one part of a snapshot: the longest take some 300 bytes each.
pub(crate) const CLAIMS_A_PART: usize = 400;

/// A relay's id: random, new with each process.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct RelayId(pub(crate) u64);

impl fmt::Display for RelayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for RelayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a relay can have: a room, or a door into one.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Name {
    Room([u8; 16]),
    Door(Place),
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Room(_) => "Room(…)",
            Self::Door(_) => "Door(…)",
        })
    }
}

/// That a relay has something.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Claim {
    pub(crate) name: Name,
    /// Whose room it is, or leads to.
    pub(crate) room: [u8; 16],
    /// When it was opened, or the host came, by the relay's clock in milliseconds since 1970: the newest has it.
    pub(crate) stamp: u64,
    /// The host is there.
    pub(crate) here: bool,
}

/// What is told to all relays.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToAll {
    pub(crate) from: RelayId,
    /// Counts this relay's connections to NATS: with a new one all bridges of before are gone.
    pub(crate) epoch: u64,
    pub(crate) said: Said,
}

#[derive(Serialize, Deserialize)]
pub(crate) enum Said {
    /// A sign of life, and how many changes were told so far.
    Beacon { changes: u64, going: bool },
    /// A claim of now; or none any more.
    Change { number: u64, name: Name, claim: Option<Claim> },
    /// A room that is over for good.
    Ended { room: [u8; 16] },
    /// A link that is used up or closed, and how long it could still have been open.
    Spent { link: [u8; 16], left_s: u32 },
    /// A knock at a key that is answered.
    Tried { id: u64, tenant: String, network: IpAddr },
    /// That knock was let in, and does not count.
    GivenBack { id: u64 },
}

/// What is told to one relay.
#[derive(Serialize, Deserialize)]
pub(crate) enum ToOne {
    /// Tell me all your claims.
    Ask { from: RelayId },
    /// A part of them, as they were after so many changes.
    Snapshot {
        from: RelayId,
        epoch: u64,
        changes: u64,
        part: u32,
        last: bool,
        claims: Vec<Claim>,
        tries: Vec<OldTry>,
    },
    /// May this knock be answered? To the relay that counts for the tenant; it answers with [`Tally`].
    Try { tenant: String, network: IpAddr },
    /// Somebody comes to a host of yours; answered with [`Opened`].
    Open { from: RelayId, epoch: u64, bridge: u64, to: Goal, who: Option<Who> },
}

/// A knock of some time ago.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OldTry {
    pub(crate) id: u64,
    pub(crate) tenant: String,
    pub(crate) network: IpAddr,
    pub(crate) age_ms: u64,
}

/// Where a joiner of another relay wants to.
#[derive(Serialize, Deserialize)]
pub(crate) enum Goal {
    Door(Place),
    Return(panecast_protocol::Place),
}

/// The answer to [`ToOne::Open`].
#[derive(Serialize, Deserialize)]
pub(crate) enum Opened {
    Yes,
    No(Option<Refusal>),
}

/// The answer to [`ToOne::Try`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tally {
    /// The knock's id, if it may be answered.
    pub(crate) granted: Option<u64>,
}

/// A frame of a bridge: its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A text for the joiner: JSON of the protocol.
    Text = 1,
    /// It is not let in: JSON of a refusal.
    Refused = 2,
    /// Bytes that must not be lost.
    Control = 3,
    /// A packet of the stream, or what it starts over with.
    Packet = 4,
    /// Bytes of the joiner.
    FromJoiner = 5,
    /// So many bytes were taken, `u32` little-endian.
    Taken = 6,
    /// This end of the bridge is over.
    Over = 7,
}

impl Kind {
    fn of(byte: u8) -> Option<Self> {
        [Self::Text, Self::Refused, Self::Control, Self::Packet, Self::FromJoiner, Self::Taken, Self::Over]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

/// A frame of a bridge.
///
/// Bytes: 1, `u64` bridge, `u32` number, `u8` kind, `u8` whether more of the same message follows, payload; all
/// little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) bridge: u64,
    /// Counts the frames of one direction: a gap ends the bridge.
    pub(crate) number: u32,
    pub(crate) kind: Kind,
    pub(crate) more: bool,
    pub(crate) bytes: &'a [u8],
}

/// Bytes of a frame before its payload.
pub(crate) const FRAME_HEADER: usize = 15;

impl<'a> Frame<'a> {
    pub(crate) fn header(&self) -> [u8; FRAME_HEADER] {
        let mut header = [0; FRAME_HEADER];
        header[0] = 1;
        header[1..9].copy_from_slice(&self.bridge.to_le_bytes());
        header[9..13].copy_from_slice(&self.number.to_le_bytes());
        header[13] = self.kind as u8;
        header[14] = u8::from(self.more);
        header
    }

    fn parse(message: &'a [u8]) -> Option<Self> {
        let (bridge, rest) = message.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (&[kind, more], bytes) = rest.split_first_chunk()?;
        let cut = matches!(more, 0 | 1) && bytes.len() <= FRAME_BYTES;
        cut.then_some(())?;
        Some(Self {
            bridge: u64::from_le_bytes(*bridge),
            number: u32::from_le_bytes(*number),
            kind: Kind::of(kind)?,
            more: more == 1,
            bytes,
        })
    }
}

/// A message to one relay.
pub(crate) enum Arrived<'a> {
    Told(Box<ToOne>),
    Frame(Frame<'a>),
}

/// JSON with the byte before it that tells it from a frame.
pub(crate) fn json(message: &impl Serialize) -> Vec<u8> {
    let mut bytes = vec![0];
    // Plain enums of strings and numbers; what fails would be no message for anybody.
    let _ = serde_json::to_writer(&mut bytes, message);
    bytes
}

/// Reads JSON; `None` if it is none of the type, or too long.
pub(crate) fn parse<T: serde::de::DeserializeOwned>(message: &[u8]) -> Option<T> {
    let (0, text) = message.split_first().map(|(kind, text)| (*kind, text))? else { return None };
    if message.len() > MOST_BYTES {
        return None;
    }
    serde_json::from_slice(text).ok()
}

/// Reads what came to this relay alone.
pub(crate) fn arrived(message: &[u8]) -> Option<Arrived<'_>> {
    match message.split_first()? {
        (0, _) => parse(message).map(|told| Arrived::Told(Box::new(told))),
        (1, frame) => Frame::parse(frame).map(Arrived::Frame),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_as_they_were_written_and_nothing_else_is_one() {
        for kind in [Kind::Text, Kind::Packet, Kind::Over] {
            for more in [false, true] {
                let frame = Frame { bridge: u64::MAX - 3, number: 7, kind, more, bytes: b"sealed" };
                let bytes = [&frame.header()[..], frame.bytes].concat();
                assert!(matches!(arrived(&bytes), Some(Arrived::Frame(read)) if read == frame));
                for cut in 0..FRAME_HEADER {
                    assert!(arrived(&bytes[..cut]).is_none());
                }
            }
        }
        let long = vec![0; FRAME_BYTES + 1];
        let frame = Frame { bridge: 1, number: 0, kind: Kind::Packet, more: false, bytes: &long };
        assert!(arrived(&[&frame.header()[..], frame.bytes].concat()).is_none());
        let mut odd = Frame { bytes: &[], ..frame }.header();
        assert!(arrived(&odd).is_some());
        odd[14] = 2;
        assert!(arrived(&odd).is_none());
        odd[14] = 0;
        odd[13] = 99;
        assert!(arrived(&odd).is_none());
    }

    #[test]
    fn told_messages_are_typed_and_bounded() {
        let ask = json(&ToOne::Ask { from: RelayId(7) });
        assert!(
            matches!(arrived(&ask), Some(Arrived::Told(told)) if matches!(*told, ToOne::Ask { from: RelayId(7) }))
        );
        for bad in [&b""[..], b"\0", b"\0{}", b"\0{\"Ask\":{}}", b"\x02{}", b"{\"Ask\":{\"from\":7}}"] {
            assert!(arrived(bad).is_none(), "{bad:?}");
        }
        let mut long = ask;
        long.resize(MOST_BYTES + 1, b' ');
        assert!(arrived(&long).is_none());
    }

    /// A part of a snapshot has to fit.
    #[test]
    fn the_longest_claims_fit_a_message() {
        let place = Place::Number("x".repeat(255).as_str().into(), 9999);
        let claim = Claim { name: Name::Door(place), room: [255; 16], stamp: u64::MAX, here: false };
        let presence = Name::Door(Place::Presence([255; 32]));
        for claim in [Claim { name: presence, ..claim.clone() }, claim] {
            let claims = vec![claim; CLAIMS_A_PART];
            let (from, epoch, changes, part) = (RelayId(u64::MAX), u64::MAX, u64::MAX, u32::MAX);
            let tries = Vec::new();
            let told = ToOne::Snapshot { from, epoch, changes, part, last: false, claims, tries };
            let bytes = json(&told);
            assert!(bytes.len() <= MOST_BYTES, "{}", bytes.len());
            assert!(arrived(&bytes).is_some());
        }
    }
}
