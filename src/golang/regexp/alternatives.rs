//! Several patterns of which one is to be somewhere in a text, where nothing but that is asked: what a search for the
//! place of a match or its groups needs is not made. Most of making an engine is that.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use regex_automata::Input;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::util::pool::Pool;
use regex_syntax::hir::{Hir, HirKind};

use super::{Regexp, RegexpError, SIZE_LIMIT, parse};
use crate::golang::GoVersion;

/// Patterns of which one is to match. Cheap to clone.
#[derive(Clone)]
pub struct Alternatives {
    inner: Arc<Inner>,
}

struct Inner {
    /// Patterns that are fixed texts.
    texts: Vec<String>,
    others: Option<Others>,
}

/// The other patterns as one.
struct Others {
    pattern: String,
    automaton: Option<(DFA, Caches)>,
    /// For what the automaton cannot be built for.
    whole: Option<Regexp>,
}

type Caches = Pool<Cache, Box<dyn Fn() -> Cache + Send + Sync + UnwindSafe + RefUnwindSafe>>;

impl Alternatives {
    /// Unanchored patterns, as Go's `regexp.Compile` takes them.
    ///
    /// # Errors
    /// One is not a pattern that Go's RE2 accepts.
    pub fn new(patterns: &[String]) -> Result<Self, RegexpError> {
        let (mut texts, mut others) = (Vec::new(), Vec::new());
        for pattern in patterns {
            let parsed = parse::parse(pattern, GoVersion::Current)?;
            match fixed_text(&parsed.hir) {
                Some(text) => texts.push(text),
                None => others.push(format!("(?:{pattern})")),
            }
        }
        let others = if others.is_empty() { None } else { Some(Others::new(others.join("|"))?) };
        Ok(Self { inner: Arc::new(Inner { texts, others }) })
    }

    /// Whether one of them matches anywhere.
    pub fn is_match(&self, text: &str) -> bool {
        self.inner.texts.iter().any(|t| text.contains(t.as_str()))
            || self.inner.others.as_ref().is_some_and(|others| others.is_match(text))
    }
}

fn fixed_text(hir: &Hir) -> Option<String> {
    match hir.kind() {
        HirKind::Literal(literal) => String::from_utf8(literal.0.to_vec()).ok(),
        _ => None,
    }
}

impl Others {
    fn new(pattern: String) -> Result<Self, RegexpError> {
        let hir = parse::parse(&pattern, GoVersion::Current)?.hir;
        let config = thompson::Config::new().which_captures(WhichCaptures::None).nfa_size_limit(Some(SIZE_LIMIT));
        let automaton = thompson::Compiler::new()
            .configure(config)
            .build_from_hir(&hir)
            .ok()
            .and_then(|nfa| DFA::builder().build_from_nfa(nfa).ok())
            .map(|dfa| {
                let other = dfa.clone();
                let create: Box<dyn Fn() -> Cache + Send + Sync + UnwindSafe + RefUnwindSafe> =
                    Box::new(move || other.create_cache());
                (dfa, Pool::new(create))
            });
        let whole = if automaton.is_none() { Some(Regexp::new(&pattern)?) } else { None };
        Ok(Self { pattern, automaton, whole })
    }

    fn is_match(&self, text: &str) -> bool {
        if let Some((dfa, caches)) = &self.automaton {
            let found = dfa.try_search_fwd(&mut caches.get(), &Input::new(text).earliest(true));
            if let Ok(found) = found {
                return found.is_some();
            }
        }
        // The automaton gave up on this text: its states outgrew their room.
        match &self.whole {
            Some(regexp) => regexp.is_match(text),
            None => Regexp::new(&self.pattern).is_ok_and(|regexp| regexp.is_match(text)),
        }
    }
}

impl fmt::Debug for Alternatives {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let others = self.inner.others.as_ref().map(|o| o.pattern.as_str());
        f.debug_struct("Alternatives").field("texts", &self.inner.texts).field("others", &others).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternatives_match_where_the_patterns_joined_do() {
        let lists: &[&[&str]] = &[
            &["cpu", r"host\.docker", "memory"],
            &["(every|each) ?(5|five)", r"\bup\b", "x"],
            &["^admin$", r"admin\W+admin"],
            &["a[^\\n]{0,3}b", "é+", "[uü]p"],
            &[""],
        ];
        let texts = ["", "cpu", "hostxdocker host.docker", "each five", "an up", "cup", "admin", "xadmin - admin"];
        let more = ["a\nb", "axxxb", "axxxxb", "caféé", "üp", "each  five", "x"];
        for patterns in lists {
            let patterns: Vec<String> = patterns.iter().map(|p| (*p).to_owned()).collect();
            let joined: Vec<String> = patterns.iter().map(|p| format!("(?:{p})")).collect();
            let (quick, whole) = (Alternatives::new(&patterns), Regexp::new(&joined.join("|")));
            let (quick, whole) = (quick.expect("patterns of the test"), whole.expect("patterns of the test"));
            for text in texts.iter().chain(&more) {
                assert_eq!(quick.is_match(text), whole.is_match(text), "{patterns:?} on {text:?}");
            }
        }
    }

    #[test]
    fn what_go_refuses_is_refused() {
        let error = Alternatives::new(&["a".to_owned(), "(".to_owned()]).map(|_| ()).expect_err("no pattern");
        assert_eq!(error.to_string(), "error parsing regexp: missing closing ): `(`");
    }
}
