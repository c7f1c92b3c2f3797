//! X11 capture against the X server's own pixels, and what happens when the server or a window goes away.
#![cfg(target_os = "linux")]

mod xserver;

use panecast::capture::linux::x11::{Options, Target, Transport, X11Capturer};
use panecast::capture::{Captured, Capturer, CursorUpdate, Damage};
use panecast::frame::{FrameBuf, Rect, Region, Size};
use panecast::limits::Limits;
use panecast::session::{CaptureGrant, Consent, Decision, Purpose};
use panecast::{Error, ErrorKind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use x11rb::connection::Connection as _;
use x11rb::protocol::randr::ConnectionExt as _;
use x11rb::protocol::xproto::{
    AtomEnum, ChangeWindowAttributesAux, ConfigureWindowAux, ConnectionExt as _, CreateGCAux, PropMode,
    Rectangle,
};
use xserver::{Artist, Dice, LONG, Program, XServer, wait_for};

const TRANSPORTS: [Transport; 3] = [Transport::SharedPixmap, Transport::SharedImage, Transport::Socket];

fn granted(target: Target) -> CaptureGrant {
    let purpose = if matches!(target, Target::Window(_)) { Purpose::Window } else { Purpose::Screen };
    Consent::ask(purpose, target.id()).answer(Decision::Allow).unwrap()
}

fn open(server: &XServer, target: Target, transport: Transport) -> panecast::Result<X11Capturer> {
    X11Capturer::open(
        target,
        Options { display: Some(server.display.clone()), transport, ..Options::default() },
        &granted(target),
    )
}

fn blank(size: Size) -> FrameBuf {
    FrameBuf::new(size, &Limits::default()).unwrap()
}

/// A capturer with one buffer that is kept up to date.
struct Viewer {
    source: X11Capturer,
    frame: FrameBuf,
    stale: Region,
}

impl Viewer {
    fn new(source: X11Capturer) -> Self {
        let size = source.info().size;
        Self { source, frame: blank(size), stale: Region::full(size) }
    }

    fn next(&mut self, timeout: Duration) -> panecast::Result<Captured> {
        let captured = self.source.next(&mut self.frame, &self.stale, timeout)?;
        match &captured {
            Captured::Frame { .. } => self.stale.clear(),
            Captured::Resized(size) => {
                self.frame = blank(*size);
                self.stale = Region::full(*size);
            }
            Captured::Unchanged | Captured::Ended => {}
        }
        Ok(captured)
    }

    /// Captures until nothing changes any more.
    fn settle(&mut self) {
        let start = Instant::now();
        while self.next(Duration::ZERO).unwrap() != Captured::Unchanged {
            assert!(start.elapsed() < LONG, "it never comes to rest");
        }
    }

    /// Captures until `accept` takes what was captured.
    fn until(&mut self, what: &str, mut accept: impl FnMut(&Captured, &FrameBuf) -> bool) -> Captured {
        let start = Instant::now();
        loop {
            let captured = self.next(Duration::from_millis(50)).unwrap();
            if accept(&captured, &self.frame) {
                return captured;
            }
            assert!(start.elapsed() < LONG, "waited in vain for {what}");
        }
    }
}

fn color_at(frame: &FrameBuf, x: u32, y: u32) -> u32 {
    let px = &frame.row(y)[x as usize * 4..][..4];
    u32::from_le_bytes([px[0], px[1], px[2], 0])
}

/// Waits for the error that `source` ends with. The deadline stands for "never a hang".
fn error_of(source: &mut X11Capturer) -> Error {
    let size = source.info().size;
    let (mut frame, start) = (blank(size), Instant::now());
    loop {
        match source.next(&mut frame, &Region::full(size), LONG) {
            Err(e) => return e,
            Ok(_) => assert!(start.elapsed() < LONG, "no error came"),
        }
    }
}

/// Random drawing, three buffers in turn: each picture equals the server's, and each changed pixel lies within
/// the hints.
fn pixels_are_the_servers(transport: Transport, options: &[&str]) {
    let server = XServer::start("320x200x24", options);
    let artist = Artist::connect(&server);
    let size = Size::new(320, 200);
    let children = [
        artist.window(Rect::new(20, 30, 120, 90), 2, 0x20_4060),
        artist.window(Rect::new(90, 60, 150, 120), 0, 0xC0_C0A0),
    ];
    let mut source = open(&server, Target::Screen, transport).unwrap();
    let mut turns: Vec<(FrameBuf, Region)> = (0..3).map(|_| (blank(size), Region::full(size))).collect();
    let mut dice = Dice(0x1234_5678_9ABC_DEF1);
    let mut shadow: Option<FrameBuf> = None;
    let (mut frames, mut tight) = (0u32, 0u32);
    while frames < 250 {
        match dice.below(10) {
            0..=4 => artist.scribble(artist.root(), size, &mut dice),
            5..=7 => artist.scribble(children[frames as usize % 2], Size::new(100, 80), &mut dice),
            8 => {
                let to = ConfigureWindowAux::new().x(dice.below(250) as i32).y(dice.below(150) as i32);
                artist.x.configure_window(children[frames as usize % 2], &to).unwrap();
            }
            // Nothing: the next call may find no change.
            _ => {}
        }
        artist.sync();
        let (frame, stale) = &mut turns[frames as usize % 3];
        let captured = source.next(frame, stale, Duration::ZERO).unwrap();
        let Captured::Frame { timestamp: None, damage } = captured else {
            assert_eq!(captured, Captured::Unchanged);
            assert!(shadow.as_ref() == Some(&artist.screen_pixels()), "a change was missed");
            continue;
        };
        stale.clear();
        let truth = artist.screen_pixels();
        assert!(*frame == truth, "{transport:?}: picture {frames} is not the server's");
        let region = match &damage {
            Damage::Within(region) => region.clone(),
            Damage::Unknown => Region::full(size),
        };
        if let Some(before) = &shadow {
            for (i, (a, b)) in before.pixels().chunks_exact(4).zip(truth.pixels().chunks_exact(4)).enumerate()
            {
                let (x, y) = (i as u32 % size.width, i as u32 / size.width);
                assert!(a == b || region.contains_point(x, y), "({x}, {y}) changed outside the hints");
            }
        }
        tight += u32::from(region.bounds().area() < size.area());
        for (other, (_, stale)) in turns.iter_mut().enumerate() {
            if other != frames as usize % 3 {
                stale.add_region(&region);
            }
        }
        shadow = Some(truth);
        frames += 1;
    }
    let has_damage = !options.contains(&"DAMAGE") && !options.contains(&"XFIXES");
    assert!(!has_damage || tight > 100, "only {tight} of {frames} hints say more than `all`");
}

#[test]
fn every_pixel_is_the_servers_by_shared_pixmap() {
    pixels_are_the_servers(Transport::SharedPixmap, &[]);
}

#[test]
fn every_pixel_is_the_servers_by_shared_image() {
    pixels_are_the_servers(Transport::SharedImage, &[]);
}

#[test]
fn every_pixel_is_the_servers_by_socket() {
    pixels_are_the_servers(Transport::Socket, &[]);
}

/// Servers without an extension are captured by what they have.
#[test]
fn every_pixel_is_the_servers_without_extensions() {
    for missing in ["MIT-SHM", "DAMAGE", "XFIXES", "RANDR"] {
        pixels_are_the_servers(Transport::SharedPixmap, &["-extension", missing]);
    }
}

/// A painter changes 600 places at once, under a grab, and never stops: no picture shows a part of a change.
#[test]
fn a_picture_is_of_one_moment() {
    for transport in TRANSPORTS {
        let server = XServer::start("400x300x24", &[]);
        let size = Size::new(400, 300);
        let source = open(&server, Target::Screen, transport).unwrap();
        let (artist, stop) = (Artist::connect(&server), AtomicBool::new(false));
        artist.fill(artist.root(), size.rect(), 0);
        artist.sync();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut color = 0;
                while !stop.load(Ordering::Relaxed) {
                    color += 1;
                    artist.x.grab_server().unwrap();
                    for i in 0..600 {
                        let spot = Rect::new(i % 30 * 13, i / 30 * 15, 9, 11);
                        artist.fill(artist.root(), spot, color);
                    }
                    artist.x.ungrab_server().unwrap();
                    artist.sync();
                }
            });
            let mut viewer = Viewer::new(source);
            let (mut seen, mut last) = (0, 0);
            while seen < 60 {
                let captured = viewer.until("a picture", |c, _| matches!(c, Captured::Frame { .. }));
                let color = color_at(&viewer.frame, 0, 0);
                let torn =
                    (0..600u32).find(|i| color_at(&viewer.frame, i % 30 * 13 + 8, i / 30 * 15 + 10) != color);
                if torn.is_some() || color < last {
                    stop.store(true, Ordering::Relaxed);
                    panic!("{transport:?}: {captured:?} mixes two moments at place {torn:?}");
                }
                seen += u32::from(color > last);
                last = color;
            }
            stop.store(true, Ordering::Relaxed);
        });
    }
}

