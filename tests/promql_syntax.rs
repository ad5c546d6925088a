//! The parser on deep, long and hostile input, and its agreement with its own printer, with upstream's scripts and with
//! another parser.
#![allow(clippy::print_stderr)] // a skipped test says so

use std::path::PathBuf;

use labkit::promql::{
    Dialect, MAX_DEPTH, ParseOptions, SequenceValue, parse, parse_series_description, prettify, print,
};
use proptest::prelude::*;

const EVERYTHING: ParseOptions = ParseOptions { dialect: Dialect::V3, release: (3, 11), experimental: true };

/// The folder of recorded behaviour, or nothing with a loud word about it.
fn conformance(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("LABKIT_CONFORMANCE")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance"), PathBuf::from);
    let path = root.join(path);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var("LABKIT_REQUIRE").as_deref() != Ok("1"), "{} is missing", path.display());
    eprintln!("SKIPPED: {} is missing, set LABKIT_CONFORMANCE", path.display());
    None
}

/// Runs on a stack as small as a worker thread's.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(work).expect("a thread can be started");
    thread.join().expect("the work did not panic");
}

#[test]
fn nesting_is_refused_beyond_the_limit_and_read_up_to_it() {
    on_a_small_stack(|| {
        for (open, inner, close) in [
            ("(", "1", ")"),
            ("-", "a", ""),
            ("abs(", "a", ")"),
            ("sum(", "a", ")"),
            ("a^", "a", ""),
            ("1+(", "1", ")"),
            ("", "a", "[5m:]"),
            ("sum(rate(a[", "5m", "]))"),
            ("a[", "(", ""),
        ] {
            let nested = |n: usize| format!("{}{inner}{}", open.repeat(n), close.repeat(n));
            let refused = parse(&nested(20_000), &EVERYTHING);
            assert!(refused.is_err(), "{open}");
            let read = parse(&nested(MAX_DEPTH / 2 - 2), &EVERYTHING);
            if let Ok(expr) = read {
                let _ = (print(&expr, Dialect::V3), prettify(&expr, Dialect::V3), expr.clone());
            }
        }
        let deep = format!("{}1{}", "(".repeat(MAX_DEPTH), ")".repeat(MAX_DEPTH));
        assert!(parse(&deep, &EVERYTHING).is_ok());
        let deeper = format!("({deep})");
        let error = parse(&deeper, &EVERYTHING).expect_err("one too many");
        assert_eq!(error.message, "expression is nested deeper than 256 levels");
        let offset = format!("a offset {}5m{}", "(".repeat(20_000), ")".repeat(20_000));
        assert!(parse(&offset, &EVERYTHING).is_err());
        let chain = format!("a[1m{}]", "+1m".repeat(20_000));
        assert!(parse(&chain, &EVERYTHING).is_err());
    });
}

#[test]
fn a_long_chain_is_read_copied_printed_and_dropped() {
    on_a_small_stack(|| {
        let text = format!("x{}", " + x".repeat(20_000));
        let expr = parse(&text, &EVERYTHING).expect("a chain is no nesting");
        let copy = expr.clone();
        drop(expr);
        assert_eq!(print(&copy, Dialect::V3), text);
        assert_eq!(prettify(&copy, Dialect::V3), text);
        assert_eq!(copy.value_type().as_str(), "vector");
        let longer = format!("x{}", " + x".repeat(1_000_000));
        let error = parse(&longer, &EVERYTHING).expect_err("more operators than any query has");
        assert_eq!(error.message, "expression has more than 25000 operators");
    });
}

#[test]
fn a_stock_server_refuses_what_hides_behind_flags() {
    let stock = ParseOptions::stock(Dialect::V3);
    for (expr, message) in [
        ("mad_over_time(a[5m])", "1:1: parse error: function \"mad_over_time\" is not enabled"),
        (
            "limitk(1, a)",
            "1:1: parse error: limitk() is experimental and must be enabled with \
             --enable-feature=promql-experimental-functions",
        ),
        ("a + fill(0) b", "1:1: parse error: binop fill modifiers are experimental and not enabled"),
        ("a[5m] anchored", "1:1: parse error: anchored modifier is experimental and not enabled"),
        ("a[5m + 1m]", "1:3: parse error: experimental duration expression is not enabled"),
        ("a{x=~\"(\"}", "1:3: parse error: error parsing regexp: missing closing ): `(`"),
        ("holt_winters(a[5m], 0.5, 0.5)", "1:1: parse error: unknown function with name \"holt_winters\""),
    ] {
        let error = parse(expr, &stock).expect_err(expr);
        assert_eq!(error.to_string(), message);
        if !message.contains("regexp") && !message.contains("unknown") {
            assert!(parse(expr, &EVERYTHING).is_ok(), "{expr}");
        }
    }
}

