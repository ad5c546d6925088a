//! What each kind of service discovery demands of its values beyond their types.

use super::Reader;
use super::http_client::HttpClient;
use crate::golang::quote;
use crate::golang::url_parse::{self as url, Url};
use crate::yaml::{Mapping, Node};

type Problem = Option<(&'static str, String)>;

fn text<'m>(m: &'m Mapping<'_>, name: &'static str) -> &'m str {
    m.some(name).and_then(Node::as_str).unwrap_or("")
}

fn one_of(m: &Mapping<'_>, name: &'static str, known: &[&str], words: impl Fn(&str) -> String) -> Problem {
    let value = text(m, name);
    (!value.is_empty() && !known.contains(&value)).then(|| (name, words(value)))
}

fn first_missing(m: &Mapping<'_>, names: &[&'static str], words: impl Fn(&str) -> String) -> Problem {
    names.iter().find(|n| text(m, n).is_empty()).map(|n| (*n, words(n)))
}

fn parsed(m: &Mapping<'_>, name: &'static str) -> Result<Url, (&'static str, String)> {
    url::parse(text(m, name)).map_err(|e| (name, e))
}

fn http_url(m: &Mapping<'_>, name: &'static str) -> Problem {
    match parsed(m, name) {
        Err(problem) => Some(problem),
        Ok(u) if u.scheme != "http" && u.scheme != "https" => {
            Some((name, "URL scheme must be 'http' or 'https'".to_owned()))
        }
        Ok(u) if u.host.is_empty() => Some((name, "host is missing in URL".to_owned())),
        Ok(_) => None,
    }
}

impl Reader<'_> {
    /// The first rule that a section breaks: the field to point at, and Prometheus' words.
    pub(super) fn discovery_problem(&self, m: &Mapping<'_>, kind: &str, http: HttpClient) -> Problem {
        match kind {
            "azure" => self.azure(m),
            "consul" => {
                let own = !text(m, "username").is_empty() || !text(m, "password").is_empty();
                (own && http.basic_auth).then(|| {
                    (
                        "username",
                        "at most one of consul SD configuration username and password and basic auth can be configured"
                            .to_owned(),
                    )
                })
            }
            "docker" => parsed(m, "host").err(),
            "dockerswarm" => parsed(m, "host").err().or_else(|| {
                one_of(m, "role", &["services", "nodes", "tasks"], |r| {
                    format!("invalid role {r}, expected tasks, services, or nodes")
                })
            }),
            "dns" => self.dns(m),
            "ec2" | "lightsail" => m.some("filters").and_then(|filters| {
                let empty = filters.items().iter().any(|f| f.get("values").is_none_or(|v| v.items().is_empty()));
                empty.then(|| ("filters", "EC2 SD configuration filter values cannot be empty".to_owned()))
            }),
            "eureka" => match parsed(m, "server") {
                Err(problem) => Some(problem),
                Ok(u) if u.scheme.is_empty() || u.host.is_empty() => {
                    Some(("server", "eureka_sd: invalid eureka server URL".to_owned()))
                }
                Ok(_) => None,
            },
            "hetzner" => one_of(m, "role", &["robot", "hcloud"], |r| format!("unknown role {}", quote(r))),
            "http" => http_url(m, "url"),
            "puppetdb" => http_url(m, "url"),
            "kubernetes" => kubernetes(m, http, self.release),
            "kuma" => match parsed(m, "server") {
                Err(problem) => Some(problem),
                Ok(u) if u.scheme.is_empty() || u.host.is_empty() => {
                    Some(("server", "kuma SD server must not be empty and have a scheme".to_owned()))
                }
                Ok(_) => None,
            },
            "marathon" => marathon(m, http),
            "nerve" | "serverset" => m.some("paths").and_then(|paths| {
                let bad = paths.items().iter().filter_map(Node::as_str).find(|p| !p.starts_with('/'))?;
                Some(("paths", format!("{kind} SD config paths must begin with '/': {bad}")))
            }),
            "openstack" => {
                let roles: &[&str] = if self.release >= (3, 2) {
                    &["instance", "hypervisor", "loadbalancer"]
                } else {
                    &["instance", "hypervisor"]
                };
                one_of(m, "role", roles, |r| format!("unknown OpenStack SD role {}", quote(r))).or_else(|| {
                    one_of(m, "availability", &["public", "internal", "admin"], |a| {
                        format!("unknown availability {a}, must be one of admin, internal or public")
                    })
                })
            }
            "ovhcloud" => match text(m, "service") {
                "vps" | "dedicated_server" => None,
                other => Some(("service", format!("unknown service: {other}"))),
            },
            "scaleway" => scaleway(m),
            "stackit" => parsed(m, "endpoint").err(),
            "triton" => one_of(m, "role", &["container", "cn"], |_| {
                "triton SD configuration requires role to be 'container' or 'cn'".to_owned()
            })
            .or_else(|| {
                let zero = m.duration("refresh_interval").is_some_and(|d| d.value.nanos <= 0);
                zero.then(|| {
                    (
                        "refresh_interval",
                        "triton SD configuration requires RefreshInterval to be a positive integer".to_owned(),
                    )
                })
            }),
            "uyuni" => parsed(m, "server").err(),
            _ => None,
        }
    }

    fn azure(&self, m: &Mapping<'_>) -> Problem {
        let method = text(m, "authentication_method");
        let known = matches!(method, "" | "OAuth" | "ManagedIdentity")
            || (method == "SDK" && self.release >= (2, 52))
            || (method == "WorkloadIdentity" && self.release >= (3, 5));
        if !known {
            let words = format!(
                "unknown authentication_type {}. Supported types are \"OAuth\" or \"ManagedIdentity\"",
                quote(method)
            );
            return Some(("authentication_method", words));
        }
        if !matches!(method, "" | "OAuth") {
            return None;
        }
        first_missing(m, &["tenant_id", "client_id", "client_secret"], |n| {
            format!("azure SD configuration requires a {n}")
        })
    }

    fn dns(&self, m: &Mapping<'_>) -> Problem {
        let kind = m.some("type")?.as_str().unwrap_or("").to_uppercase();
        match kind.as_str() {
            "SRV" => None,
            "A" | "AAAA" | "MX" | "NS" if kind != "NS" || self.release >= (2, 49) => {
                let port = m.int("port").map_or(0, |p| p.value);
                (port == 0).then(|| {
                    ("type", "a port is required in DNS-SD configs for all record types except SRV".to_owned())
                })
            }
            other => Some(("type", format!("invalid DNS-SD records type {other}"))),
        }
    }
}

