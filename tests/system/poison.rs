//! A record that nobody understands goes aside with its reason, in every topic, and those behind it are served.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rdkafka::message::{Headers, OwnedMessage};
use rdkafka::producer::{FutureProducer, FutureRecord};

use crate::borrower::Borrower;
use crate::inside::{PATIENCE, host, kafka};
use crate::log::{self, value};

const PARTITIONS: i32 = 6;
/// The compacted topic, of which every instance of origination has a copy.
const CHANGED: &str = "customers.changed";
const COPIES: [&str; 3] = ["origination-1", "origination-2", "origination-3"];

fn poison(partition: i32, topic: &str) -> String {
    format!("poison {partition} of {topic}")
}

/// One poison record into every partition of a topic, so that whatever follows is behind one.
async fn poisoned(producer: &FutureProducer, topic: &str) {
    for partition in 0..PARTITIONS {
        let poison = poison(partition, topic);
        let record = FutureRecord::to(topic).partition(partition).key("poison").payload(&poison);
        producer.send(record, Duration::from_secs(30)).await.unwrap();
    }
}

/// What a record's headers say.
fn headers(record: &OwnedMessage) -> BTreeMap<&str, String> {
    let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
    let headers = rdkafka::Message::headers(record).unwrap().iter();
    headers.map(|header| (header.key, text(header.value))).collect()
}

/// How many records of the compacted topic an instance has skipped.
async fn skipped(instance: &str) -> u64 {
    let metrics = reqwest::get(format!("http://{}:8080/metrics", host(instance))).await.unwrap().text().await.unwrap();
    let counter = format!("lending_poison_records_total{{group=\"directory\",topic=\"{CHANGED}\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(&counter)).map_or(0, |count| count.parse().unwrap())
}

#[tokio::test]
#[ignore = "runs inside the lab"]
async fn inside_the_lab_poison_in_every_partition_of_every_topic_goes_aside_and_what_is_behind_it_is_served() {
    let producer: FutureProducer = kafka().create().unwrap();
    for (topic, _) in log::TAKEN {
        poisoned(&producer, topic).await;
    }

    // Each is among the dead letters, and says where it came from and why it is there.
    let every = log::TAKEN.iter().flat_map(|(topic, _)| (0..PARTITIONS).map(move |number| poison(number, topic)));
    let every: BTreeSet<String> = every.collect();
    let expected = every.clone();
    let letters = log::read("dead-letters", move |letters| {
        expected.is_subset(&letters.iter().map(value).collect::<BTreeSet<_>>())
    });
    let letters = letters.await;
    for (topic, group) in log::TAKEN {
        for partition in 0..PARTITIONS {
            let poison = poison(partition, topic);
            let mut of_it = letters.iter().filter(|letter| value(letter) == poison);
            let headers = headers(of_it.next().unwrap());
            assert_eq!(of_it.count(), 0, "{poison} is there once");
            assert_eq!((headers["topic"].as_str(), headers["group"].as_str()), (topic, group));
            assert_eq!(headers["partition"], partition.to_string());
            assert!(headers["reason"].contains("cannot parse"), "{headers:?}");
        }
    }

    // Records of the compacted topic are skipped instead, and counted, by every instance that has a copy of it.
    let mut before = Vec::new();
    for instance in COPIES {
        before.push(skipped(instance).await);
    }
    poisoned(&producer, CHANGED).await;
    for (instance, before) in COPIES.iter().zip(before) {
        let started = Instant::now();
        while skipped(instance).await < before + u64::from(PARTITIONS.unsigned_abs()) {
            assert!(started.elapsed() < PATIENCE, "{instance} has not skipped them all");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    // Everything behind them is served: a customer whom origination must hear of, an application, an offer that is
    // taken, a payout and a repayment.
    let annie = Borrower::register("client-8", "Annie Easley").await;
    let (external_id, _) = annie.apply_until_offered().await;
    let loan_at = annie.accept(external_id).await;
    annie.repay(&loan_at, 20_000).await;
    annie.caller.until(&loan_at, |loan| loan["next_instalment"]["number"] == 2).await;
}
