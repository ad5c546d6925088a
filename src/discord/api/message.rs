//! A message: what a sender may ask for, what is kept of it, and how it is shown.

use serde_json::{Map, Value, json};

use super::body::{Payload, Upload};
use super::embed::{Embed, read_embeds};
use super::errors::ApiError;
use super::form::{Counting, Form};
use crate::model::Time;

/// Characters of a message's text.
pub const MAX_CONTENT: usize = 2000;
const MAX_USERNAME: usize = 80;
const MAX_THREAD_NAME: usize = 100;
/// Users or roles that `allowed_mentions` may name.
const MAX_MENTIONS: usize = 100;
const SUPPRESS_EMBEDS: i64 = 1 << 2;
const SUPPRESS_NOTIFICATIONS: i64 = 1 << 12;
const COMPONENTS_V2: i64 = 1 << 15;

/// A message that was accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedMessage {
    /// Its id.
    pub id: u64,
    /// The webhook it came through.
    pub webhook_id: u64,
    /// The channel it stands in; a thread's id when it was sent to a thread.
    pub channel_id: u64,
    /// When it was accepted.
    pub at: Time,
    /// When it was changed last.
    pub edited: Option<Time>,
    /// Whether it was taken back.
    pub deleted: bool,
    /// The sender's name that is shown.
    pub username: String,
    /// The sender's picture, when the message names one.
    pub avatar_url: Option<String>,
    /// The text.
    pub content: String,
    /// The boxes.
    pub embeds: Vec<Embed>,
    /// The files.
    pub files: Vec<Upload>,
    /// Whether it is read aloud.
    pub tts: bool,
    /// Message flags.
    pub flags: i64,
    /// Buttons and the like, as sent.
    pub components: Value,
    /// A poll, as sent.
    pub poll: Option<Value>,
    /// Whether it calls on everyone.
    pub mention_everyone: bool,
}

impl RecordedMessage {
    /// The message object of the API.
    pub fn to_json(&self) -> Value {
        let attachments: Vec<Value> = (self.files.iter().enumerate())
            .map(|(i, file)| {
                let id = (self.id + 1 + i as u64).to_string();
                let url = format!("https://cdn.discordapp.com/attachments/{}/{id}/{}", self.channel_id, file.filename);
                json!({
                    "id": id, "filename": file.filename, "size": file.size, "url": url, "proxy_url": url,
                    "content_type": file.content_type,
                })
            })
            .collect();
        let mut object = json!({
            "id": self.id.to_string(),
            "type": 0,
            "content": self.content,
            "channel_id": self.channel_id.to_string(),
            "author": {
                "id": self.webhook_id.to_string(),
                "username": self.username,
                "avatar": null,
                "discriminator": "0000",
                "public_flags": 0,
                "flags": 0,
                "bot": true,
                "global_name": null,
            },
            "attachments": attachments,
            "embeds": self.embeds,
            "mentions": [],
            "mention_roles": [],
            "pinned": false,
            "mention_everyone": self.mention_everyone,
            "tts": self.tts,
            "timestamp": timestamp(self.at),
            "edited_timestamp": self.edited.map(timestamp),
            "flags": self.flags,
            "components": self.components,
            "webhook_id": self.webhook_id.to_string(),
        });
        if let (Some(poll), Value::Object(map)) = (&self.poll, &mut object) {
            map.insert("poll".to_owned(), poll.clone());
        }
        object
    }
}

/// Microseconds and an offset, as Discord writes times.
fn timestamp(at: Time) -> String {
    let nanos = at.0 - at.0.rem_euclid(1_000_000);
    jiff::Timestamp::from_nanosecond(i128::from(nanos)).map_or_else(
        |_| "1970-01-01T00:00:00.000000+00:00".to_owned(),
        |t| t.strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00").to_string(),
    )
}

/// What a sender asks for, checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Draft {
    pub(super) content: Option<String>,
    pub(super) username: Option<String>,
    pub(super) avatar_url: Option<String>,
    pub(super) embeds: Vec<Embed>,
    /// Whether embeds were given of which nothing would be seen.
    pub(super) had_empty_embed: bool,
    pub(super) files: Vec<Upload>,
    pub(super) tts: bool,
    pub(super) flags: i64,
    pub(super) components: Vec<Value>,
    pub(super) poll: Option<Value>,
    pub(super) thread_name: Option<String>,
    pub(super) silent_everyone: bool,
}

