//! A label set's way through a configuration: routes, groups, timers, and what would mute it.
//!
//! Pure functions over a [`Config`]; `labkit route` and reports show what they give.

use std::time::Duration;

use serde::Serialize;

use super::config::{Config, GroupBy, NamedInterval};
use super::routing::{RouteTree, Step, show_matcher, show_matchers};
use super::silence::{SilenceState, Silences};
use super::version::Version;
use crate::model::{Labels, Matcher, Time};
use crate::text::Span;

/// What becomes of an alert with a label set.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// Every route that was looked at, in order.
    pub path: Vec<Visit>,
    /// Where the alert ends, in order.
    pub destinations: Vec<Destination>,
    /// The inhibition rules whose target side matches.
    pub inhibitions: Vec<Inhibition>,
    /// The inhibition rules whose source side matches: what this alert mutes while it fires.
    pub inhibits: Vec<Inhibition>,
    /// Ids of the active silences that mute it.
    pub silences: Vec<String>,
}

/// A route that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Visit {
    /// How deep it stands; the root is 0.
    pub depth: usize,
    /// Its matchers, `{}` for none.
    pub matchers: String,
    /// Its receiver, inherited or its own.
    pub receiver: String,
    /// What came of it.
    pub outcome: VisitOutcome,
    /// Where it stands in the file.
    #[serde(skip)]
    pub span: Span,
}

/// What came of looking at a route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "result")]
pub enum VisitOutcome {
    /// All matchers hold; the alert goes on below, or ends here.
    Matched {
        /// Whether the alert ends here.
        ends: bool,
        /// Whether later siblings were tried all the same.
        continues: bool,
        /// How many later siblings were left out because of this match.
        siblings_skipped: usize,
    },
    /// A matcher does not hold.
    Refused {
        /// The matcher.
        matcher: String,
        /// The alert's value of its label, empty when it has none.
        value: String,
    },
}

/// Where an alert ends.
#[derive(Clone, Debug, Serialize)]
pub struct Destination {
    /// Who is told.
    pub receiver: String,
    /// How, for example `discord[0]`; none: nobody hears anything.
    pub integrations: Vec<IntegrationNote>,
    /// The identity of the group.
    pub group_key: String,
    /// The labels it is grouped by.
    #[serde(serialize_with = "labels_as_map")]
    pub group_labels: Labels,
    /// Whether every alert is a group of its own.
    pub group_by_all: bool,
    /// The route's timers.
    pub timers: Timers,
    /// Time intervals that have a say.
    pub intervals: Vec<IntervalNote>,
    /// Where the route stands in the file.
    #[serde(skip)]
    pub span: Span,
}

/// A way a receiver is told.
#[derive(Clone, Debug, Serialize)]
pub struct IntegrationNote {
    /// Its kind.
    pub kind: &'static str,
    /// Its place in the list of that kind.
    pub index: usize,
    /// Whether it hears of the end.
    pub send_resolved: bool,
}

/// When a group is told, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Timers {
    /// From a group's first alert to its first message.
    pub group_wait: f64,
    /// Between two looks at a group; news waits at most this long.
    pub group_interval: f64,
    /// As configured.
    pub repeat_interval: f64,
    /// When an unchanged group is really repeated: at the first look that comes later than `repeat_interval`.
    pub repeats_every: f64,
    /// The longest time from the end of an alert to its message.
    pub resolve_within: f64,
}

/// A time interval of a route.
#[derive(Clone, Debug, Serialize)]
pub struct IntervalNote {
    /// Its name.
    pub name: String,
    /// Whether it mutes inside; else it mutes outside.
    pub mutes: bool,
    /// Whether the moment that was asked about lies inside; none when no moment was given.
    pub inside: Option<bool>,
}

