//! What a run may leave out because nothing that is asked of it depends on it: series nobody reads, texts nobody sees,
//! and where only alerts are asked for, everything behind them and every rule they do not rest on.

use std::sync::Arc;

use super::reads::{NamesRead, for_each_selector};
use super::receivers;
use super::world::World;
use crate::engine::{EngineConfig, Event, Journal, PrometheusSetup, Unread};
use crate::rules::{GroupSpec, RuleKind, RuleSpec};
use crate::scrape::body::REPORT_NAMES;

/// A rule's place: group, rule.
type Place = (usize, usize);

/// Something to run instead of the whole stack.
#[derive(Debug)]
pub(super) struct Lean {
    pub config: Arc<EngineConfig>,
    pub world: World,
    /// The place of each group's rules in the whole stack; empty where they are the same.
    places: Vec<Vec<Place>>,
}

impl Lean {
    /// The same stack without what neither its rules nor anybody else reads.
    pub fn of(config: &EngineConfig, world: &World) -> Self {
        let mut config = config.clone();
        let texts_matter = config.alertmanager.as_ref().is_some_and(|a| !receivers::is_always_rendered(a));
        let mut world = world.clone();
        if let Some(setup) = &mut config.prometheus {
            let names = NamesRead::of(setup.groups.iter().map(|g| &**g));
            setup.unread = unread(&names);
            setup.unread.annotations = !texts_matter;
            leave_out_targets(setup, &mut world);
        }
        Self { config: Arc::new(config), world, places: Vec::new() }
    }

    /// What decides about the alerts of some places: the rules they rest on, what these read, and no Alertmanager.
    pub fn alerts_only(config: &EngineConfig, world: &World, watched: &[Place]) -> Self {
        let mut config = EngineConfig { prometheus: config.prometheus.clone(), alertmanager: None };
        let mut world = world.clone();
        let mut places = Vec::new();
        if let Some(setup) = &mut config.prometheus {
            let needed = needed(&setup.groups, watched);
            let mut groups = Vec::new();
            for (g, group) in setup.groups.iter().enumerate() {
                let kept: Vec<Place> = (0..group.rules.len()).map(|r| (g, r)).filter(|p| needed.contains(p)).collect();
                if kept.is_empty() {
                    continue;
                }
                let rules = kept.iter().map(|(_, r)| group.rules[*r].clone()).collect();
                groups.push(Arc::new(GroupSpec { rules, ..(**group).clone() }));
                places.push(kept);
            }
            setup.groups = groups;
            setup.alertmanagers.clear();
            let names = NamesRead::of(setup.groups.iter().map(|g| &**g));
            setup.unread = Unread { annotations: true, sends: true, ..unread(&names) };
            world.keep_only(setup, &names);
            leave_out_targets(setup, &mut world);
        }
        Self { config: Arc::new(config), world, places }
    }

    /// A journal of this run in the places of the whole stack.
    pub fn placed(&self, mut journal: Journal) -> Journal {
        if !self.places.is_empty() {
            journal.for_each_mut(|event| match event {
                Event::Alert { group, rule, .. }
                | Event::RuleError { group, rule, .. }
                | Event::Sent { group, rule, .. } => (*group, *rule) = self.places[*group][*rule],
                _ => {}
            });
        }
        journal
    }

    /// The place in the whole stack of a rule of this run.
    pub fn place(&self, here: Place) -> Place {
        match self.places.is_empty() {
            true => here,
            false => self.places[here.0][here.1],
        }
    }
}

fn unread(names: &NamesRead) -> Unread {
    let reports = REPORT_NAMES.iter().any(|name| names.contains(name));
    let alerts = names.contains("ALERTS") || names.contains("ALERTS_FOR_STATE");
    Unread { reports: !reports, alerts: !alerts, ..Unread::default() }
}

/// Targets of which nothing would be stored need no scraping.
fn leave_out_targets(setup: &mut PrometheusSetup, world: &mut World) {
    if !setup.unread.reports {
        return;
    }
    let stores: Vec<bool> = (0..setup.targets.len()).map(|i| world.gives_series(i)).collect();
    let mut kept = stores.iter();
    setup.targets.retain(|_| kept.next().copied().unwrap_or(true));
    world.retain(&stores);
}

/// The places of the rules that those of some places rest on, themselves included.
fn needed(groups: &[Arc<GroupSpec>], watched: &[Place]) -> Vec<Place> {
    let rules = || {
        groups.iter().enumerate().flat_map(|(g, group)| group.rules.iter().enumerate().map(move |(r, x)| ((g, r), x)))
    };
    let of = |place: Place| groups.get(place.0).and_then(|g| g.rules.get(place.1));
    let mut needed = watched.to_vec();
    let mut next = 0;
    while let Some(rule) = needed.get(next).copied().map(of) {
        next += 1;
        let Some(rule) = rule else { continue };
        // A label whose text queries may read anything.
        let asks = rule.labels.iter().any(|(_, text)| text.contains("query"));
        let read = |other: &RuleSpec| asks || reads_result(rule, other);
        let more: Vec<Place> =
            rules().filter(|(p, other)| !needed.contains(p) && read(other)).map(|(p, _)| p).collect();
        needed.extend(more);
    }
    needed
}

/// Whether a rule can select what another one writes.
fn reads_result(rule: &RuleSpec, other: &RuleSpec) -> bool {
    let writes: &[&str] = match &other.kind {
        RuleKind::Recording => &[&*other.name],
        RuleKind::Alerting(_) => &["ALERTS", "ALERTS_FOR_STATE"],
    };
    let mut found = false;
    for_each_selector(&rule.expr, &mut |selector| {
        found |= writes.iter().any(|name| super::reads::selects(selector, name));
    });
    found
}
