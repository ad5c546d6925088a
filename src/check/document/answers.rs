//! Whether a report answers a question: all ideas of the answer near one another.

use super::{Block, BlockKind, Document};
use crate::golang::regexp::{Alternatives, RegexpError};
use crate::lab::{Question, QuestionPatterns};

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
    let patterns = question.patterns()?;
    let mut best = Answer { found: Found::No, place: None, quote: String::new() };
    for document in documents {
        let texts: Vec<String> = document.blocks.iter().map(|b| b.text.to_lowercase()).collect();
        let answer = search(document, &texts, patterns, question.within);
        match answer.found {
            Found::Yes => return Ok(answer),
            Found::Partly if best.found == Found::No => best = answer,
            _ => {}
        }
    }
    Ok(best)
}

/// Where a question's ideas stand: in the student's own words, in the question as they copied it, or in passages that
/// speak of something else.
struct Hits {
    own: Vec<usize>,
    asked: Vec<usize>,
    elsewhere: Vec<usize>,
}

impl Hits {
    fn of(idea: &Alternatives, document: &Document, texts: &[String], elsewhere: Option<&Alternatives>) -> Self {
        let mut hits = Self { own: Vec::new(), asked: Vec::new(), elsewhere: Vec::new() };
        for (i, text) in texts.iter().enumerate().filter(|(_, t)| idea.is_match(t)) {
            if is_question(&document.blocks[i]) {
                hits.asked.push(i);
            } else if elsewhere.is_some_and(|e| e.is_match(text)) {
                hits.elsewhere.push(i);
            } else {
                hits.own.push(i);
            }
        }
        hits
    }
}

fn search(document: &Document, texts: &[String], patterns: &QuestionPatterns, within: usize) -> Answer {
    let about = patterns.about.as_ref();
    let dealing: Vec<usize> =
        about.map_or_else(Vec::new, |a| (0..texts.len()).filter(|i| a.is_match(&texts[*i])).collect());
    let elsewhere = patterns.elsewhere.as_ref();
    let hits: Vec<Hits> =
        patterns.ideas.iter().flatten().map(|idea| Hits::of(idea, document, texts, elsewhere)).collect();
    let wanted = hits.len();
    let mut partly = None;
    for start in 0..texts.len() {
        let end = (start + within).min(texts.len());
        let inside = |at: &[usize]| at.iter().find(|i| (start..end).contains(*i)).copied();
        if !dealing.is_empty() && inside(&dealing).is_none() {
            continue;
        }
        let count = |there: &dyn Fn(&Hits) -> bool| hits.iter().filter(|h| there(h)).count();
        let own = count(&|h| inside(&h.own).is_some());
        let matched = count(&|h| inside(&h.own).or(inside(&h.asked)).is_some());
        // What the question says already need not be repeated, but half of an answer must be the student's own.
        if matched == wanted && own * 2 >= wanted && own > 0 {
            let first = hits.iter().filter_map(|h| inside(&h.own)).min();
            return answer(document, Found::Yes, first.unwrap_or(start));
        }
        // Two thirds of the ideas may be an answer in words that the lab's author did not think of.
        let loose = count(&|h| inside(&h.own).or(inside(&h.asked)).or(inside(&h.elsewhere)).is_some());
        let told = own > 0 || count(&|h| inside(&h.elsewhere).is_some()) > 0;
        let maybe = wanted > 1 && loose * 3 >= wanted * 2 && told;
        if maybe && partly.is_none() {
            partly = Some(start);
        }
    }
    // A question that is copied and followed by a sentence was answered somehow.
    let asked = |i: &usize| wanted > 1 && hits.iter().any(|h| h.asked.contains(i)) && is_followed(document, *i);
    match partly.or_else(|| (0..texts.len()).find(asked)) {
        Some(start) => answer(document, Found::Partly, start),
        None => Answer { found: Found::No, place: None, quote: String::new() },
    }
}

/// A question as heading, quotation or line of its own is not its answer.
fn is_question(block: &Block) -> bool {
    block.kind != BlockKind::Code && block.text.trim_end().trim_end_matches(['*', '_', '"', ')']).ends_with('?')
}

/// Whether a sentence stands right behind a block.
fn is_followed(document: &Document, at: usize) -> bool {
    const SENTENCE: usize = 6;
    let next = document.blocks.get(at + 1);
    next.is_some_and(|b| b.kind == BlockKind::Prose && !is_question(b) && b.text.split_whitespace().count() >= SENTENCE)
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
        assert_eq!(found("q-for", "## What does `for` do?\n\nThe alert waits 3 minutes.\n"), Found::Yes);
        assert_eq!(
            found("q-for", "## What does `for` do?\n\nIt is what the teacher told us to write.\n"),
            Found::Partly
        );
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
