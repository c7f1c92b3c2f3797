//! A page's host against the watcher and the decoder of everybody else: who is let in, and that the pixels arrive.

use panecast::Limits;
use panecast::codec::Decoder;
use panecast::frame::{FrameView, PixelFormat, Size, Timestamp};
use panecast::session::seal::{Joiner, LinkText, TypedKey};
use panecast::session::{Decision, EndReason, Purpose, StreamState, Watcher, WatcherOutput};
use panecast_web_sharer::{Host, Told};
use std::time::Duration;

const SIZE: Size = Size { width: 200, height: 130 };

/// A picture of which each number has another: R, G, B, A.
fn picture(number: u8) -> Vec<u8> {
    let pixel = |i: u32| {
        let (x, y) = (i % SIZE.width, i / SIZE.width);
        let ink = (x / 8 + y / 9) % 7 == 0 || (x < 40 && y < 20 && (x * y + u32::from(number)) % 5 == 0);
        if ink { [20, 30 + number, 40, 255] } else { [250, 240, 230, 255] }
    };
    (0..SIZE.area() as u32).flat_map(pixel).collect()
}

/// What a decoder holds of a pushed picture.
fn as_shown(rgba: &[u8]) -> Vec<u8> {
    rgba.chunks_exact(4).flat_map(|px| [px[2], px[1], px[0], 255]).collect()
}

/// One that watches: its session and what it decodes.
struct Seen {
    number: u32,
    watcher: Watcher,
    decoder: Decoder,
    admitted: bool,
    states: Vec<StreamState>,
    end: Option<EndReason>,
}

struct Rig {
    host: Host,
    seen: Vec<Seen>,
    now: Timestamp,
    asked: Vec<(u32, String)>,
    left: Vec<(u32, EndReason)>,
    /// The host's answer to whoever asks.
    decision: Decision,
}

impl Rig {
    fn new() -> Self {
        let host = Host::new("default", "Ada's screen", 1_000).unwrap();
        let (seen, asked, left) = (Vec::new(), Vec::new(), Vec::new());
        Self { host, seen, now: Timestamp(1), asked, left, decision: Decision::Allow }
    }

    fn knock(&mut self, door: u32, joiner: (Joiner, Vec<u8>)) -> usize {
        let number = self.seen.len() as u32 + 7;
        let limits = Limits::default();
        self.host.came(number, door, self.now);
        let watcher = Watcher::knock(joiner, "Bo", Purpose::AgentScreen, self.now, limits);
        let decoder = Decoder::new(limits);
        let (admitted, states, end) = (false, Vec::new(), None);
        self.seen.push(Seen { number, watcher, decoder, admitted, states, end });
        self.run();
        self.seen.len() - 1
    }

    /// Carries everything to and fro until nothing is left to do.
    fn run(&mut self) {
        loop {
            let mut idle = true;
            while let Some(told) = self.host.poll(self.now) {
                idle = false;
                self.hear(told);
            }
            for i in 0..self.seen.len() {
                let seen = &mut self.seen[i];
                while let Some(output) = seen.watcher.poll() {
                    idle = false;
                    match output {
                        WatcherOutput::Send(mut bytes) => {
                            self.host.received(seen.number, &mut bytes, self.now);
                        }
                        WatcherOutput::State { state, .. } => seen.states.push(state),
                        WatcherOutput::Packet { starts_over, bytes } => {
                            if starts_over {
                                seen.decoder.restart();
                            }
                            seen.decoder.feed(&bytes).unwrap();
                            while let Some(decoded) = seen.decoder.next().unwrap() {
                                if let Some(sequence) = decoded.sequence() {
                                    seen.watcher.painted(sequence, 0);
                                }
                            }
                        }
                        WatcherOutput::Ended(reason) => seen.end = Some(reason),
                        WatcherOutput::Sealed
                        | WatcherOutput::Asking
                        | WatcherOutput::Allowed { .. }
                        | WatcherOutput::Back => {}
                    }
                }
            }
            if idle {
                return;
            }
            self.now.0 += 1000;
        }
    }

    fn hear(&mut self, told: Told) {
        match told {
            Told::Send(parcel) => {
                let (to, rest) = parcel.split_first_chunk::<4>().unwrap();
                let to = u32::from_le_bytes(*to);
                for seen in &mut self.seen {
                    if to == seen.number || (to == 0 && seen.admitted) {
                        seen.watcher.received(&mut rest[1..].to_vec(), self.now);
                    }
                }
            }
            Told::Admit(joiner) => {
                for seen in self.seen.iter_mut().filter(|seen| seen.number == joiner) {
                    seen.admitted = true;
                }
            }
            Told::Ask { joiner, who } => {
                self.asked.push((joiner, who));
                // A refusal is the answer.
                let _ = self.host.answer(joiner, self.decision, Purpose::AgentScreen, self.now);
            }
            Told::Left { joiner, reason } => self.left.push((joiner, reason)),
            Told::Close(_) | Told::Dismiss(..) | Told::State(_) | Told::Ended(_) => {}
        }
    }

    fn push(&mut self, rgba: &[u8]) {
        let view = FrameView::packed(PixelFormat::Rgba8, SIZE, rgba, SIZE.width as usize * 4).unwrap();
        self.host.push(&view, self.now).unwrap();
        self.run();
    }

    fn shows(&self, who: usize, rgba: &[u8]) {
        let frame = self.seen[who].decoder.frame().expect("a picture");
        assert!(frame.pixels() == as_shown(rgba), "another picture than was pushed");
    }
}

