//! Which tokens are good.

use std::time::Duration;

use crate::config::{ConfigError, Environment};

/// Which tokens are good.
#[derive(Debug, Clone)]
pub(crate) struct TokenSettings {
    /// The identity provider's JWKS.
    pub(crate) keys_url: reqwest::Url,
    /// How long it may take to tell its keys.
    pub(crate) keys_timeout: Duration,
    /// The issuer that a token must name.
    pub(crate) issuer: String,
    /// The audience that a token must name.
    pub(crate) audience: String,
    /// Which signatures count.
    pub(crate) algorithms: Algorithms,
    /// How long a token that was not revoked is not asked about; none where nobody asks at all.
    pub(crate) revocation_ttl: Option<Duration>,
}

/// Which signatures count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithms {
    /// ECDSA on P-256 with SHA-256, and nothing else.
    Es256,
    /// What the token's own header says: `none` needs no signature, and `HS256` takes the public key for a secret.
    Any,
}

impl TokenSettings {
    pub(super) fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let algorithms = [("ES256", Algorithms::Es256), ("any", Algorithms::Any)];
        let asked = environment.switch("LENDING_REVOCATION")?;
        let ttl = environment.duration("LENDING_REVOCATION_TTL")?;
        Ok(Self {
            keys_url: keys_url(environment)?,
            keys_timeout: environment.duration("LENDING_IDENTITY_TIMEOUT")?,
            issuer: environment.text("LENDING_TOKEN_ISSUER").to_owned(),
            audience: environment.text("LENDING_TOKEN_AUDIENCE").to_owned(),
            algorithms: environment.choice("LENDING_TOKEN_ALGORITHMS", &algorithms)?,
            revocation_ttl: asked.then_some(ttl),
        })
    }
}

fn keys_url(environment: &Environment) -> Result<reqwest::Url, ConfigError> {
    const NAME: &str = "LENDING_IDENTITY_URL";
    let keys = environment.http_url(NAME)?.join("/.well-known/jwks.json");
    keys.map_err(|error| environment.invalid(NAME, &error.to_string()))
}
