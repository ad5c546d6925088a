//! One series: its labels and its samples in columns.

use std::sync::Arc;

use crate::model::{CounterResetHint, FloatHistogram, Labels, is_stale_nan};

/// What a sample holds.
#[derive(Clone, Debug, PartialEq)]
pub enum SampleValue {
    /// A number.
    Float(f64),
    /// A native histogram.
    Histogram(Arc<FloatHistogram>),
}

/// One series: labels and samples, oldest first, timestamps strictly rising.
#[derive(Clone, Debug)]
pub struct Series {
    labels: Labels,
    timestamps: Vec<i64>,
    values: Vec<f64>,
    /// Empty while the series holds only numbers, otherwise as long as the other columns.
    histograms: Vec<Option<Arc<FloatHistogram>>>,
    stale_markers: usize,
    /// Survives the dropping of old samples, as the order of appends does.
    newest: Option<i64>,
}

impl Series {
    pub(super) fn new(labels: Labels) -> Self {
        Self {
            labels,
            timestamps: Vec::new(),
            values: Vec::new(),
            histograms: Vec::new(),
            stale_markers: 0,
            newest: None,
        }
    }

    /// The labels, the metric's name included.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Unix times in milliseconds, rising.
    pub fn timestamps(&self) -> &[i64] {
        &self.timestamps
    }

    /// The numbers beside [`Self::timestamps`]; for a histogram its sum, for a gap in it the staleness marker.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The native histograms beside [`Self::timestamps`], or nothing when the series has none.
    pub fn histograms(&self) -> &[Option<Arc<FloatHistogram>>] {
        &self.histograms
    }

    /// Whether any sample is a staleness marker.
    pub fn has_stale_markers(&self) -> bool {
        self.stale_markers > 0
    }

    /// Whether any sample is a native histogram.
    pub fn has_histograms(&self) -> bool {
        !self.histograms.is_empty()
    }

    /// How many samples are held.
    pub fn len(&self) -> usize {
        self.timestamps.len()
    }

    /// Whether no sample is held.
    pub fn is_empty(&self) -> bool {
        self.timestamps.is_empty()
    }

    /// The time of the newest accepted sample, also when it has been dropped since.
    pub fn newest(&self) -> Option<i64> {
        self.newest
    }

    /// The sample at an index below [`Self::len`].
    pub fn sample(&self, index: usize) -> Option<(i64, SampleValue)> {
        let t = *self.timestamps.get(index)?;
        let value = match self.histograms.get(index) {
            Some(Some(h)) => SampleValue::Histogram(h.clone()),
            _ => SampleValue::Float(self.values[index]),
        };
        Some((t, value))
    }

    /// How many samples have a timestamp of at most `t`; `hint` is the answer of an earlier, similar call.
    pub fn upper_bound(&self, t: i64, hint: usize) -> usize {
        upper_bound(&self.timestamps, t, hint)
    }

    pub(super) fn last_is(&self, t: i64, value: &SampleValue) -> bool {
        let Some((last, held)) = self.timestamps.len().checked_sub(1).and_then(|i| self.sample(i)) else {
            return false;
        };
        last == t
            && match (&held, value) {
                (SampleValue::Float(a), SampleValue::Float(b)) => a.to_bits() == b.to_bits(),
                (SampleValue::Histogram(a), SampleValue::Histogram(b)) => a == b,
                _ => false,
            }
    }

    pub(super) fn reserve(&mut self, samples: usize) {
        self.timestamps.reserve(samples);
        self.values.reserve(samples);
    }

    /// Takes a number that is newer than every sample, where none is a histogram; otherwise says no.
    #[inline]
    pub(super) fn push_number(&mut self, t: i64, value: f64) -> bool {
        if self.newest.is_some_and(|newest| t <= newest) || !self.histograms.is_empty() {
            return false;
        }
        self.newest = Some(t);
        self.stale_markers += usize::from(is_stale_nan(value));
        self.timestamps.push(t);
        self.values.push(value);
        true
    }

