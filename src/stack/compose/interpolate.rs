//! Variables in compose files: `$V`, `${V}`, defaults, alternatives and errors, nested; `$$` for a dollar.
//!
//! Values come from `.env` files only: the student's shell is not known, so what a default supplies is told.

use std::collections::BTreeMap;

use super::tree::{Kind, Place, Scalar, Tree};
use crate::text::Diagnostic;

/// How deep defaults may nest.
const DEPTH: usize = 20;
/// Longest text that substitution may make.
const LENGTH: usize = 1 << 20;

/// Values of variables.
pub type Environment = BTreeMap<String, String>;

/// Why a text cannot be substituted, in the real program's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(pub String);

/// Substitutes the texts of a tree, keys excepted. What is odd is added to `found`; false when compose would stop.
pub fn interpolate(tree: &mut Tree, env: &Environment, found: &mut Vec<Diagnostic>) -> bool {
    match &mut tree.kind {
        Kind::Scalar(text, Scalar::Text) if text.contains('$') => {
            let mut unset = Vec::new();
            match substitute(text, env, &mut unset, 0) {
                Ok(value) => *text = value,
                Err(Failure(why)) => {
                    let d = tree.place.error(why.clone()).upstream(why);
                    found.push(d.help("write `$$` for a dollar sign, `${NAME:-default}` for a value with a default"));
                    return false;
                }
            }
            for name in unset {
                let message = format!("the variable {name:?} is not set, so it becomes an empty text");
                let upstream = format!("The {name:?} variable is not set. Defaulting to a blank string.");
                let d = tree.place.warning(message).upstream(upstream);
                found.push(d.help(format!("write {name}=… into a file `.env` beside the compose file")));
            }
            true
        }
        Kind::Scalar(..) => true,
        Kind::Seq(items) => all(items.iter_mut(), env, found),
        Kind::Map(entries) => all(entries.iter_mut().map(|(_, v)| v), env, found),
    }
}

/// Every error is wanted, so nothing ends the walk early.
fn all<'t>(trees: impl Iterator<Item = &'t mut Tree>, env: &Environment, found: &mut Vec<Diagnostic>) -> bool {
    let mut ok = true;
    for tree in trees {
        ok &= interpolate(tree, env, found);
    }
    ok
}

/// Substitutes one text; names without a value are added to `unset`.
///
/// # Errors
/// A reference is malformed, or a required variable is missing.
pub fn substitute(text: &str, env: &Environment, unset: &mut Vec<String>, depth: usize) -> Result<String, Failure> {
    let invalid = || {
        let shown: String = text.chars().take(200).collect();
        Failure(format!("invalid interpolation format for {shown:?}"))
    };
    if depth > DEPTH {
        return Err(invalid());
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some(inside) = rest.strip_prefix('{') {
            let end = closing(inside).ok_or_else(invalid)?;
            out.push_str(&braced(&inside[..end], env, unset, depth).map_err(|e| e.unwrap_or_else(invalid))?);
            rest = &inside[end + 1..];
        } else {
            let length = name_length(rest);
            if length == 0 {
                // `$1` and the like are no references.
                out.push('$');
            } else {
                out.push_str(&value_of(&rest[..length], env, unset));
                rest = &rest[length..];
            }
        }
        if out.len() > LENGTH {
            return Err(Failure("the substituted text is too long".to_owned()));
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// Bytes of the name at the beginning of a text.
fn name_length(text: &str) -> usize {
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    if !first {
        return 0;
    }
    text.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count()
}

/// The place of the brace that closes, nested ones counted.
fn closing(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut open = 0usize;
    let mut i = 0;
    while i < bytes.len() {
        match bytes[i] {
            b'$' if bytes.get(i + 1) == Some(&b'{') => {
                open += 1;
                i += 1;
            }
            b'}' if open == 0 => return Some(i),
            b'}' => open -= 1,
            _ => {}
        }
        i += 1;
    }
    None
}

fn value_of(name: &str, env: &Environment, unset: &mut Vec<String>) -> String {
    env.get(name).cloned().unwrap_or_else(|| {
        if !unset.iter().any(|n| n == name) {
            unset.push(name.to_owned());
        }
        String::new()
    })
}

/// What stands between the braces. An error of `None` means malformed.
fn braced(inside: &str, env: &Environment, unset: &mut Vec<String>, depth: usize) -> Result<String, Option<Failure>> {
    let length = name_length(inside);
    if length == 0 {
        return Err(None);
    }
    let (name, rest) = inside.split_at(length);
    if rest.is_empty() {
        return Ok(value_of(name, env, unset));
    }
    let set = env.get(name);
    let (colon, rest) = match rest.strip_prefix(':') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let present = set.filter(|v| !(colon && v.is_empty()));
    let operator = rest.chars().next().ok_or(None)?;
    let word = &rest[operator.len_utf8()..];
    let mut expand = |word: &str| substitute(word, env, unset, depth + 1).map_err(Some);
    match operator {
        '-' => present.cloned().map_or_else(|| expand(word), Ok),
        '+' => present.map_or_else(|| Ok(String::new()), |_| expand(word)),
        '?' => match present {
            Some(value) => Ok(value.clone()),
            None => {
                let word = expand(word)?;
                Err(Some(Failure(format!("required variable {name} is missing a value: {word}"))))
            }
        },
        _ => Err(None),
    }
}

/// Reads a `.env` file: `NAME=value`, quotes, comments, `export`. References to earlier names are filled in, except
/// in single quotes. Lines that are none of this are told.
pub fn dotenv(place: &Place, known: &Environment, found: &mut Vec<Diagnostic>) -> Environment {
    let mut env = Environment::new();
    let text = place.source.text().trim_start_matches('\u{feff}');
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").map_or(line, str::trim_start);
        let (name, value) = match line.find(['=', ':']) {
            Some(at) => (line[..at].trim_end(), line[at + 1..].trim_start()),
            None => {
                if let Some(value) = known.get(line) {
                    env.insert(line.to_owned(), value.clone());
                }
                continue;
            }
        };
        if name_length(name) != name.len() && !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b)) {
            found.push(place.warning(format!("{name:?} is no name of a variable")));
            continue;
        }
        let value = match value.chars().next() {
            Some(quote @ ('\'' | '"')) => {
                let mut raw = value[1..].to_owned();
                // A quoted value may run over several lines.
                while end_of_quote(&raw, quote).is_none() {
                    match lines.next() {
                        Some(more) => {
                            raw.push('\n');
                            raw.push_str(more);
                        }
                        None => break,
                    }
                }
                raw.truncate(end_of_quote(&raw, quote).unwrap_or(raw.len()));
                if quote == '"' { Some(unescape(&raw)) } else { env_insert(&mut env, name, raw) }
            }
            _ => {
                let end = value.find(" #").unwrap_or(value.len());
                Some(value[..end].trim_end().to_owned())
            }
        };
        if let Some(value) = value {
            let mut all = known.clone();
            all.extend(env.clone());
            let value = substitute(&value, &all, &mut Vec::new(), 0).unwrap_or(value);
            env.insert(name.to_owned(), value);
        }
    }
    env
}

