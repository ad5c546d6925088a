//! Posting and listing alerts, alone and by group.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::request::{ApiRequest, ApiResponse, filters_hold, go_kind, read_time, show_time};
use crate::alertmanager::alert::{Alert, PostableAlert, message_order, set_before};
use crate::alertmanager::machine::Alertmanager;
use crate::alertmanager::output::MutedBy;
use crate::alertmanager::version::Version;
use crate::golang::quote;
use crate::model::{Labels, Matcher, Time};

/// What a query leaves in.
struct AlertFilter {
    active: bool,
    silenced: bool,
    inhibited: bool,
    matchers: Vec<Matcher>,
}

struct AlertStatus {
    inhibited_by: Vec<String>,
    silenced_by: Vec<Arc<str>>,
}

impl Alertmanager {
    pub(super) fn post_alerts(&mut self, now: Time, request: &ApiRequest) -> ApiResponse {
        let posted = request.json("alerts").and_then(|body| read_alerts(&body));
        match posted.map(|alerts| self.push(now, alerts)) {
            Err(answer) => answer,
            Ok(Err(reasons)) => ApiResponse::plain_error(400, &reasons.join("; ")),
            Ok(Ok(())) => ApiResponse::empty(200),
        }
    }

    fn alert_filter(&self, request: &ApiRequest) -> Result<AlertFilter, ApiResponse> {
        Ok(AlertFilter {
            active: request.flag("active", true),
            silenced: request.flag("silenced", true),
            inhibited: request.flag("inhibited", true),
            matchers: request.filters(self.version)?,
        })
    }

    /// The status of an alert at this moment, when the filter leaves it in.
    fn listed(&self, alert: &Alert, filter: &AlertFilter, now: Time) -> Option<AlertStatus> {
        if alert.ends_at < now {
            return None;
        }
        let inhibited = self.inhibitor.mutes(&alert.labels, now);
        let status = AlertStatus {
            inhibited_by: inhibited.iter().map(|(_, source)| format!("{:016x}", source.fingerprint())).collect(),
            silenced_by: self.silences.muting(&alert.labels, now),
        };
        let suppressed = !status.inhibited_by.is_empty() || !status.silenced_by.is_empty();
        let left_out = (!filter.active && !suppressed)
            || (!filter.silenced && !status.silenced_by.is_empty())
            || (!filter.inhibited && !status.inhibited_by.is_empty())
            || !filters_hold(&filter.matchers, |name| alert.labels.get(name));
        (!left_out).then_some(status)
    }

    fn show_alert(&self, alert: &Alert, status: &AlertStatus, receivers: &[Arc<str>], muted_by: &[String]) -> Value {
        let suppressed = !status.inhibited_by.is_empty() || !status.silenced_by.is_empty() || !muted_by.is_empty();
        let mut shown_status = Map::new();
        shown_status.insert("inhibitedBy".to_owned(), json!(status.inhibited_by));
        if self.version >= Version::V0_28 {
            shown_status.insert("mutedBy".to_owned(), json!(muted_by));
        }
        shown_status.insert("silencedBy".to_owned(), json!(status.silenced_by));
        shown_status.insert("state".to_owned(), json!(if suppressed { "suppressed" } else { "active" }));
        let mut shown = Map::new();
        let annotations: BTreeMap<&str, &str> = alert.annotations.iter().map(|(k, v)| (&**k, &**v)).collect();
        shown.insert("annotations".to_owned(), json!(annotations));
        shown.insert("endsAt".to_owned(), json!(show_time(alert.ends_at)));
        shown.insert("fingerprint".to_owned(), json!(format!("{:016x}", alert.labels.fingerprint())));
        let receivers: Vec<Value> = receivers.iter().map(|r| json!({"name": &**r})).collect();
        shown.insert("receivers".to_owned(), Value::Array(receivers));
        shown.insert("startsAt".to_owned(), json!(show_time(alert.starts_at)));
        shown.insert("status".to_owned(), Value::Object(shown_status));
        shown.insert("updatedAt".to_owned(), json!(show_time(alert.updated_at)));
        if !alert.generator_url.is_empty() {
            shown.insert("generatorURL".to_owned(), json!(&*alert.generator_url));
        }
        shown.insert("labels".to_owned(), show_labels(&alert.labels));
        Value::Object(shown)
    }

    pub(super) fn get_alerts(&self, now: Time, request: &ApiRequest) -> ApiResponse {
        let (filter, receiver) = match self.alert_filter(request).and_then(|f| Ok((f, request.receiver()?))) {
            Ok(read) => read,
            Err(answer) => return answer,
        };
        let mut shown = Vec::new();
        // The store is in order of fingerprints.
        for alert in self.alerts.values() {
            let nodes = self.tree.matching(&alert.labels);
            let receivers: Vec<Arc<str>> =
                nodes.into_iter().map(|n| self.tree.nodes()[n].receiver.name.clone()).collect();
            if receiver.as_ref().is_some_and(|r| !receivers.iter().any(|name| r.is_match(name))) {
                continue;
            }
            if let Some(status) = self.listed(alert, &filter, now) {
                shown.push(self.show_alert(alert, &status, &receivers, &[]));
            }
        }
        ApiResponse::json(200, &Value::Array(shown))
    }

