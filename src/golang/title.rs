//! Titles: the first letter of each word made large, in Go's two ways.

/// `strings.Title`: every letter behind a separator, so `it's` becomes `It'S`; the rest stays.
pub fn title_words(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    let mut previous = ' ';
    for c in s.chars() {
        if is_separator(previous) {
            push_upper(&mut out, c);
        } else {
            out.push(c);
        }
        previous = c;
    }
    out
}

fn is_separator(c: char) -> bool {
    if c.is_ascii() { !(c.is_ascii_alphanumeric() || c == '_') } else { !c.is_alphanumeric() && c.is_whitespace() }
}

/// `cases.Title` of golang.org/x/text: words by Unicode's rules, so `it's` becomes `It's`.
/// `keep_rest` leaves the letters behind the first as they are (`cases.NoLower`).
pub fn title_case(s: &str, keep_rest: bool) -> String {
    let chars: Vec<char> = s.chars().collect();
    let mut out = String::with_capacity(s.len());
    let mut in_word = false;
    for (i, &c) in chars.iter().enumerate() {
        if c.is_alphabetic() {
            if !in_word {
                push_upper(&mut out, c);
            } else if keep_rest {
                out.push(c);
            } else {
                out.extend(c.to_lowercase());
            }
            in_word = true;
            continue;
        }
        out.push(c);
        // Digits and underscores never end a word; apostrophes, dots and colons do not between letters.
        let next_letter = chars.get(i + 1).is_some_and(|n| n.is_alphabetic());
        let joins = c.is_numeric() || c == '_' || (matches!(c, '\'' | '’' | '.' | ':' | '·') && next_letter);
        in_word = in_word && joins;
    }
    out
}

fn push_upper(out: &mut String, c: char) {
    out.extend(c.to_uppercase());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_begin_large() {
        assert_eq!(title_words("hello-world foo_bar it's héllo wORLD"), "Hello-World Foo_bar It'S Héllo WORLD");
        assert_eq!(title_case("hello wORLD-x y_z o'neil", false), "Hello World-X Y_z O'neil");
        assert_eq!(title_case("this part wORLD", true), "This Part WORLD");
        assert_eq!(title_case("a.b 'c'", false), "A.b 'C'");
    }
}
