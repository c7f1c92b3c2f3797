//! Exact pixels: each number is foretold from its neighbours; the difference is coded with the distribution that
//! fits how busy the neighbourhood is.

use super::family;
use super::rans;
use crate::error::{Error, Result};
use crate::frame::{BYTES_PER_PIXEL, FrameBuf, Rect};

/// Planes: green, blue − green, red − green.
const PLANES: usize = 3;

/// Classes of how busy the neighbourhood is; after the first, each begins at one of these sums.
const BUSY: usize = 16;
const BUSY_FROM: [u16; BUSY - 1] = [1, 2, 3, 5, 7, 10, 14, 19, 26, 36, 50, 70, 100, 140, 200];

/// Sums from here on are of the last class.
const MOST_SUM: usize = 256;

/// Classes of how far off the planes before were at the same pixel; green has one.
const OFF: usize = 4;
const OFF_FROM: [i32; OFF - 1] = [2, 7, 20];

/// Contexts of a plane.
const CONTEXTS: usize = BUSY * OFF;

/// The distribution of each class of busy, of green and of the others, unless the layer says otherwise.
const USUAL_GREEN: [u8; BUSY] = [6, 11, 13, 14, 16, 17, 18, 19, 20, 21, 22, 24, 25, 26, 27, 28];
const USUAL_OTHERS: [u8; BUSY] = [4, 8, 11, 12, 14, 15, 17, 18, 19, 20, 21, 22, 23, 24, 26, 27];

/// The distribution that the choice of distributions is coded with.
const CHOICE: usize = 11;

/// Numbers that a context must have before a distribution of its own is worth its bytes.
const LEAST_COUNT: u32 = 24;

/// Rows from one to the next that the encoder looks at when it chooses how to foretell.
const LOOK_EVERY: usize = 8;

/// What a plane's numbers, and so what is foretold of them, lie within.
const LEAST_VALUE: i32 = -256;
const MOST_VALUE: i32 = 255;

/// Bits of a difference while the encoder keeps it, below its context.
const KEPT_BITS: u32 = 10;

/// The distribution of each context.
type Distributions = [[u8; CONTEXTS]; PLANES];

/// What is known of a place before its row is passed.
#[derive(Clone, Copy, Debug, Default)]
struct Above {
    value: i32,
    /// What the row above adds to how busy it is.
    busy: i32,
    /// What the row above adds to the smooth forecast.
    smooth: i32,
}

/// A number, and how far it was off.
#[derive(Clone, Copy, Debug, Default)]
struct Passed {
    value: i32,
    off: i32,
}

/// One plane of a row.
#[derive(Debug, Default)]
struct Row {
    above: Vec<Above>,
    /// With one more at both ends.
    passed: Vec<Passed>,
    left: Passed,
    corner: i32,
}

impl Row {
    /// Begins a row; of the `first` one there is nothing above.
    fn begin(&mut self, width: usize, first: bool) {
        if first {
            self.above.clear();
            self.above.resize(width, Above::default());
            self.passed.clear();
            self.passed.resize(width + 2, Passed::default());
            self.left = Passed::default();
            return;
        }
        // What lies outside counts as its neighbour.
        self.passed[0] = self.passed[1];
        self.passed[width + 1] = self.passed[width];
        for (above, passed) in self.above.iter_mut().zip(self.passed.windows(3)) {
            let (corner, at, right) = (passed[0], passed[1], passed[2]);
            *above = Above {
                value: at.value,
                busy: (at.value - corner.value).abs()
                    + (at.value - right.value).abs()
                    + 2 * at.off
                    + corner.off
                    + right.off,
                smooth: 10 * at.value - 6 * corner.value + 2 * right.value + 8,
            };
        }
        self.left = self.passed[0];
        self.corner = self.left.value;
    }

    /// How busy it is at `x`, and what is foretold.
    #[inline(always)]
    fn foretell(&mut self, x: usize, first: bool, smooth: bool) -> (usize, i32) {
        let left = self.left;
        if first {
            return (left.off as usize, left.value);
        }
        let above = self.above[x];
        let (up, corner) = (above.value, self.corner);
        self.corner = up;
        let busy = above.busy + (left.value - corner).abs() + 2 * left.off;
        let median = (left.value + up - corner).clamp(left.value.min(up), left.value.max(up));
        let plain = (10 * left.value + above.smooth) >> 4;
        let mixed = ((median + plain + 1) >> 1).clamp(LEAST_VALUE, MOST_VALUE);
        (busy as usize / 2, if smooth { mixed } else { median })
    }

