//! The states of alerts over a whole test.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::model::Labels;
use crate::rules::{AlertState, Transition};

/// The states of one alert.
#[derive(Clone, Debug)]
pub struct Track {
    /// The alert's name.
    pub alert: Arc<str>,
    /// Its labels, the name included.
    pub labels: Labels,
    /// When each state began, in nanoseconds from the test's start; inactive before the first.
    pub changes: Vec<(i64, AlertState)>,
}

impl Track {
    /// The state at a time.
    pub fn at(&self, time: i64) -> AlertState {
        let known = self.changes.partition_point(|(t, _)| *t <= time);
        known.checked_sub(1).map_or(AlertState::Inactive, |i| self.changes[i].1)
    }
}

/// Gathers tracks in the order in which alerts first appear.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    tracks: Vec<Track>,
    places: FxHashMap<(usize, usize, Labels), usize>,
}

impl Recorder {
    pub(super) fn add(&mut self, rule: (usize, usize), alert: &Arc<str>, time: i64, change: &Transition) {
        let place = *self.places.entry((rule.0, rule.1, change.labels.clone())).or_insert_with(|| {
            self.tracks.push(Track { alert: alert.clone(), labels: change.labels.clone(), changes: Vec::new() });
            self.tracks.len() - 1
        });
        self.tracks[place].changes.push((time, change.to));
    }

    pub(super) fn finish(self) -> Vec<Track> {
        self.tracks
    }
}
