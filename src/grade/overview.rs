//! A batch in brief: one small row per subject, read from the journal with the teacher's decisions applied.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;

use super::batch::RESULTS;
use super::journal::each_result;
use super::protocol::{Line, Person};
use super::review::Decisions;
use crate::report::{LabInfo, Summary, Verdict};

/// Longest text that is kept of a reason, in characters.
const REASON: usize = 400;

/// A criterion of the lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
}

/// A criterion of one subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The verdict that counts.
    pub verdict: Verdict,
    /// Points earned.
    pub score: u32,
    /// Points to earn.
    pub max_score: u32,
    /// What was observed and wanted; kept where somebody must read it.
    pub reason: String,
    /// Whether a person decided.
    pub decided: bool,
}

/// A subject.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Whose work it is; empty without a roster.
    pub people: Vec<Person>,
    /// File name of its report; empty when there is none.
    pub report: String,
    /// The judged commit.
    pub commit: Option<String>,
    /// Whether it is late, if there was a deadline.
    pub late: Option<bool>,
    /// The sum, decisions applied.
    pub summary: Summary,
    /// In the order of the columns.
    pub cells: Vec<Cell>,
    /// Hashes of its configuration's lines.
    pub lines: String,
}

impl Row {
    /// The first criterion that failed.
    pub fn first_failure(&self) -> Option<usize> {
        self.cells.iter().position(|c| c.verdict == Verdict::Fail)
    }

    /// Who is to be shown in a gradebook: one line per person, one without a roster.
    pub fn persons(&self) -> Vec<Person> {
        match self.people.is_empty() {
            true => vec![Person { name: self.name.clone(), ..Person::default() }],
            false => self.people.clone(),
        }
    }
}

/// A batch.
#[derive(Clone, Debug)]
pub struct Overview {
    /// The lab; none while nothing was judged.
    pub lab: Option<LabInfo>,
    /// Its criteria.
    pub columns: Vec<Column>,
    /// The subjects, ordered by name.
    pub rows: Vec<Row>,
}

/// So many subjects whose first failure is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// The criterion.
    pub criterion: String,
    /// The reason of one of them.
    pub example: String,
    /// Indices of the subjects.
    pub subjects: Vec<usize>,
}

impl Overview {
    /// Reads the journal and the decisions in an output folder.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn read(out: &Path) -> io::Result<Self> {
        let decisions = Decisions::read(out)?;
        let mut overview = Self { lab: None, columns: Vec::new(), rows: Vec::new() };
        each_result(&out.join(RESULTS), |line| overview.add(line, &decisions))?;
        overview.rows.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(overview)
    }

    fn add(&mut self, mut line: Line, decisions: &Decisions) {
        let decided = decisions.apply(&mut line.result);
        let result = line.result;
        if self.lab.is_none() {
            self.lab = Some(result.lab);
            self.columns =
                result.criteria.iter().map(|c| Column { id: c.id.clone(), title: c.title.clone() }).collect();
        }
        let mut by_id: HashMap<String, _> = result.criteria.into_iter().map(|c| (c.id.clone(), c)).collect();
        let cells = self.columns.iter().map(|column| match by_id.remove(&column.id) {
            Some(c) => Cell {
                verdict: c.verdict,
                score: c.score,
                max_score: c.max_score,
                reason: match c.verdict {
                    Verdict::Pass | Verdict::Skipped | Verdict::Unverified => String::new(),
                    _ => c.reason.chars().take(REASON).collect(),
                },
                decided: decided.contains(&column.id),
            },
            None => Cell { verdict: Verdict::Error, score: 0, max_score: 0, reason: String::new(), decided: false },
        });
        self.rows.push(Row {
            name: result.subject.name,
            people: line.grade.people,
            report: line.grade.report,
            commit: result.subject.commit,
            late: line.grade.late,
            summary: result.summary,
            cells: cells.collect(),
            lines: line.grade.lines,
        });
    }

    /// How many subjects have which verdict.
    pub fn verdicts(&self) -> BTreeMap<&'static str, usize> {
        self.rows.iter().fold(BTreeMap::new(), |mut counts, row| {
            *counts.entry(row.summary.verdict.as_str()).or_default() += 1;
            counts
        })
    }

    /// Per column, how many subjects have a verdict.
    pub fn count(&self, column: usize, verdict: Verdict) -> usize {
        self.rows.iter().filter(|r| r.cells[column].verdict == verdict).count()
    }

    /// Subjects by what they failed in first, the biggest group first.
    pub fn clusters(&self) -> Vec<Cluster> {
        let mut groups: BTreeMap<(usize, String), Vec<usize>> = BTreeMap::new();
        for (i, row) in self.rows.iter().enumerate() {
            if let Some(column) = row.first_failure() {
                groups.entry((column, pattern(&row.cells[column].reason))).or_default().push(i);
            }
        }
        let mut clusters: Vec<Cluster> = groups
            .into_iter()
            .map(|((column, _), subjects)| Cluster {
                criterion: self.columns[column].id.clone(),
                example: self.rows[subjects[0]].cells[column].reason.clone(),
                subjects,
            })
            .collect();
        clusters.sort_by_key(|c| std::cmp::Reverse(c.subjects.len()));
        clusters
    }

    /// Share of the points that were to be had, in percent, of every subject of which anything was judged.
    pub fn percentages(&self) -> Vec<f64> {
        self.rows
            .iter()
            .filter(|r| r.summary.max_score > 0)
            .map(|r| f64::from(r.summary.score) * 100.0 / f64::from(r.summary.max_score))
            .collect()
    }
}

/// A reason without what is one student's alone: quoted pieces, numbers.
fn pattern(reason: &str) -> String {
    let mut out = String::new();
    for (i, part) in reason.split('`').enumerate() {
        if i % 2 == 1 {
            out.push('…');
            continue;
        }
        let mut digits = false;
        for c in part.chars() {
            if c.is_ascii_digit() {
                if !digits {
                    out.push('#');
                }
                digits = true;
            } else {
                digits = false;
                out.push(c);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_that_differ_in_a_name_or_number_are_one_cause() {
        let (a, b) = (
            "observed `a.yml` refused at line 3; wanted it read",
            "observed `b/c.yml` refused at line 17; wanted it read",
        );
        assert_eq!(pattern(a), pattern(b));
        assert_ne!(pattern(a), pattern("observed nothing"));
    }
}
