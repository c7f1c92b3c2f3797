//! Where on the server the picture is: the whole screen, a monitor, a window.

use super::connection::{Connection, TimedStream, lost, refused};
use crate::capture::{Rotation, SourceInfo, SourceKind};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::Size;
use crate::limits::Limits;
use x11rb::CURRENT_TIME;
use x11rb::connection::{Connection as _, RequestConnection as _};
use x11rb::errors::ReplyError;
use x11rb::protocol::randr::{self, ConnectionExt as _, Output};
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ConnectionExt as _, GetPropertyReply, ImageOrder, MapState, Screen, VisualClass,
    Visualid, Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;

/// Most monitors and windows that are listed.
const MOST_LISTED: usize = 256;
/// Longest title that is read, in units of 4 bytes.
const LONGEST_TITLE: u32 = 256;
/// Most of the programs' settings that are read, likewise.
const LONGEST_SETTINGS: u32 = 16 * 1024;

/// What is to be captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The whole screen: all monitors as they are arranged.
    Screen,
    /// The monitor with this number, from 0.
    Monitor(usize),
    /// The window with this id, also where others cover it.
    Window(u32),
}

impl Target {
    /// Its id as [`crate::capture::SourceInfo::id`] has it.
    #[must_use]
    pub fn id(self) -> String {
        match self {
            Self::Screen => "screen".into(),
            Self::Monitor(number) => format!("screen:{number}"),
            Self::Window(id) => format!("window:{id:#x}"),
        }
    }
}

/// Where the target is at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The window that is captured or contains what is captured: the root, or the target itself.
    pub(super) window: Window,
    /// Where the picture begins in that window's coordinates.
    pub(super) origin: (i16, i16),
    pub(super) size: Size,
    /// Bits of its pixels.
    pub(super) depth: u8,
    /// Width of the window's border; the picture is without it.
    pub(super) border: u16,
    /// Which monitor it is, whatever its number becomes.
    pub(super) monitor: Option<Atom>,
}

/// A monitor as RandR has it.
pub(super) struct Monitor {
    pub(super) name: Atom,
    pub(super) title: String,
    pub(super) origin: (i16, i16),
    pub(super) size: Size,
    pub(super) rotation: Rotation,
}

impl Monitor {
    /// It as a source, drawn at `scale_percent`.
    pub(super) fn info(&self, number: usize, scale_percent: u32) -> SourceInfo {
        SourceInfo {
            origin: Some((self.origin.0.into(), self.origin.1.into())),
            scale_percent,
            rotation: self.rotation,
            ..SourceInfo::new(Target::Monitor(number).id(), self.title.clone(), SourceKind::Screen, self.size)
        }
    }
}

impl Place {
    /// Finds `target`. `monitor` is the monitor it was before, if it was one.
    pub(super) fn find(c: &Connection, target: Target, monitor: Option<Atom>) -> Result<Self> {
        let place = match target {
            Target::Window(id) if id != c.screen().root => Self::of_window(c, id)?,
            Target::Screen | Target::Window(_) => Self::of_root(c)?,
            Target::Monitor(number) => {
                let root = Self::of_root(c)?;
                let found = monitors(c)?;
                let count = found.len();
                let monitor = match monitor {
                    Some(name) => found.into_iter().find(|m| m.name == name).ok_or_else(|| {
                        Error::new(ErrorKind::Closed, format!("monitor {number} is not connected any more"))
                    })?,
                    None => found.into_iter().nth(number).ok_or_else(|| {
                        let text = format!("there is no monitor {number}; this display has {count}");
                        Error::new(ErrorKind::NotFound, text)
                    })?,
                };
                Self { origin: monitor.origin, size: monitor.size, monitor: Some(monitor.name), ..root }
            }
        };
        Limits::default().check_size(place.size)?;
        Ok(place)
    }

    /// Where its first pixel is on the screen.
    pub(super) fn corner(&self, c: &Connection) -> Result<(i32, i32)> {
        let (x, y) = self.origin;
        let at = c.x.translate_coordinates(self.window, c.screen().root, x, y).map_err(lost)?;
        let at = at.reply().map_err(|e| refused("a window's place", e))?;
        Ok((at.dst_x.into(), at.dst_y.into()))
    }

