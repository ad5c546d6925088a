//! What a script may say wrong beyond its form: names of nothing, times that are none, queries and patterns that do not
//! parse. Found when a lab is read, so that its author is told the place, and no student meets an error.

use super::simulated::schedule::{Schedule, seconds};
use super::{Check, Step};
use crate::golang::regexp::Regexp;
use crate::lab::{Key, Lab, LabError};
use crate::promql::{Dialect, ParseOptions, parse};

/// A fault of a step: the way to it from the step, and what is wrong there.
pub(super) type Fault = (Vec<Key>, String);

/// The first fault of a step.
pub(super) fn of_step(lab: &Lab, step: &Step) -> Option<Fault> {
    let looked = Looked { lab, kind: kind(step) };
    match step {
        Step::Rule(s) => looked.set(&s.of),
        Step::Probe(s) => looked.set(&s.of),
        Step::CanAlert(s) => {
            let unknown = || lab.criterion(&s.otherwise).is_none();
            let otherwise = || unknown().then(|| looked.at("otherwise", format!("{:?} is no criterion", s.otherwise)));
            looked.set(&s.of).or_else(|| looked.duration("within", Some(&s.within))).or_else(otherwise)
        }
        Step::Messages(s) => {
            let review = |word: &&String| *word != "review";
            let other = s.unless_another_behaves.as_ref().filter(review);
            let other =
                || other.map(|o| looked.at("unless-another-behaves", format!("{o:?} is nothing, wanted review")));
            let scenario = s.scenario.as_deref();
            looked
                .set(&s.of)
                .or_else(|| looked.scenario(scenario))
                .or_else(|| looked.moment("from", scenario, s.from.as_ref()))
                .or_else(|| looked.moment("until", scenario, s.until.as_ref()))
                .or_else(other)
        }
        Step::Http(s) => {
            let changes = s.body.as_ref().and_then(|b| b.changes.as_ref());
            let page = || looked.one_of("get", &s.get, &["mock", "node-exporter"]);
            page().or_else(|| {
                looked.duration("changes", changes).map(|(_, wrong)| looked.below("body", "changes", wrong))
            })
        }
        Step::Promql(s) => {
            let wrong = parse(&s.query, &ParseOptions::stock(Dialect::V3)).err();
            let wrong = wrong.map(|e| looked.at("query", format!("the query does not parse: {e}")));
            wrong.or_else(|| looked.duration("within", Some(&s.within)))
        }
        Step::Target(s) => {
            let port = s.port.parse::<u16>().is_ok_and(|p| p > 0);
            (!port).then(|| looked.at("port", format!("{:?} is no port, wanted 1 to 65535", s.port)))
        }
        Step::Grafana(s) => looked
            .duration("refresh", s.refresh.as_ref())
            .or_else(|| looked.duration("range", s.range.as_ref()))
            .or_else(|| looked.phase("cpu-values-during", s.cpu_values_during.as_ref())),
        Step::Ssh(s) => looked.phase("during", Some(&s.during)),
        Step::Markdown(s) => looked.one_of("find", &s.find, &["report", "cheat-sheet"]),
        Step::Answers(s) => looked.one_of("in", &s.document, &["report"]),
        Step::Loads(_) | Step::Requires(_) | Step::Script(_) => None,
    }
}

/// Holds the patterns of a lab's questions and scripts against Go's regular expressions. Apart from the rest, since the
/// hundred patterns of a lab take longer to read than all else in it, and those of a built-in lab are held by a test.
///
/// # Errors
/// A pattern is none.
pub fn check_patterns(lab: &Lab, checks: &[Check]) -> Result<(), LabError> {
    let hold = |whose: &str, pattern: &str| {
        Regexp::check(pattern).map_err(|e| LabError(format!("{}: {whose}: pattern {pattern:?}: {e}", lab.id)))
    };
    for question in &lab.questions {
        let all = question.about.iter().chain(&question.elsewhere).chain(question.ideas.iter().flatten());
        for pattern in all {
            hold(&format!("question {:?}", question.id), pattern)?;
        }
    }
    for check in checks {
        for step in &check.steps {
            let Step::Markdown(s) = step else { continue };
            for pattern in s.commands.iter().flat_map(|c| &c.of) {
                hold(&format!("script {:?}", check.id), pattern)?;
            }
        }
    }
    Ok(())
}

/// A step's key in its script.
fn kind(step: &Step) -> &'static str {
    match step {
        Step::Loads(_) => "loads",
        Step::Requires(_) => "requires",
        Step::Script(_) => "script",
        Step::Http(_) => "http",
        Step::Promql(_) => "promql",
        Step::Rule(_) => "rule",
        Step::Probe(_) => "probe",
        Step::CanAlert(_) => "can-alert",
        Step::Messages(_) => "messages",
        Step::Target(_) => "target",
        Step::Grafana(_) => "grafana",
        Step::Ssh(_) => "ssh",
        Step::Markdown(_) => "markdown",
        Step::Answers(_) => "answers",
    }
}

/// A step that is being looked at.
struct Looked<'l> {
    lab: &'l Lab,
    kind: &'static str,
}

impl Looked<'_> {
    fn at(&self, key: &str, wrong: String) -> Fault {
        (vec![self.kind.into(), key.into()], wrong)
    }

    fn below(&self, first: &str, second: &str, wrong: String) -> Fault {
        (vec![self.kind.into(), first.into(), second.into()], wrong)
    }

    fn set(&self, name: &str) -> Option<Fault> {
        let there = self.lab.alerts.contains_key(name);
        (!there).then(|| self.at("of", format!("the lab has no set of alerts {name:?}")))
    }

    fn scenario(&self, name: Option<&str>) -> Option<Fault> {
        let name = name.filter(|s| *s != "control" && !self.lab.scenarios.contains_key(*s))?;
        Some(self.at("scenario", format!("the lab has no scenario {name:?}")))
    }

    fn duration(&self, key: &str, text: Option<&String>) -> Option<Fault> {
        seconds(text?).err().map(|wrong| self.at(key, wrong))
    }

    fn one_of(&self, key: &str, text: &str, known: &[&str]) -> Option<Fault> {
        let unknown = !known.contains(&text);
        unknown.then(|| self.at(key, format!("{text:?} is nothing here, wanted {}", known.join(" or "))))
    }

    /// A moment such as `long.end + 60s`, of a scenario by name, of the control, or of the one that is there.
    fn moment(&self, key: &str, scenario: Option<&str>, text: Option<&String>) -> Option<Fault> {
        let text = text?;
        let named = scenario.and_then(|name| self.lab.scenarios.get(name));
        let mut wrong = format!("{text:?} needs a scenario, and the lab has none");
        for scenario in self.lab.scenarios.values().filter(|s| named.is_none_or(|n| std::ptr::eq(n, *s))) {
            match Schedule::new(scenario, None).and_then(|schedule| schedule.moment(text)) {
                Ok(_) => return None,
                Err(e) => wrong = e,
            }
        }
        Some(self.at(key, wrong))
    }

    fn phase(&self, key: &str, name: Option<&String>) -> Option<Fault> {
        let name = name?;
        let there = self.lab.scenarios.values().any(|s| s.timeline.iter().any(|phase| phase.name == *name));
        (!there).then(|| self.at(key, format!("no scenario has a phase {name:?}")))
    }
}
