//! Go's dialect of RE2, read into the tree that Rust's engine compiles. After `regexp/syntax`, with its error texts.
//!
//! Groups stand on a stack of our own, so that nesting costs no call stack; height and repetition are limited as in Go.

use regex_syntax::hir::{Capture, Class, ClassUnicode, Dot, Hir, Look, Repetition};

use super::super::GoVersion;
use super::RegexpError;
use super::classes;
use crate::golang::quoting::is_raw_byte;

/// Go refuses trees higher than this.
const MAX_HEIGHT: usize = 1_000;
/// And repetitions, alone or multiplied by nesting, above this.
const MAX_REPEAT: u64 = 1_000;

/// A pattern, parsed.
pub(super) struct Parsed {
    pub(super) hir: Hir,
    /// The names of the groups; the first is the whole match.
    pub(super) names: Vec<Option<Box<str>>>,
}

#[derive(Clone, Copy)]
struct Flags {
    fold_case: bool,
    multi_line: bool,
    dot_matches_newline: bool,
    swap_greed: bool,
}

/// A piece of a concatenation, with what the limits count.
struct Piece {
    hir: Hir,
    height: usize,
    /// The largest product of nested repetitions inside.
    weight: u64,
}

impl Piece {
    fn leaf(hir: Hir) -> Self {
        Self { hir, height: 1, weight: 1 }
    }
}

/// An open group; the bottom one is the whole pattern.
struct Group {
    capture: Option<u32>,
    /// The flags outside, which hold again behind the group.
    outside: Flags,
    branches: Vec<Piece>,
    pieces: Vec<Piece>,
}

struct Parser<'p> {
    pattern: &'p str,
    flags: Flags,
    groups: Vec<Group>,
    current: Group,
    names: Vec<Option<Box<str>>>,
    version: GoVersion,
}

type Result<T> = std::result::Result<T, RegexpError>;

fn error<T>(what: &str, at: &str) -> Result<T> {
    Err(RegexpError(format!("{what}: `{at}`")))
}

/// The next character, which must not stand for a byte that is no UTF-8.
fn next_char(rest: &str) -> Result<Option<char>> {
    match rest.chars().next() {
        Some(c) if is_raw_byte(c) => error("invalid UTF-8", rest),
        c => Ok(c),
    }
}

/// What lies between two suffixes of the same text.
fn between<'t>(from: &'t str, to: &str) -> &'t str {
    &from[..from.len() - to.len()]
}

/// Parses a pattern.
pub(super) fn parse(pattern: &str, version: GoVersion) -> Result<Parsed> {
    let flags = Flags { fold_case: false, multi_line: false, dot_matches_newline: false, swap_greed: false };
    let current = Group { capture: None, outside: flags, branches: Vec::new(), pieces: Vec::new() };
    let mut p = Parser { pattern, flags, groups: Vec::new(), current, names: vec![None], version };
    let mut rest = pattern;
    let mut last_repeat: Option<&str> = None;
    while let Some(c) = next_char(rest)? {
        let before = rest;
        let mut repeat = None;
        rest = match c {
            '*' | '+' | '?' => {
                repeat = Some(before);
                let (min, max) = match c {
                    '*' => (0, None),
                    '+' => (1, None),
                    _ => (0, Some(1)),
                };
                p.repeat(min, max, false, before, &rest[1..], last_repeat)?
            }
            '{' => match counted(rest) {
                Some(Counted { min, max, rest: after }) => {
                    let (Some(min), max) = (min, max) else {
                        return error("invalid repeat count", between(before, after));
                    };
                    if u64::from(min) > MAX_REPEAT || max.is_some_and(|m| u64::from(m) > MAX_REPEAT || min > m) {
                        return error("invalid repeat count", between(before, after));
                    }
                    repeat = Some(before);
                    p.repeat(min, max, true, before, after, last_repeat)?
                }
                None => {
                    p.literal('{');
                    &rest[1..]
                }
            },
            _ => p.element(c, rest)?,
        };
        last_repeat = repeat;
    }
    if !p.groups.is_empty() {
        return error("missing closing )", pattern);
    }
    let whole = p.close_group()?;
    Ok(Parsed { hir: whole.hir, names: p.names })
}

