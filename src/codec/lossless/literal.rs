//! Colours that no context knows: the last such ones again, or new ones by what is known of such colours.

use super::model::within;
use super::number::tree;
use super::range::{Bits, Prob};

/// Base-2 logarithm of how many of the last colours are kept.
const RECENT_LOG: u32 = 5;
const RECENT: usize = 1 << RECENT_LOG;

/// Where a new colour comes in: those before it were used again.
const NEW_AT: usize = 8;

/// Classes of how much the neighbours differ: the bits of a difference.
const CLASSES: usize = 9;

/// From this class on, green is coded as it is, between neighbours whose greens are told apart roughly: at an edge it
/// is nearer to one of them than to what their slope foretells.
const EDGE_CLASS: usize = 5;
const EDGES: usize = 1 << 6;

/// Colours that are kept for each green: what lies between two colours at an edge comes again and again, and its green
/// tells nearly all of it. Two of eight would save 1 % of a page of text and take a chart longer.
const KIN: usize = 4;

/// How many of them are tried, and classes of how far they are from what is foretold.
const TRIED: usize = 2;
const KIN_CLASSES: usize = 8;

/// Two neighbours whose greens are this far apart tell the line in which the colours between them lie.
const LEAST_SLOPE: i32 = 6;

/// What blue and red are coded by if no colour of the same green is known.
const NO_KIN: usize = 0;
/// Classes of blue and red: without kin, and with.
const PLANE_CLASSES: usize = 2 * CLASSES;

/// No colour at all.
const NONE: u32 = u32::MAX;

/// The colours and the probabilities of their codes. Nearly exact pixels have some of their own: they lie in steps.
#[derive(Debug)]
pub(super) struct Literals {
    recent: [u32; RECENT],
    is_new: Prob,
    place: [Prob; RECENT],
    green: Vec<Prob>,
    edge_green: [Vec<Prob>; 2],
    blue: [Vec<Prob>; 2],
    red: [Vec<Prob>; 2],
    is_coloured: [Prob; 3],
    kin: Vec<[u32; KIN]>,
    misses: [[Prob; 2 * KIN_CLASSES]; TRIED],
}

/// How a colour is to be coded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Literal {
    /// The colour; what is read does not matter.
    pub(super) colour: u32,
    /// The colours to the left, above, above to the right, above to the left.
    pub(super) near: [u32; 4],
    /// It belongs to nearly exact pixels, and no channel may be off by more than `slack`.
    pub(super) nearly: bool,
    pub(super) slack: u8,
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

/// The middle of the step in which `v` lies: no further from it than `slack`.
fn stepped(v: u8, slack: u8) -> u8 {
    let step = 2 * u16::from(slack) + 1;
    (u16::from(v) / step * step + u16::from(slack)).min(255) as u8
}

/// Blue and red of a colour with the green `g` between neighbours: on the line between the two whose greens differ
/// most, or else as far from green as the neighbours have it on average.
fn foretell(g: u8, w: u32, n: u32, nw: u32) -> [u8; 2] {
    let [w, n, nw] = [w, n, nw].map(bytes);
    let (mut low, mut high) = (w, w);
    for c in [n, nw] {
        low = if c[1] < low[1] { c } else { low };
        high = if c[1] > high[1] { c } else { high };
    }
    let slope = i32::from(high[1]) - i32::from(low[1]);
    let along = i32::from(g) - i32::from(low[1]);
    [0, 2].map(|i| {
        if slope >= LEAST_SLOPE {
            let rise = i32::from(high[i]) - i32::from(low[i]);
            (i32::from(low[i]) + (2 * along * rise + slope) / (2 * slope)).clamp(0, 255) as u8
        } else {
            let distance = |c: [u8; 3]| i16::from(c[i]) - i16::from(c[1]);
            g.wrapping_add(((distance(w) + distance(n)) / 2) as u8)
        }
    })
}

impl Literals {
    pub(super) fn new() -> Self {
        let planes = |count: usize| vec![Prob::default(); count << 8];
        Self {
            recent: [0; RECENT],
            is_new: Prob::default(),
            place: [Prob::default(); RECENT],
            green: planes(EDGE_CLASS),
            edge_green: [planes(EDGES), planes(EDGES)],
            blue: [planes(PLANE_CLASSES), planes(PLANE_CLASSES)],
            red: [planes(PLANE_CLASSES), planes(PLANE_CLASSES)],
            is_coloured: [Prob::default(); 3],
            kin: vec![[NONE; KIN]; 256],
            misses: [[Prob::default(); 2 * KIN_CLASSES]; TRIED],
        }
    }

