//! Where the picture keeps changing: films and animations, told from windows that open or move once.

use crate::damage::DirtyRows;
use crate::frame::{Rect, Size, TileGrid};

/// The heat that a tile can reach, and what an update adds to a tile that it changes.
const MOST_HEAT: u8 = 32;
const WARMS_BY: u8 = 4;

/// From this heat on a tile is active: it changed in four of the last updates, one after the other or nearly so.
const ACTIVE_HEAT: u8 = 15;

/// One heat for each tile.
#[derive(Debug, Default)]
pub(in crate::codec) struct Activity {
    grid: TileGrid,
    heat: Vec<u8>,
}

impl Activity {
    /// All cold, for a picture of `size`.
    pub(in crate::codec) fn reset(&mut self, size: Size) {
        self.grid = TileGrid::new(size);
        self.heat.clear();
        self.heat.resize(self.grid.len(), 0);
    }

    /// Takes note of one update's changes: what changed warms, all else cools by an eighth.
    pub(in crate::codec) fn note(&mut self, changed: &DirtyRows) {
        for (row, heat) in self.heat.chunks_exact_mut(self.grid.columns() as usize).enumerate() {
            let rows = self.grid.tile(0, row as u32);
            for (column, heat) in heat.iter_mut().enumerate() {
                let hot = (rows.y..rows.bottom()).any(|y| changed.contains(column as u32, y));
                *heat = if hot { (*heat + WARMS_BY).min(MOST_HEAT) } else { *heat - heat.div_ceil(8) };
            }
        }
    }

    /// Whether a tile changed in the last update and, not long before it, in another one.
    pub(in crate::codec) fn keeps_changing(&self, column: u32, row: u32) -> bool {
        self.heat[(row * self.grid.columns() + column) as usize] > WARMS_BY
    }

    /// Whether more than half of the tiles that `rect` touches are active.
    pub(in crate::codec) fn is_active(&self, rect: &Rect) -> bool {
        let (columns, rows) = self.grid.touched(rect);
        let all = columns.len() * rows.len();
        let active = rows
            .flat_map(|row| columns.clone().map(move |column| (row, column)))
            .filter(|(row, column)| self.heat[(row * self.grid.columns() + column) as usize] >= ACTIVE_HEAT)
            .count();
        active * 2 > all
    }
}
