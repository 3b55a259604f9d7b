//! Objectives, as experiments write them: in percent.

use serde::Deserialize;
use serde::de::{Deserializer, Error};

/// A ratio between 0 and 1, exclusive, that a TOML file writes as a percentage: 99.9.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Percent(pub(super) f64);

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let percent = f64::deserialize(deserializer)?;
        if percent > 0.0 && percent < 100.0 {
            Ok(Self(percent / 100.0))
        } else {
            Err(D::Error::custom(format!("{percent} is not a percentage between 0 and 100, such as 99.9")))
        }
    }
}
