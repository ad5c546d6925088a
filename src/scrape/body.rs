//! From one scrape's samples to stored series: target labels, limits, staleness markers, the report series.
//!
//! Mirrors `scrapeLoop.append`, `mutateSampleLabels` and `report`. A page that looks like the one before (the usual
//! case) costs one append per sample.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::relabel::{RelabelConfig, relabel};
use crate::golang::quote;
use crate::model::{Label, Labels, METRIC_NAME, stale_nan};
use crate::promql::Dialect;
use crate::tsdb::{SeriesRef, Tsdb};

/// How a job treats what its targets expose.
#[derive(Clone, Debug, Default)]
pub struct BodySettings {
    /// `honor_labels`: exposed labels win over the target's.
    pub honor_labels: bool,
    /// `honor_timestamps`: exposed timestamps are kept.
    pub honor_timestamps: bool,
    /// `metric_relabel_configs`.
    pub metric_relabel: Vec<RelabelConfig>,
    /// `sample_limit`, 0 for none.
    pub sample_limit: usize,
    /// `label_limit`, 0 for none.
    pub label_limit: usize,
    /// `label_name_length_limit` in bytes, 0 for none.
    pub label_name_length_limit: usize,
    /// `label_value_length_limit` in bytes, 0 for none.
    pub label_value_length_limit: usize,
    /// Whose rules hold.
    pub dialect: Dialect,
}

/// What a target exposed. `series` may be shared between pages; the same allocation is recognised at once.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The exposed label sets, `__name__` included.
    pub series: Arc<[Labels]>,
    /// The values beside `series`.
    pub values: Vec<f64>,
    /// Explicit timestamps in ms beside `series`; empty when there are none at all.
    pub times: Vec<Option<i64>>,
    /// What is wrong behind the last of `series`, where the page could not be read further. Nothing of it is stored then,
    /// but an error of an earlier sample is told first.
    pub fault: Option<PageFault>,
}

/// Why a page could not be read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageFault {
    /// Prometheus' words.
    pub message: String,
    /// Whether it is a sample's own fault, which counts as scraped, or one of the text.
    pub of_sample: bool,
}

/// What became of a scrape.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScrapeReport {
    /// Why it failed, if it did.
    pub error: Option<String>,
    /// Samples exposed.
    pub scraped: usize,
    /// Samples left after relabelling.
    pub kept: usize,
    /// Series that were not there before.
    pub added: usize,
}

/// What is remembered of one target between scrapes.
#[derive(Clone, Debug, Default)]
pub struct ScrapeCache {
    exposed: Arc<[Labels]>,
    /// Where each exposed series is stored; `None` when relabelling dropped it.
    stored: Vec<Option<SeriesRef>>,
    /// Series of the last pass that get a marker when they vanish; empty after a failed pass.
    tracked: Vec<SeriesRef>,
    /// Whether `tracked` is the set that `stored` stands for.
    tracks_layout: bool,
    known: FxHashMap<Labels, Option<SeriesRef>>,
    report: Option<[SeriesRef; 5]>,
    leaves_out_reports: bool,
}

/// The series that tell of a scrape itself.
pub const REPORT_NAMES: [&str; 5] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];

impl ScrapeCache {
    /// Whether `up` and the other report series are written; they can be left out where nobody reads them.
    pub fn write_reports(&mut self, write: bool) {
        self.leaves_out_reports = !write;
    }

    /// Stores a scrape that began at `t` (ms) and took `seconds`; a failed one stores markers and `up 0`.
    pub fn store(
        &mut self,
        db: &mut Tsdb,
        target: &Labels,
        settings: &BodySettings,
        t: i64,
        seconds: f64,
        page: Result<&Page, &str>,
    ) -> ScrapeReport {
        let report = match page {
            Ok(page) => self.append(db, target, settings, t, page).unwrap_or_else(|failed| failed),
            Err(e) => ScrapeReport { error: Some(e.to_owned()), ..ScrapeReport::default() },
        };
        if report.error.is_some() {
            self.tracks_layout = false;
            for series in std::mem::take(&mut self.tracked) {
                let _ = db.append(series, t, stale_nan());
            }
        }
        if !self.leaves_out_reports {
            self.append_report(db, target, t, seconds, &report);
        }
        report
    }

