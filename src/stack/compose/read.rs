//! From the merged tree to services, networks and volumes.

use std::collections::BTreeMap;

use super::command::words;
use super::interpolate::{Environment, dotenv};
use super::merge::pairs;
use super::mount::{self, HostPath, Mount, Source};
use super::port;
use super::project::{Build, Given, Joined, Material, Network, Project, Service, Spot, Volume};
use super::tree::{Key, Kind, Place, Tree};
use crate::stack::FileTree;
use crate::text::Diagnostic;

/// Reads the project; services outside the profiles are kept apart.
pub(super) fn project(
    root: &Tree,
    dir: &str,
    tree: &FileTree,
    env: &Environment,
    profiles: &[String],
    refused: &mut Vec<Diagnostic>,
    found: &mut Vec<Diagnostic>,
) -> Project {
    let mut reader = Reader { dir, tree, env, refused, found };
    let (mut services, mut inactive) = (Vec::new(), Vec::new());
    for (key, value) in root.get("services").map(Tree::entries).unwrap_or_default() {
        let wanted = value.get("profiles").map(Tree::texts).unwrap_or_default();
        let active = wanted.is_empty() || wanted.iter().any(|(p, _)| profiles.iter().any(|a| a == p || a == "*"));
        let service = reader.service(key, value, active);
        if active { services.push(service) } else { inactive.push(service) }
    }
    let section = |name: &str| root.get(name).map(Tree::entries).unwrap_or_default();
    let mut networks: BTreeMap<String, Network> =
        section("networks").iter().map(|(k, v)| (k.name.clone(), network(v))).collect();
    if services.iter().any(|s| s.networks.iter().any(|n| n.network == "default")) {
        networks.entry("default".to_owned()).or_default();
    }
    Project {
        dir: dir.to_owned(),
        files: Vec::new(),
        services,
        inactive,
        networks,
        volumes: section("volumes").iter().map(|(k, v)| (k.name.clone(), volume(v))).collect(),
        configs: section("configs").iter().map(|(k, v)| (k.name.clone(), material(k, v, dir))).collect(),
        secrets: section("secrets").iter().map(|(k, v)| (k.name.clone(), material(k, v, dir))).collect(),
        refused: Vec::new(),
        diagnostics: Vec::new(),
    }
}

struct Reader<'a> {
    dir: &'a str,
    tree: &'a FileTree,
    env: &'a Environment,
    refused: &'a mut Vec<Diagnostic>,
    found: &'a mut Vec<Diagnostic>,
}

fn spot(tree: Option<&Tree>) -> Option<Spot<String>> {
    tree.and_then(|t| Some(Spot { value: t.text()?.to_owned(), place: t.place.clone() }))
}

fn text(tree: &Tree, key: &str) -> Option<String> {
    tree.get(key).and_then(Tree::text).map(str::to_owned)
}

/// A list of `name=value` or a mapping, as pairs.
fn entries(tree: Option<&Tree>, key: &str) -> Vec<(Key, Tree)> {
    match tree.map(|t| &t.kind) {
        Some(Kind::Map(entries)) => entries.clone(),
        Some(Kind::Seq(items)) => pairs(items.clone(), key),
        _ => Vec::new(),
    }
}