    #[inline(always)]
    fn pass(&mut self, x: usize, value: i32, foretold: i32) -> i32 {
        let off = (value - foretold).abs();
        self.left = Passed { value, off };
        self.passed[x + 1] = self.left;
        off
    }
}

/// Who knows the numbers: the encoder measures them, the decoder reads them.
trait Numbers {
    /// The number at `x` of `plane` in `context`, where `foretold` is foretold.
    fn next(&mut self, plane: usize, x: usize, context: usize, foretold: i32) -> i32;
}

/// What both sides do alike.
#[derive(Debug)]
struct Walk {
    rows: [Row; PLANES],
    busy: [u8; MOST_SUM],
    smooth: [bool; PLANES],
}

impl Walk {
    fn new(smooth: [bool; PLANES]) -> Self {
        let busy =
            std::array::from_fn(|sum| BUSY_FROM.partition_point(|from| usize::from(*from) <= sum) as u8);
        Self { rows: Default::default(), busy, smooth }
    }

    fn row(&mut self, width: usize, first: bool, numbers: &mut impl Numbers) {
        for row in &mut self.rows {
            row.begin(width, first);
        }
        let (busy_of, smooth) = (self.busy, self.smooth);
        let [green, blue, red] = &mut self.rows;
        let context = |busy: usize, off: usize| usize::from(busy_of[busy.min(MOST_SUM - 1)]) * OFF + off;
        for x in 0..width {
            let (busy, foretold) = green.foretell(x, first, smooth[0]);
            let value = numbers.next(0, x, context(busy, 0), foretold);
            let off_green = green.pass(x, value, foretold);
            let (busy, foretold) = blue.foretell(x, first, smooth[1]);
            let value = numbers.next(1, x, context(busy, off_class(2 * off_green)), foretold);
            let off_blue = blue.pass(x, value, foretold);
            let (busy, foretold) = red.foretell(x, first, smooth[2]);
            let off = off_green + off_blue + off_green.max(off_blue);
            let value = numbers.next(2, x, context(busy, off_class(off)), foretold);
            red.pass(x, value, foretold);
        }
    }
}

fn off_class(off: i32) -> usize {
    OFF_FROM.iter().map(|from| usize::from(off >= *from)).sum()
}

/// The numbers of a pixel.
fn planes([b, g, r, _]: [u8; BYTES_PER_PIXEL]) -> [i32; PLANES] {
    let [b, g, r] = [b, g, r].map(i32::from);
    [g, b - g, r - g]
}

/// The encoder's side: a row's pixels, and what is found.
struct Measured<'a> {
    pixels: &'a [[u8; BYTES_PER_PIXEL]],
    found: std::slice::IterMut<'a, u16>,
    sums: &'a mut [[(u32, u32); CONTEXTS]; PLANES],
}

impl Numbers for Measured<'_> {
    #[inline(always)]
    fn next(&mut self, plane: usize, x: usize, context: usize, foretold: i32) -> i32 {
        let value = planes(self.pixels[x])[plane];
        let difference = value - foretold;
        if let Some(found) = self.found.next() {
            *found = (context as u16) << KEPT_BITS | difference as u16 & ((1 << KEPT_BITS) - 1);
        }
        let (sum, count) = &mut self.sums[plane][context % CONTEXTS];
        *sum += difference.unsigned_abs();
        *count += 1;
        value
    }
}

/// The decoder's side: a row's pixels, to be written.
struct Read<'a, 'd> {
    pixels: &'a mut [[u8; BYTES_PER_PIXEL]],
    decoder: &'a mut rans::Decoder<'d>,
    distributions: &'a Distributions,
}

impl Numbers for Read<'_, '_> {
    #[inline(always)]
    fn next(&mut self, plane: usize, x: usize, context: usize, foretold: i32) -> i32 {
        let distribution = self.distributions[plane][context % CONTEXTS];
        let value = foretold + self.decoder.number(plane, distribution.into());
        let pixel = &mut self.pixels[x];
        // Kept within what a plane can have, so that no sum overflows whatever the bytes say.
        if plane == 0 {
            *pixel = [0, value as u8, 0, 255];
            return (value as u8).into();
        }
        pixel[if plane == 1 { 0 } else { 2 }] = (value + i32::from(pixel[1])) as u8;
        value << 22 >> 22
    }
}