/// An inhibition rule that has to do with a label set.
#[derive(Clone, Debug, Serialize)]
pub struct Inhibition {
    /// Its place in the file, from 0.
    pub rule: usize,
    /// The other side's matchers.
    pub other_side: String,
    /// What the other alert's labels must be besides: the values of the equal labels.
    #[serde(serialize_with = "labels_as_map")]
    pub equal: Labels,
    /// Equal labels this alert does not have; they count as equal when the other lacks them too.
    pub equal_absent: Vec<String>,
    /// Whether this alert matches both sides; then only alerts that match one side count.
    pub both_sides: bool,
    /// Where it stands in the file.
    #[serde(skip)]
    pub span: Span,
}

fn labels_as_map<S: serde::Serializer>(labels: &Labels, s: S) -> Result<S::Ok, S::Error> {
    s.collect_map(labels.iter().map(|l| (&*l.name, &*l.value)))
}

/// Follows a label set through a configuration. `at` is the moment for time intervals and silences.
pub fn explain(
    config: &Config,
    version: Version,
    labels: &Labels,
    at: Option<Time>,
    silences: Option<&Silences>,
) -> Explanation {
    let tree = RouteTree::new(config, version);
    let mut path: Vec<(usize, Visit)> = Vec::new();
    let mut ends = Vec::new();
    tree.walk(labels, &mut |step| match step {
        Step::Entered(node) => {
            let continues = tree.nodes()[node].continues;
            path.push((
                node,
                visit(&tree, node, VisitOutcome::Matched { ends: false, continues, siblings_skipped: 0 }),
            ));
        }
        Step::Refused { node, matcher } => {
            let matcher = &tree.nodes()[node].matchers[matcher];
            let value = labels.get(&matcher.name).unwrap_or("").to_owned();
            path.push((node, visit(&tree, node, VisitOutcome::Refused { matcher: show_matcher(matcher), value })));
        }
        Step::SiblingsSkipped { after, skipped } => {
            if let Some((_, Visit { outcome: VisitOutcome::Matched { siblings_skipped, .. }, .. })) =
                path.iter_mut().find(|(n, _)| *n == after)
            {
                *siblings_skipped = skipped;
            }
        }
        Step::End(node) => {
            ends.push(node);
            if let Some((_, Visit { outcome: VisitOutcome::Matched { ends, .. }, .. })) =
                path.iter_mut().find(|(n, _)| *n == node)
            {
                *ends = true;
            }
        }
    });
    let side = |matchers: &[Matcher]| matchers.iter().all(|m| m.matches(labels));
    let rules = config.inhibit_rules.iter().enumerate();
    let notes = |as_target: bool| {
        let of_side = rules.clone().filter(|(_, r)| side(if as_target { &r.target } else { &r.source }));
        of_side
            .map(|(rule, r)| Inhibition {
                rule,
                other_side: show_matchers(if as_target { &r.source } else { &r.target }),
                equal: Labels::from_pairs(r.equal.iter().filter_map(|n| Some((&**n, labels.get(n)?)))),
                equal_absent: r.equal.iter().filter(|n| labels.get(n).is_none()).map(|n| n.to_string()).collect(),
                both_sides: side(&r.source) && side(&r.target),
                span: r.span,
            })
            .collect()
    };
    Explanation {
        path: path.into_iter().map(|(_, v)| v).collect(),
        destinations: ends.into_iter().map(|n| destination(config, &tree, n, labels, at)).collect(),
        inhibitions: notes(true),
        inhibits: notes(false),
        silences: match (silences, at) {
            (Some(silences), Some(at)) => silences
                .list()
                .iter()
                .filter(|s| s.state(at) == SilenceState::Active && s.matches(labels))
                .map(|s| s.id.to_string())
                .collect(),
            _ => Vec::new(),
        },
    }
}

fn visit(tree: &RouteTree, node: usize, outcome: VisitOutcome) -> Visit {
    let route = &tree.nodes()[node];
    let depth = std::iter::successors(route.parent, |p| tree.nodes()[*p].parent).count();
    Visit {
        depth,
        matchers: show_matchers(&route.matchers),
        receiver: route.receiver.name.to_string(),
        outcome,
        span: route.span,
    }
}

