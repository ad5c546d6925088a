//! The executor: walks a tree and writes text. After Go's `text/template/exec.go`, with limits counted in steps.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::GoVersion;
use super::node::{Branch, Command, Node, Number, Operand, OperandKind, Pipe, TemplateCall, Tree};
use super::print::print_action;
use super::time_methods;
use super::value::{Functions, Type, Value};
use super::verbs::MAX_TEXT;

/// What one execution may use up. Counted, not timed, so that runs repeat.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Commands evaluated and nodes walked.
    pub steps: usize,
    /// Bytes written, and bytes made by functions on the way; at most 16 MiB.
    pub bytes: usize,
    /// How deep controls, parentheses and template calls may nest while running.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { steps: 1_000_000, bytes: MAX_TEXT, depth: 200 }
    }
}

/// Why an execution ended early, in Go's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExecError {
    /// The whole text: `template: NAME:LINE:COL: executing "NAME" at <...>: ...`.
    pub message: String,
}

impl ExecError {
    pub(super) fn no_template(name: &str) -> Self {
        let name = super::super::quote(name);
        Self { message: format!("template: no template {name} associated with template {name}") }
    }
}

pub(super) type Result<T> = std::result::Result<T, Box<ExecError>>;

/// What stays the same during an execution.
pub(super) struct Environment<'e> {
    pub(super) trees: &'e BTreeMap<Arc<str>, Arc<Tree>>,
    pub(super) functions: &'e dyn Functions,
    pub(super) missing_key_is_zero: bool,
    pub(super) version: GoVersion,
}

