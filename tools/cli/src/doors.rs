//! What is said on the command line of the ways in: a visitor's id, and whose passes are good.

use crate::failure::Failure;
use panecast::session::relay::MOST_VISITOR_BYTES;
use panecast::session::seal::TenantPublic;

/// A visitor's id as it is given on the command line.
pub(crate) fn visitor_id(text: &str) -> Result<String, String> {
    let sound = (1..=MOST_VISITOR_BYTES).contains(&text.len()) && !text.chars().any(char::is_control);
    if sound {
        Ok(text.to_owned())
    } else {
        Err(format!("a visitor's id has 1 to {MOST_VISITOR_BYTES} bytes"))
    }
}

/// The public half of a tenant's key: as text, or in a file of its own.
pub(crate) fn tenant_public(text: &str) -> Result<TenantPublic, Failure> {
    if let Ok(key) = text.parse() {
        return Ok(key);
    }
    let next =
        "give the public half that `panecast pass keygen` printed, or the file that it wrote it to (.pub)";
    let read = std::fs::read_to_string(text).map_err(|e| Failure::from(e).about(text).with_next(next))?;
    read.trim().parse().map_err(|_| Failure::new(format!("{text} holds no tenant's public key"), next))
}
