//! Histogram literals of series descriptions: `{{schema:1 sum:4 count:7 buckets:[3 4] offset:-1}}`.

use super::{Fail, Parsed, Parser};
use crate::model::{CounterResetHint, FloatHistogram};
use crate::promql::lexer::{HistogramKey, TokenKind};
use crate::text::Span;

/// A histogram literal.
pub(super) struct Histogram {
    /// The histogram.
    pub value: FloatHistogram,
    /// Whether `counter_reset_hint` was written.
    pub hint_set: bool,
}

impl Parser<'_> {
    pub(super) fn histogram_literal(&mut self) -> Parsed<Histogram> {
        self.expect(TokenKind::OpenHistogram)?;
        let mut parts = HistogramParts::default();
        self.take(TokenKind::Space)?;
        if self.take(TokenKind::CloseHistogram)?.is_some() {
            return Ok(parts.build());
        }
        loop {
            self.histogram_entry(&mut parts)?;
            let end = self.histogram_entry_end();
            let wanted = "histogram description key, e.g. buckets:[5 10 7]";
            if self.within(end, "histogram description", wanted)? {
                return Ok(parts.build());
            }
        }
    }

    /// Whether the literal ends behind an entry.
    fn histogram_entry_end(&mut self) -> Parsed<bool> {
        if self.take(TokenKind::CloseHistogram)?.is_some() {
            return Ok(true);
        }
        self.expect(TokenKind::Space)?;
        match self.peek()? {
            TokenKind::CloseHistogram => self.next().map(|_| true),
            TokenKind::Histogram(_) => Ok(false),
            _ => Err(Fail::Unexpected),
        }
    }

    fn histogram_entry(&mut self, parts: &mut HistogramParts) -> Parsed<()> {
        use HistogramKey as K;
        let TokenKind::Histogram(key) = self.peek()? else {
            return Err(Fail::Unexpected);
        };
        let token = self.next()?;
        if parts.seen.contains(&key) {
            let name = self.word(token).to_ascii_lowercase();
            return Err(self.error(Span::default(), format!("duplicate key \"{name}\" in histogram")));
        }
        parts.seen.push(key);
        self.expect(TokenKind::Colon)?;
        match key {
            K::Schema => parts.schema = self.signed_integer()?,
            K::Sum => parts.sum = self.plain_signed_number()?,
            K::Count => parts.count = self.plain_signed_number()?,
            K::ZeroCount => parts.zero_count = self.plain_signed_number()?,
            K::ZeroWidth => {
                let token = self.expect(TokenKind::Number)?;
                parts.zero_width = self.number_value(token)?;
            }
            K::Buckets => parts.buckets = self.bucket_list()?,
            K::NegativeBuckets => parts.negative_buckets = self.bucket_list()?,
            K::Offset => parts.offset = self.signed_integer()?,
            K::NegativeOffset => parts.negative_offset = self.signed_integer()?,
            K::CustomValues => parts.custom_values = self.bucket_list()?,
            K::ResetHint => {
                let TokenKind::ResetHint(hint) = self.peek()? else {
                    return Err(Fail::Unexpected);
                };
                self.next()?;
                parts.hint = Some(hint);
            }
        }
        Ok(())
    }

    fn bucket_list(&mut self) -> Parsed<Vec<f64>> {
        self.expect(TokenKind::LeftBracket)?;
        let mut list = vec![self.plain_signed_number()?];
        while self.take(TokenKind::RightBracket)?.is_none() {
            self.expect(TokenKind::Space)?;
            if self.take(TokenKind::RightBracket)?.is_some() {
                break;
            }
            list.push(self.plain_signed_number()?);
        }
        Ok(list)
    }
}

#[derive(Default)]
struct HistogramParts {
    seen: Vec<HistogramKey>,
    schema: i32,
    sum: f64,
    count: f64,
    zero_count: f64,
    zero_width: f64,
    buckets: Vec<f64>,
    negative_buckets: Vec<f64>,
    offset: i32,
    negative_offset: i32,
    custom_values: Vec<f64>,
    hint: Option<CounterResetHint>,
}

impl HistogramParts {
    fn build(self) -> Histogram {
        let indexed = |buckets: Vec<f64>, offset: i32| (offset..).zip(buckets).collect();
        let value = FloatHistogram {
            hint: self.hint.unwrap_or_default(),
            schema: self.schema,
            zero_threshold: self.zero_width,
            zero_count: self.zero_count,
            count: self.count,
            sum: self.sum,
            positive: indexed(self.buckets, self.offset),
            negative: indexed(self.negative_buckets, self.negative_offset),
            custom_values: self.custom_values.into(),
        };
        Histogram { value, hint_set: self.hint.is_some() }
    }
}
