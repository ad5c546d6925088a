//! `slack_configs`: the body of an incoming webhook, as far as its settings are plain texts.
//!
//! Facts: upstream source of 0.25 and later.

use std::sync::Arc;

use super::discord::escapes;
use crate::alertmanager::version::Version;
use crate::golang::json::write_string;

const MAX_TITLE: usize = 1024;

/// What an integration without a `color` is given.
pub(super) const COLOR: &str = r#"{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}"#;

/// The body, with the newline at its end, from the expanded texts of the settings.
pub(super) fn body(texts: &[(Arc<str>, String)], link_names: bool, version: Version) -> String {
    let text = |name: &str| texts.iter().find(|(n, _)| &**n == name).map_or("", |(_, t)| t.as_str());
    let mut out = String::from("{");
    let member = |out: &mut String, name: &str, text: &str| {
        if !out.ends_with('{') {
            out.push(',');
        }
        out.push_str(&format!("\"{name}\":"));
        write_string(out, text, escapes(version));
    };
    let some = |out: &mut String, name: &str, text: &str| {
        if !text.is_empty() {
            member(out, name, text);
        }
    };
    for name in ["channel", "username", "icon_emoji", "icon_url"] {
        some(&mut out, name, text(name));
    }
    if link_names {
        out.push_str(if out.ends_with('{') { "\"link_names\":true" } else { ",\"link_names\":true" });
    }
    out.push_str(if out.ends_with('{') { "\"attachments\":[{" } else { ",\"attachments\":[{" });
    some(&mut out, "title", &shorten(text("title")));
    some(&mut out, "title_link", text("title_link"));
    some(&mut out, "pretext", text("pretext"));
    for name in ["text", "fallback", "callback_id"] {
        member(&mut out, name, text(name));
    }
    some(&mut out, "image_url", text("image_url"));
    some(&mut out, "thumb_url", text("thumb_url"));
    member(&mut out, "footer", text("footer"));
    some(&mut out, "color", text("color"));
    out.push_str(",\"mrkdwn_in\":[\"fallback\",\"pretext\",\"text\"]}]}\n");
    out
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
        assert_eq!(body(&texts, false, Version::V0_25), wanted);
    }

    #[test]
    fn a_long_title_is_cut() {
        assert_eq!(shorten(&"x".repeat(1024)).len(), 1024);
        assert_eq!(shorten(&"x".repeat(1025)), format!("{}…", "x".repeat(1023)));
    }
}
