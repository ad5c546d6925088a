//! Small lives of an Alertmanager, told in seconds from its start.

use std::sync::Arc;

use super::{Alertmanager, Options};
use crate::alertmanager::config::Config;
use crate::alertmanager::output::{Event, Input, MutedBy, Outcome, Output};
use crate::alertmanager::{PostableAlert, PostableSilence, Version};
use crate::model::{Labels, MatchOp, Matcher, Time};
use crate::text::SourceText;

const SECOND: i64 = 1_000_000_000;

fn secs(s: f64) -> Time {
    Time(1_000_000 * SECOND + (s * 1e9) as i64)
}

struct Life {
    machine: Alertmanager,
    now: f64,
    answer: Box<dyn FnMut(f64) -> Outcome>,
    /// Seconds, and `name` or `-name` of each alert, firing or resolved.
    told: Vec<(f64, String)>,
    events: Vec<(f64, Event)>,
    polls: usize,
}

fn ok(_: f64) -> Outcome {
    status(204)
}

fn status(status: u16) -> Outcome {
    Outcome::Answered { status, body: String::new() }
}

fn config(route: &str, rest: &str, version: Version) -> Arc<Config> {
    let text = format!(
        "route: {{receiver: a, {route}}}\nreceivers:\n- name: a\n  webhook_configs:\n  - url: http://h/a\n{rest}"
    );
    let loaded = Config::load(&SourceText::new("am.yml", text), version);
    Arc::new(loaded.config.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics)))
}

impl Life {
    fn new(version: Version, route: &str, rest: &str) -> Self {
        Self {
            machine: Alertmanager::new(config(route, rest, version), version, Options::default(), secs(0.0)),
            now: 0.0,
            answer: Box::new(ok),
            told: Vec::new(),
            events: Vec::new(),
            polls: 0,
        }
    }

    fn until(&mut self, end: f64) -> &mut Self {
        while let Some(at) = self.machine.next_wakeup().filter(|t| *t < secs(end)) {
            let seconds = at.since(secs(0.0)) as f64 / 1e9;
            self.polls += 1;
            for output in self.machine.poll(at) {
                match output {
                    Output::Deliver(d) => {
                        let one = |a: &crate::alertmanager::FrozenAlert| {
                            let sign = if a.ends_at.is_some() { "-" } else { "" };
                            format!("{sign}{}", a.labels.get("n").unwrap_or("?"))
                        };
                        let text: Vec<String> = d.notification.alerts.iter().map(one).collect();
                        self.told.push((seconds, text.join(" ")));
                        let outcome = (self.answer)(seconds);
                        self.machine.handle(at, Input::Delivered { id: d.id, outcome });
                    }
                    Output::Event(e) => self.events.push((seconds, e)),
                    Output::Cancel(_) => {}
                }
            }
        }
        self.now = end;
        self
    }

    /// At `at`, alerts `name` that fire, or `-name` that have just ended, with further labels.
    fn push(&mut self, at: f64, names: &str, labels: &[(&str, &str)]) -> &mut Self {
        self.until(at);
        let alerts = names.split_whitespace().map(|name| {
            let (name, ended) = name.strip_prefix('-').map_or((name, false), |n| (n, true));
            let all = labels.iter().copied().chain([("n", name)]);
            let old = self.machine.alerts().find(|a| a.labels.get("n") == Some(name)).map(|a| a.starts_at);
            PostableAlert {
                labels: Labels::from_pairs(all),
                starts_at: if ended { old } else { Some(secs(at)) },
                ends_at: Some(secs(if ended { at } else { at + 100_000.0 })),
                ..PostableAlert::default()
            }
        });
        let alerts = alerts.collect();
        self.machine.handle(secs(at), Input::Alerts(alerts));
        self
    }

    fn silence(&mut self, from: f64, to: f64, name: &str) -> Arc<str> {
        self.until(from);
        let posted = PostableSilence {
            id: None,
            matchers: vec![Matcher::new(MatchOp::Equal, "n", name, false).expect("no pattern")],
            starts_at: secs(from),
            ends_at: secs(to),
            created_by: "t".into(),
            comment: "t".into(),
        };
        self.machine.set_silence(secs(from), posted).expect("a good silence")
    }

    fn texts(&self) -> Vec<(f64, &str)> {
        self.told.iter().map(|(at, text)| (*at, text.as_str())).collect()
    }
}

const QUICK: &str = "group_wait: 1s, group_interval: 4s, repeat_interval: 1h";

#[test]
fn an_empty_group_keeps_its_rhythm_up_to_0_31_and_ends_at_once_from_0_32() {
    let run = |version| {
        let mut life = Life::new(version, QUICK, "");
        life.push(0.0, "x", &[]).push(2.0, "-x", &[]).push(6.5, "x", &[]).until(20.0);
        life.told
    };
    let both = [(1.0, "x".to_owned()), (5.0, "-x".to_owned())];
    assert_eq!(run(Version::V0_31), [&both[..], &[(9.0, "x".to_owned())]].concat());
    assert_eq!(run(Version::V0_32), [&both[..], &[(7.5, "x".to_owned())]].concat());
}

