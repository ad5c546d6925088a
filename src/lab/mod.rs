//! What a lab asks: criteria with points, needs and hints; questions; parameters; scenarios; advice.
//!
//! A lab is a folder `labs/NAME` with a `lab.yaml` and one `checks/NAME` with acceptance scripts. Those of this crate are
//! embedded in the binary. Pure: it is handed texts.

mod embedded;
mod manifest;
mod parameters;
mod place;
mod scenario;

pub use embedded::{LabFiles, embedded_labs};
pub use manifest::{AdviceEntry, AlertSet, Criterion, Lab, Missing, Question, QuestionPatterns};
pub use parameters::{Kind, Parameters};
pub use place::{Key, place};
pub use scenario::{Phase, Scenario, Variation};

/// What is wrong with a lab's own files: a message with file, line and column.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct LabError(pub String);
