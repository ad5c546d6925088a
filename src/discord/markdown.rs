//! A message as Markdown for a report: nothing in it is live, and nothing in it can leave its place.

use super::shown::{ShownMessage, is_harmful};

/// The whole message in a code block.
pub fn block(message: &ShownMessage) -> String {
    let mut text = String::new();
    let mut line = |part: &str| {
        if !part.is_empty() {
            text.push_str(part);
            text.push('\n');
        }
    };
    let state = match message.firing() {
        Some(true) => " (red)",
        Some(false) => " (green)",
        None => "",
    };
    line(&format!("{} {}{state}", message.clock(), message.sender));
    line(&message.content);
    for embed in &message.embeds {
        for part in [embed.author.as_ref().map(|a| &a.name), embed.title.as_ref(), embed.description.as_ref()] {
            line(part.map_or("", String::as_str));
        }
        for field in &embed.fields {
            line(&format!("{}: {}", field.name, field.value));
        }
        line(embed.footer.as_ref().map_or("", |f| f.text.as_str()));
    }
    code_block(&text)
}

/// The message's headline as a code span that may stand in a table.
pub fn table_cell(message: &ShownMessage) -> String {
    code_span(message.headline())
}

/// A fenced block whose fence is longer than any run of backticks in the text.
pub fn code_block(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !is_harmful(*c)).collect();
    let fence = "`".repeat(longest_run(&clean).max(2) + 1);
    format!("{fence}text\n{}\n{fence}\n", clean.trim_end_matches('\n'))
}

/// A code span on one line; pipes are escaped, since tables look at them first.
pub fn code_span(text: &str) -> String {
    let clean: String =
        text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !is_harmful(*c)).collect();
    if clean.trim().is_empty() {
        return String::new();
    }
    let marks = "`".repeat(longest_run(&clean) + 1);
    // A blank on both sides is taken away again when the text is shown.
    format!("{marks} {} {marks}", clean.replace('|', "\\|"))
}

/// The text on one line, without characters that do more than stand there.
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !is_harmful(*c)).collect()
}

fn longest_run(text: &str) -> usize {
    let (mut longest, mut run) = (0, 0);
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Time;

    fn html(markdown: &str) -> String {
        let mut out = String::new();
        let options = pulldown_cmark::Options::ENABLE_TABLES;
        pulldown_cmark::html::push_html(&mut out, pulldown_cmark::Parser::new_ext(markdown, options));
        out
    }

    #[test]
    fn a_text_cannot_end_its_block() {
        let shown = ShownMessage {
            content: "```\n````\n<script>alert(1)</script>\u{1b}[31m".to_owned(),
            at: Time(0),
            sender: "lab".to_owned(),
            ..ShownMessage::default()
        };
        let html = html(&block(&shown));
        assert_eq!(html.matches("<pre>").count(), 1);
        assert!(html.contains("&lt;script&gt;") && !html.contains('\u{1b}'));
        assert!(html.trim_end().ends_with("</pre>"), "{html}");
    }

    #[test]
    fn a_headline_stays_in_its_cell() {
        let shown = ShownMessage { content: "a|b `c` [x](http://e)\nrest".to_owned(), ..ShownMessage::default() };
        let html = html(&format!("| m | n |\n| --- | --- |\n| {} | 1 |\n", table_cell(&shown)));
        assert!(html.contains("<td><code>a|b `c` [x](http://e)</code></td><td>1</td>"), "{html}");
    }
}
