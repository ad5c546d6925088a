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

impl Expr {
    /// Something small to leave behind where an expression is moved out.
    pub(super) fn placeholder() -> Self {
        Self { span: Span::default(), kind: ExprKind::Number { value: 0.0, duration: false } }
    }

    /// The binary operation that this is, with its span.
    pub fn as_binary(&self) -> Option<(Span, &Binary)> {
        match &self.kind {
            ExprKind::Binary(binary) => Some((self.span, binary)),
            _ => None,
        }
    }

    /// The chain of binary operations down the left side, outermost first, and the operand at its end. Empty when this
    /// is no binary operation.
    pub fn left_spine(&self) -> (Vec<(Span, &Binary)>, &Self) {
        let mut spine = Vec::new();
        let mut at = self;
        while let Some((span, binary)) = at.as_binary() {
            spine.push((span, binary));
            at = &binary.lhs;
        }
        (spine, at)
    }

    /// How many operations the chain down the left side has; 0 when this is no binary operation.
    pub fn chain_length(&self) -> usize {
        let mut length = 0;
        let mut at = self;
        while let Some((_, binary)) = at.as_binary() {
            length += 1;
            at = &binary.lhs;
        }
        length
    }

    /// The type of the expression's value.
    pub fn value_type(&self) -> ValueType {
        match &self.kind {
            ExprKind::Number { .. } => ValueType::Scalar,
            ExprKind::String(_) => ValueType::String,
            ExprKind::VectorSelector(_) | ExprKind::Aggregate(_) => ValueType::Vector,
            ExprKind::MatrixSelector { .. } | ExprKind::Subquery(_) => ValueType::Matrix,
            ExprKind::Call(call) => call.function.returns,
            ExprKind::Unary { expr, .. } | ExprKind::Paren(expr) => expr.value_type(),
            ExprKind::Binary(_) => {
                let (spine, leaf) = self.left_spine();
                let scalars = leaf.value_type() == ValueType::Scalar
                    && spine.iter().all(|(_, b)| b.rhs.value_type() == ValueType::Scalar);
                if scalars { ValueType::Scalar } else { ValueType::Vector }
            }
        }
    }
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

impl AggregateOp {
    /// The operator as written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Count => "count",
            Self::Min => "min",
            Self::Max => "max",
            Self::Group => "group",
            Self::Stddev => "stddev",
            Self::Stdvar => "stdvar",
            Self::Topk => "topk",
            Self::Bottomk => "bottomk",
            Self::CountValues => "count_values",
            Self::Quantile => "quantile",
            Self::Limitk => "limitk",
            Self::LimitRatio => "limit_ratio",
        }
    }
}

/// A binary operation. Chains such as `a + b + c` lean to the left and may be long: copying and dropping them, as every
/// walk of this crate, follows the left side in a loop.
#[derive(Debug)]
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

impl BinaryOp {
    /// The operator as written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
            Self::Pow => "^",
            Self::Atan2 => "atan2",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Greater => ">",
            Self::Less => "<",
            Self::GreaterEqual => ">=",
            Self::LessEqual => "<=",
            Self::And => "and",
            Self::Or => "or",
            Self::Unless => "unless",
            Self::TrimUpper => "</",
            Self::TrimLower => ">/",
        }
    }

    /// `== != > < >= <=`
    pub fn is_comparison(self) -> bool {
        matches!(self, Self::Equal | Self::NotEqual | Self::Greater | Self::Less | Self::GreaterEqual | Self::LessEqual)
    }

    /// `and or unless`
    pub fn is_set(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::Unless)
    }
}

impl Clone for Binary {
    fn clone(&self) -> Self {
        let mut spine = vec![self];
        while let Some((_, inner)) = spine.last().and_then(|b| b.lhs.as_binary()) {
            spine.push(inner);
        }
        let copy = |b: &Self, lhs: Expr| Self {
            op: b.op,
            lhs,
            rhs: b.rhs.clone(),
            return_bool: b.return_bool,
            matching: b.matching.clone(),
        };
        let mut lhs = spine.last().map_or_else(Expr::placeholder, |b| b.lhs.clone());
        for pair in spine.windows(2).rev() {
            let (outer, inner) = (pair[0], pair[1]);
            lhs = Expr { span: outer.lhs.span, kind: ExprKind::Binary(Box::new(copy(inner, lhs))) };
        }
        copy(self, lhs)
    }
}

impl PartialEq for Binary {
    fn eq(&self, other: &Self) -> bool {
        let (mut a, mut b) = (self, other);
        loop {
            let same = a.op == b.op && a.rhs == b.rhs && a.return_bool == b.return_bool && a.matching == b.matching;
            if !same || a.lhs.span != b.lhs.span {
                return false;
            }
            match (&a.lhs.kind, &b.lhs.kind) {
                (ExprKind::Binary(x), ExprKind::Binary(y)) => (a, b) = (x, y),
                (x, y) => return x == y,
            }
        }
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        let mut next = std::mem::replace(&mut self.lhs, Expr::placeholder());
        while let ExprKind::Binary(inner) = &mut next.kind {
            let lhs = std::mem::replace(&mut inner.lhs, Expr::placeholder());
            next = lhs;
        }
    }
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

impl ValueType {
    /// The name in the API and in rules' checks: `scalar`, `vector`, `matrix`, `string`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Vector => "vector",
            Self::Matrix => "matrix",
            Self::String => "string",
        }
    }

    /// The name in documentation and most messages: `instant vector`, `range vector`.
    pub fn documented(self) -> &'static str {
        match self {
            Self::Vector => "instant vector",
            Self::Matrix => "range vector",
            other => other.as_str(),
        }
    }
}
