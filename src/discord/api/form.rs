//! Checks the values of a form one by one and collects everything that is wrong.

use serde_json::{Map, Value};

use super::errors::FormErrors;

/// What a limit counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Counting {
    /// Unicode code points.
    #[default]
    CodePoints,
    /// UTF-16 code units, as JavaScript counts.
    Utf16,
}

impl Counting {
    /// The length of a text.
    pub fn len(self, text: &str) -> usize {
        match self {
            Self::CodePoints => text.chars().count(),
            Self::Utf16 => text.encode_utf16().count(),
        }
    }
}

/// A place in a form that is being checked.
pub(super) struct Form {
    /// What was found so far.
    pub(super) errors: FormErrors,
    path: Vec<String>,
    counting: Counting,
}

impl Form {
    pub(super) fn new(counting: Counting) -> Self {
        Self { errors: FormErrors::default(), path: Vec::new(), counting }
    }

    pub(super) fn len(&self, text: &str) -> usize {
        self.counting.len(text)
    }

    /// Notes that the value at `key` of the current place is wrong.
    pub(super) fn wrong(&mut self, key: &str, code: &'static str, message: impl Into<String>) {
        self.path.push(key.to_owned());
        self.errors.push(&self.path, code, message);
        self.path.pop();
    }

    /// Checks what lies below `key`.
    pub(super) fn inside<T>(&mut self, key: &str, check: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(key.to_owned());
        let out = check(self);
        self.path.pop();
        out
    }

    /// A text without the blanks around it; absent, null and empty give none.
    pub(super) fn text(&mut self, map: &Map<String, Value>, key: &str) -> Option<String> {
        let text = match map.get(key)? {
            Value::Null => return None,
            Value::String(s) => s.trim().to_owned(),
            Value::Number(n) => n.to_string(),
            Value::Bool(b) => if *b { "True" } else { "False" }.to_owned(),
            Value::Array(_) | Value::Object(_) => {
                self.wrong(key, "STRING_TYPE_CONVERT", "Could not interpret value as string.");
                return None;
            }
        };
        (!text.is_empty()).then_some(text)
    }

    /// A text of at most `max` characters.
    pub(super) fn short_text(&mut self, map: &Map<String, Value>, key: &str, max: usize) -> Option<String> {
        let text = self.text(map, key)?;
        self.at_most(key, self.len(&text), max);
        Some(text)
    }

    /// A text that has to be there.
    pub(super) fn required_text(&mut self, map: &Map<String, Value>, key: &str, max: usize) -> Option<String> {
        let text = self.short_text(map, key, max);
        if text.is_none() && matches!(map.get(key), None | Some(Value::Null | Value::String(_))) {
            self.wrong(key, "BASE_TYPE_REQUIRED", "This field is required");
        }
        text
    }

    /// Notes a length above its limit.
    pub(super) fn at_most(&mut self, key: &str, len: usize, max: usize) {
        if len > max {
            self.wrong(key, "BASE_TYPE_MAX_LENGTH", format!("Must be {max} or fewer in length."));
        }
    }

    /// A whole number between the limits; a numeric string counts.
    pub(super) fn integer(&mut self, map: &Map<String, Value>, key: &str, min: i64, max: i64) -> Option<i64> {
        let value = match map.get(key)? {
            Value::Null => return None,
            Value::Number(n) => n.as_i64().or_else(|| n.as_f64().filter(|f| f.fract() == 0.0).map(|f| f as i64)),
            Value::String(s) => s.trim().parse().ok(),
            _ => None,
        };
        let Some(value) = value else {
            let shown = map.get(key).map_or_else(String::new, shown);
            self.wrong(key, "NUMBER_TYPE_COERCE", format!("Value \"{shown}\" is not int."));
            return None;
        };
        if value > max {
            self.wrong(key, "NUMBER_TYPE_MAX", format!("int value should be less than or equal to {max}."));
        } else if value < min {
            self.wrong(key, "NUMBER_TYPE_MIN", format!("int value should be greater than or equal to {min}."));
        }
        Some(value)
    }

    /// A boolean; the words of a form count.
    pub(super) fn boolean(&mut self, map: &Map<String, Value>, key: &str) -> bool {
        match map.get(key) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(b)) => *b,
            Some(Value::String(s)) if matches!(s.as_str(), "true" | "True" | "1") => true,
            Some(Value::String(s)) if matches!(s.as_str(), "false" | "False" | "0" | "") => false,
            Some(Value::Number(n)) if n.as_i64() == Some(1) => true,
            Some(Value::Number(n)) if n.as_i64() == Some(0) => false,
            Some(_) => {
                self.wrong(key, "BOOLEAN_TYPE_CONVERT", "Must be either true or false.");
                false
            }
        }
    }

    /// An address with one of the schemes, whose host has a dot.
    pub(super) fn url(&mut self, map: &Map<String, Value>, key: &str, schemes: &[&str]) -> Option<String> {
        if map.get(key) == Some(&Value::String(String::new())) {
            self.scheme(key, "", schemes);
            return None;
        }
        let url = self.text(map, key)?;
        // Without a scheme the whole value is what Discord names as the scheme.
        let (scheme, rest) = url.split_once("://").unwrap_or((&url, ""));
        if !schemes.contains(&scheme) {
            self.scheme(key, scheme, schemes);
        } else if scheme != "attachment" && !rest.split(['/', '?', '#']).next().is_some_and(public_host) {
            self.wrong(key, "URL_TYPE_INVALID_URL", "Not a well formed URL.");
        } else {
            self.at_most(key, self.len(&url), 2048);
        }
        Some(url)
    }

    fn scheme(&mut self, key: &str, scheme: &str, schemes: &[&str]) {
        let list = schemes.iter().map(|s| format!("'{s}'")).collect::<Vec<_>>().join(", ");
        let message = format!("Scheme \"{scheme}\" is not supported. Scheme must be one of ({list}).");
        self.wrong(key, "URL_TYPE_INVALID_SCHEME", message);
    }

    /// A list.
    pub(super) fn list<'a>(&mut self, map: &'a Map<String, Value>, key: &str) -> Option<&'a Vec<Value>> {
        match map.get(key)? {
            Value::Null => None,
            Value::Array(list) => Some(list),
            _ => {
                self.wrong(key, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType");
                None
            }
        }
    }

    /// An object.
    pub(super) fn object<'a>(&mut self, value: Option<&'a Value>, key: &str) -> Option<&'a Map<String, Value>> {
        match value? {
            Value::Null => None,
            Value::Object(map) => Some(map),
            _ => {
                self.wrong(key, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType");
                None
            }
        }
    }
}

fn public_host(authority: &str) -> bool {
    let host = authority.rsplit('@').next().unwrap_or("");
    let host = host.split_once(':').map_or(host, |(h, _)| h);
    host.contains('.') && !host.starts_with('.') && !host.contains(char::is_whitespace)
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
