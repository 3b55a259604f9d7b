//! The reference system from inside `proofload up`: where everything is, and the ways in. The tests of the whole system
//! and its benchmark stand on it.

use std::time::Duration;

use rdkafka::ClientConfig;
use reqwest::Client;
use serde_json::{Value, json};

/// Far longer than anything takes on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// The brokers' direct listener.
const KAFKA: u16 = 9092;
const SECRET: &str = "not-a-secret-in-the-lab";

/// What `proofload up` tells those inside.
pub(crate) fn told(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: this runs inside `proofload up`"))
}

/// Where an instance is: its address in the lab.
pub(crate) fn host(instance: &str) -> String {
    told(&format!("PROOFLOAD_HOST_{}", instance.to_uppercase().replace('-', "_")))
}

/// The front door.
pub(crate) fn entry() -> String {
    told("PROOFLOAD_ENTRY")
}

/// An HTTP client that trusts the lab's own authority.
pub(crate) fn http() -> Client {
    let ca = reqwest::Certificate::from_pem(&std::fs::read(told("PROOFLOAD_CA")).unwrap()).unwrap();
    Client::builder().no_proxy().tls_certs_only([ca]).timeout(Duration::from_secs(30)).build().unwrap()
}

/// A new token of `client_id`, from the identity provider.
pub(crate) async fn token(http: &Client, client_id: &str) -> String {
    let url = format!("http://{}:8080/token", host("identity"));
    let body = json!({ "client_id": client_id, "client_secret": SECRET });
    let answer: Value = http.post(url).json(&body).send().await.unwrap().json().await.unwrap();
    answer["access_token"].as_str().unwrap().to_owned()
}

/// Bootstrap brokers, without a proxy on the way.
pub(crate) fn brokers() -> String {
    format!("{}:{KAFKA}", host("kafka-1"))
}

/// A client of the brokers, without a proxy on the way and with Java's partitions.
pub(crate) fn kafka() -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers()).set("partitioner", "murmur2_random");
    config
}

/// The address of a service's database, without a proxy on the way.
pub(crate) fn database_url(name: &str) -> String {
    format!("postgres://postgres@{}:5432/{name}", host("postgres"))
}
