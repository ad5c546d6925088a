//! Schema v2 of dashboards (`elements`, `layout`, `timeSettings`), turned into classic panels.
//!
//! In v2alpha1 the kind of a visualisation or query is the plugin itself; later the plugin stands in `group` and a
//! data source is named by `query.datasource.name`.

use serde_json::{Map, Value, json};

use super::dashboard::{Dashboard, Panel, Variable, delay, list, strings, text};

/// Whether a body is of schema v2: `variables` or `layout` alone prove nothing, `elements` does.
pub(super) fn is_v2(body: &Value) -> bool {
    body.get("elements").is_some_and(Value::is_object)
}

/// Reads a v2 body.
pub(super) fn read(body: &Value) -> Dashboard {
    let time = body.get("timeSettings").cloned().unwrap_or_default();
    let elements = body.get("elements").and_then(Value::as_object);
    let mut shown = Vec::new();
    if let Some(layout) = body.get("layout") {
        references(layout, &mut shown);
    }
    let panels = shown.iter().filter_map(|name| elements?.get(*name)).map(panel).collect();
    Dashboard {
        title: text(body, "title").unwrap_or_default().to_owned(),
        uid: text(body, "uid").map(str::to_owned),
        refresh: time.get("autoRefresh").cloned().unwrap_or_default(),
        from: time.get("from").cloned().unwrap_or_default(),
        to: time.get("to").cloned().unwrap_or_default(),
        now_delay: delay(time.get("nowDelay")),
        variables: list(body, "variables").iter().map(variable).collect(),
        inputs: list(body, "__inputs").iter().filter_map(|i| text(i, "name")).map(str::to_owned).collect(),
        panels,
        ..Dashboard::default()
    }
}

/// Every element a layout mentions, in order, each once.
fn references<'a>(layout: &'a Value, found: &mut Vec<&'a str>) {
    match layout {
        Value::Object(map) => {
            if text(layout, "kind") == Some("ElementReference") {
                let name = text(layout, "name").or_else(|| {
                    let spec = layout.get("spec")?;
                    text(spec, "name").or_else(|| text(spec, "uid"))
                });
                if let Some(name) = name.filter(|n| !found.contains(n)) {
                    found.push(name);
                }
            }
            map.values().for_each(|v| references(v, found));
        }
        Value::Array(items) => items.iter().for_each(|v| references(v, found)),
        _ => {}
    }
}

fn panel(element: &Value) -> Panel {
    let spec = element.get("spec").cloned().unwrap_or_default();
    if text(element, "kind") == Some("LibraryPanel") {
        return Panel::from_model(&spec);
    }
    let viz = spec.get("vizConfig").cloned().unwrap_or_default();
    let plugin = text(&viz, "group").filter(|g| !g.is_empty()).or_else(|| text(&viz, "kind")).unwrap_or_default();
    let viz_spec = viz.get("spec").cloned().unwrap_or_default();
    let options = viz_spec.get("options").cloned().unwrap_or_default();
    let mut model = Map::new();
    // A graph panel of old, whose settings the migration keeps beside the new ones.
    if let Some(original) = options.pointer("/__angularMigration/originalOptions").and_then(Value::as_object) {
        model.extend(original.clone());
        let from = options.pointer("/__angularMigration/autoMigrateFrom").cloned();
        model.insert("autoMigrateFrom".to_owned(), from.unwrap_or_else(|| json!("graph")));
    }
    let data = spec.get("data").and_then(|d| d.get("spec")).cloned().unwrap_or_default();
    for key in ["id", "title"] {
        model.insert(key.to_owned(), spec.get(key).cloned().unwrap_or_default());
    }
    model.insert("type".to_owned(), json!(plugin));
    model.insert("fieldConfig".to_owned(), viz_spec.get("fieldConfig").cloned().unwrap_or_default());
    model.insert("options".to_owned(), options);
    model.insert("targets".to_owned(), list(&data, "queries").iter().map(target).collect());
    for key in ["timeFrom", "timeShift"] {
        if let Some(value) = data.get("queryOptions").and_then(|o| o.get(key)) {
            model.insert(key.to_owned(), value.clone());
        }
    }
    Panel::from_model(&Value::Object(model))
}

fn target(query: &Value) -> Value {
    let spec = query.get("spec").cloned().unwrap_or_default();
    let inner = spec.get("query").cloned().unwrap_or_default();
    let mut target = inner.get("spec").and_then(Value::as_object).cloned().unwrap_or_default();
    target.insert("refId".to_owned(), spec.get("refId").cloned().unwrap_or_default());
    target.insert("hide".to_owned(), spec.get("hidden").cloned().unwrap_or(Value::Bool(false)));
    let plugin = text(&inner, "group").filter(|g| !g.is_empty()).or_else(|| text(&inner, "kind"));
    let named = inner.pointer("/datasource/name").cloned();
    let datasource = match (spec.get("datasource").filter(|d| d.is_object()), named) {
        (Some(old), _) => old.clone(),
        (None, Some(name)) => json!({"type": plugin, "uid": name}),
        (None, None) => json!({"type": plugin}),
    };
    target.insert("datasource".to_owned(), datasource);
    Value::Object(target)
}

fn variable(v: &Value) -> Variable {
    let spec = v.get("spec").cloned().unwrap_or_default();
    let kind = text(v, "kind").unwrap_or_default().trim_end_matches("Variable").to_ascii_lowercase();
    let query = text(&spec, "pluginId").or_else(|| text(&spec, "query")).unwrap_or_default().to_owned();
    let mut values = strings(spec.pointer("/current/value"));
    if values.is_empty() && matches!(kind.as_str(), "constant" | "text") && !query.is_empty() {
        values.push(query.clone());
    }
    Variable { name: text(&spec, "name").unwrap_or_default().to_owned(), kind, query, values }
}
