//! The world of `check`: a running stack, asked over HTTP with the real clock.
//!
//! What only files can tell is answered from the repository when there is one.

mod acceptance;
mod connection;
mod dashboards;
mod delivery;
mod messages;
mod pages;
mod plan;
mod queries;
mod rules;
mod stress;

use super::probe::alertmanager::Alertmanager;
use super::probe::clock::{self, Moment};
use super::probe::grafana::Grafana;
use super::probe::http::{Auth, Base, Client};
use super::probe::prometheus::{NoData, Prometheus};
use super::simulated::Simulated;
use super::{Finding, Outcome, Step, World};
use crate::lab::Lab;
use crate::report::{AdviceResult, DialectInfo, Timeline};
use crate::stack::grafana::{Dashboard, DataSources};
use connection::Standing;
use stress::{NotPlayed, Record};

pub use acceptance::{Request, run};
pub use plan::plan;
pub use stress::Vm;

/// A message that arrived at a stand-in for Discord.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// When, in seconds of Unix time.
    pub at: f64,
    /// The status it was answered with.
    pub answer: Option<u16>,
    /// The body as it came.
    pub body: String,
}

/// Where the parts of the stack are, and what else is known about it.
pub struct Settings<'a> {
    /// The mocked model.
    pub mock: Base,
    /// Prometheus.
    pub prometheus: Base,
    /// Alertmanager.
    pub alertmanager: Base,
    /// Grafana.
    pub grafana: Base,
    /// Who asks Grafana.
    pub grafana_auth: Auth,
    /// Node Exporter, when it is not to be taken from Prometheus' targets.
    pub node_exporter: Option<Base>,
    /// What a stand-in for Discord has received so far, when one listens.
    pub arrived: Option<Box<dyn Fn() -> Vec<Arrived> + 'a>>,
    /// Judge only these criteria; all when empty.
    pub only: &'a [String],
    /// The machine to put under load; without it no load is made.
    pub vm: Option<Vm>,
    /// The set of alerts that the load is about.
    pub load_alerts: Option<String>,
    /// Whether somebody wants it to end.
    pub stopped: Box<dyn Fn() -> bool + 'a>,
    /// Told what is being waited for.
    pub waiting: Box<dyn Fn(&str) + 'a>,
}

/// Answers steps from a running stack.
pub struct LiveWorld<'a> {
    lab: &'a Lab,
    settings: Settings<'a>,
    files: Option<Simulated<'a>>,
    client: Client,
    prometheus: Prometheus,
    alertmanager: Alertmanager,
    /// Prometheus' version, once it was asked.
    prometheus_version: Option<Result<String, NoData>>,
    /// Alertmanager's version, once it was asked.
    alertmanager_version: Option<Result<String, NoData>>,
    grafana: Option<Result<Seen, Standing>>,
    advice: Vec<AdviceResult>,
    /// What was seen of the load, once it was made.
    played: Option<Result<Record, NotPlayed>>,
}

/// What Grafana told.
struct Seen {
    grafana: Grafana,
    sources: DataSources,
    dashboards: Vec<Dashboard>,
    unread: Vec<String>,
}

impl<'a> LiveWorld<'a> {
    /// A world at these addresses; `files` answers for the repository.
    ///
    /// # Errors
    /// No requests can be made from this machine.
    pub fn new(lab: &'a Lab, settings: Settings<'a>, files: Option<Simulated<'a>>) -> Result<Self, String> {
        let client = Client::new()?;
        Ok(Self {
            lab,
            files,
            prometheus: Prometheus::new(client.clone(), settings.prometheus.clone()),
            alertmanager: Alertmanager::new(client.clone(), settings.alertmanager.clone()),
            settings,
            client,
            prometheus_version: None,
            alertmanager_version: None,
            grafana: None,
            advice: Vec::new(),
            played: None,
        })
    }

    /// Which versions were found running; `unknown` where nothing answered.
    pub fn dialect(&self) -> DialectInfo {
        let told = |v: &Option<Result<String, NoData>>| match v {
            Some(Ok(version)) => version.clone(),
            _ => "unknown".to_owned(),
        };
        DialectInfo { prometheus: told(&self.prometheus_version), alertmanager: told(&self.alertmanager_version) }
    }

