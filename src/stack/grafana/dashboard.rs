//! A dashboard's JSON in any of its forms, as one shape: title, refresh, range, variables, panels.
//!
//! Classic dashboards of every schema version (rows, nested rows, library panels), the envelopes of the HTTP API and
//! of `/apis` resources, and schema v2 (alpha, beta, final), whose panels are turned into classic ones.

use serde_json::Value;

use super::v2;
use crate::text::{Diagnostic, SourceText, Span};

/// How many envelopes may be wrapped around each other.
const ENVELOPES: usize = 4;

/// A dashboard.
#[derive(Clone, Debug, Default)]
pub struct Dashboard {
    /// Its title.
    pub title: String,
    /// Its uid.
    pub uid: Option<String>,
    /// `schemaVersion` of a classic dashboard.
    pub schema_version: Option<i64>,
    /// The number under which grafana.com lists it.
    pub gnet_id: Option<i64>,
    /// `refresh` as written; null when missing.
    pub refresh: Value,
    /// Start of the range as written; null when missing.
    pub from: Value,
    /// End of the range as written; null when missing.
    pub to: Value,
    /// How far behind now the range ends, when set.
    pub now_delay: Option<String>,
    /// Its variables.
    pub variables: Vec<Variable>,
    /// Names that an import would fill in (`__inputs`).
    pub inputs: Vec<String>,
    /// Its panels in order, those of rows and tabs included, rows themselves not.
    pub panels: Vec<Panel>,
    /// Why this form says nothing: Grafana could not convert the stored one.
    pub conversion_failed: Option<String>,
}

/// A variable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variable {
    /// Its name without `$`.
    pub name: String,
    /// `query`, `datasource`, `constant`, …
    pub kind: String,
    /// The plugin of a data source variable, or its query.
    pub query: String,
    /// The saved values.
    pub values: Vec<String>,
}

/// A panel in classic form.
#[derive(Clone, Debug, Default)]
pub struct Panel {
    /// Its number.
    pub id: Option<i64>,
    /// Its title.
    pub title: String,
    /// Its plugin, `timeseries` for example; empty for an unresolved library panel.
    pub kind: String,
    /// Everything.
    pub model: Value,
    /// The uid of a library panel whose model is not here.
    pub library: Option<String>,
}

impl Dashboard {
    /// Reads a file.
    ///
    /// # Errors
    /// The text is no JSON, or no dashboard.
    pub fn parse(source: &SourceText) -> Result<Self, Box<Diagnostic>> {
        let text = source.text().trim_start_matches('\u{feff}');
        let value: Value = serde_json::from_str(text).map_err(|e| {
            let start = source.line_start(e.line()).unwrap_or(0) + e.column().saturating_sub(1);
            let start = start.min(source.text().len());
            let d = Diagnostic::error(format!("this is not JSON: {e}")).at(source, Span::new(start, start));
            Box::new(d.help("export the dashboard again from Grafana"))
        })?;
        let nothing = || Diagnostic::error("observed JSON without panels, wanted a dashboard");
        Self::read(&value).ok_or_else(|| Box::new(nothing().at(source, Span::default())))
    }

    /// Reads a JSON value; `None` when it is no dashboard.
    pub fn read(value: &Value) -> Option<Self> {
        let mut body = value;
        let mut failed = None;
        for _ in 0..ENVELOPES {
            if let Some(conversion) = body.pointer("/status/conversion")
                && conversion.get("failed") == Some(&Value::Bool(true))
            {
                let stored = text(conversion, "storedVersion").unwrap_or("another version");
                failed = Some(format!("Grafana stores this dashboard as {stored} and could not convert it"));
            }
            body = match (body.get("dashboard"), body.get("spec")) {
                (Some(inner @ Value::Object(_)), _) if !has_panels(body) => inner,
                (_, Some(inner @ Value::Object(_))) if !has_panels(body) && body.get("kind").is_some() => inner,
                _ => break,
            };
        }
        if !has_panels(body) && failed.is_none() {
            return None;
        }
        let mut dashboard = if v2::is_v2(body) { v2::read(body) } else { Self::classic(body) };
        dashboard.conversion_failed = failed.filter(|_| dashboard.panels.is_empty());
        if dashboard.uid.is_none() {
            dashboard.uid = value.pointer("/metadata/name").and_then(Value::as_str).map(str::to_owned);
        }
        Some(dashboard)
    }

