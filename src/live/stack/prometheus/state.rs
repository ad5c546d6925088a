//! What the server does: targets, rules, alerts, and itself.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::{Inner, Shared, ZERO_TIME, shown_time};
use super::{Answer, Parameters};
use crate::engine::TargetId;
use crate::golang::duration::format_prometheus_duration;
use crate::golang::float::format_value;
use crate::golang::quote;
use crate::model::Labels;
use crate::rules::{AlertState, RuleKind, RuleSpec};
use crate::tsdb::SampleValue;

/// How long a scrape of the modelled world takes, as far as anybody is told.
const SCRAPE_SECONDS: f64 = 0.001;

fn labels_json(labels: &Labels) -> Value {
    Value::Object(labels.iter().map(|l| (l.name.to_string(), Value::from(&*l.value))).collect())
}

fn texts_json(pairs: &[(std::sync::Arc<str>, std::sync::Arc<str>)]) -> Value {
    let sorted: BTreeMap<&str, &str> = pairs.iter().map(|(name, text)| (&**name, &**text)).collect();
    json!(sorted)
}

/// A sample's value for people.
pub(super) fn shown_value(value: &SampleValue) -> String {
    match value {
        SampleValue::Float(v) => format_value(*v),
        SampleValue::Histogram(_) => "a histogram".to_owned(),
    }
}

pub(super) fn targets(inner: &Inner, parameters: &Parameters) -> Answer {
    let state = parameters.get("state").unwrap_or("any").to_ascii_lowercase();
    let pool = parameters.get("scrapePool");
    let prometheus = inner.loaded.config.prometheus.as_ref();
    let targets = prometheus.iter().flat_map(|p| p.targets.iter().enumerate());
    let active = targets.filter(|(_, t)| pool.is_none_or(|pool| *t.target.job == *pool)).map(|(i, setup)| {
        let target = &setup.target;
        let error = inner.engine.scrape_error(TargetId(i));
        let health = match error {
            None => "unknown",
            Some(None) => "up",
            Some(Some(_)) => "down",
        };
        let scraped = inner.scraped.get(i).copied().flatten();
        json!({
            "discoveredLabels": labels_json(&target.discovered),
            "labels": labels_json(&target.labels),
            "scrapePool": &*target.job,
            "scrapeUrl": target.url,
            "globalUrl": target.url,
            "lastError": error.flatten().unwrap_or(""),
            "lastScrape": scraped.map_or_else(|| ZERO_TIME.to_owned(), shown_time),
            "lastScrapeDuration": if scraped.is_some() { SCRAPE_SECONDS } else { 0.0 },
            "health": health,
            "scrapeInterval": format_prometheus_duration(target.interval_ns),
            "scrapeTimeout": format_prometheus_duration(target.timeout_ns),
        })
    });
    let mut data = json!({"activeTargets": [], "droppedTargets": []});
    if matches!(state.as_str(), "active" | "any") {
        data["activeTargets"] = active.collect();
    }
    Answer::data(&data)
}

pub(super) fn rules(inner: &Inner, parameters: &Parameters) -> Answer {
    let wanted = match parameters.get("type").map(str::to_ascii_lowercase).as_deref() {
        None => (true, true),
        Some("alert") => (true, false),
        Some("record") => (false, true),
        Some(other) => {
            return Answer::bad_data(&format!("invalid parameter \"type\": not supported value {}", quote(other)));
        }
    };
    let names: Vec<&str> = parameters.all("rule_name[]").collect();
    let mut groups = Vec::new();
    for (g, group) in inner.engine.groups().iter().enumerate() {
        let spec = group.spec();
        let rules: Vec<Value> = spec
            .rules
            .iter()
            .enumerate()
            .filter(|(_, rule)| if matches!(rule.kind, RuleKind::Recording) { wanted.1 } else { wanted.0 })
            .filter(|(_, rule)| names.is_empty() || names.contains(&&*rule.name))
            .map(|(r, rule)| rule_json(inner, (g, r), rule))
            .collect();
        if rules.is_empty() && !names.is_empty() {
            continue;
        }
        groups.push(json!({
            "name": &*spec.name,
            "file": &*spec.file,
            "rules": rules,
            "interval": spec.interval_ns as f64 / 1e9,
            "limit": spec.limit,
            "evaluationTime": 0.0,
            "lastEvaluation": group.evaluated_at().map_or_else(|| ZERO_TIME.to_owned(), shown_time),
        }));
    }
    Answer::data(&json!({"groups": groups}))
}

