//! A digest of rows that have no order.

use proofload_history::digest::Digest;

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
        let mut digest = Digest::default();
        digest.take(&self.sum.to_be_bytes());
        digest.take(&self.rows.to_be_bytes());
        digest.value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&str]) -> u64 {
        let mut unordered = Unordered::default();
        for row in rows {
            let mut digest = Digest::default();
            digest.take(row.as_bytes());
            unordered.take(digest);
        }
        unordered.value()
    }

    #[test]
    fn rows_may_come_in_any_order_but_not_in_another_number() {
        assert_eq!(rows(&["a", "b", "c"]), rows(&["c", "a", "b"]));
        assert_ne!(rows(&["a", "b"]), rows(&["a", "b", "b"]));
        assert_ne!(rows(&["a", "b"]), rows(&["a", "c"]));
    }
}
