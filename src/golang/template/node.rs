//! The syntax tree of a template, with byte positions and Go's way to write each node back as text.

use std::fmt;
use std::sync::Arc;

/// One parsed definition.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) name: Arc<str>,
    /// The name of the text it was parsed from, which error texts show.
    pub(super) parse_name: Arc<str>,
    pub(super) source: Arc<str>,
    pub(super) root: Vec<Node>,
}

impl Tree {
    /// Whether it holds nothing but white space, so that it replaces no other definition.
    pub(super) fn is_empty(&self) -> bool {
        self.root.iter().all(|n| matches!(n, Node::Text { text, .. } if text.trim().is_empty()))
    }

    /// `NAME:LINE:COLUMN`, the column counted in bytes from 0 as Go does.
    pub(super) fn location(&self, pos: usize) -> String {
        let before = &self.source.as_bytes()[..pos.min(self.source.len())];
        let line = 1 + before.iter().filter(|b| **b == b'\n').count();
        let column = before.iter().rev().take_while(|b| **b != b'\n').count();
        format!("{}:{line}:{column}", self.parse_name)
    }
}

/// A piece of a template.
#[derive(Debug)]
pub(super) enum Node {
    Text { text: Arc<str> },
    Action { pipe: Pipe },
    If { branch: Branch },
    With { branch: Branch },
    Range { branch: Branch },
    Template(TemplateCall),
    Break,
    Continue,
}

/// `if`, `with` or `range`.
#[derive(Debug)]
pub(super) struct Branch {
    pub(super) pipe: Pipe,
    pub(super) list: Vec<Node>,
    pub(super) else_list: Option<Vec<Node>>,
}

/// `{{template "name" pipeline}}`
#[derive(Debug)]
pub(super) struct TemplateCall {
    pub(super) pos: usize,
    pub(super) name: Arc<str>,
    pub(super) pipe: Option<Pipe>,
}

/// Commands joined by `|`, with the variables that take the result.
#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) pos: usize,
    pub(super) assigns: bool,
    pub(super) variables: Vec<Arc<str>>,
    pub(super) commands: Vec<Command>,
}

/// A word and its arguments.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) pos: usize,
    pub(super) args: Vec<Operand>,
}

/// A word of a command.
#[derive(Debug)]
pub(super) struct Operand {
    pub(super) pos: usize,
    pub(super) kind: OperandKind,
}

#[derive(Debug)]
pub(super) enum OperandKind {
    Dot,
    Nil,
    Bool(bool),
    Number(Number),
    Str { quoted: Arc<str>, text: Arc<str> },
    Field(Vec<Arc<str>>),
    Variable { name: Arc<str>, fields: Vec<Arc<str>> },
    Identifier(Arc<str>),
    Chain { node: Box<Operand>, fields: Vec<Arc<str>> },
    Pipe(Box<Pipe>),
}

/// A number that becomes an integer or a float by where it stands.
#[derive(Debug)]
pub(super) struct Number {
    pub(super) text: Arc<str>,
    pub(super) int: Option<i64>,
    pub(super) float: Option<f64>,
    /// Real and imaginary part, of literals that end with `i` alone.
    pub(super) complex: Option<(f64, f64)>,
}

impl Number {
    /// Whether it is a float where nothing says what it should be.
    pub(super) fn looks_like_float(&self) -> bool {
        let text = self.text.as_bytes();
        let hex = text.len() > 2 && text[0] == b'0' && (text[1] | 0x20) == b'x' && !self.text.contains(['p', 'P']);
        !hex && text.first() != Some(&b'\'') && self.text.contains(['.', 'e', 'E', 'p', 'P'])
    }
}

impl fmt::Display for TemplateCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{{template {}", super::super::quote(&self.name))?;
        if let Some(pipe) = &self.pipe {
            write!(f, " {pipe}")?;
        }
        f.write_str("}}")
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, v) in self.variables.iter().enumerate() {
            write!(f, "{}{v}", if i > 0 { ", " } else { "" })?;
        }
        if !self.variables.is_empty() {
            f.write_str(if self.assigns { " = " } else { " := " })?;
        }
        for (i, c) in self.commands.iter().enumerate() {
            write!(f, "{}{c}", if i > 0 { " | " } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, arg) in self.args.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            match &arg.kind {
                OperandKind::Pipe(p) => write!(f, "({p})")?,
                _ => write!(f, "{arg}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dotted =
            |f: &mut fmt::Formatter<'_>, fields: &[Arc<str>]| fields.iter().try_for_each(|i| write!(f, ".{i}"));
        match &self.kind {
            OperandKind::Dot => f.write_str("."),
            OperandKind::Nil => f.write_str("nil"),
            OperandKind::Bool(b) => write!(f, "{b}"),
            OperandKind::Number(n) => f.write_str(&n.text),
            OperandKind::Str { quoted, .. } => f.write_str(quoted),
            OperandKind::Field(fields) => dotted(f, fields),
            OperandKind::Variable { name, fields } => {
                f.write_str(name)?;
                dotted(f, fields)
            }
            OperandKind::Identifier(name) => f.write_str(name),
            OperandKind::Chain { node, fields } => {
                match &node.kind {
                    OperandKind::Pipe(p) => write!(f, "({p})")?,
                    _ => write!(f, "{node}")?,
                }
                dotted(f, fields)
            }
            OperandKind::Pipe(p) => write!(f, "{p}"),
        }
    }
}
