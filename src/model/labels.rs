//! A sorted set of labels, shared and hashed once.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::METRIC_NAME;

/// A label's name and value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label {
    /// The name.
    pub name: Arc<str>,
    /// The value, never empty inside [`Labels`].
    pub value: Arc<str>,
}

/// Labels sorted by name, without empty values, cheap to clone and to compare.
#[derive(Clone)]
pub struct Labels {
    inner: Arc<Inner>,
}

struct Inner {
    hash: u64,
    labels: Box<[Label]>,
}

impl Labels {
    /// No labels.
    pub fn empty() -> Self {
        Self::from_sorted(Vec::new())
    }

    /// From name and value pairs in any order; empty values are left out, a later pair of the same name wins.
    pub fn from_pairs<N: Into<Arc<str>>, V: Into<Arc<str>>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut builder = LabelsBuilder::default();
        for (name, value) in pairs {
            builder.set(name, value);
        }
        Self::from_sorted(builder.labels)
    }

    fn from_sorted(labels: Vec<Label>) -> Self {
        let mut hasher = rustc_hash::FxHasher::default();
        for label in &labels {
            label.name.hash(&mut hasher);
            label.value.hash(&mut hasher);
        }
        Self { inner: Arc::new(Inner { hash: hasher.finish(), labels: labels.into() }) }
    }

    /// The value of a label, if set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.inner.labels.iter().find(|l| &*l.name == name).map(|l| &*l.value)
    }

    /// The metric's name, empty when absent.
    pub fn metric_name(&self) -> &str {
        self.get(METRIC_NAME).unwrap_or("")
    }

    /// The labels in order of name.
    pub fn iter(&self) -> std::slice::Iter<'_, Label> {
        self.inner.labels.iter()
    }

    /// How many labels.
    pub fn len(&self) -> usize {
        self.inner.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.inner.labels.is_empty()
    }

    /// A builder that starts from these labels.
    pub fn builder(&self) -> LabelsBuilder {
        LabelsBuilder { labels: self.inner.labels.to_vec() }
    }

    /// These labels without the metric name.
    pub fn without_name(&self) -> Self {
        if self.get(METRIC_NAME).is_none() {
            return self.clone();
        }
        self.builder().remove(METRIC_NAME).build()
    }

    /// A hash for maps of this process; not one of the hashes that Prometheus shows.
    pub fn hash_code(&self) -> u64 {
        self.inner.hash
    }

    /// Alertmanager's and Prometheus' fingerprint: 64-bit FNV-1a over name, 0xFF, value, 0xFF of each label.
    pub fn fingerprint(&self) -> u64 {
        let mut hash: u64 = 14_695_981_039_346_656_037;
        let mut feed = |bytes: &[u8]| {
            for b in bytes {
                hash = (hash ^ u64::from(*b)).wrapping_mul(1_099_511_628_211);
            }
        };
        for label in self.iter() {
            feed(label.name.as_bytes());
            feed(&[0xFF]);
            feed(label.value.as_bytes());
            feed(&[0xFF]);
        }
        hash
    }
}

impl PartialEq for Labels {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
            || (self.inner.hash == other.inner.hash && self.inner.labels == other.inner.labels)
    }
}

impl Eq for Labels {}

impl Hash for Labels {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.inner.hash);
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Prometheus' order: name, then value, label by label; the shorter set first when one is the other's beginning.
impl Ord for Labels {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.inner.labels.cmp(&other.inner.labels)
    }
}

impl Default for Labels {
    fn default() -> Self {
        Self::empty()
    }
}

/// `{a="1", b="2"}`, as Prometheus prints a label set (the name is a label like any other).
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, l) in self.iter().enumerate() {
            let comma = if i > 0 { ", " } else { "" };
            write!(f, "{comma}{}={}", l.name, crate::golang::quote(&l.value))?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Builds [`Labels`]; keeps order and uniqueness.
#[derive(Clone, Debug, Default)]
pub struct LabelsBuilder {
    labels: Vec<Label>,
}

impl LabelsBuilder {
    /// Sets a label; an empty value removes it.
    pub fn set(&mut self, name: impl Into<Arc<str>>, value: impl Into<Arc<str>>) -> &mut Self {
        let (name, value) = (name.into(), value.into());
        match self.labels.binary_search_by(|l| (*l.name).cmp(&name)) {
            Ok(i) if value.is_empty() => {
                self.labels.remove(i);
            }
            Ok(i) => self.labels[i].value = value,
            Err(_) if value.is_empty() => {}
            Err(i) => self.labels.insert(i, Label { name, value }),
        }
        self
    }

    /// Removes a label.
    pub fn remove(&mut self, name: &str) -> &mut Self {
        self.labels.retain(|l| &*l.name != name);
        self
    }

    /// Keeps the labels for which `keep` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&Label) -> bool) -> &mut Self {
        self.labels.retain(|l| keep(l));
        self
    }

    /// The value of a label, if set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.labels.binary_search_by(|l| (*l.name).cmp(name)).ok().map(|i| &*self.labels[i].value)
    }

    /// The finished set.
    pub fn build(&self) -> Labels {
        Labels::from_sorted(self.labels.clone())
    }
}