/// Passes on the usual distribution of every context, corrected by what `correct` gives for it.
fn choose(mut correct: impl FnMut(usize, usize, i32) -> i32) -> Distributions {
    let mut distributions = [[0; CONTEXTS]; PLANES];
    for (plane, distributions) in distributions.iter_mut().enumerate() {
        // A context is off the usual as the one before it.
        let mut more = 0;
        for (context, distribution) in distributions.iter_mut().enumerate() {
            let (busy, off) = (context / OFF, context % OFF);
            let usual = i32::from(match plane {
                0 if off > 0 => continue,
                0 => USUAL_GREEN[busy],
                _ => USUAL_OTHERS[busy] + if busy < 6 { off as u8 } else { off as u8 / 2 },
            });
            more = (more + correct(plane, context, usual + more))
                .clamp(-usual, family::COUNT as i32 - 1 - usual);
            *distribution = (usual + more) as u8;
        }
    }
    distributions
}

/// For each plane whether the smooth forecast is the better one.
fn look(picture: &FrameBuf, rects: &[Rect]) -> [bool; PLANES] {
    let mut gain = [0_i64; PLANES];
    for rect in rects.iter().filter(|rect| rect.width > 2) {
        for y in (rect.y + 1..rect.bottom()).step_by(LOOK_EVERY) {
            let row = |y| picture.row_of(rect, y).as_chunks::<BYTES_PER_PIXEL>().0;
            for (now, above) in row(y).windows(2).zip(row(y - 1).windows(3)) {
                let [left, at] = [0, 1].map(|i| planes(now[i]));
                let [corner, up, right] = [0, 1, 2].map(|i| planes(above[i]));
                for (i, gain) in gain.iter_mut().enumerate() {
                    let (l, u, c) = (left[i], up[i], corner[i]);
                    let median = (l + u - c).clamp(l.min(u), l.max(u));
                    let plain = (10 * (l + u) - 6 * c + 2 * right[i] + 8) >> 4;
                    let smooth = (median + plain + 1) >> 1;
                    *gain += i64::from((at[i] - median).abs() - (at[i] - smooth).abs());
                }
            }
        }
    }
    gain.map(|gain| gain >= 0)
}

/// Appends `rects` of `picture` to `out`.
pub(super) fn encode(picture: &FrameBuf, rects: &[Rect], out: &mut Vec<u8>) {
    let smooth = look(picture, rects);
    let area: u64 = rects.iter().map(Rect::area).sum();
    let mut found = vec![0; area as usize * PLANES];
    let mut sums = [[(0, 0); CONTEXTS]; PLANES];
    let mut walk = Walk::new(smooth);
    let mut rest = &mut found[..];
    for rect in rects {
        for y in rect.y..rect.bottom() {
            let pixels = picture.row_of(rect, y).as_chunks().0;
            let (row, next) = std::mem::take(&mut rest).split_at_mut(pixels.len() * PLANES);
            let mut measured = Measured { pixels, found: row.iter_mut(), sums: &mut sums };
            walk.row(pixels.len(), y == rect.y, &mut measured);
            rest = next;
        }
    }
    let mut head = Vec::with_capacity(PLANES * CONTEXTS);
    let distributions = choose(|plane, context, guess| {
        let (sum, count) = sums[plane][context];
        let more = if count < LEAST_COUNT { 0 } else { i32::from(family::nearest(sum, count)) - guess };
        head.push(more);
        more
    });
    let mut encoder = rans::Encoder::new();
    for pixel in found.as_chunks::<PLANES>().0.iter().rev() {
        for (plane, kept) in pixel.iter().enumerate().rev() {
            let distribution = distributions[plane][usize::from(kept >> KEPT_BITS) % CONTEXTS];
            let number = (kept << (16 - KEPT_BITS)) as i16 >> (16 - KEPT_BITS);
            encoder.number(plane, distribution.into(), number.into());
        }
    }
    for more in head.iter().rev() {
        encoder.number(0, CHOICE, *more);
    }
    out.push(smooth.iter().enumerate().map(|(plane, smooth)| u8::from(*smooth) << plane).sum());
    encoder.finish(out);
}

/// Reads `rects` of `picture` from `data`.
pub(super) fn decode(data: &[u8], picture: &mut FrameBuf, rects: &[Rect]) -> Result<()> {
    let Some((flags @ 0..8, data)) = data.split_first() else {
        return Err(Error::data("a photo layer without its flags"));
    };
    let mut decoder = rans::Decoder::new(data)?;
    let distributions = choose(|_, _, _| decoder.number(0, CHOICE));
    let mut walk = Walk::new(std::array::from_fn(|plane| flags >> plane & 1 == 1));
    for rect in rects {
        for y in rect.y..rect.bottom() {
            let pixels = picture.row_of_mut(rect, y).as_chunks_mut().0;
            let width = pixels.len();
            let mut read = Read { pixels, decoder: &mut decoder, distributions: &distributions };
            walk.row(width, y == rect.y, &mut read);
        }
    }
    decoder.finish()
}
