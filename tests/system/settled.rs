//! When nothing is in work any more: then what was asked for has had its effect, and each of its repeats too, if it has
//! one.

use std::time::{Duration, Instant};

use crate::books;
use crate::inside::PATIENCE;
use crate::log;

const POLL: Duration = Duration::from_millis(100);

const UNPUBLISHED: &str = "select count(*) from relay_cursor c join outbox o on o.shard = c.shard \
    where (o.xid, o.position) > (c.xid, c.position)";
const UNDONE: &str = "select (select count(*) from transfer where state = 'PENDING') \
    + (select count(*) from waiting_command)";

/// Waits until every command that the log has, and what follows from it, is done with: along the way that it takes, so
/// that nothing can come up again behind what was looked at.
pub(crate) async fn everything_is_done() {
    for (topic, group) in log::TAKEN {
        log::taken(topic, group).await;
        none(group, UNPUBLISHED).await;
    }
    none("servicing", UNDONE).await;
    none("servicing", UNPUBLISHED).await;
}

/// Waits until the query counts none in the database of `owner`.
async fn none(owner: &str, query: &str) {
    let started = Instant::now();
    loop {
        let count = books::number(owner, query, None).await;
        if count == 0 {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{owner} still has {count}: {query}");
        tokio::time::sleep(POLL).await;
    }
}
