//! What `labkit grade` tells on stdout.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;
use serde_json::json;

use crate::grade::batch::Tally;
use crate::grade::outputs::{GRADEBOOK, INDEX};
use crate::grade::overview::{Overview, Row};
use crate::grade::{batch, overview};
use crate::report::Verdict;
use crate::report::escape::without_controls;

/// Causes that are told on the terminal.
const CAUSES: usize = 8;

/// A verdict that differs between two batches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    subject: String,
    /// The criterion; none where the whole subject came or went.
    criterion: Option<String>,
    before: Option<Verdict>,
    after: Option<Verdict>,
}

impl Change {
    /// Every difference, by subject.
    pub fn between(before: &Overview, after: &Overview) -> Vec<Self> {
        let old: HashMap<&str, &Row> = before.rows.iter().map(|r| (r.name.as_str(), r)).collect();
        let mut changes = Vec::new();
        for row in &after.rows {
            let whole = |before, after| Self { subject: row.name.clone(), criterion: None, before, after };
            let Some(earlier) = old.get(row.name.as_str()) else {
                changes.push(whole(None, Some(row.summary.verdict)));
                continue;
            };
            for (column, cell) in after.columns.iter().zip(&row.cells) {
                let was = before.columns.iter().position(|c| c.id == column.id).map(|i| earlier.cells[i].verdict);
                if was != Some(cell.verdict) {
                    changes.push(Self {
                        subject: row.name.clone(),
                        criterion: Some(column.id.clone()),
                        before: was,
                        after: Some(cell.verdict),
                    });
                }
            }
        }
        for row in before.rows.iter().filter(|r| !after.rows.iter().any(|a| a.name == r.name)) {
            let before = Some(row.summary.verdict);
            changes.push(Self { subject: row.name.clone(), criterion: None, before, after: None });
        }
        changes
    }
}

/// The changes as lines.
pub fn changes(changes: &[Change]) -> String {
    let mut out = match changes.len() {
        0 => return "no verdict would change\n".to_owned(),
        1 => "1 verdict would change\n".to_owned(),
        n => format!("{n} verdicts would change\n"),
    };
    let word = |v: Option<Verdict>| v.map_or("nothing", Verdict::as_str);
    for c in changes {
        let what = c.criterion.as_deref().unwrap_or("the whole subject");
        let _ = writeln!(out, "  {}  {what}: {} -> {}", plain(&c.subject), word(c.before), word(c.after));
    }
    out
}

fn plain(text: &str) -> String {
    without_controls(text).replace(['\n', '\t'], " ")
}

/// The summary for people.
pub fn table(overview: &Overview, tally: &Tally) -> String {
    let mut out = String::new();
    let title = overview.lab.as_ref().map_or("no results", |l| l.title.as_str());
    let verdicts: Vec<String> = overview.verdicts().iter().map(|(v, n)| format!("{n} {v}")).collect();
    let _ = writeln!(out, "{title} · {} subjects · {}", overview.rows.len(), verdicts.join(", "));
    let _ =
        writeln!(out, "judged {}, unchanged {}, not judged {}", tally.judged, tally.reused, tally.stopped + tally.left);
    let clusters = overview.clusters();
    if !clusters.is_empty() {
        out.push_str("\nwhere it breaks first:\n");
    }
    for c in clusters.iter().take(CAUSES) {
        let example: String = plain(&c.example).chars().take(160).collect();
        let _ = writeln!(out, "  {:>4} of {}  {}: {example}", c.subjects.len(), overview.rows.len(), c.criterion);
    }
    out
}

/// The summary for programs.
pub fn json(
    overview: &Overview,
    tally: &Tally,
    interrupted: bool,
    out: &Path,
    changes: Option<&[Change]>,
) -> serde_json::Value {
    const COUNTED: [Verdict; 7] = [
        Verdict::Pass,
        Verdict::Fail,
        Verdict::Skipped,
        Verdict::Unverified,
        Verdict::Inconclusive,
        Verdict::Review,
        Verdict::Error,
    ];
    let criteria: Vec<_> = overview
        .columns
        .iter()
        .enumerate()
        .map(|(i, column): (usize, &overview::Column)| {
            let counts: serde_json::Map<String, serde_json::Value> = COUNTED
                .iter()
                .map(|v| (v.as_str().to_owned(), overview.count(i, *v).into()))
                .filter(|(_, n)| *n != 0)
                .collect();
            json!({"id": column.id, "counts": counts})
        })
        .collect();
    let causes: Vec<_> = overview
        .clusters()
        .iter()
        .map(|c| {
            let who: Vec<&str> = c.subjects.iter().map(|s| overview.rows[*s].name.as_str()).collect();
            json!({"criterion": c.criterion, "example": c.example, "subjects": who})
        })
        .collect();
    let subjects: Vec<_> = overview
        .rows
        .iter()
        .map(|r| {
            let s = &r.summary;
            json!({"name": r.name, "verdict": s.verdict, "score": s.score, "max_score": s.max_score, "open": s.open,
                   "late": r.late, "report": r.report})
        })
        .collect();
    let mut document = json!({
        "schema": "labkit/grade/v1",
        "labkit": env!("CARGO_PKG_VERSION"),
        "lab": overview.lab,
        "interrupted": interrupted,
        "tally": tally,
        "verdicts": overview.verdicts(),
        "criteria": criteria,
        "causes": causes,
        "subjects": subjects,
        "outputs": {
            "results": out.join(batch::RESULTS),
            "gradebook": out.join(GRADEBOOK),
            "index": out.join(INDEX),
        },
    });
    if let (Some(changes), Some(map)) = (changes, document.as_object_mut()) {
        map.insert("changes".to_owned(), json!(changes));
    }
    document
}
