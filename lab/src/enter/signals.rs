//! The signals that ask a process to end, taken over.

use crate::LabError;
use rustix::process::Signal;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// SIGINT, SIGTERM and SIGHUP of this process: from now on none of them ends it by itself.
#[derive(Debug)]
pub struct Signals {
    interrupt: Stream,
    terminate: Stream,
    hang_up: Stream,
}

impl Signals {
    /// Takes them over; to be called within an async runtime.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn take_over() -> Result<Self, LabError> {
        let watch = |kind, name: &str| {
            signal(kind).map_err(|error| LabError::Enter { what: format!("cannot watch {name}: {error}") })
        };
        Ok(Self {
            interrupt: watch(SignalKind::interrupt(), "SIGINT")?,
            terminate: watch(SignalKind::terminate(), "SIGTERM")?,
            hang_up: watch(SignalKind::hangup(), "SIGHUP")?,
        })
    }

    /// Waits for the next of them. Nothing is lost if this future is dropped.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.terminate.recv() => Signal::TERM,
            _ = self.hang_up.recv() => Signal::HUP,
        }
    }
}
