//! The template lexer: text and actions into tokens with byte positions and lines. After Go's `text/template/parse/lex.go`.

use super::super::quoting::is_print;
use super::GoVersion;

/// Kinds of token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The last token; its text is [`Lexed::error`].
    Error,
    Bool,
    /// An odd character, such as a comma.
    Char,
    CharConstant,
    Complex,
    Assign,
    Declare,
    Eof,
    Field,
    Identifier,
    LeftDelim,
    LeftParen,
    Number,
    Pipe,
    RawString,
    RightDelim,
    RightParen,
    Space,
    String,
    Text,
    Variable,
    Dot,
    Nil,
    // Keywords from here on, but for dot and nil, which print as keywords too.
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Range,
    Template,
    With,
}

impl Kind {
    /// Whether Go prints the token as `<word>`.
    pub(super) fn is_keyword(self) -> bool {
        matches!(
            self,
            Self::Dot
                | Self::Nil
                | Self::Block
                | Self::Break
                | Self::Continue
                | Self::Define
                | Self::Else
                | Self::End
                | Self::If
                | Self::Range
                | Self::Template
                | Self::With
        )
    }
}

/// One token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item<'t> {
    pub(super) kind: Kind,
    /// Byte offset in the template's text.
    pub(super) pos: usize,
    pub(super) text: &'t str,
    /// From 1.
    pub(super) line: usize,
}

/// All tokens of a text, up to and with the end or the first error.
pub(super) struct Lexed<'t> {
    pub(super) items: Vec<Item<'t>>,
    pub(super) error: String,
}

const LEFT: &str = "{{";
const RIGHT: &str = "}}";
const LEFT_COMMENT: &str = "/*";
const RIGHT_COMMENT: &str = "*/";
/// A minus and the blank beside it.
const TRIM_LEN: usize = 2;

struct Lexer<'t> {
    input: &'t str,
    start: usize,
    pos: usize,
    line: usize,
    start_line: usize,
    paren_depth: i64,
    version: GoVersion,
    out: Lexed<'t>,
}

/// What is read next.
enum State {
    Text,
    LeftDelim,
    Comment,
    RightDelim,
    InsideAction,
    Done,
}

