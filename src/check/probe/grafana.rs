//! Grafana's HTTP API, versions 9 to 13: sign-in, data sources, queries, dashboards in their classic and v2 forms.

use std::fmt;

use serde_json::{Value, json};

use super::http::{Auth, Base, Client, Reply, Trouble};
use super::prometheus::{self, Answered};
use crate::golang::url::{path_escape, query_escape};
use crate::stack::grafana::{Dashboard, DataSource, DataSources};

/// Dashboards on a page of search results.
const PAGE: usize = 1000;
/// Pages of search results that are read.
const MAX_PAGES: usize = 5;
/// Milliseconds between points of a query.
const STEP_MS: u32 = 5000;

/// Why Grafana gives no answer.
#[derive(Clone, Debug, PartialEq)]
pub enum NoAnswer {
    /// No answer.
    Trouble(Trouble),
    /// What answers is not Grafana, in words.
    NotGrafana(String),
    /// Nobody is signed in and anonymous use is off.
    SignInWanted,
    /// Wrong user or password.
    WrongPassword,
    /// Too many failures: the user is blocked for some minutes.
    Blocked,
    /// The token is not valid.
    WrongToken,
    /// Signed in, but not allowed.
    Forbidden(String),
    /// Not there, or not in this version.
    Missing,
    /// Something else, in words.
    Other(String),
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trouble(t) => t.fmt(f),
            Self::NotGrafana(what) | Self::Other(what) => f.write_str(what),
            Self::SignInWanted => f.write_str("Grafana asking to sign in"),
            Self::WrongPassword => f.write_str("Grafana refusing user and password"),
            Self::Blocked => f.write_str("Grafana blocking this user after too many wrong passwords"),
            Self::WrongToken => f.write_str("Grafana refusing the token"),
            Self::Forbidden(why) => write!(f, "Grafana not allowing it ({why})"),
            Self::Missing => f.write_str("Grafana not finding it"),
        }
    }
}

/// What became of Grafana's first password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FirstPassword {
    /// It still opens the door.
    Unchanged,
    /// It does not any more.
    Changed,
    /// Not to be told, and why.
    Unknown(String),
}

/// A Grafana.
#[derive(Clone, Debug)]
pub struct Grafana {
    client: Client,
    /// With the sub path it serves from.
    base: String,
    auth: Auth,
    version: Option<String>,
}

impl Grafana {
    /// The one at an address; asks who it is.
    ///
    /// # Errors
    /// Nothing answers there, or something else does.
    pub fn connect(client: Client, base: &Base, auth: Auth) -> Result<Self, NoAnswer> {
        let auth = if matches!(auth, Auth::None) { base.auth().clone() } else { auth };
        let url = base.join("/api/health");
        let reply = client.get(&url, &Auth::None, "application/json").map_err(NoAnswer::Trouble)?;
        let body: Option<Value> = serde_json::from_slice(&reply.body).ok();
        let body = body.filter(|b| b["database"].is_string()).ok_or_else(|| NoAnswer::NotGrafana(reply.spoken()))?;
        if body["database"] != "ok" {
            return Err(NoAnswer::Other(format!("Grafana whose database is {}", body["database"])));
        }
        // Where it serves from a sub path, the redirect tells it.
        let base = reply.url.strip_suffix("/api/health").unwrap_or(base.as_str()).to_owned();
        Ok(Self { client, base, auth, version: body["version"].as_str().map(str::to_owned) })
    }

    /// Its version, unless it hides it.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Whether the sign-in is accepted; an anonymous visitor is, where that is on.
    ///
    /// # Errors
    /// See [`NoAnswer`].
    pub fn sign_in(&self) -> Result<(), NoAnswer> {
        match self.get("/api/org") {
            // A token or an anonymous visitor may not see the organisation and still be let in.
            Ok(_) | Err(NoAnswer::Forbidden(_) | NoAnswer::Missing) => Ok(()),
            Err(no) => Err(no),
        }
    }

