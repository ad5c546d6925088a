//! Template sets: definitions that can call each other by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::GoVersion;
use super::exec::{ExecError, Limits, execute};
use super::node::Tree;
use super::parse::parse;
use super::value::{Functions, Value};
use super::{builtins, exec};

/// A text that is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// Go's text: `template: NAME:LINE: ...`.
    pub message: String,
    /// The line in the template, from 1.
    pub line: usize,
}

/// Definitions by name. Cheap to clone; executing does not change it.
#[derive(Clone, Debug, Default)]
pub struct TemplateSet {
    trees: BTreeMap<Arc<str>, Arc<Tree>>,
    version: GoVersion,
    missing_key_is_zero: bool,
}

impl TemplateSet {
    /// An empty set. `missing_key_is_zero` is Go's option `missingkey=zero`: a missing key gives the zero value of the
    /// map's elements instead of `<no value>`.
    pub fn new(version: GoVersion, missing_key_is_zero: bool) -> Self {
        Self { trees: BTreeMap::new(), version, missing_key_is_zero }
    }

    /// Adds a text as the template `name`, together with what it defines. A definition that is there already is
    /// replaced, unless the new one is empty.
    ///
    /// # Errors
    /// Bad syntax, an unknown function, an undefined variable.
    pub fn parse(&mut self, name: &str, text: &str, functions: &dyn Functions) -> Result<(), ParseError> {
        let known = |name: &str| builtins::exists(name) || functions.signature(name).is_some();
        for tree in parse(name, text, &known, self.version)? {
            if tree.is_empty() && self.trees.contains_key(&tree.name) {
                continue;
            }
            self.trees.insert(Arc::clone(&tree.name), Arc::new(tree));
        }
        Ok(())
    }

    /// Whether there is a template of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.trees.contains_key(name)
    }

    /// The names of all templates, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.trees.keys().map(|k| &**k)
    }

    /// Executes the template `name` over `dot`.
    ///
    /// # Errors
    /// Whatever goes wrong, in Go's words: `template: NAME:LINE:COL: executing "NAME" at <...>: ...`.
    pub fn execute(&self, name: &str, dot: &Value, functions: &dyn Functions) -> Result<String, ExecError> {
        self.execute_within(name, dot, functions, Limits::default())
    }

    /// As [`Self::execute`], with limits of one's own.
    ///
    /// # Errors
    /// As [`Self::execute`], or a limit was reached.
    pub fn execute_within(
        &self,
        name: &str,
        dot: &Value,
        functions: &dyn Functions,
        limits: Limits,
    ) -> Result<String, ExecError> {
        let Some(tree) = self.trees.get(name) else {
            return Err(ExecError::no_template(name));
        };
        let env = exec::Environment {
            trees: &self.trees,
            functions,
            missing_key_is_zero: self.missing_key_is_zero,
            version: self.version,
        };
        execute(&env, tree, dot, limits)
    }
}

#[cfg(test)]
mod tests {
    use super::super::value::{NoFunctions, Object, Signature, Type};
    use super::*;
    use crate::golang::time::GoTime;

    /// A struct with a method, as Alertmanager's alerts are.
    struct Alert;

    impl Object for Alert {
        fn type_name(&self) -> &'static str {
            "*template.Alert"
        }

        fn fields(&self) -> Vec<(&'static str, Value)> {
            vec![
                ("Status", Value::str("firing")),
                ("Labels", Value::string_map([("b", "2"), ("a", "1")])),
                ("StartsAt", Value::from(GoTime::from_unix(1_704_164_645, 0))),
                ("List", Value::strings(["x", "y"])),
                ("Value", Value::Float(2.5)),
            ]
        }

        fn method(&self, name: &str) -> Option<Signature> {
            (name == "Without").then_some(Signature::fixed(&[Type::Slice(&Type::Str)]))
        }

