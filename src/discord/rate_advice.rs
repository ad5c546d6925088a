//! What Discord's rate limits would have said to the messages of a run, and how many there were.

use super::api::{DiscordServer, Policy, RateLimits, Request, Settings, Webhook};
use crate::model::Time;

/// Messages in ten minutes from which on a channel counts as flooded.
pub const FLOOD: usize = 20;
const FLOOD_WINDOW: i64 = 600 * 1_000_000_000;

/// Which of the messages to one webhook Discord would have answered with 429, by position. `times` must not go back.
pub fn rate_limited(times: &[Time]) -> Vec<usize> {
    let limits = RateLimits { invalid: None, ..RateLimits::DISCORD };
    let mut server = DiscordServer::new(Settings { policy: Policy::Listed, limits, ..Settings::default() });
    server.add_webhook(Webhook::new(1, "t"));
    let headers = [("Content-Type".to_owned(), "application/json".to_owned())];
    let request = Request {
        method: "POST",
        path: "/api/webhooks/1/t",
        query: "",
        headers: &headers,
        body: br#"{"content":"x"}"#,
    };
    let limited = times.iter().enumerate().filter(|(_, at)| server.handle(**at, &request).status == 429);
    limited.map(|(i, _)| i).collect()
}

/// How many messages a run sent, and how close together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flood {
    /// All messages.
    pub messages: usize,
    /// The most in any ten minutes.
    pub busiest: usize,
    /// When those ten minutes began.
    pub busiest_from: Time,
    /// Messages that Discord would have refused.
    pub refused: usize,
}

impl Flood {
    /// Counts the messages to one webhook; none when there are no messages. `times` must not go back.
    pub fn of(times: &[Time]) -> Option<Self> {
        let mut busiest = (0, *times.first()?);
        let mut from = 0;
        for (i, at) in times.iter().enumerate() {
            while at.since(times[from]) >= FLOOD_WINDOW {
                from += 1;
            }
            if i + 1 - from > busiest.0 {
                busiest = (i + 1 - from, times[from]);
            }
        }
        let refused = rate_limited(times).len();
        Some(Self { messages: times.len(), busiest: busiest.0, busiest_from: busiest.1, refused })
    }

    /// Whether somebody should be told: too many in ten minutes, or some that Discord refuses.
    pub fn is_too_much(&self) -> bool {
        self.busiest >= FLOOD || self.refused > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(seconds: &[i64]) -> Vec<Time> {
        seconds.iter().map(|s| Time::from_millis(s * 1000)).collect()
    }

    #[test]
    fn the_sixth_message_at_once_is_refused() {
        assert_eq!(rate_limited(&times(&[0, 0, 0, 0, 0, 0, 1, 2])), [5, 6]);
    }

    #[test]
    fn thirty_a_minute_is_the_hidden_limit() {
        let every_second: Vec<i64> = (0..40).collect();
        assert_eq!(rate_limited(&times(&every_second)).first(), Some(&30));
    }

    #[test]
    fn a_flood_is_counted_over_ten_minutes() {
        let calm = Flood::of(&times(&[0, 300, 600, 900])).expect("messages");
        assert_eq!((calm.messages, calm.busiest, calm.is_too_much()), (4, 2, false));
        let every_20_s: Vec<i64> = (0..60).map(|i| i * 20).collect();
        let flood = Flood::of(&times(&every_20_s)).expect("messages");
        assert_eq!((flood.busiest, flood.refused, flood.is_too_much()), (30, 0, true));
        assert_eq!(Flood::of(&[]), None);
    }
}
