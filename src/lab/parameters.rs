//! Named values of a lab, and their places `${name}` in its texts.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::LabError;
use crate::golang::duration::parse_prometheus_duration;

/// What a parameter's value may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Any text.
    #[default]
    Text,
    /// A duration of some time, such as `4m`.
    Duration,
    /// A number, such as `0.75`.
    Number,
    /// A TCP port.
    Port,
    /// The name of a metric.
    Metric,
}

impl Kind {
    /// Whether a value is of this kind.
    ///
    /// # Errors
    /// It is not; the message tells the value and what is wanted.
    pub fn accepts(self, value: &str) -> Result<(), String> {
        let metric = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        let (right, no, wanted) = match self {
            Self::Text => return Ok(()),
            Self::Duration => match parse_prometheus_duration(value) {
                Ok(0) => (false, "takes no time", "such as 4m or 90s"),
                read => (read.is_ok(), "is no duration", "such as 4m or 90s"),
            },
            Self::Number => (value.parse::<f64>().is_ok_and(f64::is_finite), "is no number", "such as 0.75"),
            Self::Port => (value.parse::<u16>().is_ok_and(|p| p > 0), "is no port", "1 to 65535"),
            Self::Metric => (
                value.chars().all(metric) && value.chars().next().is_some_and(|c| !c.is_ascii_digit()),
                "is no name of a metric",
                "such as model_result",
            ),
        };
        if right { Ok(()) } else { Err(format!("{value:?} {no}, wanted {wanted}")) }
    }
}

/// Values by name.
#[derive(Clone, Debug, Default)]
pub struct Parameters(BTreeMap<String, Parameter>);

#[derive(Clone, Debug, Default)]
struct Parameter {
    kind: Kind,
    value: String,
}

impl Parameters {
    /// Sets a value.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.entry(name.into()).or_default().value = value.into();
    }

    /// Adds a parameter of a kind with its usual value.
    pub fn declare(&mut self, name: impl Into<String>, kind: Kind, value: impl Into<String>) {
        self.0.insert(name.into(), Parameter { kind, value: value.into() });
    }

    /// What a parameter's value may be.
    pub fn kind(&self, name: &str) -> Kind {
        self.0.get(name).map_or(Kind::Text, |p| p.kind)
    }

    /// A value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|p| p.value.as_str())
    }

    /// Whether a parameter of this name exists.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The text with every `${name}` replaced.
    ///
    /// # Errors
    /// A name is unknown or a brace is not closed; the message has file, line and column.
    pub fn fill(&self, file: &str, text: &str) -> Result<String, LabError> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            let place = || {
                let before = &text[..text.len() - rest.len() + start];
                let line = before.matches('\n').count() + 1;
                let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
                format!("{file}:{line}:{column}")
            };
            out.push_str(&rest[..start]);
            let Some(end) = rest[start..].find('}') else {
                return Err(LabError(format!("{}: \"${{\" without a closing brace", place())));
            };
            let name = &rest[start + 2..start + end];
            let Some(value) = self.get(name) else {
                let known: Vec<&str> = self.names().collect();
                return Err(LabError(format!(
                    "{}: unknown parameter {name:?}, this lab has {}",
                    place(),
                    known.join(", ")
                )));
            };
            out.push_str(value);
            rest = &rest[start + end + 1..];
        }
        out.push_str(rest);
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_refused_with_its_place() {
        let mut parameters = Parameters::default();
        parameters.set("a", "1");
        assert_eq!(parameters.fill("f", "x ${a}").expect("known"), "x 1");
        let error = parameters.fill("lab.yaml", "one\n  two ${b}").expect_err("unknown");
        assert!(error.0.starts_with("lab.yaml:2:7: unknown parameter \"b\""), "{error}");
    }
}
