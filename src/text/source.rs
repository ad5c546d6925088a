//! A file's text with its name, and byte ranges in it.

use std::sync::Arc;

use super::Diagnostic;

/// A half-open range of bytes in a source text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A span from `start` to `end`, in bytes; offsets beyond 4 GiB saturate.
    pub fn new(start: usize, end: usize) -> Self {
        let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self { start: clamp(start), end: clamp(end) }
    }

    /// The smallest span that holds both.
    pub fn to(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// The same span, `by` bytes further on (a span inside a scalar, seen from the file).
    pub fn shifted(self, by: usize) -> Self {
        Self::new(self.start as usize + by, self.end as usize + by)
    }

    /// The span as an index range.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A place as people count it: line and column from 1, columns in Unicode characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in Unicode characters, from 1.
    pub column: usize,
}

/// A named text with its line starts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SourceText {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    name: String,
    text: String,
    line_starts: Vec<u32>,
}

impl SourceText {
    /// Takes a name to show (a path relative to the repository) and the text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let mut line_starts = vec![0];
        line_starts.extend(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i as u32 + 1));
        Self { inner: Arc::new(Inner { name: name.into(), text, line_starts }) }
    }

    /// Takes the bytes of a file: UTF-8, or UTF-16 with its mark as Windows' shells write it.
    ///
    /// # Errors
    /// The bytes are neither.
    pub fn decode(name: &str, bytes: &[u8]) -> Result<Self, Box<Diagnostic>> {
        let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
            let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
            char::decode_utf16(units).collect::<Result<String, _>>().ok()
        };
        let text = match bytes {
            [0xFF, 0xFE, rest @ ..] => wide(rest, u16::from_le_bytes),
            [0xFE, 0xFF, rest @ ..] => wide(rest, u16::from_be_bytes),
            _ => std::str::from_utf8(bytes).ok().map(str::to_owned),
        };
        text.map(|text| Self::new(name, text)).ok_or_else(|| {
            let at = std::str::from_utf8(bytes).err().map_or(0, |e| e.valid_up_to());
            let line = bytes[..at].iter().filter(|b| **b == b'\n').count() + 1;
            let message = format!("{name} is not UTF-8 text, first wrong byte in line {line}");
            Box::new(Diagnostic::error(message).help("save the file as UTF-8"))
        })
    }

    /// The name shown to people.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.inner.text
    }

    /// Line and column of a byte offset; an offset past the end gives the end.
    pub fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.inner.text.len());
        let line = self.inner.line_starts.partition_point(|s| *s as usize <= offset);
        let start = self.inner.line_starts[line - 1] as usize;
        let column = self.inner.text.as_bytes()[start..offset].iter().filter(|b| (**b & 0xC0) != 0x80).count() + 1;
        Position { line, column }
    }

    /// The text of a line counted from 1, without its line end.
    pub fn line(&self, line: usize) -> Option<&str> {
        let start = *self.inner.line_starts.get(line.checked_sub(1)?)? as usize;
        let end = self.inner.line_starts.get(line).map_or(self.inner.text.len(), |e| *e as usize);
        Some(self.inner.text[start..end].trim_end_matches(['\n', '\r']))
    }

    /// Byte offset of the first byte of a line counted from 1.
    pub fn line_start(&self, line: usize) -> Option<usize> {
        self.inner.line_starts.get(line.checked_sub(1)?).map(|s| *s as usize)
    }
}
