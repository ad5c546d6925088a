//! Check scripts: steps, predicates, outcomes, and how outcomes become the verdicts of criteria.
//!
//! A script is written once and holds on both clocks: a [`World`] answers its steps, from files and the embedded stack
//! in virtual time, or from a running stack. `probe/` is the only part that touches the world outside.

pub mod acceptance;
pub mod bundle;
pub mod document;
pub mod live_world;
pub mod probe;

mod amount;
mod faults;
mod judge;
mod outcome;
mod script;
mod simulated;
mod step;

pub use faults::check_patterns;
pub use judge::{World, judge};
pub use outcome::{Finding, Outcome, Stage};
pub use script::{Check, parse_scripts};
pub use step::{
    AnswersStep, AtLeast, Between, CanAlert, Commands, GrafanaStep, HttpBody, HttpStep, Line, Loads, MarkdownStep,
    MessageState, Messages, OwnWords, Probe, ProbeExpect, Program, Promql, PromqlExpect, RuleStep, ScriptStep, SshStep,
    Step, TargetStep,
};
