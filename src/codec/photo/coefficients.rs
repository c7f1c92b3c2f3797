//! The levels of a block's coefficients: in which order and in which contexts they are coded.

use super::adaptive::{Mean, Odds};
use super::blocks::PLANES;
use super::family::{self, Distribution, FAMILY, Part, SHARES};
use super::rans::{self, plain_parts};
use super::transform::{Block, Narrow, SIDE};
use crate::frame::Rect;

/// Levels from one row of a block to the next: two zeros stand after each row, and two rows of them at the end.
const STRIDE: usize = SIDE + 2;

/// From which sum on each class of how large the levels of the higher frequencies are begins.
const BUSY_FROM: [u16; BUSY - 1] = [1, 2, 3, 4, 5, 6, 8, 10, 13, 17, 22, 30, 45, 70, 110];
const BUSY: usize = 16;
const MOST_SUM: usize = 128;

/// Bands of frequencies by the sum of row and column.
const BANDS: usize = 7;
const BAND_OF: [u8; 2 * SIDE - 1] = [0, 0, 1, 2, 3, 4, 4, 5, 5, 6, 6, 6, 6, 6, 6];

/// Classes of the distance from the last level that is not zero.
const AWAY: usize = 3;

/// Classes of how many levels the neighbours have.
const AROUND: usize = 12;
const AROUND_FROM: [u16; AROUND - 1] = [1, 2, 4, 7, 11, 17, 25, 34, 45, 60, 80];

/// Classes of how far the means of the neighbours differ.
const SLOPES: usize = 9;
const SLOPE_FROM: [u16; SLOPES - 1] = [1, 2, 3, 5, 8, 12, 20, 35];

/// A count of levels is coded as a class, then its place in the class: classes begin with these counts.
const COUNT_FROM: [u8; COUNT_CLASSES] = [0, 1, 2, 3, 5, 9, 17, 33];
const COUNT_CLASSES: usize = 8;

/// What the encoder gives for a bit, as the loss in 16ths of a bit of two steps: at this slope the steps themselves
/// trade bits for loss, 16 ÷ (2 ln 2 ÷ 12).
const BIT_LOSS: i32 = 138;

/// 16ths of a bit that a last level of ±1 costs at least.
const SPARE_LAST: i32 = 80;

/// Most 16ths of a bit that are looked at, so that no coefficient is off by more than nine tenths of a step.
const MOST_SPARE: i32 = 110;

fn class_of(sum: u16, from: &[u16]) -> usize {
    from.iter().take_while(|least| sum >= **least).count()
}

/// A block of 4 or 8 columns and 4 or 8 rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    narrow: bool,
    low: bool,
}

/// The places of a block's levels in the order of their frequencies, for each shape.
const ORDERS: [[u8; SIDE * SIDE]; 4] = [order(8, 8), order(8, 4), order(4, 8), order(4, 4)];

/// Diagonals, each from the top right to the bottom left.
const fn order(width: usize, height: usize) -> [u8; SIDE * SIDE] {
    let mut order = [0; SIDE * SIDE];
    let (mut i, mut diagonal) = (0, 0);
    while diagonal < width + height - 1 {
        let mut row = 0;
        while row <= diagonal {
            let column = diagonal - row;
            if row < height && column < width {
                order[i] = (row * STRIDE + column) as u8;
                i += 1;
            }
            row += 1;
        }
        diagonal += 1;
    }
    order
}

impl Shape {
    /// The shape that holds `place`, which is at most [`SIDE`] wide and high.
    pub(super) fn of(place: &Rect) -> Self {
        Self { narrow: place.width <= SIDE as u32 / 2, low: place.height <= SIDE as u32 / 2 }
    }

    pub(super) fn width(self) -> usize {
        if self.narrow { SIDE / 2 } else { SIDE }
    }

    pub(super) fn height(self) -> usize {
        if self.low { SIDE / 2 } else { SIDE }
    }

