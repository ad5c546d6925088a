//! `gradebook.csv`: a row per person, a column per criterion.

use super::overview::{Overview, Row};
use crate::report::escape::without_controls;

/// The columns before those of the criteria.
pub const FIXED: [&str; 8] = ["name", "id", "email", "score", "max_score", "open", "verdict", "late"];

/// The whole file.
pub fn render(overview: &Overview) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = FIXED.iter().map(|c| (*c).to_owned()).chain(overview.columns.iter().map(|c| c.id.clone()));
    // Writing into memory cannot fail.
    let _ = writer.write_record(header.collect::<Vec<_>>());
    for row in &overview.rows {
        for record in records(row) {
            let _ = writer.write_record(record);
        }
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

fn records(row: &Row) -> Vec<Vec<String>> {
    let s = &row.summary;
    let late = match row.late {
        Some(true) => "yes",
        Some(false) => "no",
        None => "",
    };
    row.persons()
        .into_iter()
        .map(|person| {
            let mut record = vec![
                harmless(&person.name),
                harmless(&person.id),
                harmless(&person.email),
                s.score.to_string(),
                s.max_score.to_string(),
                s.open.to_string(),
                s.verdict.as_str().to_owned(),
                late.to_owned(),
            ];
            record.extend(row.cells.iter().map(|c| c.verdict.as_str().to_owned()));
            record
        })
        .collect()
}

/// Text that no spreadsheet takes for a formula and no terminal for a command.
pub fn harmless(text: &str) -> String {
    let clean = without_controls(text).replace(['\n', '\t'], " ");
    match clean.trim_start().starts_with(['=', '+', '-', '@']) {
        true => format!("'{clean}"),
        false => clean,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_or_holds_an_escape() {
        assert_eq!(harmless("=HYPERLINK(\"x\")"), "'=HYPERLINK(\"x\")");
        assert_eq!(harmless("a\n\u{1b}[31mb"), "a [31mb");
    }
}
