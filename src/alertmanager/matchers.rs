//! Matchers as people write them: `severity="critical"`, `{a=~"b|c", d!=e}`.
//!
//! Two parsers: the classic one, all that 0.25 and 0.26 have, and the UTF-8 one of 0.27. Since 0.27 both are tried
//! unless a feature chooses one; where they disagree the classic reading counts. Facts: upstream `pkg/labels`, `matcher/parse` and
//! `matcher/compat`.

use super::version::Version;
use crate::model::{MatchOp, Matcher};

/// Which names and matchers a server takes: `--enable-feature`, since 0.27. Before that all were classic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Names {
    /// Any name; both parsers, and the classic reading where they disagree.
    #[default]
    Both,
    /// `classic-mode`: as before 0.27.
    Classic,
    /// `utf8-strict-mode`: the UTF-8 parser alone.
    Utf8,
}

impl Names {
    /// What the value of `--enable-feature` chooses.
    pub fn of_features(features: &str) -> Self {
        let has = |name: &str| features.split(',').any(|f| f.trim() == name);
        match (has("classic-mode"), has("utf8-strict-mode")) {
            (true, _) => Self::Classic,
            (false, true) => Self::Utf8,
            (false, false) => Self::Both,
        }
    }

    fn of(self, version: Version) -> Self {
        if version < Version::V0_27 { Self::Classic } else { self }
    }
}

/// Reads one text that may hold several matchers.
///
/// # Errors
/// No parser of this version accepts it; in the words of the real program.
pub fn parse_matchers(text: &str, version: Version, names: Names) -> Result<Vec<Matcher>, String> {
    match names.of(version) {
        Names::Classic => classic_matchers(text),
        Names::Utf8 => utf8_matchers(text),
        Names::Both => classic_matchers(text).or_else(|why| utf8_matchers(text).map_err(|_| why)),
    }
}

/// Reads one text that holds exactly one matcher, as filters of the API do.
///
/// # Errors
/// No parser of this version accepts it as one matcher.
pub fn parse_matcher(text: &str, version: Version, names: Names) -> Result<Matcher, String> {
    let names = names.of(version);
    if names != Names::Classic && (text.starts_with('{') || text.ends_with('}')) {
        return Err(format!("unexpected open or close brace: {text}"));
    }
    let utf8 = || {
        let mut matchers = utf8_matchers(text)?;
        match (matchers.pop(), matchers.len()) {
            (None, _) => Err("no matchers".to_owned()),
            (Some(matcher), 0) => Ok(matcher),
            (Some(_), n) => Err(format!("expected 1 matcher, found {}", n + 1)),
        }
    };
    match names {
        Names::Classic => classic_matcher(text),
        Names::Utf8 => utf8(),
        Names::Both => classic_matcher(text).or_else(|why| utf8().map_err(|_| why)),
    }
}

/// Why the log of 0.27 and later warns of matchers, and how to write them so that both parsers read the same.
pub fn warning(text: &str, version: Version, names: Names) -> Option<(&'static str, String)> {
    let classic = classic_matchers(text).ok().filter(|_| names.of(version) == Names::Both)?;
    let suggestion = || super::routing::show_matchers(&classic).trim_matches(['{', '}']).to_owned();
    match utf8_matchers(text) {
        Err(_) => Some(("the UTF-8 parser cannot read this matcher, so the classic one is used", suggestion())),
        Ok(utf8) if utf8 != classic => Some((
            "the UTF-8 parser reads this matcher in another way than the classic one, which is used",
            suggestion(),
        )),
        Ok(_) => None,
    }
}

/// Whether a label may have this name where a version reads it from a list (`group_by`, `equal`).
pub fn is_label_name(name: &str, version: Version, names: Names) -> bool {
    if names.of(version) == Names::Classic { is_classic_label_name(name) } else { !name.is_empty() }
}

/// `[a-zA-Z_][a-zA-Z0-9_]*`
pub fn is_classic_label_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn matcher(op: MatchOp, name: &str, value: String) -> Result<Matcher, String> {
    Matcher::new(op, name, value, false).map_err(|e| e.to_string())
}

fn classic_matchers(text: &str) -> Result<Vec<Matcher>, String> {
    let text = text.strip_prefix('{').unwrap_or(text);
    let text = text.strip_suffix('}').unwrap_or(text);
    let (mut inside_quotes, mut escaped) = (false, false);
    let mut pieces = Vec::new();
    let mut start = 0;
    for (i, c) in text.char_indices() {
        match c {
            ',' if !inside_quotes => {
                pieces.push(&text[start..i]);
                start = i + 1;
            }
            '"' if escaped => escaped = false,
            '"' => inside_quotes = !inside_quotes,
            '\\' => escaped = !escaped,
            // A comma inside quotes does not end an escape; upstream has it so.
            ',' => {}
            _ => escaped = false,
        }
    }
    let last = text[start..].trim();
    if !last.is_empty() {
        pieces.push(last);
    }
    pieces.into_iter().map(classic_matcher).collect()
}