/// Cuts a template's text into tokens.
pub(super) fn lex(input: &str, version: GoVersion) -> Lexed<'_> {
    let out = Lexed { items: Vec::new(), error: String::new() };
    let mut l = Lexer { input, start: 0, pos: 0, line: 1, start_line: 1, paren_depth: 0, version, out };
    let mut state = State::Text;
    loop {
        state = match state {
            State::Text => l.text(),
            State::LeftDelim => l.left_delim(),
            State::Comment => l.comment(),
            State::RightDelim => l.right_delim(),
            State::InsideAction => l.inside_action(),
            State::Done => return l.out,
        };
    }
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.input[self.pos..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.pos += c.len_utf8();
        if c == '\n' {
            self.line += 1;
        }
        Some(c)
    }

    fn emit(&mut self, kind: Kind) {
        let text = &self.input[self.start..self.pos];
        self.out.items.push(Item { kind, pos: self.start, text, line: self.start_line });
        self.start = self.pos;
        self.start_line = self.line;
    }

    fn ignore(&mut self) {
        self.line += self.input[self.start..self.pos].matches('\n').count();
        self.start = self.pos;
        self.start_line = self.line;
    }

    fn fail(&mut self, message: impl Into<String>) -> State {
        self.out.error = message.into();
        self.out.items.push(Item { kind: Kind::Error, pos: self.start, text: "", line: self.start_line });
        State::Done
    }

    fn accept(&mut self, valid: &str) -> bool {
        let ok = self.peek().is_some_and(|c| valid.contains(c));
        if ok {
            self.next();
        }
        ok
    }

    fn accept_run(&mut self, valid: &str) {
        while self.accept(valid) {}
    }

    fn text(&mut self) -> State {
        let Some(at) = self.rest().find(LEFT) else {
            self.pos = self.input.len();
            if self.pos > self.start {
                self.line += self.input[self.start..self.pos].matches('\n').count();
                self.emit(Kind::Text);
            }
            self.emit(Kind::Eof);
            return State::Done;
        };
        self.pos += at;
        let before = &self.input[self.start..self.pos];
        let trim = if has_left_trim(&self.input[self.pos + LEFT.len()..]) {
            before.len() - before.trim_end_matches(is_space).len()
        } else {
            0
        };
        self.pos -= trim;
        if self.pos > self.start {
            self.line += self.input[self.start..self.pos].matches('\n').count();
            self.emit(Kind::Text);
        }
        self.pos += trim;
        self.ignore();
        State::LeftDelim
    }

    fn left_delim(&mut self) -> State {
        self.pos += LEFT.len();
        let after = if has_left_trim(self.rest()) { TRIM_LEN } else { 0 };
        if self.input[self.pos + after..].starts_with(LEFT_COMMENT) {
            self.pos += after;
            self.ignore();
            return State::Comment;
        }
        self.emit(Kind::LeftDelim);
        self.pos += after;
        self.ignore();
        self.paren_depth = 0;
        State::InsideAction
    }

    fn comment(&mut self) -> State {
        self.pos += LEFT_COMMENT.len();
        let Some(at) = self.rest().find(RIGHT_COMMENT) else {
            return self.fail("unclosed comment");
        };
        self.pos += at + RIGHT_COMMENT.len();
        let (delim, trim) = self.at_right_delim();
        if !delim {
            return self.fail("comment ends before closing delimiter");
        }
        if trim {
            self.pos += TRIM_LEN;
        }
        self.pos += RIGHT.len();
        if trim {
            self.skip_spaces();
        }
        self.ignore();
        State::Text
    }

    fn skip_spaces(&mut self) {
        let rest = self.rest();
        self.pos += rest.len() - rest.trim_start_matches(is_space).len();
    }

    fn right_delim(&mut self) -> State {
        let (_, trim) = self.at_right_delim();
        if trim {
            self.pos += TRIM_LEN;
            self.ignore();
        }
        self.pos += RIGHT.len();
        self.emit(Kind::RightDelim);
        if trim {
            self.skip_spaces();
            self.ignore();
        }
        State::Text
    }

    /// Whether the closing delimiter comes next, and whether it trims.
    fn at_right_delim(&self) -> (bool, bool) {
        let rest = self.rest();
        if has_right_trim(rest) && rest[TRIM_LEN..].starts_with(RIGHT) {
            return (true, true);
        }
        (rest.starts_with(RIGHT), false)
    }

    fn inside_action(&mut self) -> State {
        if self.at_right_delim().0 {
            return if self.paren_depth == 0 { State::RightDelim } else { self.fail("unclosed left paren") };
        }
        let Some(c) = self.next() else {
            return self.fail("unclosed action");
        };
        match c {
            c if is_space(c) => return self.space(),
            '=' => self.emit(Kind::Assign),
            ':' => {
                if self.next() != Some('=') {
                    return self.fail("expected :=");
                }
                self.emit(Kind::Declare);
            }
            '|' => self.emit(Kind::Pipe),
            '"' => return self.quoted('"', Kind::String, "unterminated quoted string"),
            '\'' => return self.quoted('\'', Kind::CharConstant, "unterminated character constant"),
            '`' => {
                let Some(at) = self.rest().find('`') else {
                    return self.fail("unterminated raw quoted string");
                };
                let end = self.pos + at + 1;
                self.line += self.input[self.pos..end].matches('\n').count();
                self.pos = end;
                self.emit(Kind::RawString);
            }
            '$' => return self.field_or_variable(Kind::Variable),
            '.' if !self.rest().starts_with(|c: char| c.is_ascii_digit()) && self.pos < self.input.len() => {
                return self.field_or_variable(Kind::Field);
            }
            '.' | '+' | '-' | '0'..='9' => {
                self.pos = self.start;
                return self.number();
            }
            c if is_alphanumeric(c) => {
                self.pos = self.start;
                return self.identifier();
            }
            '(' => {
                self.emit(Kind::LeftParen);
                self.paren_depth += 1;
            }
            ')' => {
                self.paren_depth -= 1;
                // Older Gos give the parser the parenthesis first, and it complains in its own way.
                if self.paren_depth < 0 && self.version == GoVersion::Current {
                    return self.fail("unexpected right paren");
                }
                self.emit(Kind::RightParen);
                if self.paren_depth < 0 {
                    return self.fail("unexpected right paren");
                }
            }
            c if c.is_ascii() && is_print(c) => self.emit(Kind::Char),
            c => return self.fail(format!("unrecognized character in action: {}", describe(c))),
        }
        State::InsideAction
    }

    /// Called behind the first blank.
    fn space(&mut self) -> State {
        self.pos = self.start;
        self.line = self.start_line;
        let mut count = 0;
        while self.peek().is_some_and(is_space) {
            self.next();
            count += 1;
        }
        // The last blank may belong to " -}}".
        let last = &self.input[self.pos - 1..];
        if has_right_trim(last) && last[TRIM_LEN..].starts_with(RIGHT) {
            self.pos -= 1;
            if last.starts_with('\n') {
                self.line -= 1;
            }
            if count == 1 {
                return State::RightDelim;
            }
        }
        self.emit(Kind::Space);
        State::InsideAction
    }

    fn quoted(&mut self, mark: char, kind: Kind, unterminated: &str) -> State {
        loop {
            match self.next() {
                Some('\\') if !matches!(self.next(), None | Some('\n')) => {}
                Some('\\' | '\n') | None => return self.fail(unterminated),
                Some(c) if c == mark => break,
                Some(_) => {}
            }
        }
        self.emit(kind);
        State::InsideAction
    }

    fn identifier(&mut self) -> State {
        while self.peek().is_some_and(is_alphanumeric) {
            self.next();
        }
        if !self.at_terminator() {
            return self.bad_character();
        }
        let kind = match &self.input[self.start..self.pos] {
            "block" => Kind::Block,
            "break" => Kind::Break,
            "continue" => Kind::Continue,
            "define" => Kind::Define,
            "else" => Kind::Else,
            "end" => Kind::End,
            "if" => Kind::If,
            "range" => Kind::Range,
            "nil" => Kind::Nil,
            "template" => Kind::Template,
            "with" => Kind::With,
            "true" | "false" => Kind::Bool,
            _ => Kind::Identifier,
        };
        self.emit(kind);
        State::InsideAction
    }

    /// Called behind the dot or dollar sign.
    fn field_or_variable(&mut self, kind: Kind) -> State {
        if self.at_terminator() {
            self.emit(if kind == Kind::Variable { Kind::Variable } else { Kind::Dot });
            return State::InsideAction;
        }
        while self.peek().is_some_and(is_alphanumeric) {
            self.next();
        }
        if !self.at_terminator() {
            return self.bad_character();
        }
        self.emit(kind);
        State::InsideAction
    }

    fn bad_character(&mut self) -> State {
        let c = self.peek().map_or_else(String::new, describe);
        self.fail(format!("bad character {c}"))
    }

    fn at_terminator(&self) -> bool {
        match self.peek() {
            None | Some('.' | ',' | '|' | ':' | ')' | '(') => true,
            Some(c) => is_space(c) || self.rest().starts_with(RIGHT),
        }
    }

    fn number(&mut self) -> State {
        if !self.scan_number() {
            return self.bad_number();
        }
        if matches!(self.peek(), Some('+' | '-')) {
            if !self.scan_number() || !self.input[..self.pos].ends_with('i') {
                return self.bad_number();
            }
            self.emit(Kind::Complex);
        } else {
            self.emit(Kind::Number);
        }
        State::InsideAction
    }

    fn bad_number(&mut self) -> State {
        let text = super::super::quote(&self.input[self.start..self.pos]);
        self.fail(format!("bad number syntax: {text}"))
    }

    fn scan_number(&mut self) -> bool {
        self.accept("+-");
        let mut digits = "0123456789_";
        let (mut decimal, mut hex) = (true, false);
        if self.accept("0") {
            if self.accept("xX") {
                (digits, decimal, hex) = ("0123456789abcdefABCDEF_", false, true);
            } else if self.accept("oO") {
                (digits, decimal) = ("01234567_", false);
            } else if self.accept("bB") {
                (digits, decimal) = ("01_", false);
            }
        }
        self.accept_run(digits);
        if self.accept(".") {
            self.accept_run(digits);
        }
        if (decimal && self.accept("eE")) || (hex && self.accept("pP")) {
            self.accept("+-");
            self.accept_run("0123456789_");
        }
        self.accept("i");
        if self.peek().is_some_and(is_alphanumeric) {
            self.next();
            return false;
        }
        true
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_alphanumeric(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn has_left_trim(s: &str) -> bool {
    s.starts_with('-') && s[1..].starts_with(is_space)
}

fn has_right_trim(s: &str) -> bool {
    s.starts_with(is_space) && s[1..].starts_with('-')
}

/// Go's `%#U`.
fn describe(c: char) -> String {
    if is_print(c) { format!("U+{:04X} '{c}'", u32::from(c)) } else { format!("U+{:04X}", u32::from(c)) }
}
