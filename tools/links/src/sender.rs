//! Where a provider of short messages is plugged in.

use crate::message::LinkMessage;
use std::fmt;
use std::pin::Pin;

/// A message on its way.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<(), SendError>> + Send + 'a>>;

/// Sends links to phones.
pub trait LinkSender: Send + Sync + fmt::Debug {
    /// Sends one message, or says why it was not sent. The same message may come twice (`LinkMessage::id`): it is to be
    /// sent once.
    fn send<'a>(&'a self, message: &'a LinkMessage) -> Sending<'a>;
}

/// Why a message was not sent. The sentences are for logs and agents; no secret is in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The provider does not take it, and will not the next time.
    Refused(String),
    /// The provider cannot be reached or fails; it may take it later.
    Unreachable(String),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) => write!(f, "the link was not taken: {why}"),
            Self::Unreachable(why) => write!(f, "the link could not be sent: {why}"),
        }
    }
}

impl std::error::Error for SendError {}
