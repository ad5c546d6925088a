//! Advice: what works, but could bite. Never changes the score.

use super::Simulated;
use super::alerts::Place;
use super::runs::Runs;
use crate::alertmanager::Status;
use crate::report::{AdviceResult, At, Verdict};
use crate::simulate::GRID;
use crate::stack::ConfigState;
use crate::stack::compose::image::Role;
use crate::stack::compose::persist::Persistence;
use crate::stack::grafana::{Standing, node_full};
use crate::text::{Diagnostic, Severity, SourceText, Span};

/// Seconds that should be left between the shortest load that alerts and the long load.
const MARGIN: f64 = 10.0;

/// What there is to advise about the alerts and their messages.
/// `of_load` is the verdict of the criterion that asks for a message under load.
pub fn of_runs(world: &Simulated<'_>, of_load: Option<Verdict>) -> Vec<AdviceResult> {
    let mut list = List { world, found: Vec::new() };
    if let Ok(runs) = world.runs(None) {
        list.margin(runs, of_load);
        list.flood(runs);
    }
    list.found
}

/// Everything there is to advise, of the kinds the lab gives; `of_runs` is what there is about the alerts.
pub fn all(world: &Simulated<'_>, of_runs: &[AdviceResult]) -> Vec<AdviceResult> {
    let mut list = List { world, found: Vec::new() };
    list.secrets();
    list.tracked();
    list.persistence();
    list.intervals();
    list.platform();
    list.newer();
    list.grafana();
    list.found.extend_from_slice(of_runs);
    list.warnings();
    list.found
}

/// How helps begin that send to a newer program.
const NEWER: [&str; 4] = ["use an image from v", "run Alertmanager 0.", "use a newer tag", "use a newer image"];

struct List<'w, 'a> {
    world: &'w Simulated<'a>,
    found: Vec<AdviceResult>,
}

/// A span of a source as a place.
pub fn at(source: &SourceText, span: Span) -> At {
    let position = source.position(span.start as usize);
    At { file: source.name().to_owned(), line: position.line, column: position.column }
}

fn place_of(d: &Diagnostic) -> Option<At> {
    d.primary.as_ref().map(|l| at(&l.source, l.span))
}

impl List<'_, '_> {
    fn add(&mut self, id: &str, reason: impl Into<String>, at: Option<At>) {
        let Some(entry) = self.world.lab.advice.iter().find(|a| a.id == id) else { return };
        self.found.push(AdviceResult {
            id: id.to_owned(),
            severity: entry.severity.clone(),
            reason: reason.into(),
            at,
        });
    }

    fn secrets(&mut self) {
        for entry in self.world.tree.files() {
            let text_like =
                [".yml", ".yaml", ".md", ".env", ".txt", ".json", ".py", ".sh", ".toml", ".template", ".tmpl"]
                    .iter()
                    .any(|e| entry.path.ends_with(e))
                    || entry.path.rsplit('/').next().is_some_and(|n| n.starts_with(".env") || !n.contains('.'));
            let ours = self.world.tree.is_tracked(&entry.path) != Some(false)
                && !self.world.tree.is_ignored(&entry.path, false);
            if !text_like || !ours || entry.size > 1 << 20 {
                continue;
            }
            let Ok(source) = self.world.tree.text(&entry.path) else { continue };
            if let Some(offset) = real_webhook(source.text()) {
                let place = at(&source, Span::new(offset, offset));
                self.add(
                    "webhook-secret-committed",
                    "a Discord webhook URL with its token is in the repository; make a new webhook and keep its URL in a file that git ignores (webhook_url_file)",
                    Some(place),
                );
                return;
            }
        }
    }

    /// Files that git should not track. Without a repository everything counts that no ignore file names.
    fn tracked(&mut self) {
        let tree = self.world.tree;
        let first = |looks: &dyn Fn(&str) -> bool| match tree.git() {
            Some(git) => git.tracked.iter().find(|p| looks(p)).cloned(),
            None => tree.entries().map(|e| &e.path).find(|p| looks(p) && !tree.is_ignored(p, false)).cloned(),
        };
        let venv = first(&|p| {
            let name = p.rsplit('/').next().unwrap_or(p);
            name == "pyvenv.cfg"
                || p.ends_with("bin/activate")
                || p.ends_with("Scripts/activate")
                || p.contains("/site-packages/")
        });
        let data = first(&|p| {
            let name = p.rsplit('/').next().unwrap_or(p);
            matches!(name, "grafana.db" | "queries.active") || p.contains("/chunks_head/") || p.contains("/wal/")
        });
        let there = |path: &str| Some(At { file: path.to_owned(), line: 1, column: 1 });
        let mend = "remove the folder with git rm -r --cached and add it to .gitignore";
        if let Some(path) = venv {
            let reason = format!("{path} is a file of a virtual environment, and git does not ignore it; {mend}");
            self.add("venv-tracked", reason, there(&path));
        }
        if let Some(path) = data {
            let reason = format!("{path} is data of a running program, and git does not ignore it; {mend}");
            self.add("grafana-data-tracked", reason, there(&path));
        }
    }