fn destination(config: &Config, tree: &RouteTree, node: usize, labels: &Labels, at: Option<Time>) -> Destination {
    let route = &tree.nodes()[node];
    let group_labels = tree.group_labels(node, labels);
    let note = |name: &std::sync::Arc<str>, mutes: bool| {
        let named: Vec<&NamedInterval> = config.time_intervals.iter().filter(|i| i.name == *name).collect();
        let inside = at.map(|at| named.iter().flat_map(|i| &i.intervals).any(|i| i.contains(at)));
        IntervalNote { name: name.to_string(), mutes, inside }
    };
    let mutes = route.mute_time_intervals.iter().map(|n| note(n, true));
    let actives = route.active_time_intervals.iter().map(|n| note(n, false));
    Destination {
        receiver: route.receiver.name.to_string(),
        integrations: route
            .receiver
            .integrations
            .iter()
            .map(|i| IntegrationNote { kind: i.kind.as_str(), index: i.index, send_resolved: i.send_resolved })
            .collect(),
        group_key: format!("{}:{group_labels}", route.key),
        group_by_all: route.group_by == GroupBy::All,
        group_labels,
        timers: timers(route.group_wait, route.group_interval, route.repeat_interval),
        intervals: mutes.chain(actives).collect(),
        span: route.span,
    }
}

/// What three timers come to.
pub fn timers(group_wait: Duration, group_interval: Duration, repeat_interval: Duration) -> Timers {
    let interval = group_interval.as_nanos().max(1);
    // Strictly later: an exact multiple is met one look later.
    let looks = repeat_interval.as_nanos() / interval + 1;
    Timers {
        group_wait: group_wait.as_secs_f64(),
        group_interval: group_interval.as_secs_f64(),
        repeat_interval: repeat_interval.as_secs_f64(),
        repeats_every: (looks * interval) as f64 / 1e9,
        resolve_within: group_interval.as_secs_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::SourceText;

    #[test]
    fn a_repeat_waits_for_the_first_look_after_the_interval() {
        let s = Duration::from_secs;
        assert_eq!(timers(s(1), s(2), s(5)).repeats_every, 6.0);
        assert_eq!(timers(s(1), s(2), s(4)).repeats_every, 6.0);
        assert_eq!(timers(s(1), s(3), s(1)).repeats_every, 3.0);
    }

    #[test]
    fn an_explanation_names_the_first_matcher_that_fails_and_the_rules_that_mute() {
        let text = "
route:
  receiver: a
  routes:
  - matchers: [team=x]
    receiver: b
  - matchers: [sev=page]
    mute_time_intervals: [never]
receivers: [{name: a}, {name: b, discord_configs: [{webhook_url: 'https://h/x'}]}]
inhibit_rules:
- {source_matchers: [n=s], target_matchers: [sev=page], equal: [zone, host]}
time_intervals: [{name: never, time_intervals: [{years: ['1999']}]}]
";
        let config = Config::load(&SourceText::new("am.yml", text), Version::LATEST).config.expect("a good file");
        let labels = Labels::from_pairs([("sev", "page"), ("zone", "z")]);
        let told = explain(&config, Version::LATEST, &labels, Some(Time(0)), None);
        let refused = VisitOutcome::Refused { matcher: "team=\"x\"".to_owned(), value: String::new() };
        assert_eq!(told.path[1].outcome, refused);
        assert_eq!(told.destinations.len(), 1);
        assert_eq!(told.destinations[0].intervals[0].inside, Some(false));
        assert_eq!(told.inhibitions[0].other_side, "{n=\"s\"}");
        assert_eq!(told.inhibitions[0].equal, Labels::from_pairs([("zone", "z")]));
        assert_eq!(told.inhibitions[0].equal_absent, ["host"]);
        assert!(told.inhibits.is_empty());
    }
}
