//! What they see: the packets that leave, decoded again.

use super::pane::Pane;
use panecast::Limits;
use panecast::capture::Excluded;
use panecast::codec::{Decoded, Decoder};
use panecast::frame::{FrameBuf, Size};
use panecast::session::StreamState;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// At most so often it is painted, and the window is asked whether it was closed.
const TURN: Duration = Duration::from_millis(100);
/// The window is at most so large.
const LARGEST: Size = Size::new(480, 320);

enum Order {
    /// A packet for all, or a stream of its own for one.
    Sent(bool, Vec<u8>),
    State(StreamState),
}

/// A small window with what the agents have been sent. It shows nothing that they have not, since it has nothing else.
pub(super) struct Mirror {
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Mirror {
    /// On `display` or the one that `DISPLAY` names. The window is added to `excluded`.
    pub(super) fn open(display: Option<&str>, excluded: &Excluded) -> panecast::Result<Self> {
        let pane = Pane::open(display, excluded.clone())?;
        let (orders, inbox) = channel();
        let thread = std::thread::Builder::new().name("mirror".into()).spawn(move || run(&inbox, pane))?;
        Ok(Self { orders: Some(orders), thread: Some(thread) })
    }

    /// Takes what was sent to all, or to one who starts over (`alone`).
    pub(super) fn sent(&self, alone: bool, bytes: &[u8]) {
        self.order(Order::Sent(alone, bytes.to_owned()));
    }

    pub(super) fn state(&self, state: StreamState) {
        self.order(Order::State(state));
    }

    fn order(&self, order: Order) {
        // A mirror that the visitor has closed takes nothing.
        let _ = self.orders.as_ref().map(|orders| orders.send(order));
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.orders = None;
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn run(inbox: &Receiver<Order>, mut pane: Pane) {
    let mut glass = Glass::default();
    let (mut painted, mut stale) = (Instant::now(), true);
    loop {
        match inbox.recv_timeout(TURN) {
            Ok(order) => stale |= glass.take(order),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        while painted.elapsed() < TURN
            && let Ok(order) = inbox.try_recv()
        {
            stale |= glass.take(order);
        }
        if painted.elapsed() < TURN {
            continue;
        }
        match pane.take_events() {
            Ok(true) => stale = true,
            Ok(false) => {}
            // Closed, or the display is gone.
            Err(_) => return,
        }
        if stale {
            let (size, pixels) = glass.picture();
            if pane.paint(size, &pixels, glass.title()).is_err() {
                return;
            }
            (painted, stale) = (Instant::now(), false);
        }
    }
}

/// The agents' picture as it stands. No display.
#[derive(Default)]
struct Glass {
    decoder: Option<Decoder>,
    state: Option<StreamState>,
}

impl Glass {
    /// True if something looks different now.
    fn take(&mut self, order: Order) -> bool {
        match order {
            Order::State(state) => {
                if state == StreamState::Paused {
                    // As the agents do.
                    self.decoder = None;
                }
                self.state.replace(state) != Some(state)
            }
            Order::Sent(true, bytes) => {
                // Whoever joins gets all that the others have. What one is sent that was cut off is less.
                let mut fresh = Decoder::new(Limits::default());
                let whole = feed(&mut fresh, &bytes) && fresh.frame().is_some();
                if whole {
                    self.decoder = Some(fresh);
                }
                whole
            }
            Order::Sent(false, bytes) => {
                let Some(decoder) = &mut self.decoder else { return false };
                if !feed(decoder, &bytes) {
                    // It waits for the next whole picture.
                    self.decoder = None;
                }
                true
            }
        }
    }

    fn title(&self) -> &'static str {
        match (self.state, &self.decoder) {
            (Some(StreamState::Paused), _) => "What they see: nothing, you paused",
            (_, None) => "What they see: nothing",
            _ => "What they see",
        }
    }

    /// Small enough for the window, B, G, R, 0; grey where nothing is seen.
    fn picture(&self) -> (Size, Vec<u8>) {
        match self.decoder.as_ref().and_then(Decoder::frame) {
            Some(frame) => reduced(frame),
            None => (LARGEST, [0x40, 0x40, 0x40, 0].repeat(LARGEST.area() as usize)),
        }
    }
}

/// False if what was sent makes no sense to it.
fn feed(decoder: &mut Decoder, bytes: &[u8]) -> bool {
    if decoder.feed(bytes).is_err() {
        return false;
    }
    loop {
        match decoder.next() {
            Ok(Some(Decoded::NeedsPlanes)) | Err(_) => return false,
            Ok(Some(_)) => {}
            Ok(None) => return true,
        }
    }
}

/// Every square of pixels becomes its mean.
fn reduced(frame: &FrameBuf) -> (Size, Vec<u8>) {
    let size = frame.size();
    let side = size.width.div_ceil(LARGEST.width).max(size.height.div_ceil(LARGEST.height)).max(1);
    let small = Size::new((size.width / side).max(1), (size.height / side).max(1));
    let mut pixels = Vec::with_capacity(small.area() as usize * 4);
    for y in 0..small.height {
        for x in 0..small.width {
            let (mut sum, mut count) = ([0u32; 3], 0);
            for row in (y * side..(y + 1) * side).take_while(|row| *row < size.height) {
                let from = (x * side) as usize * 4;
                for px in frame.row(row)[from..].as_chunks::<4>().0.iter().take(side as usize) {
                    sum.iter_mut().zip(px).for_each(|(sum, v)| *sum += u32::from(*v));
                    count += 1;
                }
            }
            let mean = |sum: u32| (sum / count.max(1)) as u8;
            pixels.extend([mean(sum[0]), mean(sum[1]), mean(sum[2]), 0]);
        }
    }
    (small, pixels)
}

#[cfg(test)]
mod tests {
    use super::super::xserver::{Artist, XServer, wait_for};
    use super::*;
    use panecast::capture::Damage;
    use panecast::codec::{Encoder, EncoderConfig};
    use panecast::frame::Timestamp;
    use x11rb::protocol::xproto::ConnectionExt as _;

    const SIZE: Size = Size::new(960, 640);

    /// A stream as the pipeline sends it: one for who joins, then for all.
    fn stream(colours: &[u32]) -> Vec<Vec<u8>> {
        let mut encoder = Encoder::new(EncoderConfig::default()).unwrap();
        let mut frame = FrameBuf::new(SIZE, &Limits::default()).unwrap();
        let packets = colours.iter().enumerate().map(|(i, colour)| {
            for px in frame.pixels_mut().as_chunks_mut::<4>().0 {
                *px = (colour | 0xFF00_0000).to_le_bytes();
            }
            let mut bytes = Vec::new();
            let when = Timestamp(i as u64 * 100_000);
            encoder.encode(&mut frame.clone(), &Damage::Unknown, when, &mut bytes).unwrap();
            bytes
        });
        packets.collect()
    }

    #[test]
    fn it_has_what_was_sent_and_after_a_pause_nothing() {
        let packets = stream(&[0x20_4060, 0x60_4020]);
        let mut glass = Glass::default();
        assert!(!glass.take(Order::Sent(false, packets[1].clone())), "it has no beginning");
        assert!(glass.take(Order::Sent(true, packets[0].clone())));
        assert_eq!(glass.picture().0, Size::new(480, 320));
        assert_eq!(glass.picture().1[..4], [0x60, 0x40, 0x20, 0]);
        assert!(glass.take(Order::Sent(false, packets[1].clone())));
        assert_eq!(glass.picture().1[..4], [0x20, 0x40, 0x60, 0]);
        assert!(!glass.take(Order::Sent(true, b"not a stream".to_vec())), "somebody else's: nothing changes");
        assert!(glass.take(Order::State(StreamState::Paused)));
        assert_eq!(glass.title(), "What they see: nothing, you paused");
        assert_eq!(glass.picture().1[..4], [0x40, 0x40, 0x40, 0]);
        assert!(!glass.take(Order::Sent(false, packets[1].clone())));
    }

    #[test]
    fn the_window_shows_it_and_can_be_closed() {
        let server = XServer::start("800x600x24", &[]);
        let artist = Artist::connect(&server);
        let excluded = Excluded::new();
        let mirror = Mirror::open(Some(&server.display), &excluded).unwrap();
        let packets = stream(&[0x20_4060, 0x60_4020]);
        let shows = |colour: u32| {
            artist
                .screen_pixels()
                .pixels()
                .as_chunks::<4>()
                .0
                .iter()
                .any(|px| u32::from_le_bytes([px[0], px[1], px[2], 0]) == colour)
        };
        mirror.sent(true, &packets[0]);
        wait_for("the first picture", || shows(0x20_4060));
        mirror.sent(false, &packets[1]);
        wait_for("the second", || shows(0x60_4020) && !shows(0x20_4060));
        mirror.state(StreamState::Paused);
        wait_for("the pause", || !shows(0x60_4020));
        let windows = artist.x.query_tree(artist.root()).unwrap().reply().unwrap().children;
        assert!(!windows.is_empty());
        drop(mirror);
        artist.sync();
        assert!(artist.x.query_tree(artist.root()).unwrap().reply().unwrap().children.is_empty());
    }
}
