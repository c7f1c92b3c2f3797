//! The cursor: its shape when it changes, its position when it is asked for.

use super::connection::{Connection, lost};
use super::place::Place;
use crate::capture::{CursorShape, CursorUpdate};
use crate::error::{Error, Result};
use crate::frame::Size;
use crate::limits::Limits;
use x11rb::errors::ReplyError;
use x11rb::protocol::xfixes::{ConnectionExt as _, CursorNotifyMask, GetCursorImageReply};
use x11rb::protocol::xproto::{ConnectionExt as _, QueryPointerReply};

/// What was told about the cursor, and what there is to tell.
pub(super) struct Cursor {
    /// Whether the server tells about shapes.
    shapes: bool,
    shape_changed: bool,
    /// The position that came along with the last answers, not looked at yet.
    seen: Option<Option<(i32, i32)>>,
    told: Option<Option<(i32, i32)>>,
}

impl Cursor {
    /// Watches the cursor; `shapes` if the server has XFixes.
    pub(super) fn watch(c: &Connection, shapes: bool) -> Result<Self> {
        if shapes {
            let root = c.screen().root;
            c.x.xfixes_select_cursor_input(root, CursorNotifyMask::DISPLAY_CURSOR).map_err(lost)?;
        }
        Ok(Self { shapes, shape_changed: shapes, seen: None, told: None })
    }

    /// Nothing was told.
    pub(super) fn forget(&mut self) {
        (self.shape_changed, self.seen, self.told) = (self.shapes, None, None);
    }

    /// The server said that the shape is another.
    pub(super) fn shape_changed(&mut self) {
        self.shape_changed = self.shapes;
    }

    /// The server said where the pointer is.
    pub(super) fn seen(&mut self, place: &Place, at: &QueryPointerReply) {
        let x = i32::from(at.win_x) - i32::from(place.origin.0);
        let y = i32::from(at.win_y) - i32::from(place.origin.1);
        let within = |v: i32, len: u32| u32::try_from(v).is_ok_and(|v| v < len);
        let inside = at.same_screen && within(x, place.size.width) && within(y, place.size.height);
        self.seen = Some(inside.then_some((x, y)));
    }

    /// What changed since it was asked last.
    pub(super) fn update(&mut self, c: &Connection, place: &Place) -> Result<Option<CursorUpdate>> {
        if self.seen.is_none() {
            c.begin();
            let reply = c.x.query_pointer(place.window).map_err(lost)?.reply();
            self.seen(place, &reply.map_err(|e| super::session::window_gone(place, e))?);
        }
        let position = self.seen.take().flatten();
        let shape = if self.shape_changed { self.shape(c)? } else { None };
        let moved = self.told != Some(position);
        self.told = Some(position);
        Ok((moved || shape.is_some()).then_some(CursorUpdate { position, shape }))
    }

    fn shape(&mut self, c: &Connection) -> Result<Option<CursorShape>> {
        c.begin();
        let reply = c.x.xfixes_get_cursor_image().map_err(lost)?.reply();
        self.shape_changed = false;
        match reply {
            Ok(image) => shape_of(&image).map(Some),
            // A server that has not shown a cursor yet.
            Err(ReplyError::X11Error(_)) => Ok(None),
            Err(ReplyError::ConnectionError(e)) => {
                self.shape_changed = true;
                Err(lost(e))
            }
        }
    }
}

fn shape_of(image: &GetCursorImageReply) -> Result<CursorShape> {
    let size = Size::new(image.width.into(), image.height.into());
    let most = Limits::default().cursor_side_px;
    if size.width > most || size.height > most {
        return Err(Error::limit(format!("a cursor of {size}; the largest is {most} px wide or high")));
    }
    if image.cursor_image.len() as u64 != size.area() {
        return Err(Error::data("the X server sent a cursor of the wrong length"));
    }
    // 32-bit values with premultiplied alpha; their low byte is blue.
    let pixels = image.cursor_image.iter().flat_map(|px| px.to_le_bytes()).collect();
    let hotspot = (u32::from(image.xhot), u32::from(image.yhot));
    Ok(CursorShape { size, hotspot, pixels })
}
