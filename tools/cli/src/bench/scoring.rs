//! Follows a codec's shown pictures through a trace and adds up how near they are to the source.

use super::trace::{RawPictures, RawTrace};
use crate::failure::Failure;
use crate::quality::{Errors, Judge};
use panecast::Limits;
use panecast::frame::{FrameBuf, TILE_PX};
use serde::{Deserialize, Serialize};

/// How near the shown pictures of a whole trace are.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Scores {
    /// Over whole pictures, all of them.
    pub(crate) picture: Errors,
    /// Over the tiles that changed, after the first picture.
    pub(crate) changed: Errors,
    /// Over the first picture.
    pub(crate) first: Errors,
    /// For each picture whether the source differs from the one before.
    pub(crate) is_changed: Vec<bool>,
    /// For each picture whether what was shown is exact.
    pub(crate) is_exact: Vec<bool>,
}

impl Scores {
    /// The tiles that changed; of a trace in which nothing does, the first picture.
    pub(crate) fn over_changes(&self) -> &Errors {
        if self.changed.px == 0 { &self.first } else { &self.changed }
    }
}

/// Reads the source beside the shown pictures.
#[derive(Debug)]
pub(crate) struct Scoring {
    source: RawPictures,
    picture: FrameBuf,
    before: FrameBuf,
    judge: Judge,
    /// The last picture's errors, which stay while neither source nor shown picture change.
    last: Errors,
    scores: Scores,
}

impl Scoring {
    /// At the start of `trace`.
    pub(crate) fn new(trace: &RawTrace) -> Result<Self, Failure> {
        let blank = FrameBuf::new(trace.size(), &Limits::default())?;
        Ok(Self {
            source: trace.open()?,
            before: blank.clone(),
            picture: blank,
            judge: Judge::default(),
            last: Errors::default(),
            scores: Scores::default(),
        })
    }

    /// Judges the next picture; `touched` is false if the shown one is that of the last call. False after the last.
    pub(crate) fn next(&mut self, shown: &FrameBuf, touched: bool) -> Result<bool, Failure> {
        std::mem::swap(&mut self.picture, &mut self.before);
        if !self.source.next(&mut self.picture)? {
            return Ok(false);
        }
        let first = self.scores.is_changed.is_empty();
        let same = !first && self.picture.pixels() == self.before.pixels();
        if touched || !same || first {
            let tiles = self.judge.compare(&self.picture, shown);
            self.last = Errors::default();
            tiles.iter().for_each(|tile| self.last.add(tile));
            if first {
                self.scores.first = self.last;
            } else if !same {
                let columns = self.picture.size().width.div_ceil(TILE_PX) as usize;
                let changed = changed_tiles(&self.picture, &self.before, columns);
                for (tile, _) in tiles.iter().zip(&changed).filter(|(_, changed)| **changed) {
                    self.scores.changed.add(tile);
                }
            }
        }
        self.scores.picture.add(&self.last);
        self.scores.is_changed.push(!same);
        self.scores.is_exact.push(self.last.is_exact());
        Ok(true)
    }

    /// Whether `shown` is the last source picture, pixel for pixel.
    pub(crate) fn is_last(&self, shown: &FrameBuf) -> bool {
        self.picture.pixels() == shown.pixels()
    }

    /// What was added up.
    pub(crate) fn finish(self) -> Scores {
        self.scores
    }
}

/// Which tiles of the grid differ, row by row.
fn changed_tiles(a: &FrameBuf, b: &FrameBuf, columns: usize) -> Vec<bool> {
    let mut changed = vec![false; columns * a.size().height.div_ceil(TILE_PX) as usize];
    let side = TILE_PX as usize * 4;
    for y in 0..a.size().height {
        let tiles = &mut changed[(y / TILE_PX) as usize * columns..][..columns];
        for (tile, (a, b)) in tiles.iter_mut().zip(a.row(y).chunks(side).zip(b.row(y).chunks(side))) {
            *tile |= a != b;
        }
    }
    changed
}
