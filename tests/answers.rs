//! Answers in many wordings are recognised, and words that are no answer are not.

use labkit::check::document::{Document, Found, find_answer};
use labkit::lab::{Lab, LabFiles};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wordings {
    id: String,
    right: Vec<String>,
    #[serde(default)]
    wrong: Vec<String>,
}

#[test]
fn answers_are_recognised_in_many_wordings() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/07-monitoring/answers.yaml");
    let text = std::fs::read_to_string(path).expect("the file of fixtures");
    let all: Vec<Wordings> = serde_yaml::from_str(&text).expect("a valid file");
    let lab = Lab::parse(&LabFiles::embedded("07-monitoring").expect("embedded"), &[]).expect("a valid lab");
    let mut off = Vec::new();
    for wordings in &all {
        let question = lab.questions.iter().find(|q| q.id == wordings.id).expect("a question of the lab");
        let found = |answer: &String| {
            // Among much else, as in a report.
            let report = format!("# Lab 7\n\n{answer}\n{}", "\nSome other line.\n".repeat(16));
            find_answer(question, &[Document::parse("r.md", &report)]).expect("valid patterns").found
        };
        off.extend(
            wordings.right.iter().filter(|a| found(a) != Found::Yes).map(|a| (&wordings.id, "not recognised", a)),
        );
        off.extend(
            wordings.wrong.iter().filter(|a| found(a) == Found::Yes).map(|a| (&wordings.id, "taken for one", a)),
        );
    }
    assert!(all.len() >= 9 && off.is_empty(), "{off:#?}");
}
