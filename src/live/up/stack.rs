//! A project from its files to its end.

use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::policy::{Refusal, refusals};
use super::program::{Compose, Failed, last_lines};
use super::rewrite::{Changes, rewrite};
use super::scratch::{Place, Scratch};

pub use super::rewrite::{AlertmanagerAt, HOST};

/// How long reading the files may take.
const READ_WITHIN: Duration = Duration::from_secs(60);
/// How long starting may take; images are fetched in this time.
const START_WITHIN: Duration = Duration::from_secs(1_800);
/// How long looking at what runs may take.
const LOOK_WITHIN: Duration = Duration::from_secs(20);
/// How long taking down may take.
const DOWN_WITHIN: Duration = Duration::from_secs(180);

/// What is to be started.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The compose program.
    pub compose: Compose,
    /// The repository's real path.
    pub root: PathBuf,
    /// The folder of the project.
    pub dir: PathBuf,
    /// The compose file in that folder; the usual names when there is none.
    pub file: Option<String>,
    /// The project's name while it runs.
    pub name: String,
    /// Whether the project may do whatever it asks for.
    pub trust: bool,
    /// labkit's webhook, as containers reach it.
    pub webhook: String,
    /// Alertmanager, when it is known what it reads.
    pub alertmanager: Option<AlertmanagerAt>,
    /// Ports that are to be reached from this machine: service and port.
    pub reach: Vec<(String, u16)>,
}

/// Why nothing was started.
#[derive(Debug)]
pub enum StartError {
    /// The project asks for more than a stranger may.
    Refused(Vec<Refusal>),
    /// The compose program refuses the files.
    Files(Failed),
    /// A file of labkit's own cannot be written.
    Own(io::Error),
}

/// A port that is published on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The service.
    pub service: String,
    /// The address; nothing for all.
    pub ip: Option<String>,
    /// The port.
    pub port: u16,
}

/// A project that may be running. It is taken down when it is dropped.
#[derive(Debug)]
pub struct Started {
    wanted: Wanted,
    model: Value,
    file: PathBuf,
    untouched: Vec<String>,
    left: Mutex<Left>,
}

/// What is left to clear away.
#[derive(Debug)]
struct Left {
    /// Whether containers may run.
    running: bool,
    /// The files they were started from.
    scratch: Option<Scratch>,
}

/// Everything that is prepared before a start.
#[derive(Debug)]
pub struct Start;

impl Start {
    /// Reads the project, looks through it, and writes what will be started.
    ///
    /// # Errors
    /// The files are refused, by the compose program or by labkit.
    pub fn prepare(wanted: Wanted, stopped: &dyn Fn() -> bool) -> Result<Started, StartError> {
        let model = wanted.read(&[], stopped).map_err(StartError::Files)?;
        let mut found = Vec::new();
        if !wanted.trust {
            // Files of variables are gone from what is resolved; older programs cannot tell which they were.
            let unresolved = wanted.read(&["--no-env-resolution"], stopped);
            for model in unresolved.iter().chain([&model]) {
                for refusal in refusals(model, &wanted.root, &Place::of) {
                    if !found.contains(&refusal) {
                        found.push(refusal);
                    }
                }
            }
        }
        if !found.is_empty() {
            return Err(StartError::Refused(found));
        }
        let mut scratch = Scratch::new().map_err(StartError::Own)?;
        let changes = Changes {
            root: &wanted.root,
            trust: wanted.trust,
            webhook: &wanted.webhook,
            alertmanager: wanted.alertmanager.as_ref(),
            reach: &wanted.reach,
        };
        let rewritten = rewrite(model, &changes, &mut scratch).map_err(StartError::Own)?;
        let file = scratch.file(&rewritten.model.to_string()).map_err(StartError::Own)?;
        let (model, untouched) = (rewritten.model, rewritten.untouched);
        let left = Mutex::new(Left { running: false, scratch: Some(scratch) });
        Ok(Started { wanted, model, file, untouched, left })
    }
}

impl Wanted {
    fn read(&self, more: &[&str], stopped: &dyn Fn() -> bool) -> Result<Value, Failed> {
        let mut args = vec!["--project-name", self.name.as_str()];
        if let Some(file) = &self.file {
            args.extend(["--file", file.as_str()]);
        }
        args.extend(["config", "--format", "json"]);
        args.extend(more);
        let text = self.compose.run(&self.dir, &args, READ_WITHIN, stopped)?;
        serde_json::from_str(&text).map_err(|e| Failed {
            what: format!("{} config told something that is no JSON ({e})", self.compose.name()),
            said: last_lines(&text),
        })
    }
}

