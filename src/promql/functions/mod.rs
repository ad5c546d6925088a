//! The functions of the language, one file per family.
//!
//! Facts: the upstream scripts, recorded answers of real servers, and the reference notes on arithmetic.

pub(crate) mod buckets;
pub(crate) mod date;
pub(crate) mod extended;
pub(crate) mod histogram_rules;
pub(crate) mod kahan;
pub(crate) mod labels;
pub(crate) mod math;
pub(crate) mod native;
pub(crate) mod over_time;
pub(crate) mod over_time_histogram;
pub(crate) mod quantile;
pub(crate) mod rate;
pub(crate) mod rate_histogram;
pub(crate) mod regression;
pub(crate) mod window;
