//! A repository's stack as the machine runs it: what its files say, who answers whom, where alerts end up.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::world::{Answer, World, WorldSettings};
use super::{Simulation, world};
use crate::alertmanager;
use crate::alertmanager::template::Templates;
use crate::engine::{
    AlertmanagerLink, AlertmanagerSetup, Assembly, Circumstances, EngineConfig, PrometheusSetup, assemble,
};
use crate::promql::signature::Release;
use crate::rules::file::{ReadRules, RuleFile};
use crate::scrape::config::{PrometheusConfig, ReadAs};
use crate::stack::{self, NamedFile, Stack, Who};
use crate::text::Severity;

/// What is asked for instead of what image tags and flags say.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// Prometheus' release.
    pub release: Option<Release>,
    /// Alertmanager's version.
    pub alertmanager: Option<alertmanager::Version>,
    /// What links to Prometheus begin with.
    pub external_url: Option<Arc<str>>,
}

/// A stack ready to run in its world.
#[derive(Debug)]
pub struct Embedded {
    /// What runs; a program that does not start is left out.
    pub config: Arc<EngineConfig>,
    /// Who stands behind each target of the configuration, in its order.
    pub answers: Vec<Answer>,
    /// Why, in the stack's words, in the same order.
    pub reasons: Vec<stack::Answer>,
    /// The same for each Alertmanager that Prometheus is told of.
    pub links: Vec<stack::Answer>,
    /// Targets that relabelling dropped: job and labels before it.
    pub dropped: Vec<(Arc<str>, crate::model::Labels)>,
    /// Targets that cannot be scraped: job, labels before relabelling, reason.
    pub refused: Vec<(Arc<str>, crate::model::Labels, String)>,
    /// The mocked model's page and the VM.
    pub settings: WorldSettings,
}

impl Embedded {
    /// Works out how a stack runs.
    pub fn of(stack: &Stack, overrides: &Overrides) -> Self {
        let mut embedded = Self {
            config: Arc::default(),
            answers: Vec::new(),
            reasons: Vec::new(),
            links: Vec::new(),
            dropped: Vec::new(),
            refused: Vec::new(),
            settings: settings_of(stack),
        };
        let alertmanager = alertmanager_of(stack, overrides);
        let mut prometheus = None;
        if let Some(assembly) = prometheus_of(stack, overrides) {
            let Assembly { mut setup, dropped, refused } = assembly;
            (embedded.dropped, embedded.refused) = (dropped, refused);
            embedded.answer_targets(stack, &setup);
            let version = alertmanager.as_ref().map(|a| a.version);
            for link in &mut setup.alertmanagers {
                let (answer, unreachable) = reach_alertmanager(stack, version, link);
                link.unreachable = unreachable;
                embedded.links.push(answer);
            }
            prometheus = Some(setup);
        }
        embedded.config = Arc::new(EngineConfig { prometheus, alertmanager });
        embedded
    }

    /// The simulation of this stack. `also` names metrics that somebody reads beside the rules.
    pub fn simulation(&self, also: &[&str]) -> Simulation {
        let mut settings = self.settings.clone();
        settings.also.extend(also.iter().map(|s| (*s).to_owned()));
        let world = World::new(&self.config, self.answers.clone(), &settings);
        Simulation::new(self.config.clone(), world)
    }

    fn answer_targets(&mut self, stack: &Stack, setup: &PrometheusSetup) {
        let from = stack.prometheus.as_ref().and_then(|p| p.service.as_deref());
        for target in setup.targets.iter().map(|t| &t.target) {
            let answer = stack.who_answers(from, &target.address);
            self.answers.push(match &answer.who {
                Who::Mock => Answer::Model,
                Who::NodeExporter => Answer::Node,
                Who::Service(_) => Answer::Service,
                Who::Nobody => {
                    let error = answer.error.as_deref().unwrap_or("connect: connection refused");
                    Answer::Fails(format!("Get {}: {error}", crate::golang::quote(&target.url)).into())
                }
            });
            self.reasons.push(answer);
        }
    }
}

/// The page of the mocked model as its script makes it.
fn settings_of(stack: &Stack) -> WorldSettings {
    let mut settings = WorldSettings::default();
    let metrics = stack.mock.iter().flat_map(|m| &m.metrics);
    let known: Vec<world::ModelMetric> = metrics
        .filter_map(|m| match m.kind.as_str() {
            "Gauge" => Some(world::ModelMetric { name: m.name.as_str().into(), counter: false }),
            "Counter" => Some(world::ModelMetric { name: m.name.as_str().into(), counter: true }),
            _ => None,
        })
        .collect();
    settings.metrics = match known.is_empty() {
        true => vec![world::ModelMetric { name: stack.hints.metric.as_str().into(), counter: false }],
        false => known,
    };
    settings
}

