//! The app's own windows, kept out of the mirror.
//!
//! Under the grab that copies what changed, the server itself is told to leave out their shapes as they are then. A
//! compositor takes a window off the screen late, so that where one was stays left out for a while, and is copied
//! once that is over.

use super::connection::{Connection, TimedStream, lost, new_id, refused};
use super::mirror::Mirror;
use super::place::{Place, answer};
use crate::capture::Excluded;
use crate::error::Result;
use crate::frame::{Rect, Region};
use std::time::{Duration, Instant};
use x11rb::cookie::Cookie;
use x11rb::protocol::Event;
use x11rb::protocol::shape::{ConnectionExt as _, SK};
use x11rb::protocol::xfixes::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{
    ChangeWindowAttributesAux, ConnectionExt as _, EventMask, GetWindowAttributesReply, MapState, Rectangle,
    TranslateCoordinatesReply, Window,
};
use x11rb::rust_connection::RustConnection;

/// Longer than a compositor takes for a picture.
const HOLD: Duration = Duration::from_millis(100);
/// Two, until what was recent is copied, and the one that is under way.
const TURNS: u8 = 3;
/// Most levels between a window and the root.
const LEVELS: usize = 8;

/// What is left out of a screen's pictures.
pub(super) struct OwnWindows {
    excluded: Excluded,
    version: u64,
    ids: Vec<Window>,
    /// There are none before they are needed.
    regions: Option<Regions>,
    /// How often `recent` is still to be begun anew until all of the past is copied.
    turns: u8,
    /// When `recent` was begun.
    turned: Instant,
    /// Where the picture holds older pixels.
    frozen: Region,
    /// Where they stood when their own pixels may have been copied.
    spoiled: Vec<Standing>,
}

/// Regions of the server's, in the root's coordinates.
struct Regions {
    /// One window's.
    one: xfixes::Region,
    /// What all of them cover now.
    now: xfixes::Region,
    /// What they have covered for up to [`HOLD`], and for as long before that.
    recent: xfixes::Region,
    older: xfixes::Region,
    /// All that is left out.
    out: xfixes::Region,
    /// All else.
    rest: xfixes::Region,
    /// What is to be painted over.
    blot: xfixes::Region,
}

/// A window as it is on the screen.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Standing {
    /// The child of the root that it is or lies in.
    top: Window,
    /// `None` while it is not shown.
    at: Option<(i16, i16)>,
}

/// Where the windows were before the grab.
pub(super) struct Standings(Vec<Standing>);

/// The same question, put under the grab.
pub(super) struct Asked<'c> {
    windows: Vec<(Window, Question<'c, GetWindowAttributesReply>, Question<'c, TranslateCoordinatesReply>)>,
    out: Question<'c, xfixes::FetchRegionReply>,
}

type Question<'c, R> = Cookie<'c, RustConnection<TimedStream>, R>;

impl OwnWindows {
    pub(super) fn new(excluded: Excluded) -> Self {
        Self {
            excluded,
            version: 0,
            ids: Vec::new(),
            regions: None,
            turns: 0,
            turned: Instant::now(),
            frozen: Region::empty(),
            spoiled: Vec::new(),
        }
    }

    /// Where the picture holds what was there before a window came.
    pub(super) fn frozen(&self) -> &Region {
        &self.frozen
    }

    /// When there is something to copy that no damage tells of.
    pub(super) fn due(&self) -> Option<Instant> {
        (self.turns > 0).then(|| self.turned + HOLD)
    }

    /// Hears of what the server told about a window of ours.
    pub(super) fn hear(&mut self, event: &Event) {
        let window = match event {
            Event::ShapeNotify(e) => e.affected_window,
            Event::ConfigureNotify(e) => e.window,
            Event::MapNotify(e) => e.window,
            Event::UnmapNotify(e) => e.window,
            Event::ReparentNotify(e) => e.window,
            Event::DestroyNotify(e) => e.window,
            _ => return,
        };
        if self.ids.contains(&window) {
            self.stir();
        }
    }

    /// Where they are, asked before the grab. `None` if there is nothing to leave out.
    pub(super) fn find(&mut self, c: &Connection) -> Result<Option<Standings>> {
        if let Some((version, windows)) = self.excluded.since(self.version) {
            self.version = version;
            self.ids = windows.into_iter().filter_map(|id| Window::try_from(id).ok()).collect();
            self.stir();
            let events = ChangeWindowAttributesAux::new().event_mask(EventMask::STRUCTURE_NOTIFY);
            for id in &self.ids {
                c.x.change_window_attributes(*id, &events).map_err(lost)?;
                c.x.shape_select_input(*id, true).map_err(lost)?;
            }
        }
        if self.ids.is_empty() && self.turns == 0 {
            return Ok(None);
        }
        if self.regions.is_none() {
            self.regions = Some(Regions::new(c)?);
        }
        let mut standing = Vec::with_capacity(self.ids.len());
        for id in &self.ids {
            standing.extend(stands(c, *id)?);
        }
        Ok(Some(Standings(standing)))
    }

