//! Tells the gateways what is revoked: in Redis, which may be away, and which may forget. The file is the truth; Redis has
//! all of it, or is given all of it again.
//!
//! `revoked` is a sorted set, of tokens by their ids and of `client:ID`, by when they are of no interest any more;
//! `revoked-clients` says up to which instant a client's tokens are revoked, under `client:ID`. Instants are seconds
//! since 1970.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{AsyncCommands, Pipeline, RedisError};
use tokio::sync::watch;
use tracing::{info, warn};

use super::kept::Kept;

const REVOKED: &str = "revoked";
const REVOKED_CLIENTS: &str = "revoked-clients";
/// How far Redis has been told: the file, and its number of revocations. Written with them in one transaction, so that
/// where it is missing or another, something else may be missing as well.
const TOLD: &str = "revocations-told";
/// How often Redis is asked whether it still has everything.
const LOOK: Duration = Duration::from_secs(1);
/// How long Redis may take for one answer.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Keeps Redis at what is kept, until the process ends.
pub(super) async fn run(client: redis::Client, mut kept: watch::Receiver<Arc<Kept>>) -> anyhow::Result<()> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(TIMEOUT))
        .set_response_timeout(Some(TIMEOUT))
        .set_number_of_retries(0);
    let mut redis = ConnectionManager::new_lazy_with_config(client, config)?;
    let mut lost = false;
    loop {
        let now = Arc::clone(&kept.borrow_and_update());
        let told = tell(&mut redis, &now).await;
        metrics::gauge!("lending_revocations_untold").set(if told.is_ok() { 0.0 } else { 1.0 });
        match told {
            Ok(()) if lost => info!("redis answers again"),
            Err(ref error) if !lost => warn!(%error, "redis is not told what is revoked; trying until it is"),
            Ok(()) | Err(_) => {}
        }
        lost = told.is_err();
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            changed = kept.changed() => if changed.is_err() { return Ok(()) },
        }
    }
}

/// Asks how far Redis has been told, and tells it everything where that is not up to date.
async fn tell(redis: &mut ConnectionManager, kept: &Kept) -> Result<(), RedisError> {
    let mark = format!("{}/{}", kept.id, kept.revocations.number);
    if redis.get::<_, Option<String>>(TOLD).await?.as_ref() == Some(&mark) {
        return Ok(());
    }
    everything(kept, &mark).query_async::<()>(redis).await?;
    info!(number = kept.revocations.number, "redis knows what is revoked");
    Ok(())
}

/// One transaction, so that a gateway never sees a part of it.
fn everything(kept: &Kept, mark: &str) -> Pipeline {
    let mut pipeline = redis::pipe();
    pipeline.atomic();
    pipeline.zrembyscore(REVOKED, "-inf", format!("({}", Timestamp::now().as_second())).ignore();
    pipeline.del(REVOKED_CLIENTS).ignore();
    for (id, until) in &kept.revocations.tokens {
        pipeline.zadd(REVOKED, id.to_string(), *until).ignore();
    }
    for (id, revocation) in &kept.revocations.clients {
        let member = format!("client:{id}");
        pipeline.zadd(REVOKED, &member, revocation.until).ignore();
        pipeline.hset(REVOKED_CLIENTS, &member, revocation.up_to).ignore();
    }
    pipeline.set(TOLD, mark).ignore();
    pipeline
}
