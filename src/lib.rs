//! labkit: a command-line harness and automatic grader for hands-on monitoring labs.
//!
//! The crate holds a whole monitoring stack (exporter, scraper, time series, PromQL, rules, Alertmanager, Discord) as
//! a pure machine that is told the time, and a grader around it.
//!
//! # Layout
//!
//! | module | purpose |
//! | --- | --- |
//! | [`text`] | source text, spans, diagnostics |
//! | [`golang`] | what output must share with Go: floats, durations, quoting, `text/template`, regular expressions |
//! | [`yaml`] | YAML as a tree of nodes with positions; a decoder that collects every error of a file |
//! | [`model`] | labels, matchers, samples, fingerprints, time |
//! | [`exposition`] | the text formats: parse, write, lint |
//! | [`tsdb`] | series in memory, postings, staleness |
//! | [`promql`] | lexer, parser, type check, evaluator |
//! | [`scrape`] | scrape configuration, relabelling, target state |
//! | [`rules`] | rule files, groups, recording and alerting rules, annotation templates |
//! | [`alertmanager`] | configuration, routing, grouping, inhibition, silences, notification log, receivers |
//! | [`discord`] | the message a notifier sends, and what Discord accepts |
//! | [`engine`] | the machine of the two clocks, and its journal |
//! | [`stack`] | a student's stack as it would really run |
//! | [`simulate`] | virtual driver, scenarios, mocked model, modelled VM |
//! | [`live`] | servers on sockets: the stand-in for Discord, the mocked model |
//! | [`lab`] | lab manifest: criteria, points, questions, parameters |
//! | [`check`] | check scripts: steps, predicates, outcomes |
//! | [`report`] | one versioned result model; one file per format |
//! | [`grade`] | many subjects: worker processes, journal, gradebooks |
//! | [`cli`] | arguments, settings, exit codes, one file per command |
//!
//! Imports point upwards in this table only; `tests/architecture.rs` holds that.

pub mod alertmanager;
pub mod check;
pub mod cli;
pub mod discord;
pub mod engine;
pub mod exposition;
pub mod golang;
pub mod grade;
pub mod lab;
pub mod live;
pub mod model;
pub mod promql;
pub mod report;
pub mod rules;
pub mod scrape;
pub mod simulate;
pub mod stack;
pub mod text;
pub mod tsdb;
pub mod yaml;