#[test]
fn the_cleanup_clock_ends_an_empty_group_so_that_a_refire_waits_again() {
    let mut life = Life::new(Version::V0_25, QUICK, "");
    life.push(20.0, "x", &[]).push(22.0, "-x", &[]).push(30.5, "x", &[]).until(40.0);
    assert_eq!(life.texts(), [(21.0, "x"), (25.0, "-x"), (31.5, "x")]);
}

#[test]
fn an_old_alert_hurries_its_group_and_a_second_one_only_before_0_30() {
    let run = |version| {
        let mut life = Life::new(version, "group_wait: 10s, group_interval: 1m, repeat_interval: 1h", "");
        life.push(0.0, "x", &[]).until(3.0);
        let old = PostableAlert {
            labels: Labels::from_pairs([("n", "old")]),
            starts_at: Some(secs(-60.0)),
            ..PostableAlert::default()
        };
        life.machine.handle(secs(3.0), Input::Alerts(vec![old]));
        life.until(20.0);
        life.told[0].0
    };
    assert_eq!(run(Version::V0_29), 3.0);
    assert_eq!(run(Version::V0_30), 10.0);
}

#[test]
fn a_repeat_comes_at_the_first_tick_that_is_strictly_late_enough() {
    let run = |exact| {
        let mut life = Life::new(Version::LATEST, "group_wait: 1s, group_interval: 4s, repeat_interval: 8s", "");
        life.machine.options.repeat_at_exact_multiple = exact;
        life.push(0.0, "x", &[]).until(30.0);
        life.told.iter().map(|(at, _)| *at).collect::<Vec<_>>()
    };
    assert_eq!(run(false), [1.0, 13.0, 25.0]);
    assert_eq!(run(true), [1.0, 9.0, 17.0, 25.0]);
}

#[test]
fn a_recoverable_failure_is_retried_within_the_flush_and_another_only_at_the_next_tick() {
    let mut life = Life::new(Version::LATEST, QUICK, "");
    let mut left = 2;
    life.answer = Box::new(move |_| {
        left -= 1;
        if left >= 0 { status(503) } else { status(204) }
    });
    life.push(0.0, "x", &[]).until(5.0);
    let at: Vec<f64> = life.told.iter().map(|(at, _)| *at).collect();
    assert_eq!(at.len(), 3);
    assert!((0.25..=0.75).contains(&(at[1] - at[0])) && (0.375..=1.125).contains(&(at[2] - at[1])), "{at:?}");

    let mut life = Life::new(Version::LATEST, QUICK, "");
    life.answer = Box::new(|at| if at < 6.0 { status(429) } else { status(204) });
    life.push(0.0, "x", &[]).until(30.0);
    assert_eq!(life.texts(), [(1.0, "x"), (5.0, "x"), (9.0, "x")]);
    let lost = life.events.iter().filter(|(_, e)| matches!(e, Event::Lost { .. })).count();
    assert_eq!(lost, 2);
}

#[test]
fn a_receiver_that_hangs_is_cut_after_ten_seconds_and_tried_by_the_tick_that_waited() {
    let mut life = Life::new(Version::LATEST, QUICK, "");
    life.push(0.0, "x", &[]);
    // Nothing answers: the outputs are dropped.
    let mut sent = Vec::new();
    while let Some(at) = life.machine.next_wakeup().filter(|t| *t < secs(30.0)) {
        for output in life.machine.poll(at) {
            if let Output::Deliver(d) = output {
                sent.push((at.since(secs(0.0)) / SECOND, d.deadline.since(secs(0.0)) / SECOND));
            }
        }
    }
    assert_eq!(sent, [(1, 11), (11, 21), (21, 31)]);
}

#[test]
fn what_fires_and_ends_between_two_looks_is_swallowed_once() {
    let mut life = Life::new(Version::LATEST, QUICK, "");
    life.push(0.0, "x", &[]).push(0.5, "-x", &[]).push(30.0, "-x", &[]).until(60.0);
    assert!(life.told.is_empty());
    let swallowed = life.events.iter().filter(|(_, e)| matches!(e, Event::Swallowed { .. })).count();
    assert_eq!(swallowed, 1);
}

#[test]
fn a_silence_swallows_the_resolve_and_its_end_tells_nothing_of_what_was_told() {
    let mut life = Life::new(Version::V0_25, QUICK, "");
    life.push(0.0, "x", &[]);
    life.silence(2.0, 12.0, "x");
    life.push(3.0, "-x", &[]).push(13.5, "x", &[]).until(40.0);
    assert_eq!(life.texts(), [(1.0, "x")]);
    assert!(life.events.iter().any(|(_, e)| matches!(e, Event::Muted { by: MutedBy::Silences(_), .. })));
}

