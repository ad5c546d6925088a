//! Which metrics expressions read, and so what the world must model and which alerts are about the processor.

use crate::model::{Labels, METRIC_NAME, Matcher};
use crate::promql::ast::{DurationExpr, Expr, ExprKind, Modifiers, VectorSelector};
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
        ExprKind::Binary(_) => {
            let (spine, leaf) = expr.left_spine();
            for_each_selector(leaf, visit);
            spine.into_iter().rev().for_each(|(_, binary)| for_each_selector(&binary.rhs, visit));
        }
        ExprKind::Unary { expr, .. } | ExprKind::Paren(expr) => for_each_selector(expr, visit),
    }
}

/// How far an expression looks back at most, in ms: nested ranges and offsets added up, five minutes for a selector
/// without a range.
pub fn looks_back_ms(expr: &Expr) -> i64 {
    let of = |d: &DurationExpr| match d {
        DurationExpr::Millis(ms) => *ms,
        // Computed durations are experimental; ten minutes is as far as anybody asks.
        DurationExpr::Computed(_) => 600_000,
    };
    let offset = |m: &Modifiers| m.offset.as_ref().map_or(0, |d| of(d).max(0));
    match &expr.kind {
        ExprKind::Number { .. } | ExprKind::String(_) => 0,
        ExprKind::VectorSelector(selector) => offset(&selector.modifiers).saturating_add(300_000),
        ExprKind::MatrixSelector { selector, range } => {
            let at = match &selector.kind {
                ExprKind::VectorSelector(s) => offset(&s.modifiers),
                _ => 0,
            };
            of(range).saturating_add(at)
        }
        ExprKind::Subquery(subquery) => {
            let own = of(&subquery.range).saturating_add(offset(&subquery.modifiers));
            own.saturating_add(looks_back_ms(&subquery.expr))
        }
        ExprKind::Call(call) => call.args.iter().map(looks_back_ms).max().unwrap_or(0),
        ExprKind::Aggregate(aggregate) => {
            let param = aggregate.param.as_ref().map_or(0, looks_back_ms);
            param.max(looks_back_ms(&aggregate.expr))
        }
        ExprKind::Binary(_) => {
            let (spine, leaf) = expr.left_spine();
            spine.iter().map(|(_, binary)| looks_back_ms(&binary.rhs)).fold(looks_back_ms(leaf), i64::max)
        }
        ExprKind::Unary { expr, .. } | ExprKind::Paren(expr) => looks_back_ms(expr),
    }
}

/// Whether a selector can select a metric of this name.
pub(super) fn selects(selector: &VectorSelector, name: &str) -> bool {
    selector.matchers.iter().filter(|m| &*m.name == METRIC_NAME).all(|m| m.matches_value(name))
}

/// Whether an expression can read a metric of this name.
pub fn reads(expr: &Expr, name: &str) -> bool {
    let mut found = false;
    for_each_selector(expr, &mut |selector| found |= selects(selector, name));
    found
}

/// The conditions of all rules' selectors: what a page may leave out.
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
                names.selectors.push(selector.matchers.clone());
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
        let on_name = |m: &&Matcher| &*m.name == METRIC_NAME;
        self.everything || self.selectors.iter().any(|s| s.iter().filter(on_name).all(|m| m.matches_value(name)))
    }

    /// Whether a series with these labels may be read once a scrape has given it the target's labels, whose conditions
    /// are left open here. `exposed` holds the name.
    pub fn may_select(&self, exposed: &Labels, target: &Labels) -> bool {
        // A clash renames the exposed label, so its conditions say nothing about the page.
        let told = |m: &&Matcher| target.get(&m.name).is_none() && !m.name.starts_with("exported_");
        self.everything || self.selectors.iter().any(|s| s.iter().filter(told).all(|m| m.matches(exposed)))
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
