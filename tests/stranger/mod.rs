//! A decoder of modelled pixels as a stranger would write it from docs/bitstream.md §5: slow, plain, on its own.

#![allow(dead_code)] // Each test file uses its part.

use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A rectangle of the table: y, height, x, width, coding.
pub(crate) type Entry = (i64, i64, i64, i64, u32);

/// Fast and steady, by a name that says which probability it is.
type Probabilities = HashMap<(&'static str, usize, usize), (u32, u32)>;

struct Coder<'a> {
    bytes: &'a [u8],
    at: usize,
    range: u64,
    code: u64,
    probabilities: Probabilities,
}

impl<'a> Coder<'a> {
    fn new(bytes: &'a [u8], probabilities: Probabilities) -> Self {
        let mut coder = Self { bytes, at: 0, range: 0xFFFF_FFFF, code: 0, probabilities };
        for _ in 0..4 {
            coder.shift();
        }
        coder
    }

    fn shift(&mut self) {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        self.code = self.code * 256 + u64::from(byte);
    }

    fn even_bit(&mut self) -> bool {
        let (bit, _) = self.read((32768, 32768));
        bit
    }

    fn bit(&mut self, name: &'static str, row: usize, column: usize) -> bool {
        let before = self.probabilities.get(&(name, row, column)).copied().unwrap_or((32768, 32768));
        let (bit, after) = self.read(before);
        self.probabilities.insert((name, row, column), after);
        bit
    }

    fn read(&mut self, (fast, steady): (u32, u32)) -> (bool, (u32, u32)) {
        let bound = (self.range >> 16) * u64::from((fast + steady) / 2);
        let one = self.code >= bound;
        let after = if one {
            self.code -= bound;
            self.range -= bound;
            (fast - fast / 16, steady - steady / 128)
        } else {
            self.range = bound;
            (fast + (65535 - fast) / 16, steady + (65535 - steady) / 128)
        };
        while self.range < 1 << 24 {
            self.range *= 256;
            self.shift();
        }
        (one, after)
    }

    fn tree(&mut self, name: &'static str, row: usize, bits: u32) -> usize {
        let mut path = 1;
        for _ in 0..bits {
            path = path * 2 + usize::from(self.bit(name, row, path));
        }
        path - (1 << bits)
    }

    fn number(&mut self, name: &'static str, row: usize, most: u64) -> u64 {
        // Rows of four kinds of probability for each number.
        let row = row * 4;
        let top = 63 - u64::leading_zeros(most + 1) as usize;
        let mut log = 0;
        while log < top && self.bit(name, row, log) {
            log += 1;
        }
        let mut value = 1;
        for i in 0..log {
            let bit = match i {
                0 => self.bit(name, row + 1, log),
                1 => self.bit(name, row + 2 + (value & 1) as usize, log),
                _ => self.even_bit(),
            };
            value = value * 2 + u64::from(bit);
        }
        value - 1
    }
}

#[derive(Clone, Copy, Default)]
struct Slot {
    colour: u32,
    trust: u32,
    check: u32,
}

const F: [u32; 7] = [0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1, 0xD3A2646D, 0xFD7046C5];

fn m(colour: u32, i: usize) -> u32 {
    colour.wrapping_mul(F[i])
}

fn place(hash: u32) -> (usize, u32) {
    let mixed = (hash ^ (hash >> 15)).wrapping_mul(0x9E3779B1);
    ((mixed >> 15) as usize, (mixed >> 10) & 31)
}

impl Memory {
    fn keep(&mut self, tile: (i64, i64), was: BTreeMap<(i64, i64), u32>) {
        self.count += 1;
        let held = self.held.entry(tile).or_default();
        held.retain(|(_, pixels)| *pixels != was);
        held.insert(0, (self.count, was));
        held.truncate(4);
        let px =
            |this: &Self| this.held.values().flatten().map(|(_, pixels)| pixels.len() as u64).sum::<u64>();
        while px(self) > self.most_px {
            let first = self.held.values().flatten().map(|(count, _)| *count).min();
            self.held.values_mut().for_each(|held| held.retain(|(count, _)| Some(*count) != first));
        }
    }
}

