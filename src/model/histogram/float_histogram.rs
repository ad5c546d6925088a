//! The histogram itself: fields, scaling, size, text.

use std::fmt;
use std::sync::Arc;

use crate::golang::float::{FloatFormat, format_float};

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

impl Default for FloatHistogram {
    fn default() -> Self {
        Self {
            hint: CounterResetHint::Unknown,
            schema: 0,
            zero_threshold: 0.0,
            zero_count: 0.0,
            count: 0.0,
            sum: 0.0,
            positive: Vec::new(),
            negative: Vec::new(),
            custom_values: Arc::new([]),
        }
    }
}

impl FloatHistogram {
    /// Whether its bounds are custom.
    pub fn uses_custom_buckets(&self) -> bool {
        self.schema == CUSTOM_BUCKETS_SCHEMA
    }

    /// Removes empty buckets.
    pub fn compact(&mut self) {
        self.positive.retain(|(_, c)| *c != 0.0);
        self.negative.retain(|(_, c)| *c != 0.0);
    }

    /// Applies a function to every count and to the sum.
    pub fn map(&mut self, f: impl Fn(f64) -> f64) {
        for v in [&mut self.zero_count, &mut self.count, &mut self.sum] {
            *v = f(*v);
        }
        for (_, c) in self.positive.iter_mut().chain(&mut self.negative) {
            *c = f(*c);
        }
    }

    /// Multiplies every count and the sum; a negative factor makes a gauge of it.
    pub fn multiply(&mut self, factor: f64) {
        self.map(|v| v * factor);
        if factor < 0.0 {
            self.hint = CounterResetHint::Gauge;
        }
    }

    /// Divides every count and the sum; a negative divisor makes a gauge of it, zero empties the buckets.
    pub fn divide(&mut self, divisor: f64) {
        self.map(|v| v / divisor);
        if divisor < 0.0 {
            self.hint = CounterResetHint::Gauge;
        }
        if divisor == 0.0 {
            self.positive.clear();
            self.negative.clear();
        }
    }

    /// Whether both hold the same observations in the same layout, empty buckets and hints aside.
    pub fn same_as(&self, other: &Self) -> bool {
        let full = |b: &(i32, f64)| b.1 != 0.0;
        let same_bits = |a: f64, b: f64| a.to_bits() == b.to_bits() || a == b;
        self.schema == other.schema
            && self.custom_values == other.custom_values
            && same_bits(self.zero_threshold, other.zero_threshold)
            && same_bits(self.zero_count, other.zero_count)
            && same_bits(self.count, other.count)
            && same_bits(self.sum, other.sum)
            && self.positive.iter().filter(|b| full(b)).eq(other.positive.iter().filter(|b| full(b)))
            && self.negative.iter().filter(|b| full(b)).eq(other.negative.iter().filter(|b| full(b)))
    }

    /// Whether a count or the sum has become infinite.
    pub fn has_overflow(&self) -> bool {
        self.zero_count.is_infinite()
            || self.count.is_infinite()
            || self.sum.is_infinite()
            || self.positive.iter().chain(&self.negative).any(|(_, c)| c.is_infinite())
    }

    /// How many float samples it counts for against a query's sample limit: 16 bytes each.
    pub fn sample_size(&self) -> usize {
        let runs = |buckets: &[(i32, f64)]| {
            usize::from(!buckets.is_empty()) + buckets.windows(2).filter(|w| w[1].0 != w[0].0 + 1).count()
        };
        let spans = runs(&self.positive) + runs(&self.negative);
        let numbers = self.positive.len() + self.negative.len() + self.custom_values.len();
        (168 + 8 * (spans + numbers) + 8) / 16
    }
}

/// `{count:3, sum:2.5, (0.5,1]:3}`, buckets from the lowest up, empty ones left out.
impl fmt::Display for FloatHistogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let g = |v: f64| format_float(v, FloatFormat::General, None);
        write!(f, "{{count:{}, sum:{}", g(self.count), g(self.sum))?;
        for b in self.buckets().into_iter().filter(|b| b.count != 0.0) {
            let open = if b.lower_inclusive { '[' } else { '(' };
            let close = if b.upper_inclusive { ']' } else { ')' };
            write!(f, ", {open}{},{}{close}:{}", g(b.lower), g(b.upper), g(b.count))?;
        }
        f.write_str("}")
    }
}
