//! What `--dialect` asks for: a dialect of Prometheus, or one of its releases. Every command that takes the flag reads it
//! here, so that all accept the same.

use std::str::FromStr;

use crate::promql::Dialect;
use crate::promql::signature::{Release, release_of};

/// What `--dialect` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A dialect; its newest release unless the data tell another.
    Dialect(Dialect),
    /// A release: `3.5`.
    Release(Release),
}

impl FromStr for Asked {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = text.parse::<Dialect>().map(Self::Dialect);
        let release = || release_named(text).filter(|r| matches!(r, (2, 42..=55) | (3, _))).map(Self::Release);
        known.ok().or_else(release).ok_or_else(|| {
            format!("unknown dialect {text:?}, wanted 2.42, 3, or a release such as 2.53 or 3.5 (2.42 to 2.55, 3.0 and later)")
        })
    }
}

impl Asked {
    /// The dialect.
    pub fn dialect(self) -> Dialect {
        match self {
            Self::Dialect(dialect) => dialect,
            Self::Release(release) if release >= (3, 0) => Dialect::V3,
            Self::Release(_) => Dialect::V2_42,
        }
    }

    /// The release: the one asked for, or the dialect's newest.
    pub fn release(self) -> Release {
        match self {
            Self::Dialect(dialect) => release_of(dialect),
            Self::Release(release) => release,
        }
    }
}

/// `3.5`, `v3.5` or `v3.5.3`.
pub(super) fn release_named(text: &str) -> Option<Release> {
    let mut parts = text.strip_prefix('v').unwrap_or(text).split('.');
    let number = |part: &str| part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse::<u16>().ok()).flatten();
    let release = (number(parts.next()?)?, number(parts.next()?)?);
    match (parts.next().map(number), parts.next()) {
        (None | Some(Some(_)), None) => Some(release),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dialects_and_releases_are_read_and_nothing_else() {
        for (text, release, dialect) in [
            ("2.42", (2, 42), Dialect::V2_42),
            ("v2.42.0", (2, 42), Dialect::V2_42),
            ("2.53", (2, 53), Dialect::V2_42),
            ("3", release_of(Dialect::V3), Dialect::V3),
            ("3.0", (3, 0), Dialect::V3),
            ("v3.5.3", (3, 5), Dialect::V3),
        ] {
            let asked = text.parse::<Asked>().expect("a dialect");
            assert_eq!((asked.release(), asked.dialect()), (release, dialect), "{text}");
        }
        for wrong in ["", "4", "4.0", "2.41", "2.60", "3.x.y", "3.5.1.2", "3.", "latest"] {
            assert!(wrong.parse::<Asked>().is_err_and(|e| e.contains("wanted 2.42, 3, or a release")), "{wrong}");
        }
    }
}