/// A real program: when the server's picture was the same before and after a capture, the capture is that picture.
#[test]
fn a_terminal_is_captured_as_it_is_shown() {
    let server = XServer::start("640x400x24", &[]);
    let artist = Artist::connect(&server);
    let script = "i=0; while :; do i=$((i+1)); echo \"$i: the quick brown fox $((i*i))\"; done";
    let xterm = Program::start(&server, "xterm", &["-geometry", "80x24+5+5", "-e", "sh", "-c", script]);
    let mut viewer = Viewer::new(open(&server, Target::Screen, Transport::SharedPixmap).unwrap());
    let start = viewer.frame.clone();
    let mut compared = Vec::new();
    while compared.len() < 5 {
        // It runs until it has drawn something new, then it is held while the pictures are compared.
        let last = compared.last().unwrap_or(&start).clone();
        viewer.until("the terminal to draw", |_, frame| *frame != last);
        xterm.stop();
        wait_for("the server to come to rest", || {
            let before = artist.screen_pixels();
            viewer.settle();
            if before != artist.screen_pixels() {
                return false;
            }
            assert!(viewer.frame == before, "picture {} is not the server's", compared.len());
            true
        });
        compared.push(viewer.frame.clone());
        xterm.resume();
    }
}

/// A part of the screen that does not begin at its corner.
#[test]
fn a_monitor_is_its_part_of_the_screen() {
    for transport in TRANSPORTS {
        let server = XServer::start("300x200x24", &[]);
        let artist = Artist::connect(&server);
        let part = Rect::new(70, 40, 150, 110);
        let name = artist.x.intern_atom(false, b"left").unwrap().reply().unwrap().atom;
        let monitor = x11rb::protocol::randr::MonitorInfo {
            name,
            x: 70,
            y: 40,
            width: 150,
            height: 110,
            width_in_millimeters: 100,
            height_in_millimeters: 80,
            ..Default::default()
        };
        artist.x.randr_set_monitor(artist.root(), monitor).unwrap().check().unwrap();
        let listed = panecast::capture::linux::x11::sources(Some(&server.display)).unwrap();
        let found = listed.iter().find(|s| s.name == "left").expect("the monitor is listed");
        assert_eq!(found.size, part.size());
        let number: usize = found.id.strip_prefix("screen:").unwrap().parse().unwrap();
        let mut viewer = Viewer::new(open(&server, Target::Monitor(number), transport).unwrap());
        assert_eq!(viewer.source.info().name, "left");
        let mut dice = Dice(99);
        for _ in 0..40 {
            artist.scribble(artist.root(), Size::new(300, 200), &mut dice);
            artist.sync();
            viewer.settle();
            assert!(viewer.frame == artist.pixels(artist.root(), part), "{transport:?}");
        }
        // What happens elsewhere is none of its business.
        artist.fill(artist.root(), Rect::new(0, 0, 60, 30), 0x12_3456);
        artist.sync();
        assert_eq!(viewer.next(Duration::ZERO).unwrap(), Captured::Unchanged);

        artist.x.randr_delete_monitor(artist.root(), name).unwrap().check().unwrap();
        let error = open(&server, Target::Monitor(7), transport).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.message().contains("no monitor 7"), "{error}");
    }
}

