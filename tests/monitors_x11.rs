//! Monitors that come, go, move and change their modes while they are captured, on a real Xorg.
#![cfg(target_os = "linux")]

mod xserver;

use panecast::ErrorKind;
use panecast::capture::linux::x11::{Options, Target, X11Capturer, sources};
use panecast::capture::{Capturer as _, Rotation, SourceInfo, SourceKind};
use panecast::consent::{Consent, Decision, Purpose};
use panecast::frame::{FrameBuf, Rect, Size};
use panecast::limits::Limits;
use std::time::{Duration, Instant};
use x11rb::protocol::xproto::{AtomEnum, PropMode};
use x11rb::wrapper::ConnectionExt as _;
use xserver::eye::Eye;
use xserver::{Artist, Dice, LONG, XServer};

/// A server with one monitor of 1024 by 768, and who draws on it.
fn server() -> (XServer, Artist) {
    let server = XServer::with_outputs();
    server.xrandr(&["--output", "DUMMY0", "--mode", "1024x768"]);
    let artist = Artist::connect(&server);
    (server, artist)
}

/// Plugs a second monitor in, to the right of the first.
fn plug(server: &XServer) {
    server.xrandr(&["--addmode", "DUMMY1", "800x600"]);
    server.xrandr(&["--output", "DUMMY1", "--mode", "800x600", "--right-of", "DUMMY0"]);
}

fn eye(server: &XServer, target: Target) -> Eye<X11Capturer> {
    let grant = Consent::ask(Purpose::Screen, target.id()).answer(Decision::Allow).unwrap();
    let options = Options { display: Some(server.display.clone()), ..Options::default() };
    Eye::new(X11Capturer::open(target, options, &grant).unwrap())
}

fn listed(server: &XServer, id: &str) -> SourceInfo {
    sources(Some(&server.display)).unwrap().into_iter().find(|s| s.id == id).expect(id)
}

/// What the server says is on a part of its screen.
fn truth(artist: &Artist, at: Rect) -> impl Fn(&FrameBuf) -> bool {
    let pixels = artist.pixels(artist.root(), at);
    move |frame| *frame == pixels
}

#[test]
fn monitors_are_listed_as_they_are_arranged() {
    let (server, artist) = server();
    plug(&server);
    let settings = b"Xcursor.size:\t24\nXft.dpi:\t144\n";
    let (name, kind) = (AtomEnum::RESOURCE_MANAGER, AtomEnum::STRING);
    artist.x.change_property8(PropMode::REPLACE, artist.root(), name, kind, settings).unwrap();
    artist.sync();

    let whole = listed(&server, "screen");
    assert_eq!((whole.size, whole.origin), (Size::new(1824, 768), Some((0, 0))));
    let first = listed(&server, "screen:0");
    assert_eq!(
        (first.name.as_str(), first.size, first.origin),
        ("DUMMY0", Size::new(1024, 768), Some((0, 0)))
    );
    assert_eq!((first.rotation, first.scale_percent), (Rotation::None, 150));
    let second = listed(&server, "screen:1");
    assert_eq!((second.size, second.origin), (Size::new(800, 600), Some((1024, 0))));
    assert_eq!((second.rotation, second.kind), (Rotation::None, SourceKind::Screen));
}

#[test]
fn a_screen_grows_and_shrinks_with_its_monitors() {
    let (server, artist) = server();
    let mut eye = eye(&server, Target::Screen);
    let mut dice = Dice(7);
    for plugged in [true, false, true, false] {
        if plugged {
            plug(&server);
        } else {
            server.xrandr(&["--output", "DUMMY1", "--off"]);
        }
        let size = if plugged { Size::new(1824, 768) } else { Size::new(1024, 768) };
        artist.scribble(artist.root(), size, &mut dice);
        artist.sync();
        eye.until("all that is on the monitors", truth(&artist, size.rect()));
    }
}

#[test]
fn a_monitor_is_followed_to_new_modes_and_places() {
    let (server, artist) = server();
    plug(&server);
    let mut eye = eye(&server, Target::Monitor(1));
    let mut dice = Dice(8);
    server.xrandr(&["--addmode", "DUMMY1", "640x480"]);
    for (arrange, at) in [
        (&["--mode", "640x480", "--pos", "1024x0"][..], Rect::new(1024, 0, 640, 480)),
        // It moves, and keeps its size.
        (&["--pos", "1024x200"], Rect::new(1024, 200, 640, 480)),
        (&["--pos", "0x768"], Rect::new(0, 768, 640, 480)),
        (&["--mode", "800x600", "--pos", "1024x0"], Rect::new(1024, 0, 800, 600)),
    ] {
        server.xrandr(&[&["--output", "DUMMY1"], arrange].concat());
        artist.scribble(artist.root(), Size::new(at.right(), at.bottom()), &mut dice);
        artist.sync();
        eye.until("what is on the monitor", truth(&artist, at));
        assert_eq!(eye.source.info().size, at.size());
    }
}

#[test]
fn an_unplugged_monitor_ends_and_the_others_go_on() {
    let (server, artist) = server();
    plug(&server);
    let (mut first, mut second) = (eye(&server, Target::Monitor(0)), eye(&server, Target::Monitor(1)));
    second.until("its first picture", |_| true);
    server.xrandr(&["--output", "DUMMY1", "--off"]);

    let start = Instant::now();
    let mut frame = FrameBuf::new(Size::new(800, 600), &Limits::default()).unwrap();
    let all = panecast::frame::Region::full(frame.size());
    let error = loop {
        match second.source.next(&mut frame, &all, Duration::from_millis(50)) {
            Err(e) => break e,
            Ok(_) => assert!(start.elapsed() < LONG, "it does not end"),
        }
    };
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    assert!(sources(Some(&server.display)).unwrap().iter().all(|s| s.id != "screen:1"));

    artist.fill(artist.root(), Rect::new(30, 30, 100, 50), 0x12_AB34);
    artist.sync();
    first.until("what is on the first monitor", truth(&artist, Rect::new(0, 0, 1024, 768)));
}
