//! Appends to the log, with the fate of every record known or known to be unknown.

use futures::future::join_all;
use tracing::warn;

use super::asked::Order;
use crate::config::gateway::Keying;
use crate::http::problem::{Kind, Problem};
use crate::messaging::producer::{LogProducer, Record};

/// Appends all of an order's records and waits until the log has every one. The problem says whether it is certain
/// that it has none.
pub(super) async fn append(producer: &LogProducer, keying: Keying, topic: &str, order: &Order) -> Result<(), Problem> {
    let mut pending = Vec::with_capacity(order.records.len());
    let mut refused = None;
    for record in &order.records {
        let mut record = Record::of(topic, &record.key, &record.value, record.traceparent.as_deref());
        if keying == Keying::Nothing {
            record.key = None;
        }
        match producer.hand_over(record) {
            Ok(handed_over) => pending.push(handed_over.acknowledged()),
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    let attempted = !pending.is_empty();
    // All are waited for, whatever becomes of the first: their fates are counted.
    let lost = join_all(pending).await.into_iter().filter_map(Result::err).next();
    let Some(error) = lost.or(refused) else { return Ok(()) };
    let source = std::error::Error::source(&error).map(ToString::to_string);
    warn!(%error, source, event = order.event, id = order.id, "a command was not accepted");
    Err(match attempted {
        true => Kind::Unconfirmed.with("the log did not confirm in time"),
        false => Kind::NotAttempted.with("nothing was handed to the log"),
    })
}
