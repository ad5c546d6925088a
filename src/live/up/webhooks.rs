//! Discord's webhooks in a configuration, replaced by labkit's own: byte by byte, everything else stays as written.

use std::sync::LazyLock;

use crate::golang::regexp::Regexp;
use crate::text::{SourceText, Span};
use crate::yaml::{self, Node, Style};

/// A webhook of Discord up to what may follow its token.
static WEBHOOK: LazyLock<Option<Regexp>> = LazyLock::new(|| {
    Regexp::new(
        r#"(?i)https?://(?:[a-z0-9-]+\.)*discord(?:app)?\.com/+api/+(?:v[0-9]+/+)?webhooks/+[^/\s"'?#]+/[^/\s"'?#]+"#,
    )
    .ok()
});

/// An `alertmanager.yml` whose messages go to labkit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// The text.
    pub text: String,
    /// Files that hold a webhook, as the configuration names them.
    pub files: Vec<String>,
    /// Kinds of receivers that are told as written, such as `email_configs`.
    pub untouched: Vec<String>,
}

/// Replaces every webhook of Discord in a text; nothing when it has none.
pub fn in_text(text: &str, url: &str) -> Option<String> {
    let webhook = WEBHOOK.as_ref()?;
    webhook.is_match(text).then(|| webhook.replace_all(text, &url.replace('$', "$$")))
}

/// Replaces the webhooks of an `alertmanager.yml`. What is no YAML stays as it is, for Alertmanager to refuse.
pub fn in_alertmanager(source: &SourceText, url: &str) -> Replaced {
    let mut replaced = Replaced { text: source.text().to_owned(), files: Vec::new(), untouched: Vec::new() };
    let Ok(Some(root)) = yaml::parse(source) else { return replaced };
    let mut edits: Vec<(Span, String)> = Vec::new();
    let mut set = |node: &Node, new: String| {
        let block = node.scalar().is_some_and(|s| matches!(s.style, Style::Literal | Style::Folded));
        let end = if block && source.text()[node.span().range()].ends_with('\n') { "\n" } else { "" };
        // An alias has the place of what it stands for.
        if !edits.iter().any(|(span, _)| *span == node.span()) {
            edits.push((node.span(), format!("'{new}'{end}")));
        }
    };
    let file = |node: Option<&Node>, files: &mut Vec<String>| {
        if let Some(path) = node.and_then(Node::as_str).filter(|p| !p.is_empty() && !files.iter().any(|f| f == p)) {
            files.push(path.to_owned());
        }
    };
    for receiver in root.get("receivers").map(Node::items).unwrap_or_default() {
        for (key, list) in receiver.entries() {
            let kind = key.as_str().unwrap_or_default();
            for config in list.items() {
                let told = match kind {
                    "discord_configs" => {
                        if let Some(node) = config.get("webhook_url")
                            && node.as_str().is_some_and(is_address_or_blank)
                        {
                            set(node, url.to_owned());
                        }
                        file(config.get("webhook_url_file"), &mut replaced.files);
                        true
                    }
                    "slack_configs" => discords(config.get("api_url"), url, &mut set),
                    "webhook_configs" => discords(config.get("url"), url, &mut set),
                    _ => !kind.ends_with("_configs"),
                };
                if !told && !replaced.untouched.iter().any(|k| k == kind) {
                    replaced.untouched.push(kind.to_owned());
                }
            }
        }
    }
    discords(root.get("global").and_then(|g| g.get("slack_api_url")), url, &mut set);
    edits.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
    for (span, new) in edits {
        replaced.text.replace_range(span.range(), &new);
    }
    replaced
}

/// Replaces the webhook of Discord in a setting, what follows it kept; tells whether there is one.
fn discords(node: Option<&Node>, url: &str, set: &mut impl FnMut(&Node, String)) -> bool {
    let Some((node, new)) = node.and_then(|n| Some((n, in_text(n.as_str()?, url)?))) else { return false };
    set(node, new);
    true
}

/// Whether a setting is an address, or a blank to be filled in: any other text is a mistake that must stay one.
fn is_address_or_blank(text: &str) -> bool {
    text.starts_with("http://") || text.starts_with("https://") || text.contains(['<', '$', '{']) || !text.contains('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "http://host.docker.internal:4711/api/webhooks/1/abc";

    fn replaced(text: &str) -> Replaced {
        in_alertmanager(&SourceText::new("alertmanager.yml", text.to_owned()), URL)
    }

    #[test]
    fn webhooks_are_replaced_and_nothing_else() {
        let text = "# mine\nroute: {receiver: d}\nreceivers:\n- name: d\n  discord_configs:\n  - webhook_url: \
                    https://discord.com/api/webhooks/7/x # secret\n    title: \"{{ .x }}\"\n";
        let got = replaced(text);
        assert_eq!(got.text, text.replace("https://discord.com/api/webhooks/7/x", &format!("'{URL}'")));
        assert!(got.files.is_empty() && got.untouched.is_empty());
    }

    #[test]
    fn every_way_to_discord_is_found() {
        let got = replaced(
            "global: {slack_api_url: 'https://discordapp.com/api/webhooks/7/x/slack'}\nreceivers:\n- name: a\n  \
             slack_configs: [{channel: c}, {api_url: \"https://ptb.discord.com/api/v10/webhooks/7/x/slack\"}]\n- name: \
             b\n  discord_configs:\n  - webhook_url: &u >-\n      https://discord.com/api/webhooks/8/y\n  - webhook_url: \
             *u\n  - webhook_url: <your webhook>\n- name: c\n  discord_configs: [{webhook_url_file: s/hook}]\n  \
             email_configs: [{to: a}]\n  webhook_configs: [{url: 'http://bridge:9094'}]\n",
        );
        assert_eq!(got.text.matches(&format!("'{URL}/slack'")).count(), 2, "{}", got.text);
        assert_eq!(got.text.matches(&format!("'{URL}'")).count(), 2, "{}", got.text);
        assert!(!got.text.contains("discord.com") && got.text.contains("- webhook_url: *u"), "{}", got.text);
        assert_eq!(got.files, ["s/hook"]);
        // Slack's own service, mail and bridges are told as the student wrote it.
        assert_eq!(got.untouched, ["slack_configs", "email_configs", "webhook_configs"]);
    }

    #[test]
    fn what_alertmanager_refuses_stays_refused() {
        for text in ["receivers: [", "receivers:\n- discord_configs:\n  - webhook_url: discord.com/api/webhooks/7/x\n"]
        {
            assert_eq!(replaced(text).text, text);
        }
    }

    #[test]
    fn webhooks_in_other_texts_are_found() {
        let got = in_text("--hook=https://discord.com/api/webhooks/7/a-b_c?wait=true ...", URL);
        assert_eq!(got.as_deref(), Some(format!("--hook={URL}?wait=true ...").as_str()));
        assert_eq!(in_text("https://example.invalid/api/webhooks/7/x", URL), None);
    }
}
