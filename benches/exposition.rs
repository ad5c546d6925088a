//! How fast pages are read. The page is like Node Exporter's: long names, many labels, small numbers.

#![allow(missing_docs)] // criterion_group! makes an undocumented function

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use labkit::exposition::{Entry, Format, Page};
use labkit::promql::Dialect;

fn page() -> String {
    let mut text = String::new();
    for family in 0..60 {
        text.push_str(&format!("# HELP node_family_{family}_seconds_total Seconds spent in family {family}.\n"));
        text.push_str(&format!("# TYPE node_family_{family}_seconds_total counter\n"));
        for cpu in 0..4 {
            for mode in ["idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user"] {
                let value = f64::from(family * 1000 + cpu) + 0.25;
                text.push_str(&format!(
                    "node_family_{family}_seconds_total{{cpu=\"{cpu}\",mode=\"{mode}\"}} {value}\n"
                ));
            }
        }
        text.push_str(&format!("node_family_{family}_bytes 1.6777216e+0{}\n", family % 9));
    }
    text
}

fn read(c: &mut Criterion) {
    let text = page();
    let mut group = c.benchmark_group("exposition");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("text", |b| {
        b.iter(|| {
            let page = Page::new(text.as_bytes());
            let mut sum = 0.0;
            for entry in page.entries(Format::Text, Dialect::V3).flatten() {
                if let Entry::Series(series) = entry {
                    sum += series.value + series.raw.len() as f64;
                }
            }
            sum
        });
    });
    group.bench_function("text with labels", |b| {
        b.iter(|| {
            let page = Page::new(text.as_bytes());
            let mut length = 0;
            for entry in page.entries(Format::Text, Dialect::V3).flatten() {
                if let Entry::Series(series) = entry {
                    length += series.labels().map(|(n, v)| n.len() + v.len()).sum::<usize>();
                }
            }
            length
        });
    });
    group.finish();
}

criterion_group!(benches, read);
criterion_main!(benches);
