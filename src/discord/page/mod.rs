//! An HTML page that shows messages as Discord does. It stands alone: no script, no font, no picture from elsewhere.

mod markup;

use super::api::Embed;
use super::shown::{ShownMessage, is_harmful};
use markup::Markup;

const STYLE: &str = include_str!("style.css");

/// The page. With `refresh_seconds` the browser loads it again by itself.
pub fn page(title: &str, messages: &[ShownMessage], refresh_seconds: Option<u32>) -> String {
    let mut out = String::with_capacity(1024 * (messages.len() + 4));
    out.push_str("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    out.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    out.push_str(concat!(
        "<meta http-equiv=\"Content-Security-Policy\" ",
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
    ));
    if let Some(seconds) = refresh_seconds {
        out.push_str(&format!("<meta http-equiv=\"refresh\" content=\"{seconds}\">\n"));
    }
    let title = escape(title);
    out.push_str(&format!(
        "<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1># {title}</h1>\n<main>\n"
    ));
    if messages.is_empty() {
        out.push_str("<p class=\"none\">no messages yet</p>\n");
    }
    for message in messages {
        push_message(&mut out, message);
    }
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn push_message(out: &mut String, message: &ShownMessage) {
    let class = if message.deleted { "message deleted" } else { "message" };
    let initial = message.sender.chars().find(|c| c.is_alphanumeric()).map(|c| c.to_string()).unwrap_or_default();
    out.push_str(&format!(
        "<article class=\"{class}\">\n<span class=\"avatar\">{}</span>\n<header><b>{}</b> <span class=\"app\">APP</span> <time>{}</time></header>\n",
        escape(&initial),
        escape(&message.sender),
        message.clock(),
    ));
    if !message.content.is_empty() {
        out.push_str(&format!("<div class=\"content\">{}</div>\n", Markup::Message.html(&message.content)));
    }
    for embed in &message.embeds {
        push_embed(out, embed);
    }
    if message.edited {
        out.push_str("<small>(edited)</small>\n");
    }
    out.push_str("</article>\n");
}

fn push_embed(out: &mut String, embed: &Embed) {
    let color = embed.color.map_or_else(|| "#1e1f22".to_owned(), |c| format!("#{:06x}", c & 0xff_ffff));
    out.push_str(&format!("<section class=\"embed\" style=\"border-color:{color}\">\n"));
    if let Some(author) = &embed.author {
        out.push_str(&format!("<p class=\"author\">{}</p>\n", escape(&author.name)));
    }
    if let Some(title) = &embed.title {
        out.push_str(&format!("<h2>{}</h2>\n", Markup::Title.html(title)));
    }
    if let Some(description) = &embed.description {
        out.push_str(&format!("<div class=\"description\">{}</div>\n", Markup::Embed.html(description)));
    }
    if !embed.fields.is_empty() {
        out.push_str("<dl>\n");
        for field in &embed.fields {
            let class = if field.inline { " class=\"inline\"" } else { "" };
            let (name, value) = (Markup::Title.html(&field.name), Markup::Embed.html(&field.value));
            out.push_str(&format!("<div{class}><dt>{name}</dt><dd>{value}</dd></div>\n"));
        }
        out.push_str("</dl>\n");
    }
    if let Some(footer) = &embed.footer {
        out.push_str(&format!("<footer>{}</footer>\n", escape(&footer.text)));
    }
    out.push_str("</section>\n");
}

/// Text that is nothing but text, in an element or an attribute.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !is_harmful(*c)) {
        push_escaped(&mut out, c);
    }
    out
}

fn push_escaped(out: &mut String, c: char) {
    match c {
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '&' => out.push_str("&amp;"),
        '"' => out.push_str("&quot;"),
        '\'' => out.push_str("&#39;"),
        c => out.push(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Time;

    #[test]
    fn nothing_of_a_message_is_live() {
        let nasty = "</title><script>x</script>\"'&\u{202e}";
        let embed = Embed {
            title: Some(nasty.to_owned()),
            description: Some(nasty.to_owned()),
            color: Some(-1),
            ..Embed::default()
        };
        let message = ShownMessage {
            at: Time(0),
            sender: nasty.to_owned(),
            content: nasty.to_owned(),
            embeds: vec![embed],
            ..ShownMessage::default()
        };
        let html = page(nasty, &[message], Some(5));
        assert!(!html.contains("<script") && !html.contains('\u{202e}'));
        assert_eq!(html.matches("</title>").count(), 1);
        assert!(html.contains("border-color:#ffffff"));
    }

    #[test]
    fn an_empty_page_says_so() {
        assert!(page("alerts", &[], None).contains("no messages yet"));
    }
}
