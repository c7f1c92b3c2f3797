//! The channel of two: a key for each direction.

use super::record::{Label, RECORD_OVERHEAD, Records};
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
pub struct Pair {
    role: Role,
    limit: usize,
    ends: Option<Ends>,
}

struct Ends {
    sending: Records,
    receiving: Records,
    ticket: Ticket,
}

/// What a cut pair resumes with: a secret that both derived and nobody sent.
pub struct Ticket {
    pub(super) current: Secret,
    /// What this pair was itself resumed with, as long as the host may not have seen the end of that handshake.
    pub(super) previous: Option<Secret>,
}

impl Pair {
    pub(super) fn new(
        role: Role,
        to_host: &Secret,
        to_joiner: &Secret,
        resume: Secret,
        limits: &Limits,
    ) -> Self {
        let to_host = Records::new(to_host, Label::ToHost, 0);
        let to_joiner = Records::new(to_joiner, Label::ToJoiner, 0);
        let (sending, receiving) = match role {
            Role::Host => (to_joiner, to_host),
            Role::Joiner => (to_host, to_joiner),
        };
        let ticket = Ticket { current: resume, previous: None };
        Self { role, limit: limits.record_bytes, ends: Some(Ends { sending, receiving, ticket }) }
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
        let ends = self.ends.as_mut().ok_or(SealError::Ended)?;
        let opened =
            if record.len() > self.limit { Err(SealError::TooLong) } else { ends.receiving.open(record) };
        match opened {
            // The host has finished the handshake, so it has forgotten what was before.
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

    /// Keeps what the joiner resumed with until it hears from the host.
    pub(super) fn remember(&mut self, used: Secret) {
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
