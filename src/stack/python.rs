//! Just enough of Python to read a small script: tokens, calls with their arguments, constants.

use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;

use crate::text::Span;

/// Tokens of one script that are looked at.
const BUDGET: usize = 200_000;
/// Calls of one script, and tokens of one call, that are looked at.
const CALLS: usize = 2000;
const CALL_TOKENS: usize = 5000;
/// How far names are followed, and how many expressions are looked at on the way.
const DEPTH: usize = 6;
const EXPRESSIONS: u32 = 400;
/// Places that give one name a value.
const PLACES: usize = 8;

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// A name or keyword.
    Name(String),
    /// A number as written.
    Number(String),
    /// A string's text; whether it has placeholders.
    Text(String, bool),
    /// Anything else, one character.
    Op(char),
    /// The end of a logical line.
    Line,
}

/// A script's tokens.
#[derive(Clone, Debug, Default)]
pub struct Script {
    tokens: Vec<(Token, Span)>,
    /// Names by what `as` calls them.
    aliases: BTreeMap<String, String>,
    calls: OnceCell<Vec<Call>>,
}

/// Arguments: keyword, and the tokens of the value.
type Arguments = Vec<(Option<String>, std::ops::Range<usize>)>;

/// A call: what is called, and its arguments as ranges of tokens.
#[derive(Clone, Debug)]
pub struct Call {
    /// The last name before the parenthesis.
    pub name: String,
    /// The name before that, if any (`uvicorn` in `uvicorn.run`).
    pub owner: Option<String>,
    /// Its place, up to the closing parenthesis.
    pub span: Span,
    arguments: Arguments,
}

/// On the way from an expression to its value.
struct Way<'a> {
    env: &'a dyn Fn(&str) -> Option<String>,
    left: Cell<u32>,
}

impl Script {
    /// Reads a script; what is not Python gives odd tokens, never an error.
    pub fn read(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut tokens: Vec<(Token, Span)> = Vec::new();
        let (mut i, mut depth) = (0, 0usize);
        while i < bytes.len() && tokens.len() < BUDGET {
            let start = i;
            let token = match bytes[i] {
                b'#' => {
                    i += text[i..].find('\n').unwrap_or(text.len() - i);
                    continue;
                }
                b'\\' if bytes.get(i + 1) == Some(&b'\n') => {
                    i += 2;
                    continue;
                }
                b'\n' => {
                    i += 1;
                    if depth > 0 || matches!(tokens.last(), None | Some((Token::Line, _))) {
                        continue;
                    }
                    Token::Line
                }
                b' ' | b'\t' | b'\r' => {
                    i += 1;
                    continue;
                }
                b'"' | b'\'' => {
                    let (value, end) = string(text, i);
                    i = end;
                    Token::Text(value, false)
                }
                b if b.is_ascii_digit() => {
                    i += text[i..]
                        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
                        .unwrap_or(text.len() - i);
                    Token::Number(text[start..i].replace('_', ""))
                }
                b if b.is_ascii_alphabetic() || b == b'_' || b >= 0x80 => {
                    i += text[i..].find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len() - i);
                    i = i.max(start + text[start..].chars().next().map_or(1, char::len_utf8));
                    let word = &text[start..i];
                    let prefix = word.len() <= 2 && word.chars().all(|c| "rbfuRBFU".contains(c));
                    if prefix && matches!(bytes.get(i), Some(b'"' | b'\'')) {
                        let (value, end) = string(text, i);
                        i = end;
                        let filled = word.to_ascii_lowercase().contains('f') && value.contains('{');
                        Token::Text(value, filled)
                    } else {
                        Token::Name(word.to_owned())
                    }
                }
                b => {
                    i += 1;
                    match b {
                        b'(' | b'[' | b'{' => depth += 1,
                        b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    Token::Op(b as char)
                }
            };
            tokens.push((token, Span::new(start, i)));
        }
        tokens.push((Token::Line, Span::new(i, i)));
        let aliases = tokens.windows(3).filter_map(|w| match (&w[0].0, &w[1].0, &w[2].0) {
            (Token::Name(name), Token::Name(word), Token::Name(alias)) if word == "as" => {
                Some((alias.clone(), name.clone()))
            }
            _ => None,
        });
        Self { aliases: aliases.collect(), tokens, calls: OnceCell::new() }
    }

    fn at(&self, i: usize) -> Option<&Token> {
        self.tokens.get(i).map(|(t, _)| t)
    }

    fn is(&self, i: usize, op: char) -> bool {
        self.at(i) == Some(&Token::Op(op))
    }