    /// Tries the password that Grafana comes with, once, between two sign-ins that reset the count of failures.
    pub fn first_password(&self) -> FirstPassword {
        if let Auth::Basic(user, password) = &self.auth
            && user == "admin"
            && password == "admin"
        {
            return match self.sign_in() {
                Ok(()) => FirstPassword::Unchanged,
                Err(no) => FirstPassword::Unknown(no.to_string()),
            };
        }
        let signed_in = matches!(self.auth, Auth::Basic(..));
        if signed_in && let Err(no) = self.sign_in() {
            return FirstPassword::Unknown(no.to_string());
        }
        let first = Auth::Basic("admin".to_owned(), "admin".to_owned());
        let answer = match self.get_as("/api/user", &first) {
            // Basic auth switched off answers with the anonymous visitor.
            Ok(user) if user["login"] == "admin" => FirstPassword::Unchanged,
            Ok(_) => FirstPassword::Unknown("sign-in with user and password is switched off".to_owned()),
            Err(NoAnswer::WrongPassword) => FirstPassword::Changed,
            Err(no) => FirstPassword::Unknown(no.to_string()),
        };
        // Success clears the count, and proves that the failure was no block.
        if signed_in && answer == FirstPassword::Changed && self.sign_in().is_err() {
            return FirstPassword::Unknown("Grafana blocks sign-ins after too many failures".to_owned());
        }
        answer
    }

    /// Its data sources.
    ///
    /// # Errors
    /// See [`NoAnswer`].
    pub fn data_sources(&self) -> Result<DataSources, NoAnswer> {
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let read = |name: String, v: &Value, default: bool| DataSource {
            uid: text(&v["uid"]),
            name,
            kind: text(&v["type"]),
            is_default: default,
            url: v["url"].as_str().filter(|u| !u.is_empty()).map(str::to_owned),
        };
        match self.get("/api/datasources") {
            Ok(list) => {
                let known = list.as_array().into_iter().flatten();
                let known = known.map(|d| read(text(&d["name"]), d, d["isDefault"] == true)).collect();
                Ok(DataSources { known, complete: true })
            }
            // Viewers may not list them, but are told what their dashboards need.
            Err(NoAnswer::Forbidden(_) | NoAnswer::SignInWanted) => {
                let settings = self.get("/api/frontend/settings")?;
                let default = settings["defaultDatasource"].as_str().unwrap_or_default();
                let known = settings["datasources"].as_object().into_iter().flatten();
                // Those without a uid are Grafana's own.
                let known = known
                    .filter(|(_, d)| d["uid"].as_str().is_some_and(|u| !u.is_empty() && !u.starts_with('-')))
                    .map(|(name, d)| read(name.clone(), d, name == default))
                    .collect();
                Ok(DataSources { known, complete: true })
            }
            Err(no) => Err(no),
        }
    }

    /// What a data source answers to a query over a stretch of Unix time in seconds: on the way that panels take, and
    /// through the proxy where that way is closed.
    ///
    /// # Errors
    /// What both ways said.
    pub fn query(&self, source: &DataSource, expr: &str, from: f64, until: f64) -> Result<Vec<Answered>, String> {
        let body = json!({
            "from": format!("{:.0}", from * 1000.0), "to": format!("{:.0}", until * 1000.0),
            "queries": [{
                "refId": "A", "datasource": {"type": source.kind, "uid": source.uid}, "expr": expr,
                "range": true, "instant": false, "format": "time_series",
                "intervalMs": STEP_MS, "maxDataPoints": 1000,
            }],
        });
        let url = format!("{}/api/ds/query", self.base);
        let first = match self.client.post_json(&url, &self.auth, &body).map_err(NoAnswer::Trouble) {
            Ok(reply) => match serde_json::from_slice::<Value>(&reply.body) {
                Ok(answer) if answer["results"]["A"].is_object() => return frames(&answer["results"]["A"]),
                _ => refusal(&reply).to_string(),
            },
            Err(no) => no.to_string(),
        };
        let path = format!(
            "/api/datasources/proxy/uid/{}/api/v1/query_range?query={}&start={from:.3}&end={until:.3}&step={}",
            path_escape(&source.uid),
            query_escape(expr),
            STEP_MS / 1000
        );
        let reply = self.client.get(&format!("{}{path}", self.base), &self.auth, "application/json");
        match reply.map_err(|t| t.to_string()).and_then(|r| prometheus::read(&r).map_err(|no| no.to_string())) {
            Ok(data) => Ok(prometheus::series(&data)),
            Err(second) if second == first => Err(first),
            Err(second) => Err(format!("{first}; through the proxy {second}")),
        }
    }

