//! The conductor of `proofload up`: starts a system, keeps it, obeys, and stops it when it is told to.

use super::interrupt::Interrupt;
use super::{Ended, machine, obey, start};
use crate::kept::Whereabouts;
use crate::progress::Progress;
use anyhow::Context as _;
use proofload_history::{Clock, Event, Recorder, RunDir};
use proofload_lab::manifest::Manifest;
use std::sync::Arc;

/// Keeps the system of `manifest` until a signal comes. Interrupted is only who was told to end before it was ready.
pub(crate) async fn keep(manifest: &Manifest, run: &RunDir, progress: &Progress) -> anyhow::Result<Ended> {
    let interrupt = Interrupt::listen().context("cannot take over SIGINT and SIGTERM")?;
    let recorder = Arc::new(Recorder::create(run, Clock::new())?);
    recorder.event(Event::RunStarted {
        experiment: "up".to_owned(),
        wall_ms: recorder.clock().wall_start_ms(),
        seed: 0,
        variants: Vec::new(),
        environment: "lab".to_owned(),
        machine: machine::facts(),
    })?;
    let Some(lab) = start::start(manifest, run, &recorder, &interrupt, progress, false).await? else {
        return Ok(Ended::Interrupted);
    };
    let obeying = obey::listen(&lab, &recorder);
    let whereabouts = Whereabouts::of(&lab);
    let published = obeying.and_then(|obeying| {
        let whereabouts = whereabouts?;
        whereabouts.publish()?;
        Ok((obeying, whereabouts))
    });
    if let Ok((obeying, whereabouts)) = &published {
        interrupt.wait().await;
        progress.say("stopping the system");
        whereabouts.withdraw();
        obeying.abort();
    }
    lab.stop().await;
    recorder.event(Event::RunEnded {})?;
    recorder.close()?;
    // Nobody recorded traffic or read a stage.
    for empty in [run.operations(), run.observations(), run.series(), run.seal()] {
        std::fs::remove_file(&empty).with_context(|| format!("cannot remove {}", empty.display()))?;
    }
    published.map(|_| Ended::Recorded)
}
