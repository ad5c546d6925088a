//! Small files that ask for endless work, and repositories whose git folder leads astray.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A variable that the tests set for labkit; nothing a student writes may bring its value to light.
pub const VARIABLE: &str = "LABKIT_HOSTILE_SECRET";

/// Makes repositories by `repo`, a function that gives a copy of the solution.
pub fn build(root: &Path, repo: &dyn Fn(&str) -> PathBuf) {
    let rules = |repo: &Path, text: &str| write(repo, "rules.yml", text);
    let alert = |expr: &str, summary: &str| {
        format!(
            "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: {expr}\n    annotations: {{summary: {summary}}}\n"
        )
    };

    // Merge keys that double, a scalar of megabytes, thousands of documents.
    let merges = repo("merge-keys");
    let doubled: String = (1..60).map(|i| format!("a{i}: &a{i}\n  <<: [*a{0}, *a{0}]\n  k{i}: 1\n", i - 1)).collect();
    write(&merges, "prometheus.yml", &format!("a0: &a0 {{x: 1}}\n{doubled}"));
    write(&merges, "rules.yml", &format!("groups: {}\n", "x".repeat(8 << 20)));
    write(&merges, "alertmanager.yml", &"---\na: 1\n".repeat(100_000));

    // Variables that double, in compose, its .env and a Dockerfile.
    let variables = repo("variables");
    let env: String = (0..60).map(|i| format!("V{}=${{V{i}}}${{V{i}}}\n", i + 1)).collect();
    fs::write(variables.join("monitoring/.env"), format!("V0=xxxxxxxxxxxxxxxx\n{env}")).expect("written");
    let nested = "${A:-".repeat(50_000) + &"}".repeat(50_000);
    edit(
        &variables,
        "docker-compose.yml",
        "services:\n",
        &format!("x-a: \"{nested}\"\nx-b: \"${{V60}}\"\nservices:\n  d: {{build: .}}\n"),
    );
    let lines: String = (0..60).map(|i| format!("ENV V{}=$V{i}$V{i}\n", i + 1)).collect();
    let dockerfile = format!("FROM x\nENV V0=xxxxxxxxxxxxxxxx\n{lines}{}", "COPY a b\n".repeat(20_000));
    fs::write(variables.join("monitoring/Dockerfile"), dockerfile).expect("written");

    // What the environment of labkit holds.
    let secret = repo("environment");
    edit(&secret, "docker-compose.yml", "prom/prometheus:v3.5.0", &format!("prom/prometheus:${{{VARIABLE}}}"));
    edit(&secret, "prometheus.yml", "global:\n", &format!("global:\n  external_labels: {{a: \"${{{VARIABLE}}}\"}}\n"));
    rules(&secret, &alert("model_result > 0.75", &format!("'${{{VARIABLE}}} {{{{ externalLabels.a }}}}'")));
    let script = format!(
        "import os\nfrom prometheus_client import *\nGauge(os.environ['{VARIABLE}'], 'x')\nstart_http_server(9000)\n"
    );
    write(&secret, "modelmock.py", &script);

    // Products of thousands of series, windows of milliseconds, templates that run over them again and again.
    let product = repo("products");
    let targets: String = (0..3000).map(|i| format!("'10.2.{}.{}:9100', ", i / 250, i % 250 + 1)).collect();
    edit(&product, "prometheus.yml", "          - 192.168.56.20:9100\n", &format!("          [{targets}]\n"));
    rules(&product, &alert("'count({__name__=~\".+\"} * on (instance) group_left () up) > 0'", "x"));
    let every = r#"{{ range query "{__name__=~\".+\"}" }}"#;
    let ranges = every.repeat(8) + &"{{ . }}{{ end }}".repeat(8);
    rules(&repo("ranges"), &alert("vector(1)", &format!("'{ranges}'")));
    let grown = "{{ $x := \"xxxxxxxxxxxxxxxx\" }}".to_owned()
        + &"{{ $x = reReplaceAll \".\" \"xxxxxxxxxxxxxxxx\" $x }}".repeat(20);
    rules(&repo("growing-template"), &alert("vector(1)", &format!("'{grown}{{{{ $x }}}}'")));
    rules(&repo("windows"), &alert("'max_over_time(rate(node_cpu_seconds_total[1h])[1h:1ms]) > 0 or absent(x)'", "x"));

    let groups: String = (0..3000)
        .map(|i| format!("- name: g{i}\n  interval: 1ms\n  rules: [{{alert: A, expr: vector({i})}}]\n"))
        .collect();
    rules(&repo("many-groups"), &format!("groups:\n{groups}"));

    // Messages of megabytes, and matchers that explode.
    let messages = repo("messages");
    let loud = "{{ range .Alerts }}{{ printf \"%1000000d\" 1 }}{{ end }}".repeat(50);
    let named = "{{ define \"a\" }}{{ template \"b\" . }}{{ template \"b\" . }}{{ end }}{{ define \"b\" }}{{ template \"a\" . }}{{ end }}";
    fs::write(messages.join("monitoring/a.tmpl"), named).expect("written");
    edit(
        &messages,
        "docker-compose.yml",
        "      - ./alertmanager.yml",
        "      - ./a.tmpl:/a.tmpl\n      - ./alertmanager.yml",
    );
    edit(&messages, "alertmanager.yml", "route:\n", "templates: [/a.tmpl]\nroute:\n");
    edit(
        &messages,
        "alertmanager.yml",
        "discord-webhook\n",
        &format!("discord-webhook\n        title: '{{{{ template \"a\" . }}}}'\n        message: '{loud}'\n"),
    );
    edit(&messages, "alertmanager.yml", "alertname = ModelResultHigh", "alertname =~ \"((.{0,900}){0,900}){0,900}\"");

    let relabel = repo("relabel-regexps");
    let step = "    - {source_labels: [__name__], regex: '(((.*)*)*)*x', action: drop}\n".repeat(500);
    edit(
        &relabel,
        "prometheus.yml",
        "  - job_name: vm\n",
        &format!("  - job_name: vm\n    metric_relabel_configs:\n{step}"),
    );

    // Names that turn the direction of writing or hide themselves, in folders, files, alerts and labels.
    let turned = repo("\u{202e}txt.exe\u{200b}\u{2066}");
    let name = r"\u202edrowssap\u2066\u200f\r\n\x9b31m";
    fs::write(turned.join("monitoring/\u{202e}lmy.yml"), "a: [").expect("written");
    rules(&turned, &format!("groups:\n- name: g\n  rules:\n  - alert: \"{name}\"\n    expr: model_result > 0.75\n"));

    let loops = repo("link-loops");
    for (link, to) in
        [("a", "b"), ("b", "a"), ("monitoring/down", "."), ("monitoring/up", ".."), ("reports/x.md", "x.md")]
    {
        symlink(to, loops.join(link)).expect("a link");
    }
    let mut deep = loops.join("monitoring");
    for _ in 0..1500 {
        deep.push("d");
    }
    fs::create_dir_all(&deep).ok();

    let dashboard = repo("dashboard-variables");
    let list: String =
        (0..60).map(|i| format!("{{\"name\":\"v{}\",\"current\":{{\"value\":\"$v{i}$v{i}\"}}}},", i + 1)).collect();
    let text = format!(
        "{{\"templating\":{{\"list\":[{list}{{\"name\":\"v0\",\"current\":{{\"value\":\"model_result\"}}}}]}},\"panels\":[{{\"type\":\"timeseries\",\"targets\":[{{\"expr\":\"$v60\"}}]}}]}}"
    );
    fs::write(dashboard.join("monitoring/grafana/dashboards/model.json"), text).expect("written");

    git_folders(root, repo);
}

