//! Nearly exact pixels: blocks of cosine coefficients in steps of a chosen size.

use super::coefficients::{Coder, Levels, Models, Neighbours, Shape, Writer};
use super::rans;
use super::transform::{self, Block, COEFFICIENT_BITS, Narrow, SIDE};
use crate::error::Result;
use crate::frame::{BYTES_PER_PIXEL, FrameBuf, Rect};

/// Planes: brightness, green against the others, red against blue.
pub(super) const PLANES: usize = 3;

/// The step of brightness for each `near`, in pixel values.
const STEPS: [i32; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 32, 40];

/// The steps of the planes in 20ths of that of brightness: an error of 1 in green against the others moves the
/// three colours by 1 ÷ 2, one in red against blue by 1 ÷ √6 in the mean.
const PLANE_STEPS: [i32; PLANES] = [20, 40, 49];

/// Coefficients are kept within this, so that no sum overflows whatever the bytes say.
const MOST_COEFFICIENT: i32 = 1 << 15;

/// What the blocks are laid over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// They are the pixels themselves.
    Nothing,
    /// They are differences, added to the pixels that are there.
    Picture,
}

/// What a level of each plane is worth.
#[derive(Clone, Copy, Debug)]
struct Steps([i32; PLANES]);

impl Steps {
    fn new(near: u8) -> Self {
        let step = STEPS[usize::from(near) % STEPS.len()] << COEFFICIENT_BITS;
        Self(PLANE_STEPS.map(|of| step * of / 20))
    }
}

