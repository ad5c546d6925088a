//! Retry delays, and the seeded randomness behind them.
//!
//! Facts: upstream's exponential backoff: 0.5 s, times 1.5 each, half as much more or less, at most 60 s.

use std::sync::Arc;

use super::config::IntegrationKind;

/// Whether an answer is tried again within the same flush: server errors, and 429 by a few integrations only. Discord
/// and plain webhooks give a 429 up in every release up to 0.34.
pub fn is_tried_again(kind: IntegrationKind, status: u16) -> bool {
    use IntegrationKind::{Incidentio, Jira, Opsgenie, Pagerduty};
    status / 100 == 5 || (status == 429 && matches!(kind, Opsgenie | Pagerduty | Jira | Incidentio))
}

/// A small generator (splitmix64): the same seed gives the same run.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Starts from a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A version 4 UUID.
    pub fn uuid(&mut self) -> Arc<str> {
        let (a, b) = (self.next(), self.next());
        let text = format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            a >> 32,
            (a >> 16) & 0xffff,
            a & 0xfff,
            0x8000 | (b >> 48) & 0x3fff,
            b & 0xffff_ffff_ffff
        );
        text.into()
    }
}

/// The delays of one flush's retries.
#[derive(Clone, Debug)]
pub struct Backoff {
    interval_ns: i64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { interval_ns: 500_000_000 }
    }
}

impl Backoff {
    /// The next delay, in nanoseconds from the start of the try before it.
    pub fn next(&mut self, random: &mut Random) -> i64 {
        const MAX_NS: i64 = 60_000_000_000;
        let half = self.interval_ns / 2;
        let delay = half + (random.next() % (2 * half as u64 + 1)) as i64;
        self.interval_ns = (self.interval_ns / 2 * 3).min(MAX_NS);
        delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_by_half_and_stay_within_half_of_their_mean() {
        let mut random = Random::new(7);
        let mut backoff = Backoff::default();
        let mut mean = 500_000_000.0_f64;
        for _ in 0..20 {
            let delay = backoff.next(&mut random) as f64;
            assert!((0.49 * mean..=1.51 * mean).contains(&delay), "{delay} around {mean}");
            mean = (mean * 1.5).min(60e9);
        }
    }

    #[test]
    fn ids_are_uuids_of_version_4_and_differ() {
        let mut random = Random::new(1);
        let (a, b) = (random.uuid(), random.uuid());
        assert_ne!(a, b);
        assert_eq!((a.len(), &a[14..15]), (36, "4"));
        assert!("89ab".contains(&a[19..20]), "{a}");
    }
}
