//! How often, as TOML files write it.

use std::fmt;
use std::str::FromStr;

/// A positive number of arrivals per unit of time, as TOML files write it: `"200/s"`, `"90/m"`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    count: f64,
    unit: &'static str,
}

/// Units of time, by the suffix that a TOML file uses, in seconds.
const UNITS: &[(&str, f64)] = &[("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3_600.0), ("d", 86_400.0)];

/// The highest rate that a file may ask for, in arrivals per second. No generator keeps up with it; the bound keeps a
/// slip of the pen from counting for hours.
pub const MAX_PER_SECOND: f64 = 1_000_000.0;

/// The text is not a rate that can be offered.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum RateError {
    /// Not a positive number per unit of time.
    #[error("`{0}` is not a rate: write a positive number per unit of time, such as \"200/s\" or \"90/m\"")]
    Unreadable(String),
    /// More than [`MAX_PER_SECOND`].
    #[error("the rate `{0}` is too high: write at most \"{MAX_PER_SECOND}/s\"")]
    TooHigh(String),
}

impl Rate {
    /// Arrivals per second.
    #[must_use]
    pub fn per_second(self) -> f64 {
        let seconds = UNITS.iter().find(|(unit, _)| *unit == self.unit).map_or(1.0, |(_, seconds)| *seconds);
        self.count / seconds
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let unreadable = || RateError::Unreadable(text.to_owned());
        let (count, unit) = text.split_once('/').ok_or_else(unreadable)?;
        let (unit, _) = UNITS.iter().find(|(suffix, _)| *suffix == unit.trim()).ok_or_else(unreadable)?;
        let count: f64 = count.trim().parse().map_err(|_| unreadable())?;
        if !(count.is_finite() && count > 0.0) {
            return Err(unreadable());
        }
        let rate = Self { count, unit };
        if rate.per_second() > MAX_PER_SECOND { Err(RateError::TooHigh(text.to_owned())) } else { Ok(rate) }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.unit)
    }
}

impl serde::Serialize for Rate {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Rate {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_number_per_unit_of_time() {
        for (text, per_second) in [("200/s", 200.0), ("5/ms", 5_000.0), ("90/m", 1.5), ("7.2/h", 0.002), ("1 / s", 1.0)]
        {
            assert_eq!(text.parse::<Rate>().unwrap().per_second(), per_second, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_positive_number_per_unit_of_time() {
        for text in ["-3/s", "0/s", "200", "200/", "/s", "200/fortnight", "NaN/s", "inf/s", "", "1/s/s"] {
            assert_eq!(text.parse::<Rate>(), Err(RateError::Unreadable(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn says_how_a_rate_is_written() {
        assert_eq!(
            "-3/s".parse::<Rate>().unwrap_err().to_string(),
            "`-3/s` is not a rate: write a positive number per unit of time, such as \"200/s\" or \"90/m\""
        );
    }

    #[test]
    fn refuses_a_rate_that_nobody_could_count() {
        assert_eq!("2000/ms".parse::<Rate>().unwrap_err(), RateError::TooHigh("2000/ms".to_owned()));
        assert!("200000/s".parse::<Rate>().is_ok(), "absurd, but the audit is to say so");
    }

    #[test]
    fn writes_itself_as_it_was_written() {
        for text in ["200/s", "5/ms", "90/m", "0.5/h"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
    }
}
