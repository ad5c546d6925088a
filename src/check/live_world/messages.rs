//! Messages and CPU values of a scenario that was played for real.

use serde_json::{Value, json};

use super::stress::{BEFORE, Ended, NotPlayed, Record};
use super::{Arrived, LiveWorld, rules};
use crate::check::probe::grafana::Grafana;
use crate::check::{Finding, MessageState, Messages, Outcome, SshStep};
use crate::report::{Band, BandState, Basis, Blame, Message, PhaseMark, Series, Timeline};
use crate::stack::grafana::DataSources;

/// Seconds after a load's start that do not count: workers start one after the other.
const RAMP: f64 = 4.0;
/// Seconds that two clocks may differ.
const CLOCK_SKEW: f64 = 30.0;
/// What panels of Node Exporter Full call CPU busy.
const CPU_BUSY: &str = "100 * (1 - avg by (instance) (rate(node_cpu_seconds_total{mode=\"idle\"}[1m])))";

/// The names of a set's alerting rules, as Prometheus has them.
pub fn names_of(world: &LiveWorld<'_>, set: &str) -> Vec<String> {
    let Some(alerts) = world.lab.alerts.get(set) else { return Vec::new() };
    let rules = world.prometheus.rules().unwrap_or_default();
    rules::of_set(&rules, alerts).into_iter().map(|r| r.name.clone()).collect()
}

/// Why nothing was played, as an outcome.
pub fn not_played(no: &NotPlayed) -> Outcome {
    let mut finding = Finding::said(no.reason.clone()).hint(no.hint.clone());
    finding.blame = Some(Blame::Environment);
    Outcome::Error(finding)
}

/// What a message told of some alerts.
fn tells(message: &Arrived, names: &[String], state: MessageState) -> bool {
    if !matches!(message.answer, Some(200..=299)) || !names.iter().any(|n| message.body.contains(n.as_str())) {
        return false;
    }
    let lower = message.body.to_ascii_lowercase();
    match state {
        // The usual title says FIRING as soon as one alert fires, and lists resolved ones below.
        MessageState::Firing => lower.contains("firing"),
        MessageState::Resolved => lower.contains("resolved"),
    }
}

/// When something was told in a stretch of time, and how that is known. With counters alone, a message counts when
/// one was delivered while the alert stood that way.
fn told(record: &Record, names: &[String], state: MessageState, from: f64, until: f64) -> Option<f64> {
    let direct = record.messages.iter().filter(|(t, m)| (from..=until).contains(t) && tells(m, names, state));
    if let Some((t, _)) = direct.min_by(|a, b| a.0.total_cmp(&b.0)) {
        return Some(*t);
    }
    let stood = match state {
        MessageState::Firing => record.looks.iter().find(|l| l.firing && names.contains(&l.alert) && l.t >= from)?.t,
        MessageState::Resolved => {
            let last = record.looks.iter().rfind(|l| l.firing && names.contains(&l.alert))?.t;
            last.max(from)
        }
    };
    let before = record.delivered.iter().rfind(|(t, _)| *t < stood).or(record.delivered.first())?.1;
    record.delivered.iter().find(|(t, n)| *t >= stood && *t <= until && *n > before).map(|(t, _)| *t)
}

/// When the end of these alerts was told after a moment.
pub fn resolved_after(record: &Record, names: &[String], moment: f64) -> Option<f64> {
    told(record, names, MessageState::Resolved, moment, f64::INFINITY)
}

fn how(record: &Record) -> Value {
    let text = if record.delivered.is_empty() {
        "how messages were observed: they were received by labkit itself (--discord-listen)"
    } else {
        "how messages were observed: Alertmanager's counters went up while Prometheus showed the alert that way"
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
    let when = told(record, names, step.state, from, until);
    let fired = record.looks.iter().find(|l| l.firing && names.contains(&l.alert) && (from..=until).contains(&l.t));
    let state = if step.state == MessageState::Firing { "firing" } else { "resolved" };
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
            (None, Some(cut)) => Outcome::Inconclusive(Finding::said(cut).basis(Basis::Live)),
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
        (None, Some(cut)) => Outcome::Inconclusive(Finding::said(cut).basis(Basis::Live)),
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
                .evidence([how(record)]),
            )
        }
    }
}

