//! `labkit route LABEL=VALUE...`: a label set's way through an alertmanager.yml.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::exit::Exit;
use super::print;
use super::test_rules::glob;
use crate::alertmanager::config::Config;
use crate::alertmanager::explain::{Destination, Explanation, Inhibition, VisitOutcome, explain};
use crate::alertmanager::foresee::{Foreseen, Question, foresee};
use crate::alertmanager::template::Templates;
use crate::alertmanager::{PostableSilence, Version};
use crate::golang::duration::{format_prometheus_duration, parse_prometheus_duration};
use crate::model::{Labels, Time};
use crate::text::{Diagnostic, Severity, SourceText};

/// So many repeats are written out.
const REPEATS: usize = 2;

#[derive(Debug, Args)]
pub struct RouteArgs {
    /// The alert's labels, such as alertname=HostHighCpuLoad severity=warning
    #[arg(value_name = "LABEL=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// The configuration; without it the first alertmanager.yml in --repo, at most three folders down
    #[arg(long, value_name = "FILE", env = "LABKIT_CONFIG")]
    config: Option<PathBuf>,
    /// Folder to look for the configuration in
    #[arg(long, value_name = "DIR", default_value = ".", env = "LABKIT_REPO")]
    repo: PathBuf,
    /// The Alertmanager to speak as, from 0.25 to 0.34
    #[arg(long, value_name = "VERSION", default_value = "latest", env = "LABKIT_ALERTMANAGER_DIALECT")]
    alertmanager_dialect: Version,
    /// The moment for time intervals, such as 2026-03-01T12:00:00Z; without it now
    #[arg(long, value_name = "TIME", env = "LABKIT_AT")]
    at: Option<String>,
    /// How long the alert fires
    #[arg(long = "for", value_name = "DURATION", default_value = "10m", value_parser = duration, env = "LABKIT_FOR")]
    lasts: Duration,
    /// Silences as `amtool silence query -o json` prints them; - reads them from stdin
    #[arg(long, value_name = "FILE", env = "LABKIT_SILENCES")]
    silences: Option<PathBuf>,
    /// Alerts that fire all the while, as `amtool alert query -o json` prints them; - reads them from stdin
    #[arg(long, value_name = "FILE", env = "LABKIT_ALERTS")]
    alerts: Option<PathBuf>,
    /// One JSON document on stdout and nothing else
    #[arg(long, env = "LABKIT_JSON")]
    json: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    let nanos = parse_prometheus_duration(text).map_err(|e| e.to_string())?;
    match u64::try_from(nanos) {
        Ok(nanos) if nanos > 0 && nanos <= 366 * 86_400 * 1_000_000_000 => Ok(Duration::from_nanos(nanos)),
        _ => Err("wanted more than 0s and at most a year".to_owned()),
    }
}

fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => {
            let unquoted = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
            Ok((name.to_owned(), unquoted.to_owned()))
        }
        _ => Err(format!("{text:?} is not LABEL=VALUE")),
    }
}