    /// All dashboards that can be read; those that cannot are named.
    ///
    /// # Errors
    /// See [`NoAnswer`].
    pub fn dashboards(&self) -> Result<(Vec<Dashboard>, Vec<String>), NoAnswer> {
        let mut found = Vec::new();
        let mut unread = Vec::new();
        let api = self.served_version();
        for page in 1..=MAX_PAGES {
            let list = self.get(&format!("/api/search?type=dash-db&limit={PAGE}&page={page}"))?;
            let list = list.as_array().cloned().unwrap_or_default();
            for item in &list {
                let (Some(uid), title) = (item["uid"].as_str(), item["title"].as_str().unwrap_or_default()) else {
                    continue;
                };
                match self.dashboard(uid, api.as_ref()) {
                    Ok(Some(dashboard)) => found.push(dashboard),
                    Ok(None) => unread.push(format!("{title}: no dashboard in the answer")),
                    Err(no) => unread.push(format!("{title}: {no}")),
                }
            }
            if list.len() < PAGE {
                break;
            }
        }
        Ok((found, unread))
    }

    /// The version of the newer API that answers in classic form, and the namespace, where that API is on.
    fn served_version(&self) -> Option<(&'static str, String)> {
        let group = self.get("/apis/dashboard.grafana.app").ok()?;
        let served = |name: &str| group["versions"].as_array().is_some_and(|l| l.iter().any(|v| v["version"] == name));
        let version = ["v1", "v1beta1"].into_iter().find(|v| served(v))?;
        let settings = self.get("/api/frontend/settings").unwrap_or_default();
        Some((version, settings["namespace"].as_str().unwrap_or("default").to_owned()))
    }

