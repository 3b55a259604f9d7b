//! Facts about the machine, kept in the journal once.

use std::collections::BTreeMap;
use std::fs::read_to_string;

/// Cores, memory, kernel and the like, by name.
pub(super) fn facts() -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    let mut tell = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            facts.insert(name.to_owned(), value);
        }
    };
    tell("proofload", Some(env!("CARGO_PKG_VERSION").to_owned()));
    tell("build", Some(if cfg!(debug_assertions) { "debug" } else { "release" }.to_owned()));
    tell("cores", std::thread::available_parallelism().ok().map(|cores| cores.to_string()));
    tell("kernel", read_to_string("/proc/sys/kernel/osrelease").ok().map(|release| release.trim().to_owned()));
    tell("memory", read_to_string("/proc/meminfo").ok().and_then(|info| memory(&info)));
    tell("processor", read_to_string("/proc/cpuinfo").ok().and_then(|info| value_of(&info, "model name")));
    facts
}

fn memory(info: &str) -> Option<String> {
    let kib: f64 = value_of(info, "MemTotal")?.split_whitespace().next()?.parse().ok()?;
    Some(format!("{:.1} GiB", kib / 1024.0 / 1024.0))
}

fn value_of(text: &str, key: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(key))?;
    line.split_once(':').map(|(_, value)| value.trim().to_owned())
}
