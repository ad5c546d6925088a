//! Addresses taken apart as Go's `net/url` reads them.

use super::quote;

/// The parts of an address that its readers look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Url {
    /// In lower case; empty for a relative reference.
    pub scheme: String,
    /// What follows `scheme:` when no slash does (`mailto:x`, `localhost:9090`).
    pub opaque: String,
    /// User and password, as written.
    pub user: Option<String>,
    /// Host and port.
    pub host: String,
    /// The path, escapes decoded where they are valid UTF-8.
    pub path: String,
    /// What follows `?`.
    pub query: String,
    /// What follows `#`.
    pub fragment: String,
}

/// Reads an address (`url.Parse`).
///
/// # Errors
/// In Go's words: `parse ":": missing protocol scheme`.
pub fn parse(text: &str) -> Result<Url, String> {
    let wrap = |words: String| format!("parse {}: {words}", quote(text));
    let (before, fragment) = text.split_once('#').unwrap_or((text, ""));
    if text.bytes().any(|b| b < 0x20 || b == 0x7f) {
        return Err(wrap("net/url: invalid control character in URL".to_owned()));
    }
    let mut url = parse_reference(before).map_err(wrap)?;
    check_escapes(fragment).map_err(wrap)?;
    url.fragment = fragment.to_owned();
    Ok(url)
}

fn parse_reference(text: &str) -> Result<Url, String> {
    let mut url = Url::default();
    if text == "*" {
        url.path = "*".to_owned();
        return Ok(url);
    }
    let (scheme, rest) = split_scheme(text)?;
    url.scheme = scheme.to_ascii_lowercase();
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    url.query = query.to_owned();
    if !rest.starts_with('/') {
        if !url.scheme.is_empty() {
            url.opaque = rest.to_owned();
            return Ok(url);
        }
        if rest.split('/').next().is_some_and(|first| first.contains(':')) {
            return Err("first path segment in URL cannot contain colon".to_owned());
        }
    }
    let mut path = rest;
    if (!url.scheme.is_empty() || !rest.starts_with("///")) && rest.starts_with("//") {
        let end = rest[2..].find('/').map_or(rest.len(), |i| i + 2);
        let authority = &rest[2..end];
        path = &rest[end..];
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        check_host(host)?;
        if let Some(user) = user {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b);
            if !user.bytes().all(allowed) {
                return Err("net/url: invalid userinfo".to_owned());
            }
            check_escapes(user)?;
            url.user = Some(user.to_owned());
        }
        url.host = host.to_owned();
    }
    check_escapes(path)?;
    url.path = decoded(path);
    Ok(url)
}

fn split_scheme(text: &str) -> Result<(&str, &str), String> {
    for (i, b) in text.bytes().enumerate() {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if i > 0 => {}
            b':' if i == 0 => return Err("missing protocol scheme".to_owned()),
            b':' => return Ok((&text[..i], &text[i + 1..])),
            _ => return Ok(("", text)),
        }
    }
    Ok(("", text))
}

fn check_host(host: &str) -> Result<(), String> {
    let invalid_port = |port: &str| Err(format!("invalid port {} after host", quote(port)));
    let is_port = |port: &str| port.strip_prefix(':').is_some_and(|p| p.bytes().all(|b| b.is_ascii_digit()));
    if host.starts_with('[') {
        let Some(end) = host.rfind(']') else { return Err("missing ']' in host".to_owned()) };
        let port = &host[end + 1..];
        if !port.is_empty() && !is_port(port) {
            return invalid_port(port);
        }
    } else if let Some(i) = host.rfind(':')
        && !is_port(&host[i..])
    {
        return invalid_port(&host[i..]);
    }
    let mut bytes = host.bytes();
    while let Some(b) = bytes.next() {
        let allowed = b >= 0x80 || b.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:[]<>\"".contains(&b);
        if b == b'%' {
            check_escapes(host)?;
            let (a, c) = (bytes.next(), bytes.next());
            let high = a.and_then(|a| char::from(a).to_digit(16)).is_some_and(|d| d >= 8);
            if !high && !host.starts_with('[') {
                let escape: String = [Some(b'%'), a, c].into_iter().flatten().map(char::from).collect();
                return Err(format!("invalid URL escape {}", quote(&escape)));
            }
        } else if !allowed {
            let rest = &host[host.bytes().position(|x| x == b).unwrap_or(0)..];
            let c: String = rest.chars().take(1).collect();
            return Err(format!("invalid character {} in host name", quote(&c)));
        }
    }
    Ok(())
}

fn check_escapes(text: &str) -> Result<(), String> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(i) = bytes[at..].iter().position(|b| *b == b'%') {
        let start = at + i;
        let valid = bytes.get(start + 1..start + 3).is_some_and(|h| h.iter().all(u8::is_ascii_hexdigit));
        if !valid {
            let escape: String = text[start..].chars().take(3).collect();
            return Err(format!("invalid URL escape {}", quote(&escape)));
        }
        at = start + 3;
    }
    Ok(())
}

/// A path with its escapes resolved; what is no escape, or no UTF-8 afterwards, stays as it is.
pub fn decoded(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%')
            .then(|| path.get(at + 1..at + 3).and_then(|h| u8::from_str_radix(h, 16).ok()))
            .flatten();
        out.push(hex.unwrap_or(bytes[at]));
        at += if hex.is_some() { 3 } else { 1 };
    }
    String::from_utf8(out).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_taken_apart() {
        let u = parse("HTTPS://me:pw@example.org:80/a%20b?c=d#e").expect("a good address");
        assert_eq!((u.scheme.as_str(), u.host.as_str(), u.path.as_str()), ("https", "example.org:80", "/a b"));
        assert_eq!((u.user.as_deref(), u.query.as_str(), u.fragment.as_str()), (Some("me:pw"), "c=d", "e"));
        assert_eq!(parse("localhost:9090").expect("opaque").opaque, "9090");
        assert_eq!(parse("a b").expect("a path").path, "a b");
    }

    #[test]
    fn refusals_are_in_go_words() {
        for (text, words) in [
            (":", "parse \":\": missing protocol scheme"),
            ("http://a:b", "parse \"http://a:b\": invalid port \":b\" after host"),
            ("%zz", "parse \"%zz\": invalid URL escape \"%zz\""),
            ("http://a b", "parse \"http://a b\": invalid character \" \" in host name"),
            ("1:2/x", "parse \"1:2/x\": first path segment in URL cannot contain colon"),
        ] {
            assert_eq!(parse(text).expect_err(text), words);
        }
    }
}
