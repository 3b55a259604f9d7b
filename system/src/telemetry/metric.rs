//! The one table of metrics: every family, its labels, who tells it and what it says.
//!
//! By the RED method a route, a consumer and a call of a dependency each have a rate, errors and a duration; beside them
//! stand what waits (lag, backlog, age) and what a role counts of its own.

use crate::Role::{self, Bureau, Customers, Gateway, Identity, Origination, Rail, Servicing};

/// A family of metrics.
pub(crate) struct Metric {
    /// Its name in Prometheus' exposition.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) labels: &'static [&'static str],
    /// Who tells it.
    pub(crate) roles: &'static [Role],
    /// What it says, in one sentence.
    pub(crate) help: &'static str,
}

/// What can be done with a metric's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Seconds, in buckets.
    Histogram,
}

impl Kind {
    /// Its name in the exposition, and of the macro that tells it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

const SERVERS: &[Role] = &[Gateway, Customers, Origination, Servicing, Bureau, Rail, Identity];
/// Whoever consumes the log.
const OWNERS: &[Role] = &[Customers, Origination, Servicing];
/// Whoever appends to it.
const PRODUCERS: &[Role] = &[Gateway, Customers, Origination, Servicing];

const fn counter(
    name: &'static str,
    labels: &'static [&'static str],
    roles: &'static [Role],
    help: &'static str,
) -> Metric {
    Metric { name, kind: Kind::Counter, labels, roles, help }
}

const fn gauge(
    name: &'static str,
    labels: &'static [&'static str],
    roles: &'static [Role],
    help: &'static str,
) -> Metric {
    Metric { name, kind: Kind::Gauge, labels, roles, help }
}

const fn histogram(
    name: &'static str,
    labels: &'static [&'static str],
    roles: &'static [Role],
    help: &'static str,
) -> Metric {
    Metric { name, kind: Kind::Histogram, labels, roles, help }
}

/// Every family.
#[rustfmt::skip]
pub(crate) const METRICS: &[Metric] = &[
    counter("lending_http_requests_total", &["route", "method", "status"], SERVERS, "Requests answered."),
    histogram("lending_http_request_duration_seconds", &["route", "method"], SERVERS, "How long they took."),
    counter("lending_spans_exported_total", &[], SERVERS, "Spans that the collector took."),
    counter("lending_spans_dropped_total", &["reason"], SERVERS, "Spans that it did not get."),

    counter("lending_records_applied_total", &["group"], OWNERS, "Records of the log that had their effect."),
    counter("lending_batches_applied_total", &["group"], OWNERS, "Batches of them, a transaction each."),
    counter("lending_batches_retried_total", &["group"], OWNERS, "Tries that failed and were repeated."),
    histogram("lending_batch_duration_seconds", &["group", "result"], OWNERS, "How long a try of a batch took, by what came of it: `applied`, `failed`, or `refused` for its data."),
    counter("lending_poison_records_total", &["group", "topic"], OWNERS, "Records that could have no effect."),
    gauge("lending_consumer_lag", &["group", "topic", "partition"], OWNERS, "Records behind the committed offset, of the partitions that are this instance's."),

    gauge("lending_outbox_backlog", &["shard"], OWNERS, "Rows that are not published, of the shards that this instance holds."),
    gauge("lending_outbox_age_seconds", &["shard"], OWNERS, "The age of the oldest of them."),
    gauge("lending_relay_holding", &["shard"], OWNERS, "Whether this instance publishes the shard."),
    counter("lending_events_published_total", &[], OWNERS, "Rows of the outbox that the log acknowledged."),
    histogram("lending_kafka_publish_duration_seconds", &["topic", "result"], PRODUCERS, "How long an acknowledgement took: `acknowledged`, or `unconfirmed`."),
    counter("lending_producers_replaced_total", &[], PRODUCERS, "Producers that had failed for good."),

    gauge("lending_breaker_open", &["dependency"], &[Gateway, Origination, Servicing], "1 while a dependency is left alone: `redis`, a bureau, `rail`."),

    counter("lending_requests_shed_total", &[], &[Gateway], "Requests over the limit of those in work."),
    counter("lending_tokens_verified_total", &[], &[Gateway], "Tokens whose signature was verified."),
    counter("lending_keys_fetched_total", &["result"], &[Gateway], "Times that the identity provider was asked for its keys."),
    counter("lending_revocation_unasked_total", &["token"], &[Gateway], "Tokens taken without asking Redis about them."),
    counter("lending_redis_calls_total", &["result"], &[Gateway], "Questions to Redis: `ok`, `failed`, or `skipped` while its breaker is open."),
    counter("lending_owner_unavailable_total", &["owner"], &[Gateway], "Reads that no instance of the owner answered."),

    counter("lending_customer_commands_total", &["type", "result"], &[Customers], "Commands, by what came of them."),

    counter("lending_events_repeated_total", &[], &[Customers, Origination], "Events that the inbox knew already."),
    counter("lending_applications_stored_total", &[], &[Origination], "Applications that are new."),
    counter("lending_applications_repeated_total", &[], &[Origination], "Applications that were there under the same id."),
    counter("lending_stages_reached_total", &["stage"], &[Origination], "Applications that came to a stage."),
    counter("lending_commands_refused_total", &["command"], &[Origination], "Commands that did not fit the application's state."),
    counter("lending_timers_fired_total", &[], &[Origination], "Deadlines that came."),
    gauge("lending_directory_entries", &[], &[Origination], "Customers in the local copy."),
    gauge("lending_directory_last_change_age_seconds", &[], &[Origination], "How long ago it last heard of a change."),
    counter("lending_bureau_questions_total", &["bureau", "attempt"], &[Origination], "Questions asked: for the `first` time, or `again`."),
    histogram("lending_bureau_call_duration_seconds", &["bureau", "result"], &[Origination], "How long a call of a bureau took: `accepted`, or `failed`."),
    gauge("lending_bureau_requests_open", &["bureau"], &[Origination], "Questions whose reports are waited for."),

    counter("lending_loans_created_total", &[], &[Servicing], "Loans that are new."),
    counter("lending_loans_changed_total", &[], &[Servicing], "Changes of loans."),
    counter("lending_ledger_transactions_total", &[], &[Servicing], "Transactions booked."),
    counter("lending_commands_waiting_total", &[], &[Servicing], "Commands put aside until their loan is paid out."),
    counter("lending_instalments_overdue_total", &[], &[Servicing], "Instalments that fell due unpaid."),
    histogram("lending_rail_call_duration_seconds", &["result"], &[Servicing], "How long a call of the rail took: `answered`, or `unanswered`."),
    counter("lending_transfers_settled_total", &["state"], &[Servicing], "Transfers whose result was booked: `executed`, or `refused`."),
    counter("lending_transfers_unanswered_total", &[], &[Servicing], "Transfers that the rail is asked about again."),

    counter("lending_bureau_questions_taken_total", &[], &[Bureau], "Questions taken."),
    gauge("lending_bureau_open", &[], &[Bureau], "Questions that are to be answered."),
    counter("lending_bureau_callbacks_total", &["result"], &[Bureau], "Tries of callbacks: `taken`, `refused`, or `again`."),

    counter("lending_rail_transfers_total", &["state"], &[Rail], "Instructions decided: `executed`, or `refused`."),
    counter("lending_rail_repeats_total", &[], &[Rail], "Instructions that were known."),
    counter("lending_rail_syncs_total", &[], &[Rail], "Syncs of the journal."),

    counter("lending_tokens_total", &["result"], &[Identity], "Requests for a token: `issued`, or `refused`."),
    gauge("lending_revocations_untold", &[], &[Identity], "1 while Redis does not know all that is revoked."),
];

