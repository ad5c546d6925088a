//! Unit-test files as written: every field of promtool's, and what labkit adds.

use std::sync::Arc;

use crate::promql::signature::Release;
use crate::rules::AlertState;
use crate::text::{Diagnostic, SourceText, Span};
use crate::yaml::{self, Decoder, Duration, GoYaml, Mapping, Node, Spanned};

/// A unit-test file.
#[derive(Clone, Debug, Default)]
pub struct UnitTestFile {
    /// `rule_files`: paths and patterns relative to the folder of this file.
    pub rule_files: Vec<Spanned<String>>,
    /// `evaluation_interval`, 1 m by default.
    pub evaluation_interval: Duration,
    /// `group_eval_order`
    pub group_eval_order: Vec<String>,
    /// `fuzzy_compare` (since 3.5): floats agree when they differ in the last place only.
    pub fuzzy_compare: bool,
    /// `tests`
    pub tests: Vec<TestGroup>,
}

/// One of `tests`.
#[derive(Clone, Debug)]
pub struct TestGroup {
    /// `name`
    pub name: String,
    /// `interval`: the time between values of the series.
    pub interval: Duration,
    /// `start_timestamp` (3.x) in nanoseconds of Unix time: where its time begins.
    pub start_ns: i64,
    /// `input_series`
    pub input_series: Vec<InputSeries>,
    /// `alert_rule_test`
    pub alerts: Vec<AlertCase>,
    /// `promql_expr_test`
    pub queries: Vec<QueryCase>,
    /// `external_labels`
    pub external_labels: Vec<(String, String)>,
    /// `external_url`
    pub external_url: String,
    /// `notification_test`, which promtool does not know.
    pub notifications: Option<NotificationCase>,
    /// The place of its first key.
    pub span: Span,
}

/// A series and its values in the notation of tests.
#[derive(Clone, Debug)]
pub struct InputSeries {
    /// `series`
    pub series: String,
    /// `values`
    pub values: String,
    /// The place of its first key.
    pub span: Span,
}

/// Which alerts of a name fire at a moment.
#[derive(Clone, Debug)]
pub struct AlertCase {
    /// `eval_time`, from the group's start.
    pub eval_time: Duration,
    /// `alertname`
    pub alertname: String,
    /// `exp_alerts`
    pub expected: Vec<ExpectedAlert>,
    /// The place of its first key.
    pub span: Span,
}

/// An alert as expected.
#[derive(Clone, Debug)]
pub struct ExpectedAlert {
    /// `state`: firing unless it says pending, which promtool does not know.
    pub state: AlertState,
    /// `exp_labels`, without the alert's name.
    pub labels: Pairs,
    /// `exp_annotations`
    pub annotations: Pairs,
}

/// Names and values.
pub type Pairs = Vec<(Arc<str>, Arc<str>)>;

/// What a query answers at a moment.
#[derive(Clone, Debug)]
pub struct QueryCase {
    /// `expr`
    pub expr: String,
    /// `eval_time`, from the group's start.
    pub eval_time: Duration,
    /// `exp_samples`
    pub expected: Vec<ExpectedSample>,
    /// The place of its first key.
    pub span: Span,
}

/// A sample as expected.
#[derive(Clone, Debug)]
pub struct ExpectedSample {
    /// `labels`: a metric as it is written.
    pub labels: String,
    /// `value`
    pub value: f64,
    /// `histogram` (3.x)
    pub histogram: Option<String>,
}

/// `notification_test`: the group's alerts through an Alertmanager.
#[derive(Clone, Debug)]
pub struct NotificationCase {
    /// `alertmanager_config`: a path relative to the folder of this file.
    pub config: Spanned<String>,
    /// `alertmanager_version`
    pub version: Option<Spanned<String>>,
    /// `until`: how long time runs; without it up to the last moment that any case asks about.
    pub until: Option<Duration>,
    /// `exp_notifications`
    pub expected: Vec<ExpectedNotification>,
}

/// A notification as expected; what is not given may be anything.
#[derive(Clone, Debug)]
pub struct ExpectedNotification {
    /// `receiver`
    pub receiver: Option<String>,
    /// `status`: `firing` or `resolved`.
    pub status: Option<String>,
    /// `title_contains`
    pub title_contains: Option<String>,
    /// `body_contains`
    pub body_contains: Option<String>,
    /// `after`: not sent before, from the group's start.
    pub after: Duration,
    /// `before`: not sent later, from the group's start.
    pub before: Option<Duration>,
    /// `count`: how many such are sent; without it at least one.
    pub count: Option<i64>,
    /// The place of its first key.
    pub span: Span,
}

