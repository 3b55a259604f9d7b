//! Processes as the kernel shows them in /proc: the observer of kills and pauses that is not their injector.

use std::path::Path;

/// A process, told from a later one under the same id by its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    /// Its id.
    pub(crate) pid: i32,
    /// When it was started, in clock ticks since boot.
    started: u64,
}

/// What /proc/PID/stat says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    state: char,
    parent: i32,
    started: u64,
}

impl Process {
    /// Its state (`R`, `S`, `T` for stopped, ...), or `None` if it is gone; a zombie is.
    pub(crate) fn state(self) -> Option<char> {
        let stat = stat(self.pid)?;
        (stat.started == self.started && !matches!(stat.state, 'Z' | 'X')).then_some(stat.state)
    }
}

/// The process `main` and all its descendants; none if it is gone.
pub(crate) fn family(main: i32) -> Vec<Process> {
    let all: Vec<(i32, Stat)> = pids().into_iter().filter_map(|pid| Some((pid, stat(pid)?))).collect();
    let mut family: Vec<Process> = Vec::new();
    let mut parents = vec![main];
    family.extend(
        all.iter().filter(|(pid, _)| *pid == main).map(|(pid, stat)| Process { pid: *pid, started: stat.started }),
    );
    while let Some(parent) = parents.pop() {
        for (pid, stat) in all.iter().filter(|(_, stat)| stat.parent == parent) {
            family.push(Process { pid: *pid, started: stat.started });
            parents.push(*pid);
        }
    }
    family
}

fn pids() -> Vec<i32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn stat(pid: i32) -> Option<Stat> {
    let text = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    parse(&text)
}

/// The fields after the command's name, which may hold anything, brackets and spaces included (proc(5)).
fn parse(text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    // Field 3 of proc(5) is the first here.
    Some(Stat {
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn reads_the_fields_behind_a_name_with_brackets() {
        let text = "42 (a) b) T 7 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 98765 1 1";
        assert_eq!(parse(text), Some(Stat { state: 'T', parent: 7, started: 98_765 }));
        assert_eq!(parse("42 (a"), None);
    }

    #[test]
    fn a_family_is_the_process_and_what_it_started_until_they_are_gone() {
        let script = "sleep 100 & echo $!; wait";
        let mut shell = Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(shell.stdout.take().unwrap()), &mut line).unwrap();
        let child: i32 = line.trim().parse().unwrap();

        let family = family(shell.id() as i32);
        assert_eq!(family.iter().map(|process| process.pid).collect::<Vec<_>>(), [shell.id() as i32, child]);
        assert!(family.iter().all(|process| process.state().is_some()));

        Command::new("kill").args(["-9", &child.to_string()]).status().unwrap();
        shell.wait().unwrap();
        assert_eq!(family[0].state(), None, "it was waited for");
    }
}
