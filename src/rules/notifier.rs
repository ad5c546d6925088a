//! The last steps of an alert inside Prometheus: external labels, alert relabelling, batches, the posted form.
//!
//! Mirrors `notifier.Manager.Send`; which evaluations send is decided in `rules::group`.

use serde_json::{Value, json};

use super::alerting::SentAlert;
use crate::golang::time::{GoTime, RFC3339_MILLI};
use crate::model::{Labels, Time};
use crate::scrape::relabel::{RelabelConfig, relabel};

/// How alerts leave the server.
#[derive(Clone, Debug)]
pub struct NotifierSettings {
    /// `external_labels`.
    pub external_labels: Labels,
    /// `alert_relabel_configs`.
    pub alert_relabel: Vec<RelabelConfig>,
    /// How many alerts one request carries: 64, since 3.4 256.
    pub max_batch: usize,
}

/// Adds external labels where an alert has no such label, relabels, and drops what relabelling drops.
pub fn prepare(settings: &NotifierSettings, alerts: Vec<SentAlert>) -> Vec<SentAlert> {
    if settings.external_labels.is_empty() && settings.alert_relabel.is_empty() {
        return alerts;
    }
    alerts
        .into_iter()
        .filter_map(|alert| {
            let mut labels = alert.labels.builder();
            for label in settings.external_labels.iter() {
                if alert.labels.get(&label.name).is_none() {
                    labels.set(label.name.clone(), label.value.clone());
                }
            }
            let labels = relabel(&settings.alert_relabel, &labels.build())?;
            Some(SentAlert { labels, ..alert })
        })
        .collect()
}

/// Relabels alerts for one Alertmanager (3.x); what relabelling drops is left out.
pub fn relabelled(rules: &[RelabelConfig], alerts: &[SentAlert]) -> Vec<SentAlert> {
    let relabelled = |alert: &SentAlert| Some(SentAlert { labels: relabel(rules, &alert.labels)?, ..alert.clone() });
    alerts.iter().filter_map(relabelled).collect()
}

/// What is posted to `/api/v2/alerts` for one batch.
pub fn post_body(alerts: &[SentAlert]) -> Value {
    let texts = |pairs: &mut dyn Iterator<Item = (String, String)>| -> Value {
        Value::Object(pairs.map(|(k, v)| (k, Value::String(v))).collect())
    };
    let one = |alert: &SentAlert| {
        let mut object = serde_json::Map::new();
        if !alert.annotations.is_empty() {
            let mut pairs = alert.annotations.iter().map(|(k, v)| (k.to_string(), v.to_string()));
            object.insert("annotations".to_owned(), texts(&mut pairs));
        }
        object.insert("endsAt".to_owned(), json!(when(alert.ends_at)));
        object.insert("startsAt".to_owned(), json!(when(alert.starts_at)));
        object.insert("generatorURL".to_owned(), json!(&*alert.generator_url));
        let mut pairs = alert.labels.iter().map(|l| (l.name.to_string(), l.value.to_string()));
        object.insert("labels".to_owned(), texts(&mut pairs));
        Value::Object(object)
    };
    Value::Array(alerts.iter().map(one).collect())
}

fn when(t: Time) -> String {
    GoTime::from_unix_nanos(t.0).format(RFC3339_MILLI)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scrape::relabel::RelabelAction;

    fn alert(labels: &[(&str, &str)]) -> SentAlert {
        SentAlert {
            labels: Labels::from_pairs(labels.iter().copied()),
            annotations: std::sync::Arc::default(),
            starts_at: Time::from_millis(1_795_290_055_895),
            ends_at: Time(1_795_290_295_895_741_061),
            generator_url: "http://p/graph?g0.expr=up&g0.tab=1".into(),
        }
    }

    #[test]
    fn external_labels_fill_gaps_and_relabelling_sees_them() {
        let drop = RelabelConfig {
            source_labels: vec!["lab".into(), "severity".into()],
            regex: crate::golang::regexp::Regexp::anchored("conf;none", false).unwrap(),
            action: RelabelAction::Drop,
            ..RelabelConfig::new(false)
        };
        let settings = NotifierSettings {
            external_labels: Labels::from_pairs([("lab", "conf"), ("x", "ext")]),
            alert_relabel: vec![drop],
            max_batch: 64,
        };
        let sent = prepare(&settings, vec![alert(&[("x", "own")]), alert(&[("severity", "none")])]);
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].labels.to_string(), r#"{lab="conf", x="own"}"#);
    }

    #[test]
    fn the_posted_form_has_milliseconds_and_no_empty_annotations() {
        assert_eq!(
            post_body(&[alert(&[("a", "b")])]).to_string(),
            concat!(
                r#"[{"endsAt":"2026-11-21T19:44:55.895Z","startsAt":"2026-11-21T19:40:55.895Z","#,
                r#""generatorURL":"http://p/graph?g0.expr=up&g0.tab=1","labels":{"a":"b"}}]"#
            )
        );
    }
}
