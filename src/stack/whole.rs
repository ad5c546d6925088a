//! A repository's stack as one value: which programs run, what they read, and who answers whom.

use super::compose::image::Role;
use super::compose::network::{Attachment, Network, Reach, attachment};
use super::compose::{Container, Place, Project, Service};
use super::discover::{self, FoundProject};
use super::mock::{self, Listen, Mock};
use super::path;
use super::programs::{Alertmanager, Prometheus, by_role};
use super::tree::FileTree;
use super::visual::{Grafana, split_port};
use crate::text::Diagnostic;

/// What a lab tells about its stack.
#[derive(Clone, Debug)]
pub struct LabHints {
    /// The metric that the mocked model exposes.
    pub metric: String,
    /// The port it listens on when no script tells.
    pub mock_port: u16,
    /// The port of Node Exporter on the VM.
    pub exporter_port: u16,
}

impl Default for LabHints {
    fn default() -> Self {
        Self { metric: "model_result".to_owned(), mock_port: 9000, exporter_port: 9100 }
    }
}

/// A conclusion, and where it comes from.
#[derive(Clone, Debug)]
pub struct Conclusion {
    /// In a sentence.
    pub what: String,
    /// The place that tells.
    pub place: Option<Place>,
}

/// Who answers at a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// The mocked model.
    Mock,
    /// Node Exporter: on the VM, or wherever the address leads.
    NodeExporter,
    /// A service of the project.
    Service(String),
    /// Nobody.
    Nobody,
}

/// Who answers, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Who.
    pub who: Who,
    /// Why, in a sentence for the student.
    pub why: String,
    /// When nobody answers: the error as Prometheus tells it.
    pub error: Option<String>,
    /// Set when it works on one platform only: a warning, no failure.
    pub platform: Option<String>,
    /// Whether the repository leaves it open: somebody may answer.
    pub uncertain: bool,
}

/// A repository's stack.
#[derive(Clone, Debug)]
pub struct Stack {
    /// The files.
    pub tree: FileTree,
    /// What the lab told.
    pub hints: LabHints,
    /// The compose project that is used, and its containers.
    pub compose: Option<FoundProject>,
    /// Other projects that may run beside it.
    pub others: Vec<FoundProject>,
    /// The folder of the stack: that of the compose file, else of the Prometheus configuration.
    pub folder: Option<String>,
    /// Prometheus, when the repository has one.
    pub prometheus: Option<Prometheus>,
    /// Alertmanager, when the repository has one.
    pub alertmanager: Option<Alertmanager>,
    /// Grafana, its dashboards and sources.
    pub grafana: Grafana,
    /// The mocked model's script.
    pub mock: Option<Mock>,
    /// The service that runs that script.
    pub mock_service: Option<String>,
    /// What was decided on the way.
    pub conclusions: Vec<Conclusion>,
}

impl Stack {
    /// Reads a repository.
    pub fn read(tree: &FileTree, hints: &LabHints) -> Self {
        let mut projects = discover::projects(tree);
        // A copy is nobody's stack unless there is nothing else.
        if projects.iter().any(|p| !is_copy(p)) {
            projects.retain(|p| !is_copy(p));
        }
        let has_stack = |p: &FoundProject| p.score > 30;
        let main = projects.iter().position(has_stack).map(|at| projects.remove(at));
        let mut stack = Self {
            tree: tree.clone(),
            hints: hints.clone(),
            folder: main.as_ref().map(|m| m.project.dir.clone()),
            compose: main,
            others: projects,
            prometheus: None,
            alertmanager: None,
            grafana: Grafana::read(None, tree, &|_, _| Reach::Unreachable(String::new())),
            mock: None,
            mock_service: None,
            conclusions: Vec::new(),
        };
        stack.say_compose();
        stack.read_prometheus();
        stack.read_alertmanager();
        stack.read_mock();
        stack.read_grafana();
        stack
    }

    fn conclude(&mut self, what: impl Into<String>, place: Option<Place>) {
        self.conclusions.push(Conclusion { what: what.into(), place });
    }

    fn say_compose(&mut self) {
        let Some(main) = &self.compose else {
            self.conclude(
                "no compose file starts a monitoring stack, so everything counts as running on the machine",
                None,
            );
            return;
        };
        let mut lines = vec![format!("the stack is that of {}", main.project.files.join(" and "))];
        let passed: Vec<&str> =
            self.others.iter().filter_map(|o| o.project.files.first()).map(String::as_str).collect();
        if !passed.is_empty() {
            lines.push(format!("other compose files: {}", passed.join(", ")));
        }
        lines.extend(main.containers.iter().filter_map(|c| Some(format!("{}: {}", c.service, c.note.as_ref()?))));
        for line in lines {
            self.conclude(line, None);
        }
    }

