//! Running a unit-test file: load, evaluate step by step, compare.

use std::sync::Arc;

use super::file::{AlertCase, Pairs, QueryCase, TestGroup, UnitTestFile};
use super::input::Input;
use super::outcome::{Failure, GroupOutcome, ShownAlert, ShownSample, ShownValue};
use super::timeline::Recorder;
use crate::golang::quote;
use crate::model::{Labels, Time};
use crate::promql::eval::{Options, Prepared};
use crate::promql::signature::Release;
use crate::promql::value::Value;
use crate::promql::{Dialect, ParseOptions, SequenceValue, parse, parse_metric, parse_series_description};
use crate::rules::file::RuleFile;
use crate::rules::{ActiveAlert, AlertState, Expansion, Group, GroupSpec, RuleContext, RuleEvent, RuleKind, SentAlert};
use crate::tsdb::{SampleValue, Tsdb};
use crate::yaml::Duration;

/// Most evaluations of one test.
const MAX_STEPS: i64 = 5_000_000;

/// A rule file with its path.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The path as shown.
    pub path: String,
    /// What it holds.
    pub file: RuleFile,
}

/// How tests are run.
#[derive(Clone, Copy, Debug)]
pub struct RunAs {
    /// The release of promtool.
    pub release: Release,
    /// Whether functions that a stock server refuses may be used.
    pub experimental: bool,
    /// Whether metric names are removed only at the end of a query.
    pub delayed_name_removal: bool,
    /// Whether the states of alerts over time are wanted.
    pub timeline: bool,
}

impl RunAs {
    /// A release as it comes.
    pub fn release(release: Release) -> Self {
        Self { release, experimental: false, delayed_name_removal: false, timeline: false }
    }

    fn dialect(&self) -> Dialect {
        if self.release >= (3, 0) { Dialect::V3 } else { Dialect::V2_42 }
    }
}

/// The rules of the files that a unit-test file names, in order of evaluation.
#[derive(Clone, Debug)]
pub struct RuleSet {
    groups: Vec<Arc<GroupSpec>>,
}

impl RuleSet {
    /// Puts groups in the order that the test file asks for. A file that is named twice counts once.
    pub fn new(tests: &UnitTestFile, files: &[Loaded], run_as: &RunAs) -> Self {
        let interval = tests.evaluation_interval;
        let mut groups: Vec<Arc<GroupSpec>> = Vec::new();
        for (loaded, group) in files.iter().flat_map(|l| l.file.groups.iter().map(move |g| (l, g))) {
            let mut spec = group.spec(&loaded.path, interval, Duration::default(), run_as.dialect());
            // A group's own interval does not count in tests.
            spec.interval_ns = interval.nanos;
            if groups.iter().all(|g| (&g.file, &g.name) != (&spec.file, &spec.name)) {
                groups.push(Arc::new(spec));
            }
        }
        let order = |g: &Arc<GroupSpec>| tests.group_eval_order.iter().position(|n| **n == *g.name);
        // promtool counts a group that is not in the list as if it were the first of it.
        groups.sort_by_key(|g| order(g).unwrap_or(0));
        Self { groups }
    }
}

/// Runs one of the file's tests.
pub fn run(tests: &UnitTestFile, index: usize, rules: &RuleSet, run_as: &RunAs) -> Option<GroupOutcome> {
    let test = tests.tests.get(index)?;
    let notifications = test.notifications.as_ref().map_or(0, |n| n.expected.len());
    let mut outcome = GroupOutcome {
        name: test.name.clone(),
        index,
        span: test.span,
        cases: test.alerts.len() + test.queries.len() + notifications,
        failures: Vec::new(),
        timeline: Vec::new(),
        sent: Vec::new(),
    };
    match Runner::new(tests, test, rules, run_as) {
        Err(failure) => outcome.failures.push(failure),
        Ok(mut runner) => {
            runner.run();
            outcome.failures = runner.failures;
            outcome.timeline = runner.recorder.finish();
            outcome.sent = runner.sent;
        }
    }
    Some(outcome)
}

struct Runner<'a> {
    tests: &'a UnitTestFile,
    test: &'a TestGroup,
    run_as: &'a RunAs,
    context: RuleContext,
    groups: Vec<Group>,
    input: Input,
    db: Tsdb,
    failures: Vec<Failure>,
    recorder: Recorder,
    sent: Vec<(Time, Vec<SentAlert>)>,
}

