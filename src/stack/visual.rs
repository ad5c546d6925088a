//! Grafana as the stack runs it: data that stay, sources that are provisioned, dashboards that are in the repository.

use super::compose::network::Reach;
use super::compose::persist::{Persistence, of_grafana};
use super::compose::{Container, Project, Service};
use super::discover;
use super::grafana::provisioning::{ProvisionedSource, Provisioning};
use super::grafana::{Dashboard, DataSource, DataSources};
use super::path;
use super::site::{FileAt, Site};
use super::tree::FileTree;

/// A dashboard of the repository.
#[derive(Clone, Debug)]
pub struct FoundDashboard {
    /// Its file.
    pub path: String,
    /// What it says.
    pub dashboard: Dashboard,
    /// Whether Grafana loads it by itself.
    pub provisioned: bool,
}

/// Grafana.
#[derive(Clone, Debug)]
pub struct Grafana {
    /// Its service; nothing when the files do not start one.
    pub service: Option<String>,
    /// What holds its state; nothing without a service.
    pub data: Option<Persistence>,
    /// What provisioning sets up.
    pub provisioning: Provisioning,
    /// What each provisioned Prometheus source leads to.
    pub reaches: Vec<(ProvisionedSource, Reach)>,
    /// Dashboards in the repository: provisioned ones first, then the likeliest.
    pub dashboards: Vec<FoundDashboard>,
    /// Whether the environment sets another password than the default one.
    pub password_set: Option<bool>,
}

impl Grafana {
    /// Reads Grafana; `reach` tells where a source's host and port lead to.
    pub fn read(
        found: Option<(&Project, &Service, &Container)>,
        tree: &FileTree,
        reach: &dyn Fn(&str, u16) -> Reach,
    ) -> Self {
        let mut provisioning = Provisioning::default();
        let mut provisioned_paths = Vec::new();
        let mut grafana = Self {
            service: found.map(|(_, s, _)| s.name.clone()),
            data: found.map(|(p, s, c)| of_grafana(p, s, c)),
            provisioning: Provisioning::default(),
            reaches: Vec::new(),
            dashboards: Vec::new(),
            password_set: found.and_then(|(_, s, _)| {
                s.env("GF_SECURITY_ADMIN_PASSWORD")
                    .map(|p| p != "admin")
                    .or_else(|| s.env("GF_SECURITY_ADMIN_PASSWORD__FILE").map(|_| true))
            }),
        };
        if let Some((project, service, container)) = found {
            let site = Site::Container(project, container);
            let folder = service.env("GF_PATHS_PROVISIONING").unwrap_or("/etc/grafana/provisioning").to_owned();
            let read = |kind: &str| {
                let mut paths = site.expand(&format!("{folder}/{kind}/*.y*ml"), tree);
                paths.retain(|p| p.ends_with(".yml") || p.ends_with(".yaml"));
                paths.into_iter().filter_map(|p| match site.open(&p, tree) {
                    FileAt::Text(text, _) => Some(text),
                    _ => None,
                })
            };
            for text in read("datasources") {
                provisioning.read_sources(&text);
            }
            for text in read("dashboards") {
                provisioning.read_providers(&text);
            }
            for provider in &provisioning.providers {
                let base = path::normalize(&provider.path).unwrap_or_default();
                // Grafana looks into folders below too; some levels are enough.
                for depth in 1..=4 {
                    let pattern = format!("{base}{}", "/*".repeat(depth));
                    for at in site.expand(&pattern, tree).into_iter().filter(|p| p.ends_with(".json")) {
                        if let FileAt::Text(text, _) = site.open(&at, tree) {
                            provisioned_paths.push(text.name().to_owned());
                        }
                    }
                }
            }
        }
        for (path, dashboard) in discover::dashboards(tree) {
            let provisioned = provisioned_paths.contains(&path);
            grafana.dashboards.push(FoundDashboard { path, dashboard, provisioned });
        }
        grafana.dashboards.sort_by_key(|d| !d.provisioned);
        for source in &provisioning.sources {
            let url = source.source.url.clone().unwrap_or_default();
            if let Some((host, port)) = host_of(&url).filter(|_| source.source.is_prometheus()) {
                grafana.reaches.push((source.clone(), reach(&host, port)));
            }
        }
        grafana.provisioning = provisioning;
        grafana
    }

    /// What is known of the data sources: the provisioned ones, and perhaps others made by hand.
    pub fn sources(&self) -> DataSources {
        let known: Vec<DataSource> = self.provisioning.sources.iter().map(|s| s.source.clone()).collect();
        DataSources { known, complete: false }
    }
}

/// Host and port of a URL: 80 and 443 by scheme.
pub fn host_of(url: &str) -> Option<(String, u16)> {
    let (scheme, rest) = url.trim().split_once("://").unwrap_or(("http", url.trim()));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let default = if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 };
    split_port(authority, default)
}

/// `host:port`, `[::1]:port`, or a host alone.
pub fn split_port(authority: &str, default: u16) -> Option<(String, u16)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        let port = rest.strip_prefix(':').map_or(Some(default), |p| p.parse().ok())?;
        return Some((host.to_owned(), port));
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (authority, default),
    };
    (!host.is_empty() && !host.contains(char::is_whitespace)).then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_of_urls() {
        assert_eq!(host_of("http://u:p@prometheus:9090/x"), Some(("prometheus".into(), 9090)));
        assert_eq!(host_of("https://a.b"), Some(("a.b".into(), 443)));
        assert_eq!(host_of("http://[::1]:9090"), Some(("::1".into(), 9090)));
        assert_eq!(host_of("prometheus:9090"), Some(("prometheus".into(), 9090)));
        assert_eq!(split_port("h:x", 80), None);
    }
}
