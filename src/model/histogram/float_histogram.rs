//! The histogram itself.

use std::sync::Arc;

/// The schema that says "custom bounds".
pub const CUSTOM_BUCKETS_SCHEMA: i32 = -53;

/// What is known of counter resets before a histogram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CounterResetHint {
    /// Nothing is known.
    #[default]
    Unknown,
    /// It follows a reset.
    CounterReset,
    /// It does not follow a reset.
    NotCounterReset,
    /// It is a gauge.
    Gauge,
}

/// A native histogram with float counts. Buckets are sparse: index and count, in order of index.
#[derive(Clone, Debug, PartialEq)]
pub struct FloatHistogram {
    /// What is known of counter resets.
    pub hint: CounterResetHint,
    /// Resolution: a bucket's upper bound is 2^(2^-schema) times the one before; or [`CUSTOM_BUCKETS_SCHEMA`].
    pub schema: i32,
    /// Width of the zero bucket.
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: f64,
    /// All observations.
    pub count: f64,
    /// Sum of all observations.
    pub sum: f64,
    /// Buckets of positive observations (custom bounds: all buckets).
    pub positive: Vec<(i32, f64)>,
    /// Buckets of negative observations, by absolute value.
    pub negative: Vec<(i32, f64)>,
    /// Custom upper bounds, without the last, +Inf.
    pub custom_values: Arc<[f64]>,
}
