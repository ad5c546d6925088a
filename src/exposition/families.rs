//! The strict reader of the text format that linters use (prometheus/common's `expfmt`), family by family.
//!
//! It differs from a scraper's reader: it wants unescaped text to be well-formed, commas between labels, a line feed at
//! the end, and `TYPE` before samples; its errors know only the line.

use rustc_hash::{FxHashMap, FxHashSet};

use super::entry::MetricType;
use crate::golang::float::parse_float;
use crate::golang::quote;
use crate::golang::quoting::quote_char;

/// A metric family.
#[derive(Clone, Debug, Default)]
pub(super) struct Family {
    pub name: String,
    pub help: Option<String>,
    pub kind: Option<MetricType>,
    /// The label names of each metric; a histogram or summary counts once, without `le` or `quantile`.
    pub metrics: Vec<Vec<String>>,
    seen: FxHashSet<String>,
}

/// Why the strict reader refuses a page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("text format parsing error in line {line}: {message}")]
pub struct StrictError {
    /// Line from 1.
    pub line: usize,
    /// In the words of prometheus/common.
    pub message: String,
}

type Strict<T> = Result<T, StrictError>;

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
    families: Vec<Family>,
    index: FxHashMap<String, usize>,
}

/// Reads all families that have metrics, in the order of their first mention.
pub(super) fn read_families(page: &[u8]) -> Strict<Vec<Family>> {
    let mut reader = Reader { bytes: page, at: 0, line: 0, families: Vec::new(), index: FxHashMap::default() };
    while reader.line()? {}
    reader.families.retain(|f| !f.metrics.is_empty());
    Ok(reader.families)
}

