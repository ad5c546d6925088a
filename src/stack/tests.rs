//! Small repositories: what goes wrong in student stacks, and what only looks as if it did.

use super::compose::network::Reach;
use super::compose::persist::Persistence;
use super::*;

const COMPOSE: &str = "services:
  prometheus:
    image: prom/prometheus:v3.5.0
    volumes: [./prometheus.yml:/etc/prometheus/prometheus.yml, ./rules.yml:/etc/prometheus/rules.yml]
    ports: ['9090:9090']
  alertmanager:
    image: prom/alertmanager
    volumes: [./alertmanager.yml:/etc/alertmanager/alertmanager.yml]
    ports: ['9993:9093']
  grafana:
    image: grafana/grafana-oss
    volumes: [grafana:/var/lib/grafana]
    ports: ['3000:3000']
volumes: {grafana: }
";
const PROMETHEUS: &str = "global: {scrape_interval: 5s}
rule_files: [rules.yml]
scrape_configs: [{job_name: m, static_configs: [{targets: ['localhost:9000']}]}]
";
const RULES: &str = "groups: [{name: g, rules: [{alert: A, expr: model_result > 0.75}]}]\n";
const ALERTMANAGER: &str =
    "route: {receiver: d}\nreceivers: [{name: d, discord_configs: [{webhook_url_file: /run/hook}]}]\n";
const MOCK: &str =
    "from prometheus_client import Gauge, start_http_server\nG = Gauge('model_result', 'x')\nstart_http_server(9000)\n";

/// The right files in `lab/`, with others put over them; an empty text takes a file away.
fn stack(changes: &[(&str, &str)]) -> Stack {
    let mut files = vec![
        ("lab/docker-compose.yml", COMPOSE.to_owned()),
        ("lab/prometheus.yml", PROMETHEUS.to_owned()),
        ("lab/rules.yml", RULES.to_owned()),
        ("lab/alertmanager.yml", ALERTMANAGER.to_owned()),
        ("lab/modelmock.py", MOCK.to_owned()),
    ];
    for (path, text) in changes {
        files.retain(|(p, _)| p != path);
        if !text.is_empty() {
            files.push((path, (*text).to_owned()));
        }
    }
    Stack::read(&FileTree::in_memory(files), &LabHints::default())
}

fn compose(from: &str, to: &str) -> Stack {
    assert!(COMPOSE.contains(from), "{from}");
    stack(&[("lab/docker-compose.yml", &COMPOSE.replace(from, to))])
}

const PROMETHEUS_IMAGE: &str = "image: prom/prometheus:v3.5.0\n";

fn with_prometheus(lines: &str) -> Stack {
    compose(PROMETHEUS_IMAGE, &format!("{PROMETHEUS_IMAGE}    {lines}\n"))
}

fn who(stack: &Stack, target: &str) -> Who {
    stack.who_answers(Some("prometheus"), target).who
}

#[test]
fn the_right_files_are_found_and_read() {
    let stack = stack(&[]);
    let prometheus = stack.prometheus.as_ref().unwrap();
    assert!(prometheus.runs(), "{:?}", prometheus.diagnostics);
    assert_eq!(prometheus.rules[0].path, "/etc/prometheus/rules.yml");
    assert_eq!((prometheus.release, prometheus.data), ((3, 5), Persistence::Anonymous));
    assert!(stack.alertmanager.as_ref().unwrap().runs());
    assert_eq!(stack.grafana.data, Some(Persistence::Named));
    assert_eq!(stack.mock.as_ref().unwrap().port, Some(9000));
    assert_eq!(stack.folder.as_deref(), Some("lab"));
}

#[test]
fn localhost_is_the_container_on_the_bridge_and_the_machine_on_the_host_network() {
    let bridge = stack(&[]);
    assert_eq!(who(&bridge, "localhost:9000"), Who::Nobody);
    assert_eq!(who(&bridge, "localhost:9090"), Who::Service("prometheus".into()));
    let host = with_prometheus("network_mode: host");
    assert_eq!(who(&host, "localhost:9000"), Who::Mock);
    assert_eq!(who(&host, "127.0.0.1:9993"), Who::Service("alertmanager".into()));
    assert_eq!(who(&host, "alertmanager:9093"), Who::Nobody);
    assert_eq!(who(&host, "localhost:9100"), Who::NodeExporter);
}

