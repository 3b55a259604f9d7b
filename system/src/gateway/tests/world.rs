//! A gateway with everything that it needs, and a client of it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use metrics_exporter_prometheus::PrometheusBuilder;
use rdkafka::Message;
use rdkafka::message::OwnedMessage;
use serde_json::Value;
use tower::ServiceExt;
use uuid::Uuid;

use super::identity::{Identity, Signer, claims};
use crate::Role;
use crate::config::Environment;
use crate::config::gateway::GatewaySettings;
use crate::gateway::openapi::assert_answer_told;
use crate::gateway::{Gateway, TOPICS, router};
use crate::http::health::Readiness;
use crate::http::server;
use crate::testing::log::{Log, value};
use crate::testing::redis::LocalRedis;

/// How long something may take on a loaded machine.
pub(super) const BOUND: Duration = Duration::from_secs(60);
const PARTITIONS: i32 = 2;
/// What the clients of most tests may do.
pub(super) const EVERYTHING: &str = "customers:write customers:read customers:verify applications:write \
    applications:read applications:decide credit-reports:write loans:write loans:read loans:write-off";

/// A gateway, its surroundings, and a token of a client that may do everything.
pub(super) struct World {
    pub(super) log: Log,
    pub(super) redis: LocalRedis,
    pub(super) identity: Identity,
    pub(super) signer: Signer,
    pub(super) token: String,
    pub(super) router: Router,
    pub(super) settings: GatewaySettings,
}

/// An answer, read whole.
pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Answered {
    /// The problem's kind.
    pub(super) fn kind(&self) -> &str {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{}", self.body);
        assert_eq!(self.body["status"], self.status.as_u16());
        self.body["type"].as_str().and_then(|kind| kind.strip_prefix("urn:lending:problem:")).expect("a problem")
    }

    pub(super) fn detail(&self) -> &str {
        self.body["detail"].as_str().expect("a detail")
    }
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// A gateway with these settings besides those that it needs.
    pub(super) async fn with(extra: &[(&str, &str)]) -> Self {
        let log = Log::with(&TOPICS.map(|topic| (topic, PARTITIONS)));
        let redis = LocalRedis::start();
        let signer = Signer::new("first");
        let identity = Identity::start(&[&signer]).await;
        let needed = [
            ("LENDING_KAFKA", log.brokers()),
            ("LENDING_REDIS_URL", redis.url()),
            // Nothing that a test says may depend on how fast a loaded machine is.
            ("LENDING_REDIS_TIMEOUT", "10s".to_owned()),
            ("LENDING_KAFKA_MESSAGE_TIMEOUT", "60s".to_owned()),
            ("LENDING_REQUEST_TIMEOUT", "90s".to_owned()),
            ("LENDING_IDEMPOTENCY_RESERVATION", "120s".to_owned()),
            ("LENDING_IDENTITY_URL", identity.url.clone()),
            ("LENDING_IDENTITY_TIMEOUT", "30s".to_owned()),
            // Port 1 of the loopback refuses; nothing listens there.
            ("LENDING_CUSTOMERS", "127.0.0.1:1".to_owned()),
            ("LENDING_ORIGINATION", "127.0.0.1:1".to_owned()),
            ("LENDING_SERVICING", "127.0.0.1:1".to_owned()),
        ];
        let needed = needed.into_iter().filter(|(name, _)| extra.iter().all(|(other, _)| other != name));
        let extra = extra.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let pairs = needed.chain(extra).map(|(name, value)| (name.to_owned(), value));
        let environment = Environment::read(Role::Gateway, pairs).expect("complete");
        let settings = GatewaySettings::from_environment(&environment).expect("sound");
        let router = gateway(&settings).await;
        let token = signer.sign(&claims("client-1", EVERYTHING));
        Self { log, redis, identity, signer, token, router, settings }
    }

    /// Another gateway with the same settings and surroundings.
    pub(super) async fn another_gateway(&self) -> Router {
        gateway(&self.settings).await
    }

    /// A command with a key, by the client that may do everything.
    pub(super) async fn command(&self, method: Method, path: &str, key: Uuid, body: &str) -> Answered {
        send(&self.router, self.request(method, path, key, body)).await
    }

    /// The request of such a command.
    pub(super) fn request(&self, method: Method, path: &str, key: Uuid, body: &str) -> Request<Body> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .header("idempotency-key", key.to_string());
        request.body(Body::from(body.to_owned())).expect("a request")
    }

    /// A command that does no harm, by whoever has this token.
    pub(super) async fn with_token(&self, token: &str) -> Answered {
        let mut request = self.request(Method::POST, WITHDRAWAL, Uuid::new_v4(), "{}");
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().expect("a header"));
        send(&self.router, request).await
    }

    pub(super) async fn read(&self, path: &str) -> Answered {
        let request = Request::get(path).header("authorization", format!("Bearer {}", self.token));
        send(&self.router, request.body(Body::empty()).expect("a request")).await
    }

    /// The events of a topic with their keys, as soon as there are `count`; no more may be there then.
    pub(super) async fn events(&self, topic: &str, count: usize) -> Vec<(Option<String>, Value)> {
        let records = self.log.take(topic, count).await;
        assert_eq!(usize::try_from(self.log.count(topic)).expect("no fewer than none"), count, "{records:?}");
        let key = |record: &OwnedMessage| record.key().map(|key| String::from_utf8_lossy(key).into_owned());
        let event = |record: &OwnedMessage| serde_json::from_str(&value(record)).expect("JSON");
        records.iter().map(|record| (key(record), event(record))).collect()
    }
}

/// A path of a command that does no harm.
pub(super) const WITHDRAWAL: &str = "/v1/loan-applications/0190c2f4-7d1c-7a3e-8a55-0c8b8a5b0001/withdrawal";

async fn gateway(settings: &GatewaySettings) -> Router {
    let gateway = Arc::new(Gateway::new(settings).expect("a gateway"));
    gateway.tokens.wait_for_keys().await;
    let metrics = PrometheusBuilder::new().build_recorder().handle();
    let routes = router(&gateway, settings.body_max).expect("routes");
    server::with_operations(routes, Readiness::default(), metrics)
}

/// Sends a request and reads the answer whole, which must be one that the OpenAPI document tells of.
pub(super) async fn send(router: &Router, request: Request<Body>) -> Answered {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let (head, body) = router.clone().oneshot(request).await.expect("a router cannot fail").into_parts();
    let body = axum::body::to_bytes(body, 1024 * 1024).await.expect("a body");
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).expect("JSON") };
    let media_type = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    assert_answer_told((&method, &path), (head.status, media_type), &body);
    Answered { status: head.status, headers: head.headers, body }
}