    fn classic(body: &Value) -> Self {
        let mut panels = Vec::new();
        for row in list(body, "rows") {
            collect_panels(list(row, "panels"), &mut panels);
        }
        collect_panels(list(body, "panels"), &mut panels);
        Self {
            title: text(body, "title").unwrap_or_default().to_owned(),
            uid: text(body, "uid").map(str::to_owned),
            schema_version: body.get("schemaVersion").and_then(Value::as_i64),
            gnet_id: body.get("gnetId").and_then(Value::as_i64),
            refresh: body.get("refresh").cloned().unwrap_or_default(),
            from: body.pointer("/time/from").cloned().unwrap_or_default(),
            to: body.pointer("/time/to").cloned().unwrap_or_default(),
            now_delay: delay(body.pointer("/timepicker/nowDelay")),
            variables: body
                .pointer("/templating")
                .map(|t| list(t, "list"))
                .unwrap_or_default()
                .iter()
                .map(classic_variable)
                .collect(),
            inputs: list(body, "__inputs").iter().filter_map(|i| text(i, "name")).map(str::to_owned).collect(),
            panels,
            conversion_failed: None,
        }
    }

    /// Puts the model of a library panel where the dashboard only refers to it.
    pub fn fill_library_panel(&mut self, uid: &str, model: &Value) {
        for panel in self.panels.iter_mut().filter(|p| p.library.as_deref() == Some(uid)) {
            panel.library = None;
            panel.kind = text(model, "type").unwrap_or_default().to_owned();
            panel.model = model.clone();
        }
    }

    /// Replaces `$v`, `${v}`, `${v:format}` and `[[v]]` by saved values; unknown names stay.
    pub fn interpolate(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(['$', '[']) {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            let taken = self.replacement(rest);
            match taken {
                Some((length, value)) => {
                    out.push_str(&value);
                    rest = &rest[length..];
                }
                None => {
                    out.push_str(&rest[..1]);
                    rest = &rest[1..];
                }
            }
        }
        out.push_str(rest);
        out
    }

    /// The reference at the beginning of `text`: its length, and what it stands for.
    fn replacement(&self, text: &str) -> Option<(usize, String)> {
        let (open, close) = match text {
            t if t.starts_with("${") => (2, "}"),
            t if t.starts_with("[[") => (2, "]]"),
            t if t.starts_with('$') => (1, ""),
            _ => return None,
        };
        let inside = &text[open..];
        let end = match close {
            "" => inside.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inside.len()),
            close => inside.find(close)?,
        };
        let name = inside[..end].split([':', '.']).next().unwrap_or_default();
        let value = match name {
            "__interval" => "15s".to_owned(),
            "__rate_interval" => "1m".to_owned(),
            "__range" => "15m".to_owned(),
            name => {
                let variable = self.variables.iter().find(|v| v.name == name)?;
                variable.values.iter().map(|v| if v == "$__all" { ".*" } else { v }).collect::<Vec<_>>().join("|")
            }
        };
        Some((open + end + close.len(), value))
    }
}

impl Panel {
    /// A panel from its classic model.
    pub fn from_model(model: &Value) -> Self {
        let library = model.get("libraryPanel").and_then(|l| text(l, "uid"));
        let whole = model.get("type").is_some() || model.get("targets").is_some();
        Self {
            id: model.get("id").and_then(Value::as_i64),
            title: text(model, "title")
                .or_else(|| model.pointer("/libraryPanel/name").and_then(Value::as_str))
                .unwrap_or_default()
                .to_owned(),
            kind: text(model, "type").unwrap_or_default().to_owned(),
            library: library.filter(|_| !whole).map(str::to_owned),
            model: model.clone(),
        }
    }

    /// How to name it to people.
    pub fn label(&self) -> String {
        match (self.title.is_empty(), self.id) {
            (false, _) => format!("panel {:?}", self.title),
            (true, Some(id)) => format!("panel {id}"),
            (true, None) => "a panel without a title".to_owned(),
        }
    }
}

fn has_panels(body: &Value) -> bool {
    v2::is_v2(body) || body.get("panels").is_some_and(Value::is_array) || body.get("rows").is_some_and(Value::is_array)
}

fn collect_panels(models: &[Value], panels: &mut Vec<Panel>) {
    for model in models {
        if text(model, "type") == Some("row") {
            collect_panels(list(model, "panels"), panels);
        } else if model.is_object() {
            panels.push(Panel::from_model(model));
        }
    }
}

