//! A setting of any shape (`payload` of a webhook): texts, numbers, lists and maps.

use std::collections::BTreeMap;

use crate::yaml::{Node, Resolved};

/// A value of any shape; maps are in the order of Go's JSON.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    /// `~`
    Null,
    /// A flag.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number beyond that.
    Uint(u64),
    /// A number with a fraction.
    Float(f64),
    /// A text, which may be a template.
    Text(String),
    /// A list.
    List(Vec<Self>),
    /// A map; keys that are no texts are left out.
    Map(BTreeMap<String, Self>),
}

impl Tree {
    /// What a node holds. The reader of YAML has bounded its depth.
    pub fn of(node: &Node) -> Self {
        if !node.entries().is_empty() {
            let pairs = node.entries().iter();
            return Self::Map(pairs.filter_map(|(k, v)| Some((k.as_str()?.to_owned(), Self::of(v)))).collect());
        }
        if !node.items().is_empty() {
            return Self::List(node.items().iter().map(Self::of).collect());
        }
        match (node.resolved(), node.value()) {
            (_, crate::yaml::Value::Sequence(_)) => Self::List(Vec::new()),
            (_, crate::yaml::Value::Mapping(_)) => Self::Map(BTreeMap::new()),
            (Some(Resolved::Bool(b)), _) => Self::Bool(b),
            (Some(Resolved::Int(n)), _) => Self::Int(n),
            (Some(Resolved::Uint(n)), _) => Self::Uint(n),
            (Some(Resolved::Float(f)), _) => Self::Float(f),
            (Some(Resolved::Null), _) => Self::Null,
            _ => node.as_str().map_or(Self::Null, |text| Self::Text(text.to_owned())),
        }
    }
}
