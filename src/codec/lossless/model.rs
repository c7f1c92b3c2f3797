//! Drawn pixels, each as its neighbourhood foretells it.
//!
//! Text repeats: where thirteen neighbours look as they did before, the same pixel follows, and saying so takes a
//! fiftieth of a bit. Where a pixel is new, fewer neighbours are asked, then the neighbours themselves are tried,
//! then the last new colours; a colour never seen is coded as such. Plain background is coded in spans.

use super::costly::Costly;
use super::guess::{COLOUR, Guesses, TRUSTS};
use super::literal::{Literal, Literals};
use super::number::Number;
use super::range::{Bits, Prob};
use crate::frame::{BYTES_PER_PIXEL, FrameBuf, Rect};

/// Columns on either side of a rectangle that its contexts see.
const PAD: usize = 3;

/// Neighbours that are tried one by one: left, above, above to the right, above to the left.
const NEAR: usize = 4;

/// Classes of a span's length: the bits it takes.
const SPAN_CLASSES: usize = 16;

/// What was learnt of the pixels of an epoch.
#[derive(Debug)]
pub(super) struct Model {
    /// By thirteen, six and four neighbours.
    wide: Guesses,
    middle: Guesses,
    narrow: Guesses,
    wide_misses: [Prob; TRUSTS * 4],
    middle_misses: [Prob; TRUSTS * 8],
    narrow_misses: [Prob; TRUSTS * 4],
    near_misses: [[Prob; 64]; NEAR],
    literals: Literals,
    span_breaks: [Prob; SPAN_CLASSES * 2],
    span_breaks_at: Vec<Number>,
    /// Scratch: three rows, and for each column 0 where all near it in the two upper ones have one colour.
    rows: [Row; 3],
    rough: Vec<u32>,
    mixed: Vec<u32>,
    /// Where what is coded is nearly exact: by how much each channel of each pixel of the row may be off.
    slack: Vec<u8>,
    /// Where the writer's pixels are costly.
    pub(super) costly: Costly,
    /// The first column of what is coded.
    left: u32,
}

/// The colours of a row, with [`PAD`] more on either side, and the hash around each column.
#[derive(Debug, Default)]
struct Row {
    colours: Vec<u32>,
    hash: Vec<u32>,
}

/// One odd factor for each neighbour of a hash. They are any numbers with well mixed bits.
const FACTORS: [u32; 7] =
    [0x9E37_79B1, 0x85EB_CA77, 0xC2B2_AE3D, 0x27D4_EB2F, 0x1656_67B1, 0xD3A2_646D, 0xFD70_46C5];

fn mix(colour: u32, factor: usize) -> u32 {
    colour.wrapping_mul(FACTORS[factor])
}

/// The hash of five pixels side by side, for each column. One product serves all five columns that see a pixel, and
/// one hash the two rows below: without wide multiplications (plain x86-64) they would take most of the time.
fn hash_row(row: &[u32], mixed: &mut Vec<u32>, hash: &mut Vec<u32>) {
    mixed.clear();
    mixed.extend(row[PAD - 2..row.len() - (PAD - 2)].iter().map(|colour| mix(*colour, 3)));
    let width = row.len() - 2 * PAD;
    let at = |by: usize| &mixed[by..][..width];
    let (ww, w, c, e, ee) = (at(0), at(1), at(2), at(3), at(4));
    hash.clear();
    hash.extend((0..width).map(|i| {
        ww[i].rotate_left(5) ^ w[i].rotate_left(11) ^ c[i] ^ e[i].rotate_left(18) ^ ee[i].rotate_left(26)
    }));
}

/// For each column 0 where the colours of the two rows above it are one.
fn look(up2: &[u32], up: &[u32], rough: &mut Vec<u32>) {
    let width = up.len() - 2 * PAD;
    let up = |by: usize| &up[PAD + by - 2..][..width];
    let up2 = |by: usize| &up2[PAD + by - 2..][..width];
    let (nww, nw, n, ne) = (up(0), up(1), up(2), up(3));
    let (nnw, nn) = (up2(1), up2(2));
    rough.clear();
    rough.extend((0..width).map(|i| {
        let n = n[i];
        (nww[i] ^ n) | (nw[i] ^ n) | (ne[i] ^ n) | (nnw[i] ^ n) | (nn[i] ^ n)
    }));
}

