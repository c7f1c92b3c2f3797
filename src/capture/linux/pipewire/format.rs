//! Formats as PipeWire negotiates them: what is asked for, and what came of it.

use super::pod::{Object, Property, properties};
use crate::capture::camera::{Layout, Pixels as PipePixels};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{FilmColour, Size};
use crate::limits::Limits;

// Numbers of spa/param/*.h of PipeWire 0.3.65; they never change.
const OBJECT_FORMAT: u32 = 0x4_0003;
const OBJECT_BUFFERS: u32 = 0x4_0004;
const OBJECT_META: u32 = 0x4_0005;
pub(super) const PARAM_ENUM_FORMAT: u32 = 3;
pub(super) const PARAM_FORMAT: u32 = 4;
const PARAM_BUFFERS: u32 = 5;
const PARAM_META: u32 = 6;
const MEDIA_TYPE: u32 = 1;
const MEDIA_SUBTYPE: u32 = 2;
const VIDEO: u32 = 2;
const RAW: u32 = 1;
const MJPG: u32 = 0x2_0002;
const VIDEO_FORMAT: u32 = 0x2_0001;
const VIDEO_SIZE: u32 = 0x2_0003;
const VIDEO_RATE: u32 = 0x2_0004;
const COLOUR_RANGE: u32 = 0x2_000C;
const COLOUR_MATRIX: u32 = 0x2_000D;
const RANGE_FULL: u32 = 1;
const MATRIX_BT709: u32 = 3;
const BUFFERS_COUNT: u32 = 1;
const BUFFERS_DATA_TYPE: u32 = 6;
const META_TYPE: u32 = 1;
const META_SIZE: u32 = 2;
pub(super) const META_HEADER: u32 = 1;
pub(super) const META_CROP: u32 = 2;
pub(super) const META_DAMAGE: u32 = 3;
pub(super) const META_CURSOR: u32 = 5;
/// Memory that can be read: a pointer, or a file that libpipewire maps.
const READABLE: u32 = 1 << 1 | 1 << 2;

/// Most rectangles of damage that are asked for.
const MOST_DAMAGE: u32 = 16;
/// The largest cursor that is asked for.
const CURSOR_SIDE: u32 = 1024;

/// PipeWire's numbers of layouts; where two mean the same here, the plainer one first.
const LAYOUTS: [(u32, Layout); 9] = [
    (2, Layout::I420),
    (3, Layout::Yv12),
    (4, Layout::Yuy2),
    (5, Layout::Uyvy),
    (7, Layout::Rgbx),
    (11, Layout::Rgbx),
    (8, Layout::Bgrx),
    (12, Layout::Bgrx),
    (23, Layout::Nv12),
];

/// What a stream is asked for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What the caller can take, the best first.
    pub pixels: Vec<PipePixels>,
    /// The size by preference.
    pub size: Option<Size>,
    /// Pictures a second by preference.
    pub fps: Option<u32>,
    /// The cursor beside the pictures, as streams of a screen have it.
    pub cursor: bool,
}

/// What a stream has agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PipeFormat {
    /// How pixels come.
    pub pixels: PipePixels,
    /// The picture's size.
    pub size: Size,
    /// Pictures a second at most; 0 for as they change.
    pub fps: u32,
    /// How planes become colours, where they have some.
    pub colour: FilmColour,
}

impl Wanted {
    /// The formats as a stream offers them.
    pub(super) fn offers(&self) -> Vec<Vec<u64>> {
        let side = Limits::default().side_px;
        let (least, most) = (Size::new(1, 1), Size::new(side, side));
        let size = self.size.unwrap_or(Size::new(1280, 720));
        let rate = (self.fps.unwrap_or(30), 1);
        let head = |subtype| {
            Object::new(OBJECT_FORMAT, PARAM_ENUM_FORMAT).id(MEDIA_TYPE, VIDEO).id(MEDIA_SUBTYPE, subtype)
        };
        let tail = |object: Object| {
            let object = object.sizes(VIDEO_SIZE, size, least, most);
            object.rates(VIDEO_RATE, rate, (0, 1), (1000, 1)).finish()
        };
        let ids: Vec<u32> = (self.pixels.iter())
            .flat_map(|pixels| LAYOUTS.iter().filter(move |(_, l)| PipePixels::Raw(*l) == *pixels))
            .map(|(id, _)| *id)
            .collect();
        let mut offers = Vec::new();
        if !ids.is_empty() {
            offers.push(tail(head(RAW).one_of(VIDEO_FORMAT, &ids)));
        }
        if self.pixels.contains(&PipePixels::Jpeg) {
            let jpeg = tail(head(MJPG));
            let first = self.pixels.first() == Some(&PipePixels::Jpeg);
            offers.insert(if first { 0 } else { offers.len() }, jpeg);
        }
        offers
    }

    /// What is asked of buffers once the format is known.
    pub(super) fn buffers(&self) -> Vec<Vec<u64>> {
        let meta = |kind| Object::new(OBJECT_META, PARAM_META).id(META_TYPE, kind);
        // A bitmap stands behind 28 bytes of the cursor's own and 20 of the bitmap's.
        let cursor = |side: u32| 28 + 20 + side * side * 4;
        let mut params = vec![
            Object::new(OBJECT_BUFFERS, PARAM_BUFFERS)
                .ints(BUFFERS_COUNT, 4, 2, 16)
                .flags(BUFFERS_DATA_TYPE, READABLE)
                .finish(),
            meta(META_HEADER).int(META_SIZE, 32).finish(),
            meta(META_CROP).int(META_SIZE, 16).finish(),
            meta(META_DAMAGE).ints(META_SIZE, 16 * MOST_DAMAGE, 16, 16 * MOST_DAMAGE).finish(),
        ];
        if self.cursor {
            let sizes = meta(META_CURSOR).ints(META_SIZE, cursor(64), cursor(1), cursor(CURSOR_SIDE));
            params.push(sizes.finish());
        }
        params
    }
}