    fn append(
        &mut self,
        db: &mut Tsdb,
        target: &Labels,
        settings: &BodySettings,
        t: i64,
        page: &Page,
    ) -> Result<ScrapeReport, ScrapeReport> {
        let same = page.fault.is_none() && (Arc::ptr_eq(&self.exposed, &page.series) || *self.exposed == *page.series);
        let mut added = 0;
        if !same {
            added = self.learn(db, target, settings, page)?;
        }
        let explicit = settings.honor_timestamps && !page.times.is_empty();
        let mut kept = 0;
        for (i, (series, value)) in self.stored.iter().zip(&page.values).enumerate() {
            let Some(series) = series else { continue };
            kept += 1;
            let at = if explicit { page.times.get(i).copied().flatten().unwrap_or(t) } else { t };
            // Ten minutes into the future is as far as Prometheus accepts; what it refuses it drops one by one.
            if at <= t + 600_000 {
                let _ = db.append(*series, at, *value);
            }
        }
        if explicit || !same || !self.tracks_layout {
            self.track(db, t, if explicit { &page.times } else { &[] });
        }
        self.tracks_layout = !explicit;
        Ok(ScrapeReport { error: None, scraped: page.series.len(), kept, added })
    }

    /// Works out where each exposed series goes. Nothing is changed when that fails.
    fn learn(
        &mut self,
        db: &mut Tsdb,
        target: &Labels,
        settings: &BodySettings,
        page: &Page,
    ) -> Result<usize, ScrapeReport> {
        let exposed = &page.series;
        let mut finals = Vec::with_capacity(exposed.len());
        let mut kept = 0;
        let mut new = 0;
        let failed =
            |error: String, scraped, kept, added| Err(ScrapeReport { error: Some(error), scraped, kept, added });
        for (i, labels) in exposed.iter().enumerate() {
            let known = self.known.get(labels).copied();
            let labels = match known {
                Some(_) => None,
                None => match sample_labels(labels, target, settings) {
                    Ok(labels) => labels,
                    Err(e) => return failed(e, i + 1, kept, new),
                },
            };
            kept += usize::from(known.map_or(labels.is_some(), |k| k.is_some()));
            new += usize::from(labels.is_some() && (settings.sample_limit == 0 || kept <= settings.sample_limit));
            finals.push((known, labels));
        }
        if let Some(fault) = &page.fault {
            return failed(fault.message.clone(), exposed.len() + usize::from(fault.of_sample), kept, new);
        }
        if settings.sample_limit > 0 && kept > settings.sample_limit {
            return failed("sample limit exceeded".to_owned(), exposed.len(), kept, new);
        }
        let before: FxHashSet<SeriesRef> = self.stored.iter().flatten().copied().collect();
        self.stored = finals
            .into_iter()
            .map(|(known, labels)| known.unwrap_or_else(|| labels.map(|l| db.series_ref(&l))))
            .collect();
        self.known = exposed.iter().cloned().zip(self.stored.iter().copied()).collect();
        self.exposed = exposed.clone();
        Ok(self.stored.iter().flatten().filter(|s| !before.contains(s)).count())
    }

    /// Marks what was there in the last pass and is not now; series with explicit times are not followed.
    fn track(&mut self, db: &mut Tsdb, t: i64, times: &[Option<i64>]) {
        let implicit = |i: usize| times.get(i).copied().flatten().is_none();
        let now: Vec<SeriesRef> =
            self.stored.iter().enumerate().filter(|(i, _)| implicit(*i)).filter_map(|(_, s)| *s).collect();
        if !self.tracked.is_empty() {
            let set: FxHashSet<SeriesRef> = now.iter().copied().collect();
            for series in self.tracked.iter().filter(|s| !set.contains(s)) {
                let _ = db.append(*series, t, stale_nan());
            }
        }
        self.tracked = now;
    }

    fn append_report(&mut self, db: &mut Tsdb, target: &Labels, t: i64, seconds: f64, report: &ScrapeReport) {
        let series = *self.report.get_or_insert_with(|| {
            REPORT_NAMES.map(|name| {
                let mut labels = target.builder();
                labels.set(METRIC_NAME, name);
                db.series_ref(&labels.build())
            })
        });
        let up = if report.error.is_none() { 1.0 } else { 0.0 };
        let values = [up, seconds, report.scraped as f64, report.kept as f64, report.added as f64];
        for (series, value) in series.into_iter().zip(values) {
            let _ = db.append(series, t, value);
        }
    }
}