fn rule_json(inner: &Inner, (g, r): (usize, usize), rule: &RuleSpec) -> Value {
    let group = &inner.engine.groups()[g];
    let evaluated = group.evaluated_at();
    let health = match (evaluated, group.last_error(r)) {
        (None, _) => "unknown",
        (Some(_), None) => "ok",
        (Some(_), Some(_)) => "err",
    };
    let mut value = match &rule.kind {
        RuleKind::Recording => json!({"name": &*rule.name, "query": &*rule.text}),
        RuleKind::Alerting(alerting) => {
            let alerts = alerts_of(inner, (g, r));
            let state = group.active(r).filter(|a| a.state != AlertState::Inactive).map(|a| a.state).max();
            json!({
                "state": state.unwrap_or(AlertState::Inactive).as_str(),
                "name": &*rule.name,
                "query": &*rule.text,
                "duration": alerting.for_ns as f64 / 1e9,
                "keepFiringFor": alerting.keep_firing_for_ns as f64 / 1e9,
                "labels": texts_json(&rule.labels),
                "annotations": texts_json(&alerting.annotations),
                "alerts": alerts,
            })
        }
    };
    if matches!(rule.kind, RuleKind::Recording) && !rule.labels.is_empty() {
        value["labels"] = texts_json(&rule.labels);
    }
    value["health"] = health.into();
    if let Some(error) = group.last_error(r) {
        value["lastError"] = error.into();
    }
    value["evaluationTime"] = 0.0.into();
    value["lastEvaluation"] = evaluated.map_or_else(|| ZERO_TIME.to_owned(), shown_time).into();
    value["type"] = if matches!(rule.kind, RuleKind::Recording) { "recording" } else { "alerting" }.into();
    value
}

fn alerts_of(inner: &Inner, (g, r): (usize, usize)) -> Vec<Value> {
    let group = &inner.engine.groups()[g];
    let Some(setup) = &inner.loaded.config.prometheus else { return Vec::new() };
    let active = group.active(r).filter(|a| a.state != AlertState::Inactive);
    let alerts = active.map(|alert| {
        let annotations = group.annotations(r, alert, &setup.context, inner.engine.db());
        let annotations: BTreeMap<&str, &str> = annotations.iter().map(|(name, text)| (&**name, &**text)).collect();
        let mut value = json!({
            "labels": labels_json(&alert.labels),
            "annotations": annotations,
            "state": alert.state.as_str(),
            "activeAt": shown_time(alert.active_at),
        });
        if let Some(since) = alert.keep_firing_since {
            value["keepFiringSince"] = shown_time(since).into();
        }
        value["value"] =
            crate::golang::float::format_float(alert.value, crate::golang::float::FloatFormat::Exponent, None).into();
        value
    });
    alerts.collect()
}

pub(super) fn alerts(inner: &Inner) -> Value {
    let groups = inner.engine.groups().iter().enumerate();
    let places = groups.flat_map(|(g, group)| (0..group.spec().rules.len()).map(move |r| (g, r)));
    let alerts: Vec<Value> = places.flat_map(|place| alerts_of(inner, place)).collect();
    json!({"alerts": alerts})
}

pub(super) fn alertmanagers(inner: &Inner) -> Value {
    let links = inner.loaded.config.prometheus.iter().flat_map(|p| &p.alertmanagers);
    let active: Vec<Value> = links.map(|l| json!({"url": &*l.url})).collect();
    json!({"activeAlertmanagers": active, "droppedAlertmanagers": []})
}

pub(super) fn scrape_pools(inner: &Inner) -> Value {
    let targets = inner.loaded.config.prometheus.iter().flat_map(|p| &p.targets);
    let pools: std::collections::BTreeSet<&str> = targets.map(|t| &*t.target.job).collect();
    json!({"scrapePools": pools})
}

pub(super) fn build_info(inner: &Inner) -> Value {
    let (major, minor) = inner.loaded.release;
    json!({
        "version": format!("{major}.{minor}.0"),
        "revision": concat!("labkit-", env!("CARGO_PKG_VERSION")),
        "branch": "HEAD",
        "buildUser": "labkit",
        "buildDate": "",
        "goVersion": "",
    })
}

pub(super) fn runtime_info(shared: &Shared, inner: &Inner) -> Value {
    json!({
        "startTime": shown_time(shared.started),
        "CWD": "/prometheus",
        "reloadConfigSuccess": inner.read.1,
        "lastConfigTime": shown_time(inner.read.0),
        "corruptionCount": 0,
        "goroutineCount": 1,
        "GOMAXPROCS": 1,
        "GOGC": "",
        "GODEBUG": "",
        "storageRetention": "15d",
    })
}

pub(super) fn flags(inner: &Inner) -> Value {
    let url = inner.loaded.config.prometheus.as_ref().map_or("", |p| &*p.context.expansion.external_url);
    json!({
        "query.lookback-delta": "5m",
        "rules.alert.for-grace-period": "10m",
        "rules.alert.resend-delay": "1m",
        "web.enable-lifecycle": "true",
        "web.external-url": url,
    })
}

pub(super) fn store(inner: &Inner) -> Value {
    let db = inner.engine.db();
    let (from, to) = db.time_range().unwrap_or((i64::MAX, i64::MIN));
    json!({"headStats": {
        "numSeries": db.len(), "numLabelPairs": 0, "chunkCount": db.len(), "minTime": from, "maxTime": to,
    }, "seriesCountByMetricName": [], "labelValueCountByLabelName": [], "memoryInBytesByLabelName": [],
       "seriesCountByLabelValuePair": []})
}