    /// Codes a colour; returns what it is for both sides.
    pub(super) fn code<B: Bits>(&mut self, bits: &mut B, literal: Literal) -> u32 {
        let place = if B::READS { None } else { self.recent.iter().position(|c| *c == literal.colour) };
        if !bits.bit(&mut self.is_new, place.is_none()) {
            let place = tree(bits, &mut self.place, RECENT_LOG, place.unwrap_or(0) as u32) as usize;
            let colour = self.recent[place];
            // Half the way to the front.
            self.recent.swap(place, place / 2);
            return colour;
        }
        let colour = self.new_colour(bits, literal);
        self.recent.copy_within(NEW_AT..RECENT - 1, NEW_AT + 1);
        self.recent[NEW_AT] = colour;
        colour
    }

    fn new_colour<B: Bits>(&mut self, bits: &mut B, literal: Literal) -> u32 {
        let Literal { colour, near: [w, n, ne, nw], nearly, slack } = literal;
        let [b, g, r] = bytes(colour).map(|v| if slack == 0 { v } else { stepped(v, slack) });
        let (g, off) = self.green(bits, g, [w, n, ne, nw], nearly);
        let is_grey = |[b, g, r]: [u8; 3]| b == g && r == g;
        let greys = usize::from(is_grey(bytes(w))) + usize::from(is_grey(bytes(n)));
        if !bits.bit(&mut self.is_coloured[greys], !is_grey([b, g, r])) {
            return u32::from_le_bytes([g, g, g, 0]);
        }
        let foretold = foretell(g, w, n, nw);
        let kin = self.kin[usize::from(g)];
        let (places, apart) = nearest(&kin, foretold);
        for (i, place) in places.into_iter().enumerate() {
            if apart[i] == u16::MAX {
                break;
            }
            let guess = kin[place];
            let class = class(apart[i].min(127) as u8) + if place == 0 { KIN_CLASSES } else { 0 };
            let right = || bytes(guess) == [b, g, r] || slack > 0 && within(guess, colour, slack);
            if !bits.bit(&mut self.misses[i][class], B::READS || !right()) {
                self.note(g, guess, place);
                return guess;
            }
        }
        // As far as it is from the nearest kin, or else from what the neighbours foretell.
        let ([fb, fr], blue_class, red_class) = match kin[places[0]] {
            NONE => (foretold, NO_KIN + class(off.unsigned_abs()), NO_KIN),
            guess => {
                let [fb, _, fr] = bytes(guess);
                ([fb, fr], CLASSES + class(apart[0].min(127) as u8), CLASSES)
            }
        };
        let mut plane = |probs: &mut [Prob], class: usize, value: u8, foretold: u8| {
            tree(bits, &mut probs[class << 8..][..256], 8, value.wrapping_sub(foretold).into()) as u8
        };
        let set = usize::from(nearly);
        let db = plane(&mut self.blue[set], blue_class, b, fb);
        let dr = plane(&mut self.red[set], red_class + class((db as i8).unsigned_abs()), r, fr);
        let colour = u32::from_le_bytes([db.wrapping_add(fb), g, dr.wrapping_add(fr), 0]);
        self.note(g, colour, KIN - 1);
        colour
    }

    /// Codes green; gives it and how far it is from what the neighbours' slope foretells.
    fn green<B: Bits>(&mut self, bits: &mut B, g: u8, near: [u32; 4], nearly: bool) -> (u8, i8) {
        let [w, n, ne, nw] = near.map(|c| bytes(c)[1]);
        let foretold = median(w, n, nw);
        let around = class(w.abs_diff(nw).max(n.abs_diff(nw)));
        let g = if nearly || around >= EDGE_CLASS {
            let edge = usize::from(w >> 6) << 4 | usize::from(n >> 6) << 2 | usize::from(ne >> 6);
            tree(bits, &mut self.edge_green[usize::from(nearly)][edge << 8..][..256], 8, g.into()) as u8
        } else {
            let off = g.wrapping_sub(foretold).into();
            foretold.wrapping_add(tree(bits, &mut self.green[around << 8..][..256], 8, off) as u8)
        };
        (g, g.wrapping_sub(foretold) as i8)
    }

    /// A colour with the green `g` comes first among its kin, out of `place`.
    fn note(&mut self, g: u8, colour: u32, place: usize) {
        let kin = &mut self.kin[usize::from(g)];
        kin.copy_within(0..place, 1);
        kin[0] = colour;
    }
}

/// The places of the two nearest of `kin`, and how far they are from what is foretold of blue and red. What is not
/// there is the farthest.
fn nearest(kin: &[u32; KIN], [fb, fr]: [u8; 2]) -> ([usize; TRIED], [u16; TRIED]) {
    let (mut places, mut apart) = ([0; TRIED], [u16::MAX; TRIED]);
    for (place, colour) in kin.iter().enumerate() {
        if *colour == NONE {
            break;
        }
        let [b, _, r] = bytes(*colour);
        let distance = u16::from(b.abs_diff(fb)) + u16::from(r.abs_diff(fr));
        if distance < apart[0] {
            (places, apart) = ([place, places[0]], [distance, apart[0]]);
        } else if distance < apart[1] {
            (places[1], apart[1]) = (place, distance);
        }
    }
    (places, apart)
}
