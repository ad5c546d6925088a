//! Messages and CPU values of a scenario that was played for real.

use serde_json::{Value, json};

use super::stress::{BEFORE, Ended, Look, NotPlayed, Record};
use super::{Arrived, LiveWorld, rules};
use crate::check::{Finding, MessageState, Messages, Outcome, SshStep};
use crate::report::{Band, BandState, Basis, Blame, Message, PhaseMark, Series, Timeline};

/// Seconds after a load's start that do not count: workers start one after the other.
const RAMP: f64 = 4.0;
/// Seconds that two clocks may differ.
const CLOCK_SKEW: f64 = 30.0;
/// Seconds that an alert may be told after it was last seen: Alertmanager's usual group_interval and a little.
const REMEMBERED: f64 = 330.0;
/// The colours of Alertmanager's messages on Discord: firing and resolved.
const RED: u64 = 0x992D22;
const GREEN: u64 = 0x2E_CC71;

/// The names of a set's alerting rules, as Prometheus has them.
pub fn names_of(world: &LiveWorld<'_>, set: &str) -> Vec<String> {
    let Some(alerts) = world.lab.alerts.get(set) else { return Vec::new() };
    let rules = world.prometheus.rules().unwrap_or_default();
    rules::of_set(&rules, alerts).into_iter().map(|r| r.name.clone()).collect()
}

/// `for` of these alerts, in seconds.
pub fn holds_of(world: &LiveWorld<'_>, names: &[String]) -> Vec<f64> {
    let rules = world.prometheus.rules().unwrap_or_default();
    rules.into_iter().filter(|r| r.alerting && names.contains(&r.name)).map(|r| r.hold).collect()
}

/// Why nothing was played, as an outcome.
pub fn not_played(no: &NotPlayed) -> Outcome {
    let mut finding = Finding::said(no.reason.clone()).hint(no.hint.clone());
    finding.blame = Some(Blame::Environment);
    Outcome::Error(finding)
}

/// What is known of something having been told.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// Nothing.
    No,
    /// It was, then.
    At(f64),
    /// Something was told then, and why it may have been about something else.
    Unsure(f64, String),
}

/// When something was told in a stretch of time, and how sure that is. A message that names none of the alerts, and
/// a counter that goes up, count by their time; other alerts make that unsure.
pub fn told(record: &Record, names: &[String], state: MessageState, from: f64, until: f64) -> Told {
    let taken = |m: &Arrived| matches!(m.answer, Some(200..=299));
    let inside = |t: f64| (from..=until).contains(&t);
    let direct = record.messages.iter().filter(|(t, m)| inside(*t) && taken(m));
    let named = direct.clone().filter(|(_, m)| Spoken::of(m).tells(names, state));
    if let Some((t, _)) = named.min_by(|a, b| a.0.total_cmp(&b.0)) {
        return Told::At(*t);
    }
    let firing = |l: &&Look| l.firing && names.contains(&l.alert);
    let stood = match state {
        MessageState::Firing => record.looks.iter().filter(firing).find(|l| l.t >= from).map(|l| l.t),
        MessageState::Resolved => record.looks.iter().rfind(firing).map(|l| l.t.max(from)),
    };
    let Some(stood) = stood else { return Told::No };
    let others: Vec<&str> =
        record.looks.iter().map(|l| l.alert.as_str()).filter(|n| !names.iter().any(|m| m == n)).collect();
    let unnamed = direct.filter(|(_, m)| {
        let spoken = Spoken::of(m);
        let named =
            spoken.is_usual() || others.iter().any(|n| spoken.names(n)) || names.iter().any(|n| spoken.names(n));
        !named && spoken.may_tell(state)
    });
    let counted = record.delivered.windows(2).filter(|w| w[1].1 > w[0].1).map(|w| w[1].0);
    let mut moments: Vec<f64> = unnamed.map(|(t, _)| *t).chain(counted).filter(|t| *t > stood && inside(*t)).collect();
    moments.sort_by(f64::total_cmp);
    let mut unsure = Told::No;
    for t in moments {
        match another(record, names, t) {
            None => return Told::At(t),
            Some(other) if unsure == Told::No => unsure = Told::Unsure(t, other),
            Some(_) => {}
        }
    }
    unsure
}

