//! Making, listing and ending silences.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::request::{ApiRequest, ApiResponse, filters_hold, go_kind, read_time, show_time};
use crate::alertmanager::machine::Alertmanager;
use crate::alertmanager::matchers::is_classic_label_name;
use crate::alertmanager::silence::{PostableSilence, Silence, SilenceError, SilenceState};
use crate::alertmanager::version::Version;
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
        let draft = read_silence(body).map_err(|answer| answer.body)?;
        Ok(Self {
            id: draft.id,
            matchers: compile(&draft.matchers, version)?,
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
        let matchers = match compile(&draft.matchers, self.version) {
            Ok(matchers) => matchers,
            // Times and the id are looked at first.
            Err(why) if times_hold && known => return ApiResponse::plain_error(400, &why),
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
        let filters = match request.filters(self.version) {
            Ok(filters) => filters,
            Err(answer) => return answer,
        };
        let holds = |s: &&Silence| {
            filters_hold(&filters, |name| s.matchers.iter().rev().find(|m| *m.name == *name).map(|m| &*m.value))
        };
        let mut listed: Vec<&Silence> = self.silences.list().iter().filter(holds).collect();
        listed.sort_by_key(|s| {
            let state = s.state(now);
            let next = match state {
                SilenceState::Active => s.ends_at.0,
                SilenceState::Pending => s.starts_at.0,
                SilenceState::Expired => -s.ends_at.0,
            };
            (state, next)
        });
        ApiResponse::json(200, &listed.into_iter().map(|s| show(s, now)).collect())
    }

    pub(super) fn get_silence(&self, now: Time, id: &str) -> ApiResponse {
        if let Some(answer) = not_a_uuid(id) {
            return answer;
        }
        match self.silences.get(id) {
            Some(silence) => ApiResponse::json(200, &show(silence, now)),
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
    let groups = [8, 4, 4, 4, 12];
    let parts: Vec<&str> = id.split('-').collect();
    let fits = parts.len() == groups.len()
        && parts.iter().zip(groups).all(|(p, n)| p.len() == n && p.bytes().all(|b| b.is_ascii_hexdigit()));
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

fn compile(matchers: &[(String, String, MatchOp)], version: Version) -> Result<Vec<Matcher>, String> {
    let invalid = |i: usize, why: String| format!("silence invalid: invalid label matcher {i}: {why}");
    let mut compiled = Vec::with_capacity(matchers.len());
    for (i, (name, value, op)) in matchers.iter().enumerate() {
        let legal = if version < Version::V0_27 { is_classic_label_name(name) } else { !name.is_empty() };
        if !legal {
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

fn read_silence(body: &Value) -> Result<Draft, ApiResponse> {
    let unparsable = |why: String| ApiResponse::unparsable("silence", &why);
    let Value::Object(fields) = body else {
        let why = format!("json: cannot unmarshal {} into Go value of type models.PostableSilence", go_kind(body));
        return Err(unparsable(why));
    };
    let text = |from: &Map<String, Value>, name: &str| match from.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(s)) => Ok(Some(s.clone())),
        Some(other) => Err(unparsable(format!(
            "json: cannot unmarshal {} into Go struct field .{name} of type string",
            go_kind(other)
        ))),
    };
    let flag = |from: &Map<String, Value>, name: &str| match from.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(b)) => Ok(Some(*b)),
        Some(other) => Err(unparsable(format!(
            "json: cannot unmarshal {} into Go struct field .{name} of type bool",
            go_kind(other)
        ))),
    };
    let time = |name: &str| text(fields, name)?.map(|s| read_time(&s).map_err(unparsable)).transpose();
    let (starts_at, ends_at) = (time("startsAt")?, time("endsAt")?);
    let comment = text(fields, "comment")?.ok_or_else(|| ApiResponse::required("comment"))?;
    let created_by = text(fields, "createdBy")?.ok_or_else(|| ApiResponse::required("createdBy"))?;
    let ends_at = ends_at.ok_or_else(|| ApiResponse::required("endsAt"))?;
    let items = match fields.get("matchers") {
        None | Some(Value::Null) => return Err(ApiResponse::required("matchers")),
        Some(Value::Array(items)) if items.is_empty() => {
            return Err(ApiResponse::coded(422, 612, "matchers in body should have at least 1 items"));
        }
        Some(Value::Array(items)) => items,
        Some(other) => {
            let why = format!(
                "json: cannot unmarshal {} into Go struct field .matchers of type models.Matchers",
                go_kind(other)
            );
            return Err(unparsable(why));
        }
    };
    let mut matchers = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        let Value::Object(matcher) = item else {
            return Err(unparsable(format!(
                "json: cannot unmarshal {} into Go value of type models.Matcher",
                go_kind(item)
            )));
        };
        let required = |name: &str| ApiResponse::required(&format!("matchers.{i}.{name}"));
        let is_regex = flag(matcher, "isRegex")?.ok_or_else(|| required("isRegex"))?;
        let name = text(matcher, "name")?.ok_or_else(|| required("name"))?;
        let value = text(matcher, "value")?.ok_or_else(|| required("value"))?;
        let op = match (flag(matcher, "isEqual")?.unwrap_or(true), is_regex) {
            (true, false) => MatchOp::Equal,
            (true, true) => MatchOp::Regexp,
            (false, false) => MatchOp::NotEqual,
            (false, true) => MatchOp::NotRegexp,
        };
        matchers.push((name, value, op));
    }
    let starts_at = starts_at.ok_or_else(|| ApiResponse::required("startsAt"))?;
    let id = text(fields, "id")?.filter(|id| !id.is_empty()).map(Arc::from);
    Ok(Draft { id, matchers, starts_at, ends_at, created_by, comment })
}
