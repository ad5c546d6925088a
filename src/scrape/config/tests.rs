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

#[test]
fn oddities_of_2_42_are_judged_as_promtool_judged_them() {
    let job = |rest: &str| format!("scrape_configs: [{{job_name: a, {rest}}}]\n");
    let scaleway = |rest: &str| {
        let id = "11111111-1111-1111-1111-111111111111";
        job(&format!(
            "scaleway_sd_configs: [{{role: instance, access_key: SCWXXXXXXXXXXXXXXXXX, secret_key: {id}, {rest}}}]"
        ))
    };
    let both = "basic_auth: {username: u}, authorization: {credentials: c}";
    for (text, wanted) in [
        (job("relabel_configs: [{action: lowercase, source_labels: [x], target_label: '$1'}]"), ""),
        (job("relabel_configs: [{action: keepequal, source_labels: [x], target_label: 'a$1'}]"), ""),
        (
            job("relabel_configs: [{action: hashmod, modulus: 2, target_label: 'a$1'}]"),
            "\"a$1\" is invalid 'target_label' for hashmod action",
        ),
        (job(&format!("http_sd_configs: [{{url: 'http://h', {both}}}]")), ""),
        (
            job(&format!("azure_sd_configs: [{{authentication_method: ManagedIdentity, subscription_id: s, {both}}}]")),
            "",
        ),
        (
            job(&format!("vultr_sd_configs: [{{{both}}}]")),
            "at most one of basic_auth, oauth2 & authorization must be configured",
        ),
        (job("docker_sd_configs: '1d'"), "line 1: cannot unmarshal !!str `1d` into []*moby.DockerSDConfig"),
        (job("params: {a: [x], a: [y]}"), "line 1: key \"a\" already set in map"),
        (job("no_proxy: x"), "line 1: field no_proxy not found in type config.ScrapeConfig"),
        (job("basic_auth: {username_file: u}"), "line 1: field username_file not found in type config.plain"),
        (
            scaleway("project_id: p"),
            "scaleway-sdk-go: invalid project ID format 'p', expected a UUID: xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
        ),
        (
            scaleway("project_id: 11111111-1111-1111-1111-111111111111, zone: fr-par"),
            "scaleway-sdk-go: invalid default zone format 'fr-par', available zones are: fr-par-1, fr-par-2, fr-par-3, \
             nl-ams-1, nl-ams-2, pl-waw-1, pl-waw-2",
        ),
        (scaleway("project_id: 11111111-1111-1111-1111-111111111111, zone: aa-bbb-1"), ""),
        (
            "remote_read: [{url: 'http://r', required_matchers: {a-b: c}}]\n".to_owned(),
            "\"a-b\" is not a valid label name",
        ),
    ] {
        let (_, found) = read(&SourceText::new("p", text.as_str()), ReadAs::release((2, 42)));
        let words: Vec<String> =
            found.iter().map(|d| d.upstream.clone().unwrap_or_else(|| d.message.clone())).collect();
        assert_eq!(words.join(" | "), wanted, "{text}");
    }
    let late = job(&format!("http_sd_configs: [{{url: 'http://h', {both}}}]"));
    assert!(!read(&SourceText::new("p", late), ReadAs::release((2, 48))).1.is_empty());
}
