//! What happens over time in a lab.

use serde::Deserialize;

use super::Key;
use crate::golang::duration::{format_prometheus_duration, parse_prometheus_duration};

/// Longest that a scenario may last, in nanoseconds: a day.
const LONGEST: i64 = 86_400_000_000_000;

/// What happens over time.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// For the author and `labkit explain`.
    pub about: String,
    /// Rest before t = 0, a duration.
    pub idle: String,
    /// The phases from t = 0.
    pub timeline: Vec<Phase>,
    /// A second way to play it, looked at for advice only.
    #[serde(default)]
    pub also: Option<Variation>,
}

/// A stretch of a scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// The name that checks use: `long.start`, `long.end`.
    pub name: String,
    /// `all` for load on all cores, or a number of cores; nothing for rest.
    #[serde(default)]
    pub load: Option<String>,
    /// How long, a duration.
    #[serde(rename = "for")]
    pub duration: String,
}

/// A scenario with one phase of another length.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variation {
    /// What it is called.
    pub name: String,
    /// The phase that changes.
    pub replace: String,
    /// Its other length, a duration.
    #[serde(rename = "for")]
    pub duration: String,
}

impl Scenario {
    /// The first thing that keeps it from being played: the way to it from the scenario, and what is wrong there.
    pub(super) fn fault(&self) -> Option<(Vec<Key>, String)> {
        let length = |text: &str| parse_prometheus_duration(text);
        if let Err(wrong) = length(&self.idle) {
            return Some((vec!["idle".into()], wrong));
        }
        let mut total = 0i64;
        for (i, phase) in self.timeline.iter().enumerate() {
            let at = |key: &str| vec!["timeline".into(), i.into(), key.into()];
            match length(&phase.duration) {
                Err(wrong) => return Some((at("for"), wrong)),
                Ok(nanoseconds) => total = total.saturating_add(nanoseconds),
            }
            let number = |n: &String| n != "all" && n.parse::<u32>().is_err();
            if let Some(n) = phase.load.as_ref().filter(|n| number(n)) {
                return Some((at("load"), format!("load {n:?} is neither all nor a number of cores")));
            }
            if self.timeline[..i].iter().any(|earlier| earlier.name == phase.name) {
                return Some((at("name"), format!("phase {:?} is there twice", phase.name)));
            }
        }
        if total > LONGEST {
            let [total, longest] = [total, LONGEST].map(format_prometheus_duration);
            return Some((vec!["timeline".into()], format!("the scenario lasts {total}, wanted at most {longest}")));
        }
        let also = self.also.as_ref()?;
        if let Err(wrong) = length(&also.duration) {
            return Some((vec!["also".into(), "for".into()], wrong));
        }
        if self.timeline.iter().any(|phase| phase.name == also.replace) {
            return None;
        }
        Some((vec!["also".into(), "replace".into()], format!("the scenario has no phase {:?}", also.replace)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(timeline: &str, also: &str) -> String {
        let text = format!("{{about: a, idle: 1m, timeline: [{timeline}]{also}}}");
        let scenario: Scenario = serde_yaml::from_str(&text).expect("the form of a scenario");
        scenario.fault().map_or_else(String::new, |(_, wrong)| wrong)
    }

    #[test]
    fn what_cannot_be_played_is_told() {
        assert_eq!(fault("{name: a, load: all, for: 4m}, {name: b, load: '1', for: 90s}", ""), "");
        assert_eq!(fault("{name: a, for: 4 m}", ""), "not a valid duration string: \"4 m\"");
        assert_eq!(fault("{name: a, load: most, for: 4m}", ""), "load \"most\" is neither all nor a number of cores");
        assert_eq!(fault("{name: a, for: 4m}, {name: a, for: 4m}", ""), "phase \"a\" is there twice");
        assert_eq!(fault("{name: a, for: 1d}, {name: b, for: 1d}", ""), "the scenario lasts 2d, wanted at most 1d");
        assert_eq!(
            fault("{name: a, for: 1d}", ", also: {name: c, replace: b, for: 1m}"),
            "the scenario has no phase \"b\""
        );
    }
}
