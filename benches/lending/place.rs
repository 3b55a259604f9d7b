//! What is where in the lab, and the ways in: the front door with its tokens, the brokers, the databases.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use reqwest::Client;
use sqlx::{Connection, PgConnection, Row};

use crate::inside::{self, PATIENCE, database_url, kafka, told};

/// The variable that says which program `lending` is; one with the prefix `LENDING_` would be refused as no setting.
pub(crate) const LENDING: &str = "PROGRAM_LENDING";
/// Partitions of the topics that are made here; the system's own have as many.
const PARTITIONS: i32 = 6;
/// The front door lets a client ask 1000 times a second.
const CLIENTS: usize = 16;

/// The program `lending`.
pub(crate) fn lending() -> PathBuf {
    told(LENDING).into()
}

/// Makes a topic like the system's own: three replicas, two of which must be in sync.
pub(crate) async fn make_topic(name: &str) {
    let admin: AdminClient<DefaultClientContext> = kafka().create().unwrap();
    let topic = NewTopic::new(name, PARTITIONS, TopicReplication::Fixed(3)).set("min.insync.replicas", "2");
    for made in admin.create_topics(&[topic], &AdminOptions::new()).await.unwrap() {
        made.unwrap();
    }
    let consumer: BaseConsumer = kafka().create().unwrap();
    until("the topic has leaders", async || {
        let metadata = consumer.fetch_metadata(Some(name), PATIENCE).unwrap();
        let partitions = metadata.topics()[0].partitions();
        partitions.len() == PARTITIONS as usize && partitions.iter().all(|one| one.leader() >= 0)
    })
    .await;
}

/// How many records a topic has.
pub(crate) struct Ends {
    consumer: BaseConsumer,
    topic: &'static str,
}

impl Ends {
    pub(crate) fn of(topic: &'static str) -> Self {
        Self { consumer: kafka().create().unwrap(), topic }
    }

    pub(crate) fn count(&self) -> i64 {
        let end = |partition| self.consumer.fetch_watermarks(self.topic, partition, PATIENCE).unwrap().1;
        (0..PARTITIONS).map(end).sum()
    }
}

/// A connection to a service's database, without a proxy on the way.
pub(crate) async fn database(name: &str) -> PgConnection {
    PgConnection::connect(&database_url(name)).await.unwrap()
}

/// One number from a database.
pub(crate) async fn number(connection: &mut PgConnection, sql: &'static str) -> i64 {
    sqlx::query(sql).fetch_one(connection).await.unwrap().get(0)
}

/// Waits until something holds, and looks often: what is measured ends with it.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !holds().await {
        assert!(started.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The front door, and some clients with tokens of their own.
pub(crate) struct Door {
    pub(crate) http: Client,
    pub(crate) entry: String,
    tokens: Vec<String>,
}

impl Door {
    pub(crate) async fn open() -> Self {
        let http = inside::http();
        let mut tokens = Vec::new();
        for number in 1..=CLIENTS {
            tokens.push(inside::token(&http, &format!("client-{number}")).await);
        }
        Self { http, entry: inside::entry(), tokens }
    }

    /// The clients' tokens.
    pub(crate) fn tokens(&self) -> Vec<String> {
        self.tokens.clone()
    }
}
