//! The page's end of a session: what arrives is opened here, and packets wait here for the decoder beside it.

use panecast::frame::{Rect, Size, Timestamp};
use panecast::session::seal::{Credential, Joiner, LinkText, TypedKey};
use panecast::session::{EndReason, Mark, Purpose, Watcher, WatcherOutput};
use panecast::{Error, ErrorKind, Limits, Result};
use std::collections::VecDeque;

/// More than the acknowledgements ever let through: two updates, each as large as a whole picture.
const MOST_BYTES: usize = 64 << 20;
const MOST_PACKETS: usize = 1024;

/// What the page is told, in the order in which it happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// To be sent: opaque bytes.
    Send(Vec<u8>),
    /// The key was right: nobody between can read what follows.
    Sealed,
    /// The person at the other end is being asked.
    Asking,
    /// Allowed; with what is shown.
    Allowed(String),
    /// The picture's state by its stable name, and what is shown.
    State(&'static str, String),
    /// A packet waits for the decoder.
    Packet {
        /// It starts the stream over: all that waited before it is gone.
        starts_over: bool,
    },
    /// More packets waited than may; all are gone, and the decoder must ask for a snapshot.
    Overflow,
    /// Let in again after a cut: what the decoder lacks follows.
    Back,
    /// Over, by the reason's stable name.
    Ended(&'static str),
}

/// The door at which a seat knocks, as the relay is asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Knocked {
    /// A key, by its number.
    Key(u16),
    /// A link, by its id.
    Link(String),
}

/// A seat in a session.
#[derive(Debug)]
pub struct Seat {
    watcher: Watcher,
    waiting: VecDeque<(bool, Vec<u8>)>,
    waiting_bytes: usize,
    /// What comes is of no use until the stream starts over.
    skipping: bool,
}

impl Seat {
    /// Knocks with a typed key at a host of `tenant`. Also returns the key's number, which the relay is asked for.
    ///
    /// # Errors
    /// - [`ErrorKind::InvalidInput`] if the text is no key.
    /// - as the handshake's beginning, where there is no randomness.
    pub fn knock(key: &str, who: &str, tenant: &str, now: Timestamp, limits: Limits) -> Result<(Self, u16)> {
        let key: TypedKey =
            key.parse().map_err(|_| Error::new(ErrorKind::InvalidInput, "a key has nine digits"))?;
        let joiner = Joiner::by_key(&key, tenant, &limits)?;
        Ok((Self::of(Watcher::knock(joiner, who, Purpose::Screen, now, limits)), key.number()))
    }

    /// Knocks with a pass at the presence of `visitor`, to see a window of its or the screen.
    ///
    /// # Errors
    /// - as the handshake's beginning: a visitor's name that is too long, no randomness.
    pub fn ask(
        has: &Credential,
        visitor: &str,
        purpose: Purpose,
        now: Timestamp,
        limits: Limits,
    ) -> Result<Self> {
        let joiner = Joiner::by_pass(has.pass(), has.key(), visitor, &limits)?;
        Ok(Self::of(Watcher::knock(joiner, has.pass().name(), purpose, now, limits)))
    }

    fn of(watcher: Watcher) -> Self {
        Self { watcher, waiting: VecDeque::new(), waiting_bytes: 0, skipping: true }
    }

    /// Knocks by what stands behind the `#` of a link, with the typed key where the link needs one. Also returns the door
    /// that the relay is asked for.
    ///
    /// # Errors
    /// - [`ErrorKind::InvalidInput`] if the text is no link, or a key is needed and there is none.
    /// - as the handshake's beginning, where there is no randomness.
    pub fn knock_by_link(
        (link, key): (&str, &str),
        who: &str,
        tenant: &str,
        purpose: Purpose,
        now: Timestamp,
        limits: Limits,
    ) -> Result<(Self, Knocked)> {
        let bad = |message| move |_| Error::new(ErrorKind::InvalidInput, message);
        let link: LinkText = link.parse().map_err(bad("this is no link's text"))?;
        let (joiner, knocked) = if link.with_key {
            let key: TypedKey = key.parse().map_err(bad("a key has nine digits"))?;
            let number = key.number();
            (Joiner::by_key_and_link(&key, &link.secret, tenant, &limits)?, Knocked::Key(number))
        } else {
            (Joiner::by_link(&link.secret, tenant, &limits)?, Knocked::Link(link.secret.door_id()))
        };
        Ok((Self::of(Watcher::knock(joiner, who, purpose, now, limits)), knocked))
    }

