//! Settings of Kafka's clients, and what they become in librdkafka's words.

use std::time::Duration;

use rdkafka::ClientConfig;

use super::setting::{KAFKA, PRODUCERS, Setting, optional, required};
use super::{ConfigError, Environment};

pub(crate) const SETTINGS: &[Setting] = &[
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
    optional(
        "LENDING_KAFKA_IN_FLIGHT",
        KAFKA,
        "1",
        "Requests on their way to one broker at once. A broker answers those of one connection one after the other, so \
         that more of them wait there; with one, records wait here, and go together.",
    ),
    optional("LENDING_KAFKA_QUEUE_MAX", KAFKA, "10000", "Records waiting in the producer before it refuses more."),
    optional(
        "LENDING_TRACE_PROPAGATION",
        PRODUCERS,
        "on",
        "Whether records say which trace they belong to: `on`, or `off`, which ends every trace at the first queue.",
    ),
];

/// As many requests of an idempotent producer do brokers remember, to know a repeat.
const IN_FLIGHT_MAX: usize = 5;

/// Who must have a record before it counts as published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acks {
    /// All in-sync replicas.
    All,
    /// The leader alone: what it had not passed on dies with it.
    Leader,
    /// Nobody.
    Nobody,
}

/// How Kafka is reached and what is asked of it.
#[derive(Debug, Clone)]
pub(crate) struct KafkaSettings {
    /// Bootstrap brokers.
    pub(crate) brokers: Vec<String>,
    /// This client's name in the brokers' logs.
    pub(crate) client_id: String,
    /// Who must have a record.
    pub(crate) acks: Acks,
    /// Whether brokers drop a producer's own repeats.
    pub(crate) idempotence: bool,
    /// How long a broker may take for one request.
    pub(crate) request_timeout: Duration,
    /// How long a record is tried.
    pub(crate) message_timeout: Duration,
    /// How long a silent connection is kept.
    pub(crate) socket_timeout: Duration,
    /// How often leaders are asked for.
    pub(crate) metadata_refresh: Duration,
    /// How long a record waits for company.
    pub(crate) linger: Duration,
    /// Requests on their way to one broker at once.
    pub(crate) in_flight: usize,
    /// Records waiting before more are refused.
    pub(crate) queue_max: usize,
    /// Whether records say which trace they belong to, and are believed.
    pub(crate) trace_propagation: bool,
}

impl KafkaSettings {
    /// For a server, whose instance's name is the client's.
    pub(crate) fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let trace_propagation = environment.switch("LENDING_TRACE_PROPAGATION")?;
        Ok(Self { trace_propagation, ..Self::of_client(environment, environment.text("LENDING_INSTANCE"))? })
    }

    /// For a client with this name.
    pub(super) fn of_client(environment: &Environment, client_id: &str) -> Result<Self, ConfigError> {
        let acks = [("all", Acks::All), ("1", Acks::Leader), ("0", Acks::Nobody)];
        let settings = Self {
            brokers: environment.addresses("LENDING_KAFKA")?,
            client_id: client_id.to_owned(),
            acks: environment.choice("LENDING_KAFKA_ACKS", &acks)?,
            idempotence: environment.parsed("LENDING_KAFKA_IDEMPOTENCE")?,
            request_timeout: environment.duration("LENDING_KAFKA_REQUEST_TIMEOUT")?,
            message_timeout: environment.duration("LENDING_KAFKA_MESSAGE_TIMEOUT")?,
            socket_timeout: environment.duration("LENDING_KAFKA_SOCKET_TIMEOUT")?,
            metadata_refresh: environment.duration("LENDING_KAFKA_METADATA_REFRESH")?,
            linger: environment.duration("LENDING_KAFKA_LINGER")?,
            in_flight: environment.count("LENDING_KAFKA_IN_FLIGHT")?,
            queue_max: environment.count("LENDING_KAFKA_QUEUE_MAX")?,
            trace_propagation: true,
        };
        if settings.idempotence && settings.acks != Acks::All {
            return Err(environment.invalid("LENDING_KAFKA_IDEMPOTENCE", "needs LENDING_KAFKA_ACKS=all"));
        }
        if settings.idempotence && settings.in_flight > IN_FLIGHT_MAX {
            let reason = "must be at most 5 with LENDING_KAFKA_IDEMPOTENCE=true: brokers remember no more requests";
            return Err(environment.invalid("LENDING_KAFKA_IN_FLIGHT", reason));
        }
        Ok(settings)
    }

    /// What every client needs. librdkafka's own defaults keep a stale leader for minutes and a refused
    /// connection for 10 s.
    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", self.brokers.join(","))
            .set("client.id", &self.client_id)
            .set("socket.timeout.ms", millis(self.socket_timeout))
            .set("socket.keepalive.enable", "true")
            .set("socket.nagle.disable", "true")
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "500")
            .set("topic.metadata.refresh.interval.ms", millis(self.metadata_refresh))
            .set("topic.metadata.refresh.fast.interval.ms", "100");
        config
    }

    /// The configuration of a consumer, by the name of its group. It begins where the log does, and what it has read
    /// counts as read only where the caller says so.
    pub(crate) fn consumer(&self, group: &str) -> ClientConfig {
        let mut config = self.client();
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("allow.auto.create.topics", "false");
        config
    }

    /// A producer's configuration. Keys go to the same partitions as with the Java clients.
    pub(crate) fn producer(&self) -> ClientConfig {
        let acks = match self.acks {
            Acks::All => "all",
            Acks::Leader => "1",
            Acks::Nobody => "0",
        };
        let mut config = self.client();
        config
            .set("acks", acks)
            .set("enable.idempotence", self.idempotence.to_string())
            .set("partitioner", "murmur2_random")
            .set("request.timeout.ms", millis(self.request_timeout))
            .set("message.timeout.ms", millis(self.message_timeout))
            // A dead letter is larger than the record by its headers, and must not be refused for that; how large a
            // record may be is the topics' to say.
            .set("message.max.bytes", "2000000")
            .set("linger.ms", millis(self.linger))
            .set("max.in.flight.requests.per.connection", self.in_flight.to_string())
            .set("queue.buffering.max.messages", self.queue_max.to_string());
        config
    }
}

/// A duration as librdkafka's settings have it.
pub(crate) fn millis(duration: Duration) -> String {
    duration.as_millis().to_string()
}
