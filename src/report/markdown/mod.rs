//! The Markdown report, made to be pleasant on GitHub.

mod criteria;
mod evidence;
mod messages;

use std::fmt::Write as _;

use super::escape::{block, cell, code, inline, sentence};
use super::{MARKER, RunResult, Verdict};

/// What the report needs beside the result.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// File name of the picture beside the report, if there is one.
    pub picture: Option<String>,
    /// The command that makes this report again.
    pub reproduce: String,
}

/// The whole report.
pub fn render(result: &RunResult, options: &Options) -> String {
    let mut out = String::with_capacity(16 * 1024);
    headline(&mut out, result);
    fix_first(&mut out, result);
    criteria::table(&mut out, result);
    picture(&mut out, result, options);
    criteria::details(&mut out, result);
    messages::section(&mut out, result);
    findings(&mut out, result);
    advice(&mut out, result);
    reproduce(&mut out, result, options);
    out
}

fn headline(out: &mut String, result: &RunResult) {
    let s = &result.summary;
    let _ = writeln!(out, "{MARKER}\n# {} · {}\n", inline(&result.lab.title), inline(&result.subject.name));
    let open = if s.open > 0 { format!(", {} still open", points(s.open)) } else { String::new() };
    let _ = writeln!(
        out,
        "**{} {} — {} of {}{open}**\n",
        s.verdict.sign(),
        s.verdict.as_str(),
        s.score,
        points(s.max_score)
    );
    let _ = writeln!(out, "{}\n", what_it_means(result));
}

fn points(n: u32) -> String {
    if n == 1 { "1 point".to_owned() } else { format!("{n} points") }
}

fn what_it_means(result: &RunResult) -> &'static str {
    match (result.summary.verdict, result.clock.as_str()) {
        (Verdict::Pass, _) => "Everything the lab asks was seen to work.",
        (Verdict::Open, "virtual") => {
            "Everything that files alone can show is right. What is still open needs a running stack: see each criterion's hint."
        }
        (Verdict::Open, _) => "Nothing failed; some criteria could not be decided.",
        (Verdict::Error, _) => "The grader or its environment had trouble: no point is lost by that.",
        _ => {
            "Something is not as the lab asks. Begin with the first cause below: what depends on it is skipped, not judged."
        }
    }
}

fn fix_first(out: &mut String, result: &RunResult) {
    let Some(first) = result.fix_first() else { return };
    let _ = writeln!(out, "## Fix this first\n\n**{}** ({})\n", inline(&first.title), code(&first.id));
    let _ = writeln!(out, "- {}", sentence(&first.reason));
    let _ = writeln!(out, "- Try: {}", sentence(&first.hint));
    let waiting: Vec<String> = result
        .criteria
        .iter()
        .filter(|c| c.root_cause.as_deref() == Some(first.id.as_str()))
        .map(|c| code(&c.id))
        .collect();
    if !waiting.is_empty() {
        let _ = writeln!(out, "- Waiting for it: {}", waiting.join(", "));
    }
    out.push('\n');
}

fn picture(out: &mut String, result: &RunResult, options: &Options) {
    let (Some(name), Some(timeline)) = (&options.picture, &result.timeline) else { return };
    let _ = writeln!(out, "## What happened over time\n\n![{}]({})\n", inline(&timeline.title), address(name));
    let _ = writeln!(
        out,
        "Blue: load of the VM; dashed: the value the rule compares; yellow: pending; red: firing; triangles: messages on Discord. {}\n",
        sentence(&timeline.note)
    );
}

/// A relative address that Markdown reads whole.
fn address(name: &str) -> String {
    name.bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' => (b as char).to_string(),
            _ => format!("%{b:02X}"),
        })
        .collect()
}

fn findings(out: &mut String, result: &RunResult) {
    if result.diagnostics.is_empty() {
        return;
    }
    out.push_str("## Findings in files\n\n");
    for d in &result.diagnostics {
        let place = d.at.as_ref().map_or_else(String::new, |at| format!(" in {}, line {}", code(&at.file), at.line));
        let _ = writeln!(out, "**{}**{place}: {}\n", d.severity, sentence(&d.message));
        if let Some(text) = &d.rendered {
            out.push_str(&block("text", text));
            out.push('\n');
        }
        if let Some(help) = &d.help {
            let _ = writeln!(out, "Help: {}\n", sentence(help));
        }
    }
}

fn advice(out: &mut String, result: &RunResult) {
    if result.advice.is_empty() {
        return;
    }
    out.push_str(
        "## Advice\n\nAdvice never changes the points.\n\n| advice | what was seen | where |\n| --- | --- | --- |\n",
    );
    for a in &result.advice {
        let place =
            a.at.as_ref()
                .map_or_else(|| "–".to_owned(), |at| cell(&format!("`{}:{}`", at.file.replace('`', ""), at.line)));
        let sign = if a.severity == "warning" { "⚠️" } else { "ℹ️" };
        let _ = writeln!(out, "| {sign} {} | {} | {place} |", cell(&format!("`{}`", a.id)), cell(&a.reason));
    }
    out.push('\n');
}

fn reproduce(out: &mut String, result: &RunResult, options: &Options) {
    out.push_str("## How to reproduce\n\n");
    out.push_str(&block("sh", &options.reproduce));
    let commit = result.subject.commit.as_deref().map_or_else(
        || "not a git commit".to_owned(),
        |c| format!("commit {}{}", code(c), if result.subject.dirty { " with local changes" } else { "" }),
    );
    let _ = writeln!(
        out,
        "\nlabkit {} · lab {} · {} clock · Prometheus dialect {} · Alertmanager {} · {commit}",
        inline(&result.labkit),
        inline(&result.lab.id),
        inline(&result.clock),
        inline(&result.dialect.prometheus),
        inline(&result.dialect.alertmanager),
    );
}
