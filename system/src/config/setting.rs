//! The one table of settings: every variable that a role reads, its default and what it decides.

use super::{
    bureau, customers, database, gateway, identity, kafka, messaging, migrate, origination, rail, server, servicing,
    telemetry,
};
use crate::Role::{self, Bureau, Customers, Gateway, Identity, Migrate, Origination, Rail, Replay, Seed, Servicing};

/// A setting: an environment variable with the prefix `LENDING_`.
pub(crate) struct Setting {
    /// The variable's whole name.
    pub(crate) name: &'static str,
    /// The roles that read it; every other role refuses it.
    pub(crate) roles: &'static [Role],
    /// What holds where the variable is not set.
    pub(crate) unset: Unset,
    /// What it decides, in one sentence.
    pub(crate) help: &'static str,
}

/// What it means that a variable is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unset {
    /// The role cannot start.
    Refused,
    /// The same as this value.
    Means(&'static str),
    /// Nothing, unless another setting needs it.
    Allowed,
}

pub(super) const fn required(name: &'static str, roles: &'static [Role], help: &'static str) -> Setting {
    Setting { name, roles, unset: Unset::Refused, help }
}

pub(super) const fn optional(
    name: &'static str,
    roles: &'static [Role],
    default: &'static str,
    help: &'static str,
) -> Setting {
    Setting { name, roles, unset: Unset::Means(default), help }
}

pub(super) const fn conditional(name: &'static str, roles: &'static [Role], help: &'static str) -> Setting {
    Setting { name, roles, unset: Unset::Allowed, help }
}

/// Whoever can be started.
pub(super) const ALL: &[Role] =
    &[Gateway, Customers, Origination, Servicing, Bureau, Rail, Identity, Migrate, Seed, Replay];
/// Whoever serves HTTP.
pub(super) const SERVERS: &[Role] = &[Gateway, Customers, Origination, Servicing, Bureau, Rail, Identity];
/// Whoever puts records of its own into the log.
pub(super) const PRODUCERS: &[Role] = &[Gateway, Customers, Origination, Servicing];
/// Whoever talks to Kafka.
pub(super) const KAFKA: &[Role] = &[Gateway, Customers, Origination, Servicing, Replay];
/// The owners of state: each has a database, an inbox and an outbox.
pub(super) const OWNERS: &[Role] = &[Customers, Origination, Servicing];
/// Whoever has a database of its own.
pub(super) const DATABASES: &[Role] = &[Customers, Origination, Servicing, Migrate, Seed];

/// Every setting, grouped by what it is about. One that means something else to another role is there once for each.
const GROUPS: &[&[Setting]] = &[
    server::SETTINGS,
    telemetry::SETTINGS,
    kafka::SETTINGS,
    database::SETTINGS,
    messaging::SETTINGS,
    gateway::SETTINGS,
    customers::SETTINGS,
    origination::SETTINGS,
    servicing::SETTINGS,
    bureau::SETTINGS,
    identity::SETTINGS,
    rail::SETTINGS,
    migrate::SETTINGS,
];

/// Every setting.
pub(crate) fn settings() -> impl Iterator<Item = &'static Setting> {
    GROUPS.iter().copied().flatten()
}

/// The table in Markdown, as the README has it.
pub(crate) fn table() -> String {
    let mut text = String::from("| setting | roles | default | what it decides |\n| --- | --- | --- | --- |\n");
    for setting in settings() {
        let roles: Vec<_> = setting.roles.iter().map(|role| role.name()).collect();
        let default = match setting.unset {
            Unset::Refused => "required".to_owned(),
            Unset::Means(default) => format!("`{default}`"),
            Unset::Allowed => "none".to_owned(),
        };
        text.push_str(&format!("| `{}` | {} | {default} | {} |\n", setting.name, roles.join(", "), setting.help));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_prefix_and_are_unique_for_each_role() {
        let mut seen = std::collections::BTreeSet::new();
        for setting in settings() {
            assert!(setting.name.starts_with("LENDING_"), "{}", setting.name);
            for role in setting.roles {
                assert!(
                    seen.insert((setting.name, role.name())),
                    "{} is there twice for {}",
                    setting.name,
                    role.name()
                );
            }
        }
    }

    #[test]
    fn the_readme_has_the_table_as_the_code_has_it() {
        assert!(
            include_str!("../../README.md").contains(&table()),
            "run `lending settings` and paste it into README.md"
        );
    }
}
