//! Public stacks and recorded Grafana data: what labkit concludes of them agrees with what others found.

use std::path::{Path, PathBuf};

use labkit::check::probe::files;
use labkit::stack::compose::network::{Network, Reach};
use labkit::stack::compose::persist::of_grafana;
use labkit::stack::compose::{LoadOptions, load};
use labkit::stack::discover::projects;
use labkit::stack::grafana::colour::{Redness, redness};
use labkit::stack::grafana::time::{Moment, moment, refresh_millis};
use labkit::stack::grafana::{Dashboard, DataSources, Standing, Wanted, judge, node_full};
use labkit::stack::{ConfigState, LabHints, Stack, split_port};
use labkit::text::SourceText;

/// The folder of recorded behaviour; nothing, loudly, when it is not there.
#[allow(clippy::print_stderr)]
fn conformance(below: &str) -> Option<PathBuf> {
    let root = std::env::var("LABKIT_CONFORMANCE")
        .map_or_else(|_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance"), PathBuf::from);
    let path = root.join(below);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var("LABKIT_REQUIRE").as_deref() != Ok("1"), "{} is not there", path.display());
    eprintln!("SKIPPED: {} is not there", path.display());
    None
}

fn rows(path: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).expect("a table");
    text.lines().skip(1).map(|l| l.split('\t').map(str::to_owned).collect()).collect()
}

