//! The series a panel draws, one simulated series per visible query, each with the field settings that apply to it.
//!
//! Defaults first, then overrides in order. A matcher that needs live data is not applied and noted.

use serde_json::{Map, Value, json};

use super::Standing;
use super::dashboard::{Dashboard, Panel, list, text};
use super::datasource::{DataSources, Meaning};
use super::query::{Shows, constant, shows};
use crate::golang::regexp::Regexp;

/// How often one panel may borrow the queries of another.
const BORROWED: usize = 4;

/// A series.
#[derive(Clone, Debug)]
pub struct Series {
    /// The query's letter.
    pub ref_id: String,
    /// The query with its variables filled in.
    pub query: String,
    /// What it shows of the metric.
    pub shows: Shows,
    /// Its value, when it has the same one for ever.
    pub constant: Option<f64>,
    /// Names Grafana may give it; the surest first.
    pub names: Names,
    /// Its field settings.
    pub config: Value,
    /// Overrides that could not be judged without data.
    pub notes: Vec<String>,
}

/// Names a series may have.
#[derive(Clone, Debug, Default)]
pub struct Names {
    exact: Vec<String>,
    /// A legend with placeholders.
    pattern: Option<Regexp>,
    /// The metric whose full label text counts too.
    metric: Option<String>,
}

/// The queries a panel really runs: its own, or those of the panel it borrows from.
pub fn targets<'a>(panel: &'a Panel, dashboard: &'a Dashboard, sources: &DataSources) -> Vec<(&'a Value, Value)> {
    let mut panel = panel;
    for _ in 0..BORROWED {
        let own = panel.model.get("datasource").cloned().unwrap_or_default();
        let list = list(&panel.model, "targets");
        let borrowed = matches!(sources.meaning(&own, dashboard), Meaning::OtherPanel)
            || list.iter().any(|t| {
                t.get("datasource").is_some_and(|d| matches!(sources.meaning(d, dashboard), Meaning::OtherPanel))
            });
        if !borrowed {
            return list
                .iter()
                .filter(|t| t.get("hide") != Some(&Value::Bool(true)))
                .map(|t| (t, t.get("datasource").filter(|d| !d.is_null()).cloned().unwrap_or_else(|| own.clone())))
                .collect();
        }
        let from = list.iter().find_map(|t| t.get("panelId").and_then(Value::as_i64));
        match dashboard.panels.iter().find(|p| p.id.is_some() && p.id == from) {
            Some(other) => panel = other,
            None => return Vec::new(),
        }
    }
    Vec::new()
}

/// The series of a panel, in drawing order.
pub fn series(panel: &Panel, dashboard: &Dashboard, sources: &DataSources, metric: &str) -> Vec<Series> {
    let field_config = panel.model.get("fieldConfig").cloned().unwrap_or_default();
    targets(panel, dashboard, sources)
        .into_iter()
        .map(|(target, source)| {
            let ref_id = text(target, "refId").unwrap_or_default().to_owned();
            let (query, shows) = judge_target(target, &source, dashboard, sources, metric);
            let names = Names::of(target, &query, &shows, metric, dashboard);
            let constant = constant(&query);
            let mut series = Series { ref_id, query, shows, constant, names, config: Value::Null, notes: Vec::new() };
            series.configure(&field_config);
            series
        })
        .collect()
}

fn judge_target(
    target: &Value,
    source: &Value,
    dashboard: &Dashboard,
    sources: &DataSources,
    metric: &str,
) -> (String, Shows) {
    let fail = |why: String| Shows { standing: Standing::Fail, why };
    let query = dashboard.interpolate(text(target, "expr").unwrap_or_default());
    match sources.meaning(source, dashboard) {
        Meaning::Prometheus(_) => {
            let shown = shows(&query, metric);
            (query, shown)
        }
        Meaning::Expression => {
            // Math over other queries, read as PromQL with the letters as metrics.
            let math: String = text(target, "expression").unwrap_or_default().replace(['$', '{', '}'], "");
            (math, fail("is an expression over other queries".to_owned()))
        }
        Meaning::Other(kind) => (String::new(), fail(format!("asks a data source of type {kind:?}, not Prometheus"))),
        Meaning::Missing(name) => (String::new(), fail(format!("asks a data source that does not exist: {name}"))),
        Meaning::Mixed | Meaning::OtherPanel => (String::new(), fail("names no data source".to_owned())),
    }
}

