use serde_json::Value;

use super::*;
use crate::grade::journal::Journal;
use crate::grade::protocol::{Grading, Line, Person};
use crate::report::{Summary, Verdict};

/// Ada passed one of three points, Bob nothing, Cas could not be judged.
fn batch() -> (Overview, Vec<RunResult>) {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::create(&dir.path().join("results.jsonl")).unwrap();
    let fixture: RunResult = serde_json::from_str(include_str!("../../../fixtures/grade/result.json")).unwrap();
    let people = [("Ada Lovelace", "17", "ada@x.be"), ("Bob <b>", "18", "bob@x.be"), ("Cas", "19", "cas@x.be")];
    let verdicts =
        [[Verdict::Pass, Verdict::Fail], [Verdict::Fail, Verdict::Skipped], [Verdict::Error, Verdict::Error]];
    let mut results = Vec::new();
    for ((name, id, email), verdicts) in people.into_iter().zip(verdicts) {
        let mut result = fixture.clone();
        result.subject.name = format!("repo-{id}");
        for (c, verdict) in result.criteria.iter_mut().zip(verdicts) {
            c.verdict = verdict;
            c.score = if verdict == Verdict::Pass { c.max_score } else { 0 };
            c.reason = "observed <b>\u{1b}[31m".to_owned();
        }
        result.summary = Summary::of(&result.criteria);
        let person = Person { name: name.into(), id: id.into(), email: email.into(), group: String::new() };
        let grade = Grading { key: id.into(), people: vec![person], ..Grading::default() };
        journal.append(&serde_json::to_string(&Line { result: result.clone(), grade }).unwrap()).unwrap();
        results.push(result);
    }
    (Overview::read(dir.path()).unwrap(), results)
}

fn filled(format: Format, sheet: &str, column: Option<&str>) -> Result<Exported, String> {
    let (overview, results) = batch();
    let options = Options { sheet: Some(sheet.to_owned()), column: column.map(str::to_owned), ..Options::default() };
    export(format, &overview, &results, &options)
}

#[test]
fn canvas_gets_one_column_and_keeps_every_other_cell() {
    let sheet = "Student,ID,SIS Login ID,Section,Lab 6 (11),Lab 7 (12),Final Score\n\
                 \"    Points Possible\",,,,10,10,(read only)\n\
                 \"Lovelace, Ada\",901,ada,S1,9.5,,88\n\
                 Somebody else,902,x,S1,8,7,\n\
                 Cas,903,cas,\"S,1\",7,6,\n";
    let out = filled(Format::Canvas, sheet, Some("Lab 7")).unwrap();
    let wanted = sheet.replace("9.5,,88", "9.5,3.33,88");
    let normal = |text: &str| text.replace('"', "");
    assert_eq!(normal(&out.text), normal(&wanted));
    assert_eq!(out.remarks.len(), 2, "{:?}", out.remarks);
    assert!(filled(Format::Canvas, sheet, Some("Lab 8")).unwrap_err().contains("Lab 7 (12)"));
    assert!(filled(Format::Canvas, "a,b\n1,2\n", Some("Lab 7")).is_err());
}

#[test]
fn moodle_gets_grade_and_comment_and_keeps_what_its_importer_needs() {
    let sheet = "\u{feff}Identifier,Full name,Email address,Status,Grade,Maximum grade,Grade can be changed,Last modified (grade),Feedback comments\r\n\
                 Participant 5,Ada Lovelace,ada@x.be,Submitted,,\"20,00\",Yes,-,\r\n\
                 Participant 6,Cas,cas@x.be,Submitted,\"4,5\",\"20,00\",Yes,-,old\r\n";
    let out = filled(Format::Moodle, sheet, None).unwrap();
    assert!(out.text.starts_with("\u{feff}Identifier,") && out.text.contains("\r\n"), "{}", out.text);
    assert!(
        out.text.contains("Submitted,\"6,67\",\"20,00\",Yes,-,1 of 3 judged points; failed: x\r\n"),
        "{}",
        out.text
    );
    assert!(out.text.contains("Participant 6,Cas,cas@x.be,Submitted,\"4,5\",\"20,00\",Yes,-,old\r\n"), "{}", out.text);
}

#[test]
fn a_whole_of_seven_and_a_half_points_is_a_scale_as_well() {
    let canvas = "Student,ID,SIS Login ID,Section,Lab 7 (12)\nPoints Possible,,,,7.5\nLovelace,901,ada,S1,\n";
    assert!(filled(Format::Canvas, canvas, Some("Lab 7")).unwrap().text.ends_with("Lovelace,901,ada,S1,2.5\n"));
    let brightspace = "OrgDefinedId,Lab 7 Points Grade <Numeric MaxPoints:7.5>,End-of-Line Indicator\n#17,,#\n";
    assert!(filled(Format::Brightspace, brightspace, None).unwrap().text.ends_with("#17,2.5,#\n"));
}

