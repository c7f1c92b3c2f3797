//! The cosine transform of a block, and the colours that it works on; integers alone, the same on every machine.

/// Longest side of a block.
pub(super) const SIDE: usize = 8;

/// A block's numbers, row by row, [`SIDE`] to a row whatever its size.
pub(super) type Block = [[i32; SIDE]; SIDE];

/// Numbers of a block in 16 bits: colours, and what [`forward`] makes of them.
pub(super) type Narrow = [[i16; SIDE]; SIDE];

/// Largest value that [`forward`] takes; all colours are within it, some differences of colours within twice of it.
pub(super) const MOST_VALUE: i16 = 1020;

/// Bits that the first half of [`forward`] has to spare.
const HEAD_BITS: u32 = 3;

/// The orthonormal transform of eight numbers as in [`EIGHT`], in 65,536ths.
const NARROW: [i16; 8] = [23_170, 32_138, 30_274, 27_246, 23_170, 18_205, 12_540, 6393];

/// Fraction bits of colours, so that their change does not add to the loss.
const COLOUR_BITS: u32 = 2;

/// Fraction bits of coefficients.
pub(super) const COEFFICIENT_BITS: u32 = 3;

/// What a coefficient has more than a colour.
const MORE_BITS: u32 = COEFFICIENT_BITS - COLOUR_BITS;

/// Fraction bits of the cosines.
const COSINE_BITS: u32 = 12;

/// 4096 · √(1/8) and 4096 · √(2/8) · cos(kπ/16) for k from 1 to 7: the orthonormal transform of eight numbers.
const EIGHT: [i32; 8] = [1448, 2009, 1892, 1703, 1448, 1138, 784, 400];

/// The same of four numbers: 4096 · √(1/4), 4096 · √(2/4) · cos(kπ/8) for k = 1, 2, 3.
const FOUR: [i32; 4] = [2048, 2676, 2048, 1108];

type Row = [i32; SIDE];

fn sum(a: Row, b: Row) -> Row {
    std::array::from_fn(|i| a[i] + b[i])
}

fn difference(a: Row, b: Row) -> Row {
    std::array::from_fn(|i| a[i] - b[i])
}

fn scaled(a: Row, by: i32) -> Row {
    std::array::from_fn(|i| a[i] * by)
}

fn rounded(a: Row, bits: u32) -> Row {
    std::array::from_fn(|i| (a[i] + (1 << (bits - 1))) >> bits)
}

/// a·ka + b·kb + c·kc + d·kd
fn four(a: (Row, i32), b: (Row, i32), c: (Row, i32), d: (Row, i32)) -> Row {
    std::array::from_fn(|i| a.0[i] * a.1 + b.0[i] * b.1 + c.0[i] * c.1 + d.0[i] * d.1)
}

/// Transforms the columns of the first `height` rows; what comes out has `bits` fraction bits less.
fn forward_columns(block: &mut Block, height: usize, bits: u32) {
    if height == SIDE {
        let [k0, k1, k2, k3, _, k5, k6, k7] = EIGHT;
        let [x0, x1, x2, x3, x4, x5, x6, x7] = *block;
        let (s0, s1, s2, s3) = (sum(x0, x7), sum(x1, x6), sum(x2, x5), sum(x3, x4));
        let (d0, d1, d2, d3) =
            (difference(x0, x7), difference(x1, x6), difference(x2, x5), difference(x3, x4));
        let (e0, e1, f0, f1) = (sum(s0, s3), sum(s1, s2), difference(s0, s3), difference(s1, s2));
        *block = [
            scaled(sum(e0, e1), k0),
            four((d0, k1), (d1, k3), (d2, k5), (d3, k7)),
            sum(scaled(f0, k2), scaled(f1, k6)),
            four((d0, k3), (d1, -k7), (d2, -k1), (d3, -k5)),
            scaled(difference(e0, e1), k0),
            four((d0, k5), (d1, -k1), (d2, k7), (d3, k3)),
            difference(scaled(f0, k6), scaled(f1, k2)),
            four((d0, k7), (d1, -k5), (d2, k3), (d3, -k1)),
        ]
        .map(|row| rounded(row, bits));
    } else {
        let [k0, k1, _, k3] = FOUR;
        let [x0, x1, x2, x3, ..] = *block;
        let (s0, s1, d0, d1) = (sum(x0, x3), sum(x1, x2), difference(x0, x3), difference(x1, x2));
        let out = [
            scaled(sum(s0, s1), k0),
            sum(scaled(d0, k1), scaled(d1, k3)),
            scaled(difference(s0, s1), k0),
            difference(scaled(d0, k3), scaled(d1, k1)),
        ];
        for (row, out) in block.iter_mut().zip(out) {
            *row = rounded(out, bits);
        }
    }
}

