//! The top-level windows of a screen as they stand on each other, and what they and those within them are called.

use super::connection::{Connection, lost, refused};
use super::place::{answer, printable};
use crate::capture::mask::{WindowFacts, WindowMatch};
use crate::error::{Error, Result};
use x11rb::connection::RequestConnection as _;
use x11rb::protocol::shape::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ChangeWindowAttributesAux, ConnectionExt as _, EventMask, MapState, Window, WindowClass,
};

/// Most windows that are asked for their names.
const MOST_WINDOWS: usize = 4096;
/// Under a window manager's frame the window itself is one to three levels down.
const LEVELS: usize = 4;
/// Longest property that is read, in units of 4 bytes.
const LONGEST_NAME: u32 = 256;

/// A rectangle in the root's coordinates, with signed corners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) x: i64,
    pub(super) y: i64,
    pub(super) width: i64,
    pub(super) height: i64,
}

impl Bounds {
    /// Of a window at `x`, `y` with its border.
    pub(super) fn of(x: i16, y: i16, width: u16, height: u16, border: u16) -> Self {
        let sides = |v: u16| i64::from(v) + 2 * i64::from(border);
        Self { x: x.into(), y: y.into(), width: sides(width), height: sides(height) }
    }
}

/// A child of the root.
#[derive(Clone, Debug)]
pub(super) struct TopLevel {
    pub(super) id: Window,
    pub(super) at: Bounds,
    pub(super) shown: bool,
    /// Nothing of what is below shines through.
    pub(super) opaque: bool,
    /// The window manager does not manage it: a menu, a tooltip.
    pub(super) unmanaged: bool,
    /// Whose dialog it, or a window within it, is.
    pub(super) owners: Vec<Window>,
    /// It and the windows within it.
    names: Vec<Names>,
}

#[derive(Clone, Debug)]
struct Names {
    id: Window,
    titles: Vec<String>,
    classes: Vec<String>,
}

impl TopLevel {
    /// Whether it, or a window within it, is one of `windows`.
    pub(super) fn fits(&self, windows: &[WindowMatch]) -> bool {
        self.names.iter().any(|n| {
            let facts = WindowFacts { id: n.id.into(), titles: &n.titles, classes: &n.classes };
            windows.iter().any(|w| w.fits(&facts))
        })
    }

    pub(super) fn holds(&self, id: Window) -> bool {
        self.ids().any(|own| own == id)
    }

    /// It and the windows within it.
    pub(super) fn ids(&self) -> impl Iterator<Item = Window> + '_ {
        self.names.iter().map(|n| n.id)
    }
}

/// The atoms that the tree asks for.
#[derive(Clone, Copy)]
pub(super) struct Atoms {
    net_name: Atom,
    opacity: Atom,
}

impl Atoms {
    pub(super) fn ask(c: &Connection) -> Result<Self> {
        let atom = |name: &str| -> Result<Atom> {
            let reply = c.x.intern_atom(false, name.as_bytes()).map_err(lost)?.reply();
            Ok(reply.map_err(|e| refused("an atom", e))?.atom)
        };
        Ok(Self { net_name: atom("_NET_WM_NAME")?, opacity: atom("_NET_WM_WINDOW_OPACITY")? })
    }

    /// Whether a change of this property may change what a window is called or how it looks.
    pub(super) fn matter(&self, atom: Atom) -> bool {
        [AtomEnum::WM_NAME, AtomEnum::WM_CLASS, AtomEnum::WM_TRANSIENT_FOR].map(Atom::from).contains(&atom)
            || atom == self.net_name
            || atom == self.opacity
    }
}

