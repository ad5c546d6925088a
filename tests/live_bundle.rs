//! A check on real programs, its bundle, and the same verdicts from the bundle without the programs.

#![cfg(unix)]

mod live_parts;

use std::path::Path;

use live_parts::grafana::{self, Fake};
use live_parts::{check, of};
use serde_json::Value;

const REAL: [&str; 2] = ["/usr/bin/prometheus", "/usr/bin/prometheus-alertmanager"];
const SECRET: &str = "s3cr3t-passphrase";

/// Runs `labkit replay --json`; gives its exit code, its result and its remarks.
fn replay(bundle: &Path, out: &Path) -> (i32, Value, String) {
    let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_labkit"))
        .args(["replay", "--json", "--out"])
        .arg(out)
        .arg(bundle)
        .timeout(std::time::Duration::from_secs(60))
        .output()
        .expect("labkit ends");
    let text = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap_or(-1), serde_json::from_str(&text).unwrap_or_default(), said)
}

/// The files of a bundle.
fn unpacked(bundle: &Path, folder: &Path) -> String {
    let into = folder.join("unpacked");
    std::fs::create_dir_all(&into).expect("made");
    let done = std::process::Command::new("tar").arg("-xzf").arg(bundle).arg("-C").arg(&into).status();
    assert!(done.expect("tar runs").success());
    let listed = std::process::Command::new("grep").args(["-r", ""]).arg(&into).output().expect("grep runs");
    String::from_utf8_lossy(&listed.stdout).into_owned()
}

#[test]
fn a_bundle_gives_the_same_verdicts_without_the_programs_and_holds_no_secret() {
    if !live_parts::installed(&REAL) {
        return;
    }
    let (_keep, folder) = live_parts::folder();
    let (mock_program, mock) = live_parts::mock(&folder, "0.9\n0.8\n0.95\n");
    let (alertmanager, discord) = (live_parts::free_port(), live_parts::free_port());
    let alertmanager_program = live_parts::alertmanager(&folder, alertmanager, discord);
    let config = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [rules.yml]\nalerting:\n  alertmanagers:\n  \
         - static_configs: [{{targets: ['127.0.0.1:{alertmanager}']}}]\nscrape_configs:\n- job_name: mock\n  \
         static_configs: [{{targets: ['{mock}']}}]\n  basic_auth: {{username: ann, password: {SECRET}}}\n"
    );
    let rules = "groups:\n- name: lab\n  rules:\n  - {alert: ModelHigh, expr: model_result > 0.75}\n";
    let (prometheus_program, prometheus) = live_parts::prometheus(&folder, &config, rules);
    let fake =
        grafana::start(Fake { password: SECRET, dashboards: vec![("d1", grafana::classic("5s"))], ..Fake::default() });
    let password = folder.join("password");
    std::fs::write(&password, SECRET).expect("written");
    let repo = folder.join("repo");
    std::fs::create_dir_all(repo.join("monitoring")).expect("made");
    let webhook = "https://discord.com/api/webhooks/123456789012345678/tOkEn-OnLy-OwNeRs-KnOw";
    std::fs::write(repo.join("monitoring/alertmanager.yml"), format!("# {webhook}\n")).expect("written");
    std::fs::write(repo.join("report.md"), format!("# Report\n\nmodel_result comes every 5 s, {webhook}\n"))
        .expect("written");
    let bundle = folder.join("evidence.tar.gz");
    let args = [
        format!("--mock=http://{mock}"),
        format!("--prometheus=http://127.0.0.1:{prometheus}"),
        format!("--alertmanager=http://127.0.0.1:{alertmanager}"),
        format!("--grafana=http://{}", fake.address()),
        "--grafana-user=admin".to_owned(),
        format!("--grafana-password-file={}", password.display()),
        format!("--discord-listen=127.0.0.1:{discord}"),
        format!("--repo={}", repo.display()),
        format!("--bundle={}", bundle.display()),
    ];
    let (code, result) = check(&folder.join("reports"), &args);
    for id in ["mock-metrics", "prometheus-scrapes-mock", "grafana-shows-mock", "discord-mock-alert"] {
        assert_eq!(of(&result, id).0, "pass", "{id}: {}", of(&result, id).1);
    }
    drop((mock_program, alertmanager_program, prometheus_program, fake));
    std::fs::remove_dir_all(&repo).expect("removed");

    let (again, replayed, said) = replay(&bundle, &folder.join("replayed"));
    assert_eq!((code, &result["criteria"]), (again, &replayed["criteria"]), "{said}");
    assert_eq!(result["advice"], replayed["advice"]);
    assert!(!said.contains("was pass in the bundle"), "{said}");

    let text = unpacked(&bundle, &folder);
    for secret in [SECRET, "tOkEn-OnLy-OwNeRs-KnOw", "YWRtaW46"] {
        assert!(!text.contains(secret), "{secret} is in the bundle");
    }
    for file in
        ["configuration/prometheus.yml", "configuration/rules.json", "messages.jsonl", "clocks.json", "report.md"]
    {
        assert!(text.contains(file), "no {file} in the bundle");
    }
    assert!(text.contains("ModelHigh"));
}