impl Names {
    fn of(target: &Value, query: &str, shows: &Shows, metric: &str, dashboard: &Dashboard) -> Self {
        let legend = text(target, "legendFormat").unwrap_or_default();
        if !legend.is_empty() && legend != "__auto" {
            let legend = dashboard.interpolate(legend);
            if !legend.contains("{{") {
                return Self { exact: vec![legend], ..Self::default() };
            }
            return Self { pattern: placeholder_pattern(&legend), ..Self::default() };
        }
        let plain = query.trim();
        let mut exact = vec![plain.to_owned()];
        if let Some(value) = constant(plain) {
            exact.extend([value.to_string(), "Value".to_owned()]);
        } else if shows.standing > Standing::Fail {
            exact.extend([metric.to_owned(), "Value".to_owned(), "{}".to_owned()]);
        } else {
            let name: String = plain.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect();
            exact.push(name);
        }
        let metric = (shows.standing > Standing::Fail).then(|| metric.to_owned());
        Self { exact, pattern: None, metric }
    }

    /// Whether one of the names is `name`.
    pub fn is(&self, name: &str) -> bool {
        if self.exact.iter().any(|n| n == name) || self.pattern.as_ref().is_some_and(|p| p.is_match(name)) {
            return true;
        }
        let Some(metric) = &self.metric else { return false };
        name.ends_with('}')
            && (name.strip_prefix(metric.as_str()).is_some_and(|rest| rest.starts_with('{'))
                || (name.starts_with('{') && name.contains(&format!("__name__=\"{metric}\""))))
    }

    /// Whether a pattern matches one of the names.
    fn matches(&self, pattern: &Regexp) -> bool {
        self.exact.iter().any(|n| pattern.is_match(n))
    }
}

/// A legend such as `{{job}} result` as a pattern with anything in the places of labels.
fn placeholder_pattern(legend: &str) -> Option<Regexp> {
    let mut pattern = String::new();
    let mut rest = legend;
    while let Some(open) = rest.find("{{") {
        pattern.push_str(&quoted(&rest[..open]));
        pattern.push_str(".*");
        rest = rest[open..].find("}}").map_or("", |close| &rest[open + close + 2..]);
    }
    pattern.push_str(&quoted(rest));
    Regexp::anchored(&pattern, true).ok()
}

fn quoted(text: &str) -> String {
    text.chars().flat_map(|c| if "\\.+*?()|[]{}^$".contains(c) { vec!['\\', c] } else { vec![c] }).collect()
}

impl Series {
    fn configure(&mut self, field_config: &Value) {
        let mut config = field_config.get("defaults").and_then(Value::as_object).cloned().unwrap_or_default();
        if let Some(name) = config.get("displayName").and_then(Value::as_str).filter(|n| !n.contains("${")) {
            self.names.exact.insert(0, name.to_owned());
        }
        for rule in list(field_config, "overrides") {
            let matcher = rule.get("matcher").cloned().unwrap_or_default();
            match self.matched(&matcher) {
                Some(true) => list(rule, "properties").iter().for_each(|p| set(&mut config, p)),
                Some(false) => {}
                None => {
                    let id = text(&matcher, "id").unwrap_or("?");
                    self.notes.push(format!("an override by {id} was left out: it depends on data"));
                }
            }
        }
        self.config = Value::Object(config);
    }

    /// Whether an override is for this series; `None` when that cannot be told.
    fn matched(&self, matcher: &Value) -> Option<bool> {
        let options = matcher.get("options").cloned().unwrap_or_default();
        let option = options.as_str().unwrap_or_default();
        match text(matcher, "id")? {
            "byName" | "byFrameName" => Some(self.names.is(option)),
            "byRegexp" => Some(self.names.matches(&script_regexp(option)?)),
            "byType" => Some(option == "number"),
            "byTypes" => Some(options.as_array().is_some_and(|a| a.contains(&json!("number")))),
            "numeric" | "anyMatch" | "alwaysMatch" => Some(true),
            "time" | "firstTimeField" | "neverMatch" => Some(false),
            "byFrameRefID" => Some(option == self.ref_id),
            "byNames" => {
                let listed = list(&options, "names").iter().filter_map(Value::as_str).any(|n| self.names.is(n));
                Some(listed != (text(&options, "mode") == Some("exclude")))
            }
            _ => None,
        }
    }

    /// A setting under `custom`.
    pub fn custom(&self, key: &str) -> Option<&Value> {
        self.config.get("custom").and_then(|c| c.get(key)).filter(|v| !v.is_null())
    }

    /// How thresholds are shown: `off` when nothing says.
    pub fn threshold_style(&self) -> &str {
        self.custom("thresholdsStyle").and_then(|s| text(s, "mode")).unwrap_or("off")
    }

