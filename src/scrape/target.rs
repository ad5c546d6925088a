//! From a scrape job's configured targets to what is scraped: labels, address, URL.
//!
//! Mirrors `PopulateLabels`, `TargetsFromGroup` and `Target.URL`; version differences from the release notes of 3.0
//! (default ports, `__param_*`).

use std::sync::Arc;

use super::relabel::{RelabelConfig, relabel};
use crate::golang::duration::parse_prometheus_duration;
use crate::golang::quote;
use crate::golang::url::{path_escape, query_escape};
use crate::model::{Labels, LabelsBuilder};
use crate::promql::Dialect;

/// What a job's configuration says of all its targets.
#[derive(Clone, Debug)]
pub struct JobTargets {
    /// `job_name`.
    pub job: Arc<str>,
    /// `scrape_interval` as Prometheus prints it (`5s`), the global one when unset.
    pub interval: Arc<str>,
    /// `scrape_timeout` likewise.
    pub timeout: Arc<str>,
    /// `metrics_path`.
    pub metrics_path: Arc<str>,
    /// `scheme`.
    pub scheme: Arc<str>,
    /// `params`, in any order.
    pub params: Vec<(Arc<str>, Vec<Arc<str>>)>,
    /// `relabel_configs`.
    pub relabel: Vec<RelabelConfig>,
}

/// A target that is scraped.
#[derive(Clone, Debug)]
pub struct Target {
    /// The job it was found by.
    pub job: Arc<str>,
    /// The labels before relabelling.
    pub discovered: Labels,
    /// All labels, those in `__` included: what the slot is hashed from.
    pub all_labels: Labels,
    /// The labels put on its samples.
    pub labels: Labels,
    /// `scheme://address/path?params`.
    pub url: String,
    /// Host and port as connected to (without a port: the scheme's default).
    pub address: Arc<str>,
    /// `http` or `https`.
    pub scheme: Arc<str>,
    /// The path of the request.
    pub path: Arc<str>,
    /// Nanoseconds between scrapes.
    pub interval_ns: i64,
    /// Nanoseconds a scrape may take.
    pub timeout_ns: i64,
}

/// What became of a discovered target.
#[derive(Clone, Debug)]
pub enum Discovered {
    /// It is scraped.
    Active(Target),
    /// Relabelling dropped it.
    Dropped(Labels),
    /// It cannot be scraped.
    Refused {
        /// The labels before relabelling.
        discovered: Labels,
        /// Why, in Prometheus' words.
        reason: String,
    },
}

/// Turns one discovered label set (with `__address__`; the target's own labels over its group's) into a target.
pub fn populate(job: &JobTargets, found: &Labels, dialect: Dialect) -> Discovered {
    let mut builder = found.builder();
    let defaults = [
        ("job", &job.job),
        ("__scrape_interval__", &job.interval),
        ("__scrape_timeout__", &job.timeout),
        ("__metrics_path__", &job.metrics_path),
        ("__scheme__", &job.scheme),
    ];
    for (name, value) in defaults {
        if builder.get(name).is_none() {
            builder.set(name, value.clone());
        }
    }
    for (name, values) in &job.params {
        let label = format!("__param_{name}");
        let free = dialect == Dialect::V2_42 || builder.get(&label).is_none();
        if let Some(first) = values.first().filter(|_| free) {
            builder.set(label, first.clone());
        }
    }
    let discovered = builder.build();
    let Some(relabelled) = relabel(&job.relabel, &discovered) else { return Discovered::Dropped(discovered) };
    match finish(job, &discovered, relabelled.builder(), dialect) {
        Ok(target) => Discovered::Active(target),
        Err(reason) => Discovered::Refused { discovered, reason },
    }
}

fn finish(
    job: &JobTargets,
    discovered: &Labels,
    mut labels: LabelsBuilder,
    dialect: Dialect,
) -> Result<Target, String> {
    let label = |labels: &LabelsBuilder, name: &str| labels.get(name).unwrap_or("").to_owned();
    let mut address = label(&labels, "__address__");
    if address.is_empty() {
        return Err("no address".to_owned());
    }
    let scheme = label(&labels, "__scheme__");
    if dialect == Dialect::V2_42
        && split_host_port(&address).is_none()
        && split_host_port(&format!("{address}:1")).is_some()
    {
        address = match scheme.as_str() {
            "" | "http" => format!("{address}:80"),
            "https" => format!("{address}:443"),
            _ => return Err(format!("invalid scheme: {}", quote(&job.scheme))),
        };
        labels.set("__address__", address.as_str());
    }
    if address.contains('/') {
        return Err(format!("{} is not a valid hostname", quote(&address)));
    }
    let interval = label(&labels, "__scrape_interval__");
    let timeout = label(&labels, "__scrape_timeout__");
    let interval_ns = duration("interval", &interval)?;
    let timeout_ns = duration("timeout", &timeout)?;
    if timeout_ns > interval_ns {
        return Err(format!(
            "scrape timeout cannot be greater than scrape interval ({} > {})",
            quote(&timeout),
            quote(&interval)
        ));
    }
    labels.retain(|l| !l.name.starts_with("__meta_"));
    if labels.get("instance").is_none() {
        labels.set("instance", address.as_str());
    }
    let all_labels = labels.build();
    let path = label(&labels, "__metrics_path__");
    let scheme = if scheme.is_empty() { "http".to_owned() } else { scheme };
    Ok(Target {
        job: all_labels.get("job").unwrap_or("").into(),
        discovered: discovered.clone(),
        labels: labels.retain(|l| !l.name.starts_with("__")).build(),
        url: url(&scheme, &address, &path, &query(job, &all_labels)),
        address: with_port(&address, &scheme).into(),
        scheme: scheme.into(),
        path: path.into(),
        interval_ns,
        timeout_ns,
        all_labels,
    })
}

