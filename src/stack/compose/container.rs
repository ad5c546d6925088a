//! A service as it really runs: image defaults, Dockerfile and compose file laid over each other.

use super::command::{flag, words};
use super::dockerfile::{self, Dockerfile};
use super::image::{Defaults, ImageRef, Role, Version, defaults};
use super::mount::{HostPath, Mount, Source};
use super::project::{Project, Service, Spot};
use super::tree::Place;
use crate::stack::{FileTree, path};

/// Services that take each other's mounts, one after another.
const BORROWED: usize = 10;

/// A service as it really runs.
#[derive(Clone, Debug)]
pub struct Container {
    /// The service's name.
    pub service: String,
    /// The program.
    pub role: Role,
    /// The image, or the one the Dockerfile begins with.
    pub image: ImageRef,
    /// The Dockerfile it is built with.
    pub dockerfile: Option<Dockerfile>,
    /// Whether it is built (the Dockerfile may not be in the repository).
    pub built: bool,
    /// Entry point and arguments, as started; words of a shell script among them.
    pub arguments: Vec<String>,
    /// The shell script it starts through, when it does.
    pub script: Option<String>,
    /// Where it starts.
    pub workdir: String,
    /// Everything mounted into it, `volumes_from` included.
    pub mounts: Vec<Mount>,
    /// Where the image keeps anonymous volumes.
    pub image_volumes: Vec<String>,
    /// Where the image has a configuration of its own.
    pub image_config: Option<String>,
    /// Ports it is known to listen on; empty when nothing tells.
    pub listens: Vec<u16>,
    /// How the role was found out, when not by the image.
    pub note: Option<String>,
}

/// Where the file at a path of a container comes from.
#[derive(Clone, Debug)]
pub enum Provided {
    /// A path of the host, by a bind, a config or a secret.
    Host(HostPath, Place),
    /// Text in the compose file.
    Inline(Spot<String>),
    /// The build copies it from this path of the repository.
    Copied(String, Place),
    /// It lies in a volume: nothing in the repository tells what it says.
    Volume(String, Place),
    /// The image's own sample.
    ImageDefault,
    /// The Dockerfile is not at hand.
    Unknown(String),
    /// Nothing puts a file there.
    Nothing,
}

impl Container {
    /// Works a service out.
    pub fn of(project: &Project, service: &Service, tree: &FileTree) -> Self {
        let dockerfile = service.build.as_ref().and_then(|b| dockerfile::read(b, tree));
        let base = match (&dockerfile, &service.image) {
            (Some(d), _) => d.base.clone(),
            (None, Some(image)) if service.build.is_none() => image.value.clone(),
            _ => String::new(),
        };
        let image = ImageRef::parse(&base);
        let mut role = image.role();
        let mut note = None;
        if role == Role::Other && (service.build.is_some() && dockerfile.is_none()) {
            let tagged = service.image.as_ref().map(|i| ImageRef::parse(&i.value).role()).unwrap_or(Role::Other);
            role = if tagged == Role::Other { by_name(&service.name) } else { tagged };
            note = (role != Role::Other).then(|| format!("taken for {role:?} by the name {}", service.name));
        }
        let mut image_defaults = defaults(&image);
        if note.is_some() {
            image_defaults = defaults(&ImageRef { repository: standard(role).to_owned(), tag: None });
        }
        let (arguments, script) = arguments(service, dockerfile.as_ref(), &image_defaults);
        let workdir = service
            .working_dir
            .clone()
            .or_else(|| dockerfile.as_ref().and_then(|d| d.workdir.clone()))
            .unwrap_or_else(|| image_defaults.workdir.clone());
        let mut container = Self {
            service: service.name.clone(),
            role,
            image,
            built: service.build.is_some(),
            arguments,
            script,
            workdir,
            mounts: mounts(project, service, 0),
            image_volumes: image_defaults.volumes,
            image_config: image_defaults.config,
            listens: Vec::new(),
            note,
            dockerfile,
        };
        container.listens = container.ports(service, image_defaults.port);
        container
    }

    /// The version of its tag; `None` for the newest.
    pub fn version(&self) -> Option<Version> {
        self.image.version()
    }

    /// The value of a flag.
    pub fn flag(&self, name: &str) -> Option<&str> {
        flag(&self.arguments, name)
    }

    fn ports(&self, service: &Service, default: Option<u16>) -> Vec<u16> {
        let port_of = |address: &str| address.rsplit(':').next().and_then(|p| p.parse().ok());
        let told = match self.role {
            Role::Grafana => service.env("GF_SERVER_HTTP_PORT").and_then(|p| p.trim().parse().ok()),
            Role::Prometheus | Role::Alertmanager | Role::NodeExporter => {
                self.flag("web.listen-address").and_then(port_of)
            }
            Role::Other => None,
        };
        told.or(default).into_iter().collect()
    }

    /// The path of the configuration that the program reads.
    pub fn config_path(&self) -> String {
        let fallback = match self.role {
            Role::Alertmanager => "alertmanager.yml",
            _ => "prometheus.yml",
        };
        let named = self.flag("config.file").filter(|f| !f.is_empty()).unwrap_or(fallback);
        path::join(&self.workdir, named.trim_matches(['"', '\''])).unwrap_or_else(|| named.to_owned())
    }

