//! A sheet somebody downloaded: one or two columns are filled, every other cell stays as it is.

use std::collections::HashMap;

use crate::grade::overview::{Overview, Row};
use crate::grade::protocol::Person;

/// A table of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// The rows, headings first.
    pub rows: Vec<Vec<String>>,
    delimiter: u8,
    bom: bool,
    crlf: bool,
}

/// What could not be filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unmatched {
    /// Rows of the sheet for which there is no result.
    pub rows: Vec<String>,
    /// Persons for whom the sheet has no row.
    pub persons: Vec<String>,
}

impl Sheet {
    /// Reads a sheet: comma, semicolon or tab separated.
    ///
    /// # Errors
    /// It is no such table, or empty.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bom = text.starts_with('\u{feff}');
        let text = text.trim_start_matches('\u{feff}');
        let first = text.lines().next().unwrap_or("");
        let delimiter = [b',', b';', b'\t']
            .into_iter()
            .max_by_key(|d| (first.bytes().filter(|b| b == d).count(), u8::from(*d == b',')))
            .unwrap_or(b',');
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .from_reader(text.as_bytes());
        let rows: Result<Vec<Vec<String>>, _> =
            reader.records().map(|r| r.map(|r| r.iter().map(str::to_owned).collect())).collect();
        let rows = rows.map_err(|e| format!("the sheet cannot be read: {e}"))?;
        if rows.is_empty() {
            return Err("the sheet is empty".to_owned());
        }
        Ok(Self { rows, delimiter, bom, crlf: text.contains("\r\n") })
    }

    /// The text again.
    pub fn render(&self) -> String {
        let terminator = if self.crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new()
            .delimiter(self.delimiter)
            .terminator(terminator)
            .flexible(true)
            .from_writer(Vec::new());
        for row in &self.rows {
            // Writing into memory cannot fail.
            let _ = writer.write_record(row);
        }
        let text = String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default();
        if self.bom { format!("\u{feff}{text}") } else { text }
    }

    /// The column with one of these headings, upper and lower case and spaces at the ends left aside.
    pub fn column(&self, names: &[&str]) -> Option<usize> {
        self.rows[0].iter().position(|h| names.iter().any(|n| h.trim().eq_ignore_ascii_case(n)))
    }

    /// Fills `columns` of each row from `first` on, with what `fill` says of the person the row is about. A row is
    /// matched by the columns of `keys`, the surest first.
    pub fn fill(
        &mut self,
        overview: &Overview,
        first: usize,
        keys: &[usize],
        columns: &[usize],
        fill: impl Fn(&Row, &[String]) -> Vec<String>,
    ) -> Unmatched {
        let persons: Vec<(Person, &Row)> =
            overview.rows.iter().flat_map(|r| r.persons().into_iter().map(move |p| (p, r))).collect();
        let mut known: HashMap<String, Option<usize>> = HashMap::new();
        for (i, (person, row)) in persons.iter().enumerate() {
            let own = [&person.id, &person.email, &person.name, &row.name];
            let login = person.email.split('@').next().unwrap_or("").to_owned();
            let mut keys: Vec<String> = own.into_iter().chain([&login]).map(|t| key(t)).collect();
            keys.sort();
            keys.dedup();
            for k in keys.into_iter().filter(|k| !k.is_empty()) {
                // A name that two go by decides nothing.
                known.entry(k).and_modify(|v| *v = v.filter(|other| *other == i)).or_insert(Some(i));
            }
        }
        let mut unmatched = Unmatched::default();
        let mut used = vec![false; persons.len()];
        for row in self.rows.iter_mut().skip(first) {
            let cells: Vec<String> = keys.iter().filter_map(|k| row.get(*k)).map(|t| key(t)).collect();
            let found = cells.iter().find_map(|k| known.get(k).copied().flatten());
            let Some(found) = found else {
                let shown: Vec<&str> =
                    keys.iter().filter_map(|k| row.get(*k)).map(String::as_str).filter(|t| !t.is_empty()).collect();
                if !shown.is_empty() {
                    unmatched.rows.push(shown.join(" "));
                }
                continue;
            };
            used[found] = true;
            let values = fill(persons[found].1, row);
            for (column, value) in columns.iter().zip(values) {
                if row.len() <= *column {
                    row.resize(column + 1, String::new());
                }
                row[*column] = value;
            }
        }
        unmatched.persons =
            persons.iter().zip(used).filter(|(_, used)| !used).map(|((p, _), _)| p.name.clone()).collect();
        unmatched
    }
}

/// What two cells are compared by: without case, white space at the ends, and the `#` some systems put before ids.
/// `Family name, given name` is the same as `given name family name`.
fn key(text: &str) -> String {
    let text = text.trim().trim_start_matches('#').to_lowercase();
    match text.split_once(',') {
        Some((family, given)) => format!("{} {}", given.trim(), family.trim()),
        None => text,
    }
}