fn marathon(m: &Mapping<'_>, http: HttpClient) -> Problem {
    let (token, file) = (!text(m, "auth_token").is_empty(), !text(m, "auth_token_file").is_empty());
    let words = if token && file {
        "marathon_sd: at most one of auth_token & auth_token_file must be configured"
    } else if !token && !file {
        return None;
    } else if http.basic_auth {
        "marathon_sd: at most one of basic_auth, auth_token & auth_token_file must be configured"
    } else if http.bearer {
        "marathon_sd: at most one of bearer_token, bearer_token_file, auth_token & auth_token_file must be configured"
    } else if http.authorization {
        "marathon_sd: at most one of auth_token, auth_token_file & authorization must be configured"
    } else {
        return None;
    };
    Some((if token { "auth_token" } else { "auth_token_file" }, words.to_owned()))
}

fn scaleway(m: &Mapping<'_>) -> Problem {
    if let Some(problem) = one_of(m, "role", &["instance", "baremetal"], |r| format!("unknown role {}", quote(r))) {
        return Some(problem);
    }
    let (key, file) = (!text(m, "secret_key").is_empty(), !text(m, "secret_key_file").is_empty());
    if key && file {
        return Some(("secret_key_file", "at most one of secret_key & secret_key_file must be configured".to_owned()));
    }
    if !key && !file {
        return Some(("secret_key", "one of secret_key & secret_key_file must be configured".to_owned()));
    }
    scaleway_client(m)
}

