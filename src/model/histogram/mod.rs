//! Native histograms: exponential buckets, or custom bounds, with float counts.

mod float_histogram;

pub use float_histogram::{CUSTOM_BUCKETS_SCHEMA, CounterResetHint, FloatHistogram};
