//! Where the windows are that masks name.
//!
//! A connection of its own listens to what happens to all top-level windows. A picture is asked for after it was taken;
//! by then the server has told of every place where a window was since the picture before, in order, and each of them
//! counts. So no window slips through between a question and a picture, however fast it moves. A compositor shows it
//! late: where it was stays hidden for [`SETTLE`].

use super::Options;
use super::connection::{Connection, lost, refused};
use super::place::{Place, Target};
use super::tree::{Atoms, Bounds, TopLevel, top_levels};
use crate::capture::Excluded;
use crate::capture::mask::{MaskSet, MaskSource, Resolved, WindowMatch, without};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{Rect, Size};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use x11rb::connection::{Connection as _, RequestConnection as _};
use x11rb::protocol::Event;
use x11rb::protocol::randr::{self, ConnectionExt as _, NotifyMask};
use x11rb::protocol::xproto::{
    Atom, ChangeWindowAttributesAux, ConfigureNotifyEvent, ConnectionExt as _, EventMask, Window,
};

/// Longer than the usual compositor takes to show a window where it is, its animations included.
const SETTLE: Duration = Duration::from_millis(500);
/// Windows may change while they are asked for; after so many tries it is not certain where they are.
const MOST_TRIES: usize = 4;
/// Most places that windows have left and that still count.
const MOST_LEFT: usize = 512;

/// Looks after the windows of one screen.
pub(super) struct Windows {
    target: Target,
    display: Option<String>,
    excluded: Excluded,
    /// `None` before the first picture and after a failure.
    watch: Option<Watch>,
}

impl Windows {
    pub(super) fn new(target: Target, options: &Options) -> Self {
        let (display, excluded) = (options.display.clone(), options.excluded.clone());
        Self { target, display, excluded, watch: None }
    }
}

impl MaskSource for Windows {
    fn resolve(&mut self, masks: &MaskSet, picture: u64, size: Size) -> Result<Resolved> {
        let mut watch = match self.watch.take() {
            Some(watch) => watch,
            None => Watch::open(self.target, self.display.as_deref(), self.excluded.clone())?,
        };
        // After an error it begins anew: what was told meanwhile is lost.
        let resolved = watch.resolve(masks, picture, size)?;
        self.watch = Some(watch);
        Ok(resolved)
    }
}

/// A place that a window has left.
struct Left {
    id: Window,
    at: Bounds,
    when: Instant,
    /// It was hidden there.
    hidden: bool,
}

struct Watch {
    c: Connection,
    target: Target,
    monitor: Option<Atom>,
    atoms: Atoms,
    place: Place,
    /// The lowest first.
    windows: Vec<TopLevel>,
    /// Its names or the windows in it may be others.
    outdated: bool,
    left: Vec<Left>,
    /// Windows that are new, and where they are.
    strangers: BTreeMap<Window, Bounds>,
    /// Since when there are more such places than are kept.
    crowded: Option<Instant>,
    /// When something happened to a window last.
    stirred: Instant,
    /// For these masks: the windows that were hidden or alone shown, and those that could be seen.
    masks: MaskSet,
    hidden: BTreeSet<Window>,
    seen: BTreeSet<Window>,
    /// Ids that were there at some time: one that is not is no mistake then.
    known: BTreeSet<u64>,
    /// Windows that are no part of the picture, and so are over nothing.
    excluded: Excluded,
    own: BTreeSet<Window>,
    own_version: u64,
}

impl Watch {
    fn open(target: Target, display: Option<&str>, excluded: Excluded) -> Result<Self> {
        let c = Connection::open(display)?;
        c.begin();
        let root = c.screen().root;
        let events = EventMask::SUBSTRUCTURE_NOTIFY | EventMask::STRUCTURE_NOTIFY;
        let events = ChangeWindowAttributesAux::new().event_mask(events);
        c.x.change_window_attributes(root, &events).map_err(lost)?;
        if c.x.extension_information(randr::X11_EXTENSION_NAME).map_err(lost)?.is_some() {
            c.x.randr_query_version(1, 5).map_err(lost)?.reply().map_err(|e| refused("RandR", e))?;
            let changes = NotifyMask::SCREEN_CHANGE | NotifyMask::CRTC_CHANGE | NotifyMask::OUTPUT_CHANGE;
            c.x.randr_select_input(root, changes).map_err(lost)?;
        }
        let atoms = Atoms::ask(&c)?;
        let place = Place::find(&c, target, None)?;
        Ok(Self {
            target,
            monitor: place.monitor,
            atoms,
            place,
            windows: Vec::new(),
            outdated: true,
            left: Vec::new(),
            strangers: BTreeMap::new(),
            crowded: None,
            // Nobody knows what happened before.
            stirred: Instant::now(),
            masks: MaskSet::new(),
            hidden: BTreeSet::new(),
            seen: BTreeSet::new(),
            known: BTreeSet::new(),
            excluded,
            own: BTreeSet::new(),
            own_version: 0,
            c,
        })
    }

