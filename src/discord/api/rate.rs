//! Discord's rate limits: a bucket per route and webhook, a hidden limit per channel, a global limit per address, and
//! the ban that follows many refused requests.
//!
//! Facts: Discord's page on rate limits for headers and bodies; the numbers are what users and an engineer of Discord
//! report, and may change.

use std::collections::{HashMap, VecDeque};

use serde_json::json;

use super::http::Response;
use super::route::ApiVersion;
use crate::model::Time;

const SECOND: i64 = 1_000_000_000;

/// So many requests in so long a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Requests that are let through.
    pub requests: usize,
    /// The window's length in nanoseconds.
    pub window: i64,
}

impl Limit {
    /// `requests` in `seconds`.
    pub const fn per_seconds(requests: usize, seconds: i64) -> Self {
        Self { requests, window: seconds * SECOND }
    }
}

/// The limits of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// Requests per route and webhook, in a window that begins with the first of them.
    pub bucket: Option<Limit>,
    /// Messages per channel, sliding; no header tells of it.
    pub channel: Option<Limit>,
    /// Requests per address, sliding.
    pub global: Option<Limit>,
    /// Answers 401, 403 and 429 after which the address is shut out for the rest of the window.
    pub invalid: Option<Limit>,
}

impl RateLimits {
    /// What is known of Discord's own numbers.
    pub const DISCORD: Self = Self {
        bucket: Some(Limit::per_seconds(5, 2)),
        channel: Some(Limit::per_seconds(30, 60)),
        global: Some(Limit::per_seconds(50, 1)),
        invalid: Some(Limit::per_seconds(10_000, 600)),
    };

    /// No limits at all.
    pub const NONE: Self = Self { bucket: None, channel: None, global: None, invalid: None };
}

/// Who set the limit that was hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The bucket of this webhook.
    User,
    /// The channel, shared with others.
    Shared,
    /// The address.
    Global,
}

impl Scope {
    fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Shared => "shared",
            Self::Global => "global",
        }
    }
}

/// A request that came too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limited {
    /// Whose limit.
    pub scope: Scope,
    /// Nanoseconds until it would be let through.
    pub retry_after: i64,
}

/// Times inside a sliding window.
#[derive(Clone, Debug, Default)]
pub(super) struct Sliding(VecDeque<Time>);

impl Sliding {
    /// Nanoseconds until there is room, or none when there is room now.
    pub(super) fn full(&mut self, now: Time, limit: Limit) -> Option<i64> {
        while self.0.front().is_some_and(|t| now.since(*t) >= limit.window) {
            self.0.pop_front();
        }
        let room_from = self.0.len().checked_sub(limit.requests)?;
        self.0.get(room_from).map_or(Some(limit.window), |t| Some(t.plus_nanos(limit.window).since(now)))
    }

    pub(super) fn push(&mut self, now: Time) {
        self.0.push_back(now);
    }
}

/// A window that begins with its first request.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    start: Time,
    used: usize,
}

/// What the headers tell about a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketState {
    /// The opaque name.
    pub name: String,
    /// Requests a window lets through.
    pub limit: usize,
    /// Requests left in this window.
    pub remaining: usize,
    /// When the window ends.
    pub reset: Time,
}

impl BucketState {
    /// Adds the headers that every answer carries.
    pub fn write_headers(&self, now: Time, response: &mut Response) {
        let mut add = |name: &str, value: String| response.headers.push((name.to_owned(), value));
        add("X-RateLimit-Limit", self.limit.to_string());
        add("X-RateLimit-Remaining", self.remaining.to_string());
        add("X-RateLimit-Reset", decimals(self.reset.0));
        add("X-RateLimit-Reset-After", decimals(self.reset.since(now)));
        add("X-RateLimit-Bucket", self.name.clone());
    }
}

/// Counts the requests of one address.
#[derive(Clone, Debug, Default)]
pub(super) struct RateState {
    buckets: HashMap<(String, u64), Bucket>,
    channels: HashMap<u64, Sliding>,
    global: Sliding,
    invalid: Sliding,
}

impl RateState {
    /// Counts a request and says whether it may pass, with the state of its bucket.
    pub(super) fn admit(
        &mut self,
        limits: &RateLimits,
        now: Time,
        route: &str,
        webhook: u64,
    ) -> (Option<BucketState>, Result<(), Limited>) {
        if let Some(wait) = limits.global.and_then(|limit| self.global.full(now, limit)) {
            return (None, Err(Limited { scope: Scope::Global, retry_after: wait }));
        }
        self.global.push(now);
        let Some(limit) = limits.bucket else { return (None, Ok(())) };
        let bucket = self.buckets.entry((route.to_owned(), webhook)).or_insert(Bucket { start: now, used: 0 });
        if now.since(bucket.start) >= limit.window {
            *bucket = Bucket { start: now, used: 0 };
        }
        let reset = bucket.start.plus_nanos(limit.window);
        let admitted = if bucket.used < limit.requests {
            bucket.used += 1;
            Ok(())
        } else {
            Err(Limited { scope: Scope::User, retry_after: reset.since(now) })
        };
        let remaining = limit.requests - bucket.used;
        let state = BucketState { name: bucket_name(route, webhook), limit: limit.requests, remaining, reset };
        (Some(state), admitted)
    }

