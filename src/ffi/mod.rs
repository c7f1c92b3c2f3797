//! Stage 6 of 6. In: calls from C, Kotlin and Swift. Out: the same objects, verbs, numbers and defaults behind each door.
//!
//! What stands here is safe Rust that all doors share: statuses, frames, a grant that can be taken back, a share with a
//! queue or a callback. `c` is the C ABI (feature `capi`); every other door mirrors the same objects.

mod bell;
#[cfg(feature = "capi")]
pub mod c;
pub mod encoder;
pub mod grant;
pub mod host;
pub mod joiner;
pub mod link;
pub mod share;
pub mod status;
#[cfg(feature = "uniffi")]
pub mod uniffi;

pub use encoder::FrameEncoder;
pub use grant::{Grant, Source, ask};
pub use host::{Host, HostConfig, HostEvent};
pub use joiner::{Joiner, JoinerEvent};
pub use link::{Link, LinkGoal, RelayAddress};
pub use share::Share;
pub use status::Status;