fn duration(what: &str, text: &str) -> Result<i64, String> {
    match parse_prometheus_duration(text) {
        Ok(0) => Err(format!("scrape {what} cannot be 0")),
        Ok(ns) => Ok(ns),
        Err(e) => Err(format!("error parsing scrape {what}: {e}")),
    }
}

/// `host:port` or `[host]:port`, as Go's `net.SplitHostPort`.
fn split_host_port(address: &str) -> Option<(&str, &str)> {
    let (host, port) = address.rsplit_once(':')?;
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.strip_suffix(']')?;
        return (!inner.contains(['[', ']'])).then_some((inner, port));
    }
    (!host.contains([':', '[', ']'])).then_some((host, port))
}

fn with_port(address: &str, scheme: &str) -> String {
    match split_host_port(address) {
        Some(_) => address.to_owned(),
        None => format!("{address}:{}", if scheme == "https" { 443 } else { 80 }),
    }
}

/// The configured parameters; `__param_NAME` replaces the first value of NAME.
fn query(job: &JobTargets, labels: &Labels) -> String {
    let mut params: Vec<(&str, Vec<&str>)> =
        job.params.iter().map(|(n, v)| (&**n, v.iter().map(|s| &**s).collect())).collect();
    for label in labels.iter() {
        let Some(name) = label.name.strip_prefix("__param_") else { continue };
        match params.iter_mut().find(|(n, _)| *n == name) {
            Some((_, values)) if !values.is_empty() => values[0] = &label.value,
            Some((_, values)) => values.push(&label.value),
            None => params.push((name, vec![&label.value])),
        }
    }
    params.sort_by_key(|(n, _)| *n);
    let mut out = String::new();
    for (name, values) in params {
        for value in values {
            if !out.is_empty() {
                out.push('&');
            }
            out.push_str(&query_escape(name));
            out.push('=');
            out.push_str(&query_escape(value));
        }
    }
    out
}

fn url(scheme: &str, address: &str, path: &str, query: &str) -> String {
    let mut out = format!("{scheme}://{address}");
    if !path.is_empty() && !path.starts_with('/') {
        out.push('/');
    }
    out.push_str(&path_escape(path));
    if !query.is_empty() {
        out.push('?');
        out.push_str(query);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> JobTargets {
        JobTargets {
            job: "node".into(),
            interval: "5s".into(),
            timeout: "5s".into(),
            metrics_path: "/metrics".into(),
            scheme: "http".into(),
            params: Vec::new(),
            relabel: Vec::new(),
        }
    }

    fn active(job: &JobTargets, labels: &[(&str, &str)], dialect: Dialect) -> Target {
        match populate(job, &Labels::from_pairs(labels.iter().copied()), dialect) {
            Discovered::Active(target) => target,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_plain_target_gets_job_and_instance() {
        let target = active(&job(), &[("__address__", "vm:9100"), ("x", "1")], Dialect::V3);
        assert_eq!(target.labels.to_string(), r#"{instance="vm:9100", job="node", x="1"}"#);
        assert_eq!(target.url, "http://vm:9100/metrics");
        assert_eq!(target.interval_ns, 5_000_000_000);
    }

    #[test]
    fn the_default_port_becomes_part_of_the_instance_only_in_2_42() {
        let old = active(&job(), &[("__address__", "vm")], Dialect::V2_42);
        assert_eq!((old.labels.get("instance"), &*old.address), (Some("vm:80"), "vm:80"));
        let new = active(&job(), &[("__address__", "vm")], Dialect::V3);
        assert_eq!((new.labels.get("instance"), &*new.address), (Some("vm"), "vm:80"));
    }

    #[test]
    fn parameters_are_encoded_and_replaced_by_labels() {
        let job = JobTargets {
            params: vec![("b".into(), vec!["x y".into(), "z".into()]), ("a".into(), vec!["1".into()])],
            ..job()
        };
        let found = [("__address__", "vm:1"), ("__param_a", "&")];
        assert_eq!(active(&job, &found, Dialect::V3).url, "http://vm:1/metrics?a=%26&b=x+y&b=z");
        assert_eq!(active(&job, &found, Dialect::V2_42).url, "http://vm:1/metrics?a=1&b=x+y&b=z");
    }

    #[test]
    fn impossible_targets_are_refused_with_the_reason() {
        let reason = |labels: &[(&str, &str)]| match populate(
            &job(),
            &Labels::from_pairs(labels.iter().copied()),
            Dialect::V3,
        ) {
            Discovered::Refused { reason, .. } => reason,
            other => panic!("{other:?}"),
        };
        assert_eq!(reason(&[]), "no address");
        assert_eq!(reason(&[("__address__", "http://vm")]), r#""http://vm" is not a valid hostname"#);
        assert_eq!(
            reason(&[("__address__", "vm:1"), ("__scrape_timeout__", "6s")]),
            r#"scrape timeout cannot be greater than scrape interval ("6s" > "5s")"#
        );
        assert_eq!(reason(&[("__address__", "vm:1"), ("__scrape_interval__", "0s")]), "scrape interval cannot be 0");
    }
}
