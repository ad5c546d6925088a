//! `fmt.Sprintf`: format strings, flags, verbs, and what Go writes where they do not fit.

use super::super::duration::format_go_duration;
use super::super::float::{FloatFormat, format_float};
use super::super::quoting::{is_print, quote_char, quote_to_ascii};
use super::super::time::GoTime;
use super::super::{float, quote};
use super::value::{Object, Type, Value};

/// Widths and precisions of more digits than this has are refused, as in Go.
const TOO_LARGE: usize = 1_000_000;

/// No text is made longer than about this; whoever asks for it gets an error from the executor's own limit.
pub(super) const MAX_TEXT: usize = 16 << 20;

/// Flags, width and precision of one verb.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spec {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    /// `%+v`
    names: bool,
    /// `%#v`
    syntax: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// Where reading a format string has come to.
struct Cursor<'a> {
    format: &'a [u8],
    at: usize,
    args: &'a [Value],
    arg: usize,
    reordered: bool,
    good_index: bool,
}

/// `fmt.Sprintf`
pub(super) fn sprintf(format: &str, args: &[Value]) -> String {
    let mut out = String::with_capacity(format.len() + 16);
    let mut c = Cursor { format: format.as_bytes(), at: 0, args, arg: 0, reordered: false, good_index: true };
    while let Some(percent) = format[c.at..].find('%') {
        if out.len() > MAX_TEXT {
            return out;
        }
        out.push_str(&format[c.at..c.at + percent]);
        c.at += percent + 1;
        c.good_index = true;
        let mut spec = c.flags();
        c.width_and_precision(&mut spec, &mut out);
        let Some(verb) = format[c.at..].chars().next() else {
            out.push_str("%!(NOVERB)");
            break;
        };
        c.at += verb.len_utf8();
        if verb == '%' {
            out.push('%');
        } else if !c.good_index {
            out.push_str(&format!("%!{verb}(BADINDEX)"));
        } else if let Some(arg) = args.get(c.arg) {
            c.arg += 1;
            if verb == 'v' {
                spec.syntax = std::mem::take(&mut spec.sharp);
                spec.names = std::mem::take(&mut spec.plus);
            }
            print_argument(&mut out, &spec, arg, verb);
        } else {
            out.push_str(&format!("%!{verb}(MISSING)"));
        }
    }
    out.push_str(&format[c.at.min(format.len())..]);
    if !c.reordered && c.arg < args.len() {
        out.push_str("%!(EXTRA ");
        for (i, arg) in args[c.arg..].iter().enumerate() {
            if out.len() > MAX_TEXT {
                return out;
            }
            if i > 0 {
                out.push_str(", ");
            }
            if !matches!(arg, Value::Nil) {
                out.push_str(&arg.type_name());
                out.push('=');
            }
            print_argument(&mut out, &Spec::default(), arg, 'v');
        }
        out.push(')');
    }
    out
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.format.get(self.at).copied()
    }

    fn flags(&mut self) -> Spec {
        let mut spec = Spec::default();
        while let Some(b) = self.peek() {
            match b {
                b'#' => spec.sharp = true,
                b'0' => spec.zero = !spec.minus,
                b'+' => spec.plus = true,
                b'-' => {
                    spec.minus = true;
                    spec.zero = false;
                }
                b' ' => spec.space = true,
                _ => break,
            }
            self.at += 1;
        }
        spec
    }

    fn width_and_precision(&mut self, spec: &mut Spec, out: &mut String) {
        let mut after_index = self.index();
        if self.peek() == Some(b'*') {
            self.at += 1;
            match self.number_argument() {
                Some(n) => {
                    if n < 0 {
                        spec.minus = true;
                        spec.zero = false;
                    }
                    spec.width = Some(usize::try_from(n.unsigned_abs()).unwrap_or(0));
                }
                None => out.push_str("%!(BADWIDTH)"),
            }
            after_index = false;
        } else {
            spec.width = self.number(self.format.len());
            if after_index && spec.width.is_some() {
                self.good_index = false;
            }
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if after_index {
                self.good_index = false;
            }
            after_index = self.index();
            if self.peek() == Some(b'*') {
                self.at += 1;
                spec.precision = self.number_argument().and_then(|n| usize::try_from(n).ok());
                if spec.precision.is_none() {
                    out.push_str("%!(BADPREC)");
                }
                after_index = false;
            } else {
                spec.precision = Some(self.number(self.format.len()).unwrap_or(0));
            }
        }
        if !after_index {
            self.index();
        }
    }

    /// `[n]`: true when there is one that can be read.
    fn index(&mut self) -> bool {
        if self.peek() != Some(b'[') {
            return false;
        }
        self.reordered = true;
        let close = self.format[self.at..].iter().position(|b| *b == b']');
        let Some(close) = close.filter(|_| self.format.len() - self.at >= 3) else {
            self.at += 1;
            self.good_index = false;
            return false;
        };
        let end = self.at + close;
        self.at += 1;
        let number = self.number(end).filter(|_| self.at == end);
        self.at = end + 1;
        match number.and_then(|n| n.checked_sub(1)).filter(|n| *n < self.args.len()) {
            Some(n) => {
                self.arg = n;
                true
            }
            None => {
                self.good_index = false;
                number.is_some()
            }
        }
    }

    fn number(&mut self, end: usize) -> Option<usize> {
        let start = self.at;
        let mut n = 0usize;
        while self.at < end && self.format[self.at].is_ascii_digit() {
            if n > TOO_LARGE {
                // Go gives up on the rest of the format.
                self.at = end;
                return None;
            }
            n = n * 10 + usize::from(self.format[self.at] - b'0');
            self.at += 1;
        }
        (self.at > start).then_some(n)
    }

    fn number_argument(&mut self) -> Option<i64> {
        let value = self.args.get(self.arg)?;
        self.arg += 1;
        let n = match value.plain() {
            Value::Int(i) | Value::Int64(i) | Value::Duration(i) => i,
            Value::Uint8(u) => i64::from(u),
            _ => return None,
        };
        (n.unsigned_abs() <= TOO_LARGE as u64).then_some(n)
    }
}

