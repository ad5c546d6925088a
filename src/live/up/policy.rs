//! What a compose project of a stranger may ask of the machine it runs on.
//!
//! Known keys are let through and everything else is refused, so that what a later compose program brings is refused too.

use std::path::Path;

use serde_json::{Map, Value};

use super::scratch::Place;

/// Keys of a service that reach no further than its own container.
const HARMLESS: [&str; 66] = [
    "annotations",
    "attach",
    "cap_drop",
    "command",
    "configs",
    "container_name",
    "cpu_count",
    "cpu_percent",
    "cpu_period",
    "cpu_quota",
    "cpu_shares",
    "cpus",
    "cpuset",
    "depends_on",
    "develop",
    "dns",
    "dns_opt",
    "dns_search",
    "domainname",
    "entrypoint",
    "env_file",
    "environment",
    "expose",
    "extra_hosts",
    "group_add",
    "healthcheck",
    "hostname",
    "image",
    "init",
    "label_file",
    "labels",
    "links",
    "logging",
    "mac_address",
    "mem_limit",
    "mem_reservation",
    "mem_swappiness",
    "memswap_limit",
    "name",
    "networks",
    "oom_kill_disable",
    "pids_limit",
    "platform",
    "ports",
    "profiles",
    "pull_policy",
    "pull_refresh_after",
    "read_only",
    "restart",
    "scale",
    "secrets",
    "shm_size",
    "stdin_open",
    "stop_grace_period",
    "stop_signal",
    "sysctls",
    "tmpfs",
    "tty",
    "ulimits",
    "user",
    "working_dir",
    "blkio_config",
    "deploy",
    "security_opt",
    "post_start",
    "pre_stop",
];
/// Keys of `build` that take nothing but the context.
const HARMLESS_BUILD: [&str; 10] = [
    "args",
    "cache_from",
    "context",
    "dockerfile",
    "dockerfile_inline",
    "labels",
    "no_cache",
    "pull",
    "shm_size",
    "target",
];
/// Top-level keys.
const HARMLESS_TOP: [&str; 6] = ["name", "services", "networks", "volumes", "configs", "secrets"];
/// Files of the machine that any container may read.
const PUBLIC: [&str; 2] = ["/etc/localtime", "/etc/timezone"];

/// Something a project asks for that reaches beyond its own containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The service, or the part of the file, that asks.
    pub who: String,
    /// What for, as the rest of a sentence that begins with `who`.
    pub what: String,
}

/// Everything in a resolved project that must not happen without trust; `root` is the repository's real path, `locate`
/// gives the real path of another one.
pub fn refusals(model: &Value, root: &Path, locate: &dyn Fn(&str) -> Place) -> Vec<Refusal> {
    let mut policy = Policy { root, locate, found: Vec::new() };
    policy.project(model);
    policy.found
}

struct Policy<'a> {
    root: &'a Path,
    locate: &'a dyn Fn(&str) -> Place,
    found: Vec<Refusal>,
}

/// Whether a value says nothing: compose writes such values for keys that are not there.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(s) => s.is_empty(),
        Value::Array(a) => a.is_empty(),
        Value::Object(o) => o.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

