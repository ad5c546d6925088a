//! Character classes by name: Perl's `\d \w \s` (ASCII, as in Go), POSIX' `[:alpha:]`, Unicode's `\p{Greek}`.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, HirKind};

/// A class of the given ranges.
pub(super) fn of_ranges(ranges: &[(char, char)]) -> ClassUnicode {
    ClassUnicode::new(ranges.iter().map(|(lo, hi)| ClassUnicodeRange::new(*lo, *hi)))
}

const DIGIT: &[(char, char)] = &[('0', '9')];
const SPACE: &[(char, char)] = &[('\t', '\n'), ('\u{c}', '\r'), (' ', ' ')];
const WORD: &[(char, char)] = &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];

/// `d`, `D`, `s`, `S`, `w`, `W` behind a backslash: the ranges, and whether they are negated.
pub(super) fn perl(letter: char) -> Option<(&'static [(char, char)], bool)> {
    Some(match letter {
        'd' => (DIGIT, false),
        'D' => (DIGIT, true),
        's' => (SPACE, false),
        'S' => (SPACE, true),
        'w' => (WORD, false),
        'W' => (WORD, true),
        _ => return None,
    })
}

/// `[:alpha:]` and `[:^alpha:]`.
pub(super) fn posix(name: &str) -> Option<(&'static [(char, char)], bool)> {
    let inner = name.strip_prefix("[:")?.strip_suffix(":]")?;
    let (inner, negated) = inner.strip_prefix('^').map_or((inner, false), |rest| (rest, true));
    let ranges: &[(char, char)] = match inner {
        "alnum" => &[('0', '9'), ('A', 'Z'), ('a', 'z')],
        "alpha" => &[('A', 'Z'), ('a', 'z')],
        "ascii" => &[('\0', '\u{7f}')],
        "blank" => &[('\t', '\t'), (' ', ' ')],
        "cntrl" => &[('\0', '\u{1f}'), ('\u{7f}', '\u{7f}')],
        "digit" => DIGIT,
        "graph" => &[('!', '~')],
        "lower" => &[('a', 'z')],
        "print" => &[(' ', '~')],
        "punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        "space" => &[('\t', '\r'), (' ', ' ')],
        "upper" => &[('A', 'Z')],
        "word" => WORD,
        "xdigit" => &[('0', '9'), ('A', 'F'), ('a', 'f')],
        _ => return None,
    };
    Some((ranges, negated))
}

const CATEGORIES: [&str; 37] = [
    "C", "Cc", "Cf", "Co", "Cs", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd", "Nl", "No", "P",
    "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z", "Zl", "Zp", "Zs", "Any",
];

/// A general category or script by the name Go knows it under.
pub(super) fn unicode(name: &str) -> Option<ClassUnicode> {
    if name == "Any" {
        return Some(of_ranges(&[('\0', char::MAX)]));
    }
    if name == "Cs" {
        // Surrogates never stand in UTF-8.
        return Some(ClassUnicode::empty());
    }
    let pattern = match name {
        // Go's C has no unassigned characters.
        "C" => r"[\p{Cc}\p{Cf}\p{Co}]".to_owned(),
        _ if CATEGORIES.contains(&name) => format!(r"\p{{gc={name}}}"),
        _ if is_script_name(name) => format!(r"\p{{sc={name}}}"),
        _ => return None,
    };
    match regex_syntax::parse(&pattern).ok()?.into_kind() {
        HirKind::Class(Class::Unicode(class)) => Some(class),
        _ => None,
    }
}

/// Long script names only, in their own spelling: the table behind would take aliases and any case.
fn is_script_name(name: &str) -> bool {
    if name == "SignWriting" {
        return true;
    }
    let long = !matches!(name.len(), 0..=1)
        && (name.len() != 4 || matches!(name, "Ahom" | "Cham" | "Kawi" | "Lisu" | "Modi" | "Thai" | "Toto"));
    long && name.split('_').all(|part| {
        let mut chars = part.chars();
        chars.next().is_some_and(|c| c.is_ascii_uppercase()) && chars.all(|c| c.is_ascii_lowercase())
    })
}