    /// The container of a role, in the project that is used or in one that runs beside it.
    pub fn container(&self, role: Role) -> Option<(&Project, &Service, &Container)> {
        let projects = self.compose.iter().chain(self.others.iter().filter(|_| self.compose.is_some()));
        projects.into_iter().find_map(|p| {
            let container = by_role(&p.containers, role)?;
            Some((&p.project, p.project.service(&container.service)?, container))
        })
    }

    fn read_prometheus(&mut self) {
        let tree = self.tree.clone();
        let found = match self.container(Role::Prometheus) {
            Some((project, _, container)) => Some(Prometheus::in_container(project, container, &tree)),
            None if self.compose.as_ref().is_some_and(|c| !c.project.is_accepted()) => None,
            None => discover::prometheus_config(&tree).map(|p| Prometheus::on_machine(&p, &tree)),
        };
        if let Some(prometheus) = &found {
            let reads = match (prometheus.state.text(), prometheus.state.reason()) {
                (Some(text), _) => format!("Prometheus reads {} as {}", text.name(), prometheus.config_path),
                (None, reason) => format!("Prometheus: {}", reason.unwrap_or_default()),
            };
            let rules: Vec<&str> = prometheus.rules.iter().map(|r| r.source.name()).collect();
            let loads = format!("Prometheus loads the rules of {}", rules.join(", "));
            if self.folder.is_none() {
                self.folder = Some(path::parent(&prometheus.config_path).to_owned());
            }
            self.conclude(reads, None);
            if !rules.is_empty() {
                self.conclude(loads, None);
            }
        }
        self.prometheus = found;
    }

    fn read_alertmanager(&mut self) {
        let tree = self.tree.clone();
        let found = match self.container(Role::Alertmanager) {
            Some((project, _, container)) => Some(Alertmanager::in_container(project, container, &tree)),
            // A compose file without Alertmanager starts none.
            None if self.compose.is_some() => None,
            None => discover::alertmanager_config(&tree).map(|p| Alertmanager::on_machine(&p, &tree)),
        };
        if let Some(alertmanager) = &found {
            let reads = match (alertmanager.state.text(), alertmanager.state.reason()) {
                (Some(text), _) => format!("Alertmanager reads {} as {}", text.name(), alertmanager.config_path),
                (None, reason) => format!("Alertmanager: {}", reason.unwrap_or_default()),
            };
            self.conclude(reads, None);
        }
        self.alertmanager = found;
    }

    fn read_mock(&mut self) {
        let tree = self.tree.clone();
        let near = self.folder.clone().unwrap_or_default();
        let Some(found) = mock::find(&tree, &self.hints.metric, &near, &|_| None) else { return };
        let runs = self.compose.as_ref().and_then(|c| {
            let runner =
                c.containers.iter().find(|k| k.role == Role::Other && runs_script(k, &c.project, &found.path))?;
            Some((runner.clone(), c.project.service(&runner.service).cloned()?))
        });
        let mut found = found;
        if let Some((container, service)) = &runs {
            // The same script in the environment of its container, and as the container starts it.
            let env = |name: &str| {
                let image = || container.dockerfile.as_ref()?.env.iter().rev().find(|(n, _)| n == name);
                service.env(name).map(str::to_owned).or_else(|| image().map(|(_, value)| value.clone()))
            };
            found = found.in_environment(&env);
            found.served_by(&container.arguments, &env);
        }
        let runs = runs.map(|(container, _)| container.service);
        let port = found.port.map_or_else(|| "a port that its text does not tell".to_owned(), |p| format!("port {p}"));
        let place = Place { source: found.source.clone(), span: found.port_span };
        let wherever = runs.as_ref().map_or_else(String::new, |service| format!(" in the container of {service}"));
        self.conclude(format!("the mocked model is {}, which listens on {port}{wherever}", found.path), Some(place));
        self.mock_service = runs;
        self.mock = Some(found);
    }

    fn read_grafana(&mut self) {
        let found = self.container(Role::Grafana);
        let from = found.map(|(_, s, _)| s.name.clone());
        let grafana = Grafana::read(found, &self.tree, &|host, port| self.reach(from.as_deref(), host, port));
        self.grafana = grafana;
    }

