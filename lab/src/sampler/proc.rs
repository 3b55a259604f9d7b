//! What /proc tells of processes and of the machine.

use std::collections::HashMap;

/// A process, from `/proc/PID/stat`. See proc(5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) parent: i32,
    /// Processor time of the process and of those of its children that it has waited for, in clock ticks.
    pub(super) ticks: u64,
    /// Resident memory, in pages.
    pub(super) pages: u64,
}

impl Stat {
    pub(super) fn parse(text: &str) -> Option<Self> {
        // The name in parentheses may hold anything, parentheses and spaces too; field 3 follows the last one.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3);
        let ticks = (14..=17).map(|number| field(number)?.parse::<u64>().ok()).sum::<Option<u64>>()?;
        Some(Self { parent: field(4)?.parse().ok()?, ticks, pages: field(24)?.parse().ok()? })
    }
}

/// All processes that can be seen, by process id.
pub(super) fn processes() -> HashMap<i32, Stat> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return HashMap::new() };
    let stat = |entry: std::fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        Some((pid, Stat::parse(&std::fs::read_to_string(entry.path().join("stat")).ok()?)?))
    };
    entries.flatten().filter_map(stat).collect()
}

/// The sum over the process `root` and all that descend from it: clock ticks and pages.
pub(super) fn tree(processes: &HashMap<i32, Stat>, root: i32) -> (u64, u64) {
    let mut of_tree = vec![root];
    let mut at = 0;
    while let Some(parent) = of_tree.get(at).copied() {
        of_tree.extend(processes.iter().filter(|(_, stat)| stat.parent == parent).map(|(pid, _)| *pid));
        at += 1;
    }
    let stats = of_tree.iter().filter_map(|pid| processes.get(pid));
    stats.fold((0, 0), |(ticks, pages), stat| (ticks + stat.ticks, pages + stat.pages))
}

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

    /// A line as Linux writes it, of a process with a hostile name.
    const STAT: &str =
        "42 (a) b (c) S 7 42 42 0 -1 4194560 1 2 3 4 100 20 3 4 20 0 12 0 5 1048576 250 18446744073709551615 1 1";

    #[test]
    fn a_process_tells_parent_time_with_children_and_memory() {
        assert_eq!(Stat::parse(STAT), Some(Stat { parent: 7, ticks: 127, pages: 250 }));
        assert_eq!(Stat::parse("42 (cut off) S 7"), None);
    }

    #[test]
    fn what_the_processors_did_beyond_those_seen_is_foreign() {
        let at = |text: &str| Processors::parse(text).unwrap();
        let (before, now) = (at("cpu 100 0 100 800 0 0 0 0 0 0"), at("cpu 250 10 140 1600 0 0 0 0 0 0"));
        assert_eq!(now.foreign_since(before, 100), Some(0.1));
        assert_eq!(now.foreign_since(before, 500), Some(0.0));
        assert_eq!(now.foreign_since(now, 0), None);
    }

    #[test]
    fn a_tree_counts_all_that_descend_from_its_root_and_nobody_else() {
        let stat = |parent, ticks, pages| Stat { parent, ticks, pages };
        let processes = HashMap::from([
            (7, stat(1, 1, 1)),
            (42, stat(7, 10, 20)),
            (43, stat(42, 100, 200)),
            (44, stat(43, 1_000, 2_000)),
            (50, stat(7, 5, 5)),
        ]);
        assert_eq!(tree(&processes, 42), (1_110, 2_220));
        assert_eq!(tree(&processes, 99), (0, 0));
    }

    #[test]
    fn this_process_is_seen_with_its_memory() {
        let pid = i32::try_from(std::process::id()).unwrap();
        assert!(processes()[&pid].pages > 0);
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
