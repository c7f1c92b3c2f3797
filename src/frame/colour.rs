//! The conversion between pixels and planes: docs/av1.md §2. [`to_picture`] is normative: both sides of a stream
//! compute it, in integers, to the same bits.
//!
//! The loops are plain and branchless over short runs, so that compilers turn them into vector code everywhere,
//! WebAssembly included.

#![cfg_attr(target_arch = "x86_64", allow(unsafe_code))]

use super::{BYTES_PER_PIXEL, Chroma, FilmColour, FrameBuf, Planes, Rect};
use crate::error::{Error, Result};
use crate::limits::Limits;

/// Pixels converted at a time; even, and small enough for the stack.
const RUN: usize = 128;

/// Weights of blue, green and red, in 1/2^15.
struct Forward {
    offset: i32,
    y: [i32; 3],
    u: [i32; 3],
    v: [i32; 3],
}

/// Weights of luma and of the two differences, in 1/2^13.
struct Backward {
    offset: i32,
    y: i32,
    blue_u: i32,
    green_u: i32,
    green_v: i32,
    red_v: i32,
}

const LIMITED: (Forward, Backward) = (
    Forward { offset: 16, y: [3208, 16519, 8414], u: [14392, -9535, -4857], v: [-2340, -12052, 14392] },
    Backward { offset: 16, y: 9539, blue_u: 16525, green_u: -3209, green_v: -6660, red_v: 13075 },
);
const FULL: (Forward, Backward) = (
    Forward { offset: 0, y: [3735, 19235, 9798], u: [16384, -10855, -5529], v: [-2664, -13720, 16384] },
    Backward { offset: 0, y: 8192, blue_u: 14516, green_u: -2819, green_v: -5850, red_v: 11485 },
);

/// BT.709, which a camera's film may have.
const LIMITED_709: Backward =
    Backward { offset: 16, y: 9539, blue_u: 17305, green_u: -1747, green_v: -4366, red_v: 14686 };
const FULL_709: Backward =
    Backward { offset: 0, y: 8192, blue_u: 15201, green_u: -1535, green_v: -3835, red_v: 12901 };

fn film_weights(colour: FilmColour) -> &'static Backward {
    match (colour.bt709, colour.full_range) {
        (false, false) => &LIMITED.1,
        (false, true) => &FULL.1,
        (true, false) => &LIMITED_709,
        (true, true) => &FULL_709,
    }
}

fn weights(chroma: Chroma) -> &'static (Forward, Backward) {
    match chroma {
        Chroma::Half => &LIMITED,
        Chroma::Full => &FULL,
    }
}

#[inline(always)]
fn byte(value: i32) -> u8 {
    value.clamp(0, 255) as u8
}

impl Forward {
    #[inline(always)]
    fn luma(&self, p: [u8; 4]) -> u8 {
        let sum = self.y[0] * i32::from(p[0]) + self.y[1] * i32::from(p[1]) + self.y[2] * i32::from(p[2]);
        byte(((sum + (1 << 14)) >> 15) + self.offset)
    }

    /// A difference of the sum of 2^`bits` pixels.
    #[inline(always)]
    fn difference(weights: [i32; 3], sum: [i32; 3], bits: u32) -> u8 {
        let sum = weights[0] * sum[0] + weights[1] * sum[1] + weights[2] * sum[2];
        byte(((sum + (1 << (14 + bits))) >> (15 + bits)) + 128)
    }
}

impl Backward {
    #[inline(always)]
    fn pixel(&self, y: u8, u: u8, v: u8) -> [u8; 4] {
        let y = (i32::from(y) - self.offset) * self.y + (1 << 12);
        let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
        [
            byte((y + self.blue_u * u) >> 13),
            byte((y + self.green_u * u + self.green_v * v) >> 13),
            byte((y + self.red_v * v) >> 13),
            255,
        ]
    }
}

