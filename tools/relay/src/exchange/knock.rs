//! A joiner at the door.
//!
//! Behind a link or a presence a host answers when it likes. At a key everything has one form and one time, so that
//! nobody learns whether the number was of an open key: the first message is answered after [`ANSWERS_AFTER`] with the
//! host's bytes or a decoy's, the second with `wrong-key` after the same time unless the host lets the joiner in.

use super::decoy;
use super::room::{Entry, is_in};
use super::to_joiner::Standing;
use crate::config::Timing;
use crate::refusal::refusal;
use crate::socket::{Gone, Incoming, Reader, Writer, bad};
use axum::body::Bytes;
use axum::extract::ws::Message;
use futures_util::SinkExt;
use panecast_protocol::{Refusal, RefusalKind};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};

/// When each message of one that knocks at a key is answered. A host that takes longer counts as none.
pub(crate) const ANSWERS_AFTER: Duration = Duration::from_millis(1500);

/// Messages of one that knocks: a handshake, and little more.
const MOST_MESSAGES: usize = 8;

/// At a key: what it shows of the PAKE, and what follows from the host's answer.
const MOST_MESSAGES_AT_KEY: usize = 2;

/// Bytes of one of these messages.
const MOST_BYTES: usize = 4 << 10;

/// Somebody who is not let in yet.
pub(crate) struct Knock {
    /// None where a decoy answers.
    entry: Option<Entry>,
    at_key: bool,
    messages: usize,
    /// When the messages that came are answered, at a key.
    due: VecDeque<Instant>,
    answered: usize,
    gives_up: Instant,
    timing: Timing,
}

impl Knock {
    /// At a key, whether or not somebody is behind it.
    pub(crate) fn at_key(entry: Option<Entry>, now: Instant, timing: Timing) -> Self {
        let gives_up = now + timing.handshake;
        Self { entry, at_key: true, messages: 0, due: VecDeque::new(), answered: 0, gives_up, timing }
    }

    /// At a door whose host is there.
    pub(crate) fn at_open_door(entry: Entry, now: Instant, timing: Timing) -> Self {
        let mut knock = Self::at_key(Some(entry), now, timing);
        knock.at_key = false;
        knock
    }

    /// Takes a message of the joiner's.
    async fn take(&mut self, incoming: Incoming) -> Result<(), Gone> {
        let Incoming::Binary(bytes) = incoming else {
            return Err(bad("a joiner says nothing to the relay after its hello"));
        };
        self.messages += 1;
        if self.messages > MOST_MESSAGES || bytes.len() > MOST_BYTES {
            return Err(bad("more than a handshake came before the joiner was let in"));
        }
        self.due.push_back(Instant::now() + ANSWERS_AFTER);
        if let Some(entry) = &self.entry
            && !entry.send(&bytes).await
        {
            self.leave();
        }
        Ok(())
    }

    /// Whether another message is read before the joiner is let in. What follows a key's handshake waits until then.
    fn reads(&self) -> bool {
        !self.at_key || self.messages < MOST_MESSAGES_AT_KEY
    }

    /// From here on nobody, or a decoy, answers.
    fn leave(&mut self) {
        if let Some(entry) = self.entry.take() {
            entry.left(Instant::now());
        }
    }

    /// What is due at a key: the host's answer or a decoy's, then that the key was wrong.
    fn due_answer(&mut self) -> Result<Bytes, Gone> {
        self.due.pop_front();
        self.answered += 1;
        if self.answered > 1 {
            return Err(Gone::Refused(wrong_key()));
        }
        // Made whether or not it is needed, so that both take as long.
        let decoy = decoy::answer();
        match self.entry.as_ref().and_then(|entry| entry.queue.answer()) {
            Some(answer) => Ok(answer),
            None => {
                self.leave();
                decoy.map(Bytes::from).ok_or_else(|| Gone::Refused(wrong_key()))
            }
        }
    }

    /// What a host behind an open door has for the joiner by now.
    fn answer(&mut self) -> Result<Option<Bytes>, Gone> {
        let gone =
            || Gone::Refused(refusal(RefusalKind::Unavailable, "the other side is not there any more"));
        let entry = self.entry.as_ref().ok_or_else(gone)?;
        if let Some(bytes) = entry.queue.answer() {
            return Ok(Some(bytes));
        }
        match entry.queue.standing() {
            Standing::Refused(refusal) => Err(Gone::Refused(refusal)),
            _ if entry.queue.is_closed() => Err(gone()),
            _ => Ok(None),
        }
    }

    async fn send(&self, writer: &mut Writer, bytes: Bytes) -> Result<(), Gone> {
        let count = bytes.len();
        match timeout(self.timing.dead, writer.send(Message::Binary(bytes))).await {
            Ok(Ok(())) => {
                if let Some(entry) = &self.entry {
                    entry.wrote(count);
                }
                Ok(())
            }
            _ => Err(Gone::Left),
        }
    }

    fn refused(&self) -> Refusal {
        if self.at_key {
            wrong_key()
        } else {
            refusal(RefusalKind::Unavailable, "the other side did not answer")
        }
    }
}

impl Drop for Knock {
    fn drop(&mut self) {
        self.leave();
    }
}

fn wrong_key() -> Refusal {
    refusal(RefusalKind::WrongKey, super::WRONG_KEY)
}

/// Passes the handshake to and fro until the host lets the joiner in.
pub(crate) async fn at_the_door(
    mut knock: Knock,
    reader: &mut Reader,
    writer: &mut Writer,
) -> Result<Entry, Gone> {
    loop {
        if let Some(entry) = knock.entry.take_if(|entry| is_in(&entry.queue)) {
            return Ok(entry);
        }
        if !knock.at_key {
            while let Some(bytes) = knock.answer()? {
                knock.send(writer, bytes).await?;
            }
            if knock.entry.as_ref().is_some_and(|entry| is_in(&entry.queue)) {
                continue;
            }
        }
        let due = if knock.at_key { knock.due.front().copied() } else { None };
        let changed = async {
            match &knock.entry {
                Some(entry) => entry.queue.changed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = changed => {}
            () = sleep_until(due.unwrap_or(knock.gives_up)) => {
                if due.is_none() {
                    return Err(Gone::Refused(knock.refused()));
                }
                let bytes = knock.due_answer()?;
                knock.send(writer, bytes).await?;
            }
            incoming = reader.next(), if knock.reads() => knock.take(incoming?).await?,
        }
    }
}
