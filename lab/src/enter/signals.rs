//! The signals that ask a process to end, taken over.

use crate::LabError;
use rustix::process::Signal;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// SIGINT, SIGTERM and SIGHUP of this process: from now on none of them ends it by itself. A SIGHUP that it was started to
/// ignore, as `nohup` does, stays ignored.
#[derive(Debug)]
pub struct Signals {
    interrupt: Stream,
    terminate: Stream,
    hang_up: Option<Stream>,
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
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let hang_up = if ignores(Signal::HUP, &status) { None } else { Some(watch(SignalKind::hangup(), "SIGHUP")?) };
        Ok(Self {
            interrupt: watch(SignalKind::interrupt(), "SIGINT")?,
            terminate: watch(SignalKind::terminate(), "SIGTERM")?,
            hang_up,
        })
    }

    /// Waits for the next of them. Nothing is lost if this future is dropped.
    pub async fn next(&mut self) -> Signal {
        let hung_up = async {
            match &mut self.hang_up {
                Some(stream) => stream.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.terminate.recv() => Signal::TERM,
            _ = hung_up => Signal::HUP,
        }
    }
}

/// Whether a process with this `/proc/PID/status` ignores the signal: its line `SigIgn` has a bit for each, from the lowest.
fn ignores(signal: Signal, status: &str) -> bool {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or_default();
    ignored >> (signal.as_raw() - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_is_told_by_the_bit_of_the_signal() {
        let told = |bits: &str| {
            let status =
                format!("Name:\tproofload\nSigBlk:\t0000000000000001\nSigIgn:\t{bits}\nSigCgt:\t0000000000000002\n");
            [Signal::HUP, Signal::INT, Signal::PIPE].map(|signal| ignores(signal, &status))
        };
        assert_eq!(told("0000000000001001"), [true, false, true]);
        assert_eq!(told("0000000000000002"), [false, true, false]);
        assert_eq!(told("0000000000000000"), [false; 3]);
        assert!(!ignores(Signal::HUP, ""), "what nobody can read is not ignored");
    }
}
