//! `scrape_configs`: what is scraped, how often, and how.

use super::relabel_rules::RuleOf;
use super::{FileOwner, Global, Limits, NameScheme, Reader, ScrapeConfig, bool_or, global, peek, text_or};
use crate::golang::quote;
use crate::yaml::{Decoder, Mapping, Node, Spanned};

const HINTS: &[(&str, &str)] = &[
    ("static_config", "write `static_configs`: it is a list, each item with its `targets`"),
    ("targets", "put it under `static_configs:` as a list item, `- targets: [\"host:port\"]`"),
    ("target", "put it under `static_configs:` as a list item, `- targets: [\"host:port\"]`"),
    ("labels", "put it beside `targets`, inside the item of `static_configs`"),
    ("job", "write `job_name`"),
    ("name", "write `job_name`"),
    ("interval", "write `scrape_interval`"),
    ("timeout", "write `scrape_timeout`"),
    ("path", "write `metrics_path`"),
    ("evaluation_interval", "move it under `global:` at the top of the file"),
    ("alerting", "move it to the left: it is not part of a scrape job"),
    ("alertmanagers", "move it under `alerting:`, which is not part of a scrape job"),
    ("rule_files", "move it to the left: it is not part of a scrape job"),
    ("relabel_config", "write `relabel_configs`"),
];

