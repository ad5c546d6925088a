//! The Discord messages as a reader of the channel would see them.

use std::fmt::Write as _;

use super::super::escape::{block, cell, code};
use super::super::{RunResult, svg};

/// So many messages are written out; the rest is a table.
const WRITTEN_OUT: usize = 4;
/// So many lines of the table are shown.
const LISTED: usize = 40;

/// The section, if messages were sent.
pub fn section(out: &mut String, result: &RunResult) {
    let Some(timeline) = &result.timeline else { return };
    if timeline.messages.is_empty() {
        return;
    }
    out.push_str("## Messages on Discord\n\n");
    let mut shown = Vec::new();
    for wanted in [true, false] {
        shown.extend(timeline.messages.iter().filter(|m| m.in_focus && m.firing == wanted).take(WRITTEN_OUT / 2));
    }
    for m in shown {
        let sign = if m.firing { "🟥" } else { "🟩" };
        let _ = writeln!(out, "{sign} {} at {}, receiver {}\n", code(&m.title), svg::clock(m.t), code(&m.receiver));
        out.push_str(&block("text", m.text.trim_matches('\n')));
        out.push('\n');
    }
    let total = timeline.messages.len();
    let _ = writeln!(out, "<details><summary>All {total} messages of this run</summary>\n");
    out.push_str("| time | message | receiver | answer |\n| ---: | --- | --- | --- |\n");
    for m in timeline.messages.iter().take(LISTED) {
        let answer = m.answer.map_or_else(|| "–".to_owned(), |a| a.to_string());
        let _ = writeln!(
            out,
            "| {} | {} | {} | {answer} |",
            svg::clock(m.t),
            cell(&format!("`{}`", m.title.replace('`', "'"))),
            cell(&format!("`{}`", m.receiver.replace('`', "'")))
        );
    }
    if total > LISTED {
        let _ = writeln!(out, "\n… and {} more", total - LISTED);
    }
    out.push_str("\n</details>\n\n");
}
