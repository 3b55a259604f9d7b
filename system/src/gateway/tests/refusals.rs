//! Requests that are wrong: each is told so in words, changes nothing, and takes no key.

use std::task::Poll;

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};
use uuid::Uuid;

use super::world::{WITHDRAWAL, World, send};
use crate::domain::application::tests::sound;
use crate::gateway::routes::COMMANDS;
use crate::messaging::topic;

const APPLICATIONS: &str = "/v1/loan-applications";

fn application(pointer: &str, value: Value) -> String {
    let mut body = sound();
    *body.pointer_mut(pointer).expect("a field") = value;
    body.to_string()
}

#[tokio::test]
async fn every_wrong_body_is_told_so_and_changes_nothing() {
    let world = World::new().await;
    let key = Uuid::new_v4();
    let unknown = {
        let mut body = sound();
        body["principal"]["note"] = json!("'; drop table loan_application; --");
        body.to_string()
    };
    let registration = |field: &str, value: Value| {
        let mut body = (COMMANDS[0].example)();
        body[field] = value;
        body.to_string()
    };
    let loans = |what: &str| format!("/v1/loans/{}/{what}", Uuid::nil());
    for (path, body, kind) in [
        (APPLICATIONS, "{".to_owned(), "malformed-body"),
        (APPLICATIONS, String::new(), "malformed-body"),
        (APPLICATIONS, "\u{feff}{}".to_owned(), "malformed-body"),
        (APPLICATIONS, "[".repeat(60_000), "invalid-body"),
        (APPLICATIONS, format!("{{\"a\":{}", "[".repeat(60_000)), "malformed-body"),
        (APPLICATIONS, "{}".to_owned(), "invalid-body"),
        (APPLICATIONS, unknown, "invalid-body"),
        (APPLICATIONS, application("/principal/minor_units", json!(-1)), "invalid-body"),
        (APPLICATIONS, application("/principal/minor_units", json!(0)), "invalid-body"),
        (APPLICATIONS, application("/principal/minor_units", json!(9.9e99)), "invalid-body"),
        (APPLICATIONS, application("/principal/minor_units", json!(i64::MAX)), "invalid-body"),
        (APPLICATIONS, application("/principal/minor_units", json!("100")), "invalid-body"),
        (APPLICATIONS, application("/customer_id", json!("' or 1=1; --")), "invalid-body"),
        (APPLICATIONS, application("/external_id", json!("17")), "invalid-body"),
        ("/v1/customers", registration("name", json!("a\u{0}b")), "invalid-body"),
        ("/v1/customers", registration("name", json!("  ")), "invalid-body"),
        ("/v1/customers", registration("email", json!("nobody")), "invalid-body"),
        ("/v1/customers", registration("date_of_birth", json!("1985-02-30")), "invalid-body"),
        ("/v1/customers", registration("date_of_birth", json!("1066-10-14")), "invalid-body"),
        ("/v1/customers", registration("date_of_birth", json!("9999-12-31")), "invalid-body"),
        ("/v1/credit-reports", json!({ "reports": [] }).to_string(), "invalid-body"),
        (&loans("write-off"), "[]".to_owned(), "invalid-body"),
        (&loans("write-off"), "{\"really\":true}".to_owned(), "invalid-body"),
        (&loans("repayments"), "{}".to_owned(), "invalid-body"),
    ] {
        let refused = world.command(Method::POST, path, key, &body).await;
        let start: String = body.chars().take(200).collect();
        assert_eq!(refused.kind(), kind, "{path} {start}: {}", refused.body);
        assert!(refused.detail().len() < 1000, "{}", refused.detail());
    }
    for nothing in ["{}", "{\"name\":null}"] {
        let refused = world.command(Method::PATCH, "/v1/customers/customer-1", key, nothing).await;
        assert_eq!(refused.kind(), "invalid-body", "{nothing}");
    }
    assert_eq!(world.command(Method::POST, WITHDRAWAL, key, "{}").await.status, 202, "the key is as new");
    world.events(topic::ORIGINATION_COMMANDS, 1).await;
    world.events(topic::CUSTOMERS_COMMANDS, 0).await;
    world.events(topic::SERVICING_COMMANDS, 0).await;
}

#[tokio::test]
async fn a_name_with_sql_in_it_is_a_name_and_reaches_the_log_as_it_is() {
    let world = World::new().await;
    let mut body = (COMMANDS[0].example)();
    body["name"] = json!("Robert'); DROP TABLE customer;--");
    let answered = world.command(Method::POST, "/v1/customers", Uuid::new_v4(), &body.to_string()).await;
    assert_eq!(answered.status, 202);
    let (_, event) = &world.events(topic::CUSTOMERS_COMMANDS, 1).await[0];
    assert_eq!(event["data"]["name"], body["name"]);
}

#[tokio::test]
async fn a_body_of_10_mib_is_refused() {
    let world = World::new().await;
    let body = format!("{{\"a\":\"{}\"}}", "a".repeat(10 * 1024 * 1024));
    let refused = world.command(Method::POST, WITHDRAWAL, Uuid::new_v4(), &body).await;
    assert_eq!((refused.status.as_u16(), refused.kind()), (413, "body-too-large"));
}