/// Writes one operand.
pub(super) fn print_argument(out: &mut String, spec: &Spec, value: &Value, verb: char) {
    match (value, verb) {
        (Value::Nil, 'v' | 'T') => pad(out, spec, "<nil>"),
        (Value::Nil, _) => out.push_str(&format!("%!{verb}(<nil>)")),
        (_, 'T') => pad(out, spec, &value.type_name()),
        (_, 'p') if has_address(value) => print_address(out, spec, value, verb),
        (_, 'p') => bad_verb(out, spec, value, verb),
        _ => print_value(out, spec, value, verb, 0),
    }
}

/// What Go shows as an address under `%p`.
fn has_address(value: &Value) -> bool {
    value.is_pointer() || matches!(value.plain(), Value::List(_) | Value::Map(_))
}

/// A pointer that is not followed: an address, which no two runs of the real program share.
fn print_address(out: &mut String, spec: &Spec, value: &Value, verb: char) {
    const ADDRESS: i64 = 0xc0_0000_0000;
    match verb {
        'v' if spec.syntax => {
            out.push_str(&format!("({})({ADDRESS:#x})", value.type_name()));
        }
        'v' | 'p' => {
            let text = if spec.sharp { format!("{ADDRESS:x}") } else { format!("{ADDRESS:#x}") };
            pad(out, spec, &text);
        }
        'b' | 'o' | 'd' | 'x' | 'X' => print_int(out, spec, ADDRESS, verb, value),
        _ => bad_verb(out, spec, value, verb),
    }
}

fn bad_verb(out: &mut String, spec: &Spec, value: &Value, verb: char) {
    out.push_str(&format!("%!{verb}({}=", value.type_name()));
    // Go calls no String method here, and keeps width, precision and flags.
    match value {
        Value::Duration(d) => print_value(out, spec, &Value::Int64(*d), 'v', 0),
        Value::Time(t) => print_time_fields(out, spec, t, false, 'v'),
        Value::Object(o) if o.type_name() == "*time.Time" => match o.underlying() {
            Some(Value::Time(t)) => print_time_fields(out, spec, &t, true, 'v'),
            _ => out.push_str("<nil>"),
        },
        Value::Object(o) if value.is_pointer() && o.underlying().is_some() => print_address(out, spec, value, 'v'),
        Value::Object(o) if o.underlying().is_none() => print_struct(out, spec, &**o, 'v', 0),
        _ => print_value(out, spec, &value.plain(), 'v', 0),
    }
    out.push(')');
}

