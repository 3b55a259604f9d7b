//! One run: conducted inside a lab, judged outside of it by the same code as `proofload judge`.
//!
//! It prints nothing: what a run came to is for whoever asked for it to tell.

use crate::exit_code::ExitCode;
use crate::experiment::Experiment;
use crate::files::{self, Unwritten};
use crate::out;
use crate::stored::Stored;
use anyhow::{Context as _, anyhow};
use proofload_history::RunDir;
use proofload_lab::{LabError, Resolved, enter};
use proofload_verify::Verdict;
use std::ffi::OsString;
use std::path::Path;

/// How runs are made.
#[derive(Clone, Copy)]
pub(crate) struct Manner<'a> {
    /// The folder of the runs.
    pub(crate) out: &'a Path,
    /// Say nothing while it goes on.
    pub(crate) quiet: bool,
    /// Keep the data folders of the components beside the run.
    pub(crate) keep_data: bool,
}

/// A run that has ended, one way or another.
pub(crate) struct SingleRun {
    /// Its folder.
    pub(crate) run: RunDir,
    /// What it came to; that it was interrupted says more than what it was judged as.
    pub(crate) code: ExitCode,
    /// The run read back, and its verdict; `None` if there is no history to judge.
    pub(crate) judged: Option<(Stored, Verdict)>,
}

impl SingleRun {
    /// Makes a run of `experiment` from the start of its lab to its reports.
    ///
    /// # Errors
    /// If its folder cannot be written, its lab cannot be entered, or it cannot be judged.
    pub(crate) fn make(experiment: &Experiment, manner: Manner<'_>) -> anyhow::Result<Self> {
        let run = RunDir::create(manner.out, &experiment.name).map_err(Unwritten::of)?;
        store(&run, experiment)?;
        let ended = conduct_in_lab(&run, experiment, manner)?;
        if !manner.keep_data {
            // Gone already, unless the conductor did not get as far as stopping its lab.
            let _ = std::fs::remove_dir_all(run.data());
        }
        let recorded = run.journal().is_file();
        match ended {
            ExitCode::Pass => {}
            ExitCode::Interrupted if recorded => {}
            other => return Ok(Self { run, code: other, judged: None }),
        }
        // Whatever is wrong with what was just written is nobody's input.
        let stored = Stored::read(run.root()).map_err(|error| anyhow!("cannot judge the run: {error:#}"))?;
        let verdict = stored.judge();
        stored.render(&verdict)?;
        let code = if ended == ExitCode::Interrupted { ended } else { verdict.judgement.into() };
        Ok(Self { run, code, judged: Some((stored, verdict)) })
    }
}

/// Starts this program again as the conductor inside a new lab, and waits for it.
fn conduct_in_lab(run: &RunDir, experiment: &Experiment, manner: Manner<'_>) -> anyhow::Result<ExitCode> {
    let absolute = |path: &Path| path.canonicalize().with_context(|| format!("cannot find {}", path.display()));
    let folder = &experiment.system.manifest.folder;
    let folder = absolute(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })?;
    let mut conductor: Vec<OsString> =
        vec!["conduct".into(), absolute(run.root())?.into(), "--folder".into(), folder.into()];
    if manner.quiet {
        conductor.push("--quiet".into());
    }
    if manner.keep_data {
        conductor.push("--keep-data".into());
    }
    match enter::supervise(&conductor)? {
        // What a conductor never ends with: it was not started. unshare has said why.
        number @ (1 | 3 | 126 | 127) => {
            Err(LabError::Enter { what: format!("the namespaces were refused (code {number})") }.into())
        }
        number => {
            let code = ExitCode::of(number);
            if code == ExitCode::Defect {
                out::aside(format_args!(
                    "error: the conductor ended with {number} (its history is kept: {})",
                    run.root().display()
                ));
            }
            Ok(code)
        }
    }
}

/// Writes the experiment and the system as resolved: the run stands on its own.
fn store(run: &RunDir, experiment: &Experiment) -> anyhow::Result<()> {
    files::write(&run.experiment(), experiment.toml.as_bytes())?;
    store_system(run, &experiment.system)
}

/// Writes the system as resolved, with the files that the manifest names.
pub(crate) fn store_system(run: &RunDir, system: &Resolved) -> anyhow::Result<()> {
    files::write(&run.manifest(), system.toml.as_bytes())?;
    let manifest = &system.manifest;
    for template in manifest.components.values().filter_map(|component| component.template.as_ref()) {
        let text = crate::diagnostic::read(&manifest.folder.join(template))?;
        let path = run.root().join(template);
        files::make_folder_of(&path)?;
        files::write(&path, text.as_bytes())?;
    }
    Ok(())
}
