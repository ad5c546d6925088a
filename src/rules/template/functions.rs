//! The functions that Prometheus adds to Go's own.

use std::sync::Arc;

use super::expand::TemplateData;
use super::humanize::{
    float_to_time, humanize, humanize_1024, humanize_duration, humanize_percentage, humanize_timestamp,
};
use super::links::{graph_link, path_of, strip_domain, strip_port, table_link};
use crate::golang::GoVersion;
use crate::golang::duration::{parse_prometheus_duration, parse_signed_prometheus_duration};
use crate::golang::float::parse_float;
use crate::golang::letter_case::{title_case, title_words, to_lower, to_upper};
use crate::golang::regexp::{Patterns, Regexp, RegexpError, SearchBudget};
use crate::golang::template::{Functions, Object, Signature, Type, Value, query_escape};
use crate::model::Labels;
use crate::promql::Dialect;

/// The longest text a function makes, in bytes.
const MAX_TEXT: usize = 4 << 20;

/// One element of a query's result, as a template sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct TemplateSample {
    /// The labels, with the metric's name.
    pub labels: Labels,
    /// The value.
    pub value: f64,
}

const SAMPLE: Type = Type::Named("*template.sample");
const RESULT: Type = Type::NamedSlice("template.queryResult");
/// What Go says when a function follows a pointer that is nil.
const NIL_POINTER: &str = "runtime error: invalid memory address or nil pointer dereference";

/// The functions' signatures: what is there depends on the dialect alone.
pub(super) fn signature(name: &str, dialect: Dialect) -> Option<Signature> {
    let newer = matches!(name, "toDuration" | "now" | "urlQueryEscape");
    if newer && dialect == Dialect::V2_42 {
        return None;
    }
    Some(match name {
        "query" | "safeHtml" | "title" | "toUpper" | "toLower" | "graphLink" | "tableLink" | "stripPort"
        | "stripDomain" | "parseDuration" | "urlQueryEscape" => Signature::fixed(&[Type::Str]),
        "first" => Signature::fixed(&[RESULT]),
        "label" => Signature::fixed(&[Type::Str, SAMPLE]),
        "value" | "strvalue" => Signature::fixed(&[SAMPLE]),
        "args" => Signature::variadic(&[], Type::Any),
        "reReplaceAll" => Signature::fixed(&[Type::Str, Type::Str, Type::Str]),
        "match" => Signature::fixed(&[Type::Str, Type::Str]),
        "sortByLabel" => Signature::fixed(&[Type::Str, RESULT]),
        "humanize" | "humanize1024" | "humanizeDuration" | "humanizePercentage" | "humanizeTimestamp" | "toTime"
        | "toDuration" => Signature::fixed(&[Type::Any]),
        "pathPrefix" | "externalURL" | "now" => Signature::fixed(&[]),
        _ => return None,
    })
}

/// The functions bound to one expansion.
pub(super) struct Bound<'a> {
    pub(super) data: &'a TemplateData<'a>,
    pub(super) dialect: Dialect,
    pub(super) patterns: &'a Patterns,
    pub(super) budget: SearchBudget,
}

/// The Go that builds a dialect's Prometheus.
pub(super) fn go_version(dialect: Dialect) -> GoVersion {
    match dialect {
        Dialect::V2_42 => GoVersion::V1_19,
        Dialect::V3 => GoVersion::Current,
    }
}

impl Bound<'_> {
    fn regexp(&self, pattern: &str, text: &str, refused: impl FnOnce(RegexpError) -> String) -> Result<Regexp, String> {
        self.patterns.for_search(pattern, go_version(self.dialect), text, &self.budget, refused)
    }
}

