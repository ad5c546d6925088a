//! The report, its answers and the cheat sheet.

use rayon::prelude::*;
use serde_json::json;

use super::Simulated;
use crate::check::document::{Document, Found, find_answer, kinds_of_commands, own_words};
use crate::check::{AnswersStep, Finding, MarkdownStep, Outcome};
use crate::lab::Missing;
use crate::report::Basis;
use crate::stack::{FileTree, discover, path};

/// Words that tell which of a course's labs a document is about.
const TOPICS: [&str; 6] = ["prometheus", "grafana", "alertmanager", "node exporter", "node_exporter", "stress-ng"];
/// Paths that hold no work of the student.
const ELSEWHERE: [&str; 5] = ["readme", "changelog", "licence", "license", "template"];

/// The documents of a kind: `report` is what tells of this lab, `cheat-sheet` what lists commands.
pub fn find(tree: &FileTree, kind: &str) -> Vec<Document> {
    discover::markdown(tree)
        .into_iter()
        .filter_map(|source| {
            let path = source.name().to_ascii_lowercase();
            let sheet = is_cheat_sheet(&path);
            let document = || Document::parse(source.name(), source.text());
            match kind {
                "cheat-sheet" if sheet => Some(document()),
                // A section of another document may be the sheet as well.
                "cheat-sheet" => document().below(|heading| is_cheat_sheet(&heading.to_lowercase())),
                _ => (!sheet && is_report(&path, source.text())).then(document),
            }
        })
        .collect()
}

fn is_cheat_sheet(path: &str) -> bool {
    let squeezed: String = path.chars().filter(|c| c.is_alphanumeric() || *c == '/').collect();
    ["cheat", "spiekbrief", "spiekblad", "commandos", "commands"].iter().any(|n| squeezed.contains(n))
}

/// A README at the root is often the assignment; a report speaks of several programs of this lab, or lies in a folder
/// for reports and speaks of one. The assignment itself, told by its learning goals, is nobody's report.
fn is_report(path: &str, text: &str) -> bool {
    let lower = text.to_lowercase();
    let topics = TOPICS.iter().filter(|t| lower.contains(**t)).count();
    let name = path.rsplit('/').next().unwrap_or(path);
    let folder = path.split('/').any(|part| part.starts_with("report") || part.starts_with("verslag"));
    let other = ELSEWHERE.iter().any(|e| name.contains(e));
    let goals =
        lower.lines().filter(|l| l.starts_with('#')).any(|l| l.contains("learning goals") || l.contains("leerdoelen"));
    let given = ["assignment", "opdracht"].iter().any(|w| path.contains(w)) || goals;
    if given && !folder {
        return false;
    }
    if folder { topics >= 1 && (topics >= 2 || !other) } else { topics >= 2 && (!name.contains("license")) }
}

