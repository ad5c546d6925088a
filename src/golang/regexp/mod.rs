//! Regular expressions as Go's RE2 reads them, on Rust's fast engine.
//!
//! The parser is our own, as the two dialects differ in what they accept and in what it means; the engine compiles its
//! tree. Patterns that are only alternatives of fixed texts, or a fixed beginning or end, need no engine at all.

use std::fmt;
use std::sync::{Arc, OnceLock};

use regex_automata::meta;
use regex_syntax::hir::Hir;

use super::GoVersion;

mod alternatives;
mod cache;
mod classes;
mod parse;
mod replace;
mod shortcut;

pub use alternatives::Alternatives;
pub use cache::{Patterns, SearchBudget};
pub use replace::quote_meta;
use shortcut::Shortcut;

/// A compiled pattern may take so many bytes.
const SIZE_LIMIT: usize = 10 << 20;

/// A compiled pattern. Cheap to clone.
#[derive(Clone)]
pub struct Regexp {
    inner: Arc<Inner>,
}

struct Inner {
    pattern: Box<str>,
    names: Vec<Option<Box<str>>>,
    shortcut: Option<Shortcut>,
    hir: Hir,
    /// Built at once where there is no shortcut, otherwise when first needed.
    engine: OnceLock<meta::Regex>,
}

/// Why a pattern is refused, in Go's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("error parsing regexp: {0}")]
pub struct RegexpError(pub String);

impl Regexp {
    /// An unanchored pattern, as Go's `regexp.Compile`.
    ///
    /// # Errors
    /// The pattern is not one that Go's RE2 accepts.
    pub fn new(pattern: &str) -> Result<Self, RegexpError> {
        Self::new_as(pattern, GoVersion::Current)
    }

    /// As [`Self::new`], in the dialect of an older Go: without `(?<name>`.
    ///
    /// # Errors
    /// The pattern is not one that this Go accepts.
    pub fn new_as(pattern: &str, version: GoVersion) -> Result<Self, RegexpError> {
        Self::compile(pattern, pattern, version)
    }

    /// Anchored at both ends as Prometheus does: `^(?:p)$` in 2.42, or `^(?s:p)$` in 3, where the dot matches a newline
    /// and Go is newer.
    ///
    /// # Errors
    /// The pattern is not one that Go's RE2 accepts.
    pub fn anchored(pattern: &str, dot_matches_newline: bool) -> Result<Self, RegexpError> {
        if dot_matches_newline {
            Self::compile(pattern, &format!("^(?s:{pattern})$"), GoVersion::Current)
        } else {
            Self::compile(pattern, &format!("^(?:{pattern})$"), GoVersion::V1_19)
        }
    }

    /// Reads a pattern without building its engine, as Go's `syntax.Parse`.
    ///
    /// # Errors
    /// The pattern is not one that Go's RE2 accepts.
    pub fn check(pattern: &str) -> Result<(), RegexpError> {
        parse::parse(pattern, GoVersion::Current).map(|_| ())
    }

    fn compile(pattern: &str, full: &str, version: GoVersion) -> Result<Self, RegexpError> {
        let parsed = parse::parse(full, version)?;
        let shortcut = Shortcut::of(&parsed.hir);
        let engine = OnceLock::new();
        if shortcut.is_none() {
            let built = build(&parsed.hir).map_err(|_| RegexpError(format!("expression too large: `{full}`")))?;
            engine.get_or_init(|| built);
        }
        let inner = Inner { pattern: pattern.into(), names: parsed.names, shortcut, hir: parsed.hir, engine };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The pattern as given, without the anchors.
    pub fn as_str(&self) -> &str {
        &self.inner.pattern
    }

    /// Whether the pattern matches anywhere (anchored patterns: matches the whole).
    pub fn is_match(&self, text: &str) -> bool {
        match &self.inner.shortcut {
            Some(shortcut) => shortcut.is_match(text),
            None => self.engine().is_match(text),
        }
    }

    /// How large it is compiled, in bytes; what a search costs grows with it.
    pub fn size(&self) -> usize {
        self.inner.engine.get().map_or(64, meta::Regex::memory_usage)
    }

    /// The names of the groups by number; the first is the whole match and has none.
    pub fn names(&self) -> &[Option<Box<str>>] {
        &self.inner.names
    }

    /// The engine, for searches beyond [`Self::is_match`].
    pub fn engine(&self) -> &meta::Regex {
        self.inner.engine.get_or_init(|| build(&self.inner.hir).expect("patterns with a shortcut are small"))
    }
}

fn build(hir: &Hir) -> Result<meta::Regex, Box<meta::BuildError>> {
    let config = meta::Config::new().nfa_size_limit(Some(SIZE_LIMIT));
    meta::Regex::builder().configure(config).build_from_hir(hir).map_err(Box::new)
}

impl fmt::Debug for Regexp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Regexp({:?})", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_utf8_are_refused_where_they_are_met() {
        use crate::golang::quoting::text_of_bytes;
        for (pattern, from) in [("x", 1), ("[a", 2), (r"\Qa", 3), ("(?i", 3), (r"\", 1)] {
            let broken = format!("{pattern}{}y", text_of_bytes(b"\xff"));
            let error = Regexp::new(&broken).map(|_| ()).expect_err(pattern).0;
            assert_eq!(error, format!("invalid UTF-8: `{}`", &broken[from..]), "{pattern}");
        }
    }

