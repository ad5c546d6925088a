//! Which loaded rules belong to which of the lab's sets of alerts.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::lab::AlertSet;
use crate::model::{METRIC_NAME, MatchOp};
use crate::promql::ast::{Expr, VectorSelector};
use crate::rules::{GroupSpec, RuleKind};
use crate::simulate::reads::for_each_selector;

/// A rule's place: group, rule.
pub type Place = (usize, usize);

/// A rule's place and its name.
pub type Named = (Place, String);

/// The places of each set's alerting rules, recording rules expanded.
pub fn places(sets: &BTreeMap<String, AlertSet>, groups: &[Arc<GroupSpec>]) -> BTreeMap<String, Vec<Place>> {
    sets.iter().map(|(name, set)| (name.clone(), places_of(set, groups))).collect()
}

fn places_of(set: &AlertSet, groups: &[Arc<GroupSpec>]) -> Vec<Place> {
    let rules = || {
        groups
            .iter()
            .enumerate()
            .flat_map(|(g, group)| group.rules.iter().enumerate().map(move |(r, rule)| ((g, r), rule)))
    };
    let mut recorded: Vec<&str> = Vec::new();
    loop {
        let more = rules().map(|(_, rule)| rule).find(|rule| {
            matches!(rule.kind, RuleKind::Recording)
                && !recorded.contains(&&*rule.name)
                && reads(&rule.expr, set, &recorded)
        });
        match more {
            Some(rule) => recorded.push(&rule.name),
            None => break,
        }
    }
    rules()
        .filter(|(_, rule)| matches!(rule.kind, RuleKind::Alerting(_)) && reads(&rule.expr, set, &recorded))
        .map(|(place, _)| place)
        .collect()
}

/// Whether an expression reads what a set is recognised by, or one of the recorded series.
pub fn reads(expr: &Expr, set: &AlertSet, recorded: &[&str]) -> bool {
    let mut found = false;
    for_each_selector(expr, &mut |selector| found |= selects(selector, set, recorded));
    found
}

fn selects(selector: &VectorSelector, set: &AlertSet, recorded: &[&str]) -> bool {
    let on_name = || selector.matchers.iter().filter(|m| &*m.name == METRIC_NAME);
    if let Some(exact) = on_name().find(|m| m.op == MatchOp::Equal) {
        return set.reads_metric(&exact.value) || recorded.contains(&&*exact.value);
    }
    // A pattern on the name selects a set when it takes one of its names; where a set has a star, a usual rest serves.
    let usual =
        set.reads.iter().map(|r| r.strip_suffix('*').map_or_else(|| r.clone(), |p| format!("{p}seconds_total")));
    on_name().next().is_some()
        && usual.chain(recorded.iter().map(|r| (*r).to_owned())).any(|name| on_name().all(|m| m.matches_value(&name)))
}
