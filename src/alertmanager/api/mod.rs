//! Alertmanager's HTTP API (v2, and what is left of v1) as functions from a request to an answer.
//!
//! Pure: whoever serves it hands the request in. Facts: 69 exchanges with the real 0.25, upstream `api/v2`.

mod alerts;
mod members;
mod request;
mod silences;
mod times;

pub use request::{ApiRequest, ApiResponse};

use serde_json::{Value, json};

use super::machine::Alertmanager;
use super::version::Version;
use crate::model::Time;

/// What the API tells of the server it runs in.
#[derive(Clone, Debug, Default)]
pub struct ServerFacts {
    /// The configuration's text, secrets masked.
    pub config_text: String,
}

impl Alertmanager {
    /// Answers a request that arrives at `now`. Reloading is the server's own affair and not answered here.
    pub fn answer(&mut self, now: Time, request: &ApiRequest, facts: &ServerFacts) -> ApiResponse {
        let path = request.path.trim_end_matches('/');
        let get = request.method == "GET";
        match path {
            "/-/healthy" | "/-/ready" => match request.method.as_str() {
                "GET" => ApiResponse::text(200, "OK"),
                "HEAD" | "OPTIONS" => ApiResponse::empty(200),
                _ => ApiResponse::text(405, "Method Not Allowed\n"),
            },
            "/api/v2/alerts" => match request.method.as_str() {
                "POST" => self.post_alerts(now, request),
                _ if get => self.get_alerts(now, request),
                _ => ApiResponse::method_not_allowed(&request.method, "GET,POST"),
            },
            "/api/v2/alerts/groups" if get => self.get_groups(now, request),
            "/api/v2/silences" => match request.method.as_str() {
                "POST" => self.post_silence(now, request),
                _ if get => self.get_silences(now, request),
                _ => ApiResponse::method_not_allowed(&request.method, "GET,POST"),
            },
            "/api/v2/receivers" if get => self.get_receivers(),
            "/api/v2/status" if get => ApiResponse::json(200, &self.status(facts)),
            "/api/v2/alerts/groups" | "/api/v2/receivers" | "/api/v2/status" => {
                ApiResponse::method_not_allowed(&request.method, "GET")
            }
            _ if path.starts_with("/api/v1/") => self.answer_v1(now, request, facts),
            _ => match path.strip_prefix("/api/v2/silence/") {
                Some(id) if !id.contains('/') => {
                    let id = crate::golang::url_parse::decoded(id);
                    match request.method.as_str() {
                        "DELETE" => self.delete_silence(now, &id),
                        _ if get => self.get_silence(now, &id),
                        _ => ApiResponse::method_not_allowed(&request.method, "DELETE,GET"),
                    }
                }
                None if !request.path.starts_with("/api/v2/") => ApiResponse::text(404, "404 page not found\n"),
                _ => ApiResponse::coded(404, 404, &format!("path {} was not found", request.path)),
            },
        }
    }

    /// The old API: gone since 0.27.
    fn answer_v1(&mut self, now: Time, request: &ApiRequest, facts: &ServerFacts) -> ApiResponse {
        if self.version >= Version::V0_27 {
            let why = "The Alertmanager v1 API was deprecated in version 0.16.0 and is removed as of version 0.27.0 - \
                       please use the equivalent route in the v2 API";
            return ApiResponse::json(410, &json!({"status": "deprecated", "error": why})).without_newline();
        }
        match (request.method.as_str(), request.path.trim_end_matches('/')) {
            ("POST", "/api/v1/alerts") => {
                let answer = self.post_alerts(now, request);
                if answer.status == 200 {
                    return ApiResponse::json(200, &json!({"status": "success"})).without_newline();
                }
                // In words; what is wrong with the form of a body has a code beside it.
                let error = match serde_json::from_str(&answer.body) {
                    Ok(Value::String(words)) => words,
                    Ok(coded) => coded["message"].as_str().unwrap_or_default().to_owned(),
                    Err(_) => answer.body,
                };
                let error = error.split_once(" failed, because ").map_or(error.as_str(), |(_, why)| why);
                let body = json!({"status": "error", "errorType": "bad_data", "error": error});
                ApiResponse::json(400, &body).without_newline()
            }
            ("GET", "/api/v1/receivers") => {
                let names: Vec<&str> = self.config.receivers.iter().map(|r| &*r.name).collect();
                ApiResponse::json(200, &json!({"status": "success", "data": names})).without_newline()
            }
            ("GET", "/api/v1/status") => {
                let status = self.status(facts);
                let data = json!({
                    "configYAML": status["config"]["original"],
                    "versionInfo": status["versionInfo"],
                    "uptime": status["uptime"],
                    "clusterStatus": Value::Null,
                });
                ApiResponse::json(200, &json!({"status": "success", "data": data})).without_newline()
            }
            _ => ApiResponse::text(404, "404 page not found\n"),
        }
    }

    fn status(&self, facts: &ServerFacts) -> Value {
        json!({
            "cluster": {"peers": [], "status": "disabled"},
            "config": {"original": facts.config_text},
            "uptime": times::show_time(self.started),
            "versionInfo": {
                "branch": "HEAD",
                "buildDate": "",
                "buildUser": "labkit",
                "goVersion": "",
                "revision": "",
                "version": format!("{}.0", self.version),
            },
        })
    }

    fn get_receivers(&self) -> ApiResponse {
        let shown = self.config.receivers.iter().map(|r| match r.labels.is_empty() {
            true => json!({"name": &*r.name}),
            // Labels of a receiver came with 0.33; before that there are none.
            false => {
                let labels: serde_json::Map<_, _> =
                    r.labels.iter().map(|(name, value)| (name.to_string(), json!(&**value))).collect();
                json!({"labels": labels, "name": &*r.name})
            }
        });
        ApiResponse::json(200, &shown.collect())
    }
}
