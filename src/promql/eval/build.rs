//! From the syntax tree to the evaluator's nodes.

use std::sync::Arc;

use super::aggregate::Aggregation;
use super::chain;
use super::node::{Kind, Node};
use super::over_range::{OverRange, RangeFunction};
use super::rows::RowMap;
use super::selector::Selector;
use super::source::{RangeSource, SourceKind};
use super::table::Row;
use super::vector_calls::VectorCall;
use crate::model::Labels;
use crate::promql::ast::{Call, Expr, ExprKind, ValueType};
use crate::promql::functions::labels::of_absent;
use crate::text::Span;

/// The expression without the parentheses around it.
pub(crate) fn bare(expr: &Expr) -> &Expr {
    let mut expr = expr;
    while let ExprKind::Paren(inner) = &expr.kind {
        expr = inner;
    }
    expr
}

/// Whether an expression is a scalar.
pub(crate) fn is_scalar(expr: &Expr) -> bool {
    expr.value_type() == ValueType::Scalar
}

/// Functions whose value depends on the evaluation's time, whatever `@` says.
const TIMELY: [&str; 11] = [
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "days_in_month",
    "hour",
    "minute",
    "month",
    "predict_linear",
    "time",
    "timestamp",
    "year",
];

/// Whether an expression has the same value at every step.
pub(crate) fn is_invariant(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Number { .. } | ExprKind::String(_) => true,
        ExprKind::VectorSelector(s) => s.modifiers.at.is_some(),
        ExprKind::MatrixSelector { selector, .. } => is_invariant(selector),
        ExprKind::Subquery(s) => s.modifiers.at.is_some(),
        ExprKind::Paren(inner) => is_invariant(inner),
        ExprKind::Unary { expr, .. } => is_invariant(expr),
        ExprKind::Aggregate(a) => is_invariant(&a.expr),
        ExprKind::Binary(_) => {
            let (spine, leaf) = expr.left_spine();
            is_invariant(leaf) && spine.iter().all(|(_, b)| is_invariant(&b.rhs))
        }
        ExprKind::Call(c) => !TIMELY.contains(&c.function.name) && c.args.iter().all(is_invariant),
    }
}

/// What the calls around an expression want of its histograms.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Around {
    /// Only their counts and sums: a server then decodes no buckets, but tells for each sample whether the counter was
    /// reset.
    counts_only: bool,
    /// The buckets are needed after all.
    needs_buckets: bool,
}

impl Around {
    /// With one more call around.
    fn call(self, name: &str) -> Self {
        match name {
            "histogram_count" | "histogram_sum" | "histogram_avg" => Self { counts_only: true, ..self },
            "histogram_quantile" | "histogram_fraction" => Self { needs_buckets: true, ..self },
            _ => self,
        }
    }

    fn subquery(self) -> Self {
        Self { needs_buckets: true, ..self }
    }

    fn tells_resets(self) -> bool {
        self.counts_only && !self.needs_buckets
    }
}

/// Builds the node of an expression.
pub(crate) fn node(expr: &Expr, around: Around) -> Node {
    let kind = match &expr.kind {
        ExprKind::Number { value, .. } => Kind::Number(*value),
        ExprKind::String(text) => Kind::Text(text.clone()),
        ExprKind::VectorSelector(s) => Kind::Selector(Box::new(Selector::new(s, around.tells_resets()))),
        ExprKind::MatrixSelector { .. } | ExprKind::Subquery(_) => match source(expr, around) {
            Some(source) => Kind::Range(Box::new(source)),
            None => Kind::Number(f64::NAN),
        },
        ExprKind::Paren(inner) => return node(inner, around),
        ExprKind::Unary { negative: false, expr } => return node(expr, around),
        ExprKind::Unary { negative: true, expr } => Kind::Negate(Box::new(node(expr, around)), RowMap::default()),
        ExprKind::Aggregate(a) => Kind::Aggregation(Box::new(Aggregation::new(a, expr.span, around))),
        ExprKind::Binary(_) => return chain::build(expr, around),
        ExprKind::Call(c) => call(c, expr.span, around.call(c.function.name)),
    };
    Node { span: expr.span, invariant: is_invariant(expr) && !matches!(kind, Kind::Number(_) | Kind::Text(_)), kind }
}

/// The range vector of an expression, if it is one.
fn source(expr: &Expr, around: Around) -> Option<RangeSource> {
    let expr = bare(expr);
    let (range, kind) = match &expr.kind {
        ExprKind::MatrixSelector { selector, range } => {
            let ExprKind::VectorSelector(s) = &bare(selector).kind else { return None };
            (range, SourceKind::Series(Selector::new(s, around.tells_resets())))
        }
        ExprKind::Subquery(s) => (
            &s.range,
            SourceKind::Subquery {
                node: Box::new(node(&s.expr, around.subquery())),
                step: s.step.clone(),
                modifiers: s.modifiers.clone(),
            },
        ),
        _ => return None,
    };
    Some(RangeSource { range: range.clone(), kind })
}

fn call(c: &Call, span: Span, around: Around) -> Kind {
    let name = c.function.name;
    if let Some(function) = RangeFunction::by_name(name) {
        let mut params = Vec::new();
        let mut range = None;
        for arg in &c.args {
            match source(arg, around) {
                Some(s) if range.is_none() => range = Some((s, arg)),
                _ => params.push(node(bare(arg), around)),
            }
        }
        if let Some((source, arg)) = range {
            let first_span = c.args.first().map_or(span, |a| bare(a).span);
            let call = OverRange {
                function,
                name,
                source,
                params,
                first_span,
                names: RowMap::default(),
                resets: Vec::new(),
                floats: Vec::new(),
            };
            if function == RangeFunction::AbsentOverTime {
                return Kind::AbsentOverTime(Box::new(call), absent_rows(arg));
            }
            return Kind::OverRange(Box::new(call));
        }
    }
    match name {
        "time" => Kind::Time,
        "pi" => Kind::Number(std::f64::consts::PI),
        "scalar" => c.args.first().map_or(Kind::Number(f64::NAN), |a| Kind::ScalarOf(Box::new(node(bare(a), around)))),
        _ => Kind::VectorCall(Box::new(VectorCall::new(c, span, around))),
    }
}

/// The one row of `absent(…)`: what the selector's `=` matchers promise.
pub(crate) fn absent_rows(arg: &Expr) -> Arc<[Row]> {
    let labels = match &bare(arg).kind {
        ExprKind::VectorSelector(s) => of_absent(&s.matchers),
        ExprKind::MatrixSelector { selector, .. } => match &bare(selector).kind {
            ExprKind::VectorSelector(s) => of_absent(&s.matchers),
            _ => Labels::empty(),
        },
        _ => Labels::empty(),
    };
    Arc::new([Row { labels, drop_name: true }])
}
