//! What Go's scanner makes of tabs.
//!
//! In flow collections, in the folded lines of a quoted text and far enough inside a plain text a tab is a blank. Where
//! a line or an item may begin it is refused, even before a comment and on a line that is empty otherwise. The parser
//! that labkit uses is stricter in the one and laxer in the other. Facts from probing promtool 2.42.

use std::ops::Range;

use super::decoder::GoYaml;

/// A tab that Go's scanner refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// The tab, in bytes.
    pub at: usize,
    /// Where the scalar begins that it stands in, if any: its line is the one that is told.
    pub inside: Option<usize>,
    /// Go's words.
    pub words: &'static str,
}

const AT_A_TOKEN: &str = "found character that cannot start any token";
const IN_A_PLAIN: &str = "found a tab character that violates indentation";
const IN_A_BLOCK: &str = "found a tab character where an indentation space is expected";

/// What was found in a text.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The tabs that are blanks.
    pub blanks: Vec<usize>,
    /// The first tab that is refused.
    pub refused: Option<Refused>,
    /// Texts in quotes that go over several lines outside of flow collections: from quote to quote.
    pub quoted: Vec<Range<usize>>,
}

/// Goes through a text as the scanner of a go-yaml does.
pub(super) fn scan(text: &str, go: GoYaml) -> Found {
    let mut scanner = Scanner {
        text: text.as_bytes(),
        go,
        found: Found::default(),
        state: State::Tokens,
        flow: 0,
        flow_indent: 0,
        seen: false,
        after_comment: false,
    };
    let mut start = 0;
    while start < text.len() {
        let end = text[start..].find('\n').map_or(text.len(), |i| start + i);
        match scanner.line(start, end) {
            Ok(true) => {}
            Ok(false) => break,
            Err(refused) => {
                scanner.found.refused = Some(refused);
                break;
            }
        }
        start = end + 1;
    }
    scanner.found
}

/// What a line begins in.
#[derive(Clone, Copy)]
enum State {
    /// Anything may begin.
    Tokens,
    /// A plain scalar that may go on in columns from `indent`.
    Plain {
        start: usize,
        indent: usize,
    },
    Quoted {
        start: usize,
    },
    /// A block scalar inside something at column `parent`; `indent` is known once a line with text was seen.
    Block {
        start: usize,
        parent: Option<usize>,
        indent: Option<usize>,
    },
}

struct Scanner<'t> {
    text: &'t [u8],
    go: GoYaml,
    found: Found,
    state: State,
    flow: usize,
    /// From which column on a tab in a plain text of the outermost flow collection is a blank.
    flow_indent: usize,
    /// Whether anything but comments was seen.
    seen: bool,
    /// Whether the last lines with text were comments alone.
    after_comment: bool,
}

