//! How a dashboard stands towards one thing that was asked.

use super::dashboard::Panel;

/// How it stands, from bad to good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// Not as asked.
    Fail,
    /// The JSON alone cannot tell.
    Unknown,
    /// Nearly, or in an odd way.
    Warn,
    /// As asked.
    Pass,
}

/// A standing, why, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How it stands.
    pub standing: Standing,
    /// What was observed and, unless it passes, what was wanted.
    pub message: String,
    /// The panel it is about.
    pub panel: Option<String>,
}

impl Standing {
    /// `pass`, `warn`, `fail`, `unknown`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
        }
    }
}

impl Finding {
    fn new(standing: Standing, message: impl Into<String>) -> Self {
        Self { standing, message: message.into(), panel: None }
    }

    /// As asked.
    pub fn pass(message: impl Into<String>) -> Self {
        Self::new(Standing::Pass, message)
    }

    /// Nearly, or in an odd way.
    pub fn warn(message: impl Into<String>) -> Self {
        Self::new(Standing::Warn, message)
    }

    /// Not as asked.
    pub fn fail(message: impl Into<String>) -> Self {
        Self::new(Standing::Fail, message)
    }

    /// The JSON alone cannot tell.
    pub fn unknown(message: impl Into<String>) -> Self {
        Self::new(Standing::Unknown, message)
    }

    /// Says which panel it is about.
    pub fn of(mut self, panel: &Panel) -> Self {
        self.panel.get_or_insert_with(|| panel.label());
        self
    }
}
