//! The embedded Alertmanager against recordings of the real 0.25 that random input was given to: when it told whom of
//! what (30 scenarios of 5 to 24 seconds: many groups, silences that come and go, inhibition that flips, alerts that end
//! inside of `group_wait`, receivers that fail or are slow, reloads), and what its templates expanded to (280 texts, 110
//! of them wrong).

use std::path::Path;
use std::process::Command;

fn passes(suite: &str, path: &str, count: u64) {
    let output = Command::new(env!("CARGO_BIN_EXE_labkit"))
        .args(["conformance", suite, "--json"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/alertmanager").join(path))
        .output()
        .expect("labkit runs");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&report["passed"], &report["failed"]), (&count.into(), &0.into()), "{:#}", report["failures"]);
}

#[test]
fn messages_come_when_the_real_alertmanager_sent_them() {
    passes("alertmanager-timing", "timing-0.25", 30);
}

#[test]
fn texts_expand_to_the_bytes_or_the_error_of_the_real_templates() {
    passes("alertmanager-templates", "templates-0.25/cases.json", 280);
}
