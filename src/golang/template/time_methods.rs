//! The methods of `time.Time` and `time.Duration` that templates call.

use super::super::GoVersion;
use super::super::duration::format_go_duration;
use super::super::time::{GoTime, RFC3339_NANO, month_name, weekday_name};
use super::value::{Object, Signature, Type, Value};

const NONE: Signature = Signature::fixed(&[]);

/// What a method of a time or duration takes; `None` for other values and other names.
pub(super) fn signature(receiver: &Value, name: &str, version: GoVersion) -> Option<Signature> {
    Some(match (receiver, name) {
        (
            Value::Time(_),
            "String" | "GoString" | "Unix" | "UnixMilli" | "UnixMicro" | "UnixNano" | "UTC" | "Local" | "IsZero"
            | "Year" | "Month" | "Day" | "Hour" | "Minute" | "Second" | "Nanosecond" | "Weekday" | "YearDay" | "IsDST"
            | "Location" | "Zone" | "ZoneBounds" | "ISOWeek" | "Date" | "Clock" | "MarshalText" | "MarshalJSON"
            | "MarshalBinary" | "GobEncode",
        )
        | (
            Value::Duration(_),
            "String" | "Hours" | "Minutes" | "Seconds" | "Milliseconds" | "Microseconds" | "Nanoseconds" | "Abs",
        ) => NONE,
        (Value::Time(_), "Format") => Signature::fixed(&[Type::Str]),
        (Value::Time(_), "In") => Signature::fixed(&[LOCATION]),
        (Value::Time(_), "AppendFormat") => Signature::fixed(&[Type::Slice(&Type::Uint8), Type::Str]),
        (Value::Time(_), "Compare") if version == GoVersion::V1_19 => return None,
        (Value::Time(_), "Sub" | "Before" | "After" | "Equal" | "Compare") => Signature::fixed(&[Type::Time]),
        (Value::Time(_), "AddDate") => Signature::fixed(&[Type::Int, Type::Int, Type::Int]),
        (Value::Time(_), "Add" | "Truncate" | "Round") | (Value::Duration(_), "Round" | "Truncate") => {
            Signature::fixed(&[Type::Duration])
        }
        _ => return None,
    })
}

/// Go's complaint about a method that gives more than a template can take.
pub(super) fn too_many_results(receiver: &Value, name: &str, version: GoVersion) -> Option<String> {
    if !matches!(receiver, Value::Time(_)) {
        return None;
    }
    let (results, second) = match name {
        "Zone" | "ISOWeek" => (2, "int"),
        "ZoneBounds" => (2, "time.Time"),
        "Date" | "Clock" => (3, ""),
        _ => return None,
    };
    Some(match (version, results) {
        (GoVersion::V1_19, n) => format!("can't call method/function {} with {n} results", super::super::quote(name)),
        (GoVersion::Current, 2) => {
            format!("invalid function signature for {name}: second return value should be error; is {second}")
        }
        (GoVersion::Current, n) => format!("function {name} has {n} return values; should be 1 or 2"),
    })
}

/// Calls the method; the arguments fit the signature.
pub(super) fn call(receiver: &Value, name: &str, args: &[Value]) -> Result<Value, String> {
    match receiver {
        Value::Time(t) => time_method(t, name, args),
        Value::Duration(d) => duration_method(*d, name, args),
        _ => Err(format!("no method {name}")),
    }
}

