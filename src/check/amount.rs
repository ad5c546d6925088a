//! Numbers as scripts write them: `0.75`, or a sum with a parameter in it: `"${mock.threshold} + 0.01"`.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de::Error};

/// A number, or a text with a sum or difference of two.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(f64),
    Text(String),
}

impl Written {
    fn value(self) -> Result<f64, String> {
        match self {
            Self::Number(n) => Ok(n),
            Self::Text(text) => sum(&text).ok_or_else(|| {
                format!("{text:?} is no number, wanted a number, or a sum of two such as \"0.75 + 0.01\"")
            }),
        }
    }
}

/// `A`, `A + B` or `A - B` with blanks around the sign, rounded to nine digits after the point.
fn sum(text: &str) -> Option<f64> {
    let number = |t: &str| t.trim().parse::<f64>().ok().filter(|n| n.is_finite());
    if let Some(n) = number(text) {
        return Some(n);
    }
    let exact = match (text.split_once(" + "), text.split_once(" - ")) {
        (Some((a, b)), None) => number(a)? + number(b)?,
        (None, Some((a, b))) => number(a)? - number(b)?,
        _ => return None,
    };
    Some((exact * 1e9).round() / 1e9)
}

/// A number.
pub(super) fn one<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Written::deserialize(from)?.value().map_err(D::Error::custom)
}

/// Numbers by name.
pub(super) fn by_name<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, f64>, D::Error> {
    let written = BTreeMap::<String, Written>::deserialize(from)?;
    let value = |(name, written): (String, Written)| Ok((name, written.value().map_err(D::Error::custom)?));
    written.into_iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_read_to_nine_digits() {
        assert_eq!(sum("0.75"), Some(0.75));
        assert_eq!(sum("0.75 - 0.65"), Some(0.1));
        assert_eq!(sum("-1 + 1e3"), Some(999.0));
        for wrong in ["", "a", "1 +", "1+", "1 + 2 - 3", "1 * 2", "inf"] {
            assert_eq!(sum(wrong), None, "{wrong:?}");
        }
    }
}
