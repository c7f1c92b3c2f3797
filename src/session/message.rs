//! What the two ends of a session tell each other within the seal. Nobody on the way can read or change it, but the
//! other end itself is not believed: every length is checked before anything is allocated.

use super::mark::{self, Mark};
use super::state::StreamState;
use super::{EndReason, Purpose};
use crate::bitstream::{Reader, Writer};
use crate::error::{Error, Result};
use crate::frame::{Rect, Size};

/// Most bytes of a name or of what is shared.
pub const MOST_NAME_BYTES: usize = 256;

/// Most tiles that a watcher tells about: a 5K picture's.
pub const MOST_HELD: usize = 4096;

/// What may be asked for, by its number on the wire. What belongs to nobody is not asked for.
const PURPOSES: [Purpose; 4] = [Purpose::Screen, Purpose::Window, Purpose::Camera, Purpose::AgentScreen];

/// What the watching end says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WatcherSays {
    /// It asks to see something. Its first word, and after a refusal perhaps another.
    Ask {
        /// What it calls itself; a pass or the relay may know better.
        who: String,
        /// What it wants to see.
        purpose: Purpose,
    },
    /// It has painted an update, and so all before it.
    Painted {
        /// The update's sequence number.
        sequence: u64,
        /// Microseconds from its last byte's arrival until then; 0 if it does not say.
        held_us: u64,
    },
    /// Its decoder lost the thread: it needs a snapshot.
    Resync,
    /// What it still holds after a cut: the picture's size, and a hash for each tile.
    Holds(Size, Vec<u32>),
    /// Where it looks, in pixels of the picture; `None` for all of it.
    Focus(Option<Rect>),
    /// It points or draws.
    Mark(Mark),
    /// It wants no pictures for now (`true`), or wants them again.
    Pause(bool),
    /// It leaves.
    Leave(EndReason),
}

/// What the sharing end says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SharerSays {
    /// The question is before the person who decides.
    Asking,
    /// Allowed; pictures follow.
    Allowed {
        /// What is shown.
        source: String,
    },
    /// How the picture lives.
    State {
        /// The state.
        state: StreamState,
        /// What is shown.
        source: String,
    },
    /// The session is over for this watcher.
    End(EndReason),
}

const ASK: u8 = 1;
const PAINTED: u8 = 2;
const RESYNC: u8 = 3;
const HOLDS: u8 = 4;
const FOCUS: u8 = 5;
const MARK: u8 = 6;
const PAUSE: u8 = 7;
const LEAVE: u8 = 8;

const ASKING: u8 = 1;
const ALLOWED: u8 = 2;
const STATE: u8 = 3;
const END: u8 = 4;

impl WatcherSays {
    /// Appends it.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut w = Writer::new(out);
        match self {
            Self::Ask { who, purpose } => {
                w.u8(ASK);
                let number = PURPOSES.iter().position(|p| p == purpose);
                w.u8(number.unwrap_or_default() as u8);
                write_name(&mut w, who);
            }
            Self::Painted { sequence, held_us } => {
                w.u8(PAINTED);
                w.varint(*sequence);
                w.varint(*held_us);
            }
            Self::Resync => w.u8(RESYNC),
            Self::Holds(size, tiles) => {
                w.u8(HOLDS);
                w.varint(size.width.into());
                w.varint(size.height.into());
                tiles.iter().for_each(|hash| w.u32_le(*hash));
            }
            Self::Focus(rect) => {
                w.u8(FOCUS);
                for n in rect.iter().flat_map(|r| [r.x, r.y, r.width, r.height]) {
                    w.varint(n.into());
                }
            }
            Self::Mark(mark) => {
                w.u8(MARK);
                mark::write(mark, &mut w);
            }
            Self::Pause(paused) => {
                w.u8(PAUSE);
                w.u8((*paused).into());
            }
            Self::Leave(reason) => {
                w.u8(LEAVE);
                w.u8(reason.code());
            }
        }
    }

    /// Reads it.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::InvalidData`] if it is none.
    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        let mut r = Reader::new(bytes);
        let says = match r.u8()? {
            ASK => {
                let purpose = r.u8()?;
                let purpose = PURPOSES.get(usize::from(purpose)).copied();
                Self::Ask { purpose: purpose.ok_or_else(unknown)?, who: read_name(&mut r)? }
            }
            PAINTED => Self::Painted { sequence: r.varint()?, held_us: r.varint()? },
            RESYNC => Self::Resync,
            HOLDS => read_held(&mut r)?,
            FOCUS if r.is_at_end() => Self::Focus(None),
            FOCUS => Self::Focus(Some(read_rect(&mut r)?)),
            MARK => Self::Mark(mark::read(&mut r)?),
            PAUSE => Self::Pause(match r.u8()? {
                0 => false,
                1 => true,
                _ => return Err(unknown()),
            }),
            LEAVE => Self::Leave(read_reason(&mut r)?),
            _ => return Err(unknown()),
        };
        at_end(&r)?;
        Ok(says)
    }
}

