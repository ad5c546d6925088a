//! The mocked model: a result in [0, 1) that changes every 5 s.

use crate::model::Time;

/// Nanoseconds between two results.
pub const STEP_NS: i64 = 5_000_000_000;

/// A mocked model whose results follow from a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelMock {
    seed: u64,
}

/// The seed every simulation uses.
impl Default for ModelMock {
    fn default() -> Self {
        Self::new(7)
    }
}

impl ModelMock {
    /// A model with this seed.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The result at a moment; a quarter of them lies above 0.75.
    pub fn result(&self, at: Time) -> f64 {
        let step = at.0.div_euclid(STEP_NS) as u64;
        // SplitMix64: neighbouring steps give unrelated numbers.
        let mut z = (self.seed ^ step.wrapping_mul(0x9E37_79B9_7F4A_7C15)).wrapping_add(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        (z >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_change_every_five_seconds_and_cross_the_threshold_both_ways() {
        let model = ModelMock::new(7);
        let results: Vec<f64> = (0..200).map(|i| model.result(Time::from_millis(i * 5000))).collect();
        assert!(results.iter().all(|v| (0.0..1.0).contains(v)));
        assert_eq!(model.result(Time::from_millis(5000)), model.result(Time::from_millis(9999)));
        let crossings = |up: bool| results.windows(2).filter(|w| (w[0] <= 0.75) == up && (w[1] > 0.75) == up).count();
        assert!(crossings(true) > 10 && crossings(false) > 10);
    }
}
