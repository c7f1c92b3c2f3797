//! What a compositor has: its outputs, its windows, and the ways to capture them.

use crate::capture::Rotation;
use crate::frame::{Rect, Size};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use wayland_client::protocol::wl_display::WlDisplay;
use wayland_client::protocol::wl_output::{self, WlOutput};
use wayland_client::protocol::wl_pointer::WlPointer;
use wayland_client::protocol::wl_registry::{self, WlRegistry};
use wayland_client::protocol::wl_seat::{self, WlSeat};
use wayland_client::protocol::{wl_buffer, wl_callback, wl_shm, wl_shm_pool};
use wayland_client::{Connection, Dispatch, Proxy, QueueHandle, WEnum, delegate_noop, event_created_child};
use wayland_protocols::ext::foreign_toplevel_list::v1::client::{
    ext_foreign_toplevel_handle_v1::{self, ExtForeignToplevelHandleV1},
    ext_foreign_toplevel_list_v1::{self, ExtForeignToplevelListV1},
};
use wayland_protocols::ext::image_capture_source::v1::client::{
    ext_foreign_toplevel_image_capture_source_manager_v1::ExtForeignToplevelImageCaptureSourceManagerV1 as WindowSources,
    ext_image_capture_source_v1::ExtImageCaptureSourceV1,
    ext_output_image_capture_source_manager_v1::ExtOutputImageCaptureSourceManagerV1 as OutputSources,
};
use wayland_protocols::ext::image_copy_capture::v1::client::ext_image_copy_capture_manager_v1::ExtImageCopyCaptureManagerV1;
use wayland_protocols::xdg::xdg_output::zv1::client::{
    zxdg_output_manager_v1::ZxdgOutputManagerV1,
    zxdg_output_v1::{self, ZxdgOutputV1},
};
use wayland_protocols_wlr::screencopy::v1::client::zwlr_screencopy_manager_v1::ZwlrScreencopyManagerV1;

/// Most outputs and windows that are listed.
const MOST_LISTED: usize = 256;

/// What the compositor told, and the objects it was told through.
#[derive(Default)]
pub(super) struct State {
    pub(super) shm: Option<wl_shm::WlShm>,
    pub(super) screencopy: Option<ZwlrScreencopyManagerV1>,
    pub(super) image_copy: Option<ExtImageCopyCaptureManagerV1>,
    pub(super) output_sources: Option<OutputSources>,
    pub(super) window_sources: Option<WindowSources>,
    /// The first seat's pointer, where there is one.
    pub(super) pointer: Option<WlPointer>,
    pub(super) outputs: Vec<Output>,
    pub(super) windows: Vec<Window>,
    /// An output came, went or changed.
    pub(super) changed: bool,
    places: Option<ZxdgOutputManagerV1>,
    seat: Option<WlSeat>,
}

/// A corner and a size in the compositor's own units.
pub(super) type Logical = ((i32, i32), Size);

/// A monitor.
pub(super) struct Output {
    pub(super) proxy: WlOutput,
    /// The number of its global, which no other has after it.
    pub(super) number: u32,
    /// Such as `HDMI-A-1`.
    pub(super) name: String,
    model: String,
    /// In pixels, before it is turned.
    pub(super) mode: Size,
    pub(super) scale: u32,
    pub(super) transform: u32,
    corner: (i32, i32),
    /// Where it is among the others, in the compositor's own units.
    logical: Option<Logical>,
    place: Option<ZxdgOutputV1>,
}

/// A window of some app.
pub(super) struct Window {
    pub(super) proxy: ExtForeignToplevelHandleV1,
    pub(super) title: String,
    pub(super) class: String,
    /// The compositor's own name of it, the same for all its clients.
    identifier: String,
}

impl Output {
    /// What a person calls it.
    pub(super) fn title(&self) -> String {
        match (self.name.as_str(), self.model.as_str()) {
            ("", "") => format!("Monitor {}", self.number),
            ("", model) => model.to_owned(),
            (name, _) => name.to_owned(),
        }
    }

