//! The scanner and its states.

use super::token::{Token, TokenKind, keyword};
use crate::golang::quoting::quote_char;
use crate::promql::Dialect;
use crate::promql::ast::BinaryOp;
use crate::text::Span;

/// Input that is no token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::promql) struct LexError {
    /// Where the message points.
    pub at: usize,
    /// Prometheus' words.
    pub message: String,
}

/// Where the scanner stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Statements,
    Braces,
    /// Right behind `[`.
    Duration,
    /// The values of a series description.
    Values,
    Histogram,
    Buckets,
}

/// Turns a query, or a series description, into tokens one by one.
#[derive(Debug)]
pub(in crate::promql) struct Lexer<'a> {
    pub(super) text: &'a str,
    pub(super) dialect: Dialect,
    pub(super) pos: usize,
    pub(super) start: usize,
    pub(super) state: State,
    pub(super) series: bool,
    paren_depth: usize,
    pub(super) bracket_open: bool,
    got_colon: bool,
    got_duration: bool,
}

pub(super) type Lexed = Result<Token, LexError>;

impl<'a> Lexer<'a> {
    /// A scanner for an expression.
    pub fn new(text: &'a str, dialect: Dialect) -> Self {
        Self {
            text,
            dialect,
            pos: 0,
            start: 0,
            state: State::Statements,
            series: false,
            paren_depth: 0,
            bracket_open: false,
            got_colon: false,
            got_duration: false,
        }
    }

    /// A scanner for a series description: a metric, then values.
    pub fn for_series(text: &'a str, dialect: Dialect) -> Self {
        Self { series: true, ..Self::new(text, dialect) }
    }

    /// The next token that is not a comment.
    pub fn next_token(&mut self) -> Lexed {
        loop {
            self.start = self.pos;
            let token = match self.state {
                State::Statements => self.statement()?,
                State::Braces => self.inside_braces()?,
                State::Duration => self.after_bracket()?,
                State::Values => self.value_sequence()?,
                State::Histogram => self.histogram()?,
                State::Buckets => self.buckets()?,
            };
            match token {
                Some(token) if token.kind != TokenKind::Comment => return Ok(token),
                _ => {}
            }
        }
    }

    /// How far the scanner has read, in bytes.
    pub fn position(&self) -> usize {
        self.pos
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.text[self.pos..].chars().next()
    }

