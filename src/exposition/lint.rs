//! What is unusual about a page, as `promtool check metrics` says.

use super::entry::MetricType;
use super::families::{Family, StrictError, read_families};
use crate::golang::quote;

/// Something unusual about a metric.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The metric family.
    pub metric: String,
    /// What is unusual, in promtool's words.
    pub text: String,
}

/// Lints a page of the text format. Problems come in order of metric and text.
///
/// # Errors
/// The page is no strict text format.
pub fn lint(page: &[u8]) -> Result<Vec<Problem>, StrictError> {
    let mut problems = Vec::new();
    for family in read_families(page)? {
        let mut add = |text: String| problems.push(Problem { metric: family.name.clone(), text });
        if family.help.is_none() {
            add("no help text".to_owned());
        }
        units(&family, &mut add);
        suffixes(&family, &mut add);
        names(&family, &mut add);
    }
    problems.sort_unstable();
    Ok(problems)
}

/// Units and the base unit of each.
const UNITS: [(&str, &str); 23] = [
    ("amperes", "amperes"),
    ("bits", "bytes"),
    ("bytes", "bytes"),
    ("calories", "joules"),
    ("celsius", "celsius"),
    ("days", "seconds"),
    ("fahrenheit", "celsius"),
    ("grams", "grams"),
    ("hours", "seconds"),
    ("inches", "meters"),
    ("joules", "joules"),
    ("kelvin", "kelvin"),
    ("kelvins", "kelvin"),
    ("meters", "meters"),
    ("metres", "metres"),
    ("miles", "meters"),
    ("minutes", "seconds"),
    ("ounces", "grams"),
    ("pounds", "grams"),
    ("rankine", "celsius"),
    ("seconds", "seconds"),
    ("volts", "volts"),
    ("weeks", "seconds"),
];

const PREFIXES: [&str; 18] = [
    "pico", "nano", "micro", "milli", "centi", "deci", "deca", "hecto", "kilo", "kibi", "mega", "mibi", "giga", "gibi",
    "tera", "tebi", "peta", "pebi",
];

const ABBREVIATIONS: [&str; 14] = ["s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d"];

/// A word's unit without its prefix, with the base unit; and where the prefix stands in the list, none last.
fn unit_of(word: &str) -> Option<(&'static (&'static str, &'static str), usize)> {
    let unit = |text: &str| UNITS.iter().find(|(unit, _)| *unit == text);
    let prefixed = || PREFIXES.iter().enumerate().find_map(|(i, p)| Some((word.strip_prefix(p).and_then(unit)?, i)));
    unit(word).map(|unit| (unit, PREFIXES.len())).or_else(prefixed)
}

/// Of a unit that stands in a name with several prefixes, the original takes the first in its list of prefixes; of
/// different units whichever its map gives first, here the first in the name.
fn units(family: &Family, add: &mut impl FnMut(String)) {
    let known = || family.name.split('_').filter_map(|word| unit_of(word).map(|(unit, prefix)| (word, unit, prefix)));
    let found =
        known().next().and_then(|(_, first, _)| known().filter(|(_, unit, _)| *unit == first).min_by_key(|f| f.2));
    if let Some((word, (_, base), _)) = found.filter(|(word, (_, base), _)| word != base) {
        add(format!("use base unit {} instead of {}", quote(base), quote(word)));
    }
    let lower = family.name.to_ascii_lowercase();
    for short in ABBREVIATIONS {
        if contains_word(&lower, short) {
            add("metric names should not contain abbreviated units".to_owned());
        }
    }
}

/// Whether a word stands behind an underscore and before another one or the end.
fn contains_word(name: &str, word: &str) -> bool {
    name.split('_').skip(1).any(|w| w == word)
}

fn suffixes(family: &Family, add: &mut impl FnMut(String)) {
    let kind = family.kind.unwrap_or_default();
    let total = family.name.ends_with("_total");
    match kind {
        MetricType::Counter if !total => add("counter metrics should have \"_total\" suffix".to_owned()),
        MetricType::Counter => {}
        MetricType::Unknown => return,
        _ if total => add("non-counter metrics should not have \"_total\" suffix".to_owned()),
        _ => {}
    }
    let (histogram, summary) = (kind == MetricType::Histogram, kind == MetricType::Summary);
    if !histogram && family.name.ends_with("_bucket") {
        add("non-histogram metrics should not have \"_bucket\" suffix".to_owned());
    }
    for suffix in ["_count", "_sum"] {
        if !histogram && !summary && family.name.ends_with(suffix) {
            add(format!("non-histogram and non-summary metrics should not have \"{suffix}\" suffix"));
        }
    }
    for label in family.metrics.iter().flatten() {
        if !histogram && label == "le" {
            add("non-histogram metrics should not have \"le\" label".to_owned());
        }
        if !summary && label == "quantile" {
            add("non-summary metrics should not have \"quantile\" label".to_owned());
        }
    }
}

fn names(family: &Family, add: &mut impl FnMut(String)) {
    let lower = family.name.to_ascii_lowercase();
    for kind in ["counter", "gauge", "summary", "histogram"] {
        if contains_word(&lower, kind) {
            add(format!("metric name should not include type '{kind}'"));
        }
    }
    if family.name.contains(':') {
        add("metric names should not contain ':'".to_owned());
    }
    if is_camel_case(&family.name) {
        add("metric names should be written in 'snake_case' not 'camelCase'".to_owned());
    }
    for _ in family.metrics.iter().flatten().filter(|label| is_camel_case(label)) {
        add("label names should be written in 'snake_case' not 'camelCase'".to_owned());
    }
}

fn is_camel_case(name: &str) -> bool {
    name.as_bytes().windows(2).any(|w| w[0].is_ascii_lowercase() && w[1].is_ascii_uppercase())
}