/// The node an error is reported at.
#[derive(Clone, Copy)]
pub(super) enum At<'e> {
    Nowhere,
    Pipe(&'e Pipe),
    Command(&'e Command),
    Operand(&'e Operand),
    Template(&'e TemplateCall),
}

enum Flow {
    Normal,
    Break,
    Continue,
}

pub(super) struct State<'e> {
    pub(super) env: &'e Environment<'e>,
    tree: &'e Tree,
    pub(super) at: At<'e>,
    variables: Vec<(Arc<str>, Value)>,
    out: String,
    left: Limits,
}

pub(super) fn execute(
    env: &Environment<'_>,
    tree: &Tree,
    dot: &Value,
    limits: Limits,
) -> std::result::Result<String, ExecError> {
    // Text alone needs no machinery.
    if let [] | [Node::Text { .. }] = tree.root.as_slice() {
        let text = tree.root.first().map_or("", |n| if let Node::Text { text } = n { text } else { "" });
        return Ok(text.to_owned());
    }
    let mut state = State {
        env,
        tree,
        at: At::Nowhere,
        variables: vec![("$".into(), dot.clone())],
        out: String::new(),
        left: Limits { bytes: limits.bytes.min(MAX_TEXT), ..limits },
    };
    match state.walk_list(dot, &tree.root) {
        Ok(_) => Ok(state.out),
        Err(e) => Err(*e),
    }
}

impl<'e> State<'e> {
    pub(super) fn error<T>(&self, message: impl std::fmt::Display) -> Result<T> {
        let name = &self.tree.name;
        let (pos, context) = match self.at {
            At::Nowhere => return Err(Box::new(ExecError { message: format!("template: {name}: {message}") })),
            At::Pipe(p) => (p.pos, p.to_string()),
            At::Command(c) => (c.pos, c.to_string()),
            At::Operand(o) => (o.pos, o.to_string()),
            At::Template(t) => (t.pos, t.to_string()),
        };
        let location = self.tree.location(pos);
        let name = super::super::quote(name);
        let message = format!("template: {location}: executing {name} at <{context}>: {message}");
        Err(Box::new(ExecError { message }))
    }

    pub(super) fn step(&mut self) -> Result<()> {
        match self.left.steps.checked_sub(1) {
            Some(left) => {
                self.left.steps = left;
                Ok(())
            }
            None => self.error("template runs too long"),
        }
    }

    /// Takes `bytes` of the budget for output and for strings made on the way.
    pub(super) fn spend(&mut self, bytes: usize) -> Result<()> {
        match self.left.bytes.checked_sub(bytes) {
            Some(left) => {
                self.left.bytes = left;
                Ok(())
            }
            None => self.error("template makes too much text"),
        }
    }

    fn enter(&mut self) -> Result<()> {
        match self.left.depth.checked_sub(1) {
            Some(left) => {
                self.left.depth = left;
                Ok(())
            }
            None => self.error("exceeded maximum template depth (100000)"),
        }
    }

    fn leave(&mut self) {
        self.left.depth += 1;
    }

    fn walk_list(&mut self, dot: &Value, list: &'e [Node]) -> Result<Flow> {
        for node in list {
            self.step()?;
            match self.walk(dot, node)? {
                Flow::Normal => {}
                other => return Ok(other),
            }
        }
        Ok(Flow::Normal)
    }

    fn walk(&mut self, dot: &Value, node: &'e Node) -> Result<Flow> {
        match node {
            Node::Text { text } => {
                self.spend(text.len())?;
                self.out.push_str(text);
                Ok(Flow::Normal)
            }
            Node::Action { pipe } => {
                let value = self.pipeline(dot, pipe)?;
                if pipe.variables.is_empty() {
                    self.write(&value)?;
                }
                Ok(Flow::Normal)
            }
            Node::If { branch } => self.walk_condition(dot, branch, false),
            Node::With { branch } => self.walk_condition(dot, branch, true),
            Node::Range { branch } => self.walk_range(dot, branch),
            Node::Template(call) => self.walk_template(dot, call).map(|()| Flow::Normal),
            Node::Break => Ok(Flow::Break),
            Node::Continue => Ok(Flow::Continue),
        }
    }

    fn write(&mut self, value: &Value) -> Result<()> {
        let before = self.out.len();
        print_action(&mut self.out, value);
        self.spend(self.out.len() - before)
    }

    fn walk_condition(&mut self, dot: &Value, branch: &'e Branch, moves_dot: bool) -> Result<Flow> {
        self.enter()?;
        let mark = self.variables.len();
        let value = self.pipeline(dot, &branch.pipe)?;
        let flow = if value.is_true() {
            self.walk_list(if moves_dot { &value } else { dot }, &branch.list)?
        } else if let Some(list) = &branch.else_list {
            self.walk_list(dot, list)?
        } else {
            Flow::Normal
        };
        self.variables.truncate(mark);
        self.leave();
        Ok(flow)
    }

    fn walk_range(&mut self, dot: &Value, branch: &'e Branch) -> Result<Flow> {
        self.enter()?;
        let outer = self.variables.len();
        let value = self.pipeline(dot, &branch.pipe)?;
        let mut any = false;
        let mut flow = Flow::Normal;
        match value.plain() {
            Value::List(list) => {
                for (i, item) in list.items.iter().enumerate() {
                    any = true;
                    if !self.iterate(branch, Value::Int(i64::try_from(i).unwrap_or(i64::MAX)), item)? {
                        break;
                    }
                }
            }
            Value::Map(map) => {
                for (key, item) in map.entries() {
                    any = true;
                    if !self.iterate(branch, Value::Str(Arc::clone(key)), item)? {
                        break;
                    }
                }
            }
            Value::Int(n) if self.env.version == GoVersion::Current => {
                for i in 0..n {
                    any = true;
                    if !self.iterate(branch, Value::Int(i), &Value::Int(i))? {
                        break;
                    }
                }
            }
            Value::Nil => {}
            _ => return self.error(format!("range can't iterate over {}", super::print::sprint_followed(&value))),
        }
        if !any && let Some(list) = &branch.else_list {
            flow = self.walk_list(dot, list)?;
        }
        self.variables.truncate(outer);
        self.leave();
        Ok(flow)
    }

    /// Runs a range's body once; false when it broke out.
    fn iterate(&mut self, branch: &'e Branch, index: Value, item: &Value) -> Result<bool> {
        self.step()?;
        let mark = self.variables.len();
        let pipe = &branch.pipe;
        match pipe.variables.as_slice() {
            [] => {}
            [only] if pipe.assigns => self.set_variable(only, item.clone())?,
            [first, second, ..] if pipe.assigns => {
                self.set_variable(first, index)?;
                self.set_variable(second, item.clone())?;
            }
            [_] => self.set_from_top(1, item.clone()),
            [..] => {
                self.set_from_top(1, item.clone());
                self.set_from_top(2, index);
            }
        }
        let flow = self.walk_list(item, &branch.list)?;
        self.variables.truncate(mark);
        Ok(!matches!(flow, Flow::Break))
    }

    fn set_from_top(&mut self, n: usize, value: Value) {
        if let Some(slot) = self.variables.len().checked_sub(n).and_then(|i| self.variables.get_mut(i)) {
            slot.1 = value;
        }
    }

    fn walk_template(&mut self, dot: &Value, call: &'e TemplateCall) -> Result<()> {
        self.at = At::Template(call);
        let Some(tree) = self.env.trees.get(&call.name) else {
            return self.error(format!("template {} not defined", super::super::quote(&call.name)));
        };
        self.enter()?;
        let dot = match &call.pipe {
            Some(pipe) => self.pipeline(dot, pipe)?,
            None => Value::Nil,
        };
        // A called template sees none of the caller's variables.
        let variables = std::mem::replace(&mut self.variables, vec![("$".into(), dot.clone())]);
        let (outer_tree, outer_at) = (self.tree, self.at);
        self.tree = tree;
        self.walk_list(&dot, &tree.root)?;
        self.tree = outer_tree;
        self.at = outer_at;
        self.variables = variables;
        self.leave();
        Ok(())
    }

    pub(super) fn pipeline(&mut self, dot: &Value, pipe: &'e Pipe) -> Result<Value> {
        self.enter()?;
        self.at = At::Pipe(pipe);
        let mut value = None;
        for command in &pipe.commands {
            self.step()?;
            value = Some(self.command(dot, command, value)?);
        }
        let value = value.unwrap_or(Value::Nil);
        for name in &pipe.variables {
            if pipe.assigns {
                self.set_variable(name, value.clone())?;
            } else {
                self.variables.push((Arc::clone(name), value.clone()));
            }
        }
        self.leave();
        Ok(value)
    }

    fn set_variable(&mut self, name: &str, value: Value) -> Result<()> {
        match self.variables.iter_mut().rev().find(|(n, _)| **n == *name) {
            Some(slot) => {
                slot.1 = value;
                Ok(())
            }
            None => self.error(format!("undefined variable: {name}")),
        }
    }

    fn variable(&self, name: &str) -> Result<Value> {
        match self.variables.iter().rev().find(|(n, _)| **n == *name) {
            Some((_, value)) => Ok(value.clone()),
            None => self.error(format!("undefined variable: {name}")),
        }
    }

    fn refuse_arguments(&self, args: &[Operand], last: Option<&Value>) -> Result<()> {
        if args.len() > 1 || last.is_some() {
            return self.error(format!("can't give argument to non-function {}", args[0]));
        }
        Ok(())
    }

    /// Evaluates a command; `last` is what the pipeline brought so far, its final argument.
    fn command(&mut self, dot: &Value, command: &'e Command, last: Option<Value>) -> Result<Value> {
        let args = command.args.as_slice();
        let first = &args[0];
        match &first.kind {
            OperandKind::Field(fields) => {
                self.at = At::Operand(first);
                self.field_chain(dot, dot.clone(), first, fields, args, last)
            }
            OperandKind::Chain { .. } => self.chain(dot, first, args, last),
            OperandKind::Identifier(name) => {
                self.at = At::Operand(first);
                self.function(dot, At::Command(command), name, args, last)
            }
            OperandKind::Pipe(pipe) => {
                self.refuse_arguments(args, last.as_ref())?;
                self.pipeline(dot, pipe)
            }
            OperandKind::Variable { .. } => self.variable_node(dot, first, args, last),
            OperandKind::Dot
            | OperandKind::Nil
            | OperandKind::Bool(_)
            | OperandKind::Number(_)
            | OperandKind::Str { .. } => {
                self.at = At::Operand(first);
                self.refuse_arguments(args, last.as_ref())?;
                match &first.kind {
                    OperandKind::Dot => Ok(dot.clone()),
                    OperandKind::Nil => self.error("nil is not a command"),
                    _ => self.constant(first),
                }
            }
        }
    }

    /// A literal where nothing says what type it should have.
    pub(super) fn constant(&self, operand: &Operand) -> Result<Value> {
        match &operand.kind {
            OperandKind::Bool(b) => Ok(Value::Bool(*b)),
            OperandKind::Str { text, .. } => Ok(Value::Str(Arc::clone(text))),
            OperandKind::Number(Number { complex: Some((re, im)), .. }) => Ok(Value::Complex(*re, *im)),
            OperandKind::Number(n) => match (n.float, n.int) {
                (Some(f), _) if n.looks_like_float() => Ok(Value::Float(f)),
                (_, Some(i)) => Ok(Value::Int(i)),
                _ => self.error(format!("{} overflows int", n.text)),
            },
            _ => self.error(format!("can't evaluate command {}", super::super::quote(&operand.to_string()))),
        }
    }

    pub(super) fn chain(
        &mut self,
        dot: &Value,
        node: &'e Operand,
        args: &'e [Operand],
        last: Option<Value>,
    ) -> Result<Value> {
        self.at = At::Operand(node);
        let OperandKind::Chain { node: inner, fields } = &node.kind else {
            return self.error("no chain");
        };
        let receiver = self.argument(dot, Type::Any, inner)?;
        self.field_chain(dot, receiver, node, fields, args, last)
    }

    pub(super) fn variable_node(
        &mut self,
        dot: &Value,
        node: &'e Operand,
        args: &'e [Operand],
        last: Option<Value>,
    ) -> Result<Value> {
        self.at = At::Operand(node);
        let OperandKind::Variable { name, fields } = &node.kind else {
            return self.error("no variable");
        };
        let value = self.variable(name)?;
        if fields.is_empty() {
            if !args.is_empty() {
                self.refuse_arguments(args, last.as_ref())?;
            }
            return Ok(value);
        }
        self.field_chain(dot, value, node, fields, args, last)
    }

    pub(super) fn field_chain(
        &mut self,
        dot: &Value,
        mut receiver: Value,
        node: &'e Operand,
        fields: &[Arc<str>],
        args: &'e [Operand],
        last: Option<Value>,
    ) -> Result<Value> {
        let Some((final_field, first)) = fields.split_last() else {
            return Ok(receiver);
        };
        for (i, field) in first.iter().enumerate() {
            let value = self.field(dot, field, node, &[], None, &receiver)?;
            if self.is_nil_interface(&receiver, &value) {
                return self.error(format!("nil pointer evaluating interface {{}}.{}", fields[i + 1]));
            }
            receiver = value;
        }
        self.field(dot, final_field, node, args, last, &receiver)
    }

    /// Whether what a field gave is Go's nil of type `interface {}`, which is more than no value at all.
    fn is_nil_interface(&self, receiver: &Value, value: &Value) -> bool {
        self.env.missing_key_is_zero && matches!(value, Value::Nil) && !matches!(receiver, Value::Nil)
    }

    /// A method, a struct's field or a map's element.
    fn field(
        &mut self,
        dot: &Value,
        name: &str,
        node: &'e Operand,
        args: &'e [Operand],
        last: Option<Value>,
        receiver: &Value,
    ) -> Result<Value> {
        let Some(ty) = receiver.ty() else {
            return Ok(Value::Nil);
        };
        let has_args = args.len() > 1 || last.is_some();
        let mut plain = receiver.clone();
        if let Value::Object(object) = receiver {
            if let Some(signature) = object.method(name) {
                let args = self.arguments(dot, name, signature, args, last)?;
                return self.finish(At::Operand(node), name, object.call(name, &args));
            }
            if let Some(value) = object.field(name) {
                if has_args {
                    return self.error(format!("{name} has arguments but cannot be invoked as function"));
                }
                return Ok(value);
            }
            plain = receiver.plain();
        }
        let version = self.env.version;
        if let Some(signature) = time_methods::signature(&plain, name, version) {
            if let Some(what) = time_methods::too_many_results(&plain, name, version) {
                self.check_count(name, signature, args.len().saturating_sub(1), last.is_some())?;
                return self.error(what);
            }
            let args = self.arguments(dot, name, signature, args, last)?;
            let result = time_methods::call(&plain, name, &args);
            return self.finish(At::Operand(node), name, result);
        }
        if let Value::Map(map) = plain {
            if has_args {
                return self.error(format!("{name} is not a method but has arguments"));
            }
            return Ok(match map.get(name) {
                Some(value) => value.clone(),
                None if self.env.missing_key_is_zero => map.elem.zero(),
                None => Value::Nil,
            });
        }
        if matches!(plain, Value::Time(_)) && matches!(name, "wall" | "ext" | "loc") {
            return self.error(format!("{name} is an unexported field of struct type {ty}"));
        }
        self.error(format!("can't evaluate field {name} in type {ty}"))
    }
}
