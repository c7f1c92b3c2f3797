//! Wayland capture against what a client of ours painted, and what happens when the compositor or a monitor goes away.
#![cfg(target_os = "linux")]

mod wayland_server;

use panecast::ErrorKind;
use panecast::capture::linux::wayland::{Options, Protocol, Target, WaylandCapturer, sources};
use panecast::capture::{Captured, Capturer as _, Damage, Rotation};
use panecast::frame::{FrameBuf, Rect, Region, Size};
use std::time::{Duration, Instant};
use wayland_server::painter::Painter;
use wayland_server::viewer::{Viewer, blank, difference, error_of, granted, open};
use wayland_server::{Dice, LONG, Suite, Sway};

/// Each protocol on the compositor that has it.
const WAYS: [(Suite, Protocol); 2] =
    [(Suite::Own, Protocol::Screencopy), (Suite::Newer, Protocol::ImageCopy)];

const SIZE: Size = Size::new(320, 200);

/// Random painting, three buffers in turn: what is captured is what was painted, and each changed pixel lies within the
/// hints since the picture before.
fn pixels_are_the_painters((suite, protocol): (Suite, Protocol)) {
    let server = Sway::start(suite, "320x200");
    let mut painter = Painter::new(&server, "random", SIZE, 1);
    let size = SIZE;
    let mut source = open(&server, Target::Screen, protocol).unwrap();
    let mut turns: Vec<(FrameBuf, Region)> = (0..3).map(|_| (blank(size), Region::full(size))).collect();
    let mut dice = Dice(0x1234_5678_9ABC_DEF1);
    let mut shadow: Option<FrameBuf> = None;
    let (mut frames, mut tight) = (0u32, 0u32);
    while frames < 150 {
        painter.scribble(&mut dice);
        painter.commit();
        let start = Instant::now();
        loop {
            let turn = frames as usize % 3;
            let (frame, stale) = &mut turns[turn];
            match source.next(frame, stale, Duration::from_millis(50)).unwrap() {
                Captured::Frame { timestamp: None, damage } => {
                    stale.clear();
                    let now = frame.clone();
                    let region = match damage {
                        Damage::Within(region) => region,
                        Damage::Unknown => Region::full(size),
                    };
                    if let Some(before) = &shadow {
                        for (i, (a, b)) in before.pixels().chunks(4).zip(now.pixels().chunks(4)).enumerate() {
                            let (x, y) = (i as u32 % size.width, i as u32 / size.width);
                            assert!(
                                a == b || region.contains_point(x, y),
                                "({x}, {y}) changed outside the hints"
                            );
                        }
                    }
                    tight += u32::from(region.bounds().area() < size.area());
                    turns.iter_mut().enumerate().filter(|(other, _)| *other != turn).for_each(
                        |(_, (_, stale))| {
                            stale.add_region(&region);
                        },
                    );
                    frames += 1;
                    shadow = Some(now);
                }
                Captured::Unchanged => {}
                other => panic!("{other:?}"),
            }
            if shadow.as_ref() == Some(painter.canvas()) {
                break;
            }
            let shown = shadow.as_ref().map(|shadow| difference(shadow, painter.canvas()));
            assert!(start.elapsed() < LONG, "{protocol:?}: picture {frames} is not the painter's, {shown:?}");
        }
    }
    assert!(tight > 50, "only {tight} of {frames} hints say more than `all`");
}

#[test]
fn every_pixel_is_the_painters_by_screencopy() {
    pixels_are_the_painters(WAYS[0]);
}

#[test]
fn every_pixel_is_the_painters_by_image_copy() {
    pixels_are_the_painters(WAYS[1]);
}

/// A picture in four colours, so that every turn of it is another.
fn corners(painter: &mut Painter) {
    let size = painter.size();
    let (w, h) = (size.width / 2, size.height / 3);
    painter.fill(Rect::new(0, 0, w, h), 0xFF_0000);
    painter.fill(Rect::new(w, 0, size.width - w, h), 0x00_FF00);
    painter.fill(Rect::new(0, h, w, size.height - h), 0x00_00FF);
    painter.fill(Rect::new(3, 5, 7, 11), 0xFF_FFFF);
    painter.commit();
}

#[test]
fn a_turned_monitor_is_seen_upright() {
    for (suite, protocol) in WAYS {
        let server = Sway::start(suite, "320x200");
        for transform in ["normal", "90", "180", "270", "flipped", "flipped-90", "flipped-180", "flipped-270"]
        {
            server.command(&format!("output HEADLESS-1 transform {transform}"));
            let turned = transform.ends_with("90") || transform.ends_with("270");
            let size = if turned { Size::new(200, 320) } else { Size::new(320, 200) };
            let mut painter = Painter::new(&server, transform, size, 1);
            corners(&mut painter);
            let mut viewer = Viewer::new(open(&server, Target::Monitor(0), protocol).unwrap());
            assert_eq!(viewer.frame.size(), size, "{protocol:?} {transform}");
            viewer.shows(painter.canvas());
            painter.fill(Rect::new(40, 60, 12, 13), 0x12_3456);
            painter.commit();
            viewer.shows(painter.canvas());
        }
    }
}