    pub(super) fn push(&mut self, t: i64, value: SampleValue) {
        self.newest = Some(t);
        self.timestamps.push(t);
        match value {
            SampleValue::Float(v) => {
                if is_stale_nan(v) {
                    self.stale_markers += 1;
                }
                self.values.push(v);
                if !self.histograms.is_empty() {
                    self.histograms.push(None);
                }
            }
            SampleValue::Histogram(h) => {
                if is_stale_nan(h.sum) {
                    self.stale_markers += 1;
                    self.values.push(h.sum);
                    if !self.histograms.is_empty() {
                        self.histograms.push(None);
                    }
                    return;
                }
                let hint = stored_hint(&h, self.histograms.last().and_then(Option::as_deref));
                let h = if h.hint == hint { h } else { Arc::new(FloatHistogram { hint, ..(*h).clone() }) };
                self.values.push(h.sum);
                if self.histograms.is_empty() {
                    self.histograms.resize(self.timestamps.len() - 1, None);
                }
                self.histograms.push(Some(h));
            }
        }
    }

    pub(super) fn drop_before(&mut self, t: i64) {
        let n = self.timestamps.partition_point(|x| *x < t);
        if n == 0 {
            return;
        }
        self.stale_markers -= self.values[..n].iter().filter(|v| is_stale_nan(**v)).count();
        self.timestamps.drain(..n);
        self.values.drain(..n);
        if !self.histograms.is_empty() {
            self.histograms.drain(..n);
            if self.histograms.iter().all(Option::is_none) {
                self.histograms.clear();
            }
        }
    }
}

/// The reset hint that a stored histogram is read back with. The head compares it with the sample before, where that is
/// a histogram of the same layout; after a reset it begins a chunk, and what begins a chunk reads as unknown.
fn stored_hint(h: &FloatHistogram, previous: Option<&FloatHistogram>) -> CounterResetHint {
    if matches!(h.hint, CounterResetHint::Gauge | CounterResetHint::CounterReset) {
        return h.hint;
    }
    let Some(previous) = previous.filter(|p| p.hint != CounterResetHint::Gauge) else {
        return CounterResetHint::Unknown;
    };
    let same_bounds = h.schema == previous.schema && h.custom_values == previous.custom_values;
    if !same_bounds || h.zero_threshold != previous.zero_threshold {
        return CounterResetHint::Unknown;
    }
    let unhinted = FloatHistogram { hint: CounterResetHint::Unknown, ..h.clone() };
    if unhinted.detect_reset(previous) { CounterResetHint::Unknown } else { CounterResetHint::NotCounterReset }
}

/// How many of the sorted `times` are at most `t`, searched outwards from `hint`: mostly as many, or one more.
#[inline]
pub(crate) fn upper_bound(times: &[i64], t: i64, hint: usize) -> usize {
    let starts = hint == 0 || times.get(hint - 1).is_some_and(|x| *x <= t);
    match times.get(hint..) {
        Some([next, ..]) if starts && *next > t => hint,
        Some([_, then, ..]) if starts && *then > t => hint + 1,
        Some([]) if starts => hint,
        Some([_]) if starts => hint + 1,
        _ => far_upper_bound(times, t, hint.min(times.len())),
    }
}

fn far_upper_bound(times: &[i64], t: i64, hint: usize) -> usize {
    if hint < times.len() && times[hint] <= t {
        // In growing strides.
        let mut step = 1;
        let mut low = hint;
        while low + step < times.len() && times[low + step] <= t {
            low += step;
            step *= 2;
        }
        let high = (low + step).min(times.len());
        low + times[low..high].partition_point(|x| *x <= t)
    } else {
        times[..hint].partition_point(|x| *x <= t)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upper_bound_is_right_whatever_the_hint() {
        let times = [10, 20, 30, 40, 50, 60, 70];
        for hint in 0..10 {
            for t in 0..80 {
                assert_eq!(
                    upper_bound(&times, t, hint),
                    times.iter().filter(|x| **x <= t).count(),
                    "t {t} hint {hint}"
                );
            }
        }
    }
}
