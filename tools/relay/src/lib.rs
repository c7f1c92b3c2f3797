//! The relay: brings hosts and the joiners that come through their doors together, over WebSocket, and serves the page.
//!
//! ```text
//! host ── /ws/host ─┐               ┌─ /ws/join ── joiner 1 (queue of its own)
//!                   ├─ [`exchange`] ─┤
//!     resume, grace ┘      │        └─ /ws/join ── joiner 2 (queue of its own)
//!                          └─────────── /ws/watch ─ lookout: told when doors open and close
//! ```
//!
//! It passes sealed bytes on and cannot read them. Whatever comes from a connection is hostile: each message has a
//! size limit, each queue a bound, each peer a time within which it must show life.

mod agents;
mod cluster;
pub mod command;
mod config;
mod exchange;
mod forwarded;
mod http;
mod jwks;
mod metrics;
mod page;
mod quota;
mod refusal;
mod server;
mod socket;
mod tenants;
mod tls;

pub use cluster::{ClusterConfig, ClusterSecret};
pub use config::{Config, RelayLimits, Timing};
pub use forwarded::{ForwardedHeader, Network, Proxies};
pub use page::Page;
pub use server::{Loopback, Relay, RelayError};
pub use tenants::{Tenants, TenantsError};
pub use tls::Tls;
