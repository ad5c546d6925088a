//! Silences: making, changing, ending, matching.
//!
//! Facts: upstream `silence`, measured with the API of 0.25.

use std::sync::Arc;

use super::retry::Random;
use super::version::Version;
use crate::model::{Labels, MatchOp, Matcher, Time};

/// A silence as a client posts it.
#[derive(Clone, Debug)]
pub struct PostableSilence {
    /// The one to change; none: a new one.
    pub id: Option<Arc<str>>,
    /// All must hold.
    pub matchers: Vec<Matcher>,
    /// When it begins; a start in the past means now.
    pub starts_at: Time,
    /// When it ends.
    pub ends_at: Time,
    /// Who made it.
    pub created_by: Arc<str>,
    /// Why.
    pub comment: Arc<str>,
}

/// A silence in the store.
#[derive(Clone, Debug)]
pub struct Silence {
    /// A UUID.
    pub id: Arc<str>,
    /// All must hold.
    pub matchers: Vec<Matcher>,
    /// When it begins.
    pub starts_at: Time,
    /// When it ends.
    pub ends_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
    /// Who made it.
    pub created_by: Arc<str>,
    /// Why.
    pub comment: Arc<str>,
}

/// Where a silence is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SilenceState {
    /// It mutes.
    Active,
    /// It has not begun.
    Pending,
    /// It is over.
    Expired,
}

impl SilenceState {
    /// `active`, `pending` or `expired`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Expired => "expired",
        }
    }
}

impl Silence {
    /// Where it is in its life; the last moment still mutes, unless it was ended by hand then.
    pub fn state(&self, now: Time) -> SilenceState {
        if now < self.starts_at {
            SilenceState::Pending
        } else if now > self.ends_at || (now == self.ends_at && self.updated_at == self.ends_at) {
            SilenceState::Expired
        } else {
            SilenceState::Active
        }
    }

    /// Whether all matchers hold.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|m| m.matches(labels))
    }
}

/// Why a silence is refused, in the words of the API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SilenceError {
    /// There is none of that id.
    #[error("silence not found")]
    NotFound,
    /// Anything else.
    #[error("{0}")]
    Invalid(String),
}

/// All silences, in the order they were made.
#[derive(Clone, Debug, Default)]
pub struct Silences {
    list: Vec<Silence>,
}

impl Silences {
    /// All of them, also expired ones, in the order they were made.
    pub fn list(&self) -> &[Silence] {
        &self.list
    }

    /// One by its id.
    pub fn get(&self, id: &str) -> Option<&Silence> {
        self.list.iter().find(|s| *s.id == *id)
    }

    /// The ids of the active silences that match, in the order of ids.
    pub fn muting(&self, labels: &Labels, now: Time) -> Vec<Arc<str>> {
        let mut ids: Vec<Arc<str>> = self
            .list
            .iter()
            .filter(|s| s.state(now) == SilenceState::Active && s.matches(labels))
            .map(|s| s.id.clone())
            .collect();
        ids.sort();
        ids
    }

    /// When, after `now`, a silence begins or ends for ticks.
    pub fn next_change(&self, now: Time) -> Option<Time> {
        let moments = self.list.iter().flat_map(|s| [s.starts_at, s.ends_at]);
        moments.filter(|t| *t > now).min()
    }

    /// Forgets what ended more than `retention_ns` ago.
    pub fn clean(&mut self, now: Time, retention_ns: i64) {
        self.list.retain(|s| s.ends_at.plus_nanos(retention_ns) > now);
    }

    /// Makes or changes a silence; gives its id. The id is kept only by changes that cannot rewrite the past.
    ///
    /// # Errors
    /// Matchers that match everything, an end before the start or in the past, an unknown id.
    pub fn set(
        &mut self,
        wanted: PostableSilence,
        now: Time,
        random: &mut Random,
        version: Version,
    ) -> Result<Arc<str>, SilenceError> {
        let refused = |why: &str| Err(SilenceError::Invalid(why.to_owned()));
        if wanted.ends_at <= wanted.starts_at {
            return refused("Failed to create silence: start time must be before end time");
        }
        if wanted.ends_at < now {
            return refused("Failed to create silence: end time can't be in the past");
        }
        let old = match &wanted.id {
            Some(id) if !id.is_empty() => {
                Some(self.list.iter().position(|s| *s.id == **id).ok_or(SilenceError::NotFound)?)
            }
            _ => None,
        };
        let valid = !wanted.matchers.iter().all(matches_empty);
        let invalid = || refused("silence invalid: at least one matcher must not match the empty string");
        // Up to 0.27 the old one is ended before anybody looks whether the new one is valid.
        if !valid && version >= Version::V0_28 {
            return invalid();
        }
        if let Some(at) = old {
            if can_update(&self.list[at], &wanted, now) {
                let silence = &mut self.list[at];
                silence.matchers = wanted.matchers;
                silence.starts_at = wanted.starts_at;
                silence.ends_at = wanted.ends_at;
                silence.created_by = wanted.created_by;
                silence.comment = wanted.comment;
                silence.updated_at = now;
                return Ok(silence.id.clone());
            }
            if self.list[at].state(now) != SilenceState::Expired {
                self.expire_at(at, now);
            }
        }
        if !valid {
            return invalid();
        }
        let id = random.uuid();
        self.list.push(Silence {
            id: id.clone(),
            matchers: wanted.matchers,
            starts_at: wanted.starts_at.max(now),
            ends_at: wanted.ends_at,
            updated_at: now,
            created_by: wanted.created_by,
            comment: wanted.comment,
        });
        Ok(id)
    }

