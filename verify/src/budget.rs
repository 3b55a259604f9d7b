//! How much a check may hold in memory.

/// What a check may hold of rows that it has to put together. What does not fit is put together part by part, each in a
/// pass over the table of its own; the finding is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// At most about so many bytes.
    Bytes(u64),
    /// So many passes, whatever they hold: for tests.
    Passes(u64),
}

impl Budget {
    /// What one check may hold, of several that are asked at once.
    pub const OF_CHECK: Self = Self::Bytes(128 << 20);

    /// How many passes it takes to put `rows` rows of `row_bytes` together.
    pub(crate) fn passes(self, rows: u64, row_bytes: usize) -> u64 {
        match self {
            Self::Bytes(bytes) => rows.saturating_mul(row_bytes as u64).div_ceil(bytes.max(1)).max(1),
            Self::Passes(passes) => passes.max(1),
        }
    }

    /// In how many parts to put rows of `row_bytes` together at least, and how many of them fit into a part.
    pub(crate) fn parts(self, row_bytes: usize) -> (u64, u64) {
        match self {
            Self::Bytes(bytes) => (1, (bytes / row_bytes.max(1) as u64).max(1)),
            Self::Passes(passes) => (passes.max(1), u64::MAX),
        }
    }

    /// The numbers `0..end` cut into as many spans as it takes passes, for what has `bytes` for each number.
    pub(crate) fn spans(self, end: usize, bytes: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
        let passes = self.passes(end as u64, bytes) as usize;
        let length = end.div_ceil(passes).max(1);
        (0..passes).map(move |pass| (pass * length).min(end)..((pass + 1) * length).min(end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_takes_one_pass_and_what_does_not_as_many_as_it_takes() {
        let passes = |rows| Budget::Bytes(1_000).passes(rows, 10);
        assert_eq!([passes(0), passes(100), passes(101), passes(1_000)], [1, 1, 2, 10]);
    }

    #[test]
    fn a_part_holds_at_least_a_row() {
        let parts = |bytes, row| Budget::Bytes(bytes).parts(row);
        assert_eq!([parts(1_000, 10), parts(99, 10), parts(9, 10), parts(5, 0)], [(1, 100), (1, 9), (1, 1), (1, 5)]);
        assert_eq!([Budget::Passes(0).parts(10), Budget::Passes(3).parts(10)], [(1, u64::MAX), (3, u64::MAX)]);
    }

    #[test]
    fn spans_cover_all_numbers_once() {
        for (end, passes) in [(0, 1), (10, 1), (10, 3), (2, 7)] {
            let all: Vec<usize> = Budget::Passes(passes).spans(end, 1).flatten().collect();
            assert_eq!(all, (0..end).collect::<Vec<_>>(), "{end} in {passes}");
        }
    }
}
