//! Many runs of one scenario, each with another pair of scrape and evaluation phase.
//!
//! Real offsets come from hashes nobody chooses, so a verdict is taken over a grid of them.

use std::sync::Arc;

use rayon::prelude::*;

use super::driver::{drive, note_stresses};
use super::load::Load;
use super::outcome::{PhaseOutcome, Watch};
use super::reads::cpu_alerts;
use super::scenario::Scenario;
use super::world::World;
use crate::engine::{Engine, EngineConfig, Journal, Phases};

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
        Self { config, world, watched }
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
        let mut engine = Engine::new(self.config.clone(), phases, scenario.start());
        let mut watch = Watch::new(&self.watched, scenario);
        drive(&mut engine, &self.world, load, scenario.time(scenario.end), |engine, now| {
            watch.is_over(engine.journal(), now)
        });
        self.extract(scenario, phases, &engine.into_journal())
    }

    /// What happened to the alerts about the processor in a run.
    pub fn extract(&self, scenario: &Scenario, phases: &Phases, journal: &Journal) -> PhaseOutcome {
        PhaseOutcome::of(&self.watched, scenario, phases, journal)
    }

    /// The scenario over the whole grid, in its order.
    pub fn sweep(&self, scenario: &Scenario) -> Vec<PhaseOutcome> {
        let load = scenario.load();
        let pairs: Vec<Phases> = (0..GRID).filter_map(grid_phases).collect();
        pairs.par_iter().map(|phases| self.outcome(scenario, &load, phases)).collect()
    }

    /// Whether any alert about the processor fires under one stress of `seconds`, with one choice of phases.
    pub fn fires_after(&self, seconds: f64, phases: &Phases) -> bool {
        let scenario = Scenario::single_stress(seconds);
        self.outcome(&scenario, &scenario.load(), phases).alerts.iter().any(|a| a.fired.is_some())
    }

    /// The shortest stress, to the second, after which an alert about the processor fires; none up to `longest`.
    pub fn shortest_stress(&self, phases: &Phases, longest: u32) -> Option<u32> {
        let fires = |seconds: u32| self.fires_after(f64::from(seconds), phases);
        if self.watched.is_empty() || !fires(longest) {
            return None;
        }
        let (mut silent, mut fired) = (0, longest);
        while fired - silent > 1 {
            let middle = silent + (fired - silent) / 2;
            if fires(middle) { fired = middle } else { silent = middle }
        }
        Some(fired)
    }

    /// The shortest stress after which an alert fires, over the grid: in the quickest and in the slowest pair; the
    /// second is missing when some pair never fires within `longest` seconds.
    pub fn shortest_stresses(&self, longest: u32) -> (Option<u32>, Option<u32>) {
        let pairs: Vec<Phases> = (0..GRID).filter_map(grid_phases).collect();
        let all: Vec<Option<u32>> = pairs.par_iter().map(|p| self.shortest_stress(p, longest)).collect();
        let slowest = all.iter().copied().collect::<Option<Vec<u32>>>().and_then(|v| v.into_iter().max());
        (all.into_iter().flatten().min(), slowest)
    }
}
