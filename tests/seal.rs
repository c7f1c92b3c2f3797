//! The sealed channel against everything that a relay between the two can do.

#[path = "seal/keys.rs"]
mod keys;
#[path = "seal/passes.rs"]
mod passes;
#[path = "seal/records.rs"]
mod records;
#[path = "seal/resume.rs"]
mod resume;
#[path = "seal/streams.rs"]
mod streams;
#[path = "seal/wire.rs"]
mod wire;

use panecast::Limits;
use panecast::frame::Timestamp;
use panecast::session::seal::{Joiner, KeyOffer, LinkSecret, Pair, SecretOffer, TypedKey};
use std::time::Duration;

const TENANT: &str = "acme";

fn limits() -> Limits {
    Limits::default()
}

fn seconds(s: u64) -> Timestamp {
    Timestamp(0) + Duration::from_secs(s)
}

/// A host and a joiner that have shaken hands by a typed key.
fn pairs() -> (Pair, Pair) {
    let mut offer =
        KeyOffer::new(TypedKey::draw(1234).unwrap(), None, TENANT, seconds(0), &limits()).unwrap();
    let key = offer.key().to_string().parse().unwrap();
    let (joiner, hello) = Joiner::by_key(&key, TENANT, &limits()).unwrap();
    let (answered, answer) = offer.answer(&hello, seconds(1)).unwrap();
    let (joined, last) = joiner.finish(&answer).unwrap();
    (offer.complete(answered, &last, seconds(2)).unwrap(), joined)
}

/// The same by a link, which costs less.
fn linked() -> (Pair, Pair) {
    let link = LinkSecret::draw().unwrap();
    let mut offer = SecretOffer::of_link(&link, TENANT, 1, seconds(9), &limits()).unwrap();
    let (joiner, hello) = Joiner::by_link(&link, TENANT, &limits()).unwrap();
    let (answered, answer) = offer.answer(&hello, seconds(1)).unwrap();
    let (joined, last) = joiner.finish(&answer).unwrap();
    (offer.complete(answered, &last, seconds(2)).unwrap(), joined)
}

fn sealed(from: &mut Pair, text: &[u8]) -> Vec<u8> {
    let mut record = Vec::new();
    from.seal(3, text, &mut record).unwrap();
    record
}

fn say(from: &mut Pair, to: &mut Pair, text: &[u8]) {
    assert_eq!(to.open(&mut sealed(from, text)), Ok((3, text)));
}

/// Both can say something to each other, more than once.
fn assert_talk(a: &mut Pair, b: &mut Pair) {
    for turn in 0..3 {
        say(a, b, &vec![turn; usize::from(turn) * 100]);
        say(b, a, b"and back");
    }
}

/// A hundred messages of up to 20 bytes.
fn texts() -> impl Iterator<Item = Vec<u8>> {
    (0..100_usize).map(|i| (0..i * 7 % 21).map(|at| (at * 31 + i) as u8).collect())
}
