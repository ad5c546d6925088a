//! From text to tree: the first document of a file, within budgets.

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, StructureStyle, Tag};
use rustc_hash::FxHashMap;

use super::decoder::GoYaml;
use super::node::{Node, Scalar, Style, Value};
use super::quoted::{self, Joined};
use super::syntax::{self, Stop};
use super::tabs;
use crate::text::{Diagnostic, SourceText, Span};

/// Largest file that is read, in bytes.
pub const MAX_BYTES: usize = 8 << 20;
/// Deepest nesting of collections.
pub const MAX_DEPTH: usize = 200;
/// Most nodes that a file may have once its aliases are expanded.
pub const MAX_ALIAS_NODES: u64 = 400_000;

/// Reads the first document of a file; nothing when the file has none. What follows the first document is not looked
/// at, as in Go's `Unmarshal`.
///
/// # Errors
/// The text is not YAML, or it goes beyond a budget.
pub fn parse(source: &SourceText) -> Result<Option<Node>, Box<Diagnostic>> {
    parse_as(source, GoYaml::V2)
}

/// As [`parse`], with errors in the words of the given go-yaml.
///
/// # Errors
/// The text is not YAML, or it goes beyond a budget.
pub fn parse_as(source: &SourceText, go: GoYaml) -> Result<Option<Node>, Box<Diagnostic>> {
    let text = source.text();
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes, wanted at most {MAX_BYTES}", text.len());
        return Err(Box::new(Diagnostic::error(message)));
    }
    let shift = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let mut text = std::borrow::Cow::Borrowed(&text[shift..]);
    let mut refused = None;
    if text.contains('\t') {
        let found = tabs::scan(&text, go);
        for at in found.blanks {
            text.to_mut().replace_range(at..=at, " ");
        }
        refused = found.refused;
    }
    let mut joined = FxHashMap::default();
    for _ in 0..MAX_MENDINGS {
        match build(source, &text, shift, go, &joined) {
            // libyaml takes `]#…` as a comment without a blank before it; blanks in its place keep all offsets.
            Err(Stopped::TightComment(at)) if text.as_bytes().get(at) == Some(&b'#') => {
                let end = text[at..].find('\n').map_or(text.len(), |i| at + i);
                text.to_mut().replace_range(at..end, &" ".repeat(end - at));
            }
            Err(Stopped::LeftOfItsPlace(at, found)) => {
                let mut mended = false;
                for quoted in tabs::scan(&text, go).quoted {
                    if let Some(text) = quoted::join(text.to_mut(), &quoted) {
                        mended |= quoted.contains(&at);
                        joined.insert(quoted.start + shift, text);
                    }
                }
                if !mended {
                    return Err(found);
                }
            }
            Err(stopped) => {
                let found = stopped.diagnostic();
                let at = found.primary.as_ref().map_or(0, |p| p.span.start as usize);
                return Err(match refused {
                    Some(tab) if at > tab.at + shift => syntax::refused_tab(source, tab, shift, go),
                    _ => found,
                });
            }
            Ok(root) => return refused.map_or(Ok(root), |tab| Err(syntax::refused_tab(source, tab, shift, go))),
        }
    }
    Err(Box::new(Diagnostic::error("too many comments without a blank before them, or texts left of their place")))
}

/// How often a file is read again after something in it was mended.
const MAX_MENDINGS: usize = 20;

enum Stopped {
    /// A comment that touches what stands before it, at this byte of the parser's text.
    TightComment(usize),
    /// A line of a text in quotes, at this byte of the parser's text, that begins too far left.
    LeftOfItsPlace(usize, Box<Diagnostic>),
    Error(Box<Diagnostic>),
}

impl Stopped {
    fn diagnostic(self) -> Box<Diagnostic> {
        match self {
            Self::TightComment(_) => Box::new(Diagnostic::error("a comment needs a blank before it")),
            Self::LeftOfItsPlace(_, d) | Self::Error(d) => d,
        }
    }
}

fn build(
    source: &SourceText,
    text: &str,
    shift: usize,
    go: GoYaml,
    joined: &FxHashMap<usize, Joined>,
) -> Result<Option<Node>, Stopped> {
    let options = granit_parser::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut builder =
        Builder { source, shift, go, joined, stack: Vec::new(), anchors: FxHashMap::default(), root: None };
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, span) = next.map_err(|e| match (e.kind(), e.marker().byte_offset()) {
            (ErrorKind::CommentNotSeparated, Some(at)) => Stopped::TightComment(at),
            (ErrorKind::InvalidQuotedScalarIndent, Some(at)) => Stopped::LeftOfItsPlace(at, builder.syntax_error(&e)),
            _ => Stopped::Error(builder.syntax_error(&e)),
        })?;
        if builder.take(event, span).map_err(Stopped::Error)? {
            break;
        }
    }
    Ok(builder.root)
}

/// A collection whose end has not been seen.
struct Open {
    is_mapping: bool,
    children: Vec<Node>,
    anchor: usize,
    span: Span,
    tag: Option<String>,
    /// Written without braces.
    block: bool,
}

struct Builder<'s> {
    source: &'s SourceText,
    shift: usize,
    go: GoYaml,
    joined: &'s FxHashMap<usize, Joined>,
    stack: Vec<Open>,
    anchors: FxHashMap<usize, Node>,
    root: Option<Node>,
}

