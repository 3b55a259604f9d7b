//! How often a fault fires, and how long it pauses between one end and the next beginning. Pure: the waiting is done in
//! `wait`, the drawing is a function of the seed.

use crate::spec::{Keys, mismatch, period, wrong};
use proofload_history::{Id, Period};
use proofload_lab::manifest::SpecError;
use std::fmt;
use std::time::Duration;
use toml::Spanned;
use toml::de::DeValue;

/// The most occurrences that a fault may have: each has its lines in the journal and its row in the report.
const TIMES_MAX: u32 = 1_000;

/// A fault that fires again after each of its heals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// How often it fires in all; at least twice.
    pub times: u32,
    /// The shortest pause from the end of an occurrence, when the system was seen whole, to the next one.
    pub pause_min: Duration,
    /// The longest; the same where nothing is drawn.
    pub pause_max: Duration,
}

impl Repeat {
    /// Reads the key `repeat` of the fault `fault`.
    pub(crate) fn parse(fault: &str, value: &Spanned<DeValue<'_>>) -> Result<Self, SpecError> {
        let keys = Keys::of(format!("`repeat` of fault `{fault}`"), value)?;
        keys.only(&["times", "every"])?;
        let times = times(keys.need("times")?)?;
        let (pause_min, pause_max) = pauses(keys.need("every")?)?;
        Ok(Self { times, pause_min, pause_max })
    }

    /// The shortest time that all occurrences take that last `lasts` each, if every heal takes no time.
    pub(crate) fn shortest(&self, lasts: Duration) -> Duration {
        lasts * self.times + self.pause_min * (self.times - 1)
    }

    /// The pause before the occurrence called `name`: a function of the seed and the name alone, in milliseconds.
    pub(crate) fn pause(&self, seed: u64, name: &str) -> Duration {
        let span = u64::try_from((self.pause_max - self.pause_min).as_millis()).unwrap_or(u64::MAX).saturating_add(1);
        self.pause_min + Duration::from_millis(digest(seed, &format!("pause before {name}")) % span)
    }
}

impl fmt::Display for Repeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { times, pause_min, pause_max } = self;
        write!(f, "{times} times, each {}", Period(*pause_min))?;
        if pause_min != pause_max {
            write!(f, " to {}, drawn from the seed,", Period(*pause_max))?;
        }
        f.write_str(" after the last was healed")
    }
}

/// What is drawn for `name`: a function of the seed and the name alone, evenly spread over all numbers.
pub(crate) fn digest(seed: u64, name: &str) -> u64 {
    let hash = Id::of(&format!("{seed} {name}")).0;
    // FNV-1a hardly mixes the last letters, and the names of occurrences differ in nothing else: MurmurHash3's
    // finalizer makes every bit depend on all of them.
    let mut mixed = (hash >> 64) as u64 ^ hash as u64;
    for factor in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53] {
        mixed = (mixed ^ (mixed >> 33)).wrapping_mul(factor);
    }
    mixed ^ (mixed >> 33)
}

fn times(value: &Spanned<DeValue<'_>>) -> Result<u32, SpecError> {
    let number = match value.get_ref() {
        DeValue::Integer(integer) => u32::from_str_radix(integer.as_str(), integer.radix()).ok(),
        _ => return Err(mismatch("`times` of `repeat`", value, "a whole number")),
    };
    number.filter(|times| (2..=TIMES_MAX).contains(times)).ok_or_else(|| {
        wrong(
            value.span(),
            format!("`times` of `repeat` must be between 2 and {TIMES_MAX}: a fault fires once without it"),
        )
    })
}

/// `"1s"`, or `{ from = "500ms", to = "2s" }`.
fn pauses(value: &Spanned<DeValue<'_>>) -> Result<(Duration, Duration), SpecError> {
    if value.get_ref().is_str() {
        let pause = period("`every` of `repeat`", value)?;
        return Ok((pause, pause));
    }
    let keys = Keys::of("`every` of `repeat`", value)?;
    keys.only(&["from", "to"])?;
    let (from, to) = (keys.need("from")?, keys.need("to")?);
    let pauses = (period("`from` of `every`", from)?, period("`to` of `every`", to)?);
    if pauses.0 > pauses.1 {
        return Err(wrong(to.span(), "`to` of `every` must not be less than `from`"));
    }
    Ok(pauses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_pause_is_drawn_from_the_seed_and_stays_between_its_bounds() {
        let millis = Duration::from_millis;
        let repeat = Repeat { times: 100, pause_min: millis(500), pause_max: millis(2_000) };
        let pauses = |seed| (2..=100).map(|n| repeat.pause(seed, &format!("crash#{n}"))).collect::<Vec<_>>();
        assert_eq!(pauses(7), pauses(7));
        assert_ne!(pauses(7), pauses(8));
        assert!(pauses(7).iter().all(|pause| (millis(500)..=millis(2_000)).contains(pause)));
        assert!(pauses(7).iter().collect::<BTreeSet<_>>().len() > 80, "{:?}", pauses(7));
        let even = Repeat { times: 2, pause_min: millis(500), pause_max: millis(500) };
        assert_eq!(even.pause(7, "crash#2"), millis(500));
    }

    #[test]
    fn all_occurrences_and_the_pauses_between_them_take_their_time() {
        let seconds = Duration::from_secs;
        let repeat = Repeat { times: 50, pause_min: seconds(1), pause_max: seconds(2) };
        assert_eq!(repeat.shortest(seconds(2)), seconds(149));
    }
}
