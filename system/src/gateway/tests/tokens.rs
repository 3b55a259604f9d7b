//! Tokens: which are taken, and what is said of the others.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use super::identity::{Signer, claims, confused, now, unsigned};
use super::revoked;
use super::world::{BOUND, EVERYTHING, WITHDRAWAL, World, send};

const SCOPE: &str = "applications:write";

#[tokio::test]
async fn without_a_token_nothing_is_looked_at() {
    let world = World::new().await;
    for authorization in [None, Some("Basic YTpi"), Some("Bearer"), Some("Bearer  ")] {
        let mut request = Request::post(WITHDRAWAL);
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let refused = send(&world.router, request.body(Body::from("no JSON")).expect("a request")).await;
        assert_eq!((refused.status.as_u16(), refused.kind()), (401, "missing-token"), "{authorization:?}");
        assert_eq!(refused.headers["www-authenticate"], "Bearer realm=\"lending\"");
    }
}

#[tokio::test]
async fn each_wrong_token_is_refused_with_the_check_that_failed() {
    let world = World::new().await;
    let signed = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut claims = claims("client-1", SCOPE);
        change(&mut claims);
        world.signer.sign(&claims)
    };
    let good = claims("client-1", SCOPE);
    let forger = Signer::new("first");
    let tampered = {
        let (token, other) = (world.signer.sign(&good), world.signer.sign(&claims("officer-1", EVERYTHING)));
        let parts: Vec<&str> = token.split('.').collect();
        format!("{}.{}.{}", parts[0], other.split('.').nth(1).expect("claims"), parts[2])
    };
    for (what, token, detail) in [
        ("expired", signed(&|claims| claims["exp"] = json!(now() - 60)), "(exp)"),
        ("not good yet", signed(&|claims| claims["nbf"] = json!(now() + 600)), "(nbf)"),
        ("another audience", signed(&|claims| claims["aud"] = json!("banking")), "(aud)"),
        ("another issuer", signed(&|claims| claims["iss"] = json!("somebody")), "(iss)"),
        ("no audience", signed(&|claims| drop(claims.as_object_mut().expect("an object").remove("aud"))), "aud"),
        ("no expiry", signed(&|claims| drop(claims.as_object_mut().expect("an object").remove("exp"))), "exp"),
        ("no id", signed(&|claims| drop(claims.as_object_mut().expect("an object").remove("jti"))), "jti"),
        ("forged", forger.sign(&good), "signature"),
        ("tampered with", tampered, "signature"),
        ("a key of nobody", Signer::new("stranger").sign(&good), "stranger"),
        ("alg none", unsigned(&good), "\"none\""),
        ("HS256 with the public key", confused(&good, &world.signer), "\"HS256\""),
        ("no token", "abc".to_owned(), "header"),
        ("no claims", format!("{}.e30.AA", world.token.split('.').next().expect("a header")), "signature"),
    ] {
        let refused = world.with_token(&token).await;
        assert_eq!((refused.status.as_u16(), refused.kind()), (401, "invalid-token"), "{what}");
        assert!(refused.detail().contains(detail), "{what}: {}", refused.detail());
        assert_eq!(refused.headers["www-authenticate"], "Bearer realm=\"lending\", error=\"invalid_token\"");
    }
    assert_eq!(world.with_token(&world.signer.sign(&good)).await.status, 202, "the claims themselves are good");
}

#[tokio::test]
async fn clocks_may_be_some_seconds_apart() {
    let world = World::new().await;
    let mut claims = claims("client-1", SCOPE);
    claims["nbf"] = json!(now() + 3);
    assert_eq!(world.with_token(&world.signer.sign(&claims)).await.status, 202);
}

#[tokio::test]
async fn a_token_is_good_for_its_scopes_only() {
    let world = World::new().await;
    let token = world.signer.sign(&claims("client-1", "applications:read applications:write-all"));
    let refused = world.with_token(&token).await;
    assert_eq!((refused.status.as_u16(), refused.kind()), (403, "insufficient-scope"));
    assert!(refused.detail().contains(SCOPE), "{}", refused.detail());
}