    fn persistence(&mut self) {
        let stack = &self.world.stack;
        let place = |role: Role| {
            let (_, service, _) = stack.container(role)?;
            Some(at(&service.place.source, service.place.span))
        };
        let data = stack.grafana.data;
        if let Some(data) = data.filter(|d| !d.survives_down() && !matches!(d, Persistence::Provisioned)) {
            let place = place(Role::Grafana);
            self.add(
                "grafana-data-not-persistent",
                format!(
                    "Grafana's data are lost with the container ({}); mount a named volume at /var/lib/grafana",
                    data.as_str()
                ),
                place,
            );
        }
        if let Some(ConfigState::ImageDefault(why)) = stack.prometheus.as_ref().map(|p| p.state.clone()) {
            self.add("prometheus-config-not-persistent", why, place(Role::Prometheus));
        }
        if let Some(ConfigState::ImageDefault(why)) = stack.alertmanager.as_ref().map(|a| a.state.clone()) {
            self.add("alertmanager-config-not-persistent", why, place(Role::Alertmanager));
        }
    }

    fn intervals(&mut self) {
        let Some(prometheus) = &self.world.stack.prometheus else { return };
        let (Some(config), Some(source)) = (&prometheus.config, prometheus.state.text()) else { return };
        let watched: Vec<&Place> = self.world.watched().iter().collect();
        let slow = self
            .world
            .groups()
            .enumerate()
            .filter(|(g, _)| watched.iter().any(|p| p.0 == *g))
            .map(|(_, group)| group.interval_ns)
            .find(|ns| *ns > 5_000_000_000);
        if let Some(ns) = slow {
            let span = config.global.evaluation_interval.span;
            let place = if span == Span::default() {
                At { file: source.name().to_owned(), line: 1, column: 1 }
            } else {
                at(source, span)
            };
            let interval = crate::golang::duration::format_prometheus_duration(ns);
            self.add(
                "evaluation-interval-not-5s",
                format!("rules are evaluated every {interval}; set evaluation_interval: 5s so that every scrape can raise an alert"),
                Some(place),
            );
        }
    }

    fn platform(&mut self) {
        let only: Vec<(String, String)> = self
            .world
            .embedded
            .targets()
            .filter_map(|(t, r)| Some((t.address.to_string(), r.platform.clone()?)))
            .collect();
        if let Some((address, why)) = only.first() {
            let place = super::scraping::target_line(self.world, address).first().and_then(|e| {
                Some(At { file: e["file"].as_str()?.to_owned(), line: e["line"].as_u64()? as usize, column: 1 })
            });
            self.add(
                "host-docker-internal-needs-gateway",
                format!("{address}: {why}; add extra_hosts: [\"host.docker.internal:host-gateway\"] to the service so that it works on Linux too"),
                place,
            );
        }
    }

    /// Something refused as newer than the image's tag.
    fn newer(&mut self) {
        let found = self.world.stack.diagnostics().into_iter().find(|d| {
            d.severity == Severity::Error
                && d.help.as_ref().is_some_and(|h| NEWER.iter().any(|words| h.contains(words)))
        });
        if let Some(d) = found {
            let help = d.help.as_ref().map_or_else(String::new, |h| format!("; {h}"));
            self.add("newer-than-dialect", format!("{}{help}", d.message), place_of(&d));
        }
    }

    fn grafana(&mut self) {
        let grafana = &self.world.stack.grafana;
        if grafana.dashboards.is_empty() {
            return;
        }
        let full = grafana.dashboards.iter().any(|d| node_full::judge(&d.dashboard).standing >= Standing::Warn);
        if !full {
            self.add(
                "node-exporter-full-missing",
                "no dashboard of the repository is Node Exporter Full; imported in Grafana itself it is fine too, an export makes it safe",
                None,
            );
        }
        if self.world.stack.grafana.password_set == Some(false) {
            self.add("default-grafana-password", "GF_SECURITY_ADMIN_PASSWORD sets the default password admin", None);
        }
    }

