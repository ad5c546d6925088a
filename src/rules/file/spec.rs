//! From a group as written to a group as the engine runs it.

use std::sync::Arc;

use super::{RuleGroup, RuleIs};
use crate::promql::{Dialect, print};
use crate::rules::{AlertingSpec, GroupSpec, RuleKind, RuleSpec};
use crate::yaml::{Duration, Spanned};

impl RuleGroup {
    /// The group as it runs: `file` is the path as Prometheus spells it; `interval` and `query_offset` are the global
    /// ones. Rules whose expression was refused are left out.
    pub fn spec(&self, file: &str, interval: Duration, query_offset: Duration, dialect: Dialect) -> GroupSpec {
        let or = |own: &Option<Spanned<Duration>>, global: Duration| own.as_ref().map_or(global, |d| d.value).nanos;
        GroupSpec {
            file: file.into(),
            name: self.name.value.as_str().into(),
            interval_ns: or(&self.interval, interval),
            limit: usize::try_from(self.limit).unwrap_or(0),
            query_offset_ns: or(&self.query_offset, query_offset),
            rules: self.rules.iter().filter_map(|r| self.rule_spec(r, dialect)).collect(),
        }
    }

    fn rule_spec(&self, rule: &super::Rule, dialect: Dialect) -> Option<RuleSpec> {
        let expr = rule.parsed.clone()?;
        let pairs = |pairs: &[(Spanned<String>, Spanned<String>)]| -> Vec<(Arc<str>, Arc<str>)> {
            pairs.iter().map(|(k, v)| (k.value.as_str().into(), v.value.as_str().into())).collect()
        };
        let mut labels = pairs(&rule.labels);
        for (name, value) in pairs(&self.labels) {
            if !labels.iter().any(|(own, _)| *own == name) {
                labels.push((name, value));
            }
        }
        let nanos = |d: &Option<Spanned<Duration>>| d.as_ref().map_or(0, |d| d.value.nanos);
        let kind = match rule.is {
            RuleIs::Recording => RuleKind::Recording,
            RuleIs::Alerting => RuleKind::Alerting(AlertingSpec {
                for_ns: nanos(&rule.hold),
                keep_firing_for_ns: nanos(&rule.keep_firing_for),
                annotations: pairs(&rule.annotations),
            }),
        };
        Some(RuleSpec { kind, name: rule.name.value.as_str().into(), text: print(&expr, dialect).into(), expr, labels })
    }
}
