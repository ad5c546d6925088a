//! Go's `text/template`: lexer, parser, executor, builtin functions and the `fmt` verbs, with Go's error texts.
//!
//! Templates come from students, so everything is bounded: nesting, steps, output. Facts from Go's own source and from
//! recorded renderings of the real programs.

mod builtins;
mod call;
mod compare;
mod escape;
mod exec;
mod lex;
mod literal;
mod node;
mod parse;
mod print;
mod set;
mod time_methods;
mod value;
mod verbs;

pub use super::GoVersion;
pub use escape::query_escape;
pub use exec::{ExecError, Limits};
pub use print::{sprint, sprint_one};
pub use set::{ParseError, TemplateSet};
pub use value::{Functions, List, Map, NoFunctions, Object, Signature, Type, Value};
