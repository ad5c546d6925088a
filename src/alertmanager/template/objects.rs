//! A notification's data as the values that the template engine walks through.

use std::sync::Arc;

use super::data::{AlertData, Data};
use super::kv::Kv;
use crate::alertmanager::notification::Status;
use crate::alertmanager::version::Version;
use crate::golang::template::{Object, Signature, Type, Value};

const NO_ARGUMENTS: Signature = Signature::fixed(&[]);
const ALERT: Type = Type::Named("template.Alert");
const PAIR: Type = Type::Named("template.Pair");

/// The root of a template's data.
pub(super) struct DataObject {
    pub(super) data: Arc<Data>,
    pub(super) version: Version,
    /// The notifiers hand over a pointer, `amtool template render` the struct itself; printing shows which.
    pub(super) pointer: bool,
}

impl DataObject {
    fn kv(&self, kv: &Kv) -> Value {
        kv_value(kv, self.version)
    }
}

fn kv_value(kv: &Kv, version: Version) -> Value {
    Value::object(KvObject { kv: kv.clone(), version })
}

impl Object for DataObject {
    fn type_name(&self) -> &'static str {
        if self.pointer { "*template.Data" } else { "template.Data" }
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        let names = ["Receiver", "Status", "Alerts", "NotificationReason", "GroupLabels", "CommonLabels"];
        let more = ["CommonAnnotations", "RouteLabels", "ExternalURL"];
        names.into_iter().chain(more).filter_map(|name| Some((name, self.field(name)?))).collect()
    }

    fn field(&self, name: &str) -> Option<Value> {
        let data = &self.data;
        Some(match name {
            "Receiver" => Value::Str(data.receiver.clone()),
            "Status" => Value::Str(data.status.clone()),
            "Alerts" => Value::object(AlertsObject { data: data.clone(), version: self.version }),
            "NotificationReason" if self.version >= Version::V0_32 => Value::Str(data.notification_reason.clone()),
            "GroupLabels" => self.kv(&data.group_labels),
            "CommonLabels" => self.kv(&data.common_labels),
            "CommonAnnotations" => self.kv(&data.common_annotations),
            "RouteLabels" if self.version >= Version::V0_34 => self.kv(&data.route_labels),
            "ExternalURL" => Value::Str(data.external_url.clone()),
            _ => return None,
        })
    }
}

/// The list of alerts, with its two halves.
struct AlertsObject {
    data: Arc<Data>,
    version: Version,
}

fn alert_list<'a>(alerts: impl Iterator<Item = &'a Arc<AlertData>>, version: Version) -> Value {
    Value::list(&ALERT, alerts.map(|a| Value::object(AlertObject { alert: a.clone(), version })).collect())
}

impl Object for AlertsObject {
    fn type_name(&self) -> &'static str {
        "template.Alerts"
    }

    fn underlying(&self) -> Option<Value> {
        Some(alert_list(self.data.alerts.iter(), self.version))
    }

    fn method(&self, name: &str) -> Option<Signature> {
        matches!(name, "Firing" | "Resolved").then_some(NO_ARGUMENTS)
    }

    fn call(&self, name: &str, _: &[Value]) -> Result<Value, String> {
        let status = if name == "Firing" { Status::Firing } else { Status::Resolved };
        Ok(alert_list(self.data.with_status(status), self.version))
    }

    fn slice(&self, from: usize, to: usize) -> Option<Value> {
        let alerts = self.data.alerts.get(from..to)?.into();
        let data = Arc::new(Data { alerts, ..(*self.data).clone() });
        Some(Value::object(Self { data, version: self.version }))
    }
}

struct AlertObject {
    alert: Arc<AlertData>,
    version: Version,
}

impl Object for AlertObject {
    fn type_name(&self) -> &'static str {
        "template.Alert"
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        ["Status", "Labels", "Annotations", "StartsAt", "EndsAt", "GeneratorURL", "Fingerprint"]
            .into_iter()
            .filter_map(|name| Some((name, self.field(name)?)))
            .collect()
    }

    fn field(&self, name: &str) -> Option<Value> {
        let alert = &self.alert;
        Some(match name {
            "Status" => Value::Str(alert.status.clone()),
            "Labels" => kv_value(&alert.labels, self.version),
            "Annotations" => kv_value(&alert.annotations, self.version),
            "StartsAt" => alert.starts_at.clone().into(),
            "EndsAt" => alert.ends_at.clone().into(),
            "GeneratorURL" => Value::Str(alert.generator_url.clone()),
            "Fingerprint" => Value::Str(alert.fingerprint.clone()),
            _ => return None,
        })
    }
}

