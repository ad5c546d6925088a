//! A text that is not YAML: where, in Go's words, and what a teacher would say of the line.
//!
//! go-yaml counts lines from the problem (v2) or from the construct around it (v3), and counts scanner errors one
//! higher than parser errors; both are followed here, while labkit's own place is the problem itself.

use granit_parser::{ErrorKind, ScanError};

use super::decoder::GoYaml;
use super::tabs::Refused;
use crate::text::{Diagnostic, SourceText, Span};

/// What is known where the reading stopped.
pub(super) struct Stop<'a> {
    pub source: &'a SourceText,
    /// Bytes cut off before the parser began.
    pub shift: usize,
    /// Where the innermost open collection begins.
    pub context: Option<Span>,
    pub go: GoYaml,
}

/// How libyaml would count the error's line.
enum Counted {
    /// Found by the parser, inside the open collection.
    ByParser,
    /// Found by the parser, at another place than the one told.
    ByParserAt(usize),
    /// Found by the scanner, at the problem.
    ByScanner,
    /// Found by the scanner, which names the place where the construct begins.
    Since(usize),
    /// As `Since`, noticed at another place.
    SinceUntil(usize, usize),
}

pub(super) fn diagnose(e: &ScanError, stop: &Stop<'_>) -> Box<Diagnostic> {
    let at = e.marker().byte_offset().unwrap_or_default() + stop.shift;
    let at = at.min(stop.source.text().len());
    let (words, counted) = go_words(e, at, stop);
    let line = |offset: usize| stop.source.position(offset).line - 1;
    let context = stop.context.map(|c| line(c.start as usize));
    let (problem, context, scanner) = match counted {
        Counted::ByParser => (line(at), context.unwrap_or(0), 0),
        Counted::ByParserAt(end) => (line(end), context.unwrap_or(0), 0),
        Counted::ByScanner => (line(at), line(at), 1),
        Counted::Since(start) => (line(at), line(start), 1),
        Counted::SinceUntil(start, end) => (line(end), line(start), 1),
    };
    let place = place(stop.go, problem, context, scanner);
    let (message, help) = explain(e.kind(), stop.source, at);
    let opened = match e.kind() {
        ErrorKind::InvalidQuotedScalarIndent => open_quote(stop.source.text(), at),
        _ => None,
    };
    // A quote is shown where it is opened, everything else where it was noticed.
    let span = opened.map_or(Span::new(at, at), |(_, start)| Span::new(start, start + 1));
    let mut d = Diagnostic::error(message.unwrap_or_else(|| words.clone())).at(stop.source, span);
    d.help = Some(help);
    d.upstream = Some(format!("yaml: {place}{words}"));
    Box::new(d)
}

/// The place as Go writes it: lines from 0 of the problem and of the construct around it.
fn place(go: GoYaml, problem: usize, context: usize, scanner: usize) -> String {
    let (first, second) = match go {
        GoYaml::V2 => (problem, context),
        GoYaml::V3 => (context, problem),
    };
    match (first, second) {
        (0, 0) => String::new(),
        (0, n) => format!("line {}: ", if go == GoYaml::V2 { n } else { n + scanner }),
        (n, _) => format!("line {}: ", n + scanner),
    }
}

/// A colon without a key: Go wants one, or a question mark in its place.
pub(super) fn missing_key(at: usize, block: bool, stop: &Stop<'_>) -> Box<Diagnostic> {
    let wanted = if block { "key" } else { "node content" };
    let line = |offset: usize| stop.source.position(offset).line - 1;
    let context = stop.context.map_or(0, |c| line(c.start as usize));
    Box::new(
        Diagnostic::error("a colon without a name before it")
            .at(stop.source, Span::new(at, at + 1))
            .help("write `name: value`")
            .upstream(format!("yaml: {}did not find expected {wanted}", place(stop.go, line(at), context, 0))),
    )
}