impl Model {
    pub(super) fn new() -> Self {
        Self {
            wide: Guesses::new(),
            middle: Guesses::new(),
            narrow: Guesses::new(),
            wide_misses: [Prob::default(); TRUSTS * 4],
            middle_misses: [Prob::default(); TRUSTS * 8],
            narrow_misses: [Prob::default(); TRUSTS * 4],
            near_misses: [[Prob::default(); 64]; NEAR],
            literals: Literals::new(),
            span_breaks: [Prob::default(); SPAN_CLASSES * 2],
            span_breaks_at: vec![Number::default(); SPAN_CLASSES],
            rows: Default::default(),
            rough: Vec::new(),
            mixed: Vec::new(),
            slack: Vec::new(),
            costly: Costly::default(),
            left: 0,
        }
    }

    /// Codes the pixels of `rect`, which `picture` holds already where they are written.
    pub(super) fn rect<B: Bits>(&mut self, bits: &mut B, picture: &mut FrameBuf, rect: &Rect) {
        self.rect_within::<B, false>(bits, picture, rect, 0);
    }

    /// With `NEARLY` what is coded is nearly exact. It is known when the loops are compiled: asking for each pixel costs a
    /// terminal 5 % of its time.
    fn rect_within<B: Bits, const NEARLY: bool>(
        &mut self,
        bits: &mut B,
        picture: &mut FrameBuf,
        rect: &Rect,
        slack: u8,
    ) {
        self.left = rect.x;
        if !B::READS {
            self.costly.fit(picture.size());
        }
        let [mut up2, mut up, mut row] = std::mem::take(&mut self.rows);
        for (row, above) in [(&mut up2, 2), (&mut up, 1)] {
            load(picture, rect, rect.y.checked_sub(above), &mut row.colours);
            hash_row(&row.colours, &mut self.mixed, &mut row.hash);
        }
        for y in rect.y..rect.bottom() {
            load(picture, rect, Some(y), &mut row.colours);
            if NEARLY && slack > 0 {
                self.costly.row(rect, y, slack, &mut self.slack);
            }
            self.row::<B, NEARLY>(bits, &up2, &up, &mut row.colours, rect.width as usize);
            if B::READS || NEARLY && slack > 0 {
                let (into, _) = picture.row_of_mut(rect, y).as_chunks_mut::<BYTES_PER_PIXEL>();
                for (into, colour) in into.iter_mut().zip(&row.colours[PAD..]) {
                    *into = (colour | !COLOUR).to_le_bytes();
                }
            }
            if y + 1 < rect.bottom() {
                hash_row(&row.colours, &mut self.mixed, &mut row.hash);
            }
            std::mem::swap(&mut up2, &mut up);
            std::mem::swap(&mut up, &mut row);
        }
        self.rows = [up2, up, row];
        if !B::READS {
            self.costly.note(rect);
        }
    }

    /// As [`Model::rect`]; what is costly may differ by `slack` in each channel, and is written to `picture` too.
    pub(super) fn nearly<B: Bits>(&mut self, bits: &mut B, picture: &mut FrameBuf, rect: &Rect, slack: u8) {
        self.rect_within::<B, true>(bits, picture, rect, slack);
        self.slack.clear();
    }

    fn surprise<B: Bits>(&mut self, x: usize) {
        if !B::READS {
            self.costly.surprise(self.left + (x - PAD) as u32);
        }
    }

    /// What may be lost of the pixel of column `x` before the colour `next`: nothing where a plain area begins, as all of
    /// it would follow.
    fn slack(&self, x: usize, colour: u32, next: u32) -> u8 {
        if colour == next { 0 } else { self.slack.get(x - PAD).copied().unwrap_or(0) }
    }

    /// Codes `rect`, all of whose pixels are its first.
    pub(super) fn solid<B: Bits>(&mut self, bits: &mut B, picture: &mut FrameBuf, rect: &Rect) {
        let first = Rect::new(rect.x, rect.y, 1, 1);
        self.rect(bits, picture, &first);
        if B::READS {
            let mut colour = [0; BYTES_PER_PIXEL];
            colour.copy_from_slice(picture.row_of(&first, rect.y));
            for y in rect.y..rect.bottom() {
                picture.row_of_mut(rect, y).as_chunks_mut().0.fill(colour);
            }
        }
    }

