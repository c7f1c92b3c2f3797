//! The sealed channel: what visitor and agent say to each other through a relay that can neither read nor change it.
//!
//! A **host** waits at the relay and a **joiner** comes; either may be the visitor or the agent. Both exchange three
//! messages, two after a cut, and have a [`Pair`] then:
//!
//! | by | who has it | host's side | joiner's side | Noise |
//! |---|---|---|---|---|
//! | a typed key, perhaps with a link | both people | [`KeyOffer`] | [`Joiner::by_key`] | SPAKE2, then NNpsk0 |
//! | a link's fragment | both browsers or apps | [`SecretOffer::of_link`] | [`Joiner::by_link`] | NNpsk0 |
//! | an agent's pass | the agent; the app has the tenant's key | [`PassOffer`] | [`Joiner::by_pass`] | XN |
//! | a cut session | both sides | [`ResumeOffer`] | [`Resuming`] | NNpsk0 |
//!
//! Pictures are sealed once for all agents, by a [`StreamSealer`] whose key travels through each agent's pair.
//! docs/sealing.md has the messages byte by byte and says what an attacker can do.
//!
//! ```
//! use panecast::Limits;
//! use panecast::frame::Timestamp;
//! use panecast::session::seal::{Joiner, KeyOffer, TypedKey};
//! # fn main() -> Result<(), panecast::Error> {
//! let (limits, now) = (Limits::default(), Timestamp(0));
//! // The visitor's app, which the relay knows as number 4829 of the tenant "acme".
//! let mut offer = KeyOffer::new(TypedKey::draw(4829)?, None, "acme", now, &limits)?;
//! let read_out = offer.key().to_string(); // such as "482 913 507"
//! // The agent types it. Three messages go through the relay.
//! let (joiner, hello) = Joiner::by_key(&read_out.parse()?, "acme", &limits)?;
//! let (answered, answer) = offer.answer(&hello, now)?;
//! let (mut agent, last) = joiner.finish(&answer)?; // here the agent learns of a wrong key
//! let mut visitor = offer.complete(answered, &last, now)?;
//! // From here on, records.
//! let mut record = Vec::new();
//! visitor.seal(7, b"a picture", &mut record)?;
//! assert_eq!(agent.open(&mut record)?, (7, &b"a picture"[..]));
//! # Ok(())
//! # }
//! ```

mod credential;
mod entropy;
mod error;
mod joiner;
mod key;
mod noise;
mod offer;
mod pair;
mod pass;
mod record;
mod resume;
mod stream;
mod text;

pub use credential::Credential;
#[cfg(target_family = "wasm")]
pub use entropy::supply;
pub use error::{PassFault, SealError};
pub use joiner::Joiner;
pub use key::{LinkSecret, LinkText, TypedKey};
pub use offer::{KEY_ANSWERS, KEY_LASTS, KeyAnswered, KeyOffer, SecretAnswered, SecretOffer};
pub use pair::{Pair, Role, Ticket};
pub use pass::{AgentKey, AgentPublic, Pass, PassAnswered, PassOffer, TenantKey, TenantPublic};
pub use record::{RECORD_OVERHEAD, REPLACEABLE_OVERHEAD};
pub use resume::{MOST_FIRST_WORDS, RESUME_LASTS, ResumeOffer, Resumed, Resuming};
pub use stream::{STREAM_OVERHEAD, StreamKey, StreamOpener, StreamSealer};

/// Wiped when it is dropped.
type Secret = zeroize::Zeroizing<[u8; 32]>;
