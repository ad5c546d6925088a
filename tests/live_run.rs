//! The machine against a recorded five-minute run of Prometheus 2.42: when it scrapes, what it posts to Alertmanager
//! and when, to the evaluation and to the letter.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a test that is skipped says so loudly")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use labkit::engine::{
    Circumstances, Engine, EngineConfig, Event, Input, Output, Phases, ScrapeOutcome, SendOutcome, assemble,
};
use labkit::model::Time;
use labkit::promql::Dialect;
use labkit::rules::file::ReadRules;
use labkit::rules::notifier::post_body;
use labkit::scrape::config::ReadAs;
use labkit::scrape::read::read_page;
use labkit::text::SourceText;
use serde_json::Value;

/// When the run's own clock was zero.
const ZERO_NS: i64 = 1_795_290_046_819_809_000;

/// The folder of the recorded run, or none with a loud word.
fn recorded() -> Option<PathBuf> {
    let given = std::env::var_os("LABKIT_CONFORMANCE");
    let data = given.map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance"), PathBuf::from);
    let path = data.join("prometheus-2.42/live-run");
    if path.is_dir() {
        return Some(path);
    }
    assert!(
        std::env::var("LABKIT_REQUIRE").as_deref() != Ok("1"),
        "LABKIT_REQUIRE=1, but there is no recorded run at {}",
        path.display()
    );
    eprintln!("SKIPPED: no recorded run at {}; set LABKIT_CONFORMANCE", path.display());
    None
}

/// The fake exporter's page at a time of the run's own clock.
fn page(seconds: f64) -> Result<String, String> {
    if (110.0..130.0).contains(&seconds) {
        return Err("server returned HTTP status 500 Internal Server Error".to_owned());
    }
    let cond = u8::from((30.0..75.0).contains(&seconds));
    let gone = if seconds < 90.0 { "gone{x=\"b\"} 5\n" } else { "" };
    Ok(format!(
        "cond{{x=\"a\"}} {cond}\n{gone}big 1234567\nbig2 123456789012345680000\nsmall 0.00001234\nfrac 0.1\nhun 100000\nmil 1000000\n"
    ))
}

fn engine(folder: &Path) -> Engine {
    let source = |name: &str| {
        SourceText::new(name, std::fs::read_to_string(folder.join(name)).expect("a file of the recorded run"))
    };
    let release = (2, 42);
    let around = Circumstances {
        fqdn: "localhost".into(),
        external_url: "http://lab.example:19090".into(),
        ..Circumstances::of_release(release)
    };
    let (config, _) = labkit::scrape::config::read(&source("prometheus.yml"), ReadAs::release(release));
    let config = config.expect("the configuration is right");
    let (rules, _) = labkit::rules::file::read(&source("rules.yml"), &ReadRules::release(release));
    let global = &config.global;
    let rules = rules.expect("the rules are right");
    let groups = rules.groups.iter().map(|g| {
        Arc::new(g.spec("rules.yml", global.evaluation_interval.value, global.rule_query_offset, Dialect::V2_42))
    });
    let setup = assemble(&config, groups.collect(), &around).setup;
    let config = EngineConfig { prometheus: Some(setup), alertmanager: None };
    // The rule file's own path is not in the record; the slots are.
    let groups = vec![("g1".into(), 895_741_061), ("g2".into(), 6_247_474_676)];
    Engine::new(Arc::new(config), &Phases { groups, ..Phases::default() }, Time(ZERO_NS + 400_000_000))
}

/// Runs until `until`; gives the times of the fake exporter's scrapes.
fn run(engine: &mut Engine, until: Time) -> Vec<Time> {
    let mut scrapes = Vec::new();
    while let Some(now) = engine.next_wakeup().filter(|t| *t <= until) {
        for output in engine.poll(now) {
            let Output::Scrape { target, at } = output else { continue };
            let outcome = match target.0 {
                0 => {
                    scrapes.push(at);
                    let body = page(at.since(Time(ZERO_NS)) as f64 / 1e9);
                    body.and_then(|b| read_page(b.as_bytes(), "text/plain", None, Dialect::V2_42))
                }
                _ => Err("dial tcp 127.0.0.1:19102: connect: connection refused".to_owned()),
            };
            let outcome = outcome.map_or_else(ScrapeOutcome::Failed, ScrapeOutcome::Page);
            engine.handle(now, Input::Scraped { target, began: at, outcome });
        }
    }
    scrapes
}

#[test]
fn scrapes_happen_when_the_real_server_made_them() {
    let Some(folder) = recorded() else { return };
    let text = std::fs::read_to_string(folder.join("scrape-requests.tsv")).expect("the recorded scrapes");
    let wanted: Vec<f64> =
        text.lines().skip(1).map(|l| l.split('\t').next().expect("a column").parse().expect("a time")).collect();
    let end = wanted.last().expect("there are scrapes") + 0.1;
    let scrapes = run(&mut engine(&folder), Time::from_secs_f64(end));
    assert_eq!(scrapes.len(), wanted.len());
    for (at, wanted) in scrapes.iter().zip(wanted) {
        assert!((at.secs_f64() - wanted).abs() < 0.015, "{} instead of {wanted}", at.secs_f64());
    }
}

#[test]
fn alerts_are_posted_when_and_as_the_real_server_posted_them() {
    let Some(folder) = recorded() else { return };
    let text = std::fs::read_to_string(folder.join("alertmanager-posts.jsonl")).expect("the recorded posts");
    let mut wanted: Vec<(i64, String)> = Vec::new();
    for line in text.lines() {
        let post: Value = serde_json::from_str(line).expect("a recorded post");
        let ms = (post["t_wall"].as_f64().expect("a time") * 1000.0) as i64;
        for alert in post["body"].as_array().expect("a list of alerts") {
            wanted.push((ms, alert.to_string()));
        }
    }
    let mut engine = engine(&folder);
    run(&mut engine, Time::from_millis(wanted.last().expect("there are posts").0 + 100));
    let mut posted: Vec<(i64, String)> = Vec::new();
    for entry in engine.journal().entries() {
        if let Event::Sent { alerts, outcome, .. } = &entry.event
            && *outcome != SendOutcome::NoAlertmanager
        {
            let body = post_body(alerts);
            posted.extend(body.as_array().into_iter().flatten().map(|a| (entry.at.millis(), a.to_string())));
        }
    }
    for (ms, alert) in &wanted {
        let near = |(t, text): &(i64, String)| (0..40).contains(&(ms - t)) && text == alert;
        let Some(at) = posted.iter().position(near) else {
            let same_time: Vec<_> = posted.iter().filter(|(t, _)| (0..40).contains(&(ms - t))).collect();
            panic!("not posted at {ms}: {alert}\nposted then: {same_time:#?}");
        };
        posted.remove(at);
    }
    assert!(posted.is_empty(), "posted beside: {posted:#?}");
}
