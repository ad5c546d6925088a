//! Matchers of both programs and relabelling. The input's lines: a matcher, action, source, pattern, replacement,
//! target, then labels as `name=value`.

use labkit::alertmanager::{Names, Version, parse_matchers};
use labkit::golang::regexp::Regexp;
use labkit::model::Labels;
use labkit::promql::{Dialect, ParseOptions, parse_metric_selector};
use labkit::scrape::relabel::{RelabelAction, RelabelConfig, relabel};

/// Reads matchers, holds them against labels, relabels these.
pub fn run(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    let mut lines = text.split('\n');
    let mut next = || lines.next().unwrap_or_default();
    let matcher = next();
    let (action, source, pattern, replacement, target) = (next(), next(), next(), next(), next());
    let labels = Labels::from_pairs(lines.filter_map(|l| l.split_once('=')).take(20));

    for version in [Version::V0_25, Version::V0_27, Version::LATEST] {
        if let Ok(matchers) = parse_matchers(matcher, version, Names::Both) {
            for m in &matchers {
                let _ = m.matches(&labels);
                // The quoting of other characters is Go's, which the classic parser does not read.
                let plain = |b: u8| b.is_ascii_graphic() || b == b' ';
                if !m.name.bytes().all(|b| b.is_ascii_alphabetic()) || !m.value.bytes().all(plain) {
                    continue;
                }
                let shown = m.to_string();
                let again = parse_matchers(&shown, version, Names::Both).unwrap_or_else(|e| panic!("{shown:?}: {e}"));
                assert_eq!(again.len(), 1, "{shown:?}");
                assert_eq!((again[0].op, &again[0].value), (m.op, &m.value), "{shown:?}");
            }
        }
    }
    for dialect in [Dialect::V2_42, Dialect::V3] {
        for m in parse_metric_selector(matcher, &ParseOptions::experimental(dialect)).into_iter().flatten() {
            let _ = m.matches(&labels);
        }
        let newlines = dialect == Dialect::V3;
        let Ok(regex) = Regexp::anchored(pattern, newlines) else { continue };
        let rule = RelabelConfig {
            source_labels: source.split(',').map(Into::into).collect(),
            regex,
            modulus: matcher.len() as u64,
            replacement: replacement.into(),
            target_label: target.into(),
            action: RelabelAction::parse(action).unwrap_or(RelabelAction::Replace),
            ..RelabelConfig::new(newlines)
        };
        let once = relabel(std::slice::from_ref(&rule), &labels);
        assert!(once.iter().flat_map(Labels::iter).all(|l| !l.value.is_empty()), "a label without a value is none");
    }
}
