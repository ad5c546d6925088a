//! An HTML page that shows messages as Discord does, and what keeps it up to date.
//!
//! Everything a sender wrote is escaped here; beside that the page's policy lets no script run but its own, and nothing
//! be loaded from elsewhere.

mod markup;

use std::fmt::Write as _;

use super::api::Embed;
use super::shown::{ShownMessage, is_harmful};
use markup::Markup;

/// How the page looks, served as `style.css`.
pub const STYLE: &str = include_str!("style.css");
/// What puts new messages in place, served as `live.js`.
pub const SCRIPT: &str = include_str!("live.js");
/// The page's `Content-Security-Policy`. Colours of boxes are attributes.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; \
                          connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A link to another channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelLink {
    /// Where it leads.
    pub href: String,
    /// What it is called.
    pub name: String,
    /// Whether it is the one that is shown.
    pub here: bool,
}

/// A channel to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelPage {
    /// Its name.
    pub title: String,
    /// A line about it.
    pub topic: String,
    /// All channels; none when there is only one.
    pub channels: Vec<ChannelLink>,
    /// Where news come from, relative to the page.
    pub events: String,
}

impl ChannelPage {
    /// The page with its messages, oldest first, each an [`article`].
    pub fn html(&self, articles: &str) -> String {
        let title = escape(&self.title);
        let mut out = String::with_capacity(articles.len() + 2048);
        out.push_str("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        out.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        out.push_str("<meta name=\"color-scheme\" content=\"dark light\">\n");
        let _ = writeln!(out, "<title>#{title}</title>\n<link rel=\"stylesheet\" href=\"style.css\">");
        let _ = writeln!(out, "<script src=\"live.js\" defer></script>\n</head>\n<body>");
        let topic = escape(&self.topic);
        let _ = writeln!(
            out,
            "<header class=\"channel\"><h1><span>#</span> {title}</h1><p>{topic}</p><output id=\"state\"></output></header>"
        );
        if !self.channels.is_empty() {
            out.push_str("<nav>");
            for link in &self.channels {
                let here = if link.here { " aria-current=\"page\"" } else { "" };
                let _ = write!(out, "<a href=\"{}\"{here}># {}</a>", escape(&link.href), escape(&link.name));
            }
            out.push_str("</nav>\n");
        }
        let _ = writeln!(out, "<main data-events=\"{}\" aria-live=\"polite\">{articles}</main>", escape(&self.events));
        out.push_str("<p class=\"none\">no messages yet</p>\n</body>\n</html>\n");
        out
    }
}

/// One message as it stands on the page, under the id `m` and its number.
pub fn article(id: u64, message: &ShownMessage) -> String {
    let mut out = String::with_capacity(1024);
    push_message(&mut out, id, message);
    out
}

fn push_message(out: &mut String, id: u64, message: &ShownMessage) {
    let class = if message.deleted { "message deleted" } else { "message" };
    let initial = message.sender.chars().find(|c| c.is_alphanumeric()).map(|c| c.to_string()).unwrap_or_default();
    out.push_str(&format!(
        "<article id=\"m{id}\" class=\"{class}\">\n<span class=\"avatar\" aria-hidden=\"true\">{}</span>\n<header><b>{}</b> <span class=\"app\">APP</span> <time title=\"UTC\">{}</time></header>\n",
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
    if message.edited && !message.deleted {
        out.push_str("<small>(edited)</small>\n");
    }
    if message.deleted {
        out.push_str("<small>(deleted)</small>\n");
    }
    out.push_str("</article>\n");
}

fn push_embed(out: &mut String, embed: &Embed) {
    let color =
        embed.color.map_or_else(String::new, |c| format!(" style=\"border-left-color:#{:06x}\"", c & 0xff_ffff));
    out.push_str(&format!("<section class=\"embed\"{color}>\n"));
    if let Some(author) = &embed.author {
        out.push_str(&format!("<p class=\"author\">{}</p>\n", escape(&author.name)));
    }
    if let Some(title) = &embed.title {
        let html = Markup::Title.html(title);
        let html = embed.url.as_deref().map_or_else(|| html.clone(), |url| linked(url, &html));
        out.push_str(&format!("<h2>{html}</h2>\n"));
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
    // Pictures are not loaded: that would tell others who looks.
    for picture in [&embed.image, &embed.thumbnail].into_iter().flatten() {
        out.push_str(&format!("<p class=\"picture\">{}</p>\n", linked(&picture.url, &escape(&picture.url))));
    }
    let foot = [embed.footer.as_ref().map(|f| f.text.as_str()), embed.timestamp.as_deref()];
    let foot: Vec<String> = foot.into_iter().flatten().map(escape).collect();
    if !foot.is_empty() {
        out.push_str(&format!("<footer>{}</footer>\n", foot.join(" • ")));
    }
    out.push_str("</section>\n");
}

/// HTML as a link, when the address is one of the web.
fn linked(url: &str, html: &str) -> String {
    if !(url.starts_with("https://") || url.starts_with("http://")) {
        return html.to_owned();
    }
    format!("<a href=\"{}\" rel=\"noopener noreferrer nofollow\" target=\"_blank\">{html}</a>", escape(url))
}

/// Text that is nothing but text, in an element or an attribute.
pub fn escape(text: &str) -> String {
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
        let page = ChannelPage { title: nasty.to_owned(), events: nasty.to_owned(), ..ChannelPage::default() };
        let html = page.html(&article(7, &message));
        assert_eq!((html.matches("<script").count(), html.matches("</title>").count()), (1, 1));
        assert!(!html.contains("x</script") && !html.contains('\u{202e}'));
        assert!(html.contains("border-left-color:#ffffff\"") && html.contains("<article id=\"m7\""));
    }

    #[test]
    fn only_web_addresses_become_links() {
        let embed = |url: &str| Embed { title: Some("t".to_owned()), url: Some(url.to_owned()), ..Embed::default() };
        let html = |url| article(1, &ShownMessage { embeds: vec![embed(url)], ..ShownMessage::default() });
        assert!(html("https://e/\"><b>").contains("<h2><a href=\"https://e/&quot;&gt;&lt;b&gt;\""));
        assert!(html("javascript:x").contains("<h2>t</h2>"));
    }
}