impl Reader<'_> {
    fn service(&mut self, key: &Key, tree: &Tree, active: bool) -> Service {
        let empty = Tree::null_at(&tree.place);
        let mut mounts = mount::read(tree.get("volumes").unwrap_or(&empty), self.dir, self.refused);
        for (target, place) in tree.get("tmpfs").map(Tree::texts).unwrap_or_default() {
            let target = target.split(':').next().unwrap_or_default().to_owned();
            let memory =
                Mount { source: Source::Tmpfs, target, read_only: false, creates_source: false, subpath: None, place };
            mount::put(&mut mounts, memory);
        }
        let network_mode = spot(tree.some("network_mode"));
        let mut networks = self.networks(tree);
        if networks.is_empty() && network_mode.is_none() {
            let place = key.place.clone();
            networks.push(Joined { network: "default".to_owned(), aliases: Vec::new(), address: None, place });
        }
        let expose = tree.get("expose").map(Tree::texts).unwrap_or_default();
        let expose = expose.iter().filter_map(|(t, _)| port::range(t.split('/').next()?)).flat_map(|(a, b)| a..=b);
        let links = tree.get("links").map(Tree::texts).unwrap_or_default();
        let volumes_from = tree.get("volumes_from").map(Tree::texts).unwrap_or_default();
        Service {
            name: key.name.clone(),
            place: key.place.clone(),
            image: spot(tree.some("image")),
            build: self.build(tree),
            command: self.command(tree.some("command")),
            entrypoint: self.command(tree.some("entrypoint")),
            environment: self.environment(tree, active),
            ports: port::read(tree.get("ports").unwrap_or(&empty), self.refused),
            expose: expose.collect(),
            networks,
            network_mode,
            mounts,
            volumes_from: volumes_from.into_iter().map(|(value, place)| Spot { value, place }).collect(),
            materials: given(tree, "configs").into_iter().chain(given(tree, "secrets")).collect(),
            extra_hosts: entries(tree.get("extra_hosts"), "extra_hosts")
                .into_iter()
                .filter_map(|(k, v)| Some((k.name, v.texts().first()?.0.trim().to_owned())))
                .collect(),
            container_name: spot(tree.some("container_name")),
            hostname: text(tree, "hostname"),
            links: links
                .into_iter()
                .map(|(l, _)| match l.split_once(':') {
                    Some((service, alias)) => (service.to_owned(), alias.to_owned()),
                    None => (l.clone(), l),
                })
                .collect(),
            depends_on: match tree.get("depends_on").map(|d| &d.kind) {
                Some(Kind::Map(entries)) => entries
                    .iter()
                    .filter(|(_, v)| v.get("required").is_none_or(Tree::is_true))
                    .map(|(k, _)| Spot { value: k.name.clone(), place: k.place.clone() })
                    .collect(),
                Some(Kind::Seq(items)) => items.iter().filter_map(|i| spot(Some(i))).collect(),
                _ => Vec::new(),
            },
            profiles: tree.get("profiles").map(Tree::texts).unwrap_or_default().into_iter().map(|(p, _)| p).collect(),
            user: text(tree, "user"),
            working_dir: text(tree, "working_dir"),
        }
    }

    fn networks(&self, tree: &Tree) -> Vec<Joined> {
        let list = tree.get("networks");
        match list.map(|n| &n.kind) {
            Some(Kind::Map(entries)) => entries
                .iter()
                .map(|(k, v)| Joined {
                    network: k.name.clone(),
                    aliases: v
                        .get("aliases")
                        .map(Tree::texts)
                        .unwrap_or_default()
                        .into_iter()
                        .map(|(a, _)| a)
                        .collect(),
                    address: text(v, "ipv4_address"),
                    place: k.place.clone(),
                })
                .collect(),
            Some(Kind::Seq(_)) => list
                .map(Tree::texts)
                .unwrap_or_default()
                .into_iter()
                .map(|(network, place)| Joined { network, aliases: Vec::new(), address: None, place })
                .collect(),
            _ => Vec::new(),
        }
    }

    fn build(&self, tree: &Tree) -> Option<Build> {
        let build = tree.some("build")?;
        let context =
            build.text().map(str::to_owned).or_else(|| text(build, "context")).unwrap_or_else(|| ".".to_owned());
        Some(Build {
            context: HostPath::resolve(self.dir, &context),
            dockerfile: text(build, "dockerfile").unwrap_or_else(|| "Dockerfile".to_owned()),
            inline: text(build, "dockerfile_inline"),
            args: entries(build.get("args"), "args")
                .into_iter()
                .filter_map(|(k, v)| Some((k.name, v.text()?.to_owned())))
                .collect(),
            target: text(build, "target"),
            place: build.place.clone(),
        })
    }

    /// A command: a list as it is, a text split as a shell would.
    fn command(&mut self, tree: Option<&Tree>) -> Option<Spot<Vec<String>>> {
        let tree = tree?;
        let place = tree.place.clone();
        let value = match tree.text() {
            Some(text) => match words(text) {
                Some(words) => words,
                None => {
                    self.refused.push(place.error("the command's quotes are not closed").help("close the quote"));
                    Vec::new()
                }
            },
            None => tree.texts().into_iter().map(|(t, _)| t).collect(),
        };
        Some(Spot { value, place })
    }

    fn environment(&mut self, tree: &Tree, active: bool) -> Vec<(String, Option<String>, Place)> {
        let mut variables: Vec<(String, Option<String>, Place)> = Vec::new();
        let files = match tree.get("env_file").map(|e| &e.kind) {
            Some(Kind::Seq(items)) => items.clone(),
            Some(Kind::Scalar(..)) => tree.get("env_file").cloned().into_iter().filter(|e| !e.is_null()).collect(),
            _ => Vec::new(),
        };
        for file in files {
            let path = file.text().or_else(|| file.get("path").and_then(Tree::text)).unwrap_or_default();
            let required = file.get("required").is_none_or(Tree::is_true);
            let host = HostPath::resolve(self.dir, path);
            match host.inside().map(|p| self.tree.text(p)) {
                Some(Ok(source)) => {
                    let read = dotenv(&Place::start(&source), self.env, self.found);
                    variables.extend(read.into_iter().map(|(k, v)| (k, Some(v), file.place.clone())));
                }
                _ if !required || !active => {}
                Some(Err(_)) if host.inside().is_some_and(|p| self.tree.is_ignored(p, false)) => {
                    let message =
                        format!("{host} is not in the repository (git ignores it), so its values are not known");
                    self.found.push(file.place.info(message));
                }
                _ => {
                    let words = format!("env file {host} not found: stat {host}: no such file or directory");
                    let d = file.place.error(format!("env_file {host} does not exist")).upstream(words);
                    self.refused.push(d.help("make the file, or say `required: false`"));
                }
            }
        }
        for (key, value) in entries(tree.get("environment"), "environment") {
            let passed = || self.env.get(&key.name).cloned();
            let text = value.text().map(str::to_owned).or_else(passed);
            variables.retain(|(n, _, _)| *n != key.name);
            variables.push((key.name, text, value.place));
        }
        variables
    }
}

