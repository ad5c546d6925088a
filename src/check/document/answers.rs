//! Whether a report answers a question: all ideas of the answer near one another.

use super::{Block, BlockKind, Document};
use crate::golang::regexp::{Regexp, RegexpError};
use crate::lab::Question;

/// How much of an answer was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// All ideas near one another.
    Yes,
    /// Ideas of it, but scattered or incomplete.
    Partly,
    /// Nothing of it.
    No,
}

impl Found {
    /// As evidence names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Partly => "partly",
            Self::No => "no",
        }
    }
}

/// What was found of an answer, and where.
#[derive(Clone, Debug)]
pub struct Answer {
    /// How much.
    pub found: Found,
    /// Document and line of the passage.
    pub place: Option<(String, usize)>,
    /// The beginning of the passage.
    pub quote: String,
}

/// Looks for the answer to a question in documents.
///
/// # Errors
/// A pattern of the question is not a regular expression.
pub fn find_answer(question: &Question, documents: &[Document]) -> Result<Answer, RegexpError> {
    let about = one_of(&question.about)?;
    let ideas = question.ideas.iter().map(|i| one_of(i)).collect::<Result<Vec<_>, _>>()?;
    let mut best = Answer { found: Found::No, place: None, quote: String::new() };
    for document in documents {
        let texts: Vec<String> = document.blocks.iter().map(|b| b.text.to_lowercase()).collect();
        let answer = search(document, &texts, about.as_ref(), &ideas, question.within);
        match answer.found {
            Found::Yes => return Ok(answer),
            Found::Partly if best.found == Found::No => best = answer,
            _ => {}
        }
    }
    Ok(best)
}

fn one_of(patterns: &[String]) -> Result<Option<Regexp>, RegexpError> {
    if patterns.is_empty() {
        return Ok(None);
    }
    let joined: Vec<String> = patterns.iter().map(|p| format!("(?:{p})")).collect();
    Regexp::new(&joined.join("|")).map(Some)
}

fn search(
    document: &Document,
    texts: &[String],
    about: Option<&Regexp>,
    ideas: &[Option<Regexp>],
    within: usize,
) -> Answer {
    let dealing: Vec<usize> =
        about.map_or_else(Vec::new, |a| (0..texts.len()).filter(|i| a.is_match(&texts[*i])).collect());
    let hits: Vec<Vec<usize>> = ideas
        .iter()
        .flatten()
        .map(|idea| (0..texts.len()).filter(|i| counts(&document.blocks[*i]) && idea.is_match(&texts[*i])).collect())
        .collect();
    let mut partly = None;
    for start in 0..texts.len() {
        let end = (start + within).min(texts.len());
        let near = !dealing.iter().all(|d| *d < start || *d >= end) || dealing.is_empty();
        let matched = hits.iter().filter(|h| h.iter().any(|i| (start..end).contains(i))).count();
        if near && matched == hits.len() {
            let first = hits.iter().filter_map(|h| h.iter().find(|i| (start..end).contains(*i))).min().copied();
            return answer(document, Found::Yes, first.unwrap_or(start));
        }
        // Two thirds of the ideas may be an answer in words that the lab's author did not think of.
        if near && matched * 3 >= hits.len() * 2 && partly.is_none() {
            partly = Some(start);
        }
    }
    match partly {
        Some(start) => answer(document, Found::Partly, start),
        None => Answer { found: Found::No, place: None, quote: String::new() },
    }
}

/// A question as heading or quotation is not its answer.
fn counts(block: &Block) -> bool {
    let question = block.text.trim_end().ends_with('?');
    !(question && (block.kind == BlockKind::Heading || block.quoted))
}

fn answer(document: &Document, found: Found, block: usize) -> Answer {
    let at = &document.blocks[block];
    Answer { found, place: Some((document.path.clone(), at.line)), quote: at.text.chars().take(200).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::{Lab, LabFiles};

    fn found(id: &str, text: &str) -> Found {
        let lab = Lab::parse(&LabFiles::embedded("07-monitoring").expect("embedded"), &[]).expect("valid");
        let question = lab.questions.iter().find(|q| q.id == id).expect("a question");
        find_answer(question, &[Document::parse("r.md", text)]).expect("valid patterns").found
    }

    #[test]
    fn the_name_of_the_metric_must_stand_where_the_name_is_asked() {
        let wrong = "What is the exact name of the metric? It is gauge.\n\n".to_owned()
            + &"filler\n\n".repeat(20)
            + "The query model_result works.\n";
        assert_eq!(found("q-metric", &wrong), Found::No);
        assert_eq!(found("q-metric", "The exact name is `model_result`."), Found::Yes);
        assert_eq!(found("q-metric", "De exacte naam van de metric:\n\n- `model_result`\n"), Found::Yes);
    }

    #[test]
    fn the_question_alone_is_no_answer() {
        assert_ne!(found("q-for", "## What does `for` do, how many minutes?\n\ntodo\n"), Found::Yes);
        assert_eq!(found("q-for", "`for` makes the alert pending until the time is over"), Found::Yes);
        assert_eq!(found("q-for", "Met `for` wacht Prometheus 3 minuten vooraleer de alert afgaat"), Found::Yes);
    }

    #[test]
    fn the_solution_answers_every_question() {
        let files = LabFiles::embedded("07-monitoring").expect("embedded");
        let lab = Lab::parse(&files, &[]).expect("valid");
        let (path, text) = files.solution.iter().find(|(p, _)| p == "reports/07-monitoring.md").expect("there");
        let document = Document::parse(path, &String::from_utf8_lossy(text));
        for question in &lab.questions {
            let answer = find_answer(question, std::slice::from_ref(&document)).expect("valid patterns");
            assert_eq!(answer.found, Found::Yes, "{}", question.id);
        }
    }
}
