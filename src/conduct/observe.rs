//! Reading what the system holds, when it is whole again.

use super::Run;
use futures::StreamExt;
use proofload_history::Event;
use proofload_history::journal::StageRead;
use proofload_lab::{kafka, stage};
use std::time::{Duration, Instant};

/// How long the replicas may take to be in sync before the stages are read.
const IN_SYNC_WITHIN: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(300);
/// Stages that are read at the same time: most of what it takes to read one is waiting for brokers, and each that is
/// read holds up to 8 MiB of records.
const AT_ONCE: usize = 4;

/// Waits until everything is in sync, and reads every stage from its beginning to its end.
pub(super) async fn observe(run: &Run<'_>) -> anyhow::Result<()> {
    let manifest = &run.experiment.system.manifest;
    if manifest.components.values().any(|component| component.kind.get_ref() == "kafka") && !in_sync(run).await {
        // What a log holds now may be truncated in a moment: nothing that is read counts.
        let error = format!("the replicas are not in sync {} s after the drain", IN_SYNC_WITHIN.as_secs());
        run.progress.say(&error);
        for stage in manifest.stages.keys().cloned() {
            let unread = StageRead { stage, error: Some(error.clone()), ..StageRead::default() };
            run.recorder.event(Event::StageRead(unread))?;
        }
        return Ok(());
    }
    let readings = futures::stream::iter(manifest.stages.keys())
        .map(async |name| (name, stage::read(&run.lab, manifest, name, &run.recorder).await));
    let mut readings = std::pin::pin!(readings.buffered(AT_ONCE));
    while let Some((name, read)) = readings.next().await {
        let how = match &read.error {
            Some(error) => format!("incomplete: {error}"),
            None => format!("{} rows", read.rows),
        };
        run.progress.say(&format!("read {name}: {how}"));
    }
    if let Some(compared) = kafka::compare(&run.lab, &run.recorder).await? {
        let kafka::Compared { copies, diverged, not_known } = compared;
        run.progress.say(&format!(
            "autopsy: {copies} copies of logs compared, {diverged} hold more than their log, {not_known} not known"
        ));
    }
    Ok(())
}

/// What an isolated leader acknowledged can still vanish until its log has been truncated.
async fn in_sync(run: &Run<'_>) -> bool {
    let until = Instant::now() + IN_SYNC_WITHIN;
    let view = kafka::View::new(&run.lab);
    while Instant::now() < until {
        if view.all_in_sync().await.unwrap_or(false) {
            return true;
        }
        tokio::time::sleep(POLL).await;
    }
    false
}
