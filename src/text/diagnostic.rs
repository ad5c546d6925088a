//! One finding about a student's file: what is wrong, where, and how to mend it.

use super::{Position, SourceText, Span};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The real program refuses the file.
    Error,
    /// It works, but probably not as meant.
    Warning,
    /// Worth knowing.
    Info,
}

/// A place in a text with a short remark.
#[derive(Clone, Debug)]
pub struct Label {
    /// The text the span counts in.
    pub source: SourceText,
    /// The underlined bytes.
    pub span: Span,
    /// What stands beside the underline; may be empty.
    pub text: String,
}

/// What is wrong, where, and how to mend it. Messages are lower case without a full stop; help begins with a verb.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong: the observed and the wanted.
    pub message: String,
    /// The place, when there is one.
    pub primary: Option<Label>,
    /// Further places that explain it.
    pub related: Vec<Label>,
    /// How to mend it.
    pub help: Option<String>,
    /// The real program's own words, when they are known.
    pub upstream: Option<String>,
}

impl Diagnostic {
    /// An error without a place.
    pub fn error(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, message)
    }

    /// A warning without a place.
    pub fn warning(message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, message)
    }

    /// A finding without a place.
    pub fn new(severity: Severity, message: impl Into<String>) -> Self {
        Self { severity, message: message.into(), primary: None, related: Vec::new(), help: None, upstream: None }
    }

    /// Says where.
    pub fn at(mut self, source: &SourceText, span: Span) -> Self {
        self.primary = Some(Label { source: source.clone(), span, text: String::new() });
        self
    }

    /// Says how to mend it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds the real program's own words.
    pub fn upstream(mut self, words: impl Into<String>) -> Self {
        self.upstream = Some(words.into());
        self
    }

    /// Line and column of the primary place.
    pub fn position(&self) -> Option<Position> {
        self.primary.as_ref().map(|l| l.source.position(l.span.start as usize))
    }
}
