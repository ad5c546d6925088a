//! Which data source a panel or query means, in all the ways a dashboard can say it.

use serde_json::Value;

use super::dashboard::{Dashboard, text};

/// Plugins that speak to a Prometheus.
const PROMETHEUS: [&str; 3] =
    ["prometheus", "grafana-amazonprometheus-datasource", "grafana-azureprometheus-datasource"];

/// A data source of the Grafana that shows the dashboards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataSource {
    /// Its uid; empty when nothing fixes it.
    pub uid: String,
    /// Its name.
    pub name: String,
    /// Its plugin, `prometheus` for example.
    pub kind: String,
    /// Whether it is the default.
    pub is_default: bool,
    /// Where it points.
    pub url: Option<String>,
}

/// What is known of Grafana's data sources.
#[derive(Clone, Debug, Default)]
pub struct DataSources {
    /// Those that are known.
    pub known: Vec<DataSource>,
    /// Whether these are all: true when a running Grafana was asked, false when only files were read (others may
    /// have been made by hand).
    pub complete: bool,
}

/// What a reference means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning<'a> {
    /// A Prometheus; the source itself when it is known.
    Prometheus(Option<&'a DataSource>),
    /// Another plugin.
    Other(String),
    /// Nothing that exists.
    Missing(String),
    /// Each query names its own.
    Mixed,
    /// The queries of another panel.
    OtherPanel,
    /// A server-side expression over other queries.
    Expression,
}

impl DataSource {
    /// Whether it is a Prometheus.
    pub fn is_prometheus(&self) -> bool {
        is_prometheus(&self.kind)
    }
}

/// Whether a plugin speaks to a Prometheus.
pub fn is_prometheus(kind: &str) -> bool {
    PROMETHEUS.contains(&kind)
}

impl DataSources {
    /// What a `datasource` value of a panel or query means.
    pub fn meaning(&self, reference: &Value, dashboard: &Dashboard) -> Meaning<'_> {
        let (name, kind) = match reference {
            Value::String(s) => (s.as_str(), None),
            Value::Object(_) => (text(reference, "uid").unwrap_or_default(), text(reference, "type")),
            _ => ("", None),
        };
        match name {
            "-- Mixed --" => return Meaning::Mixed,
            "-- Dashboard --" => return Meaning::OtherPanel,
            "__expr__" | "-100" => return Meaning::Expression,
            _ if kind == Some("__expr__") => return Meaning::Expression,
            _ => {}
        }
        if name.contains('$') || name.starts_with("[[") {
            return self.variable(name, dashboard);
        }
        self.named(name, kind)
    }

    fn variable(&self, reference: &str, dashboard: &Dashboard) -> Meaning<'_> {
        let name = reference.trim_matches(['$', '{', '}', '[', ']']);
        let name = name.split([':', '.']).next().unwrap_or_default();
        if let Some(variable) = dashboard.variables.iter().find(|v| v.name == name) {
            let plugin = Some(variable.query.as_str()).filter(|q| !q.is_empty());
            // A saved value that names another installation's source is replaced by the first of its plugin.
            return match self.named(variable.values.first().map_or("", String::as_str), plugin) {
                Meaning::Missing(_) => self.named("", plugin),
                meaning => meaning,
            };
        }
        if !self.complete && dashboard.inputs.iter().any(|i| i == name) {
            // An export that asks for its source when it is imported.
            return Meaning::Prometheus(self.known.iter().find(|d| d.is_prometheus()));
        }
        Meaning::Missing(reference.to_owned())
    }

    fn named(&self, name: &str, kind: Option<&str>) -> Meaning<'_> {
        let found = match name {
            "" | "default" => self
                .known
                .iter()
                .find(|d| d.is_default && kind.is_none_or(|k| k == d.kind))
                .or_else(|| self.known.iter().find(|d| kind.is_some_and(|k| k == d.kind)))
                .or_else(|| (self.known.len() == 1 && kind.is_none()).then(|| &self.known[0])),
            name => self.known.iter().find(|d| d.uid == name).or_else(|| self.known.iter().find(|d| d.name == name)),
        };
        if let Some(source) = found {
            return if source.is_prometheus() {
                Meaning::Prometheus(Some(source))
            } else {
                Meaning::Other(source.kind.clone())
            };
        }
        match kind {
            Some(kind) if !is_prometheus(kind) => Meaning::Other(kind.to_owned()),
            _ if !self.complete => Meaning::Prometheus(None),
            _ if name.is_empty() => Meaning::Missing("the default data source".to_owned()),
            _ => Meaning::Missing(name.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sources(complete: bool) -> DataSources {
        let source = |uid: &str, kind: &str, is_default| DataSource {
            uid: uid.into(),
            name: kind.to_uppercase(),
            kind: kind.into(),
            is_default,
            url: None,
        };
        DataSources { known: vec![source("l1", "loki", false), source("p1", "prometheus", true)], complete }
    }

    #[test]
    fn every_way_to_name_a_source_is_understood() {
        let (all, dashboard) = (sources(true), Dashboard::default());
        let prometheus = Meaning::Prometheus(Some(&all.known[1]));
        for reference in [
            json!(null),
            json!("default"),
            json!("p1"),
            json!("PROMETHEUS"),
            json!({"uid": "p1"}),
            json!({"type": "prometheus"}),
        ] {
            assert_eq!(all.meaning(&reference, &dashboard), prometheus, "{reference}");
        }
        assert_eq!(all.meaning(&json!({"type": "loki", "uid": "l1"}), &dashboard), Meaning::Other("loki".into()));
        assert_eq!(all.meaning(&json!("-- Mixed --"), &dashboard), Meaning::Mixed);
        assert_eq!(all.meaning(&json!({"uid": "gone"}), &dashboard), Meaning::Missing("gone".into()));
    }

    #[test]
    fn what_files_do_not_tell_is_not_held_against_them() {
        let (some, mut dashboard) = (sources(false), Dashboard::default());
        assert_eq!(some.meaning(&json!({"type": "prometheus", "uid": "gone"}), &dashboard), Meaning::Prometheus(None));
        let placeholder = json!({"type": "prometheus", "uid": "${DS_X}"});
        assert_eq!(some.meaning(&placeholder, &dashboard), Meaning::Missing("${DS_X}".into()));
        dashboard.inputs.push("DS_X".into());
        assert_eq!(some.meaning(&placeholder, &dashboard), Meaning::Prometheus(Some(&some.known[1])));
    }
}
