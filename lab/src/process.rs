//! A process of the lab, watched: its start and its end are in the journal, and an end that nobody asked for is noted.

use crate::LabError;
use crate::command::status_words;
use crate::log;
use proofload_history::{Event, Recorder};
use rustix::process::Pid;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::process::{Child, Command};
use tokio::sync::watch;

/// A process that was started, and may have ended since.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pid: Pid,
    log: PathBuf,
    ended: watch::Receiver<Option<ExitStatus>>,
    expected: Arc<AtomicBool>,
}

impl Process {
    /// Starts `command` with `log` as its stdout and stderr.
    pub(crate) fn start(
        name: &str,
        mut command: Command,
        log: &Path,
        recorder: &Arc<Recorder>,
    ) -> Result<Self, LabError> {
        let out = log::open(log)?;
        let err = out.try_clone().map_err(LabError::file("create", log))?;
        command.stdin(Stdio::null()).stdout(out).stderr(err).process_group(0);
        let program = command.as_std().get_program().to_owned();
        let child = command.spawn().map_err(LabError::file("start", program))?;
        let pid = child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)).ok_or_else(|| {
            LabError::Signal { doing: "start", instance: name.to_owned(), what: "it ended at once".to_owned() }
        })?;
        recorder.event(Event::ProcessStarted { instance: name.to_owned(), pid: pid.as_raw_pid() })?;
        let (tell, ended) = watch::channel(None);
        let expected = Arc::new(AtomicBool::new(false));
        let process = Self { pid, log: log.to_owned(), ended, expected };
        tokio::spawn(watch_end(name.to_owned(), child, process.clone(), tell, Arc::clone(recorder)));
        Ok(process)
    }

    /// Its id, while it runs.
    pub(crate) fn pid(&self) -> Option<Pid> {
        self.ended.borrow().is_none().then_some(self.pid)
    }

    /// How it ended, if it has.
    pub(crate) fn status(&self) -> Option<ExitStatus> {
        *self.ended.borrow()
    }

    /// From now on its end is no surprise.
    pub(crate) fn expect_end(&self) {
        self.expected.store(true, Ordering::SeqCst);
    }

    /// Waits until it has ended and is reaped.
    pub(crate) async fn wait(&self) {
        // An error means that the watcher has gone, with the runtime: nothing is left to wait for.
        let _ = self.ended.clone().wait_for(Option::is_some).await;
    }
}

async fn watch_end(
    name: String,
    mut child: Child,
    process: Process,
    tell: watch::Sender<Option<ExitStatus>>,
    recorder: Arc<Recorder>,
) {
    let Ok(status) = child.wait().await else { return };
    let expected = process.expected.load(Ordering::SeqCst);
    let words = status_words(status);
    // The journal's own failure is found, and reported, by whoever writes to it next.
    if !expected {
        let tail = log::tail(&process.log);
        let note = format!("{name} ended with {words}, which nobody asked for; the end of its log:\n{tail}");
        let _ = recorder.event(Event::Noted { note });
    }
    let _ = recorder.event(Event::ProcessExited { instance: name, status: words, expected });
    tell.send_replace(Some(status));
}