/// Runs the command.
pub fn run(args: &RouteArgs) -> Exit {
    let path = match args.config.clone().or_else(|| find(&args.repo, 3)) {
        Some(path) => path,
        None => return print::usage(&format!("no alertmanager.yml in {}: name it with --config", args.repo.display())),
    };
    let at = match args.at.as_deref().map_or_else(|| Ok(jiff::Timestamp::now()), str::parse) {
        Ok(at) => Time(i64::try_from(at.as_nanosecond()).unwrap_or(i64::MAX)),
        Err(e) => return print::usage(&format!("cannot read the time: {e}")),
    };
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(e) => return print::usage(&format!("cannot read {}: {e}", path.display())),
    };
    let name = path.display().to_string();
    let version = args.alertmanager_dialect;
    let source = match SourceText::decode(name.trim_start_matches("./"), &bytes) {
        Ok(source) => source,
        Err(e) => return print::usage(&format!("{name}: {}", e.message)),
    };
    let silences = match args.silences.as_deref().map_or_else(|| Ok(Vec::new()), |f| read_silences(f, version)) {
        Ok(silences) => silences,
        Err(e) => return print::usage(&e),
    };
    let others = match args.alerts.as_deref().map_or_else(|| Ok(Vec::new()), read_alerts) {
        Ok(others) => others,
        Err(e) => return print::usage(&e),
    };
    let mut loaded = Config::load(&source, version);
    let labels = Labels::from_pairs(args.labels.iter().map(|(k, v)| (k.as_str(), v.as_str())));
    let mut templates = Templates::new(version);
    let folder = path.parent().unwrap_or(Path::new("."));
    let patterns: Vec<String> = loaded.config.iter().flat_map(|c| &c.templates).map(|t| t.to_string()).collect();
    for file in patterns.iter().flat_map(|p| glob::expand(folder, p)) {
        let bytes = std::fs::read(folder.join(&file)).unwrap_or_default();
        let name = crate::stack::path::file_name(&file);
        if let Err(e) = templates.add_file(name, &String::from_utf8_lossy(&bytes)) {
            loaded.diagnostics.push(Diagnostic::error(format!("{file}: {e}")));
            loaded.config = None;
        }
    }
    let told = loaded.config.as_ref().map(|c| {
        let mut told = explain(c, version, &labels, Some(at), None);
        let active = |s: &&PostableSilence| s.starts_at <= at && at < s.ends_at;
        let mute = silences.iter().filter(active).filter(|s| s.matchers.iter().all(|m| m.matches(&labels)));
        told.silences = mute.map(|s| s.id.as_deref().unwrap_or(&s.comment).to_owned()).collect();
        told
    });
    let foreseen = loaded.config.map(|config| {
        foresee(&Question {
            config: &Arc::new(config),
            version,
            templates: &templates,
            labels: &labels,
            at,
            lasts: args.lasts,
            silences: &silences,
            others: &others,
        })
    });
    let foreseen = foreseen.unwrap_or_default();
    if args.json {
        let diagnostics: Vec<_> = loaded.diagnostics.iter().map(diagnostic_json).collect();
        let mut doc = json!({
            "schema": "labkit/route/v1",
            "config": source.name(),
            "alertmanager": version.to_string(),
            "labels": labels.iter().map(|l| (l.name.to_string(), json!(&*l.value))).collect::<serde_json::Map<_, _>>(),
            "accepted": told.is_some(),
            "diagnostics": diagnostics,
        });
        if let (Some(doc), Some(Ok(serde_json::Value::Object(told)))) =
            (doc.as_object_mut(), told.as_ref().map(serde_json::to_value))
        {
            doc.extend(told);
            doc.insert("fires_for".to_owned(), json!(args.lasts.as_secs_f64()));
            doc.insert("sent".to_owned(), json!(foreseen));
        }
        print::result(&format!("{doc}\n"));
    } else {
        for d in &loaded.diagnostics {
            print::remark(&without_controls(&diagnostic_line(d, source.name())));
        }
        if let Some(told) = &told {
            let mut text = show(told, &labels, &source, version);
            show_foreseen(&mut text, &foreseen, args.lasts);
            print::result(&without_controls(&text));
        }
    }
    if told.is_some() { Exit::Ok } else { Exit::Failed }
}

/// What a file of JSON holds, or stdin for `-`: a list.
fn read_list(file: &Path) -> Result<Vec<serde_json::Value>, String> {
    let text = if file == Path::new("-") {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut std::io::stdin(), &mut text).map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    let text = text.map_err(|e| format!("cannot read {}: {e}", file.display()))?;
    serde_json::from_str(&text).map_err(|e| format!("{} is no list in JSON: {e}", file.display()))
}

