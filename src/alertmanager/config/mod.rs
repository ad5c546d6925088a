//! An `alertmanager.yml` as data.
//!
//! Facts: upstream `config`, measured with `amtool check-config` 0.25.

mod advice;
mod checks;
mod fields;
mod http;
mod integration;
mod load;
mod receivers;
mod routes;
#[cfg(test)]
mod tests;
mod times;
mod tree;
mod url;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub use integration::{
    Authorization, DiscordSettings, HttpSettings, Integration, IntegrationKind, Settings, WebhookSettings,
};

pub use load::Loaded;
pub use tree::Tree;

use super::interval::TimeInterval;
use super::matchers::Names;
use crate::model::Matcher;
use crate::text::Span;

/// A whole configuration, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which names and matchers the server takes.
    pub names: Names,
    /// `global.resolve_timeout`
    pub resolve_timeout: Duration,
    /// Globs of template files, as written.
    pub templates: Vec<Arc<str>>,
    /// The root of the routing tree.
    pub route: Route,
    /// Who is told.
    pub receivers: Vec<Arc<Receiver>>,
    /// What mutes what.
    pub inhibit_rules: Vec<InhibitRule>,
    /// `time_intervals` and the older `mute_time_intervals`, by name.
    pub time_intervals: Vec<NamedInterval>,
}

impl Config {
    /// A receiver by name.
    pub fn receiver(&self, name: &str) -> Option<&Arc<Receiver>> {
        self.receivers.iter().find(|r| *r.name == *name)
    }
}

/// A node of the routing tree as written; what is not set is inherited.
#[derive(Clone, Debug, Default)]
pub struct Route {
    /// Who is told.
    pub receiver: Option<Arc<str>>,
    /// `group_by`; none when left out.
    pub group_by: Option<GroupBy>,
    /// All matchers of the three spellings, sorted as Alertmanager sorts them.
    pub matchers: Vec<Matcher>,
    /// Whether later siblings are tried after a match.
    pub continues: bool,
    /// `group_wait`
    pub group_wait: Option<Duration>,
    /// `group_interval`
    pub group_interval: Option<Duration>,
    /// `repeat_interval`
    pub repeat_interval: Option<Duration>,
    /// Names of intervals in which nothing is sent.
    pub mute_time_intervals: Vec<Arc<str>>,
    /// Names of intervals outside of which nothing is sent.
    pub active_time_intervals: Vec<Arc<str>>,
    /// Labels for templates (0.34).
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
    /// The children, in order.
    pub routes: Vec<Route>,
    /// Where its receiver is named.
    pub receiver_span: Span,
    /// Where it stands.
    pub span: Span,
}

/// By what a route groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// These labels; none: one group.
    Labels(Vec<Arc<str>>),
    /// `['...']`: every label, one group per alert.
    All,
}

/// Somebody who is told.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// Its name.
    pub name: Arc<str>,
    /// Labels for templates (0.33).
    pub labels: Arc<BTreeMap<Arc<str>, Arc<str>>>,
    /// The ways it is told, in the order Alertmanager builds them.
    pub integrations: Vec<Arc<Integration>>,
    /// Where it stands.
    pub span: Span,
}

/// What mutes what.
#[derive(Clone, Debug, Default)]
pub struct InhibitRule {
    /// Its name (0.30).
    pub name: Option<Arc<str>>,
    /// Which firing alerts mute.
    pub source: Vec<Matcher>,
    /// Which alerts are muted.
    pub target: Vec<Matcher>,
    /// Labels whose values must agree; an absent label counts as the empty value.
    pub equal: Vec<Arc<str>>,
    /// Where it stands.
    pub span: Span,
}

/// A named list of times.
#[derive(Clone, Debug)]
pub struct NamedInterval {
    /// Its name.
    pub name: Arc<str>,
    /// Inside when any of these holds.
    pub intervals: Vec<TimeInterval>,
    /// Where it stands.
    pub span: Span,
}