    fn dashboard(&self, uid: &str, api: Option<&(&'static str, String)>) -> Result<Option<Dashboard>, NoAnswer> {
        let escaped = path_escape(uid);
        let mut body = None;
        if let Some((version, namespace)) = api {
            let at = |version: &str| {
                format!(
                    "/apis/dashboard.grafana.app/{version}/namespaces/{}/dashboards/{escaped}",
                    path_escape(namespace)
                )
            };
            if let Ok(classic) = self.get(&at(version)) {
                // What is stored as v2 loses things on its way to the classic form.
                let stored = classic["status"]["conversion"]["storedVersion"].as_str().unwrap_or_default().to_owned();
                body = Some(match stored.starts_with("v2").then(|| self.get(&at(&stored))) {
                    Some(Ok(v2)) => v2,
                    _ => classic,
                });
            }
        }
        let body = match body {
            Some(body) => body,
            None => self.get(&format!("/api/dashboards/uid/{escaped}"))?,
        };
        let Some(mut dashboard) = Dashboard::read(&body) else { return Ok(None) };
        let libraries: Vec<String> = dashboard.panels.iter().filter_map(|p| p.library.clone()).collect();
        for library in libraries {
            if let Ok(element) = self.get(&format!("/api/library-elements/{}", path_escape(&library))) {
                dashboard.fill_library_panel(&library, &element["result"]["model"]);
            }
        }
        Ok(Some(dashboard))
    }

    fn get(&self, path: &str) -> Result<Value, NoAnswer> {
        self.get_as(path, &self.auth)
    }

    fn get_as(&self, path: &str, auth: &Auth) -> Result<Value, NoAnswer> {
        let reply = match self.client.get(&format!("{}{path}", self.base), auth, "application/json") {
            Ok(reply) => reply,
            Err(Trouble::Redirect(to)) if to.contains("login") => return Err(NoAnswer::SignInWanted),
            Err(trouble) => return Err(NoAnswer::Trouble(trouble)),
        };
        if reply.status == 200 {
            return serde_json::from_slice(&reply.body).map_err(|_| NoAnswer::NotGrafana(reply.spoken()));
        }
        Err(refusal(&reply))
    }
}

/// What a refusal means: `messageId` first, then the status, then the message.
fn refusal(reply: &Reply) -> NoAnswer {
    let Ok(body) = serde_json::from_slice::<Value>(&reply.body) else { return NoAnswer::Other(reply.spoken()) };
    let text = |key: &str| body[key].as_str().unwrap_or_default();
    let (id, message) = (text("messageId"), text("message"));
    let lower = message.to_ascii_lowercase();
    if id.starts_with("login-attempt.blocked") {
        NoAnswer::Blocked
    } else if id.starts_with("password-auth") || lower.contains("invalid username or password") {
        NoAnswer::WrongPassword
    } else if id.starts_with("api-key") || lower.contains("api key") || lower.contains("invalid token") {
        NoAnswer::WrongToken
    } else {
        match reply.status {
            401 => NoAnswer::SignInWanted,
            403 => NoAnswer::Forbidden(message.to_owned()),
            404 => NoAnswer::Missing,
            status => NoAnswer::Other(format!("status {status}: {message}")),
        }
    }
}

/// The series of data frames: the fields are known by their types, not by place or name.
fn frames(result: &Value) -> Result<Vec<Answered>, String> {
    if let Some(error) = result["error"].as_str() {
        return Err(error.to_owned());
    }
    let mut all = Vec::new();
    for frame in result["frames"].as_array().into_iter().flatten() {
        let fields: Vec<&Value> = frame["schema"]["fields"].as_array().into_iter().flatten().collect();
        let columns: Vec<&Value> = frame["data"]["values"].as_array().into_iter().flatten().collect();
        let Some(time) = fields.iter().position(|f| f["type"] == "time").and_then(|i| columns.get(i)) else { continue };
        let times: Vec<f64> = time.as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
        for (field, column) in fields.iter().zip(&columns).filter(|(f, _)| f["type"] == "number") {
            let values = column.as_array().into_iter().flatten();
            let points = times.iter().zip(values).filter_map(|(t, v)| Some((t / 1000.0, v.as_f64()?))).collect();
            all.push(Answered { metric: field["labels"].clone(), points });
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_frame_are_known_by_their_types() {
        let result = json!({"frames": [
            {"schema": {"fields": [{"type": "number", "labels": {"a": "b"}}, {"type": "time"}]},
             "data": {"values": [[0.5, null, 0.75], [1000, 2000, 3000]]}},
            {"schema": {}, "data": {"values": []}},
        ]});
        let series = frames(&result).expect("frames");
        assert_eq!(series, [Answered { metric: json!({"a": "b"}), points: vec![(1.0, 0.5), (3.0, 0.75)] }]);
        assert_eq!(frames(&json!({"error": "bad"})), Err("bad".to_owned()));
    }

    #[test]
    fn refusals_are_known_by_message_id_before_status() {
        let reply = |status: u16, body: Value| Reply {
            status,
            content_type: "application/json".into(),
            body: body.to_string().into_bytes(),
            url: String::new(),
            date: None,
        };
        let wrong = json!({"message": "Invalid username or password", "messageId": "password-auth.failed"});
        assert_eq!(refusal(&reply(401, wrong.clone())), NoAnswer::WrongPassword);
        assert_eq!(refusal(&reply(400, wrong)), NoAnswer::WrongPassword);
        assert_eq!(refusal(&reply(401, json!({"message": "invalid username or password"}))), NoAnswer::WrongPassword);
        assert_eq!(refusal(&reply(401, json!({"messageId": "login-attempt.blocked"}))), NoAnswer::Blocked);
        assert_eq!(refusal(&reply(401, json!({"message": "Unauthorized"}))), NoAnswer::SignInWanted);
        assert_eq!(refusal(&reply(401, json!({"message": "Invalid API key"}))), NoAnswer::WrongToken);
        assert_eq!(refusal(&reply(404, json!({"message": "Not found"}))), NoAnswer::Missing);
    }
}
