//! A client whose pixels are known: what it has on the screen is what it painted on its canvas.

use super::{Dice, Sway};
use panecast::frame::{FrameBuf, Rect, Size};
use panecast::limits::Limits;
use std::fs::File;
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileExt as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use wayland_client::globals::{GlobalListContents, registry_queue_init};
use wayland_client::protocol::{
    wl_buffer, wl_callback, wl_compositor, wl_pointer, wl_registry, wl_seat, wl_shm, wl_shm_pool, wl_surface,
};
use wayland_client::{Connection, Dispatch, EventQueue, QueueHandle, delegate_noop};
use wayland_protocols::xdg::shell::client::{xdg_surface, xdg_toplevel, xdg_wm_base};

/// A window with a canvas. It blocks on its compositor: use it while that runs.
pub(crate) struct Painter {
    queue: EventQueue<Told>,
    told: Told,
    compositor: wl_compositor::WlCompositor,
    shm: wl_shm::WlShm,
    surface: wl_surface::WlSurface,
    toplevel: xdg_toplevel::XdgToplevel,
    canvas: FrameBuf,
    damage: Vec<Rect>,
    sheets: Vec<Sheet>,
    scale: i32,
    seat: wl_seat::WlSeat,
    pointer: Option<(wl_pointer::WlPointer, Sheet)>,
}

/// A buffer that the compositor reads until it gives it back.
struct Sheet {
    file: File,
    buffer: wl_buffer::WlBuffer,
    busy: Arc<AtomicBool>,
}

/// What the compositor said.
#[derive(Default)]
struct Told {
    size: (i32, i32),
    configured: bool,
    /// What the pointer looks like over the window, and which of its pixels points.
    cursor: Option<(wl_surface::WlSurface, (i32, i32))>,
}

impl Painter {
    /// A window that fills the focused output, where it is alone; black at first. `size`: in pixels of an output of `scale`.
    pub(crate) fn new(server: &Sway, title: &str, size: Size, scale: i32) -> Self {
        let socket = UnixStream::connect(&server.display).expect("the compositor listens");
        let connection = Connection::from_socket(socket).unwrap();
        let (globals, queue) = registry_queue_init::<Told>(&connection).unwrap();
        let q = queue.handle();
        let compositor: wl_compositor::WlCompositor = globals.bind(&q, 4..=4, ()).unwrap();
        let shm: wl_shm::WlShm = globals.bind(&q, 1..=1, ()).unwrap();
        let base: xdg_wm_base::XdgWmBase = globals.bind(&q, 1..=1, ()).unwrap();
        let seat: wl_seat::WlSeat = globals.bind(&q, 1..=1, ()).unwrap();
        let surface = compositor.create_surface(&q, ());
        let xdg = base.get_xdg_surface(&surface, &q, ());
        let toplevel = xdg.get_toplevel(&q, ());
        toplevel.set_title(title.into());
        toplevel.set_app_id("panecast-painter".into());
        surface.set_buffer_scale(scale);
        surface.commit();
        let canvas = FrameBuf::new(Size::new(1, 1), &Limits::default()).unwrap();
        let mut painter = Self {
            queue,
            told: Told::default(),
            compositor,
            shm,
            surface,
            toplevel,
            canvas,
            damage: Vec::new(),
            sheets: Vec::new(),
            scale,
            seat,
            pointer: None,
        };
        painter.becomes(size);
        painter
    }

    /// Takes the sizes that the compositor gives until it is this one; all is black then.
    pub(crate) fn becomes(&mut self, size: Size) {
        while self.size() != size {
            while !self.told.configured {
                self.queue.blocking_dispatch(&mut self.told).expect("the compositor runs");
            }
            self.told.configured = false;
            let side = |v: i32| if v > 0 { (v * self.scale) as u32 } else { 64 };
            let given = Size::new(side(self.told.size.0), side(self.told.size.1));
            self.canvas = FrameBuf::new(given, &Limits::default()).unwrap();
            self.sheets.clear();
            self.damage = vec![given.rect()];
            // One that is not shown would not be told that it was drawn; the next size comes whether it was or not.
            let drawn = self.hand_over();
            while given == size && !drawn.load(Ordering::SeqCst) {
                self.queue.blocking_dispatch(&mut self.told).expect("the compositor runs");
            }
        }
    }

