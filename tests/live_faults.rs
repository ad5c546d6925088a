//! What `labkit check` says when something else answers, or badly: each with words of its own.

#![cfg(unix)]

mod live_parts;

use axum::Router;
use axum::body::Body;
use axum::http::{Response, StatusCode};
use labkit::live::Server;
use live_parts::grafana::{self, Fake};
use live_parts::{check, of};

fn serve(status: u16, content_type: &'static str, body: Vec<u8>) -> Server {
    let app = Router::new().fallback(move || {
        let body = body.clone();
        async move {
            Response::builder()
                .status(StatusCode::from_u16(status).expect("a status"))
                .header("content-type", content_type)
                .body(Body::from(body))
                .expect("a response")
        }
    });
    Server::start("fault", ([127, 0, 0, 1], 0).into(), app).expect("a free port")
}

/// Answers every connection with these bytes and closes it, or keeps it open without a word.
fn raw(bytes: &'static [u8]) -> std::net::SocketAddr {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            std::thread::spawn(move || {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request);
                if bytes.is_empty() {
                    std::thread::sleep(std::time::Duration::from_secs(60));
                }
                let _ = stream.write_all(bytes);
            });
        }
    });
    address
}

fn mock_reason(address: impl std::fmt::Display) -> (String, String) {
    let (_keep, folder) = live_parts::folder();
    let (_, result) = check(&folder, &[format!("--mock={address}"), "--only=mock-metrics".to_owned()]);
    of(&result, "mock-metrics")
}

#[test]
fn every_other_page_on_the_mocks_port_has_its_own_words() {
    let told = |server: &Server| mock_reason(format!("http://{}", server.address()));
    let html = serve(200, "text/html", b"<html><title>Welcome to nginx</title></html>".to_vec());
    assert_eq!(told(&html).0, "fail");
    assert!(told(&html).1.contains("a page titled \"Welcome to nginx\", no exporter"), "{}", told(&html).1);
    let broken = serve(500, "text/plain", b"Traceback (most recent call last)".to_vec());
    assert!(told(&broken).1.contains("status 500 Internal Server Error with \"Traceback"), "{}", told(&broken).1);
    let other = serve(200, "text/plain; version=0.0.4", b"model_results 0.5\nup 1\n".to_vec());
    assert!(told(&other).1.contains("no model_result at") && told(&other).1.contains("but model_results, up"));
    let outside = serve(200, "text/plain; version=0.0.4", b"model_result 42\n".to_vec());
    assert!(
        told(&outside).1.contains("model_result = 42") && told(&outside).1.contains("wanted a value between 0 and 1")
    );
    let large = serve(200, "text/plain", vec![b'#'; 11 * 1024 * 1024]);
    assert!(told(&large).1.contains("an answer of more than 10 MB"), "{}", told(&large).1);
}

