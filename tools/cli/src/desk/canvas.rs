//! The window: as large as the screen, and of the shape of the marks.

use super::scene::{Scene, arrow_head};
use panecast::capture::Excluded;
use panecast::session::{Point, Tool};
use panecast::{Error, ErrorKind};
use x11rb::connection::Connection as _;
use x11rb::errors::{ConnectionError, ReplyError};
use x11rb::protocol::shape::{ConnectionExt as _, SK, SO};
use x11rb::protocol::xproto::{
    Arc, AtomEnum, CapStyle, ChangeGCAux, ChangeWindowAttributesAux, ClipOrdering, ConfigureWindowAux,
    ConnectionExt as _, CoordMode, CreateGCAux, CreateWindowAux, Drawable, FillStyle, Gcontext, JoinStyle,
    Pixmap, PolyShape, PropMode, Rectangle, Screen, StackMode, Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

const PEN_WIDTH: u32 = 4;
const HIGHLIGHT_WIDTH: u32 = 18;
const ARROW_HEAD: f64 = 22.0;
const POINTER_RADIUS: i32 = 9;
/// The pointers of several agents, seen on light and on dark.
const POINTER_COLOURS: [u32; 6] = [0xE5_383B, 0x00_77B6, 0x2A_9D8F, 0xF4_8C06, 0x9B_5DE5, 0xD0_0070];
const POINTER_RIM: u32 = 0xFF_FFFF;

/// Where the shared picture begins on the screen.
pub(super) enum Origin {
    Fixed((i32, i32)),
    /// Wherever this window is now.
    Window(Window),
}

pub(super) struct Canvas {
    x: RustConnection,
    screen: usize,
    origin: Origin,
    excluded: Excluded,
    window: Window,
    shown: bool,
    sheet: Option<Sheet>,
}

/// What the window shows, and its shape, in the size of the screen.
struct Sheet {
    size: (u16, u16),
    colours: Pixmap,
    shape: Pixmap,
    paint: Gcontext,
    cut: Gcontext,
}

impl Canvas {
    pub(super) fn open(display: Option<&str>, origin: Origin, excluded: Excluded) -> panecast::Result<Self> {
        let (x, screen) =
            RustConnection::connect(display).map_err(|e| Error::new(ErrorKind::NotFound, e.to_string()))?;
        let window = x.generate_id().map_err(|e| failed(&e))?;
        let mut canvas = Self { x, screen, origin, excluded, window, shown: false, sheet: None };
        canvas.create().map_err(|e| failed(&e))?;
        Ok(canvas)
    }

    fn root(&self) -> &Screen {
        &self.x.setup().roots[self.screen]
    }

    fn create(&mut self) -> Result<(), ReplyError> {
        let (x, screen) = (&self.x, self.root());
        let (width, height) = (screen.width_in_pixels, screen.height_in_pixels);
        let options = CreateWindowAux::new().override_redirect(1).border_pixel(0);
        let depth = screen.root_depth;
        x.create_window(
            depth,
            self.window,
            screen.root,
            0,
            0,
            width,
            height,
            0,
            WindowClass::INPUT_OUTPUT,
            screen.root_visual,
            &options,
        )?;
        x.change_property8(
            PropMode::REPLACE,
            self.window,
            AtomEnum::WM_NAME,
            AtomEnum::STRING,
            b"panecast marks",
        )?;
        // No click is for it.
        x.shape_rectangles(SO::SET, SK::INPUT, ClipOrdering::UNSORTED, self.window, 0, 0, &[])?;
        x.shape_rectangles(SO::SET, SK::BOUNDING, ClipOrdering::UNSORTED, self.window, 0, 0, &[])?.check()?;
        // Before it is shown, so that no picture has it.
        self.excluded.add(self.window.into());
        Ok(())
    }

    /// Shows `scene` and nothing else.
    pub(super) fn draw(&mut self, scene: &Scene) -> Result<(), ReplyError> {
        if scene.is_empty() {
            if std::mem::take(&mut self.shown) {
                self.x.unmap_window(self.window)?;
                self.x.sync()?;
            }
            return Ok(());
        }
        let geometry = self.x.get_geometry(self.root().root)?.reply()?;
        let size = (geometry.width, geometry.height);
        let sheet = match self.sheet.take() {
            Some(sheet) if sheet.size == size => sheet,
            other => self.new_sheet(size, other)?,
        };
        let (dx, dy) = match self.origin {
            Origin::Fixed(origin) => origin,
            Origin::Window(id) => {
                let at = self.x.translate_coordinates(id, self.root().root, 0, 0)?.reply()?;
                (at.dst_x.into(), at.dst_y.into())
            }
        };
        let (x, all) = (&self.x, Rectangle { x: 0, y: 0, width: size.0, height: size.1 });
        x.change_gc(sheet.cut, &ChangeGCAux::new().foreground(0).fill_style(FillStyle::SOLID))?;
        x.poly_fill_rectangle(sheet.shape, sheet.cut, &[all])?;
        let place = |(px, py): Point| (px.saturating_add(dx), py.saturating_add(dy));
        for line in scene.lines() {
            let points: Vec<Point> = line.points.iter().map(|p| place(*p)).collect();
            // What is below a highlight is seen between its stripes.
            let fill = if line.tool == Tool::Highlight { FillStyle::STIPPLED } else { FillStyle::SOLID };
            x.change_gc(sheet.cut, &ChangeGCAux::new().foreground(1).fill_style(fill))?;
            x.change_gc(sheet.paint, &ChangeGCAux::new().foreground(line.colour))?;
            self.stroke(&sheet, line.tool, &points)?;
        }
        x.change_gc(sheet.cut, &ChangeGCAux::new().foreground(1).fill_style(FillStyle::SOLID))?;
        for (viewer, at) in scene.pointers() {
            let at = place(at);
            let colour = POINTER_COLOURS[viewer as usize % POINTER_COLOURS.len()];
            self.dot(&sheet, at, POINTER_RADIUS + 2, POINTER_RIM)?;
            self.dot(&sheet, at, POINTER_RADIUS, colour)?;
        }
        // The colours first: what the new shape adds is painted with them at once.
        let colours = ChangeWindowAttributesAux::new().background_pixmap(sheet.colours);
        x.change_window_attributes(self.window, &colours)?;
        x.shape_mask(SO::SET, SK::BOUNDING, self.window, 0, 0, sheet.shape)?;
        x.clear_area(false, self.window, 0, 0, 0, 0)?;
        x.configure_window(self.window, &ConfigureWindowAux::new().stack_mode(StackMode::ABOVE))?;
        if !std::mem::replace(&mut self.shown, true) {
            x.map_window(self.window)?;
        }
        x.sync()?;
        self.sheet = Some(sheet);
        Ok(())
    }

    fn stroke(&self, sheet: &Sheet, tool: Tool, points: &[Point]) -> Result<(), ReplyError> {
        let width = if tool == Tool::Highlight { HIGHLIGHT_WIDTH } else { PEN_WIDTH };
        let style =
            ChangeGCAux::new().line_width(width).cap_style(CapStyle::ROUND).join_style(JoinStyle::ROUND);
        // A line of one point is a dot.
        let path: Vec<_> = points.iter().chain(points.last()).map(|p| wire(*p)).collect();
        let head = (tool == Tool::Arrow).then(|| points.first().zip(points.last())).flatten();
        let head = head.map(|(from, to)| {
            let [one, other] = arrow_head(*from, *to, ARROW_HEAD);
            [wire(one), wire(*to), wire(other)]
        });
        for (on, with) in sheet.both() {
            self.x.change_gc(with, &style)?;
            self.x.poly_line(CoordMode::ORIGIN, on, with, &path)?;
            if let Some(head) = &head {
                self.x.fill_poly(on, with, PolyShape::CONVEX, CoordMode::ORIGIN, head)?;
            }
        }
        Ok(())
    }

    fn dot(&self, sheet: &Sheet, (px, py): Point, radius: i32, colour: u32) -> Result<(), ReplyError> {
        let corner = wire((px.saturating_sub(radius), py.saturating_sub(radius)));
        let side = u16::try_from(2 * radius + 1).unwrap_or(1);
        let circle = Arc { x: corner.x, y: corner.y, width: side, height: side, angle1: 0, angle2: 360 * 64 };
        self.x.change_gc(sheet.paint, &ChangeGCAux::new().foreground(colour))?;
        for (on, with) in sheet.both() {
            self.x.poly_fill_arc(on, with, &[circle])?;
        }
        Ok(())
    }

    fn new_sheet(&self, size: (u16, u16), old: Option<Sheet>) -> Result<Sheet, ReplyError> {
        let (x, root) = (&self.x, self.root());
        if let Some(old) = old {
            x.free_gc(old.paint)?;
            x.free_gc(old.cut)?;
            x.free_pixmap(old.colours)?;
            x.free_pixmap(old.shape)?;
        }
        let id = || x.generate_id().map_err(|_| ConnectionError::UnknownError);
        let sheet = Sheet { size, colours: id()?, shape: id()?, paint: id()?, cut: id()? };
        let (width, height) = size;
        x.create_pixmap(root.root_depth, sheet.colours, root.root, width, height)?;
        x.create_pixmap(1, sheet.shape, root.root, width, height)?;
        x.create_gc(sheet.paint, sheet.colours, &CreateGCAux::new().graphics_exposures(0))?;
        x.create_gc(sheet.cut, sheet.shape, &CreateGCAux::new().graphics_exposures(0))?;
        let stripes = id()?;
        x.create_pixmap(1, stripes, root.root, 4, 4)?;
        x.change_gc(sheet.cut, &ChangeGCAux::new().foreground(0))?;
        x.poly_fill_rectangle(stripes, sheet.cut, &[Rectangle { x: 0, y: 0, width: 4, height: 4 }])?;
        x.change_gc(sheet.cut, &ChangeGCAux::new().foreground(1))?;
        x.poly_fill_rectangle(stripes, sheet.cut, &[Rectangle { x: 0, y: 0, width: 4, height: 2 }])?;
        x.change_gc(sheet.cut, &ChangeGCAux::new().stipple(stripes))?;
        x.free_pixmap(stripes)?;
        x.configure_window(
            self.window,
            &ConfigureWindowAux::new().width(u32::from(width)).height(u32::from(height)),
        )?
        .check()?;
        Ok(sheet)
    }
}

impl Sheet {
    fn both(&self) -> [(Drawable, Gcontext); 2] {
        [(self.colours, self.paint), (self.shape, self.cut)]
    }
}

impl Drop for Canvas {
    fn drop(&mut self) {
        // Gone first, then a window as any other: its number may be another program's later.
        if self.x.destroy_window(self.window).is_ok() && self.x.sync().is_ok() {
            self.excluded.remove(self.window.into());
        }
    }
}

/// A point as the protocol has it.
fn wire((x, y): Point) -> x11rb::protocol::xproto::Point {
    let side = |v: i32| v.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
    x11rb::protocol::xproto::Point { x: side(x), y: side(y) }
}

fn failed(e: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorKind::Unsupported, format!("this display cannot show marks: {e}"))
}
