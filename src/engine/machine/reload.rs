//! Another configuration takes over while the machine runs.
//!
//! Mirrors what `POST /-/reload` does to both programs: samples, silences and the notification log stay; targets and
//! groups that did not change go on as they were.

use std::cmp::Reverse;
use std::sync::Arc;

use super::{Engine, EngineConfig, Phases, PrometheusSetup, Scrape, Timer};
use crate::alertmanager;
use crate::model::Time;
use crate::rules::{Group, GroupSpec, RuleKind};
use crate::scrape::slot::next_slot;
use crate::scrape::target::Target;

impl Engine {
    /// Runs another configuration from `now` on. A program that did not run before does not begin to.
    pub fn reload(&mut self, now: Time, config: Arc<EngineConfig>, phases: &Phases) {
        let before = std::mem::replace(&mut self.config, config.clone());
        if let (Some(alertmanager), Some(setup)) = (&mut self.alertmanager, &config.alertmanager) {
            alertmanager.handle(now, alertmanager::Input::Reload(setup.config.clone()));
        }
        let Some(old) = &before.prometheus else { return };
        self.timers.clear();
        let mut scrapes: Vec<Option<Scrape>> = std::mem::take(&mut self.scrapes).into_iter().map(Some).collect();
        let mut groups: Vec<Option<Group>> = std::mem::take(&mut self.groups).into_iter().map(Some).collect();
        let Some(new) = &config.prometheus else { return };
        let found = now.plus_nanos(new.discovery_delay_ns);
        for (i, target) in new.targets.iter().enumerate() {
            let place = old.targets.iter().position(|t| same_target(&t.target, &target.target));
            let kept = place.and_then(|place| scrapes.get_mut(place)?.take());
            let from = if kept.is_some() { now } else { found.max(self.discovered_at) };
            let first = next_slot(from, phases.of_target(new, &target.target), target.target.interval_ns);
            self.timers.push(Reverse((first, Timer::Scrape(i))));
            let mut scrape = kept.unwrap_or_default();
            scrape.cache.write_reports(!new.unread.reports);
            self.scrapes.push(scrape);
        }
        for (i, spec) in new.groups.iter().enumerate() {
            let first = next_slot(now, phases.of_group(new, spec), spec.interval_ns);
            self.timers.push(Reverse((first, Timer::Evaluate(i))));
            let place = old.groups.iter().position(|g| same_texts(old, new) && same_group(g, spec));
            let kept = place.and_then(|place| groups.get_mut(place)?.take());
            let mut group = kept.unwrap_or_else(|| Group::new(spec.clone(), &new.context, true));
            group.write_alert_series(!new.unread.alerts);
            self.groups.push(group);
        }
    }
}

fn same_target(a: &Target, b: &Target) -> bool {
    a.all_labels == b.all_labels && a.url == b.url && a.timeout_ns == b.timeout_ns
}

/// Whether texts of rules are expanded with the same surroundings.
fn same_texts(a: &PrometheusSetup, b: &PrometheusSetup) -> bool {
    let (a, b) = (&a.context.expansion, &b.context.expansion);
    a.external_labels == b.external_labels && a.external_url == b.external_url
}

fn same_group(a: &GroupSpec, b: &GroupSpec) -> bool {
    let same_kind = |a: &RuleKind, b: &RuleKind| match (a, b) {
        (RuleKind::Recording, RuleKind::Recording) => true,
        (RuleKind::Alerting(a), RuleKind::Alerting(b)) => {
            a.for_ns == b.for_ns && a.keep_firing_for_ns == b.keep_firing_for_ns && a.annotations == b.annotations
        }
        _ => false,
    };
    a.file == b.file
        && a.name == b.name
        && a.interval_ns == b.interval_ns
        && a.limit == b.limit
        && a.query_offset_ns == b.query_offset_ns
        && a.rules.len() == b.rules.len()
        && a.rules
            .iter()
            .zip(&b.rules)
            .all(|(a, b)| a.name == b.name && a.text == b.text && a.labels == b.labels && same_kind(&a.kind, &b.kind))
}
