//! The way into the lab: new namespaces, entered by a command that holds the other end of a pipe.
//!
//! The outer process starts `unshare ... proofload lab-init ARGS`, with a pipe as its stdin whose other end nobody else
//! holds. However the outer process ends, SIGKILL included, the pipe ends; PID 1 inside sees it and exits; and the
//! kernel takes every process, mount, interface and rule of the namespaces with it.
//!
//! A lab that runs can be entered by others than its conductor: [`running`] finds it, and its commands are of it, so
//! that they end with it too.

mod held;
mod probe;
mod running;
mod signals;
mod visit;

pub use held::Held;
pub use probe::{Capability, probe};
pub use running::{Running, running};
pub use signals::Signals;
pub use visit::attend;

use crate::LabError;
use rustix::process::Pid;
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

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
/// If the lab cannot be started or watched: [`Held::start`].
pub fn supervise(args: &[OsString]) -> Result<u8, LabError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| LabError::Enter { what: format!("cannot watch signals: {error}") })?;
    runtime.block_on(async {
        let mut signals = Signals::take_over()?;
        let mut held = Held::start(args)?;
        loop {
            let signal = tokio::select! {
                code = held.ended() => return code,
                signal = signals.next() => signal,
            };
            held.pass_on(signal).await;
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
