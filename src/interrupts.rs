//! An interrupt that comes between two runs.

use anyhow::Context as _;
use proofload_lab::enter::Signals;
use std::time::Duration;
use tokio::runtime::Runtime;

/// How long it is looked whether a signal has come: long enough to read what is there already.
const LOOK: Duration = Duration::from_millis(1);

/// SIGINT, SIGTERM and SIGHUP of this process, from now on. While a lab runs they are passed on to it; a run that is
/// being judged is judged to its end, and then the next one must not begin.
pub(crate) struct Interrupts {
    runtime: Runtime,
    signals: Signals,
}

impl Interrupts {
    /// Takes them over.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("cannot start the runtime")?;
        let signals = runtime.block_on(async { Signals::take_over() })?;
        Ok(Self { runtime, signals })
    }

    /// Whether one has come since it was last asked.
    pub(crate) fn came(&mut self) -> bool {
        let Self { runtime, signals } = self;
        runtime.block_on(async { tokio::time::timeout(LOOK, signals.next()).await.is_ok() })
    }
}
