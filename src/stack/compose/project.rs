//! A compose project after loading: what would be started, each value with its place.

use std::collections::BTreeMap;

use super::mount::{HostPath, Mount};
use super::port::Port;
use super::tree::Place;
use crate::text::{Diagnostic, Severity};

/// A value and where it is written.
#[derive(Clone, Debug)]
pub struct Spot<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub place: Place,
}

/// A project.
#[derive(Clone, Debug)]
pub struct Project {
    /// Its folder in the repository: that of the first file.
    pub dir: String,
    /// Every file that was read, in order: compose files, overrides, included and extended ones.
    pub files: Vec<String>,
    /// The services that `up` would start, in the order of the files.
    pub services: Vec<Service>,
    /// Services that only a profile would start.
    pub inactive: Vec<Service>,
    /// Networks by their name in the file; `default` is there when something uses it.
    pub networks: BTreeMap<String, Network>,
    /// Volumes by their name in the file.
    pub volumes: BTreeMap<String, Volume>,
    /// Configs by their name in the file.
    pub configs: BTreeMap<String, Material>,
    /// Secrets by their name in the file.
    pub secrets: BTreeMap<String, Material>,
    /// What `docker compose config` refuses; it starts nothing then.
    pub refused: Vec<Diagnostic>,
    /// Everything else worth saying, `up` failures among it (as errors).
    pub diagnostics: Vec<Diagnostic>,
}

impl Project {
    /// The service of a name.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|s| s.name == name)
    }

    /// Whether docker compose accepts the files.
    pub fn is_accepted(&self) -> bool {
        self.refused.is_empty()
    }

    /// Whether `up` would fail although the files are accepted.
    pub fn fails_to_start(&self) -> Option<&Diagnostic> {
        self.diagnostics.iter().find(|d| d.severity == Severity::Error)
    }
}

/// A service.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its place.
    pub place: Place,
    /// Its image.
    pub image: Option<Spot<String>>,
    /// How it is built.
    pub build: Option<Build>,
    /// Arguments that replace the image's own; empty ones too.
    pub command: Option<Spot<Vec<String>>>,
    /// What replaces the image's entry point.
    pub entrypoint: Option<Spot<Vec<String>>>,
    /// Environment, that of `env_file` before that of `environment`; nothing for names passed on from the shell.
    pub environment: Vec<(String, Option<String>, Place)>,
    /// Published ports.
    pub ports: Vec<Port>,
    /// Ports that only containers reach.
    pub expose: Vec<u16>,
    /// Networks it joins, with its other names there; empty with `network_mode`.
    pub networks: Vec<Joined>,
    /// `network_mode`.
    pub network_mode: Option<Spot<String>>,
    /// What is mounted into it, in order, one for each target.
    pub mounts: Vec<Mount>,
    /// Services or containers whose mounts it shares.
    pub volumes_from: Vec<Spot<String>>,
    /// Configs and secrets it is given.
    pub materials: Vec<Given>,
    /// Names that `/etc/hosts` resolves.
    pub extra_hosts: Vec<(String, String)>,
    /// `container_name`.
    pub container_name: Option<Spot<String>>,
    /// `hostname`.
    pub hostname: Option<String>,
    /// `links`: service and alias.
    pub links: Vec<(String, String)>,
    /// Services that must be there.
    pub depends_on: Vec<Spot<String>>,
    /// Profiles it belongs to.
    pub profiles: Vec<String>,
    /// `user`.
    pub user: Option<String>,
    /// `working_dir`.
    pub working_dir: Option<String>,
}

impl Service {
    /// The value of an environment variable.
    pub fn env(&self, name: &str) -> Option<&str> {
        self.environment.iter().rev().find(|(n, _, _)| n == name).and_then(|(_, v, _)| v.as_deref())
    }
}

/// A network a service joins.
#[derive(Clone, Debug)]
pub struct Joined {
    /// Its name in the file.
    pub network: String,
    /// Further names of the service there.
    pub aliases: Vec<String>,
    /// A fixed address.
    pub address: Option<String>,
    /// Where it is written; the service's place for the default network.
    pub place: Place,
}

/// How an image is built.
#[derive(Clone, Debug)]
pub struct Build {
    /// The folder that `COPY` copies from.
    pub context: HostPath,
    /// The Dockerfile, relative to the context.
    pub dockerfile: String,
    /// A Dockerfile written into the compose file.
    pub inline: Option<String>,
    /// Build arguments.
    pub args: Vec<(String, String)>,
    /// The stage to build.
    pub target: Option<String>,
    /// Its place.
    pub place: Place,
}

/// A network.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// Its real name when it is not made from the project's.
    pub name: Option<String>,
    /// Whether it is made elsewhere.
    pub external: bool,
    /// Whether it is cut off from the world.
    pub internal: bool,
    /// Its driver.
    pub driver: Option<String>,
}

/// A volume.
#[derive(Clone, Debug, Default)]
pub struct Volume {
    /// Its real name when it is not made from the project's.
    pub name: Option<String>,
    /// Whether it is made elsewhere.
    pub external: bool,
    /// Its driver.
    pub driver: Option<String>,
    /// Options of the driver.
    pub options: BTreeMap<String, String>,
}

impl Volume {
    /// Whether it lives in memory.
    pub fn is_tmpfs(&self) -> bool {
        self.options.get("type").is_some_and(|t| t == "tmpfs")
    }

    /// The folder it is bound to, when it is a bind in disguise.
    pub fn bound_to(&self) -> Option<&str> {
        let bind = self.options.get("o").is_some_and(|o| o.split(',').any(|o| o.trim() == "bind"));
        self.options.get("device").filter(|_| bind).map(String::as_str)
    }
}

/// A config or secret.
#[derive(Clone, Debug)]
pub struct Material {
    /// The file it comes from.
    pub file: Option<HostPath>,
    /// Its text, written into the compose file.
    pub content: Option<Spot<String>>,
    /// The variable it comes from.
    pub environment: Option<String>,
    /// Whether it is made elsewhere.
    pub external: bool,
    /// Its place.
    pub place: Place,
}

/// A config or secret given to a service.
#[derive(Clone, Debug)]
pub struct Given {
    /// Its name at the top level.
    pub source: String,
    /// Where it lies in the container.
    pub target: String,
    /// Whether it is a secret.
    pub secret: bool,
    /// Its place.
    pub place: Place,
}