#[tokio::test]
async fn a_revoked_token_is_refused_soon_and_for_ever() {
    let mut world = World::with(&[("LENDING_REVOCATION_TTL", "100ms"), ("LENDING_REDIS_TIMEOUT", "1s")]).await;
    let own = claims("client-1", SCOPE);
    let (token, other) = (world.signer.sign(&own), world.signer.sign(&claims("client-1", SCOPE)));
    assert_eq!(world.with_token(&token).await.status, 202);
    revoked::token(&world.redis, own["jti"].as_str().expect("an id"), now() + 3600);
    until_refused(&world, &token).await;
    assert_eq!(world.with_token(&other).await.status, 202, "the client's other token is as good as before");
    world.redis.stop();
    assert_eq!(world.with_token(&token).await.kind(), "revoked-token", "what was heard is not forgotten");
    assert_eq!(world.with_token(&other).await.status, 202, "the last answer holds");
    let unheard = world.signer.sign(&claims("client-3", SCOPE));
    assert_eq!(world.with_token(&unheard).await.status, 202, "nobody says that it was revoked");
}

#[tokio::test]
async fn all_tokens_of_a_revoked_client_are_refused_and_its_later_ones_are_not() {
    let world = World::with(&[("LENDING_REVOCATION_TTL", "100ms")]).await;
    let token = world.signer.sign(&claims("client-1", SCOPE));
    assert_eq!(world.with_token(&token).await.status, 202);
    revoked::client(&world.redis, "client-1", now() + 1);
    until_refused(&world, &token).await;
    let mut later = claims("client-1", SCOPE);
    later["iat"] = json!(now() + 2);
    assert_eq!(world.with_token(&world.signer.sign(&later)).await.status, 202);
    assert_eq!(world.with_token(&world.signer.sign(&claims("client-2", SCOPE))).await.status, 202, "somebody else");
}

async fn until_refused(world: &World, token: &str) {
    let started = Instant::now();
    loop {
        let answered = world.with_token(token).await;
        if answered.status == 401 {
            return assert_eq!(answered.kind(), "revoked-token");
        }
        assert!(started.elapsed() < BOUND, "a revoked token is still taken");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn with_revocation_off_a_revoked_token_is_taken() {
    let world = World::with(&[("LENDING_REVOCATION", "off")]).await;
    let own = claims("client-1", SCOPE);
    revoked::token(&world.redis, own["jti"].as_str().expect("an id"), now() + 3600);
    assert_eq!(world.with_token(&world.signer.sign(&own)).await.status, 202);
}

#[tokio::test]
async fn with_any_algorithm_a_token_that_anybody_can_make_is_taken() {
    let world = World::with(&[("LENDING_TOKEN_ALGORITHMS", "any")]).await;
    let made_up = claims("officer-1", EVERYTHING);
    assert_eq!(world.with_token(&unsigned(&made_up)).await.status, 202);
    assert_eq!(world.with_token(&confused(&made_up, &world.signer)).await.status, 202);
    assert_eq!(world.with_token(&Signer::new("first").sign(&made_up)).await.kind(), "invalid-token");
}

#[tokio::test]
async fn a_new_key_is_learnt_with_its_first_token_and_the_old_one_still_counts() {
    let world = World::new().await;
    let second = Signer::new("second");
    world.identity.rotate(&second);
    assert_eq!(world.with_token(&second.sign(&claims("client-1", SCOPE))).await.status, 202);
    assert_eq!(world.with_token(&world.signer.sign(&claims("client-1", SCOPE))).await.status, 202);
    assert_eq!(world.identity.asked(), 2, "at the start and for the new key");
}

#[tokio::test]
async fn unknown_keys_do_not_make_the_identity_provider_answer_for_each() {
    let world = World::new().await;
    let started = Instant::now();
    for n in 0..50 {
        let token = Signer::new(&format!("stranger-{n}")).sign(&claims("client-1", SCOPE));
        assert_eq!(world.with_token(&token).await.kind(), "invalid-token");
    }
    let seconds = started.elapsed().as_secs() as usize;
    assert!(world.identity.asked() <= 2 + seconds, "{} times in {seconds} s", world.identity.asked());
}

#[tokio::test]
async fn while_the_identity_provider_is_away_its_known_keys_count_and_nothing_is_said_of_others() {
    let world = World::new().await;
    world.identity.leave();
    assert_eq!(world.with_token(&world.signer.sign(&claims("client-1", SCOPE))).await.status, 202);
    let undecided = world.with_token(&Signer::new("second").sign(&claims("client-1", SCOPE))).await;
    assert_eq!((undecided.status.as_u16(), undecided.kind()), (503, "not-attempted"));
}
