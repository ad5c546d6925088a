//! What differs between expected and got: alerts and samples put side by side, label by label.

use std::sync::Arc;

use super::file::Pairs;
use super::outcome::{ShownAlert, ShownSample};

/// Most alerts on one side that are matched with their likes; with more each stands alone.
const MAX_MATCHED: usize = 200;

/// An expected alert beside the one that came in its place.
#[derive(Clone, Debug)]
pub enum AlertDifference<'a> {
    /// It was expected and did not come.
    Missing(&'a ShownAlert),
    /// It came and was not expected.
    Unexpected(&'a ShownAlert),
    /// It came otherwise than expected.
    Changed {
        /// As expected.
        expected: &'a ShownAlert,
        /// As it came.
        got: &'a ShownAlert,
        /// Labels that differ.
        labels: Vec<PairDifference>,
        /// Annotations that differ.
        annotations: Vec<PairDifference>,
    },
}

/// A name with its two values; none where one side does not have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairDifference {
    /// The label's or annotation's name.
    pub name: Arc<str>,
    /// Its value as expected.
    pub expected: Option<Arc<str>>,
    /// Its value as it came.
    pub got: Option<Arc<str>>,
}

/// What differs between two lists of alerts; those that are on both sides are left out.
pub fn alert_differences<'a>(expected: &'a [ShownAlert], got: &'a [ShownAlert]) -> Vec<AlertDifference<'a>> {
    let (mut missing, mut extra) = (Vec::new(), got.iter().collect::<Vec<_>>());
    for alert in expected {
        match extra.iter().position(|e| *e == alert) {
            Some(at) => {
                extra.remove(at);
            }
            None => missing.push(alert),
        }
    }
    let mut found = Vec::new();
    let matched = missing.len() <= MAX_MATCHED && extra.len() <= MAX_MATCHED;
    for alert in missing {
        let like = |other: &ShownAlert| {
            let labels = shared(&alert.labels, &other.labels);
            (labels, shared(&alert.annotations, &other.annotations))
        };
        let nearest = extra.iter().enumerate().max_by_key(|(i, e)| (like(e), std::cmp::Reverse(*i)));
        // Alerts that share the name alone are different alerts, unless there is no choice.
        match nearest.filter(|(_, e)| matched && (like(e).0 > 1 || (expected.len() == 1 && got.len() == 1))) {
            Some((at, got)) => {
                found.push(AlertDifference::Changed {
                    expected: alert,
                    got,
                    labels: differing(&alert.labels, &got.labels),
                    annotations: differing(&alert.annotations, &got.annotations),
                });
                extra.remove(at);
            }
            None => found.push(AlertDifference::Missing(alert)),
        }
    }
    found.extend(extra.into_iter().map(AlertDifference::Unexpected));
    found
}

fn shared(a: &Pairs, b: &Pairs) -> usize {
    a.iter().filter(|pair| b.contains(pair)).count()
}

fn differing(expected: &Pairs, got: &Pairs) -> Vec<PairDifference> {
    let value = |pairs: &Pairs, name: &Arc<str>| pairs.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
    let mut names: Vec<&Arc<str>> = expected.iter().chain(got).map(|(name, _)| name).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .map(|name| PairDifference { name: name.clone(), expected: value(expected, name), got: value(got, name) })
        .filter(|d| d.expected != d.got)
        .collect()
}

/// Samples side by side by their labels; those that agree are left out. Both lists are in order of labels.
pub fn sample_differences<'a>(
    expected: &'a [ShownSample],
    got: &'a [ShownSample],
    fuzzy: bool,
) -> Vec<(Option<&'a ShownSample>, Option<&'a ShownSample>)> {
    let (mut left, mut right) = (expected.iter().peekable(), got.iter().peekable());
    let mut found = Vec::new();
    loop {
        let pair = match (left.peek(), right.peek()) {
            (None, None) => return found,
            (Some(_), None) => (left.next(), None),
            (None, Some(_)) => (None, right.next()),
            (Some(a), Some(b)) => match a.labels.cmp(&b.labels) {
                std::cmp::Ordering::Less => (left.next(), None),
                std::cmp::Ordering::Greater => (None, right.next()),
                std::cmp::Ordering::Equal => (left.next(), right.next()),
            },
        };
        if !matches!(pair, (Some(a), Some(b)) if a.value.agrees(&b.value, fuzzy)) {
            found.push(pair);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::AlertState;

    fn pairs(list: &[(&str, &str)]) -> Pairs {
        list.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect()
    }

    fn alert(instance: &str, summary: &str) -> ShownAlert {
        ShownAlert {
            labels: pairs(&[("alertname", "A"), ("instance", instance)]),
            annotations: pairs(&[("summary", summary)]),
            state: AlertState::Firing,
        }
    }

    #[test]
    fn alerts_stand_beside_their_likes() {
        let expected = [alert("a", "x"), alert("b", "y"), alert("c", "z")];
        let got = [alert("b", "Y"), alert("c", "z"), alert("d", "x")];
        let found = alert_differences(&expected, &got);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(matches!(&found[0], AlertDifference::Missing(a) if a.labels[1].1 == "a".into()));
        let AlertDifference::Changed { labels, annotations, .. } = &found[1] else { panic!("{found:?}") };
        assert!(labels.is_empty());
        let difference = PairDifference { name: "summary".into(), expected: Some("y".into()), got: Some("Y".into()) };
        assert_eq!(*annotations, [difference]);
        assert!(matches!(&found[2], AlertDifference::Unexpected(a) if a.labels[1].1 == "d".into()));
    }
}
