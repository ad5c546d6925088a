//! Public CPU alert expressions under 2, 4 and 5 minutes of stress, against what a real Prometheus made of them.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a test that is skipped says so loudly")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use labkit::engine::{Circumstances, EngineConfig, Phases, assemble};
use labkit::rules::file::ReadRules;
use labkit::scrape::config::ReadAs;
use labkit::simulate::{Answer, PhaseOutcome, Scenario, Simulation, Stress, World, WorldSettings};
use labkit::text::SourceText;

/// A table of the reference folder beside the recorded behaviour, or none with a loud word.
fn table(name: &str) -> Option<String> {
    let given = std::env::var_os("LABKIT_CONFORMANCE");
    let data = given.map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance"), PathBuf::from);
    let path = data.join("../reference").join(name);
    if let Ok(text) = std::fs::read_to_string(&path) {
        return Some(text);
    }
    assert!(
        std::env::var("LABKIT_REQUIRE").as_deref() != Ok("1"),
        "LABKIT_REQUIRE=1, but there is no table at {}",
        path.display()
    );
    eprintln!("SKIPPED: no table at {}; set LABKIT_CONFORMANCE", path.display());
    None
}

/// A Prometheus with one target, the VM, and one rule with `for: 3m`; intervals in seconds.
fn simulation(expr: &str, scrape: u32, evaluation: u32, cores: u32) -> Option<Simulation> {
    let release = (2, 42);
    let config = format!(
        "global: {{scrape_interval: {scrape}s, evaluation_interval: {evaluation}s}}\n\
         scrape_configs:\n- job_name: node\n  static_configs:\n  - targets: ['vm:9100']\n"
    );
    let quoted = expr.replace('\'', "''");
    let rules = format!("groups:\n- name: g\n  rules:\n  - alert: A\n    expr: '{quoted}'\n    for: 3m\n");
    let (config, _) =
        labkit::scrape::config::read(&SourceText::new("prometheus.yml", config), ReadAs::release(release));
    let config = config.expect("the configuration is right");
    let read_as = ReadRules::release(release);
    let (rules, errors) = labkit::rules::file::read(&SourceText::new("rules.yml", rules), &read_as);
    if errors.iter().any(|d| d.severity == labkit::text::Severity::Error) {
        return None;
    }
    let around = Circumstances::of_release(release);
    let global = &config.global;
    let rules = rules.expect("the rules are YAML");
    let spec = |g: &labkit::rules::file::RuleGroup| {
        Arc::new(g.spec("rules.yml", global.evaluation_interval.value, global.rule_query_offset, around.dialect()))
    };
    let groups = rules.groups.iter().map(spec).collect();
    let setup = assemble(&config, groups, &around).setup;
    let config = Arc::new(EngineConfig { prometheus: Some(setup), alertmanager: None });
    let world = World::new(&config, vec![Answer::Node], &WorldSettings { cores, ..WorldSettings::default() });
    Some(Simulation::new(config, world))
}

fn stress(cores: u32, workers: u32, seconds: f64, idle_before: f64) -> Scenario {
    let stresses = vec![Stress { from: 0.0, to: seconds, workers }];
    Scenario { cores, stresses, idle_before, ..Scenario::single_stress(seconds) }
}

/// The outcome in the table's words.
fn words(outcome: &PhaseOutcome, seconds: f64) -> String {
    let before = |a: &&labkit::simulate::AlertSpan| a.active < -60.0;
    if outcome.alerts.iter().any(|a| before(&a) && a.fired.is_some_and(|f| f < 0.0)) {
        return "ALWAYS".to_owned();
    }
    if let Some(span) = outcome.alerts.iter().find(|a| a.fired.is_some()) {
        let after = span.ended.map(|e| e - seconds);
        let after = after.map_or_else(|| "never".to_owned(), |s| format!("{s:.0}s after end"));
        return format!("{:.0}s; resolved {after}", span.fired.unwrap_or(f64::NAN));
    }
    let during = outcome.alerts.iter().filter(|a| a.active >= 0.0);
    // The table counts from the first to the last evaluation that held.
    let held: f64 = during.filter_map(|a| Some(a.ended? - 5.0 - a.active)).fold(0.0, f64::max);
    if held > 0.0 { format!("no ({held:.0}s true)") } else { "no-series".to_owned() }
}