    fn resolve(&mut self, masks: &MaskSet, picture: u64, size: Size) -> Result<Resolved> {
        if self.masks != *masks {
            self.masks = masks.clone();
            self.hidden.clear();
            self.seen.clear();
        }
        if let Some((version, windows)) = self.excluded.since(self.own_version) {
            self.own_version = version;
            self.own = windows.into_iter().filter_map(|id| Window::try_from(id).ok()).collect();
        }
        self.catch_up()?;
        if self.place.size != size {
            return Err(Error::new(ErrorKind::Stalled, "the screen has another size by now"));
        }
        let now = Instant::now();
        self.left.retain(|left| now.duration_since(left.when) < SETTLE);
        let hidden = self.meant(masks.hidden())?;
        let only = self.meant(masks.only())?;
        // One that was hidden stays so for a while, whatever it is called now.
        let unhidden: Vec<(Window, Bounds)> = self
            .windows
            .iter()
            .filter(|w| w.shown && self.hidden.contains(&w.id) && !hidden.contains(&w.id))
            .map(|w| (w.id, w.at))
            .collect();
        unhidden.into_iter().for_each(|(id, at)| self.leave(id, at));
        self.hidden.clone_from(&hidden);
        if self.crowded.is_some_and(|since| now.duration_since(since) < SETTLE) {
            return Err(Error::limit("windows move about too much to be followed"));
        }
        let settled = now.duration_since(self.stirred) >= SETTLE;
        let mut rects = Vec::new();
        for (i, window) in self.windows.iter().enumerate().filter(|(_, w)| w.shown && hidden.contains(&w.id))
        {
            let above: Vec<Rect> = self.windows[i + 1..]
                .iter()
                .filter(|w| settled && w.shown && w.opaque && !hidden.contains(&w.id))
                .map(|w| self.clipped(&w.at))
                .collect();
            rects.extend(without(&self.clipped(&window.at), &above));
        }
        let left = self.left.iter().filter(|l| l.hidden || hidden.contains(&l.id));
        rects.extend(left.map(|l| self.clipped(&l.at)));
        if !masks.only().is_empty() {
            rects.extend(without(&size.rect(), &self.shown_alone(&only)));
        }
        rects.retain(|r| !r.is_empty());
        let (mut seen, mut anew) = (BTreeSet::new(), false);
        for window in self.windows.iter().filter(|w| w.shown) {
            if hidden.contains(&window.id) {
                anew |= self.seen.contains(&window.id);
            } else {
                seen.insert(window.id);
            }
        }
        self.seen = seen;
        Ok(Resolved { picture, rects, anew })
    }

    /// The parts of the windows `only` that nothing else was over since the last picture.
    fn shown_alone(&self, only: &BTreeSet<Window>) -> Vec<Rect> {
        let mut shown = Vec::new();
        for (i, window) in self.windows.iter().enumerate().filter(|(_, w)| w.shown && only.contains(&w.id)) {
            let own = |l: &&Left| l.id == window.id;
            let mut at = Some(self.clipped(&window.at));
            for left in self.left.iter().filter(own) {
                at = at.and_then(|at| at.intersection(&self.clipped(&left.at)));
            }
            let Some(at) = at else { continue };
            let above =
                self.windows[i + 1..].iter().filter(|w| w.shown && !only.contains(&w.id) && !self.is_own(w));
            let above = above.map(|w| &w.at);
            let were = self.left.iter().filter(|l| !only.contains(&l.id) && !self.own.contains(&l.id));
            let were = were.map(|l| &l.at);
            let over: Vec<Rect> = above.chain(were).map(|at| self.clipped(at)).collect();
            shown.extend(without(&at, &over));
        }
        shown
    }

    /// The top-level windows that `wanted` means, with their dialogs and menus.
    fn meant(&mut self, wanted: &[WindowMatch]) -> Result<BTreeSet<Window>> {
        let (windows, own) = (&self.windows, &self.own);
        let others = || windows.iter().filter(|w| !own.iter().any(|id| w.holds(*id)));
        let mut meant: BTreeSet<Window> = others().filter(|w| w.fits(wanted)).map(|w| w.id).collect();
        for window in wanted {
            let WindowMatch::Id(id) = window else { continue };
            if self.windows.iter().any(|w| u32::try_from(*id).is_ok_and(|id| w.holds(id))) {
                self.known.insert(*id);
            } else if !self.known.contains(id) {
                return Err(Error::new(
                    ErrorKind::NotFound,
                    format!("there is no window {id:#x} to hide or to show"),
                ));
            }
        }
        let owner = |id: &Window| self.windows.iter().find(|w| w.holds(*id)).map(|w| w.id);
        // The ids of one program begin alike.
        let program = |id: Window| id & !self.c.x.setup().resource_id_mask;
        let mut programs: BTreeSet<u32> = BTreeSet::new();
        for window in self.windows.iter().filter(|w| meant.contains(&w.id)) {
            programs.extend(window.ids().map(program));
        }
        loop {
            let before = meant.len();
            for window in others() {
                let dialog = window.owners.iter().filter_map(owner).any(|id| meant.contains(&id));
                if dialog || (window.unmanaged && programs.contains(&program(window.id))) {
                    meant.insert(window.id);
                }
            }
            if meant.len() == before {
                return Ok(meant);
            }
        }
    }

