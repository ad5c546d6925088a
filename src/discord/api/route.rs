//! Which thing of the API a path names.

use super::errors::{ApiError, FormErrors};

/// A version of Discord's API, 6 to 10.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiVersion(pub u8);

impl ApiVersion {
    /// What a path without a version speaks.
    pub const UNVERSIONED: Self = Self(6);

    /// Whether form errors come as a tree with codes (8 and later).
    pub fn has_error_trees(self) -> bool {
        self.0 >= 8
    }

    /// Whether waiting times are told in seconds (8 and later) and not in milliseconds.
    pub fn waits_in_seconds(self) -> bool {
        self.0 >= 8
    }
}

/// The part of a webhook that a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// The webhook itself.
    Webhook,
    /// The endpoint for Slack's format.
    Slack,
    /// The endpoint for GitHub's events.
    GitHub,
    /// One of its messages.
    Message(u64),
}

/// A path, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The API version.
    pub version: ApiVersion,
    /// The webhook's id.
    pub webhook: u64,
    /// The webhook's token, as written; empty when the path has none.
    pub token: String,
    /// What of it.
    pub resource: Resource,
}

impl Route {
    /// Reads a path.
    ///
    /// # Errors
    /// Why there is nothing at that path, with the version to answer in.
    pub fn parse(path: &str) -> Result<Self, (ApiVersion, ApiError)> {
        let mut version = ApiVersion::UNVERSIONED;
        let mut parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        if parts.first() != Some(&"api") {
            return Err((version, ApiError::NotFound));
        }
        parts.remove(0);
        if let Some(number) = parts.first().and_then(|p| p.strip_prefix('v')).and_then(|n| n.parse::<u8>().ok()) {
            if !(6..=10).contains(&number) {
                return Err((version, ApiError::InvalidVersion));
            }
            version = ApiVersion(number);
            parts.remove(0);
        }
        let fail = |e| Err((version, e));
        let (id, token, rest) = match parts[..] {
            ["webhooks", id] => (id, "", &[][..]),
            ["webhooks", id, token, ..] => (id, token, &parts[3..]),
            _ => return fail(ApiError::NotFound),
        };
        let webhook = match snowflake(id) {
            Some(webhook) => webhook,
            None => return fail(not_snowflake("webhook_id", id)),
        };
        let resource = match *rest {
            [] => Resource::Webhook,
            ["slack"] => Resource::Slack,
            ["github"] => Resource::GitHub,
            // The first message of a webhook is not kept apart by Discord: the word is refused like any other.
            ["messages", id] => match snowflake(id) {
                Some(id) => Resource::Message(id),
                None => return fail(not_snowflake("message_id", id)),
            },
            _ => return fail(ApiError::NotFound),
        };
        Ok(Self { version, webhook, token: token.to_owned(), resource })
    }
}

/// Reads an id.
pub(super) fn snowflake(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse::<i64>().ok().and_then(|id| u64::try_from(id).ok())
}

/// The error for an id that is none.
pub(super) fn not_snowflake(key: &str, text: &str) -> ApiError {
    ApiError::Form(FormErrors::at(key, "NUMBER_TYPE_COERCE", format!("Value \"{text}\" is not snowflake.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_without_a_version_is_version_six() {
        let route = Route::parse("/api/webhooks/12/tok-en_A").expect("a webhook's path");
        assert_eq!((route.version, route.webhook, route.token.as_str()), (ApiVersion(6), 12, "tok-en_A"));
        assert_eq!(route.resource, Resource::Webhook);
    }

    #[test]
    fn versions_outside_six_to_ten_are_refused() {
        for v in ["v3", "v5", "v11"] {
            let path = format!("/api/{v}/webhooks/12/t");
            assert_eq!(Route::parse(&path).expect_err("unknown version").1, ApiError::InvalidVersion, "{v}");
        }
        assert_eq!(Route::parse("/api/v7/webhooks/12/t").expect("version 7").version, ApiVersion(7));
    }

    #[test]
    fn an_id_beyond_63_bits_is_no_snowflake() {
        assert!(Route::parse("/api/webhooks/9223372036854775807/t").is_ok());
        assert!(Route::parse("/api/webhooks/9223372036854775808/t").is_err());
    }

    #[test]
    fn messages_are_named_by_their_id() {
        let route = Route::parse("/api/v10/webhooks/1/t/messages/77").expect("a message's path");
        assert_eq!(route.resource, Resource::Message(77));
        assert!(Route::parse("/api/v10/webhooks/1/t/messages").is_err());
        assert!(Route::parse("/webhooks/1/t").is_err());
    }
}
