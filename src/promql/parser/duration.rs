//! What stands inside brackets and behind `offset`: a duration in 2.42, arithmetic on durations in 3.

use super::{Fail, Parsed, Parser};
use crate::promql::ast::{AggregateOp, BinaryOp, DurationExpr, DurationKind, DurationNode};
use crate::promql::lexer::TokenKind;
use crate::text::Span;

/// A duration must fit 64 bits of nanoseconds.
const MAX_SECONDS: f64 = 9_223_372_036.854_775;
const UNARY_OPERAND: u8 = 3;

impl Parser<'_> {
    /// What stands behind `[`.
    pub(super) fn range(&mut self) -> Parsed<DurationExpr> {
        if self.is_v3() {
            let range = self.positive_duration();
            return self.within(range, "subquery or range selector", "number, duration, step(), or range()");
        }
        let range = self.plain_duration();
        self.within(range, "subquery selector", "duration").map(|(range, _)| range)
    }

    /// What stands behind the colon of a subquery.
    pub(super) fn subquery_step(&mut self) -> Parsed<Option<DurationExpr>> {
        if self.peek()? == TokenKind::RightBracket {
            return Ok(None);
        }
        if self.is_v3() {
            let step = self.positive_duration().map(Some);
            return self.within(step, "subquery selector", "number, duration, step(), range(), or \"]\"");
        }
        let step = self.plain_duration().map(|(step, _)| Some(step));
        self.within(step, "subquery selector", "duration or \"]\"")
    }

    /// What stands behind `offset`, and where it ends.
    pub(super) fn offset_value(&mut self) -> Parsed<(DurationExpr, Span)> {
        if self.is_v3() {
            let offset = self.offset_expression();
            let node = self.within(offset, "offset", "number, duration, step(), or range()")?;
            let span = node.span;
            return Ok((settled(node), span));
        }
        let offset = self.signed_plain_duration();
        self.within(offset, "offset", "duration")
    }

    fn plain_duration(&mut self) -> Parsed<(DurationExpr, Span)> {
        let token = self.expect(TokenKind::Duration)?;
        let nanoseconds = self.duration_nanoseconds(token)?;
        Ok((DurationExpr::Millis(nanoseconds / 1_000_000), token.span))
    }

    fn signed_plain_duration(&mut self) -> Parsed<(DurationExpr, Span)> {
        let negative = self.take(TokenKind::Op(BinaryOp::Sub))?.is_some();
        let (duration, span) = self.plain_duration()?;
        Ok(match duration {
            DurationExpr::Millis(ms) if negative => (DurationExpr::Millis(-ms), span),
            other => (other, span),
        })
    }

    fn positive_duration(&mut self) -> Parsed<DurationExpr> {
        let node = self.duration_expression(0)?;
        match literal(&node) {
            Some(ms) if ms <= 0.0 => Err(self.error(node.span, "duration must be greater than 0")),
            _ => Ok(settled(node)),
        }
    }

    /// Behind `offset` an expression ends early: `offset 2 ^ 2` raises the offset selector, not the offset. Only what
    /// begins with a parenthesis or a second sign goes on.
    fn offset_expression(&mut self) -> Parsed<DurationNode> {
        let first = self.peek_token()?;
        let negative = match first.kind {
            TokenKind::LeftParen => return self.duration_expression(0),
            TokenKind::Op(BinaryOp::Add) => false,
            TokenKind::Op(BinaryOp::Sub) => true,
            _ => return self.duration_operand(),
        };
        self.next()?;
        if matches!(self.peek()?, TokenKind::Op(_)) {
            let operand = self.duration_expression(UNARY_OPERAND)?;
            let node = self.signed_duration(first.span, negative, operand)?;
            return self.duration_operators(node, 0);
        }
        let operand = self.duration_operand()?;
        self.signed_duration(first.span, negative, operand)
    }

    fn duration_expression(&mut self, min: u8) -> Parsed<DurationNode> {
        self.enter()?;
        let lhs = self.duration_unary()?;
        let node = self.duration_operators(lhs, min)?;
        self.leave();
        Ok(node)
    }

    fn duration_operators(&mut self, mut lhs: DurationNode, min: u8) -> Parsed<DurationNode> {
        let depth = self.depth;
        loop {
            let token = self.peek_token()?;
            let (op, tightness) = match token.kind {
                TokenKind::Op(op @ (BinaryOp::Add | BinaryOp::Sub)) => (op, 1),
                TokenKind::Op(op @ (BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod)) => (op, 2),
                TokenKind::Op(op @ BinaryOp::Pow) => (op, 3),
                _ => break,
            };
            if tightness < min {
                break;
            }
            // Duration arithmetic is walked without a loop, so its chains count as nesting.
            self.enter()?;
            self.next()?;
            let rhs = self.duration_expression(if op == BinaryOp::Pow { tightness } else { tightness + 1 })?;
            self.require_duration_expressions(lhs.span)?;
            if matches!(op, BinaryOp::Div | BinaryOp::Mod) && literal(&rhs) == Some(0.0) {
                let what = if op == BinaryOp::Div { "division by zero" } else { "modulo by zero" };
                return Err(self.error(token.span, what));
            }
            let span = lhs.span.to(rhs.span);
            let kind = DurationKind::Binary { op, lhs: Box::new(lhs), rhs: Box::new(rhs) };
            lhs = DurationNode { span, kind };
        }
        self.depth = depth;
        Ok(lhs)
    }

    fn duration_unary(&mut self) -> Parsed<DurationNode> {
        let sign = self.peek_token()?;
        let negative = match sign.kind {
            TokenKind::Op(BinaryOp::Add) => false,
            TokenKind::Op(BinaryOp::Sub) => true,
            _ => return self.duration_operand(),
        };
        self.next()?;
        let operand = self.duration_expression(UNARY_OPERAND)?;
        self.signed_duration(sign.span, negative, operand)
    }

    fn signed_duration(&mut self, sign: Span, negative: bool, operand: DurationNode) -> Parsed<DurationNode> {
        let span = sign.to(operand.span);
        let kind = match operand.kind {
            DurationKind::Millis(ms) => DurationKind::Millis(if negative { -ms } else { ms }),
            _ if negative => DurationKind::Unary { negative, node: Box::new(operand) },
            kind => kind,
        };
        Ok(DurationNode { span, kind })
    }

    fn duration_operand(&mut self) -> Parsed<DurationNode> {
        let token = self.peek_token()?;
        let kind = match token.kind {
            TokenKind::Number | TokenKind::Duration => {
                self.next()?;
                let seconds = self.number_or_duration(token)?;
                if seconds.abs() > MAX_SECONDS {
                    return Err(self.error(token.span, "duration out of range"));
                }
                return Ok(DurationNode { span: token.span, kind: DurationKind::Millis(seconds * 1000.0) });
            }
            TokenKind::Step => DurationKind::Step,
            TokenKind::Range => DurationKind::Range,
            TokenKind::Aggregate(op @ (AggregateOp::Min | AggregateOp::Max)) => return self.extremum(op),
            TokenKind::LeftParen => {
                self.next()?;
                let inner = self.duration_expression(0)?;
                let close = self.expect(TokenKind::RightParen)?;
                self.require_duration_expressions(inner.span)?;
                let span = token.span.to(close.span);
                return Ok(match inner.kind {
                    DurationKind::Millis(_) => DurationNode { span, ..inner },
                    _ => DurationNode { span, kind: DurationKind::Paren(Box::new(inner)) },
                });
            }
            _ => return Err(Fail::Unexpected),
        };
        self.next()?;
        self.expect(TokenKind::LeftParen)?;
        let close = self.expect(TokenKind::RightParen)?;
        let span = token.span.to(close.span);
        self.require_duration_expressions(span)?;
        Ok(DurationNode { span, kind })
    }

    /// `min(a, b)` and `max(a, b)`
    fn extremum(&mut self, op: AggregateOp) -> Parsed<DurationNode> {
        let name = self.next()?;
        self.expect(TokenKind::LeftParen)?;
        let a = Box::new(self.duration_expression(0)?);
        self.expect(TokenKind::Comma)?;
        let b = Box::new(self.duration_expression(0)?);
        let close = self.expect(TokenKind::RightParen)?;
        let span = name.span.to(close.span);
        self.require_duration_expressions(span)?;
        let kind = if op == AggregateOp::Min { DurationKind::Min(a, b) } else { DurationKind::Max(a, b) };
        Ok(DurationNode { span, kind })
    }

    fn require_duration_expressions(&self, span: Span) -> Parsed<()> {
        if self.options.experimental {
            return Ok(());
        }
        Err(self.error(span, "experimental duration expression is not enabled"))
    }
}

fn literal(node: &DurationNode) -> Option<f64> {
    match node.kind {
        DurationKind::Millis(ms) => Some(ms),
        _ => None,
    }
}

/// A literal as plain milliseconds, anything else to be computed.
fn settled(node: DurationNode) -> DurationExpr {
    match node.kind {
        // Rounded to the nanosecond, then cut to the millisecond, as the original does.
        DurationKind::Millis(ms) => DurationExpr::Millis(((ms * 1e6).round() / 1e6).trunc() as i64),
        _ => DurationExpr::Computed(Box::new(node)),
    }
}
