//! Where the time between the beginning of a stress and its message went.

use super::outcome::PhaseOutcome;
use super::scenario::Scenario;
use crate::alertmanager::Reason;
use crate::engine::{EngineConfig, Phases};
use crate::model::Time;
use crate::scrape::slot::next_slot;
use crate::scrape::target::Target;

/// The parts of an alert's way, in seconds; they add up to the time from the stress to the message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LatencyBudget {
    /// Until the first scrape.
    pub scrape: f64,
    /// From there to the scrape that first makes the condition hold: windows have to fill.
    pub ramp: f64,
    /// From that scrape to the evaluation that sees it.
    pub evaluation: f64,
    /// `for`, rounded up to evaluations.
    pub hold: f64,
    /// In Alertmanager, when the message was the first of its group: `group_wait`, and anything that muted it.
    pub group_wait: f64,
    /// In Alertmanager otherwise: until the group's next tick.
    pub group_interval: f64,
}

impl LatencyBudget {
    /// The budget of the first alert that fires after a moment (seconds from the first stress) and is told of; none
    /// when there is no such alert. `target` is where the processor's metrics come from.
    pub fn of(
        outcome: &PhaseOutcome,
        config: &EngineConfig,
        scenario: &Scenario,
        target: &Target,
        from: f64,
    ) -> Option<Self> {
        let span = outcome.alerts.iter().find(|a| a.active >= from && a.fired.is_some())?;
        let fired = span.fired?;
        let told = outcome.messages.iter().find(|m| m.accepted && m.at >= fired)?;
        let scrapes = Scrapes::of(config, &outcome.phases, target)?;
        let seconds = |t: Time| scenario.seconds(t);
        let first = seconds(scrapes.at_or_after(scenario.time(from)));
        let last = seconds(scrapes.at_or_before(scenario.time(span.active))).max(first.min(span.active));
        let delivery = told.at - fired;
        let is_first = told.reason == Reason::First;
        Some(Self {
            scrape: (first - from).min(span.active - from),
            ramp: (last - first).max(0.0),
            evaluation: (span.active - last).max(0.0),
            hold: fired - span.active,
            group_wait: if is_first { delivery } else { 0.0 },
            group_interval: if is_first { 0.0 } else { delivery },
        })
    }

    /// From the stress to the message.
    pub fn total(&self) -> f64 {
        self.scrape + self.ramp + self.evaluation + self.hold + self.group_wait + self.group_interval
    }
}

struct Scrapes {
    offset: i64,
    interval_ns: i64,
}

impl Scrapes {
    fn of(config: &EngineConfig, phases: &Phases, target: &Target) -> Option<Self> {
        let setup = config.prometheus.as_ref()?;
        Some(Self { offset: phases.of_target(setup, target), interval_ns: target.interval_ns })
    }

    fn at_or_after(&self, t: Time) -> Time {
        next_slot(t.plus_nanos(-1), self.offset, self.interval_ns)
    }

    fn at_or_before(&self, t: Time) -> Time {
        next_slot(t, self.offset, self.interval_ns).plus_nanos(-self.interval_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::super::sweep::tests::simulation;
    use super::super::{GRID, grid_phases};
    use super::*;

    #[test]
    fn the_parts_add_up_and_lie_within_their_intervals() {
        let simulation = simulation();
        let scenario = Scenario::cpu_stress(120.0, 180.0, 240.0);
        let setup = simulation.config().prometheus.as_ref().expect("Prometheus runs");
        let target = &setup.targets[1].target;
        for phases in (0..GRID).filter_map(grid_phases) {
            let outcome = simulation.outcome(&scenario, &scenario.load(), &phases);
            let budget = LatencyBudget::of(&outcome, simulation.config(), &scenario, target, 300.0).expect("it fires");
            let told = outcome.first_firing(300.0, 600.0).expect("it is told");
            assert!((budget.total() - (told.at - 300.0)).abs() < 1e-6, "{budget:?}");
            assert!((0.0..=5.0).contains(&budget.scrape) && (0.0..=5.0).contains(&budget.evaluation), "{budget:?}");
            assert!((45.0..=60.0).contains(&budget.ramp), "nine tenths of a minute: {budget:?}");
            assert!((budget.hold - 180.0).abs() < 1e-6, "{budget:?}");
            assert_eq!((budget.group_wait, budget.group_interval), (0.0, 0.0));
        }
    }
}
