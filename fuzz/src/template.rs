//! Go templates, as rules and as Alertmanager's messages expand them.

use std::cell::OnceCell;
use std::sync::Arc;

use labkit::alertmanager::Version;
use labkit::alertmanager::template::{AlertData, Data, Kv, Templates};
use labkit::golang::time::GoTime;
use labkit::model::{Labels, Time};
use labkit::promql::Dialect;
use labkit::promql::eval::Options;
use labkit::rules::template::{AlertTemplate, TemplateData, query_samples};

/// Expands a text in both programs, old and new.
pub fn run(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    for dialect in [Dialect::V2_42, Dialect::V3] {
        in_a_rule(text, dialect);
    }
    for version in [Version::V0_25, Version::LATEST] {
        let _ = Templates::new(version).expand(text, &message(), Time(1_700_000_060_000_000_000));
        let _ = Templates::new(version).add_file("t.tmpl", text);
    }
}

fn in_a_rule(text: &str, dialect: Dialect) {
    let Ok(template) = AlertTemplate::parse("A", text, dialect) else { return };
    let options = Options { budget: 50_000, ..Options::small(dialect) };
    let _ = template.try_expand(&TemplateData {
        labels: &Labels::from_pairs([("__name__", "a"), ("x", "1"), ("instance", "h.test:9100")]),
        external_labels: &Labels::from_pairs([("dc", "eu")]),
        external_url: "http://p.test/x",
        url_of_functions: Some("http://p.test/x"),
        value: 1.5e9,
        at_ms: 600_000,
        query: &|query| query_samples(query, super::promql::store(), 600_000, &options),
        dot: OnceCell::new(),
    });
}

fn kv(pairs: &[(&str, &str)]) -> Kv {
    pairs.iter().map(|(n, v)| (Arc::from(*n), Arc::from(*v))).collect()
}

fn message() -> Arc<Data> {
    let alert = |status: &str, instance: &str| {
        Arc::new(AlertData {
            status: status.into(),
            labels: kv(&[("alertname", "Load"), ("instance", instance)]),
            annotations: kv(&[("summary", "a < b")]),
            starts_at: GoTime::from_unix(1_700_000_000, 0),
            ends_at: GoTime::zero(),
            generator_url: "http://p.test/graph?a=1&b=2".into(),
            fingerprint: "00000000000000aa".into(),
        })
    };
    Arc::new(Data {
        receiver: "lab".into(),
        status: "firing".into(),
        alerts: [alert("firing", "a"), alert("resolved", "b")].into(),
        group_labels: kv(&[("alertname", "Load")]),
        common_labels: kv(&[("alertname", "Load")]),
        external_url: "http://am.test".into(),
        ..Data::default()
    })
}
