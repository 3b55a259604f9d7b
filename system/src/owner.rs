//! The frame of an owner of state, the same for all three: an HTTP server, parts that work beside it, an ordered stop.
//!
//! An owner is ready while it consumes and its database answers: without the database it can neither answer a read nor
//! apply a command. It is live all the same, and goes on by itself when the database is back.
//!
//! What an owner is made of is its own to say: it gives [`run`] its routes and a function that starts its [`Parts`].

use std::time::Duration;

use anyhow::{Context, bail};
use axum::Router;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::config::messaging::MessagingSettings;
use crate::config::server::ServerSettings;
use crate::http::health::{Need, Readiness};
use crate::http::{metrics, server};
use crate::messaging::{housekeeping, relay};
use crate::store::{Store, StoreError};

/// How often an unreachable database is tried at the start.
const START_PAUSE: Duration = Duration::from_millis(250);
/// How often it is looked whether the database answers.
const LOOK: Duration = Duration::from_secs(1);

/// The parts of an owner that work beside its server, and what they share.
pub(crate) struct Parts {
    consuming: Need,
    database: Need,
    stopped: watch::Receiver<bool>,
    running: JoinSet<(&'static str, anyhow::Result<()>)>,
}

impl Parts {
    fn new(readiness: &Readiness, stopped: watch::Receiver<bool>) -> Self {
        let (consuming, database) = (readiness.needs("the consumer"), readiness.needs("the database"));
        Self { consuming, database, stopped, running: JoinSet::new() }
    }

    /// Whether the owner takes what the log brings: its consumer says so.
    pub(crate) fn consuming(&self) -> Need {
        self.consuming.clone()
    }

    /// Becomes true when the owner stops, after its server has: then a part finishes what it has in hand and ends.
    pub(crate) fn stopped(&self) -> watch::Receiver<bool> {
        self.stopped.clone()
    }

    /// Starts a part. Where it ends before it is told to, well or not, the owner ends with an error that has its `name`.
    pub(crate) fn spawn(
        &mut self,
        name: &'static str,
        part: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) {
        self.running.spawn(async move { (name, part.await) });
    }

    /// Starts what an outbox in `store` needs: its relay and its housekeeping.
    pub(crate) fn spawn_outbox(&mut self, store: &Store, settings: &MessagingSettings) {
        self.spawn("the relay", relay::run(store.clone(), settings.clone(), self.stopped()));
        let tidy = housekeeping::run(store.clone(), settings.housekeeping.clone(), self.stopped());
        self.spawn("the housekeeping", tidy);
    }