/// Makes the screen `size`, without any monitor: all that a virtual server can do.
fn resize_screen(artist: &Artist, size: Size) {
    let x = &artist.x;
    let resources = x.randr_get_screen_resources(artist.root()).unwrap().reply().unwrap();
    for crtc in resources.crtcs {
        let none = x11rb::protocol::randr::Rotation::ROTATE0;
        x.randr_set_crtc_config(crtc, 0, resources.config_timestamp, 0, 0, 0, none, &[])
            .unwrap()
            .reply()
            .unwrap();
    }
    let (w, h) = (size.width as u16, size.height as u16);
    x.randr_set_screen_size(artist.root(), w, h, 100, 100).unwrap().check().unwrap();
}

#[test]
fn a_new_resolution_is_announced_and_followed() {
    for transport in TRANSPORTS {
        let server = XServer::start("400x300x24", &[]);
        let artist = Artist::connect(&server);
        let mut viewer = Viewer::new(open(&server, Target::Screen, transport).unwrap());
        viewer.settle();
        for size in [Size::new(250, 180), Size::new(380, 290), Size::new(100, 300)] {
            resize_screen(&artist, size);
            artist.fill(artist.root(), Rect::new(10, 10, 60, 50), size.width * 1000);
            artist.sync();
            let before = viewer.frame.clone();
            let resized = viewer.until("the new size", |c, _| matches!(c, Captured::Resized(_)));
            assert_eq!(resized, Captured::Resized(size));
            assert_eq!(viewer.source.info().size, size);
            assert!(before.size() != size);
            viewer.settle();
            assert!(viewer.frame == artist.screen_pixels(), "{transport:?}, {size}");
        }
    }
}