#[test]
fn a_new_mode_scale_or_turn_is_followed() {
    for (suite, protocol) in WAYS {
        let server = Sway::start(suite, "320x200");
        let mut painter = Painter::new(&server, "modes", SIZE, 1);
        corners(&mut painter);
        let mut viewer = Viewer::new(open(&server, Target::Screen, protocol).unwrap());
        viewer.shows(painter.canvas());
        for (command, size) in [
            ("mode 400x300", Size::new(400, 300)),
            ("transform 90", Size::new(300, 400)),
            ("mode 256x160", Size::new(160, 256)),
            ("transform normal", Size::new(256, 160)),
        ] {
            server.command(&format!("output HEADLESS-1 {command}"));
            painter.becomes(size);
            corners(&mut painter);
            let mut resized = false;
            viewer.until(command, |captured, frame| {
                resized |= *captured == Captured::Resized(size);
                resized && frame.size() == size
            });
            viewer.shows(painter.canvas());
        }
        // A scale changes no pixel of the monitor, only how large things are.
        server.command("output HEADLESS-1 scale 2");
        drop(painter);
        let mut painter = Painter::new(&server, "twice", Size::new(256, 160), 2);
        corners(&mut painter);
        viewer.shows(painter.canvas());
    }
}

#[test]
fn monitors_are_listed_and_come_and_go() {
    // An old sway cannot unplug its outputs; the newer one has both protocols.
    for protocol in [Protocol::Screencopy, Protocol::ImageCopy] {
        let server = Sway::start(Suite::Newer, "320x200");
        let mut left = Painter::new(&server, "left", SIZE, 1);
        corners(&mut left);
        let mut whole = Viewer::new(open(&server, Target::Screen, protocol).unwrap());
        whole.shows(left.canvas());

        server.command("create_output");
        server.command("output HEADLESS-2 mode 200x240 position 320 0");
        server.command("focus output HEADLESS-2");
        let mut right = Painter::new(&server, "right", Size::new(200, 240), 1);
        right.fill(Rect::new(0, 0, 200, 240), 0x40_8020);
        right.fill(Rect::new(20, 30, 50, 60), 0x11_2233);
        right.commit();
        let listed = sources(Some(&server.display)).unwrap();
        let screens: Vec<_> = listed
            .iter()
            .filter(|s| s.id.starts_with("screen"))
            .map(|s| (s.id.as_str(), s.name.as_str(), s.size))
            .collect();
        assert_eq!(
            screens,
            [
                ("screen", "Whole screen", Size::new(520, 240)),
                ("screen:0", "HEADLESS-1", Size::new(320, 200)),
                ("screen:1", "HEADLESS-2", Size::new(200, 240)),
            ]
        );
        let mut second = Viewer::new(open(&server, Target::Monitor(1), protocol).unwrap());
        assert_eq!(second.source.info().name, "HEADLESS-2");
        second.shows(right.canvas());

        // Both in one picture, black where no monitor is.
        let both = |left: &Painter, right: &Painter| {
            let mut both = blank(Size::new(520, 240));
            for (painter, at) in [(left, 0), (right, 320)] {
                let (size, canvas) = (painter.size(), painter.canvas());
                for y in 0..size.height {
                    both.row_of_mut(&Rect::new(at, y, size.width, 1), y).copy_from_slice(canvas.row(y));
                }
            }
            both
        };
        whole.shows(&both(&left, &right));
        let mut dice = Dice(7);
        for _ in 0..10 {
            left.scribble(&mut dice);
            left.commit();
            whole.shows(&both(&left, &right));
            right.scribble(&mut dice);
            right.commit();
            whole.shows(&both(&left, &right));
        }
        assert_eq!(open(&server, Target::Monitor(2), protocol).unwrap_err().kind(), ErrorKind::NotFound);
        let places: Vec<_> = listed.iter().filter_map(|s| s.origin).collect();
        assert_eq!(places, [(0, 0), (320, 0)]);

        // The second is unplugged while it is captured: its own capture ends, that of the whole goes on without it.
        server.command("output HEADLESS-2 unplug");
        let error = error_of(&mut second.source);
        assert_eq!(error.kind(), ErrorKind::Closed, "{protocol:?}: {error}");
        whole.until("the first one alone", |captured, _| *captured == Captured::Resized(Size::new(320, 200)));
        drop(right);
        server.command("focus output HEADLESS-1");
        whole.until("a picture of it", |captured, _| matches!(captured, Captured::Frame { .. }));
    }
}

