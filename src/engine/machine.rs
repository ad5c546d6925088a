//! The machine itself: timers of targets and groups, the way of alerts, requests in flight.

mod reload;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::config::{EngineConfig, Phases, PrometheusSetup};
use super::journal::{Event, Journal, SendOutcome};
use crate::alertmanager::{self, Alertmanager, DeliveryId, Notification, PostableAlert};
use crate::model::{Labels, Time};
use crate::rules::{Group, RuleEvent, SentAlert, notifier};
use crate::scrape::body::{Page, ScrapeCache};
use crate::scrape::slot::next_slot;
use crate::tsdb::Tsdb;

/// Steps that a scrape, a stored sample, a rule's evaluation and a notification count for, beside those of queries.
const SCRAPE_WORK: u64 = 100;
const STORE_WORK: u64 = 20;
const EVALUATION_WORK: u64 = 50;
const DELIVERY_WORK: u64 = 1000;

/// A target by its place in [`PrometheusSetup::targets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetId(pub usize);

/// A request to a receiver.
pub type PostId = DeliveryId;

/// What happens to the machine.
#[derive(Debug)]
pub enum Input {
    /// A scrape ended.
    Scraped {
        /// Of which target.
        target: TargetId,
        /// When it began: the time of its samples.
        began: Time,
        /// What came of it.
        outcome: ScrapeOutcome,
    },
    /// A request to a receiver ended.
    Posted {
        /// Which one.
        id: PostId,
        /// What came of it.
        outcome: PostOutcome,
    },
    /// Samples appear in the store without having been scraped.
    Samples(Vec<StoredSample>),
    /// Something is asked of Alertmanager by hand: a silence, a reload.
    Alertmanager(alertmanager::Input),
}

/// What came of a scrape.
#[derive(Clone, Debug)]
pub enum ScrapeOutcome {
    /// A page that could be read.
    Page(Page),
    /// No page, or one that could not be read: why.
    Failed(String),
}

/// What came of a request to a receiver.
#[derive(Clone, Debug)]
pub struct PostOutcome {
    /// The URL it went to, as shown (secrets masked by whoever prints).
    pub url: Arc<str>,
    /// How it ended.
    pub outcome: alertmanager::Outcome,
}

/// A sample with the labels it is stored under.
#[derive(Clone, Debug)]
pub struct StoredSample {
    /// The labels, the name included.
    pub labels: Labels,
    /// Unix time in milliseconds.
    pub t: i64,
    /// The value.
    pub value: f64,
}

/// What should happen.
#[derive(Clone, Debug)]
pub enum Output {
    /// Fetch a target's page; answer with [`Input::Scraped`].
    Scrape {
        /// Which target.
        target: TargetId,
        /// The time its samples carry.
        at: Time,
    },
    /// Send a notification; answer with [`Input::Posted`].
    Post {
        /// The request's name.
        id: PostId,
        /// What to send and where to.
        notification: Arc<Notification>,
        /// When the request is cut, whatever happens.
        deadline: Time,
    },
    /// The request was given up; an answer to it is ignored.
    Cancel(PostId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    // Scrapes come before evaluations of the same instant.
    Scrape(usize),
    Evaluate(usize),
}

/// A Prometheus and an Alertmanager.
#[derive(Debug)]
pub struct Engine {
    config: Arc<EngineConfig>,
    db: Tsdb,
    scrapes: Vec<Scrape>,
    groups: Vec<Group>,
    timers: BinaryHeap<Reverse<(Time, Timer)>>,
    discovered_at: Time,
    alertmanager: Option<Alertmanager>,
    posts: FxHashMap<PostId, (Arc<Notification>, u32)>,
    journal: Journal,
    work: u64,
}

#[derive(Clone, Debug, Default)]
struct Scrape {
    cache: ScrapeCache,
    failing: Option<Option<String>>,
}

impl Engine {
    /// Starts both programs at `start`, with empty storage.
    pub fn new(config: Arc<EngineConfig>, phases: &Phases, start: Time) -> Self {
        let alertmanager = config
            .alertmanager
            .as_ref()
            .map(|a| Alertmanager::new(a.config.clone(), a.version, a.options.clone(), start));
        let mut engine = Self {
            db: Tsdb::new(),
            scrapes: Vec::new(),
            groups: Vec::new(),
            timers: BinaryHeap::new(),
            discovered_at: start,
            alertmanager,
            posts: FxHashMap::default(),
            journal: Journal::default(),
            work: 0,
            config: config.clone(),
        };
        if let Some(setup) = &config.prometheus {
            engine.start_prometheus(setup, phases, start);
        }
        engine
    }

