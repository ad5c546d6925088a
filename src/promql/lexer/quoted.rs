//! String literals.

use super::scan::{LexError, Lexer};
use super::token::{Token, TokenKind};
use crate::golang::quoting::is_print;

impl Lexer<'_> {
    /// Behind an opening `"` or `'`.
    pub(super) fn quoted(&mut self, mark: char) -> Result<Option<Token>, LexError> {
        loop {
            match self.bump() {
                None | Some('\n') => return self.fail("unterminated quoted string"),
                Some('\u{FFFD}') => return self.fail("invalid UTF-8 rune"),
                Some('\\') => self.escape(mark)?,
                Some(c) if c == mark => return self.emit(TokenKind::String),
                Some(_) => {}
            }
        }
    }

    /// Behind an opening backquote.
    pub(super) fn raw_quoted(&mut self) -> Result<Option<Token>, LexError> {
        loop {
            match self.bump() {
                None => return self.fail("unterminated raw string"),
                Some('\u{FFFD}') => return self.fail("invalid UTF-8 rune"),
                Some('`') => return self.emit(TokenKind::String),
                Some(_) => {}
            }
        }
    }

    fn escape(&mut self, mark: char) -> Result<(), LexError> {
        let Some(c) = self.bump() else {
            return self.fail("escape sequence not terminated");
        };
        let (digits, base, max) = match c {
            'a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\' => return Ok(()),
            c if c == mark => return Ok(()),
            '0'..='7' => {
                self.pos -= 1;
                (3, 8, 255)
            }
            'x' => (2, 16, 255),
            'u' => (4, 16, u32::from(char::MAX)),
            'U' => (8, 16, u32::from(char::MAX)),
            c => return self.fail(format!("unknown escape sequence {}", code_point(c))),
        };
        let mut value: u32 = 0;
        for _ in 0..digits {
            let Some(c) = self.bump() else {
                return self.fail("escape sequence not terminated");
            };
            let Some(digit) = c.to_digit(base) else {
                return self.fail(format!("illegal character {} in escape sequence", code_point(c)));
            };
            value = value.wrapping_mul(base).wrapping_add(digit);
        }
        if value > max || (0xD800..0xE000).contains(&value) {
            return self.fail("escape sequence is an invalid Unicode code point");
        }
        Ok(())
    }
}

/// Go's `%#U`: `U+0071 'q'`.
fn code_point(c: char) -> String {
    let number = format!("U+{:04X}", u32::from(c));
    if is_print(c) { format!("{number} '{c}'") } else { number }
}
