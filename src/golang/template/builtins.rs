//! Go's builtin template functions.

use super::compare::{TWO, eq, le, lt, ne};
use super::escape::{escape_html, escape_js, query_escape};
use super::print::{sprint, sprint_followed, sprintln};
use super::value::{Signature, Type, Value};
use super::verbs::sprintf;

const ONE: &[Type] = &[Type::Reflect];

/// What a builtin takes.
pub(super) fn signature(name: &str) -> Option<Signature> {
    Some(match name {
        "and" | "or" | "index" | "slice" | "eq" | "call" => Signature::variadic(ONE, Type::Reflect),
        "not" | "len" => Signature::fixed(ONE),
        "ne" | "lt" | "le" | "gt" | "ge" => Signature::fixed(TWO),
        "print" | "println" | "html" | "js" | "urlquery" => Signature::variadic(&[], Type::Any),
        "printf" => Signature::variadic(&[Type::Str], Type::Any),
        _ => return None,
    })
}

/// Whether Go has a builtin of this name.
pub(super) fn exists(name: &str) -> bool {
    signature(name).is_some()
}

/// Calls a builtin with arguments that fit its signature.
pub(super) fn call(name: &str, args: &[Value]) -> Result<Value, String> {
    match name {
        "index" => index(args),
        "slice" => slice(args),
        "len" => len(args),
        "not" => Ok(Value::Bool(!args.first().is_some_and(Value::is_true))),
        "eq" => eq(args).map(Value::Bool),
        "ne" => ne(args).map(Value::Bool),
        "lt" => lt(args).map(Value::Bool),
        "le" => le(args).map(Value::Bool),
        "gt" => le(args).map(|b| Value::Bool(!b)),
        "ge" => lt(args).map(|b| Value::Bool(!b)),
        "print" => Ok(Value::from(sprint(args))),
        "println" => Ok(Value::from(sprintln(args))),
        "printf" => {
            let (format, rest) = args.split_first().ok_or("missing format")?;
            Ok(Value::from(sprintf(format.as_str().unwrap_or(""), rest)))
        }
        "html" => Ok(Value::from(escape_html(&joined(args)))),
        "js" => Ok(Value::from(escape_js(&joined(args)))),
        "urlquery" => Ok(Value::from(query_escape(&joined(args)))),
        "call" => match args.first() {
            None | Some(Value::Nil) => Err("call of nil".to_owned()),
            Some(v) => Err(format!("non-function of type {}", v.type_name())),
        },
        _ => Err(format!("no function {name}")),
    }
}

/// One text of all arguments, as `html`, `js` and `urlquery` take them.
fn joined(args: &[Value]) -> String {
    if let [Value::Str(s)] = args {
        return s.to_string();
    }
    if let [object @ Value::Object(_)] = args {
        return sprint_followed(object);
    }
    let shown: Vec<Value> =
        args.iter().map(|v| if matches!(v, Value::Nil) { Value::str("<no value>") } else { v.clone() }).collect();
    sprint(&shown)
}

fn position(index: &Value, limit: usize) -> Result<usize, String> {
    let x = match index.below_name() {
        Value::Int(i) | Value::Int64(i) | Value::Duration(i) => i,
        Value::Uint8(u) => i64::from(u),
        Value::Nil => return Err("cannot index slice/array with nil".to_owned()),
        _ => return Err(format!("cannot index slice/array with type {}", index.type_name())),
    };
    usize::try_from(x).ok().filter(|x| *x <= limit).ok_or_else(|| format!("index out of range: {x}"))
}

fn index(args: &[Value]) -> Result<Value, String> {
    let (first, indexes) = args.split_first().ok_or("missing argument")?;
    let mut item = first.clone();
    if matches!(item, Value::Nil) {
        return Err("index of untyped nil".to_owned());
    }
    for index in indexes {
        item = match item.plain() {
            Value::List(list) => {
                let i = position(index, list.items.len())?;
                list.items.get(i).cloned().ok_or("reflect: slice index out of range")?
            }
            Value::Str(s) => {
                let i = position(index, s.len())?;
                s.as_bytes().get(i).map(|b| Value::Uint8(*b)).ok_or("reflect: string index out of range")?
            }
            Value::Map(map) => match index {
                Value::Str(key) => map.get(key).cloned().unwrap_or_else(|| map.elem.zero()),
                Value::Nil => return Err("value is nil; should be of type string".to_owned()),
                other => return Err(format!("value has type {}; should be string", other.type_name())),
            },
            Value::Nil => return Err("index of nil pointer".to_owned()),
            _ => return Err(format!("can't index item of type {}", item.type_name())),
        };
    }
    Ok(item)
}

fn slice(args: &[Value]) -> Result<Value, String> {
    let (item, indexes) = args.split_first().ok_or("missing argument")?;
    if matches!(item, Value::Nil) {
        return Err("slice of untyped nil".to_owned());
    }
    if indexes.len() > 3 {
        return Err(format!("too many slice indexes: {}", indexes.len()));
    }
    let plain = item.plain();
    let len = match &plain {
        Value::Str(_) if indexes.len() == 3 => return Err("cannot 3-index slice a string".to_owned()),
        Value::Str(s) => s.len(),
        Value::List(l) => l.items.len(),
        _ => return Err(format!("can't slice item of type {}", item.type_name())),
    };
    let mut bounds = [0, len, len];
    for (bound, index) in bounds.iter_mut().zip(indexes) {
        *bound = position(index, len)?;
    }
    let [from, to, cap] = bounds;
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}"));
    }
    if to > cap {
        return Err(format!("invalid slice index: {to} > {cap}"));
    }
    if let Value::Object(object) = item
        && let Some(part) = object.slice(from, to)
    {
        return Ok(part);
    }
    Ok(match plain {
        Value::Str(s) => Value::from(String::from_utf8_lossy(&s.as_bytes()[from..to]).into_owned()),
        Value::List(l) => Value::list(l.elem, l.items[from..to].to_vec()),
        other => other,
    })
}

fn len(args: &[Value]) -> Result<Value, String> {
    let item = args.first().ok_or("missing argument")?;
    let n = match item.plain() {
        Value::Str(s) => s.len(),
        Value::List(l) => l.items.len(),
        Value::Map(m) => m.entries().len(),
        Value::Nil => return Err("reflect: call of reflect.Value.Type on zero Value".to_owned()),
        _ => return Err(format!("len of type {}", item.type_name().trim_start_matches('*'))),
    };
    Ok(Value::Int(i64::try_from(n).unwrap_or(i64::MAX)))
}