    fn order(self) -> &'static [u8; SIDE * SIDE] {
        &ORDERS[usize::from(self.narrow) * 2 + usize::from(self.low)]
    }

    /// The first coefficient of a full block with the same mean, and back.
    fn to_full(self, first: i32) -> i32 {
        match usize::from(self.narrow) + usize::from(self.low) {
            0 => first,
            1 => (first * 181 + 64) >> 7,
            _ => first * 2,
        }
    }

    fn of_full(self, first: i32) -> i32 {
        match usize::from(self.narrow) + usize::from(self.low) {
            0 => first,
            1 => (first * 181 + 128) >> 8,
            _ => first >> 1,
        }
    }
}

/// What a block leaves for those after it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trace {
    mean: [i32; PLANES],
    count: [u16; PLANES],
}

/// The blocks to the left, above, and above to the left.
#[derive(Debug)]
pub(super) struct Neighbours<'a> {
    pub(super) left: &'a mut Trace,
    pub(super) above: &'a mut Trace,
    pub(super) corner: &'a Trace,
    pub(super) has_left: bool,
    pub(super) has_above: bool,
}

impl Neighbours<'_> {
    /// The first coefficient as the neighbours foretell it.
    pub(super) fn foretell(&self, plane: usize, shape: Shape) -> i32 {
        let (left, above) = (self.left.mean[plane], self.above.mean[plane]);
        shape.of_full(match (self.has_left, self.has_above) {
            (true, true) => (left + above - self.corner.mean[plane]).clamp(left.min(above), left.max(above)),
            (true, false) => left,
            (false, true) => above,
            (false, false) => 0,
        })
    }

    /// The class of how far the neighbours differ, counted in steps.
    pub(super) fn slope(&self, plane: usize, step: i32) -> usize {
        if !(self.has_left && self.has_above) {
            return SLOPES - if self.has_left || self.has_above { 3 } else { 1 };
        }
        let corner = self.corner.mean[plane];
        let sum = (self.left.mean[plane] - corner).abs() + (self.above.mean[plane] - corner).abs();
        class_of((sum / step).min(u16::MAX.into()) as u16, &SLOPE_FROM)
    }

    /// The class of how many levels the neighbours have.
    pub(super) fn counts(&self, plane: usize) -> usize {
        let sum = match (self.has_left, self.has_above) {
            (true, true) => self.left.count[plane] + self.above.count[plane],
            (true, false) => 2 * self.left.count[plane],
            (false, true) => 2 * self.above.count[plane],
            (false, false) => 8,
        };
        class_of(sum, &AROUND_FROM)
    }

    /// Leaves this block's trace to the next ones.
    pub(super) fn note(&mut self, plane: usize, shape: Shape, first: i32, count: usize) {
        let full = shape.to_full(first);
        let count = (count * SIDE * SIDE / (shape.width() * shape.height())) as u16;
        for trace in [&mut *self.left, &mut *self.above] {
            trace.mean[plane] = full;
            trace.count[plane] = count;
        }
    }
}

/// The levels of a block, and the place in the order of each plane's last one that is not zero.
#[derive(Debug)]
pub(super) struct Levels {
    levels: [[i16; STRIDE * STRIDE]; PLANES],
    counts: [usize; PLANES],
    /// The encoder's: magnitudes of the coefficients, and the planes' steps.
    sizes: [[u16; STRIDE * STRIDE]; PLANES],
    steps: [i32; PLANES],
}

impl Default for Levels {
    fn default() -> Self {
        Self {
            levels: [[0; STRIDE * STRIDE]; PLANES],
            counts: [0; PLANES],
            sizes: [[0; STRIDE * STRIDE]; PLANES],
            steps: [0; PLANES],
        }
    }
}

impl Levels {
    /// How many steps the first coefficient is off what was foretold.
    pub(super) fn mean(&self, plane: usize) -> i32 {
        self.levels[plane][0].into()
    }

    pub(super) fn count(&self, plane: usize) -> usize {
        self.counts[plane]
    }

