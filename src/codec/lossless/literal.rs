//! Colours that no context knows: the last such ones again, or new ones as differences from their neighbours.

use super::number::tree;
use super::range::{Bits, Prob};

/// Base-2 logarithm of how many of the last colours are kept.
const RECENT_LOG: u32 = 5;
const RECENT: usize = 1 << RECENT_LOG;

/// Where a new colour comes in: those before it were used again.
const NEW_AT: usize = 8;

/// Classes of how much the neighbours differ: the bits of a difference.
const CLASSES: usize = 9;

/// The colours and the probabilities of their codes.
#[derive(Debug)]
pub(super) struct Literals {
    recent: [u32; RECENT],
    is_new: Prob,
    place: [Prob; RECENT],
    green: Vec<Prob>,
    blue: Vec<Prob>,
    red: Vec<Prob>,
    is_coloured: [Prob; 3],
}

fn bytes(colour: u32) -> [u8; 3] {
    let [b, g, r, _] = colour.to_le_bytes();
    [b, g, r]
}

fn class(difference: u8) -> usize {
    (u8::BITS - difference.leading_zeros()) as usize
}

/// The predictor of LOCO-I (ISO 14495-1).
fn median(w: u8, n: u8, nw: u8) -> u8 {
    let (w, n, nw) = (i16::from(w), i16::from(n), i16::from(nw));
    (w + n - nw).clamp(w.min(n), w.max(n)) as u8
}

impl Literals {
    pub(super) fn new() -> Self {
        let planes = || vec![Prob::default(); CLASSES << 8];
        Self {
            recent: [0; RECENT],
            is_new: Prob::default(),
            place: [Prob::default(); RECENT],
            green: planes(),
            blue: planes(),
            red: planes(),
            is_coloured: [Prob::default(); 3],
        }
    }

    /// Codes `actual` between its neighbours to the left, above, and above to the left.
    pub(super) fn code<B: Bits>(&mut self, bits: &mut B, actual: u32, w: u32, n: u32, nw: u32) -> u32 {
        let place = if B::READS { None } else { self.recent.iter().position(|c| *c == actual) };
        if !bits.bit(&mut self.is_new, place.is_none()) {
            let place = tree(bits, &mut self.place, RECENT_LOG, place.unwrap_or(0) as u32) as usize;
            let colour = self.recent[place];
            // Half the way to the front.
            self.recent.swap(place, place / 2);
            return colour;
        }
        let colour = self.new_colour(bits, actual, w, n, nw);
        self.recent.copy_within(NEW_AT..RECENT - 1, NEW_AT + 1);
        self.recent[NEW_AT] = colour;
        colour
    }

    fn new_colour<B: Bits>(&mut self, bits: &mut B, actual: u32, w: u32, n: u32, nw: u32) -> u32 {
        let ([wb, wg, wr], [nb, ng, nr], [_, nwg, _]) = (bytes(w), bytes(n), bytes(nw));
        let [b, g, r] = bytes(actual);
        // A plane's difference from `foretold`, in the class of what is known of its size.
        let mut plane = |probs: &mut [Prob], class: usize, value: u8, foretold: u8| {
            let probs = &mut probs[class << 8..][..256];
            tree(bits, probs, 8, value.wrapping_sub(foretold).into()) as u8
        };
        let foretold = median(wg, ng, nwg);
        let around = class(wg.abs_diff(nwg).max(ng.abs_diff(nwg)));
        let dg = plane(&mut self.green, around, g, foretold);
        let g = dg.wrapping_add(foretold);
        let is_grey = |b: u8, g: u8, r: u8| b == g && r == g;
        let greys = usize::from(is_grey(wb, wg, wr)) + usize::from(is_grey(nb, ng, nr));
        if !bits.bit(&mut self.is_coloured[greys], !is_grey(b, g, r)) {
            return u32::from_le_bytes([g, g, g, 0]);
        }
        let mut plane = |probs: &mut [Prob], class: usize, value: u8, foretold: u8| {
            let probs = &mut probs[class << 8..][..256];
            tree(bits, probs, 8, value.wrapping_sub(foretold).into()) as u8
        };
        // Blue and red keep their distance from green, as the neighbours have it on average.
        let distance = |w: u8, wg: u8, n: u8, ng: u8| {
            ((i16::from(w) - i16::from(wg) + i16::from(n) - i16::from(ng)) / 2) as u8
        };
        let foretold = g.wrapping_add(distance(wb, wg, nb, ng));
        let db = plane(&mut self.blue, class((dg as i8).unsigned_abs()), b, foretold);
        let b = db.wrapping_add(foretold);
        let foretold = g.wrapping_add(distance(wr, wg, nr, ng));
        let dr = plane(&mut self.red, class((db as i8).unsigned_abs()), r, foretold);
        u32::from_le_bytes([b, g, dr.wrapping_add(foretold), 0])
    }
}
