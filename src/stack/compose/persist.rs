//! What is still there after `docker compose down` and `up`.

use super::container::Container;
use super::mount::Source;
use super::project::{Project, Service};
use crate::stack::path;

/// What holds the data of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// A folder of the host: kept.
    Bind,
    /// A named volume: kept, unless the volumes are removed too.
    Named,
    /// Another program's database: kept if that is.
    Database,
    /// Files bring back sources and dashboards, nothing else.
    Provisioned,
    /// A volume without a name: a new one after `down`.
    Anonymous,
    /// The container itself: lost with it.
    None,
    /// Memory: lost at every stop.
    Tmpfs,
    /// Mounted so that nothing can be written.
    ReadOnly,
    /// The mount's target is wrong: `up` fails.
    Broken,
}

impl Persistence {
    /// One word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bind => "bind",
            Self::Named => "named",
            Self::Database => "database",
            Self::Provisioned => "provisioned",
            Self::Anonymous => "anonymous",
            Self::None => "none",
            Self::Tmpfs => "tmpfs",
            Self::ReadOnly => "read-only",
            Self::Broken => "broken",
        }
    }

    /// Whether the data are there again after `down` and `up`.
    pub fn survives_down(self) -> bool {
        matches!(self, Self::Bind | Self::Named | Self::Database)
    }
}

/// What holds the data under a path of a container.
pub fn of_path(project: &Project, container: &Container, at: &str) -> Persistence {
    let covering = container
        .mounts
        .iter()
        .filter_map(|m| Some((m, path::strip(at, &m.target)?.len())))
        .min_by_key(|(_, rest)| *rest);
    match covering.map(|(m, _)| m) {
        Some(m) => match &m.source {
            Source::Tmpfs => Persistence::Tmpfs,
            Source::Named(name) if project.volumes.get(name).is_some_and(|v| v.is_tmpfs()) => Persistence::Tmpfs,
            _ if m.read_only => Persistence::ReadOnly,
            Source::Bind(_) => Persistence::Bind,
            Source::Named(_) | Source::Other(_) => Persistence::Named,
            Source::Anonymous => Persistence::Anonymous,
        },
        None if container.mounts.iter().any(|m| m.is_broken() && m.target.contains(at.trim_start_matches('/'))) => {
            Persistence::Broken
        }
        None if container.image_volumes.iter().any(|v| path::strip(at, v).is_some()) => Persistence::Anonymous,
        None => Persistence::None,
    }
}

/// Where Grafana keeps its state.
pub fn grafana_data_path(service: &Service) -> String {
    let told = service.env("GF_PATHS_DATA").filter(|p| p.starts_with('/'));
    told.and_then(path::normalize).unwrap_or_else(|| "/var/lib/grafana".to_owned())
}

/// What holds Grafana's state.
pub fn of_grafana(project: &Project, service: &Service, container: &Container) -> Persistence {
    let database = service.env("GF_DATABASE_TYPE").map(str::to_ascii_lowercase);
    let url = service.env("GF_DATABASE_URL").unwrap_or_default();
    if database.is_some_and(|d| matches!(d.as_str(), "postgres" | "mysql"))
        || url.starts_with("postgres")
        || url.starts_with("mysql")
    {
        return Persistence::Database;
    }
    let data =
        if container.image.is_bitnami() { "/opt/bitnami/grafana/data".to_owned() } else { grafana_data_path(service) };
    // The database alone is enough.
    let file = container.mounts.iter().any(|m| m.target == format!("{data}/grafana.db"));
    let held = of_path(project, container, &if file { format!("{data}/grafana.db") } else { data });
    if held == Persistence::None && provisions(service, container) {
        return Persistence::Provisioned;
    }
    held
}

/// Whether files set up data sources or dashboards.
fn provisions(service: &Service, container: &Container) -> bool {
    let folder = service.env("GF_PATHS_PROVISIONING").unwrap_or("/etc/grafana/provisioning");
    container.mounts.iter().any(|m| {
        let target = &m.target;
        let inside = path::strip(target, folder).is_some();
        let above = path::strip(folder, target).is_some() && matches!(m.source, Source::Bind(_));
        inside || above
    }) || container
        .dockerfile
        .as_ref()
        .is_some_and(|d| d.copies.iter().any(|c| path::strip(&c.target, folder).is_some()))
}
