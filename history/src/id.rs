//! The id of an intent, a function of a seed, a stream and a counter.

use std::fmt;
use std::str::FromStr;

/// The id of an intent, under which its attempts, records, rows and transfers are joined.
///
/// It is a UUID of version 8 whose free bits are the seed of the run, the stream of traffic and a counter, in the
/// clear: `00000000-0007-8001-8000-00000000002a` is arrival 42 of stream 1 under seed 7. What a client asks for under an
/// id of its own within that arrival has the number of that id in the group before: `8003` is the third. So the ids of a
/// run are a function of its seed, they never collide, and a reader sees at once which request one was.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub u128);

const VERSION: u128 = 0x8 << 76;
const VARIANT: u128 = 0b10 << 62;
const COUNTER_MASK: u128 = (1 << 48) - 1;
const OWN_SHIFT: u32 = 48;
const OWN_MASK: u128 = (MAX_OWN_IDS as u128) << OWN_SHIFT;

/// The most own ids that one arrival can have: their number has 14 bits, and 0 is the arrival itself.
pub const MAX_OWN_IDS: u16 = (1 << 14) - 1;

impl Id {
    /// The id of arrival `counter` (48 bits) of `stream` (12 bits) under `seed` (its low 48 bits).
    #[must_use]
    pub fn issued(seed: u64, stream: u16, counter: u64) -> Self {
        let seed = u128::from(seed & 0xffff_ffff_ffff) << 80;
        let stream = u128::from(stream & 0xfff) << 64;
        Self(seed | VERSION | stream | VARIANT | (u128::from(counter) & COUNTER_MASK))
    }

    /// Its high and its low half, for rows that must be no wider than what is in them: a `u128` is aligned to 16 bytes.
    #[must_use]
    pub fn halves(self) -> [u64; 2] {
        [(self.0 >> 64) as u64, self.0 as u64]
    }

    /// The id with these halves.
    #[must_use]
    pub fn of_halves([high, low]: [u64; 2]) -> Self {
        Self(u128::from(high) << 64 | u128::from(low))
    }

    /// The own id `number` (14 bits) within the arrival that this id belongs to; number 0 is the arrival's id itself.
    #[must_use]
    pub fn own(self, number: u16) -> Self {
        Self(self.0 & !OWN_MASK | (u128::from(number) << OWN_SHIFT & OWN_MASK))
    }

    /// Which own id of its arrival this is; 0 for the arrival's id itself. It means nothing of an id that was not issued.
    #[must_use]
    pub fn own_number(self) -> u16 {
        ((self.0 & OWN_MASK) >> OWN_SHIFT) as u16
    }

    /// The id that `text` stands for: the UUID that it spells, or, for any other text, a digest of it.
    ///
    /// A system may hold keys that proofload did not issue; they need an identity too, so that they can be found
    /// unexpected. The digest is FNV-1a over 128 bits.
    #[must_use]
    pub fn of(text: &str) -> Self {
        text.parse().unwrap_or_else(|_| {
            let digest = text.bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128, |hash, byte| {
                (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
            });
            Self(digest)
        })
    }

    /// The stream and the counter of the arrival that this id belongs to, as its id or as one of its own ids, if it was
    /// made under `seed`.
    #[must_use]
    pub fn counter(self, seed: u64) -> Option<(u16, u64)> {
        let stream = ((self.0 >> 64) & 0xfff) as u16;
        let counter = (self.0 & COUNTER_MASK) as u64;
        (Self::issued(seed, stream, counter) == self.own(0)).then_some((stream, counter))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = format!("{:032x}", self.0);
        write!(f, "{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not a UUID of 32 hexadecimal digits in groups of 8-4-4-4-12.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not an id such as 00000000-0007-8001-8000-00000000002a")]
pub struct IdError(String);

impl FromStr for Id {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let bytes = text.as_bytes();
        let dashes = [8, 13, 18, 23];
        let shaped = bytes.len() == 36
            && bytes
                .iter()
                .enumerate()
                .all(|(at, byte)| if dashes.contains(&at) { *byte == b'-' } else { byte.is_ascii_hexdigit() });
        if !shaped {
            return Err(IdError(text.to_owned()));
        }
        u128::from_str_radix(&text.replace('-', ""), 16).map(Self).map_err(|_| IdError(text.to_owned()))
    }
}

impl serde::Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_issued_id_reads_as_seed_stream_and_counter() {
        assert_eq!(Id::issued(7, 1, 42).to_string(), "00000000-0007-8001-8000-00000000002a");
    }

    #[test]
    fn an_id_of_another_seed_was_not_issued_under_this_one() {
        assert_eq!(Id::issued(8, 1, 42).counter(7), None);
    }

    #[test]
    fn a_text_that_is_no_uuid_still_has_an_identity() {
        assert_eq!(Id::of("loan 17"), Id::of("loan 17"));
        assert_ne!(Id::of("loan 17"), Id::of("loan 18"));
    }

    #[test]
    fn an_own_id_reads_as_its_arrival_with_its_number_before_it() {
        assert_eq!(Id::issued(7, 1, 42).own(3).to_string(), "00000000-0007-8001-8003-00000000002a");
    }

    proptest! {
        #[test]
        fn an_id_gives_back_what_it_was_issued_from(
            seed in 0u64..1 << 48, stream in 0u16..1 << 12, counter in 0u64..1 << 48, own in 0..=MAX_OWN_IDS,
        ) {
            let arrival = Id::issued(seed, stream, counter);
            let id = arrival.own(own);
            prop_assert_eq!(id.counter(seed), Some((stream, counter)));
            prop_assert_eq!((id.own_number(), id.own(0)), (own, arrival));
            prop_assert_eq!(id == arrival, own == 0);
            prop_assert_eq!(id.to_string().parse::<Id>().unwrap(), id);
        }
    }
}
