//! Expressions over several lines, as `format_query` of Prometheus' API gives them.

use super::Dialect;
use super::ast::{Expr, ExprKind};
use super::printer::{aggregation, is_longer_than, operator, print, subquery_suffix};

/// What is longer than this is broken up.
const MAX_WIDTH: usize = 100;

/// Chains longer than this stay on one line: each operation of a chain indents what is left of it once more, so the
/// text grows with the square of the length.
const MAX_CHAIN: usize = 500;

/// The expression with line breaks and two blanks of indentation a level where a part is longer than 100 bytes.
pub fn prettify(expr: &Expr, dialect: Dialect) -> String {
    Pretty { dialect }.at(expr, 0)
}

struct Pretty {
    dialect: Dialect,
}

fn indent(level: usize) -> String {
    "  ".repeat(level)
}

impl Pretty {
    fn needs_split(&self, expr: &Expr) -> bool {
        is_longer_than(expr, self.dialect, MAX_WIDTH)
    }

    fn on_one_line(&self, expr: &Expr, level: usize) -> String {
        format!("{}{}", indent(level), print(expr, self.dialect))
    }

    fn at(&self, expr: &Expr, level: usize) -> String {
        let pad = indent(level);
        match &expr.kind {
            // A sign is put before what its operand became; the operand breaks up on its own.
            ExprKind::Unary { negative, expr } => {
                let sign = if *negative { '-' } else { '+' };
                format!("{pad}{sign}{}", self.at(expr, level).trim())
            }
            // Not indented when it fits, as upstream.
            ExprKind::Subquery(_) if !self.needs_split(expr) => print(expr, self.dialect),
            ExprKind::Subquery(subquery) => {
                format!("{}{}", self.at(&subquery.expr, level), subquery_suffix(subquery, self.dialect))
            }
            _ if !self.needs_split(expr) => self.on_one_line(expr, level),
            ExprKind::Aggregate(aggregate) => {
                let mut out = format!("{pad}{}(\n", aggregation(aggregate, self.dialect));
                if let Some(param) = &aggregate.param {
                    out.push_str(&format!("{},\n", self.at(param, level + 1)));
                }
                out.push_str(&format!("{}\n{pad})", self.at(&aggregate.expr, level + 1)));
                out
            }
            ExprKind::Call(call) => {
                let args: Vec<String> = call.args.iter().map(|a| self.at(a, level + 1)).collect();
                format!("{pad}{}(\n{}\n{pad})", call.function.name, args.join(",\n"))
            }
            ExprKind::Paren(inner) => format!("{pad}(\n{}\n{pad})", self.at(inner, level + 1)),
            ExprKind::Binary(_) => self.chain(expr, level),
            _ => self.on_one_line(expr, level),
        }
    }

    fn chain(&self, expr: &Expr, level: usize) -> String {
        let (spine, leaf) = expr.left_spine();
        if spine.len() > MAX_CHAIN {
            return self.on_one_line(expr, level);
        }
        // From the outside in, until a left side fits on a line; then written from the inside out.
        let mut split = 1;
        while split < spine.len() && self.needs_split(&spine[split - 1].1.lhs) {
            split += 1;
        }
        let innermost = spine.get(split - 1).map_or(leaf, |(_, binary)| &binary.lhs);
        let mut out = self.at(innermost, level + split);
        for (depth, (_, binary)) in spine[..split].iter().enumerate().rev() {
            let operator = operator(binary, self.dialect);
            let rhs = self.at(&binary.rhs, level + depth + 1);
            out.push_str(&format!("\n{}{operator}\n{rhs}", indent(level + depth)));
        }
        out
    }
}
