//! How a client authenticates and connects: `basic_auth`, `authorization`, `oauth2`, `tls_config`, proxies.
//!
//! Mirrors `HTTPClientConfig.Validate` of prometheus/common.

use super::schema::{Field, Kind, Schema, field, later};
use super::{FileUse, Reader};
use crate::promql::signature::Release;
use crate::yaml::{Decoder, Mapping, Node};

const BASIC_AUTH: &[Field] = &[
    field("username", Kind::Text),
    later("username_file", Kind::Text, (2, 49)),
    later("username_ref", Kind::Text, (2, 55)),
    field("password", Kind::Secret),
    field("password_file", Kind::Text),
    later("password_ref", Kind::Text, (2, 55)),
];

const AUTHORIZATION: &[Field] = &[
    field("type", Kind::Text),
    field("credentials", Kind::Secret),
    field("credentials_file", Kind::Text),
    later("credentials_ref", Kind::Text, (2, 55)),
];

const OAUTH2: &[Field] = &[
    field("client_id", Kind::Text),
    field("client_secret", Kind::Secret),
    field("client_secret_file", Kind::Text),
    later("client_secret_ref", Kind::Text, (2, 55)),
    field("scopes", Kind::Texts),
    field("token_url", Kind::Text),
    field("endpoint_params", Kind::TextMap),
    field("tls_config", Kind::Tls),
    later("grant_type", Kind::Text, (3, 6)),
    later("client_certificate_key_id", Kind::Text, (3, 6)),
    later("client_certificate_key", Kind::Secret, (3, 6)),
    later("client_certificate_key_file", Kind::Text, (3, 6)),
    later("signature_algorithm", Kind::Text, (3, 6)),
    later("iss", Kind::Text, (3, 6)),
    later("audience", Kind::Text, (3, 6)),
    later("claims", Kind::Any, (3, 6)),
];

const BEARER: &[Field] = &[field("bearer_token", Kind::Secret), field("bearer_token_file", Kind::Text)];

const PROXY: &[Field] = &[
    field("proxy_url", Kind::Url),
    later("no_proxy", Kind::Text, (2, 43)),
    later("proxy_from_environment", Kind::Bool, (2, 43)),
    later("proxy_connect_header", Kind::TextLists, (2, 43)),
];

const TLS: &[Field] = &[
    later("ca", Kind::Text, (2, 44)),
    later("cert", Kind::Text, (2, 44)),
    later("key", Kind::Secret, (2, 44)),
    field("ca_file", Kind::Text),
    field("cert_file", Kind::Text),
    field("key_file", Kind::Text),
    later("ca_ref", Kind::Text, (2, 55)),
    later("cert_ref", Kind::Text, (2, 55)),
    later("key_ref", Kind::Text, (2, 55)),
    field("server_name", Kind::Text),
    field("insecure_skip_verify", Kind::Bool),
    field("min_version", Kind::Text),
    field("max_version", Kind::Text),
];

const HEADER: Schema = Schema {
    go_type: "config.Header",
    fields: &[field("values", Kind::Texts), field("secrets", Kind::Texts), field("files", Kind::Texts)],
};

/// Names of every field of a client, inline in its section.
const CLIENT: &[&str] = &[
    "basic_auth",
    "authorization",
    "oauth2",
    "bearer_token",
    "bearer_token_file",
    "tls_config",
    "proxy_url",
    "no_proxy",
    "proxy_from_environment",
    "proxy_connect_header",
    "http_headers",
];

/// What a client is configured with.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HttpClient {
    pub basic_auth: bool,
    pub authorization: bool,
    pub oauth2: bool,
    pub bearer: bool,
    /// Anything at all is not as by default.
    pub custom: bool,
}

impl HttpClient {
    pub(super) fn authenticates(self) -> bool {
        self.basic_auth || self.authorization || self.oauth2 || self.bearer
    }
}

fn filled(m: &Mapping<'_>, name: &'static str) -> bool {
    m.some(name).and_then(Node::as_str).is_some_and(|s| !s.is_empty())
}

fn count(m: &Mapping<'_>, names: &[&'static str]) -> usize {
    names.iter().filter(|n| filled(m, n)).count()
}

