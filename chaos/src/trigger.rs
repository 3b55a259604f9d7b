//! When a fault fires: at an instant of a phase, after another fault, or when a condition on the running system holds.
//! Pure: the waiting is done in `wait`.

use crate::names::Names;
use crate::spec::{Keys, period, text, unknown, wrong};
use proofload_history::{Period, Phase};
use proofload_lab::manifest::SpecError;
use std::fmt;
use std::time::Duration;
use toml::Spanned;
use toml::de::DeValue;

/// The phases that a fault may begin in: behind the steady state, which it would disturb, and before the system is read.
const PHASES: [Phase; 2] = [Phase::Fault, Phase::Recovery];

/// The instant from which a fault fires, or its condition is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// Some time after the start of a phase.
    Phase {
        /// The phase.
        phase: Phase,
        /// How long after its start.
        after: Duration,
    },
    /// Some time after another fault was injected.
    Fault {
        /// The other fault.
        fault: String,
        /// How long after its injection.
        delay: Duration,
    },
}

impl Start {
    /// Reads the key `at` of the fault `fault`.
    pub(crate) fn parse(fault: &str, value: &Spanned<DeValue<'_>>, names: &Names) -> Result<Self, SpecError> {
        if value.get_ref().is_str() {
            return Ok(Self::Phase { phase: phase(value)?, after: Duration::ZERO });
        }
        let keys = Keys::of(format!("`at` of fault `{fault}`"), value)?;
        match keys.one_of(&["phase", "after_fault"])? {
            ("phase", which) => {
                keys.only(&["phase", "after"])?;
                Ok(Self::Phase { phase: phase(which)?, after: keys.period("after")?.unwrap_or_default() })
            }
            (_, other) => {
                keys.only(&["after_fault", "delay"])?;
                let other = names.other_fault(fault, other)?;
                Ok(Self::Fault { fault: other, delay: keys.period("delay")?.unwrap_or_default() })
            }
        }
    }
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Phase { phase, after } if after.is_zero() => write!(f, "at the start of {phase}"),
            Self::Phase { phase, after } => write!(f, "{} after the start of {phase}", Period(*after)),
            Self::Fault { fault, delay } if delay.is_zero() => write!(f, "right after {fault}"),
            Self::Fault { fault, delay } => write!(f, "{} after {fault}", Period(*delay)),
        }
    }
}

fn phase(value: &Spanned<DeValue<'_>>) -> Result<Phase, SpecError> {
    let name = text("a phase", value)?;
    let found = PHASES.into_iter().find(|phase| phase.name() == name);
    found.ok_or_else(|| unknown(value.span(), name, format!("a fault cannot begin in a phase `{name}`"), PHASES))
}

/// Which side of its limit a gauge must reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// The limit or more.
    AtLeast(f64),
    /// The limit or less.
    AtMost(f64),
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtLeast(limit) => value >= limit,
            Self::AtMost(limit) => value <= limit,
        }
    }
}

/// A condition on the running system.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The gauge of the manifest that is polled.
    pub gauge: String,
    /// What it must reach.
    pub bound: Bound,
    /// How long it is watched; to the end of the phase if nothing is said.
    pub give_up_after: Option<Duration>,
}

/// What to do after a reading of the gauge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Fire, for this reason: `backlog = 118 >= 100`.
    Fire(String),
    /// Read again.
    Wait,
    /// Too late; this is why.
    GiveUp(String),
}

impl Condition {
    /// Reads the key `when` of the fault `fault`.
    pub(crate) fn parse(fault: &str, value: &Spanned<DeValue<'_>>, names: &Names) -> Result<Self, SpecError> {
        let keys = Keys::of(format!("`when` of fault `{fault}`"), value)?;
        keys.only(&["gauge", "at_least", "at_most", "give_up_after"])?;
        let gauge = names.gauge(keys.need("gauge")?)?;
        let (side, limit) = keys.one_of(&["at_least", "at_most"])?;
        let limit = crate::spec::number(&format!("`{side}` of `when`"), limit)?;
        let give_up_after = match keys.get("give_up_after") {
            None => None,
            Some(value) => match period("`give_up_after`", value)? {
                Duration::ZERO => {
                    return Err(wrong(value.span(), "`give_up_after` is zero: the gauge would never be read"));
                }
                longer => Some(longer),
            },
        };
        let bound = if side == "at_least" { Bound::AtLeast(limit) } else { Bound::AtMost(limit) };
        Ok(Self { gauge, bound, give_up_after })
    }

