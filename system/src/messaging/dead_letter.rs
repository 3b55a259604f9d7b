//! A dead letter: a record that some group could do nothing with, as it was, with what is known about it in headers
//! behind its own.

use rdkafka::Message;
use rdkafka::message::{Header, Headers, OwnedHeaders, OwnedMessage};

use super::producer::{Record, Trace};
use super::topic;
use crate::config::kafka::{Acks, KafkaSettings};

/// The headers of a dead letter, in their order behind the record's own.
const NAMES: [&str; 6] = ["reason", "topic", "partition", "offset", "group", "instance"];
/// How often a record was put back.
pub(crate) const REPLAYED: &str = "replayed";

/// The log takes a dead letter for certain or not at all, whatever the service takes for acknowledged elsewhere.
pub(crate) fn producer_settings(kafka: &KafkaSettings) -> KafkaSettings {
    KafkaSettings { acks: Acks::All, idempotence: true, ..kafka.clone() }
}

/// A header with its value, which may be missing.
type Pair = (String, Option<Vec<u8>>);

/// A record that somebody could do nothing with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeadLetter {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    /// The record's own headers.
    pub(crate) headers: Vec<Pair>,
    pub(crate) reason: String,
    /// Where it came from.
    pub(crate) topic: String,
    pub(crate) partition: String,
    pub(crate) offset: String,
    /// Who could do nothing with it.
    pub(crate) group: String,
    pub(crate) instance: String,
}

impl DeadLetter {
    /// What is known about `record`, which `group` could do nothing with for `reason`.
    pub(crate) fn of(record: &OwnedMessage, reason: &str, group: &str, instance: &str) -> Self {
        Self {
            key: record.key().map(<[u8]>::to_vec),
            value: record.payload().map(<[u8]>::to_vec),
            headers: pairs(record),
            reason: reason.to_owned(),
            topic: record.topic().to_owned(),
            partition: record.partition().to_string(),
            offset: record.offset().to_string(),
            group: group.to_owned(),
            instance: instance.to_owned(),
        }
    }

    /// Reads a record of the dead letters; none where its last headers are not those of one. The record's own headers
    /// may have the same names, so only the last ones count.
    pub(crate) fn read(record: &OwnedMessage) -> Option<Self> {
        let mut headers = pairs(record);
        let own = headers.len().checked_sub(NAMES.len())?;
        let about = headers.split_off(own);
        let mut values = Vec::with_capacity(NAMES.len());
        for ((name, value), expected) in about.into_iter().zip(NAMES) {
            if name != expected {
                return None;
            }
            values.push(String::from_utf8(value?).ok()?);
        }
        let [reason, topic, partition, offset, group, instance] = values.try_into().ok()?;
        let (key, value) = (record.key().map(<[u8]>::to_vec), record.payload().map(<[u8]>::to_vec));
        Some(Self { key, value, headers, reason, topic, partition, offset, group, instance })
    }

    /// The record for the dead letters.
    pub(crate) fn record(&self) -> Record<'_> {
        let about = [&self.reason, &self.topic, &self.partition, &self.offset, &self.group, &self.instance];
        let mut headers = owned(&self.headers);
        for (key, value) in NAMES.into_iter().zip(about) {
            headers = headers.insert(Header { key, value: Some(value) });
        }
        self.with(topic::DEAD_LETTERS, headers)
    }

    /// The record as it was, for the topic that it came from, with one more in the header `replayed`.
    pub(crate) fn replayed(&self) -> Record<'_> {
        let count = |value: &Option<Vec<u8>>| std::str::from_utf8(value.as_deref()?).ok()?.parse::<u32>().ok();
        let before = self.headers.iter().find(|(name, _)| name == REPLAYED).and_then(|(_, value)| count(value));
        let own: Vec<_> = self.headers.iter().filter(|(name, _)| name != REPLAYED).cloned().collect();
        let times = before.unwrap_or(0).saturating_add(1).to_string();
        let headers = owned(&own).insert(Header { key: REPLAYED, value: Some(&times) });
        self.with(&self.topic, headers)
    }

    fn with<'a>(&'a self, topic: &'a str, headers: OwnedHeaders) -> Record<'a> {
        let (key, value) = (self.key.as_deref(), self.value.as_deref());
        Record { topic, key, value, headers, trace: Trace::AsItWas }
    }
}

fn pairs(record: &OwnedMessage) -> Vec<Pair> {
    let headers = record.headers().into_iter().flat_map(Headers::iter);
    headers.map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect()
}

fn owned(pairs: &[Pair]) -> OwnedHeaders {
    let headers = OwnedHeaders::new_with_capacity(pairs.len() + NAMES.len());
    pairs.iter().fold(headers, |headers, (key, value)| headers.insert(Header { key, value: value.as_deref() }))
}

#[cfg(test)]
mod tests {
    use rdkafka::Timestamp;

    use super::*;

    fn record(headers: &[(&str, Option<&str>)]) -> OwnedMessage {
        let headers = headers
            .iter()
            .fold(OwnedHeaders::new(), |headers, (key, value)| headers.insert(Header { key, value: *value }));
        let (value, key) = (Some(b"poison".to_vec()), Some(b"key".to_vec()));
        OwnedMessage::new(value, key, "commands".to_owned(), Timestamp::NotAvailable, 3, 17, Some(headers))
    }

    fn message(record: &Record<'_>) -> OwnedMessage {
        let (value, key) = (record.value.map(<[u8]>::to_vec), record.key.map(<[u8]>::to_vec));
        let headers = Some(record.headers.clone());
        OwnedMessage::new(value, key, record.topic.to_owned(), Timestamp::NotAvailable, 0, 0, headers)
    }

    #[test]
    fn a_dead_letter_is_read_as_it_was_written() {
        let poison = record(&[("traceparent", Some("00-1")), ("topic", Some("its own")), ("empty", None)]);
        let letter = DeadLetter::of(&poison, "no event", "servicing", "servicing-2");
        let written = message(&letter.record());
        assert_eq!(written.topic(), "dead-letters");
        assert_eq!(DeadLetter::read(&written), Some(letter));
    }

    #[test]
    fn a_record_without_the_headers_of_a_dead_letter_is_none() {
        assert_eq!(DeadLetter::read(&record(&[("reason", Some("no event"))])), None);
        let other = NAMES.map(|name| (if name == "group" { "team" } else { name }, Some("1")));
        assert_eq!(DeadLetter::read(&record(&other)), None);
    }

    #[test]
    fn a_record_is_put_back_as_it_was_and_counts_how_often() {
        let poison = record(&[("traceparent", Some("00-1")), ("topic", Some("its own"))]);
        let once = message(&DeadLetter::of(&poison, "no event", "g", "i").replayed());
        assert_eq!((once.topic(), once.key(), once.payload()), ("commands", poison.key(), poison.payload()));
        let mut expected = pairs(&poison);
        expected.push((REPLAYED.to_owned(), Some(b"1".to_vec())));
        assert_eq!(pairs(&once), expected);

        let twice = message(&DeadLetter::of(&once, "no event", "g", "i").replayed());
        expected.pop();
        expected.push((REPLAYED.to_owned(), Some(b"2".to_vec())));
        assert_eq!(pairs(&twice), expected);
    }
}