impl<'p> Parser<'p> {
    /// Anything but a repetition; gives what follows.
    fn element(&mut self, c: char, rest: &'p str) -> Result<&'p str> {
        let after = &rest[c.len_utf8()..];
        match c {
            '(' if after.starts_with('?') => return self.perl_group(rest),
            '(' => {
                self.names.push(None);
                let index = u32::try_from(self.names.len() - 1).unwrap_or(u32::MAX);
                self.open_group(Some(index));
            }
            '|' => {
                let branch = self.close_branch();
                self.current.branches.push(branch);
            }
            ')' => {
                let Some(outer) = self.groups.pop() else {
                    return error("unexpected )", self.pattern);
                };
                let capture = self.current.capture;
                self.flags = self.current.outside;
                let mut piece = self.close_group()?;
                self.current = outer;
                if let Some(index) = capture {
                    piece.hir = Hir::capture(Capture { index, name: None, sub: Box::new(piece.hir) });
                    piece.height += 1;
                }
                self.push(piece)?;
            }
            '^' => self.look(if self.flags.multi_line { Look::StartLF } else { Look::Start }),
            '$' => self.look(if self.flags.multi_line { Look::EndLF } else { Look::End }),
            '.' => {
                let dot = if self.flags.dot_matches_newline { Dot::AnyChar } else { Dot::AnyCharExceptLF };
                self.current.pieces.push(Piece::leaf(Hir::dot(dot)));
            }
            '[' => return self.class(rest),
            '\\' => return self.escape(rest),
            c => self.literal(c),
        }
        Ok(after)
    }

    fn push(&mut self, piece: Piece) -> Result<()> {
        if piece.height > MAX_HEIGHT {
            return error("expression nests too deeply", self.pattern);
        }
        self.current.pieces.push(piece);
        Ok(())
    }

    fn open_group(&mut self, capture: Option<u32>) {
        let group = Group { capture, outside: self.flags, branches: Vec::new(), pieces: Vec::new() };
        self.groups.push(std::mem::replace(&mut self.current, group));
    }

    fn close_branch(&mut self) -> Piece {
        joined(std::mem::take(&mut self.current.pieces), Hir::concat)
    }

    fn close_group(&mut self) -> Result<Piece> {
        let last = self.close_branch();
        let mut branches = std::mem::take(&mut self.current.branches);
        branches.push(last);
        let piece = joined(branches, Hir::alternation);
        if piece.height > MAX_HEIGHT {
            return error("expression nests too deeply", self.pattern);
        }
        Ok(piece)
    }

    fn look(&mut self, look: Look) {
        self.current.pieces.push(Piece::leaf(Hir::look(look)));
    }

    fn literal(&mut self, c: char) {
        let hir = if self.flags.fold_case {
            let mut class = classes::of_ranges(&[(c, c)]);
            class.case_fold_simple();
            Hir::class(Class::Unicode(class))
        } else {
            Hir::literal(c.encode_utf8(&mut [0; 4]).as_bytes())
        };
        self.current.pieces.push(Piece::leaf(hir));
    }

    /// A character that an escape made; none when it is a surrogate, which no text holds.
    fn code_point(&mut self, code: u32) {
        match char::from_u32(code) {
            Some(c) => self.literal(c),
            None => self.current.pieces.push(Piece::leaf(Hir::fail())),
        }
    }

    fn repeat(
        &mut self,
        min: u32,
        max: Option<u32>,
        counted: bool,
        before: &'p str,
        after: &'p str,
        last: Option<&str>,
    ) -> Result<&'p str> {
        let (lazy, after) = after.strip_prefix('?').map_or((false, after), |rest| (true, rest));
        if let Some(last) = last {
            return error("invalid nested repetition operator", between(last, after));
        }
        let Some(sub) = self.current.pieces.pop() else {
            return error("missing argument to repetition operator", between(before, after));
        };
        let times = if counted { u64::from(max.unwrap_or(min)) } else { 1 };
        let weight = sub.weight.saturating_mul(times);
        if counted && (min >= 2 || max.is_some_and(|m| m >= 2)) && weight > MAX_REPEAT {
            return error("invalid repeat count", between(before, after));
        }
        let greedy = lazy == self.flags.swap_greed;
        let hir = Hir::repetition(Repetition { min, max, greedy, sub: Box::new(sub.hir) });
        self.push(Piece { hir, height: sub.height + 1, weight })?;
        Ok(after)
    }

