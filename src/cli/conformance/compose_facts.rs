//! Suite `compose-facts`: small compose projects, what docker compose makes of them, and what follows for the lab.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::{SuiteError, SuiteReport, read};
use crate::check::probe::files;
use crate::stack::FileTree;
use crate::stack::compose::image::Role;
use crate::stack::compose::network::{Attachment, Network, Reach, attachment};
use crate::stack::compose::persist::{of_grafana, of_path};
use crate::stack::compose::{Container, HostPath, LoadOptions, Mount, Project, Provided, Service, Source, load};

/// The port the cases put the mock on.
const MOCK: u16 = 9000;

/// Runs the suite.
pub fn run(path: &Path, _dialect: Option<&str>) -> Result<SuiteReport, SuiteError> {
    let mut report = SuiteReport::default();
    let table = read(&path.join("facts.tsv"))?;
    let mut lines = table.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    for line in lines.filter(|l| !l.trim().is_empty()) {
        let row: BTreeMap<&str, &str> = header.iter().copied().zip(line.split('\t')).collect();
        let case = row.get("case").copied().unwrap_or_default();
        let tree = match files::open(&path.join("cases").join(case)) {
            Ok(tree) => tree,
            Err(e) => {
                report.fail(case, "a readable case", e.to_string());
                continue;
            }
        };
        let options = options(row.get("args").copied().unwrap_or_default());
        let Some(project) = load(&tree, "", &options) else {
            report.fail(case, "a compose file", "none found");
            continue;
        };
        let mut wanted = Vec::new();
        let mut got = Vec::new();
        let observed = facts(&project, &tree);
        for (name, value) in &observed {
            let want = row.get(name.as_str()).copied().unwrap_or_default();
            let skip = name != "config_rc" && observed["prometheus_reaches_host_mock"] == "invalid" && want.is_empty();
            if !skip && want != value {
                wanted.push(format!("{name}={want}"));
                got.push(format!("{name}={value}"));
            }
        }
        if let Ok(text) = std::fs::read_to_string(path.join("expected").join(format!("{case}.json"))) {
            let expected: Value = serde_json::from_str(&text).unwrap_or_default();
            differences(&expected, &model(&project), "", &mut wanted, &mut got);
        }
        if !got.is_empty() {
            got.extend(project.refused.iter().map(|d| d.message.clone()));
        }
        report.compare(case, wanted.join("; "), got.join("; "));
    }
    Ok(report)
}

fn options(args: &str) -> LoadOptions {
    let mut options = LoadOptions::default();
    let mut words = args.split_whitespace();
    while let Some(word) = words.next() {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, value.to_owned()),
            None => (word, words.next().unwrap_or_default().to_owned()),
        };
        match name {
            "--profile" => options.profiles.push(value),
            "-f" | "--file" => options.files.push(value),
            "--env-file" => options.env_files.push(value),
            _ => {}
        }
    }
    options
}

/// The facts of a project, by the names of the table's columns.
fn facts(project: &Project, tree: &FileTree) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    let mut say = |name: &str, value: &str| {
        facts.insert(name.to_owned(), value.to_owned());
    };
    say("config_rc", if project.is_accepted() { "0" } else { "1" });
    if !project.is_accepted() || project.services.is_empty() {
        say("prometheus_reaches_host_mock", "invalid");
        return facts;
    }
    let containers: Vec<Container> = project.services.iter().map(|s| Container::of(project, s, tree)).collect();
    let network = Network { project, containers: &containers };
    let find = |role| {
        let container = containers.iter().find(|c| c.role == role)?;
        Some((project.service(&container.service)?, container))
    };
    let config = |role| match find(role) {
        None => "absent",
        Some((_, c)) => match c.provided(project, &c.config_path(), tree) {
            Provided::Host(..) | Provided::Inline(_) | Provided::Copied(..) | Provided::Volume(..) => "yes",
            Provided::Unknown(_) if c.built => "dockerfile",
            _ => "no",
        },
    };
    let reach = find(Role::Prometheus).map_or("absent".to_owned(), |(s, _)| mock(&network, s));
    say("prometheus_reaches_host_mock", &reach);
    say("prometheus_config", config(Role::Prometheus));
    say("alertmanager_config", config(Role::Alertmanager));
    let grafana = find(Role::Grafana);
    say("grafana_data", grafana.map_or("absent", |(s, c)| of_grafana(project, s, c).as_str()));
    say("grafana_published", &grafana.map_or("no".to_owned(), |(s, c)| published(project, s, c)));
    let mut other = Vec::new();
    if let (Some((g, _)), Some((p, prometheus))) = (grafana, find(Role::Prometheus)) {
        let (a, b) = (attachment(project, g), attachment(project, p));
        if let (Attachment::Networks(a), Attachment::Networks(b)) = (a, b)
            && a.is_disjoint(&b)
        {
            other.push("grafana_prom=no".to_owned());
        }
        let data = of_path(project, prometheus, "/prometheus");
        if data.survives_down() {
            other.push(format!("prom_data={}", data.as_str()));
        }
    }
    say("other", &other.join(" "));
    facts
}

/// Under which name Prometheus reaches the mock.
fn mock(network: &Network<'_>, prometheus: &Service) -> String {
    let reaches_host = |name: &str| matches!(network.reach(prometheus, name, MOCK), Reach::Host { .. });
    if reaches_host("localhost") {
        return "yes".to_owned();
    }
    let gateway = prometheus.extra_hosts.iter().map(|(name, _)| name).find(|name| reaches_host(name));
    let service = || {
        let others = network.containers.iter().filter(|c| c.role == Role::Other);
        let mut serving = others
            .filter_map(|c| network.project.service(&c.service))
            .filter(|s| s.expose.contains(&MOCK) || s.ports.iter().any(|p| p.target == MOCK) || s.build.is_some());
        serving.find(|s| matches!(network.reach(prometheus, &s.name, MOCK), Reach::Service { .. })).map(|s| &s.name)
    };
    gateway.or_else(service).map_or_else(|| "no".to_owned(), |name| format!("via {name}"))
}