#[test]
fn the_gateway_leads_to_the_machine_by_any_name() {
    for lines in [
        "extra_hosts: ['host.docker.internal:host-gateway']",
        "extra_hosts: ['host.docker.internal=host-gateway']",
        "extra_hosts: {host.docker.internal: host-gateway}",
    ] {
        let answer = with_prometheus(lines).who_answers(Some("prometheus"), "host.docker.internal:9000");
        assert_eq!((answer.who, answer.platform), (Who::Mock, None), "{lines}");
    }
    let desktop = stack(&[]).who_answers(Some("prometheus"), "host.docker.internal:9000");
    assert!(desktop.who == Who::Mock && desktop.platform.is_some());
    assert_eq!(who(&stack(&[]), "172.17.0.1:9000"), Who::Mock);
    assert_eq!(who(&stack(&[]), "192.168.1.20:9000"), Who::Mock);
    let loopback = MOCK.replace("(9000)", "(9000, addr='127.0.0.1')");
    assert_eq!(who(&stack(&[("lab/modelmock.py", &loopback)]), "172.17.0.1:9000"), Who::Nobody);
}

#[test]
fn ports_and_networks_decide_between_containers() {
    let plain = stack(&[]);
    assert_eq!(who(&plain, "alertmanager:9093"), Who::Service("alertmanager".into()));
    let published = plain.resolve(Some("prometheus"), "alertmanager:9993");
    assert!(matches!(published, Reach::Unreachable(why) if why.contains("9093")));
    let apart = compose("image: prom/alertmanager\n", "image: prom/alertmanager\n    networks: [a]\n")
        .resolve(Some("prometheus"), "alertmanager:9093");
    // The network is not declared, so compose refuses; the names still tell what was meant.
    assert!(matches!(apart, Reach::Unreachable(_)));
    assert_eq!(who(&plain, "192.168.56.20:9100"), Who::NodeExporter);
    assert_eq!(who(&plain, "192.168.56.20:9200"), Who::Nobody);
}

#[test]
fn a_mock_in_a_container_answers_under_its_service_name() {
    let mocked = COMPOSE.replace("services:\n", "services:\n  mock: {build: ., expose: ['9000']}\n");
    let dockerfile = "FROM python:3\nCOPY modelmock.py .\nCMD python modelmock.py\n";
    let stack = stack(&[("lab/docker-compose.yml", &mocked), ("lab/Dockerfile", dockerfile)]);
    assert_eq!(stack.mock_service.as_deref(), Some("mock"));
    assert_eq!(who(&stack, "mock:9000"), Who::Mock);
    assert_eq!(who(&stack, "mock:9001"), Who::Nobody);
    assert_eq!(who(&stack, "172.17.0.1:9000"), Who::Nobody);
}

#[test]
fn a_config_that_nobody_reads_is_the_images_own() {
    let wrong = compose("/etc/alertmanager/alertmanager.yml", "/etc/alertmanager/config.yml");
    assert!(matches!(wrong.alertmanager.unwrap().state, ConfigState::ImageDefault(_)));
    let flag = "command: ['-config.file', '/etc/alertmanager/config.yml']\n";
    let right = COMPOSE
        .replace("/etc/alertmanager/alertmanager.yml", "/etc/alertmanager/config.yml")
        .replace("image: prom/alertmanager\n", &format!("image: prom/alertmanager\n    {flag}"));
    assert!(stack(&[("lab/docker-compose.yml", &right)]).alertmanager.unwrap().runs());
    let dropped = with_prometheus("command: [--web.enable-lifecycle]").prometheus.unwrap();
    assert_eq!(dropped.config_path, "/prometheus/prometheus.yml");
    assert!(matches!(dropped.state, ConfigState::Missing(..)));
}