/// A picture of B + 256 G + 65,536 R.
pub(crate) struct Stranger {
    pub(crate) width: i64,
    pub(crate) height: i64,
    pub(crate) pixels: Vec<u32>,
    wide: Vec<Slot>,
    middle: Vec<Slot>,
    narrow: Vec<Slot>,
    recent: Vec<u32>,
    /// For each green the last four colours of it, the last one first.
    kin: Vec<Vec<u32>>,
    /// 1 in rectangles of nearly exact pixels.
    nearly: usize,
    probabilities: Probabilities,
    memory: Memory,
}

/// A content of a tile: when it became the newest, and its pixels by row and column.
type Content = (u64, BTreeMap<(i64, i64), u32>);

/// What tiles held before, by row and column (§5.4).
#[derive(Default)]
struct Memory {
    most_px: u64,
    written: BTreeMap<(i64, i64), u64>,
    held: BTreeMap<(i64, i64), Vec<Content>>,
    count: u64,
}

/// The columns and rows of the tiles that a rectangle touches, row by row.
fn tiles(y: i64, rows: i64, x: i64, columns: i64) -> Vec<(i64, i64)> {
    let across = x / 64..=(x + columns - 1) / 64;
    (y / 64..=(y + rows - 1) / 64).flat_map(|row| across.clone().map(move |column| (column, row))).collect()
}

fn pixels_of(column: i64, row: i64, width: i64, height: i64) -> Vec<(i64, i64)> {
    let across = column * 64..(column * 64 + 64).min(width);
    (row * 64..(row * 64 + 64).min(height)).flat_map(|y| across.clone().map(move |x| (y, x))).collect()
}

impl Stranger {
    pub(crate) fn new(width: i64, height: i64) -> Self {
        let table = || vec![Slot::default(); 1 << 17];
        let pixels = vec![0; (width * height) as usize];
        Self {
            width,
            height,
            pixels,
            wide: table(),
            middle: table(),
            narrow: table(),
            recent: vec![0; 32],
            kin: vec![Vec::new(); 256],
            nearly: 0,
            probabilities: HashMap::new(),
            memory: Memory::default(),
        }
    }

    /// After the first picture: so many pixels may be kept of what was.
    pub(crate) fn keep(&mut self, most_px: u64) {
        self.memory.most_px = most_px;
    }

    /// As [`Stranger::read`] for an update at `now`, in microseconds, of a stream without layers and copies whose
    /// first picture was at 0.
    pub(crate) fn update(&mut self, bits: &[u8], now: u64) -> Vec<Entry> {
        let before = self.pixels.clone();
        let table = self.read(bits);
        let touched: BTreeSet<(i64, i64)> = table
            .iter()
            .flat_map(|&(y, rows, x, columns, _)| tiles(y, rows, x, columns))
            .map(|(column, row)| (row, column))
            .collect();
        let mut candidates = Vec::new();
        for (row, column) in touched {
            let last = self.memory.written.insert((row, column), now).unwrap_or(0);
            let place = |&(y, x): &(i64, i64)| (y * self.width + x) as usize;
            let pixels = pixels_of(column, row, self.width, self.height);
            let was: BTreeMap<_, _> = pixels.iter().map(|at| (*at, before[place(at)])).collect();
            let plain = was.values().all(|colour| Some(colour) == was.values().next());
            let same = was.iter().all(|(at, colour)| self.pixels[place(at)] == *colour);
            if now - last >= 300_000 && !plain {
                candidates.push(((row, column), was, same));
            }
        }
        let px: usize = candidates.iter().map(|(_, was, _)| was.len()).sum();
        if px as u64 <= self.memory.most_px {
            for (tile, was, _) in candidates.into_iter().filter(|(_, _, same)| !same) {
                self.memory.keep(tile, was);
            }
        }
        table
    }