/// Another alert that something told at a moment may have been about.
fn another(record: &Record, names: &[String], t: f64) -> Option<String> {
    let near = |at: f64| (t - REMEMBERED..=t).contains(&at);
    let firing = record.looks.iter().filter(|l| l.firing && near(l.t)).map(|l| &l.alert);
    let elsewhere = record.at_alertmanager.iter().filter(|(at, _)| near(*at)).map(|(_, n)| n);
    firing.chain(elsewhere).find(|n| !names.contains(n)).cloned()
}

/// Whether a message names an alert.
pub fn mentions(message: &Arrived, name: &str) -> bool {
    Spoken::of(message).names(name)
}

/// Whether a message is in words of its own, which need not name an alert.
pub fn names_no_alert(message: &Arrived) -> bool {
    !Spoken::of(message).is_usual()
}

/// The words of a message.
struct Spoken {
    text: String,
    colour: Option<u64>,
}

impl Spoken {
    fn of(message: &Arrived) -> Self {
        let body: Value = serde_json::from_str(&message.body).unwrap_or_default();
        let mut text = String::new();
        words(&body, &mut text);
        if text.is_empty() {
            text.clone_from(&message.body);
        }
        Self { text, colour: body["embeds"][0]["color"].as_u64() }
    }

    /// Whether it is in Alertmanager's own words, which name the alert.
    fn is_usual(&self) -> bool {
        self.text.contains("alertname = ") || self.text.starts_with("[FIRING") || self.text.starts_with("[RESOLVED")
    }

    fn names(&self, name: &str) -> bool {
        holds_word(&self.text, name)
    }

    /// Whether its colour and words fit.
    fn may_tell(&self, state: MessageState) -> bool {
        match (self.colour, state) {
            (Some(RED), MessageState::Resolved) | (Some(GREEN), MessageState::Firing) => false,
            (Some(RED | GREEN), _) => true,
            _ => {
                let lower = self.text.to_ascii_lowercase();
                let (firing, resolved) = (lower.contains("firing"), lower.contains("resolved"));
                match state {
                    MessageState::Firing => firing || !resolved,
                    MessageState::Resolved => resolved || !firing,
                }
            }
        }
    }

    /// Whether it tells that of one of these alerts.
    fn tells(&self, names: &[String], state: MessageState) -> bool {
        let (wanted, other) = match state {
            MessageState::Firing => ("Alerts Firing:", "Alerts Resolved:"),
            MessageState::Resolved => ("Alerts Resolved:", "Alerts Firing:"),
        };
        // The usual text lists what fires and what is over one after the other.
        let part = match (self.text.find(wanted), self.text.find(other)) {
            (Some(from), Some(to)) if to > from => &self.text[from..to],
            (Some(from), _) => &self.text[from..],
            (None, Some(_)) => return false,
            (None, None) => {
                let lower = self.text.to_ascii_lowercase();
                let word = if state == MessageState::Firing { "firing" } else { "resolved" };
                let coloured = matches!(
                    (self.colour, state),
                    (Some(RED), MessageState::Firing) | (Some(GREEN), MessageState::Resolved)
                );
                return (lower.contains(word) || coloured) && names.iter().any(|n| self.names(n));
            }
        };
        names.iter().any(|n| holds_word(part, n))
    }
}

/// Every text in a message.
fn words(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => {
            out.push_str(text);
            out.push('\n');
        }
        Value::Array(list) => list.iter().for_each(|v| words(v, out)),
        Value::Object(map) => map.values().for_each(|v| words(v, out)),
        _ => {}
    }
}

/// Whether a name stands in a text, and not as a part of a longer one.
fn holds_word(text: &str, name: &str) -> bool {
    let inner = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    !name.is_empty()
        && text
            .match_indices(name)
            .any(|(at, _)| !inner(text[..at].chars().next_back()) && !inner(text[at + name.len()..].chars().next()))
}

