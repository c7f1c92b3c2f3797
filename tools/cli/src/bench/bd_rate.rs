//! BD-rate: how many more or fewer bytes one codec needs than another at the same quality, on average over the
//! qualities that both reach.
//!
//! The logarithm of bytes is interpolated over dB by monotone cubic pieces (Fritsch and Carlson), and the difference
//! is averaged between the larger of the lowest and the smaller of the highest dB.

/// A point of a curve: dB, and the logarithm of bytes.
type Point = (f64, f64);

/// Bytes of `other` against `base` in percent: −20 means a fifth fewer. `None` with fewer than two points each, or
/// where the curves share no range. Points are (bytes, dB).
pub(crate) fn bd_rate(base: &[(f64, f64)], other: &[(f64, f64)]) -> Option<f64> {
    let (base, other) = (curve(base)?, curve(other)?);
    let low = base.first()?.0.max(other.first()?.0);
    let high = base.last()?.0.min(other.last()?.0);
    // Less than this in common says nothing.
    if high - low < 0.25 {
        return None;
    }
    let mean = (integral(&other, low, high) - integral(&base, low, high)) / (high - low);
    Some((mean.exp() - 1.0) * 100.0)
}

/// Sorted by dB, without points that are worse and larger.
fn curve(points: &[(f64, f64)]) -> Option<Vec<Point>> {
    let mut points: Vec<Point> =
        points.iter().filter(|(bytes, _)| *bytes > 0.0).map(|(bytes, db)| (*db, bytes.ln())).collect();
    points.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut kept: Vec<Point> = Vec::new();
    for point in points {
        if kept.last().is_none_or(|last| point.1 < last.1 && last.0 - point.0 > 1e-6) {
            kept.push(point);
        }
    }
    kept.reverse();
    (kept.len() >= 2).then_some(kept)
}

fn integral(points: &[Point], low: f64, high: f64) -> f64 {
    let slopes = slopes(points);
    let mut sum = 0.0;
    for (i, pair) in points.windows(2).enumerate() {
        let [(x0, y0), (x1, y1)] = [pair[0], pair[1]];
        let (from, to) = (low.max(x0), high.min(x1));
        if from >= to {
            continue;
        }
        let h = x1 - x0;
        let at = |x: f64| {
            let t = (x - x0) / h;
            let (t2, t3) = (t * t, t * t * t);
            (2.0 * t3 - 3.0 * t2 + 1.0) * y0
                + (t3 - 2.0 * t2 + t) * h * slopes[i]
                + (3.0 * t2 - 2.0 * t3) * y1
                + (t3 - t2) * h * slopes[i + 1]
        };
        // Simpson's rule is exact for cubics.
        sum += (to - from) / 6.0 * (at(from) + 4.0 * at((from + to) / 2.0) + at(to));
    }
    sum
}

fn slopes(points: &[Point]) -> Vec<f64> {
    let steep: Vec<(f64, f64)> =
        points.windows(2).map(|p| (p[1].0 - p[0].0, (p[1].1 - p[0].1) / (p[1].0 - p[0].0))).collect();
    let last = points.len() - 1;
    (0..=last)
        .map(|i| {
            if i == 0 {
                return steep[0].1;
            }
            if i == last {
                return steep[last - 1].1;
            }
            let ((h0, d0), (h1, d1)) = (steep[i - 1], steep[i]);
            if d0 * d1 <= 0.0 {
                return 0.0;
            }
            let (w0, w1) = (2.0 * h1 + h0, h1 + 2.0 * h0);
            (w0 + w1) / (w0 / d0 + w1 / d1)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: [(f64, f64); 4] = [(100.0, 30.0), (200.0, 34.0), (400.0, 37.5), (900.0, 41.0)];

    #[test]
    fn a_constant_factor_is_found_exactly() {
        let double = BASE.map(|(bytes, db)| (bytes * 2.0, db));
        assert!((bd_rate(&BASE, &double).unwrap() - 100.0).abs() < 1e-9);
        assert!((bd_rate(&double, &BASE).unwrap() + 50.0).abs() < 1e-9);
        assert!(bd_rate(&BASE, &BASE).unwrap().abs() < 1e-9);
    }

    #[test]
    fn a_straight_line_needs_no_curve() {
        // ln(bytes) is linear in dB for both: the answer is the gap of two lines.
        let line = |offset: f64| [30.0, 35.0, 42.0].map(|db: f64| ((0.1 * db + offset).exp(), db));
        let expected = (0.3_f64.exp() - 1.0) * 100.0;
        assert!((bd_rate(&line(1.0), &line(1.3)).unwrap() - expected).abs() < 1e-9);
    }

    #[test]
    fn curves_without_a_common_range_are_not_compared() {
        let far = BASE.map(|(bytes, db)| (bytes, db + 20.0));
        assert_eq!(bd_rate(&BASE, &far), None);
        assert_eq!(bd_rate(&BASE, &BASE[..1]), None);
        assert_eq!(bd_rate(&[], &BASE), None);
    }
}