impl Started {
    fn call(&self, args: &[&str], limit: Duration, stopped: &dyn Fn() -> bool) -> Result<String, Failed> {
        let file = self.file.to_string_lossy();
        let mut all = vec!["--project-name", self.wanted.name.as_str(), "--file", &*file];
        all.extend(args);
        let dir = self.file.parent().unwrap_or(&self.wanted.dir);
        self.wanted.compose.run(dir, &all, limit, stopped)
    }

    /// The project's name.
    pub fn name(&self) -> &str {
        &self.wanted.name
    }

    /// The services and their images.
    pub fn services(&self) -> Vec<(String, String)> {
        let services = self.model["services"].as_object().into_iter().flatten();
        let image = |s: &Value| s["image"].as_str().unwrap_or("built from the repository").to_owned();
        services.map(|(name, service)| (name.clone(), image(service))).collect()
    }

    /// Kinds of Alertmanager's receivers that are told as the student wrote it.
    pub fn untouched(&self) -> &[String] {
        &self.untouched
    }

    /// The ports that will be published.
    pub fn published(&self) -> Vec<Published> {
        let services = self.model["services"].as_object().into_iter().flatten();
        let ports = services.flat_map(|(name, s)| s["ports"].as_array().into_iter().flatten().map(move |p| (name, p)));
        ports
            .filter(|(_, p)| p["protocol"].as_str().is_none_or(|p| p == "tcp"))
            .filter_map(|(service, p)| {
                let port = p["published"].as_str()?.parse().ok()?;
                let ip = p["host_ip"].as_str().filter(|ip| !ip.is_empty()).map(str::to_owned);
                Some(Published { service: service.clone(), ip, port })
            })
            .collect()
    }

    /// Starts everything and waits until it is started.
    ///
    /// # Errors
    /// The compose program cannot start it.
    pub fn up(&self, stopped: &dyn Fn() -> bool) -> Result<(), Failed> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).running = true;
        self.call(&["up", "--detach", "--no-color", "--quiet-pull"], START_WITHIN, stopped).map(drop)
    }

    /// Where a port of a service is reached from this machine.
    pub fn address(&self, service: &str, port: u16) -> Option<String> {
        if self.model["services"][service]["network_mode"] == "host" {
            return Some(format!("localhost:{port}"));
        }
        let told = self.call(&["port", service, &port.to_string()], LOOK_WITHIN, &|| false).ok()?;
        let (host, port) = told.lines().next()?.trim().rsplit_once(':')?;
        let host = if matches!(host, "0.0.0.0" | "[::]" | "::") { "localhost" } else { host };
        (port != "0").then(|| format!("{host}:{port}"))
    }

    /// Services that have ended or start again and again, and the last lines they wrote.
    pub fn ended(&self) -> Vec<(String, String)> {
        let Ok(told) = self.call(&["ps", "--all", "--format", "json"], LOOK_WITHIN, &|| false) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for container in containers(&told) {
            let text = |key: &str| container[key].as_str().unwrap_or_default().to_owned();
            // Those that are done with their work are none that failed.
            let failed = match text("State").as_str() {
                "exited" | "dead" => container["ExitCode"] != 0,
                "restarting" => true,
                _ => false,
            };
            if failed {
                let service = text("Service");
                let lines = ["logs", "--no-color", "--no-log-prefix", "--tail", "5", &service];
                let said = self.call(&lines, LOOK_WITHIN, &|| false).unwrap_or_default();
                found.push((service, last_lines(&said)));
            }
        }
        found
    }

    /// Removes the containers, networks, volumes and built images of this project, and labkit's own files for it. Safe to be called again.
    ///
    /// # Errors
    /// The compose program cannot do it; what to call by hand is told.
    pub fn take_down(&self) -> Result<(), Failed> {
        // Whoever comes second waits for the first.
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if left.running {
            let args = ["down", "--volumes", "--rmi", "local", "--remove-orphans", "--timeout", "3"];
            self.call(&args, DOWN_WITHIN, &|| false).map(drop)?;
            left.running = false;
        }
        left.scratch = None;
        Ok(())
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.take_down();
    }
}

/// Newer programs write a line for each container, older ones one list.
fn containers(told: &str) -> Vec<Value> {
    match serde_json::from_str(told) {
        Ok(Value::Array(all)) => all,
        _ => told.lines().filter_map(|l| serde_json::from_str(l).ok()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_listing_containers_are_read() {
        assert_eq!(containers("{\"Service\":\"a\"}\n{\"Service\":\"b\"}\n").len(), 2);
        assert_eq!(containers("[{\"Service\":\"a\"},{\"Service\":\"b\"}]").len(), 2);
        assert!(containers("").is_empty());
    }
}
