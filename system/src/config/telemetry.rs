//! Settings of what a process tells about its work.

use super::setting::{SERVERS, Setting, conditional, optional};
use super::{ConfigError, Environment};
use crate::Role;

pub(crate) const SETTINGS: &[Setting] = &[
    conditional(
        "LENDING_OTLP_ENDPOINT",
        SERVERS,
        "A collector that takes traces by OTLP over HTTP (protobuf), such as `http://collector:4318`; none, or empty: \
         nothing is exported.",
    ),
    optional(
        "LENDING_OTLP_SAMPLING",
        SERVERS,
        "1",
        "Share of the traces that begin here which are exported, 0 to 1; one that came is exported as who began it says.",
    ),
];

/// Where traces go. There are none of these where nothing is exported.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TelemetrySettings {
    /// What the process is.
    pub(crate) service: &'static str,
    /// Which one of them.
    pub(crate) instance: String,
    /// The collector's base URL, without a slash at its end.
    pub(crate) endpoint: String,
    /// The share of traces that are exported, of those that begin here.
    pub(crate) sampling: f64,
}

impl TelemetrySettings {
    /// None where nothing is to be exported.
    pub(crate) fn from_environment(role: Role, environment: &Environment) -> Result<Option<Self>, ConfigError> {
        if environment.given("LENDING_OTLP_ENDPOINT").is_none_or(str::is_empty) {
            return Ok(None);
        }
        Ok(Some(Self {
            service: role.name(),
            instance: environment.text("LENDING_INSTANCE").to_owned(),
            endpoint: environment.base_url("LENDING_OTLP_ENDPOINT")?,
            sampling: environment.share("LENDING_OTLP_SAMPLING")?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(role: Role, extra: &[(&str, &str)]) -> Result<Option<TelemetrySettings>, ConfigError> {
        let needed: &[(&str, &str)] = match role {
            Role::Rail => &[("LENDING_DATA", "/data")],
            _ => &[("LENDING_DATABASE_URL", "postgres://postgres@db/x"), ("LENDING_SERVICE", "servicing")],
        };
        let pairs = needed.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        TelemetrySettings::from_environment(role, &Environment::read(role, pairs)?)
    }

    #[test]
    fn nothing_is_exported_unless_there_is_somewhere_to() {
        assert_eq!(read(Role::Rail, &[]), Ok(None));
        assert_eq!(read(Role::Rail, &[("LENDING_OTLP_ENDPOINT", "")]), Ok(None));
        assert_eq!(read(Role::Migrate, &[]), Ok(None), "a task has no such setting");
    }

    #[test]
    fn with_an_endpoint_every_trace_is_exported_under_the_roles_and_the_instances_name() {
        let given = [("LENDING_OTLP_ENDPOINT", "http://collector:4318"), ("LENDING_INSTANCE", "rail-1")];
        let settings = read(Role::Rail, &given).expect("sound").expect("an endpoint");
        assert_eq!((settings.service, settings.instance.as_str(), settings.sampling), ("rail", "rail-1", 1.0));
    }

    #[test]
    fn what_is_no_url_and_what_is_no_share_is_refused() {
        for (name, value) in [
            ("LENDING_OTLP_ENDPOINT", "collector:4318"),
            ("LENDING_OTLP_SAMPLING", "1.1"),
            ("LENDING_OTLP_SAMPLING", "NaN"),
            ("LENDING_OTLP_SAMPLING", "all"),
        ] {
            let endpoint = ("LENDING_OTLP_ENDPOINT", "http://collector:4318");
            let given: std::collections::BTreeMap<_, _> = [endpoint, (name, value)].into();
            let given: Vec<_> = given.into_iter().collect();
            assert!(matches!(read(Role::Rail, &given), Err(ConfigError::Invalid { .. })), "{name}={value}");
        }
    }
}