    /// As [`super::turn::Turn::of`] counts it: the size of its picture.
    pub(super) fn size(&self) -> Size {
        super::turn::Turn::of(self.transform).size(self.mode)
    }

    /// How many pixels there are for a hundred of the compositor's own units, fractions of its scale included.
    pub(super) fn scale_percent(&self) -> u32 {
        let (pixels, (_, logical)) = (self.size(), self.logical());
        let percent = f64::from(pixels.width) * 100.0 / f64::from(logical.width.max(1));
        percent.round().clamp(25.0, 1000.0) as u32
    }

    /// How far it is turned; the protocol counts against the clock.
    pub(super) fn rotation(&self) -> Rotation {
        match self.transform % 4 {
            1 => Rotation::ThreeQuarters,
            2 => Rotation::Half,
            3 => Rotation::Quarter,
            _ => Rotation::None,
        }
    }

    /// Where it is among the others, in the compositor's own units, and how large there.
    pub(super) fn logical(&self) -> Logical {
        let whole = self.size();
        let scale = self.scale.max(1);
        self.logical.filter(|(_, size)| size.area() > 0).unwrap_or_else(|| {
            (self.corner, Size::new(whole.width.div_ceil(scale), whole.height.div_ceil(scale)))
        })
    }
}

impl Window {
    /// Its id, the same on every connection: the compositor's name of it, in 64 bits.
    pub(super) fn id(&self) -> u64 {
        twox_hash::XxHash3_64::oneshot(self.identifier.as_bytes())
    }
}

impl State {
    /// Asks what there is.
    pub(super) fn new(display: &WlDisplay, q: &QueueHandle<Self>) -> Self {
        display.get_registry(q, ());
        Self::default()
    }

    /// Asks where the outputs are, once it is known who can say.
    pub(super) fn describe_outputs(&mut self, q: &QueueHandle<Self>) {
        let Some(places) = &self.places else { return };
        for output in &mut self.outputs {
            if output.place.is_none() {
                output.place = Some(places.get_xdg_output(&output.proxy, q, output.number));
            }
        }
    }

    pub(super) fn output(&self, number: u32) -> Option<&Output> {
        self.outputs.iter().find(|output| output.number == number)
    }

    fn output_mut(&mut self, number: u32) -> Option<&mut Output> {
        self.outputs.iter_mut().find(|output| output.number == number)
    }
}

/// Where outputs of these sizes in pixels are in one picture of them all. `logical`: where each is in the compositor's own
/// units. Where they differ in scale, units are not pixels: they stand side by side then, from left to right.
pub(super) fn arranged(outputs: &[(Logical, Size)]) -> Vec<Rect> {
    let scale = |logical: Size, pixels: Size| pixels.width as f64 / f64::from(logical.width.max(1));
    let first = outputs.first().map_or(1.0, |((_, logical), pixels)| scale(*logical, *pixels));
    let alike = outputs.iter().all(|((_, logical), pixels)| (scale(*logical, *pixels) - first).abs() < 0.01);
    let left = outputs.iter().map(|((at, _), _)| at.0).min().unwrap_or(0);
    let top = outputs.iter().map(|((at, _), _)| at.1).min().unwrap_or(0);
    if alike {
        let pixels = |units: i32, from: i32| (f64::from(units.saturating_sub(from)) * first).round() as u32;
        let place = |((at, _), size): &(Logical, Size)| {
            Rect::new(pixels(at.0, left), pixels(at.1, top), size.width, size.height)
        };
        return outputs.iter().map(place).collect();
    }
    let mut order: Vec<usize> = (0..outputs.len()).collect();
    order.sort_by_key(|i| outputs[*i].0.0);
    let mut places = vec![Rect::default(); outputs.len()];
    let mut x = 0u32;
    for i in order {
        let size = outputs[i].1;
        places[i] = Rect::new(x, 0, size.width, size.height);
        x = x.saturating_add(size.width);
    }
    places
}

