//! The world of `check`: a running stack, asked over HTTP with the real clock.
//!
//! What only files can tell is answered from the repository when there is one.

mod acceptance;
mod certain;
mod connection;
mod cpu_values;
mod dashboards;
mod delivery;
mod foresee;
mod messages;
mod pages;
mod plan;
mod queries;
mod rules;
mod state;
mod stress;

use super::probe::alertmanager::Alertmanager;
use super::probe::grafana::Grafana;
use super::probe::http::{Auth, Base, Client};
use super::probe::machine::Facts;
use super::probe::prometheus::{NoData, Prometheus};
use super::probe::tape::Tape;
use super::simulated::Simulated;
use super::{CanAlert, Finding, Outcome, Probe, Step, World};
use crate::lab::Lab;
use crate::report::{AdviceResult, DialectInfo, Timeline};
use crate::stack::grafana::{Dashboard, DataSources};
use connection::Standing;
use foresee::Foreseen;
use serde_json::Value;
use std::cell::{Cell, RefCell};
use stress::{NotPlayed, Record};

pub use super::probe::tape::Arrived;
pub use acceptance::{Checked, Request, run};
pub use plan::{Asked, plan};
pub use state::{Called, CalledVm, GrafanaUser, State};
pub use stress::Vm;

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
    /// The way to the world, or to what was written down of it.
    pub tape: Tape,
    /// How the check was called.
    pub called: Called,
    /// What an interrupted run has judged and seen.
    pub resumed: Option<State>,
    /// Keeps what was judged and seen so far.
    pub keep: Box<dyn Fn(&State) + 'a>,
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
    /// What the load must lead to, once it was worked out.
    foreseen: Option<Result<Foreseen, String>>,
    /// What was judged so far.
    state: RefCell<State>,
    /// When it was kept last.
    kept: Cell<f64>,
    /// The machine over SSH, once it was asked.
    facts: Option<Result<Facts, NotPlayed>>,
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
        let client = Client::new(settings.tape.clone())?;
        let mut state = State::new(settings.called.clone());
        if let Some(resumed) = &settings.resumed {
            state.outcomes.clone_from(&resumed.outcomes);
            state.played.clone_from(&resumed.played);
        }
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
            foreseen: None,
            state: RefCell::new(state),
            kept: Cell::new(f64::NEG_INFINITY),
            facts: None,
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
        self.advise_on_clocks();
        std::mem::take(&mut self.advice)
    }

    fn tape(&self) -> &Tape {
        &self.settings.tape
    }

    /// By how many seconds Prometheus' clock is ahead: samples have its time.
    fn clock_ahead(&self) -> f64 {
        self.client.clock_ahead(self.prometheus.address())
    }

    /// What clocks that differ mean to whoever reads the times.
    fn advise_on_clocks(&mut self) {
        for (name, address) in [
            ("Prometheus", self.prometheus.address()),
            ("Alertmanager", self.alertmanager.address()),
            ("Grafana", self.settings.grafana.as_str()),
        ] {
            let ahead = self.client.clock_ahead(address);
            if ahead != 0.0 {
                let way = if ahead > 0.0 { "ahead of" } else { "behind" };
                let reason = format!(
                    "observed the clock of {name} {} (minutes and seconds) {way} this machine's; wanted the same time everywhere: set both by NTP (timedatectl set-ntp true)",
                    messages::clock_text(ahead.abs())
                );
                self.advice.push(AdviceResult {
                    id: "clock-skew".to_owned(),
                    severity: "warning".to_owned(),
                    reason,
                    at: None,
                });
            }
        }
    }

    /// Whether somebody wants it to end.
    fn stopped(&self) -> bool {
        self.tape().stopped(|| (self.settings.stopped)())
    }

    /// What the stand-in for Discord has received, when one listens.
    fn arrived(&self) -> Option<Vec<Arrived>> {
        let arrived = self.settings.arrived.as_ref()?;
        Some(self.tape().messages(arrived))
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
        let start = self.tape().steady();
        loop {
            let outcome = observe();
            let left = start + seconds - self.tape().steady();
            if matches!(outcome, Outcome::Holds(_)) || left <= 0.0 {
                return outcome;
            }
            if self.stopped() {
                return by_hand();
            }
            (self.settings.waiting)(&format!("{what}, for {left:.0} s at most"));
            self.tape().sleep(1.0);
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
            let earlier = self.settings.resumed.as_ref().and_then(|r| r.played.clone());
            self.played = Some(match earlier {
                // The load was seen to its end then.
                Some(record) if record.first_to_repeat().is_none() => Ok(record),
                earlier => {
                    self.foreseen = Some(foresee::of_world(self, &set));
                    stress::play(self, vm, &set, earlier.as_ref())
                }
            });
            if let Some(Ok(record)) = &self.played {
                self.keep(record, true);
                if let Some(difference) = foresee::difference(self, record) {
                    let reason = format!(
                        "what was foreseen from the loaded rules and what came differ first here: {difference}"
                    );
                    let id = "prediction-differs".to_owned();
                    self.advice.push(AdviceResult { id, severity: "info".to_owned(), reason, at: None });
                }
            }
        }
        match &self.played {
            Some(Ok(record)) => with_foreseen(judge(self, record), foresee::evidence(self, record)),
            Some(Err(_)) if self.stopped() => by_hand(),
            Some(Err(no)) => messages::not_played(no),
            None => Outcome::Error(Finding::said("the load was not made")),
        }
    }

    /// Keeps what was seen of the load so far; at most every ten seconds unless it must be.
    fn keep(&self, record: &Record, must: bool) {
        if must || record.until - self.kept.get() >= 10.0 {
            self.kept.set(record.until);
            self.state.borrow_mut().played = Some(record.clone());
            self.keep_state();
        }
    }

    fn keep_state(&self) {
        (self.settings.keep)(&self.state.borrow());
    }

    /// Asks for what only whoever reads a bundle wants to know.
    fn ask_for_configuration(&self) {
        if self.tape().keeps() {
            // Where nothing answers there is none.
            let _ = (self.prometheus.config(), self.prometheus.rule_groups(), self.prometheus.targets());
            let _ = self.alertmanager.status();
        }
    }

    /// What was judged and seen.
    pub fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// What comes next under load, for people who wait.
    fn next_expected(&self, t: f64) -> Option<String> {
        self.foreseen.as_ref()?.as_ref().ok()?.next(t)
    }

    /// The newest value of the CPU through Grafana, with its Unix time, where Grafana was asked before.
    fn busy_in_grafana(&self) -> Option<(f64, f64)> {
        let Some(Ok(seen)) = &self.grafana else { return None };
        let source = seen.sources.known.iter().find(|s| s.is_prometheus())?;
        let ahead = self.clock_ahead();
        let now = self.tape().wall() + ahead;
        let series = seen.grafana.query(source, cpu_values::CPU_BUSY, now - 30.0, now).ok()?;
        let newest = series.iter().filter_map(|s| s.points.last().copied()).filter(|p| p.1.is_finite());
        newest.map(|(at, value)| (at - ahead, value)).max_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// What is known of the machine, asked over SSH once; nothing without one.
    fn machine(&mut self) -> Option<&Facts> {
        let vm = self.settings.vm.as_ref()?;
        if self.facts.is_none() {
            let facts = stress::sign_in(self, vm).map(|(_, facts)| facts);
            self.facts = Some(facts);
        }
        self.facts.as_ref()?.as_ref().ok()
    }

    /// The picture of the load, if it was made.
    pub fn timeline(&self) -> Option<Timeline> {
        let Some(Ok(record)) = &self.played else { return None };
        let names = messages::names_of(self, self.settings.load_alerts.as_deref().unwrap_or_default());
        Some(messages::timeline(record, &names, "discord"))
    }

    /// What the mocked model's script promises, when it is not the script that runs.
    fn of_script(&mut self, criterion: &str, step: &Step) -> Outcome {
        self.files_answer(criterion, step)
            .unwrap_or_else(|| Outcome::Unverified(Finding::said("the mocked model was not run")))
    }

    /// What the repository answers; nothing without one.
    fn files_answer(&mut self, criterion: &str, step: &Step) -> Option<Outcome> {
        self.files.as_mut().map(|files| files.observe(criterion, step))
    }
}

