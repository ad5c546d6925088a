//! What a prometheus.yml says, with defaults filled in and places kept for what verdicts talk about.

use crate::model::Labels;
use crate::scrape::relabel::RelabelConfig;
use crate::text::Span;
use crate::yaml::{Duration, Spanned};

/// A whole prometheus.yml.
#[derive(Clone, Debug, Default)]
pub struct PrometheusConfig {
    /// `global`
    pub global: Global,
    /// `rule_files`: paths and patterns as written, relative to the folder of this file.
    pub rule_files: Vec<Spanned<String>>,
    /// `scrape_config_files`, likewise.
    pub scrape_config_files: Vec<Spanned<String>>,
    /// `scrape_configs`
    pub scrape_configs: Vec<ScrapeConfig>,
    /// `alerting.alert_relabel_configs`
    pub alert_relabel: Vec<RelabelConfig>,
    /// `alerting.alertmanagers`
    pub alertmanagers: Vec<AlertmanagerConfig>,
    /// How many `remote_write` and `remote_read` sections there are.
    pub remotes: usize,
    /// Files that the configuration names and that the server opens.
    pub files: Vec<ReferencedFile>,
}

/// Which names labels and metrics may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NameScheme {
    /// Letters, digits and underscores.
    #[default]
    Legacy,
    /// Any UTF-8.
    Utf8,
}

/// `global`
#[derive(Clone, Debug)]
pub struct Global {
    /// `scrape_interval`, 1 m by default; the span is empty when it is not written.
    pub scrape_interval: Spanned<Duration>,
    /// `scrape_timeout`, 10 s by default, never above the interval.
    pub scrape_timeout: Spanned<Duration>,
    /// `evaluation_interval`, 1 m by default.
    pub evaluation_interval: Spanned<Duration>,
    /// `rule_query_offset`
    pub rule_query_offset: Duration,
    /// `external_labels`, before environment variables are put in.
    pub external_labels: Labels,
    /// Limits, inherited by jobs.
    pub limits: Limits,
    /// `metric_name_validation_scheme`
    pub names: NameScheme,
}

impl Default for Global {
    fn default() -> Self {
        let at = |value| Spanned { value, span: Span::default() };
        Self {
            scrape_interval: at(Duration::from_secs(60)),
            scrape_timeout: at(Duration::from_secs(10)),
            evaluation_interval: at(Duration::from_secs(60)),
            rule_query_offset: Duration::default(),
            external_labels: Labels::empty(),
            limits: Limits::default(),
            names: NameScheme::default(),
        }
    }
}

/// What a scrape may bring; 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// `body_size_limit`, bytes.
    pub body_size: u64,
    /// `sample_limit`
    pub samples: u64,
    /// `target_limit`
    pub targets: u64,
    /// `label_limit`
    pub labels: u64,
    /// `label_name_length_limit`, bytes.
    pub label_name_length: u64,
    /// `label_value_length_limit`, bytes.
    pub label_value_length: u64,
}

/// One of `scrape_configs`.
#[derive(Clone, Debug)]
pub struct ScrapeConfig {
    /// `job_name`
    pub job_name: Spanned<String>,
    /// The job's first line.
    pub span: Span,
    /// `scrape_interval`, the global one when unset.
    pub scrape_interval: Spanned<Duration>,
    /// `scrape_timeout`, the global one when unset, then never above the interval.
    pub scrape_timeout: Spanned<Duration>,
    /// `metrics_path`, `/metrics` by default.
    pub metrics_path: String,
    /// `scheme`, `http` by default.
    pub scheme: String,
    /// `params`, in the file's order.
    pub params: Vec<(String, Vec<String>)>,
    /// `honor_labels`
    pub honor_labels: bool,
    /// `honor_timestamps`, true by default.
    pub honor_timestamps: bool,
    /// `track_timestamps_staleness`
    pub track_timestamps_staleness: bool,
    /// Limits, the global ones when unset.
    pub limits: Limits,
    /// `fallback_scrape_protocol`
    pub fallback_scrape_protocol: Option<String>,
    /// Which names are accepted in scraped pages.
    pub names: NameScheme,
    /// Where targets come from.
    pub discovery: Discovery,
    /// Whether the job sends credentials of any kind.
    pub authenticates: bool,
    /// `relabel_configs`
    pub relabel: Vec<RelabelConfig>,
    /// `metric_relabel_configs`
    pub metric_relabel: Vec<RelabelConfig>,
}

/// Where targets come from.
#[derive(Clone, Debug, Default)]
pub struct Discovery {
    /// `static_configs`
    pub static_configs: Vec<TargetGroup>,
    /// `file_sd_configs`
    pub file_sd_configs: Vec<FileDiscovery>,
    /// Other kinds that are configured, by name (`dns`, `docker`, `kubernetes`), with the place of the field.
    pub others: Vec<Spanned<&'static str>>,
}

/// Targets that share labels.
#[derive(Clone, Debug)]
pub struct TargetGroup {
    /// `targets`, as written.
    pub targets: Vec<Spanned<String>>,
    /// `labels`
    pub labels: Labels,
    /// The group's place.
    pub span: Span,
}

/// One of `file_sd_configs`.
#[derive(Clone, Debug)]
pub struct FileDiscovery {
    /// `files`: paths and patterns as written, relative to the folder of prometheus.yml.
    pub files: Vec<Spanned<String>>,
    /// `refresh_interval`, 5 m by default.
    pub refresh_interval: Duration,
}

/// One of `alerting.alertmanagers`.
#[derive(Clone, Debug)]
pub struct AlertmanagerConfig {
    /// Where it is.
    pub discovery: Discovery,
    /// `scheme`, `http` by default.
    pub scheme: String,
    /// `path_prefix`
    pub path_prefix: String,
    /// `timeout`, 10 s by default.
    pub timeout: Duration,
    /// `api_version`: `v1` or `v2`.
    pub api_version: String,
    /// `relabel_configs`, on the Alertmanager's own address.
    pub relabel: Vec<RelabelConfig>,
    /// `alert_relabel_configs` of this Alertmanager (since 2.51).
    pub alert_relabel: Vec<RelabelConfig>,
    /// The section's place.
    pub span: Span,
}

/// What a named file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileUse {
    /// A token or a password.
    Credentials,
    /// A client certificate; the next file in the list is its key when one is given.
    ClientCertificate,
    /// A client key.
    ClientKey,
    /// Targets.
    Targets,
}

/// Which part of the configuration names a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileOwner {
    /// A scrape job.
    Job,
    /// A job's discovery in Kubernetes.
    Kubernetes,
    /// An Alertmanager.
    Alertmanager,
    /// Anything else.
    Other,
}

/// A file that the configuration names.
#[derive(Clone, Debug)]
pub struct ReferencedFile {
    /// What for.
    pub purpose: FileUse,
    /// Whose.
    pub owner: FileOwner,
    /// The path as written, relative to the folder of prometheus.yml.
    pub path: Spanned<String>,
}
