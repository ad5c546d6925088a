//! Grafana 9 to 13: the same answers whatever its version and however labkit signs in, and nobody is locked out.

#![cfg(unix)]

mod live_parts;

use std::sync::atomic::Ordering::SeqCst;

use live_parts::grafana::{self, Fake};
use live_parts::{check, of};
use serde_json::Value;

const VERSIONS: [&str; 5] = ["9.5.21", "10.0.3", "11.6.0", "12.2.1", "13.2.0"];
const ASKED: [&str; 4] = ["grafana-shows-mock", "grafana-refresh-5s", "grafana-last-15m", "grafana-threshold-line"];
const TOKEN: &str = "glsa_0123456789abcdefghij_01234567";

fn asked(fake: Fake, more: &[String]) -> Value {
    let (_keep, folder) = live_parts::folder();
    let server = grafana::start(fake);
    let mut args = vec![format!("--grafana=http://{}", server.address()), format!("--only={}", ASKED.join(","))];
    args.extend_from_slice(more);
    check(&folder, &args).1
}

fn all_pass(result: &Value, how: &str) {
    for id in ASKED {
        let (verdict, reason) = of(result, id);
        assert_eq!(verdict, "pass", "{how}: {id}: {reason}");
    }
}

fn advised(result: &Value, id: &str) -> bool {
    result["advice"].as_array().is_some_and(|l| l.iter().any(|a| a["id"] == id))
}

#[test]
fn every_version_answers_a_user_and_is_asked_for_the_first_password_once() {
    let (_keep, folder) = live_parts::folder();
    let password = folder.join("password");
    std::fs::write(&password, "changed\n").expect("written");
    let user = ["--grafana-user=admin".to_owned(), format!("--grafana-password-file={}", password.display())];
    for version in VERSIONS {
        let fake = Fake { version, dashboards: vec![("d1", grafana::classic("5s"))], ..Fake::default() };
        let failures = fake.failures.clone();
        let result = asked(fake, &user);
        all_pass(&result, version);
        assert!(!advised(&result, "default-grafana-password"), "{version}");
        // One wrong sign-in, and a right one after it.
        assert_eq!((failures.1.load(SeqCst), failures.0.load(SeqCst)), (1, 0), "{version}");
    }
    let fake = Fake { password: "admin", dashboards: vec![("d1", grafana::classic("5s"))], ..Fake::default() };
    let failures = fake.failures.clone();
    assert!(advised(&asked(fake, &[]), "default-grafana-password"));
    assert_eq!(failures.1.load(SeqCst), 0);
}

#[test]
fn tokens_and_anonymous_visitors_see_the_same() {
    let (_keep, folder) = live_parts::folder();
    let token = folder.join("token");
    std::fs::write(&token, TOKEN).expect("written");
    let by_token = [format!("--grafana-token-file={}", token.display())];
    for version in [VERSIONS[0], VERSIONS[4]] {
        let fake = || Fake { version, dashboards: vec![("d1", grafana::classic("5s"))], ..Fake::default() };
        all_pass(&asked(Fake { token: Some(TOKEN), ..fake() }, &by_token), version);
        all_pass(&asked(Fake { anonymous: true, ..fake() }, &[]), version);
    }
    let refused = asked(Fake::default(), &by_token);
    let (verdict, reason) = of(&refused, "grafana-shows-mock");
    assert!(verdict == "error" && reason.contains("refusing the token"), "{verdict}: {reason}");
}

#[test]
fn where_the_way_of_panels_is_closed_the_proxy_is_asked() {
    let fake = Fake {
        panels_way: false,
        anonymous: true,
        dashboards: vec![("d1", grafana::classic("5s"))],
        ..Fake::default()
    };
    all_pass(&asked(fake, &[]), "proxy");
}
