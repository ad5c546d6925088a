//! A Grafana that is none: the answers of its HTTP API that labkit reads, with a user, data sources and dashboards.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode, header};
use labkit::live::Server;
use serde_json::{Value, json};

/// How it behaves.
#[derive(Clone, Debug)]
pub struct Fake {
    /// The password of admin.
    pub password: &'static str,
    /// Whether anonymous visitors are let in, as viewers.
    pub anonymous: bool,
    /// Its version.
    pub version: &'static str,
    /// The value that its data source gives for everything; none: no series.
    pub value: Option<f64>,
    /// The dashboards, classic, by uid.
    pub dashboards: Vec<(&'static str, Value)>,
    /// A token of a service account that opens it.
    pub token: Option<&'static str>,
    /// Whether queries on the way of panels are answered; else only through the proxy.
    pub panels_way: bool,
    /// Wrong passwords since the last right one, and all that there were.
    pub failures: Arc<(AtomicUsize, AtomicUsize)>,
    /// Dashboards stored as v2, by uid; the newer API gives the whole and the classic form has lost all.
    pub v2: Vec<(&'static str, Value)>,
}

impl Default for Fake {
    fn default() -> Self {
        Self {
            password: "changed",
            anonymous: false,
            version: "12.1.0",
            value: Some(0.5),
            token: None,
            panels_way: true,
            failures: Arc::default(),
            dashboards: Vec::new(),
            v2: Vec::new(),
        }
    }
}

/// A classic dashboard as the lab asks for it.
pub fn classic(refresh: &str) -> Value {
    json!({
        "title": "Model", "schemaVersion": 39, "refresh": refresh, "time": {"from": "now-15m", "to": "now"},
        "panels": [{
            "id": 1, "type": "timeseries", "title": "Result",
            "datasource": {"type": "prometheus", "uid": "p1"},
            "targets": [{"refId": "A", "expr": "model_result"}],
            "fieldConfig": {"defaults": {
                "thresholds": {"mode": "absolute", "steps": [{"color": "green", "value": null}, {"color": "red", "value": 0.75}]},
                "custom": {"thresholdsStyle": {"mode": "line"}},
            }, "overrides": []},
        }],
    })
}

/// Starts it on a free port.
pub fn start(fake: Fake) -> Server {
    let app = Router::new().fallback(answer).with_state(Arc::new(fake));
    Server::start("grafana", ([127, 0, 0, 1], 0).into(), app).expect("a free port")
}

async fn answer(State(fake): State<Arc<Fake>>, request: Request) -> Response<Body> {
    let (status, body) = route(&fake, &request);
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

/// `admin:PASSWORD` in Base64, as few passwords as tests need.
fn basic(password: &str) -> &'static str {
    match password {
        "admin" => "Basic YWRtaW46YWRtaW4=",
        "changed" => "Basic YWRtaW46Y2hhbmdlZA==",
        "s3cr3t-passphrase" => "Basic YWRtaW46czNjcjN0LXBhc3NwaHJhc2U=",
        other => panic!("no Base64 for {other}"),
    }
}

impl Fake {
    fn major(&self) -> u32 {
        self.version.split('.').next().and_then(|m| m.parse().ok()).unwrap_or(0)
    }

    /// The versions of the newer API in classic and in v2 form.
    fn served(&self) -> (&'static str, &'static str) {
        if self.major() >= 13 { ("v1", "v2") } else { ("v1beta1", "v2beta1") }
    }
}

/// After five wrong passwords the right one does not open either; 9 does not tell.
fn wrong_password(fake: &Fake) -> (StatusCode, Value) {
    fake.failures.1.fetch_add(1, SeqCst);
    let blocked = fake.failures.0.fetch_add(1, SeqCst) >= 5;
    match fake.major() {
        ..=9 => (StatusCode::UNAUTHORIZED, json!({"message": "invalid username or password"})),
        10 => (
            StatusCode::BAD_REQUEST,
            json!({"message": "Invalid username or password", "messageId": "password-auth.failed"}),
        ),
        _ if blocked => {
            (StatusCode::UNAUTHORIZED, json!({"message": "Unauthorized", "messageId": "login-attempt.blocked"}))
        }
        _ => (
            StatusCode::UNAUTHORIZED,
            json!({"message": "Invalid username or password", "messageId": "password-auth.failed"}),
        ),
    }
}

fn route(fake: &Fake, request: &Request) -> (StatusCode, Value) {
    let path = request.uri().path();
    if path == "/api/health" {
        return (StatusCode::OK, json!({"database": "ok", "version": fake.version, "commit": "c"}));
    }
    let given = request.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    let viewer = match given {
        Some(header) if header == basic(fake.password) && fake.failures.0.load(SeqCst) < 5 => {
            fake.failures.0.store(0, SeqCst);
            false
        }
        Some(header) if header.strip_prefix("Bearer ").is_some_and(|t| Some(t) == fake.token) => {
            // A token is no user.
            if path == "/api/user" {
                return (StatusCode::NOT_FOUND, json!({"message": "user not found"}));
            }
            false
        }
        Some(header) if header.starts_with("Bearer ") => {
            return (StatusCode::UNAUTHORIZED, json!({"message": "Invalid API key"}));
        }
        Some(_) => return wrong_password(fake),
        None if fake.anonymous => true,
        None => return (StatusCode::UNAUTHORIZED, json!({"message": "Unauthorized"})),
    };
    let source = json!({"uid": "p1", "name": "Prometheus", "type": "prometheus", "url": "http://prometheus:9090", "isDefault": true});
    let missing = || (StatusCode::NOT_FOUND, json!({"message": "Not found"}));
    match path {
        "/api/org" => (StatusCode::OK, json!({"id": 1})),
        "/api/user" => (StatusCode::OK, json!({"login": "admin"})),
        "/api/frontend/settings" => (
            StatusCode::OK,
            json!({"namespace": "default", "defaultDatasource": "Prometheus", "datasources": {
                "Prometheus": {"uid": "p1", "type": "prometheus"}, "-- Grafana --": {"uid": "grafana", "type": "datasource"},
            }}),
        ),
        "/api/datasources" if viewer => (
            StatusCode::FORBIDDEN,
            json!({"title": "Access denied", "message": "Permissions needed: datasources:read"}),
        ),
        "/api/datasources" => (StatusCode::OK, json!([source])),
        "/api/ds/query" if !fake.panels_way => (StatusCode::NOT_FOUND, json!({"message": "Data source not found"})),
        "/api/datasources/proxy/uid/p1/api/v1/query_range" => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
            let values = fake.value.map(|v| json!([[now - 5, v.to_string()], [now, v.to_string()]]));
            let series: Vec<Value> =
                values.map(|v| json!({"metric": {"__name__": "model_result"}, "values": v})).into_iter().collect();
            (StatusCode::OK, json!({"status": "success", "data": {"resultType": "matrix", "result": series}}))
        }
        "/api/ds/query" => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as u64;
            let frames = match fake.value {
                Some(value) => json!([{
                    "schema": {"fields": [{"type": "time"}, {"type": "number", "labels": {"__name__": "model_result"}}]},
                    "data": {"values": [[now - 5000, now], [value, value]]},
                }]),
                None => json!([{"schema": {"fields": []}, "data": {"values": []}}]),
            };
            (StatusCode::OK, json!({"results": {"A": {"status": 200, "frames": frames}}}))
        }
        "/api/search" => {
            let list = fake.dashboards.iter().chain(&fake.v2);
            let list: Value =
                list.map(|(uid, d)| json!({"uid": uid, "title": d["title"], "type": "dash-db"})).collect();
            (StatusCode::OK, list)
        }
        "/apis/dashboard.grafana.app" if fake.major() >= 12 => {
            let (v1, v2) = fake.served();
            (StatusCode::OK, json!({"versions": [{"version": "v0alpha1"}, {"version": v1}, {"version": v2}]}))
        }
        _ => {
            let uid = path.rsplit('/').next().unwrap_or_default();
            let find = |list: &[(&str, Value)]| list.iter().find(|(u, _)| *u == uid).map(|(_, d)| d.clone());
            if path.starts_with("/api/dashboards/uid/") {
                return match find(&fake.dashboards) {
                    Some(d) => (StatusCode::OK, json!({"meta": {}, "dashboard": d})),
                    None => (StatusCode::NOT_FOUND, json!({"message": "Dashboard not found"})),
                };
            }
            let (v1, v2) = fake.served();
            if path.starts_with(&format!("/apis/dashboard.grafana.app/{v2}/")) {
                return find(&fake.v2)
                    .map_or_else(missing, |d| (StatusCode::OK, json!({"kind": "Dashboard", "spec": d})));
            }
            if path.starts_with(&format!("/apis/dashboard.grafana.app/{v1}/")) {
                let lost = json!({"title": "lost", "panels": []});
                let status = json!({"conversion": {"failed": false, "storedVersion": v2}});
                return match (find(&fake.v2), find(&fake.dashboards)) {
                    (Some(_), _) => (StatusCode::OK, json!({"kind": "Dashboard", "spec": lost, "status": status})),
                    (_, Some(d)) => (StatusCode::OK, json!({"kind": "Dashboard", "spec": d})),
                    _ => missing(),
                };
            }
            missing()
        }
    }
}