    fn row<B: Bits, const NEARLY: bool>(
        &mut self,
        bits: &mut B,
        up2: &Row,
        up: &Row,
        row: &mut [u32],
        width: usize,
    ) {
        let mut rough = std::mem::take(&mut self.rough);
        look(&up2.colours, &up.colours, &mut rough);
        let (hash2, hash) = (&up2.hash[..width], &up.hash[..width]);
        let (up2, up) = (&up2.colours[..], &up.colours[..]);
        let end = PAD + width;
        let mut x = PAD;
        while x < end {
            let w = row[x - 1];
            let flat = rough[x - PAD] == 0 && row[x - 2] == w && up[x] == w;
            if flat {
                // How far all that is known around stays as it is.
                let rest = &rough[x - PAD..];
                let span = rest.iter().position(|rough| *rough != 0).unwrap_or(rest.len());
                let run = match B::READS {
                    true => 0,
                    false if NEARLY => self.run(x, &row[x..=x + span], w),
                    false => row[x..x + span].iter().position(|colour| *colour != w).unwrap_or(span),
                };
                let class = (span.ilog2() as usize).min(SPAN_CLASSES - 1);
                let breaks = &mut self.span_breaks[class * 2 + usize::from(x == PAD)];
                if !bits.bit(breaks, run < span) {
                    if B::READS || NEARLY {
                        row[x..x + span].fill(w);
                    }
                    x += span;
                    continue;
                }
                let most = span as u32 - 1;
                let run = self.span_breaks_at[class].code(bits, run as u32, most).min(most) as usize;
                if B::READS || NEARLY {
                    row[x..x + run].fill(w);
                }
                x += run;
            }
            let above = hash[x - PAD].wrapping_add(hash2[x - PAD].rotate_left(13));
            let colour = self.pixel::<B, NEARLY>(bits, up2, up, row, x, above, flat);
            // A writer's row holds it already. Writing it once more would make the next pixel's context wait for what
            // the table gave for this one.
            if B::READS || NEARLY {
                row[x] = colour;
            }
            x += 1;
        }
        self.rough = rough;
    }

    /// How many pixels of a span are `w`, or near enough; `row` is the span and one pixel more.
    fn run(&self, x: usize, row: &[u32], w: u32) -> usize {
        let span = row.len() - 1;
        let fits = |(i, at): (usize, &[u32])| fits(at[0], w, self.slack(x + i, at[0], at[1]));
        row.windows(2).enumerate().position(|at| !fits(at)).unwrap_or(span)
    }

    /// Codes one pixel; after a span that broke it is known not to be what is to its left.
    #[allow(clippy::too_many_arguments)]
    #[inline]
    fn pixel<B: Bits, const NEARLY: bool>(
        &mut self,
        bits: &mut B,
        up2: &[u32],
        up: &[u32],
        row: &[u32],
        x: usize,
        above: u32,
        breaks: bool,
    ) -> u32 {
        let actual = row[x];
        let slack = if NEARLY { self.slack(x, actual, row[x + 1]) } else { 0 };
        let (w, n) = (row[x - 1], up[x]);
        let hash = above.wrapping_add(mix(row[x - 1], 0) ^ mix(row[x - 2], 1) ^ mix(row[x - 3], 2));
        let wide = self.wide.look(hash);
        let guess = wide.colour();
        let trust = if breaks && guess == w { 0 } else { wide.trust() as usize };
        if trust > 0 {
            let misses = &mut self.wide_misses[trust * 4 + likeness(guess, w, n)];
            if !bits.bit(misses, !fits(actual, guess, slack)) {
                if actual != guess {
                    self.surprise::<B>(x);
                }
                self.wide.confirm(wide);
                return guess;
            }
        }
        let near = [w, n, up[x + 1], up[x - 1]];
        let mut tried = Tried::default();
        if breaks {
            tried.add(w);
        }
        if trust > 0 {
            tried.add(guess);
        }
        let (colour, foreseen) = self.unknown::<B, NEARLY>(
            bits,
            actual,
            near,
            [row[x - 2], up2[x]],
            tried,
            [breaks, trust > 0],
            slack,
        );
        if !foreseen || actual != colour {
            self.surprise::<B>(x);
        }
        self.wide.learn(wide, colour);
        colour
    }

