//! The summary of a step on GitHub: the page for the teacher, cut off before GitHub refuses it.

use crate::grade::index;
use crate::grade::overview::Overview;

/// GitHub drops a summary that is bigger than 1024 KiB.
const MOST: usize = 1000 * 1024;

pub fn summary(overview: &Overview) -> String {
    // Pictures and reports lie in the output folder, which a step's summary cannot reach.
    let text: String =
        index::render(overview).lines().filter(|l| !l.starts_with("![")).map(|l| unlinked(l) + "\n").collect();
    if text.len() <= MOST {
        return text;
    }
    let mut end = MOST;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let end = text[..end].rfind('\n').map_or(0, |at| at + 1);
    format!("{}\n… cut off here: the whole page is index.md in the output folder\n", &text[..end])
}

/// A line without the addresses behind names of subjects.
fn unlinked(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("[`") {
        let Some(middle) = rest[at..].find("`](") else { break };
        let Some(end) = rest[at + middle..].find(')') else { break };
        out.push_str(&rest[..at]);
        out.push_str(&rest[at + 1..at + middle + 1]);
        rest = &rest[at + middle + end + 1..];
    }
    out.push_str(rest);
    out
}
