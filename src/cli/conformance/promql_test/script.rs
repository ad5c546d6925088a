//! Reading upstream's `.test` scripts into commands.

use crate::golang::duration::parse_signed_prometheus_duration;
use crate::golang::float::parse_float;
use crate::golang::regexp::Regexp;
use crate::promql::{Dialect, SeriesDescription, parse_series_description};

/// A command with the line it begins on, from 1.
pub struct Command {
    pub line: usize,
    pub kind: Result<CommandKind, String>,
    /// Whether it is an evaluation, also when it can't be read.
    pub is_eval: bool,
}

/// What a command asks for.
pub enum CommandKind {
    Clear,
    Load {
        /// Milliseconds between samples.
        step: i64,
        series: Vec<SeriesDescription>,
        /// Whether classic histograms are stored as native ones with custom buckets too.
        with_nhcb: bool,
    },
    Eval(Box<Eval>),
}

/// When a query is evaluated, in Unix milliseconds.
#[derive(Clone, Copy)]
pub enum When {
    Instant(i64),
    Range { start: i64, end: i64, step: i64 },
}

/// An evaluation with what is expected of it.
pub struct Eval {
    pub expr: String,
    pub when: When,
    pub ordered: bool,
    pub fails: bool,
    pub annotations: Vec<Wanted>,
    pub expected: Expected,
}

/// What an answer has to be.
pub enum Expected {
    Scalar(f64),
    Text(String),
    Series {
        series: Vec<SeriesDescription>,
        /// Start and step of a range vector's samples, where an instant query gives one.
        range_vector: Option<(i64, i64)>,
    },
}

/// How serious what an evaluation says is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Fail,
    Warn,
    Info,
}

/// A condition on errors, warnings or infos.
pub struct Wanted {
    pub level: Level,
    /// Nothing of the level may appear.
    pub none: bool,
    pub text: Text,
}

/// What a message has to look like.
pub enum Text {
    Any,
    Exactly(String),
    Matching(Regexp),
}

impl Text {
    pub fn fits(&self, message: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(text) => text == message,
            Self::Matching(regexp) => regexp.is_match(message),
        }
    }
}

/// A duration in ms, `0` and plain seconds allowed.
fn duration(text: &str) -> Result<i64, String> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Ok((seconds * 1000.0).round() as i64);
    }
    parse_signed_prometheus_duration(text).map(|ns| ns / 1_000_000)
}

/// Reads a script; a comment counts as a blank line, and a blank line ends a block.
pub fn read(text: &str, dialect: Dialect) -> Vec<Command> {
    let lines: Vec<&str> = text.lines().map(str::trim).map(|l| if l.starts_with('#') { "" } else { l }).collect();
    let mut commands = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        if lines[at].is_empty() {
            at += 1;
            continue;
        }
        let (line, first) = (at + 1, lines[at]);
        let word = first.split_whitespace().next().unwrap_or_default();
        let is_eval = word.to_ascii_lowercase().starts_with("eval");
        let mut end = at + 1;
        if word != "clear" {
            while end < lines.len() && !lines[end].is_empty() {
                end += 1;
                // A bare number is a whole answer.
                if is_eval && parse_float(lines[end - 1]).is_ok() {
                    break;
                }
            }
        }
        let block = &lines[at + 1..end];
        let kind = match word {
            "clear" => Ok(CommandKind::Clear),
            "load" | "load_with_nhcb" => load(first, block, word == "load_with_nhcb", dialect),
            _ if is_eval => eval(word, first, block, dialect).map(|e| CommandKind::Eval(Box::new(e))),
            _ => Err(format!("unknown command {first:?}")),
        };
        commands.push(Command { line, kind, is_eval });
        at = end;
    }
    commands
}

fn load(first: &str, block: &[&str], with_nhcb: bool, dialect: Dialect) -> Result<CommandKind, String> {
    let step = first.split_whitespace().nth(1).ok_or("load without a step")?;
    let mut series = Vec::new();
    for line in block {
        series.push(parse_series_description(line, dialect).map_err(|e| format!("{line}: {e}"))?);
    }
    Ok(CommandKind::Load { step: duration(step)?, series, with_nhcb })
}

/// Splits off the next word.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

/// Splits off the next word after a keyword.
fn after<'a>(text: &'a str, keyword: &str) -> Result<(&'a str, &'a str), String> {
    match word(text) {
        (first, rest) if first == keyword => Ok(word(rest)),
        (first, _) => Err(format!("{first:?} where {keyword:?} is wanted")),
    }
}

