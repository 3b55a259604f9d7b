//! The one table of settings: every variable that a role reads, its default and what it decides.

use crate::Role::{self, Bureau, Gateway, Migrate, Origination};

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

const fn required(name: &'static str, roles: &'static [Role], help: &'static str) -> Setting {
    Setting { name, roles, unset: Unset::Refused, help }
}

const fn optional(name: &'static str, roles: &'static [Role], default: &'static str, help: &'static str) -> Setting {
    Setting { name, roles, unset: Unset::Means(default), help }
}

const fn conditional(name: &'static str, roles: &'static [Role], help: &'static str) -> Setting {
    Setting { name, roles, unset: Unset::Allowed, help }
}

const ALL: &[Role] = &[Gateway, Origination, Bureau, Migrate];
const SERVERS: &[Role] = &[Gateway, Origination, Bureau];
const KAFKA: &[Role] = &[Gateway, Origination];

/// Every setting, grouped by what it is about. One that means something else to another role is there once for each.
pub(crate) const SETTINGS: &[Setting] = &[
    optional("LENDING_LOG", ALL, "info", "What is logged, as a tracing filter: `info,lending=debug`."),
    optional("LENDING_LISTEN", SERVERS, "0.0.0.0:8080", "Address and port of the HTTP server."),
    optional("LENDING_INSTANCE", SERVERS, "lending-1", "This instance's name in logs, in Kafka and in leases."),
    optional("LENDING_SHUTDOWN_TIMEOUT", SERVERS, "12s", "How long a SIGTERM waits for what is in flight."),
    // Kafka
    required("LENDING_KAFKA", KAFKA, "Bootstrap brokers, host:port separated by commas."),
    optional(
        "LENDING_KAFKA_ACKS",
        KAFKA,
        "all",
        "Who must have a record before it counts as published: `all` in-sync replicas, or `1`, or `0`.",
    ),
    optional(
        "LENDING_KAFKA_IDEMPOTENCE",
        KAFKA,
        "true",
        "Whether brokers drop a producer's own repeats and keep its order; needs acks=all.",
    ),
    optional("LENDING_KAFKA_REQUEST_TIMEOUT", KAFKA, "3s", "How long a broker may take to acknowledge one request."),
    optional("LENDING_KAFKA_MESSAGE_TIMEOUT", KAFKA, "8s", "How long a record is tried before its fate is unknown."),
    optional("LENDING_KAFKA_SOCKET_TIMEOUT", KAFKA, "3s", "How long a silent broker connection is kept."),
    optional(
        "LENDING_KAFKA_METADATA_REFRESH",
        KAFKA,
        "2s",
        "How often leaders are asked for; bounds the time on a stale one.",
    ),
    optional("LENDING_KAFKA_LINGER", KAFKA, "2ms", "How long a record waits for company in its batch."),
    optional("LENDING_KAFKA_QUEUE_MAX", KAFKA, "10000", "Records waiting in the producer before it refuses more."),
    optional("LENDING_KAFKA_SESSION_TIMEOUT", &[Origination], "6s", "How long a silent consumer keeps its partitions."),
    // The gateway
    required("LENDING_REDIS_URL", &[Gateway], "Where answers are remembered by Idempotency-Key."),
    optional(
        "LENDING_REDIS_TIMEOUT",
        &[Gateway],
        "200ms",
        "How long Redis may take before the gateway goes on without.",
    ),
    optional("LENDING_IDEMPOTENCY_TTL", &[Gateway], "24h", "How long an answer is replayed."),
    optional(
        "LENDING_IDEMPOTENCY_RESERVATION",
        &[Gateway],
        "15s",
        "How long a key stays reserved when its gateway dies; longer than the message timeout.",
    ),
    required("LENDING_ORIGINATION", &[Gateway], "Instances of origination, host:port separated by commas."),
    optional("LENDING_ORIGINATION_TIMEOUT", &[Gateway], "3s", "How long origination may take to answer a read."),
    optional("LENDING_IN_FLIGHT_MAX", &[Gateway], "4096", "Requests in work before the gateway sheds load."),
    optional("LENDING_BODY_MAX", &[Gateway], "16384", "Bytes of a request body."),
    optional(
        "LENDING_INTAKE",
        &[Gateway],
        "log-first",
        "Who hears of an application first: `log-first`, or `database-first`, which makes every client wait for PostgreSQL.",
    ),
    conditional(
        "LENDING_DATABASE_URL",
        &[Gateway],
        "The PostgreSQL database of `LENDING_INTAKE=database-first`, which needs it.",
    ),
    optional(
        "LENDING_DATABASE_CONNECTIONS",
        &[Gateway],
        "8",
        "Connections kept open, with `LENDING_INTAKE=database-first`.",
    ),
    optional("LENDING_DATABASE_ACQUIRE_TIMEOUT", &[Gateway], "3s", "How long a connection is waited for there."),
    optional(
        "LENDING_DATABASE_TIMEOUT",
        &[Gateway],
        "6s",
        "How long the row may take there, the wait for a connection included; shorter than a client waits.",
    ),
    // The database
    required("LENDING_DATABASE_URL", &[Origination, Migrate], "The service's own PostgreSQL database."),
    optional("LENDING_DATABASE_CONNECTIONS", &[Origination], "8", "Connections in the pool."),
    optional("LENDING_DATABASE_ACQUIRE_TIMEOUT", &[Origination], "10s", "How long a connection is waited for."),
    optional(
        "LENDING_DATABASE_TIMEOUT",
        &[Origination],
        "20s",
        "How long one transaction may take with its round trips; some seconds of latency on the way must fit.",
    ),
    // Intake
    optional(
        "LENDING_COMMIT",
        &[Origination],
        "after-effect",
        "When offsets are committed: `after-effect`, or `before-effect`, which loses what a crash interrupts.",
    ),
    optional(
        "LENDING_DEDUP",
        &[Origination],
        "inbox",
        "How repeats are recognised: `inbox`, or `none`, which stores them again.",
    ),
    optional("LENDING_BATCH_MAX", &[Origination], "500", "Records stored in one transaction."),
    optional("LENDING_BATCH_LINGER", &[Origination], "5ms", "How long a batch waits for more records."),
    // Decisions
    required("LENDING_BUREAU_URL", &[Origination], "The credit bureau."),
    optional("LENDING_BUREAU_TIMEOUT", &[Origination], "2s", "How long the bureau may take for one answer."),
    optional(
        "LENDING_BUREAU_ATTEMPTS",
        &[Origination],
        "3",
        "Calls for one decision before its lease is left to expire.",
    ),
    optional("LENDING_BUREAU_CONCURRENCY", &[Origination], "64", "Calls to the bureau at once, per instance."),
    optional("LENDING_DECISION_CLAIM_MAX", &[Origination], "256", "Applications claimed at once, per instance."),
    optional(
        "LENDING_DECISION_LEASE",
        &[Origination],
        "10s",
        "How long a claimed application is left to its instance before another takes it.",
    ),
    optional("LENDING_APPROVAL_SCORE", &[Origination], "410", "The lowest score that is approved, of 300 to 850."),
    // Events
    optional(
        "LENDING_PUBLISH",
        &[Origination],
        "outbox",
        "How events leave: `outbox`, or `dual-write`, which publishes after the commit and loses what a crash interrupts.",
    ),
    optional("LENDING_RELAY_BATCH_MAX", &[Origination], "500", "Outbox rows published before the cursor moves."),
    optional(
        "LENDING_RELAY_LEASE",
        &[Origination],
        "15s",
        "How long a silent relay keeps its shard; longer than the message timeout, by what the database may take.",
    ),
    // The bureau
    optional("LENDING_BUREAU_LATENCY_P50", &[Bureau], "15ms", "The median of the log-normal latency."),
    optional("LENDING_BUREAU_LATENCY_P99", &[Bureau], "120ms", "Its 99th percentile."),
];

/// The table in Markdown, as the README has it.
pub(crate) fn table() -> String {
    let mut text = String::from("| setting | roles | default | what it decides |\n| --- | --- | --- | --- |\n");
    for setting in SETTINGS {
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
        for setting in SETTINGS {
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