fn prometheus_of(stack: &Stack, overrides: &Overrides) -> Option<Assembly> {
    let prometheus = stack.prometheus.as_ref()?;
    let release = overrides.release.unwrap_or(prometheus.release);
    let mut around = Circumstances::of_release(release);
    let host = prometheus.service.as_deref().unwrap_or("localhost");
    around.external_url = match (&overrides.external_url, &prometheus.external_url) {
        (Some(url), _) => url.clone(),
        (None, Some(url)) => url.trim_end_matches('/').into(),
        (None, None) => format!("http://{host}:9090").into(),
    };
    let (config, files) = if release == prometheus.release {
        if !prometheus.runs() {
            return None;
        }
        let files = prometheus.rules.iter().map(|r| Some((r.path.clone(), r.file.clone()?))).collect::<Option<_>>()?;
        (prometheus.config.clone()?, files)
    } else {
        read_again(prometheus, release)?
    };
    let global = &config.global;
    let (interval, offset) = (global.evaluation_interval.value, global.rule_query_offset);
    let groups = files.iter().flat_map(|(path, file)| file.groups.iter().map(move |g| (path, g)));
    let groups = groups.map(|(path, g)| Arc::new(g.spec(path, interval, offset, around.dialect()))).collect();
    Some(assemble(&config, groups, &around))
}

/// The files as another release reads them; nothing when it refuses one. Targets of discovered files stay.
fn read_again(prometheus: &stack::Prometheus, release: Release) -> Option<(PrometheusConfig, Vec<(String, RuleFile)>)> {
    let refuses = |diagnostics: &[crate::text::Diagnostic]| diagnostics.iter().any(|d| d.severity == Severity::Error);
    let (config, diagnostics) = crate::scrape::config::read(prometheus.state.text()?, ReadAs::release(release));
    let mut config = config.filter(|_| !refuses(&diagnostics))?;
    for (job, known) in config.scrape_configs.iter_mut().zip(prometheus.config.iter().flat_map(|c| &c.scrape_configs)) {
        job.discovery.static_configs.clone_from(&known.discovery.static_configs);
    }
    let mut files = Vec::new();
    for rules in &prometheus.rules {
        let (file, diagnostics) = crate::rules::file::read(&rules.source, &ReadRules::release(release));
        files.push((rules.path.clone(), file.filter(|_| !refuses(&diagnostics))?));
    }
    Some((config, files))
}

/// The stack's Alertmanager, when it has one that runs.
pub fn alertmanager_of(stack: &Stack, overrides: &Overrides) -> Option<AlertmanagerSetup> {
    let alertmanager = stack.alertmanager.as_ref()?;
    let version = overrides.alertmanager.unwrap_or(alertmanager.version);
    let config = match overrides.alertmanager {
        Some(v) if v != alertmanager.version => {
            alertmanager::config::Config::load(alertmanager.state.text()?, v).config?
        }
        _ if alertmanager.runs() => alertmanager.config.clone()?,
        _ => return None,
    };
    let mut templates = Templates::new(version);
    for (name, text) in &alertmanager.templates {
        let name = stack::path::file_name(name);
        // A template file that cannot be read keeps Alertmanager from starting.
        templates.add_file(name, text.text()).ok()?;
    }
    let mut files: BTreeMap<Arc<str>, Arc<str>> = BTreeMap::new();
    for (path, file) in &alertmanager.files {
        let content = match file {
            NamedFile::Text(text) => text.as_str(),
            // Whatever the secret is: the world serves every webhook.
            NamedFile::Hidden(_) => "https://discord.com/api/webhooks/1/hidden",
            NamedFile::Missing(_) => continue,
        };
        files.insert(path.as_str().into(), content.into());
    }
    let host = alertmanager.service.as_deref().unwrap_or("localhost");
    let options = alertmanager::Options {
        external_url: format!("http://{host}:9093").into(),
        ..alertmanager::Options::default()
    };
    Some(AlertmanagerSetup { config: Arc::new(config), version, options, templates, files: Arc::new(files) })
}

/// Whether alerts that are posted to a link arrive, and why not. `version` is that of the Alertmanager that runs.
fn reach_alertmanager(
    stack: &Stack,
    version: Option<alertmanager::Version>,
    link: &AlertmanagerLink,
) -> (stack::Answer, Option<Arc<str>>) {
    let from = stack.prometheus.as_ref().and_then(|p| p.service.as_deref());
    let own = stack.alertmanager.as_ref();
    let address = match link.address.contains(':') {
        true => link.address.to_string(),
        false => format!("{}:80", link.address),
    };
    let mut answer = stack.who_answers(from, &address);
    let service = own.and_then(|a| a.service.as_deref());
    let arrives = match (&answer.who, service) {
        (Who::Service(name), Some(service)) => name == service,
        // Both run on the machine: nothing there is known to listen, but an Alertmanager's port is its own.
        (Who::Nobody, None) if own.is_some() && address.ends_with(":9093") => {
            let local = matches!(stack.resolve(from, &address), stack::compose::network::Reach::Host { .. });
            if local {
                answer.who = Who::Service("alertmanager".to_owned());
                answer.error = None;
                answer.why = "Alertmanager on the machine".to_owned();
            }
            local
        }
        _ => false,
    };
    if !arrives {
        let error = answer.error.clone().unwrap_or_else(|| format!("dial tcp {address}: connect: connection refused"));
        return (answer, Some(error.into()));
    }
    let unreachable = if link.url.starts_with("https:") {
        Some("http: server gave HTTP response to HTTPS client")
    } else if &*link.path == "/api/v1/alerts" && version.is_some_and(|v| v >= alertmanager::Version::V0_27) {
        Some("bad response status 410 Gone")
    } else if !matches!(&*link.path, "/api/v1/alerts" | "/api/v2/alerts") {
        Some("bad response status 404 Not Found")
    } else if version.is_none() {
        Some("connect: connection refused")
    } else {
        None
    };
    (answer, unreachable.map(Arc::from))
}
