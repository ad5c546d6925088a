//! Replacing and expanding with Go's `$1` and `${name}`.

use regex_automata::Input;
use regex_automata::util::captures::Captures;

use super::Regexp;

/// What a template's `$...` names.
enum Reference<'t> {
    Number(usize),
    Name(&'t str),
}

impl Regexp {
    /// `ReplaceAllString`: every match replaced by the template's expansion.
    pub fn replace_all(&self, text: &str, template: &str) -> String {
        self.replace_all_within(text, template, usize::MAX).unwrap_or_else(|| text.to_owned())
    }

    /// As [`Self::replace_all`], but none when the result would be longer than `max` bytes: a replacement in many
    /// places multiplies.
    pub fn replace_all_within(&self, text: &str, template: &str, max: usize) -> Option<String> {
        let mut out = String::new();
        let mut captures = self.engine().create_captures();
        let (mut copied, mut at) = (0, 0);
        let mut any = false;
        while at <= text.len() {
            self.engine().search_captures(&Input::new(text).range(at..), &mut captures);
            let Some(found) = captures.get_match() else {
                break;
            };
            any = true;
            out.push_str(&text[copied..found.start()]);
            // No second replacement for an empty match right behind another.
            if found.end() > copied || found.start() == 0 {
                self.push_expansion(&mut out, template, text, &captures);
                if out.len() > max {
                    return None;
                }
            }
            copied = found.end();
            let width = text[at..].chars().next().map_or(0, char::len_utf8);
            if at + width > found.end() {
                at += width;
            } else if at + 1 > found.end() {
                at += 1;
            } else {
                at = found.end();
            }
        }
        if !any {
            return Some(text.to_owned());
        }
        out.push_str(&text[copied..]);
        Some(out)
    }

    /// The groups of the leftmost match, the whole match first; `None` without a match.
    pub fn find_submatch<'t>(&self, text: &'t str) -> Option<Vec<Option<&'t str>>> {
        let mut captures = self.engine().create_captures();
        self.engine().captures(text, &mut captures);
        captures.is_match().then(|| captures.iter().map(|s| s.map(|s| &text[s.range()])).collect())
    }

    /// `FindStringSubmatchIndex` and `ExpandString` in one: the template's expansion for the leftmost match.
    pub fn expand(&self, text: &str, template: &str) -> Option<String> {
        let mut captures = self.engine().create_captures();
        self.engine().captures(text, &mut captures);
        if !captures.is_match() {
            return None;
        }
        let mut out = String::new();
        self.push_expansion(&mut out, template, text, &captures);
        Some(out)
    }

    fn push_expansion(&self, out: &mut String, template: &str, text: &str, captures: &Captures) {
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            rest = after;
            if let Some(after) = rest.strip_prefix('$') {
                out.push('$');
                rest = after;
                continue;
            }
            let Some((reference, after)) = reference(rest) else {
                out.push('$');
                continue;
            };
            rest = after;
            let span = match reference {
                Reference::Number(n) => captures.get_group(n),
                Reference::Name(name) => (0..self.names().len())
                    .filter(|i| self.names()[*i].as_deref() == Some(name))
                    .find_map(|i| captures.get_group(i)),
            };
            if let Some(span) = span {
                out.push_str(&text[span.range()]);
            }
        }
        out.push_str(rest);
    }
}

/// Reads what follows a `$`: the longest run of letters, digits and underscores, in braces or not.
fn reference(text: &str) -> Option<(Reference<'_>, &str)> {
    let (braced, text) = text.strip_prefix('{').map_or((false, text), |t| (true, t));
    let end = text.find(|c: char| !(c == '_' || c.is_alphanumeric())).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() {
        return None;
    }
    let rest = if braced { rest.strip_prefix('}')? } else { rest };
    let numeric = name.bytes().all(|b| b.is_ascii_digit()) && (name.len() == 1 || !name.starts_with('0'));
    let number = if numeric { name.parse().ok().filter(|n| *n < 1_000_000_000) } else { None };
    Some((number.map_or(Reference::Name(name), Reference::Number), rest))
}

/// `regexp.QuoteMeta`: a pattern that matches exactly this text.
pub fn quote_meta(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