    fn margin(&mut self, runs: &Runs, of_load: Option<Verdict>) {
        let Some(set) = self.world.load_alerts() else { return };
        let Some(long) = runs.schedule.stretches.iter().rfind(|s| s.load) else { return };
        let places = self.world.places(&set).to_vec();
        let length = long.to - long.from;
        match of_load {
            Some(Verdict::Pass) => {
                let held = runs.sweep().iter().filter(|run| told_in(run, &places, long.from, long.to + 60.0)).count();
                // A pair that fires early enough fires under the shorter load too: the load is the same up to there.
                let early = |run: &crate::simulate::PhaseOutcome| {
                    run.alerts.iter().any(|a| {
                        let fired = a.fired.unwrap_or(f64::INFINITY);
                        places.contains(&a.rule) && a.active >= long.from && fired <= long.to - MARGIN
                    })
                };
                let firing = if runs.sweep().iter().all(early) {
                    GRID
                } else {
                    runs.pairs_that_fire(&places, (length - MARGIN).max(1.0))
                };
                if held < GRID || firing < GRID {
                    self.add(
                        "narrow-margin",
                        format!("{firing} of {GRID} phases alert when the load is {MARGIN} s shorter; a shorter window in rate(), or irate(), leaves more room"),
                        self.world.rule_place(places.first().copied()),
                    );
                }
            }
            Some(Verdict::Fail | Verdict::Inconclusive) => {
                let Some(also) = &runs.also else { return };
                let Some(stretch) = also.stretches.iter().rfind(|s| s.load) else { return };
                let told = runs
                    .also_sweep()
                    .unwrap_or_default()
                    .iter()
                    .filter(|run| told_in(run, &places, stretch.from, stretch.to + 60.0))
                    .count();
                if told * 10 >= GRID * 9 {
                    self.add(
                        "five-minutes-only",
                        format!(
                            "with a load of {:.0} s instead of {length:.0} s the alert comes in {told} of {GRID} phases",
                            stretch.to - stretch.from
                        ),
                        self.world.rule_place(places.first().copied()),
                    );
                }
            }
            _ => {}
        }
    }

    fn flood(&mut self, runs: &Runs) {
        if let Some((reason, refused)) = super::flood::reason(runs) {
            let before = self.found.len();
            self.add("notification-flood", reason, None);
            // As long as every message arrives it is worth a word only.
            self.found.iter_mut().skip(before).filter(|_| !refused).for_each(|a| a.severity = "info".to_owned());
        }
    }

    fn warnings(&mut self) {
        for d in self.world.stack.diagnostics().into_iter().filter(|d| d.severity == Severity::Warning).take(5) {
            let help = d.help.as_ref().map_or_else(String::new, |h| format!("; {h}"));
            self.add("configuration-warning", format!("{}{help}", d.message), place_of(&d));
        }
    }
}

fn told_in(run: &crate::simulate::PhaseOutcome, places: &[Place], from: f64, until: f64) -> bool {
    run.messages.iter().any(|m| {
        m.accepted
            && m.discord
            && m.at >= from
            && m.at <= until
            && m.alerts.iter().any(|(p, _, s)| places.contains(p) && *s == Status::Firing)
    })
}

/// The place of a webhook URL with a real token: 17 to 20 digits, then at least 60 characters.
fn real_webhook(text: &str) -> Option<usize> {
    for (at, _) in text.match_indices("/api/webhooks/") {
        let before = &text[..at];
        let host_ok = ["discord.com", "discordapp.com"].iter().any(|h| before.ends_with(h));
        let rest = &text[at + "/api/webhooks/".len()..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let token = rest.get(digits + 1..).unwrap_or("");
        let token_length = token.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'-' || *b == b'_').count();
        let distinct = token[..token_length].bytes().collect::<std::collections::BTreeSet<u8>>().len();
        if host_ok
            && (17..=20).contains(&digits)
            && rest.as_bytes().get(digits) == Some(&b'/')
            && token_length >= 60
            && distinct > 8
        {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_no_secrets() {
        let token: String = "aB3-xY9_kLmN0pQrStUvWxYz1234567890abcdefGHIJKLMNOPQRSTuvwxyz98".to_owned();
        assert!(real_webhook(&format!("url: https://discord.com/api/webhooks/123456789012345678/{token}")).is_some());
        assert!(real_webhook("https://discord.com/api/webhooks/ID/TOKEN").is_none());
        let xs = "x".repeat(68);
        assert!(real_webhook(&format!("https://discord.com/api/webhooks/123456789012345678/{xs}")).is_none());
    }
}