/// When a firing message came after a moment, for sure or not.
pub fn fired_after(record: &Record, names: &[String], moment: f64) -> Option<f64> {
    match told(record, names, MessageState::Firing, moment, f64::INFINITY) {
        Told::At(t) | Told::Unsure(t, _) => Some(t),
        Told::No => None,
    }
}

/// When the end of these alerts was told after a moment, for sure or not.
pub fn resolved_after(record: &Record, names: &[String], moment: f64) -> Option<f64> {
    match told(record, names, MessageState::Resolved, moment, f64::INFINITY) {
        Told::At(t) | Told::Unsure(t, _) => Some(t),
        Told::No => None,
    }
}

fn how(record: &Record) -> Value {
    let text = if record.delivered.is_empty() {
        "how messages were observed: they were received by labkit itself (--discord-listen)"
    } else {
        "how messages were observed: Alertmanager's counters of notifications went up while the log of alerts showed this alert, and no other one, that way"
    };
    json!({"kind": "text", "text": text})
}

/// Messages came, or stayed away.
pub fn judge(record: &Record, names: &[String], title: &str, step: &Messages) -> Outcome {
    let (from, until) = match window(record, step) {
        Ok(window) => window,
        Err(e) => return Outcome::Error(Finding::said(e)),
    };
    let cut = (record.ended != Ended::Whole && record.until < until.min(record.schedule.end()))
        .then(|| format!("the scenario ended after {:.0} s: {}", record.until, why(&record.ended)));
    let (when, unsure) = match told(record, names, step.state, from, until) {
        Told::At(t) => (Some(t), None),
        Told::Unsure(t, other) => (None, Some((t, other))),
        Told::No => (None, None),
    };
    let fired = record.looks.iter().find(|l| l.firing && names.contains(&l.alert) && (from..=until).contains(&l.t));
    let state = if step.state == MessageState::Firing { "firing" } else { "resolved" };
    if let Some((t, other)) = unsure {
        return Outcome::Review(
            Finding::observed(
                format!(
                    "something told at {} that may be a {state} message about {title}, or one about {other}",
                    clock_text(t)
                ),
                "to know which",
            )
            .hint("look at the channel on Discord; or let labkit receive the messages with --discord-listen")
            .basis(Basis::Live)
            .evidence([how(record)]),
        );
    }
    if step.never {
        let spoke = when.or_else(|| fired.filter(|_| step.state == MessageState::Firing && from < 0.0).map(|l| l.t));
        return match (spoke, cut) {
            (Some(t), _) => {
                let finding = Finding::observed(
                    format!("a {state} message about {title} at {}", clock_text(t)),
                    format!("none between {} and {}", clock_text(from), clock_text(until)),
                )
                .basis(Basis::Live)
                .evidence([how(record)]);
                if step.unless_another_behaves.is_some() && another_behaves(record, names, from, until) {
                    Outcome::Review(finding)
                } else {
                    Outcome::Fails(finding)
                }
            }
            (None, Some(cut)) => ended_early(record, cut),
            (None, None) => Outcome::Holds(
                Finding::said(format!("observed no message about {title} until {}", clock_text(until)))
                    .basis(Basis::Live)
                    .evidence([how(record)]),
            ),
        };
    }
    match (when, cut) {
        (Some(t), _) => Outcome::Holds(
            Finding::said(format!("observed a {state} message about {title} at {}", clock_text(t)))
                .basis(Basis::Live)
                .evidence([how(record)]),
        ),
        (None, Some(cut)) => ended_early(record, cut),
        (None, None) => {
            let stood = match fired {
                Some(look) => format!("{} firing in Prometheus from {} on, but", look.alert, clock_text(look.t)),
                None if record.looks.iter().any(|l| names.contains(&l.alert)) => {
                    "the alert only pending, and".to_owned()
                }
                None => "no alert in Prometheus, and".to_owned(),
            };
            Outcome::Fails(
                Finding::observed(
                    format!("{stood} no {state} message about {title}"),
                    format!("one between {} and {}", clock_text(from), clock_text(until)),
                )
                .basis(Basis::Live)
                .evidence([how(record)])
                .evidence(record.notes.iter().map(|note| json!({"kind": "text", "text": note}))),
            )
        }
    }
}