fn read_silences(file: &Path, version: Version) -> Result<Vec<PostableSilence>, String> {
    let read = |(i, value): (usize, &serde_json::Value)| {
        PostableSilence::from_json(value, version).map_err(|e| format!("{}, silence {}: {e}", file.display(), i + 1))
    };
    read_list(file)?.iter().enumerate().map(read).collect()
}

fn read_alerts(file: &Path) -> Result<Vec<Labels>, String> {
    let read = |(i, value): (usize, &serde_json::Value)| {
        let labels = value["labels"].as_object();
        let labels = labels.ok_or_else(|| format!("{}, alert {}: no labels", file.display(), i + 1))?;
        Ok(Labels::from_pairs(labels.iter().map(|(k, v)| (k.as_str(), v.as_str().unwrap_or("")))))
    };
    read_list(file)?.iter().enumerate().map(read).collect()
}

/// Text for a terminal: what a student's file may hold must not steer it.
fn without_controls(text: &str) -> String {
    text.chars().filter(|c| *c == '\n' || !c.is_control()).collect()
}

/// The first `alertmanager.yml` of a folder: the shallowest, then by path.
fn find(folder: &Path, depth: usize) -> Option<PathBuf> {
    let mut level = vec![folder.to_path_buf()];
    for _ in 0..=depth {
        let mut below = Vec::new();
        for folder in &level {
            for name in ["alertmanager.yml", "alertmanager.yaml"] {
                if folder.join(name).is_file() {
                    return Some(folder.join(name));
                }
            }
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            let folders = entries.filter(|e| e.file_type().is_ok_and(|t| t.is_dir()));
            below.extend(folders.filter(|e| !e.file_name().to_string_lossy().starts_with('.')).map(|e| e.path()));
        }
        below.sort();
        level = below;
    }
    None
}

fn diagnostic_json(d: &Diagnostic) -> serde_json::Value {
    let at = d.primary.as_ref().map(|l| {
        let place = l.source.position(l.span.start as usize);
        json!({"file": l.source.name(), "line": place.line, "column": place.column})
    });
    json!({"severity": d.severity, "message": d.message, "at": at, "help": d.help})
}

fn diagnostic_line(d: &Diagnostic, file: &str) -> String {
    let severity = match d.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    };
    let place = d.position().map_or_else(|| file.to_owned(), |p| format!("{file}:{}:{}", p.line, p.column));
    let help = d.help.as_ref().map_or(String::new(), |h| format!("; {h}"));
    format!("{place}: {severity}: {}{help}", d.message)
}

fn show(told: &Explanation, labels: &Labels, source: &SourceText, version: Version) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "alert {labels} in {} as Alertmanager {version} reads it\n\nroutes", source.name());
    for visit in &told.path {
        let line = source.position(visit.span.start as usize).line;
        let outcome = match &visit.outcome {
            VisitOutcome::Refused { matcher, value } if value.is_empty() => {
                format!("no: wanted {matcher}, it has none")
            }
            VisitOutcome::Refused { matcher, value } => format!("no: wanted {matcher}, it has {value:?}"),
            VisitOutcome::Matched { ends, continues, siblings_skipped } => {
                let mut text = if *ends { "yes, ends here" } else { "yes, goes on below" }.to_owned();
                if *continues {
                    text.push_str("; continue: the routes after it are tried too");
                }
                if *siblings_skipped > 0 {
                    let routes = if *siblings_skipped == 1 { "route" } else { "routes" };
                    let _ = write!(text, "; {siblings_skipped} {routes} after it not looked at");
                }
                text
            }
        };
        let indent = "  ".repeat(visit.depth + 1);
        let _ = writeln!(out, "{indent}line {line}: {} -> {}: {outcome}", visit.matchers, visit.receiver);
    }
    for destination in &told.destinations {
        show_destination(&mut out, destination);
    }
    if !told.inhibitions.is_empty() || !told.inhibits.is_empty() {
        out.push_str("\ninhibition\n");
    }
    for silence in &told.silences {
        let _ = writeln!(out, "\nsilenced by {silence}");
    }
    for (rules, verb) in [(&told.inhibitions, "is muted while"), (&told.inhibits, "mutes, while it fires,")] {
        for rule in rules {
            let _ = writeln!(out, "  {}", show_rule(rule, verb, source));
        }
    }
    out
}