/// Labels or annotations: a map with methods.
struct KvObject {
    kv: Kv,
    version: Version,
}

impl Object for KvObject {
    fn type_name(&self) -> &'static str {
        "template.KV"
    }

    fn underlying(&self) -> Option<Value> {
        Some(Value::string_map(self.kv.iter().cloned()))
    }

    fn method(&self, name: &str) -> Option<Signature> {
        match name {
            "SortedPairs" | "Names" | "Values" => Some(NO_ARGUMENTS),
            "String" if self.version >= Version::V0_26 => Some(NO_ARGUMENTS),
            "Remove" => Some(Signature::fixed(&[Type::Slice(&Type::Str)])),
            _ => None,
        }
    }

    fn call(&self, name: &str, args: &[Value]) -> Result<Value, String> {
        let pairs = || self.kv.sorted_pairs();
        Ok(match (name, args) {
            ("SortedPairs", _) => {
                Value::object(PairsObject { pairs: pairs().cloned().collect(), version: self.version })
            }
            ("Names", _) => Value::strings(pairs().map(|(n, _)| n.clone())),
            ("Values", _) => Value::strings(pairs().map(|(_, v)| v.clone())),
            ("String", _) => Value::str(print_pairs(pairs())),
            ("Remove", [names]) => kv_value(&self.kv.without(&strings(names)), self.version),
            _ => return Err(format!("no method {name}")),
        })
    }

    fn text(&self) -> Option<String> {
        (self.version >= Version::V0_26).then(|| print_pairs(self.kv.sorted_pairs()))
    }
}

/// The texts of a list of strings.
pub(super) fn strings(value: &Value) -> Vec<Arc<str>> {
    match value.plain() {
        Value::List(list) => list.items.iter().filter_map(|v| v.as_str().map(Arc::from)).collect(),
        _ => Vec::new(),
    }
}

fn print_pairs<'a>(pairs: impl Iterator<Item = &'a (Arc<str>, Arc<str>)>) -> String {
    pairs.map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(", ")
}

/// A sorted list of names and values.
struct PairsObject {
    pairs: Vec<(Arc<str>, Arc<str>)>,
    version: Version,
}

impl Object for PairsObject {
    fn type_name(&self) -> &'static str {
        "template.Pairs"
    }

    fn underlying(&self) -> Option<Value> {
        let pairs = self.pairs.iter().map(|(n, v)| Value::object(PairObject(n.clone(), v.clone())));
        Some(Value::list(&PAIR, pairs.collect()))
    }

    fn method(&self, name: &str) -> Option<Signature> {
        match name {
            "Names" | "Values" => Some(NO_ARGUMENTS),
            "String" if self.version >= Version::V0_26 => Some(NO_ARGUMENTS),
            _ => None,
        }
    }

    fn call(&self, name: &str, _: &[Value]) -> Result<Value, String> {
        Ok(match name {
            "Names" => Value::strings(self.pairs.iter().map(|(n, _)| n.clone())),
            "Values" => Value::strings(self.pairs.iter().map(|(_, v)| v.clone())),
            _ => Value::str(print_pairs(self.pairs.iter())),
        })
    }

    fn text(&self) -> Option<String> {
        (self.version >= Version::V0_26).then(|| print_pairs(self.pairs.iter()))
    }
}

struct PairObject(Arc<str>, Arc<str>);

impl Object for PairObject {
    fn type_name(&self) -> &'static str {
        "template.Pair"
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![("Name", Value::Str(self.0.clone())), ("Value", Value::Str(self.1.clone()))]
    }
}

/// A text that HTML templates would not escape: `safeHtml`, `safeUrl`.
pub(super) struct SafeText {
    pub(super) type_name: &'static str,
    pub(super) text: Arc<str>,
}

impl Object for SafeText {
    fn type_name(&self) -> &'static str {
        self.type_name
    }

    fn underlying(&self) -> Option<Value> {
        Some(Value::Str(self.text.clone()))
    }
}