fn classic_matcher(text: &str) -> Result<Matcher, String> {
    let bad = || format!("bad matcher format: {text}");
    let blank = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}');
    let rest = text.trim_start_matches(blank);
    let name_end = rest
        .bytes()
        .enumerate()
        .position(|(i, b)| !(b.is_ascii_alphabetic() || b == b'_' || b == b':' || (i > 0 && b.is_ascii_digit())))
        .unwrap_or(rest.len());
    let (name, rest) = rest.split_at(name_end);
    if name.is_empty() {
        return Err(bad());
    }
    let rest = rest.trim_start_matches(blank);
    let (op, rest) = operator(rest).ok_or_else(bad)?;
    let written = rest.trim_matches(blank);
    let stray_quote = || format!("matcher value contains unescaped double quote: {written}");
    let (raw, mut open_quote) = match written.strip_prefix('"') {
        Some(raw) => (raw, true),
        None => (written, false),
    };
    let mut value = String::with_capacity(raw.len());
    let mut chars = raw.char_indices();
    while let Some((i, c)) = chars.next() {
        let is_last = i + 1 >= raw.len();
        match c {
            '\\' if is_last => value.push('\\'),
            '\\' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, c @ ('"' | '\\'))) => value.push(c),
                Some((_, c)) => value.extend(['\\', c]),
                None => value.push('\\'),
            },
            '"' if open_quote && is_last => open_quote = false,
            '"' => return Err(stray_quote()),
            c => value.push(c),
        }
    }
    if open_quote {
        return Err(stray_quote());
    }
    matcher(op, name, value)
}

fn operator(text: &str) -> Option<(MatchOp, &str)> {
    let ops = [("=~", MatchOp::Regexp), ("=", MatchOp::Equal), ("!=", MatchOp::NotEqual), ("!~", MatchOp::NotRegexp)];
    ops.into_iter().find_map(|(written, op)| text.strip_prefix(written).map(|rest| (op, rest)))
}

