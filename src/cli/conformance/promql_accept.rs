//! Suite `promql-accept`: expressions of public dashboards, with what Prometheus 2.42 said of each.

use std::path::Path;

use super::{SuiteError, SuiteReport, prometheus_dialect, read};
use crate::promql::ast::{Expr, ValueType};
use crate::promql::{Dialect, ParseOptions, parse, prettify};

/// Runs the suite. The canonical column was recorded from 2.42 and is compared in that dialect only.
pub fn run(path: &Path, dialect: Option<&str>) -> Result<SuiteReport, SuiteError> {
    let dialect = prometheus_dialect(dialect, Dialect::V2_42)?;
    let text = read(path)?;
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    let column = |name: &str| {
        header
            .iter()
            .position(|h| *h == name)
            .ok_or_else(|| SuiteError(format!("{}: no column {name}", path.display())))
    };
    let columns = Columns {
        expr: column("expr")?,
        instant: column("instant")?,
        value_type: column("type")?,
        range: column("range")?,
        canonical: column("canonical")?,
    };
    let file = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let mut report = SuiteReport::default();
    for (i, line) in lines.enumerate() {
        let case = format!("{file}:{}", i + 2);
        match columns.judge(line, dialect) {
            Ok(()) => report.pass(),
            Err((expected, actual)) => report.fail(case, expected, actual),
        }
    }
    Ok(report)
}

struct Columns {
    expr: usize,
    instant: usize,
    value_type: usize,
    range: usize,
    canonical: usize,
}

impl Columns {
    fn judge(&self, line: &str, dialect: Dialect) -> Result<(), (String, String)> {
        let cells: Vec<&str> = line.split('\t').collect();
        let cell = |i: usize| cells.get(i).copied().ok_or_else(|| ("a full row".to_owned(), line.to_owned()));
        let (expr, instant, range) = (unescaped(cell(self.expr)?), cell(self.instant)?, cell(self.range)?);
        let (value_type, canonical) = (cell(self.value_type)?, cell(self.canonical)?);
        let expected = format!("instant {instant} {value_type}, range {range}");
        let parsed = match parse(&expr, &ParseOptions::stock(dialect)) {
            Ok(parsed) => parsed,
            Err(_) if instant == "reject" && range == "reject" => return Ok(()),
            Err(e) => return Err((expected, e.to_string())),
        };
        // An empty type means that the instant query was refused.
        let actual_type = parsed.value_type().as_str();
        let actual = format!("instant ok {actual_type}, range {}", range_answer(&parsed));
        if actual != expected {
            return Err((expected, actual));
        }
        let canonical = if canonical == "=" { expr } else { unescaped(canonical) };
        let actual = prettify(&parsed, dialect);
        if dialect == Dialect::V2_42 && actual != canonical {
            return Err((canonical, actual));
        }
        Ok(())
    }
}

fn range_answer(expr: &Expr) -> &'static str {
    match expr.value_type() {
        ValueType::Scalar | ValueType::Vector => "ok",
        ValueType::Matrix | ValueType::String => "reject",
    }
}

fn unescaped(cell: &str) -> String {
    let mut out = String::with_capacity(cell.len());
    let mut chars = cell.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('t') => out.push('\t'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some(other) => out.push(other),
            None => out.push('\\'),
        }
    }
    out
}
