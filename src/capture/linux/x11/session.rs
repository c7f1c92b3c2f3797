//! One connection's capture: what changed, copied in one go and read in one round trip.

use super::connection::{ANSWER, Connection, PROBE, lost, new_id, refused, stalled};
use super::cursor::Cursor;
use super::mirror::Mirror;
use super::own::OwnWindows;
use super::place::{self, Place, Target};
use super::{Options, Transport};
use crate::capture::{Captured, CursorUpdate, Damage};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{FrameBuf, Rect, Region};
use std::time::{Duration, Instant};
use x11rb::connection::{Connection as _, RequestConnection as _};
use x11rb::errors::ReplyError;
use x11rb::protocol::Event;
use x11rb::protocol::composite::{self, ConnectionExt as _, Redirect};
use x11rb::protocol::damage::{self, ConnectionExt as _, ReportLevel};
use x11rb::protocol::randr::{self, ConnectionExt as _, NotifyMask};
use x11rb::protocol::shape;
use x11rb::protocol::xfixes::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{Atom, ChangeWindowAttributesAux, ConnectionExt as _, EventMask, Pixmap};

/// A window that is not shown is looked at again after this time, or when the server tells of a change.
const HIDDEN_RETRY: Duration = Duration::from_millis(100);

/// A capture over one connection.
pub(super) struct Session {
    c: Connection,
    target: Target,
    transport: Transport,
    place: Place,
    name: String,
    /// For a window: the id under which its pixels are named while they are copied.
    named: Option<Pixmap>,
    watch: Option<Watch>,
    mirror: Mirror,
    cursor: Cursor,
    /// For a screen, where the server can.
    own: Option<OwnWindows>,
    /// The server told of damage that was not fetched yet.
    pending: bool,
    /// Nothing is known about what changed: the next picture is copied whole.
    whole: bool,
    /// The place may be another.
    moved: bool,
    /// An answer is overdue.
    silent: bool,
}

/// What the server collects damage in.
#[derive(Clone, Copy)]
struct Watch {
    damage: damage::Damage,
    /// Where the damage of one picture is put.
    region: xfixes::Region,
}

/// What a look at the source gave.
enum Look {
    Changed(Damage),
    Same,
    /// The window has no pixels now: it is minimised, or on another desktop.
    Hidden,
    /// What was to be left out moved meanwhile.
    Again,
}

