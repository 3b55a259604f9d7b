//! What the tests that boot labs share: a bench, patience, and a look at what labs could leave on the machine.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Labs share the machine's two cores: one test at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
/// Far longer than anything here takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(240);

/// A folder of runs, and the machine to itself.
pub(crate) struct Bench {
    pub(crate) out: tempfile::TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        Self { out: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap(), _alone: alone }
    }

    /// The folder of the newest run of this name.
    pub(crate) fn latest(&self, name: &str) -> PathBuf {
        self.out.path().join(name).join("latest").canonicalize().unwrap()
    }
}

/// The command, beside its own `Cargo.toml`.
pub(crate) fn proofload(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_proofload"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments);
    command
}

#[track_caller]
pub(crate) fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < until, "{what} did not come about within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub(crate) fn said(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The PID namespaces in which somebody lives.
pub(crate) fn pid_namespaces() -> BTreeSet<PathBuf> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes.filter_map(|process| std::fs::read_link(process.path().join("ns/pid")).ok()).collect()
}

/// What a lab could leave on the machine: mounts, network interfaces, named network namespaces.
pub(crate) fn fixtures() -> (String, String, usize) {
    let named = std::fs::read_dir("/run/netns").map_or(0, Iterator::count);
    let interfaces: Vec<String> = std::fs::read_dir("/sys/class/net")
        .unwrap()
        .flatten()
        .map(|entry| format!("{:?}", entry.file_name()))
        .collect();
    (std::fs::read_to_string("/proc/self/mounts").unwrap(), interfaces.join(" "), named)
}
