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
fn times_are_read_as_the_api_reads_them() {
    let time = |text: &str| {
        Given::Text(text.into()).time("time").map_err(|e| e.to_string().split_once(": ").map(|(_, why)| why.to_owned()))
    };
    for (text, ms) in [
        ("1700000000.0005", 1_700_000_000_000),
        ("1700000000.9996", 1_700_000_001_000),
        ("-1.5", -1_500),
        ("1_000", 1_000_000),
        ("NaN", -9_223_372_036_854),
        ("9223372036854775", 192),
        ("2023-11-14T22:13:20.5+02:00", 1_699_992_800_500),
        ("-292273086-05-16T16:47:06Z", 6_795_364_580_679),
    ] {
        assert_eq!(time(text), Ok(ms), "{text}");
    }
    for text in ["abc", "2023-11-14 22:13:20Z", "2023-11-14t22:13:20z", "2023-11-14T22:13:60Z", " 1", "1e400"] {
        let words = format!("Invalid time value for 'time': cannot parse \"{text}\" to a valid timestamp");
        assert_eq!(time(text), Err(Some(words)), "{text}");
    }
}

#[test]
fn a_step_may_not_be_longer_than_an_integer_of_nanoseconds() {
    let step = |text: &str| Given::Text(text.into()).duration().map_err(|e| e.to_string());
    assert_eq!(step("1_0"), Ok(10_000_000_000));
    assert_eq!(step("NaN"), Ok(i64::MIN));
    for (text, tail) in [("9223372037", ". It overflows int64"), ("Inf", ". It overflows int64"), ("1.5m", "")] {
        let wanted = format!("invalid parameter \"step\": cannot parse \"{text}\" to a valid duration{tail}");
        assert_eq!(step(text), Err(wanted), "{text}");
    }
}

#[test]
fn a_time_that_no_integer_holds_wraps_as_in_go() {
    let expr = parse("m @ 9223372036854775", &ParseOptions::stock(Dialect::V2_42)).expect("a query");
    assert_eq!(print(&expr, Dialect::V2_42), "m @ -9223372036854776.000");
}
