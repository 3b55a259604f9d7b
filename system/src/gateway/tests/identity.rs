//! An identity provider of a test's own: keys, tokens of every kind, and a JWKS on the loopback.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::testing::http::Server;

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// A key that signs.
pub(super) struct Signer {
    pub(super) kid: String,
    key: EncodingKey,
    /// The public point, uncompressed.
    pub(super) point: Vec<u8>,
}

impl Signer {
    pub(super) fn new(kid: &str) -> Self {
        let document =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref()).expect("its own key");
        Self {
            kid: kid.to_owned(),
            key: EncodingKey::from_ec_der(document.as_ref()),
            point: pair.public_key().as_ref().to_vec(),
        }
    }

    /// A token with these claims.
    pub(super) fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(Algorithm::ES256) };
        encode(&header, claims, &self.key).expect("signed")
    }

    fn jwk(&self) -> Value {
        let (x, y) = self.point[1..].split_at(32);
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.kid,
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        })
    }
}

/// Claims that a gateway takes, for a client with these scopes.
pub(super) fn claims(client: &str, scope: &str) -> Value {
    json!({
        "iss": "lending-identity", "sub": client, "aud": "lending", "scope": scope,
        "iat": now(), "nbf": now(), "exp": now() + 3600, "jti": Uuid::new_v4().to_string(),
    })
}

/// A token that nobody has signed and that says so.
pub(super) fn unsigned(claims: &Value) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    format!("{header}.{}.", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

/// A token signed with a public key as if it were a secret.
pub(super) fn confused(claims: &Value, signer: &Signer) -> String {
    let header = Header { kid: Some(signer.kid.clone()), ..Header::new(Algorithm::HS256) };
    encode(&header, claims, &EncodingKey::from_secret(&signer.point)).expect("signed")
}

/// The JWKS' server.
pub(super) struct Identity {
    pub(super) url: String,
    state: Arc<State>,
    _server: Server,
}

struct State {
    keys: Mutex<Vec<Value>>,
    asked: AtomicUsize,
    away: AtomicBool,
}

impl Identity {
    /// Tells the public halves of these keys.
    pub(super) async fn start(signers: &[&Signer]) -> Self {
        let state = Arc::new(State {
            keys: Mutex::new(signers.iter().map(|signer| signer.jwk()).collect()),
            asked: AtomicUsize::default(),
            away: AtomicBool::default(),
        });
        let own = Arc::clone(&state);
        let tell = move || {
            let own = Arc::clone(&own);
            async move {
                own.asked.fetch_add(1, Ordering::SeqCst);
                match own.away.load(Ordering::SeqCst) {
                    true => Err(StatusCode::SERVICE_UNAVAILABLE),
                    false => Ok(Json(json!({ "keys": *own.keys.lock().expect("not poisoned") }))),
                }
            }
        };
        let server = Server::of(Router::new().route("/.well-known/jwks.json", get(tell))).await;
        Self { url: server.url(), state, _server: server }
    }

    /// Tells another key from now on, besides those that it told before.
    pub(super) fn rotate(&self, signer: &Signer) {
        self.state.keys.lock().expect("not poisoned").push(signer.jwk());
    }

    /// Answers nobody from now on.
    pub(super) fn leave(&self) {
        self.state.away.store(true, Ordering::SeqCst);
    }

    /// Answers again.
    pub(super) fn come_back(&self) {
        self.state.away.store(false, Ordering::SeqCst);
    }

    /// How often it was asked for its keys.
    pub(super) fn asked(&self) -> usize {
        self.state.asked.load(Ordering::SeqCst)
    }
}