/// `*` before something that cannot be an alias's name, as in a pattern without quotes.
pub(super) fn not_an_alias(source: &SourceText, span: Span) -> Box<Diagnostic> {
    let words = "did not find expected alphabetic or numeric character";
    let line = source.position(span.start as usize).line;
    let place = if line == 1 { String::new() } else { format!("line {line}: ") };
    Box::new(
        Diagnostic::error("a text cannot begin with * without quotes")
            .at(source, span)
            .help("put the whole text in quotes")
            .upstream(format!("yaml: {place}{words}")),
    )
}

/// A tab that Go's scanner refuses.
pub(super) fn refused_tab(source: &SourceText, tab: Refused, shift: usize, go: GoYaml) -> Box<Diagnostic> {
    let line = |at: usize| source.position(at + shift).line;
    let context = tab.inside.filter(|_| go == GoYaml::V3).map(line);
    let told = context.filter(|l| *l > 1).unwrap_or_else(|| line(tab.at));
    let place = if told == 1 { String::new() } else { format!("line {told}: ") };
    let at = tab.at + shift;
    Box::new(
        Diagnostic::error("a tab stands where only blanks may")
            .at(source, Span::new(at, at + 1))
            .help("replace tabs by blanks: YAML allows no tabs there")
            .upstream(format!("yaml: {place}{}", tab.words)),
    )
}

fn go_words(e: &ScanError, at: usize, stop: &Stop<'_>) -> (String, Counted) {
    use ErrorKind as K;
    let text = stop.source.text();
    let (words, counted) = match e.kind() {
        K::InvalidTrailingSingleQuotedScalar | K::InvalidTrailingDoubleQuotedScalar if opens_quote(&text[at..]) => {
            ("found unexpected end of stream", Counted::SinceUntil(at, text.len()))
        }
        K::InvalidQuotedScalarIndent if open_quote(text, at).is_some_and(|(q, _)| !text[at..].contains(q)) => {
            let start = open_quote(text, at).map_or(at, |(_, start)| start);
            ("found unexpected end of stream", Counted::SinceUntil(start, text.len()))
        }
        K::ExpectedBlockMappingKey
        | K::UnexpectedEofBlockMapping
        | K::InvalidTrailingSingleQuotedScalar
        | K::InvalidTrailingDoubleQuotedScalar
        | K::InvalidQuotedScalarIndent => ("did not find expected key", Counted::ByParser),
        K::CommentInterceptedScalar => {
            ("did not find expected key", Counted::ByParserAt(end_of_plain(text, at, usize::MAX, false)))
        }
        K::TabInPlainScalar => {
            ("found a tab character that violates indentation", Counted::SinceUntil(at, tab_after(text, at)))
        }
        K::ExpectedBlockSequenceEntry | K::UnexpectedEofBlockSequence => {
            ("did not find expected '-' indicator", Counted::ByParser)
        }
        K::ExpectedFlowMappingSeparator | K::UnexpectedEofFlowMapping | K::UnexpectedEofImplicitFlowMapping => {
            ("did not find expected ',' or '}'", Counted::ByParser)
        }
        K::ExpectedFlowSequenceSeparator | K::UnexpectedEofFlowSequence | K::UnclosedFlowCollection { .. } => {
            ("did not find expected ',' or ']'", Counted::ByParser)
        }
        K::ExpectedNodeContent | K::MisplacedFlowCollectionEnd => {
            ("did not find expected node content", Counted::ByParser)
        }
        K::UndeclaredTagHandle => ("found undefined tag handle", Counted::ByParser),
        K::ExpectedDocumentStart => ("did not find expected <document start>", Counted::ByParser),
        K::SimpleKeyExpected | K::InvalidSimpleKey => {
            let indent = stop.source.position(at).column - 1;
            ("could not find expected ':'", Counted::SinceUntil(at, end_of_plain(text, at, indent, true)))
        }
        K::MappingValueNotAllowed | K::InvalidColonPlacement => {
            ("mapping values are not allowed in this context", Counted::ByScanner)
        }
        K::MappingKeyNotAllowed => ("mapping keys are not allowed in this context", Counted::ByScanner),
        K::BlockSequenceEntryNotAllowed | K::BlockEntryInFlowCollection => {
            ("block sequence entries are not allowed in this context", Counted::ByScanner)
        }
        K::UnclosedQuotedScalar => ("found unexpected end of stream", Counted::SinceUntil(at, text.len())),
        K::DocumentIndicatorInQuotedScalar => ("found unexpected document indicator", Counted::ByScanner),
        K::UnknownQuotedScalarEscape => ("found unknown escape character", Counted::ByScanner),
        K::InvalidQuotedScalarHexEscape => ("did not find expected hexdecimal number", Counted::ByScanner),
        K::InvalidBlockScalarHeader => ("did not find expected comment or line break", Counted::ByScanner),
        K::MissingAnchorOrAliasName => ("did not find expected alphabetic or numeric character", Counted::ByScanner),
        K::TabInIndentation | K::TabNotAllowed | K::TabInBlockIndentation | K::UnexpectedCharacter { .. } => {
            ("found character that cannot start any token", Counted::ByScanner)
        }
        K::TabAtBlockScalarStart => {
            ("found a tab character where an indentation space is expected", Counted::ByScanner)
        }
        K::RecursionLimitExceeded => ("exceeded max depth", Counted::ByParser),
        _ => return (e.info(), Counted::ByScanner),
    };
    let counted = match counted {
        Counted::ByScanner if matches!(e.kind(), K::UnknownQuotedScalarEscape | K::InvalidQuotedScalarHexEscape) => {
            Counted::Since(at)
        }
        counted => counted,
    };
    (words.to_owned(), counted)
}

