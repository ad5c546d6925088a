//! What `check --vm` would do and when: the scenario, and from when on the loaded alerts can fire.

use std::fmt::Write as _;

use super::foresee;
use super::messages::clock_text;
use super::rules::of_set;
use super::stress::{BEFORE, RESOLVE_WITHIN};
use crate::check::probe::alertmanager::Alertmanager;
use crate::check::probe::http::{Base, Client};
use crate::check::probe::prometheus::{Prometheus, Rule};
use crate::check::probe::tape::Tape;
use crate::check::simulated::Simulated;
use crate::check::simulated::schedule::{Schedule, Stretch};
use crate::check::{Check, Messages, Step};
use crate::lab::Lab;
use crate::stack::FileTree;

/// The set of alerts whose message is wanted under load.
pub fn load_alerts(checks: &[Check]) -> Option<&str> {
    checks.iter().flat_map(|c| &c.steps).find_map(|step| match step {
        Step::Messages(Messages { never: false, from: Some(_), of, .. }) => Some(of.as_str()),
        _ => None,
    })
}

/// Where the plan looks for what is loaded.
pub struct Asked<'a> {
    /// Prometheus.
    pub prometheus: &'a Base,
    /// Alertmanager.
    pub alertmanager: &'a Base,
    /// The repository, whose files are taken where Prometheus does not answer.
    pub tree: Option<&'a FileTree>,
}

/// The plan, in lines for people. The programs are asked for what they have loaded, and the load is played with that;
/// nothing is done to the machine.
///
/// # Errors
/// The lab has no scenario that can be played, or no requests can be made.
pub fn plan(lab: &Lab, checks: &[Check], asked: &Asked<'_>) -> Result<String, String> {
    let scenario = lab.scenarios.values().next().ok_or("the lab has no scenario")?;
    let schedule = Schedule::new(scenario, None)?;
    let client = Client::new(Tape::default())?;
    let prometheus = Prometheus::new(client.clone(), asked.prometheus.clone());
    let alertmanager = Alertmanager::new(client, asked.alertmanager.clone());
    let mut out = of_schedule(&schedule.stretches);
    let Some((name, set)) = load_alerts(checks).and_then(|name| Some((name, lab.alerts.get(name)?))) else {
        return Ok(out);
    };
    match prometheus.rules() {
        Ok(rules) => out.push_str(&of_rules(&of_set(&rules, set), &schedule.stretches)),
        Err(no) => {
            let _ = write!(out, "observed {no} at {}, so ", asked.prometheus);
            let files = asked.tree.map(|tree| Simulated::new(lab, checks, tree, &[]));
            match files.as_ref().and_then(|files| files.foreseen(name)) {
                Some((sweep, names, schedule)) => {
                    let _ = writeln!(out, "the files of the repository were played:");
                    out.push_str(&foresee::of_sweep(sweep, &names, schedule).lines());
                }
                None => out.push_str("nothing is known of the alerts\n"),
            }
            return Ok(out);
        }
    }
    let mock_port = lab.parameters.get("mock.port").unwrap_or("9000");
    match foresee::foresee(&prometheus, &alertmanager, set, mock_port, &schedule) {
        Ok(foreseen) => {
            out.push_str("played beforehand with what is loaded:\n");
            out.push_str(&foreseen.lines());
        }
        Err(why) => {
            let _ = writeln!(out, "not played beforehand: {why}");
        }
    }
    Ok(out)
}

fn of_schedule(stretches: &[Stretch]) -> String {
    let mut out = format!("{:>6}  watch without load for {BEFORE:.0} s\n", clock_text(-BEFORE));
    let last = stretches.iter().rfind(|s| s.load).map_or(0.0, |s| s.to);
    for s in stretches.iter().filter(|s| s.from < last) {
        let what = if s.load { format!("{} load on all cores", s.name) } else { s.name.clone() };
        let _ = writeln!(out, "{:>6}  {what} for {}", clock_text(s.from), clock_text(s.to - s.from));
    }
    let longest = clock_text(RESOLVE_WITHIN);
    let _ = writeln!(out, "{:>6}  wait for the resolved message, {longest} at most", clock_text(last));
    let minutes = |seconds: f64| (seconds / 60.0).ceil();
    let (least, most) = (minutes(last + BEFORE), minutes(last + BEFORE + RESOLVE_WITHIN));
    let _ = writeln!(out, "{least:.0} to {most:.0} minutes");
    out
}

/// `for` counts from the first evaluation that sees the load, so these times are lower bounds.
fn of_rules(rules: &[&Rule], stretches: &[Stretch]) -> String {
    let mut out = String::new();
    if rules.is_empty() {
        out.push_str("Prometheus has loaded no alert that the load could raise\n");
    }
    for rule in rules {
        let _ = write!(out, "{} (for {:.0} s)", rule.name, rule.hold);
        for s in stretches.iter().filter(|s| s.load) {
            let _ = if rule.hold >= s.to - s.from {
                write!(out, ", cannot fire in the {} load", s.name)
            } else {
                write!(out, ", in the {} load not before {}", s.name, clock_text(s.from + rule.hold))
            };
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_tells_times_and_what_cannot_be() {
        let stretch = |name: &str, from, to, load| Stretch { name: name.into(), from, to, load };
        let stretches = [
            stretch("short", 0.0, 120.0, true),
            stretch("pause", 120.0, 300.0, false),
            stretch("long", 300.0, 540.0, true),
            stretch("after", 540.0, 1260.0, false),
        ];
        let plan = of_schedule(&stretches);
        assert!(plan.contains("  5:00  long load on all cores for 4:00\n") && !plan.contains("after"), "{plan}");
        assert!(plan.ends_with("10 to 20 minutes\n"), "{plan}");
        let rule = Rule { name: "Busy".into(), hold: 180.0, ..Rule::default() };
        assert_eq!(
            of_rules(&[&rule], &stretches),
            "Busy (for 180 s), cannot fire in the short load, in the long load not before 8:00\n"
        );
    }
}
