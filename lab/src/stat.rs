//! Processes as the kernel shows them in `/proc/PID/stat` (proc_pid_stat(5)): the one reader of that file.

use std::collections::BTreeMap;

/// What `/proc/PID/stat` says of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// `R`, `S`, `D`, `T` for stopped, `Z` for a zombie, ...
    pub state: char,
    /// The process that it descends from.
    pub parent: i32,
    /// Processor time of the process and of those of its children that it has waited for, in clock ticks.
    pub ticks: u64,
    /// When it was started, in clock ticks since boot: it tells a process from a later one under the same id.
    pub started: u64,
    /// Resident memory, in pages.
    pub pages: u64,
}

impl Stat {
    /// Reads the text of such a file; `None` if it is cut off.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // The name in parentheses may hold anything, parentheses and spaces too; field 3 follows the last one.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3);
        let number = |at: usize| field(at)?.parse::<u64>().ok();
        Some(Self {
            state: field(3)?.chars().next()?,
            parent: field(4)?.parse().ok()?,
            ticks: (14..=17).map(number).sum::<Option<u64>>()?,
            started: number(22)?,
            pages: number(24)?,
        })
    }

    /// What the process `pid` is now; `None` if there is no such process.
    #[must_use]
    pub fn of(pid: i32) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Whether it has ended and only waits to be noticed.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }
}

/// All processes that can be seen, by process id.
#[must_use]
pub fn processes() -> BTreeMap<i32, Stat> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return BTreeMap::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| Some((pid, Stat::of(pid)?))).collect()
}

/// `root` and everything that descends from it among `processes`, `root` first. Empty if it is not among them.
#[must_use]
pub fn family(processes: &BTreeMap<i32, Stat>, root: i32) -> Vec<i32> {
    if !processes.contains_key(&root) {
        return Vec::new();
    }
    let mut found = vec![root];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        next += 1;
        found.extend(processes.iter().filter(|(_, stat)| stat.parent == parent).map(|(pid, _)| *pid));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line as Linux writes it, of a process with a hostile name.
    const STAT: &str =
        "42 (a) b (c) S 7 42 42 0 -1 4194560 1 2 3 4 100 20 3 4 20 0 12 0 98765 1048576 250 18446744073709551615 1 1";

    #[test]
    fn a_process_tells_state_parent_time_with_children_start_and_memory() {
        let stat = Stat { state: 'S', parent: 7, ticks: 127, started: 98_765, pages: 250 };
        assert_eq!(Stat::parse(STAT), Some(stat));
        assert_eq!(Stat::parse("42 (cut off) S 7"), None);
        assert_eq!(Stat::parse("42 (a"), None);
    }

    #[test]
    fn a_family_is_all_that_descend_from_its_root_and_nobody_else() {
        let child_of = |parent| Stat { state: 'S', parent, ticks: 0, started: 0, pages: 0 };
        let processes = BTreeMap::from([
            (7, child_of(1)),
            (42, child_of(7)),
            (43, child_of(42)),
            (40, child_of(43)),
            (50, child_of(7)),
        ]);
        assert_eq!(family(&processes, 42), [42, 43, 40]);
        assert_eq!(family(&processes, 99), [0_i32; 0]);
    }

    #[test]
    fn this_process_is_seen_alive_and_with_its_memory() {
        let own = processes()[&i32::try_from(std::process::id()).unwrap()];
        assert!(own.pages > 0 && !own.is_dead(), "{own:?}");
    }
}