    /// Bytes from the other end; they are opened where they lie.
    pub fn received(&mut self, bytes: &mut [u8], now: Timestamp) {
        self.watcher.received(bytes, now);
    }

    /// What happened next; `None` until something happens.
    pub fn poll(&mut self) -> Option<Told> {
        loop {
            return Some(match self.watcher.poll()? {
                WatcherOutput::Send(bytes) => Told::Send(bytes),
                WatcherOutput::Sealed => Told::Sealed,
                WatcherOutput::Asking => Told::Asking,
                WatcherOutput::Allowed { source } => Told::Allowed(source),
                WatcherOutput::State { state, source } => Told::State(state.name(), source),
                WatcherOutput::Back => Told::Back,
                WatcherOutput::Ended(reason) => Told::Ended(reason.name()),
                WatcherOutput::Packet { starts_over, bytes } => match self.put(starts_over, bytes) {
                    Some(told) => told,
                    None => continue,
                },
            });
        }
    }

    fn put(&mut self, starts_over: bool, bytes: Vec<u8>) -> Option<Told> {
        if starts_over {
            self.drop_packets();
            self.skipping = false;
        }
        if self.skipping {
            return None;
        }
        if self.waiting.len() == MOST_PACKETS || self.waiting_bytes + bytes.len() > MOST_BYTES {
            self.drop_packets();
            return Some(Told::Overflow);
        }
        self.waiting_bytes += bytes.len();
        self.waiting.push_back((starts_over, bytes));
        Some(Told::Packet { starts_over })
    }

    /// The oldest packet that waits, and whether it starts the stream over.
    pub fn take(&mut self) -> Option<(bool, Vec<u8>)> {
        let packet = self.waiting.pop_front();
        self.waiting_bytes -= packet.as_ref().map_or(0, |(_, bytes)| bytes.len());
        packet
    }

    /// Nothing that waits is of use, nor what comes before the stream starts over.
    pub fn drop_packets(&mut self) {
        self.waiting.clear();
        (self.waiting_bytes, self.skipping) = (0, true);
    }

    /// An update was painted.
    pub fn painted(&mut self, sequence: u64, held_us: u64) {
        self.watcher.painted(sequence, held_us);
    }

    /// The decoder lost the thread.
    pub fn resync(&mut self) {
        self.watcher.resync();
    }

    /// Where the person looks.
    pub fn focus(&mut self, rect: Option<Rect>) {
        self.watcher.focus(rect);
    }

    /// The person points or draws.
    pub fn mark(&mut self, mark: Mark) {
        self.watcher.mark(mark);
    }

    /// The person wants no pictures for now, or wants them again.
    pub fn pause(&mut self, paused: bool) {
        self.watcher.pause(paused);
    }

    /// The person leaves.
    pub fn leave(&mut self) {
        self.watcher.leave();
    }

    /// The connection is cut, here or at the other end.
    pub fn cut(&mut self, now: Timestamp) {
        self.watcher.cut(now);
        self.drop_packets();
    }

    /// The connection is there again; the decoder holds this.
    pub fn back(&mut self, held: Option<(Size, Vec<u32>)>) {
        self.watcher.back(held);
    }

    /// The relay says that it is over; a name that is unknown is a failure.
    pub fn ended(&mut self, reason: &str) {
        let known = EndReason::ALL.into_iter().find(|r| r.name() == reason);
        self.watcher.ended(known.unwrap_or(EndReason::Failed));
    }