#[test]
fn a_monitor_that_is_unplugged_ends() {
    let server = XServer::start("400x300x24", &[]);
    let artist = Artist::connect(&server);
    let mut source = open(&server, Target::Monitor(0), Transport::SharedPixmap).unwrap();
    resize_screen(&artist, Size::new(200, 100));
    let error = error_of(&mut source);
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert!(error.message().contains("not connected"), "{error}");
}

#[test]
fn a_window_is_captured_under_others() {
    for transport in TRANSPORTS {
        let server = XServer::start("400x300x24", &[]);
        let artist = Artist::connect(&server);
        let area = Rect::new(50, 40, 200, 150);
        let window = artist.window(area, 3, 0x11_2233);
        let mut viewer = Viewer::new(open(&server, Target::Window(window), transport).unwrap());
        assert_eq!(viewer.source.info().size, area.size());
        viewer.settle();
        let cover = artist.window(Rect::new(60, 60, 300, 200), 0, 0xFF_FFFF);
        // What the window should hold, drawn by hand.
        let mut expected = blank(area.size());
        for px in expected.pixels_mut().chunks_exact_mut(4) {
            px.copy_from_slice(&[0x33, 0x22, 0x11, 255]);
        }
        let mut dice = Dice(5);
        for i in 0..30 {
            let spot = Rect::new(dice.below(180), dice.below(140), 1 + dice.below(20), 1 + dice.below(10));
            let color = dice.below(1 << 24);
            artist.fill(window, spot, color);
            artist.fill(cover, spot, color ^ 0xFF_FFFF);
            artist.sync();
            for y in spot.y..spot.bottom() {
                for px in expected.row_of_mut(&spot, y).chunks_exact_mut(4) {
                    px.copy_from_slice(&(color | 0xFF00_0000).to_le_bytes());
                }
            }
            viewer.settle();
            assert!(viewer.frame == expected, "{transport:?}: after {i} drawings");
        }
        assert_eq!(viewer.next(Duration::ZERO).unwrap(), Captured::Unchanged);
        artist.fill(cover, Rect::new(0, 0, 300, 200), 0x55_5555);
        artist.x.configure_window(window, &ConfigureWindowAux::new().x(90)).unwrap();
        artist.sync();
        viewer.settle();
        assert!(viewer.frame == expected, "neither its cover nor its move changes the picture");
    }
}

#[test]
fn a_window_is_followed_through_its_life() {
    for transport in TRANSPORTS {
        let server = XServer::start("400x300x24", &[]);
        let artist = Artist::connect(&server);
        let window = artist.window(Rect::new(20, 20, 120, 90), 2, 0x44_5566);
        let mut viewer = Viewer::new(open(&server, Target::Window(window), transport).unwrap());
        viewer.settle();
        let grown = Size::new(180, 70);
        let to = ConfigureWindowAux::new().width(grown.width).height(grown.height);
        artist.x.configure_window(window, &to).unwrap();
        artist.sync();
        viewer.until("the new size", |c, _| *c == Captured::Resized(grown));
        artist.fill(window, Rect::new(100, 10, 70, 50), 0xAB_CDEF);
        artist.sync();
        viewer.settle();
        assert_eq!(color_at(&viewer.frame, 169, 59), 0xAB_CDEF);
        assert_eq!(color_at(&viewer.frame, 170, 59), 0x44_5566);

        // Minimised: the last picture stays. Shown again, it is redrawn.
        let before = viewer.frame.clone();
        artist.x.unmap_window(window).unwrap();
        artist.sync();
        assert_eq!(viewer.next(Duration::from_millis(20)).unwrap(), Captured::Unchanged);
        assert!(viewer.frame == before);
        artist.x.map_window(window).unwrap();
        artist.fill(window, Rect::new(0, 0, 180, 70), 0x01_0203);
        artist.sync();
        viewer.until("the picture after it came back", |_, frame| color_at(frame, 5, 5) == 0x01_0203);

        artist.x.destroy_window(window).unwrap();
        artist.sync();
        let error = error_of(&mut viewer.source);
        assert_eq!(error.kind(), ErrorKind::Closed);
        assert!(error.message().contains("was closed"), "{error}");
        // It stays closed.
        assert_eq!(viewer.source.cursor().unwrap_err().kind(), ErrorKind::Closed);
        assert_eq!(error_of(&mut viewer.source).kind(), ErrorKind::Closed);
    }
}

