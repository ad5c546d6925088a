//! What templates compute with: Go's values as far as templates meet them, each with its Go type.

use std::fmt;
use std::sync::Arc;

use super::super::time::GoTime;

/// A Go type, as far as signatures, zero values and error texts need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `interface {}`
    Any,
    /// What Go's builtins take: any value at all, shown as `reflect.Value`.
    Reflect,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `int64`
    Int64,
    /// `uint8`
    Uint8,
    /// `float64`
    Float,
    /// `complex128`
    Complex,
    /// `string`
    Str,
    /// `time.Duration`
    Duration,
    /// `time.Time`
    Time,
    /// `[]T`
    Slice(&'static Type),
    /// `map[string]T`
    Map(&'static Type),
    /// Any other type, by its name.
    Named(&'static str),
    /// A slice with a name of its own, which may be nil.
    NamedSlice(&'static str),
}

impl Type {
    /// Go's zero value of the type.
    pub fn zero(self) -> Value {
        match self {
            Self::Any | Self::Reflect | Self::Named(_) | Self::NamedSlice(_) => Value::Nil,
            Self::Bool => Value::Bool(false),
            Self::Int => Value::Int(0),
            Self::Int64 => Value::Int64(0),
            Self::Uint8 => Value::Uint8(0),
            Self::Float => Value::Float(0.0),
            Self::Complex => Value::Complex(0.0, 0.0),
            Self::Str => Value::str(""),
            Self::Duration => Value::Duration(0),
            Self::Time => Value::Time(Arc::new(GoTime::zero())),
            Self::Slice(elem) => Value::list(elem, Vec::new()),
            Self::Map(elem) => Value::map(elem, Vec::new()),
        }
    }

    /// Whether `nil` is a value of the type.
    pub(super) fn can_be_nil(self) -> bool {
        match self {
            Self::Any | Self::Reflect | Self::Slice(_) | Self::Map(_) | Self::NamedSlice(_) => true,
            Self::Named(name) => name.starts_with('*'),
            _ => false,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("interface {}"),
            Self::Reflect => f.write_str("reflect.Value"),
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Int64 => f.write_str("int64"),
            Self::Uint8 => f.write_str("uint8"),
            Self::Float => f.write_str("float64"),
            Self::Complex => f.write_str("complex128"),
            Self::Str => f.write_str("string"),
            Self::Duration => f.write_str("time.Duration"),
            Self::Time => f.write_str("time.Time"),
            Self::Slice(elem) => write!(f, "[]{elem}"),
            Self::Map(elem) => write!(f, "map[string]{elem}"),
            Self::Named(name) | Self::NamedSlice(name) => f.write_str(name),
        }
    }
}

/// What a function or method takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The parameters that must be there.
    pub params: &'static [Type],
    /// The type of any further arguments.
    pub variadic: Option<Type>,
}

impl Signature {
    /// A fixed number of parameters.
    pub const fn fixed(params: &'static [Type]) -> Self {
        Self { params, variadic: None }
    }

    /// Further arguments of one type.
    pub const fn variadic(params: &'static [Type], more: Type) -> Self {
        Self { params, variadic: Some(more) }
    }
}

/// A value of a Go type that templates know nothing of: a struct, or a named type with methods.
pub trait Object: Send + Sync {
    /// The type as Go's error texts show it, `*` in front for a pointer: `template.Alert`.
    fn type_name(&self) -> &'static str;

    /// For a named map, slice, string or number, or a pointer to a time: the plain value beneath. `None` for structs.
    fn underlying(&self) -> Option<Value> {
        None
    }

    /// A struct's fields in order, as `%v` prints them.
    fn fields(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    /// A struct's field.
    fn field(&self, name: &str) -> Option<Value> {
        self.fields().into_iter().find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    /// The signature of a method, if the type has it.
    fn method(&self, name: &str) -> Option<Signature> {
        let _ = name;
        None
    }

    /// Calls a method with arguments that fit its signature.
    ///
    /// # Errors
    /// The method's own error, or that there is no such method.
    fn call(&self, name: &str, args: &[Value]) -> Result<Value, String> {
        let _ = args;
        Err(format!("no method {name}"))
    }

    /// A part of a named slice, which keeps its name; `None` when there is no name to keep.
    fn slice(&self, from: usize, to: usize) -> Option<Value> {
        let _ = (from, to);
        None
    }

    /// For a time zone: some time that is shown in it.
    fn zone(&self) -> Option<&GoTime> {
        None
    }

    /// The text of `String()` for types that have that method.
    fn text(&self) -> Option<String> {
        None
    }
}

/// The functions a template may call beside Go's builtins.
pub trait Functions {
    /// What a function takes; `None` when there is no such function.
    fn signature(&self, name: &str) -> Option<Signature>;

    /// Calls a function with arguments that fit its signature.
    ///
    /// # Errors
    /// The function's own error, which ends the execution.
    fn call(&self, name: &str, args: &[Value]) -> Result<Value, String>;
}

/// No functions beside Go's builtins.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFunctions;

impl Functions for NoFunctions {
    fn signature(&self, _: &str) -> Option<Signature> {
        None
    }

    fn call(&self, name: &str, _: &[Value]) -> Result<Value, String> {
        Err(format!("no function {name}"))
    }
}

/// A slice.
#[derive(Clone)]
pub struct List {
    /// The elements' type.
    pub elem: &'static Type,
    /// The elements.
    pub items: Vec<Value>,
}

/// A map from strings.
#[derive(Clone)]
pub struct Map {
    /// The elements' type.
    pub elem: &'static Type,
    entries: Vec<(Arc<str>, Value)>,
}

impl Map {
    /// The element of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entries.binary_search_by(|(k, _)| (**k).cmp(key)).ok().map(|i| &self.entries[i].1)
    }

    /// Keys and elements in order of key.
    pub fn entries(&self) -> &[(Arc<str>, Value)] {
        &self.entries
    }
}

/// A value.
#[derive(Clone)]
pub enum Value {
    /// No value: `nil`, or what a missing key of a `map[string]interface {}` gives.
    Nil,
    /// `bool`
    Bool(bool),
    /// `int`
    Int(i64),
    /// `int64`
    Int64(i64),
    /// `uint8`, an element of a string
    Uint8(u8),
    /// `float64`
    Float(f64),
    /// `complex128`: real and imaginary part
    Complex(f64, f64),
    /// `string`
    Str(Arc<str>),
    /// `time.Duration`, in nanoseconds
    Duration(i64),
    /// `time.Time`
    Time(Arc<GoTime>),
    /// `[]T`
    List(Arc<List>),
    /// `map[string]T`
    Map(Arc<Map>),
    /// Anything with a type of its own.
    Object(Arc<dyn Object>),
}

impl Value {
    /// A string.
    pub fn str(s: impl Into<Arc<str>>) -> Self {
        Self::Str(s.into())
    }

    /// A slice.
    pub fn list(elem: &'static Type, items: Vec<Self>) -> Self {
        Self::List(Arc::new(List { elem, items }))
    }

    /// A `[]string`.
    pub fn strings<S: Into<Arc<str>>>(items: impl IntoIterator<Item = S>) -> Self {
        Self::list(&Type::Str, items.into_iter().map(Self::str).collect())
    }

    /// A map from strings; a later entry of the same key wins.
    pub fn map(elem: &'static Type, mut entries: Vec<(Arc<str>, Self)>) -> Self {
        entries.reverse();
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        entries.dedup_by(|later, first| later.0 == first.0);
        Self::Map(Arc::new(Map { elem, entries }))
    }

    /// A `map[string]string`.
    pub fn string_map<K: Into<Arc<str>>, V: Into<Arc<str>>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::map(&Type::Str, pairs.into_iter().map(|(k, v)| (k.into(), Self::str(v))).collect())
    }

    /// An object.
    pub fn object(object: impl Object + 'static) -> Self {
        Self::Object(Arc::new(object))
    }

    /// Its Go type; `None` for nil.
    pub fn ty(&self) -> Option<Type> {
        Some(match self {
            Self::Nil => return None,
            Self::Bool(_) => Type::Bool,
            Self::Int(_) => Type::Int,
            Self::Int64(_) => Type::Int64,
            Self::Uint8(_) => Type::Uint8,
            Self::Float(_) => Type::Float,
            Self::Complex(..) => Type::Complex,
            Self::Str(_) => Type::Str,
            Self::Duration(_) => Type::Duration,
            Self::Time(_) => Type::Time,
            Self::List(l) => Type::Slice(l.elem),
            Self::Map(m) => Type::Map(m.elem),
            Self::Object(o) => Type::Named(o.type_name()),
        })
    }

    /// The type as text, `<nil>` for nil.
    pub fn type_name(&self) -> String {
        self.ty().map_or_else(|| "<nil>".to_owned(), |t| t.to_string())
    }

    /// The plain value beneath a named type; itself otherwise.
    pub fn plain(&self) -> Self {
        match self {
            Self::Object(o) => o.underlying().unwrap_or_else(|| self.clone()),
            other => other.clone(),
        }
    }

    /// As [`Self::plain`], but pointers stay: Go's comparisons and indexes do not follow them.
    pub(super) fn below_name(&self) -> Self {
        if self.is_pointer() { self.clone() } else { self.plain() }
    }

    /// Whether it is a pointer.
    pub(super) fn is_pointer(&self) -> bool {
        matches!(self, Self::Object(o) if o.type_name().starts_with('*'))
    }

    /// How many elements a slice has; 0 for anything else.
    pub(super) fn list_len(&self) -> usize {
        match self {
            Self::List(list) => list.items.len(),
            Self::Object(object) => match object.underlying() {
                Some(Self::List(list)) => list.items.len(),
                _ => 0,
            },
            _ => 0,
        }
    }

    /// The text of a string value.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(s) => Some(s),
            _ => None,
        }
    }

    /// Go's truth: not false, zero, empty or nil.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(b) => *b,
            Self::Int(i) | Self::Int64(i) | Self::Duration(i) => *i != 0,
            Self::Uint8(i) => *i != 0,
            Self::Float(f) => *f != 0.0,
            Self::Complex(re, im) => *re != 0.0 || *im != 0.0,
            Self::Str(s) => !s.is_empty(),
            Self::Time(_) => true,
            Self::List(l) => !l.items.is_empty(),
            Self::Map(m) => !m.entries.is_empty(),
            Self::Object(o) => o.underlying().is_none_or(|v| v.is_true()),
        }
    }

    /// This value where a parameter of type `wanted` is asked for, if Go would let it.
    pub(super) fn assignable_to(&self, wanted: Type) -> Option<Self> {
        if matches!(wanted, Type::Any | Type::Reflect) || self.ty() == Some(wanted) {
            return Some(self.clone());
        }
        if let (Self::Object(o), Type::Slice(_) | Type::Map(_)) = (self, wanted) {
            return o.underlying().filter(|v| v.ty() == Some(wanted));
        }
        // One dereference: a *T where a T is asked for.
        let Self::Object(o) = self else {
            return None;
        };
        if wanted == Type::NamedSlice(o.type_name()) {
            return Some(self.clone());
        }
        let target = o.type_name().strip_prefix('*')?;
        match wanted {
            Type::Named(name) => (target == name).then(|| self.clone()),
            _ => o.underlying().filter(|v| v.ty() == Some(wanted)),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.type_name(), super::print::sprint_one(self))
    }
}

impl From<&str> for Value {
    fn from(s: &str) -> Self {
        Self::str(s)
    }
}

impl From<String> for Value {
    fn from(s: String) -> Self {
        Self::str(s)
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Self::Bool(b)
    }
}

impl From<f64> for Value {
    fn from(v: f64) -> Self {
        Self::Float(v)
    }
}

impl From<GoTime> for Value {
    fn from(t: GoTime) -> Self {
        Self::Time(Arc::new(t))
    }
}