#[test]
fn public_expressions_fire_and_resolve_when_they_do_in_prometheus() {
    let Some(text) = table("cpu-expressions.tsv") else { return };
    let mut wrong = Vec::new();
    for line in text.lines().skip(1) {
        let f: Vec<&str> = line.split('\t').collect();
        // Cores, workers, minutes, and the column that says what happened.
        let runs = [(2, 2, 2.0, 5), (2, 2, 4.0, 6), (2, 2, 5.0, 7), (1, 1, 4.0, 11), (2, 1, 4.0, 12), (4, 4, 4.0, 13)];
        for (cores, workers, minutes, column) in runs {
            let (expr, wanted) = (f[0], f[column]);
            let got = match simulation(expr, 5, 5, cores) {
                None => "PARSE-ERROR".to_owned(),
                Some(simulation) => {
                    // The longest window of the table is an hour, and was full.
                    let scenario = stress(cores, workers, minutes * 60.0, 4200.0);
                    // The table's stress begins 2 s after a scrape and 1 s after an evaluation.
                    let load = scenario.load();
                    words(&simulation.outcome(&scenario, &load, &Phases::pair(0.6, 0.8)), minutes * 60.0)
                }
            };
            if got != wanted {
                let what = format!("{expr} ({cores} cores, {workers} workers, {minutes} min)");
                wrong.push(format!("{what}: wanted {wanted}, got {got}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the timing grid says of one window, scrape interval and evaluation interval, worked out anew. Its scrapes come
/// 2 s before the stress (modulo the interval), its evaluations at every whole second of the interval in turn.
fn grid_row(line: &str) -> String {
    let f: Vec<&str> = line.split('\t').collect();
    let (scrape, evaluation): (u32, u32) = (f[0].parse().expect("seconds"), f[2].parse().expect("seconds"));
    let (function, window) = f[1].split_once('[').expect("a function and its window");
    let seconds = 60.0 * f[3].trim_end_matches('m').parse::<f64>().expect("minutes");
    let rate = format!("{function}(node_cpu_seconds_total{{mode=\"idle\"}}[{window})");
    let expr = format!("100 - avg by (instance) ({rate}) * 100 > 90");
    let simulation = simulation(&expr, scrape, evaluation, 2).expect("the expression is right");
    let scenario = stress(2, 2, seconds, 600.0);
    let load = scenario.load();
    let interval = f64::from(scrape);
    let spans: Vec<(f64, f64)> = (0..evaluation)
        .filter_map(|second| {
            let phases = Phases::pair((interval - 2.0) / interval, f64::from(second) / f64::from(evaluation));
            let outcome = simulation.outcome(&scenario, &load, &phases);
            let fired = outcome.alerts.iter().find(|a| a.active >= 0.0 && a.fired.is_some())?;
            Some((fired.fired?, fired.ended? - seconds))
        })
        .collect();
    let share = spans.len() as f64 / f64::from(evaluation);
    let range = |pick: fn(&(f64, f64)) -> f64| {
        let all = spans.iter().map(pick);
        (all.clone().fold(f64::INFINITY, f64::min), all.fold(f64::NEG_INFINITY, f64::max))
    };
    let columns = if spans.is_empty() {
        "-\t-\t-".to_owned()
    } else {
        let ((first, last), (from, to)) = (range(|s| s.0), range(|s| s.1));
        format!("{first:.0}\t{last:.0}\t{from:.0}..{to:.0}")
    };
    format!("{}\t{share:.2}\t{columns}", f[..4].join("\t"))
}

#[test]
fn phases_fire_and_resolve_as_the_timing_grid_says() {
    let Some(text) = table("cpu-timing-grid.tsv") else { return };
    // Seven shares no factor with the table's periods: every window and every interval comes by.
    let step: usize = std::env::var("LABKIT_GRID_STEP").ok().and_then(|s| s.parse().ok()).unwrap_or(7);
    let wrong: Vec<String> = text
        .lines()
        .skip(1)
        .step_by(step)
        .filter_map(|line| {
            let got = grid_row(line);
            (got != line).then(|| format!("wanted {line}\ngot    {got}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
