//! Native histograms: exponential buckets, or custom bounds, with float counts.

mod arithmetic;
mod buckets;
mod float_histogram;
mod kahan;
mod reset;

pub use arithmetic::{Combined, IncompatibleSchemas};
pub use buckets::Bucket;
pub use float_histogram::{CUSTOM_BUCKETS_SCHEMA, CounterResetHint, FloatHistogram};
pub use kahan::HistogramSum;
