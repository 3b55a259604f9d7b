//! `proofload up`: a system started as for a run, and kept: for a command, for a shell, or until a signal.

use crate::capabilities::check_needed;
use crate::cli::UpArgs;
use crate::exit_code::ExitCode;
use crate::files::Unwritten;
use crate::kept::{CONDUCTOR, Kept, Whereabouts};
use crate::single_run::store_system;
use crate::{out, system};
use anyhow::Context as _;
use proofload_history::RunDir;
use proofload_lab::enter::{Held, Signals, attend};
use proofload_lab::{LabError, Signal, Toolbox, enter};
use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::Path;
use std::time::Duration;

/// How often it is looked whether the system is ready.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long a command may take to end when this process is asked to; then it ends with its lab.
const COMMAND_GRACE: Duration = Duration::from_secs(10);

/// What the system is kept for.
enum Purpose {
    /// A command of the user's.
    Command(Vec<OsString>),
    /// The user's shell.
    Shell(OsString),
    /// Others that enter it; until a signal comes.
    Others,
}

pub(super) fn up(arguments: UpArgs) -> anyhow::Result<ExitCode> {
    let system = system::load(arguments.system.as_deref(), &arguments.variants, &arguments.sets)?;
    Toolbox::find().map_err(LabError::from)?;
    check_needed(&enter::probe())?;
    let run = RunDir::create(&arguments.out, "up").map_err(Unwritten::of)?;
    store_system(&run, &system)?;
    let absolute = |path: &Path| path.canonicalize().with_context(|| format!("cannot find {}", path.display()));
    let folder = absolute(&system.manifest.folder.join("."))?;
    let run = RunDir::at(absolute(run.root())?);
    let conductor = [CONDUCTOR.into(), run.root().into(), "--folder".into(), folder.into()];
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the runtime")?;
    let ended = runtime.block_on(keep(&conductor, &run, purpose(arguments.command)));
    // Gone already, unless the conductor did not get as far as stopping its lab.
    let _ = std::fs::remove_dir_all(run.data());
    ended
}

fn purpose(command: Vec<OsString>) -> Purpose {
    if !command.is_empty() {
        return Purpose::Command(command);
    }
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        return Purpose::Shell(std::env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into()));
    }
    Purpose::Others
}

/// From the start of the lab to its end.
async fn keep(conductor: &[OsString], run: &RunDir, purpose: Purpose) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::take_over()?;
    let mut held = Held::start(conductor)?;
    if let Some(code) = came_to_nothing(&mut held, &mut signals, run).await? {
        return Ok(code);
    }
    let kept = Kept::choose(Some(run.root()))?;
    let code = tokio::select! {
        // By itself it ends only if something is wrong; its conductor has said what.
        code = held.ended() => return Ok(failed(code?, run)),
        code = serve(&kept, purpose, &mut signals) => code?,
    };
    held.pass_on(Signal::TERM).await;
    match ExitCode::of(held.ended().await?) {
        ExitCode::Pass => Ok(code),
        other if code == ExitCode::Pass => Ok(other),
        // The conductor has said what went wrong at the end; how the command ended matters more.
        _ => Ok(code),
    }
}

/// Waits until the system is ready; if it does not become so, returns how that ended.
async fn came_to_nothing(held: &mut Held, signals: &mut Signals, run: &RunDir) -> anyhow::Result<Option<ExitCode>> {
    loop {
        let signal = tokio::select! {
            code = held.ended() => return Ok(Some(failed(code?, run))),
            signal = signals.next() => signal,
            () = tokio::time::sleep(LOOK_EVERY) => {
                if Whereabouts::read(run.root())?.is_some() {
                    return Ok(None);
                }
                continue;
            }
        };
        held.pass_on(signal).await;
    }
}

/// How a lab ended that was not told to.
fn failed(number: u8, run: &RunDir) -> ExitCode {
    match ExitCode::of(number) {
        code @ (ExitCode::Environment | ExitCode::Interrupted) => code,
        // unshare was refused the namespaces, and has said why.
        _ if !run.journal().exists() => ExitCode::Environment,
        _ => {
            out::aside(format_args!(
                "error: the conductor ended with {number} (its journal is kept: {})",
                run.root().display()
            ));
            ExitCode::Defect
        }
    }
}

/// Does what the system is kept for; returns when that is done.
async fn serve(kept: &Kept, purpose: Purpose, signals: &mut Signals) -> anyhow::Result<ExitCode> {
    match purpose {
        Purpose::Command(argv) => visit(kept, &argv, signals).await,
        Purpose::Shell(shell) => {
            out::line(format_args!(
                "{}\na shell where the traffic comes from; the system stops when it ends",
                kept.whereabouts.table()
            ))?;
            // How the last command in the shell ended says nothing about the system.
            visit(kept, &[shell], signals).await.map(|_| ExitCode::Pass)
        }
        Purpose::Others => {
            out::line(format_args!(
                "{}\nenter it with `proofload exec`; it stops on SIGINT or SIGTERM",
                kept.whereabouts.table()
            ))?;
            signals.next().await;
            Ok(ExitCode::Pass)
        }
    }
}

/// Runs a command inside, and returns its own exit code.
async fn visit(kept: &Kept, argv: &[OsString], signals: &mut Signals) -> anyhow::Result<ExitCode> {
    let visitor = attend(kept.command(None, argv)?);
    let out_of_patience = async {
        // A terminal's Ctrl-C has reached the command as well, which decides what it means.
        while signals.next().await == Signal::INT {}
        tokio::time::sleep(COMMAND_GRACE).await;
    };
    tokio::select! {
        code = visitor => Ok(ExitCode::Command(code?)),
        () = out_of_patience => {
            out::aside(format_args!("the command has not ended within {COMMAND_GRACE:?}: it ends with the system"));
            Ok(ExitCode::Command(128 + 15))
        }
    }
}
