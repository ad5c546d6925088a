//! Prometheus' rules: groups and their slots, recording and alerting rules, the way of an alert to Alertmanager.
//!
//! Pure: an evaluation is given its time and the store. Facts from upstream's `rules` and `notifier` packages and from
//! recorded runs.

mod alerting;
mod expansion;
pub mod file;
mod group;
pub mod notifier;
mod recording;
pub mod slot;
mod spec;
mod written;

pub use alerting::{ActiveAlert, AlertState, Annotations, SentAlert, Transition};
pub use expansion::Expansion;
pub use group::{Group, RuleContext, RuleEvent};
pub use spec::{AlertingSpec, GroupSpec, RuleKind, RuleSpec};
pub mod template;
pub mod unit_test;
