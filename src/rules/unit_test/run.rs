//! Running a unit-test file: load, evaluate step by step, compare.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{AlertCase, Pairs, QueryCase, TestGroup, UnitTestFile, dialect_of, failure};
use crate::golang::duration::{format_go_duration, format_prometheus_duration};
use crate::golang::float::{FloatFormat, format_float};
use crate::golang::quote;
use crate::model::{Labels, Time};
use crate::promql::eval::{Options, Prepared};
use crate::promql::signature::Release;
use crate::promql::value::Value;
use crate::promql::{ParseOptions, SequenceValue, SeriesDescription, parse, parse_metric, parse_series_description};
use crate::rules::file::RuleFile;
use crate::rules::{AlertState, Expansion, Group, RuleContext, RuleKind};
use crate::text::Diagnostic;
use crate::tsdb::{SampleValue, Tsdb};
use crate::yaml::Duration;

/// Most evaluations of one test.
const MAX_STEPS: i64 = 2_000_000;

/// A rule file with its path.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The path as shown.
    pub path: String,
    /// What it holds.
    pub file: RuleFile,
}

/// Runs all tests of a file over the rules of the files it names; what failed, in promtool's words.
pub fn run(tests: &UnitTestFile, files: &[Loaded], release: Release) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for test in &tests.tests {
        found.extend(Runner::new(tests, test, files, release).and_then(Runner::run).err().unwrap_or_default());
    }
    found
}

type Failures = Vec<Diagnostic>;

/// A series and how many of its values are in the store.
struct Feed {
    series: SeriesDescription,
    next: usize,
}

struct Runner<'a> {
    tests: &'a UnitTestFile,
    test: &'a TestGroup,
    release: Release,
    context: RuleContext,
    groups: Vec<Group>,
    feeds: Vec<Feed>,
    db: Tsdb,
}

impl<'a> Runner<'a> {
    fn new(tests: &'a UnitTestFile, test: &'a TestGroup, files: &[Loaded], release: Release) -> Result<Self, Failures> {
        let dialect = dialect_of(release);
        let mut feeds: Vec<Feed> = Vec::new();
        for (series, values) in &test.input_series {
            let series = parse_series_description(&format!("{series} {values}"), dialect)
                .map_err(|e| vec![failure(e.to_string())])?;
            // A series that is described twice has the later description.
            feeds.retain(|f| f.series.labels != series.labels);
            feeds.push(Feed { series, next: 0 });
        }
        if test.alerts.iter().any(|c| c.alertname.is_empty()) {
            return Err(vec![failure("an item under alert_rule_test misses required attribute alertname")]);
        }
        let options = Options { default_step: tests.evaluation_interval.millis(), ..Options::small(dialect) };
        let expansion = Expansion {
            external_labels: Labels::from_pairs(test.external_labels.iter().map(|(k, v)| (k.as_str(), v.as_str()))),
            external_url: test.external_url.as_str().into(),
            options,
        };
        let context = RuleContext { expansion, resend_delay_ns: 60_000_000_000 };
        let mut groups: Vec<Group> = files
            .iter()
            .flat_map(|loaded| loaded.file.groups.iter().map(move |g| (loaded, g)))
            .map(|(loaded, g)| g.spec(&loaded.path, test.interval, Duration::default(), dialect))
            .map(|spec| Group::new(Arc::new(spec), &context, true))
            .collect();
        let order = |g: &Group| tests.group_eval_order.iter().position(|n| **n == *g.spec().name).unwrap_or(usize::MAX);
        groups.sort_by_key(order);
        Ok(Self { tests, test, release, context, groups, feeds, db: Tsdb::new() })
    }

