//! Brightspace: the exported grades with one `… Points Grade` column filled. `OrgDefinedId` or `Username` say whose row
//! it is, the last column holds `#`.

use super::{Exported, Options, is_judged, points_on, remarks, sheet, whole};
use crate::grade::overview::Overview;

pub fn fill(overview: &Overview, options: &Options) -> Result<Exported, String> {
    let mut sheet = sheet(options)?;
    let keys: Vec<usize> = [["OrgDefinedId"], ["Username"], ["Email"]].iter().filter_map(|n| sheet.column(n)).collect();
    if sheet.column(&["End-of-Line Indicator"]).is_none() || keys.is_empty() {
        return Err(
            "no columns OrgDefinedId and End-of-Line Indicator, wanted grades as Brightspace exports them".into()
        );
    }
    let wanted = options.column.as_deref();
    let graded: Vec<usize> = (0..sheet.rows[0].len())
        .filter(|i| {
            let head = sheet.rows[0][*i].trim();
            head.contains("Points Grade")
                && wanted.is_none_or(|w| head == w.trim() || head.split(" Points Grade").next() == Some(w.trim()))
        })
        .collect();
    let column = match graded[..] {
        [one] => one,
        [] => return Err("no such column that ends in Points Grade in the sheet".to_owned()),
        _ => return Err("several columns end in Points Grade, choose one with --column".to_owned()),
    };
    let in_head = sheet.rows[0][column]
        .split_once("MaxPoints:")
        .and_then(|(_, rest)| rest.split_whitespace().next())
        .map(|points| points.trim_end_matches('>').to_owned());
    let unmatched = sheet.fill(overview, 1, &keys, &[column], |row, cells| {
        vec![match is_judged(row) {
            true => points_on(&row.summary, whole(options, in_head.as_deref(), &row.summary)),
            false => cells.get(column).cloned().unwrap_or_default(),
        }]
    });
    Ok(Exported { text: sheet.render(), remarks: remarks(&unmatched) })
}
