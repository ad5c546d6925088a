//! Whether the programs of the stack answer, and what it means for a criterion when they don't.

use super::LiveWorld;
use crate::check::probe::grafana::NoAnswer;
use crate::check::probe::http::Trouble;
use crate::check::probe::prometheus::NoData;
use crate::check::{Finding, Outcome, Program, Stage};
use crate::report::{Basis, Blame};

/// Why a program could not be asked.
#[derive(Clone, Debug)]
pub enum Standing {
    /// The stack is not as it should be: nothing listens, or something else does.
    Down(Finding),
    /// The way there, or what labkit was told, is to blame.
    Environment(Finding),
    /// It answers, but lets nobody in without a sign-in that was not given.
    Closed(Finding),
}

impl Standing {
    /// As the outcome of the criterion that answers for the program.
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Down(finding) => Outcome::Fails(finding),
            Self::Environment(finding) => Outcome::Error(finding),
            Self::Closed(finding) => Outcome::Unverified(finding),
        }
    }

    /// As the outcome of a criterion behind it.
    pub fn behind(self, stage: Stage) -> Outcome {
        match self {
            Self::Down(finding) => Outcome::Blocked(stage, finding),
            other => other.outcome(),
        }
    }
}

fn down(observed: String, wanted: String, hint: String) -> Finding {
    Finding::observed(observed, wanted).hint(hint).basis(Basis::Live)
}

fn by_environment(observed: String, wanted: String, hint: String) -> Standing {
    let mut finding = Finding::observed(observed, wanted).hint(hint);
    finding.blame = Some(Blame::Environment);
    Standing::Environment(finding)
}

/// What no data from a program means.
pub fn standing(program: &str, flag: &str, address: &str, no: &NoData) -> Standing {
    let observed = format!("{no} at {address}");
    let wanted = format!("{program} there");
    match no {
        NoData::Trouble(trouble) => trouble_standing(trouble, observed, wanted, program, flag),
        NoData::Refused(_) | NoData::Starting => {
            by_environment(observed, wanted, format!("wait until {program} is ready, then run again"))
        }
        NoData::Other(_) => Standing::Down(down(
            observed,
            wanted,
            format!("find out what answers there; name another address with {flag} URL"),
        )),
    }
}

fn trouble_standing(trouble: &Trouble, observed: String, wanted: String, program: &str, flag: &str) -> Standing {
    if trouble.is_environment() {
        return by_environment(observed, wanted, format!("check the address; {flag} URL names another one"));
    }
    Standing::Down(down(
        observed,
        wanted,
        format!("start {program} (docker compose ps, docker compose logs), or name its address with {flag} URL"),
    ))
}

/// What no answer from Grafana means.
pub fn grafana_standing(address: &str, no: &NoAnswer) -> Standing {
    let observed = format!("{no} at {address}");
    let wanted = "Grafana there".to_owned();
    match no {
        NoAnswer::Trouble(trouble) => trouble_standing(trouble, observed, wanted, "Grafana", "--grafana"),
        NoAnswer::NotGrafana(_) => Standing::Down(down(
            observed,
            wanted,
            "find out what answers there; name another address with --grafana URL".to_owned(),
        )),
        NoAnswer::SignInWanted => Standing::Closed(
            Finding::said(format!("observed {observed}"))
                .hint("give --grafana-user with --grafana-password-file, or --grafana-token-file"),
        ),
        NoAnswer::WrongPassword | NoAnswer::WrongToken => by_environment(
            observed,
            "a sign-in that Grafana accepts".to_owned(),
            "check --grafana-user and --grafana-password-file, or --grafana-token-file".to_owned(),
        ),
        NoAnswer::Blocked => by_environment(
            observed,
            "a sign-in that Grafana accepts".to_owned(),
            "wait five minutes, then run again with the right password".to_owned(),
        ),
        NoAnswer::Forbidden(_) => by_environment(
            observed,
            "a user that may read data sources and dashboards".to_owned(),
            "sign in as an administrator, or with a token of that role".to_owned(),
        ),
        NoAnswer::Missing | NoAnswer::Other(_) => {
            by_environment(observed, wanted, "look at Grafana's log, then run again".to_owned())
        }
    }
}

/// Asks Prometheus for its version, once.
pub fn prometheus(world: &mut LiveWorld<'_>) -> Result<String, Standing> {
    let known = world.prometheus_version.take().unwrap_or_else(|| world.prometheus.version());
    let answer = match &known {
        Ok(version) => Ok(version.clone()),
        Err(no) => Err(standing("Prometheus", "--prometheus", world.prometheus.address(), no)),
    };
    world.prometheus_version = Some(known);
    answer
}

/// Asks Alertmanager for its version, once.
pub fn alertmanager(world: &mut LiveWorld<'_>) -> Result<String, Standing> {
    let known =
        world.alertmanager_version.take().unwrap_or_else(|| world.alertmanager.status().map(|status| status.version));
    let answer = match &known {
        Ok(version) => Ok(version.clone()),
        Err(no) => Err(standing("Alertmanager", "--alertmanager", world.alertmanager.address(), no)),
    };
    world.alertmanager_version = Some(known);
    answer
}

/// A program runs; another criterion answers for it.
pub fn requires(world: &mut LiveWorld<'_>, program: Program) -> Outcome {
    let (asked, stage) = match program {
        // What answers was started somehow.
        Program::Compose => return Outcome::Holds(Finding::default()),
        Program::Prometheus => (prometheus(world), Stage::PrometheusConfig),
        // A broken rule file stops the program, which is then not there.
        Program::Rules => (prometheus(world), Stage::PrometheusConfig),
        Program::Alertmanager => (alertmanager(world), Stage::AlertmanagerConfig),
    };
    match asked {
        Ok(_) => Outcome::Holds(Finding::default()),
        Err(standing) => standing.behind(stage),
    }
}