#[tokio::test]
async fn ids_in_paths_are_checked_before_anything_else_is_asked() {
    let world = World::new().await;
    for (method, path) in [
        (Method::POST, "/v1/loan-applications/17/withdrawal"),
        (Method::POST, "/v1/loans/00000000-0000-0000-0000-00000000000g/write-off"),
        (Method::POST, "/v1/loans/%00/write-off"),
        (Method::PATCH, "/v1/customers/a%20b"),
        (Method::PATCH, "/v1/customers/%FF"),
        (Method::PUT, "/v1/customers/customer-1/consents/everything"),
    ] {
        let refused = world.command(method, path, Uuid::new_v4(), "{}").await;
        assert_eq!((refused.status.as_u16(), refused.kind()), (400, "invalid-id"), "{path}");
    }
    for path in ["/v1/customers/a%2F..%2Fb", "/v1/loan-applications/17", "/v1/loans/x/ledger"] {
        assert_eq!(world.read(path).await.kind(), "invalid-id", "{path}");
    }
}

#[tokio::test]
async fn a_command_needs_its_headers() {
    let world = World::new().await;
    let without = |name: &str, value: Option<&str>| {
        let mut request = world.request(Method::POST, WITHDRAWAL, Uuid::new_v4(), "{}");
        match value {
            Some(value) => drop(
                request
                    .headers_mut()
                    .insert(axum::http::HeaderName::try_from(name).expect("a name"), value.parse().expect("a value")),
            ),
            None => drop(request.headers_mut().remove(name)),
        }
        request
    };
    for (name, value, status, kind) in [
        ("idempotency-key", None, 400, "invalid-idempotency-key"),
        ("idempotency-key", Some("17"), 400, "invalid-idempotency-key"),
        ("content-type", None, 415, "unsupported-media-type"),
        ("content-type", Some("text/plain"), 415, "unsupported-media-type"),
    ] {
        let refused = send(&world.router, without(name, value)).await;
        assert_eq!((refused.status.as_u16(), refused.kind()), (status, kind), "{name} {value:?}");
    }
    let charset = without("content-type", Some("application/json; charset=utf-8"));
    assert_eq!(send(&world.router, charset).await.status, 202);
}

#[tokio::test]
async fn what_no_route_matches_is_a_problem_too() {
    let world = World::new().await;
    let ask = async |method: &str, path: &str, header: &str| {
        let request = Request::builder().method(method).uri(path).header("x-much", header);
        send(&world.router, request.body(Body::empty()).expect("a request")).await
    };
    for (method, path, header, status, kind) in [
        ("GET", "/v2/customers", "", 404, "unknown-path"),
        ("DELETE", "/v1/customers", "", 405, "method-not-allowed"),
        ("GET", &format!("/{}", "a".repeat(5000)), "", 414, "uri-too-long"),
        ("GET", "/v1/customers/1", &"a".repeat(20_000), 431, "headers-too-large"),
    ] {
        let refused = ask(method, path, header).await;
        assert_eq!((refused.status.as_u16(), refused.kind()), (status, kind), "{method} {kind}");
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for_for_ever() {
    let world = World::with(&[("LENDING_REQUEST_TIMEOUT", "50ms")]).await;
    let mut request = world.request(Method::POST, WITHDRAWAL, Uuid::new_v4(), "{}");
    *request.body_mut() = Body::from_stream(futures::stream::pending::<Result<String, std::io::Error>>());
    let refused = send(&world.router, request).await;
    assert_eq!((refused.status.as_u16(), refused.kind()), (408, "request-timeout"));
}

#[tokio::test]
async fn a_request_over_the_limit_is_shed_and_says_that_nothing_was_done() {
    let world = World::with(&[("LENDING_IN_FLIGHT_MAX", "1")]).await;
    let (waits, waited_for) = tokio::sync::oneshot::channel();
    let mut waits = Some(waits);
    // A body that tells when it is waited for, which is when its request has its place, and never comes.
    let body = futures::stream::poll_fn(move |_| -> Poll<Option<Result<String, std::io::Error>>> {
        if let Some(waits) = waits.take() {
            let _ = waits.send(());
        }
        Poll::Pending
    });
    let mut request = world.request(Method::POST, WITHDRAWAL, Uuid::new_v4(), "{}");
    *request.body_mut() = Body::from_stream(body);
    let router = world.router.clone();
    let holds = tokio::spawn(async move { send(&router, request).await });
    waited_for.await.expect("it has its place");
    let shed = world.command(Method::POST, WITHDRAWAL, Uuid::new_v4(), "{}").await;
    assert_eq!((shed.status.as_u16(), shed.kind()), (503, "not-attempted"));
    assert_eq!(shed.headers["not-attempted"], "true");
    assert_eq!(shed.headers["retry-after"], "1");
    holds.abort();
    // Its end is what frees the place.
    let _ = holds.await;
    assert_eq!(world.command(Method::POST, WITHDRAWAL, Uuid::new_v4(), "{}").await.status, 202);
}
