//! Who answers a scrape in virtual time: the mocked model, the VM's Node Exporter, other services, nobody.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::load::Load;
use super::model_mock::ModelMock;
use super::node;
use super::page::{ExporterPage, Sources};
use super::reads::NamesRead;
use super::scenario::CORES;
use crate::engine::{EngineConfig, PrometheusSetup, ScrapeOutcome};
use crate::model::{Labels, Time};
use crate::scrape::body::{BodySettings, REPORT_NAMES};
use crate::scrape::target::Target;

/// Who stands behind a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The mocked model's exporter; it answers on any path.
    Model,
    /// The VM's Node Exporter.
    Node,
    /// A service that serves its own metrics.
    Service,
    /// An address that answers, but never in time.
    Hangs,
    /// An error: why, in Prometheus' words.
    Fails(Arc<str>),
}

/// A metric of the mocked model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelMetric {
    /// Its name.
    pub name: Arc<str>,
    /// Whether it only grows; otherwise it is the model's result.
    pub counter: bool,
}

/// What the world looks like beside who answers.
#[derive(Clone, Debug)]
pub struct WorldSettings {
    /// The mocked model.
    pub model: ModelMock,
    /// What it exposes.
    pub metrics: Vec<ModelMetric>,
    /// How many cores the VM has.
    pub cores: u32,
    /// Names of metrics that somebody reads beside the rules.
    pub also: Vec<String>,
    /// Metrics that keep a value, whoever exposes them.
    pub held: BTreeMap<String, f64>,
    /// Whether pages are whole, since anything may be asked for.
    pub whole: bool,
}

impl Default for WorldSettings {
    fn default() -> Self {
        Self {
            model: ModelMock::default(),
            metrics: vec![ModelMetric { name: "model_result".into(), counter: false }],
            cores: CORES,
            also: Vec::new(),
            held: BTreeMap::new(),
            whole: false,
        }
    }
}

/// The pages of a world, cut down to what rules read; shared by all runs of a sweep.
#[derive(Clone, Debug)]
pub struct World {
    answers: Vec<Answer>,
    pages: Vec<Option<ExporterPage>>,
    model: ModelMock,
}

impl World {
    /// A world in which each target of the configuration has its answer.
    pub fn new(config: &EngineConfig, answers: Vec<Answer>, settings: &WorldSettings) -> Self {
        let model = settings.model;
        let Some(setup) = &config.prometheus else { return Self { answers, pages: Vec::new(), model } };
        let names = NamesRead::of(setup.groups.iter().map(|g| &**g));
        let page = |(i, answer): (usize, &Answer)| {
            let page = match answer {
                Answer::Model => node::model_page(&settings.metrics),
                Answer::Node => node::node_page(settings.cores),
                Answer::Service => node::service_page(),
                Answer::Hangs | Answer::Fails(_) => return None,
            };
            let page = if settings.held.is_empty() { page } else { page.holding(&settings.held) };
            if settings.whole {
                return Some(page);
            }
            let also = |labels: &Labels| settings.also.iter().any(|n| n == labels.metric_name());
            Some(cut(page, setup, i, &names, also))
        };
        Self { pages: answers.iter().enumerate().map(page).collect(), answers, model }
    }

    /// Leaves only what rules that read `names` see.
    pub(super) fn keep_only(&mut self, setup: &PrometheusSetup, names: &NamesRead) {
        for (i, page) in self.pages.iter_mut().enumerate() {
            *page = page.take().map(|page| cut(page, setup, i, names, |_| false));
        }
    }

    /// Whether a scrape of a target can give any series.
    pub(super) fn gives_series(&self, index: usize) -> bool {
        self.pages.get(index).and_then(Option::as_ref).is_some_and(|page| !page.is_empty())
    }

    /// Leaves only the targets that `keep` has true for.
    pub(super) fn retain(&mut self, keep: &[bool]) {
        let mut kept = keep.iter();
        self.answers.retain(|_| kept.next().copied().unwrap_or(true));
        let mut kept = keep.iter();
        self.pages.retain(|_| kept.next().copied().unwrap_or(true));
    }

    /// What a scrape of a target at a moment gives, and how many nanoseconds that takes.
    pub fn scrape(&self, index: usize, target: &Target, load: &Load, at: Time) -> (ScrapeOutcome, i64) {
        let failed = |reason: &str| (ScrapeOutcome::Failed(reason.to_owned()), 0);
        let answer = self.answers.get(index);
        match answer {
            None => failed("connection refused"),
            Some(Answer::Fails(reason)) => failed(reason),
            Some(Answer::Hangs) => (ScrapeOutcome::Failed("context deadline exceeded".to_owned()), target.timeout_ns),
            Some(_) if &*target.scheme == "https" => failed("http: server gave HTTP response to HTTPS client"),
            Some(Answer::Node | Answer::Service) if &*target.path != "/metrics" => {
                failed("server returned HTTP status 404 Not Found")
            }
            Some(Answer::Model | Answer::Node | Answer::Service) => match &self.pages[index] {
                Some(page) => (ScrapeOutcome::Page(page.at(&Sources { load, model: self.model }, at)), 0),
                None => failed("connection refused"),
            },
        }
    }
}

/// A target's page without the series that neither rules nor anybody else reads.
fn cut(
    page: ExporterPage,
    setup: &PrometheusSetup,
    index: usize,
    names: &NamesRead,
    also: impl Fn(&Labels) -> bool,
) -> ExporterPage {
    let target = setup.targets.get(index);
    // What changes, counts or limits a page must see all of it.
    let sees_all = |b: &BodySettings| {
        let limits = [b.sample_limit, b.label_limit, b.label_name_length_limit, b.label_value_length_limit];
        !b.metric_relabel.is_empty() || limits.iter().any(|l| *l > 0)
    };
    let counts = REPORT_NAMES[2..].iter().any(|name| names.contains(name));
    if counts || target.is_some_and(|t| sees_all(&t.body)) {
        return page;
    }
    let labels = target.map(|t| t.target.labels.clone()).unwrap_or_default();
    page.only(|exposed| names.may_select(exposed, &labels) || also(exposed))
}

/// The page of an exporter as text in the classic format; none where nothing answers.
pub fn exporter_text(answer: &Answer, settings: &WorldSettings, load: &Load, at: Time) -> Option<String> {
    let page = match answer {
        Answer::Model => node::model_page(&settings.metrics),
        Answer::Node => node::node_page(settings.cores),
        Answer::Service => node::service_page(),
        Answer::Hangs | Answer::Fails(_) => return None,
    };
    Some(page.text(&Sources { load, model: settings.model }, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::Dialect;
    use crate::scrape::read::read_page;

    #[test]
    fn a_page_handed_over_is_the_page_written_out_and_read_again() {
        let scenario = super::super::Scenario::cpu_stress(120.0, 180.0, 240.0);
        let load = scenario.load();
        let sources = Sources { load: &load, model: ModelMock::default() };
        let metrics = WorldSettings::default().metrics;
        for page in [node::node_page(4), node::model_page(&metrics), node::service_page()] {
            for seconds in [-600.0, 0.0, 33.3, 301.7] {
                let at = scenario.time(seconds);
                let text = page.text(&sources, at);
                let read = read_page(text.as_bytes(), "text/plain; version=0.0.4", None, Dialect::V3).expect("a page");
                let handed = page.at(&sources, at);
                assert_eq!((&read.series, &read.values, &read.times), (&handed.series, &handed.values, &handed.times));
            }
        }
    }
}
