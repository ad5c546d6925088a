//! The fields that a compose file may have, and the form of the most used ones.
//!
//! Facts: the compose specification as docker compose 2.40 reads it. Fields that begin with `x-` are free everywhere.

use super::tree::{Kind, Scalar, Tree};
use crate::text::Diagnostic;
use crate::yaml::nearest;

const TOP: &[&str] = &["version", "name", "include", "services", "models", "networks", "volumes", "secrets", "configs"];

const SERVICE: &[&str] = &[
    "annotations",
    "attach",
    "blkio_config",
    "build",
    "cap_add",
    "cap_drop",
    "cgroup",
    "cgroup_parent",
    "command",
    "configs",
    "container_name",
    "cpu_count",
    "cpu_percent",
    "cpu_period",
    "cpu_quota",
    "cpu_rt_period",
    "cpu_rt_runtime",
    "cpu_shares",
    "cpus",
    "cpuset",
    "credential_spec",
    "depends_on",
    "deploy",
    "develop",
    "device_cgroup_rules",
    "devices",
    "dns",
    "dns_opt",
    "dns_search",
    "domainname",
    "entrypoint",
    "env_file",
    "environment",
    "expose",
    "extends",
    "external_links",
    "extra_hosts",
    "gpus",
    "group_add",
    "healthcheck",
    "hostname",
    "image",
    "init",
    "ipc",
    "isolation",
    "label_file",
    "labels",
    "links",
    "logging",
    "mac_address",
    "mem_limit",
    "mem_reservation",
    "mem_swappiness",
    "memswap_limit",
    "models",
    "network_mode",
    "networks",
    "oom_kill_disable",
    "oom_score_adj",
    "pid",
    "pids_limit",
    "platform",
    "ports",
    "post_start",
    "pre_stop",
    "privileged",
    "profiles",
    "provider",
    "pull_policy",
    "pull_refresh_after",
    "read_only",
    "restart",
    "runtime",
    "scale",
    "secrets",
    "security_opt",
    "shm_size",
    "stdin_open",
    "stop_grace_period",
    "stop_signal",
    "storage_opt",
    "sysctls",
    "tmpfs",
    "tty",
    "ulimits",
    "use_api_socket",
    "user",
    "userns_mode",
    "uts",
    "volumes",
    "volumes_from",
    "working_dir",
];
const BUILD: &[&str] = &[
    "additional_contexts",
    "args",
    "cache_from",
    "cache_to",
    "context",
    "dockerfile",
    "dockerfile_inline",
    "entitlements",
    "extra_hosts",
    "isolation",
    "labels",
    "network",
    "no_cache",
    "platforms",
    "privileged",
    "provenance",
    "pull",
    "sbom",
    "secrets",
    "shm_size",
    "ssh",
    "tags",
    "target",
    "ulimits",
];
const NETWORK: &[&str] = &[
    "attachable",
    "driver",
    "driver_opts",
    "enable_ipv4",
    "enable_ipv6",
    "external",
    "internal",
    "ipam",
    "labels",
    "name",
];
const VOLUME: &[&str] = &["driver", "driver_opts", "external", "labels", "name"];
const CONFIG: &[&str] = &["content", "environment", "external", "file", "labels", "name", "template_driver"];
const SECRET: &[&str] =
    &["driver", "driver_opts", "environment", "external", "file", "labels", "name", "template_driver"];
const PORT: &[&str] = &["app_protocol", "host_ip", "mode", "name", "protocol", "published", "target"];
const MOUNT: &[&str] = &["bind", "consistency", "image", "read_only", "source", "target", "tmpfs", "type", "volume"];
const HEALTH: &[&str] = &["disable", "interval", "retries", "start_interval", "start_period", "test", "timeout"];
const JOINED: &[&str] = &[
    "aliases",
    "driver_opts",
    "gw_priority",
    "interface_name",
    "ipv4_address",
    "ipv6_address",
    "link_local_ips",
    "mac_address",
    "priority",
];
const EXTENDS: &[&str] = &["file", "service"];

