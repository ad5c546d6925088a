//! `http_config` and `tls_config`.
//!
//! Facts: upstream's common HTTP client configuration; which fields 0.25 knows was probed with amtool.

use super::fields::{Field, FieldKind, Fields};
use super::integration::{Authorization, HttpSettings};
use crate::alertmanager::version::Version;
use crate::yaml::{Decoder, Node};

use FieldKind::{Bool, List, Map, Secret, Text};

const fn f(name: &'static str, kind: FieldKind, since: u8) -> Field {
    Field { name, kind, since }
}

const TLS: &[Field] = &[
    f("ca", Text, 26),
    f("cert", Text, 26),
    f("key", Secret, 26),
    f("ca_file", Text, 0),
    f("cert_file", Text, 0),
    f("key_file", Text, 0),
    f("ca_ref", Text, 28),
    f("cert_ref", Text, 28),
    f("key_ref", Text, 28),
    f("server_name", Text, 0),
    f("insecure_skip_verify", Bool, 0),
    f("min_version", FieldKind::TlsVersion, 0),
    f("max_version", FieldKind::TlsVersion, 0),
];

const PROXY: [Field; 4] = [
    f("proxy_url", FieldKind::AnyUrl, 0),
    f("no_proxy", Text, 26),
    f("proxy_from_environment", Bool, 26),
    f("proxy_connect_header", FieldKind::ListMap, 26),
];

const BASIC_AUTH: &[Field] = &[
    f("username", Text, 0),
    f("username_file", Text, 27),
    f("username_ref", Text, 28),
    f("password", Secret, 0),
    f("password_file", Text, 0),
    f("password_ref", Text, 28),
];

const AUTHORIZATION: &[Field] =
    &[f("type", Text, 0), f("credentials", Secret, 0), f("credentials_file", Text, 0), f("credentials_ref", Text, 28)];

const OAUTH2: &[Field] = &[
    f("client_id", Text, 0),
    f("client_secret", Secret, 0),
    f("client_secret_file", Text, 0),
    f("client_secret_ref", Text, 28),
    f("scopes", List, 0),
    f("token_url", Text, 0),
    f("endpoint_params", Map, 0),
    f("tls_config", FieldKind::Tls, 0),
    PROXY[0],
    PROXY[1],
    PROXY[2],
    PROXY[3],
];

const HTTP: &[Field] = &[
    f("basic_auth", FieldKind::Nested(BASIC_AUTH), 0),
    f("authorization", FieldKind::Nested(AUTHORIZATION), 0),
    f("oauth2", FieldKind::Nested(OAUTH2), 0),
    f("bearer_token", Secret, 0),
    f("bearer_token_file", Text, 0),
    f("tls_config", FieldKind::Tls, 0),
    f("follow_redirects", Bool, 0),
    f("enable_http2", Bool, 0),
    PROXY[0],
    PROXY[1],
    PROXY[2],
    f("proxy_connect_header", FieldKind::ListMap, 0),
    f("http_headers", FieldKind::Any, 28),
];

