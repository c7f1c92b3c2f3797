//! Pictures for all agents at once: sealed once, whoever has the stream's key opens them.
//!
//! The key goes to each agent through its [`Pair`](super::Pair). What one agent gets must keep its order: the key of a
//! generation before the generation's first record, and with a snapshot for one agent a key that says where to go on.

use super::record::{Label, RECORD_OVERHEAD, Records};
use super::{SealError, Secret, entropy};
use crate::limits::Limits;
use std::fmt;
use zeroize::Zeroizing;

/// What a stream's record is longer than what it holds.
pub const STREAM_OVERHEAD: usize = 1 + RECORD_OVERHEAD;

/// What an agent needs to open a stream from one record on. It travels sealed in a pair.
#[derive(Clone)]
pub struct StreamKey {
    generation: u32,
    next: u64,
    key: Secret,
}

impl StreamKey {
    /// Bytes of it on the wire.
    pub const BYTES: usize = 4 + 8 + 32;

    /// Generation (4 bytes), the next record's number (8), both little endian, and the key (32).
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; Self::BYTES]> {
        let mut bytes = Zeroizing::new([0; Self::BYTES]);
        bytes[..4].copy_from_slice(&self.generation.to_le_bytes());
        bytes[4..12].copy_from_slice(&self.next.to_le_bytes());
        bytes[12..].copy_from_slice(self.key.as_slice());
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    /// - [`SealError::Malformed`] for another length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SealError> {
        let bytes: &[u8; Self::BYTES] = bytes.try_into().map_err(|_| SealError::Malformed)?;
        let (mut generation, mut next, mut key) = ([0; 4], [0; 8], Zeroizing::new([0; 32]));
        generation.copy_from_slice(&bytes[..4]);
        next.copy_from_slice(&bytes[4..12]);
        key.copy_from_slice(&bytes[12..]);
        Ok(Self { generation: u32::from_le_bytes(generation), next: u64::from_le_bytes(next), key })
    }
}

impl fmt::Debug for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = f.debug_struct("StreamKey");
        key.field("generation", &self.generation).field("next", &self.next).finish_non_exhaustive()
    }
}

/// The side that shares.
#[derive(Debug)]
pub struct StreamSealer {
    generation: u32,
    key: Hidden,
    records: Records,
    limit: usize,
}

impl StreamSealer {
    /// Begins the first generation.
    ///
    /// # Errors
    /// - [`SealError::NoEntropy`]
    pub fn new(limits: &Limits) -> Result<Self, SealError> {
        Self::begin(0, limits.record_bytes)
    }

    fn begin(generation: u32, limit: usize) -> Result<Self, SealError> {
        let key = Hidden(Zeroizing::new(entropy::draw()?));
        let records = Records::new(&key.0, Label::Stream { generation }, 0);
        Ok(Self { generation, key, records, limit })
    }

    /// Begins the next generation, when an agent has left or was thrown out, or a pause purged what was shown: who has no
    /// more than the old key opens nothing from here on. All who stay need [`Self::key`] before the next record.
    ///
    /// # Errors
    /// - [`SealError::NoEntropy`]; the old generation goes on.
    /// - [`SealError::Ended`] after the last of 2³² generations.
    pub fn rotate(&mut self) -> Result<(), SealError> {
        *self = Self::begin(self.generation.checked_add(1).ok_or(SealError::Ended)?, self.limit)?;
        Ok(())
    }

    /// What an agent needs to open the stream from the next record on.
    #[must_use]
    pub fn key(&self) -> StreamKey {
        StreamKey { generation: self.generation, next: self.records.next(), key: self.key.0.clone() }
    }

    /// Appends the record of `plain` to `out`: [`STREAM_OVERHEAD`] bytes longer.
    ///
    /// # Errors
    /// - [`SealError::TooLong`] for a record over [`Limits::record_bytes`]; `out` and the stream are unchanged.
    /// - [`SealError::Ended`] after 2⁶⁴ records.
    pub fn seal(&mut self, kind: u8, plain: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        if plain.len() > self.limit.saturating_sub(STREAM_OVERHEAD) {
            return Err(SealError::TooLong);
        }
        let start = out.len();
        out.reserve(plain.len() + STREAM_OVERHEAD);
        out.push(self.generation as u8);
        self.records.seal(kind, plain, out).inspect_err(|_| out.truncate(start))
    }
}

struct Hidden(Secret);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// An agent's side of a stream.
#[derive(Debug)]
pub struct StreamOpener {
    state: State,
    /// No record before it is opened, whatever key comes.
    least: (u32, u64),
    limit: usize,
}

#[derive(Debug)]
enum State {
    Waiting,
    Following(Records),
    Ended,
}

impl StreamOpener {
    /// Waits for its first key.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self { state: State::Waiting, least: (0, 0), limit: limits.record_bytes }
    }

    /// Goes on at the record that `key` names.
    ///
    /// # Errors
    /// - [`SealError::Tampered`] if that is before what has been opened; the stream has ended.
    /// - [`SealError::Ended`]
    pub fn follow(&mut self, key: &StreamKey) -> Result<(), SealError> {
        if matches!(self.state, State::Ended) {
            return Err(SealError::Ended);
        }
        let place = (key.generation, key.next);
        if place < self.place() {
            self.state = State::Ended;
            return Err(SealError::Tampered);
        }
        let label = Label::Stream { generation: key.generation };
        self.least = place;
        self.state = State::Following(Records::new(&key.key, label, key.next));
        Ok(())
    }

    /// Waits for a key again, after a cut: what comes before it is dropped.
    pub fn wait(&mut self) {
        self.least = self.place();
        if !matches!(self.state, State::Ended) {
            self.state = State::Waiting;
        }
    }

    /// Opens a record where it lies and returns its kind and what it holds, `None` while no key is here: such a record
    /// is not for this agent.
    ///
    /// # Errors
    /// After any of them the stream has ended.
    /// - [`SealError::Tampered`] for anything but the record that comes next.
    /// - [`SealError::OtherGeneration`] for a record of a generation whose key is not the one that is here.
    /// - [`SealError::TooLong`] for one over [`Limits::record_bytes`].
    /// - [`SealError::Ended`]
    pub fn open<'a>(&mut self, record: &'a mut [u8]) -> Result<Option<(u8, &'a [u8])>, SealError> {
        let opened = match &mut self.state {
            State::Waiting => return Ok(None),
            State::Ended => return Err(SealError::Ended),
            State::Following(_) if record.len() > self.limit => Err(SealError::TooLong),
            State::Following(records) => match record.split_first_mut() {
                None => Err(SealError::Tampered),
                Some((&mut named, _)) if named != self.least.0 as u8 => Err(SealError::OtherGeneration),
                Some((_, sealed)) => records.open(sealed).map(Some),
            },
        };
        if opened.is_err() {
            self.state = State::Ended;
        }
        opened
    }

    fn place(&self) -> (u32, u64) {
        match &self.state {
            State::Following(records) => (self.least.0, records.next()),
            _ => self.least,
        }
    }
}
