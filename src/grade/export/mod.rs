//! The results of a batch in the formats of learning platforms and CI systems, one file per format.
//!
//! Sheets of learning platforms are never made up: the one the teacher downloaded is filled, and no other cell of it
//! is touched. Points stay exact until the exporter rounds them, once.

mod brightspace;
mod canvas;
mod classroom50;
mod ctrf;
mod github;
mod gradescope;
mod junit;
mod moodle;
pub mod sheet;

pub use classroom50::Submission;

use super::fraction::{scaled, written};
use super::overview::Overview;
use crate::report::{RunResult, Summary};

/// A format, by the name it has on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Fill Canvas' exported gradebook
    Canvas,
    /// Fill Moodle's offline grading worksheet
    Moodle,
    /// Fill Brightspace's exported grades
    Brightspace,
    /// results.json of a Gradescope autograder
    Gradescope,
    /// result.json of Classroom 50; the submission is read from the environment
    Classroom50,
    /// Markdown for `$GITHUB_STEP_SUMMARY`
    GithubSummary,
    /// JUnit XML
    Junit,
    /// CTRF JSON
    Ctrf,
}

/// What an exporter needs beside the results.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The downloaded sheet, for the formats that fill one.
    pub sheet: Option<String>,
    /// The column to fill, where the format does not fix it.
    pub column: Option<String>,
    /// Points of the whole on the other side; those of the sheet or of the lab unless told.
    pub points: Option<u32>,
    /// Unix time of the export in milliseconds, for formats that want one.
    pub now_ms: u64,
    /// What Classroom 50 says of a submission.
    pub submission: Option<Submission>,
}

/// An export: its text, and remarks for the teacher.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// The file.
    pub text: String,
    /// What the teacher should know.
    pub remarks: Vec<String>,
}

/// Writes a batch in a format. `results` are the subjects' results with decisions applied, in the order of `overview`.
///
/// # Errors
/// Something the format needs is missing, or the sheet is none of that format.
pub fn export(
    format: Format,
    overview: &Overview,
    results: &[RunResult],
    options: &Options,
) -> Result<Exported, String> {
    let only = || match results {
        [one] => Ok(one),
        many => Err(format!("this format holds one subject, there are {}; choose one with --subject", many.len())),
    };
    let plain = |text| Exported { text, remarks: Vec::new() };
    match format {
        Format::Canvas => canvas::fill(overview, options),
        Format::Moodle => moodle::fill(overview, options),
        Format::Brightspace => brightspace::fill(overview, options),
        Format::Gradescope => only().map(|one| plain(gradescope::render(one, options))),
        Format::Classroom50 => only().and_then(|one| classroom50::render(one, options)).map(plain),
        Format::GithubSummary => Ok(plain(github::summary(overview))),
        Format::Junit => Ok(plain(junit::render(results))),
        Format::Ctrf => Ok(plain(ctrf::render(results, options))),
    }
}

fn sheet(options: &Options) -> Result<sheet::Sheet, String> {
    let text = options.sheet.as_deref().ok_or("this format fills the sheet you downloaded, wanted --from SHEET")?;
    sheet::Sheet::parse(text)
}

fn remarks(unmatched: &sheet::Unmatched) -> Vec<String> {
    let told = |what: &str, names: &[String]| {
        (!names.is_empty()).then(|| format!("{} {what}: {}", names.len(), names.join(", ")))
    };
    [
        told("in the sheet without a result", &unmatched.rows),
        told("with a result but not in the sheet", &unmatched.persons),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A subject's points on the other side's scale, rounded once to hundredths; `hundredths` is the whole there.
fn points_on(summary: &Summary, hundredths: u32) -> String {
    written(scaled(summary.score, summary.max_score, hundredths, 0), 2)
}

/// The whole in hundredths of a point: what the caller says, else what the sheet says, else the lab's points.
fn whole(options: &Options, in_sheet: Option<&str>, summary: &Summary) -> u32 {
    let told = |cell: &str| {
        let points = cell.trim().replace(',', ".").parse::<f64>().ok().filter(|p| *p > 0.0 && *p < 1e6)?;
        Some((points * 100.0).round() as u32)
    };
    let points = |whole: u32| whole.saturating_mul(100);
    options.points.map(points).or_else(|| in_sheet.and_then(told)).unwrap_or_else(|| points(summary.max_score))
}

/// Whether anything of a subject was judged: where nothing was, no grade is written.
fn is_judged(row: &super::overview::Row) -> bool {
    row.summary.max_score > 0
}

#[cfg(test)]
mod tests;
