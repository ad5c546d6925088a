//! Regular expressions as Go's RE2 reads them, on Rust's fast engine.

use std::fmt;
use std::sync::Arc;

/// A compiled pattern. Cheap to clone.
#[derive(Clone)]
pub struct Regexp {
    pattern: Arc<str>,
    engine: Arc<regex_automata::meta::Regex>,
}

/// Why a pattern is refused, in Go's words.
#[derive(Clone, Debug, thiserror::Error)]
#[error("error parsing regexp: {0}")]
pub struct RegexpError(pub String);

impl Regexp {
    /// An unanchored pattern, as Go's `regexp.Compile`.
    ///
    /// # Errors
    /// The pattern is not one that Go's RE2 accepts.
    pub fn new(pattern: &str) -> Result<Self, RegexpError> {
        Self::compile(pattern, pattern)
    }

    /// Anchored at both ends as Prometheus does: `^(?:p)$`, or `^(?s:p)$` when the dot matches a newline.
    ///
    /// # Errors
    /// The pattern is not one that Go's RE2 accepts.
    pub fn anchored(pattern: &str, dot_matches_newline: bool) -> Result<Self, RegexpError> {
        let full = if dot_matches_newline { format!("^(?s:{pattern})$") } else { format!("^(?:{pattern})$") };
        Self::compile(pattern, &full)
    }

    fn compile(pattern: &str, full: &str) -> Result<Self, RegexpError> {
        let engine = regex_automata::meta::Regex::new(full).map_err(|e| RegexpError(e.to_string()))?;
        Ok(Self { pattern: pattern.into(), engine: Arc::new(engine) })
    }

    /// The pattern as given, without the anchors.
    pub fn as_str(&self) -> &str {
        &self.pattern
    }

    /// Whether the pattern matches anywhere (anchored patterns: matches the whole).
    pub fn is_match(&self, text: &str) -> bool {
        self.engine.is_match(text)
    }

    /// The engine, for replacing and captures.
    pub fn engine(&self) -> &regex_automata::meta::Regex {
        &self.engine
    }
}

impl fmt::Debug for Regexp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Regexp({:?})", self.pattern)
    }
}