impl Reader<'_> {
    fn error<T>(&self, message: impl Into<String>) -> Strict<T> {
        Err(StrictError { line: self.line, message: message.into() })
    }

    /// The current byte, which must be there.
    fn byte(&self) -> Strict<u8> {
        match self.bytes.get(self.at) {
            Some(b) => Ok(*b),
            None => self.error("unexpected end of input stream"),
        }
    }

    fn skip_blanks(&mut self) -> Strict<u8> {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        self.byte()
    }

    /// Everything up to a byte for which `stop` holds.
    fn until(&mut self, stop: impl Fn(u8) -> bool) -> Strict<String> {
        let start = self.at;
        while !stop(self.byte()?) {
            self.at += 1;
        }
        Ok(String::from_utf8_lossy(&self.bytes[start..self.at]).into_owned())
    }

    fn name(&mut self, colon: bool) -> Strict<String> {
        let fits = |b: u8| b == b'_' || b.is_ascii_alphabetic() || (colon && b == b':');
        if !fits(self.byte()?) {
            return Ok(String::new());
        }
        self.until(|b| !fits(b) && !b.is_ascii_digit())
    }

    fn skip_line(&mut self) -> Strict<bool> {
        self.until(|b| b == b'\n')?;
        self.at += 1;
        Ok(true)
    }

    /// Reads one line; false at the end of the page.
    fn line(&mut self) -> Strict<bool> {
        self.line += 1;
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        match self.bytes.get(self.at) {
            None => Ok(false),
            Some(b'\n') => self.skip_line(),
            Some(b'#') => self.comment(),
            Some(_) => self.sample(),
        }
    }

    fn comment(&mut self) -> Strict<bool> {
        self.at += 1;
        if self.skip_blanks()? == b'\n' {
            return self.skip_line();
        }
        let keyword = self.until(|b| matches!(b, b' ' | b'\t' | b'\n'))?;
        if self.byte()? == b'\n' || !matches!(keyword.as_str(), "HELP" | "TYPE") {
            return self.skip_line();
        }
        self.skip_blanks()?;
        let name = self.name(true)?;
        match self.byte()? {
            b'\n' => return self.skip_line(),
            b' ' | b'\t' => {}
            _ => return self.error("invalid metric name in comment"),
        }
        let family = self.family(&name);
        if self.skip_blanks()? == b'\n' {
            return self.skip_line();
        }
        if keyword == "HELP" {
            self.help(family)?
        } else {
            self.kind(family)?
        }
        self.at += 1;
        Ok(true)
    }

    fn help(&mut self, family: usize) -> Strict<()> {
        if self.families[family].help.is_some() {
            let name = quote(&self.families[family].name);
            return self.error(format!("second HELP line for metric name {name}"));
        }
        let text = self.until(|b| b == b'\n')?;
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            if c != '\\' {
                continue;
            }
            match chars.next() {
                Some('\\' | 'n') => {}
                other => return self.error(format!("invalid escape sequence '\\{}'", other.unwrap_or('\n'))),
            }
        }
        self.families[family].help = Some(text);
        Ok(())
    }

    fn kind(&mut self, family: usize) -> Strict<()> {
        if self.families[family].kind.is_some() {
            let name = quote(&self.families[family].name);
            return self.error(format!("second TYPE line for metric name {name}, or TYPE reported after samples"));
        }
        let word = self.until(|b| b == b'\n')?;
        match MetricType::from_text(&word.to_ascii_lowercase()) {
            Some(kind) => self.families[family].kind = Some(kind),
            None => return self.error(format!("unknown metric type {}", quote(&word))),
        }
        Ok(())
    }

    /// The family that a name belongs to: its own, or that of a histogram or summary with one of its suffixes.
    fn family(&mut self, name: &str) -> usize {
        if let Some(i) = self.index.get(name) {
            return *i;
        }
        for (suffix, kinds) in [
            ("_count", &[MetricType::Summary, MetricType::Histogram][..]),
            ("_sum", &[MetricType::Summary, MetricType::Histogram]),
            ("_bucket", &[MetricType::Histogram]),
        ] {
            let stem = name.strip_suffix(suffix).filter(|stem| !stem.is_empty());
            if let Some(i) = stem.and_then(|stem| self.index.get(stem))
                && self.families[*i].kind.is_some_and(|kind| kinds.contains(&kind))
            {
                return *i;
            }
        }
        self.index.insert(name.to_owned(), self.families.len());
        self.families.push(Family { name: name.to_owned(), ..Family::default() });
        self.families.len() - 1
    }

    fn sample(&mut self) -> Strict<bool> {
        let name = self.name(true)?;
        if name.is_empty() {
            return self.error("invalid metric name");
        }
        let family = self.family(&name);
        let kind = *self.families[family].kind.get_or_insert_default();
        let labels = if self.skip_blanks()? == b'{' { self.labels(family, kind)? } else { Vec::new() };
        self.keep(family, kind, labels);
        let value = self.until(|b| matches!(b, b' ' | b'\t' | b'\n'))?;
        if value.contains(['p', 'P', '_']) || parse_float(&value).is_err() {
            return self.error(format!("expected float as value, got {}", quote(&value)));
        }
        if self.byte()? == b'\n' {
            return self.skip_line();
        }
        self.skip_blanks()?;
        let timestamp = self.until(|b| matches!(b, b' ' | b'\t' | b'\n'))?;
        if timestamp.parse::<i64>().is_err() {
            return self.error(format!("expected integer as timestamp, got {}", quote(&timestamp)));
        }
        let rest = self.until(|b| b == b'\n')?;
        if !rest.is_empty() {
            return self.error(format!("spurious string after timestamp: {}", quote(&rest)));
        }
        self.skip_line()
    }

    fn keep(&mut self, family: usize, kind: MetricType, labels: Vec<(String, String)>) {
        let family = &mut self.families[family];
        if matches!(kind, MetricType::Histogram | MetricType::Summary) {
            let mut sorted = labels.clone();
            sorted.sort_unstable();
            if !family.seen.insert(format!("{sorted:?}")) {
                return;
            }
        }
        family.metrics.push(labels.into_iter().map(|(name, _)| name).collect());
    }

    fn labels(&mut self, family: usize, kind: MetricType) -> Strict<Vec<(String, String)>> {
        let mut labels: Vec<(String, String)> = Vec::new();
        let bound = match kind {
            MetricType::Histogram => "le",
            MetricType::Summary => "quantile",
            _ => "",
        };
        loop {
            self.at += 1;
            if self.skip_blanks()? == b'}' {
                break;
            }
            let name = self.name(false)?;
            let metric = quote(&self.families[family].name);
            if name.is_empty() {
                return self.error(format!("invalid label name for metric {metric}"));
            }
            let next = self.skip_blanks()?;
            if next != b'=' {
                return self.error(format!("expected '=' after label name, found {}", quote_char(char::from(next))));
            }
            if name == crate::model::METRIC_NAME {
                return self.error("label name \"__name__\" is reserved");
            }
            if labels.iter().any(|(known, _)| *known == name) {
                return self.error(format!("duplicate label names for metric {metric}"));
            }
            self.at += 1;
            let value = self.label_value()?;
            if name == bound {
                if parse_float(&value).is_err() {
                    return self.error(format!("expected float as value for '{bound}' label, got {}", quote(&value)));
                }
            } else {
                labels.push((name, value.clone()));
            }
            match self.skip_blanks()? {
                b',' => {}
                b'}' => break,
                _ => return self.error(format!("unexpected end of label value {}", quote(&value))),
            }
        }
        self.at += 1;
        self.skip_blanks()?;
        Ok(labels)
    }

    fn label_value(&mut self) -> Strict<String> {
        let open = self.skip_blanks()?;
        if open != b'"' {
            let found = quote_char(char::from(open));
            return self.error(format!("expected '\"' at start of label value, found {found}"));
        }
        let mut value = Vec::new();
        loop {
            self.at += 1;
            match self.byte()? {
                b'"' => break,
                b'\n' => {
                    let text = quote(&String::from_utf8_lossy(&value));
                    return self.error(format!("label value {text} contains unescaped new-line"));
                }
                b'\\' => {
                    self.at += 1;
                    match self.byte()? {
                        b @ (b'"' | b'\\') => value.push(b),
                        b'n' => value.push(b'\n'),
                        b => return self.error(format!("invalid escape sequence '\\{}'", char::from(b))),
                    }
                }
                b => value.push(b),
            }
        }
        self.at += 1;
        String::from_utf8(value)
            .or_else(|e| self.error(format!("invalid label value {}", quote(&String::from_utf8_lossy(e.as_bytes())))))
    }
}