fn git_folders(root: &Path, repo: &dyn Fn(&str) -> PathBuf) {
    let trap = format!("touch {}", root.join("trap").display());
    for (i, text) in [
        "gitdir: /dev/zero\n".to_owned(),
        format!("gitdir: {}\n", "../".repeat(100_000)),
        "gitdir: \0\u{1b}\n".to_owned(),
    ]
    .iter()
    .enumerate()
    {
        fs::write(repo(&format!("git-file-{i}")).join(".git"), text).expect("written");
    }
    let linked = repo("git-linked");
    symlink(root.join("repos/git-programs/.git"), linked.join(".git")).expect("a link");

    let pipes = repo("git-of-pipes");
    fs::create_dir_all(pipes.join(".git/refs/heads")).expect("a folder");
    for file in ["HEAD", "index", "config", "packed-refs"] {
        assert!(Command::new("mkfifo").arg(pipes.join(".git").join(file)).status().expect("mkfifo").success());
    }

    // A clone that is fetched on demand from a program, a common folder elsewhere, an index of nothing but zeros.
    let lazy = repo("git-lazy");
    super::run(&lazy, &["init", "-q"]);
    super::run(&lazy, &["add", "."]);
    super::run(&lazy, &["commit", "-q", "-m", "x"]);
    for (key, value) in [
        ("core.repositoryFormatVersion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", &format!("ext::sh -c {trap}")),
        ("core.worktree", "/"),
        ("uploadpack.packObjectsHook", &trap),
        ("core.gitProxy", &trap),
        ("alias.status", &format!("!{trap}")),
        ("credential.helper", &format!("!{trap}")),
    ] {
        super::run(&lazy, &["config", "--file", ".git/config", key, value]);
    }
    for entry in fs::read_dir(lazy.join(".git/objects")).expect("a folder").flatten().take(5) {
        if entry.file_name().len() == 2 {
            fs::remove_dir_all(entry.path()).expect("removed");
        }
    }
    fs::write(lazy.join(".git/commondir"), format!("{}\n", root.join("repos/git-programs/.git").display()))
        .expect("written");

    let zeros = repo("git-zeros");
    super::run(&zeros, &["init", "-q"]);
    fs::File::create(zeros.join(".git/index")).and_then(|f| f.set_len(60 << 20)).expect("a sparse file");
    fs::File::create(zeros.join(".git/HEAD")).and_then(|f| f.set_len(7 << 20)).expect("a sparse file");
}

fn write(repo: &Path, file: &str, text: &str) {
    fs::write(repo.join("monitoring").join(file), text).expect("written");
}

fn edit(repo: &Path, file: &str, from: &str, to: &str) {
    let path = repo.join("monitoring").join(file);
    let text = fs::read_to_string(&path).expect("there");
    assert!(text.contains(from), "{file} has {from:?}");
    fs::write(path, text.replacen(from, to, 1)).expect("written");
}
