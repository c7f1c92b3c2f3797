//! The relay: rooms by session key between one visitor and several agents, over WebSocket, and the agent page.
//!
//! ```text
//! visitor ── /ws/visitor ─┐            ┌─ /ws/agent ── agent 1 (queue of its own)
//!                         ├─ [`Room`] ─┤
//!            resume, grace┘            └─ /ws/agent ── agent 2 (queue of its own)
//! ```
//!
//! It passes packets on and never reads them. Whatever comes from a connection is hostile: each message has a
//! size limit, each queue a bound, each peer a time within which it must show life.

mod agent;
pub mod command;
mod config;
mod http;
mod page;
mod queue;
mod room;
mod rooms;
mod server;
mod socket;
mod tries;
mod visitor;

pub use config::{Config, RelayLimits, Timing};
pub use page::Page;
pub use server::{Relay, RelayError};
