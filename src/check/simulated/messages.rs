//! Messages that must come, or stay away, judged over the sweep of phases.

use serde_json::{Value, json};

use super::Simulated;
use super::alerts::Place;
use super::bridge::{self, Arrives};
use super::chain::{self, Question};
use super::fates;
use super::runs::Runs;
use super::stopped;
use crate::alertmanager::Status;
use crate::check::{CanAlert, Finding, MessageState, Messages, Outcome, Stage};
use crate::engine::Engine;
use crate::report::Basis;
use crate::simulate::outcome::{Message, PhaseOutcome};

/// The share of pairs from which on something holds.
const PASSES: f64 = 0.9;
/// The share of pairs up to which it does not.
const FAILS: f64 = 0.5;

/// Of some rules, in some stretch of time.
struct Wanted<'a> {
    world: &'a Simulated<'a>,
    /// Whether messages count of which files do not tell whether they arrive.
    maybe: bool,
    places: &'a [Place],
    status: Status,
    from: f64,
    until: f64,
    after_firing: bool,
}

impl Wanted<'_> {
    fn question<'q>(&'q self, world: &'q Simulated<'_>, runs: &'q Runs, engine: &'q Engine) -> Question<'q> {
        let scenario = &runs.schedule.scenario;
        let lost = world.embedded.links.iter().find_map(Option::as_deref);
        Question { engine, scenario, places: self.places, from: self.from, until: self.until, lost, world: self.world }
    }

    /// What became of these alerts in one run, by phase.
    fn fates(&self, world: &Simulated<'_>, runs: &Runs, engine: &Engine) -> Option<Value> {
        fates::evidence(&self.question(world, runs, engine), &runs.schedule.stretches)
    }

    /// The messages of a run that count.
    fn found<'r>(&self, run: &'r PhaseOutcome) -> Vec<&'r Message> {
        run.messages
            .iter()
            .filter(|m| m.accepted && m.at >= self.from && m.at <= self.until)
            .filter(|m| {
                m.alerts.iter().any(|(place, labels, status)| {
                    self.places.contains(place)
                        && *status == self.status
                        && (!self.after_firing || told_firing(run, labels, m.at))
                })
            })
            .filter(|m| match bridge::arrives(self.world, m.integration, &m.url) {
                Arrives::Yes => true,
                Arrives::Open(_) => self.maybe,
                Arrives::No(_) => false,
            })
            .collect()
    }
}

fn told_firing(run: &PhaseOutcome, labels: &crate::model::Labels, before: f64) -> bool {
    run.messages.iter().any(|m| {
        m.accepted && m.at <= before && m.alerts.iter().any(|(_, l, status)| l == labels && *status == Status::Firing)
    })
}

/// Messages come, or stay away.
pub fn messages(world: &Simulated<'_>, criterion: &str, step: &Messages) -> Outcome {
    let control = step.scenario.as_deref().is_some_and(|s| world.is_control(s));
    let runs = match world.runs(step.scenario.as_deref().filter(|_| !control)) {
        Ok(runs) => runs,
        Err(e) => return Outcome::Error(Finding::said(e)),
    };
    let places = world.places(&step.of);
    if let Some(hidden) = super::probing::hidden_rules(world).filter(|_| places.is_empty()) {
        return hidden;
    }
    let moment = |text: &Option<String>, default: f64| text.as_ref().map_or(Ok(default), |t| runs.schedule.moment(t));
    let idle = runs.schedule.scenario.idle_before;
    let (from, until) = match (moment(&step.from, -idle), moment(&step.until, runs.schedule.end())) {
        (Ok(from), Ok(until)) => (from, until),
        (Err(e), _) | (_, Err(e)) => return Outcome::Error(Finding::said(format!("{criterion}: {e}"))),
    };
    let status = match step.state {
        MessageState::Firing => Status::Firing,
        MessageState::Resolved => Status::Resolved,
    };
    let wanted = Wanted {
        world,
        maybe: step.never,
        places,
        status,
        from,
        until,
        after_firing: step.after == Some(MessageState::Firing),
    };
    if control {
        return without_load(world, runs, step, &wanted);
    }
    if step.never { silent(world, runs, step, &wanted) } else { told(world, runs, step, &wanted) }
}