    pub(super) fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.pos += c.len_utf8();
        Some(c)
    }

    pub(super) fn accept(&mut self, wanted: impl Fn(char) -> bool) -> bool {
        match self.peek() {
            Some(c) if wanted(c) => {
                self.pos += c.len_utf8();
                true
            }
            _ => false,
        }
    }

    pub(super) fn accept_run(&mut self, wanted: impl Fn(char) -> bool) {
        while self.accept(&wanted) {}
    }

    pub(super) fn word(&self) -> &'a str {
        &self.text[self.start..self.pos]
    }

    pub(super) fn emit(&mut self, kind: TokenKind) -> Result<Option<Token>, LexError> {
        let span = Span::new(self.start, self.pos);
        self.start = self.pos;
        Ok(Some(Token { kind, span }))
    }

    pub(super) fn fail<T>(&self, message: impl Into<String>) -> Result<T, LexError> {
        Err(LexError { at: self.start, message: message.into() })
    }

    pub(super) fn fail_at_char<T>(&self, message: &str, c: Option<char>) -> Result<T, LexError> {
        self.fail(format!("{message}: {}", quoted(c)))
    }

    fn skip_comment(&mut self) -> Result<Option<Token>, LexError> {
        self.accept_run(|c| c != '\n' && c != '\r');
        self.emit(TokenKind::Comment)
    }

    fn statement(&mut self) -> Result<Option<Token>, LexError> {
        use TokenKind as K;
        let Some(c) = self.bump() else {
            if self.paren_depth > 0 {
                return self.fail("unclosed left parenthesis");
            }
            if self.bracket_open {
                return self.fail("unclosed left bracket");
            }
            return self.emit(K::Eof);
        };
        match c {
            '#' => self.skip_comment(),
            ',' => self.emit(K::Comma),
            c if is_space(c) => {
                self.accept_run(is_space);
                Ok(None)
            }
            '*' => self.emit(K::Op(BinaryOp::Mul)),
            '/' => self.emit(K::Op(BinaryOp::Div)),
            '%' => self.emit(K::Op(BinaryOp::Mod)),
            '+' => self.emit(K::Op(BinaryOp::Add)),
            '-' => self.emit(K::Op(BinaryOp::Sub)),
            '^' => self.emit(K::Op(BinaryOp::Pow)),
            '@' => self.emit(K::At),
            '=' => match self.peek() {
                Some('=') => {
                    self.pos += 1;
                    self.emit(K::Op(BinaryOp::Equal))
                }
                Some('~') => self.fail_at_char("unexpected character after '='", Some('~')),
                _ => self.emit(K::Equal),
            },
            '!' => match self.bump() {
                Some('=') => self.emit(K::Op(BinaryOp::NotEqual)),
                other => self.fail_at_char("unexpected character after '!'", other),
            },
            '<' => {
                let kind = match self.peek() {
                    Some('=') => K::Op(BinaryOp::LessEqual),
                    Some('/') if self.dialect == Dialect::V3 => K::Op(BinaryOp::TrimUpper),
                    _ => return self.emit(K::Op(BinaryOp::Less)),
                };
                self.pos += 1;
                self.emit(kind)
            }
            '>' => {
                let kind = match self.peek() {
                    Some('=') => K::Op(BinaryOp::GreaterEqual),
                    Some('/') if self.dialect == Dialect::V3 => K::Op(BinaryOp::TrimLower),
                    _ => return self.emit(K::Op(BinaryOp::Greater)),
                };
                self.pos += 1;
                self.emit(kind)
            }
            '0'..='9' => self.number_or_duration_from_start(),
            '.' if self.peek().is_some_and(|c| c.is_ascii_digit()) => self.number_or_duration_from_start(),
            '"' | '\'' => self.quoted(c),
            '`' => self.raw_quoted(),
            ':' | '_' | 'a'..='z' | 'A'..='Z' => {
                if self.bracket_open {
                    return self.letter_inside_brackets(c);
                }
                self.pos = self.start;
                self.keyword_or_identifier()
            }
            '(' => {
                self.paren_depth += 1;
                self.emit(K::LeftParen)
            }
            ')' => self.right_paren(),
            '{' => {
                self.state = State::Braces;
                self.emit(K::LeftBrace)
            }
            '[' => {
                if self.bracket_open {
                    return self.fail(format!("unexpected left bracket {}", quote_char(c)));
                }
                self.got_colon = false;
                self.bracket_open = true;
                self.state = State::Duration;
                self.emit(K::LeftBracket)
            }
            ']' => {
                if !self.bracket_open {
                    return self.fail(format!("unexpected right bracket {}", quote_char(c)));
                }
                self.bracket_open = false;
                self.emit(K::RightBracket)
            }
            c => self.fail_at_char("unexpected character", Some(c)),
        }
    }

    fn right_paren(&mut self) -> Result<Option<Token>, LexError> {
        if self.paren_depth == 0 {
            // The original has handed the token out by the time it notices, so the message points behind it.
            return Err(LexError { at: self.pos, message: "unexpected right parenthesis ')'".to_owned() });
        }
        self.paren_depth -= 1;
        self.emit(TokenKind::RightParen)
    }

    fn letter_inside_brackets(&mut self, c: char) -> Result<Option<Token>, LexError> {
        if self.dialect == Dialect::V2_42 {
            // Any letter stands for the colon here, as in the original.
            if self.got_colon {
                return self.fail(format!("unexpected colon {}", quote_char(c)));
            }
            self.got_colon = true;
            return self.emit(TokenKind::Colon);
        }
        match c {
            ':' if self.got_colon => self.fail("unexpected colon ':'"),
            ':' => {
                self.got_colon = true;
                self.emit(TokenKind::Colon)
            }
            's' | 'S' | 'm' | 'M' => match self.duration_keyword() {
                Some(kind) => self.emit(kind),
                None => self.fail(format!("unexpected character: {}, expected ':'", quote_char(c))),
            },
            _ => self.fail(format!("unexpected character: {}, expected ':'", quote_char(c))),
        }
    }

    fn duration_keyword(&mut self) -> Option<TokenKind> {
        self.accept_run(is_alpha);
        match keyword(self.word(), self.dialect)? {
            kind @ (TokenKind::Step | TokenKind::Range) => Some(kind),
            TokenKind::Aggregate(op) => {
                use crate::promql::ast::AggregateOp::{Max, Min};
                matches!(op, Min | Max).then_some(TokenKind::Aggregate(op))
            }
            _ => None,
        }
    }

    /// The first tokens behind `[`.
    fn after_bracket(&mut self) -> Result<Option<Token>, LexError> {
        self.accept_run(is_space);
        self.start = self.pos;
        if self.dialect == Dialect::V2_42 {
            self.state = State::Statements;
            return self.duration_2_42();
        }
        let Some(c) = self.bump() else {
            return self.fail("unexpected end of input in duration expression");
        };
        use TokenKind as K;
        let kind = match c {
            ']' => {
                self.bracket_open = false;
                self.got_colon = false;
                self.state = State::Statements;
                K::RightBracket
            }
            ':' => {
                self.start = self.pos;
                if !self.got_duration {
                    return self.fail("unexpected colon before duration in duration expression");
                }
                if self.got_colon {
                    return self.fail("unexpected repeated colon in duration expression");
                }
                self.start = self.pos - 1;
                self.got_colon = true;
                K::Colon
            }
            '(' => {
                self.paren_depth += 1;
                K::LeftParen
            }
            ')' => return self.right_paren(),
            '+' => K::Op(BinaryOp::Add),
            '-' => K::Op(BinaryOp::Sub),
            '*' => K::Op(BinaryOp::Mul),
            '/' => K::Op(BinaryOp::Div),
            '%' => K::Op(BinaryOp::Mod),
            '^' => K::Op(BinaryOp::Pow),
            ',' => K::Comma,
            's' | 'S' | 'm' | 'M' | 'r' | 'R' => match self.duration_keyword() {
                Some(kind) => kind,
                None => return self.fail_at_char("unexpected character in duration expression", Some(c)),
            },
            '0'..='9' => return self.duration_or_number_in_brackets(),
            '.' if self.peek().is_some_and(|c| c.is_ascii_digit()) => return self.duration_or_number_in_brackets(),
            c => return self.fail_at_char("unexpected character in duration expression", Some(c)),
        };
        self.emit(kind)
    }

    fn duration_or_number_in_brackets(&mut self) -> Result<Option<Token>, LexError> {
        self.got_duration = true;
        self.state = State::Statements;
        self.number_or_duration_from_start()
    }

    fn inside_braces(&mut self) -> Result<Option<Token>, LexError> {
        use TokenKind as K;
        let Some(c) = self.bump() else {
            return self.fail("unexpected end of input inside braces");
        };
        match c {
            '#' => self.skip_comment(),
            c if is_space(c) => {
                self.accept_run(is_space);
                Ok(None)
            }
            c if is_alpha(c) => {
                self.accept_run(is_alphanumeric);
                self.emit(K::Identifier)
            }
            ',' => self.emit(K::Comma),
            '"' | '\'' => self.quoted(c),
            '`' => self.raw_quoted(),
            '=' => {
                let kind = if self.accept(|c| c == '~') { K::EqualRegexp } else { K::Equal };
                self.emit(kind)
            }
            '!' => match self.bump() {
                Some('~') => self.emit(K::NotRegexp),
                Some('=') => self.emit(K::Op(BinaryOp::NotEqual)),
                other => self.fail_at_char("unexpected character after '!' inside braces", other),
            },
            '{' => self.fail("unexpected left brace '{'"),
            '}' => {
                self.state = if self.series { State::Values } else { State::Statements };
                self.emit(K::RightBrace)
            }
            c => self.fail_at_char("unexpected character inside braces", Some(c)),
        }
    }

    pub(super) fn keyword_or_identifier(&mut self) -> Result<Option<Token>, LexError> {
        self.accept_run(|c| is_alphanumeric(c) || c == ':');
        let word = self.word();
        let kind = match keyword(word, self.dialect) {
            Some(TokenKind::Fill | TokenKind::FillLeft | TokenKind::FillRight) if !self.paren_follows() => {
                TokenKind::Identifier
            }
            Some(kind) => kind,
            None if word.contains(':') => TokenKind::MetricIdentifier,
            None => TokenKind::Identifier,
        };
        if self.series && self.peek() != Some('{') {
            self.state = State::Values;
        } else if self.series {
            self.state = State::Statements;
        }
        self.emit(kind)
    }

    fn paren_follows(&self) -> bool {
        self.text[self.pos..].trim_start_matches(is_space).starts_with('(')
    }
}

/// A character as Go's `%q` shows it; the end of input is -1, which Go shows as U+FFFD.
pub(super) fn quoted(c: Option<char>) -> String {
    c.map_or_else(|| "'\u{FFFD}'".to_owned(), quote_char)
}

pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

pub(super) fn is_alpha(c: char) -> bool {
    c == '_' || c.is_ascii_alphabetic()
}

pub(super) fn is_alphanumeric(c: char) -> bool {
    is_alpha(c) || c.is_ascii_digit()
}