    /// The port the mocked model listens on.
    pub fn mock_port(&self) -> u16 {
        self.mock.as_ref().and_then(|m| m.port).unwrap_or(self.hints.mock_port)
    }

    /// Whether the mocked model listens on a port; nothing where its script leaves that open.
    fn mock_listens_on(&self, port: u16) -> Option<bool> {
        match &self.mock {
            Some(mock) if mock.port.is_some() || port != self.hints.mock_port => mock.listens_on(port),
            _ => Some(port == self.mock_port()),
        }
    }

    /// What `host:port` means for a program of the stack; `from` is its service, nothing for the machine itself.
    pub fn resolve(&self, from: Option<&str>, target: &str) -> Reach {
        match split_port(target, 80) {
            Some((host, port)) => self.reach(from, &host, port),
            None => Reach::Unreachable(format!("{target:?} is no host and port")),
        }
    }

    fn reach(&self, from: Option<&str>, host: &str, port: u16) -> Reach {
        let home = self.compose.iter().chain(&self.others).find_map(|p| {
            let service = p.project.service(from?)?;
            Some((p, service))
        });
        let Some((found, service)) = home else {
            let local = matches!(host, "localhost" | "127.0.0.1" | "::1" | "0.0.0.0");
            if local || host == "host.docker.internal" {
                return self.published_elsewhere(None, Reach::Host { port, from_outside: false });
            }
            return self.own_machine(Reach::External { host: host.to_owned(), port });
        };
        let network = Network { project: &found.project, containers: &found.containers };
        let reach = network.reach(service, host, port);
        let reach = self.shared_network(found, service, reach);
        self.published_elsewhere(Some(found), self.own_machine(reach))
    }

    /// A name that no service of the project has may be one of another project in a shared network.
    fn shared_network(&self, home: &FoundProject, from: &Service, reach: Reach) -> Reach {
        let Reach::External { host, port } = &reach else { return reach };
        let Attachment::Networks(mine) = attachment(&home.project, from) else { return reach };
        for other in self.compose.iter().chain(&self.others).filter(|o| o.project.files != home.project.files) {
            for service in &other.project.services {
                let named = service.name == *host || service.container_name.as_ref().is_some_and(|c| c.value == *host);
                let meets = match attachment(&other.project, service) {
                    Attachment::Networks(theirs) => {
                        // Names made from a project differ from project to project; others are shared.
                        mine.intersection(&theirs).any(|n| !n.starts_with("project_"))
                    }
                    _ => false,
                };
                if named && meets {
                    return Reach::Service { name: service.name.clone(), port: *port };
                }
            }
        }
        reach
    }

    /// The address of the student's own machine in its network, told by a port that only it has.
    fn own_machine(&self, reach: Reach) -> Reach {
        let Reach::External { host, port } = &reach else { return reach };
        let private = host.parse::<core::net::Ipv4Addr>().is_ok_and(|a| a.is_private());
        let published = self.compose.iter().flat_map(|c| &c.project.services).flat_map(|s| &s.ports);
        let known = self.mock_listens_on(*port) == Some(true)
            || published.into_iter().any(|p| p.published_port() == Some(*port));
        if private && known && *port != self.hints.exporter_port {
            let port = *port;
            let Some(found) = &self.compose else { return Reach::Host { port, from_outside: true } };
            let network = Network { project: &found.project, containers: &found.containers };
            // Seen from outside, as from a container that goes through the gateway.
            return network.host_port(port);
        }
        reach
    }

    /// A port of the machine may be published by another project.
    fn published_elsewhere(&self, home: Option<&FoundProject>, reach: Reach) -> Reach {
        let Reach::Host { port, .. } = &reach else { return reach };
        for other in self.compose.iter().chain(&self.others) {
            if home.is_some_and(|h| h.project.files == other.project.files) {
                continue;
            }
            for service in &other.project.services {
                if let Some(p) = service.ports.iter().find(|p| p.published_port() == Some(*port)) {
                    return Reach::Service { name: service.name.clone(), port: p.target };
                }
            }
        }
        reach
    }

    /// Who answers at `host:port` when a program of the stack asks there. In the lab's world the mocked model answers
    /// where its script listens, the exporter's port of any machine answers as the VM, services answer on their own
    /// ports, and nobody answers anywhere else.
    pub fn who_answers(&self, from: Option<&str>, target: &str) -> Answer {
        let reach = self.resolve(from, target);
        self.answer(&reach, target)
    }

