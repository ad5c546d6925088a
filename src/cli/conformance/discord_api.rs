//! Suite `discord-api`: requests to the stand-in for Discord's webhook API, and the answers it has to give.
//!
//! Every case meets a fresh server that knows one webhook. A case about a message of it (`{message_id}` in the path)
//! finds one there; a case that expects 429 is repeated until the bucket is full.

use std::path::Path;

use serde_json::{Map, Value};

use super::{SuiteError, SuiteReport, read};
use crate::discord::api::{Channel, DiscordServer, Policy, Request, Response, Settings, Webhook};
use crate::model::Time;

const WEBHOOK: u64 = 111_111_111_111_111_111;
const TOKEN: &str = "tok-en_A";
const NOW: Time = Time(1_700_000_000_000_000_000);
/// Requests after which a case that waits for a rate limit gives up.
const PATIENCE: usize = 100;

/// Runs the suite.
pub fn run(path: &Path, dialect: Option<&str>) -> Result<SuiteReport, SuiteError> {
    let _ = dialect;
    let document: Value =
        serde_json::from_str(&read(path)?).map_err(|e| SuiteError(format!("{}: {e}", path.display())))?;
    let cases = document["cases"].as_array().ok_or_else(|| SuiteError("no list of cases".to_owned()))?;
    let mut report = SuiteReport::default();
    for (i, case) in cases.iter().enumerate() {
        let name = case["name"].as_str().map_or_else(|| format!("case {i}"), str::to_owned);
        match judge(case) {
            Ok(()) => report.pass(),
            Err((expected, actual)) => report.fail(name, expected, actual),
        }
    }
    Ok(report)
}

type Mismatch = (String, String);

fn judge(case: &Value) -> Result<(), Mismatch> {
    let expect = case["expect"].as_object().ok_or_else(|| unreadable("expect"))?;
    let request = &case["request"];
    let method = request["method"].as_str().ok_or_else(|| unreadable("method"))?;
    let target = request["path"].as_str().ok_or_else(|| unreadable("path"))?;
    let mut server = server(case);
    let target = match target.contains("{message_id}") {
        true => target.replace("{message_id}", &post_message(&mut server, target)),
        false => target.to_owned(),
    };
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let body = body(&request["body"]);
    let headers = headers(request, !body.is_empty());
    let request = Request { method, path, query, headers: &headers, body: &body };
    let mut response = server.handle(NOW, &request);
    if expect.get("status") == Some(&Value::from(429)) {
        for _ in 0..PATIENCE {
            if response.status == 429 {
                break;
            }
            response = server.handle(NOW, &request);
        }
    }
    compare(expect, &response)
}

fn unreadable(what: &str) -> Mismatch {
    (format!("a case with {what}"), "cannot read the case".to_owned())
}

fn server(case: &Value) -> DiscordServer {
    let mut server = DiscordServer::new(Settings { policy: Policy::Listed, ..Settings::default() });
    let says = |key: &str, word: &str| case[key].as_str().is_some_and(|t| t.contains(word));
    let forum = says("note", "forum") || case["name"].as_str().is_some_and(|n| n.starts_with("forum"));
    let channel = if forum {
        Channel::Forum { threads: Default::default() }
    } else {
        Channel::Text { threads: Default::default() }
    };
    server.add_webhook(Webhook { channel, ..Webhook::new(WEBHOOK, TOKEN) });
    server
}

/// Sends the message that a case is about; its id.
fn post_message(server: &mut DiscordServer, target: &str) -> String {
    let path = target.split("/messages/").next().unwrap_or(target);
    let headers = [("Content-Type".to_owned(), "application/json".to_owned())];
    let body = br#"{"content":"first"}"#;
    let response = server.handle(
        NOW.plus_millis(-60_000),
        &Request { method: "POST", path, query: "wait=true", headers: &headers, body },
    );
    let message: Value = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
    message["id"].as_str().unwrap_or("0").to_owned()
}

fn body(value: &Value) -> Vec<u8> {
    match value {
        Value::Null => Vec::new(),
        Value::String(raw) => raw.clone().into_bytes(),
        other => expand(other).to_string().into_bytes(),
    }
}

