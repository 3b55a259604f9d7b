//! The way into the lab: new namespaces, entered by a command that holds the other end of a pipe.
//!
//! The outer process starts `unshare ... proofload lab-init ARGS`, with a pipe as its stdin whose other end nobody else
//! holds. However the outer process ends, SIGKILL included, the pipe ends; PID 1 inside sees it and exits; and the
//! kernel takes every process, mount, interface and rule of the namespaces with it.

mod probe;

pub use probe::{Capability, probe};

use crate::LabError;
use rustix::process::Pid;
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use tokio::io::AsyncWriteExt as _;
use tokio::signal::unix::{SignalKind, signal};

/// Byte on the pipe: pass SIGINT on to the conductor.
pub(crate) const INTERRUPT: u8 = b'I';
/// Byte on the pipe: pass SIGTERM on to the conductor.
pub(crate) const TERMINATE: u8 = b'T';

/// The first argument by which the executable knows that it is PID 1 of a lab.
pub const INIT_ARGUMENT: &str = "lab-init";

/// Set, to `1`, for the conductor: it is inside.
pub const INSIDE_VARIABLE: &str = "PROOFLOAD_IN_LAB";

/// Runs this executable with `args` inside new namespaces, and returns its exit code.
///
/// SIGINT, SIGTERM and SIGHUP of the calling process reach the conductor inside as SIGINT and SIGTERM. A terminal's
/// Ctrl-C reaches the calling process alone, so that the conductor sees it once.
///
/// # Errors
/// If `unshare` cannot be started or watched. If it starts and is refused the namespaces, it says so on stderr, and the
/// exit code is 1; `probe` finds out beforehand.
pub fn supervise(args: &[OsString]) -> Result<u8, LabError> {
    let wrong = |doing: &str| {
        let doing = doing.to_owned();
        move |error: std::io::Error| LabError::Enter { what: format!("{doing}: {error}") }
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(wrong("cannot watch signals"))?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt()).map_err(wrong("cannot watch SIGINT"))?;
        let mut terminate = signal(SignalKind::terminate()).map_err(wrong("cannot watch SIGTERM"))?;
        let mut hang_up = signal(SignalKind::hangup()).map_err(wrong("cannot watch SIGHUP"))?;
        let executable = std::env::current_exe().map_err(wrong("cannot find the own executable"))?;
        let mut child = unshare()
            .arg(executable)
            .arg(INIT_ARGUMENT)
            .args(args)
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(wrong("cannot start unshare (package util-linux)"))?;
        let mut pipe = child.stdin.take();
        loop {
            let byte = tokio::select! {
                status = child.wait() => return Ok(exit_code(status.map_err(wrong("cannot wait for the lab"))?)),
                _ = interrupt.recv() => INTERRUPT,
                _ = terminate.recv() => TERMINATE,
                _ = hang_up.recv() => TERMINATE,
            };
            if let Some(pipe) = &mut pipe {
                // A broken pipe means that the lab is ending; the wait above will tell.
                let _ = pipe.write_all(&[byte]).await;
            }
        }
    })
}

/// Whether this process is a conductor: a child of a lab's PID 1.
///
/// Outside, the lab's mounts would cover the machine's own folders, so both signs must be there.
pub(crate) fn inside() -> bool {
    std::env::var_os(INSIDE_VARIABLE).is_some() && rustix::process::getppid() == Some(Pid::INIT)
}

/// `unshare` with the namespaces of the lab: as root without a user namespace, else with one in which we are root.
pub(crate) fn unshare() -> tokio::process::Command {
    let mut command = tokio::process::Command::new("unshare");
    if !may_administer() {
        command.arg("--map-root-user");
    }
    command.args(["--net", "--mount", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]);
    command
}

/// Whether this process may make namespaces by itself: root, and not one that a container has disarmed.
pub(crate) fn may_administer() -> bool {
    use rustix::thread::{CapabilitySet, capabilities};
    rustix::process::geteuid().is_root()
        && capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_ADMIN))
}

/// The code that a shell would report: the process's own, or 128 and the signal.
pub(crate) fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    u8::try_from(code).unwrap_or(1)
}
