//! Secrets in a student's text: webhook addresses, tokens, passwords. They are masked wherever text is shown.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use regex_automata::meta::Regex;
use regex_automata::util::captures::Captures;

/// What stands for a secret.
const MASK: &str = "•••";

/// Patterns with what is shown instead: of the whole match, or of the first group when it has one.
const PATTERNS: [(&str, &str); 9] = [
    (
        r"(?i)https?://(?:[a-z0-9-]+\.)*discord(?:app)?\.com/+api/+(?:v[0-9]+/+)?webhooks/[0-9]+/[^\s\x22'`<>)\]}?#/]+",
        "https://discord.com/api/webhooks/…/•••",
    ),
    (
        r"(?i)https?://hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/[^\s\x22'`<>)\]}]+",
        "https://hooks.slack.com/services/…/•••",
    ),
    (r"(?i)https?://[a-z0-9.-]+\.webhook\.office\.com/[^\s\x22'`<>)\]}]+", "https://….webhook.office.com/•••"),
    (r"(?i)api\.telegram\.org/bot([0-9]{6,}:[A-Za-z0-9_-]{20,})", MASK),
    (r"(?i)\bbearer\s+([A-Za-z0-9._~+/=-]{8,})", MASK),
    (r"[a-zA-Z][a-zA-Z0-9+.-]*://[^\s/:@\x22']*:([^\s/@\x22']+)@", MASK),
    (
        r"\b(?:gh[opsur]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|gl(?:sa|c)_[A-Za-z0-9_=+/-]{16,}|glpat-[A-Za-z0-9_-]{16,}|xox[abeprs]-[A-Za-z0-9-]{10,}|AKIA[0-9A-Z]{16}|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*)",
        MASK,
    ),
    (
        r#"(?im)(?:^|[^a-z0-9.])(?:pass(?:word|wd|phrase)?|secret|token|api_?key|secret_?key|access_?key|private_?key|routing_key|service_key|user_key|auth_token|credentials)["']?\s*[:=]\s*"((?:[^"\\\n]|\\.)+)""#,
        MASK,
    ),
    (
        r#"(?im)(?:^|[^a-z0-9.])(?:pass(?:word|wd|phrase)?|secret|token|api_?key|secret_?key|access_?key|private_?key|routing_key|service_key|user_key|auth_token|credentials)["']?\s*[:=]\s*'?([^\s"'{}\[\],#][^\s"',}\]]*)"#,
        MASK,
    ),
];

static REGEXES: LazyLock<Regex> = LazyLock::new(|| {
    let patterns: Vec<&str> = PATTERNS.iter().map(|(p, _)| *p).collect();
    Regex::new_many(&patterns).expect("the patterns are valid")
});

/// Whether a text has anything that every secret has. Spares most short texts the patterns, whose building costs
/// milliseconds.
fn may_hold_secrets(text: &str) -> bool {
    text.contains(|c: char| c == ':' || c == '=' || c.is_whitespace())
        || ["gh", "gl", "xox", "AKIA", "eyJ"].iter().any(|begin| text.contains(begin))
}

/// Where secrets stand, with what to show instead; in order, without overlaps.
pub(super) fn secrets(text: &str) -> Vec<(Range<usize>, &'static str)> {
    if !may_hold_secrets(text) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut captures = REGEXES.create_captures();
    let mut at = 0;
    while at <= text.len() {
        let mut input = regex_automata::Input::new(text);
        input.set_start(at);
        REGEXES.search_captures(&input, &mut captures);
        let Some((range, next)) = secret_of(&captures, text) else { break };
        if let Some(found_one) = range {
            found.push(found_one);
        }
        at = next;
    }
    found
}

/// The secret of one match, if it is one, and where to look on.
#[allow(clippy::type_complexity)]
fn secret_of(captures: &Captures, text: &str) -> Option<(Option<(Range<usize>, &'static str)>, usize)> {
    let whole = captures.get_match()?;
    let shown = PATTERNS[whole.pattern().as_usize()].1;
    let range = captures.get_group(1).map_or(whole.range(), |g| g.range());
    let next = whole.end().max(whole.start() + 1);
    let next = (next..=text.len()).find(|i| text.is_char_boundary(*i)).unwrap_or(text.len() + 1);
    let value = &text[range.clone()];
    // Placeholders, references to the environment and file names are no secrets.
    let placeholder = value.starts_with("${") || value.starts_with('$') || value.starts_with('<') || value == MASK;
    let word = matches!(value, "null" | "~" | "true" | "false" | "|" | ">" | "!secret" | "str" | "String" | "None");
    Some(((!placeholder && !word).then_some((range, shown)), next))
}

/// The text with its secrets masked.
///
/// ```
/// use labkit::text::mask_secrets;
/// assert_eq!(
///     mask_secrets("url: https://discord.com/api/webhooks/123/abc-DEF"),
///     "url: https://discord.com/api/webhooks/…/•••"
/// );
/// ```
pub fn mask_secrets(text: &str) -> Cow<'_, str> {
    let found = secrets(text);
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for (range, shown) in found {
        out.push_str(&text[at..range.start]);
        out.push_str(shown);
        at = range.end;
    }
    out.push_str(&text[at..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webhooks_tokens_and_passwords_are_masked() {
        for (text, shown) in [
            (
                "webhook_url: 'https://discordapp.com/api/webhooks/1/x_Y-z'",
                "webhook_url: 'https://discord.com/api/webhooks/…/•••'",
            ),
            (
                "https://canary.discord.com/api/v10/webhooks/1/tok?wait=true",
                "https://discord.com/api/webhooks/…/•••?wait=true",
            ),
            ("https://hooks.slack.com/services/T0/B0/xyz end", "https://hooks.slack.com/services/…/••• end"),
            ("smtp_auth_password: \"a b\\\"c\"", "smtp_auth_password: \"•••\""),
            ("GF_SECURITY_ADMIN_PASSWORD=hunter2", "GF_SECURITY_ADMIN_PASSWORD=•••"),
            ("{\"token\": \"abc\"}", "{\"token\": \"•••\"}"),
            ("http://me:pw@host/", "http://me:•••@host/"),
            ("Authorization: Bearer abcdefgh.ijk", "Authorization: Bearer •••"),
            ("ghp_0123456789012345678901234567890123456", "•••"),
        ] {
            assert_eq!(mask_secrets(text), shown);
        }
    }

    #[test]
    fn placeholders_files_and_plain_text_stay() {
        for text in [
            "password: ${PASSWORD}",
            "password_file: /run/secrets/x",
            "webhook_url: https://discord.com/api/webhooks/<ID>/<TOKEN>",
            "rate(node_cpu_seconds_total[1m])",
            "token:",
            "secret: null",
        ] {
            assert_eq!(mask_secrets(text), text);
        }
    }
}