    /// Cuts coefficients into levels.
    pub(super) fn measure(&mut self, plane: usize, shape: Shape, block: &Narrow, foretold: i32, step: i32) {
        let (levels, sizes) = (&mut self.levels[plane], &mut self.sizes[plane]);
        // As many bits as a factor of 16 bits can have.
        let bits = step.ilog2();
        let (inverse, half) = (((1_u32 << (16 + bits)) / step as u32).min(0xFFFF), step as u16 / 2);
        let (mut all, mut cut) = ([0_u16; SIDE * SIDE], [0_i16; SIDE * SIDE]);
        for ((coefficient, size), level) in block.as_flattened().iter().zip(&mut all).zip(&mut cut) {
            *size = coefficient.unsigned_abs();
            let magnitude = (((u32::from(*size + half) * inverse) >> 16) as u16 >> bits) as i16;
            let sign = *coefficient >> 15;
            *level = (magnitude ^ sign) - sign;
        }
        // The first coefficient is foretold, and coded by itself.
        cut[0] = 0;
        // What the upper and the lower half of each column have.
        let mut halves = [[0; SIDE]; 2];
        for (y, row) in cut.as_chunks::<SIDE>().0.iter().enumerate() {
            levels[y * STRIDE..][..SIDE].copy_from_slice(row);
            sizes[y * STRIDE..][..SIDE].copy_from_slice(&all[y * SIDE..][..SIDE]);
            for (half, level) in halves[y / (SIDE / 2)].iter_mut().zip(row) {
                *half |= level;
            }
        }
        let off = i32::from(block[0][0]) - foretold;
        levels[0] = ((off + off.signum() * step / 2) / step) as i16;
        if shape != (Shape { narrow: false, low: false }) {
            // What stands outside of the shape is no coefficient.
            for (i, row) in levels.chunks_exact_mut(STRIDE).enumerate() {
                let keep = if i < shape.height() { shape.width() } else { 0 };
                row[keep..].fill(0);
            }
        }
        self.steps[plane] = step;
        let order = &shape.order()[..shape.width() * shape.height()];
        let mut count = order.len() - 1;
        let [upper, lower] = halves;
        if upper == [0; SIDE] && lower == [0; SIDE] {
            count = 0;
        } else if order.len() == SIDE * SIDE && lower == [0; SIDE] && upper[SIDE / 2..] == [0; SIDE / 2] {
            // Nothing beyond the diagonals of the first quarter.
            count = 27;
        }
        while count > 0 {
            let at = usize::from(order[count]);
            let level = self.levels[plane][at];
            if level.abs() == 1 && self.spare(plane, at) < SPARE_LAST {
                self.levels[plane][at] = 0;
            } else if level != 0 {
                break;
            }
            count -= 1;
        }
        self.counts[plane] = count;
    }

    /// How many 16ths of a bit the level at `at` must save to be worth one step less, in terms of the loss.
    #[inline]
    fn spare(&self, plane: usize, at: usize) -> i32 {
        let step = self.steps[plane];
        let level = i32::from(self.levels[plane][at].unsigned_abs());
        (2 * i32::from(self.sizes[plane][at]) - (2 * level - 1) * step) * BIT_LOSS / step
    }

    /// Turns levels back into coefficients.
    pub(super) fn scale(&self, plane: usize, step: i32, most: i32, block: &mut Block) {
        for (row, levels) in block.iter_mut().zip(self.levels[plane].as_chunks::<STRIDE>().0) {
            for i in 0..SIDE {
                row[i] = (i32::from(levels[i]) * step).clamp(-most, most);
            }
        }
    }
}

/// Codes or reads: what goes in comes out when writing, and is replaced when reading.
pub(super) trait Coder {
    fn answer(&mut self, plane: usize, odds: &mut Odds, answer: bool) -> bool;
    fn plain(&mut self, plane: usize, bits: u32, value: u32) -> u32;
    fn number(&mut self, plane: usize, mean: &mut Mean, number: i32) -> i32;
    /// A number that the writer may bring one nearer to zero if that saves `spare` 16ths of a bit.
    fn level(&mut self, plane: usize, mean: &mut Mean, number: i32, spare: impl FnOnce() -> i32) -> i32;
}