    /// Reads the bits of a payload whose rectangles are all modelled or solid; returns its table.
    pub(crate) fn read(&mut self, bits: &[u8]) -> Vec<Entry> {
        let mut coder = Coder::new(bits, std::mem::take(&mut self.probabilities));
        let count = coder.number("count", 0, 0xFFFF_FFFD);
        let (width, height) = (self.width as u64, self.height as u64);
        let mut y = 0;
        let mut table = Vec::new();
        for _ in 0..count {
            let step = coder.number("down", 0, 2 * height) as i64;
            y += if step % 2 == 0 { step / 2 } else { -(step + 1) / 2 };
            let rows = coder.number("height", 0, height) as i64;
            let x = coder.number("x", 0, width) as i64;
            let columns = coder.number("width", 0, width) as i64;
            table.push((y, rows, x, columns, coder.tree("coding", 0, 3) as u32));
        }
        let mut slot = 0;
        for &(y, rows, x, columns, coding) in &table {
            self.nearly = usize::from(coding == 5);
            let (top, left) = (y, x);
            match coding {
                0 | 5 => self.modelled(&mut coder, y, rows, x, columns),
                1 => {
                    self.modelled(&mut coder, y, 1, x, 1);
                    let colour = self.pixels[(y * self.width + x) as usize];
                    for row in y..y + rows {
                        for column in x..x + columns {
                            self.pixels[(row * self.width + column) as usize] = colour;
                        }
                    }
                }
                4 => {
                    for (column, row) in tiles(y, rows, x, columns) {
                        slot = coder.tree("slot", slot, 2);
                        let held = &self.memory.held[&(row, column)][slot].1;
                        for (y, x) in pixels_of(column, row, self.width, self.height) {
                            if (top..top + rows).contains(&y) && (left..left + columns).contains(&x) {
                                self.pixels[(y * self.width + x) as usize] = held[&(y, x)];
                            }
                        }
                    }
                }
                other => panic!("a stranger has no zstd for coding {other}"),
            }
        }
        assert!((bits.len()..=bits.len() + 4).contains(&coder.at), "{} of {}", coder.at, bits.len());
        self.probabilities = coder.probabilities;
        table
    }

    fn modelled(&mut self, coder: &mut Coder<'_>, top: i64, rows: i64, left: i64, columns: i64) {
        for y in top..top + rows {
            let mut x = left;
            while x < left + columns {
                let flat_above = |this: &Self, x: i64| {
                    let at = |dx: i64, dy: i64| this.at(left, columns, x + dx, y + dy);
                    let n = at(0, -1);
                    [at(-2, -1), at(-1, -1), at(1, -1), at(-1, -2), at(0, -2)].iter().all(|c| *c == n)
                };
                let w = self.at(left, columns, x - 1, y);
                let ww = self.at(left, columns, x - 2, y);
                let n = self.at(left, columns, x, y - 1);
                let mut broken = false;
                if w == ww && w == n && flat_above(self, x) {
                    let mut span = 1;
                    while x + span < left + columns && flat_above(self, x + span) {
                        span += 1;
                    }
                    let class = (63 - span.leading_zeros() as usize).min(15);
                    broken = coder.bit("breaks", class, usize::from(x == left));
                    let run = match broken {
                        true => coder.number("breaks at", class, span as u64 - 1) as i64,
                        false => span,
                    };
                    for i in 0..run {
                        self.pixels[(y * self.width + x + i) as usize] = w;
                    }
                    x += run;
                    if !broken {
                        continue;
                    }
                }
                let colour = self.pixel(coder, left, columns, x, y, broken);
                self.pixels[(y * self.width + x) as usize] = colour;
                x += 1;
            }
        }
    }

    /// A neighbour of the rectangle's columns.
    fn at(&self, left: i64, columns: i64, x: i64, y: i64) -> u32 {
        let near = x >= left - 3 && x < left + columns + 3;
        if !near || x < 0 || y < 0 || x >= self.width {
            return 0;
        }
        self.pixels[(y * self.width + x) as usize]
    }

