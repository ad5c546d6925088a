//! What a step came to.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::report::{Basis, Blame};

/// A link of the chain from metric to Discord; what is broken at one link is not judged behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Stage {
    /// docker compose refuses the project, or a container does not start.
    Compose,
    /// Prometheus refuses its configuration.
    PrometheusConfig,
    /// Prometheus refuses a rule file, or reads none.
    Rules,
    /// Alertmanager refuses its configuration.
    AlertmanagerConfig,
    /// The target is not scraped.
    Scrape,
    /// The rule does not become an alert.
    Evaluation,
    /// The alert does not reach Alertmanager.
    Delivery,
    /// The alert goes to a receiver that is not Discord.
    Routing,
    /// The message does not reach Discord.
    Notification,
}

impl Stage {
    /// As results name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Compose => "compose",
            Self::PrometheusConfig => "prometheus-config",
            Self::Rules => "rules",
            Self::AlertmanagerConfig => "alertmanager-config",
            Self::Scrape => "scrape",
            Self::Evaluation => "evaluation",
            Self::Delivery => "delivery",
            Self::Routing => "routing",
            Self::Notification => "notification",
        }
    }
}

/// What was observed, with what it rests on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Finding {
    /// `observed A; wanted B`, or a plain sentence.
    pub reason: String,
    /// A hint that fits better than the criterion's own.
    pub hint: Option<String>,
    /// Objects with a `kind`.
    pub evidence: Vec<Value>,
    /// From what it was taken.
    pub basis: Option<Basis>,
    /// Whose it is to act, when it is not the student's.
    pub blame: Option<Blame>,
    /// At which link the chain is broken.
    pub stage: Option<Stage>,
    /// What broke it, in a form that is equal for every criterion the same thing breaks; none when it is this
    /// criterion's own affair.
    pub cause: Option<String>,
}

impl Finding {
    /// Something observed that is not as wanted.
    pub fn observed(observed: impl AsRef<str>, wanted: impl AsRef<str>) -> Self {
        Self::said(format!("observed {}; wanted {}", observed.as_ref(), wanted.as_ref()))
    }

    /// A plain sentence.
    pub fn said(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), ..Self::default() }
    }

    /// With a hint.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With evidence.
    pub fn evidence(mut self, evidence: impl IntoIterator<Item = Value>) -> Self {
        self.evidence.extend(evidence);
        self
    }

    /// With what it was taken from.
    pub fn basis(mut self, basis: Basis) -> Self {
        self.basis = Some(basis);
        self
    }

    /// At a link of the chain.
    pub fn stage(mut self, stage: Stage) -> Self {
        self.stage = Some(stage);
        self
    }

    /// By a cause that others may share.
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }
}

/// What a step came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Outcome {
    /// As asked; the next step follows.
    Holds(Finding),
    /// Not as asked.
    Fails(Finding),
    /// Cannot be judged because a link before it is broken; the criterion that failed there is the root cause, or
    /// the stage itself when none did.
    Blocked(Stage, Finding),
    /// Cannot be judged because a named criterion failed.
    BlockedBy(String, Finding),
    /// This mode cannot see it.
    Unverified(Finding),
    /// Tried, and could not decide.
    Inconclusive(Finding),
    /// A person must look.
    Review(Finding),
    /// labkit's or the environment's fault.
    Error(Finding),
}
