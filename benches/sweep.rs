//! How long the acceptance scenario takes: one pair of phases, and the whole sweep with the five-minute stress and the
//! control run that a verdict needs beside it.

#![allow(missing_docs)] // criterion_group! makes an undocumented function

use criterion::{Criterion, criterion_group, criterion_main};
use labkit::simulate::{Embedded, Overrides, Scenario, Simulation, grid_phases};
use labkit::stack::{FileTree, LabHints, Stack};

const PROMETHEUS: &str = "
global: {scrape_interval: 5s, evaluation_interval: 5s}
rule_files: [rules.yml]
alerting:
  alertmanagers: [{static_configs: [{targets: ['localhost:9093']}]}]
scrape_configs:
- {job_name: model_mock, static_configs: [{targets: ['localhost:9000']}]}
- {job_name: node, static_configs: [{targets: ['192.168.56.20:9100']}]}
";

const RULES: &str = r#"
groups:
- name: lab
  rules:
  - alert: ModelMockHighAccuracy
    expr: model_result > 0.75
    annotations: {summary: 'accuracy is {{ $value }}'}
  - alert: HostHighCpuLoad
    expr: 100 - (avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[1m])) * 100) > 90
    for: 3m
    labels: {severity: warning}
    annotations: {summary: 'CPU load on {{ $labels.instance }} is {{ $value | humanize }}'}
"#;

const ALERTMANAGER: &str = "
route: {receiver: discord, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}
receivers:
- {name: discord, discord_configs: [{webhook_url: 'https://discord.com/api/webhooks/1/token'}]}
";

fn simulation() -> Simulation {
    let files = [("prometheus.yml", PROMETHEUS), ("rules.yml", RULES), ("alertmanager.yml", ALERTMANAGER)];
    let stack = Stack::read(&FileTree::in_memory(files), &LabHints::default());
    Embedded::of(&stack, &Overrides::default()).simulation(&[])
}

fn sweep(c: &mut Criterion) {
    let simulation = simulation();
    let scenario = Scenario::cpu_stress(120.0, 180.0, 240.0);
    let demonstration = Scenario::cpu_stress(120.0, 180.0, 300.0);
    let load = scenario.load();
    let phases = grid_phases(3).expect("the grid has more pairs");
    c.bench_function("one pair of phases", |b| b.iter(|| simulation.outcome(&scenario, &load, &phases)));
    c.bench_function("sweep, five minutes, control", |b| {
        b.iter(|| {
            let control = scenario.control();
            (
                simulation.sweep(&scenario),
                simulation.sweep(&demonstration),
                simulation.outcome(&control, &control.load(), &phases),
            )
        });
    });
}

criterion_group!(benches, sweep);
criterion_main!(benches);
