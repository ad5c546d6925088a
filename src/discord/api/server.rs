//! The server: which webhooks exist, what was sent through them, and the answer to each request.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::body::Payload;
use super::errors::ApiError;
use super::form::{Counting, Form};
use super::http::{Request, Response};
use super::message::{Draft, RecordedMessage, read_name};
use super::rate::{Limited, RateLimits, RateState, ban_response};
use super::route::{ApiVersion, Resource, Route, not_snowflake, snowflake};
use super::slack::from_slack;
use super::snowflake::Snowflakes;
use super::{github::from_github, rate::Scope};
use crate::model::Time;

/// Which webhooks exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Every well-formed id with any token; made when first used.
    #[default]
    AnyWellFormed,
    /// Only those that were added.
    Listed,
}

/// The kind of channel that a webhook posts to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Channel {
    /// A text channel with these threads.
    Text {
        /// Ids of its threads.
        threads: BTreeSet<u64>,
    },
    /// A channel that holds only threads, with these to begin with.
    Forum {
        /// Ids of its threads.
        threads: BTreeSet<u64>,
    },
    /// A channel in which every thread id exists.
    #[default]
    AnyThread,
}

/// A webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: u64,
    /// Its secret.
    pub token: String,
    /// The name that messages bear when they bring none.
    pub name: String,
    /// Its picture's hash.
    pub avatar: Option<String>,
    /// The server it belongs to.
    pub guild_id: u64,
    /// The channel it posts to; webhooks of one channel share its hidden rate limit.
    pub channel_id: u64,
    /// What that channel is.
    pub channel: Channel,
}

impl Webhook {
    /// A webhook with the name Discord gives by itself and a channel of its own.
    pub fn new(id: u64, token: impl Into<String>) -> Self {
        Self {
            id,
            token: token.into(),
            name: "Captain Hook".to_owned(),
            avatar: None,
            guild_id: id ^ 0x2_0000,
            channel_id: id ^ 0x1_0000,
            channel: Channel::default(),
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "application_id": null,
            "avatar": self.avatar,
            "channel_id": self.channel_id.to_string(),
            "guild_id": self.guild_id.to_string(),
            "id": self.id.to_string(),
            "name": self.name,
            "type": 1,
            "token": self.token,
            "url": format!("https://discord.com/api/webhooks/{}/{}", self.id, self.token),
        })
    }
}

/// How a server behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Which webhooks exist.
    pub policy: Policy,
    /// What length limits count.
    pub counting: Counting,
    /// The rate limits.
    pub limits: RateLimits,
}

impl Default for Settings {
    fn default() -> Self {
        Self { policy: Policy::default(), counting: Counting::default(), limits: RateLimits::DISCORD }
    }
}

/// A stand-in for Discord's webhook API. It is told the time and opens nothing.
#[derive(Clone, Debug, Default)]
pub struct DiscordServer {
    settings: Settings,
    webhooks: BTreeMap<u64, Webhook>,
    gone: BTreeSet<u64>,
    messages: Vec<RecordedMessage>,
    ids: Snowflakes,
    rate: RateState,
}