/// Whether a quote begins here that is never closed.
fn opens_quote(rest: &str) -> bool {
    rest.chars().next().is_some_and(|c| matches!(c, '"' | '\'') && !rest[1..].contains(c))
}

/// The quote that the last line with text before `at` opens and does not close, and where.
fn open_quote(text: &str, at: usize) -> Option<(char, usize)> {
    let before = text[..at].trim_end();
    let line = &before[before.rfind('\n').map_or(0, |i| i + 1)..];
    let body = line.trim_start().trim_start_matches("- ");
    let value = body.split_once(": ").map_or(body, |(_, value)| value).trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    (!value[1..].contains(quote)).then_some((quote, before.len() - value.len()))
}

/// The first line after `start` whose indentation holds a tab.
fn tab_after(text: &str, start: usize) -> usize {
    let mut lines = text[start..].match_indices('\n').map(|(i, _)| start + i + 1);
    lines.find(|at| text[*at..].trim_start_matches(' ').starts_with('\t')).unwrap_or(start)
}

/// Where the scanner stands after the plain scalar that begins at `start`: at the next `:`, at the line after a comment,
/// at a line that is indented no deeper than `indent`, or at the end. `comments` says whether a comment counts as such a line.
fn end_of_plain(text: &str, start: usize, indent: usize, comments: bool) -> usize {
    let ends_here = |line: &str| line.contains(": ") || line.trim_end().ends_with(':');
    let mut at = start;
    let (mut first, mut over) = (true, false);
    for line in text[start..].split_inclusive('\n') {
        let trimmed = line.trim();
        if first {
            first = false;
            over = trimmed.contains(" #") || trimmed.starts_with(['"', '\'', '[', '{']);
        } else if trimmed.starts_with('#') && comments {
            return at;
        } else if trimmed.starts_with('#') {
            over = true;
        } else if !trimmed.is_empty() && (over || line.len() - line.trim_start().len() <= indent || ends_here(line)) {
            return at;
        } else if trimmed.contains(" #") {
            over = true;
        }
        at += line.len();
    }
    text.len()
}