#[test]
fn connections_that_fail_have_their_own_words() {
    let cut = mock_reason(raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 500\r\n\r\nmodel_res"));
    assert!(cut.0 == "fail" && cut.1.contains("an answer that was cut off"), "{cut:?}");
    let noise = mock_reason(raw(b"SSH-2.0-OpenSSH_9.2\r\n"));
    assert!(noise.1.contains("an answer that is no HTTP"), "{noise:?}");
    let tls = mock_reason(format!("https://{}", raw(b"HTTP/1.1 400 Bad Request\r\n\r\n")));
    assert!(tls.0 == "error" && tls.1.contains("no secure connection"), "{tls:?}");
    let name = mock_reason("http://no-such-host.invalid:9000");
    assert!(name.0 == "error" && name.1.contains("a name that stands for no machine"), "{name:?}");
    let silent = mock_reason(raw(b""));
    assert!(silent.0 == "fail" && silent.1.contains("no answer within 10 s"), "{silent:?}");
}

#[test]
fn what_is_no_prometheus_is_not_taken_for_one() {
    let (_keep, folder) = live_parts::folder();
    let told = |server: &Server| {
        let args = [format!("--prometheus=http://{}", server.address()), "--only=prometheus-scrapes-mock".to_owned()];
        let (_, result) = check(&folder, &args);
        of(&result, "prometheus-scrapes-mock")
    };
    let proxy = serve(502, "text/html", b"<html><head><title>502 Bad Gateway</title>".to_vec());
    assert!(told(&proxy).0 == "fail" && told(&proxy).1.contains("titled \"502 Bad Gateway\""), "{:?}", told(&proxy));
    let json = serve(200, "application/json", b"{\"hello\": 1}".to_vec());
    assert!(told(&json).1.contains("wanted Prometheus there"), "{:?}", told(&json));
    let starting = serve(503, "text/plain", b"Service Unavailable".to_vec());
    assert!(told(&starting).0 == "error" && told(&starting).1.contains("not ready yet"), "{:?}", told(&starting));
}

#[test]
fn a_clock_that_is_an_hour_off_is_told() {
    let later =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs() + 3600;
    let later = jiff::Timestamp::from_second(later as i64).expect("a time");
    let date = later.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let app = Router::new().fallback(move || {
        let date = date.clone();
        async move {
            Response::builder()
                .header("date", date)
                .header("content-type", "application/json")
                .body(Body::from(
                    r#"{"status":"success","data":{"version":"2.53.0","resultType":"vector","result":[]}}"#,
                ))
                .expect("a response")
        }
    });
    let server = Server::start("fault", ([127, 0, 0, 1], 0).into(), app).expect("a free port");
    let (_keep, folder) = live_parts::folder();
    let args = [format!("--prometheus=http://{}", server.address()), "--only=node-exporter".to_owned()];
    let (_, result) = check(&folder, &args);
    let advice = result["advice"].as_array().expect("advice").iter().find(|a| a["id"] == "clock-skew").expect("told");
    let reason = advice["reason"].as_str().unwrap_or_default();
    assert!(
        reason.contains("the clock of Prometheus 60:00") || reason.contains("the clock of Prometheus 59:59"),
        "{reason}"
    );
    assert!(reason.contains("ahead of this machine's"), "{reason}");
}

fn grafana_result(fake: Fake, more: &[String]) -> serde_json::Value {
    let (_keep, folder) = live_parts::folder();
    let server = grafana::start(fake);
    let only = "--only=grafana-shows-mock,grafana-refresh-5s,grafana-threshold-line".to_owned();
    let mut args = vec![format!("--grafana=http://{}", server.address()), only];
    args.extend_from_slice(more);
    check(&folder, &args).1
}

#[test]
fn sign_ins_to_grafana_are_told_apart() {
    let dashboards = || vec![("d1", grafana::classic("5s"))];
    let closed = grafana_result(Fake { dashboards: dashboards(), ..Fake::default() }, &[]);
    let (verdict, reason) = of(&closed, "grafana-shows-mock");
    assert!(verdict == "unverified" && reason.contains("asking to sign in"), "{verdict}: {reason}");
    let (_keep, folder) = live_parts::folder();
    let password = folder.join("password");
    std::fs::write(&password, "admin").expect("written");
    let wrong = ["--grafana-user=admin".to_owned(), format!("--grafana-password-file={}", password.display())];
    let refused = grafana_result(Fake { dashboards: dashboards(), ..Fake::default() }, &wrong);
    let (verdict, reason) = of(&refused, "grafana-shows-mock");
    assert!(verdict == "error" && reason.contains("refusing user and password"), "{verdict}: {reason}");
    let first = grafana_result(Fake { password: "admin", dashboards: dashboards(), ..Fake::default() }, &[]);
    assert_eq!(of(&first, "grafana-shows-mock").0, "pass", "{}", of(&first, "grafana-shows-mock").1);
    assert_eq!(first["advice"][0]["id"], "default-grafana-password");
    let anonymous = grafana_result(Fake { anonymous: true, dashboards: dashboards(), ..Fake::default() }, &[]);
    assert_eq!(of(&anonymous, "grafana-threshold-line").0, "pass", "{}", of(&anonymous, "grafana-threshold-line").1);
}

#[test]
fn dashboards_stored_as_v2_are_read_as_such_and_missing_data_are_told() {
    let v2 = serde_json::json!({
        "title": "Model", "timeSettings": {"from": "now-15m", "to": "now", "autoRefresh": "5s"},
        "elements": {"panel-1": {"kind": "Panel", "spec": {
            "id": 1, "title": "Result",
            "data": {"kind": "QueryGroup", "spec": {"queries": [{"kind": "PanelQuery", "spec": {"refId": "A", "hidden": false,
                "query": {"kind": "DataQuery", "group": "prometheus", "datasource": {"name": "p1"}, "spec": {"expr": "model_result"}}}}]}},
            "vizConfig": {"kind": "VizConfig", "group": "timeseries", "spec": {"fieldConfig": {"defaults": {
                "thresholds": {"mode": "absolute", "steps": [{"color": "green", "value": null}, {"color": "red", "value": 0.75}]},
                "custom": {"thresholdsStyle": {"mode": "dashed"}}}, "overrides": []}}},
        }}},
        "layout": {"kind": "GridLayout", "spec": {"items": [
            {"kind": "GridLayoutItem", "spec": {"element": {"kind": "ElementReference", "name": "panel-1"}}}]}},
    });
    let fake = Fake { anonymous: true, v2: vec![("n1", v2)], value: None, version: "12.2.0", ..Fake::default() };
    let result = grafana_result(fake, &[]);
    assert_eq!(of(&result, "grafana-threshold-line").0, "pass", "{}", of(&result, "grafana-threshold-line").1);
    assert_eq!(of(&result, "grafana-refresh-5s").0, "pass", "{}", of(&result, "grafana-refresh-5s").1);
    let (verdict, reason) = of(&result, "grafana-shows-mock");
    assert!(verdict == "fail" && reason.contains("no model_result through Prometheus"), "{verdict}: {reason}");
}
