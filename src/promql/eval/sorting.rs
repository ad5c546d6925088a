//! `sort`, `sort_desc`, `sort_by_label`, `sort_by_label_desc`: they order an instant query's answer, nothing else.

use std::cmp::Ordering;
use std::sync::Arc;

use super::table::{Table, is_absent, is_histogram};
use crate::model::Labels;

/// What to sort by.
#[derive(Debug)]
pub(crate) enum Sorting {
    ByValue { descending: bool },
    ByLabels { labels: Vec<Arc<str>>, descending: bool },
}

impl Sorting {
    pub fn apply(&self, mut table: Table) -> Table {
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
                order.sort_by(|a, b| by_value(table.cells[*a as usize], table.cells[*b as usize], *descending));
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

/// NaN last, whichever the direction.
fn by_value(a: f64, b: f64, descending: bool) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        _ if descending => b.partial_cmp(&a).unwrap_or(Ordering::Equal),
        _ => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
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
        assert_eq!(by_value(f64::NAN, 1.0, false), Ordering::Greater);
        assert_eq!(by_value(f64::NAN, 1.0, true), Ordering::Greater);
    }
}