#[test]
fn inhibition_mutes_while_the_source_fires() {
    let rules = "inhibit_rules:\n- source_matchers: [n=s]\n  target_matchers: [n=t]\n  equal: [zone]\n";
    for version in [Version::V0_25, Version::LATEST] {
        let mut life = Life::new(version, &format!("group_by: [n], {QUICK}"), rules);
        life.push(0.0, "s", &[("zone", "1")])
            .push(0.1, "t", &[("zone", "1")])
            .push(7.0, "-s", &[("zone", "1")])
            .until(20.0);
        let at: Vec<_> = life.texts();
        assert_eq!(at, [(1.0, "s"), (9.0, "-s"), (9.1, "t")], "{version}");
    }
}

#[test]
fn since_0_30_only_the_kept_source_counts() {
    let rules = "inhibit_rules:\n- source_matchers: [kind=s]\n  target_matchers: [n=t]\n";
    let run = |version| {
        let mut life = Life::new(version, &format!("group_by: [n], {QUICK}"), rules);
        // Two sources; the second ends last and is kept, then it ends by hand.
        life.push(0.0, "s1", &[("kind", "s")]).push(0.2, "s2", &[("kind", "s")]).push(0.3, "t", &[]);
        life.push(2.0, "-s2", &[("kind", "s")]).until(20.0);
        life.told.iter().any(|(_, text)| text == "t")
    };
    assert!(!run(Version::V0_29));
    assert!(run(Version::V0_30));
}

#[test]
fn a_muted_route_tells_when_its_interval_is_over() {
    let rest = "time_intervals:\n- name: m\n  time_intervals:\n  - times: [{start_time: '13:46', end_time: '13:48'}]\n";
    // The clock of these tests starts at 13:46:40.
    let route = format!("{QUICK}, routes: [{{matchers: [n=x], mute_time_intervals: [m]}}]");
    let mut life = Life::new(Version::LATEST, &route, rest);
    life.push(0.0, "x", &[]).until(200.0);
    assert_eq!(life.texts(), [(81.0, "x")]);
    assert!(life.polls < 10, "{}", life.polls);
}

#[test]
fn a_reload_starts_the_timers_anew_and_keeps_the_log() {
    let mut life = Life::new(Version::LATEST, QUICK, "");
    life.push(0.0, "x", &[]).until(2.5);
    life.machine.handle(secs(2.5), Input::Reload(config(QUICK, "", Version::LATEST)));
    life.push(3.0, "y", &[]).until(20.0);
    assert_eq!(life.texts(), [(1.0, "x"), (6.5, "x y")]);
}

#[test]
fn quiet_ticks_are_not_looked_at() {
    let mut life =
        Life::new(Version::LATEST, "group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 1d", "");
    life.push(0.0, "x y z", &[]).push(600.0, "-y", &[]).until(3_600.0);
    assert_eq!(life.told.len(), 4);
    assert!(life.polls <= 8, "{}", life.polls);
}

#[test]
fn passing_over_quiet_ticks_changes_no_message() {
    let rules = "inhibit_rules:\n- source_matchers: [n=c]\n  target_matchers: [n=~\"a|b\"]\n";
    for seed in 0..40_u64 {
        for version in [Version::V0_25, Version::V0_31, Version::LATEST] {
            let mut runs = Vec::new();
            for every_tick in [false, true] {
                let route = ["group_by: [n]", "group_by: []", "group_by: ['...']"][seed as usize % 3];
                let route = format!("{route}, group_wait: 2s, group_interval: 3s, repeat_interval: 20s");
                let mut life = Life::new(version, &route, rules);
                life.machine.every_tick = every_tick;
                life.answer =
                    Box::new(move |at| if (at as u64).is_multiple_of(7 + seed) { status(500) } else { status(204) });
                let mut random = crate::alertmanager::retry::Random::new(seed);
                let mut at = 0.0;
                for _ in 0..40 {
                    let id = random.uuid();
                    let bits = u64::from_str_radix(&id[..8], 16).expect("hex");
                    at += (bits % 64) as f64 / 10.0 + 0.03;
                    let name = ["a", "b", "c", "d"][(bits >> 8) as usize % 4];
                    match (bits >> 16) % 8 {
                        0..=3 => life.push(at, name, &[]),
                        4..=6 => life.push(at, &format!("-{name}"), &[]),
                        _ => {
                            life.silence(at, at + 9.0, name);
                            &mut life
                        }
                    };
                }
                life.until(at + 120.0);
                runs.push(life.told);
            }
            assert_eq!(runs[0], runs[1], "seed {seed}, version {version}");
        }
    }
}

#[test]
fn an_empty_group_keeps_its_rhythm_while_silences_come_and_go() {
    let mut life = Life::new(Version::V0_25, "group_wait: 2s, group_interval: 3s", "");
    life.push(0.0, "x", &[]).push(1.0, "-x", &[]);
    life.silence(4.0, 5.0, "other");
    life.push(6.0, "y", &[]).until(20.0);
    assert_eq!(life.told, [(8.0, "y".to_owned())]);
}

#[test]
fn a_silence_that_ends_with_a_tick_is_over() {
    let mut life = Life::new(Version::V0_25, "group_wait: 0s, group_interval: 1s", "");
    life.silence(0.0, 3.0, "x");
    life.push(1.0, "x", &[]).until(10.0);
    assert_eq!(life.told, [(3.0, "x".to_owned())]);
}
