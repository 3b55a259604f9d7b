//! Reads: the owner's answer, passed on.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::identity::claims;
use super::world::World;
use crate::gateway::routes::READS;
use crate::testing::http::Server;

const EXTERNAL_ID: &str = "0190c2f4-7d1c-7a3e-8a55-0c8b8a5b0001";

/// An owner that knows one id and tells what it was asked.
async fn owner(name: &'static str, known: &'static str) -> String {
    let tell = async move |Path(id): Path<String>, headers: HeaderMap| match id == known {
        true => {
            Ok(Json(json!({ "owner": name, "id": id, "asked_by": headers["x-request-id"].to_str().expect("text") })))
        }
        false => Err(StatusCode::NOT_FOUND),
    };
    let router: Router = READS.iter().fold(Router::new(), |router, read| router.route(read.path, get(tell)));
    Server::of(router).await.for_good().to_string()
}

#[tokio::test]
async fn each_read_is_answered_by_its_owner_or_says_that_there_is_nothing() {
    let customers = owner("customers", "customer-17").await;
    let origination = owner("origination", EXTERNAL_ID).await;
    let servicing = owner("servicing", EXTERNAL_ID).await;
    // The first instance of origination refuses connections: the second is asked then.
    let several = format!("127.0.0.1:1,{origination}");
    let world = World::with(&[
        ("LENDING_CUSTOMERS", customers.as_str()),
        ("LENDING_ORIGINATION", several.as_str()),
        ("LENDING_SERVICING", servicing.as_str()),
    ])
    .await;
    let (application, loan) = (format!("/v1/loan-applications/{EXTERNAL_ID}"), format!("/v1/loans/{EXTERNAL_ID}"));
    for (path, owner) in [
        ("/v1/customers/customer-17", "customers"),
        (&application, "origination"),
        (&application, "origination"),
        (&loan, "servicing"),
        (&format!("{loan}/ledger"), "servicing"),
    ] {
        let answered = world.read(path).await;
        assert_eq!((answered.status, &answered.body["owner"]), (StatusCode::OK, &Value::from(owner)), "{path}");
    }
    let nobody = uuid::Uuid::nil();
    for (path, kind) in [
        ("/v1/customers/customer-18".to_owned(), "unknown-customer"),
        (format!("/v1/loan-applications/{nobody}"), "unknown-application"),
        (format!("/v1/loans/{nobody}"), "unknown-loan"),
        (format!("/v1/loans/{nobody}/ledger"), "unknown-loan"),
    ] {
        let nothing = world.read(&path).await;
        assert_eq!((nothing.status.as_u16(), nothing.kind()), (404, kind), "{path}");
    }
}

#[tokio::test]
async fn an_owner_that_is_away_is_said_to_be() {
    let world = World::new().await;
    let answered = world.read(&format!("/v1/loans/{EXTERNAL_ID}")).await;
    assert_eq!((answered.status.as_u16(), answered.kind()), (503, "owner-unavailable"));
    assert_eq!(answered.detail(), "servicing did not answer");
}

#[tokio::test]
async fn a_read_needs_its_scope() {
    let mut world = World::new().await;
    world.token = world.signer.sign(&claims("client-1", "applications:read"));
    assert_eq!(world.read(&format!("/v1/loans/{EXTERNAL_ID}")).await.kind(), "insufficient-scope");
    assert_eq!(world.read(&format!("/v1/loan-applications/{EXTERNAL_ID}")).await.kind(), "owner-unavailable");
}
