//! Reads a role's variables, fills in defaults and refuses what no setting knows.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use super::setting::{Unset, settings};
use super::span::parse_duration;
use crate::Role;

const PREFIX: &str = "LENDING_";

/// What is wrong with the environment.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum ConfigError {
    /// A variable with the prefix that no setting of this role has.
    #[error("the environment has {name}, which is no setting of {role}; `lending settings` lists them")]
    Unknown {
        /// The variable.
        name: String,
        /// The role that does not know it.
        role: &'static str,
    },
    /// A setting without a default is not there.
    #[error("the environment lacks {name}, which {role} needs")]
    Missing {
        /// The variable.
        name: &'static str,
        /// The role that needs it.
        role: &'static str,
    },
    /// A setting that another one makes necessary is not there.
    #[error("the environment lacks {name}, which {because} needs")]
    MissingFor {
        /// The variable.
        name: &'static str,
        /// The setting that needs it, with its value.
        because: &'static str,
    },
    /// A value cannot be understood, or contradicts another.
    #[error("{name} is {value:?}: {reason}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// Its value, with passwords hidden.
        value: String,
        /// What it should be.
        reason: String,
    },
}

/// A role's settings as text, complete and known, not yet parsed.
pub(crate) struct Environment {
    values: BTreeMap<&'static str, String>,
}

impl Environment {
    /// Takes what `role` reads out of `variables`.
    pub(crate) fn read(role: Role, variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let mut given: BTreeMap<String, String> =
            variables.into_iter().filter(|(name, _)| name.starts_with(PREFIX)).collect();
        let known = || settings().filter(|setting| setting.roles.contains(&role));
        // First, for a name that is misspelt is why another one is missing.
        if let Some(name) = given.keys().find(|name| !known().any(|setting| setting.name == *name)) {
            return Err(ConfigError::Unknown { name: name.clone(), role: role.name() });
        }
        let mut values = BTreeMap::new();
        for setting in known() {
            let value = match (given.remove(setting.name), setting.unset) {
                (Some(value), _) => value,
                (None, Unset::Means(default)) => default.to_owned(),
                (None, Unset::Refused) => {
                    return Err(ConfigError::Missing { name: setting.name, role: role.name() });
                }
                (None, Unset::Allowed) => continue,
            };
            values.insert(setting.name, value);
        }
        Ok(Self { values })
    }

    /// The settings as they are printed at start: secrets, and passwords in URLs, are hidden.
    pub(crate) fn printed(&self) -> BTreeMap<&'static str, String> {
        self.values.iter().map(|(name, value)| (*name, shown(name, value))).collect()
    }

    /// That a setting which may be left out is there, where `because` needs it.
    pub(crate) fn needs(&self, name: &'static str, because: &'static str) -> Result<(), ConfigError> {
        match self.values.contains_key(name) {
            true => Ok(()),
            false => Err(ConfigError::MissingFor { name, because }),
        }
    }

    /// The text of a setting that may be left out.
    pub(crate) fn given(&self, name: &'static str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The text of a setting. A name that this role's table does not have, or one that may be left out and was not
    /// asked for by [`Self::needs`], is a defect of the caller.
    pub(crate) fn text(&self, name: &'static str) -> &str {
        match self.values.get(name) {
            Some(value) => value,
            None => unreachable!("{name} is not in the table of settings for this role"),
        }
    }

    /// A setting through its type's own parser.
    pub(crate) fn parsed<T>(&self, name: &'static str) -> Result<T, ConfigError>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.text(name).parse().map_err(|error: T::Err| self.invalid(name, &error.to_string()))
    }

    /// A setting that counts something: at least one.
    pub(crate) fn count(&self, name: &'static str) -> Result<usize, ConfigError> {
        match self.parsed(name)? {
            0 => Err(self.invalid(name, "must be at least 1")),
            count => Ok(count),
        }
    }

    /// A setting that is a share of a whole: from 0 to 1.
    pub(crate) fn share(&self, name: &'static str) -> Result<f64, ConfigError> {
        let share: f64 = self.parsed(name)?;
        match (0.0..=1.0).contains(&share) {
            true => Ok(share),
            false => Err(self.invalid(name, "must be from 0 to 1")),
        }
    }

    /// A setting that is a duration with its unit, such as `"15ms"`.
    pub(crate) fn duration(&self, name: &'static str) -> Result<Duration, ConfigError> {
        parse_duration(self.text(name)).map_err(|reason| self.invalid(name, &reason))
    }

    /// A setting that is on or off.
    pub(crate) fn switch(&self, name: &'static str) -> Result<bool, ConfigError> {
        self.choice(name, &[("on", true), ("off", false)])
    }

    /// A setting with a closed set of values.
    pub(crate) fn choice<T: Copy>(&self, name: &'static str, choices: &[(&'static str, T)]) -> Result<T, ConfigError> {
        let value = self.text(name);
        choices.iter().find(|(text, _)| *text == value).map(|(_, choice)| *choice).ok_or_else(|| {
            let known: Vec<_> = choices.iter().map(|(text, _)| *text).collect();
            self.invalid(name, &format!("must be one of {}", known.join(", ")))
        })
    }

    /// A setting that lists host:port pairs.
    pub(crate) fn addresses(&self, name: &'static str) -> Result<Vec<String>, ConfigError> {
        let addresses: Vec<String> = self.text(name).split(',').map(|part| part.trim().to_owned()).collect();
        let sound = |address: &String| {
            address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        };
        match addresses.iter().all(sound) {
            true => Ok(addresses),
            false => Err(self.invalid(name, "must be host:port, several separated by commas")),
        }
    }

    /// A setting that is the URL of something that speaks HTTP.
    pub(crate) fn http_url(&self, name: &'static str) -> Result<reqwest::Url, ConfigError> {
        let url: reqwest::Url = self.parsed(name)?;
        match url.scheme() {
            "http" | "https" => Ok(url),
            _ => Err(self.invalid(name, "must start with http:// or https://")),
        }
    }

    /// The same without a slash at its end, for paths to be put behind it.
    pub(crate) fn base_url(&self, name: &'static str) -> Result<String, ConfigError> {
        Ok(self.http_url(name)?.as_str().trim_end_matches('/').to_owned())
    }

    /// A setting that is the URL of a Redis server, as the way to it. Nothing is connected yet.
    pub(crate) fn redis(&self, name: &'static str) -> Result<redis::Client, ConfigError> {
        redis::Client::open(self.text(name)).map_err(|error| self.invalid(name, &error.to_string()))
    }

    /// An error about `name` that shows its value, as far as it is no secret.
    pub(crate) fn invalid(&self, name: &'static str, reason: &str) -> ConfigError {
        ConfigError::Invalid { name, value: shown(name, self.text(name)), reason: reason.to_owned() }
    }
}