    /// A pixel that the wide context does not know, and whether anything else did.
    #[allow(clippy::too_many_arguments)]
    fn unknown<B: Bits, const NEARLY: bool>(
        &mut self,
        bits: &mut B,
        actual: u32,
        near: [u32; NEAR],
        far: [u32; 2],
        mut tried: Tried,
        [breaks, missed]: [bool; 2],
        slack: u8,
    ) -> (u32, bool) {
        let [w, n, ne, nw] = near;
        let narrow_hash = mix(w, 0) ^ mix(n, 1) ^ mix(ne, 2) ^ mix(nw, 3);
        let middle = self.middle.look(narrow_hash.wrapping_add(mix(far[0], 4) ^ mix(far[1], 5)));
        let narrow = self.narrow.look(narrow_hash.wrapping_add(mix(u32::from(breaks), 6)));
        let mut foreseen = true;
        let colour = 'colour: {
            let guess = middle.colour();
            let trust = middle.trust() as usize;
            if trust > 0 && !tried.contains(guess) {
                let misses =
                    &mut self.middle_misses[(trust * 4 + likeness(guess, w, n)) * 2 + usize::from(missed)];
                if !bits.bit(misses, !fits(actual, guess, slack)) {
                    break 'colour guess;
                }
                tried.add(guess);
            }
            let guess = narrow.colour();
            let trust = narrow.trust() as usize;
            if trust > 0 && !tried.contains(guess) {
                let misses =
                    &mut self.narrow_misses[trust * 4 + usize::from(missed) * 2 + usize::from(breaks)];
                if !bits.bit(misses, !fits(actual, guess, slack)) {
                    break 'colour guess;
                }
                tried.add(guess);
            }
            let pattern = [w == n, w == nw, n == nw, n == ne, trust > 0, missed];
            let pattern = pattern.iter().fold(0, |all, one| all << 1 | usize::from(*one));
            for (guess, misses) in near.into_iter().zip(&mut self.near_misses) {
                if tried.contains(guess) {
                    continue;
                }
                if !bits.bit(&mut misses[pattern], !fits(actual, guess, slack)) {
                    break 'colour guess;
                }
                tried.add(guess);
            }
            foreseen = false;
            self.literals.code(bits, Literal { colour: actual, near, nearly: NEARLY, slack })
        };
        self.middle.learn(middle, colour);
        self.narrow.learn(narrow, colour);
        (colour, foreseen)
    }
}

fn fits(actual: u32, guess: u32, slack: u8) -> bool {
    actual == guess || slack > 0 && within(actual, guess, slack)
}

/// Whether no channel of two colours is farther apart than `slack`.
pub(super) fn within(a: u32, b: u32, slack: u8) -> bool {
    a.to_le_bytes().iter().zip(b.to_le_bytes()).all(|(a, b)| a.abs_diff(b) <= slack)
}

/// Which neighbours a guess repeats.
fn likeness(guess: u32, w: u32, n: u32) -> usize {
    usize::from(guess == w) | usize::from(guess == n) << 1
}

/// The colours that a pixel is known not to have.
struct Tried {
    colours: [u32; NEAR + 4],
    count: usize,
}

impl Default for Tried {
    fn default() -> Self {
        Self { colours: [u32::MAX; NEAR + 4], count: 0 }
    }
}

impl Tried {
    fn add(&mut self, colour: u32) {
        self.colours[self.count] = colour;
        self.count += 1;
    }

    fn contains(&self, colour: u32) -> bool {
        self.colours.contains(&colour)
    }
}

/// The colours of row `y` at `rect` and [`PAD`] pixels on either side; 0 outside of the picture.
fn load(picture: &FrameBuf, rect: &Rect, y: Option<u32>, into: &mut Vec<u32>) {
    into.clear();
    let len = rect.width as usize + 2 * PAD;
    if let Some(y) = y {
        let (row, _) = picture.row(y).as_chunks::<BYTES_PER_PIXEL>();
        let from = (rect.x as usize).saturating_sub(PAD);
        let to = (rect.right() as usize + PAD).min(row.len());
        into.resize(PAD - (rect.x as usize - from), 0);
        into.extend(row[from..to].iter().map(|px| u32::from_le_bytes(*px) & COLOUR));
    }
    into.resize(len, 0);
}