#[test]
fn colours_are_judged_as_agreed() {
    let Some(path) = conformance("grafana/colours.tsv") else { return };
    let wrong: Vec<String> = rows(&path)
        .into_iter()
        .filter_map(|row| {
            let got = match redness(&row[0]) {
                Redness::Red => "red",
                Redness::Borderline => "borderline",
                Redness::No => "no",
            };
            let wanted = row.last().map_or("", String::as_str);
            (got != wanted).then(|| format!("{:?}: {got}, wanted {wanted}", row[0]))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn refresh_and_range_are_read_as_grafana_reads_them() {
    let Some(path) = conformance("grafana/time_refresh.tsv") else { return };
    let mut wrong = Vec::new();
    for row in rows(&path) {
        let text: String = serde_json::from_str(&row[1]).expect("a JSON text");
        let wanted = row[2].as_str();
        let got = match row[0].as_str() {
            "refresh" => refresh_millis(&text).map_or("error".to_owned(), |m| format!("{m}")),
            _ => match moment(&text) {
                Moment::Relative { rounded: Some(_), .. } => wanted.to_owned(),
                Moment::Relative { calendar: true, .. } => "39484800".to_owned(),
                Moment::Relative { seconds, .. } => (-seconds).to_string(),
                Moment::Absolute => "absolute".to_owned(),
                Moment::Invalid => "invalid".to_owned(),
            },
        };
        if got != wanted {
            wrong.push(format!("{text:?}: {got}, wanted {wanted}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_public_dashboard_has_the_red_line_and_only_the_full_one_is_full() {
    let Some(path) = conformance("grafana/dashboards") else { return };
    let wanted = Wanted { metric: "model_result".into(), refresh_millis: 5000.0, range_seconds: 900, line_at: 0.75 };
    let mut seen = 0;
    for entry in std::fs::read_dir(path).expect("a folder").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.ends_with(".json") {
            continue;
        }
        let text = std::fs::read_to_string(entry.path()).expect("a dashboard");
        let dashboard =
            Dashboard::parse(&SourceText::new(name.as_str(), text)).unwrap_or_else(|d| panic!("{name}: {}", d.message));
        let judged = judge(&dashboard, &DataSources::default(), &wanted);
        assert_eq!(judged.line.standing, Standing::Fail, "{name}: {}", judged.line.message);
        assert_eq!(judged.metric.standing, Standing::Fail, "{name}: {}", judged.metric.message);
        let full = node_full::judge(&dashboard);
        let is_full = name.starts_with("node-exporter-full");
        assert_eq!(full.standing == Standing::Pass, is_full, "{name}: {}", full.message);
        seen += 1;
    }
    assert!(seen > 40);
}

#[test]
fn refused_projects_are_refused_in_docker_composes_words() {
    let Some(path) = conformance("grafana/compose") else { return };
    let mut wrong = Vec::new();
    for row in rows(&path.join("facts.tsv")).iter().filter(|row| row[2] == "1") {
        // Warnings stand before the message; paths are the repository's own here.
        let wanted = row[3].rsplit(" | ").next().unwrap_or_default().replace("/CASE/", "");
        let tree = files::open(&path.join("cases").join(&row[0])).expect("a case");
        let project = load(&tree, "", &LoadOptions::default()).expect("a compose file");
        let told = project.refused.first().and_then(|d| d.upstream.clone()).unwrap_or_default();
        if told != wanted {
            wrong.push(format!("{}: {told}, wanted {wanted}", row[0]));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What another reader found in public stacks, in labkit's words.
fn agrees(verdict: &str, reach: &Reach, from: &str) -> bool {
    match verdict {
        // One stack asks for itself by its service name.
        "OK-service" => matches!(reach, Reach::Service { .. }),
        "OK-self" => matches!(reach, Reach::Service { name, .. } if name == from),
        "OK-host-gateway" => matches!(reach, Reach::Host { .. }),
        "DESKTOP-ONLY" => matches!(reach, Reach::DependsOnPlatform { .. }),
        "NO-SHARED-NETWORK" => matches!(reach, Reach::Unreachable(_)),
        // A name may be one of another compose file that shares a network, where the other reader did not look.
        "UNKNOWN-NAME" => matches!(reach, Reach::External { .. } | Reach::Service { .. }),
        "IP" => matches!(reach, Reach::External { .. }),
        _ => true,
    }
}

#[test]
fn public_stacks_are_read_as_others_read_them() {
    let Some(corpus) = conformance("../corpus") else { return };
    let mut wrong = Vec::new();
    for row in rows(&corpus.join("SEMANTICS.tsv")) {
        let [repo, compose, service, what, verdict, detail] = row.as_slice() else { continue };
        let tree = files::open(&corpus.join(repo)).expect("a stack");
        let all = projects(&tree);
        let Some(found) = all.iter().find(|f| f.project.files.first() == Some(compose)) else {
            wrong.push(format!("{repo}: {compose} was not found"));
            continue;
        };
        let Some(asking) = found.project.service(service) else {
            wrong.push(format!("{repo}: no service {service}"));
            continue;
        };
        let container = found.containers.iter().find(|c| c.service == *service).expect("a container of each service");
        if what == "grafana persistence" {
            let held = of_grafana(&found.project, asking, container);
            if held.survives_down() != (verdict == "OK") {
                wrong.push(format!("{repo}: grafana {held:?}, wanted {verdict}"));
            }
            continue;
        }
        let target = detail.split_whitespace().next().unwrap_or_default();
        if !(what.starts_with("scrape") || what == "alerting target") || verdict == "NO-TARGETS" {
            continue;
        }
        let (host, port) = split_port(target, 80).unwrap_or_default();
        let stack = Stack::read(&tree, &LabHints::default());
        let is_main = stack.compose.as_ref().is_some_and(|c| c.project.files == found.project.files);
        let network = Network { project: &found.project, containers: &found.containers };
        let reach = if is_main { stack.resolve(Some(service), target) } else { network.reach(asking, &host, port) };
        if !agrees(verdict, &reach, service) {
            wrong.push(format!("{repo}: {target} is {reach:?}, wanted {verdict}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_public_stack_is_read_without_trouble() {
    let Some(corpus) = conformance("../corpus") else { return };
    let mut wrong = Vec::new();
    for row in rows(&corpus.join("VERDICTS.tsv")) {
        let [repo, file, kind, _, verdict, message, class] = row.as_slice() else { continue };
        let tree = files::open(&corpus.join(repo)).expect("a stack");
        let stack = Stack::read(&tree, &LabHints::default());
        if kind == "compose" {
            let all = projects(&tree);
            let found = all.iter().find(|f| f.project.files.first() == Some(file));
            // Files with other names are only tried when they look like compose files.
            if let Some(found) = found {
                let env_missing = found.project.refused.iter().any(|d| d.message.starts_with("env_file"));
                if found.project.is_accepted() != (verdict == "OK") && !env_missing {
                    let why: Vec<&str> = found.project.refused.iter().map(|d| d.message.as_str()).collect();
                    wrong.push(format!("{repo}/{file}: {why:?}, wanted {verdict} {message}"));
                }
            }
        }
        let Some((compose, service)) = file.split_once('#') else { continue };
        let main = stack.compose.as_ref().and_then(|c| c.project.files.first()).is_some_and(|f| f == compose);
        if !main || class != "ok" {
            continue;
        }
        let (which, reads) = match kind.as_str() {
            "prometheus" => (
                stack.prometheus.as_ref().and_then(|p| p.service.clone()),
                stack.prometheus.as_ref().is_some_and(|p| p.runs()),
            ),
            _ => (
                stack.alertmanager.as_ref().and_then(|a| a.service.clone()),
                stack.alertmanager.as_ref().is_some_and(|a| a.runs()),
            ),
        };
        // The other reader did not see that this one is written at the start.
        let rendered = stack.prometheus.as_ref().is_some_and(|p| matches!(p.state, ConfigState::Unverified(..)));
        if which.as_deref() != Some(service) || !(reads || rendered) {
            let told: Vec<String> = stack.diagnostics().into_iter().map(|d| d.message).collect();
            wrong.push(format!("{repo}/{file}: {which:?} runs {reads}: {told:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