/// What was not seen because the scenario ended: nobody's fault, and told with what was seen.
fn ended_early(record: &Record, cut: String) -> Outcome {
    let mut seen: Vec<String> = Vec::new();
    for look in &record.looks {
        let told = format!("{} {}", look.alert, if look.firing { "firing" } else { "pending" });
        if !seen.contains(&told) {
            seen.push(told);
        }
    }
    let seen =
        if seen.is_empty() { "no alert until then".to_owned() } else { format!("until then {}", seen.join(", ")) };
    Outcome::Inconclusive(
        Finding::said(cut)
            .hint(go_on(record))
            .basis(Basis::Live)
            .evidence([json!({"kind": "text", "text": format!("observed {seen}")})]),
    )
}

/// What to do when it ended early.
fn go_on(record: &Record) -> String {
    let first = record.hint.as_ref().map_or_else(String::new, |hint| format!("{hint}; then "));
    format!("{first}run again with --resume: what was seen is not repeated")
}

/// How it ended, in words.
pub fn why(ended: &Ended) -> String {
    match ended {
        Ended::Whole => "as planned".to_owned(),
        Ended::Stopped => "it was stopped by hand".to_owned(),
        Ended::Broken(why) => why.clone(),
    }
}

fn window(record: &Record, step: &Messages) -> Result<(f64, f64), String> {
    if step.scenario.as_deref() == Some("control") {
        // The rest before the first load.
        return Ok((f64::NEG_INFINITY, 0.0));
    }
    let moment = |text: &Option<String>, default: f64| text.as_ref().map_or(Ok(default), |m| record.schedule.moment(m));
    Ok((moment(&step.from, 0.0)?, moment(&step.until, f64::INFINITY)?))
}

/// Whether another alert of the set kept quiet in the stretch and fired afterwards.
fn another_behaves(record: &Record, names: &[String], from: f64, until: f64) -> bool {
    let fired = |name: &String, a: f64, b: f64| {
        record.looks.iter().any(|l| l.firing && l.alert == *name && l.t >= a && l.t <= b)
    };
    names.iter().any(|n| !fired(n, from, until) && fired(n, until, f64::INFINITY))
}

/// A moment of the scenario, in minutes and seconds.
pub fn clock_text(t: f64) -> String {
    if t == f64::NEG_INFINITY {
        return "the beginning".to_owned();
    }
    if t == f64::INFINITY {
        return "the end".to_owned();
    }
    let sign = if t < 0.0 { "-" } else { "" };
    let whole = t.abs().round() as u64;
    format!("{sign}{}:{:02}", whole / 60, whole % 60)
}

fn stretch(record: &Record, name: &str) -> Result<(f64, f64), String> {
    Ok((record.schedule.moment(&format!("{name}.start"))?, record.schedule.moment(&format!("{name}.end"))?))
}