    fn answer(&self, reach: &Reach, target: &str) -> Answer {
        let refused = |why: String| Answer {
            who: Who::Nobody,
            why,
            error: Some(format!("dial tcp {target}: connect: connection refused")),
            platform: None,
            uncertain: false,
        };
        let fine = |who: Who, why: String| Answer { who, why, error: None, platform: None, uncertain: false };
        match reach {
            Reach::DependsOnPlatform { reason, otherwise } => {
                let mut answer = self.answer(otherwise, target);
                answer.platform = Some(reason.clone());
                answer
            }
            // From files alone nobody knows what was meant by localhost: the criterion of the exporter asks.
            Reach::Unreachable(why) if self.is_exporter_on_loopback(target) => {
                let mut answer = fine(Who::NodeExporter, why.clone());
                answer.uncertain = true;
                answer
            }
            Reach::Unreachable(why) => {
                let host = split_port(target, 80).map_or_else(|| target.to_owned(), |(h, _)| h);
                let itself = why.contains("is the container itself") || why.contains("listens") || why.contains("port");
                let error = if itself || host.parse::<core::net::IpAddr>().is_ok() {
                    format!("dial tcp {target}: connect: connection refused")
                } else {
                    format!("dial tcp: lookup {host}: no such host")
                };
                Answer { who: Who::Nobody, why: why.clone(), error: Some(error), platform: None, uncertain: false }
            }
            Reach::Host { port, .. } if *port == self.hints.exporter_port => {
                fine(Who::NodeExporter, format!("port {port} of the machine, as forwarded from the VM"))
            }
            Reach::Host { port, .. } if self.mock_listens_on(*port) != Some(true) && looks_forwarded(*port) => {
                let mut answer =
                    fine(Who::NodeExporter, format!("port {port} of the machine, taken for one forwarded to the VM"));
                answer.uncertain = true;
                answer
            }
            Reach::Host { port, from_outside } => {
                let listens = self.mock_listens_on(*port);
                if listens == Some(false) {
                    return refused(format!("nothing of the repository listens on port {port} of the machine"));
                }
                if listens.is_none() && self.mock_service.is_none() {
                    let mut answer = refused(format!("no script tells whether it listens on port {port}"));
                    answer.uncertain = true;
                    return answer;
                }
                if let Some(service) = &self.mock_service {
                    return refused(format!(
                        "the mock runs in the container of {service}, which does not publish {port}"
                    ));
                }
                let loopback = self.mock.as_ref().is_some_and(|m| m.listen == Listen::Loopback);
                if loopback && *from_outside {
                    return refused(
                        "the mock listens on 127.0.0.1 only, and containers come in from outside".to_owned(),
                    );
                }
                fine(Who::Mock, format!("the mocked model on port {port} of the machine"))
            }
            Reach::External { host, port } if *port == self.hints.exporter_port => {
                fine(Who::NodeExporter, format!("port {port} of {host}, taken for the VM"))
            }
            Reach::External { host, port } => {
                let mut answer = refused(format!("nothing of the repository answers at {host}:{port}"));
                if host.parse::<core::net::IpAddr>().is_err() {
                    answer.error = Some(format!("dial tcp: lookup {host}: no such host"));
                }
                answer
            }
            Reach::Service { name, port } => self.service_answer(name, *port, refused, fine),
        }
    }

    fn is_exporter_on_loopback(&self, target: &str) -> bool {
        let loopback = |host: &str| host == "localhost" || host == "::1" || host.starts_with("127.");
        split_port(target, 80).is_some_and(|(host, port)| port == self.hints.exporter_port && loopback(&host))
    }