const TOP_HINTS: &[(&str, &str)] = &[
    ("rule_file", "write `rule_files:` and a list"),
    ("interval", "move it into an item of `tests:`, or write `evaluation_interval`"),
    ("input_series", "move it into an item of `tests:`"),
    ("alert_rule_test", "move it into an item of `tests:`"),
    ("promql_expr_test", "move it into an item of `tests:`"),
    ("groups", "put rules into a file of their own and name it under `rule_files:`"),
    ("test", "write `tests`"),
];

const ALERT_HINTS: &[(&str, &str)] = &[
    ("labels", "write `exp_labels`"),
    ("annotations", "write `exp_annotations`"),
    ("alertname", "move it beside `eval_time`"),
];

/// Reads a unit-test file.
pub fn read(source: &SourceText, release: Release) -> (Option<UnitTestFile>, Vec<Diagnostic>) {
    let root = match yaml::parse(source) {
        Ok(root) => root,
        Err(e) => return (None, vec![*e]),
    };
    let d = Decoder::new(source, GoYaml::V2);
    let minute = Duration::from_secs(60);
    let file = match root.filter(|n| !n.is_null()) {
        None => Some(UnitTestFile { evaluation_interval: minute, ..UnitTestFile::default() }),
        Some(root) => d.mapping(&root, "main.unitTestFile").map(|m| {
            m.hints(TOP_HINTS);
            let interval = m.duration("evaluation_interval").map(|d| d.value).filter(|d| d.nanos > 0).unwrap_or(minute);
            let file = UnitTestFile {
                rule_files: m.strings("rule_files"),
                evaluation_interval: interval,
                group_eval_order: m.strings("group_eval_order").into_iter().map(|s| s.value).collect(),
                fuzzy_compare: known(&m, "fuzzy_compare", (3, 5), release) && m.bool("fuzzy_compare").unwrap_or(false),
                tests: m.list("tests", "[]main.testGroup", |d, n| test_group(d, n, interval, release)),
            };
            for (i, name) in file.group_eval_order.iter().enumerate() {
                if file.group_eval_order[..i].contains(name) {
                    d.error(m.key_span("group_eval_order"), format!("group name repeated in evaluation order: {name}"));
                }
            }
            m.finish();
            file
        }),
    };
    (file, d.into_diagnostics())
}

/// Whether a release knows a field; says so when it is written and not known.
fn known(m: &Mapping<'_>, name: &'static str, since: Release, release: Release) -> bool {
    if since > release {
        m.too_new(name, format!("remove it, or test with Prometheus {}.{} or later", since.0, since.1));
    }
    since <= release
}

fn text(m: &Mapping<'_>, name: &'static str) -> String {
    m.string(name).map_or_else(String::new, |s| s.value)
}

fn optional(m: &Mapping<'_>, name: &'static str) -> Option<String> {
    m.string(name).map(|s| s.value)
}

fn time(m: &Mapping<'_>, name: &'static str) -> Duration {
    m.duration(name).map_or(Duration::default(), |d| d.value)
}

fn pairs(m: &Mapping<'_>, name: &'static str) -> Pairs {
    m.string_map(name).into_iter().map(|(k, v)| (k.value.into(), v.value.into())).collect()
}

fn test_group(d: &Decoder, node: &Node, evaluation: Duration, release: Release) -> Option<TestGroup> {
    let m = d.mapping(node, "main.testGroup")?;
    let interval = m.duration("interval").map(|d| d.value).filter(|i| i.nanos > 0);
    let default = if release >= (3, 0) { evaluation } else { Duration::default() };
    let start = if known(&m, "start_timestamp", (3, 7), release) { m.with("start_timestamp", start) } else { None };
    let external = m.string_map("external_labels").into_iter().map(|(k, v)| (k.value, v.value)).collect();
    let group = TestGroup {
        name: text(&m, "name"),
        interval: interval.unwrap_or(default),
        start_ns: start.unwrap_or(0),
        input_series: m.list("input_series", "[]main.series", |d, n| {
            let s = d.mapping(n, "main.series")?;
            let series = InputSeries { series: text(&s, "series"), values: text(&s, "values"), span: s.start_span() };
            s.finish();
            Some(series)
        }),
        alerts: m.list("alert_rule_test", "[]main.alertTestCase", alert_case),
        queries: m.list("promql_expr_test", "[]main.promqlTestCase", |d, n| query_case(d, n, release)),
        external_labels: external,
        external_url: text(&m, "external_url"),
        notifications: m.with("notification_test", notification_case),
        span: m.start_span(),
    };
    m.finish();
    Some(group)
}

