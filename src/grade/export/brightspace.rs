//! Brightspace: the exported grades with one `… Points Grade` column filled. `OrgDefinedId` or `Username` say whose row
//! it is, the last column holds `#`.

use super::super::fraction::{scaled, written};
use super::{Exported, Options, is_judged, remarks, sheet};
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
        .and_then(|(_, rest)| rest.split_whitespace().next()?.trim_end_matches('>').parse::<u32>().ok());
    let points = options.points.or(in_head);
    let unmatched = sheet.fill(overview, 1, &keys, &[column], |row, cells| {
        let s = &row.summary;
        vec![match is_judged(row) {
            true => written(scaled(s.score, s.max_score, points.unwrap_or(s.max_score), 2), 2),
            false => cells.get(column).cloned().unwrap_or_default(),
        }]
    });
    Ok(Exported { text: sheet.render(), remarks: remarks(&unmatched) })
}
