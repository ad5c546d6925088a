//! The syntax tree. Every node carries the bytes it was read from.

use std::sync::Arc;

use crate::model::Matcher;
use crate::text::Span;

/// An expression with its place in the query text.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// The bytes of the query it was read from.
    pub span: Span,
    /// What it is.
    pub kind: ExprKind,
}

/// What an expression is.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A number; `text` is kept where a duration was written as a number (dialect 3).
    Number {
        /// The value.
        value: f64,
        /// Whether it was written as a duration (`5m`), which dialect 3 reads as seconds.
        duration: bool,
    },
    /// A string literal, unquoted.
    String(Arc<str>),
    /// An instant vector selector.
    VectorSelector(VectorSelector),
    /// A range vector selector: a vector selector and its range.
    MatrixSelector {
        /// Always a [`ExprKind::VectorSelector`]; its offset and `@` apply to the range.
        selector: Box<Expr>,
        /// The range.
        range: DurationExpr,
    },
    /// `expr[range:step]`
    Subquery(Box<Subquery>),
    /// A function call.
    Call(Call),
    /// An aggregation.
    Aggregate(Box<Aggregate>),
    /// A binary operation.
    Binary(Box<Binary>),
    /// A unary `+` or `-`.
    Unary {
        /// The operator.
        negative: bool,
        /// Its operand.
        expr: Box<Expr>,
    },
    /// A parenthesised expression.
    Paren(Box<Expr>),
}

/// An instant vector selector.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorSelector {
    /// The metric's name as written before the braces, if any (also present among the matchers).
    pub name: Option<Arc<str>>,
    /// All conditions, the name's included.
    pub matchers: Vec<Matcher>,
    /// `offset` and `@`.
    pub modifiers: Modifiers,
    /// `anchored` or `smoothed` after a range (experimental, dialect 3).
    pub extended: Option<ExtendedRange>,
}

/// `anchored` or `smoothed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtendedRange {
    /// `anchored`
    Anchored,
    /// `smoothed`
    Smoothed,
}

/// `offset` and `@` of a selector or subquery.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Modifiers {
    /// `offset`, may be negative.
    pub offset: Option<DurationExpr>,
    /// `@`.
    pub at: Option<At>,
}

/// What stands behind `@`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// A Unix time in milliseconds.
    Timestamp(i64),
    /// `start()`
    Start,
    /// `end()`
    End,
}

/// A duration: constant milliseconds, or an experimental expression of dialect 3.
#[derive(Clone, Debug, PartialEq)]
pub enum DurationExpr {
    /// Milliseconds; negative only in an offset.
    Millis(i64),
    /// `step()`, arithmetic and so on, evaluated when the query's range and step are known.
    Computed(Box<DurationNode>),
}

/// A node of a duration expression.
#[derive(Clone, Debug, PartialEq)]
pub struct DurationNode {
    /// The bytes it was read from.
    pub span: Span,
    /// What it is.
    pub kind: DurationKind,
}

/// What a duration node is.
#[derive(Clone, Debug, PartialEq)]
pub enum DurationKind {
    /// Milliseconds.
    Millis(f64),
    /// `step()`
    Step,
    /// `range()`
    Range,
    /// `min(a, b)`
    Min(Box<DurationNode>, Box<DurationNode>),
    /// `max(a, b)`
    Max(Box<DurationNode>, Box<DurationNode>),
    /// Unary minus or plus.
    Unary {
        /// Whether it is a minus.
        negative: bool,
        /// The operand.
        node: Box<DurationNode>,
    },
    /// Arithmetic.
    Binary {
        /// `+ - * / % ^`
        op: BinaryOp,
        /// Left side.
        lhs: Box<DurationNode>,
        /// Right side.
        rhs: Box<DurationNode>,
    },
    /// A parenthesised node.
    Paren(Box<DurationNode>),
}

/// `expr[range:step]`
#[derive(Clone, Debug, PartialEq)]
pub struct Subquery {
    /// The inner expression.
    pub expr: Expr,
    /// The range.
    pub range: DurationExpr,
    /// The step; without one the default evaluation interval.
    pub step: Option<DurationExpr>,
    /// `offset` and `@`.
    pub modifiers: Modifiers,
}

/// A function call.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The function.
    pub function: &'static super::signature::Function,
    /// The bytes of the function's name.
    pub name_span: Span,
    /// The arguments as written.
    pub args: Vec<Expr>,
}

/// An aggregation.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// The operator.
    pub op: AggregateOp,
    /// The parameter of `topk`, `quantile`, `count_values` and so on.
    pub param: Option<Expr>,
    /// What is aggregated.
    pub expr: Expr,
    /// The labels of `by` or `without`.
    pub grouping: Vec<Arc<str>>,
    /// Whether it is `without`.
    pub without: bool,
}

/// The aggregation operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum AggregateOp {
    Sum,
    Avg,
    Count,
    Min,
    Max,
    Group,
    Stddev,
    Stdvar,
    Topk,
    Bottomk,
    CountValues,
    Quantile,
    Limitk,
    LimitRatio,
}

/// A binary operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Binary {
    /// The operator.
    pub op: BinaryOp,
    /// Left side.
    pub lhs: Expr,
    /// Right side.
    pub rhs: Expr,
    /// Whether `bool` was given.
    pub return_bool: bool,
    /// How vectors are matched; `None` when a side is a scalar.
    pub matching: Option<VectorMatching>,
}

/// The binary operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Atan2,
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
    And,
    Or,
    Unless,
    TrimUpper,
    TrimLower,
}

/// How the two sides of a vector operation find each other.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorMatching {
    /// One-to-one, many-to-one and so on.
    pub cardinality: Cardinality,
    /// The labels of `on` or `ignoring`.
    pub labels: Vec<Arc<str>>,
    /// Whether it is `on`.
    pub on: bool,
    /// The labels of `group_left` or `group_right`.
    pub include: Vec<Arc<str>>,
    /// `fill`, `fill_left`, `fill_right` (experimental, dialect 3): values for sides without a match.
    pub fill: (Option<f64>, Option<f64>),
}

/// How many elements match how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Cardinality {
    OneToOne,
    ManyToOne,
    OneToMany,
    ManyToMany,
}

/// The types of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum ValueType {
    Scalar,
    Vector,
    Matrix,
    String,
}
