//! Canvas: the exported gradebook with one assignment's column filled. Facts from `gradebook_importer.rb`: the column is
//! recognised by `Title (id)`, an unknown title would create a new assignment, points stand in the `Points Possible` row.

use super::{Exported, Options, is_judged, points_on, remarks, sheet, whole};
use crate::grade::overview::Overview;

pub fn fill(overview: &Overview, options: &Options) -> Result<Exported, String> {
    let mut sheet = sheet(options)?;
    let student = sheet.column(&["Student"]).ok_or("no column Student, wanted the gradebook as Canvas exports it")?;
    if sheet.column(&["ID"]).is_none() {
        return Err("no column ID, wanted the gradebook as Canvas exports it".to_owned());
    }
    let wanted = options.column.as_deref().ok_or("wanted --column with the assignment's title")?;
    let column = assignment(&sheet.rows[0], wanted)?;
    let possible = sheet
        .rows
        .iter()
        .position(|r| r.first().is_some_and(|c| c.trim().starts_with("Points Possible")))
        .ok_or("no row Points Possible, wanted the gradebook as Canvas exports it")?;
    let cell = sheet.rows[possible].get(column).map_or("", |c| c.trim());
    if cell.contains("read only") {
        return Err(format!("the column {wanted:?} is read only in Canvas"));
    }
    let cell = cell.to_owned();
    let keys: Vec<usize> = ["SIS User ID", "SIS Login ID", "Integration ID"]
        .iter()
        .filter_map(|name| sheet.column(&[name]))
        .chain([student])
        .collect();
    let unmatched = sheet.fill(overview, possible + 1, &keys, &[column], |row, cells| {
        let there = cells.get(column).cloned().unwrap_or_default();
        if !is_judged(row) || there.trim().eq_ignore_ascii_case("EX") {
            return vec![there];
        }
        vec![points_on(&row.summary, whole(options, Some(&cell), &row.summary))]
    });
    Ok(Exported { text: sheet.render(), remarks: remarks(&unmatched) })
}

/// The column of `Title (id)`, named whole or by its title.
fn assignment(heads: &[String], wanted: &str) -> Result<usize, String> {
    let has_id = |h: &str| {
        h.trim_end()
            .strip_suffix(')')
            .and_then(|h| h.rsplit_once('('))
            .is_some_and(|(_, id)| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()))
    };
    let title = |h: &str| h.rsplit_once('(').map_or(h, |(t, _)| t).trim().to_owned();
    let found: Vec<usize> = (0..heads.len())
        .filter(|i| has_id(&heads[*i]) && (heads[*i].trim() == wanted.trim() || title(&heads[*i]) == wanted.trim()))
        .collect();
    match found[..] {
        [one] => Ok(one),
        [] => {
            let all: Vec<&str> = heads.iter().map(String::as_str).filter(|h| has_id(h)).collect();
            Err(format!("no assignment {wanted:?} with an id in the sheet; there is {}", all.join(", ")))
        }
        _ => Err(format!("several assignments are called {wanted:?}, name it with its id")),
    }
}
