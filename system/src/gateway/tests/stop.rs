//! A stop: what the gateway holds is finished, and nothing more is taken.

use axum::http::Method;
use metrics_exporter_prometheus::PrometheusBuilder;
use reqwest::{Client, RequestBuilder, StatusCode};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use super::world::{WITHDRAWAL, World};
use crate::gateway::serve_until;
use crate::messaging::topic;
use crate::testing::log::wait_for;

#[tokio::test]
async fn a_stop_in_the_middle_of_an_append_waits_for_the_log_and_answers() {
    let world = World::with(&[("LENDING_SHUTDOWN_TIMEOUT", "60s")]).await;
    assert_eq!(world.command(Method::POST, WITHDRAWAL, Uuid::new_v4(), "{}").await.status, 202, "all is well");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let told = async { stopped.await.expect("told to stop") };
    let (settings, metrics) = (world.settings.clone(), PrometheusBuilder::new().build_recorder().handle());
    let serving = tokio::spawn(async move { serve_until(told, listener, &settings, metrics).await });
    let client = Client::builder().no_proxy().build().expect("a client");
    let health = format!("http://{address}/health/ready");
    wait_for("it is ready", async || {
        client.get(&health).send().await.is_ok_and(|answer| answer.status() == StatusCode::OK)
    })
    .await;

    world.log.down();
    let held = tokio::spawn(command(&client, &world, address.port()).send());
    let given_up = tokio::spawn(command(&client, &world, address.port()).send());
    wait_for("both have reserved their keys", async || keys(&world) == 3).await;
    // Who hangs up has asked all the same.
    given_up.abort();
    assert!(!held.is_finished(), "the log is away");
    stop.send(()).expect("it is told");
    wait_for("it takes no more", async || TcpStream::connect(address).await.is_err()).await;
    assert!(!held.is_finished() && !serving.is_finished(), "it holds a request");

    world.log.cluster.broker_up(1).expect("it is back");
    assert_eq!(held.await.expect("no panic").expect("an answer").status(), StatusCode::ACCEPTED);
    serving.await.expect("no panic").expect("stopped");
    // The log has both before the process would end; nobody flushes them after it.
    assert_eq!(world.log.count(topic::ORIGINATION_COMMANDS), 3);
}

/// How many keys of requests are remembered.
fn keys(world: &World) -> usize {
    let keys: Vec<String> =
        redis::cmd("KEYS").arg("idempotency:*").query(&mut world.redis.connection()).expect("the keys");
    keys.len()
}

fn command(client: &Client, world: &World, port: u16) -> RequestBuilder {
    let request = client.post(format!("http://127.0.0.1:{port}{WITHDRAWAL}")).bearer_auth(&world.token);
    request.header("idempotency-key", Uuid::new_v4().to_string()).header("content-type", "application/json").body("{}")
}
