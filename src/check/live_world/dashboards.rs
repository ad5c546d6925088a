//! What a running Grafana shows: asked for data on the way its panels take, dashboards judged as they are saved.

use serde_json::json;

use super::connection::{Standing, grafana_standing};
use super::stress::Record;
use super::{LiveWorld, Seen, cpu_values};
use crate::check::probe::grafana::{FirstPassword, Grafana, NoAnswer};
use crate::check::probe::http::Auth;
use crate::check::probe::prometheus::Answered;
use crate::check::simulated::schedule::seconds;
use crate::check::{Finding, GrafanaStep, Outcome, Stage};
use crate::report::{AdviceResult, Basis};
use crate::stack::grafana::{self as shown, Dashboard, DataSource, Judgement, Wanted, judge, node_full};

/// How far back data are asked for, in seconds.
const WINDOW: f64 = 900.0;
/// How old the newest sample may be, in seconds: three scrapes of a usual interval and a little.
const FRESH: f64 = 60.0;

/// What Grafana shows.
pub fn grafana(world: &mut LiveWorld<'_>, step: &GrafanaStep) -> Outcome {
    if let Some(during) = &step.cpu_values_during {
        return cpu_values(world, during);
    }
    seen(world);
    let seen = match &world.grafana {
        Some(Ok(seen)) => seen,
        Some(Err(standing)) => return stands(standing.clone()),
        None => return Outcome::Error(Finding::said("Grafana was not asked")),
    };
    if step.reaches.is_some() { reaches(world, seen) } else { panel(world, seen, step) }
}

/// The values of the load are to be read in Grafana.
fn cpu_values(world: &mut LiveWorld<'_>, during: &str) -> Outcome {
    // The load first: it takes minutes, and Grafana is asked for what it left behind.
    let made = world.of_load(|_, _| Outcome::Holds(Finding::default()));
    if !matches!(made, Outcome::Holds(_)) {
        return made;
    }
    seen(world);
    match (&world.grafana, &world.played) {
        (Some(Ok(seen)), Some(Ok(record))) => cpu_values::judge(&by_clock_of(world, record), during, seen),
        (Some(Err(standing)), _) => stands(standing.clone()),
        _ => Outcome::Error(Finding::said("Grafana was not asked")),
    }
}

/// What was seen, with the times that Prometheus gave its samples.
fn by_clock_of(world: &LiveWorld<'_>, record: &Record) -> Record {
    Record { start: record.start + world.clock_ahead(), ..record.clone() }
}

/// Asks Grafana, once.
fn seen(world: &mut LiveWorld<'_>) {
    if world.grafana.is_none() {
        let seen = connect(world);
        world.grafana = Some(seen);
    }
}

/// One Grafana that is down fails one criterion, not all.
fn stands(standing: Standing) -> Outcome {
    match standing {
        Standing::Down(finding) => Outcome::Fails(finding.cause("grafana-down")),
        other => other.outcome(),
    }
}

fn connect(world: &mut LiveWorld<'_>) -> Result<Seen, Standing> {
    let base = world.settings.grafana.clone();
    let refused = |no: NoAnswer| grafana_standing(base.as_str(), &no);
    (world.settings.waiting)("asking Grafana");
    let mut auth = world.settings.grafana_auth.clone();
    if matches!(auth, Auth::None) {
        auth = base.auth().clone();
    }
    let mut grafana = Grafana::connect(world.client.clone(), &base, auth.clone()).map_err(refused)?;
    let mut first = None;
    match grafana.sign_in() {
        Ok(()) => {}
        // Nobody was named and nobody may come in unnamed: the first password is tried once, as a person would.
        Err(NoAnswer::SignInWanted) if matches!(auth, Auth::None) => {
            let admin = Auth::Basic("admin".to_owned(), "admin".to_owned());
            grafana = Grafana::connect(world.client.clone(), &base, admin).map_err(refused)?;
            grafana.sign_in().map_err(|no| match no {
                NoAnswer::WrongPassword => refused(NoAnswer::SignInWanted),
                no => refused(no),
            })?;
            first = Some(FirstPassword::Unchanged);
        }
        Err(no) => return Err(refused(no)),
    }
    let first = first.unwrap_or_else(|| grafana.first_password());
    let sources = grafana.data_sources().map_err(refused)?;
    let (dashboards, unread) = grafana.dashboards().map_err(refused)?;
    advise(world, &first, &dashboards);
    Ok(Seen { grafana, sources, dashboards, unread })
}