impl Draft {
    /// Checks a form.
    pub(super) fn read(payload: &Payload, counting: Counting) -> Result<Self, ApiError> {
        let map = &payload.fields;
        let mut form = Form::new(counting);
        let embeds = read_embeds(&mut form, map);
        let draft = Self {
            content: form.short_text(map, "content", MAX_CONTENT),
            username: read_name(&mut form, map, "username"),
            avatar_url: if blank(map.get("avatar_url")) {
                None
            } else {
                form.url(map, "avatar_url", &["http", "https"])
            },
            had_empty_embed: map.get("embeds").and_then(Value::as_array).map_or(0, Vec::len) > embeds.len(),
            embeds,
            files: payload.files.clone(),
            tts: form.boolean(map, "tts"),
            flags: form.integer(map, "flags", 0, i64::from(i32::MAX)).unwrap_or(0)
                & (SUPPRESS_EMBEDS | SUPPRESS_NOTIFICATIONS | COMPONENTS_V2),
            components: form.list(map, "components").cloned().unwrap_or_default(),
            poll: form.object(map.get("poll"), "poll").map(|poll| Value::Object(poll.clone())),
            thread_name: form.short_text(map, "thread_name", MAX_THREAD_NAME),
            silent_everyone: read_mentions(&mut form, map),
        };
        if form.errors.is_empty() { Ok(draft) } else { Err(ApiError::Form(form.errors)) }
    }

    /// Whether there is anything to show.
    pub(super) fn check_not_empty(&self) -> Result<(), ApiError> {
        let components = self.flags & COMPONENTS_V2 != 0 && !self.components.is_empty();
        let holds = self.content.is_some() || !self.embeds.is_empty() || !self.files.is_empty();
        if holds || self.poll.is_some() || components {
            Ok(())
        } else if self.had_empty_embed {
            Err(ApiError::EmptyEmbed)
        } else {
            Err(ApiError::EmptyMessage)
        }
    }

    pub(super) fn mentions_everyone(&self) -> bool {
        let content = self.content.as_deref().unwrap_or("");
        !self.silent_everyone && (content.contains("@everyone") || content.contains("@here"))
    }
}

fn blank(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(s)) => s.trim().is_empty(),
        Some(_) => false,
    }
}

/// A sender's name: 1 to 80 characters, and some words are reserved.
pub(super) fn read_name(form: &mut Form, map: &Map<String, Value>, key: &str) -> Option<String> {
    if matches!(map.get(key), None | Some(Value::Null)) {
        return None;
    }
    let name = form.text(map, key).unwrap_or_default();
    let length = form.len(&name);
    if length > MAX_USERNAME || length == 0 {
        form.wrong(key, "BASE_TYPE_BAD_LENGTH", format!("Must be between 1 and {MAX_USERNAME} in length."));
        return None;
    }
    let lower = name.to_lowercase();
    if let Some(word) = ["discord", "clyde"].into_iter().find(|word| lower.contains(word)) {
        form.wrong(key, "USERNAME_INVALID_CONTAINS", format!("Username cannot contain \"{word}\""));
    } else if let Some(word) = ["everyone", "here"].into_iter().find(|word| lower == *word) {
        form.wrong(key, "USERNAME_INVALID", format!("Username cannot be \"{word}\""));
    }
    Some(name)
}

/// Checks `allowed_mentions`; whether it silences calls on everyone.
fn read_mentions(form: &mut Form, map: &Map<String, Value>) -> bool {
    let Some(allowed) = form.object(map.get("allowed_mentions"), "allowed_mentions") else { return false };
    let mut both = None;
    let silent = form.inside("allowed_mentions", |form| {
        let kinds = form.list(allowed, "parse");
        form.inside("parse", |form| {
            for (i, kind) in kinds.into_iter().flatten().enumerate() {
                if !matches!(kind.as_str(), Some("everyone" | "users" | "roles")) {
                    let message = "Value must be one of ('users', 'everyone', 'roles').";
                    form.wrong(&i.to_string(), "BASE_TYPE_CHOICES", message);
                }
            }
        });
        for which in ["users", "roles"] {
            let Some(ids) = form.list(allowed, which) else { continue };
            form.at_most(which, ids.len(), MAX_MENTIONS);
            if !ids.is_empty() && kinds.is_some_and(|kinds| kinds.iter().any(|k| k == which)) {
                both = both.or(Some(which));
            }
        }
        !kinds.is_some_and(|kinds| kinds.iter().any(|k| k == "everyone"))
    });
    if let Some(which) = both {
        let message = format!("parse:[\"{which}\"] and {which}: [ids...] are mutually exclusive.");
        form.wrong("allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", message);
    }
    silent
}
