//! Links to Prometheus' expression browser, and parts of host names.

use crate::golang::template::query_escape;

/// The path of an expression's graph: `/graph?g0.expr=...&g0.tab=0`.
pub fn graph_link(expression: &str) -> String {
    format!("/graph?g0.expr={}&g0.tab=0", query_escape(expression))
}

/// The path of an expression's table: `/graph?g0.expr=...&g0.tab=1`, as in an alert's generator URL.
pub fn table_link(expression: &str) -> String {
    format!("/graph?g0.expr={}&g0.tab=1", query_escape(expression))
}

/// The path of a URL, as `pathPrefix` gives it.
pub(super) fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or("");
    rest.find('/').map_or("", |i| &rest[i..])
}

/// `stripPort`: the host of `host:port`; anything else stays.
pub(super) fn strip_port(host_port: &str) -> &str {
    split_host_port(host_port).map_or(host_port, |(host, _)| host)
}

/// `stripDomain`: the first part of a host name, the port kept; addresses stay.
pub(super) fn strip_domain(host_port: &str) -> String {
    let (host, port) = split_host_port(host_port).unwrap_or((host_port, ""));
    if host.parse::<core::net::IpAddr>().is_ok() {
        return host_port.to_owned();
    }
    let host = host.split('.').next().unwrap_or("");
    match (port, host.contains(':')) {
        ("", _) => host.to_owned(),
        (port, true) => format!("[{host}]:{port}"),
        (port, false) => format!("{host}:{port}"),
    }
}

/// Go's `net.SplitHostPort`.
fn split_host_port(s: &str) -> Option<(&str, &str)> {
    let colon = s.rfind(':')?;
    let port = &s[colon + 1..];
    let host = if let Some(inside) = s.strip_prefix('[') {
        let end = inside.find(']')?;
        // Nothing but the port may follow the bracket.
        if end + 2 != colon {
            return None;
        }
        &inside[..end]
    } else {
        let host = &s[..colon];
        if host.contains(':') {
            return None;
        }
        host
    };
    let open = s.strip_prefix('[').unwrap_or(s);
    let after = if s.starts_with('[') { &s[host.len() + 2..] } else { s };
    (!open.contains('[') && !after.contains(']')).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_escape_as_in_a_query() {
        assert_eq!(graph_link("up == 0"), "/graph?g0.expr=up+%3D%3D+0&g0.tab=0");
        assert_eq!(table_link("a{b=\"c d\"}"), "/graph?g0.expr=a%7Bb%3D%22c+d%22%7D&g0.tab=1");
    }

    #[test]
    fn hosts_lose_port_and_domain() {
        for (text, port, domain) in [
            ("h:1", "h", "h:1"),
            ("h.example.org:1", "h.example.org", "h:1"),
            ("h.example.org", "h.example.org", "h"),
            ("10.0.0.1:80", "10.0.0.1", "10.0.0.1:80"),
            ("[::1]:80", "::1", "[::1]:80"),
            ("[::1]", "[::1]", "[::1]"),
            ("::1", "::1", "::1"),
            ("a.b:x:y", "a.b:x:y", "a"),
            ("", "", ""),
            ("[a]b:1", "[a]b:1", "[a]b:1"),
        ] {
            assert_eq!(strip_port(text), port, "{text}");
            assert_eq!(strip_domain(text), domain, "{text}");
        }
    }

    #[test]
    fn paths_are_cut_from_urls() {
        for (url, path) in [("http://h:1/a/b?c#d", "/a/b"), ("http://h", ""), ("http://h?/x", ""), ("http://h/", "/")] {
            assert_eq!(path_of(url), path);
        }
    }
}