    /// Under the grab: leaves them out of `changed`, or says in which region to copy where there is none.
    pub(super) fn leave_out(
        &mut self,
        c: &Connection,
        standings: &Standings,
        changed: Option<xfixes::Region>,
        (place, mirror): (&Place, &mut Mirror),
    ) -> Result<xfixes::Region> {
        let Some(r) = &mut self.regions else { return Ok(x11rb::NONE) };
        c.x.xfixes_set_region(r.now, &[]).map_err(lost)?;
        r.gather(c, &standings.0, r.now)?;
        c.x.xfixes_union_region(r.recent, r.now, r.recent).map_err(lost)?;
        let now = Instant::now();
        if now.duration_since(self.turned) >= HOLD {
            // What is left out no more may have changed unseen.
            if let Some(changed) = changed {
                c.x.xfixes_union_region(changed, r.older, changed).map_err(lost)?;
            }
            (r.older, r.recent) = (r.recent, r.older);
            c.x.xfixes_copy_region(r.now, r.recent).map_err(lost)?;
            self.turned = now;
            self.turns = self.turns.saturating_sub(1);
        }
        c.x.xfixes_union_region(r.recent, r.older, r.out).map_err(lost)?;
        if !self.spoiled.is_empty() {
            // What is left out now is not copied anew.
            c.x.xfixes_set_region(r.blot, &[]).map_err(lost)?;
            r.gather(c, &self.spoiled, r.blot)?;
            c.x.xfixes_intersect_region(r.blot, r.out, r.blot).map_err(lost)?;
            mirror.blot(c, r.blot, place)?;
            self.spoiled.clear();
        }
        if let Some(changed) = changed {
            c.x.xfixes_subtract_region(changed, r.out, changed).map_err(lost)?;
            return Ok(changed);
        }
        let side = |v: u32| u16::try_from(v).unwrap_or(u16::MAX);
        let (x, y) = place.origin;
        let all = Rectangle { x, y, width: side(place.size.width), height: side(place.size.height) };
        c.x.xfixes_invert_region(r.out, all, r.rest).map_err(lost)?;
        Ok(r.rest)
    }

    /// Under the grab: asks where they are.
    pub(super) fn ask<'c>(&self, c: &'c Connection, standings: &Standings) -> Result<Option<Asked<'c>>> {
        let Some(r) = &self.regions else { return Ok(None) };
        let out = c.x.xfixes_fetch_region(r.out).map_err(lost)?;
        let mut windows = Vec::with_capacity(standings.0.len());
        for Standing { top, .. } in &standings.0 {
            let shown = c.x.get_window_attributes(*top).map_err(lost)?;
            let at = c.x.translate_coordinates(*top, c.screen().root, 0, 0).map_err(lost)?;
            windows.push((*top, shown, at));
        }
        Ok(Some(Asked { windows, out }))
    }

    /// After the grab: whether they stood as was thought. Where not, their pixels may have been copied.
    pub(super) fn stood(&mut self, standings: &Standings, asked: Asked<'_>, place: &Place) -> Result<bool> {
        let out = asked.out.reply().map_err(|e| refused("what is left out", e))?;
        let (x, y) = (i64::from(place.origin.0), i64::from(place.origin.1));
        let clip = |r: &Rectangle| {
            let (left, top) = (i64::from(r.x) - x, i64::from(r.y) - y);
            Rect::clipped(left, top, r.width.into(), r.height.into(), place.size)
        };
        self.frozen = out.rectangles.iter().map(clip).collect();
        let mut now = Vec::with_capacity(standings.0.len());
        for (top, shown, at) in asked.windows {
            now.extend(standing(top, shown, at)?);
        }
        let stood = now == standings.0;
        if !stood {
            self.spoiled.extend(now);
            self.stir();
        }
        Ok(stood)
    }

    fn stir(&mut self) {
        if self.turns == 0 {
            self.turned = Instant::now();
        }
        self.turns = TURNS;
    }
}

/// Where the window `id` is; `None` if it is no more.
fn stands(c: &Connection, id: Window) -> Result<Option<Standing>> {
    let mut top = id;
    for _ in 0..LEVELS {
        let Some(tree) = answer(c.x.query_tree(top).map_err(lost)?.reply())? else { return Ok(None) };
        if tree.parent == tree.root {
            break;
        }
        if tree.parent == x11rb::NONE {
            return Ok(None);
        }
        top = tree.parent;
    }
    let shown = c.x.get_window_attributes(top).map_err(lost)?;
    let at = c.x.translate_coordinates(top, c.screen().root, 0, 0).map_err(lost)?;
    standing(top, shown, at)
}

fn standing(
    top: Window,
    shown: Question<'_, GetWindowAttributesReply>,
    at: Question<'_, TranslateCoordinatesReply>,
) -> Result<Option<Standing>> {
    let (Some(shown), Some(at)) = (answer(shown.reply())?, answer(at.reply())?) else { return Ok(None) };
    let at = (shown.map_state == MapState::VIEWABLE).then_some((at.dst_x, at.dst_y));
    Ok(Some(Standing { top, at }))
}

impl Regions {
    /// Adds the shapes of windows to the region `to`.
    fn gather(&self, c: &Connection, windows: &[Standing], to: xfixes::Region) -> Result<()> {
        for (top, at) in windows.iter().filter_map(|w| Some((w.top, w.at?))) {
            // A window that has gone meanwhile has no shape, and what follows fails for it alone.
            c.x.xfixes_create_region_from_window(self.one, top, SK::BOUNDING).map_err(lost)?;
            c.x.xfixes_translate_region(self.one, at.0, at.1).map_err(lost)?;
            c.x.xfixes_union_region(to, self.one, to).map_err(lost)?;
            c.x.xfixes_destroy_region(self.one).map_err(lost)?;
        }
        Ok(())
    }

    fn new(c: &Connection) -> Result<Self> {
        let empty = || -> Result<xfixes::Region> {
            let id = new_id(c)?;
            c.x.xfixes_create_region(id, &[]).map_err(lost)?;
            Ok(id)
        };
        Ok(Self {
            one: new_id(c)?,
            now: empty()?,
            recent: empty()?,
            older: empty()?,
            out: empty()?,
            rest: empty()?,
            blot: empty()?,
        })
    }
}