    /// Time passes.
    pub fn tick(&mut self, now: Timestamp) {
        self.watcher.tick(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use panecast::session::seal::{AgentKey, PassOffer, TenantKey};

    fn seat() -> Seat {
        let now = Timestamp(0);
        Seat::knock("482 913 507", "Ada", "default", now, Limits::default()).expect("a sound key").0
    }

    #[test]
    fn the_number_is_the_keys_and_its_secret_goes_nowhere() {
        let (mut seat, number) =
            Seat::knock("４８２-913 507", "Ada", "default", Timestamp(0), Limits::default())
                .expect("a sound key");
        assert_eq!(number, 4829);
        let Some(Told::Send(first)) = seat.poll() else { panic!("a knock begins with a message") };
        assert!(!first.windows(5).any(|w| w == b"13507"));
        assert_eq!(seat.poll(), None);
        for text in ["", "48291350", "KJ4P-7TWX"] {
            let refused = Seat::knock(text, "Ada", "default", Timestamp(0), Limits::default());
            assert_eq!(refused.expect_err("no key").kind(), ErrorKind::InvalidInput, "{text}");
        }
    }

    #[test]
    fn a_pass_is_shown_to_its_tenants_visitor_alone() {
        let limits = Limits::default();
        let (tenant, key) = (TenantKey::draw().unwrap(), AgentKey::draw().unwrap());
        let pass = tenant.issue("shop", "Ada", &key.public(), 100).unwrap();
        let has = Credential::new(key, pass).unwrap();
        let mut seat = Seat::ask(&has, "4711", Purpose::Window, Timestamp(0), limits).unwrap();
        let Some(Told::Send(hello)) = seat.poll() else { panic!("a knock begins with a message") };
        let offer = PassOffer::new(tenant.public(), "shop", "4711", &limits).unwrap();
        let (answered, mut answer) = offer.answer(&hello).unwrap();
        seat.received(&mut answer, Timestamp(1));
        let Some(Told::Send(last)) = seat.poll() else { panic!("the pass is shown") };
        let (_, shown) = offer.complete(answered, &last, 50).unwrap();
        assert_eq!((shown.name(), seat.poll()), ("Ada", Some(Told::Sealed)));
        assert!(Seat::ask(&has, &"x".repeat(256), Purpose::Screen, Timestamp(0), limits).is_err());
    }

    #[test]
    fn a_link_knocks_at_its_own_door_or_at_its_keys() {
        let secret = "0123456789abcdefghjkmnpqr0";
        let knock = |link: &str, key: &str| {
            let limits = Limits::default();
            Seat::knock_by_link((link, key), "Bo", "default", Purpose::AgentScreen, Timestamp(0), limits)
                .map(|(_, knocked)| knocked)
        };
        let id = secret.parse::<LinkText>().expect("a sound link").secret.door_id();
        assert_eq!(knock(secret, "").expect("needs no key"), Knocked::Link(id));
        let with_key = format!("{secret}.key");
        assert_eq!(knock(&with_key, "482 913 507").expect("has its key"), Knocked::Key(4829));
        for (link, key) in [(with_key.as_str(), ""), ("482913507", ""), (&secret[1..], "")] {
            assert_eq!(knock(link, key).expect_err("not enough").kind(), ErrorKind::InvalidInput, "{link}");
        }
    }

    #[test]
    fn packets_wait_in_order_and_bounded() {
        let mut seat = seat();
        assert_eq!(seat.put(false, vec![1]), None, "a stream has not begun");
        assert_eq!(seat.put(true, vec![2]), Some(Told::Packet { starts_over: true }));
        assert_eq!(seat.put(false, vec![3]), Some(Told::Packet { starts_over: false }));
        assert_eq!(seat.take(), Some((true, vec![2])));
        assert_eq!(seat.put(true, vec![4]), Some(Told::Packet { starts_over: true }));
        assert_eq!(seat.take(), Some((true, vec![4])), "what waited before is gone");
        assert_eq!((seat.take(), seat.waiting_bytes), (None, 0));
        for _ in 0..MOST_PACKETS {
            assert!(matches!(seat.put(false, vec![5]), Some(Told::Packet { .. })));
        }
        assert_eq!(seat.put(false, vec![6]), Some(Told::Overflow));
        assert_eq!((seat.take(), seat.put(false, vec![7])), (None, None));
    }

    #[test]
    fn an_answer_that_no_host_gave_is_a_wrong_key() {
        let mut seat = seat();
        let _ = seat.poll();
        seat.received(&mut [1; 81], Timestamp(1));
        let told: Vec<Told> = std::iter::from_fn(|| seat.poll()).collect();
        assert!(matches!(told[..], [Told::Ended("wrong-key" | "broke-rules")]), "{told:?}");
    }
}
