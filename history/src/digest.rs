//! Digests that are the same on every machine and in every version: 64-bit FNV-1a.
//!
//! They tell accidental differences apart; nobody attacks them.

/// A running digest. <http://www.isthe.com/chongo/tech/comp/fnv/>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    /// Takes in a part of something longer, however it is divided.
    pub fn pass(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// Takes in bytes and their number, so that what is taken in together cannot be mistaken for another division.
    pub fn take(&mut self, bytes: &[u8]) {
        self.pass(bytes);
        self.pass(&bytes.len().to_be_bytes());
    }

    /// Takes in something that may be missing, which differs from being empty.
    pub fn take_optional(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.take(bytes),
            None => self.take(&[0xff; 3]),
        }
    }

    /// Its value so far.
    #[must_use]
    pub fn value(self) -> u64 {
        self.0
    }
}

/// The digest of one payload.
#[must_use]
pub fn of(payload: &[u8]) -> u64 {
    let mut digest = Digest::default();
    digest.take(payload);
    digest.value()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(parts: &[&str]) -> Digest {
        let mut digest = Digest::default();
        parts.iter().for_each(|part| digest.take(part.as_bytes()));
        digest
    }

    #[test]
    fn a_digest_is_the_same_in_every_version() {
        assert_eq!(of(b"a payload"), 0x1131_c0e6_e786_cb1d);
    }

    #[test]
    fn a_digest_tells_order_and_division_apart() {
        assert_ne!(digest(&["a", "b"]), digest(&["b", "a"]));
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
    }

    #[test]
    fn what_passes_in_parts_is_the_same_however_it_is_divided() {
        let passed = |parts: &[&str]| {
            let mut digest = Digest::default();
            parts.iter().for_each(|part| digest.pass(part.as_bytes()));
            digest
        };
        assert_eq!(passed(&["ab", "c"]), passed(&["a", "bc"]));
        assert_ne!(passed(&["abc"]), passed(&["acb"]));
    }

    #[test]
    fn what_is_missing_is_not_empty() {
        let (mut missing, mut empty) = (Digest::default(), Digest::default());
        missing.take_optional(None);
        empty.take_optional(Some(b""));
        assert_ne!(missing, empty);
    }
}
