//! The relay: rooms by session key between one visitor and several agents, over WebSocket, and the agent page.
//!
//! ```text
//! visitor ── /ws/visitor ─┐            ┌─ /ws/agent ── agent 1 (queue of its own)
//!                         ├─ [`Room`] ─┤
//!            resume, grace┘            └─ /ws/agent ── agent 2 (queue of its own)
//! ```
//!
//! Version 3 of the protocol knows hosts and joiners instead, and lives beside it in [`exchange`].
//!
//! It passes packets on and never reads them. Whatever comes from a connection is hostile: each message has a
//! size limit, each queue a bound, each peer a time within which it must show life.

mod agent;
mod agents;
pub mod command;
mod config;
mod exchange;
mod http;
mod metrics;
mod page;
mod queue;
mod room;
mod rooms;
mod server;
mod socket;
mod tenants;
mod tls;
mod tries;
mod visitor;

pub use config::{Config, RelayLimits, Timing};
pub use page::Page;
pub use server::{Loopback, Relay, RelayError};
pub use tenants::{Tenants, TenantsError};
pub use tls::Tls;
