//! Which coding a changed rectangle gets.

use super::activity::Activity;
use super::layout::{CodedRect, Coding};
use super::whole::has_colours;
use crate::frame::{BYTES_PER_PIXEL, FrameBuf, Rect, TILE_PX, is_plain};

/// Shortest side of a rectangle that is looked at as a photograph or film.
const LEAST_PHOTO_SIDE_PX: u32 = 32;

/// Photographs have more colours than smoothed text: one in this many pixels has a colour of its own.
const PHOTO_PIXELS_PER_COLOUR: u32 = 4;

/// How one changed rectangle is coded.
///
/// The model codes whatever is drawn, and strips of anything. A large photograph would take it too long: it is taken
/// out for a photo layer, whether it stands still (rows) or is a film (predicted).
pub(in crate::codec) fn choose(picture: &FrameBuf, rect: &Rect, activity: &Activity) -> CodedRect {
    let coding = if solid(picture, rect) {
        Coding::Solid
    } else if rect.width.min(rect.height) >= LEAST_PHOTO_SIDE_PX && is_photo(picture, rect) {
        if activity.is_active(rect) { Coding::Predicted } else { Coding::Rows }
    } else {
        Coding::Modelled
    };
    CodedRect { rect: *rect, coding }
}

/// Judged by the tile in the middle.
fn is_photo(picture: &FrameBuf, rect: &Rect) -> bool {
    let side = |len: u32| len.min(TILE_PX);
    let (width, height) = (side(rect.width), side(rect.height));
    let middle =
        Rect::new(rect.x + (rect.width - width) / 2, rect.y + (rect.height - height) / 2, width, height);
    has_colours(picture, &middle, PHOTO_PIXELS_PER_COLOUR)
}

fn solid(picture: &FrameBuf, r: &Rect) -> bool {
    let first = &picture.row_of(r, r.y)[..BYTES_PER_PIXEL];
    (r.y..r.bottom()).all(|y| {
        let row = picture.row_of(r, y);
        row[..BYTES_PER_PIXEL] == *first && is_plain(row)
    })
}