/// The fields of a `time.Time`, which verbs see that know nothing of its methods: nanoseconds, seconds since year 1, zone.
fn print_time_fields(out: &mut String, spec: &Spec, t: &GoTime, pointer: bool, verb: char) {
    out.push_str(if pointer { "&{" } else { "{" });
    let numbers = [("uint64", i64::from(t.nanosecond())), ("int64", t.unix().wrapping_sub(GoTime::zero().unix()))];
    for (ty, number) in numbers {
        match verb {
            'v' | 'd' | 'b' | 'o' | 'O' | 'x' | 'X' | 'c' | 'q' | 'U' => {
                print_int(out, spec, number, verb, &Value::Int64(number));
            }
            _ => {
                out.push_str(&format!("%!{verb}({ty}="));
                print_int(out, spec, number, 'v', &Value::Int64(number));
                out.push(')');
            }
        }
        out.push(' ');
    }
    match verb {
        'v' => pad(out, spec, "<nil>"),
        'd' | 'b' | 'o' | 'x' | 'X' => print_int(out, spec, 0, verb, &Value::Int64(0)),
        _ => {
            out.push_str(&format!("%!{verb}(*time.Location="));
            pad(out, spec, "<nil>");
            out.push(')');
        }
    }
    out.push('}');
}

fn print_value(out: &mut String, spec: &Spec, value: &Value, verb: char, depth: usize) {
    let textual = matches!(verb, 'v' | 's' | 'x' | 'X' | 'q') && !spec.syntax;
    match value {
        Value::Nil if spec.syntax => out.push_str("interface {}(nil)"),
        Value::Nil => out.push_str("<nil>"),
        Value::Bool(b) => match verb {
            't' | 'v' => pad(out, spec, if *b { "true" } else { "false" }),
            _ => bad_verb(out, spec, value, verb),
        },
        Value::Duration(d) if textual => print_str(out, spec, &format_go_duration(*d), verb, value),
        Value::Int(i) | Value::Int64(i) | Value::Duration(i) => print_int(out, spec, *i, verb, value),
        Value::Uint8(u) => print_int(out, spec, i64::from(*u), verb, value),
        Value::Float(f) => print_float(out, spec, *f, verb, value),
        Value::Complex(re, im) if matches!(verb, 'v' | 'b' | 'g' | 'G' | 'x' | 'X' | 'f' | 'F' | 'e' | 'E') => {
            out.push('(');
            print_float(out, spec, *re, verb, value);
            print_float(out, &Spec { plus: true, ..*spec }, *im, verb, value);
            out.push_str("i)");
        }
        Value::Complex(..) => bad_verb(out, spec, value, verb),
        Value::Str(s) => print_str(out, spec, s, verb, value),
        Value::Time(t) if textual => print_str(out, spec, &t.to_string(), verb, value),
        Value::Time(t) if verb == 'v' => out.push_str(&t.go_string()),
        Value::Time(t) => print_time_fields(out, spec, t, false, verb),
        Value::List(list) if *list.elem == Type::Uint8 && matches!(verb, 's' | 'q' | 'x' | 'X') => {
            let bytes: Vec<u8> = list.items.iter().map(|v| if let Value::Uint8(b) = v { *b } else { 0 }).collect();
            print_str(out, spec, &String::from_utf8_lossy(&bytes), verb, value);
        }
        Value::List(list) => {
            let (open, separator, close) = if spec.syntax { ("{", ", ", "}") } else { ("[", " ", "]") };
            if spec.syntax {
                out.push_str(&value.type_name());
            }
            out.push_str(open);
            for (i, item) in list.items.iter().enumerate() {
                if out.len() > MAX_TEXT {
                    return;
                }
                if i > 0 {
                    out.push_str(separator);
                }
                print_value(out, spec, item, verb, depth + 1);
            }
            out.push_str(close);
        }
        Value::Map(map) => {
            let (open, separator, close) = if spec.syntax { ("{", ", ", "}") } else { ("map[", " ", "]") };
            if spec.syntax {
                out.push_str(&value.type_name());
            }
            out.push_str(open);
            for (i, (key, item)) in map.entries().iter().enumerate() {
                if out.len() > MAX_TEXT {
                    return;
                }
                if i > 0 {
                    out.push_str(separator);
                }
                print_value(out, spec, &Value::Str(std::sync::Arc::clone(key)), verb, depth + 1);
                out.push(':');
                print_value(out, spec, item, verb, depth + 1);
            }
            out.push_str(close);
        }
        Value::Object(object) => print_object(out, spec, &**object, verb, depth, textual),
    }
}