    /// `(?P<name>`, `(?<name>`, `(?flags)` and `(?flags:`.
    fn perl_group(&mut self, rest: &'p str) -> Result<&'p str> {
        let named = |mark: &str| rest.strip_prefix(mark).filter(|inner| !inner.is_empty());
        if let Some(inner) = named("(?P<").or_else(|| named("(?<").filter(|_| self.version == GoVersion::Current)) {
            let Some(end) = inner.find('>') else {
                return error("invalid named capture", rest);
            };
            let (name, after) = (&inner[..end], &inner[end + 1..]);
            if name.is_empty() || !name.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric()) {
                return error("invalid named capture", between(rest, after));
            }
            self.names.push(Some(name.into()));
            let index = u32::try_from(self.names.len() - 1).unwrap_or(u32::MAX);
            self.open_group(Some(index));
            return Ok(after);
        }
        let mut flags = self.flags;
        let (mut value, mut saw_flag) = (true, false);
        let mut chars = rest[2..].chars();
        while let Some(c) = next_char(chars.as_str())? {
            chars.next();
            match c {
                'i' => flags.fold_case = value,
                'm' => flags.multi_line = value,
                's' => flags.dot_matches_newline = value,
                'U' => flags.swap_greed = value,
                '-' if value => {
                    value = false;
                    saw_flag = false;
                    continue;
                }
                ':' | ')' if value || saw_flag => {
                    if c == ':' {
                        self.open_group(None);
                    }
                    self.flags = flags;
                    return Ok(chars.as_str());
                }
                _ => return error("invalid or unsupported Perl syntax", between(rest, chars.as_str())),
            }
            saw_flag = true;
        }
        error("invalid or unsupported Perl syntax", rest)
    }

