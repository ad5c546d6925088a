//! Answers on order: what the receiver says to its next messages instead of taking them.

use std::collections::VecDeque;
use std::str::FromStr;
use std::time::Duration;

/// Answers a script may order at most.
const MAX_ANSWERS: usize = 100_000;

/// One ordered answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer {
    /// Take the message as Discord would.
    Take,
    /// This status, and nothing is recorded as a message.
    Status(u16),
    /// 429 with this waiting time.
    RateLimited(Duration),
    /// No answer for this long, then take the message.
    Delay(Duration),
    /// No answer at all, while the connection stays.
    Hang,
    /// No answer at all, and the connection ends.
    Close,
}

/// Ordered answers, first to last; afterwards messages are taken.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FailScript(VecDeque<Answer>);

impl FailScript {
    /// The answer to the next message.
    pub fn take(&mut self) -> Answer {
        self.0.pop_front().unwrap_or(Answer::Take)
    }
}

/// `500*3,429:2,ok,slow:5,hang,close`: statuses, `429` with seconds, `ok`, `slow` (or `delay`) with seconds, `hang`,
/// `close`; each may be repeated. Lines count as commas, and `#` begins a remark.
impl FromStr for FailScript {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut answers = VecDeque::new();
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or(""));
        for part in lines.flat_map(|line| line.split(',')).map(str::trim).filter(|p| !p.is_empty()) {
            let (what, times) = match part.split_once('*') {
                Some((what, times)) => (
                    what,
                    times.parse::<usize>().map_err(|_| format!("{times:?} in {part:?} is not a number of times"))?,
                ),
                None => (part, 1),
            };
            let answer = answer(what)?;
            if answers.len().saturating_add(times) > MAX_ANSWERS {
                return Err(format!("observed more than {MAX_ANSWERS} answers, wanted fewer"));
            }
            answers.extend(std::iter::repeat_n(answer, times));
        }
        Ok(Self(answers))
    }
}

fn answer(text: &str) -> Result<Answer, String> {
    let (word, seconds) = match text.split_once(':') {
        Some((word, seconds)) => {
            let wrong = || format!("{seconds:?} in {text:?} is not a number of seconds");
            let seconds = seconds.trim_end_matches('s').parse::<f64>().map_err(|_| wrong())?;
            (word, Some(Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?))
        }
        None => (text, None),
    };
    match (word, seconds, word.parse::<u16>()) {
        ("ok", None, _) => Ok(Answer::Take),
        ("hang", None, _) => Ok(Answer::Hang),
        ("close", None, _) => Ok(Answer::Close),
        ("slow" | "delay", Some(time), _) => Ok(Answer::Delay(time)),
        ("429", time, _) => Ok(Answer::RateLimited(time.unwrap_or(Duration::from_secs(1)))),
        (_, None, Ok(status @ 200..=599)) => Ok(Answer::Status(status)),
        _ => Err(format!(
            "{text:?} is no answer, wanted a status (200 to 599), 429:SECONDS, ok, slow:SECONDS, hang or close"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_used_up_in_order() {
        let mut script: FailScript = "500*2, 429:1.5 # then\nok, hang, slow:2s\nclose".parse().expect("a script");
        let wanted = [
            Answer::Status(500),
            Answer::Status(500),
            Answer::RateLimited(Duration::from_millis(1500)),
            Answer::Take,
            Answer::Hang,
            Answer::Delay(Duration::from_secs(2)),
            Answer::Close,
            Answer::Take,
        ];
        assert_eq!(wanted.map(|_| script.take()), wanted);
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for text in ["700", "delay", "429:x", "500*x", "500*99999999", "maybe", "delay:-1"] {
            assert!(text.parse::<FailScript>().is_err(), "{text}");
        }
    }
}
