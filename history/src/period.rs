//! Durations as TOML files write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A duration as TOML files write it: a number and its unit, such as `"300ms"`, `"2.5s"`, `"5m"`, `"24h"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(pub Duration);

/// The units, by the suffix that a TOML file uses, in nanoseconds.
const UNITS: &[(&str, f64)] = &[("us", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3_600e9), ("d", 86_400e9)];

const LONGEST: Duration = Duration::from_secs(3_660 * 86_400);

/// The text is not a duration.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is not a duration: write a number and a unit, such as \"300ms\", \"2.5s\", \"5m\" or \"24h\", at most ten years"
)]
pub struct PeriodError(String);

impl FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let wrong = || PeriodError(text.to_owned());
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let (number, unit) = text.split_at(digits);
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let (_, scale) = UNITS.iter().find(|(suffix, _)| *suffix == unit.trim()).ok_or_else(wrong)?;
        let span = Duration::try_from_secs_f64(number * scale / 1e9).map_err(|_| wrong())?;
        // Longer than any run or window; sums of such spans stay far from overflowing.
        if span > LONGEST { Err(wrong()) } else { Ok(Self(span)) }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos() as f64;
        let whole = UNITS.iter().rev().find(|(_, scale)| nanos >= *scale && (nanos / scale).fract() == 0.0);
        let (unit, scale) = whole.copied().unwrap_or(("ms", 1e6));
        write!(f, "{}{unit}", nanos / scale)
    }
}

impl serde::Serialize for Period {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Period {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_number_and_its_unit() {
        for (text, millis) in [("300ms", 300), ("2.5s", 2_500), ("5m", 300_000), ("24h", 86_400_000), ("0s", 0)] {
            assert_eq!(text.parse::<Period>().unwrap().0, Duration::from_millis(millis), "{text}");
        }
    }

    #[test]
    fn refuses_what_has_no_unit_no_number_or_a_sign() {
        for text in ["300", "ms", "-3s", "3 parsecs", "", "1.2.3s", "99999999999999d"] {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
    }

    #[test]
    fn writes_itself_as_a_toml_file_would() {
        for text in ["300ms", "2500ms", "5m", "1d", "15s"] {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), text);
        }
    }
}
