//! An exporter's page as a table: series with where their values come from. Written out as text, or handed over as is.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use super::load::Load;
use super::model_mock::ModelMock;
use crate::golang::quote;
use crate::model::{Labels, METRIC_NAME, Time};
use crate::scrape::body::Page;

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Source {
    /// Always the same.
    Constant(f64),
    /// A counter that grows by so much a second, from a start at boot.
    Rate(f64),
    /// Like [`Self::Rate`], in whole numbers.
    WholeRate(f64),
    /// The mocked model's result.
    ModelResult,
    /// CPU seconds of a core in a mode.
    Cpu {
        /// The core, from 0.
        core: u32,
        /// An index into [`super::load::MODES`].
        mode: usize,
    },
    /// A load average: 0 for 1 minute, 1 for 5, 2 for 15.
    LoadAverage(usize),
    /// Tasks that run now.
    Running,
    /// Seconds in which tasks waited for a core.
    CpuWaiting,
    /// The Unix time.
    UnixTime,
    /// The Unix time of the boot.
    BootTime,
}

/// A metric family.
#[derive(Clone, Debug)]
pub struct Family {
    /// The name.
    pub name: Arc<str>,
    /// `gauge` or `counter`.
    pub kind: &'static str,
    /// What it means.
    pub help: &'static str,
    /// Its series: labels without the name, and values.
    pub series: Vec<(Labels, Source)>,
}

/// What values are taken from.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// The VM's processors.
    pub load: &'a Load,
    /// The mocked model.
    pub model: ModelMock,
}

impl Sources<'_> {
    fn value(&self, source: Source, at: Time) -> f64 {
        match source {
            Source::Constant(v) => v,
            Source::Rate(per_second) => (self.load.uptime(at) * per_second * 100.0).floor() / 100.0,
            Source::WholeRate(per_second) => (self.load.uptime(at) * per_second).floor(),
            Source::ModelResult => self.model.result(at),
            Source::Cpu { core, mode } => self.load.cpu_seconds(core, mode, at),
            Source::LoadAverage(i) => self.load.averages(at)[i.min(2)],
            Source::Running => f64::from(1 + self.load.workers(at)),
            Source::CpuWaiting => (self.load.uptime(at) * 0.0007 * 1e6).floor() / 1e6,
            Source::UnixTime => at.secs_f64(),
            Source::BootTime => self.load.boot_time(),
        }
    }
}

/// An exporter's page.
#[derive(Clone, Debug)]
pub struct ExporterPage {
    families: Vec<Family>,
    series: Arc<[Labels]>,
    sources: Vec<Source>,
}

impl ExporterPage {
    /// A page of these families, in order.
    pub fn new(families: Vec<Family>) -> Self {
        let named = |family: &Family, labels: &Labels| {
            let mut builder = labels.builder();
            builder.set(METRIC_NAME, family.name.clone());
            builder.build()
        };
        let series = families.iter().flat_map(|f| f.series.iter().map(move |(l, _)| named(f, l))).collect();
        let sources = families.iter().flat_map(|f| f.series.iter().map(|(_, s)| *s)).collect();
        Self { families, series, sources }
    }

    /// Whether nothing is on it.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// The page without the series that `keep` refuses; it is given labels with the name.
    pub fn only(&self, keep: impl Fn(&Labels) -> bool) -> Self {
        let mut all = self.series.iter();
        let mut families = self.families.clone();
        for family in &mut families {
            family.series.retain(|_| all.next().is_some_and(&keep));
        }
        families.retain(|f| !f.series.is_empty());
        Self::new(families)
    }

    /// The page with some metrics held at a value.
    pub fn holding(mut self, held: &BTreeMap<String, f64>) -> Self {
        for family in &mut self.families {
            if let Some(value) = held.get(&*family.name) {
                family.series.iter_mut().for_each(|(_, source)| *source = Source::Constant(*value));
            }
        }
        Self::new(self.families)
    }

    /// The page at a moment, as samples. All pages of one table share their labels.
    pub fn at(&self, sources: &Sources<'_>, at: Time) -> Page {
        let values = self.sources.iter().map(|s| sources.value(*s, at)).collect();
        Page { series: self.series.clone(), values, times: Vec::new(), fault: None }
    }

    /// The page at a moment, as text in the classic format.
    pub fn text(&self, sources: &Sources<'_>, at: Time) -> String {
        let mut out = String::new();
        for family in &self.families {
            let _ = writeln!(out, "# HELP {0} {1}\n# TYPE {0} {2}", family.name, family.help, family.kind);
            for (labels, source) in &family.series {
                out.push_str(&family.name);
                if !labels.is_empty() {
                    let pairs: Vec<String> = labels.iter().map(|l| format!("{}={}", l.name, quote(&l.value))).collect();
                    let _ = write!(out, "{{{}}}", pairs.join(","));
                }
                let _ = writeln!(out, " {}", sources.value(*source, at));
            }
        }
        out
    }
}
