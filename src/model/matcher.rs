//! One condition on one label.

use std::fmt;
use std::sync::Arc;

use super::Labels;
use crate::golang::regexp::{Regexp, RegexpError};

/// How a matcher compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`, anchored at both ends
    Regexp,
    /// `!~`, anchored at both ends
    NotRegexp,
}

impl MatchOp {
    /// The operator as written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regexp => "=~",
            Self::NotRegexp => "!~",
        }
    }
}

/// A condition on one label; an absent label counts as the empty value.
#[derive(Clone, Debug)]
pub struct Matcher {
    /// The operator.
    pub op: MatchOp,
    /// The label's name.
    pub name: Arc<str>,
    /// The value or pattern as written.
    pub value: Arc<str>,
    regexp: Option<Regexp>,
}

impl Matcher {
    /// A matcher; `dot_matches_newline` is how Prometheus 3 anchors its patterns.
    ///
    /// # Errors
    /// The pattern is not one that Go's RE2 accepts.
    pub fn new(
        op: MatchOp,
        name: impl Into<Arc<str>>,
        value: impl Into<Arc<str>>,
        dot_matches_newline: bool,
    ) -> Result<Self, RegexpError> {
        let (name, value) = (name.into(), value.into());
        let regexp = match op {
            MatchOp::Regexp | MatchOp::NotRegexp => Some(Regexp::anchored(&value, dot_matches_newline)?),
            MatchOp::Equal | MatchOp::NotEqual => None,
        };
        Ok(Self { op, name, value, regexp })
    }

    /// Whether a value satisfies the condition.
    pub fn matches_value(&self, value: &str) -> bool {
        match self.op {
            MatchOp::Equal => *self.value == *value,
            MatchOp::NotEqual => *self.value != *value,
            MatchOp::Regexp => self.regexp.as_ref().is_some_and(|r| r.is_match(value)),
            MatchOp::NotRegexp => !self.regexp.as_ref().is_some_and(|r| r.is_match(value)),
        }
    }

    /// Whether a label set satisfies the condition.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.matches_value(labels.get(&self.name).unwrap_or(""))
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        self.op == other.op && self.name == other.name && self.value == other.value
    }
}

impl Eq for Matcher {}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.name, self.op.as_str(), crate::golang::quote(&self.value))
    }
}
