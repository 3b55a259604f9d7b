//! Identity as its clients see it: over HTTP, with a Redis server of their own.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use redis::Commands;
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::*;
use crate::config::server::{ServerSettings, Shutdown};
use crate::party::call::Calls;
use crate::party::call::tests::good;
use crate::testing::http::{self, Server};
use crate::testing::redis::{LocalRedis, free_port, way_to};
use clients::{Clients, Secret};

const BOUND: Duration = Duration::from_secs(60);
const SECRET: &str = "a-secret-of-clients";
const ADMIN: &str = "a-secret-of-admins";

/// Asks until there is something, and returns it.
async fn until<T>(mut ask: impl FnMut() -> Option<T>, what: &str) -> T {
    let asked = async {
        loop {
            if let Some(found) = ask() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(BOUND, asked).await.unwrap_or_else(|_| panic!("not within {BOUND:?}: {what}"))
}

/// An identity provider that serves until it goes.
struct Served {
    server: Server,
    http: Client,
    _bulletin: JoinSet<()>,
}

impl Served {
    async fn start(data: &Path, redis_port: u16, lifetime_seconds: i64) -> Self {
        Self::treating(data, redis_port, lifetime_seconds, good()).await
    }

    async fn treating(data: &Path, redis_port: u16, lifetime_seconds: i64, calls: Calls) -> Self {
        let settings = IdentitySettings {
            server: ServerSettings {
                listen: (Ipv4Addr::LOCALHOST, 0).into(),
                shutdown: Shutdown::Graceful,
                shutdown_timeout: BOUND,
            },
            clients: Clients::parse("client-*=loans:read loans:write", SECRET).expect("a list"),
            admin_secret: Secret::new(ADMIN),
            issuer: "lending-identity".to_owned(),
            lifetime_seconds,
            redis: way_to(redis_port),
            data: data.to_owned(),
            calls,
        };
        let (routes, vault) = provider(&settings).expect("the folder can be written");
        let mut bulletin = JoinSet::new();
        bulletin.spawn(async move { bulletin::run(settings.redis, vault.watch()).await.expect("telling") });
        Self { server: Server::of(routes).await, http: http::client(), _bulletin: bulletin }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.url())
    }

    async fn ask(&self, body: &Value) -> Response {
        self.http.post(self.url("/token")).json(body).send().await.expect("an answer")
    }

    async fn token(&self, client: &str) -> String {
        let answer = self.ask(&json!({ "client_id": client, "client_secret": SECRET })).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let answer: Value = answer.json().await.expect("JSON");
        answer["access_token"].as_str().expect("a token").to_owned()
    }

    async fn journal(&self) -> Vec<Value> {
        let answer = self.http.get(self.url("/v1/journal")).send().await.expect("an answer");
        assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
        let text = answer.text().await.expect("text");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    async fn keys(&self) -> JwkSet {
        let answer = self.http.get(self.url("/.well-known/jwks.json")).send().await.expect("an answer");
        answer.json().await.expect("a key set")
    }

    async fn admin(&self, path: &str, secret: &str, body: &Value) -> Response {
        self.http.post(self.url(path)).bearer_auth(secret).json(body).send().await.expect("an answer")
    }
}

/// The claims of a token, where one of the keys verifies it, as the gateway does.
fn claims(token: &str, keys: &JwkSet) -> Option<Value> {
    let header = jsonwebtoken::decode_header(token).expect("a header");
    assert_eq!(header.alg, Algorithm::ES256);
    let key = keys.find(&header.kid.expect("a kid"))?;
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_audience(&["lending"]);
    validation.set_issuer(&["lending-identity"]);
    validation.validate_nbf = true;
    validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
    let key = DecodingKey::from_jwk(key).expect("a key");
    jsonwebtoken::decode(token, &key, &validation).ok().map(|token| token.claims)
}

/// No Redis: port 1 of the loopback refuses.
const NOWHERE: u16 = 1;

#[tokio::test]
async fn a_token_says_who_may_do_what_and_verifies_against_the_keys() {
    let data = TempDir::new().expect("a folder");
    let identity = Served::start(data.path(), NOWHERE, 300).await;
    let token = identity.token("client-7").await;
    let keys = identity.keys().await;
    let claims = claims(&token, &keys).expect("verified");
    assert_eq!((&claims["sub"], &claims["scope"]), (&json!("client-7"), &json!("loans:read loans:write")));
    assert_eq!(claims["exp"].as_i64().expect("seconds") - claims["nbf"].as_i64().expect("seconds"), 300);
    assert!(uuid::Uuid::parse_str(claims["jti"].as_str().expect("a text")).is_ok());

    let keys = serde_json::to_value(&keys).expect("serialisable");
    assert_eq!((&keys["keys"][0]["crv"], &keys["keys"][0]["use"]), (&json!("P-256"), &json!("sig")));
    assert!(keys["keys"][0].get("d").is_none(), "the private part stays here");

    let forged = token.rsplit_once('.').map(|(said, _)| format!("{said}.{}", "A".repeat(86))).expect("three parts");
    assert!(super::tests::claims(&forged, &identity.keys().await).is_none());
}

#[tokio::test]
async fn a_form_is_as_good_as_json_and_a_scope_can_be_asked_for() {
    let data = TempDir::new().expect("a folder");
    let identity = Served::start(data.path(), NOWHERE, 300).await;
    let form = format!("grant_type=client_credentials&client_id=client-1&client_secret={SECRET}&scope=loans%3Aread");
    let request = identity.http.post(identity.url("/token")).body(form);
    let answer = request.header("content-type", "application/x-www-form-urlencoded").send().await.expect("an answer");
    assert_eq!((answer.status(), &answer.headers()["cache-control"]), (StatusCode::OK, &"no-store".parse().unwrap()));
    let answer: Value = answer.json().await.expect("JSON");
    assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("Bearer"), &json!(300)));
    let token = answer["access_token"].as_str().expect("a token");
    assert_eq!(claims(token, &identity.keys().await).expect("verified")["scope"], "loans:read");
}

