//! Queries, and what there is to query.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{HeaderValue, Response as HttpResponse, StatusCode, header};
use serde_json::{Value, json};

use super::super::{Inner, now, reply};
use super::{Answer, Parameters};
use crate::golang::quote;
use crate::model::{Labels, Matcher};
use crate::promql::eval::Options;
use crate::promql::request::{Given, Request, evaluate};
use crate::promql::value::{EvalError, Value as Evaluated};
use crate::promql::{ParseOptions, api, parse, parse_metric_selector, prettify};

/// Steps a query may take: it holds up the clock's work while it runs.
const BUDGET: u64 = 200_000_000;

/// How the server evaluates.
fn options(inner: &Inner) -> Options {
    let stock = || Options::new(crate::promql::Dialect::V3);
    let of_rules = inner.loaded.config.prometheus.as_ref().map(|p| p.context.expansion.options.clone());
    Options { budget: BUDGET, ..of_rules.unwrap_or_else(stock) }
}

fn parse_options(options: &Options) -> ParseOptions {
    ParseOptions { release: options.release, ..ParseOptions::stock(options.dialect) }
}

fn failed(error: &EvalError, options: &Options) -> Answer {
    Answer { status: api::error_status(error), body: api::error_body(error, options.dialect) }
}

pub(super) fn query(inner: &Inner, parameters: &Parameters, range: bool) -> Answer {
    let options = options(inner);
    let given = |name: &str| parameters.get(name).map(|text| Given::Text(text.to_owned()));
    let query = parameters.get("query").unwrap_or("").to_owned();
    // A range whose beginning is missing is still a range, and told so.
    let in_range = |name: &str| range.then(|| given(name).unwrap_or_else(|| Given::Text(String::new())));
    let time = given("time").or_else(|| Some(Given::Seconds(now().secs_f64())));
    let request = Request {
        query,
        time: if range { None } else { time },
        start: in_range("start"),
        end: in_range("end"),
        step: in_range("step"),
    };
    match evaluate(inner.engine.db(), &request, &options) {
        Ok(answer) => Answer { status: 200, body: api::answer_body(&answer, &request.query, options.dialect) },
        Err(e) => failed(&e, &options),
    }
}

pub(super) fn format(inner: &Inner, parameters: &Parameters) -> Answer {
    let options = options(inner);
    match parse(parameters.get("query").unwrap_or(""), &parse_options(&options)) {
        Ok(expr) => Answer::data(&json!(prettify(&expr, options.dialect))),
        Err(e) => Answer::bad_data(&format!("invalid parameter \"query\": {e}")),
    }
}

/// What restricts a listing: selectors, and a span of time in Unix milliseconds.
struct Restriction {
    selectors: Vec<Vec<Matcher>>,
    start: i64,
    end: i64,
}

impl Restriction {
    fn read(inner: &Inner, parameters: &Parameters) -> Result<Self, Answer> {
        let options = options(inner);
        let mut selectors = Vec::new();
        for text in parameters.all("match[]") {
            let read = parse_metric_selector(text, &parse_options(&options));
            selectors.push(read.map_err(|e| Answer::bad_data(&format!("invalid parameter \"match[]\": {e}")))?);
        }
        let time = |name: &str, default: i64| match parameters.get(name) {
            Some(text) => Given::Text(text.to_owned()).time(name).map_err(|e| failed(&e, &options)),
            None => Ok(default),
        };
        Ok(Self { selectors, start: time("start", i64::MIN)?, end: time("end", i64::MAX)? })
    }

    /// The series that any selector selects, of all when there is none, with a sample in the span.
    fn series<'i>(&self, inner: &'i Inner) -> BTreeSet<&'i Labels> {
        let db = inner.engine.db();
        let everything = [Vec::new()];
        let selectors = if self.selectors.is_empty() { &everything[..] } else { &self.selectors[..] };
        let selected = selectors.iter().flat_map(|matchers| db.select(matchers)).map(|r| db.series(r));
        let in_span = |times: &[i64]| {
            let first = times.partition_point(|t| *t < self.start);
            times.get(first).is_some_and(|t| *t <= self.end)
        };
        selected.filter(|s| in_span(s.timestamps())).map(|s| s.labels()).collect()
    }
}

