//! Which language is read, and the ways in.

use super::{Fail, ParseError, Parser};
use crate::model::Matcher;
use crate::promql::Dialect;
use crate::promql::ast::{Expr, ExprKind};
use crate::promql::check;
use crate::promql::lexer::TokenKind;
use crate::promql::signature::{Release, release_of};
use crate::text::Span;

/// Which language is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseOptions {
    /// 2.42 or 3.
    pub dialect: Dialect,
    /// The release whose functions exist; a dialect's newest unless an image tag says otherwise.
    pub release: Release,
    /// Whether everything that hides behind a flag is allowed: experimental functions and aggregations, duration
    /// expressions, `anchored` and `smoothed`, `fill`. A stock server has it off.
    pub experimental: bool,
}

impl ParseOptions {
    /// As a stock server of the dialect's newest release reads.
    pub fn stock(dialect: Dialect) -> Self {
        Self { dialect, release: release_of(dialect), experimental: false }
    }

    /// With every experimental feature switched on, as upstream's own acceptance scripts run.
    pub fn experimental(dialect: Dialect) -> Self {
        Self { experimental: true, ..Self::stock(dialect) }
    }
}

/// Reads and type-checks an expression.
///
/// # Errors
/// What Prometheus would say, with the place; and [`super::MAX_DEPTH`] exceeded.
pub fn parse(text: &str, options: &ParseOptions) -> Result<Expr, ParseError> {
    let mut parser = Parser::new(text, options);
    let result = parser.whole_expression();
    let mut expr = parser.finish(result)?;
    check::check(text, &mut expr)?;
    Ok(expr)
}

/// Reads a vector selector's matchers, as `match[]` of the API.
///
/// # Errors
/// What Prometheus would say, with the place.
pub fn parse_metric_selector(text: &str, options: &ParseOptions) -> Result<Vec<Matcher>, ParseError> {
    let mut parser = Parser::new(text, options);
    let result = parser.whole_selector();
    let expr = parser.finish(result)?;
    match expr.kind {
        ExprKind::VectorSelector(selector) => Ok(selector.matchers),
        _ => Err(ParseError::new(text, expr.span, "expected a vector selector")),
    }
}

impl Parser<'_> {
    fn whole_expression(&mut self) -> Result<Expr, Fail> {
        if self.peek()? == TokenKind::Eof {
            return Err(self.error(Span::default(), "no expression found in input"));
        }
        let expr = self.expression()?;
        self.expect(TokenKind::Eof)?;
        Ok(expr)
    }

    fn whole_selector(&mut self) -> Result<Expr, Fail> {
        let expr = self.vector_selector()?;
        self.expect(TokenKind::Eof)?;
        Ok(expr)
    }
}