fn advise(world: &mut LiveWorld<'_>, first: &FirstPassword, dashboards: &[Dashboard]) {
    let mut add = |id: &str, severity: &str, reason: String| {
        world.advice.push(AdviceResult { id: id.to_owned(), severity: severity.to_owned(), reason, at: None });
    };
    if *first == FirstPassword::Unchanged {
        let reason = "observed Grafana letting admin in with the password admin; wanted another password";
        add("default-grafana-password", "warning", reason.to_owned());
    }
    if !dashboards.iter().any(|d| node_full::judge(d).standing > shown::Standing::Fail) {
        let reason =
            format!("observed {} in Grafana; wanted Node Exporter Full among them", dashboards_text(dashboards.len()));
        add("node-exporter-full-missing", "info", reason);
    }
}

/// A data source leads to Prometheus: its data come out at Grafana.
fn reaches(world: &LiveWorld<'_>, seen: &Seen) -> Outcome {
    let sources: Vec<&DataSource> = seen.sources.known.iter().filter(|s| s.is_prometheus()).collect();
    if sources.is_empty() {
        let others: Vec<&str> = seen.sources.known.iter().map(|s| s.kind.as_str()).collect();
        let others =
            if others.is_empty() { "no data source".to_owned() } else { format!("only {}", others.join(", ")) };
        return Outcome::Fails(
            Finding::observed(format!("{others} in Grafana"), "a data source of type prometheus")
                .hint("add one under Connections > Data sources, and press Save & test")
                .basis(Basis::Live)
                .stage(Stage::Delivery),
        );
    }
    let ahead = world.clock_ahead();
    let now = world.tape().wall() + ahead;
    let metric = world.metric();
    let mut troubles = Vec::new();
    for source in &sources {
        let url = source.url.as_deref().map_or_else(String::new, |u| format!(" ({u})"));
        let named = format!("{}{url}", source.name);
        match seen.grafana.query(source, metric, now - WINDOW, now) {
            Ok(series) => match newest(&series) {
                Some((at, value)) if now - at <= FRESH => {
                    let version = seen.grafana.version().map_or_else(String::new, |v| format!(" {v}"));
                    return Outcome::Holds(
                        Finding::said(format!(
                            "observed {metric} = {value}, {:.0} s old, through Grafana{version}'s data source {named}",
                            (now - at).max(0.0)
                        ))
                        .basis(Basis::Live)
                        .evidence(comparison(world, at, value)),
                    );
                }
                Some((at, _)) => troubles.push(format!("{metric} through {named} only until {:.0} s ago", now - at)),
                None => troubles.push(format!("no {metric} through {named}")),
            },
            Err(why) => troubles.push(format!("{why} from {named}")),
        }
    }
    Outcome::Fails(
        Finding::observed(troubles.join("; "), format!("{metric} in Grafana"))
            .hint("from Grafana's container, localhost is Grafana itself: name Prometheus by its service or by the host's address")
            .basis(Basis::Live)
            .stage(Stage::Delivery),
    )
}

fn newest(series: &[Answered]) -> Option<(f64, f64)> {
    series.iter().filter_map(|s| s.points.last().copied()).max_by(|a, b| a.0.total_cmp(&b.0))
}

