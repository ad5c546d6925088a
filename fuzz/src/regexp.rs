//! Regular expressions in Go's dialect. The input's lines: pattern, text, replacement.

use labkit::golang::GoVersion;
use labkit::golang::regexp::{Regexp, quote_meta};

/// Compiles a pattern and searches a text with it; quick ways agree with the engine.
pub fn run(data: &[u8]) {
    let Some(input) = super::text(data) else { return };
    let mut lines = input.splitn(3, '\n');
    let pattern = lines.next().unwrap_or_default();
    let text: String = lines.next().unwrap_or_default().chars().take(200).collect();
    let replacement = lines.next().unwrap_or("<$1>");
    for regexp in [
        Regexp::new(pattern),
        Regexp::new_as(pattern, GoVersion::V1_19),
        Regexp::anchored(pattern, false),
        Regexp::anchored(pattern, true),
    ] {
        let Ok(regexp) = regexp else { continue };
        assert_eq!(regexp.is_match(&text), regexp.engine().is_match(&text), "{pattern:?} on {text:?}");
        let _ = regexp.replace_all(&text, replacement);
        if let Some(groups) = regexp.find_submatch(&text) {
            assert_eq!(groups.len(), regexp.names().len());
        }
    }
    let quoted = Regexp::anchored(&quote_meta(&text), true).expect("a quoted text is a pattern");
    assert!(quoted.is_match(&text), "{text:?} is not matched by itself, quoted");
}