/// Without load nothing may fire: an alert that does needs no load to speak up.
fn without_load(world: &Simulated<'_>, runs: &Runs, step: &Messages, wanted: &Wanted<'_>) -> Outcome {
    let firing = runs
        .control()
        .iter()
        .flat_map(|run| &run.alerts)
        .find(|a| wanted.places.contains(&a.rule) && a.fired.is_some());
    match firing {
        None if runs.control().iter().any(|run| run.stopped) => stopped::undecided("silence without load"),
        None => Outcome::Holds(Finding::default()),
        Some(alert) => {
            let name = alert.labels.get("alertname").unwrap_or("the alert");
            let value = super::value::short(alert.value);
            Outcome::Fails(
                Finding::observed(
                    format!("`{name}` firing without any load, at the value {value}"),
                    format!("{} that fire under load only", world.title_of(&step.of)),
                )
                .hint("compare like with like: rate() of a mode is a fraction from 0 to 1, times 100 it is percent; and an alert exists for every series the expression returns")
                .basis(Basis::Simulated)
                .stage(Stage::Evaluation)
                .cause("fires-without-load")
                .evidence(world.rule_evidence(alert.rule)),
            )
        }
    }
}

fn told(world: &Simulated<'_>, runs: &Runs, step: &Messages, wanted: &Wanted<'_>) -> Outcome {
    let least = step.at_least.unwrap_or(1) as usize;
    let sweep = runs.sweep();
    let holds: Vec<bool> = sweep.iter().map(|run| wanted.found(run).len() >= least).collect();
    let share = share(&holds);
    let first = |run: &PhaseOutcome| wanted.found(run).first().map(|m| m.at);
    let times: Vec<f64> = sweep.iter().filter_map(first).collect();
    let evidence = sweep_evidence(sweep, &holds, wanted.places);
    let word = if wanted.status == Status::Firing { "message" } else { "resolve message" };
    let what = world.title_of(&step.of);
    let counted = format!("{} of {} phases", holds.iter().filter(|h| **h).count(), holds.len());
    let window = window_words(step);
    if share >= PASSES {
        let when = if step.from.is_some() { span_words(&times, anchor_of(runs, step)) } else { String::new() };
        return Outcome::Holds(
            Finding::said(format!("observed a {word} about {what} in {counted}{when}"))
                .basis(Basis::Simulated)
                .evidence([evidence])
                .evidence(super::latency::evidence(world, runs, wanted.places, step))
                .evidence(wanted.fates(world, runs, runs.shown())),
        );
    }
    if let Some(why) = over_a_bridge(sweep, wanted, least) {
        return Outcome::Unverified(
            Finding::said(format!("files alone do not show that a {word} about {what} arrives on Discord: {why}"))
                .hint("show the channel, or let `labkit check` watch a running stack"),
        );
    }
    // What a stopped run does not show may still have come.
    let open = sweep.iter().zip(&holds).filter(|(run, holds)| run.stopped && !**holds).count();
    if open > 0 && share + open as f64 / sweep.len() as f64 > FAILS {
        return stopped::undecided(&format!("a {word} about {what}"));
    }
    if share > FAILS {
        return Outcome::Inconclusive(
            Finding::observed(
                format!("a {word} about {what} in {counted}{}", span_words(&times, anchor_of(runs, step))),
                format!("one in every phase {window}"),
            )
            .hint("leave more time between the alert and the end of the load: a shorter window in rate(), or a shorter evaluation interval")
            .basis(Basis::Simulated)
            .evidence([evidence])
            .evidence(wanted.fates(world, runs, runs.shown())),
        );
    }
    let always_firing = wanted.status == Status::Firing
        && step.from.is_some()
        && runs.control().iter().flat_map(|r| &r.alerts).any(|a| wanted.places.contains(&a.rule) && a.fired.is_some());
    if always_firing {
        return Outcome::Fails(
            Finding::observed(
                "an alert that fires all the time, so that nothing new is told under load",
                "a message under load",
            )
            .basis(Basis::Simulated)
            .stage(Stage::Evaluation)
            .cause("fires-without-load"),
        );
    }
    let missed = holds.iter().position(|h| !*h).unwrap_or(0);
    let engine = runs.run(missed);
    let mut finding = if wanted.status == Status::Resolved {
        unresolved(world, runs, &sweep[missed], wanted, step)
    } else {
        chain::broken_link(&wanted.question(world, runs, &engine))
    };
    if share > 0.0 {
        finding.reason = format!("{} (in {} it held)", finding.reason, counted);
    }
    let place = wanted.places.first().map(|p| world.rule_evidence(*p)).unwrap_or_default();
    let fates = wanted.fates(world, runs, &engine);
    Outcome::Fails(finding.basis(Basis::Simulated).evidence(place).evidence([evidence]).evidence(fates))
}

/// Why files leave open whether messages arrive that come in most phases.
fn over_a_bridge(sweep: &[PhaseOutcome], wanted: &Wanted<'_>, least: usize) -> Option<String> {
    let maybe = Wanted { maybe: true, ..*wanted };
    let holds: Vec<bool> = sweep.iter().map(|run| maybe.found(run).len() >= least).collect();
    if share(&holds) < PASSES {
        return None;
    }
    sweep.iter().flat_map(|run| maybe.found(run)).find_map(|m| {
        match bridge::arrives(wanted.world, m.integration, &m.url) {
            Arrives::Open(why) => Some(why),
            Arrives::Yes | Arrives::No(_) => None,
        }
    })
}

