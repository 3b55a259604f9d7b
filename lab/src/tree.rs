//! A process and its descendants: a database server is more than the process that was started.

use crate::stat::{self, Stat};
use rustix::process::{Pid, Signal, kill_process};

/// `root` and everything that descends from it now, `root` first. Empty if it is gone.
pub(crate) fn members(root: Pid) -> Vec<Pid> {
    stat::family(&stat::processes(), root.as_raw_pid()).into_iter().filter_map(Pid::from_raw).collect()
}

/// Sends `signal` to `root` and its descendants. `root` comes first: stopped or killed, it makes no new ones.
pub(crate) fn signal(root: Pid, signal: Signal) -> rustix::io::Result<Vec<Pid>> {
    let before = members(root);
    kill_process(root, signal)?;
    // Those that were born while the first look was on its way.
    let after = members(root);
    let mut all = before;
    all.extend(after.into_iter().filter(|pid| !all.contains(pid)).collect::<Vec<_>>());
    for pid in all.iter().filter(|pid| **pid != root) {
        match kill_process(*pid, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

/// Whether a process still exists and is no zombie.
pub(crate) fn lives(pid: Pid) -> bool {
    Stat::of(pid.as_raw_pid()).is_some_and(|stat| !stat.is_dead())
}
