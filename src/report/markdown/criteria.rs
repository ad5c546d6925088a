//! The table of criteria and a section for each.

use std::fmt::Write as _;

use super::super::escape::{cell, code, inline, sentence};
use super::super::{Blame, RunResult, Verdict};
use super::evidence;

/// Criterion, points, verdict.
pub fn table(out: &mut String, result: &RunResult) {
    out.push_str("## Criteria\n\n| | criterion | points | verdict |\n| --- | --- | ---: | --- |\n");
    for c in &result.criteria {
        let because = match &c.root_cause {
            Some(root) => format!(", because of {}", cell(&format!("`{root}`"))),
            None => String::new(),
        };
        let earned = match c.verdict {
            Verdict::Pass | Verdict::Fail | Verdict::Skipped => c.score.to_string(),
            _ => "–".to_owned(),
        };
        let _ = writeln!(
            out,
            "| {} | {} {} | {earned}/{} | {}{because} |",
            c.verdict.sign(),
            cell(&c.title),
            cell(&format!("`{}`", c.id)),
            c.max_score,
            c.verdict.as_str()
        );
    }
    out.push('\n');
}

/// Observed, wanted, hint and evidence of each criterion; what passed is folded.
pub fn details(out: &mut String, result: &RunResult) {
    out.push_str("## Criterion by criterion\n\n");
    for c in &result.criteria {
        let open = if matches!(c.verdict, Verdict::Fail | Verdict::Error | Verdict::Review | Verdict::Inconclusive) {
            " open"
        } else {
            ""
        };
        let _ = writeln!(
            out,
            "<details{open}><summary>{} <b>{}</b> · {}</summary>\n",
            c.verdict.sign(),
            html(&c.title),
            c.verdict.as_str()
        );
        let _ = writeln!(out, "{}\n", code(&c.id));
        match split(&c.reason) {
            (observed, Some(wanted)) => {
                let _ = writeln!(out, "- **Observed:** {}\n- **Wanted:** {}", sentence(observed), sentence(wanted));
            }
            (reason, None) if !reason.is_empty() => {
                let _ = writeln!(out, "- {}", sentence(reason));
            }
            _ => {}
        }
        if c.verdict != Verdict::Pass && !c.hint.is_empty() {
            let _ = writeln!(out, "- **Hint:** {}", sentence(&c.hint));
        }
        if let Some(basis) = c.basis {
            let how = match basis {
                super::super::Basis::Simulated => {
                    "the embedded stack in virtual time, with the files of this repository"
                }
                super::super::Basis::Static => "the files of this repository",
                super::super::Basis::Live => "the running stack",
            };
            let _ = writeln!(out, "- **Seen in:** {how}");
        }
        match c.blame {
            Blame::Environment => out.push_str("- The environment is at fault, not the student.\n"),
            Blame::Grader => out.push_str("- labkit is at fault, not the student.\n"),
            Blame::Student | Blame::None => {}
        }
        out.push('\n');
        evidence::list(out, &c.evidence);
        out.push_str("</details>\n\n");
    }
}

fn html(text: &str) -> String {
    inline(text).replace('\\', "")
}

/// `observed A; wanted B` in its two halves.
fn split(reason: &str) -> (&str, Option<&str>) {
    let Some(rest) = reason.strip_prefix("observed ") else { return (reason, None) };
    match rest.rsplit_once("; wanted ") {
        Some((observed, wanted)) => (observed, Some(wanted)),
        None => (reason, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_shown_in_its_two_halves() {
        assert_eq!(split("observed no message; wanted one"), ("no message", Some("one")));
        assert_eq!(split("something else"), ("something else", None));
    }
}