/// Writes `x*N` out as N times x, with what stands around it left in place.
fn expand(value: &Value) -> Value {
    match value {
        Value::String(text) => repeated(text).map_or_else(|| value.clone(), Value::String),
        Value::Array(list) => list.iter().map(expand).collect(),
        Value::Object(map) => Value::Object(map.iter().map(|(k, v)| (k.clone(), expand(v))).collect()),
        other => other.clone(),
    }
}

fn repeated(text: &str) -> Option<String> {
    let core = text.trim();
    let (unit, count) = core.rsplit_once('*')?;
    let count: usize = count.parse().ok().filter(|n| *n <= 100_000)?;
    (unit.chars().count() == 1).then(|| text.replace(core, &unit.repeat(count)))
}

fn headers(request: &Value, has_body: bool) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = match &request["headers"] {
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), v.as_str().unwrap_or("").to_owned())).collect(),
        Value::Array(list) => {
            list.iter().filter_map(|pair| Some((pair[0].as_str()?.to_owned(), pair[1].as_str()?.to_owned()))).collect()
        }
        _ => Vec::new(),
    };
    let given = request.get("content_type").or(request.get("contentType"));
    match given {
        Some(Value::String(kind)) => headers.push(("Content-Type".to_owned(), kind.clone())),
        Some(_) => {}
        // A case that lists no header at all means just that.
        None if request["headers"].as_object().is_some_and(Map::is_empty) => {}
        None if has_body && !headers.iter().any(|(n, _)| n.eq_ignore_ascii_case("content-type")) => {
            headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
        }
        None => {}
    }
    headers
}

fn compare(expect: &Map<String, Value>, response: &Response) -> Result<(), Mismatch> {
    let text = String::from_utf8_lossy(&response.body).into_owned();
    let actual = serde_json::from_slice::<Value>(&response.body).unwrap_or(Value::Null);
    let told = || format!("{} {text}", response.status);
    for (key, wanted) in expect {
        let holds = match key.as_str() {
            "status" => wanted.as_u64() == Some(u64::from(response.status)),
            "empty_body" => wanted.as_bool() == Some(response.body.is_empty()),
            "json" => actual == expand(wanted),
            "json_equals" => {
                wanted.as_object().is_some_and(|m| m.iter().all(|(k, v)| at(&actual, k) == Some(&expand(v))))
            }
            "json_has" => names(wanted).all(|name| at(&actual, name).is_some()),
            "json_lacks" => names(wanted).all(|name| at(&actual, name).is_none()),
            "headers" => {
                let wanted = wanted.as_object().ok_or_else(|| unreadable("headers"))?;
                for (name, value) in wanted {
                    let value = value.as_str().unwrap_or("");
                    let shown = response.header(name);
                    if !shown.is_some_and(|shown| header_fits(value, shown)) {
                        return Err((format!("{name}: {value}"), format!("{name}: {}", shown.unwrap_or("absent"))));
                    }
                }
                true
            }
            _ => return Err((format!("an expectation that is known, got {key}"), told())),
        };
        if !holds {
            return Err((format!("{key}: {wanted}"), told()));
        }
    }
    Ok(())
}

fn names(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// A key, or a path of keys with dots.
fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    value.get(path).or_else(|| {
        path.split('.').try_fold(value, |value, key| match value {
            Value::Array(list) => list.get(key.parse::<usize>().ok()?),
            other => other.get(key),
        })
    })
}

/// Whether a header is as told: the value itself, or a description of its form.
fn header_fits(wanted: &str, shown: &str) -> bool {
    let whole = || shown.bytes().all(|b| b.is_ascii_digit()) && !shown.is_empty();
    if wanted.contains("decimals") {
        shown.contains('.') && shown.parse::<f64>().is_ok()
    } else if wanted.contains("whole") || wanted.contains("millisecond") {
        whole()
    } else if wanted == "opaque" || wanted.contains(' ') {
        !shown.is_empty()
    } else {
        wanted == shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_written_out_with_its_surroundings() {
        assert_eq!(expand(&" y*3 ".into()), Value::from(" yyy "));
        assert_eq!(expand(&"2 * 3".into()), Value::from("2 * 3"));
    }

    #[test]
    fn a_described_header_is_judged_by_its_form() {
        assert!(header_fits("whole seconds, rounded up", "2"));
        assert!(!header_fits("epoch seconds with decimals", "2"));
        assert!(header_fits("user", "user") && !header_fits("user", "shared"));
    }
}