    fn matches(pattern: &str, text: &str) -> bool {
        Regexp::new(&format!("^(?:{pattern})$")).expect(pattern).is_match(text)
    }

    #[test]
    fn classes_are_ascii_and_plain() {
        for (pattern, text, wanted) in [
            (r"\d", "٣", false),
            (r"\w", "é", false),
            (r"\W", "é", true),
            (r"\s", "\u{b}", false),
            (r"[[:space:]]", "\u{b}", true),
            (r"\bx\B", "x", false),
            (r"[a&&b]+", "a&b", true),
            (r"[[a]", "[", true),
            (r"[a~~b]", "~", true),
            (r"[]a]+", "]a", true),
            (r"[^\d]", "a", true),
            (r"[\d-z]+", "1-z", true),
            (r"[a-]+", "-a", true),
            (r"\Qa.b\E.", "a.bx", true),
            (r"a{,2}", "a{,2}", true),
            (r"a{", "a{", true),
            (r"a{01}", "a{01}", true),
            (r"\101\x41\x{1F600}", "AA😀", true),
            (r"\p{Greek}\p{^Lu}\PL", "αa1", true),
            (r"(?i)straSSE\x{212a}", "STRAßEk", false),
            (r"(?i)k", "\u{212a}", true),
            (r"(?i:[a-c])b", "Bb", true),
            (r"(?i)a(?-i)b", "Ab", true),
            (r"(?i)a(?-i)b", "AB", false),
            (r".", "\n", false),
            (r"(?s).", "\n", true),
            (r"[^a]", "\n", true),
            (r"(?:a|ab)(?:c|bcd)", "abcd", true),
            (r"(?P<n>a)(?P<n>b)", "ab", true),
            (r"a(?i)*", "aaa", true),
            (r"\_\-\ ", "_- ", true),
            (r"", "", true),
            (r"|a", "", true),
            (r"\x{d800}", "a", false),
            (r"x{0}y{2,3}?", "yyy", true),
        ] {
            assert_eq!(matches(pattern, text), wanted, "{pattern} on {text:?}");
        }
    }