impl Scanner<'_> {
    fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(b'\n')
    }

    fn is_space(&self, at: usize) -> bool {
        matches!(self.byte(at), b' ' | b'\t' | b'\n' | b'\r')
    }

    /// Reads a line; false when the document ends with it.
    fn line(&mut self, start: usize, end: usize) -> Result<bool, Refused> {
        if let State::Block { start: header, parent, indent } = self.state {
            if self.block_line(start, end, header, parent, indent)? {
                return Ok(true);
            }
            self.state = State::Tokens;
        }
        if let State::Quoted { start: opened } = self.state {
            let text = (start..end).find(|i| !self.is_space(*i)).unwrap_or(end);
            self.found.blanks.extend((start..text).filter(|i| self.text[*i] == b'\t'));
            if let Some(after) = self.closing(self.text[opened], text, end) {
                if self.flow == 0 {
                    self.found.quoted.push(opened..after);
                }
                self.state = State::Tokens;
                self.tokens(start, after, end, false)?;
            }
            return Ok(true);
        }
        let marker = self.text[start..end].starts_with(b"---") || self.text[start..end].starts_with(b"...");
        if marker && self.is_space(start + 3) {
            if self.seen || self.text[start] == b'.' {
                return Ok(false);
            }
            self.tokens(start, start + 3, end, false)?;
            return Ok(true);
        }
        if self.text[start] == b'%' && !self.seen {
            return Ok(true);
        }
        let first = (start..end).find(|i| !self.is_space(*i));
        let is_comment = first.is_some_and(|i| self.text[i] == b'#');
        // v3 reads comments on lines of their own in one go, however they are indented.
        if !(is_comment && self.after_comment && self.go == GoYaml::V3) {
            self.tokens(start, start, end, true)?;
        }
        self.after_comment = is_comment || (first.is_none() && self.after_comment);
        Ok(true)
    }

    /// A line of a block scalar; false when the scalar is over.
    fn block_line(
        &mut self,
        start: usize,
        end: usize,
        header: usize,
        parent: Option<usize>,
        indent: Option<usize>,
    ) -> Result<bool, Refused> {
        let column = (start..end).take_while(|i| self.text[*i] == b' ').count();
        let within = indent.is_none_or(|i| column < i);
        match self.byte(start + column) {
            b'\t' if within => Err(Refused { at: start + column, inside: Some(header), words: IN_A_BLOCK }),
            b'\n' | b'\r' => Ok(true),
            _ if parent.is_some_and(|p| column <= p) || (indent.is_some() && within) => Ok(false),
            _ => {
                self.state = State::Block { start: header, parent, indent: indent.or(Some(column)) };
                Ok(true)
            }
        }
    }

    /// Behind the quote that closes a text, if it is on this line.
    fn closing(&self, quote: u8, from: usize, end: usize) -> Option<usize> {
        let mut at = from;
        while at < end {
            match self.text[at] {
                b'\\' if quote == b'"' => at += 2,
                b'\'' if quote == b'\'' && self.byte(at + 1) == b'\'' => at += 2,
                b if b == quote => return Some(at + 1),
                _ => at += 1,
            }
        }
        None
    }

    /// Reads tokens from `at` to the line's end. `fresh` says whether a token may begin in a new column.
    fn tokens(&mut self, line: usize, mut at: usize, end: usize, mut fresh: bool) -> Result<(), Refused> {
        // The column of the innermost collection that begins on this line.
        let mut own: Option<usize> = None;
        while at < end {
            let b = self.text[at];
            if matches!(b, b' ' | b'\r') {
                at += 1;
                continue;
            }
            if b == b'\t' {
                self.tab(line, at, fresh)?;
                at += 1;
                continue;
            }
            if b == b'#' && (at == line || self.is_space(at - 1)) {
                self.state = State::Tokens;
                return Ok(());
            }
            self.seen = true;
            if let State::Plain { start, indent } = self.state {
                if at - line >= indent || self.flow > 0 {
                    at = self.plain(start, indent, at, end);
                    fresh = false;
                    continue;
                }
                self.state = State::Tokens;
            }
            let column = at - line;
            match b {
                b'-' | b'?' if self.flow == 0 && fresh && self.is_space(at + 1) => {
                    own = Some(column);
                    at += 1;
                    continue;
                }
                b':' if self.is_space(at + 1) || self.flow > 0 => at += 1,
                b'[' | b'{' => {
                    if self.flow == 0 {
                        self.flow_indent = own.map_or(0, |c| c + 1);
                    }
                    self.flow += 1;
                    at += 1;
                }
                b']' | b'}' => {
                    self.flow = self.flow.saturating_sub(1);
                    at += 1;
                }
                b',' if self.flow > 0 => at += 1,
                b'"' | b'\'' => {
                    if fresh {
                        own = Some(column);
                    }
                    match self.closing(b, at + 1, end) {
                        Some(after) => at = after,
                        None => {
                            self.state = State::Quoted { start: at };
                            return Ok(());
                        }
                    }
                }
                b'&' | b'*' | b'!' => at += (at..end).take_while(|i| !self.is_space(*i)).count(),
                b'|' | b'>' if self.flow == 0 => {
                    self.state = State::Block { start: at, parent: own, indent: None };
                    return Ok(());
                }
                _ => {
                    let is_key = fresh && self.flow == 0;
                    // Where a plain text stands alone, what holds it lies at least one column to the left.
                    let indent = if self.flow > 0 { self.flow_indent } else { own.map_or(column, |c| c + 1) };
                    at = self.plain(at, indent, at, end);
                    if is_key && matches!(self.state, State::Tokens) {
                        own = Some(column);
                    }
                }
            }
            fresh = false;
        }
        Ok(())
    }

    /// A tab between tokens.
    fn tab(&mut self, line: usize, at: usize, fresh: bool) -> Result<(), Refused> {
        match self.state {
            State::Plain { start, indent } => {
                if at - line < indent {
                    return Err(Refused { at, inside: Some(start), words: IN_A_PLAIN });
                }
                self.found.blanks.push(at);
            }
            _ if self.flow > 0 => self.found.blanks.push(at),
            _ if fresh => return Err(Refused { at, inside: None, words: AT_A_TOKEN }),
            _ => {}
        }
        Ok(())
    }

    /// Reads a plain scalar that begins or goes on at `at`; where it ends on this line.
    fn plain(&mut self, start: usize, indent: usize, at: usize, end: usize) -> usize {
        let ends = |i: usize| match self.text[i] {
            b':' => {
                self.is_space(i + 1) || (self.flow > 0 && matches!(self.byte(i + 1), b',' | b'[' | b']' | b'{' | b'}'))
            }
            b'#' => i > at && self.is_space(i - 1),
            b',' | b'[' | b']' | b'{' | b'}' => self.flow > 0,
            _ => false,
        };
        match (at..end).find(|i| ends(*i)) {
            Some(i) => {
                self.state = State::Tokens;
                // A token that is none of a plain text's must not be read as its beginning again.
                i.max(at + usize::from(i == at))
            }
            None => {
                self.state = State::Plain { start, indent };
                end
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Option<(usize, &'static str)> {
        let found = scan(text, GoYaml::V3).refused?;
        let line = |at: usize| text[..at].matches('\n').count() + 1;
        Some((found.inside.map(line).filter(|l| *l > 1).unwrap_or_else(|| line(found.at)), found.words))
    }

    #[test]
    fn tabs_where_something_may_begin_are_refused() {
        for (text, line) in [
            ("\tgroups: []", 1),
            ("---\n\tgroups: []", 2),
            ("# c\n\tgroups: []", 2),
            ("groups:\n-\tname: a", 2),
            ("groups:\n-\t\n  name: a", 2),
            ("groups: []\n\t\n", 2),
            ("groups: []\n\t# x", 2),
            ("groups:\n- name: \"a\"\n  \t# c\n- name: b", 3),
            ("groups:\n- name: a # c\n\t\n- name: b", 3),
            ("groups:\n- name:\n   \ta", 3),
            ("\r\n\tgroups: []", 2),
        ] {
            assert_eq!(refused(text), Some((line, AT_A_TOKEN)), "{text:?}");
        }
    }

    #[test]
    fn tabs_in_texts_are_refused_left_of_their_column() {
        assert_eq!(refused("groups:\n- name: a\n\t\n- name: b"), Some((2, IN_A_PLAIN)));
        assert_eq!(refused("groups:\n- name: a\n  \t# c\n- name: b"), Some((2, IN_A_PLAIN)));
        assert_eq!(refused("groups:\n- name: |\n    x\n\t\n- name: b"), Some((2, IN_A_BLOCK)));
        assert_eq!(refused("a:\n  expr: >\n    a\n\n\t\tb\n"), Some((2, IN_A_BLOCK)));
        assert_eq!(refused("a:\n- {b: c\n\t, d: e}"), Some((2, IN_A_PLAIN)));
    }

    #[test]
    fn tabs_elsewhere_are_blanks_or_text() {
        for (text, blanks) in [
            ("groups: []\t", 0),
            ("groups: []\t# c\nx:\ty\n", 0),
            ("groups: [\n\t]", 1),
            ("a: {b: c,\n\t\td: e}", 2),
            ("[a\n\t, b]", 1),
            ("a: \"b\n\tc\"", 1),
            ("a: 'b\n\t\n\tit''s'\nc: d", 2),
            ("a: b\n   \t +c", 1),
            ("a: |\n  b\n  \tc\nd: e", 0),
            ("a: 'x\ty'\n", 0),
            ("a: []\n...\n\tafter\n", 0),
        ] {
            let found = scan(text, GoYaml::V3);
            assert_eq!((found.blanks.len(), found.refused), (blanks, None), "{text:?}");
        }
    }

    #[test]
    fn comments_in_a_row_are_read_in_one_go_by_v3() {
        let text = "groups:\n# a\n\n\t# b\n- name: c";
        assert_eq!(scan(text, GoYaml::V3).refused, None);
        assert!(scan(text, GoYaml::V2).refused.is_some());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_scanned_to_its_end(text in "([a-c \\t\\n:#,|>'\"\\[\\]{}?*&-]|é|---|\\.\\.\\.){0,40}") {
            let found = scan(&text, GoYaml::V2);
            let is_tab = |at: usize| text.as_bytes()[at] == b'\t';
            proptest::prop_assert!(found.blanks.iter().all(|at| is_tab(*at)));
            proptest::prop_assert!(found.refused.is_none_or(|r| is_tab(r.at)));
            proptest::prop_assert!(found.quoted.iter().all(|r| r.end <= text.len() && text.is_char_boundary(r.end)));
        }
    }
}
