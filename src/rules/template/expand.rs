//! Parsing an alert's template once, and expanding it for each alert.

use std::cell::OnceCell;
use std::sync::Arc;

use super::functions::{Bound, TemplateSample, go_version, labels_value, signature};
use crate::golang::regexp::{Patterns, SearchBudget};
use crate::golang::template::{Functions, Object, Signature, TemplateSet, Value};
use crate::model::Labels;
use crate::promql::Dialect;

/// What Prometheus writes in front of every alert template; error columns count from its beginning.
const DEFINITIONS: &str =
    "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}";

/// What a template can see.
pub struct TemplateData<'a> {
    /// The sample's labels, with the metric's name.
    pub labels: &'a Labels,
    /// The configuration's external labels.
    pub external_labels: &'a Labels,
    /// `$externalURL`
    pub external_url: &'a str,
    /// What the functions `externalURL` and `pathPrefix` know; `promtool test rules` gives them nothing, and they fail.
    pub url_of_functions: Option<&'a str>,
    /// The sample's value.
    pub value: f64,
    /// The evaluation's time in Unix milliseconds.
    pub at_ms: i64,
    /// Runs an instant query at that time; the error is Prometheus' own text.
    pub query: &'a dyn Fn(&str) -> Result<Vec<TemplateSample>, String>,
    /// The data as a template value, made when first needed and shared by the templates of an alert.
    pub dot: OnceCell<Value>,
}

impl TemplateData<'_> {
    fn dot(&self) -> &Value {
        self.dot.get_or_init(|| {
            Value::object(Dot {
                labels: labels_value(self.labels),
                external_labels: labels_value(self.external_labels),
                external_url: Value::str(self.external_url),
                value: self.value,
            })
        })
    }
}

/// The template of a label or annotation, parsed.
#[derive(Clone, Debug)]
pub struct AlertTemplate {
    name: String,
    dialect: Dialect,
    body: Body,
    /// What `match` and `reReplaceAll` have compiled.
    patterns: Arc<Patterns>,
}

#[derive(Clone, Debug)]
enum Body {
    /// A text without actions.
    Literal(String),
    Template(TemplateSet),
}

impl AlertTemplate {
    /// Parses a template of the alert `alert`.
    ///
    /// # Errors
    /// Go's text: `template: __alert_NAME:1: function "x" not defined`.
    pub fn parse(alert: &str, text: &str, dialect: Dialect) -> Result<Self, String> {
        let name = format!("__alert_{alert}");
        let body = if text.contains("{{") {
            let mut set = TemplateSet::new(go_version(dialect), true);
            set.parse(&name, &format!("{DEFINITIONS}{text}"), &Names(dialect)).map_err(|e| e.message)?;
            Body::Template(set)
        } else {
            Body::Literal(text.to_owned())
        };
        Ok(Self { name, dialect, body, patterns: Arc::default() })
    }

    /// Expands the template; what goes wrong becomes the text, as in Prometheus.
    pub fn expand(&self, data: &TemplateData<'_>) -> String {
        self.try_expand(data).unwrap_or_else(|e| format!("<error expanding template: {e}>"))
    }

    /// Expands the template.
    ///
    /// # Errors
    /// `error executing template __alert_NAME: ...`
    pub fn try_expand(&self, data: &TemplateData<'_>) -> Result<String, String> {
        match &self.body {
            Body::Literal(text) => Ok(text.clone()),
            Body::Template(set) => {
                let (dialect, patterns) = (self.dialect, &*self.patterns);
                let functions = Bound { data, dialect, patterns, budget: SearchBudget::default() };
                set.execute(&self.name, data.dot(), &functions)
                    .map_err(|e| format!("error executing template {}: {e}", self.name))
            }
        }
    }
}

/// Checks a template of an alert as loading a rule file does.
///
/// # Errors
/// As [`AlertTemplate::parse`].
pub fn check(alert: &str, text: &str, dialect: Dialect) -> Result<(), String> {
    AlertTemplate::parse(alert, text, dialect).map(|_| ())
}

/// The functions' names, for parsing.
struct Names(Dialect);

impl Functions for Names {
    fn signature(&self, name: &str) -> Option<Signature> {
        signature(name, self.0)
    }

    fn call(&self, name: &str, _: &[Value]) -> Result<Value, String> {
        Err(format!("{name} is called while parsing"))
    }
}

/// The data of an alert template.
struct Dot {
    labels: Value,
    external_labels: Value,
    external_url: Value,
    value: f64,
}

impl Object for Dot {
    fn type_name(&self) -> &'static str {
        "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; Value float64 }"
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        ["Labels", "ExternalLabels", "ExternalURL", "Value"]
            .into_iter()
            .filter_map(|name| Some((name, self.field(name)?)))
            .collect()
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "Labels" => self.labels.clone(),
            "ExternalLabels" => self.external_labels.clone(),
            "ExternalURL" => self.external_url.clone(),
            "Value" => Value::Float(self.value),
            _ => return None,
        })
    }
}
