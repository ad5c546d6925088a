//! Names and values as templates see them: labels and annotations.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::Labels;

/// A name and its value.
pub type Pair = (Arc<str>, Arc<str>);

/// A set of names with values, in order of name. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kv(Arc<[Pair]>);

impl Kv {
    /// How many names.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&Arc<str>> {
        self.0.binary_search_by(|(n, _)| (**n).cmp(name)).ok().map(|i| &self.0[i].1)
    }

    /// The pairs in order of name.
    pub fn iter(&self) -> impl Iterator<Item = &Pair> {
        self.0.iter()
    }

    /// The pairs with `alertname` first and the rest in order of name.
    pub fn sorted_pairs(&self) -> impl Iterator<Item = &Pair> {
        let first = self.0.iter().filter(|(n, _)| &**n == "alertname");
        first.chain(self.0.iter().filter(|(n, _)| &**n != "alertname"))
    }

    /// The pairs whose names are not among `names`.
    pub fn without(&self, names: &[Arc<str>]) -> Self {
        self.0.iter().filter(|(n, _)| !names.contains(n)).cloned().collect()
    }
}

impl FromIterator<Pair> for Kv {
    fn from_iter<I: IntoIterator<Item = Pair>>(pairs: I) -> Self {
        let mut pairs: Vec<Pair> = pairs.into_iter().collect();
        if !pairs.is_sorted_by(|a, b| a.0 < b.0) {
            // Of doubled names the later one counts, as in a map.
            pairs.sort_by(|a, b| a.0.cmp(&b.0));
            pairs.reverse();
            pairs.dedup_by(|a, b| a.0 == b.0);
            pairs.reverse();
        }
        Self(pairs.into())
    }
}

impl Default for Kv {
    fn default() -> Self {
        Self::from_iter([])
    }
}

impl From<&Labels> for Kv {
    fn from(labels: &Labels) -> Self {
        labels.iter().map(|l| (l.name.clone(), l.value.clone())).collect()
    }
}

impl From<&BTreeMap<Arc<str>, Arc<str>>> for Kv {
    fn from(map: &BTreeMap<Arc<str>, Arc<str>>) -> Self {
        map.iter().map(|(n, v)| (n.clone(), v.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kv(pairs: &[(&str, &str)]) -> Kv {
        pairs.iter().map(|(n, v)| (Arc::from(*n), Arc::from(*v))).collect()
    }

    #[test]
    fn the_alert_name_comes_first() {
        let set = kv(&[("z", "1"), ("alertname", "2"), ("a", "3")]);
        let names: Vec<&str> = set.sorted_pairs().map(|(n, _)| &**n).collect();
        assert_eq!(names, ["alertname", "a", "z"]);
        assert_eq!(set.iter().map(|(n, _)| &**n).collect::<Vec<_>>(), ["a", "alertname", "z"]);
    }

    #[test]
    fn a_doubled_name_keeps_its_last_value() {
        let set = kv(&[("a", "1"), ("b", "2"), ("a", "3")]);
        assert_eq!((set.len(), set.get("a").map(|v| &**v)), (2, Some("3")));
        assert_eq!(set.without(&["a".into()]), kv(&[("b", "2")]));
    }
}
