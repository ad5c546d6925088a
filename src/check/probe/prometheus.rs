//! Prometheus' HTTP API, versions 2 and 3, read with tolerance: a field that is missing is empty.

use std::fmt;

use serde_json::Value;

use super::http::{Base, Client, Reply, Trouble};
use crate::golang::url::query_escape;

/// Why the API gives no data.
#[derive(Clone, Debug, PartialEq)]
pub enum NoData {
    /// No answer.
    Trouble(Trouble),
    /// It refused, in its own words.
    Refused(String),
    /// It is not ready yet.
    Starting,
    /// What answers is something else, in words.
    Other(String),
}

impl NoData {
    /// Whether it may be different in a moment.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Starting | Self::Trouble(Trouble::TimedOut | Trouble::CutOff))
    }
}

impl fmt::Display for NoData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trouble(t) => t.fmt(f),
            Self::Refused(why) => write!(f, "the error {why:?}"),
            Self::Starting => f.write_str("a Prometheus that is not ready yet"),
            Self::Other(what) => f.write_str(what),
        }
    }
}

/// One series of an answer, with its points: seconds of Unix time and value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answered {
    /// The labels, as an object.
    pub metric: Value,
    /// The points in order of time.
    pub points: Vec<(f64, f64)>,
}

/// A target that is scraped.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// Its job.
    pub job: String,
    /// Where it is scraped.
    pub url: String,
    /// `up`, `down` or `unknown`.
    pub health: String,
    /// Why it is down.
    pub last_error: String,
    /// How often it is scraped, as written.
    pub interval: String,
}

/// An alert of a rule.
#[derive(Clone, Debug, Default)]
pub struct Alert {
    /// Its labels, as an object.
    pub labels: Value,
    /// `pending` or `firing`.
    pub state: String,
    /// The value as written.
    pub value: String,
}

/// A loaded rule.
#[derive(Clone, Debug, Default)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// Its group.
    pub group: String,
    /// Its expression.
    pub query: String,
    /// Whether it alerts (else it records).
    pub alerting: bool,
    /// `for`, in seconds.
    pub hold: f64,
    /// How often its group is evaluated, in seconds.
    pub interval: f64,
    /// `ok`, `err` or `unknown`.
    pub health: String,
    /// Why its last evaluation failed.
    pub last_error: String,
    /// Its alerts now.
    pub alerts: Vec<Alert>,
}

/// A Prometheus.
#[derive(Clone, Debug)]
pub struct Prometheus {
    client: Client,
    base: Base,
}

impl Prometheus {
    /// The one at an address.
    pub fn new(client: Client, base: Base) -> Self {
        Self { client, base }
    }

    /// Its address.
    pub fn address(&self) -> &str {
        self.base.as_str()
    }

    /// Its version.
    ///
    /// # Errors
    /// See [`NoData`].
    pub fn version(&self) -> Result<String, NoData> {
        let data = self.data("/api/v1/status/buildinfo", &[])?;
        match data["version"].as_str() {
            Some(version) => Ok(version.to_owned()),
            None => Err(NoData::Other("JSON that is no build information of a Prometheus".to_owned())),
        }
    }

    /// Whether the configuration that runs is the one in the files.
    ///
    /// # Errors
    /// See [`NoData`].
    pub fn last_reload_succeeded(&self) -> Result<bool, NoData> {
        let data = self.data("/api/v1/status/runtimeinfo", &[])?;
        Ok(data["reloadConfigSuccess"].as_bool().unwrap_or(true))
    }

    /// The answer to a query now.
    ///
    /// # Errors
    /// See [`NoData`].
    pub fn query(&self, expr: &str) -> Result<Vec<Answered>, NoData> {
        Ok(series(&self.data("/api/v1/query", &[("query", expr)])?))
    }

    /// The answer to a query over a stretch of Unix time, with a step, all in seconds.
    ///
    /// # Errors
    /// See [`NoData`].
    pub fn query_range(&self, expr: &str, from: f64, until: f64, step: f64) -> Result<Vec<Answered>, NoData> {
        let (from, until, step) = (format!("{from:.3}"), format!("{until:.3}"), format!("{step}"));
        let query = [("query", expr), ("start", &from), ("end", &until), ("step", &step)];
        Ok(series(&self.data("/api/v1/query_range", &query)?))
    }

    /// What is scraped.
    ///
    /// # Errors
    /// See [`NoData`].
    pub fn targets(&self) -> Result<Vec<Target>, NoData> {
        let data = self.data("/api/v1/targets", &[("state", "active")])?;
        Ok(list(&data["activeTargets"])
            .map(|t| Target {
                job: text(&t["labels"]["job"]),
                url: text(&t["scrapeUrl"]),
                health: text(&t["health"]),
                last_error: text(&t["lastError"]),
                interval: text(&t["scrapeInterval"]),
            })
            .collect())
    }

