//! A pointer that a test moves.

use super::Sway;
use panecast::frame::Size;
use std::os::unix::net::UnixStream;
use wayland_client::globals::{GlobalListContents, registry_queue_init};
use wayland_client::protocol::wl_registry;
use wayland_client::{Connection, Dispatch, EventQueue, QueueHandle, delegate_noop};
use wayland_protocols_wlr::virtual_pointer::v1::client::{
    zwlr_virtual_pointer_manager_v1::ZwlrVirtualPointerManagerV1,
    zwlr_virtual_pointer_v1::ZwlrVirtualPointerV1,
};

/// A virtual pointer; it is unplugged with the value.
pub(crate) struct Hand {
    queue: EventQueue<Nothing>,
    pointer: ZwlrVirtualPointerV1,
}

struct Nothing;

impl Hand {
    pub(crate) fn new(server: &Sway) -> Self {
        let socket = UnixStream::connect(&server.display).expect("the compositor listens");
        let connection = Connection::from_socket(socket).unwrap();
        let (globals, queue) = registry_queue_init::<Nothing>(&connection).unwrap();
        let q = queue.handle();
        let pointers: ZwlrVirtualPointerManagerV1 = globals.bind(&q, 1..=1, ()).unwrap();
        let mut hand = Self { pointer: pointers.create_virtual_pointer(None, &q, ()), queue };
        hand.queue.roundtrip(&mut Nothing).expect("the compositor runs");
        hand
    }

    /// Moves to (`x`, `y`) of all outputs, which are `all` large.
    pub(crate) fn point(&mut self, x: u32, y: u32, all: Size) {
        self.pointer.motion_absolute(0, x, y, all.width, all.height);
        self.pointer.frame();
        self.queue.roundtrip(&mut Nothing).expect("the compositor runs");
    }
}

impl Dispatch<wl_registry::WlRegistry, GlobalListContents> for Nothing {
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

delegate_noop!(Nothing: ignore ZwlrVirtualPointerManagerV1);
delegate_noop!(Nothing: ignore ZwlrVirtualPointerV1);