/// A value as it may be seen: one whose name says that it is a secret is not.
fn shown(name: &str, value: &str) -> String {
    if name.ends_with("_SECRET") { "***".to_owned() } else { without_password(value) }
}

/// Hides the password of a URL: `postgres://user:secret@host` becomes `postgres://user:***@host`.
fn without_password(value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://") else { return value.to_owned() };
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let hidden = match authority.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((name, _)) => format!("{name}:***@{host}"),
            None => authority.to_owned(),
        },
        None => authority.to_owned(),
    };
    format!("{scheme}://{hidden}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn an_unknown_variable_with_the_prefix_is_refused() {
        let error = Environment::read(Role::Bureau, variables(&[("LENDING_LISTN", "x")])).err();
        assert_eq!(error, Some(ConfigError::Unknown { name: "LENDING_LISTN".to_owned(), role: "bureau" }));
    }

    #[test]
    fn a_setting_of_another_role_is_refused() {
        let given = variables(&[("LENDING_KAFKA_ACKS", "all")]);
        assert!(matches!(Environment::read(Role::Bureau, given), Err(ConfigError::Unknown { .. })));
    }

    #[test]
    fn variables_without_the_prefix_are_nobodys_business() {
        let needed = [("LENDING_SERVICE", "origination"), ("LENDING_DATABASE_URL", "postgres://db/x")];
        let given = variables(&[&needed[..], &[("PATH", "/bin")]].concat());
        assert!(Environment::read(Role::Migrate, given).is_ok());
    }

    #[test]
    fn a_missing_setting_without_default_is_named() {
        let error = Environment::read(Role::Migrate, []).err();
        assert_eq!(error, Some(ConfigError::Missing { name: "LENDING_DATABASE_URL", role: "migrate" }));
    }

    #[test]
    fn passwords_are_hidden_where_settings_are_printed() {
        let given = variables(&[
            ("LENDING_DATABASE_URL", "postgres://me:s3:cr@et@db:5432/x"),
            ("LENDING_SERVICE", "origination"),
        ]);
        let printed = Environment::read(Role::Migrate, given).expect("complete").printed();
        assert_eq!(printed["LENDING_DATABASE_URL"], "postgres://me:***@db:5432/x");
        assert_eq!(without_password("redis://cache:6379"), "redis://cache:6379");
        assert_eq!(without_password("redis://:pw@cache:6379"), "redis://:***@cache:6379");
    }

    #[test]
    fn a_secret_is_hidden_whatever_it_is() {
        let given = variables(&[
            ("LENDING_IDENTITY_CLIENTS", "a=b"),
            ("LENDING_IDENTITY_SECRET", "hunter22"),
            ("LENDING_IDENTITY_ADMIN_SECRET", "hunter23"),
            ("LENDING_REDIS_URL", "redis://cache:6379"),
            ("LENDING_DATA", "/data"),
        ]);
        let environment = Environment::read(Role::Identity, given).expect("complete");
        let printed = format!("{:?}", environment.printed());
        assert!(!printed.contains("hunter"), "{printed}");
        assert!(!environment.invalid("LENDING_IDENTITY_SECRET", "is wrong").to_string().contains("hunter"));
    }

    #[test]
    fn a_list_of_addresses_needs_a_port_on_each() {
        let read = |list| {
            let given = variables(&[
                ("LENDING_KAFKA", "k:1"),
                ("LENDING_REDIS_URL", "redis://r"),
                ("LENDING_ORIGINATION", list),
                ("LENDING_IDENTITY_URL", "http://i"),
                ("LENDING_CUSTOMERS", "c:1"),
                ("LENDING_SERVICING", "s:1"),
            ]);
            Environment::read(Role::Gateway, given).expect("complete").addresses("LENDING_ORIGINATION")
        };
        assert_eq!(read("a:1, b:2"), Ok(vec!["a:1".to_owned(), "b:2".to_owned()]));
        assert!(read("a:1,b").is_err());
        assert!(read("").is_err());
    }
}
