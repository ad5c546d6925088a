//! `labkit query`: one query, batches, and errors in the shape of Prometheus' API.

use assert_cmd::Command;
use serde_json::Value;

fn query(args: &[&str]) -> (i32, Vec<Value>) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut page = String::from("# TYPE m gauge\n");
    for t in (0..=600).step_by(15) {
        page.push_str(&format!("m{{a=\"b\"}} {} {t}\nm{{a=\"c\"}} 1 {t}\n", t / 15));
    }
    page.push_str("# EOF\n");
    std::fs::write(folder.path().join("data.om"), page).expect("it can be written");
    let lines = concat!(
        r#"{"query": "m > 2", "time": 60.5}"#,
        "\n\n",
        r#"{"query": "sum(m)", "start": 0, "end": 30, "step": 15}"#,
        "\n",
        r#"{"query": "sum(", "time": 0}"#,
        "\n",
        r#"{"query": "m", "start": 0, "end": 600, "step": 0.01}"#,
        "\nnonsense\n",
        r#"{"query": "m + on() m", "time": 0}"#,
        "\n",
    );
    std::fs::write(folder.path().join("queries.jsonl"), lines).expect("it can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_labkit"));
    let output = command.current_dir(&folder).args(["query", "--data", "data.om"]).args(args).output();
    let output = output.expect("labkit starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let answers = text.lines().map(|l| serde_json::from_str(l).expect("an answer a line")).collect();
    (output.status.code().expect("an exit code"), answers)
}

#[test]
fn a_query_is_answered_as_the_api_answers_it() {
    let (code, answers) = query(&["--time", "60", "m{a='b'} * 2"]);
    assert_eq!(code, 0);
    let wanted =
        r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"b"},"value":[60,"8"]}]}}"#;
    assert_eq!(answers, [serde_json::from_str::<Value>(wanted).expect("it is JSON")]);
    let (_, answers) = query(&["--start", "0", "--end", "30", "--step", "15s", "sum(m)"]);
    assert_eq!(answers[0]["data"]["resultType"], "matrix");
    assert_eq!(answers[0]["data"]["result"][0]["values"].as_array().map(Vec::len), Some(3));
}

#[test]
fn every_line_of_a_batch_has_its_answer_and_errors_end_nothing() {
    let (code, answers) = query(&["--queries", "queries.jsonl"]);
    assert_eq!((code, answers.len()), (0, 6));
    assert_eq!(answers[0]["data"]["result"][0]["value"][0], 60.5);
    assert_eq!(answers[1]["data"]["result"][0]["values"][2], serde_json::json!([30, "3"]));
    let error = |i: usize| (answers[i]["errorType"].as_str().unwrap_or(""), answers[i]["error"].as_str().unwrap_or(""));
    assert_eq!(error(2), ("bad_data", "invalid parameter \"query\": 1:5: parse error: unclosed left parenthesis"));
    assert_eq!(
        error(3),
        (
            "bad_data",
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"
        )
    );
    assert_eq!(error(4).0, "bad_data");
    let (kind, words) = error(5);
    assert_eq!(kind, "execution");
    assert!(words.starts_with("found duplicate series for the match group {} on the"), "{words}");
}
