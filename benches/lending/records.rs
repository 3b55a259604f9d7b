//! Records as the gateway makes them, and a producer that does nothing but hand them over.

use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use rdkafka::producer::future_producer::OwnedDeliveryResult;
use rdkafka::producer::{FutureProducer, FutureRecord};
use serde_json::json;
use uuid::Uuid;

use crate::inside::kafka;

/// How long a record may take.
const WITHIN: Duration = Duration::from_secs(30);

/// The registration of a customer, as the gateway would write it into the log.
pub(crate) fn registration(customer_id: &str) -> String {
    json!({
        "event_id": Uuid::new_v4(), "type": "CustomerRegistrationRequested", "version": 1,
        "occurred_at": "2026-01-02T03:04:05.678901Z", "correlation_id": Uuid::new_v4(), "causation_id": null,
        "traceparent": null, "data": profile(customer_id),
    })
    .to_string()
}

/// What a client says who registers.
pub(crate) fn profile(customer_id: &str) -> serde_json::Value {
    json!({
        "customer_id": customer_id, "name": "Ada Lovelace", "email": format!("{customer_id}@example.org"),
        "date_of_birth": "1975-12-10",
    })
}

/// A producer that waits for all replicas in sync, as the system's do.
pub(crate) fn producer() -> FutureProducer {
    kafka().set("acks", "all").set("enable.idempotence", "true").set("linger.ms", "2").create().unwrap()
}

/// Hands records over, `in_flight` at a time, and waits for each; returns how many a second were acknowledged.
pub(crate) async fn produce(
    producer: &FutureProducer,
    topic: &str,
    records: &[(String, String)],
    in_flight: usize,
) -> f64 {
    let started = Instant::now();
    let mut under_way = FuturesUnordered::new();
    for (key, value) in records {
        if under_way.len() >= in_flight {
            acknowledged(under_way.next().await);
        }
        under_way.push(producer.send(FutureRecord::to(topic).key(key).payload(value), WITHIN));
    }
    while let Some(one) = under_way.next().await {
        acknowledged(Some(one));
    }
    records.len() as f64 / started.elapsed().as_secs_f64()
}

fn acknowledged(delivered: Option<OwnedDeliveryResult>) {
    delivered.unwrap().unwrap();
}