/// Unix seconds, or RFC 3339.
fn start(d: &Decoder, node: &Node) -> Option<i64> {
    let text = d.string(node)?;
    let seconds = text.value.parse::<f64>().ok().filter(|s| s.abs() < 9e9).map(|s| (s * 1e9).round() as i64);
    let moment = || text.value.parse::<jiff::Timestamp>().ok().and_then(|t| i64::try_from(t.as_nanosecond()).ok());
    let found = seconds.or_else(moment);
    if found.is_none() {
        let message = format!("observed `{}`, wanted Unix seconds or a time such as 2026-01-01T00:00:00Z", text.value);
        d.report(text.span, message, None, None);
    }
    found
}

fn alert_case(d: &Decoder, node: &Node) -> Option<AlertCase> {
    let m = d.mapping(node, "main.alertTestCase")?;
    let case = AlertCase {
        eval_time: time(&m, "eval_time"),
        alertname: text(&m, "alertname"),
        expected: m.list("exp_alerts", "[]main.alert", |d, n| {
            let a = d.mapping(n, "main.alert")?;
            a.hints(ALERT_HINTS);
            let alert = ExpectedAlert {
                state: a.with("state", state).unwrap_or(AlertState::Firing),
                labels: pairs(&a, "exp_labels"),
                annotations: pairs(&a, "exp_annotations"),
            };
            a.finish();
            Some(alert)
        }),
        span: m.start_span(),
    };
    m.finish();
    Some(case)
}

fn state(d: &Decoder, node: &Node) -> Option<AlertState> {
    one_of(d, node, &[("firing", AlertState::Firing), ("pending", AlertState::Pending)])
}

fn one_of<T: Copy>(d: &Decoder, node: &Node, known: &[(&str, T)]) -> Option<T> {
    let text = d.string(node)?;
    let found = known.iter().find(|(word, _)| *word == text.value).map(|(_, value)| *value);
    if found.is_none() {
        let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        d.report(text.span, format!("observed `{}`, wanted {}", text.value, words.join(" or ")), None, None);
    }
    found
}

fn query_case(d: &Decoder, node: &Node, release: Release) -> Option<QueryCase> {
    let m = d.mapping(node, "main.promqlTestCase")?;
    let case = QueryCase {
        expr: text(&m, "expr"),
        eval_time: time(&m, "eval_time"),
        expected: m.list("exp_samples", "[]main.sample", |d, n| {
            let s = d.mapping(n, "main.sample")?;
            let sample = ExpectedSample {
                labels: text(&s, "labels"),
                value: s.float("value").map_or(0.0, |v| v.value),
                histogram: if known(&s, "histogram", (2, 46), release) { optional(&s, "histogram") } else { None },
            };
            s.finish();
            Some(sample)
        }),
        span: m.start_span(),
    };
    m.finish();
    Some(case)
}

fn notification_case(d: &Decoder, node: &Node) -> Option<NotificationCase> {
    let m = d.mapping(node, "notificationTest")?;
    let config = m.string("alertmanager_config");
    if config.is_none() && !d.failed() {
        d.report(m.start_span(), "`alertmanager_config` is missing", None, Some("name an alertmanager.yml".to_owned()));
    }
    let case = config.map(|config| NotificationCase {
        config,
        version: m.string("alertmanager_version"),
        until: m.duration("until").map(|d| d.value),
        expected: m.list("exp_notifications", "[]notification", |d, n| {
            let e = d.mapping(n, "notification")?;
            let words = &[("firing", "firing"), ("resolved", "resolved")];
            let expected = ExpectedNotification {
                receiver: optional(&e, "receiver"),
                status: e.with("status", |d, n| one_of(d, n, words)).map(str::to_owned),
                title_contains: optional(&e, "title_contains"),
                body_contains: optional(&e, "body_contains"),
                after: time(&e, "after"),
                before: e.duration("before").map(|d| d.value),
                count: e.int("count").map(|c| c.value),
                span: e.start_span(),
            };
            e.finish();
            Some(expected)
        }),
    });
    // What is inside is not looked at without a configuration.
    if case.is_some() {
        m.finish();
    }
    case
}

impl TestGroup {
    /// The last moment that any case of promtool's asks about, in nanoseconds from the start.
    pub(super) fn last_case(&self) -> i64 {
        let alerts = self.alerts.iter().map(|c| c.eval_time.nanos);
        alerts.chain(self.queries.iter().map(|c| c.eval_time.nanos)).max().unwrap_or(0)
    }

    /// How long its time runs, in nanoseconds: up to the last case, or for notifications.
    pub fn end(&self) -> i64 {
        let notifications = self.notifications.as_ref().map_or(0, |n| match n.until {
            Some(until) => until.nanos,
            None => n.expected.iter().map(|e| e.before.unwrap_or(e.after).nanos).max().unwrap_or(0),
        });
        self.last_case().max(notifications)
    }
}
