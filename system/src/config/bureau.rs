//! Settings of the bureau.

use std::path::PathBuf;
use std::time::Duration;

use super::latency::CallNames;
use super::server::ServerSettings;
use super::setting::{Setting, conditional, optional, required};
use super::{ConfigError, Environment};
use crate::Role::Bureau;
use crate::bureau::conduct::Conduct;
use crate::party::call::Calls;
use crate::party::latency::Latency;

pub(crate) const SETTINGS: &[Setting] = &[
    required("LENDING_DATA", &[Bureau], "The folder of the journal `bureau.ndjson`."),
    required("LENDING_IDENTITY_URL", &[Bureau], "The identity provider, where callbacks get their tokens."),
    optional("LENDING_CLIENT_ID", &[Bureau], "bureau", "Who the bureau is to the identity provider."),
    required("LENDING_CLIENT_SECRET", &[Bureau], "How it proves that."),
    conditional(
        "LENDING_CA",
        &[Bureau],
        "A PEM file with the only authorities that are trusted where it sends reports.",
    ),
    optional("LENDING_CALLBACK_TIMEOUT", &[Bureau], "5s", "How long a callback may take before it is tried again."),
    optional(
        "LENDING_BUREAU_CALL_LATENCY_P50",
        &[Bureau],
        "0s",
        "The median of the log-normal latency of a call, before its questions are taken.",
    ),
    optional("LENDING_BUREAU_CALL_LATENCY_P99", &[Bureau], "0s", "Its 99th percentile."),
    optional("LENDING_BUREAU_ERROR_RATE", &[Bureau], "0", "Share of calls that fail, 0 to 1; they take nothing."),
    optional(
        "LENDING_BUREAU_CALL_SILENCE_RATE",
        &[Bureau],
        "0",
        "Share of calls that take nothing and are never answered.",
    ),
    optional("LENDING_BUREAU_LATENCY_P50", &[Bureau], "15ms", "The median of the log-normal latency of a report."),
    optional("LENDING_BUREAU_LATENCY_P99", &[Bureau], "120ms", "Its 99th percentile."),
    optional("LENDING_BUREAU_SILENCE_RATE", &[Bureau], "0", "Share of questions that are taken and never answered."),
    optional("LENDING_BUREAU_DUPLICATE_RATE", &[Bureau], "0", "Share of reports that are sent twice."),
    optional("LENDING_BUREAU_LATE_RATE", &[Bureau], "0", "Share of reports that are late."),
    optional("LENDING_BUREAU_LATE", &[Bureau], "60s", "How late."),
];

const CALLS: CallNames = CallNames {
    median: "LENDING_BUREAU_CALL_LATENCY_P50",
    p99: "LENDING_BUREAU_CALL_LATENCY_P99",
    errors: "LENDING_BUREAU_ERROR_RATE",
    silence: "LENDING_BUREAU_CALL_SILENCE_RATE",
};

/// Everything that the bureau is told.
#[derive(Clone)]
pub(crate) struct BureauSettings {
    /// Its name, as it stands in reports.
    pub(crate) name: String,
    pub(crate) server: ServerSettings,
    /// The folder of the journal.
    pub(crate) data: PathBuf,
    pub(crate) identity: IdentitySettings,
    /// Trusted where reports are sent.
    pub(crate) ca: Option<PathBuf>,
    /// How long one callback may take.
    pub(crate) callback_timeout: Duration,
    pub(crate) conduct: Conduct,
}

/// Where tokens come from. It has no `Debug`, for it has a secret.
#[derive(Clone)]
pub(crate) struct IdentitySettings {
    /// The identity provider's base URL, without a slash at the end.
    pub(crate) url: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
}

impl BureauSettings {
    pub(crate) fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            name: environment.text("LENDING_INSTANCE").to_owned(),
            server: ServerSettings::from_environment(environment)?,
            data: PathBuf::from(environment.text("LENDING_DATA")),
            identity: IdentitySettings::from_environment(environment)?,
            ca: environment.given("LENDING_CA").map(PathBuf::from),
            callback_timeout: environment.duration("LENDING_CALLBACK_TIMEOUT")?,
            conduct: conduct(environment)?,
        })
    }
}

impl IdentitySettings {
    fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let url = environment.base_url("LENDING_IDENTITY_URL")?;
        let client_id = environment.text("LENDING_CLIENT_ID").to_owned();
        Ok(Self { url, client_id, client_secret: environment.text("LENDING_CLIENT_SECRET").to_owned() })
    }
}

fn conduct(environment: &Environment) -> Result<Conduct, ConfigError> {
    let (median, p99) = ("LENDING_BUREAU_LATENCY_P50", "LENDING_BUREAU_LATENCY_P99");
    Ok(Conduct {
        latency: Latency::from_environment(environment, median, p99)?,
        calls: Calls::from_environment(environment, &CALLS)?,
        silence: environment.share("LENDING_BUREAU_SILENCE_RATE")?,
        duplicates: environment.share("LENDING_BUREAU_DUPLICATE_RATE")?,
        late: environment.share("LENDING_BUREAU_LATE_RATE")?,
        lateness: environment.duration("LENDING_BUREAU_LATE")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    fn read(extra: &[(&str, &str)]) -> Result<BureauSettings, ConfigError> {
        let needed = [
            ("LENDING_DATA", "/data"),
            ("LENDING_IDENTITY_URL", "http://identity:8080/"),
            ("LENDING_CLIENT_SECRET", "a-secret"),
        ];
        let pairs = needed.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let pairs: std::collections::BTreeMap<_, _> = pairs.collect();
        BureauSettings::from_environment(&Environment::read(Role::Bureau, pairs)?)
    }

    #[test]
    fn a_bureau_that_is_told_nothing_answers_everything_once_and_in_time() {
        let Ok(BureauSettings { conduct, ca, identity, .. }) = read(&[]) else { panic!("complete") };
        let calls = conduct.calls;
        assert_eq!([calls.errors, calls.silence, conduct.silence, conduct.duplicates, conduct.late], [0.0; 5]);
        assert!(calls.latency.sample(&mut rand::rng()).is_zero(), "questions are taken at once");
        assert_eq!((ca, identity.url.as_str()), (None, "http://identity:8080"));
    }

    #[test]
    fn rates_that_are_no_shares_of_a_whole_and_urls_that_are_none_are_refused() {
        for (name, value) in [
            ("LENDING_BUREAU_ERROR_RATE", "1.01"),
            ("LENDING_BUREAU_SILENCE_RATE", "-0.1"),
            ("LENDING_BUREAU_DUPLICATE_RATE", "NaN"),
            ("LENDING_BUREAU_LATE_RATE", "often"),
            ("LENDING_BUREAU_LATENCY_P99", "1ms"),
            ("LENDING_BUREAU_CALL_LATENCY_P50", "1ms"),
            ("LENDING_BUREAU_CALL_SILENCE_RATE", "2"),
            ("LENDING_IDENTITY_URL", "identity:8080"),
        ] {
            assert!(matches!(read(&[(name, value)]), Err(ConfigError::Invalid { .. })), "{name}={value}");
        }
    }
}