#[tokio::test]
async fn a_refusal_is_an_error_document_of_oauth() {
    let data = TempDir::new().expect("a folder");
    let identity = Served::start(data.path(), NOWHERE, 300).await;
    let sound = json!({ "client_id": "client-1", "client_secret": SECRET });
    let with = |name: &str, value: &str| {
        let mut body = sound.clone();
        body[name] = json!(value);
        body
    };
    for (body, status, error) in [
        (with("client_secret", "another"), 401, "invalid_client"),
        (with("client_id", "stranger"), 401, "invalid_client"),
        (with("grant_type", "password"), 400, "unsupported_grant_type"),
        (with("scope", "loans:write-off"), 400, "invalid_scope"),
        (json!({ "client_id": "client-1" }), 400, "invalid_request"),
        (json!([]), 400, "invalid_request"),
    ] {
        let answer = identity.ask(&body).await;
        assert_eq!(answer.status(), status, "{body}");
        let document: Value = answer.json().await.expect("JSON");
        assert_eq!(document["error"], error, "{body}");
    }
    let form = identity.http.post(identity.url("/token")).body(format!("client_id=client-1&client_secret={SECRET}"));
    let answer = form.header("content-type", "application/x-www-form-urlencoded").send().await.expect("an answer");
    assert_eq!(answer.json::<Value>().await.expect("JSON")["error"], "invalid_request", "a form says its grant");
}

#[tokio::test]
async fn a_rotation_signs_anew_and_leaves_older_tokens_good_also_after_a_restart() {
    let data = TempDir::new().expect("a folder");
    let identity = Served::start(data.path(), NOWHERE, 300).await;
    let older = identity.token("client-1").await;
    let rotated: Value = identity.admin("/rotate", ADMIN, &json!({})).await.json().await.expect("JSON");
    let newer = identity.token("client-1").await;
    let kid = |token: &str| jsonwebtoken::decode_header(token).expect("a header").kid;
    assert_ne!(kid(&older), kid(&newer));
    assert_eq!(json!(kid(&newer)), rotated["kid"]);
    drop(identity);

    let restarted = Served::start(data.path(), NOWHERE, 300).await;
    let keys = restarted.keys().await;
    assert_eq!(keys.keys.len(), 2);
    for token in [&older, &newer] {
        assert!(claims(token, &keys).is_some());
    }
    assert_eq!(kid(&restarted.token("client-1").await), kid(&newer), "a restart is no rotation");
}

#[tokio::test]
async fn only_the_admin_rotates_and_revokes() {
    let data = TempDir::new().expect("a folder");
    let identity = Served::start(data.path(), NOWHERE, 300).await;
    let keys = identity.keys().await;
    for path in ["/rotate", "/revoke"] {
        let answer = identity.admin(path, SECRET, &json!({ "client_id": "client-1" })).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert!(answer.headers().contains_key("www-authenticate"));
    }
    assert_eq!(identity.keys().await, keys);
    for wrong in [json!({}), json!({ "jti": "17" }), json!({ "client_id": "" }), json!({ "jit": uuid::Uuid::nil() })] {
        let answer = identity.admin("/revoke", ADMIN, &wrong).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{wrong}");
    }
}

/// What the gateway asks of Redis about a token.
fn told(redis: &LocalRedis, jti: &str, client: &str) -> (Option<f64>, Option<i64>) {
    let mut connection = redis.connection();
    let token = connection.zscore("revoked", jti).expect("an answer");
    (token, connection.hget("revoked-clients", format!("client:{client}")).expect("an answer"))
}