    /// What decides which axis the series has.
    pub fn axis(&self) -> String {
        let plain = |key: &str| self.config.get(key).filter(|v| !v.is_null()).map_or("na".to_owned(), Value::to_string);
        let custom = |key: &str| self.custom(key).map_or("na".to_owned(), Value::to_string);
        let label = self.custom("axisLabel").filter(|l| **l != json!("")).map_or("na".to_owned(), Value::to_string);
        let placement = self.custom("axisPlacement").and_then(Value::as_str).unwrap_or("auto");
        let scale = match self.custom("scaleDistribution") {
            Some(s) if text(s, "type") != Some("linear") => s.to_string(),
            _ => "linear".to_owned(),
        };
        let (unit, min, max) = (plain("unit"), plain("min"), plain("max"));
        let (soft_min, soft_max) = (custom("axisSoftMin"), custom("axisSoftMax"));
        format!("{unit}/{min}/{max}/{soft_min}/{soft_max}/{placement}/{scale}/{label}")
    }

    /// Whether a pattern as Grafana writes it (`/…/`) matches one of its names.
    pub fn matches_pattern(&self, pattern: &str) -> bool {
        script_regexp(pattern).is_some_and(|p| self.names.matches(&p))
    }

    /// Whether the graph leaves the series out.
    pub fn hidden(&self) -> bool {
        self.custom("hideFrom").and_then(|h| h.get("viz")) == Some(&Value::Bool(true))
    }
}

/// Grafana's reading of a pattern: `/…/flags` unanchored, anything else anchored.
fn script_regexp(text: &str) -> Option<Regexp> {
    match text.strip_prefix('/').and_then(|t| t.rsplit_once('/')) {
        Some((pattern, flags)) if flags.chars().all(|c| "gimyus".contains(c)) => {
            let flags: String = flags.chars().filter(|c| "ims".contains(*c)).collect();
            let pattern = if flags.is_empty() { pattern.to_owned() } else { format!("(?{flags}){pattern}") };
            Regexp::new(&pattern).ok()
        }
        _ => Regexp::anchored(text, false).ok(),
    }
}

/// Applies one property of an override; a missing value takes the setting away.
fn set(config: &mut Map<String, Value>, property: &Value) {
    let Some(id) = text(property, "id") else { return };
    let value = property.get("value").cloned().unwrap_or_default();
    match id.strip_prefix("custom.") {
        Some(key) => {
            let custom = config.entry("custom").or_insert_with(|| json!({}));
            if let Some(custom) = custom.as_object_mut() {
                custom.insert(key.to_owned(), value);
            }
        }
        None => {
            config.insert(id.to_owned(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(target: Value, overrides: Value) -> Series {
        let model = json!({"type": "timeseries", "targets": [target],
            "fieldConfig": {"defaults": {"custom": {"lineWidth": 1}}, "overrides": overrides}});
        let panel = Panel::from_model(&model);
        series(&panel, &Dashboard::default(), &DataSources::default(), "m").remove(0)
    }

    fn line_width(target: Value, matcher: Value) -> Option<i64> {
        let rule = json!([{"matcher": matcher, "properties": [{"id": "custom.lineWidth", "value": 5}]}]);
        one(target, rule).custom("lineWidth").and_then(Value::as_i64)
    }

    #[test]
    fn overrides_find_their_series_by_every_matcher() {
        let m = || json!({"refId": "A", "expr": "m"});
        let legend = || json!({"refId": "A", "expr": "m", "legendFormat": "{{job}} (result)"});
        for (target, matcher) in [
            (m(), json!({"id": "byName", "options": "m"})),
            (m(), json!({"id": "byName", "options": "m{job=\"x\"}"})),
            (m(), json!({"id": "byRegexp", "options": "/^M$/i"})),
            (m(), json!({"id": "byType", "options": "number"})),
            (m(), json!({"id": "byFrameRefID", "options": "A"})),
            (m(), json!({"id": "byNames", "options": {"mode": "exclude", "names": ["other"]}})),
            (legend(), json!({"id": "byName", "options": "mock (result)"})),
        ] {
            assert_eq!(line_width(target, matcher.clone()), Some(5), "{matcher}");
        }
        for matcher in [
            json!({"id": "byName", "options": "my_m"}),
            json!({"id": "byRegexp", "options": "M"}),
            json!({"id": "byFrameRefID", "options": "B"}),
            json!({"id": "byNames", "options": {"mode": "include", "names": ["other"]}}),
        ] {
            assert_eq!(line_width(m(), matcher.clone()), Some(1), "{matcher}");
        }
    }

    #[test]
    fn a_matcher_that_needs_data_is_noted() {
        let rule = json!([{"matcher": {"id": "byValue", "options": {}}, "properties": []}]);
        assert_eq!(one(json!({"expr": "m"}), rule).notes.len(), 1);
    }
}
