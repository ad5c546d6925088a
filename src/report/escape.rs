//! Student text made harmless for Markdown, tables, code and XML.
//!
//! Rules of the contract: control bytes are removed, `<` and `&` are escaped outside code, a student's text can't end a
//! code block, links are shown as text, `|` is escaped in tables.

/// Removes control characters (line ends and tabs stay) and invisible direction marks.
pub fn without_controls(text: &str) -> String {
    text.chars()
        .filter(|c| {
            !((c.is_control() && *c != '\n' && *c != '\t')
                || matches!(*c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'))
        })
        .collect()
}

/// Running text: nothing in it is read as Markdown, HTML or a link.
pub fn inline(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in without_controls(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\n' | '\t' => out.push(' '),
            '\\' | '`' | '*' | '[' | ']' | '!' | '#' | '~' | '|' => {
                out.push('\\');
                out.push(c);
            }
            '_' => out.push_str("\\_"),
            c => out.push(c),
        }
    }
    // A bare address would become a link by itself.
    out.replace("://", ":\u{2060}//").replace("www.", "www\u{2060}.").replace('@', "\u{2060}@\u{2060}")
}

/// Our own sentences with student text inside them: code spans stay code, the rest is made harmless.
pub fn sentence(text: &str) -> String {
    let clean = without_controls(text).replace('\n', " ");
    let parts: Vec<&str> = clean.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return inline(&clean);
    }
    parts
        .iter()
        .enumerate()
        .map(|(i, part)| if i % 2 == 1 { format!("`{}`", part.trim()) } else { inline(part) })
        .collect()
}

/// A code span that the text cannot leave.
pub fn code(text: &str) -> String {
    let clean = without_controls(text).replace(['\n', '\t'], " ");
    let longest = longest_run(&clean, '`');
    let fence = "`".repeat(longest + 1);
    if longest == 0 { format!("`{}`", clean.trim()) } else { format!("{fence} {} {fence}", clean.trim()) }
}

/// A cell of a table.
pub fn cell(text: &str) -> String {
    // Inside a table even a code span ends at a bar.
    sentence(text).replace("\\|", "|").replace('|', "\\|")
}

/// A fenced code block that the text cannot end.
pub fn block(language: &str, text: &str) -> String {
    let clean = without_controls(text);
    let fence = "`".repeat(longest_run(&clean, '`').max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", clean.trim_end_matches('\n'))
}

/// Text and attribute values of XML 1.0; characters it does not allow are removed.
pub fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in without_controls(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => {}
            c => out.push(c),
        }
    }
    out
}

fn longest_run(text: &str, wanted: char) -> usize {
    let (mut longest, mut run) = (0, 0);
    for c in text.chars() {
        run = if c == wanted { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_and_links_of_a_student_are_dead() {
        let out = inline("<script>alert(1)</script> [x](http://evil) \u{1b}[31m https://evil @user");
        assert!(!out.contains('<') && !out.contains('\u{1b}'), "{out}");
        assert!(out.contains("\\[x\\](") && !out.contains("://"), "{out}");
    }

    #[test]
    fn a_code_block_cannot_be_ended_from_inside() {
        let out = block("yaml", "a\n```\n<b>\n````\n");
        assert!(out.starts_with("`````yaml\n") && out.ends_with("\n`````\n"), "{out}");
    }

    #[test]
    fn a_bar_in_a_cell_is_escaped_also_inside_code() {
        assert_eq!(cell("a | `b|c`"), "a \\| `b\\|c`");
    }

    #[test]
    fn an_unclosed_code_span_is_no_code_span() {
        assert_eq!(sentence("a ` <b>"), "a \\` &lt;b&gt;");
    }
}
