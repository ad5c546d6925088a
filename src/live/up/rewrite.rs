//! A resolved compose project changed so that it lives apart: nothing of it has a name that others may have, nothing
//! writes to the student's files, and what would go to Discord comes to labkit.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::scratch::{Place, Scratch};
use super::webhooks;
use crate::stack::path;
use crate::text::SourceText;

/// The name that leads from a container to this machine.
pub const HOST: &str = "host.docker.internal";
/// Processes a container of a stranger may have.
const PIDS: u32 = 4096;

/// Alertmanager in the project.
#[derive(Clone, Debug)]
pub struct AlertmanagerAt {
    /// Its service.
    pub service: String,
    /// Where it reads its configuration, in its container.
    pub config_path: String,
    /// What it reads.
    pub config: SourceText,
}

/// What is to be changed.
pub struct Changes<'a> {
    /// The repository's real path.
    pub root: &'a Path,
    /// Whether the project may do whatever it asks for.
    pub trust: bool,
    /// labkit's webhook, as containers reach it.
    pub webhook: &'a str,
    /// Alertmanager, when it is known what it reads.
    pub alertmanager: Option<&'a AlertmanagerAt>,
    /// Ports that are to be reached from this machine: service and port.
    pub reach: &'a [(String, u16)],
}

/// What came of it.
#[derive(Debug)]
pub struct Rewritten {
    /// The project to start.
    pub model: Value,
    /// Receivers of Alertmanager that are told as written.
    pub untouched: Vec<String>,
}

/// Changes a project.
///
/// # Errors
/// A file cannot be copied or written.
pub fn rewrite(mut model: Value, changes: &Changes<'_>, scratch: &mut Scratch) -> io::Result<Rewritten> {
    let mut untouched = Vec::new();
    for kind in ["networks", "volumes"] {
        for (_, thing) in entries_mut(&mut model, kind) {
            if thing.get("external").is_none()
                && let Some(thing) = thing.as_object_mut()
            {
                // A name of its own may be that of somebody else's volume, which the end would remove.
                thing.remove("name");
            }
        }
    }
    let mut services = model.get("services").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut guests: Vec<String> = Vec::new();
    for (name, service) in &mut services {
        let Some(service) = service.as_object_mut() else { continue };
        plain(service, changes.trust);
        mounts(service, changes.root, scratch)?;
        let mut talks = false;
        for key in ["environment", "command", "entrypoint"] {
            talks |= service.get_mut(key).is_some_and(|v| replace_webhooks(v, changes.webhook));
        }
        if let Some(at) = changes.alertmanager.filter(|a| a.service == *name) {
            let replaced = webhooks::in_alertmanager(&at.config, changes.webhook);
            put(service, &at.config_path, &replaced.text, scratch)?;
            for file in &replaced.files {
                let folder = path::parent(&at.config_path);
                if let Some(target) = path::join(folder, file).filter(|t| is_provided(service, t)) {
                    put(service, &target, changes.webhook, scratch)?;
                }
            }
            untouched = replaced.untouched;
            talks = true;
        }
        if talks {
            guests.push(network_of(name, service));
        }
        for (_, port) in changes.reach.iter().filter(|(s, _)| s == name) {
            publish(service, *port);
        }
    }
    for guest in guests {
        if let Some(service) = services.get_mut(&guest).and_then(Value::as_object_mut) {
            know_host(service);
        }
    }
    if let Some(all) = model.as_object_mut() {
        all.remove("name");
        all.insert("services".to_owned(), Value::Object(services));
    }
    Ok(Rewritten { model, untouched })
}

fn entries_mut<'v>(model: &'v mut Value, key: &str) -> impl Iterator<Item = (&'v String, &'v mut Value)> {
    model.get_mut(key).and_then(Value::as_object_mut).into_iter().flat_map(Map::iter_mut)
}

fn array<'v>(service: &'v mut Map<String, Value>, key: &str) -> &'v mut Vec<Value> {
    let value = service.entry(key).or_insert_with(|| json!([]));
    if !value.is_array() {
        *value = json!([]);
    }
    match value {
        Value::Array(items) => items,
        _ => unreachable!("it was made an array"),
    }
}

/// Takes away what would meet other containers and images.
fn plain(service: &mut Map<String, Value>, trust: bool) {
    service.remove("container_name");
    if service.get("build").is_some_and(|b| !b.is_null()) {
        // What is built must not take the place of an image of this machine.
        service.remove("image");
    }
    if !trust {
        // Labels and logs are read by other programs of the machine.
        for key in ["labels", "label_file", "logging", "annotations", "develop"] {
            service.remove(key);
        }
        if service.get("pids_limit").is_none_or(Value::is_null) && service.get("deploy").is_none_or(Value::is_null) {
            service.insert("pids_limit".to_owned(), json!(PIDS));
        }
    }
}