impl Dispatch<WlRegistry, ()> for State {
    fn event(
        state: &mut Self,
        registry: &WlRegistry,
        event: wl_registry::Event,
        (): &(),
        _: &Connection,
        q: &QueueHandle<Self>,
    ) {
        match event {
            wl_registry::Event::Global { name, interface, version } => {
                state.bind(registry, (name, &interface, version), q);
            }
            wl_registry::Event::GlobalRemove { name } => {
                let before = state.outputs.len();
                for output in state.outputs.extract_if(.., |output| output.number == name) {
                    output.place.iter().for_each(ZxdgOutputV1::destroy);
                    if output.proxy.version() >= 3 {
                        output.proxy.release();
                    }
                }
                state.changed |= state.outputs.len() != before;
            }
            _ => {}
        }
    }
}

impl State {
    fn bind(
        &mut self,
        registry: &WlRegistry,
        (name, interface, version): (u32, &str, u32),
        q: &QueueHandle<Self>,
    ) {
        /// Binds the first of its kind.
        macro_rules! first {
            ($field:ident, $newest:literal) => {
                if self.$field.is_none() {
                    self.$field = Some(registry.bind(name, version.min($newest), q, ()));
                }
            };
        }
        match interface {
            "wl_shm" => first!(shm, 1),
            "zwlr_screencopy_manager_v1" => first!(screencopy, 3),
            "ext_image_copy_capture_manager_v1" => first!(image_copy, 1),
            "ext_output_image_capture_source_manager_v1" => first!(output_sources, 1),
            "ext_foreign_toplevel_image_capture_source_manager_v1" => first!(window_sources, 1),
            "zxdg_output_manager_v1" => first!(places, 3),
            "wl_seat" => first!(seat, 5),
            "ext_foreign_toplevel_list_v1" => {
                registry.bind::<ExtForeignToplevelListV1, _, _>(name, 1, q, ());
            }
            "wl_output" if self.outputs.len() < MOST_LISTED => {
                self.outputs.push(Output {
                    proxy: registry.bind(name, version.min(4), q, name),
                    number: name,
                    name: String::new(),
                    model: String::new(),
                    mode: Size::default(),
                    scale: 1,
                    transform: 0,
                    corner: (0, 0),
                    logical: None,
                    place: None,
                });
                // One that came later: the first ones are described once all globals are known.
                self.changed = true;
            }
            _ => {}
        }
    }
}

impl Dispatch<WlOutput, u32> for State {
    fn event(
        state: &mut Self,
        _: &WlOutput,
        event: wl_output::Event,
        number: &u32,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        let Some(output) = state.output_mut(*number) else { return };
        match event {
            wl_output::Event::Geometry { x, y, model, transform, .. } => {
                output.corner = (x, y);
                output.model = model;
                output.transform = match transform {
                    WEnum::Value(known) => known.into(),
                    WEnum::Unknown(number) => number,
                };
            }
            wl_output::Event::Mode { flags: WEnum::Value(flags), width, height, .. }
                if flags.contains(wl_output::Mode::Current) =>
            {
                output.mode = size_of(width, height);
            }
            wl_output::Event::Scale { factor } => output.scale = u32::try_from(factor).unwrap_or(1).max(1),
            wl_output::Event::Name { name } => output.name = name,
            wl_output::Event::Done => state.changed = true,
            _ => {}
        }
    }
}

impl Dispatch<ZxdgOutputV1, u32> for State {
    fn event(
        state: &mut Self,
        _: &ZxdgOutputV1,
        event: zxdg_output_v1::Event,
        number: &u32,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        let Some(output) = state.output_mut(*number) else { return };
        let logical = output.logical.unwrap_or_default();
        match event {
            zxdg_output_v1::Event::LogicalPosition { x, y } => output.logical = Some(((x, y), logical.1)),
            zxdg_output_v1::Event::LogicalSize { width, height } => {
                output.logical = Some((logical.0, size_of(width, height)));
            }
            zxdg_output_v1::Event::Name { name } if output.name.is_empty() => output.name = name,
            zxdg_output_v1::Event::Done => {}
            _ => return,
        }
        state.changed = true;
    }
}