#[test]
fn brightspace_is_matched_by_its_own_id() {
    let sheet = "OrgDefinedId,Username,Lab 7 Points Grade <Numeric MaxPoints:30>,End-of-Line Indicator\n#17,#al,,#\n#99,#zz,3,#\n";
    let out = filled(Format::Brightspace, sheet, None).unwrap();
    assert_eq!(out.text, sheet.replace("#al,,#", "#al,10,#"));
}

#[test]
fn gradescope_parts_add_up_and_what_is_open_has_no_score() {
    let (overview, results) = batch();
    let options = Options { points: Some(10), ..Options::default() };
    let one = |r: &RunResult| -> Value {
        serde_json::from_str(&export(Format::Gradescope, &overview, std::slice::from_ref(r), &options).unwrap().text)
            .unwrap()
    };
    let ada = one(&results[0]);
    let tests = ada["tests"].as_array().unwrap();
    let sum = |key: &str| tests.iter().filter_map(|t| t[key].as_f64()).sum::<f64>();
    assert_eq!((ada["score"].as_f64(), sum("score"), sum("max_score")), (Some(3.33), 3.33, 10.0));
    let known = [
        "score",
        "max_score",
        "status",
        "name",
        "number",
        "output",
        "output_format",
        "tags",
        "visibility",
        "extra_data",
    ];
    assert!(tests.iter().flat_map(|t| t.as_object().unwrap().keys()).all(|k| known.contains(&k.as_str())));
    assert!(tests.iter().all(|t| ["passed", "failed"].contains(&t["status"].as_str().unwrap())));
    assert!(!ada.to_string().contains("\\u001b"));
    let cas = one(&results[2]);
    assert!(cas["tests"].as_array().unwrap().iter().all(|t| t.get("score").is_none() && t.get("status").is_none()));
    assert!(export(Format::Gradescope, &overview, &results, &options).is_err());
}

#[test]
fn classroom50_has_the_keys_of_its_schema_and_whole_points() {
    let (overview, results) = batch();
    let submission = Submission {
        assignment_type: "individual".into(),
        submission: "submit/1".into(),
        datetime: "2026-03-01T10:00:00Z".into(),
        ..Submission::default()
    };
    let mut options = Options { points: Some(10), submission: Some(submission), ..Options::default() };
    let text = export(Format::Classroom50, &overview, &results[..1], &options).unwrap().text;
    let document: Value = serde_json::from_str(&text).unwrap();
    let mut keys: Vec<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    let wanted = [
        "assignment",
        "assignment_type",
        "classroom",
        "commit",
        "datetime",
        "max-score",
        "owner",
        "release",
        "review",
        "schema",
        "score",
        "submission",
        "tests",
    ];
    assert_eq!(keys, wanted);
    let parts: u64 = document["tests"].as_array().unwrap().iter().map(|t| t["score"].as_u64().unwrap()).sum();
    assert_eq!((document["score"].as_u64(), parts, document["max-score"].as_u64()), (Some(3), 3, Some(10)));
    options.submission = Some(Submission { submission: "main".into(), ..Submission::default() });
    assert!(export(Format::Classroom50, &overview, &results[..1], &options).is_err());
}

