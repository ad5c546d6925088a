//! The observations in forms that people and their programs read: nothing of it is needed to judge again.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::check::live_world::State;
use crate::check::probe::tape::{Line, Observation};

/// The files, by name.
pub fn files(lines: &[Line], state: &State) -> Vec<(String, Vec<u8>)> {
    let mut out = configuration(lines);
    out.push(("ssh.txt".to_owned(), transcript(lines)));
    out.push(("messages.jsonl".to_owned(), messages(lines)));
    out.push(("clocks.json".to_owned(), clocks(lines)));
    if let Some(record) = &state.played {
        let mut samples = String::from("seconds,series,value\n");
        for (name, points) in
            [("machine", &record.cpu), ("prometheus", &record.in_prometheus), ("grafana", &record.in_grafana)]
        {
            for (t, v) in points {
                let _ = writeln!(samples, "{t:.3},CPU busy in {name},{v}");
            }
        }
        for (t, n) in &record.delivered {
            let _ = writeln!(samples, "{t:.3},notifications delivered,{n}");
        }
        out.push(("samples.csv".to_owned(), samples));
        let mut alerts = String::from("seconds,alert,state,value\n");
        for look in &record.looks {
            let name = look.alert.replace(['"', '\n'], " ");
            let value = look.value.map_or_else(String::new, |v| v.to_string());
            let _ =
                writeln!(alerts, "{:.3},\"{name}\",{},{value}", look.t, if look.firing { "firing" } else { "pending" });
        }
        out.push(("alerts.csv".to_owned(), alerts));
    }
    out.into_iter().map(|(name, text)| (name, text.into_bytes())).collect()
}

/// The last answers that tell how the programs are configured.
fn configuration(lines: &[Line]) -> Vec<(String, String)> {
    let answers = |path: &str| {
        lines.iter().rev().find_map(|line| match &line.seen {
            Observation::Http { ask, answer: Ok(reply) } if ask.contains(path) && reply.status == 200 => {
                serde_json::from_slice::<Value>(&reply.body).ok()
            }
            _ => None,
        })
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default() + "\n";
    let mut out = Vec::new();
    let mut add = |name: &str, content: Option<String>| {
        out.extend(content.filter(|c| !c.is_empty()).map(|c| (format!("configuration/{name}"), c)));
    };
    add("prometheus.yml", answers("/api/v1/status/config").map(|v| text(&v["data"]["yaml"])));
    add("rules.json", answers("/api/v1/rules").map(|v| pretty(&v["data"])));
    add("targets.json", answers("/api/v1/targets").map(|v| pretty(&v["data"])));
    add("alertmanager.yml", answers("/api/v2/status").map(|v| text(&v["config"]["original"])));
    add("grafana-data-sources.json", answers("/api/datasources").map(|v| pretty(&v)));
    out
}

fn transcript(lines: &[Line]) -> String {
    let mut out = String::new();
    for line in lines {
        let Observation::Ssh { ask, answer } = &line.seen else { continue };
        let _ = writeln!(out, "[{:.3}] $ {ask}", line.at);
        let _ = match answer {
            Ok(text) => writeln!(out, "{}", text.trim_end()),
            Err(no) => writeln!(out, "! {no}"),
        };
    }
    out
}

fn messages(lines: &[Line]) -> String {
    let mut out = String::new();
    for line in lines {
        let Observation::Messages(list) = &line.seen else { continue };
        for message in list {
            out.push_str(&serde_json::to_string(message).unwrap_or_default());
            out.push('\n');
        }
    }
    out
}

/// This machine's clock, and what others said of theirs.
fn clocks(lines: &[Line]) -> String {
    let mut others: Vec<(String, f64, i64)> = Vec::new();
    let mut wall: Option<(f64, f64)> = None;
    for line in lines {
        match &line.seen {
            Observation::Wall(nanos) => wall = wall.or(Some((line.at, *nanos as f64 / 1e9))),
            Observation::Http { ask, answer: Ok(reply) } => {
                let host = ask.split("://").nth(1).and_then(|r| r.split(['/', '?', ' ']).next()).unwrap_or_default();
                if let Some(date) = reply.date
                    && !others.iter().any(|o| o.0 == host)
                {
                    others.push((host.to_owned(), line.at, date));
                }
            }
            _ => {}
        }
    }
    let began = wall.map(|(at, unix)| unix - at);
    let others = others.into_iter().map(|(host, at, date)| {
        json!({"host": host, "seconds": at, "date": date, "ahead": began.map(|b| date as f64 - (b + at))})
    });
    let all = json!({"began": began, "others": others.collect::<Vec<_>>()});
    serde_json::to_string_pretty(&all).unwrap_or_default() + "\n"
}
