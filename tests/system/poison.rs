//! A record that nobody understands goes aside with its reason, in every topic, and those behind it are served.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{Offset, TopicPartitionList};
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::client::Caller;
use crate::inside::{PATIENCE, kafka};

const DEAD_LETTERS: &str = "dead-letters";
/// Every topic that a service takes commands or events from, with one who reads it.
const TOPICS: [(&str, &str); 4] = [
    ("customers.commands", "customers"),
    ("origination.commands", "origination"),
    ("origination.events", "servicing"),
    ("servicing.commands", "servicing"),
];

/// A dead letter: its value and what its headers say.
struct Letter {
    value: Vec<u8>,
    headers: BTreeMap<String, String>,
}

/// Reads dead letters until one has this value.
fn letter(value: &str) -> Letter {
    let consumer: BaseConsumer = kafka().set("group.id", "a-test").create().unwrap();
    let metadata = consumer.fetch_metadata(Some(DEAD_LETTERS), Duration::from_secs(20)).unwrap();
    let mut partitions = TopicPartitionList::new();
    for partition in metadata.topics()[0].partitions() {
        partitions.add_partition_offset(DEAD_LETTERS, partition.id(), Offset::Beginning).unwrap();
    }
    consumer.assign(&partitions).unwrap();
    let started = Instant::now();
    loop {
        assert!(started.elapsed() < PATIENCE, "{value} is not among the dead letters");
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(200)) else { continue };
        if message.payload() == Some(value.as_bytes()) {
            let headers = message.headers().unwrap().iter();
            let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
            let headers = headers.map(|header| (header.key.to_owned(), text(header.value))).collect();
            return Letter { value: value.as_bytes().to_vec(), headers };
        }
    }
}

#[tokio::test]
#[ignore = "runs inside the lab"]
async fn inside_the_lab_a_poison_record_goes_aside_and_its_partition_goes_on() {
    let caller = Caller::sign_in("client-8").await;
    let producer: FutureProducer = kafka().create().unwrap();
    // One poison record into every partition of every topic, so that whatever follows is behind one.
    for (topic, group) in TOPICS {
        for partition in 0..6 {
            let poison = format!("poison {partition} of {topic}");
            let record = FutureRecord::to(topic).partition(partition).key("poison").payload(&poison);
            producer.send(record, Duration::from_secs(30)).await.unwrap();
        }
        let last = format!("poison 5 of {topic}");
        let letter = tokio::task::spawn_blocking(move || letter(&last)).await.unwrap();
        assert_eq!(letter.value, format!("poison 5 of {topic}").into_bytes());
        assert_eq!(letter.headers["topic"], topic);
        assert_eq!(letter.headers["partition"], "5");
        assert_eq!(letter.headers["group"], group);
        assert!(letter.headers["reason"].contains("cannot parse"), "{:?}", letter.headers);
    }
    // Everything behind them is served.
    let id = format!("after-poison-{}", Uuid::new_v4());
    let profile = json!({ "customer_id": id, "name": "Annie Easley", "email": "annie@example.org", "date_of_birth": "1963-04-23" });
    let at = caller.accepted(Method::POST, "/v1/customers", &profile).await;
    caller.until(&at, |customer| customer["kyc"] == "VERIFIED").await;
    let application = json!({
        "external_id": Uuid::new_v4(), "customer_id": "customer-3", "product": "car",
        "principal": { "currency": "EUR", "minor_units": 700_000 }, "term_months": 12,
    });
    let at = caller.accepted(Method::POST, "/v1/loan-applications", &application).await;
    caller.until(&at, |seen| seen["stage"] == "OFFER_PENDING" || seen["status"] == "REJECTED").await;
}