    pub(super) fn get_groups(&self, now: Time, request: &ApiRequest) -> ApiResponse {
        let (filter, receiver) = match self.alert_filter(request).and_then(|f| Ok((f, request.receiver()?))) {
            Ok(read) => read,
            Err(answer) => return answer,
        };
        let mut groups = Vec::new();
        let mut receivers_of: BTreeMap<u64, Vec<Arc<str>>> = BTreeMap::new();
        for view in self.group_views() {
            if receiver.as_ref().is_some_and(|r| !r.is_match(&view.name.receiver)) {
                continue;
            }
            let listed: Vec<(&Alert, AlertStatus)> =
                view.members.values().filter_map(|a| Some((a, self.listed(a, &filter, now)?))).collect();
            for (alert, _) in &listed {
                receivers_of.entry(alert.labels.fingerprint()).or_default().push(view.name.receiver.clone());
            }
            let muted_by = match self.interval_mute(&self.tree.nodes()[view.route], now) {
                Some(MutedBy::MuteInterval(name)) => vec![name.to_string()],
                Some(_) => self.tree.nodes()[view.route].active_time_intervals.iter().map(|n| n.to_string()).collect(),
                None => Vec::new(),
            };
            if !listed.is_empty() {
                groups.push((view.labels, view.name, listed, muted_by));
            }
        }
        for receivers in receivers_of.values_mut() {
            receivers.sort();
        }
        groups.sort_by(|a, b| set_before(a.0, b.0).then_with(|| a.1.receiver.cmp(&b.1.receiver)));
        let shown = groups.into_iter().map(|(labels, name, mut listed, muted_by)| {
            listed.sort_by(|a, b| message_order(&a.0.labels, &b.0.labels));
            let alerts = listed.iter().map(|(alert, status)| {
                let receivers = receivers_of.get(&alert.labels.fingerprint()).map_or(&[][..], |r| r);
                self.show_alert(alert, status, receivers, &muted_by)
            });
            json!({
                "alerts": alerts.collect::<Vec<_>>(),
                "labels": show_labels(labels),
                "receiver": {"name": &*name.receiver},
            })
        });
        ApiResponse::json(200, &Value::Array(shown.collect()))
    }
}

fn show_labels(labels: &Labels) -> Value {
    Value::Object(labels.iter().map(|l| (l.name.to_string(), json!(&*l.value))).collect())
}

/// The posted list; form errors in the words of the real program.
fn read_alerts(body: &Value) -> Result<Vec<PostableAlert>, ApiResponse> {
    let unparsable = |why: String| ApiResponse::unparsable("alerts", &why);
    let Value::Array(items) = body else {
        if body.is_null() {
            return Err(ApiResponse::required("alerts"));
        }
        let why = format!("json: cannot unmarshal {} into Go value of type models.PostableAlerts", go_kind(body));
        return Err(unparsable(why));
    };
    let mut read = Vec::with_capacity(items.len());
    let mut invalid = None;
    for (i, item) in items.iter().enumerate() {
        if item.is_null() {
            continue;
        }
        let Value::Object(fields) = item else {
            let why = format!("json: cannot unmarshal {} into Go value of type models.PostableAlert", go_kind(item));
            return Err(unparsable(why));
        };
        let texts = |name: &str| -> Result<Option<Vec<(&str, &str)>>, ApiResponse> {
            let pairs = match fields.get(name) {
                None | Some(Value::Null) => return Ok(None),
                Some(Value::Object(pairs)) => pairs,
                Some(other) => {
                    let (kind, group) = (go_kind(other), "models.LabelSet");
                    let why =
                        format!("json: cannot unmarshal {kind} into Go struct field Alert.{name} of type {group}");
                    return Err(unparsable(why));
                }
            };
            if let Some(wrong) = pairs.values().find(|v| !v.is_string() && !v.is_null()) {
                let kind = go_kind(wrong);
                let why = format!("json: cannot unmarshal {kind} into Go struct field Alert.{name} of type string");
                return Err(unparsable(why));
            }
            Ok(Some(pairs.iter().map(|(k, v)| (k.as_str(), v.as_str().unwrap_or(""))).collect()))
        };
        let time = |name: &str| match fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(s)) if s.is_empty() => Ok(None),
            Some(Value::String(s)) => {
                let t = read_time(s).map_err(unparsable)?;
                // Go's zero time counts as not given.
                Ok((!s.starts_with("0001-01-01T00:00:00")).then_some(t))
            }
            Some(other) => Err(unparsable(format!("json: cannot unmarshal {} into a date-time", go_kind(other)))),
        };
        let labels = texts("labels")?;
        let annotations = texts("annotations")?.unwrap_or_default();
        let (starts_at, ends_at) = (time("startsAt")?, time("endsAt")?);
        let url = match fields.get("generatorURL") {
            None | Some(Value::Null) => "",
            Some(Value::String(s)) => s,
            Some(other) => {
                let why = format!(
                    "json: cannot unmarshal {} into Go struct field Alert.generatorURL of type strfmt.URI",
                    go_kind(other)
                );
                return Err(unparsable(why));
            }
        };
        if invalid.is_none() && !url.is_empty() && !is_uri(url) {
            let why = format!("{i}.generatorURL in body must be of type uri: {}", quote(url));
            invalid = Some(ApiResponse::coded(422, 601, &why));
        }
        if invalid.is_none() && labels.is_none() {
            invalid = Some(ApiResponse::required(&format!("{i}.labels")));
        }
        read.push(PostableAlert {
            labels: Labels::from_pairs(labels.unwrap_or_default()),
            annotations: Arc::new(annotations.into_iter().map(|(k, v)| (k.into(), v.into())).collect()),
            starts_at,
            ends_at,
            generator_url: url.into(),
        });
    }
    invalid.map_or(Ok(read), Err)
}

/// An absolute address, or a path from the root.
fn is_uri(text: &str) -> bool {
    if text.contains(char::is_whitespace) || text.contains(|c: char| c.is_control()) {
        return false;
    }
    let scheme = text.split(':').next().unwrap_or("");
    let has_scheme = text.contains(':')
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    has_scheme || text.starts_with('/')
}