        fn call(&self, _: &str, args: &[Value]) -> Result<Value, String> {
            if args[0].is_true() { Ok(args[0].clone()) } else { Err("nothing to leave out".to_owned()) }
        }
    }

    fn run(text: &str) -> Result<String, String> {
        let mut set = TemplateSet::new(GoVersion::Current, true);
        set.parse("t", text, &NoFunctions).map_err(|e| e.to_string())?;
        set.execute("t", &Value::object(Alert), &NoFunctions).map_err(|e| e.to_string())
    }

    #[test]
    fn templates_render_as_go_renders_them() {
        for (text, wanted) in [
            ("plain", "plain"),
            ("", ""),
            ("{{ .Status }} {{.Labels.a}} {{ .Labels.zz }}.", "firing 1 ."),
            ("{{ .Labels }} {{ .List }}", "map[a:1 b:2] [x y]"),
            ("{{ .StartsAt.Format \"15:04\" }} {{ .StartsAt }}", "03:04 2024-01-02 03:04:05 +0000 UTC"),
            ("{{ .StartsAt.Month }} {{ eq .StartsAt.Day 2 }} {{ .StartsAt.Sub .StartsAt }}", "January true 0s"),
            ("{{ range $k, $v := .Labels }}{{ $k }}={{ $v }},{{ end }}", "a=1,b=2,"),
            ("{{ range .List }}{{ if eq . \"y\" }}{{ break }}{{ end }}{{ . }}{{ else }}none{{ end }}", "x"),
            ("{{ range 3 }}{{ if eq . 1 }}{{ continue }}{{ end }}{{ . }}{{ end }}", "02"),
            ("{{ range slice .List 0 0 }}a{{ else }}none{{ end }}", "none"),
            ("a {{- /* c */ -}} b{{- \" x \" -}} c", "ab x c"),
            ("{{ with .Labels.zz }}x{{ else with .Status }}{{ . }}{{ end }}", "firing"),
            ("{{ if false }}a{{ else if true }}b{{ else }}c{{ end }}", "b"),
            ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"),
            (
                "{{ define \"d\" }}<{{ . }}>{{ end }}{{ template \"d\" .Status }}{{ block \"e\" 5 }}[{{ . }}]{{ end }}",
                "<firing>[5]",
            ),
            (
                "{{ (index .List 1) }} {{ index .Labels \"a\" }} {{ slice \"abcdef\" 1 3 }} {{ len .Labels }}",
                "y 1 bc 2",
            ),
            ("{{ .Without .List | len }} {{ (.Without .List) }}", "2 [x y]"),
            (
                "{{ 'a' }} {{ 0x10 }} {{ 1e3 }} {{ 1.50 }} {{ 1_000 }} {{ 017 }} {{ -0b11 }}",
                "97 16 1000 1.5 1000 15 -3",
            ),
            ("{{ print 1 2 \"x\" 3 nil }}|{{ println \"a\" 1 }}", "1 2x3 <nil>|a 1\n"),
            ("{{ and 1 0 }} {{ or 0 \"z\" }} {{ not 1 }} {{ 1 | or 0 }}", "0 z false 1"),
            (
                "{{ html \"<a&'>\" }} {{ js \"it's <\" }} {{ urlquery \"a b&c\" }}",
                "&lt;a&amp;&#39;&gt; it\\'s \\u003C a+b%26c",
            ),
            ("{{ $ | printf \"%T\" }}", "*template.Alert"),
            (
                "{{ 2i }} {{ 1.5-2i }} {{ print 3i 4i }} {{ eq 1i 0+1i }} {{ if 0i }}a{{ else }}b{{ end }}",
                "(0+2i) (1.5-2i) (0+3i) (0+4i) true b",
            ),
            ("{{ .StartsAt.Round 86400000000000 }} {{ .StartsAt.Location }}", "2024-01-02 00:00:00 +0000 UTC UTC"),
            (
                "{{ printf \"%s %v\" .StartsAt.MarshalText (slice .StartsAt.MarshalText 0 2) }}",
                "2024-01-02T03:04:05Z [50 48]",
            ),
        ] {
            assert_eq!(run(text).as_deref(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn errors_are_worded_and_placed_as_in_go() {
        for (text, wanted) in [
            ("{{ .Status", "template: t:1: unclosed action"),
            ("{{ .Status\n\n", "template: t:3: unclosed action started at t:1"),
            ("a\n{{ end }}", "template: t:2: unexpected {{end}}"),
            ("{{ if .Status }}x", "template: t:1: unexpected EOF"),
            ("{{ nofunc 1 }}", "template: t:1: function \"nofunc\" not defined"),
            ("{{ $x }}", "template: t:1: undefined variable \"$x\""),
            ("{{ break }}", "template: t:1: {{break}} outside {{range}}"),
            ("{{ }}", "template: t:1: missing value for command"),
            ("{{ (1 }}", "template: t:1: unclosed left paren"),
            ("{{ 1 ) }}", "template: t:1: unexpected right paren"),
            ("{{ \"a }}", "template: t:1: unterminated quoted string"),
            ("{{ \"\\q\" }}", "template: t:1: invalid syntax"),
            ("{{ 1 | 2 }}", "template: t:1: non executable command in pipeline stage 2"),
            ("{{ 12x }}", "template: t:1: bad number syntax: \"12x\""),
            ("{{ .a! }}", "template: t:1: bad character U+0021 '!'"),
            ("{{ ! }}", "template: t:1: unexpected \"!\" in command"),
            ("{{ 1.x }}", "template: t:1: bad number syntax: \"1.x\""),
            ("{{ true.x }}", "template: t:1: unexpected . after term \"true\""),
            ("{{ template .x }}", "template: t:1: unexpected \".x\" in template clause"),
            ("{{ range }}", "template: t:1: missing value for range"),
            ("{{ else }}", "template: t:1: unexpected {{else}}"),
            ("{{ if 1 }}{{ else }}{{ else }}{{ end }}", "template: t:1: expected end; found {{else}}"),
            ("{{/* x }}", "template: t:1: unclosed comment"),
            ("{{ define }}", "template: t:1: unexpected \"}}\" in define clause"),
            ("{{ if 1 }}{{ define \"x\" }}{{ end }}{{ end }}", "template: t:1: unexpected <define> in command"),
            ("{{ é }}", "template: t:1: function \"é\" not defined"),
            ("{{ € }}", "template: t:1: unrecognized character in action: U+20AC '€'"),
            (
                "{{ .Nope }}",
                "template: t:1:3: executing \"t\" at <.Nope>: can't evaluate field Nope in type *template.Alert",
            ),
            (
                "{{ .Status.Foo }}",
                "template: t:1:10: executing \"t\" at <.Status.Foo>: can't evaluate field Foo in type string",
            ),
            (
                "\n {{ index .List 5 }}",
                "template: t:2:4: executing \"t\" at <index .List 5>: error calling index: index out of range: 5",
            ),
            (
                "{{ index .List 2 }}",
                "template: t:1:3: executing \"t\" at <index .List 2>: error calling index: reflect: slice index out of range",
            ),
            ("{{ nil }}", "template: t:1:3: executing \"t\" at <nil>: nil is not a command"),
            (
                "{{ template \"x\" . }}",
                "template: t:1:12: executing \"t\" at <{{template \"x\" .}}>: template \"x\" not defined",
            ),
            (
                "{{ .Without }}",
                "template: t:1:3: executing \"t\" at <.Without>: wrong number of args for Without: want 1 got 0",
            ),
            (
                "{{ .Without .Status }}",
                "template: t:1:12: executing \"t\" at <.Status>: wrong type for value; expected []string; got string",
            ),
            (
                "{{ .Without nil }}",
                "template: t:1:3: executing \"t\" at <.Without>: error calling Without: nothing to leave out",
            ),
            (
                "{{ .Status 1 }}",
                "template: t:1:3: executing \"t\" at <.Status>: Status has arguments but cannot be invoked as function",
            ),
            ("{{ 1 2 }}", "template: t:1:3: executing \"t\" at <1>: can't give argument to non-function 1"),
            (
                "{{ range .Value }}{{ end }}",
                "template: t:1:9: executing \"t\" at <.Value>: range can't iterate over 2.5",
            ),
            (
                "{{ gt 1 .Value }}",
                "template: t:1:3: executing \"t\" at <gt 1 .Value>: error calling gt: incompatible types for comparison",
            ),
            ("{{ printf 1 }}", "template: t:1:10: executing \"t\" at <1>: expected string; found 1"),
            (
                "{{ .StartsAt.Clock }}",
                "template: t:1:12: executing \"t\" at <.StartsAt.Clock>: function Clock has 3 return values; should be 1 or 2",
            ),
            (
                "{{ .StartsAt.wall }}",
                "template: t:1:12: executing \"t\" at <.StartsAt.wall>: wall is an unexported field of struct type time.Time",
            ),
            (
                "{{ eq .Labels .List }}",
                "template: t:1:3: executing \"t\" at <eq .Labels .List>: error calling eq: non-comparable types map[a:1 b:2]: map[string]string, []string: [x y]",
            ),
            (
                "{{ lt 1i 2i }}",
                "template: t:1:3: executing \"t\" at <lt 1i 2i>: error calling lt: invalid type for comparison",
            ),
            ("{{ 1e400+1i }}", "template: t:1: strconv.ParseFloat: parsing \"1e400\": value out of range"),
            ("{{ 0b1+1i }}", "template: t:1: syntax error scanning complex number"),
            ("{{ len }}", "template: t:1:3: executing \"t\" at <len>: wrong number of args for len: want 1 got 0"),
        ] {
            assert_eq!(run(text), Err(wanted.to_owned()), "{text}");
        }
    }

    #[test]
    fn format_verbs_follow_go() {
        for (text, wanted) in [
            (
                "{{ printf \"%s-%d-%5.2f|%-6s|%06d|%x|%q|%v|%t|%%\" \"a\" 3 1.5 \"l\" 42 255 \"q\" .Status true }}",
                "a-3- 1.50|l     |000042|ff|\"q\"|firing|true|%",
            ),
            ("{{ printf \"%d\" 1.5 }}", "%!d(float64=1.5)"),
            ("{{ printf \"%s %d\" \"a\" }}", "a %!d(MISSING)"),
            ("{{ printf \"%s\" \"a\" 1 nil }}", "a%!(EXTRA int=1, <nil>)"),
            ("{{ printf \"%\" }}", "%!(NOVERB)"),
            ("{{ printf \"%z\" \"x\" }}", "%!z(string=x)"),
            ("{{ printf \"%[2]d %[1]d\" 1 2 }}", "2 1"),
            ("{{ printf \"%[5]d\" 1 }}", "%!d(BADINDEX)"),
            ("{{ printf \"%*d|%-*d|\" 4 1 4 1 }}", "   1|1   |"),
            (
                "{{ printf \"%+d % d %+.1f %05.1f %8.3e %g\" 1 2 1.0 -2.5 1234.5 1e6 }}",
                "+1  2 +1.0 -02.5 1.234e+03 1e+06",
            ),
            ("{{ printf \"%v %s %d\" .List .List .List }}", "[x y] [x y] [%!d(string=x) %!d(string=y)]"),
            ("{{ printf \"%d\" nil }}", "%!d(<nil>)"),
            ("{{ printf \"%.2s|%06.2f|% d\" 1 \"<a>&\" 2.5 }}", "%!s(int=01)|%!f(string=0000<a)|%!d(float64= 2.5)"),
            ("{{ printf \"%c %U %#x %o %b\" 65 65 255 8 5 }}", "A U+0041 0xff 10 101"),
            (
                "{{ printf \"%.2s|%5s|%.3q|% x|%X\" \"héllo\" \"é\" \"abcd\" \"ab\" \"ab\" }}",
                "hé|    é|\"abc\"|61 62|6162",
            ),
            ("{{ printf \"%#v %#v %#v\" \"a\" .List 1 }}", "\"a\" []string{\"x\", \"y\"} 1"),
            ("{{ printf \"%.1f %+v %d\" 2i 1+2i 1i }}", "(0.0+2.0i) (1+2i) %!d(complex128=(0+1i))"),
            ("{{ printf \"%#g %#.3g %#.0f %#.0e %.2x\" 1.0 1.0 1.0 1.0 1.5 }}", "1.00000 1.00 1. 1.e+00 0x1.80p+00"),
            ("{{ printf \"%#v\" .StartsAt }}", "time.Date(2024, time.January, 2, 3, 4, 5, 0, time.UTC)"),
            (
                "{{ printf \"%d %z\" .StartsAt .StartsAt }}",
                "{0 63839761445 0} {%!z(uint64=0) %!z(int64=63839761445) %!z(*time.Location=<nil>)}",
            ),
            ("{{ printf \"%p %+q\" 1 'é' }}", "%!p(int=1) '\\u00e9'"),
            ("{{ printf \"%5t|%5v|%05s\" true 1.5 \"a\" }}", " true|  1.5|0000a"),
        ] {
            assert_eq!(run(text).as_deref(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn hostile_templates_end_with_an_error() {
        let deep = format!("{}1{}", "(".repeat(100_000), ")".repeat(100_000));
        assert!(run(&format!("{{{{ {deep} }}}}")).is_err_and(|e| e.contains("max expression depth exceeded")));
        let nested = "{{ if 1 }}".repeat(100_000);
        assert!(run(&nested).is_err_and(|e| e.contains("max expression depth exceeded")));
        let fine = format!("{}x{}", "{{ if 1 }}".repeat(60), "{{ end }}".repeat(60));
        assert_eq!(run(&fine).as_deref(), Ok("x"));
        let endless = "{{ define \"r\" }}{{ template \"r\" }}{{ end }}{{ template \"r\" }}";
        assert!(run(endless).is_err_and(|e| e.contains("exceeded maximum template depth")));
        let wide = "{{ range 100000000 }}{{ end }}";
        assert!(run(wide).is_err_and(|e| e.contains("template runs too long")));
        let wide_format = format!("{{{{ printf \"{}\" 1 }}}}", "%9999999[1]d".repeat(1_000));
        assert!(run(&wide_format).is_err_and(|e| e.contains("template makes too much text")));
        let declared: String = (0..2_000).map(|i| format!("{{{{ $v{i} := 1 }}}}")).collect();
        assert!(run(&declared).is_err_and(|e| e.contains("too many variables")));
        let many = format!("{{{{ $x := printf \"%9999999d\" 1 }}}}{{{{ print {} }}}}", "$x ".repeat(1_000));
        assert!(run(&many).is_err_and(|e| e.contains("template makes too much text")));
        let compared = "{{ $x := printf \"%9999999d\" 1 }}{{ range 100000 }}{{ if eq $x $x }}{{ end }}{{ end }}";
        assert!(run(compared).is_err_and(|e| e.contains("template makes too much text")));
        let big = "{{ range 1000 }}{{ printf \"%1000000d\" 1 }}{{ end }}";
        assert!(run(big).is_err_and(|e| e.contains("template makes too much text")));
    }

    #[test]
    fn later_definitions_replace_earlier_ones_unless_empty() {
        let mut set = TemplateSet::new(GoVersion::V1_19, true);
        set.parse("a", "{{ define \"x\" }}1{{ end }}{{ define \"y\" }}1{{ end }}", &NoFunctions).expect("it parses");
        set.parse("b", "{{ define \"x\" }}2{{ end }}{{ define \"y\" }} {{ end }}", &NoFunctions).expect("it parses");
        set.parse("c", "{{ template \"x\" }}{{ template \"y\" }}", &NoFunctions).expect("it parses");
        assert_eq!(set.execute("c", &Value::Nil, &NoFunctions).as_deref(), Ok("21"));
        assert!(set.execute("zz", &Value::Nil, &NoFunctions).is_err());
        let twice = set.parse("d", "{{ define \"z\" }}1{{ end }}{{ define \"z\" }}2{{ end }}", &NoFunctions);
        assert_eq!(
            twice.map_err(|e| e.message),
            Err("template: d:1: template: multiple definition of template \"z\"".to_owned())
        );
        assert!(set.parse("e", "{{ with 1 }}{{ else with 2 }}{{ end }}", &NoFunctions).is_err(), "newer than Go 1.19");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "(\\{\\{|\\}\\}|[-.$()|:=,\"'`/* \n]|if|end|range|else|with|define|template|block|printf|index|nil|true|[a-z0-9é€]){0,40}") {
            let _ = run(&text);
        }

        #[test]
        fn no_format_makes_printf_panic(format in "(%|[-+# 0-9.*\\[\\]a-zA-Zé]){0,20}") {
            let text = format!("{{{{ printf `{format}` 1 \"é\" 2.5 .List .Labels nil .StartsAt . }}}}");
            let _ = run(&text);
        }
    }
}
