//! The functions of Alertmanager's templates, each with the release that brought it.
//!
//! Facts: upstream's documentation of templates, source of 0.34; outputs measured with 0.25.

use std::sync::Arc;

use super::data::Data;
use super::objects::{SafeText, strings};
use super::to_json::to_json;
use super::{humanize, zone};
use crate::alertmanager::version::Version;
use crate::golang::GoVersion;
use crate::golang::base64;
use crate::golang::letter_case;
use crate::golang::quoting::quote;
use crate::golang::regexp::{Patterns, Regexp, RegexpError, SearchBudget};
use crate::golang::template::{Functions, Signature, Type, Value};
use crate::golang::time::GoTime;
use crate::model::Time;

/// The longest text a function makes, in bytes.
const MAX_TEXT: usize = 4 * 1024 * 1024;

const TEXT: Signature = Signature::fixed(&[Type::Str]);
const LAYOUT_AND_TEXT: Signature = Signature::fixed(&[Type::Str, Type::Str]);
const ANY: Signature = Signature::fixed(&[Type::Any]);
const ANYS: Type = Type::Slice(&Type::Any);

/// Name, first release and parameters.
const TABLE: &[(&str, Version, Signature)] = &[
    ("toUpper", Version::V0_25, TEXT),
    ("toLower", Version::V0_25, TEXT),
    ("title", Version::V0_25, TEXT),
    ("join", Version::V0_25, Signature::fixed(&[Type::Str, Type::Slice(&Type::Str)])),
    ("match", Version::V0_25, LAYOUT_AND_TEXT),
    ("safeHtml", Version::V0_25, TEXT),
    ("reReplaceAll", Version::V0_25, Signature::fixed(&[Type::Str, Type::Str, Type::Str])),
    ("stringSlice", Version::V0_25, Signature::variadic(&[], Type::Str)),
    ("trimSpace", Version::V0_26, TEXT),
    ("date", Version::V0_28, Signature::fixed(&[Type::Str, Type::Time])),
    ("tz", Version::V0_28, Signature::fixed(&[Type::Str, Type::Time])),
    ("since", Version::V0_28, Signature::fixed(&[Type::Time])),
    ("humanizeDuration", Version::V0_28, ANY),
    ("safeUrl", Version::V0_30, TEXT),
    ("urlUnescape", Version::V0_30, TEXT),
    ("toJson", Version::V0_30, ANY),
    ("list", Version::V0_32, Signature::variadic(&[], Type::Any)),
    ("append", Version::V0_32, Signature::variadic(&[ANYS], Type::Any)),
    ("dict", Version::V0_32, Signature::variadic(&[], Type::Any)),
    ("now", Version::V0_33, Signature::fixed(&[])),
    ("toDate", Version::V0_34, LAYOUT_AND_TEXT),
    ("mustToDate", Version::V0_34, LAYOUT_AND_TEXT),
    ("base64encode", Version::V0_34, TEXT),
    ("base64decode", Version::V0_34, TEXT),
    ("routeLabels", Version::V0_34, TEXT),
];

/// The functions of one execution.
pub(super) struct AlertmanagerFunctions {
    /// The release.
    pub(super) version: Version,
    /// What `now` is.
    pub(super) now: Time,
    /// The data, for the labels of the route.
    pub(super) data: Arc<Data>,
    /// Patterns that are compiled already.
    pub(super) patterns: Arc<Patterns>,
    /// What patterns may still cost.
    pub(super) budget: SearchBudget,
}

/// The Go that builds a release.
pub(super) fn go_version(version: Version) -> GoVersion {
    if version >= Version::V0_28 { GoVersion::Current } else { GoVersion::V1_19 }
}

/// The release that brought a function.
pub fn function_since(name: &str) -> Option<Version> {
    TABLE.iter().find(|(n, ..)| *n == name).map(|(_, since, _)| *since)
}

impl AlertmanagerFunctions {
    /// Functions that read templates and expand none.
    pub(super) fn to_parse(version: Version) -> Self {
        let (patterns, budget) = (Arc::default(), SearchBudget::default());
        Self { version, now: Time::default(), data: Arc::default(), patterns, budget }
    }

