//! Series in memory: samples in columns, postings from label to series, staleness markers, native histograms.
//!
//! A pure value: no files, no clock. The rules of appending are those of Prometheus' in-memory head.

mod postings;
mod series;
mod store;

pub(crate) use series::upper_bound;
pub use series::{SampleValue, Series};
pub use store::{AppendError, SeriesRef, Tsdb};