impl Coder for rans::Decoder<'_> {
    #[inline]
    fn answer(&mut self, plane: usize, odds: &mut Odds, _: bool) -> bool {
        let answer = rans::Decoder::answer(self, plane, *odds);
        odds.note(answer);
        answer
    }

    #[inline]
    fn plain(&mut self, plane: usize, bits: u32, _: u32) -> u32 {
        rans::Decoder::plain(self, plane, bits)
    }

    #[inline]
    fn number(&mut self, plane: usize, mean: &mut Mean, _: i32) -> i32 {
        let number = rans::Decoder::number(self, plane, mean.distribution());
        mean.note(number);
        number
    }

    #[inline]
    fn level(&mut self, plane: usize, mean: &mut Mean, _: i32, _: impl FnOnce() -> i32) -> i32 {
        Coder::number(self, plane, mean, 0)
    }
}

/// Keeps parts in the order in which they are read: each as its share, its beginning and its plane.
#[derive(Debug)]
pub(super) struct Writer {
    family: &'static [Distribution; family::COUNT],
    parts: Vec<u32>,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self { family: &FAMILY, parts: Vec::new() }
    }

    #[inline]
    fn part(&mut self, plane: usize, part: Part) {
        self.parts.push(u32::from(part.share) << 16 | u32::from(part.first) << 2 | plane as u32);
    }

    pub(super) fn finish(self, out: &mut Vec<u8>) {
        let mut encoder = rans::Encoder::new();
        for kept in self.parts.iter().rev() {
            let part = Part { first: (kept >> 2) as u16 & (SHARES as u16 - 1), share: (kept >> 16) as u16 };
            encoder.part((kept & 3) as usize, part);
        }
        encoder.finish(out);
    }
}

impl Coder for Writer {
    fn answer(&mut self, plane: usize, odds: &mut Odds, answer: bool) -> bool {
        self.part(plane, odds.part(answer));
        odds.note(answer);
        answer
    }

    fn plain(&mut self, plane: usize, bits: u32, value: u32) -> u32 {
        for part in plain_parts(bits, value).into_iter().flatten() {
            self.part(plane, part);
        }
        value
    }

    fn number(&mut self, plane: usize, mean: &mut Mean, number: i32) -> i32 {
        let coded = self.family[mean.distribution()].code(number);
        self.part(plane, coded.part);
        self.plain(plane, coded.bits, coded.value);
        mean.note(number);
        number
    }

    fn level(&mut self, plane: usize, mean: &mut Mean, number: i32, spare: impl FnOnce() -> i32) -> i32 {
        if number == 0 {
            return self.number(plane, mean, 0);
        }
        let saves = self.family[mean.distribution()].saves(number);
        let lower = spare() < saves.min(MOST_SPARE);
        self.number(plane, mean, if lower { number - number.signum() } else { number })
    }
}

/// What is learnt over all blocks of a layer.
#[derive(Debug)]
pub(super) struct Models {
    busy: [u8; MOST_SUM],
    more: [[[Odds; COUNT_CLASSES]; AROUND]; PLANES],
    upper: [[Odds; COUNT_CLASSES]; PLANES],
    first: [[Mean; SLOPES]; PLANES],
    one: [[Odds; BANDS]; PLANES],
    last: [Mean; PLANES],
    levels: Box<[[[[Mean; BUSY]; AWAY]; BANDS]; PLANES]>,
}

