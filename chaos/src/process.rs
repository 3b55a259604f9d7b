//! Processes as the kernel shows them in /proc: the observer of kills and pauses that is not their injector.

use proofload_lab::stat::{self, Stat};

/// A process, told from a later one under the same id by its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    /// Its id.
    pub(crate) pid: i32,
    /// When it was started, in clock ticks since boot.
    started: u64,
}

impl Process {
    /// Its state (`R`, `S`, `T` for stopped, ...), or `None` if it is gone; a zombie is.
    pub(crate) fn state(self) -> Option<char> {
        let stat = Stat::of(self.pid)?;
        (stat.started == self.started && !stat.is_dead()).then_some(stat.state)
    }
}

/// The process `main` and all its descendants; none if it is gone.
pub(crate) fn family(main: i32) -> Vec<Process> {
    let all = stat::processes();
    let members = stat::family(&all, main).into_iter();
    members.filter_map(|pid| Some(Process { pid, started: all.get(&pid)?.started })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

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
