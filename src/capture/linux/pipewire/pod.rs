//! SPA pods, the values that PipeWire's formats and parameters are written in: built for what is needed here, read with
//! every length checked.

use crate::error::{Error, Result};
use crate::frame::Size;

pub(super) const ID: u32 = 3;
const INT: u32 = 4;
const LONG: u32 = 5;
pub(super) const RECTANGLE: u32 = 10;
pub(super) const FRACTION: u32 = 11;
const OBJECT: u32 = 15;
const CHOICE: u32 = 19;

/// Kinds of a choice: how the values after the first, which is the default, are meant.
const CHOICE_NONE: u32 = 0;
const CHOICE_RANGE: u32 = 1;
const CHOICE_ENUM: u32 = 3;
const CHOICE_FLAGS: u32 = 4;

/// Longest pod that is read: formats have a few hundred bytes.
pub(super) const MOST_BYTES: usize = 64 << 10;
/// Most values of a choice, and properties of an object, that are read.
const MOST_VALUES: usize = 1024;

/// An object being built.
pub(super) struct Object(Vec<u8>);

impl Object {
    pub(super) fn new(object: u32, param: u32) -> Self {
        let mut words = Vec::with_capacity(256);
        // The size is known at the end.
        for word in [0, OBJECT, object, param] {
            words.extend_from_slice(&u32::to_ne_bytes(word));
        }
        Self(words)
    }

    fn words(&mut self, words: &[u32]) {
        words.iter().for_each(|word| self.0.extend_from_slice(&word.to_ne_bytes()));
    }

    fn pad(&mut self) {
        self.0.resize(self.0.len().next_multiple_of(8), 0);
    }

    /// One value.
    fn value(mut self, key: u32, kind: u32, value: &[u32]) -> Self {
        self.words(&[key, 0, 4 * value.len() as u32, kind]);
        self.words(value);
        self.pad();
        self
    }

    fn choice(mut self, key: u32, choice: u32, kind: u32, values: &[&[u32]]) -> Self {
        let each = 4 * values.first().map_or(0, |v| v.len()) as u32;
        self.words(&[key, 0, 16 + each * values.len() as u32, CHOICE, choice, 0, each, kind]);
        values.iter().for_each(|value| self.words(value));
        self.pad();
        self
    }

    pub(super) fn id(self, key: u32, value: u32) -> Self {
        self.value(key, ID, &[value])
    }

    pub(super) fn int(self, key: u32, value: u32) -> Self {
        self.value(key, INT, &[value])
    }

    /// One of these, the first by preference.
    pub(super) fn one_of(self, key: u32, ids: &[u32]) -> Self {
        let first = ids.first().copied().unwrap_or(0);
        let values: Vec<[u32; 1]> =
            std::iter::once(first).chain(ids.iter().copied()).map(|id| [id]).collect();
        let values: Vec<&[u32]> = values.iter().map(|v| &v[..]).collect();
        self.choice(key, CHOICE_ENUM, ID, &values)
    }

    pub(super) fn ints(self, key: u32, wanted: u32, least: u32, most: u32) -> Self {
        self.choice(key, CHOICE_RANGE, INT, &[&[wanted], &[least], &[most]])
    }

    pub(super) fn flags(self, key: u32, bits: u32) -> Self {
        self.choice(key, CHOICE_FLAGS, INT, &[&[bits]])
    }

    pub(super) fn sizes(self, key: u32, wanted: Size, least: Size, most: Size) -> Self {
        let words = [wanted, least, most].map(|size| [size.width, size.height]);
        self.choice(key, CHOICE_RANGE, RECTANGLE, &[&words[0], &words[1], &words[2]])
    }

    pub(super) fn rates(self, key: u32, wanted: (u32, u32), least: (u32, u32), most: (u32, u32)) -> Self {
        let words = [wanted, least, most].map(|(n, d)| [n, d]);
        self.choice(key, CHOICE_RANGE, FRACTION, &[&words[0], &words[1], &words[2]])
    }

    /// The pod, aligned as libpipewire reads it.
    pub(super) fn finish(mut self) -> Vec<u64> {
        let size = (self.0.len() - 8) as u32;
        self.0[..4].copy_from_slice(&size.to_ne_bytes());
        self.pad();
        let (words, _) = self.0.as_chunks::<8>();
        words.iter().map(|word| u64::from_ne_bytes(*word)).collect()
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_ne_bytes(*bytes))
}

/// A property of an object: its values, the default or the only one first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Property {
    pub(super) key: u32,
    pub(super) kind: u32,
    /// Words of all values; two each for a rectangle, a fraction or a long.
    words: Vec<u32>,
    /// The values after the first are a range and no list.
    pub(super) range: bool,
}

impl Property {
    /// The first value of one word.
    pub(super) fn word(&self) -> Option<u32> {
        self.words.first().copied()
    }

    /// All values of one word.
    #[cfg(test)]
    pub(super) fn all(&self) -> &[u32] {
        &self.words
    }

