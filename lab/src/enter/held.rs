//! A lab from the outside, as the process that holds it sees it.

use super::{INIT_ARGUMENT, INTERRUPT, TERMINATE, exit_code, unshare};
use crate::LabError;
use rustix::process::Signal;
use std::ffi::OsString;
use std::process::Stdio;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin};

/// A lab that this process holds: it ends with this value, and with this process, however that ends.
#[derive(Debug)]
pub struct Held {
    child: Child,
    /// Nobody else has the writing end: its end is the lab's end.
    pipe: Option<ChildStdin>,
}

impl Held {
    /// Starts this executable with `args` inside new namespaces. To be called within an async runtime.
    ///
    /// The lab has a process group of its own, so that a terminal's Ctrl-C reaches this process alone.
    ///
    /// # Errors
    /// If `unshare` cannot be started. If it starts and is refused the namespaces, it says so on stderr, and the exit
    /// code is 1; `probe` finds out beforehand.
    pub fn start(args: &[OsString]) -> Result<Self, LabError> {
        let executable = std::env::current_exe().map_err(wrong("cannot find the own executable"))?;
        let mut child = unshare()
            .arg(executable)
            .arg(INIT_ARGUMENT)
            .args(args)
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(wrong("cannot start unshare (package util-linux)"))?;
        let pipe = child.stdin.take();
        Ok(Self { child, pipe })
    }

    /// Waits until the lab has ended, and returns the exit code of its conductor. Asked again, it says the same.
    ///
    /// # Errors
    /// If it cannot be waited for.
    pub async fn ended(&mut self) -> Result<u8, LabError> {
        self.child.wait().await.map(exit_code).map_err(wrong("cannot wait for the lab"))
    }

    /// Passes a signal on to the conductor: SIGINT as it is, every other one as SIGTERM.
    pub async fn pass_on(&mut self, signal: Signal) {
        let byte = if signal == Signal::INT { INTERRUPT } else { TERMINATE };
        if let Some(pipe) = &mut self.pipe {
            // A broken pipe means that the lab is ending; whoever waits for that will see it.
            let _ = pipe.write_all(&[byte]).await;
        }
    }
}

fn wrong(doing: &str) -> impl FnOnce(std::io::Error) -> LabError {
    move |error| LabError::Enter { what: format!("{doing}: {error}") }
}
