//! A client at the front door, with a token and a trust in the lab's own authority.

use std::time::{Duration, Instant};

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::inside::{self, PATIENCE, host};

const POLL: Duration = Duration::from_millis(100);
const ADMIN_SECRET: &str = "not-a-secret-in-the-lab-either";

/// Somebody with a token.
#[derive(Clone)]
pub(crate) struct Caller {
    http: Client,
    entry: String,
    token: String,
}

impl Caller {
    /// Signs in at the identity provider as `client_id`.
    pub(crate) async fn sign_in(client_id: &str) -> Self {
        let http = inside::http();
        let token = inside::token(&http, client_id).await;
        Self { http, entry: inside::entry(), token }
    }

    /// A new token of `client_id`.
    pub(crate) async fn token_of(&self, client_id: &str) -> String {
        inside::token(&self.http, client_id).await
    }

    /// Revokes the token of this caller.
    pub(crate) async fn revoke_own_token(&self) {
        let claims = self.token.split('.').nth(1).unwrap();
        let claims = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, claims).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        let url = format!("http://{}:8080/revoke", host("identity"));
        let request = self.http.post(url).bearer_auth(ADMIN_SECRET).json(&json!({ "jti": claims["jti"] }));
        assert!(request.send().await.unwrap().status().is_success());
    }

    /// The same caller with another token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    /// A request to `path`, without a body yet.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.entry)).bearer_auth(&self.token)
    }

    /// A command under `key`.
    pub(crate) async fn command(&self, method: Method, path: &str, key: Uuid, body: &Value) -> Response {
        self.request(method, path).header("Idempotency-Key", key.to_string()).json(body).send().await.unwrap()
    }

    /// A command with a key of its own, which must be accepted. Returns where the resource is.
    pub(crate) async fn accepted(&self, method: Method, path: &str, body: &Value) -> String {
        let answer = self.command(method, path, Uuid::new_v4(), body).await;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await.unwrap();
        assert_eq!(status, StatusCode::ACCEPTED, "{path}: {text}");
        headers["location"].to_str().unwrap().to_owned()
    }

    /// The document at `path`, if there is one.
    pub(crate) async fn read(&self, path: &str) -> Option<Value> {
        let answer = self.request(Method::GET, path).send().await.unwrap();
        match answer.status() {
            StatusCode::OK => Some(answer.json().await.unwrap()),
            StatusCode::NOT_FOUND => None,
            status => panic!("GET {path}: {status}: {}", answer.text().await.unwrap()),
        }
    }

    /// Reads `path` until what it says fits.
    pub(crate) async fn until(&self, path: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let seen = self.read(path).await;
            if let Some(document) = seen.as_ref().filter(|document| fits(document)) {
                return document.clone();
            }
            assert!(started.elapsed() < PATIENCE, "{path} is still {seen:?}");
            tokio::time::sleep(POLL).await;
        }
    }
}