fn entries<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = (&'v String, &'v Value)> {
    value.get(key).and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

impl Policy<'_> {
    fn refuse(&mut self, who: &str, what: impl Into<String>) {
        let refusal = Refusal { who: who.to_owned(), what: what.into() };
        if !self.found.contains(&refusal) {
            self.found.push(refusal);
        }
    }

    fn project(&mut self, model: &Value) {
        for (key, _) in model.as_object().into_iter().flat_map(Map::iter).filter(|(_, v)| !is_empty(v)) {
            // Extensions are for people.
            if !HARMLESS_TOP.contains(&key.as_str()) && !key.starts_with("x-") {
                self.refuse("the file", format!("has {key}, which labkit does not know to be harmless"));
            }
        }
        for (name, service) in entries(model, "services") {
            self.service(name, service);
        }
        for (name, network) in entries(model, "networks") {
            let who = format!("the network {name}");
            if !is_empty(&network["external"]) {
                self.refuse(&who, "is one of other containers (external)");
            }
            if !matches!(text(network, "driver"), "" | "bridge") || !is_empty(&network["driver_opts"]) {
                self.refuse(&who, "has a driver or options of its own");
            }
        }
        for (name, volume) in entries(model, "volumes") {
            let who = format!("the volume {name}");
            if !is_empty(&volume["external"]) {
                self.refuse(&who, "is one of other containers (external)");
            }
            if !matches!(text(volume, "driver"), "" | "local") || !is_empty(&volume["driver_opts"]) {
                self.refuse(&who, "has a driver or options of its own, which can lead to any folder of the machine");
            }
        }
        for kind in ["configs", "secrets"] {
            for (name, material) in entries(model, kind) {
                let who = format!("{name} of {kind}");
                if !is_empty(&material["external"]) {
                    self.refuse(&who, "is made elsewhere (external)");
                }
                self.inside(&who, "reads", text(material, "file"));
            }
        }
    }

    fn service(&mut self, name: &str, service: &Value) {
        for (key, value) in service.as_object().into_iter().flat_map(Map::iter).filter(|(_, v)| !is_empty(v)) {
            match key.as_str() {
                "build" => self.build(name, value),
                "volumes" => self.mounts(name, value),
                "network_mode" => self.shares(name, "network", value, &["host", "none", "bridge", "default"]),
                "ipc" => self.shares(name, "ipc", value, &["private", "shareable", "none"]),
                "pid" => self.shares(name, "pid", value, &[]),
                "volumes_from" => {
                    for from in
                        list(service, key).iter().filter_map(Value::as_str).filter(|f| f.starts_with("container:"))
                    {
                        self.refuse(name, format!("takes the mounts of another container ({from})"));
                    }
                }
                "security_opt" => {
                    for option in list(service, key).iter().filter_map(Value::as_str) {
                        if !option.replace('=', ":").starts_with("no-new-privileges") {
                            self.refuse(name, format!("loosens its confinement (security_opt {option})"));
                        }
                    }
                }
                "post_start" | "pre_stop" => {
                    if list(service, key).iter().any(|hook| !is_empty(&hook["privileged"])) {
                        self.refuse(name, format!("has a privileged {key}"));
                    }
                }
                "deploy" => {
                    if !is_empty(&value["resources"]["reservations"]["devices"]) {
                        self.refuse(name, "wants devices of the machine");
                    }
                }
                "env_file" | "label_file" => {
                    for file in list(service, key) {
                        self.inside(name, "reads", file.as_str().unwrap_or_else(|| text(file, "path")));
                    }
                }
                "privileged" => self.refuse(name, "is privileged"),
                "cap_add" => self.refuse(name, format!("wants capabilities ({})", shown(value))),
                "devices" | "device_cgroup_rules" | "gpus" => self.refuse(name, "wants devices of the machine"),
                "provider" => self.refuse(name, "runs a program of the machine (provider)"),
                "use_api_socket" => self.refuse(name, "wants to command the engine (use_api_socket)"),
                "external_links" => self.refuse(name, "is linked to other containers (external_links)"),
                known if HARMLESS.contains(&known) || known.starts_with("x-") => {}
                other => self.refuse(name, format!("uses {other}, which labkit does not know to be harmless")),
            }
        }
    }

    /// Namespaces: its own, those of services, and what is listed.
    fn shares(&mut self, name: &str, what: &str, value: &Value, fine: &[&str]) {
        let mode = value.as_str().unwrap_or_default();
        if !fine.contains(&mode) && !mode.starts_with("service:") {
            let whose = if mode == "host" { "the machine's".to_owned() } else { format!("another's ({mode})") };
            self.refuse(name, format!("shares {whose} {what} namespace"));
        }
    }

    fn build(&mut self, name: &str, build: &Value) {
        for (key, value) in build.as_object().into_iter().flat_map(Map::iter).filter(|(_, v)| !is_empty(v)) {
            if !HARMLESS_BUILD.contains(&key.as_str()) {
                self.refuse(name, format!("is built with {key} ({})", shown(value)));
            }
        }
        let context = text(build, "context");
        if context.contains("://") || context.starts_with("git@") {
            return self.refuse(name, format!("is built from elsewhere ({context})"));
        }
        self.inside(name, "is built from", context);
        let dockerfile = text(build, "dockerfile");
        if !dockerfile.is_empty() {
            let whole = Path::new(context).join(dockerfile);
            self.inside(name, "is built by", &whole.to_string_lossy());
        }
    }

    fn mounts(&mut self, name: &str, mounts: &Value) {
        for mount in mounts.as_array().into_iter().flatten() {
            let source = text(mount, "source");
            match text(mount, "type") {
                "volume" | "tmpfs" => {}
                "bind" if PUBLIC.contains(&source) && !is_empty(&mount["read_only"]) => {}
                "bind" => self.inside(name, "mounts", source),
                other => self.refuse(name, format!("has a mount of the kind {other}")),
            }
        }
    }

    /// A path of the machine that must lie in the repository, links followed.
    fn inside(&mut self, who: &str, does: &str, path: &str) {
        if path.is_empty() {
            return;
        }
        let place = (self.locate)(path);
        if !place.real.starts_with(self.root) {
            let to = if place.real == Path::new(path) {
                String::new()
            } else {
                format!(", that is {}", place.real.display())
            };
            self.refuse(who, format!("{does} {path}{to}, outside the repository"));
        }
    }
}

