//! Stage 5 of 6. In: what people and the network say. Out: who may see what, and when. No socket, no clock.
//!
//! [`Sharer`] is the end whose pixels are shown, [`Watcher`] the end that sees them; the visitor and the agent may each be
//! either. What they say to each other is sealed ([`seal`]) before any transport sees it.
#![forbid(unsafe_code)]

mod door;
mod ending;
mod film;
pub mod flow;
pub mod link;
mod mark;
mod message;
mod rate;
mod record;
#[cfg(feature = "relay")]
pub mod relay;
pub mod seal;
mod sharer;
pub mod state;
mod watcher;

pub use crate::consent::{CaptureGrant, Consent, Decision, Purpose, Revoke};
pub use door::{Door, DoorId};
pub use ending::EndReason;
pub use film::{FilmFeed, FilmPacket, FilmUnit, FilmWants};
pub use flow::{Flow, Place, ViewerId};
pub use mark::{MOST_POINTS, Mark, Point, Tool};
pub use message::{MOST_HELD, MOST_NAME_BYTES};
pub use sharer::{
    ANSWER_WITHIN, ASKER_BACK_WITHIN, BACK_WITHIN, Lane, MOST_WATCHERS, Question, SHAKE_WITHIN, Sharer,
    SharerOutput, ViewerEvent,
};
pub use state::{CameraLife, Liveness, StreamState};
pub use watcher::{Watcher, WatcherOutput};