fn print_object(out: &mut String, spec: &Spec, object: &dyn Object, verb: char, depth: usize, textual: bool) {
    if textual && let Some(text) = object.text() {
        return print_str(out, spec, &text, verb, &Value::Nil);
    }
    let pointer = object.type_name().starts_with('*');
    let plain = match object.underlying() {
        Some(Value::Time(t)) if pointer && depth == 0 => {
            return if textual {
                print_str(out, spec, &t.to_string(), verb, &Value::Nil)
            } else if verb == 'v' {
                out.push_str(&t.go_string());
            } else {
                print_time_fields(out, spec, &t, true, verb);
            };
        }
        Some(Value::Duration(d)) if pointer && !textual => {
            return match verb {
                'v' => out.push_str(&format!("({})(0xc000000000)", object.type_name())),
                'b' | 'o' | 'd' => print_int(out, spec, 0xc0_0000_0000, verb, &Value::Duration(d)),
                _ => out.push_str(&format!("%!{verb}({}=0xc000000000)", object.type_name())),
            };
        }
        plain => plain,
    };
    match plain {
        // A named slice or map shows its own name.
        Some(plain @ (Value::List(_) | Value::Map(_))) if spec.syntax => {
            let mut text = String::new();
            print_value(&mut text, spec, &plain, verb, depth);
            out.push_str(object.type_name());
            out.push_str(text.strip_prefix(&plain.type_name()).unwrap_or(&text));
        }
        Some(plain) => print_value(out, spec, &plain, verb, depth),
        None if pointer && depth > 0 => match verb {
            'v' if spec.syntax => out.push_str(&format!("({})(0xc000000000)", object.type_name())),
            'v' | 'b' | 'o' | 'd' | 'x' | 'X' => out.push_str("0xc000000000"),
            _ => {
                out.push_str(&format!("%!{verb}({}=", object.type_name()));
                print_struct(out, spec, object, 'v', 0);
                out.push(')');
            }
        },
        None => print_struct(out, spec, object, verb, depth),
    }
}

fn print_struct(out: &mut String, spec: &Spec, object: &dyn Object, verb: char, depth: usize) {
    if object.type_name().starts_with('*') {
        out.push('&');
    }
    if spec.syntax {
        out.push_str(object.type_name().trim_start_matches('*'));
    }
    out.push('{');
    for (i, (name, value)) in object.fields().iter().enumerate() {
        if i > 0 {
            out.push_str(if spec.syntax { ", " } else { " " });
        }
        if spec.names || spec.syntax {
            out.push_str(name);
            out.push(':');
        }
        print_value(out, spec, value, verb, depth + 1);
    }
    out.push('}');
}

fn pad(out: &mut String, spec: &Spec, text: &str) {
    let missing = spec.width.unwrap_or(0).saturating_sub(text.chars().count());
    let fill = if spec.zero { '0' } else { ' ' };
    if spec.minus {
        out.push_str(text);
        out.extend(std::iter::repeat_n(' ', missing));
    } else {
        out.extend(std::iter::repeat_n(fill, missing));
        out.push_str(text);
    }
}

fn print_str(out: &mut String, spec: &Spec, s: &str, verb: char, value: &Value) {
    let cut = match spec.precision {
        Some(n) if !matches!(verb, 'x' | 'X') => s.char_indices().nth(n).map_or(s, |(i, _)| &s[..i]),
        _ => s,
    };
    match verb {
        'v' if spec.syntax => pad(out, spec, &quote(cut)),
        'v' | 's' => pad(out, spec, cut),
        'q' if spec.sharp && cut.chars().all(|c| c != '`' && (c == '\t' || is_print(c))) => {
            pad(out, spec, &format!("`{cut}`"));
        }
        'q' if spec.plus => pad(out, spec, &quote_to_ascii(cut)),
        'q' => pad(out, spec, &quote(cut)),
        'x' | 'X' => {
            let upper = verb == 'X';
            let mut text = String::new();
            for (i, b) in s.bytes().take(spec.precision.unwrap_or(usize::MAX)).enumerate() {
                if i > 0 && spec.space {
                    text.push(' ');
                }
                if spec.sharp && (i == 0 || spec.space) {
                    text.push_str(if upper { "0X" } else { "0x" });
                }
                text.push_str(&if upper { format!("{b:02X}") } else { format!("{b:02x}") });
            }
            pad(out, spec, &text);
        }
        _ => bad_verb(out, spec, value, verb),
    }
}