/// The format in a pod.
///
/// # Errors
/// - [`ErrorKind::InvalidData`] if it cannot be read.
/// - [`ErrorKind::Unsupported`] if it is none that was asked for.
/// - [`ErrorKind::LimitExceeded`], [`ErrorKind::InvalidInput`] as [`Limits::check_size`] says.
pub(super) fn read(bytes: &[u8]) -> Result<PipeFormat> {
    let found = properties(bytes)?;
    let word = |key| find(&found, key).and_then(Property::word);
    let pair = |key| find(&found, key).and_then(|p| p.pairs().first()).copied();
    let other = || Error::new(ErrorKind::Unsupported, "PipeWire chose a format that was not asked for");
    let pixels = match (word(MEDIA_TYPE), word(MEDIA_SUBTYPE), word(VIDEO_FORMAT)) {
        (Some(VIDEO), Some(RAW), Some(id)) => {
            let layout = LAYOUTS.iter().find(|(number, _)| *number == id).map(|(_, layout)| *layout);
            PipePixels::Raw(layout.ok_or_else(other)?)
        }
        (Some(VIDEO), Some(MJPG), _) => PipePixels::Jpeg,
        _ => return Err(other()),
    };
    let [width, height] = pair(VIDEO_SIZE).ok_or_else(other)?;
    let size = Size::new(width, height);
    Limits::default().check_size(size)?;
    let fps = pair(VIDEO_RATE).map_or(0, |[n, d]| n.checked_div(d).unwrap_or(0));
    let colour = FilmColour {
        bt709: word(COLOUR_MATRIX) == Some(MATRIX_BT709),
        full_range: word(COLOUR_RANGE) == Some(RANGE_FULL) || pixels == PipePixels::Jpeg,
    };
    Ok(PipeFormat { pixels, size, fps, colour })
}

/// The largest size that a format offers, and the most pictures a second.
pub(super) fn offered(bytes: &[u8]) -> Option<(Size, u32)> {
    let found = properties(bytes).ok()?;
    let limits = Limits::default();
    let sizes = find(&found, VIDEO_SIZE)?;
    // Of a range, the default: what a virtual source is able to do says nothing.
    let count = if sizes.range { 1 } else { sizes.pairs().len() };
    let sizes = sizes.pairs().iter().take(count).map(|[w, h]| Size::new(*w, *h));
    let size = sizes.filter(|size| limits.check_size(*size).is_ok()).max_by_key(|size| size.area())?;
    let rates = find(&found, VIDEO_RATE).map(Property::pairs).unwrap_or_default();
    let fps = rates.iter().map(|[n, d]| n.checked_div(*d).unwrap_or(0)).max().unwrap_or(0);
    Some((size, fps))
}

fn find(properties: &[Property], key: u32) -> Option<&Property> {
    properties.iter().find(|p| p.key == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(words: &[u64]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_ne_bytes()).collect()
    }

    fn fixed(format: u32, size: Size) -> Vec<u8> {
        let object = Object::new(OBJECT_FORMAT, PARAM_FORMAT).id(MEDIA_TYPE, VIDEO).id(MEDIA_SUBTYPE, RAW);
        let object = object.id(VIDEO_FORMAT, format).id(COLOUR_MATRIX, MATRIX_BT709);
        // A rectangle alone is a choice of one.
        bytes(
            &object.sizes(VIDEO_SIZE, size, size, size).rates(VIDEO_RATE, (30, 1), (30, 1), (30, 1)).finish(),
        )
    }

    #[test]
    fn a_format_is_read_and_a_strange_one_is_refused() {
        let size = Size::new(640, 480);
        let format = read(&fixed(4, size)).expect("a format");
        let colour = FilmColour { bt709: true, full_range: false };
        assert_eq!(format, PipeFormat { pixels: PipePixels::Raw(Layout::Yuy2), size, fps: 30, colour });
        let kind = |bytes: &[u8]| read(bytes).map_err(|e| e.kind());
        assert_eq!(kind(&fixed(14, size)), Err(ErrorKind::Unsupported));
        assert_eq!(kind(&fixed(4, Size::new(0, 9))), Err(ErrorKind::InvalidInput));
        assert_eq!(kind(&fixed(4, Size::new(1 << 30, 1 << 30))), Err(ErrorKind::LimitExceeded));
        assert_eq!(kind(&[1, 2, 3]), Err(ErrorKind::InvalidData));
    }

    #[test]
    fn offers_hold_what_is_wanted() {
        let pixels = vec![PipePixels::Raw(Layout::Bgrx), PipePixels::Raw(Layout::Nv12), PipePixels::Jpeg];
        let wanted = Wanted { pixels, size: Some(Size::new(800, 600)), fps: Some(15), cursor: true };
        let offers = wanted.offers();
        assert_eq!(offers.len(), 2);
        let found = properties(&bytes(&offers[0])).expect("an object");
        assert_eq!(find(&found, VIDEO_FORMAT).map(Property::all), Some(&[8, 8, 12, 23][..]));
        assert_eq!(offered(&bytes(&offers[0])), Some((Size::new(800, 600), 1000)));
        assert_eq!(read(&bytes(&offers[1])).map(|f| f.pixels), Ok(PipePixels::Jpeg));
        assert_eq!(wanted.buffers().len(), 5);
    }
}
