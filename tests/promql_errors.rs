//! What Prometheus 2.42 says of expressions, right and broken: recorded from its promtool.

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
