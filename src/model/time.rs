//! Points in time as the machine is told them.

/// Nanoseconds since the Unix epoch. Sample timestamps are its milliseconds, truncated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Time(pub i64);

impl Time {
    /// From milliseconds since the Unix epoch.
    pub fn from_millis(ms: i64) -> Self {
        Self(ms.saturating_mul(1_000_000))
    }

    /// From seconds since the Unix epoch, rounded to the nanosecond.
    pub fn from_secs_f64(s: f64) -> Self {
        Self((s * 1e9).round() as i64)
    }

    /// Milliseconds since the Unix epoch, rounded down, as samples carry them.
    pub fn millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Seconds since the Unix epoch.
    pub fn secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// This time and `ns` nanoseconds more.
    pub fn plus_nanos(self, ns: i64) -> Self {
        Self(self.0.saturating_add(ns))
    }

    /// This time and `ms` milliseconds more.
    pub fn plus_millis(self, ms: i64) -> Self {
        self.plus_nanos(ms.saturating_mul(1_000_000))
    }

    /// Nanoseconds from `earlier` to this time.
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}