impl Models {
    pub(super) fn new() -> Self {
        let mut busy = [0; MOST_SUM];
        for (sum, class) in busy.iter_mut().enumerate() {
            *class = class_of(sum as u16, &BUSY_FROM) as u8;
        }
        let by_busy = std::array::from_fn(|busy| {
            let from = |i: usize| if i == 0 { 0 } else { u32::from(BUSY_FROM[i - 1]) };
            Mean::new(40 + 28 * from(busy))
        });
        Self {
            busy,
            more: [[[Odds::new(128); COUNT_CLASSES]; AROUND]; PLANES],
            upper: [[Odds::new(112); COUNT_CLASSES]; PLANES],
            first: [std::array::from_fn(|slope| Mean::new(200 << slope.min(5))); PLANES],
            one: [[Odds::new(220); BANDS]; PLANES],
            last: [Mean::new(700); PLANES],
            levels: Box::new([[[by_busy; AWAY]; BANDS]; PLANES]),
        }
    }

    /// Codes the levels of `plane`, after those of the planes before it.
    pub(super) fn code(
        &mut self,
        coder: &mut impl Coder,
        plane: usize,
        levels: &mut Levels,
        shape: Shape,
        slope: usize,
        around: usize,
    ) {
        let number = coder.number(plane, &mut self.first[plane][slope], levels.mean(plane));
        let count = self.count(coder, plane, around, levels.counts[plane], shape);
        levels.counts[plane] = count;
        levels.levels[plane][0] = number as i16;
        let order = shape.order();
        for i in (1..=count).rev() {
            let at = usize::from(order[i]) % (STRIDE * STRIDE - 2 * STRIDE);
            let band = usize::from(BAND_OF[at / STRIDE + at % STRIDE]);
            let now = &levels.levels[plane];
            if i == count {
                levels.levels[plane][at] = self.last(coder, plane, band, now[at]);
                continue;
            }
            let size = |at: usize| u32::from(now[at].unsigned_abs());
            let mut sum = 2 * (size(at + 1) + size(at + STRIDE))
                + size(at + STRIDE + 1)
                + size(at + 2)
                + size(at + 2 * STRIDE);
            for (plane, before) in levels.levels[..plane].iter().enumerate() {
                sum += u32::from(before[at].unsigned_abs()) << plane;
            }
            let busy = usize::from(self.busy[(sum as usize).min(MOST_SUM - 1)]);
            let away = usize::from(count - i >= 4) + usize::from(count - i >= 10);
            let mean = &mut self.levels[plane][band][away][busy];
            let level = coder.level(plane, mean, now[at].into(), || levels.spare(plane, at));
            levels.levels[plane][at] = level as i16;
        }
    }

    fn count(
        &mut self,
        coder: &mut impl Coder,
        plane: usize,
        around: usize,
        count: usize,
        shape: Shape,
    ) -> usize {
        let most = shape.width() * shape.height() - 1;
        let mut class = 0;
        while class < COUNT_CLASSES - 1 && usize::from(COUNT_FROM[class + 1]) <= most {
            let more = count >= usize::from(COUNT_FROM[class + 1]);
            if !coder.answer(plane, &mut self.more[plane][around][class], more) {
                break;
            }
            class += 1;
        }
        let from = usize::from(COUNT_FROM[class]);
        let Some(bits) = (class as u32).checked_sub(2).filter(|bits| *bits > 0) else { return from };
        let place = count.wrapping_sub(from) as u32;
        let upper = coder.answer(plane, &mut self.upper[plane][class], place >> (bits - 1) & 1 == 1);
        let mut place_read = u32::from(upper) << (bits - 1);
        if bits > 1 {
            place_read |= coder.plain(plane, bits - 1, place & ((1 << (bits - 1)) - 1));
        }
        (from + place_read as usize).min(most)
    }

    /// The last level is never zero, and most often 1 or −1.
    fn last(&mut self, coder: &mut impl Coder, plane: usize, band: usize, level: i16) -> i16 {
        if coder.answer(plane, &mut self.one[plane][band], level.abs() == 1) {
            return if coder.plain(plane, 1, (level < 0).into()) == 1 { -1 } else { 1 };
        }
        coder.number(plane, &mut self.last[plane], level.into()) as i16
    }
}