fn with_foreseen(outcome: Outcome, evidence: Vec<Value>) -> Outcome {
    match outcome {
        Outcome::Holds(f) => Outcome::Holds(f.evidence(evidence)),
        Outcome::Fails(f) => Outcome::Fails(f.evidence(evidence)),
        Outcome::Inconclusive(f) => Outcome::Inconclusive(f.evidence(evidence)),
        Outcome::Review(f) => Outcome::Review(f.evidence(evidence)),
        other => other,
    }
}

/// Whether a step is about the load.
fn is_of_load(step: &Step) -> bool {
    match step {
        Step::Ssh(_) => true,
        Step::Messages(m) => m.from.is_some() || m.never,
        Step::Grafana(g) => g.cpu_values_during.is_some(),
        _ => false,
    }
}

/// Nobody waits any longer.
fn by_hand() -> Outcome {
    Outcome::Inconclusive(Finding::said("stopped by hand before it was decided").hint("run again with --resume"))
}

impl World for LiveWorld<'_> {
    fn observe(&mut self, criterion: &str, step: &Step) -> Outcome {
        if !self.settings.only.is_empty() && !self.settings.only.iter().any(|id| id == criterion) {
            return Outcome::Unverified(Finding::said("left out by --only"));
        }
        match step {
            Step::Loads(s) => rules::loads(self, s),
            Step::Requires(p) => connection::requires(self, *p),
            Step::Script(_) if self.settings.called.mock_stands_in => self.of_script(criterion, step),
            Step::Http(s) if self.settings.called.mock_stands_in && s.get == "mock" => self.of_script(criterion, step),
            // The page itself shows what a script would promise.
            Step::Script(_) => Outcome::Holds(Finding::default()),
            Step::Http(s) => pages::http(self, s),
            Step::Promql(s) => queries::promql(self, s),
            Step::Target(s) => queries::target(self, s),
            Step::Rule(s) => rules::rule(self, s),
            // A running stack cannot be given values at will.
            Step::Probe(Probe { of, .. }) | Step::CanAlert(CanAlert { of, .. }) => {
                let files = self.files.as_mut().filter(|files| files.has_rules(of));
                files.map_or_else(|| Outcome::Holds(Finding::default()), |files| files.observe(criterion, step))
            }
            Step::Messages(s) if is_of_load(step) => self.of_load(|world, record| {
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

    fn settled(&mut self, criterion: &str, steps: &[Step]) -> Option<Outcome> {
        if let Some(outcome) = self.settings.resumed.as_ref().and_then(|r| r.outcomes.get(criterion)) {
            return Some(outcome.clone());
        }
        // What was seen of the load is still judged.
        let seen = self.played.is_some() && steps.iter().any(is_of_load);
        (!seen && self.stopped()).then(by_hand)
    }

    fn judged(&mut self, criterion: &str, outcome: &Outcome) {
        if state::is_decided(outcome) {
            self.state.borrow_mut().outcomes.insert(criterion.to_owned(), outcome.clone());
            self.keep_state();
        }
    }

    fn how_to_verify(&self) -> String {
        "watch it by hand, or run `labkit run` on the repository".to_owned()
    }
}
