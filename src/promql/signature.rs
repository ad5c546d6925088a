//! The table of functions: names, argument types, results, since when. Filled by the parser's rules, used by the evaluator.

use super::ast::ValueType;

/// What the parser must know of a function.
#[derive(Debug, PartialEq)]
pub struct Function {
    /// The name as written.
    pub name: &'static str,
    /// Types of the arguments.
    pub args: &'static [ValueType],
    /// 0: exactly `args`; n > 0: the last n may be left out; -1: the last may be repeated or left out.
    pub variadic: i8,
    /// The type of the result.
    pub returns: ValueType,
}