impl SharerSays {
    /// Appends it.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut w = Writer::new(out);
        match self {
            Self::Asking => w.u8(ASKING),
            Self::Allowed { source } => {
                w.u8(ALLOWED);
                write_name(&mut w, source);
            }
            Self::State { state, source } => {
                w.u8(STATE);
                w.u8(state.code());
                write_name(&mut w, source);
            }
            Self::End(reason) => {
                w.u8(END);
                w.u8(reason.code());
            }
        }
    }

    /// Reads it.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::InvalidData`] if it is none.
    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        let mut r = Reader::new(bytes);
        let says = match r.u8()? {
            ASKING => Self::Asking,
            ALLOWED => Self::Allowed { source: read_name(&mut r)? },
            STATE => Self::State {
                state: StreamState::of_code(r.u8()?).ok_or_else(unknown)?,
                source: read_name(&mut r)?,
            },
            END => Self::End(read_reason(&mut r)?),
            _ => return Err(unknown()),
        };
        at_end(&r)?;
        Ok(says)
    }
}

/// A name is cut to what may be sent, between two characters.
fn write_name(w: &mut Writer<'_>, name: &str) {
    let whole = |end: &usize| name.is_char_boundary(*end);
    let end = (0..=name.len().min(MOST_NAME_BYTES)).rev().find(whole).unwrap_or(0);
    w.varint(end as u64);
    w.bytes(&name.as_bytes()[..end]);
}

/// What is not to be shown as text, control characters and what turns the writing direction round, is left out.
fn read_name(r: &mut Reader<'_>) -> Result<String> {
    let len = r.varint()? as usize;
    if len > MOST_NAME_BYTES {
        return Err(Error::data("a name is too long"));
    }
    let name = std::str::from_utf8(r.bytes(len)?).map_err(|_| Error::data("a name is not UTF-8"))?;
    let turns =
        |c: char| matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    Ok(name.chars().filter(|c| !c.is_control() && !turns(*c)).collect())
}

fn read_rect(r: &mut Reader<'_>) -> Result<Rect> {
    let rect = Rect::new(r.varint_u32()?, r.varint_u32()?, r.varint_u32()?, r.varint_u32()?);
    let fits = |at: u32, by: u32| at.checked_add(by).is_some();
    if rect.is_empty() || !fits(rect.x, rect.width) || !fits(rect.y, rect.height) {
        return Err(Error::data("a rectangle that no picture has"));
    }
    Ok(rect)
}

fn read_held(r: &mut Reader<'_>) -> Result<WatcherSays> {
    let size = Size::new(r.varint_u32()?, r.varint_u32()?);
    let rest = r.bytes(r.rest().len())?;
    let (tiles, odd) = rest.as_chunks::<4>();
    if tiles.len() > MOST_HELD || !odd.is_empty() {
        return Err(Error::data("what is held is no picture's tiles"));
    }
    Ok(WatcherSays::Holds(size, tiles.iter().map(|hash| u32::from_le_bytes(*hash)).collect()))
}

fn read_reason(r: &mut Reader<'_>) -> Result<EndReason> {
    EndReason::of_code(r.u8()?).ok_or_else(unknown)
}

