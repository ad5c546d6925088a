//! Letter case as Go changes it: `strings.ToUpper`, `ToLower` and `Title` map each character to one character,
//! [`title_case`] is that of golang.org/x/text for English.
//!
//! Facts: measured with `amtool template render` 0.25.

/// Go's `strings.ToUpper`.
pub fn to_upper(text: &str) -> String {
    text.chars().map(|c| single(c, c.to_uppercase()).unwrap_or_else(|| iota_title(c))).collect()
}

/// Go's `strings.ToLower`.
pub fn to_lower(text: &str) -> String {
    // The only character whose full mapping is longer is the dotted capital I, whose simple one is i.
    text.chars().map(|c| single(c, c.to_lowercase()).unwrap_or('i')).collect()
}

fn single(c: char, mut mapped: impl Iterator<Item = char>) -> Option<char> {
    let first = mapped.next().unwrap_or(c);
    mapped.next().is_none().then_some(first)
}

/// `strings.Title`: every letter behind a separator, so `it's` becomes `It'S`; the rest stays.
pub fn title_words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut previous = ' ';
    for c in text.chars() {
        if is_separator(previous) {
            out.push(simple_title(c));
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

/// `cases.Title` of golang.org/x/text: words by Unicode's rules, the first cased letter of each in title case, so `it's`
/// becomes `It's`. The rest of the word is made small, or kept (`cases.NoLower`).
pub fn title_case(text: &str, keep_rest: bool) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = word_end(&chars, at);
        push_titled(&mut out, &chars[at..end], keep_rest);
        at = end;
    }
    out
}

/// Where the word that begins at `at` ends; what is in no word is a word of its own.
fn word_end(chars: &[char], at: usize) -> usize {
    let mut end = at + 1;
    if !in_word(chars[at]) {
        return end;
    }
    while let Some(c) = chars.get(end) {
        if in_word(*c) {
            end += 1;
        } else if joins(*c) && chars.get(end + 1).is_some_and(|next| in_word(*next)) {
            end += 2;
        } else {
            break;
        }
    }
    end
}

fn in_word(c: char) -> bool {
    match c {
        '_' | '\u{200d}' | '\u{ad}' | '\u{203f}' | '\u{2040}' => true,
        '\u{300}'..='\u{36f}' | '\u{20d0}'..='\u{20ff}' => true,
        c => is_cased(c) || c.is_ascii_digit() || (c.is_alphabetic() && !is_ideograph(c)),
    }
}

/// Scripts that are written without blanks between words do not hold a word together.
fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

/// Punctuation between two parts of one word.
fn joins(c: char) -> bool {
    matches!(
        c,
        '\'' | '.'
            | ':'
            | '\u{b7}'
            | '\u{2018}'
            | '\u{2019}'
            | '\u{2024}'
            | '\u{2027}'
            | '\u{387}'
            | '\u{55f}'
            | '\u{5f4}'
            | '\u{fe13}'
            | '\u{fe52}'
            | '\u{fe55}'
            | '\u{ff07}'
            | '\u{ff0e}'
            | '\u{ff1a}'
    )
}

fn is_cased(c: char) -> bool {
    c.is_lowercase() || c.is_uppercase() || matches!(c, 'ǅ' | 'ǈ' | 'ǋ' | 'ǲ')
}

fn push_titled(out: &mut String, word: &[char], keep_rest: bool) {
    let Some(first) = word.iter().position(|c| is_cased(*c)) else {
        out.extend(word);
        return;
    };
    out.extend(&word[..first]);
    push_title_char(out, word[first]);
    if keep_rest {
        out.extend(&word[first + 1..]);
        return;
    }
    // The small final sigma depends on what stands around it, so the whole word is mapped.
    let whole: String = word[first..].iter().collect();
    let small = whole.to_lowercase();
    let first_small: String = word[first].to_lowercase().collect();
    out.push_str(small.strip_prefix(&first_small).unwrap_or(""));
}

fn push_title_char(out: &mut String, c: char) {
    if simple_title(c) != c {
        out.push(simple_title(c));
        return;
    }
    let mut upper = c.to_uppercase();
    let first = upper.next().unwrap_or(c);
    out.push(first);
    for c in upper {
        if first.is_uppercase() {
            out.extend(c.to_lowercase());
        } else {
            out.push(c);
        }
    }
}

/// The title case of a character where that is one character, else itself.
fn simple_title(c: char) -> char {
    match c {
        'Ǆ' | 'ǅ' | 'ǆ' => 'ǅ',
        'Ǉ' | 'ǈ' | 'ǉ' => 'ǈ',
        'Ǌ' | 'ǋ' | 'ǌ' => 'ǋ',
        'Ǳ' | 'ǲ' | 'ǳ' => 'ǲ',
        c => single(c, c.to_uppercase()).unwrap_or_else(|| iota_title(c)),
    }
}

/// Greek letters with an iota below have a single capital, which full upper case takes apart.
fn iota_title(c: char) -> char {
    match c {
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => {
            char::from_u32(u32::from(c) + 8).unwrap_or(c)
        }
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => char::from_u32(u32::from(c) + 9).unwrap_or(c),
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_titled_as_measured() {
        for (text, wanted) in [
            ("hello wORLD-x y_z o'neil", "Hello World-X Y_z O'neil"),
            ("a.b 1st a1b HTTP_requests don’t a:b", "A.b 1St A1b Http_requests Don’t A:b"),
            ("a..b a,b a/b 'quoted' _a a-1b", "A..B A,B A/B 'Quoted' _A A-1B"),
            ("ßx ǆx ﬁx ᾳx ΣΑΣ ΑΣΑ. iİ", "Ssx ǅx Fix ᾼx Σας Ασα. Ii\u{307}"),
            ("日本x x²y a\u{200d}b", "日本X X²Y A\u{200d}b"),
        ] {
            assert_eq!(title_case(text, false), wanted);
        }
        assert_eq!(title_case("this part wORLD o'neil", true), "This Part WORLD O'neil");
    }

    #[test]
    fn the_older_title_knows_separators_only() {
        assert_eq!(title_words("hello-world foo_bar it's héllo wORLD"), "Hello-World Foo_bar It'S Héllo WORLD");
    }

    #[test]
    fn upper_and_lower_map_one_character_to_one() {
        assert_eq!(to_upper("straße ŉ ﬁ ǆ ᾳ ı"), "STRAßE ŉ ﬁ Ǆ ᾼ I");
        assert_eq!(to_lower("İI ẞ ΣΑΣ"), "ii ß σασ");
    }
}
