//! Alertmanager as a machine that is told the time.

use std::sync::Arc;
use std::time::Duration;

use super::config::Config;
use super::output::{Input, Output};
use super::version::Version;
use crate::model::Time;

/// What the command line of a real Alertmanager would set, and what a simulation chooses.
#[derive(Clone, Debug)]
pub struct Options {
    /// `--web.external-url`: what templates see as `ExternalURL`.
    pub external_url: Arc<str>,
    /// How long gossip takes to settle before the first send; zero with clustering off.
    pub settle: Duration,
    /// `--dispatch.start-delay` (0.30).
    pub start_delay: Duration,
    /// `--data.retention`.
    pub retention: Duration,
    /// The length of the dispatcher's cleanup period, 30 s (0.25 to 0.31: decides when an empty group ends).
    pub maintenance: Duration,
    /// How long before `now` the dispatcher's cleanup clock began to count at the start.
    pub maintenance_phase: Duration,
    /// Whether a repeat that is due exactly at a tick is sent at that tick; the strict check says the next.
    pub repeat_at_exact_multiple: bool,
    /// What the random part of the retry delays grows from.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            external_url: "http://localhost:9093".into(),
            settle: Duration::ZERO,
            start_delay: Duration::ZERO,
            retention: Duration::from_secs(120 * 3600),
            maintenance: Duration::from_secs(30),
            maintenance_phase: Duration::ZERO,
            repeat_at_exact_multiple: false,
            seed: 0,
        }
    }
}

/// An Alertmanager. Call [`handle`](Self::handle) with what happens, then [`poll`](Self::poll) for what it wants done;
/// call `poll` again at [`next_wakeup`](Self::next_wakeup).
#[derive(Debug)]
pub struct Alertmanager {
    config: Arc<Config>,
    version: Version,
    options: Options,
    started: Time,
    outputs: Vec<Output>,
}

impl Alertmanager {
    /// Starts at `now` with empty storage.
    pub fn new(config: Arc<Config>, version: Version, options: Options, now: Time) -> Self {
        Self { config, version, options, started: now, outputs: Vec::new() }
    }

    /// The configuration it runs with.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// The version it speaks as.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Takes something that happens at `now`; due work of earlier times is done first.
    pub fn handle(&mut self, now: Time, input: Input) {
        let _ = (now, input, &self.options, self.started);
    }

    /// Does what is due at `now`, and gives what came of that and of the inputs since the last call.
    pub fn poll(&mut self, now: Time) -> Vec<Output> {
        let _ = now;
        std::mem::take(&mut self.outputs)
    }

    /// When it must be polled next, if nothing happens before.
    pub fn next_wakeup(&self) -> Option<Time> {
        None
    }
}