/// The window is closed by its program's end while the capturer waits.
#[test]
fn a_closed_program_wakes_the_capturer() {
    let server = XServer::start("400x300x24", &[]);
    let artist = Artist::connect(&server);
    let window = artist.window(Rect::new(20, 20, 120, 90), 0, 0x44_5566);
    let mut source = open(&server, Target::Window(window), Transport::SharedPixmap).unwrap();
    let waiting = std::thread::spawn(move || error_of(&mut source).kind());
    drop(artist);
    assert_eq!(waiting.join().unwrap(), ErrorKind::Closed);
}

#[test]
fn a_dead_server_ends_the_capture() {
    for transport in TRANSPORTS {
        let mut server = XServer::start("400x300x24", &[]);
        let mut source = open(&server, Target::Screen, transport).unwrap();
        let size = source.info().size;
        source.next(&mut blank(size), &Region::full(size), LONG).unwrap();
        let waiting = std::thread::spawn(move || {
            let kinds = (error_of(&mut source).kind(), error_of(&mut source).kind());
            (kinds, source.cursor().unwrap_err().kind())
        });
        server.kill();
        assert_eq!(waiting.join().unwrap(), ((ErrorKind::Closed, ErrorKind::Closed), ErrorKind::Closed));
    }
}

#[test]
fn a_stalled_server_is_reported_and_recovers() {
    for transport in TRANSPORTS {
        let server = XServer::start("400x300x24", &[]);
        let artist = Artist::connect(&server);
        let mut viewer = Viewer::new(open(&server, Target::Screen, transport).unwrap());
        viewer.settle();
        for round in 0..2u32 {
            server.stop();
            // Drawn while nobody looks; the server gets to it later.
            let color = 0x10_0000 + round;
            artist.fill(artist.root(), Rect::new(5, 5, 90, 80), color);
            artist.x.flush().unwrap();
            for _ in 0..3 {
                let error = error_of(&mut viewer.source);
                assert_eq!(error.kind(), ErrorKind::Stalled, "{error}");
            }
            assert_eq!(viewer.source.cursor().unwrap_err().kind(), ErrorKind::Stalled);
            server.resume();
            artist.sync();
            let start = Instant::now();
            while color_at(&viewer.frame, 50, 50) != color {
                match viewer.next(Duration::from_millis(100)) {
                    Ok(_) => {}
                    Err(e) => assert_eq!(e.kind(), ErrorKind::Stalled),
                }
                assert!(start.elapsed() < LONG, "{transport:?}: it does not recover");
            }
            viewer.settle();
            assert!(viewer.frame == artist.screen_pixels());
            viewer.source.cursor().unwrap();
        }
        server.stop();
        let error = open(&server, Target::Screen, transport).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Stalled);
        let error = panecast::capture::linux::x11::sources(Some(&server.display)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Stalled);
    }
}

