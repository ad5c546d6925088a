//! Commands: splitting a text into words, and finding flags among arguments.

/// Splits a text into words as compose does: quotes and backslashes of a shell, nothing expanded. `None` when a quote
/// is not closed.
pub fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '"' => break,
                        '\\' => match chars.next()? {
                            c @ ('"' | '\\' | '$' | '`') => word.push(c),
                            '\n' => {}
                            c => word.extend(['\\', c]),
                        },
                        c => word.push(c),
                    }
                }
            }
            '\\' => {
                if let Some(c) = chars.next().filter(|c| *c != '\n') {
                    word.get_or_insert_default().push(c);
                }
            }
            c if c.is_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

/// The last value of a flag: `--name=value`, `--name value`, one dash or two. A flag without a value gives `""`.
pub fn flag<'a>(arguments: &'a [String], name: &str) -> Option<&'a str> {
    let mut found = None;
    for (i, argument) in arguments.iter().enumerate() {
        let Some(rest) = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-')) else { continue };
        match rest.strip_prefix(name) {
            Some("") => {
                let next = arguments.get(i + 1).map(String::as_str);
                found = Some(next.filter(|n| !n.starts_with('-')).unwrap_or(""));
            }
            Some(value) if value.starts_with('=') => found = Some(&value[1..]),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_splits_them() {
        let split = |t: &str| words(t).unwrap();
        assert_eq!(split("a  'b c' \"d \\\"e\" f\\ g ''"), ["a", "b c", "d \"e", "f g", ""]);
        assert_eq!(split("--a=1 \\\n --b"), ["--a=1", "--b"]);
        assert_eq!(split(""), Vec::<String>::new());
        assert_eq!(words("a 'b"), None);
    }

    #[test]
    fn flags_are_found_in_every_spelling() {
        let args = |t: &str| words(t).unwrap();
        for text in [
            "--config.file=/x",
            "-config.file=/x",
            "--config.file /x",
            "-config.file /x",
            "--config.file=/y --config.file=/x",
        ] {
            assert_eq!(flag(&args(text), "config.file"), Some("/x"), "{text}");
        }
        assert_eq!(flag(&args("--config.file --web.enable-lifecycle"), "config.file"), Some(""));
        assert_eq!(flag(&args("--config.files=/x config.file"), "config.file"), None);
    }
}
