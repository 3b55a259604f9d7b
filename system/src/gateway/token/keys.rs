//! The identity provider's public keys: fetched at the start and whenever a token names one that is not known, kept
//! while the identity provider is away.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk};
use serde::Deserialize;
use thiserror::Error;
use tracing::{info, warn};

/// Between two questions that tokens make necessary: whoever sends unknown keys makes no more than this.
const PAUSE: Duration = Duration::from_secs(1);
/// Between two questions at the start.
const START_PAUSE: Duration = Duration::from_millis(200);
/// Bytes of a JWKS.
const DOCUMENT_MAX: usize = 256 * 1024;

/// A public key.
pub(super) struct Key {
    pub(super) verifying: DecodingKey,
    /// The point on the curve, uncompressed: what a careless verifier takes for an HMAC's secret.
    pub(super) point: Vec<u8>,
}

/// What is known about a key's id.
pub(super) enum Found {
    Key(Arc<Key>),
    /// The identity provider has no such key, as of a second ago at most.
    NoSuchKey,
    /// The identity provider does not answer.
    Unknown,
}

type Set = HashMap<String, Arc<Key>>;

/// The keys that are known.
pub(in crate::gateway) struct Keys {
    client: reqwest::Client,
    url: reqwest::Url,
    known: RwLock<Arc<Set>>,
    /// The last question that a token made necessary, and whether it was answered. Held while one is asked, so that
    /// everybody else waits for its answer instead of asking too.
    asked: tokio::sync::Mutex<Option<(Instant, bool)>>,
}

#[derive(Debug, Error)]
enum KeysError {
    #[error("cannot ask for the keys: {0}")]
    Asked(#[from] reqwest::Error),
    #[error("cannot understand the keys: {0}")]
    Understood(#[from] serde_json::Error),
    #[error("the answer has more than {DOCUMENT_MAX} bytes")]
    TooLarge,
    #[error("there is no ES256 key with an id among them")]
    None,
}

impl Keys {
    /// Errors where no HTTP client can be made.
    pub(super) fn new(url: reqwest::Url, timeout: Duration) -> anyhow::Result<Self> {
        let client = crate::http::client(timeout, timeout, None)?;
        Ok(Self { client, url, known: RwLock::default(), asked: tokio::sync::Mutex::default() })
    }

    /// Waits until the keys are known.
    pub(super) async fn wait(&self) {
        while self.known().is_empty() && !self.fetch().await {
            tokio::time::sleep(START_PAUSE).await;
        }
    }

    /// Whether a key with this id counts.
    pub(super) fn has(&self, kid: &str) -> bool {
        self.known().contains_key(kid)
    }

    /// The key with this id; the identity provider is asked where it is not known, at most once in a while.
    pub(super) async fn find(&self, kid: &str) -> Found {
        if let Some(key) = self.known().get(kid) {
            return Found::Key(Arc::clone(key));
        }
        let mut asked = self.asked.lock().await;
        // Somebody else may have asked while this one waited.
        let answered = match *asked {
            _ if self.has(kid) => true,
            Some((at, answered)) if at.elapsed() < PAUSE => answered,
            _ => {
                let answered = self.fetch().await;
                *asked = Some((Instant::now(), answered));
                answered
            }
        };
        match self.known().get(kid) {
            Some(key) => Found::Key(Arc::clone(key)),
            None if answered => Found::NoSuchKey,
            None => Found::Unknown,
        }
    }

    fn known(&self) -> Arc<Set> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks for the keys; false where there was no answer that makes sense, and then the keys known stay.
    async fn fetch(&self) -> bool {
        let result = self.ask().await;
        let told = if result.is_ok() { "ok" } else { "failed" };
        metrics::counter!("lending_keys_fetched_total", "result" => told).increment(1);
        match result {
            Ok(set) => {
                info!(keys = set.len(), "the identity provider's keys are known");
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(set);
                true
            }
            Err(error) => {
                warn!(%error, url = %self.url, "cannot learn the identity provider's keys");
                false
            }
        }
    }

    async fn ask(&self) -> Result<Set, KeysError> {
        let mut response = self.client.get(self.url.clone()).send().await?.error_for_status()?;
        let mut document = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            document.extend_from_slice(&chunk);
            if document.len() > DOCUMENT_MAX {
                return Err(KeysError::TooLarge);
            }
        }
        understand(&document)
    }
}

/// The keys in a JWKS that can sign tokens here; the others are somebody else's business.
fn understand(document: &[u8]) -> Result<Set, KeysError> {
    #[derive(Deserialize)]
    struct Document {
        keys: Vec<serde_json::Value>,
    }
    let document: Document = serde_json::from_slice(document)?;
    let set: Set =
        document.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).filter_map(key).collect();
    if set.is_empty() { Err(KeysError::None) } else { Ok(set) }
}

fn key(jwk: Jwk) -> Option<(String, Arc<Key>)> {
    let AlgorithmParameters::EllipticCurve(parameters) = &jwk.algorithm else { return None };
    if parameters.curve != EllipticCurve::P256 {
        return None;
    }
    let verifying = DecodingKey::from_jwk(&jwk).ok()?;
    let point = verifying.try_get_as_bytes().ok()?.to_vec();
    Some((jwk.common.key_id?, Arc::new(Key { verifying, point })))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The public key of RFC 7515, appendix A.3.
    fn sound(kid: &str) -> serde_json::Value {
        json!({
            "kty": "EC", "crv": "P-256", "kid": kid, "alg": "ES256", "use": "sig",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        })
    }

    #[test]
    fn only_keys_that_can_sign_here_are_taken_and_the_others_do_no_harm() {
        let document = json!({ "keys": [
            sound("one"),
            { "kty": "RSA", "kid": "two", "n": "AQAB", "e": "AQAB" },
            { "kty": "something of tomorrow" },
            { "kty": "EC", "crv": "P-384", "kid": "three", "x": "AA", "y": "AA" },
            sound("four"),
        ]});
        let set = understand(document.to_string().as_bytes()).expect("two keys");
        let mut ids: Vec<_> = set.keys().cloned().collect();
        ids.sort();
        assert_eq!(ids, ["four", "one"]);
        assert_eq!(set["one"].point.len(), 65);
    }

    #[test]
    fn an_answer_without_a_key_is_none() {
        assert!(matches!(understand(br#"{"keys":[]}"#), Err(KeysError::None)));
        assert!(matches!(understand(b"<html>"), Err(KeysError::Understood(_))));
    }
}
