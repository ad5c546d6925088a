//! An embed: its parts and their limits.
//!
//! Facts: Discord's documentation of embed objects and limits.

use serde::Serialize;
use serde_json::{Map, Value};

use super::form::Form;

/// Embeds a message may hold.
pub const MAX_EMBEDS: usize = 10;
/// Characters over all texts of all embeds of a message.
pub const MAX_TOTAL: usize = 6000;
const MAX_FIELDS: usize = 25;
const WEB: [&str; 2] = ["http", "https"];
const WEB_OR_FILE: [&str; 3] = ["http", "https", "attachment"];

/// A box in a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Embed {
    /// Always `rich`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The title, at most 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The text, at most 4096 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where the title leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The time shown in the footer, ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// The colour of the edge, red times 65536 plus green times 256 plus blue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color: Option<i64>,
    /// The footer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub footer: Option<Footer>,
    /// The large picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Picture>,
    /// The small picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<Picture>,
    /// The author's line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<Author>,
    /// Names and values in a table, at most 25.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
}

/// The footer of an embed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Footer {
    /// The text, at most 2048 characters.
    pub text: String,
    /// An icon before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icon_url: Option<String>,
}

/// A picture of an embed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Picture {
    /// Its address.
    pub url: String,
}

/// The author of an embed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Author {
    /// The name, at most 256 characters.
    pub name: String,
    /// Where the name leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// An icon before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icon_url: Option<String>,
}

/// A field of an embed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Field {
    /// The name, 1 to 256 characters.
    pub name: String,
    /// The value, 1 to 1024 characters.
    pub value: String,
    /// Whether it may share a line with its neighbours.
    pub inline: bool,
}

impl Embed {
    /// Whether nothing of it would be seen.
    pub fn is_empty(&self) -> bool {
        self.title.is_none()
            && self.description.is_none()
            && self.footer.is_none()
            && self.author.is_none()
            && self.image.is_none()
            && self.thumbnail.is_none()
            && self.fields.is_empty()
    }

    fn total(&self, form: &Form) -> usize {
        let parts = [
            self.title.as_deref(),
            self.description.as_deref(),
            self.footer.as_ref().map(|f| f.text.as_str()),
            self.author.as_ref().map(|a| a.name.as_str()),
        ];
        let fields = self.fields.iter().flat_map(|f| [f.name.as_str(), f.value.as_str()]);
        parts.into_iter().flatten().chain(fields).map(|t| form.len(t)).sum()
    }
}

/// Reads and checks the embeds of a form. Embeds of which nothing would be seen are left out.
pub(super) fn read_embeds(form: &mut Form, map: &Map<String, Value>) -> Vec<Embed> {
    let Some(list) = form.list(map, "embeds") else { return Vec::new() };
    if list.len() > MAX_EMBEDS {
        form.at_most("embeds", list.len(), MAX_EMBEDS);
        return Vec::new();
    }
    let mut embeds = Vec::new();
    form.inside("embeds", |form| {
        for (i, value) in list.iter().enumerate() {
            embeds.extend(read_embed(form, &i.to_string(), value));
        }
    });
    let total: usize = embeds.iter().map(|e| e.total(form)).sum();
    if total > MAX_TOTAL && !form.errors.has("embeds") {
        let message = format!("Embed size exceeds maximum size of {MAX_TOTAL}");
        form.wrong("embeds", "MAX_EMBED_SIZE_EXCEEDED", message);
    }
    embeds.retain(|e| !e.is_empty());
    embeds
}

fn read_embed(form: &mut Form, key: &str, value: &Value) -> Option<Embed> {
    if value.is_null() || value.as_object().is_some_and(Map::is_empty) {
        form.wrong(key, "LIST_ITEM_VALUE_REQUIRED", "List item values of ModelType are required");
        return None;
    }
    let map = form.object(Some(value), key)?;
    Some(form.inside(key, |form| Embed {
        kind: "rich",
        title: form.short_text(map, "title", 256),
        description: form.short_text(map, "description", 4096),
        url: form.url(map, "url", &WEB),
        timestamp: timestamp(form, map),
        color: form.integer(map, "color", 0, 0xff_ffff),
        footer: part(form, map, "footer", footer),
        image: part(form, map, "image", picture),
        thumbnail: part(form, map, "thumbnail", picture),
        author: part(form, map, "author", author),
        fields: fields(form, map),
    }))
}

fn part<T>(
    form: &mut Form,
    map: &Map<String, Value>,
    key: &str,
    read: impl FnOnce(&mut Form, &Map<String, Value>) -> Option<T>,
) -> Option<T> {
    let inner = form.object(map.get(key), key)?;
    if inner.is_empty() {
        return None;
    }
    form.inside(key, |form| read(form, inner))
}

fn footer(form: &mut Form, map: &Map<String, Value>) -> Option<Footer> {
    let icon_url = form.url(map, "icon_url", &WEB_OR_FILE);
    form.short_text(map, "text", 2048).map(|text| Footer { text, icon_url })
}

fn picture(form: &mut Form, map: &Map<String, Value>) -> Option<Picture> {
    form.url(map, "url", &WEB_OR_FILE).map(|url| Picture { url })
}

fn author(form: &mut Form, map: &Map<String, Value>) -> Option<Author> {
    let (url, icon_url) = (form.url(map, "url", &WEB), form.url(map, "icon_url", &WEB_OR_FILE));
    form.required_text(map, "name", 256).map(|name| Author { name, url, icon_url })
}

fn fields(form: &mut Form, map: &Map<String, Value>) -> Vec<Field> {
    let Some(list) = form.list(map, "fields") else { return Vec::new() };
    if list.len() > MAX_FIELDS {
        form.at_most("fields", list.len(), MAX_FIELDS);
        return Vec::new();
    }
    let mut fields = Vec::new();
    form.inside("fields", |form| {
        for (i, value) in list.iter().enumerate() {
            let key = i.to_string();
            let Some(map) = form.object(Some(value), &key) else { continue };
            form.inside(&key, |form| {
                let name = form.required_text(map, "name", 256);
                let value = form.required_text(map, "value", 1024);
                let inline = form.boolean(map, "inline");
                if let (Some(name), Some(value)) = (name, value) {
                    fields.push(Field { name, value, inline });
                }
            });
        }
    });
    fields
}

fn timestamp(form: &mut Form, map: &Map<String, Value>) -> Option<String> {
    let text = form.text(map, "timestamp")?;
    let known = text.parse::<jiff::Timestamp>().is_ok()
        || text.parse::<jiff::civil::DateTime>().is_ok()
        || text.parse::<jiff::civil::Date>().is_ok();
    if !known {
        form.wrong("timestamp", "DATE_TIME_TYPE_PARSE", format!("Could not parse {text}. Should be ISO8601."));
    }
    Some(text)
}
