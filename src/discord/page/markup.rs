//! The part of Discord's Markdown that alert messages meet, as HTML. All text is escaped on the way out.

use super::{escape, push_escaped};
use crate::discord::shown::is_harmful;

/// Marks inside marks beyond which they are shown as written.
const MAX_DEPTH: usize = 8;
/// Characters of a text beyond which the rest is left out; Discord itself takes no more than 6000.
const MAX_TEXT: usize = 10_000;

/// Where a text stands, which decides what of Markdown counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Markup {
    /// The text of a message.
    Message,
    /// The text of a box.
    Embed,
    /// A title: no blocks and no named links.
    Title,
}

impl Markup {
    /// The text as HTML.
    pub(super) fn html(self, text: &str) -> String {
        let chars: Vec<char> = text.chars().filter(|c| !is_harmful(*c)).take(MAX_TEXT).collect();
        let mut out = String::with_capacity(chars.len() * 2);
        if self == Self::Title {
            self.inline(&mut out, &chars, 0);
        } else {
            self.blocks(&mut out, &chars);
        }
        out
    }

    /// Code blocks, then lines.
    fn blocks(self, out: &mut String, mut chars: &[char]) {
        const FENCE: [char; 3] = ['`'; 3];
        while let Some(start) = find(chars, &FENCE, 0) {
            let Some(end) = find(chars, &FENCE, start + 3) else { break };
            self.lines(out, &chars[..start]);
            let code: String = chars[start + 3..end].iter().collect();
            let language = |first: &str| !first.is_empty() && first.chars().all(|c| c.is_ascii_alphanumeric());
            let code =
                code.split_once('\n').filter(|(first, _)| language(first)).map_or(code.as_str(), |(_, rest)| rest);
            out.push_str(&format!("<pre><code>{}</code></pre>", escape(code.trim_matches('\n'))));
            chars = &chars[end + 3..];
            // A block ends its line.
            chars = chars.strip_prefix(&['\n']).unwrap_or(chars);
        }
        self.lines(out, chars);
    }

    /// Headings, quotes and lists; other lines run together so that marks may span them.
    fn lines(self, out: &mut String, chars: &[char]) {
        let mut plain: Vec<char> = Vec::new();
        let mut begins = 0;
        for line in chars.split_inclusive(|c| *c == '\n') {
            if starts_with(line, ">>> ") {
                // All that follows is quoted.
                self.inline(out, &plain, 0);
                out.push_str("<blockquote>");
                self.inline(out, &chars[begins + 4..], 0);
                out.push_str("</blockquote>");
                return;
            }
            begins += line.len();
            let text: String = line.iter().collect();
            let text = text.trim_end_matches('\n');
            let block = [("### ", "h5"), ("## ", "h4"), ("# ", "h3"), ("-# ", "small"), ("> ", "blockquote")]
                .into_iter()
                .find_map(|(mark, tag)| text.strip_prefix(mark).map(|rest| (tag, rest)));
            if let Some((tag, rest)) = block {
                self.inline(out, &plain, 0);
                plain.clear();
                out.push_str(&format!("<{tag}>"));
                self.inline(out, &rest.chars().collect::<Vec<_>>(), 0);
                out.push_str(&format!("</{tag}>"));
            } else if let Some(rest) = text.trim_start().strip_prefix("- ").or(text.trim_start().strip_prefix("* ")) {
                plain.extend("• ".chars().chain(rest.chars()));
                plain.extend(line.ends_with(&['\n']).then_some('\n'));
            } else {
                plain.extend(line);
            }
        }
        self.inline(out, &plain, 0);
    }

    fn inline(self, out: &mut String, chars: &[char], depth: usize) {
        let mut i = 0;
        while i < chars.len() {
            match self.mark(out, chars, i, depth) {
                Some(next) => i = next,
                None => {
                    push_escaped(out, chars[i]);
                    i += 1;
                }
            }
        }
    }

    /// Writes the mark that begins at `i` and gives the place behind it; none when there is no mark.
    fn mark(self, out: &mut String, chars: &[char], i: usize, depth: usize) -> Option<usize> {
        match chars[i] {
            '\\' => {
                let next = *chars.get(i + 1).filter(|c| c.is_ascii_punctuation())?;
                push_escaped(out, next);
                Some(i + 2)
            }
            '`' => {
                let end = find(chars, &['`'], i + 1).filter(|end| *end > i + 1)?;
                let code: String = chars[i + 1..end].iter().collect();
                out.push_str(&format!("<code>{}</code>", escape(&code)));
                Some(end + 1)
            }
            '<' => mention(out, chars, i),
            '@' => {
                let word = ["@everyone", "@here"].into_iter().find(|w| starts_with(&chars[i..], w))?;
                out.push_str(&format!("<span class=\"mention\">{word}</span>"));
                Some(i + word.len())
            }
            'h' => auto_link(out, chars, i),
            '[' if self != Self::Title => named_link(out, chars, i),
            _ if depth < MAX_DEPTH => self.emphasis(out, chars, i, depth),
            _ => None,
        }
    }

