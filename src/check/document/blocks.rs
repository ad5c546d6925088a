//! A Markdown document as a list of blocks.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::text::SourceText;

/// So many bytes of a document are read; a report is a few dozen kilobytes.
const LONGEST: usize = 1 << 20;

/// What a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// A heading.
    Heading,
    /// A paragraph, list item or table cell.
    Prose,
    /// A fenced or indented code block.
    Code,
}

/// A stretch of text with its place.
#[derive(Clone, Debug)]
pub struct Block {
    /// What it is.
    pub kind: BlockKind,
    /// Its text without Markdown but for the backquotes of code.
    pub text: String,
    /// Its line, from 1.
    pub line: usize,
    /// Code spans inside it.
    pub code: Vec<String>,
    /// Whether it is quoted.
    pub quoted: bool,
    /// Whether it is bold from end to end.
    pub bold: bool,
    /// The level of a heading, from 1; 0 of anything else.
    pub level: usize,
}

/// A document.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its path in the repository.
    pub path: String,
    /// Its blocks in order.
    pub blocks: Vec<Block>,
    /// Headings written in HTML.
    html_headings: usize,
}

impl Document {
    /// Reads a document; what stands behind the first megabyte is left out.
    pub fn parse(path: &str, text: &str) -> Self {
        let mut end = text.len().min(LONGEST);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let text = &text[..end];
        let source = SourceText::new(path, text);
        let mut reader = Reader::default();
        let options = Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS | Options::ENABLE_STRIKETHROUGH;
        for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
            reader.event(event, || source.position(range.start).line);
        }
        reader.close();
        Self { path: path.to_owned(), blocks: reader.blocks, html_headings: reader.html_headings }
    }

    /// How many headings it has. What its reader takes for one counts: a line that is bold from end to end, HTML, a `#`
    /// that is not followed by a blank.
    pub fn headings(&self) -> usize {
        let looks = |b: &&Block| b.kind == BlockKind::Heading || b.bold || b.text.starts_with('#');
        self.blocks.iter().filter(looks).count() + self.html_headings
    }

    /// Whether it names something, in any case, written in one word or with blanks, hyphens or underscores.
    pub fn mentions(&self, name: &str) -> bool {
        let letters = |text: &str| -> String {
            text.chars()
                .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '_'))
                .flat_map(char::to_lowercase)
                .collect()
        };
        let name = letters(name);
        self.blocks.iter().any(|b| letters(&b.text).contains(&name))
    }

    /// The part below the headings that a test chooses, each up to the next heading that is not below it; none without
    /// such a heading.
    pub fn below(&self, chosen: impl Fn(&str) -> bool) -> Option<Self> {
        let mut inside = None;
        let mut blocks = Vec::new();
        for block in &self.blocks {
            if block.kind == BlockKind::Heading && inside.is_none_or(|level| block.level <= level) {
                inside = chosen(&block.text).then_some(block.level);
            }
            if inside.is_some() {
                blocks.push(block.clone());
            }
        }
        (!blocks.is_empty()).then(|| Self { path: self.path.clone(), blocks, html_headings: 0 })
    }
}

#[derive(Default)]
struct Reader {
    blocks: Vec<Block>,
    open: Option<Block>,
    quotes: usize,
    strong: bool,
    html_headings: usize,
}

impl Reader {
    fn event(&mut self, event: Event<'_>, line: impl Fn() -> usize) {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                self.start(BlockKind::Heading, line());
                if let Some(open) = &mut self.open {
                    open.level = level as usize;
                }
            }
            Event::Html(text) | Event::InlineHtml(text) => {
                let bytes = text.as_bytes();
                let heading =
                    |w: &[u8]| w[0] == b'<' && w[1].eq_ignore_ascii_case(&b'h') && (b'1'..=b'6').contains(&w[2]);
                self.html_headings += bytes.windows(3).filter(|w| heading(w)).count();
            }
            Event::Start(Tag::CodeBlock(_)) => self.start(BlockKind::Code, line()),
            Event::Start(Tag::Paragraph | Tag::Item | Tag::TableCell) => self.start(BlockKind::Prose, line()),
            Event::Start(Tag::BlockQuote(_)) => self.quotes += 1,
            Event::End(TagEnd::BlockQuote(_)) => {
                self.close();
                self.quotes = self.quotes.saturating_sub(1);
            }
            Event::End(
                TagEnd::Heading(_) | TagEnd::CodeBlock | TagEnd::Paragraph | TagEnd::Item | TagEnd::TableCell,
            ) => self.close(),
            Event::Start(Tag::Strong) => self.strong = true,
            Event::End(TagEnd::Strong) => self.strong = false,
            Event::Text(text) => self.push(&text, line),
            Event::Code(text) => {
                self.push(&format!("`{text}`"), line);
                if let Some(open) = &mut self.open {
                    open.code.push(text.to_string());
                }
            }
            Event::SoftBreak | Event::HardBreak => self.push("\n", line),
            _ => {}
        }
    }

    fn start(&mut self, kind: BlockKind, line: usize) {
        self.close();
        let quoted = self.quotes > 0;
        let bold = kind == BlockKind::Prose;
        self.open = Some(Block { kind, text: String::new(), line, code: Vec::new(), quoted, bold, level: 0 });
    }

    fn push(&mut self, text: &str, line: impl Fn() -> usize) {
        if self.open.is_none() {
            self.start(BlockKind::Prose, line());
        }
        if let Some(open) = &mut self.open {
            open.bold &= self.strong || !text.chars().any(char::is_alphanumeric);
            open.text.push_str(text);
        }
    }

    fn close(&mut self) {
        if let Some(block) = self.open.take().filter(|b| !b.text.trim().is_empty()) {
            self.blocks.push(block);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_know_their_kind_and_line() {
        let doc = Document::parse(
            "r.md",
            "# Title\n\nsome `code` text\n\n```sh\nls\n```\n\n| a | b |\n| - | - |\n| c | d |\n",
        );
        let kinds: Vec<(BlockKind, usize)> = doc.blocks.iter().map(|b| (b.kind, b.line)).collect();
        assert_eq!(kinds[..3], [(BlockKind::Heading, 1), (BlockKind::Prose, 3), (BlockKind::Code, 5)]);
        assert_eq!(doc.blocks[1].code, ["code"]);
        assert_eq!(doc.blocks.len(), 7);
    }

    #[test]
    fn a_line_in_bold_is_a_heading_to_its_reader() {
        let doc = Document::parse("r.md", "**7.1 The mock**\n\nsome **bold** text\n\n# Title\n\nAlert Manager\n");
        assert_eq!(doc.headings(), 2);
        assert_eq!(Document::parse("r.md", "<h2>A</h2>\n\n##B\n\ntext <b>c</b>\n").headings(), 2);
        assert!(doc.mentions("alertmanager") && !doc.mentions("grafana"));
        let below = doc.below(|heading| heading == "Title").expect("there is one");
        assert_eq!(below.blocks.len(), 2);
        assert!(doc.below(|heading| heading == "Other").is_none());
    }
}
