//! The result on a terminal: signs and words, never colour alone.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::escape::without_controls;
use super::{CriterionResult, RunResult, Verdict};

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// The headline alone.
    Headline,
    /// A line a criterion, the reason of what failed.
    Normal,
    /// Reasons and hints of everything.
    Full,
}

/// The text, with ANSI colour when `colour` is set.
pub fn render(result: &RunResult, detail: Detail, colour: bool) -> String {
    let paint = |verdict: Verdict, text: &str| {
        if !colour {
            return text.to_owned();
        }
        let style = style(verdict);
        format!("{style}{text}{style:#}")
    };
    let s = &result.summary;
    let mut out = String::new();
    let open = if s.open > 0 { format!(", {} still open", s.open) } else { String::new() };
    let _ = writeln!(
        out,
        "{} · {} · {} of {} points{open}",
        clean(&result.subject.name),
        paint(s.verdict, s.verdict.as_str()),
        s.score,
        s.max_score
    );
    if detail == Detail::Headline {
        return out;
    }
    out.push('\n');
    for c in &result.criteria {
        let mark = paint(c.verdict, &format!("{:<12}", c.verdict.as_str()));
        let _ = writeln!(out, "  {mark} {:>2}/{}  {:<24} {}", c.score, c.max_score, c.id, clean(&c.title));
        let tell =
            detail == Detail::Full || matches!(c.verdict, Verdict::Fail | Verdict::Error | Verdict::Inconclusive);
        if tell {
            explain(&mut out, c);
        } else if let Some(root) = &c.root_cause {
            let _ = writeln!(out, "{:21}because of {root}", "");
        }
    }
    for d in result.diagnostics.iter().filter(|d| d.severity == "error" || detail == Detail::Full) {
        out.push('\n');
        match &d.rendered {
            Some(text) => out.push_str(&without_controls(text)),
            None => {
                let _ = write!(out, "{}: {}", d.severity, clean(&d.message));
            }
        }
        out.push('\n');
    }
    if !result.advice.is_empty() {
        out.push_str("\nadvice\n");
        for a in &result.advice {
            let place = a.at.as_ref().map_or_else(String::new, |at| format!(" ({}:{})", clean(&at.file), at.line));
            let _ = writeln!(out, "  {:<8} {}{place}: {}", a.severity, a.id, clean(&a.reason));
        }
    }
    if let Some(first) = result.fix_first() {
        let _ = writeln!(out, "\nfix this first: {} - {}", first.id, clean(&first.hint));
    }
    out
}

fn explain(out: &mut String, c: &CriterionResult) {
    if !c.reason.is_empty() {
        let _ = writeln!(out, "{:21}{}", "", clean(&c.reason));
    }
    if !c.hint.is_empty() && c.verdict != Verdict::Pass {
        let _ = writeln!(out, "{:21}hint: {}", "", clean(&c.hint));
    }
}

fn clean(text: &str) -> String {
    without_controls(text).replace(['\n', '\t'], " ")
}

fn style(verdict: Verdict) -> Style {
    let colour = match verdict {
        Verdict::Pass => AnsiColor::Green,
        Verdict::Fail | Verdict::Error => AnsiColor::Red,
        Verdict::Skipped => AnsiColor::BrightBlack,
        _ => AnsiColor::Yellow,
    };
    Style::new().fg_color(Some(colour.into())).bold()
}
