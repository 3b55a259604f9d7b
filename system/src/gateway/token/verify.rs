//! What makes a token good, without asking anybody: its header, its signature, its claims.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;

use super::keys::Key;
use crate::config::gateway::tokens::{Algorithms, TokenSettings};

/// How far the identity provider's clock and this one may be apart, in seconds.
const LEEWAY: u64 = 5;

/// A token's header, as far as it counts.
#[derive(Debug, Deserialize)]
pub(super) struct Head {
    alg: String,
    kid: Option<String>,
    /// Extensions that a reader must understand; none are understood here.
    crit: Option<serde_json::Value>,
}

impl Head {
    /// Errors with what is wrong where the token has no header that can be read.
    pub(super) fn of(token: &str) -> Result<Self, String> {
        let encoded = token.split('.').next().unwrap_or_default();
        let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| "its header is not base64url".to_owned())?;
        serde_json::from_slice(&bytes).map_err(|_| "its header is no JSON with alg".to_owned())
    }
}

/// A token's claims, as far as they count here.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Claims {
    /// The client.
    pub(super) sub: String,
    /// The token's own id.
    pub(super) jti: String,
    /// When it expires, in seconds since 1970.
    pub(super) exp: u64,
    /// When it was issued, in seconds since 1970.
    pub(super) iat: u64,
    /// What it is good for, separated by spaces.
    #[serde(default)]
    pub(super) scope: String,
}

/// What a token must say.
pub(super) struct Rules {
    algorithms: Algorithms,
    validation: Validation,
}

impl Rules {
    pub(super) fn new(settings: &TokenSettings) -> Self {
        let mut validation = Validation::new(Algorithm::ES256);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        validation.set_issuer(&[&settings.issuer]);
        validation.set_audience(&[&settings.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        Self { algorithms: settings.algorithms, validation }
    }

    /// The id of the key that must have signed a token with this header; none where none is needed, which is never so
    /// in a sound design. Errors with what is wrong where no key could make it good.
    pub(super) fn needs_key<'a>(&self, head: &'a Head) -> Result<Option<&'a str>, String> {
        if head.crit.is_some() {
            return Err("its header has extensions (crit) that are not understood".to_owned());
        }
        match (self.algorithms, head.alg.as_str()) {
            (_, "ES256") | (Algorithms::Any, "HS256") => {
                head.kid.as_deref().map(Some).ok_or_else(|| "its header names no key (kid)".to_owned())
            }
            (Algorithms::Any, "none") => Ok(None),
            (_, other) => Err(format!("its algorithm (alg) is {other:?}, not ES256")),
        }
    }

    /// The claims of a token that `key` has signed. Errors with the check that failed.
    pub(super) fn signed(&self, token: &str, head: &Head, key: &Key) -> Result<Claims, String> {
        let checked = match head.alg.as_str() {
            // The mistake: what everybody may know is taken for a secret.
            "HS256" => {
                let mut validation = self.validation.clone();
                validation.algorithms = vec![Algorithm::HS256];
                decode(token, &DecodingKey::from_secret(&key.point), &validation)
            }
            _ => decode(token, &key.verifying, &self.validation),
        };
        checked.map(|token| token.claims).map_err(|error| failed_check(error.kind()))
    }

    /// The claims of a token that nobody has signed, as it has them.
    pub(super) fn unsigned(&self, token: &str) -> Result<Claims, String> {
        let claims: Claims =
            jsonwebtoken::dangerous::insecure_decode_claims(token).map_err(|error| failed_check(error.kind()))?;
        match self.still_good(&claims) {
            true => Ok(claims),
            false => Err(failed_check(&ErrorKind::ExpiredSignature)),
        }
    }

    /// Whether a token that was good has not expired since.
    pub(super) fn still_good(&self, claims: &Claims) -> bool {
        now() <= claims.exp.saturating_add(self.validation.leeway)
    }
}

/// Seconds since 1970. A clock before that makes every token as good as its issuer says.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The check that failed, in words that tell a client what to look at and an attacker nothing.
fn failed_check(kind: &ErrorKind) -> String {
    match kind {
        ErrorKind::InvalidSignature => "its signature does not fit its key".to_owned(),
        ErrorKind::ExpiredSignature => "it has expired (exp)".to_owned(),
        ErrorKind::ImmatureSignature => "it is not good yet (nbf)".to_owned(),
        ErrorKind::InvalidIssuer => "its issuer (iss) is another".to_owned(),
        ErrorKind::InvalidAudience => "its audience (aud) is another".to_owned(),
        ErrorKind::MissingRequiredClaim(claim) => format!("it lacks the claim {claim}"),
        ErrorKind::Json(error) => format!("its claims cannot be read: {error}"),
        _ => "it is no signed token".to_owned(),
    }
}
