//! Making, listing and ending silences.

use std::sync::Arc;

use serde_json::{Value, json};

use super::members::Members;
use super::request::{ApiRequest, ApiResponse, go_json};
use super::times::show_time;
use crate::alertmanager::machine::Alertmanager;
use crate::alertmanager::matchers::{Names, is_label_name};
use crate::alertmanager::silence::{PostableSilence, Silence, SilenceError, SilenceState};
use crate::alertmanager::version::Version;
use crate::golang::json_read::Json;
use crate::golang::quote;
use crate::golang::regexp::Regexp;
use crate::model::{MatchOp, Matcher, Time};

/// A silence as posted, its matchers not yet compiled.
struct Draft {
    id: Option<Arc<str>>,
    matchers: Vec<(String, String, MatchOp)>,
    starts_at: Time,
    ends_at: Time,
    created_by: String,
    comment: String,
}

impl PostableSilence {
    /// Reads a silence as the API shows or takes it.
    ///
    /// # Errors
    /// What is wrong with it, in the words of the API.
    pub fn from_json(body: &Value, version: Version) -> Result<Self, String> {
        let draft = read_silence(&Json::from(body)).map_err(|answer| answer.body)?;
        Ok(Self {
            id: draft.id,
            matchers: compile(&draft.matchers, version, Names::Both)?,
            starts_at: draft.starts_at,
            ends_at: draft.ends_at,
            created_by: draft.created_by.into(),
            comment: draft.comment.into(),
        })
    }
}

impl Alertmanager {
    pub(super) fn post_silence(&mut self, now: Time, request: &ApiRequest) -> ApiResponse {
        let draft = match request.json("silence").and_then(|body| read_silence(&body)) {
            Ok(draft) => draft,
            Err(answer) => return answer,
        };
        let known = draft.id.as_ref().is_none_or(|id| self.silences.get(id).is_some());
        let times_hold = draft.starts_at < draft.ends_at && draft.ends_at >= now;
        let matchers = match compile(&draft.matchers, self.version, self.config.names) {
            Ok(matchers) => matchers,
            // Times and the id are looked at first.
            Err(why) if times_hold && known => {
                // Up to 0.27 the old one is ended before the new one is looked at.
                if let Some(id) = draft.id.filter(|_| self.version < Version::V0_28) {
                    let _ = self.expire_silence(now, &id);
                }
                return ApiResponse::plain_error(400, &why);
            }
            Err(_) => Vec::new(),
        };
        let posted = PostableSilence {
            id: draft.id,
            matchers,
            starts_at: draft.starts_at,
            ends_at: draft.ends_at,
            created_by: draft.created_by.into(),
            comment: draft.comment.into(),
        };
        match self.set_silence(now, posted) {
            Ok(id) => ApiResponse::json(200, &json!({"silenceID": &*id})),
            Err(e @ SilenceError::NotFound) => ApiResponse::plain_error(404, &e.to_string()),
            Err(e) => ApiResponse::plain_error(400, &e.to_string()),
        }
    }

    pub(super) fn get_silences(&self, now: Time, request: &ApiRequest) -> ApiResponse {
        let filters = match request.filters(self.version, self.config.names) {
            Ok(filters) => filters,
            Err(answer) => return answer,
        };
        // Not whether a filter would match, but whether the silence has just that matcher.
        let has = |s: &Silence, f: &Matcher| {
            s.matchers.iter().any(|m| (&m.name, m.op, &m.value) == (&f.name, f.op, &f.value))
        };
        let holds = |s: &&Silence| filters.iter().all(|f| has(s, f));
        let wanted = |s: &&Silence| {
            self.version < Version::V0_32
                || match s.state(now) {
                    SilenceState::Active => request.flag("active", true),
                    SilenceState::Pending => request.flag("pending", true),
                    SilenceState::Expired => request.flag("expired", true),
                }
        };
        let mut listed: Vec<&Silence> = self.silences.list().iter().filter(holds).filter(wanted).collect();
        listed.sort_by_key(|s| {
            let state = s.state(now);
            let next = match state {
                SilenceState::Active => s.ends_at.0,
                SilenceState::Pending => s.starts_at.0,
                SilenceState::Expired => -s.ends_at.0,
            };
            (state, next)
        });
        ApiResponse::raw_json(200, go_json(&listed.into_iter().map(|s| show(s, now)).collect(), true))
    }

    pub(super) fn get_silence(&self, now: Time, id: &str) -> ApiResponse {
        if let Some(answer) = not_a_uuid(id) {
            return answer;
        }
        match self.silences.get(id) {
            Some(silence) => ApiResponse::raw_json(200, go_json(&show(silence, now), true)),
            None => ApiResponse::empty(404),
        }
    }

    pub(super) fn delete_silence(&mut self, now: Time, id: &str) -> ApiResponse {
        if let Some(answer) = not_a_uuid(id) {
            return answer;
        }
        match self.expire_silence(now, id) {
            Ok(()) => ApiResponse::empty(200),
            Err(e) if self.version < Version::V0_26 => ApiResponse::plain_error(500, &e.to_string()),
            Err(_) => ApiResponse::empty(404),
        }
    }
}

fn not_a_uuid(id: &str) -> Option<ApiResponse> {
    // The dashes may be left out.
    let mut rest = id;
    let fits = [8, 4, 4, 4, 12].into_iter().enumerate().all(|(i, n)| {
        rest = if i > 0 { rest.strip_prefix('-').unwrap_or(rest) } else { rest };
        let (group, after) = rest.split_at_checked(n).unwrap_or_default();
        rest = after;
        group.len() == n && group.bytes().all(|b| b.is_ascii_hexdigit())
    }) && rest.is_empty();
    let why = format!("silenceID in path must be of type uuid: {}", quote(id));
    (!fits).then(|| ApiResponse::coded(422, 601, &why))
}

