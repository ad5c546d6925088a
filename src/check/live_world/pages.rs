//! Pages of metrics: the mocked model's and Node Exporter's, read as Prometheus would.

use serde_json::json;

use super::{LiveWorld, queries};
use crate::check::probe::http::Base;
use crate::check::probe::http_page::{self, Metrics, NoPage};
use crate::check::simulated::schedule::seconds;
use crate::check::{Between, Finding, HttpBody, HttpStep, Outcome};
use crate::report::{Basis, Blame};

/// How many changes are waited for.
const CHANGES: usize = 3;
/// How far two changes may lie from the wanted distance, in seconds: the model and we count apart.
const TOLERANCE: f64 = 1.5;
/// Seconds between two looks at a page.
const LOOK_EVERY: f64 = 0.5;

/// Where a page is, and who said so.
struct Place {
    base: Base,
    /// Whether it was taken from Prometheus, which reaches it on its own way.
    by_prometheus: bool,
}

/// An address answers over HTTP.
pub fn http(world: &mut LiveWorld<'_>, step: &HttpStep) -> Outcome {
    let place = match place(world, &step.get) {
        Ok(place) => place,
        Err(outcome) => return *outcome,
    };
    let address = http_page::address(&place.base);
    let metrics = match http_page::fetch(&world.client, &place.base) {
        Ok(metrics) => metrics,
        Err(_) if place.by_prometheus => {
            return Outcome::Holds(Finding::said(format!("observed Prometheus reading {address}")).basis(Basis::Live));
        }
        Err(no) => return unanswered(&no, &step.get, &address),
    };
    let Some(wanted) = &step.body else { return Outcome::Holds(Finding::default()) };
    let values = metrics.of(&wanted.sample);
    let Some(first) = values.first().copied() else {
        return Outcome::Fails(
            Finding::observed(
                format!("no {} at {address}, but {}", wanted.sample, metrics.some_names(&wanted.sample)),
                format!("{} on the page", wanted.sample),
            )
            .basis(Basis::Live),
        );
    };
    if let Some(outcome) = out_of_bounds(wanted, &values, &address) {
        return outcome;
    }
    let series = if values.len() == 1 { String::new() } else { format!(" in {} series", values.len()) };
    let seen = format!("{} = {first}{series} at {address}", wanted.sample);
    match &wanted.changes {
        Some(every) => match seconds(every) {
            Ok(every) => changes(world, &place.base, wanted, every, metrics),
            Err(e) => Outcome::Error(Finding::said(e)),
        },
        None => Outcome::Holds(Finding::said(format!("observed {seen}")).basis(Basis::Live)),
    }
}

fn place(world: &mut LiveWorld<'_>, page: &str) -> Result<Place, Box<Outcome>> {
    if page == "mock" {
        return Ok(Place { base: world.settings.mock.clone(), by_prometheus: false });
    }
    if let Some(base) = &world.settings.node_exporter {
        return Ok(Place { base: base.clone(), by_prometheus: false });
    }
    let port = world.lab.parameters.get("node.port").unwrap_or("9100").to_owned();
    let targets = queries::targets_on(world, &port)?;
    let up = targets.iter().find(|t| t.health == "up");
    let base = up.and_then(|t| Base::parse(&t.url).ok());
    base.map(|base| Place { base, by_prometheus: true }).ok_or_else(|| {
        Box::new(Outcome::Unverified(
            Finding::said("no machine was named and Prometheus reads none")
                .hint("name the machine with --vm HOST, or its page with --vm-exporter URL"),
        ))
    })
}

fn unanswered(no: &NoPage, page: &str, address: &str) -> Outcome {
    let what = if page == "mock" { "the mocked model" } else { "Node Exporter" };
    let wanted = format!("a page of metrics from {what}");
    match no {
        NoPage::Trouble(trouble) => {
            let mut finding = Finding::observed(format!("{trouble} at {address}"), wanted).basis(Basis::Live);
            if trouble.is_environment() {
                finding.blame = Some(Blame::Environment);
                return Outcome::Error(finding.hint("check the address and the way to that machine, then run again"));
            }
            Outcome::Fails(match (page, trouble) {
                ("mock", _) => finding.hint("start the mock in its virtual environment and leave it running"),
                (_, crate::check::probe::http::Trouble::TimedOut) => {
                    finding.hint("open port 9100 in the machine's firewall (firewall-cmd --add-port=9100/tcp)")
                }
                _ => finding.hint("start the service: systemctl enable --now node_exporter"),
            })
        }
        NoPage::Other(what) => {
            Outcome::Fails(Finding::observed(format!("{what} at {address}"), wanted).basis(Basis::Live))
        }
    }
}