/// What is sent, line by line; all but the first repeats are counted.
fn show_foreseen(out: &mut String, foreseen: &[Foreseen], lasts: Duration) {
    let span = |nanos: i64| format_prometheus_duration(nanos);
    let lasts = span(i64::try_from(lasts.as_nanos()).unwrap_or(i64::MAX));
    let _ = writeln!(out, "\nsent, for an alert that fires for {lasts} (--for)");
    if foreseen.is_empty() {
        out.push_str("  nothing\n");
    }
    let repeats = |f: &&Foreseen| f.why.starts_with("repeat_interval");
    let left_out = foreseen.iter().filter(repeats).count().saturating_sub(REPEATS);
    let mut repeated = 0;
    for f in foreseen {
        if repeats(&f) {
            repeated += 1;
            if repeated == REPEATS + 1 {
                let _ = writeln!(out, "  …  {left_out} more repeats");
            }
            if repeated > REPEATS {
                continue;
            }
        }
        let after = span((f.after * 1e9).round() as i64);
        let to = f.integration.as_ref().map_or_else(|| f.receiver.clone(), |i| format!("{i} of {}", f.receiver));
        let title = f.title.as_ref().map_or_else(String::new, |t| format!(": {t}"));
        let _ = writeln!(out, "  {after:<8} {} -> {to}{title} ({})", f.what, f.why);
    }
}

fn show_destination(out: &mut String, d: &Destination) {
    let span = |seconds: f64| {
        let nanos = i64::try_from(Duration::from_secs_f64(seconds).as_nanos()).unwrap_or(i64::MAX);
        format_prometheus_duration(nanos)
    };
    let told_by: Vec<String> = d
        .integrations
        .iter()
        .map(|i| format!("{}[{}]{}", i.kind, i.index, if i.send_resolved { "" } else { " (not told of the end)" }))
        .collect();
    let told_by = if told_by.is_empty() { "nobody: it has no integration".to_owned() } else { told_by.join(", ") };
    let t = &d.timers;
    let _ = writeln!(out, "\nreceiver {}\n  tells   {told_by}\n  group   {}", d.receiver, d.group_key);
    let _ = writeln!(out, "  first   {} after the group's first alert (group_wait)", span(t.group_wait));
    let _ =
        writeln!(out, "  news    at most {} later: new alerts and the end (group_interval)", span(t.group_interval));
    let _ = writeln!(
        out,
        "  repeat  every {} when nothing changes (first look after a repeat_interval of {})",
        span(t.repeats_every),
        span(t.repeat_interval)
    );
    for interval in &d.intervals {
        let now = match (interval.inside, interval.mutes) {
            (Some(true), true) | (Some(false), false) => ": muted at this time",
            (Some(_), _) => ": not muted at this time",
            (None, _) => "",
        };
        let word = if interval.mutes { "inside" } else { "outside" };
        let _ = writeln!(out, "  silent  {word} {}{now}", interval.name);
    }
}

fn show_rule(rule: &Inhibition, verb: &str, source: &SourceText) -> String {
    let line = source.position(rule.span.start as usize).line;
    let mut text = format!("line {line}: {verb} an alert with {}", rule.other_side);
    if verb.starts_with("is") {
        text.push_str(" fires");
    }
    for label in rule.equal.iter() {
        let _ = write!(text, ", with the same {}={:?}", label.name, &*label.value);
    }
    for name in &rule.equal_absent {
        let _ = write!(text, ", without {name} as this one (absent counts as equal)");
    }
    if rule.both_sides {
        text.push_str("; it matches both sides, so only alerts of one side count");
    }
    text
}