/// The labels under which an exposed sample is stored; `None` when relabelling drops it.
fn sample_labels(exposed: &Labels, target: &Labels, settings: &BodySettings) -> Result<Option<Labels>, String> {
    let mut builder = exposed.builder();
    if settings.honor_labels {
        for label in target.iter() {
            if exposed.get(&label.name).is_none() {
                builder.set(label.name.clone(), label.value.clone());
            }
        }
    } else {
        let mut conflicts = Vec::new();
        for label in target.iter() {
            if let Some(value) = exposed.get(&label.name) {
                conflicts.push((label.name.to_string(), value));
            }
            builder.set(label.name.clone(), label.value.clone());
        }
        // Shorter names choose first, so that `exported_x` beside `x` ends up as upstream's order gives it.
        conflicts.sort_by_key(|(name, _)| name.len());
        for i in 0..conflicts.len() {
            let mut name = conflicts[i].0.clone();
            loop {
                name.insert_str(0, "exported_");
                let taken = exposed.get(&name).is_some()
                    || target.get(&name).is_some()
                    || conflicts[..i].iter().any(|(n, _)| *n == name);
                if !taken {
                    break;
                }
            }
            conflicts[i].0 = name;
        }
        for (name, value) in conflicts {
            builder.set(name, value);
        }
    }
    let Some(labels) = relabel(&settings.metric_relabel, &builder.build()) else { return Ok(None) };
    if labels.is_empty() {
        return Ok(None);
    }
    if labels.get(METRIC_NAME).is_none() {
        return Err("missing metric name (__name__ label)".to_owned());
    }
    if settings.dialect == Dialect::V2_42 && !is_metric_name(labels.metric_name()) {
        return Err(format!("invalid metric name or label names: {labels}"));
    }
    within_limits(&labels, settings)?;
    Ok(Some(labels))
}

fn is_metric_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_' || b == b':')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':')
}

