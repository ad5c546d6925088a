//! Calling functions and methods: arguments evaluated against their parameters' types, as Go's executor does.

use super::builtins;
use super::exec::{At, Result, State};
use super::node::{Operand, OperandKind};
use super::value::{Signature, Type, Value};

impl<'e> State<'e> {
    /// A function of the program, or one of Go's builtins.
    pub(super) fn function(
        &mut self,
        dot: &Value,
        at: At<'e>,
        name: &str,
        args: &'e [Operand],
        last: Option<Value>,
    ) -> Result<Value> {
        if let Some(signature) = self.env.functions.signature(name) {
            let args = self.arguments(dot, name, signature, args, last)?;
            let result = self.env.functions.call(name, &args);
            return self.finish(at, name, result);
        }
        let Some(signature) = builtins::signature(name) else {
            return self.error(format!("{} is not a defined function", super::super::quote(name)));
        };
        if name == "and" || name == "or" {
            return self.and_or(dot, name, signature, args, last);
        }
        let args = self.arguments(dot, name, signature, args, last)?;
        let result = builtins::call(name, &args);
        self.finish(at, name, result)
    }

    /// Turns what a function gave back into a value, or an error at the call.
    pub(super) fn finish(
        &mut self,
        at: At<'e>,
        name: &str,
        result: std::result::Result<Value, String>,
    ) -> Result<Value> {
        match result {
            Ok(value) => {
                self.spend(match &value {
                    Value::Str(s) => s.len(),
                    Value::List(_) | Value::Object(_) => value.list_len() * 16,
                    _ => 0,
                })?;
                Ok(value)
            }
            Err(e) => {
                self.at = at;
                self.error(format!("error calling {name}: {e}"))
            }
        }
    }

    pub(super) fn check_count(&self, name: &str, signature: Signature, given: usize, piped: bool) -> Result<()> {
        let total = given + usize::from(piped);
        let wanted = signature.params.len();
        if signature.variadic.is_some() {
            if total < wanted {
                return self.error(format!("wrong number of args for {name}: want at least {wanted} got {given}"));
            }
        } else if total != wanted {
            return self.error(format!("wrong number of args for {name}: want {wanted} got {total}"));
        }
        Ok(())
    }

    /// `and` and `or` stop at the first argument that decides.
    fn and_or(
        &mut self,
        dot: &Value,
        name: &str,
        signature: Signature,
        args: &'e [Operand],
        last: Option<Value>,
    ) -> Result<Value> {
        let rest = args.get(1..).unwrap_or_default();
        self.check_count(name, signature, rest.len(), last.is_some())?;
        let mut value = Value::Nil;
        for arg in rest {
            value = self.argument(dot, Type::Reflect, arg)?;
            if value.is_true() == (name == "or") {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }

    /// Evaluates the arguments behind the first word of `args`, then the piped one.
    pub(super) fn arguments(
        &mut self,
        dot: &Value,
        name: &str,
        signature: Signature,
        args: &'e [Operand],
        last: Option<Value>,
    ) -> Result<Vec<Value>> {
        let rest = args.get(1..).unwrap_or_default();
        self.check_count(name, signature, rest.len(), last.is_some())?;
        let mut values = Vec::with_capacity(rest.len() + 1);
        let ty = |i: usize| signature.params.get(i).copied().or(signature.variadic).unwrap_or(Type::Any);
        for (i, arg) in rest.iter().enumerate() {
            values.push(self.argument(dot, ty(i), arg)?);
        }
        if let Some(last) = last {
            values.push(self.validated(last, ty(rest.len()))?);
        }
        // Reading long arguments costs as well, though far less than making them.
        let read: usize = values.iter().map(|v| v.as_str().map_or(0, |s| s.len() / 64)).sum();
        self.spend(read)?;
        Ok(values)
    }

    /// A value where a parameter of type `wanted` stands.
    fn validated(&self, value: Value, wanted: Type) -> Result<Value> {
        let Some(got) = value.ty() else {
            if wanted.can_be_nil() {
                return Ok(wanted.zero());
            }
            return self.error(format!("invalid value; expected {wanted}"));
        };
        match value.assignable_to(wanted) {
            Some(value) => Ok(value),
            None => self.error(format!("wrong type for value; expected {wanted}; got {got}")),
        }
    }

    /// An argument, evaluated for a parameter of type `wanted`.
    pub(super) fn argument(&mut self, dot: &Value, wanted: Type, arg: &'e Operand) -> Result<Value> {
        self.step()?;
        self.at = At::Operand(arg);
        let value = match &arg.kind {
            OperandKind::Dot => dot.clone(),
            OperandKind::Nil => {
                if wanted.can_be_nil() {
                    return Ok(wanted.zero());
                }
                return self.error(format!("cannot assign nil to {wanted}"));
            }
            OperandKind::Field(fields) => self.field_chain(dot, dot.clone(), arg, fields, &[], None)?,
            OperandKind::Variable { .. } => self.variable_node(dot, arg, &[], None)?,
            OperandKind::Pipe(pipe) => self.pipeline(dot, pipe)?,
            OperandKind::Identifier(name) => self.function(dot, At::Operand(arg), name, &[], None)?,
            OperandKind::Chain { .. } => self.chain(dot, arg, &[], None)?,
            OperandKind::Bool(_) | OperandKind::Number(_) | OperandKind::Str { .. } => {
                return self.literal(wanted, arg);
            }
        };
        let from_field = match &arg.kind {
            OperandKind::Field(_) => !matches!(dot, Value::Nil),
            OperandKind::Chain { .. } => true,
            OperandKind::Variable { fields, .. } => !fields.is_empty(),
            _ => false,
        };
        if from_field
            && matches!(value, Value::Nil)
            && self.env.missing_key_is_zero
            && !matches!(wanted, Type::Any | Type::Reflect)
        {
            // The zero value of a map[string]interface {} has a type.
            return self.error(format!("wrong type for value; expected {wanted}; got interface {{}}"));
        }
        self.validated(value, wanted)
    }

    /// A literal for a parameter of type `wanted`.
    fn literal(&self, wanted: Type, arg: &Operand) -> Result<Value> {
        let expected = |what: &str| self.error(format!("expected {what}; found {arg}"));
        match (wanted, &arg.kind) {
            (Type::Any | Type::Reflect, _) => self.constant(arg),
            (Type::Bool, OperandKind::Bool(b)) => Ok(Value::Bool(*b)),
            (Type::Bool, _) => expected("bool"),
            (Type::Str, OperandKind::Str { text, .. }) => Ok(Value::Str(std::sync::Arc::clone(text))),
            (Type::Str, _) => expected("string"),
            (Type::Float, OperandKind::Number(n)) => n.float.map_or_else(|| expected("float"), |f| Ok(Value::Float(f))),
            (Type::Float, _) => expected("float"),
            (Type::Int | Type::Int64 | Type::Duration | Type::Uint8, kind) => {
                let OperandKind::Number(n) = kind else {
                    return expected(if wanted == Type::Uint8 { "unsigned integer" } else { "integer" });
                };
                match (n.int, wanted) {
                    (Some(i), Type::Int) => Ok(Value::Int(i)),
                    (Some(i), Type::Int64) => Ok(Value::Int64(i)),
                    (Some(i), Type::Duration) => Ok(Value::Duration(i)),
                    (Some(i), _) if (0..=255).contains(&i) => Ok(Value::Uint8(u8::try_from(i).unwrap_or(0))),
                    _ => expected("integer"),
                }
            }
            _ => self.error(format!("can't handle {arg} for arg of type {wanted}")),
        }
    }
}