    fn regexp(&self, pattern: &str, text: &str, refused: impl FnOnce(RegexpError) -> String) -> Result<Regexp, String> {
        self.patterns.for_search(pattern, go_version(self.version), text, &self.budget, refused)
    }

    /// Go's `Regexp.ReplaceAllString`; a bad pattern panics there, and the panic's text is the error.
    fn replace_all(&self, pattern: &str, replacement: &str, text: &str) -> Result<String, String> {
        let regexp = self.regexp(pattern, text, |e| {
            let back_quotable = !pattern.contains('`') && pattern.chars().all(|c| c == '\t' || !c.is_control());
            let shown = if back_quotable { format!("`{pattern}`") } else { quote(pattern) };
            format!("regexp: Compile({shown}): {e}")
        })?;
        regexp.replace_all_within(text, replacement, MAX_TEXT).ok_or_else(too_long)
    }

    fn now(&self) -> GoTime {
        GoTime::from_unix_nanos(self.now.0)
    }
}

impl Functions for AlertmanagerFunctions {
    fn signature(&self, name: &str) -> Option<Signature> {
        TABLE.iter().find(|(n, since, _)| *n == name && self.version >= *since).map(|(.., signature)| *signature)
    }

    fn call(&self, name: &str, args: &[Value]) -> Result<Value, String> {
        let text = |i: usize| args.get(i).and_then(Value::as_str).unwrap_or("");
        let time = |i: usize| match args.get(i) {
            Some(Value::Time(t)) => (**t).clone(),
            _ => GoTime::zero(),
        };
        let safe = |type_name| Value::object(SafeText { type_name, text: text(0).into() });
        Ok(match name {
            "toUpper" => letter_case::to_upper(text(0)).into(),
            "toLower" => letter_case::to_lower(text(0)).into(),
            "title" => letter_case::title_case(text(0), false).into(),
            "trimSpace" => text(0).trim().into(),
            "join" => join(text(0), &args.get(1).map(strings).unwrap_or_default())?.into(),
            "match" => self.regexp(text(0), text(1), |e| e.to_string())?.is_match(text(1)).into(),
            "reReplaceAll" => self.replace_all(text(0), text(1), text(2))?.into(),
            "stringSlice" => Value::strings(args.iter().filter_map(Value::as_str)),
            "safeHtml" => safe("template.HTML"),
            "safeUrl" => safe("template.URL"),
            "urlUnescape" => url_unescape(text(0))?.into(),
            "toJson" => to_json(args.first().unwrap_or(&Value::Nil), self.version)?.into(),
            "date" => time(1).format(text(0)).into(),
            "tz" => zone::in_zone(&time(1), text(0))?.into(),
            "since" => Value::Duration(self.now().since(&time(0))),
            "now" => self.now().into(),
            "humanizeDuration" => humanize::duration(args.first().unwrap_or(&Value::Nil))?.into(),
            "toDate" => zone::parse(text(0), text(1)).unwrap_or_else(|_| GoTime::zero()).into(),
            "mustToDate" => zone::parse(text(0), text(1))?.into(),
            "list" => Value::list(&Type::Any, args.to_vec()),
            "append" => append(args),
            "dict" => dict(args)?,
            "base64encode" => base64::encode_url_safe(text(0).as_bytes()).into(),
            "base64decode" => String::from_utf8_lossy(&base64::decode_url_safe(text(0))?).into_owned().into(),
            "routeLabels" => self.data.route_labels.get(text(0)).map_or_else(|| "".into(), |v| Value::Str(v.clone())),
            _ => return Err(format!("no function {name}")),
        })
    }
}

fn join(separator: &str, parts: &[Arc<str>]) -> Result<String, String> {
    let length = parts.iter().map(|p| p.len() + separator.len()).sum::<usize>();
    if length > MAX_TEXT { Err(too_long()) } else { Ok(parts.join(separator)) }
}

fn too_long() -> String {
    format!("text longer than {MAX_TEXT} bytes")
}

