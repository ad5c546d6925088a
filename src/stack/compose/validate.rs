//! What docker compose refuses once the project is whole, and what `up` would stumble over.

use std::collections::{BTreeMap, BTreeSet};

use super::mount::Source;
use super::project::{Project, Service};
use crate::text::Diagnostic;

/// Checks references between services, networks, volumes, configs and secrets.
pub(super) fn check(project: &mut Project) {
    let mut refused = Vec::new();
    let mut found = Vec::new();
    for service in &project.services {
        references(project, service, &mut refused);
        oddities(project, service, &mut found);
    }
    names(project, &mut refused);
    circles(project, &mut refused);
    host_ports(project, &mut found);
    project.refused.extend(refused);
    project.diagnostics.extend(found);
}

fn undefined(place: &super::Place, words: String, help: String) -> Diagnostic {
    place.error(words.clone()).upstream(format!("{words}: invalid compose project")).help(help)
}

fn references(project: &Project, service: &Service, refused: &mut Vec<Diagnostic>) {
    let name = &service.name;
    if service.image.is_none() && service.build.is_none() {
        let words = format!("service {name:?} has neither an image nor a build context specified");
        refused.push(undefined(&service.place, words, "add `image:` to the service".to_owned()));
    }
    if let Some(mode) = &service.network_mode {
        if !service.networks.is_empty() {
            let words = format!("service {name} declares mutually exclusive `network_mode` and `networks`");
            refused.push(undefined(&mode.place, words, "remove one of the two".to_owned()));
        }
        if let Some(other) = mode.value.strip_prefix("service:")
            && project.service(other).is_none()
        {
            let words = format!("service {name:?} depends on undefined service {other:?}");
            refused.push(undefined(&mode.place, words, "name a service of this file".to_owned()));
        }
    }
    for joined in service.networks.iter().filter(|j| !project.networks.contains_key(&j.network)) {
        let network = &joined.network;
        let words = format!("service {name:?} refers to undefined network {network}");
        refused.push(undefined(&joined.place, words, format!("add `networks: {{{network}: }}` at the left margin")));
    }
    for mount in &service.mounts {
        let Source::Named(volume) = &mount.source else { continue };
        if !project.volumes.contains_key(volume) {
            let words = format!("service {name:?} refers to undefined volume {volume}");
            let help = if volume.contains(['/', '.']) {
                format!("write `./{volume}` when the folder is meant")
            } else {
                format!("add `volumes: {{{volume}: }}` at the left margin, or write `./{volume}` for a folder")
            };
            refused.push(undefined(&mount.place, words, help));
        }
    }
    for given in &service.materials {
        let (section, word) = if given.secret { (&project.secrets, "secret") } else { (&project.configs, "config") };
        if !section.contains_key(&given.source) {
            let words = format!("service {name:?} refers to undefined {word} {}", given.source);
            refused.push(undefined(&given.place, words, format!("declare it under `{word}s` at the left margin")));
        }
    }
    let known = |n: &str| project.service(n).is_some() || project.inactive.iter().any(|s| s.name == n);
    for other in service.depends_on.iter().filter(|d| !known(&d.value)) {
        let words = format!("service {name:?} depends on undefined service {:?}", other.value);
        refused.push(undefined(&other.place, words, "name a service of this file".to_owned()));
    }
}

/// What is accepted and still does not work, or not as meant.
fn oddities(project: &Project, service: &Service, found: &mut Vec<Diagnostic>) {
    let host = service.network_mode.as_ref().is_some_and(|m| m.value == "host");
    if let Some(port) = service.ports.first().filter(|_| host) {
        let d = port.place.info("ports are ignored with `network_mode: host`: the service listens on the host itself");
        found.push(d.help("remove the `ports` lines"));
    }
    for mount in service.mounts.iter().filter(|m| m.is_broken()) {
        let message =
            format!("observed the mount target {:?}, wanted an absolute path: a colon is missing", mount.target);
        found.push(mount.place.error(message).help("write SOURCE:TARGET"));
    }
    for other in &service.volumes_from {
        let named = other.value.split(':').next().unwrap_or_default();
        if named != "container" && project.service(named).is_none() {
            let message = format!("volumes_from names {named:?}, which is no service");
            found.push(other.place.error(message));
        }
    }
}

/// Container names must differ.
fn names(project: &Project, refused: &mut Vec<Diagnostic>) {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for service in &project.services {
        let Some(container) = &service.container_name else { continue };
        if let Some(first) = seen.insert(&container.value, &service.name) {
            let words = format!(
                "services.{}: container name {:?} is already in use by services.{first}",
                service.name, container.value
            );
            refused.push(undefined(&container.place, words, "give every container its own name".to_owned()));
        }
    }
}

/// `depends_on` must not lead back.
fn circles(project: &Project, refused: &mut Vec<Diagnostic>) {
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for start in &project.services {
        // A walk with its own stack: the path so far, and how many followers of each step were visited.
        let mut path: Vec<(&Service, usize)> = vec![(start, 0)];
        while let Some((service, next)) = path.last_mut() {
            let Some(follower) = service.depends_on.get(*next) else {
                done.insert(&service.name);
                path.pop();
                continue;
            };
            *next += 1;
            let Some(follower_service) = project.service(&follower.value).filter(|s| !done.contains(s.name.as_str()))
            else {
                continue;
            };
            if let Some(at) = path.iter().position(|(s, _)| s.name == follower.value) {
                let mut names: Vec<&str> = path[at..].iter().map(|(s, _)| s.name.as_str()).collect();
                names.push(&follower.value);
                let words = format!("dependency cycle detected: {}", names.join(" -> "));
                refused.push(follower.place.error(words.clone()).upstream(words).help("remove one `depends_on`"));
                return;
            }
            path.push((follower_service, 0));
        }
    }
}

/// Two services cannot have one port of the host.
fn host_ports(project: &Project, found: &mut Vec<Diagnostic>) {
    let mut taken: BTreeMap<(u16, &str), (&str, Option<&str>)> = BTreeMap::new();
    for service in project.services.iter().filter(|s| s.network_mode.as_ref().is_none_or(|m| m.value != "host")) {
        for port in &service.ports {
            let Some(published) = port.published_port() else { continue };
            let address = port.host_ip.as_deref().filter(|ip| !matches!(*ip, "0.0.0.0" | "::"));
            let key = (published, port.protocol.as_str());
            match taken.get(&key) {
                Some((first, other)) if address.is_none() || other.is_none() || *other == address => {
                    let message = format!("port {published} of the host is published by {first} and {}", service.name);
                    let d = port
                        .place
                        .error(message)
                        .upstream(format!("Bind for 0.0.0.0:{published} failed: port is already allocated"));
                    found.push(d.help("give one of them another port on the left"));
                }
                _ => {
                    taken.insert(key, (&service.name, address));
                }
            }
        }
    }
}
