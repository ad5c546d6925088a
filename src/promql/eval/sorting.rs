//! `sort`, `sort_desc`, `sort_by_label`, `sort_by_label_desc`: they order an instant query's answer, nothing else.

use std::cmp::Ordering;
use std::sync::Arc;

use super::table::{Table, is_absent, is_histogram};
use crate::golang::GoVersion;
use crate::golang::sort::sort;
use crate::model::Labels;
use crate::promql::Dialect;

/// What to sort by.
#[derive(Debug)]
pub(crate) enum Sorting {
    ByValue { descending: bool },
    ByLabels { labels: Vec<Arc<str>>, descending: bool },
}

impl Sorting {
    pub fn apply(&self, mut table: Table, dialect: Dialect) -> Table {
        if let Self::ByValue { .. } = self {
            // Histograms have no place in an order of numbers.
            for i in 0..table.cells.len() {
                if is_histogram(table.cells[i]) {
                    table.clear(i);
                }
            }
        }
        if table.steps != 1 {
            return table;
        }
        let mut order: Vec<u32> = table.row_order().filter(|r| !is_absent(table.cells[*r])).map(|r| r as u32).collect();
        match self {
            Self::ByValue { descending } => {
                let value = |row: &u32| table.cells[*row as usize];
                sort(&mut order, built_with(dialect), |a, b| goes_before(value(a), value(b), *descending));
            }
            Self::ByLabels { labels, descending } => order.sort_by(|a, b| {
                let (a, b) = (&table.rows[*a as usize].labels, &table.rows[*b as usize].labels);
                let ordering = by_labels(a, b, labels);
                if *descending { ordering.reverse() } else { ordering }
            }),
        }
        table.order = Some(order);
        table
    }
}

/// Whether one value stands before another: NaN last, whichever the direction. As in the original, where both are NaN
/// each goes before the other, which turns a few of them round.
pub(super) fn goes_before(a: f64, b: f64, descending: bool) -> bool {
    b.is_nan() || if descending { b < a } else { b > a }
}

/// The Go that a dialect's server is built with.
pub(super) fn built_with(dialect: Dialect) -> GoVersion {
    match dialect {
        Dialect::V2_42 => GoVersion::V1_19,
        Dialect::V3 => GoVersion::Current,
    }
}

fn by_labels(a: &Labels, b: &Labels, names: &[Arc<str>]) -> Ordering {
    for name in names {
        let (x, y) = (a.get(name).unwrap_or(""), b.get(name).unwrap_or(""));
        if x != y {
            return natural(x, y);
        }
    }
    a.cmp(b)
}

/// Runs of digits and runs of anything else.
fn chunks(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let digits = first.is_ascii_digit();
        let end = rest.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(rest.len());
        let (chunk, after) = rest.split_at(end);
        out.push(chunk);
        rest = after;
    }
    out
}

/// The order in which `a9` comes before `a10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (x, y) = (chunks(a), chunks(b));
    for (p, q) in x.iter().zip(&y) {
        let ordering = match (p.parse::<u64>(), q.parse::<u64>()) {
            (Ok(m), Ok(n)) => m.cmp(&n),
            _ => p.cmp(q),
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
    x.len().cmp(&y.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_inside_labels_sort_by_value() {
        assert_eq!(natural("a9", "a10"), Ordering::Less);
        assert_eq!(natural("a10b", "a10"), Ordering::Greater);
        assert_eq!(natural("b1", "a2"), Ordering::Greater);
    }

    #[test]
    fn nan_comes_last_both_ways() {
        for descending in [false, true] {
            assert!(goes_before(1.0, f64::NAN, descending));
            assert!(!goes_before(f64::NAN, 1.0, descending));
        }
    }
}
