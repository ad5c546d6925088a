//! Does an expression show a metric's own values? Does it draw a constant?
//!
//! Judged on the syntax tree: the metric itself, or wrappers around it that keep the values of a single series.

use super::Standing;
use crate::promql::ast::{AggregateOp, BinaryOp, Expr, ExprKind, VectorSelector};
use crate::promql::{Dialect, ParseOptions, parse};

/// Nobody draws a longer chain of operators, and a longer one is not followed.
const LONGEST_CHAIN: usize = 200;

/// What an expression shows of a metric, in a sentence that fits behind "the query".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shows {
    /// Pass: its values; warn: something close; fail: something else.
    pub standing: Standing,
    /// Why.
    pub why: String,
}

impl Shows {
    fn new(standing: Standing, why: impl Into<String>) -> Self {
        Self { standing, why: why.into() }
    }

    fn at_most(self, standing: Standing, why: &str) -> Self {
        if self.standing > standing { Self::new(standing, why) } else { self }
    }
}

/// Judges a query text whose variables are filled in.
pub fn shows(query: &str, metric: &str) -> Shows {
    if query.trim().is_empty() {
        return Shows::new(Standing::Fail, "is empty");
    }
    match parse(query, &ParseOptions::experimental(Dialect::V3)) {
        Ok(expr) => of(&expr, metric),
        Err(e) => Shows::new(Standing::Fail, format!("is not PromQL ({e})")),
    }
}

/// The value an expression has at every moment, when it needs no data to tell.
pub fn constant(query: &str) -> Option<f64> {
    parse(query, &ParseOptions::experimental(Dialect::V3)).ok().and_then(|e| fold(&e))
}

/// The metric's name that a selector fixes.
fn selected(selector: &VectorSelector) -> Option<&str> {
    use crate::model::MatchOp;
    selector.name.as_deref().or_else(|| {
        let named = selector.matchers.iter().find(|m| &*m.name == "__name__" && m.op == MatchOp::Equal)?;
        Some(&named.value)
    })
}

fn of(expr: &Expr, metric: &str) -> Shows {
    let fail = |why: &str| Shows::new(Standing::Fail, why);
    match &expr.kind {
        ExprKind::Paren(inner) | ExprKind::Unary { negative: false, expr: inner } => of(inner, metric),
        ExprKind::Unary { .. } => fail("turns the values negative"),
        ExprKind::VectorSelector(selector) => match selected(selector) {
            Some(name) if name == metric => {
                if selector.modifiers.offset.is_some() || selector.modifiers.at.is_some() {
                    fail("shows values of another time")
                } else {
                    Shows::new(Standing::Pass, format!("selects {metric}"))
                }
            }
            Some(name) => Shows::new(Standing::Fail, format!("selects {name:?}, not {metric}")),
            None => fail("selects by something else than the metric's name"),
        },
        ExprKind::MatrixSelector { selector, .. } => of(selector, metric),
        ExprKind::Subquery(subquery) => of(&subquery.expr, metric),
        ExprKind::Number { .. } | ExprKind::String(_) => fail("is a constant"),
        ExprKind::Aggregate(aggregate) => match aggregate.op {
            AggregateOp::Sum
            | AggregateOp::Avg
            | AggregateOp::Min
            | AggregateOp::Max
            | AggregateOp::Topk
            | AggregateOp::Bottomk
            | AggregateOp::Quantile => of(&aggregate.expr, metric),
            _ => fail("counts or compares series instead of showing their values"),
        },
        ExprKind::Call(call) => {
            let inner = || call.args.iter().map(|a| of(a, metric)).max_by_key(|s| s.standing);
            let inner = inner().unwrap_or_else(|| fail("selects nothing"));
            match call.function.name {
                "last_over_time" | "label_replace" | "label_join" | "sort" | "sort_desc" | "sort_by_label"
                | "sort_by_label_desc" | "vector" | "scalar" | "abs" => inner,
                name if name.ends_with("_over_time")
                    && !matches!(
                        name,
                        "count_over_time" | "sum_over_time" | "absent_over_time" | "present_over_time"
                    ) =>
                {
                    inner.at_most(Standing::Warn, "smooths the values over a window")
                }
                "round" | "ceil" | "floor" | "clamp" | "clamp_max" | "clamp_min" => {
                    inner.at_most(Standing::Warn, "rounds or cuts the values")
                }
                "rate" | "irate" | "increase" | "delta" | "idelta" | "deriv" => inner.at_most(
                    Standing::Fail,
                    "shows how fast the metric changes, not its value: a gauge needs no rate()",
                ),
                name => inner.at_most(Standing::Fail, &format!("shows {name}() of the metric, not its value")),
            }
        }
        ExprKind::Binary(_) if expr.chain_length() > LONGEST_CHAIN => fail("calculates at too great a length"),
        ExprKind::Binary(binary) => {
            let (left, right) = (of(&binary.lhs, metric), of(&binary.rhs, metric));
            let number = fold(&binary.rhs).or_else(|| fold(&binary.lhs));
            let numeric_left = fold(&binary.lhs).is_some();
            let best = if left.standing >= right.standing { left } else { right };
            let neutral = match binary.op {
                BinaryOp::Mul => number == Some(1.0),
                BinaryOp::Add => number == Some(0.0),
                BinaryOp::Div | BinaryOp::Pow => number == Some(1.0) && !numeric_left,
                BinaryOp::Sub => number == Some(0.0) && !numeric_left,
                _ => false,
            };
            match binary.op {
                _ if neutral => best,
                BinaryOp::Or => best,
                BinaryOp::And | BinaryOp::Unless => best.at_most(Standing::Warn, "leaves values out"),
                _ if binary.op.is_comparison() && binary.return_bool => {
                    best.at_most(Standing::Fail, "shows whether a comparison holds, not the value")
                }
                _ if binary.op.is_comparison() => best.at_most(Standing::Warn, "leaves values out by a comparison"),
                _ => best.at_most(Standing::Fail, "calculates with the metric, so the graph has another scale"),
            }
        }
    }
}

