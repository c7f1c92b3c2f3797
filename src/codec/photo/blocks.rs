//! Nearly exact pixels: blocks of cosine coefficients in steps of a chosen size.

use super::coefficients::{Coder, Levels, Models, Neighbours, Shape, Writer};
use super::rans;
use super::transform::{self, Block, COEFFICIENT_BITS, SIDE};
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
            transform::forward(block, shape.width(), shape.height());
            levels.measure(plane, shape, block, around.foretell(plane, shape), coding.steps.0[plane]);
        }
        coding.block(&mut levels, shape, around, shown, place);
    });
    coding.coder.finish(out);
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
        for (plane, block) in blocks.iter_mut().enumerate() {
            let (foretold, step) = (around.foretell(plane, shape), self.steps.0[plane]);
            let (slope, counts) = (around.slope(plane, step), around.counts(plane));
            self.models.code(&mut self.coder, plane, levels, shape, slope, counts);
            let mean = (foretold + levels.mean(plane) * step).clamp(-MOST_COEFFICIENT, MOST_COEFFICIENT);
            around.note(plane, shape, mean, levels.count(plane));
            if levels.count(plane) == 0 {
                transform::flat(block, mean, shape.width(), shape.height());
            } else {
                levels.scale(plane, step, MOST_COEFFICIENT, block);
                block[0][0] = mean;
                transform::inverse(block, shape.width(), shape.height());
            }
        }
        match self.over {
            Over::Nothing => scatter(&blocks, shown, place),
            Over::Picture => add(&blocks, shown, place),
        }
    }
}

/// The colours of a block; pixels beyond the edge are like those at the edge.
fn gather(picture: &FrameBuf, place: &Rect) -> [Block; PLANES] {
    let mut blocks = [[[0; SIDE]; SIDE]; PLANES];
    for i in 0..SIDE {
        let y = (place.y + i as u32).min(place.bottom() - 1);
        let pixels = picture.row_of(place, y).as_chunks::<BYTES_PER_PIXEL>().0;
        let last = pixels.len() - 1;
        for j in 0..SIDE {
            let [b, g, r, _] = pixels[j.min(last)];
            let colours = transform::colours([b, g, r].map(i32::from));
            for (block, colour) in blocks.iter_mut().zip(colours) {
                block[i][j] = colour;
            }
        }
    }
    blocks
}

/// As [`gather`], of how `picture` differs from `shown`.
fn gather_change(picture: &FrameBuf, shown: &FrameBuf, place: &Rect) -> [Block; PLANES] {
    let mut blocks = [[[0; SIDE]; SIDE]; PLANES];
    for i in 0..SIDE {
        let y = (place.y + i as u32).min(place.bottom() - 1);
        let pixels = picture.row_of(place, y).as_chunks::<BYTES_PER_PIXEL>().0;
        let there = shown.row_of(place, y).as_chunks::<BYTES_PER_PIXEL>().0;
        let last = pixels.len() - 1;
        for j in 0..SIDE {
            let (new, old) = (pixels[j.min(last)], there[j.min(last)]);
            let colours = transform::colours(std::array::from_fn(|c| i32::from(new[c]) - i32::from(old[c])));
            for (block, colour) in blocks.iter_mut().zip(colours) {
                block[i][j] = colour;
            }
        }
    }
    blocks
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