/// The opposite of [`forward_columns`].
fn inverse_columns(block: &mut Block, height: usize, bits: u32) {
    if height == SIDE {
        let [k0, k1, k2, k3, _, k5, k6, k7] = EIGHT;
        let [c0, c1, c2, c3, c4, c5, c6, c7] = *block;
        let (p, q) = (scaled(sum(c0, c4), k0), scaled(difference(c0, c4), k0));
        let (r, s) = (sum(scaled(c2, k2), scaled(c6, k6)), difference(scaled(c2, k6), scaled(c6, k2)));
        let even = [sum(p, r), sum(q, s), difference(q, s), difference(p, r)];
        let odd = [
            four((c1, k1), (c3, k3), (c5, k5), (c7, k7)),
            four((c1, k3), (c3, -k7), (c5, -k1), (c7, -k5)),
            four((c1, k5), (c3, -k1), (c5, k7), (c7, k3)),
            four((c1, k7), (c3, -k5), (c5, k3), (c7, -k1)),
        ];
        for i in 0..4 {
            block[i] = rounded(sum(even[i], odd[i]), bits);
            block[7 - i] = rounded(difference(even[i], odd[i]), bits);
        }
    } else {
        let [k0, k1, _, k3] = FOUR;
        let [c0, c1, c2, c3, ..] = *block;
        let even = [scaled(sum(c0, c2), k0), scaled(difference(c0, c2), k0)];
        let odd = [sum(scaled(c1, k1), scaled(c3, k3)), difference(scaled(c1, k3), scaled(c3, k1))];
        for i in 0..2 {
            block[i] = rounded(sum(even[i], odd[i]), bits);
            block[3 - i] = rounded(difference(even[i], odd[i]), bits);
        }
    }
}

fn transposed(block: &Block) -> Block {
    std::array::from_fn(|i| std::array::from_fn(|j| block[j][i]))
}

/// Turns values within ±[`MOST_VALUE`] into coefficients with [`COEFFICIENT_BITS`] fraction bits, `width` × `height` of
/// them; column frequencies stand in rows. Not to the last bit: what is lost is far below the finest step.
pub(super) fn forward(block: &mut Narrow, width: usize, height: usize) {
    debug_assert!(block.as_flattened().iter().all(|v| v.unsigned_abs() <= MOST_VALUE.unsigned_abs()));
    if (width, height) == (SIDE, SIDE) {
        *block = block.map(|row| row.map(|v| v << HEAD_BITS));
        narrow_columns(block);
        // Three fraction bits, as coefficients have.
        *block = narrow_transposed(block).map(|row| row.map(|v| (v + 2) >> (HEAD_BITS - MORE_BITS)));
        narrow_columns(block);
        *block = narrow_transposed(block);
        return;
    }
    let mut wide = block.map(|row| row.map(i32::from));
    forward_columns(&mut wide, height, COSINE_BITS - MORE_BITS);
    wide = transposed(&wide);
    forward_columns(&mut wide, width, COSINE_BITS);
    *block = transposed(&wide).map(|row| row.map(|v| v as i16));
}

