//! What the load must lead to and when, played beforehand: the rules, targets and routes that run are put into the
//! embedded stack and the scenario is played over all phases. Afterwards reality is held against it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};

use super::LiveWorld;
use super::messages::{clock_text, fired_after, resolved_after};
use super::stress::{Ended, Record};
use crate::alertmanager::template::Templates;
use crate::alertmanager::{self, Status};
use crate::check::probe::alertmanager::Alertmanager;
use crate::check::probe::prometheus::Prometheus;
use crate::check::simulated::alerts::{self, Named, Place};
use crate::check::simulated::runs::Runs;
use crate::check::simulated::schedule::Schedule;
use crate::engine::{AlertmanagerSetup, Circumstances, EngineConfig, PrometheusSetup, assemble};
use crate::lab::AlertSet;
use crate::promql::signature::Release;
use crate::rules::file::ReadRules;
use crate::scrape::config::ReadAs;
use crate::simulate::outcome::PhaseOutcome;
use crate::simulate::{Answer, Embedded};
use crate::text::SourceText;

/// What stands for a webhook whose address a program rightly keeps to itself.
const WEBHOOK: &str = "https://discord.com/api/webhooks/0/hidden";
/// Seconds that reality may lie outside of what was foreseen: a look comes every two, and a scrape may be late.
const TOLERANCE: f64 = 10.0;
/// What tells a machine's exporter from others.
const OF_MACHINES: &str = "count by (job, instance) ({__name__=~\"node_cpu_seconds_total|node_load1\"})";

/// The earliest and the latest moment of something, over all phases, and in how many it was at all.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Extent {
    first: f64,
    last: f64,
    times: usize,
}

impl Extent {
    fn add(&mut self, t: f64) {
        (self.first, self.last) = if self.times == 0 { (t, t) } else { (self.first.min(t), self.last.max(t)) };
        self.times += 1;
    }

    fn text(&self) -> String {
        if self.times == 0 {
            "never".to_owned()
        } else if self.last - self.first < 0.5 {
            format!("at {}", clock_text(self.first))
        } else {
            format!("between {} and {}", clock_text(self.first), clock_text(self.last))
        }
    }
}

/// What is foreseen of one alert under one load.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// The alert.
    pub alert: String,
    /// The load.
    pub load: String,
    /// When it is pending, fires, is told, and its end is told.
    pub links: [Extent; 4],
}

/// What each of [`Expected::links`] is called.
const LINKS: [&str; 4] = ["pending", "firing", "a firing message", "a resolved message"];

/// All that is foreseen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Foreseen {
    /// How many phases were played.
    pub phases: usize,
    /// By load and alert.
    pub expected: Vec<Expected>,
}

/// Plays the scenario with what runs.
///
/// # Errors
/// Why it cannot be played, in words.
pub fn foresee(
    prometheus: &Prometheus,
    alertmanager: &Alertmanager,
    set: &AlertSet,
    mock_port: &str,
    schedule: &Schedule,
) -> Result<Foreseen, String> {
    let release = release(&prometheus.version().map_err(|no| no.to_string())?);
    let (setup, answers) = running(prometheus, release, mock_port)?;
    let own = receiving(alertmanager);
    let mut config = EngineConfig { prometheus: Some(setup), alertmanager: own };
    let somebody = config.alertmanager.is_some() && prometheus.alertmanagers().is_ok_and(|l| !l.is_empty());
    let groups = config.prometheus.as_ref().map(|p| p.groups.clone()).unwrap_or_default();
    for link in config.prometheus.iter_mut().flat_map(|p| &mut p.alertmanagers) {
        link.unreachable = (!somebody).then(|| "connection refused".into());
    }
    let sets: BTreeMap<String, AlertSet> = [(String::new(), set.clone())].into();
    let places = alerts::places(&sets, &groups).remove("").unwrap_or_default();
    let names: Vec<Named> =
        places.iter().filter_map(|(g, r)| Some(((*g, *r), groups.get(*g)?.rules.get(*r)?.name.to_string()))).collect();
    let embedded = Embedded { config: Arc::new(config), answers, ..Embedded::default() };
    let runs = Runs::new(Arc::new(embedded), places, schedule.clone(), None, &[]);
    Ok(of_sweep(runs.sweep(), &names, schedule))
}