    fn start_prometheus(&mut self, setup: &PrometheusSetup, phases: &Phases, start: Time) {
        self.discovered_at = start.plus_nanos(setup.discovery_delay_ns);
        for (i, target) in setup.targets.iter().enumerate() {
            let offset = phases.of_target(setup, &target.target);
            let first = next_slot(self.discovered_at, offset, target.target.interval_ns);
            self.timers.push(Reverse((first, Timer::Scrape(i))));
            let mut scrape = Scrape::default();
            scrape.cache.write_reports(!setup.unread.reports);
            self.scrapes.push(scrape);
        }
        for (i, spec) in setup.groups.iter().enumerate() {
            let first = next_slot(start, phases.of_group(setup, spec), spec.interval_ns);
            self.timers.push(Reverse((first, Timer::Evaluate(i))));
            let mut group = Group::new(spec.clone(), &setup.context, setup.restored);
            group.write_alert_series(!setup.unread.alerts);
            group.send_alerts(!setup.unread.sends);
            if setup.unread.annotations {
                group.leave_out_annotations();
            }
            self.groups.push(group);
        }
    }

    /// The same machine once more: what happens to one of them from now on does not reach the other.
    pub fn fork(&self) -> Self {
        let setup = self.config.prometheus.as_ref();
        let fork = |group: &Group| setup.map(|s| group.fork(&s.context));
        Self {
            config: self.config.clone(),
            db: self.db.clone(),
            scrapes: self.scrapes.clone(),
            groups: self.groups.iter().filter_map(fork).collect(),
            timers: self.timers.clone(),
            discovered_at: self.discovered_at,
            alertmanager: self.alertmanager.clone(),
            posts: self.posts.clone(),
            journal: self.journal.clone(),
            work: self.work,
        }
    }

    /// The store.
    pub fn db(&self) -> &Tsdb {
        &self.db
    }

    /// The rule groups, in the order of the configuration.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Alertmanager, if it runs.
    pub fn alertmanager(&self) -> Option<&Alertmanager> {
        self.alertmanager.as_ref()
    }

    /// Alertmanager, to answer requests of its API.
    pub fn alertmanager_mut(&mut self) -> Option<&mut Alertmanager> {
        self.alertmanager.as_mut()
    }

    /// Why the last scrape of a target failed, if it did; none when it was not scraped yet.
    pub fn scrape_error(&self, target: TargetId) -> Option<Option<&str>> {
        self.scrapes.get(target.0)?.failing.as_ref().map(Option::as_deref)
    }

    /// How much has been done so far, in steps of about the cost of reading a sample: what a driver bounds that does not
    /// trust the configuration.
    pub fn work(&self) -> u64 {
        self.groups.iter().fold(self.work, |sum, group| sum.saturating_add(group.work()))
    }

    /// What it runs.
    pub fn config(&self) -> &Arc<EngineConfig> {
        &self.config
    }

    /// Everything that happened so far.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The journal, to add what a scenario does.
    pub fn journal_mut(&mut self) -> &mut Journal {
        &mut self.journal
    }

    /// Ends the machine and gives its journal.
    pub fn into_journal(self) -> Journal {
        self.journal
    }

    /// Takes something that happens at `now`. Times never go back.
    pub fn handle(&mut self, now: Time, input: Input) {
        match input {
            Input::Scraped { target, began, outcome } => self.scraped(now, target, began, outcome),
            Input::Samples(samples) => {
                for sample in samples {
                    let series = self.db.series_ref(&sample.labels);
                    let _ = self.db.append(series, sample.t, sample.value);
                }
            }
            Input::Posted { id, outcome } => {
                if let Some((notification, attempt)) = self.posts.remove(&id) {
                    let PostOutcome { url, outcome } = outcome;
                    self.journal
                        .push(now, Event::Notification { notification, attempt, url, outcome: outcome.clone() });
                    self.ask_alertmanager(now, alertmanager::Input::Delivered { id, outcome });
                }
            }
            Input::Alertmanager(input) => self.ask_alertmanager(now, input),
        }
    }

    fn ask_alertmanager(&mut self, now: Time, input: alertmanager::Input) {
        if let Some(alertmanager) = &mut self.alertmanager {
            alertmanager.handle(now, input);
        }
    }

    fn scraped(&mut self, now: Time, id: TargetId, began: Time, outcome: ScrapeOutcome) {
        let Some(setup) = self.config.prometheus.as_ref().and_then(|p| p.targets.get(id.0)) else { return };
        let Some(scrape) = self.scrapes.get_mut(id.0) else { return };
        self.work += SCRAPE_WORK;
        let page = match &outcome {
            ScrapeOutcome::Page(page) => {
                self.work += STORE_WORK * page.series.len() as u64;
                Ok(page)
            }
            ScrapeOutcome::Failed(reason) => Err(reason.as_str()),
        };
        let seconds = now.since(began) as f64 / 1e9;
        let labels = &setup.target.labels;
        let report = scrape.cache.store(&mut self.db, labels, &setup.body, began.millis(), seconds, page);
        if scrape.failing.as_ref() != Some(&report.error) {
            scrape.failing = Some(report.error.clone());
            self.journal.push(now, Event::Target { labels: labels.clone(), error: report.error });
        }
    }

