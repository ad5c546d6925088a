//! Chains of operators such as `a + b + c`, which lean to the left and may be thousands long: one flat list, so that no
//! walk over them needs stack in proportion.

use super::binary::{VectorScalar, scalar_operation};
use super::build::{Around, is_invariant, is_scalar, node};
use super::context::Context;
use super::matching::VectorOperation;
use super::node::{Kind, Node, vector_of_output};
use super::set_operations::SetOperation;
use super::table::{Grid, Output};
use crate::promql::ast::{Binary, BinaryOp, Expr};
use crate::promql::value::EvalError;
use crate::text::Span;

/// An operand and what is done to it, one operation after the other.
#[derive(Debug)]
pub(crate) struct Chain {
    first: Node,
    links: Vec<Link>,
}

/// An operation on what stands to its left.
#[derive(Debug)]
struct Link {
    operation: Operation,
    right: Node,
}

#[derive(Debug)]
enum Operation {
    Scalars(BinaryOp),
    VectorScalar(Box<VectorScalar>),
    Vectors(Box<VectorOperation>),
    Sets(Box<SetOperation>),
}

/// The node of a binary operation. The part of the chain whose value is the same at every step becomes an operand of its
/// own, which is evaluated once.
pub(crate) fn build(expr: &Expr, around: Around) -> Node {
    let (spine, leaf) = expr.left_spine();
    let mut first = node(leaf, around);
    let (mut scalar, mut invariant) = (is_scalar(leaf), is_invariant(leaf));
    let mut links = Vec::with_capacity(spine.len());
    let mut span = leaf.span;
    for (outer, binary) in spine.into_iter().rev() {
        let right_scalar = is_scalar(&binary.rhs);
        let still_invariant = invariant && is_invariant(&binary.rhs);
        if invariant && !still_invariant && !links.is_empty() {
            let chain = Chain { first, links: std::mem::take(&mut links) };
            first = Node { span, invariant, kind: Kind::Chain(Box::new(chain)) };
        }
        let operation = operation(binary, scalar, right_scalar, outer);
        links.push(Link { operation, right: node(&binary.rhs, around) });
        (scalar, invariant, span) = (scalar && right_scalar, still_invariant, outer);
    }
    Node { span, invariant, kind: Kind::Chain(Box::new(Chain { first, links })) }
}

fn operation(binary: &Binary, left_scalar: bool, right_scalar: bool, span: Span) -> Operation {
    match (left_scalar, right_scalar) {
        (true, true) => Operation::Scalars(binary.op),
        (false, false) if binary.op.is_set() => Operation::Sets(Box::new(SetOperation::new(binary))),
        (false, false) => Operation::Vectors(Box::new(VectorOperation::new(binary, span))),
        (swapped, _) => Operation::VectorScalar(Box::new(VectorScalar::new(binary, swapped, span))),
    }
}

impl Chain {
    pub fn eval(&mut self, cx: &mut Context<'_>, grid: Grid) -> Result<Output, EvalError> {
        let before = cx.samples;
        let mut output = self.first.eval(cx, grid)?;
        for link in &mut self.links {
            let right = link.right.eval(cx, grid)?;
            output = link.operation.apply(cx, output, right, grid, before)?;
        }
        Ok(output)
    }
}

impl Operation {
    /// `before` is what was held before the left side was evaluated.
    fn apply(
        &mut self,
        cx: &mut Context<'_>,
        left: Output,
        right: Output,
        grid: Grid,
        before: usize,
    ) -> Result<Output, EvalError> {
        match self {
            Self::Scalars(op) => match (left, right) {
                (Output::Scalar(mut left), Output::Scalar(right)) => {
                    for (l, r) in left.iter_mut().zip(&right) {
                        *l = scalar_operation(*op, *l, *r);
                    }
                    cx.recycle(right);
                    cx.settle_scalar(before, 2, grid.steps)?;
                    Ok(Output::Scalar(left))
                }
                _ => Err(EvalError::execution("no scalar where a scalar is wanted")),
            },
            Self::VectorScalar(operation) => {
                let (table, scalars) = match (left, right) {
                    (Output::Scalar(scalars), table) if operation.swapped => (vector_of_output(table)?, scalars),
                    (table, Output::Scalar(scalars)) => (vector_of_output(table)?, scalars),
                    _ => return Err(EvalError::execution("no scalar where a scalar is wanted")),
                };
                operation.apply(cx, table, scalars, before).map(Output::Vector)
            }
            Self::Vectors(operation) => {
                let (left, right) = (vector_of_output(left)?, vector_of_output(right)?);
                operation.apply(cx, left, right, before).map(Output::Vector)
            }
            Self::Sets(operation) => {
                let (left, right) = (vector_of_output(left)?, vector_of_output(right)?);
                operation.apply(cx, left, right, before).map(Output::Vector)
            }
        }
    }
}
