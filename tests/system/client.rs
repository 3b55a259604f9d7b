//! A client at the front door, with a token and a trust in the lab's own authority.

use std::time::{Duration, Instant};

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

/// Far longer than anything takes on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(100);
const SECRET: &str = "not-a-secret-in-the-lab";
const ADMIN_SECRET: &str = "not-a-secret-in-the-lab-either";

/// What `proofload up` tells those inside.
pub(crate) fn told(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: this test runs inside `proofload up`"))
}

/// Where an instance is: its address in the lab.
pub(crate) fn host(instance: &str) -> String {
    told(&format!("PROOFLOAD_HOST_{}", instance.to_uppercase().replace('-', "_")))
}

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
        let ca = reqwest::Certificate::from_pem(&std::fs::read(told("PROOFLOAD_CA")).unwrap()).unwrap();
        let http = Client::builder().no_proxy().tls_certs_only([ca]).timeout(Duration::from_secs(30)).build().unwrap();
        let caller = Self { http, entry: told("PROOFLOAD_ENTRY"), token: String::new() };
        let token = caller.token_of(client_id).await;
        caller.with_token(&token)
    }

    /// A new token of `client_id`.
    pub(crate) async fn token_of(&self, client_id: &str) -> String {
        let url = format!("http://{}:8080/token", host("identity"));
        let body = json!({ "client_id": client_id, "client_secret": SECRET });
        let answer: Value = self.http.post(url).json(&body).send().await.unwrap().json().await.unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
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