    /// Whether it is no part of the picture.
    fn is_own(&self, window: &TopLevel) -> bool {
        self.own.iter().any(|id| window.holds(*id))
    }

    fn clipped(&self, at: &Bounds) -> Rect {
        let (x, y) = (i64::from(self.place.origin.0), i64::from(self.place.origin.1));
        Rect::clipped(at.x - x, at.y - y, at.width, at.height, self.place.size)
    }

    /// Hears all that the server has told by now, and asks where that is not enough.
    fn catch_up(&mut self) -> Result<()> {
        for _ in 0..MOST_TRIES {
            self.c.begin();
            // Its answer comes after all events of what happened before.
            self.c.x.get_input_focus().map_err(lost)?.reply().map_err(|e| refused("a sign of life", e))?;
            while let Some(event) = self.c.x.poll_for_event().map_err(lost)? {
                self.hear(&event);
            }
            if !self.outdated {
                return Ok(());
            }
            self.outdated = false;
            self.place = Place::find(&self.c, self.target, self.monitor)?;
            let before = std::mem::replace(&mut self.windows, top_levels(&self.c, &self.atoms)?);
            for old in before.iter().filter(|w| w.shown) {
                let same = self.windows.iter().any(|w| w.id == old.id && w.shown && w.at == old.at);
                if !same {
                    self.leave(old.id, old.at);
                }
            }
            // What came and went before it could be asked for its name is hidden: it may have been anything.
            for id in std::mem::take(&mut self.strangers).into_keys() {
                if self.windows.iter().all(|w| w.id != id) {
                    self.left.iter_mut().filter(|l| l.id == id).for_each(|l| l.hidden = true);
                }
            }
        }
        Err(Error::new(ErrorKind::Stalled, "the windows do not stand still to be asked for"))
    }

    fn hear(&mut self, event: &Event) {
        match event {
            Event::ConfigureNotify(e) if e.window == self.c.screen().root => self.outdated = true,
            Event::ConfigureNotify(e) => self.moved(e),
            Event::PropertyNotify(e) => {
                self.outdated |= self.atoms.matter(e.atom);
                return;
            }
            Event::CreateNotify(e) => {
                self.outdated = true;
                self.strangers.insert(e.window, Bounds::of(e.x, e.y, e.width, e.height, e.border_width));
            }
            Event::MapNotify(e) => self.comes_or_goes(e.window),
            Event::UnmapNotify(e) => self.comes_or_goes(e.window),
            // Windows that go or change their place in the tree.
            Event::DestroyNotify(_)
            | Event::ReparentNotify(_)
            | Event::GravityNotify(_)
            | Event::CirculateNotify(_)
            | Event::RandrScreenChangeNotify(_)
            | Event::RandrNotify(_) => self.outdated = true,
            _ => return,
        }
        self.stirred = Instant::now();
    }

    /// A window is shown or hidden where it is: in a picture meanwhile it may have been there.
    fn comes_or_goes(&mut self, id: Window) {
        self.outdated = true;
        let known = self.windows.iter().find(|w| w.id == id).map(|w| w.at);
        if let Some(at) = known.or_else(|| self.strangers.get(&id).copied()) {
            self.leave(id, at);
        }
    }

    /// A window has another place, or another one below it.
    fn moved(&mut self, e: &ConfigureNotifyEvent) {
        let at = Bounds::of(e.x, e.y, e.width, e.height, e.border_width);
        let Some(i) = self.windows.iter().position(|w| w.id == e.window) else {
            self.outdated = true;
            self.strangers.insert(e.window, at);
            self.leave(e.window, at);
            return;
        };
        let mut window = self.windows.remove(i);
        // Shown or not: it may have been shown in between.
        self.leave(window.id, window.at);
        window.at = at;
        let below = self.windows.iter().position(|w| w.id == e.above_sibling);
        match below {
            Some(below) => self.windows.insert(below + 1, window),
            None => {
                // The lowest, or above one that shows nothing and is not kept.
                self.outdated |= e.above_sibling != 0;
                self.windows.insert(0, window);
            }
        }
    }

    /// Where a window was still counts for a while.
    fn leave(&mut self, id: Window, at: Bounds) {
        let (when, hidden) = (Instant::now(), self.hidden.contains(&id));
        let full = self.left.len() >= MOST_LEFT;
        match self.left.iter_mut().find(|l| l.id == id && l.at == at) {
            Some(left) => {
                left.when = when;
                left.hidden |= hidden;
            }
            None if full => self.crowded = Some(when),
            None => self.left.push(Left { id, at, when, hidden }),
        }
    }
}
