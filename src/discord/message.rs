//! The message that Alertmanager's notifier posts: one line of JSON, exact to the byte.
//!
//! Facts: measured with 0.25; source of 0.34 for shortening, content, user name and avatar.

use crate::golang::json::{ShortEscapes, write_string};

/// The colour of a message in which an alert fires.
pub const RED: u32 = 0x99_2d_22;
/// The colour of a message in which all alerts have ended.
pub const GREEN: u32 = 0x2e_cc_71;

const MAX_TITLE: usize = 256;
const MAX_DESCRIPTION: usize = 4096;
const MAX_CONTENT: usize = 2000;

/// What a release of the notifier does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Whether title and description are cut to what Discord takes (0.27).
    pub shortens: bool,
    /// Whether content, user name and avatar exist (0.28).
    pub has_content: bool,
    /// How its Go release writes control characters.
    pub escapes: ShortEscapes,
}

/// The texts of a message, expanded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotifierMessage {
    /// The text above the box.
    pub content: String,
    /// The box's title.
    pub title: String,
    /// The box's text.
    pub description: String,
    /// Whether any alert fires.
    pub firing: bool,
    /// The sender's name, used as written.
    pub username: String,
    /// The sender's picture, used as written.
    pub avatar_url: String,
}

impl NotifierMessage {
    /// The body, with the newline at its end.
    pub fn body(&self, dialect: Dialect) -> String {
        let short = |text: &'_ str, max| if dialect.shortens { shorten(text, max) } else { None };
        let (title, description) = (short(&self.title, MAX_TITLE), short(&self.description, MAX_DESCRIPTION));
        let mut out = String::with_capacity(self.title.len() + self.description.len() + 128);
        let mut pair = |before: &str, text: &str| {
            out.push_str(before);
            write_string(&mut out, text, dialect.escapes);
        };
        if dialect.has_content {
            pair("{\"content\":", shorten(&self.content, MAX_CONTENT).as_deref().unwrap_or(&self.content));
        } else {
            pair("{\"content\":", "");
        }
        pair(",\"embeds\":[{\"title\":", title.as_deref().unwrap_or(&self.title));
        pair(",\"description\":", description.as_deref().unwrap_or(&self.description));
        out.push_str(&format!(",\"color\":{}}}]", if self.firing { RED } else { GREEN }));
        if dialect.has_content {
            for (before, text) in [(",\"username\":", &self.username), (",\"avatar_url\":", &self.avatar_url)] {
                if !text.is_empty() {
                    out.push_str(before);
                    write_string(&mut out, text, dialect.escapes);
                }
            }
        }
        out.push_str("}\n");
        out
    }
}

/// The first code points and an ellipsis, at most `max` together; none when the text is short enough.
fn shorten(text: &str, max: usize) -> Option<String> {
    // A text of few bytes has few code points.
    if text.len() <= max || text.chars().count() <= max {
        return None;
    }
    let end = text.char_indices().nth(max - 1).map_or(text.len(), |(i, _)| i);
    Some(format!("{}…", &text[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Dialect = Dialect { shortens: false, has_content: false, escapes: ShortEscapes::Three };
    const NEW: Dialect = Dialect { shortens: true, has_content: true, escapes: ShortEscapes::Five };

    fn message() -> NotifierMessage {
        NotifierMessage {
            title: "[FIRING:1] A & B ".to_owned(),
            description: "\n\u{8}".to_owned(),
            firing: true,
            username: "lab".to_owned(),
            ..NotifierMessage::default()
        }
    }

    #[test]
    fn the_body_has_the_keys_of_its_release() {
        let old =
            r#"{"content":"","embeds":[{"title":"[FIRING:1] A \u0026 B ","description":"\n\u0008","color":10038562}]}"#;
        assert_eq!(message().body(OLD), format!("{old}\n"));
        let new = r#"{"content":"","embeds":[{"title":"[FIRING:1] A \u0026 B ","description":"\n\b","color":10038562}],"username":"lab"}"#;
        assert_eq!(message().body(NEW), format!("{new}\n"));
    }

    #[test]
    fn texts_are_cut_at_code_points_and_end_in_an_ellipsis() {
        assert_eq!(shorten(&"é".repeat(256), 256), None);
        assert_eq!(shorten(&"é".repeat(257), 256), Some(format!("{}…", "é".repeat(255))));
        let long = NotifierMessage { title: "é".repeat(300), firing: false, ..NotifierMessage::default() };
        assert!(long.body(OLD).contains(&"é".repeat(300)));
        assert!(!long.body(NEW).contains(&"é".repeat(256)));
    }
}