#[test]
fn what_is_no_bundle_is_told_and_harms_nothing() {
    let (_keep, folder) = live_parts::folder();
    let told = |bytes: &[u8]| {
        let file = folder.join("bundle.tar.gz");
        std::fs::write(&file, bytes).expect("written");
        let (code, _, said) = replay(&file, &folder.join("out"));
        assert_eq!(code, 2, "{said}");
        said
    };
    assert!(told(b"").contains("is no bundle of labkit: a damaged archive"));
    assert!(told(b"<html>Sign in</html>").contains("a damaged archive"));
    let packed = |files: &[(&str, &str)]| {
        let inside = folder.join("inside");
        let _ = std::fs::remove_dir_all(&inside);
        std::fs::create_dir_all(&inside).expect("made");
        for (name, text) in files {
            std::fs::write(inside.join(name), text).expect("written");
        }
        let file = folder.join("made.tar.gz");
        let mut tar = std::process::Command::new("tar");
        // Names that lead out are names like others.
        tar.args(["--format=ustar", "-czf"]).arg(&file).arg("-C").arg(&inside).arg("--transform=s,^evil,../../evil,");
        tar.args(files.iter().map(|f| f.0));
        assert!(tar.status().expect("tar runs").success());
        std::fs::read(&file).expect("an archive")
    };
    assert!(told(&packed(&[("evil", "x")])).contains("no manifest.json"));
    assert!(!folder.join("../../evil").exists());
    assert!(
        told(&packed(&[("manifest.json", "{\"schema\": \"labkit/bundle/v9\"}")]))
            .contains("wanted \"labkit/bundle/v1\"")
    );
    let deep = "[".repeat(100_000);
    assert!(told(&packed(&[("manifest.json", &deep)])).contains("recursion limit"));
    let manifest = r#"{"schema":"labkit/bundle/v1","labkit":"0","whole":true,"repository":null,
        "subject":{"name":"x","path":"x","commit":null,"dirty":false},
        "called":{"lab":"07-monitoring","set":[],"only":[],"mock":"http://a","prometheus":"http://b","alertmanager":"http://c",
        "grafana":"http://d","grafana_user":"nobody","node_exporter":null,"listened":true,
        "vm":{"alias":"vm","user":null,"builtin_load":false}}}"#;
    assert!(told(&packed(&[("manifest.json", manifest), ("observations.jsonl", "{}\n")])).contains("line 1"));
    // Nothing was observed: everything is an error or open, and nobody waits.
    let file = folder.join("empty.tar.gz");
    std::fs::write(&file, packed(&[("manifest.json", manifest), ("observations.jsonl", "")])).expect("written");
    let (code, result, said) = replay(&file, &folder.join("out"));
    assert_eq!(code, 3, "{said}");
    assert_eq!(of(&result, "mock-metrics").0, "error");
    let missing = replay(&folder.join("none.tar.gz"), &folder.join("out"));
    assert!(missing.0 == 2 && missing.2.contains("cannot read"), "{}", missing.2);
}
