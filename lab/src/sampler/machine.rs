//! The loop that looks at processes and at the machine itself.

use super::processors::{Processors, Units};
use super::record;
use crate::Lab;
use crate::stat::{self, Stat};
use proofload_history::{Name, Recorder};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The no-op of the canary, and how many of them make one sample.
const NAP: Duration = Duration::from_millis(1);
const NAPS: u32 = 5;

/// Samples processes and the machine every `period` until `stop`.
pub(super) fn sample(lab: &Lab, recorder: &Recorder, stop: &AtomicBool, period: Duration) {
    let machine: Name = "machine".into();
    let units = Units::parse(&std::fs::read("/proc/self/auxv").unwrap_or_default());
    let mut meter = Meter { units, before: HashMap::new() };
    let mut processors = read_processors();
    let mut seen = all(&stat::processes());
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        record(recorder, "canary_us", &machine, canary());
        let now = read_processors();
        if let Some(steal) = processors.zip(now).and_then(|(before, now)| now.steal_since(before)) {
            record(recorder, "cpu_steal_fraction", &machine, steal);
        }
        let processes = stat::processes();
        let seen_now = all(&processes);
        let spent = seen_now.saturating_sub(seen);
        if let Some(foreign) = processors.zip(now).and_then(|(before, now)| now.foreign_since(before, spent)) {
            record(recorder, "cpu_foreign_fraction", &machine, foreign);
        }
        (processors, seen) = (now, seen_now);
        meter.read(&processes, lab, recorder);
        std::thread::sleep(period.saturating_sub(began.elapsed()));
    }
}

/// How late sleeps of a millisecond return, in microseconds, on the mean.
fn canary() -> f64 {
    let began = Instant::now();
    (0..NAPS).for_each(|_| std::thread::sleep(NAP));
    began.elapsed().saturating_sub(NAP * NAPS).as_secs_f64() * 1e6 / f64::from(NAPS)
}

/// The processor time of all processes that can be seen: those of the lab, the conductor's with them, for the lab has a
/// PID namespace of its own.
fn all(processes: &BTreeMap<i32, Stat>) -> u64 {
    processes.values().map(|stat| stat.ticks).sum()
}

/// The sum over the process `root` and all that descend from it: clock ticks and pages.
fn of_family(processes: &BTreeMap<i32, Stat>, root: i32) -> (u64, u64) {
    let family = stat::family(processes, root);
    let stats = family.iter().filter_map(|pid| processes.get(pid));
    stats.fold((0, 0), |(ticks, pages), stat| (ticks + stat.ticks, pages + stat.pages))
}

fn read_processors() -> Option<Processors> {
    Processors::parse(&std::fs::read_to_string("/proc/stat").ok()?)
}

/// Turns processor time into cores kept busy.
struct Meter {
    units: Units,
    /// Per instance: its main process, its processor time, and when that was read.
    before: HashMap<Name, (i32, u64, Instant)>,
}

impl Meter {
    fn read(&mut self, processes: &BTreeMap<i32, Stat>, lab: &Lab, recorder: &Recorder) {
        let read = Instant::now();
        for instance in lab.instances() {
            let Some(pid) = lab.pid(&instance.name) else { continue };
            let (ticks, pages) = of_family(processes, pid);
            record(recorder, "rss_bytes", &instance.name, (pages * self.units.page_bytes) as f64);
            if let Some(cores) = self.cores(&instance.name, pid, ticks, read) {
                record(recorder, "cpu_cores", &instance.name, cores);
            }
        }
    }

    /// Cores kept busy since the last reading; `None` for the first reading of a process.
    fn cores(&mut self, instance: &Name, pid: i32, ticks: u64, read: Instant) -> Option<f64> {
        let (before_pid, before, at) = self.before.insert(Name::clone(instance), (pid, ticks, read))?;
        let seconds = read.saturating_duration_since(at).as_secs_f64();
        // The time of a child that nobody waited for vanishes with it.
        let spent = ticks.saturating_sub(before) as f64 / self.units.ticks_per_second as f64;
        (before_pid == pid && seconds > 0.0).then(|| spent / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_uses_what_all_its_processes_use() {
        let stat = |parent, ticks, pages| Stat { state: 'S', parent, ticks, started: 0, pages };
        let processes = BTreeMap::from([
            (7, stat(1, 1, 1)),
            (42, stat(7, 10, 20)),
            (43, stat(42, 100, 200)),
            (44, stat(43, 1_000, 2_000)),
            (50, stat(7, 5, 5)),
        ]);
        assert_eq!(of_family(&processes, 42), (1_110, 2_220));
        assert_eq!(of_family(&processes, 99), (0, 0));
    }

    #[test]
    fn cores_are_processor_time_over_time_and_start_anew_with_a_new_process() {
        let units = Units { page_bytes: 4_096, ticks_per_second: 100 };
        let mut meter = Meter { units, before: HashMap::new() };
        let (name, start): (Name, _) = ("kafka-1".into(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(meter.cores(&name, 42, 1_000, start), None);
        assert_eq!(meter.cores(&name, 42, 1_300, after(2)), Some(1.5));
        assert_eq!(meter.cores(&name, 42, 1_200, after(4)), Some(0.0));
        assert_eq!(meter.cores(&name, 77, 5, after(6)), None);
    }
}
