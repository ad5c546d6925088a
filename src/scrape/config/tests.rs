//! Students' mistakes and what is said of them.

use super::*;

fn errors(text: &str) -> Vec<String> {
    let (_, found) = read(&SourceText::new("prometheus.yml", text), ReadAs::release((3, 11)));
    found.iter().map(|d| d.upstream.clone().unwrap_or_else(|| d.message.clone())).collect()
}

fn help(text: &str) -> String {
    let (_, found) = read(&SourceText::new("prometheus.yml", text), ReadAs::release((3, 11)));
    found.first().and_then(|d| d.help.clone()).unwrap_or_default()
}

#[test]
fn all_errors_of_a_file_are_reported_at_once() {
    let text = "global:\n  scrape_interval: 5\nrules: []\nscrape_configs:\n- job_name: a\n  static_config: []\n- job_name: a\n";
    assert_eq!(
        errors(text),
        [
            "not a valid duration string: \"5\"",
            "line 3: field rules not found in type config.plain",
            "line 6: field static_config not found in type config.ScrapeConfig",
            "found multiple scrape configs with job name \"a\"",
        ]
    );
}

#[test]
fn a_misplaced_field_is_sent_where_it_belongs() {
    assert!(help("evaluation_interval: 5s\n").contains("global"));
    assert!(help("rules:\n- alert: x\n").contains("rule_files"));
    assert!(help("scrape_configs:\n- job_name: a\n  static_config: []\n").contains("static_configs"));
    assert!(help("global:\n  scrape_interval: 15 seconds\n").contains("15s"));
}

#[test]
fn a_job_inherits_from_global_and_a_short_interval_shortens_the_timeout() {
    let text =
        "global: {scrape_interval: 5s}\nscrape_configs:\n- {job_name: a}\n- {job_name: b, scrape_interval: 2m}\n";
    let (config, found) = read(&SourceText::new("p", text), ReadAs::release((2, 42)));
    assert!(found.is_empty(), "{found:?}");
    let config = config.expect("it is valid");
    let timing: Vec<(i64, i64)> = config
        .scrape_configs
        .iter()
        .map(|j| (j.scrape_interval.value.millis(), j.scrape_timeout.value.millis()))
        .collect();
    assert_eq!(timing, [(5_000, 5_000), (120_000, 5_000)]);
}

#[test]
fn a_field_of_a_later_release_is_refused_with_the_release_that_has_it() {
    let text = "scrape_config_files: [a.yml]\n";
    let (_, found) = read(&SourceText::new("p", text), ReadAs::release((2, 42)));
    assert!(found[0].help.as_deref().is_some_and(|h| h.contains("v2.43")), "{found:?}");
    assert!(errors(text).is_empty());
}

#[test]
fn an_address_with_a_scheme_is_told_how_to_be_written() {
    let text = "scrape_configs:\n- job_name: a\n  static_configs:\n  - targets: ['http://localhost:9000/metrics']\n";
    assert_eq!(errors(text), ["\"http://localhost:9000/metrics\" is not a valid hostname"]);
    assert!(help(text).contains("`localhost:9000`"));
}
