//! Time intervals as written.
//!
//! Facts: upstream `timeinterval`.

use std::sync::Arc;

use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::NamedInterval;
use crate::alertmanager::interval::TimeInterval;
use crate::yaml::{Decoder, Mapping, Node, Spanned};

const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// The entries of `time_intervals` or `mute_time_intervals`.
pub(super) fn read(m: &Mapping<'_>, key: &'static str) -> Vec<NamedInterval> {
    let what = if key == "time_intervals" { "time interval" } else { "mute time interval" };
    m.list(key, "[]config.plain", |d, node| {
        if node.is_null() {
            // Let through with an empty name; a second one is a double name.
            return Some(NamedInterval { name: "".into(), intervals: Vec::new(), span: node.span() });
        }
        let entry = d.mapping(node, "config.plain")?;
        let name = entry.string("name").filter(|n| !n.value.is_empty());
        if name.is_none() {
            let help = "add `name:`; routes refer to the interval by it";
            d.error_help(node.span(), format!("missing name in {what}"), help);
        }
        let intervals = entry.list("time_intervals", "[]timeinterval.TimeInterval", one);
        let span = name.as_ref().map_or(node.span(), |n| n.span);
        entry.finish();
        Some(NamedInterval { name: name?.value.into(), intervals, span })
    })
}

fn one(d: &Decoder, node: &Node) -> Option<TimeInterval> {
    let m = d.mapping(node, "timeinterval.TimeInterval")?;
    let interval = TimeInterval {
        times: m.some("times").map(|_| m.list("times", "[]timeinterval.TimeRange", time_range)),
        weekdays: ranges(&m, "weekdays", weekday, |begin, end| {
            (begin > end).then(|| "start day cannot be before end day".to_owned())
        }),
        days_of_month: ranges(&m, "days_of_month", day_of_month, check_days),
        months: ranges(&m, "months", month, |begin, end| {
            let name = |n: i32| usize::try_from(n - 1).ok().and_then(|n| MONTHS.get(n)).copied().unwrap_or("");
            (begin > end).then(|| format!("end month {} is before start month {}", name(end), name(begin)))
        }),
        years: ranges(&m, "years", year, |begin, end| {
            (begin > end).then(|| format!("end year {end} is before start year {begin}"))
        }),
        location: m.string("location").and_then(|l| location(d, &l)),
    };
    m.hints(&[("days", "rename it `weekdays` or `days_of_month`"), ("time", "rename it `times`")]);
    m.finish();
    Some(interval)
}

fn location(d: &Decoder, name: &Spanned<String>) -> Option<TimeZone> {
    // The real program would ask the machine it runs on for `Local`; a container says UTC.
    if matches!(name.value.as_str(), "" | "UTC" | "Local") {
        return None;
    }
    let path = zone_name(&name.value);
    let zone = TimeZoneDatabase::bundled().get(&path).ok().filter(|z| z.iana_name() == Some(&*path));
    if zone.is_none() {
        let help = "write the name of a time zone as Continent/City, such as Europe/Brussels";
        d.error_help(name.span, format!("unknown time zone {}", name.value), help);
    }
    zone
}

/// The zone a file name under the folder of zones stands for: what Go takes is any file there.
fn zone_name(written: &str) -> String {
    if written.starts_with('/') || written.ends_with('/') {
        return written.to_owned();
    }
    let path = written.split('/').filter(|p| !matches!(*p, "" | ".")).collect::<Vec<_>>().join("/");
    let path = path.strip_prefix("posix/").or_else(|| path.strip_prefix("right/")).unwrap_or(&path);
    match path {
        "localtime" => "UTC".to_owned(),
        "posixrules" => "America/New_York".to_owned(),
        _ => path.to_owned(),
    }
}

fn time_range(d: &Decoder, node: &Node) -> Option<(u16, u16)> {
    if node.is_null() {
        return Some((0, 0));
    }
    let m = d.mapping(node, "timeinterval.yamlTimeRange")?;
    let (start, end) = (m.string("start_time"), m.string("end_time"));
    m.hints(&[("start", "rename it `start_time`"), ("end", "rename it `end_time`")]);
    m.finish();
    let set = |t: &Option<Spanned<String>>| t.as_ref().is_some_and(|t| !t.value.is_empty());
    if !set(&start) || !set(&end) {
        let help = "write both, such as {start_time: '09:00', end_time: '17:00'}";
        d.error_help(node.span(), "both start and end times must be provided", help);
        return None;
    }
    let (start, end) = (minute(d, &start?), minute(d, &end?));
    let (start, end) = (start?, end?);
    if start >= end {
        let help = "split a range that passes midnight in two: one up to 24:00, one from 00:00";
        d.error_help(node.span(), "start time cannot be equal or greater than end time", help);
        return None;
    }
    Some((start, end))
}

