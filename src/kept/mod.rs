//! Labs that `proofload up` keeps: found, entered, told what to do.
//!
//! Nothing on disk says that a lab runs: who looks for one looks among the processes, so that nothing can be stale.
//!
//! - `whereabouts`: what is where in such a lab, as its conductor tells it
//! - `action`: what can be done to its instances, as a message to its conductor

mod action;
mod whereabouts;

pub(crate) use action::{Action, Answer, SOCKET};
pub(crate) use whereabouts::Whereabouts;

use crate::exit_code::ExitCode;
use anyhow::Context as _;
use proofload_lab::enter::{Running, running};
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// The name of the hidden command that conducts such a lab: the first argument of its conductor.
pub(crate) const CONDUCTOR: &str = "keep";

/// A lab that `up` keeps, and that is ready.
pub(crate) struct Kept {
    lab: Running,
    /// What is where in it.
    pub(crate) whereabouts: Whereabouts,
}

/// Why there is no lab to enter.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoLab {
    /// None runs.
    #[error("no system is kept running: start one with `proofload up` in another terminal")]
    None,
    /// Not the one that was asked for.
    #[error("the system of {run} does not run{rest}", run = run.display(), rest = others(running))]
    Other { run: PathBuf, running: Vec<PathBuf> },
    /// One was to be chosen.
    #[error("several systems are kept running: choose one with --run{rest}", rest = list(running))]
    Several { running: Vec<PathBuf> },
    /// It does not serve yet, or no longer.
    #[error("the system of {run} is not ready: wait until `proofload up` says so, and try again", run = run.display())]
    NotReady { run: PathBuf },
}

impl NoLab {
    /// Whose fault it is.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Several { .. } => ExitCode::Usage,
            Self::None | Self::Other { .. } | Self::NotReady { .. } => ExitCode::Environment,
        }
    }
}

fn others(running: &[PathBuf]) -> String {
    if running.is_empty() {
        ": start it with `proofload up`".to_owned()
    } else {
        format!("; others do{}", list(running))
    }
}

fn list(running: &[PathBuf]) -> String {
    running.iter().map(|run| format!("\n   --run {}", run.display())).collect()
}

impl Kept {
    /// The lab whose run folder is `run`, or the only one that runs.
    pub(crate) fn choose(run: Option<&Path>) -> anyhow::Result<Self> {
        let all: Vec<(PathBuf, Running)> =
            running().into_iter().filter_map(|lab| Some((run_of(&lab.conductor)?, lab))).collect();
        let folders = || all.iter().map(|(run, _)| run.clone()).collect();
        let lab = match (run, all.as_slice()) {
            (Some(run), all) => {
                let wanted = run.canonicalize().unwrap_or_else(|_| run.to_owned());
                all.iter().find(|(run, _)| *run == wanted).ok_or(NoLab::Other { run: wanted, running: folders() })?
            }
            (None, []) => return Err(NoLab::None.into()),
            (None, [lab]) => lab,
            (None, _) => return Err(NoLab::Several { running: folders() }.into()),
        };
        let (run, lab) = lab.clone();
        let whereabouts = Whereabouts::read(&run)?.ok_or(NoLab::NotReady { run })?;
        Ok(Self { lab, whereabouts })
    }

    /// `argv` inside it, where the traffic comes from or on the host of an instance, with the variables that say what
    /// is where.
    pub(crate) fn command(&self, host: Option<&str>, argv: &[OsString]) -> anyhow::Result<tokio::process::Command> {
        if let Some(host) = host {
            self.whereabouts.known(host)?;
        }
        let begin_in = std::env::current_dir().unwrap_or_else(|_| "/".into());
        let mut command = self.lab.command(host, &begin_in, argv);
        command.envs(self.whereabouts.variables());
        Ok(command)
    }

    /// Has the conductor do something, and returns what it says about it, or why it did not.
    pub(crate) fn tell(&self, action: &Action) -> anyhow::Result<Answer> {
        let ask = || -> anyhow::Result<Answer> {
            let mut stream = UnixStream::connect(self.lab.file(Path::new(SOCKET)))?;
            writeln!(stream, "{}", serde_json::to_string(action)?)?;
            let mut line = String::new();
            BufReader::new(stream).read_line(&mut line)?;
            Ok(serde_json::from_str(&line)?)
        };
        ask().with_context(|| format!("cannot talk to the conductor of {}", self.whereabouts.run.display()))
    }
}

/// The run folder of a lab that `up` keeps, from the arguments of its conductor.
fn run_of(conductor: &[OsString]) -> Option<PathBuf> {
    let [command, run, ..] = conductor else { return None };
    (command == CONDUCTOR).then(|| run.into())
}
