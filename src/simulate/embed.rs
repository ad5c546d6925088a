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
use crate::scrape::target::Target;
use crate::stack::compose::network::Reach;
use crate::stack::mock::Exposes;
use crate::stack::{self, NamedFile, Stack, Who};
use crate::text::Severity;

/// The webhook behind a secret that the repository rightly does not hold.
const HIDDEN_WEBHOOK: &str = "https://discord.com/api/webhooks/000000000000000000/hidden";

/// What is asked for instead of what image tags and flags say.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// Prometheus' release.
    pub release: Option<Release>,
    /// Alertmanager's version.
    pub alertmanager: Option<alertmanager::Version>,
    /// What links to Prometheus begin with.
    pub external_url: Option<Arc<str>>,
    /// Runs also programs that refuse a part of their files, with the parts that can be read: for whoever has judged
    /// the files already.
    pub as_far_as_readable: bool,
}

/// A stack ready to run in its world.
#[derive(Debug, Default)]
pub struct Embedded {
    /// What runs; a program that does not start is left out.
    pub config: Arc<EngineConfig>,
    /// Who stands behind each target of the configuration, in its order.
    pub answers: Vec<Answer>,
    /// Why, in the stack's words, in the same order.
    pub reasons: Vec<stack::Answer>,
    /// For each Alertmanager that Prometheus is told of: why no alert arrives there, in words for a student.
    pub links: Vec<Option<String>>,
    /// The jobs whose targets only a running system knows.
    pub untold_jobs: Vec<String>,
    /// Why Alertmanager refuses a template file.
    pub template_error: Option<String>,
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
        let (alertmanager, template_error) = match alertmanager_of(stack, overrides) {
            Ok(setup) => (setup, None),
            Err(why) => (None, Some(why)),
        };
        let mut embedded = Self {
            config: Arc::default(),
            answers: Vec::new(),
            reasons: Vec::new(),
            links: Vec::new(),
            untold_jobs: untold_jobs(stack),
            template_error,
            dropped: Vec::new(),
            refused: Vec::new(),
            settings: settings_of(stack),
        };
        let mut prometheus = None;
        if let Some(Assembly { mut setup, dropped, refused }) = prometheus_of(stack, overrides) {
            (embedded.dropped, embedded.refused) = (dropped, refused);
            embedded.answer_targets(stack, &setup);
            let version = alertmanager.as_ref().map(|a| a.version);
            for link in &mut setup.alertmanagers {
                let (why, unreachable) = reach_alertmanager(stack, version, link).map_or((None, None), |lost| {
                    let Lost { why, error } = lost;
                    (Some(why), Some(error))
                });
                link.unreachable = unreachable;
                embedded.links.push(why);
            }
            if let Some(link) = discovered_alertmanager(stack, &setup) {
                setup.alertmanagers.push(link);
                embedded.links.push(None);
            }
            prometheus = Some(setup);
        }
        embedded.config = Arc::new(EngineConfig { prometheus, alertmanager });
        embedded
    }

    /// The simulation of this stack. `also` names metrics that somebody reads beside the rules.
    pub fn simulation(&self, also: &[&str]) -> Simulation {
        Simulation::new(self.config.clone(), self.world(also, &BTreeMap::new()))
    }

    /// The world around this stack. `also` names metrics that somebody reads beside the rules, `held` those that keep a
    /// value whatever happens.
    pub fn world(&self, also: &[&str], held: &BTreeMap<String, f64>) -> World {
        let mut settings = self.settings.clone();
        settings.also.extend(also.iter().map(|s| (*s).to_owned()));
        settings.held.extend(held.iter().map(|(name, value)| (name.clone(), *value)));
        World::new(&self.config, self.answers.clone(), &settings)
    }

    /// The targets that are scraped, with who stands behind each.
    pub fn targets(&self) -> impl Iterator<Item = (&Target, &stack::Answer)> {
        let targets = self.config.prometheus.iter().flat_map(|p| &p.targets);
        targets.map(|t| &t.target).zip(&self.reasons)
    }

    fn answer_targets(&mut self, stack: &Stack, setup: &PrometheusSetup) {
        let from = stack.prometheus.as_ref().and_then(|p| p.service.as_deref());
        for target in setup.targets.iter().map(|t| &t.target) {
            let answer = who_answers(stack, from, &target.address);
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

/// Who answers at an address; without a compose file the programs themselves listen on the machine.
fn who_answers(stack: &Stack, from: Option<&str>, address: &str) -> stack::Answer {
    let mut answer = stack.who_answers(from, address);
    if from.is_some() || answer.who != Who::Nobody {
        return answer;
    }
    let Reach::Host { port, .. } = stack.resolve(None, address) else { return answer };
    let own = match port {
        9090 => Some("prometheus"),
        9093 if stack.alertmanager.is_some() => Some("alertmanager"),
        3000 => Some("grafana"),
        _ => None,
    };
    if let Some(name) = own {
        answer.who = Who::Service(name.to_owned());
        answer.why = format!("{name} on the machine");
        answer.error = None;
    }
    answer
}

fn untold_jobs(stack: &Stack) -> Vec<String> {
    let config = stack.prometheus.iter().filter_map(|p| p.config.as_ref());
    let jobs = config.flat_map(|c| &c.scrape_configs).filter(|j| !j.discovery.others.is_empty());
    jobs.map(|j| j.job_name.value.clone()).collect()
}

/// An Alertmanager that is discovered at run time is taken for the stack's own.
fn discovered_alertmanager(stack: &Stack, setup: &PrometheusSetup) -> Option<AlertmanagerLink> {
    let config = stack.prometheus.as_ref()?.config.as_ref()?;
    let discovered = |s: &&crate::scrape::config::AlertmanagerConfig| {
        !s.discovery.others.is_empty() || !s.discovery.file_sd_configs.is_empty()
    };
    let section = config.alertmanagers.iter().find(discovered)?;
    let own = stack.alertmanager.as_ref().filter(|_| setup.alertmanagers.is_empty())?;
    let path = section.alerts_path();
    Some(AlertmanagerLink {
        url: format!("http://alertmanager:9093{path}").into(),
        address: "alertmanager:9093".into(),
        alert_relabel: section.alert_relabel.clone(),
        unreachable: own.turns_away(&path, own.version).map(|why| format!("alertmanager:9093 {why}").into()),
        path: path.into(),
    })
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
    settings.metrics = known;
    // Where the script leaves it open, the metric of the lab is there.
    let metric = stack.hints.metric.as_str();
    let missing = stack.mock.as_ref().is_some_and(|m| matches!(m.exposes(metric), Exposes::No(_)));
    if settings.metrics.is_empty() || !missing && settings.metrics.iter().all(|m| *m.name != *metric) {
        settings.metrics.push(world::ModelMetric { name: metric.into(), counter: false });
    }
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
    let (config, files) = if overrides.as_far_as_readable {
        let files = prometheus.rules.iter().filter_map(|r| Some((r.path.clone(), r.file.clone()?)));
        (prometheus.config.clone()?, files.collect())
    } else if release == prometheus.release {
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
///
/// # Errors
/// It refuses a template file: which one and why.
pub fn alertmanager_of(stack: &Stack, overrides: &Overrides) -> Result<Option<AlertmanagerSetup>, String> {
    let Some(alertmanager) = stack.alertmanager.as_ref() else { return Ok(None) };
    let version = overrides.alertmanager.unwrap_or(alertmanager.version);
    let config = match overrides.alertmanager {
        Some(v) if v != alertmanager.version => {
            alertmanager.state.text().and_then(|text| alertmanager::config::Config::load(text, v).config)
        }
        _ if overrides.as_far_as_readable || alertmanager.runs() => alertmanager.config.clone(),
        _ => None,
    };
    let Some(config) = config else { return Ok(None) };
    let mut templates = Templates::new(version);
    for (name, text) in &alertmanager.templates {
        let name = stack::path::file_name(name);
        templates.add_file(name, text.text()).map_err(|e| format!("{}: {e}", text.name()))?;
    }
    let mut files: BTreeMap<Arc<str>, Arc<str>> = BTreeMap::new();
    for (path, file) in &alertmanager.files {
        let content = match file {
            NamedFile::Text(text) if looks_like_url(text) => text.trim(),
            // Whatever the secret is, or the placeholder that stands for it: the world serves every webhook.
            NamedFile::Text(_) | NamedFile::Hidden(_) => HIDDEN_WEBHOOK,
            NamedFile::Missing(_) => continue,
        };
        files.insert(path.as_str().into(), content.into());
    }
    let host = alertmanager.service.as_deref().unwrap_or("localhost");
    let external_url = alertmanager.external_url.as_deref().map(|u| u.trim_end_matches('/').to_owned());
    let options = alertmanager::Options {
        external_url: external_url.unwrap_or_else(|| format!("http://{host}:9093")).into(),
        ..alertmanager::Options::default()
    };
    Ok(Some(AlertmanagerSetup { config: Arc::new(config), version, options, templates, files: Arc::new(files) }))
}

fn looks_like_url(text: &str) -> bool {
    let text = text.trim();
    text.starts_with("http://") || text.starts_with("https://")
}

/// Why alerts that are posted to a link do not arrive.
struct Lost {
    /// In words for a student.
    why: String,
    /// In Prometheus' words.
    error: Arc<str>,
}

/// Whether alerts that are posted to a link arrive, and why not. `version` is that of the Alertmanager that runs.
fn reach_alertmanager(stack: &Stack, version: Option<alertmanager::Version>, link: &AlertmanagerLink) -> Option<Lost> {
    let from = stack.prometheus.as_ref().and_then(|p| p.service.as_deref());
    let own = stack.alertmanager.as_ref().map(|a| a.service.as_deref().unwrap_or("alertmanager"));
    let address = match link.address.contains(':') {
        true => link.address.to_string(),
        false => format!("{}:80", link.address),
    };
    let answer = who_answers(stack, from, &address);
    let name = match &answer.who {
        Who::Service(name) if Some(name.as_str()) == own => name,
        who => {
            let refused = || format!("dial tcp {address}: connect: connection refused");
            let error = answer.error.clone().unwrap_or_else(refused).into();
            let why = match who {
                Who::Nobody => format!("{}: {}", link.address, answer.why),
                _ => format!("{} is {}, not Alertmanager", link.address, answer.why),
            };
            return Some(Lost { why, error });
        }
    };
    let (said, error) = if link.url.starts_with("https:") {
        let said = format!("{name} speaks http, and scheme says https");
        (said, "http: server gave HTTP response to HTTPS client")
    } else {
        let Some(version) = version else {
            let (why, error) = (format!("{name} does not run"), "connect: connection refused".into());
            return Some(Lost { why: format!("{}: {why}", link.address), error });
        };
        let said = stack.alertmanager.as_ref()?.turns_away(&link.path, version)?;
        let error = if said.contains("410 Gone") {
            "bad response status 410 Gone"
        } else {
            "bad response status 404 Not Found"
        };
        return Some(Lost { why: format!("{} {said}", link.address), error: error.into() });
    };
    Some(Lost { why: format!("{}: {said}", link.address), error: error.into() })
}