    /// Has the pointer look like `pixels` (B, G, R, A) over the window. There must be a pointer, elsewhere as yet.
    pub(crate) fn point_with(&mut self, size: Size, hotspot: (i32, i32), pixels: &[u8]) {
        let q = self.queue.handle();
        let sheet = Sheet::new(&self.shm, size, wl_shm::Format::Argb8888, &q);
        sheet.file.write_all_at(pixels, 0).expect("a memory file takes it");
        let surface = self.compositor.create_surface(&q, ());
        surface.attach(Some(&sheet.buffer), 0, 0);
        surface.damage_buffer(0, 0, size.width as i32, size.height as i32);
        surface.commit();
        self.told.cursor = Some((surface, hotspot));
        self.pointer = Some((self.seat.get_pointer(&q, ()), sheet));
        self.queue.roundtrip(&mut self.told).expect("the compositor runs");
    }

    /// Takes in what the compositor said, and answers.
    pub(crate) fn hear(&mut self) {
        self.queue.roundtrip(&mut self.told).expect("the compositor runs");
    }

    pub(crate) fn size(&self) -> Size {
        self.canvas.size()
    }

    /// What the window shows once it is committed.
    pub(crate) fn canvas(&self) -> &FrameBuf {
        &self.canvas
    }

    pub(crate) fn retitle(&mut self, title: &str) {
        self.toplevel.set_title(title.into());
        self.surface.commit();
        self.queue.roundtrip(&mut self.told).expect("the compositor runs");
    }

    /// Fills `rect` with `color`, of which red is the high byte.
    pub(crate) fn fill(&mut self, rect: Rect, color: u32) {
        let [blue, green, red, _] = color.to_le_bytes();
        for y in rect.y..rect.bottom() {
            self.canvas.row_of_mut(&rect, y).as_chunks_mut::<4>().0.fill([blue, green, red, 255]);
        }
        self.damage.push(rect);
    }

    /// A few random rectangles, small ones among them.
    pub(crate) fn scribble(&mut self, dice: &mut Dice) {
        let size = self.size();
        for _ in 0..1 + dice.below(3) {
            let (x, y) = (dice.below(size.width), dice.below(size.height));
            let (mut w, mut h) = (1 + dice.below(size.width - x), 1 + dice.below(size.height - y));
            if dice.below(2) == 0 {
                (w, h) = (w.min(12), h.min(13));
            }
            self.fill(Rect::new(x, y, w, h), dice.below(1 << 24));
        }
    }

    /// Shows what was painted, and waits until the compositor has drawn it.
    pub(crate) fn commit(&mut self) {
        let done = self.hand_over();
        while !done.load(Ordering::SeqCst) {
            self.queue.blocking_dispatch(&mut self.told).expect("the compositor runs");
        }
    }

    /// Gives the compositor what was painted; the flag is set once it has drawn it.
    pub(crate) fn hand_over(&mut self) -> Arc<AtomicBool> {
        let q = self.queue.handle();
        let free = loop {
            if let Some(free) = self.sheets.iter().position(|sheet| !sheet.busy.load(Ordering::SeqCst)) {
                break free;
            }
            if self.sheets.len() < 3 {
                self.sheets.push(Sheet::new(&self.shm, self.canvas.size(), wl_shm::Format::Xrgb8888, &q));
                continue;
            }
            self.queue.blocking_dispatch(&mut self.told).expect("the compositor runs");
        };
        let sheet = &self.sheets[free];
        sheet.file.write_all_at(self.canvas.pixels(), 0).expect("a memory file takes it");
        sheet.busy.store(true, Ordering::SeqCst);
        self.surface.attach(Some(&sheet.buffer), 0, 0);
        for r in self.damage.drain(..) {
            self.surface.damage_buffer(r.x as i32, r.y as i32, r.width as i32, r.height as i32);
        }
        let size = self.canvas.size();
        // Opaque, so that nothing below it matters.
        let whole = self.compositor.create_region(&q, ());
        whole.add(0, 0, size.width as i32, size.height as i32);
        self.surface.set_opaque_region(Some(&whole));
        whole.destroy();
        let done = Arc::new(AtomicBool::new(false));
        self.surface.frame(&q, Arc::clone(&done));
        self.surface.commit();
        self.queue.flush().expect("the compositor runs");
        done
    }
}

