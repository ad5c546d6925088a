//! `slack_configs`: the body of an incoming webhook, fields and buttons included.
//!
//! Facts: upstream source of 0.25 and later.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::discord::escapes;
use super::{Context, NotifyError};
use crate::alertmanager::version::Version;
use crate::golang::json::write_string;

const MAX_TITLE: usize = 1024;
/// Where Markdown is read when nothing else is said.
const ALL: [&str; 3] = ["fallback", "pretext", "text"];

/// What an integration without a `color` is given.
pub(super) const COLOR: &str = r#"{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}"#;

/// What Slack is told beside the plain texts of the settings, expanded.
#[derive(Default)]
pub(super) struct Extras {
    link_names: bool,
    /// Title, text, whether it is short.
    fields: Vec<(String, String, bool)>,
    /// The members of each button that are not empty, and those of its confirmation.
    actions: Vec<(Members, Option<Members>)>,
    markdown_in: Vec<String>,
}

type Members = Vec<(&'static str, String)>;

impl Extras {
    /// Reads them from the settings by path, as the configuration keeps them.
    ///
    /// # Errors
    /// A text cannot be expanded.
    pub fn read(context: &Context<'_>, settings: &BTreeMap<Arc<str>, Arc<str>>) -> Result<Self, NotifyError> {
        let flag = |path: &str| settings.get(path).map(|v| &**v == "true");
        let expand = |path: String| settings.get(path.as_str()).map_or(Ok(String::new()), |text| context.expand(text));
        let members = |prefix: &str, names: &[&'static str]| -> Result<Members, NotifyError> {
            let mut found = Members::new();
            for name in names {
                let text = expand(format!("{prefix}.{name}"))?;
                if !text.is_empty() {
                    found.push((name, text));
                }
            }
            Ok(found)
        };
        let short_fields = flag("short_fields") == Some(true);
        let mut extras = Self { link_names: flag("link_names") == Some(true), ..Self::default() };
        for i in (0..).take_while(|i| settings.contains_key(format!("fields.{i}.title").as_str())) {
            let (title, value) = (expand(format!("fields.{i}.title"))?, expand(format!("fields.{i}.value"))?);
            extras.fields.push((title, value, flag(&format!("fields.{i}.short")).unwrap_or(short_fields)));
        }
        for i in (0..).take_while(|i| settings.contains_key(format!("actions.{i}.type").as_str())) {
            let button = members(&format!("actions.{i}"), &["type", "text", "url", "style", "name", "value"])?;
            let path = format!("actions.{i}.confirm");
            let confirm = match settings.contains_key(path.as_str()) {
                true => Some(members(&path, &["text", "title", "ok_text", "dismiss_text"])?),
                false => None,
            };
            extras.actions.push((button, confirm));
        }
        let written = (0..).map_while(|i| settings.get(format!("mrkdwn_in.{i}").as_str()).map(|t| t.to_string()));
        extras.markdown_in = written.collect();
        if extras.markdown_in.is_empty() {
            extras.markdown_in = ALL.map(str::to_owned).to_vec();
        }
        Ok(extras)
    }
}

/// JSON in the order of Go's structs.
struct Writer {
    out: String,
    version: Version,
}

impl Writer {
    fn key(&mut self, name: &str) {
        if !self.out.ends_with(['{', '[']) {
            self.out.push(',');
        }
        self.out.push_str(&format!("\"{name}\":"));
    }

    fn member(&mut self, name: &str, text: &str) {
        self.key(name);
        write_string(&mut self.out, text, escapes(self.version));
    }

    fn some(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.member(name, text);
        }
    }

    fn object(&mut self, write: impl FnOnce(&mut Self)) {
        if self.out.ends_with('}') {
            self.out.push(',');
        }
        self.out.push('{');
        write(self);
        self.out.push('}');
    }

    fn list(&mut self, name: &str, write: impl FnOnce(&mut Self)) {
        self.key(name);
        self.out.push('[');
        write(self);
        self.out.push(']');
    }
}

/// The body, with the newline at its end, from the expanded texts of the settings.
pub(super) fn body(texts: &[(Arc<str>, String)], extras: &Extras, version: Version) -> String {
    let text = |name: &str| texts.iter().find(|(n, _)| &**n == name).map_or("", |(_, t)| t.as_str());
    let mut w = Writer { out: String::from("{"), version };
    for name in ["channel", "username", "icon_emoji", "icon_url"] {
        w.some(name, text(name));
    }
    if extras.link_names {
        w.key("link_names");
        w.out.push_str("true");
    }
    w.list("attachments", |w| w.object(|w| attachment(w, &text, extras)));
    w.out.push_str("}\n");
    w.out
}

fn attachment<'t>(w: &mut Writer, text: &impl Fn(&str) -> &'t str, extras: &Extras) {
    w.some("title", &shorten(text("title")));
    w.some("title_link", text("title_link"));
    w.some("pretext", text("pretext"));
    for name in ["text", "fallback", "callback_id"] {
        w.member(name, text(name));
    }
    if !extras.fields.is_empty() {
        w.list("fields", |w| {
            for (title, value, short) in &extras.fields {
                w.object(|w| {
                    w.some("title", title);
                    w.some("value", value);
                    w.key("short");
                    w.out.push_str(if *short { "true" } else { "false" });
                });
            }
        });
    }
    if !extras.actions.is_empty() {
        w.list("actions", |w| {
            for (button, confirm) in &extras.actions {
                w.object(|w| {
                    button.iter().for_each(|(name, text)| w.member(name, text));
                    if let Some(confirm) = confirm {
                        w.key("confirm");
                        w.out.push('{');
                        confirm.iter().for_each(|(name, text)| w.member(name, text));
                        w.out.push('}');
                    }
                });
            }
        });
    }
    w.some("image_url", text("image_url"));
    w.some("thumb_url", text("thumb_url"));
    w.member("footer", text("footer"));
    w.some("color", text("color"));
    w.list("mrkdwn_in", |w| {
        for (i, field) in extras.markdown_in.iter().enumerate() {
            w.out.push_str(if i > 0 { "," } else { "" });
            write_string(&mut w.out, field, escapes(w.version));
        }
    });
}

fn shorten(title: &str) -> String {
    match title.char_indices().nth(MAX_TITLE - 1) {
        Some((at, _)) if title.chars().count() > MAX_TITLE => format!("{}…", &title[..at]),
        _ => title.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_texts_are_left_out_where_slack_may_do_without() {
        let texts = [("title", "T & U"), ("fallback", "F"), ("color", "good")];
        let texts = texts.map(|(n, t)| (Arc::from(n), t.to_owned()));
        let wanted = concat!(
            r#"{"attachments":[{"title":"T \u0026 U","text":"","fallback":"F","callback_id":"","footer":"","#,
            r#""color":"good","mrkdwn_in":["fallback","pretext","text"]}]}"#,
            "\n"
        );
        assert_eq!(
            body(&texts, &Extras { markdown_in: ALL.map(str::to_owned).to_vec(), ..Extras::default() }, Version::V0_25),
            wanted
        );
    }

    #[test]
    fn a_long_title_is_cut() {
        assert_eq!(shorten(&"x".repeat(1024)).len(), 1024);
        assert_eq!(shorten(&"x".repeat(1025)), format!("{}…", "x".repeat(1023)));
    }
}