/// A value in short.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::json;

    use super::*;

    fn told(model: &Value) -> Vec<String> {
        // /lab/link leads out of the repository.
        let locate = |path: &str| {
            let real = if path == "/lab/link" { PathBuf::from("/home") } else { PathBuf::from(path) };
            Place { real, exists: true }
        };
        refusals(model, Path::new("/lab"), &locate).iter().map(|r| format!("{} {}", r.who, r.what)).collect()
    }

    fn of_service(service: &Value) -> Vec<String> {
        told(&json!({"services": {"s": service}}))
    }

    #[test]
    fn what_a_lab_needs_is_let_through() {
        let service = json!({
            "command": null, "image": "prom/prometheus", "network_mode": "host", "privileged": false, "cap_add": [],
            "volumes": [
                {"type": "bind", "source": "/lab/monitoring/prometheus.yml", "target": "/etc/prometheus/prometheus.yml"},
                {"type": "bind", "source": "/etc/localtime", "target": "/etc/localtime", "read_only": true},
                {"type": "volume", "source": "data", "target": "/prometheus"},
            ],
            "build": {"context": "/lab/mock", "dockerfile": "Dockerfile"}, "pid": "service:other",
            "security_opt": ["no-new-privileges:true"], "ports": [{"target": 9090, "published": "9090"}],
        });
        assert_eq!(of_service(&service), Vec::<String>::new());
        let top = json!({"name": "x", "x-note": 1, "volumes": {"data": {"name": "x_data"}},
            "networks": {"default": {"name": "x_default", "driver": "bridge"}}, "secrets": {"s": {"file": "/lab/s"}}});
        assert_eq!(told(&top), Vec::<String>::new());
    }

    #[test]
    fn what_reaches_for_the_machine_is_refused() {
        let bind = |source: &str| json!({"volumes": [{"type": "bind", "source": source, "target": "/x"}]});
        for (service, wanted) in [
            (bind("/"), "s mounts /, outside the repository"),
            (bind("/labs"), "s mounts /labs, outside the repository"),
            (bind("/var/run/docker.sock"), "s mounts /var/run/docker.sock, outside the repository"),
            (bind("/lab/link"), "s mounts /lab/link, that is /home, outside the repository"),
            (bind("/etc/localtime"), "s mounts /etc/localtime, outside the repository"),
            (json!({"privileged": true}), "s is privileged"),
            (json!({"pid": "host"}), "s shares the machine's pid namespace"),
            (json!({"ipc": "host"}), "s shares the machine's ipc namespace"),
            (json!({"network_mode": "container:db"}), "s shares another's (container:db) network namespace"),
            (json!({"cap_add": ["SYS_ADMIN"]}), "s wants capabilities (SYS_ADMIN)"),
            (json!({"devices": [{"source": "/dev/sda"}]}), "s wants devices of the machine"),
            (
                json!({"security_opt": ["apparmor:unconfined"]}),
                "s loosens its confinement (security_opt apparmor:unconfined)",
            ),
            (json!({"provider": {"type": "sh"}}), "s runs a program of the machine (provider)"),
            (json!({"use_api_socket": true}), "s wants to command the engine (use_api_socket)"),
            (json!({"volumes_from": ["container:db"]}), "s takes the mounts of another container (container:db)"),
            (json!({"env_file": [{"path": "/etc/environment"}]}), "s reads /etc/environment, outside the repository"),
            (json!({"build": {"context": "/"}}), "s is built from /, outside the repository"),
            (
                json!({"build": {"context": "https://x.invalid/y.git"}}),
                "s is built from elsewhere (https://x.invalid/y.git)",
            ),
            (json!({"build": {"context": "/lab", "ssh": ["default"]}}), "s is built with ssh (default)"),
            (json!({"post_start": [{"command": ["x"], "privileged": true}]}), "s has a privileged post_start"),
            (json!({"of_next_year": 1}), "s uses of_next_year, which labkit does not know to be harmless"),
        ] {
            assert_eq!(of_service(&service), [wanted], "{service}");
        }
    }

    #[test]
    fn volumes_networks_and_secrets_of_others_are_refused() {
        let top = json!({
            "volumes": {"a": {"external": true}, "b": {"driver_opts": {"o": "bind", "device": "/"}}},
            "networks": {"n": {"external": true}, "m": {"driver": "macvlan"}},
            "secrets": {"s": {"file": "/root/.ssh/id_rsa"}},
            "models": {"llm": {}}, "include_of_old": [1],
        });
        assert_eq!(told(&top).len(), 7, "{:?}", told(&top));
    }
}
