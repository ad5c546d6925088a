//! Alertmanager's API, replayed against exchanges with the real 0.25. Ids and times differ from run to run: ids are
//! translated as they appear, times are compared by their form.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a test that is skipped says so loudly")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use labkit::alertmanager::api::{ApiRequest, ServerFacts};
use labkit::alertmanager::config::Config;
use labkit::alertmanager::{Alertmanager, Options, PostableSilence, Version};
use labkit::model::{MatchOp, Matcher, Time};
use labkit::text::SourceText;
use serde_json::Value;

fn recorded() -> Option<PathBuf> {
    let given = std::env::var_os("LABKIT_CONFORMANCE");
    let root = given.map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance"), PathBuf::from);
    let path = root.join("alertmanager/api-v2-captured-0.25/exchanges.json");
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var_os("LABKIT_REQUIRE").is_none_or(|v| v != "1"), "no recorded behaviour at {}", path.display());
    eprintln!("SKIPPED: no recorded behaviour at {}; set LABKIT_CONFORMANCE", path.display());
    None
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(b) = rest.next() {
        match b {
            b'+' => bytes.push(b' '),
            b'%' => {
                let hex = [rest.next().expect("hex"), rest.next().expect("hex")];
                let hex = std::str::from_utf8(&hex).expect("hex");
                bytes.push(u8::from_str_radix(hex, 16).expect("hex"));
            }
            b => bytes.push(b),
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}

/// Replaces times by `T`: what stands between quotes and begins like one.
fn without_times(text: &str) -> String {
    let parts = text.split('"').map(|part| {
        let is_time = part.len() >= 20 && part.is_char_boundary(5) && part.starts_with("20") && part.ends_with('Z');
        if is_time { "T" } else { part }
    });
    parts.collect::<Vec<_>>().join("\"")
}

#[test]
fn requests_are_answered_as_the_real_0_25_does() {
    let Some(path) = recorded() else { return };
    let data: Value = serde_json::from_str(&std::fs::read_to_string(path).expect("readable")).expect("JSON");
    let config = data["config"].as_str().expect("a configuration");
    let config = Config::load(&SourceText::new("am.yml", config), Version::V0_25).config.expect("accepted");
    let start: jiff::Timestamp = data["measured_at"].as_str().expect("a time").parse().expect("a time");
    let start = Time(i64::try_from(start.as_nanosecond()).expect("in range"));
    let mut machine = Alertmanager::new(Arc::new(config), Version::V0_25, Options::default(), start);
    let facts = ServerFacts::default();
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    let (mut compared, mut wrong) = (0, Vec::new());
    for (i, exchange) in data["exchanges"].as_array().expect("a list").iter().enumerate() {
        let name = exchange["name"].as_str().expect("a name");
        let (request, response) = (&exchange["request"], &exchange["response"]);
        let text = |v: &Value| v.as_str().unwrap_or("").to_owned();
        let mut target = text(&request["path"]);
        let mut body = text(&request["body"]);
        if target.starts_with("/-/reload") {
            continue;
        }
        // One silence was made outside of the recording.
        let unseen =
            target.strip_prefix("/api/v2/silence/").filter(|id| name == "silence: delete" && !ids.contains_key(*id));
        if let Some(id) = unseen.map(str::to_owned) {
            let now = start.plus_millis(i as i64 + 2_537);
            let silence = PostableSilence {
                id: None,
                matchers: vec![Matcher::new(MatchOp::Equal, "a", "b", false).expect("no pattern")],
                starts_at: now,
                ends_at: now.plus_millis(60_000),
                created_by: "lab".into(),
                comment: "c".into(),
            };
            ids.insert(id, machine.set_silence(now, silence).expect("a good silence").to_string());
        }
        for (theirs, ours) in &ids {
            target = target.replace(theirs, ours);
            body = body.replace(theirs, ours);
        }
        let (path, query) = target.split_once('?').map_or((target.as_str(), ""), |(p, q)| (p, q));
        let query = query.split('&').filter_map(|pair| pair.split_once('='));
        let asked = ApiRequest {
            method: text(&request["method"]),
            path: path.to_owned(),
            query: query.map(|(k, v)| (decode(k), decode(v))).collect(),
            content_type: request["content_type"].as_str().map(str::to_owned),
            body: body.into_bytes(),
        };
        // The silences came about two and a half seconds after the alerts.
        let later = if name.contains("silence") { 2_537 } else { 0 };
        let now = start.plus_millis(i as i64 + later);
        machine.poll(now);
        let mut answer = machine.answer(now, &asked, &facts);
        let expected = text(&response["body"]);
        if let (Ok(theirs), Ok(ours)) =
            (serde_json::from_str::<Value>(&expected), serde_json::from_str::<Value>(&answer.body))
            && let (Some(theirs), Some(ours)) = (theirs["silenceID"].as_str(), ours["silenceID"].as_str())
        {
            ids.insert(theirs.to_owned(), ours.to_owned());
        }
        for (theirs, ours) in &ids {
            answer.body = answer.body.replace(ours, theirs);
        }
        compared += 1;
        let status = response["status"].as_u64().expect("a status");
        let same_status = u64::from(answer.status) == status;
        // What a status tells of its build and configuration is its own.
        let own_words = path.ends_with("/status");
        let same_kind = own_words
            || answer.content_type.map(|t| t.split(';').next())
                == response["content_type"].as_str().map(|t| t.split(';').next());
        // Ids of one alert's silences are listed in the order of ids, which differ.
        let sorted = |text: &str| {
            let mut letters: Vec<char> = without_times(text).chars().collect();
            if name.starts_with("alerts after") {
                letters.sort_unstable();
            }
            letters.into_iter().collect::<String>()
        };
        if !same_status || !same_kind || (!own_words && sorted(&answer.body) != sorted(&expected)) {
            wrong.push(format!(
                "{name}\n  wanted {status} {expected}\n  got {} {:?} {}",
                answer.status, answer.content_type, answer.body
            ));
        }
    }
    assert!(compared > 60, "{compared}");
    assert!(wrong.is_empty(), "{} of {compared}:\n{}", wrong.len(), wrong.join("\n"));
}

const CONFIG: &str = "route: {receiver: def, group_wait: 1h, group_interval: 1h}\nreceivers: [{name: def}]\n";

fn machine(version: Version, now: Time) -> Alertmanager {
    let config = Config::load(&SourceText::new("am.yml", CONFIG), version).config.expect("accepted");
    Alertmanager::new(Arc::new(config), version, Options::default(), now)
}

fn request(method: &str, target: &str, content_type: Option<&str>, body: &str) -> ApiRequest {
    let (path, query) = target.split_once('?').map_or((target, ""), |(p, q)| (p, q));
    let query = query.split('&').filter_map(|pair| pair.split_once('='));
    ApiRequest {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.map(|(k, v)| (decode(k), decode(v))).collect(),
        content_type: content_type.map(str::to_owned),
        body: body.as_bytes().to_vec(),
    }
}

/// Each line of the file was refused by the real 0.25 on a fresh start.
#[test]
fn bad_requests_are_refused_in_the_words_of_the_real_0_25() {
    let lines = include_str!("../fixtures/alertmanager/api-refusals-0.25.jsonl");
    let now = Time::from_millis(1_780_000_000_000);
    let mut wrong = Vec::new();
    for line in lines.lines() {
        let case: Value = serde_json::from_str(line).expect("JSON");
        let text = |name: &str| case[name].as_str();
        let asked = request(
            text("method").expect("a method"),
            text("target").expect("a target"),
            text("content_type"),
            text("body").unwrap_or(""),
        );
        let answer = machine(Version::V0_25, now).answer(now, &asked, &ServerFacts::default());
        // The methods that are allowed come in any order.
        let letters = |text: &str| {
            let mut letters: Vec<char> = text.chars().collect();
            letters.sort_unstable();
            letters
        };
        let wanted = text("answer").expect("an answer");
        let same = if answer.status == 405 { letters(&answer.body) == letters(wanted) } else { answer.body == wanted };
        if Some(u64::from(answer.status)) != case["status"].as_u64() || !same {
            wrong.push(format!("{line}\n  got {} {}", answer.status, answer.body));
        }
    }
    assert!(lines.lines().count() > 100);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn silences_are_filtered_by_having_the_matcher_and_alerts_by_matching_it() {
    let now = Time::from_millis(1_780_000_000_000);
    let mut machine = machine(Version::V0_25, now);
    let facts = ServerFacts::default();
    let mut ask = |method: &str, target: &str, body: &str| {
        machine.answer(now, &request(method, target, Some("application/json"), body), &facts).body
    };
    let silence = r#"{"matchers":[{"name":"a","value":"b","isRegex":false}],"startsAt":"","endsAt":"2099-01-01T00:00:00Z",
        "createdBy":"<me>","comment":""}"#;
    assert!(ask("POST", "/api/v2/silences", silence).starts_with(r#"{"silenceID":""#));
    assert!(ask("GET", "/api/v2/silences?filter=a%3Db", "").contains(r#""createdBy":"\u003cme\u003e""#));
    for other in ["a%3D~b", "x%3D%22%22", "a!%3Dc"] {
        assert_eq!(ask("GET", &format!("/api/v2/silences?filter={other}"), ""), "[]\n", "{other}");
    }
    // The first value of a body counts, names of members are read in any case, and half a pair of surrogates is none.
    let alerts = r#"[{"LABELS":{"a":"<b>\ud800"},"startsAt":""}] and more"#;
    assert_eq!(ask("POST", "/api/v2/alerts", alerts), "");
    assert!(
        ask("GET", "/api/v2/alerts?receiver=&active=&filter=a!%3Dc", "").contains("\"a\":\"\\u003cb\\u003e\u{fffd}\"")
    );
    assert!(ask("GET", "/api/v2/alerts", "").contains(r#""startsAt":"1970-01-01T00:00:00.000Z""#));
}

#[test]
fn groups_and_receivers_tell_what_their_release_knows() {
    let text = "route:\n  receiver: def\n  group_by: [a]\n  routes:\n  - {matchers: ['a=~\".+\"'], labels: {who: ops}, \
                mute_time_intervals: [always]}\nreceivers:\n- {name: def, labels: {team: x}}\n\
                time_intervals: [{name: always, time_intervals: [{months: ['1:12']}]}]\n";
    let now = Time::from_millis(1_780_000_000_000);
    let told = |version: Version, text: &str, target: &str| {
        let config = Config::load(&SourceText::new("am.yml", text), version).config.expect("accepted");
        let mut machine = Alertmanager::new(Arc::new(config), version, Options::default(), now);
        let facts = ServerFacts::default();
        let alerts = r#"[{"labels":{"a":"<b>"}}]"#;
        machine.answer(now, &request("POST", "/api/v2/alerts", Some("application/json"), alerts), &facts);
        machine.answer(now, &request("GET", target, None, ""), &facts).body
    };
    assert_eq!(told(Version::V0_34, text, "/api/v2/receivers"), "[{\"labels\":{\"team\":\"x\"},\"name\":\"def\"}]\n");
    let groups = told(Version::V0_34, text, "/api/v2/alerts/groups");
    // The labels of the alert have a writer of their own, which escapes.
    assert!(
        groups.contains(r#""labels":{"a":"\u003cb\u003e"}}],"labels":{"a":"<b>"},"receiver":{"name":"def"},"#),
        "{groups}"
    );
    assert!(
        groups.contains(r#""routeLabels":{"who":"ops"}"#) && groups.contains(r#""mutedBy":["always"]"#),
        "{groups}"
    );
    assert_eq!(told(Version::V0_34, text, "/api/v2/alerts/groups?muted=false"), "[]\n");
    let old = text.replace(", labels: {team: x}", "").replace("labels: {who: ops}, ", "");
    let groups = told(Version::V0_25, &old, "/api/v2/alerts/groups?muted=false");
    assert!(groups.contains(r#""silencedBy":[],"state":"active""#), "{groups}");
}
