//! Image names, the programs behind them, and what those images do by themselves.

/// A reference to an image, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageRef {
    /// Everything before the tag.
    pub repository: String,
    /// The tag.
    pub tag: Option<String>,
}

/// The programs a lab's stack is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Prometheus.
    Prometheus,
    /// Grafana.
    Grafana,
    /// Alertmanager.
    Alertmanager,
    /// Node Exporter.
    NodeExporter,
    /// Anything else.
    Other,
}

/// Major and minor version.
pub type Version = (u16, u16);

impl ImageRef {
    /// Takes a reference apart: registry and path, tag, digest (dropped).
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        let text = text.split('@').next().unwrap_or_default();
        let name_at = text.rfind('/').map_or(0, |i| i + 1);
        match text[name_at..].rsplit_once(':') {
            Some((name, tag)) => {
                let end = name_at + name.len();
                Self { repository: text[..end].to_owned(), tag: Some(tag.to_owned()).filter(|t| !t.is_empty()) }
            }
            None => Self { repository: text.to_owned(), tag: None },
        }
    }

    /// The last part of the name.
    fn name(&self) -> &str {
        self.repository.rsplit('/').next().unwrap_or_default()
    }

    /// The program an image holds, by the last part of its name.
    pub fn role(&self) -> Role {
        let name = self.name();
        let base = name.find("-linux-").map_or(name, |i| &name[..i]);
        match base {
            "prometheus" => Role::Prometheus,
            "alertmanager" => Role::Alertmanager,
            "grafana" | "grafana-oss" | "grafana-enterprise" | "grafana-oss-dev" | "grafana-dev" => Role::Grafana,
            "node-exporter" | "node_exporter" => Role::NodeExporter,
            _ => Role::Other,
        }
    }

    /// Whether it is Bitnami's own build, which keeps its files elsewhere.
    pub fn is_bitnami(&self) -> bool {
        self.repository.split('/').any(|p| p.starts_with("bitnami"))
    }

    /// The version a tag names; `None` for `latest`, `main` and the like: the newest.
    pub fn version(&self) -> Option<Version> {
        let tag = self.tag.as_deref()?;
        let tag = tag.strip_prefix('v').unwrap_or(tag);
        let mut parts = tag.split(['.', '-', '_']);
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next().and_then(|m| m.parse().ok());
        // A bare major version moves with its newest minor one.
        minor.map(|minor| (major, minor)).or(match major {
            2 => Some((2, 55)),
            _ => None,
        })
    }
}

/// What an image does by itself.
#[derive(Clone, Debug, Default)]
pub struct Defaults {
    /// Its entry point.
    pub entrypoint: Vec<String>,
    /// Its arguments.
    pub command: Vec<String>,
    /// Where it starts.
    pub workdir: String,
    /// Paths that are anonymous volumes when nothing is mounted there.
    pub volumes: Vec<String>,
    /// The port it listens on.
    pub port: Option<u16>,
    /// The configuration it has inside.
    pub config: Option<String>,
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|t| (*t).to_owned()).collect()
}

/// The defaults of an image.
pub fn defaults(image: &ImageRef) -> Defaults {
    let role = image.role();
    if image.is_bitnami() {
        let (config, port) = match role {
            Role::Prometheus => (Some("/opt/bitnami/prometheus/conf/prometheus.yml"), Some(9090)),
            Role::Alertmanager => (Some("/opt/bitnami/alertmanager/conf/config.yml"), Some(9093)),
            Role::Grafana => (None, Some(3000)),
            Role::NodeExporter => (None, Some(9100)),
            Role::Other => (None, None),
        };
        let command = config.map(|c| vec![format!("--config.file={c}")]).unwrap_or_default();
        let entrypoint = strings(&["/entrypoint.sh"]);
        let workdir = "/".to_owned();
        return Defaults { entrypoint, command, workdir, volumes: Vec::new(), port, config: config.map(str::to_owned) };
    }
    match role {
        Role::Prometheus => {
            let mut command =
                strings(&["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]);
            if image.version().is_some_and(|v| v < (3, 0)) {
                command.push("--web.console.libraries=/usr/share/prometheus/console_libraries".to_owned());
                command.push("--web.console.templates=/usr/share/prometheus/consoles".to_owned());
            }
            Defaults {
                entrypoint: strings(&["/bin/prometheus"]),
                command,
                workdir: "/prometheus".to_owned(),
                volumes: strings(&["/prometheus"]),
                port: Some(9090),
                config: Some("/etc/prometheus/prometheus.yml".to_owned()),
            }
        }
        Role::Alertmanager => {
            let old = image.version().is_some_and(|v| v < (0, 15));
            let config = if old { "/etc/alertmanager/config.yml" } else { "/etc/alertmanager/alertmanager.yml" };
            Defaults {
                entrypoint: strings(&["/bin/alertmanager"]),
                command: vec![format!("--config.file={config}"), "--storage.path=/alertmanager".to_owned()],
                workdir: "/alertmanager".to_owned(),
                volumes: strings(&["/alertmanager"]),
                port: Some(9093),
                config: Some(config.to_owned()),
            }
        }
        Role::Grafana => Defaults {
            entrypoint: strings(&["/run.sh"]),
            workdir: "/usr/share/grafana".to_owned(),
            port: Some(3000),
            ..Defaults::default()
        },
        Role::NodeExporter => Defaults {
            entrypoint: strings(&["/bin/node_exporter"]),
            workdir: "/".to_owned(),
            port: Some(9100),
            ..Defaults::default()
        },
        Role::Other => Defaults { workdir: "/".to_owned(), ..Defaults::default() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_known_under_any_registry_and_tag() {
        for (text, role, version) in [
            ("prom/prometheus", Role::Prometheus, None),
            ("docker.io/prom/prometheus:v2.42.0", Role::Prometheus, Some((2, 42))),
            ("localhost:5000/prom/prometheus:v3.5.0-distroless@sha256:00", Role::Prometheus, Some((3, 5))),
            ("quay.io/prometheus/alertmanager:latest", Role::Alertmanager, None),
            ("prom/alertmanager-linux-arm64:v0.27.0", Role::Alertmanager, Some((0, 27))),
            ("grafana/grafana-oss:12.1.0", Role::Grafana, Some((12, 1))),
            ("benjojo/alertmanager-discord", Role::Other, None),
            ("prom/node-exporter:v1", Role::NodeExporter, None),
            ("prom/prometheus:v2", Role::Prometheus, Some((2, 55))),
        ] {
            let image = ImageRef::parse(text);
            assert_eq!((image.role(), image.version()), (role, version), "{text}");
        }
    }
}
