//! Messages in Slack's format, as Discord's Slack-compatible endpoint takes them.

use serde_json::{Map, Value, json};

use super::body::Payload;
use super::errors::ApiError;

/// Turns a Slack message into one of Discord's form.
pub(super) fn from_slack(payload: &Payload) -> Result<Payload, ApiError> {
    let mut source = payload.fields.clone();
    if let Some(Value::String(inner)) = source.get("payload") {
        let inner: Value = serde_json::from_str(inner).map_err(|_| ApiError::InvalidJson)?;
        source = inner.as_object().cloned().unwrap_or_default();
    }
    let mut fields = Map::new();
    for (from, to) in [("text", "content"), ("username", "username"), ("icon_url", "avatar_url")] {
        if let Some(value) = source.get(from).filter(|v| !matches!(v, Value::Null)) {
            fields.insert(to.to_owned(), value.clone());
        }
    }
    let attachments = source.get("attachments").and_then(Value::as_array);
    let embeds: Vec<Value> = attachments.into_iter().flatten().filter_map(Value::as_object).map(embed).collect();
    if !embeds.is_empty() {
        fields.insert("embeds".to_owned(), embeds.into());
    }
    Ok(Payload { fields, files: Vec::new() })
}

fn embed(attachment: &Map<String, Value>) -> Value {
    let text = |key: &str| attachment.get(key).and_then(Value::as_str).filter(|t| !t.is_empty());
    let mut embed = Map::new();
    let mut set = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            embed.insert(key.to_owned(), value);
        }
    };
    set("title", text("title").map(Value::from));
    set("url", text("title_link").map(Value::from));
    let description = [text("pretext"), text("text").or(text("fallback"))];
    let description = description.into_iter().flatten().collect::<Vec<_>>().join("\n");
    set("description", Some(description.into()));
    set("color", text("color").and_then(color).map(Value::from));
    set("author", text("author_name").map(|name| json!({"name": name})));
    set("footer", text("footer").map(|text| json!({"text": text})));
    set("image", text("image_url").map(|url| json!({"url": url})));
    set("thumbnail", text("thumb_url").map(|url| json!({"url": url})));
    let fields = attachment.get("fields").and_then(Value::as_array).map(|fields| {
        let fields = fields.iter().map(|f| json!({"name": f["title"], "value": f["value"], "inline": f["short"]}));
        fields.collect::<Value>()
    });
    set("fields", fields);
    Value::Object(embed)
}

fn color(text: &str) -> Option<i64> {
    match text {
        "good" => Some(0x2e_b8_86),
        "warning" => Some(0xda_a0_38),
        "danger" => Some(0xa3_00_00),
        _ => i64::from_str_radix(text.trim_start_matches('#'), 16).ok().filter(|c| (0..=0xff_ffff).contains(c)),
    }
}
