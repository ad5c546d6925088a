//! `alerting`: which Alertmanagers are told.

use super::job::check_static_targets;
use super::relabel_rules::RuleOf;
use super::{AlertmanagerConfig, FileOwner, PrometheusConfig, Reader, text_or};
use crate::yaml::{Decoder, Duration, Mapping, Node};

const HINTS: &[(&str, &str)] = &[
    ("targets", "put it under `static_configs:` as a list item, `- targets: [\"alertmanager:9093\"]`"),
    ("static_config", "write `static_configs`: it is a list, each item with its `targets`"),
    ("url", "write `static_configs:` with `- targets: [\"alertmanager:9093\"]`"),
];

impl Reader<'_> {
    pub(super) fn alerting(&self, d: &Decoder, node: &Node, config: &mut PrometheusConfig) {
        let Some(m) = d.mapping(node, "config.plain") else { return };
        m.hints(&[
            ("alertmanager", "write `alertmanagers`"),
            ("static_configs", "put it inside an item of `alertmanagers`"),
            ("rules", "write the rules in a file of their own and name that file under `rule_files:`"),
            ("rule_files", "move it to the left: it is not part of `alerting`"),
        ]);
        config.alert_relabel = self.relabel_rules(&m, "alert_relabel_configs", RuleOf::Alert, config.global.names);
        config.alertmanagers = m.list("alertmanagers", "config.AlertmanagerConfigs", |d, n| {
            if n.is_null() { None } else { self.alertmanager(d, n, config.global.names) }
        });
        m.finish();
    }

    fn alertmanager(&self, d: &Decoder, node: &Node, names: super::NameScheme) -> Option<AlertmanagerConfig> {
        let m = d.mapping(node, "config.AlertmanagerConfig")?;
        m.hints(HINTS);
        self.owner.set(FileOwner::Alertmanager);
        let http = self.http_client(&m);
        let found = AlertmanagerConfig {
            discovery: self.discovery(&m),
            scheme: text_or(&m, "scheme", "http"),
            path_prefix: text_or(&m, "path_prefix", ""),
            timeout: m.duration("timeout").map_or(Duration::from_secs(10), |d| d.value),
            api_version: self.api_version(&m),
            relabel: self.relabel_rules(&m, "relabel_configs", RuleOf::Alertmanager, names),
            alert_relabel: if self.knows(&m, "alert_relabel_configs", (2, 51)) {
                self.relabel_rules(&m, "alert_relabel_configs", RuleOf::AlertmanagerAlert, names)
            } else {
                Vec::new()
            },
            span: m.start_span(),
        };
        if self.knows(&m, "sigv4", (2, 48)) && m.some("sigv4").is_some() {
            self.sigv4(&m);
            if http.authenticates() {
                let message = "at most one of basic_auth, authorization, oauth2, & sigv4 must be configured";
                d.error(m.key_span("sigv4"), message);
            }
        }
        if m.some("relabel_configs").is_none_or(|n| n.items().is_empty()) {
            check_static_targets(d, &found.discovery);
        }
        m.finish();
        Some(found)
    }

    fn api_version(&self, m: &Mapping<'_>) -> String {
        let default = || "v2".to_owned();
        let Some(node) = m.some("api_version") else { return default() };
        let Some(version) = node.as_str() else {
            m.decoder().cannot_unmarshal(node, "config.plain");
            return default();
        };
        let supported: &[&str] = if self.is_v3() { &["v2"] } else { &["v1", "v2"] };
        if !supported.contains(&version) {
            let list = supported.join(" ");
            let message = format!("expected Alertmanager api version to be one of [{list}] but got {version}");
            m.decoder().error_help(node.span(), message, "remove the line: v2 is the default");
        }
        version.to_owned()
    }
}
