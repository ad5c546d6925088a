//! The limits of a query end it with the errors of a real server, and only beyond the limit.

use labkit::model::Labels;
use labkit::promql::eval::{Options, Prepared};
use labkit::promql::{Dialect, ParseOptions, parse};
use labkit::tsdb::Tsdb;

/// The error of a query over ten minutes of one series at 5 s, or none.
fn error(query: &str, options: &Options) -> Option<String> {
    let mut db = Tsdb::new();
    let r = db.series_ref(&Labels::from_pairs([("__name__", "x")]));
    for i in 0..=120 {
        db.append(r, i * 5_000, i as f64).expect("in order");
    }
    let expr = parse(query, &ParseOptions::experimental(Dialect::V3)).expect("a query");
    Prepared::new(&expr, options).instant(&db, 600_000).err().map(|e| e.to_string())
}

#[test]
fn more_samples_than_allowed_are_an_error() {
    let with = |max_samples| Options { max_samples, ..Options::new(Dialect::V3) };
    let words = "query processing would load too many samples into memory in query execution";
    assert_eq!(error("sum_over_time(x[10m])", &with(200)), None);
    assert_eq!(error("sum_over_time(x[10m])", &with(50)).as_deref(), Some(words));
    assert_eq!(error("sum_over_time(vector(1)[100d:1ms])", &with(50_000_000)).as_deref(), Some(words));
}

#[test]
fn a_query_without_end_is_timed_out() {
    let with = |budget| Options { budget, ..Options::new(Dialect::V3) };
    let query = "quantile_over_time(0.5, vector(1)[10m:1s])";
    assert_eq!(error(query, &with(1_000_000)), None);
    assert_eq!(error(query, &with(100)).as_deref(), Some("query timed out in expression evaluation"));
}