impl Session {
    /// Connects and finds the target. `monitor`: which monitor it was on an earlier connection.
    pub(super) fn open(target: Target, options: &Options, monitor: Option<Atom>) -> Result<Self> {
        let c = Connection::open(options.display.as_deref())?;
        c.begin();
        // A server of the same screen may still give the same id to the root: then it is the screen.
        let target = if target == Target::Window(c.screen().root) { Target::Screen } else { target };
        let window = match target {
            Target::Window(id) => id,
            Target::Screen | Target::Monitor(_) => c.screen().root,
        };
        // Before the place is read, so that no change of it is missed.
        let events = ChangeWindowAttributesAux::new().event_mask(EventMask::STRUCTURE_NOTIFY);
        c.x.change_window_attributes(window, &events).map_err(lost)?;
        let has = |name| -> Result<bool> { Ok(c.x.extension_information(name).map_err(lost)?.is_some()) };
        if has(randr::X11_EXTENSION_NAME)? {
            c.x.randr_query_version(1, 5).map_err(lost)?.reply().map_err(|e| refused("RandR", e))?;
            let changes = NotifyMask::SCREEN_CHANGE | NotifyMask::CRTC_CHANGE | NotifyMask::OUTPUT_CHANGE;
            c.x.randr_select_input(c.screen().root, changes).map_err(lost)?;
        }
        let place = Place::find(&c, target, monitor)?;
        let has_xfixes = has(xfixes::X11_EXTENSION_NAME)?;
        if has_xfixes {
            c.x.xfixes_query_version(5, 0).map_err(lost)?.reply().map_err(|e| refused("XFixes", e))?;
        }
        let named = match target {
            Target::Window(id) => {
                redirect(&c, id, has(composite::X11_EXTENSION_NAME)?)?;
                Some(new_id(&c)?)
            }
            Target::Screen | Target::Monitor(_) => None,
        };
        let watch =
            if has_xfixes && has(damage::X11_EXTENSION_NAME)? { Some(Watch::new(&c, window)?) } else { None };
        let mirror = Mirror::new(&c, &place, options.transport)?;
        let cursor = Cursor::watch(&c, has_xfixes)?;
        // A window's own pixels hold no other.
        let leaves_out = has_xfixes && named.is_none() && has(shape::X11_EXTENSION_NAME)?;
        let own = leaves_out.then(|| OwnWindows::new(options.excluded.clone()));
        let name = place::title(&c, target, &place)?;
        Ok(Self {
            c,
            target,
            transport: options.transport,
            place,
            name,
            named,
            watch,
            mirror,
            cursor,
            own,
            pending: false,
            whole: true,
            moved: false,
            silent: false,
        })
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// As [`crate::capture::Capturer::frozen`].
    pub(super) fn frozen(&self) -> Region {
        self.own.as_ref().map_or_else(Region::empty, |own| own.frozen().clone())
    }

    /// Whether nothing more can be said on its connection.
    pub(super) fn is_broken(&self) -> bool {
        self.c.is_broken()
    }

    /// As [`crate::capture::Capturer::next`].
    pub(super) fn next(
        &mut self,
        frame: &mut FrameBuf,
        stale: &Region,
        deadline: Instant,
    ) -> Result<Captured> {
        let result = self.advance(frame, stale, deadline);
        if let Err(e) = &result {
            // What the server said or copied meanwhile is lost with the answer.
            self.whole = true;
            self.silent = e.kind() == ErrorKind::Stalled;
        }
        result
    }

    /// As [`crate::capture::Capturer::forget`].
    pub(super) fn forget(&mut self) -> Result<()> {
        self.whole = true;
        self.cursor.forget();
        self.c.begin();
        self.mirror.blacken(&self.c)
    }

    /// As [`crate::capture::Capturer::cursor`].
    pub(super) fn cursor(&mut self) -> Result<Option<CursorUpdate>> {
        if self.silent {
            self.hear(Instant::now())?;
        }
        self.take_events()?;
        let result = self.cursor.update(&self.c, &self.place);
        self.silent = result.as_ref().is_err_and(|e| e.kind() == ErrorKind::Stalled);
        result
    }

    fn advance(&mut self, frame: &mut FrameBuf, stale: &Region, deadline: Instant) -> Result<Captured> {
        if self.silent {
            self.hear(deadline)?;
        }
        loop {
            self.take_events()?;
            if self.moved {
                self.settle()?;
            }
            if frame.size() != self.place.size {
                return Ok(Captured::Resized(self.place.size));
            }
            let mut until = deadline;
            let due = self.own.as_ref().and_then(OwnWindows::due);
            if self.pending
                || self.whole
                || self.watch.is_none()
                || due.is_some_and(|at| Instant::now() >= at)
            {
                let look = self.look()?;
                self.take_events()?;
                if self.moved {
                    // What was copied may be of another size or from another place.
                    self.whole = true;
                    continue;
                }
                match look {
                    Look::Changed(damage) => {
                        let mut write = stale.clone();
                        match &damage {
                            Damage::Within(region) => write.add_region(region),
                            Damage::Unknown => write.add(self.place.size.rect()),
                        }
                        write.clip(self.place.size);
                        self.mirror.read(&self.c, &write, frame)?;
                        return Ok(Captured::Frame { timestamp: None, damage });
                    }
                    Look::Same => {}
                    Look::Hidden => until = until.min(Instant::now() + HIDDEN_RETRY),
                    Look::Again => continue,
                }
                if self.pending {
                    continue;
                }
            }
            if let Some(at) = self.own.as_ref().and_then(OwnWindows::due) {
                until = until.min(at);
            }
            if Instant::now() >= deadline {
                return Ok(Captured::Unchanged);
            }
            let probe = self.c.heard() + PROBE;
            if !self.c.wait(until.min(probe))? && Instant::now() >= probe {
                self.probe()?;
            }
        }
    }

    /// Waits for the server's first word after it was silent.
    fn hear(&mut self, deadline: Instant) -> Result<()> {
        let until = deadline.min(Instant::now() + ANSWER);
        if !self.c.wait(until)? {
            return Err(stalled());
        }
        self.silent = false;
        Ok(())
    }

    /// Asks the server for a sign of life; where the pointer is comes along.
    fn probe(&mut self) -> Result<()> {
        self.c.begin();
        let reply = self.c.x.query_pointer(self.place.window).map_err(lost)?.reply();
        self.cursor.seen(&self.place, &reply.map_err(|e| window_gone(&self.place, e))?);
        Ok(())
    }

    /// Reads what the server told on its own, without waiting.
    fn take_events(&mut self) -> Result<()> {
        while let Some(event) = self.c.x.poll_for_event().map_err(lost)? {
            if let Some(own) = &mut self.own {
                own.hear(&event);
            }
            match event {
                Event::DamageNotify(_) => self.pending = true,
                Event::XfixesCursorNotify(_) => self.cursor.shape_changed(),
                Event::ConfigureNotify(e) if e.window == self.place.window => {
                    // A window that only moves keeps its pixels.
                    let size = (u32::from(e.width), u32::from(e.height));
                    self.moved |= size != (self.place.size.width, self.place.size.height)
                        || e.border_width != self.place.border
                        || self.place.monitor.is_some();
                }
                Event::RandrScreenChangeNotify(_) | Event::RandrNotify(_) => {
                    self.moved |= self.named.is_none();
                }
                // A window that comes back has new pixels.
                Event::MapNotify(e) if e.window == self.place.window => self.whole = true,
                Event::DestroyNotify(e) if e.window == self.place.window => {
                    let text = format!("window {:#x} was closed", e.window);
                    return Err(Error::new(ErrorKind::Closed, text));
                }
                // Requests that missed a window that was just resized, hidden or closed; its own events tell.
                _ => {}
            }
        }
        Ok(())
    }

    /// Reads where the target is now.
    fn settle(&mut self) -> Result<()> {
        self.c.begin();
        self.moved = false;
        let place = Place::find(&self.c, self.target, self.place.monitor).map_err(|e| match e.kind() {
            ErrorKind::NotFound => Error::new(ErrorKind::Closed, e.message()),
            _ => e,
        })?;
        if place == self.place {
            return Ok(());
        }
        self.whole = true;
        if place.size != self.mirror.size() || place.depth != self.place.depth {
            let fresh = Mirror::new(&self.c, &place, self.transport)?;
            std::mem::replace(&mut self.mirror, fresh).free(&self.c)?;
        }
        self.place = place;
        Ok(())
    }

    /// Brings the mirror up to date and says what changed, in one round trip.
    fn look(&mut self) -> Result<Look> {
        let whole = self.whole || self.watch.is_none();
        // Until the answer is there, nothing is certain.
        self.whole = true;
        self.pending = false;
        let (c, place) = (&self.c, &self.place);
        c.begin();
        let standings = match &mut self.own {
            Some(own) => own.find(c)?,
            None => None,
        };
        // Other clients wait for these few requests, so that damage and pixels are of the same moment. The server
        // lets go of the grab if we die in between.
        c.x.grab_server().map_err(lost)?;
        if let Some(watch) = &self.watch {
            let parts = if whole { 0 } else { watch.region };
            c.x.damage_subtract(watch.damage, 0u32, parts).map_err(lost)?;
        }
        let changed = self.watch.filter(|_| !whole).map(|watch| watch.region);
        let copied = match (&mut self.own, &standings) {
            (Some(own), Some(standings)) => {
                Some(own.leave_out(c, standings, changed, (place, &mut self.mirror))?)
            }
            _ => changed,
        };
        let only = copied.map(|region| (region, place));
        let named = match self.named {
            Some(pixmap) => {
                // Named anew each time: a window gets other pixels when it, or what it lies in, is resized or
                // shown again. The named pixels include the border.
                let border = i16::try_from(place.border).unwrap_or(i16::MAX);
                let named = c.x.composite_name_window_pixmap(place.window, pixmap).map_err(lost)?;
                self.mirror.update(c, pixmap, (border, border), only)?;
                c.x.free_pixmap(pixmap).map_err(lost)?;
                Some(named)
            }
            None => {
                self.mirror.update(c, place.window, place.origin, only)?;
                None
            }
        };
        let asked = match (&self.own, &standings) {
            (Some(own), Some(standings)) => own.ask(c, standings)?,
            _ => None,
        };
        c.x.ungrab_server().map_err(lost)?;
        let changed = match changed {
            Some(region) => Some(c.x.xfixes_fetch_region(region).map_err(lost)?),
            None => None,
        };
        let pointer = c.x.query_pointer(place.window).map_err(lost)?;
        let changed = changed.map(|cookie| cookie.reply().map_err(|e| refused("what changed", e)));
        let pointer = pointer.reply().map_err(|e| window_gone(place, e))?;
        self.cursor.seen(place, &pointer);
        if let Some(named) = named {
            match named.check() {
                Ok(()) => {}
                Err(ReplyError::X11Error(_)) => return Ok(Look::Hidden),
                Err(ReplyError::ConnectionError(e)) => return Err(lost(e)),
            }
        }
        if let (Some(own), Some(standings), Some(asked)) = (&mut self.own, &standings, asked)
            && !own.stood(standings, asked, place)?
        {
            // The next one copies all.
            return Ok(Look::Again);
        }
        let look = match changed.transpose()? {
            Some(region) => {
                let (x, y) = (i64::from(place.origin.0), i64::from(place.origin.1));
                let clip = |r: &x11rb::protocol::xproto::Rectangle| {
                    let (left, top) = (i64::from(r.x) - x, i64::from(r.y) - y);
                    Rect::clipped(left, top, r.width.into(), r.height.into(), place.size)
                };
                let region: Region = region.rectangles.iter().map(clip).collect();
                if region.is_empty() { Look::Same } else { Look::Changed(Damage::Within(region)) }
            }
            None if self.watch.is_none() => Look::Changed(Damage::Unknown),
            None => Look::Changed(Damage::Within(Region::full(place.size))),
        };
        self.whole = false;
        Ok(look)
    }
}

impl Watch {
    fn new(c: &Connection, window: u32) -> Result<Self> {
        c.x.damage_query_version(1, 1).map_err(lost)?.reply().map_err(|e| refused("damage", e))?;
        let watch = Self { damage: new_id(c)?, region: new_id(c)? };
        c.x.xfixes_create_region(watch.region, &[]).map_err(lost)?;
        // One event when there is damage at all: what it is, is fetched with the pixels.
        let created = c.x.damage_create(watch.damage, window, ReportLevel::NON_EMPTY).map_err(lost)?;
        created.check().map_err(|e| refused("damage", e))?;
        Ok(watch)
    }
}

/// Keeps the pixels of a window apart from those of the windows over it, as long as the connection lasts.
fn redirect(c: &Connection, window: u32, has_composite: bool) -> Result<()> {
    if !has_composite {
        let text = "this X server has no COMPOSITE, so a window cannot be captured; capture the screen";
        return Err(Error::new(ErrorKind::Unsupported, text));
    }
    c.x.composite_query_version(0, 4).map_err(lost)?.reply().map_err(|e| refused("COMPOSITE", e))?;
    let redirected = c.x.composite_redirect_window(window, Redirect::AUTOMATIC).map_err(lost)?;
    redirected.check().map_err(|e| refused("a window's own pixels", e))
}

/// What it means when the window that is captured is not known to the server.
pub(super) fn window_gone(place: &Place, e: ReplyError) -> Error {
    match e {
        ReplyError::ConnectionError(e) => lost(e),
        ReplyError::X11Error(_) => {
            Error::new(ErrorKind::Closed, format!("window {:#x} was closed", place.window))
        }
    }
}