fn given(tree: &Tree, section: &str) -> Vec<Given> {
    let secret = section == "secrets";
    let items = tree.get(section).map(Tree::items).unwrap_or_default();
    items
        .iter()
        .filter_map(|item| {
            let source = item.text().map(str::to_owned).or_else(|| text(item, "source"))?;
            let target = text(item, "target").unwrap_or_else(|| source.clone());
            let target = match (target.starts_with('/'), secret) {
                (true, _) => target,
                (false, true) => format!("/run/secrets/{target}"),
                (false, false) => format!("/{target}"),
            };
            Some(Given { source, target, secret, place: item.place.clone() })
        })
        .collect()
}

/// `external: true`, or the old form with a name inside.
fn external(tree: &Tree) -> (bool, Option<String>) {
    match tree.some("external") {
        Some(e) if !e.entries().is_empty() => (true, text(e, "name")),
        Some(e) => (e.is_true(), None),
        None => (false, None),
    }
}

fn network(tree: &Tree) -> Network {
    let (external, inner) = external(tree);
    Network {
        name: text(tree, "name").or(inner),
        external,
        internal: tree.get("internal").is_some_and(Tree::is_true),
        driver: text(tree, "driver"),
    }
}

fn volume(tree: &Tree) -> Volume {
    let (external, inner) = external(tree);
    let options = tree.get("driver_opts").map(Tree::entries).unwrap_or_default();
    Volume {
        name: text(tree, "name").or(inner),
        external,
        driver: text(tree, "driver"),
        options: options.iter().filter_map(|(k, v)| Some((k.name.clone(), v.text()?.to_owned()))).collect(),
    }
}

fn material(key: &Key, tree: &Tree, dir: &str) -> Material {
    Material {
        file: tree.get("file").and_then(Tree::text).map(|f| HostPath::resolve(dir, f)),
        content: spot(tree.some("content")),
        environment: text(tree, "environment"),
        external: external(tree).0,
        place: key.place.clone(),
    }
}
