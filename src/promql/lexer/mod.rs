//! From a query's bytes to tokens, in Prometheus' own states, so that broken input fails at the same place in the
//! same words.

mod number;
mod quoted;
mod scan;
mod series;
mod token;

pub(super) use scan::{LexError, Lexer};
pub(super) use token::{HistogramKey, Token, TokenKind};
