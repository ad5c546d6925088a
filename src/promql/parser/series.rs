//! Series descriptions of acceptance scripts and unit tests: `metric{a="b"} 1+2x3 _ stale {{schema:0 sum:1}}x2`.

use std::sync::Arc;

use super::literal::parse_number;
use super::{Fail, ParseError, Parsed, Parser};
use crate::golang::quote;
use crate::model::FloatHistogram;
use crate::model::{Labels, METRIC_NAME, stale_nan};
use crate::promql::Dialect;
use crate::promql::ast::BinaryOp;
use crate::promql::lexer::{Lexer, Token, TokenKind};
use crate::promql::parser::ParseOptions;
use crate::text::Span;

/// A description may expand to this many values at most; upstream has no limit and runs out of memory.
const MAX_VALUES: u64 = 10_000_000;

/// A series with its values.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesDescription {
    /// The labels, the metric's name among them.
    pub labels: Labels,
    /// One value per step.
    pub values: Vec<SequenceValue>,
}

/// A series with its values as they are written.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesRuns {
    /// The labels, the metric's name among them.
    pub labels: Labels,
    /// A label that is written twice, which no store takes.
    pub repeated: Option<Arc<str>>,
    /// The values.
    pub runs: Vec<SequenceRun>,
}

/// Values of a series description as they are written, before they are counted out.
#[derive(Clone, Debug, PartialEq)]
pub enum SequenceRun {
    /// So many steps without a sample.
    Omitted(u64),
    /// A float, perhaps the staleness marker, and so many more, each larger than the one before by the step if there is
    /// one: by repeated addition, whose rounding shows in the last digit.
    Floats {
        /// The first.
        first: f64,
        /// What is added.
        step: Option<f64>,
        /// How many follow.
        more: u64,
    },
    /// A native histogram, as in [`SequenceValue`], and so many more of the same.
    Histograms {
        /// The histogram.
        histogram: Arc<FloatHistogram>,
        /// Whether `counter_reset_hint` was written.
        hint_set: bool,
        /// How many follow.
        more: u64,
    },
}

impl SequenceRun {
    /// How many values it stands for.
    pub fn count(&self) -> u64 {
        match self {
            Self::Omitted(count) => *count,
            Self::Floats { more, .. } | Self::Histograms { more, .. } => more.saturating_add(1),
        }
    }

    /// The float behind one of a run. Nothing is added where nothing is written, so that a marker stays one.
    #[inline]
    pub fn next_float(float: f64, step: Option<f64>) -> f64 {
        step.map_or(float, |step| float + step)
    }

    fn expand(self, values: &mut Vec<SequenceValue>) {
        match self {
            Self::Omitted(count) => values.extend((0..count).map(|_| SequenceValue::Omitted)),
            Self::Floats { mut first, step, more } => {
                values.reserve(usize::try_from(more).unwrap_or(0).saturating_add(1));
                for _ in 0..=more {
                    values.push(SequenceValue::Float(first));
                    first = Self::next_float(first, step);
                }
            }
            Self::Histograms { histogram, hint_set, more } => {
                let value = SequenceValue::Histogram { histogram, hint_set };
                values.extend((0..=more).map(|_| value.clone()));
            }
        }
    }
}

/// The values read so far.
#[derive(Default)]
pub(super) struct Runs {
    items: Vec<SequenceRun>,
    count: u64,
}

impl Runs {
    fn push(&mut self, run: SequenceRun) {
        self.count = self.count.saturating_add(run.count());
        self.items.push(run);
    }
}

/// A value of a series description.
#[derive(Clone, Debug, PartialEq)]
pub enum SequenceValue {
    /// No sample at this step.
    Omitted,
    /// A float, perhaps the staleness marker.
    Float(f64),
    /// A native histogram.
    Histogram {
        /// The histogram.
        histogram: Arc<FloatHistogram>,
        /// Whether `counter_reset_hint` was written; if not, the hint is not compared.
        hint_set: bool,
    },
}

impl SequenceValue {
    /// The float, if it is one.
    pub fn float(&self) -> Option<f64> {
        match self {
            Self::Float(v) => Some(*v),
            _ => None,
        }
    }
}

/// Reads a series description.
///
/// # Errors
/// What Prometheus would say, with the place; and more than ten million values.
pub fn parse_series_description(text: &str, dialect: Dialect) -> Result<SeriesDescription, ParseError> {
    let SeriesRuns { labels, runs, .. } = parse_series_runs(text, dialect)?;
    let mut values = Vec::new();
    runs.into_iter().for_each(|run| run.expand(&mut values));
    Ok(SeriesDescription { labels, values })
}

/// Reads a series description and leaves its values as they are written.
///
/// # Errors
/// As [`parse_series_description`].
pub fn parse_series_runs(text: &str, dialect: Dialect) -> Result<SeriesRuns, ParseError> {
    let mut parser = series_parser(text, dialect);
    let result = parser.series_description();
    parser.finish(result)
}