    fn service_answer(
        &self,
        name: &str,
        port: u16,
        refused: impl Fn(String) -> Answer,
        fine: impl Fn(Who, String) -> Answer,
    ) -> Answer {
        let container = self.compose.iter().chain(&self.others).flat_map(|p| &p.containers).find(|c| c.service == name);
        let service = self.compose.iter().chain(&self.others).find_map(|p| p.project.service(name));
        if self.mock_service.as_deref() == Some(name) {
            let loopback = self.mock.as_ref().is_some_and(|m| m.listen == Listen::Loopback);
            let told = || container.zip(service).is_some_and(|(c, s)| speaks_of(c, s, port));
            let listens = self.mock_listens_on(port).or_else(|| told().then_some(true));
            return if loopback {
                refused(format!("the mock in {name} listens on 127.0.0.1 only, so no other container reaches it"))
            } else if listens.is_none() {
                let mut answer = refused(format!("no file tells whether the mock in {name} listens on {port}"));
                answer.uncertain = true;
                answer
            } else if listens == Some(false) {
                refused(format!("the mock in {name} listens on {}, not on {port}", self.mock_port()))
            } else {
                fine(Who::Mock, format!("the mocked model in the container of {name}"))
            };
        }
        let Some((container, service)) = container.zip(service) else {
            return refused(format!("{name} is no service"));
        };
        if container.role == Role::NodeExporter {
            return fine(Who::NodeExporter, format!("Node Exporter in the container of {name}, not on the VM"));
        }
        if container.listens.contains(&port) {
            return fine(Who::Service(name.to_owned()), format!("{name} itself"));
        }
        // A program that labkit does not know: its ports are those the files speak of.
        let spoken_of = speaks_of(container, service, port);
        let could_be_mock = container.role == Role::Other
            && self.mock_service.is_none()
            && (container.built || container.image.repository.contains("python"));
        let listens = self.mock_listens_on(port);
        if could_be_mock && listens != Some(false) && (self.mock.is_none() || listens == Some(true) || spoken_of) {
            let mut answer = fine(Who::Mock, format!("{name}, taken for the mocked model by its port"));
            answer.uncertain = self.mock.is_none();
            return answer;
        }
        if container.role == Role::Other {
            let mut answer = fine(Who::Service(name.to_owned()), format!("{name} on port {port}"));
            answer.uncertain = !spoken_of;
            return answer;
        }
        refused(format!("{name} does not listen on {port}"))
    }

    /// Everything that was found in files: compose, Prometheus, rules, Alertmanager, provisioning.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let mut all = Vec::new();
        if let Some(found) = &self.compose {
            all.extend(found.project.refused.iter().cloned());
            all.extend(found.project.diagnostics.iter().cloned());
        }
        if let Some(prometheus) = &self.prometheus {
            all.extend(prometheus.diagnostics.iter().cloned());
            all.extend(prometheus.rules.iter().flat_map(|r| r.diagnostics.iter().cloned()));
        }
        if let Some(alertmanager) = &self.alertmanager {
            all.extend(alertmanager.diagnostics.iter().cloned());
        }
        all.extend(self.grafana.provisioning.diagnostics.iter().cloned());
        all
    }
}

/// Whether the files of a container speak of a port of it.
fn speaks_of(container: &Container, service: &Service, port: u16) -> bool {
    let text = port.to_string();
    service.expose.contains(&port)
        || service.ports.iter().any(|p| p.target == port)
        || container.dockerfile.as_ref().is_some_and(|d| d.ports.contains(&port))
        || container.arguments.iter().any(|a| a.split(|c: char| !c.is_ascii_digit()).any(|w| w == text))
}

/// Ports of the machine that people forward to the exporter of a VM: 9101 to 9109, 19100, 29100 and so on.
fn looks_forwarded(port: u16) -> bool {
    (9101..=9109).contains(&port) || port % 10_000 == 9100
}

fn is_copy(found: &FoundProject) -> bool {
    found.project.files.first().is_some_and(|f| discover::is_copy(f))
}

/// Whether a container runs a script of the repository: by its words, or by what its image holds.
fn runs_script(container: &Container, project: &Project, script: &str) -> bool {
    let name = path::file_name(script);
    let module = name.strip_suffix(".py").unwrap_or(name);
    let spoken = container.arguments.iter().any(|a| {
        a.ends_with(name) || a.split(':').next() == Some(module) || a.split_whitespace().any(|w| w.ends_with(name))
    });
    let Some(service) = project.service(&container.service) else { return false };
    let built_there = service.build.as_ref().and_then(|b| b.context.inside()).is_some_and(|context| {
        path::strip(script, context).is_some()
            && container.dockerfile.as_ref().is_none_or(|d| {
                d.copies.iter().any(|c| {
                    c.sources.iter().any(|s| {
                        let from = path::join(context, s).unwrap_or_default();
                        from == script || path::strip(script, &from).is_some() || path::glob_matches(&from, script)
                    })
                })
            })
    });
    let mounted = container.mounts.iter().any(|m| match &m.source {
        super::compose::Source::Bind(host) => host.inside().is_some_and(|i| path::strip(script, i).is_some()),
        _ => false,
    });
    (spoken && (built_there || mounted))
        || (built_there && container.arguments.iter().all(|a| !a.ends_with(".py") || a.ends_with(name)))
}