/// The top-level windows, the lowest first. Changes of names are told by events from then on.
pub(super) fn top_levels(c: &Connection, atoms: &Atoms) -> Result<Vec<TopLevel>> {
    let root = c.screen().root;
    let depth = c.screen().root_depth;
    let tree = c.x.query_tree(root).map_err(lost)?.reply().map_err(|e| refused("the windows", e))?;
    let shaped = c.x.extension_information(shape::X11_EXTENSION_NAME).map_err(lost)?.is_some();
    let mut all = Vec::with_capacity(tree.children.len());
    // All questions first, then all answers: one round trip a level.
    let mut asked = Vec::with_capacity(tree.children.len());
    for id in tree.children.iter().take(MOST_WINDOWS) {
        let extents = if shaped { Some(c.x.shape_query_extents(*id).map_err(lost)?) } else { None };
        let geometry = c.x.get_geometry(*id).map_err(lost)?;
        asked.push((*id, c.x.get_window_attributes(*id).map_err(lost)?, geometry, extents));
    }
    for (id, attributes, geometry, extents) in asked {
        let (attributes, geometry) = (answer(attributes.reply())?, answer(geometry.reply())?);
        let extents = extents.map(|e| answer(e.reply())).transpose()?.flatten();
        // A window that went away meanwhile has an event, after which all is asked again.
        let (Some(attributes), Some(geometry)) = (attributes, geometry) else { continue };
        if attributes.class == WindowClass::INPUT_ONLY {
            continue;
        }
        let plain = extents.is_some_and(|e| !e.bounding_shaped);
        all.push(TopLevel {
            id,
            at: Bounds::of(geometry.x, geometry.y, geometry.width, geometry.height, geometry.border_width),
            shown: attributes.map_state != MapState::UNMAPPED,
            opaque: plain && geometry.depth == depth,
            unmanaged: attributes.override_redirect,
            owners: Vec::new(),
            names: Vec::new(),
        });
    }
    let mut level: Vec<(usize, Window)> = all.iter().enumerate().map(|(i, w)| (i, w.id)).collect();
    let mut count = 0;
    for _ in 0..LEVELS {
        count += level.len();
        if count > MOST_WINDOWS || tree.children.len() > MOST_WINDOWS {
            return Err(Error::limit(format!(
                "more than {MOST_WINDOWS} windows; which to hide is not certain"
            )));
        }
        level = named(c, atoms, &mut all, &level)?;
    }
    Ok(all)
}

/// Asks the windows of a level what they are called; gives those within them.
fn named(
    c: &Connection,
    atoms: &Atoms,
    all: &mut [TopLevel],
    level: &[(usize, Window)],
) -> Result<Vec<(usize, Window)>> {
    let mut asked = Vec::with_capacity(level.len());
    for (top, id) in level {
        // Before the names are read, so that no change of them is missed.
        let events = ChangeWindowAttributesAux::new().event_mask(EventMask::PROPERTY_CHANGE);
        c.x.change_window_attributes(*id, &events).map_err(lost)?;
        let ask =
            |name: Atom| c.x.get_property(false, *id, name, AtomEnum::ANY, 0, LONGEST_NAME).map_err(lost);
        let names = [ask(atoms.net_name)?, ask(AtomEnum::WM_NAME.into())?, ask(AtomEnum::WM_CLASS.into())?];
        let looks = [ask(AtomEnum::WM_TRANSIENT_FOR.into())?, ask(atoms.opacity)?];
        asked.push((*top, *id, names, looks, c.x.query_tree(*id).map_err(lost)?));
    }
    let mut within = Vec::new();
    for (top, id, names, looks, tree) in asked {
        let [net, old, class] = names.map(|p| answer(p.reply()));
        let [owner, opacity] = looks.map(|p| answer(p.reply()));
        let titles = [net?, old?].into_iter().flatten().map(|p| printable(&p.value)).collect();
        let class = class?.map_or_else(Vec::new, |p| p.value);
        let classes = class.split(|b| *b == 0).filter(|c| !c.is_empty()).map(printable).collect();
        let window = &mut all[top];
        window.owners.extend(owner?.iter().filter_map(|p| p.value32()).flatten().filter(|id| *id != 0));
        window.opaque &= opacity?.is_none_or(|p| p.value.is_empty());
        window.names.push(Names { id, titles, classes });
        let children = answer(tree.reply())?.map_or_else(Vec::new, |t| t.children);
        within.extend(children.into_iter().map(|id| (top, id)));
    }
    Ok(within)
}