/// Reads an `http_config` and says what is wrong in it.
pub(super) fn read_http(d: &Decoder, node: &Node, version: Version) -> Option<HttpSettings> {
    let fields = Fields::read(d, node, HTTP, version)?;
    let wrong = |key: &str, why: &str| d.error_help(fields.place(key), why, "keep one of the ways to log in");
    let (basic, oauth) = (fields.nested("basic_auth"), fields.nested("oauth2"));
    let bearer = fields.set("bearer_token") || fields.set("bearer_token_file");
    if fields.set("bearer_token") && fields.set("bearer_token_file") {
        wrong("bearer_token_file", "at most one of bearer_token & bearer_token_file must be configured");
    }
    if (basic.is_some() || oauth.is_some()) && bearer {
        let key = if fields.set("bearer_token") { "bearer_token" } else { "bearer_token_file" };
        wrong(key, "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured");
    }
    let several = |f: &Fields, keys: &[&'static str]| keys.iter().filter(|k| f.set(k)).count() > 1;
    if let Some(basic) = basic {
        if several(basic, &["username", "username_file", "username_ref"]) {
            wrong("basic_auth", "at most one of basic_auth username & username_file must be configured");
        }
        if several(basic, &["password", "password_file", "password_ref"]) {
            wrong("basic_auth", "at most one of basic_auth password & password_file must be configured");
        }
    }
    let authorization = fields.nested("authorization");
    if let Some(authorization) = authorization {
        if bearer {
            wrong("authorization", "authorization is not compatible with bearer_token & bearer_token_file");
        }
        if several(authorization, &["credentials", "credentials_file", "credentials_ref"]) {
            let why = "at most one of authorization credentials & credentials_file must be configured";
            wrong("authorization", why);
        }
        if authorization.text("type").trim().eq_ignore_ascii_case("basic") {
            let why = "authorization type cannot be set to \"basic\", use \"basic_auth\" instead";
            d.error_help(fields.place("authorization"), why, "write `basic_auth:` with `username` and `password`");
        }
        if basic.is_some() || oauth.is_some() {
            wrong("authorization", "at most one of basic_auth, oauth2 & authorization must be configured");
        }
    }
    if let Some(oauth) = oauth {
        if basic.is_some() {
            wrong("oauth2", "at most one of basic_auth, oauth2 & authorization must be configured");
        }
        for (key, why) in
            [("client_id", "oauth2 client_id must be configured"), ("token_url", "oauth2 token_url must be configured")]
        {
            if !oauth.set(key) {
                d.error_help(fields.place("oauth2"), why, format!("add `{key}:` under `oauth2:`"));
            }
        }
        if several(oauth, &["client_secret", "client_secret_file", "client_secret_ref"]) {
            wrong("oauth2", "at most one of oauth2 client_secret & client_secret_file must be configured");
        }
        if version < Version::V0_27 && !oauth.set("client_secret") && !oauth.set("client_secret_file") {
            let why = "either oauth2 client_secret or client_secret_file must be configured";
            d.error_help(fields.place("oauth2"), why, "add `client_secret:` under `oauth2:`");
        }
    }
    check_proxy(d, &fields);
    let header = |scheme: &str, credentials: &str| Authorization::Header {
        scheme: scheme.into(),
        credentials: credentials.into(),
    };
    let authorization = match (basic, authorization) {
        (Some(b), _) if !b.set("password_file") && !b.set("username_file") => {
            Some(Authorization::Basic { username: b.text("username").into(), password: b.text("password").into() })
        }
        (_, Some(a)) if !a.set("credentials_file") => {
            let scheme = a.text("type").trim();
            Some(header(if scheme.is_empty() { "Bearer" } else { scheme }, a.text("credentials")))
        }
        (None, None) if fields.set("bearer_token") => Some(header("Bearer", fields.text("bearer_token"))),
        (None, None) if !bearer && oauth.is_none() => None,
        _ => Some(Authorization::External),
    };
    Some(HttpSettings {
        authorization,
        // A bearer token is kept as an authorization.
        by_authorization: bearer || fields.nested("authorization").is_some(),
        no_redirects: fields.bool("follow_redirects") == Some(false),
    })
}

fn check_proxy(d: &Decoder, fields: &Fields) {
    let url = fields.set("proxy_url");
    let from_environment = fields.bool("proxy_from_environment") == Some(true);
    let wrong = |key: &str, why: &str| d.error_help(fields.place(key), why, "keep one way to name the proxy");
    if fields.set("proxy_connect_header") && !url && !from_environment {
        let why = "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured";
        wrong("proxy_connect_header", why);
    }
    if from_environment && url {
        wrong("proxy_url", "if proxy_from_environment is configured, proxy_url must not be configured");
    }
    if from_environment && fields.set("no_proxy") {
        wrong("no_proxy", "if proxy_from_environment is configured, no_proxy must not be configured");
    }
    if !url && fields.set("no_proxy") {
        wrong("no_proxy", "if no_proxy is configured, proxy_url must also be configured");
    }
}

/// Reads a `tls_config`.
pub(super) fn read_tls(d: &Decoder, node: &Node, version: Version) -> Option<()> {
    let fields = Fields::read(d, node, TLS, version)?;
    for (one, other) in [("ca", "ca_file"), ("cert", "cert_file"), ("key", "key_file")] {
        if fields.set(one) && fields.set(other) {
            let why = format!("at most one of {one} and {other} must be configured");
            d.error_help(fields.place(other), why, format!("remove `{one}:` or `{other}:`"));
        }
    }
    if version >= Version::V0_26 {
        let any = |keys: [&str; 3]| keys.iter().any(|k| fields.set(k));
        let (cert, key) = (any(["cert", "cert_file", "cert_ref"]), any(["key", "key_file", "key_ref"]));
        if cert != key {
            let (has, lacks) = if cert { ("cert", "key") } else { ("key", "cert") };
            let why = format!(
                "exactly one of {lacks} or {lacks}_file must be configured when a client {has}ificate is configured"
            );
            d.error_help(node.span(), why, format!("add `{lacks}_file:`"));
        }
    }
    Some(())
}