fn within_limits(labels: &Labels, settings: &BodySettings) -> Result<(), String> {
    let cut = |text: &str| text.chars().take(50).collect::<String>();
    let metric = || cut(labels.metric_name());
    let limit = settings.label_limit;
    if limit > 0 && labels.len() > limit {
        return Err(format!(
            "label_limit exceeded (metric: {}, number of labels: {}, limit: {limit})",
            metric(),
            labels.len()
        ));
    }
    for Label { name, value } in labels.iter() {
        let limit = settings.label_name_length_limit;
        if limit > 0 && name.len() > limit {
            return Err(format!(
                "label_name_length_limit exceeded (metric: {}, label name: {}, length: {}, limit: {limit})",
                metric(),
                cut(name),
                name.len()
            ));
        }
        let limit = settings.label_value_length_limit;
        if limit > 0 && value.len() > limit {
            return Err(format!(
                "label_value_length_limit exceeded (metric: {}, label name: {}, value: {}, length: {}, limit: {limit})",
                metric(),
                cut(name),
                quote(&cut(value)),
                value.len()
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &[(&str, &str)]) -> Labels {
        Labels::from_pairs(text.iter().copied())
    }

    fn page(series: &[(&str, f64)]) -> Page {
        Page {
            series: series.iter().map(|(name, _)| labels(&[(METRIC_NAME, name)])).collect(),
            values: series.iter().map(|(_, v)| *v).collect(),
            ..Page::default()
        }
    }

    fn dump(db: &Tsdb, name: &str) -> Vec<(i64, String)> {
        let series = db.iter().map(|(_, s)| s).find(|s| s.labels().metric_name() == name).expect("the series exists");
        let text = |v: f64| if crate::model::is_stale_nan(v) { "stale".to_owned() } else { v.to_string() };
        series.timestamps().iter().copied().zip(series.values().iter().map(|v| text(*v))).collect()
    }

    fn strings(samples: &[(i64, &str)]) -> Vec<(i64, String)> {
        samples.iter().map(|(t, v)| (*t, (*v).to_owned())).collect()
    }

    #[test]
    fn a_vanished_series_and_a_failed_scrape_leave_markers() {
        let (mut db, mut cache) = (Tsdb::new(), ScrapeCache::default());
        let (target, settings) = (labels(&[("job", "j")]), BodySettings::default());
        let mut scrape = |t, page: Result<&Page, &str>| cache.store(&mut db, &target, &settings, t, 0.01, page);
        assert_eq!(scrape(1, Ok(&page(&[("a", 1.0), ("b", 2.0)]))).added, 2);
        assert_eq!(scrape(2, Ok(&page(&[("a", 3.0)]))).added, 0);
        assert!(scrape(3, Err("connection refused")).error.is_some());
        scrape(4, Err("connection refused"));
        assert_eq!(scrape(5, Ok(&page(&[("a", 4.0)]))).added, 0);
        scrape(6, Ok(&page(&[])));
        assert_eq!(dump(&db, "a"), strings(&[(1, "1"), (2, "3"), (3, "stale"), (5, "4"), (6, "stale")]));
        assert_eq!(dump(&db, "b"), strings(&[(1, "2"), (2, "stale")]));
        assert_eq!(dump(&db, "up"), strings(&[(1, "1"), (2, "1"), (3, "0"), (4, "0"), (5, "1"), (6, "1")]));
    }

    #[test]
    fn explicit_times_are_kept_and_not_followed() {
        let (mut db, mut cache) = (Tsdb::new(), ScrapeCache::default());
        let settings = BodySettings { honor_timestamps: true, ..BodySettings::default() };
        let first = Page { times: vec![Some(7), None], ..page(&[("a", 1.0), ("b", 1.0)]) };
        cache.store(&mut db, &labels(&[("job", "j")]), &settings, 10, 0.0, Ok(&first));
        cache.store(&mut db, &labels(&[("job", "j")]), &settings, 20, 0.0, Ok(&page(&[])));
        assert_eq!(dump(&db, "a"), strings(&[(7, "1")]));
        assert_eq!(dump(&db, "b"), strings(&[(10, "1"), (20, "stale")]));
    }

    #[test]
    fn a_broken_page_counts_what_was_read_and_an_earlier_sample_complains_first() {
        let (mut db, target) = (Tsdb::new(), labels(&[("job", "j")]));
        let fault = |message: &str, of_sample| Some(PageFault { message: message.to_owned(), of_sample });
        let mut store = |page: &Page, settings: &BodySettings| {
            let report = ScrapeCache::default().store(&mut db, &target, settings, 1, 0.0, Ok(page));
            (report.error.unwrap_or_default(), report.scraped, report.kept)
        };
        let settings = BodySettings { sample_limit: 1, ..BodySettings::default() };
        let broken = Page { fault: fault("broken", false), ..page(&[("a", 1.0), ("b", 1.0)]) };
        assert_eq!(store(&broken, &settings), ("broken".to_owned(), 2, 2));
        let twice = Page { fault: fault("twice", true), ..broken.clone() };
        assert_eq!(store(&twice, &settings), ("twice".to_owned(), 3, 2));
        let blank = Page { fault: fault("broken", false), ..page(&[("a", 1.0), (" b", 1.0), ("c", 1.0)]) };
        let settings = BodySettings { dialect: Dialect::V2_42, ..BodySettings::default() };
        let wanted = r#"invalid metric name or label names: {__name__=" b", job="j"}"#;
        assert_eq!(store(&blank, &settings), (wanted.to_owned(), 2, 1));
    }

    #[test]
    fn labels_that_are_too_long_are_shown_cut() {
        let long = "é".repeat(60);
        let settings = BodySettings { label_value_length_limit: 100, ..BodySettings::default() };
        let error = within_limits(&labels(&[(METRIC_NAME, "m"), ("x", &long)]), &settings).expect_err("too long");
        let shown = "é".repeat(50);
        assert_eq!(
            error,
            format!(
                "label_value_length_limit exceeded (metric: m, label name: x, value: \"{shown}\", length: 120, limit: 100)"
            )
        );
    }

    #[test]
    fn exposed_labels_that_clash_are_renamed_unless_they_are_honoured() {
        let exposed = labels(&[(METRIC_NAME, "m"), ("job", "x"), ("exported_job", "y")]);
        let target = labels(&[("job", "j"), ("instance", "i")]);
        let name = |settings: &BodySettings| sample_labels(&exposed, &target, settings).unwrap().unwrap().to_string();
        assert_eq!(
            name(&BodySettings::default()),
            r#"{__name__="m", exported_exported_job="x", exported_job="y", instance="i", job="j"}"#
        );
        assert_eq!(
            name(&BodySettings { honor_labels: true, ..BodySettings::default() }),
            r#"{__name__="m", exported_job="y", instance="i", job="x"}"#
        );
    }

    #[test]
    fn a_broken_limit_fails_the_whole_scrape() {
        let (mut db, mut cache) = (Tsdb::new(), ScrapeCache::default());
        let settings = BodySettings { sample_limit: 1, ..BodySettings::default() };
        let report =
            cache.store(&mut db, &labels(&[("job", "j")]), &settings, 1, 0.0, Ok(&page(&[("a", 1.0), ("b", 1.0)])));
        assert_eq!(report.error.as_deref(), Some("sample limit exceeded"));
        assert_eq!(dump(&db, "up"), strings(&[(1, "0")]));
        assert!(db.select(&[]).len() == 5, "only report series exist");
    }
}
