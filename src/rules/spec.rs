//! A rule group as the engine runs it: rule files read, intervals and labels resolved.

use std::sync::Arc;

use crate::promql::ast::Expr;

/// A group of rules that are evaluated together, in order.
#[derive(Clone, Debug)]
pub struct GroupSpec {
    /// The file's path as Prometheus spells it; part of the slot's hash.
    pub file: Arc<str>,
    /// The name.
    pub name: Arc<str>,
    /// Nanoseconds between evaluations, more than 0.
    pub interval_ns: i64,
    /// How many alerts or series a rule may produce, 0 for any number.
    pub limit: usize,
    /// How far behind the evaluation's time queries look, in nanoseconds (2.53 and later).
    pub query_offset_ns: i64,
    /// The rules.
    pub rules: Vec<RuleSpec>,
}

/// A rule.
#[derive(Clone, Debug)]
pub struct RuleSpec {
    /// Whether it records or alerts.
    pub kind: RuleKind,
    /// The alert's or the recorded series' name.
    pub name: Arc<str>,
    /// The checked expression.
    pub expr: Arc<Expr>,
    /// The expression printed again, as `generatorURL` carries it.
    pub text: Arc<str>,
    /// Labels to set, the group's included; templates in alerting rules.
    pub labels: Vec<(Arc<str>, Arc<str>)>,
}

/// What a rule does with its result.
#[derive(Clone, Debug)]
pub enum RuleKind {
    /// Stores it under the rule's name.
    Recording,
    /// Alerts on every element.
    Alerting(AlertingSpec),
}

/// What only an alerting rule has.
#[derive(Clone, Debug, Default)]
pub struct AlertingSpec {
    /// `for`, in nanoseconds.
    pub for_ns: i64,
    /// `keep_firing_for`, in nanoseconds.
    pub keep_firing_for_ns: i64,
    /// Annotation templates.
    pub annotations: Vec<(Arc<str>, Arc<str>)>,
}