impl Sheet {
    fn new(shm: &wl_shm::WlShm, size: Size, format: wl_shm::Format, q: &QueueHandle<Told>) -> Self {
        let bytes = size.area() * 4;
        let memory = rustix::fs::memfd_create("painter", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        rustix::fs::ftruncate(&memory, bytes).unwrap();
        let busy = Arc::new(AtomicBool::new(false));
        let pool = shm.create_pool(memory.as_fd(), bytes as i32, q, ());
        let (w, h) = (size.width as i32, size.height as i32);
        let buffer = pool.create_buffer(0, w, h, w * 4, format, q, Arc::clone(&busy));
        pool.destroy();
        Self { file: memory.into(), buffer, busy }
    }
}

impl Drop for Sheet {
    fn drop(&mut self) {
        self.buffer.destroy();
    }
}

impl Dispatch<wl_registry::WlRegistry, GlobalListContents> for Told {
    fn event(
        _: &mut Self,
        _: &wl_registry::WlRegistry,
        _: wl_registry::Event,
        _: &GlobalListContents,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
    }
}

impl Dispatch<wl_buffer::WlBuffer, Arc<AtomicBool>> for Told {
    fn event(
        _: &mut Self,
        _: &wl_buffer::WlBuffer,
        event: wl_buffer::Event,
        busy: &Arc<AtomicBool>,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wl_buffer::Event::Release = event {
            busy.store(false, Ordering::SeqCst);
        }
    }
}

impl Dispatch<wl_callback::WlCallback, Arc<AtomicBool>> for Told {
    fn event(
        _: &mut Self,
        _: &wl_callback::WlCallback,
        _: wl_callback::Event,
        done: &Arc<AtomicBool>,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        done.store(true, Ordering::SeqCst);
    }
}

impl Dispatch<xdg_wm_base::XdgWmBase, ()> for Told {
    fn event(
        _: &mut Self,
        base: &xdg_wm_base::XdgWmBase,
        event: xdg_wm_base::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let xdg_wm_base::Event::Ping { serial } = event {
            base.pong(serial);
        }
    }
}

impl Dispatch<xdg_surface::XdgSurface, ()> for Told {
    fn event(
        told: &mut Self,
        surface: &xdg_surface::XdgSurface,
        event: xdg_surface::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let xdg_surface::Event::Configure { serial } = event {
            surface.ack_configure(serial);
            told.configured = true;
        }
    }
}

impl Dispatch<xdg_toplevel::XdgToplevel, ()> for Told {
    fn event(
        told: &mut Self,
        _: &xdg_toplevel::XdgToplevel,
        event: xdg_toplevel::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let xdg_toplevel::Event::Configure { width, height, .. } = event {
            told.size = (width, height);
        }
    }
}

impl Dispatch<wl_pointer::WlPointer, ()> for Told {
    fn event(
        told: &mut Self,
        pointer: &wl_pointer::WlPointer,
        event: wl_pointer::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let (wl_pointer::Event::Enter { serial, .. }, Some((surface, hotspot))) = (event, &told.cursor) {
            pointer.set_cursor(serial, Some(surface), hotspot.0, hotspot.1);
        }
    }
}

delegate_noop!(Told: ignore wl_seat::WlSeat);
delegate_noop!(Told: ignore wl_compositor::WlCompositor);
delegate_noop!(Told: ignore wl_surface::WlSurface);
delegate_noop!(Told: ignore wl_shm::WlShm);
delegate_noop!(Told: ignore wl_shm_pool::WlShmPool);
delegate_noop!(Told: ignore wayland_client::protocol::wl_region::WlRegion);
