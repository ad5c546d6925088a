//! The real clock, for checks of a running stack.

use std::time::{Duration, Instant, SystemTime};

/// A moment of the machine's steady clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Instant);

impl Moment {
    /// Now.
    pub fn now() -> Self {
        Self(Instant::now())
    }

    /// Seconds that have passed since.
    pub fn elapsed(self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }

    /// Seconds from an earlier moment to this one; 0 if it is not earlier.
    pub fn since(self, earlier: Self) -> f64 {
        self.0.saturating_duration_since(earlier.0).as_secs_f64()
    }
}

/// Seconds of Unix time.
pub fn unix_now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// Waits.
pub fn sleep(seconds: f64) {
    if seconds > 0.0 && seconds.is_finite() {
        std::thread::sleep(Duration::from_secs_f64(seconds.min(3600.0)));
    }
}