    fn of_root(c: &Connection) -> Result<Self> {
        let screen = c.screen();
        check_visual(c, screen, screen.root_visual, screen.root_depth)?;
        let what = "the screen's size";
        let geometry = c.x.get_geometry(screen.root).map_err(lost)?.reply().map_err(|e| refused(what, e))?;
        Ok(Self {
            window: screen.root,
            origin: (0, 0),
            size: Size::new(geometry.width.into(), geometry.height.into()),
            depth: geometry.depth,
            border: 0,
            monitor: None,
        })
    }

    fn of_window(c: &Connection, id: Window) -> Result<Self> {
        let attributes = c.x.get_window_attributes(id).map_err(lost)?;
        let geometry = c.x.get_geometry(id).map_err(lost)?;
        let gone = |e: ReplyError| match e {
            ReplyError::ConnectionError(e) => lost(e),
            ReplyError::X11Error(_) => Error::new(
                ErrorKind::NotFound,
                format!("there is no window {id:#x}; list the sources for those there are"),
            ),
        };
        let (attributes, geometry) = (attributes.reply().map_err(gone)?, geometry.reply().map_err(gone)?);
        if attributes.class == WindowClass::INPUT_ONLY {
            let text = format!("window {id:#x} only takes input, it shows nothing");
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
        check_visual(c, c.screen(), attributes.visual, geometry.depth)?;
        Ok(Self {
            window: id,
            origin: (0, 0),
            size: Size::new(geometry.width.into(), geometry.height.into()),
            depth: geometry.depth,
            border: geometry.border_width,
            monitor: None,
        })
    }
}

/// Accepts the one pixel layout that all of today's desktops have: B, G, R and a fourth byte.
fn check_visual(c: &Connection, screen: &Screen, visual: Visualid, depth: u8) -> Result<()> {
    let setup = c.x.setup();
    let unsupported = |why: String| Err(Error::new(ErrorKind::Unsupported, why));
    if setup.image_byte_order != ImageOrder::LSB_FIRST {
        return unsupported("an X server with big-endian pixels cannot be captured".into());
    }
    let bits = setup.pixmap_formats.iter().find(|f| f.depth == depth).map_or(0, |f| f.bits_per_pixel);
    if !(depth == 24 || depth == 32) || bits != 32 {
        return unsupported(format!(
            "a depth of {depth} with {bits} bits a pixel cannot be captured; it takes 24 or 32"
        ));
    }
    let found = screen.allowed_depths.iter().flat_map(|d| &d.visuals).find(|v| v.visual_id == visual);
    match found {
        Some(v)
            if v.class == VisualClass::TRUE_COLOR
                && (v.red_mask, v.green_mask, v.blue_mask) == (0xFF_0000, 0xFF00, 0xFF) =>
        {
            Ok(())
        }
        _ => unsupported("an X visual whose pixels are not blue, green, red cannot be captured".into()),
    }
}

/// The monitors, in RandR's order. A server without RandR 1.5 has one: the whole screen.
pub(super) fn monitors(c: &Connection) -> Result<Vec<Monitor>> {
    let screen = c.screen();
    let has_monitors = c.x.extension_information(randr::X11_EXTENSION_NAME).map_err(lost)?.is_some()
        && c.x
            .randr_query_version(1, 5)
            .map_err(lost)?
            .reply()
            .is_ok_and(|v| (v.major_version, v.minor_version) >= (1, 5));
    if !has_monitors {
        let root = Place::of_root(c)?;
        let rotation = Rotation::None;
        return Ok(vec![Monitor {
            name: 0,
            title: "Screen".into(),
            origin: (0, 0),
            size: root.size,
            rotation,
        }]);
    }
    let reply = c.x.randr_get_monitors(screen.root, true).map_err(lost)?.reply();
    let found = reply.map_err(|e| refused("the list of monitors", e))?.monitors;
    let mut all = Vec::new();
    for monitor in found.iter().take(MOST_LISTED) {
        let title = match c.x.get_atom_name(monitor.name).map_err(lost)?.reply() {
            Ok(reply) => printable(&reply.name),
            Err(ReplyError::X11Error(_)) => "Monitor".into(),
            Err(ReplyError::ConnectionError(e)) => return Err(lost(e)),
        };
        all.push(Monitor {
            name: monitor.name,
            title,
            origin: (monitor.x, monitor.y),
            size: Size::new(monitor.width.into(), monitor.height.into()),
            rotation: match monitor.outputs.first() {
                Some(output) => rotation(c, *output)?,
                None => Rotation::None,
            },
        });
    }
    Ok(all)
}

/// How far what an output shows is turned.
fn rotation(c: &Connection, output: Output) -> Result<Rotation> {
    let info = c.x.randr_get_output_info(output, CURRENT_TIME).map_err(lost)?;
    let Some(info) = answer(info.reply())? else { return Ok(Rotation::None) };
    let crtc = c.x.randr_get_crtc_info(info.crtc, CURRENT_TIME).map_err(lost)?;
    // RandR counts against the clock.
    Ok(answer(crtc.reply())?.map_or(Rotation::None, |crtc| match crtc.rotation {
        turned if turned.contains(randr::Rotation::ROTATE90) => Rotation::ThreeQuarters,
        turned if turned.contains(randr::Rotation::ROTATE180) => Rotation::Half,
        turned if turned.contains(randr::Rotation::ROTATE270) => Rotation::Quarter,
        _ => Rotation::None,
    }))
}

/// How large programs draw, in percent: X has one setting for all monitors, in dots per inch, of which 96 are 100 %.
pub(super) fn scale_percent(c: &Connection) -> Result<u32> {
    let root = c.screen().root;
    let (name, kind) = (AtomEnum::RESOURCE_MANAGER, AtomEnum::STRING);
    let settings = c.x.get_property(false, root, name, kind, 0, LONGEST_SETTINGS).map_err(lost)?;
    let settings = answer(settings.reply())?.map_or_else(Vec::new, |reply| reply.value);
    let settings = String::from_utf8_lossy(&settings);
    let dpi = settings.lines().find_map(|line| line.strip_prefix("Xft.dpi:")?.trim().parse::<f64>().ok());
    Ok(dpi.map_or(100, |dpi| (dpi * 100.0 / 96.0).round().clamp(25.0, 1000.0) as u32))
}

/// A window that a person would know.
pub(super) struct TopLevel {
    pub(super) id: Window,
    title: String,
    size: Size,
    origin: (i16, i16),
    class: Option<String>,
    pid: Option<u32>,
}

impl TopLevel {
    /// It as a source, drawn at `scale_percent`.
    pub(super) fn info(self, scale_percent: u32) -> SourceInfo {
        SourceInfo {
            origin: Some((self.origin.0.into(), self.origin.1.into())),
            scale_percent,
            class: self.class,
            pid: self.pid,
            ..SourceInfo::new(Target::Window(self.id).id(), self.title, SourceKind::Window, self.size)
        }
    }
}

/// The windows that the window manager manages; without one, those that are shown.
pub(super) fn windows(c: &Connection) -> Result<Vec<TopLevel>> {
    let root = c.screen().root;
    let atom = |name: &str| -> Result<Atom> {
        let reply = c.x.intern_atom(true, name.as_bytes()).map_err(lost)?.reply();
        Ok(reply.map_err(|e| refused("an atom", e))?.atom)
    };
    let (client_list, net_name) = (atom("_NET_CLIENT_LIST")?, atom("_NET_WM_NAME")?);
    let process = atom("_NET_WM_PID")?;
    let mut ids: Vec<Window> = Vec::new();
    if client_list != 0 {
        let cookie = c.x.get_property(false, root, client_list, AtomEnum::WINDOW, 0, MOST_LISTED as u32);
        if let Some(reply) = answer(cookie.map_err(lost)?.reply())? {
            ids.extend(reply.value32().into_iter().flatten().take(MOST_LISTED));
        }
    }
    if ids.is_empty() {
        let tree =
            c.x.query_tree(root).map_err(lost)?.reply().map_err(|e| refused("the list of windows", e))?;
        // The newest windows are the last.
        ids.extend(tree.children.iter().rev().take(MOST_LISTED));
    }
    let mut all = Vec::new();
    for id in ids {
        // All questions first, then all answers: one round trip a window.
        let attributes = c.x.get_window_attributes(id).map_err(lost)?;
        let geometry = c.x.get_geometry(id).map_err(lost)?;
        let titles = Titles::ask(c, id, net_name)?;
        let class = c.x.get_property(false, id, AtomEnum::WM_CLASS, AtomEnum::STRING, 0, LONGEST_TITLE);
        let pid = c.x.get_property(false, id, process, AtomEnum::CARDINAL, 0, 1).map_err(lost)?;
        let corner = c.x.translate_coordinates(id, root, 0, 0).map_err(lost)?;
        let class = answer(class.map_err(lost)?.reply())?;
        let (pid, corner) = (answer(pid.reply())?, answer(corner.reply())?);
        let (attributes, geometry) = (answer(attributes.reply())?, answer(geometry.reply())?);
        let title = titles.answer()?;
        // A window that went away in between is no source.
        let (Some(attributes), Some(geometry), Some(corner)) = (attributes, geometry, corner) else {
            continue;
        };
        if attributes.class == WindowClass::INPUT_ONLY || attributes.map_state != MapState::VIEWABLE {
            continue;
        }
        let size = Size::new(geometry.width.into(), geometry.height.into());
        all.push(TopLevel {
            id,
            title: title.unwrap_or_else(|| "(no title)".into()),
            size,
            origin: (corner.dst_x, corner.dst_y),
            class: class.and_then(|p| class_of(&p.value)),
            pid: pid.and_then(|p| p.value32()?.next()),
        });
    }
    Ok(all)
}

/// The second of the two words of WM_CLASS; the first is the instance's.
fn class_of(words: &[u8]) -> Option<String> {
    words.split(|b| *b == 0).nth(1).map(printable).filter(|class| !class.is_empty())
}

/// What a person calls the target.
pub(super) fn title(c: &Connection, target: Target, place: &Place) -> Result<String> {
    match target {
        Target::Screen => Ok("Whole screen".into()),
        Target::Monitor(number) => {
            let found = monitors(c)?.into_iter().find(|m| Some(m.name) == place.monitor);
            Ok(found.map_or_else(|| format!("Monitor {number}"), |m| m.title))
        }
        Target::Window(id) => {
            let name = c.x.intern_atom(true, b"_NET_WM_NAME").map_err(lost)?.reply();
            let name = name.map_err(|e| refused("an atom", e))?.atom;
            let title = Titles::ask(c, id, name)?.answer()?;
            Ok(title.unwrap_or_else(|| format!("Window {id:#x}")))
        }
    }
}

/// The questions for a window's title, asked and not yet answered.
pub(super) struct Titles<'c> {
    modern: Property<'c>,
    old: Property<'c>,
}