impl Builder<'_> {
    /// Takes an event; true when the first document is complete.
    fn take(&mut self, event: Event<'_>, span: granit_parser::Span) -> Result<bool, Box<Diagnostic>> {
        let span = span.byte_range().map_or(Span::default(), |r| Span::new(r.start + self.shift, r.end + self.shift));
        match event {
            Event::Scalar(value, style, anchor, tag) => {
                let value = if span.start == span.end { String::new() } else { value.into_owned() };
                let style = style_of(style);
                let value = match self.joined.get(&(span.start as usize)) {
                    Some(joined) => joined.fold(&value),
                    None => value,
                };
                // Nothing at all stands behind the indicator, not on it.
                let on_indicator = span.start == span.end
                    && matches!(self.source.text().as_bytes().get(span.start as usize), Some(b':' | b'-' | b'?'));
                if on_indicator && self.wants_key(span.start as usize) {
                    return Err(syntax::missing_key(
                        span.start as usize,
                        self.stack.last().is_some_and(|o| o.block),
                        &self.stop(),
                    ));
                }
                let span = if on_indicator { span.shifted(1) } else { span };
                // The parser's span of a block begins at its content; Go's begins at the `|` or `>`.
                let start = match style {
                    Style::Literal | Style::Folded => block_header(self.source.text(), span.start as usize),
                    _ => None,
                };
                let span = start.map_or(span, |start| Span::new(start, span.end as usize));
                let scalar = Scalar { value, style };
                let node = Node::new(Value::Scalar(scalar), span, tag.as_deref().and_then(short_tag));
                self.finish(anchor, node)?;
            }
            Event::SequenceStart(_, anchor, tag) => self.open(false, anchor, tag.as_deref(), span),
            Event::MappingStart(style, anchor, tag) => {
                self.open(true, anchor, tag.as_deref(), span);
                self.in_block(style == StructureStyle::Block);
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let open = self.stack.pop().expect("an end follows its start");
                let last = open.children.last().map_or(open.span, Node::span);
                let whole = open.span.to(last).to(if span.start == span.end { last } else { span });
                let value =
                    if open.is_mapping { Value::Mapping(pairs(open.children)) } else { Value::Sequence(open.children) };
                self.finish(open.anchor, Node::new(value, whole, open.tag))?;
            }
            Event::Alias(id) => {
                let Some(node) = self.anchors.get(&id) else {
                    return Err(self.error(span, "the anchor's value contains itself"));
                };
                let node = node.clone();
                self.add(node, span)?;
            }
            Event::UnresolvedAlias(name)
                if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') =>
            {
                return Err(syntax::not_an_alias(self.source, span));
            }
            Event::UnresolvedAlias(name) => {
                return Err(self.error(span, &format!("unknown anchor '{name}' referenced")));
            }
            Event::DocumentEnd => return Ok(true),
            _ => {}
        }
        Ok(false)
    }

    fn open(&mut self, is_mapping: bool, anchor: usize, tag: Option<&Tag>, span: Span) {
        self.stack.push(Open {
            is_mapping,
            children: Vec::new(),
            anchor,
            span,
            tag: tag.and_then(short_tag),
            block: false,
        });
    }

    fn in_block(&mut self, block: bool) {
        if let Some(open) = self.stack.last_mut() {
            open.block = block;
        }
    }

    /// Whether a colon at `at` lacks the key before it.
    fn wants_key(&self, at: usize) -> bool {
        let text = self.source.text();
        self.stack.last().is_some_and(|open| open.is_mapping && open.children.len() % 2 == 0)
            && text.as_bytes().get(at) == Some(&b':')
            && !text[..at].trim_end().ends_with('?')
    }

    fn stop(&self) -> Stop<'_> {
        let context = self.stack.last().map(|open| open.span);
        Stop { source: self.source, shift: self.shift, context, go: self.go }
    }

    fn finish(&mut self, anchor: usize, node: Node) -> Result<(), Box<Diagnostic>> {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let span = node.span();
        self.add(node, span)
    }

    fn add(&mut self, node: Node, span: Span) -> Result<(), Box<Diagnostic>> {
        if node.weight() > MAX_ALIAS_NODES {
            return Err(self.error(span, "document contains excessive aliasing"));
        }
        match self.stack.last_mut() {
            Some(open) => open.children.push(node),
            None => self.root = Some(node),
        }
        Ok(())
    }

    fn error(&self, span: Span, message: &str) -> Box<Diagnostic> {
        let mut d = Diagnostic::error(message).at(self.source, span);
        d.upstream = Some(format!("yaml: {message}"));
        Box::new(d)
    }

    fn syntax_error(&self, e: &ScanError) -> Box<Diagnostic> {
        syntax::diagnose(e, &self.stop())
    }
}

/// Where the indicator of the block scalar stands whose content begins at `content`.
fn block_header(text: &str, content: usize) -> Option<usize> {
    let before = text.get(..content)?.trim_end();
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    let line = &before[line_start..];
    let is_header = |at: usize| {
        let rest = line[at + 1..].trim_start_matches(|c: char| c.is_ascii_digit() || c == '+' || c == '-');
        let rest = rest.trim_start();
        rest.is_empty() || rest.starts_with('#')
    };
    line.match_indices(['|', '>']).map(|(i, _)| i).find(|i| is_header(*i)).map(|i| line_start + i)
}

fn pairs(children: Vec<Node>) -> Vec<(Node, Node)> {
    let mut entries = Vec::with_capacity(children.len() / 2);
    let mut children = children.into_iter();
    while let (Some(k), Some(v)) = (children.next(), children.next()) {
        entries.push((k, v));
    }
    entries
}

fn style_of(style: ScalarStyle) -> Style {
    match style {
        ScalarStyle::SingleQuoted => Style::SingleQuoted,
        ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
        _ => Style::Plain,
    }
}

/// The tag in Go's short form; the non-specific `!` says "a string".
fn short_tag(tag: &Tag) -> Option<String> {
    match tag.core_suffix() {
        Some(suffix) => Some(format!("!!{suffix}")),
        None if tag.original() == "!" => Some("!!str".to_owned()),
        None => Some(tag.original()),
    }
}
