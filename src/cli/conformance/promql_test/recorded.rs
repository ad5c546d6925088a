//! Which release a script was recorded from. Releases of dialect 3 differ in what they make of native histograms, so a
//! script holds only for its own: the one asked for, the one its path names, or the one whose notation it uses.

use std::path::Path;

use crate::cli::asked::{Asked, release_named};
use crate::promql::Dialect;
use crate::promql::signature::{Release, release_of};

/// The last release whose scripts say `eval_warn` and the like; later ones have `expect` lines.
const LAST_OF_OLD_NOTATION: Release = (3, 5);

/// The release of a script; `folder` is what the notation of the scripts beside it tells.
pub fn release(asked: Asked, path: &Path, text: &str, folder: Option<Release>) -> Release {
    match asked {
        Asked::Dialect(Dialect::V3) => {
            release_of_path(path).or_else(|| notation(text)).or(folder).unwrap_or(release_of(Dialect::V3))
        }
        asked => asked.release(),
    }
}

/// The release of dialect 3 that the nearest folder is named after.
fn release_of_path(path: &Path) -> Option<Release> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folders = path.ancestors().skip(1).filter_map(|a| a.file_name()?.to_str());
    folders.filter(|name| name.starts_with('v')).filter_map(release_named).find(|r| r.0 == 3)
}

/// The release that a script's own notation tells, if it tells any.
fn notation(text: &str) -> Option<Release> {
    let words = || text.lines().filter_map(|l| l.split_whitespace().next());
    if words().any(|w| matches!(w, "eval_warn" | "eval_info" | "eval_ordered")) {
        Some(LAST_OF_OLD_NOTATION)
    } else {
        words().any(|w| w == "expect").then(|| release_of(Dialect::V3))
    }
}

/// The release that the notation of scripts side by side tells, if they agree.
pub fn notation_of_all<'a>(texts: impl Iterator<Item = &'a str>) -> Option<Release> {
    let mut told = texts.filter_map(notation);
    let first = told.next()?;
    told.all(|r| r == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_of_the_release_asked_for_then_of_its_path_then_of_its_notation() {
        let asked = |dialect: &str| dialect.parse::<Asked>().expect("a dialect");
        let newest = release_of(Dialect::V3);
        let (old, new) = ("eval_warn instant at 1m x\n", "eval instant at 1m x\n  expect no_warn\n");
        let named = Path::new("/data/v3.7.1/promqltest/a.test");
        let plain = Path::new("/data/v0.1.0/a.test");
        assert_eq!(release(asked("3.6"), named, old, None), (3, 6));
        assert_eq!(release(asked("3"), named, old, None), (3, 7));
        assert_eq!(release(asked("3"), plain, old, None), (3, 5));
        assert_eq!(release(asked("3"), plain, new, Some((3, 5))), newest);
        assert_eq!(release(asked("3"), plain, "clear", Some((3, 5))), (3, 5));
        assert_eq!(release(asked("3"), plain, "clear", None), newest);
        assert_eq!(release(asked("2.42"), named, old, None), (2, 42));
    }

    #[test]
    fn scripts_that_disagree_tell_nothing_of_their_neighbours() {
        assert_eq!(notation_of_all(["eval_info", "load 1m", "eval_warn"].into_iter()), Some((3, 5)));
        assert_eq!(notation_of_all(["eval_info", "expect warn"].into_iter()), None);
    }
}