    fn escape(&mut self, rest: &'p str) -> Result<&'p str> {
        let mut chars = rest[1..].chars();
        let letter = chars.next();
        let after = chars.as_str();
        match letter {
            Some('A') => self.look(Look::Start),
            Some('z') => self.look(Look::End),
            Some('b') => self.look(Look::WordAscii),
            Some('B') => self.look(Look::WordAsciiNegate),
            Some('C') => return error("invalid escape sequence", between(rest, after)),
            Some('Q') => {
                let (text, after) = after.split_once("\\E").unwrap_or((after, ""));
                for (at, c) in text.char_indices() {
                    next_char(&rest[2 + at..])?;
                    self.literal(c);
                }
                return Ok(after);
            }
            Some('p' | 'P') => {
                let (class, after) = self.unicode_class(rest)?;
                self.push_class(class);
                return Ok(after);
            }
            Some(c) if classes::perl(c).is_some() => {
                if let Some(class) = self.perl_class(c) {
                    self.push_class(class);
                }
            }
            _ => {
                let (code, after) = escaped_code(rest)?;
                self.code_point(code);
                return Ok(after);
            }
        }
        Ok(after)
    }

    fn push_class(&mut self, class: ClassUnicode) {
        let hir = if class.ranges().is_empty() { Hir::fail() } else { Hir::class(Class::Unicode(class)) };
        self.current.pieces.push(Piece::leaf(hir));
    }

    fn group_class(&self, ranges: &[(char, char)], negated: bool) -> ClassUnicode {
        self.finished(classes::of_ranges(ranges), negated)
    }

    fn perl_class(&self, letter: char) -> Option<ClassUnicode> {
        classes::perl(letter).map(|(ranges, negated)| self.group_class(ranges, negated))
    }

    fn finished(&self, mut class: ClassUnicode, negated: bool) -> ClassUnicode {
        if self.flags.fold_case {
            class.case_fold_simple();
        }
        if negated {
            class.negate();
        }
        class
    }

    /// `\pL`, `\p{Greek}`, `\P{^Greek}`; gives the class and what follows.
    fn unicode_class(&self, rest: &'p str) -> Result<(ClassUnicode, &'p str)> {
        let mut negated = rest.starts_with("\\P");
        let inner = &rest[2..];
        let (name, after) = if let Some(braced) = inner.strip_prefix('{') {
            let Some(end) = braced.find('}') else {
                return error("invalid character class range", rest);
            };
            (&braced[..end], &braced[end + 1..])
        } else {
            let len = inner.chars().next().map_or(0, char::len_utf8);
            inner.split_at(len)
        };
        let name = match name.strip_prefix('^') {
            Some(plain) => {
                negated = !negated;
                plain
            }
            None => name,
        };
        match classes::unicode(name) {
            Some(class) => Ok((self.finished(class, negated), after)),
            None => error("invalid character class range", between(rest, after)),
        }
    }

    /// `[...]`; gives what follows.
    fn class(&mut self, whole: &'p str) -> Result<&'p str> {
        let (negated, mut rest) = whole[1..].strip_prefix('^').map_or((false, &whole[1..]), |rest| (true, rest));
        let mut class = ClassUnicode::empty();
        let mut first = true;
        while first || !rest.starts_with(']') {
            first = false;
            if rest.starts_with("[:")
                && rest.len() > 2
                && let Some(end) = rest[2..].find(":]")
            {
                let (name, after) = rest.split_at(end + 4);
                let Some((ranges, negated)) = classes::posix(name) else {
                    return error("invalid character class range", name);
                };
                class.union(&self.group_class(ranges, negated));
                rest = after;
                continue;
            }
            if rest.starts_with("\\p") || rest.starts_with("\\P") {
                let (part, after) = self.unicode_class(rest)?;
                class.union(&part);
                rest = after;
                continue;
            }
            if let Some(part) = rest.strip_prefix('\\').and_then(|r| r.chars().next()).and_then(|c| self.perl_class(c))
            {
                class.union(&part);
                rest = &rest[2..];
                continue;
            }
            let range = rest;
            let (lo, after) = class_char(rest, whole)?;
            rest = after;
            let mut hi = lo;
            if rest.len() >= 2 && rest.starts_with('-') && !rest[1..].starts_with(']') {
                let (end, after) = class_char(&rest[1..], whole)?;
                (hi, rest) = (end, after);
                if hi < lo {
                    return error("invalid character class range", between(range, rest));
                }
            }
            if let Some((lo, hi)) = without_surrogates(lo, hi) {
                class.union(&self.finished(classes::of_ranges(&[(lo, hi)]), false));
            }
        }
        if negated {
            class.negate();
        }
        self.push_class(class);
        Ok(&rest[1..])
    }
}

/// Joins pieces into one.
fn joined(mut pieces: Vec<Piece>, join: fn(Vec<Hir>) -> Hir) -> Piece {
    if pieces.len() == 1
        && let Some(only) = pieces.pop()
    {
        return only;
    }
    let height = 1 + pieces.iter().map(|p| p.height).max().unwrap_or(0);
    let weight = pieces.iter().map(|p| p.weight).max().unwrap_or(1);
    let hir = if pieces.is_empty() { Hir::empty() } else { join(pieces.into_iter().map(|p| p.hir).collect()) };
    Piece { hir, height, weight }
}

/// A range of code points as characters: its ends moved out of the surrogates.
fn without_surrogates(lo: u32, hi: u32) -> Option<(char, char)> {
    let lo = if (0xd800..=0xdfff).contains(&lo) { 0xe000 } else { lo };
    let hi = if (0xd800..=0xdfff).contains(&hi) { 0xd7ff } else { hi };
    Some((char::from_u32(lo)?, char::from_u32(hi)?)).filter(|(lo, hi)| lo <= hi)
}

fn class_char<'t>(rest: &'t str, whole: &str) -> Result<(u32, &'t str)> {
    match next_char(rest)? {
        None => error("missing closing ]", whole),
        Some('\\') => escaped_code(rest),
        Some(c) => Ok((u32::from(c), &rest[c.len_utf8()..])),
    }
}

/// The code point of an escape, and what follows it.
fn escaped_code(rest: &str) -> Result<(u32, &str)> {
    let mut chars = rest[1..].chars();
    next_char(chars.as_str())?;
    let Some(c) = chars.next() else {
        return error("trailing backslash at end of expression", "");
    };
    let after = chars.as_str();
    let octal = |s: &str| s.starts_with(|c: char| ('0'..='7').contains(&c));
    match c {
        '0'..='7' if c == '0' || octal(after) => {
            let digits = after.bytes().take(2).take_while(|b| (b'0'..=b'7').contains(b)).count();
            let code = u32::from_str_radix(&rest[1..2 + digits], 8).unwrap_or(0);
            return Ok((code, &after[digits..]));
        }
        'x' => return hexadecimal(rest, after),
        'a' => return Ok((7, after)),
        'f' => return Ok((12, after)),
        'n' => return Ok((10, after)),
        'r' => return Ok((13, after)),
        't' => return Ok((9, after)),
        'v' => return Ok((11, after)),
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => return Ok((u32::from(c), after)),
        _ => {}
    }
    error("invalid escape sequence", between(rest, after))
}

/// `\x41` and `\x{10FFFF}`; `after` is what follows the x.
fn hexadecimal<'t>(rest: &'t str, after: &'t str) -> Result<(u32, &'t str)> {
    let mut chars = after.chars();
    let fail = |tail: &str| error("invalid escape sequence", between(rest, tail));
    let first = chars.next();
    if first != Some('{') {
        let second = first.and_then(|_| chars.next());
        return match (first.and_then(|c| c.to_digit(16)), second.and_then(|c| c.to_digit(16))) {
            (Some(x), Some(y)) => Ok((x * 16 + y, chars.as_str())),
            _ => fail(chars.as_str()),
        };
    }
    let (mut code, mut digits) = (0, 0);
    loop {
        match chars.next() {
            None => return fail(""),
            Some('}') if digits > 0 => return Ok((code, chars.as_str())),
            Some(c) => match c.to_digit(16) {
                Some(d) if code * 16 + d <= 0x10_ffff => code = code * 16 + d,
                _ => return fail(chars.as_str()),
            },
        }
        digits += 1;
    }
}

struct Counted<'t> {
    /// `None` when a number is far too large.
    min: Option<u32>,
    max: Option<u32>,
    rest: &'t str,
}

/// `{n}`, `{n,}` or `{n,m}`; `None` when the brace is a literal.
fn counted(text: &str) -> Option<Counted<'_>> {
    let (min, rest) = count(&text[1..])?;
    if let Some(rest) = rest.strip_prefix('}') {
        return Some(Counted { min, max: min, rest });
    }
    let rest = rest.strip_prefix(',')?;
    if let Some(rest) = rest.strip_prefix('}') {
        return Some(Counted { min, max: None, rest });
    }
    let (max, rest) = count(rest)?;
    let rest = rest.strip_prefix('}')?;
    Some(Counted { min: min.filter(|_| max.is_some()), max, rest })
}

fn count(text: &str) -> Option<(Option<u32>, &str)> {
    let len = text.bytes().take_while(u8::is_ascii_digit).count();
    let digits = &text[..len];
    if len == 0 || (len > 1 && digits.starts_with('0')) {
        return None;
    }
    Some((digits.parse().ok().filter(|n| *n < 1_000_000_000), &text[len..]))
}
