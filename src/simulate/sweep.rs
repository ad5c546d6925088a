//! Many runs of one scenario, each with another pair of scrape and evaluation phase.
//!
//! Real offsets come from hashes nobody chooses, so a verdict is taken over a grid of them.

use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use super::driver::{drive, note_stresses};
use super::lean::Lean;
use super::load::Load;
use super::outcome::{PhaseOutcome, Watch};
use super::reads::cpu_alerts;
use super::scenario::Scenario;
use super::world::World;
use crate::engine::{Engine, EngineConfig, Event, Journal, Phases};

/// How many pairs the grid has; a prime, so that the pairs and their differences are spread evenly.
pub const GRID: usize = 17;
/// How far the evaluation's phase moves from pair to pair, in steps of the grid.
const STRIDE: usize = 7;

/// The pair of the grid with this number, from 0; `None` behind its end.
pub fn grid_phases(number: usize) -> Option<Phases> {
    let n = GRID as f64;
    // Quarter and half steps keep a scrape and an evaluation from ever falling on the same instant.
    (number < GRID).then(|| Phases::pair((number as f64 + 0.5) / n, ((number * STRIDE % GRID) as f64 + 0.25) / n))
}

/// What all runs of a subject share.
#[derive(Debug)]
pub struct Simulation {
    config: Arc<EngineConfig>,
    world: World,
    lean: OnceLock<Lean>,
    alerts_only: OnceLock<Lean>,
    watched: Vec<(usize, usize)>,
}

impl Simulation {
    /// A stack in its world, the alerts about the processor watched.
    pub fn new(config: Arc<EngineConfig>, world: World) -> Self {
        let groups = config.prometheus.iter().flat_map(|p| p.groups.iter().map(|g| &**g));
        let watched = cpu_alerts(groups);
        Self::watching(config, world, watched)
    }

    /// A stack in its world; a run ends once the alerts of these places (group, rule) have ended and been told.
    pub fn watching(config: Arc<EngineConfig>, world: World, watched: Vec<(usize, usize)>) -> Self {
        Self { config, world, lean: OnceLock::new(), alerts_only: OnceLock::new(), watched }
    }

    /// What runs.
    pub fn config(&self) -> &Arc<EngineConfig> {
        &self.config
    }

    /// The world it runs in.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The places (group, rule) of the watched alerts.
    pub fn watched(&self) -> &[(usize, usize)] {
        &self.watched
    }

    /// The whole scenario with one choice of phases; nothing is left out.
    pub fn run(&self, scenario: &Scenario, phases: &Phases) -> Engine {
        let load = scenario.load();
        let mut engine = Engine::new(self.config.clone(), phases, scenario.start());
        drive(&mut engine, &self.world, &load, scenario.time(scenario.end), |_, _| false);
        note_stresses(&mut engine, scenario);
        engine
    }

    /// The scenario with one choice of phases, ended once every alert about the processor has ended and been told;
    /// what happened to them.
    pub fn outcome(&self, scenario: &Scenario, load: &Load, phases: &Phases) -> PhaseOutcome {
        let lean = self.lean.get_or_init(|| Lean::of(&self.config, &self.world));
        let mut engine = Engine::new(lean.config.clone(), phases, scenario.start());
        let mut watch = Watch::new(&self.watched, scenario);
        drive(&mut engine, &lean.world, load, scenario.time(scenario.end), |engine, now| {
            watch.is_over(engine.journal(), now)
        });
        self.extract(scenario, phases, &engine.into_journal())
    }

    /// What happens to the watched alerts alone, without anything behind them, until the scenario's end or until `done`
    /// says of an event that it decides.
    pub fn alerts(
        &self,
        scenario: &Scenario,
        load: &Load,
        phases: &Phases,
        done: impl Fn((usize, usize), &Event) -> bool,
    ) -> Journal {
        let only = self.alerts_only();
        let mut engine = Engine::new(only.config.clone(), phases, scenario.start());
        let mut read = 0;
        drive(&mut engine, &only.world, load, scenario.time(scenario.end), |engine, _| {
            let entries = engine.journal().entries();
            let decided = entries[read..].iter().any(|e| match &e.event {
                event @ (Event::Alert { group, rule, .. } | Event::RuleError { group, rule, .. }) => {
                    done(only.place((*group, *rule)), event)
                }
                _ => false,
            });
            read = entries.len();
            decided
        });
        only.placed(engine.into_journal())
    }

    /// What decides about the watched alerts.
    pub(super) fn alerts_only(&self) -> &Lean {
        self.alerts_only.get_or_init(|| Lean::alerts_only(&self.config, &self.world, &self.watched))
    }

    /// What happened to the alerts about the processor in a run.
    pub fn extract(&self, scenario: &Scenario, phases: &Phases, journal: &Journal) -> PhaseOutcome {
        PhaseOutcome::of(&self.watched, scenario, phases, journal)
    }