/// What [`forward`] makes of a full block whose values differ little from their mean: nothing but the first coefficient,
/// where the others have less than the square of `step` in all.
pub(super) fn nearly_flat(block: &Narrow, step: i32) -> Option<Narrow> {
    let (mut sum, mut squares) = (0_i32, 0_i32);
    for row in block {
        sum += row.iter().map(|v| i32::from(*v)).sum::<i32>();
        squares += row.iter().map(|v| i32::from(*v) * i32::from(*v)).sum::<i32>();
    }
    let area = (SIDE * SIDE) as i64;
    let others = i64::from(squares) - i64::from(sum) * i64::from(sum) / area;
    if others << (2 * MORE_BITS) >= i64::from(step) * i64::from(step) {
        return None;
    }
    let mut flat = Narrow::default();
    flat[0][0] = ((sum << MORE_BITS) / SIDE as i32) as i16;
    Some(flat)
}

/// Transforms the columns of eight rows. Sums of eight values would be too large, sums of four are not.
#[inline]
fn narrow_columns(block: &mut Narrow) {
    type Row = [i16; SIDE];
    let sum = |a: &Row, b: &Row| -> Row { std::array::from_fn(|i| a[i].wrapping_add(b[i])) };
    let difference = |a: &Row, b: &Row| -> Row { std::array::from_fn(|i| a[i].wrapping_sub(b[i])) };
    // The upper half of a product: one instruction for eight lanes.
    let scaled = |a: &Row, by: i16| -> Row {
        std::array::from_fn(|i| ((i32::from(a[i]) * i32::from(by)) >> 16) as i16)
    };
    let two = |a: Row, b: Row| -> Row { std::array::from_fn(|i| a[i].wrapping_add(b[i]).wrapping_add(1)) };
    let four = |a: Row, b: Row, c: Row, d: Row| -> Row {
        let (one, other) = (two(a, b), two(c, d));
        std::array::from_fn(|i| one[i].wrapping_add(other[i]))
    };
    let [k0, k1, k2, k3, _, k5, k6, k7] = NARROW;
    let [x0, x1, x2, x3, x4, x5, x6, x7] = &*block;
    let (s0, s1, s2, s3) = (sum(x0, x7), sum(x1, x6), sum(x2, x5), sum(x3, x4));
    let (d0, d1, d2, d3) = (difference(x0, x7), difference(x1, x6), difference(x2, x5), difference(x3, x4));
    let (e0, e1, f0, f1) = (sum(&s0, &s3), sum(&s1, &s2), difference(&s0, &s3), difference(&s1, &s2));
    let (m0, m1) = (scaled(&e0, k0), scaled(&e1, k0));
    *block = [
        two(m0, m1),
        four(scaled(&d0, k1), scaled(&d1, k3), scaled(&d2, k5), scaled(&d3, k7)),
        two(scaled(&f0, k2), scaled(&f1, k6)),
        four(scaled(&d0, k3), scaled(&d1, -k7), scaled(&d2, -k1), scaled(&d3, -k5)),
        difference(&m0, &m1),
        four(scaled(&d0, k5), scaled(&d1, -k1), scaled(&d2, k7), scaled(&d3, k3)),
        two(scaled(&f0, k6), scaled(&f1, -k2)),
        four(scaled(&d0, k7), scaled(&d1, -k5), scaled(&d2, k3), scaled(&d3, -k1)),
    ];
}

fn narrow_transposed(block: &Narrow) -> Narrow {
    std::array::from_fn(|i| std::array::from_fn(|j| block[j][i]))
}

/// Turns coefficients into values.
pub(super) fn inverse(block: &mut Block, width: usize, height: usize) {
    *block = transposed(block);
    inverse_columns(block, width, COSINE_BITS);
    *block = transposed(block);
    inverse_columns(block, height, COSINE_BITS + MORE_BITS);
}

/// Brightness, green against the others, red against blue, with [`COLOUR_BITS`] fraction bits.
#[inline]
pub(super) fn colours([b, g, r]: [i16; 3]) -> [i16; 3] {
    [b + 2 * g + r, 4 * g - 2 * (b + r), 4 * (r - b)]
}

/// The opposite of [`colours`], as B, G, R.
#[inline]
pub(super) fn bgr(colours: [i32; 3]) -> [u8; 3] {
    bgr_change(colours).map(|v| v.clamp(0, 255) as u8)
}

