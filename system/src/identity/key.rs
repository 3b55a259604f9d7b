//! Signing keys: elliptic curve P-256, for ES256.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Clocks differ, and verifiers are lenient: what belongs to a token is kept for so long beyond its expiry.
pub(super) const MARGIN_SECONDS: i64 = 60;

/// A key that cannot be made or used.
#[derive(Debug, Error)]
pub(super) enum KeyError {
    #[error("cannot make a signing key: the system gives no randomness")]
    Make,
    #[error("cannot read a signing key: {0}")]
    Encoding(#[from] base64::DecodeError),
    #[error("cannot use a signing key: {0}")]
    Unusable(#[from] jsonwebtoken::errors::Error),
}

/// A key as the file has it.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct StoredKey {
    /// The private key in PKCS #8, as Base64.
    pkcs8: String,
    /// The longest that a token signed with it is good for, in seconds.
    pub(super) lifetime_seconds: i64,
    /// When it was followed by another, in seconds since 1970; none where it is the one that signs.
    pub(super) retired_at: Option<i64>,
}

/// A key that is ready to sign.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) stored: StoredKey,
    private: EncodingKey,
    public: Jwk,
    kid: String,
}

impl Key {
    /// A new key for tokens that are good for so long.
    pub(super) fn new(lifetime_seconds: i64) -> Result<Self, KeyError> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .map_err(|_| KeyError::Make)?;
        Self::restore(StoredKey { pkcs8: STANDARD.encode(document.as_ref()), lifetime_seconds, retired_at: None })
    }

    /// A key from the file.
    pub(super) fn restore(stored: StoredKey) -> Result<Self, KeyError> {
        let private = EncodingKey::from_ec_der(&STANDARD.decode(&stored.pkcs8)?);
        let mut public = Jwk::from_encoding_key(&private, Algorithm::ES256)?;
        // A name that follows from the key (RFC 7638): two keys never share one.
        let kid = public.thumbprint(ThumbprintHash::SHA256)?;
        public.common.key_id = Some(kid.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self { stored, private, public, kid })
    }

    /// Its name in tokens and in the key set.
    pub(super) fn kid(&self) -> &str {
        &self.kid
    }

    /// What everybody may see of it.
    pub(super) fn public(&self) -> &Jwk {
        &self.public
    }

    /// A token with these claims.
    pub(super) fn sign<C: Serialize>(&self, claims: &C) -> Result<String, KeyError> {
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(Algorithm::ES256) };
        Ok(jsonwebtoken::encode(&header, claims, &self.private)?)
    }

    /// Whether a token that it signed may still be good at `now`, in seconds since 1970.
    pub(super) fn is_needed(&self, now: i64) -> bool {
        self.stored.retired_at.is_none_or(|retired| now <= retired + self.stored.lifetime_seconds + MARGIN_SECONDS)
    }
}
