//! The type check, in Prometheus' order, so that the first error is the same one.

use super::ast::{AggregateOp, Binary, Call, Cardinality, Expr, ExprKind, ValueType, VectorMatching, VectorSelector};
use super::parser::ParseError;
use crate::golang::quote;
use crate::model::METRIC_NAME;
use crate::text::Span;

type Checked<T> = Result<T, ParseError>;

/// Checks an expression and settles how its vectors are matched.
pub(super) fn check(text: &str, expr: &mut Expr) -> Checked<ValueType> {
    Checker { text }.expression(expr)
}

struct Checker<'a> {
    text: &'a str,
}

impl Checker<'_> {
    fn error<T>(&self, span: Span, message: impl Into<String>) -> Checked<T> {
        Err(ParseError::new(self.text, span, message))
    }

    fn expression(&self, expr: &mut Expr) -> Checked<ValueType> {
        let span = expr.span;
        Ok(match &mut expr.kind {
            ExprKind::Number { .. } => ValueType::Scalar,
            ExprKind::String(_) => ValueType::String,
            ExprKind::VectorSelector(selector) => {
                self.selector(span, selector)?;
                ValueType::Vector
            }
            ExprKind::MatrixSelector { selector, .. } => {
                self.expression(selector)?;
                ValueType::Matrix
            }
            ExprKind::Subquery(subquery) => {
                let inner = self.expression(&mut subquery.expr)?;
                if inner != ValueType::Vector {
                    let message = format!("subquery is only allowed on instant vector, got {} instead", inner.as_str());
                    return self.error(span, message);
                }
                ValueType::Matrix
            }
            ExprKind::Call(call) => self.call(span, call)?,
            ExprKind::Aggregate(aggregate) => {
                self.expect(&mut aggregate.expr, ValueType::Vector, "aggregation expression")?;
                let wanted = match aggregate.op {
                    AggregateOp::CountValues => ValueType::String,
                    _ => ValueType::Scalar,
                };
                if let Some(param) = &mut aggregate.param {
                    self.expect(param, wanted, "aggregation parameter")?;
                }
                ValueType::Vector
            }
            ExprKind::Binary(_) => self.chain(expr)?,
            ExprKind::Unary { expr, .. } => {
                let inner = self.expression(expr)?;
                if !matches!(inner, ValueType::Scalar | ValueType::Vector) {
                    let message = format!(
                        "unary expression only allowed on expressions of type scalar or instant vector, got {}",
                        quote(inner.documented())
                    );
                    return self.error(span, message);
                }
                inner
            }
            ExprKind::Paren(inner) => self.expression(inner)?,
        })
    }

    fn expect(&self, expr: &mut Expr, wanted: ValueType, context: &str) -> Checked<()> {
        let got = self.expression(expr)?;
        if got == wanted {
            return Ok(());
        }
        let message = format!("expected type {} in {context}, got {}", wanted.documented(), got.documented());
        self.error(expr.span, message)
    }

    /// A chain of operations that leans to the left, from its innermost operand outwards.
    fn chain(&self, expr: &mut Expr) -> Checked<ValueType> {
        let mut spine = Vec::new();
        let mut current = std::mem::replace(expr, Expr::placeholder());
        while let ExprKind::Binary(mut binary) = current.kind {
            let lhs = std::mem::replace(&mut binary.lhs, Expr::placeholder());
            spine.push((current.span, binary));
            current = lhs;
        }
        let mut lhs_type = self.expression(&mut current)?;
        while let Some((span, mut binary)) = spine.pop() {
            binary.lhs = current;
            lhs_type = self.binary(span, &mut binary, lhs_type)?;
            current = Expr { span, kind: ExprKind::Binary(binary) };
        }
        *expr = current;
        Ok(lhs_type)
    }

    fn binary(&self, span: Span, binary: &mut Binary, lt: ValueType) -> Checked<ValueType> {
        use ValueType::{Scalar, Vector};
        let rt = self.expression(&mut binary.rhs)?;
        let op = binary.op;
        if binary.return_bool && !op.is_comparison() {
            return self.error(self.operator(binary), "bool modifier can only be used on comparison operators");
        }
        if op.is_comparison() && !binary.return_bool && lt == Scalar && rt == Scalar {
            return self.error(self.operator(binary), "comparisons between scalars must use BOOL modifier");
        }
        if let Some(label) = binary.matching.as_ref().and_then(label_used_twice) {
            let message = format!("label {} must not occur in ON and GROUP clause at once", quote(label));
            return self.error(self.operator(binary), message);
        }
        for (side, side_type) in [(&binary.lhs, lt), (&binary.rhs, rt)] {
            if !matches!(side_type, Scalar | Vector) {
                let message = "binary expression must contain only scalar and instant vector types";
                return self.error(side.span, message);
            }
        }
        if lt == Vector && rt == Vector {
            self.vector_matching(span, binary)?;
        } else {
            if let Some(matching) = binary.matching.take() {
                if !matching.labels.is_empty() {
                    return self.error(span, "vector matching only allowed between instant vectors");
                }
                if matching.fill != (None, None) {
                    return self.error(span, "filling in missing series only allowed between instant vectors");
                }
            }
            if op.is_set() {
                let name = quote(op.as_str());
                return self.error(span, format!("set operator {name} not allowed in binary scalar expression"));
            }
        }
        Ok(if lt == Scalar && rt == Scalar { Scalar } else { Vector })
    }

    fn vector_matching(&self, span: Span, binary: &mut Binary) -> Checked<()> {
        let op = binary.op;
        let Some(matching) = binary.matching.as_mut().filter(|_| op.is_set()) else {
            return Ok(());
        };
        if matching.cardinality != Cardinality::OneToOne {
            return self.error(span, format!("no grouping allowed for {} operation", quote(op.as_str())));
        }
        matching.cardinality = Cardinality::ManyToMany;
        if matching.fill != (None, None) {
            return self.error(span, "filling in missing series not allowed for set operators");
        }
        Ok(())
    }

    /// The bytes between the operands.
    fn operator(&self, binary: &Binary) -> Span {
        let (start, end) = (binary.lhs.span.end as usize, binary.rhs.span.start as usize);
        let between = self.text.get(start..end).unwrap_or("");
        let blank = |c| matches!(c, ' ' | '\t' | '\n' | '\r');
        let skipped = between.len() - between.trim_start_matches(blank).len();
        Span::new(start + skipped, start + between.trim_end_matches(blank).len())
    }

    fn call(&self, span: Span, call: &mut Call) -> Checked<ValueType> {
        let function = call.function;
        let (name, got, wanted) = (quote(function.name), call.args.len(), function.args.len());
        let count_error =
            |bound: &str, n: usize| format!("expected {bound}{n} argument(s) in call to {name}, got {got}");
        if function.variadic == 0 {
            if got != wanted {
                return self.error(span, count_error("", wanted));
            }
        } else {
            let least = wanted - 1;
            if got < least {
                return self.error(span, count_error("at least ", least));
            }
            if let Ok(extra) = usize::try_from(function.variadic)
                && got > least + extra
            {
                return self.error(span, count_error("at most ", least + extra));
            }
        }
        let context = format!("call to function {name}");
        let labels_only = function.name == "info";
        for (i, arg) in call.args.iter_mut().enumerate() {
            let wanted = function.arg_type(i).unwrap_or(function.returns);
            if labels_only && i == 1 {
                self.label_selectors(arg)?;
                continue;
            }
            self.expect(arg, wanted, &context)?;
        }
        Ok(function.returns)
    }

    /// The second argument of `info`: matchers without a name, which may match anything.
    fn label_selectors(&self, arg: &Expr) -> Checked<()> {
        let got = arg.value_type();
        if got != ValueType::Vector {
            let message =
                format!("expected type instant vector in call to function \"info\", got {}", got.documented());
            return self.error(arg.span, message);
        }
        match &arg.kind {
            ExprKind::VectorSelector(VectorSelector { name: None, .. }) => Ok(()),
            ExprKind::VectorSelector(_) => {
                self.error(arg.span, "expected label selectors only, got vector selector instead")
            }
            _ => self.error(arg.span, "expected label selectors only"),
        }
    }

    fn selector(&self, span: Span, selector: &VectorSelector) -> Checked<()> {
        if let Some(name) = &selector.name {
            // The last matcher stands for the name itself.
            let written = selector.matchers.split_last().map_or(&[][..], |(_, written)| written);
            return match written.iter().find(|m| *m.name == *METRIC_NAME) {
                Some(m) => {
                    let (a, b) = (quote(name), quote(&m.value));
                    self.error(span, format!("metric name must not be set twice: {a} or {b}"))
                }
                None => Ok(()),
            };
        }
        if selector.matchers.iter().all(|m| m.matches_value("")) {
            return self.error(span, "vector selector must contain at least one non-empty matcher");
        }
        Ok(())
    }
}

fn label_used_twice(matching: &VectorMatching) -> Option<&str> {
    let mut labels = matching.labels.iter().filter(|_| matching.on);
    labels.find(|l| matching.include.contains(l)).map(|l| &**l)
}