fn by_link(text: &str) -> (Joiner, Vec<u8>) {
    let link: LinkText = text.parse().unwrap();
    assert!(!link.with_key);
    Joiner::by_link(&link.secret, "default", &Limits::default()).unwrap()
}

#[test]
fn a_link_lets_in_and_the_pixels_arrive_exactly() {
    let mut rig = Rig::new();
    let (text, id, door) = rig.host.open_link(2, Duration::from_secs(60), rig.now).unwrap();
    assert_eq!(text.parse::<LinkText>().unwrap().secret.door_id(), id);
    let view_of = picture(0);
    let view = FrameView::packed(PixelFormat::Rgba8, SIZE, &view_of, SIZE.width as usize * 4).unwrap();
    let early = rig.host.push(&view, rig.now).unwrap_err();
    assert_eq!(early.kind(), panecast::ErrorKind::Denied, "nobody was allowed to see it yet");
    assert!(!rig.host.wants(true, rig.now) && !rig.host.needs_picture());

    let first = rig.knock(door, by_link(&text));
    assert_eq!(rig.asked, [(7, "Bo".to_owned())]);
    assert!(rig.host.needs_picture() && rig.host.wants(false, rig.now));
    rig.push(&picture(0));
    rig.shows(first, &picture(0));
    assert!(!rig.host.wants(false, rig.now), "what is shown is of now");
    for number in 1..6 {
        rig.now.0 += 40_000;
        assert!(rig.host.wants(true, rig.now));
        rig.push(&picture(number));
        rig.shows(first, &picture(number));
    }
    // Nothing has changed since, so the late one sees the same from the encoder's own picture.
    let late = rig.knock(door, by_link(&text));
    rig.shows(late, &picture(5));
    let third = rig.knock(door, by_link(&text));
    assert_eq!(rig.seen[third].end, None, "the relay tells it, as it was never let in");
    assert_eq!(rig.left.last(), Some(&(9, EndReason::Spent)));
    rig.now.0 += 40_000;
    rig.push(&picture(6));
    rig.shows(first, &picture(6));
    rig.shows(late, &picture(6));

    rig.host.end(EndReason::SharerStopped, rig.now);
    rig.run();
    assert_eq!(rig.seen[first].end, Some(EndReason::SharerStopped));
    assert!(rig.host.push(&view, rig.now).is_err(), "it is over");
}

#[test]
fn a_link_with_a_key_needs_both() {
    let mut rig = Rig::new();
    let text = rig.host.link_for_keys().unwrap();
    let link: LinkText = text.parse().unwrap();
    assert!(link.with_key);
    let limits = Limits::default();
    let key: TypedKey = rig.host.open_key(42, rig.now).unwrap().parse().unwrap();
    let alone = Joiner::by_key(&key, "default", &limits).unwrap();
    let refused = rig.knock(42, alone);
    assert!(!rig.seen[refused].admitted, "the key alone");
    let other: LinkText = Rig::new().host.link_for_keys().unwrap().parse().unwrap();
    let refused = rig.knock(42, Joiner::by_key_and_link(&key, &other.secret, "default", &limits).unwrap());
    assert!(!rig.seen[refused].admitted, "with another link");
    let both = rig.knock(42, Joiner::by_key_and_link(&key, &link.secret, "default", &limits).unwrap());
    assert!(rig.seen[both].admitted);
    rig.push(&picture(3));
    rig.shows(both, &picture(3));
}

#[test]
fn a_pause_forgets_and_a_cut_is_mended() {
    let mut rig = Rig::new();
    let (text, _, door) = rig.host.open_link(9, Duration::from_secs(600), rig.now).unwrap();
    let one = rig.knock(door, by_link(&text));
    rig.push(&picture(0));
    rig.host.pause(true, rig.now);
    rig.run();
    assert_eq!(rig.seen[one].states.last(), Some(&StreamState::Paused));
    rig.push(&picture(1));
    rig.shows(one, &picture(0));
    let during = rig.knock(door, by_link(&text));
    assert!(rig.seen[during].decoder.frame().is_none(), "nothing is kept to be shown");
    rig.host.pause(false, rig.now);
    rig.run();
    assert!(rig.host.needs_picture(), "the picture from before the pause is gone");
    rig.push(&picture(2));
    rig.shows(one, &picture(2));
    rig.shows(during, &picture(2));

    rig.now.0 += 1_000_000;
    let number = rig.seen[one].number;
    rig.host.away(number, rig.now);
    rig.seen[one].watcher.cut(rig.now);
    rig.run();
    rig.push(&picture(4));
    rig.shows(during, &picture(4));
    rig.shows(one, &picture(2));
    rig.host.came_back(number, rig.now);
    let held = rig.seen[one].decoder.held().map(|h| (h.size(), h.hashes().to_vec()));
    rig.seen[one].watcher.back(held);
    rig.run();
    rig.shows(one, &picture(4));
    assert_eq!(rig.asked.len(), 2, "who comes back is not asked about");
}

#[test]
fn who_is_declined_sees_nothing() {
    let mut rig = Rig::new();
    rig.decision = Decision::Deny;
    let (text, _, door) = rig.host.open_link(1, Duration::from_secs(60), rig.now).unwrap();
    let one = rig.knock(door, by_link(&text));
    assert_eq!(rig.seen[one].end, Some(EndReason::Declined));
    assert!(!rig.host.needs_picture());
}
