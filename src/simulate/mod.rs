//! The virtual driver: the machine in a modelled world, jumping from event to event.
//!
//! A mocked model, a VM with a load, receivers that answer; a scenario of stress and rest; a sweep over the phases
//! that hashes would choose. Pure and repeatable: every value follows from the time and a seed.

pub mod driver;
pub mod embed;
mod latency;
mod lean;
pub mod load;
pub mod model_mock;
mod node;
pub mod outcome;
pub mod page;
pub mod reads;
pub mod receivers;
pub mod replay;
pub mod scenario;
mod shortest;
pub mod sweep;
pub mod world;

pub use driver::drive;
pub use embed::{Embedded, Overrides, alertmanager_of};
pub use latency::LatencyBudget;
pub use load::{Load, Stress};
pub use model_mock::ModelMock;
pub use outcome::{AlertSpan, Message, PhaseOutcome};
pub use replay::replay;
pub use scenario::Scenario;
pub use sweep::{GRID, Simulation, grid_phases};
pub use world::{Answer, ModelMetric, World, WorldSettings};