/// Converts `rect` of `frame`; `planes` get its size.
///
/// With [`Chroma::Half`] each colour difference is that of the mean of 2 × 2 pixels; a last odd column or row
/// counts twice.
///
/// # Errors
/// - [`crate::ErrorKind::InvalidInput`] if `rect` is empty or does not fit.
/// - [`crate::ErrorKind::LimitExceeded`] as [`Limits::check_size`] says.
pub fn to_planes(
    frame: &FrameBuf,
    rect: &Rect,
    planes: &mut Planes,
    chroma: Chroma,
    limits: &Limits,
) -> Result<()> {
    check(rect, frame)?;
    planes.reset(rect.size(), chroma, limits)?;
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        unsafe { to_planes_avx2(frame, rect, planes) };
        return Ok(());
    }
    fill_planes(frame, rect, planes);
    Ok(())
}

/// [`fill_planes`], compiled for wider vectors.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn to_planes_avx2(frame: &FrameBuf, rect: &Rect, planes: &mut Planes) {
    fill_planes(frame, rect, planes);
}

#[inline(always)]
fn fill_planes(frame: &FrameBuf, rect: &Rect, planes: &mut Planes) {
    let chroma = planes.chroma();
    let forward = &weights(chroma).0;
    let width = rect.width as usize;
    let chroma_width = planes.plane_size(1).width as usize;
    let (y_plane, u_plane, v_plane) = planes.split_mut();
    for (row, y) in y_plane.chunks_exact_mut(width).enumerate() {
        let (pixels, _) = frame.row_of(rect, rect.y + row as u32).as_chunks::<BYTES_PER_PIXEL>();
        for (y, p) in y.iter_mut().zip(pixels) {
            *y = forward.luma(*p);
        }
    }
    let differences = u_plane.chunks_exact_mut(chroma_width).zip(v_plane.chunks_exact_mut(chroma_width));
    for (row, (u, v)) in differences.enumerate() {
        match chroma {
            Chroma::Full => {
                let (pixels, _) = frame.row_of(rect, rect.y + row as u32).as_chunks::<BYTES_PER_PIXEL>();
                for ((u, v), p) in u.iter_mut().zip(v).zip(pixels) {
                    let sum = [i32::from(p[0]), i32::from(p[1]), i32::from(p[2])];
                    *u = Forward::difference(forward.u, sum, 0);
                    *v = Forward::difference(forward.v, sum, 0);
                }
            }
            Chroma::Half => {
                let upper = rect.y + 2 * row as u32;
                let lower = (upper + 1).min(rect.bottom() - 1);
                half_row(forward, frame.row_of(rect, upper), frame.row_of(rect, lower), u, v);
            }
        }
    }
}

/// The differences of two rows of pixels.
#[inline(always)]
fn half_row(forward: &Forward, upper: &[u8], lower: &[u8], u: &mut [u8], v: &mut [u8]) {
    const PAIR: usize = 2 * BYTES_PER_PIXEL;
    let (upper_pairs, upper_last) = upper.as_chunks::<PAIR>();
    let (lower_pairs, lower_last) = lower.as_chunks::<PAIR>();
    for (((u, v), a), b) in u.iter_mut().zip(v.iter_mut()).zip(upper_pairs).zip(lower_pairs) {
        let sum = |i: usize| i32::from(a[i]) + i32::from(a[i + 4]) + i32::from(b[i]) + i32::from(b[i + 4]);
        let sum = [sum(0), sum(1), sum(2)];
        *u = Forward::difference(forward.u, sum, 2);
        *v = Forward::difference(forward.v, sum, 2);
    }
    if !upper_last.is_empty() {
        let sum = |i: usize| 2 * (i32::from(upper_last[i]) + i32::from(lower_last[i]));
        let (sum, last) = ([sum(0), sum(1), sum(2)], u.len() - 1);
        u[last] = Forward::difference(forward.u, sum, 2);
        v[last] = Forward::difference(forward.v, sum, 2);
    }
}

/// Converts `from` of the planes to pixels of `frame`, whose top left corner is `to`.
///
/// Normative. With [`Chroma::Half`] the differences are interpolated between the centres of their 2 × 2 pixels.
///
/// # Errors
/// - [`crate::ErrorKind::InvalidInput`] if `from` is empty or does not fit the planes, or its place the frame.
pub fn to_picture(planes: &Planes, from: &Rect, frame: &mut FrameBuf, to: (u32, u32)) -> Result<()> {
    let place = Rect::new(to.0, to.1, from.width, from.height);
    convert_planes(planes, from, frame, &place, &weights(planes.chroma()).1)
}

