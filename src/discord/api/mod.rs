//! A stand-in for Discord's webhook API as a pure machine: a request and a time in, an answer out, every accepted
//! message on record.
//!
//! Facts: Discord's public API documentation and bodies quoted in public bug reports. Where those are silent, the
//! answer carries a note.

mod body;
mod embed;
mod errors;
mod form;
mod github;
mod http;
mod message;
mod rate;
mod route;
mod server;
mod slack;
mod snowflake;

pub use body::Upload;
pub use embed::{Author, Embed, Field, Footer, MAX_EMBEDS, MAX_TOTAL, Picture};
pub use errors::{ApiError, FormErrors};
pub use form::Counting;
pub use http::{Request, Response};
pub use message::{MAX_CONTENT, RecordedMessage};
pub use rate::{BucketState, Limit, Limited, RateLimits, Scope};
pub use route::{ApiVersion, Resource, Route};
pub use server::{Channel, DiscordServer, Policy, Settings, Webhook, rate_limited};
pub use snowflake::snowflake_time;