impl Reader<'_> {
    /// Reads the client's fields that stand inline in a section.
    pub(super) fn http_client(&self, m: &Mapping<'_>) -> HttpClient {
        self.client(m, true)
    }

    /// As [`Self::http_client`], where nobody minds fields that contradict each other.
    pub(super) fn unchecked_http_client(&self, m: &Mapping<'_>) -> HttpClient {
        self.client(m, false)
    }

    fn client(&self, m: &Mapping<'_>, checked: bool) -> HttpClient {
        let d = m.decoder();
        let before = d.count();
        m.bool("follow_redirects");
        m.bool("enable_http2");
        self.check_fields(m, PROXY);
        if let Some(node) = m.some("tls_config") {
            self.tls(d, node);
        }
        self.check_fields(m, BEARER);
        if filled(m, "bearer_token_file") {
            self.file(FileUse::Credentials, m.string("bearer_token_file"));
        }
        if self.knows(m, "http_headers", (2, 55)) {
            self.headers(m);
        }
        let basic = m.with("basic_auth", |d, n| d.mapping(n, "config.plain"));
        let authorization = m.with("authorization", |d, n| d.mapping(n, "config.Authorization"));
        let oauth2 = m
            .with("oauth2", |d, n| d.mapping(n, if self.release < (2, 43) { "config.OAuth2" } else { "config.plain" }));
        let (has_basic, has_authorization, has_oauth2) = (basic.is_some(), authorization.is_some(), oauth2.is_some());
        let problem = (checked && d.count() == before)
            .then(|| conflict(m, basic.as_ref(), authorization.as_ref(), oauth2.as_ref(), self.release))
            .flatten();
        if let Some(b) = basic {
            self.check_fields(&b, BASIC_AUTH);
            b.finish();
        }
        if let Some(a) = authorization {
            self.check_fields(&a, AUTHORIZATION);
            if filled(&a, "credentials_file") {
                self.file(FileUse::Credentials, a.string("credentials_file"));
            }
            a.finish();
        }
        if let Some(o) = oauth2 {
            self.check_fields(&o, OAUTH2);
            self.check_fields(&o, PROXY);
            o.finish();
        }
        if let Some((field, message)) = problem {
            d.error_help(m.key_span(field), message, "keep one of them and remove the others");
        }
        HttpClient {
            basic_auth: has_basic,
            authorization: has_authorization,
            oauth2: has_oauth2,
            bearer: filled(m, "bearer_token") || filled(m, "bearer_token_file"),
            custom: CLIENT.iter().any(|f| m.has(f) && m.some(f).is_some())
                || m.some("follow_redirects").and_then(|n| n.as_str()).is_some_and(|s| s != "true")
                || m.some("enable_http2").and_then(|n| n.as_str()).is_some_and(|s| s != "true"),
        }
    }

    fn headers(&self, m: &Mapping<'_>) {
        const RESERVED: [&str; 9] = [
            "authorization",
            "host",
            "content-encoding",
            "content-length",
            "content-type",
            "user-agent",
            "connection",
            "keep-alive",
            "proxy-authenticate",
        ];
        let d = m.decoder();
        let Some(headers) = m.with("http_headers", |d, n| d.mapping(n, "config.plain")) else { return };
        for (name, value) in headers.entries() {
            if RESERVED.contains(&name.value.to_lowercase().as_str()) {
                d.error(name.span, format!("setting header \"{}\" is not allowed", name.value));
            }
            self.check_section(d, value, &HEADER);
        }
    }

    /// `tls_config`
    pub(super) fn tls(&self, d: &Decoder, node: &Node) {
        let Some(m) = d.mapping(node, "config.plain") else { return };
        self.check_fields(&m, TLS);
        for name in ["min_version", "max_version"] {
            if let Some(v) = m.string(name)
                && !["TLS10", "TLS11", "TLS12", "TLS13"].contains(&v.value.as_str())
            {
                d.error_help(v.span, format!("unknown TLS version: {}", v.value), "write TLS12 or TLS13");
            }
        }
        for what in ["ca", "cert", "key"] {
            let names: [&'static str; 3] = match what {
                "ca" => ["ca", "ca_file", "ca_ref"],
                "cert" => ["cert", "cert_file", "cert_ref"],
                _ => ["key", "key_file", "key_ref"],
            };
            if self.release >= (2, 44) && count(&m, &names) > 1 {
                d.error(m.key_span(names[1]), format!("at most one of {what} and {what}_file must be configured"));
            }
        }
        if filled(&m, "cert_file") {
            self.file(FileUse::ClientCertificate, m.string("cert_file"));
        }
        if filled(&m, "key_file") {
            self.file(FileUse::ClientKey, m.string("key_file"));
        }
        m.finish();
    }
}