/// Go's `url.QueryUnescape`.
fn url_unescape(text: &str) -> Result<String, String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        match bytes[i] {
            b'+' => out.push(b' '),
            b'%' => {
                let digit = |at: usize| bytes.get(at).and_then(|b| char::from(*b).to_digit(16));
                let (Some(high), Some(low)) = (digit(i + 1), digit(i + 2)) else {
                    let shown = String::from_utf8_lossy(&bytes[i..bytes.len().min(i + 3)]).into_owned();
                    return Err(format!("invalid URL escape {}", quote(&shown)));
                };
                out.push((high * 16 + low) as u8);
                i += 2;
            }
            b => out.push(b),
        }
        i += 1;
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn append(args: &[Value]) -> Value {
    let mut items = match args.first().map(Value::plain) {
        Some(Value::List(list)) => list.items.clone(),
        _ => Vec::new(),
    };
    items.extend(args.iter().skip(1).cloned());
    Value::list(&Type::Any, items)
}

fn dict(args: &[Value]) -> Result<Value, String> {
    if !args.len().is_multiple_of(2) {
        return Err("dict requires an even number of arguments".to_owned());
    }
    let mut entries = Vec::with_capacity(args.len() / 2);
    for pair in args.chunks_exact(2) {
        let key = pair[0].as_str().ok_or("dict keys must be strings")?;
        entries.push((Arc::from(key), pair[1].clone()));
    }
    Ok(Value::map(&Type::Any, entries))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(version: Version, name: &str, args: &[Value]) -> Result<String, String> {
        let functions = AlertmanagerFunctions { now: Time(5_000_000_000), ..AlertmanagerFunctions::to_parse(version) };
        assert!(functions.signature(name).is_some(), "{name}");
        functions.call(name, args).map(|v| v.as_str().map_or_else(|| format!("{v:?}"), str::to_owned))
    }

    #[test]
    fn a_replacement_names_groups_as_go_does() {
        let replace = |p: &str, r: &str, t: &str| call(Version::V0_25, "reReplaceAll", &[p.into(), r.into(), t.into()]);
        assert_eq!(replace(r"(\w)(\w)", "$2$1-${2}x $1x $$", "abcd").as_deref(), Ok("ba-bx  $dc-dx  $"));
        assert_eq!(replace("a*", "X", "baaac").as_deref(), Ok("XbXcX"));
        assert!(replace("(", "", "").is_err_and(|e| e.starts_with("regexp: Compile(`(`): error parsing regexp")));
    }

    #[test]
    fn a_replacement_that_multiplies_is_refused() {
        let long = "x".repeat(100_000);
        let result = call(Version::V0_25, "reReplaceAll", &["".into(), long.as_str().into(), long.as_str().into()]);
        assert!(result.is_err_and(|e| e.contains("longer than")));
    }

    #[test]
    fn patterns_that_cost_too_much_are_refused() {
        let functions = AlertmanagerFunctions::to_parse(Version::V0_25);
        let pattern = |i: usize| format!("[a-z]{{{}}}(x|y{{1,900}}){i}", 900 - i % 7);
        let refused =
            (0..100_000).find_map(|i| functions.call("match", &[pattern(i).as_str().into(), "b".into()]).err());
        assert_eq!(refused.as_deref(), Some("regular expressions take too many steps"));
    }

    #[test]
    fn functions_appear_with_their_release() {
        let old = AlertmanagerFunctions::to_parse(Version::V0_25);
        assert!(old.signature("date").is_none() && old.signature("title").is_some());
        assert_eq!(function_since("toJson"), Some(Version::V0_30));
    }

    #[test]
    fn urls_and_base64_are_read_back() {
        assert_eq!(call(Version::V0_30, "urlUnescape", &["a%20b+c".into()]).as_deref(), Ok("a b c"));
        let broken = call(Version::V0_30, "urlUnescape", &["%zz1".into()]);
        assert_eq!(broken, Err("invalid URL escape \"%zz\"".to_owned()));
        assert_eq!(call(Version::V0_34, "base64decode", &["aGk=".into()]).as_deref(), Ok("hi"));
    }

    #[test]
    fn a_dict_wants_pairs() {
        assert!(call(Version::V0_32, "dict", &["a".into()]).is_err());
        assert!(call(Version::V0_32, "dict", &["a".into(), Value::Int(1)]).is_ok());
    }
}