fn fold(expr: &Expr) -> Option<f64> {
    match &expr.kind {
        ExprKind::Number { value, .. } => Some(*value),
        ExprKind::Paren(inner) | ExprKind::Unary { negative: false, expr: inner } => fold(inner),
        ExprKind::Unary { expr: inner, .. } => fold(inner).map(|v| -v),
        ExprKind::Aggregate(a)
            if matches!(a.op, AggregateOp::Sum | AggregateOp::Avg | AggregateOp::Min | AggregateOp::Max) =>
        {
            fold(&a.expr)
        }
        ExprKind::Call(call) => match call.function.name {
            "pi" => Some(std::f64::consts::PI),
            "vector" | "scalar" | "label_replace" | "label_join" | "abs" => {
                fold(call.args.first()?).map(|v| if call.function.name == "abs" { v.abs() } else { v })
            }
            _ => None,
        },
        ExprKind::Binary(_) if expr.chain_length() > LONGEST_CHAIN => None,
        ExprKind::Binary(binary) if !binary.op.is_comparison() => {
            let (left, right) = (fold(&binary.lhs), fold(&binary.rhs));
            match (binary.op, left, right) {
                // Whatever the metric says, nothing is left of it.
                (BinaryOp::Mul, Some(0.0), _) | (BinaryOp::Mul, _, Some(0.0)) => Some(0.0),
                (BinaryOp::Pow, _, Some(0.0)) => Some(1.0),
                (BinaryOp::Add, Some(l), Some(r)) => Some(l + r),
                (BinaryOp::Sub, Some(l), Some(r)) => Some(l - r),
                (BinaryOp::Mul, Some(l), Some(r)) => Some(l * r),
                (BinaryOp::Div, Some(l), Some(r)) => Some(l / r),
                (BinaryOp::Mod, Some(l), Some(r)) => Some(l % r),
                (BinaryOp::Pow, Some(l), Some(r)) => Some(l.powf(r)),
                (BinaryOp::Or, Some(l), _) => Some(l),
                _ => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrappers_that_keep_the_values_of_one_series_pass() {
        for query in [
            "m",
            "(m{job='x'})",
            "{__name__=\"m\"}",
            "sum by (job) (m)",
            "last_over_time(m[1m])",
            "m * 1",
            "0 + m",
            "label_replace(m, 'a', 'b', 'c', 'd')",
            "m or vector(0)",
            "max(m) without (instance)",
        ] {
            assert_eq!(shows(query, "m").standing, Standing::Pass, "{query}: {}", shows(query, "m").why);
        }
    }

    #[test]
    fn smoothing_and_cutting_only_warn() {
        for query in ["avg_over_time(m[5m])", "m > 0.5", "round(m, 0.1)", "m and on() up"] {
            assert_eq!(shows(query, "m").standing, Standing::Warn, "{query}");
        }
    }

    #[test]
    fn another_quantity_fails() {
        for query in [
            "rate(m[1m])",
            "m * 100",
            "-m",
            "my_m",
            "count(m)",
            "absent(m)",
            "m offset 1m",
            "m > bool 0.5",
            "up{x=\"m\"}",
            "",
            "m +",
            "1 / m",
        ] {
            assert_eq!(shows(query, "m").standing, Standing::Fail, "{query}");
        }
    }

    #[test]
    fn constants_are_folded_through_arithmetic() {
        for query in [
            "0.75",
            "vector(0.75)",
            "vector(3/4)",
            "m * 0 + 0.75",
            "0.25 + 0.5",
            "max(vector(0.75))",
            "time() * 0 + .75",
        ] {
            assert_eq!(constant(query), Some(0.75), "{query}");
        }
        for query in ["m", "m + 0.75", "m > 0.75", "time()"] {
            assert_eq!(constant(query), None, "{query}");
        }
    }
}
