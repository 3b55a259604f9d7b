//! Digests that are the same on every machine and in every version: 64-bit FNV-1a.
//!
//! They tell accidental differences apart; nobody attacks them.

/// A running digest. <http://www.isthe.com/chongo/tech/comp/fnv/>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Digest(u64);

impl Digest {
    pub(super) fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Takes in bytes and their number, so that what is taken in together cannot be mistaken for another division.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().chain(&bytes.len().to_be_bytes()) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// Takes in something that may be missing, which differs from being empty.
    pub(super) fn take_optional(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.take(bytes),
            None => self.take(&[0xff; 3]),
        }
    }

    pub(super) fn value(self) -> u64 {
        self.0
    }
}

/// The digest of one payload.
pub(super) fn of(payload: &[u8]) -> u64 {
    let mut digest = Digest::new();
    digest.take(payload);
    digest.value()
}

/// A digest of rows in any order: a table has none of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Unordered {
    sum: u64,
    rows: u64,
}

impl Unordered {
    pub(super) fn take(&mut self, row: Digest) {
        // Mixed before it is added (the finalizer of SplitMix64): differences of two rows must not cancel out.
        let mut mixed = row.value();
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        self.sum = self.sum.wrapping_add(mixed ^ (mixed >> 31));
        self.rows += 1;
    }

    pub(super) fn value(self) -> u64 {
        let mut digest = Digest::new();
        digest.take(&self.sum.to_be_bytes());
        digest.take(&self.rows.to_be_bytes());
        digest.value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(parts: &[&str]) -> Digest {
        let mut digest = Digest::new();
        parts.iter().for_each(|part| digest.take(part.as_bytes()));
        digest
    }

    fn rows(rows: &[&str]) -> u64 {
        let mut unordered = Unordered::default();
        rows.iter().for_each(|row| unordered.take(digest(&[row])));
        unordered.value()
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
    fn what_is_missing_is_not_empty() {
        let (mut missing, mut empty) = (Digest::new(), Digest::new());
        missing.take_optional(None);
        empty.take_optional(Some(b""));
        assert_ne!(missing, empty);
    }

    #[test]
    fn rows_may_come_in_any_order_but_not_in_another_number() {
        assert_eq!(rows(&["a", "b", "c"]), rows(&["c", "a", "b"]));
        assert_ne!(rows(&["a", "b"]), rows(&["a", "b", "b"]));
        assert_ne!(rows(&["a", "b"]), rows(&["a", "c"]));
    }
}
