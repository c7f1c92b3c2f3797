//! What agents point at and draw, as it stands. No display, no clock.

use panecast::session::{Mark, Point, Tool, ViewerId};
use std::collections::BTreeMap;

/// Most lines of one agent; the oldest goes first.
const MOST_LINES: usize = 200;
/// Most points of one line; it does not go on after that.
const MOST_POINTS: usize = 4096;
/// Most agents whose marks are kept. A session has fewer.
const MOST_AGENTS: usize = 64;

/// A line of an agent's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    number: u32,
    pub(super) tool: Tool,
    /// 0xRRGGBB.
    pub(super) colour: u32,
    pub(super) points: Vec<Point>,
}

#[derive(Debug, Default)]
struct Agent {
    pointer: Option<Point>,
    lines: Vec<Line>,
}

/// The marks of all agents.
#[derive(Debug, Default)]
pub(super) struct Scene(BTreeMap<u32, Agent>);

impl Scene {
    /// Adds what `viewer` did. False if nothing looks different now.
    pub(super) fn mark(&mut self, viewer: ViewerId, mark: Mark) -> bool {
        if self.0.len() >= MOST_AGENTS && !self.0.contains_key(&viewer.0) {
            return false;
        }
        let agent = self.0.entry(viewer.0).or_default();
        match mark {
            Mark::Pointer(at) => std::mem::replace(&mut agent.pointer, at) != at,
            Mark::Line { line: number, tool, colour, points } => {
                let known = agent.lines.iter_mut().find(|l| l.number == number && l.tool == tool);
                match known {
                    Some(line) => {
                        let room = MOST_POINTS.saturating_sub(line.points.len());
                        line.points.extend(points.into_iter().take(room));
                        room > 0
                    }
                    None => {
                        if agent.lines.len() >= MOST_LINES {
                            agent.lines.remove(0);
                        }
                        agent.lines.push(Line { number, tool, colour, points });
                        true
                    }
                }
            }
            Mark::Clear => !std::mem::take(&mut agent.lines).is_empty(),
        }
    }

    /// Forgets what `viewer` did.
    pub(super) fn leave(&mut self, viewer: ViewerId) -> bool {
        self.0.remove(&viewer.0).is_some_and(|agent| agent.pointer.is_some() || !agent.lines.is_empty())
    }

    pub(super) fn clear(&mut self) -> bool {
        let shown = !self.is_empty();
        self.0.clear();
        shown
    }

    /// Takes the pointers away: nobody moves them.
    pub(super) fn rest(&mut self) -> bool {
        let taken = self.0.values_mut().filter_map(|agent| agent.pointer.take());
        taken.count() > 0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.values().all(|agent| agent.pointer.is_none() && agent.lines.is_empty())
    }

    /// In the order in which they lie on each other.
    pub(super) fn lines(&self) -> impl Iterator<Item = &Line> {
        self.0.values().flat_map(|agent| &agent.lines)
    }

    /// Where the laser pointers are, each with a number that is its agent's.
    pub(super) fn pointers(&self) -> impl Iterator<Item = (u32, Point)> + '_ {
        self.0.iter().filter_map(|(viewer, agent)| Some((*viewer, agent.pointer?)))
    }
}

/// The two points at the back of an arrow's head that ends at `to`, `size` pixels long.
pub(super) fn arrow_head(from: Point, to: Point, size: f64) -> [Point; 2] {
    let (dx, dy) = (f64::from(to.0) - f64::from(from.0), f64::from(to.1) - f64::from(from.1));
    let length = dx.hypot(dy).max(1.0);
    let (dx, dy) = (dx / length * size, dy / length * size);
    let back = |side: f64| {
        let (x, y) = (f64::from(to.0) - dx - side * dy / 2.0, f64::from(to.1) - dy + side * dx / 2.0);
        (x.round() as i32, y.round() as i32)
    };
    [back(1.0), back(-1.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: ViewerId = ViewerId(7);

    fn line(number: u32, points: &[Point]) -> Mark {
        Mark::Line { line: number, tool: Tool::Pen, colour: 0xFF, points: points.to_vec() }
    }

    #[test]
    fn lines_go_on_under_their_number_and_go_with_their_agent() {
        let mut scene = Scene::default();
        assert!(scene.mark(ANN, line(1, &[(0, 0)])));
        assert!(scene.mark(ANN, line(1, &[(5, 5)])));
        assert!(scene.mark(ViewerId(9), line(1, &[(1, 1)])));
        assert_eq!(scene.lines().map(|l| l.points.len()).collect::<Vec<_>>(), [2, 1]);
        assert!(scene.mark(ANN, Mark::Clear) && !scene.mark(ANN, Mark::Clear));
        assert_eq!(scene.lines().count(), 1);
        assert!(scene.leave(ViewerId(9)) && scene.is_empty());
    }

    #[test]
    fn a_pointer_stays_where_it_was_last() {
        let mut scene = Scene::default();
        assert!(scene.mark(ANN, Mark::Pointer(Some((3, 4)))));
        assert!(!scene.mark(ANN, Mark::Pointer(Some((3, 4)))));
        assert_eq!(scene.pointers().collect::<Vec<_>>(), [(7, (3, 4))]);
        assert!(scene.mark(ANN, Mark::Pointer(None)) && scene.is_empty());
    }

    #[test]
    fn an_agent_that_draws_without_end_fills_no_memory() {
        let mut scene = Scene::default();
        for number in 0..10_000 {
            scene.mark(ANN, line(number, &[(0, 0); 512]));
        }
        for _ in 0..100 {
            scene.mark(ANN, line(9_999, &[(0, 0); 512]));
        }
        for viewer in 0..1000 {
            scene.mark(ViewerId(viewer), Mark::Pointer(Some((0, 0))));
        }
        assert_eq!(scene.lines().count(), MOST_LINES);
        assert!(scene.lines().all(|l| l.points.len() <= MOST_POINTS));
        assert_eq!(scene.0.len(), MOST_AGENTS);
    }

    #[test]
    fn an_arrows_head_lies_across_its_line() {
        assert_eq!(arrow_head((0, 0), (100, 0), 20.0), [(80, 10), (80, -10)]);
        assert_eq!(arrow_head((5, 5), (5, 5), 20.0).len(), 2, "a click has a head, too");
    }
}