/// The machine's CPU was as busy as asked.
pub fn cpu(record: &Record, step: &SshStep) -> Outcome {
    let (from, to) = match stretch(record, &step.during) {
        Ok(stretch) => stretch,
        Err(e) => return Outcome::Error(Finding::said(e)),
    };
    let inside = |(t, _): &&(f64, f64)| *t >= (from + RAMP).min(f64::midpoint(from, to)) && *t <= to;
    let values: Vec<f64> = record.cpu.iter().filter(inside).map(|p| p.1).collect();
    if values.is_empty() {
        return Outcome::Inconclusive(
            Finding::said(format!("observed no CPU values: the scenario ended ({})", why(&record.ended)))
                .hint(go_on(record))
                .basis(Basis::Live),
        );
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let rest: Vec<f64> = record.cpu.iter().filter(|(t, _)| *t < 0.0).map(|p| p.1).collect();
    let before = if rest.is_empty() {
        String::new()
    } else {
        format!(", {:.0} % before", rest.iter().sum::<f64>() / rest.len() as f64)
    };
    let observed = format!(
        "{mean:.0} % busy during the {} load{before}, on {} ({})",
        step.during,
        record.facts.cores_text(),
        record.facts.system
    );
    if mean >= step.cpu_busy.at_least {
        let finding = Finding::said(format!("observed {observed}")).basis(Basis::Live);
        Outcome::Holds(finding.evidence(about_machine(record)))
    } else if record.until < to {
        Outcome::Inconclusive(
            Finding::said(format!("observed {observed}, until {}", why(&record.ended)))
                .hint(go_on(record))
                .basis(Basis::Live),
        )
    } else {
        Outcome::Fails(
            Finding::observed(observed, format!("at least {:.0} %", step.cpu_busy.at_least))
                .basis(Basis::Live)
                .evidence(about_machine(record)),
        )
    }
}

/// What else was seen on the machine.
fn about_machine(record: &Record) -> Vec<Value> {
    let service = match &record.facts.service {
        Some(name) => format!("Node Exporter runs as the service {name}"),
        None => "no service of Node Exporter's usual names is active".to_owned(),
    };
    let page = match record.facts.page {
        Some(n) => format!("its page gives {n} values of node_cpu_seconds_total to curl there"),
        None => "nothing gives a page of metrics to curl there".to_owned(),
    };
    let mut texts = vec![format!("on the machine {service}; {page}")];
    texts.extend(record.notes.iter().cloned());
    // The machine was asked at the beginning of the watch.
    let ahead = record.facts.clock as f64 - (record.start - BEFORE);
    if ahead.abs() > CLOCK_SKEW {
        let way = if ahead > 0.0 { "ahead of" } else { "behind" };
        texts.push(format!(
            "the machine's clock is {} {way} this one, so values of it that are times cannot be compared",
            clock_text(ahead.abs())
        ));
    }
    texts.into_iter().map(|text| json!({"kind": "text", "text": text})).collect()
}

/// The picture of what was seen.
pub fn timeline(record: &Record, names: &[String], receiver: &str) -> Timeline {
    let phases = record.schedule.stretches.iter().filter(|s| s.load);
    let mut values: Vec<Series> = Vec::new();
    let mut bands: Vec<Band> = Vec::new();
    for look in record.looks.iter().filter(|l| names.contains(&l.alert)) {
        if let Some(value) = look.value {
            match values.iter_mut().find(|s| s.name == look.alert) {
                Some(series) => series.points.push((look.t, value)),
                None => values.push(Series { name: look.alert.clone(), points: vec![(look.t, value)] }),
            }
        }
        let state = if look.firing { BandState::Firing } else { BandState::Pending };
        // Looks that follow one another closely are one stretch.
        match bands.iter_mut().rfind(|b| b.alert == look.alert) {
            Some(band) if band.state == state && look.t - band.until < 6.0 => band.until = look.t,
            _ => bands.push(Band { alert: look.alert.clone(), state, from: look.t, until: look.t }),
        }
    }
    for (name, points) in [("CPU in Prometheus", &record.in_prometheus), ("CPU in Grafana", &record.in_grafana)] {
        if !points.is_empty() {
            values.push(Series { name: name.to_owned(), points: points.clone() });
        }
    }
    let ours = |m: &Arrived| names.iter().any(|n| Spoken::of(m).names(n));
    let notes: String = record.notes.iter().map(|n| format!("; {n}")).collect();
    Timeline {
        title: "The load as it was observed".to_owned(),
        note: format!("real time, {} ({}){notes}", record.facts.system, record.facts.cores_text()),
        load: Series { name: "CPU busy".to_owned(), points: record.cpu.clone() },
        values,
        threshold: None,
        phases: phases.map(|s| PhaseMark { name: s.name.clone(), from: s.from, until: s.to }).collect(),
        bands,
        messages: record
            .messages
            .iter()
            .map(|(t, m)| Message {
                t: *t,
                firing: Spoken::of(m).may_tell(MessageState::Firing),
                receiver: receiver.to_owned(),
                answer: m.answer,
                title: embed(m, "title"),
                text: embed(m, "description"),
                in_focus: ours(m),
            })
            .collect(),
    }
}

fn embed(message: &Arrived, key: &str) -> String {
    let body: Value = serde_json::from_str(&message.body).unwrap_or_default();
    body["embeds"][0][key].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::probe::machine::Facts;
    use crate::check::simulated::schedule::Schedule;
    use crate::lab::{Lab, LabFiles};

    fn names() -> Vec<String> {
        vec!["Busy".to_owned()]
    }

    /// A scenario that was played to its end, with Busy firing between two moments.
    fn played(firing: (u32, u32)) -> Record {
        let lab = Lab::parse(&LabFiles::embedded("07-monitoring").expect("embedded"), &[]).expect("valid");
        let schedule = Schedule::new(&lab.scenarios["cpu-stress"], None).expect("valid");
        let look = |t: u32| Look { t: f64::from(t), alert: "Busy".to_owned(), firing: true, value: Some(95.0) };
        Record {
            until: schedule.end(),
            schedule,
            start: 1e9,
            ended: Ended::Whole,
            facts: Facts::default(),
            cpu: Vec::new(),
            in_prometheus: Vec::new(),
            in_grafana: Vec::new(),
            at_alertmanager: Vec::new(),
            notes: Vec::new(),
            hint: None,
            looks: (firing.0..firing.1).step_by(2).map(look).collect(),
            delivered: Vec::new(),
            messages: Vec::new(),
        }
    }

    fn step(state: MessageState, never: bool, from: &str, until: &str) -> Messages {
        Messages {
            of: "cpu-alerts".to_owned(),
            scenario: Some("cpu-stress".to_owned()),
            state,
            at_least: None,
            never,
            from: Some(from.to_owned()),
            until: Some(until.to_owned()),
            after: None,
            unless_another_behaves: None,
        }
    }

    fn arrived(title: &str) -> Arrived {
        Arrived { at: 0.0, answer: Some(204), body: json!({"embeds": [{"title": title}]}).to_string() }
    }

    #[test]
    fn messages_count_when_they_were_taken_in_their_stretch_of_time() {
        let mut record = played((500, 560));
        record.messages = vec![(505.0, arrived("[FIRING:1] Busy")), (590.0, arrived("[RESOLVED] Busy"))];
        let firing = step(MessageState::Firing, false, "long.start", "long.end + 60s");
        let resolved = step(MessageState::Resolved, false, "long.end", "long.end + 10m");
        let silent = step(MessageState::Firing, true, "short.start", "long.start");
        for step in [&firing, &resolved, &silent] {
            assert!(matches!(judge(&record, &names(), "CPU alerts", step), Outcome::Holds(_)), "{step:?}");
        }
        record.messages = vec![(100.0, arrived("[FIRING:1] Busy")), (505.0, arrived("[FIRING:1] Other"))];
        assert!(matches!(judge(&record, &names(), "CPU alerts", &silent), Outcome::Fails(_)));
        let Outcome::Fails(f) = judge(&record, &names(), "CPU alerts", &firing) else { panic!("no message came") };
        assert!(f.reason.contains("Busy firing in Prometheus from 8:20 on, but no firing message"), "{}", f.reason);
        record.messages[0].1.answer = Some(500);
        assert!(matches!(judge(&record, &names(), "CPU alerts", &silent), Outcome::Holds(_)));
    }

    #[test]
    fn counters_count_for_an_alert_while_it_stands_that_way() {
        let mut record = played((500, 560));
        let firing = step(MessageState::Firing, false, "long.start", "long.end + 60s");
        let resolved = step(MessageState::Resolved, false, "long.end", "long.end + 10m");
        record.delivered = vec![(-10.0, 3.0), (400.0, 3.0), (498.0, 3.0), (530.0, 4.0), (570.0, 4.0), (580.0, 5.0)];
        assert_eq!(told(&record, &names(), MessageState::Firing, 300.0, 600.0), Told::At(530.0));
        assert!(matches!(judge(&record, &names(), "CPU alerts", &firing), Outcome::Holds(_)));
        assert!(matches!(judge(&record, &names(), "CPU alerts", &resolved), Outcome::Holds(_)));
        // Another alert may have been what was told.
        record.looks.push(Look { t: 525.0, alert: "ModelHigh".to_owned(), firing: true, value: None });
        let Outcome::Review(f) = judge(&record, &names(), "CPU alerts", &firing) else { panic!("not to be known") };
        assert!(
            f.reason.contains("at 8:50 that may be a firing message about CPU alerts, or one about ModelHigh"),
            "{}",
            f.reason
        );
        record.looks.pop();
        record.delivered.truncate(3);
        assert!(matches!(judge(&record, &names(), "CPU alerts", &firing), Outcome::Fails(_)));
    }

    #[test]
    fn a_message_is_about_what_it_names_as_a_word_and_in_its_part() {
        let say = |title: &str, text: &str| Arrived {
            at: 0.0,
            answer: Some(204),
            body: json!({"embeds": [{"title": title, "description": text, "color": 0x992D22}]}).to_string(),
        };
        let spoken = Spoken::of(&say(
            "[FIRING:1]",
            "Alerts Firing:\n - alertname = Busy\nAlerts Resolved:\n - alertname = Old\n",
        ));
        let tells = |name: &str, state| spoken.tells(&[name.to_owned()], state);
        assert!(tells("Busy", MessageState::Firing) && !tells("Busy", MessageState::Resolved));
        assert!(tells("Old", MessageState::Resolved) && !tells("Old", MessageState::Firing));
        assert!(!tells("Bus", MessageState::Firing));
        // One that names nothing counts by its time and colour.
        let mut record = played((500, 560));
        record.messages = vec![(505.0, say("Attention", "the processor is hot"))];
        assert_eq!(told(&record, &names(), MessageState::Firing, 300.0, 600.0), Told::At(505.0));
        assert_eq!(told(&record, &names(), MessageState::Resolved, 500.0, 600.0), Told::No);
    }

    #[test]
    fn what_was_not_seen_to_its_end_is_inconclusive() {
        let mut record = played((0, 0));
        record.ended = Ended::Broken("a lost connection (gone)".to_owned());
        record.until = 200.0;
        let firing = step(MessageState::Firing, false, "long.start", "long.end + 60s");
        let Outcome::Inconclusive(f) = judge(&record, &names(), "CPU alerts", &firing) else { panic!("not seen") };
        assert!(f.reason.contains("ended after 200 s: a lost connection"), "{}", f.reason);
        let silent = step(MessageState::Firing, true, "short.start", "short.end");
        assert!(matches!(judge(&record, &names(), "CPU alerts", &silent), Outcome::Holds(_)));
        let cpu_step = SshStep { cpu_busy: crate::check::AtLeast { at_least: 95.0 }, during: "long".to_owned() };
        assert!(matches!(cpu(&record, &cpu_step), Outcome::Inconclusive(_)));
    }

    #[test]
    fn the_cpu_is_judged_while_the_load_runs() {
        let mut record = played((0, 0));
        let step = SshStep { cpu_busy: crate::check::AtLeast { at_least: 95.0 }, during: "long".to_owned() };
        record.cpu = vec![(-5.0, 4.0), (301.0, 50.0), (310.0, 100.0), (500.0, 98.0), (545.0, 20.0)];
        let Outcome::Holds(f) = cpu(&record, &step) else { panic!("busy") };
        assert!(f.reason.contains("99 % busy during the long load, 4 % before"), "{}", f.reason);
        record.cpu[3].1 = 50.0;
        assert!(matches!(cpu(&record, &step), Outcome::Fails(_)));
    }
}