/// Our own words, and help for the line.
fn explain(kind: &ErrorKind, source: &SourceText, at: usize) -> (Option<String>, String) {
    let number = source.position(at).line;
    let line = source.line(number).unwrap_or("");
    let before = (1..number).rev().filter_map(|n| source.line(n)).find(|l| !l.trim().is_empty()).unwrap_or("");
    for l in [line, before] {
        if let Some(help) = explain_line(l) {
            return help;
        }
    }
    let indent = |l: &str| l.len() - l.trim_start_matches(' ').len();
    let quote_is_open = matches!(kind, ErrorKind::InvalidQuotedScalarIndent) && open_quote(source.text(), at).is_some();
    match kind {
        _ if quote_is_open => (
            Some("a quote is opened and not closed in its line".to_owned()),
            "close the quote at the end of the text".to_owned(),
        ),
        ErrorKind::UnclosedQuotedScalar => {
            (Some("a quote is opened and never closed".to_owned()), "close the quote at the end of the text".to_owned())
        }
        ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::ExpectedFlowSequenceSeparator
        | ErrorKind::ExpectedFlowMappingSeparator => {
            let message = "a bracket is opened and never closed".to_owned();
            (Some(message), "close the bracket, and put a comma between its items".to_owned())
        }
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            (Some("a line without `name:`".to_owned()), "write `name: value`, with a blank after the colon".to_owned())
        }
        ErrorKind::ExpectedBlockSequenceEntry | ErrorKind::BlockSequenceEntryNotAllowed => {
            let help = "begin every item of the list with `- `, all in the same column".to_owned();
            (Some("the list goes on without `- `".to_owned()), help)
        }
        ErrorKind::RecursionLimitExceeded => (None, "write the file with fewer levels".to_owned()),
        _ if indent(line) != indent(before) => {
            let message = format!(
                "this line is indented by {} blanks, which fits nothing above it (the line before has {})",
                indent(line),
                indent(before)
            );
            (
                Some(message),
                "begin lines that belong together in the same column, with blanks, never with tabs".to_owned(),
            )
        }
        _ => (None, "look at indentation, colons and quotes in this line and the one before".to_owned()),
    }
}

/// Mistakes that one line shows.
fn explain_line(line: &str) -> Option<(Option<String>, String)> {
    let some = |message: &str, help: &str| Some((Some(message.to_owned()), help.to_owned()));
    let indentation = &line[..line.len() - line.trim_start().len()];
    if indentation.contains('\t') {
        return some("the line is indented with a tab", "replace tabs by blanks: YAML allows no tabs there");
    }
    let body = line.trim_start();
    let body = body.strip_prefix("- ").unwrap_or(body).trim_start();
    let (key, value) = match body.split_once(": ") {
        Some((key, value)) => (key, value.trim()),
        None => ("", body.trim()),
    };
    let quoted = value.starts_with(['"', '\'']);
    if value.starts_with("{{") {
        return some("the text begins with `{{` and has no quotes", "put the whole text in quotes");
    }
    if value.starts_with(['“', '”', '‘', '’']) {
        return some("the text is in curly quotes", "replace the curly quotes with straight ones");
    }
    if let Some(c) = value.chars().next().filter(|c| "@`%".contains(*c)) {
        return some(&format!("a text cannot begin with {c} without quotes"), "put the whole text in quotes");
    }
    if value.starts_with('<') && value.ends_with('>') {
        return some("a placeholder was left in the file", "replace it with your own value");
    }
    if !quoted && !key.is_empty() && !value.starts_with(['{', '[', '#', '|', '>']) && value.contains(": ") {
        return some("the text contains `: ` and has no quotes", "put the whole text in quotes");
    }
    if value.starts_with('"') && value.len() > 1 && value[1..].trim_end_matches('"').contains('"') {
        let help = "put single quotes around the whole text, or `\\` before the quotes inside";
        return some("double quotes stand inside double quotes", help);
    }
    if !key.is_empty() && value.starts_with('{') && value.len() > 1 && value[1..].contains('=') {
        return some("the text begins with `{` and has no quotes", "put the whole text in single quotes");
    }
    if key.is_empty() && !quoted && !body.contains(' ') {
        let (name, rest) = body.split_once(':')?;
        let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if is_name && !rest.is_empty() && !rest.starts_with("//") {
            return some("there is no blank after the colon", "put a blank after the colon");
        }
    }
    None
}
