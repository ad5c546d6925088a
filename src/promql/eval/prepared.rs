//! A query ready to be evaluated.

use super::options::Options;
use crate::promql::ast::Expr;
use crate::promql::value::{EvalError, QueryAnswer};
use crate::tsdb::Tsdb;

/// A query ready to be evaluated, with what it remembers between evaluations.
#[derive(Debug)]
pub struct Prepared {
    expr: Expr,
    options: Options,
}

impl Prepared {
    /// Prepares a checked expression.
    pub fn new(expr: &Expr, options: &Options) -> Self {
        Self { expr: expr.clone(), options: options.clone() }
    }

    /// Evaluates at a Unix time in milliseconds.
    ///
    /// # Errors
    /// What Prometheus would answer: matching errors, limits, run-time argument errors.
    pub fn instant(&mut self, db: &Tsdb, t: i64) -> Result<QueryAnswer, EvalError> {
        let _ = (db, t, &self.expr, &self.options);
        Err(EvalError::execution("the evaluator is not there yet"))
    }

    /// Evaluates at `start`, `start + step`, … up to `end`, in milliseconds; the answer is a matrix.
    ///
    /// # Errors
    /// As [`Self::instant`].
    pub fn range(&mut self, db: &Tsdb, start: i64, end: i64, step: i64) -> Result<QueryAnswer, EvalError> {
        let _ = (db, start, end, step);
        Err(EvalError::execution("the evaluator is not there yet"))
    }
}
