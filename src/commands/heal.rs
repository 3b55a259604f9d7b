//! `proofload heal`: what an interrupted run left behind.
//!
//! Processes, namespaces, mounts and rules go with the lab, SIGKILL or not: the kernel sees to it. What can be left is
//! the data folder of the components, on disk.

use crate::exit_code::ExitCode;
use crate::out;
use anyhow::Context as _;
use proofload_history::RunDir;
use std::path::{Path, PathBuf};

pub(super) fn heal(out: &Path) -> anyhow::Result<ExitCode> {
    let mut healed = 0_u32;
    for run in runs(out)? {
        let data = run.data();
        if !data.is_dir() {
            continue;
        }
        if ended(&run) {
            out::line(format_args!("{}: kept on purpose; left alone", data.display()))?;
            continue;
        }
        if run.is_recorded_now() {
            out::line(format_args!("{}: is still running; left alone", run.root().display()))?;
            continue;
        }
        std::fs::remove_dir_all(&data).with_context(|| format!("cannot remove {}", data.display()))?;
        out::line(format_args!("{}: removed", data.display()))?;
        healed += 1;
    }
    out::line(if healed == 0 { "nothing is left behind" } else { "healed" })?;
    Ok(ExitCode::Pass)
}

/// Whether the run came to its end: what it left was to be kept.
fn ended(run: &RunDir) -> bool {
    std::fs::read_to_string(run.journal()).is_ok_and(|journal| journal.contains("\"event\":\"run_ended\""))
}

/// Every run below `out`.
fn runs(out: &Path) -> anyhow::Result<Vec<RunDir>> {
    let mut runs = Vec::new();
    for experiment in folders(out)? {
        let stored = folders(&experiment)?.into_iter().filter(|path| path.join("manifest.toml").is_file());
        runs.extend(stored.map(RunDir::at));
    }
    Ok(runs)
}

/// The real folders in `folder`; links, such as `latest`, are not followed. A folder that is not there has none.
fn folders(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", folder.display())),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot read {}", folder.display()))?;
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.push(entry.path());
        }
    }
    Ok(found)
}
