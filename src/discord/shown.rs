//! A message as somebody reads it, wherever it comes from: the record of the stand-in server, or a notifier's body.

use serde_json::Value;

use super::api::{Embed, RecordedMessage};
use crate::model::Time;

/// A message to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShownMessage {
    /// When it arrived.
    pub at: Time,
    /// Who sent it, as shown.
    pub sender: String,
    /// The text above the boxes.
    pub content: String,
    /// The boxes.
    pub embeds: Vec<Embed>,
    /// Whether it was changed.
    pub edited: bool,
    /// Whether it was taken back.
    pub deleted: bool,
}

impl From<&RecordedMessage> for ShownMessage {
    fn from(message: &RecordedMessage) -> Self {
        Self {
            at: message.at,
            sender: message.username.clone(),
            content: message.content.clone(),
            embeds: message.embeds.clone(),
            edited: message.edited.is_some(),
            deleted: message.deleted,
        }
    }
}

impl ShownMessage {
    /// Reads the body that a notifier posts; none when it is no JSON object.
    pub fn from_body(at: Time, body: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(body).ok()?;
        let body = value.as_object()?;
        let text =
            |value: Option<&Value>| value.and_then(Value::as_str).map(|t| t.trim().to_owned()).unwrap_or_default();
        let some = |value: Option<&Value>| Some(text(value)).filter(|t| !t.is_empty());
        let embeds = body.get("embeds").and_then(Value::as_array).into_iter().flatten();
        let embeds = embeds.map(|e| Embed {
            kind: "rich",
            title: some(e.get("title")),
            description: some(e.get("description")),
            color: e.get("color").and_then(Value::as_i64),
            ..Embed::default()
        });
        Some(Self {
            at,
            sender: some(body.get("username")).unwrap_or_else(|| "Captain Hook".to_owned()),
            content: text(body.get("content")),
            embeds: embeds.collect(),
            ..Self::default()
        })
    }

    /// Whether the colour says that an alert fires, or that all have ended; none for other colours.
    pub fn firing(&self) -> Option<bool> {
        match self.embeds.first()?.color? {
            c if c == i64::from(super::message::RED) => Some(true),
            c if c == i64::from(super::message::GREEN) => Some(false),
            _ => None,
        }
    }

    /// The clock time at which it arrived, UTC.
    pub fn clock(&self) -> String {
        clock(self.at)
    }

    /// What is read first: the first box's title, else the content's first line.
    pub fn headline(&self) -> &str {
        let title = self.embeds.iter().find_map(|e| e.title.as_deref());
        title.or_else(|| self.content.lines().next()).unwrap_or("")
    }
}

/// The clock time of a point in time, UTC.
fn clock(at: Time) -> String {
    let seconds = at.0.div_euclid(1_000_000_000).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// Whether a character would do more than stand there: control characters but newline and tab, and those that turn
/// the direction of writing or are not seen.
pub(super) fn is_harmful(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notifiers_body_is_read() {
        let body = r#"{"content":"","embeds":[{"title":" T ","description":"\n\nd\n","color":10038562}]}"#;
        let shown = ShownMessage::from_body(Time::from_millis(3_661_000), body).expect("a JSON object");
        assert_eq!((shown.headline(), shown.firing()), ("T", Some(true)));
        assert_eq!(shown.embeds[0].description.as_deref(), Some("d"));
        assert_eq!(clock(shown.at), "01:01:01");
        assert_eq!(ShownMessage::from_body(Time(0), "[1]"), None);
    }
}
