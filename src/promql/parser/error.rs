//! A refused expression, in Prometheus' words.

use std::fmt;

use crate::text::Span;

/// Why an expression is refused. Displays as Prometheus does: `1:5: parse error: unexpected identifier "x"`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ParseError {
    /// The bytes at fault.
    pub span: Span,
    /// What is wrong, without the place.
    pub message: String,
    /// Line from 1.
    pub line: usize,
    /// Column from 1, counted in bytes as Prometheus does.
    pub column: usize,
}

impl ParseError {
    /// An error at a place in `text`.
    pub fn new(text: &str, span: Span, message: impl Into<String>) -> Self {
        let before = &text.as_bytes()[..(span.start as usize).min(text.len())];
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        let column = before.len() - before.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1) + 1;
        Self { span, message: message.into(), line, column }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: parse error: {}", self.line, self.column, self.message)
    }
}
