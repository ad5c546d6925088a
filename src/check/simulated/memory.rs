//! What runs of equal stacks came to: of a course, many repositories hold the same configuration.
//!
//! The key is everything that the steps it is used for look at, written out as a whole, so that two stacks that differ
//! in any of it can never be taken for one another. Secrets in it never leave the process.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use super::Simulated;
use crate::check::{Outcome, Step};
use crate::report::{AdviceResult, Timeline, Verdict};
use crate::stack::ConfigState;

/// Stacks that are remembered.
const STACKS: usize = 256;
/// Bytes of a key; stacks that are larger are not remembered.
const LONGEST_KEY: usize = 128 << 10;

/// What runs came to, by stack; for one lab and its scripts.
#[derive(Debug, Default)]
pub struct Memory {
    stacks: Mutex<VecDeque<(String, Arc<Remembered>)>>,
}

/// What the runs of one stack came to.
#[derive(Clone, Debug, Default)]
pub(super) struct Remembered {
    /// The outcome of each step that was carried out, by criterion.
    pub outcomes: Vec<(String, Step, Outcome)>,
    /// Advice about the alerts, with the verdict on the load it was given for.
    pub advice: Option<(Option<Verdict>, Vec<AdviceResult>)>,
    /// The picture.
    pub picture: Option<Timeline>,
}

impl Memory {
    /// What is remembered of a stack.
    pub(super) fn recall(&self, key: &str) -> Option<Arc<Remembered>> {
        let stacks = self.stacks.lock().unwrap_or_else(PoisonError::into_inner);
        stacks.iter().find(|(known, _)| known == key).map(|(_, remembered)| remembered.clone())
    }

    /// Remembers a stack; the one that was remembered first is forgotten for it.
    pub(super) fn keep(&self, key: String, remembered: Arc<Remembered>) {
        let mut stacks = self.stacks.lock().unwrap_or_else(PoisonError::into_inner);
        stacks.retain(|(known, _)| *known != key);
        if stacks.len() >= STACKS {
            stacks.pop_front();
        }
        stacks.push_back((key, remembered));
    }
}

impl Remembered {
    /// The outcome of a step for a criterion.
    pub fn outcome(&self, criterion: &str, step: &Step) -> Option<&Outcome> {
        self.outcomes.iter().find(|(id, s, _)| id == criterion && s == step).map(|(.., outcome)| outcome)
    }
}

/// Whether a step's outcome depends on nothing but what [`key`] holds.
pub(super) fn rests_on_runs(step: &Step) -> bool {
    matches!(step, Step::Promql(_) | Step::Probe(_) | Step::CanAlert(_) | Step::Messages(_))
}

/// Everything that runs, and what is said about them, depend on; none when that is too much.
pub(super) fn key(world: &Simulated<'_>) -> Option<String> {
    let mut key = String::new();
    let stack = &world.stack;
    if let Some(p) = &stack.prometheus {
        let of_files = (&p.service, p.release, p.dialect, &p.config_path, &p.external_url, &p.missing_rules);
        let _ = write!(key, "{of_files:?}");
        state(&mut key, &p.state);
        for rules in &p.rules {
            let _ = write!(key, "{:?}{:?}{:?}", rules.path, rules.source.name(), rules.source.text());
        }
    }
    if let Some(a) = &stack.alertmanager {
        let _ = write!(key, "{:?}", (&a.service, &a.tag, &a.version, &a.config_path, &a.files));
        state(&mut key, &a.state);
        for (name, text) in &a.templates {
            let _ = write!(key, "{name:?}{:?}{:?}", text.name(), text.text());
        }
    }
    let around = &world.embedded;
    let targets: Vec<_> = around.targets().collect();
    let _ = write!(key, "{targets:?}{:?}", (&around.answers, &around.links, &around.untold_jobs, &around.settings));
    let _ = write!(key, "{:?}{:?}{:?}", around.template_error, stack.mock_port(), world.watched);
    (key.len() <= LONGEST_KEY).then_some(key)
}

fn state(key: &mut String, state: &ConfigState) {
    let text = state.text().map(|t| (t.name(), t.text()));
    let _ = write!(key, "{:?}{text:?}{:?}", std::mem::discriminant(state), state.reason());
}