/// `from A to B step C` and what follows.
fn range(text: &str) -> Result<((i64, i64, i64), &str), String> {
    let (start, rest) = after(text, "from")?;
    let (end, rest) = after(rest, "to")?;
    let (step, rest) = after(rest, "step")?;
    Ok(((duration(start)?, duration(end)?, duration(step)?), rest))
}

fn eval(command: &str, first: &str, block: &[&str], dialect: Dialect) -> Result<Eval, String> {
    let (_, rest) = word(first);
    let (kind, rest) = word(rest);
    let (when, expr) = match kind {
        "instant" => {
            let (at, expr) = after(rest, "at")?;
            (When::Instant(duration(at)?), expr)
        }
        "range" => {
            let ((start, end, step), expr) = range(rest)?;
            (When::Range { start, end, step }, expr)
        }
        other => return Err(format!("unknown kind of evaluation {other:?}")),
    };
    let mut eval = Eval {
        expr: expr.to_owned(),
        when,
        ordered: command == "eval_ordered",
        fails: command == "eval_fail",
        annotations: Vec::new(),
        expected: Expected::Series { series: Vec::new(), range_vector: None },
    };
    let wanted = |level| Wanted { level, none: false, text: Text::Any };
    match command {
        "eval_warn" => eval.annotations.push(wanted(Level::Warn)),
        "eval_info" => eval.annotations.push(wanted(Level::Info)),
        _ => {}
    }
    for line in block {
        eval.expectation(line, dialect)?;
    }
    Ok(eval)
}

impl Eval {
    fn expectation(&mut self, line: &str, dialect: Dialect) -> Result<(), String> {
        let (first, rest) = word(line);
        match first {
            "expect" => return self.expect(rest),
            "expected_fail_message" => {
                let text = Text::Exactly(rest.to_owned());
                self.annotations.push(Wanted { level: Level::Fail, none: false, text });
                return Ok(());
            }
            "expected_fail_regexp" => {
                let text = Text::Matching(Regexp::new(rest).map_err(|e| e.to_string())?);
                self.annotations.push(Wanted { level: Level::Fail, none: false, text });
                return Ok(());
            }
            _ => {}
        }
        if let Ok(v) = parse_float(line) {
            self.expected = Expected::Scalar(v);
            return Ok(());
        }
        let description = parse_series_description(line, dialect).map_err(|e| format!("{line}: {e}"))?;
        match &mut self.expected {
            Expected::Series { series, .. } => series.push(description),
            _ => return Err(format!("{line}: a series beside a scalar or string")),
        }
        Ok(())
    }

    fn expect(&mut self, text: &str) -> Result<(), String> {
        let (what, rest) = word(text);
        let (what, rest) = match what.split_once(':') {
            // `msg:` may follow without a blank.
            Some((what, _)) => (what, &text[what.len()..]),
            None => (what, rest),
        };
        let level = match what {
            "ordered" => {
                self.ordered = true;
                return Ok(());
            }
            "string" => {
                let unquoted = if let Some(raw) = rest.strip_prefix('`') {
                    raw.trim_end_matches('`').to_owned()
                } else {
                    crate::golang::quoting::unquote(rest).map_err(|e| format!("{rest}: {e:?}"))?
                };
                self.expected = Expected::Text(unquoted);
                return Ok(());
            }
            "range" => {
                let (_, rest) = word(rest);
                let ((start, _, step), _) = range(rest)?;
                if let Expected::Series { range_vector, .. } = &mut self.expected {
                    *range_vector = Some((start, step));
                }
                return Ok(());
            }
            "fail" => {
                self.fails = true;
                Level::Fail
            }
            "warn" | "no_warn" => Level::Warn,
            "info" | "no_info" => Level::Info,
            other => return Err(format!("unknown expectation {other:?}")),
        };
        let text = if let Some(message) = rest.strip_prefix("msg:") {
            Text::Exactly(message.trim().to_owned())
        } else if let Some(pattern) = rest.strip_prefix("regex:") {
            Text::Matching(Regexp::new(pattern.trim()).map_err(|e| e.to_string())?)
        } else {
            Text::Any
        };
        self.annotations.push(Wanted { level, none: what.starts_with("no_"), text });
        Ok(())
    }
}
