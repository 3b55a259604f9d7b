//! Settings of the identity provider.

use std::path::PathBuf;
use std::time::Duration;

use super::latency::CallNames;
use super::server::ServerSettings;
use super::setting::{Setting, optional, required};
use super::{ConfigError, Environment};
use crate::Role::Identity;
use crate::identity::clients::{Clients, Secret};
use crate::party::call::Calls;

pub(crate) const SETTINGS: &[Setting] = &[
    required(
        "LENDING_IDENTITY_CLIENTS",
        &[Identity],
        "Who gets tokens, and with which scopes: `pattern=scopes`, several separated by commas, such as `client-*=loans:read loans:write,bureau-*=credit-reports:write`; the first pattern that matches counts.",
    ),
    required("LENDING_IDENTITY_SECRET", &[Identity], "The secret of every client."),
    required(
        "LENDING_IDENTITY_ADMIN_SECRET",
        &[Identity],
        "The secret of whoever rotates keys and revokes tokens, as a bearer token.",
    ),
    optional("LENDING_TOKEN_ISSUER", &[Identity], "lending-identity", "Who tokens say that they are from."),
    optional("LENDING_TOKEN_LIFETIME", &[Identity], "5m", "How long a token is good for; whole seconds."),
    required("LENDING_REDIS_URL", &[Identity], "Where revocations are told to the gateways."),
    required("LENDING_DATA", &[Identity], "The folder of keys and revocations, and of the journal `identity.ndjson`."),
    optional(
        "LENDING_IDENTITY_LATENCY_P50",
        &[Identity],
        "0s",
        "The median of the log-normal latency of an answer to who wants a token or the keys.",
    ),
    optional("LENDING_IDENTITY_LATENCY_P99", &[Identity], "0s", "Its 99th percentile."),
    optional("LENDING_IDENTITY_ERROR_RATE", &[Identity], "0", "Share of those requests that fail, 0 to 1."),
    optional("LENDING_IDENTITY_SILENCE_RATE", &[Identity], "0", "Share of them that are never answered."),
];

const CALLS: CallNames = CallNames {
    median: "LENDING_IDENTITY_LATENCY_P50",
    p99: "LENDING_IDENTITY_LATENCY_P99",
    errors: "LENDING_IDENTITY_ERROR_RATE",
    silence: "LENDING_IDENTITY_SILENCE_RATE",
};

/// The longest that a token may be good for.
const LIFETIME_MAX: Duration = Duration::from_secs(24 * 3600);
/// The shortest secret, in bytes: a guess is not a matter of minutes.
const SECRET_MIN: usize = 8;

/// Everything that identity is told.
#[derive(Debug, Clone)]
pub(crate) struct IdentitySettings {
    pub(crate) server: ServerSettings,
    pub(crate) clients: Clients,
    /// What whoever rotates and revokes has to know.
    pub(crate) admin_secret: Secret,
    /// The claim `iss`.
    pub(crate) issuer: String,
    /// How long a token is good for, in seconds.
    pub(crate) lifetime_seconds: i64,
    pub(crate) redis: redis::Client,
    /// Where keys, revocations and the journal are kept.
    pub(crate) data: PathBuf,
    /// How who wants a token or the keys is treated.
    pub(crate) calls: Calls,
}

impl IdentitySettings {
    pub(crate) fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let secret = secret(environment, "LENDING_IDENTITY_SECRET")?;
        let clients = Clients::parse(environment.text("LENDING_IDENTITY_CLIENTS"), secret)
            .map_err(|reason| environment.invalid("LENDING_IDENTITY_CLIENTS", &reason))?;
        Ok(Self {
            server: ServerSettings::from_environment(environment)?,
            clients,
            admin_secret: Secret::new(self::secret(environment, "LENDING_IDENTITY_ADMIN_SECRET")?),
            issuer: environment.text("LENDING_TOKEN_ISSUER").to_owned(),
            lifetime_seconds: lifetime(environment)?,
            redis: environment.redis("LENDING_REDIS_URL")?,
            data: PathBuf::from(environment.text("LENDING_DATA")),
            calls: Calls::from_environment(environment, &CALLS)?,
        })
    }
}

fn secret<'a>(environment: &'a Environment, name: &'static str) -> Result<&'a str, ConfigError> {
    let secret = environment.text(name);
    match secret.len() >= SECRET_MIN {
        true => Ok(secret),
        false => Err(environment.invalid(name, &format!("must have at least {SECRET_MIN} characters"))),
    }
}

fn lifetime(environment: &Environment) -> Result<i64, ConfigError> {
    let name = "LENDING_TOKEN_LIFETIME";
    let lifetime = environment.duration(name)?;
    let whole = lifetime.subsec_nanos() == 0 && !lifetime.is_zero() && lifetime <= LIFETIME_MAX;
    i64::try_from(lifetime.as_secs())
        .ok()
        .filter(|_| whole)
        .ok_or_else(|| environment.invalid(name, "must be whole seconds, at least 1s and at most 24h"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    fn read(extra: &[(&str, &str)]) -> Result<IdentitySettings, ConfigError> {
        let mut given = std::collections::BTreeMap::from([
            ("LENDING_IDENTITY_CLIENTS", "client-*=loans:read"),
            ("LENDING_IDENTITY_SECRET", "a-secret-of-clients"),
            ("LENDING_IDENTITY_ADMIN_SECRET", "a-secret-of-admins"),
            ("LENDING_REDIS_URL", "redis://cache:6379"),
            ("LENDING_DATA", "/data"),
        ]);
        given.extend(extra.iter().copied());
        let pairs = given.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        IdentitySettings::from_environment(&Environment::read(Role::Identity, pairs)?)
    }

    #[test]
    fn a_token_is_good_for_five_minutes_unless_something_else_is_said() {
        assert_eq!(read(&[]).expect("complete").lifetime_seconds, 300);
        assert_eq!(read(&[("LENDING_TOKEN_LIFETIME", "3s")]).expect("complete").lifetime_seconds, 3);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_and_no_secret_is_shown() {
        for (name, value) in [
            ("LENDING_TOKEN_LIFETIME", "0s"),
            ("LENDING_TOKEN_LIFETIME", "1500ms"),
            ("LENDING_TOKEN_LIFETIME", "25h"),
            ("LENDING_IDENTITY_SECRET", "secret"),
            ("LENDING_IDENTITY_ADMIN_SECRET", "secret"),
            ("LENDING_IDENTITY_CLIENTS", "client-*"),
            ("LENDING_IDENTITY_CLIENTS", ""),
            ("LENDING_REDIS_URL", "cache"),
            ("LENDING_IDENTITY_ERROR_RATE", "1.5"),
            ("LENDING_IDENTITY_LATENCY_P99", "1s"),
        ] {
            let error = read(&[(name, value)]).expect_err(value);
            assert!(matches!(error, ConfigError::Invalid { .. }), "{name}={value}");
            assert!(!error.to_string().contains("\"secret\""), "{error}");
        }
    }
}
