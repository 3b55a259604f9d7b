//! Decides pending applications: claims them in the table, asks the bureau, writes decision and event together.
//!
//! The work is what the table says is pending and not claimed. A claim is a deadline in the row, so whatever becomes
//! of the instance that made it (a crash, a cut, a bureau that does not answer), another takes the work up afterwards.
//! Two that hold the same application is harmless: only the first finds it still pending.

mod claim;
mod complete;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures::StreamExt;
use futures::stream;
use tokio::sync::{mpsc, watch};
use tracing::warn;

use super::Wakeups;
use super::bureau::Bureau;
use crate::config::messaging::Publish;
use crate::config::origination::DecisionSettings;
use crate::domain::status::Decision;
use crate::messaging::producer::LogProducer;
use crate::store::Store;
use claim::Claimed;
use complete::Decided;

/// How often the table is looked at when nobody says that there is work: what other instances left behind.
const LOOK: Duration = Duration::from_millis(250);
/// Pause after the database did not answer.
const PAUSE: Duration = Duration::from_millis(500);
/// Decisions written in one transaction.
const COMPLETE_MAX: usize = 200;

/// Runs claims, calls and completions side by side until `stopped`. What is decided then is written, and published
/// where this part publishes; what is only claimed is left to its deadline.
pub(super) async fn run(
    store: Store,
    bureau: Bureau,
    settings: DecisionSettings,
    publish: Publish,
    producer: LogProducer,
    wakeups: Arc<Wakeups>,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let (work, claimed) = mpsc::channel(settings.claim_max);
    let (done, decided) = mpsc::channel(COMPLETE_MAX);
    let claims = claims(store.clone(), settings.clone(), wakeups, work);
    let calls = calls(bureau, settings.clone(), claimed, done);
    let direct = (publish == Publish::DualWrite).then_some(producer);
    let completions = completions(store, direct.clone(), decided);
    let decisions = async move {
        tokio::select! {
            ((), ()) = async { tokio::join!(claims, calls) } => {}
            _ = stopped.wait_for(|stop| *stop) => {}
        }
        // The calls end here, and with them the sender that completions wait for.
    };
    tokio::select! {
        ((), ()) = async { tokio::join!(decisions, completions) } => {}
        replaced = keep(direct.as_ref()) => return replaced,
    }
    if let Some(producer) = direct {
        // A producer that is dropped purges its queue.
        producer.flush().await;
    }
    Ok(())
}

/// Replaces the producer of the dual write as often as it fails for good; returns only where that is impossible.
async fn keep(producer: Option<&LogProducer>) -> anyhow::Result<()> {
    let Some(producer) = producer else { return std::future::pending().await };
    loop {
        producer.failed_for_good().await;
        producer.replace().context("cannot replace the producer of decisions")?;
    }
}

/// Claims as much as there is room for, and waits when there is nothing.
async fn claims(store: Store, settings: DecisionSettings, wakeups: Arc<Wakeups>, work: mpsc::Sender<Claimed>) {
    loop {
        // One place at least; then as many as are free.
        let Ok(first) = work.reserve().await else { return };
        let room = 1 + work.capacity();
        match claim::claim(&store, room, settings.lease).await {
            Ok(claimed) if claimed.is_empty() => {
                drop(first);
                let _ = tokio::time::timeout(LOOK, wakeups.stored.notified()).await;
            }
            Ok(claimed) => {
                drop(first);
                for one in claimed {
                    if work.send(one).await.is_err() {
                        return;
                    }
                }
            }
            Err(error) => {
                warn!(%error, "no applications are claimed; trying again");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Asks the bureau, so many at once. An application without an answer keeps its claim until that expires: the pause
/// before somebody tries again.
async fn calls(
    bureau: Bureau,
    settings: DecisionSettings,
    claimed: mpsc::Receiver<Claimed>,
    done: mpsc::Sender<Decided>,
) {
    let applications = stream::unfold(claimed, |mut claimed| async { claimed.recv().await.map(|one| (one, claimed)) });
    applications
        .for_each_concurrent(settings.concurrency, |application| async {
            match bureau.score(application.external_id, application.correlation_id).await {
                Ok(score) => {
                    let decision = Decision::of(score, settings.approval_score);
                    // The receiver ends only with this whole part.
                    let _ = done.send(Decided { application, score, decision }).await;
                }
                Err(error) => {
                    metrics::counter!("lending_bureau_failures_total").increment(1);
                    let (external_id, correlation_id) = (application.external_id, application.correlation_id);
                    warn!(%error, %external_id, %correlation_id, "no score; left until its claim expires");
                }
            }
        })
        .await;
}

/// Writes what is decided, as much as there is at once.
async fn completions(store: Store, direct: Option<LogProducer>, mut decided: mpsc::Receiver<Decided>) {
    let mut batch = Vec::with_capacity(COMPLETE_MAX);
    while decided.recv_many(&mut batch, COMPLETE_MAX).await > 0 {
        let decisions = std::mem::take(&mut batch);
        match complete::complete(&store, direct.as_ref(), &decisions).await {
            Ok(()) => {}
            Err(error) => {
                warn!(%error, count = decisions.len(), "decisions are not written; left until their claims expire");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::database::DatabaseSettings;

    /// Neither a database nor a bureau: port 1 of the loopback refuses.
    fn nothing_answers() -> (Store, DecisionSettings) {
        let database = DatabaseSettings {
            connect: "postgres://postgres@127.0.0.1:1/origination".parse().expect("a URL"),
            connections: 1,
            connections_min: 0,
            acquire_timeout: Duration::from_millis(20),
            timeout: Duration::from_secs(10),
        };
        let settings = DecisionSettings {
            bureau: "http://127.0.0.1:1".to_owned(),
            timeout: Duration::from_secs(2),
            attempts: 1,
            concurrency: 4,
            claim_max: 4,
            lease: Duration::from_secs(10),
            approval_score: 410,
        };
        (Store::new(&database), settings)
    }

    #[tokio::test]
    async fn a_stop_ends_the_decisions_and_publishes_what_the_producer_still_holds() {
        let cluster = rdkafka::mocking::MockCluster::new(1).expect("a mock cluster");
        cluster.create_topic("t", 1, 1).expect("a topic");
        let producer = LogProducer::new(&crate::messaging::producer::tests::settings(cluster.bootstrap_servers()))
            .expect("a producer");
        let (store, settings) = nothing_answers();
        let bureau = Bureau::new(&settings).expect("a client");
        let (stop, stopped) = watch::channel(false);
        let pending = producer.hand_over("t", "key", "value").expect("a place in the queue");
        let _ = stop.send(true);
        let run = run(store, bureau, settings, Publish::DualWrite, producer, Arc::default(), stopped);
        tokio::time::timeout(Duration::from_secs(30), run).await.expect("the stop ends it").expect("no error");
        pending.acknowledged().await.expect("it was published before the producer was dropped");
    }
}
