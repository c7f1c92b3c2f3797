//! The channel of two: a key for each direction.

use super::record::{Label, RECORD_OVERHEAD, REPLACEABLE_OVERHEAD, Records};
use super::resume::Once;
use super::{SealError, Secret};
use crate::limits::Limits;
use std::fmt;

/// Who somebody is in a handshake. Either may be the visitor or the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Has the key, the link or the presence at the relay, and waits.
    Host,
    /// Comes.
    Joiner,
}

/// A sealed channel between a host and a joiner. Records are opened in the order in which they were sealed; after
/// anything else the channel has ended, its keys are wiped and every call says [`SealError::Ended`].
///
/// What a newer one replaces, such as a picture for a slow agent, is sealed as replaceable: a relay may drop it, but not
/// change, repeat or move it.
pub struct Pair {
    role: Role,
    limit: usize,
    ends: Option<Box<Ends>>,
}

struct Ends {
    sending: Records,
    receiving: Records,
    sending_replaceable: Records,
    receiving_replaceable: Records,
    ticket: Ticket,
}

/// What a cut pair resumes with: a secret that both derived and nobody sent.
pub struct Ticket {
    pub(super) current: Once,
    /// What this pair was itself resumed with, at the host: as long as the joiner may not have had the answer.
    pub(super) previous: Option<Once>,
}

impl Pair {
    /// `key` has a key for each purpose.
    pub(super) fn new(role: Role, key: impl Fn(&str) -> Secret, limits: &Limits) -> Self {
        let records = |purpose, label| Records::new(&key(purpose), label, 0);
        let mut ends = Ends {
            sending: records("to joiner", Label::ToJoiner),
            receiving: records("to host", Label::ToHost),
            sending_replaceable: records("replaceable to joiner", Label::ReplaceableToJoiner),
            receiving_replaceable: records("replaceable to host", Label::ReplaceableToHost),
            ticket: Ticket { current: Once::new(key("resume")), previous: None },
        };
        if role == Role::Joiner {
            std::mem::swap(&mut ends.sending, &mut ends.receiving);
            std::mem::swap(&mut ends.sending_replaceable, &mut ends.receiving_replaceable);
        }
        Self { role, limit: limits.record_bytes, ends: Some(Box::new(ends)) }
    }

    /// Who this side was in the handshake.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Appends the record of `plain` to `out`: [`RECORD_OVERHEAD`] bytes longer. The kind is the caller's and is sealed
    /// as well.
    ///
    /// # Errors
    /// - [`SealError::TooLong`] for a record over [`Limits::record_bytes`]; `out` and the channel are unchanged.
    /// - [`SealError::Ended`]
    pub fn seal(&mut self, kind: u8, plain: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        let ends = self.ends.as_mut().ok_or(SealError::Ended)?;
        if plain.len() > self.limit.saturating_sub(RECORD_OVERHEAD) {
            return Err(SealError::TooLong);
        }
        ends.sending.seal(kind, plain, out).inspect_err(|_| self.ends = None)
    }

    /// Opens a record where it lies and returns its kind and what it holds. Nothing is decrypted, let alone
    /// decompressed, before all of it has been checked.
    ///
    /// # Errors
    /// After any of them the channel has ended.
    /// - [`SealError::Tampered`] for anything but the record that comes next.
    /// - [`SealError::TooLong`] for one over [`Limits::record_bytes`].
    /// - [`SealError::Ended`]
    pub fn open<'a>(&mut self, record: &'a mut [u8]) -> Result<(u8, &'a [u8]), SealError> {
        self.open_by(record, |ends, record| ends.receiving.open(record))
    }

    /// As [`Self::seal`], for what a newer one replaces: the relay may drop it. [`REPLACEABLE_OVERHEAD`] bytes longer.
    ///
    /// # Errors
    /// As [`Self::seal`].
    pub fn seal_replaceable(&mut self, kind: u8, plain: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        let ends = self.ends.as_mut().ok_or(SealError::Ended)?;
        if plain.len() > self.limit.saturating_sub(REPLACEABLE_OVERHEAD) {
            return Err(SealError::TooLong);
        }
        let after = ends.sending.next();
        let sealed = ends.sending_replaceable.seal_numbered(after, kind, plain, out);
        sealed.inspect_err(|_| self.ends = None)
    }

    /// As [`Self::open`], for a replaceable record. It must have come after all other records that were sealed before it
    /// and before all others; replaceable ones may be missing.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_replaceable<'a>(&mut self, record: &'a mut [u8]) -> Result<(u8, &'a [u8]), SealError> {
        self.open_by(record, |ends, record| {
            ends.receiving_replaceable.open_numbered(ends.receiving.next(), record)
        })
    }

    fn open_by<'a>(
        &mut self,
        record: &'a mut [u8],
        open: impl FnOnce(&mut Ends, &'a mut [u8]) -> Result<(u8, &'a [u8]), SealError>,
    ) -> Result<(u8, &'a [u8]), SealError> {
        let ends = self.ends.as_mut().ok_or(SealError::Ended)?;
        let opened = if record.len() > self.limit { Err(SealError::TooLong) } else { open(ends, record) };
        match opened {
            // The other side has finished the handshake: what was before is forgotten.
            Ok(_) => ends.ticket.previous = None,
            Err(_) => self.ends = None,
        }
        opened
    }

    /// Ends the channel that the network has cut, for what it can be resumed with.
    ///
    /// # Errors
    /// - [`SealError::Ended`]: what was tampered with is not resumed.
    pub fn into_ticket(self) -> Result<Ticket, SealError> {
        self.ends.map(|ends| ends.ticket).ok_or(SealError::Ended)
    }

    /// Keeps what the joiner resumed with until it is heard.
    pub(super) fn remember(&mut self, used: Once) {
        if let Some(ends) = &mut self.ends {
            ends.ticket.previous = Some(used);
        }
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut pair = f.debug_struct("Pair");
        pair.field("role", &self.role);
        if let Some(ends) = &self.ends {
            pair.field("sent", &ends.sending.next()).field("opened", &ends.receiving.next());
        }
        pair.finish_non_exhaustive()
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket(…)")
    }
}
