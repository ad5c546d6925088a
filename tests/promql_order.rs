//! In which order series and complaints come, as a real 2.42 server was seen to give them.

use labkit::model::{Labels, METRIC_NAME};
use labkit::promql::api::{answer_body, error_body};
use labkit::promql::eval::Options;
use labkit::promql::request::{Given, Request, evaluate};
use labkit::promql::value::Value;
use labkit::promql::{Dialect, ParseOptions, parse, print};
use labkit::tsdb::Tsdb;

/// Gauges named `m`, one a label value, created in the order given.
fn store(values: &[(&str, f64)]) -> Tsdb {
    let mut db = Tsdb::new();
    for (x, value) in values {
        let r = db.series_ref(&Labels::from_pairs([(METRIC_NAME, "m"), ("x", x)]));
        db.append(r, 0, *value).expect("in order");
    }
    db
}

/// The label values in the answer's order.
fn order(db: &Tsdb, query: &str, options: &Options) -> String {
    let request = Request { query: query.to_owned(), time: Some(Given::Seconds(1.0)), ..Request::default() };
    match evaluate(db, &request, options).expect("an answer").value {
        Value::Vector(samples) => samples.iter().map(|s| s.labels.get("x").unwrap_or("?")).collect(),
        other => panic!("{other:?}"),
    }
}

fn answer(db: &Tsdb, request: &Request, dialect: Dialect) -> String {
    match evaluate(db, request, &Options::new(dialect)) {
        Ok(answer) => answer_body(&answer, &request.query, dialect),
        Err(e) => error_body(&e, dialect),
    }
}

#[test]
fn a_2_42_server_selects_in_order_of_labels_and_others_in_order_of_creation() {
    let db = store(&[("b", 1.0), ("c", 1.0), ("a", 1.0)]);
    assert_eq!(order(&db, "m", &Options::new(Dialect::V2_42)), "abc");
    assert_eq!(order(&db, "m", &Options::small(Dialect::V2_42)), "bca");
    assert_eq!(order(&db, "m", &Options::new(Dialect::V3)), "bca");
    assert_eq!(order(&db, "topk(1, m)", &Options::new(Dialect::V2_42)), "a");
    assert_eq!(order(&db, "rate(m[1m] offset -1m) or m * 2", &Options::new(Dialect::V2_42)), "abc");
}

#[test]
fn a_new_series_takes_its_place_in_the_order() {
    let mut db = store(&[("b", 1.0), ("c", 2.0)]);
    let expr = parse("m", &ParseOptions::stock(Dialect::V2_42)).expect("a query");
    let mut prepared = labkit::promql::eval::Prepared::new(&expr, &Options::new(Dialect::V2_42));
    let mut values = |db: &Tsdb| match prepared.instant(db, 1_000).expect("an answer").value {
        Value::Vector(samples) => samples.iter().map(labkit::promql::value::Sample::float).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(values(&db), [1.0, 2.0]);
    let r = db.series_ref(&Labels::from_pairs([(METRIC_NAME, "m"), ("x", "a")]));
    db.append(r, 0, 3.0).expect("in order");
    assert_eq!(values(&db), [3.0, 1.0, 2.0]);
}

#[test]
fn equal_values_and_nan_are_sorted_as_by_go() {
    let nan = f64::NAN;
    let db = store(&[("x", nan), ("y", nan), ("z", nan)]);
    assert_eq!(order(&db, "sort(m)", &Options::new(Dialect::V2_42)), "zyx");
    let names: Vec<String> = ('a'..='p').map(String::from).collect();
    let many: Vec<(&str, f64)> = names.iter().map(|n| (n.as_str(), 1.0)).collect();
    let db = store(&many);
    // Beyond twelve elements the order of equal ones is that of Go's quicksort.
    assert_eq!(order(&db, "sort(m)", &Options::new(Dialect::V2_42)), "abcdefghijklmnop");
    let mixed: Vec<(&str, f64)> = names.iter().enumerate().map(|(i, n)| (n.as_str(), (i * 5 % 3) as f64)).collect();
    let db = store(&mixed);
    assert_eq!(order(&db, "sort(m)", &Options::new(Dialect::V2_42)), "gpmdjaiflcoheknb");
    assert_eq!(order(&db, "sort_desc(m)", &Options::new(Dialect::V2_42)), "hbnkeiflcogajdmp");
}

#[test]
fn strings_are_looked_at_after_the_vector_in_2_42_and_before_it_in_3() {
    let db = store(&[("a", 1.0)]);
    let query = "label_replace(m + on () group_left () (m or label_replace(m, \"x\", \"b\", \"\", \"\")), \"x\", \"\", \"x\", \"(\")";
    let request = |query: &str| Request { query: query.into(), time: Some(Given::Seconds(1.0)), ..Request::default() };
    let error = |query: &str, dialect| answer(&db, &request(query), dialect);
    assert!(error(query, Dialect::V2_42).contains("found duplicate series"));
    assert!(error(query, Dialect::V3).contains("invalid regular expression in label_replace(): ("));
    let none = "changes(label_join(m, \"bad-\", \"\", \"x\")[1s:1h] offset 7s)";
    assert!(error(none, Dialect::V2_42).contains("\"result\":[]"));
    let count = "count_values(\"bad-\", topk(NaN, m))";
    assert!(error(count, Dialect::V2_42).contains("Scalar value NaN overflows int64"));
}

#[test]
fn a_refused_query_over_a_range_names_its_parameter_in_3_alone() {
    let db = store(&[]);
    let range = |query: &str| Request {
        query: query.into(),
        start: Some(Given::Seconds(0.0)),
        end: Some(Given::Seconds(1.0)),
        step: Some(Given::Seconds(1.0)),
        ..Request::default()
    };
    for query in ["m[", "m[5m]"] {
        let named = "\"error\":\"invalid parameter \\\"query\\\": ";
        assert!(!answer(&db, &range(query), Dialect::V2_42).contains(named));
        assert!(answer(&db, &range(query), Dialect::V3).contains(named));
    }
}

#[test]
fn a_time_that_no_integer_holds_wraps_as_in_go() {
    let expr = parse("m @ 9223372036854775", &ParseOptions::stock(Dialect::V2_42)).expect("a query");
    assert_eq!(print(&expr, Dialect::V2_42), "m @ -9223372036854776.000");
}
