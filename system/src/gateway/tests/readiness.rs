//! Readiness: who cannot verify a token or reach the log is not sent requests.

use std::sync::Arc;

use axum::http::StatusCode;

use super::world::World;
use crate::gateway::{Gateway, attend};
use crate::http::health::Readiness;
use crate::http::health::tests::told;
use crate::testing::log::wait_for;

async fn ready(readiness: &Readiness) -> bool {
    told(readiness, "/health/ready").await.0 == StatusCode::OK
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
    wait_for("it asks for the keys again and again", async || world.identity.asked() >= before + 3).await;
    assert!(!ready(&readiness).await, "it can verify nothing");
    world.identity.come_back();
    wait_for("it is ready", async || ready(&readiness).await).await;
    world.identity.leave();
    assert!(ready(&readiness).await, "the keys are kept");
    attending.abort();
}