#[test]
fn a_missing_source_is_a_mistake_unless_git_ignores_it() {
    let misspelt = compose("./prometheus.yml:", "./promotheus.yml:").prometheus.unwrap();
    assert!(matches!(&misspelt.state, ConfigState::Missing(why, Some(_)) if why.contains("folder")));
    let secret = stack(&[("lab/alertmanager.yml", ""), ("lab/alertmanager.yml.example", ALERTMANAGER)]);
    assert!(matches!(secret.alertmanager.unwrap().state, ConfigState::Unverified(_, Some(_))));
    let ignored = stack(&[("lab/alertmanager.yml", ""), (".gitignore", "lab/alertmanager.yml\n")]);
    assert!(matches!(ignored.alertmanager.unwrap().state, ConfigState::Unverified(_, None)));
}

#[test]
fn files_that_settings_name_are_there_missing_or_hidden() {
    let hook = |stack: Stack| stack.alertmanager.unwrap().files["/run/hook"].clone();
    assert!(matches!(hook(stack(&[])), NamedFile::Missing(_)));
    let mounted = COMPOSE.replace(
        "./alertmanager.yml:/etc/alertmanager/alertmanager.yml]",
        "./alertmanager.yml:/etc/alertmanager/alertmanager.yml, ./hook:/run/hook]",
    );
    let file = ("lab/docker-compose.yml", mounted.as_str());
    assert!(matches!(hook(stack(&[file, (".gitignore", "hook")])), NamedFile::Hidden(_)));
    assert!(matches!(hook(stack(&[file, ("lab/hook", "https://x")])), NamedFile::Text(t) if t == "https://x"));
    assert!(matches!(hook(stack(&[file])), NamedFile::Missing(_)));
}

#[test]
fn rules_are_looked_for_inside_the_container() {
    let unmounted = compose(", ./rules.yml:/etc/prometheus/rules.yml", "").prometheus.unwrap();
    assert!(unmounted.rules.is_empty() && unmounted.missing_rules.len() == 1);
    let folder = COMPOSE.replace("./rules.yml:/etc/prometheus/rules.yml", "./rules:/rules:ro");
    let prometheus = PROMETHEUS.replace("rules.yml", "/rules/*.rules");
    let globbed = stack(&[
        ("lab/docker-compose.yml", &folder),
        ("lab/prometheus.yml", &prometheus),
        ("lab/rules/b.rules", RULES),
        ("lab/rules/a.rules", RULES),
        ("lab/rules/c.txt", RULES),
    ]);
    let paths: Vec<String> = globbed.prometheus.unwrap().rules.into_iter().map(|r| r.path).collect();
    assert_eq!(paths, ["/rules/a.rules", "/rules/b.rules"]);
}

#[test]
fn whole_folders_configs_and_dockerfiles_supply_files() {
    let folder = compose(
        "./prometheus.yml:/etc/prometheus/prometheus.yml, ./rules.yml:/etc/prometheus/rules.yml",
        ".:/etc/prometheus",
    );
    assert!(folder.prometheus.unwrap().runs());
    let configs = COMPOSE.replace("[./prometheus.yml:/etc/prometheus/prometheus.yml, ", "[").replace(
        PROMETHEUS_IMAGE,
        &format!("{PROMETHEUS_IMAGE}    configs: [{{source: p, target: /etc/prometheus/prometheus.yml}}]\n"),
    ) + "configs: {p: {file: ./prometheus.yml}}\n";
    assert!(stack(&[("lab/docker-compose.yml", &configs)]).prometheus.unwrap().runs());
    let built = COMPOSE
        .replace("[./prometheus.yml:/etc/prometheus/prometheus.yml, ./rules.yml:/etc/prometheus/rules.yml]", "[]")
        .replace(PROMETHEUS_IMAGE, "build: .\n");
    let dockerfile = "FROM prom/prometheus:v2.42.0\nCOPY prometheus.yml rules.yml /etc/prometheus/\n";
    let stack = stack(&[("lab/docker-compose.yml", &built), ("lab/Dockerfile", dockerfile)]);
    let prometheus = stack.prometheus.unwrap();
    assert!(prometheus.runs() && prometheus.rules.len() == 1, "{:?}", prometheus.state);
    assert_eq!(prometheus.dialect.as_str(), "2.42");
}

