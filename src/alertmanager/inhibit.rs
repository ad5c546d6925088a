//! Inhibition: a firing alert mutes others.
//!
//! Facts: upstream `inhibit`. Up to 0.29 every source alert is looked at; since 0.30 only the one kept for its equal
//! labels, with the quirks that follow.

use std::collections::BTreeMap;
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
    /// Since 0.30: values of the equal labels to the fingerprint of the one source that counts.
    kept: FxHashMap<Vec<Arc<str>>, u64>,
}

impl Inhibitor {
    /// Starts with no alerts; counts its cleanups from `now`.
    pub fn new(rules: &[InhibitRule], version: Version, now: Time) -> Self {
        let rule = |config: &InhibitRule| Rule {
            config: config.clone(),
            sources: BTreeMap::new(),
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
            rule.sources.insert(fingerprint, alert.clone());
            if self.indexed {
                let values = rule.config.equal_values(&alert.labels);
                let replaces = match rule.kept.get(&values) {
                    Some(kept) if *kept == fingerprint => false,
                    Some(kept) => rule.sources.get(kept).is_none_or(|old| old.resolved_at(alert.ends_at)),
                    None => true,
                };
                if replaces {
                    rule.kept.insert(values, fingerprint);
                }
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
                !source.resolved_at(now)
                    && !(both_sides && rule.config.target.iter().all(|m| m.matches(&source.labels)))
            };
            let source = if self.indexed {
                let kept = rule.kept.get(&rule.config.equal_values(labels))?;
                rule.sources.get(kept).filter(counts)
            } else {
                rule.sources.values().find(|source| {
                    rule.config.equal.iter().all(|n| source.labels.get(n) == labels.get(n)) && counts(source)
                })
            };
            source.map(|s| (i, s.labels.clone()))
        })
    }

    /// Forgets resolved sources, as the cleanups up to `now` do.
    pub fn clean(&mut self, now: Time) {
        while self.next_cleanup <= now {
            let at = self.next_cleanup;
            for rule in &mut self.rules {
                let (kept, config) = (&mut rule.kept, &rule.config);
                rule.sources.retain(|_, a| {
                    if a.resolved_at(at) {
                        // Whichever source is kept for these values goes with it.
                        kept.remove(&config.equal_values(&a.labels));
                        return false;
                    }
                    true
                });
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
        let ends = self.rules.iter().flat_map(|r| r.sources.values()).map(|a| a.ends_at).filter(|e| *e > now).min();
        Some(ends.map_or(self.next_cleanup, |e| e.min(self.next_cleanup)))
    }
}

impl InhibitRule {
    fn equal_values(&self, labels: &Labels) -> Vec<Arc<str>> {
        self.equal.iter().map(|name| labels.get(name).unwrap_or("").into()).collect()
    }
}