fn show(silence: &Silence, now: Time) -> Value {
    let matcher = |m: &Matcher| {
        json!({
            "isEqual": matches!(m.op, MatchOp::Equal | MatchOp::Regexp),
            "isRegex": matches!(m.op, MatchOp::Regexp | MatchOp::NotRegexp),
            "name": &*m.name,
            "value": &*m.value,
        })
    };
    json!({
        "id": &*silence.id,
        "status": {"state": silence.state(now).as_str()},
        "updatedAt": show_time(silence.updated_at),
        "comment": &*silence.comment,
        "createdBy": &*silence.created_by,
        "endsAt": show_time(silence.ends_at),
        "matchers": silence.matchers.iter().map(matcher).collect::<Vec<_>>(),
        "startsAt": show_time(silence.starts_at),
    })
}

fn compile(matchers: &[(String, String, MatchOp)], version: Version, names: Names) -> Result<Vec<Matcher>, String> {
    let invalid = |i: usize, why: String| format!("silence invalid: invalid label matcher {i}: {why}");
    let mut compiled = Vec::with_capacity(matchers.len());
    for (i, (name, value, op)) in matchers.iter().enumerate() {
        if !is_label_name(name, version, names) {
            return Err(invalid(i, format!("invalid label name {}", quote(name))));
        }
        if matches!(op, MatchOp::Regexp | MatchOp::NotRegexp)
            && let Err(e) = Regexp::new(value)
        {
            return Err(invalid(i, format!("invalid regular expression {}: {e}", quote(value))));
        }
        let matcher = Matcher::new(*op, name.as_str(), value.as_str(), false);
        compiled.push(matcher.map_err(|e| invalid(i, e.to_string()))?);
    }
    Ok(compiled)
}

fn read_silence(body: &Json) -> Result<Draft, ApiResponse> {
    let parsed = parse_silence(body).map_err(|why| ApiResponse::unparsable("silence", &why))?;
    let comment = parsed.comment.ok_or_else(|| ApiResponse::required("comment"))?;
    let created_by = parsed.created_by.ok_or_else(|| ApiResponse::required("createdBy"))?;
    let ends_at = parsed.ends_at.ok_or_else(|| ApiResponse::required("endsAt"))?;
    let items = parsed.matchers.ok_or_else(|| ApiResponse::required("matchers"))?;
    if items.is_empty() {
        return Err(ApiResponse::coded(422, 612, "matchers in body should have at least 1 items"));
    }
    let mut matchers = Vec::with_capacity(items.len());
    for (i, matcher) in items.into_iter().enumerate() {
        let required = |name: &str| ApiResponse::required(&format!("matchers.{i}.{name}"));
        let is_regex = matcher.is_regex.ok_or_else(|| required("isRegex"))?;
        let name = matcher.name.ok_or_else(|| required("name"))?;
        let value = matcher.value.ok_or_else(|| required("value"))?;
        let op = match (matcher.is_equal.unwrap_or(true), is_regex) {
            (true, false) => MatchOp::Equal,
            (true, true) => MatchOp::Regexp,
            (false, false) => MatchOp::NotEqual,
            (false, true) => MatchOp::NotRegexp,
        };
        matchers.push((name.to_owned(), value.to_owned(), op));
    }
    let starts_at = parsed.starts_at.ok_or_else(|| ApiResponse::required("startsAt"))?;
    let id = parsed.id.filter(|id| !id.is_empty()).map(Arc::from);
    let (created_by, comment) = (created_by.to_owned(), comment.to_owned());
    Ok(Draft { id, matchers, starts_at, ends_at, created_by, comment })
}

/// A silence with whatever members it has.
struct Parsed<'j> {
    id: Option<&'j str>,
    matchers: Option<Vec<ParsedMatcher<'j>>>,
    starts_at: Option<Time>,
    ends_at: Option<Time>,
    created_by: Option<&'j str>,
    comment: Option<&'j str>,
}

struct ParsedMatcher<'j> {
    name: Option<&'j str>,
    value: Option<&'j str>,
    is_regex: Option<bool>,
    is_equal: Option<bool>,
}

fn parse_silence(body: &Json) -> Result<Parsed<'_>, String> {
    let mut first = Members::of(body, "", "struct { ID string \"json:\\\"id,omitempty\\\"\" }")?;
    let id = first.text("id");
    first.finish()?;
    let mut second = Members::of(body, "Silence", "models.Silence")?;
    let parsed = Parsed {
        id,
        matchers: second.list("matchers", "models.Matchers", "models.Matcher", parse_matcher),
        starts_at: second.time("startsAt"),
        ends_at: second.time("endsAt"),
        created_by: second.text("createdBy"),
        comment: second.text("comment"),
    };
    second.finish()?;
    Ok(parsed)
}

fn parse_matcher(item: &Json) -> Result<ParsedMatcher<'_>, String> {
    let mut members = Members::of(item, "Matcher.matchers", "models.Matcher")?;
    let parsed = ParsedMatcher {
        name: members.text("name"),
        value: members.text("value"),
        is_regex: members.flag("isRegex"),
        is_equal: members.flag("isEqual"),
    };
    members.finish()?;
    Ok(parsed)
}
