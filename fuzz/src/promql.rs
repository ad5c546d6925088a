//! PromQL: what is read is printed and read again as the same tree; evaluation ends within its budget.

use std::sync::{Arc, OnceLock};

use labkit::model::{FloatHistogram, Labels};
use labkit::promql::ast::Expr;
use labkit::promql::eval::{Options, Prepared};
use labkit::promql::{Dialect, ParseOptions, parse, parse_metric, parse_series_description, prettify, print};
use labkit::tsdb::Tsdb;

/// Reads, prints, evaluates in both dialects.
pub fn run(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    for options in [ParseOptions::stock(Dialect::V2_42), ParseOptions::experimental(Dialect::V3)] {
        let _ = parse_metric(text, options.dialect);
        let _ = parse_series_description(text, options.dialect);
        match parse(text, &options) {
            Ok(expr) => {
                survives_printing(text, &expr, &options);
                evaluate(&expr, options.dialect);
            }
            Err(e) => assert!(!e.message.is_empty() && e.line > 0 && e.column > 0),
        }
    }
}

/// Whether printing loses something in the real program too: bytes that are no UTF-8, `ignoring ()` in 2.42, and the
/// numbers and ranges that have no notation.
fn is_lossy(text: &str, printed: &str, dialect: Dialect) -> bool {
    printed.contains('\u{FFFD}')
        || dialect == Dialect::V2_42 && text.contains("ignoring")
        || printed.contains("[0s") && dialect == Dialect::V2_42
}

fn survives_printing(text: &str, expr: &Expr, options: &ParseOptions) {
    for printed in [print(expr, options.dialect), prettify(expr, options.dialect)] {
        if is_lossy(text, &printed, options.dialect) {
            continue;
        }
        let again = parse(&printed, options).unwrap_or_else(|e| panic!("{text:?} is printed as {printed:?}: {e}"));
        assert_eq!(print(&again, options.dialect), print(expr, options.dialect), "{text:?} is printed as {printed:?}");
        assert_eq!(parts(&again), parts(expr), "{text:?} is printed as {printed:?}");
    }
}

/// Everything in the tree but places, sorted, as the printer sorts matchers.
fn parts(expr: &Expr) -> Vec<String> {
    let text = format!("{expr:#?}");
    let mut lines: Vec<String> = Vec::new();
    let mut place = 0;
    for line in text.lines() {
        let line = line.trim();
        if line.ends_with("Span {") {
            place = 4;
        }
        if place > 0 {
            place -= 1;
        } else {
            lines.push(line.to_owned());
        }
    }
    lines.sort_unstable();
    lines
}

fn evaluate(expr: &Expr, dialect: Dialect) {
    let options = Options { budget: 50_000, ..Options::small(dialect) };
    let mut prepared = Prepared::new(expr, &options);
    let _ = prepared.instant(store(), 600_000);
    let _ = prepared.range(store(), 300_000, 600_000, 60_000);
}

/// A few series of each kind: 20 minutes, a sample a minute.
pub fn store() -> &'static Tsdb {
    static STORE: OnceLock<Tsdb> = OnceLock::new();
    STORE.get_or_init(|| {
        let mut db = Tsdb::new();
        let histogram = FloatHistogram {
            count: 7.0,
            sum: 12.5,
            zero_count: 1.0,
            zero_threshold: 0.001,
            positive: vec![(0, 2.0), (1, 3.0)],
            negative: vec![(2, 1.0)],
            ..FloatHistogram::default()
        };
        for (name, pairs) in [
            ("a", &[("x", "1")][..]),
            ("a", &[("x", "2"), ("le", "0.5")]),
            ("b", &[("x", "1"), ("y", "p")]),
            ("b", &[("x", "1"), ("y", "q")]),
            ("c_bucket", &[("le", "0.1")]),
            ("c_bucket", &[("le", "+Inf")]),
            ("h", &[("x", "1")]),
        ] {
            let labels = Labels::from_pairs([("__name__", name)].into_iter().chain(pairs.iter().copied()));
            let series = db.series_ref(&labels);
            for minute in 0..20_i64 {
                let value = (minute % 7 + labels.len() as i64) as f64;
                let appended = if name == "h" {
                    let mut h = histogram.clone();
                    h.multiply(value);
                    db.append_histogram(series, minute * 60_000, Arc::new(h))
                } else {
                    db.append(series, minute * 60_000, value)
                };
                appended.expect("samples come in order");
            }
        }
        db
    })
}