/// Mounts of the repository: copies of what containers may write to, an empty folder for what is missing.
fn mounts(service: &mut Map<String, Value>, root: &Path, scratch: &mut Scratch) -> io::Result<()> {
    for mount in service.get_mut("volumes").and_then(Value::as_array_mut).into_iter().flatten() {
        if mount["type"] != "bind" {
            continue;
        }
        let Some(place) = mount["source"].as_str().map(Place::of).filter(|p| p.real.starts_with(root)) else {
            continue;
        };
        let source = match (place.exists, mount["read_only"] == true) {
            (false, _) => scratch.empty()?,
            (true, true) => place.real,
            (true, false) => scratch.copy(&place.real)?,
        };
        mount["source"] = shown(&source);
    }
    Ok(())
}

/// A path as compose reads it.
fn shown(path: &Path) -> Value {
    Value::String(path.to_string_lossy().replace('$', "$$"))
}

fn target_of(mount: &Value) -> Option<String> {
    mount["target"].as_str().and_then(path::normalize)
}

/// Where a config or secret lies in the container.
fn given_at(given: &Value, secret: bool) -> Option<String> {
    let source = given["source"].as_str()?;
    let target = given["target"].as_str().unwrap_or(source);
    path::join(if secret { "/run/secrets" } else { "/" }, target)
}

/// Whether anything is mounted that a path of the container may come from.
fn is_provided(service: &Map<String, Value>, at: &str) -> bool {
    let list = |key: &str| service.get(key).and_then(Value::as_array).into_iter().flatten();
    list("volumes").filter_map(target_of).any(|t| t == at || path::strip(at, &t).is_some())
        || list("configs").any(|g| given_at(g, false).as_deref() == Some(at))
        || list("secrets").any(|g| given_at(g, true).as_deref() == Some(at))
}

/// Puts a file with this text at a path of the container, over whatever lies there.
fn put(service: &mut Map<String, Value>, at: &str, text: &str, scratch: &mut Scratch) -> io::Result<()> {
    for (key, secret) in [("configs", false), ("secrets", true)] {
        if service.contains_key(key) {
            array(service, key).retain(|given| given_at(given, secret).as_deref() != Some(at));
        }
    }
    let mounts = array(service, "volumes");
    mounts.retain(|m| target_of(m).as_deref() != Some(at));
    let around = mounts
        .iter_mut()
        .filter(|m| m["type"] == "bind")
        .filter_map(|m| Some((target_of(m)?, m)))
        .filter(|(target, _)| path::strip(at, target).is_some())
        .max_by_key(|(target, _)| target.len());
    if let Some((target, mount)) = around {
        // A file can be mounted into a mounted folder only where there is one: the folder is copied, the file written.
        let source = PathBuf::from(mount["source"].as_str().unwrap_or_default().replace("$$", "$"));
        let copy = scratch.copy(&source)?;
        let file = copy.join(path::strip(at, &target).unwrap_or_default());
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        // A link would be followed to wherever it leads.
        let _ = std::fs::remove_file(&file);
        std::fs::write(&file, text)?;
        #[cfg(unix)]
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
        mount["source"] = shown(&copy);
        return Ok(());
    }
    let file = scratch.file(text)?;
    mounts.push(json!({"type": "bind", "source": shown(&file), "target": at, "read_only": true}));
    Ok(())
}

/// Replaces webhooks in every text of a value; tells whether there were any.
fn replace_webhooks(value: &mut Value, url: &str) -> bool {
    match value {
        Value::String(text) => match webhooks::in_text(text, url) {
            Some(new) => {
                *text = new;
                true
            }
            None => false,
        },
        Value::Array(items) => items.iter_mut().filter_map(|v| replace_webhooks(v, url).then_some(())).count() > 0,
        Value::Object(map) => map.values_mut().filter_map(|v| replace_webhooks(v, url).then_some(())).count() > 0,
        _ => false,
    }
}

/// The service whose network this one has.
fn network_of(name: &str, service: &Map<String, Value>) -> String {
    let mode = service.get("network_mode").and_then(Value::as_str).unwrap_or_default();
    mode.strip_prefix("service:").unwrap_or(name).to_owned()
}

/// Makes the name of this machine known, in place of what the project says of it.
fn know_host(service: &mut Map<String, Value>) {
    let hosts = array(service, "extra_hosts");
    hosts.retain(|h| !h.as_str().is_some_and(|h| h.starts_with(HOST)));
    hosts.push(json!(format!("{HOST}:host-gateway")));
}

