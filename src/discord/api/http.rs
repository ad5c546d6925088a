//! A request and its answer, as plain data.

/// A request to Discord's API.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// The path, without the query string.
    pub path: &'a str,
    /// The query string, without the question mark.
    pub query: &'a str,
    /// Name and value of each header; names in any case.
    pub headers: &'a [(String, String)],
    /// The body.
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// The first query parameter of that name, decoded.
    pub fn query(&self, name: &str) -> Option<String> {
        form_pairs(self.query).find(|(n, _)| n == name).map(|(_, v)| v)
    }

    /// A boolean query parameter: `true`, `True` and `1` are true, `false`, `False` and `0` false, the rest absent.
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.query(name)?.as_str() {
            "true" | "True" | "1" => Some(true),
            "false" | "False" | "0" => Some(false),
            _ => None,
        }
    }
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Name and value of each header.
    pub headers: Vec<(String, String)>,
    /// The body, empty for 204.
    pub body: Vec<u8>,
    /// What a person should know about this answer, where Discord's documentation leaves it open.
    pub note: Option<&'static str>,
}

impl Response {
    /// The answer without a body.
    pub fn no_content() -> Self {
        Self { status: 204, ..Self::default() }
    }

    /// A JSON answer.
    pub fn json(status: u16, value: &serde_json::Value) -> Self {
        Self {
            status,
            headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
            body: value.to_string().into_bytes(),
            note: None,
        }
    }

    /// A plain text answer.
    pub fn text(status: u16, text: &str) -> Self {
        Self {
            status,
            headers: vec![("Content-Type".to_owned(), "text/plain; charset=utf-8".to_owned())],
            body: text.as_bytes().to_vec(),
            note: None,
        }
    }

    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
}

/// The pairs of a query string or an urlencoded form, decoded.
pub(super) fn form_pairs(text: &str) -> impl Iterator<Item = (String, String)> + '_ {
    text.split('&').filter(|p| !p.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = |at: usize| bytes.get(at).and_then(|b| char::from(*b).to_digit(16));
        match (bytes[i], hex(i + 1), hex(i + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                i += 2;
            }
            (b'+', ..) => out.push(b' '),
            (b, ..) => out.push(b),
        }
        i += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded_and_flags_know_three_spellings() {
        let request =
            Request { method: "POST", path: "/", query: "wait=True&name=a%20b+c%2&x", headers: &[], body: b"" };
        assert_eq!(request.flag("wait"), Some(true));
        assert_eq!(request.query("name").as_deref(), Some("a b c%2"));
        assert_eq!(request.query("x").as_deref(), Some(""));
        assert_eq!(request.flag("x"), None);
    }
}