/// Where Grafana can be seen from the host.
fn published(project: &Project, service: &Service, container: &Container) -> String {
    if attachment(project, service) == Attachment::Host {
        return "host".to_owned();
    }
    let port = service.ports.iter().find(|p| container.listens.contains(&p.target));
    match port.map(|p| p.published.clone()) {
        None => "no".to_owned(),
        Some(None) => "random".to_owned(),
        Some(Some(published)) => published,
    }
}

/// What was loaded, in the shape of `docker compose config --format json` as far as labkit reads it.
fn model(project: &Project) -> Value {
    let services: Map<String, Value> = project.services.iter().map(|s| (s.name.clone(), service(s))).collect();
    let used: Vec<&str> = project.services.iter().flat_map(|s| &s.networks).map(|n| n.network.as_str()).collect();
    let networks = project.networks.iter().filter(|(k, _)| used.contains(&k.as_str()));
    let networks = networks.map(|(k, n)| (k.clone(), named(k, n.name.as_deref(), n.external))).collect::<Map<_, _>>();
    let mounted = |k: &str| {
        project.services.iter().flat_map(|s| &s.mounts).any(|m| matches!(&m.source, Source::Named(n) if n == k))
    };
    let volumes = project.volumes.iter().filter(|(k, _)| mounted(k));
    let volumes = volumes.map(|(k, v)| (k.clone(), named(k, v.name.as_deref(), v.external))).collect::<Map<_, _>>();
    json!({"services": services, "networks": networks, "volumes": volumes})
}

fn named(key: &str, name: Option<&str>, external: bool) -> Value {
    let own = if external { key.to_owned() } else { format!("lab_{key}") };
    json!({"name": name.map_or(own, str::to_owned)})
}

fn service(s: &Service) -> Value {
    let mut map = Map::new();
    let mut put = |key: &str, value: Value| {
        map.insert(key.to_owned(), value);
    };
    put("image", json!(s.image.as_ref().map(|i| &i.value)));
    put("network_mode", json!(s.network_mode.as_ref().map(|m| &m.value)));
    put("command", json!(s.command.as_ref().map(|c| &c.value)));
    put("entrypoint", json!(s.entrypoint.as_ref().map(|c| &c.value)));
    let environment: Map<String, Value> = s.environment.iter().map(|(k, v, _)| (k.clone(), json!(v))).collect();
    put("environment", if environment.is_empty() { Value::Null } else { Value::Object(environment) });
    let ports: Vec<Value> = s
        .ports
        .iter()
        .map(|p| json!({"target": p.target, "published": p.published, "host_ip": p.host_ip, "protocol": p.protocol}))
        .collect();
    put("ports", if ports.is_empty() { Value::Null } else { Value::Array(ports) });
    let networks: Map<String, Value> = s.networks.iter().map(|n| (n.network.clone(), Value::Null)).collect();
    put("networks", if networks.is_empty() { Value::Null } else { Value::Object(networks) });
    // What the field `tmpfs` gives is listed apart from the mounts.
    let listed = |m: &&Mount| m.source != Source::Tmpfs || m.creates_source;
    let volumes: Vec<Value> = s.mounts.iter().filter(listed).map(mount).collect();
    put("volumes", if volumes.is_empty() { Value::Null } else { Value::Array(volumes) });
    let hosts: Vec<String> = s.extra_hosts.iter().map(|(name, address)| format!("{name}={address}")).collect();
    put("extra_hosts", if hosts.is_empty() { Value::Null } else { json!(hosts) });
    Value::Object(map)
}

fn mount(m: &Mount) -> Value {
    let (kind, source) = match &m.source {
        Source::Bind(HostPath::Inside(path)) => {
            ("bind", Some(format!("/CASE/{path}").trim_end_matches('/').to_owned()))
        }
        Source::Bind(HostPath::Outside(path)) => ("bind", Some(path.replacen('~', "/home/student", 1))),
        Source::Named(name) => ("volume", Some(name.clone())),
        Source::Anonymous => ("volume", None),
        Source::Tmpfs => ("tmpfs", None),
        Source::Other(kind) => (kind.as_str(), None),
    };
    json!({"type": kind, "source": source, "target": m.target, "read_only": m.read_only.then_some(true)})
}

/// Compares what `got` says with the same places of `expected`.
fn differences(expected: &Value, got: &Value, at: &str, wanted: &mut Vec<String>, found: &mut Vec<String>) {
    match (expected, got) {
        (_, Value::Object(map)) if expected.is_object() || map.values().all(Value::is_null) || map.is_empty() => {
            for (key, value) in map {
                let inner = expected.get(key).cloned().unwrap_or_default();
                differences(&inner, value, &format!("{at}.{key}"), wanted, found);
            }
            for key in expected.as_object().map(|e| e.keys()).into_iter().flatten() {
                let collection = at.ends_with(".services") || at.ends_with(".networks") || at.ends_with(".volumes");
                if collection && !map.contains_key(key) {
                    wanted.push(format!("{at}.{key}"));
                    found.push(format!("no {at}.{key}"));
                }
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                differences(a, b, &format!("{at}[{i}]"), wanted, found);
            }
        }
        _ if expected == got => {}
        // Outside the case's folder both name a place that is not compared.
        _ if at.ends_with(".source") && expected.as_str().is_some_and(|e| e.contains("/../")) => {}
        _ => {
            wanted.push(format!("{at}={expected}"));
            found.push(format!("{at}={got}"));
        }
    }
}
