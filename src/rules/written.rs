//! The series a rule wrote in its last evaluation: those it does not write again get a staleness marker.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::model::{FloatHistogram, stale_nan};
use crate::tsdb::{AppendError, SeriesRef, Tsdb};

/// The series of the last evaluation and those of the one that runs.
#[derive(Clone, Debug, Default)]
pub(super) struct WrittenSeries {
    last: Vec<SeriesRef>,
    now: Vec<SeriesRef>,
    refused: Option<AppendError>,
}

impl WrittenSeries {
    /// Appends a sample at `t` (ms); one that the store refuses is dropped, as upstream does.
    pub(super) fn append(&mut self, db: &mut Tsdb, series: SeriesRef, t: i64, value: f64) {
        self.note(series, db.append(series, t, value));
    }

    /// Appends a native histogram likewise.
    pub(super) fn append_histogram(&mut self, db: &mut Tsdb, series: SeriesRef, t: i64, value: Arc<FloatHistogram>) {
        self.note(series, db.append_histogram(series, t, value));
    }

    fn note(&mut self, series: SeriesRef, appended: Result<(), AppendError>) {
        match appended {
            Ok(()) => self.now.push(series),
            Err(e) => self.refused = Some(e),
        }
    }

    /// Why the store refused a sample since this was last asked: the rule counts as failing then, though it ran.
    pub(super) fn take_refused(&mut self) -> Option<AppendError> {
        self.refused.take()
    }

    /// Ends an evaluation at `t` (ms) that succeeded.
    pub(super) fn finish(&mut self, db: &mut Tsdb, t: i64) {
        if self.last != self.now {
            let now: FxHashSet<SeriesRef> = self.now.iter().copied().collect();
            for series in self.last.iter().filter(|s| !now.contains(s)) {
                let _ = db.append(*series, t, stale_nan());
            }
        }
        std::mem::swap(&mut self.last, &mut self.now);
        self.now.clear();
    }
}
