//! A request's body as a JSON object, whichever of the three content types it came in.

use serde_json::{Map, Value};

use super::errors::{ApiError, FormErrors};
use super::http::{Request, form_pairs};

/// The longest body that is read, in bytes.
const MAX_BODY: usize = 25 * 1024 * 1024;
/// Parts of a multipart body beyond which the rest is not looked at.
const MAX_PARTS: usize = 64;

/// A file that came with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Its name.
    pub filename: String,
    /// Its type, as the sender says.
    pub content_type: Option<String>,
    /// Its size in bytes.
    pub size: usize,
}

/// What a body holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Payload {
    /// The keys.
    pub(super) fields: Map<String, Value>,
    /// The files.
    pub(super) files: Vec<Upload>,
}

impl Payload {
    /// Reads the body of a request. A body of another type than JSON or a form counts as an empty object, so that it
    /// is answered as an empty message, as people report.
    pub(super) fn read(request: &Request<'_>) -> Result<Self, ApiError> {
        if request.body.len() > MAX_BODY {
            return Err(ApiError::TooLarge);
        }
        let content_type = request.header("content-type").unwrap_or("");
        let kind = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        match kind.as_str() {
            "application/json" => Ok(Self { fields: object(request.body)?, files: Vec::new() }),
            "application/x-www-form-urlencoded" => {
                let text = String::from_utf8_lossy(request.body);
                Self::from_form(form_pairs(&text).map(|(name, value)| (name, value.into_bytes())))
            }
            "multipart/form-data" => {
                let (values, files) = multipart(content_type, request.body);
                Ok(Self { files, ..Self::from_form(values.into_iter())? })
            }
            _ => Ok(Self::default()),
        }
    }

    /// The pairs of a form; `payload_json` gives the keys that are not set beside it.
    fn from_form(pairs: impl Iterator<Item = (String, Vec<u8>)>) -> Result<Self, ApiError> {
        let mut fields = Map::new();
        let mut json = Map::new();
        for (name, value) in pairs {
            if name == "payload_json" {
                json = object(&value)?;
            } else {
                fields.insert(name, Value::String(String::from_utf8_lossy(&value).into_owned()));
            }
        }
        for (name, value) in json {
            fields.entry(name).or_insert(value);
        }
        Ok(Self { fields, files: Vec::new() })
    }
}

fn object(body: &[u8]) -> Result<Map<String, Value>, ApiError> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => {
            let mut errors = FormErrors::default();
            errors.push(&[], "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType");
            Err(ApiError::Form(errors))
        }
        Err(_) => Err(ApiError::InvalidJson),
    }
}

type Parts = (Vec<(String, Vec<u8>)>, Vec<Upload>);

/// The values and files of a multipart body. What does not follow the format is left out.
fn multipart(content_type: &str, body: &[u8]) -> Parts {
    let mut parts = Parts::default();
    let Some(boundary) = parameter(content_type, "boundary").filter(|b| !b.is_empty()) else { return parts };
    let delimiter = format!("--{boundary}");
    let mut rest = match find(body, delimiter.as_bytes()) {
        Some(at) => &body[at + delimiter.len()..],
        None => return parts,
    };
    // Inside of a file the words of the boundary may stand, but not at the start of a line.
    let delimiter = format!("\r\n{delimiter}");
    for _ in 0..MAX_PARTS {
        if rest.starts_with(b"--") {
            break;
        }
        let Some(end) = find(rest, delimiter.as_bytes()) else { break };
        part(&rest[..end], &mut parts);
        rest = &rest[end + delimiter.len()..];
    }
    parts
}

