//! Why a session ends, as the relay is told it, and as this command's failure.

use crate::access::Access;
use crate::failure::Failure;
use crate::sources::printable;
use panecast_protocol::{Refusal, RefusalKind};

/// Why there is no room.
pub(crate) enum NoRoom {
    Unreachable(crate::link::Unreachable),
    Refused(Refusal),
    /// The file with the token is gone.
    NoToken(Failure),
}

/// The relay's refusal as this command's failure.
pub(crate) fn refused(relay: &Access, refusal: &Refusal) -> Failure {
    let next = match refusal.kind {
        RefusalKind::WrongKey => "ask the visitor for the key that is shown now; each is good for one agent",
        RefusalKind::Full => "try again later, or start the relay with higher limits",
        RefusalKind::Version => "install the same version of panecast on both sides",
        RefusalKind::BadMessage => {
            "install the same version of panecast on both sides, and report it if they are"
        }
        RefusalKind::TooManyTries => "wait a minute, then check the key",
        RefusalKind::Declined => "ask the other side whether it wants to",
        RefusalKind::Unavailable => "try again once the other side is there",
        RefusalKind::NotAllowed => "check the tenant and its token",
        RefusalKind::Spent => "ask for a new link",
    };
    Failure::new(format!("{} refuses: {}", relay.url.name(), printable(&refusal.message)), next)
}