/// A Markdown document is there and says enough.
pub fn markdown(world: &Simulated<'_>, step: &MarkdownStep) -> Outcome {
    let documents = world.documents(&step.find);
    let named = |d: &Document| step.mentions.iter().filter(|w| d.mentions(w)).count();
    // A folder may hold the reports of all labs: the one that speaks of this lab counts, not the longest.
    let kinds = |d: &Document| {
        step.commands.as_ref().and_then(|c| kinds_of_commands(d, &c.of).ok()).map_or(0, |found| found.len())
    };
    let fit = |d: &&Document| (named(d), kinds(d), own_words(d, &world.templates));
    let Some(document) = documents.iter().max_by_key(fit) else {
        return Outcome::Fails(
            Finding::observed(
                format!("no {} in Markdown", step.find),
                format!("a .md file that is the {} of this lab", step.find),
            )
            .basis(Basis::Static),
        );
    };
    // A folder of its own holds one report in several files.
    let parts: Vec<&Document> = match has_folder_of_its_own(&document.path) {
        true => documents.iter().filter(|d| path::parent(&d.path) == path::parent(&document.path)).collect(),
        false => vec![document],
    };
    let mut told = Vec::new();
    let mut missing = Vec::new();
    if let Some(wanted) = step.own_words {
        let words: usize = parts.iter().map(|d| own_words(d, &world.templates)).sum();
        told.push(format!("{words} words of its own"));
        if (words as f64) < wanted.at_least {
            missing.push((format!("{words} words of its own"), format!("at least {}", wanted.at_least)));
        }
    }
    if let Some(wanted) = step.headings {
        let headings: usize = parts.iter().map(|d| d.headings()).sum();
        told.push(format!("{headings} headings"));
        if (headings as f64) < wanted.at_least {
            missing.push((format!("{headings} headings"), format!("at least {}", wanted.at_least)));
        }
    }
    let silent: Vec<&str> =
        step.mentions.iter().map(String::as_str).filter(|w| !documents.iter().any(|d| d.mentions(w))).collect();
    if !silent.is_empty() {
        missing.push((format!("no word about {}", silent.join(", ")), "a report on this lab".to_owned()));
    }
    let mut doubtful = false;
    if let Some(commands) = &step.commands {
        match kinds_of_commands(document, &commands.of) {
            Ok(found) => {
                told.push(format!("{} kinds of commands of this lab", found.len()));
                if found.len() < commands.at_least as usize {
                    doubtful = missing.is_empty() && !found.is_empty();
                    missing.push((
                        format!("{} kinds of commands of this lab", found.len()),
                        format!("at least {}", commands.at_least),
                    ));
                }
            }
            Err(e) => {
                return Outcome::Error(Finding::said(format!("a pattern of the lab is no regular expression: {e}")));
            }
        }
    }
    let place = json!({"kind": "file", "file": document.path, "line": 1});
    if missing.is_empty() {
        return Outcome::Holds(
            Finding::said(format!("observed {} in {}", told.join(", "), document.path))
                .basis(Basis::Static)
                .evidence([place]),
        );
    }
    let (observed, wanted): (Vec<String>, Vec<String>) = missing.into_iter().unzip();
    let finding = Finding::observed(format!("{} in {}", observed.join(" and "), document.path), wanted.join(" and "))
        .basis(Basis::Static)
        .evidence([place]);
    if doubtful {
        return Outcome::Review(finding.hint("decide whether the commands that are there are enough"));
    }
    Outcome::Fails(finding)
}

/// Whether a document lies in a folder for this report, not in one for the reports of all labs.
fn has_folder_of_its_own(document: &str) -> bool {
    let folder = path::file_name(path::parent(document)).to_ascii_lowercase();
    !folder.is_empty()
        && !["report", "verslag", "doc", "lab", "cheat"]
            .iter()
            .any(|w| folder.starts_with(w) && !folder.ends_with(|c: char| c.is_ascii_digit()))
}

/// The lab's questions are answered.
pub fn answers(world: &Simulated<'_>, step: &AnswersStep) -> Outcome {
    let documents: Vec<Document> = world.documents(&step.document);
    let mut rows = Vec::new();
    let (mut absent, mut doubtful) = (Vec::new(), Vec::new());
    // Questions have nothing to do with one another, and their patterns take a while to be made.
    let found: Vec<_> = world.lab.questions.par_iter().map(|q| find_answer(q, &documents)).collect();
    for (question, answer) in world.lab.questions.iter().zip(found) {
        let answer = match answer {
            Ok(answer) => answer,
            Err(e) => {
                return Outcome::Error(Finding::said(format!("a pattern of the lab is no regular expression: {e}")));
            }
        };
        let (file, line) = answer.place.clone().unzip();
        rows.push(json!({
            "id": question.id, "title": question.title, "found": answer.found.as_str(),
            "file": file, "line": line, "quote": answer.quote,
        }));
        if answer.found != Found::Yes {
            let counts = question.required || question.missing == Missing::Fail;
            if counts && answer.found == Found::No {
                absent.push(question);
            } else {
                doubtful.push(question);
            }
        }
    }
    let evidence = json!({"kind": "answers", "questions": rows});
    let names = |list: &[&crate::lab::Question]| list.iter().map(|q| q.id.as_str()).collect::<Vec<_>>().join(", ");
    if let Some(first) = absent.first() {
        return Outcome::Fails(
            Finding::observed(format!("no answer to {}", names(&absent)), "an answer to every question of the lab")
                .hint(format!("answer: {}", first.title))
                .basis(Basis::Static)
                .evidence([evidence]),
        );
    }
    if doubtful.is_empty() {
        let total = world.lab.questions.len();
        return Outcome::Holds(
            Finding::said(format!("observed an answer to each of the {total} questions"))
                .basis(Basis::Static)
                .evidence([evidence]),
        );
    }
    Outcome::Review(
        Finding::observed(
            format!("no certain answer to {}", names(&doubtful)),
            "an answer to every question of the lab",
        )
        .hint("read the passages quoted here and decide")
        .basis(Basis::Static)
        .evidence([evidence]),
    )
}