    fn emphasis(self, out: &mut String, chars: &[char], i: usize, depth: usize) -> Option<usize> {
        let marks = [
            ("**", "<b>", "</b>"),
            ("__", "<u>", "</u>"),
            ("~~", "<s>", "</s>"),
            ("||", "<span class=\"spoiler\">", "</span>"),
            ("*", "<i>", "</i>"),
            ("_", "<i>", "</i>"),
        ];
        let (mark, open, close) = marks.into_iter().find(|(mark, ..)| starts_with(&chars[i..], mark))?;
        let start = i + mark.len();
        let wanted: Vec<char> = mark.chars().collect();
        let mut end = find(chars, &wanted, start).filter(|end| *end > start)?;
        // Of three marks in a row the first belongs to what is inside: ***x***.
        while mark.len() == 2 && chars.get(end + 2) == Some(&wanted[0]) {
            end += 1;
        }
        let behind = end + mark.len();
        let blank_inside = chars[start].is_whitespace() || chars[end - 1].is_whitespace();
        // Underscores inside words are part of names such as node_cpu_seconds_total.
        let in_word = |at: Option<&char>| at.is_some_and(|c| c.is_alphanumeric());
        let before = i.checked_sub(1).and_then(|b| chars.get(b));
        if (mark.len() == 1 && blank_inside) || (mark == "_" && (in_word(before) || in_word(chars.get(behind)))) {
            return None;
        }
        out.push_str(open);
        self.inline(out, &chars[start..end], depth + 1);
        out.push_str(close);
        Some(behind)
    }
}

fn find(chars: &[char], wanted: &[char], from: usize) -> Option<usize> {
    let rest = chars.get(from..)?;
    rest.windows(wanted.len()).position(|w| w == wanted).map(|at| from + at)
}

fn starts_with(chars: &[char], word: &str) -> bool {
    let mut chars = chars.iter();
    word.chars().all(|c| chars.next() == Some(&c))
}

/// `<@1>`, `<#1>`, `<@&1>`, `<t:1>`, `<:name:1>`, `</name:1>` and addresses in angle brackets.
fn mention(out: &mut String, chars: &[char], i: usize) -> Option<usize> {
    let end = chars[i..].iter().take(2_048).position(|c| matches!(c, '>' | '\n')).map(|at| i + at)?;
    if chars[end] != '>' {
        return None;
    }
    let inner: String = chars[i + 1..end].iter().collect();
    if inner.starts_with("http://") || inner.starts_with("https://") {
        link(out, &inner, &inner);
        return Some(end + 1);
    }
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let shown = if let Some(id) = inner.strip_prefix("@&").filter(|id| digits(id)) {
        format!("@role-{id}")
    } else if let Some(id) = inner.strip_prefix("@!").or(inner.strip_prefix('@')).filter(|id| digits(id)) {
        format!("@user-{id}")
    } else if let Some(id) = inner.strip_prefix('#').filter(|id| digits(id)) {
        format!("#channel-{id}")
    } else if let Some(time) = inner.strip_prefix("t:") {
        let time = time.split_once(':').map_or(time, |(seconds, _)| seconds);
        moment(time.parse().ok()?)?
    } else if let Some((name, id)) = inner.strip_prefix('/').and_then(|rest| rest.split_once(':')) {
        if !digits(id) || !word(name) {
            return None;
        }
        format!("/{name}")
    } else {
        let emoji = inner.strip_prefix("a:").or(inner.strip_prefix(':'))?;
        let (name, id) = emoji.split_once(':')?;
        if !digits(id) || !word(name) {
            return None;
        }
        out.push_str(&format!(":{name}:"));
        return Some(end + 1);
    };
    out.push_str(&format!("<span class=\"mention\">{shown}</span>"));
    Some(end + 1)
}

/// A name without blanks or marks.
fn word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
}

/// A moment of Unix time, as Discord writes it for those who live by UTC.
fn moment(seconds: i64) -> Option<String> {
    let time = jiff::Timestamp::from_second(seconds).ok()?;
    Some(time.strftime("%-d %B %Y %H:%M").to_string())
}