/// Reads a metric alone: `name{a="b"}`.
///
/// # Errors
/// What Prometheus would say, with the place.
pub fn parse_metric(text: &str, dialect: Dialect) -> Result<Labels, ParseError> {
    let mut parser = Parser::new(text, &ParseOptions::experimental(dialect));
    let result = parser.metric().and_then(|labels| parser.expect(TokenKind::Eof).map(|_| labels));
    parser.finish(result)
}

fn series_parser(text: &str, dialect: Dialect) -> Parser<'_> {
    let mut parser = Parser::new(text, &ParseOptions::experimental(dialect));
    parser.lexer = Lexer::for_series(text, dialect);
    parser
}

/// The first name, in order of name, that stands twice with a value.
fn repeated_name(pairs: &[(Arc<str>, Arc<str>)]) -> Option<Arc<str>> {
    let mut names: Vec<&Arc<str>> = pairs.iter().filter(|(_, v)| !v.is_empty()).map(|(n, _)| n).collect();
    names.sort_unstable();
    names.windows(2).find(|w| w[0] == w[1]).map(|w| Arc::clone(w[0]))
}

impl Parser<'_> {
    fn series_description(&mut self) -> Parsed<SeriesRuns> {
        let pairs = self.metric_pairs()?;
        let repeated = repeated_name(&pairs);
        let labels = Labels::from_pairs(pairs);
        let runs = self.series_values();
        let runs = self.within(runs, "series values", "")?.items;
        Ok(SeriesRuns { labels, repeated, runs })
    }

    fn metric(&mut self) -> Parsed<Labels> {
        self.metric_pairs().map(Labels::from_pairs)
    }

    fn metric_pairs(&mut self) -> Parsed<Vec<(Arc<str>, Arc<str>)>> {
        const CONTEXT: &str = "label set";
        let mut pairs: Vec<(Arc<str>, Arc<str>)> = Vec::new();
        let first = self.peek_token()?;
        let mut name = None;
        if first.kind.is_metric_name() {
            self.next()?;
            name = Some(self.word(first));
        }
        if self.take(TokenKind::LeftBrace)?.is_some() && self.take(TokenKind::RightBrace)?.is_none() {
            loop {
                let pair = self.label_pair();
                pairs.push(self.within(pair, CONTEXT, "identifier or \"}\"")?);
                let separator = self.comma_or_right_brace();
                let closed = self.within(separator, CONTEXT, "\",\" or \"}\"")?.is_some();
                if closed || self.take(TokenKind::RightBrace)?.is_some() {
                    break;
                }
            }
        }
        pairs.extend(name.map(|n| (METRIC_NAME.into(), n.into())));
        Ok(pairs)
    }

    fn label_pair(&mut self) -> Parsed<(Arc<str>, Arc<str>)> {
        const CONTEXT: &str = "label set";
        let label = self.peek_token()?;
        let quoted = label.kind == TokenKind::String && self.is_v3();
        if label.kind != TokenKind::Identifier && !quoted {
            return Err(Fail::Unexpected);
        }
        self.next()?;
        let name: Arc<str> = if quoted { self.unquoted(label)?.into() } else { self.word(label).into() };
        if quoted && self.peek()? != TokenKind::Equal {
            return Ok((METRIC_NAME.into(), name));
        }
        let equal = self.expect(TokenKind::Equal);
        self.within(equal, CONTEXT, "\"=\"")?;
        let value = self.expect(TokenKind::String);
        let value = self.within(value, CONTEXT, "string")?;
        Ok((name, self.unquoted(value)?.into()))
    }

    fn series_values(&mut self) -> Parsed<Runs> {
        let mut values = Runs::default();
        // Right behind the labels the error is one of the values.
        if !matches!(self.peek()?, TokenKind::Eof | TokenKind::Space) {
            return Err(Fail::Unexpected);
        }
        loop {
            if self.take(TokenKind::Eof)?.is_some() {
                return Ok(values);
            }
            // Between values Go's parser has no word for where it is.
            if self.peek()? != TokenKind::Space {
                return Err(self.unexpected("", ""));
            }
            self.next()?;
            match self.peek()? {
                TokenKind::Space | TokenKind::Eof => {}
                TokenKind::Op(BinaryOp::Add | BinaryOp::Sub)
                | TokenKind::Blank
                | TokenKind::OpenHistogram
                | TokenKind::Identifier
                | TokenKind::Number => self.series_item(&mut values)?,
                _ => return Err(self.unexpected("", "")),
            }
        }
    }

    pub(super) fn series_item(&mut self, values: &mut Runs) -> Parsed<()> {
        match self.peek()? {
            TokenKind::Blank => {
                self.next()?;
                let count = if self.take(TokenKind::Times)?.is_some() { self.repetitions(values)? } else { 1 };
                values.push(SequenceRun::Omitted(count));
                Ok(())
            }
            TokenKind::OpenHistogram => self.histogram_item(values),
            _ => self.float_item(values),
        }
    }

    fn float_item(&mut self, values: &mut Runs) -> Parsed<()> {
        let token = self.peek_token()?;
        let first = if token.kind == TokenKind::Identifier {
            if self.word(token) != "stale" {
                return Err(self.unexpected("series values", "number or \"stale\""));
            }
            self.next()?;
            stale_nan()
        } else {
            self.plain_signed_number()?
        };
        let mut step = None;
        if matches!(self.peek()?, TokenKind::Op(BinaryOp::Add | BinaryOp::Sub)) {
            step = Some(self.plain_signed_number()?);
        }
        let more = match step {
            Some(_) => {
                self.expect(TokenKind::Times)?;
                self.repetitions(values)?
            }
            None if self.take(TokenKind::Times)?.is_some() => self.repetitions(values)?,
            None => 0,
        };
        values.push(SequenceRun::Floats { first, step, more });
        Ok(())
    }

    pub(super) fn plain_signed_number(&mut self) -> Parsed<f64> {
        let negative = match self.peek()? {
            TokenKind::Op(BinaryOp::Add) => self.next().map(|_| false)?,
            TokenKind::Op(BinaryOp::Sub) => self.next().map(|_| true)?,
            _ => false,
        };
        let token = self.expect(TokenKind::Number)?;
        let value = self.number_value(token)?;
        Ok(if negative { -value } else { value })
    }

    pub(super) fn number_value(&self, token: Token) -> Parsed<f64> {
        parse_number(self.word(token)).map_err(|m| self.error(token.span, format!("error parsing number: {m}")))
    }

    fn unsigned_integer(&mut self) -> Parsed<u64> {
        let token = self.expect(TokenKind::Number)?;
        let word = self.word(token);
        word.parse().map_err(|e: std::num::ParseIntError| {
            let why = match e.kind() {
                std::num::IntErrorKind::PosOverflow => "value out of range",
                _ => "invalid syntax",
            };
            let message =
                format!("invalid repetition in series values: strconv.ParseUint: parsing {}: {why}", quote(word));
            self.error(token.span, message)
        })
    }

    /// A repetition count that the budget allows.
    fn repetitions(&mut self, values: &Runs) -> Parsed<u64> {
        let place = self.peek_token()?.span;
        let count = self.unsigned_integer()?;
        if count.saturating_add(values.count) > MAX_VALUES {
            return Err(self.error(place, format!("series has more than {MAX_VALUES} values")));
        }
        Ok(count)
    }

    pub(super) fn signed_integer(&mut self) -> Parsed<i32> {
        let negative = self.take(TokenKind::Op(BinaryOp::Sub))?.is_some();
        let place = self.peek_token()?.span;
        let magnitude = self.unsigned_integer()?;
        let value = i32::try_from(magnitude).map_err(|_| self.error(place, "integer out of range in histogram"))?;
        Ok(if negative { -value } else { value })
    }

    fn histogram_item(&mut self, values: &mut Runs) -> Parsed<()> {
        let base = self.histogram_literal()?;
        let subtract = match self.peek()? {
            TokenKind::Op(BinaryOp::Add) => false,
            TokenKind::Op(BinaryOp::Sub) => true,
            other => {
                let more = if other == TokenKind::Times {
                    self.next()?;
                    self.repetitions(values)?
                } else {
                    0
                };
                let (histogram, hint_set) = (Arc::new(base.value), base.hint_set);
                values.push(SequenceRun::Histograms { histogram, hint_set, more });
                return Ok(());
            }
        };
        self.next()?;
        let step = self.histogram_literal()?;
        self.expect(TokenKind::Times)?;
        let place = self.peek_token()?.span;
        let count = self.repetitions(values)?;
        let mut current = base.value;
        for i in 0..=count {
            let histogram = Arc::new(current.clone());
            values.push(SequenceRun::Histograms { histogram, hint_set: step.hint_set, more: 0 });
            if i < count {
                current = self.combined(place, &current, &step.value, subtract)?;
            }
        }
        Ok(())
    }

    fn combined(
        &self,
        place: Span,
        current: &FloatHistogram,
        step: &FloatHistogram,
        subtract: bool,
    ) -> Parsed<FloatHistogram> {
        if current.schema > step.schema {
            let message =
                format!("error combining histograms: cannot merge from schema {} to {}", step.schema, current.schema);
            return Err(self.error(place, message));
        }
        let mut sum = current.clone();
        let combined = if subtract { sum.subtract(step) } else { sum.add(step) };
        combined.map_err(|e| self.error(place, e.to_string()))?;
        Ok(sum)
    }
}
