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

fn base_unit(word: &str) -> Option<&'static str> {
    let base = |unit: &str| UNITS.iter().find(|(u, _)| *u == unit).map(|(_, base)| *base);
    base(word).or_else(|| PREFIXES.iter().find_map(|p| word.strip_prefix(p).and_then(base)))
}

fn units(family: &Family, add: &mut impl FnMut(String)) {
    let found = family.name.split('_').find_map(|word| Some((word, base_unit(word)?)));
    if let Some((unit, base)) = found.filter(|(unit, base)| unit != base) {
        add(format!("use base unit {} instead of {}", quote(base), quote(unit)));
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
