//! The beginning of every conductor's work: the system started, or a signal that came first.

use super::interrupt::Interrupt;
use crate::progress::Progress;
use proofload_history::{Event, Recorder, RunDir};
use proofload_lab::manifest::Manifest;
use proofload_lab::{Lab, LabError, Toolbox};
use std::sync::Arc;
use std::time::Instant;

/// Starts the system of `manifest` and waits until it is ready. `None` if a signal ended that; the history is closed
/// then, as it is after an error.
pub(super) async fn start(
    manifest: &Manifest,
    run: &RunDir,
    recorder: &Arc<Recorder>,
    interrupt: &Interrupt,
    progress: &Progress,
    keep_data: bool,
) -> anyhow::Result<Option<Lab>> {
    let tools = Toolbox::find().map_err(LabError::from)?;
    let began = Instant::now();
    let tell = |line: &str| progress.say(line);
    let started = tokio::select! {
        started = Lab::start(manifest, run, Arc::clone(recorder), &tools, keep_data, &tell) => started,
        by = interrupt.wait() => {
            // What had been started ends with the namespaces.
            recorder.event(Event::Interrupted { by: by.to_owned() })?;
            recorder.close()?;
            return Ok(None);
        }
    };
    let lab = started.inspect_err(|_| {
        // The error itself is reported by the caller; the history tells at least that the run had begun.
        if let Err(error) = recorder.close() {
            progress.say(&format!("cannot close the history: {error}"));
        }
    })?;
    progress.say(&format!("{} is ready after {:.1} s", manifest.title, began.elapsed().as_secs_f64()));
    Ok(Some(lab))
}
