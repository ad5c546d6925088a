//! Outcomes for people: what was expected and what came, one above the other.

use std::fmt::Write as _;

use super::Tested;
use crate::golang::duration::{format_go_duration, format_prometheus_duration};
use crate::golang::quote;
use crate::rules::AlertState;
use crate::rules::unit_test::{
    AlertDifference, Failure, GroupOutcome, PairDifference, Pairs, ShownAlert, ShownSample, Track, alert_differences,
    braces, sample_differences,
};
use crate::text::{SourceText, render, shown};

/// Most columns of a timeline.
const WIDTH: i64 = 72;

/// A whole file.
pub(super) fn file(source: &SourceText, tested: &Tested, timeline: bool, colour: bool) -> String {
    let mut out = format!("Unit Testing:  {}\n", shown(source.name()));
    if tested.passed() {
        out.push_str(&paint("  SUCCESS\n", "32", colour));
    } else {
        out.push_str(&paint("  FAILED:\n", "31", colour));
    }
    for d in &tested.diagnostics {
        let _ = writeln!(out, "{}", render(d, colour));
    }
    for group in &tested.groups {
        if !group.passed() {
            let at = source.position(group.span.start as usize);
            let _ = writeln!(out, "    {} ({}:{})", shown(&title(group)), shown(source.name()), at.line);
            for f in &group.failures {
                out.push_str(&failure(source, f, colour));
            }
        }
        if timeline {
            out.push_str(&timeline_of(group, tested));
        }
    }
    out.push('\n');
    out
}

/// A test's name, or its place.
pub(super) fn title(group: &GroupOutcome) -> String {
    if group.name.is_empty() { format!("test {}", group.index + 1) } else { group.name.clone() }
}

fn paint(text: &str, code: &str, colour: bool) -> String {
    if colour { format!("\u{1b}[{code}m{}\u{1b}[0m\n", text.trim_end_matches('\n')) } else { text.to_owned() }
}

/// One failure, with its difference.
pub(super) fn failure(source: &SourceText, failure: &Failure, colour: bool) -> String {
    let at = failure.span().map_or_else(String::new, |s| {
        let at = source.position(s.start as usize);
        format!(" ({}:{}:{})", shown(source.name()), at.line, at.column)
    });
    let time = |t: &i64| format_prometheus_duration(*t);
    let mut out = String::new();
    match failure {
        Failure::Input { error, .. } => {
            let _ = writeln!(out, "      input series{at}: {}", shown(error));
        }
        Failure::NoAlertname { .. } | Failure::TooLong { .. } => {
            let _ = writeln!(out, "      {}{at}", failure.promtool(""));
        }
        Failure::Rule { rule, time, error } => {
            let when = format_go_duration(*time);
            let _ = writeln!(out, "      rule: {}, time: {when}, err: {}", shown(rule), shown(error));
        }
        Failure::Query { expr, time: t, error, .. } => {
            let _ = writeln!(out, "      expr: {}, time: {}, err: {}{at}", quote(expr), time(t), shown(error));
        }
        Failure::Samples { expr, time: t, expected, got, .. } => {
            let _ = writeln!(out, "      expr: {}, time: {}{at}", quote(expr), time(t));
            for (wanted, came) in sample_differences(expected, got, false) {
                sample(&mut out, wanted, came, colour);
            }
        }
        Failure::Alerts { alertname, time: t, expected, got, others, .. } => {
            let _ = writeln!(out, "      alertname: {}, time: {}{at}", shown(alertname), time(t));
            for difference in alert_differences(expected, got) {
                alert(&mut out, &difference, others, colour);
            }
        }
        Failure::Notifications { expected, got, .. } => {
            let _ = writeln!(out, "      notifications{at}");
            line(&mut out, "expected", &shown(expected), "32", colour);
            if got.is_empty() {
                line(&mut out, "got", "no notification", "31", colour);
            }
            for got in got {
                line(&mut out, "got", &shown(got), "31", colour);
            }
        }
    }
    out
}

fn line(out: &mut String, side: &str, text: &str, code: &str, colour: bool) {
    out.push_str(&paint(&format!("            {side:<9} {text}\n"), code, colour));
}

