//! What a relay says when it refuses, and the random bits without which it must.

use panecast_protocol::{Refusal, RefusalKind};

/// A refusal with its sentence.
pub(crate) fn refusal(kind: RefusalKind, message: &str) -> Refusal {
    Refusal { kind, message: message.into() }
}

/// There are as many rooms as the relay, or the tenant, may have.
pub(crate) fn no_room_left() -> Refusal {
    refusal(RefusalKind::Full, "the relay has no room left; try again later")
}

/// Bits from the operating system.
///
/// # Errors
/// A refusal for whoever asked, where the system gives none.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Refusal> {
    let mut bits = [0; N];
    getrandom::fill(&mut bits).map_err(|e| {
        tracing::error!("no randomness from the operating system: {e}");
        refusal(RefusalKind::Full, "the relay cannot make a key now; try again later")
    })?;
    Ok(bits)
}
