//! How Discord says no: numbered errors, and trees of what is wrong with a form, in the shape of the API version.
//!
//! Facts: Discord's documentation of JSON error codes, and bodies quoted in public bug reports.

use serde_json::{Map, Value, json};

use super::http::Response;
use super::route::ApiVersion;

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiError {
    /// No such path.
    NotFound,
    /// The path has no token, and nobody is logged in.
    Unauthorized,
    /// The path knows no such method.
    MethodNotAllowed,
    /// 50041.
    InvalidVersion,
    /// 10003, of a thread.
    UnknownChannel,
    /// 10008.
    UnknownMessage,
    /// 10015.
    UnknownWebhook,
    /// 50027.
    InvalidToken,
    /// 50006.
    EmptyMessage,
    /// 50006 for an embed whose texts are all empty, where the documentation says nothing.
    EmptyEmbed,
    /// 50109.
    InvalidJson,
    /// 40005.
    TooLarge,
    /// 220001.
    ForumNeedsThread,
    /// 220002.
    ForumBothThreads,
    /// 220003.
    ThreadNameOutsideForum,
    /// 220004.
    ServiceInForum,
    /// 50035.
    Form(FormErrors),
}

impl ApiError {
    /// The answer, in the words and shape of `version`.
    pub fn response(&self, version: ApiVersion) -> Response {
        let (status, code, message) = match self {
            Self::NotFound => (404, 0, "404: Not Found"),
            Self::Unauthorized => (401, 0, "401: Unauthorized"),
            Self::MethodNotAllowed => (405, 0, "405: Method Not Allowed"),
            Self::InvalidVersion => (400, 50041, "Invalid API version provided"),
            Self::UnknownChannel => (404, 10003, "Unknown Channel"),
            Self::UnknownMessage => (404, 10008, "Unknown Message"),
            Self::UnknownWebhook => (404, 10015, "Unknown Webhook"),
            Self::InvalidToken => (401, 50027, "Invalid Webhook Token"),
            Self::EmptyMessage | Self::EmptyEmbed => (400, 50006, "Cannot send an empty message"),
            Self::InvalidJson => (400, 50109, "The request body contains invalid JSON."),
            Self::TooLarge => (413, 40005, "Request entity too large"),
            Self::ForumNeedsThread => {
                (400, 220001, "Webhooks posted to forum channels must have a thread_name or thread_id")
            }
            Self::ForumBothThreads => {
                (400, 220002, "Webhooks posted to forum channels cannot have both a thread_name and thread_id")
            }
            Self::ThreadNameOutsideForum => (400, 220003, "Webhooks can only create threads in forum channels"),
            Self::ServiceInForum => (400, 220004, "Webhook services cannot be used in forum channels"),
            Self::Form(errors) => return Response::json(400, &errors.body(version)),
        };
        let mut response = Response::json(status, &json!({"message": message, "code": code}));
        if *self == Self::EmptyEmbed {
            response.note =
                Some("an embed with empty texts counts as no message here; Discord does not document what it answers");
        }
        response
    }
}

/// What is wrong with a form: a tree along its keys and list positions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormErrors {
    own: Vec<(&'static str, String)>,
    children: Vec<(String, FormErrors)>,
}

impl FormErrors {
    /// A single error at a key.
    pub fn at(key: &str, code: &'static str, message: impl Into<String>) -> Self {
        let mut errors = Self::default();
        errors.push(&[key.to_owned()], code, message);
        errors
    }

    /// Adds an error at a path of keys and list positions.
    pub fn push(&mut self, path: &[String], code: &'static str, message: impl Into<String>) {
        let mut node = self;
        for key in path {
            let at = node.children.iter().position(|(k, _)| k == key).unwrap_or_else(|| {
                node.children.push((key.clone(), Self::default()));
                node.children.len() - 1
            });
            node = &mut node.children[at].1;
        }
        node.own.push((code, message.into()));
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.own.is_empty() && self.children.is_empty()
    }

    /// Whether anything is wrong below a top-level key.
    pub fn has(&self, key: &str) -> bool {
        self.children.iter().any(|(k, _)| k == key)
    }

    fn body(&self, version: ApiVersion) -> Value {
        if version.has_error_trees() {
            json!({"message": "Invalid Form Body", "code": 50035, "errors": self.tree()})
        } else {
            self.flat()
        }
    }

    fn tree(&self) -> Value {
        let mut map = Map::new();
        if !self.own.is_empty() {
            let own = self.own.iter().map(|(code, message)| json!({"code": code, "message": message}));
            map.insert("_errors".to_owned(), own.collect());
        }
        for (key, child) in &self.children {
            map.insert(key.clone(), child.tree());
        }
        Value::Object(map)
    }

    /// Version 6 and 7: for each key its messages, or only which of its parts are wrong.
    fn flat(&self) -> Value {
        let mut map = Map::new();
        if !self.own.is_empty() {
            map.insert("_misc".to_owned(), self.own.iter().map(|(_, m)| m.as_str()).collect());
        }
        for (key, child) in &self.children {
            let told: Vec<&str> = if child.own.is_empty() {
                child.children.iter().map(|(k, _)| k.as_str()).collect()
            } else {
                child.own.iter().map(|(_, m)| m.as_str()).collect()
            };
            map.insert(key.clone(), told.into());
        }
        Value::Object(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_versions_tell_only_the_place() {
        let mut errors = FormErrors::default();
        let path = ["embeds", "0", "title"].map(str::to_owned);
        errors.push(&path, "BASE_TYPE_MAX_LENGTH", "Must be 256 or fewer in length.");
        assert_eq!(errors.body(ApiVersion::UNVERSIONED).to_string(), r#"{"embeds":["0"]}"#);
        let tree = errors.body(ApiVersion(10));
        assert_eq!(tree["errors"]["embeds"]["0"]["title"]["_errors"][0]["code"], "BASE_TYPE_MAX_LENGTH");
    }
}
