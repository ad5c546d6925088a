//! Requests and answers, and what all handlers share: times, filters, error bodies.

use serde_json::{Value, json};

use crate::alertmanager::matchers::{Names, parse_matcher};
use crate::alertmanager::version::Version;
use crate::golang::json_read::Json;
use crate::golang::regexp::Regexp;
use crate::model::{MatchOp, Matcher};

/// A request as it came over HTTP.
#[derive(Clone, Debug, Default)]
pub struct ApiRequest {
    /// `GET`, `POST`, `DELETE`.
    pub method: String,
    /// The path, without the query and without the server's prefix.
    pub path: String,
    /// The query's names and values, decoded, in order.
    pub query: Vec<(String, String)>,
    /// The content type, if told.
    pub content_type: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl ApiRequest {
    /// A flag of the query; Go's words for true, anything else is false.
    pub(super) fn flag(&self, name: &str, default: bool) -> bool {
        let words = ["true", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled"];
        let value = self.query.iter().rev().find(|(n, _)| n == name);
        value.filter(|(_, v)| !v.is_empty()).map_or(default, |(_, v)| words.contains(&v.to_lowercase().as_str()))
    }

    /// The matchers of all `filter` parameters.
    pub(super) fn filters(&self, version: Version, names: Names) -> Result<Vec<Matcher>, ApiResponse> {
        let texts = self.query.iter().filter(|(n, _)| n == "filter").map(|(_, v)| v);
        texts
            .map(|t| parse_matcher(t, version, names))
            .collect::<Result<_, _>>()
            .map_err(|e| ApiResponse::plain_error(400, &e))
    }

    /// The `receiver` parameter, an anchored pattern.
    pub(super) fn receiver(&self) -> Result<Option<Regexp>, ApiResponse> {
        let pattern = self.query.iter().rev().find(|(n, _)| n == "receiver").map_or("", |(_, pattern)| pattern);
        if pattern.is_empty() {
            return Ok(None);
        }
        match Regexp::anchored(pattern, false) {
            Ok(regexp) => Ok(Some(regexp)),
            Err(e) => Err(ApiResponse::plain_error(400, &format!("failed to parse receiver param: {e}"))),
        }
    }

    /// The body as JSON; `what` names it in errors.
    pub(super) fn json(&self, what: &str) -> Result<Json, ApiResponse> {
        let media = self.content_type.as_deref().unwrap_or("application/octet-stream");
        let kind = media.split(';').next().unwrap_or(media).trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            let why =
                format!("unsupported media type {}, only [application/json] are allowed", crate::golang::quote(kind));
            return Err(ApiResponse::coded(415, 415, &why));
        }
        if self.body.is_empty() {
            return Err(ApiResponse::required(what));
        }
        Json::read(&self.body).map_err(|why| ApiResponse::unparsable(what, &why))
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiResponse {
    /// The HTTP status.
    pub status: u16,
    /// The content type, when there is a body.
    pub content_type: Option<&'static str>,
    /// The body.
    pub body: String,
}

impl ApiResponse {
    /// Nothing but a status.
    pub(super) fn empty(status: u16) -> Self {
        Self { status, content_type: None, body: String::new() }
    }

    /// Plain text.
    pub fn text(status: u16, body: &str) -> Self {
        Self { status, content_type: Some("text/plain; charset=utf-8"), body: body.to_owned() }
    }

    /// JSON with a newline, `<`, `>` and `&` as they are.
    pub(super) fn json(status: u16, value: &Value) -> Self {
        Self::raw_json(status, go_json(value, false))
    }

    /// Written JSON, with a newline.
    pub(super) fn raw_json(status: u16, mut body: String) -> Self {
        body.push('\n');
        Self { status, content_type: Some("application/json"), body }
    }

    pub(super) fn without_newline(mut self) -> Self {
        self.body.pop();
        self
    }

    /// An error of the handlers: a JSON text.
    pub(super) fn plain_error(status: u16, why: &str) -> Self {
        let body = format!("{}\n", Value::from(why));
        Self { status, content_type: Some("application/json"), body }
    }

    /// An error of the request's form: code and message.
    pub(super) fn coded(status: u16, code: u32, why: &str) -> Self {
        let body = json!({"code": code, "message": why}).to_string();
        Self { status, content_type: Some("application/json"), body }
    }

    pub(super) fn unparsable(what: &str, why: &str) -> Self {
        Self::coded(400, 400, &format!("parsing {what} body from \"\" failed, because {why}"))
    }

    pub(super) fn method_not_allowed(method: &str, allowed: &str) -> Self {
        Self::coded(405, 405, &format!("method {method} is not allowed, but [{allowed}] are"))
    }

    /// A field that must be there and is not.
    pub(super) fn required(field: &str) -> Self {
        Self::coded(422, 602, &format!("{field} in body is required"))
    }
}

/// JSON as Go writes it. The server itself leaves HTML alone; what has a writer of its own (alerts, silences) does not.
pub(super) fn go_json(value: &Value, escapes_html: bool) -> String {
    let mut text = String::new();
    for c in value.to_string().chars() {
        match c {
            '<' | '>' | '&' if escapes_html => text.push_str(&format!("\\u{:04x}", c as u32)),
            '\u{2028}' | '\u{2029}' => text.push_str(&format!("\\u{:04x}", c as u32)),
            c => text.push(c),
        }
    }
    text
}

/// Whether labels satisfy the filters of a query; `get` gives a label's value.
pub(super) fn filters_hold<'l>(filters: &[Matcher], get: impl Fn(&str) -> Option<&'l str>) -> bool {
    filters.iter().all(|m| {
        let value = get(&m.name);
        let negative = matches!(m.op, MatchOp::NotEqual | MatchOp::NotRegexp);
        let passes_by_presence = m.value.is_empty() && value.is_some() == negative;
        passes_by_presence || m.matches_value(value.unwrap_or(""))
    })
}