/// Converts all of the planes of a film, whatever its colours are, to a picture of the same size.
///
/// # Errors
/// - [`crate::ErrorKind::InvalidInput`] if the sizes differ.
pub fn film_to_picture(planes: &Planes, colour: FilmColour, frame: &mut FrameBuf) -> Result<()> {
    let all = planes.size().rect();
    convert_planes(planes, &all, frame, &all, film_weights(colour))
}

fn convert_planes(
    planes: &Planes,
    from: &Rect,
    frame: &mut FrameBuf,
    place: &Rect,
    backward: &Backward,
) -> Result<()> {
    check(place, frame)?;
    if !from.fits(planes.size()) {
        return Err(Error::input(format!("{from} does not fit planes of {}", planes.size())));
    }
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        unsafe { to_picture_avx2(planes, from, frame, place, backward) };
        return Ok(());
    }
    fill_picture(planes, from, frame, place, backward);
    Ok(())
}

/// [`fill_picture`], compiled for wider vectors.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn to_picture_avx2(planes: &Planes, from: &Rect, frame: &mut FrameBuf, place: &Rect, backward: &Backward) {
    fill_picture(planes, from, frame, place, backward);
}

#[inline(always)]
fn fill_picture(planes: &Planes, from: &Rect, frame: &mut FrameBuf, place: &Rect, backward: &Backward) {
    let left = from.x as usize;
    for row in 0..from.height {
        let at = (from.y + row) as usize;
        let out = frame.row_of_mut(place, place.y + row);
        let y = &planes.row(0, at)[left..];
        match planes.chroma() {
            Chroma::Full => {
                let (u, v) = (&planes.row(1, at)[left..], &planes.row(2, at)[left..]);
                convert(backward, y, u, v, out);
            }
            Chroma::Half => {
                let mut done = 0;
                let (mut u, mut v) = ([0; RUN], [0; RUN]);
                for out in out.chunks_mut(RUN * BYTES_PER_PIXEL) {
                    let count = out.len() / BYTES_PER_PIXEL;
                    interpolate(planes, 1, left + done, at, &mut u[..count]);
                    interpolate(planes, 2, left + done, at, &mut v[..count]);
                    convert(backward, &y[done..], &u, &v, out);
                    done += count;
                }
            }
        }
    }
}

#[inline(always)]
fn convert(backward: &Backward, y: &[u8], u: &[u8], v: &[u8], out: &mut [u8]) {
    let (out, _) = out.as_chunks_mut::<BYTES_PER_PIXEL>();
    for (((p, y), u), v) in out.iter_mut().zip(y).zip(u).zip(v) {
        *p = backward.pixel(*y, *u, *v);
    }
}

/// The differences of the pixels from (`x`, `y`) on, at most [`RUN`].
#[inline(always)]
fn interpolate(planes: &Planes, plane: usize, x: usize, y: usize, out: &mut [u8]) {
    let rows = planes.plane_size(plane).height as usize;
    let near = planes.row(plane, y / 2);
    let far = planes
        .row(plane, if y.is_multiple_of(2) { (y / 2).saturating_sub(1) } else { (y / 2 + 1).min(rows - 1) });
    // Columns of the plane from one before the first pixel's to one after the last's, clamped, in quarters.
    let mut columns = [0_u16; RUN / 2 + 3];
    let (first, last) = (x / 2, (x + out.len() - 1) / 2);
    let quarters = |i: usize| 3 * u16::from(near[i]) + u16::from(far[i]);
    let count = last + 1 - first;
    for (to, (near, far)) in
        columns[1..=count].iter_mut().zip(near[first..=last].iter().zip(&far[first..=last]))
    {
        *to = 3 * u16::from(*near) + u16::from(*far);
    }
    columns[0] = quarters(first.saturating_sub(1));
    columns[count + 1] = quarters((last + 1).min(near.len() - 1));
    let mut pairs = [[0_u8; 2]; RUN / 2 + 1];
    let windows = columns.iter().zip(&columns[1..]).zip(&columns[2..]);
    for (pair, ((before, here), after)) in pairs[..count].iter_mut().zip(windows) {
        *pair = [((3 * here + before + 8) >> 4) as u8, ((3 * here + after + 8) >> 4) as u8];
    }
    let skip = x % 2;
    out.copy_from_slice(&pairs.as_flattened()[skip..skip + out.len()]);
}

