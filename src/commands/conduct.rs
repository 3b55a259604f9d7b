//! What runs inside a lab: its PID 1, and the conductor of a run, or of a system that is kept.

use crate::conduct::{Ended, conduct as carry_out, keep as keep_up};
use crate::diagnostic;
use crate::exit_code::ExitCode;
use crate::experiment;
use crate::progress::Progress;
use anyhow::Context as _;
use proofload_history::RunDir;
use proofload_lab::Resolved;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// PID 1 of the lab.
pub(super) fn init(conductor: &[OsString]) -> ExitCode {
    ExitCode::of(proofload_lab::init::run(conductor))
}

/// The conductor: it records, and leaves judging to the process outside.
pub(super) fn conduct(run: &Path, folder: PathBuf, quiet: bool, keep_data: bool) -> anyhow::Result<ExitCode> {
    let run = RunDir::at(run);
    let mut experiment = experiment::load_stored(&run)?;
    // A program that the manifest names by a path lies beside the manifest that was read, not beside its copy.
    experiment.system.manifest.folder = folder;
    let progress = Progress::new(quiet);
    ended(runtime()?.block_on(carry_out(&experiment, &run, &progress, keep_data)))
}

/// The conductor of `proofload up`.
pub(super) fn keep(run: &Path, folder: PathBuf) -> anyhow::Result<ExitCode> {
    let run = RunDir::at(run);
    let text = diagnostic::read(&run.manifest())?;
    let system = Resolved::new(&text, &[], &[]);
    let mut system = system.map_err(|mistake| diagnostic::in_file(&mistake, &run.manifest(), &text))?;
    system.manifest.folder = folder;
    ended(runtime()?.block_on(keep_up(&system.manifest, &run, &Progress::plain())))
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the runtime")
}

fn ended(how: anyhow::Result<Ended>) -> anyhow::Result<ExitCode> {
    how.map(|ended| match ended {
        Ended::Recorded => ExitCode::Pass,
        Ended::Interrupted => ExitCode::Interrupted,
    })
}
