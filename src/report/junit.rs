//! JUnit XML: failure is the student's, error the grader's, skipped what could not be judged.
//!
//! Elements and attributes are those that the schema of Jenkins' xUnit plugin (`junit-10.xsd`) allows: there the root
//! has no `skipped` and a test case has no properties, so the points stand among the properties of the suite.

use std::fmt::Write as _;

use super::escape::xml;
use super::{RunResult, Verdict};

/// The whole document. Durations are left at 0: virtual time has none that would mean something.
pub fn render(result: &RunResult) -> String {
    let count = |wanted: &[Verdict]| result.criteria.iter().filter(|c| wanted.contains(&c.verdict)).count();
    let failures = count(&[Verdict::Fail]);
    let errors = count(&[Verdict::Error]);
    let skipped = result.criteria.len() - failures - errors - count(&[Verdict::Pass]);
    let tests = result.criteria.len();
    let sums = format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" time=\"0\"");
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let suite = format!("labkit.{}", result.lab.id);
    let _ = writeln!(out, "<testsuites name=\"labkit\" {sums}>");
    let _ = writeln!(out, "  <testsuite name=\"{}\" {sums} skipped=\"{skipped}\">", xml(&suite));
    out.push_str("    <properties>\n");
    let mut property = |name: &str, value: &str| {
        let _ = writeln!(out, "      <property name=\"{}\" value=\"{}\"/>", xml(name), xml(value));
    };
    property("subject", &result.subject.name);
    property("commit", result.subject.commit.as_deref().unwrap_or_default());
    property("score", &result.summary.score.to_string());
    property("max_score", &result.summary.max_score.to_string());
    property("open", &result.summary.open.to_string());
    for c in &result.criteria {
        property(&format!("{}.verdict", c.id), c.verdict.as_str());
        property(&format!("{}.points", c.id), &c.score.to_string());
        property(&format!("{}.max_points", c.id), &c.max_score.to_string());
    }
    out.push_str("    </properties>\n");
    for c in &result.criteria {
        let _ = writeln!(out, "    <testcase name=\"{}\" classname=\"{}\" time=\"0\">", xml(&c.id), xml(&suite));
        let text = format!("{}\n{}", c.reason, c.hint);
        match c.verdict {
            Verdict::Pass | Verdict::Open => {}
            Verdict::Fail => {
                let _ = writeln!(
                    out,
                    "      <failure message=\"{}\" type=\"fail\">{}</failure>",
                    xml(&c.reason),
                    xml(&text)
                );
            }
            Verdict::Error => {
                let _ =
                    writeln!(out, "      <error message=\"{}\" type=\"error\">{}</error>", xml(&c.reason), xml(&text));
            }
            _ => {
                let why = c.root_cause.as_ref().map_or_else(
                    || format!("{}: {}", c.verdict.as_str(), c.reason),
                    |root| format!("skipped, root cause {root}: {}", c.reason),
                );
                let _ = writeln!(out, "      <skipped message=\"{}\"/>", xml(&why));
            }
        }
        out.push_str("    </testcase>\n");
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}
