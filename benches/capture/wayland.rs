//! What a tick of Wayland capture costs, client and compositor together.
//!
//! The compositor has drawn before the tick begins; it draws on the processor (pixman), as it does where there is no GPU. What
//! a tick makes it do beyond the copy (to come to the next turn of its monitor) is in the figure.

use super::linux::{measure, show};
use super::wayland_server::painter::Painter;
use super::wayland_server::viewer::open;
use super::wayland_server::{Suite, Sway};
use panecast::capture::linux::wayland::{Protocol, Target};
use panecast::capture::{Captured, Capturer as _};
use panecast::frame::{FrameBuf, Rect, Region, Size};
use panecast::limits::Limits;
use std::time::Duration;

/// Each takes two turns of a monitor of 60 Hz.
const ROUNDS: u32 = 120;
const SIZES: [Size; 2] = [Size::new(1920, 1080), Size::new(3840, 2160)];

/// Against hangs only.
const LONG: Duration = Duration::from_secs(10);

pub(super) fn main() {
    println!("Wayland capture, client + compositor, median of {ROUNDS}:");
    for (suite, protocol) in [(Suite::Own, Protocol::Screencopy), (Suite::Newer, Protocol::ImageCopy)] {
        let [small, large] = SIZES.map(|size| bench(suite, protocol, size));
        println!("  4K / 1080p: typed character {:.2}, idle {:.2}", large.0 / small.0, large.1 / small.1);
    }
}

/// The cost of a typed character and of an idle tick.
fn bench(suite: Suite, protocol: Protocol, size: Size) -> (f64, f64) {
    println!("{protocol:?} at {size}");
    let server = Sway::start(suite, &size.to_string());
    let mut painter = Painter::new(&server, "bench", size, 1);
    let mut source = open(&server, Target::Screen, protocol).expect("the compositor is ours");
    let mut frame = FrameBuf::new(size, &Limits::default()).expect("a sound size");
    let (none, all) = (Region::empty(), Region::full(size));
    source.next(&mut frame, &all, LONG).expect("the first picture");
    let clock = (server.pid(), ROUNDS);
    let mut capture = || {
        let captured = source.next(&mut frame, &none, LONG).expect("the compositor is there");
        assert!(matches!(captured, Captured::Frame { .. }), "{captured:?}");
        source.cursor().expect("the compositor is there");
    };
    let everything = |i: u32| {
        painter.fill(size.rect(), i * 0x01_0305 + 1);
        painter.commit();
    };
    show("full frame", &measure(clock, everything, &mut capture), None);
    let character = |i: u32| {
        painter.fill(Rect::new(i * 12 % 1900, i / 150 % 80 * 13, 12, 13), i * 0x01_0305 + 1);
        painter.commit();
    };
    let typed = show("typed character", &measure(clock, character, &mut capture), None);
    // What was painted last is captured before.
    while source.next(&mut frame, &none, Duration::from_millis(100)).expect("it is there")
        != Captured::Unchanged
    {}
    let idle = || {
        let captured =
            source.next(&mut frame, &none, Duration::from_millis(2)).expect("the compositor is there");
        assert_eq!(captured, Captured::Unchanged);
        source.cursor().expect("the compositor is there");
    };
    (typed, show("idle tick", &measure(clock, |_| (), idle), None))
}
