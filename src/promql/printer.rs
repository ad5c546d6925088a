//! The canonical text of an expression, as Prometheus shows it in the API and in generator links.

use std::fmt::{self, Write};

use super::Dialect;
use super::ast::{
    Aggregate, At, Binary, Cardinality, DurationExpr, DurationKind, DurationNode, Expr, ExprKind, ExtendedRange,
    Modifiers, Subquery, VectorSelector,
};
use crate::golang::duration::format_prometheus_duration;
use crate::golang::float::{FloatFormat, format_float};
use crate::golang::quote;
use crate::model::{METRIC_NAME, MatchOp, Matcher};

/// The expression's canonical text in a dialect; 2.42 and 3 differ in large numbers and in names outside ASCII.
pub fn print(expr: &Expr, dialect: Dialect) -> String {
    let mut out = String::new();
    // Writing into a string cannot fail.
    let _ = Printer { out: &mut out, dialect }.expression(expr);
    out
}

/// Whether the canonical text is longer than `limit` bytes, without printing more than that.
pub(super) fn is_longer_than(expr: &Expr, dialect: Dialect, limit: usize) -> bool {
    let mut out = Limited { left: limit };
    Printer { out: &mut out, dialect }.expression(expr).is_err()
}

/// The part between the left and the right side.
pub(super) fn operator(binary: &Binary, dialect: Dialect) -> String {
    let mut out = String::new();
    let _ = Printer { out: &mut out, dialect }.operator(binary);
    out
}

/// The part before an aggregation's opening parenthesis.
pub(super) fn aggregation(aggregate: &Aggregate, dialect: Dialect) -> String {
    let mut out = String::new();
    let _ = Printer { out: &mut out, dialect }.aggregation(aggregate);
    out
}

/// The part behind a subquery's expression.
pub(super) fn subquery_suffix(subquery: &Subquery, dialect: Dialect) -> String {
    let mut out = String::new();
    let _ = Printer { out: &mut out, dialect }.subquery_suffix(subquery);
    out
}

struct Limited {
    left: usize,
}

impl Write for Limited {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.left = self.left.checked_sub(s.len()).ok_or(fmt::Error)?;
        Ok(())
    }
}

struct Printer<'a, W> {
    out: &'a mut W,
    dialect: Dialect,
}

