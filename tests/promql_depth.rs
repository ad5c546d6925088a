//! However deep or long a query is, an ordinary thread's stack is enough: it is answered or refused, never a crash.

use labkit::model::Labels;
use labkit::promql::eval::{Options, Prepared};
use labkit::promql::{Dialect, MAX_OPERATORS, ParseOptions, parse, print};
use labkit::tsdb::Tsdb;

/// What threads have unless they ask for more.
const STACK: usize = 2 << 20;

fn on_an_ordinary_thread(f: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(f).expect("a thread");
    thread.join().expect("the thread ends well");
}

fn store() -> Tsdb {
    let mut db = Tsdb::new();
    let r = db.series_ref(&Labels::from_pairs([("__name__", "x"), ("job", "a")]));
    for i in 0..10 {
        db.append(r, i * 60_000, i as f64).expect("in order");
    }
    db
}

/// Reads, copies, prints and evaluates; whether it could be read.
fn survives(text: &str) -> bool {
    let Ok(expr) = parse(text, &ParseOptions::experimental(Dialect::V3)) else { return false };
    let copy = expr.clone();
    assert!(copy == expr && !print(&copy, Dialect::V3).is_empty());
    let db = store();
    let mut query = Prepared::new(&expr, &Options::new(Dialect::V3));
    let _ = query.instant(&db, 300_000);
    let _ = query.range(&db, 0, 300_000, 60_000);
    true
}

#[test]
fn nesting_is_refused_or_answered() {
    on_an_ordinary_thread(|| {
        for (open, close) in [
            ("(", ")"),
            ("-", ""),
            ("abs(", ")"),
            ("sum(", ")"),
            ("vector(scalar(", "))"),
            ("1 + (", ")"),
            ("x == ", ""),
            ("2 ^ ", ""),
            ("label_replace(", ", \"a\", \"b\", \"c\", \"d\")"),
            ("max_over_time((", ")[1m:1m])"),
            ("topk(scalar(x), ", ")"),
            ("histogram_quantile(0.9, ", ")"),
        ] {
            let nested = |n: usize| format!("{}x{}", open.repeat(n), close.repeat(n));
            assert!(survives(&nested(20)), "{open}");
            // As deep as can be read.
            let deepest = (20..260).rev().find(|n| survives(&nested(*n)));
            assert!(deepest.is_some(), "{open}");
            survives(&nested(20_000));
        }
    });
}

#[test]
fn chains_of_thousands_are_answered_in_time_in_proportion() {
    on_an_ordinary_thread(|| {
        for link in [" + x", " == 1", " or x", " + 1", " * x @ 10", " + (x - 1)"] {
            let chain = |first: &str, n: usize| format!("{first}{}", link.repeat(n));
            assert!(survives(&chain("x", MAX_OPERATORS / 2 - 1)), "{link}");
            assert!(!survives(&chain("x", MAX_OPERATORS + 1)), "{link}");
        }
        assert!(survives(&format!("1{}", " + 1".repeat(20_000))));
    });
}
