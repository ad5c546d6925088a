//! Which Alertmanager the room speaks as.

use std::fmt;
use std::str::FromStr;

/// A minor release of Alertmanager, from 0.25 to 0.34. Ordered by age.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version(u8);

impl Version {
    /// 0.25, the oldest that labkit speaks (Debian 12 ships it).
    pub const V0_25: Self = Self(25);
    /// 0.26: failure reasons, Microsoft Teams.
    pub const V0_26: Self = Self(26);
    /// 0.27: Discord texts are shortened, UTF-8 matchers, API v1 is gone.
    pub const V0_27: Self = Self(27);
    /// 0.28: Discord content, user name and avatar.
    pub const V0_28: Self = Self(28);
    /// 0.29: incident.io.
    pub const V0_29: Self = Self(29);
    /// 0.30: indexed inhibition, only the first alert of a group flushes it at once.
    pub const V0_30: Self = Self(30);
    /// 0.31: an empty `group_by` of a child counts.
    pub const V0_31: Self = Self(31);
    /// 0.32: a group ends when it is empty; notification reasons.
    pub const V0_32: Self = Self(32);
    /// 0.33: receiver labels.
    pub const V0_33: Self = Self(33);
    /// 0.34: route labels.
    pub const V0_34: Self = Self(34);
    /// The newest that labkit speaks; what `latest` means.
    pub const LATEST: Self = Self::V0_34;

    /// The number behind `0.`.
    pub fn minor(self) -> u8 {
        self.0
    }

    /// What an image tag stands for. Tags that are not versions (`latest`, `main`, none) mean the newest; versions
    /// outside the known range mean the nearest known one.
    pub fn from_image_tag(tag: &str) -> Self {
        let tag = tag.trim();
        let tag = tag.strip_prefix('v').unwrap_or(tag);
        let mut parts = tag.split(['.', '-', '+', '@']);
        let numbers = (parts.next().map(str::parse::<u64>), parts.next().map(str::parse::<u64>));
        match numbers {
            (Some(Ok(0)), Some(Ok(minor))) => Self(minor.clamp(25, 34) as u8),
            _ => Self::LATEST,
        }
    }
}

impl Default for Version {
    fn default() -> Self {
        Self::LATEST
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0.{}", self.0)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// As written on the command line: `0.25`, `v0.25.0`, `latest`.
impl FromStr for Version {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        if s == "latest" {
            return Ok(Self::LATEST);
        }
        let wrong = || format!("unknown Alertmanager version {s:?}, wanted 0.25 to 0.34 or latest");
        let mut parts = s.strip_prefix('v').unwrap_or(s).split('.');
        let minor = match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("0"), Some(minor), patch, None) if patch.is_none_or(|p| p.parse::<u32>().is_ok()) => minor,
            _ => return Err(wrong()),
        };
        match minor.parse::<u8>() {
            Ok(minor @ 25..=34) => Ok(Self(minor)),
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_tags_name_the_version_and_anything_else_the_newest() {
        for (tag, wanted) in [
            ("v0.25.0", Version::V0_25),
            ("v0.27.0-rc.1", Version::V0_27),
            ("0.30", Version::V0_30),
            ("v0.21.0", Version::V0_25),
            ("v0.99.1", Version::LATEST),
            ("latest", Version::LATEST),
            ("", Version::LATEST),
            ("main", Version::LATEST),
        ] {
            assert_eq!(Version::from_image_tag(tag), wanted, "{tag}");
        }
    }

    #[test]
    fn a_written_version_must_be_one_that_is_known() {
        assert_eq!("v0.25.0".parse(), Ok(Version::V0_25));
        assert_eq!("0.34".parse(), Ok(Version::LATEST));
        for wrong in ["0.24", "0.35", "1.0", "0.25.x", "0.25.0.1", "", "0"] {
            assert!(wrong.parse::<Version>().is_err(), "{wrong}");
        }
    }
}
