//! Aggregations and lists of labels.

use std::sync::Arc;

use super::expression::takes_parameter;
use super::{Fail, Parsed, Parser};
use crate::promql::ast::{Aggregate, AggregateOp, Expr, ExprKind};
use crate::promql::lexer::{Token, TokenKind};
use crate::text::Span;

#[derive(Default)]
struct Grouping {
    labels: Vec<Arc<str>>,
    without: bool,
}

impl Parser<'_> {
    /// Behind an aggregation's name, with `by`, `without` or `(` ahead.
    pub(super) fn aggregate(&mut self, name: Token, op: AggregateOp) -> Parsed<Expr> {
        let parts = self.aggregate_parts();
        let (grouping, args, end) = self.within(parts, "aggregation", "")?;
        let span = name.span.to(end);
        self.build_aggregate(span, op, grouping, args)
    }

    fn aggregate_parts(&mut self) -> Parsed<(Grouping, Vec<Expr>, Span)> {
        if let Some((grouping, _)) = self.grouping()? {
            let (args, close) = self.arguments()?;
            return Ok((grouping, args, close));
        }
        let (args, close) = self.arguments()?;
        Ok(match self.grouping()? {
            Some((grouping, end)) => (grouping, args, close.to(end)),
            None => (Grouping::default(), args, close),
        })
    }

    fn grouping(&mut self) -> Parsed<Option<(Grouping, Span)>> {
        let without = match self.peek()? {
            TokenKind::By => false,
            TokenKind::Without => true,
            _ => return Ok(None),
        };
        let keyword = self.next()?;
        let labels = self.grouping_labels()?;
        let end = Span::new(keyword.span.start as usize, self.lexer.position());
        Ok(Some((Grouping { labels, without }, end)))
    }

    fn build_aggregate(
        &mut self,
        span: Span,
        op: AggregateOp,
        grouping: Grouping,
        mut args: Vec<Expr>,
    ) -> Parsed<Expr> {
        if args.is_empty() {
            return Err(self.error(span, "no arguments for aggregate expression provided"));
        }
        if matches!(op, AggregateOp::Limitk | AggregateOp::LimitRatio) && !self.options.experimental {
            let message = format!(
                "{}() is experimental and must be enabled with --enable-feature=promql-experimental-functions",
                op.as_str()
            );
            return Err(self.error(span, message));
        }
        let wanted = if takes_parameter(op) { 2 } else { 1 };
        let got = args.len();
        let expr = args.pop().filter(|_| got == wanted).ok_or_else(|| {
            let message =
                format!("wrong number of arguments for aggregate expression provided, expected {wanted}, got {got}");
            self.error(span, message)
        })?;
        let Grouping { labels: grouping, without } = grouping;
        let aggregate = Aggregate { op, param: args.pop(), expr, grouping, without };
        Ok(Expr { span, kind: ExprKind::Aggregate(Box::new(aggregate)) })
    }

    /// `(a, b)`
    pub(super) fn grouping_labels(&mut self) -> Parsed<Vec<Arc<str>>> {
        const CONTEXT: &str = "grouping opts";
        let open = self.expect(TokenKind::LeftParen);
        self.within(open, CONTEXT, "\"(\"")?;
        let mut labels = Vec::new();
        if self.take(TokenKind::RightParen)?.is_some() {
            return Ok(labels);
        }
        loop {
            let label = self.grouping_label();
            labels.push(self.within(label, CONTEXT, "label")?);
            let comma = self.comma_or_right_paren();
            if !self.within(comma, CONTEXT, "\",\" or \")\"")? || self.take(TokenKind::RightParen)?.is_some() {
                return Ok(labels);
            }
        }
    }

    /// Whether the list goes on.
    fn comma_or_right_paren(&mut self) -> Parsed<bool> {
        if self.take(TokenKind::Comma)?.is_some() {
            return Ok(true);
        }
        self.expect(TokenKind::RightParen).map(|_| false)
    }

    fn grouping_label(&mut self) -> Parsed<Arc<str>> {
        let token = self.peek_token()?;
        let fits = token.kind.is_label_name() && (self.is_v3() || token.kind != TokenKind::MetricIdentifier);
        if fits {
            self.next()?;
            return Ok(self.word(token).into());
        }
        if token.kind == TokenKind::String && self.is_v3() {
            self.next()?;
            let name = self.unquoted(token)?;
            if name.is_empty() {
                return Err(self.error(token.span, "invalid label name for grouping: \"\""));
            }
            return Ok(name.into());
        }
        Err(Fail::Unexpected)
    }
}