    /// What was noticed besides.
    pub fn advice(&mut self) -> Vec<AdviceResult> {
        std::mem::take(&mut self.advice)
    }

    /// The lab's name of the mocked model's metric.
    fn metric(&self) -> &str {
        self.lab.parameters.get("mock.metric").unwrap_or("model_result")
    }

    fn title_of(&self, set: &str) -> String {
        self.lab.alerts.get(set).map_or_else(|| set.to_owned(), |s| s.title.clone())
    }

    /// Repeats an observation until it holds or the time is over; gives the last one.
    fn within(&self, seconds: f64, what: &str, mut observe: impl FnMut() -> Outcome) -> Outcome {
        let start = Moment::now();
        loop {
            let outcome = observe();
            if matches!(outcome, Outcome::Holds(_)) || start.elapsed() >= seconds {
                return outcome;
            }
            (self.settings.waiting)(&format!("{what}, for {:.0} s at most", seconds - start.elapsed()));
            clock::sleep(1.0);
        }
    }

    /// Judges the load, which is made when it is asked for first.
    fn of_load(&mut self, judge: impl Fn(&Self, &Record) -> Outcome) -> Outcome {
        let Some(vm) = &self.settings.vm else {
            return Outcome::Unverified(Finding::said("the load was not made: no machine was named").hint(
                "name the machine with --vm [USER@]HOST; or make the load by hand (stress-ng --cpu 0 --timeout 240s) and watch Discord",
            ));
        };
        if self.played.is_none() {
            let set = self.settings.load_alerts.clone().unwrap_or_default();
            self.played = Some(stress::play(self, vm, &set));
        }
        match &self.played {
            Some(Ok(record)) => judge(self, record),
            Some(Err(no)) => messages::not_played(no),
            None => Outcome::Error(Finding::said("the load was not made")),
        }
    }

    /// The picture of the load, if it was made.
    pub fn timeline(&self) -> Option<Timeline> {
        let Some(Ok(record)) = &self.played else { return None };
        let names = messages::names_of(self, self.settings.load_alerts.as_deref().unwrap_or_default());
        Some(messages::timeline(record, &names, "discord"))
    }

    /// What the repository answers; nothing without one.
    fn files_answer(&mut self, criterion: &str, step: &Step) -> Option<Outcome> {
        self.files.as_mut().map(|files| files.observe(criterion, step))
    }
}

impl World for LiveWorld<'_> {
    fn observe(&mut self, criterion: &str, step: &Step) -> Outcome {
        if !self.settings.only.is_empty() && !self.settings.only.iter().any(|id| id == criterion) {
            return Outcome::Unverified(Finding::said("left out by --only"));
        }
        match step {
            Step::Loads(s) => rules::loads(self, s),
            Step::Requires(p) => connection::requires(self, *p),
            // The page itself shows what a script would promise.
            Step::Script(_) => Outcome::Holds(Finding::default()),
            Step::Http(s) => pages::http(self, s),
            Step::Promql(s) => queries::promql(self, s),
            Step::Target(s) => queries::target(self, s),
            Step::Rule(s) => rules::rule(self, s),
            // A running stack cannot be given values at will.
            Step::Probe(_) | Step::CanAlert(_) => {
                self.files_answer(criterion, step).unwrap_or_else(|| Outcome::Holds(Finding::default()))
            }
            Step::Messages(s) if s.from.is_some() || s.never => self.of_load(|world, record| {
                messages::judge(record, &messages::names_of(world, &s.of), &world.title_of(&s.of), s)
            }),
            Step::Messages(s) => delivery::messages(self, s),
            Step::Grafana(s) => dashboards::grafana(self, s),
            Step::Ssh(s) => self.of_load(|_, record| messages::cpu(record, s)),
            Step::Markdown(_) | Step::Answers(_) => self.files_answer(criterion, step).unwrap_or_else(|| {
                Outcome::Unverified(
                    Finding::said("no repository was named").hint("name the repository with --repo DIR"),
                )
            }),
        }
    }

    fn how_to_verify(&self, _: &str) -> String {
        "watch it by hand, or run `labkit run` on the repository".to_owned()
    }
}
