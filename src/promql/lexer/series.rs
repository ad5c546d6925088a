//! The values of a series description: `1+2x3 _ stale {{schema:0 sum:1 buckets:[1 2]}}`.

use super::scan::{LexError, Lexer, State, is_alpha, is_space, quoted};
use super::token::{HistogramKey, Token, TokenKind, keyword};
use crate::golang::quote;
use crate::model::CounterResetHint;
use crate::promql::Dialect;
use crate::promql::ast::BinaryOp;

impl Lexer<'_> {
    pub(super) fn value_sequence(&mut self) -> Result<Option<Token>, LexError> {
        use TokenKind as K;
        let Some(c) = self.bump() else {
            return self.emit(K::Eof);
        };
        match c {
            '{' if self.dialect == Dialect::V3 && self.peek() == Some('{') => {
                self.pos += 1;
                self.state = State::Histogram;
                self.emit(K::OpenHistogram)
            }
            c if is_space(c) => self.spaces(),
            '+' => self.emit(K::Op(BinaryOp::Add)),
            '-' => self.emit(K::Op(BinaryOp::Sub)),
            'x' => self.emit(K::Times),
            '_' => self.emit(K::Blank),
            '0'..='9' => {
                self.pos = self.start;
                self.number()
            }
            '.' if self.peek().is_some_and(|c| c.is_ascii_digit()) => {
                self.pos = self.start;
                self.number()
            }
            c if is_alpha(c) => {
                self.pos = self.start;
                self.keyword_or_identifier()
            }
            c => self.fail(format!("unexpected character in series sequence: {}", quoted(Some(c)))),
        }
    }

    fn spaces(&mut self) -> Result<Option<Token>, LexError> {
        let token = self.emit(TokenKind::Space);
        self.accept_run(is_space);
        token
    }

    pub(super) fn histogram(&mut self) -> Result<Option<Token>, LexError> {
        use TokenKind as K;
        let c = self.bump();
        match c {
            Some(c) if is_space(c) => self.spaces(),
            Some(c) if is_alpha(c) => self.histogram_word(),
            Some(':') => self.emit(K::Colon),
            Some('-') => self.emit(K::Op(BinaryOp::Sub)),
            Some('0'..='9') => {
                self.pos = self.start;
                self.number()
            }
            Some('[') => {
                self.state = State::Buckets;
                self.emit(K::LeftBracket)
            }
            Some('}') if self.peek() == Some('}') => {
                self.pos += 1;
                self.state = State::Values;
                self.emit(K::CloseHistogram)
            }
            c => self.fail(format!("histogram description incomplete unexpected: {}", quoted(c))),
        }
    }

    fn histogram_word(&mut self) -> Result<Option<Token>, LexError> {
        self.accept_run(is_alpha);
        let word = self.word();
        if let Some(key) = histogram_key(word) {
            if self.peek() == Some(':') {
                return self.emit(TokenKind::Histogram(key));
            }
            return self.fail("missing `:` for histogram descriptor");
        }
        if keyword(word, self.dialect) == Some(TokenKind::Number) {
            return self.emit(TokenKind::Number);
        }
        match reset_hint(word) {
            Some(hint) => self.emit(TokenKind::ResetHint(hint)),
            None => self.fail(format!("bad histogram descriptor found: {}", quote(word))),
        }
    }

    pub(super) fn buckets(&mut self) -> Result<Option<Token>, LexError> {
        use TokenKind as K;
        let c = self.bump();
        match c {
            Some(c) if is_space(c) => self.spaces(),
            Some('-') => self.emit(K::Op(BinaryOp::Sub)),
            Some('0'..='9') => {
                self.pos = self.start;
                self.number()
            }
            Some(']') => {
                self.state = State::Histogram;
                self.emit(K::RightBracket)
            }
            Some(c) if is_alpha(c) => {
                self.accept_run(is_alpha);
                if keyword(self.word(), self.dialect) == Some(K::Number) {
                    return self.emit(K::Number);
                }
                self.fail(format!("invalid character in buckets description: {}", quoted(Some(c))))
            }
            c => self.fail(format!("invalid character in buckets description: {}", quoted(c))),
        }
    }
}

fn histogram_key(word: &str) -> Option<HistogramKey> {
    use HistogramKey as H;
    Some(match word.to_ascii_lowercase().as_str() {
        "sum" => H::Sum,
        "count" => H::Count,
        "schema" => H::Schema,
        "offset" => H::Offset,
        "n_offset" => H::NegativeOffset,
        "buckets" => H::Buckets,
        "n_buckets" => H::NegativeBuckets,
        "z_bucket" => H::ZeroCount,
        "z_bucket_w" => H::ZeroWidth,
        "custom_values" => H::CustomValues,
        "counter_reset_hint" => H::ResetHint,
        _ => return None,
    })
}

fn reset_hint(word: &str) -> Option<CounterResetHint> {
    Some(match word.to_ascii_lowercase().as_str() {
        "unknown" => CounterResetHint::Unknown,
        "reset" => CounterResetHint::CounterReset,
        "not_reset" => CounterResetHint::NotCounterReset,
        "gauge" => CounterResetHint::Gauge,
        _ => return None,
    })
}
