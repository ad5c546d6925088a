//! One versioned result model, and one file per format it is written in.
//!
//! Reads result types only: nothing here knows a check, an engine or a file of a student.

pub mod escape;
pub mod junit;
pub mod markdown;
pub mod svg;
pub mod terminal;

mod result;
mod timeline;

pub use result::{
    AdviceResult, At, Basis, Blame, CriterionResult, DiagnosticResult, DialectInfo, LabInfo, RunResult, Subject,
    Summary, Verdict,
};
pub use timeline::{Band, BandState, Message, PhaseMark, Series, Timeline};

/// The comment every Markdown file of labkit begins with, so that it is never taken for a student's report.
pub const MARKER: &str = "<!-- labkit report -->";