/// Plays the lab's scenario with what runs.
///
/// # Errors
/// Why it cannot be played, in words.
pub fn of_world(world: &LiveWorld<'_>, set: &str) -> Result<Foreseen, String> {
    let scenario = world.lab.scenarios.values().next().ok_or("the lab has no scenario")?;
    let alerts = world.lab.alerts.get(set).ok_or("the lab names no alerts for the load")?;
    let mock_port = world.lab.parameters.get("mock.port").unwrap_or("9000");
    (world.settings.waiting)("playing the load beforehand with the loaded rules");
    foresee(&world.prometheus, &world.alertmanager, alerts, mock_port, &Schedule::new(scenario, None)?)
}

/// Where reality first was another than foreseen, if something was foreseen.
pub fn difference(world: &LiveWorld<'_>, record: &Record) -> Option<String> {
    world.foreseen.as_ref()?.as_ref().ok()?.first_difference(record)
}

/// What a sweep shows of some alerts.
pub fn of_sweep(sweep: &[PhaseOutcome], names: &[Named], schedule: &Schedule) -> Foreseen {
    let loads: Vec<_> = schedule.stretches.iter().filter(|s| s.load).collect();
    let mut expected = Vec::new();
    for (i, load) in loads.iter().enumerate() {
        let until = loads.get(i + 1).map_or(f64::INFINITY, |next| next.from);
        let inside = |t: f64| (load.from..until).contains(&t);
        for (place, name) in names {
            let mut links = [Extent::default(); 4];
            for run in sweep {
                let span = run.alerts.iter().find(|a| a.rule == *place && inside(a.active));
                let told = |status: Status, from: f64| {
                    let about = |(p, _, s): &(Place, _, Status)| p == place && *s == status;
                    run.messages.iter().find(|m| inside(m.at) && m.at >= from && m.alerts.iter().any(about))
                };
                let moments = [
                    span.map(|s| s.active),
                    span.and_then(|s| s.fired),
                    told(Status::Firing, load.from).map(|m| m.at),
                    told(Status::Resolved, load.to).map(|m| m.at),
                ];
                for (extent, moment) in links.iter_mut().zip(moments) {
                    if let Some(t) = moment {
                        extent.add(t);
                    }
                }
            }
            expected.push(Expected { alert: name.clone(), load: load.name.clone(), links });
        }
    }
    Foreseen { phases: sweep.len(), expected }
}

fn release(version: &str) -> Release {
    let mut parts = version.split('.').map(|p| p.parse().ok());
    match (parts.next().flatten(), parts.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor),
        _ => (3, 0),
    }
}

/// The Prometheus that runs, as the machine has it, and who answers its targets.
fn running(
    prometheus: &Prometheus,
    release: Release,
    mock_port: &str,
) -> Result<(PrometheusSetup, Vec<Answer>), String> {
    let no = |no: crate::check::probe::prometheus::NoData| no.to_string();
    let text = prometheus.config().map_err(no)?;
    let source = SourceText::new("prometheus.yml", text);
    let (config, _) = crate::scrape::config::read(&source, ReadAs::release(release));
    let config = config.ok_or("a configuration that labkit cannot read")?;
    let global = &config.global;
    let around = Circumstances::of_release(release);
    let read = ReadRules::release(release);
    let mut groups = Vec::new();
    for (file, text) in files_of(&prometheus.rule_groups().map_err(no)?) {
        let (rules, _) = crate::rules::file::read(&SourceText::new(file.clone(), text), &read);
        for group in rules.iter().flat_map(|r| &r.groups) {
            let (interval, offset) = (global.evaluation_interval.value, global.rule_query_offset);
            groups.push(Arc::new(group.spec(&file, interval, offset, around.dialect())));
        }
    }
    let setup = assemble(&config, groups, &around).setup;
    let machines = prometheus.query(OF_MACHINES).unwrap_or_default();
    let targets = prometheus.targets().unwrap_or_default();
    let answers = setup.targets.iter().map(|t| {
        let labels = &t.target.labels;
        let label = |name: &str| labels.get(name).unwrap_or_default();
        let is_machine =
            machines.iter().any(|m| m.metric["job"] == label("job") && m.metric["instance"] == label("instance"));
        let down = targets.iter().find(|x| x.url == *t.target.url && x.health == "down");
        match down {
            _ if is_machine => Answer::Node,
            Some(down) => Answer::Fails(down.last_error.as_str().into()),
            None if t.target.address.ends_with(&format!(":{mock_port}")) => Answer::Model,
            None => Answer::Service,
        }
    });
    let answers = answers.collect();
    Ok((setup, answers))
}

