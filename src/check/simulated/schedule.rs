//! A lab's scenario with times: when each phase begins and ends, in seconds from t = 0.

use crate::golang::duration::parse_prometheus_duration;
use crate::lab;
use crate::simulate::{Scenario, Stress};

/// Cores of the modelled machine.
const CORES: u32 = 2;

/// A phase of a scenario.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Stretch {
    /// Its name.
    pub name: String,
    /// When it begins.
    pub from: f64,
    /// When it ends.
    pub to: f64,
    /// Whether the machine is under load.
    pub load: bool,
}

/// A scenario laid out in time.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Its phases.
    pub stretches: Vec<Stretch>,
    /// What the engine plays.
    pub scenario: Scenario,
}

impl Schedule {
    /// Lays a lab's scenario out; `replace` gives one phase another length.
    ///
    /// # Errors
    /// A duration or a number of cores is none.
    pub fn new(scenario: &lab::Scenario, replace: Option<(&str, &str)>) -> Result<Self, String> {
        let mut stretches = Vec::new();
        let mut stresses = Vec::new();
        let mut at = 0.0;
        for phase in &scenario.timeline {
            let length = match replace {
                Some((name, length)) if name == phase.name => length,
                _ => &phase.duration,
            };
            let to = at + seconds(length)?;
            let workers = match phase.load.as_deref() {
                None => None,
                Some("all") => Some(CORES),
                Some(n) => Some(n.parse().map_err(|_| format!("load {n:?} is neither all nor a number of cores"))?),
            };
            if let Some(workers) = workers {
                stresses.push(Stress { from: at, to, workers });
            }
            stretches.push(Stretch { name: phase.name.clone(), from: at, to, load: workers.is_some() });
            at = to;
        }
        let idle_before = seconds(&scenario.idle)?;
        Ok(Self { stretches, scenario: Scenario { name: "lab", cores: CORES, idle_before, stresses, end: at } })
    }

    /// A scenario of these phases, with all cores of the modelled machine under load in those that are.
    pub fn of_stretches(stretches: Vec<Stretch>) -> Self {
        let loaded = stretches.iter().filter(|s| s.load);
        let stresses = loaded.map(|s| Stress { from: s.from, to: s.to, workers: CORES }).collect();
        let end = stretches.last().map_or(0.0, |s| s.to);
        let scenario = Scenario { name: "lab", cores: CORES, idle_before: 600.0, stresses, end };
        Self { stretches, scenario }
    }

    /// The same, with one phase ended at a moment; what follows comes so much earlier.
    pub fn cut(&self, phase: &str, at: f64) -> Self {
        let mut stretches = self.stretches.clone();
        let mut earlier = 0.0;
        for stretch in &mut stretches {
            stretch.from -= earlier;
            stretch.to -= earlier;
            if stretch.name == phase && (stretch.from..stretch.to).contains(&at) {
                earlier = stretch.to - at;
                stretch.to = at;
            }
        }
        Self::of_stretches(stretches)
    }

    /// A quarter of an hour without load, for labs that have no scenario.
    pub fn rest() -> Self {
        let scenario = Scenario { name: "rest", cores: CORES, idle_before: 600.0, stresses: Vec::new(), end: 300.0 };
        Self { stretches: Vec::new(), scenario }
    }

    /// The same time without load.
    pub fn control(&self) -> Self {
        Self { stretches: self.stretches.clone(), scenario: self.scenario.control() }
    }

    /// A moment as scripts write it: `long.end + 60s`.
    ///
    /// # Errors
    /// There is no such phase, or the duration is none.
    pub fn moment(&self, text: &str) -> Result<f64, String> {
        let (anchor, offset) = match text.find(['+', '-']) {
            Some(at) => {
                let sign = if text.as_bytes()[at] == b'-' { -1.0 } else { 1.0 };
                (text[..at].trim(), sign * seconds(text[at + 1..].trim())?)
            }
            None => (text.trim(), 0.0),
        };
        let unknown = || format!("{anchor:?} is no moment of the scenario, wanted PHASE.start or PHASE.end");
        let (name, edge) = anchor.split_once('.').ok_or_else(unknown)?;
        let stretch = self.stretches.iter().find(|s| s.name == name).ok_or_else(unknown)?;
        match edge {
            "start" => Ok(stretch.from + offset),
            "end" => Ok(stretch.to + offset),
            _ => Err(unknown()),
        }
    }

    /// When everything is over.
    pub fn end(&self) -> f64 {
        self.scenario.end
    }
}

/// A duration in seconds.
///
/// # Errors
/// The text is no duration.
pub fn seconds(text: &str) -> Result<f64, String> {
    parse_prometheus_duration(text).map(|nanos| nanos as f64 / 1e9).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::{Lab, LabFiles};

    #[test]
    fn moments_are_counted_from_the_first_load() {
        let lab = Lab::parse(&LabFiles::embedded("07-monitoring").expect("embedded"), &[]).expect("valid");
        let schedule = Schedule::new(&lab.scenarios["cpu-stress"], None).expect("valid");
        assert_eq!(schedule.moment("short.end"), Ok(120.0));
        assert_eq!(schedule.moment("long.end + 60s"), Ok(600.0));
        assert_eq!(schedule.moment("long.start-1m"), Ok(240.0));
        assert!(schedule.moment("longer.end").is_err());
        let cut = schedule.cut("long", 500.0);
        assert_eq!((cut.moment("long.end"), cut.moment("after.start"), cut.end()), (Ok(500.0), Ok(500.0), 1220.0));
        assert_eq!(cut.moment("short.end"), Ok(120.0));
        let five = Schedule::new(&lab.scenarios["cpu-stress"], Some(("long", "5m"))).expect("valid");
        assert_eq!(five.moment("long.end"), Ok(600.0));
    }
}
