//! A VM's processors under a load: CPU seconds by mode as the kernel counts them, and its load averages.

use crate::model::Time;

/// The modes of `node_cpu_seconds_total`, as Node Exporter orders them.
pub const MODES: [&str; 8] = ["idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user"];
/// How an unstressed core spends its time, beside [`MODES`]: 3 % busy.
const RESTING: [f64; 8] = [0.970, 0.003, 0.0, 0.0, 0.002, 0.0, 0.010, 0.015];
/// How a stressed core does.
const STRESSED: [f64; 8] = [0.0, 0.0, 0.0, 0.0, 0.001, 0.0, 0.014, 0.985];
/// Tasks that run or want to while nothing is done, on average, whatever the number of cores.
const RESTING_RUNNABLE: f64 = 0.05;
/// The kernel samples the number of runnable tasks every 5 s.
const LOAD_STEP_S: f64 = 5.0;
const LOAD_MINUTES: [f64; 3] = [1.0, 5.0, 15.0];

/// Workers that keep cores busy for a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stress {
    /// When they begin, in seconds from the load's origin.
    pub from: f64,
    /// When they end.
    pub to: f64,
    /// How many; each fills one core.
    pub workers: u32,
}

/// A VM's processors from its boot on.
#[derive(Clone, Debug)]
pub struct Load {
    origin: Time,
    cores: u32,
    uptime: f64,
    stresses: Vec<Stress>,
    /// Load averages after each kernel step from the origin on; it rested long before.
    averages: Vec<[f64; 3]>,
}

impl Load {
    /// A VM with `cores` cores that has been up for `uptime` seconds at `origin`; stresses in order, not overlapping.
    pub fn new(origin: Time, cores: u32, uptime: f64, stresses: Vec<Stress>) -> Self {
        let mut load = Self { origin, cores: cores.max(1), uptime, stresses, averages: Vec::new() };
        let last = load.stresses.last().map_or(0.0, |s| s.to);
        // An hour after the last stress every average has long fallen back.
        let steps = ((last + 3600.0) / LOAD_STEP_S).ceil() as usize;
        let decay = LOAD_MINUTES.map(|m| (-LOAD_STEP_S / (60.0 * m)).exp());
        let mut averages = [load.runnable(-1.0); 3];
        for step in 0..steps {
            let runnable = load.runnable(step as f64 * LOAD_STEP_S);
            for (average, decay) in averages.iter_mut().zip(decay) {
                *average = *average * decay + runnable * (1.0 - decay);
            }
            load.averages.push(averages);
        }
        load
    }

    /// How many cores.
    pub fn cores(&self) -> u32 {
        self.cores
    }

    /// Seconds since the boot.
    pub fn uptime(&self, at: Time) -> f64 {
        (self.uptime + self.seconds(at)).max(0.0)
    }

    /// When it booted, in Unix seconds.
    pub fn boot_time(&self) -> f64 {
        self.origin.secs_f64() - self.uptime
    }

    fn seconds(&self, at: Time) -> f64 {
        at.since(self.origin) as f64 / 1e9
    }

    /// Workers at a moment.
    pub fn workers(&self, at: Time) -> u32 {
        self.workers_at(self.seconds(at))
    }

    fn workers_at(&self, s: f64) -> u32 {
        self.stresses.iter().filter(|x| x.from <= s && s < x.to).map(|x| x.workers).sum()
    }

    /// Tasks that run or want to, on average.
    fn runnable(&self, s: f64) -> f64 {
        f64::from(self.workers_at(s)) + RESTING_RUNNABLE
    }

    /// Seconds that a core has spent in a mode (an index into [`MODES`]) since the boot, in whole ticks of 0.01 s.
    pub fn cpu_seconds(&self, core: u32, mode: usize, at: Time) -> f64 {
        let now = self.seconds(at);
        let busy: f64 =
            self.stresses.iter().filter(|s| core < s.workers).map(|s| (now.min(s.to) - s.from).max(0.0)).sum();
        let seconds = (self.uptime + now - busy) * RESTING[mode] + busy * STRESSED[mode];
        // The small addend keeps 0.29 s from becoming 28 ticks.
        (seconds * 100.0 + 1e-6).floor().max(0.0) / 100.0
    }

    /// The share of its time that all cores together are not idle at a moment, from 0 to 1.
    pub fn busy_share(&self, at: Time) -> f64 {
        let full = f64::from(self.workers(at).min(self.cores)) / f64::from(self.cores);
        full + (1.0 - full) * (1.0 - RESTING[0])
    }

    /// The load averages over 1, 5 and 15 minutes, to two decimals as `/proc/loadavg` prints them.
    pub fn averages(&self, at: Time) -> [f64; 3] {
        let step = (self.seconds(at) / LOAD_STEP_S).floor();
        let raw = if step < 0.0 {
            [self.runnable(-1.0); 3]
        } else {
            let step = (step as usize).min(self.averages.len().saturating_sub(1));
            self.averages.get(step).copied().unwrap_or([self.runnable(-1.0); 3])
        };
        raw.map(|v| (v * 100.0).round() / 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: f64) -> Time {
        Time::from_secs_f64(1e9 + s)
    }

    fn load(workers: u32) -> Load {
        Load::new(at(0.0), 2, 1000.0, vec![Stress { from: 0.0, to: 120.0, workers }])
    }

    #[test]
    fn a_resting_core_is_three_per_cent_busy_and_a_stressed_one_never_idle() {
        let load = load(1);
        let idle = |core, s| load.cpu_seconds(core, 0, at(s));
        assert_eq!(idle(0, 0.0), 970.0);
        assert_eq!(idle(0, 120.0), 970.0);
        assert_eq!(idle(0, 220.0), 1067.0);
        assert_eq!(idle(1, 100.0), 1067.0);
    }

    #[test]
    fn the_modes_of_a_core_add_up_to_its_uptime() {
        let load = load(2);
        let sum: f64 = (0..MODES.len()).map(|m| load.cpu_seconds(0, m, at(60.0))).sum();
        assert!((sum - 1060.0).abs() < 0.1, "{sum}");
    }

    #[test]
    fn load_averages_approach_the_number_of_workers_exponentially() {
        let load = load(2);
        assert_eq!(load.averages(at(-5.0)), [0.05; 3]);
        let one = load.averages(at(58.0))[0];
        assert!((one - (0.05 + 2.0 * (1.0 - (-1.0_f64).exp()))).abs() < 0.02, "{one}");
        assert!(load.averages(at(600.0))[0] < 0.08);
    }
}