/// What Scaleway's own client refuses, in its order.
fn scaleway_client(m: &Mapping<'_>) -> Problem {
    let (access, secret, project) = (text(m, "access_key"), text(m, "secret_key"), text(m, "project_id"));
    let (zone, api) = (text(m, "zone"), text(m, "api_url"));
    let plain = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    let refused = if access.len() != 20 || !access.starts_with("SCW") || !access.bytes().all(plain) {
        ("access_key", format!("invalid access key format '{access}', expected SCWXXXXXXXXXXXXXXXXX format"))
    } else if !secret.is_empty() && !is_uuid(secret) {
        ("secret_key", format!("invalid secret key format '{secret}', expected a UUID: {UUID}"))
    } else if !is_uuid(project) {
        ("project_id", format!("invalid project ID format '{project}', expected a UUID: {UUID}"))
    } else if !zone.is_empty() && !is_scaleway_zone(zone) {
        let known = "fr-par-1, fr-par-2, fr-par-3, nl-ams-1, nl-ams-2, pl-waw-1, pl-waw-2";
        ("zone", format!("invalid default zone format '{zone}', available zones are: {known}"))
    } else if api.ends_with('/') {
        ("api_url", format!("invalid url {api} it should not have a trailing slash"))
    } else {
        return None;
    };
    Some((refused.0, format!("scaleway-sdk-go: {}", refused.1)))
}

const UUID: &str = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

fn is_uuid(text: &str) -> bool {
    text.len() == UUID.len()
        && text.bytes().zip(UUID.bytes()).all(|(b, form)| if form == b'-' { b == b'-' } else { b.is_ascii_hexdigit() })
}

/// `^[a-z]{2}-[a-z]{3}-[1-9]$`
fn is_scaleway_zone(text: &str) -> bool {
    text.len() == 8
        && text.bytes().zip("xx-xxx-1".bytes()).all(|(b, form)| match form {
            b'x' => b.is_ascii_lowercase(),
            b'1' => (b'1'..=b'9').contains(&b),
            other => b == other,
        })
}

fn kubernetes(m: &Mapping<'_>, http: HttpClient, release: (u16, u16)) -> Problem {
    const ROLES: [&str; 6] = ["node", "pod", "service", "endpoints", "endpointslice", "ingress"];
    let unknown = |role: &str| format!("unknown Kubernetes SD role {}", quote(role));
    if let Some(problem) = one_of(m, "role", &ROLES, unknown) {
        return Some(problem);
    }
    let role = text(m, "role");
    let (api, kubeconfig) = (!text(m, "api_server").is_empty(), !text(m, "kubeconfig_file").is_empty());
    let own_namespace =
        m.some("namespaces").and_then(|n| n.get("own_namespace")).and_then(Node::as_str) == Some("true");
    if api && kubeconfig {
        return Some(("kubeconfig_file", "cannot use 'kubeconfig_file' and 'api_server' simultaneously".to_owned()));
    }
    if kubeconfig && http.custom {
        let words = "cannot use a custom HTTP client configuration together with 'kubeconfig_file'";
        return Some(("kubeconfig_file", words.to_owned()));
    }
    if !api && http.custom {
        let words = "to use custom HTTP client configuration please provide the 'api_server' URL explicitly";
        return Some(("api_server", words.to_owned()));
    }
    if own_namespace && (api || kubeconfig) {
        let other = if api { "api_server" } else { "kubeconfig_file" };
        return Some(("namespaces", format!("cannot use '{other}' and 'namespaces.own_namespace' simultaneously")));
    }
    let allowed: &[&str] = match role {
        "pod" if release >= (3, 0) => &["pod", "node"],
        "endpoints" => &["pod", "service", "endpoints"],
        "endpointslice" => &["pod", "service", "endpointslice"],
        _ => std::slice::from_ref(ROLES.iter().find(|r| **r == role)?),
    };
    let mut seen: Vec<&str> = Vec::new();
    for selector in m.some("selectors").map_or(&[][..], Node::items) {
        let of = |name: &str| selector.get(name).and_then(Node::as_str).unwrap_or("");
        let selected = of("role");
        if seen.contains(&selected) {
            return Some(("selectors", format!("duplicated selector role: {selected}")));
        }
        seen.push(selected);
        if !ROLES.contains(&selected) && !selected.is_empty() {
            return Some(("selectors", unknown(selected)));
        }
        if !allowed.contains(&selected) {
            return Some(("selectors", format!("{role} role supports only {} selectors", allowed.join(", "))));
        }
        let bad = of("field").split(',').find(|term| !term.is_empty() && !term.contains('='));
        if let Some(term) = bad {
            return Some(("selectors", format!("invalid selector: '{}'; can't understand '{term}'", of("field"))));
        }
    }
    None
}
