//! Loading a script's series into a store.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::golang::float::parse_float;
use crate::model::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram, Labels, METRIC_NAME};
use crate::promql::{SequenceValue, SeriesDescription};
use crate::tsdb::Tsdb;

/// Appends the series, sample i at i steps from the epoch. What the store does not take is left out.
pub fn load(db: &mut Tsdb, step: i64, series: &[SeriesDescription], with_nhcb: bool) {
    // A series described twice has the later description, as upstream's runner has it.
    let last: BTreeMap<&Labels, &SeriesDescription> = series.iter().map(|s| (&s.labels, s)).collect();
    for description in series.iter().filter(|s| std::ptr::eq(last[&s.labels], *s)) {
        let r = db.series_ref(&description.labels);
        for (i, value) in description.values.iter().enumerate() {
            let t = step * i as i64;
            let _ = match value {
                SequenceValue::Omitted => continue,
                SequenceValue::Float(v) => db.append(r, t, *v),
                SequenceValue::Histogram { histogram, .. } => db.append_histogram(r, t, histogram.clone()),
            };
        }
    }
    if with_nhcb {
        for (labels, samples) in native_histograms(series, step) {
            let r = db.series_ref(&labels);
            for (t, parts) in samples {
                if let Some(h) = parts.build() {
                    let _ = db.append_histogram(r, t, Arc::new(h));
                }
            }
        }
    }
}

/// The parts of a classic histogram at one time.
#[derive(Default)]
struct Parts {
    buckets: Vec<(f64, f64)>,
    sum: f64,
    count: Option<f64>,
}

impl Parts {
    /// As a native histogram with custom buckets; `None` when counts fall.
    fn build(mut self) -> Option<FloatHistogram> {
        self.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total = self.buckets.last().filter(|b| b.0 == f64::INFINITY).map(|b| b.1);
        let count = self.count.or(total).or_else(|| self.buckets.last().map(|b| b.1))?;
        let bounds: Vec<f64> = self.buckets.iter().map(|b| b.0).filter(|b| b.is_finite()).collect();
        let mut before = 0.0;
        let mut positive = Vec::new();
        for (i, (_, cumulated)) in self.buckets.iter().filter(|b| b.0.is_finite()).enumerate() {
            positive.push((i as i32, cumulated - before));
            before = *cumulated;
        }
        positive.push((bounds.len() as i32, count - before));
        if positive.iter().any(|(_, c)| *c < 0.0) {
            return None;
        }
        let mut h = FloatHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            count,
            sum: self.sum,
            positive,
            custom_values: bounds.into(),
            ..FloatHistogram::default()
        };
        h.compact();
        Some(h)
    }
}

fn native_histograms(series: &[SeriesDescription], step: i64) -> BTreeMap<Labels, BTreeMap<i64, Parts>> {
    let mut histograms: BTreeMap<Labels, BTreeMap<i64, Parts>> = BTreeMap::new();
    for description in series {
        let name = description.labels.metric_name();
        let Some((base, suffix)) = name.rsplit_once('_') else { continue };
        let bound = description.labels.get("le").and_then(|le| parse_float(le).ok());
        let is_part = match suffix {
            "bucket" => bound.is_some(),
            "sum" | "count" => true,
            _ => false,
        };
        if !is_part {
            continue;
        }
        let labels = description.labels.builder().remove("le").set(METRIC_NAME, base).build();
        for (i, value) in description.values.iter().enumerate() {
            let SequenceValue::Float(v) = value else { continue };
            let parts = histograms.entry(labels.clone()).or_default().entry(step * i as i64).or_default();
            match (suffix, bound) {
                ("bucket", Some(bound)) => parts.buckets.push((bound, *v)),
                ("sum", _) => parts.sum = *v,
                _ => parts.count = Some(*v),
            }
        }
    }
    histograms
}