impl Dispatch<WlSeat, ()> for State {
    fn event(
        state: &mut Self,
        seat: &WlSeat,
        event: wl_seat::Event,
        (): &(),
        _: &Connection,
        q: &QueueHandle<Self>,
    ) {
        if let wl_seat::Event::Capabilities { capabilities: WEnum::Value(has) } = event {
            // To ask a seat for a pointer that it does not have ends the connection.
            if !has.contains(wl_seat::Capability::Pointer) {
                state.pointer = None;
            } else if state.pointer.is_none() {
                state.pointer = Some(seat.get_pointer(q, ()));
            }
        }
    }
}

impl Dispatch<ExtForeignToplevelListV1, ()> for State {
    fn event(
        state: &mut Self,
        _: &ExtForeignToplevelListV1,
        event: ext_foreign_toplevel_list_v1::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let ext_foreign_toplevel_list_v1::Event::Toplevel { toplevel } = event {
            if state.windows.len() >= MOST_LISTED {
                toplevel.destroy();
                return;
            }
            state.windows.push(Window {
                proxy: toplevel,
                title: String::new(),
                class: String::new(),
                identifier: String::new(),
            });
        }
    }

    event_created_child!(State, ExtForeignToplevelListV1, [
        ext_foreign_toplevel_list_v1::EVT_TOPLEVEL_OPCODE => (ExtForeignToplevelHandleV1, ()),
    ]);
}

impl Dispatch<ExtForeignToplevelHandleV1, ()> for State {
    fn event(
        state: &mut Self,
        proxy: &ExtForeignToplevelHandleV1,
        event: ext_foreign_toplevel_handle_v1::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        let Some(at) = state.windows.iter().position(|window| window.proxy == *proxy) else { return };
        match event {
            ext_foreign_toplevel_handle_v1::Event::Title { title } => state.windows[at].title = title,
            ext_foreign_toplevel_handle_v1::Event::AppId { app_id } => state.windows[at].class = app_id,
            ext_foreign_toplevel_handle_v1::Event::Identifier { identifier } => {
                state.windows[at].identifier = identifier;
            }
            ext_foreign_toplevel_handle_v1::Event::Closed => state.windows.remove(at).proxy.destroy(),
            _ => {}
        }
    }
}

impl Dispatch<wl_callback::WlCallback, Arc<AtomicBool>> for State {
    fn event(
        _: &mut Self,
        _: &wl_callback::WlCallback,
        _: wl_callback::Event,
        answered: &Arc<AtomicBool>,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        answered.store(true, Ordering::SeqCst);
    }
}

fn size_of(width: i32, height: i32) -> Size {
    let side = |v: i32| u32::try_from(v).unwrap_or(0);
    Size::new(side(width), side(height))
}

delegate_noop!(State: ignore wl_shm::WlShm);
delegate_noop!(State: ignore wl_shm_pool::WlShmPool);
delegate_noop!(State: ignore wl_buffer::WlBuffer);
delegate_noop!(State: ignore WlPointer);
delegate_noop!(State: ignore ZxdgOutputManagerV1);
delegate_noop!(State: ignore ZwlrScreencopyManagerV1);
delegate_noop!(State: ignore ExtImageCopyCaptureManagerV1);
delegate_noop!(State: ignore OutputSources);
delegate_noop!(State: ignore WindowSources);
delegate_noop!(State: ignore ExtImageCaptureSourceV1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn monitors_stand_as_the_desktop_has_them() {
        let full = Size::new(1920, 1080);
        let double = Size::new(960, 540);
        // One to the left of the origin, one below; both of scale 2.
        let two = [(((-960, 0), double), full), (((0, 270), double), full)];
        assert_eq!(arranged(&two), [Rect::new(0, 0, 1920, 1080), Rect::new(1920, 540, 1920, 1080)]);
        // Of different scales: side by side, the left one first.
        let mixed = [(((1920, 0), double), full), (((0, 0), full), full)];
        assert_eq!(arranged(&mixed), [Rect::new(1920, 0, 1920, 1080), Rect::new(0, 0, 1920, 1080)]);
        assert_eq!(arranged(&[]), []);
    }
}
