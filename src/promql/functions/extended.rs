//! `anchored` and `smoothed` ranges (experimental, dialect 3).

use super::window::Window;

/// The two samples' value at a time between them; a counter that was reset began again at zero.
fn interpolate(w: &Window<'_>, left: usize, right: usize, t: i64, counter: bool) -> f64 {
    let (mut y1, y2) = (w.values[left], w.values[right]);
    let (t1, t2) = (w.times[left], w.times[right]);
    if counter && y2 < y1 {
        y1 = 0.0;
    }
    y1 + (y2 - y1) * (t - t1) as f64 / (t2 - t1) as f64
}

/// The window's edges: indices of the first and last sample that matter, and the values at the range's edges.
struct Edges {
    first: usize,
    last: usize,
    left: f64,
    right: f64,
}

fn edges(w: &Window<'_>, smoothed: bool, counter: bool) -> Option<Edges> {
    let mut last = w.times.len().checked_sub(1)?;
    let first = w.times[..last].partition_point(|t| *t <= w.start).saturating_sub(1);
    if smoothed {
        last = w.times[..last].partition_point(|t| *t < w.end);
    }
    if w.times[last] <= w.start {
        return None;
    }
    let left = if smoothed && w.times[first] < w.start && first + 1 < w.times.len() {
        interpolate(w, first, first + 1, w.start, counter)
    } else {
        w.values[first]
    };
    let right = if smoothed && last > 0 && w.times[last] > w.end {
        interpolate(w, last - 1, last, w.end, counter)
    } else {
        w.values[last]
    };
    Some(Edges { first, last, left, right })
}

/// `rate`, `increase` and `delta` over an anchored or smoothed range: no extrapolation.
pub(crate) fn rate(w: &Window<'_>, smoothed: bool, counter: bool, per_second: bool) -> Option<f64> {
    let e = edges(w, smoothed, counter)?;
    let mut result = e.right - e.left;
    if counter {
        let mut previous = e.left;
        let from = e.first + usize::from(w.times[e.first] <= w.start);
        let to = if w.times[e.last] >= w.end { e.last } else { e.last + 1 };
        for v in w.values.get(from..to).unwrap_or_default() {
            if *v < previous {
                result += previous;
            }
            previous = *v;
        }
        if e.right < previous {
            result += previous;
        }
    }
    Some(if per_second { result / w.range_seconds() } else { result })
}

/// The samples an anchored `changes` or `resets` looks at: from the last one at or before the left edge.
pub(crate) fn anchored_from<'a>(w: &Window<'a>) -> Option<Window<'a>> {
    let last = w.times.len().checked_sub(1)?;
    if w.times[last] <= w.start {
        return None;
    }
    let first = w.times[..last].partition_point(|t| *t <= w.start).saturating_sub(1);
    Some(Window { times: &w.times[first..], values: &w.values[first..], ..*w })
}

/// The samples of a bare `x[5m] anchored` or `smoothed`: those inside, and one on each edge.
pub(crate) fn samples(w: &Window<'_>, smoothed: bool) -> Vec<(i64, f64)> {
    let Some(e) = edges(w, smoothed, false) else { return Vec::new() };
    let mut out = vec![(w.start, e.left)];
    let from = e.first + usize::from(w.times[e.first] <= w.start);
    let to = if w.times[e.last] >= w.end { e.last } else { e.last + 1 };
    for i in from..to.max(from) {
        out.push((w.times[i], w.values[i]));
    }
    out.push((w.end, e.right));
    out
}
