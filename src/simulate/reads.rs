//! Which metrics expressions read, and so what the world must model and which alerts are about the processor.

use crate::model::{METRIC_NAME, Matcher};
use crate::promql::ast::{Expr, ExprKind, VectorSelector};
use crate::rules::{GroupSpec, RuleKind};

/// Calls `visit` for every selector of an expression.
pub fn for_each_selector<'a>(expr: &'a Expr, visit: &mut impl FnMut(&'a VectorSelector)) {
    match &expr.kind {
        ExprKind::Number { .. } | ExprKind::String(_) => {}
        ExprKind::VectorSelector(selector) => visit(selector),
        ExprKind::MatrixSelector { selector, .. } => for_each_selector(selector, visit),
        ExprKind::Subquery(subquery) => for_each_selector(&subquery.expr, visit),
        ExprKind::Call(call) => call.args.iter().for_each(|arg| for_each_selector(arg, visit)),
        ExprKind::Aggregate(aggregate) => {
            if let Some(param) = &aggregate.param {
                for_each_selector(param, visit);
            }
            for_each_selector(&aggregate.expr, visit);
        }
        ExprKind::Binary(binary) => {
            for_each_selector(&binary.lhs, visit);
            for_each_selector(&binary.rhs, visit);
        }
        ExprKind::Unary { expr, .. } | ExprKind::Paren(expr) => for_each_selector(expr, visit),
    }
}

/// Whether a selector can select a metric of this name.
fn selects(selector: &VectorSelector, name: &str) -> bool {
    selector.matchers.iter().filter(|m| &*m.name == METRIC_NAME).all(|m| m.matches_value(name))
}

/// Whether an expression can read a metric of this name.
pub fn reads(expr: &Expr, name: &str) -> bool {
    let mut found = false;
    for_each_selector(expr, &mut |selector| found |= selects(selector, name));
    found
}

/// The conditions on metric names of all rules: what a page may leave out.
#[derive(Clone, Debug, Default)]
pub struct NamesRead {
    selectors: Vec<Vec<Matcher>>,
    /// Templates that query may read anything.
    everything: bool,
}

impl NamesRead {
    /// What the rules of these groups read.
    pub fn of<'a>(groups: impl IntoIterator<Item = &'a GroupSpec>) -> Self {
        let mut names = Self::default();
        for rule in groups.into_iter().flat_map(|g| &g.rules) {
            for_each_selector(&rule.expr, &mut |selector| {
                let on_name = selector.matchers.iter().filter(|m| &*m.name == METRIC_NAME);
                names.selectors.push(on_name.cloned().collect());
            });
            let annotations = match &rule.kind {
                RuleKind::Alerting(alerting) => &alerting.annotations[..],
                RuleKind::Recording => &[],
            };
            names.everything |= rule.labels.iter().chain(annotations).any(|(_, text)| text.contains("query"));
        }
        names
    }

    /// Whether a metric of this name may be read.
    pub fn contains(&self, name: &str) -> bool {
        self.everything || self.selectors.iter().any(|s| s.iter().all(|m| m.matches_value(name)))
    }
}

/// Metrics of Node Exporter that tell how busy the processors are.
const CPU_METRICS: [&str; 12] = [
    "node_cpu_seconds_total",
    "node_cpu_guest_seconds_total",
    "node_cpu",
    "node_load1",
    "node_load5",
    "node_load15",
    "node_pressure_cpu_waiting_seconds_total",
    "node_procs_running",
    "node_schedstat_running_seconds_total",
    "node_schedstat_waiting_seconds_total",
    "node_schedstat_timeslices_total",
    "node_context_switches_total",
];

/// The places (group, rule) of the alerting rules that read CPU or load metrics, themselves or through recording rules.
pub fn cpu_alerts<'a>(groups: impl IntoIterator<Item = &'a GroupSpec>) -> Vec<(usize, usize)> {
    let groups: Vec<&GroupSpec> = groups.into_iter().collect();
    let mut names: Vec<&str> = CPU_METRICS.to_vec();
    let reads_any = |expr: &Expr, names: &[&str]| names.iter().any(|name| reads(expr, name));
    loop {
        let recorded = groups.iter().flat_map(|g| &g.rules).filter(|r| matches!(r.kind, RuleKind::Recording));
        let more: Vec<&str> =
            recorded.filter(|r| !names.contains(&&*r.name) && reads_any(&r.expr, &names)).map(|r| &*r.name).collect();
        if more.is_empty() {
            break;
        }
        names.extend(more);
    }
    let mut found = Vec::new();
    for (g, group) in groups.iter().enumerate() {
        for (r, rule) in group.rules.iter().enumerate() {
            if matches!(rule.kind, RuleKind::Alerting(_)) && reads_any(&rule.expr, &names) {
                found.push((g, r));
            }
        }
    }
    found
}
