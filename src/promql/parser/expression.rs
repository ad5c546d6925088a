//! Operators, postfixes and what they stand on.

use std::sync::Arc;

use super::{Fail, Parsed, Parser};
use crate::golang::float::as_int64;
use crate::promql::ast::{
    AggregateOp, At, Binary, BinaryOp, Call, Cardinality, DurationExpr, Expr, ExprKind, ExtendedRange, Modifiers,
    Subquery, VectorMatching,
};
use crate::promql::lexer::{Token, TokenKind};
use crate::promql::signature::function_in;
use crate::text::Span;

/// What binds tighter than a unary sign.
const UNARY_OPERAND: u8 = 6;
const POW: u8 = 6;

/// How tight an operator binds.
fn precedence(op: BinaryOp) -> u8 {
    use BinaryOp as B;
    match op {
        B::Or => 1,
        B::And | B::Unless => 2,
        B::Equal | B::NotEqual | B::Greater | B::Less | B::GreaterEqual | B::LessEqual => 3,
        B::TrimUpper | B::TrimLower => 3,
        B::Add | B::Sub => 4,
        B::Mul | B::Div | B::Mod | B::Atan2 => 5,
        B::Pow => POW,
    }
}

impl Parser<'_> {
    /// An expression, with everything that may stand behind it.
    pub(super) fn expression(&mut self) -> Parsed<Expr> {
        self.binary(0)
    }

    /// Operands joined by operators that bind at least as tight as `min`. A chain is a loop, not a recursion.
    fn binary(&mut self, min: u8) -> Parsed<Expr> {
        let mut lhs = self.unary()?;
        loop {
            let TokenKind::Op(op) = self.peek()? else {
                return Ok(lhs);
            };
            let tightness = precedence(op);
            if tightness < min {
                return Ok(lhs);
            }
            self.count_operator()?;
            self.next()?;
            lhs = self.right_side(lhs, op, tightness)?;
        }
    }

    fn right_side(&mut self, lhs: Expr, op: BinaryOp, tightness: u8) -> Parsed<Expr> {
        let (return_bool, matching) = self.binary_modifiers()?;
        self.enter()?;
        let rhs = self.binary(if op == BinaryOp::Pow { tightness } else { tightness + 1 })?;
        self.leave();
        let span = lhs.span.to(rhs.span);
        if matching.fill != (None, None) && !self.options.experimental {
            return Err(self.error(span, "binop fill modifiers are experimental and not enabled"));
        }
        let binary = Binary { op, lhs, rhs, return_bool, matching: Some(matching) };
        Ok(Expr { span, kind: ExprKind::Binary(Box::new(binary)) })
    }

    fn unary(&mut self) -> Parsed<Expr> {
        let sign = self.peek_token()?;
        let negative = match sign.kind {
            TokenKind::Op(BinaryOp::Add) => false,
            TokenKind::Op(BinaryOp::Sub) => true,
            _ => return self.postfix(),
        };
        self.next()?;
        self.enter()?;
        let operand = self.binary(UNARY_OPERAND)?;
        self.leave();
        let span = sign.span.to(operand.span);
        let kind = match operand.kind {
            ExprKind::Number { value, duration } => {
                ExprKind::Number { value: if negative { -value } else { value }, duration }
            }
            _ => ExprKind::Unary { negative, expr: Box::new(operand) },
        };
        Ok(Expr { span, kind })
    }

    /// An operand with its ranges, `offset` and `@`.
    fn postfix(&mut self) -> Parsed<Expr> {
        let mut expr = self.primary()?;
        let depth = self.depth;
        loop {
            expr = match self.peek()? {
                TokenKind::LeftBracket => {
                    // Subqueries on subqueries nest to the left.
                    self.enter()?;
                    self.range_or_subquery(expr)?
                }
                TokenKind::Offset => self.offset(expr)?,
                TokenKind::At => self.at(expr)?,
                TokenKind::Anchored => self.extended(expr, ExtendedRange::Anchored)?,
                TokenKind::Smoothed => self.extended(expr, ExtendedRange::Smoothed)?,
                _ => {
                    self.depth = depth;
                    return Ok(expr);
                }
            };
        }
    }

    fn primary(&mut self) -> Parsed<Expr> {
        let token = self.peek_token()?;
        match token.kind {
            TokenKind::Number => self.number_literal(),
            TokenKind::Duration if self.is_v3() => self.number_literal(),
            TokenKind::String => {
                self.next()?;
                let value: Arc<str> = self.unquoted(token)?.into();
                Ok(Expr { span: token.span, kind: ExprKind::String(value) })
            }
            TokenKind::LeftParen => self.paren(),
            TokenKind::LeftBrace => self.vector_selector(),
            TokenKind::Identifier => {
                self.next()?;
                if self.peek()? == TokenKind::LeftParen { self.call(token) } else { self.selector_named(token) }
            }
            TokenKind::Aggregate(op) => {
                self.next()?;
                match self.peek()? {
                    TokenKind::By | TokenKind::Without | TokenKind::LeftParen => self.aggregate(token, op),
                    _ => self.selector_named(token),
                }
            }
            kind if kind.is_metric_name() => self.vector_selector(),
            _ => Err(Fail::Unexpected),
        }
    }

    pub(super) fn number_literal(&mut self) -> Parsed<Expr> {
        let token = self.next()?;
        let value = self.number_or_duration(token)?;
        let duration = token.kind == TokenKind::Duration;
        Ok(Expr { span: token.span, kind: ExprKind::Number { value, duration } })
    }

    fn paren(&mut self) -> Parsed<Expr> {
        let open = self.next()?;
        self.enter()?;
        let inner = self.expression()?;
        self.leave();
        let close = self.expect(TokenKind::RightParen)?;
        Ok(Expr { span: open.span.to(close.span), kind: ExprKind::Paren(Box::new(inner)) })
    }

    fn call(&mut self, name: Token) -> Parsed<Expr> {
        let (args, close) = self.arguments()?;
        let word = self.word(name);
        let Some(function) = function_in(word, self.options.release) else {
            let message = format!("unknown function with name {}", crate::golang::quote(word));
            return Err(self.error(name.span, message));
        };
        if function.experimental && !self.options.experimental {
            return Err(self.error(name.span, format!("function {} is not enabled", crate::golang::quote(word))));
        }
        let call = Call { function, name_span: name.span, args };
        Ok(Expr { span: name.span.to(close), kind: ExprKind::Call(call) })
    }

    /// `(a, b, c)`; gives the closing parenthesis too.
    pub(super) fn arguments(&mut self) -> Parsed<(Vec<Expr>, Span)> {
        self.expect(TokenKind::LeftParen)?;
        if let Some(close) = self.take(TokenKind::RightParen)? {
            return Ok((Vec::new(), close.span));
        }
        let mut args = Vec::new();
        self.enter()?;
        loop {
            args.push(self.expression()?);
            let Some(comma) = self.take(TokenKind::Comma)? else { break };
            if !self.peek()?.begins_expression(self.options.dialect) {
                return Err(self.error(comma.span, "trailing commas not allowed in function call args"));
            }
        }
        self.leave();
        let close = self.expect(TokenKind::RightParen)?;
        Ok((args, close.span))
    }

    fn binary_modifiers(&mut self) -> Parsed<(bool, VectorMatching)> {
        let mut matching = VectorMatching {
            cardinality: Cardinality::OneToOne,
            labels: Vec::new(),
            on: false,
            include: Vec::new(),
            fill: (None, None),
        };
        let return_bool = self.take(TokenKind::Bool)?.is_some();
        let kind = self.peek()?;
        if matches!(kind, TokenKind::On | TokenKind::Ignoring) {
            self.next()?;
            matching.on = kind == TokenKind::On;
            matching.labels = self.grouping_labels()?;
            matching.cardinality = match self.peek()? {
                TokenKind::GroupLeft => Cardinality::ManyToOne,
                TokenKind::GroupRight => Cardinality::OneToMany,
                _ => Cardinality::OneToOne,
            };
            if matching.cardinality != Cardinality::OneToOne {
                self.next()?;
                matching.include = self.included_labels()?;
            }
        }
        self.fill_modifiers(&mut matching)?;
        Ok((return_bool, matching))
    }

    /// The labels of `group_left`, which may be missing if an operand follows.
    fn included_labels(&mut self) -> Parsed<Vec<Arc<str>>> {
        let next = self.peek()?;
        let fills = matches!(next, TokenKind::Fill | TokenKind::FillLeft | TokenKind::FillRight);
        if next != TokenKind::LeftParen && (fills || next.begins_expression(self.options.dialect)) {
            return Ok(Vec::new());
        }
        self.grouping_labels()
    }

    fn fill_modifiers(&mut self, matching: &mut VectorMatching) -> Parsed<()> {
        match self.peek()? {
            TokenKind::Fill => {
                self.next()?;
                let value = self.fill_value()?;
                matching.fill = (Some(value), Some(value));
            }
            TokenKind::FillLeft => {
                self.next()?;
                matching.fill.0 = Some(self.fill_value()?);
                if self.take(TokenKind::FillRight)?.is_some() {
                    matching.fill.1 = Some(self.fill_value()?);
                }
            }
            TokenKind::FillRight => {
                self.next()?;
                matching.fill.1 = Some(self.fill_value()?);
                if self.take(TokenKind::FillLeft)?.is_some() {
                    matching.fill.0 = Some(self.fill_value()?);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn fill_value(&mut self) -> Parsed<f64> {
        self.expect(TokenKind::LeftParen)?;
        let value = self.signed_number()?;
        self.expect(TokenKind::RightParen)?;
        Ok(value)
    }

    /// A number with an optional sign; in dialect 3 also a duration.
    pub(super) fn signed_number(&mut self) -> Parsed<f64> {
        let sign = match self.peek()? {
            TokenKind::Op(BinaryOp::Add) => 1.0,
            TokenKind::Op(BinaryOp::Sub) => -1.0,
            _ => return self.unsigned_number(),
        };
        self.next()?;
        self.unsigned_number().map(|v| sign * v)
    }

    fn unsigned_number(&mut self) -> Parsed<f64> {
        match self.peek()? {
            TokenKind::Number => {}
            TokenKind::Duration if self.is_v3() => {}
            _ => return Err(Fail::Unexpected),
        }
        let token = self.next()?;
        self.number_or_duration(token)
    }

    fn range_or_subquery(&mut self, expr: Expr) -> Parsed<Expr> {
        let open = self.next()?;
        let range = self.range()?;
        let separator = self.range_separator();
        let separator = self.within(separator, "subquery or range", "\":\" or \"]\"")?;
        if separator.kind == TokenKind::RightBracket {
            return self.matrix_selector(expr, open, range, separator);
        }
        let step = self.subquery_step()?;
        let close = self.expect(TokenKind::RightBracket);
        let close = self.within(close, "subquery selector", "\"]\"")?;
        let span = expr.span.to(close.span);
        let subquery = Subquery { expr, range, step, modifiers: Modifiers::default() };
        Ok(Expr { span, kind: ExprKind::Subquery(Box::new(subquery)) })
    }

    fn range_separator(&mut self) -> Parsed<Token> {
        match self.peek()? {
            TokenKind::RightBracket | TokenKind::Colon => self.next(),
            _ => Err(Fail::Unexpected),
        }
    }

    fn matrix_selector(&mut self, expr: Expr, open: Token, range: DurationExpr, close: Token) -> Parsed<Expr> {
        let problem = match &expr.kind {
            ExprKind::VectorSelector(s) if matches!(s.modifiers.offset, Some(DurationExpr::Millis(_))) => {
                Some("no offset modifiers allowed before range")
            }
            ExprKind::VectorSelector(s) if matches!(s.modifiers.at, Some(At::Timestamp(_))) => {
                Some("no @ modifiers allowed before range")
            }
            ExprKind::VectorSelector(_) => None,
            _ => Some("ranges only allowed for vector selectors"),
        };
        if let Some(problem) = problem {
            return Err(self.error(open.span.to(close.span), problem));
        }
        let span = expr.span.to(close.span);
        Ok(Expr { span, kind: ExprKind::MatrixSelector { selector: Box::new(expr), range } })
    }

    fn at(&mut self, mut expr: Expr) -> Parsed<Expr> {
        self.next()?;
        let at = self.at_value(expr.span);
        let (at, end) = self.within(at, "@", "timestamp")?;
        let Some(modifiers) = modifiers_of(&mut expr) else {
            let message =
                "@ modifier must be preceded by an instant vector selector or range vector selector or a subquery";
            return Err(self.error(expr.span, message));
        };
        if modifiers.at.is_some() {
            return Err(self.error(expr.span, "@ <timestamp> may not be set multiple times"));
        }
        modifiers.at = Some(at);
        expr.span = expr.span.to(end);
        Ok(expr)
    }

    fn at_value(&mut self, target: Span) -> Parsed<(At, Span)> {
        let token = self.peek_token()?;
        let at = match token.kind {
            TokenKind::Start => At::Start,
            TokenKind::End => At::End,
            _ => {
                let seconds = self.signed_number()?;
                let bound = i64::MAX as f64;
                if !seconds.is_finite() || seconds >= bound || seconds <= -bound {
                    let shown = crate::golang::float::format_float(
                        seconds,
                        crate::golang::float::FloatFormat::Fixed,
                        seconds.is_finite().then_some(6),
                    );
                    let message = format!("timestamp out of bounds for @ modifier: {shown}");
                    return Err(self.error(target, message));
                }
                let end = self.lexer_end(token.span);
                return Ok((At::Timestamp(as_int64((seconds * 1000.0).round())), end));
            }
        };
        self.next()?;
        self.expect(TokenKind::LeftParen)?;
        let close = self.expect(TokenKind::RightParen)?;
        Ok((at, close.span))
    }

    /// The last bytes read, which end the number that has just been taken.
    fn lexer_end(&self, from: Span) -> Span {
        Span::new(from.start as usize, self.lexer.position())
    }

    fn offset(&mut self, mut expr: Expr) -> Parsed<Expr> {
        self.next()?;
        let (offset, end) = self.offset_value()?;
        let Some(modifiers) = modifiers_of(&mut expr) else {
            let message =
                "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery";
            return Err(self.error(expr.span, message));
        };
        if modifiers.offset.is_some() {
            return Err(self.error(expr.span, "offset may not be set multiple times"));
        }
        if offset != DurationExpr::Millis(0) {
            modifiers.offset = Some(offset);
        }
        expr.span = expr.span.to(end);
        Ok(expr)
    }

    fn extended(&mut self, mut expr: Expr, kind: ExtendedRange) -> Parsed<Expr> {
        let token = self.next()?;
        let name = if kind == ExtendedRange::Anchored { "anchored" } else { "smoothed" };
        if !self.options.experimental {
            return Err(self.error(expr.span, format!("{name} modifier is experimental and not enabled")));
        }
        let span = expr.span;
        let target = match &mut expr.kind {
            ExprKind::MatrixSelector { selector, .. } => &mut selector.kind,
            other => other,
        };
        match target {
            ExprKind::VectorSelector(selector) if selector.extended.is_some_and(|e| e != kind) => {
                Err(self.error(span, "anchored and smoothed modifiers cannot be used together"))
            }
            ExprKind::VectorSelector(selector) => {
                selector.extended = Some(kind);
                expr.span = span.to(token.span);
                Ok(expr)
            }
            ExprKind::Subquery(_) => Err(self.error(span, format!("{name} modifier is not supported for subqueries"))),
            _ => Err(self.error(span, format!("{name} modifier not implemented"))),
        }
    }
}

/// Where an expression keeps `offset` and `@`, if it may have them.
fn modifiers_of(expr: &mut Expr) -> Option<&mut Modifiers> {
    match &mut expr.kind {
        ExprKind::VectorSelector(selector) => Some(&mut selector.modifiers),
        ExprKind::MatrixSelector { selector, .. } => match &mut selector.kind {
            ExprKind::VectorSelector(selector) => Some(&mut selector.modifiers),
            _ => None,
        },
        ExprKind::Subquery(subquery) => Some(&mut subquery.modifiers),
        _ => None,
    }
}

/// Whether the aggregation takes a parameter before what it aggregates.
pub(super) fn takes_parameter(op: AggregateOp) -> bool {
    use AggregateOp as A;
    matches!(op, A::Topk | A::Bottomk | A::CountValues | A::Quantile | A::Limitk | A::LimitRatio)
}
