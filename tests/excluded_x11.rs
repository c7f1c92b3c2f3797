//! Windows that are left out of a screen's picture, against the server's own pixels.
#![cfg(target_os = "linux")]

mod xserver;

use panecast::capture::linux::x11::{Options, Target, X11Capturer};
use panecast::capture::mask::{MASK_COLOUR, MaskSet, Masked, WindowMatch};
use panecast::capture::{Capturer, Excluded};
use panecast::frame::{Rect, Size};
use panecast::session::{Consent, Decision, Purpose};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use x11rb::protocol::shape::{ConnectionExt as _, SK, SO};
use x11rb::protocol::xproto::{ClipOrdering, ConfigureWindowAux, ConnectionExt as _, Rectangle, Window};
use xserver::eye::{Eye, Stops, at, shows};
use xserver::{Artist, Dice, LONG, XServer};

const SIZE: Size = Size::new(400, 300);
/// What only the visitor sees.
const OWN: u32 = 0xE5_383B;
const PAPER: u32 = 0x40_8020;
const SECRET: u32 = 0x11_C75E;

struct Desk {
    server: XServer,
    artist: Artist,
    excluded: Excluded,
}

impl Desk {
    fn new() -> Self {
        let server = XServer::start(&format!("{SIZE}x24"), &[]);
        let artist = Artist::connect(&server);
        Self { server, artist, excluded: Excluded::new() }
    }

    fn eye(&self) -> Eye<X11Capturer> {
        let grant = Consent::ask(Purpose::Screen, "screen").answer(Decision::Allow).unwrap();
        let options = Options {
            display: Some(self.server.display.clone()),
            excluded: self.excluded.clone(),
            ..Options::default()
        };
        Eye::new(X11Capturer::open(Target::Screen, options, &grant).unwrap())
    }

    /// A window over everything that shows in `shape` alone, left out before it is there.
    fn own(&self, shape: &[Rect]) -> Window {
        let id = self.artist.hidden_window(SIZE.rect(), OWN);
        self.excluded.add(id.into());
        self.cut(id, shape);
        let above = x11rb::protocol::xproto::ChangeWindowAttributesAux::new().override_redirect(1);
        self.artist.x.change_window_attributes(id, &above).unwrap();
        self.artist.x.map_window(id).unwrap();
        self.artist.sync();
        id
    }

    fn cut(&self, id: Window, shape: &[Rect]) {
        cut(&self.artist, id, shape);
    }
}

fn cut(artist: &Artist, id: Window, shape: &[Rect]) {
    let side = |v: u32| v as u16;
    let rects: Vec<Rectangle> = shape
        .iter()
        .map(|r| Rectangle { x: r.x as i16, y: r.y as i16, width: side(r.width), height: side(r.height) })
        .collect();
    artist.x.shape_rectangles(SO::SET, SK::BOUNDING, ClipOrdering::UNSORTED, id, 0, 0, &rects).unwrap();
    artist.sync();
}

#[test]
fn what_is_left_out_is_on_the_screen_and_not_in_the_picture() {
    let desk = Desk::new();
    let paper = desk.artist.window(Rect::new(50, 50, 300, 200), 0, PAPER);
    let mut eye = desk.eye();
    eye.until("the paper", |f| at(f, 100, 100) == PAPER);
    let before = eye.frame.clone();
    let line = Rect::new(60, 100, 200, 6);
    let own = desk.own(&[line]);
    assert_eq!(at(&desk.artist.screen_pixels(), 100, 102), OWN, "the visitor sees it");
    for _ in 0..5 {
        eye.look(Duration::from_millis(20));
        assert!(eye.frame.pixels() == before.pixels(), "the picture is as it was");
    }
    assert_eq!(eye.source.frozen().bounds(), line);
    // What happens beside it is seen; what happens under it waits.
    desk.artist.fill(paper, Rect::new(0, 0, 300, 200), 0xFF_FFFF);
    desk.artist.sync();
    eye.until("what is beside", |f| at(f, 60, 60) == 0xFF_FFFF && at(f, 100, 99) == 0xFF_FFFF);
    assert_eq!(at(&eye.frame, 100, 102), PAPER);
    assert!(!shows(&eye.frame, OWN));
    // It goes: all is the server's own again.
    desk.artist.x.destroy_window(own).unwrap();
    desk.artist.sync();
    desk.excluded.remove(own.into());
    let start = Instant::now();
    while eye.frame.pixels() != desk.artist.screen_pixels().pixels() || !eye.source.frozen().is_empty() {
        assert!(!shows(&eye.frame, OWN));
        assert!(start.elapsed() < LONG, "waited in vain for the whole picture");
        eye.look(Duration::from_millis(20));
    }
}