    /// Counts a message in a channel and says whether it may pass.
    pub(super) fn admit_message(&mut self, limits: &RateLimits, now: Time, channel: u64) -> Result<(), Limited> {
        let Some(limit) = limits.channel else { return Ok(()) };
        let window = self.channels.entry(channel).or_default();
        if let Some(retry_after) = window.full(now, limit) {
            return Err(Limited { scope: Scope::Shared, retry_after });
        }
        window.push(now);
        Ok(())
    }

    /// Whether the address is shut out.
    pub(super) fn is_banned(&mut self, limits: &RateLimits, now: Time) -> bool {
        limits.invalid.is_some_and(|limit| self.invalid.full(now, limit).is_some())
    }

    /// Counts an answer towards the ban.
    pub(super) fn count_answer(&mut self, limits: &RateLimits, now: Time, status: u16) {
        if limits.invalid.is_some() && matches!(status, 401 | 403 | 429) {
            self.invalid.push(now);
        }
    }
}

impl Limited {
    /// The 429, in the units of `version`.
    pub fn response(&self, version: ApiVersion) -> Response {
        let millis = (self.retry_after.max(0) + 999_999) / 1_000_000;
        let (header, retry_after) = if version.waits_in_seconds() {
            ((millis + 999) / 1000, json!(millis as f64 / 1000.0))
        } else {
            (millis, json!(millis))
        };
        let message = match self.scope {
            Scope::Shared => "The resource is being rate limited.",
            Scope::User | Scope::Global => "You are being rate limited.",
        };
        let global = self.scope == Scope::Global;
        let body = json!({"message": message, "retry_after": retry_after, "global": global});
        let mut response = Response::json(429, &body);
        response.headers.push(("Retry-After".to_owned(), header.to_string()));
        response.headers.push(("X-RateLimit-Scope".to_owned(), self.scope.as_str().to_owned()));
        if global {
            response.headers.push(("X-RateLimit-Global".to_owned(), "true".to_owned()));
        }
        response
    }
}

/// The answer of the gateway in front of Discord to an address that is shut out: always the same, so it tells neither
/// buckets nor how long.
pub(super) fn ban_response() -> Response {
    let message = "You are being blocked from accessing our API temporarily due to exceeding our rate limits \
                   frequently. Please read our docs at https://discord.com/developers/docs/topics/rate-limits to \
                   prevent this moving forward.";
    let mut response = Response::json(429, &json!({"code": 0, "message": message}));
    response.note = Some("too many requests of this address were refused; it is shut out for up to ten minutes");
    response
}

fn bucket_name(route: &str, webhook: u64) -> String {
    let mut hash: u64 = 14_695_981_039_346_656_037 ^ webhook;
    for b in route.bytes() {
        hash = (hash ^ u64::from(b)).wrapping_mul(1_099_511_628_211);
    }
    format!("{hash:016x}{:016x}", hash.rotate_left(29).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// Seconds with three decimals.
fn decimals(nanos: i64) -> String {
    let millis = (nanos.max(0) + 999_999) / 1_000_000;
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_request_of_a_window_waits_for_its_end() {
        let mut state = RateState::default();
        let start = Time::from_millis(1_000);
        for i in 0..5 {
            let (bucket, admitted) = state.admit(&RateLimits::DISCORD, start.plus_millis(i * 100), "POST", 1);
            assert!(admitted.is_ok());
            assert_eq!(bucket.expect("limited").remaining, 4 - i as usize);
        }
        let (_, refused) = state.admit(&RateLimits::DISCORD, start.plus_millis(700), "POST", 1);
        assert_eq!(refused, Err(Limited { scope: Scope::User, retry_after: 1_300_000_000 }));
        assert!(state.admit(&RateLimits::DISCORD, start.plus_millis(700), "POST", 2).1.is_ok(), "another webhook");
        assert!(state.admit(&RateLimits::DISCORD, start.plus_millis(2_000), "POST", 1).1.is_ok());
    }

    #[test]
    fn units_follow_the_version() {
        let limited = Limited { scope: Scope::User, retry_after: 1_300_000_000 };
        let old = limited.response(ApiVersion::UNVERSIONED);
        assert_eq!(old.header("Retry-After"), Some("1300"));
        assert!(String::from_utf8_lossy(&old.body).contains("\"retry_after\":1300,"));
        let new = limited.response(ApiVersion(10));
        assert_eq!(new.header("Retry-After"), Some("2"));
        assert!(String::from_utf8_lossy(&new.body).contains("\"retry_after\":1.3,"));
    }

    #[test]
    fn the_channel_takes_thirty_messages_a_minute() {
        let mut state = RateState::default();
        for i in 0..30 {
            assert!(state.admit_message(&RateLimits::DISCORD, Time::from_millis(i * 1000), 9).is_ok());
        }
        let refused = state.admit_message(&RateLimits::DISCORD, Time::from_millis(30_000), 9);
        assert_eq!(refused, Err(Limited { scope: Scope::Shared, retry_after: 30_000_000_000 }));
        assert!(state.admit_message(&RateLimits::DISCORD, Time::from_millis(60_000), 9).is_ok());
    }
}
