//! From configuration files that were read to what the machine runs: targets, groups, the way to Alertmanager.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::config::{AlertmanagerLink, PrometheusSetup, TargetSetup, Unread};
use crate::golang::duration::format_prometheus_duration;
use crate::model::{HashLayout, Labels};
use crate::promql::Dialect;
use crate::promql::eval::Options;
use crate::promql::signature::Release;
use crate::rules::notifier::NotifierSettings;
use crate::rules::{Expansion, GroupSpec, RuleContext};
use crate::scrape::body::BodySettings;
use crate::scrape::config::{AlertmanagerConfig, PrometheusConfig, ScrapeConfig, TargetGroup};
use crate::scrape::relabel::relabel;
use crate::scrape::slot::target_hash;
use crate::scrape::target::{Discovered, JobTargets, populate};

/// What the files do not say.
#[derive(Clone, Debug)]
pub struct Circumstances {
    /// The release that runs.
    pub release: Release,
    /// The host's full name, part of every target's slot.
    pub fqdn: Arc<str>,
    /// `--web.external-url`: what `Source:` links begin with.
    pub external_url: Arc<str>,
}

impl Circumstances {
    /// A release on the host `labkit`, with the URL Prometheus gives itself.
    pub fn of_release(release: Release) -> Self {
        Self { release, fqdn: "labkit".into(), external_url: "http://labkit:9090".into() }
    }

    /// Whose rules hold.
    pub fn dialect(&self) -> Dialect {
        if self.release.0 < 3 { Dialect::V2_42 } else { Dialect::V3 }
    }
}

/// A Prometheus ready to run, and the targets that it does not scrape.
#[derive(Clone, Debug)]
pub struct Assembly {
    /// What runs.
    pub setup: PrometheusSetup,
    /// Targets that relabelling dropped: job and labels before it.
    pub dropped: Vec<(Arc<str>, Labels)>,
    /// Targets that cannot be scraped: job, labels before relabelling, reason.
    pub refused: Vec<(Arc<str>, Labels, String)>,
}

/// Puts a configuration and its rule groups together. Targets of discovered files must have been added to their jobs'
/// `static_configs` before.
pub fn assemble(config: &PrometheusConfig, groups: Vec<Arc<GroupSpec>>, around: &Circumstances) -> Assembly {
    let dialect = around.dialect();
    let (major, minor) = around.release;
    let layout = HashLayout::of_version(major.into(), minor.into());
    let mut found = Assembly { setup: empty(config, groups, around, layout), dropped: Vec::new(), refused: Vec::new() };
    let mut seen = FxHashSet::default();
    for job in &config.scrape_configs {
        let body = Arc::new(body_settings(job, dialect));
        let settings = job_targets(job);
        for labels in job.discovery.static_configs.iter().flat_map(addresses) {
            match populate(&settings, &labels, dialect) {
                Discovered::Active(target) => {
                    // Prometheus merges duplicates within a job; the job is part of the labels.
                    if seen.insert((target.all_labels.clone(), target_hash(&target.all_labels, &target.url, layout))) {
                        found.setup.targets.push(TargetSetup { target, body: body.clone() });
                    }
                }
                Discovered::Dropped(labels) => found.dropped.push((settings.job.clone(), labels)),
                Discovered::Refused { discovered, reason } => {
                    found.refused.push((settings.job.clone(), discovered, reason));
                }
            }
        }
    }
    found
}

fn empty(
    config: &PrometheusConfig,
    groups: Vec<Arc<GroupSpec>>,
    around: &Circumstances,
    layout: HashLayout,
) -> PrometheusSetup {
    let external_labels = config.global.external_labels.clone();
    let mut options = Options { release: around.release, ..Options::new(around.dialect()) };
    options.default_step = config.global.evaluation_interval.value.millis();
    PrometheusSetup {
        layout,
        fqdn: around.fqdn.clone(),
        targets: Vec::new(),
        groups,
        context: Arc::new(RuleContext {
            expansion: Expansion {
                external_labels: external_labels.clone(),
                external_url: around.external_url.clone(),
                url_for_functions: true,
                options,
            },
            resend_delay_ns: 60_000_000_000,
        }),
        notifier: NotifierSettings {
            external_labels,
            alert_relabel: config.alert_relabel.clone(),
            max_batch: if around.release >= (3, 4) { 256 } else { 64 },
        },
        alertmanagers: config.alertmanagers.iter().flat_map(links).collect(),
        discovery_delay_ns: 5_000_000_000,
        restored: false,
        unread: Unread::default(),
    }
}

fn addresses(group: &TargetGroup) -> impl Iterator<Item = Labels> {
    group.targets.iter().map(|target| {
        let mut labels = group.labels.builder();
        labels.set("__address__", target.value.as_str());
        labels.build()
    })
}

fn job_targets(job: &ScrapeConfig) -> JobTargets {
    let duration = |nanos| Arc::from(format_prometheus_duration(nanos));
    let params = job
        .params
        .iter()
        .map(|(name, values)| (Arc::from(name.as_str()), values.iter().map(|v| Arc::from(v.as_str())).collect()));
    JobTargets {
        job: job.job_name.value.as_str().into(),
        interval: duration(job.scrape_interval.value.nanos),
        timeout: duration(job.scrape_timeout.value.nanos),
        metrics_path: job.metrics_path.as_str().into(),
        scheme: job.scheme.as_str().into(),
        params: params.collect(),
        relabel: job.relabel.clone(),
    }
}

fn body_settings(job: &ScrapeConfig, dialect: Dialect) -> BodySettings {
    let limit = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    BodySettings {
        honor_labels: job.honor_labels,
        honor_timestamps: job.honor_timestamps,
        metric_relabel: job.metric_relabel.clone(),
        sample_limit: limit(job.limits.samples),
        label_limit: limit(job.limits.labels),
        label_name_length_limit: limit(job.limits.label_name_length),
        label_value_length_limit: limit(job.limits.label_value_length),
        dialect,
    }
}

/// The Alertmanagers of one `alertmanagers` section; equal URLs count once.
fn links(section: &AlertmanagerConfig) -> Vec<AlertmanagerLink> {
    let path = section.alerts_path();
    let mut links: Vec<AlertmanagerLink> = Vec::new();
    for labels in section.discovery.static_configs.iter().flat_map(addresses) {
        let mut builder = labels.builder();
        builder.set("__scheme__", section.scheme.as_str()).set("__alerts_path__", path.as_str());
        let Some(labels) = relabel(&section.relabel, &builder.build()) else { continue };
        let part = |name: &str| labels.get(name).unwrap_or("").to_owned();
        let (scheme, address, path) = (part("__scheme__"), part("__address__"), part("__alerts_path__"));
        let url: Arc<str> = format!("{scheme}://{address}{path}").into();
        if links.iter().all(|l| l.url != url) {
            let alert_relabel = section.alert_relabel.clone();
            links.push(AlertmanagerLink {
                url,
                address: address.into(),
                path: path.into(),
                alert_relabel,
                unreachable: None,
            });
        }
    }
    links
}