/// The table in Markdown, as the README has it.
pub(crate) fn table() -> String {
    let mut text = String::from("| metric | kind | labels | roles | what it says |\n| --- | --- | --- | --- | --- |\n");
    for metric in METRICS {
        let Metric { name, kind, labels, roles, help } = metric;
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        let roles: Vec<_> = roles.iter().map(|role| role.name()).collect();
        let (kind, labels, roles) = (kind.name(), labels.join(", "), roles.join(", "));
        text.push_str(&format!("| `{name}` | {kind} | {labels} | {roles} | {help} |\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// Name, kind and labels of a family.
    type Told = (String, &'static str, BTreeSet<String>);

    fn sources(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(std::fs::read_to_string(&path).expect("text"));
            }
        }
    }

    /// What a source tells by the macro of a kind: the text in each pair of brackets, which are closed by the first one
    /// that follows a label's value or the name.
    fn told(source: &str, kind: Kind) -> Vec<Told> {
        let start = format!("metrics::{}!(", kind.name());
        let calls = source.split(start.as_str()).skip(1);
        calls.map(|call| (name(call), kind.name(), labels(call))).collect()
    }

    fn name(call: &str) -> String {
        let name = call.trim_start().strip_prefix('"').and_then(|call| call.split_once('"'));
        name.unwrap_or_else(|| panic!("a metric's name is a literal, so that it is found here: {call:.60}"))
            .0
            .to_owned()
    }

    /// Labels are literals before an arrow, up to the end of the call.
    fn labels(call: &str) -> BTreeSet<String> {
        let mut depth = 1;
        let end = call.find(|character: char| {
            depth += match character {
                '(' => 1,
                ')' => -1,
                _ => 0,
            };
            depth == 0
        });
        let call = &call[..end.expect("it is closed")];
        let parts: Vec<_> = call.split("=>").collect();
        let before_arrows = parts.split_last().map_or(&[][..], |(_, before)| before);
        before_arrows.iter().filter_map(|part| part.rsplit('"').nth(1)).map(str::to_owned).collect()
    }

    #[test]
    fn the_table_has_what_the_sources_tell_and_nothing_else() {
        let mut texts = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut texts);
        let kinds = [Kind::Counter, Kind::Gauge, Kind::Histogram];
        let found: BTreeSet<Told> =
            texts.iter().flat_map(|text| kinds.map(|kind| told(text, kind))).flatten().collect();
        let expected: BTreeSet<Told> = METRICS
            .iter()
            .map(|metric| {
                let labels = metric.labels.iter().map(|label| (*label).to_owned()).collect();
                (metric.name.to_owned(), metric.kind.name(), labels)
            })
            .collect();
        let missing: Vec<_> = found.difference(&expected).collect();
        let stale: Vec<_> = expected.difference(&found).collect();
        assert!(missing.is_empty() && stale.is_empty(), "not in the table: {missing:?}; not in the sources: {stale:?}");
        assert_eq!(METRICS.len(), expected.len(), "a family is there once");
    }

    #[test]
    fn names_follow_the_conventions_of_prometheus() {
        for Metric { name, kind, .. } in METRICS {
            let sound = match kind {
                Kind::Counter => name.ends_with("_total"),
                Kind::Histogram => name.ends_with("_seconds"),
                Kind::Gauge => !name.ends_with("_total"),
            };
            assert!(sound && name.starts_with("lending_"), "{name}");
        }
    }

    #[test]
    fn the_readme_has_the_table_as_the_code_has_it() {
        let readme = include_str!("../../README.md");
        assert!(readme.contains(&table()), "run `lending metrics` and paste it into README.md");
    }
}
