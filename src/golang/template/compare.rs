//! `eq ne lt le gt ge`: Go compares basic values of the same kind only.

use super::super::time::GoTime;
use super::print::sprint_as;
use super::value::{Type, Value};

const BAD: &str = "incompatible types for comparison";
const BAD_TYPE: &str = "invalid type for comparison";

/// A value as comparisons see it.
#[derive(Clone)]
enum Basic {
    Bool(bool),
    Int(i64),
    Uint(u8),
    Float(f64),
    Complex(f64, f64),
    Str(std::sync::Arc<str>),
}

impl Basic {
    /// Basic values by kind, below any name; `None` for the rest.
    fn of(value: &Value) -> Option<Self> {
        Some(match value.below_name() {
            Value::Bool(b) => Self::Bool(b),
            Value::Int(i) | Value::Int64(i) | Value::Duration(i) => Self::Int(i),
            Value::Uint8(u) => Self::Uint(u),
            Value::Float(f) => Self::Float(f),
            Value::Complex(re, im) => Self::Complex(re, im),
            Value::Str(s) => Self::Str(s),
            _ => return None,
        })
    }
}

/// Slices and maps cannot be compared, nor what holds one.
fn is_comparable(value: &Value) -> bool {
    match value {
        Value::List(_) | Value::Map(_) => false,
        Value::Object(object) => match object.underlying() {
            // What a pointer points to does not matter.
            _ if object.type_name().starts_with('*') => true,
            Some(plain) => is_comparable(&plain),
            None => object.fields().iter().all(|(_, v)| is_comparable(v)),
        },
        _ => true,
    }
}

fn same_time(a: &GoTime, b: &GoTime) -> bool {
    a == b
}

/// `eq`: the first argument against any of the others.
pub(super) fn eq(args: &[Value]) -> Result<bool, String> {
    let Some((first, others)) = args.split_first() else {
        return Err("missing argument for comparison".to_owned());
    };
    if others.is_empty() {
        return Err("missing argument for comparison".to_owned());
    }
    for other in others {
        if equal(first, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn equal(a: &Value, b: &Value) -> Result<bool, String> {
    let nil = a.ty().is_none() || b.ty().is_none();
    match (Basic::of(a), Basic::of(b)) {
        (Some(Basic::Bool(x)), Some(Basic::Bool(y))) => Ok(x == y),
        (Some(Basic::Int(x)), Some(Basic::Int(y))) => Ok(x == y),
        (Some(Basic::Uint(x)), Some(Basic::Uint(y))) => Ok(x == y),
        (Some(Basic::Int(x)), Some(Basic::Uint(y))) | (Some(Basic::Uint(y)), Some(Basic::Int(x))) => {
            Ok(x == i64::from(y))
        }
        (Some(Basic::Float(x)), Some(Basic::Float(y))) => Ok(x == y),
        (Some(Basic::Complex(x, i)), Some(Basic::Complex(y, j))) => Ok(x == y && i == j),
        (Some(Basic::Str(x)), Some(Basic::Str(y))) => Ok(x == y),
        (None, None) => equal_others(a, b),
        _ if nil => Ok(false),
        _ => Err(BAD.to_owned()),
    }
}

/// Go's kind of a value that is not basic.
#[derive(PartialEq)]
enum Kind {
    Pointer,
    Slice,
    Map,
    Struct,
}

fn kind(value: &Value) -> Kind {
    match value.below_name() {
        Value::List(_) => Kind::Slice,
        Value::Map(_) => Kind::Map,
        other if other.is_pointer() => Kind::Pointer,
        _ => Kind::Struct,
    }
}

/// Values that are not basic: times, structs, pointers, and what cannot be compared at all.
fn equal_others(a: &Value, b: &Value) -> Result<bool, String> {
    match (a, b) {
        (Value::Nil, Value::Nil) => Ok(true),
        (Value::Nil, _) | (_, Value::Nil) => Ok(false),
        (Value::Time(x), Value::Time(y)) => Ok(same_time(x, y)),
        _ if kind(a) != kind(b) => {
            let (shown, other) = (sprint_as(a, 's'), super::print::sprint_one(b));
            Err(format!("non-comparable types {shown}: {}, {}: {other}", a.type_name(), b.type_name()))
        }
        _ if !is_comparable(b) => Err(format!("non-comparable type {}: {}", sprint_as(b, 's'), b.type_name())),
        _ if a.ty() != b.ty() => Ok(false),
        (Value::Object(x), Value::Object(y)) if x.type_name().starts_with('*') => Ok(std::sync::Arc::ptr_eq(x, y)),
        (Value::Object(x), Value::Object(y)) => {
            for ((_, x), (_, y)) in x.fields().iter().zip(&y.fields()) {
                if !equal(x, y)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// `ne`
pub(super) fn ne(args: &[Value]) -> Result<bool, String> {
    eq(args).map(|b| !b)
}

/// `lt`
pub(super) fn lt(args: &[Value]) -> Result<bool, String> {
    let [a, b] = args else {
        return Err("missing argument for comparison".to_owned());
    };
    match (Basic::of(a), Basic::of(b)) {
        (Some(Basic::Int(x)), Some(Basic::Int(y))) => Ok(x < y),
        (Some(Basic::Uint(x)), Some(Basic::Uint(y))) => Ok(x < y),
        (Some(Basic::Int(x)), Some(Basic::Uint(y))) => Ok(x < i64::from(y)),
        (Some(Basic::Uint(x)), Some(Basic::Int(y))) => Ok(i64::from(x) < y),
        (Some(Basic::Float(x)), Some(Basic::Float(y))) => Ok(x < y),
        (Some(Basic::Str(x)), Some(Basic::Str(y))) => Ok(x < y),
        (None, _)
        | (_, None)
        | (Some(Basic::Bool(_)), Some(Basic::Bool(_)))
        | (Some(Basic::Complex(..)), Some(Basic::Complex(..))) => Err(BAD_TYPE.to_owned()),
        _ => Err(BAD.to_owned()),
    }
}

/// `le`
pub(super) fn le(args: &[Value]) -> Result<bool, String> {
    Ok(lt(args)? || eq(args)?)
}

/// The signatures of the comparisons.
pub(super) const TWO: &[Type] = &[Type::Reflect, Type::Reflect];