#[test]
fn a_stopped_compositor_is_told_and_goes_on() {
    for (suite, protocol) in WAYS {
        let server = Sway::start(suite, "320x200");
        let mut painter = Painter::new(&server, "stop", SIZE, 1);
        let mut viewer = Viewer::new(open(&server, Target::Screen, protocol).unwrap());
        viewer.shows(painter.canvas());
        server.stop();
        let start = Instant::now();
        let error = error_of(&mut viewer.source);
        assert_eq!(error.kind(), ErrorKind::Stalled, "{error}");
        assert!(start.elapsed() < LONG, "never a hang");
        assert_eq!(open(&server, Target::Screen, protocol).unwrap_err().kind(), ErrorKind::Stalled);
        assert_eq!(sources(Some(&server.display)).unwrap_err().kind(), ErrorKind::Stalled);
        server.resume();
        painter.fill(Rect::new(10, 10, 30, 40), 0x55_AA11);
        painter.commit();
        let start = Instant::now();
        viewer.stale = Region::full(viewer.frame.size());
        while !viewer.stale.is_empty() || viewer.frame != *painter.canvas() {
            match viewer.next(Duration::from_millis(50)) {
                Ok(_) => {}
                Err(e) => assert_eq!(e.kind(), ErrorKind::Stalled, "{e}"),
            }
            assert!(start.elapsed() < LONG, "it does not go on");
        }
    }
}

#[test]
fn a_dead_compositor_is_told_for_good() {
    for (suite, protocol) in WAYS {
        let mut server = Sway::start(suite, "320x200");
        let painter = Painter::new(&server, "kill", SIZE, 1);
        let mut viewer = Viewer::new(open(&server, Target::Screen, protocol).unwrap());
        viewer.shows(painter.canvas());
        server.kill();
        for _ in 0..2 {
            assert_eq!(error_of(&mut viewer.source).kind(), ErrorKind::Closed);
        }
        assert_eq!(viewer.source.cursor().unwrap_err().kind(), ErrorKind::Closed);
        assert_eq!(open(&server, Target::Screen, protocol).unwrap_err().kind(), ErrorKind::NotFound);
    }
}

#[test]
fn what_was_forgotten_is_given_whole_again() {
    for (suite, protocol) in WAYS {
        let server = Sway::start(suite, "320x200");
        let mut painter = Painter::new(&server, "forget", SIZE, 1);
        corners(&mut painter);
        let mut viewer = Viewer::new(open(&server, Target::Screen, protocol).unwrap());
        viewer.shows(painter.canvas());
        // Until nothing is left to be told.
        viewer.until("rest", |captured, _| *captured == Captured::Unchanged);
        for _ in 0..3 {
            viewer.source.forget();
            viewer.frame = blank(viewer.frame.size());
            let captured = viewer.next(Duration::ZERO).unwrap();
            let Captured::Frame { damage, .. } = captured else { panic!("{captured:?}") };
            assert_eq!(damage, Damage::Within(Region::full(viewer.frame.size())));
            assert!(viewer.frame == *painter.canvas());
        }
    }
}

#[test]
fn only_what_was_allowed_is_opened() {
    let server = Sway::start(Suite::Own, "320x200");
    let options = Options { display: Some(server.display.clone()), ..Options::default() };
    let grant = granted(Target::Monitor(0));
    let kind = |target| WaylandCapturer::open(target, &options, &grant).unwrap_err().kind();
    assert_eq!(kind(Target::Screen), ErrorKind::Denied);
    assert_eq!(kind(Target::Window(7)), ErrorKind::Denied);
    let mut viewer = Viewer::new(WaylandCapturer::open(Target::Monitor(0), &options, &grant).unwrap());
    viewer.until("a picture", |captured, _| matches!(captured, Captured::Frame { .. }));
    grant.revoke();
    assert_eq!(viewer.next(Duration::ZERO).unwrap_err().kind(), ErrorKind::Revoked);
    // An old compositor knows no windows.
    assert_eq!(
        open(&server, Target::Window(7), Protocol::ImageCopy).unwrap_err().kind(),
        ErrorKind::Unsupported
    );
    let nowhere = Options { display: Some("/no/such/socket".into()), ..Options::default() };
    let error = WaylandCapturer::open(Target::Screen, &nowhere, &granted(Target::Screen)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

/// Sway turns by the clock, the protocol against it.
#[test]
fn a_turned_and_scaled_monitor_is_listed_as_it_stands() {
    let server = Sway::start(Suite::Newer, "320x200");
    server.command("output HEADLESS-1 transform 90 scale 2");
    let listed = sources(Some(&server.display)).unwrap();
    let found = listed.iter().find(|s| s.id == "screen:0").expect("it is there");
    assert_eq!(
        (found.size, found.rotation, found.scale_percent),
        (Size::new(200, 320), Rotation::Quarter, 200)
    );
}