    /// Waits until all parts have ended, or until one of them failed.
    async fn ended(mut self) -> anyhow::Result<()> {
        while let Some(part) = self.running.join_next().await {
            let (name, ended) = part.context("a part panicked")?;
            ended.with_context(|| format!("{name} failed"))?;
            if !*self.stopped.borrow_and_update() {
                bail!("{name} ended without being told to");
            }
        }
        Ok(())
    }
}

/// Serves `routes` with health and metrics; when the database answers and is migrated, `start` starts the parts. Goes on
/// until the process is told to stop, or until a part fails, which ends the process: what restarts it starts all of it.
///
/// A stop has an order: first the server, which finishes the requests that it has; then the parts, as far as the
/// shutdown time-out allows. What is not finished by then has no effect and is done again.
pub(crate) async fn run<S, F>(settings: &ServerSettings, store: Store, routes: Router, start: S) -> anyhow::Result<()>
where
    S: FnOnce(Parts) -> F + Send + 'static,
    F: Future<Output = anyhow::Result<Parts>> + Send + 'static,
{
    let metrics = metrics::install()?;
    let readiness = Readiness::default();
    let router = server::with_operations(routes, readiness.clone(), metrics);
    let (stop, stopped) = watch::channel(false);
    let mut work = tokio::spawn(work(store, Parts::new(&readiness, stopped), start));
    tokio::select! {
        served = server::serve(settings, router, readiness) => served?,
        ended = &mut work => {
            ended.context("the work panicked")??;
            bail!("the work ended without being told to");
        }
    }
    let _ = stop.send(true);
    match tokio::time::timeout(settings.shutdown_timeout, work).await {
        Ok(ended) => ended.context("the work panicked")??,
        Err(_) => {
            warn!("work was still in hand when the shutdown time-out passed; what has no effect yet is done again");
        }
    }
    Ok(())
}

async fn work<S, F>(store: Store, mut parts: Parts, start: S) -> anyhow::Result<()>
where
    S: FnOnce(Parts) -> F,
    F: Future<Output = anyhow::Result<Parts>>,
{
    let mut stopped = parts.stopped();
    tokio::select! {
        () = migrated(&store) => {}
        _ = stopped.wait_for(|stop| *stop) => return Ok(()),
    }
    parts.spawn("the watch over the database", watch_over(store, parts.database.clone(), stopped));
    start(parts).await?.ended().await?;
    info!("all work is put down");
    Ok(())
}

/// Returns when the database answers and is migrated.
async fn migrated(store: &Store) {
    while let Err(error) = relay::shards(store).await {
        warn!(%error, "cannot use the database yet");
        tokio::time::sleep(START_PAUSE).await;
    }
}

/// Looks again and again whether the database answers, by the connections that the reads and the work have, until
/// `stopped`. One that is slow answers.
async fn watch_over(store: Store, database: Need, mut stopped: watch::Receiver<bool>) -> anyhow::Result<()> {
    let mut known = None;
    while !*stopped.borrow_and_update() {
        let answer = tokio::select! {
            answer = answers(&store) => answer,
            _ = stopped.wait_for(|stop| *stop) => return Ok(()),
        };
        let reached = answer.is_ok();
        if known.replace(reached) != Some(reached) {
            match answer {
                Ok(()) => info!("the database answers"),
                Err(error) => warn!(%error, "the database does not answer: not ready until it does"),
            }
            database.set(reached);
        }
        let _ = tokio::time::timeout(LOOK, stopped.wait_for(|stop| *stop)).await;
    }
    Ok(())
}

async fn answers(store: &Store) -> Result<(), StoreError> {
    store.rows("see whether the database answers", sqlx::query("select 1")).await.map(drop)
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use sqlx::postgres::{PgConnectOptions, PgConnection};
    use sqlx::{AssertSqlSafe, Connection};

    use super::*;
    use crate::config::database::DatabaseSettings;
    use crate::config::migrate::Service;
    use crate::http::health::tests::told;
    use crate::testing::log::wait_for;
    use crate::testing::postgres;

    #[tokio::test]
    async fn a_part_that_ends_without_being_told_to_is_named() {
        let (_stop, stopped) = watch::channel(false);
        let mut parts = Parts::new(&Readiness::default(), stopped);
        parts.spawn("the relay", std::future::pending());
        parts.spawn("the consumer", async { Ok(()) });
        let error = parts.ended().await.expect_err("it was not told to");
        assert_eq!(error.to_string(), "the consumer ended without being told to");
    }

    #[tokio::test]
    async fn a_stop_waits_for_every_part_to_finish() {
        let (stop, stopped) = watch::channel(false);
        let mut parts = Parts::new(&Readiness::default(), stopped);
        let (finish, finished) = tokio::sync::oneshot::channel::<()>();
        parts.spawn("the slow one", async { finished.await.context("told to finish") });
        let mut told = parts.stopped();
        parts
            .spawn("the quick one", async move { told.wait_for(|stop| *stop).await.map(drop).context("told to stop") });
        let mut ended = Box::pin(parts.ended());
        stop.send(true).expect("a receiver");
        assert!(futures::poll!(&mut ended).is_pending(), "a part is still at work");
        finish.send(()).expect("a receiver");
        ended.await.expect("all were told to");
    }

    #[tokio::test]
    async fn a_stop_does_not_wait_for_a_database_that_is_away() {
        let (stop, stopped) = watch::channel(false);
        let parts = Parts::new(&Readiness::default(), stopped);
        let store = Store::new(&DatabaseSettings::refusing());
        stop.send(true).expect("a receiver");
        work(store, parts, |_| async { bail!("nothing is started without a database") }).await.expect("stopped");
    }
    /// Takes the database out of use, connections that there are included, or into it again.
    async fn allow_connections(database: &PgConnectOptions, allowed: bool) {
        let name = database.get_database().expect("a name");
        let mut connection =
            PgConnection::connect_with(&database.clone().database("postgres")).await.expect("connected");
        // Names of databases cannot be parameters; this one is letters and digits.
        let allow = AssertSqlSafe(format!("alter database {name} allow_connections {allowed}"));
        sqlx::query(allow).execute(&mut connection).await.expect("allowed or not");
        if !allowed {
            let end = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1";
            sqlx::query(end).bind(name).execute(&mut connection).await.expect("ended");
        }
        connection.close().await.expect("closed");
    }

    #[tokio::test]
    async fn an_owner_is_ready_while_its_database_answers_and_live_without_it() {
        let settings = postgres::database(Service::Servicing).await;
        let database = settings.connect.clone();
        let readiness = Readiness::default();
        let (stop, stopped) = watch::channel(false);
        let parts = Parts::new(&readiness, stopped);
        let working = tokio::spawn(work(Store::new(&settings), parts, |mut parts: Parts| async {
            parts.consuming().set(true);
            let mut told = parts.stopped();
            parts.spawn("the consumer", async move { told.wait_for(|stop| *stop).await.map(drop).context("told") });
            Ok(parts)
        }));
        let ready = async || told(&readiness, "/health/ready").await;
        wait_for("it is ready", async || ready().await.0 == StatusCode::OK).await;
        allow_connections(&database, false).await;
        wait_for("it is not ready", async || ready().await.0 == StatusCode::SERVICE_UNAVAILABLE).await;
        assert_eq!(ready().await.1, "not ready, for want of the database\n");
        assert_eq!(told(&readiness, "/health/live").await.0, StatusCode::OK);
        allow_connections(&database, true).await;
        wait_for("it is ready again", async || ready().await.0 == StatusCode::OK).await;
        stop.send(true).expect("a receiver");
        working.await.expect("no panic").expect("stopped");
    }

    #[tokio::test]
    async fn an_owner_that_has_not_reached_its_database_yet_is_not_ready() {
        let readiness = Readiness::default();
        let (stop, stopped) = watch::channel(false);
        let parts = Parts::new(&readiness, stopped);
        parts.consuming().set(true);
        let store = Store::new(&DatabaseSettings::refusing());
        let working = tokio::spawn(work(store, parts, |_| async { bail!("nothing is started without a database") }));
        assert_eq!(told(&readiness, "/health/ready").await.1, "not ready, for want of the database\n");
        stop.send(true).expect("a receiver");
        working.await.expect("no panic").expect("stopped");
    }
}