impl Functions for Bound<'_> {
    fn signature(&self, name: &str) -> Option<Signature> {
        signature(name, self.dialect)
    }

    fn call(&self, name: &str, args: &[Value]) -> Result<Value, String> {
        let text = |i: usize| args.get(i).and_then(Value::as_str).unwrap_or("");
        let number = || to_float(args.first().unwrap_or(&Value::Nil), self.dialect);
        let string = |s: String| Ok(Value::from(s));
        match name {
            "query" => {
                let samples = (self.data.query)(text(0))?;
                Ok(result(samples.into_iter().map(|s| Value::object(Sample(s))).collect()))
            }
            "first" => match args[0].plain() {
                Value::List(list) => list.items.first().cloned(),
                _ => None,
            }
            .ok_or_else(|| "first() called on vector with no elements".to_owned()),
            "label" if matches!(args[1], Value::Nil) => Err(NIL_POINTER.to_owned()),
            "value" | "strvalue" if matches!(args[0], Value::Nil) => Err(NIL_POINTER.to_owned()),
            "label" => Ok(label(&args[1], text(0))),
            "value" => Ok(field(&args[0], "Value")),
            "strvalue" => Ok(label(&args[0], "__value__")),
            "args" => {
                let entries = args.iter().enumerate().map(|(i, v)| (format!("arg{i}").into(), v.clone()));
                Ok(Value::map(&Type::Any, entries.collect()))
            }
            "reReplaceAll" => {
                let pattern = text(0);
                let regexp =
                    self.regexp(pattern, text(2), |e| format!("regexp: Compile({}): {e}", backquoted(pattern)))?;
                let replaced = regexp.replace_all_within(text(2), text(1), MAX_TEXT);
                replaced.map_or_else(|| Err(format!("text longer than {MAX_TEXT} bytes")), string)
            }
            "match" => {
                let regexp = self.regexp(text(0), text(1), |e| e.to_string())?;
                Ok(Value::Bool(regexp.is_match(text(1))))
            }
            "safeHtml" => Ok(Value::object(Html(text(0).into()))),
            "title" if self.dialect == Dialect::V2_42 => string(title_words(text(0))),
            "title" => string(title_case(text(0), true)),
            "toUpper" => string(to_upper(text(0))),
            "toLower" => string(to_lower(text(0))),
            "graphLink" => string(graph_link(text(0))),
            "tableLink" => string(table_link(text(0))),
            "sortByLabel" => {
                let mut items = items(&args[1]);
                let key = |v: &Value| label(v, text(0)).as_str().unwrap_or("").to_owned();
                items.sort_by_cached_key(key);
                Ok(result(items))
            }
            "stripPort" => Ok(Value::str(strip_port(text(0)))),
            "stripDomain" => string(strip_domain(text(0))),
            "humanize" => string(humanize(number()?)),
            "humanize1024" => string(humanize_1024(number()?)),
            "humanizeDuration" => string(humanize_duration(number()?)),
            "humanizePercentage" => string(humanize_percentage(number()?)),
            "humanizeTimestamp" => string(humanize_timestamp(number()?)?),
            "toTime" => match float_to_time(number()?)? {
                Some(time) => Ok(Value::object(Pointer { ty: "*time.Time", target: Value::from(time) })),
                None => Err("value is NaN or Inf".to_owned()),
            },
            "toDuration" => {
                let target = Value::Duration((number()? * 1e9) as i64);
                Ok(Value::object(Pointer { ty: "*time.Duration", target }))
            }
            "now" => Ok(Value::Float(self.data.at_ms as f64 / 1000.0)),
            "urlQueryEscape" => string(query_escape(text(0))),
            "parseDuration" => {
                let parse = match self.dialect {
                    Dialect::V2_42 => parse_prometheus_duration,
                    Dialect::V3 => parse_signed_prometheus_duration,
                };
                parse(text(0)).map(|ns| Value::Float(ns as f64 / 1e9))
            }
            "externalURL" | "pathPrefix" => {
                let url = self.data.url_of_functions.ok_or(NIL_POINTER)?;
                Ok(Value::str(if name == "externalURL" { url } else { path_of(url) }))
            }
            _ => Err(format!("no function {name}")),
        }
    }
}

/// Go's `%#q` of a pattern: back quotes unless the text holds some.
fn backquoted(s: &str) -> String {
    if s.contains('`') { crate::golang::quote(s) } else { format!("`{s}`") }
}

/// Prometheus' `convertToFloat`.
fn to_float(v: &Value, dialect: Dialect) -> Result<f64, String> {
    match v {
        Value::Float(f) => Ok(*f),
        Value::Int(i) | Value::Int64(i) => Ok(*i as f64),
        Value::Duration(ns) if dialect == Dialect::V3 => Ok(*ns as f64 / 1e9),
        Value::Str(s) => parse_float(s).map_err(|e| e.message(s)),
        other => Err(format!("can't convert {} to float", other.type_name())),
    }
}

fn result(items: Vec<Value>) -> Value {
    Value::object(QueryResult(Value::list(&SAMPLE, items)))
}

fn items(v: &Value) -> Vec<Value> {
    match v.plain() {
        Value::List(list) => list.items.clone(),
        _ => Vec::new(),
    }
}

fn field(v: &Value, name: &str) -> Value {
    match v {
        Value::Object(o) => o.field(name).unwrap_or(Value::Nil),
        _ => Value::Nil,
    }
}

fn label(v: &Value, name: &str) -> Value {
    match field(v, "Labels") {
        Value::Map(map) => map.get(name).cloned().unwrap_or_else(|| Value::str("")),
        _ => Value::str(""),
    }
}

/// `template.queryResult`; it holds the plain slice.
struct QueryResult(Value);

impl Object for QueryResult {
    fn type_name(&self) -> &'static str {
        "template.queryResult"
    }

    fn underlying(&self) -> Option<Value> {
        Some(self.0.clone())
    }
}

/// `*template.sample`
struct Sample(TemplateSample);

impl Object for Sample {
    fn type_name(&self) -> &'static str {
        "*template.sample"
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![("Labels", labels_value(&self.0.labels)), ("Value", Value::Float(self.0.value))]
    }
}

/// A label set as a `map[string]string`.
pub(super) fn labels_value(labels: &Labels) -> Value {
    let pairs = labels.iter().map(|l| (Arc::clone(&l.name), Value::Str(Arc::clone(&l.value))));
    Value::map(&Type::Str, pairs.collect())
}

/// A pointer to a time or duration.
struct Pointer {
    ty: &'static str,
    target: Value,
}

impl Object for Pointer {
    fn type_name(&self) -> &'static str {
        self.ty
    }

    fn underlying(&self) -> Option<Value> {
        Some(self.target.clone())
    }
}

/// `template.HTML`, a string that is not a `string`.
struct Html(Arc<str>);

impl Object for Html {
    fn type_name(&self) -> &'static str {
        "template.HTML"
    }

    fn underlying(&self) -> Option<Value> {
        Some(Value::Str(Arc::clone(&self.0)))
    }
}
