//! The world of `run`: a repository at rest, its stack in virtual time.

mod alerts;
mod chain;
mod documents;
mod schedule;
mod value;

use super::document::Document;
use super::{Finding, Outcome, Step, World};
use crate::lab::Lab;
use crate::report::{AdviceResult, CriterionResult, DiagnosticResult, DialectInfo, Timeline};
use crate::stack::FileTree;

/// Answers steps from files and the embedded stack.
pub struct Simulated<'a> {
    lab: &'a Lab,
    tree: &'a FileTree,
    templates: Vec<Document>,
}

impl<'a> Simulated<'a> {
    /// Reads the repository.
    pub fn new(lab: &'a Lab, tree: &'a FileTree, starter: &[(String, Vec<u8>)]) -> Self {
        let templates = starter
            .iter()
            .filter(|(path, _)| path.ends_with(".md"))
            .map(|(path, bytes)| Document::parse(path, &String::from_utf8_lossy(bytes)))
            .collect();
        Self { lab, tree, templates }
    }

    /// The documents of a kind: `report`, `cheat-sheet`.
    fn documents(&self, kind: &str) -> Vec<Document> {
        let _ = (kind, self.tree);
        Vec::new()
    }

    /// Which versions the engine speaks as.
    pub fn dialect(&self) -> DialectInfo {
        DialectInfo { prometheus: "3".to_owned(), alertmanager: "0.34".to_owned() }
    }

    /// Advice, findings in files, and the picture.
    pub fn finish(
        &mut self,
        criteria: &[CriterionResult],
    ) -> (Vec<AdviceResult>, Vec<DiagnosticResult>, Option<Timeline>) {
        let _ = criteria;
        (Vec::new(), Vec::new(), None)
    }
}

impl World for Simulated<'_> {
    fn observe(&mut self, criterion: &str, step: &Step) -> Outcome {
        match step {
            Step::Markdown(s) => documents::markdown(self, s),
            Step::Answers(s) => documents::answers(self, s),
            _ => Outcome::Error(Finding::said(format!("{criterion}: this step is not there yet"))),
        }
    }

    fn how_to_verify(&self, _: &str) -> String {
        "run `labkit check` against the running stack and the VM".to_owned()
    }
}
