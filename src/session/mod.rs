//! Stage 5 of 6. In: what people and the network say. Out: who may see what, and when. No socket, no clock.
#![forbid(unsafe_code)]

pub mod flow;
pub mod link;
mod rate;
pub mod seal;
pub mod state;

pub use crate::consent::{CaptureGrant, Consent, Decision, Purpose, Revoke};
pub use flow::{Flow, Place, ViewerId};
pub use state::{Liveness, StreamState};
