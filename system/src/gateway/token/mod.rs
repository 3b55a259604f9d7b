//! Who asks, and whether they may: bearer tokens of the identity provider.
//!
//! - [`verify`]: what makes a token good, without asking anybody
//! - [`keys`]: the identity provider's public keys
//! - [`revocation`]: which tokens were taken back

mod keys;
mod revocation;
mod verify;

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use axum::http::{HeaderMap, header};

use super::generations::Generations;
use super::redis::Redis;
use crate::config::gateway::tokens::TokenSettings;
use crate::http::problem::{Kind, Problem};
use keys::Found;
pub(super) use keys::Keys;
use revocation::Revocations;
use verify::{Claims, Head, Rules};

/// Tokens that are known to be good; each takes about a kilobyte.
const VERIFIED_MAX: usize = 20_000;

/// Decides who asks, and whether they may.
pub(super) struct Tokens {
    keys: Keys,
    rules: Rules,
    verified: Mutex<Generations<String, Arc<Verified>>>,
    /// None where nobody asks whether a token was revoked.
    revocations: Option<Revocations>,
}

/// A token that was good when it was looked at.
struct Verified {
    claims: Claims,
    /// The key that signed it; with it goes what it signed. None where no key was asked for.
    kid: Option<String>,
}

impl Tokens {
    pub(super) fn new(settings: &TokenSettings, redis: Redis) -> anyhow::Result<Self> {
        Ok(Self {
            keys: Keys::new(settings.keys_url.clone(), settings.keys_timeout)
                .context("cannot make the HTTP client for the identity provider's keys")?,
            rules: Rules::new(settings),
            verified: Mutex::new(Generations::new(VERIFIED_MAX)),
            revocations: settings.revocation_ttl.map(|ttl| Revocations::new(redis, ttl)),
        })
    }

    /// Waits until the identity provider has told its keys once.
    pub(super) async fn wait_for_keys(&self) {
        self.keys.wait().await;
    }

    /// The client that the request's token speaks for, where the token is good, was not revoked, and has `scope`.
    pub(super) async fn client(&self, headers: &HeaderMap, scope: &str) -> Result<String, Problem> {
        let token = bearer(headers)?;
        let verified = match self.known(token) {
            Some(verified) => verified,
            None => self.verify(token).await?,
        };
        let claims = &verified.claims;
        if let Some(revocations) = &self.revocations
            && revocations.revoked(claims).await
        {
            return Err(Kind::RevokedToken.with("ask the identity provider for another"));
        }
        if !claims.scope.split(' ').any(|own| own == scope) {
            return Err(Kind::InsufficientScope.with(format!("it needs the scope {scope}")));
        }
        Ok(claims.sub.clone())
    }

    /// A token that was verified before, has not expired since, and whose key still counts.
    fn known(&self, token: &str) -> Option<Arc<Verified>> {
        let verified = self.lock().get(token).map(|verified| Arc::clone(verified))?;
        let key_counts = verified.kid.as_ref().is_none_or(|kid| self.keys.has(kid));
        (self.rules.still_good(&verified.claims) && key_counts).then_some(verified)
    }

    async fn verify(&self, token: &str) -> Result<Arc<Verified>, Problem> {
        let head = Head::of(token).map_err(invalid)?;
        let verified = match self.rules.needs_key(&head).map_err(invalid)? {
            None => Verified { claims: self.rules.unsigned(token).map_err(invalid)?, kid: None },
            Some(kid) => {
                let key = match self.keys.find(kid).await {
                    Found::Key(key) => key,
                    Found::NoSuchKey => {
                        return Err(invalid(format!("its key {kid:?} is none of the identity provider's")));
                    }
                    Found::Unknown => {
                        return Err(Kind::NotAttempted.with("the identity provider does not tell its keys"));
                    }
                };
                Verified { claims: self.rules.signed(token, &head, &key).map_err(invalid)?, kid: Some(kid.to_owned()) }
            }
        };
        let verified = Arc::new(verified);
        self.lock().insert(token.to_owned(), Arc::clone(&verified));
        metrics::counter!("lending_tokens_verified_total").increment(1);
        Ok(verified)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Generations<String, Arc<Verified>>> {
        // Every change is one insertion: a panic elsewhere cannot have left it half changed.
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn invalid(reason: String) -> Problem {
    Kind::InvalidToken.with(reason)
}

fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let missing = || Kind::MissingToken.with("send the header Authorization with `Bearer` and a token");
    let text = headers.get(header::AUTHORIZATION).ok_or_else(missing)?.to_str().map_err(|_| missing())?;
    let (scheme, token) = text.split_once(' ').ok_or_else(missing)?;
    match scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() {
        true => Ok(token.trim()),
        false => Err(missing()),
    }
}
