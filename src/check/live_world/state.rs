//! What is kept of a check while it runs, so that another one can go on where it was interrupted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::stress::{Ended, Record};
use crate::check::Outcome;

/// How a check was called, without secrets: what must be the same when it goes on, and what a judgement depends on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Called {
    /// The lab's id.
    pub lab: String,
    /// Parameters of the lab that were set.
    pub set: Vec<(String, String)>,
    /// Criteria that alone were wanted.
    pub only: Vec<String>,
    /// Addresses.
    pub mock: String,
    /// Addresses.
    pub prometheus: String,
    /// Addresses.
    pub alertmanager: String,
    /// Addresses.
    pub grafana: String,
    /// Who signed in to Grafana.
    pub grafana_user: GrafanaUser,
    /// The address of Node Exporter's page, when one was given.
    pub node_exporter: Option<String>,
    /// Whether labkit received the messages itself.
    pub listened: bool,
    /// Whether the mocked model was labkit's own: then its script tells what it would do.
    #[serde(default)]
    pub mock_stands_in: bool,
    /// The machine.
    pub vm: Option<CalledVm>,
}

/// Who signed in to Grafana; never with what.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GrafanaUser {
    /// Nobody was named.
    #[default]
    Nobody,
    /// A user.
    User(String),
    /// `admin` with the password that Grafana comes with.
    First,
    /// The holder of a token.
    Token,
}

/// The machine that is put under load.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CalledVm {
    /// As it was named.
    pub alias: String,
    /// Who signed in.
    pub user: Option<String>,
    /// At which port; the usual one when none is told.
    #[serde(default)]
    pub port: Option<u16>,
    /// Whether the load is labkit's own.
    pub builtin_load: bool,
}

impl Called {
    /// What is another than in an earlier call, in words; nothing when it is the same check.
    pub fn differs_from(&self, earlier: &Self) -> Option<String> {
        let pairs = [
            ("the lab", &self.lab, &earlier.lab),
            ("--mock", &self.mock, &earlier.mock),
            ("--prometheus", &self.prometheus, &earlier.prometheus),
            ("--alertmanager", &self.alertmanager, &earlier.alertmanager),
            ("--grafana", &self.grafana, &earlier.grafana),
        ];
        let vm = |c: &Self| c.vm.as_ref().map_or_else(String::new, |vm| vm.alias.clone());
        let set = |c: &Self| c.set.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(",");
        let pair =
            pairs.into_iter().find(|(_, now, then)| now != then).map(|(n, now, then)| (n, now.clone(), then.clone()));
        let more = [("--vm", vm(self), vm(earlier)), ("--set", set(self), set(earlier))];
        let pair = pair.or_else(|| more.into_iter().find(|(_, now, then)| now != then));
        pair.map(|(name, now, then)| format!("it was called with {name} {then:?}, now {now:?}"))
    }
}

/// What was judged and seen so far.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    /// [`State::SCHEMA`]
    pub schema: String,
    /// How the check was called.
    pub called: Called,
    /// The criteria that are decided.
    pub outcomes: BTreeMap<String, Outcome>,
    /// What was seen of the load.
    pub played: Option<Record>,
}

impl State {
    /// The form it is written in.
    pub const SCHEMA: &'static str = "labkit/check-state/v1";

    /// Nothing was judged yet.
    pub fn new(called: Called) -> Self {
        Self { schema: Self::SCHEMA.to_owned(), called, outcomes: BTreeMap::new(), played: None }
    }

    /// Whether the load was not seen to its end.
    pub fn was_interrupted(&self) -> bool {
        self.played.as_ref().is_some_and(|p| p.ended != Ended::Whole)
    }
}

/// Whether looking again could not change it.
pub fn is_decided(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Holds(_) | Outcome::Fails(_) | Outcome::Review(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_call_is_told_by_what_differs() {
        let called = Called { prometheus: "http://a:9090".into(), ..Called::default() };
        assert_eq!(called.differs_from(&called.clone()), None);
        let other = Called { prometheus: "http://b:9090".into(), ..called.clone() };
        let told = other.differs_from(&called).expect("another");
        assert_eq!(told, "it was called with --prometheus \"http://a:9090\", now \"http://b:9090\"");
        let set = Called { set: vec![("stress.long".into(), "5m".into())], ..called.clone() };
        assert!(set.differs_from(&called).is_some_and(|t| t.contains("--set")));
        // What is looked at, and how Grafana is signed in to, may change.
        let only = Called { only: vec!["cpu-100".into()], grafana_user: GrafanaUser::Token, ..called.clone() };
        assert_eq!(only.differs_from(&called), None);
    }
}