/// Loaded rule groups as the files they could have come from; what is JSON is YAML.
fn files_of(groups: &Value) -> Vec<(String, String)> {
    let mut files: Vec<(String, Vec<Value>)> = Vec::new();
    for group in groups.as_array().into_iter().flatten() {
        let seconds = |v: &Value| format!("{}ms", (v.as_f64().unwrap_or(0.0) * 1000.0).round());
        let rules = group["rules"].as_array().into_iter().flatten().map(|rule| {
            let mut out = json!({"expr": rule["query"], "labels": rule["labels"]});
            if rule["type"] == "alerting" {
                out["alert"] = rule["name"].clone();
                out["annotations"] = rule["annotations"].clone();
                out["for"] = seconds(&rule["duration"]).into();
                if rule["keepFiringFor"].as_f64().is_some_and(|s| s > 0.0) {
                    out["keep_firing_for"] = seconds(&rule["keepFiringFor"]).into();
                }
            } else {
                out["record"] = rule["name"].clone();
            }
            out
        });
        let mut group_out = json!({"name": group["name"], "rules": rules.collect::<Vec<_>>()});
        group_out["interval"] = seconds(&group["interval"]).into();
        if let Some(limit) = group["limit"].as_u64().filter(|l| *l > 0) {
            group_out["limit"] = limit.into();
        }
        let file = group["file"].as_str().unwrap_or("rules.yml").to_owned();
        match files.iter_mut().find(|(name, _)| *name == file) {
            Some((_, list)) => list.push(group_out),
            None => files.push((file, vec![group_out])),
        }
    }
    files.into_iter().map(|(name, groups)| (name, json!({"groups": groups}).to_string())).collect()
}

/// The Alertmanager that runs; its secrets, which it does not tell, do not matter here.
fn receiving(alertmanager: &Alertmanager) -> Option<AlertmanagerSetup> {
    let status = alertmanager.status().ok()?;
    let version: alertmanager::Version = {
        let (_, minor) = release(&status.version);
        format!("0.{}", minor.clamp(25, alertmanager::Version::LATEST.minor().into())).parse().ok()?
    };
    let text = status.config.replace("<secret>", WEBHOOK);
    let mut files: BTreeMap<Arc<str>, Arc<str>> = BTreeMap::new();
    for line in text.lines() {
        if let Some((key, path)) = line.split_once(": ")
            && key.trim_end().ends_with("_file")
        {
            files.insert(path.trim().trim_matches(['"', '\'']).into(), WEBHOOK.into());
        }
    }
    let loaded = alertmanager::config::Config::load(&SourceText::new("alertmanager.yml", text), version);
    Some(AlertmanagerSetup {
        config: Arc::new(loaded.config?),
        version,
        options: alertmanager::Options::default(),
        templates: Templates::new(version),
        files: Arc::new(files),
    })
}

impl Foreseen {
    /// In lines for people.
    pub fn lines(&self) -> String {
        let mut out = String::new();
        for e in &self.expected {
            let [pending, firing, message, resolved] = e.links;
            let _ = write!(out, "{} in the {} load: ", e.alert, e.load);
            let in_some = if firing.times > 0 && firing.times < self.phases {
                format!(" (in {} of {} phases)", firing.times, self.phases)
            } else {
                String::new()
            };
            let _ = match (pending.times, firing.times) {
                (0, 0) => writeln!(out, "nothing"),
                (_, 0) => writeln!(out, "pending {}, then nothing", pending.text()),
                _ => writeln!(
                    out,
                    "pending {}, firing {}{in_some}, message {}, resolved message {}",
                    pending.text(),
                    firing.text(),
                    message.text(),
                    resolved.text()
                ),
            };
        }
        out
    }