#[test]
fn the_cursor_is_told_apart_from_the_picture() {
    let server = XServer::start("400x300x24", &[]);
    let artist = Artist::connect(&server);
    let x = &artist.x;
    // An 8 × 8 cursor: its left half red, the rest see-through.
    let (image, gc, cursor) = (x.generate_id().unwrap(), x.generate_id().unwrap(), x.generate_id().unwrap());
    x.create_pixmap(1, image, artist.root(), 8, 8).unwrap();
    x.create_gc(gc, image, &CreateGCAux::new().foreground(0)).unwrap();
    x.poly_fill_rectangle(image, gc, &[Rectangle { x: 0, y: 0, width: 8, height: 8 }]).unwrap();
    x.change_gc(gc, &x11rb::protocol::xproto::ChangeGCAux::new().foreground(1)).unwrap();
    x.poly_fill_rectangle(image, gc, &[Rectangle { x: 0, y: 0, width: 4, height: 8 }]).unwrap();
    x.create_cursor(cursor, image, image, 0xFFFF, 0, 0, 0, 0, 0, 3, 5).unwrap();
    x.change_window_attributes(artist.root(), &ChangeWindowAttributesAux::new().cursor(cursor)).unwrap();
    let warp = |to: (i16, i16)| {
        x.warp_pointer(0u32, artist.root(), 0, 0, 0, 0, to.0, to.1).unwrap();
        artist.sync();
    };
    warp((120, 80));
    let mut viewer = Viewer::new(open(&server, Target::Screen, Transport::SharedPixmap).unwrap());
    let window = artist.window(Rect::new(100, 60, 50, 50), 0, 0xFF_FFFF);
    let mut in_window = Viewer::new(open(&server, Target::Window(window), Transport::SharedPixmap).unwrap());
    viewer.settle();
    in_window.settle();

    let first = viewer.source.cursor().unwrap().expect("the first call tells all");
    assert_eq!(first.position, Some((120, 80)));
    let shape = first.shape.expect("the first call has the shape");
    assert_eq!((shape.size, shape.hotspot), (Size::new(8, 8), (3, 5)));
    for (i, px) in shape.pixels.chunks_exact(4).enumerate() {
        let expected = if i % 8 < 4 { [0, 0, 255, 255] } else { [0, 0, 0, 0] };
        assert_eq!(px, expected, "pixel {i}");
    }
    assert_eq!(in_window.source.cursor().unwrap().unwrap().position, Some((20, 20)));
    assert_eq!(viewer.source.cursor().unwrap(), None, "nothing changed");

    let before = viewer.frame.clone();
    warp((10, 290));
    let moved = CursorUpdate { position: Some((10, 290)), shape: None };
    assert_eq!(viewer.source.cursor().unwrap(), Some(moved));
    assert_eq!(in_window.source.cursor().unwrap().unwrap().position, None, "it left the window");
    viewer.settle();
    assert!(viewer.frame == before, "the cursor is no part of the picture");

    // Another shape over the window.
    let arrow = x.generate_id().unwrap();
    x.create_cursor(arrow, image, image, 0, 0, 0xFFFF, 0, 0, 0, 0, 0).unwrap();
    x.change_window_attributes(window, &ChangeWindowAttributesAux::new().cursor(arrow)).unwrap();
    warp((110, 70));
    let changed = viewer.source.cursor().unwrap().unwrap();
    assert_eq!(changed.position, Some((110, 70)));
    let shape = changed.shape.expect("the shape changed");
    assert_eq!(shape.hotspot, (0, 0));
    assert_eq!(shape.pixels[..4], [255, 0, 0, 255]);
}

#[test]
fn windows_are_listed_with_their_titles() {
    let server = XServer::start("400x300x24", &[]);
    let artist = Artist::connect(&server);
    let window = artist.window(Rect::new(10, 10, 64, 48), 0, 0);
    let hidden = artist.window(Rect::new(10, 10, 64, 48), 0, 0);
    artist.x.unmap_window(hidden).unwrap();
    let utf8 = artist.x.intern_atom(false, b"UTF8_STRING").unwrap().reply().unwrap().atom;
    let name = artist.x.intern_atom(false, b"_NET_WM_NAME").unwrap().reply().unwrap().atom;
    let title = "Caf\u{e9} \u{1b}[2Jclear";
    x11rb::wrapper::ConnectionExt::change_property8(
        &artist.x,
        PropMode::REPLACE,
        window,
        name,
        utf8,
        title.as_bytes(),
    )
    .unwrap();
    let class = (AtomEnum::WM_CLASS, AtomEnum::STRING, b"notes\0Notes\0");
    x11rb::wrapper::ConnectionExt::change_property8(
        &artist.x,
        PropMode::REPLACE,
        window,
        class.0,
        class.1,
        class.2,
    )
    .unwrap();
    let pid = artist.x.intern_atom(false, b"_NET_WM_PID").unwrap().reply().unwrap().atom;
    let (cardinal, own) = (AtomEnum::CARDINAL, [4711]);
    x11rb::wrapper::ConnectionExt::change_property32(
        &artist.x,
        PropMode::REPLACE,
        window,
        pid,
        cardinal,
        &own,
    )
    .unwrap();
    artist.sync();
    let listed = panecast::capture::linux::x11::sources(Some(&server.display)).unwrap();
    assert_eq!(listed[0].id, "screen");
    assert_eq!(listed[0].size, Size::new(400, 300));
    assert!(listed.iter().any(|s| s.id == "screen:0" && s.size == Size::new(400, 300)));
    let found = listed.iter().find(|s| s.id == format!("window:{window:#x}")).unwrap();
    assert_eq!(found.name, "Caf\u{e9} [2Jclear", "control characters must not reach a terminal");
    assert_eq!((found.size, found.origin), (Size::new(64, 48), Some((10, 10))));
    assert_eq!((found.class.as_deref(), found.pid), (Some("Notes"), Some(4711)));
    assert!(!listed.iter().any(|s| s.id == format!("window:{hidden:#x}")));
}