#[test]
fn what_an_entry_point_writes_cannot_be_judged() {
    let rendered = COMPOSE.replace("./alertmanager.yml:/etc/alertmanager/alertmanager.yml", "./alertmanager.tpl:/alertmanager.tpl").replace(
        "image: prom/alertmanager\n",
        "image: prom/alertmanager\n    entrypoint: [sh, -c, 'envsubst < /alertmanager.tpl > /tmp/alertmanager.yml; exec alertmanager --config.file=/tmp/alertmanager.yml']\n",
    );
    let stack = stack(&[("lab/docker-compose.yml", &rendered), ("lab/alertmanager.tpl", ALERTMANAGER)]);
    let state = stack.alertmanager.unwrap().state;
    assert!(matches!(&state, ConfigState::Unverified(why, _) if why.contains("envsubst")), "{state:?}");
}

#[test]
fn without_compose_everything_is_on_the_machine() {
    let stack = stack(&[("lab/docker-compose.yml", "")]);
    assert!(stack.prometheus.as_ref().unwrap().runs() && stack.alertmanager.is_some());
    assert_eq!(stack.who_answers(None, "localhost:9000").who, Who::Mock);
    assert_eq!(stack.who_answers(None, "localhost:9100").who, Who::NodeExporter);
}

#[test]
fn provisioned_sources_and_dashboards_are_followed_into_the_container() {
    let provisioned = COMPOSE.replace(
        "[grafana:/var/lib/grafana]",
        "[grafana:/var/lib/grafana, ./prov:/etc/grafana/provisioning, ./dash:/dash]",
    );
    let source = |url: &str| {
        format!("apiVersion: 1\ndatasources: [{{name: P, type: prometheus, uid: p, url: '{url}', isDefault: true}}]\n")
    };
    let read = |url: &str| {
        stack(&[
            ("lab/docker-compose.yml", &provisioned),
            ("lab/prov/datasources/p.yml", &source(url)),
            ("lab/prov/dashboards/d.yml", "apiVersion: 1\nproviders: [{name: d, options: {path: /dash}}]\n"),
            ("lab/dash/x/m.json", "{\"title\": \"M\", \"panels\": []}"),
            ("docs/other.json", "{\"title\": \"O\", \"panels\": []}"),
        ])
        .grafana
    };
    let grafana = read("http://prometheus:9090");
    assert!(matches!(&grafana.reaches[0].1, Reach::Service { name, .. } if name == "prometheus"));
    assert!(grafana.dashboards[0].provisioned && !grafana.dashboards[1].provisioned);
    assert!(matches!(read("http://localhost:9090").reaches[0].1, Reach::Unreachable(_)));
}

#[test]
fn old_images_and_refused_projects_are_told() {
    let old = compose("prom/alertmanager\n", "prom/alertmanager:v0.24.0\n").alertmanager.unwrap();
    assert!(!old.runs() && old.diagnostics.iter().any(|d| d.message.contains("0.25")));
    let refused = compose("image: grafana/grafana-oss\n", "image: grafana/grafana-oss\n    networks: [x]\n");
    assert!(!refused.compose.unwrap().project.is_accepted());
}

#[test]
fn hostile_names_and_texts_do_no_harm() {
    let stack = stack(&[
        ("lab/two\nlines/docker-compose.yml", COMPOSE),
        ("lab/deep.yml", &"[".repeat(100_000)),
        ("docker-compose.yml", "services: {a: {image: *b}}"),
        ("loop/compose.yml -> compose.yml", ""),
        ("x/compose.yml", "a: &a [x,x]\nb: &b [*a,*a]\nservices: {p: *b}"),
        ("d.json", &"{\"panels\":".repeat(10_000)),
    ]);
    assert_eq!(stack.folder.as_deref(), Some("lab"));
}
