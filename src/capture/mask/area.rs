//! Rectangles less other rectangles.

use crate::frame::Rect;

/// The parts of `rect` that none of `holes` covers; they do not overlap.
///
/// # Threads and cost
/// Each hole cuts each part into four at most; many holes that lie apart make many parts.
#[must_use]
pub fn without(rect: &Rect, holes: &[Rect]) -> Vec<Rect> {
    let mut parts = if rect.is_empty() { Vec::new() } else { vec![*rect] };
    let mut left = Vec::new();
    for hole in holes {
        for part in parts.drain(..) {
            let Some(both) = part.intersection(hole) else {
                left.push(part);
                continue;
            };
            let beside = [
                Rect::from_edges(part.x, part.y, part.right(), both.y),
                Rect::from_edges(part.x, both.bottom(), part.right(), part.bottom()),
                Rect::from_edges(part.x, both.y, both.x, both.bottom()),
                Rect::from_edges(both.right(), both.y, part.right(), both.bottom()),
            ];
            left.extend(beside.into_iter().filter(|r| !r.is_empty()));
        }
        std::mem::swap(&mut parts, &mut left);
    }
    parts
}

/// Pixels that `rects` cover within `all`, each counted once.
#[must_use]
pub fn area_px(rects: &[Rect], all: &Rect) -> u64 {
    all.area() - without(all, rects).iter().map(Rect::area).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rects() -> impl Strategy<Value = Vec<Rect>> {
        let rect =
            (0_u32..20, 0_u32..20, 0_u32..12, 0_u32..12).prop_map(|(x, y, w, h)| Rect::new(x, y, w, h));
        prop::collection::vec(rect, 0..8)
    }

    proptest! {
        #[test]
        fn each_pixel_is_in_one_part_or_in_a_hole(holes in rects()) {
            let all = Rect::new(3, 2, 18, 16);
            let parts = without(&all, &holes);
            let mut covered = 0;
            for (x, y) in (0..32).flat_map(|y| (0..32).map(move |x| (x, y))) {
                let px = Rect::new(x, y, 1, 1);
                let hidden = holes.iter().any(|h| h.contains(&px));
                let count = parts.iter().filter(|p| p.contains(&px)).count();
                let inside = all.contains(&px);
                prop_assert_eq!(count, usize::from(inside && !hidden));
                covered += u64::from(inside && hidden);
            }
            prop_assert_eq!(area_px(&holes, &all), covered);
        }
    }
}
