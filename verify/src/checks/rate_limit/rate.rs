//! The limit, as experiments write it.

use serde::Deserialize;
use serde::de::{Deserializer, Error};

/// A positive number of requests per second or minute: `"20/s"`, `"90/m"`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rate {
    pub(super) per_second: f64,
    /// As it was written.
    pub(super) text: String,
}

/// Units of time, by the suffix that a TOML file uses, in seconds.
const UNITS: &[(&str, f64)] = &[("s", 1.0), ("m", 60.0)];

impl Rate {
    fn of(text: &str) -> Option<Self> {
        let (number, unit) = text.split_once('/')?;
        let (_, seconds) = UNITS.iter().find(|(suffix, _)| *suffix == unit.trim())?;
        let number: f64 = number.trim().parse().ok()?;
        let rate = Self { per_second: number / seconds, text: text.to_owned() };
        (number.is_finite() && rate.per_second > 0.0).then_some(rate)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::of(&text).ok_or_else(|| {
            D::Error::custom(format!(
                "`{text}` is not a rate: write a positive number per second or minute, such as \"20/s\" or \"90/m\""
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_number_per_second_or_minute() {
        for (text, per_second) in [("20/s", 20.0), ("0.5/s", 0.5), ("90/m", 1.5), ("1 / s", 1.0)] {
            assert_eq!(Rate::of(text).map(|rate| rate.per_second), Some(per_second), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_positive_number_per_second_or_minute() {
        for text in ["20", "20/", "/s", "-3/s", "0/s", "NaN/s", "inf/s", "20/h", "1/s/s", ""] {
            assert_eq!(Rate::of(text), None, "{text}");
        }
    }
}
