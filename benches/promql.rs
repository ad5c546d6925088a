//! The evaluator's speed: range queries over a thousand series, and a rule evaluated hundreds of times.

#![allow(missing_docs)] // criterion_group! makes an undocumented function

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use labkit::model::Labels;
use labkit::promql::eval::{Options, Prepared};
use labkit::promql::{Dialect, ParseOptions, parse};
use labkit::tsdb::Tsdb;

/// Milliseconds between samples.
const STEP: i64 = 5_000;

fn store(series: usize, samples: i64) -> Tsdb {
    let mut db = Tsdb::new();
    for i in 0..series {
        let mode = ["idle", "user", "system", "iowait"][i % 4];
        let cpu = labels(
            "cpu_seconds_total",
            &[("instance", &format!("host{}", i / 8)), ("cpu", &format!("{}", i % 8 / 4)), ("mode", mode)],
        );
        let bound = ["0.1", "0.5", "1", "2.5", "+Inf"][i % 5];
        let took = labels("took_bucket", &[("instance", &format!("host{}", i / 5)), ("le", bound)]);
        let (cpu, took) = (db.series_ref(&cpu), db.series_ref(&took));
        for t in 0..samples {
            let _ = db.append(cpu, t * STEP, t as f64 * (1.0 + i as f64 / 100.0));
            let _ = db.append(took, t * STEP, (t * (1 + i as i64 % 5)) as f64);
        }
    }
    db
}

fn labels(name: &str, pairs: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(pairs.iter().copied().chain([("__name__", name)]))
}

fn prepared(query: &str) -> Prepared {
    let expr = parse(query, &ParseOptions::stock(Dialect::V3)).expect("a query of the benchmark");
    Prepared::new(&expr, &Options::new(Dialect::V3))
}

fn ranges(c: &mut Criterion) {
    let db = store(1_000, 1_440);
    let end = 1_439 * STEP;
    for (name, query) in [
        ("rate", "rate(cpu_seconds_total[1m])"),
        ("sum_by_rate", "sum by (instance) (rate(cpu_seconds_total[1m]))"),
        ("subquery", "max_over_time(rate(cpu_seconds_total{mode=\"idle\"}[1m])[5m:30s])"),
        ("histogram_quantile", "histogram_quantile(0.9, sum by (instance, le) (rate(took_bucket[1m])))"),
    ] {
        let mut query = prepared(query);
        c.bench_function(&format!("range/{name}"), |b| {
            b.iter(|| black_box(query.range(&db, 0, end, STEP).expect("an answer")));
        });
    }
}

fn rules(c: &mut Criterion) {
    let db = store(8, 276);
    let mut query = prepared("100 - avg by (instance) (rate(cpu_seconds_total{mode=\"idle\"}[1m])) * 100 > 80");
    c.bench_function("rule/276_evaluations", |b| {
        b.iter(|| {
            for t in 0..276 {
                black_box(query.instant(&db, t * STEP).expect("an answer"));
            }
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = ranges, rules
}
criterion_main!(benches);
