//! PID 1 of the lab: starts the conductor, reaps orphans, passes signals on, and ends when the outer process has gone.
//!
//! It waits for every child of the namespace, which a process with an async runtime must not do: the runtime would lose
//! the exit codes of its own children. So the conductor is a child of this one.

use crate::enter::{INSIDE_VARIABLE, INTERRUPT, TERMINATE, exit_code};
use rustix::process::{Pid, Signal, WaitOptions, kill_process};
use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus, Stdio};

/// Exit code if the conductor cannot be started or watched: a defect of proofload itself.
const DEFECT: u8 = 70;

/// Variables that would send HTTP requests out of the lab: the conductor's own, and those of visitors.
pub(crate) const PROXY_VARIABLES: &[&str] =
    &["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];

/// Runs this executable with `args` as the conductor, and returns its exit code. To be called as PID 1 of a lab, with
/// the pipe of the outer process as stdin.
#[must_use]
pub fn run(args: &[OsString]) -> u8 {
    match start_conductor(args) {
        Ok(conductor) => {
            // Not joined: it ends with this process, or ends it.
            std::thread::spawn(move || pass_signals_on(conductor));
            reap_until(conductor)
        }
        Err(error) => {
            tell(format_args!("cannot start the conductor inside the lab: {error}"));
            DEFECT
        }
    }
}

/// Says why on standard error, if anybody reads it.
fn tell(why: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{why}");
}

fn start_conductor(args: &[OsString]) -> std::io::Result<Pid> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(args).env(INSIDE_VARIABLE, "1").stdin(Stdio::null());
    for variable in PROXY_VARIABLES {
        command.env_remove(variable);
    }
    let child = command.spawn()?;
    Ok(Pid::from_child(&child))
}

/// The end of the pipe is the end of the outer process; with this process everything in its namespaces ends.
fn pass_signals_on(conductor: Pid) {
    let mut byte = [0];
    let mut pipe = std::io::stdin().lock();
    loop {
        let signal = match pipe.read(&mut byte) {
            Ok(1) if byte[0] == INTERRUPT => Signal::INT,
            Ok(1) if byte[0] == TERMINATE => Signal::TERM,
            Ok(1) => continue,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Ok(_) | Err(_) => std::process::exit(i32::from(DEFECT)),
        };
        // Gone already: the main thread is about to see it.
        let _ = kill_process(conductor, signal);
    }
}

fn reap_until(conductor: Pid) -> u8 {
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((child, status))) if child == conductor => {
                return exit_code(ExitStatus::from_raw(status.as_raw()));
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => {
                tell(format_args!("cannot wait for the conductor: {error}"));
                return DEFECT;
            }
        }
    }
}