impl<W: Write> Printer<'_, W> {
    fn expression(&mut self, expr: &Expr) -> fmt::Result {
        match &expr.kind {
            ExprKind::Number { value, duration } => self.number(*value, *duration),
            ExprKind::String(s) => self.out.write_str(&quote(s)),
            ExprKind::VectorSelector(selector) => {
                self.selector(selector)?;
                self.at(&selector.modifiers)?;
                self.extended(selector)?;
                self.offset(&selector.modifiers)
            }
            ExprKind::MatrixSelector { selector, range } => self.matrix(selector, range),
            ExprKind::Subquery(subquery) => {
                self.expression(&subquery.expr)?;
                self.subquery_suffix(subquery)
            }
            ExprKind::Call(call) => {
                write!(self.out, "{}(", call.function.name)?;
                for (i, arg) in call.args.iter().enumerate() {
                    self.comma(i)?;
                    self.expression(arg)?;
                }
                self.out.write_char(')')
            }
            ExprKind::Aggregate(aggregate) => {
                self.aggregation(aggregate)?;
                self.out.write_char('(')?;
                if let Some(param) = &aggregate.param {
                    self.expression(param)?;
                    self.out.write_str(", ")?;
                }
                self.expression(&aggregate.expr)?;
                self.out.write_char(')')
            }
            ExprKind::Binary(_) => {
                let (spine, leaf) = expr.left_spine();
                self.expression(leaf)?;
                for (_, binary) in spine.iter().rev() {
                    self.out.write_char(' ')?;
                    self.operator(binary)?;
                    self.out.write_char(' ')?;
                    self.expression(&binary.rhs)?;
                }
                Ok(())
            }
            ExprKind::Unary { negative, expr } => {
                self.out.write_char(if *negative { '-' } else { '+' })?;
                self.expression(expr)
            }
            ExprKind::Paren(inner) => {
                self.out.write_char('(')?;
                self.expression(inner)?;
                self.out.write_char(')')
            }
        }
    }

    fn comma(&mut self, index: usize) -> fmt::Result {
        if index > 0 { self.out.write_str(", ") } else { Ok(()) }
    }

    fn number(&mut self, value: f64, duration: bool) -> fmt::Result {
        if duration {
            return self.out.write_str(&format_prometheus_duration((value * 1e9) as i64));
        }
        let format = if self.dialect == Dialect::V2_42 { FloatFormat::General } else { FloatFormat::Fixed };
        self.out.write_str(&format_float(value, format, None))
    }

    fn selector(&mut self, selector: &VectorSelector) -> fmt::Result {
        let name = selector.name.as_deref().unwrap_or("");
        self.out.write_str(name)?;
        let shown_as_name =
            |m: &Matcher| *m.name == *METRIC_NAME && m.op == MatchOp::Equal && *m.value == *name && !name.is_empty();
        let mut matchers: Vec<String> =
            selector.matchers.iter().filter(|m| !shown_as_name(m)).map(|m| self.matcher(m)).collect();
        if matchers.is_empty() {
            // Without a name there is nothing else to show; dialect 3 drops the braces too.
            return Ok(());
        }
        matchers.sort_unstable();
        write!(self.out, "{{{}}}", matchers.join(","))
    }

    fn matcher(&self, matcher: &Matcher) -> String {
        format!("{}{}{}", self.label(&matcher.name), matcher.op.as_str(), quote(&matcher.value))
    }

    fn label(&self, name: &str) -> String {
        if self.dialect == Dialect::V2_42 || is_legacy_label(name) { name.to_owned() } else { quote(name) }
    }

    fn labels(&mut self, labels: &[std::sync::Arc<str>]) -> fmt::Result {
        for (i, label) in labels.iter().enumerate() {
            self.comma(i)?;
            let label = self.label(label);
            self.out.write_str(&label)?;
        }
        Ok(())
    }

    /// ` keyword (a, b)`
    fn label_list(&mut self, keyword: &str, labels: &[std::sync::Arc<str>]) -> fmt::Result {
        write!(self.out, " {keyword} (")?;
        self.labels(labels)?;
        self.out.write_char(')')
    }

    fn aggregation(&mut self, aggregate: &Aggregate) -> fmt::Result {
        self.out.write_str(aggregate.op.as_str())?;
        if aggregate.without || !aggregate.grouping.is_empty() {
            self.label_list(if aggregate.without { "without" } else { "by" }, &aggregate.grouping)?;
            self.out.write_char(' ')?;
        }
        Ok(())
    }

    fn operator(&mut self, binary: &Binary) -> fmt::Result {
        self.out.write_str(binary.op.as_str())?;
        if binary.return_bool {
            self.out.write_str(" bool")?;
        }
        let Some(matching) = &binary.matching else {
            return Ok(());
        };
        let group = match matching.cardinality {
            Cardinality::ManyToOne => Some("group_left"),
            Cardinality::OneToMany => Some("group_right"),
            _ => None,
        };
        let shown = !matching.labels.is_empty() || matching.on;
        // 2.42 loses `ignoring() group_left` altogether.
        if !shown && (self.dialect == Dialect::V2_42 || group.is_none()) {
            return self.fill(matching.fill);
        }
        self.label_list(if matching.on { "on" } else { "ignoring" }, &matching.labels)?;
        if let Some(group) = group {
            self.label_list(group, &matching.include)?;
        }
        self.fill(matching.fill)
    }

    fn fill(&mut self, fill: (Option<f64>, Option<f64>)) -> fmt::Result {
        let text = |v| format_float(v, FloatFormat::General, None);
        match fill {
            (None, None) => Ok(()),
            (Some(l), Some(r)) if l.to_bits() == r.to_bits() => write!(self.out, " fill ({})", text(l)),
            (l, r) => {
                if let Some(l) = l {
                    write!(self.out, " fill_left ({})", text(l))?;
                }
                if let Some(r) = r {
                    write!(self.out, " fill_right ({})", text(r))?;
                }
                Ok(())
            }
        }
    }

    fn matrix(&mut self, selector: &Expr, range: &DurationExpr) -> fmt::Result {
        let ExprKind::VectorSelector(vector) = &selector.kind else {
            return self.expression(selector);
        };
        self.selector(vector)?;
        self.out.write_char('[')?;
        self.duration(range)?;
        self.out.write_char(']')?;
        self.extended(vector)?;
        self.at(&vector.modifiers)?;
        self.offset(&vector.modifiers)
    }

    fn subquery_suffix(&mut self, subquery: &Subquery) -> fmt::Result {
        self.out.write_char('[')?;
        self.duration(&subquery.range)?;
        self.out.write_char(':')?;
        if let Some(step) = &subquery.step {
            self.duration(step)?;
        }
        self.out.write_char(']')?;
        self.at(&subquery.modifiers)?;
        self.offset(&subquery.modifiers)
    }

    fn extended(&mut self, selector: &VectorSelector) -> fmt::Result {
        match selector.extended {
            Some(ExtendedRange::Anchored) => self.out.write_str(" anchored"),
            Some(ExtendedRange::Smoothed) => self.out.write_str(" smoothed"),
            None => Ok(()),
        }
    }

    fn at(&mut self, modifiers: &Modifiers) -> fmt::Result {
        match modifiers.at {
            Some(At::Timestamp(ms)) => write!(self.out, " @ {:.3}", ms as f64 / 1000.0),
            Some(At::Start) => self.out.write_str(" @ start()"),
            Some(At::End) => self.out.write_str(" @ end()"),
            None => Ok(()),
        }
    }

    fn offset(&mut self, modifiers: &Modifiers) -> fmt::Result {
        let Some(offset) = &modifiers.offset else {
            return Ok(());
        };
        self.out.write_str(" offset ")?;
        match offset {
            DurationExpr::Computed(node) if !stands_alone(node) => {
                self.out.write_char('(')?;
                self.duration_node(node)?;
                self.out.write_char(')')
            }
            offset => self.duration(offset),
        }
    }

    fn duration(&mut self, duration: &DurationExpr) -> fmt::Result {
        match duration {
            DurationExpr::Millis(ms) => self.out.write_str(&format_prometheus_duration(ms.saturating_mul(1_000_000))),
            DurationExpr::Computed(node) => self.duration_node(node),
        }
    }

    fn duration_node(&mut self, node: &DurationNode) -> fmt::Result {
        match &node.kind {
            DurationKind::Millis(ms) => self.out.write_str(&format_float(ms / 1000.0, FloatFormat::Fixed, None)),
            DurationKind::Step => self.out.write_str("step()"),
            DurationKind::Range => self.out.write_str("range()"),
            DurationKind::Min(a, b) => self.duration_pair("min(", a, b),
            DurationKind::Max(a, b) => self.duration_pair("max(", a, b),
            DurationKind::Unary { negative, node } => {
                self.out.write_str(if *negative { "-" } else { "" })?;
                self.duration_node(node)
            }
            DurationKind::Binary { op, lhs, rhs } => {
                self.duration_node(lhs)?;
                write!(self.out, " {} ", op.as_str())?;
                self.duration_node(rhs)
            }
            DurationKind::Paren(node) => {
                self.out.write_char('(')?;
                self.duration_node(node)?;
                self.out.write_char(')')
            }
        }
    }

    fn duration_pair(&mut self, open: &str, a: &DurationNode, b: &DurationNode) -> fmt::Result {
        self.out.write_str(open)?;
        self.duration_node(a)?;
        self.out.write_str(", ")?;
        self.duration_node(b)?;
        self.out.write_char(')')
    }
}

/// Whether a duration may stand behind `offset` without parentheses and be read back the same.
fn stands_alone(node: &DurationNode) -> bool {
    match &node.kind {
        DurationKind::Binary { .. } => false,
        DurationKind::Unary { node, .. } => !matches!(node.kind, DurationKind::Binary { .. }),
        _ => true,
    }
}

fn is_legacy_label(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b == b'_' || b.is_ascii_alphabetic())
        && bytes.all(|b| b == b'_' || b.is_ascii_alphanumeric())
}
