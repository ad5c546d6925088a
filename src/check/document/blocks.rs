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
}

/// A document.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its path in the repository.
    pub path: String,
    /// Its blocks in order.
    pub blocks: Vec<Block>,
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
        Self { path: path.to_owned(), blocks: reader.blocks }
    }

    /// How many headings it has.
    pub fn headings(&self) -> usize {
        self.blocks.iter().filter(|b| b.kind == BlockKind::Heading).count()
    }

    /// The line of the first block whose text holds a word, in any case.
    pub fn line_of(&self, word: &str) -> Option<usize> {
        self.blocks.iter().find(|b| b.text.to_lowercase().contains(word)).map(|b| b.line)
    }
}

#[derive(Default)]
struct Reader {
    blocks: Vec<Block>,
    open: Option<Block>,
    quotes: usize,
}

impl Reader {
    fn event(&mut self, event: Event<'_>, line: impl Fn() -> usize) {
        match event {
            Event::Start(Tag::Heading { .. }) => self.start(BlockKind::Heading, line()),
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
        self.open = Some(Block { kind, text: String::new(), line, code: Vec::new(), quoted: self.quotes > 0 });
    }

    fn push(&mut self, text: &str, line: impl Fn() -> usize) {
        if self.open.is_none() {
            self.start(BlockKind::Prose, line());
        }
        if let Some(open) = &mut self.open {
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
}
