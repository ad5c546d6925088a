//! Addresses as Go's `url.Parse` and Alertmanager's own check read them.

use crate::golang::quote;

/// The parts of an address that checks look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UrlParts<'u> {
    /// Before the colon, as written; empty when there is none.
    pub scheme: &'u str,
    /// Host and port, as written.
    pub host: &'u str,
}

/// Alertmanager's check: `http` or `https`, and a host.
pub(super) fn check_http_url(text: &str) -> Result<(), String> {
    let parts = parse_url(text)?;
    let scheme = parts.scheme.to_ascii_lowercase();
    if scheme != "http" && scheme != "https" {
        return Err(format!("unsupported scheme {} for URL", quote(&scheme)));
    }
    if parts.host.is_empty() {
        return Err("missing host for URL".to_owned());
    }
    Ok(())
}

/// Go's `url.Parse`, as far as it refuses.
pub(super) fn parse_url(text: &str) -> Result<UrlParts<'_>, String> {
    let (before_fragment, fragment) = text.split_once('#').unwrap_or((text, ""));
    inner(before_fragment)
        .and_then(|parts| check_escapes(fragment).map(|()| parts))
        .map_err(|why| format!("parse {}: {why}", quote(text)))
}

fn inner(text: &str) -> Result<UrlParts<'_>, String> {
    if text.bytes().any(|b| b < 0x20 || b == 0x7f) {
        return Err("net/url: invalid control character in URL".to_owned());
    }
    let scheme_end = text.bytes().position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')));
    let (scheme, rest) = match scheme_end {
        Some(0) if text.starts_with(':') => return Err("missing protocol scheme".to_owned()),
        Some(end) if text.as_bytes()[end] == b':' && text.as_bytes()[0].is_ascii_alphabetic() => {
            (&text[..end], &text[end + 1..])
        }
        _ => ("", text),
    };
    let rest = rest.split_once('?').map_or(rest, |(path, _)| path);
    if !rest.starts_with('/') {
        if !scheme.is_empty() {
            return Ok(UrlParts { scheme, host: "" });
        }
        if rest.split('/').next().is_some_and(|first| first.contains(':')) {
            return Err("first path segment in URL cannot contain colon".to_owned());
        }
    }
    let has_authority = rest.starts_with("//") && (!scheme.is_empty() || !rest.starts_with("///"));
    let (host, path) = if has_authority {
        let rest = &rest[2..];
        let end = rest.find('/').unwrap_or(rest.len());
        (authority_host(&rest[..end])?, &rest[end..])
    } else {
        ("", rest)
    };
    check_escapes(path)?;
    Ok(UrlParts { scheme, host })
}

fn authority_host(authority: &str) -> Result<&str, String> {
    let host = match authority.rsplit_once('@') {
        Some((user, host)) => {
            let legal = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
            if !user.chars().all(legal) {
                return Err("net/url: invalid userinfo".to_owned());
            }
            check_escapes(user)?;
            host
        }
        None => authority,
    };
    if let Some(literal) = host.strip_prefix('[') {
        let end = literal.rfind(']').ok_or("missing ']' in host")?;
        check_port(&literal[end + 1..])?;
    } else if let Some(colon) = host.rfind(':') {
        check_port(&host[colon..])?;
    }
    let legal = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || "-_.~!$&'()*+,;=:[]<>\"%".contains(c);
    if let Some(bad) = host.chars().find(|c| !legal(*c)) {
        return Err(format!("invalid character {} in host name", quote(&bad.to_string())));
    }
    if let Some(at) = host.find('%') {
        let escape: String = host[at..].chars().take(3).collect();
        let byte = escape.get(1..3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        // Only bytes of non-ASCII names may be escaped here.
        if byte.is_none_or(|b| b < 0x80) && escape != "%25" {
            return Err(format!("invalid URL escape {}", quote(&escape)));
        }
    }
    Ok(host)
}

fn check_port(port: &str) -> Result<(), String> {
    let digits = port.strip_prefix(':').unwrap_or(port);
    if port.is_empty() || (port.starts_with(':') && digits.bytes().all(|b| b.is_ascii_digit())) {
        return Ok(());
    }
    Err(format!("invalid port {} after host", quote(port)))
}

fn check_escapes(text: &str) -> Result<(), String> {
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let escape = &rest.as_bytes()[at..];
        if escape.len() < 3 || !escape[1..3].iter().all(u8::is_ascii_hexdigit) {
            let shown: String = rest[at..].chars().take(3).collect();
            return Err(format!("invalid URL escape {}", quote(&shown)));
        }
        rest = &rest[at + 3..];
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_addresses_with_a_host_pass() {
        for good in [
            "http://a",
            "HTTPS://a:9/x?y#z",
            "https://u:p@h/p",
            "http://[::1]:9093/",
            "http://h:/",
            "http://<x>/",
            "http://h/a b",
            "http://ä.example",
        ] {
            assert_eq!(check_http_url(good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("ftp://h", "unsupported scheme \"ftp\" for URL"),
            ("", "unsupported scheme \"\" for URL"),
            ("${URL}", "unsupported scheme \"\" for URL"),
            ("http:///x", "missing host for URL"),
            ("http:h", "missing host for URL"),
            ("://h", "parse \"://h\": missing protocol scheme"),
            ("http://h:9o/", "parse \"http://h:9o/\": invalid port \":9o\" after host"),
            ("http://${H}/", "parse \"http://${H}/\": invalid character \"{\" in host name"),
            ("http://h/%zz", "parse \"http://h/%zz\": invalid URL escape \"%zz\""),
        ] {
            assert_eq!(check_http_url(bad), Err(why.to_owned()), "{bad}");
        }
    }
}
