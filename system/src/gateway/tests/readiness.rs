//! Readiness: who cannot verify a token or reach the log is not sent requests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;

use super::world::{BOUND, World};
use crate::gateway::{Gateway, attend};
use crate::http::health::Readiness;
use crate::http::health::tests::told;

async fn ready(readiness: &Readiness) -> bool {
    told(readiness, "/health/ready").await.0 == StatusCode::OK
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !holds().await {
        assert!(started.elapsed() < BOUND, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_gateway_is_ready_when_it_knows_the_keys_and_the_leaders_and_stays_so_without_the_identity_provider() {
    let world = World::new().await;
    world.identity.leave();
    let before = world.identity.asked();
    let gateway = Arc::new(Gateway::new(&world.settings).expect("a gateway"));
    let readiness = Readiness::default();
    let working = readiness.needs("its work");
    let attending = tokio::spawn(async move { attend(&gateway, &working).await });
    until("it asks for the keys again and again", async || world.identity.asked() >= before + 3).await;
    assert!(!ready(&readiness).await, "it can verify nothing");
    world.identity.come_back();
    until("it is ready", async || ready(&readiness).await).await;
    world.identity.leave();
    assert!(ready(&readiness).await, "the keys are kept");
    attending.abort();
}