fn part(bytes: &[u8], parts: &mut Parts) {
    let Some(blank) = find(bytes, b"\r\n\r\n") else { return };
    let content = &bytes[blank + 4..];
    let head = String::from_utf8_lossy(&bytes[..blank]);
    let header = |wanted: &str| {
        head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
        })
    };
    let disposition = header("content-disposition").unwrap_or_default();
    // Older clients write names beyond ASCII as `filename*=utf-8''...`.
    let extended = parameter(&disposition, "filename*");
    let extended = extended.as_deref().and_then(|f| f.splitn(3, '\'').nth(2)).map(crate::golang::url_parse::decoded);
    match (parameter(&disposition, "name"), extended.or_else(|| parameter(&disposition, "filename"))) {
        (_, Some(filename)) => {
            parts.1.push(Upload { filename, content_type: header("content-type"), size: content.len() });
        }
        (Some(name), None) => parts.0.push((name, content.to_vec())),
        (None, None) => {}
    }
}

/// The value of a parameter behind the semicolons of a header; a semicolon inside of quotes is part of a value.
fn parameter(header: &str, wanted: &str) -> Option<String> {
    let (mut quoted, mut escaped) = (false, false);
    let pieces = header.split(|c| {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        c == ';' && !quoted
    });
    let mut pieces = pieces.skip(1).filter_map(|p| p.split_once('='));
    let (_, value) = pieces.find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))?;
    let value = value.trim();
    let Some(inner) = value.strip_prefix('"').map(|v| v.strip_suffix('"').unwrap_or(v)) else {
        return Some(value.to_owned());
    };
    Some(inner.replace("\\\"", "\"").replace("%22", "\""))
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(at) = haystack[from..].iter().position(|b| *b == first) {
        if haystack[from + at..].starts_with(needle) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content_type: &str, body: &str) -> Result<Payload, ApiError> {
        let headers = [("content-type".to_owned(), content_type.to_owned())];
        let request = Request { method: "POST", path: "/", query: "", headers: &headers, body: body.as_bytes() };
        Payload::read(&request)
    }

    #[test]
    fn a_multipart_body_gives_values_and_files() {
        let body = "--XX\r\nContent-Disposition: form-data; name=\"payload_json\"\r\n\r\n{\"content\":\"hi\"}\r\n\
                    --XX\r\nContent-Disposition: form-data; name=\"files[0]\"; filename=\"a.txt\"\r\n\
                    Content-Type: text/plain\r\n\r\nabc\r\n--XX--\r\n";
        let payload = read("multipart/form-data; boundary=XX", body).expect("a form");
        assert_eq!(payload.fields["content"], "hi");
        let file = Upload { filename: "a.txt".to_owned(), content_type: Some("text/plain".to_owned()), size: 3 };
        assert_eq!(payload.files, [file]);
    }

    #[test]
    fn names_may_hold_semicolons_and_files_the_words_of_the_boundary() {
        let file = |disposition: &str, content: &str| {
            let body = format!("--X\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{content}\r\n--X--\r\n");
            let mut files = read("multipart/form-data; boundary=\"X\"", &body).expect("a form").files;
            files.pop().map(|f| (f.filename, f.size))
        };
        assert_eq!(file("name=\"a\"; filename=\"b;c \\\"d\\\".txt\"", "x--Xy"), Some(("b;c \"d\".txt".into(), 5)));
        assert_eq!(file("name=a; filename*=utf-8''%C3%BC.txt", ""), Some(("ü.txt".into(), 0)));
    }

    #[test]
    fn a_form_may_carry_json_beside_its_fields() {
        let body = "username=lab&payload_json=%7B%22content%22%3A%22hi%22%7D";
        let payload = read("application/x-www-form-urlencoded", body).expect("a form");
        assert_eq!((&payload.fields["content"], &payload.fields["username"]), (&"hi".into(), &"lab".into()));
    }

    #[test]
    fn broken_json_and_other_types_are_told_apart() {
        assert_eq!(read("application/json", "{\"content\":"), Err(ApiError::InvalidJson));
        assert_eq!(read("text/plain", "{\"content\":\"hi\"}"), Ok(Payload::default()));
        assert!(matches!(read("application/json; charset=utf-8", "[]"), Err(ApiError::Form(_))));
    }
}
