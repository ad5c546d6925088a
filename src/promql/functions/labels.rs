//! `label_replace`, `label_join`, and the labels of `absent`.

use crate::golang::regexp::Regexp;
use crate::model::{Labels, MatchOp, Matcher};

/// The replacement with `$1`, `${1}` and `$name` filled in from a match of an anchored pattern; `None` without match.
pub(crate) fn replaced(regexp: &Regexp, template: &str, text: &str) -> Option<String> {
    let engine = regexp.engine();
    let mut captures = engine.create_captures();
    engine.captures(text, &mut captures);
    if !captures.is_match() {
        return None;
    }
    Some(expand(template, |name| {
        let group = match name.parse::<usize>() {
            Ok(index) => captures.get_group(index),
            Err(_) => captures.get_group_by_name(name),
        };
        group.and_then(|span| text.get(span.range())).unwrap_or("").to_owned()
    }))
}

/// Go's `Regexp.Expand`: `$name` takes as many word characters as there are, `$$` is a dollar, a lone `$` stays.
fn expand(template: &str, group: impl Fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let (braced, body) = rest.strip_prefix('{').map_or((false, rest), |b| (true, b));
        let end = body.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(body.len());
        let name = &body[..end];
        let closed = !braced || body[end..].starts_with('}');
        if name.is_empty() || !closed {
            out.push('$');
            continue;
        }
        out.push_str(&group(name));
        rest = &body[end + usize::from(braced)..];
    }
    out.push_str(rest);
    out
}

/// The labels that the matchers of an absent selector promise: each `=` used once for its label, without the name.
pub(crate) fn of_absent(matchers: &[Matcher]) -> Labels {
    let mut builder = Labels::empty().builder();
    let mut seen: Vec<&str> = Vec::new();
    for m in matchers {
        if &*m.name == crate::model::METRIC_NAME {
            continue;
        }
        if m.op == MatchOp::Equal && !seen.contains(&&*m.name) {
            builder.set(m.name.clone(), m.value.clone());
            seen.push(&m.name);
        } else {
            builder.remove(&m.name);
        }
    }
    builder.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expansion_takes_the_longest_name_as_go_does() {
        let group = |name: &str| format!("<{name}>");
        assert_eq!(expand("$1-${2}x$3x $$ $", group), "<1>-<2>x<3x> $ $");
        assert_eq!(expand("${a", group), "${a");
    }

    #[test]
    fn replacing_needs_a_match_of_the_whole_value() {
        let r = Regexp::anchored("a(.*)", true).expect("a pattern");
        assert_eq!(replaced(&r, "$1!", "abc").as_deref(), Some("bc!"));
        assert_eq!(replaced(&r, "$1!", "xabc"), None);
    }
}