    /// The loaded rules with their alerts.
    ///
    /// # Errors
    /// See [`NoData`].
    pub fn rules(&self) -> Result<Vec<Rule>, NoData> {
        let groups = self.rule_groups()?;
        let mut rules = Vec::new();
        for group in list(&groups) {
            for rule in list(&group["rules"]) {
                rules.push(Rule {
                    name: text(&rule["name"]),
                    group: text(&group["name"]),
                    query: text(&rule["query"]),
                    alerting: rule["type"] == "alerting",
                    hold: rule["duration"].as_f64().unwrap_or(0.0),
                    interval: group["interval"].as_f64().unwrap_or(0.0),
                    health: text(&rule["health"]),
                    last_error: text(&rule["lastError"]),
                    alerts: list(&rule["alerts"])
                        .map(|a| Alert {
                            labels: a["labels"].clone(),
                            state: text(&a["state"]),
                            value: text(&a["value"]),
                        })
                        .collect(),
                });
            }
        }
        Ok(rules)
    }

    /// The loaded groups, as the API writes them.
    ///
    /// # Errors
    /// See [`NoData`].
    pub fn rule_groups(&self) -> Result<Value, NoData> {
        Ok(self.data("/api/v1/rules", &[])?["groups"].take())
    }

    /// The configuration that runs; secrets are hidden in it.
    ///
    /// # Errors
    /// See [`NoData`].
    pub fn config(&self) -> Result<String, NoData> {
        Ok(text(&self.data("/api/v1/status/config", &[])?["yaml"]))
    }

    /// The Alertmanagers it sends alerts to.
    ///
    /// # Errors
    /// See [`NoData`].
    pub fn alertmanagers(&self) -> Result<Vec<String>, NoData> {
        let data = self.data("/api/v1/alertmanagers", &[])?;
        Ok(list(&data["activeAlertmanagers"]).map(|a| text(&a["url"])).collect())
    }

    fn data(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, NoData> {
        let mut url = self.base.join(path);
        for (i, (name, value)) in query.iter().enumerate() {
            url.push(if i == 0 { '?' } else { '&' });
            url.push_str(name);
            url.push('=');
            url.push_str(&query_escape(value));
        }
        let reply = self.client.get(&url, self.base.auth(), "application/json").map_err(NoData::Trouble)?;
        read(&reply)
    }
}

/// The data of an answer of the API, whoever passed it on.
///
/// # Errors
/// See [`NoData`].
pub fn read(reply: &Reply) -> Result<Value, NoData> {
    let Ok(mut body) = serde_json::from_slice::<Value>(&reply.body) else {
        let starting = reply.status == 503 && reply.text().contains("Service Unavailable");
        return Err(if starting { NoData::Starting } else { NoData::Other(reply.spoken()) });
    };
    match body["status"].as_str() {
        Some("success") => Ok(body["data"].take()),
        Some("error") => Err(NoData::Refused(text(&body["error"]))),
        _ => Err(NoData::Other(reply.spoken())),
    }
}

/// The series of `data`: vector, matrix or scalar.
pub fn series(data: &Value) -> Vec<Answered> {
    let point = |pair: &Value| Some((pair[0].as_f64()?, value(&pair[1])?));
    if matches!(data["resultType"].as_str(), Some("scalar")) {
        return vec![Answered { metric: Value::Null, points: point(&data["result"]).into_iter().collect() }];
    }
    list(&data["result"])
        .map(|s| Answered {
            metric: s["metric"].clone(),
            points: point(&s["value"]).into_iter().chain(list(&s["values"]).filter_map(point)).collect(),
        })
        .collect()
}

fn value(text: &Value) -> Option<f64> {
    match text.as_str()? {
        "NaN" => Some(f64::NAN),
        "+Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        number => number.parse().ok(),
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_of_every_type_become_points() {
        let vector = json!({"resultType": "vector", "result": [{"metric": {"a": "b"}, "value": [1.5, "+Inf"]}]});
        assert_eq!(series(&vector), [Answered { metric: json!({"a": "b"}), points: vec![(1.5, f64::INFINITY)] }]);
        let matrix =
            json!({"resultType": "matrix", "result": [{"metric": {}, "values": [[1, "2"], [2, "bad"], [3, "4"]]}]});
        assert_eq!(series(&matrix)[0].points, [(1.0, 2.0), (3.0, 4.0)]);
        assert_eq!(series(&json!({"resultType": "scalar", "result": [1, "2"]}))[0].points, [(1.0, 2.0)]);
    }

    #[test]
    fn an_answer_of_something_else_is_no_data() {
        let reply = |status, body: &str| Reply {
            status,
            content_type: String::new(),
            body: body.into(),
            url: String::new(),
            date: None,
        };
        assert_eq!(read(&reply(503, "Service Unavailable")), Err(NoData::Starting));
        assert_eq!(
            read(&reply(400, r#"{"status":"error","errorType":"bad_data","error":"no"}"#)),
            Err(NoData::Refused("no".into()))
        );
        assert!(
            matches!(read(&reply(200, "<html><title>Proxy</title>")), Err(NoData::Other(w)) if w.contains("Proxy"))
        );
        assert!(matches!(read(&reply(200, "[]")), Err(NoData::Other(_))));
    }
}