    /// Where the file at a path comes from.
    pub fn provided(&self, project: &Project, at: &str, tree: &FileTree) -> Provided {
        let at = path::normalize(at).unwrap_or_else(|| at.to_owned());
        let service = project.service(&self.service);
        let given = service.and_then(|s| {
            s.materials.iter().rev().find(|g| path::normalize(&g.target).as_deref() == Some(at.as_str()))
        });
        let mount = self
            .mounts
            .iter()
            .filter_map(|m| Some((m, path::strip(&at, &m.target)?.to_owned())))
            .min_by_key(|(_, rest)| rest.len());
        if let Some((mount, rest)) = mount.filter(|(_, rest)| given.is_none() || rest.is_empty()) {
            return match &mount.source {
                Source::Bind(host) => Provided::Host(host.join(&rest), mount.place.clone()),
                Source::Named(name) => match project.volumes.get(name).and_then(|v| v.bound_to()) {
                    Some(device) => {
                        Provided::Host(HostPath::resolve(&project.dir, device).join(&rest), mount.place.clone())
                    }
                    None => Provided::Volume(format!("the volume {name}"), mount.place.clone()),
                },
                Source::Anonymous => Provided::Volume("an anonymous volume".to_owned(), mount.place.clone()),
                Source::Tmpfs => Provided::Nothing,
                Source::Other(kind) => Provided::Unknown(format!("it lies in a mount of type {kind}")),
            };
        }
        if let Some(given) = given {
            let section = if given.secret { &project.secrets } else { &project.configs };
            return match section.get(&given.source) {
                Some(material) => match (&material.file, &material.content, material.external) {
                    (Some(file), _, _) => Provided::Host(file.clone(), given.place.clone()),
                    (None, Some(content), _) => Provided::Inline(content.clone()),
                    _ => Provided::Unknown(format!("{} is made outside the repository", given.source)),
                },
                None => Provided::Nothing,
            };
        }
        if let (Some(dockerfile), Some(build)) = (&self.dockerfile, service.and_then(|s| s.build.as_ref())) {
            let context = build.context.inside().unwrap_or_default();
            if let Some((origin, span)) = dockerfile.origin(&at, context, tree) {
                return Provided::Copied(origin, Place { source: dockerfile.source.clone(), span });
            }
        } else if self.built {
            return Provided::Unknown("the Dockerfile is not in the repository".to_owned());
        }
        if self.image_config.as_deref() == Some(at.as_str()) { Provided::ImageDefault } else { Provided::Nothing }
    }
}

fn by_name(name: &str) -> Role {
    let name = name.to_ascii_lowercase();
    if name.contains("alertmanager") || name.contains("alert-manager") || name.contains("alert_manager") {
        Role::Alertmanager
    } else if name.contains("grafana") {
        Role::Grafana
    } else if name == "prometheus" || name.ends_with("-prometheus") || name.ends_with("_prometheus") {
        Role::Prometheus
    } else {
        Role::Other
    }
}

fn standard(role: Role) -> &'static str {
    match role {
        Role::Prometheus => "prom/prometheus",
        Role::Alertmanager => "prom/alertmanager",
        Role::Grafana => "grafana/grafana",
        Role::NodeExporter => "prom/node-exporter",
        Role::Other => "",
    }
}

/// Entry point and arguments as started, and the script when a shell is started.
fn arguments(service: &Service, dockerfile: Option<&Dockerfile>, image: &Defaults) -> (Vec<String>, Option<String>) {
    let built_entry = dockerfile.and_then(|d| d.entrypoint.clone());
    let built_command = dockerfile.and_then(|d| d.command.clone());
    let replaced = service.entrypoint.is_some();
    let inherits = built_entry.is_none();
    let entrypoint = match &service.entrypoint {
        Some(e) => e.value.clone(),
        None => built_entry.unwrap_or_else(|| image.entrypoint.clone()),
    };
    // A new entry point takes the image's arguments away.
    let own = if inherits { built_command.or_else(|| Some(image.command.clone())) } else { built_command };
    let command = match &service.command {
        Some(c) => c.value.clone(),
        None if replaced => Vec::new(),
        None => own.unwrap_or_default(),
    };
    let mut all: Vec<String> = entrypoint.into_iter().chain(command).collect();
    let shell = |word: &str| matches!(path::file_name(word), "sh" | "bash" | "ash");
    let at = all
        .iter()
        .position(|w| shell(w))
        .filter(|i| all.get(i + 1).is_some_and(|w| w.starts_with('-') && w.contains('c')));
    let script = at.and_then(|i| all.get(i + 2).cloned());
    if let Some(script) = &script {
        // Flags inside the script count like arguments; what joins commands is taken off.
        let inside = words(script).unwrap_or_else(|| script.split_whitespace().map(str::to_owned).collect());
        all.extend(inside.into_iter().map(|w| w.trim_end_matches([';', '&']).to_owned()));
    }
    (all, script)
}

fn mounts(project: &Project, service: &Service, depth: usize) -> Vec<Mount> {
    let mut all = Vec::new();
    for other in &service.volumes_from {
        let mut parts = other.value.split(':');
        let name = parts.next().unwrap_or_default();
        let read_only = parts.next() == Some("ro");
        if let Some(from) = project.service(name).filter(|_| depth < BORROWED) {
            all.extend(
                mounts(project, from, depth + 1)
                    .into_iter()
                    .map(|m| Mount { read_only: m.read_only || read_only, ..m }),
            );
        }
    }
    for mount in &service.mounts {
        super::mount::put(&mut all, mount.clone());
    }
    all
}
