//! Inhibition: a firing alert mutes others.
//!
//! Facts: upstream `inhibit`. Up to 0.29 every source alert is looked at; since 0.30 only the one kept for its equal
//! labels, with the quirks that follow.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::alert::Alert;
use super::config::InhibitRule;
use super::nflog::CLEANUP_NS;
use super::version::Version;
use crate::model::{Labels, Time};

/// All rules with the source alerts they have seen.
#[derive(Clone, Debug)]
pub struct Inhibitor {
    rules: Vec<Rule>,
    indexed: bool,
    next_cleanup: Time,
}

#[derive(Clone, Debug)]
struct Rule {
    config: InhibitRule,
    /// Source alerts by fingerprint.
    sources: BTreeMap<u64, Alert>,
    /// Their ends, to know the next one.
    ends: BTreeSet<(Time, u64)>,
    /// Up to 0.29: values of the equal labels to the fingerprints of all sources that have them.
    by_values: FxHashMap<Vec<Arc<str>>, BTreeSet<u64>>,
    /// Since 0.30: values of the equal labels to the fingerprint of the one source that counts.
    kept: FxHashMap<Vec<Arc<str>>, u64>,
}

impl Inhibitor {
    /// Starts with no alerts; counts its cleanups from `now`.
    pub fn new(rules: &[InhibitRule], version: Version, now: Time) -> Self {
        let rule = |config: &InhibitRule| Rule {
            config: config.clone(),
            sources: BTreeMap::new(),
            ends: BTreeSet::new(),
            by_values: FxHashMap::default(),
            kept: FxHashMap::default(),
        };
        Self {
            rules: rules.iter().map(rule).collect(),
            indexed: version >= Version::V0_30,
            next_cleanup: now.plus_nanos(CLEANUP_NS),
        }
    }

    /// Takes a stored alert in. Says whether any rule has it as a source.
    pub fn take(&mut self, alert: &Alert, fingerprint: u64) -> bool {
        let mut is_source = false;
        for rule in &mut self.rules {
            if !rule.config.source.iter().all(|m| m.matches(&alert.labels)) {
                continue;
            }
            is_source = true;
            if let Some(old) = rule.sources.insert(fingerprint, alert.clone()) {
                rule.ends.remove(&(old.ends_at, fingerprint));
            }
            rule.ends.insert((alert.ends_at, fingerprint));
            let values = rule.config.equal_values(&alert.labels);
            if self.indexed {
                let replaces = match rule.kept.get(&values) {
                    Some(kept) if *kept == fingerprint => false,
                    Some(kept) => rule.sources.get(kept).is_none_or(|old| old.resolved_at(alert.ends_at)),
                    None => true,
                };
                if replaces {
                    rule.kept.insert(values, fingerprint);
                }
            } else {
                rule.by_values.entry(values).or_default().insert(fingerprint);
            }
        }
        is_source
    }

    /// The alert that mutes a label set at `now`, with the place of the rule.
    pub fn mutes(&self, labels: &Labels, now: Time) -> Option<(usize, Labels)> {
        self.rules.iter().enumerate().find_map(|(i, rule)| {
            if !rule.config.target.iter().all(|m| m.matches(labels)) {
                return None;
            }
            let both_sides = rule.config.source.iter().all(|m| m.matches(labels));
            let counts = |source: &&Alert| {
                let excluded = both_sides && rule.config.target.iter().all(|m| m.matches(&source.labels));
                !source.resolved_at(now) && !excluded
            };
            let values = rule.config.equal_values(labels);
            let source = if self.indexed {
                rule.sources.get(rule.kept.get(&values)?).filter(counts)
            } else {
                rule.by_values.get(&values)?.iter().filter_map(|f| rule.sources.get(f)).find(counts)
            };
            source.map(|s| (i, s.labels.clone()))
        })
    }

    /// Forgets resolved sources, as the cleanups up to `now` do.
    pub fn clean(&mut self, now: Time) {
        while self.next_cleanup <= now {
            let at = self.next_cleanup;
            for rule in &mut self.rules {
                while let Some((_, fingerprint)) = rule.ends.first().copied().filter(|(end, _)| *end <= at) {
                    rule.ends.pop_first();
                    let Some(gone) = rule.sources.remove(&fingerprint) else { continue };
                    let values = rule.config.equal_values(&gone.labels);
                    // Whichever source is kept for these values goes with it.
                    rule.kept.remove(&values);
                    if let Some(same) = rule.by_values.get_mut(&values) {
                        same.remove(&fingerprint);
                        if same.is_empty() {
                            rule.by_values.remove(&values);
                        }
                    }
                }
            }
            let missed = now.since(at) / CLEANUP_NS;
            self.next_cleanup = at.plus_nanos((missed.max(0) + 1) * CLEANUP_NS);
        }
    }

    /// When, after `now`, the answers may change by themselves; none when there are no rules.
    pub fn next_change(&self, now: Time) -> Option<Time> {
        if self.rules.is_empty() {
            return None;
        }
        let after = (now.plus_nanos(1), 0);
        let ends = self.rules.iter().filter_map(|r| r.ends.range(after..).next()).map(|(end, _)| *end).min();
        Some(ends.map_or(self.next_cleanup, |e| e.min(self.next_cleanup)))
    }
}

impl InhibitRule {
    fn equal_values(&self, labels: &Labels) -> Vec<Arc<str>> {
        self.equal.iter().map(|name| labels.get(name).unwrap_or("").into()).collect()
    }
}