impl<'a> Runner<'a> {
    fn new(tests: &'a UnitTestFile, test: &'a TestGroup, rules: &RuleSet, run_as: &'a RunAs) -> Result<Self, Failure> {
        let dialect = run_as.dialect();
        let input = Input::read(test, dialect)?;
        if let Some(case) = test.alerts.iter().find(|c| c.alertname.is_empty()) {
            return Err(Failure::NoAlertname { time: case.eval_time.nanos, span: case.span });
        }
        let evaluations = test.end() / tests.evaluation_interval.nanos.max(1);
        if evaluations > MAX_STEPS {
            return Err(Failure::TooLong { evaluations, limit: MAX_STEPS });
        }
        let options = Options {
            default_step: tests.evaluation_interval.millis(),
            delayed_name_removal: run_as.delayed_name_removal,
            release: run_as.release,
            ..Options::small(dialect)
        };
        let expansion = Expansion {
            external_labels: Labels::from_pairs(test.external_labels.iter().map(|(k, v)| (k.as_str(), v.as_str()))),
            external_url: test.external_url.as_str().into(),
            url_for_functions: false,
            options,
        };
        let context = RuleContext { expansion, resend_delay_ns: 60_000_000_000 };
        let groups = rules.groups.iter().map(|spec| Group::new(spec.clone(), &context, true)).collect();
        Ok(Self {
            tests,
            test,
            run_as,
            context,
            groups,
            input,
            db: Tsdb::new(),
            failures: Vec::new(),
            recorder: Recorder::default(),
            sent: Vec::new(),
        })
    }

    fn run(&mut self) {
        let step = self.tests.evaluation_interval.nanos;
        let (start, end) = (Time(self.test.start_ns), self.test.end());
        let mut cases: Vec<&AlertCase> = self.test.alerts.iter().collect();
        cases.sort_by_key(|c| c.eval_time);
        let mut cases = cases.into_iter().peekable();
        let mut since = 0;
        while since <= end {
            let ts = start.plus_nanos(since);
            let refused = self.input.feed(&mut self.db, ts.millis()).err().cloned();
            let evaluates = refused.is_none();
            // promtool says it again at every evaluation; once is enough.
            if !self.failures.iter().any(|f| matches!(f, Failure::Input { .. })) {
                self.failures.extend(refused);
            }
            if evaluates && self.evaluate(ts, since) {
                return;
            }
            // A case is judged at the last evaluation before its time.
            while let Some(case) = cases.next_if(|c| c.eval_time.nanos < since.saturating_add(step)) {
                self.judge_alerts(case);
            }
            let Some(next) = since.checked_add(step) else { break };
            since = next;
        }
        for case in &self.test.queries {
            self.judge_query(case);
        }
    }

    /// Evaluates all groups; whether any rule failed.
    fn evaluate(&mut self, ts: Time, since: i64) -> bool {
        let before = self.failures.len();
        for (g, group) in self.groups.iter_mut().enumerate() {
            let events = group.evaluate(&mut self.db, &self.context, ts);
            let spec = group.spec();
            for event in events {
                match event {
                    RuleEvent::Changed { rule, change } if self.run_as.timeline => {
                        self.recorder.add((g, rule), &spec.rules[rule].name, since, &change);
                    }
                    RuleEvent::Due { alerts, .. } if self.test.notifications.is_some() => self.sent.push((ts, alerts)),
                    _ => {}
                }
            }
            for (i, rule) in spec.rules.iter().enumerate() {
                if let Some(error) = group.last_error(i) {
                    let error = error.to_owned();
                    self.failures.push(Failure::Rule { rule: rule.name.clone(), time: since, error });
                }
            }
        }
        self.failures.len() > before
    }

    fn judge_alerts(&mut self, case: &AlertCase) {
        let asked = |state: AlertState| {
            state == AlertState::Firing
                || (state == AlertState::Pending && case.expected.iter().any(|e| e.state == state))
        };
        let (mut got, mut others) = (Vec::new(), Vec::new());
        for group in &self.groups {
            for (i, rule) in group.spec().rules.iter().enumerate() {
                if !matches!(rule.kind, RuleKind::Alerting(_)) || *rule.name != *case.alertname {
                    continue;
                }
                for alert in group.active(i).filter(|a| a.state != AlertState::Inactive) {
                    let shown = self.shown(group, i, alert);
                    if asked(alert.state) {
                        got.push(shown);
                    } else {
                        others.push((shown, alert.active_at.since(Time(self.test.start_ns))));
                    }
                }
            }
        }
        let mut expected: Vec<ShownAlert> = case
            .expected
            .iter()
            .map(|e| {
                let mut labels = e.labels.clone();
                labels.retain(|(name, _)| &**name != "alertname");
                labels.push(("alertname".into(), case.alertname.as_str().into()));
                ShownAlert { labels: sorted(labels), annotations: sorted(e.annotations.clone()), state: e.state }
            })
            .collect();
        expected.sort();
        got.sort();
        if expected != got {
            self.failures.push(Failure::Alerts {
                alertname: case.alertname.clone(),
                time: case.eval_time.nanos,
                expected,
                got,
                others,
                span: case.span,
            });
        }
    }

