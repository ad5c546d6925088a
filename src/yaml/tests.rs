//! Trees, merges, repeated keys, and input that means harm.

use super::*;
use crate::text::SourceText;

fn refused(text: &str) -> String {
    parse(&SourceText::new("f", text)).expect_err("it is refused").upstream.unwrap_or_default()
}

fn root(text: &str) -> Node {
    parse(&SourceText::new("f", text)).expect("it is YAML").expect("it is not empty")
}

#[test]
fn bombs_and_towers_are_refused_quickly() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..12 {
        let items = vec![format!("*a{}", i - 1); 10].join(", ");
        bomb.push_str(&format!("a{i}: &a{i} [{items}]\n"));
    }
    assert_eq!(refused(&bomb), "yaml: document contains excessive aliasing");
    assert!(!refused(&"[".repeat(100_000)).is_empty());
    assert!(!refused(&"{a: ".repeat(100_000)).is_empty());
    assert!(!refused(&"- ".repeat(100_000)).is_empty());
    assert!(parse(&SourceText::new("f", "x".repeat(MAX_BYTES + 1))).is_err());
    assert_eq!(refused("a: &a [*a]\n"), "yaml: the anchor's value contains itself");
    assert_eq!(refused("- 1\n- *nobody\n"), "yaml: unknown anchor 'nobody' referenced");
}

#[test]
fn only_the_first_document_counts_and_marks_and_line_ends_do_not() {
    assert_eq!(root("\u{feff}a: 1\r\nb: 2\r\n---\n}}}\n").get("b").and_then(Node::as_str), Some("2"));
    assert!(parse(&SourceText::new("f", "# nothing\n")).expect("it is YAML").is_none());
    let source = SourceText::new("f", "\u{feff}a: é\nbb: x\n");
    let root = parse(&source).expect("it is YAML").expect("not empty");
    let span = root.get("bb").expect("there").span();
    assert_eq!((&source.text()[span.range()], source.position(span.start as usize).column), ("x", 5));
}

#[test]
fn merged_fields_yield_to_own_ones_and_repeated_ones_are_told() {
    let text = "base: &b {x: 1, y: 2}\ntop:\n  y: 3\n  <<: *b\n  y: 4\n";
    let source = SourceText::new("f", text);
    let d = Decoder::new(&source, GoYaml::V2);
    let top = root(text);
    let m = d.mapping(top.get("top").expect("there"), "f.plain").expect("a mapping");
    assert_eq!((m.int("x").map(|n| n.value), m.int("y").map(|n| n.value)), (Some(1), Some(3)));
    m.finish();
    let found = d.into_diagnostics();
    assert_eq!(found[0].upstream.as_deref(), Some("line 5: field y already set in type f.plain"));
    assert_eq!(found[0].related.len(), 1);
}

#[test]
fn types_are_judged_as_go_judges_them() {
    let text = "yes: yes\nquoted: 'yes'\nlist: a\nnumber: 0x10\nlong: 'abcdefghijklm'\n";
    let source = SourceText::new("f", text);
    let top = root(text);
    for (go, quoted) in [(GoYaml::V2, None), (GoYaml::V3, Some(true))] {
        let d = Decoder::new(&source, go);
        let m = d.mapping(&top, "f.plain").expect("a mapping");
        assert_eq!((m.bool("yes"), m.bool("quoted"), m.int("number").map(|n| n.value)), (Some(true), quoted, Some(16)));
        assert!(m.strings("list").is_empty() && m.int("long").is_none());
        let words: Vec<String> = d.into_diagnostics().into_iter().filter_map(|d| d.upstream).collect();
        assert!(words.contains(&"line 3: cannot unmarshal !!str `a` into []string".to_owned()), "{words:?}");
        assert!(words.contains(&"line 5: cannot unmarshal !!str `abcdefg...` into int".to_owned()), "{words:?}");
    }
}

#[test]
fn a_teacher_would_say_what_to_mend() {
    for (text, help) in [
        ("a:\n\tb: 1\n", "tabs"),
        ("a:\n  summary: {{ $value }} is high\n", "quotes"),
        ("a:\n  summary: value: high\n", "quotes"),
        ("a:\n  b: 'open\n", "close the quote"),
        ("a: [1, 2\n", "close the bracket"),
        ("a:\n  b: 1\n c: 2\n", "same column"),
        ("a: 1\nb:2\nc: 3\n", "after the colon"),
        ("a: @me\n", "quotes"),
        ("a:\n- *.yml\n", "quotes"),
        ("e: \"up{job=\"x\"}\"\n", "single quotes"),
    ] {
        let found = parse(&SourceText::new("f", text)).expect_err(text);
        assert!(found.help.as_deref().is_some_and(|h| h.contains(help)), "{text}: {found:?}");
    }
}

#[test]
fn a_tag_must_fit_its_text() {
    for (text, wanted) in [
        ("a: !!int x\n", Some("yaml: cannot decode !!str `x` as a !!int")),
        ("a: !!null x\n", Some("yaml: cannot decode !!str `x` as a !!null")),
        ("a: !!timestamp 5\n", Some("yaml: cannot decode !!int `5` as a !!timestamp")),
        ("a: !!float 5\n", None),
        ("a: !!int '5'\n", None),
        ("a: !!str 5\n", None),
    ] {
        let d = Decoder::new(&SourceText::new("f", text), GoYaml::V2);
        let top = root(text);
        let read = d.string(top.get("a").expect("there"));
        assert_eq!(read.is_none(), wanted.is_some(), "{text}");
        assert_eq!(d.into_diagnostics().first().and_then(|d| d.upstream.as_deref()), wanted, "{text}");
    }
}

#[test]
fn a_null_key_is_the_empty_name_in_v2_and_passed_over_in_v3() {
    let text = "~: x\n!!binary aGk=: y\n";
    for (go, wanted) in [(GoYaml::V2, vec!["", "hi"]), (GoYaml::V3, vec!["hi"])] {
        let d = Decoder::new(&SourceText::new("f", text), go);
        let names: Vec<String> =
            d.string_map(&root(text), "map[string]string").into_iter().map(|(k, _)| k.value).collect();
        assert_eq!(names, wanted);
    }
}

#[test]
fn a_colon_needs_a_key() {
    for (text, wanted) in [
        ("a:\n  b: 1\n  : x\n", "yaml: line 2: did not find expected key"),
        ("a:\n- b\n- {c: d, : x}\n", "yaml: line 2: did not find expected node content"),
    ] {
        let found = parse(&SourceText::new("f", text)).expect_err(text);
        assert_eq!(found.upstream.as_deref(), Some(wanted), "{text}");
    }
    assert!(parse(&SourceText::new("f", "? \n: x\n")).is_ok());
}
