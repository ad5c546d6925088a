//! Ids that grow with time: milliseconds since 2015 and a counter, from the time that is handed in.

use crate::model::Time;

/// Milliseconds of Discord's own epoch, 2015-01-01, since the Unix epoch.
const EPOCH_MS: i64 = 1_420_070_400_000;

/// Makes ids.
#[derive(Clone, Debug, Default)]
pub(super) struct Snowflakes {
    counter: u64,
}

impl Snowflakes {
    /// The next id at `now`; different from every earlier one for 4096 ids a millisecond.
    pub(super) fn next(&mut self, now: Time) -> u64 {
        let ms = u64::try_from(now.millis() - EPOCH_MS).unwrap_or(0);
        let id = (ms << 22) | (1 << 17) | (self.counter & 0xfff);
        self.counter += 1;
        id
    }
}

/// When an id was made.
pub fn snowflake_time(id: u64) -> Time {
    Time::from_millis((id >> 22) as i64 + EPOCH_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_and_hold_their_time() {
        let mut ids = Snowflakes::default();
        let now = Time::from_millis(1_704_164_645_678);
        let (a, b) = (ids.next(now), ids.next(now));
        assert!(b > a);
        assert_eq!(snowflake_time(b), now);
    }
}
