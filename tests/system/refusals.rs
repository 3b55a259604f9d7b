//! What is wrong is refused with a problem document, at the front door, and leaves no trace.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::books;
use crate::client::Caller;
use crate::inside::PATIENCE;

const APPLICATIONS: &str = "/v1/loan-applications";

fn sound() -> Value {
    json!({
        "external_id": Uuid::new_v4(), "customer_id": "customer-17", "product": "car",
        "principal": { "currency": "EUR", "minor_units": 1_250_000 }, "term_months": 48,
    })
}

/// That an answer is a problem document with this status; returns its type's last word.
async fn problem(answer: Response, status: StatusCode) -> String {
    let (seen, headers) = (answer.status(), answer.headers().clone());
    let text = answer.text().await.unwrap();
    assert_eq!(seen, status, "{text}");
    assert_eq!(headers["content-type"], "application/problem+json", "{text}");
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["status"], status.as_u16(), "{text}");
    assert!(document["title"].is_string(), "{text}");
    document["type"].as_str().unwrap().rsplit(':').next().unwrap().to_owned()
}

async fn submitted(caller: &Caller, body: impl Into<reqwest::Body>) -> Response {
    caller
        .request(Method::POST, APPLICATIONS)
        .header("Idempotency-Key", Uuid::new_v4().to_string())
        .header("Content-Type", "application/json")
        .body(body)
        .send()
        .await
        .unwrap()
}

#[tokio::test]
#[ignore = "runs inside the lab"]
async fn inside_the_lab_wrong_bodies_are_refused() {
    let caller = Caller::sign_in("client-5").await;
    let before = books::number("origination", "select count(*) from loan_application", None).await;
    assert_eq!(problem(submitted(&caller, "{").await, StatusCode::BAD_REQUEST).await, "malformed-body");
    assert_eq!(problem(submitted(&caller, "").await, StatusCode::BAD_REQUEST).await, "malformed-body");
    for (pointer, value) in [
        ("/external_id", json!("17")),
        ("/customer_id", json!("'; drop table loan_application; --")),
        ("/principal/minor_units", json!(-1)),
        ("/principal/minor_units", json!(0)),
        ("/principal/minor_units", json!(1e300)),
        ("/principal/minor_units", json!(i64::MAX)),
        ("/principal/currency", json!("DOGE")),
        ("/term_months", json!(100_000)),
    ] {
        let mut body = sound();
        *body.pointer_mut(pointer).unwrap() = value;
        assert_eq!(
            problem(submitted(&caller, body.to_string()).await, StatusCode::UNPROCESSABLE_ENTITY).await,
            "invalid-body",
            "{pointer}"
        );
    }
    let mut unknown = sound();
    unknown["colour"] = json!("red");
    let answer = submitted(&caller, unknown.to_string()).await;
    assert_eq!(problem(answer, StatusCode::UNPROCESSABLE_ENTITY).await, "invalid-body");
    let large = submitted(&caller, vec![b' '; 10 << 20]).await;
    assert_eq!(problem(large, StatusCode::PAYLOAD_TOO_LARGE).await, "body-too-large");
    let after = books::number("origination", "select count(*) from loan_application", None).await;
    assert_eq!(after, before, "nothing of it was stored");
}

#[tokio::test]
#[ignore = "runs inside the lab"]
async fn inside_the_lab_wrong_ids_and_keys_are_refused() {
    let caller = Caller::sign_in("client-5").await;
    let answer = caller.request(Method::GET, "/v1/loan-applications/17").send().await.unwrap();
    assert_eq!(problem(answer, StatusCode::BAD_REQUEST).await, "invalid-id");
    let keyless = caller.request(Method::POST, APPLICATIONS).json(&sound()).send().await.unwrap();
    assert_eq!(problem(keyless, StatusCode::BAD_REQUEST).await, "invalid-idempotency-key");
    let nowhere = caller.request(Method::GET, "/v2/nothing").send().await.unwrap();
    assert_eq!(problem(nowhere, StatusCode::NOT_FOUND).await, "unknown-path");
    let key = Uuid::new_v4();
    assert_eq!(caller.command(Method::POST, APPLICATIONS, key, &sound()).await.status(), StatusCode::ACCEPTED);
    let reused = caller.command(Method::POST, APPLICATIONS, key, &sound()).await;
    assert_eq!(problem(reused, StatusCode::UNPROCESSABLE_ENTITY).await, "key-reused");
}

#[tokio::test]
#[ignore = "runs inside the lab"]
async fn inside_the_lab_a_name_is_a_name_whatever_it_looks_like() {
    let caller = Caller::sign_in("client-5").await;
    let id = format!("bobby-{}", Uuid::new_v4());
    let name = "Robert'); DROP TABLE customer;--";
    let profile =
        json!({ "customer_id": id, "name": name, "email": "bobby@example.org", "date_of_birth": "1999-01-01" });
    let at = caller.accepted(Method::POST, "/v1/customers", &profile).await;
    assert_eq!(caller.until(&at, |_| true).await["name"], name);
}

#[tokio::test]
#[ignore = "runs inside the lab"]
async fn inside_the_lab_tokens_that_are_not_good_are_refused() {
    let caller = Caller::sign_in("client-6").await;
    let good = caller.token_of("client-6").await;
    let parts: Vec<&str> = good.split('.').collect();
    let none = URL_SAFE_NO_PAD.encode(json!({ "alg": "none", "typ": "JWT" }).to_string());
    let unsigned = format!("{none}.{}.", parts[1]);
    let mut claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    claims["scope"] = json!("applications:write loans:write-off");
    let forged = format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(claims.to_string()), parts[2]);
    for token in [unsigned.as_str(), forged.as_str(), "x", "a.b.c"] {
        let answer = caller.with_token(token).command(Method::POST, APPLICATIONS, Uuid::new_v4(), &sound()).await;
        assert_eq!(problem(answer, StatusCode::UNAUTHORIZED).await, "invalid-token", "{token}");
    }
    let write_off = format!("/v1/loans/{}/write-off", Uuid::new_v4());
    let answer = caller.command(Method::POST, &write_off, Uuid::new_v4(), &json!({})).await;
    assert_eq!(problem(answer, StatusCode::FORBIDDEN).await, "insufficient-scope");

    // A token that is revoked is refused soon.
    let leaving = Caller::sign_in("client-7").await;
    assert_eq!(leaving.request(Method::GET, "/v1/customers/customer-1").send().await.unwrap().status(), StatusCode::OK);
    leaving.revoke_own_token().await;
    let started = std::time::Instant::now();
    loop {
        let answer = leaving.request(Method::GET, "/v1/customers/customer-1").send().await.unwrap();
        if answer.status() == StatusCode::UNAUTHORIZED {
            assert_eq!(problem(answer, StatusCode::UNAUTHORIZED).await, "revoked-token");
            break;
        }
        assert!(started.elapsed() < PATIENCE, "the revoked token is still good");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}
