//! What Prometheus 2.42 says of expressions, right and broken: recorded from its promtool.
#![allow(clippy::print_stderr)] // a skipped test says so

use labkit::promql::{Dialect, ParseOptions, parse};

#[test]
fn errors_of_2_42_are_the_same_to_the_byte() {
    let options = ParseOptions::stock(Dialect::V2_42);
    let mut wrong = Vec::new();
    let cases = include_str!("../fixtures/promql/answers-2.42.jsonl");
    for line in cases.lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("the fixture is JSON lines");
        let expr = case["expr"].as_str().expect("every case has an expression");
        let wanted = case["error"].as_str().map(str::to_owned);
        let got = parse(expr, &options).err().map(|e| e.to_string());
        if got != wanted {
            wrong.push(format!("{expr:?}\n  wanted {wanted:?}\n  got    {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.lines().count(), wrong.join("\n"));
}

/// The parse errors among the recorded answers of the acceptance data.
#[test]
fn recorded_parse_errors_are_the_same_to_the_byte() {
    let root = std::env::var_os("LABKIT_CONFORMANCE").map_or_else(
        || std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance"),
        std::path::PathBuf::from,
    );
    let path = root.join("prometheus-2.42/promql-oracle.jsonl");
    if !path.exists() {
        assert!(std::env::var("LABKIT_REQUIRE").as_deref() != Ok("1"), "{} is missing", path.display());
        eprintln!("SKIPPED: {} is missing, set LABKIT_CONFORMANCE", path.display());
        return;
    }
    let options = ParseOptions::stock(Dialect::V2_42);
    let text = std::fs::read_to_string(path).expect("the answers can be read");
    let mut compared = 0;
    for line in text.lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("JSON lines");
        let expr = case["expr"].as_str().expect("every case has an expression");
        let wanted = case["error"].as_str().filter(|e| e.contains("parse error"));
        let got = parse(expr, &options).err().map(|e| e.to_string());
        assert_eq!(got.as_deref(), wanted, "{expr}");
        compared += usize::from(wanted.is_some());
    }
    assert!(compared > 40, "{compared} parse errors");
}
