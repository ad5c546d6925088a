//! Moodle: the downloaded offline grading worksheet of an assignment. Facts from `importgradeslib.php`: the identifier,
//! the grade and the date of the last change must stay, labels are in the language of the site.

use super::{Exported, Options, is_judged, points_on, remarks, sheet, whole};
use crate::grade::overview::{Overview, Row};
use crate::report::Verdict;

const IDENTIFIER: [&str; 4] = ["Identifier", "Identificatie", "ID", "Identifiant"];
const GRADE: [&str; 4] = ["Grade", "Cijfer", "Note", "Bewertung"];
const MAXIMUM: [&str; 4] = ["Maximum grade", "Maximumcijfer", "Note maximale", "Bestwertung"];
const CHANGED: [&str; 4] = [
    "Last modified (grade)",
    "Laatst gewijzigd (cijfer)",
    "Dernière modification (note)",
    "Zuletzt geändert (Bewertung)",
];
const FEEDBACK: [&str; 4] =
    ["Feedback comments", "Feedback als opmerkingen", "Feedback par commentaires", "Feedback als Kommentar"];
const EMAIL: [&str; 4] = ["Email address", "E-mailadres", "Adresse de courriel", "E-Mail-Adresse"];
const NUMBER: [&str; 4] = ["ID number", "ID-nummer", "Numéro d'identification", "ID-Nummer"];
const NAME: [&str; 4] = ["Full name", "Volledige naam", "Nom complet", "Vollständiger Name"];

pub fn fill(overview: &Overview, options: &Options) -> Result<Exported, String> {
    let mut sheet = sheet(options)?;
    let missing = |what: &str| format!("no column {what}, wanted Moodle's offline grading worksheet");
    sheet.column(&IDENTIFIER).ok_or_else(|| missing("Identifier"))?;
    let grade = sheet.column(&GRADE).ok_or_else(|| missing("Grade"))?;
    sheet.column(&CHANGED).ok_or_else(|| missing("Last modified (grade)"))?;
    let maximum = sheet.column(&MAXIMUM);
    let feedback = sheet.column(&FEEDBACK);
    let keys: Vec<usize> = [NUMBER, EMAIL, NAME].iter().filter_map(|names| sheet.column(names)).collect();
    if keys.is_empty() {
        return Err(missing("Email address"));
    }
    let columns: Vec<usize> = [Some(grade), feedback].into_iter().flatten().collect();
    let comma = sheet.rows.iter().skip(1).filter_map(|r| r.get(maximum?)).any(|c| c.contains(','));
    let unmatched = sheet.fill(overview, 1, &keys, &columns, |row, cells| {
        if !is_judged(row) {
            return columns.iter().map(|c| cells.get(*c).cloned().unwrap_or_default()).collect();
        }
        let in_sheet = maximum.and_then(|m| cells.get(m)).map(String::as_str);
        let number = points_on(&row.summary, whole(options, in_sheet, &row.summary));
        vec![if comma { number.replace('.', ",") } else { number }, comment(overview, row)]
    });
    Ok(Exported { text: sheet.render(), remarks: remarks(&unmatched) })
}

/// What the student reads beside the grade; names of the lab alone, nothing of a student's own text.
fn comment(overview: &Overview, row: &Row) -> String {
    let with = |verdict: Verdict| -> Vec<&str> {
        overview
            .columns
            .iter()
            .zip(&row.cells)
            .filter(|(_, c)| c.verdict == verdict)
            .map(|(c, _)| c.id.as_str())
            .collect()
    };
    let s = &row.summary;
    let failed = with(Verdict::Fail);
    let mut text = format!("{} of {} judged points", s.score, s.max_score);
    if !failed.is_empty() {
        text += &format!("; failed: {}", failed.join(", "));
    }
    if s.open > 0 {
        text += &format!("; {} points still open", s.open);
    }
    text
}