type Property<'c> = x11rb::cookie::Cookie<'c, RustConnection<TimedStream>, GetPropertyReply>;

impl<'c> Titles<'c> {
    pub(super) fn ask(c: &'c Connection, id: Window, net_name: Atom) -> Result<Self> {
        let ask =
            |name: Atom| c.x.get_property(false, id, name, AtomEnum::ANY, 0, LONGEST_TITLE).map_err(lost);
        Ok(Self { modern: ask(net_name)?, old: ask(AtomEnum::WM_NAME.into())? })
    }

    fn answer(self) -> Result<Option<String>> {
        let (modern, old) = (answer(self.modern.reply())?, answer(self.old.reply())?);
        Ok([modern, old].into_iter().flatten().map(|p| printable(&p.value)).find(|t| !t.is_empty()))
    }
}

/// A reply, or nothing where the server said no because the window is gone.
pub(super) fn answer<T>(reply: std::result::Result<T, ReplyError>) -> Result<Option<T>> {
    match reply {
        Ok(reply) => Ok(Some(reply)),
        Err(ReplyError::X11Error(_)) => Ok(None),
        Err(ReplyError::ConnectionError(e)) => Err(lost(e)),
    }
}

/// Another program's words, fit for a terminal.
pub(super) fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().filter(|c| !c.is_control()).collect::<String>().trim().to_owned()
}