    #[test]
    fn refusals_are_worded_as_in_go() {
        for (pattern, wanted) in [
            ("(", "missing closing ): `(`"),
            (")", "unexpected ): `)`"),
            ("a)b", "unexpected ): `a)b`"),
            ("*", "missing argument to repetition operator: `*`"),
            ("(|*)", "missing argument to repetition operator: `*`"),
            ("a**", "invalid nested repetition operator: `**`"),
            ("a+*?b", "invalid nested repetition operator: `+*?`"),
            ("a{1001}", "invalid repeat count: `{1001}`"),
            ("a{2,1}", "invalid repeat count: `{2,1}`"),
            ("a{99999999999}", "invalid repeat count: `{99999999999}`"),
            ("(a{100}){11}", "invalid repeat count: `{11}`"),
            ("[a", "missing closing ]: `[a`"),
            ("[", "missing closing ]: `[`"),
            ("[]", "missing closing ]: `[]`"),
            ("[b-a]", "invalid character class range: `b-a`"),
            ("[a--b]", "invalid character class range: `a--`"),
            ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
            (r"\pX", r"invalid character class range: `\pX`"),
            (r"\p{greek}", r"invalid character class range: `\p{greek}`"),
            (r"\p{Grek}", r"invalid character class range: `\p{Grek}`"),
            (r"\p{Alphabetic}", r"invalid character class range: `\p{Alphabetic}`"),
            (r"\p", r"invalid character class range: `\p`"),
            (r"a\", "trailing backslash at end of expression: ``"),
            (r"\8", r"invalid escape sequence: `\8`"),
            (r"\1", r"invalid escape sequence: `\1`"),
            (r"\Z", r"invalid escape sequence: `\Z`"),
            (r"\u0041", r"invalid escape sequence: `\u`"),
            (r"\x{110000}", r"invalid escape sequence: `\x{110000`"),
            (r"\xg", r"invalid escape sequence: `\xg`"),
            (r"\é", r"invalid escape sequence: `\é`"),
            ("(?x)a", "invalid or unsupported Perl syntax: `(?x`"),
            ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
            ("(?i-)a", "invalid or unsupported Perl syntax: `(?i-)`"),
            ("(?i", "invalid or unsupported Perl syntax: `(?i`"),
            ("(?P<n", "invalid named capture: `(?P<n`"),
            ("(?P<>a)", "invalid named capture: `(?P<>`"),
            ("(?P<a-b>a)", "invalid named capture: `(?P<a-b>`"),
            ("(?P=a)", "invalid or unsupported Perl syntax: `(?P`"),
        ] {
            let refused = Regexp::new(pattern).map(|_| ()).map_err(|e| e.to_string());
            assert_eq!(refused, Err(format!("error parsing regexp: {wanted}")), "{pattern}");
        }
        assert!(Regexp::new("(?<n>a)").is_ok_and(|r| r.is_match("a")));
        assert!(Regexp::anchored("(?<n>a)", false).is_err_and(|e| e.0 == "invalid or unsupported Perl syntax: `(?<`"));
        assert!(Regexp::anchored("a)b", false).is_err_and(|e| e.0 == "unexpected ): `^(?:a)b)$`"));
    }

    #[test]
    fn shortcuts_agree_with_the_engine() {
        let texts = ["", "a", "b", "ab", "abc", "a\nb", "\n", "xaby", "ax\ny", "abab", "A", "ac", "foo", "foobar"];
        for pattern in [
            "a",
            "a|b",
            "ab?",
            "a(b|c)?",
            "foo|foobar",
            ".*",
            ".+",
            "a.*",
            "a.+",
            ".*b",
            ".+b",
            ".*ab.*",
            "a.*b",
            "a.+b",
            "ab.*b",
            "[ab]",
            "(?i)a",
            "a*",
            "",
            "|a",
            ".*a.+",
            "(a.*)",
            ".*\n.*",
            "(?s).*a.*",
            "(?s)a.*",
            "(?s:.)*b",
            "a|b.*",
        ] {
            for newlines in [false, true] {
                let quick = Regexp::anchored(pattern, newlines).expect(pattern);
                for text in texts {
                    assert_eq!(quick.is_match(text), quick.engine().is_match(text), "{pattern} on {text:?}");
                }
            }
        }
        assert!(Regexp::anchored("a|b.*", false).is_ok_and(|r| r.inner.shortcut.is_none()));
        assert!(Regexp::anchored("node|api|.?", false).is_ok_and(|r| r.inner.shortcut.is_none()));
        assert!(Regexp::anchored("node|api|db", false).is_ok_and(|r| r.inner.shortcut.is_some()));
    }

    #[test]
    fn replacing_follows_go() {
        for (pattern, template, text, wanted) in [
            ("(.*):.*", "$1", "h:1", "h"),
            ("a", "b", "banana", "bbnbnb"),
            ("a*", "x", "baac", "xbxcx"),
            ("", "-", "aé", "-a-é-"),
            ("(?P<n>a)(b)?", "[${n}|$2|$3|$n_|$$|$|${n]", "ab a", "[a|b|||$|$|${n] [a||||$|$|${n]"),
            ("(a)", "$1x ${1}x $01", "a", " ax "),
            ("^a", "x", "aaa", "xaa"),
            ("z", "x", "aaa", "aaa"),
        ] {
            let regexp = Regexp::new(pattern).expect(pattern);
            assert_eq!(regexp.replace_all(text, template), wanted, "{pattern}");
        }
        let r = Regexp::new("(a)|(b)").expect("it is fine");
        assert_eq!(r.find_submatch("xb"), Some(vec![Some("b"), None, Some("b")]));
        assert_eq!(r.expand("xb", "<$2>").as_deref(), Some("<b>"));
        assert_eq!(quote_meta("lab.discord-1"), r"lab\.discord-1");
    }

    #[test]
    fn hostile_patterns_end_quickly() {
        let deep = |n: usize| format!("{}a{}", "(".repeat(n), ")".repeat(n));
        assert!(Regexp::new(&deep(100_000)).is_err_and(|e| e.0.starts_with("expression nests too deeply")));
        assert!(Regexp::new(&deep(900)).is_ok_and(|r| r.is_match("a")));
        assert!(Regexp::new(&"(".repeat(100_000)).is_err());
        assert!(Regexp::new(r"(\pL{10}|\pN{10}){10}[^a]{1000}").is_ok_and(|r| !r.is_match("a")));
        let large = r"\pL{1000}".repeat(1_000);
        assert!(Regexp::new(&large).is_err_and(|e| e.0.starts_with("expression too large")));
    }

    proptest::proptest! {
        #[test]
        fn no_pattern_makes_the_parser_panic(pattern in "([a-c]|[\\[\\](){}|*+?.^$:<>,P\\-\\\\]|\\\\[a-zA-Z0-9]|\\(\\?|é|[0-9]){0,24}", text in "[abc\n]{0,6}") {
            if let Ok(r) = Regexp::anchored(&pattern, false) {
                assert_eq!(r.is_match(&text), r.engine().is_match(&text));
                let _ = r.replace_all(&text, "$1");
            }
        }
    }
}