    /// Every string in the script.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().filter_map(|(t, _)| if let Token::Text(s, _) = t { Some(s.as_str()) } else { None })
    }

    /// What `from … import NAME as ALIAS` calls a name; the name itself otherwise.
    pub fn original<'a>(&'a self, alias: &'a str) -> &'a str {
        self.aliases.get(alias).map_or(alias, String::as_str)
    }

    /// Every number in the script that could be a port.
    pub fn numbers(&self) -> impl Iterator<Item = u16> {
        self.tokens.iter().filter_map(|(t, _)| match t {
            Token::Number(n) => n.parse().ok(),
            Token::Text(s, _) => s.trim_start_matches(':').parse().ok(),
            _ => None,
        })
    }

    /// Every call in the script, definitions left out.
    pub fn calls(&self) -> &[Call] {
        self.calls.get_or_init(|| self.find_calls())
    }

    fn find_calls(&self) -> Vec<Call> {
        let mut calls = Vec::new();
        for i in 0..self.tokens.len() {
            let Some(Token::Name(name)) = self.at(i) else { continue };
            if calls.len() >= CALLS {
                break;
            }
            if !self.is(i + 1, '(')
                || matches!(i.checked_sub(1).and_then(|p| self.at(p)), Some(Token::Name(w)) if w == "def" || w == "class")
            {
                continue;
            }
            let owner = match (i.checked_sub(1).map(|p| self.is(p, '.')), i.checked_sub(2).and_then(|p| self.at(p))) {
                (Some(true), Some(Token::Name(owner))) => Some(owner.clone()),
                _ => None,
            };
            let (arguments, end) = self.arguments(i + 2);
            let span = self.tokens[i].1.to(self.tokens[end.min(self.tokens.len() - 1)].1);
            calls.push(Call { name: name.clone(), owner, span, arguments });
        }
        calls
    }

    /// Arguments from behind an opening parenthesis to the closing one.
    fn arguments(&self, from: usize) -> (Arguments, usize) {
        let mut arguments = Vec::new();
        let (mut depth, mut start, mut i) = (0usize, from, from);
        while let Some(token) = self.at(i).filter(|_| i < from + CALL_TOKENS) {
            match token {
                Token::Op('(' | '[' | '{') => depth += 1,
                Token::Op(')' | ']' | '}') if depth > 0 => depth -= 1,
                Token::Op(c @ (')' | ',')) if depth == 0 => {
                    if i > start {
                        let keyword = match (self.at(start), self.is(start + 1, '='), self.is(start + 2, '=')) {
                            (Some(Token::Name(name)), true, false) => Some(name.clone()),
                            _ => None,
                        };
                        let value = if keyword.is_some() { start + 2..i } else { start..i };
                        arguments.push((keyword, value));
                    }
                    start = i + 1;
                    if *c == ')' {
                        return (arguments, i);
                    }
                }
                _ => {}
            }
            i += 1;
        }
        (arguments, i)
    }

    /// The tokens assigned to a name in statements, or to an attribute of that name.
    fn assigned(&self, name: &str, attribute: bool) -> Vec<std::ops::Range<usize>> {
        let statement = |i: usize| {
            let mut at = i + 1;
            if self.is(at, ':') {
                // A type in between.
                while at < self.tokens.len() && !self.is(at, '=') && self.at(at) != Some(&Token::Line) {
                    at += 1;
                }
            }
            let of_something = i.checked_sub(1).is_some_and(|p| self.is(p, '.'));
            if !self.is(at, '=') || self.is(at + 1, '=') || of_something != attribute {
                return None;
            }
            let end = (at + 1..self.tokens.len()).find(|j| self.at(*j) == Some(&Token::Line))?;
            Some(at + 1..end)
        };
        let places = (0..self.tokens.len()).filter(|i| matches!(self.at(*i), Some(Token::Name(n)) if n == name));
        places.filter_map(statement).take(PLACES).collect()
    }

    /// What a parameter of that name may be: what calls give it, then its default.
    fn passed(&self, name: &str) -> Vec<std::ops::Range<usize>> {
        let mut found = Vec::new();
        let mut class = None;
        for i in 0..self.tokens.len() {
            let (Some(Token::Name(word)), Some(Token::Name(defined))) = (self.at(i), self.at(i + 1)) else { continue };
            if word == "class" {
                class = Some(defined);
            }
            if word != "def" || !self.is(i + 2, '(') {
                continue;
            }
            let (parameters, _) = self.arguments(i + 3);
            let named = |range: &std::ops::Range<usize>, keyword: &Option<String>| match keyword {
                Some(k) => k == name,
                None => matches!(self.at(range.start), Some(Token::Name(n)) if n == name),
            };
            let Some(index) = parameters.iter().position(|(k, r)| named(r, k)) else { continue };
            let bound =
                matches!(parameters.first().and_then(|p| self.at(p.1.start)), Some(Token::Name(n)) if n == "self");
            let callee = class.filter(|_| defined == "__init__").unwrap_or(defined);
            let position = index.checked_sub(usize::from(bound));
            for call in self.calls().iter().filter(|c| c.name == *callee) {
                found.extend(call.keyword(name).or_else(|| call.positional(position?)));
            }
            let (keyword, range) = &parameters[index];
            match (keyword, range.clone().find(|j| self.is(*j, '='))) {
                (Some(_), _) => found.push(range.clone()),
                (None, Some(at)) => found.push(at + 1..range.end),
                (None, None) => {}
            }
            if found.len() >= PLACES {
                break;
            }
        }
        found.truncate(PLACES);
        found
    }

    /// The value of an expression as text, when it is a literal, a constant, an environment variable with a default,
    /// or a command line option with a default.
    pub fn value(&self, range: std::ops::Range<usize>, env: &dyn Fn(&str) -> Option<String>) -> Option<String> {
        self.value_within(range, &Way { env, left: Cell::new(EXPRESSIONS) }, 0)
    }

    /// The value of a name: by its statements, else as a parameter.
    fn named(&self, name: &str, way: &Way<'_>, depth: usize) -> Option<String> {
        let assigned = self.assigned(name, false).into_iter();
        let found = assigned.filter_map(|range| self.value_within(range, way, depth + 1)).next();
        found.or_else(|| self.passed(name).into_iter().find_map(|range| self.value_within(range, way, depth + 1)))
    }

    fn value_within(&self, range: std::ops::Range<usize>, way: &Way<'_>, depth: usize) -> Option<String> {
        way.left.set(way.left.get().checked_sub(1)?);
        if depth > DEPTH {
            return None;
        }
        let tokens = self.tokens.get(range.clone())?;
        match tokens {
            [(Token::Number(n), _)] => return Some(n.clone()),
            [(Token::Text(s, false), _)] => return Some(s.clone()),
            [(Token::Name(name), _)] => return self.named(name, way, depth),
            _ => {}
        }
        // `int(X)`, `str(X)`: what is inside.
        if let (Some(Token::Name(f)), true) = (self.at(range.start), self.is(range.start + 1, '(')) {
            let (arguments, end) = self.arguments(range.start + 2);
            if matches!(f.as_str(), "int" | "str") && end + 1 == range.end {
                return self.value_within(arguments.first()?.1.clone(), way, depth + 1);
            }
        }
        let words: Vec<&str> =
            tokens.iter().filter_map(|(t, _)| if let Token::Name(n) = t { Some(n.as_str()) } else { None }).collect();
        if words.iter().any(|w| matches!(*w, "getenv" | "environ")) {
            let open = range.clone().find(|i| self.is(*i, '(') || self.is(*i, '['))?;
            let (arguments, _) = self.arguments(open + 1);
            let name = match self.at(open + 1) {
                Some(Token::Text(name, _)) => name,
                _ => return None,
            };
            if let Some(value) = (way.env)(name) {
                return Some(value);
            }
            if let Some((_, default)) = arguments.get(1) {
                return self.value_within(default.clone(), way, depth + 1);
            }
            // `os.environ.get("X") or 9000`
            let or = range.clone().find(|i| matches!(self.at(*i), Some(Token::Name(w)) if w == "or"))?;
            return self.value_within(or + 1..range.end, way, depth + 1);
        }
        // `args.port`: the option's default, else what is assigned to that attribute or to a constant of that name.
        if let [(Token::Name(_), _), (Token::Op('.'), _), (Token::Name(field), _)] = tokens {
            return self
                .option_default(field, way, depth)
                .or_else(|| {
                    let assigned = self.assigned(field, true).into_iter();
                    assigned.filter_map(|range| self.value_within(range, way, depth + 1)).next()
                })
                .or_else(|| self.named(field, way, depth));
        }
        None
    }

    fn option_default(&self, field: &str, way: &Way<'_>, depth: usize) -> Option<String> {
        self.calls().iter().filter(|c| matches!(c.name.as_str(), "add_argument" | "option" | "Option")).find_map(|c| {
            let named = c.arguments.iter().any(|(keyword, range)| match self.tokens.get(range.clone()) {
                Some([(Token::Text(s, _), _)]) => {
                    (keyword.is_none() || keyword.as_deref() == Some("dest"))
                        && s.trim_start_matches('-').replace('-', "_") == field
                }
                _ => false,
            });
            named.then(|| self.value_within(c.keyword("default")?, way, depth + 1)).flatten()
        })
    }
}

