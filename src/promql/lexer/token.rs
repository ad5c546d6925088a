//! The tokens, their keywords and how messages name them.

use crate::golang::quote;
use crate::promql::Dialect;
use crate::promql::ast::{AggregateOp, BinaryOp};
use crate::text::Span;

/// A token and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::promql) struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Its bytes.
    pub span: Span,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::promql) enum TokenKind {
    Comment,
    Eof,
    Identifier,
    /// An identifier with a colon.
    MetricIdentifier,
    Number,
    Duration,
    String,
    Comma,
    Colon,
    LeftParen,
    RightParen,
    LeftBrace,
    RightBrace,
    LeftBracket,
    RightBracket,
    /// `=`
    Equal,
    EqualRegexp,
    NotRegexp,
    At,
    /// A binary operator, `and`, `or`, `unless` and `atan2` among them.
    Op(BinaryOp),
    Aggregate(AggregateOp),
    Bool,
    By,
    GroupLeft,
    GroupRight,
    Ignoring,
    Offset,
    Anchored,
    Smoothed,
    On,
    Without,
    Fill,
    FillLeft,
    FillRight,
    Start,
    End,
    Step,
    Range,
    // Only in series descriptions.
    Space,
    Blank,
    Times,
    OpenHistogram,
    CloseHistogram,
    Histogram(HistogramKey),
    ResetHint(crate::model::CounterResetHint),
}

/// The keys of a histogram in a series description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::promql) enum HistogramKey {
    Schema,
    Sum,
    Count,
    ZeroCount,
    ZeroWidth,
    Buckets,
    Offset,
    NegativeBuckets,
    NegativeOffset,
    CustomValues,
    ResetHint,
}

/// The keyword that a word is in this dialect; case does not matter.
pub(super) fn keyword(word: &str, dialect: Dialect) -> Option<TokenKind> {
    use TokenKind as K;
    if word.len() > 12 || !word.is_ascii() {
        return None;
    }
    let mut lower = [0; 12];
    for (to, from) in lower.iter_mut().zip(word.bytes()) {
        *to = from.to_ascii_lowercase();
    }
    let kind = match &lower[..word.len()] {
        b"and" => K::Op(BinaryOp::And),
        b"or" => K::Op(BinaryOp::Or),
        b"unless" => K::Op(BinaryOp::Unless),
        b"atan2" => K::Op(BinaryOp::Atan2),
        b"sum" => K::Aggregate(AggregateOp::Sum),
        b"avg" => K::Aggregate(AggregateOp::Avg),
        b"count" => K::Aggregate(AggregateOp::Count),
        b"min" => K::Aggregate(AggregateOp::Min),
        b"max" => K::Aggregate(AggregateOp::Max),
        b"group" => K::Aggregate(AggregateOp::Group),
        b"stddev" => K::Aggregate(AggregateOp::Stddev),
        b"stdvar" => K::Aggregate(AggregateOp::Stdvar),
        b"topk" => K::Aggregate(AggregateOp::Topk),
        b"bottomk" => K::Aggregate(AggregateOp::Bottomk),
        b"count_values" => K::Aggregate(AggregateOp::CountValues),
        b"quantile" => K::Aggregate(AggregateOp::Quantile),
        b"offset" => K::Offset,
        b"by" => K::By,
        b"without" => K::Without,
        b"on" => K::On,
        b"ignoring" => K::Ignoring,
        b"group_left" => K::GroupLeft,
        b"group_right" => K::GroupRight,
        b"bool" => K::Bool,
        b"start" => K::Start,
        b"end" => K::End,
        b"inf" | b"nan" => K::Number,
        _ if dialect == Dialect::V2_42 => return None,
        b"limitk" => K::Aggregate(AggregateOp::Limitk),
        b"limit_ratio" => K::Aggregate(AggregateOp::LimitRatio),
        b"smoothed" => K::Smoothed,
        b"anchored" => K::Anchored,
        b"fill" => K::Fill,
        b"fill_left" => K::FillLeft,
        b"fill_right" => K::FillRight,
        b"step" => K::Step,
        b"range" => K::Range,
        _ => return None,
    };
    Some(kind)
}

impl TokenKind {
    /// Whether the token may be a metric's name where a selector is expected.
    pub fn is_metric_name(self) -> bool {
        match self {
            Self::Op(op) => matches!(op, BinaryOp::And | BinaryOp::Or | BinaryOp::Unless),
            Self::Identifier
            | Self::MetricIdentifier
            | Self::Aggregate(_)
            | Self::By
            | Self::Without
            | Self::Offset
            | Self::Start
            | Self::End
            | Self::Step
            | Self::Range
            | Self::Anchored
            | Self::Smoothed => true,
            _ => false,
        }
    }

    /// Whether the token may be a label's name in a list of labels; `without` is the one metric name that is none.
    pub fn is_label_name(self) -> bool {
        (self.is_metric_name() && self != Self::Without)
            || matches!(
                self,
                Self::Bool
                    | Self::GroupLeft
                    | Self::GroupRight
                    | Self::Ignoring
                    | Self::On
                    | Self::Op(BinaryOp::Atan2)
                    | Self::Fill
                    | Self::FillLeft
                    | Self::FillRight
            )
    }

    /// Whether an expression may begin with the token.
    pub fn begins_expression(self, dialect: Dialect) -> bool {
        self.is_metric_name()
            || matches!(
                self,
                Self::Number
                    | Self::String
                    | Self::LeftParen
                    | Self::LeftBrace
                    | Self::Op(BinaryOp::Add | BinaryOp::Sub)
            )
            || (self == Self::Duration && dialect == Dialect::V3)
    }

    /// How messages name the token whose text is `text`. 2.42 has no name for one operator and shows its number.
    pub fn describe(self, text: &str, dialect: Dialect) -> String {
        match self {
            Self::At if dialect == Dialect::V2_42 => "\"<Item 57385>\" <op:@>".to_owned(),
            Self::Eof => "end of input".to_owned(),
            Self::Identifier => format!("identifier {}", quote(text)),
            Self::MetricIdentifier => format!("metric identifier {}", quote(text)),
            Self::Number => format!("number {}", shortened(text)),
            Self::Duration => format!("duration {}", shortened(text)),
            Self::String => format!("string {}", shortened(text)),
            Self::Op(_) | Self::EqualRegexp | Self::NotRegexp | Self::At => format!("<op:{text}>"),
            Self::Aggregate(_) => format!("<aggr:{text}>"),
            Self::Bool
            | Self::By
            | Self::GroupLeft
            | Self::GroupRight
            | Self::Ignoring
            | Self::Offset
            | Self::Anchored
            | Self::Smoothed
            | Self::On
            | Self::Without
            | Self::Fill
            | Self::FillLeft
            | Self::FillRight => format!("<{text}>"),
            _ => shortened(text),
        }
    }
}

/// Quoted, and cut after ten characters.
fn shortened(text: &str) -> String {
    if text.len() <= 10 {
        return quote(text);
    }
    let cut: String = text.chars().take(10).collect();
    format!("{}...", quote(&cut))
}
