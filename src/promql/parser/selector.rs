//! Vector selectors: a name, braces, matchers.

use std::sync::Arc;

use super::{Fail, Parsed, Parser};
use crate::golang::regexp::Regexp;
use crate::model::{METRIC_NAME, MatchOp, Matcher};
use crate::promql::ast::{BinaryOp, Expr, ExprKind, Modifiers, VectorSelector};
use crate::promql::lexer::{Token, TokenKind};
use crate::text::Span;

const CONTEXT: &str = "label matching";

impl Parser<'_> {
    /// A selector that begins with a name or with a brace.
    pub(super) fn vector_selector(&mut self) -> Parsed<Expr> {
        let first = self.peek_token()?;
        if first.kind == TokenKind::LeftBrace {
            let (matchers, span) = self.braces()?;
            return Ok(selector(span, None, matchers));
        }
        if !first.kind.is_metric_name() {
            return Err(Fail::Unexpected);
        }
        self.next()?;
        self.selector_named(first)
    }

    /// A selector whose name has been taken.
    pub(super) fn selector_named(&mut self, name: Token) -> Parsed<Expr> {
        let (mut matchers, span) = match self.peek()? {
            TokenKind::LeftBrace => {
                let (matchers, braces) = self.braces()?;
                (matchers, name.span.to(braces))
            }
            _ => (Vec::new(), name.span),
        };
        let name: Arc<str> = self.word(name).into();
        matchers.push(self.name_matcher(span, &name)?);
        Ok(selector(span, Some(name), matchers))
    }

    fn name_matcher(&self, span: Span, name: &Arc<str>) -> Parsed<Matcher> {
        Matcher::new(MatchOp::Equal, METRIC_NAME, name.clone(), self.is_v3())
            .map_err(|e| self.error(span, e.to_string()))
    }

    /// `{a="b",c=~"d"}`
    fn braces(&mut self) -> Parsed<(Vec<Matcher>, Span)> {
        let open = self.next()?;
        let mut matchers = Vec::new();
        if let Some(close) = self.take(TokenKind::RightBrace)? {
            return Ok((matchers, open.span.to(close.span)));
        }
        loop {
            let matcher = self.label_matcher();
            matchers.push(self.within(matcher, CONTEXT, "identifier or \"}\"")?);
            let separator = self.comma_or_right_brace();
            let close = match self.within(separator, CONTEXT, "\",\" or \"}\"")? {
                Some(close) => Some(close),
                None => self.take(TokenKind::RightBrace)?,
            };
            if let Some(close) = close {
                return Ok((matchers, open.span.to(close.span)));
            }
        }
    }

    /// The closing brace, or nothing behind a comma.
    pub(super) fn comma_or_right_brace(&mut self) -> Parsed<Option<Token>> {
        if self.take(TokenKind::Comma)?.is_some() {
            return Ok(None);
        }
        self.expect(TokenKind::RightBrace).map(Some)
    }

    fn label_matcher(&mut self) -> Parsed<Matcher> {
        let label = self.peek_token()?;
        let quoted = label.kind == TokenKind::String && self.is_v3();
        if label.kind != TokenKind::Identifier && !quoted {
            return Err(Fail::Unexpected);
        }
        self.next()?;
        let name: Arc<str> = if quoted { self.unquoted(label)?.into() } else { self.word(label).into() };
        let op = match self.peek()? {
            TokenKind::Equal => MatchOp::Equal,
            TokenKind::Op(BinaryOp::NotEqual) => MatchOp::NotEqual,
            TokenKind::EqualRegexp => MatchOp::Regexp,
            TokenKind::NotRegexp => MatchOp::NotRegexp,
            _ if quoted => return self.name_matcher(label.span, &name),
            _ => return Err(self.unexpected(CONTEXT, "label matching operator")),
        };
        self.next()?;
        let value = self.expect(TokenKind::String);
        let value = self.within(value, CONTEXT, "string")?;
        let text = self.unquoted(value)?;
        let span = label.span.to(value.span);
        if self.is_v3() && matches!(op, MatchOp::Regexp | MatchOp::NotRegexp) {
            // Prometheus 3 looks at the pattern alone before it anchors it.
            Regexp::check(&text).map_err(|e| self.error(span, e.to_string()))?;
        }
        Matcher::new(op, name, text, self.is_v3()).map_err(|e| self.error(span, e.to_string()))
    }
}

fn selector(span: Span, name: Option<Arc<str>>, matchers: Vec<Matcher>) -> Expr {
    let selector = VectorSelector { name, matchers, modifiers: Modifiers::default(), extended: None };
    Expr { span, kind: ExprKind::VectorSelector(selector) }
}