    fn run(mut self) -> Result<(), Failures> {
        let mut found = Vec::new();
        let step = self.tests.evaluation_interval.nanos;
        let end = self.test.end();
        if end / step > MAX_STEPS {
            return Err(vec![failure(format!(
                "the test runs for {} evaluations, wanted at most {MAX_STEPS}",
                end / step
            ))]);
        }
        let mut cases: Vec<&AlertCase> = self.test.alerts.iter().collect();
        cases.sort_by_key(|c| c.eval_time);
        let mut cases = cases.into_iter().peekable();
        let mut ts = 0;
        while ts <= end {
            self.feed(ts);
            let failed = self.evaluate(ts);
            if !failed.is_empty() {
                found.extend(failed);
                return Err(found);
            }
            // A case is judged at the last evaluation before its time.
            while let Some(case) = cases.next_if(|c| c.eval_time.nanos < ts.saturating_add(step)) {
                found.extend(self.judge_alerts(case));
            }
            let Some(next) = ts.checked_add(step) else { break };
            ts = next;
        }
        for case in &self.test.queries {
            found.extend(self.judge_query(case));
        }
        if found.is_empty() { Ok(()) } else { Err(found) }
    }

    /// Puts the samples up to `ts` into the store.
    fn feed(&mut self, ts: i64) {
        let step = self.test.interval.millis();
        for feed in &mut self.feeds {
            let r = self.db.series_ref(&feed.series.labels);
            while let Some(value) = feed.series.values.get(feed.next) {
                let t = step.saturating_mul(feed.next as i64);
                if t > ts / 1_000_000 {
                    break;
                }
                // What the store does not take (a rule wrote the same series) is left out.
                let _ = match value {
                    SequenceValue::Omitted => Ok(()),
                    SequenceValue::Float(v) => self.db.append(r, t, *v),
                    SequenceValue::Histogram { histogram, .. } => self.db.append_histogram(r, t, histogram.clone()),
                };
                feed.next += 1;
            }
        }
    }

    fn evaluate(&mut self, ts: i64) -> Failures {
        let mut failed = Vec::new();
        for group in &mut self.groups {
            group.evaluate(&mut self.db, &self.context, Time(ts));
            for (i, rule) in group.spec().rules.iter().enumerate() {
                if let Some(error) = group.last_error(i) {
                    failed.push(failure(format!(
                        "    rule: {}, time: {}, err: {error}",
                        rule.name,
                        format_go_duration(ts)
                    )));
                }
            }
        }
        failed
    }

