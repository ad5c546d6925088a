//! The value a rule compares, over time: what is left of its comparison.

use crate::engine::Engine;
use crate::golang::float::{FloatFormat, format_float};
use crate::model::Time;
use crate::promql::ast::{BinaryOp, Expr, ExprKind};
use crate::promql::eval::{Options, Prepared};
use crate::promql::value::Value;
use crate::rules::RuleSpec;

/// A longer chain of operators is not followed.
const LONGEST_CHAIN: usize = 200;

/// What a rule compared in a stretch of time.
#[derive(Clone, Debug, PartialEq)]
pub enum Compared {
    /// The expression selects nothing.
    NoSeries,
    /// The compared value moved between these.
    Range {
        /// The smallest.
        low: String,
        /// The largest.
        high: String,
        /// What it was compared with, when that is a number.
        against: Option<String>,
    },
    /// Not to be told.
    Unknown,
}

/// The side of a comparison that varies, and the number it is compared with.
pub fn sides(expr: &Expr) -> Option<(&Expr, BinaryOp, f64)> {
    match &expr.kind {
        ExprKind::Paren(inner) => sides(inner),
        ExprKind::Binary(_) if expr.chain_length() > LONGEST_CHAIN => None,
        ExprKind::Binary(b) if b.op.is_comparison() => match (number(&b.lhs), number(&b.rhs)) {
            (None, Some(n)) => Some((&b.lhs, b.op, n)),
            (Some(n), None) => Some((&b.rhs, b.op, n)),
            _ => None,
        },
        ExprKind::Binary(b) if matches!(b.op, BinaryOp::And | BinaryOp::Unless | BinaryOp::Mul) => {
            sides(&b.lhs).or_else(|| sides(&b.rhs))
        }
        _ => None,
    }
}

fn number(expr: &Expr) -> Option<f64> {
    match &expr.kind {
        ExprKind::Number { value, .. } => Some(*value),
        ExprKind::Paren(inner) => number(inner),
        ExprKind::Unary { negative, expr } => number(expr).map(|n| if *negative { -n } else { n }),
        ExprKind::Binary(_) if expr.chain_length() > LONGEST_CHAIN => None,
        ExprKind::Binary(b) => {
            let (l, r) = (number(&b.lhs)?, number(&b.rhs)?);
            match b.op {
                BinaryOp::Add => Some(l + r),
                BinaryOp::Sub => Some(l - r),
                BinaryOp::Mul => Some(l * r),
                BinaryOp::Div => Some(l / r),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The points of an expression in a run: time in seconds since the epoch, and value, a list per series.
pub fn points(engine: &Engine, expr: &Expr, from: Time, until: Time, step_ms: i64) -> Vec<Vec<(f64, f64)>> {
    let options = engine
        .config()
        .prometheus
        .as_ref()
        .map_or_else(|| Options::new(crate::promql::Dialect::V3), |p| p.context.expansion.options.clone());
    let mut query = Prepared::new(expr, &options);
    match query.range(engine.db(), from.millis(), until.millis(), step_ms).map(|a| a.value) {
        Ok(Value::Matrix(series)) => {
            series.iter().map(|s| s.floats.iter().map(|(t, v)| (*t as f64 / 1000.0, *v)).collect()).collect()
        }
        _ => Vec::new(),
    }
}

/// What a rule compared between two moments.
pub fn compared(engine: &Engine, rule: &RuleSpec, from: Time, until: Time) -> Compared {
    let Some((side, _, against)) = sides(&rule.expr) else {
        let any = !points(engine, &rule.expr, from, until, 5000).is_empty();
        return if any { Compared::Unknown } else { Compared::NoSeries };
    };
    let values: Vec<f64> = points(engine, side, from, until, 5000).into_iter().flatten().map(|p| p.1).collect();
    if values.is_empty() {
        return Compared::NoSeries;
    }
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Compared::Range { low: short(low), high: short(high), against: Some(short(against)) }
}

/// Four significant digits, for people.
pub fn short(value: f64) -> String {
    format_float(value, FloatFormat::General, Some(4))
}
