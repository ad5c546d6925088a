//! From tokens to the tree, by recursive descent with operator precedence.
//!
//! Prometheus' own parser is generated from a grammar with rules for errors; the words and the place of the first error
//! follow from the innermost such rule that is open. Here a token that fits nowhere travels up as [`Fail::Unexpected`]
//! until a function that stands for such a rule gives it its words. Tokens are read as late as the grammar needs them,
//! because an error of the scanner counts before any later one. Nesting is limited; chains of operators are not.

mod aggregate;
mod duration;
mod error;
mod expression;
mod literal;
mod options;
mod selector;
mod series;
mod series_histogram;

pub use error::ParseError;
pub use options::{ParseOptions, parse, parse_metric_selector};
pub use series::{
    SequenceRun, SequenceValue, SeriesDescription, SeriesRuns, parse_metric, parse_series_description,
    parse_series_runs,
};

use super::Dialect;
use super::lexer::{LexError, Lexer, Token, TokenKind};
use crate::text::Span;

/// How deep expressions may nest. Prometheus has no such limit; this one keeps every walk over the tree off the end of
/// a thread's stack.
pub const MAX_DEPTH: usize = 256;

/// How many operators an expression may have. Prometheus has no such limit; what walks a tree without a loop needs
/// stack in proportion.
pub const MAX_OPERATORS: usize = 25_000;

/// Why a rule did not match.
enum Fail {
    /// The next token fits no rule that is open so far.
    Unexpected,
    /// The final message.
    Error(Box<ParseError>),
}

type Parsed<T> = Result<T, Fail>;

struct Parser<'a> {
    text: &'a str,
    options: ParseOptions,
    lexer: Lexer<'a>,
    peeked: Option<Token>,
    depth: usize,
    operators: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, options: &ParseOptions) -> Self {
        Self { text, options: *options, lexer: Lexer::new(text, options.dialect), peeked: None, depth: 0, operators: 0 }
    }

    fn is_v3(&self) -> bool {
        self.options.dialect == Dialect::V3
    }

    fn peek(&mut self) -> Parsed<TokenKind> {
        self.peek_token().map(|t| t.kind)
    }

    fn peek_token(&mut self) -> Parsed<Token> {
        if let Some(token) = self.peeked {
            return Ok(token);
        }
        let token = self.lexer.next_token().map_err(|e| self.lex_error(e))?;
        self.peeked = Some(token);
        Ok(token)
    }

    fn lex_error(&self, e: LexError) -> Fail {
        self.error(Span::new(e.at, self.text.len()), e.message)
    }

    /// Takes the next token.
    fn next(&mut self) -> Parsed<Token> {
        let token = self.peek_token()?;
        self.peeked = None;
        Ok(token)
    }

    /// Takes the next token if it is of this kind.
    fn take(&mut self, kind: TokenKind) -> Parsed<Option<Token>> {
        if self.peek()? == kind { self.next().map(Some) } else { Ok(None) }
    }

    /// Takes the next token, which must be of this kind.
    fn expect(&mut self, kind: TokenKind) -> Parsed<Token> {
        self.take(kind)?.ok_or(Fail::Unexpected)
    }

    fn word(&self, token: Token) -> &'a str {
        &self.text[token.span.range()]
    }

    fn error(&self, span: Span, message: impl Into<String>) -> Fail {
        Fail::Error(Box::new(ParseError::new(self.text, span, message)))
    }

    /// Gives an unexpected token the words of a rule: where it stood and what was wanted.
    fn within<T>(&mut self, result: Parsed<T>, context: &str, wanted: &str) -> Parsed<T> {
        match result {
            Err(Fail::Unexpected) => Err(self.unexpected(context, wanted)),
            other => other,
        }
    }

    fn unexpected(&mut self, context: &str, wanted: &str) -> Fail {
        let token = match self.peek_token() {
            Ok(token) => token,
            Err(fail) => return fail,
        };
        let mut message = format!("unexpected {}", token.kind.describe(self.word(token), self.options.dialect));
        if !context.is_empty() {
            message.push_str(" in ");
            message.push_str(context);
        }
        if !wanted.is_empty() {
            message.push_str(", expected ");
            message.push_str(wanted);
        }
        self.error(token.span, message)
    }

    fn enter(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth <= MAX_DEPTH {
            return Ok(());
        }
        let span = self.peek_token()?.span;
        Err(self.error(span, format!("expression is nested deeper than {MAX_DEPTH} levels")))
    }

    fn count_operator(&mut self) -> Parsed<()> {
        self.operators += 1;
        if self.operators <= MAX_OPERATORS {
            return Ok(());
        }
        let span = self.peek_token()?.span;
        Err(self.error(span, format!("expression has more than {MAX_OPERATORS} operators")))
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }

    /// The outermost rule: whatever is unexpected up to here has no context.
    fn finish<T>(mut self, result: Parsed<T>) -> Result<T, ParseError> {
        match self.within(result, "", "") {
            Ok(value) => Ok(value),
            Err(Fail::Error(e)) => Err(*e),
            Err(Fail::Unexpected) => Err(ParseError::new(self.text, Span::default(), "unexpected input")),
        }
    }
}
