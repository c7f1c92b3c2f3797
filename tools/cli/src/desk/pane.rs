//! The mirror's window.

use panecast::capture::Excluded;
use panecast::frame::Size;
use panecast::{Error, ErrorKind};
use x11rb::connection::Connection as _;
use x11rb::errors::{ConnectionError, ReplyError};
use x11rb::properties::WmSizeHints;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ConfigureWindowAux, ConnectionExt as _, CreateGCAux, CreateWindowAux, EventMask,
    Gcontext, ImageFormat, PropMode, Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

/// Between the window and the corner of the screen where it opens.
const MARGIN: i32 = 24;
/// Most bytes of one request.
const STRIP_BYTES: usize = 1 << 16;

pub(super) struct Pane {
    x: RustConnection,
    screen: usize,
    excluded: Excluded,
    window: Window,
    gc: Gcontext,
    delete: Atom,
    protocols: Atom,
    size: Option<Size>,
    title: &'static str,
}

impl Pane {
    pub(super) fn open(display: Option<&str>, excluded: Excluded) -> panecast::Result<Self> {
        let (x, screen) =
            RustConnection::connect(display).map_err(|e| Error::new(ErrorKind::NotFound, e.to_string()))?;
        if !(24..=32).contains(&x.setup().roots[screen].root_depth) {
            return Err(Error::new(ErrorKind::Unsupported, "the display's pixels are not blue, green, red"));
        }
        Self::create(x, screen, excluded).map_err(|e| {
            Error::new(ErrorKind::Unsupported, format!("this display cannot show a mirror: {e}"))
        })
    }

    fn create(x: RustConnection, screen: usize, excluded: Excluded) -> Result<Self, ReplyError> {
        let atom = |name: &str| Ok::<_, ReplyError>(x.intern_atom(false, name.as_bytes())?.reply()?.atom);
        let (protocols, delete) = (atom("WM_PROTOCOLS")?, atom("WM_DELETE_WINDOW")?);
        let id = || x.generate_id().map_err(|_| ConnectionError::UnknownError);
        let (window, gc) = (id()?, id()?);
        let root = &x.setup().roots[screen];
        let options = CreateWindowAux::new().event_mask(EventMask::EXPOSURE).background_pixel(0x40_4040);
        let (depth, visual) = (root.root_depth, root.root_visual);
        x.create_window(
            depth,
            window,
            root.root,
            0,
            0,
            1,
            1,
            0,
            WindowClass::INPUT_OUTPUT,
            visual,
            &options,
        )?;
        x.create_gc(gc, window, &CreateGCAux::new().graphics_exposures(0))?;
        x.change_property32(PropMode::REPLACE, window, protocols, AtomEnum::ATOM, &[delete])?;
        let class = b"panecast\0panecast\0";
        x.change_property8(PropMode::REPLACE, window, AtomEnum::WM_CLASS, AtomEnum::STRING, class)?
            .check()?;
        // Before it is shown, so that no picture has it.
        excluded.add(window.into());
        Ok(Self { x, screen, excluded, window, gc, delete, protocols, size: None, title: "" })
    }

    /// Shows `pixels`, B, G, R and a byte, of `size`.
    pub(super) fn paint(&mut self, size: Size, pixels: &[u8], title: &'static str) -> Result<(), ReplyError> {
        if self.title != title {
            let (kind, name) = (AtomEnum::STRING, AtomEnum::WM_NAME);
            self.x.change_property8(PropMode::REPLACE, self.window, name, kind, title.as_bytes())?;
            self.title = title;
        }
        if self.size != Some(size) {
            self.resize(size)?;
        }
        let depth = self.x.setup().roots[self.screen].root_depth;
        let (width, row) = (size.width as u16, size.width as usize * 4);
        let rows = (STRIP_BYTES / row).max(1);
        let mut y = 0;
        for strip in pixels.chunks(rows * row) {
            let height = (strip.len() / row) as u16;
            let format = ImageFormat::Z_PIXMAP;
            self.x.put_image(format, self.window, self.gc, width, height, 0, y, 0, depth, strip)?;
            y += height as i16;
        }
        self.x.sync()
    }

    /// The first time it opens in the lower right corner; later it stays where it was put.
    fn resize(&mut self, size: Size) -> Result<(), ReplyError> {
        let root = &self.x.setup().roots[self.screen];
        let (width, height) = (size.width as i32, size.height as i32);
        let mut hints = WmSizeHints::new();
        (hints.min_size, hints.max_size) = (Some((width, height)), Some((width, height)));
        let mut shape = ConfigureWindowAux::new().width(size.width).height(size.height);
        if self.size.is_none() {
            let x = (i32::from(root.width_in_pixels) - width - MARGIN).max(0);
            let y = (i32::from(root.height_in_pixels) - height - MARGIN).max(0);
            hints.position = Some((x11rb::properties::WmSizeHintsSpecification::UserSpecified, x, y));
            shape = shape.x(x).y(y);
        }
        hints.set_normal_hints(&self.x, self.window)?;
        self.x.configure_window(self.window, &shape)?;
        if self.size.replace(size).is_none() {
            self.x.map_window(self.window)?;
        }
        Ok(())
    }

    /// Whether it must be painted anew. An error once the visitor has closed it.
    pub(super) fn take_events(&mut self) -> Result<bool, ConnectionError> {
        let mut bare = false;
        while let Some(event) = self.x.poll_for_event()? {
            match event {
                Event::Expose(_) => bare = true,
                Event::ClientMessage(e)
                    if e.type_ == self.protocols && e.data.as_data32()[0] == self.delete =>
                {
                    return Err(ConnectionError::UnknownError);
                }
                _ => {}
            }
        }
        Ok(bare)
    }
}

impl Drop for Pane {
    fn drop(&mut self) {
        // Gone first, then a window as any other: its number may be another program's later.
        if self.x.destroy_window(self.window).is_ok() && self.x.sync().is_ok() {
            self.excluded.remove(self.window.into());
        }
    }
}