/// Walks the blocks of `rects`: calls `block(rect of the block, its shape, its neighbours)`.
fn walk(rects: &[Rect], mut block: impl FnMut(&Rect, Shape, &mut Neighbours<'_>)) {
    let mut above = Vec::new();
    for rect in rects {
        above.clear();
        above.resize(rect.width.div_ceil(SIDE as u32) as usize, Default::default());
        let mut y = rect.y;
        while y < rect.bottom() {
            let height = (rect.bottom() - y).min(SIDE as u32);
            let (mut left, mut corner) = Default::default();
            for (i, above) in above.iter_mut().enumerate() {
                let x = rect.x + (i * SIDE) as u32;
                let place = Rect::new(x, y, (rect.right() - x).min(SIDE as u32), height);
                let (has_left, has_above) = (i > 0, y > rect.y);
                let next_corner = *above;
                let mut around = Neighbours { left: &mut left, above, corner: &corner, has_left, has_above };
                block(&place, Shape::of(&place), &mut around);
                corner = next_corner;
            }
            y += height;
        }
    }
}

/// Appends `rects` of `picture` to `out`, and writes what the decoder will have into `shown`.
pub(super) fn encode(
    picture: &FrameBuf,
    rects: &[Rect],
    near: u8,
    over: Over,
    shown: &mut FrameBuf,
    out: &mut Vec<u8>,
) {
    let mut coding = Coding { over, steps: Steps::new(near), models: Models::new(), coder: Writer::new() };
    walk(rects, |place, shape, around| {
        let mut blocks = match over {
            Over::Nothing => gather(picture, place),
            Over::Picture => gather_change(picture, shown, place),
        };
        let mut levels = Levels::default();
        for (plane, block) in blocks.iter_mut().enumerate() {
            transformed(block, over, plane, shape, coding.steps.0[plane]);
            levels.measure(plane, shape, block, around.foretell(plane, shape), coding.steps.0[plane]);
        }
        coding.block(&mut levels, shape, around, shown, place);
    });
    coding.coder.finish(out);
}

/// Turns colours into coefficients.
fn transformed(block: &mut Narrow, over: Over, plane: usize, shape: Shape, step: i32) {
    if over == Over::Nothing {
        transform::forward(block, shape.width(), shape.height());
        return;
    }
    // Most of what changes step by step does so smoothly.
    let full = shape.width() * shape.height() == SIDE * SIDE;
    if let Some(flat) = transform::nearly_flat(block, step).filter(|_| full) {
        *block = flat;
        return;
    }
    // The colours of differences are up to twice as large as those of pixels.
    let twice = i16::from(plane > 0);
    *block = block.map(|row| row.map(|v| v >> twice));
    transform::forward(block, shape.width(), shape.height());
    *block = block.map(|row| row.map(|v| v << twice));
}

/// Reads `rects` of `picture` from `data`.
pub(super) fn decode(
    data: &[u8],
    picture: &mut FrameBuf,
    rects: &[Rect],
    near: u8,
    over: Over,
) -> Result<()> {
    let coder = rans::Decoder::new(data)?;
    let mut coding = Coding { over, steps: Steps::new(near), models: Models::new(), coder };
    walk(rects, |place, shape, around| {
        coding.block(&mut Levels::default(), shape, around, picture, place);
    });
    coding.coder.finish()
}

/// What both sides do alike.
struct Coding<C> {
    over: Over,
    steps: Steps,
    models: Models,
    coder: C,
}

impl<C: Coder> Coding<C> {
    /// Codes the levels of one block and writes its pixels.
    fn block(
        &mut self,
        levels: &mut Levels,
        shape: Shape,
        around: &mut Neighbours<'_>,
        shown: &mut FrameBuf,
        place: &Rect,
    ) {
        let mut blocks = [[[0; SIDE]; SIDE]; PLANES];
        let mut flat = true;
        for (plane, block) in blocks.iter_mut().enumerate() {
            let (foretold, step) = (around.foretell(plane, shape), self.steps.0[plane]);
            let (slope, counts) = (around.slope(plane, step), around.counts(plane));
            self.models.code(&mut self.coder, plane, levels, shape, slope, counts);
            let mean = (foretold + levels.mean(plane) * step).clamp(-MOST_COEFFICIENT, MOST_COEFFICIENT);
            around.note(plane, shape, mean, levels.count(plane));
            if levels.count(plane) == 0 {
                transform::flat(block, mean, shape.width(), shape.height());
            } else {
                flat = false;
                levels.scale(plane, step, MOST_COEFFICIENT, block);
                block[0][0] = mean;
                transform::inverse(block, shape.width(), shape.height());
            }
        }
        match self.over {
            Over::Nothing => scatter(&blocks, shown, place),
            Over::Picture if flat => add_flat(blocks.map(|block| block[0][0]), shown, place),
            Over::Picture => add(&blocks, shown, place),
        }
    }
}

/// The colours of a block; pixels beyond the edge are like those at the edge.
fn gather(picture: &FrameBuf, place: &Rect) -> [Narrow; PLANES] {
    let mut blocks = [[[0; SIDE]; SIDE]; PLANES];
    for i in 0..SIDE {
        let y = (place.y + i as u32).min(place.bottom() - 1);
        set_row(&mut blocks, i, &channels(picture, place, y));
    }
    blocks
}

/// As [`gather`], of how `picture` differs from `shown`.
fn gather_change(picture: &FrameBuf, shown: &FrameBuf, place: &Rect) -> [Narrow; PLANES] {
    let mut blocks = [[[0; SIDE]; SIDE]; PLANES];
    for i in 0..SIDE {
        let y = (place.y + i as u32).min(place.bottom() - 1);
        let (new, old) = (channels(picture, place, y), channels(shown, place, y));
        let change = std::array::from_fn(|c| std::array::from_fn(|j| new[c][j] - old[c][j]));
        set_row(&mut blocks, i, &change);
    }
    blocks
}

/// B, G and R of a row of a block.
#[inline]
fn channels(picture: &FrameBuf, place: &Rect, y: u32) -> [[i16; SIDE]; 3] {
    let pixels = picture.row_of(place, y).as_chunks::<BYTES_PER_PIXEL>().0;
    let eight: [_; SIDE] = match pixels.first_chunk() {
        Some(eight) => *eight,
        None => std::array::from_fn(|j| pixels[j.min(pixels.len() - 1)]),
    };
    let lane = eight.map(u32::from_le_bytes);
    std::array::from_fn(|c| lane.map(|px| (px >> (8 * c) & 0xFF) as i16))
}

#[inline]
fn set_row(blocks: &mut [Narrow; PLANES], i: usize, [b, g, r]: &[[i16; SIDE]; 3]) {
    let row: [[i16; PLANES]; SIDE] = std::array::from_fn(|j| transform::colours([b[j], g[j], r[j]]));
    for (plane, block) in blocks.iter_mut().enumerate() {
        block[i] = std::array::from_fn(|j| row[j][plane]);
    }
}

/// Adds one difference to all pixels of a block.
fn add_flat(colours: [i32; PLANES], picture: &mut FrameBuf, place: &Rect) {
    let change = transform::bgr_change(colours).map(|v| v.clamp(-255, 255));
    if change == [0; 3] {
        return;
    }
    let more = change.map(|v| v.max(0) as u8);
    let less = change.map(|v| (-v).max(0) as u8);
    for y in place.y..place.bottom() {
        for pixel in picture.row_of_mut(place, y).as_chunks_mut::<BYTES_PER_PIXEL>().0 {
            for c in 0..3 {
                pixel[c] = pixel[c].saturating_add(more[c]).saturating_sub(less[c]);
            }
        }
    }
}

/// Adds the differences of a block to the pixels.
fn add([y, cg, co]: &[Block; PLANES], picture: &mut FrameBuf, place: &Rect) {
    for i in 0..place.height as usize {
        let pixels = picture.row_of_mut(place, place.y + i as u32).as_chunks_mut::<BYTES_PER_PIXEL>().0;
        for (j, pixel) in pixels.iter_mut().enumerate().take(SIDE) {
            let change = transform::bgr_change([y[i][j], cg[i][j], co[i][j]]);
            for (value, change) in pixel.iter_mut().zip(change) {
                *value = (i32::from(*value) + change).clamp(0, 255) as u8;
            }
        }
    }
}

/// Writes the pixels of a block.
fn scatter([y, cg, co]: &[Block; PLANES], picture: &mut FrameBuf, place: &Rect) {
    for i in 0..place.height as usize {
        let pixels = picture.row_of_mut(place, place.y + i as u32).as_chunks_mut::<BYTES_PER_PIXEL>().0;
        for (j, pixel) in pixels.iter_mut().enumerate().take(SIDE) {
            let [b, g, r] = transform::bgr([y[i][j], cg[i][j], co[i][j]]);
            *pixel = [b, g, r, 255];
        }
    }
}
