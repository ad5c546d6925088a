//! From a stack to the machine that plays it: targets with who answers them, rules, the way to Alertmanager.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::alertmanager;
use crate::alertmanager::template::Templates;
use crate::engine::{AlertmanagerLink, AlertmanagerSetup, Circumstances, EngineConfig, assemble};
use crate::rules::GroupSpec;
use crate::simulate::Answer;
use crate::stack::compose::network::Reach;
use crate::stack::{NamedFile, Stack, Who};

/// The name of the host everything runs on; part of the hashed slots.
const HOST: &str = "labkit";
/// The webhook behind a secret that the repository rightly does not hold.
const HIDDEN_WEBHOOK: &str = "https://discord.com/api/webhooks/000000000000000000/hidden";

/// A stack ready to play.
pub struct Setup {
    /// What runs.
    pub config: EngineConfig,
    /// Who answers each target.
    pub answers: Vec<Answer>,
    /// What was found out about each target, in their order.
    pub targets: Vec<TargetFact>,
    /// Jobs whose targets the repository does not tell (other kinds of discovery).
    pub untold_jobs: Vec<String>,
    /// A template file that Alertmanager refuses.
    pub template_error: Option<String>,
}

/// A target and who answers it.
#[derive(Clone, Debug)]
pub struct TargetFact {
    /// The job.
    pub job: String,
    /// Host and port as scraped.
    pub address: String,
    /// Who.
    pub who: Who,
    /// Why, in a sentence.
    pub why: String,
    /// Set when it works on one platform only.
    pub platform: Option<String>,
    /// Whether the repository leaves it open.
    pub uncertain: bool,
}

/// Puts a stack's readable programs together.
pub fn setup(stack: &Stack) -> Setup {
    let mut setup = Setup {
        config: EngineConfig::default(),
        answers: Vec::new(),
        targets: Vec::new(),
        untold_jobs: Vec::new(),
        template_error: None,
    };
    add_alertmanager(&mut setup, stack);
    add_prometheus(&mut setup, stack);
    setup
}

fn add_prometheus(setup: &mut Setup, stack: &Stack) {
    let Some(prometheus) = &stack.prometheus else { return };
    let Some(config) = &prometheus.config else { return };
    let around = Circumstances {
        release: prometheus.release,
        fqdn: HOST.into(),
        external_url: prometheus
            .external_url
            .as_deref()
            .map_or_else(|| format!("http://{HOST}:9090").into(), Arc::from),
    };
    let global = &config.global;
    let groups: Vec<Arc<GroupSpec>> = prometheus
        .rules
        .iter()
        .filter_map(|r| Some((&r.path, r.file.as_ref()?)))
        .flat_map(|(path, file)| file.groups.iter().map(move |g| (path, g)))
        .map(|(path, g)| {
            Arc::new(g.spec(path, global.evaluation_interval.value, global.rule_query_offset, prometheus.dialect))
        })
        .collect();
    let mut assembly = assemble(config, groups, &around);
    setup.untold_jobs = config
        .scrape_configs
        .iter()
        .filter(|j| !j.discovery.others.is_empty())
        .map(|j| j.job_name.value.clone())
        .collect();
    let from = prometheus.service.as_deref();
    for target in &assembly.setup.targets {
        let address = target.target.address.to_string();
        let found = who_answers(stack, from, &address);
        setup.answers.push(match (&found.who, &found.error) {
            (Who::Mock, _) => Answer::Model,
            (Who::NodeExporter, _) => Answer::Node,
            (Who::Service(_), _) => Answer::Service,
            (Who::Nobody, Some(error)) => Answer::Fails(error.as_str().into()),
            (Who::Nobody, None) => Answer::Fails(format!("dial tcp {address}: connect: connection refused").into()),
        });
        setup.targets.push(TargetFact {
            job: target.target.labels.get("job").unwrap_or("").to_owned(),
            address,
            who: found.who,
            why: found.why,
            platform: found.platform,
            uncertain: found.uncertain,
        });
    }
    for link in &mut assembly.setup.alertmanagers {
        link.unreachable = unreachable(stack, from, link);
    }
    // An Alertmanager that is discovered at run time is taken for the stack's own.
    let section =
        config.alertmanagers.iter().find(|s| !s.discovery.others.is_empty() || !s.discovery.file_sd_configs.is_empty());
    if let (Some(section), true, true) =
        (section, assembly.setup.alertmanagers.is_empty(), stack.alertmanager.is_some())
    {
        assembly.setup.alertmanagers.push(AlertmanagerLink {
            url: "http://alertmanager:9093/api/v2/alerts".into(),
            address: "alertmanager:9093".into(),
            path: "/api/v2/alerts".into(),
            alert_relabel: section.alert_relabel.clone(),
            unreachable: None,
        });
    }
    setup.config.prometheus = Some(assembly.setup);
}

/// Without a compose file the programs themselves listen on the machine.
fn who_answers(stack: &Stack, from: Option<&str>, address: &str) -> crate::stack::Answer {
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

fn unreachable(stack: &Stack, from: Option<&str>, link: &AlertmanagerLink) -> Option<Arc<str>> {
    let answer = who_answers(stack, from, &link.address);
    let ours = stack.alertmanager.as_ref().map(|a| a.service.as_deref().unwrap_or("alertmanager"));
    match &answer.who {
        Who::Service(name) if Some(name.as_str()) == ours && link.url.starts_with("https://") => {
            Some(format!("{}: {name} speaks http, and scheme says https", link.address).into())
        }
        Who::Service(name) if Some(name.as_str()) == ours => None,
        Who::Nobody => Some(format!("{}: {}", link.address, answer.why).into()),
        _ => Some(format!("{} is {}, not Alertmanager", link.address, answer.why).into()),
    }
}

fn add_alertmanager(setup: &mut Setup, stack: &Stack) {
    let Some(program) = &stack.alertmanager else { return };
    let Some(config) = &program.config else { return };
    let mut templates = Templates::new(program.version);
    for (name, text) in &program.templates {
        if let Err(e) = templates.add_file(name, text.text()) {
            setup.template_error = Some(format!("{}: {e}", text.name()));
            return;
        }
    }
    let files: BTreeMap<Arc<str>, Arc<str>> = program
        .files
        .iter()
        .filter_map(|(path, file)| match file {
            NamedFile::Text(text) if looks_like_url(text) => Some((path.as_str().into(), text.trim().into())),
            NamedFile::Text(_) | NamedFile::Hidden(_) => Some((path.as_str().into(), HIDDEN_WEBHOOK.into())),
            NamedFile::Missing(_) => None,
        })
        .collect();
    setup.config.alertmanager = Some(AlertmanagerSetup {
        config: Arc::new(config.clone()),
        version: program.version,
        options: alertmanager::Options::default(),
        templates,
        files: Arc::new(files),
    });
}

/// A placeholder in a secret's file stands for the real thing.
fn looks_like_url(text: &str) -> bool {
    let text = text.trim();
    text.starts_with("http://") || text.starts_with("https://")
}