#[test]
fn a_function_newer_than_the_release_is_unknown() {
    let at = |release| parse("histogram_avg(a)", &ParseOptions { release, ..ParseOptions::stock(Dialect::V3) });
    assert!(at((2, 50)).is_err());
    assert!(at((2, 51)).is_ok());
}

#[test]
fn dialect_3_reads_what_2_42_refuses() {
    for (text, printed) in [
        ("time() - t > 10m", "time() - t > 10m"),
        ("rate(x[300])", "rate(x[5m])"),
        ("x offset 90", "x offset 1m30s"),
        ("1_000_000", "1000000"),
        (r#"{"my.metric", "a b"="v"}"#, r#"{"a b"="v",__name__="my.metric"}"#),
        (r#"sum by ("a b", c) (x)"#, r#"sum by ("a b", c) (x)"#),
        ("fill + fill_left", "fill + fill_left"),
        ("step + range", "step + range"),
        ("a </ 5 >/ 2", "a </ 5 >/ 2"),
        ("x offset -2 ^ 2", "x offset -2s ^ 2"),
        ("x offset (1m + 2 * step())", "x offset (60 + 2 * step())"),
        ("x[max(step(), 5s)]", "x[max(step(), 5)]"),
        ("a * on (x) group_left fill(1) b", "a * on (x) group_left () fill (1) b"),
        ("a[5m] smoothed offset 1m", "a[5m] smoothed offset 1m"),
        ("5m", "5m"),
        ("-5m", "-5m"),
    ] {
        let expr = parse(text, &EVERYTHING).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(print(&expr, Dialect::V3), printed);
        assert!(parse(text, &ParseOptions::stock(Dialect::V2_42)).is_err() || text.starts_with(['f', 's']), "{text}");
    }
}

#[test]
fn the_dialects_print_large_numbers_each_in_its_way() {
    let expr = parse("1e6 + 0.00000001", &EVERYTHING).expect("plain arithmetic");
    assert_eq!(print(&expr, Dialect::V2_42), "1e+06 + 1e-08");
    assert_eq!(print(&expr, Dialect::V3), "1000000 + 0.00000001");
}

#[test]
fn series_descriptions_expand() {
    let values = |text: &str| {
        let series = parse_series_description(text, Dialect::V3).unwrap_or_else(|e| panic!("{text}: {e}"));
        let show = |v: &SequenceValue| match v {
            SequenceValue::Omitted => "_".to_owned(),
            SequenceValue::Float(v) if labkit::model::is_stale_nan(*v) => "stale".to_owned(),
            SequenceValue::Float(v) => v.to_string(),
            SequenceValue::Histogram { histogram, .. } => format!("h{}", histogram.count),
        };
        format!("{} {}", series.labels, series.values.iter().map(show).collect::<Vec<_>>().join(" "))
    };
    assert_eq!(values(r#"a{b="c"} 1+2x3 _ stale -1x1"#), r#"{__name__="a", b="c"} 1 3 5 7 _ stale -1 -1"#);
    assert_eq!(values("a _x2 0x3 NaN Inf -inf"), r#"{__name__="a"} _ _ 0 0 0 0 NaN inf -inf"#);
    assert_eq!(values("a {{count:2 buckets:[1 1]}}+{{count:1 buckets:[1]}}x2"), r#"{__name__="a"} h2 h3 h4"#);
    assert_eq!(values("{}"), "{} ");
}

#[test]
fn broken_series_descriptions_say_where() {
    for (text, message) in [
        ("a 1 foo", "1:5: parse error: unexpected identifier \"foo\" in series values, expected number or \"stale\""),
        ("a 1x", "1:5: parse error: unexpected end of input in series values"),
        ("a 1 x2", "1:5: parse error: unexpected \"x\""),
        ("a _+1x2", "1:4: parse error: unexpected <op:+>"),
        ("a 1x2x3", "1:6: parse error: unexpected \"x\""),
        ("a 1+x3", "1:5: parse error: unexpected \"x\" in series values"),
        ("a 1+x3", "1:5: parse error: unexpected \"x\" in series values"),
        ("a{b=\"c\" 1", "1:9: parse error: unexpected character inside braces: '1'"),
        ("a 1x99999999999", "1:5: parse error: series has more than 10000000 values"),
        ("a {{foo:1}}", "1:5: parse error: bad histogram descriptor found: \"foo\""),
    ] {
        let error = parse_series_description(text, Dialect::V3).expect_err(text);
        assert_eq!(error.to_string(), message);
    }
}

/// Every query and every series of upstream's own scripts, `eval_fail` of a parse error aside.
#[test]
fn upstream_scripts_parse() {
    for folder in ["prometheus-3.x/v3.11.3/promqltest", "prometheus-3.x/v3.5.3/promqltest", "prometheus-2.42/promql"] {
        let Some(folder) = conformance(folder) else { continue };
        let v3 = folder.ends_with("promqltest");
        let dialect = if v3 { Dialect::V3 } else { Dialect::V2_42 };
        let (mut queries, mut series) = (0, 0);
        for file in std::fs::read_dir(&folder).expect("the folder can be listed") {
            let path = file.expect("an entry can be read").path();
            if path.extension().is_none_or(|e| e != "test") {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a script can be read");
            let mut loading = false;
            let lines: Vec<&str> = text.lines().map(str::trim).collect();
            for (i, line) in lines.iter().enumerate() {
                let place = format!("{}:{}", path.display(), i + 1);
                if line.is_empty() || line.starts_with('#') {
                    loading = false;
                } else if line.starts_with("load") {
                    loading = true;
                } else if loading {
                    series += 1;
                    parse_series_description(line, dialect).unwrap_or_else(|e| panic!("{place}: {e}"));
                } else if let Some(query) = query_of(line) {
                    let fails = line.starts_with("eval_fail")
                        || lines[i + 1..].iter().take_while(|l| !l.is_empty()).any(|l| l.starts_with("expect fail"));
                    queries += 1;
                    match parse(query, &ParseOptions::experimental(dialect)) {
                        Ok(expr) => {
                            let printed = print(&expr, dialect);
                            // Bytes that are no UTF-8 do not survive in a tree of text.
                            if printed.contains('\u{FFFD}') {
                                continue;
                            }
                            let again = parse(&printed, &ParseOptions::experimental(dialect));
                            let again = again.unwrap_or_else(|e| panic!("{place}: {printed}: {e}"));
                            assert_eq!(print(&again, dialect), printed, "{place}");
                        }
                        Err(_) if fails => {}
                        Err(e) => panic!("{place}: {query}: {e}"),
                    }
                }
            }
        }
        assert!(queries > 500 && series > 200, "{}: {queries} queries, {series} series", folder.display());
    }
}

fn query_of(line: &str) -> Option<&str> {
    let mut words = line.splitn(4, ' ');
    match (words.next()?, words.next()?, words.next()?) {
        (command, "instant", "at") if command.starts_with("eval") => {
            words.next()?.trim_start().split_once(' ').map(|(_, q)| q)
        }
        (command, "range", "from") if command.starts_with("eval") => {
            let rest = line.split_once(" step ")?.1;
            rest.split_once(' ').map(|(_, q)| q)
        }
        _ => None,
    }
}

/// Debug text without places: what must survive printing and reading again.
fn shape(expr: &labkit::promql::ast::Expr) -> String {
    let text = format!("{expr:?}");
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(i) = rest.find("Span {") {
        out.push_str(&rest[..i]);
        rest = rest[i..].split_once('}').map_or("", |(_, rest)| rest);
    }
    out + rest
}

fn expression() -> impl Strategy<Value = String> {
    let label = prop_oneof![Just("job"), Just("a_b"), Just("le"), Just("on"), Just("by")];
    let value = "[a-z\"\\\\\\n]{0,4}";
    let matcher = (label, prop_oneof![Just("="), Just("!=")], value)
        .prop_map(|(l, op, v)| format!("{l}{op}{}", labkit::golang::quote(&v)));
    let selector =
        (prop_oneof![Just("m"), Just("x:y"), Just("sum"), Just("start")], prop::collection::vec(matcher, 0..3))
            // The printer sorts matchers by their text.
            .prop_map(|(name, mut ms)| {
                ms.sort();
                (name, ms)
            })
            .prop_map(|(name, ms)| if ms.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", ms.join(",")) });
    let modifier = prop_oneof![Just(""), Just(" offset 5m"), Just(" @ 12.5"), Just(" @ end() offset -1h30m"),];
    let vector = (selector, modifier.clone()).prop_map(|(s, m)| format!("{s}{m}"));
    let leaf = prop_oneof![
        4 => vector.clone(),
        1 => Just("1.5".to_owned()),
        1 => Just("-3".to_owned()),
        1 => Just("1e10".to_owned()),
        1 => Just("NaN".to_owned()),
    ];
    leaf.prop_recursive(5, 40, 3, move |inner| {
        let op = prop_oneof![
            Just("+"),
            Just("-"),
            Just("*"),
            Just("/"),
            Just("^"),
            Just("%"),
            Just("> bool"),
            Just("atan2"),
            Just("and on (job)"),
            Just("unless"),
            Just("or ignoring (le, a_b)"),
            Just("* on (job) group_left (le)"),
            Just("== ignoring () group_right"),
        ];
        prop_oneof![
            (inner.clone(), op, inner.clone()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            inner.clone().prop_map(|e| format!("({e})")),
            inner.clone().prop_map(|e| format!("-{e}")),
            inner.clone().prop_map(|e| format!("sum by (job, on) ({e})")),
            inner.clone().prop_map(|e| format!("topk without (le) (3, {e})")),
            inner.clone().prop_map(|e| format!("abs({e})")),
            inner.clone().prop_map(|e| format!("max_over_time(({e})[10m:30s] offset 1m)")),
            (inner, modifier.clone()).prop_map(|(_, m)| format!("rate(m[5m]{m})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_reads_as_the_same_tree(text in expression()) {
        for options in [ParseOptions::stock(Dialect::V2_42), EVERYTHING] {
            let Ok(expr) = parse(&text, &options) else { continue };
            // 2.42 prints `ignoring () group_left` as nothing at all, and means it.
            if options.dialect == Dialect::V2_42 && text.contains("ignoring ()") {
                continue;
            }
            for printed in [print(&expr, options.dialect), prettify(&expr, options.dialect)] {
                let again = parse(&printed, &options);
                prop_assert!(again.is_ok(), "{text} -> {printed}: {again:?}");
                if let Ok(again) = again {
                    prop_assert_eq!(shape(&again), shape(&expr), "{} -> {}", text, printed);
                }
            }
        }
    }

    #[test]
    fn no_input_panics(text in "[a-z(){}\\[\\]\"'`,:@=~!<>+*/^ 0-9_.#\\\\\\n\\PC]{0,60}") {
        for options in [ParseOptions::stock(Dialect::V2_42), EVERYTHING] {
            if let Ok(expr) = parse(&text, &options) {
                let _ = prettify(&expr, options.dialect);
            }
            let _ = parse_series_description(&text, options.dialect);
        }
    }
}

/// What promql-parser answers differently, and why: the beginning of an expression or all of it, and the reason.
const KNOWN_DISAGREEMENTS: &[(&str, &str)] = &[
    ("a offset 0s", "it refuses an offset of nothing, as 2.42 does"),
    ("sum by (a:b) (x)", "it refuses names outside the legacy characters without quotes"),
    ("1e999", "it takes numbers out of range for infinity"),
    ("a offset --5m", "it has no arithmetic on durations"),
    ("a[300y]", "its durations do not overflow"),
    ("a @ 1e100", "it knows nothing of the bounds of @"),
    ("a @ 1e19", "it knows nothing of the bounds of @"),
    ("info(a)", "it has no flags for experimental features"),
    ("a{x=~\"a**\"}", "its regular expressions are not Go's"),
    ("a{x=~\"a{1001}\"}", "its regular expressions are not Go's"),
    ("1_000", "it has no underscores in numbers"),
    ("start()", "it reads start and end as functions"),
    ("+a[5m:]", "it lets a plus stand before a range vector"),
    ("limitk(1, a)", "it has no flags for experimental features"),
    ("mad_over_time(a[5m])", "it has no flags for experimental features"),
    ("a </ b", "it has no trim operators"),
    ("a >/ b", "it has no trim operators"),
];

fn known_disagreement(expr: &str) -> Option<&'static str> {
    KNOWN_DISAGREEMENTS.iter().find(|(known, _)| *known == expr).map(|(_, why)| *why)
}

#[test]
fn another_parser_agrees_but_for_known_reasons() {
    let mut corpus: Vec<String> = include_str!("../fixtures/promql/answers-2.42.jsonl")
        .lines()
        .filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok()?["expr"].as_str().map(str::to_owned))
        .collect();
    if let Some(path) = conformance("grafana/exprs.tsv") {
        let text = std::fs::read_to_string(path).expect("the table can be read");
        corpus.extend(text.lines().skip(1).filter_map(|l| l.split('\t').nth(3)).map(str::to_owned));
    }
    let stock = ParseOptions::stock(Dialect::V3);
    let mut wrong = Vec::new();
    for expr in &corpus {
        let (ours, theirs) = (parse(expr, &stock), promql_parser::parser::parse(expr));
        if ours.is_ok() != theirs.is_ok() && known_disagreement(expr).is_none() {
            wrong.push(format!(
                "{expr:?}\n  ours   {:?}\n  theirs {:?}",
                ours.err().map(|e| e.to_string()),
                theirs.err()
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), corpus.len(), wrong.join("\n"));
}