    /// Ends a silence now; one that is over already stays as it is.
    ///
    /// # Errors
    /// There is none of that id.
    pub fn expire(&mut self, id: &str, now: Time) -> Result<(), SilenceError> {
        let at = self.list.iter().position(|s| *s.id == *id).ok_or(SilenceError::NotFound)?;
        if self.list[at].state(now) != SilenceState::Expired {
            self.expire_at(at, now);
        }
        Ok(())
    }

    fn expire_at(&mut self, at: usize, now: Time) {
        let silence = &mut self.list[at];
        if silence.starts_at > now {
            silence.starts_at = now;
        }
        silence.ends_at = now;
        silence.updated_at = now;
    }
}

fn matches_empty(m: &Matcher) -> bool {
    // A negative matcher passes, although it matches the empty string.
    matches!(m.op, MatchOp::Equal | MatchOp::Regexp) && m.matches_value("")
}

fn can_update(old: &Silence, wanted: &PostableSilence, now: Time) -> bool {
    if old.matchers != wanted.matchers {
        return false;
    }
    let second = |t: Time| t.0.div_euclid(1_000_000_000);
    match old.state(now) {
        SilenceState::Active => second(wanted.starts_at) == second(old.starts_at) && wanted.ends_at >= now,
        SilenceState::Pending => wanted.starts_at >= now,
        SilenceState::Expired => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(id: Option<Arc<str>>, name: &str, from: i64, to: i64) -> PostableSilence {
        PostableSilence {
            id,
            matchers: vec![Matcher::new(MatchOp::Equal, "n", name, false).expect("no pattern")],
            starts_at: Time(from * 1_000_000_000),
            ends_at: Time(to * 1_000_000_000),
            created_by: "t".into(),
            comment: "t".into(),
        }
    }

    fn at(s: i64) -> Time {
        Time(s * 1_000_000_000)
    }

    #[test]
    fn a_longer_end_keeps_the_id_and_other_matchers_make_a_new_one() {
        let (mut all, mut random) = (Silences::default(), Random::new(1));
        let first = all.set(wanted(None, "x", 5, 50), at(10), &mut random, Version::LATEST).expect("good");
        assert_eq!(all.get(&first).map(|s| s.starts_at), Some(at(10)), "a start in the past means now");
        let longer =
            all.set(wanted(Some(first.clone()), "x", 10, 90), at(20), &mut random, Version::LATEST).expect("good");
        assert_eq!(first, longer);
        let other =
            all.set(wanted(Some(first.clone()), "y", 10, 90), at(30), &mut random, Version::LATEST).expect("good");
        assert_ne!(first, other);
        assert_eq!(all.get(&first).map(|s| (s.state(at(30)), s.ends_at)), Some((SilenceState::Expired, at(30))));
    }

    #[test]
    fn nonsense_is_refused_in_the_words_of_the_api() {
        let (mut all, mut random) = (Silences::default(), Random::new(1));
        let mut why = |s| all.set(s, at(100), &mut random, Version::LATEST).expect_err("nonsense").to_string();
        assert!(why(wanted(None, "x", 200, 150)).ends_with("start time must be before end time"));
        assert!(why(wanted(None, "x", 10, 50)).ends_with("end time can't be in the past"));
        assert!(why(wanted(None, "", 10, 500)).ends_with("at least one matcher must not match the empty string"));
        assert_eq!(why(wanted(Some("nobody".into()), "x", 10, 500)), "silence not found");
    }

    #[test]
    fn up_to_0_27_a_change_that_is_refused_ends_the_silence() {
        for (version, state) in [(Version::V0_27, SilenceState::Expired), (Version::V0_28, SilenceState::Active)] {
            let (mut all, mut random) = (Silences::default(), Random::new(1));
            let id = all.set(wanted(None, "x", 0, 50), at(0), &mut random, version).expect("good");
            all.set(wanted(Some(id.clone()), "", 0, 50), at(10), &mut random, version).expect_err("matches anything");
            assert_eq!(all.get(&id).map(|s| s.state(at(10))), Some(state), "{version}");
        }
    }

    #[test]
    fn the_last_moment_mutes_and_an_end_by_hand_does_not() {
        let (mut all, mut random) = (Silences::default(), Random::new(1));
        let id = all.set(wanted(None, "x", 0, 50), at(0), &mut random, Version::LATEST).expect("good");
        let labels = Labels::from_pairs([("n", "x")]);
        assert_eq!(all.muting(&labels, at(50)).len(), 1);
        assert_eq!(all.muting(&labels, at(51)).len(), 0);
        all.expire(&id, at(20)).expect("it is there");
        assert_eq!(all.muting(&labels, at(20)).len(), 0);
        all.expire(&id, at(30)).expect("expired ones may be ended again");
        assert_eq!(all.get(&id).map(|s| s.ends_at), Some(at(20)));
    }
}
