//! Who uses the processors: the time of every process that can be seen, by what it is.

use std::collections::BTreeMap;
use std::process::Command;

use proofload_lab::stat;

/// The processor time of groups of processes, in milliseconds.
pub(crate) type Times = BTreeMap<String, f64>;

/// Linux tells it in hundredths of a second, on every architecture that this runs on.
const TICK_MS: f64 = 10.0;

/// What was used up to now.
pub(crate) fn times() -> Times {
    let mut times = Times::new();
    for (pid, stat) in stat::processes() {
        let Some(name) = name(pid) else { continue };
        *times.entry(name).or_default() += stat.ticks as f64 * TICK_MS;
    }
    times
}

/// What was used between two readings, the largest first.
pub(crate) fn between(before: &Times, after: &Times) -> Vec<(String, f64)> {
    let spent = |(name, after): (&String, &f64)| (name.clone(), after - before.get(name).copied().unwrap_or(0.0));
    let mut all: Vec<_> = after.iter().map(spent).filter(|(_, ms)| *ms > 0.0).collect();
    all.sort_by(|one, other| other.1.total_cmp(&one.1));
    all
}

/// Stops the processes of these roles of `lending` for as long as this lives.
pub(crate) struct Paused {
    pids: Vec<String>,
}

impl Paused {
    pub(crate) fn roles(roles: &[&str]) -> Self {
        let of_roles = |pid: &i32| name(*pid).is_some_and(|name| roles.contains(&name.as_str()));
        let pids = stat::processes().into_keys().filter(of_roles);
        let paused = Self { pids: pids.map(|pid| pid.to_string()).collect() };
        assert!(!paused.pids.is_empty(), "nobody has one of the roles {}", roles.join(", "));
        paused.signal("-STOP");
        paused
    }

    fn signal(&self, signal: &str) {
        assert!(Command::new("kill").arg(signal).args(&self.pids).status().unwrap().success());
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        self.signal("-CONT");
    }
}

/// The machine in a line.
pub(crate) fn machine() -> String {
    let text = |path| std::fs::read_to_string(path).unwrap_or_default();
    let value = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
        line.split_once(':').map_or("unknown", |(_, value)| value.trim()).to_owned()
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let (processor, memory) = (value(&text("/proc/cpuinfo"), "model name"), value(&text("/proc/meminfo"), "MemTotal"));
    let kernel = text("/proc/sys/kernel/osrelease");
    format!("{cores} cores of {processor}, {memory} of memory, Linux {}", kernel.trim())
}

/// What a process is: the role of `lending`, `kafka`, or the name of its program.
fn name(pid: i32) -> Option<String> {
    if u32::try_from(pid) == Ok(std::process::id()) {
        return Some("these clients".to_owned());
    }
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let words: Vec<_> = line.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
    let program = words.first()?.rsplit('/').next()?.split([' ', ':']).next()?.to_owned();
    match program.as_str() {
        "lending" => words.get(1).map(ToString::to_string),
        "java" if words.iter().any(|word| word == "kafka.Kafka") => Some("kafka".to_owned()),
        _ => Some(program),
    }
}
