//! The shortest stress after which an alert fires.
//!
//! Only the rules that decide about the alerts are run. All stresses of one search are the same up to their ends, so one
//! machine is driven there and forked for each.

use super::driver::drive;
use super::load::Load;
use super::reads::looks_back_ms;
use super::scenario::Scenario;
use super::sweep::Simulation;
use crate::engine::{Engine, Event, Phases};
use crate::rules::{AlertState, RuleKind};

/// A rule's place: group, rule.
type Place = (usize, usize);

/// How many seconds before the end of the longest stress forks begin: the answer is mostly near, as windows run empty
/// within seconds.
const NEAR_S: u32 = 64;
/// How long after a stress an alert of it may still fire, in seconds.
const AFTER_S: f64 = 660.0;
/// How long windows take at least to run empty, in seconds.
const SETTLE_S: f64 = 120.0;

impl Simulation {
    /// How long a stack must have been idle so that nothing of its start is left in any rule, in seconds, at most the
    /// scenario's usual ten minutes: as far as expressions look back, `for`, and a minute.
    fn idle_needed(&self) -> f64 {
        let setup = self.alerts_only().config.prometheus.as_ref();
        let rules = setup.into_iter().flat_map(|p| &p.groups).flat_map(|g| &g.rules);
        let back = rules.map(|rule| {
            let held = match &rule.kind {
                RuleKind::Alerting(alerting) => alerting.for_ns.saturating_add(alerting.keep_firing_for_ns),
                RuleKind::Recording => 0,
            };
            looks_back_ms(&rule.expr).saturating_add(held / 1_000_000)
        });
        // Rules may read one another, so what each looks back adds up.
        (60.0 + back.fold(0, i64::saturating_add) as f64 / 1000.0).min(600.0)
    }

    /// Whether an alert of these places begins to fire under one stress of `seconds`.
    pub fn fires_after(&self, places: &[Place], seconds: f64, phases: &Phases) -> bool {
        let mut search = Search::new(self, places, phases, seconds);
        search.end(seconds)
    }

    /// The shortest stress, to the second, after which an alert of these places fires; none when it does not after
    /// `longest`.
    pub fn shortest_stress(&self, places: &[Place], phases: &Phases, longest: u32) -> Option<u32> {
        let near = longest.saturating_sub(NEAR_S);
        let mut trunk = Search::new(self, places, phases, f64::from(longest));
        // A stress that ends at that moment is over then.
        trunk.drive(f64::from(near) - 0.001);
        let fires = |seconds: u32| {
            let mut search = match seconds >= near {
                true => trunk.fork(),
                false => Search::new(self, places, phases, f64::from(seconds)),
            };
            search.end(f64::from(seconds))
        };
        if places.is_empty() || !fires(longest) {
            return None;
        }
        let (mut silent, mut fired, mut step) = (0, longest, 4);
        while fired > step {
            if !fires(fired - step) {
                silent = fired - step;
                break;
            }
            (fired, step) = (fired - step, step * 2);
        }
        while fired - silent > 1 {
            let middle = silent + (fired - silent) / 2;
            if fires(middle) { fired = middle } else { silent = middle }
        }
        Some(fired)
    }
}

/// A machine on its way through one stress.
struct Search<'a> {
    simulation: &'a Simulation,
    places: &'a [Place],
    engine: Engine,
    load: Load,
    scenario: Scenario,
    /// Entries of the journal that were read.
    read: usize,
    fired: bool,
    /// Alerts of the places that are pending or firing.
    active: usize,
}

impl<'a> Search<'a> {
    /// A machine at its start. As long as the stress lasts it makes no difference how long it is going to last.
    fn new(simulation: &'a Simulation, places: &'a [Place], phases: &Phases, seconds: f64) -> Self {
        let scenario = Scenario::single_stress(seconds);
        let load = scenario.load();
        let scenario = Scenario { idle_before: simulation.idle_needed(), ..scenario };
        let engine = Engine::new(simulation.alerts_only().config.clone(), phases, scenario.start());
        Self { simulation, places, engine, load, scenario, read: 0, fired: false, active: 0 }
    }

    fn fork(&self) -> Self {
        let (load, scenario) = (self.load.clone(), self.scenario.clone());
        Self { engine: self.engine.fork(), load, scenario, ..*self }
    }

    /// Drives up to a moment of the stress, or until an alert has fired.
    fn drive(&mut self, until: f64) {
        self.drive_with(until, None);
    }

    /// Whether an alert fires when the stress ends after so many seconds, which must not be over yet.
    fn end(&mut self, seconds: f64) -> bool {
        self.load = Scenario::single_stress(seconds).load();
        self.drive_with(seconds + AFTER_S, Some(seconds + SETTLE_S));
        self.fired
    }

    /// Drives until a moment, until an alert fires, or, from another moment on, until none is active.
    fn drive_with(&mut self, until: f64, settled_from: Option<f64>) {
        if self.fired {
            return;
        }
        let only = self.simulation.alerts_only();
        let (zero, settled_from) = (self.scenario.time(0.0), settled_from.map(|s| self.scenario.time(s)));
        let (read, fired, active, places) = (&mut self.read, &mut self.fired, &mut self.active, self.places);
        let until = self.scenario.time(until);
        drive(&mut self.engine, &only.world, &self.load, until, |engine, now| {
            let entries = engine.journal().entries();
            for entry in &entries[*read..] {
                if let Event::Alert { group, rule, change, .. } = &entry.event
                    && places.contains(&only.place((*group, *rule)))
                {
                    *active += usize::from(change.from == AlertState::Inactive);
                    *active = active.saturating_sub(usize::from(change.to == AlertState::Inactive));
                    *fired |= change.to == AlertState::Firing && entry.at >= zero;
                }
            }
            *read = entries.len();
            *fired || *active == 0 && settled_from.is_some_and(|t| now >= t)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::grid_phases;
    use super::super::sweep::tests::simulation;

    #[test]
    fn the_shortest_stress_lies_between_silence_and_alert_however_long_the_search_begins() {
        let simulation = simulation();
        for phases in [0, 7].into_iter().filter_map(grid_phases) {
            let shortest = simulation.shortest_stress(simulation.watched(), &phases, 1800).expect("it can fire");
            assert!(simulation.fires_after(simulation.watched(), f64::from(shortest), &phases));
            assert!(!simulation.fires_after(simulation.watched(), f64::from(shortest - 1), &phases));
            assert!((170..235).contains(&shortest), "{shortest}");
            for longest in [shortest, shortest + 1, shortest + 10, 240] {
                let again = simulation.shortest_stress(simulation.watched(), &phases, longest);
                assert_eq!(again, Some(shortest), "from {longest} on");
            }
            assert_eq!(simulation.shortest_stress(simulation.watched(), &phases, shortest - 1), None);
        }
    }
}
