//! Stage 5 of 6. In: what people and the network say. Out: who may see what, and when. No socket, no clock.

pub mod consent;

pub use consent::{Allowed, Consent, Decision};
