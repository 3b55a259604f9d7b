//! What /proc tells of the machine: its processors and its units.

/// The processors' time since boot, from the first line of `/proc/stat`, in clock ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Processors {
    total: u64,
    /// Time in programs and in system calls on their behalf; interrupts belong to nobody.
    busy: u64,
    steal: u64,
}

impl Processors {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let fields: Vec<u64> = text
            .lines()
            .next()?
            .strip_prefix("cpu ")?
            .split_whitespace()
            .map_while(|field| field.parse().ok())
            .collect();
        // user, nice, system, idle, iowait, irq, softirq, steal; guest time after them is in user's already.
        let busy = fields.get(..3)?.iter().sum();
        Some(Self { total: fields.get(..8)?.iter().sum(), busy, steal: fields[7] })
    }

    /// The share of the time since `before` that the processors were taken away.
    pub(super) fn steal_since(self, before: Self) -> Option<f64> {
        let total = self.total.checked_sub(before.total).filter(|total| *total > 0)?;
        Some(self.steal.saturating_sub(before.steal) as f64 / total as f64)
    }
}

impl Processors {
    /// The share of the time since `before` in which others than the processes seen kept the processors busy; those
    /// seen spent `seen` clock ticks.
    pub(super) fn foreign_since(self, before: Self, seen: u64) -> Option<f64> {
        let total = self.total.checked_sub(before.total).filter(|total| *total > 0)?;
        Some(self.busy.saturating_sub(before.busy).saturating_sub(seen) as f64 / total as f64)
    }
}

/// The machine's units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Units {
    pub(super) page_bytes: u64,
    pub(super) ticks_per_second: u64,
}

impl Units {
    /// From `/proc/self/auxv`: pairs of words, what and value. What is missing is what nearly every Linux has.
    pub(super) fn parse(auxv: &[u8]) -> Self {
        const AT_PAGESZ: u64 = 6;
        const AT_CLKTCK: u64 = 17;
        let words: Vec<u64> = auxv.as_chunks::<8>().0.iter().map(|word| u64::from_ne_bytes(*word)).collect();
        let find = |what| words.as_chunks::<2>().0.iter().find(|pair| pair[0] == what).map(|pair| pair[1]);
        let positive = |value: Option<u64>, usual| value.filter(|value| *value > 0).unwrap_or(usual);
        Self { page_bytes: positive(find(AT_PAGESZ), 4_096), ticks_per_second: positive(find(AT_CLKTCK), 100) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_processors_did_beyond_those_seen_is_foreign() {
        let at = |text: &str| Processors::parse(text).unwrap();
        let (before, now) = (at("cpu 100 0 100 800 0 0 0 0 0 0"), at("cpu 250 10 140 1600 0 0 0 0 0 0"));
        assert_eq!(now.foreign_since(before, 100), Some(0.1));
        assert_eq!(now.foreign_since(before, 500), Some(0.0));
        assert_eq!(now.foreign_since(now, 0), None);
    }

    #[test]
    fn steal_is_a_share_of_the_time_that_went_by() {
        let before = Processors::parse("cpu  100 0 100 700 50 0 0 50 7 7\ncpu0 1 2 3\n").unwrap();
        let after = Processors::parse("cpu  150 0 100 730 50 0 0 70 9 9\n").unwrap();
        assert_eq!(after.steal_since(before), Some(0.2));
        assert_eq!(before.steal_since(before), None);
        assert_eq!(Processors::parse("cpu  1 2 3"), None);
    }

    #[test]
    fn units_come_from_the_auxiliary_vector() {
        let words: [u64; 6] = [6, 16_384, 17, 250, 0, 0];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        assert_eq!(Units::parse(&bytes), Units { page_bytes: 16_384, ticks_per_second: 250 });
        assert_eq!(Units::parse(&[]), Units { page_bytes: 4_096, ticks_per_second: 100 });
    }
}