    /// What is expected next at a moment, for people who wait.
    pub fn next(&self, t: f64) -> Option<String> {
        let all = self.expected.iter().flat_map(|e| e.links.iter().zip(LINKS).map(move |(x, link)| (e, x, link)));
        let (e, x, link) = all
            .filter(|(_, x, _)| x.times > 0 && x.last >= t)
            .min_by(|a, b| a.1.first.total_cmp(&b.1.first).then(a.1.last.total_cmp(&b.1.last)))?;
        Some(if x.first > t {
            format!("{link} of {} expected {} (in {:.0} s)", e.alert, x.text(), x.first - t)
        } else {
            format!("{link} of {} expected until {}", e.alert, clock_text(x.last))
        })
    }

    /// Where reality first was another than foreseen; nothing when it was not.
    pub fn first_difference(&self, record: &Record) -> Option<String> {
        // A load that was ended early was so because of what was seen before.
        let over = |t: f64| t > record.until || record.ended != Ended::Whole && t + TOLERANCE > record.until;
        let mut differences: Vec<(f64, String)> = Vec::new();
        for e in &self.expected {
            let Ok(from) = record.schedule.moment(&format!("{}.start", e.load)) else { continue };
            let Ok(to) = record.schedule.moment(&format!("{}.end", e.load)) else { continue };
            let loads = record.schedule.stretches.iter().filter(|s| s.load);
            let until = loads.map(|s| s.from).filter(|f| *f > from).fold(f64::INFINITY, f64::min);
            let names = [e.alert.clone()];
            let look = |firing: bool| {
                let of = |l: &&super::stress::Look| l.alert == e.alert && (l.firing || !firing);
                record.looks.iter().filter(of).map(|l| l.t).find(|t| (from..until).contains(t))
            };
            let real = [
                look(false),
                look(true),
                fired_after(record, &names, from).filter(|t| *t < until),
                resolved_after(record, &names, to).filter(|t| *t < until),
            ];
            for ((x, real), link) in e.links.iter().zip(real).zip(LINKS) {
                let seen = |t: f64| format!("observed {} {link} at {}", e.alert, clock_text(t));
                let difference = match real {
                    Some(t) if x.times == 0 => Some((t, format!("{}; foreseen never", seen(t)))),
                    Some(t) if t < x.first - TOLERANCE || t > x.last + TOLERANCE => {
                        Some((t.min(x.first), format!("{}; foreseen {}", seen(t), x.text())))
                    }
                    None if x.times == self.phases && x.times > 0 && !over(x.last + TOLERANCE) => Some((
                        x.last,
                        format!("observed no {} {link} in the {} load; foreseen {}", e.alert, e.load, x.text()),
                    )),
                    _ => None,
                };
                differences.extend(difference);
            }
        }
        differences.into_iter().min_by(|a, b| a.0.total_cmp(&b.0)).map(|d| d.1)
    }
}

