//! What agents point at and draw, over the visitor's own screen and never part of what is captured.

use super::canvas::{Canvas, Origin};
use super::scene::Scene;
use panecast::capture::linux::wayland;
use panecast::capture::linux::x11::{Target, corner};
use panecast::capture::{Excluded, SourceSpec};
use panecast::session::{Mark, ViewerId};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// A pointer that has not been heard of for so long goes away.
const POINTER_RESTS: Duration = Duration::from_secs(10);

enum Order {
    Mark(ViewerId, Mark),
    Left(ViewerId),
    Clear,
}

/// A window over the whole screen that only shows marks, and lets every click through.
pub(super) struct Marks {
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Marks {
    /// For the marks over `source`, on `display` or the one that `DISPLAY` names. The window is added to `excluded`.
    /// `None` where there is no screen that `source` is part of.
    pub(super) fn open(
        source: &SourceSpec,
        display: Option<&str>,
        excluded: &Excluded,
    ) -> panecast::Result<Option<Self>> {
        if display.is_none() && wayland::is_there() {
            // What XWayland shows lies among other windows, and would be captured as one of them.
            return Ok(None);
        }
        let origin = match source {
            SourceSpec::Screen(None) => Origin::Fixed(corner(Target::Screen, display)?),
            SourceSpec::Screen(Some(n)) => Origin::Fixed(corner(Target::Monitor(*n), display)?),
            SourceSpec::Window(id) => Origin::Window(u32::try_from(*id).unwrap_or_default()),
            SourceSpec::Pattern(..) | SourceSpec::File(_) => return Ok(None),
        };
        let canvas = Canvas::open(display, origin, excluded.clone())?;
        let (orders, inbox) = channel();
        let thread = std::thread::Builder::new().name("marks".into()).spawn(move || run(&inbox, canvas))?;
        Ok(Some(Self { orders: Some(orders), thread: Some(thread) }))
    }

    pub(super) fn mark(&self, viewer: ViewerId, mark: Mark) {
        self.order(Order::Mark(viewer, mark));
    }

    /// Takes away what `viewer` drew.
    pub(super) fn left(&self, viewer: ViewerId) {
        self.order(Order::Left(viewer));
    }

    /// Takes away everything.
    pub(super) fn clear(&self) {
        self.order(Order::Clear);
    }

    fn order(&self, order: Order) {
        // Where the display is gone nobody sees marks.
        let _ = self.orders.as_ref().map(|orders| orders.send(order));
    }
}

impl Drop for Marks {
    fn drop(&mut self) {
        self.orders = None;
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn run(inbox: &Receiver<Order>, mut canvas: Canvas) {
    let mut scene = Scene::default();
    loop {
        let first = match inbox.recv_timeout(POINTER_RESTS) {
            Ok(order) => Some(order),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let mut changed = match first {
            Some(order) => carry_out(&mut scene, order),
            None => scene.rest(),
        };
        // What came meanwhile is drawn in one go.
        while let Ok(order) = inbox.try_recv() {
            changed |= carry_out(&mut scene, order);
        }
        if changed && canvas.draw(&scene).is_err() {
            return;
        }
    }
}

fn carry_out(scene: &mut Scene, order: Order) -> bool {
    match order {
        Order::Mark(viewer, mark) => scene.mark(viewer, mark),
        Order::Left(viewer) => scene.leave(viewer),
        Order::Clear => scene.clear(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::xserver::{Artist, LONG, XServer, wait_for};
    use super::*;
    use panecast::ErrorKind;
    use panecast::capture::linux::x11::{Options, X11Capturer};
    use panecast::capture::{Captured, Capturer as _};
    use panecast::frame::{FrameBuf, Rect, Region, Size};
    use panecast::session::{Consent, Decision, Purpose, Tool};

    const SIZE: Size = Size::new(320, 240);
    const ANN: ViewerId = ViewerId(3);

    fn at(frame: &FrameBuf, (x, y): (u32, u32)) -> u32 {
        let px = frame.row_of(&Rect::new(x, y, 1, 1), y);
        u32::from_le_bytes([px[0], px[1], px[2], 0])
    }

    fn line(tool: Tool, colour: u32, points: &[(i32, i32)]) -> Mark {
        Mark::Line { line: 1, tool, colour, points: points.to_vec() }
    }

    /// The server's own pixels against those that are captured.
    #[test]
    fn the_visitor_sees_marks_and_the_picture_has_none() {
        let server = XServer::start(&format!("{SIZE}x24"), &[]);
        let artist = Artist::connect(&server);
        artist.window(SIZE.rect(), 0, 0x30_6090);
        let (display, excluded) = (Some(server.display.as_str()), Excluded::new());
        let grant = Consent::ask(Purpose::Screen, "screen").answer(Decision::Allow).unwrap();
        let options = Options {
            display: Some(server.display.clone()),
            excluded: excluded.clone(),
            ..Options::default()
        };
        let mut source = X11Capturer::open(Target::Screen, options, &grant).unwrap();
        let mut frame = FrameBuf::new(SIZE, &panecast::Limits::default()).unwrap();
        let mut stale = Region::full(SIZE);
        let mut looked = |frame: &mut FrameBuf| {
            if let Captured::Frame { .. } = source.next(frame, &stale, Duration::from_millis(20)).unwrap() {
                stale.clear();
            }
        };
        wait_for("the first picture", || {
            looked(&mut frame);
            at(&frame, (0, 0)) == 0x30_6090
        });
        let before = frame.clone();
        let marks = Marks::open(&SourceSpec::Screen(None), display, &excluded).unwrap().expect("a screen");
        marks.mark(ANN, line(Tool::Pen, 0xE5_383B, &[(20, 20), (120, 20)]));
        marks.mark(ViewerId(4), line(Tool::Highlight, 0xFF_D60A, &[(20, 100), (220, 100)]));
        marks.mark(ViewerId(5), line(Tool::Arrow, 0x00_FF00, &[(20, 200), (220, 200)]));
        marks.mark(ANN, Mark::Pointer(Some((280, 40))));
        wait_for("the marks", || {
            looked(&mut frame);
            assert!(frame.pixels() == before.pixels(), "a mark was captured");
            at(&artist.screen_pixels(), (280, 40)) != 0x30_6090
        });
        let shown = artist.screen_pixels();
        assert_eq!(at(&shown, (70, 20)), 0xE5_383B);
        assert_eq!(at(&shown, (210, 200)), 0x00_FF00, "the arrow's head");
        // What is highlighted stays to be read.
        let rows: Vec<u32> = (93..107).map(|y| at(&shown, (100, y))).collect();
        assert!(rows.contains(&0xFF_D60A) && rows.contains(&0x30_6090), "{rows:x?}");
        // Each agent's marks go with it; what they lay on is there again.
        marks.mark(ANN, Mark::Clear);
        marks.mark(ANN, Mark::Pointer(None));
        marks.left(ViewerId(4));
        wait_for("two to be gone", || {
            let shown = artist.screen_pixels();
            [(70, 20), (100, 100), (280, 40)].iter().all(|p| at(&shown, *p) == 0x30_6090)
                && at(&shown, (210, 200)) == 0x00_FF00
        });
        // They end with the share.
        drop(marks);
        assert!(artist.screen_pixels().pixels() == before.pixels());
        artist.fill(artist.root(), SIZE.rect(), 0);
        let begun = std::time::Instant::now();
        while frame.pixels() != artist.screen_pixels().pixels() {
            assert!(begun.elapsed() < LONG);
            looked(&mut frame);
        }
    }

    /// No click is for the marks: the window below has it.
    #[test]
    fn marks_take_no_clicks() {
        use x11rb::protocol::shape::{ConnectionExt as _, SK};
        use x11rb::protocol::xproto::ConnectionExt as _;
        let server = XServer::start(&format!("{SIZE}x24"), &[]);
        let artist = Artist::connect(&server);
        let excluded = Excluded::new();
        let display = Some(server.display.as_str());
        let marks = Marks::open(&SourceSpec::Screen(None), display, &excluded).unwrap().expect("a screen");
        marks.mark(ANN, line(Tool::Pen, 0xFF_FFFF, &[(20, 20), (120, 20)]));
        wait_for("the mark", || at(&artist.screen_pixels(), (70, 20)) == 0xFF_FFFF);
        let tree = artist.x.query_tree(artist.root()).unwrap().reply().unwrap();
        let top = *tree.children.last().expect("the marks are above all");
        let input = artist.x.shape_get_rectangles(top, SK::INPUT).unwrap().reply().unwrap();
        assert!(input.rectangles.is_empty());
        let drawn = artist.x.shape_get_rectangles(top, SK::BOUNDING).unwrap().reply().unwrap();
        assert!(!drawn.rectangles.is_empty());
    }

    #[test]
    fn what_is_no_part_of_a_screen_has_no_marks_over_it() {
        let pattern = "pattern:640x360@15".parse().unwrap();
        assert!(Marks::open(&pattern, Some(":no-such"), &Excluded::new()).unwrap().is_none());
        let nowhere = Marks::open(&SourceSpec::Screen(None), Some(":47321"), &Excluded::new());
        assert_eq!(nowhere.err().map(|e| e.kind()), Some(ErrorKind::NotFound));
    }
}