impl DiscordServer {
    /// A server without webhooks.
    pub fn new(settings: Settings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// Adds a webhook, in place of one with the same id.
    pub fn add_webhook(&mut self, webhook: Webhook) {
        self.gone.remove(&webhook.id);
        self.webhooks.insert(webhook.id, webhook);
    }

    /// The messages that were accepted, oldest first, changed and deleted ones included.
    pub fn messages(&self) -> &[RecordedMessage] {
        &self.messages
    }

    /// Forgets the oldest messages when there are more than `max`.
    pub fn keep_last(&mut self, max: usize) {
        if self.messages.len() > max {
            self.messages.drain(..self.messages.len() - max / 2);
        }
    }

    /// Answers a request. All requests count as coming from one address.
    pub fn handle(&mut self, now: Time, request: &Request<'_>) -> Response {
        if self.rate.is_banned(&self.settings.limits, now) {
            return ban_response();
        }
        let response = match Route::parse(request.path) {
            Ok(route) => self.handle_route(now, request, &route),
            Err((version, error)) => error.response(version),
        };
        self.rate.count_answer(&self.settings.limits, now, response.status);
        response
    }

    fn handle_route(&mut self, now: Time, request: &Request<'_>, route: &Route) -> Response {
        let kind = match route.resource {
            Resource::Webhook | Resource::Slack | Resource::GitHub => "webhook",
            Resource::Message(_) => "message",
        };
        let bucket_route = format!("{} {kind}", request.method);
        let (bucket, admitted) = self.rate.admit(&self.settings.limits, now, &bucket_route, route.webhook);
        let mut response = match admitted {
            Ok(()) => match self.answer(now, request, route) {
                Ok(response) => response,
                Err(Refusal::Api(error)) => error.response(route.version),
                Err(Refusal::Limited(limited)) => limited.response(route.version),
            },
            Err(limited) => limited.response(route.version),
        };
        if let Some(bucket) = bucket {
            bucket.write_headers(now, &mut response);
        }
        response
    }

    fn answer(&mut self, now: Time, request: &Request<'_>, route: &Route) -> Result<Response, Refusal> {
        self.authorize(route)?;
        let id = route.webhook;
        match (&route.resource, request.method) {
            (Resource::Webhook, "POST") => self.execute(now, request, route, Payload::read(request)?, false),
            (Resource::Webhook, "GET") => Ok(Response::json(200, &self.webhook(id)?.to_json())),
            (Resource::Webhook, "PATCH") => self.change_webhook(request, id),
            (Resource::Webhook, "DELETE") => {
                self.webhooks.remove(&id);
                self.gone.insert(id);
                Ok(Response::no_content())
            }
            (Resource::Slack, "POST") => {
                self.refuse_service_in_forum(id)?;
                let payload = from_slack(&Payload::read(request)?)?;
                let mut response = self.execute(now, request, route, payload, true)?;
                if response.status == 200 {
                    response = Response::text(200, "ok");
                }
                Ok(response)
            }
            (Resource::GitHub, "POST") => {
                self.refuse_service_in_forum(id)?;
                let event = request.header("x-github-event").unwrap_or("");
                match from_github(event, &Payload::read(request)?) {
                    Some(payload) => self.execute(now, request, route, payload, true),
                    None => Ok(Response::no_content()),
                }
            }
            (Resource::Message(message), "GET") => {
                let at = self.find_message(request, id, *message)?;
                Ok(Response::json(200, &self.messages[at].to_json()))
            }
            (Resource::Message(message), "PATCH") => self.change_message(now, request, id, *message),
            (Resource::Message(message), "DELETE") => {
                let at = self.find_message(request, id, *message)?;
                self.messages[at].deleted = true;
                Ok(Response::no_content())
            }
            _ => Err(ApiError::MethodNotAllowed.into()),
        }
    }

    fn webhook(&self, id: u64) -> Result<&Webhook, ApiError> {
        self.webhooks.get(&id).ok_or(ApiError::UnknownWebhook)
    }

    /// Checks that the webhook exists and the token is its own.
    fn authorize(&mut self, route: &Route) -> Result<(), ApiError> {
        if route.token.is_empty() {
            return Err(ApiError::Unauthorized);
        }
        let well_formed = route.token.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if self.settings.policy == Policy::AnyWellFormed && well_formed && !self.gone.contains(&route.webhook) {
            let make = || Webhook::new(route.webhook, route.token.clone());
            self.webhooks.entry(route.webhook).or_insert_with(make);
        }
        if self.webhook(route.webhook)?.token == route.token { Ok(()) } else { Err(ApiError::InvalidToken) }
    }

    fn refuse_service_in_forum(&self, id: u64) -> Result<(), ApiError> {
        match self.webhook(id)?.channel {
            Channel::Forum { .. } => Err(ApiError::ServiceInForum),
            Channel::Text { .. } | Channel::AnyThread => Ok(()),
        }
    }

    fn execute(
        &mut self,
        now: Time,
        request: &Request<'_>,
        route: &Route,
        payload: Payload,
        wait_by_default: bool,
    ) -> Result<Response, Refusal> {
        let draft = Draft::read(&payload, self.settings.counting)?;
        draft.check_not_empty()?;
        let channel_id = self.target(now, request, route.webhook, draft.thread_name.as_deref())?;
        let webhook = self.webhooks.get(&route.webhook).ok_or(ApiError::UnknownWebhook)?;
        self.rate.admit_message(&self.settings.limits, now, webhook.channel_id)?;
        let message = RecordedMessage {
            id: self.ids.next(now),
            webhook_id: webhook.id,
            channel_id,
            at: now,
            edited: None,
            deleted: false,
            mention_everyone: draft.mentions_everyone(),
            username: draft.username.unwrap_or_else(|| webhook.name.clone()),
            avatar_url: draft.avatar_url,
            content: draft.content.unwrap_or_default(),
            embeds: draft.embeds,
            files: draft.files,
            tts: draft.tts,
            flags: draft.flags,
            components: draft.components.into(),
            poll: draft.poll,
        };
        let response = if request.flag("wait").unwrap_or(wait_by_default) {
            Response::json(200, &message.to_json())
        } else {
            Response::no_content()
        };
        self.messages.push(message);
        Ok(response)
    }

    /// The channel or thread that a message goes to.
    fn target(
        &mut self,
        now: Time,
        request: &Request<'_>,
        id: u64,
        thread_name: Option<&str>,
    ) -> Result<u64, ApiError> {
        let thread = thread_id(request)?;
        let new_thread = self.ids.next(now);
        let webhook = self.webhooks.get_mut(&id).ok_or(ApiError::UnknownWebhook)?;
        let known = match (&mut webhook.channel, thread, thread_name) {
            (Channel::Forum { .. }, None, None) => return Err(ApiError::ForumNeedsThread),
            (Channel::Forum { .. }, Some(_), Some(_)) => return Err(ApiError::ForumBothThreads),
            (Channel::Forum { threads }, None, Some(_)) => {
                threads.insert(new_thread);
                return Ok(new_thread);
            }
            (Channel::Text { .. } | Channel::AnyThread, _, Some(_)) => return Err(ApiError::ThreadNameOutsideForum),
            (Channel::Text { threads } | Channel::Forum { threads }, Some(thread), None) => threads.contains(&thread),
            (Channel::AnyThread, Some(_), None) => true,
            (Channel::Text { .. } | Channel::AnyThread, None, None) => return Ok(webhook.channel_id),
        };
        thread.filter(|_| known).ok_or(ApiError::UnknownChannel)
    }

    fn change_webhook(&mut self, request: &Request<'_>, id: u64) -> Result<Response, Refusal> {
        let payload = Payload::read(request)?;
        let mut form = Form::new(self.settings.counting);
        let name = read_name(&mut form, &payload.fields, "name");
        let avatar = form.text(&payload.fields, "avatar");
        if !form.errors.is_empty() {
            return Err(ApiError::Form(form.errors).into());
        }
        let webhook = self.webhooks.get_mut(&id).ok_or(ApiError::UnknownWebhook)?;
        if let Some(name) = name {
            webhook.name = name;
        }
        if payload.fields.contains_key("avatar") {
            webhook.avatar = avatar.map(|data| format!("{:032x}", data.len()));
        }
        Ok(Response::json(200, &webhook.to_json()))
    }

    /// Where a message of this webhook stands in the record.
    fn find_message(&self, request: &Request<'_>, webhook: u64, message: u64) -> Result<usize, ApiError> {
        let channel = thread_id(request)?.unwrap_or(self.webhook(webhook)?.channel_id);
        self.messages
            .iter()
            .position(|m| m.id == message && m.webhook_id == webhook && m.channel_id == channel && !m.deleted)
            .ok_or(ApiError::UnknownMessage)
    }

    fn change_message(
        &mut self,
        now: Time,
        request: &Request<'_>,
        webhook: u64,
        message: u64,
    ) -> Result<Response, Refusal> {
        let at = self.find_message(request, webhook, message)?;
        let payload = Payload::read(request)?;
        let draft = Draft::read(&payload, self.settings.counting)?;
        let old = &self.messages[at];
        let given = |key: &str| payload.fields.contains_key(key);
        let mut files = if given("attachments") { Vec::new() } else { old.files.clone() };
        files.extend(draft.files.clone());
        let merged = Draft {
            content: if given("content") { draft.content } else { Some(old.content.clone()).filter(|c| !c.is_empty()) },
            embeds: if given("embeds") { draft.embeds } else { old.embeds.clone() },
            flags: if given("flags") { draft.flags } else { old.flags },
            components: if given("components") {
                draft.components
            } else {
                old.components.as_array().cloned().unwrap_or_default()
            },
            poll: old.poll.clone(),
            files,
            ..draft
        };
        merged.check_not_empty()?;
        let mentions = merged.mentions_everyone();
        let message = &mut self.messages[at];
        message.content = merged.content.unwrap_or_default();
        message.embeds = merged.embeds;
        message.files = merged.files;
        message.flags = merged.flags;
        message.components = merged.components.into();
        message.mention_everyone = mentions;
        message.edited = Some(now);
        Ok(Response::json(200, &message.to_json()))
    }
}

fn thread_id(request: &Request<'_>) -> Result<Option<u64>, ApiError> {
    match request.query("thread_id") {
        None => Ok(None),
        Some(text) => snowflake(&text).map(Some).ok_or_else(|| not_snowflake("thread_id", &text)),
    }
}

/// Why a request that found its webhook is refused.
enum Refusal {
    Api(ApiError),
    Limited(Limited),
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl From<Limited> for Refusal {
    fn from(limited: Limited) -> Self {
        Self::Limited(limited)
    }
}

/// The answer a rate limit of the webhook's own bucket gives, for failing on purpose.
pub fn rate_limited(version: ApiVersion, retry_after_nanos: i64) -> Response {
    Limited { scope: Scope::User, retry_after: retry_after_nanos }.response(version)
}

#[cfg(test)]
mod tests;