/// Which fields contradict each other: the field to point at, and the words.
fn conflict(
    m: &Mapping<'_>,
    basic: Option<&Mapping<'_>>,
    authorization: Option<&Mapping<'_>>,
    oauth2: Option<&Mapping<'_>>,
    release: Release,
) -> Option<(&'static str, String)> {
    let (token, token_file) = (filled(m, "bearer_token"), filled(m, "bearer_token_file"));
    let bearer = if token { "bearer_token" } else { "bearer_token_file" };
    if token && token_file {
        return Some((
            "bearer_token_file",
            "at most one of bearer_token & bearer_token_file must be configured".to_owned(),
        ));
    }
    if (basic.is_some() || oauth2.is_some()) && (token || token_file) {
        let message = "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured";
        return Some((bearer, message.to_owned()));
    }
    if let Some(b) = basic {
        if count(b, &["username", "username_file", "username_ref"]) > 1 {
            return Some((
                "basic_auth",
                "at most one of basic_auth username & username_file must be configured".to_owned(),
            ));
        }
        if count(b, &["password", "password_file", "password_ref"]) > 1 {
            return Some((
                "basic_auth",
                "at most one of basic_auth password & password_file must be configured".to_owned(),
            ));
        }
    }
    if let Some(a) = authorization {
        if token || token_file {
            return Some((bearer, "authorization is not compatible with bearer_token & bearer_token_file".to_owned()));
        }
        if count(a, &["credentials", "credentials_file", "credentials_ref"]) > 1 {
            let message = "at most one of authorization credentials & credentials_file must be configured";
            return Some(("authorization", message.to_owned()));
        }
        if a.some("type").and_then(Node::as_str).is_some_and(|t| t.trim().eq_ignore_ascii_case("basic")) {
            let message = "authorization type cannot be set to \"basic\", use \"basic_auth\" instead";
            return Some(("authorization", message.to_owned()));
        }
        if basic.is_some() || oauth2.is_some() {
            return Some((
                "authorization",
                "at most one of basic_auth, oauth2 & authorization must be configured".to_owned(),
            ));
        }
    }
    if let Some(o) = oauth2 {
        if basic.is_some() {
            return Some(("oauth2", "at most one of basic_auth, oauth2 & authorization must be configured".to_owned()));
        }
        let missing = |name| (!filled(o, name)).then(|| ("oauth2", format!("oauth2 {name} must be configured")));
        if let Some(problem) = missing("client_id") {
            return Some(problem);
        }
        let secrets = count(o, &["client_secret", "client_secret_file", "client_secret_ref"]);
        if secrets == 0 && release < (2, 50) {
            let message = "either oauth2 client_secret or client_secret_file must be configured";
            return Some(("oauth2", message.to_owned()));
        }
        if let Some(problem) = missing("token_url") {
            return Some(problem);
        }
        if secrets > 1 {
            let message = "at most one of oauth2 client_secret & client_secret_file must be configured";
            return Some(("oauth2", message.to_owned()));
        }
    }
    if release < (2, 43) {
        return None;
    }
    if filled(m, "no_proxy") && !filled(m, "proxy_url") {
        return Some(("no_proxy", "if no_proxy is configured, proxy_url must also be configured".to_owned()));
    }
    let from_environment = m.some("proxy_from_environment").and_then(Node::as_str) == Some("true");
    if from_environment && filled(m, "proxy_url") {
        let message = "if proxy_from_environment is configured, proxy_url must not be configured";
        return Some(("proxy_from_environment", message.to_owned()));
    }
    if from_environment && filled(m, "no_proxy") {
        let message = "if proxy_from_environment is configured, no_proxy must not be configured";
        return Some(("proxy_from_environment", message.to_owned()));
    }
    if m.some("proxy_connect_header").is_some() && !from_environment && !filled(m, "proxy_url") {
        let message =
            "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured";
        return Some(("proxy_connect_header", message.to_owned()));
    }
    None
}
