//! What the machine runs: a Prometheus and an Alertmanager, their configurations resolved, and their phases.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::alertmanager;
use crate::alertmanager::template::Templates;
use crate::model::HashLayout;
use crate::rules::notifier::NotifierSettings;
use crate::rules::slot::group_offset;
use crate::rules::{GroupSpec, RuleContext};
use crate::scrape::body::BodySettings;
use crate::scrape::relabel::RelabelConfig;
use crate::scrape::slot::{offset_seed, target_hash, target_offset};
use crate::scrape::target::Target;

/// A whole monitoring stack. A program that does not run (its configuration is refused) is left out.
#[derive(Clone, Debug, Default)]
pub struct EngineConfig {
    /// Prometheus.
    pub prometheus: Option<PrometheusSetup>,
    /// Alertmanager.
    pub alertmanager: Option<AlertmanagerSetup>,
}

/// A Prometheus server.
#[derive(Clone, Debug)]
pub struct PrometheusSetup {
    /// What its release hashes slots from.
    pub layout: HashLayout,
    /// The host's full name, part of every target's slot.
    pub fqdn: Arc<str>,
    /// What is scraped, without duplicates.
    pub targets: Vec<TargetSetup>,
    /// The rule groups, in the order of their files.
    pub groups: Vec<Arc<GroupSpec>>,
    /// What all groups share.
    pub context: Arc<RuleContext>,
    /// How alerts leave.
    pub notifier: NotifierSettings,
    /// Where alerts go.
    pub alertmanagers: Vec<AlertmanagerLink>,
    /// How long after the start targets and Alertmanagers become known, in nanoseconds (5 s).
    pub discovery_delay_ns: i64,
    /// Whether `ALERTS` is written from the first evaluation on, as after a reload and unlike after a start.
    pub restored: bool,
    /// What may be left out, because nobody reads it.
    pub unread: Unread,
}

/// What Prometheus makes and nobody reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// `up` and the other reports of scrapes.
    pub reports: bool,
    /// `ALERTS` and `ALERTS_FOR_STATE`.
    pub alerts: bool,
    /// Annotations of alerts.
    pub annotations: bool,
    /// Alerts on their way to Alertmanager.
    pub sends: bool,
}

/// A target and how its pages are read.
#[derive(Clone, Debug)]
pub struct TargetSetup {
    /// The target.
    pub target: Target,
    /// Its job's settings.
    pub body: Arc<BodySettings>,
}

/// A configured Alertmanager as Prometheus sees it.
#[derive(Clone, Debug)]
pub struct AlertmanagerLink {
    /// Where alerts are posted.
    pub url: Arc<str>,
    /// Host and port as written.
    pub address: Arc<str>,
    /// The path alerts are posted to, prefix included.
    pub path: Arc<str>,
    /// `alert_relabel_configs` of its section (3.x).
    pub alert_relabel: Vec<RelabelConfig>,
    /// Why it cannot be reached, if it cannot; otherwise it is the machine's own Alertmanager.
    pub unreachable: Option<Arc<str>>,
}

/// An Alertmanager.
#[derive(Clone, Debug)]
pub struct AlertmanagerSetup {
    /// Its checked configuration.
    pub config: Arc<alertmanager::config::Config>,
    /// The version it speaks as.
    pub version: alertmanager::Version,
    /// Its command line and other choices.
    pub options: alertmanager::Options,
    /// Its templates, the configured files included.
    pub templates: Templates,
    /// Files that settings name (such as `webhook_url_file`), by path as written.
    pub files: Arc<BTreeMap<Arc<str>, Arc<str>>>,
}

/// When targets are scraped and groups evaluated, within their intervals.
#[derive(Clone, Debug, Default)]
pub struct Phases {
    /// The part of its interval at which every target is scraped, in [0, 1); none: as the real program hashes it.
    pub scrape: Option<f64>,
    /// The same for evaluations.
    pub evaluation: Option<f64>,
    /// Offsets of single groups by name, in nanoseconds; these win.
    pub groups: Vec<(Arc<str>, i64)>,
}

impl Phases {
    /// One pair for all targets and groups, both in [0, 1).
    pub fn pair(scrape: f64, evaluation: f64) -> Self {
        Self { scrape: Some(scrape), evaluation: Some(evaluation), groups: Vec::new() }
    }

    /// Where in its interval a target is scraped, in nanoseconds.
    pub fn of_target(&self, setup: &PrometheusSetup, target: &Target) -> i64 {
        match self.scrape {
            Some(part) => share(part, target.interval_ns),
            None => {
                let seed = offset_seed(&setup.fqdn, &setup.notifier.external_labels);
                target_offset(target_hash(&target.all_labels, &target.url, setup.layout), seed, target.interval_ns)
            }
        }
    }

    /// Where in its interval a group is evaluated, in nanoseconds.
    pub fn of_group(&self, setup: &PrometheusSetup, group: &GroupSpec) -> i64 {
        if let Some((_, offset)) = self.groups.iter().find(|(name, _)| **name == *group.name) {
            return offset.rem_euclid(group.interval_ns.max(1));
        }
        match self.evaluation {
            Some(part) => share(part, group.interval_ns),
            None => group_offset(&group.file, &group.name, group.interval_ns, setup.layout),
        }
    }
}

fn share(part: f64, interval_ns: i64) -> i64 {
    (part.clamp(0.0, 1.0) * interval_ns as f64) as i64
}
