//! The runs a judgement rests on, each played once and only when a step asks for it.

use std::cell::OnceCell;
use std::sync::Arc;

use rayon::prelude::*;

use super::alerts::Place;
use super::schedule::Schedule;
use crate::engine::{Engine, EngineConfig, Phases};
use crate::simulate::outcome::PhaseOutcome;
use crate::simulate::world::WorldSettings;
use crate::simulate::{Answer, GRID, ModelMock, Scenario, Simulation, World, grid_phases};

/// The pair of phases whose run is shown in pictures.
const SHOWN: usize = GRID / 2;

/// A stack with its scenario, and what became of its alerts.
pub struct Runs {
    simulation: Simulation,
    answers: Vec<Answer>,
    /// The scenario laid out in time.
    pub schedule: Schedule,
    /// The scenario with another length of one phase, for advice.
    pub also: Option<Schedule>,
    sweep: OnceCell<Vec<PhaseOutcome>>,
    control: OnceCell<Vec<PhaseOutcome>>,
    shown: OnceCell<Engine>,
    also_sweep: OnceCell<Vec<PhaseOutcome>>,
}

impl Runs {
    /// Nothing is played yet. `read` names metrics that checks and pictures read beside the rules.
    pub fn new(
        config: EngineConfig,
        answers: Vec<Answer>,
        watched: Vec<Place>,
        schedule: Schedule,
        also: Option<Schedule>,
        read: &[&str],
    ) -> Self {
        let config = Arc::new(config);
        let settings =
            WorldSettings { also: read.iter().map(|n| (*n).to_owned()).collect(), ..WorldSettings::default() };
        let world = World::new(&config, answers.clone(), &settings);
        Self {
            simulation: Simulation::watching(config, world, watched),
            answers,
            schedule,
            also,
            sweep: OnceCell::new(),
            control: OnceCell::new(),
            shown: OnceCell::new(),
            also_sweep: OnceCell::new(),
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
            let simulation = &self.simulation;
            pairs.par_iter().map(|p| simulation.outcome(&scenario, &load, p)).collect()
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

    /// A short run in which the mocked model always gives the same value.
    pub fn with_constant(&self, value: f64) -> Engine {
        let config = self.simulation.config().clone();
        let settings = WorldSettings { model: ModelMock::constant(value), ..WorldSettings::default() };
        let world = World::new(&config, self.answers.clone(), &settings);
        let scenario =
            Scenario { idle_before: 900.0, stresses: Vec::new(), end: 0.0, ..self.schedule.scenario.clone() };
        Simulation::watching(config, world, Vec::new()).run(&scenario, &self.shown_phases())
    }

    /// Whether an alert of these places fires under one load of so many seconds, in a few phases of the grid.
    pub fn fires_under(&self, places: &[Place], seconds: f64) -> bool {
        let scenario = Scenario::single_stress(seconds);
        let load = scenario.load();
        [0, SHOWN].into_iter().filter_map(grid_phases).any(|p| {
            let outcome = self.simulation.outcome(&scenario, &load, &p);
            outcome.alerts.iter().any(|a| places.contains(&a.rule) && a.fired.is_some())
        })
    }

    /// In how many pairs of the grid an alert of these places fires when the long load lasts so many seconds.
    pub fn pairs_that_fire(&self, places: &[Place], seconds: f64) -> usize {
        let scenario = Scenario { idle_before: 420.0, ..Scenario::single_stress(seconds) };
        let load = scenario.load();
        let pairs: Vec<Phases> = (0..GRID).filter_map(grid_phases).collect();
        let simulation = &self.simulation;
        pairs
            .par_iter()
            .filter(|p| {
                let outcome = simulation.outcome(&scenario, &load, p);
                outcome.alerts.iter().any(|a| places.contains(&a.rule) && a.fired.is_some_and(|f| f >= 0.0))
            })
            .count()
    }

    /// The shortest load, to the second, after which an alert of these places fires in one pair of the grid, given a
    /// load that is long enough. A load that ends once the alert fires is; the search goes down from there.
    pub fn shortest_in(&self, places: &[Place], pair: usize, longest: u32) -> Option<u32> {
        let phases = grid_phases(pair)?;
        let fires = |seconds: u32| {
            let scenario = Scenario { idle_before: 420.0, ..Scenario::single_stress(f64::from(seconds)) };
            let outcome = self.simulation.outcome(&scenario, &scenario.load(), &phases);
            outcome.alerts.iter().any(|a| places.contains(&a.rule) && a.fired.is_some_and(|f| f >= 0.0))
        };
        if !fires(longest) {
            return None;
        }
        let (mut silent, mut fired, mut step) = (0, longest, 4);
        // Windows run empty within seconds, so the answer is near.
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
