//! `toJson`: any value as Go's `encoding/json` writes it.

use crate::alertmanager::version::Version;
use crate::golang::json::{ShortEscapes, write_float, write_string};
use crate::golang::template::Value;
use crate::golang::time::RFC3339_NANO;

/// Values inside values beyond which the text is refused.
const MAX_DEPTH: usize = 64;

/// The JSON of a value.
pub(super) fn to_json(value: &Value, version: Version) -> Result<String, String> {
    let escapes = if version >= Version::V0_28 { ShortEscapes::Five } else { ShortEscapes::Three };
    let mut out = String::new();
    write(&mut out, value, escapes, 0)?;
    Ok(out)
}

fn write(out: &mut String, value: &Value, escapes: ShortEscapes, depth: usize) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err("json: unsupported value: encountered a cycle".to_owned());
    }
    match value {
        Value::Nil => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Int(i) | Value::Int64(i) | Value::Duration(i) => out.push_str(&i.to_string()),
        Value::Uint8(i) => out.push_str(&i.to_string()),
        Value::Float(f) => write_float(out, *f)?,
        Value::Complex(..) => return Err("json: unsupported type: complex128".to_owned()),
        Value::Str(s) => write_string(out, s, escapes),
        Value::Time(t) => write_string(out, &t.format(RFC3339_NANO), escapes),
        Value::List(list) => {
            out.push('[');
            for (i, item) in list.items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(out, item, escapes, depth + 1)?;
            }
            out.push(']');
        }
        Value::Map(map) => {
            let entries = map.entries().iter().map(|(k, v)| (&**k, v));
            write_members(out, entries, escapes, depth)?;
        }
        Value::Object(object) => match object.underlying() {
            Some(plain) => write(out, &plain, escapes, depth + 1)?,
            None => {
                let fields = object.fields();
                let members = fields.iter().map(|(name, v)| (key_of(object.type_name(), name), v));
                write_members(out, members, escapes, depth)?;
            }
        },
    }
    Ok(())
}

fn write_members<'a>(
    out: &mut String,
    members: impl Iterator<Item = (&'a str, &'a Value)>,
    escapes: ShortEscapes,
    depth: usize,
) -> Result<(), String> {
    out.push('{');
    for (i, (key, value)) in members.enumerate() {
        if i > 0 {
            out.push(',');
        }
        write_string(out, key, escapes);
        out.push(':');
        write(out, value, escapes, depth + 1)?;
    }
    out.push('}');
    Ok(())
}

/// The key of a struct's field; pairs have no tags of their own.
fn key_of<'a>(type_name: &str, field: &'a str) -> &'a str {
    if type_name == "template.Pair" {
        return field;
    }
    match field {
        "Receiver" => "receiver",
        "Status" => "status",
        "Alerts" => "alerts",
        "NotificationReason" => "notification_reason",
        "GroupLabels" => "groupLabels",
        "CommonLabels" => "commonLabels",
        "CommonAnnotations" => "commonAnnotations",
        "RouteLabels" => "routeLabels",
        "ExternalURL" => "externalURL",
        "Labels" => "labels",
        "Annotations" => "annotations",
        "StartsAt" => "startsAt",
        "EndsAt" => "endsAt",
        "GeneratorURL" => "generatorURL",
        "Fingerprint" => "fingerprint",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golang::template::Type;

    #[test]
    fn values_are_written_as_go_does() {
        let entries = vec![("b".into(), Value::Float(1e21)), ("a".into(), Value::str("<x>"))];
        let value = Value::list(&Type::Any, vec![Value::map(&Type::Any, entries), Value::Nil, Value::Float(1e-7)]);
        let wanted = r#"[{"a":"\u003cx\u003e","b":1e+21},null,1e-7]"#;
        assert_eq!(to_json(&value, Version::LATEST).as_deref(), Ok(wanted));
    }
}
