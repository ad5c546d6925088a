//! The lab's own right and wrong repositories: what of them the files alone tell, before anything runs.

use std::collections::BTreeMap;
use std::path::Path;

use labkit::stack::grafana::{Standing, Wanted, judge};
use labkit::stack::mock::Exposes;
use labkit::stack::{ConfigState, FileTree, LabHints, Stack, Who};
use labkit::text::{Severity, SourceText};
use labkit::yaml::{self, Node};

type Files = BTreeMap<String, String>;

fn solution() -> Files {
    fn walk(dir: &Path, root: &Path, files: &mut Files) {
        for entry in std::fs::read_dir(dir).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, root, files);
            } else {
                let name = path.strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/");
                files.insert(name, std::fs::read_to_string(&path).expect("a text"));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("labs/07-monitoring/solution");
    let mut files = Files::new();
    walk(&root, &root, &mut files);
    files
}

fn cases(name: &str) -> Vec<Node> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/07-monitoring").join(name);
    let source = SourceText::new(name, std::fs::read_to_string(path).expect("a list of cases"));
    yaml::parse(&source).expect("YAML").expect("cases").items().to_vec()
}

fn text<'a>(node: &'a Node, key: &str) -> &'a str {
    node.get(key).and_then(Node::as_str).unwrap_or_default()
}

fn edited(case: &Node) -> Stack {
    let mut files = solution();
    for edit in case.get("edits").map(Node::items).unwrap_or_default() {
        let file = text(edit, "file").to_owned();
        if let Some(write) = edit.get("write") {
            files.insert(file, write.as_str().unwrap_or_default().to_owned());
            continue;
        }
        let old = files.remove(&file).unwrap_or_else(|| panic!("{}: no {file}", text(case, "id")));
        if edit.get("remove").is_some() {
            continue;
        }
        let mut new = old;
        if let Some(replace) = edit.get("replace").and_then(Node::as_str) {
            assert!(new.contains(replace), "{}: {file} does not hold {replace:?}", text(case, "id"));
            new = new.replace(replace, text(edit, "with"));
        }
        new.push_str(text(edit, "append"));
        if edit.get("crlf").is_some() {
            new = new.replace('\n', "\r\n");
        }
        let name = edit.get("rename").and_then(Node::as_str).map_or(file, str::to_owned);
        files.insert(name, new);
    }
    Stack::read(&FileTree::in_memory(files), &LabHints::default())
}

/// The criteria that fail by what the files say of the stack.
fn failing(stack: &Stack) -> Vec<&'static str> {
    let mut fails = Vec::new();
    if stack.mock.as_ref().is_some_and(|m| matches!(m.exposes("model_result"), Exposes::No(_))) {
        fails.push("mock-metrics");
    }
    let refused = stack.compose.as_ref().is_some_and(|c| !c.project.is_accepted());
    let Some(prometheus) =
        stack.prometheus.as_ref().filter(|p| !refused && p.state.text().is_some() && !p.config_refused())
    else {
        fails.push("prometheus-scrapes-mock");
        return fails;
    };
    let config = prometheus.config.as_ref().expect("it was read");
    let from = prometheus.service.as_deref();
    let targets: Vec<Who> = config
        .scrape_configs
        .iter()
        .flat_map(|j| &j.discovery.static_configs)
        .flat_map(|g| &g.targets)
        .map(|t| stack.who_answers(from, &t.value).who)
        .collect();
    if !targets.contains(&Who::Mock) {
        fails.push("prometheus-scrapes-mock");
    }
    if !targets.contains(&Who::NodeExporter) {
        fails.push("node-exporter");
    }
    let alertmanager = stack.alertmanager.as_ref();
    let reached = config.alertmanagers.iter().flat_map(|a| &a.discovery.static_configs).flat_map(|g| &g.targets).any(|t| {
        matches!(stack.who_answers(from, &t.value).who, Who::Service(s) if alertmanager.and_then(|a| a.service.as_deref()) == Some(&s))
    });
    let starts = alertmanager.is_some_and(|a| a.runs() || matches!(a.state, ConfigState::Unverified(..)));
    if !reached || !starts || prometheus.rules.is_empty() {
        fails.push("discord-mock-alert");
    }
    let wanted = Wanted { metric: "model_result".into(), refresh_millis: 5000.0, range_seconds: 900, line_at: 0.75 };
    if let Some(first) = stack.grafana.dashboards.first() {
        let judged = judge(&first.dashboard, &stack.grafana.sources(), &wanted);
        let refused = stack.grafana.provisioning.diagnostics.iter().any(|d| d.severity == Severity::Error);
        let source = stack.grafana.reaches.first().is_none_or(|(_, reach)| {
            matches!(reach, labkit::stack::compose::network::Reach::Service { name, .. } if Some(name.as_str()) == from)
        });
        for (id, finding) in [
            ("grafana-shows-mock", &judged.metric),
            ("grafana-refresh-5s", &judged.refresh),
            ("grafana-last-15m", &judged.range),
            ("grafana-threshold-line", &judged.line),
        ] {
            let shows = id == "grafana-shows-mock";
            // A panel that shows something else is judged once.
            let again = id == "grafana-threshold-line" && judged.metric.standing == Standing::Fail;
            if (finding.standing == Standing::Fail && !again) || (shows && (!source || refused)) {
                fails.push(id);
            }
        }
    }
    fails
}

/// Repositories that only the judgement as a whole can tell; `fixtures.rs` holds them.
const JUDGED_AS_A_WHOLE: [&str; 5] = [
    "alertmanager-found-by-its-name",
    "rules-that-git-ignores",
    "volume-of-grafana-without-colon",
    "both-targets-on-localhost",
    "client-not-among-the-requirements",
];

fn cases_of_the_stack(file: &str) -> Vec<Node> {
    let mut all = cases(file);
    all.retain(|case| !JUDGED_AS_A_WHOLE.contains(&text(case, "id")));
    all
}

#[test]
fn right_repositories_fail_nothing() {
    let mut wrong = Vec::new();
    for case in cases_of_the_stack("variants.yaml") {
        let fails = failing(&edited(&case));
        if !fails.is_empty() {
            wrong.push(format!("{}: {fails:?}", text(&case, "id")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn wrong_repositories_fail_nothing_but_what_is_wrong() {
    // What only a run can show: rules, routes and messages.
    let by_run = ["discord-mock-alert", "stress-2m-silent", "stress-4m-alert", "stress-resolve"];
    let by_reading = ["lab-report", "report-answers", "cheat-sheet"];
    let mut wrong = Vec::new();
    for case in cases_of_the_stack("mutants.yaml") {
        let wanted: Vec<&str> =
            case.get("fails").map(Node::items).unwrap_or_default().iter().filter_map(Node::as_str).collect();
        let fails = failing(&edited(&case));
        let missed = wanted.iter().filter(|w| !by_run.contains(w) && !by_reading.contains(w) && !fails.contains(*w));
        let invented = fails.iter().filter(|f| !wanted.contains(*f));
        let told: Vec<&str> = missed.chain(invented).copied().collect();
        if !told.is_empty() {
            wrong.push(format!("{}: {fails:?}, wanted {wanted:?}", text(&case, "id")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