impl Reader<'_> {
    pub(super) fn jobs(&self, m: &Mapping<'_>, global: &Global) -> Vec<ScrapeConfig> {
        let mut names: Vec<String> = Vec::new();
        m.list("scrape_configs", "[]*config.ScrapeConfig", |d, node| {
            if node.is_null() {
                let help = "remove the empty item, or write a job after the `- `";
                d.error_help(m.key_span("scrape_configs"), "empty or null scrape config section", help);
                return None;
            }
            let job = self.job(d, node, global)?;
            let name = &job.job_name;
            if names.contains(&name.value) {
                let message = format!("found multiple scrape configs with job name {}", quote(&name.value));
                d.error_help(name.span, message, "give every job a name of its own");
            }
            names.push(name.value.clone());
            Some(job)
        })
    }

    fn job(&self, d: &Decoder, node: &Node, global: &Global) -> Option<ScrapeConfig> {
        let m = d.mapping(node, "config.ScrapeConfig")?;
        m.hints(HINTS);
        self.owner.set(FileOwner::Job);
        let span = m.start_span();
        let job_name = m.string("job_name").unwrap_or(Spanned { value: String::new(), span });
        if job_name.value.is_empty() && m.get("job_name").is_none_or(|n| n.scalar().is_some()) {
            d.error_help(m.key_span("job_name"), "job_name is empty", "give the job a name with `job_name:`");
        }
        let names = if self.knows(&m, "metric_name_validation_scheme", (3, 0)) {
            self.name_scheme(&m).unwrap_or(global.names)
        } else {
            global.names
        };
        let (scrape_interval, scrape_timeout) = self.timing(&m, &job_name.value, global);
        let http = self.http_client(&m);
        let job = ScrapeConfig {
            span,
            scrape_interval,
            scrape_timeout,
            metrics_path: text_or(&m, "metrics_path", "/metrics"),
            scheme: text_or(&m, "scheme", "http"),
            params: params(&m),
            honor_labels: bool_or(&m, "honor_labels", false),
            honor_timestamps: bool_or(&m, "honor_timestamps", true),
            track_timestamps_staleness: self.knows(&m, "track_timestamps_staleness", (2, 48))
                && bool_or(&m, "track_timestamps_staleness", false),
            limits: self.limits(&m, (0, 0), global.limits),
            fallback_scrape_protocol: self.fallback(&m, &job_name.value),
            names,
            discovery: self.discovery(&m),
            authenticates: http.authenticates(),
            relabel: self.relabel_rules(&m, "relabel_configs", RuleOf::Target, names),
            metric_relabel: self.relabel_rules(&m, "metric_relabel_configs", RuleOf::Metric, names),
            job_name,
        };
        self.newer_fields(&m, &job.job_name.value);
        if m.some("relabel_configs").is_none_or(|n| n.items().is_empty()) {
            check_static_targets(d, &job.discovery);
        }
        m.finish();
        Some(job)
    }

    /// Interval and timeout, from the job or from `global`.
    fn timing(
        &self,
        m: &Mapping<'_>,
        job: &str,
        global: &Global,
    ) -> (Spanned<crate::yaml::Duration>, Spanned<crate::yaml::Duration>) {
        let written = |name| m.duration(name).filter(|d| d.value.nanos != 0);
        let interval = written("scrape_interval").unwrap_or_else(|| global.scrape_interval.clone());
        let inherited =
            || Spanned { value: global.scrape_timeout.value.min(interval.value), span: global.scrape_timeout.span };
        let timeout = match written("scrape_timeout") {
            Some(timeout) if timeout.value > interval.value => {
                let message = format!(
                    "scrape timeout greater than scrape interval for scrape config with job name {}",
                    quote(job)
                );
                let help = "set scrape_timeout to at most scrape_interval, or leave it out";
                m.decoder().error_help(timeout.span, message, help);
                inherited()
            }
            Some(timeout) => timeout,
            None => inherited(),
        };
        (interval, timeout)
    }

    fn fallback(&self, m: &Mapping<'_>, job: &str) -> Option<String> {
        if !self.knows(m, "fallback_scrape_protocol", (3, 0)) {
            return None;
        }
        let protocol = m.string("fallback_scrape_protocol").filter(|p| !p.value.is_empty())?;
        if let Some(words) = global::unknown_protocol(&protocol.value) {
            let message =
                format!("invalid fallback_scrape_protocol for scrape config with job name {}: {words}", quote(job));
            m.decoder().error(protocol.span, message);
            return None;
        }
        Some(protocol.value)
    }

    fn newer_fields(&self, m: &Mapping<'_>, job: &str) {
        if self.knows(m, "scrape_protocols", (2, 49)) {
            self.scrape_protocols(m, &format!("for scrape config with job name {}", quote(job)));
        }
        if self.knows(m, "metric_name_escaping_scheme", (3, 4)) {
            m.string("metric_name_escaping_scheme");
        }
        if self.knows(m, "scrape_failure_log_file", (2, 55)) {
            m.string("scrape_failure_log_file");
        }
        for (name, since) in [("keep_dropped_targets", (2, 47)), ("native_histogram_bucket_limit", (2, 45))] {
            if self.knows(m, name, since) {
                m.uint(name, "uint");
            }
        }
        if self.knows(m, "native_histogram_min_bucket_factor", (2, 50)) {
            m.float("native_histogram_min_bucket_factor");
        }
        for (name, since) in [
            ("enable_compression", (2, 49)),
            ("always_scrape_classic_histograms", (3, 0)),
            ("convert_classic_histograms_to_nhcb", (3, 0)),
            ("scrape_native_histograms", (3, 8)),
            ("extra_scrape_metrics", (3, 9)),
        ] {
            if self.knows(m, name, since) {
                m.bool(name);
            }
        }
        if ((2, 45)..(3, 0)).contains(&self.release) {
            m.bool("scrape_classic_histograms");
        }
    }

    /// Checks every job's way of writing names against the global one; needs the whole file.
    pub(super) fn escapings(&self, m: &Mapping<'_>, names: NameScheme) {
        if self.release < (3, 4) {
            return;
        }
        let scheme =
            m.some("global").and_then(|g| g.get("metric_name_escaping_scheme")).and_then(Node::as_str).unwrap_or("");
        for node in m.some("scrape_configs").map_or(&[][..], Node::items) {
            let quiet = Decoder::new(m.decoder().source(), crate::yaml::GoYaml::V2);
            let Some(job) = quiet.mapping(node, "config.ScrapeConfig") else { continue };
            let own = match peek(&job, "metric_name_validation_scheme") {
                "legacy" => NameScheme::Legacy,
                "utf8" => NameScheme::Utf8,
                _ => names,
            };
            self.escaping(&job, (scheme, names), own);
            drop(job);
            quiet.into_diagnostics().into_iter().for_each(|found| m.decoder().push(found));
        }
    }
}

fn params(m: &Mapping<'_>) -> Vec<(String, Vec<String>)> {
    let Some(params) = m.nested("params", "url.Values") else { return Vec::new() };
    let texts = |v: &Node| m.decoder().list(v, "[]string", Decoder::string).into_iter().map(|s| s.value).collect();
    let pairs = params.entries().map(|(k, v)| (k.value, texts(v))).collect();
    params.finish();
    pairs
}

/// Targets are addresses, not URLs.
pub(super) fn check_static_targets(d: &Decoder, discovery: &super::Discovery) {
    for target in discovery.static_configs.iter().flat_map(|g| &g.targets) {
        if target.value.contains('/') {
            let host = target.value.split_once("://").map_or(target.value.as_str(), |(_, rest)| rest);
            let host = host.split('/').next().unwrap_or("");
            let help = format!("write the address only, `{host}`; a path goes to metrics_path, https to scheme");
            d.error_help(target.span, format!("{} is not a valid hostname", quote(&target.value)), help);
        }
    }
}

impl Limits {
    /// Whether nothing is limited.
    pub fn is_unlimited(&self) -> bool {
        *self == Self::default()
    }
}
