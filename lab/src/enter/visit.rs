//! A command in a running lab, from the outside: entered by `nsenter`, and gone with the lab at the latest.

use super::{Running, Signals, exit_code};
use crate::init::PROXY_VARIABLES;
use crate::{LabError, host, tree};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::{OsStr, OsString};
use std::path::Path;
use tokio::process::Command;

/// A terminal's Ctrl-C is for the visitor: `nsenter`, which waits for it, would die of it and tell nobody how the
/// visitor ended.
const DEAF: &str = r#"trap "" INT QUIT; exec "$@""#;
/// A folder that the lab has covered with its own is not there; then the visitor begins at the root.
const BEGIN_IN: &str = r#"cd "$1" 2>/dev/null || cd /; shift; exec "$@""#;

impl Running {
    /// `argv` inside this lab: on the host of the instance `host`, else where the conductor and its traffic are; in the
    /// folder `begin_in`, if it is there.
    ///
    /// It inherits this process's environment, but for proxies, and its standard streams. It is a process of the lab:
    /// it ends with it. A program that is not found ends with 127, as in a shell. The instance must be there.
    #[must_use]
    pub fn command(&self, host: Option<&str>, begin_in: &Path, argv: &[OsString]) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", DEAF, "sh", "nsenter"]);
        command.arg(format!("--target={}", self.init)).args(["--net", "--mount", "--ipc", "--pid"]);
        if !self.shares_our_users() {
            // Not by root: who entered as another could not drop groups. We are root inside as we are.
            command.args(["--user", "--preserve-credentials"]);
        }
        command.arg("--");
        if let Some(host) = host {
            command.args(host::prefix(OsStr::new("nsenter"), OsStr::new("unshare"), host));
        }
        command.args(["env", "--default-signal=INT", "--default-signal=QUIT"]);
        command.args(["/bin/sh", "-c", BEGIN_IN, "sh"]).arg(begin_in).args(argv);
        for variable in PROXY_VARIABLES {
            command.env_remove(variable);
        }
        command
    }

    /// As root, and from the inside, there is no other user namespace to enter, and the kernel refuses to enter one's
    /// own.
    fn shares_our_users(&self) -> bool {
        let users = |link: &Path| std::fs::read_link(link).ok();
        users(&self.proc("ns/user")) == users(Path::new("/proc/self/ns/user"))
    }
}

/// Runs a visitor to its end, and returns its exit code: its own, or 128 and the signal that ended it.
///
/// SIGTERM and SIGHUP of this process are passed on to it. SIGINT is not: a terminal has sent it to the visitor too.
///
/// # Errors
/// If the command cannot be started or waited for.
pub async fn attend(mut command: Command) -> Result<u8, LabError> {
    let mut signals = Signals::take_over()?;
    let mut child = command.kill_on_drop(true).spawn().map_err(LabError::file("start", "/bin/sh"))?;
    loop {
        tokio::select! {
            status = child.wait() => return status.map(exit_code).map_err(LabError::file("start", "/bin/sh")),
            signal = signals.next() => if signal != Signal::INT { pass_on(child.id(), signal) },
        }
    }
}

/// To the visitor and what it started, but not to the `nsenter` that waits for it.
fn pass_on(waiting: Option<u32>, signal: Signal) {
    let waiting = waiting.and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
    let visitors = waiting.map(tree::members).unwrap_or_default().into_iter().skip(1);
    for visitor in visitors {
        // Gone already: that is what was asked for.
        let _ = kill_process(visitor, signal);
    }
}