/// What the UTF-8 parser keeps for itself in unquoted names and values.
fn is_reserved(c: char) -> bool {
    c.is_whitespace() || "{}!=~,\\\"'`".contains(c)
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token<'t> {
    Open,
    Close,
    Comma,
    Op(MatchOp),
    Quoted(&'t str),
    Unquoted(&'t str),
}

fn tokens(text: &str) -> Result<Vec<Token<'_>>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(c) = rest.chars().next() {
        let (token, length) = match c {
            '{' => (Token::Open, 1),
            '}' => (Token::Close, 1),
            ',' => (Token::Comma, 1),
            '=' | '!' => {
                let (op, after) = operator(rest).ok_or_else(|| format!("{rest}: expected one of '=~'"))?;
                (Token::Op(op), rest.len() - after.len())
            }
            '"' => {
                let mut escaped = false;
                let end = rest[1..].char_indices().find(|(_, c)| {
                    let ends = *c == '"' && !escaped;
                    escaped = *c == '\\' && !escaped;
                    ends
                });
                let (end, _) = end.ok_or_else(|| format!("{rest}: missing end \""))?;
                (Token::Quoted(&rest[..end + 2]), end + 2)
            }
            c if is_reserved(c) => return Err(format!("{c}: invalid input")),
            _ => {
                let end = rest.find(is_reserved).unwrap_or(rest.len());
                (Token::Unquoted(&rest[..end]), end)
            }
        };
        found.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(found)
}

fn utf8_matchers(text: &str) -> Result<Vec<Matcher>, String> {
    let all = tokens(text)?;
    let mut rest = all.as_slice();
    let braced = rest.first() == Some(&Token::Open);
    if braced {
        match rest {
            [Token::Open, inner @ .., Token::Close] => rest = inner,
            _ => return Err("expected close brace".to_owned()),
        }
    }
    let mut matchers = Vec::new();
    while !rest.is_empty() {
        let [
            name @ (Token::Quoted(_) | Token::Unquoted(_)),
            Token::Op(op),
            value @ (Token::Quoted(_) | Token::Unquoted(_)),
            after @ ..,
        ] = rest
        else {
            return Err("expected a label name, an operator and a value".to_owned());
        };
        matchers.push(matcher(*op, &unquote(name)?, unquote(value)?)?);
        rest = match after {
            [Token::Comma, after @ ..] => after,
            [] => after,
            _ => return Err("expected a comma or close brace".to_owned()),
        };
    }
    Ok(matchers)
}

/// The text of a name or value; quoted ones as Go's `strconv.Unquote` reads them.
fn unquote(token: &Token<'_>) -> Result<String, String> {
    match token {
        Token::Unquoted(text) => Ok((*text).to_owned()),
        Token::Quoted(text) => crate::golang::quoting::unquote(text).map_err(|_| format!("{text}: invalid syntax")),
        _ => Err("expected a label name or value".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, version: Version) -> Result<String, String> {
        parse_matchers(text, version, Names::Both).map(|m| crate::alertmanager::routing::show_matchers(&m))
    }

    #[test]
    fn spellings_are_read_alike_by_all_releases() {
        for (text, wanted) in [
            ("a=b", r#"{a="b"}"#),
            (r#"{ a = "b" , c=~"d|e" }"#, r#"{a="b",c=~"d|e"}"#),
            (r#"a!="x,y""#, r#"{a!="x,y"}"#),
            (r#"a="q\"n\n""#, r#"{a="q\"n\n"}"#),
            (r#"a="\d""#, r#"{a="\\d"}"#),
            ("a=", r#"{a=""}"#),
            ("a==b", r#"{a="=b"}"#),
            ("", "{}"),
            ("{}", "{}"),
        ] {
            for version in [Version::V0_25, Version::LATEST] {
                assert_eq!(shown(text, version).as_deref(), Ok(wanted), "{text} in {version}");
            }
        }
    }

    #[test]
    fn what_neither_parser_reads_is_refused_in_classic_words() {
        for (text, why) in [
            ("a", "bad matcher format: a"),
            ("a=b,,c=d", "bad matcher format: "),
            (r#"a="b"#, r#"matcher value contains unescaped double quote: "b"#),
            (r#"a="b"c"#, r#"matcher value contains unescaped double quote: "b"c"#),
        ] {
            for version in [Version::V0_25, Version::LATEST] {
                assert_eq!(shown(text, version), Err(why.to_owned()), "{text} in {version}");
            }
        }
    }

    #[test]
    fn features_choose_the_parser() {
        let read = |text: &str, features: &str| {
            parse_matchers(text, Version::LATEST, Names::of_features(features)).map(|m| m.len())
        };
        for (text, both, classic, strict) in [
            ("a=b", true, true, true),
            ("a=", true, true, false),
            (r#"a=~[x]{2}"#, true, true, false),
            ("é=b", true, false, true),
            (r#""a b"="c""#, true, false, true),
            ("a=b}", true, true, false),
        ] {
            assert_eq!(read(text, "").is_ok(), both, "{text}");
            assert_eq!(read(text, "x,classic-mode").is_ok(), classic, "{text}");
            assert_eq!(read(text, "utf8-strict-mode").is_ok(), strict, "{text}");
        }
        assert!(parse_matchers("é=b", Version::V0_26, Names::Utf8).is_err(), "there are no features before 0.27");
        let one = |text: &str, version| parse_matcher(text, version, Names::Both).map(|m| m.to_string());
        assert_eq!(one("{a=b}", Version::V0_27), Err("unexpected open or close brace: {a=b}".to_owned()));
        assert_eq!(one("{a=b}", Version::V0_26), Err("bad matcher format: {a=b}".to_owned()));
    }

    #[test]
    fn matchers_that_only_one_parser_reads_alike_are_warned_of() {
        let warned = |text: &str| warning(text, Version::LATEST, Names::Both).map(|(_, better)| better);
        assert_eq!(warned("a=~(x=y)").as_deref(), Some(r#"a=~"(x=y)""#));
        assert_eq!(warned(r#"a="\d",b=x"#).as_deref(), Some(r#"a="\\d",b="x""#));
        assert_eq!(warned(r#"a="\u0062""#).as_deref(), Some(r#"a="\\u0062""#));
        for fine in ["a=b", r#"{a="b",c!~"d.*"}"#, "é=b", ""] {
            assert_eq!(warned(fine), None, "{fine}");
        }
        assert_eq!(warning("a=", Version::V0_26, Names::Both), None);
        assert_eq!(warning("a=", Version::LATEST, Names::Classic), None);
    }

    #[test]
    fn any_name_may_be_quoted_since_0_27() {
        for (text, wanted) in [
            (r#""föo bar"="x""#, r#"{"föo bar"="x"}"#),
            ("a-b=c", r#"{a-b="c"}"#),
            ("1a=ü", r#"{1a="ü"}"#),
            (r#"{"a\u0062"="c",}"#, r#"{ab="c"}"#),
        ] {
            assert!(shown(text, Version::V0_26).is_err(), "{text}");
            assert_eq!(shown(text, Version::V0_27).as_deref(), Ok(wanted), "{text}");
        }
        for text in [r#""a=b"#, r#""a"b=c"#, "{a-b=c", "a-b=c}", "a-b=c d", "a-b='c'", r#""a\q"=b"#, "a-b"] {
            assert!(shown(text, Version::LATEST).is_err(), "{text}");
        }
    }
}
