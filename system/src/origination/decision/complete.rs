//! Writes decisions with their events, all or none.

use std::collections::BTreeSet;

use tracing::{error, warn};
use uuid::Uuid;

use super::claim::Claimed;
use crate::domain::status::{Decision, Reason};
use crate::messaging::contract::origination::LoanApplicationDecided;
use crate::messaging::event::{Cause, Event};
use crate::messaging::producer::LogProducer;
use crate::messaging::topic;
use crate::store::{Store, StoreError, column};

/// Decides what is pending still, once even where it comes twice in one batch because its claim expired, and appends the event of exactly that to the outbox. `$6` is the topic, and null
/// where events do not go by the outbox.
const COMPLETE: &str = "
with verdict as (
    select * from unnest($1::bigint[], $2::text[], $3::int[], $4::uuid[], $5::text[])
        as t (id, status, score, event_id, payload)
), decided as (
    update loan_application a
    set status = v.status, score = v.score, version = a.version + 1, decided_at = now(), claimed_until = null
    from verdict v
    where a.id = v.id and a.status = 'SUBMITTED_AND_PENDING_APPROVAL'
    returning a.id, a.external_id, v.event_id, v.payload
), appended as (
    insert into outbox (shard, event_id, topic, key, payload)
    select outbox_shard(external_id::text), event_id, $6, external_id::text, payload
    from decided where $6::text is not null
    order by id
)
select event_id from decided";

/// A decision that is not written yet.
pub(super) struct Decided {
    pub(super) application: Claimed,
    pub(super) score: u16,
    pub(super) decision: Decision,
}

impl Decided {
    fn event(&self) -> Event<LoanApplicationDecided> {
        let application = &self.application;
        let data = LoanApplicationDecided {
            external_id: application.external_id,
            customer_id: application.customer_id.clone(),
            status: self.decision,
            score: Some(self.score),
            reason: (self.decision == Decision::Rejected).then_some(Reason::ScoreTooLow),
            application_version: application.version + 1,
        };
        let cause = Cause {
            correlation_id: application.correlation_id,
            causation_id: Some(application.causation_id),
            traceparent: None,
        };
        Event::now(cause, data)
    }
}

/// Writes `decisions`; with `direct`, events go straight to the log afterwards instead of into the outbox.
pub(super) async fn complete(
    store: &Store,
    direct: Option<&LogProducer>,
    decisions: &[Decided],
) -> Result<(), StoreError> {
    let events: Vec<_> = decisions.iter().map(Decided::event).collect();
    let payloads: Vec<_> = events.iter().map(Event::to_json).collect::<Result<_, _>>().map_err(|error| {
        StoreError::Database { doing: "write an event as JSON", source: sqlx::Error::Encode(error.into()) }
    })?;
    let statement = sqlx::query(COMPLETE)
        .bind(decisions.iter().map(|one| one.application.id).collect::<Vec<_>>())
        .bind(decisions.iter().map(|one| one.decision.status()).collect::<Vec<_>>())
        .bind(decisions.iter().map(|one| i32::from(one.score)).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.event_id).collect::<Vec<_>>())
        .bind(&payloads)
        .bind(direct.is_none().then_some(topic::ORIGINATION_EVENTS));
    let rows = store.rows("write decisions", statement).await?;
    // By the event and not by the application: of two decisions on one application only one was written.
    let written: BTreeSet<Uuid> = rows.iter().map(|row| column(row, "event_id")).collect::<Result<_, _>>()?;
    for ((decided, event), payload) in decisions.iter().zip(&events).zip(&payloads) {
        if written.contains(&event.event_id) {
            metrics::counter!("lending_decisions_total", "status" => decided.decision.status()).increment(1);
            if let Some(producer) = direct {
                publish(producer, decided, payload);
            }
        }
    }
    Ok(())
}

/// The dual write: the row says decided, and whether the log ever hears of it is left to luck.
fn publish(producer: &LogProducer, decided: &Decided, payload: &str) {
    let external_id = decided.application.external_id.to_string();
    match producer.hand_over(topic::ORIGINATION_EVENTS, &external_id, payload) {
        Ok(pending) => {
            tokio::spawn(async move {
                if let Err(error) = pending.acknowledged().await {
                    warn!(%error, external_id, "a decision may not be published");
                }
            });
        }
        Err(error) => error!(%error, external_id, "a decision is not published"),
    }
}