/// An address that begins with http:// or https://.
fn auto_link(out: &mut String, chars: &[char], i: usize) -> Option<usize> {
    if !["http://", "https://"].into_iter().any(|s| starts_with(&chars[i..], s)) {
        return None;
    }
    let in_url = |c: &&char| !c.is_whitespace() && !matches!(c, '<' | '>' | '"' | '`');
    let mut length = chars[i..].iter().take_while(in_url).count();
    while length > 0 && matches!(chars[i + length - 1], '.' | ',' | ')' | ']' | ';' | ':' | '\'' | '*' | '_') {
        length -= 1;
    }
    let url: String = chars[i..i + length].iter().collect();
    link(out, &url, &url);
    Some(i + length)
}

/// `[text](address)`
fn named_link(out: &mut String, chars: &[char], i: usize) -> Option<usize> {
    let middle = find(chars, &[']', '('], i + 1)?;
    let end = find(chars, &[')'], middle + 2)?;
    let url: String = chars[middle + 2..end].iter().collect();
    let url = url.strip_prefix('<').and_then(|u| u.strip_suffix('>')).unwrap_or(&url).to_owned();
    if !(url.starts_with("http://") || url.starts_with("https://")) || url.contains(char::is_whitespace) {
        return None;
    }
    let text: String = chars[i + 1..middle].iter().collect();
    link(out, &url, &text);
    Some(end + 1)
}

fn link(out: &mut String, url: &str, text: &str) {
    out.push_str(&super::linked(url, &escape(text)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_become_elements() {
        for (text, wanted) in [
            ("**bold** _it_ ~~s~~", "<b>bold</b> <i>it</i> <s>s</s>"),
            ("__u__ ||x|| `a*b`", "<u>u</u> <span class=\"spoiler\">x</span> <code>a*b</code>"),
            ("node_cpu_seconds_total * 2 * 3", "node_cpu_seconds_total * 2 * 3"),
            (r"\*not\*", "*not*"),
            ("***both***", "<b><i>both</i></b>"),
            ("<:up:12> <t:1700000000:R>", ":up: <span class=\"mention\">14 November 2023 22:13</span>"),
            (
                "<@1> <#2> @here <b>",
                "<span class=\"mention\">@user-1</span> <span class=\"mention\">#channel-2</span> <span class=\"mention\">@here</span> &lt;b&gt;",
            ),
        ] {
            assert_eq!(Markup::Message.html(text), wanted);
        }
    }

    #[test]
    fn blocks_belong_to_texts_and_not_to_titles() {
        assert_eq!(Markup::Embed.html("# H\n> q\n - a\n"), "<h3>H</h3><blockquote>q</blockquote>• a\n");
        assert_eq!(Markup::Message.html("a```sh\nx < y\n```b"), "a<pre><code>x &lt; y</code></pre>b");
        assert_eq!(Markup::Title.html("# H"), "# H");
        assert_eq!(Markup::Message.html("a\n>>> b\n# c"), "a\n<blockquote>b\n# c</blockquote>");
    }

    #[test]
    fn only_web_addresses_are_links() {
        let link = "<a href=\"http://e/?a=1&amp;b=2\" rel=\"noopener noreferrer nofollow\" target=\"_blank\">t</a>";
        assert_eq!(Markup::Embed.html("[t](http://e/?a=1&b=2)"), link);
        assert_eq!(Markup::Embed.html("[t](javascript:x)"), "[t](javascript:x)");
        assert_eq!(Markup::Message.html("[t](<http://e/?a=1&b=2>)"), link);
        assert!(Markup::Title.html("[t](http://e)").starts_with("[t]("));
        assert!(Markup::Message.html("<http://e/>").starts_with("<a href=\"http://e/\""));
    }

    #[test]
    fn deep_and_long_texts_end() {
        assert!(Markup::Embed.html(&"**_".repeat(4_000)).len() < 200_000);
        assert!(Markup::Embed.html(&"[](".repeat(4_000)).len() < 200_000);
    }

    proptest::proptest! {
        #[test]
        fn no_text_becomes_an_element_of_its_own(text in "[<>&\"'`*_~|\\[\\]()#@ \n a-z/:\\\\-]{0,80}") {
            for markup in [Markup::Message, Markup::Embed, Markup::Title] {
                let mut html = markup.html(&text);
                for known in ["b", "u", "s", "i", "code", "pre", "blockquote", "h3", "h4", "h5", "small", "span", "a"] {
                    html = html.replace(&format!("<{known}>"), "").replace(&format!("</{known}>"), "");
                }
                let rest = html.replace("<span class=\"spoiler\">", "").replace("<span class=\"mention\">", "");
                let rest = rest.split("<a href=\"http").collect::<Vec<_>>().concat();
                assert!(!rest.contains('<'), "{text:?} gave {rest}");
            }
        }
    }
}
