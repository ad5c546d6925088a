//! Runs that were stopped because the stack asked for too much work: what they do not show is not decided.

use crate::check::{Finding, Outcome};
use crate::engine::{Event, Journal};
use crate::simulate::driver::STOPPED;

/// The outcome of what was looked for in vain in a run, when the run was stopped.
pub fn of(journal: &Journal) -> Option<Outcome> {
    let stopped = |event: &Event| matches!(event, Event::Scenario { name, .. } if **name == *STOPPED);
    journal.entries().iter().any(|e| stopped(&e.event)).then(|| undecided("it"))
}

/// What could not be decided because runs were stopped.
pub fn undecided(what: &str) -> Outcome {
    let said = format!("the run was stopped before {what} could be decided: the stack asks for too much work");
    let hint =
        "look at scrape_interval, evaluation_interval and the ranges and steps of subqueries: the lab works with 5 s";
    Outcome::Inconclusive(Finding::said(said).hint(hint))
}
