//! From a job as configured to what its targets are made from.

use super::{AlertmanagerConfig, ScrapeConfig, TargetGroup};
use crate::golang::duration::format_prometheus_duration;
use crate::model::Labels;
use crate::scrape::relabel::relabel;
use crate::scrape::target::JobTargets;

impl ScrapeConfig {
    /// What the job says of all its targets.
    pub fn job_targets(&self) -> JobTargets {
        JobTargets {
            job: self.job_name.value.as_str().into(),
            interval: format_prometheus_duration(self.scrape_interval.value.nanos).into(),
            timeout: format_prometheus_duration(self.scrape_timeout.value.nanos).into(),
            metrics_path: self.metrics_path.as_str().into(),
            scheme: self.scheme.as_str().into(),
            params: self
                .params
                .iter()
                .map(|(name, values)| (name.as_str().into(), values.iter().map(|v| v.as_str().into()).collect()))
                .collect(),
            relabel: self.relabel.clone(),
        }
    }
}

impl TargetGroup {
    /// The label set of each target before relabelling: the group's labels and `__address__`.
    pub fn discovered(&self) -> impl Iterator<Item = Labels> + '_ {
        self.targets.iter().map(|target| {
            let mut labels = self.labels.builder();
            labels.set("__address__", target.value.as_str());
            labels.build()
        })
    }
}

impl AlertmanagerConfig {
    /// The path alerts are posted to, before relabelling.
    pub fn alerts_path(&self) -> String {
        let prefix = self.path_prefix.trim_matches('/');
        let path = if prefix.is_empty() { String::new() } else { format!("/{prefix}") };
        format!("{path}/api/{}/alerts", self.api_version)
    }

    /// Where alerts are posted to for one discovered address: the URL, nothing when relabelling drops it.
    ///
    /// # Errors
    /// The address is not one, in Prometheus' words.
    pub fn post_url(&self, found: &Labels) -> Result<Option<String>, String> {
        let mut labels = found.builder();
        labels.set("__scheme__", self.scheme.as_str());
        labels.set("__alerts_path__", self.alerts_path());
        let Some(labels) = relabel(&self.relabel, &labels.build()) else { return Ok(None) };
        let of = |name| labels.get(name).unwrap_or("");
        let address = of("__address__");
        if address.contains('/') {
            return Err(format!("{} is not a valid hostname", crate::golang::quote(address)));
        }
        let port = if of("__scheme__") == "https" { ":443" } else { ":80" };
        let has_port = address.rsplit_once(':').is_some_and(|(host, _)| !host.contains(':') || host.ends_with(']'));
        let port = if has_port || address.is_empty() { "" } else { port };
        Ok(Some(format!("{}://{address}{port}{}", of("__scheme__"), of("__alerts_path__"))))
    }
}