#[test]
fn what_cannot_be_captured_says_why() {
    let server = XServer::start("300x200x24", &[]);
    let error = open(&server, Target::Window(0x7FFF_FFF1), Transport::SharedPixmap).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.message().contains("0x7ffffff1"), "{error}");

    let shallow = XServer::start("300x200x16", &[]);
    let error = open(&shallow, Target::Screen, Transport::SharedPixmap).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("16"), "{error}");

    let plain = XServer::start("300x200x24", &["-extension", "Composite"]);
    let artist = Artist::connect(&plain);
    let window = artist.window(Rect::new(0, 0, 20, 20), 0, 0);
    let error = open(&plain, Target::Window(window), Transport::SharedPixmap).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("COMPOSITE"), "{error}");

    for display in [":59999", "no-such-host.invalid:0", "nonsense", ""] {
        let options = Options { display: Some(display.into()), ..Options::default() };
        let error = X11Capturer::open(Target::Screen, options, &granted(Target::Screen)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{display:?}: {error}");
        assert!(error.message().contains("no display"), "{error}");
    }
}

/// The message that a person without a display reads. The variable is taken away from a process of its own.
#[test]
fn without_display_the_error_says_what_to_do() {
    if std::env::var_os("DISPLAY").is_some() {
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "without_display_the_error_says_what_to_do"])
            .env_remove("DISPLAY")
            .stdout(std::process::Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
        return;
    }
    let error = panecast::capture::open(&"screen".parse().unwrap(), &granted(Target::Screen)).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.message().starts_with("no display: DISPLAY is not set"), "{error}");
    let listed = panecast::capture::sources().unwrap();
    assert_eq!(listed.len(), 1, "the built-in desktop is always there");
}

/// Peers that are no X server: silent, gone at once, or talking nonsense.
#[test]
fn a_peer_that_is_no_server_gives_typed_errors() {
    use std::io::{Read as _, Write as _};
    for (speech, kinds) in [
        (None, &[ErrorKind::Stalled][..]),
        (Some(&b""[..]), &[ErrorKind::NotFound]),
        (Some(b"HTTP/1.1 400 Bad Request\r\n\r\n"), &[ErrorKind::InvalidData, ErrorKind::NotFound]),
        // A sound head that promises no roots.
        (Some(&[1, 0, 11, 0, 0, 0, 1, 0, 0, 0, 0, 0]), &[ErrorKind::InvalidData]),
        // A refusal with a reason.
        (Some(&[0, 2, 11, 0, 0, 0, 1, 0, b'n', b'o', 0, 0]), &[ErrorKind::Denied]),
    ] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let display = i32::from(listener.local_addr().unwrap().port()) - 6000;
        if display < 0 {
            continue;
        }
        let peer = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            if let Some(speech) = speech {
                // The greeting first: closing with it unread would cut our answer off.
                stream.read_exact(&mut [0; 12]).unwrap();
                stream.write_all(speech).unwrap();
                return None;
            }
            Some(stream)
        });
        let options = Options { display: Some(format!("127.0.0.1:{display}")), ..Options::default() };
        let error = X11Capturer::open(Target::Screen, options, &granted(Target::Screen)).unwrap_err();
        assert!(kinds.contains(&error.kind()), "{speech:?} gave {:?}: {error}", error.kind());
        drop(peer.join().unwrap());
    }
}