fn labels_json(labels: &Labels) -> Value {
    Value::Object(labels.iter().map(|l| (l.name.to_string(), Value::from(&*l.value))).collect())
}

pub(super) fn series(inner: &Inner, parameters: &Parameters) -> Answer {
    if parameters.all("match[]").next().is_none() {
        return Answer::bad_data("no match[] parameter provided");
    }
    match Restriction::read(inner, parameters) {
        Ok(restriction) => Answer::data(&restriction.series(inner).into_iter().map(labels_json).collect()),
        Err(answer) => answer,
    }
}

pub(super) fn label_names(inner: &Inner, parameters: &Parameters) -> Answer {
    match Restriction::read(inner, parameters) {
        Ok(restriction) => {
            let names: BTreeSet<&str> =
                restriction.series(inner).into_iter().flat_map(|l| l.iter().map(|l| &*l.name)).collect();
            Answer::data(&json!(names))
        }
        Err(answer) => answer,
    }
}

pub(super) fn label_values(inner: &Inner, name: &str, parameters: &Parameters) -> Answer {
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.is_empty();
    if !is_name || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Answer::bad_data(&format!("invalid label name: {}", quote(name)));
    }
    match Restriction::read(inner, parameters) {
        Ok(restriction) => {
            let values: BTreeSet<&str> = restriction.series(inner).into_iter().filter_map(|l| l.get(name)).collect();
            Answer::data(&json!(values))
        }
        Err(answer) => answer,
    }
}

/// A page that shows what an expression gives now: where the links of messages lead.
pub(super) fn page(inner: &Inner, expr: &str) -> HttpResponse<Body> {
    let options = options(inner);
    let time = Some(Given::Seconds(now().secs_f64()));
    let request = Request { query: expr.to_owned(), time, ..Request::default() };
    let row = |labels: &Labels, value: &str| {
        let pairs: Vec<String> = labels.iter().map(|l| format!("{}={}", l.name, quote(&l.value))).collect();
        format!("<tr><td><code>{{{}}}</code></td><td>{}</td></tr>", escape(&pairs.join(", ")), escape(value))
    };
    let result = match evaluate(inner.engine.db(), &request, &options) {
        _ if expr.trim().is_empty() => String::new(),
        Err(e) => format!("<p>{}</p>", escape(&e.message)),
        Ok(answer) => match answer.value {
            Evaluated::Vector(samples) if samples.is_empty() => "<p>no data</p>".to_owned(),
            Evaluated::Vector(samples) => {
                samples.iter().map(|s| row(&s.labels, &super::state::shown_value(&s.value))).collect()
            }
            Evaluated::Scalar { value, .. } => row(&Labels::empty(), &crate::golang::float::format_value(value)),
            Evaluated::String { value, .. } => row(&Labels::empty(), &value),
            Evaluated::Matrix(series) => series.iter().map(|s| row(&s.labels, "a range")).collect(),
        },
    };
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>query</title>\n\
         <style>:root {{ color-scheme: light dark; }} body {{ font: 16px sans-serif; margin: 24px; }} \
         input {{ width: 70%; font: 16px monospace; }} td {{ padding: 2px 16px 2px 0; }}</style>\n\
         <form action=\"/graph\"><input name=\"g0.expr\" value=\"{}\" aria-label=\"expression\"> <button>Execute</button></form>\n\
         <table>{result}</table></html>\n",
        escape(expr)
    );
    let mut response = reply(StatusCode::OK, "text/html; charset=utf-8", html);
    let policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'";
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

fn escape(text: &str) -> String {
    crate::discord::page::escape(text)
}