    fn shown(&self, group: &Group, rule: usize, alert: &ActiveAlert) -> ShownAlert {
        let annotations = group.annotations(rule, alert, &self.context, &self.db);
        ShownAlert {
            labels: alert.labels.iter().map(|l| (l.name.clone(), l.value.clone())).collect(),
            annotations: annotations.iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
            state: alert.state,
        }
    }

    fn judge_query(&mut self, case: &QueryCase) {
        let (expr, time, span) = (case.expr.clone(), case.eval_time.nanos, case.span);
        match self.answer(case).and_then(|got| Ok((expected_samples(case, self.run_as.dialect())?, got))) {
            Err(error) => self.failures.push(Failure::Query { expr, time, error, span }),
            Ok((mut expected, mut got)) => {
                expected.sort_by(|a, b| a.labels.cmp(&b.labels));
                got.sort_by(|a, b| a.labels.cmp(&b.labels));
                let fuzzy = self.tests.fuzzy_compare;
                let agrees =
                    |(a, b): (&ShownSample, &ShownSample)| a.labels == b.labels && a.value.agrees(&b.value, fuzzy);
                if expected.len() != got.len() || !expected.iter().zip(&got).all(agrees) {
                    self.failures.push(Failure::Samples { expr, time, expected, got, span });
                }
            }
        }
    }

    fn answer(&self, case: &QueryCase) -> Result<Vec<ShownSample>, String> {
        let dialect = self.run_as.dialect();
        let stock =
            if self.run_as.experimental { ParseOptions::experimental(dialect) } else { ParseOptions::stock(dialect) };
        let options = ParseOptions { release: self.run_as.release, ..stock };
        let expr = parse(&case.expr, &options).map_err(|e| e.to_string())?;
        let mut query = Prepared::new(&expr, &self.context.expansion.options);
        let at = Time(self.test.start_ns).plus_nanos(case.eval_time.nanos);
        let answer = query.instant(&self.db, at.millis()).map_err(|e| e.to_string())?;
        match answer.value {
            Value::Scalar { value, .. } => {
                Ok(vec![ShownSample { labels: Labels::empty(), value: ShownValue::Float(value) }])
            }
            Value::Vector(samples) => Ok(samples
                .into_iter()
                .map(|s| {
                    let value = match &s.value {
                        SampleValue::Float(v) => ShownValue::Float(*v),
                        // 2.42 compares the number that stands beside a histogram.
                        SampleValue::Histogram(_) if dialect == Dialect::V2_42 => ShownValue::Float(0.0),
                        SampleValue::Histogram(h) => ShownValue::Histogram(h.to_string()),
                    };
                    ShownSample { labels: s.labels, value }
                })
                .collect()),
            _ => Err("rule result is not a vector or scalar".to_owned()),
        }
    }
}

/// Names in order, the last of equal ones kept.
fn sorted(mut pairs: Pairs) -> Pairs {
    pairs.reverse();
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    pairs.dedup_by(|a, b| a.0 == b.0);
    pairs
}

fn expected_samples(case: &QueryCase, dialect: Dialect) -> Result<Vec<ShownSample>, String> {
    let mut expected = Vec::with_capacity(case.expected.len());
    for sample in &case.expected {
        // The metric may be left out for an empty label set.
        let labels = match sample.labels.as_str() {
            "" => Labels::empty(),
            metric => parse_metric(metric, dialect).map_err(|e| format!("labels {}: {e}", quote(metric)))?,
        };
        let value = match &sample.histogram {
            None => ShownValue::Float(sample.value),
            Some(text) => {
                let read = parse_series_description(&format!("{{}} {text}"), dialect).map_err(|e| e.to_string())?;
                match read.values.as_slice() {
                    [SequenceValue::Histogram { histogram, .. }] => ShownValue::Histogram(histogram.to_string()),
                    _ => return Err(format!("expected 1 histogram, got {}", quote(text))),
                }
            }
        };
        expected.push(ShownSample { labels, value });
    }
    Ok(expected)
}