/// Whether Prometheus itself says the same, so that a data source that leads to somebody else's is noticed.
fn comparison(world: &LiveWorld<'_>, at: f64, value: f64) -> Vec<serde_json::Value> {
    let metric = world.metric();
    let Ok(own) = world.prometheus.query_range(metric, at, at, 1.0) else { return Vec::new() };
    let same = own.iter().flat_map(|s| &s.points).any(|(_, v)| (v - value).abs() <= 1e-9);
    let text = if same {
        format!("Prometheus itself gives {metric} the same value at that moment")
    } else {
        format!(
            "Prometheus itself gives {metric} another value at that moment: does the data source lead to another Prometheus?"
        )
    };
    vec![json!({"kind": "text", "text": text})]
}

fn wanted(world: &LiveWorld<'_>, step: &GrafanaStep) -> Result<Wanted, String> {
    let or = |text: &Option<String>, default: f64| text.as_ref().map_or(Ok(default), |t| seconds(t));
    Ok(Wanted {
        metric: step.panel_of.clone().unwrap_or_else(|| world.metric().to_owned()),
        refresh_millis: or(&step.refresh, 5.0)? * 1000.0,
        range_seconds: or(&step.range, 900.0)? as i64,
        line_at: step.line.as_ref().map_or(0.75, |l| l.at),
    })
}

fn panel(world: &LiveWorld<'_>, seen: &Seen, step: &GrafanaStep) -> Outcome {
    let wanted = match wanted(world, step) {
        Ok(wanted) => wanted,
        Err(e) => return Outcome::Error(Finding::said(e)),
    };
    let judged: Vec<(&Dashboard, Judgement)> =
        seen.dashboards.iter().map(|d| (d, judge(d, &seen.sources, &wanted))).collect();
    let rank = |j: &Judgement| (j.metric.standing, j.line.standing, j.refresh.standing, j.range.standing);
    let Some((dashboard, judgement)) = judged.iter().max_by_key(|(_, j)| rank(j)) else {
        let unread = match seen.unread.first() {
            Some(first) => format!(" that can be read ({first})"),
            None => String::new(),
        };
        return Outcome::Fails(
            Finding::observed(
                format!("no dashboard in Grafana{unread}"),
                format!("a saved dashboard with {}", wanted.metric),
            )
            .basis(Basis::Live)
            .cause("no-panel"),
        );
    };
    if judgement.metric.standing == shown::Standing::Fail {
        let titles: Vec<&str> = judged.iter().map(|(d, _)| d.title.as_str()).take(5).collect();
        return Outcome::Fails(
            Finding::observed(
                format!("no panel of {} on {} ({})", wanted.metric, dashboards_text(judged.len()), titles.join(", ")),
                format!("a saved dashboard that shows {}", wanted.metric),
            )
            .basis(Basis::Live)
            .cause("no-panel"),
        );
    }
    let finding = match step {
        GrafanaStep { refresh: Some(_), .. } => &judgement.refresh,
        GrafanaStep { range: Some(_), .. } => &judgement.range,
        GrafanaStep { line: Some(_), .. } => &judgement.line,
        _ => &judgement.metric,
    };
    outcome(dashboard, finding)
}

fn dashboards_text(count: usize) -> String {
    if count == 1 { "1 dashboard".to_owned() } else { format!("{count} dashboards") }
}

fn outcome(dashboard: &Dashboard, finding: &shown::Finding) -> Outcome {
    let panel = finding.panel.as_ref().map_or_else(String::new, |p| format!(", {p}"));
    let said = format!("observed dashboard {:?}{panel}: {}", dashboard.title, finding.message);
    match finding.standing {
        shown::Standing::Pass | shown::Standing::Warn => Outcome::Holds(Finding::said(said).basis(Basis::Live)),
        shown::Standing::Unknown => Outcome::Review(Finding::said(said).basis(Basis::Live)),
        shown::Standing::Fail => Outcome::Fails(Finding::said(said).basis(Basis::Live)),
    }
}
