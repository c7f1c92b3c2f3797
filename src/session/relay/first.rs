//! First messages that go with the request for the WebSocket: a round trip less.

use super::Message;
use panecast_protocol::{Early, SUBPROTOCOL};

/// Where first messages have gone with the request once, each fourth try in a row goes without: the relay may be another by now.
const PLAIN_EVERY: u32 = 4;

/// What of the first messages goes with the request, and what is known of the way there.
#[derive(Debug, Default)]
pub(super) struct First {
    /// Some have passed.
    passes: bool,
    /// Something answers that takes none.
    never: bool,
    /// The last try had some.
    tried: bool,
    /// Tries since a connection opened.
    tries: u32,
    offer: Option<Offer>,
}

/// What the next connection begins with.
#[derive(Debug)]
struct Offer {
    hello: String,
    proof: Option<Vec<u8>>,
    /// What goes with the request of it; `None`: the request has no sub-protocol.
    early: Option<Early>,
}

/// How a connection has begun.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Opened {
    /// These are still to be sent.
    Rest(Vec<Message>),
    /// What answered has not taken what went with the request, and may have passed it on: another connection is to begin anew.
    NotTaken,
}

impl First {
    /// Whether an offer waits for its connection.
    pub(super) fn is_offered(&self) -> bool {
        self.offer.is_some()
    }

    /// The entries of `Sec-WebSocket-Protocol` for a request that these messages follow; none if they are to be sent after it.
    /// Until one has passed, every other try has some.
    pub(super) fn offer(&mut self, hello: String, proof: Option<Vec<u8>>) -> Vec<String> {
        self.tries = self.tries.wrapping_add(1);
        self.tried =
            !self.never && if self.passes { !self.tries.is_multiple_of(PLAIN_EVERY) } else { !self.tried };
        let early = self.tried.then(|| Early::of(&hello, proof.as_deref()));
        self.offer = Some(Offer { hello, proof, early });
        self.entries()
    }

    /// The entries of the offer that waits.
    pub(super) fn entries(&self) -> Vec<String> {
        let early = self.offer.as_ref().and_then(|offer| offer.early.as_ref());
        early.map_or_else(Vec::new, |early| early.header().split(", ").map(str::to_owned).collect())
    }

    /// The connection of the offer is there, by the sub-protocol that its answer names.
    pub(super) fn opened(&mut self, protocol: Option<&str>) -> Opened {
        let Some(Offer { hello, proof, early }) = self.offer.take() else { return Opened::Rest(Vec::new()) };
        self.tries = 0;
        let early = match early {
            Some(_) if protocol != Some(SUBPROTOCOL) => {
                self.never = true;
                return Opened::NotTaken;
            }
            Some(early) => {
                self.passes = true;
                early
            }
            None => Early::default(),
        };
        let hello = early.hello.is_none().then_some(Message::Text(hello));
        let proof = proof.filter(|_| early.proof.is_none()).map(Message::Binary);
        Opened::Rest(hello.into_iter().chain(proof).collect())
    }

    /// The connection is gone, or there was none to be had.
    pub(super) fn cut(&mut self) {
        self.offer = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(first: &mut First) -> Vec<String> {
        first.offer("{}".into(), Some(vec![0xfb, 0xff, 0]))
    }

    #[test]
    fn what_the_relay_takes_is_not_sent_again() {
        let mut first = First::default();
        assert_eq!(offer(&mut first), ["panecast", "hello.e30", "proof.-_8A"]);
        assert_eq!((first.entries().len(), first.is_offered()), (3, true));
        assert_eq!(first.opened(Some("panecast")), Opened::Rest(Vec::new()));
        assert!(!first.is_offered());
        let long = vec![7; 5000];
        let entries = first.offer("{}".into(), Some(long.clone()));
        assert_eq!(entries, ["panecast", "hello.e30"]);
        assert_eq!(first.opened(Some("panecast")), Opened::Rest(vec![Message::Binary(long)]));
    }

    #[test]
    fn a_relay_that_takes_none_is_asked_without() {
        for answer in [None, Some(""), Some("chat")] {
            let mut first = First::default();
            assert_eq!(offer(&mut first).len(), 3);
            assert_eq!(first.opened(answer), Opened::NotTaken);
            for _ in 0..3 {
                assert!(offer(&mut first).is_empty());
                let rest = vec![Message::Text("{}".into()), Message::Binary(vec![0xfb, 0xff, 0])];
                assert_eq!(first.opened(answer), Opened::Rest(rest));
            }
        }
    }

    #[test]
    fn tries_that_fail_go_without_in_turn() {
        let mut first = First::default();
        let tries = |first: &mut First, count| -> Vec<bool> {
            (0..count)
                .map(|_| {
                    let some = !offer(first).is_empty();
                    first.cut();
                    some
                })
                .collect()
        };
        assert_eq!(tries(&mut first, 4), [true, false, true, false]);
        assert!(!offer(&mut first).is_empty());
        assert_eq!(first.opened(Some("panecast")), Opened::Rest(Vec::new()));
        assert_eq!(tries(&mut first, 8), [true, true, true, false, true, true, true, false]);
    }
}
