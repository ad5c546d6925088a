//! Patterns that need no engine: alternatives of fixed texts, beginnings, ends. Most matchers of label values are such.

use regex_syntax::hir::{Class, Dot, Hir, HirKind, Look};

/// At most so many fixed texts are compared one by one.
const MAX_TEXTS: usize = 32;

/// How an anchored pattern can be answered without an engine.
#[derive(Debug)]
pub(super) enum Shortcut {
    /// One of these texts.
    Texts(Vec<String>),
    /// A beginning, then anything, then an end; `least` more characters in between.
    Around { prefix: String, suffix: String, least: usize, newlines: bool },
    /// A text somewhere inside.
    Contains { text: String, newlines: bool },
}

impl Shortcut {
    /// The shortcut for a whole pattern, if it has one. It must be anchored at both ends.
    pub(super) fn of(hir: &Hir) -> Option<Self> {
        let HirKind::Concat(parts) = hir.kind() else {
            return None;
        };
        let (first, rest) = parts.split_first()?;
        let (last, middle) = rest.split_last()?;
        if *first.kind() != HirKind::Look(Look::Start) || *last.kind() != HirKind::Look(Look::End) {
            return None;
        }
        if let Some(texts) = middle.iter().try_fold(vec![String::new()], |found, part| product(&found, part)) {
            return Some(Self::Texts(texts));
        }
        Self::with_gaps(middle)
    }

    fn with_gaps(parts: &[Hir]) -> Option<Self> {
        match parts {
            [gap] => anything(gap).map(|(least, newlines)| around("", "", least, newlines)),
            [a, b] => match (text_of(a), anything(a), text_of(b), anything(b)) {
                (Some(prefix), _, _, Some((least, newlines))) => Some(around(prefix, "", least, newlines)),
                (_, Some((least, newlines)), Some(suffix), _) => Some(around("", suffix, least, newlines)),
                _ => None,
            },
            [a, b, c] => match (text_of(a), text_of(c), anything(b)) {
                (Some(prefix), Some(suffix), Some((least, newlines))) => Some(around(prefix, suffix, least, newlines)),
                _ => match (anything(a), text_of(b), anything(c)) {
                    // Without newlines beside it, only the text itself could hold one.
                    (Some((0, x)), Some(text), Some((0, y))) if x == y && !text.contains('\n') => {
                        Some(Self::Contains { text: text.to_owned(), newlines: x })
                    }
                    _ => None,
                },
            },
            _ => None,
        }
    }

    /// Whether a text matches.
    pub(super) fn is_match(&self, text: &str) -> bool {
        match self {
            Self::Texts(texts) => texts.iter().any(|t| t == text),
            Self::Around { prefix, suffix, least, newlines } => text
                .strip_prefix(prefix.as_str())
                .and_then(|t| t.strip_suffix(suffix.as_str()))
                .is_some_and(|inner| inner.len() >= *least && (*newlines || !inner.contains('\n'))),
            Self::Contains { text: wanted, newlines } => {
                text.contains(wanted.as_str()) && (*newlines || !text.contains('\n'))
            }
        }
    }
}

fn around(prefix: &str, suffix: &str, least: usize, newlines: bool) -> Shortcut {
    Shortcut::Around { prefix: prefix.to_owned(), suffix: suffix.to_owned(), least, newlines }
}

fn text_of(hir: &Hir) -> Option<&str> {
    match hir.kind() {
        HirKind::Literal(l) => std::str::from_utf8(&l.0).ok(),
        HirKind::Capture(c) => text_of(&c.sub),
        _ => None,
    }
}

/// `.*` and `.+`: the least number of characters, and whether newlines count.
fn anything(hir: &Hir) -> Option<(usize, bool)> {
    match hir.kind() {
        HirKind::Repetition(r) if r.max.is_none() && r.min <= 1 => {
            let newlines = if *r.sub == Hir::dot(Dot::AnyChar) {
                true
            } else if *r.sub == Hir::dot(Dot::AnyCharExceptLF) {
                false
            } else {
                return None;
            };
            Some((usize::try_from(r.min).ok()?, newlines))
        }
        HirKind::Capture(c) => anything(&c.sub),
        _ => None,
    }
}

/// Every text of `found` followed by every text that `hir` matches, if these are few.
fn product(found: &[String], hir: &Hir) -> Option<Vec<String>> {
    let tails = texts(hir, 8)?;
    if found.len() * tails.len() > MAX_TEXTS {
        return None;
    }
    Some(found.iter().flat_map(|head| tails.iter().map(move |tail| format!("{head}{tail}"))).collect())
}

fn texts(hir: &Hir, depth: usize) -> Option<Vec<String>> {
    let depth = depth.checked_sub(1)?;
    match hir.kind() {
        HirKind::Empty => Some(vec![String::new()]),
        HirKind::Literal(l) => Some(vec![std::str::from_utf8(&l.0).ok()?.to_owned()]),
        HirKind::Class(Class::Unicode(class)) => {
            let count: u32 = class.ranges().iter().map(|r| u32::from(r.end()) - u32::from(r.start()) + 1).sum();
            let few = usize::try_from(count).is_ok_and(|n| n <= MAX_TEXTS);
            few.then(|| class.ranges().iter().flat_map(|r| r.start()..=r.end()).map(String::from).collect())
        }
        HirKind::Capture(c) => texts(&c.sub, depth),
        HirKind::Concat(parts) => parts.iter().try_fold(vec![String::new()], |found, part| {
            let tails = texts(part, depth)?;
            let fits = found.len() * tails.len() <= MAX_TEXTS;
            fits.then(|| found.iter().flat_map(|head| tails.iter().map(move |tail| format!("{head}{tail}"))).collect())
        }),
        HirKind::Alternation(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(texts(part, depth)?);
                if all.len() > MAX_TEXTS {
                    return None;
                }
            }
            Some(all)
        }
        _ => None,
    }
}
