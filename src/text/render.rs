//! A diagnostic drawn for people: the line with the place underlined, what is wrong beside it, how to mend it beneath.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::printable::{Cleaned, shown};
use super::{Diagnostic, Label, Severity, SourceText, Span};

/// Longest part of a line that is shown, in bytes.
const MAX_LINE: usize = 200;
/// Related places this near the primary one, in lines, are drawn in one piece with it.
const NEAR: usize = 6;

/// Draws a diagnostic over several lines, without a line end at the end. Secrets are masked and control characters
/// escaped; without `colour` there are no escape sequences at all.
pub fn render(diagnostic: &Diagnostic, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Info => Level::INFO,
    };
    let mut group: Group<'_> = Group::with_title(level.primary_title(shown(&diagnostic.message)));
    let mut apart: Vec<&Label> = diagnostic.related.iter().collect();
    if let Some(primary) = &diagnostic.primary {
        let line = |label: &Label| label.source.position(label.span.start as usize).line;
        let beside: Vec<&Label>;
        (beside, apart) = apart
            .into_iter()
            .partition(|r| r.source.name() == primary.source.name() && line(r).abs_diff(line(primary)) <= NEAR);
        group = group.element(snippet(primary, &beside, AnnotationKind::Primary));
    }
    for label in apart {
        group = group.element(snippet(label, &[], AnnotationKind::Context));
    }
    if let Some(upstream) = diagnostic.upstream.as_ref().filter(|u| !u.contains(&diagnostic.message)) {
        group = group.element(Level::NOTE.message(format!("the real program says: {}", shown(upstream))));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(shown(help)));
    }
    renderer.render(&[group])
}

fn snippet(
    label: &Label,
    beside: &[&Label],
    kind: AnnotationKind,
) -> Snippet<'static, annotate_snippets::Annotation<'static>> {
    let excerpt = Excerpt::of(&label.source, std::iter::once(label).chain(beside.iter().copied()));
    let mut snippet = Snippet::source(excerpt.cleaned.text.clone())
        .line_start(excerpt.first_line)
        .path(shown(label.source.name()))
        .fold(true)
        .annotation(kind.span(excerpt.range(label.span)).label(text_of(label)));
    for related in beside {
        snippet = snippet.annotation(AnnotationKind::Context.span(excerpt.range(related.span)).label(text_of(related)));
    }
    snippet
}

fn text_of(label: &Label) -> Option<String> {
    (!label.text.is_empty()).then(|| shown(&label.text))
}

/// The lines around some places, ready to be shown.
struct Excerpt {
    first_line: usize,
    /// Offset of the excerpt in the file.
    start: usize,
    /// Bytes left out in the middle of a long line: from, to.
    cut: Option<(usize, usize)>,
    cleaned: Cleaned,
}

impl Excerpt {
    fn of<'l>(source: &SourceText, labels: impl Iterator<Item = &'l Label> + Clone) -> Self {
        let lines = labels.clone().map(|l| source.position(l.span.start as usize).line);
        let first_line = lines.clone().min().unwrap_or(1).saturating_sub(1).max(1);
        let last_line = lines.max().unwrap_or(1);
        let start = source.line_start(first_line).unwrap_or(0);
        let end = source.line_start(last_line + 1).unwrap_or(source.text().len());
        let text = source.text()[start..end].trim_end_matches(['\n', '\r']);
        // A single place far into a very long line: what stands before and behind it is left out.
        let place = labels.clone().next().map_or(0, |l| (l.span.start as usize).saturating_sub(start));
        if text.len() <= (last_line - first_line + 1) * MAX_LINE {
            return Self { first_line, start, cut: None, cleaned: Cleaned::new(&text.replace('\r', " ")) };
        }
        let line_start = text[..floor(text, place)].rfind('\n').map_or(0, |i| i + 1);
        let from = floor(text, place.saturating_sub(MAX_LINE / 2).max(line_start));
        let to = floor(text, (place + MAX_LINE / 2).min(text.len()));
        let to = text[from..to].find('\n').map_or(to, |i| from + i);
        let shown = text[from..to].replace('\r', " ");
        Self { first_line: last_line, start, cut: Some((from, to)), cleaned: Cleaned::new(&shown) }
    }

    /// The place in the excerpt; never empty where there is a character to underline.
    fn range(&self, span: Span) -> std::ops::Range<usize> {
        let inside = |offset: u32| {
            let offset = (offset as usize).saturating_sub(self.start);
            self.cleaned.at(self.cut.map_or(offset, |(from, to)| offset.clamp(from, to) - from))
        };
        let start = inside(span.start);
        // A place over several lines is underlined in its first line only.
        let line_end = self.cleaned.text[start..].find('\n').map_or(self.cleaned.text.len(), |i| start + i);
        let end = inside(span.end).clamp(start, line_end);
        if end > start {
            return start..end;
        }
        let next = self.cleaned.text[start..].chars().next().map_or(0, char::len_utf8);
        start..(start + next).min(line_end.max(start))
    }
}

/// The last character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, wanted: &str) -> (SourceText, Span) {
        let start = text.find(wanted).expect("it is there");
        (SourceText::new("prometheus.yml", text), Span::new(start, start + wanted.len()))
    }

    #[test]
    fn the_place_is_underlined_and_the_help_beneath() {
        let (source, span) = at("global:\n  scrape_interval: 15\n", "15");
        let d = Diagnostic::error("not a valid duration string: \"15\"").at(&source, span).help("add a unit: 15s");
        let drawn = render(&d, false);
        assert!(drawn.contains("prometheus.yml:2:20"), "{drawn}");
        assert!(drawn.lines().any(|l| l.contains("^^") && !l.contains("^^^")), "{drawn}");
        assert!(drawn.contains("help: add a unit: 15s"), "{drawn}");
        assert!(!drawn.contains('\u{1b}'));
        assert!(render(&d, true).contains('\u{1b}'));
    }

    #[test]
    fn secrets_and_control_characters_of_a_line_are_not_shown() {
        let text = "url: https://discord.com/api/webhooks/1/geheim \u{1b}[2J x\n";
        let (source, span) = at(text, "x\n");
        let drawn =
            render(&Diagnostic::error("geh").at(&source, Span::new(span.start as usize, text.len() - 1)), false);
        assert!(!drawn.contains("geheim") && !drawn.contains('\u{1b}'), "{drawn}");
    }

    #[test]
    fn places_anywhere_in_any_text_can_be_drawn() {
        let long = format!("a: é{}\nb", "x\u{202e}".repeat(3000));
        for text in ["", "\n", "a", "é\r\n\r\nü", "\t\tx\n", "\u{1b}\u{1b}", "password: é", &long] {
            let source = SourceText::new("f", text);
            for start in (0..=text.len()).step_by(1 + text.len() / 40) {
                for end in [start, start + 1, start + 5, text.len() + 9] {
                    let mut d = Diagnostic::error("m").at(&source, Span::new(start, end));
                    d.related.push(Label { source: source.clone(), span: Span::new(0, 1), text: "here".to_owned() });
                    assert!(!render(&d, false).is_empty());
                }
            }
        }
    }
}