/// What is foreseen, and whether it came so, as evidence.
pub fn evidence(world: &LiveWorld<'_>, record: &Record) -> Vec<Value> {
    let text = |text: String| json!({"kind": "text", "text": text});
    match &world.foreseen {
        Some(Ok(foreseen)) if !foreseen.expected.is_empty() => {
            let compared = match foreseen.first_difference(record) {
                Some(difference) => format!("what was foreseen and what came differ first here: {difference}"),
                None => "it came as foreseen".to_owned(),
            };
            vec![
                text(format!("foreseen from the loaded rules: {}", foreseen.lines().trim().replace('\n', "; "))),
                text(compared),
            ]
        }
        Some(Err(why)) => vec![text(format!("nothing was foreseen: {why}"))],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::live_world::stress::Look;
    use crate::check::probe::machine::Facts;
    use crate::check::simulated::schedule::Stretch;

    fn schedule() -> Schedule {
        let stretch = |name: &str, from, to, load| Stretch { name: name.into(), from, to, load };
        Schedule::of_stretches(vec![
            stretch("short", 0.0, 120.0, true),
            stretch("pause", 120.0, 300.0, false),
            stretch("long", 300.0, 540.0, true),
            stretch("after", 540.0, 1260.0, false),
        ])
    }

    fn record(pending: f64, firing: f64, ended: f64) -> Record {
        let mut t = pending;
        let mut looks = Vec::new();
        while t < ended {
            looks.push(Look { t, alert: "Busy".to_owned(), firing: t >= firing, value: None });
            t += 2.0;
        }
        Record {
            schedule: schedule(),
            start: 0.0,
            until: 1260.0,
            ended: Ended::Whole,
            facts: Facts::default(),
            cpu: Vec::new(),
            in_prometheus: Vec::new(),
            in_grafana: Vec::new(),
            looks,
            at_alertmanager: Vec::new(),
            delivered: Vec::new(),
            messages: Vec::new(),
            notes: Vec::new(),
            hint: None,
        }
    }

    fn extent(first: f64, last: f64) -> Extent {
        Extent { first, last, times: 17 }
    }

    fn foreseen() -> Foreseen {
        let none = Extent::default();
        let long = [extent(345.0, 350.0), extent(525.0, 530.0), none, none];
        let of = |load: &str, links| Expected { alert: "Busy".to_owned(), load: load.to_owned(), links };
        Foreseen { phases: 17, expected: vec![of("short", [none; 4]), of("long", long)] }
    }

    #[test]
    fn the_first_difference_is_the_earliest() {
        assert_eq!(foreseen().first_difference(&record(348.0, 528.0, 570.0)), None);
        let late = foreseen().first_difference(&record(390.0, 570.0, 600.0)).expect("late");
        assert_eq!(late, "observed Busy pending at 6:30; foreseen between 5:45 and 5:50");
        let early = foreseen().first_difference(&record(60.0, 500.0, 505.0)).expect("another");
        assert!(early.starts_with("observed Busy pending at 1:00; foreseen never"), "{early}");
        let never = foreseen().first_difference(&record(0.0, 0.0, 0.0)).expect("none came");
        assert!(never.contains("observed no Busy pending in the long load; foreseen between 5:45 and 5:50"), "{never}");
        let mut cut = record(0.0, 0.0, 0.0);
        (cut.until, cut.ended) = (310.0, Ended::Stopped);
        assert_eq!(foreseen().first_difference(&cut), None);
    }

    #[test]
    fn waiting_people_are_told_what_comes_next() {
        assert_eq!(foreseen().next(300.0).as_deref(), Some("pending of Busy expected between 5:45 and 5:50 (in 45 s)"));
        assert_eq!(foreseen().next(526.0).as_deref(), Some("firing of Busy expected until 8:50"));
        assert_eq!(foreseen().next(600.0), None);
        assert!(
            foreseen().lines().starts_with("Busy in the short load: nothing\nBusy in the long load: pending between")
        );
    }

    #[test]
    fn loaded_groups_become_a_file_again() {
        let groups = json!([{"name": "g", "file": "/etc/r.yml", "interval": 5, "limit": 0, "rules": [
            {"type": "alerting", "name": "Busy", "query": "up > 0", "duration": 1.5, "labels": {"a": "b"}, "annotations": {}},
            {"type": "recording", "name": "x:y", "query": "up", "labels": {}}]}]);
        let files = files_of(&groups);
        let (read, problems) = crate::rules::file::read(
            &SourceText::new(files[0].0.clone(), files[0].1.clone()),
            &ReadRules::release((2, 42)),
        );
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(read.expect("a file").groups[0].rules.len(), 2);
        assert_eq!((release("2.42.0"), release("3.5.0+ds"), release("x")), ((2, 42), (3, 5), (3, 0)));
    }
}
