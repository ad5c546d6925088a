//! Posting and listing alerts, alone and by group.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::members::Members;
use super::request::{ApiRequest, ApiResponse, filters_hold, go_json};
use super::times::show_time;
use crate::alertmanager::alert::{Alert, PostableAlert, message_order, set_before};
use crate::alertmanager::machine::Alertmanager;
use crate::alertmanager::output::MutedBy;
use crate::alertmanager::version::Version;
use crate::golang::json_read::Json;
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
            matchers: request.filters(self.version, self.config.names)?,
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
        ApiResponse::raw_json(200, go_json(&Value::Array(shown), true))
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
            // 0.25 to 0.27 tell nothing of intervals.
            let muted_by = if self.version >= Version::V0_28 { muted_by } else { Vec::new() };
            if !listed.is_empty() && (muted_by.is_empty() || request.flag("muted", true)) {
                groups.push((view.labels, view.name, listed, muted_by, view.route));
            }
        }
        for receivers in receivers_of.values_mut() {
            receivers.sort();
        }
        groups.sort_by(|a, b| set_before(a.0, b.0).then_with(|| a.1.receiver.cmp(&b.1.receiver)));
        let shown = groups.into_iter().map(|(labels, name, mut listed, muted_by, route)| {
            listed.sort_by(|a, b| message_order(&a.0.labels, &b.0.labels));
            let alerts = listed.iter().map(|(alert, status)| {
                let receivers = receivers_of.get(&alert.labels.fingerprint()).map_or(&[][..], |r| r);
                self.show_alert(alert, status, receivers, &muted_by)
            });
            let alerts = go_json(&alerts.collect(), true);
            let mut rest = Map::new();
            rest.insert("labels".to_owned(), show_labels(labels));
            rest.insert("receiver".to_owned(), json!({"name": &*name.receiver}));
            if self.version >= Version::V0_34 {
                let labels = self.tree.nodes()[route].labels.iter();
                let labels: Map<_, _> = labels.map(|(name, value)| (name.to_string(), json!(&**value))).collect();
                rest.insert("routeLabels".to_owned(), Value::Object(labels));
            }
            format!("{{\"alerts\":{alerts},{}", &go_json(&Value::Object(rest), false)[1..])
        });
        ApiResponse::raw_json(200, format!("[{}]", shown.collect::<Vec<_>>().join(",")))
    }
}

fn show_labels(labels: &Labels) -> Value {
    Value::Object(labels.iter().map(|l| (l.name.to_string(), json!(&*l.value))).collect())
}

/// What Go calls the half of a posted alert that is read first.
const FIRST_HALF: &str = "struct { Annotations models.LabelSet \"json:\\\"annotations,omitempty\\\"\"; EndsAt strfmt.DateTime \
     \"json:\\\"endsAt,omitempty\\\"\"; StartsAt strfmt.DateTime \"json:\\\"startsAt,omitempty\\\"\" }";

/// The posted list; form errors in the words of the real program.
fn read_alerts(body: &Json) -> Result<Vec<PostableAlert>, ApiResponse> {
    let items = match body {
        Json::List(items) => items.as_slice(),
        Json::Null => &[],
        other => {
            let why = format!("json: cannot unmarshal {} into Go value of type models.PostableAlerts", other.kind());
            return Err(ApiResponse::unparsable("alerts", &why));
        }
    };
    let mut read = Vec::with_capacity(items.len());
    let mut invalid = None;
    for (i, item) in items.iter().enumerate().filter(|(_, item)| **item != Json::Null) {
        let (alert, has_labels) = read_alert(item).map_err(|why| ApiResponse::unparsable("alerts", &why))?;
        if invalid.is_none() && !alert.generator_url.is_empty() && !is_uri(&alert.generator_url) {
            let why = format!("{i}.generatorURL in body must be of type uri: {}", quote(&alert.generator_url));
            invalid = Some(ApiResponse::coded(422, 601, &why));
        }
        if invalid.is_none() && !has_labels {
            invalid = Some(ApiResponse::required(&format!("{i}.labels")));
        }
        read.push(alert);
    }
    invalid.map_or(Ok(read), Err)
}

/// An alert, and whether its labels were told.
fn read_alert(item: &Json) -> Result<(PostableAlert, bool), String> {
    let mut first = Members::of(item, "", FIRST_HALF)?;
    let annotations = first.texts("annotations", "models.LabelSet").unwrap_or_default();
    // Go's zero time counts as not given.
    let (starts_at, ends_at) = (first.time("startsAt"), first.time("endsAt"));
    first.finish()?;
    let mut second = Members::of(item, "Alert", "models.Alert")?;
    let labels = second.texts("labels", "models.LabelSet");
    let url = second.text("generatorURL").unwrap_or("");
    second.finish()?;
    let has_labels = labels.is_some();
    let alert = PostableAlert {
        labels: Labels::from_pairs(labels.unwrap_or_default()),
        annotations: Arc::new(annotations.into_iter().map(|(k, v)| (k.into(), v.into())).collect()),
        starts_at: starts_at.filter(|t| t.0 > i64::MIN),
        ends_at: ends_at.filter(|t| t.0 > i64::MIN),
        generator_url: url.into(),
    };
    Ok((alert, has_labels))
}

/// An absolute address, or a path from the root.
fn is_uri(text: &str) -> bool {
    crate::golang::url_parse::parse(text).is_ok_and(|url| !url.scheme.is_empty() || text.starts_with('/'))
}
