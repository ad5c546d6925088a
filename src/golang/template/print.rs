//! Values as text: what an action prints, and Go's `fmt.Sprint` family.

use super::value::Value;
use super::verbs::{MAX_TEXT, Spec, print_argument};

/// What `{{ value }}` writes: as `fmt.Fprint`, but `<no value>` for nil, and pointers followed.
pub(super) fn print_action(out: &mut String, value: &Value) {
    match value {
        Value::Nil => out.push_str("<no value>"),
        Value::Str(s) => out.push_str(s),
        other => {
            let start = out.len();
            print_argument(out, &Spec::default(), other, 'v');
            if matches!(other, Value::Object(o) if o.type_name().starts_with('*')) && out[start..].starts_with("&{") {
                out.remove(start);
            }
        }
    }
}

/// One value as `%v` prints it once pointers are followed.
pub(super) fn sprint_followed(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Nil => out.push_str("<nil>"),
        other => print_action(&mut out, other),
    }
    out
}

/// One value as `%v` prints it.
pub fn sprint_one(value: &Value) -> String {
    let mut out = String::new();
    print_argument(&mut out, &Spec::default(), value, 'v');
    out
}

/// One value as `%s` and other verbs without flags print it.
pub(super) fn sprint_as(value: &Value, verb: char) -> String {
    let mut out = String::new();
    print_argument(&mut out, &Spec::default(), value, verb);
    out
}

/// `fmt.Sprint`: a blank between two operands when neither is a string.
pub fn sprint(values: &[Value]) -> String {
    let mut out = String::new();
    let mut after_string = true;
    for (i, value) in values.iter().enumerate() {
        if out.len() > MAX_TEXT {
            break;
        }
        let is_string = matches!(value.plain(), Value::Str(_));
        if i > 0 && !is_string && !after_string {
            out.push(' ');
        }
        print_argument(&mut out, &Spec::default(), value, 'v');
        after_string = is_string;
    }
    out
}

/// `fmt.Sprintln`: a blank between all operands, a line feed at the end.
pub(super) fn sprintln(values: &[Value]) -> String {
    let mut out = String::new();
    for (i, value) in values.iter().enumerate() {
        if out.len() > MAX_TEXT {
            break;
        }
        if i > 0 {
            out.push(' ');
        }
        print_argument(&mut out, &Spec::default(), value, 'v');
    }
    out.push('\n');
    out
}