#[test]
fn ctrf_knows_only_the_statuses_of_its_schema() {
    let (overview, results) = batch();
    let options = Options { now_ms: 5, ..Options::default() };
    let text = export(Format::Ctrf, &overview, &results, &options).unwrap().text;
    let document: Value = serde_json::from_str(&text).unwrap();
    let summary = &document["results"]["summary"];
    let counts: u64 =
        ["passed", "failed", "skipped", "pending", "other"].iter().map(|k| summary[k].as_u64().unwrap()).sum();
    assert_eq!((counts, summary["tests"].as_u64(), summary["other"].as_u64()), (6, Some(6), Some(2)));
    assert_eq!((&document["reportFormat"], &summary["start"]), (&"CTRF".into(), &5.into()));
    let keys = |of: &Value, known: &[&str]| {
        let unknown: Vec<String> =
            of.as_object().unwrap().keys().filter(|k| !known.contains(&k.as_str())).cloned().collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    };
    keys(&document, &["reportFormat", "specVersion", "results", "generatedBy", "timestamp", "extra"]);
    keys(&document["results"], &["tool", "summary", "tests", "environment", "extra"]);
    keys(&document["results"]["tool"], &["name", "version", "extra"]);
    let counted = ["tests", "passed", "failed", "skipped", "pending", "other", "start", "stop"];
    keys(summary, &counted);
    assert!(counted.iter().all(|k| summary[k].is_u64()));
    let version: Vec<&str> = document["specVersion"].as_str().unwrap().split('.').collect();
    assert!(version.len() == 3 && version.iter().all(|part| part.parse::<u32>().is_ok()));
    for test in document["results"]["tests"].as_array().unwrap() {
        keys(test, &["name", "status", "duration", "suite", "rawStatus", "type", "tags", "extra", "message"]);
        assert!(test["name"].as_str().is_some_and(|n| !n.is_empty()) && test["duration"].is_u64());
        assert!(["passed", "failed", "skipped", "pending", "other"].contains(&test["status"].as_str().unwrap()));
        assert!(test["suite"].as_array().is_some_and(|s| !s.is_empty() && s.iter().all(Value::is_string)));
        assert!(test["extra"].is_object() && test["tags"].as_array().unwrap().iter().all(Value::is_string));
    }
}

#[test]
fn junit_sums_its_suites() {
    let (overview, results) = batch();
    let text = export(Format::Junit, &overview, &results, &Options::default()).unwrap().text;
    assert!(text.contains("<testsuites name=\"labkit\" tests=\"6\" failures=\"2\" errors=\"2\" time=\"0\">"), "{text}");
    assert_eq!((text.matches("<testsuite ").count(), text.matches("</testsuite>").count()), (3, 3));
    assert!(!text.contains("<b>") && !text.contains('\u{1b}'));
    junit_as_the_schema_has_it(&text);
}

/// Elements with their parents and attributes, as the schema of Jenkins' xUnit plugin allows them; `!` marks what must
/// be there.
const JUNIT: [(&str, &str, &[&str]); 8] = [
    ("testsuites", "", &["name", "time", "tests", "failures", "errors"]),
    (
        "testsuite",
        "testsuites",
        &[
            "!name",
            "!tests",
            "!failures",
            "!errors",
            "group",
            "time",
            "skipped",
            "timestamp",
            "hostname",
            "id",
            "package",
        ],
    ),
    ("properties", "testsuite", &[]),
    ("property", "properties", &["!name", "!value"]),
    ("testcase", "testsuite", &["!name", "time", "classname", "group"]),
    ("failure", "testcase", &["type", "message"]),
    ("error", "testcase", &["type", "message"]),
    ("skipped", "testcase", &["type", "message"]),
];

/// Reads the document tag by tag, as every one of them and no other text has angle brackets.
fn junit_as_the_schema_has_it(document: &str) {
    let mut open: Vec<&str> = Vec::new();
    let (mut cases, mut outcomes) = (0, 0);
    let body = document.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").expect("a declaration");
    for piece in body.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').expect("a tag ends");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{tag}");
            continue;
        }
        let (tag, empty) = tag.strip_suffix('/').map_or((tag, false), |t| (t, true));
        let (name, rest) = tag.split_once(' ').unwrap_or((tag, ""));
        let (_, parent, known) = JUNIT.iter().find(|(n, ..)| *n == name).unwrap_or_else(|| panic!("element {name}"));
        assert_eq!(open.last().copied().unwrap_or_default(), *parent, "<{tag}>");
        let given: Vec<&str> = rest.split('"').step_by(2).filter_map(|a| a.trim().strip_suffix('=')).collect();
        assert!(given.iter().all(|a| known.iter().any(|k| k.trim_start_matches('!') == *a)), "<{tag}>");
        assert!(known.iter().filter_map(|k| k.strip_prefix('!')).all(|k| given.contains(&k)), "<{tag}>");
        assert!(text.trim().is_empty() || matches!(name, "failure" | "error"), "text in <{tag}>");
        cases += usize::from(name == "testcase");
        outcomes += usize::from(matches!(name, "failure" | "error" | "skipped"));
        if !empty {
            open.push(name);
        }
    }
    assert!(open.is_empty() && cases == 6 && outcomes == 5, "{open:?} {cases} {outcomes}");
}

#[test]
fn the_summary_of_a_step_has_no_links_and_fits() {
    let (overview, results) = batch();
    let text = export(Format::GithubSummary, &overview, &results, &Options::default()).unwrap().text;
    assert!(text.contains("`repo-17`") && !text.contains("](") && text.len() < 1024 * 1024, "{text}");
}
