//! `index.md`: the batch for the teacher, and its picture.

use std::fmt::Write as _;

use super::overview::Overview;
use super::similarity;
use crate::report::escape::{cell, code, inline, sentence, xml};
use crate::report::{MARKER, Verdict};

/// File name of the picture.
pub const PICTURE: &str = "distribution.svg";
/// Subjects that are named where a group is told.
const NAMED: usize = 12;
/// Groups of causes that are told.
const CAUSES: usize = 25;

/// The page.
pub fn render(overview: &Overview) -> String {
    let mut out = String::with_capacity(4096 + overview.rows.len() * 160);
    let title = overview.lab.as_ref().map_or_else(|| "No results".to_owned(), |l| inline(&l.title));
    let _ = writeln!(out, "{MARKER}\n# {title} · {}\n", count(overview.rows.len(), "subject"));
    let verdicts: Vec<String> = overview.verdicts().iter().map(|(v, n)| format!("{n} {v}")).collect();
    let _ = writeln!(out, "**{}**{}\n", verdicts.join(" · "), middle(&overview.percentages()));
    let _ = writeln!(out, "![Distribution of the share of points earned]({PICTURE})\n");
    review(&mut out, overview);
    causes(&mut out, overview);
    criteria(&mut out, overview);
    similar(&mut out, overview);
    troubles(&mut out, overview);
    subjects(&mut out, overview);
    out
}

fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

fn middle(percentages: &[f64]) -> String {
    let mut sorted = percentages.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.get(sorted.len() / 2) {
        Some(upper) => {
            let lower = sorted[(sorted.len() - 1) / 2];
            format!(" — half of them have {:.0} % of the judged points or more", f64::midpoint(lower, *upper))
        }
        None => String::new(),
    }
}

/// A subject's name, with its report behind it.
fn link(overview: &Overview, subject: usize) -> String {
    let row = &overview.rows[subject];
    let name = cell(&format!("`{}`", shown(&row.name)));
    // Stems are plain letters, digits, `-`, `_` and `.`: nothing to escape in an address.
    if row.report.is_empty() { name } else { format!("[{name}]({})", row.report) }
}

fn shown(name: &str) -> String {
    let short: String = name.chars().take(100).map(|c| if c == '`' { '\'' } else { c }).collect();
    if short.trim().is_empty() { "(no name)".to_owned() } else { short }
}

fn named(overview: &Overview, subjects: &[usize]) -> String {
    let names: Vec<String> = subjects.iter().take(NAMED).map(|s| link(overview, *s)).collect();
    let more = subjects.len().saturating_sub(NAMED);
    if more == 0 { names.join(", ") } else { format!("{} and {more} more", names.join(", ")) }
}

fn review(out: &mut String, overview: &Overview) {
    let items: Vec<(usize, usize)> = overview
        .rows
        .iter()
        .enumerate()
        .flat_map(|(i, row)| {
            row.cells.iter().enumerate().filter(|(_, c)| c.verdict == Verdict::Review).map(move |(n, _)| (i, n))
        })
        .collect();
    if items.is_empty() {
        return;
    }
    let _ = writeln!(out, "## To review\n\n{}: decide with `labkit review`.\n", count(items.len(), "item"));
    out.push_str("| subject | criterion | what to look at |\n| --- | --- | --- |\n");
    for (subject, column) in items {
        let reason = cell(&overview.rows[subject].cells[column].reason);
        let _ = writeln!(out, "| {} | {} | {reason} |", link(overview, subject), code(&overview.columns[column].id));
    }
    out.push('\n');
}

fn causes(out: &mut String, overview: &Overview) {
    let clusters = overview.clusters();
    if clusters.is_empty() {
        return;
    }
    let total = overview.rows.len();
    out.push_str(
        "## Where it breaks first\n\n| subjects | criterion | for example | who |\n| ---: | --- | --- | --- |\n",
    );
    for c in clusters.iter().take(CAUSES) {
        let _ = writeln!(
            out,
            "| {} of {total} | {} | {} | {} |",
            c.subjects.len(),
            code(&c.criterion),
            cell(&c.example),
            named(overview, &c.subjects)
        );
    }
    if clusters.len() > CAUSES {
        let _ = writeln!(out, "\n… and {} more", clusters.len() - CAUSES);
    }
    out.push('\n');
}

fn criteria(out: &mut String, overview: &Overview) {
    const SHOWN: [Verdict; 7] = [
        Verdict::Fail,
        Verdict::Skipped,
        Verdict::Pass,
        Verdict::Review,
        Verdict::Inconclusive,
        Verdict::Unverified,
        Verdict::Error,
    ];
    let mut ranked: Vec<(usize, [usize; 7])> =
        (0..overview.columns.len()).map(|i| (i, SHOWN.map(|v| overview.count(i, v)))).collect();
    ranked.sort_by_key(|(_, counts)| std::cmp::Reverse((counts[0], counts[1])));
    let heads: Vec<&str> = SHOWN.iter().map(|v| v.as_str()).collect();
    let _ = writeln!(
        out,
        "## Criteria by failure\n\n| criterion | {} |\n| --- |{}",
        heads.join(" | "),
        " ---: |".repeat(7)
    );
    for (i, counts) in ranked {
        let column = &overview.columns[i];
        let cells: Vec<String> = counts.iter().map(usize::to_string).collect();
        let _ = writeln!(out, "| {} {} | {} |", cell(&column.title), code(&column.id), cells.join(" | "));
    }
    out.push('\n');
}