/// Why no resolve message followed.
fn unresolved(world: &Simulated<'_>, runs: &Runs, run: &PhaseOutcome, wanted: &Wanted<'_>, step: &Messages) -> Finding {
    let late = run.messages.iter().find(|m| {
        m.at > wanted.until && m.alerts.iter().any(|(p, _, s)| wanted.places.contains(p) && *s == Status::Resolved)
    });
    let ended = run.alerts.iter().filter(|a| wanted.places.contains(&a.rule)).find_map(|a| a.fired.and(a.ended));
    let window = window_words(step);
    match (late, ended) {
        (Some(m), _) => Finding::observed(
            format!("the resolve message only {:.0} s after the load", m.at - wanted.from),
            format!("one {window}"),
        )
        .hint("shorten group_interval: a resolve message waits for the group's next tick")
        .stage(Stage::Notification),
        (None, Some(end)) => {
            let silent = world.silent_about_resolved(runs, wanted.places);
            let because = if silent { ", because send_resolved is false" } else { "" };
            let finding = Finding::observed(
                format!("the alert over {:.0} s after the load, but no resolve message{because}", end - wanted.from),
                format!("one {window}"),
            );
            let hint = if silent {
                "remove send_resolved: false from the receiver of this alert; true is the default for Discord"
            } else {
                "look at group_interval: a resolve message waits for the group's next tick"
            };
            finding.hint(hint).stage(Stage::Notification)
        }
        (None, None) => {
            Finding::observed("the alert still firing when the run ended", format!("a resolve message {window}"))
                .hint("look at keep_firing_for and at the window of the expression")
                .stage(Stage::Evaluation)
        }
    }
}

fn silent(world: &Simulated<'_>, runs: &Runs, step: &Messages, wanted: &Wanted<'_>) -> Outcome {
    let sweep = runs.sweep();
    let loud: Vec<Vec<&Message>> = sweep.iter().map(|run| wanted.found(run)).collect();
    let holds: Vec<bool> = loud.iter().map(Vec::is_empty).collect();
    let share = share(&holds);
    let evidence = sweep_evidence(sweep, &holds, wanted.places);
    let what = world.title_of(&step.of);
    let counted = format!("{} of {} phases", holds.iter().filter(|h| **h).count(), holds.len());
    // What a stopped run does not show may still have come.
    let open = sweep.iter().zip(&holds).filter(|(run, holds)| run.stopped && **holds).count();
    if open > 0 && share > FAILS {
        return stopped::undecided(&format!("silence about {what}"));
    }
    if share >= PASSES {
        return Outcome::Holds(
            Finding::said(format!("observed silence about {what} in {counted}"))
                .basis(Basis::Simulated)
                .evidence([evidence])
                .evidence(wanted.fates(world, runs, runs.shown())),
        );
    }
    let first = loud.iter().flatten().next();
    let names: Vec<String> = speakers(&loud, wanted);
    let told =
        first.map_or_else(String::new, |m| format!(", the first {:.0} s after the load began", m.at - wanted.from));
    let finding = Finding::observed(
        format!(
            "a message about {} in {} of {} phases{told}",
            names.join(", "),
            holds.iter().filter(|h| !**h).count(),
            holds.len()
        ),
        format!("no message {}", window_words(step)),
    )
    .basis(Basis::Simulated)
    .stage(Stage::Evaluation)
    .evidence(wanted.places.first().map(|p| world.rule_evidence(*p)).unwrap_or_default())
    .evidence([evidence])
    .evidence(wanted.fates(world, runs, runs.shown()));
    if share > FAILS {
        return Outcome::Inconclusive(finding);
    }
    let behaves = |place: &Place| behaves_as_asked(runs, *place, wanted);
    if step.unless_another_behaves.as_deref() == Some("review") && wanted.places.iter().any(behaves) {
        return Outcome::Review(
            finding.hint("decide whether the early message is a warning of its own beside the alert the lab asks for"),
        );
    }
    Outcome::Fails(finding)
}

/// Whether one alert alone is silent in the stretch and speaks up later.
fn behaves_as_asked(runs: &Runs, place: Place, wanted: &Wanted<'_>) -> bool {
    let alone = [place];
    let quiet = Wanted { places: &alone, ..*wanted };
    let later = Wanted { places: &alone, from: wanted.until, until: runs.schedule.end(), ..*wanted };
    let holds: Vec<bool> =
        runs.sweep().iter().map(|run| quiet.found(run).is_empty() && !later.found(run).is_empty()).collect();
    share(&holds) >= PASSES
}

