//! What a camera can give, and which of it is wanted.

use crate::capture::camera::{Layout, Pixels};
use crate::frame::Size;

/// The formats that are taken by V4L2's codes, the best first: planes as AV1 has them, then twice the colour, then what
/// has to be decoded and has lost something.
pub(super) const FORMATS: [(&[u8; 4], Pixels); 7] = [
    (b"NV12", Pixels::Raw(Layout::Nv12)),
    (b"YU12", Pixels::Raw(Layout::I420)),
    (b"YV12", Pixels::Raw(Layout::Yv12)),
    (b"YUYV", Pixels::Raw(Layout::Yuy2)),
    (b"UYVY", Pixels::Raw(Layout::Uyvy)),
    (b"MJPG", Pixels::Jpeg),
    (b"JPEG", Pixels::Jpeg),
];

/// The size where none is asked for: what a page held up to a camera takes to be read.
const USUAL: Size = Size::new(1280, 720);
/// A film that has fewer pictures a second is seen to jerk.
const SMOOTH_FPS: u32 = 24;

/// One way in which a camera gives pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// V4L2's code.
    pub fourcc: u32,
    /// What the code means.
    pub pixels: Pixels,
    /// The picture's size.
    pub size: Size,
    /// Most pictures a second; 0 if that is not told.
    pub fps: u32,
}

/// The best of what there is: as fast as is asked for (or as looks smooth), then near to the size asked for (or to 720p),
/// then with the least to convert.
#[must_use]
pub fn choose(shapes: &[Shape], size: Option<Size>, fps: Option<u32>) -> Option<Shape> {
    let (wanted, least) = (size.unwrap_or(USUAL), fps.unwrap_or(SMOOTH_FPS));
    let rank = |shape: &Shape| FORMATS.iter().position(|(_, pixels)| *pixels == shape.pixels);
    let cost = |shape: &&Shape| {
        let off = |a: u32, b: u32| u64::from(a.abs_diff(b));
        let off = off(shape.size.width, wanted.width) + off(shape.size.height, wanted.height);
        let slow = shape.fps != 0 && shape.fps < least;
        // Who names a size gets it, if it is to be had.
        let far = size.is_some() && off > 0;
        (far, slow, off, rank(shape), std::cmp::Reverse(shape.fps))
    };
    shapes.iter().min_by_key(cost).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(code: &[u8; 4], width: u32, height: u32, fps: u32) -> Shape {
        let pixels = FORMATS.iter().find(|(known, _)| *known == code).expect("known").1;
        Shape { fourcc: u32::from_le_bytes(*code), pixels, size: Size::new(width, height), fps }
    }

    #[test]
    fn a_webcam_gives_what_is_asked_for() {
        // As many webcams: raw is slow where it is large.
        let webcam = [
            shape(b"YUYV", 640, 480, 30),
            shape(b"YUYV", 1280, 720, 10),
            shape(b"MJPG", 640, 480, 30),
            shape(b"MJPG", 1280, 720, 30),
            shape(b"MJPG", 1920, 1080, 30),
        ];
        assert_eq!(choose(&webcam, None, None), Some(webcam[3]));
        assert_eq!(choose(&webcam, None, Some(10)), Some(webcam[1]));
        assert_eq!(choose(&webcam, Some(Size::new(640, 480)), None), Some(webcam[0]));
        assert_eq!(choose(&webcam, Some(Size::new(1920, 1080)), Some(60)), Some(webcam[4]));
        assert_eq!(choose(&webcam, Some(Size::new(1900, 1000)), None), Some(webcam[4]));
        let plain = [shape(b"YUYV", 640, 480, 30), shape(b"NV12", 640, 480, 30)];
        assert_eq!(choose(&plain, None, None), Some(plain[1]));
        assert_eq!(choose(&[], None, None), None);
    }
}
