//! What is done to the world, when: idle, stress, rest, stress, rest.

use super::load::{Load, Stress};
use crate::model::Time;

/// When virtual time's zero is: Wednesday 14 January 2026, 10:10 UTC, a moment at which a lab could take place.
pub const ZERO: Time = Time(1_768_385_400_000_000_000);

/// Stress and rest in order; times in seconds from the first stress.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// How many cores the VM has.
    pub cores: u32,
    /// Seconds of idle before zero.
    pub idle_before: f64,
    /// The stresses, in order.
    pub stresses: Vec<Stress>,
    /// When everything ends at the latest.
    pub end: f64,
}

/// How many cores the lab's VM has.
pub const CORES: u32 = 2;

impl Scenario {
    /// The lab's stress test: short stress, rest, long stress (all in seconds), then ten minutes and a bit.
    pub fn cpu_stress(short: f64, rest: f64, long: f64) -> Self {
        let workers = CORES;
        let from = short + rest;
        let stresses = vec![Stress { from: 0.0, to: short, workers }, Stress { from, to: from + long, workers }];
        Self { name: "cpu-stress", cores: CORES, idle_before: 600.0, stresses, end: from + long + 660.0 }
    }

    /// One stress of `seconds`, from zero on.
    pub fn single_stress(seconds: f64) -> Self {
        let stresses = vec![Stress { from: 0.0, to: seconds, workers: CORES }];
        Self { name: "single-stress", cores: CORES, idle_before: 600.0, stresses, end: seconds + 660.0 }
    }

    /// The same time without any stress.
    pub fn control(&self) -> Self {
        Self { name: "control", stresses: Vec::new(), ..self.clone() }
    }

    /// When the programs start.
    pub fn start(&self) -> Time {
        self.time(-self.idle_before)
    }

    /// A moment of the scenario.
    pub fn time(&self, seconds: f64) -> Time {
        ZERO.plus_nanos((seconds * 1e9).round() as i64)
    }

    /// Seconds from zero to a moment.
    pub fn seconds(&self, at: Time) -> f64 {
        at.since(ZERO) as f64 / 1e9
    }

    /// The VM's processors under this scenario; it booted fifty minutes before the programs start.
    pub fn load(&self) -> Load {
        Load::new(ZERO, self.cores, self.idle_before + 3000.0, self.stresses.clone())
    }
}