fn minute(d: &Decoder, text: &Spanned<String>) -> Option<u16> {
    let bytes = text.value.as_bytes();
    let digit = |i: usize| bytes.get(i).filter(|b| b.is_ascii_digit()).map(|b| u16::from(b - b'0'));
    let read = || {
        let (hour, minute) = (digit(0)? * 10 + digit(1)?, digit(3)? * 10 + digit(4)?);
        let legal = bytes.len() == 5 && bytes[2] == b':' && (hour < 24 && minute < 60 || (hour, minute) == (24, 0));
        legal.then_some(hour * 60 + minute)
    };
    let read = read();
    if read.is_none() {
        let help = "write hours and minutes with two digits each, such as '09:00'";
        d.error_help(text.span, format!("couldn't parse timestamp {}, invalid format", text.value), help);
    }
    read
}

/// A list of `value` or `from:to`, in any case.
fn ranges(
    m: &Mapping<'_>,
    key: &'static str,
    member: fn(&str) -> Result<i32, String>,
    check: fn(i32, i32) -> Option<String>,
) -> Option<Vec<(i32, i32)>> {
    m.some(key)?;
    Some(m.list(key, "[]string", |d, node| {
        if node.is_null() {
            return Some((0, 0));
        }
        let text = d.string(node)?;
        let lower = text.value.to_lowercase();
        let parts: Vec<&str> = lower.split(':').collect();
        let read = match parts[..] {
            [one] => member(one).map(|v| (v, v)),
            [from, to] => member(from).and_then(|from| member(to).map(|to| (from, to))),
            _ => Err(format!("couldn't parse range {lower}, invalid format")),
        };
        let checked = read.and_then(|(from, to)| match check(from, to) {
            Some(why) => Err(why),
            None => Ok((from, to)),
        });
        checked.map_err(|why| d.error_help(text.span, why, range_help(key))).ok()
    }))
}

fn range_help(key: &str) -> &'static str {
    match key {
        "weekdays" => "write full English names, such as 'monday:friday'; Sunday comes first in the week",
        "days_of_month" => "write numbers from 1 to 31, or from -1 to -31 counted from the end, such as '1:5'",
        "months" => "write names or numbers from 1 to 12, such as 'may:august'",
        _ => "write years, such as '2025:2027'",
    }
}

fn weekday(text: &str) -> Result<i32, String> {
    WEEKDAYS.iter().position(|d| *d == text).map(|i| i as i32).ok_or_else(|| format!("{text} is not a valid weekday"))
}

fn day_of_month(text: &str) -> Result<i32, String> {
    text.parse().map_err(|_| format!("{text} is not a valid day of the month"))
}

fn month(text: &str) -> Result<i32, String> {
    let by_name = MONTHS.iter().position(|m| *m == text).map(|i| i as i32 + 1);
    // Numbers are not held to 1 to 12 by any release.
    let by_number = text.parse().ok();
    by_name.or(by_number).ok_or_else(|| format!("{text} is not a valid month"))
}

fn year(text: &str) -> Result<i32, String> {
    text.parse().map_err(|_| format!("{text} is not a valid year"))
}

fn check_days(begin: i32, end: i32) -> Option<String> {
    for day in [begin, end] {
        if day == 0 || !(-31..=31).contains(&day) {
            return Some(format!("{day} is not a valid day of the month: out of range"));
        }
    }
    if begin < 0 && end > 0 {
        return Some("end day must be negative if start day is negative".to_owned());
    }
    // February is the shortest month: what fails there for certain fails always.
    let from_start = |day: i32| if day < 0 { 28 + day } else { day };
    (from_start(begin) > from_start(end)).then(|| format!("end day {end} is always before start day {begin}"))
}

/// Reports names that are used twice over both lists.
pub(super) fn check_names(d: &Decoder, mute: &[NamedInterval], active: &[NamedInterval]) {
    let mut seen: Vec<&Arc<str>> = Vec::new();
    let with_kind = mute.iter().map(|i| ("mute time interval", i)).chain(active.iter().map(|i| ("time interval", i)));
    for (what, interval) in with_kind {
        if seen.contains(&&interval.name) {
            let help = "rename one of the two; both lists share their names";
            let name = crate::golang::quote(&interval.name);
            d.error_help(interval.span, format!("{what} {name} is not unique"), help);
        }
        seen.push(&interval.name);
    }
}
