//! A student's text made safe to print: secrets masked, control characters shown instead of sent.

use std::borrow::Cow;

use super::mask::secrets;

/// Whether a character could steer a terminal or hide what stands in a line.
fn steers(c: char) -> bool {
    let hides = matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}');
    (c.is_control() && c != '\n' && c != '\t') || hides
}

/// The text with control characters written as escapes; line ends and tabs stay.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(steers) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if steers(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    Cow::Owned(out)
}

/// The text as it may be shown: secrets masked, control characters escaped.
pub fn shown(text: &str) -> String {
    Cleaned::new(text).text
}

/// A text as it may be shown, with the way from old places to new ones.
pub(super) struct Cleaned {
    pub text: String,
    /// Old and new offset after each piece.
    map: Vec<(usize, usize)>,
}

impl Cleaned {
    pub fn new(text: &str) -> Self {
        let mut cleaned = Self { text: String::with_capacity(text.len()), map: vec![(0, 0)] };
        let mut at = 0;
        for (range, mask) in secrets(text) {
            cleaned.piece(&text[at..range.start], at);
            cleaned.text.push_str(mask);
            cleaned.map.push((range.end, cleaned.text.len()));
            at = range.end;
        }
        cleaned.piece(&text[at..], at);
        cleaned
    }

    fn piece(&mut self, text: &str, start: usize) {
        for (i, c) in text.char_indices() {
            if steers(c) {
                self.map.push((start + i, self.text.len()));
                self.text.extend(c.escape_unicode());
                self.map.push((start + i + c.len_utf8(), self.text.len()));
            } else {
                self.text.push(c);
            }
        }
    }

    /// The new offset of an old one; inside a masked secret it is the mask's end.
    pub fn at(&self, old: usize) -> usize {
        let i = self.map.partition_point(|(o, _)| *o <= old).saturating_sub(1);
        let (o, n) = self.map[i];
        let limit = self.map.get(i + 1).map_or(self.text.len(), |(_, n)| *n);
        let mut new = (n + (old - o)).min(limit);
        while !self.text.is_char_boundary(new) {
            new += 1;
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_not_sent() {
        assert_eq!(printable("a\u{1b}[31mb\u{202e}\tc\n"), "a\\u{1b}[31mb\\u{202e}\tc\n");
        assert_eq!(shown("\u{7}password: x"), "\\u{7}password: •••");
    }

    #[test]
    fn places_move_with_what_is_replaced() {
        let text = "é password: abcdef, then \u{1b}!";
        let cleaned = Cleaned::new(text);
        let then = text.find("then").expect("it is there");
        assert!(cleaned.text[cleaned.at(then)..].starts_with("then"));
        let bang = text.find('!').expect("it is there");
        assert_eq!(&cleaned.text[cleaned.at(bang)..], "!");
        assert_eq!(cleaned.at(text.len()), cleaned.text.len());
    }
}