    /// Does what is due at `now`; gives what should happen. Call it again while [`Self::next_wakeup`] is not later.
    pub fn poll(&mut self, now: Time) -> Vec<Output> {
        let mut outputs = Vec::new();
        while let Some(Reverse((at, timer))) = self.timers.peek().copied() {
            let tick = self.alertmanager.as_ref().and_then(Alertmanager::next_wakeup);
            if at > now || tick.is_some_and(|t| t < at) {
                break;
            }
            match timer {
                Timer::Scrape(i) => outputs.push(Output::Scrape { target: TargetId(i), at }),
                // The answers of scrapes of this instant come first.
                Timer::Evaluate(_) if !outputs.is_empty() => return outputs,
                Timer::Evaluate(i) => self.evaluate(i, at),
            }
            self.timers.pop();
            self.timers.push(Reverse((at.plus_nanos(self.interval(timer)), timer)));
        }
        self.poll_alertmanager(now, &mut outputs);
        outputs
    }

    fn poll_alertmanager(&mut self, now: Time, outputs: &mut Vec<Output>) {
        let Some(alertmanager) = &mut self.alertmanager else { return };
        for output in alertmanager.poll(now) {
            match output {
                alertmanager::Output::Deliver(delivery) => {
                    self.work += DELIVERY_WORK;
                    self.posts.insert(delivery.id, (delivery.notification.clone(), delivery.attempt));
                    let alertmanager::Delivery { id, notification, deadline, .. } = delivery;
                    outputs.push(Output::Post { id, notification, deadline });
                }
                alertmanager::Output::Cancel(id) => {
                    self.posts.remove(&id);
                    outputs.push(Output::Cancel(id));
                }
                alertmanager::Output::Event(event) => self.journal.push(now, Event::Alertmanager(event)),
            }
        }
    }

    fn interval(&self, timer: Timer) -> i64 {
        let Some(setup) = &self.config.prometheus else { return i64::MAX };
        match timer {
            Timer::Scrape(i) => setup.targets[i].target.interval_ns,
            Timer::Evaluate(i) => setup.groups[i].interval_ns.max(1),
        }
    }

    fn evaluate(&mut self, index: usize, ts: Time) {
        let config = self.config.clone();
        let Some(setup) = &config.prometheus else { return };
        let spec = &setup.groups[index];
        self.work += EVALUATION_WORK * (1 + spec.rules.len() as u64);
        for event in self.groups[index].evaluate(&mut self.db, &setup.context, ts) {
            match event {
                RuleEvent::Changed { rule, change } => {
                    let alert = spec.rules[rule].name.clone();
                    self.journal.push(ts, Event::Alert { group: index, rule, alert, change });
                }
                RuleEvent::Failed { rule, error } => {
                    let name = spec.rules[rule].name.clone();
                    self.journal.push(ts, Event::RuleError { group: index, rule, name, error });
                }
                RuleEvent::Due { rule, alerts } => self.send(setup, ts, (index, rule), alerts),
            }
        }
    }

    /// Every Alertmanager gets every alert; what reaches none is lost until the rule sends it again.
    fn send(&mut self, setup: &PrometheusSetup, now: Time, (group, rule): (usize, usize), alerts: Vec<SentAlert>) {
        let alerts = notifier::prepare(&setup.notifier, alerts);
        if alerts.is_empty() {
            return;
        }
        if setup.alertmanagers.is_empty() || now < self.discovered_at {
            let (alerts, outcome) = (alerts.into(), SendOutcome::NoAlertmanager);
            self.journal.push(now, Event::Sent { group, rule, alerts, url: None, outcome });
            return;
        }
        let all: Arc<[SentAlert]> = alerts.into();
        for link in &setup.alertmanagers {
            let alerts = match link.alert_relabel.is_empty() {
                true => all.clone(),
                false => notifier::relabelled(&link.alert_relabel, &all).into(),
            };
            let outcome = match (&link.unreachable, &mut self.alertmanager) {
                (Some(reason), _) => SendOutcome::Unreachable(reason.clone()),
                (None, None) => SendOutcome::Unreachable("connection refused".into()),
                (None, Some(alertmanager)) => {
                    for batch in alerts.chunks(setup.notifier.max_batch.max(1)) {
                        let batch = batch.iter().map(postable).collect();
                        alertmanager.handle(now, alertmanager::Input::Alerts(batch));
                    }
                    SendOutcome::Delivered
                }
            };
            let url = Some(link.url.clone());
            self.journal.push(now, Event::Sent { group, rule, alerts, url, outcome });
        }
    }

    /// When it must be polled next, if nothing happens before.
    pub fn next_wakeup(&self) -> Option<Time> {
        let timer = self.timers.peek().map(|Reverse((at, _))| *at);
        let tick = self.alertmanager.as_ref().and_then(Alertmanager::next_wakeup);
        timer.into_iter().chain(tick).min()
    }
}

/// Posted times have milliseconds.
fn postable(alert: &SentAlert) -> PostableAlert {
    PostableAlert {
        labels: alert.labels.clone(),
        annotations: alert.annotations.clone(),
        starts_at: Some(Time::from_millis(alert.starts_at.millis())),
        ends_at: Some(Time::from_millis(alert.ends_at.millis())),
        generator_url: alert.generator_url.clone(),
    }
}