fn sample(out: &mut String, wanted: Option<&ShownSample>, came: Option<&ShownSample>, colour: bool) {
    let labels = wanted.or(came).map(|s| s.labels.to_string()).unwrap_or_default();
    let _ = writeln!(out, "        {}", shown(&labels));
    let value = |s: Option<&ShownSample>| s.map_or_else(|| "no such sample".to_owned(), |s| s.value.to_string());
    line(out, "expected", &value(wanted), "32", colour);
    line(out, "got", &value(came), "31", colour);
}

fn alert(out: &mut String, difference: &AlertDifference<'_>, others: &[(ShownAlert, i64)], colour: bool) {
    match difference {
        AlertDifference::Missing(alert) => {
            let _ = writeln!(out, "        expected to be {}, and is not:", alert.state.as_str());
            whole(out, alert);
            if let Some((other, since)) = others.iter().find(|(o, _)| o.labels == alert.labels) {
                let since = format_prometheus_duration(*since);
                let _ = writeln!(out, "            it is {} since {since}", other.state.as_str());
            }
        }
        AlertDifference::Unexpected(alert) => {
            let _ = writeln!(out, "        is {}, and was not expected to be:", alert.state.as_str());
            whole(out, alert);
        }
        AlertDifference::Changed { expected, got, labels, annotations } => {
            let same: Pairs = expected.labels.iter().filter(|pair| got.labels.contains(pair)).cloned().collect();
            let _ = writeln!(out, "        differs: {}", shown(&braces(&same)));
            if expected.state != got.state {
                let _ = writeln!(out, "          state");
                line(out, "expected", expected.state.as_str(), "32", colour);
                line(out, "got", got.state.as_str(), "31", colour);
            }
            pairs(out, "label", labels, colour);
            pairs(out, "annotation", annotations, colour);
        }
    }
}

fn whole(out: &mut String, alert: &ShownAlert) {
    let _ = writeln!(out, "            labels       {}", shown(&braces(&alert.labels)));
    if !alert.annotations.is_empty() {
        let _ = writeln!(out, "            annotations  {}", shown(&braces(&alert.annotations)));
    }
}

fn pairs(out: &mut String, kind: &str, differences: &[PairDifference], colour: bool) {
    for d in differences {
        let _ = writeln!(out, "          {kind} {}", shown(&d.name));
        let value = |v: &Option<std::sync::Arc<str>>| v.as_ref().map_or_else(|| "not there".to_owned(), |v| quote(v));
        line(out, "expected", &shown(&value(&d.expected)), "32", colour);
        line(out, "got", &shown(&value(&d.got)), "31", colour);
    }
}

/// The states of all alerts of a test, a letter a stretch of time, and when they changed.
fn timeline_of(group: &GroupOutcome, tested: &Tested) -> String {
    let Some((file, test)) = tested.file.as_ref().and_then(|f| Some((f, f.tests.get(group.index)?))) else {
        return String::new();
    };
    let (end, step) = (test.end(), file.evaluation_interval.nanos.max(1));
    let columns = (end / step + 1).clamp(1, WIDTH);
    // A column is a whole number of evaluations.
    let stride = (end / step + 1).div_euclid(columns) + i64::from((end / step + 1) % columns > 0);
    let column = stride.saturating_mul(step);
    let mut out = format!(
        "    Timeline of {}, 0s to {}, a letter is {} (. inactive, p pending, F firing)\n",
        shown(&title(group)),
        format_prometheus_duration(end),
        format_prometheus_duration(column)
    );
    if group.timeline.is_empty() {
        out.push_str("      no alert was ever active\n");
    }
    for track in &group.timeline {
        let _ = writeln!(out, "      {}", shown(&track.labels.to_string()));
        let times = (0..columns).map(|i| i.saturating_mul(column)).take_while(|t| *t <= end);
        let bar: String = times.map(|t| letter(track.at(t))).collect();
        let _ = writeln!(out, "        {bar}");
        let _ = writeln!(out, "        {}", changes(track));
    }
    out
}

fn letter(state: AlertState) -> char {
    match state {
        AlertState::Inactive => '.',
        AlertState::Pending => 'p',
        AlertState::Firing => 'F',
    }
}

fn changes(track: &Track) -> String {
    const SHOWN: usize = 20;
    let one = |(t, state): &(i64, AlertState)| format!("{} {}", format_prometheus_duration(*t), state.as_str());
    let mut all: Vec<String> = track.changes.iter().take(SHOWN).map(one).collect();
    if track.changes.len() > SHOWN {
        all.push(format!("and {} more", track.changes.len() - SHOWN));
    }
    all.join(", ")
}
