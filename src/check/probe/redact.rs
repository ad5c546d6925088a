//! Secrets taken out of what is written down: those that were given to labkit, and what looks like one.

use serde_json::Value;

use super::http::Reply;
use crate::text::mask_secrets;

/// What stands for a secret.
const MASK: &str = "•••";
/// Shorter words, and these, occur everywhere and are no secrets.
const SHORTEST: usize = 6;
const COMMON: [&str; 6] = ["vagrant", "prometheus", "grafana", "password", "student", "alertmanager"];
/// Parts of names whose values are secrets.
const SECRET_KEYS: [&str; 5] = ["password", "secret", "token", "apikey", "api_key"];

/// Takes secrets out.
#[derive(Clone, Default)]
pub struct Redaction {
    words: Vec<String>,
}

impl Redaction {
    /// Also takes these words out.
    pub fn new(words: Vec<String>) -> Self {
        let long = |w: &String| w.len() >= SHORTEST && !COMMON.contains(&w.as_str());
        Self { words: words.into_iter().filter(long).collect() }
    }

    /// A text without secrets; a text that is JSON stays JSON.
    pub fn text(&self, text: &str) -> String {
        let begin = text.trim_start();
        if begin.starts_with(['{', '['])
            && let Ok(mut value) = serde_json::from_str::<Value>(text)
        {
            // Written anew only where something was taken out: numbers stay as they were.
            return if self.value(&mut value) { value.to_string() } else { text.to_owned() };
        }
        self.plain(text)
    }

    fn plain(&self, text: &str) -> String {
        let mut text = mask_secrets(text).into_owned();
        for word in &self.words {
            if text.contains(word.as_str()) {
                text = text.replace(word.as_str(), MASK);
            }
        }
        text
    }

    /// Whether something was taken out.
    fn value(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => {
                let clean = self.text(text);
                let changed = clean != *text;
                *text = clean;
                changed
            }
            Value::Array(list) => list.iter_mut().fold(false, |changed, v| self.value(v) | changed),
            Value::Object(map) => map.iter_mut().fold(false, |changed, (key, v)| {
                let lower = key.to_ascii_lowercase();
                match v {
                    Value::String(text)
                        if SECRET_KEYS.iter().any(|k| lower.ends_with(k))
                            && !text.is_empty()
                            && !text.starts_with('<')
                            && text != MASK =>
                    {
                        MASK.clone_into(text);
                        true
                    }
                    v => self.value(v) | changed,
                }
            }),
            _ => false,
        }
    }

    /// An answer without secrets.
    pub fn reply(&self, mut reply: Reply) -> Reply {
        // What is no text is a page that nobody can read; what can be read of it is kept.
        let text = String::from_utf8_lossy(&reply.body);
        let clean = self.text(&text);
        if clean.as_bytes() != reply.body {
            reply.body = clean.into_bytes();
        }
        reply.url = self.plain(&reply.url);
        reply
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_and_json_stays_json() {
        let redaction = Redaction::new(vec!["correct horse".to_owned(), "admin".to_owned()]);
        let body = r#"{"login":"admin","n":1.10,"password":"x","token":"<secret>","basicAuthPassword":"",
            "config":"webhook_url: https://discord.com/api/webhooks/12/abc","said":["correct horse"]}"#;
        let clean = redaction.text(body);
        let value: Value = serde_json::from_str(&clean).expect("still JSON");
        assert_eq!((&value["password"], &value["token"]), (&MASK.into(), &"<secret>".into()));
        assert_eq!((&value["login"], &value["said"][0]), (&"admin".into(), &MASK.into()));
        assert!(!clean.contains("abc") && clean.contains("webhooks/…/•••"), "{clean}");
        let same = "{\"password\": null, \"x\": 1.10}";
        assert_eq!(redaction.text(same), same);
        assert_eq!(redaction.text("up 1\n"), "up 1\n");
    }
}