fn similar(out: &mut String, overview: &Overview) {
    let prints: Vec<&str> = overview.rows.iter().map(|r| r.lines.as_str()).collect();
    let pairs = similarity::pairs(&prints);
    if pairs.is_empty() {
        return;
    }
    out.push_str(
        "## Strikingly similar configurations\n\nLines that few have, compared without comments, quotes and white space. A reason to look, no proof.\n\n| one | other | same of what is rare | lines |\n| --- | --- | ---: | ---: |\n",
    );
    for p in pairs {
        let (one, other) = (link(overview, p.one), link(overview, p.other));
        let _ = writeln!(out, "| {one} | {other} | {:.0} % | {} |", p.share * 100.0, p.shared);
    }
    out.push('\n');
}

fn troubles(out: &mut String, overview: &Overview) {
    let troubled: Vec<(usize, &str)> = overview
        .rows
        .iter()
        .enumerate()
        .filter_map(|(i, row)| row.cells.iter().find(|c| c.verdict == Verdict::Error).map(|c| (i, c.reason.as_str())))
        .collect();
    if troubled.is_empty() {
        return;
    }
    out.push_str("## Not judged, or not wholly\n\nlabkit's or the environment's fault: no point is lost by it.\n\n");
    for (i, reason) in troubled {
        let _ = writeln!(out, "- {}: {}", link(overview, i), sentence(reason));
    }
    out.push('\n');
}

fn subjects(out: &mut String, overview: &Overview) {
    let dated = overview.rows.iter().any(|r| r.late.is_some());
    let (head, rule) = if dated { (" late |", " --- |") } else { ("", "") };
    let _ = writeln!(
        out,
        "## Subjects\n\n| | subject | points | open |{head} fix first |\n| --- | --- | ---: | ---: |{rule} --- |"
    );
    for (i, row) in overview.rows.iter().enumerate() {
        let s = &row.summary;
        let first = row.first_failure().map_or_else(|| "–".to_owned(), |n| code(&overview.columns[n].id));
        let late = match (dated, row.late) {
            (false, _) => "",
            (true, Some(true)) => " late |",
            (true, Some(false)) => " |",
            (true, None) => " ? |",
        };
        let _ = writeln!(
            out,
            "| {} | {}{} | {}/{} | {} |{late} {first} |",
            s.verdict.sign(),
            link(overview, i),
            who(overview, i),
            s.score,
            s.max_score,
            s.open
        );
    }
}

fn who(overview: &Overview, subject: usize) -> String {
    let names: Vec<String> = overview.rows[subject].people.iter().map(|p| cell(&p.name)).collect();
    if names.is_empty() { String::new() } else { format!(" {}", names.join(", ")) }
}

/// How many subjects have earned which share of their points.
pub fn distribution(percentages: &[f64]) -> String {
    const WIDTH: f64 = 640.0;
    const HEIGHT: f64 = 180.0;
    const LEFT: f64 = 40.0;
    const TOP: f64 = 30.0;
    let mut bars = [0_usize; 10];
    for p in percentages {
        bars[((p / 10.0) as usize).min(9)] += 1;
    }
    let most = bars.iter().copied().max().unwrap_or(0).max(1);
    let label = xml(&format!("Share of points earned, {}", count(percentages.len(), "subject")));
    let mut body = String::new();
    let step = (WIDTH - LEFT - 20.0) / 10.0;
    for (i, n) in bars.iter().enumerate() {
        let x = LEFT + step * i as f64;
        let h = HEIGHT * *n as f64 / most as f64;
        let y = TOP + HEIGHT - h;
        let _ = writeln!(
            body,
            "<rect class=\"bar\" x=\"{:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{h:.1}\"><title>{n}</title></rect>",
            x + 3.0,
            step - 6.0
        );
        let middle = x + step / 2.0;
        if *n > 0 {
            let _ = writeln!(body, "<text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{n}</text>", y - 4.0);
        }
        let _ = writeln!(
            body,
            "<text class=\"dim\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            TOP + HEIGHT + 16.0,
            i * 10
        );
    }
    let _ = writeln!(
        body,
        "<text class=\"dim\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">100 %</text>\n<line class=\"axis\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>",
        LEFT + step * 10.0,
        TOP + HEIGHT + 16.0,
        LEFT + step * 10.0,
        y = TOP + HEIGHT
    );
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} 240\" role=\"img\" aria-label=\"{label}\">\n<style>svg{{font:12px system-ui,sans-serif;background:#fff;color:#1f2328}}text{{fill:currentColor}}.dim{{opacity:.65}}.axis{{stroke:currentColor;stroke-opacity:.25}}.bar{{fill:#0969da}}@media(prefers-color-scheme:dark){{svg{{background:#0d1117;color:#e6edf3}}.bar{{fill:#58a6ff}}}}</style>\n<title>{label}</title>\n<text x=\"{LEFT}\" y=\"14\" font-weight=\"600\">{label}</text>\n{body}</svg>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_marks_are_in_the_last_bar() {
        let svg = distribution(&[100.0, 100.0, 95.0, 0.0]);
        assert!(svg.contains("<title>3</title>") && svg.contains("<title>1</title>"), "{svg}");
    }

    #[test]
    fn the_middle_of_an_even_number_is_between_two() {
        assert!(middle(&[20.0, 40.0]).contains("30 %"));
        assert_eq!(middle(&[]), "");
    }
}
