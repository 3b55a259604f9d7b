//! A process and its descendants: a database server is more than the process that was started.

use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;

/// `root` and everything that descends from it now, `root` first. Empty if it is gone.
pub(crate) fn members(root: Pid) -> Vec<Pid> {
    let parents = parents();
    if !parents.contains_key(&root.as_raw_pid()) {
        return Vec::new();
    }
    let mut found = vec![root.as_raw_pid()];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        next += 1;
        found.extend(parents.iter().filter(|(_, of)| **of == parent).map(|(child, _)| *child));
    }
    found.into_iter().filter_map(Pid::from_raw).collect()
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
    stat(pid.as_raw_pid()).is_some_and(|(state, _)| state != 'Z' && state != 'X')
}

/// The parent of every process.
fn parents() -> BTreeMap<i32, i32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return BTreeMap::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter_map(|pid| Some((pid, stat(pid)?.1)))
        .collect()
}

/// State and parent of a process (proc_pid_stat(5)). The name before them is in parentheses and may hold anything.
fn stat(pid: i32) -> Option<(char, i32)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.get(text.rfind(')')? + 1..)?.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}
