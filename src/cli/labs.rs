//! `labkit labs`, `labkit explain`, `labkit completions`.

use std::fmt::Write as _;

use clap::CommandFactory;
use serde_json::json;

use super::args::{Args, CompletionsArgs, ExplainArgs, LabsArgs};
use super::exit::Exit;
use super::{lab_source, print};
use crate::check::Step;

/// Lists the labs.
pub fn labs(args: &LabsArgs) -> Exit {
    let names = match lab_source::names(&args.source) {
        Ok(names) => names,
        Err(e) => return print::usage(&e.0),
    };
    let mut rows = Vec::new();
    for name in names {
        match lab_source::load(&name, &args.source) {
            Ok(l) => rows.push(l.lab),
            Err(e) => return print::usage(&e.0),
        }
    }
    if args.json {
        let labs: Vec<_> = rows
            .iter()
            .map(|lab| {
                json!({
                    "id": lab.id, "number": lab.number, "title": lab.title,
                    "criteria": lab.criteria.iter().map(|c| json!({"id": c.id, "title": c.title, "points": c.points})).collect::<Vec<_>>(),
                    "parameters": lab.parameters.names().map(|n| json!({"name": n, "value": lab.parameters.get(n)})).collect::<Vec<_>>(),
                })
            })
            .collect();
        print::result(&format!("{}\n", json!({"labs": labs})));
        return Exit::Ok;
    }
    let mut out = String::new();
    for lab in rows {
        let points: u32 = lab.criteria.iter().map(|c| c.points).sum();
        let _ = writeln!(out, "{}  {} ({} criteria, {points} points)", lab.id, lab.title, lab.criteria.len());
        for c in &lab.criteria {
            let _ = writeln!(out, "    {:>2}  {:<24} {}", c.points, c.id, c.title);
        }
    }
    print::result(&out);
    Exit::Ok
}

/// Explains an id.
pub fn explain(args: &ExplainArgs) -> Exit {
    let names = match lab_source::names(&args.source) {
        Ok(names) => names,
        Err(e) => return print::usage(&e.0),
    };
    let mut known = Vec::new();
    for name in names {
        let loaded = match lab_source::load(&name, &args.source) {
            Ok(loaded) => loaded,
            Err(e) => return print::usage(&e.0),
        };
        if let Some(text) = explanation(&loaded, &args.id) {
            print::result(&text);
            return Exit::Ok;
        }
        let lab = loaded.lab;
        known.extend(lab.criteria.into_iter().map(|c| c.id));
        known.extend(lab.questions.into_iter().map(|q| q.id));
        known.extend(lab.advice.into_iter().map(|a| a.id));
    }
    print::usage(&format!("nothing is called {:?}; known are {}", args.id, known.join(", ")))
}

fn explanation(loaded: &lab_source::Loaded, id: &str) -> Option<String> {
    let lab = &loaded.lab;
    let mut out = String::new();
    if let Some(c) = lab.criterion(id) {
        let _ = writeln!(out, "{} · criterion of {} · {} points\n\n{}", c.id, lab.id, c.points, c.title);
        if !c.needs.is_empty() {
            let _ = writeln!(out, "\nneeds: {}", c.needs.join(", "));
        }
        let _ = writeln!(out, "\nif it does not pass: {}\n\nhow it is judged, step by step:", c.hint);
        for step in loaded.checks.iter().filter(|k| k.id == id).flat_map(|k| &k.steps) {
            let _ = writeln!(out, "  - {}", in_words(step));
        }
        return Some(out);
    }
    if let Some(q) = lab.questions.iter().find(|q| q.id == id) {
        let _ = writeln!(out, "{} · question of {}\n\n{}\n", q.id, lab.id, q.title);
        let _ = writeln!(
            out,
            "{}",
            if q.required { "must be answered to pass" } else { "a missing answer is left to a person" }
        );
        return Some(out);
    }
    let a = lab.advice.iter().find(|a| a.id == id)?;
    let _ = writeln!(
        out,
        "{} · advice of {} ({})\n\n{}\n\nadvice never changes the score",
        a.id, lab.id, a.severity, a.about
    );
    Some(out)
}

fn in_words(step: &Step) -> String {
    match step {
        Step::Loads(l) => match l {
            crate::check::Loads::Program(p) => format!("{p:?} accepts its files").to_lowercase(),
            crate::check::Loads::Container { container } => format!("the container of {container} can be made"),
            crate::check::Loads::Rules { rules, .. } => format!("prometheus accepts the rules of {rules}"),
        },
        Step::Requires(p) => format!("{p:?} runs").to_lowercase(),
        Step::Script(s) => format!("the script can expose {}", s.exposes),
        Step::Http(h) => format!("the page of {} answers over HTTP", h.get),
        Step::Promql(p) => format!("the query {} has the expected answer within {}", p.query, p.within),
        Step::Rule(r) => format!("there is an alerting rule among {}", r.of),
        Step::Probe(p) => {
            let values: Vec<String> = p.when.iter().map(|(k, v)| format!("{k} stays {v}")).collect();
            format!("while {}, {} are {:?}", values.join(" and "), p.of, p.expect)
                .replace("Fires", "firing")
                .replace("Silent", "silent")
        }
        Step::CanAlert(c) => format!("{} speak up under some load of at most {}", c.of, c.within),
        Step::Messages(m) => {
            let window = match (&m.from, &m.until) {
                (Some(from), Some(until)) => format!(" between {from} and {until}"),
                (Some(from), None) => format!(" from {from} on"),
                (None, Some(until)) => format!(" until {until}"),
                (None, None) => String::new(),
            };
            let count =
                if m.never { "no message".to_owned() } else { format!("at least {} message", m.at_least.unwrap_or(1)) };
            let scenario = m.scenario.as_deref().map_or_else(String::new, |s| format!(" in scenario {s}"));
            format!("{count} about {} being {:?}{window}{scenario}", m.of, m.state)
                .replace("Firing", "firing")
                .replace("Resolved", "resolved")
        }
        Step::Target(t) => format!("prometheus has a target with port {}", t.port),
        Step::Grafana(_) => "a dashboard, or a running grafana, shows it as asked".to_owned(),
        Step::Ssh(s) => format!("the CPU of the VM is at least {} % busy during {}", s.cpu_busy.at_least, s.during),
        Step::Markdown(m) => format!("the {} is there and says enough", m.find),
        Step::Answers(a) => format!("the {} answers the questions of the lab", a.document),
    }
}

/// Prints a completion script.
pub fn completions(args: &CompletionsArgs) -> Exit {
    let mut out = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "labkit", &mut out);
    print::result(&String::from_utf8_lossy(&out));
    Exit::Ok
}