/// Keeps a value as it is; nothing is left to substitute.
fn env_insert(env: &mut Environment, name: &str, value: String) -> Option<String> {
    env.insert(name.to_owned(), value);
    None
}

fn end_of_quote(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (i, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            c if c == quote => return Some(i),
            _ => {}
        }
    }
    None
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
            (c, false) => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::SourceText;

    fn env() -> Environment {
        [("A", "a"), ("EMPTY", "")].into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    }

    fn run(text: &str) -> Result<String, Failure> {
        substitute(text, &env(), &mut Vec::new(), 0)
    }

    #[test]
    fn every_form_of_a_reference_is_filled_in() {
        for (text, wanted) in [
            ("$A-${A}", "a-a"),
            ("$$A $$", "$A $"),
            ("${X:-b}${EMPTY:-c}${EMPTY-d}${X-e}", "bce"),
            ("${A:+yes}${EMPTY:+no}${EMPTY+set}${X+no}", "yesset"),
            ("${X:-${Y:-${A}}}", "a"),
            ("[$X]", "[]"),
            ("$2a$14$- $", "$2a$14$- $"),
        ] {
            assert_eq!(run(text).as_deref(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn what_is_malformed_or_missing_stops_compose() {
        for text in ["${", "${}", "${A", "${1}", "${A!x}"] {
            assert!(run(text).is_err(), "{text}");
        }
        assert_eq!(run("${X:?no $A}").unwrap_err().0, "required variable X is missing a value: no a");
        assert!(run(&format!("{}{}", "${X:-".repeat(1000), "}".repeat(1000))).is_err());
    }

    #[test]
    fn an_env_file_has_quotes_comments_and_references() {
        let text = "# c\nexport P=1\nQ=\"a b\\n\" # x\nR='$P'\nS=${P}2 # two\nEMPTY=\n bad name=1\nM=\"l1\nl2\"\n";
        let place = Place::start(&SourceText::new(".env", text));
        let mut found = Vec::new();
        let env = dotenv(&place, &Environment::new(), &mut found);
        let get = |k: &str| env.get(k).map(String::as_str);
        assert_eq!((get("P"), get("Q"), get("R"), get("S")), (Some("1"), Some("a b\n"), Some("$P"), Some("12")));
        assert_eq!((get("EMPTY"), get("M")), (Some(""), Some("l1\nl2")));
        assert_eq!(found.len(), 1);
    }
}