    fn judge_alerts(&self, case: &AlertCase) -> Option<Diagnostic> {
        let mut got = Vec::new();
        for group in &self.groups {
            for (i, rule) in group.spec().rules.iter().enumerate() {
                let asked = matches!(rule.kind, RuleKind::Alerting(_)) && *rule.name == *case.alertname;
                for alert in group.active(i).filter(|a| asked && a.state == AlertState::Firing) {
                    let annotations = group.annotations(i, alert, &self.context, &self.db);
                    let annotations = Labels::from_pairs(annotations.iter().map(|(k, v)| (k.clone(), v.clone())));
                    got.push((alert.labels.clone(), annotations));
                }
            }
        }
        let labels = |pairs: &Pairs| Labels::from_pairs(pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())));
        let mut expected: Vec<(Labels, Labels)> = case
            .expected
            .iter()
            .map(|(l, a)| {
                let mut l = labels(l).builder();
                l.set("alertname", case.alertname.as_str());
                (l.build(), labels(a))
            })
            .collect();
        expected.sort();
        got.sort();
        if expected == got {
            return None;
        }
        let name = if self.test.name.is_empty() { String::new() } else { format!("    name: {},\n", self.test.name) };
        Some(failure(format!(
            "{name}    alertname: {}, time: {}, \n        exp:{}, \n        got:{}",
            case.alertname,
            format_prometheus_duration(case.eval_time.nanos),
            alerts_text(&expected),
            alerts_text(&got)
        )))
    }

    fn judge_query(&self, case: &QueryCase) -> Option<Diagnostic> {
        let dialect = dialect_of(self.release);
        let fail = |words: String| {
            let time = format_prometheus_duration(case.eval_time.nanos);
            Some(failure(format!("    expr: {}, time: {time}, err: {words}", quote(&case.expr))))
        };
        let mut expected: BTreeMap<Labels, Vec<Shown>> = BTreeMap::new();
        let answer = parse(&case.expr, &ParseOptions { release: self.release, ..ParseOptions::stock(dialect) })
            .map_err(|e| e.to_string())
            .and_then(|expr| {
                let mut query = Prepared::new(&expr, &self.context.expansion.options);
                query.instant(&self.db, case.eval_time.millis()).map_err(|e| e.to_string())
            });
        let answer = match answer {
            Ok(answer) => answer,
            Err(e) => return fail(e),
        };
        let mut got: BTreeMap<Labels, Vec<Shown>> = BTreeMap::new();
        match answer.value {
            Value::Scalar { value, .. } => got.entry(Labels::empty()).or_default().push(Shown::Float(value)),
            Value::Vector(samples) => {
                for s in samples {
                    let shown = match &s.value {
                        SampleValue::Float(v) => Shown::Float(*v),
                        SampleValue::Histogram(h) => Shown::Histogram(h.to_string()),
                    };
                    got.entry(s.labels).or_default().push(shown);
                }
            }
            _ => return fail("rule result is not a vector or scalar".to_owned()),
        }
        for (metric, value, histogram) in &case.expected {
            // The metric may be left out for an empty label set.
            let labels = match if metric.is_empty() { Ok(Labels::empty()) } else { parse_metric(metric, dialect) } {
                Ok(labels) => labels,
                Err(e) => return fail(format!("labels {}: {e}", quote(metric))),
            };
            let shown = match histogram {
                None => Shown::Float(*value),
                Some(text) => match parse_series_description(&format!("{{}} {text}"), dialect).map(|s| s.values) {
                    Ok(values) => match values.as_slice() {
                        [SequenceValue::Histogram { histogram, .. }] => Shown::Histogram(histogram.to_string()),
                        _ => return fail(format!("expected 1 histogram, got {}", quote(text))),
                    },
                    Err(e) => return fail(e.to_string()),
                },
            };
            expected.entry(labels).or_default().push(shown);
        }
        let same = expected.len() == got.len()
            && expected.iter().zip(&got).all(|((a, x), (b, y))| {
                a == b && x.len() == y.len() && x.iter().zip(y).all(|(x, y)| x.agrees(y, self.tests.fuzzy_compare))
            });
        if same {
            return None;
        }
        Some(failure(format!(
            "    expr: {}, time: {},\n        exp: {}\n        got: {}",
            quote(&case.expr),
            format_prometheus_duration(case.eval_time.nanos),
            samples_text(&expected),
            samples_text(&got)
        )))
    }
}

/// A value as compared and shown.
#[derive(Clone, Debug)]
enum Shown {
    Float(f64),
    Histogram(String),
}

impl Shown {
    /// Exactly, so that NaN agrees with nothing; or but for the last places.
    fn agrees(&self, other: &Self, fuzzy: bool) -> bool {
        match (self, other) {
            (Self::Float(a), Self::Float(b)) => a == b || (fuzzy && near(*a, *b)),
            (Self::Histogram(a), Self::Histogram(b)) => a == b,
            _ => false,
        }
    }
}

/// At most 2⁻⁵⁰ apart, measured by the larger one; NaN agrees with NaN.
fn near(a: f64, b: f64) -> bool {
    (a.is_nan() && b.is_nan()) || (a - b).abs() <= f64::EPSILON * 4.0 * a.abs().max(b.abs())
}

fn alerts_text(alerts: &[(Labels, Labels)]) -> String {
    if alerts.is_empty() {
        return "[]".to_owned();
    }
    let one = |(i, (labels, annotations)): (usize, &(Labels, Labels))| {
        format!("            {i}:\n              Labels:{labels}\n              Annotations:{annotations}")
    };
    let all: Vec<String> = alerts.iter().enumerate().map(one).collect();
    format!("[\n{}\n            ]", all.join(",\n"))
}

fn samples_text(samples: &BTreeMap<Labels, Vec<Shown>>) -> String {
    let one = |labels: &Labels, value: &Shown| match value {
        Shown::Float(v) => format!("{labels} {}", format_float(*v, FloatFormat::Exponent, None).replace('e', "E")),
        Shown::Histogram(h) => format!("{labels} {h}"),
    };
    let all: Vec<String> = samples.iter().flat_map(|(l, values)| values.iter().map(move |v| one(l, v))).collect();
    if all.is_empty() { "nil".to_owned() } else { all.join(", ") }
}