/// Shapes that change as fast as the server takes them, over windows that are drawn on meanwhile.
#[test]
fn nothing_of_a_shape_that_changes_all_the_time_is_ever_seen() {
    let desk = Desk::new();
    let paper = desk.artist.window(Rect::new(30, 30, 300, 200), 0, PAPER);
    let own = desk.own(&[]);
    let moving = desk.artist.window(Rect::new(10, 10, 40, 30), 0, OWN);
    // One that moves as a whole was there before it was left out: not so here.
    desk.artist.x.unmap_window(moving).unwrap();
    desk.artist.sync();
    desk.excluded.add(moving.into());
    let mut eye = desk.eye();
    eye.until("a picture", |_| true);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let artist = Artist::connect(&desk.server);
            artist.x.map_window(moving).unwrap();
            let mut dice = Dice(99);
            while !stop.load(Ordering::SeqCst) {
                let shape: Vec<Rect> = (0..dice.below(6))
                    .map(|_| {
                        Rect::new(dice.below(380), dice.below(280), 1 + dice.below(60), 1 + dice.below(20))
                    })
                    .collect();
                cut(&artist, own, &shape);
                let to = ConfigureWindowAux::new().x(dice.below(360) as i32).y(dice.below(270) as i32);
                artist.x.configure_window(moving, &to).unwrap();
                if dice.below(10) == 0 {
                    artist.x.unmap_window(own).unwrap();
                    artist.x.map_window(own).unwrap();
                }
                artist.scribble(paper, Size::new(300, 200), &mut dice);
                artist.sync();
            }
        });
        let _stops = Stops(&stop);
        let (mut pictures, start) = (0, Instant::now());
        while pictures < 300 {
            assert!(start.elapsed() < LONG, "too slow");
            if eye.look(Duration::from_millis(20)) {
                assert!(!shows(&eye.frame, OWN), "it shows in picture {pictures}");
                pictures += 1;
            }
        }
    });
    // At rest and without them, every pixel is the server's own.
    desk.artist.x.unmap_window(own).unwrap();
    desk.artist.x.unmap_window(moving).unwrap();
    desk.artist.sync();
    let start = Instant::now();
    while eye.frame.pixels() != desk.artist.screen_pixels().pixels() {
        assert!(start.elapsed() < LONG, "waited in vain for the whole picture");
        eye.look(Duration::from_millis(20));
    }
}

/// The pixels under a mark are older than the picture: a hidden window may have been there.
#[test]
fn a_hidden_window_does_not_stay_behind_under_a_mark() {
    let desk = Desk::new();
    let managed = |at, color| {
        let id = desk.artist.hidden_window(at, color);
        desk.artist.x.map_window(id).unwrap();
        desk.artist.sync();
        id
    };
    managed(SIZE.rect(), PAPER);
    let secret = managed(Rect::new(50, 50, 120, 90), SECRET);
    let mut eye = Eye::new(Masked::new(
        Box::new(desk.eye().source),
        MaskSet::new().with_window(WindowMatch::Id(secret.into())),
    ));
    eye.until("the mask", |f| {
        at(f, 100, 100) == u32::from_le_bytes([MASK_COLOUR[0], MASK_COLOUR[1], MASK_COLOUR[2], 0])
    });
    desk.own(&[Rect::new(60, 80, 100, 8)]);
    eye.until("the mark", |_| true);
    // It moves away from under the mark, and its mask with it.
    desk.artist.x.configure_window(secret, &ConfigureWindowAux::new().x(250).y(180)).unwrap();
    desk.artist.sync();
    eye.until("the mask to follow", |f| at(f, 55, 60) == PAPER && at(f, 300, 200) != PAPER);
    assert!(!shows(&eye.frame, SECRET));
    assert_ne!(at(&eye.frame, 100, 83), PAPER, "what was under the mark is not known");
}

/// Marks over the one window that is shown do not hide it.
#[test]
fn what_is_left_out_is_over_nothing() {
    let desk = Desk::new();
    desk.artist.fill(desk.artist.root(), SIZE.rect(), SECRET);
    let paper = desk.artist.hidden_window(Rect::new(50, 50, 200, 150), PAPER);
    desk.artist.x.map_window(paper).unwrap();
    desk.artist.sync();
    let only = MaskSet::new().with_only(WindowMatch::Id(paper.into()));
    let mut eye = Eye::new(Masked::new(Box::new(desk.eye().source), only));
    eye.until("the window", |f| at(f, 60, 60) == PAPER);
    desk.own(&[Rect::new(100, 100, 50, 8)]);
    eye.until("all but the mark", |f| at(f, 60, 60) == PAPER && at(f, 140, 104) != PAPER);
    for _ in 0..10 {
        eye.look(Duration::from_millis(20));
        assert_eq!(at(&eye.frame, 60, 60), PAPER);
        assert!(!shows(&eye.frame, OWN), "the mark shows");
        assert!(!shows(&eye.frame, SECRET), "what is around the window shows");
    }
}