/// Publishes a port on loopback, when nothing publishes it and there is a network to publish from.
fn publish(service: &mut Map<String, Value>, port: u16) {
    let shares = service.get("network_mode").and_then(Value::as_str).is_some_and(|m| m != "bridge" && m != "default");
    let ports = array(service, "ports");
    if !shares && !ports.iter().any(|p| p["target"] == port && p["protocol"].as_str().is_none_or(|p| p == "tcp")) {
        ports.push(json!({"target": port, "host_ip": "127.0.0.1", "protocol": "tcp", "mode": "ingress"}));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "http://host.docker.internal:4711/api/webhooks/1/abc";

    struct Lab {
        _keep: tempfile::TempDir,
        root: PathBuf,
        scratch: Scratch,
    }

    fn lab() -> Lab {
        let keep = tempfile::tempdir().expect("a folder");
        let root = keep.path().canonicalize().expect("there");
        std::fs::create_dir_all(root.join("am")).expect("made");
        std::fs::write(root.join("am/alertmanager.yml"), "old").expect("written");
        std::fs::write(root.join("am/x.tmpl"), "template").expect("written");
        Lab { _keep: keep, root, scratch: Scratch::new().expect("a folder") }
    }

    fn changed(lab: &mut Lab, service: Value) -> Value {
        let config = "receivers:\n- name: d\n  discord_configs:\n  - webhook_url: https://discord.com/api/webhooks/7/x\n  \
                      - webhook_url_file: hook\n";
        let at = AlertmanagerAt {
            service: "am".to_owned(),
            config_path: "/etc/alertmanager/alertmanager.yml".to_owned(),
            config: SourceText::new("alertmanager.yml", config.to_owned()),
        };
        let changes = Changes {
            root: &lab.root.clone(),
            trust: false,
            webhook: URL,
            alertmanager: Some(&at),
            reach: &[("am".to_owned(), 9093)],
        };
        let model = json!({"name": "x", "services": {"am": service}, "volumes": {"v": {"name": "theirs"}}});
        rewrite(model, &changes, &mut lab.scratch).expect("rewritten").model
    }

    fn read(mount: &Value, below: &str) -> String {
        let source = Path::new(mount["source"].as_str().expect("a source")).join(below);
        std::fs::read_to_string(if below.is_empty() {
            mount["source"].as_str().expect("a source").into()
        } else {
            source
        })
        .expect("a file")
    }

    #[test]
    fn a_mounted_configuration_is_replaced_and_the_students_file_stays() {
        let mut lab = lab();
        let (file, secret) = (lab.root.join("am/alertmanager.yml"), lab.root.join("am/secret"));
        let model = changed(
            &mut lab,
            json!({
                "container_name": "alertmanager", "labels": {"a": "b"}, "image": "prom/alertmanager",
                "volumes": [
                    {"type": "bind", "source": file, "target": "/etc/alertmanager/alertmanager.yml", "read_only": true},
                    {"type": "bind", "source": secret, "target": "/etc/alertmanager/hook"},
                    {"type": "volume", "source": "v", "target": "/alertmanager"},
                ],
            }),
        );
        let am = &model["services"]["am"];
        assert!(am.get("container_name").is_none() && am.get("labels").is_none() && model.get("name").is_none());
        assert_eq!(model["volumes"]["v"], json!({}));
        let mounts = am["volumes"].as_array().expect("mounts");
        let at = |target: &str| mounts.iter().find(|m| m["target"] == target).expect("a mount");
        assert!(read(at("/etc/alertmanager/alertmanager.yml"), "").contains(&format!("webhook_url: '{URL}'")));
        assert_eq!(read(at("/etc/alertmanager/hook"), ""), URL);
        assert_eq!(mounts.len(), 3);
        assert_eq!(std::fs::read_to_string(&file).expect("there"), "old");
        assert_eq!(am["extra_hosts"], json!(["host.docker.internal:host-gateway"]));
        assert_eq!(am["ports"][0]["target"], 9093);
        assert!(!secret.exists());
    }

    #[test]
    fn in_a_mounted_folder_the_file_of_a_copy_is_replaced() {
        let mut lab = lab();
        let folder = lab.root.join("am");
        let model = changed(
            &mut lab,
            json!({
                "volumes": [{"type": "bind", "source": folder, "target": "/etc/alertmanager"}],
                "ports": [{"target": 9093, "published": "9093", "protocol": "tcp"}],
                "extra_hosts": ["host.docker.internal=10.0.0.1", "a=10.0.0.2"],
            }),
        );
        let am = &model["services"]["am"];
        let mount = &am["volumes"][0];
        assert!(read(mount, "alertmanager.yml").contains(URL));
        assert_eq!((read(mount, "x.tmpl").as_str(), read(mount, "hook").as_str()), ("template", URL));
        assert_eq!(std::fs::read_to_string(folder.join("alertmanager.yml")).expect("there"), "old");
        assert!(!folder.join("hook").exists());
        assert_eq!(am["extra_hosts"], json!(["a=10.0.0.2", "host.docker.internal:host-gateway"]));
        assert_eq!(am["ports"].as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn a_configuration_that_is_built_in_is_laid_over_and_a_missing_secret_stays_missing() {
        let mut lab = lab();
        let model = changed(
            &mut lab,
            json!({
                "build": {"context": "/lab"}, "image": "prom/alertmanager", "network_mode": "host",
                "environment": {"HOOK": "https://discord.com/api/webhooks/7/x"},
            }),
        );
        let am = &model["services"]["am"];
        assert_eq!(am["volumes"].as_array().map(Vec::len), Some(1));
        assert!(am.get("image").is_none());
        assert_eq!(am["environment"]["HOOK"], URL);
        assert_eq!(am["ports"], json!([]));
    }
}
