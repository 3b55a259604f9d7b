//! A transaction that is left open.

use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use std::error::Error;
use std::time::Duration;

/// More than the brokers take to find a coordinator on a busy machine.
const BOUND: Duration = Duration::from_secs(60);

pub(crate) struct Open {
    producer: FutureProducer,
    /// Of its first record.
    pub(crate) offset: i64,
}

/// Begins a transaction, and appends one record in it.
pub(crate) async fn open(topic: &str, partition: i32) -> Result<Open, Box<dyn Error>> {
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", "kafka-1:9092")
        .set("transactional.id", "left-open")
        .set("linger.ms", "0")
        .create()?;
    let beginning = producer.clone();
    tokio::task::spawn_blocking(move || {
        beginning.init_transactions(BOUND)?;
        beginning.begin_transaction()
    })
    .await??;
    let record = FutureRecord::<str, str>::to(topic).payload("{}").partition(partition);
    let sent = producer.send(record, BOUND).await.map_err(|(error, _)| error)?;
    Ok(Open { producer, offset: sent.offset })
}

impl Open {
    pub(crate) async fn abort(self) -> Result<(), Box<dyn Error>> {
        tokio::task::spawn_blocking(move || self.producer.abort_transaction(BOUND)).await??;
        Ok(())
    }
}
