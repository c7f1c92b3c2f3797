//! Sends one-time links to phones, so that an agent sees a camera: [`LinkSender`] is where a provider of short messages is
//! plugged in, [`Webhook`] takes any gateway, [`Outbox`] is for development, [`service`] is what an agent's page asks.
//!
//! Never inside a relay: whoever sends a link sees its secret, and a relay must not (docs/privacy.md).

pub mod command;
mod message;
mod number;
mod outbox;
mod quota;
mod sender;
pub mod service;
mod webhook;

pub use message::{LINK_LASTS, LinkMessage};
pub use number::PhoneNumber;
pub use outbox::Outbox;
pub use sender::{LinkSender, SendError, Sending};
pub use webhook::{Webhook, signature};
