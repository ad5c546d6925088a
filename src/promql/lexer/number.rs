//! Numbers and durations.

use super::scan::{LexError, Lexer, is_alphanumeric};
use super::token::{Token, TokenKind};
use crate::golang::quote;
use crate::promql::Dialect;

impl Lexer<'_> {
    pub(super) fn number_or_duration_from_start(&mut self) -> Result<Option<Token>, LexError> {
        self.pos = self.start;
        if self.scan_number() {
            return self.emit(TokenKind::Number);
        }
        if self.scan_rest_of_duration() {
            return self.emit(TokenKind::Duration);
        }
        self.fail(format!("bad number or duration syntax: {}", quote(self.word())))
    }

    /// What stands behind `[` in 2.42: a duration and nothing else.
    pub(super) fn duration_2_42(&mut self) -> Result<Option<Token>, LexError> {
        if self.scan_number() {
            return self.fail("missing unit character in duration");
        }
        if self.scan_rest_of_duration() {
            return self.emit(TokenKind::Duration);
        }
        self.fail(format!("bad duration syntax: {}", quote(self.word())))
    }

    pub(super) fn number(&mut self) -> Result<Option<Token>, LexError> {
        if self.scan_number() {
            return self.emit(TokenKind::Number);
        }
        self.fail(format!("bad number syntax: {}", quote(self.word())))
    }

    /// Behind the first digits of a duration: a unit, then further digits and units. Where it fails, the last
    /// character looked at counts as read, as the messages show it.
    fn scan_rest_of_duration(&mut self) -> bool {
        if !self.accept(|c| "smhdwy".contains(c)) {
            return false;
        }
        self.accept(|c| c == 's');
        while self.accept(|c| c.is_ascii_digit()) {
            self.accept_run(|c| c.is_ascii_digit());
            if !self.accept(|c| "smhdw".contains(c)) {
                return false;
            }
            self.accept(|c| c == 's');
        }
        !self.accept(is_alphanumeric)
    }

    fn scan_number(&mut self) -> bool {
        let scanned = if self.dialect == Dialect::V2_42 { self.scan_number_2_42() } else { self.scan_number_3() };
        scanned
            && match self.peek() {
                Some('x') if self.series => true,
                Some(c) => !is_alphanumeric(c),
                None => true,
            }
    }

    fn scan_hexadecimal_prefix(&mut self) -> bool {
        // In series descriptions `0x3` is zero, four times.
        !self.series && self.accept(|c| c == '0') && self.accept(|c| c == 'x' || c == 'X')
    }

    fn scan_number_2_42(&mut self) -> bool {
        let hexadecimal = self.scan_hexadecimal_prefix();
        let digit = move |c: char| if hexadecimal { c.is_ascii_hexdigit() } else { c.is_ascii_digit() };
        self.accept_run(digit);
        if self.accept(|c| c == '.') {
            self.accept_run(digit);
        }
        if self.accept(|c| c == 'e' || c == 'E') {
            self.accept(|c| c == '+' || c == '-');
            self.accept_run(|c| c.is_ascii_digit());
        }
        true
    }

    fn scan_number_3(&mut self) -> bool {
        let before = self.pos;
        let hexadecimal = self.scan_hexadecimal_prefix();
        if hexadecimal {
            self.accept(|c| c == '_');
        }
        let digit = move |c: char| if hexadecimal { c.is_ascii_hexdigit() } else { c.is_ascii_digit() };
        let exponent = |c: char| c == 'e' || c == 'E';
        self.accept(|c| c == '.');
        self.accept(digit);
        let (mut dot_seen, mut exponent_seen) = (false, false);
        while self.peek().is_some_and(|c| digit(c) || c == '.' || c == '_' || exponent(c)) {
            let c = self.peek().unwrap_or('0');
            if (c == '.' && dot_seen) || (exponent(c) && exponent_seen) {
                self.pos += 1;
                return false;
            }
            if self.accept(|c| c == '.') {
                dot_seen = true;
                if self.accept(|c| c == '_' || c == '.') || hexadecimal {
                    return false;
                }
            } else if self.accept(exponent) {
                exponent_seen = true;
                self.accept(|c| c == '+' || c == '-');
                if self.accept(|c| "._eE".contains(c)) || self.peek().is_none() {
                    return false;
                }
            } else if self.accept(|c| c == '_') {
                if self.accept(|c| "._eE".contains(c)) || self.peek().is_none() {
                    return false;
                }
            } else {
                self.accept_run(digit);
            }
        }
        self.pos != before
    }
}