fn classic_variable(v: &Value) -> Variable {
    let query = match v.get("query") {
        Some(Value::String(s)) => s.clone(),
        Some(Value::Object(o)) => o.get("query").and_then(Value::as_str).unwrap_or_default().to_owned(),
        _ => String::new(),
    };
    let kind = text(v, "type").unwrap_or_default().to_owned();
    let mut values = strings(v.pointer("/current/value"));
    if values.is_empty() && matches!(kind.as_str(), "constant" | "textbox") && !query.is_empty() {
        values.push(query.clone());
    }
    Variable { name: text(v, "name").unwrap_or_default().to_owned(), kind, query, values }
}

/// A text, or a list of texts.
pub(super) fn strings(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(s)) => vec![s.clone()],
        Some(Value::Array(a)) => a.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::Number(n)) => vec![n.to_string()],
        _ => Vec::new(),
    }
}

pub(super) fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

pub(super) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub(super) fn delay(value: Option<&Value>) -> Option<String> {
    value
        .and_then(Value::as_str)
        .filter(|s| !s.is_empty() && super::time::refresh_millis(s) != Some(0.0))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn panels_are_found_in_rows_of_every_age_and_under_every_envelope() {
        let old =
            json!({"dashboard": {"title": "old", "rows": [{"panels": [{"id": 1, "type": "graph"}]}]}, "meta": {}});
        let new = json!({"kind": "Dashboard", "metadata": {"name": "u1"}, "spec": {"title": "new", "panels": [
            {"type": "row", "collapsed": true, "panels": [{"id": 7, "type": "timeseries"}]}, {"id": 8, "type": "text"}]}});
        assert_eq!(Dashboard::read(&old).unwrap().panels[0].kind, "graph");
        let new = Dashboard::read(&new).unwrap();
        assert_eq!(new.panels.iter().filter_map(|p| p.id).collect::<Vec<_>>(), [7, 8]);
        assert_eq!(new.uid.as_deref(), Some("u1"));
        assert!(Dashboard::read(&json!({"name": "package", "version": 1})).is_none());
    }

    #[test]
    fn a_v2_element_counts_only_when_a_layout_shows_it() {
        let element = |expr: &str| {
            json!({"kind": "Panel", "spec": {"id": 1, "title": expr, "vizConfig": {"kind": "timeseries", "spec": {}},
            "data": {"spec": {"queries": [{"spec": {"refId": "A", "hidden": true,
                "query": {"kind": "prometheus", "spec": {"expr": expr}}}}]}}}})
        };
        let layout = json!({"kind": "TabsLayout", "spec": {"tabs": [{"spec": {"layout": {"kind": "GridLayout", "spec": {
            "items": [{"spec": {"element": {"kind": "ElementReference", "name": "a"}}}]}}}}]}});
        let body = json!({"elements": {"a": element("up"), "b": element("down")}, "layout": layout,
            "timeSettings": {"autoRefresh": "5s", "from": "now-15m", "to": "now"}});
        let dashboard = Dashboard::read(&body).unwrap();
        assert_eq!(dashboard.panels.len(), 1);
        let model = &dashboard.panels[0].model;
        assert_eq!(model.pointer("/targets/0/expr"), Some(&json!("up")));
        assert_eq!(model.pointer("/targets/0/hide"), Some(&json!(true)));
        assert_eq!((dashboard.panels[0].kind.as_str(), dashboard.refresh.as_str()), ("timeseries", Some("5s")));
    }

    #[test]
    fn variables_are_replaced_in_every_notation() {
        let dashboard = Dashboard::read(&json!({"panels": [], "templating": {"list": [
            {"name": "m", "type": "custom", "current": {"value": "model_result"}},
            {"name": "job", "type": "query", "current": {"value": ["a", "b"]}}]}}))
        .unwrap();
        assert_eq!(
            dashboard.interpolate("$m{job=~\"${job:regex}\"}[[m]] $x ["),
            "model_result{job=~\"a|b\"}model_result $x ["
        );
        assert_eq!(dashboard.interpolate("rate(x[$__rate_interval])"), "rate(x[1m])");
    }

    #[test]
    fn broken_json_is_told_with_its_place() {
        let source = SourceText::new("d.json", "{\n  \"panels\": [,]\n}");
        let error = Dashboard::parse(&source).unwrap_err();
        assert_eq!(error.position().unwrap().line, 2);
    }
}
