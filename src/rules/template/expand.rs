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

#[cfg(test)]
mod tests {
    use super::*;

    fn expand_with(dialect: Dialect, text: &str) -> String {
        let template = match AlertTemplate::parse("Hot", text, dialect) {
            Ok(template) => template,
            Err(e) => return format!("refused: {e}"),
        };
        let labels =
            Labels::from_pairs([("__name__", "temp"), ("room", "cellar"), ("instance", "pi.lab.example:9100")]);
        let sample = |room: &str, value| TemplateSample { labels: Labels::from_pairs([("room", room)]), value };
        let query = |text: &str| match text {
            "all" => Ok(vec![sample("b", 2.0), sample("a", 1.0)]),
            "none" => Ok(Vec::new()),
            _ => Err("no such data".to_owned()),
        };
        template.expand(&TemplateData {
            labels: &labels,
            external_labels: &Labels::from_pairs([("site", "lab")]),
            external_url: "http://p.example/prom",
            url_of_functions: Some("http://p.example/prom"),
            value: 41.123_456,
            at_ms: 90_500,
            query: &query,
            dot: OnceCell::new(),
        })
    }

    fn expand(text: &str) -> String {
        expand_with(Dialect::V2_42, text)
    }

    #[test]
    fn templates_see_labels_value_and_queries() {
        for (text, wanted) in [
            ("no action", "no action"),
            ("{{ $labels.room }} is {{ $value | printf \"%.1f\" }}", "cellar is 41.1"),
            ("{{ .Labels.nope }}|{{ $externalLabels.site }}|{{ $externalURL }}", "|lab|http://p.example/prom"),
            ("{{ externalURL }} {{ pathPrefix }}", "http://p.example/prom /prom"),
            ("{{ $labels.instance | stripPort | stripDomain }}", "pi"),
            ("{{ range query \"all\" | sortByLabel \"room\" }}{{ .Labels.room }}={{ .Value }} {{ end }}", "a=1 b=2 "),
            ("{{ with query \"none\" }}some{{ else }}none{{ end }}", "none"),
            ("{{ query \"all\" | first | label \"room\" }}", "b"),
            ("{{ humanizePercentage 0.5 }} {{ humanizeDuration 90 }} {{ 1234567.0 | humanize }}", "50% 1m 30s 1.235M"),
            (
                "{{ reReplaceAll \"(.*):.*\" \"$1\" $labels.instance }} {{ match \"^c\" $labels.room }}",
                "pi.lab.example true",
            ),
            ("{{ (toTime 90.5).Format \"15:04:05.0\" }} {{ toTime 0 }}", "00:01:30.5 1970-01-01 00:00:00 +0000 UTC"),
            ("{{ title \"it's hot\" }} {{ tableLink \"a > 1\" }}", "It'S Hot /graph?g0.expr=a+%3E+1&g0.tab=1"),
            ("{{ parseDuration \"1h\" }} {{ args 1 \"b\" }}", "3600 map[arg0:1 arg1:b]"),
        ] {
            assert_eq!(expand(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_goes_wrong_becomes_the_text() {
        let failed = |column: usize, at: &str, what: &str| {
            format!(
                "<error expanding template: error executing template __alert_Hot: template: __alert_Hot:1:{column}: \
                 executing \"__alert_Hot\" at <{at}>: {what}>"
            )
        };
        for (text, column, at, what) in [
            ("{{ query \"x\" }}", 115, "query \"x\"", "error calling query: no such data"),
            ("ok {{ gt 1 $value }}", 118, "gt 1 $value", "error calling gt: incompatible types for comparison"),
            (
                "{{ humanize \"a\" }}",
                115,
                "humanize \"a\"",
                "error calling humanize: strconv.ParseFloat: parsing \"a\": invalid syntax",
            ),
            ("{{ toUpper $value }}", 123, "$value", "wrong type for value; expected string; got float64"),
            (
                "{{ safeHtml \"a\" | toUpper }}",
                130,
                "toUpper",
                "wrong type for value; expected string; got template.HTML",
            ),
            ("{{ first nil }}", 115, "first nil", "error calling first: first() called on vector with no elements"),
            (
                "{{ value nil }}",
                115,
                "value nil",
                "error calling value: runtime error: invalid memory address or nil pointer dereference",
            ),
            (
                "{{ first (args).x }}",
                122,
                "args",
                "wrong type for value; expected template.queryResult; got interface {}",
            ),
            ("{{ (toTime 0).Zone }}", 123, "0", "can't call method/function \"Zone\" with 2 results"),
            ("{{ (toTime 0).Nope }}", 123, "0", "can't evaluate field Nope in type *time.Time"),
        ] {
            assert_eq!(expand(text), failed(column, at, what), "{text}");
        }
        assert_eq!(expand("{{ nope }}"), "refused: template: __alert_Hot:1: function \"nope\" not defined");
        assert!(check("Hot", "{{ $labels.room", Dialect::V3).is_err_and(|e| e.ends_with("unclosed action")));
    }

    #[test]
    fn dialects_know_different_functions() {
        assert!(expand("{{ now }}").starts_with("refused"));
        assert_eq!(
            expand_with(Dialect::V3, "{{ now }} {{ toDuration 90 }} {{ urlQueryEscape \"a b\" }}"),
            "90.5 1m30s a+b"
        );
        assert_eq!(expand_with(Dialect::V3, "{{ title \"it's hot\" }} {{ parseDuration \"-1m\" }}"), "It's Hot -60");
        let since = "{{ (toTime 90).Sub (toTime 5) | humanizeDuration }}";
        assert!(expand(since).ends_with("can't convert time.Duration to float>"));
        assert_eq!(expand_with(Dialect::V3, since), "1m 25s");
        assert!(expand("{{ match \"(?<n>a)\" \"a\" }}").contains("invalid or unsupported Perl syntax"));
        assert_eq!(expand_with(Dialect::V3, "{{ match \"(?<n>a)\" \"a\" }}"), "true");
    }

    #[test]
    fn patterns_in_loops_are_paid_for() {
        let costly = "{{ define \"c\" }}".to_owned()
            + &(0..200).map(|i| format!("{{{{ match `\\pL{{120}}{i}` $ }}}}")).collect::<String>()
            + "{{ end }}{{ template \"c\" (printf \"%100000d\" 1) }}";
        assert!(expand(&costly).contains("regular expressions take too many steps"));
    }
}