/// Fields of a service that must be a list.
const LIST_ONLY: &[&str] = &[
    "cap_add",
    "cap_drop",
    "configs",
    "device_cgroup_rules",
    "devices",
    "expose",
    "external_links",
    "group_add",
    "links",
    "ports",
    "profiles",
    "secrets",
    "security_opt",
    "volumes",
    "volumes_from",
];
/// Fields of a service that must be a text; a bare number is refused.
const TEXT_ONLY: &[&str] = &[
    "cgroup",
    "cgroup_parent",
    "container_name",
    "cpuset",
    "domainname",
    "hostname",
    "image",
    "ipc",
    "isolation",
    "mac_address",
    "network_mode",
    "pid",
    "platform",
    "pull_policy",
    "restart",
    "runtime",
    "stop_grace_period",
    "stop_signal",
    "user",
    "userns_mode",
    "uts",
    "working_dir",
];
/// Fields of a service that are a list or a mapping.
const LIST_OR_MAP: &[&str] =
    &["annotations", "depends_on", "environment", "extra_hosts", "labels", "networks", "sysctls"];
/// Fields of a service that are a text or a list.
const TEXT_OR_LIST: &[&str] = &["command", "dns", "dns_search", "entrypoint", "env_file", "label_file", "tmpfs"];

/// Misspellings that students make, and what they mean.
const MEANT: &[(&str, &str)] = &[
    ("network-mode", "network_mode"),
    ("networkmode", "network_mode"),
    ("volume", "volumes"),
    ("port", "ports"),
    ("env", "environment"),
    ("depends-on", "depends_on"),
    ("container-name", "container_name"),
    ("extra-hosts", "extra_hosts"),
    ("service", "services"),
];

/// Everything a file breaks; empty when docker compose would read on.
pub fn check(file: &Tree) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if !matches!(file.kind, Kind::Map(_)) {
        found.push(file.place.error(format!("observed {}, wanted a mapping with `services`", file.describe())));
        return found;
    }
    fields(file, "", TOP, &mut found);
    for (section, known) in
        [("services", SERVICE), ("networks", NETWORK), ("volumes", VOLUME), ("configs", CONFIG), ("secrets", SECRET)]
    {
        let Some(tree) = file.some(section) else { continue };
        if !matches!(tree.kind, Kind::Map(_)) {
            found.push(wrong(tree, section, "a mapping of names"));
            continue;
        }
        for (name, value) in tree.entries() {
            let path = format!("{section}.{}", name.name);
            if name.name.starts_with("x-") && section != "services" {
                continue;
            }
            if !matches!(value.kind, Kind::Map(_)) {
                if !value.is_null() || section == "services" {
                    found.push(wrong(value, &path, "a mapping"));
                }
                continue;
            }
            fields(value, &path, known, &mut found);
            if section == "services" {
                service(value, &path, &mut found);
            }
        }
    }
    found
}

