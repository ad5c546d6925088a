//! What leaves an integration: a request, or a record of what would be sent.

use std::sync::Arc;

use crate::alertmanager::config::{Authorization, HttpSettings, IntegrationKind};
use crate::alertmanager::version::Version;

/// What an integration sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// A request, exact to the byte.
    Request(OutgoingRequest),
    /// The texts of an integration whose protocol labkit does not speak.
    Record(Record),
}

/// An HTTP request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingRequest {
    /// The method.
    pub method: &'static str,
    /// The address with its secrets; show it through [`crate::text`]'s mask only.
    pub url: Arc<str>,
    /// Name and value, in the order of the wire; `Host` and `Content-Length` are the connection's business.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

/// Expanded texts by field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Which integration.
    pub kind: IntegrationKind,
    /// Field and text, in order of field.
    pub texts: Vec<(Arc<str>, String)>,
    /// The body, for Slack; fields and actions are left out of it.
    pub body: Option<String>,
}

/// Why nothing can be sent. None of these is tried again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotifyError {
    /// A text cannot be expanded.
    #[error("{0}")]
    Template(String),
    /// The file that holds the address cannot be read.
    #[error("read {field}: {reason}")]
    UrlFile {
        /// The setting that names it.
        field: &'static str,
        /// Why.
        reason: String,
    },
    /// There is no address, or it is none that can be posted to.
    #[error("{0}")]
    Url(String),
}

/// A JSON body, posted the way Alertmanager does.
pub(super) fn post_json(version: Version, url: Arc<str>, http: &HttpSettings, body: String) -> OutgoingRequest {
    let mut headers = vec![("User-Agent", format!("Alertmanager/0.{}.0", version.minor()))];
    match &http.authorization {
        Some(Authorization::Header { scheme, credentials }) => {
            headers.push(("Authorization", format!("{} {}", scheme.trim(), credentials.trim())));
        }
        Some(Authorization::Basic { username, password }) => {
            let pair = format!("{username}:{}", password.trim());
            headers.push(("Authorization", format!("Basic {}", crate::golang::base64::encode(pair.as_bytes()))));
        }
        Some(Authorization::External) | None => {}
    }
    headers.push(("Content-Type", "application/json".to_owned()));
    OutgoingRequest { method: "POST", url, headers, body }
}

/// The address of a setting, or the one in its file.
pub(super) fn address(
    url: Option<&Arc<str>>,
    field: &'static str,
    file: Option<&Arc<str>>,
    read: super::ReadFile<'_>,
) -> Result<Arc<str>, NotifyError> {
    match (url, file) {
        (Some(url), _) => Ok(url.clone()),
        (None, Some(path)) => match read(path) {
            Ok(content) => postable(content.trim()),
            Err(reason) => Err(NotifyError::UrlFile { field, reason }),
        },
        (None, None) => Err(NotifyError::Url(format!("no URL: neither an address nor {field} is set"))),
    }
}

/// Checks an address that was not there when the configuration was read.
pub(super) fn postable(url: &str) -> Result<Arc<str>, NotifyError> {
    // The value is a secret, and is not repeated.
    let rest = match url.split_once("://") {
        Some(("http" | "https", rest)) => rest,
        Some(_) => return Err(NotifyError::Url("unsupported protocol scheme in the URL, wanted http or https".into())),
        None => return Err(NotifyError::Url("unsupported protocol scheme \"\" in the URL".into())),
    };
    if rest.is_empty() || rest.starts_with(['/', '?', '#']) {
        return Err(NotifyError::Url("no Host in request URL".into()));
    }
    Ok(url.into())
}