impl Call {
    /// The tokens of a keyword argument.
    pub fn keyword(&self, name: &str) -> Option<std::ops::Range<usize>> {
        self.arguments.iter().find(|(k, _)| k.as_deref() == Some(name)).map(|(_, r)| r.clone())
    }

    /// The tokens of the argument at a position.
    pub fn positional(&self, index: usize) -> Option<std::ops::Range<usize>> {
        self.arguments.iter().filter(|(k, _)| k.is_none()).nth(index).map(|(_, r)| r.clone())
    }
}

/// A string from its quote on: its text and where it ends.
fn string(text: &str, start: usize) -> (String, usize) {
    let rest = &text[start..];
    let triple = rest.starts_with("\"\"\"") || rest.starts_with("'''");
    let quote = &rest[..if triple { 3 } else { 1 }];
    let mut value = String::new();
    let mut chars = rest[quote.len()..].char_indices();
    while let Some((i, c)) = chars.next() {
        if rest[quote.len() + i..].starts_with(quote) {
            return (value, start + quote.len() + i + quote.len());
        }
        match c {
            '\\' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, 't')) => value.push('\t'),
                Some((_, c)) => value.push(c),
                None => {}
            },
            '\n' if !triple => return (value, start + quote.len() + i),
            c => value.push(c),
        }
    }
    (value, text.len())
}