/// As [`bgr`], of differences.
#[inline]
pub(super) fn bgr_change([y, cg, co]: [i32; 3]) -> [i32; 3] {
    let middle = y - (cg >> 1);
    let b = middle - (co >> 1);
    [b, cg + middle, b + co].map(|v| (v + 2) >> COLOUR_BITS)
}

/// As [`inverse`], of a block that has no coefficient but the first.
pub(super) fn flat(block: &mut Block, first: i32, width: usize, height: usize) {
    let by = |side| if side == SIDE { EIGHT[0] } else { FOUR[0] };
    let round = |v: i32, bits: u32| (v + (1 << (bits - 1))) >> bits;
    let across = round(first * by(width), COSINE_BITS);
    *block = [[round(across * by(height), COSINE_BITS + MORE_BITS); SIDE]; SIDE];
}

#[cfg(test)]
#[allow(clippy::needless_range_loop)] // Places in a matrix.
mod tests {
    use super::*;
    use std::f64::consts::PI;

    /// The orthonormal cosine transform as its definition says, of one coefficient.
    fn coefficient(values: &Block, size: (usize, usize), at: (usize, usize)) -> f64 {
        let wave = |k: usize, n: usize, len: usize| {
            let amplitude = if k == 0 { 1.0 } else { 2.0_f64 } / len as f64;
            amplitude.sqrt() * ((2 * n + 1) as f64 * k as f64 * PI / (2 * len) as f64).cos()
        };
        let mut sum = 0.0;
        for y in 0..size.1 {
            for x in 0..size.0 {
                sum += f64::from(values[y][x]) * wave(at.0, x, size.0) * wave(at.1, y, size.1);
            }
        }
        sum * f64::from(1 << MORE_BITS)
    }

    #[test]
    fn it_is_the_cosine_transform_and_comes_back() {
        for (width, height) in [(8, 8), (4, 8), (8, 4), (4, 4)] {
            for seed in 1..20_i32 {
                let mut values = Block::default();
                for (i, value) in values.as_flattened_mut().iter_mut().enumerate() {
                    *value = (i as i32 + seed).wrapping_mul(0x9E37_79B1_u32 as i32) >> (seed % 4 + 21);
                    *value = (*value).clamp(-i32::from(MOST_VALUE), MOST_VALUE.into());
                    if seed % 5 == 0 {
                        *value = if *value < 0 { -i32::from(MOST_VALUE) } else { MOST_VALUE.into() };
                    }
                }
                let mut narrow = values.map(|row| row.map(|v| v as i16));
                forward(&mut narrow, width, height);
                let mut block = narrow.map(|row| row.map(i32::from));
                for y in 0..height {
                    for x in 0..width {
                        let off = f64::from(block[y][x]) - coefficient(&values, (width, height), (x, y));
                        assert!(off.abs() < 4.0, "{width}x{height} at {x}, {y}: off by {off}");
                    }
                }
                inverse(&mut block, width, height);
                for y in 0..height {
                    for x in 0..width {
                        let off = block[y][x].abs_diff(values[y][x]);
                        assert!(off <= 2, "{width}x{height} at {x}, {y}: {off} quarters off");
                    }
                }
            }
        }
    }

    #[test]
    fn a_flat_block_is_the_inverse_of_its_mean() {
        for (width, height) in [(8, 8), (4, 8), (8, 4), (4, 4)] {
            for first in [-32_768, -1000, -3, 0, 1, 77, 16_320, 32_768] {
                let (mut quick, mut plain) = (Block::default(), Block::default());
                flat(&mut quick, first, width, height);
                plain[0][0] = first;
                inverse(&mut plain, width, height);
                for y in 0..height {
                    assert_eq!(quick[y][..width], plain[y][..width], "{width}x{height} of {first}");
                }
            }
        }
    }

    #[test]
    fn colours_come_back() {
        for i in 0..1 << 15 {
            let bgr_of = [(i & 31) as u8 * 8, (i >> 5 & 31) as u8 * 8 + 7, (i >> 10) as u8 * 8 + 3];
            assert_eq!(bgr(colours(bgr_of.map(i16::from)).map(i32::from)), bgr_of);
        }
    }
}
