//! What is where in the lab, and the ways in: the front door with its tokens, the brokers, the databases.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use reqwest::Client;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection, Row};

/// The variable that says which program `lending` is; one with the prefix `LENDING_` would be refused as no setting.
pub(crate) const LENDING: &str = "PROGRAM_LENDING";
/// Partitions of the topics that are made here; the system's own have as many.
const PARTITIONS: i32 = 6;
/// The brokers' direct listener.
const KAFKA: u16 = 9092;
/// The front door lets a client ask 1000 times a second.
const CLIENTS: usize = 16;
const SECRET: &str = "not-a-secret-in-the-lab";
/// Far longer than anything takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// What `proofload up` tells those inside.
pub(crate) fn told(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: this runs inside `proofload up`"))
}

/// The address of an instance.
pub(crate) fn host(instance: &str) -> String {
    told(&format!("PROOFLOAD_HOST_{}", instance.to_uppercase().replace('-', "_")))
}

/// The program `lending`.
pub(crate) fn lending() -> PathBuf {
    told(LENDING).into()
}

/// Bootstrap brokers, without a proxy on the way.
pub(crate) fn brokers() -> String {
    format!("{}:{KAFKA}", host("kafka-1"))
}

/// A client of the brokers, with Java's partitions.
pub(crate) fn kafka() -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers()).set("partitioner", "murmur2_random");
    config
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

/// Its address.
pub(crate) fn database_url(name: &str) -> String {
    format!("postgres://postgres@{}:5432/{name}", host("postgres"))
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
        let ca = reqwest::Certificate::from_pem(&std::fs::read(told("PROOFLOAD_CA")).unwrap()).unwrap();
        let http = Client::builder().no_proxy().tls_certs_only([ca]).timeout(Duration::from_secs(30)).build().unwrap();
        let url = format!("http://{}:8080/token", host("identity"));
        let mut tokens = Vec::new();
        for number in 1..=CLIENTS {
            let body = json!({ "client_id": format!("client-{number}"), "client_secret": SECRET });
            let answer: Value = http.post(&url).json(&body).send().await.unwrap().json().await.unwrap();
            tokens.push(answer["access_token"].as_str().unwrap().to_owned());
        }
        Self { http, entry: told("PROOFLOAD_ENTRY"), tokens }
    }

    /// The clients' tokens.
    pub(crate) fn tokens(&self) -> Vec<String> {
        self.tokens.clone()
    }
}