fn at_end(r: &Reader<'_>) -> Result<()> {
    if r.is_at_end() { Ok(()) } else { Err(Error::data("a message goes on after its end")) }
}

fn unknown() -> Error {
    Error::data("a message that this version does not know")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{MOST_POINTS, Tool};
    use proptest::prelude::*;

    fn rect() -> impl Strategy<Value = Rect> {
        (0..u32::MAX / 2, 0..u32::MAX / 2, 1..u32::MAX / 2, 1..u32::MAX / 2)
            .prop_map(|(x, y, width, height)| Rect::new(x, y, width, height))
    }

    fn mark() -> impl Strategy<Value = Mark> {
        let point = || (any::<i32>(), any::<i32>());
        let tool = prop::sample::select(vec![Tool::Pen, Tool::Highlight, Tool::Arrow]);
        prop_oneof![
            prop::option::of(point()).prop_map(Mark::Pointer),
            (any::<u32>(), tool, 0..0x100_0000_u32, prop::collection::vec(point(), 1..=MOST_POINTS))
                .prop_map(|(line, tool, colour, points)| Mark::Line { line, tool, colour, points }),
            Just(Mark::Clear),
        ]
    }

    fn watcher_says() -> impl Strategy<Value = WatcherSays> {
        let tiles = prop::collection::vec(any::<u32>(), 0..50);
        let held =
            (any::<[u32; 2]>(), tiles).prop_map(|([w, h], tiles)| WatcherSays::Holds(Size::new(w, h), tiles));
        prop_oneof![
            ("[a-zäß ]{0,30}", prop::sample::select(PURPOSES.to_vec()))
                .prop_map(|(who, purpose)| WatcherSays::Ask { who, purpose }),
            any::<[u64; 2]>().prop_map(|[sequence, held_us]| WatcherSays::Painted { sequence, held_us }),
            Just(WatcherSays::Resync),
            held,
            prop::option::of(rect()).prop_map(WatcherSays::Focus),
            mark().prop_map(WatcherSays::Mark),
            any::<bool>().prop_map(WatcherSays::Pause),
            prop::sample::select(EndReason::ALL.to_vec()).prop_map(WatcherSays::Leave),
        ]
    }

    fn sharer_says() -> impl Strategy<Value = SharerSays> {
        let state = prop::sample::select(StreamState::ALL.to_vec());
        prop_oneof![
            Just(SharerSays::Asking),
            "[a-zäß ]{0,30}".prop_map(|source| SharerSays::Allowed { source }),
            (state, "[a-z]{0,9}").prop_map(|(state, source)| SharerSays::State { state, source }),
            prop::sample::select(EndReason::ALL.to_vec()).prop_map(SharerSays::End),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(ours in watcher_says(), theirs in sharer_says(), cut in any::<prop::sample::Index>()) {
            let (mut a, mut b) = (Vec::new(), Vec::new());
            ours.write(&mut a);
            theirs.write(&mut b);
            prop_assert_eq!(WatcherSays::read(&a).unwrap(), ours);
            prop_assert_eq!(SharerSays::read(&b).unwrap(), theirs);
            a.push(0);
            prop_assert!(WatcherSays::read(&a).is_err(), "something stands behind its end");
            let _ = WatcherSays::read(&a[..cut.index(a.len())]);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = (WatcherSays::read(&bytes), SharerSays::read(&bytes));
        }
    }

    #[test]
    fn names_are_cut_between_characters_and_cleaned() {
        let mut bytes = Vec::new();
        SharerSays::Allowed { source: "ß".repeat(200) }.write(&mut bytes);
        assert_eq!(SharerSays::read(&bytes).unwrap(), SharerSays::Allowed { source: "ß".repeat(128) });
        bytes.clear();
        let who = "Ada\u{202E}\n\u{7}adA".to_owned();
        WatcherSays::Ask { who, purpose: Purpose::Screen }.write(&mut bytes);
        let clean = WatcherSays::Ask { who: "AdaadA".into(), purpose: Purpose::Screen };
        assert_eq!(WatcherSays::read(&bytes).unwrap(), clean);
    }
}
