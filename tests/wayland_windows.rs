//! Windows and the cursor of a Wayland compositor that tells of them, against what clients of ours showed.
#![cfg(target_os = "linux")]

mod wayland_server;

use panecast::ErrorKind;
use panecast::capture::linux::wayland::{Protocol, Target, sources};
use panecast::capture::{Captured, Capturer as _, CursorShape};
use panecast::frame::{Rect, Size};
use std::time::{Duration, Instant};
use wayland_server::hand::Hand;
use wayland_server::painter::Painter;
use wayland_server::viewer::{Viewer, error_of, open};
use wayland_server::{Dice, LONG, Suite, Sway};

const SIZE: Size = Size::new(320, 200);
const HALF: Size = Size::new(160, 200);

fn window_called(server: &Sway, title: &str) -> Target {
    let listed = sources(Some(&server.display)).unwrap();
    let found = listed.iter().find(|s| s.name == title).expect("it is listed");
    Target::Window(u64::from_str_radix(found.id.strip_prefix("window:0x").unwrap(), 16).unwrap())
}

#[test]
fn a_window_is_captured_while_it_is_covered_and_followed_to_its_end() {
    let server = Sway::start(Suite::Newer, "320x200");
    let mut dice = Dice(3);
    let mut one = Painter::new(&server, "one", SIZE, 1);
    let mut two = Painter::new(&server, "two", HALF, 1);
    one.becomes(HALF);
    one.scribble(&mut dice);
    one.commit();
    two.scribble(&mut dice);
    two.commit();
    let mut viewers = ["one", "two"]
        .map(|title| Viewer::new(open(&server, window_called(&server, title), Protocol::ImageCopy).unwrap()));
    assert_eq!(viewers[0].source.info().name, "one");
    viewers[0].shows(one.canvas());
    viewers[1].shows(two.canvas());

    // The second covers all; the first goes on painting.
    server.command("[title=\"two\"] fullscreen enable");
    two.becomes(SIZE);
    two.fill(Rect::new(30, 40, 50, 60), 0x80_4020);
    two.commit();
    viewers[1].shows(two.canvas());
    for _ in 0..5 {
        one.scribble(&mut dice);
        one.hand_over();
        viewers[0].shows(one.canvas());
    }

    // Alone again, it is resized, and then closed.
    drop(two);
    assert_eq!(error_of(&mut viewers[1].source).kind(), ErrorKind::Closed);
    one.becomes(SIZE);
    one.scribble(&mut dice);
    one.commit();
    viewers[0].shows(one.canvas());
    assert_eq!(viewers[0].source.info().size, SIZE);
    let target = window_called(&server, "one");
    drop(one);
    assert_eq!(error_of(&mut viewers[0].source).kind(), ErrorKind::Closed);
    let error = open(&server, target, Protocol::ImageCopy).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

/// Premultiplied, half of it transparent.
fn arrow(size: Size) -> Vec<u8> {
    (0..size.area()).flat_map(|i| if i % 3 == 0 { [0; 4] } else { [i as u8, 40, 90, 255] }).collect()
}

#[test]
fn the_cursor_is_told_and_is_in_no_picture() {
    let server = Sway::start(Suite::Newer, "320x200");
    let mut hand = Hand::new(&server);
    hand.point(1, 1, SIZE);
    let mut painter = Painter::new(&server, "cursor", SIZE, 1);
    painter.fill(Rect::new(0, 0, 320, 200), 0x30_9060);
    painter.commit();
    let size = Size::new(24, 32);
    painter.point_with(size, (5, 7), &arrow(size));
    let mut viewer = Viewer::new(open(&server, Target::Monitor(0), Protocol::ImageCopy).unwrap());
    viewer.shows(painter.canvas());
    let (mut position, mut shape): (_, Option<CursorShape>) = (None, None);
    for (x, y) in [(100, 50), (101, 50), (319, 199), (0, 0), (200, 120)] {
        hand.point(x, y, SIZE);
        painter.hear();
        let start = Instant::now();
        while position != Some((x as i32, y as i32)) || shape.as_ref().is_none_or(|s| s.size != size) {
            painter.hear();
            viewer.next(Duration::from_millis(20)).unwrap();
            if let Some(update) = viewer.source.cursor().unwrap() {
                position = update.position;
                shape = update.shape.or(shape);
            }
            assert!(start.elapsed() < LONG, "the cursor is at {position:?}, not at ({x}, {y})");
        }
        let shape = shape.as_ref().unwrap();
        assert_eq!(shape.hotspot, (5, 7));
        assert!(shape.pixels == arrow(size), "another shape");
    }
    painter.fill(Rect::new(190, 110, 20, 20), 0x11_2233);
    painter.commit();
    viewer.shows(painter.canvas());
    // What was forgotten is told anew.
    viewer.source.forget();
    viewer.until("a picture", |captured, _| matches!(captured, Captured::Frame { .. }));
    let told = viewer.source.cursor().unwrap().expect("it is told anew");
    assert_eq!(told.position, Some((200, 120)));
    assert_eq!(told.shape, shape);
    assert_eq!(viewer.source.cursor().unwrap(), None);
}

/// Where the compositor draws the cursor into its pictures itself, screencopy cannot leave it out; but it never tells of it.
#[test]
fn screencopy_tells_of_no_cursor() {
    for suite in [Suite::Own, Suite::Newer] {
        let server = Sway::start(suite, "320x200");
        let mut hand = Hand::new(&server);
        let mut painter = Painter::new(&server, "no cursor", SIZE, 1);
        let mut viewer = Viewer::new(open(&server, Target::Screen, Protocol::Screencopy).unwrap());
        hand.point(120, 100, SIZE);
        painter.fill(Rect::new(0, 0, 60, 60), 0xF0_A010);
        painter.commit();
        viewer.until("a picture", |_, frame| frame.row(30)[4..8] == [0x10, 0xA0, 0xF0, 255]);
        println!("{suite:?}: the cursor is in it: {}", viewer.frame != *painter.canvas());
        assert_eq!(viewer.source.cursor().unwrap(), None);
    }
}