    fn pixel(&mut self, coder: &mut Coder<'_>, left: i64, columns: i64, x: i64, y: i64, broken: bool) -> u32 {
        let c = |dx: i64, dy: i64| self.at(left, columns, x + dx, y + dy);
        let (w, ww, www) = (c(-1, 0), c(-2, 0), c(-3, 0));
        let (nww, nw, n, ne, nee) = (c(-2, -1), c(-1, -1), c(0, -1), c(1, -1), c(2, -1));
        let (nnww, nnw, nn, nne, nnee) = (c(-2, -2), c(-1, -2), c(0, -2), c(1, -2), c(2, -2));
        let turned = |colour: u32, by: u32| m(colour, 3).rotate_left(by);
        let five = |[ww, w, c, e, ee]: [u32; 5]| {
            turned(ww, 5) ^ turned(w, 11) ^ m(c, 3) ^ turned(e, 18) ^ turned(ee, 26)
        };
        let above1 = five([nww, nw, n, ne, nee]);
        let above2 = five([nnww, nnw, nn, nne, nnee]);
        let above2 = above2.rotate_left(13);
        let beside = m(w, 0) ^ m(ww, 1) ^ m(www, 2);
        let near = m(w, 0) ^ m(n, 1) ^ m(ne, 2) ^ m(nw, 3);
        let wide = place(above1.wrapping_add(above2).wrapping_add(beside));
        let narrow = place(near.wrapping_add(m(u32::from(broken), 6)));
        let middle = place(near.wrapping_add(m(ww, 4) ^ m(nn, 5)));
        let look = |table: &[Slot], (at, check): (usize, u32)| {
            let slot = table[at];
            (slot.colour, if slot.check == check { slot.trust as usize } else { 0 })
        };
        let like = |guess: u32| usize::from(guess == w) + 2 * usize::from(guess == n);
        let mut wrong = Vec::new();
        if broken {
            wrong.push(w);
        }
        let (guess, trust) = look(&self.wide, wide);
        let tried_wide = trust > 0 && !wrong.contains(&guess);
        if tried_wide {
            if !coder.bit("wide", trust, like(guess)) {
                self.wide[wide.0].trust = (trust as u32 + 1).min(7);
                return guess;
            }
            wrong.push(guess);
        }
        let colour = 'colour: {
            let (guess, trust) = look(&self.middle, middle);
            if trust > 0 && !wrong.contains(&guess) {
                if !coder.bit("middle", trust, like(guess) * 2 + usize::from(tried_wide)) {
                    break 'colour guess;
                }
                wrong.push(guess);
            }
            let (guess, trust) = look(&self.narrow, narrow);
            if trust > 0 && !wrong.contains(&guess) {
                if !coder.bit("narrow", trust, usize::from(tried_wide) * 2 + usize::from(broken)) {
                    break 'colour guess;
                }
                wrong.push(guess);
            }
            let six = [w == n, w == nw, n == nw, n == ne, trust > 0, tried_wide];
            let six = six.iter().fold(0, |all, bit| all * 2 + usize::from(*bit));
            for (which, guess) in [w, n, ne, nw].into_iter().enumerate() {
                if wrong.contains(&guess) {
                    continue;
                }
                if !coder.bit("near", which, six) {
                    break 'colour guess;
                }
                wrong.push(guess);
            }
            self.unforeseen(coder, [w, n, ne, nw])
        };
        learn(&mut self.middle, middle, colour);
        learn(&mut self.narrow, narrow, colour);
        learn(&mut self.wide, wide, colour);
        colour
    }

    fn unforeseen(&mut self, coder: &mut Coder<'_>, [w, n, ne, nw]: [u32; 4]) -> u32 {
        if !coder.bit("is new", 0, 0) {
            let place = coder.tree("place", 0, 5);
            let colour = self.recent[place];
            self.recent.swap(place, place / 2);
            return colour;
        }
        let plane = |colour: u32, i: u32| i32::try_from(colour >> (8 * i) & 255).expect("a byte");
        let class = |v: i32| (32 - v.unsigned_abs().leading_zeros()) as usize;
        let signed = |difference: i32| if difference > 127 { difference - 256 } else { difference };
        let (gw, gn, gnw) = (plane(w, 1), plane(n, 1), plane(nw, 1));
        let around = (gw - gnw).abs().max((gn - gnw).abs());
        let slope = (gw + gn - gnw).clamp(gw.min(gn), gw.max(gn));
        let g = if self.nearly == 1 || around >= 16 {
            let edge = (gw / 64 * 16 + gn / 64 * 4 + plane(ne, 1) / 64) as usize;
            coder.tree("green at an edge", self.nearly * 64 + edge, 8) as i32
        } else {
            (slope + coder.tree("green", class(around), 8) as i32) & 255
        };
        let grey = |colour: u32| plane(colour, 0) == plane(colour, 1) && plane(colour, 2) == plane(colour, 1);
        let greys = usize::from(grey(w)) + usize::from(grey(n));
        let (mut b, mut r) = (g, g);
        if coder.bit("is coloured", greys, 0) {
            // The lowest and the highest green, the first one where there are several.
            let by_green =
                |wanted: i32| [w, n, nw].into_iter().find(|c| plane(*c, 1) == wanted).expect("one");
            let (low, high) = (by_green(gw.min(gn).min(gnw)), by_green(gw.max(gn).max(gnw)));
            let rise = plane(high, 1) - plane(low, 1);
            let foretold = [0, 2].map(|i| match rise {
                0..6 => (g + (plane(w, i) - gw + plane(n, i) - gn) / 2) & 255,
                _ => {
                    let across = 2 * (g - plane(low, 1)) * (plane(high, i) - plane(low, i)) + rise;
                    (plane(low, i) + across / (2 * rise)).clamp(0, 255)
                }
            });
            let mut kin: Vec<(i32, usize, u32)> = self.kin[g as usize]
                .iter()
                .enumerate()
                .map(|(i, c)| {
                    ((plane(*c, 0) - foretold[0]).abs() + (plane(*c, 2) - foretold[1]).abs(), i, *c)
                })
                .collect();
            kin.sort();
            let far = |distance: i32| class(distance.min(127));
            for (i, (distance, place, _)) in kin.iter().take(2).copied().enumerate() {
                if !coder.bit("kin", i, far(distance) + if place == 0 { 8 } else { 0 }) {
                    let colour = self.kin[g as usize].remove(place);
                    self.kin[g as usize].insert(0, colour);
                    self.recent.insert(8, colour);
                    self.recent.pop();
                    return colour;
                }
            }
            let (from, blue, red) = match kin.first() {
                Some((distance, _, c)) => ([plane(*c, 0), plane(*c, 2)], 9 + far(*distance), 9),
                None => (foretold, class(signed((g - slope) & 255)), 0),
            };
            let set = self.nearly * 18;
            let db = coder.tree("blue", set + blue, 8) as i32;
            let dr = coder.tree("red", set + red + class(signed(db)), 8) as i32;
            (b, r) = ((from[0] + db) & 255, (from[1] + dr) & 255);
            self.kin[g as usize].insert(0, (b + 256 * g + 65536 * r) as u32);
            self.kin[g as usize].truncate(4);
        }
        let colour = (b + 256 * g + 65536 * r) as u32;
        self.recent.insert(8, colour);
        self.recent.pop();
        colour
    }
}

fn learn(table: &mut [Slot], (at, check): (usize, u32), colour: u32) {
    let slot = &mut table[at];
    if slot.check == check && slot.trust > 0 {
        if slot.colour == colour {
            slot.trust = (slot.trust + 1).min(7);
            return;
        }
        if slot.trust >= 3 {
            slot.trust /= 2;
            return;
        }
    } else if slot.check != check && slot.trust >= 4 {
        slot.trust -= 1;
        return;
    }
    *slot = Slot { colour, trust: 1, check };
}