fn check(rect: &Rect, frame: &FrameBuf) -> Result<()> {
    if rect.is_empty() || !rect.fits(frame.size()) {
        return Err(Error::input(format!("{rect} is no part of a picture of {}", frame.size())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Size;

    #[test]
    fn wide_vectors_change_nothing() {
        let limits = Limits::default();
        let mut frame = FrameBuf::new(Size::new(301, 11), &limits).unwrap();
        let mut state = 1_u32;
        for p in frame.pixels_mut().as_chunks_mut::<BYTES_PER_PIXEL>().0 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *p = [(state >> 24) as u8, (state >> 16) as u8, (state >> 8) as u8, 255];
        }
        let rect = Rect::new(1, 1, 299, 9);
        for chroma in [Chroma::Half, Chroma::Full] {
            let (mut fast, mut plain) = (Planes::default(), Planes::default());
            to_planes(&frame, &rect, &mut fast, chroma, &limits).unwrap();
            plain.reset(rect.size(), chroma, &limits).unwrap();
            fill_planes(&frame, &rect, &mut plain);
            assert!(fast == plain, "{chroma:?}");

            let (mut fast, mut plain) = (frame.clone(), frame.clone());
            let (from, to) = (Rect::new(3, 1, 290, 7), Rect::new(5, 2, 290, 7));
            to_picture(&planes_of(&frame, chroma), &from, &mut fast, (to.x, to.y)).unwrap();
            fill_picture(&planes_of(&frame, chroma), &from, &mut plain, &to, &weights(chroma).1);
            assert!(fast == plain && fast != frame, "{chroma:?}");
        }
    }

    /// The weights from the numbers of the recommendations, by floating point.
    #[test]
    fn films_have_the_colours_of_the_recommendations() {
        let limits = Limits::default();
        let mut planes = Planes::new(Size::new(16, 16), Chroma::Half, &limits).unwrap();
        let mut frame = FrameBuf::new(Size::new(16, 16), &limits).unwrap();
        for bt709 in [false, true] {
            for full_range in [false, true] {
                let (kr, kb) = if bt709 { (0.2126, 0.0722) } else { (0.299, 0.114) };
                let (offset, luma, chroma) =
                    if full_range { (0.0, 255.0, 255.0) } else { (16.0, 219.0, 224.0) };
                for [y, u, v] in
                    [[16, 128, 128], [235, 128, 128], [120, 90, 170], [60, 200, 100], [180, 40, 60]]
                {
                    let (ys, us, vs) = planes.split_mut();
                    ys.fill(y);
                    us.fill(u);
                    vs.fill(v);
                    film_to_picture(&planes, FilmColour { bt709, full_range }, &mut frame).unwrap();
                    let e = (f64::from(y) - offset) / luma;
                    let (pb, pr) = ((f64::from(u) - 128.0) / chroma, (f64::from(v) - 128.0) / chroma);
                    let (red, blue) = (e + 2.0 * (1.0 - kr) * pr, e + 2.0 * (1.0 - kb) * pb);
                    let green = (e - kr * red - kb * blue) / (1.0 - kr - kb);
                    for (got, wanted) in frame.pixels()[..3].iter().zip([blue, green, red]) {
                        let wanted = (wanted * 255.0).clamp(0.0, 255.0);
                        assert!(
                            (f64::from(*got) - wanted).abs() <= 1.0,
                            "{bt709} {full_range}: {got}, {wanted}"
                        );
                    }
                }
            }
        }
    }

    fn planes_of(frame: &FrameBuf, chroma: Chroma) -> Planes {
        let mut planes = Planes::default();
        to_planes(frame, &frame.size().rect(), &mut planes, chroma, &Limits::default()).unwrap();
        planes
    }
}