fn service(tree: &Tree, path: &str, found: &mut Vec<Diagnostic>) {
    for (key, value) in tree.entries().iter().filter(|(_, v)| !v.is_null()) {
        let at = format!("{path}.{}", key.name);
        let name = key.name.as_str();
        let is_list = matches!(value.kind, Kind::Seq(_));
        let is_map = matches!(value.kind, Kind::Map(_));
        if LIST_ONLY.contains(&name) && !is_list {
            let d = wrong(value, &at, "a list");
            found.push(d.upstream(format!("{at} must be a array")).help("put `- ` before each item"));
        } else if TEXT_ONLY.contains(&name) && !matches!(value.kind, Kind::Scalar(_, Scalar::Text)) {
            let d = wrong(value, &at, "a text");
            found.push(d.upstream(format!("{at} must be a string")).help("put the value in quotes"));
        } else if (LIST_OR_MAP.contains(&name) && !is_list && !is_map) || (TEXT_OR_LIST.contains(&name) && is_map) {
            let wanted = if LIST_OR_MAP.contains(&name) { "a list or a mapping" } else { "a text or a list" };
            found.push(wrong(value, &at, wanted));
        }
    }
    for (section, known) in [("build", BUILD), ("healthcheck", HEALTH), ("extends", EXTENDS)] {
        if let Some(inner) = tree.get(section) {
            fields(inner, &format!("{path}.{section}"), known, found);
        }
    }
    for (name, joined) in tree.get("networks").map(Tree::entries).unwrap_or_default() {
        fields(joined, &format!("{path}.networks.{}", name.name), JOINED, found);
    }
    for (section, known) in [("ports", PORT), ("volumes", MOUNT)] {
        for (i, item) in tree.get(section).map(Tree::items).unwrap_or_default().iter().enumerate() {
            let at = format!("{path}.{section}.{i}");
            match &item.kind {
                Kind::Map(_) => fields(item, &at, known, found),
                Kind::Scalar(_, Scalar::Text) => {}
                Kind::Scalar(_, Scalar::Number) if section == "ports" => {}
                _ => found.push(wrong(item, &at, "a text or a mapping")),
            }
        }
    }
    for (name, value) in tree.get("environment").map(Tree::entries).unwrap_or_default() {
        if !matches!(value.kind, Kind::Scalar(..)) {
            found.push(wrong(value, &format!("{path}.environment.{}", name.name), "a text"));
        }
    }
    for section in ["environment", "command", "entrypoint", "expose", "profiles", "links", "volumes_from"] {
        for (i, item) in tree.get(section).map(Tree::items).unwrap_or_default().iter().enumerate() {
            if !matches!(item.kind, Kind::Scalar(..)) {
                let help = "put the whole item in quotes: a colon and a blank make it a mapping";
                found.push(wrong(item, &format!("{path}.{section}.{i}"), "a text").help(help));
            }
        }
    }
}

/// Reports unknown fields of a mapping.
fn fields(tree: &Tree, path: &str, known: &[&str], found: &mut Vec<Diagnostic>) {
    for (key, _) in tree.entries() {
        let name = key.name.as_str();
        if name.starts_with("x-") || known.contains(&name) {
            continue;
        }
        let dotted = if path.is_empty() { "(root)" } else { path };
        let upstream = format!("{dotted} additional properties '{name}' not allowed");
        let message = if path.is_empty() {
            format!("`{name}` is no field of a compose file")
        } else {
            format!("`{name}` is no field of `{path}`")
        };
        let d = key.place.error(message).upstream(upstream);
        let meant =
            MEANT.iter().find(|(wrong, right)| *wrong == name && known.contains(right)).map(|(_, right)| *right);
        found.push(match meant.or_else(|| nearest(name, known.iter().copied())) {
            Some(right) => d.help(format!("write `{right}`")),
            None if path.is_empty() && SERVICE.contains(&name) => {
                d.help(format!("move `{name}` into the service it is for, two levels below `services`"))
            }
            None if path.is_empty() => d.help("move the service below `services`, indented"),
            None => d.help("remove it, or begin its name with `x-`"),
        });
    }
}

fn wrong(tree: &Tree, path: &str, wanted: &str) -> Diagnostic {
    tree.place.error(format!("`{path}`: observed {}, wanted {wanted}", tree.describe()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::SourceText;

    fn messages(text: &str) -> Vec<(String, Option<String>)> {
        let tree = Tree::parse(&SourceText::new("c.yml", text)).unwrap().unwrap();
        check(&tree).into_iter().map(|d| (d.message, d.help)).collect()
    }

    #[test]
    fn unknown_fields_are_told_with_the_right_one() {
        let found = messages("services: {p: {image: i, network-mode: host}}");
        assert_eq!(found, [("`network-mode` is no field of `services.p`".into(), Some("write `network_mode`".into()))]);
        assert_eq!(messages("grafana: {image: g}\nx-free: 1").len(), 1);
    }

    #[test]
    fn forms_are_checked() {
        assert_eq!(messages("services: {g: {image: g, user: 472, ports: 3000, environment: {A: {b: c}}}}").len(), 3);
        assert_eq!(
            messages("services: {g: {image: g, ports: [3000, '1:1', {target: 1}], x-y: 1, command: null}}").len(),
            0
        );
        assert_eq!(messages("services: [a]").len(), 1);
        assert_eq!(messages("services: {g: }").len(), 1);
    }
}
