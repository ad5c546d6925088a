//! The runs a judgement rests on, each played once and only when a step asks for it.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use super::alerts::Place;
use super::schedule::Schedule;
use crate::engine::{Engine, Event, Journal, Phases};
use crate::rules::AlertState;
use crate::simulate::outcome::PhaseOutcome;
use crate::simulate::{Embedded, GRID, Scenario, Simulation, grid_phases};

/// The pair of phases whose run is shown in pictures.
const SHOWN: usize = GRID / 2;

/// A stack with its scenario, and what became of its alerts.
pub struct Runs {
    embedded: Arc<Embedded>,
    simulation: Simulation,
    /// The scenario laid out in time.
    pub schedule: Schedule,
    /// The scenario with another length of one phase, for advice.
    pub also: Option<Schedule>,
    sweep: OnceLock<Vec<PhaseOutcome>>,
    control: OnceLock<Vec<PhaseOutcome>>,
    shown: OnceLock<Engine>,
    also_sweep: OnceLock<Vec<PhaseOutcome>>,
}

impl Runs {
    /// Nothing is played yet. `read` names metrics that checks and pictures read beside the rules.
    pub fn new(
        embedded: Arc<Embedded>,
        watched: Vec<Place>,
        schedule: Schedule,
        also: Option<Schedule>,
        read: &[String],
    ) -> Self {
        let read: Vec<&str> = read.iter().map(String::as_str).collect();
        let world = embedded.world(&read, &BTreeMap::new());
        Self {
            simulation: Simulation::watching(embedded.config.clone(), world, watched),
            embedded,
            schedule,
            also,
            sweep: OnceLock::new(),
            control: OnceLock::new(),
            shown: OnceLock::new(),
            also_sweep: OnceLock::new(),
        }
    }

    /// The scenario over the whole grid of phases.
    pub fn sweep(&self) -> &[PhaseOutcome] {
        self.sweep.get_or_init(|| self.simulation.sweep(&self.schedule.scenario))
    }

    /// The time of the scenario without load, in a few phases: what fires then needs no load.
    pub fn control(&self) -> &[PhaseOutcome] {
        self.control.get_or_init(|| {
            let scenario = self.schedule.control().scenario;
            let load = scenario.load();
            let pairs: Vec<Phases> = [0, SHOWN].into_iter().filter_map(grid_phases).collect();
            let of = |phases: &Phases| {
                let journal = self.simulation.alerts(&scenario, &load, phases, |_, _| false);
                self.simulation.extract(&scenario, phases, &journal)
            };
            pairs.par_iter().map(of).collect()
        })
    }

    /// The other way to play the scenario, over the whole grid.
    pub fn also_sweep(&self) -> Option<&[PhaseOutcome]> {
        let also = self.also.as_ref()?;
        Some(self.also_sweep.get_or_init(|| self.simulation.sweep(&also.scenario)))
    }

    /// One whole run with everything that happened in it, for explanations and pictures.
    pub fn shown(&self) -> &Engine {
        self.shown.get_or_init(|| self.simulation.run(&self.schedule.scenario, &self.shown_phases()))
    }

    /// The phases of that run.
    pub fn shown_phases(&self) -> Phases {
        grid_phases(SHOWN).unwrap_or_default()
    }

    /// A whole run of one pair of the grid.
    pub fn run(&self, pair: usize) -> Engine {
        self.simulation.run(&self.schedule.scenario, &grid_phases(pair).unwrap_or_default())
    }

    /// What becomes of the alerts of some places while metrics are held at values, until `done` says of one that was
    /// active that it decides.
    pub fn holding(&self, places: &[Place], held: &BTreeMap<String, f64>, done: impl Fn(Place) -> bool) -> Journal {
        let world = self.embedded.world(&[], held);
        let scenario =
            Scenario { idle_before: 900.0, stresses: Vec::new(), end: 0.0, ..self.schedule.scenario.clone() };
        let simulation = Simulation::watching(self.embedded.config.clone(), world, places.to_vec());
        simulation.alerts(&scenario, &scenario.load(), &self.shown_phases(), |place, event| {
            matches!(event, Event::Alert { .. }) && done(place)
        })
    }

    /// Whether an alert of these places fires under one load of so many seconds, in a few phases of the grid; none when
    /// a run was stopped before.
    pub fn fires_under(&self, places: &[Place], seconds: f64) -> Option<bool> {
        let scenario = Scenario::single_stress(seconds);
        let load = scenario.load();
        let fires = |place: Place, event: &Event| {
            let fires = matches!(event, Event::Alert { change, .. } if change.to == AlertState::Firing);
            fires && places.contains(&place)
        };
        let mut stopped = false;
        for phases in [0, SHOWN].into_iter().filter_map(grid_phases) {
            let journal = self.simulation.alerts(&scenario, &load, &phases, fires);
            let outcome = self.simulation.extract(&scenario, &phases, &journal);
            if outcome.alerts.iter().any(|a| places.contains(&a.rule) && a.fired.is_some()) {
                return Some(true);
            }
            stopped |= outcome.stopped;
        }
        (!stopped).then_some(false)
    }

    /// In how many pairs of the grid an alert of these places fires when the long load lasts so many seconds.
    pub fn pairs_that_fire(&self, places: &[Place], seconds: f64) -> usize {
        let pairs: Vec<Phases> = (0..GRID).filter_map(grid_phases).collect();
        pairs.par_iter().filter(|p| self.simulation.fires_after(places, seconds, p)).count()
    }

    /// The shortest load, to the second, after which an alert of these places fires in one pair of the grid, given a
    /// load that is long enough. A load that ends once the alert fires is.
    pub fn shortest_in(&self, places: &[Place], pair: usize, longest: u32) -> Option<u32> {
        self.simulation.shortest_stress(places, &grid_phases(pair)?, longest)
    }
}