fn speakers(loud: &[Vec<&Message>], wanted: &Wanted<'_>) -> Vec<String> {
    let mut names: Vec<String> = loud
        .iter()
        .flatten()
        .flat_map(|m| &m.alerts)
        .filter(|(place, ..)| wanted.places.contains(place))
        .map(|(_, labels, _)| format!("`{}`", labels.get("alertname").unwrap_or("")))
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Some load makes an alert of the set fire at all.
pub fn can_alert(world: &Simulated<'_>, step: &CanAlert) -> Outcome {
    let runs = match world.runs(None) {
        Ok(runs) => runs,
        Err(e) => return Outcome::Error(Finding::said(e)),
    };
    let places = world.places(&step.of);
    if let Some(hidden) = super::probing::hidden_rules(world).filter(|_| places.is_empty()) {
        return hidden;
    }
    let fired = |run: &PhaseOutcome| run.alerts.iter().any(|a| places.contains(&a.rule) && a.fired.is_some());
    let longest = match super::schedule::seconds(&step.within) {
        Ok(longest) => longest,
        Err(e) => return Outcome::Error(Finding::said(e)),
    };
    if !places.is_empty() {
        if runs.sweep().iter().any(fired) {
            return Outcome::Holds(Finding::default());
        }
        match runs.fires_under(places, longest) {
            Some(true) => return Outcome::Holds(Finding::default()),
            Some(false) => {}
            None => return stopped::undecided("whether any load makes an alert fire"),
        }
    }
    let what = world.title_of(&step.of);
    Outcome::BlockedBy(
        step.otherwise.clone(),
        Finding::said(format!("silence proves nothing here: no load of up to {} makes {what} fire", step.within)),
    )
}

fn share(holds: &[bool]) -> f64 {
    holds.iter().filter(|h| **h).count() as f64 / holds.len().max(1) as f64
}

/// Earliest and latest of each stage over all phases.
fn sweep_evidence(sweep: &[PhaseOutcome], holds: &[bool], places: &[Place]) -> Value {
    let mut rows = Vec::new();
    for place in places {
        let mut row = Row::default();
        let mut name = None;
        for run in sweep {
            for span in run.alerts.iter().filter(|a| a.rule == *place && a.active >= 0.0) {
                name = name.or_else(|| span.labels.get("alertname").map(str::to_owned));
                if let Some(fired) = span.fired {
                    row.pending.add(span.active);
                    row.firing.add(fired);
                }
            }
            let of = |status: Status| {
                run.messages.iter().find(move |m| {
                    m.accepted && m.at >= 0.0 && m.alerts.iter().any(|(p, _, s)| p == place && *s == status)
                })
            };
            row.message.extend(of(Status::Firing).map(|m| m.at));
            row.resolved.extend(of(Status::Resolved).map(|m| m.at));
        }
        if let Some(name) = name {
            rows.push(json!({
                "alert": name, "pending": row.pending.json(), "firing": row.firing.json(),
                "message": row.message.json(), "resolved": row.resolved.json(),
            }));
        }
    }
    json!({
        "kind": "timeline", "pairs": holds.len(), "holds": holds.iter().filter(|h| **h).count(), "alerts": rows,
    })
}

#[derive(Default)]
struct Row {
    pending: Extent,
    firing: Extent,
    message: Extent,
    resolved: Extent,
}

/// Smallest and largest.
#[derive(Default)]
struct Extent(Option<(f64, f64)>);

impl Extent {
    fn add(&mut self, value: f64) {
        self.0 = Some(self.0.map_or((value, value), |(low, high)| (low.min(value), high.max(value))));
    }

    fn extend(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.add(value);
        }
    }

    fn json(&self) -> Value {
        self.0.map_or(Value::Null, |(low, high)| json!([round(low), round(high)]))
    }
}

fn round(t: f64) -> f64 {
    (t * 10.0).round() / 10.0
}

fn anchor_of(runs: &Runs, step: &Messages) -> f64 {
    step.from.as_ref().and_then(|f| runs.schedule.moment(f).ok()).unwrap_or(0.0)
}

fn span_words(times: &[f64], anchor: f64) -> String {
    let low = times.iter().copied().fold(f64::INFINITY, f64::min) - anchor;
    let high = times.iter().copied().fold(f64::NEG_INFINITY, f64::max) - anchor;
    if times.is_empty() { String::new() } else { format!(", earliest after {low:.0} s, latest after {high:.0} s") }
}

fn window_words(step: &Messages) -> String {
    match (&step.from, &step.until) {
        (Some(from), Some(until)) => format!("between {from} and {until}"),
        (Some(from), None) => format!("from {from} on"),
        (None, Some(until)) => format!("until {until}"),
        (None, None) => "in the whole run".to_owned(),
    }
}
