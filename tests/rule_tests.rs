//! `labkit test rules` on the fixtures: verdicts, exit codes, what is shown.

use assert_cmd::Command;

fn test(args: &[&str]) -> (i32, String) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/rule-tests");
    let mut command = Command::new(env!("CARGO_BIN_EXE_labkit"));
    let output = command.current_dir(folder).args(["test", "rules"]).args(args).output().expect("labkit starts");
    (output.status.code().expect("an exit code"), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn alerts_and_notifications_as_expected_pass() {
    let (code, out) = test(&["load.yml", "--timeline"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("  SUCCESS\n"), "{out}");
    assert!(out.contains("2m15s pending, 4m15s firing, 6m30s inactive"), "{out}");
}

#[test]
fn what_differs_is_shown_with_its_place() {
    let (code, out) = test(&["wrong.yml"]);
    assert_eq!(code, 1, "{out}");
    for words in [
        "alertname: HighCpu, time: 1m (wrong.yml:8:6)",
        "it is pending since 0s",
        "label severity\n            expected  \"page\"\n            got       \"warning\"",
        "expected  a notification, receiver \"discord\", not after 2m",
    ] {
        assert!(out.contains(words), "{words} is not in\n{out}");
    }
    assert_eq!(test(&["wrong.yml", "--run", "^late$"]).0, 0);
    assert_eq!(test(&["no-such-file.yml"]).0, 2);
}

#[test]
fn json_holds_every_failure() {
    let (code, out) = test(&["wrong.yml", "load.yml", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&out).expect("one document");
    assert_eq!(code, 1);
    assert_eq!(document["schema"], "labkit/test-rules/v1");
    assert_eq!(document["files"][0]["tests"][0]["failures"].as_array().map(Vec::len), Some(3));
    assert_eq!(document["files"][1]["verdict"], "pass");
}

#[test]
fn junit_has_a_case_for_every_test_and_its_failures() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("rules.xml");
    let file = path.to_str().expect("the path is text");
    assert_eq!(test(&["wrong.yml", "load.yml", "--junit", file]).0, 1);
    let xml = std::fs::read_to_string(&path).expect("it was written");
    assert!(xml.starts_with("<?xml"), "{xml}");
    assert_eq!(xml.matches("<testsuite ").count(), 2, "{xml}");
    assert!(xml.contains("<failure") && xml.contains("HighCpu"), "{xml}");
}

#[test]
fn groups_that_the_order_leaves_out_come_with_the_first_one() {
    let (code, out) = test(&["order.yml"]);
    assert_eq!(code, 0, "{out}");
}

#[test]
fn series_that_no_store_takes_fail_at_their_first_sample() {
    let (code, out) = test(&["unfit.yml"]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("(unfit.yml:7:19): empty labelset: invalid sample"), "{out}");
    assert!(out.contains("label name \"a\" is not unique: invalid sample"), "{out}");
    assert!(!out.contains("never met"), "{out}");
}
