//! Is a dashboard "Node Exporter Full" (number 1860 on grafana.com)?
//!
//! Its number is missing in newer exports, its uid and title can be changed, and panel titles drift over the years.
//! What stays is that it asks for far more of Node Exporter's metrics than any other dashboard does.

use std::collections::BTreeSet;

use serde_json::Value;

use super::dashboard::Dashboard;
use super::{Finding, Standing};

/// Different `node_` metrics the dashboard asks for at least, in every edition.
const METRICS: usize = 120;
/// Panels it has at least.
const PANELS: usize = 80;
/// Its number on grafana.com.
const NUMBER: i64 = 1860;
/// The uid it comes with.
const UID: &str = "rYdddlPWk";
/// Collectors that the full dashboard covers and others leave out; most of them must occur.
const COLLECTORS: [&str; 12] = [
    "node_cpu_",
    "node_memory_",
    "node_disk_",
    "node_filesystem_",
    "node_network_",
    "node_netstat_",
    "node_sockstat_",
    "node_softnet_",
    "node_timex_",
    "node_vmstat_",
    "node_systemd_",
    "node_scrape_collector_",
];

/// Judges whether a dashboard is Node Exporter Full: by its queries first, by its number, uid or title else.
pub fn judge(dashboard: &Dashboard) -> Finding {
    let mut names = BTreeSet::new();
    for panel in &dashboard.panels {
        collect(&panel.model, &mut names);
    }
    let families = COLLECTORS.iter().filter(|c| names.iter().any(|n| n.starts_with(*c))).count();
    let observed = format!("{} panels with {} metrics of Node Exporter", dashboard.panels.len(), names.len());
    if names.len() >= METRICS && dashboard.panels.len() >= PANELS && families >= 9 {
        return Finding::pass(format!("{observed}: Node Exporter Full"));
    }
    let named = dashboard.gnet_id == Some(NUMBER)
        || dashboard.uid.as_deref() == Some(UID)
        || dashboard.title.eq_ignore_ascii_case("Node Exporter Full");
    let standing = if named { Standing::Warn } else { Standing::Fail };
    let called = if named { "called Node Exporter Full, but " } else { "" };
    Finding { standing, message: format!("{called}{observed}, wanted at least {PANELS} and {METRICS}"), panel: None }
}

/// Every word that begins with `node_` in the texts of a panel's queries.
fn collect<'a>(value: &'a Value, names: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                match inner {
                    Value::String(text) if key == "expr" => words(text, names),
                    inner => collect(inner, names),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|v| collect(v, names)),
        _ => {}
    }
}

fn words<'a>(text: &'a str, names: &mut BTreeSet<&'a str>) {
    for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':') {
        if word.starts_with("node_") {
            names.insert(word);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn dashboard(metrics: usize, panels: usize, title: &str) -> Dashboard {
        let panels: Vec<Value> = (0..panels)
            .map(|i| {
                let expr = format!("{}x{}", COLLECTORS[i % COLLECTORS.len()], i % metrics);
                json!({"id": i, "type": "timeseries", "targets": [{"expr": format!("rate({expr}[5m])")}]})
            })
            .collect();
        Dashboard::read(&json!({"title": title, "panels": panels})).unwrap()
    }

    #[test]
    fn many_metrics_make_it_under_any_title_and_a_title_alone_does_not() {
        assert_eq!(judge(&dashboard(500, 130, "My server")).standing, Standing::Pass);
        assert_eq!(judge(&dashboard(10, 130, "Node Exporter Full")).standing, Standing::Warn);
        assert_eq!(judge(&dashboard(10, 130, "Server")).standing, Standing::Fail);
    }
}