    /// The scenario over the whole grid, in its order.
    pub fn sweep(&self, scenario: &Scenario) -> Vec<PhaseOutcome> {
        let load = scenario.load();
        let pairs: Vec<Phases> = (0..GRID).filter_map(grid_phases).collect();
        let Some((first, rest)) = pairs.split_first() else { return Vec::new() };
        let first = self.outcome(scenario, &load, first);
        // What is too much work in one pair is in all of them.
        let of = |phases: &Phases| match first.stopped {
            true => PhaseOutcome { phases: phases.clone(), ..first.clone() },
            false => self.outcome(scenario, &load, phases),
        };
        let rest: Vec<PhaseOutcome> = rest.par_iter().map(of).collect();
        [first].into_iter().chain(rest).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::{Embedded, Overrides};
    use super::*;
    use crate::stack::{FileTree, LabHints, Stack};

    const PROMETHEUS: &str = "global: {scrape_interval: 5s, evaluation_interval: 5s}\nrule_files: [rules.yml]\n\
        alerting: {alertmanagers: [{static_configs: [{targets: ['localhost:9093']}]}]}\n\
        scrape_configs:\n- {job_name: mock, static_configs: [{targets: ['localhost:9000']}]}\n\
        - {job_name: node, static_configs: [{targets: ['192.168.56.20:9100']}]}\n";
    const ALERTMANAGER: &str = "route: {receiver: d, group_by: ['...'], group_wait: 0s, group_interval: 1s}\n\
        receivers: [{name: d, discord_configs: [{webhook_url: 'https://discord.com/api/webhooks/1/t'}]}]\n";

    /// The lab's stack with the usual rule on CPU load.
    pub(in super::super) fn simulation() -> Simulation {
        simulation_of(PROMETHEUS)
    }

    fn simulation_of(prometheus: &str) -> Simulation {
        let rules = "groups:\n- name: g\n  rules:\n  - {alert: Model, expr: model_result > 0.75}\n  - alert: Cpu\n    \
            expr: 100 - avg by (instance) (rate(node_cpu_seconds_total{mode=\"idle\"}[1m])) * 100 > 90\n    for: 3m\n";
        let files = [("prometheus.yml", prometheus), ("rules.yml", rules), ("alertmanager.yml", ALERTMANAGER)];
        let stack = Stack::read(&FileTree::in_memory(files), &LabHints::default());
        Embedded::of(&stack, &Overrides::default()).simulation(&[])
    }

    #[test]
    fn the_usual_rule_is_silent_after_two_minutes_and_told_within_four_in_every_pair() {
        let outcomes = simulation().sweep(&Scenario::cpu_stress(120.0, 180.0, 240.0));
        assert_eq!(outcomes.len(), GRID);
        for outcome in outcomes {
            assert!(outcome.first_firing(0.0, 299.0).is_none());
            let told = outcome.first_firing(300.0, 600.0).expect("a message in the long stress");
            assert!(told.discord && (525.0..545.0).contains(&told.at), "{told:?}");
            let labels = &told.alerts[0].1;
            assert!(outcome.first_resolved(labels, 540.0, 1140.0).is_some_and(|m| m.at < 565.0));
        }
    }

    #[test]
    fn leaving_out_what_nobody_reads_changes_no_outcome() {
        let simulation = simulation();
        let scenario = Scenario::cpu_stress(120.0, 180.0, 240.0);
        let phases = grid_phases(5).expect("the grid has more pairs");
        let whole = simulation.run(&scenario, &phases);
        let whole = simulation.extract(&scenario, &phases, whole.journal());
        let lean = simulation.outcome(&scenario, &scenario.load(), &phases);
        assert_eq!(whole.alerts, lean.alerts);
        let only = simulation.alerts(&scenario, &scenario.load(), &phases, |_, _| false);
        assert_eq!(whole.alerts, simulation.extract(&scenario, &phases, &only).alerts);
        let told = |o: &PhaseOutcome| o.messages.iter().map(|m| (m.at, m.alerts.clone())).collect::<Vec<_>>();
        assert_eq!(told(&whole), told(&lean));
        assert_eq!(told(&lean).len(), 2, "firing and resolved");
    }

    #[test]
    fn a_stack_that_asks_for_too_much_work_is_stopped_and_says_so() {
        let prometheus = PROMETHEUS.replace("scrape_interval: 5s", "scrape_interval: 1ms, scrape_timeout: 1ms");
        let outcome = simulation_of(&prometheus).outcome(
            &Scenario::cpu_stress(120.0, 180.0, 240.0),
            &Scenario::cpu_stress(120.0, 180.0, 240.0).load(),
            &Phases::pair(0.1, 0.2),
        );
        assert!(outcome.stopped);
    }
}