fn out_of_bounds(wanted: &HttpBody, values: &[f64], address: &str) -> Option<Outcome> {
    let Between { between: (low, high) } = wanted.value?;
    let outside = values.iter().find(|v| !(low..=high).contains(*v))?;
    Some(Outcome::Fails(
        Finding::observed(
            format!("{} = {outside} at {address}", wanted.sample),
            format!("a value between {low} and {high}"),
        )
        .basis(Basis::Live),
    ))
}

/// Looks at the page until the value has changed some times, and judges the distances.
fn changes(world: &LiveWorld<'_>, base: &Base, wanted: &HttpBody, every: f64, first: Metrics) -> Outcome {
    let address = http_page::address(base);
    let start = world.tape().steady();
    let mut now = 0.0;
    let longest = every * (CHANGES + 1) as f64 + TOLERANCE;
    let mut last = first.of(&wanted.sample);
    let mut seen = vec![(0.0, last.first().copied().unwrap_or(f64::NAN))];
    let mut at = Vec::new();
    while at.len() < CHANGES && now < longest {
        if world.stopped() {
            return super::by_hand();
        }
        (world.settings.waiting)(&format!("watching {} change, {now:.0} s", wanted.sample));
        world.tape().sleep(LOOK_EVERY);
        let metrics = match http_page::fetch(&world.client, base) {
            Ok(metrics) => metrics,
            Err(no) => return unanswered(&no, "mock", &address),
        };
        now = world.tape().steady() - start;
        let values = metrics.of(&wanted.sample);
        if let Some(outcome) = out_of_bounds(wanted, &values, &address) {
            return outcome;
        }
        if !same(&values, &last) {
            at.push(now);
            seen.push((now, values.first().copied().unwrap_or(f64::NAN)));
            last = values;
        }
    }
    let list: Vec<String> = seen.iter().map(|(t, v)| format!("{v} after {t:.1} s")).collect();
    let evidence = json!({"kind": "text", "text": format!("{}: {}", wanted.sample, list.join(", "))});
    judge_changes(&at, every, now, &wanted.sample, &address).with(evidence)
}

/// A list of values is the same list; what is not a number equals itself here.
fn same(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x.to_bits() == y.to_bits())
}

struct Judged(Outcome);

impl Judged {
    fn with(self, evidence: serde_json::Value) -> Outcome {
        match self.0 {
            Outcome::Holds(f) => Outcome::Holds(f.evidence([evidence])),
            Outcome::Fails(f) => Outcome::Fails(f.evidence([evidence])),
            other => other,
        }
    }
}

fn judge_changes(at: &[f64], every: f64, watched: f64, metric: &str, address: &str) -> Judged {
    let gaps: Vec<f64> = at.windows(2).map(|w| w[1] - w[0]).collect();
    let shortest = gaps.iter().copied().fold(f64::INFINITY, f64::min);
    let wanted = format!("a new value every {every} s");
    Judged(match gaps.is_empty() {
        true if at.is_empty() => Outcome::Fails(
            Finding::observed(format!("{metric} at {address} unchanged for {watched:.0} s"), wanted).basis(Basis::Live),
        ),
        // Twice the same value in a row makes one distance longer, so the shortest one counts.
        false if (shortest - every).abs() <= TOLERANCE => Outcome::Holds(
            Finding::said(format!("observed {metric} at {address} changing every {shortest:.0} s")).basis(Basis::Live),
        ),
        false => Outcome::Fails(
            Finding::observed(format!("{metric} at {address} changing after {shortest:.1} s"), wanted)
                .basis(Basis::Live),
        ),
        true => Outcome::Fails(
            Finding::observed(format!("one change of {metric} at {address} in {watched:.0} s"), wanted)
                .basis(Basis::Live),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_distance_of_changes_counts() {
        let judged = |at: &[f64]| judge_changes(at, 5.0, 21.5, "m", "a").0;
        assert!(matches!(judged(&[1.0, 6.2, 11.1]), Outcome::Holds(_)));
        assert!(matches!(judged(&[1.0, 11.0, 16.1]), Outcome::Holds(_)));
        assert!(matches!(judged(&[1.0, 2.0, 3.0]), Outcome::Fails(f) if f.reason.contains("after 1.0 s")));
        assert!(matches!(judged(&[4.0, 14.0]), Outcome::Fails(_)));
        assert!(matches!(judged(&[4.0]), Outcome::Fails(f) if f.reason.starts_with("observed one change")));
        assert!(matches!(judged(&[]), Outcome::Fails(f) if f.reason.contains("unchanged for 22 s")));
    }
}