    /// All values of two words.
    pub(super) fn pairs(&self) -> &[[u32; 2]] {
        self.words.as_chunks().0
    }
}

/// The properties of an object, whose bytes begin with the pod's head.
///
/// # Errors
/// - [`crate::ErrorKind::InvalidData`] if they are no object, or a length in them is wrong. Properties of kinds that are
///   not needed here are left out.
pub(super) fn properties(bytes: &[u8]) -> Result<Vec<Property>> {
    let broken = || Error::data("PipeWire gave a format that cannot be read");
    if bytes.len() > MOST_BYTES {
        return Err(broken());
    }
    let size = word(bytes, 0).ok_or_else(broken)? as usize;
    let body = bytes.get(8..).and_then(|rest| rest.get(..size)).ok_or_else(broken)?;
    if word(bytes, 4) != Some(OBJECT) || body.len() < 8 {
        return Err(broken());
    }
    let (mut at, mut found) = (8, Vec::new());
    while at < body.len() {
        let (key, size) =
            (word(body, at).ok_or_else(broken)?, word(body, at + 8).ok_or_else(broken)? as usize);
        let kind = word(body, at + 12).ok_or_else(broken)?;
        let value = body.get(at + 16..).and_then(|rest| rest.get(..size)).ok_or_else(broken)?;
        if found.len() >= MOST_VALUES {
            return Err(broken());
        }
        if let Some(property) = property(key, kind, value).ok_or_else(broken)? {
            found.push(property);
        }
        at = (at + 16 + size).next_multiple_of(8);
    }
    Ok(found)
}

/// `None` if it is broken, `Some(None)` if it is of another kind.
fn property(key: u32, kind: u32, value: &[u8]) -> Option<Option<Property>> {
    let (choice, each, kind, values) = if kind == CHOICE {
        let (choice, each, kind) = (word(value, 0)?, word(value, 8)? as usize, word(value, 12)?);
        (choice, each, kind, value.get(16..)?)
    } else {
        (CHOICE_NONE, value.len(), kind, value)
    };
    let wanted = match kind {
        ID | INT => 4,
        LONG | RECTANGLE | FRACTION => 8,
        _ => return Some(None),
    };
    let count = values.len().checked_div(each)?;
    if each != wanted || count == 0 || count > MOST_VALUES {
        return None;
    }
    let words = values[..count * each].as_chunks::<4>().0.iter().map(|w| u32::from_ne_bytes(*w)).collect();
    Some(Some(Property { key, kind, words, range: choice == CHOICE_RANGE }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(words: &[u64]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_ne_bytes()).collect()
    }

    fn sample() -> Vec<u8> {
        let object = Object::new(0x40003, 3)
            .id(1, 2)
            .one_of(0x20001, &[8, 7])
            .sizes(0x20003, Size::new(640, 480), Size::new(1, 1), Size::new(4096, 4096))
            .rates(0x20004, (30, 1), (0, 1), (120, 1))
            .int(9, 77)
            .flags(6, 6);
        bytes(&object.finish())
    }

    #[test]
    fn what_is_built_is_read() {
        let found = properties(&sample()).expect("an object");
        let keys: Vec<u32> = found.iter().map(|p| p.key).collect();
        assert_eq!(keys, [1, 0x20001, 0x20003, 0x20004, 9, 6]);
        assert_eq!((found[0].word(), found[0].range), (Some(2), false));
        assert_eq!(found[1].all(), [8, 8, 7]);
        assert_eq!(found[2].pairs(), [[640, 480], [1, 1], [4096, 4096]]);
        assert!(found[2].range && found[3].pairs()[0] == [30, 1] && found[4].word() == Some(77));
    }

    #[test]
    fn the_bytes_are_those_of_libpipewires_headers() {
        // Written by spa_pod_builder of PipeWire 0.3.65: Object(Format, EnumFormat) { mediaType: Id video }.
        let expected: [u32; 10] = [32, 15, 0x40003, 3, 1, 0, 4, 3, 2, 0];
        let expected: Vec<u8> = expected.iter().flat_map(|w| w.to_ne_bytes()).collect();
        assert_eq!(bytes(&Object::new(0x40003, 3).id(1, 2).finish()), expected);
    }

    #[test]
    fn broken_pods_are_errors_and_never_more() {
        let good = sample();
        for end in 0..good.len() {
            assert!(properties(&good[..end]).is_err(), "cut off at {end}");
        }
        // Any byte may be any other: an answer comes, and no panic.
        let mut state = 1_u64;
        for at in 0..good.len() {
            for _ in 0..64 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let mut bad = good.clone();
                bad[at] = (state >> 56) as u8;
                bad[(state >> 32) as usize % good.len()] = (state >> 40) as u8;
                if let Ok(found) = properties(&bad) {
                    assert!(found.len() <= good.len() / 16);
                }
            }
        }
        assert!(properties(&vec![0; MOST_BYTES + 8]).is_err());
    }
}