#[tokio::test]
async fn a_revocation_reaches_redis_and_comes_again_when_redis_has_forgotten() {
    let data = TempDir::new().expect("a folder");
    let port = free_port();
    // Redis is away at first: the revocation is kept, and told when there is somebody to tell.
    let identity = Served::start(data.path(), port, 300).await;
    let token = identity.token("client-1").await;
    let claims = claims(&token, &identity.keys().await).expect("verified");
    let jti = claims["jti"].as_str().expect("a text");
    assert_eq!(identity.admin("/revoke", ADMIN, &json!({ "jti": jti })).await.status(), StatusCode::OK);

    let redis = LocalRedis::start_on(port).expect("a redis-server that answers");
    let until_expired = until(|| told(&redis, jti, "client-1").0, "redis knows the token").await;
    assert!(until_expired >= claims["exp"].as_f64().expect("seconds"), "not forgotten before it has expired");

    let answer = identity.admin("/revoke", ADMIN, &json!({ "client_id": "client-1" })).await;
    let revoked_at = answer.json::<Value>().await.expect("JSON")["revoked_at"].as_i64();
    let up_to = until(|| told(&redis, jti, "client-1").1, "redis knows the client").await;
    assert_eq!(Some(up_to), revoked_at);
    assert!(claims["iat"].as_i64().expect("seconds") <= up_to, "the token is covered");
    let next = super::tests::claims(&identity.token("client-1").await, &identity.keys().await).expect("verified");
    assert!(next["iat"].as_i64().expect("seconds") > up_to, "the next one is not, though it may be of the same second");

    redis::cmd("FLUSHALL").exec(&mut redis.connection()).expect("an answer");
    until(|| told(&redis, jti, "client-1").0.zip(told(&redis, jti, "client-1").1), "redis knows both again").await;
    drop(identity);

    redis::cmd("FLUSHALL").exec(&mut redis.connection()).expect("an answer");
    let _restarted = Served::start(data.path(), port, 300).await;
    until(|| told(&redis, jti, "client-1").0.zip(told(&redis, jti, "client-1").1), "the next process knows them").await;
}

#[tokio::test]
async fn what_it_issued_rotated_and_revoked_is_in_the_journal_and_no_token_and_no_secret_is() {
    let data = TempDir::new().expect("a folder");
    let identity = Served::start(data.path(), NOWHERE, 300).await;
    let token = identity.token("client-1").await;
    let claims = claims(&token, &identity.keys().await).expect("verified");
    let refused = identity.ask(&json!({ "client_id": "client-1", "client_secret": "another" })).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    identity.admin("/rotate", ADMIN, &json!({})).await;
    identity.admin("/revoke", ADMIN, &json!({ "jti": claims["jti"] })).await;
    identity.admin("/revoke", ADMIN, &json!({ "client_id": "client-1" })).await;
    drop(identity);

    let identity = Served::start(data.path(), NOWHERE, 300).await;
    let journal = identity.journal().await;
    let events: Vec<_> = journal.iter().map(|line| line["event"].as_str().expect("a text")).collect();
    assert_eq!(events, ["ISSUED", "ROTATED", "REVOKED", "REVOKED"], "after a restart as well");
    let issued = &journal[0];
    assert_eq!((&issued["jti"], &issued["client_id"]), (&claims["jti"], &json!("client-1")));
    assert_eq!((&issued["scope"], &issued["expires_at"]), (&claims["scope"], &claims["exp"]));
    assert_ne!(issued["kid"], journal[1]["kid"], "the key that follows is another");
    assert_eq!((&journal[2]["jti"], &journal[3]["client_id"]), (&claims["jti"], &json!("client-1")));
    let text = std::fs::read_to_string(data.path().join("identity.ndjson")).expect("the journal");
    for secret in [SECRET, ADMIN, token.as_str()] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn who_wants_a_token_or_the_keys_may_fail_or_wait_and_who_administers_is_served() {
    let (failing, silent) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let sound = json!({ "client_id": "client-1", "client_secret": SECRET });
    let identity = Served::treating(failing.path(), NOWHERE, 300, Calls { errors: 1.0, ..good() }).await;
    assert_eq!(identity.ask(&sound).await.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let keys = identity.http.get(identity.url("/.well-known/jwks.json")).send().await.expect("an answer");
    assert_eq!(keys.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(identity.admin("/rotate", ADMIN, &json!({})).await.status(), StatusCode::OK);
    assert_eq!(identity.journal().await.len(), 1, "no token was issued");

    let identity = Served::treating(silent.path(), NOWHERE, 300, Calls { silence: 1.0, ..good() }).await;
    let mut asked = Box::pin(identity.ask(&sound));
    for _ in 0..3 {
        tokio::select! {
            biased;
            answer = &mut asked => panic!("answered: {answer:?}"),
            lines = identity.journal() => assert!(lines.is_empty()),
        }
    }
}
