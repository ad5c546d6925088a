//! Labels, matchers, samples, fingerprints and time: the data every room speaks.

mod dialect;
mod histogram;
mod label_hash;
mod labels;
mod matcher;
mod time;

pub use dialect::Dialect;
pub use histogram::{
    Bucket, CUSTOM_BUCKETS_SCHEMA, Combined, CounterResetHint, FloatHistogram, HistogramSum, IncompatibleSchemas,
};
pub use label_hash::{HashLayout, label_hash};
pub use labels::{Label, Labels, LabelsBuilder};
pub use matcher::{MatchOp, Matcher};
pub use time::Time;

/// The label that holds a metric's name.
pub const METRIC_NAME: &str = "__name__";

/// The bit pattern of the NaN that marks a series as stale.
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;

/// The NaN that marks a series as stale.
pub fn stale_nan() -> f64 {
    f64::from_bits(STALE_NAN_BITS)
}

/// Whether a value is the staleness marker.
pub fn is_stale_nan(v: f64) -> bool {
    v.to_bits() == STALE_NAN_BITS
}