fn why(ended: &Ended) -> String {
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
        "{mean:.0} % busy during the {} load{before}, on {} cores ({})",
        step.during, record.facts.cores, record.facts.system
    );
    if mean >= step.cpu_busy.at_least {
        let finding = Finding::said(format!("observed {observed}")).basis(Basis::Live);
        Outcome::Holds(finding.evidence(about_machine(record)))
    } else if record.until < to {
        Outcome::Inconclusive(
            Finding::said(format!("observed {observed}, until {}", why(&record.ended))).basis(Basis::Live),
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
    let mut texts = vec![format!("on the machine {service}")];
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

/// The CPU's values are to be read in Grafana.
pub fn in_grafana(record: &Record, during: &str, grafana: &Grafana, sources: &DataSources) -> Outcome {
    let (from, to) = match stretch(record, during) {
        Ok(stretch) => stretch,
        Err(e) => return Outcome::Error(Finding::said(e)),
    };
    if record.until < to {
        return Outcome::Inconclusive(
            Finding::said(format!("the scenario ended after {:.0} s: {}", record.until, why(&record.ended)))
                .basis(Basis::Live),
        );
    }
    let Some(source) = sources.known.iter().find(|s| s.is_prometheus()) else {
        return Outcome::Fails(
            Finding::observed("no data source of type prometheus in Grafana", "one with the machine's CPU values")
                .basis(Basis::Live),
        );
    };
    match grafana.query(source, CPU_BUSY, record.start + from, record.start + to + 5.0) {
        Ok(series) => {
            let most = series.iter().flat_map(|s| &s.points).map(|p| p.1).fold(f64::NAN, f64::max);
            let observed = format!("at most {most:.0} % CPU through Grafana's data source {}", source.name);
            if most.is_nan() {
                Outcome::Fails(
                    Finding::observed(
                        format!("no CPU values through Grafana's data source {}", source.name),
                        "the values of the load",
                    )
                    .basis(Basis::Live),
                )
            } else if most >= 90.0 || to - from < 60.0 && most > 0.0 {
                Outcome::Holds(Finding::said(format!("observed {observed}")).basis(Basis::Live))
            } else {
                Outcome::Fails(Finding::observed(observed, "the load to be seen, 90 % or more").basis(Basis::Live))
            }
        }
        Err(why) => Outcome::Fails(
            Finding::observed(format!("{why} from Grafana's data source {}", source.name), "the values of the load")
                .basis(Basis::Live),
        ),
    }
}

/// The picture of what was seen.
pub fn timeline(record: &Record, names: &[String], receiver: &str) -> Timeline {
    let phases = record.schedule.stretches.iter().filter(|s| s.load);
    let mut values: Vec<Series> = Vec::new();
    let mut bands: Vec<Band> = Vec::new();
    for look in record.looks.iter().filter(|l| names.contains(&l.alert)) {
        match values.iter_mut().find(|s| s.name == look.alert) {
            Some(series) => series.points.push((look.t, look.value)),
            None => values.push(Series { name: look.alert.clone(), points: vec![(look.t, look.value)] }),
        }
        let state = if look.firing { BandState::Firing } else { BandState::Pending };
        // Looks that follow one another closely are one stretch.
        match bands.iter_mut().rfind(|b| b.alert == look.alert) {
            Some(band) if band.state == state && look.t - band.until < 6.0 => band.until = look.t,
            _ => bands.push(Band { alert: look.alert.clone(), state, from: look.t, until: look.t }),
        }
    }
    let ours = |m: &Arrived| names.iter().any(|n| m.body.contains(n.as_str()));
    Timeline {
        title: "The load as it was observed".to_owned(),
        note: format!("real time, {} ({} cores)", record.facts.system, record.facts.cores),
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
                firing: tells(m, names, MessageState::Firing),
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
    use crate::check::live_world::stress::Look;
    use crate::check::probe::ssh::Facts;
    use crate::check::simulated::schedule::Schedule;
    use crate::lab::{Lab, LabFiles};

    fn names() -> Vec<String> {
        vec!["Busy".to_owned()]
    }

    /// A scenario that was played to its end, with Busy firing between two moments.
    fn played(firing: (u32, u32)) -> Record {
        let lab = Lab::parse(&LabFiles::embedded("07-monitoring").expect("embedded"), &[]).expect("valid");
        let schedule = Schedule::new(&lab.scenarios["cpu-stress"], None).expect("valid");
        let look = |t: u32| Look { t: f64::from(t), alert: "Busy".to_owned(), firing: true, value: 95.0 };
        Record {
            until: schedule.end(),
            schedule,
            start: 1e9,
            ended: Ended::Whole,
            facts: Facts::default(),
            cpu: Vec::new(),
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
        assert_eq!(told(&record, &names(), MessageState::Firing, 300.0, 600.0), Some(530.0));
        assert!(matches!(judge(&record, &names(), "CPU alerts", &firing), Outcome::Holds(_)));
        assert!(matches!(judge(&record, &names(), "CPU alerts", &resolved), Outcome::Holds(_)));
        record.delivered.truncate(3);
        assert!(matches!(judge(&record, &names(), "CPU alerts", &firing), Outcome::Fails(_)));
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
