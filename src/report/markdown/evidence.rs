//! Evidence as readers want it: each kind in its own form, unknown kinds as they are.

use std::fmt::Write as _;

use serde_json::Value;

use super::super::escape::{block, cell, code, sentence};
use super::super::svg;

/// All evidence of a criterion.
pub fn list(out: &mut String, evidence: &[Value]) {
    for item in evidence {
        match item["kind"].as_str() {
            Some("text") => {
                let _ = writeln!(out, "{}\n", sentence(text(item, "text")));
            }
            Some("file") => file(out, item),
            Some("diagnostic") => out.push_str(&block("text", text(item, "rendered"))),
            Some("timeline") => timeline(out, item),
            Some("budget") => budget(out, item),
            Some("chain") => chain(out, item),
            Some("fates") => fates(out, item),
            Some("answers") => answers(out, item),
            _ => out.push_str(&block("json", &serde_json::to_string_pretty(item).unwrap_or_default())),
        }
    }
}

fn text<'a>(item: &'a Value, key: &str) -> &'a str {
    item[key].as_str().unwrap_or("")
}

fn place(item: &Value) -> String {
    let (file, line) = (text(item, "file"), item["line"].as_u64());
    match line {
        Some(line) => code(&format!("{file}:{line}")),
        None => code(file),
    }
}

fn file(out: &mut String, item: &Value) {
    let note = text(item, "note");
    let _ = writeln!(out, "{}{}{}\n", place(item), if note.is_empty() { "" } else { ": " }, sentence(note));
    if let Some(excerpt) = item["text"].as_str() {
        out.push_str(&block(item["language"].as_str().unwrap_or("yaml"), excerpt));
        out.push('\n');
    }
}

fn timeline(out: &mut String, item: &Value) {
    if let Some(share) = item["holds"].as_u64() {
        let pairs = item["pairs"].as_u64().unwrap_or(0);
        let _ = writeln!(out, "Holds in {share} of {pairs} pairs of scrape and evaluation phase.\n");
    }
    let Some(rows) = item["alerts"].as_array().filter(|r| !r.is_empty()) else { return };
    out.push_str("| alert | pending | firing | message | resolved message |\n| --- | --- | --- | --- | --- |\n");
    for row in rows {
        let span = |key: &str| match (row[key][0].as_f64(), row[key][1].as_f64()) {
            (Some(a), Some(b)) if (b - a).abs() < 0.5 => svg::clock(a),
            (Some(a), Some(b)) => format!("{} to {}", svg::clock(a), svg::clock(b)),
            _ => "–".to_owned(),
        };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            cell(&format!("`{}`", text(row, "alert").replace('`', ""))),
            span("pending"),
            span("firing"),
            span("message"),
            span("resolved")
        );
    }
    out.push_str("\nMinutes and seconds from the start of the first load; earliest to latest over all phases.\n\n");
}

fn budget(out: &mut String, item: &Value) {
    let Some(parts) = item["parts"].as_array() else { return };
    let _ = writeln!(out, "Where the time goes until the message, {}:\n", sentence(text(item, "about")));
    out.push_str("| stage | seconds |\n| --- | ---: |\n");
    for part in parts {
        let _ = writeln!(out, "| {} | {} |", cell(text(part, "stage")), cell(text(part, "seconds")));
    }
    out.push('\n');
}

fn chain(out: &mut String, item: &Value) {
    let Some(links) = item["links"].as_array() else { return };
    for link in links {
        let sign = match link["ok"].as_bool() {
            Some(true) => "✅",
            Some(false) => "❌",
            None => "⏭️",
        };
        let _ = writeln!(out, "- {sign} {}: {}", sentence(text(link, "stage")), sentence(text(link, "what")));
    }
    out.push('\n');
}

fn fates(out: &mut String, item: &Value) {
    let Some(phases) = item["phases"].as_array() else { return };
    out.push_str("What became of each alert on its way to a receiver, in one of the phases:\n\n");
    out.push_str("| phase | alert | what | when | why |\n| --- | --- | --- | --- | --- |\n");
    for phase in phases {
        for row in phase["rows"].as_array().into_iter().flatten() {
            let count = row["count"].as_u64().unwrap_or(1);
            let clock = |key: &str| svg::clock(row[key].as_f64().unwrap_or(0.0));
            let (when, first) = match count {
                1 => (clock("first"), ""),
                _ => (format!("{count} times, {} to {}", clock("first"), clock("last")), "the first: "),
            };
            let _ = writeln!(
                out,
                "| {} | {} | {} | {when} | {first}{} |",
                cell(text(phase, "phase")),
                cell(&format!("`{}`", text(row, "alert").replace('`', ""))),
                cell(text(row, "what")),
                cell(text(row, "why"))
            );
        }
    }
    out.push('\n');
}

fn answers(out: &mut String, item: &Value) {
    let Some(rows) = item["questions"].as_array() else { return };
    out.push_str("| question | found | where |\n| --- | --- | --- |\n");
    for row in rows {
        let found = match row["found"].as_str() {
            Some("yes") => "✅ yes",
            Some("partly") => "🔎 partly",
            _ => "❌ no",
        };
        let place = match row["file"].as_str() {
            Some(file) => cell(&format!("`{}:{}`", file.replace('`', ""), row["line"].as_u64().unwrap_or(0))),
            None => "–".to_owned(),
        };
        let _ = writeln!(
            out,
            "| {} {} | {found} | {place} |",
            cell(&format!("`{}`", text(row, "id"))),
            cell(text(row, "title"))
        );
    }
    out.push('\n');
}