fn print_int(out: &mut String, spec: &Spec, i: i64, verb: char, value: &Value) {
    let u = i.unsigned_abs();
    let (digits, prefix) = match verb {
        'd' | 'v' => (u.to_string(), ""),
        'b' => (format!("{u:b}"), if spec.sharp { "0b" } else { "" }),
        'o' => (format!("{u:o}"), if spec.sharp { "0" } else { "" }),
        'O' => (format!("{u:o}"), "0o"),
        'x' => (format!("{u:x}"), if spec.sharp { "0x" } else { "" }),
        'X' => (format!("{u:X}"), if spec.sharp { "0X" } else { "" }),
        'c' => return pad(out, spec, &character(i).to_string()),
        'q' if spec.plus => {
            let quoted = quote_to_ascii(&character(i).to_string());
            let inner = quoted.get(1..quoted.len() - 1).unwrap_or("").replace("\\\"", "\"");
            let inner = if inner == "'" { "\\'" } else { &inner };
            return pad(out, spec, &format!("'{inner}'"));
        }
        'q' => return pad(out, spec, &quote_char(character(i))),
        'U' => {
            let mut text = format!("U+{u:04X}");
            if spec.sharp && is_print(character(i)) {
                text.push_str(&format!(" '{}'", character(i)));
            }
            return pad(out, &Spec { zero: false, ..*spec }, &text);
        }
        _ => return bad_verb(out, spec, value, verb),
    };
    let sign = if i < 0 {
        "-"
    } else if spec.plus {
        "+"
    } else if spec.space {
        " "
    } else {
        ""
    };
    let least = match (spec.precision, spec.width) {
        (Some(0), _) if i == 0 => return pad(out, &Spec { zero: false, ..*spec }, ""),
        (Some(p), _) => p,
        (None, Some(w)) if spec.zero => w.saturating_sub(sign.len()),
        _ => 0,
    };
    let zeros = "0".repeat(least.saturating_sub(digits.len()));
    pad(out, &Spec { zero: false, ..*spec }, &format!("{sign}{prefix}{zeros}{digits}"));
}

fn character(i: i64) -> char {
    u32::try_from(i).ok().and_then(char::from_u32).unwrap_or('\u{fffd}')
}

fn print_float(out: &mut String, spec: &Spec, v: f64, verb: char, value: &Value) {
    let text = match verb {
        'v' | 'g' | 'G' => format_float(v, FloatFormat::General, spec.precision),
        'f' | 'F' => format_float(v, FloatFormat::Fixed, Some(spec.precision.unwrap_or(6))),
        'e' | 'E' => format_float(v, FloatFormat::Exponent, Some(spec.precision.unwrap_or(6))),
        'b' => float::format_binary(v),
        'x' | 'X' => float::format_hex(v, spec.precision),
        _ => return bad_verb(out, spec, value, verb),
    };
    let text = if verb.is_ascii_uppercase() && v.is_finite() { text.to_ascii_uppercase() } else { text };
    let text = if spec.sharp && verb != 'b' && v.is_finite() { with_point(&text, spec, verb) } else { text };
    let (sign, digits) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (&text[..1], rest),
        None => ("+", text.as_str()),
    };
    let sign = if sign == "+" && spec.space && !spec.plus { " " } else { sign };
    if !v.is_finite() {
        let spec = Spec { zero: false, ..*spec };
        let bare = v.is_nan() && !spec.space && !spec.plus;
        return pad(out, &spec, &if bare { digits.to_owned() } else { format!("{sign}{digits}") });
    }
    if sign == "+" && !spec.plus {
        return pad(out, spec, digits);
    }
    let width = spec.width.unwrap_or(0);
    if spec.zero && width > digits.len() + 1 {
        out.push_str(sign);
        return pad(out, &Spec { width: Some(width - 1), ..*spec }, digits);
    }
    pad(out, spec, &format!("{sign}{digits}"));
}

/// What the flag `#` does to a float: always a decimal point, and for `%g` the zeros that say how precise it is.
fn with_point(text: &str, spec: &Spec, verb: char) -> String {
    let (sign, number) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let hex = matches!(verb, 'x' | 'X');
    let at = number.find(if hex { ['p', 'P'] } else { ['e', 'E'] }).unwrap_or(number.len());
    let (digits, tail) = number.split_at(at);
    let wanted = if matches!(verb, 'v' | 'g' | 'G' | 'x') { spec.precision.unwrap_or(6) } else { 0 };
    let significant = digits.chars().filter(|c| *c != '.').skip_while(|c| *c == '0').count();
    let has_point = digits.contains('.');
    // A single zero counts as a digit.
    let shown = significant + usize::from(!has_point && digits == "0");
    let point = if has_point { "" } else { "." };
    format!("{sign}{digits}{point}{}{tail}", "0".repeat(wanted.saturating_sub(shown)))
}