fn time_method(t: &GoTime, name: &str, args: &[Value]) -> Result<Value, String> {
    let civil = t.civil();
    let int = |v: u8| Value::Int(i64::from(v));
    Ok(match (name, args) {
        ("String", _) => Value::from(t.to_string()),
        ("GoString", _) => Value::from(t.go_string()),
        ("IsDST", _) => Value::Bool(false),
        ("Location", _) => Value::object(Location(t.clone())),
        ("In", [Value::Object(o)]) => o.zone().map_or(Value::Nil, |zone| Value::from(t.in_zone_of(zone))),
        ("In", _) => return Err("time: missing Location in call to Time.In".to_owned()),
        ("MarshalText", _) => bytes(t.format(RFC3339_NANO).as_bytes()),
        ("MarshalJSON", _) => bytes(format!("\"{}\"", t.format(RFC3339_NANO)).as_bytes()),
        ("MarshalBinary" | "GobEncode", _) => {
            let mut packed = vec![1];
            packed.extend(t.unix().wrapping_sub(GoTime::zero().unix()).to_be_bytes());
            packed.extend(t.nanosecond().to_be_bytes());
            packed.extend(if t.is_utc() { -1 } else { i16::try_from(t.offset() / 60).unwrap_or(0) }.to_be_bytes());
            bytes(&packed)
        }
        ("AppendFormat", [Value::List(before), Value::Str(layout)]) => {
            let mut items = before.items.clone();
            items.extend(t.format(layout).bytes().map(Value::Uint8));
            Value::list(&Type::Uint8, items)
        }
        ("Unix", _) => Value::Int64(t.unix()),
        ("UnixMilli", _) => {
            Value::Int64(t.unix().wrapping_mul(1_000).wrapping_add(i64::from(t.nanosecond() / 1_000_000)))
        }
        ("UnixMicro", _) => {
            Value::Int64(t.unix().wrapping_mul(1_000_000).wrapping_add(i64::from(t.nanosecond() / 1_000)))
        }
        ("UnixNano", _) => Value::Int64(t.unix_nanos()),
        ("UTC" | "Local", _) => Value::from(t.utc()),
        ("IsZero", _) => Value::Bool(t.is_zero()),
        ("Year", _) => Value::Int(civil.year),
        ("Month", _) => {
            Value::object(NamedNumber { ty: "time.Month", number: civil.month, text: month_name(civil.month) })
        }
        ("Weekday", _) => {
            Value::object(NamedNumber { ty: "time.Weekday", number: civil.weekday, text: weekday_name(civil.weekday) })
        }
        ("Day", _) => int(civil.day),
        ("Hour", _) => int(civil.hour),
        ("Minute", _) => int(civil.minute),
        ("Second", _) => int(civil.second),
        ("Nanosecond", _) => Value::Int(i64::from(t.nanosecond())),
        ("YearDay", _) => Value::Int(i64::from(civil.day_of_year)),
        ("Format", [Value::Str(layout)]) => Value::from(t.format(layout)),
        ("Sub", [Value::Time(other)]) => Value::Duration(t.since(other)),
        ("Before", [Value::Time(other)]) => Value::Bool(order(t) < order(other)),
        ("After", [Value::Time(other)]) => Value::Bool(order(t) > order(other)),
        ("Equal", [Value::Time(other)]) => Value::Bool(order(t) == order(other)),
        ("Compare", [Value::Time(other)]) => Value::Int(order(t).cmp(&order(other)) as i64),
        ("AddDate", [Value::Int(years), Value::Int(months), Value::Int(days)]) => {
            Value::from(t.add_date(*years, *months, *days))
        }
        ("Add", [Value::Duration(d)]) => Value::from(t.add(*d)),
        ("Truncate" | "Round", [Value::Duration(d)]) => {
            // Go counts from its zero time, not from the Unix epoch.
            let seconds = i128::from(t.unix()) - i128::from(GoTime::zero().unix());
            let since_zero = seconds * 1_000_000_000 + i128::from(t.nanosecond());
            let over = if *d > 0 { since_zero.rem_euclid(i128::from(*d)) } else { 0 };
            let up = name == "Round" && over * 2 >= i128::from(*d) && *d > 0;
            let move_by = if up { i128::from(*d) - over } else { -over };
            Value::from(t.add(i64::try_from(move_by).unwrap_or(0)))
        }
        _ => return Err(format!("no method {name}")),
    })
}

fn bytes(of: &[u8]) -> Value {
    Value::list(&Type::Uint8, of.iter().map(|b| Value::Uint8(*b)).collect())
}

const LOCATION: Type = Type::Named("*time.Location");

/// A time zone, known by a time that is shown in it.
struct Location(GoTime);

impl Object for Location {
    fn type_name(&self) -> &'static str {
        "*time.Location"
    }

    fn zone(&self) -> Option<&GoTime> {
        Some(&self.0)
    }

    fn method(&self, name: &str) -> Option<Signature> {
        (name == "String").then_some(NONE)
    }

    fn call(&self, _: &str, _: &[Value]) -> Result<Value, String> {
        Ok(Value::str(self.0.zone_name()))
    }

    fn text(&self) -> Option<String> {
        Some(self.0.zone_name().to_owned())
    }
}

fn order(t: &GoTime) -> (i64, u32) {
    (t.unix(), t.nanosecond())
}

fn duration_method(d: i64, name: &str, args: &[Value]) -> Result<Value, String> {
    // Go adds whole units and the fraction, which rounds differently from one division.
    let split = |unit: i64| (d / unit) as f64 + (d % unit) as f64 / unit as f64;
    Ok(match (name, args) {
        ("String", _) => Value::from(format_go_duration(d)),
        ("Hours", _) => Value::Float(split(3_600_000_000_000)),
        ("Minutes", _) => Value::Float(split(60_000_000_000)),
        ("Seconds", _) => Value::Float(split(1_000_000_000)),
        ("Milliseconds", _) => Value::Int64(d / 1_000_000),
        ("Microseconds", _) => Value::Int64(d / 1_000),
        ("Nanoseconds", _) => Value::Int64(d),
        ("Abs", _) => Value::Duration(d.saturating_abs()),
        ("Truncate", [Value::Duration(m)]) => Value::Duration(if *m > 0 { d - d % m } else { d }),
        ("Round", [Value::Duration(m)]) => Value::Duration(round(d, *m)),
        _ => return Err(format!("no method {name}")),
    })
}

/// `time.Duration.Round`: half away from zero.
fn round(d: i64, m: i64) -> i64 {
    if m <= 0 {
        return d;
    }
    let rest = d % m;
    let down = d - rest;
    let up = if d < 0 { down.checked_sub(m) } else { down.checked_add(m) };
    if rest.unsigned_abs() * 2 < m.unsigned_abs() {
        down
    } else {
        up.unwrap_or(if d < 0 { i64::MIN } else { i64::MAX })
    }
}

/// A month or weekday: a number with a name.
struct NamedNumber {
    ty: &'static str,
    number: u8,
    text: &'static str,
}

impl Object for NamedNumber {
    fn type_name(&self) -> &'static str {
        self.ty
    }

    fn underlying(&self) -> Option<Value> {
        Some(Value::Int(i64::from(self.number)))
    }

    fn method(&self, name: &str) -> Option<Signature> {
        (name == "String").then_some(NONE)
    }

    fn call(&self, _: &str, _: &[Value]) -> Result<Value, String> {
        Ok(Value::str(self.text))
    }

    fn text(&self) -> Option<String> {
        Some(self.text.to_owned())
    }
}