    /// What a reading means when the gauge has been watched for `watched`.
    pub(crate) fn decide(&self, reading: &Result<f64, String>, watched: Duration) -> Decision {
        match reading {
            Ok(value) if self.bound.holds(*value) => {
                Decision::Fire(format!("{} = {value} {}", self.gauge, self.limit()))
            }
            _ if self.give_up_after.is_some_and(|bound| watched >= bound) => Decision::GiveUp(self.never_held(reading)),
            _ => Decision::Wait,
        }
    }

    /// Why a fault is not injected whose condition was last read as `last`.
    pub(crate) fn never_held(&self, last: &Result<f64, String>) -> String {
        match last {
            Ok(value) => format!("its condition never held: {} was {value} at last, not {}", self.gauge, self.limit()),
            Err(error) => format!("its condition never held: {} could not be read: {error}", self.gauge),
        }
    }

    fn limit(&self) -> String {
        match self.bound {
            Bound::AtLeast(limit) => format!(">= {limit}"),
            Bound::AtMost(limit) => format!("<= {limit}"),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.gauge, self.limit())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(bound: Bound, give_up_after: Option<u64>) -> Condition {
        Condition { gauge: "backlog".to_owned(), bound, give_up_after: give_up_after.map(Duration::from_secs) }
    }

    #[test]
    fn a_condition_fires_at_its_limit_and_not_before() {
        let fires =
            |bound, value: f64| matches!(condition(bound, None).decide(&Ok(value), Duration::ZERO), Decision::Fire(_));
        let table = [
            (Bound::AtLeast(100.0), 99.0, false),
            (Bound::AtLeast(100.0), 100.0, true),
            (Bound::AtLeast(100.0), 101.0, true),
            (Bound::AtMost(1.0), 2.0, false),
            (Bound::AtMost(1.0), 1.0, true),
            (Bound::AtMost(1.0), 0.0, true),
            (Bound::AtLeast(0.0), f64::NAN, false),
        ];
        for (bound, value, expected) in table {
            assert_eq!(fires(bound, value), expected, "{value} against {bound:?}");
        }
    }

    #[test]
    fn what_fires_says_why() {
        let now = |bound| condition(bound, None).decide(&Ok(118.0), Duration::ZERO);
        assert_eq!(now(Bound::AtLeast(100.0)), Decision::Fire("backlog = 118 >= 100".to_owned()));
        assert_eq!(now(Bound::AtMost(200.0)), Decision::Fire("backlog = 118 <= 200".to_owned()));
    }

    #[test]
    fn a_condition_is_given_up_when_it_was_watched_for_long_enough() {
        let unreadable = || Err("connection refused".to_owned());
        let table = [
            (Some(5), Ok(12.0), 4, Decision::Wait),
            (Some(5), unreadable(), 4, Decision::Wait),
            (None, Ok(12.0), 4_000, Decision::Wait),
            (
                Some(5),
                Ok(12.0),
                5,
                Decision::GiveUp("its condition never held: backlog was 12 at last, not >= 100".into()),
            ),
            (
                Some(5),
                unreadable(),
                5,
                Decision::GiveUp("its condition never held: backlog could not be read: connection refused".into()),
            ),
        ];
        for (give_up_after, reading, watched, expected) in table {
            let decided =
                condition(Bound::AtLeast(100.0), give_up_after).decide(&reading, Duration::from_secs(watched));
            assert_eq!(decided, expected, "{reading:?} after {watched} s of {give_up_after:?}");
        }
    }

    #[test]
    fn a_condition_that_holds_at_the_last_moment_fires() {
        let decided = condition(Bound::AtLeast(100.0), Some(5)).decide(&Ok(100.0), Duration::from_secs(6));
        assert!(matches!(decided, Decision::Fire(_)));
    }
}
